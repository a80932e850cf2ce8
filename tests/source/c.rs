//! Headers, compiled by the C compilers of this machine.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use feedforward::Float;

use crate::networks::{Case, SAMPLES, check, double, input_bytes, single};
use crate::{folder, name, output_of};

/// In CI, a missing compiler is an error.
const REQUIRED: &str = "FEEDFORWARD_C_COMPILERS";

const C: &[&str] = &["-x", "c", "-std=c99"];

/// GCC would fuse products and sums in C++.
const CPP: &[&str] = &["-x", "c++", "-std=c++11", "-ffp-contract=off"];

/// Compilers, optimizations and languages.
const COMPILERS: [(&str, &[&str], &[&str]); 6] = [
    ("gcc", &["-O0"], C),
    ("gcc", &["-O2"], C),
    ("gcc", &["-O3", "-march=native"], C),
    ("gcc", &["-O2", "-march=native"], CPP),
    ("clang", &["-O2", "-march=native"], C),
    ("clang", &["-O2"], CPP),
];

const WARNINGS: [&str; 6] = [
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wdouble-promotion",
    "-pedantic",
    "-Werror",
];

/// Returns `true` if a compiler is installed, which it must be in CI.
fn is_available(compiler: &str) -> bool {
    let is_available = Command::new(compiler).arg("--version").output().is_ok();
    if !is_available {
        eprintln!("{compiler} is not installed, so it does not check the generated C");
        let is_required = std::env::var_os(REQUIRED).is_some();
        assert!(!is_required, "{compiler} is required in CI");
    }
    is_available
}

/// Returns a program that runs the self tests, and then predicts the samples from its input.
fn program<T: Float>(cases: &[Case<T>]) -> String {
    let float = if size_of::<T>() == 4 {
        "float"
    } else {
        "double"
    };
    let mut text = String::from("#include <stdio.h>\n");
    text += "#ifdef _WIN32\n#include <fcntl.h>\n#include <io.h>\n#endif\n";
    let mut calls = String::new();
    for index in 0..cases.len() {
        let (name, upper) = (name(index), name(index).to_uppercase());
        writeln!(text, "#define {upper}_SELF_TEST\n#include \"{name}.h\"").unwrap();
        writeln!(
            calls,
            "    if ({name}_self_test() != 0) return {};
    for (int i = 0; i < {SAMPLES}; i++) {{
        {float} x[{upper}_INPUTS], y[{upper}_OUTPUTS];
        if (fread(x, sizeof x, 1, stdin) != 1) return 1;
        {name}_predict(x, y);
        if (fwrite(y, sizeof y, 1, stdout) != 1) return 1;
    }}",
            index + 2
        )
        .unwrap();
    }
    text += "int main(void)\n{\n";
    text += "#ifdef _WIN32\n    _setmode(0, _O_BINARY);\n    _setmode(1, _O_BINARY);\n#endif\n";
    text + &calls + "    return 0;\n}\n"
}

fn compile_and_compare<T: Float>(cases: &[Case<T>], kind: &str) {
    let folder = folder(kind);
    for (index, case) in cases.iter().enumerate() {
        let header = case.net.to_c(&name(index)).unwrap();
        assert!(
            header.lines().all(|line| line.chars().count() <= 100),
            "{header}"
        );
        fs::write(folder.join(name(index) + ".h"), header).unwrap();
    }
    fs::write(folder.join("main.c"), program(cases)).unwrap();
    compile_and_run(&folder, &input_bytes(cases), |command, output| {
        check(cases, command, output);
    });
}

/// Compiles `main.c` of a folder with each compiler, and visits the output of each program.
pub fn compile_and_run(folder: &Path, inputs: &[u8], mut visit: impl FnMut(&str, &[u8])) {
    for (compiler, options, language) in COMPILERS {
        if !is_available(compiler) {
            continue;
        }
        let mut command = Command::new(compiler);
        command.args(options).args(WARNINGS).args(language);
        output_of(
            command.args(["main.c", "-o", "main"]).current_dir(folder),
            &[],
        );
        let output = output_of(&mut Command::new(folder.join("main")), inputs);
        visit(&format!("{command:?}"), &output);
    }
}

#[test]
fn c_in_f32_is_bit_identical() {
    compile_and_compare(single(), "c_single");
}

#[test]
fn c_in_f64_is_bit_identical() {
    compile_and_compare(double(), "c_double");
}

/// A header that is included and not used must not cause warnings, nor one included twice.
#[test]
fn a_header_may_be_included_twice_and_unused() {
    let folder = folder("c_unused");
    let header = single()[0].net.to_c("net").unwrap();
    fs::write(folder.join("net.h"), header).unwrap();
    let main = "#include \"net.h\"\n#include \"net.h\"\nint main(void) { return 0; }\n";
    fs::write(folder.join("main.c"), main).unwrap();
    for compiler in ["gcc", "clang"] {
        if Command::new(compiler).arg("--version").output().is_ok() {
            let mut command = Command::new(compiler);
            command
                .args(WARNINGS)
                .args(["-std=c99", "main.c", "-o", "main"]);
            output_of(command.current_dir(&folder), &[]);
        }
    }
}

/// The program and the command of the docs, as they stand there.
#[test]
fn the_program_of_the_docs_runs() {
    let folder = folder("c_docs");
    let docs = include_str!("../../docs/embedding.md").replace('\r', "");
    let (_, program) = docs.split_once("```c\n").unwrap();
    let (program, rest) = program.split_once("```").unwrap();
    let (_, command) = rest.split_once("```sh\n").unwrap();
    let (command, _) = command.split_once("\n```").unwrap();
    let (compile, _) = command.split_once(" && ./main").unwrap();
    // The first of the other networks has the sizes of the program.
    let mut nets = single().iter().filter(|case| case.net.inputs() == 4);
    let net = nets
        .find(|case| case.net.outputs() == 3 && case.net.depth() == 2)
        .unwrap();
    fs::write(folder.join("net.h"), net.net.to_c("net").unwrap()).unwrap();
    fs::write(folder.join("main.c"), program).unwrap();
    let mut words = compile.split(' ');
    let compiler = words.next().unwrap();
    if Command::new(compiler).arg("--version").output().is_ok() {
        output_of(Command::new(compiler).args(words).current_dir(&folder), &[]);
        output_of(&mut Command::new(folder.join("main")), &[]);
    }
}
