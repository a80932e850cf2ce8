//! Runs the tests of the package `checks`: `cargo test` in the root starts this program.
//!
//! Cargo builds all dev-dependencies of a package before any of its examples. These tests need
//! large libraries. So they are a package of their own, and examples build without them.

use std::env;
use std::process::ExitCode;

#[path = "common/package.rs"]
mod package;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    let test = ["test", "--release"];
    // Only the release profile has no debug assertions.
    let command = if cfg!(debug_assertions) {
        &test[..1]
    } else {
        &test
    };
    package::run(command, "tests/checks", &arguments)
}
