//! Metrics for classes.

use alloc::borrow::Cow;

use super::{Pairs, Score, mean};
use crate::error::{
    Error, Position, Result, check_classes, check_length, check_not_empty, check_rows,
};
use crate::float::{Float, check_values, in_rows, instantiate};
use crate::math;

/// The fraction of labels that were predicted as expected.
///
/// ```
/// use feedforward::metrics::accuracy;
///
/// assert_eq!(accuracy(&["cat", "dog", "cat", "cat"], &["cat", "dog", "dog", "cat"])?, 0.75);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] without labels, [`Error::Length`] unless there are as many expected ones.
pub fn accuracy<L: PartialEq>(predicted: &[L], expected: &[L]) -> Result<f64> {
    check_not_empty("predicted labels", predicted)?;
    let samples = predicted.len();
    check_length("expected labels", expected, samples)?;
    Ok(mean(samples, None::<&[f64]>, |i| {
        one_if(predicted[i] == expected[i])
    }))
}

/// The mean of -ln p over samples, p the probability that was given to the expected class.
///
/// `probabilities` is row-major `[samples x classes]`, each row a distribution; `expected` has
/// the index of a class for each sample. p is limited to [eps, 1 - eps], where eps is the
/// type's machine epsilon, so that one wrong certainty costs 36 (16 in f32) and not infinitely
/// much. scikit-learn's `log_loss`; over the rows of [`SoftmaxCrossEntropy`] it is the mean of
/// that loss but for the limits.
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
/// [`Error::Rows`] unless there are whole rows, [`Error::Length`] unless there is a class for
/// each, [`Error::InvalidValue`] if a class is none of theirs, if a probability is not in
/// [0, 1], or if a row's sum differs from 1 by more than the square root of eps.
pub fn log_loss<T: Float>(probabilities: &[T], expected: &[usize], classes: usize) -> Result<f64> {
    let samples = check_rows("probabilities", probabilities, classes)?;
    check_length("expected classes", expected, samples)?;
    check_classes("expected class", expected, classes)?;
    check_distributions(probabilities, classes)?;
    Ok(mean_surprise(probabilities, expected, classes))
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

/// The fraction of samples whose class is the expected one.
///
/// With several outputs the class is the index of the largest, the first of equals, on either
/// side: logits of a softmax and one-hot targets, or probabilities. With one output it is
/// whether the logit is above 0 and the target above 0.5.
///
/// ```
/// use feedforward::metrics::{Accuracy, Score};
///
/// let logits = [2.0, -1.0, 0.5, 0.0, 0.0, 3.0];
/// assert_eq!(Accuracy.score(&logits, &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], 3, None), 0.5);
/// assert_eq!(Accuracy.score(&[1.5, -0.5], &[1.0, 1.0], 1, Some(&[3.0, 1.0])), 0.75);
/// ```
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

/// The fraction of samples all of whose yes-or-no outputs are the expected ones: logits above 0
/// where targets are above 0.5, and nowhere else.
///
/// scikit-learn's accuracy of several labels for a sample.
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
    /// The fraction of rows whose largest output and largest target are at the same place.
    fn same_largest<T>(pairs: &Pairs<'_, T>) -> f64 {
        pairs.row_mean(|outputs, targets| {
            known(outputs, targets, first_largest(outputs) == first_largest(targets))
        })
    }
}

instantiate! {
    /// The fraction of rows all of whose logits fall on the side of their targets.
    fn same_signs<T>(pairs: &Pairs<'_, T>) -> f64 {
        let half = T::from_f64(0.5);
        pairs.row_mean(|outputs, targets| {
            let mut both = outputs.iter().zip(targets);
            known(outputs, targets, both.all(|(&y, &t)| (y > T::zero()) == (t > half)))
        })
    }
}

/// 1 or 0, or NaN where a NaN among the numbers leaves it open.
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

/// The index of the largest number, the first of equals.
#[inline(always)]
fn first_largest<T: Float>(row: &[T]) -> usize {
    let mut largest = 0;
    for (k, &x) in row.iter().enumerate() {
        if x > row[largest] {
            largest = k;
        }
    }
    largest
}
