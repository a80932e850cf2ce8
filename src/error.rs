//! What can go wrong, in a form that a program can match on and a person can act on.

use alloc::boxed::Box;
use alloc::format;
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

    /// There is none of something that there must be at least one of.
    Empty {
        /// What is missing.
        what: &'static str,
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
        /// Which numbers.
        what: &'static str,
        /// Where the first such value lies.
        at: Position,
        /// The value.
        value: f64,
    },

    /// A label that is none of a classifier's classes.
    UnknownLabel {
        /// The sample that has it, counted from 0.
        row: usize,
        /// The label, as `Debug` writes it.
        label: String,
        /// The classes, as `Debug` writes them, or the first of them.
        known: String,
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
    #[cfg(feature = "std")]
    Io {
        /// Path of the file.
        path: String,
        /// Kind of the system's error.
        kind: std::io::ErrorKind,
        /// The system's message.
        problem: String,
    },

    /// A file could be read, but its contents are wrong.
    File {
        /// Path of the file.
        path: String,
        /// What is wrong with its contents.
        error: Box<Error>,
    },

    /// What was read is not what it should be.
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },

    /// A call that a training run does not take at this point.
    OutOfOrder {
        /// The method.
        call: &'static str,
        /// When it may be called.
        expected: &'static str,
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

/// Where a number lies. Everything is counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// In a slice without rows, such as parameters.
    Index(usize),
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
            Self::Cell { row, column } => write!(f, "row {row}, column {column}"),
        }
    }
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
            Self::Empty { what } => write!(f, "{what}: expected at least one, got none"),
            Self::Rows { what, width, got } => {
                let plural = if *width == 1 { "" } else { "s" };
                write!(
                    f,
                    "{what}: expected one or more rows of {width} value{plural}, got {got} values"
                )
            }
            Self::OutOfRange {
                what,
                expected,
                got,
            } => write!(f, "{what}: expected {expected}, got {got}"),
            Self::NotFinite { what, at, value } => {
                write!(
                    f,
                    "{what}: expected finite numbers, got {} at {at}",
                    Number(*value)
                )
            }
            Self::UnknownLabel { row, label, known } => {
                write!(
                    f,
                    "label at row {row}: expected one of {known}, got {label}"
                )
            }
            Self::UnknownName { what, known, got } => {
                write!(f, "{what}: expected one of {known}, got {got:?}")
            }
            #[cfg(feature = "std")]
            Self::Io { path, problem, .. } => write!(f, "{path}: {problem}"),
            Self::File { path, error } => write!(f, "{path}: {error}"),
            Self::Malformed { what, problem } => write!(f, "{what}: {problem}"),
            Self::OutOfOrder { call, expected } => {
                write!(f, "{call}: expected to be called {expected}")
            }
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

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(&**error),
            _ => None,
        }
    }
}

impl DivergenceCause {
    /// What it is, and what to do about it.
    pub(crate) fn advise(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inputs { low, high } => write!(
                f,
                "the inputs, which lie in [{}, {}]; scale them to about [-1, 1], for example by a Scaler",
                Number(*low),
                Number(*high)
            ),
            Self::Targets { low, high } => write!(
                f,
                "the targets, which lie in [{}, {}]; scale them to about [-1, 1], for example by a Scaler",
                Number(*low),
                Number(*high)
            ),
            Self::Loss => f.write_str(
                "the loss, which grows like an exponential; clip the gradient or use a smaller learning rate",
            ),
            Self::LearningRate { rate } => write!(
                f,
                "the learning rate, {}; try a tenth of it, or clip the gradient",
                Number(*rate)
            ),
        }
    }
}

impl fmt::Display for DivergenceCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Likely cause: ")?;
        self.advise(f)
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
            expected: bounded(expected.into()),
            got: bounded(got.to_string()),
        }
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

/// A number as messages show it: 1e300, and not a 1 and three hundred zeros.
pub(crate) struct Number(pub(crate) f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(x) = *self;
        let is_plain = x == 0.0 || !x.is_finite() || (1e-5..1e16).contains(&x.abs());
        if is_plain {
            write!(f, "{x}")
        } else {
            write!(f, "{x:e}")
        }
    }
}

/// Characters of a text that messages quote; a path of the system is at most 4,096 bytes long, and
/// what a file says could be of any length.
const MOST_QUOTED: usize = 200;

/// A text of the caller or of a file, shortened where it is too long to be read.
pub(crate) fn bounded(text: String) -> String {
    match text.char_indices().nth(MOST_QUOTED) {
        None => text,
        Some((end, _)) => format!("{}... ({} bytes in all)", &text[..end], text.len()),
    }
}

/// A list of values as `Debug` writes them: all, or the first of many.
#[cfg(target_has_atomic = "ptr")]
pub(crate) fn listed<L: fmt::Debug>(values: &[L]) -> String {
    const MOST: usize = 10;
    let first = values.iter().take(MOST);
    let first: alloc::vec::Vec<_> = first.map(|value| bounded(format!("{value:?}"))).collect();
    match values.len() {
        0..=MOST => format!("[{}]", first.join(", ")),
        all => format!("[{}, ...] ({all} in all)", first.join(", ")),
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
    if width == 0 {
        return Err(Error::out_of_range(
            what,
            "rows of at least 1 value",
            "rows of 0 values",
        ));
    }
    if got == 0 || !got.is_multiple_of(width) {
        return Err(Error::Rows { what, width, got });
    }
    Ok(got / width)
}

/// Checks that there is one at least.
pub(crate) fn check_not_empty<T>(what: &'static str, slice: &[T]) -> Result<()> {
    match slice {
        [] => Err(Error::Empty { what }),
        _ => Ok(()),
    }
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
        Err(Error::out_of_range(what, expected, Number(value)))
    }
}
