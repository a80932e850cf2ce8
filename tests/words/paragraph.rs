//! Paragraphs of pages and comments.

use crate::files::{Block, File, Language};
use crate::markdown;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Text,
    Heading,
    /// One row of a table.
    Row,
}

/// A paragraph, list item, heading or row of a table, in one line.
#[derive(Debug)]
pub struct Paragraph {
    pub kind: Kind,
    pub text: String,
    /// The text without code spans and link targets, of the same length.
    pub masked: String,
    /// Position in the text, and number, of each line.
    lines: Vec<(usize, usize)>,
}

impl Paragraph {
    fn new(kind: Kind, number: usize, text: &str) -> Self {
        Self {
            kind,
            text: text.to_owned(),
            masked: String::new(),
            lines: vec![(0, number)],
        }
    }

    fn push(&mut self, number: usize, text: &str) {
        self.text.push(' ');
        self.lines.push((self.text.len(), number));
        self.text.push_str(text);
    }

    /// Returns the number of the line at a position of the text.
    pub fn line_at(&self, at: usize) -> usize {
        let before = self.lines.iter().take_while(|(start, _)| *start <= at);
        before.last().expect("the first line starts at 0").1
    }
}

/// Returns the paragraphs of a file, without code. Comments in Rust examples count.
pub fn paragraphs(file: &File) -> Vec<Paragraph> {
    let in_block = |block: &Block| in_block(block, file.language);
    file.blocks().iter().flat_map(in_block).collect()
}

fn in_block(block: &Block, language: Language) -> Vec<Paragraph> {
    let mut paragraphs: Vec<Paragraph> = Vec::new();
    let mut is_open = false;
    let mut fence = None;
    for line in block {
        let mut text = line.text.trim();
        let mut is_behind_code = false;
        if let Some(language) = text.strip_prefix("```") {
            fence = if fence.is_none() {
                Some(language)
            } else {
                None
            };
            is_open = false;
            continue;
        }
        if let Some(language) = fence {
            let is_rust = language.is_empty() || language.starts_with("rust");
            let comment = text.split_once("// ").filter(|_| is_rust);
            let (code, comment) = comment.unwrap_or((text, ""));
            is_behind_code = !code.is_empty();
            is_open &= !is_behind_code;
            text = comment;
        }
        // Commands in comments of a script are indented.
        let is_command = language == Language::Hashes && line.text.starts_with("   ");
        if is_command || text.is_empty() || text.starts_with('<') || is_definition(text) {
            is_open = false;
            continue;
        }
        if text.starts_with('|') {
            paragraphs.push(Paragraph::new(Kind::Row, line.number, text));
            is_open = false;
            continue;
        }
        let content = after_markers(text);
        if text.starts_with('#') && content.len() < text.len() {
            paragraphs.push(Paragraph::new(Kind::Heading, line.number, content));
            is_open = false;
        } else if let Some(last) = paragraphs.last_mut()
            && is_open
            && content.len() == text.len()
        {
            last.push(line.number, text);
        } else {
            paragraphs.push(Paragraph::new(Kind::Text, line.number, content));
            is_open = !is_behind_code;
        }
    }
    for paragraph in &mut paragraphs {
        paragraph.masked = markdown::masked(&paragraph.text);
    }
    paragraphs
}

/// Returns `true` for the definition of a link: `[name]: target`.
fn is_definition(text: &str) -> bool {
    let target = text.split_once(']').map_or("", |(_, target)| target);
    text.starts_with('[') && target.starts_with(": ")
}

/// Returns a line without marks of headings, lists and quotes at its start.
fn after_markers(text: &str) -> &str {
    let mut rest = text;
    while let Some((mark, content)) = rest.split_once(' ') {
        let number = mark.trim_end_matches(['.', ')']);
        let is_number = number.len() < mark.len() && number.bytes().all(|c| c.is_ascii_digit());
        let is_heading = !mark.is_empty() && mark.bytes().all(|c| c == b'#');
        if !is_heading && !is_number && !matches!(mark, "-" | "*" | "+" | ">") {
            break;
        }
        rest = content.trim_start();
    }
    rest
}

#[test]
fn pages_become_paragraphs() {
    let page =
        "# A `b`\nC\nd.\n\n- e\n  f\n- g\n\n```rust\nh; // i\n// j\n// k\n```\n| l |\n12. m\n";
    let file = File::new("a.md", page);
    let paragraphs = paragraphs(&file);
    let texts = paragraphs.iter().map(|paragraph| &*paragraph.text);
    let expected = ["A `b`", "C d.", "e f", "g", "i", "j k", "| l |", "m"];
    assert_eq!(texts.collect::<Vec<_>>(), expected);
    let lines = paragraphs.iter().map(|paragraph| paragraph.line_at(2));
    assert_eq!(lines.collect::<Vec<_>>(), [1, 3, 6, 7, 10, 12, 14, 15]);
    assert_eq!(paragraphs[0].masked, "A `x`");
}
