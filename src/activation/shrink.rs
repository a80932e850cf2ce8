//! Activations that shrink small values toward 0.

use super::define::{activation, clamp, indicator};
use crate::math;

/// Identity minus hyperbolic tangent.
///
/// ```text
/// f(x)  = x - tanh x
/// f'(x) = tanh² x
/// ```
///
/// It comes from Torch 7; no paper is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tanhshrink;

activation! {
    Tanhshrink: "tanhshrink";
    value(x) = x - math::tanh(x);
    derivative(x, _) = {
        let t = math::tanh(x);
        t * t
    };
}

/// Soft thresholding.
///
/// ```text
/// f(x)  = x - λ  for x > λ
///         x + λ  for x < -λ
///         0      otherwise
/// f'(x) = 1      for |x| > λ, else 0
/// ```
///
/// Donoho, *De-noising by soft-thresholding*, 1995.
#[doc(alias = "soft_threshold")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SoftShrink {
    /// Threshold λ. Range: 0 or above. Default: 0.5.
    pub lambda: f64,
}

activation! {
    SoftShrink(lambda: f64 = 0.5 in NotNegative): "soft_shrink";
    value(x) = x - clamp(-lambda, lambda, x);
    derivative(y) = indicator(y != T::zero());
}

/// Hard thresholding.
///
/// ```text
/// f(x)  = x  for |x| > λ, else 0
/// f'(x) = 1  for |x| > λ, else 0
/// ```
///
/// Donoho and Johnstone, *Ideal spatial adaptation by wavelet shrinkage*, 1994.
#[doc(alias = "hard_threshold")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HardShrink {
    /// Threshold λ. Range: 0 or above. Default: 0.5.
    pub lambda: f64,
}

activation! {
    HardShrink(lambda: f64 = 0.5 in NotNegative): "hard_shrink";
    value(x) = if x.abs() <= lambda { T::zero() } else { x };
    derivative(y) = indicator(y != T::zero());
}
