//! Code spans, links and headings of Markdown.

use std::ops::Range;

/// Replaces the bytes of code spans, link targets and addresses by `x`. Positions stay the same.
pub fn masked(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut hide = |range: Range<usize>| bytes[range].fill(b'x');
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let mut next = at + c.len_utf8();
        if c == '`' {
            let ticks = rest.len() - rest.trim_start_matches('`').len();
            if let Some(length) = rest[ticks..].find(&rest[..ticks]) {
                hide(at + ticks..at + ticks + length);
                next = at + ticks + length + ticks;
            } else {
                next = at + ticks;
            }
        } else if rest.starts_with("](") {
            if let Some(target) = target(rest) {
                hide(at + 2..at + 2 + target.len());
                next = at + 2 + target.len();
            }
        } else if let Some(name) = rest.strip_prefix("][") {
            let length = name.find(']').unwrap_or(0);
            hide(at + 2..at + 2 + length);
            next = at + 2 + length;
        } else if rest.starts_with("https://") || rest.starts_with("http://") {
            let is_end = |c: char| c.is_whitespace() || matches!(c, ')' | '>' | '"' | '\'');
            let length = rest.find(is_end).unwrap_or(rest.len());
            hide(at..at + length);
            next = at + length;
        }
        at = next;
    }
    String::from_utf8(bytes).expect("whole characters are replaced")
}

/// Returns the target of a link whose text ends here: `a.md` for `](a.md)`.
fn target(rest: &str) -> Option<&str> {
    let mut depth = 0;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&rest[2..at]);
        }
    }
    None
}

/// Returns a target without title and angle brackets, as in `[text](<page.md> "title")`.
fn path(target: &str) -> &str {
    let path = target.split(' ').next().unwrap_or_default();
    path.trim_matches(['<', '>'])
}

/// Returns the targets of a line's links and images, without those in code spans.
pub fn targets(line: &str) -> Vec<&str> {
    let masked = masked(line);
    let links = masked.match_indices("](");
    let mut targets: Vec<_> = links
        .filter_map(|(at, _)| target(&line[at..]))
        .map(path)
        .collect();
    if line.starts_with('[')
        && let Some((_, target)) = line.split_once("]: ")
    {
        targets.push(target.trim());
    }
    targets
}

/// Returns the anchor that GitHub gives a heading: `a-code-span` for ``A `code` span``.
pub fn anchor(heading: &str) -> String {
    let mut text = String::new();
    let mut rest = heading;
    while let Some(at) = rest.find("](") {
        text.push_str(&rest[..at]);
        rest = target(&rest[at..]).map_or("", |target| &rest[at + 3 + target.len()..]);
    }
    text.push_str(rest);
    let kept = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let text: String = text
        .trim()
        .to_lowercase()
        .chars()
        .filter(|&c| kept(c))
        .collect();
    text.replace(' ', "-")
}

/// Returns a line with only the texts of its links.
pub fn without_targets(line: &str) -> String {
    let hidden = masked(line);
    let mut text = String::new();
    let mut from = 0;
    for (at, _) in hidden.match_indices("](") {
        if at >= from
            && let Some(target) = target(&line[at..])
        {
            text.push_str(&line[from..=at]);
            from = at + 3 + target.len();
        }
    }
    text.push_str(&line[from..]);
    let is_address = |word: &&str| word.contains("https://") || word.contains("http://");
    let words: Vec<_> = text.split(' ').filter(|word| !is_address(word)).collect();
    words.join(" ")
}

#[test]
fn spans_and_targets_are_masked() {
    assert_eq!(masked("a `b c` [d](e f) g"), "a `xxx` [d](xxx) g");
    assert_eq!(masked("``a ` b`` ` c"), "``xxxxx`` ` c");
    assert_eq!(masked("<https://a.b> [c][d] ü"), "<xxxxxxxxxxx> [c][x] ü");
}

#[test]
fn links_have_targets() {
    assert_eq!(
        targets("![a](b.png) and [`c`](d.md#e) `[f](g)`"),
        ["b.png", "d.md#e"]
    );
    assert_eq!(targets("[`a`]: b.md"), ["b.md"]);
    assert_eq!(without_targets("- [a](b) and [c](d(e))"), "- [a] and [c]");
}

#[test]
fn headings_have_anchors() {
    assert_eq!(anchor("Save, stop, `resume`"), "save-stop-resume");
    assert_eq!(anchor("[A link](b.md) & more"), "a-link--more");
}
