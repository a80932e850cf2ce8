//! Initializers whose variance follows from the layer's size.

use super::{Initializer, LayerInfo, Rng, normal, uniform};
use crate::error::{Result, check_range};
use crate::math;

/// Weights uniform in [-b, b) with b = √(6 / (inputs + outputs)), and biases 0.
///
/// The variance, derived for tanh, is a compromise. It approximately keeps both the variance of
/// activations in the forward pass and that of gradients in the backward pass. Glorot and Bengio,
/// *Understanding the difficulty of training deep feedforward neural networks*, 2010.
#[doc(alias = "xavier")]
#[doc(alias = "xavier_uniform")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GlorotUniform;

/// Weights normal with the variance 2 / (inputs + outputs) of [`GlorotUniform`], and biases 0.
#[doc(alias = "xavier")]
#[doc(alias = "xavier_normal")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GlorotNormal;

/// Weights uniform in [-b, b) with b = gain · √(3 / inputs), and biases 0.
///
/// The gain is that of the layer's own activation
/// ([`Activation::gain`](crate::Activation::gain)). It is √2 for ReLU, which halves the second
/// moment of its inputs. This form keeps the variance of the forward pass (PyTorch's `fan_in`).
/// He et al., 2015, [arXiv:1502.01852](https://arxiv.org/abs/1502.01852).
#[doc(alias = "kaiming")]
#[doc(alias = "kaiming_uniform")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeUniform;

/// Weights normal with the variance gain² / inputs of [`HeUniform`], and biases 0.
#[doc(alias = "kaiming")]
#[doc(alias = "kaiming_normal")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct HeNormal;

/// Weights uniform in [-b, b) with b = √(3 / inputs), and biases 0.
///
/// Linear layers keep a variance of 1, as SELU networks require. LeCun, Bottou, Orr and Müller,
/// *Efficient BackProp*, 1998.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LeCunUniform;

/// Weights normal with the variance 1 / inputs of [`LeCunUniform`], and biases 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LeCunNormal;

/// Implements initializers with a variance of weights given by the layer, and biases 0.
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

/// Weights and biases uniform in [-b, b), as in scikit-learn.
///
/// ```text
/// b = √(factor / (inputs + outputs))
/// factor = 2 if hidden layers use the sigmoid (scikit-learn's `logistic`), else 6
/// ```
///
/// Compared with [`GlorotUniform`], the factor and the biases differ. The hidden activation also
/// determines the factor of the output layer. This crate's numbers have the distribution of
/// scikit-learn's but differ, because scikit-learn draws column by column from another generator.
#[doc(alias = "sklearn")]
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

/// Initializer for networks of [`Sine`](crate::activation::Sine) layers (SIREN).
///
/// Weights and biases are uniform. With n inputs, their ranges are:
///
/// ```text
/// weights of the first layer  [-1/n, 1/n)
/// weights of later layers     [-b, b),  b = √(6/n) / ω
/// biases                      [-1/√n, 1/√n)
/// ```
///
/// Let inputs be in [-1, 1], and every hidden layer have a `Sine` with this ω. Then, at any depth,
/// pre-activations times ω have a variance of about 1, and activations one of 0.4 to 0.5. In the
/// first layer, ω controls the detail, like σ in [`Fourier`](crate::encoding::Fourier) features.
///
/// Sitzmann et al., 2020, [arXiv:2006.09661](https://arxiv.org/abs/2006.09661). Biases follow the
/// authors' code.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Siren {
    /// Factor ω of every sine's pre-activation. Range: above 0. Default: 30.
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

/// Returns the variance of Glorot and Bengio.
fn glorot(layer: &LayerInfo<'_>) -> f64 {
    2.0 / sides(layer)
}

/// Returns inputs + outputs, added as f64 so that the sum cannot overflow.
fn sides(layer: &LayerInfo<'_>) -> f64 {
    layer.inputs as f64 + layer.outputs as f64
}

/// Returns the variance of He et al.
fn he(layer: &LayerInfo<'_>) -> f64 {
    layer.gain * layer.gain / layer.inputs as f64
}

/// Returns the variance of LeCun et al.
fn lecun(layer: &LayerInfo<'_>) -> f64 {
    1.0 / layer.inputs as f64
}

/// Fills a slice with uniform numbers of mean 0 and this variance. The variance of [-b, b) is b²/3.
fn uniform_with(rng: &mut Rng, variance: f64, to: &mut [f64]) {
    let bound = math::sqrt(3.0 * variance);
    uniform(rng, -bound, bound, to);
}
