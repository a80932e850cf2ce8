//! Code blocks of pages and comments.

use crate::files::{File, Language};
use crate::finding::Finding;

const LANGUAGES: [&str; 11] = [
    "text", "sh", "console", "rust", "toml", "python", "json", "html", "c", "cpp", "cmake",
];

/// A fenced block: its first line, language and text, and the paragraph before it.
struct CodeBlock {
    line: usize,
    language: String,
    attributes: String,
    code: Vec<String>,
    before: String,
    is_closed: bool,
}

fn code_blocks(file: &File) -> Vec<CodeBlock> {
    let mut blocks = Vec::new();
    for block in file.blocks() {
        let mut open: Option<CodeBlock> = None;
        let (mut paragraph, mut last) = (String::new(), String::new());
        for line in block {
            let text = line.text.trim();
            let fence = text.strip_prefix("```");
            match (&mut open, fence) {
                (Some(code), None) => code.code.push(line.text.trim_start().to_owned()),
                (Some(_), Some(_)) => {
                    let mut code = open.take().expect("a block is open");
                    code.is_closed = true;
                    blocks.push(code);
                }
                (None, Some(info)) => {
                    let (language, attributes) = info.split_once(',').unwrap_or((info, ""));
                    let before = if paragraph.is_empty() {
                        &last
                    } else {
                        &paragraph
                    };
                    open = Some(CodeBlock {
                        line: line.number,
                        language: language.to_owned(),
                        attributes: attributes.to_owned(),
                        code: Vec::new(),
                        before: before.clone(),
                        is_closed: false,
                    });
                }
                (None, None) if text.is_empty() => {
                    if !paragraph.is_empty() {
                        last = std::mem::take(&mut paragraph);
                    }
                }
                (None, None) => paragraph = format!("{paragraph} {text}"),
            }
        }
        blocks.extend(open);
    }
    blocks
}

/// Returns blocks that are open, without a known language, not compiled, or plainly neither a
/// program nor a fragment.
pub fn wrong(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let is_page = file.is_page();
        let is_compiled = files.iter().any(|other| includes(other, file));
        for block in code_blocks(file) {
            let mut report = |line, what: &str, text: &str| {
                findings.push(Finding::new(file, line, what, text));
            };
            let first = block.code.first().map_or("", String::as_str);
            if !block.is_closed {
                report(block.line, "a code block is not closed", first);
            }
            if !is_page {
                continue; // rustdoc takes a block without a language for Rust, and compiles it
            }
            if !LANGUAGES.contains(&&*block.language) {
                report(block.line, "not a known language", &block.language);
            }
            if block.language != "rust" {
                continue;
            }
            for (index, code) in block.code.iter().enumerate() {
                if code.starts_with("# ") || code == "#" {
                    report(
                        block.line + 1 + index,
                        "rustdoc hides this line, GitHub not",
                        code,
                    );
                }
            }
            if !is_compiled {
                report(block.line, "no `include_str!` compiles this page", first);
            }
            let is_program = block.code.iter().any(|code| code.contains("fn main"));
            let is_fragment = block.before.contains("fragment");
            if !is_program && !is_fragment {
                report(block.line, "neither a program nor called a fragment", first);
            }
            if block.attributes.contains("ignore") && !is_fragment {
                report(block.line, "ignored, but not called a fragment", first);
            }
        }
    }
    findings
}

/// Returns `true` if the documentation of a source file includes a page.
fn includes(source: &File, page: &File) -> bool {
    let path = format!("../{}\")]", page.path);
    let includes = |line: &String| line.contains("doc = include_str!(") && line.ends_with(&path);
    source.language == Language::Slashes && source.lines.iter().any(includes)
}

#[test]
fn wrong_code_blocks_are_found() {
    fn found(file: &File) -> Vec<Finding> {
        let source = "#[doc = include_str!(\"../a.md\")]";
        let file = File::new(&file.path, &file.lines.join("\n"));
        wrong(&[File::new("src/lib.rs", source), file])
    }
    let program = "```rust\nfn main() {}\n```";
    crate::finding::assert_rule(
        found,
        "a.md",
        &[
            "```\na\n```",
            "```text\na",
            "```rust\na();\n```",
            "```rust\nfn main() {}\n# a\n```",
            "```rust,ignore\nfn main() {}\n```",
        ],
        &[
            program,
            "A fragment:\n\n```rust,ignore\n#[a]\n```",
            "```sh\n# a\n```",
        ],
    );
    crate::finding::assert_rule(found, "b.md", &[program], &["```text\nfn main() {}\n```"]);
    crate::finding::assert_rule(
        found,
        "a.rs",
        &["/// ```\n/// a"],
        &["/// ```\n/// # a\n/// ```"],
    );
}
