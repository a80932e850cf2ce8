//! Programs of C, compiled and run.

#![cfg(unix)]

use std::path::Path;

mod common;

use common::{
    C, C11, CPP, Link, PACKAGE, command, compile, folder, is_available, run, run_in_valgrind,
};

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

/// It takes long in valgrind, in which another program has a callback too.
#[test]
fn a_callback_sees_the_progress() {
    let source = Path::new(PACKAGE).join("progress.c");
    let folder = folder("progress");
    for compiler in ["gcc", "clang"] {
        if is_available(compiler) {
            let program = compile(compiler, C, &source, Link::Shared, &folder);
            let printed = run(&program, &folder);
            assert!(printed.contains("sine: epoch 50, loss 0.0"), "{printed}");
            assert!(printed.contains("sin(3 * 0.5) is about 1.0"), "{printed}");
        }
    }
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

/// The callback of a processor neither allocates nor frees, while another thread loads networks.
#[test]
fn a_callback_allocates_nothing() {
    let source = Path::new(PACKAGE).join("tests/programs/plugin.c");
    let folder = folder("plugin");
    for (compiler, link) in [("gcc", Link::Static), ("clang", Link::Shared)] {
        if !is_available(compiler) {
            continue;
        }
        let program = compile(compiler, C11, &source, link, &folder);
        assert_eq!(run(&program, &folder), "20 networks were swapped\n");
        if link == Link::Static {
            run_in_valgrind(&program, &folder);
        }
        // glibc lets a program replace its allocator.
        if !cfg!(all(target_os = "linux", target_env = "gnu")) {
            continue;
        }
        let options = ["-std=c11", "-DINTERPOSE"];
        let program = compile(compiler, &options, &source, link, &folder);
        assert_eq!(run(&program, &folder), "20 networks were swapped\n");
        let options = ["-std=c11", "-DINTERPOSE", "-DMUST_FAIL"];
        let program = compile(compiler, &options, &source, link, &folder);
        let output = command(&program, &folder).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && text.contains("in the callback"),
            "{text}"
        );
    }
}

/// The wrapper of C++ has all functions, and the C header is also one of C++.
#[test]
fn all_classes_of_cpp_work() {
    let source = Path::new(PACKAGE).join("tests/programs/wrapper.cpp");
    let folder = folder("wrapper");
    for (compiler, link) in [("g++", Link::Static), ("clang++", Link::Shared)] {
        if !is_available(compiler) {
            continue;
        }
        let program = compile(compiler, CPP, &source, link, &folder);
        assert!(run(&program, &folder).ends_with("all classes work\n"));
        if link == Link::Static {
            run_in_valgrind(&program, &folder);
        }
    }
}

/// A library that is loaded late has no memory of its own on older threads, and needs none.
#[test]
fn a_thread_that_is_older_than_the_library_allocates_nothing() {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        return;
    }
    let source = Path::new(PACKAGE).join("tests/programs/host.c");
    let folder = folder("host");
    if is_available("gcc") {
        let program = compile(
            "gcc",
            &["-std=c11", "-fno-strict-aliasing"],
            &source,
            Link::None,
            &folder,
        );
        assert_eq!(run(&program, &folder), "the host works\n");
    }
}
