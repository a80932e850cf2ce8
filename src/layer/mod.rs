//! Neurons and layers: the parts of a network, which can also be used alone.

#![cfg(target_has_atomic = "ptr")]

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::activation::{Activation, check_pieces};
use crate::error::{Error, Result, check_length, check_not_empty, check_rows};
use crate::float::Float;
use crate::layout::LayerLayout;
use crate::memory;

mod neuron;

pub use neuron::{Neuron, NeuronMut};

/// A fully connected layer: y = f(W x + b).
///
/// W is row-major `[outputs x inputs]`, or `[outputs · pieces x inputs]` if the activation takes
/// several [pieces](Activation::pieces).
///
/// A layer owns its parameters, or is a view of a network's. [`Mlp::layer`](crate::Mlp::layer)
/// returns a `Layer<T, &[T]>` that reads them, and [`Mlp::layer_mut`](crate::Mlp::layer_mut) a
/// `Layer<T, &mut [T]>` that writes them.
///
/// ```
/// use feedforward::{Layer, activation::Relu};
///
/// let layer = Layer::new(vec![1.0, 2.0, -3.0, 4.0], vec![0.5, 0.0], Relu)?;
/// assert_eq!((layer.inputs(), layer.outputs()), (2, 2));
/// assert_eq!(layer.output(&[1.0, 0.5])?, [2.5, 0.0]);
/// assert_eq!(layer.neuron(1)?.weights(), [-3.0, 4.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Layer<T, W = Vec<T>> {
    weights: W,
    bias: W,
    /// One α for each neuron, or none.
    alpha: W,
    inputs: usize,
    pieces: usize,
    activation: Arc<dyn Activation<T>>,
}

impl<T: Float> Layer<T> {
    /// Creates a layer that owns its weights and biases. Weights are row-major, one row for each
    /// neuron. If the activation takes several pieces, each neuron has this many successive rows
    /// and biases. If it is [`Parametric`](crate::activation::Parametric), each α is 1.
    ///
    /// # Errors
    /// - [`Error::Rows`] unless `bias` holds whole neurons, and `weights` one or more values for
    ///   each bias.
    /// - [`Error::InvalidSetting`] if the activation takes no pieces, or if one of its parameters
    ///   is out of range.
    pub fn new(
        weights: impl Into<Vec<T>>,
        bias: impl Into<Vec<T>>,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        let (weights, bias) = (weights.into(), bias.into());
        let pieces = check_pieces(&activation)?;
        check_rows("bias", &bias, pieces)?;
        let inputs = check_rows("weights", &weights, bias.len())?;
        let what = "numbers of a parametric activation";
        let alphas = if activation.is_parametric() {
            bias.len()
        } else {
            0
        };
        Ok(Self {
            weights,
            bias,
            alpha: memory::filled(what, T::one(), alphas)?,
            inputs,
            pieces,
            activation: Arc::new(activation),
        })
    }

    /// Creates a layer from neurons. Their activations must have the same name, and the layer takes
    /// the activation of the first neuron.
    ///
    /// # Errors
    /// [`Error::Empty`] without neurons, [`Error::Length`] if their numbers of weights or biases
    /// differ, [`Error::Incompatible`] if their activations differ.
    pub fn from_neurons<W: AsRef<[T]>>(neurons: &[Neuron<T, W>]) -> Result<Self> {
        check_not_empty("neurons", neurons)?;
        let (first, activation) = (&neurons[0], neurons[0].shared_activation());
        let (weights, biases) = (first.weights().len(), first.biases().len());
        for neuron in neurons {
            check_length("weights of a neuron", neuron.weights(), weights)?;
            check_length("biases of a neuron", neuron.biases(), biases)?;
            let (expected, got) = (activation.name(), neuron.activation().name());
            if expected != got {
                let what = "activation of a layer's neuron";
                return Err(Error::incompatible(what, expected, got));
            }
        }
        Ok(Self {
            weights: neurons.iter().flat_map(Neuron::weights).copied().collect(),
            bias: neurons.iter().flat_map(Neuron::biases).copied().collect(),
            alpha: neurons.iter().filter_map(Neuron::alpha).collect(),
            inputs: first.inputs(),
            pieces: biases,
            activation,
        })
    }
}

impl<T: Float, W> Layer<T, W> {
    /// Returns a view of weights, biases and numbers α that lie at this position in a network.
    pub(crate) fn view(
        (weights, bias, alpha): (W, W, W),
        at: &LayerLayout,
        activation: &Arc<dyn Activation<T>>,
    ) -> Self {
        Self {
            weights,
            bias,
            alpha,
            inputs: at.inputs,
            pieces: at.pieces,
            activation: Arc::clone(activation),
        }
    }

    /// Returns the activation of the layer's neurons.
    pub fn activation(&self) -> &dyn Activation<T> {
        &*self.activation
    }

    /// Returns another `Arc` of the activation.
    pub(crate) fn shared_activation(&self) -> Arc<dyn Activation<T>> {
        Arc::clone(&self.activation)
    }

    /// Returns the number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the number of pieces: rows of weights, each with a bias, of each neuron.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces
    }

    /// Returns the ranges of a neuron's weights and biases.
    fn place(&self, index: usize, len: usize) -> Result<[Range<usize>; 2]> {
        if index >= len {
            let what = "neuron index";
            return Err(Error::OutOfBounds { what, len, index });
        }
        let place = |len| index * len..(index + 1) * len;
        Ok([place(self.inputs * self.pieces), place(self.pieces)])
    }
}

impl<T: Float, W: AsRef<[T]>> Layer<T, W> {
    /// Returns the number of outputs, one for each neuron.
    pub fn outputs(&self) -> usize {
        self.bias().len() / self.pieces
    }

    /// Returns the weights, row-major `[outputs · pieces x inputs]`.
    pub fn weights(&self) -> &[T] {
        self.weights.as_ref()
    }

    /// Returns the biases, one for each row of weights.
    pub fn bias(&self) -> &[T] {
        self.bias.as_ref()
    }

    /// Returns the number α of each neuron, or nothing if the activation is not
    /// [`Parametric`](crate::activation::Parametric).
    pub fn alpha(&self) -> &[T] {
        self.alpha.as_ref()
    }

    /// Returns a view of one neuron.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such neuron.
    pub fn neuron(&self, index: usize) -> Result<Neuron<T, &[T]>> {
        let [weights, biases] = self.place(index, self.outputs())?;
        Ok(Neuron::from_parts(
            &self.weights()[weights],
            &self.bias()[biases],
            self.alpha_of(index),
            self.shared_activation(),
        ))
    }

    /// Returns a neuron's α, or nothing.
    fn alpha_of(&self, index: usize) -> &[T] {
        self.alpha().get(index..=index).unwrap_or_default()
    }

    /// Returns views of the neurons, in order.
    pub fn neurons(&self) -> impl ExactSizeIterator<Item = Neuron<T, &[T]>> {
        self.weights()
            .chunks_exact(self.inputs * self.pieces)
            .zip(self.bias().chunks_exact(self.pieces))
            .enumerate()
            .map(|(index, (weights, biases))| {
                let (alpha, activation) = (self.alpha_of(index), self.shared_activation());
                Neuron::from_parts(weights, biases, alpha, activation)
            })
    }

    /// Returns the outputs for one sample, computed neuron by neuron.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight of a neuron.
    pub fn output(&self, inputs: &[T]) -> Result<Vec<T>> {
        self.neurons().map(|neuron| neuron.output(inputs)).collect()
    }
}

impl<T: Float, W: AsRef<[T]> + AsMut<[T]>> Layer<T, W> {
    /// Returns the weights mutably, row-major `[outputs · pieces x inputs]`.
    pub fn weights_mut(&mut self) -> &mut [T] {
        self.weights.as_mut()
    }

    /// Returns the biases mutably, one for each row of weights.
    pub fn bias_mut(&mut self) -> &mut [T] {
        self.bias.as_mut()
    }

    /// Returns the number α of each neuron mutably, or nothing if the activation is not
    /// [`Parametric`](crate::activation::Parametric).
    pub fn alpha_mut(&mut self) -> &mut [T] {
        self.alpha.as_mut()
    }

    /// Returns one neuron's parameters mutably.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such neuron.
    pub fn neuron_mut(&mut self, index: usize) -> Result<NeuronMut<'_, T>> {
        let [weights, biases] = self.place(index, self.outputs())?;
        let (bias, other_biases) = self.bias.as_mut()[biases.start..].split_at_mut(1);
        Ok(NeuronMut {
            weights: &mut self.weights.as_mut()[weights],
            bias: &mut bias[0],
            other_biases: &mut other_biases[..biases.len() - 1],
            alpha: self.alpha.as_mut().get_mut(index),
        })
    }
}

#[cfg(test)]
mod tests;
