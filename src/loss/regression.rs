//! Losses for real-valued targets.

use super::{Loss, Mean, OutputKind, Pointwise, RowLoss, Total, loss};
use crate::error::Result;
use crate::float::{Float, check_positive};
use crate::simd::Simd;

/// Half the squared distance.
///
/// ```text
/// L     = 1/2 · Σ (y - t)²
/// dL/dy = y - t
/// ```
///
/// The sum is over outputs. Up to a constant, L is the negative logarithm of a normal likelihood
/// with variance 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SquaredError;

loss! { SquaredError, Total, Values }

impl<T: Float> Pointwise<T> for SquaredError {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let d = y - t;
        (T::from_f64(0.5) * (d * d), d)
    }
}

/// Mean squared error (MSE), PyTorch's `MSELoss`.
///
/// ```text
/// L     = 1/K · Σ (y - t)²    (sum over the K outputs)
/// dL/dy = 2 · (y - t) / K
/// ```
#[doc(alias = "MSE")]
#[doc(alias = "MSELoss")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MeanSquaredError;

loss! { MeanSquaredError, Mean, Values }

impl<T: Float> Pointwise<T> for MeanSquaredError {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let d = y - t;
        (d * d, d + d)
    }
}

/// Squared error as scikit-learn computes it.
///
/// ```text
/// L        = 1/(2K) · Σ (y - t)²    (sum over the K outputs)
/// gradient = y - t
/// ```
///
/// The gradient is that of [`SquaredError`], K times the derivative of L. scikit-learn's
/// `MLPRegressor` reports L and descends along this gradient.
///
/// Use this loss to keep the learning rate, L2 penalty, `tol` and loss curve of a scikit-learn
/// program. For new programs, use [`SquaredError`] or [`MeanSquaredError`], which are consistent.
#[doc(alias = "MLPRegressor")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ScikitSquaredError;

loss! { ScikitSquaredError, Scikit, Values }

/// The rule of [`ScikitSquaredError`].
struct Scikit(ScikitSquaredError);

impl<T: Float> RowLoss<T> for Scikit {
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        Total(SquaredError).row(simd, output, target, gradient) / super::count(output)
    }
}

/// Mean absolute error (MAE), PyTorch's `L1Loss`.
///
/// ```text
/// L     = 1/K · Σ |y - t|    (sum over the K outputs)
/// dL/dy = sign(y - t) / K    (0 for y = t)
/// ```
///
/// Its minimum is the median, which outliers do not move.
#[doc(alias = "MAE")]
#[doc(alias = "L1Loss")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MeanAbsoluteError;

loss! { MeanAbsoluteError, Mean, Values }

impl<T: Float> Pointwise<T> for MeanAbsoluteError {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let d = y - t;
        // `signum` of num_traits returns 1 at zero.
        let sign = if d == T::zero() { d } else { d.signum() };
        (d.abs(), sign)
    }
}

/// Huber loss, squared for small errors and absolute for large ones.
///
/// ```text
/// L     = 1/K · Σ l(y - t)    (sum over the K outputs)
/// l(d)  = d² / 2              for |d| <= δ
///         δ · (|d| - δ/2)     otherwise
/// dL/dy = min(max(-δ, y - t), δ) / K
/// ```
///
/// It equals PyTorch's `HuberLoss`. PyTorch's `SmoothL1Loss` with β = δ is this loss divided by δ.
/// Huber, *Robust estimation of a location parameter*, 1964.
#[doc(alias = "HuberLoss")]
#[doc(alias = "SmoothL1Loss")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Huber {
    /// Error δ above which the loss is linear, in units of the outputs. Range: above 0. Default: 1.
    pub delta: f64,
}

impl Huber {
    /// Returns the loss that is linear for errors above `delta`.
    pub fn new(delta: f64) -> Self {
        Self { delta }
    }
}

impl Default for Huber {
    fn default() -> Self {
        Self::new(1.0)
    }
}

loss! {
    Huber, Mean, Values

    fn check(&self) -> Result<()> {
        check_positive::<T>("Huber's delta", self.delta)
    }
}

impl<T: Float> Pointwise<T> for Huber {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let (d, delta) = (y - t, T::from_f64(self.delta));
        // These comparisons pass NaN on to both results.
        let limited = if d > delta {
            delta
        } else if d < -delta {
            -delta
        } else {
            d
        };
        (limited * (d - T::from_f64(0.5) * limited), limited)
    }
}

/// Squared error relative to the output, for targets with a high dynamic range.
///
/// ```text
/// L        = 1/K · Σ (y - t)² / (y² + ε)    (sum over the K outputs)
/// gradient = 2 · (y - t) / (y² + ε) / K
/// ```
///
/// The gradient intentionally treats the denominator as a constant, so it is not the derivative of
/// L. If the network is to learn the mean of noisy targets, the output is a better estimate of
/// that mean than the target. A gradient through the denominator would bias it.
///
/// Lehtinen et al., 2018, [arXiv:1803.04189](https://arxiv.org/abs/1803.04189). The constants are
/// those of Müller et al., 2021, [arXiv:2106.12372](https://arxiv.org/abs/2106.12372), and of
/// tiny-cuda-nn's `RelativeL2`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RelativeL2 {
    /// Constant ε that keeps small outputs from dominating, in squared units of the outputs.
    /// Range: above 0. Default: 0.01.
    pub epsilon: f64,
}

impl Default for RelativeL2 {
    fn default() -> Self {
        Self { epsilon: 0.01 }
    }
}

loss! {
    RelativeL2, Mean, Values

    fn check(&self) -> Result<()> {
        check_positive::<T>("RelativeL2's epsilon", self.epsilon)
    }
}

impl<T: Float> Pointwise<T> for RelativeL2 {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let d = y - t;
        let scaled = d / (y * y + T::from_f64(self.epsilon));
        (d * scaled, scaled + scaled)
    }
}
