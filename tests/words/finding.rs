//! One place that breaks a rule.

use std::fmt;

use crate::files::File;

#[derive(Debug)]
pub struct Finding {
    file: String,
    line: usize,
    what: String,
    text: String,
}

impl Finding {
    pub fn new(file: &File, line: usize, what: impl Into<String>, text: &str) -> Self {
        let (file, what) = (file.path.clone(), what.into());
        let text = text.chars().take(80).collect();
        Self {
            file,
            line,
            what,
            text,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Self {
            file,
            line,
            what,
            text,
        } = self;
        write!(out, "{file}:{line}: {what}: {text}")
    }
}

#[track_caller]
pub fn assert_none(findings: &[Finding]) {
    let list: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(
        list.is_empty(),
        "{} findings:\n{}",
        list.len(),
        list.join("\n")
    );
}

/// Asserts that a rule finds something in each bad text, and nothing in any good one.
#[track_caller]
pub fn assert_rule(rule: fn(&File) -> Vec<Finding>, path: &str, bad: &[&str], good: &[&str]) {
    for text in bad {
        assert!(
            !rule(&File::new(path, text)).is_empty(),
            "nothing found in {text:?}"
        );
    }
    for text in good {
        assert_none(&rule(&File::new(path, text)));
    }
}
