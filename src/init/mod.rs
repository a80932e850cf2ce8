//! Weight initialisers.
//!
//! With n inputs and k neurons of a layer, and the gain of its activation:
//!
//! | initialiser | weights | variance | biases |
//! |---|---|---|---|
//! | [`GlorotUniform`], [`GlorotNormal`] | uniform, normal | 2 / (n + k) | 0 |
//! | [`HeUniform`], [`HeNormal`] | uniform, normal | gain^2 / n | 0 |
//! | [`LeCunUniform`], [`LeCunNormal`] | uniform, normal | 1 / n | 0 |
//! | [`Orthogonal`] | orthonormal rows or columns | gain^2 / max(n, k) | 0 |
//! | [`ScikitLearn`] | uniform | 2 / (n + k), or a third of that | like the weights |
//! | [`Siren`] | uniform | 1 / (3 n^2) in the first layer, then 2 / (n omega^2) | uniform, 1 / (3 n) |
//! | [`Uniform`] | uniform in a given range | | like the weights |
//! | [`Zeros`] | 0 | 0 | 0 |
//!
//! Weights are drawn in row-major order, neuron by neuron, and biases after them; only
//! [`Orthogonal`] draws a matrix for each of several [pieces](crate::Activation::pieces).
//!
//! # The numbers of a seed
//!
//! Draws are bit-identical on every platform and from release to release:
//!
//! - A network's seed makes one [`Rng`] (`Rng::seed_from_u64`), which all layers draw from in
//!   order. Every draw is made in double precision and rounded to the network's at the end.
//! - A uniform number of [low, high) is low + (high - low) v. Here v = k / 2^53, where k is the
//!   upper 53 bits of the generator's next 64.
//! - A standard normal number follows Box and Muller, "A note on the generation of random normal
//!   deviates", 1958. It is sqrt(-2 ln u) cos(2 pi v) with u = (k + 1) / 2^53 in (0, 1] from the next
//!   64 bits and v from the 64 bits after those. The sine of the pair is not used. Logarithm and
//!   cosine are the crate's own ([`math`]).

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

/// The layer whose parameters are to be set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LayerInfo<'a> {
    /// Its index, 0 for the first after the inputs.
    pub index: usize,
    /// Numbers that go into each neuron.
    pub inputs: usize,
    /// Neurons, also those of several [pieces](crate::Activation::pieces): for the variance of
    /// gradients on the way back each counts once, since its rows together return, on average,
    /// no more than came to its one output: all of it through one row with maxout, and less
    /// than that through the two of a gated neuron.
    pub outputs: usize,
    /// Rows of weights, and biases, of each neuron.
    pub pieces: usize,
    /// [`Activation::gain`](crate::Activation::gain) of its activation.
    pub gain: f64,
    /// The name of its activation.
    pub activation: &'a str,
    /// The name of the activation of the last hidden layer before it, or its own if it is
    /// hidden; `None` for the only layer of a network without hidden layers.
    pub hidden_activation: Option<&'a str>,
}

impl LayerInfo<'_> {
    /// An only layer with the identity as its activation; set other fields as needed.
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

/// A distribution that initial parameters are drawn from.
///
/// Numbers are drawn in double precision and then rounded, so that one seed gives an f32
/// and an f64 network the same parameters up to rounding.
///
/// Your own takes a few lines:
///
/// ```
/// use feedforward::init::{LayerInfo, Initializer, Rng};
/// use rand::{RngExt, SeedableRng};
///
/// /// Each weight is there with a probability of 10 %, and then +1 or -1.
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
    /// Sets one layer's weights (row-major `[outputs pieces x inputs]`, neuron by neuron) and its
    /// biases, one for each row; both come as zeros.
    fn initialize(
        &self,
        layer: &LayerInfo<'_>,
        rng: &mut Rng,
        weights: &mut [f64],
        bias: &mut [f64],
    );

    /// Checks the initialiser's own settings, once before a network is built.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A shared initialiser is one too.
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

/// All zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Zeros;

impl Initializer for Zeros {
    fn initialize(&self, _: &LayerInfo<'_>, _: &mut Rng, _: &mut [f64], _: &mut [f64]) {}
}

/// Weights and biases uniform in [low, high).
///
/// PyTorch's `Linear` has low = -1 / sqrt(inputs) and high = 1 / sqrt(inputs).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Uniform {
    /// The lower bound, which is drawn.
    pub low: f64,
    /// The upper bound, which is not; with low = high everything is low.
    pub high: f64,
}

impl Uniform {
    /// The numbers of [low, high).
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
            "range of the uniform initialiser",
            "two finite numbers, the lower one first",
            format_args!("{low} and {high}"),
        ))
    }
}

/// Fills with numbers uniform in [low, high). Written out instead of `rand`'s range
/// sampler, so that the numbers depend on nothing but the generator.
fn uniform(rng: &mut Rng, low: f64, high: f64, to: &mut [f64]) {
    for x in to {
        *x = low + (high - low) * rng.random::<f64>();
    }
}

/// Fills with normal numbers of this variance and mean 0, not truncated.
fn normal(rng: &mut Rng, variance: f64, to: &mut [f64]) {
    let deviation = math::sqrt(variance);
    for x in to {
        *x = deviation * random::normal(rng);
    }
}

/// Rounds what was drawn to the network's own precision. An error if a number is not finite then, or
/// if all that were not zero are.
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
