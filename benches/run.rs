//! Runs the benchmark suite of the package `benches`: `cargo bench` in the root starts this
//! program.
//!
//! Cargo builds all dev-dependencies of a package before any of its examples. The suite needs
//! criterion and two other libraries for matrix products. So it is a package of its own, and
//! examples build without them.

use std::env;
use std::process::ExitCode;

#[path = "../tests/common/package.rs"]
mod package;

fn main() -> ExitCode {
    // `cargo bench` passes `--bench` to this program, and will pass it to the suite.
    let (bench, arguments): (Vec<_>, Vec<_>) = env::args_os()
        .skip(1)
        .partition(|argument| argument == "--bench");
    let command = if bench.is_empty() { "test" } else { "bench" };
    package::run(&[command, "--bench", "suite"], "benches", &arguments)
}
