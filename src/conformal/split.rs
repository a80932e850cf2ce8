//! Split conformal intervals.

use alloc::vec::Vec;

use super::rank::rank;
use super::{Ends, SCORES, at_rank, sorted};
use crate::error::{Error, Position, Result, check_length, check_not_empty};
use crate::float::{Float, check_finite, check_values};
use crate::memory;

/// Split conformal prediction: intervals around predictions of numbers.
///
/// Calibration rows have predictions μ, targets t and, for normalized scores, standard deviations
/// σ.
///
/// ```text
/// conformity score:  |t - μ|      or, normalized, |t - μ| / σ
/// interval:          μ ± q        or, normalized, μ ± q σ
/// ```
///
/// The margin q is the k-th smallest score, with k as in the [module](super). Normalized intervals
/// are as wide as the deviations tell. Any positive estimate of the size of errors will do, such as
/// the deviation of [`GaussianNll`](crate::loss::GaussianNll) or of an ensemble.
///
/// [`scores`](Self::scores) and [`is_normalized`](Self::is_normalized) are the whole state, and
/// [`from_scores`](Self::from_scores) restores it.
///
/// Papadopoulos, Proedrou, Vovk and Gammerman, 2002, *Inductive confidence machines for
/// regression*. Lei, G'Sell, Rinaldo, Tibshirani and Wasserman, 2018,
/// [arXiv:1604.04173](https://arxiv.org/abs/1604.04173).
///
/// ```
/// use feedforward::conformal::SplitConformal;
///
/// let predictions = [0.0, 0.0, 0.0, 5.0];
/// let targets = [0.1, -0.2, 0.3, 9.0];
/// let deviations = [1.0, 1.0, 1.0, 10.0];
/// let conformal = SplitConformal::normalized(&predictions, &deviations, &targets)?;
/// assert_eq!(conformal.scores(), [0.1, 0.2, 0.3, 0.4]);
/// let (lower, upper) = conformal.normalized_intervals(&[1.0, 1.0], &[1.0, 5.0], 0.8)?;
/// assert_eq!((lower, upper), (vec![0.6, -1.0], vec![1.4, 3.0]));
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "SplitConformalRegressor")]
#[doc(alias = "inductive")]
#[derive(Clone, Debug, PartialEq)]
pub struct SplitConformal<T> {
    scores: Vec<T>,
    normalized: bool,
}

impl<T: Float> SplitConformal<T> {
    /// Computes the scores |t - μ| of calibration rows.
    ///
    /// # Errors
    /// - [`Error::Empty`] if there are no predictions.
    /// - [`Error::Length`] if the slices differ in length.
    /// - [`Error::NotFinite`] if a number or a score is not finite.
    /// - [`Error::TooLarge`] if memory cannot hold the scores.
    pub fn new(predictions: &[T], targets: &[T]) -> Result<Self> {
        check_calibration(predictions, targets)?;
        let scores = predictions
            .iter()
            .zip(targets)
            .map(|(&y, &t)| (t - y).abs());
        let scores = memory::collected(SCORES, predictions.len(), scores)?;
        Self::from_scores(scores, false)
    }

    /// Computes the normalized scores |t - μ| / σ of calibration rows.
    ///
    /// # Errors
    /// - The errors of [`new`](Self::new).
    /// - [`Error::InvalidValue`] if a deviation is not above 0.
    pub fn normalized(predictions: &[T], deviations: &[T], targets: &[T]) -> Result<Self> {
        check_calibration(predictions, targets)?;
        check_deviations(predictions, deviations)?;
        let rows = predictions.iter().zip(targets).zip(deviations);
        let scores = rows.map(|((&y, &t), &deviation)| (t - y).abs() / deviation);
        let scores = memory::collected(SCORES, predictions.len(), scores)?;
        Self::from_scores(scores, true)
    }

    /// Creates the intervals' state from scores, in any order.
    ///
    /// # Errors
    /// [`Error::Empty`] if there are no scores, and [`Error::NotFinite`] if one is not finite.
    pub fn from_scores(scores: impl Into<Vec<T>>, normalized: bool) -> Result<Self> {
        let scores = sorted(SCORES, scores.into())?;
        Ok(Self { scores, normalized })
    }

    /// Returns the scores, sorted.
    pub fn scores(&self) -> &[T] {
        &self.scores
    }

    /// Returns `true` if the scores are in units of the deviations.
    pub fn is_normalized(&self) -> bool {
        self.normalized
    }

    /// Returns the margin q, which is infinite for too few calibration rows.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless 0 < `level` < 1.
    pub fn margin(&self, level: f64) -> Result<T> {
        Ok(at_rank(&self.scores, rank(level, self.scores.len())?))
    }

    /// Returns the lower and upper ends of intervals μ ± q around these predictions.
    ///
    /// An interval contains its target with a probability of at least `level`. This assumes that
    /// calibration rows and the new row are exchangeable, and that the model has not seen their
    /// targets. The probability is at most `level` + 1/(n + 1) if no two scores are equal.
    ///
    /// Scores of out-of-fold predictions of a cross-validation do not meet the condition, since
    /// each has another model. Intervals around the mean of the models then cover about `level`,
    /// without a guarantee. [`CrossConformal`](super::CrossConformal) has one.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless 0 < `level` < 1.
    /// - [`Error::Incompatible`] if the scores are normalized.
    /// - [`Error::Empty`] if there are no predictions, and [`Error::NotFinite`] if one is not
    ///   finite.
    /// - [`Error::TooLarge`] if memory cannot hold the intervals.
    pub fn intervals(&self, predictions: &[T], level: f64) -> Result<Ends<T>> {
        self.check_use(predictions, false)?;
        let margin = self.margin(level)?;
        around(predictions, |_| margin)
    }

    /// Returns the lower and upper ends of intervals μ ± q σ around these predictions.
    ///
    /// The guarantee is that of [`intervals`](Self::intervals), if the model has not used the
    /// calibration targets for its deviations either.
    ///
    /// # Errors
    /// - The errors of [`intervals`](Self::intervals), but [`Error::Incompatible`] if scores are
    ///   not normalized.
    /// - [`Error::Length`] if the slices differ in length.
    /// - [`Error::InvalidValue`] if a deviation is not above 0.
    pub fn normalized_intervals(
        &self,
        predictions: &[T],
        deviations: &[T],
        level: f64,
    ) -> Result<Ends<T>> {
        self.check_use(predictions, true)?;
        check_deviations(predictions, deviations)?;
        let margin = self.margin(level)?;
        around(predictions, |row| margin * deviations[row])
    }

    fn check_use(&self, predictions: &[T], normalized: bool) -> Result<()> {
        if self.normalized != normalized {
            let name = |normalized| {
                if normalized {
                    "scores of `normalized`"
                } else {
                    "scores without deviations"
                }
            };
            let (expected, got) = (name(normalized), name(self.normalized));
            return Err(Error::incompatible("conformity scores", expected, got));
        }
        check_predictions(predictions)
    }
}

/// Returns the ends of intervals of these half-widths.
fn around<T: Float>(predictions: &[T], margin: impl Fn(usize) -> T) -> Result<Ends<T>> {
    let ends = |sign: T| {
        let ends = predictions.iter().enumerate();
        let ends = ends.map(|(row, &y)| y + sign * margin(row));
        memory::collected("ends of intervals", predictions.len(), ends)
    };
    Ok((ends(-T::one())?, ends(T::one())?))
}

fn check_predictions<T: Float>(predictions: &[T]) -> Result<()> {
    check_not_empty("predictions", predictions)?;
    check_finite("predictions", predictions).map_err(|error| error.at(Position::Row))
}

/// Checks that there are predictions, with a target for each.
pub(super) fn check_calibration<T: Float>(predictions: &[T], targets: &[T]) -> Result<()> {
    check_predictions(predictions)?;
    check_targets(targets, predictions.len())
}

pub(super) fn check_targets<T: Float>(targets: &[T], rows: usize) -> Result<()> {
    check_length("targets", targets, rows)?;
    check_finite("targets", targets).map_err(|error| error.at(Position::Row))
}

fn check_deviations<T: Float>(predictions: &[T], deviations: &[T]) -> Result<()> {
    check_length("standard deviations", deviations, predictions.len())?;
    let range = T::min_positive_value().as_f64()..=T::max_value().as_f64();
    check_values(
        "standard deviation",
        deviations,
        range,
        "a finite number above 0",
    )
    .map_err(|error| error.at(Position::Row))
}
