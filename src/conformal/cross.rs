//! Intervals from the models and the out-of-fold residuals of a cross-validation.

use alloc::vec;
use alloc::vec::Vec;

use super::rank::rank;
use super::split::check_calibration;
use super::{Ends, sorted};
use crate::error::{Error, Result, check_length, check_not_empty, check_rows};
use crate::float::{Float, check_finite_rows, instantiate};
use crate::memory;

/// CV+ and CV-minmax: intervals from the K models of a cross-validation, without held-out rows.
///
/// Each of n rows has a residual R = |t - μ(x)|, where μ is the model that was trained without the
/// row's fold. For a new row, each model makes a prediction. With K = n, CV+ is the jackknife+.
///
/// [`residuals`](Self::residuals) is the whole state, and [`from_residuals`](Self::from_residuals)
/// restores it.
///
/// Barber, Candès, Ramdas and Tibshirani, 2021,
/// [arXiv:1905.02928](https://arxiv.org/abs/1905.02928).
///
/// ```
/// use feedforward::conformal::CrossConformal;
///
/// // Four rows in two folds, with their out-of-fold predictions.
/// let (predictions, targets) = ([1.0, 2.0, 3.0, 4.0], [1.5, 2.0, 2.75, 4.25]);
/// let conformal = CrossConformal::new(&predictions, &targets, &[0, 0, 1, 1])?;
/// // Two new rows, with the predictions of both models.
/// let (lower, upper) = conformal.intervals(&[1.0, 1.0, 3.0, 5.0], 0.8)?;
/// assert_eq!((lower, upper), (vec![0.5, 2.5], vec![1.5, 5.25]));
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "CV+")]
#[doc(alias = "jackknife")]
#[doc(alias = "CrossConformalRegressor")]
#[doc(alias = "JackknifeAfterBootstrapRegressor")]
#[derive(Clone, Debug, PartialEq)]
pub struct CrossConformal<T> {
    /// Sorted residuals of each fold.
    residuals: Vec<Vec<T>>,
}

impl<T: Float> CrossConformal<T> {
    /// Computes the residuals of out-of-fold predictions, such as those of
    /// [`cross_val_predict`](crate::folds::cross_val_predict).
    ///
    /// `folds` has the fold of each row, counted from 0. Each fold must have a row.
    ///
    /// # Errors
    /// - [`Error::Empty`] if there are no predictions.
    /// - [`Error::Length`] if the slices differ in length.
    /// - [`Error::NotFinite`] if a number or a residual is not finite.
    /// - [`Error::Missing`] if a fold below the last has no rows.
    /// - [`Error::TooLarge`] if memory cannot hold the residuals.
    pub fn new(predictions: &[T], targets: &[T], folds: &[usize]) -> Result<Self> {
        check_calibration(predictions, targets)?;
        check_length("folds of the rows", folds, predictions.len())?;
        let count = folds.iter().max().map_or(0, |&last| last.saturating_add(1));
        // Prevents a large allocation too.
        if count > folds.len() {
            return Err(NO_ROWS);
        }
        let mut members = memory::filled("folds", 0, count)?;
        for &fold in folds {
            members[fold] += 1;
        }
        let mut residuals = vec![Vec::new(); count];
        for (list, members) in residuals.iter_mut().zip(members) {
            memory::reserve("residuals", list, members)?;
        }
        for ((&y, &t), &fold) in predictions.iter().zip(targets).zip(folds) {
            residuals[fold].push((t - y).abs());
        }
        Self::from_residuals(residuals)
    }

    /// Creates the intervals' state from the residuals of each fold, in any order.
    ///
    /// # Errors
    /// - [`Error::Empty`] if there are no folds.
    /// - [`Error::Missing`] if a fold has no residuals.
    /// - [`Error::NotFinite`] if a residual is not finite.
    pub fn from_residuals(residuals: Vec<Vec<T>>) -> Result<Self> {
        check_not_empty("folds", &residuals)?;
        if residuals.iter().any(Vec::is_empty) {
            return Err(NO_ROWS);
        }
        let lists = residuals.into_iter().map(|list| sorted("residuals", list));
        let residuals = lists.collect::<Result<_>>()?;
        Ok(Self { residuals })
    }

    /// Returns the residuals of each fold, sorted.
    pub fn residuals(&self) -> &[Vec<T>] {
        &self.residuals
    }

    /// Returns the lower and upper ends of CV+ intervals. `predictions` is row-major
    /// `[rows x folds]`: the predictions of all K models for each new row.
    ///
    /// ```text
    /// lower = ⌊(n + 1) · (1 - level)⌋-th smallest of μ(x) - R
    /// upper = ⌈(n + 1) · level⌉-th smallest of μ(x) + R
    /// ```
    ///
    /// Each residual R counts with the prediction μ(x) of its fold's model. Coverage is typically
    /// about `level`. If all rows are exchangeable, and training ignores their order, a coverage of
    /// 1 - 2 · (1 - `level`) - √(2/n) is guaranteed. The held-out fold must not have chosen its
    /// model's best epoch.
    ///
    /// A bound takes a time of O(K log n) for each row, and no memory.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless 0 < `level` < 1.
    /// - [`Error::Rows`] if `predictions` does not consist of one or more whole rows.
    /// - [`Error::NotFinite`] if a prediction is not finite.
    /// - [`Error::TooLarge`] if memory cannot hold the intervals.
    pub fn intervals(&self, predictions: &[T], level: f64) -> Result<Ends<T>> {
        let rank = self.check(predictions, level)?;
        let residuals = &self.residuals[..];
        // The lower bound is minus the upper one of everything negated.
        self.ends(predictions, |sign, row| {
            sign * smallest(residuals, row, sign, rank)
        })
    }

    /// Returns the lower and upper ends of CV-minmax intervals. `predictions` is that of
    /// [`intervals`](Self::intervals).
    ///
    /// ```text
    /// [min μ(x) - q, max μ(x) + q],   q = ⌈(n + 1) · level⌉-th smallest R
    /// ```
    ///
    /// They contain the intervals of CV+, and so have at least its guarantee. For K = n (the
    /// jackknife-minmax), a coverage of `level` is guaranteed under the same conditions.
    ///
    /// # Errors
    /// See [`intervals`](Self::intervals).
    pub fn minmax_intervals(&self, predictions: &[T], level: f64) -> Result<Ends<T>> {
        let rank = self.check(predictions, level)?;
        let zeros = memory::filled("folds", T::zero(), self.residuals.len())?;
        let margin = smallest(&self.residuals, &zeros, T::one(), rank);
        self.ends(predictions, |sign, row| {
            let last = row
                .iter()
                .fold(T::neg_infinity(), |last, &y| last.max(sign * y));
            sign * (last + margin)
        })
    }

    /// Checks predictions, and returns the rank of the upper bound.
    fn check(&self, predictions: &[T], level: f64) -> Result<usize> {
        let what = "predictions of the folds' models";
        check_rows(what, predictions, self.residuals.len())?;
        check_finite_rows(what, predictions, self.residuals.len())?;
        rank(level, self.residuals.iter().map(Vec::len).sum())
    }

    /// Returns the ends of all rows' intervals: `end` of the sign -1, and of 1.
    fn ends(&self, predictions: &[T], end: impl Fn(T, &[T]) -> T) -> Result<Ends<T>> {
        let folds = self.residuals.len();
        let ends = |sign| {
            let ends = predictions.chunks_exact(folds).map(|row| end(sign, row));
            memory::collected("ends of intervals", predictions.len() / folds, ends)
        };
        Ok((ends(-T::one())?, ends(T::one())?))
    }
}

/// The error for a fold without a residual, for which a model's prediction would count nothing.
const NO_ROWS: Error = Error::Missing {
    what: "residuals of a fold",
    expected: "a row in each fold",
};

instantiate! {
    /// Returns the number of a rank, counted from 1, among `sign` · prediction + residual of all
    /// folds, or infinity if there are fewer.
    ///
    /// It bisects the numbers of f64, in their order, by how many sums they exceed. Rounding keeps
    /// sums sorted within a fold.
    fn smallest<T>(residuals: &[Vec<T>], predictions: &[T], sign: T, rank: usize) -> T {
        let folds = || residuals.iter().zip(predictions).map(|(list, &y)| (list, sign * y));
        if rank > residuals.iter().map(Vec::len).sum() {
            return T::infinity();
        }
        let (mut low, mut high) = (u64::MAX, 0);
        for (list, y) in folds() {
            low = low.min(key((y + list[0]).as_f64()));
            high = high.max(key((y + list[list.len() - 1]).as_f64()));
        }
        while low < high {
            let middle = low.midpoint(high);
            let bound = number(middle);
            let count = folds().map(|(list, y)| {
                list.partition_point(|&residual| (y + residual).as_f64() <= bound)
            });
            if count.sum::<usize>() >= rank {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        T::from_f64(number(low))
    }
}

/// Returns an integer that has the order of the number, which is not NaN.
fn key(x: f64) -> u64 {
    let bits = x.to_bits();
    if x.is_sign_negative() {
        !bits
    } else {
        bits | SIGN
    }
}

/// Returns the number with this key.
fn number(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

const SIGN: u64 = 1 << 63;
