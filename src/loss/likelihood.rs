//! Losses that are negative logarithms of likelihoods of counts or classes.

use super::{Loss, LossRows, OutputKind, Pointwise, RowLoss, Total, loss};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_not_negative, check_values};
use crate::math;
use crate::simd::Simd;

/// Loss for counts and rates, whose outputs are logarithms of rates.
///
/// ```text
/// p     = e^y
/// L     = Σ (t · ln(t/p) - t + p)    (p for t = 0)
/// dL/dy = p - t
/// ```
///
/// The predicted rate p is the exponential of the output y. The loss is half the deviance of a
/// Poisson distribution, as in scikit-learn's `MLPRegressor(loss="poisson")`. It is 0 if the
/// prediction is exact.
///
/// PyTorch's `PoissonNLLLoss` is the mean of p - t · y over outputs. It differs by the factor
/// ([`PerOutput`](super::PerOutput)) and by the constant t · ln t - t per output.
#[doc(alias = "PoissonNLLLoss")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Poisson;

loss! {
    Poisson, Total, LogRates

    /// Checks that all targets are zero or more.
    fn check_target(&self, target: &[T]) -> Result<()> {
        check_values("target of the Poisson loss", target, 0.0.., "0 or above")
    }
}

impl<T: Float> Pointwise<T> for Poisson {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let slope = math::exp(y) - t;
        // 0 · ln 0 would be NaN.
        let log = if t > T::zero() { math::ln(t) } else { y };
        (slope - t * (y - log), slope)
    }
}

/// Cross-entropy for independent yes-or-no outputs (BCE), each of which is a logit.
///
/// ```text
/// σ(y)  = 1 / (1 + e^-y)    (probability of yes)
/// L     = -Σ (t · ln σ(y) + (1 - t) · ln(1 - σ(y)))
/// dL/dy = σ(y) - t
/// ```
///
/// The target t is a probability, 0 or 1 for labels. Each output's loss is computed in a form that
/// neither overflows nor cancels:
///
/// ```text
/// max(y, 0) · (1 - t) + max(-y, 0) · t + ln(1 + e^-|y|)
/// ```
///
/// The sum over outputs is scikit-learn's convention. PyTorch's `BCEWithLogitsLoss` is the mean,
/// [`PerOutput`](super::PerOutput)`(BinaryCrossEntropy)`. scikit-learn clips probabilities in the
/// value, which limits each output's loss to 36 in f64 and 16 in f32. This crate does not clip.
#[doc(alias = "BCE")]
#[doc(alias = "BCEWithLogitsLoss")]
#[doc(alias = "logistic_loss")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BinaryCrossEntropy;

loss! {
    BinaryCrossEntropy, Total, Logits

    /// Checks that all targets are probabilities.
    fn check_target(&self, target: &[T]) -> Result<()> {
        let what = "target of the binary cross-entropy";
        check_values(what, target, 0.0..=1.0, "0 to 1")
    }
}

impl<T: Float> Pointwise<T> for BinaryCrossEntropy {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let (zero, one) = (T::zero(), T::one());
        let e = math::exp(-y.abs());
        // The target's distance from the likelier answer. The probability of the other answer is
        // e / (1 + e).
        let miss = if y < zero { t } else { one - t };
        let away = (e * (one - miss) - miss) / (one + e);
        let slope = if y < zero { away } else { -away };
        (y.abs() * miss + math::ln_1p(e), slope)
    }
}

/// Cross-entropy for mutually exclusive classes, whose outputs are logits.
///
/// ```text
/// p     = softmax(y)    (probabilities of the classes)
/// L     = -Σ t · ln p
/// dL/dy = p · Σ t - t   (p - t for targets that sum to 1)
/// ```
///
/// The target has a probability per class, one-hot for labels. The logarithm does not overflow:
///
/// ```text
/// ln p = y - m - ln Σ e^(y - m),  m = max y
/// ```
///
/// The value of a confident, correct prediction is accurate too, where other implementations round
/// it away in 1 + e^-y. The loss equals PyTorch's `CrossEntropyLoss`. It also equals scikit-learn's
/// log loss, except that scikit-learn clips probabilities.
#[doc(alias = "softmax")]
#[doc(alias = "cross_entropy")]
#[doc(alias = "CrossEntropyLoss")]
#[doc(alias = "categorical_crossentropy")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SoftmaxCrossEntropy;

impl<T: Float> Loss<T> for SoftmaxCrossEntropy {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        Smoothed::new(*self, 0.0).evaluate(output, target, gradient)
    }

    fn evaluate_rows(&self, rows: LossRows<'_, T>) {
        Smoothed::new(*self, 0.0).evaluate_rows(rows);
    }

    /// Checks that all targets are probabilities.
    fn check_target(&self, target: &[T]) -> Result<()> {
        let what = "target of the softmax cross-entropy";
        check_values(what, target, 0.0..=1.0, "0 to 1")
    }

    fn output_kind(&self) -> OutputKind {
        OutputKind::ClassLogits
    }
}

/// The rule of the softmax cross-entropy.
struct Softmax(Smoothed<SoftmaxCrossEntropy>);

impl<T: Float> RowLoss<T> for Softmax {
    #[inline(always)]
    fn row<S: Simd>(&self, _: S, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        let smooth = Smooth::new(self.0.smoothing, output.len());
        let (mut first, mut max) = (0, T::neg_infinity());
        for (k, &y) in output.iter().enumerate() {
            if y > max {
                (first, max) = (k, y);
            }
        }
        for (g, &y) in gradient.iter_mut().zip(output) {
            *g = math::exp(y - max);
        }
        let mut others = T::zero();
        for (k, &g) in gradient.iter().enumerate() {
            if k != first {
                others += g;
            }
        }
        let log_sum = math::ln_1p(others);
        let mut targets = T::zero();
        for &t in target {
            targets += smooth.at(t);
        }
        let scale = targets / (T::one() + others);
        let mut loss = T::zero();
        let pairs = output.iter().zip(target);
        for (g, (&y, &t)) in gradient.iter_mut().zip(pairs) {
            let t = smooth.at(t);
            loss += t * ((max - y) + log_sum);
            *g = *g * scale - t;
        }
        loss
    }
}

/// Cross-entropy with label smoothing, which keeps logits from growing without bound.
///
/// Smoothing spreads a fraction ε of each target's certainty equally over all answers. The value
/// and gradient are those of the loss at the smoothed target t'.
///
/// - `Smoothed<SoftmaxCrossEntropy>`, with K outputs: t' = (1 - ε) · t + ε/K. It equals PyTorch's
///   `CrossEntropyLoss(label_smoothing=ε)` and Keras' `CategoricalCrossentropy`.
/// - `Smoothed<BinaryCrossEntropy>`: t' = (1 - ε) · t + ε/2 for each output. It equals Keras'
///   `BinaryCrossentropy(label_smoothing=ε)`, except that Keras takes the mean over outputs
///   ([`PerOutput`](super::PerOutput)). PyTorch has no equivalent.
///
/// With ε = 0, results are bit-identical to those of the loss without smoothing. The minimum is
/// not 0 but the entropy of t'. Validation losses are smoothed too, so compare only losses with
/// equal ε.
///
/// Szegedy et al., 2016, section 7, [arXiv:1512.00567](https://arxiv.org/abs/1512.00567).
///
/// ```
/// use feedforward::Loss;
/// use feedforward::loss::{Smoothed, SoftmaxCrossEntropy};
///
/// let loss = Smoothed::new(SoftmaxCrossEntropy, 0.1);
/// let mut gradient = [0.0; 2];
/// let value = loss.evaluate(&[0.0, 0.0], &[1.0, 0.0], &mut gradient);
/// assert!((value - 2.0_f64.ln()).abs() < 1e-15);
/// // The targets have become 0.95 and 0.05.
/// assert!((gradient[0] + 0.45).abs() < 1e-15 && (gradient[1] - 0.45).abs() < 1e-15);
/// ```
#[doc(alias = "label_smoothing")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Smoothed<L> {
    /// Loss to smooth: [`SoftmaxCrossEntropy`] or [`BinaryCrossEntropy`].
    pub loss: L,
    /// Fraction ε of the certainty to spread; 0.1 is common. Range: [0, 1). Default: 0.
    pub smoothing: f64,
}

impl<L> Smoothed<L> {
    /// Returns the loss with this smoothing.
    pub fn new(loss: L, smoothing: f64) -> Self {
        Self { loss, smoothing }
    }
}

/// Implements [`Loss`] for a smoothed cross-entropy.
macro_rules! smoothed {
    ($loss:ident, $rule:expr, $kind:ident) => {
        loss! {
            Smoothed<$loss>, $rule, $kind

            /// Checks that all targets are probabilities.
            fn check_target(&self, target: &[T]) -> Result<()> {
                self.loss.check_target(target)
            }

            fn check(&self) -> Result<()> {
                check_fraction::<T>("label smoothing", self.smoothing)?;
                check_not_negative::<T>("label smoothing", self.smoothing)
            }
        }
    };
}
smoothed! { SoftmaxCrossEntropy, Softmax, ClassLogits }
smoothed! { BinaryCrossEntropy, Total, Logits }

impl<T: Float> Pointwise<T> for Smoothed<BinaryCrossEntropy> {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        BinaryCrossEntropy.at(y, Smooth::new(self.smoothing, 2).at(t))
    }
}

/// The smoothed target t' = keep · t + spread.
#[derive(Clone, Copy)]
struct Smooth<T> {
    keep: T,
    spread: T,
}

impl<T: Float> Smooth<T> {
    /// Returns the rule that spreads `smoothing` equally over this many answers.
    ///
    /// Without smoothing, t' is bit-identical to t.
    #[inline(always)]
    fn new(smoothing: f64, answers: usize) -> Self {
        Self {
            keep: T::from_f64(1.0 - smoothing),
            spread: T::from_f64(smoothing / answers as f64),
        }
    }

    #[inline(always)]
    fn at(self, t: T) -> T {
        self.keep * t + self.spread
    }
}
