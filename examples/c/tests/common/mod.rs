//! Builds the library and programs of C and C++, and runs them.

// Each test uses some of it.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

/// In CI, a missing tool is an error.
const REQUIRED: &str = "FEEDFORWARD_C_COMPILERS";

/// Folder of the package.
pub const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

/// System libraries of a static link, as docs/c.md names them.
pub const SYSTEM: [&str; 3] = ["-lm", "-lpthread", "-ldl"];

pub const C: &[&str] = &["-std=c99"];
pub const C11: &[&str] = &["-std=c11"];
pub const CPP: &[&str] = &["-std=c++17"];

const WARNINGS: [&str; 6] = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Werror",
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    Static,
    Shared,
    /// The program loads the library.
    None,
}

/// Returns `true` if a tool is installed, which it must be in CI.
pub fn is_available(tool: &str) -> bool {
    let is_available = Command::new(tool).arg("--version").output().is_ok();
    if !is_available {
        eprintln!("{tool} is not installed, so it checks nothing");
        let is_required = std::env::var_os(REQUIRED).is_some();
        assert!(!is_required, "{tool} is required in CI");
    }
    is_available
}

/// Runs a command, which must succeed, and returns its output.
pub fn output_of(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

/// Folder of the libraries, after a build with the profile of this test.
///
/// Cargo builds no library for tests that cannot link it.
pub fn libraries() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let program = std::env::current_exe().unwrap();
        let folder = program.parent().unwrap().parent().unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--quiet", "--manifest-path"]);
        command.arg(format!("{PACKAGE}/Cargo.toml"));
        command.arg("--target-dir").arg(folder.parent().unwrap());
        if folder.ends_with("release") {
            command.arg("--release");
        }
        output_of(&mut command);
        folder.to_owned()
    });
    &FOLDER
}

/// Returns an empty folder.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Compiles a program of C or C++, without warnings, and returns its path.
pub fn compile(
    compiler: &str,
    options: &[&str],
    source: impl AsRef<Path>,
    link: Link,
    folder: &Path,
) -> PathBuf {
    let source = source.as_ref();
    let name = source.file_stem().and_then(OsStr::to_str).unwrap();
    let program = folder.join(format!("{name}_{compiler}_{link:?}"));
    let mut command = Command::new(compiler);
    command.args(options).args(WARNINGS).args(["-O2", "-g"]);
    command.arg(format!("-I{PACKAGE}/include")).arg(source);
    match link {
        Link::Static => {
            command.arg(libraries().join("libfeedforward.a"));
        }
        Link::Shared => {
            let folder = format!("-L{}", libraries().display());
            command.args([&folder, "-lfeedforward"]);
        }
        Link::None => {}
    }
    command.args(SYSTEM);
    output_of(command.arg("-o").arg(&program));
    program
}

/// Runs a program in a folder, and returns what it prints.
pub fn run(program: &Path, folder: &Path) -> String {
    text(output_of(&mut command(program, folder)))
}

/// Runs a program under valgrind, if it is installed, which finds wrong accesses and leaks.
pub fn run_in_valgrind(program: &Path, folder: &Path) -> Option<String> {
    is_available("valgrind").then(|| {
        let mut valgrind = command(Path::new("valgrind"), folder);
        valgrind.args([
            "--quiet",
            "--fair-sched=try",
            "--error-exitcode=1",
            "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect",
        ]);
        text(output_of(valgrind.arg(program)))
    })
}

/// Returns a command that runs a program in a folder, and finds the shared library.
pub fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    for variable in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
        command.env(variable, libraries());
    }
    command
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout).unwrap()
}
