//! Teaches a picture to a network: from a pixel's row and column to its color.
//!
//! `cargo run --example paint_logo [-- --help]`. docs/painting.md shows and explains the results.
//!
//! The program is the package of this folder. Cargo optimizes an example as it does the crate, and
//! so much code would take long to build.

use std::process::ExitCode;

fn main() -> ExitCode {
    paint::run()
}
