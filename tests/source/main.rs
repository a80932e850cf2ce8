//! Generated C and Rust are bit-identical to the portable instruction set, and compile without
//! warnings.

mod c;
mod errors;
mod generated;
mod networks;
mod quantized;
mod rust;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Returns the name of network `index` in generated source.
fn name(index: usize) -> String {
    format!("net_{index}")
}

/// Runs a program that must succeed and print nothing to standard error. Returns its output.
fn output_of(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{stderr}",
        output.status
    );
    assert_eq!(stderr, "", "{command:?}");
    output.stdout
}

/// Returns an empty folder for one test.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("source")
        .join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
