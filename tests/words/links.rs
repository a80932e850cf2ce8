//! Links between pages, and paths that pages and comments name.

use std::collections::BTreeSet;

use crate::files::{self, File, Language};
use crate::finding::Finding;
use crate::markdown::{anchor, targets, without_targets};

/// A link to something in the repository.
pub struct Link<'a> {
    pub line: usize,
    /// The target as it is written.
    pub target: &'a str,
    /// Path from the root of the repository.
    pub path: String,
    anchor: Option<&'a str>,
}

/// Returns the relative links and images of a page.
pub fn links(page: &File) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut is_code = false;
    for (index, line) in page.lines.iter().enumerate() {
        if line.trim().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for target in targets(line) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = match target.split_once('#') {
                Some((path, anchor)) => (path, Some(anchor)),
                None => (target, None),
            };
            let path = match path {
                "" => page.path.clone(),
                _ => joined(page.folder(), path),
            };
            let line = index + 1;
            links.push(Link {
                line,
                target,
                path,
                anchor,
            });
        }
    }
    links
}

/// Returns the path that a relative path in a folder means.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_page(file: &&File) -> bool {
    file.language == Language::Markdown
}

/// Returns the anchors of a page's headings. Later ones of equal text end in a number.
fn anchors(page: &File) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let mut is_code = false;
    for line in &page.lines {
        if line.trim().starts_with("```") {
            is_code = !is_code;
        }
        let text = line.trim_start_matches('#');
        if is_code || text.len() == line.len() || !text.starts_with(' ') {
            continue;
        }
        let first = anchor(text);
        let numbered = (1..).map(|n| format!("{first}-{n}"));
        let mut all = std::iter::once(first.clone()).chain(numbered);
        let free = all.find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

/// Returns links without a file or heading, and paths without a file.
pub fn broken(files: &[File]) -> Vec<Finding> {
    broken_if(files, &|path| files::absolute(path).exists())
}

fn broken_if(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let has_anchor = |path: &str, anchor: &str| {
        let page = files.iter().filter(is_page).find(|page| page.path == path);
        page.is_none_or(|page| anchors(page).contains(anchor))
    };
    for file in files.iter().filter(is_page) {
        for link in links(file) {
            if !exists(&link.path) {
                findings.push(Finding::new(file, link.line, "no such file", link.target));
            } else if link
                .anchor
                .is_some_and(|anchor| !has_anchor(&link.path, anchor))
            {
                findings.push(Finding::new(
                    file,
                    link.line,
                    "no such heading",
                    link.target,
                ));
            }
        }
    }
    for file in files
        .iter()
        .filter(|file| !file.path.starts_with("tests/words/"))
    {
        for line in file.blocks().into_iter().flatten() {
            // The first loop has checked the links of pages.
            for name in named_paths(&without_targets(line.text)) {
                let (path, anchor) = name.split_once('#').unwrap_or((name, ""));
                if !exists(path) && !ancestors(file).any(|at| exists(&joined(at, path))) {
                    findings.push(Finding::new(file, line.number, "no such path", name));
                } else if !anchor.is_empty() && !has_anchor(path, anchor) {
                    findings.push(Finding::new(file, line.number, "no such heading", name));
                }
            }
        }
    }
    findings
}

/// Returns the folders around a file, such as that of its package.
fn ancestors(file: &File) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(file.folder()), |folder| {
        folder.rsplit_once('/').map(|(outer, _)| outer)
    })
}

/// Returns words of a line such as `docs/painting.md` and `tests/bits.rs`.
fn named_paths(line: &str) -> Vec<&str> {
    const FOLDERS: [&str; 6] = ["docs/", "src/", "tests/", "examples/", "benches/", ".ci/"];
    let is_part = |c: char| c.is_alphanumeric() || "/._-#".contains(c);
    let words = line.split(|c: char| !is_part(c));
    let words = words.map(|word| word.trim_end_matches(['.', '-']));
    let is_path = |word: &&str| FOLDERS.iter().any(|folder| word.starts_with(folder));
    // Guides tell users to write this file.
    let is_path = |word: &&str| is_path(word) && *word != "src/main.rs";
    words.filter(is_path).collect()
}

/// Returns the pages that no chain of links from README.md leads to. A link to a folder leads to
/// its README.md.
pub fn unreachable(files: &[File]) -> Vec<Finding> {
    let page = |path: &str| {
        let readme = format!("{path}/README.md");
        let is_at = |page: &&File| page.path == path || page.path == readme;
        files.iter().filter(is_page).find(is_at)
    };
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<_> = page("README.md").into_iter().collect();
    while let Some(page_ahead) = ahead.pop() {
        if reached.insert(&*page_ahead.path) {
            let links = links(page_ahead);
            ahead.extend(links.iter().filter_map(|link| page(&link.path)));
        }
    }
    let pages = files.iter().filter(is_page);
    let missed = pages.filter(|page| !reached.contains(&*page.path));
    let finding = |page| Finding::new(page, 1, "unreachable", "no page links here");
    missed.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pages: &[(&str, &str)]) -> usize {
        let files: Vec<_> = pages
            .iter()
            .map(|(path, text)| File::new(path, text))
            .collect();
        let exists = |path: &str| files.iter().any(|file| file.path == path);
        broken_if(&files, &exists).len()
    }

    #[test]
    fn broken_links_are_found() {
        let page = (
            "docs/a.md",
            "# A\n\n## B & `c`\n\n## A\n\n```sh\n# No heading\n```\n",
        );
        let with = |path, text| found(&[page, (path, text)]);
        assert_eq!(
            with(
                "b.md",
                "[a](docs/a.md#b--c) [b](docs/a.md#a-1) [c](http://d)"
            ),
            0
        );
        assert_eq!(
            with("docs/b.md", "[a](../docs/a.md) `[b](c)`\n```\n[d](e)\n```"),
            0
        );
        assert_eq!(with("b.md", "[a](a.md)\n![b](b.png)"), 2);
        assert_eq!(with("b.md", "[a](docs/a.md#no-heading) [b](#c)"), 2);
    }

    #[test]
    fn broken_paths_are_found() {
        let page = ("docs/a.md", "# A");
        let with = |path, text| found(&[page, (path, text)]);
        assert_eq!(
            with("src/b.rs", "//! See docs/a.md, docs/a.md#a and src/b.rs."),
            0
        );
        assert_eq!(
            with("c/src/b.rs", "// `src/b.rs`, at https://c.d/docs/e"),
            0
        );
        assert_eq!(with("src/b.rs", "/// See docs/b.md. // docs/a.md#b"), 2);
    }

    #[test]
    fn unreachable_pages_are_found() {
        let readme = File::new("README.md", "[a](a) [b](b.md)");
        let files = [
            readme,
            File::new("a/README.md", "[c](c.md)"),
            File::new("a/c.md", ""),
        ];
        assert_eq!(unreachable(&files).len(), 0);
        let [readme, ..] = files;
        assert_eq!(unreachable(&[readme, File::new("c.md", "")]).len(), 1);
    }
}
