//! Files of the repository that have comments or prose.

use std::path::Path;
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Language {
    Markdown,
    /// Rust and JavaScript: comments begin with `//`.
    Slashes,
    /// TOML and shell: comments begin with `#`.
    Hashes,
    /// Comments begin with `#`, and documentation is in triple quotes.
    Python,
}

#[derive(Debug)]
pub struct File {
    /// Path from the root of the repository.
    pub path: String,
    pub language: Language,
    pub lines: Vec<String>,
}

/// Consecutive lines of one comment, or a whole page.
pub type Block<'a> = Vec<Line<'a>>;

/// A line of a comment or page.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub number: usize,
    /// The line without the mark of the comment.
    pub text: &'a str,
    /// The line as it is in the file.
    pub whole: &'a str,
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        let language = match path.rsplit('.').next() {
            Some("md") => Language::Markdown,
            Some("rs" | "js") => Language::Slashes,
            Some("py") => Language::Python,
            _ => Language::Hashes,
        };
        Self {
            path: path.to_owned(),
            language,
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    pub fn is_page(&self) -> bool {
        self.language == Language::Markdown
    }

    /// Returns the folder of the file, without a slash at the end.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the pages and comments of the file.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let lines = self.lines.iter().enumerate();
        let lines = lines.map(|(index, whole)| (index + 1, whole.as_str()));
        if self.is_page() {
            let line = |(number, whole)| Line {
                number,
                text: whole,
                whole,
            };
            return vec![lines.map(line).collect()];
        }
        let mut blocks: Vec<Block<'_>> = Vec::new();
        let mut last_mark = None;
        let mut is_docstring = false;
        for (number, whole) in lines {
            let quotes = whole.matches(DOCSTRING).count();
            let comment = if self.language == Language::Python && (is_docstring || quotes > 0) {
                is_docstring ^= quotes == 1;
                Some((DOCSTRING, whole.trim().trim_matches('"')))
            } else {
                comment(whole, self.language)
            };
            let comment = comment.or_else(|| comment_behind_code(whole, self.language));
            if let Some((mark, text)) = comment {
                let line = Line {
                    number,
                    text,
                    whole,
                };
                match blocks.last_mut() {
                    Some(block) if last_mark == Some(mark) && mark != BEHIND_CODE => {
                        block.push(line);
                    }
                    _ => blocks.push(vec![line]),
                }
            }
            last_mark = comment.map(|(mark, _)| mark);
        }
        blocks
    }

    /// Returns number and text of the lines that are not all comment.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.lines.iter().enumerate();
        let lines = lines.map(|(index, line)| (index + 1, line.as_str()));
        lines.filter(|(_, line)| comment(line, self.language).is_none())
    }
}

/// Mark of documentation in Python.
const DOCSTRING: &str = "\"\"\"";

/// Stands for the mark of a comment behind code, which is a block of its own.
const BEHIND_CODE: &str = "";

fn marks(language: Language) -> &'static [&'static str] {
    match language {
        Language::Markdown => &[],
        Language::Slashes => &["///", "//!", "//"],
        Language::Hashes | Language::Python => &["#"],
    }
}

/// Returns mark and text of a line that is all comment.
fn comment(line: &str, language: Language) -> Option<(&'static str, &str)> {
    let line = line.trim();
    if line.starts_with("#[doc = concat!") {
        return Some(("///", "")); // a line whose text a macro makes
    }
    if line.starts_with("#!") {
        return None; // the interpreter of a script
    }
    let mut marks = marks(language).iter();
    marks.find_map(|mark| line.strip_prefix(mark).map(|text| (*mark, text)))
}

fn comment_behind_code(line: &str, language: Language) -> Option<(&'static str, &str)> {
    let mark = marks(language).last()?;
    let (code, text) = line.split_once(&format!(" {mark} "))?;
    let is_in_string = code.matches('"').count() % 2 == 1;
    (!is_in_string).then_some((BEHIND_CODE, text))
}

/// Returns the files of the repository, sorted by path.
pub fn all() -> &'static [File] {
    static FILES: LazyLock<Vec<File>> = LazyLock::new(|| {
        let mut files = Vec::new();
        read_folder("", &mut files);
        files.sort_by(|a, b| a.path.cmp(&b.path));
        assert!(files.len() > 200, "the files were not found");
        files
    });
    &FILES
}

/// Returns a path from the root of the repository as a path of the system.
pub fn absolute(path: &str) -> std::path::PathBuf {
    // The folder at run time: several checkouts that share a target folder may share this program.
    let root = std::env::var_os("CARGO_MANIFEST_DIR");
    Path::new(&root.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())).join(path)
}

fn read_folder(folder: &str, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(absolute(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = match folder {
            "" => name.clone(),
            _ => format!("{folder}/{name}"),
        };
        if entry.file_type().unwrap().is_dir() {
            if !matches!(
                &*name,
                ".git" | "target" | "out" | "corpus" | "pkg" | "node_modules"
            ) {
                read_folder(&path, files);
            }
            continue;
        }
        let extension = Path::new(&name).extension().and_then(|e| e.to_str());
        let has_prose = matches!(extension, Some("md" | "rs" | "js" | "toml" | "py" | "sh"));
        if has_prose || folder == ".ci" {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            files.push(File::new(&path, &text));
        }
    }
}

#[test]
fn comments_become_blocks() {
    let text = "//! a\n//! b\n\n/// c\nfn d() {} // e\n// f\nlet url = \"http:// g\";\n";
    let file = File::new("a.rs", text);
    let texts = |block: &Block| {
        block
            .iter()
            .map(|line| line.text.trim())
            .collect::<String>()
    };
    let blocks: Vec<_> = file.blocks().iter().map(texts).collect();
    assert_eq!(blocks, ["ab", "c", "e", "f"]);

    let file = File::new(".ci/run", "#!/bin/sh\n# a\n# b\nc # d\necho '#e'\n");
    let blocks: Vec<_> = file.blocks().iter().map(texts).collect();
    assert_eq!(blocks, ["ab", "d"]);

    let file = File::new(
        "a.py",
        "\"\"\"a\nb\n\"\"\"\nc\nd  # e\n\"\"\"f\"\"\"\n\"\"\"g\"\"\"\n",
    );
    let blocks: Vec<_> = file.blocks().iter().map(texts).collect();
    assert_eq!(blocks, ["ab", "e", "fg"]);
}
