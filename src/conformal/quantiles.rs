//! Conformalized quantiles.

use alloc::vec::Vec;

use super::rank::{rank, rank_of_side};
use super::split::check_targets;
use super::{Ends, SCORES, at_rank, sorted};
use crate::error::{Position, Result, check_length, check_not_empty};
use crate::float::{Float, check_finite};
use crate::memory;

/// Conformalized quantile regression (CQR): intervals between two predicted quantiles.
///
/// A network with the loss [`Pinball`](crate::loss::Pinball) predicts quantiles l and u, such as
/// 0.05 and 0.95. Their distance follows the noise, but its coverage is not guaranteed. This type
/// moves both ends by what calibration rows with the targets t need:
///
/// ```text
/// conformity score:  max(l - t, t - u)
/// interval:          [l - q, u + q]
/// ```
///
/// The margin q is the k-th smallest score, with k as in the [module](super). It is negative if the
/// quantiles are too far apart. An interval that would then have a negative width becomes its
/// midpoint. Quantiles that cross are swapped.
///
/// [`asymmetric`](Self::asymmetric) moves each end by its own margin.
///
/// [`scores`](Self::scores) and [`upper_scores`](Self::upper_scores) are the whole state, and
/// [`from_scores`](Self::from_scores) restores it.
///
/// Romano, Patterson and Candès, 2019, [arXiv:1905.03222](https://arxiv.org/abs/1905.03222).
///
/// ```
/// use feedforward::conformal::QuantileConformal;
///
/// // Four calibration rows.
/// let (lower, upper, targets) = ([0.0; 4], [1.0; 4], [0.5, 1.5, -0.25, 0.75]);
/// let conformal = QuantileConformal::new(&lower, &upper, &targets)?;
/// assert_eq!(conformal.scores(), [-0.5, -0.25, 0.25, 0.5]);
/// assert_eq!(conformal.intervals(&[2.0], &[5.0], 0.8)?, (vec![1.5], vec![5.5]));
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "CQR")]
#[doc(alias = "ConformalizedQuantileRegressor")]
#[derive(Clone, Debug, PartialEq)]
pub struct QuantileConformal<T> {
    scores: Vec<T>,
    upper_scores: Option<Vec<T>>,
}

impl<T: Float> QuantileConformal<T> {
    /// Computes the scores max(l - t, t - u) of calibration rows.
    ///
    /// # Errors
    /// - [`Error::Empty`](crate::Error::Empty) if there are no rows.
    /// - [`Error::Length`](crate::Error::Length) if the slices differ in length.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if a number or a score is not finite.
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold the scores.
    pub fn new(lower: &[T], upper: &[T], targets: &[T]) -> Result<Self> {
        let score = |(l, u): (T, T), t: T| (l - t).max(t - u);
        Self::from_scores(scores(lower, upper, targets, score)?, None)
    }

    /// Computes the scores l - t and t - u of calibration rows.
    ///
    /// Each end gets its own margin: the ⌈(n + 1) · (1 + level) / 2⌉-th smallest of its scores.
    /// Each side then misses at most half of the targets that may be missed. Intervals are often
    /// wider than those of [`new`](Self::new).
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn asymmetric(lower: &[T], upper: &[T], targets: &[T]) -> Result<Self> {
        let below = scores(lower, upper, targets, |(l, _), t| l - t)?;
        let above = scores(lower, upper, targets, |(_, u), t| t - u)?;
        Self::from_scores(below, Some(above))
    }

    /// Creates the intervals' state from scores, in any order: those of [`new`](Self::new), or both
    /// lists of [`asymmetric`](Self::asymmetric).
    ///
    /// # Errors
    /// - [`Error::Empty`](crate::Error::Empty) if there are no scores, and
    ///   [`Error::NotFinite`](crate::Error::NotFinite) if one is not finite.
    /// - [`Error::Length`](crate::Error::Length) if the two lists differ in length.
    pub fn from_scores(scores: impl Into<Vec<T>>, upper_scores: Option<Vec<T>>) -> Result<Self> {
        let scores = sorted(SCORES, scores.into())?;
        let upper_scores = upper_scores.map(|upper| {
            check_length("conformity scores of upper ends", &upper, scores.len())?;
            sorted("conformity scores of upper ends", upper)
        });
        let upper_scores = upper_scores.transpose()?;
        Ok(Self {
            scores,
            upper_scores,
        })
    }

    /// Returns the scores, sorted. [`asymmetric`](Self::asymmetric) has those of lower ends here.
    pub fn scores(&self) -> &[T] {
        &self.scores
    }

    /// Returns the scores of upper ends, sorted, if the type is
    /// [`asymmetric`](Self::asymmetric).
    pub fn upper_scores(&self) -> Option<&[T]> {
        self.upper_scores.as_deref()
    }

    /// Returns the lower and upper ends of intervals from the predicted quantiles of new rows.
    ///
    /// An interval contains its target with a probability of at least `level`. This assumes that
    /// calibration rows and the new row are exchangeable, and that the model has not seen their
    /// targets. With [`asymmetric`](Self::asymmetric) scores, each side misses with a probability
    /// of at most (1 - `level`) / 2. The quantiles need not be those of the level, but intervals
    /// follow the noise best if they are.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless 0 < `level` < 1.
    /// - [`Error::Empty`](crate::Error::Empty) if there are no rows, and
    ///   [`Error::NotFinite`](crate::Error::NotFinite) if a quantile is not finite.
    /// - [`Error::Length`](crate::Error::Length) if the slices differ in length.
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold the intervals.
    pub fn intervals(&self, lower: &[T], upper: &[T], level: f64) -> Result<Ends<T>> {
        check_quantiles(lower, upper)?;
        let count = self.scores.len();
        let rank = rank(level, count)?;
        let margins = match &self.upper_scores {
            None => [at_rank(&self.scores, rank); 2],
            Some(upper) => {
                let rank = rank_of_side(rank, count);
                [at_rank(&self.scores, rank), at_rank(upper, rank)]
            }
        };
        let interval = |row: usize| {
            let (l, u) = ordered(lower[row], upper[row]);
            let (l, u) = (l - margins[0], u + margins[1]);
            let half = T::from_f64(0.5);
            if u < l {
                // Halves do not overflow.
                [l * half + u * half; 2]
            } else {
                [l, u]
            }
        };
        let ends = |end: usize| {
            let ends = (0..lower.len()).map(|row| interval(row)[end]);
            memory::collected("ends of intervals", lower.len(), ends)
        };
        Ok((ends(0)?, ends(1)?))
    }
}

fn scores<T: Float>(
    lower: &[T],
    upper: &[T],
    targets: &[T],
    score: impl Fn((T, T), T) -> T,
) -> Result<Vec<T>> {
    check_quantiles(lower, upper)?;
    check_targets(targets, lower.len())?;
    let rows = lower.iter().zip(upper).zip(targets);
    let scores = rows.map(|((&l, &u), &t)| score(ordered(l, u), t));
    memory::collected(SCORES, lower.len(), scores)
}

/// Returns the quantiles in order, for those that cross.
fn ordered<T: Float>(l: T, u: T) -> (T, T) {
    if u < l { (u, l) } else { (l, u) }
}

fn check_quantiles<T: Float>(lower: &[T], upper: &[T]) -> Result<()> {
    check_not_empty("lower quantiles", lower)?;
    check_length("upper quantiles", upper, lower.len())?;
    check_finite("lower quantiles", lower).map_err(|error| error.at(Position::Row))?;
    check_finite("upper quantiles", upper).map_err(|error| error.at(Position::Row))
}
