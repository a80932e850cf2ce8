//! Runs the benchmark suite of the package `benches`: `cargo bench` in the root starts this
//! program.
//!
//! Cargo builds all dev-dependencies of a package before any of its examples. The suite needs
//! criterion and two other libraries for matrix products. So it is a package of its own, and
//! examples build without them.

use std::env;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // `cargo bench` passes `--bench` to this program, and will pass it to the suite.
    let (bench, arguments): (Vec<_>, Vec<_>) = env::args_os()
        .skip(1)
        .partition(|argument| argument == "--bench");
    let status = Command::new(env!("CARGO"))
        .arg(if bench.is_empty() { "test" } else { "bench" })
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/Cargo.toml"))
        .args(["--bench", "suite", "--"])
        .args(arguments)
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: cannot start Cargo: {error}");
            ExitCode::FAILURE
        }
    }
}
