//! Smooth relatives of ReLU: mostly x times a gate that opens from 0 to 1.

use super::define::{activation, at_least, at_most, clamp, moment_gain};
use crate::math;

// A gate closes faster than x grows, but at -infinity their product would be NaN, so x stops
// where the gate has long been 0; in f' likewise where its slope has.

/// Gaussian error linear unit: f(x) = x Φ(x), f'(x) = Φ(x) + x φ(x), where
/// Φ(x) = (1 + erf(x/√2)) / 2 and φ(x) = e^(-x²/2) / √(2π) are the normal distribution.
///
/// Hendrycks and Gimpel, *Gaussian error linear units (GELUs)*, 2016. This is the exact
/// form, PyTorch's default; [`GeluTanh`] is the approximation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gelu;

activation! {
    Gelu: "gelu" | "gelu_erf";
    value(x) = at_least(T::from_f64(-40.0), x) * normal(clamp(T::from_f64(-40.0), T::from_f64(40.0), x));
    derivative(x, _) = {
        let x = clamp(T::from_f64(-40.0), T::from_f64(40.0), x);
        let density = math::exp(T::from_f64(-0.5) * x * x) * T::from_f64(0.398_942_280_401_432_7); // 1/√(2π)
        normal(x) + x * density
    };
    gain = moment_gain(&Gelu);
}

/// Φ(x), the distribution function of the normal distribution.
#[inline(always)]
fn normal<T: crate::Float>(x: T) -> T {
    let root = T::from_f64(core::f64::consts::FRAC_1_SQRT_2);
    T::from_f64(0.5) + T::from_f64(0.5) * math::erf(x * root)
}

/// GELU by a hyperbolic tangent: f(x) = x (1 + tanh u) / 2 with u = √(2/π) (x + 0.044715 x³);
/// f' = s + x s (1 - s) 2u' with s = (1 + tanh u) / 2 and u' = √(2/π) (1 + 0.134145 x²).
///
/// Hendrycks and Gimpel, *Gaussian error linear units (GELUs)*, 2016; what GPT-2 and BERT
/// were trained with. It differs from [`Gelu`] by up to 5e-4.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GeluTanh;

impl GeluTanh {
    /// 2 √(2/π).
    pub(crate) const SCALE: f64 = 1.595_769_121_605_730_7;
    pub(crate) const CUBIC: f64 = 0.044_715;
}

activation! {
    GeluTanh: "gelu_tanh";
    value(x) = at_least(T::from_f64(-40.0), x) * gelu_gate(clamp(T::from_f64(-40.0), T::from_f64(40.0), x));
    derivative(x, _) = {
        let x = clamp(T::from_f64(-40.0), T::from_f64(40.0), x);
        let s = gelu_gate(x);
        let slope = T::from_f64(GeluTanh::SCALE) * (T::one() + T::from_f64(3.0 * GeluTanh::CUBIC) * x * x);
        s + x * s * (T::one() - s) * slope
    };
    gain = moment_gain(&GeluTanh);
}

/// (1 + tanh u) / 2 = sigmoid(2u), which keeps its digits where tanh u is near -1.
#[inline(always)]
fn gelu_gate<T: crate::Float>(x: T) -> T {
    math::sigmoid(
        T::from_f64(GeluTanh::SCALE) * x * (T::one() + T::from_f64(GeluTanh::CUBIC) * x * x),
    )
}

/// Sigmoid linear unit, also swish: f(x) = x σ(x), f' = σ (1 + x (1 - σ)) with the
/// [`Sigmoid`](super::Sigmoid) σ.
///
/// Elfwing, Uchibe and Doya, *Sigmoid-weighted linear units for neural network function
/// approximation in reinforcement learning*, 2018; Ramachandran, Zoph and Le, *Searching for
/// activation functions*, 2017.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Silu;

activation! {
    Silu: "silu" | "swish";
    value(x) = at_least(T::from_f64(-1000.0), x) * math::sigmoid(x);
    derivative(x, _) = {
        let s = math::sigmoid(x);
        let x = clamp(T::from_f64(-1000.0), T::from_f64(1000.0), x);
        s * (T::one() + x * (T::one() - s))
    };
    gain = moment_gain(&Silu);
}

/// Piecewise quadratic SiLU: f(x) = x min(max(0, x + 3), 6) / 6; f'(x) = 0 for x < -3,
/// 1 for x > 3, x/3 + 1/2 between (at ±3 too).
///
/// Howard et al., *Searching for MobileNetV3*, 2019.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HardSwish;

activation! {
    HardSwish: "hard_swish" | "hard_silu";
    value(x) = {
        let gate = clamp(T::zero(), T::from_f64(6.0), x + T::from_f64(3.0)) * T::from_f64(1.0 / 6.0);
        at_least(T::from_f64(-3.0), x) * gate
    };
    derivative(x, _) = {
        let middle = x * T::from_f64(1.0 / 3.0) + T::from_f64(0.5);
        let right = if x > T::from_f64(3.0) { T::one() } else { middle };
        if x < T::from_f64(-3.0) { T::zero() } else { right }
    };
    gain = moment_gain(&HardSwish);
}

/// f(x) = x tanh(ln(1 + e^x)), f' = t + x (1 - t²) σ(x) with t = tanh(ln(1 + e^x)) and the
/// [`Sigmoid`](super::Sigmoid) σ.
///
/// Misra, *Mish: a self regularized non-monotonic activation function*, 2019. With n = e^x
/// and w = n (n + 2) it takes one exponential: t = w / (w + 2), t' = 4 n (n + 1) / (w + 2)².
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mish;

activation! {
    Mish: "mish";
    // Beyond 20 t rounds to 1, in f64 too, while n² would soon overflow.
    value(x) = {
        let n = math::exp(at_most(T::from_f64(20.0), x));
        let w = n * (n + T::from_f64(2.0));
        at_least(T::from_f64(-1000.0), x) * (w / (w + T::from_f64(2.0)))
    };
    derivative(x, _) = {
        let x = clamp(T::from_f64(-1000.0), T::from_f64(20.0), x);
        let n = math::exp(x);
        let w = n * (n + T::from_f64(2.0));
        let d = w + T::from_f64(2.0);
        w / d + x * (T::from_f64(4.0) * n * (n + T::one()) / (d * d))
    };
    gain = moment_gain(&Mish);
}

/// Smooth ReLU without exponentials: f(x) = (x + √(x² + b)) / 2; f'(x) = (1 + x/√(x² + b)) / 2
/// = 1 / (1 + b / (4 f²)).
///
/// Barron, *Squareplus: a softplus-like algebraic rectifier*, 2021.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Squareplus {
    /// The breadth b of the bend, above 0: 4 gives f'' = 1/4 at 0, like softplus, and
    /// 4 ln² 2 its value there.
    pub b: f64,
}

activation! {
    Squareplus(b: f64 = 4.0 in Positive): "squareplus";
    value(x) = {
        // √(x² + b) without overflow of the square.
        let (a, root) = (x.abs(), b.sqrt());
        let (low, high) = if a < root { (a, root) } else { (root, a) };
        let ratio = low / high;
        let hypotenuse = high * (T::one() + ratio * ratio).sqrt();
        // The roots (√(x² + b) ± x) / 2 have the product b/4: that saves the left side, where
        // the sum cancels.
        let right = T::from_f64(0.5) * hypotenuse + T::from_f64(0.5) * a;
        let left = T::from_f64(0.25) * b / right;
        if x < T::zero() { left } else { right }
    };
    derivative(y) = T::one() / (T::one() + T::from_f64(0.25) * b / y / y);
    gain = moment_gain(&Squareplus { b });
}
