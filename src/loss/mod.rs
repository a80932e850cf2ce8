//! Losses: how far an output is from its target.
//!
//! | loss | one output's value | outputs |
//! |---|---|---|
//! | [`SquaredError`] | (y - t)^2 / 2 | sum |
//! | [`MeanSquaredError`] | (y - t)^2 | mean |
//! | [`ScikitSquaredError`] | (y - t)^2 / 2 | mean, but the gradient of the sum |
//! | [`MeanAbsoluteError`] | \|y - t\| | mean |
//! | [`Huber`] | (y - t)^2 / 2, linear from delta on | mean |
//! | [`RelativeL2`] | (y - t)^2 / (y^2 + epsilon) | mean |
//! | [`Poisson`] | e^y - t - t (y - ln t) | sum |
//! | [`BinaryCrossEntropy`] | -t ln s(y) - (1 - t) ln(1 - s(y)), s the sigmoid | sum |
//! | [`SoftmaxCrossEntropy`] | -t ln softmax(y) | sum |
//!
//! [`PerOutput`] turns a sum into a mean; [`Smoothed`] smooths the labels of a cross-entropy.

#![cfg(target_has_atomic = "ptr")]

use alloc::sync::Arc;
use core::fmt::Debug;

use crate::error::Result;
use crate::float::Float;
use crate::simd::{self, Op, Simd};

mod likelihood;
mod regression;

pub use likelihood::{BinaryCrossEntropy, Poisson, Smoothed, SoftmaxCrossEntropy};
pub use regression::{
    Huber, MeanAbsoluteError, MeanSquaredError, RelativeL2, ScikitSquaredError, SquaredError,
};

/// One sample's loss and its gradient; a minibatch's loss is the mean over its samples.
///
/// Your own takes a few lines:
///
/// ```
/// use feedforward::{Float, Loss};
///
/// /// The pinball loss, whose minimum is a quantile: 0.5 is the median.
/// #[derive(Debug)]
/// struct Quantile(f64);
///
/// impl<T: Float> Loss<T> for Quantile {
///     fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
///         let mut sum = T::zero();
///         for ((g, &y), &t) in gradient.iter_mut().zip(output).zip(target) {
///             *g = T::from_f64(if y < t { -self.0 } else { 1.0 - self.0 });
///             sum += *g * (y - t);
///         }
///         sum
///     }
/// }
///
/// let mut gradient = [0.0];
/// let loss = Quantile(0.75).evaluate(&[1.0], &[3.0], &mut gradient);
/// assert_eq!((loss, gradient), (1.5, [-0.75]));
/// ```
pub trait Loss<T: Float>: Debug + Send + Sync {
    /// Returns the loss of one sample and writes its derivative with respect to each
    /// output into `gradient`. The three slices have the same length. Must not allocate.
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T;

    /// Checks that a sample's target is one that this loss is defined for (finite it is
    /// already), so that training refuses it instead of learning NaN.
    ///
    /// # Errors
    /// [`Error::InvalidValue`](crate::Error::InvalidValue) by those losses that have a domain.
    fn check_target(&self, _target: &[T]) -> Result<()> {
        Ok(())
    }

    /// Checks the loss's own settings, once before a training.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns how this loss reads the outputs, so that training refuses a network or a model
    /// that means something else by them. Default: [`OutputKind::Unspecified`].
    fn output_kind(&self) -> OutputKind {
        OutputKind::Unspecified
    }
}

/// How a loss reads a network's outputs.
///
/// Logits and logarithms of rates can be any number. Training refuses an output layer whose
/// activation never reaches -4 or never reaches 4, such as ReLU, sigmoid or the exponential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputKind {
    /// Not stated: nothing is checked.
    #[default]
    Unspecified,
    /// Predictions in the unit of the targets.
    Values,
    /// Logits, each of a yes-or-no question of its own.
    Logits,
    /// Logits of two or more classes that exclude each other, an output for each.
    ClassLogits,
    /// Logarithms of rates.
    LogRates,
}

/// A shared loss is one too.
impl<T: Float, Shared: Loss<T> + ?Sized> Loss<T> for Arc<Shared> {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        (**self).evaluate(output, target, gradient)
    }
    fn check_target(&self, target: &[T]) -> Result<()> {
        (**self).check_target(target)
    }
    fn check(&self) -> Result<()> {
        (**self).check()
    }
    fn output_kind(&self) -> OutputKind {
        (**self).output_kind()
    }
}

/// A loss divided by the number of outputs, value and gradient.
///
/// Turns the losses that sum over the outputs, as scikit-learn's do, into those that take
/// the mean, as PyTorch's do: `PerOutput(BinaryCrossEntropy)` is `BCEWithLogitsLoss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PerOutput<L>(pub L);

impl<T: Float, L: Loss<T>> Loss<T> for PerOutput<L> {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        let outputs = count(output);
        let loss = self.0.evaluate(output, target, gradient);
        for g in gradient {
            *g /= outputs;
        }
        loss / outputs
    }

    fn check_target(&self, target: &[T]) -> Result<()> {
        self.0.check_target(target)
    }

    fn check(&self) -> Result<()> {
        self.0.check()
    }

    fn output_kind(&self) -> OutputKind {
        self.0.output_kind()
    }
}

/// A loss that treats each output by itself.
trait Pointwise<T> {
    /// One output's loss and derivative. Must be `#[inline(always)]`.
    fn at(&self, y: T, t: T) -> (T, T);
}

/// Implements [`Loss`] by a function of a loss and its three slices, such as [`sum`] or [`mean`].
macro_rules! loss {
    ($loss:ty, $evaluate:ident, $kind:ident $($checks:tt)*) => {
        impl<T: Float> Loss<T> for $loss {
            fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
                $evaluate(*self, output, target, gradient)
            }

            fn output_kind(&self) -> OutputKind {
                OutputKind::$kind
            }

            $($checks)*
        }
    };
}
use loss;

/// The sum of a pointwise loss over the outputs, and its gradient.
fn sum<T: Float>(loss: impl Pointwise<T>, output: &[T], target: &[T], gradient: &mut [T]) -> T {
    simd::dispatch(Sum {
        loss,
        output,
        target,
        gradient,
        scale: T::one(),
    })
}

/// The mean of a pointwise loss over the outputs, and its gradient.
fn mean<T: Float>(loss: impl Pointwise<T>, output: &[T], target: &[T], gradient: &mut [T]) -> T {
    simd::dispatch(Sum {
        loss,
        scale: count(output),
        output,
        target,
        gradient,
    })
}

struct Sum<'a, T, L> {
    loss: L,
    output: &'a [T],
    target: &'a [T],
    gradient: &'a mut [T],
    scale: T,
}

impl<T: Float, L: Pointwise<T>> Op for Sum<'_, T, L> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> T {
        let mut sum = T::zero();
        let pairs = self.output.iter().zip(self.target);
        for (g, (&y, &t)) in self.gradient.iter_mut().zip(pairs) {
            let (loss, slope) = self.loss.at(y, t);
            sum += loss;
            *g = slope / self.scale;
        }
        sum / self.scale
    }
}

fn count<T: Float>(output: &[T]) -> T {
    T::from_f64(output.len() as f64)
}
