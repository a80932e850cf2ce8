//! Activations whose left side is an exponential.

use super::define::{activation, at_least, at_most, moment_gain};
use crate::math;

/// f(x) = e^x; f' = f.
///
/// Turns the logarithm of a rate into the rate, as in Poisson regression (Nelder and
/// Wedderburn, *Generalized linear models*, 1972).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Exponential;

activation! {
    Exponential: "exponential" | "exp";
    value(x) = math::exp(x);
    derivative(y) = y;
}

/// Exponential linear unit: f(x) = x for x > 0, else α (e^x - 1); f'(x) = 1 for x > 0, else
/// f(x) + α.
///
/// Clevert, Unterthiner and Hochreiter, *Fast and accurate deep network learning by
/// exponential linear units (ELUs)*, 2016. With α other than 1 it has a kink at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Elu {
    /// The depth α that f falls to at the left. Range: all finite numbers; below 0 f rises there.
    pub alpha: f64,
}

activation! {
    Elu(alpha: f64 = 1.0 in Finite): "elu";
    value(x) = {
        let left = alpha * math::exp_m1(at_most(T::zero(), x));
        if x > T::zero() { x } else { left }
    };
    // With a negative α y is positive on both sides.
    derivative(x, y) = {
        let side = if alpha < T::zero() { x } else { y };
        if side > T::zero() { T::one() } else { y + alpha }
    };
    needs_pre_activation = alpha < 0.0;
    gain = moment_gain(&Elu { alpha });
}

/// ELU that is smooth for every α: f(x) = x for x > 0, else α (e^(x/α) - 1); f'(x) = 1 for
/// x > 0, else e^(x/α) = f(x) / α + 1.
///
/// Barron, *Continuously differentiable exponential linear units*, 2017.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Celu {
    /// The depth α that f falls to at the left, above 0.
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

/// Scaled ELU: f(x) = λ x for x > 0, else λ α (e^x - 1); f'(x) = λ for x > 0, else f(x) + λ α;
/// with λ = 1.0507 and α = 1.6733.
///
/// Klambauer, Unterthiner, Mayr and Hochreiter, *Self-normalizing neural networks*, 2017.
/// Its gain is 1, for which λ and α were made; PyTorch's `calculate_gain` says 3/4, which
/// trades the normalisation for a steadier gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Selu;

impl Selu {
    // λ and λ α, which make mean 0 and variance 1 a fixed point (Klambauer et al., 2017,
    // equation 14), rounded from the paper's 32 digits.
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

/// Smooth ReLU: f(x) = ln(1 + e^(βx)) / β; f'(x) = 1 / (1 + e^(-βx)) = 1 - e^(-βf).
///
/// Dugas, Bengio, Bélisle, Nadeau and Garcia, *Incorporating second-order functional
/// knowledge for better option pricing*, 2001. Exact everywhere; PyTorch gives x where
/// βx > 20.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Softplus {
    /// The sharpness β of the bend, above 0.
    pub beta: f64,
}

activation! {
    Softplus(beta: f64 = 1.0 in Positive): "softplus";
    // Split so that a large βx does not overflow.
    value(x) = at_least(T::zero(), x) + math::softplus(-(beta * x).abs()) / beta;
    derivative(y) = -math::exp_m1(-beta * y);
    gain = moment_gain(&Softplus { beta });
}
