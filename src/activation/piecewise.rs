//! Piecewise linear activations.

use super::define::{activation, at_least, clamp, indicator, moment_gain};
use crate::math;

/// Identity: f(x) = x, f'(x) = 1.
///
/// It suits the outputs of a regression and logits. Without other activations, the network is
/// linear (ADALINE; Widrow and Hoff, *Adaptive switching circuits*, 1960).
#[doc(alias = "linear")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity;

activation! {
    Identity: "identity" | "linear";
    value(x) = x;
    derivative(_) = T::one();
    lower_clamp = T::neg_infinity();
}

/// Heaviside step function.
///
/// ```text
/// f(x)  = 0  for x < 0, else 1
/// f'(x) = 0
/// ```
///
/// It is the activation of the classical perceptron, which fires as soon as its inputs reach the
/// threshold. McCulloch and Pitts, *A logical calculus of the ideas immanent in nervous activity*,
/// 1943; Rosenblatt, *The perceptron*, 1958.
///
/// **Gradients cannot train it**: the derivative is 0 wherever it exists. Weights of such a layer
/// and of all layers before it never change, so set them by hand or by the perceptron rule.
#[doc(alias = "step")]
#[doc(alias = "unit_step")]
#[doc(alias = "binary_step")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Heaviside;

activation! {
    Heaviside: "heaviside" | "step";
    // `clamp` returns 1 for numbers and NaN for NaN, which is not below zero either.
    value(x) = if x < T::zero() { T::zero() } else { clamp(T::one(), T::one(), x) };
    derivative(_) = T::zero();
}

/// Rectified linear unit (ReLU).
///
/// ```text
/// f(x)  = max(0, x)
/// f'(x) = 1  for x > 0, else 0
/// ```
///
/// Nair and Hinton, *Rectified linear units improve restricted Boltzmann machines*, 2010.
#[doc(alias = "rectifier")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Relu;

activation! {
    Relu: "relu";
    value(x) = at_least(T::zero(), x);
    derivative(y) = indicator(y > T::zero());
    gain = core::f64::consts::SQRT_2;
    lower_clamp = T::zero();
}

/// ReLU limited to 6.
///
/// ```text
/// f(x)  = min(max(0, x), 6)
/// f'(x) = 1  for 0 < x < 6, else 0
/// ```
///
/// Krizhevsky, *Convolutional deep belief networks on CIFAR-10*, 2010.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Relu6;

activation! {
    Relu6: "relu6";
    value(x) = clamp(T::zero(), T::from_f64(6.0), x);
    derivative(y) = indicator(y > T::zero() && y < T::from_f64(6.0));
    gain = moment_gain(&Relu6);
}

/// Leaky ReLU.
///
/// ```text
/// f(x)  = x  for x > 0, else a · x
/// f'(x) = 1  for x > 0, else a
/// ```
///
/// The default a = 0.01 is that of the paper, PyTorch and ONNX. Other libraries use 0.2 or 0.3, so
/// state the value you mean. Maas, Hannun and Ng, *Rectifier nonlinearities improve neural network
/// acoustic models*, 2013.
#[doc(alias = "lrelu")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LeakyRelu {
    /// Derivative a for x < 0. Range: all finite numbers. Default: 0.01.
    ///
    /// With -1, f(x) = |x|. Instead of 0, use [`Relu`], which also handles -infinity.
    pub slope: f64,
}

activation! {
    LeakyRelu(slope: f64 = 0.01 in Finite): "leaky_relu";
    value(x) = if x > T::zero() { x } else { slope * x };
    // If `slope` is negative, y is positive on both sides of 0 and does not determine the side.
    derivative(x, y) = {
        let side = if slope < T::zero() { x } else { y };
        if side > T::zero() { T::one() } else { slope }
    };
    needs_pre_activation = slope < 0.0;
    gain = math::sqrt(2.0 / (1.0 + slope * slope));
}

/// Identity limited to [-1, 1].
///
/// ```text
/// f(x)  = min(max(-1, x), 1)
/// f'(x) = 1  for -1 < x < 1, else 0
/// ```
///
/// Collobert, *Large scale machine learning*, thesis, 2004.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HardTanh;

activation! {
    HardTanh: "hard_tanh";
    value(x) = clamp(-T::one(), T::one(), x);
    derivative(y) = indicator(y.abs() < T::one());
}

/// Piecewise linear sigmoid.
///
/// ```text
/// f(x)  = min(max(0, a · x + 1/2), 1)
/// f'(x) = a  for 0 < f(x) < 1, else 0
/// ```
///
/// The parameter a has no default because libraries differ:
///
/// - 1/6 in PyTorch, JAX and Keras 3
/// - 0.2 in ONNX and earlier versions of Keras
/// - 1/2 in the paper (Courbariaux, Bengio and David, 2015,
///   [arXiv:1511.00363](https://arxiv.org/abs/1511.00363))
///
/// With a = 1/4, f is the tangent of the [`Sigmoid`](super::Sigmoid) at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HardSigmoid {
    /// Derivative a of the middle section. Range: all finite numbers except 0.
    ///
    /// If a is negative, f falls.
    pub slope: f64,
}

activation! {
    HardSigmoid(slope: f64 in NotZero, example 0.2): "hard_sigmoid";
    value(x) = clamp(T::zero(), T::one(), slope * x + T::from_f64(0.5));
    derivative(y) = if y > T::zero() && y < T::one() { slope } else { T::zero() };
}
