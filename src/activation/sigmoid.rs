//! S-shaped activations and the logarithm of the sigmoid.

use super::define::{activation, clamp};
use crate::math;

/// Logistic function.
///
/// ```text
/// f(x) = 1 / (1 + e^-x)
/// f'   = f · (1 - f)
/// ```
///
/// scikit-learn calls it `logistic`. Verhulst, 1845; for neural networks, Rumelhart, Hinton and
/// Williams, *Learning representations by back-propagating errors*, 1986.
#[doc(alias = "logistic")]
#[doc(alias = "expit")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sigmoid;

activation! {
    Sigmoid: "sigmoid" | "logistic";
    value(x) = math::sigmoid(x);
    derivative(y) = y * (T::one() - y);
}

/// Logarithm of the sigmoid.
///
/// ```text
/// f(x)  = ln(1 / (1 + e^-x))
/// f'(x) = 1 / (1 + e^x) = 1 - e^f
/// ```
///
/// In logistic regression it is the log-likelihood of a positive answer (Cox, 1958).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LogSigmoid;

activation! {
    LogSigmoid: "log_sigmoid";
    value(x) = math::log_sigmoid(x);
    derivative(y) = -math::exp_m1(y);
}

/// Hyperbolic tangent.
///
/// ```text
/// f(x) = (e^x - e^-x) / (e^x + e^-x)
/// f'   = 1 - f²
/// ```
///
/// LeCun, Bottou, Orr and Müller, *Efficient BackProp*, 1998.
#[doc(alias = "hyperbolic_tangent")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Tanh;

activation! {
    Tanh: "tanh";
    value(x) = math::tanh(x);
    derivative(y) = T::one() - y * y;
    // PyTorch's gain. It is a little above 1.59, which keeps the second moment.
    gain = 5.0 / 3.0;
}

/// Rational S-shaped function.
///
/// ```text
/// f(x)  = x / (1 + |x|)
/// f'(x) = 1 / (1 + |x|)² = (1 - |f|)²
/// ```
///
/// Bergstra, Desjardins, Lamblin and Bengio, *Quadratic polynomials learn better image
/// features*, 2009.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Softsign;

activation! {
    Softsign: "softsign";
    value(x) = {
        // f rounds to ±1 long before this bound. At infinity, the quotient would be NaN.
        let x = clamp(T::from_f64(-1e30), T::from_f64(1e30), x);
        x / (T::one() + x.abs())
    };
    derivative(y) = {
        let rest = T::one() - y.abs();
        rest * rest
    };
}
