//! One neuron: the arithmetic that everything else must reproduce.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};

use crate::activation::Activation;
use crate::error::{Error, Result, check_length, check_rows};
use crate::float::Float;
use crate::init::Rng;
use crate::simd::{self, Op, Simd};

/// One neuron: f(z), where z = (((x0 w0) + x1 w1) + ...) + b.
///
/// This is the executable specification of the crate's arithmetic: a chain of fused
/// multiply-adds in index order from zero, then the bias. A network gives, for one sample
/// or a batch, the bits that its neurons give one by one.
///
/// ```
/// use feedforward::{Neuron, activation::LeakyRelu};
///
/// let neuron = Neuron::new([0.7, 0.6, 1.4], -0.1, LeakyRelu::new(0.1))?;
/// assert_eq!(neuron.pre_activation(&[1.0, 0.5, -1.0])?, -0.4999999999999999);
/// assert_eq!(neuron.output(&[1.0, 0.5, -1.0])?, -0.04999999999999999);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Neuron<T, W = Vec<T>> {
    weights: W,
    bias: T,
    activation: Arc<dyn Activation<T>>,
}

/// A neuron's parameters in the network that it is part of, to write.
#[derive(Debug)]
pub struct NeuronMut<'a, T> {
    /// One weight for each input.
    pub weights: &'a mut [T],
    /// The bias.
    pub bias: &'a mut T,
}

impl<T: Float> Neuron<T> {
    /// A neuron from given weights and bias.
    ///
    /// # Errors
    /// [`Error::Rows`] without weights.
    pub fn new(
        weights: impl Into<Vec<T>>,
        bias: T,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        let weights = weights.into();
        check_rows("weights", &weights, 1)?;
        Ok(Self {
            weights,
            bias,
            activation: Arc::new(activation),
        })
    }

    /// A neuron as the tutorial makes it: weights uniform in [0, 1), bias 0.
    ///
    /// ```
    /// use feedforward::{Neuron, activation::Identity};
    ///
    /// let neuron = Neuron::<f64>::random(3, 42, Identity)?;
    /// assert!(neuron.weights().iter().all(|w| (0.0..1.0).contains(w)));
    /// assert_eq!(neuron.bias(), 0.0);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] without inputs.
    pub fn random(
        inputs: usize,
        seed: u64,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        if inputs == 0 {
            return Err(Error::out_of_range("inputs of a neuron", "at least 1", 0));
        }
        let mut rng = Rng::seed_from_u64(seed);
        let weights: Vec<T> = (0..inputs).map(|_| T::of(rng.random::<f64>())).collect();
        Self::new(weights, T::zero(), activation)
    }
}

impl<T: Float, W: AsRef<[T]>> Neuron<T, W> {
    pub(super) fn from_parts(weights: W, bias: T, activation: Arc<dyn Activation<T>>) -> Self {
        Self {
            weights,
            bias,
            activation,
        }
    }

    /// One weight for each input.
    pub fn weights(&self) -> &[T] {
        self.weights.as_ref()
    }

    /// The bias.
    pub fn bias(&self) -> T {
        self.bias
    }

    /// What it does with its pre-activation.
    pub fn activation(&self) -> &dyn Activation<T> {
        &*self.activation
    }

    pub(super) fn shared_activation(&self) -> Arc<dyn Activation<T>> {
        Arc::clone(&self.activation)
    }

    /// z = (((x0 w0) + x1 w1) + ...) + b.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight.
    pub fn pre_activation(&self, inputs: &[T]) -> Result<T> {
        check_length("inputs of a neuron", inputs, self.weights().len())?;
        Ok(simd::dispatch(Chain {
            inputs,
            weights: self.weights(),
        }) + self.bias)
    }

    /// f(z).
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight.
    pub fn output(&self, inputs: &[T]) -> Result<T> {
        let mut output = [T::zero()];
        self.activation
            .apply(&[self.pre_activation(inputs)?], &mut output);
        Ok(output[0])
    }
}

impl<T: Float, W: AsRef<[T]> + AsMut<[T]>> Neuron<T, W> {
    /// The weights, to write.
    pub fn weights_mut(&mut self) -> &mut [T] {
        self.weights.as_mut()
    }

    /// The bias, to write.
    pub fn bias_mut(&mut self) -> &mut T {
        &mut self.bias
    }
}

/// The sum of products in index order, rounded as the kernel of the same set rounds.
struct Chain<'a, T> {
    inputs: &'a [T],
    weights: &'a [T],
}

impl<T: Float> Op for Chain<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> T {
        let mut sum = T::zero();
        for (&x, &w) in self.inputs.iter().zip(self.weights) {
            sum = if S::FUSED {
                x.mul_add(w, sum)
            } else {
                x * w + sum
            };
        }
        sum
    }
}
