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
    Ok(area(&ranking, &mut ranking.buffer()?))
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
    ranking.for_each_tie(&mut ranking.buffer()?, |threshold, [negative, positive]| {
        below += negative;
        above += positive;
        curve.push(RocPoint {
            threshold,
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
    Ok(mean_precision(&ranking, &mut ranking.buffer()?))
}

/// Area under the ROC curve of a network's logits, as defined by [`roc_auc`].
///
/// A sample is positive if its target is above 0.5. With several outputs, the score is the mean of
/// each output's area, which suits yes-or-no outputs. The logits of exclusive classes are compared
/// as they are, without softmax. The score is NaN if an output has only positive or only negative
/// samples.
///
/// Samples are sorted in a buffer of 16 KiB on the stack. Beyond its 1,024 samples, the time grows
/// with the square of their number.
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
        let pairs = Pairs::new(outputs, targets, width, weights);
        pairs.map_or(f64::NAN, |pairs| column_mean(&pairs, area))
    }

    fn name(&self) -> Cow<'static, str> {
        "roc_auc".into()
    }
}

/// Average precision of a network's logits, as defined by [`average_precision`].
///
/// Targets, several outputs and times are as for [`RocAuc`]. The score is NaN if an output has no
/// positive samples.
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
        let pairs = Pairs::new(outputs, targets, width, weights);
        pairs.map_or(f64::NAN, |pairs| column_mean(&pairs, mean_precision))
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
fn column_mean<T: Float>(pairs: &Pairs<'_, T>, metric: Metric<T>) -> f64 {
    let mut buffer: [Place; BUFFER] = [(0, 0); BUFFER];
    let of = |column| {
        let ranking = Ranking {
            scores: pairs.outputs,
            truth: Truth::Targets(pairs.targets),
            column,
            width: pairs.width,
            weights: pairs.weights,
        };
        metric(&ranking, &mut buffer)
    };
    (0..pairs.width).map(of).sum::<f64>() / pairs.width as f64
}

/// One column of scores, and the class and weight of each row.
struct Ranking<'a, T> {
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

/// A score as an integer of the same order, and its row.
type Place = (u64, usize);

/// Number of places in the buffer of a score.
const BUFFER: usize = 1024;

/// A metric of a ranking, computed in a buffer for sorting.
type Metric<T> = fn(&Ranking<'_, T>, &mut [Place]) -> f64;

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

    /// Allocates a buffer that sorts all rows at once.
    fn buffer(&self) -> Result<Vec<Place>> {
        memory::filled("places of a ranking", (0, 0), self.rows().max(2))
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

    /// Calls `each` with the next distinct score and its weights of negative and positive samples,
    /// from the highest score to the lowest. Scores are not NaN.
    fn for_each_tie(&self, buffer: &mut [Place], mut each: impl FnMut(f64, [f64; 2])) {
        let (mut tie, mut weights) = (None, [0.0; 2]);
        self.for_each_row(buffer, |row| {
            let score = self.score(row).as_f64();
            match tie {
                Some(last) if last != score => {
                    each(last, weights);
                    (tie, weights) = (Some(score), [0.0; 2]);
                }
                _ => tie = Some(score),
            }
            weights[self.class(row).unwrap_or(0)] += self.weight(row);
        });
        if let Some(last) = tie {
            each(last, weights);
        }
    }

    /// Calls `each` with the rows, from the highest score to the lowest, and equal ones in order.
    ///
    /// Each pass over all rows finds the next ones in order and keeps them in the buffer. When the
    /// buffer is full, the second half of them is dropped and found again by a later pass.
    fn for_each_row(&self, buffer: &mut [Place], mut each: impl FnMut(usize)) {
        let (mut last, mut left): (Option<Place>, _) = (None, self.rows());
        while left > 0 {
            let (mut count, mut end): (_, Option<Place>) = (0, None);
            for row in 0..self.rows() {
                let place = (descending(self.score(row)), row);
                let is_past = last.is_some_and(|last| place <= last);
                if is_past || end.is_some_and(|end| place >= end) {
                    continue;
                }
                if count == buffer.len() {
                    count /= 2;
                    buffer.select_nth_unstable(count);
                    end = Some(buffer[count]);
                    if end.is_some_and(|end| place >= end) {
                        continue;
                    }
                }
                buffer[count] = place;
                count += 1;
            }
            let next = &mut buffer[..count];
            next.sort_unstable();
            for &(_, row) in &*next {
                each(row);
            }
            last = next.last().copied();
            left -= count;
        }
    }
}

/// Returns an integer that decreases as the number increases. Both zeros have the same.
fn descending<T: Float>(score: T) -> u64 {
    let bits = (score.as_f64() + 0.0).to_bits();
    let sign = 1 << 63;
    if bits & sign == 0 {
        !(bits | sign)
    } else {
        bits
    }
}

instantiate! {
    fn area<T>(ranking: &Ranking<'_, T>, buffer: &mut [Place]) -> f64 {
        if ranking.has_nan() {
            return f64::NAN;
        }
        let (mut pairs, mut totals) = (0.0, [0.0; 2]);
        ranking.for_each_tie(buffer, |_, [negative, positive]| {
            // Each negative sample loses to the positive ones above it.
            pairs += negative * (totals[1] + 0.5 * positive);
            totals[0] += negative;
            totals[1] += positive;
        });
        pairs / (totals[0] * totals[1])
    }
}

instantiate! {
    fn mean_precision<T>(ranking: &Ranking<'_, T>, buffer: &mut [Place]) -> f64 {
        if ranking.has_nan() {
            return f64::NAN;
        }
        let (mut sum, mut totals) = (0.0, [0.0; 2]);
        ranking.for_each_tie(buffer, |_, [negative, positive]| {
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
