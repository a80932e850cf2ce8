//! Metrics of predicted probabilities: distance from the truth, and calibration.

use alloc::borrow::Cow;

use super::classification::{check_predictions, first_largest};
use super::{Pairs, Score, mean};
use crate::error::{Result, check_count};
use crate::float::{Float, instantiate};
use crate::math;
use crate::memory;

/// Returns the Brier score: the mean squared distance of the probabilities from the truth.
///
/// ```text
/// two classes:      mean (p - t)²              (p of one class, t = 1 if it is expected, else 0)
/// several classes:  mean Σ (p(c) - t(c))²      (sum over the classes c)
/// ```
///
/// Arguments are those of [`log_loss`](super::log_loss). 0 is perfect. The maximum is 1 for two
/// classes and 2 for several. It equals scikit-learn's `brier_score_loss`.
///
/// Brier, 1950, "Verification of forecasts expressed in terms of probability".
///
/// ```
/// use feedforward::metrics::brier_score;
///
/// assert_eq!(brier_score(&[0.75, 0.25, 0.5, 0.5], &[0, 1], 2)?, (0.0625 + 0.25) / 2.0);
/// assert_eq!(brier_score(&[0.5, 0.5, 0.0], &[0], 3)?, 0.5);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// See [`log_loss`](super::log_loss).
#[doc(alias = "brier_score_loss")]
pub fn brier_score<T: Float>(
    probabilities: &[T],
    expected: &[usize],
    classes: usize,
) -> Result<f64> {
    check_predictions(probabilities, expected, classes)?;
    Ok(squared_distance(probabilities, expected, classes))
}

/// Returns the expected calibration error (ECE): the mean distance between the confidence of
/// predictions and their accuracy.
///
/// The predicted class is the one with the largest probability, which is the confidence. Samples
/// are assigned to bins by confidence. Bin i of B contains confidences in (i/B, (i+1)/B].
///
/// ```text
/// ECE = Σ (samples of the bin / samples) · |accuracy of the bin - its mean confidence|
/// ```
///
/// `probabilities`, `expected` and `classes` are those of [`log_loss`](super::log_loss). The usual
/// number of bins is 15. 0 is perfect, which a constant prediction of the class frequencies
/// achieves too.
///
/// Guo, Pleiss, Sun and Weinberger, 2017, [arXiv:1706.04599](https://arxiv.org/abs/1706.04599).
///
/// ```
/// use feedforward::metrics::expected_calibration_error;
///
/// // Two predictions of 80 %, of which one is correct.
/// let error = expected_calibration_error(&[0.8, 0.2, 0.8, 0.2], &[0, 1], 2, 15)?;
/// assert!((error - 0.3_f64).abs() < 1e-15);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - The errors of [`log_loss`](super::log_loss).
/// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) if there are no bins.
/// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold this many bins.
#[doc(alias = "ECE")]
pub fn expected_calibration_error<T: Float>(
    probabilities: &[T],
    expected: &[usize],
    classes: usize,
    bins: usize,
) -> Result<f64> {
    check_count("bins", bins)?;
    check_predictions(probabilities, expected, classes)?;
    // Of each bin: the sum of confidences, minus the number of correct predictions.
    let mut excess = memory::filled("bins", 0.0, bins)?;
    add_excess(probabilities, expected, classes, &mut excess);
    let sum: f64 = excess.into_iter().map(f64::abs).sum();
    Ok(sum / expected.len() as f64)
}

/// Minus the Brier score of a network's logits, as defined by [`brier_score`].
///
/// With one output, the probability is the sigmoid of the logit, and the target is 0 or 1. With
/// several, probabilities are the softmax of the logits, and targets are one-hot rows.
///
/// ```
/// use feedforward::metrics::{Brier, Score};
///
/// assert_eq!(Brier.score(&[0.0, 0.0], &[0.0, 1.0], 1, None), -0.25);
/// assert_eq!(Brier.score(&[0.0, 0.0, f64::MIN], &[0.0, 1.0, 0.0], 3, None), -0.5);
/// ```
#[doc(alias = "brier_score_loss")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Brier;

impl<T: Float> Score<T> for Brier {
    fn score(&self, outputs: &[T], targets: &[T], width: usize, weights: Option<&[T]>) -> f64 {
        let pairs = Pairs::new(outputs, targets, width, weights);
        pairs.map_or(f64::NAN, |pairs| -logit_distance(&pairs))
    }

    fn name(&self) -> Cow<'static, str> {
        "neg_brier".into()
    }
}

/// Returns the factor of the squared distance: 1/2 for two classes, whose distances are equal.
fn factor(classes: usize) -> f64 {
    if classes == 2 { 0.5 } else { 1.0 }
}

instantiate! {
    fn squared_distance<T>(probabilities: &[T], expected: &[usize], classes: usize) -> f64 {
        let distance = mean(expected.len(), None::<&[T]>, |row| {
            let mut sum = 0.0;
            for (class, p) in probabilities[row * classes..][..classes].iter().enumerate() {
                let distance = p.as_f64() - f64::from(u8::from(class == expected[row]));
                sum += distance * distance;
            }
            sum
        });
        factor(classes) * distance
    }
}

instantiate! {
    fn logit_distance<T>(pairs: &Pairs<'_, T>) -> f64 {
        let distance = pairs.row_mean(|logits, targets| {
            if let (&[logit], &[target]) = (logits, targets) {
                let distance = math::sigmoid(logit.as_f64()) - target.as_f64();
                return distance * distance;
            }
            let largest = logits[first_largest(logits)].as_f64();
            let power = |logit: &T| math::exp(logit.as_f64() - largest);
            let total: f64 = logits.iter().map(power).sum();
            let mut sum = 0.0;
            for (logit, target) in logits.iter().zip(targets) {
                let distance = power(logit) / total - target.as_f64();
                sum += distance * distance;
            }
            sum
        });
        factor(pairs.width) * distance
    }
}

instantiate! {
    /// Adds the confidence of each sample to its bin, minus 1 if its class is predicted correctly.
    fn add_excess<T>(
        probabilities: &[T],
        expected: &[usize],
        classes: usize,
        excess: &mut [f64],
    ) {
        let bins = excess.len();
        for (row, &expected) in probabilities.chunks_exact(classes).zip(expected) {
            let class = first_largest(row);
            let confidence = row[class].as_f64();
            // Bins include their upper end. Confidence is at most 1.
            let bin = num_traits::Float::ceil(confidence * bins as f64) as usize;
            let hit = f64::from(u8::from(class == expected));
            excess[bin.clamp(1, bins) - 1] += confidence - hit;
        }
    }
}
