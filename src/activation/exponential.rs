//! Activations that are exponential for x < 0.

use super::define::{activation, at_least, at_most, moment_gain};
use crate::math;

/// Exponential function: f(x) = e^x, f' = f.
///
/// It turns the logarithm of a rate into the rate, as in Poisson regression (Nelder and Wedderburn,
/// *Generalized linear models*, 1972).
#[doc(alias = "exp")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Exponential;

activation! {
    Exponential: "exponential" | "exp";
    value(x) = math::exp(x);
    derivative(y) = y;
}

/// Exponential linear unit (ELU).
///
/// ```text
/// f(x)  = x  for x > 0, else α · (e^x - 1)
/// f'(x) = 1  for x > 0, else f(x) + α
/// ```
///
/// It has a kink at 0 if α is not 1. Clevert, Unterthiner and Hochreiter, 2016,
/// [arXiv:1511.07289](https://arxiv.org/abs/1511.07289).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Elu {
    /// Depth α: f approaches -α on the left. Range: all finite numbers. Default: 1.
    ///
    /// If α is negative, f rises toward the left.
    pub alpha: f64,
}

activation! {
    Elu(alpha: f64 = 1.0 in Finite): "elu";
    value(x) = {
        let left = alpha * math::exp_m1(at_most(T::zero(), x));
        if x > T::zero() { x } else { left }
    };
    // If α is negative, y is positive on both sides of 0 and does not determine the side.
    derivative(x, y) = {
        let side = if alpha < T::zero() { x } else { y };
        if side > T::zero() { T::one() } else { y + alpha }
    };
    needs_pre_activation = alpha < 0.0;
    gain = moment_gain(&Elu { alpha });
}

/// Continuously differentiable ELU (CELU), smooth for every α.
///
/// ```text
/// f(x)  = x  for x > 0, else α · (e^(x/α) - 1)
/// f'(x) = 1  for x > 0, else e^(x/α) = f(x)/α + 1
/// ```
///
/// Barron, 2017, [arXiv:1704.07483](https://arxiv.org/abs/1704.07483).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Celu {
    /// Depth α: f approaches -α on the left. Range: above 0. Default: 1.
    pub alpha: f64,
}

activation! {
    Celu(alpha: f64 = 1.0 in Positive): "celu";
    value(x) = {
        let left = alpha * math::exp_m1(at_most(T::zero(), x) / alpha);
        if x > T::zero() { x } else { left }
    };
    derivative(y) = {
        let left = y / alpha + T::one();
        if y > T::zero() { T::one() } else { left }
    };
    gain = moment_gain(&Celu { alpha });
}

/// Scaled ELU (SELU).
///
/// ```text
/// f(x)  = λ · x  for x > 0, else λ · α · (e^x - 1)
/// f'(x) = λ      for x > 0, else f(x) + λ · α
/// λ = 1.0507, α = 1.6733
/// ```
///
/// λ and α are chosen for the gain 1, which this crate uses. PyTorch's `calculate_gain` returns
/// 3/4, which trades normalization for a steadier gradient. Klambauer et al., 2017,
/// [arXiv:1706.02515](https://arxiv.org/abs/1706.02515).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Selu;

impl Selu {
    // λ and λ α make mean 0 and variance 1 a fixed point. They are rounded from the 32 digits of
    // equation 14 of Klambauer et al., 2017.
    pub(crate) const SCALE: f64 = 1.050_700_987_355_480_5;
    pub(crate) const DEPTH: f64 = Self::SCALE * 1.673_263_242_354_377_2;
}

activation! {
    Selu: "selu";
    value(x) = {
        let left = T::from_f64(Selu::DEPTH) * math::exp_m1(at_most(T::zero(), x));
        if x > T::zero() { T::from_f64(Selu::SCALE) * x } else { left }
    };
    derivative(y) = {
        let left = y + T::from_f64(Selu::DEPTH);
        if y > T::zero() { T::from_f64(Selu::SCALE) } else { left }
    };
    gain = 1.0;
}

/// Smooth ReLU.
///
/// ```text
/// f(x)  = ln(1 + e^(βx)) / β
/// f'(x) = 1 / (1 + e^(-βx)) = 1 - e^(-βf)
/// ```
///
/// It is exact everywhere, whereas PyTorch returns x for βx > 20. Dugas, Bengio, Bélisle, Nadeau
/// and Garcia, *Incorporating second-order functional knowledge for better option pricing*, 2001.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Softplus {
    /// Sharpness β of the bend. Range: above 0. Default: 1.
    pub beta: f64,
}

activation! {
    Softplus(beta: f64 = 1.0 in Positive): "softplus";
    // This form does not overflow for large βx.
    value(x) = at_least(T::zero(), x) + math::softplus(-(beta * x).abs()) / beta;
    derivative(y) = -math::exp_m1(-beta * y);
    gain = moment_gain(&Softplus { beta });
}
