//! Losses, which measure the distance between outputs and targets.
//!
//! | Loss | Value for one output y and its target t | Over outputs |
//! |---|---|---|
//! | [`SquaredError`] | (y - t)² / 2 | sum |
//! | [`MeanSquaredError`] | (y - t)² | mean |
//! | [`ScikitSquaredError`] | (y - t)² / 2 | mean, but the gradient of the sum |
//! | [`MeanAbsoluteError`] | \|y - t\| | mean |
//! | [`Huber`] | (y - t)² / 2, but linear for errors above δ | mean |
//! | [`RelativeL2`] | (y - t)² / (y² + ε) | mean |
//! | [`Poisson`] | e^y - t - t · (y - ln t) | sum |
//! | [`BinaryCrossEntropy`] | -t · ln σ(y) - (1 - t) · ln(1 - σ(y)), σ the sigmoid | sum |
//! | [`SoftmaxCrossEntropy`] | -t · ln softmax(y) | sum |
//! | [`Pinball`] | q · max(t - y, 0) + (1 - q) · max(y - t, 0), for each quantile q | mean |
//! | [`GaussianNll`] | ((t - μ)² · e^-s + s) / 2, of two outputs μ and s | mean |
//!
//! [`PerOutput`] turns a sum into a mean. [`Smoothed`] smooths the labels of a cross-entropy.

#![cfg(target_has_atomic = "ptr")]

use alloc::sync::Arc;
use core::fmt::Debug;

use crate::error::Result;
use crate::float::Float;
use crate::simd::Simd;

mod likelihood;
mod regression;
mod rows;
mod uncertainty;

pub use likelihood::{BinaryCrossEntropy, Poisson, Smoothed, SoftmaxCrossEntropy};
pub use regression::{
    Huber, MeanAbsoluteError, MeanSquaredError, RelativeL2, ScikitSquaredError, SquaredError,
};
#[doc(hidden)]
pub use rows::LossRows;
use rows::RowLoss;
pub use uncertainty::{GaussianNll, Pinball};

/// A function that computes the loss of one sample and its gradient.
///
/// The loss of a minibatch is the mean over its samples. A custom loss takes a few lines:
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
    /// output into `gradient`.
    ///
    /// `output` and `gradient` have the same length. `target` has a value for each
    /// [`outputs_per_target`](Self::outputs_per_target) of them. Implementations must not allocate.
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T;

    /// Evaluates several samples at once, as [`evaluate`](Self::evaluate) does one by one.
    #[doc(hidden)]
    fn evaluate_rows(&self, rows: LossRows<'_, T>) {
        for (output, target, gradient, loss) in rows.samples() {
            *loss = self.evaluate(output, target, gradient);
        }
    }

    /// Checks that this loss is defined for a sample's target. Default: accepts all targets.
    ///
    /// The values are already known to be finite. Training rejects invalid targets instead of
    /// learning NaN.
    ///
    /// # Errors
    /// Returns [`Error::InvalidValue`](crate::Error::InvalidValue) if a value is outside the domain
    /// of the loss.
    fn check_target(&self, _target: &[T]) -> Result<()> {
        Ok(())
    }

    /// Checks the settings of the loss. Default: accepts all settings.
    ///
    /// It is called once before each training run.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`](crate::Error::InvalidSetting) if a setting is NaN or
    /// outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the meaning that this loss gives to outputs. Default: [`OutputKind::Unspecified`].
    ///
    /// Training rejects a network or model whose outputs mean something else.
    fn output_kind(&self) -> OutputKind {
        OutputKind::Unspecified
    }

    /// Returns the number of outputs that describe one target. Default: 1.
    ///
    /// The outputs for a target are adjacent. Targets are then row-major `[samples x targets]`,
    /// with `outputs / outputs_per_target` targets per sample. Training rejects a network whose
    /// number of outputs is not a multiple, and a validation [`Score`](crate::Score) beside such a
    /// loss.
    fn outputs_per_target(&self) -> usize {
        1
    }
}

/// Meaning that a loss gives to a network's outputs.
///
/// Logits and logarithms of rates can be any number. Training rejects an output layer whose
/// activation never reaches -4 or never reaches 4, such as ReLU, sigmoid or the exponential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputKind {
    /// No stated meaning; nothing is checked.
    #[default]
    Unspecified,
    /// Predictions in the unit of the targets.
    Values,
    /// Logits of independent yes-or-no questions.
    Logits,
    /// Logits of two or more mutually exclusive classes, one output per class.
    ClassLogits,
    /// Logarithms of rates.
    LogRates,
    /// For each target, the mean and the logarithm of the variance of a normal distribution.
    MeansAndLogVariances,
}

/// Forwards to the shared loss.
impl<T: Float, Shared: Loss<T> + ?Sized> Loss<T> for Arc<Shared> {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        (**self).evaluate(output, target, gradient)
    }
    fn evaluate_rows(&self, rows: LossRows<'_, T>) {
        (**self).evaluate_rows(rows);
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
    fn outputs_per_target(&self) -> usize {
        (**self).outputs_per_target()
    }
}

/// A loss with its value and gradient divided by the number of outputs.
///
/// It turns a sum over outputs, as in scikit-learn, into a mean, as in PyTorch. For example,
/// `PerOutput(BinaryCrossEntropy)` is PyTorch's `BCEWithLogitsLoss`.
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

    fn outputs_per_target(&self) -> usize {
        self.0.outputs_per_target()
    }
}

/// A loss that treats each output independently.
trait Pointwise<T> {
    /// Returns one output's loss and derivative. Must be `#[inline(always)]`.
    fn at(&self, y: T, t: T) -> (T, T);
}

/// Implements [`Loss`] with a rule of this crate for a row, such as [`Total`] or [`Mean`].
macro_rules! loss {
    ($loss:ty, $rule:expr, $kind:ident $($checks:tt)*) => {
        impl<T: Float> Loss<T> for $loss {
            fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
                super::rows::evaluate(&$rule(*self), output, target, gradient)
            }

            fn evaluate_rows(&self, rows: super::LossRows<'_, T>) {
                super::rows::evaluate_rows(&$rule(*self), rows);
            }

            fn output_kind(&self) -> OutputKind {
                OutputKind::$kind
            }

            $($checks)*
        }
    };
}
use loss;

/// The sum of a pointwise loss over the outputs.
struct Total<L>(L);

impl<T: Float, L: Pointwise<T>> RowLoss<T> for Total<L> {
    #[inline(always)]
    fn row<S: Simd>(&self, _: S, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        pointwise(&self.0, output, target, gradient, T::one())
    }
}

/// The mean of a pointwise loss over the outputs.
struct Mean<L>(L);

impl<T: Float, L: Pointwise<T>> RowLoss<T> for Mean<L> {
    #[inline(always)]
    fn row<S: Simd>(&self, _: S, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        pointwise(&self.0, output, target, gradient, count(output))
    }
}

/// Returns the sum of a pointwise loss divided by `divisor`, and writes its gradient.
#[inline(always)]
fn pointwise<T: Float>(
    loss: &impl Pointwise<T>,
    output: &[T],
    target: &[T],
    gradient: &mut [T],
    divisor: T,
) -> T {
    let mut sum = T::zero();
    for (g, (&y, &t)) in gradient.iter_mut().zip(output.iter().zip(target)) {
        let (loss, slope) = loss.at(y, t);
        sum += loss;
        *g = slope / divisor;
    }
    sum / divisor
}

fn count<T: Float>(output: &[T]) -> T {
    T::from_f64(output.len() as f64)
}
