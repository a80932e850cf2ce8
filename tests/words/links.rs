//! Links between pages, and paths that pages and comments name.

use std::collections::BTreeSet;

use crate::files::{self, File};
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
    let exists = |path: &str| files::absolute(path).exists();
    let mut findings = broken_links(files, &exists);
    findings.extend(broken_paths(files, &exists));
    findings
}

fn pages(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| file.is_page())
}

/// Returns `true` unless a page lacks a heading.
fn has_anchor(files: &[File], path: &str, anchor: &str) -> bool {
    let page = pages(files).find(|page| page.path == path);
    page.is_none_or(|page| anchors(page).contains(anchor))
}

fn broken_links(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in pages(files) {
        for link in links(page) {
            let has_anchor = |anchor| has_anchor(files, &link.path, anchor);
            if !exists(&link.path) {
                findings.push(Finding::new(page, link.line, "no such file", link.target));
            } else if !link.anchor.is_none_or(has_anchor) {
                let what = "no such heading";
                findings.push(Finding::new(page, link.line, what, link.target));
            }
        }
    }
    findings
}

/// Returns paths in pages, outside links, and in comments that do not exist from the root or from a
/// folder around the file.
fn broken_paths(files: &[File], exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for line in file.blocks().into_iter().flatten() {
            for name in named_paths(&without_targets(line.text)) {
                let (path, anchor) = name.split_once('#').unwrap_or((name, ""));
                if !exists(path) && !ancestors(file).any(|at| exists(&joined(at, path))) {
                    findings.push(Finding::new(file, line.number, "no such path", name));
                } else if !anchor.is_empty() && !has_anchor(files, path, anchor) {
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
        pages(files).find(is_at)
    };
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<_> = page("README.md").into_iter().collect();
    while let Some(page_ahead) = ahead.pop() {
        if reached.insert(&*page_ahead.path) {
            let links = links(page_ahead);
            ahead.extend(links.iter().filter_map(|link| page(&link.path)));
        }
    }
    let missed = pages(files).filter(|page| !reached.contains(&*page.path));
    let finding = |page| Finding::new(page, 1, "unreachable", "no page links here");
    missed.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pages: &[(&str, &str)]) -> usize {
        let file = |(path, text): &(&str, &str)| File::new(path, text);
        let files: Vec<_> = pages.iter().map(file).collect();
        let exists = |path: &str| files.iter().any(|file| file.path == path);
        broken_links(&files, &exists).len() + broken_paths(&files, &exists).len()
    }

    #[test]
    fn broken_links_are_found() {
        let headings = "# A\n\n## B & `c`\n\n## A\n\n```sh\n# No heading\n```\n";
        let with = |path, text| found(&[("docs/a.md", headings), (path, text)]);
        let good = "[a](docs/a.md#b--c) [b](docs/a.md#a-1) [c](http://d)";
        assert_eq!(with("b.md", good), 0);
        let good = "[a](../docs/a.md) `[b](c)`\n```\n[d](e)\n```";
        assert_eq!(with("docs/b.md", good), 0);
        assert_eq!(with("b.md", "[a](a.md)\n![b](b.png)"), 2);
        assert_eq!(with("b.md", "[a](docs/a.md#no-heading) [b](#c)"), 2);
    }

    #[test]
    fn broken_paths_are_found() {
        let with = |path, text| found(&[("docs/a.md", "# A"), (path, text)]);
        let good = "//! See docs/a.md, docs/a.md#a and src/b.rs.";
        assert_eq!(with("src/b.rs", good), 0);
        let good = "// `src/b.rs`, at https://c.d/docs/e";
        assert_eq!(with("c/src/b.rs", good), 0);
        assert_eq!(with("src/b.rs", "/// See docs/b.md. // docs/a.md#b"), 2);
    }

    #[test]
    fn unreachable_pages_are_found() {
        let readme = || File::new("README.md", "[a](a) [b](b.md)");
        let folder = File::new("a/README.md", "[c](c.md)");
        let files = [readme(), folder, File::new("a/c.md", "")];
        assert_eq!(unreachable(&files).len(), 0);
        assert_eq!(unreachable(&[readme(), File::new("c.md", "")]).len(), 1);
    }
}
