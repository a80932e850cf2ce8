//! Pictures, plots and progress for the examples.
//!
//! Its functions are not generic, because generic functions would be compiled in each example.

pub mod decode;
pub mod maps;
pub mod panels;
pub mod plot;
pub mod preview;
pub mod progress;
pub mod values;

/// Result whose error is a line of text that a user can act on.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
