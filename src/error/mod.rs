//! Errors, in a form that a program can match on and a person can act on.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::fmt;

mod checks;
mod divergence;

pub(crate) use checks::{Number, bounded, check_count, check_length, check_not_empty, check_range};
pub(crate) use checks::{check_classes, check_rows};
#[cfg(target_has_atomic = "ptr")]
pub(crate) use checks::{check_row_indices, listed};
pub use divergence::DivergenceCause;

/// The result of every fallible function in this crate.
pub type Result<T> = core::result::Result<T, Error>;

/// An error of this crate.
///
/// Its message names the faulty item, the expected value and the given one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A slice has the wrong number of values.
    #[error("{what}: expected {expected} values, got {got}")]
    Length {
        /// Name of the slice.
        what: &'static str,
        /// Number of values that it must have.
        expected: usize,
        /// Number of values that it has.
        got: usize,
    },

    /// A collection is empty that needs at least one element.
    #[error("{what}: expected at least one, got none")]
    Empty {
        /// Name of the missing item.
        what: &'static str,
    },

    /// A slice of samples is empty or does not consist of whole rows.
    #[error("{what}: expected one or more rows of {width} value{}, got {got} values", plural(*.width))]
    Rows {
        /// Name of the slice.
        what: &'static str,
        /// Number of values in a row.
        width: usize,
        /// Number of values in the slice.
        got: usize,
    },

    /// Sizes do not match, such as those of two matrices or of a network and its samples.
    #[error("{what}: expected {expected}, got {got}")]
    Shape {
        /// Name of the item with the wrong size.
        what: &'static str,
        /// The required size.
        expected: String,
        /// The actual size.
        got: String,
    },

    /// A setting or another argument lies outside its range.
    #[error("{what}: expected {expected}, got {got}")]
    InvalidSetting {
        /// Name of the setting.
        what: &'static str,
        /// The allowed range, in words.
        expected: String,
        /// The given value.
        got: String,
    },

    /// Two settings are valid on their own, but not together.
    #[error("{what}: expected {expected}, got {got}")]
    Incompatible {
        /// Name of the setting that would have to change.
        what: &'static str,
        /// The values that the other setting allows.
        expected: String,
        /// The actual value.
        got: String,
    },

    /// A required item was left out.
    #[error("{what}: expected {expected}, got none")]
    Missing {
        /// Name of the missing item, or of the item that needs it.
        what: &'static str,
        /// Description of the required item.
        expected: &'static str,
    },

    /// An index is not below the number of elements.
    #[error("{what}: expected below {len}, got {index}")]
    OutOfBounds {
        /// Name of the indexed elements.
        what: &'static str,
        /// Number of elements.
        len: usize,
        /// The index, counted from 0.
        index: usize,
    },

    /// A size exceeds a limit or the available memory.
    #[error("{what}: expected {expected}, got {got}")]
    TooLarge {
        /// Name of the item that is too large.
        what: &'static str,
        /// The maximum, in words.
        expected: String,
        /// The requested size.
        got: String,
    },

    /// A number in the data lies outside its range.
    #[error("{what}: expected {expected}, got {} at {at}", Number(*.value))]
    InvalidValue {
        /// Name of the data.
        what: &'static str,
        /// The allowed range, in words.
        expected: String,
        /// Position of the first invalid value.
        at: Position,
        /// The value.
        value: f64,
    },

    /// The data contain NaN or an infinity where only finite numbers are allowed.
    #[error("{what}: expected finite numbers, got {} at {at}", Number(*.value))]
    NotFinite {
        /// Name of the data.
        what: &'static str,
        /// Position of the first such value.
        at: Position,
        /// The value.
        value: f64,
    },

    /// A label is none of the classifier's classes.
    #[error("label at row {row}: expected one of {known}, got {label}")]
    UnknownLabel {
        /// Row of the sample, counted from 0.
        row: usize,
        /// The label, formatted with `Debug`.
        label: String,
        /// The classes, or the first of them, formatted with `Debug`.
        known: String,
    },

    /// A name is unknown.
    ///
    /// A file may have activations or encodings of your own, which a `Resolver` finds
    /// (`Mlp::from_bytes_with`). The known names are those of this crate.
    #[error("{what}: expected one of {known}, got {got:?}")]
    UnknownName {
        /// Kind of the named item.
        what: &'static str,
        /// The known names.
        known: String,
        /// The given name.
        got: String,
    },

    /// A file could not be read or written.
    #[cfg(feature = "std")]
    #[error("{path}: {problem}")]
    Io {
        /// Path of the file.
        path: String,
        /// Kind of the operating system's error.
        kind: std::io::ErrorKind,
        /// The operating system's message.
        problem: String,
    },

    /// A file could be read, but its contents are wrong.
    #[error("{path}: {error}")]
    File {
        /// Path of the file.
        path: String,
        /// The error in the contents. The message includes it, so it is not a `source`.
        error: Box<Error>,
    },

    /// A column of a table is wrong.
    #[error("column {column:?}: {error}")]
    Column {
        /// Name of the column.
        column: String,
        /// The error in the column. The message includes it, so it is not a `source`.
        error: Box<Error>,
    },

    /// One of several networks is wrong, or its training failed.
    #[error("network {index}: {error}")]
    Network {
        /// Index of the network, counted from 0.
        index: usize,
        /// The error of this network. The message includes it, so it is not a `source`.
        error: Box<Error>,
    },

    /// The data that were read do not have the expected format.
    ///
    /// A function of yours can also return it for a failure of its own, such as the function of
    /// `train::least_squares`.
    #[error("{what}: {problem}")]
    Malformed {
        /// Name of the data.
        what: &'static str,
        /// Description of the fault.
        problem: String,
    },

    /// A training run does not allow this call at this point.
    #[error("{call}: expected to be called {expected}")]
    OutOfOrder {
        /// Name of the method.
        call: &'static str,
        /// When the method may be called.
        expected: &'static str,
    },

    /// A training run cannot be resumed with other settings.
    #[error("{setting} of the training run that is resumed: expected {expected}, got {got}")]
    Differs {
        /// Name of the setting.
        setting: String,
        /// Value that the training run began with.
        expected: String,
        /// Value that it has now.
        got: String,
    },

    /// A number overflowed although parameters and samples are finite.
    #[error("{what} at layer {layer}: expected finite numbers, got {value}")]
    Overflow {
        /// Kind of the number: encoded input, output, loss or gradient.
        what: &'static str,
        /// The layer, counted from 0 at the inputs.
        layer: usize,
        /// The value.
        value: f64,
    },

    /// Training produced numbers that are not finite.
    ///
    /// The network keeps the best parameters so far, or its initial ones.
    #[error(
        "training diverged in epoch {epoch}, at update {step}: {what} at layer {layer} became \
         {value} (expected finite numbers); the largest gradient before was {largest_gradient:.1e}. \
         {cause}. The network keeps the best parameters so far"
    )]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The failed update, counted from 1 over all epochs.
        step: u64,
        /// The layer, counted from 0 at the inputs.
        layer: usize,
        /// The first quantity that was not finite: encoded input, output, loss, gradient or
        /// parameters.
        what: &'static str,
        /// The value.
        value: f64,
        /// The largest magnitude in the last finite gradient. 0 if there was none.
        largest_gradient: f64,
        /// The most likely cause.
        cause: DivergenceCause,
    },
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// The position of a number. All indices are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// In a slice without rows, such as parameters.
    Index(usize),
    /// In samples, when the whole row is affected.
    Row(usize),
    /// In samples, or in another slice of rows.
    Cell {
        /// The row, which is the index of the sample.
        row: usize,
        /// The column, which is the index of an input or output.
        column: usize,
    },
    /// At the start of a search, for a number of its own such as a sum.
    Start,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "index {index}"),
            Self::Row(row) => write!(f, "row {row}"),
            Self::Start => write!(f, "the start"),
            Self::Cell { row, column } => write!(f, "row {row}, column {column}"),
        }
    }
}

/// Defines constructors for the variants that consist of three texts.
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

    /// Replaces the error's index by another position.
    pub(crate) fn at(mut self, place: impl FnOnce(usize) -> Position) -> Self {
        if let Self::NotFinite { at, .. } | Self::InvalidValue { at, .. } = &mut self
            && let Position::Index(index) = *at
        {
            *at = place(index);
        }
        self
    }

    /// Adds the name of the column that caused this error.
    #[cfg(feature = "tabular")]
    pub(crate) fn in_column(self, name: &str) -> Self {
        Self::Column {
            column: bounded(name.into()),
            error: Box::new(self),
        }
    }

    /// Adds the index of the network that caused this error.
    #[cfg(target_has_atomic = "ptr")]
    pub(crate) fn in_network(self, index: usize) -> Self {
        Self::Network {
            index,
            error: Box::new(self),
        }
    }

    /// Adds the path to the operating system's error.
    #[cfg(all(
        any(feature = "safetensors", feature = "csv", feature = "onnx"),
        feature = "std"
    ))]
    pub(crate) fn io(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Io {
            path: bounded(path.display().to_string()),
            kind: error.kind(),
            problem: error.to_string(),
        }
    }

    /// Adds the path of the file that caused this error.
    #[cfg(all(
        any(feature = "safetensors", feature = "csv", feature = "onnx"),
        feature = "std"
    ))]
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
