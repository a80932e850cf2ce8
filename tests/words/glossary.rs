//! Words and names that the glossary of docs/ARCHITECTURE.md retired.

use crate::files::{File, Language};
use crate::finding::Finding;
use crate::paragraph::paragraphs;
use crate::retired::whole_words;

const PAGE: &str = "docs/ARCHITECTURE.md";

/// Returns the words in the last column of the glossary.
fn retired_words(files: &[File]) -> Vec<String> {
    let page = files.iter().find(|file| file.path == PAGE);
    let page = page.expect("the page has the glossary");
    let lines = page.lines.iter().skip_while(|line| *line != "## Glossary");
    let rows = lines.filter(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').nth(3).expect("a row has three columns"));
    let words = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    words.map(str::to_owned).collect()
}

/// Returns retired words in pages and comments, and retired names also in code.
pub fn retired(files: &[File]) -> Vec<Finding> {
    let words = retired_words(files);
    let is_checked = |file: &&File| file.path != PAGE && !file.path.starts_with("tests/words/");
    let mut findings = Vec::new();
    for file in files.iter().filter(is_checked) {
        for word in &words {
            in_prose(file, word, &mut findings);
            let is_name = !word.contains([' ', '-']);
            if is_name && file.language != Language::Markdown {
                in_code(file, word, &mut findings);
            }
        }
    }
    findings
}

fn in_prose(file: &File, word: &str, findings: &mut Vec<Finding>) {
    for paragraph in paragraphs(file) {
        let places = if word.contains(' ') {
            whole_words(&paragraph.text.to_lowercase(), &word.to_lowercase())
        } else {
            whole_words(&paragraph.text, word)
        };
        for at in places {
            let line = paragraph.line_at(at);
            findings.push(Finding::new(
                file,
                line,
                format!("{word:?}"),
                &paragraph.text,
            ));
        }
    }
}

fn in_code(file: &File, word: &str, findings: &mut Vec<Finding>) {
    for (number, line) in file.code() {
        if !whole_words(line, word).is_empty() {
            findings.push(Finding::new(file, number, format!("{word:?}"), line.trim()));
        }
    }
}

#[test]
fn retired_names_are_found() {
    let page = "`Other`\n\n## Glossary\n\n| word | meaning | instead of |\n|---|---|---|\n\
                | callback | a function | `Watcher`, `the watch` |\n";
    let find = |path: &str, text: &str| {
        let files = [File::new(PAGE, page), File::new(path, text)];
        retired(&files).len()
    };
    assert_eq!(find("a.md", "A `Watcher` has\nthe watch."), 2);
    assert_eq!(find("a.rs", "/// A watcher.\nstruct Watcher;"), 1);
    assert_eq!(find("a.rs", "struct Watchers(Other); // the watches"), 0);
}
