//! Neurons and layers: the network's parts, each usable on its own.

#![cfg(target_has_atomic = "ptr")]

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::activation::{Activation, check_pieces};
use crate::error::{Error, Result, check_length, check_not_empty, check_rows};
use crate::float::Float;
use crate::layout::LayerLayout;

mod neuron;

pub use neuron::{Neuron, NeuronMut};

/// A fully connected layer: y = f(W x + b), with W row-major `[outputs x inputs]`, or
/// `[outputs pieces x inputs]` if the activation takes several [pieces](Activation::pieces).
///
/// It owns its parameters, or views a network's: `Layer<T, &[T]>` from
/// [`Mlp::layer`](crate::Mlp::layer) reads them, `Layer<T, &mut [T]>` from
/// [`Mlp::layer_mut`](crate::Mlp::layer_mut) writes through.
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
    inputs: usize,
    pieces: usize,
    activation: Arc<dyn Activation<T>>,
}

impl<T: Float> Layer<T> {
    /// A layer of its own from given weights (row-major, one row for each neuron) and bias. Each
    /// neuron has as many rows and biases, next to each other, as its activation has pieces.
    ///
    /// # Errors
    /// [`Error::Rows`] unless `weights` has one or more values for each bias and there are whole
    /// neurons, [`Error::InvalidSetting`] if the activation takes no pieces or a parameter of it is out
    /// of range.
    pub fn new(
        weights: impl Into<Vec<T>>,
        bias: impl Into<Vec<T>>,
        activation: impl Activation<T> + 'static,
    ) -> Result<Self> {
        let (weights, bias) = (weights.into(), bias.into());
        let pieces = check_pieces(&activation)?;
        check_rows("bias", &bias, pieces)?;
        let inputs = check_rows("weights", &weights, bias.len())?;
        Ok(Self {
            weights,
            bias,
            inputs,
            pieces,
            activation: Arc::new(activation),
        })
    }

    /// A layer made of neurons that share an activation: the first one's.
    ///
    /// # Errors
    /// [`Error::Empty`] without neurons, [`Error::Length`] if their numbers of weights
    /// differ, [`Error::Incompatible`] if their activations do.
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
            inputs: first.inputs(),
            pieces: biases,
            activation,
        })
    }
}

impl<T: Float, W> Layer<T, W> {
    /// A view of weights and biases that lie at this place in a network.
    pub(crate) fn view(
        (weights, bias): (W, W),
        at: &LayerLayout,
        activation: &Arc<dyn Activation<T>>,
    ) -> Self {
        Self {
            weights,
            bias,
            inputs: at.inputs,
            pieces: at.pieces,
            activation: Arc::clone(activation),
        }
    }

    /// What each neuron does with its pre-activation.
    pub fn activation(&self) -> &dyn Activation<T> {
        &*self.activation
    }

    /// The activation, to share.
    pub(crate) fn shared_activation(&self) -> Arc<dyn Activation<T>> {
        Arc::clone(&self.activation)
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Rows of weights, and biases, of each neuron.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces
    }

    /// Where a neuron's weights and its biases lie.
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
    /// Neurons, each of which gives one number.
    pub fn outputs(&self) -> usize {
        self.bias().len() / self.pieces
    }

    /// The weights, row-major `[outputs pieces x inputs]`.
    pub fn weights(&self) -> &[T] {
        self.weights.as_ref()
    }

    /// The biases, one for each row of weights.
    pub fn bias(&self) -> &[T] {
        self.bias.as_ref()
    }

    /// One neuron, viewed.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such neuron.
    pub fn neuron(&self, index: usize) -> Result<Neuron<T, &[T]>> {
        let [weights, biases] = self.place(index, self.outputs())?;
        Ok(Neuron::from_parts(
            &self.weights()[weights],
            &self.bias()[biases],
            self.shared_activation(),
        ))
    }

    /// The neurons in their order, viewed.
    pub fn neurons(&self) -> impl ExactSizeIterator<Item = Neuron<T, &[T]>> {
        self.weights()
            .chunks_exact(self.inputs * self.pieces)
            .zip(self.bias().chunks_exact(self.pieces))
            .map(|(weights, biases)| Neuron::from_parts(weights, biases, self.shared_activation()))
    }

    /// The output for one sample, neuron by neuron.
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one input for each weight of a neuron.
    pub fn output(&self, inputs: &[T]) -> Result<Vec<T>> {
        self.neurons().map(|neuron| neuron.output(inputs)).collect()
    }
}

impl<T: Float, W: AsRef<[T]> + AsMut<[T]>> Layer<T, W> {
    /// The weights, to write: row-major `[outputs pieces x inputs]`.
    pub fn weights_mut(&mut self) -> &mut [T] {
        self.weights.as_mut()
    }

    /// The biases, to write.
    pub fn bias_mut(&mut self) -> &mut [T] {
        self.bias.as_mut()
    }

    /// One neuron's weights and biases, to write.
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
        })
    }
}

#[cfg(test)]
mod tests;
