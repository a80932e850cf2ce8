//! Starts Cargo in another package of the workspace.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// Runs a command of Cargo in the package of this folder, and passes arguments to its programs.
pub fn run(command: &[&str], folder: &str, arguments: &[OsString]) -> ExitCode {
    let (command, flags) = command.split_first().expect("a command");
    let status = Command::new(env!("CARGO"))
        .arg(command)
        .arg("--manifest-path")
        .arg(format!(
            "{}/{folder}/Cargo.toml",
            env!("CARGO_MANIFEST_DIR")
        ))
        .args(flags)
        .arg("--")
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
