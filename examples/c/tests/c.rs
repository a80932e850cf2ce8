//! Programs of C, compiled and run.

#![cfg(unix)]

use std::path::Path;

mod common;

use common::{C, Link, PACKAGE, compile, folder, is_available, run, run_in_valgrind};

/// Compiles a program with each compiler, and checks what it prints. One of them runs in valgrind.
fn check(source: &str, printed: impl Fn(&str)) {
    let source = Path::new(PACKAGE).join(source);
    let folder = folder(source.file_stem().unwrap().to_str().unwrap());
    for (compiler, link) in [
        ("gcc", Link::Shared),
        ("gcc", Link::Static),
        ("clang", Link::Shared),
        ("clang", Link::Static),
    ] {
        if !is_available(compiler) {
            continue;
        }
        let program = compile(compiler, C, &source, link, &folder);
        printed(&run(&program, &folder));
        if (compiler, link) == ("gcc", Link::Static) {
            run_in_valgrind(&program, &folder).as_deref().map(&printed);
        }
    }
}

#[test]
fn exclusive_or_is_learned_and_saved() {
    check("xor.c", |printed| {
        let expected = "0 xor 0 = 0.00\n0 xor 1 = 1.00\n1 xor 0 = 1.00\n1 xor 1 = 0.00\n";
        assert_eq!(printed.replace('-', ""), expected);
    });
}

#[test]
fn all_functions_work() {
    check("tests/programs/functions.c", |printed| {
        assert_eq!(printed, "all functions work\n");
    });
}

#[test]
fn wrong_arguments_are_errors() {
    check("tests/programs/hostile.c", |printed| {
        assert!(printed.lines().count() > 80, "{printed}");
    });
}
