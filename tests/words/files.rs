//! Files of the repository that have comments or prose.

use std::path::Path;
use std::sync::LazyLock;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Language {
    Markdown,
    /// Rust and JavaScript: comments begin with `//`.
    Slashes,
    /// TOML, Python and shell: comments begin with `#`.
    Hashes,
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
            _ => Language::Hashes,
        };
        Self {
            path: path.to_owned(),
            language,
            lines: text.lines().map(str::to_owned).collect(),
        }
    }

    /// Returns the folder of the file, without a slash at the end.
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Returns the pages and comments of the file.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        let lines = self.lines.iter().enumerate();
        let lines = lines.map(|(index, whole)| (index + 1, whole.as_str()));
        if self.language == Language::Markdown {
            let line = |(number, whole)| Line {
                number,
                text: whole,
                whole,
            };
            return vec![lines.map(line).collect()];
        }
        let mut blocks: Vec<Block<'_>> = Vec::new();
        let mut last_mark = None;
        for (number, whole) in lines {
            let comment = comment(whole, self.language);
            if let Some((mark, text)) = comment {
                let line = Line {
                    number,
                    text,
                    whole,
                };
                match blocks.last_mut() {
                    Some(block) if last_mark == Some(mark) => block.push(line),
                    _ => blocks.push(vec![line]),
                }
            }
            // A comment behind code is a block of its own.
            last_mark =
                comment.and_then(|(mark, _)| whole.trim().starts_with(mark).then_some(mark));
        }
        blocks
    }

    /// Returns the lines with the comments behind code, but without lines that are all comment.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_code = |line: &str| match self.language {
            Language::Markdown => false,
            Language::Slashes => !line.trim().starts_with("//"),
            Language::Hashes => !line.trim().starts_with('#'),
        };
        let lines = self.lines.iter().enumerate();
        let lines = lines.map(|(index, line)| (index + 1, line.as_str()));
        lines.filter(move |(_, line)| is_code(line))
    }
}

/// Returns the mark of a line's comment, and its text.
fn comment(line: &str, language: Language) -> Option<(&'static str, &str)> {
    let marks: &[_] = match language {
        Language::Markdown => &[],
        Language::Slashes => &["///", "//!", "//"],
        Language::Hashes => &["#"],
    };
    let trimmed = line.trim();
    if trimmed.starts_with("#!") || trimmed.starts_with("#[") {
        return None;
    }
    for mark in marks {
        if let Some(text) = trimmed.strip_prefix(mark) {
            return Some((mark, text));
        }
    }
    let mark = marks.last()?;
    let (code, text) = line.split_once(&format!(" {mark} "))?;
    let is_in_string = code.matches('"').count() % 2 == 1;
    (!is_in_string).then_some((mark, text))
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
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
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
            if !matches!(&*name, ".git" | "target" | "out" | "corpus" | "pkg") {
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
}
