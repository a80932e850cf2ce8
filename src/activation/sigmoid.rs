//! S-shaped activations, and the sigmoid's logarithm.

use super::define::{activation, clamp};
use crate::math;

/// The logistic function: f(x) = 1 / (1 + e^-x); f' = f (1 - f).
///
/// Verhulst, 1845; in networks Rumelhart, Hinton and Williams, *Learning representations by
/// back-propagating errors*, 1986. scikit-learn calls it `logistic`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sigmoid;

activation! {
    Sigmoid: "sigmoid" | "logistic";
    value(x) = math::sigmoid(x);
    derivative(y) = y * (T::one() - y);
}

/// f(x) = ln(1 / (1 + e^-x)); f'(x) = 1 / (1 + e^x) = 1 - e^f.
///
/// The log-likelihood of a positive answer in logistic regression (Cox, 1958).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LogSigmoid;

activation! {
    LogSigmoid: "log_sigmoid";
    value(x) = math::log_sigmoid(x);
    derivative(y) = -math::exp_m1(y);
}

/// Hyperbolic tangent: f(x) = (e^x - e^-x) / (e^x + e^-x); f' = 1 - f².
///
/// LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tanh;

activation! {
    Tanh: "tanh";
    value(x) = math::tanh(x);
    derivative(y) = T::one() - y * y;
    gain = 5.0 / 3.0; // PyTorch's; a little above what keeps the second moment, 1.59
}

/// f(x) = x / (1 + |x|); f'(x) = 1 / (1 + |x|)² = (1 - |f|)².
///
/// Bergstra, Desjardins, Lamblin and Bengio, *Quadratic polynomials learn better image
/// features*, 2009.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Softsign;

activation! {
    Softsign: "softsign";
    value(x) = {
        // Far before this bound f rounds to 1; at infinity it would be inf / inf.
        let x = clamp(T::from_f64(-1e30), T::from_f64(1e30), x);
        x / (T::one() + x.abs())
    };
    derivative(y) = {
        let rest = T::one() - y.abs();
        rest * rest
    };
}
