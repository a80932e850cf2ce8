//! Runs the examples, and finds the files that they write.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use image::GenericImageView;

/// Returns a command for an example.
///
/// Cargo builds the examples before it runs tests, in a neighboring folder: `target/debug/deps/...`
/// and `target/debug/examples/...`.
pub fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let program = folder.join("examples").join(file);
    assert!(
        program.exists(),
        "{} is missing: `cargo test --test` alone does not build it, \
         `cargo test` and `cargo build --examples` do",
        program.display()
    );
    Command::new(program)
}

/// Returns an empty folder for one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => fs::create_dir_all(&folder).unwrap(),
    }
    folder
}

/// Returns the output of a program, which must succeed.
pub fn output_of(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(status.success(), "{command:?}: {status}\n{stderr}");
    assert_eq!(stderr, "", "{command:?} is not quiet without a terminal");
    String::from_utf8(stdout).unwrap()
}

/// Runs `paint_logo` with a network that trains quickly.
pub fn paint(out: &Path, flags: &[&str]) -> Command {
    let mut command = example("paint_logo");
    command.args(["--hidden", "16,8x2", "--epochs", "3", "--out"]);
    command.arg(out).args(flags);
    command
}

pub fn size(file: &Path) -> (u32, u32) {
    image::open(file).unwrap().dimensions()
}

/// Checks that a program ends with this exit code and a line about the problem.
#[allow(dead_code)] // one file has no errors to check
pub fn check_error(command: &mut Command, code: i32, word: &str) {
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{stderr}");
    assert!(stderr.starts_with("error: "), "{command:?}\n{stderr}");
    assert!(stderr.contains(word), "{command:?}: no {word}\n{stderr}");
    // clap explains wrong flags in several lines.
    if code == 1 {
        assert_eq!(stderr.lines().count(), 1, "{command:?}\n{stderr}");
    }
}
