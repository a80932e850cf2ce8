//! Distributions whose width follows from the layer's size.

use super::{Initializer, LayerInfo, Rng, normal, uniform};
use crate::error::{Result, check_range};
use crate::math;

/// Weights uniform in [-b, b), b = sqrt(6 / (inputs + outputs)); biases 0.
///
/// A compromise between keeping the variance of activations on the way forward and that of
/// gradients on the way back, derived for tanh. Glorot and Bengio, "Understanding the
/// difficulty of training deep feedforward neural networks", 2010.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GlorotUniform;

/// Weights normal with the variance 2 / (inputs + outputs) of [`GlorotUniform`]; biases 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GlorotNormal;

/// Weights uniform in [-b, b), b = gain sqrt(3 / inputs); biases 0.
///
/// The gain is that of the layer's own activation
/// ([`Activation::gain`](crate::Activation::gain)), sqrt(2) for ReLU, which halves the
/// variance of what passes. He et al., "Delving deep into rectifiers", 2015, in the form
/// that looks at the way forward (PyTorch's `fan_in`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeUniform;

/// Weights normal with the variance gain^2 / inputs of [`HeUniform`]; biases 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeNormal;

/// Weights uniform in [-b, b), b = sqrt(3 / inputs); biases 0.
///
/// Keeps a variance of 1 through linear layers; what SELU networks need. LeCun, Bottou, Orr
/// and Müller, "Efficient backprop", 1998.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LeCunUniform;

/// Weights normal with the variance 1 / inputs of [`LeCunUniform`]; biases 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LeCunNormal;

/// Implements initialisers of weights with a variance that follows from the layer; biases 0.
macro_rules! scaled {
    ($($name:ident: $draw:ident($variance:ident),)*) => {$(
        impl Initializer for $name {
            fn initialize(
                &self,
                layer: &LayerInfo<'_>,
                rng: &mut Rng,
                weights: &mut [f64],
                _: &mut [f64],
            ) {
                $draw(rng, $variance(layer), weights);
            }
        }
    )*};
}

scaled! {
    GlorotUniform: uniform_with(glorot),
    GlorotNormal: normal(glorot),
    HeUniform: uniform_with(he),
    HeNormal: normal(he),
    LeCunUniform: uniform_with(lecun),
    LeCunNormal: normal(lecun),
}

/// scikit-learn's rule: weights and biases uniform in [-b, b),
/// b = sqrt(factor / (inputs + outputs)), where the factor is 2 if the hidden layers have
/// the sigmoid (scikit-learn's "logistic") and 6 otherwise.
///
/// This is [`GlorotUniform`] but for the factor and for the biases. The hidden activation
/// decides for the output layer too. scikit-learn draws from another generator, column by
/// column: the distribution is the same, the numbers are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ScikitLearn;

impl Initializer for ScikitLearn {
    fn initialize(
        &self,
        layer: &LayerInfo<'_>,
        rng: &mut Rng,
        weights: &mut [f64],
        bias: &mut [f64],
    ) {
        let factor = match layer.hidden_activation {
            Some("sigmoid") => 2.0,
            _ => 6.0,
        };
        let bound = math::sqrt(factor / sides(layer));
        uniform(rng, -bound, bound, weights);
        uniform(rng, -bound, bound, bias);
    }
}

/// For networks of [`Sine`](crate::activation::Sine) layers (SIREN): weights of the first layer
/// uniform in [-1/n, 1/n), of later ones in [-b, b), b = sqrt(6 / n) / omega, where n is the number
/// of inputs; biases uniform in [-1/sqrt(n), 1/sqrt(n)).
///
/// With inputs in [-1, 1] and `Sine` of the same omega in every hidden layer, weights give
/// pre-activations, after the factor omega, a variance of about 1 and activations one of 0.4 to 0.5,
/// however deep the network is; omega in the first layer sets the detail, as sigma does for
/// [`Fourier`](crate::encoding::Fourier) features. Sitzmann et al., "Implicit neural representations with
/// periodic activation functions", 2020; biases as in their code.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Siren {
    /// The factor in front of every sine's pre-activation, above 0: 30.
    pub omega: f64,
}

impl Default for Siren {
    fn default() -> Self {
        Self { omega: 30.0 }
    }
}

impl Initializer for Siren {
    fn initialize(
        &self,
        layer: &LayerInfo<'_>,
        rng: &mut Rng,
        weights: &mut [f64],
        bias: &mut [f64],
    ) {
        let inputs = layer.inputs as f64;
        let bound = match layer.index {
            0 => 1.0 / inputs,
            _ => math::sqrt(6.0 / inputs) / self.omega,
        };
        uniform(rng, -bound, bound, weights);
        let bound = 1.0 / math::sqrt(inputs);
        uniform(rng, -bound, bound, bias);
    }

    fn check(&self) -> Result<()> {
        let (what, range) = ("omega of SIREN", f64::MIN_POSITIVE..=f64::MAX);
        check_range(what, self.omega, range, "a finite number above 0")
    }
}

/// The variance of Glorot and Bengio.
fn glorot(layer: &LayerInfo<'_>) -> f64 {
    2.0 / sides(layer)
}

/// Inputs and outputs together, added up where they cannot overflow.
fn sides(layer: &LayerInfo<'_>) -> f64 {
    layer.inputs as f64 + layer.outputs as f64
}

/// The variance of He et al.
fn he(layer: &LayerInfo<'_>) -> f64 {
    layer.gain * layer.gain / layer.inputs as f64
}

/// The variance of LeCun et al.
fn lecun(layer: &LayerInfo<'_>) -> f64 {
    1.0 / layer.inputs as f64
}

/// Fills with uniform numbers of this variance and mean 0: that of [-b, b) is b^2 / 3.
fn uniform_with(rng: &mut Rng, variance: f64, to: &mut [f64]) {
    let bound = math::sqrt(3.0 * variance);
    uniform(rng, -bound, bound, to);
}
