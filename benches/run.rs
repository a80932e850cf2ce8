//! Runs the benchmark suite, which is the package beside this file.
//!
//! Cargo builds all dev-dependencies of a package before any of its examples. The suite needs
//! criterion and two other libraries of matrix products, so it is a package of its own. This
//! program makes `cargo bench` in the root run it.

use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // Cargo tells this program `--bench`, and will tell the suite.
    let arguments = env::args_os()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let status = Command::new(env!("CARGO"))
        .args(["bench", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/Cargo.toml"))
        .args(["--bench", "suite", "--"])
        .args(arguments)
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cannot run {}: {error}", env!("CARGO"));
            ExitCode::FAILURE
        }
    }
}
