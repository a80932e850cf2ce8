//! Printing to a reader that may have gone.
//!
//! `println!` panics when the pipe is closed, as by `paint_logo | head -1`. What is printed here
//! ends the program quietly then.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::{self, ExitCode};

/// Prints a line to standard output.
macro_rules! say {
    () => { $crate::say::print(format_args!("\n")) };
    ($($text:tt)*) => { $crate::say::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints this at once. Ends the program if nobody can read it.
pub fn print(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Ok(()) => {}
        // The reader has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => {
            complain(&format!("standard output: {error}"));
            process::exit(1);
        }
    }
}

/// Prints a problem to standard error, and returns the status to end with.
pub fn complain(problem: &str) -> ExitCode {
    // Without a reader of standard error only the status is left.
    let _ = writeln!(io::stderr(), "{problem}");
    ExitCode::FAILURE
}
