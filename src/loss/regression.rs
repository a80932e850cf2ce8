//! Losses for real-valued targets.

use super::{Loss, OutputKind, Pointwise, loss, mean, sum};
use crate::error::Result;
use crate::float::{Float, check_positive};

/// Half the squared distance: L = 1/2 sum over outputs of (y - t)^2, dL/dy = y - t.
///
/// The negative logarithm of a normal likelihood with variance 1, up to a constant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SquaredError;

loss! { SquaredError, sum, Values }

impl<T: Float> Pointwise<T> for SquaredError {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let d = y - t;
        (T::from_f64(0.5) * (d * d), d)
    }
}

/// L = 1/K sum over the K outputs of (y - t)^2, dL/dy = 2 (y - t) / K: PyTorch's `MSELoss`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MeanSquaredError;

loss! { MeanSquaredError, mean, Values }

impl<T: Float> Pointwise<T> for MeanSquaredError {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let d = y - t;
        (d * d, d + d)
    }
}

/// scikit-learn's squared error: L = 1/(2K) sum over the K outputs of (y - t)^2, with the
/// gradient y - t of [`SquaredError`], K times what follows from L.
///
/// `MLPRegressor` reports the one and descends the other. Take this loss to keep the
/// learning rate, the L2 penalty, the `tol` and the loss curve of a scikit-learn program;
/// for a new one, [`SquaredError`] and [`MeanSquaredError`] are consistent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ScikitSquaredError;

impl<T: Float> Loss<T> for ScikitSquaredError {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        sum(SquaredError, output, target, gradient) / super::count(output)
    }

    fn output_kind(&self) -> OutputKind {
        OutputKind::Values
    }
}

/// L = 1/K sum over the K outputs of |y - t|, dL/dy = sign(y - t) / K, which is 0 where
/// y = t: PyTorch's `L1Loss`.
///
/// Its minimum is the median, which outliers do not move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MeanAbsoluteError;

loss! { MeanAbsoluteError, mean, Values }

impl<T: Float> Pointwise<T> for MeanAbsoluteError {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let d = y - t;
        // The sign of num_traits is 1 at zero.
        let sign = if d == T::zero() { d } else { d.signum() };
        (d.abs(), sign)
    }
}

/// Squared for small errors, absolute for large ones: with d = y - t the mean over outputs
/// of d^2 / 2 where |d| <= delta, and of delta (|d| - delta / 2) beyond.
///
/// dL/dy = d / K, where d is limited to [-delta, delta]. Huber, "Robust estimation of a
/// location parameter", 1964. PyTorch's `HuberLoss`; its `SmoothL1Loss` with beta = delta
/// is this divided by delta.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Huber {
    /// The error from which on the loss is linear, above 0, in units of the outputs: 1.
    pub delta: f64,
}

impl Huber {
    /// The loss that is linear from `delta` on.
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
    Huber, mean, Values

    fn check(&self) -> Result<()> {
        check_positive::<T>("Huber's delta", self.delta)
    }
}

impl<T: Float> Pointwise<T> for Huber {
    #[inline(always)]
    fn at(&self, y: T, t: T) -> (T, T) {
        let (d, delta) = (y - t, T::from_f64(self.delta));
        // Written so that NaN passes through to both.
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

/// The squared error relative to the output's own size:
/// L = 1/K sum over the K outputs of (y - t)^2 / (y^2 + epsilon), for targets of a high
/// dynamic range.
///
/// dL/dy = 2 (y - t) / (y^2 + epsilon) / K: the denominator counts as a constant, so the
/// gradient is, on purpose, not that of L. With noisy targets whose mean is to be learned,
/// the output is a better estimate of that mean than the target, and a gradient through
/// the denominator would bias it.
///
/// Lehtinen et al., "Noise2Noise", 2018; with these constants Müller et al., "Real-time
/// neural radiance caching for path tracing", 2021: tiny-cuda-nn's `RelativeL2`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RelativeL2 {
    /// What keeps small outputs from dominating, above 0, in squared units of the
    /// outputs: 0.01.
    pub epsilon: f64,
}

impl Default for RelativeL2 {
    fn default() -> Self {
        Self { epsilon: 0.01 }
    }
}

loss! {
    RelativeL2, mean, Values

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
