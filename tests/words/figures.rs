//! Measured times and ratios, which docs/performance.md collects with their dates.

use crate::files::File;
use crate::finding::Finding;
use crate::paragraph::paragraphs;
use crate::tables::{FIGURES_ALLOWED, NUMBERS, UNITS};

/// Returns times, speeds and their ratios outside the pages that may have them.
pub fn outside(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if FIGURES_ALLOWED.contains(&&*file.path) {
        return findings;
    }
    for paragraph in paragraphs(file) {
        let mut at = 0;
        let mut words = Vec::new();
        for word in paragraph.masked.split([' ', '-']) {
            words.push((
                at,
                word.trim_matches(|c: char| !c.is_alphanumeric() && c != '%'),
            ));
            at += word.len() + 1;
        }
        for (index, (start, word)) in words.iter().enumerate() {
            let next = |n: usize| words.get(index + n).map_or("end", |(_, word)| word);
            // "Default: 3 seconds" is a setting.
            let before = index.checked_sub(1).map_or("", |before| words[before].1);
            let is_default = before.eq_ignore_ascii_case("default");
            if !is_default && is_figure(word, next(1), next(2), next(3)) {
                let line = paragraph.line_at(*start);
                findings.push(Finding::new(
                    file,
                    line,
                    "figure",
                    &paragraph.text[*start..],
                ));
            }
        }
    }
    findings
}

/// Returns `true` for `18 ns`, `18ns`, `twice as fast`, `1.7 times faster` and `5 % slower`.
fn is_figure(word: &str, next: &str, second: &str, third: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
    let has_digits = digits.len() < word.len();
    let is_number = (has_digits && digits.is_empty()) || NUMBERS.contains(&word);
    let compares = |word: &str| matches!(word, "faster" | "slower" | "longer");
    let is_as = |word: &str, next: &str| word == "as" && matches!(next, "fast" | "long" | "quick");
    if is_number {
        is_unit(next, second)
            || (next == "times" && (compares(second) || is_as(second, third)))
            || (next == "%" && compares(second))
    } else if has_digits {
        is_unit(digits, next) || (digits == "%" && compares(next))
    } else {
        matches!(word, "twice" | "half") && is_as(next, second)
    }
}

/// Returns `true` for a unit, but not for the `s` of a formula: the word after it is an operator.
fn is_unit(word: &str, next: &str) -> bool {
    UNITS.contains(&word) && !(word == "s" && next.is_empty())
}

#[test]
fn figures_are_found() {
    crate::finding::assert_rule(
        outside,
        "a.md",
        &[
            "It takes 18 ns.",
            "It takes 1,200\nmilliseconds.",
            "It takes 35µs.",
            "a 20-second run",
            "It runs 1.7 times as fast,",
            "two times slower",
            "about twice as long",
            "5 % faster",
            "5% slower",
            "| 30 dB |",
        ],
        &[
            "It takes long.",
            "`--seconds 1 s`",
            "18 samples",
            "(2 s) / s^3",
            "Default: 3 seconds.",
            "twice as many",
            "```text\n18 ns\n```",
        ],
    );
    let pages = ["docs/performance.md", "CHANGELOG.md"];
    for path in pages {
        crate::finding::assert_rule(outside, path, &[], &["It takes 18 ns."]);
    }
}
