//! Activations made of straight pieces.

use super::define::{activation, at_least, clamp, indicator, moment_gain};
use crate::math;

/// f(x) = x, f'(x) = 1.
///
/// For the outputs of a regression and for logits; alone it makes the network linear
/// (ADALINE; Widrow and Hoff, *Adaptive switching circuits*, 1960).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity;

activation! {
    Identity: "identity" | "linear";
    value(x) = x;
    derivative(_) = T::one();
    lower_clamp = T::neg_infinity();
}

/// Heaviside's step: f(x) = 0 for x < 0, else 1; f'(x) = 0.
///
/// The unit of the classical perceptron, which fires as soon as its inputs reach the
/// threshold (McCulloch and Pitts, *A logical calculus of the ideas immanent in nervous
/// activity*, 1943; Rosenblatt, *The perceptron*, 1958).
///
/// **Not trainable by gradients**: the slope is 0 wherever it exists, so the weights of and
/// below such a layer never move. Set them by hand or by the perceptron's own rule.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Heaviside;

activation! {
    Heaviside: "heaviside" | "step";
    // NaN is neither below nor above zero.
    value(x) = if x < T::zero() { T::zero() } else { clamp(T::one(), T::one(), x) };
    derivative(_) = T::zero();
}

/// Rectified linear unit: f(x) = max(0, x); f'(x) = 1 for x > 0, else 0.
///
/// Nair and Hinton, *Rectified linear units improve restricted Boltzmann machines*, 2010.
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

/// ReLU that saturates: f(x) = min(max(0, x), 6); f'(x) = 1 for 0 < x < 6, else 0.
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

/// Leaky ReLU: f(x) = x for x > 0, else a x; f'(x) = 1 for x > 0, else a.
///
/// Maas, Hannun and Ng, *Rectifier nonlinearities improve neural network acoustic models*,
/// 2013. The default slope is their 0.01, as in PyTorch and ONNX; elsewhere it is 0.2 or
/// 0.3, so say which you mean.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LeakyRelu {
    /// The slope a left of zero; -1 gives |x|. For 0 take [`Relu`], which knows -infinity too.
    pub slope: f64,
}

activation! {
    LeakyRelu(slope: f64 = 0.01 in Finite): "leaky_relu";
    value(x) = if x > T::zero() { x } else { slope * x };
    // With a negative slope y is positive on both sides.
    derivative(x, y) = {
        let side = if slope < T::zero() { x } else { y };
        if side > T::zero() { T::one() } else { slope }
    };
    needs_pre_activation = slope < 0.0;
    gain = math::sqrt(2.0 / (1.0 + slope * slope));
}

/// f(x) = min(max(-1, x), 1); f'(x) = 1 for -1 < x < 1, else 0.
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

/// f(x) = min(max(0, a x + 1/2), 1); f'(x) = a where 0 < f(x) < 1, else 0.
///
/// There is no default slope, because customs differ: 1/6 in PyTorch, JAX and Keras 3,
/// 0.2 in ONNX and earlier versions of Keras, 1/2 where it comes from (Courbariaux, Bengio
/// and David, *BinaryConnect*, 2015). The tangent of the [`Sigmoid`](super::Sigmoid) has 1/4.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HardSigmoid {
    /// The slope a in the middle. Range: all finite numbers but 0; below 0 f falls.
    pub slope: f64,
}

activation! {
    HardSigmoid(slope: f64 in NotZero, example 0.2): "hard_sigmoid";
    value(x) = clamp(T::zero(), T::one(), slope * x + T::from_f64(0.5));
    derivative(y) = if y > T::zero() && y < T::one() { slope } else { T::zero() };
}
