//! Names, numbers, arrays and comments in the languages of generated source.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write;

use crate::error::{Error, Result, bounded};
use crate::float::Float;

/// Longest line of generated source.
const COLUMNS: usize = 100;

/// A space at which lines of code are not divided.
pub(crate) const GLUE: char = '\u{a0}';

/// A language of generated source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    Rust,
}

/// Words that are no names in Rust. In C, names have a suffix.
const KEYWORDS: &str = " abstract as async await become box break const continue crate do dyn \
    else enum extern false final fn for gen if impl in let loop macro match mod move mut override \
    priv pub ref return self static struct super trait true try type typeof unsafe unsized use \
    virtual where while yield ";

/// Checks a name from which all names in the source are made.
///
/// # Errors
/// [`Error::InvalidSetting`] unless it is a letter, then letters, digits and underscores, all in
/// lower case, and no keyword of Rust.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_part);
    if is_name && !KEYWORDS.contains(&format!(" {name} ")) {
        return Ok(());
    }
    let expected =
        "a letter, then letters, digits and underscores, in lower case, and no keyword of Rust";
    let got = bounded(name.to_string());
    Err(Error::invalid_setting(
        "name of generated source",
        expected,
        got,
    ))
}

/// Returns a number as a literal. `Debug` writes the shortest text that parses to the identical
/// number, always as a float.
pub(crate) fn literal<T: Float>(language: Language, number: T) -> String {
    let suffix = if language == Language::C && !T::DOUBLE {
        "f"
    } else {
        ""
    };
    format!("{number:?}{suffix}")
}

/// Returns words in as few lines as possible, each with this indent.
pub(crate) fn filled<S: AsRef<str>>(indent: usize, words: impl IntoIterator<Item = S>) -> String {
    indented(indent, indent, words)
}

/// Returns words in as few lines as possible. The first line has its own indent.
fn indented<S: AsRef<str>>(
    first: usize,
    others: usize,
    words: impl IntoIterator<Item = S>,
) -> String {
    let mut lines = format!("{:first$}", "");
    let mut column = first;
    let mut is_start = true;
    for word in words {
        let word = word.as_ref();
        let len = word.chars().count();
        if !is_start && column + 1 + len > COLUMNS {
            let _ = write!(lines, "\n{:others$}", "");
            column = others;
        } else if !is_start {
            lines.push(' ');
            column += 1;
        }
        lines += word;
        column += len;
        is_start = false;
    }
    lines + "\n"
}

/// Returns a line of code. If it is too long, it continues with more indent. It is not divided at
/// products and at [`GLUE`].
pub(crate) fn wrapped(indent: usize, code: &str) -> String {
    let glued = code.replace(" * ", &format!("{GLUE}*{GLUE}"));
    indented(indent, indent + 4, glued.split(' ')).replace(GLUE, " ")
}

/// Returns a C header with a comment at the top, which may be included twice.
pub(crate) fn guarded(comment: &str, name: &str, body: &str) -> String {
    let guard = format!("{}_H", name.to_ascii_uppercase());
    format!("{comment}#ifndef {guard}\n#define {guard}\n{body}\n#endif\n")
}

/// Lines of C that keep products and sums apart.
pub(crate) const NO_CONTRACTION: &str = "\
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif";

/// Returns the largest of these numbers with an even and with an odd index. Hidden layers take
/// turns with two buffers of these sizes.
pub(crate) fn buffers(outputs: impl Iterator<Item = usize>) -> [usize; 2] {
    let mut largest = [0; 2];
    for (index, len) in outputs.enumerate() {
        largest[index % 2] = len.max(largest[index % 2]);
    }
    largest
}

impl Language {
    /// Returns the head of a loop over a range, of which it takes every `step`-th number.
    pub(crate) fn range(self, variable: &str, from: usize, to: usize, step: usize) -> String {
        let v = variable;
        match (self, step) {
            (Self::C, 1) => format!("for (int {v} = {from}; {v} < {to}; {v}++) {{"),
            (Self::C, _) => format!("for (int {v} = {from}; {v} < {to}; {v} += {step}) {{"),
            (Self::Rust, 1) => format!("for {v} in {from}..{to} {{"),
            (Self::Rust, _) => format!("for {v} in ({from}..{to}).step_by({step}) {{"),
        }
    }

    /// Returns a comment of these paragraphs in front of a function or module.
    pub(crate) fn comment(self, indent: usize, paragraphs: &[&str]) -> String {
        let (start, middle, end) = match self {
            Self::C => ("/* ", " * ", " */"),
            Self::Rust => ("/// ", "/// ", ""),
        };
        let mut lines = Vec::new();
        for (index, paragraph) in paragraphs.iter().enumerate() {
            if index > 0 {
                lines.push(String::new());
            }
            // Room for the marks of the comment.
            let text = filled(indent + 4, paragraph.split(' '));
            lines.extend(text.lines().map(|line| line.trim_start().to_string()));
        }
        let last = lines.len().saturating_sub(1);
        let mut comment = String::new();
        for (index, line) in lines.iter().enumerate() {
            let mark = if index == 0 { start } else { middle };
            let end = if index == last { end } else { "" };
            comment += format!("{:indent$}{mark}{line}", "").trim_end();
            comment += end;
            comment.push('\n');
        }
        comment
    }

    /// Returns the definition of a constant array, of which each row becomes an array itself if it
    /// has a `width`. Items are literals. `element` is their type.
    pub(crate) fn array(
        self,
        indent: usize,
        (name, element): (&str, &str),
        width: Option<usize>,
        items: &[String],
    ) -> String {
        let (open, close) = match self {
            Self::C => ("{", "}"),
            Self::Rust => ("[", "]"),
        };
        let len = items.len() / width.unwrap_or(1).max(1);
        let head = match (self, width) {
            (Self::C, None) => format!("static const {element} {name}[{len}]"),
            (Self::C, Some(width)) => format!("static const {element} {name}[{len}][{width}]"),
            (Self::Rust, None) => format!("static {name}: [{element}; {len}]"),
            (Self::Rust, Some(width)) => format!("static {name}: [[{element}; {width}]; {len}]"),
        };
        let mut text = format!("{:indent$}{head} = {open}\n", "");
        match width {
            None => text += &filled(indent + 4, items.iter().map(|item| format!("{item},"))),
            Some(width) => {
                let rows: Vec<_> = items
                    .chunks(width.max(1))
                    .map(|row| format!("{open}{}{close},", row.join(", ")))
                    .collect();
                if rows.iter().all(|row| indent + 4 + row.len() <= COLUMNS) {
                    text += &filled(indent + 4, rows);
                } else {
                    for row in items.chunks(width.max(1)) {
                        let row = filled(indent + 8, row.iter().map(|item| format!("{item},")));
                        let _ = writeln!(text, "{0:1$}{open}\n{row}{0:1$}{close},", "", indent + 4);
                    }
                }
            }
        }
        text + &format!("{:indent$}{close};\n", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_share_lines_if_all_fit() {
        let items = |text: &str, count| alloc::vec![text.to_string(); count];
        let short = Language::C.array(0, ("a", "int8_t"), Some(2), &items("-1", 4));
        assert_eq!(
            short,
            "static const int8_t a[2][2] = {\n    {-1, -1}, {-1, -1},\n};\n"
        );
        let flat = Language::Rust.array(0, ("A", "i8"), None, &items("7", 3));
        assert_eq!(flat, "static A: [i8; 3] = [\n    7, 7, 7,\n];\n");
        let long = Language::Rust.array(0, ("A", "i32"), Some(40), &items("1000", 40));
        let expected = "static A: [[i32; 40]; 1] = [\n    [\n        1000, ";
        assert!(long.starts_with(expected), "{long}");
        assert!(long.lines().all(|line| line.len() <= COLUMNS), "{long}");
        assert!(long.ends_with("1000,\n    ],\n];\n"), "{long}");
    }

    #[test]
    fn comments_end_in_the_last_line() {
        let comment = Language::C.comment(0, &["Sum.", "word ".repeat(30).trim()]);
        let first = comment.lines().collect::<Vec<_>>();
        assert_eq!(first[..2], ["/* Sum.", " *"]);
        assert!(first.iter().all(|line| line.len() <= COLUMNS), "{comment}");
        assert!(comment.ends_with("word */\n"), "{comment}");
        assert_eq!(Language::Rust.comment(4, &["Sum."]), "    /// Sum.\n");
    }

    #[test]
    fn code_continues_with_more_indent() {
        let sum = "a * b + ".repeat(20);
        let code = wrapped(4, sum.trim_end_matches(" + "));
        let lines = code.lines().collect::<Vec<_>>();
        assert!(lines[0].starts_with("    a * b + ") && lines[1].starts_with("        a * b"));
        assert!(lines.iter().all(|line| line.len() <= COLUMNS), "{code}");
    }
}
