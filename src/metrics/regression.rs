//! Metrics for numbers.

use alloc::borrow::Cow;
use core::f64::consts::LN_10;

use super::{Pairs, Score};
use crate::error::{Error, Result, check_range};
use crate::float::{Float, instantiate, is_rounding};
use crate::math;

/// Returns the mean of |y - t| over all outputs y and their targets t (MAE).
///
/// Slices are row-major `[samples x width]`.
///
/// ```
/// use feedforward::metrics::mean_absolute_error;
///
/// assert_eq!(mean_absolute_error(&[1.0, 2.0], &[1.5, 0.5], 1)?, 1.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// Returns [`Error::Rows`] if `outputs` does not consist of one or more whole rows. Returns
/// [`Error::Length`] if `outputs` and `targets` differ in length.
#[doc(alias = "MAE")]
pub fn mean_absolute_error<T: Float>(outputs: &[T], targets: &[T], width: usize) -> Result<f64> {
    Pairs::new(outputs, targets, width, None).map(|pairs| absolute(&pairs))
}

/// Returns the mean of (y - t)² over all outputs y and their targets t (MSE).
///
/// Slices are row-major `[samples x width]`.
///
/// ```
/// use feedforward::metrics::mean_squared_error;
///
/// assert_eq!(mean_squared_error(&[1.0, 2.0], &[1.5, 0.5], 1)?, 1.25);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// Returns [`Error::Rows`] if `outputs` does not consist of one or more whole rows. Returns
/// [`Error::Length`] if `outputs` and `targets` differ in length.
#[doc(alias = "MSE")]
pub fn mean_squared_error<T: Float>(outputs: &[T], targets: &[T], width: usize) -> Result<f64> {
    Pairs::new(outputs, targets, width, None).map(|pairs| squared(&pairs))
}

/// Returns the square root of each output's mean squared error, averaged over the outputs (RMSE).
///
/// Slices are row-major `[samples x width]`. For several outputs, the result is less than the root
/// of the total [`mean_squared_error`], unless all outputs are equally wrong. It equals
/// scikit-learn's `root_mean_squared_error`.
///
/// ```
/// use feedforward::metrics::root_mean_squared_error;
///
/// assert_eq!(root_mean_squared_error(&[3.0, 0.0], &[0.0, 1.0], 2)?, 2.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// Returns [`Error::Rows`] if `outputs` does not consist of one or more whole rows. Returns
/// [`Error::Length`] if `outputs` and `targets` differ in length.
#[doc(alias = "RMSE")]
pub fn root_mean_squared_error<T: Float>(
    outputs: &[T],
    targets: &[T],
    width: usize,
) -> Result<f64> {
    Pairs::new(outputs, targets, width, None).map(|pairs| root_squared(&pairs))
}

/// Returns the mean of |y - t| / |t| over all outputs y and their targets t (MAPE).
///
/// Slices are row-major `[samples x width]`. The result is a fraction: 0.1 for errors of 10 %.
/// Divisors are at least 2.2e-16, so a target of 0 makes the result huge, as in scikit-learn's
/// `mean_absolute_percentage_error`.
///
/// ```
/// use feedforward::metrics::mean_absolute_percentage_error;
///
/// assert_eq!(mean_absolute_percentage_error(&[1.5, 4.0], &[1.0, -4.0], 1)?, (0.5 + 2.0) / 2.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// Returns [`Error::Rows`] if `outputs` does not consist of one or more whole rows. Returns
/// [`Error::Length`] if `outputs` and `targets` differ in length.
#[doc(alias = "MAPE")]
pub fn mean_absolute_percentage_error<T: Float>(
    outputs: &[T],
    targets: &[T],
    width: usize,
) -> Result<f64> {
    Pairs::new(outputs, targets, width, None).map(|pairs| relative(&pairs))
}

/// Returns the coefficient of determination R², averaged over the outputs.
///
/// ```text
/// R² = 1 - Σ (t - y)² / Σ (t - mean t)²    (sums over the samples)
/// ```
///
/// 1 is perfect, 0 is as good as the mean of the targets, and there is no lower bound. If a target
/// is constant up to rounding, R² is 1 if the outputs match it up to rounding, else 0. For exactly
/// equal numbers, scikit-learn's `r2_score` does likewise. If an output is not finite, R² is NaN.
/// Squares of huge and tiny numbers neither overflow nor vanish.
///
/// ```
/// use feedforward::metrics::r2;
///
/// assert_eq!(r2(&[1.0, 2.0, 5.0], &[1.0, 2.0, 3.0], 1)?, -1.0);
/// assert_eq!(r2(&[2.0, 2.0, 2.0], &[1.0, 2.0, 3.0], 1)?, 0.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// Returns [`Error::Rows`] if `outputs` does not consist of one or more whole rows. Returns
/// [`Error::Length`] if `outputs` and `targets` differ in length. Returns [`Error::Shape`] if there
/// is only one sample, which has no variance.
#[doc(alias = "r2_score")]
#[doc(alias = "coefficient_of_determination")]
pub fn r2<T: Float>(outputs: &[T], targets: &[T], width: usize) -> Result<f64> {
    let pairs = Pairs::new(outputs, targets, width, None)?;
    if pairs.rows() < 2 {
        return Err(Error::shape("samples for R²", "2 or more", 1));
    }
    Ok(determination(&pairs, Link::Identity))
}

/// Returns the peak signal-to-noise ratio in decibels.
///
/// ```text
/// PSNR = 10 · log10(peak² / mean squared error)
/// ```
///
/// `peak` is the largest value that a signal can have, such as 1, or 255 for bytes. The ratio is
/// infinite if outputs and targets are equal.
///
/// ```
/// use feedforward::metrics::psnr;
///
/// assert!((psnr(&[0.1, 0.5], &[0.0, 0.4], 1.0)? - 20.0).abs() < 1e-12);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// Returns [`Error::Rows`] if there are no outputs. Returns [`Error::Length`] if `outputs` and
/// `targets` differ in length. Returns [`Error::InvalidSetting`] if `peak` is not a finite number
/// above 0.
#[doc(alias = "peak_signal_to_noise_ratio")]
pub fn psnr<T: Float>(outputs: &[T], targets: &[T], peak: f64) -> Result<f64> {
    let expected = "a finite number above 0";
    check_range("peak", peak, f64::MIN_POSITIVE..=f64::MAX, expected)?;
    let error = mean_squared_error(outputs, targets, 1)?;
    Ok(10.0 / LN_10 * (2.0 * math::ln(peak) - math::ln(error)))
}

/// Relation between an output and the prediction; [`inverse`](Self::inverse) returns the latter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Link {
    /// The output is the prediction.
    #[default]
    Identity,
    /// The output is the logarithm of the prediction, as for the [`Poisson`](crate::loss::Poisson)
    /// loss.
    Log,
}

impl Link {
    /// Returns the prediction for an output y: y, or e^y with [`Log`](Self::Log).
    #[inline(always)]
    pub fn inverse<T: Float>(self, output: T) -> T {
        match self {
            Self::Identity => output,
            Self::Log => math::exp(output),
        }
    }
}

/// Coefficient of determination R² of a network's outputs, as defined by [`r2`].
///
/// Sums are weighted if there are weights. The score of a single sample, which has no variance, is
/// NaN.
///
/// ```
/// use feedforward::metrics::{Link, R2, Score};
///
/// let targets = [1.0, 2.0, 3.0];
/// assert_eq!(R2::default().score(&[1.0, 2.0, 5.0], &targets, 1, None), -1.0);
/// let rates = R2 { link: Link::Log };
/// let logs = targets.map(|rate: f64| rate.ln());
/// assert!((rates.score(&logs, &targets, 1, None) - 1.0).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct R2 {
    /// Relation between outputs and the predictions to compare with the targets.
    /// Default: [`Link::Identity`].
    pub link: Link,
}

impl<T: Float> Score<T> for R2 {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        match Pairs::new(outputs, targets, width, weights) {
            Ok(pairs) if pairs.rows() >= 2 => determination(&pairs, self.link),
            _ => f64::NAN,
        }
    }

    fn name(&self) -> Cow<'static, str> {
        match self.link {
            Link::Identity => "r2".into(),
            Link::Log => "r2(log)".into(),
        }
    }
}

instantiate! {
    fn absolute<T>(pairs: &Pairs<'_, T>) -> f64 {
        pairs.average(|columns, values| {
            let units = pairs.units(columns.clone(), |y, t| size(y.as_f64(), t.as_f64()));
            let means = pairs.means(columns, |column, y, t| {
                difference(y.as_f64(), t.as_f64(), units[column]).abs()
            });
            for ((value, mean), unit) in values.iter_mut().zip(means).zip(units) {
                *value = mean * unit;
            }
        })
    }
}

instantiate! {
    fn relative<T>(pairs: &Pairs<'_, T>) -> f64 {
        pairs.average(|columns, values| {
            *values = pairs.means(columns, |_, y, t| {
                let size = t.as_f64().abs();
                // A comparison, because `max` would hide NaN.
                let divisor = if size < f64::EPSILON { f64::EPSILON } else { size };
                (y.as_f64() - t.as_f64()).abs() / divisor
            });
        })
    }
}

instantiate! {
    fn squared<T>(pairs: &Pairs<'_, T>) -> f64 {
        pairs.average(|columns, values| {
            *values = pairs.means(columns, |_, y, t| square(y.as_f64() - t.as_f64()));
        })
    }
}

instantiate! {
    fn root_squared<T>(pairs: &Pairs<'_, T>) -> f64 {
        pairs.average(|columns, values| {
            let units = pairs.units(columns.clone(), |y, t| size(y.as_f64(), t.as_f64()));
            let squares = pairs.means(columns, |column, y, t| {
                square(difference(y.as_f64(), t.as_f64(), units[column]))
            });
            for ((value, square), unit) in values.iter_mut().zip(squares).zip(units) {
                *value = math::sqrt(square) * unit;
            }
        })
    }
}

instantiate! {
    /// Returns R², averaged over the outputs.
    fn determination<T>(pairs: &Pairs<'_, T>, link: Link) -> f64 {
        pairs.average(|columns, scores| {
            let units = pairs.units(columns.clone(), |_, t| t.as_f64().abs());
            // Means are relative to the first target, so the mean of equal numbers is exact.
            let first = &pairs.targets[columns.clone()];
            let mut means = pairs.means(columns.clone(), |column, _, t| {
                t.as_f64() / units[column] - first[column].as_f64() / units[column]
            });
            for ((mean, first), unit) in means.iter_mut().zip(first).zip(units) {
                *mean += first.as_f64() / unit;
            }
            let predicted = |y: T| {
                let y = link.inverse(y).as_f64();
                if y.is_finite() { y } else { f64::NAN }
            };
            let error_units = pairs.units(columns.clone(), |y, t| size(predicted(y), t.as_f64()));
            let residuals = pairs.means(columns.clone(), |column, y, t| {
                square(difference(t.as_f64(), predicted(y), error_units[column]))
            });
            let totals = pairs.means(columns, |column, _, t| {
                square(t.as_f64() / units[column] - means[column])
            });
            for (column, score) in scores.iter_mut().enumerate() {
                let (residual, total) = (residuals[column], totals[column]);
                let ratio = error_units[column] / units[column];
                let is_rounding =
                    |deviation: f64| is_rounding::<T>(deviation, means[column], pairs.rows());
                *score = if residual.is_nan() || !is_rounding(math::sqrt(total)) {
                    1.0 - residual / total * ratio * ratio
                } else if is_rounding(math::sqrt(residual) * ratio) {
                    1.0
                } else {
                    0.0
                };
            }
        })
    }
}

/// Returns the size of an error, or the maximum if it overflows.
#[inline(always)]
fn size(y: f64, t: f64) -> f64 {
    (y - t).abs().min(f64::MAX)
}

/// Returns (y - t) / unit.
#[inline(always)]
fn difference(y: f64, t: f64, unit: f64) -> f64 {
    let difference = y - t;
    if difference.is_infinite() {
        return y / unit - t / unit;
    }
    difference / unit
}

#[inline(always)]
fn square(x: f64) -> f64 {
    x * x
}
