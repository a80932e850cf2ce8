//! Translation of the functions that a network needs.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::marker::PhantomData;

use super::constants::{constant, series};
use super::functions;
use super::language::{Language, literal, wrapped};
use super::layers::Names;
use crate::float::Float;

/// The functions of one source file, each before its callers.
pub(super) struct Library<T> {
    language: Language,
    /// Prefix of names in C.
    prefix: String,
    indent: usize,
    names: Vec<String>,
    text: String,
    number: PhantomData<T>,
}

/// One of the [`functions`].
struct Function<'a> {
    doc: String,
    arguments: Vec<(&'a str, &'a str)>,
    result: &'a str,
    body: Vec<&'a str>,
}

/// Returns the text of a function.
fn find<T: Float>(name: &str) -> Option<String> {
    let variant = format!("{name}_{}", if T::DOUBLE { "double" } else { "single" });
    let is_wanted = |text: &&str| {
        let head = text.lines().find_map(|line| line.strip_prefix("fn "));
        let found = head.and_then(|head| head.split('(').next());
        found.is_some_and(|found| found == name || found == variant)
    };
    let given = functions::all().find(is_wanted);
    given.map(ToString::to_string).or_else(|| series::<T>(name))
}

fn parse(text: &str) -> Option<Function<'_>> {
    let doc = text.lines().map_while(|line| line.strip_prefix("/// "));
    let doc = doc.collect::<Vec<_>>().join(" ");
    let mut lines = text.lines().skip_while(|line| !line.starts_with("fn "));
    let (_, head) = lines.next()?.split_once('(')?;
    let (arguments, result) = head.split_once(") -> ")?;
    let arguments = arguments
        .split(", ")
        .map(|argument| argument.split_once(": "));
    Some(Function {
        doc,
        arguments: arguments.collect::<Option<_>>()?,
        result: result.strip_suffix(" {")?,
        body: lines
            .map(str::trim)
            .take_while(|line| *line != "}")
            .collect(),
    })
}

impl<T: Float> Library<T> {
    pub(super) fn new(names: &Names<'_>) -> Self {
        Self {
            language: names.language,
            prefix: names.prefix.to_string(),
            indent: names.indent,
            names: Vec::new(),
            text: String::new(),
            number: PhantomData,
        }
    }

    /// Returns all functions.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Returns the name of a function in the source.
    pub(super) fn name(&self, function: &str) -> String {
        match self.language {
            Language::C => format!("{}_{function}", self.prefix),
            Language::Rust => function.to_string(),
        }
    }

    /// Adds a function, unless there is one already, and returns its name in the source.
    pub(super) fn require(&mut self, function: &str) -> String {
        let name = self.name(function);
        if self.names.contains(&name) {
            return name;
        }
        self.names.push(name.clone());
        let text = find::<T>(function).unwrap_or_default();
        if let Some(parsed) = parse(&text) {
            let translated = self.translate(&name, &parsed);
            self.text += &translated;
        }
        name
    }

    fn translate(&mut self, name: &str, function: &Function<'_>) -> String {
        let (language, indent) = (self.language, self.indent);
        let is_double = function.result.starts_with("Double");
        let typed = |(argument, kind): &(&str, &str)| match language {
            Language::C => format!("{} {argument}", self.kind(kind)),
            Language::Rust => format!("{argument}: {}", self.kind(kind)),
        };
        let arguments: Vec<_> = function.arguments.iter().map(typed).collect();
        let (arguments, result) = (arguments.join(", "), self.kind(function.result));
        let mut text = String::from("\n") + &language.comment(indent, &[&function.doc]);
        match language {
            Language::C => {
                text += &wrapped(0, &format!("static inline {result} {name}({arguments})"));
                text += "{\n";
            }
            Language::Rust => {
                text += &wrapped(indent, "#[inline]");
                text += &wrapped(indent, &format!("fn {name}({arguments}) -> {result} {{"));
            }
        }
        for line in &function.body {
            if let Some((other, code)) = line.strip_prefix('@').and_then(|l| l.split_once(' ')) {
                if other == if language == Language::C { "c" } else { "rust" } {
                    let code = self.with_types(code);
                    text += &wrapped(indent + 4, &code);
                }
                continue;
            }
            let code = if line.starts_with("//") {
                (*line).to_string()
            } else if let Some((variable, value)) = line
                .strip_prefix("let ")
                .and_then(|line| line.split_once(" = "))
            {
                let (variable, kind) = variable
                    .split_once(": ")
                    .unwrap_or((variable, function.result));
                let value = self.expression(is_double, value);
                match language {
                    Language::C => format!("const {} {variable} = {value}", self.kind(kind)),
                    Language::Rust => format!("let {variable} = {value}"),
                }
            } else {
                let value = self.expression(is_double, line);
                match language {
                    Language::C => format!("return {value};"),
                    Language::Rust => value,
                }
            };
            text += &wrapped(indent + 4, &code);
        }
        text + &format!("{:indent$}}}\n", "")
    }

    /// Returns the type's name in the language.
    fn kind(&self, kind: &str) -> &'static str {
        match (kind, self.language, T::DOUBLE) {
            ("Float", Language::C, false) => "float",
            ("Float", Language::C, true) | ("Double", Language::C, _) => "double",
            ("Bits", Language::C, false) => "uint32_t",
            ("Bits", Language::C, true) | ("DoubleBits", Language::C, _) => "uint64_t",
            ("Float", Language::Rust, _) => T::NAME,
            ("Double", Language::Rust, _) => "f64",
            ("Bits", Language::Rust, false) => "u32",
            _ => "u64",
        }
    }

    /// Replaces the names of types.
    fn with_types(&self, code: &str) -> String {
        let tokens = tokens(code).map(|token| match token {
            "Float" | "Double" | "Bits" | "DoubleBits" => self.kind(token),
            _ => token,
        });
        tokens.collect()
    }

    /// Translates an expression, and adds the functions that it calls.
    fn expression(&mut self, is_double: bool, code: &str) -> String {
        let mut text = String::new();
        let mut tokens = tokens(code).peekable();
        while let Some(token) = tokens.next() {
            let is_call = tokens.peek() == Some(&"(");
            if is_call && token.starts_with(|c: char| c.is_ascii_lowercase()) && token != "if" {
                text += &self.require(token);
            } else if let Some(constant) = constant::<T>(self.language, token) {
                text += &constant;
            } else if token.starts_with(|c: char| c.is_ascii_digit()) {
                text += &self.number(is_double, token);
            } else {
                match (self.language, token) {
                    (Language::C, "if") => drop(tokens.next()),
                    // The other side follows in braces, or another `if`.
                    (Language::C, "else") => {
                        tokens.next();
                        if tokens.next_if_eq(&"{").is_some() {
                            tokens.next();
                        }
                    }
                    (Language::C, "{") => text.push('?'),
                    (Language::C, "}") if tokens.peek() == Some(&" ") => text.push(':'),
                    (Language::C, "}") => text.truncate(text.trim_end().len()),
                    _ => text += token,
                }
            }
        }
        text
    }

    fn number(&self, is_double: bool, token: &str) -> String {
        match token.parse::<f64>() {
            Ok(number) if token.contains(['.', 'e']) => {
                if is_double {
                    literal(self.language, number)
                } else {
                    literal(self.language, T::from_f64(number))
                }
            }
            _ => token.to_string(),
        }
    }
}

/// Divides code into names, numbers, and single characters.
fn tokens(code: &str) -> impl Iterator<Item = &str> {
    let mut rest = code;
    core::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let mut before = first;
        let is_number = first.is_ascii_digit();
        let belongs = |c: char, before: &mut char| {
            let is_sign = is_number && c == '-' && *before == 'e';
            *before = c;
            c.is_ascii_alphanumeric() || c == '_' || is_number && c == '.' || is_sign
        };
        let len = if first.is_ascii_alphanumeric() || first == '_' {
            rest.find(|c| !belongs(c, &mut before))
                .unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, others) = rest.split_at(len);
        rest = others;
        Some(token)
    })
}
