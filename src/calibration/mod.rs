//! Calibration: probabilities of classes that match frequencies.
//!
//! Of all rows with a predicted probability of 0.8, 80 % should belong to the class. Networks are
//! often too sure of themselves, and a calibrator corrects that with a few numbers. They are fitted
//! to logits of rows that the network was not trained on, such as out-of-fold rows.
//!
//! | classes | calibrator | fitted numbers | keeps the order of predictions |
//! |---|---|---|---|
//! | two or more | [`Temperature`] | 1 | yes |
//! | two | [`Quadratic::platt`] | 2 | yes, if its factor is above 0 |
//! | two | [`Quadratic`] | 3 | no |
//!
//! Choose [`Temperature`] if in doubt. [`logits`] returns logits for models that return
//! probabilities, such as the mean of several networks.
//!
//! Measure the effect by [`log_loss`](crate::metrics::log_loss) and
//! [`expected_calibration_error`](crate::metrics::expected_calibration_error) on further rows.
//!
//! ```
//! use feedforward::calibration::Temperature;
//!
//! // One logit for two classes. All are ±3, but a fourth of the predictions is wrong.
//! let logits = [3.0, 3.0, 3.0, 3.0, -3.0, -3.0, -3.0, -3.0];
//! let calibrator = Temperature::fit(&logits, 1, &[1, 1, 1, 0, 0, 0, 0, 1], None)?;
//! assert!((calibrator.temperature() - 3.0 / 3.0_f64.ln()).abs() < 1e-9);
//! // Almost 3/4, the accuracy. A ninth, for 8 rows, is left to chance.
//! let probabilities = calibrator.probabilities(&[3.0], 1)?;
//! let expected: f64 = 0.75 * 8.0 / 9.0 + 0.5 / 9.0;
//! assert!((probabilities[1] - expected).abs() < 1e-9);
//! # Ok::<(), feedforward::Error>(())
//! ```

use alloc::vec::Vec;

use crate::error::{Error, Position, Result, check_classes, check_length, check_range, check_rows};
use crate::float::{Float, check_finite, check_finite_rows, check_values, in_rows};
use crate::math;
use crate::memory;

mod quadratic;
mod temperature;

pub use quadratic::Quadratic;
pub use temperature::Temperature;

/// Returns the logits that have these probabilities. `probabilities` is row-major `[rows x
/// classes]`.
///
/// ```text
/// two classes:      ln(p1 / p0), one logit per row
/// several classes:  ln p, a logit for each class
/// ```
///
/// Probabilities below the smallest normal number of the type count as this number, so all logits
/// are finite.
///
/// ```
/// use feedforward::calibration::logits;
///
/// let logits = logits(&[0.5, 0.5, 0.25, 0.75], 2)?;
/// assert_eq!(logits[0], 0.0);
/// assert!((logits[1] - 3.0_f64.ln()).abs() < 1e-15);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::InvalidSetting`] if there are fewer than two classes.
/// - [`Error::Rows`] if `probabilities` does not consist of one or more whole rows.
/// - [`Error::InvalidValue`] if a probability is not in [0, 1].
/// - [`Error::TooLarge`] if memory cannot hold the logits.
pub fn logits<T: Float>(probabilities: &[T], classes: usize) -> Result<Vec<T>> {
    if classes < 2 {
        return Err(Error::invalid_setting("classes", "at least 2", classes));
    }
    check_rows("probabilities", probabilities, classes)?;
    check_values("probability", probabilities, 0.0..=1.0, "0 to 1")
        .map_err(|error| in_rows(error, 0, classes))?;
    if classes == 2 {
        let rows = probabilities.chunks_exact(2);
        let logits = rows.map(|row| logit_of(row[0], row[1]));
        return memory::collected("logits", probabilities.len() / 2, logits);
    }
    let logits = probabilities.iter().map(|&p| logarithm(p));
    memory::collected("logits", probabilities.len(), logits)
}

/// Replaces one row of probabilities by its logits, and returns their number.
#[cfg(feature = "tabular")]
pub(crate) fn logits_in_place<T: Float>(row: &mut [T]) -> usize {
    if let [p0, p1] = row {
        *p0 = logit_of(*p0, *p1);
        return 1;
    }
    for p in &mut *row {
        *p = logarithm(*p);
    }
    row.len()
}

/// Returns the logit of the second of two classes.
fn logit_of<T: Float>(p0: T, p1: T) -> T {
    logarithm(p1) - logarithm(p0)
}

fn logarithm<T: Float>(p: T) -> T {
    math::ln(p.max(T::min_positive_value()))
}

/// Returns the number of classes that rows of this many logits have.
fn classes(width: usize) -> usize {
    width.max(2)
}

/// Checks that there are rows of finite logits, and returns their number.
fn check_logits<T: Float>(logits: &[T], width: usize) -> Result<usize> {
    let rows = check_rows("logits", logits, width)?;
    check_finite_rows("logits", logits, width)?;
    Ok(rows)
}

/// Checks the rows of a fit, and returns the number of those that count.
fn check_fit<T: Float>(
    logits: &[T],
    width: usize,
    expected: &[usize],
    weights: Option<&[T]>,
) -> Result<usize> {
    const WEIGHTS: &str = "sample weights";
    let rows = check_logits(logits, width)?;
    check_length("expected classes", expected, rows)?;
    check_classes("expected class", expected, classes(width))?;
    let Some(weights) = weights else {
        return Ok(rows);
    };
    check_length(WEIGHTS, weights, rows)?;
    check_finite(WEIGHTS, weights).map_err(|error| error.at(Position::Row))?;
    check_values(WEIGHTS, weights, 0.0.., "0 or above").map_err(|error| error.at(Position::Row))?;
    let total = weights.iter().map(|weight| weight.as_f64()).sum();
    let range = f64::MIN_POSITIVE..=f64::MAX;
    check_range(WEIGHTS, total, range, "a sum above 0")?;
    Ok(weights.iter().filter(|&&weight| weight > T::zero()).count())
}

fn check_mixing(mixing: f64) -> Result<()> {
    check_range("mixing", mixing, 0.0..1.0, "at least 0 and below 1")
}

/// Returns the fraction of the uniform distribution in probabilities that were fitted to this many
/// rows.
fn mixing(rows: usize) -> f64 {
    1.0 / (rows as f64 + 1.0)
}

/// Mixes a probability with that of the uniform distribution.
fn mixed<T: Float>(p: f64, mixing: f64, classes: usize) -> T {
    T::from_f64((1.0 - mixing) * p + mixing / classes as f64)
}
