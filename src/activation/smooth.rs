//! Smooth relatives of ReLU. Most of them are x times a gate that rises from 0 to 1.

use super::define::{activation, at_least, at_most, clamp, moment_gain};
use crate::math;

// A gate approaches 0 faster than x grows, but at -infinity their product would be NaN. Therefore
// x is limited to a range beyond which its gate is 0 anyway. In f', x times the derivative of its
// gate is limited likewise.

/// Gaussian error linear unit (GELU).
///
/// ```text
/// f(x)  = x · Φ(x)
/// f'(x) = Φ(x) + x · φ(x)
/// Φ(x)  = (1 + erf(x/√2)) / 2    (normal distribution function)
/// φ(x)  = e^(-x²/2) / √(2π)      (normal density)
/// ```
///
/// This is the exact form, PyTorch's default. [`GeluTanh`] is the approximation. Hendrycks and
/// Gimpel, 2016, [arXiv:1606.08415](https://arxiv.org/abs/1606.08415).
#[doc(alias = "gelu_erf")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Gelu;

activation! {
    Gelu: "gelu" | "gelu_erf";
    value(x) = at_least(T::from_f64(-40.0), x) * normal(clamp(T::from_f64(-40.0), T::from_f64(40.0), x));
    derivative(x, _) = {
        let x = clamp(T::from_f64(-40.0), T::from_f64(40.0), x);
        // 1/√(2π)
        let density = math::exp(T::from_f64(-0.5) * x * x) * T::from_f64(0.398_942_280_401_432_7);
        normal(x) + x * density
    };
    gain = moment_gain(&Gelu);
}

/// Returns Φ(x), the distribution function of the standard normal distribution.
#[inline(always)]
fn normal<T: crate::Float>(x: T) -> T {
    let root = T::from_f64(core::f64::consts::FRAC_1_SQRT_2);
    T::from_f64(0.5) + T::from_f64(0.5) * math::erf(x * root)
}

/// GELU approximated with a hyperbolic tangent.
///
/// ```text
/// f(x)  = x · s
/// f'(x) = s + x · s · (1 - s) · 2u'
/// s     = (1 + tanh u) / 2
/// u     = √(2/π) · (x + 0.044715 x³)
/// u'    = √(2/π) · (1 + 0.134145 x²)
/// ```
///
/// GPT-2 and BERT were trained with it. It differs from [`Gelu`] by up to 5e-4. Hendrycks and
/// Gimpel, 2016, [arXiv:1606.08415](https://arxiv.org/abs/1606.08415).
#[doc(alias = "gelu_new")]
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

/// Returns (1 + tanh u) / 2 = sigmoid(2u), which keeps its precision where tanh u is near -1.
#[inline(always)]
fn gelu_gate<T: crate::Float>(x: T) -> T {
    math::sigmoid(
        T::from_f64(GeluTanh::SCALE) * x * (T::one() + T::from_f64(GeluTanh::CUBIC) * x * x),
    )
}

/// Sigmoid linear unit (SiLU), also called Swish.
///
/// ```text
/// f(x)  = x · σ(x)
/// f'(x) = σ(x) · (1 + x · (1 - σ(x)))
/// ```
///
/// σ is the [`Sigmoid`](super::Sigmoid). Elfwing, Uchibe and Doya, 2018,
/// [arXiv:1702.03118](https://arxiv.org/abs/1702.03118); Ramachandran, Zoph and Le, 2017,
/// [arXiv:1710.05941](https://arxiv.org/abs/1710.05941).
#[doc(alias = "swish")]
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

/// Piecewise quadratic SiLU.
///
/// ```text
/// f(x)  = x · min(max(0, x + 3), 6) / 6
/// f'(x) = 0          for x < -3
///         x/3 + 1/2  for -3 <= x <= 3
///         1          for x > 3
/// ```
///
/// Howard et al., 2019, [arXiv:1905.02244](https://arxiv.org/abs/1905.02244).
#[doc(alias = "hard_silu")]
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

/// Mish, a smooth and non-monotonic relative of ReLU.
///
/// ```text
/// f(x)  = x · t
/// f'(x) = t + x · t'
/// t     = tanh(ln(1 + e^x))
/// t'    = (1 - t²) · σ(x)
/// ```
///
/// σ is the [`Sigmoid`](super::Sigmoid). The implementation needs one exponential, n = e^x:
///
/// ```text
/// t  = w / (w + 2)
/// t' = 4n · (n + 1) / (w + 2)²
/// w  = n · (n + 2)
/// ```
///
/// Misra, 2019, [arXiv:1908.08681](https://arxiv.org/abs/1908.08681).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Mish;

activation! {
    Mish: "mish";
    // Beyond 20, t rounds to 1 even in f64, and n² would soon overflow.
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

/// Smooth ReLU without exponentials.
///
/// ```text
/// f(x)  = (x + √(x² + b)) / 2
/// f'(x) = (1 + x/√(x² + b)) / 2 = 1 / (1 + b/(4f²))
/// ```
///
/// Barron, 2021, [arXiv:2112.11687](https://arxiv.org/abs/2112.11687).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Squareplus {
    /// Width b of the bend. Range: above 0. Default: 4.
    ///
    /// At 0, b = 4 yields the second derivative of softplus, 1/4, and b = 4 ln² 2 its value.
    pub b: f64,
}

activation! {
    Squareplus(b: f64 = 4.0 in Positive): "squareplus";
    value(x) = {
        // √(x² + b), where x² could overflow.
        let (a, root) = (x.abs(), b.sqrt());
        let (low, high) = if a < root { (a, root) } else { (root, a) };
        let ratio = low / high;
        let hypotenuse = high * (T::one() + ratio * ratio).sqrt();
        // For x < 0 the sum cancels. The product of (√(x² + b) ± x) / 2 is b/4, so divide instead.
        let right = T::from_f64(0.5) * hypotenuse + T::from_f64(0.5) * a;
        let left = T::from_f64(0.25) * b / right;
        if x < T::zero() { left } else { right }
    };
    derivative(y) = T::one() / (T::one() + T::from_f64(0.25) * b / y / y);
    gain = moment_gain(&Squareplus { b });
}
