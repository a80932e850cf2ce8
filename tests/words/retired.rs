//! Phrases of an old style, and British spelling.

use crate::files::{File, Language};
use crate::finding::Finding;
use crate::paragraph::paragraphs;
use crate::tables::{AFTER_TRAINING, ARTICLES, BRITISH, BRITISH_WORDS, ISE_STEMS, PHRASES};

/// Returns retired words in prose, and in messages: strings of code with a space in them.
pub fn words(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.path.starts_with("tests/words/") {
        return findings; // its strings are the retired words
    }
    for paragraph in paragraphs(file) {
        for (at, retired, instead) in in_text(&paragraph.masked) {
            let what = format!("{retired:?}, not {instead:?}");
            findings.push(Finding::new(
                file,
                paragraph.line_at(at),
                what,
                &paragraph.text[at..],
            ));
        }
    }
    if file.language == Language::Slashes {
        for (number, line) in file.code() {
            let strings = line.split('"').skip(1).step_by(2);
            for string in strings.filter(|string| string.contains(' ')) {
                for (_, retired, instead) in in_text(&without_arguments(string)) {
                    let what = format!("{retired:?}, not {instead:?}");
                    findings.push(Finding::new(file, number, what, string));
                }
            }
        }
    }
    findings
}

/// Returns position, retired word, and its replacement.
fn in_text(text: &str) -> Vec<(usize, String, String)> {
    let text = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (retired, instead) in PHRASES.iter().chain(&BRITISH_WORDS) {
        let places = whole_words(&text, &retired.to_ascii_lowercase());
        let places = places.into_iter();
        found.extend(places.map(|at| (at, (*retired).to_owned(), (*instead).to_owned())));
    }
    let mut at = 0;
    let mut before = "";
    let all: Vec<_> = text.split(' ').collect();
    for (index, word) in all.iter().enumerate() {
        if let Some(american) = american(word) {
            found.push((at, (*word).to_owned(), american));
        }
        // A comma or point after "training" ends the noun.
        let after = all
            .get(index + 1)
            .map_or("and", |word| word.trim_matches(is_mark));
        let ends = word.ends_with(is_mark) || AFTER_TRAINING.contains(&after);
        let is_noun = ends && word.trim_matches(is_mark) == "training";
        if is_noun && ARTICLES.contains(&before.trim_start_matches(is_mark)) {
            found.push((at, format!("{before} training"), "training run".to_owned()));
        }
        at += word.len() + 1;
        before = word;
    }
    found
}

/// Returns a string to format without the names of its arguments: "{a} of {b:2}" as "{} of {}".
fn without_arguments(string: &str) -> String {
    let mut parts = string.split('{');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.split_once('}').map_or(part, |(_, after)| after);
        text += "{}";
        text += after;
    }
    text
}

fn is_mark(c: char) -> bool {
    !c.is_alphanumeric()
}

/// Returns the American spelling of a word, if it is spelled in British.
fn american(word: &str) -> Option<String> {
    if let Some((british, american)) = BRITISH.iter().find(|(british, _)| word.contains(british)) {
        return Some(word.replace(british, american));
    }
    for stem in ISE_STEMS {
        for ending in ["ise", "ising", "isation", "isable"] {
            let british = format!("{stem}{ending}");
            if word.contains(&british) {
                let american = british.replacen(ending, &ending.replacen("is", "iz", 1), 1);
                return Some(word.replace(&british, &american));
            }
        }
    }
    None
}

/// Returns the positions of a phrase between characters that belong to no word.
pub fn whole_words(text: &str, phrase: &str) -> Vec<usize> {
    let belongs = |c: char| c.is_alphanumeric() || c == '_';
    let is_whole = |at: &usize| {
        let (before, after) = (&text[..*at], &text[at + phrase.len()..]);
        !before.ends_with(belongs) && !after.starts_with(belongs)
    };
    let places = text.match_indices(phrase).map(|(at, _)| at);
    places.filter(is_whole).collect()
}

#[test]
fn retired_words_are_found() {
    crate::finding::assert_rule(
        words,
        "a.rs",
        &[
            "// It takes so\n// many samples.",
            "/// Goes on\n/// with it.",
            "/// Its behaviour.",
            "// Initialises a re-optimisation.",
            "/// After a training, it stops.",
            "/// One training ends.",
            "let error = \"cannot be initialised\";",
        ],
        &[
            "// So\n\n// many samples.",
            "/// Its behavior, `so many`.",
            "// optimistic, realism, emphasis, advise",
            "/// A training run and one training setup. Training ends.",
            "println!(\"{ours} of {theirs:9}\"); // this crate and another",
        ],
    );
}
