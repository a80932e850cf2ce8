//! Weight initialisers.

use std::fmt::Debug;

use crate::float::Float;

/// The generator that all randomness of the crate comes from, by name: a seed means the
/// same numbers from release to release.
pub type Rng = rand::rngs::ChaCha8Rng;

/// The layer whose parameters are to be set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fan<'a> {
    /// Its index, 0 for the first after the inputs.
    pub index: usize,
    /// Numbers that go into each neuron.
    pub inputs: usize,
    /// Neurons.
    pub outputs: usize,
    /// [`Activation::gain`](crate::Activation::gain) of its activation.
    pub gain: f64,
    /// The name of its activation.
    pub activation: &'a str,
    /// The name of the activation of the last hidden layer before it, or its own if it is
    /// hidden; `None` for the only layer of a network without hidden layers.
    pub hidden_activation: Option<&'a str>,
}

/// A distribution that initial parameters are drawn from.
///
/// Numbers are drawn in double precision and then rounded, so that one seed gives an f32
/// and an f64 network the same parameters up to rounding.
pub trait Initializer: Debug + Send + Sync {
    /// Sets one layer's weights (row-major `[outputs x inputs]`) and its bias; both come as zeros.
    fn initialize(&self, layer: &Fan<'_>, rng: &mut Rng, weights: &mut [f64], bias: &mut [f64]);
}

/// All zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zeros;

impl Initializer for Zeros {
    fn initialize(&self, _: &Fan<'_>, _: &mut Rng, _: &mut [f64], _: &mut [f64]) {}
}

/// Rounds what was drawn to the network's own precision.
pub(crate) fn round_into<T: Float>(from: &[f64], to: &mut [T]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = T::of(x);
    }
}
