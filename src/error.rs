//! What can go wrong, in a form that a program can match on and a person can act on.

use alloc::string::{String, ToString};
use core::fmt;

/// The result of everything here that can fail.
pub type Result<T> = core::result::Result<T, Error>;

/// Every message names what was wrong, what was expected and what came instead.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A slice has the wrong number of values.
    Length {
        /// Which slice.
        what: &'static str,
        /// How many values it must have.
        expected: usize,
        /// How many it has.
        got: usize,
    },

    /// A slice of samples does not consist of whole rows (or of none at all).
    Rows {
        /// Which slice.
        what: &'static str,
        /// Values in a row.
        width: usize,
        /// Values in the slice.
        got: usize,
    },

    /// A setting lies outside its range.
    OutOfRange {
        /// Which setting.
        what: &'static str,
        /// The allowed range, in words.
        expected: String,
        /// The value given.
        got: String,
    },

    /// A NaN or an infinity where only finite numbers have a meaning.
    NotFinite {
        /// Which slice.
        what: &'static str,
        /// Where the first such value lies.
        index: usize,
        /// The value.
        value: f64,
    },

    /// A name that nothing here answers to.
    UnknownName {
        /// What was looked up.
        what: &'static str,
        /// The names that exist.
        known: String,
        /// The name given.
        got: String,
    },

    /// A file could not be read or written.
    Io {
        /// Which file.
        path: String,
        /// What the system said.
        error: String,
    },

    /// What was read is not what it should be.
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },

    /// A training cannot go on with other settings.
    Differs {
        /// Which setting.
        setting: String,
        /// What the checkpoint has.
        expected: String,
        /// What the trainer has.
        got: String,
    },

    /// Finite parameters and samples gave a number that is not finite.
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

/// Why a training most likely diverged.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum DivergenceCause {
    /// Inputs far from where weights of usual size expect them.
    Inputs {
        /// The smallest input.
        low: f64,
        /// The largest input.
        high: f64,
    },
    /// Targets so large that errors, and with them gradients, are.
    Targets {
        /// The smallest target.
        low: f64,
        /// The largest target.
        high: f64,
    },
    /// A loss that grows like an exponential, and overflows at outputs of a thousand.
    Loss,
    /// None of these, so steps that are too long.
    LearningRate {
        /// The rate of the last update.
        rate: f64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length {
                what,
                expected,
                got,
            } => write!(f, "{what}: expected {expected} values, got {got}"),
            Self::Rows { what, width, got } => write!(
                f,
                "{what}: expected one or more rows of {width} values, got {got} values"
            ),
            Self::OutOfRange {
                what,
                expected,
                got,
            } => write!(f, "{what}: expected {expected}, got {got}"),
            Self::NotFinite { what, index, value } => write!(
                f,
                "{what}: expected finite numbers, got {value} at index {index}"
            ),
            Self::UnknownName { what, known, got } => {
                write!(f, "{what}: expected one of {known}, got {got:?}")
            }
            Self::Io { path, error } => write!(f, "{path}: {error}"),
            Self::Malformed { what, problem } => write!(f, "{what}: {problem}"),
            Self::Differs {
                setting,
                expected,
                got,
            } => write!(
                f,
                "{setting} of the checkpoint's trainer: expected {expected}, got {got}"
            ),
            Self::Overflow { what, layer, value } => write!(
                f,
                "{what} at layer {layer}: expected finite numbers, got {value}"
            ),
            Self::Diverged {
                epoch,
                step,
                layer,
                what,
                value,
                largest_gradient,
                cause,
            } => write!(
                f,
                "training diverged in epoch {epoch}, at update {step}: {what} at layer {layer} became {value} \
                 (expected finite numbers); the largest gradient before was {largest_gradient:.1e}. {cause}. \
                 The network keeps the best parameters so far"
            ),
        }
    }
}

impl core::error::Error for Error {}

impl fmt::Display for DivergenceCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inputs { low, high } => write!(
                f,
                "Likely cause: the inputs, which lie in [{low}, {high}]; \
                 scale them to about [-1, 1], for example by a Scaler"
            ),
            Self::Targets { low, high } => write!(
                f,
                "Likely cause: the targets, which lie in [{low}, {high}]; \
                 scale them to about [-1, 1], for example by a Scaler"
            ),
            Self::Loss => f.write_str(
                "Likely cause: the loss, which grows like an exponential; \
                 clip the gradient or use a smaller learning rate",
            ),
            Self::LearningRate { rate } => write!(
                f,
                "Likely cause: the learning rate, {rate}; try a tenth of it, or clip the gradient"
            ),
        }
    }
}

impl core::error::Error for DivergenceCause {}

impl Error {
    pub(crate) fn out_of_range(
        what: &'static str,
        expected: impl Into<String>,
        got: impl fmt::Display,
    ) -> Self {
        Self::OutOfRange {
            what,
            expected: expected.into(),
            got: got.to_string(),
        }
    }
}

/// Checks that a slice has exactly `expected` values.
pub(crate) fn check_length<T>(what: &'static str, slice: &[T], expected: usize) -> Result<()> {
    let got = slice.len();
    if got == expected {
        Ok(())
    } else {
        Err(Error::Length {
            what,
            expected,
            got,
        })
    }
}

/// Checks that a slice consists of whole rows, at least one, and returns how many.
pub(crate) fn check_rows<T>(what: &'static str, slice: &[T], width: usize) -> Result<usize> {
    let got = slice.len();
    if width == 0 || got == 0 || !got.is_multiple_of(width) {
        return Err(Error::Rows { what, width, got });
    }
    Ok(got / width)
}

/// Checks that a setting lies inside its range; NaN never does.
pub(crate) fn check_range(
    what: &'static str,
    value: f64,
    range: impl core::ops::RangeBounds<f64>,
    expected: &str,
) -> Result<()> {
    if range.contains(&value) {
        Ok(())
    } else {
        Err(Error::out_of_range(what, expected, value))
    }
}
