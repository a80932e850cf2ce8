//! Weight initialisers.

use std::fmt::Debug;

use rand::RngExt;

use crate::error::Result;
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

    /// Checks the initialiser's own settings, once before a network is built.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// All zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zeros;

impl Initializer for Zeros {
    fn initialize(&self, _: &Fan<'_>, _: &mut Rng, _: &mut [f64], _: &mut [f64]) {}
}

/// scikit-learn's rule: weights and biases uniform in [-b, b),
/// b = sqrt(factor / (inputs + outputs)), where the factor is 2 if the hidden layers have
/// the sigmoid (scikit-learn's "logistic") and 6 otherwise.
///
/// This is Glorot and Bengio's uniform distribution (2010), but for the factor and for the
/// biases. The hidden activation decides for the output layer too. The weights are drawn
/// first, in row-major order, then the biases. scikit-learn draws from another generator
/// and in another order: the distribution is the same, the numbers are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScikitLearn;

impl Initializer for ScikitLearn {
    fn initialize(&self, layer: &Fan<'_>, rng: &mut Rng, weights: &mut [f64], bias: &mut [f64]) {
        let factor = match layer.hidden_activation {
            Some("sigmoid") => 2.0,
            _ => 6.0,
        };
        let bound = (factor / (layer.inputs + layer.outputs) as f64).sqrt();
        uniform(rng, -bound, bound, weights);
        uniform(rng, -bound, bound, bias);
    }
}

/// Fills with numbers uniform in [low, high). Written out instead of `rand`'s range
/// sampler, so that the numbers depend on nothing but the generator.
fn uniform(rng: &mut Rng, low: f64, high: f64, to: &mut [f64]) {
    for x in to {
        *x = low + (high - low) * rng.random::<f64>();
    }
}

/// tmp
#[derive(Debug)]
pub struct HeUniform;
impl Initializer for HeUniform {
    fn initialize(&self, l: &Fan<'_>, rng: &mut Rng, w: &mut [f64], _: &mut [f64]) {
        let b = l.gain * (3.0 / l.inputs as f64).sqrt();
        uniform(rng, -b, b, w);
    }
}
/// Rounds what was drawn to the network's own precision.
pub(crate) fn round_into<T: Float>(from: &[f64], to: &mut [T]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = T::of(x);
    }
}
