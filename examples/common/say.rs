//! Printing that survives a reader who has gone, and other manners that all examples share.
//!
//! The standard `println!` panics when the pipe is closed, as by `| head -1`. With this one, the
//! program continues in silence, so it still writes its files.

use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::{self, ExitCode};

/// Prints a line to standard output.
macro_rules! println {
    () => { $crate::say::print(format_args!("\n")) };
    ($($text:tt)*) => { $crate::say::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints this at once, if anybody can read it.
pub fn print(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Ok(()) => {}
        // The reader has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        Err(error) => {
            complain(format!("standard output: {error}"));
            process::exit(1);
        }
    }
}

/// Ends a program without flags if it was started with an argument. For `--help` it prints this
/// description first.
#[allow(dead_code)] // the other examples have flags
pub fn no_flags(description: &str) {
    let Some(argument) = std::env::args_os().nth(1) else {
        return;
    };
    if argument == "--help" || argument == "-h" {
        println!("{description}\n\nThis program has no flags.");
        process::exit(0);
    }
    complain(format!(
        "unexpected argument {}, try --help",
        argument.display()
    ));
    process::exit(2);
}

/// Creates the folder of a file that the program will write, and checks that the file is writable.
/// An error is better before the work than after it.
#[allow(dead_code)] // some examples write none
pub fn prepare_file(file: &Path) -> Result<(), String> {
    let explain = |problem: &dyn Display| format!("{}: {problem}", file.display());
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).map_err(|error| explain(&error))?;
    let tried = match fs::metadata(file) {
        Ok(found) if found.is_dir() => return Err(explain(&"expected a file, got a folder")),
        Ok(found) if found.is_file() => File::options().append(true).open(file).map(drop),
        // A pipe would wait for its reader.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            File::create_new(file).and_then(|_| fs::remove_file(file))
        }
        Err(error) => Err(error),
    };
    tried.map_err(|error| explain(&error))
}

/// Prints the closing words of a program: the files that it has written.
#[allow(dead_code)] // some examples write none
pub fn wrote<P: AsRef<Path>>(files: &[P]) {
    let name = |file: &P| file.as_ref().display().to_string();
    let names: Vec<_> = files.iter().map(name).collect();
    println!("Wrote {}", names.join(", "));
}

/// Prints a problem to standard error, as one line, and returns the exit code.
pub fn complain(problem: impl Display) -> ExitCode {
    let problem = problem.to_string();
    let words: Vec<_> = problem.split_whitespace().collect();
    // Without a reader of standard error only the exit code is left.
    let _ = writeln!(io::stderr(), "error: {}", words.join(" "));
    ExitCode::FAILURE
}
