//! Modules may import only from lower floors (docs/ARCHITECTURE.md).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

/// Floors from the lowest to the highest. Modules on one floor do not import each other.
const FLOORS: [&[&str]; 15] = [
    &["error"],
    &["simd", "memory", "atomic_file", "fnv", "half"],
    &["parallel", "float", "layout", "serde_float"],
    &["storage"],
    &["math"],
    &["gemm", "blas1", "random", "affine"],
    &[
        "linalg",
        "activation",
        "loss",
        "metrics",
        "encoding",
        "init",
        "optimizer",
        "schedule",
        "folds",
        "calibration",
        "conformal",
        "search",
    ],
    &["layer"],
    &["mlp_ref"],
    &["mlp", "tabular_ref"],
    &["train", "explain", "source"],
    &["model", "quantize"],
    &["tabular"],
    &["onnx", "rtneural"],
    &["lib"],
];

fn floor(module: &str) -> usize {
    FLOORS
        .iter()
        .position(|floor| floor.contains(&module))
        .unwrap_or_else(|| panic!("module {module} has no floor: give it one here and in the docs"))
}

/// The modules of the crate that a file mentions, in `use` or in a path.
struct Imports {
    /// Module path of the file, such as `["optimizer", "adam"]`.
    here: Vec<String>,
    /// Re-exports of the crate's root: each name, and the module that it comes from.
    exports: Vec<(String, String)>,
    found: BTreeSet<String>,
}

impl Imports {
    fn record(&mut self, path: &[String]) {
        let mut base = match path.first().map(String::as_str) {
            Some("crate" | "feedforward") => Vec::new(),
            Some("self" | "super") => self.here.clone(),
            _ => return,
        };
        for part in path {
            match part.as_str() {
                "crate" | "feedforward" | "self" => {}
                "super" => {
                    base.pop();
                }
                name => base.push(name.to_owned()),
            }
        }
        if let Some(top) = base.first() {
            let exported = self.exports.iter().find(|(name, _)| name == top);
            self.found
                .insert(exported.map_or(top, |(_, module)| module).clone());
        }
    }

    fn tree(&mut self, tree: &syn::UseTree, prefix: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.tree(&path.tree, prefix);
                prefix.pop();
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.tree(item, prefix));
            }
            syn::UseTree::Name(syn::UseName { ident })
            | syn::UseTree::Rename(syn::UseRename { ident, .. }) => {
                prefix.push(ident.to_string());
                self.record(prefix);
                prefix.pop();
            }
            syn::UseTree::Glob(_) => self.record(prefix),
        }
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&item.tree, &mut Vec::new());
    }
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let path_parts: Vec<_> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        if path_parts.len() > 1 {
            self.record(&path_parts);
        }
        syn::visit::visit_path(self, path);
    }
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        // The body of a macro has no syntax tree, but paths from the root are recognizable.
        let tokens = call.tokens.to_string();
        for path in tokens.split("crate :: ").skip(1) {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            let name = path.split(|c| !is_name(c)).next().unwrap_or_default();
            if !name.is_empty() {
                self.record(&["crate".to_owned(), name.to_owned()]);
            }
        }
    }
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // Tests may import any module.
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Ident>()
                    .is_ok_and(|argument| argument == "test")
        };
        if !module.attrs.iter().any(is_test) {
            self.here.push(module.ident.to_string());
            syn::visit::visit_item_mod(self, module);
            self.here.pop();
        }
    }
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}

/// Returns the module path of a file: `["optimizer", "adam"]` for `src/optimizer/adam.rs`. A
/// `mod.rs` is the module of its folder.
fn module_path(file: &Path, src: &Path) -> Vec<String> {
    let relative = file.strip_prefix(src).unwrap().with_extension("");
    let mut parts: Vec<_> = relative
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

fn exports(file: &syn::File) -> Vec<(String, String)> {
    fn leaves(tree: &syn::UseTree, module: &str, names: &mut Vec<(String, String)>) {
        match tree {
            syn::UseTree::Path(path) => leaves(&path.tree, module, names),
            syn::UseTree::Group(group) => group.items.iter().for_each(|t| leaves(t, module, names)),
            syn::UseTree::Name(name) => names.push((name.ident.to_string(), module.to_owned())),
            _ => {}
        }
    }
    fn modules(tree: &syn::UseTree, names: &mut Vec<(String, String)>) {
        match tree {
            syn::UseTree::Path(path) => leaves(&path.tree, &path.ident.to_string(), names),
            syn::UseTree::Group(group) => group.items.iter().for_each(|t| modules(t, names)),
            _ => {}
        }
    }
    let mut names = Vec::new();
    for item in &file.items {
        if let syn::Item::Use(item) = item {
            modules(&item.tree, &mut names);
        }
    }
    names
}

/// Returns the imports of one source text, as (module, imported module).
fn edges(here: &[String], text: &str, exports: &[(String, String)]) -> Vec<(String, String)> {
    let file = syn::parse_file(text).unwrap();
    let module = here[0].clone();
    let mut imports = Imports {
        here: here.to_vec(),
        exports: exports.to_vec(),
        found: BTreeSet::new(),
    };
    imports.visit_file(&file);
    imports.found.remove(&module);
    imports
        .found
        .into_iter()
        .map(|found| (module.clone(), found))
        .collect()
}

fn is_allowed((module, imported): &(String, String)) -> bool {
    floor(imported) < floor(module)
}

#[test]
fn no_module_imports_upward() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../src");
    let root = std::fs::read_to_string(src.join("lib.rs")).unwrap();
    let exports = exports(&syn::parse_file(&root).unwrap());
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let mut wrong = Vec::new();
    for file in files {
        let here = module_path(&file, &src);
        let text = std::fs::read_to_string(&file).unwrap();
        let up = edges(&here, &text, &exports)
            .into_iter()
            .filter(|edge| !is_allowed(edge));
        wrong.extend(
            up.map(|(module, imported)| format!("{}: {module} -> {imported}", file.display())),
        );
    }
    assert!(
        wrong.is_empty(),
        "imports that do not go down:\n{}",
        wrong.join("\n")
    );
}

/// The check must recognize nested groups, `super`, paths in code and re-exports.
#[test]
fn upward_imports_are_seen() {
    let exports = [("Mlp".to_owned(), "mlp".to_owned())];
    let here = ["loss".to_owned(), "regression".to_owned()];
    let cases = [
        (
            "use crate::{float::Float, mlp::{Mlp, GradientWorkspace}};",
            false,
        ),
        ("use super::super::optimizer::Adam;", false),
        ("use crate::Mlp;", false),
        (
            "mod inner { use super::super::super::train::Trainer; }",
            false,
        ),
        ("fn f() { crate::layer::Layer::new(); }", false),
        ("fn f(x: &crate::activation::Relu) {}", false),
        ("instantiate! { fn f<T>() { crate::train::f() } }", false),
        ("macro_rules! m { () => { $crate::mlp::f() } }", false),
        ("instantiate! { fn f<T>() { crate::float::f() } }", true),
        ("use crate::{float::Float, simd::{self, Op}};", true),
        ("use super::Loss; use std::mlp::X;", true),
        (
            "#[cfg(test)] mod tests { use crate::train::Trainer; }",
            true,
        ),
    ];
    for (text, allowed) in cases {
        assert_eq!(
            edges(&here, text, &exports).iter().all(is_allowed),
            allowed,
            "{text}"
        );
    }
}
