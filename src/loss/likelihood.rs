//! Losses that are negative logarithms of likelihoods: of counts and of classes.

use super::{Loss, OutputKind, Pointwise, loss, sum};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_not_negative, check_values};
use crate::math;
use crate::simd::{self, Op, Simd};

/// For counts and rates: the output is the logarithm of the rate, p = e^y.
///
/// L = sum over outputs of t ln(t/p) - t + p, where t = 0 contributes p, and dL/dy = p - t.
///
/// This is half the deviance of a Poisson distribution, as in scikit-learn's
/// `MLPRegressor(loss="poisson")`: zero where the prediction is exact. PyTorch's
/// `PoissonNLLLoss` is the mean over outputs of p - t y; it differs by the factor
/// ([`PerOutput`](super::PerOutput)) and by the constant t ln t - t of each output.
/// A network that should predict rates takes the exponential of its outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Poisson;

loss! {
    Poisson, sum, LogRates

    /// Targets are zero or more.
    fn check_target(&self, target: &[T]) -> Result<()> {
        check_values("target of the Poisson loss", target, 0.0.., "0 or above")
    }
}

impl<T: Float> Pointwise<T> for Poisson {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let slope = math::exp(y) - t;
        // ln 0 must not meet the factor 0.
        let log = if t > T::zero() { math::ln(t) } else { y };
        (slope - t * (y - log), slope)
    }
}

/// For yes-or-no outputs, each by itself: the output is a logit, s(y) = 1 / (1 + e^-y) the
/// probability of yes, and the target a probability, 0 or 1 for labels.
///
/// L = - sum over outputs of t ln s(y) + (1 - t) ln(1 - s(y)), dL/dy = s(y) - t.
///
/// Computed as max(y, 0) (1 - t) + max(-y, 0) t + ln(1 + e^-|y|), where nothing overflows
/// or cancels. The sum over outputs is scikit-learn's convention; PyTorch's
/// `BCEWithLogitsLoss` takes the mean, [`PerOutput`](super::PerOutput)`(BinaryCrossEntropy)`.
/// scikit-learn clips probabilities in the value, which limits it to 36 for each output in
/// f64 (16 in f32); here nothing is clipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BinaryCrossEntropy;

loss! {
    BinaryCrossEntropy, sum, Logits

    /// Targets are probabilities.
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
        // The target's distance from the likelier answer; the other answer's probability
        // is e / (1 + e).
        let miss = if y < zero { t } else { one - t };
        let away = (e * (one - miss) - miss) / (one + e);
        let slope = if y < zero { away } else { -away };
        (y.abs() * miss + math::ln_1p(e), slope)
    }
}

/// For one class out of several: the outputs are logits, p = softmax(y) the classes'
/// probabilities, and the target a probability for each class, one-hot for labels.
///
/// L = - sum over outputs of t ln p, dL/dy = p sum(t) - t, which is p - t for
/// probabilities that sum to 1.
///
/// ln p = y - max - ln(sum of e^(y - max)), so that nothing overflows. The value of a sure
/// and right answer is exact too, where others lose it in 1 + e^-y. scikit-learn's
/// log loss (but for its clipping of probabilities) and PyTorch's `CrossEntropyLoss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SoftmaxCrossEntropy;

impl<T: Float> Loss<T> for SoftmaxCrossEntropy {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        Smoothed::new(*self, 0.0).evaluate(output, target, gradient)
    }

    /// Targets are probabilities.
    fn check_target(&self, target: &[T]) -> Result<()> {
        let what = "target of the softmax cross-entropy";
        check_values(what, target, 0.0..=1.0, "0 to 1")
    }

    fn output_kind(&self) -> OutputKind {
        OutputKind::ClassLogits
    }
}

struct Softmax<'a, T> {
    smooth: Smooth<T>,
    output: &'a [T],
    target: &'a [T],
    gradient: &'a mut [T],
}

impl<T: Float> Op for Softmax<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> T {
        let (mut first, mut max) = (0, T::neg_infinity());
        for (k, &y) in self.output.iter().enumerate() {
            if y > max {
                (first, max) = (k, y);
            }
        }
        for (g, &y) in self.gradient.iter_mut().zip(self.output) {
            *g = math::exp(y - max);
        }
        let mut others = T::zero();
        for (k, &g) in self.gradient.iter().enumerate() {
            if k != first {
                others += g;
            }
        }
        let log_sum = math::ln_1p(others);
        let mut targets = T::zero();
        for &t in self.target {
            targets += self.smooth.at(t);
        }
        let scale = targets / (T::one() + others);
        let mut loss = T::zero();
        let pairs = self.output.iter().zip(self.target);
        for (g, (&y, &t)) in self.gradient.iter_mut().zip(pairs) {
            let t = self.smooth.at(t);
            loss += t * ((max - y) + log_sum);
            *g = *g * scale - t;
        }
        loss
    }
}

/// Label smoothing: a cross-entropy whose targets give a part of their certainty to all
/// answers alike, so that no logit has to grow without end.
///
/// - `Smoothed<SoftmaxCrossEntropy>`: t' = (1 - e) t + e / K with K outputs. PyTorch's
///   `CrossEntropyLoss(label_smoothing=e)` and Keras' `CategoricalCrossentropy`.
/// - `Smoothed<BinaryCrossEntropy>`: t' = (1 - e) t + e / 2 for each output. Keras'
///   `BinaryCrossentropy(label_smoothing=e)`, but for its mean over outputs
///   ([`PerOutput`](super::PerOutput)); PyTorch has none.
///
/// e is the `smoothing`, and value and gradient are those of the loss at t'. With e = 0 they
/// are the same bits as without. The least value is not 0 but the entropy of t'. Losses of a
/// validation are smoothed too: compare them only with losses of the same e.
///
/// Szegedy et al., "Rethinking the inception architecture for computer vision", 2016,
/// section 7.
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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Smoothed<L> {
    /// The loss: [`SoftmaxCrossEntropy`] or [`BinaryCrossEntropy`].
    pub loss: L,
    /// The part of the certainty that is given away, in [0, 1): 0; 0.1 is usual.
    pub smoothing: f64,
}

impl<L> Smoothed<L> {
    /// The loss with targets smoothed by so much.
    pub fn new(loss: L, smoothing: f64) -> Self {
        Self { loss, smoothing }
    }
}

/// Implements [`Loss`] for a smoothed cross-entropy.
macro_rules! smoothed {
    ($loss:ident, $evaluate:ident, $kind:ident) => {
        loss! {
            Smoothed<$loss>, $evaluate, $kind

            /// Targets are probabilities.
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
smoothed! { SoftmaxCrossEntropy, softmax, ClassLogits }
smoothed! { BinaryCrossEntropy, sum, Logits }

fn softmax<T: Float>(
    loss: Smoothed<SoftmaxCrossEntropy>,
    output: &[T],
    target: &[T],
    gradient: &mut [T],
) -> T {
    simd::dispatch(Softmax {
        smooth: Smooth::new(loss.smoothing, output.len()),
        output,
        target,
        gradient,
    })
}

impl<T: Float> Pointwise<T> for Smoothed<BinaryCrossEntropy> {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        BinaryCrossEntropy.at(y, Smooth::new(self.smoothing, 2).at(t))
    }
}

/// t' = keep t + spread.
#[derive(Clone, Copy)]
struct Smooth<T> {
    keep: T,
    spread: T,
}

impl<T: Float> Smooth<T> {
    /// What `smoothing` takes from a target goes to all `answers` in equal parts. Without
    /// smoothing, t' has the bits of t.
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
