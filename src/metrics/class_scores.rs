//! Scores of predicted classes that depend on the counts of each class.

use alloc::borrow::Cow;
use core::ops::Range;

use super::classification::first_largest;
use super::{GROUP, Pairs, Score};
use crate::float::{Float, instantiate};
use crate::math;

/// F1 of a network's predictions: the harmonic mean of precision and recall.
///
/// ```text
/// F1 = 2 tp / (2 tp + fp + fn)
/// ```
///
/// With one output, F1 is that of the positive class. With several, it is the unweighted mean over
/// the classes that occur among predictions or targets (macro F1). Outputs and targets stand for
/// classes as in [`Accuracy`](super::Accuracy). The quotient 0/0 is 0, as by default in
/// scikit-learn's `f1_score`. For labels, see
/// [`ClassScores::f1`](super::ClassScores::f1).
///
/// ```
/// use feedforward::metrics::{F1, Score};
///
/// let (logits, targets) = ([2.0, 1.0, 0.5, -1.0], [1.0, 1.0, 0.0, 1.0]);
/// assert_eq!(F1.score(&logits, &targets, 1, None), 4.0 / 6.0);
/// ```
#[doc(alias = "f1_score")]
#[doc(alias = "macro_f1")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct F1;

/// Mean over the expected classes of the fraction of their samples that were found (recall).
///
/// Rare classes count as much as common ones. Outputs and targets stand for classes as in
/// [`Accuracy`](super::Accuracy). It equals scikit-learn's `balanced_accuracy_score`. For labels,
/// see [`ConfusionMatrix::balanced_accuracy`](super::ConfusionMatrix::balanced_accuracy).
///
/// ```
/// use feedforward::metrics::{BalancedAccuracy, Score};
///
/// let (logits, targets) = ([-2.0, -1.0, -0.5, -1.0], [0.0, 0.0, 0.0, 1.0]);
/// assert_eq!(BalancedAccuracy.score(&logits, &targets, 1, None), 0.5);
/// ```
#[doc(alias = "balanced_accuracy_score")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalancedAccuracy;

/// Correlation between expected and predicted classes (MCC).
///
/// Outputs and targets stand for classes as in [`Accuracy`](super::Accuracy). The formula, and its
/// source, are those of
/// [`ConfusionMatrix::matthews_correlation`](super::ConfusionMatrix::matthews_correlation).
///
/// ```
/// use feedforward::metrics::{MatthewsCorrelation, Score};
///
/// let targets = [0.0, 0.0, 1.0, 1.0];
/// assert_eq!(MatthewsCorrelation.score(&[-1.0, -1.0, 1.0, 1.0], &targets, 1, None), 1.0);
/// assert_eq!(MatthewsCorrelation.score(&[-1.0, 1.0, -1.0, 1.0], &targets, 1, None), 0.0);
/// ```
#[doc(alias = "matthews_corrcoef")]
#[doc(alias = "MCC")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MatthewsCorrelation;

impl<T: Float> Score<T> for F1 {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        let Ok(pairs) = Pairs::new(outputs, targets, width, weights) else {
            return f64::NAN;
        };
        let (mut sum, mut classes) = (0.0, 0_usize);
        let total = for_each_class(&pairs, |class, counts| {
            let size = counts.predicted + counts.expected;
            let is_counted = if width == 1 { class == 1 } else { size > 0.0 };
            if is_counted {
                sum += quotient(2.0 * counts.hits, size);
                classes += 1;
            }
        });
        nan_or(total, sum / classes as f64)
    }

    fn name(&self) -> Cow<'static, str> {
        "f1".into()
    }
}

impl<T: Float> Score<T> for BalancedAccuracy {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        let Ok(pairs) = Pairs::new(outputs, targets, width, weights) else {
            return f64::NAN;
        };
        let (mut sum, mut classes) = (0.0, 0_usize);
        let total = for_each_class(&pairs, |_, counts| {
            if counts.expected > 0.0 {
                sum += counts.hits / counts.expected;
                classes += 1;
            }
        });
        nan_or(total, sum / classes as f64)
    }

    fn name(&self) -> Cow<'static, str> {
        "balanced_accuracy".into()
    }
}

impl<T: Float> Score<T> for MatthewsCorrelation {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        let Ok(pairs) = Pairs::new(outputs, targets, width, weights) else {
            return f64::NAN;
        };
        let mut sums = CorrelationSums::default();
        let total = for_each_class(&pairs, |_, counts| {
            sums.add(counts.hits, counts.predicted, counts.expected);
        });
        nan_or(total, sums.correlation())
    }

    fn name(&self) -> Cow<'static, str> {
        "matthews_correlation".into()
    }
}

/// Sums over the classes that Matthews' correlation is computed from.
#[derive(Default)]
pub(super) struct CorrelationSums {
    hits: f64,
    samples: f64,
    products: f64,
    predicted_squares: f64,
    expected_squares: f64,
    predicted_classes: usize,
    expected_classes: usize,
}

impl CorrelationSums {
    /// Adds a class with these numbers of correct, predicted and expected samples.
    pub(super) fn add(&mut self, hits: f64, predicted: f64, expected: f64) {
        self.hits += hits;
        self.samples += expected;
        self.products += predicted * expected;
        self.predicted_squares += predicted * predicted;
        self.expected_squares += expected * expected;
        self.predicted_classes += usize::from(predicted > 0.0);
        self.expected_classes += usize::from(expected > 0.0);
    }

    pub(super) fn correlation(&self) -> f64 {
        // One class has no variance, but sums of weights may differ by rounding.
        if self.predicted_classes.min(self.expected_classes) < 2 {
            return 0.0;
        }
        let square = self.samples * self.samples;
        let covariance = self.hits * self.samples - self.products;
        let variances = (square - self.predicted_squares) * (square - self.expected_squares);
        covariance / math::sqrt(variances)
    }
}

/// Returns a / b, or 0 if b is 0.
fn quotient(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}

/// Returns the score, or NaN if the total weight is 0 or NaN.
fn nan_or(total: f64, score: f64) -> f64 {
    if total > 0.0 { score } else { f64::NAN }
}

/// Weights of the samples of one class: predicted as it, expected as it, or both.
#[derive(Clone, Copy, Default)]
struct Counts {
    hits: f64,
    predicted: f64,
    expected: f64,
}

/// Calls `each` with the counts of each class, and returns the total weight, or NaN if any number
/// is NaN. Allocates nothing, so it reads all rows once for each group of classes.
fn for_each_class<T: Float>(pairs: &Pairs<'_, T>, mut each: impl FnMut(usize, &Counts)) -> f64 {
    let classes = pairs.width.max(2);
    let mut total = 0.0;
    for first in (0..classes).step_by(GROUP) {
        let group = first..classes.min(first + GROUP);
        let (sum, counts) = group_counts(pairs, group.clone());
        total = sum;
        for (class, counts) in group.zip(&counts) {
            each(class, counts);
        }
    }
    total
}

instantiate! {
    /// Returns the total weight, NaN if any number is NaN, and the counts of a group of classes.
    fn group_counts<T>(pairs: &Pairs<'_, T>, group: Range<usize>) -> (f64, [Counts; GROUP]) {
        let half = T::from_f64(0.5);
        let (mut total, mut counts) = (0.0, [Counts::default(); GROUP]);
        for row in 0..pairs.rows() {
            let at = row * pairs.width..(row + 1) * pairs.width;
            let (outputs, targets) = (&pairs.outputs[at.clone()], &pairs.targets[at]);
            if outputs.iter().chain(targets).any(|x| x.is_nan()) {
                return (f64::NAN, counts);
            }
            let (predicted, expected) = match (outputs, targets) {
                (&[y], &[t]) => (usize::from(y > T::zero()), usize::from(t > half)),
                _ => (first_largest(outputs), first_largest(targets)),
            };
            let weight = pairs.weights.map_or(1.0, |weights| weights[row].as_f64());
            total += weight;
            if group.contains(&predicted) {
                counts[predicted - group.start].predicted += weight;
            }
            if group.contains(&expected) {
                counts[expected - group.start].expected += weight;
                if predicted == expected {
                    counts[expected - group.start].hits += weight;
                }
            }
        }
        (total, counts)
    }
}
