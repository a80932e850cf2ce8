//! What can go wrong, in a form that a program can match on and a person can act on.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

mod checks;
mod divergence;

pub(crate) use checks::check_rows;
pub(crate) use checks::{Number, bounded, check_count, check_length, check_not_empty, check_range};
#[cfg(target_has_atomic = "ptr")]
pub(crate) use checks::{check_classes, listed};
pub use divergence::DivergenceCause;

/// The result of everything here that can fail.
pub type Result<T> = core::result::Result<T, Error>;

/// Every message names what was wrong, what was expected and what came instead.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice has the wrong number of values.
    #[error("{what}: expected {expected} values, got {got}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// How many values it must have.
        expected: usize,
        /// How many it has.
        got: usize,
    },

    /// There is none of something that there must be at least one of.
    #[error("{what}: expected at least one, got none")]
    Empty {
        /// What is missing.
        what: &'static str,
    },

    /// A slice of samples does not consist of whole rows (or of none at all).
    #[error("{what}: expected one or more rows of {width} value{}, got {got} values", plural(*.width))]
    Rows {
        /// Which slice.
        what: &'static str,
        /// Values in a row.
        width: usize,
        /// Values in the slice.
        got: usize,
    },

    /// Sizes that must agree do not: of matrices, layers, a network and what it is used with.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// What has a size.
        what: &'static str,
        /// The size that it must have.
        expected: String,
        /// The size that it has.
        got: String,
    },

    /// A setting or another argument lies outside its range.
    #[error("{what}: expected {expected}, got {got}")]
    InvalidSetting {
        /// Which setting.
        what: &'static str,
        /// The allowed range, in words.
        expected: String,
        /// The value given.
        got: String,
    },

    /// Each of two things is right, but not together with the other.
    #[error("{what}: expected {expected}, got {got}")]
    Incompatible {
        /// Which of them would have to change.
        what: &'static str,
        /// What goes with the other.
        expected: String,
        /// What there is.
        got: String,
    },

    /// Something was left out that is needed.
    #[error("{what}: expected {expected}, got none")]
    Missing {
        /// What is missing, or what needs it.
        what: &'static str,
        /// What there should be.
        expected: &'static str,
    },

    /// An index of something that there are not so many of.
    #[error("{what}: expected below {len}, got {index}")]
    OutOfBounds {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        len: usize,
        /// The index, counted from 0.
        index: usize,
    },

    /// More than there is room for.
    #[error("{what}: expected {expected}, got {got}")]
    TooLarge {
        /// Of what there would be too much.
        what: &'static str,
        /// How much there may be.
        expected: String,
        /// How much was asked for.
        got: String,
    },

    /// A number in the data lies outside its range.
    #[error("{what}: expected {expected}, got {} at {at}", Number(*.value))]
    InvalidValue {
        /// Which numbers.
        what: &'static str,
        /// The allowed range, in words.
        expected: String,
        /// Where the first such value lies.
        at: Position,
        /// The value.
        value: f64,
    },

    /// A NaN or an infinity where only finite numbers have a meaning.
    #[error("{what}: expected finite numbers, got {} at {at}", Number(*.value))]
    NotFinite {
        /// Which numbers.
        what: &'static str,
        /// Where the first such value lies.
        at: Position,
        /// The value.
        value: f64,
    },

    /// A label that is none of a classifier's classes.
    #[error("label at row {row}: expected one of {known}, got {label}")]
    UnknownLabel {
        /// The sample that has it, counted from 0.
        row: usize,
        /// The label, as `Debug` writes it.
        label: String,
        /// The classes, as `Debug` writes them, or the first of them.
        known: String,
    },

    /// A name that nothing here answers to.
    #[error("{what}: expected one of {known}, got {got:?}")]
    UnknownName {
        /// What was looked up.
        what: &'static str,
        /// The names that exist.
        known: String,
        /// The name given.
        got: String,
    },

    /// A file could not be read or written.
    #[cfg(feature = "std")]
    #[error("{path}: {problem}")]
    Io {
        /// Path of the file.
        path: String,
        /// Kind of the system's error.
        kind: std::io::ErrorKind,
        /// The system's message.
        problem: String,
    },

    /// A file could be read, but its contents are wrong.
    #[error("{path}: {error}")]
    File {
        /// Path of the file.
        path: String,
        /// What is wrong with its contents. It is part of the message, so it is no `source`.
        error: Box<Error>,
    },

    /// What was read is not what it should be.
    #[error("{what}: {problem}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },

    /// A call that a training run does not take at this point.
    #[error("{call}: expected to be called {expected}")]
    OutOfOrder {
        /// The method.
        call: &'static str,
        /// When it may be called.
        expected: &'static str,
    },

    /// A training cannot go on with other settings.
    #[error("{setting} of the training run that is resumed: expected {expected}, got {got}")]
    Differs {
        /// Which setting.
        setting: String,
        /// What the training run began with.
        expected: String,
        /// What it has now.
        got: String,
    },

    /// Finite parameters and samples gave a number that is not finite.
    #[error("{what} at layer {layer}: expected finite numbers, got {value}")]
    Overflow {
        /// Which number: output, loss or gradient.
        what: &'static str,
        /// The layer, counted from 0 at the inputs.
        layer: usize,
        /// The value.
        value: f64,
    },

    /// Training produced numbers that are not finite. The network was left with the best
    /// parameters so far, or those it came with.
    #[error(
        "training diverged in epoch {epoch}, at update {step}: {what} at layer {layer} became \
         {value} (expected finite numbers); the largest gradient before was {largest_gradient:.1e}. \
         {cause}. The network keeps the best parameters so far"
    )]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The update that was being made, counted from 1 over all epochs.
        step: u64,
        /// The layer, counted from 0 at the inputs.
        layer: usize,
        /// What became non-finite: output, loss, gradient or parameters.
        what: &'static str,
        /// The value.
        value: f64,
        /// The largest magnitude in the last gradient that was finite; 0 if there was none.
        largest_gradient: f64,
        /// What most likely made it diverge.
        cause: DivergenceCause,
    },
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Where a number lies. Everything is counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// In a slice without rows, such as parameters.
    Index(usize),
    /// In a whole row of samples.
    Row(usize),
    /// In samples, or another slice of rows.
    Cell {
        /// The row: which sample.
        row: usize,
        /// The column: which input or output of the sample.
        column: usize,
    },
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "index {index}"),
            Self::Row(row) => write!(f, "row {row}"),
            Self::Cell { row, column } => write!(f, "row {row}, column {column}"),
        }
    }
}

/// Three texts for each of these kinds.
macro_rules! constructors {
    ($($function:ident => $variant:ident;)*) => {
        $(
            pub(crate) fn $function(
                what: &'static str,
                expected: impl Into<String>,
                got: impl fmt::Display,
            ) -> Self {
                Self::$variant {
                    what,
                    expected: bounded(expected.into()),
                    got: bounded(got.to_string()),
                }
            }
        )*
    };
}

impl Error {
    constructors! {
        invalid_setting => InvalidSetting;
        shape => Shape;
        incompatible => Incompatible;
        too_large => TooLarge;
    }

    pub(crate) fn invalid_value(
        what: &'static str,
        expected: impl Into<String>,
        at: Position,
        value: f64,
    ) -> Self {
        Self::InvalidValue {
            what,
            expected: bounded(expected.into()),
            at,
            value,
        }
    }

    /// This error, its place told in another way.
    pub(crate) fn at(mut self, place: impl FnOnce(usize) -> Position) -> Self {
        if let Self::NotFinite { at, .. } | Self::InvalidValue { at, .. } = &mut self
            && let Position::Index(index) = *at
        {
            *at = place(index);
        }
        self
    }

    /// This error, of what a file of this path holds.
    #[cfg(all(feature = "safetensors", feature = "std"))]
    pub(crate) fn in_file(self, path: &std::path::Path) -> Self {
        match self {
            Self::Io { .. } | Self::File { .. } => self,
            error => Self::File {
                path: bounded(path.display().to_string()),
                error: Box::new(error),
            },
        }
    }
}
