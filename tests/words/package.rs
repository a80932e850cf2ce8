//! Links of the pages that the package has.

use crate::files::File;
use crate::finding::Finding;
use crate::links::links;

/// Folders that are left out of the package to keep it small.
const REPOSITORY_ONLY: [&str; 4] = ["examples", "tests", "benches", ".ci"];
/// Pictures, which are left out for their size too.
const PICTURES: [&str; 2] = [".png", ".gif"];

/// Returns links from packaged pages to files that should be in the package and are not.
pub fn links_out(files: &[File]) -> Vec<Finding> {
    let manifest = files.iter().find(|file| file.path == "Cargo.toml");
    let patterns = included(manifest.expect("the package has a manifest"));
    let is_packaged = |path: &str| patterns.iter().any(|pattern| matches(pattern, path));
    let is_exempt = |path: &str| {
        let folder = path.split('/').next().unwrap_or_default();
        REPOSITORY_ONLY.contains(&folder) || PICTURES.iter().any(|kind| path.ends_with(kind))
    };
    let mut findings = Vec::new();
    for page in files.iter().filter(|file| file.is_page()) {
        if is_packaged(&page.path) {
            for link in links(page) {
                // The README is also the page of the package, where every link must lead somewhere.
                let may_leave = page.path != "README.md" && is_exempt(&link.path);
                if !is_packaged(&link.path) && !may_leave {
                    findings.push(Finding::new(page, link.line, "not packaged", link.target));
                }
            }
        }
    }
    findings
}

/// Returns the patterns of `include` in a manifest, without those that exclude.
fn included(manifest: &File) -> Vec<String> {
    let mut lines = manifest.lines.iter();
    let list = lines.find(|line| line.starts_with("include = ["));
    let patterns = list.expect("include is a list in one line").split('"');
    let patterns = patterns.skip(1).step_by(2);
    let patterns = patterns.filter_map(|pattern| pattern.strip_prefix('/'));
    patterns.map(str::to_owned).collect()
}

/// Returns `true` if a path, or a folder around it, fits a pattern with at most one `*`.
fn matches(pattern: &str, path: &str) -> bool {
    if let Some((before, after)) = pattern.split_once('*') {
        let name = path.strip_prefix(before);
        let name = name.and_then(|rest| rest.strip_suffix(after));
        return name.is_some_and(|name| !name.contains('/'));
    }
    let rest = path.strip_prefix(pattern);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[test]
fn links_out_of_the_package_are_found() {
    let found = |path: &str, text: &str| {
        let manifest = "include = [\"/src\", \"!/src/a.py\", \"/docs/*.md\", \"/README.md\"]";
        links_out(&[File::new("Cargo.toml", manifest), File::new(path, text)]).len()
    };
    let good = "[a](docs/a.md) [b](src/b/c.rs)";
    assert_eq!(found("README.md", good), 0);
    let good = "[b](../tests/b.rs) [c](d.md) [d](e.png) [f](http://g)";
    assert_eq!(found("docs/a.md", good), 0);
    assert_eq!(found("README.md", "[a](docs/a/b.md) [c](tests/d.rs)"), 2);
    assert_eq!(found("other.md", "[a](b.md)"), 0);
}
