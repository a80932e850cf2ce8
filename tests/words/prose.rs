//! Openings of paragraphs, lengths of lines, and sentences.

use crate::files::File;
use crate::finding::Finding;
use crate::markdown;
use crate::paragraph::{Kind, paragraphs};
use crate::tables::OPENINGS;

const MAX_COLUMNS: usize = 100;
const MAX_WORDS: usize = 25;

/// Returns paragraphs that begin with a clause instead of a noun or verb.
pub fn openings(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for paragraph in paragraphs(file) {
        if paragraph.kind == Kind::Row {
            continue;
        }
        let text = paragraph
            .masked
            .trim_start_matches(['*', '_', '"', '\'', '(', '[', '“']);
        let opens = |opening: &&&str| {
            let start = text.get(..opening.len());
            let is_start = start.is_some_and(|start| start.eq_ignore_ascii_case(opening));
            let rest = text.get(opening.len()..).filter(|_| is_start);
            rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        if let Some(opening) = OPENINGS.iter().find(opens) {
            // Entries of this page consist of items "What:", "Why:" and "Instead of:".
            let is_form = text[opening.len()..].starts_with(':');
            if !(is_form && file.path == "docs/decisions.md") {
                let what = format!("opens with {opening:?}");
                findings.push(Finding::new(
                    file,
                    paragraph.line_at(0),
                    what,
                    &paragraph.text,
                ));
            }
        }
    }
    findings
}

/// Returns lines that are too long. Tables, pictures and code in pages may be longer, and so may
/// lines with a long link.
pub fn lengths(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_page = file.is_page();
    for block in file.blocks() {
        let mut is_code = false;
        for line in block {
            let text = line.text.trim();
            let is_fence = text.starts_with("```");
            is_code ^= is_fence;
            let is_exempt = is_code || is_fence || text.starts_with('|') || text.starts_with("![");
            let columns = line.whole.chars().count();
            let has_long_link = columns > MAX_COLUMNS
                && markdown::without_targets(line.whole).chars().count() <= MAX_COLUMNS;
            if columns > MAX_COLUMNS && !has_long_link && !(is_page && is_exempt) {
                let what = format!("{columns} columns");
                findings.push(Finding::new(file, line.number, what, text));
            }
        }
    }
    findings
}

/// Returns sentences with too many words, or with several colons and semicolons.
pub fn sentences(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for paragraph in paragraphs(file) {
        if paragraph.kind != Kind::Text {
            continue;
        }
        for (start, end) in sentence_ranges(&paragraph.masked) {
            let sentence = &paragraph.masked[start..end];
            let is_word = |word: &&str| word.contains(char::is_alphanumeric);
            let words = sentence.split_whitespace().filter(is_word).count();
            // A semicolon at the end is that of code.
            let colons = sentence.trim_end_matches(';').split_whitespace();
            let colons = colons.filter(|word| word.ends_with([':', ';'])).count();
            let mut report = |what: String| {
                let line = paragraph.line_at(start);
                findings.push(Finding::new(file, line, what, &paragraph.text[start..end]));
            };
            if words > MAX_WORDS {
                report(format!("{words} words"));
            }
            if colons > 1 {
                report(format!("{colons} colons and semicolons"));
            }
        }
    }
    findings
}

/// Returns start and end of each sentence. It ends at a point, with the quote or emphasis that
/// closes there. The next word must begin with a capital letter, a code span, a link or emphasis.
fn sentence_ranges(text: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(' ') {
        let before = text[..at].trim_end_matches(['*', '_', ')', '"', '”']);
        let after = text[at + 1..].chars().next();
        let begins = after.is_some_and(|c| c.is_uppercase() || "`*[(\"".contains(c));
        if begins && before.ends_with(['.', '!', '?']) && at > start {
            ranges.push((start, at));
            start = at + 1;
        }
    }
    ranges.push((start, text.len()));
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::assert_rule;

    #[test]
    fn openings_are_found() {
        assert_rule(
            openings,
            "a.md",
            &[
                "What it does.",
                "# How it works",
                "A.\n\n- **Where:** b",
                "1. The same.",
                "> That",
            ],
            &[
                "Whatsoever.",
                "Here is what it does.\nWhat is this?",
                "```text\nWhat\n```",
                "| What |",
            ],
        );
        assert_rule(
            openings,
            "a.rs",
            &[
                "/// Whether it does.",
                "fn a() {} // Which is it?",
                "//! ```\n//! // How?\n//! ```",
            ],
            &[
                "let a = \"Whether\";",
                "/// Returns `true`.\n/// What else?",
            ],
        );
        assert_rule(
            openings,
            "docs/decisions.md",
            &["- What it is."],
            &["- What: It is."],
        );
    }

    #[test]
    fn long_lines_are_found() {
        let words = "word ".repeat(21);
        let with_link = format!("a [b](https://{})", "c".repeat(100));
        let row = format!("| {words} |");
        let code = format!("```text\n{words}\n```");
        assert_rule(
            lengths,
            "a.md",
            &[&words],
            &["word", &with_link, &row, &code],
        );
        let comment = format!("//! {words}");
        assert_rule(lengths, "a.rs", &[&comment], &["//! word", &words]);
        assert_rule(
            lengths,
            "a.toml",
            &[&format!("# {words}")],
            &["# word", &words],
        );
    }

    #[test]
    fn long_sentences_are_found() {
        let words = |count: usize| format!("{}end.", "word ".repeat(count - 1));
        let two = format!("{} Then {}", words(25), words(24));
        let span = format!("`{}` ends.", words(30));
        let joined = format!("{}\n{}", "word ".repeat(13), "word ".repeat(13));
        assert_rule(
            sentences,
            "a.md",
            &[&words(26), &joined, "A: b; c.", "- A: b: c"],
            &[&words(25), &two, &span, "A: b. C: d.", "A: b;", "# A: b; c"],
        );
        let comment = format!("fn a() {{}} // {}", words(26));
        assert_rule(sentences, "a.rs", &[&comment], &["const A: u8; // A: b"]);
    }
}
