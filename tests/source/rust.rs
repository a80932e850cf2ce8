//! Rust modules, compiled without this crate.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use feedforward::Float;

use crate::networks::{Case, SAMPLES, check, double, generated, input_bytes, single};
use crate::{folder, name, output_of};

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Returns a program that predicts the samples from its input.
fn program<T: Float>(cases: &[Case<T>]) -> String {
    let (float, size) = if size_of::<T>() == 4 {
        ("f32", 4)
    } else {
        ("f64", 8)
    };
    let mut text = format!(
        "use std::io::{{BufReader, BufWriter, Read, Write, stdin, stdout}};
fn main() {{
    let (mut from, mut to) = (BufReader::new(stdin().lock()), BufWriter::new(stdout().lock()));
    let mut read = || {{
        let mut bytes = [0; {size}];
        from.read_exact(&mut bytes).unwrap();
        {float}::from_ne_bytes(bytes)
    }};
"
    );
    for index in 0..cases.len() {
        writeln!(
            text,
            "    for _ in 0..{SAMPLES} {{
        let x: [{float}; nets::{0}::INPUTS] = std::array::from_fn(|_| read());
        nets::{0}::predict(&x).iter().for_each(|y| to.write_all(&y.to_ne_bytes()).unwrap());
    }}",
            name(index)
        )
        .unwrap();
    }
    text + "}\n"
}

fn compile_and_compare<T: Float>(cases: &[Case<T>], kind: &str) {
    let folder = folder(kind);
    let mut library = String::from("//! Networks.\n#![no_std]\n#![deny(warnings, missing_docs)]\n");
    for (index, case) in cases.iter().enumerate() {
        let module = case.net.to_rust_standalone(&name(index)).unwrap();
        assert!(
            module.lines().all(|line| line.chars().count() <= 100),
            "{module}"
        );
        library += &module;
    }
    fs::write(folder.join("nets.rs"), library).unwrap();
    fs::write(folder.join("main.rs"), program(cases)).unwrap();
    compile_and_run(&folder, &input_bytes(cases), |command, output| {
        check(cases, command, output);
    });
}

/// Compiles `nets.rs` and `main.rs` of a folder with several options, and visits the output of each
/// program. Then runs the tests of the modules.
pub fn compile_and_run(folder: &Path, inputs: &[u8], mut visit: impl FnMut(&str, &[u8])) {
    for options in [
        ["-Copt-level=0", "-Cdebug-assertions"],
        ["-Copt-level=3", "-Ctarget-cpu=native"],
    ] {
        let mut command = rustc();
        command
            .args(["--edition=2021", "--crate-type=rlib"])
            .args(options);
        output_of(command.arg("nets.rs").current_dir(folder), &[]);
        let mut command = rustc();
        command
            .args(["--edition=2021", "--extern=nets=libnets.rlib"])
            .args(options);
        output_of(
            command.args(["main.rs", "-o", "main"]).current_dir(folder),
            &[],
        );
        let output = output_of(&mut Command::new(folder.join("main")), inputs);
        visit(&format!("{command:?}"), &output);
    }
    let mut command = rustc();
    command.args(["--edition=2021", "--test", "nets.rs", "-o", "tests"]);
    output_of(command.current_dir(folder), &[]);
    output_of(&mut Command::new(folder.join("tests")), &[]);
}

#[test]
fn rust_in_f32_is_bit_identical() {
    compile_and_compare(single(), "rust_single");
}

#[test]
fn rust_in_f64_is_bit_identical() {
    compile_and_compare(double(), "rust_double");
}

/// The lints and a benchmark need the modules as a file.
#[test]
fn the_generated_file_is_new() {
    if generated() != include_str!("generated.rs").replace('\r', "") {
        let path = folder("generated").join("generated.rs");
        fs::write(&path, generated()).unwrap();
        panic!(
            "tests/source/generated.rs is old; the new one is {}",
            path.display()
        );
    }
}
