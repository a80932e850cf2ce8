//! Losses that are negative logarithms of likelihoods: of counts and of classes.

use super::{Loss, Pointwise, check_targets, sum};
use crate::error::Result;
use crate::float::Float;
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
pub struct Poisson;

impl<T: Float> Loss<T> for Poisson {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        sum(*self, output, target, gradient)
    }

    /// Targets are zero or more.
    fn check_target(&self, target: &[T]) -> Result<()> {
        check_targets("target of the Poisson loss", target, 0.0.., "0 or above")
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
pub struct BinaryCrossEntropy;

impl<T: Float> Loss<T> for BinaryCrossEntropy {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        sum(*self, output, target, gradient)
    }

    /// Targets are probabilities.
    fn check_target(&self, target: &[T]) -> Result<()> {
        let what = "target of the binary cross-entropy";
        check_targets(what, target, 0.0..=1.0, "0 to 1")
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
pub struct SoftmaxCrossEntropy;

impl<T: Float> Loss<T> for SoftmaxCrossEntropy {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        simd::dispatch(Softmax {
            output,
            target,
            gradient,
        })
    }

    /// Targets are probabilities.
    fn check_target(&self, target: &[T]) -> Result<()> {
        let what = "target of the softmax cross-entropy";
        check_targets(what, target, 0.0..=1.0, "0 to 1")
    }
}

struct Softmax<'a, T> {
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
        let scale = self.target.iter().copied().sum::<T>() / (T::one() + others);
        let mut loss = T::zero();
        let pairs = self.output.iter().zip(self.target);
        for (g, (&y, &t)) in self.gradient.iter_mut().zip(pairs) {
            loss += t * ((max - y) + log_sum);
            *g = *g * scale - t;
        }
        loss
    }
}
