//! Metrics: how good predictions are, in the terms in which people report it.
//!
//! | metric | of | best |
//! |---|---|---|
//! | [`accuracy`] | labels | 1 |
//! | [`ConfusionMatrix`]: precision, recall, F1 | labels | 1 |
//! | [`log_loss`] | probabilities of classes | 0 |
//! | [`r2`] | numbers | 1 |
//! | [`mean_squared_error`], [`root_mean_squared_error`], [`mean_absolute_error`] | numbers | 0 |
//! | [`psnr`] | signals, in decibels | infinite |
//!
//! A [`Score`] says the same of a network's raw outputs and grows with quality, which is what
//! a training can watch: [`Accuracy`], [`SubsetAccuracy`], [`R2`], or your own.
//!
//! Definitions are scikit-learn's. Slices are row-major `[samples x width]`; sums run in double
//! precision in index order, whatever the type, so the bits are the same everywhere. Lengths
//! are checked; NaN among the numbers gives NaN.

#![cfg(target_has_atomic = "ptr")]

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::fmt::Debug;
use core::ops::Range;

use crate::error::{Result, check_length, check_rows};
use crate::float::Float;

mod classification;
mod confusion;
mod regression;

pub use classification::{Accuracy, SubsetAccuracy, accuracy, log_loss};
pub use confusion::{ClassScores, ConfusionMatrix};
pub use regression::{
    Link, R2, mean_absolute_error, mean_squared_error, psnr, r2, root_mean_squared_error,
};

/// A measure of quality: higher is better.
///
/// Your own takes a few lines:
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
    /// The score of a network's raw outputs, which are logits for classes. Outputs and targets
    /// are row-major `[samples x width]`; there is one weight for each sample, or all count
    /// the same. Must not allocate.
    ///
    /// Where it is not defined it is NaN, which the built-in scores give for NaN among the
    /// numbers and for slices that do not fit each other.
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64;

    /// The name with its parameters, as in `r2(log)`.
    fn name(&self) -> Cow<'static, str>;
}

/// A shared score is one too.
impl<T: Float, Shared: Score<T> + ?Sized> Score<T> for Arc<Shared> {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        (**self).score(outputs, targets, width, weights)
    }
    fn name(&self) -> Cow<'static, str> {
        (**self).name()
    }
}

/// Outputs with their targets and weights, known to fit each other.
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

    /// The mean over the rows of f(outputs, targets).
    #[inline(always)]
    fn row_mean(&self, f: impl Fn(&[T], &[T]) -> f64) -> f64 {
        mean(self.rows(), self.weights, |row| {
            let row = row * self.width..(row + 1) * self.width;
            f(&self.outputs[row.clone()], &self.targets[row])
        })
    }

    /// The mean of f over the columns, which is given groups of up to [`GROUP`] of them and writes
    /// a number for each. Rows are read as they lie in memory, and nothing is allocated.
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

    /// For each of a group of columns the mean over the rows of f(index in the group, output,
    /// target).
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
}

/// Columns that are summed up together.
const GROUP: usize = 16;

/// The mean of f(row), weighted if there are weights.
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
