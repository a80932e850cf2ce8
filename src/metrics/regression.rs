//! Metrics for numbers.

use alloc::borrow::Cow;
use core::f64::consts::LN_10;

use super::{Pairs, Score};
use crate::error::{Error, Result, check_range};
use crate::float::{Float, instantiate, is_rounding};
use crate::math;

/// The mean of |y - t| over all outputs y and their targets t, row-major `[samples x width]`.
///
/// ```
/// use feedforward::metrics::mean_absolute_error;
///
/// assert_eq!(mean_absolute_error(&[1.0, 2.0], &[1.5, 0.5], 1)?, 1.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rows`] unless there are whole rows of outputs, [`Error::Length`] unless there are
/// as many targets.
pub fn mean_absolute_error<T: Float>(outputs: &[T], targets: &[T], width: usize) -> Result<f64> {
    Pairs::new(outputs, targets, width, None).map(|pairs| absolute(&pairs))
}

/// The mean of (y - t)^2 over all outputs y and their targets t, row-major `[samples x width]`.
///
/// ```
/// use feedforward::metrics::mean_squared_error;
///
/// assert_eq!(mean_squared_error(&[1.0, 2.0], &[1.5, 0.5], 1)?, 1.25);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rows`] unless there are whole rows of outputs, [`Error::Length`] unless there are
/// as many targets.
pub fn mean_squared_error<T: Float>(outputs: &[T], targets: &[T], width: usize) -> Result<f64> {
    Pairs::new(outputs, targets, width, None).map(|pairs| squared(&pairs))
}

/// The square root of each output's mean squared error, averaged over the outputs.
///
/// For several outputs that is less than the root of the whole [`mean_squared_error`], unless
/// all are equally wrong; scikit-learn's `root_mean_squared_error`.
///
/// ```
/// use feedforward::metrics::root_mean_squared_error;
///
/// assert_eq!(root_mean_squared_error(&[3.0, 0.0], &[0.0, 1.0], 2)?, 2.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rows`] unless there are whole rows of outputs, [`Error::Length`] unless there are
/// as many targets.
pub fn root_mean_squared_error<T: Float>(
    outputs: &[T],
    targets: &[T],
    width: usize,
) -> Result<f64> {
    Pairs::new(outputs, targets, width, None).map(|pairs| root_squared(&pairs))
}

/// The coefficient of determination, R² = 1 - sum (t - y)^2 / sum (t - mean t)^2, over samples
/// for each output y with its target t, then averaged over the outputs.
///
/// 1 is perfect, 0 as good as the mean of the targets, and there is no lower bound. A target
/// that is the same for all samples gives 1 if it is met and 0 otherwise, both up to rounding, as
/// scikit-learn's `r2_score` has it for equal numbers. Outputs that are not finite give NaN.
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
/// [`Error::Rows`] unless there are whole rows of outputs, [`Error::Length`] unless there are
/// as many targets, [`Error::Shape`] if there is one sample alone, which has no variance.
pub fn r2<T: Float>(outputs: &[T], targets: &[T], width: usize) -> Result<f64> {
    let pairs = Pairs::new(outputs, targets, width, None)?;
    if pairs.rows() < 2 {
        return Err(Error::shape("samples for R²", "2 or more", 1));
    }
    Ok(determination(&pairs, Link::Identity))
}

/// The peak signal-to-noise ratio in decibels: 10 lg(peak² / mean squared error), where `peak`
/// is the largest value that a signal can have: 1, or 255 for bytes. Infinite for equals.
///
/// ```
/// use feedforward::metrics::psnr;
///
/// assert!((psnr(&[0.1, 0.5], &[0.0, 0.4], 1.0)? - 20.0).abs() < 1e-12);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// [`Error::Rows`] without outputs, [`Error::Length`] unless there are as many targets,
/// [`Error::InvalidSetting`] unless the peak is a finite number above 0.
pub fn psnr<T: Float>(outputs: &[T], targets: &[T], peak: f64) -> Result<f64> {
    let expected = "a finite number above 0";
    check_range("peak", peak, f64::MIN_POSITIVE..=f64::MAX, expected)?;
    let error = mean_squared_error(outputs, targets, 1)?;
    Ok(10.0 / LN_10 * (2.0 * math::ln(peak) - math::ln(error)))
}

/// What an output stands for: the inverse is what turns it into a prediction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Link {
    /// The prediction itself.
    #[default]
    Identity,
    /// The logarithm of the prediction, as under the [`Poisson`](crate::loss::Poisson) loss.
    Log,
}

impl Link {
    /// The prediction: the output y, or e^y.
    #[inline(always)]
    pub fn inverse<T: Float>(self, output: T) -> T {
        match self {
            Self::Identity => output,
            Self::Log => math::exp(output),
        }
    }
}

/// The coefficient of determination of a network's outputs, as [`r2`] defines it; sums are
/// weighted if there are weights. NaN for one sample alone, which has no variance.
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
    /// How outputs turn into the predictions that are compared with the targets.
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
            *values = pairs.means(columns, |_, y, t| (y.as_f64() - t.as_f64()).abs());
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
            *values = pairs.means(columns, |_, y, t| square(y.as_f64() - t.as_f64())).map(math::sqrt);
        })
    }
}

instantiate! {
    /// R², averaged over the outputs.
    fn determination<T>(pairs: &Pairs<'_, T>, link: Link) -> f64 {
        pairs.average(|columns, scores| {
            // From the first target on, so that the mean of equal numbers is just that number.
            let first = &pairs.targets[columns.clone()];
            let mut means = pairs.means(columns.clone(), |column, _, t| {
                t.as_f64() - first[column].as_f64()
            });
            for (mean, first) in means.iter_mut().zip(first) {
                *mean += first.as_f64();
            }
            let residuals = pairs.means(columns.clone(), |_, y, t| {
                let y = link.inverse(y).as_f64();
                let y = if y.is_finite() { y } else { f64::NAN };
                square(t.as_f64() - y)
            });
            let totals = pairs.means(columns, |column, _, t| square(t.as_f64() - means[column]));
            let columns = totals.into_iter().zip(residuals).zip(means);
            for (score, ((total, residual), mean)) in scores.iter_mut().zip(columns) {
                let is_rounding =
                    |square: f64| is_rounding::<T>(math::sqrt(square), mean, pairs.rows());
                *score = if residual.is_nan() || !is_rounding(total) {
                    1.0 - residual / total
                } else if is_rounding(residual) {
                    1.0
                } else {
                    0.0
                };
            }
        })
    }
}

#[inline(always)]
fn square(x: f64) -> f64 {
    x * x
}
