//! Metrics of forecasts that state their uncertainty: quantiles, intervals and distributions.

use alloc::borrow::Cow;
use alloc::format;
use core::f64::consts::{FRAC_1_SQRT_2, PI};

use super::{Pairs, Score, mean};
use crate::error::{Error, Number, Position, Result, check_length, check_not_empty, check_range};
use crate::float::{Float, check_values, instantiate};
use crate::math;

/// Returns the mean pinball loss of outputs y that predict a quantile of the targets t.
///
/// ```text
/// loss = q · max(t - y, 0) + (1 - q) · max(y - t, 0)
/// ```
///
/// Slices are row-major `[samples x width]`. `quantile` is q, such as 0.9 for outputs that 90 % of
/// the targets should not exceed. For q = 0.5, the loss is half the mean absolute error. It equals
/// scikit-learn's `mean_pinball_loss`.
///
/// Koenker and Bassett, 1978, "Regression quantiles".
///
/// ```
/// use feedforward::metrics::pinball_loss;
///
/// assert_eq!(pinball_loss(&[1.0, 4.0], &[2.0, 2.0], 1, 0.75)?, (0.75 + 0.5) / 2.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Rows`] if `outputs` does not consist of one or more whole rows.
/// - [`Error::Length`] if `outputs` and `targets` differ in length.
/// - [`Error::InvalidSetting`] unless 0 < `quantile` < 1.
#[doc(alias = "mean_pinball_loss")]
#[doc(alias = "quantile_loss")]
pub fn pinball_loss<T: Float>(
    outputs: &[T],
    targets: &[T],
    width: usize,
    quantile: f64,
) -> Result<f64> {
    check_open_fraction("quantile", quantile)?;
    Ok(pinball(
        &Pairs::new(outputs, targets, width, None)?,
        quantile,
    ))
}

/// Minus the mean pinball loss of a network's outputs, as defined by [`pinball_loss`].
///
/// ```
/// use feedforward::metrics::{Pinball, Score};
///
/// let upper = Pinball { quantile: 0.75 };
/// assert_eq!(upper.score(&[1.0, 4.0], &[2.0, 2.0], 1, None), -0.625);
/// ```
#[doc(alias = "mean_pinball_loss")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pinball {
    /// Quantile that the outputs predict. Range: (0, 1), otherwise the score is NaN. Default: 0.5.
    pub quantile: f64,
}

impl Default for Pinball {
    fn default() -> Self {
        Self { quantile: 0.5 }
    }
}

impl<T: Float> Score<T> for Pinball {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        let pairs = Pairs::new(outputs, targets, width, weights);
        match (pairs, check_open_fraction("quantile", self.quantile)) {
            (Ok(pairs), Ok(())) => -pinball(&pairs, self.quantile),
            _ => f64::NAN,
        }
    }

    fn name(&self) -> Cow<'static, str> {
        format!("neg_pinball({})", Number(self.quantile)).into()
    }
}

/// Returns the mean interval score, also called Winkler score, of intervals for the targets t.
///
/// ```text
/// score = (u - l) + 2/α · max(l - t, 0) + 2/α · max(t - u, 0),   α = 1 - level
/// ```
///
/// `lower` and `upper` are the ends l and u of each target's interval. `level` is the fraction of
/// targets that should lie inside, such as 0.9. Narrow intervals score low, and each miss adds to
/// the score. The minimum is reached by the quantiles α/2 and 1 - α/2.
///
/// Gneiting and Raftery, 2007, "Strictly proper scoring rules, prediction, and estimation",
/// [doi:10.1198/016214506000001437](https://doi.org/10.1198/016214506000001437).
///
/// ```
/// use feedforward::metrics::interval_score;
///
/// let score = interval_score(&[0.0, 0.0], &[2.0, 2.0], &[1.0, 3.0], 0.5)?;
/// assert_eq!(score, (2.0 + 2.0 + 2.0 / 0.5) / 2.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Empty`] if there are no intervals.
/// - [`Error::Length`] if the slices differ in length.
/// - [`Error::InvalidSetting`] unless 0 < `level` < 1.
/// - [`Error::InvalidValue`] if an upper end lies below its lower end.
#[doc(alias = "winkler_score")]
pub fn interval_score<T: Float>(
    lower: &[T],
    upper: &[T],
    targets: &[T],
    level: f64,
) -> Result<f64> {
    check_not_empty("lower ends", lower)?;
    check_length("upper ends", upper, lower.len())?;
    check_length("targets", targets, lower.len())?;
    check_open_fraction("level", level)?;
    if let Some(row) = (0..lower.len()).find(|&row| upper[row] < lower[row]) {
        let expected = format!("at least {}, the lower end", Number(lower[row].as_f64()));
        let (at, value) = (Position::Row(row), upper[row].as_f64());
        return Err(Error::invalid_value("upper end", expected, at, value));
    }
    Ok(winkler(lower, upper, targets, 1.0 - level))
}

/// Returns the mean continuous ranked probability score (CRPS) of normal distributions that
/// predict the targets t.
///
/// ```text
/// CRPS = σ · (z · (2 Φ(z) - 1) + 2 φ(z) - 1/√π),   z = (t - μ) / σ
/// ```
///
/// Φ and φ are the distribution function and the density of the standard normal distribution. Each
/// target has a mean μ and a standard deviation σ. The score is in the unit of the targets, and 0
/// is perfect. For σ = 0 it is |t - μ|.
///
/// Gneiting, Raftery, Westveld and Goldman, 2005,
/// [doi:10.1175/MWR2904.1](https://doi.org/10.1175/MWR2904.1).
///
/// ```
/// use feedforward::metrics::gaussian_crps;
///
/// let score = gaussian_crps(&[0.0], &[1.0], &[0.0])?;
/// assert!((score - 0.23369497725510913_f64).abs() < 1e-15);
/// assert_eq!(gaussian_crps(&[1.0], &[0.0], &[3.5])?, 2.5);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Empty`] if there are no means.
/// - [`Error::Length`] if the slices differ in length.
/// - [`Error::InvalidValue`] if a standard deviation is negative, infinite or NaN.
#[doc(alias = "CRPS")]
pub fn gaussian_crps<T: Float>(means: &[T], deviations: &[T], targets: &[T]) -> Result<f64> {
    check_not_empty("means", means)?;
    check_length("standard deviations", deviations, means.len())?;
    check_length("targets", targets, means.len())?;
    let expected = "a finite number, at least 0";
    check_values("standard deviation", deviations, 0.0..=f64::MAX, expected)
        .map_err(|error| error.at(Position::Row))?;
    Ok(ranked_probability(means, deviations, targets))
}

fn check_open_fraction(what: &'static str, value: f64) -> Result<()> {
    check_range(what, value, f64::MIN_POSITIVE..1.0, "above 0 and below 1")
}

/// Returns x if it is above 0 or NaN, else 0.
#[inline(always)]
fn positive_part(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}

instantiate! {
    fn pinball<T>(pairs: &Pairs<'_, T>, quantile: f64) -> f64 {
        pairs.average(|columns, values| {
            *values = pairs.means(columns, |_, y, t| {
                let distance = t.as_f64() - y.as_f64();
                quantile * positive_part(distance) + (1.0 - quantile) * positive_part(-distance)
            });
        })
    }
}

instantiate! {
    fn winkler<T>(lower: &[T], upper: &[T], targets: &[T], alpha: f64) -> f64 {
        mean(targets.len(), None::<&[T]>, |row| {
            let (lower, upper) = (lower[row].as_f64(), upper[row].as_f64());
            let target = targets[row].as_f64();
            let miss = positive_part(lower - target) + positive_part(target - upper);
            (upper - lower) + 2.0 / alpha * miss
        })
    }
}

instantiate! {
    fn ranked_probability<T>(means: &[T], deviations: &[T], targets: &[T]) -> f64 {
        mean(targets.len(), None::<&[T]>, |row| {
            let (error, deviation) =
                (targets[row].as_f64() - means[row].as_f64(), deviations[row].as_f64());
            if deviation == 0.0 {
                return error.abs();
            }
            let z = error / deviation;
            // 2 Φ(z) - 1 = erf(z / √2), and σ z is the error, also if z overflows.
            let density = math::exp(-0.5 * z * z) / math::sqrt(2.0 * PI);
            let rest = deviation * (2.0 * density - 1.0 / math::sqrt(PI));
            error * math::erf(z * FRAC_1_SQRT_2) + rest
        })
    }
}
