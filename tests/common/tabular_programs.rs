//! Runs of the example about tables.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::example;

/// Writes a file, and returns its path.
pub fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file
}

/// Returns a command that trains for a short time on a file, and writes to its folder.
pub fn short(file: &Path, flags: &[&str]) -> Command {
    let mut command = example("tabular");
    command
        .arg(file)
        .args(flags)
        .arg("--out")
        .arg(file.parent().unwrap());
    if !flags.contains(&"--epochs") {
        command.args(["--epochs", "2"]);
    }
    if !flags.contains(&"--folds") {
        command.args(["--folds", "2"]);
    }
    command
}

/// Returns a number of the last line of an output.
pub fn number(output: &str, name: &str) -> f64 {
    let line = output.lines().last().unwrap();
    let mut words = line.split(' ').filter_map(|word| word.split_once('='));
    let found = words.find(|(known, _)| *known == name);
    found
        .unwrap_or_else(|| panic!("no {name} in {line}"))
        .1
        .parse()
        .unwrap()
}
