//! Metrics, which measure the quality of predictions.
//!
//! | Metric | Data | Best value |
//! |---|---|---|
//! | [`accuracy`] | labels | 1 |
//! | [`ConfusionMatrix`]: precision, recall, F1, balanced accuracy, MCC | labels | 1 |
//! | [`log_loss`], [`brier_score`] | probabilities of classes | 0 |
//! | [`expected_calibration_error`] | probabilities of classes | 0 |
//! | [`roc_auc`], [`roc_curve`], [`average_precision`] | scores of two classes | 1 |
//! | [`r2`] | numbers | 1 |
//! | [`mean_squared_error`], [`root_mean_squared_error`], [`mean_absolute_error`] | numbers | 0 |
//! | [`mean_absolute_percentage_error`] | numbers | 0 |
//! | [`pinball_loss`] | predicted quantiles | 0 |
//! | [`interval_score`], [`gaussian_crps`] | predicted intervals, normal distributions | 0 |
//! | [`psnr`] | signals, in decibels | infinity |
//!
//! A [`Score`] measures a network's raw outputs and increases with quality, so a training run can
//! monitor it. A score of errors, such as [`Brier`], is negative.
//!
//! | Score | Targets |
//! |---|---|
//! | [`Accuracy`], [`BalancedAccuracy`], [`F1`], [`MatthewsCorrelation`], [`Brier`] | classes |
//! | [`SubsetAccuracy`] | several yes-or-no targets |
//! | [`RocAuc`], [`AveragePrecision`] | one or more yes-or-no targets |
//! | [`R2`], [`Pinball`] | numbers |
//!
//! Definitions follow scikit-learn. Slices are row-major `[samples x width]`, and their lengths are
//! checked. Sums are computed in double precision in index order for all types, so results are
//! bit-identical everywhere. If a number is NaN, so is the result.

#![cfg(target_has_atomic = "ptr")]

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::ops::Range;

use crate::error::{Result, check_length, check_rows};
use crate::float::{Float, unit_of};

mod calibration;
#[cfg(feature = "tabular")]
mod class_auc;
mod class_scores;
mod classification;
mod confusion;
mod forecast;
mod ranking;
mod regression;

pub use calibration::{Brier, brier_score, expected_calibration_error};
#[cfg(feature = "tabular")]
pub(crate) use class_auc::ClassAuc;
pub use class_scores::{BalancedAccuracy, F1, MatthewsCorrelation};
pub use classification::{Accuracy, SubsetAccuracy, accuracy, log_loss};
pub use confusion::{ClassScores, ConfusionMatrix};
pub use forecast::{Pinball, gaussian_crps, interval_score, pinball_loss};
pub use ranking::{AveragePrecision, RocAuc, RocPoint, average_precision, roc_auc, roc_curve};
pub use regression::{
    Link, R2, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, psnr, r2,
    root_mean_squared_error,
};

/// A measure of quality; higher is better.
///
/// A custom score takes a few lines:
///
/// ```
/// use std::borrow::Cow;
/// use feedforward::Float;
/// use feedforward::metrics::Score;
///
/// /// Minus the largest error.
/// #[derive(Debug)]
/// struct Worst;
///
/// impl<T: Float> Score<T> for Worst {
///     fn score(&self, outputs: &[T], targets: &[T], _: usize, _: Option<&[T]>) -> f64 {
///         let pairs = outputs.iter().zip(targets);
///         pairs.fold(0.0, |least, (&y, &t)| f64::min(least, -(y - t).abs().as_f64()))
///     }
///     fn name(&self) -> Cow<'static, str> {
///         "worst".into()
///     }
/// }
///
/// assert_eq!(Worst.score(&[1.0, 2.0], &[1.5, 2.0], 1, None), -0.5);
/// ```
pub trait Score<T: Float>: Debug + Send + Sync {
    /// Returns the score of a network's raw outputs, which are logits for classes.
    ///
    /// Outputs and targets are row-major `[samples x width]`. `weights` has one value per sample;
    /// with `None`, all samples count equally. Implementations must not allocate, unless they
    /// implement [`score_in`](Self::score_in).
    ///
    /// An undefined score is NaN. Built-in scores return NaN if a number is NaN or if the lengths
    /// of the slices do not match.
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64;

    /// Returns the [`score`](Self::score), with scratch space that a training run keeps from epoch
    /// to epoch. By default, it calls `score`.
    ///
    /// Implement it if a score needs memory, for example to sort samples. Scratch space starts
    /// empty, then holds the values of the last call. Training allocates nothing if only the
    /// first call grows it.
    fn score_in(
        &self,
        scratch: &mut Vec<u64>,
        outputs: &[T],
        targets: &[T],
        width: usize,
        weights: Option<&[T]>,
    ) -> f64 {
        let _ = scratch;
        self.score(outputs, targets, width, weights)
    }

    /// Returns the name with its parameters, as in `r2(log)`.
    fn name(&self) -> Cow<'static, str>;
}

/// Forwards to the shared score.
impl<T: Float, Shared: Score<T> + ?Sized> Score<T> for Arc<Shared> {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        (**self).score(outputs, targets, width, weights)
    }
    fn score_in(
        &self,
        scratch: &mut Vec<u64>,
        outputs: &[T],
        targets: &[T],
        width: usize,
        weights: Option<&[T]>,
    ) -> f64 {
        (**self).score_in(scratch, outputs, targets, width, weights)
    }
    fn name(&self) -> Cow<'static, str> {
        (**self).name()
    }
}

/// Outputs with their targets and weights, of matching lengths.
struct Pairs<'a, T> {
    outputs: &'a [T],
    targets: &'a [T],
    width: usize,
    weights: Option<&'a [T]>,
}

impl<'a, T: Float> Pairs<'a, T> {
    fn new(
        outputs: &'a [T],
        targets: &'a [T],
        width: usize,
        weights: Option<&'a [T]>,
    ) -> Result<Self> {
        let rows = check_rows("outputs", outputs, width)?;
        check_length("targets", targets, outputs.len())?;
        weights.map_or(Ok(()), |w| check_length("sample weights", w, rows))?;
        Ok(Self {
            outputs,
            targets,
            width,
            weights,
        })
    }

    fn rows(&self) -> usize {
        self.outputs.len() / self.width
    }

    /// Returns the mean of f(outputs, targets) over the rows.
    #[inline(always)]
    fn row_mean(&self, f: impl Fn(&[T], &[T]) -> f64) -> f64 {
        mean(self.rows(), self.weights, |row| {
            let row = row * self.width..(row + 1) * self.width;
            f(&self.outputs[row.clone()], &self.targets[row])
        })
    }

    /// Returns the mean over the columns of the values that `f` writes.
    ///
    /// `f` receives up to [`GROUP`] columns at a time and writes one value per column. Grouping
    /// reads rows in memory order without allocating.
    #[inline(always)]
    fn average(&self, f: impl Fn(Range<usize>, &mut [f64; GROUP])) -> f64 {
        let mut sum = 0.0;
        for first in (0..self.width).step_by(GROUP) {
            let columns = first..self.width.min(first + GROUP);
            let mut values = [0.0; GROUP];
            f(columns.clone(), &mut values);
            sum = values[..columns.len()].iter().fold(sum, |sum, x| sum + x);
        }
        sum / self.width as f64
    }

    /// Returns the mean of f(index in the group, output, target) over the rows, for each column
    /// of a group.
    #[inline(always)]
    fn means(&self, columns: Range<usize>, f: impl Fn(usize, T, T) -> f64) -> [f64; GROUP] {
        let (mut means, mut total) = ([0.0; GROUP], 0.0);
        for row in 0..self.rows() {
            let weight = self.weights.map_or(1.0, |weights| weights[row].as_f64());
            let at = row * self.width + columns.start..row * self.width + columns.end;
            let pairs = self.outputs[at.clone()].iter().zip(&self.targets[at]);
            for (index, (sum, (&y, &t))) in means.iter_mut().zip(pairs).enumerate() {
                *sum += weight * f(index, y, t);
            }
            total += weight;
        }
        means.map(|mean| mean / total)
    }

    /// Returns the power of two of the maximum of f(output, target) over the rows, for each column
    /// of a group.
    #[inline(always)]
    fn units(&self, columns: Range<usize>, f: impl Fn(T, T) -> f64) -> [f64; GROUP] {
        let mut sizes = [0.0; GROUP];
        for row in 0..self.rows() {
            let at = row * self.width + columns.start..row * self.width + columns.end;
            let pairs = self.outputs[at.clone()].iter().zip(&self.targets[at]);
            for (size, (&y, &t)) in sizes.iter_mut().zip(pairs) {
                *size = f64::max(*size, f(y, t));
            }
        }
        sizes.map(unit_of)
    }
}

/// Number of columns that are summed together.
const GROUP: usize = 16;

/// Returns the mean of f(row), weighted if there are weights.
#[inline(always)]
fn mean<T: Float>(rows: usize, weights: Option<&[T]>, f: impl Fn(usize) -> f64) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for row in 0..rows {
        let weight = weights.map_or(1.0, |weights| weights[row].as_f64());
        sum += weight * f(row);
        total += weight;
    }
    sum / total
}
