//! Metrics for classes.

use alloc::borrow::Cow;

use super::{Pairs, Score, mean};
use crate::error::{
    Error, Position, Result, check_classes, check_length, check_not_empty, check_rows,
};
use crate::float::{Float, check_values, in_rows, instantiate};
use crate::math;

/// Returns the fraction of correctly predicted labels.
///
/// ```
/// use feedforward::metrics::accuracy;
///
/// assert_eq!(accuracy(&["cat", "dog", "cat", "cat"], &["cat", "dog", "dog", "cat"])?, 0.75);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// Returns [`Error::Empty`] if there are no labels. Returns [`Error::Length`] if `predicted` and
/// `expected` differ in length.
#[doc(alias = "accuracy_score")]
pub fn accuracy<L: PartialEq>(predicted: &[L], expected: &[L]) -> Result<f64> {
    check_not_empty("predicted labels", predicted)?;
    let samples = predicted.len();
    check_length("expected labels", expected, samples)?;
    Ok(mean(samples, None::<&[f64]>, |i| {
        one_if(predicted[i] == expected[i])
    }))
}

/// Returns the mean of -ln p over samples, where p is the predicted probability of the expected
/// class.
///
/// `probabilities` is row-major `[samples x classes]`, and each row is a distribution. `expected`
/// has the index of a class for each sample.
///
/// p is limited to [ε, 1 - ε], where ε is the type's machine epsilon. A confident, wrong prediction
/// therefore costs 36 in f64 and 16 in f32, not infinity.
///
/// It equals scikit-learn's `log_loss` and, except for the limits, the mean of
/// [`SoftmaxCrossEntropy`] over the samples.
///
/// [`SoftmaxCrossEntropy`]: crate::loss::SoftmaxCrossEntropy
///
/// ```
/// use feedforward::metrics::log_loss;
///
/// let loss = log_loss(&[0.75, 0.25, 0.5, 0.5], &[0, 1], 2)?;
/// assert!((loss + (0.75_f64.ln() + 0.5_f64.ln()) / 2.0).abs() < 1e-15);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Rows`] if `probabilities` does not consist of one or more whole rows.
/// - [`Error::Length`] if `expected` does not have one class per row.
/// - [`Error::InvalidValue`] if a class is not below `classes` or a probability is not in [0, 1].
/// - [`Error::InvalidValue`] if the sum of a row differs from 1 by more than √ε.
#[doc(alias = "cross_entropy")]
pub fn log_loss<T: Float>(probabilities: &[T], expected: &[usize], classes: usize) -> Result<f64> {
    check_predictions(probabilities, expected, classes)?;
    Ok(mean_surprise(probabilities, expected, classes))
}

/// Checks that each row of probabilities is a distribution and has an expected class.
pub(super) fn check_predictions<T: Float>(
    probabilities: &[T],
    expected: &[usize],
    classes: usize,
) -> Result<()> {
    let samples = check_rows("probabilities", probabilities, classes)?;
    check_length("expected classes", expected, samples)?;
    check_classes("expected class", expected, classes)?;
    check_distributions(probabilities, classes)
}

instantiate! {
    fn check_distributions<T>(probabilities: &[T], classes: usize) -> Result<()> {
        let tolerance = T::epsilon().sqrt().as_f64();
        for (index, row) in probabilities.chunks_exact(classes).enumerate() {
            check_values("probability", row, 0.0..=1.0, "0 to 1")
                .map_err(|error| in_rows(error, index, usize::MAX))?;
            let sum: f64 = row.iter().map(|p| p.as_f64()).sum();
            if (sum - 1.0).abs() > tolerance {
                let (what, at) = ("sum of a row's probabilities", Position::Row(index));
                return Err(Error::invalid_value(what, "1", at, sum));
            }
        }
        Ok(())
    }
}

instantiate! {
    fn mean_surprise<T>(probabilities: &[T], expected: &[usize], classes: usize) -> f64 {
        let (least, most) = (T::epsilon(), T::one() - T::epsilon());
        mean(expected.len(), None::<&[T]>, |i| {
            let p = probabilities[i * classes + expected[i]];
            -math::ln(p.max(least).min(most).as_f64())
        })
    }
}

/// Fraction of samples that are assigned to the expected class.
///
/// With several outputs, the predicted class is the index of the largest output, which can be a
/// logit or a probability. The expected class is the index of the largest target. The first of
/// equal maxima counts.
///
/// With one output, the sample is predicted positive if its logit is above 0. It is expected
/// positive if its target is above 0.5.
///
/// ```
/// use feedforward::metrics::{Accuracy, Score};
///
/// let logits = [2.0, -1.0, 0.5, 0.0, 0.0, 3.0];
/// assert_eq!(Accuracy.score(&logits, &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], 3, None), 0.5);
/// assert_eq!(Accuracy.score(&[1.5, -0.5], &[1.0, 1.0], 1, Some(&[3.0, 1.0])), 0.75);
/// ```
#[doc(alias = "accuracy_score")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accuracy;

impl<T: Float> Score<T> for Accuracy {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        if width == 1 {
            return SubsetAccuracy.score(outputs, targets, width, weights);
        }
        Pairs::new(outputs, targets, width, weights).map_or(f64::NAN, |pairs| same_largest(&pairs))
    }

    fn name(&self) -> Cow<'static, str> {
        "accuracy".into()
    }
}

/// Fraction of samples whose yes-or-no outputs are all correct.
///
/// An output is correct if its logit is above 0 exactly when its target is above 0.5. This is
/// scikit-learn's accuracy for multilabel data.
///
/// ```
/// use feedforward::metrics::{Score, SubsetAccuracy};
///
/// let (logits, targets) = ([2.0, -1.0, 0.5, 0.5], [1.0, 0.0, 0.0, 1.0]);
/// assert_eq!(SubsetAccuracy.score(&logits, &targets, 2, None), 0.5);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubsetAccuracy;

impl<T: Float> Score<T> for SubsetAccuracy {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        Pairs::new(outputs, targets, width, weights).map_or(f64::NAN, |pairs| same_signs(&pairs))
    }

    fn name(&self) -> Cow<'static, str> {
        "subset_accuracy".into()
    }
}

instantiate! {
    /// Returns the fraction of rows whose largest output and largest target have the same index.
    fn same_largest<T>(pairs: &Pairs<'_, T>) -> f64 {
        pairs.row_mean(|outputs, targets| {
            known(outputs, targets, first_largest(outputs) == first_largest(targets))
        })
    }
}

instantiate! {
    /// Returns the fraction of rows whose logits all agree with their targets.
    fn same_signs<T>(pairs: &Pairs<'_, T>) -> f64 {
        let half = T::from_f64(0.5);
        pairs.row_mean(|outputs, targets| {
            let mut both = outputs.iter().zip(targets);
            known(outputs, targets, both.all(|(&y, &t)| (y > T::zero()) == (t > half)))
        })
    }
}

/// Returns 1 for a hit and 0 otherwise, or NaN if any number is NaN.
#[inline(always)]
fn known<T: Float>(outputs: &[T], targets: &[T], hit: bool) -> f64 {
    if outputs.iter().chain(targets).any(|x| x.is_nan()) {
        f64::NAN
    } else {
        one_if(hit)
    }
}

fn one_if(hit: bool) -> f64 {
    f64::from(u8::from(hit))
}

/// Returns the index of the largest number, the first of equal maxima.
#[inline(always)]
pub(super) fn first_largest<T: Float>(row: &[T]) -> usize {
    let mut largest = 0;
    for (k, &x) in row.iter().enumerate() {
        if x > row[largest] {
            largest = k;
        }
    }
    largest
}
