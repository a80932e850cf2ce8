//! Words and names that the glossary of docs/ARCHITECTURE.md retired.

use crate::files::File;
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

/// Returns retired names in all lines, and retired phrases in pages and comments.
pub fn retired(files: &[File]) -> Vec<Finding> {
    let words = retired_words(files);
    let is_name = |word: &&String| !word.contains([' ', '-']);
    let (names, phrases): (Vec<_>, Vec<_>) = words.iter().partition(is_name);
    let is_checked = |file: &&File| file.path != PAGE && !file.path.starts_with("tests/words/");
    let mut findings = Vec::new();
    for file in files.iter().filter(is_checked) {
        for (index, line) in file.lines.iter().enumerate() {
            for name in &names {
                if !whole_words(line, name).is_empty() {
                    let what = format!("{name:?} is retired");
                    findings.push(Finding::new(file, index + 1, what, line.trim()));
                }
            }
        }
        for paragraph in paragraphs(file) {
            let text = paragraph.text.to_ascii_lowercase();
            for phrase in &phrases {
                for at in whole_words(&text, &phrase.to_ascii_lowercase()) {
                    let what = format!("{phrase:?} is retired");
                    let (line, text) = (paragraph.line_at(at), &paragraph.text[at..]);
                    findings.push(Finding::new(file, line, what, text));
                }
            }
        }
    }
    findings
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
