//! Metrics of a ranking: how well scores put positive samples above negative ones.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Pairs, Score};
use crate::error::{Error, Result, check_length, check_not_empty};
use crate::float::{Float, check_values, instantiate};
use crate::memory;

/// Returns the area under the ROC curve: the probability that a random positive sample has a higher
/// score than a random negative one. Equal scores count 1/2.
///
/// ```text
/// AUC = (Σ [s⁺ > s⁻] + ½ Σ [s⁺ = s⁻]) / (P · N)    (sums over the P · N pairs)
/// ```
///
/// `scores` can be probabilities, logits or other numbers that increase with the probability of the
/// positive class. `expected` is `true` for positive samples. 1 is perfect, and 0.5 is random. It
/// equals scikit-learn's `roc_auc_score`. If a score is NaN, so is the result.
///
/// Hanley and McNeil, 1982, "The meaning and use of the area under a receiver operating
/// characteristic (ROC) curve", [doi:10.1148/radiology.143.1.7063747](https://doi.org/10.1148/radiology.143.1.7063747).
///
/// ```
/// use feedforward::metrics::roc_auc;
///
/// assert_eq!(roc_auc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?, 0.75);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Empty`] if there are no scores.
/// - [`Error::Length`] if `scores` and `expected` differ in length.
/// - [`Error::Incompatible`] unless there are positive and negative samples.
#[doc(alias = "roc_auc_score")]
#[doc(alias = "AUC")]
pub fn roc_auc<T: Float>(scores: &[T], expected: &[bool]) -> Result<f64> {
    let ranking = Ranking::labeled(scores, expected)?;
    check_positive(expected)?;
    check_negative(expected)?;
    Ok(area(&ranking, ranking.sort(&mut Vec::new())?))
}

/// One point of a ROC curve.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RocPoint {
    /// Lowest score of a sample that counts as positive. Infinity at the first point.
    pub threshold: f64,
    /// Fraction of the negative samples that count as positive.
    pub false_positive_rate: f64,
    /// Fraction of the positive samples that count as positive.
    #[doc(alias = "recall")]
    #[doc(alias = "sensitivity")]
    pub true_positive_rate: f64,
}

/// Returns the ROC curve, from (0, 0) to (1, 1): one point for each distinct score.
///
/// It equals scikit-learn's `roc_curve(.., drop_intermediate=False)`. [`roc_auc`] is the area under
/// it.
///
/// ```
/// use feedforward::metrics::roc_curve;
///
/// let curve = roc_curve(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// let rates = curve.iter().map(|p| [p.false_positive_rate, p.true_positive_rate]);
/// assert!(rates.eq([[0.0, 0.0], [0.0, 0.5], [0.5, 0.5], [0.5, 1.0], [1.0, 1.0]]));
/// assert_eq!(curve[2].threshold, 0.4);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - The errors of [`roc_auc`].
/// - [`Error::InvalidValue`] if a score is NaN.
pub fn roc_curve<T: Float>(scores: &[T], expected: &[bool]) -> Result<Vec<RocPoint>> {
    let ranking = Ranking::labeled(scores, expected)?;
    let positives = check_positive(expected)? as f64;
    let negatives = check_negative(expected)? as f64;
    let numbers = f64::NEG_INFINITY..=f64::INFINITY;
    check_values("score", scores, numbers, "a number other than NaN")?;
    let mut curve = Vec::new();
    memory::reserve("points of the curve", &mut curve, scores.len() + 1)?;
    curve.push(RocPoint {
        threshold: f64::INFINITY,
        false_positive_rate: 0.0,
        true_positive_rate: 0.0,
    });
    let (mut above, mut below) = (0.0, 0.0);
    let mut scratch = Vec::new();
    ranking.for_each_tie(ranking.sort(&mut scratch)?, |row, [negative, positive]| {
        below += negative;
        above += positive;
        curve.push(RocPoint {
            threshold: scores[row].as_f64(),
            false_positive_rate: below / negatives,
            true_positive_rate: above / positives,
        });
    });
    Ok(curve)
}

/// Returns the average precision, the area under the steps of the precision-recall curve.
///
/// ```text
/// AP = Σ (recall(i) - recall(i-1)) · precision(i)    (thresholds i from high to low)
/// ```
///
/// `scores` and `expected` are those of [`roc_auc`]. 1 is perfect, and a random ranking has about
/// the fraction of positive samples. For few positive samples it tells more than the AUC. It equals
/// scikit-learn's `average_precision_score`. If a score is NaN, so is the result.
///
/// ```
/// use feedforward::metrics::average_precision;
///
/// let precision = average_precision(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert!((precision - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-15);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Empty`] if there are no scores.
/// - [`Error::Length`] if `scores` and `expected` differ in length.
/// - [`Error::Incompatible`] if there are no positive samples.
#[doc(alias = "average_precision_score")]
#[doc(alias = "PR_AUC")]
pub fn average_precision<T: Float>(scores: &[T], expected: &[bool]) -> Result<f64> {
    let ranking = Ranking::labeled(scores, expected)?;
    check_positive(expected)?;
    Ok(mean_precision(&ranking, ranking.sort(&mut Vec::new())?))
}

/// Area under the ROC curve of a network's logits, as defined by [`roc_auc`].
///
/// A sample is positive if its target is above 0.5. With several outputs, the score is the mean of
/// each output's area, which suits yes-or-no outputs. The logits of exclusive classes are compared
/// as they are, without softmax. The score is NaN if an output has only positive or only negative
/// samples.
///
/// Samples are sorted, which takes 16 bytes of scratch space for each ([`Score::score_in`]).
///
/// ```
/// use feedforward::metrics::{RocAuc, Score};
///
/// let (logits, targets) = ([-2.0, -0.4, -0.6, 1.5], [0.0, 0.0, 1.0, 1.0]);
/// assert_eq!(RocAuc.score(&logits, &targets, 1, None), 0.75);
/// assert_eq!(RocAuc.score(&logits, &targets, 1, Some(&[3.0, 1.0, 1.0, 1.0])), 0.875);
/// ```
#[doc(alias = "roc_auc_score")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RocAuc;

impl<T: Float> Score<T> for RocAuc {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        self.score_in(&mut Vec::new(), outputs, targets, width, weights)
    }

    fn score_in(
        &self,
        scratch: &mut Vec<u64>,
        outputs: &[T],
        targets: &[T],
        width: usize,
        weights: Option<&[T]>,
    ) -> f64 {
        let pairs = Pairs::new(outputs, targets, width, weights);
        pairs.map_or(f64::NAN, |pairs| column_mean(&pairs, scratch, area))
    }

    fn name(&self) -> Cow<'static, str> {
        "roc_auc".into()
    }
}

/// Average precision of a network's logits, as defined by [`average_precision`].
///
/// Targets, several outputs and scratch space are as for [`RocAuc`]. The score is NaN if an output
/// has no positive samples.
///
/// ```
/// use feedforward::metrics::{AveragePrecision, Score};
///
/// let (logits, targets) = ([-2.0, -0.4, -0.6, 1.5], [0.0, 1.0, 0.0, 1.0]);
/// assert_eq!(AveragePrecision.score(&logits, &targets, 1, None), 1.0);
/// ```
#[doc(alias = "average_precision_score")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AveragePrecision;

impl<T: Float> Score<T> for AveragePrecision {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        self.score_in(&mut Vec::new(), outputs, targets, width, weights)
    }

    fn score_in(
        &self,
        scratch: &mut Vec<u64>,
        outputs: &[T],
        targets: &[T],
        width: usize,
        weights: Option<&[T]>,
    ) -> f64 {
        let pairs = Pairs::new(outputs, targets, width, weights);
        pairs.map_or(f64::NAN, |pairs| {
            column_mean(&pairs, scratch, mean_precision)
        })
    }

    fn name(&self) -> Cow<'static, str> {
        "average_precision".into()
    }
}

/// Returns the number of positive samples, or an error if there are none.
fn check_positive(expected: &[bool]) -> Result<usize> {
    check_class(expected, true, "at least one positive sample")
}

/// Returns the number of negative samples, or an error if there are none.
fn check_negative(expected: &[bool]) -> Result<usize> {
    check_class(expected, false, "at least one negative sample")
}

fn check_class(expected: &[bool], class: bool, what: &str) -> Result<usize> {
    match expected
        .iter()
        .filter(|&&is_positive| is_positive == class)
        .count()
    {
        0 => Err(Error::incompatible("expected classes", what, "none")),
        count => Ok(count),
    }
}

/// Returns the mean of a metric over the columns.
fn column_mean<T: Float>(pairs: &Pairs<'_, T>, scratch: &mut Vec<u64>, metric: Metric<T>) -> f64 {
    let mut of = |column| {
        let ranking = Ranking::column(pairs, column);
        let places = ranking.sort(scratch);
        places.map_or(f64::NAN, |places| metric(&ranking, places))
    };
    (0..pairs.width).map(&mut of).sum::<f64>() / pairs.width as f64
}

/// One column of scores, and the class and weight of each row.
pub(super) struct Ranking<'a, T> {
    scores: &'a [T],
    truth: Truth<'a, T>,
    column: usize,
    width: usize,
    weights: Option<&'a [T]>,
}

/// Classes of the rows: positive or negative.
enum Truth<'a, T> {
    Labels(&'a [bool]),
    /// Positive if above 0.5, in rows of the same width as the scores.
    Targets(&'a [T]),
}

/// A score as an integer of the opposite order, and its row.
pub(super) type Place = [u64; 2];

/// A metric of a ranking whose places are sorted.
type Metric<T> = fn(&Ranking<'_, T>, &[Place]) -> f64;

impl<'a, T: Float> Ranking<'a, T> {
    fn labeled(scores: &'a [T], expected: &'a [bool]) -> Result<Self> {
        check_not_empty("scores", scores)?;
        check_length("expected classes", expected, scores.len())?;
        Ok(Self {
            scores,
            truth: Truth::Labels(expected),
            column: 0,
            width: 1,
            weights: None,
        })
    }

    /// Returns the ranking of the outputs in a column.
    pub(super) fn column(pairs: &Pairs<'a, T>, column: usize) -> Self {
        Self {
            scores: pairs.outputs,
            truth: Truth::Targets(pairs.targets),
            column,
            width: pairs.width,
            weights: pairs.weights,
        }
    }

    /// Sorts the rows from the highest score to the lowest, and equal ones in order.
    fn sort<'s>(&self, scratch: &'s mut Vec<u64>) -> Result<&'s [Place]> {
        let places = reserve(scratch, 2 * self.rows())?;
        Ok(sort(places, |row| self.score(row).as_f64()))
    }

    fn rows(&self) -> usize {
        self.scores.len() / self.width
    }

    fn score(&self, row: usize) -> T {
        self.scores[row * self.width + self.column]
    }

    /// Returns 1 for a positive sample, 0 for a negative one, and `None` for NaN.
    fn class(&self, row: usize) -> Option<usize> {
        match self.truth {
            Truth::Labels(labels) => Some(usize::from(labels[row])),
            Truth::Targets(targets) => {
                let target = targets[row * self.width + self.column].as_f64();
                (!target.is_nan()).then_some(usize::from(target > 0.5))
            }
        }
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row].as_f64())
    }

    fn has_nan(&self) -> bool {
        let is_nan = |row| {
            self.score(row).is_nan() || self.weight(row).is_nan() || self.class(row).is_none()
        };
        (0..self.rows()).any(is_nan)
    }

    /// Calls `each` with the first row of each distinct score, from the highest to the lowest one.
    /// The second argument has the weights of its negative and positive samples. Scores are not
    /// NaN.
    fn for_each_tie(&self, places: &[Place], mut each: impl FnMut(usize, [f64; 2])) {
        for tie in places.chunk_by(|a, b| a[0] == b[0]) {
            let mut weights = [0.0; 2];
            for &[_, row] in tie {
                weights[self.class(row as usize).unwrap_or(0)] += self.weight(row as usize);
            }
            each(tie[0][1] as usize, weights);
        }
    }
}

/// Returns the first values of the scratch space, which grows if it is shorter.
pub(super) fn reserve(scratch: &mut Vec<u64>, len: usize) -> Result<&mut [u64]> {
    if scratch.len() < len {
        memory::reserve("places of a ranking", scratch, len)?;
        scratch.resize(len, 0);
    }
    Ok(&mut scratch[..len])
}

/// Writes two values for each row to `scratch`, and sorts the rows from the highest score to the
/// lowest, and equal ones in order.
pub(super) fn sort(scratch: &mut [u64], score: impl Fn(usize) -> f64) -> &[Place] {
    let (places, _) = scratch.as_chunks_mut();
    for (row, place) in places.iter_mut().enumerate() {
        *place = [descending(score(row)), row as u64];
    }
    places.sort_unstable();
    places
}

/// Returns an integer that decreases as the number increases. Both zeros have the same.
fn descending(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    let sign = 1 << 63;
    if bits & sign == 0 {
        !(bits | sign)
    } else {
        bits
    }
}

instantiate! {
    pub(super) fn area<T>(ranking: &Ranking<'_, T>, places: &[Place]) -> f64 {
        if ranking.has_nan() {
            return f64::NAN;
        }
        let (mut pairs, mut totals) = (0.0, [0.0; 2]);
        ranking.for_each_tie(places, |_, [negative, positive]| {
            // Each negative sample loses to the positive ones above it.
            pairs += negative * (totals[1] + 0.5 * positive);
            totals[0] += negative;
            totals[1] += positive;
        });
        pairs / (totals[0] * totals[1])
    }
}

instantiate! {
    fn mean_precision<T>(ranking: &Ranking<'_, T>, places: &[Place]) -> f64 {
        if ranking.has_nan() {
            return f64::NAN;
        }
        let (mut sum, mut totals) = (0.0, [0.0; 2]);
        ranking.for_each_tie(places, |_, [negative, positive]| {
            totals[0] += negative;
            totals[1] += positive;
            // Weights may be 0.
            if positive > 0.0 {
                sum += positive * (totals[1] / (totals[0] + totals[1]));
            }
        });
        sum / totals[1]
    }
}
