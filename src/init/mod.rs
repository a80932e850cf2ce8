//! Weight initializers.
//!
//! For a layer with n inputs and k neurons whose activation has this gain:
//!
//! | Initializer | Weights | Variance | Biases |
//! |---|---|---|---|
//! | [`GlorotUniform`], [`GlorotNormal`] | uniform, normal | 2 / (n + k) | 0 |
//! | [`HeUniform`], [`HeNormal`] | uniform, normal | gain² / n | 0 |
//! | [`LeCunUniform`], [`LeCunNormal`] | uniform, normal | 1 / n | 0 |
//! | [`Orthogonal`] | orthonormal rows or columns | gain² / max(n, k) | 0 |
//! | [`ScikitLearn`] | uniform | 2 / (n + k), or a third of that | like the weights |
//! | [`Siren`] | uniform | 1 / (3n²) in layer 0, then 2 / (n · ω²) | uniform, 1 / (3n) |
//! | [`Uniform`] | uniform in a given range | | like the weights |
//! | [`Zeros`] | 0 | 0 | 0 |
//!
//! Weights are drawn in row-major order, neuron by neuron, followed by the biases. Only
//! [`Orthogonal`] draws a separate matrix for each of several
//! [pieces](crate::Activation::pieces).
//!
//! # Random numbers
//!
//! Draws are bit-identical on every platform and from release to release:
//!
//! - The network's seed initializes one [`Rng`] (`Rng::seed_from_u64`), from which all layers draw
//!   in order. Every draw is in double precision and finally rounded to the network's precision.
//! - A uniform number in [low, high) is low + (high - low) · v. Here v = k / 2^53, where k is the
//!   upper 53 bits of the generator's next 64.
//! - A standard normal number is √(-2 ln u) · cos(2πv), without the sine of the pair. Here
//!   u = (k + 1) / 2^53 in (0, 1] comes from the next 64 bits, and v from the 64 bits after those.
//!   Logarithm and cosine are those of [`math`]. Box and Muller, *A note on the generation of
//!   random normal deviates*, 1958.

#![cfg(target_has_atomic = "ptr")]

use alloc::sync::Arc;
use core::fmt::Debug;

use rand::RngExt;

use crate::error::{Error, Number, Result};
use crate::float::{Float, check_finite};
use crate::math;
use crate::random;

mod orthogonal;
mod scaled;

pub use orthogonal::Orthogonal;
pub use scaled::{
    GlorotNormal, GlorotUniform, HeNormal, HeUniform, LeCunNormal, LeCunUniform, ScikitLearn, Siren,
};

pub use crate::random::Rng;

/// Description of the layer to initialize.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerInfo<'a> {
    /// Index of the layer, 0 for the first after the inputs.
    pub index: usize,
    /// Number of inputs of each neuron.
    pub inputs: usize,
    /// Number of neurons. Each counts once, even with several
    /// [pieces](crate::Activation::pieces).
    ///
    /// Formulas for the variance of gradients need this count. On average, the rows of a neuron
    /// together pass back at most the gradient of its one output. Maxout passes all of it back
    /// through one row, and a gated neuron less through its two rows.
    pub outputs: usize,
    /// Number of rows of weights, and of biases, of each neuron.
    pub pieces: usize,
    /// [`Activation::gain`](crate::Activation::gain) of the layer's activation.
    pub gain: f64,
    /// Name of the layer's activation, without [`Parametric`](crate::activation::Parametric) around
    /// it.
    pub activation: &'a str,
    /// Name of the activation of this layer if it is hidden, else of the last hidden layer.
    ///
    /// It is `None` in a network without hidden layers.
    pub hidden_activation: Option<&'a str>,
}

impl LayerInfo<'_> {
    /// Returns the description of a single layer whose activation is the identity.
    ///
    /// Set other fields as needed.
    pub fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            index: 0,
            inputs,
            outputs,
            pieces: 1,
            gain: 1.0,
            activation: "identity",
            hidden_activation: None,
        }
    }
}

/// A distribution from which initial parameters are drawn.
///
/// Numbers are drawn in double precision and then rounded. With equal seeds, f32 and f64 networks
/// therefore start with equal parameters up to rounding.
///
/// A custom initializer takes a few lines:
///
/// ```
/// use feedforward::init::{LayerInfo, Initializer, Rng};
/// use rand::{RngExt, SeedableRng};
///
/// /// Each weight is +1 or -1 with a probability of 10 %, else 0.
/// #[derive(Debug)]
/// struct Sparse;
///
/// impl Initializer for Sparse {
///     fn initialize(&self, _: &LayerInfo<'_>, rng: &mut Rng, weights: &mut [f64], _: &mut [f64]) {
///         for w in weights.iter_mut().filter(|_| rng.random::<f64>() < 0.1) {
///             *w = 1.0;
///         }
///         for w in weights.iter_mut().filter(|_| rng.random()) {
///             *w = -*w;
///         }
///     }
/// }
///
/// let (mut weights, mut bias) = ([0.0; 200], [0.0; 10]);
/// let mut rng = Rng::seed_from_u64(1);
/// Sparse.initialize(&LayerInfo::new(20, 10), &mut rng, &mut weights, &mut bias);
/// assert!(weights.iter().any(|&w| w == -1.0));
/// ```
pub trait Initializer: Debug + Send + Sync {
    /// Sets the weights and biases of one layer, both of which are initially 0.
    ///
    /// Weights are row-major `[(outputs · pieces) x inputs]`, neuron by neuron. There is one bias
    /// per row.
    fn initialize(
        &self,
        layer: &LayerInfo<'_>,
        rng: &mut Rng,
        weights: &mut [f64],
        bias: &mut [f64],
    );

    /// Checks the settings of the initializer. Default: accepts all settings.
    ///
    /// It is called once before a network is built.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`] if a setting is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Forwards to the shared initializer.
impl<Shared: Initializer + ?Sized> Initializer for Arc<Shared> {
    fn initialize(
        &self,
        layer: &LayerInfo<'_>,
        rng: &mut Rng,
        weights: &mut [f64],
        bias: &mut [f64],
    ) {
        (**self).initialize(layer, rng, weights, bias);
    }

    fn check(&self) -> Result<()> {
        (**self).check()
    }
}

/// Weights and biases 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Zeros;

impl Initializer for Zeros {
    fn initialize(&self, _: &LayerInfo<'_>, _: &mut Rng, _: &mut [f64], _: &mut [f64]) {}
}

/// Weights and biases uniform in [low, high).
///
/// PyTorch's `Linear` uses low = -1/√inputs and high = 1/√inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Uniform {
    /// Lower bound, inclusive.
    pub low: f64,
    /// Upper bound, exclusive. If it equals `low`, every number is `low`.
    pub high: f64,
}

impl Uniform {
    /// Returns the uniform distribution on [low, high).
    pub fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }
}

impl Initializer for Uniform {
    fn initialize(&self, _: &LayerInfo<'_>, rng: &mut Rng, weights: &mut [f64], bias: &mut [f64]) {
        uniform(rng, self.low, self.high, weights);
        uniform(rng, self.low, self.high, bias);
    }

    fn check(&self) -> Result<()> {
        let Self { low, high } = *self;
        if low <= high && (high - low).is_finite() {
            return Ok(());
        }
        Err(Error::invalid_setting(
            "range of the uniform initializer",
            "two finite numbers, the lower one first",
            format_args!("{low} and {high}"),
        ))
    }
}

/// Fills a slice with numbers uniform in [low, high).
///
/// The formula replaces `rand`'s range sampler, so that numbers depend only on the generator.
fn uniform(rng: &mut Rng, low: f64, high: f64, to: &mut [f64]) {
    for x in to {
        *x = low + (high - low) * rng.random::<f64>();
    }
}

/// Fills a slice with normal numbers of mean 0 and this variance, not truncated.
fn normal(rng: &mut Rng, variance: f64, to: &mut [f64]) {
    let deviation = math::sqrt(variance);
    for x in to {
        *x = deviation * random::normal(rng);
    }
}

/// Rounds drawn numbers to the network's precision.
///
/// Returns an error if a rounded number is not finite, or if all numbers became 0 by rounding.
pub(crate) fn round_into<T: Float>(what: &'static str, from: &[f64], to: &mut [T]) -> Result<()> {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = T::from_f64(x);
    }
    check_finite(what, to)?;
    match from.iter().find(|&&x| x != 0.0) {
        Some(&first) if to.iter().all(T::is_zero) => {
            let expected = alloc::format!("numbers that {} does not round to 0", T::NAME);
            Err(Error::invalid_setting(what, expected, Number(first)))
        }
        _ => Ok(()),
    }
}
