//! The multilayer perceptron: one slice of numbers plus a description of how to read it.

#![cfg(target_has_atomic = "ptr")]

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::activation::Activation;
use crate::error::{Error, Result, check_length, check_not_empty, check_rows};
use crate::float::Float;
pub(crate) use crate::float::check_finite;
use crate::layer::Layer;
use crate::layout::{LayerLayout, Layout};
use crate::memory;
use crate::mlp_ref::LayerSpec;
#[cfg(doc)]
use crate::mlp_ref::MlpRef;

mod backward;
mod builder;
mod chunk;
mod clip;
mod dropout;
#[cfg(feature = "safetensors")]
pub(crate) mod file;
mod forward;
mod packed;
mod pairing;
mod prediction;
mod predictor;
mod reduction;
mod samples;
#[cfg(feature = "serde")]
mod serde_mlp;
mod shard;
mod single;
#[cfg(feature = "safetensors")]
mod state_dict;
mod to_rust;
mod workspace;

pub use builder::MlpBuilder;
pub use clip::Clip;
#[cfg(feature = "safetensors")]
pub use file::Precision;
pub use predictor::Predictor;
pub(crate) use samples::CheckedSamples;
pub use samples::Samples;
pub use shard::Shard;
pub use workspace::GradientWorkspace;

/// A multilayer perceptron: layers of neurons, each fed by the one before.
///
/// All parameters lie in one buffer, as [`layout`](Self::layout) says; gradients and
/// optimizer states have the same shape.
///
/// ```
/// use feedforward::{Mlp, activation::{Identity, Tanh}};
///
/// let net = Mlp::<f32>::builder(2).hidden(16, Tanh).output(1, Identity).seed(7).build()?;
/// assert_eq!(net.params().len(), 2 * 16 + 16 + 16 + 1);
/// let one = net.predict(&[0.5, -0.5])?;
/// let two = net.predict(&[0.5, -0.5, 0.25, 1.0])?;
/// assert_eq!(one[0], two[0]); // the same bits, alone or in a batch
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mlp<T> {
    params: Vec<T>,
    layout: Layout,
    activations: Vec<Arc<dyn Activation<T>>>,
}

impl<T: Float> Mlp<T> {
    /// Begins the description of a network with this number of inputs.
    pub fn builder(inputs: usize) -> MlpBuilder<T> {
        MlpBuilder::new(inputs)
    }

    /// Gathers layers into one network; each must take what the one before gives.
    ///
    /// ```
    /// use feedforward::{Layer, Mlp, activation::{Identity, Relu}};
    ///
    /// let hidden = Layer::new([1.0, -1.0, -1.0, 1.0], [0.0, 0.0], Relu)?;
    /// let output = Layer::new([1.0, 1.0], [0.0], Identity)?;
    /// let xor = Mlp::from_layers(&[hidden, output])?;
    /// assert_eq!(xor.predict(&[0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?, [0.0, 1.0, 1.0, 0.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`] without layers, [`Error::Shape`] if two neighbours do not fit,
    /// [`Error::TooLarge`] for more layers or parameters than a [`Layout`] can have.
    pub fn from_layers<W: AsRef<[T]>>(layers: &[Layer<T, W>]) -> Result<Self> {
        check_not_empty("layers", layers)?;
        let mut before = layers[0].inputs();
        let mut params = Vec::new();
        for layer in layers {
            let (what, got) = ("inputs of a layer", layer.inputs());
            if got != before {
                let expected = format!("{before}, the outputs of the layer before");
                return Err(Error::shape(what, expected, got));
            }
            before = layer.outputs();
            params.extend_from_slice(layer.weights());
            params.extend_from_slice(layer.bias());
        }
        let sizes = layers.iter().map(|layer| (layer.outputs(), layer.pieces()));
        let layout = Layout::with_pieces(layers[0].inputs(), sizes)?;
        let activations = layers.iter().map(Layer::shared_activation).collect();
        Ok(Self {
            params,
            layout,
            activations,
        })
    }

    /// Numbers in a sample.
    pub fn inputs(&self) -> usize {
        self.layout.layers()[0].inputs
    }

    /// Numbers in a prediction.
    pub fn outputs(&self) -> usize {
        self.layout.layers()[self.depth() - 1].outputs
    }

    /// Layers, the output layer included.
    pub fn depth(&self) -> usize {
        self.layout.layers().len()
    }

    /// All parameters in one slice: layer after layer from the inputs, in each the weights, neuron
    /// by neuron, then the biases. [`layout`](Self::layout) has the places.
    ///
    /// Gradients ([`GradientWorkspace::values`], and a row of [`GradientWorkspace::compute_each`]),
    /// the state of optimizers and [`MlpRef`](crate::MlpRef) have the same layout.
    ///
    /// ```
    /// use feedforward::{GradientWorkspace, Mlp, activation::Identity, loss::SquaredError};
    ///
    /// // 2 inputs, 2 hidden neurons, 1 output.
    /// let mut net = Mlp::<f64>::builder(2).hidden(2, Identity).output(1, Identity).build()?;
    /// net.params_mut().copy_from_slice(&[
    ///     1.0, 2.0, // weights of the first hidden neuron
    ///     3.0, 4.0, // of the second
    ///     0.5, -0.5, // their biases
    ///     1.0, -1.0, // weights of the output
    ///     0.25, // its bias
    /// ]);
    /// assert_eq!(net.layer(0)?.neuron(1)?.weights(), [3.0, 4.0]);
    /// assert_eq!(net.params()[net.layout().layers()[1].weights.clone()], [1.0, -1.0]);
    ///
    /// let mut gradient = GradientWorkspace::new(&net);
    /// gradient.compute(&net, &[1.0, 1.0], &[0.0], &SquaredError)?; // hidden 3.5 and 6.5, output -2.75
    /// assert_eq!(gradient.values()[6..], [-2.75 * 3.5, -2.75 * 6.5, -2.75]);
    /// // A step of gradient descent is a line.
    /// net.params_mut().iter_mut().zip(gradient.values()).for_each(|(p, g)| *p -= 0.01 * g);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn params(&self) -> &[T] {
        &self.params
    }

    /// All parameters, to write, laid out as [`params`](Self::params) says.
    pub fn params_mut(&mut self) -> &mut [T] {
        &mut self.params
    }

    /// Where each weight and bias lies among the parameters.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// One layer, viewed; 0 is the first after the inputs.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such layer.
    pub fn layer(&self, index: usize) -> Result<Layer<T, &[T]>> {
        let at = place(&self.layout, index)?;
        let parts = at.split(&self.params);
        Ok(Layer::view(parts, at, &self.activations[index]))
    }

    /// One layer, to write through.
    ///
    /// ```
    /// # use feedforward::{Mlp, activation::Identity};
    /// let mut net = Mlp::<f64>::builder(2).output(1, Identity).build()?;
    /// *net.layer_mut(0)?.neuron_mut(0)?.bias = 0.5;
    /// assert_eq!(net.params()[2], 0.5);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such layer.
    pub fn layer_mut(&mut self, index: usize) -> Result<Layer<T, &mut [T]>> {
        let at = place(&self.layout, index)?;
        let parts = at.split_mut(&mut self.params);
        Ok(Layer::view(parts, at, &self.activations[index]))
    }

    /// The layers in their order, viewed.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = Layer<T, &[T]>> {
        let layers = self.layout.layers().iter().zip(&self.activations);
        layers.map(|(at, activation)| Layer::view(at.split(&self.params), at, activation))
    }

    /// Returns the layers as an [`MlpRef`] takes them, which predicts without a copy of the
    /// parameters.
    ///
    /// ```
    /// use feedforward::{Mlp, MlpRef, activation::{Identity, Tanh}};
    ///
    /// let net = Mlp::<f64>::builder(2).hidden(4, Tanh).output(1, Identity).build()?;
    /// let layers = net.layer_specs();
    /// let view = MlpRef::new(net.inputs(), &layers, net.params())?;
    /// let (mut scratch, mut output) = (vec![0.0; view.scratch_len()], [0.0]);
    /// view.predict_into(&[0.5, -0.5], &mut output, &mut scratch)?;
    /// assert_eq!(output.to_vec(), net.predict(&[0.5, -0.5])?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn layer_specs(&self) -> Vec<LayerSpec<'_, T>> {
        let layers = self.layout.layers().iter().zip(&self.activations);
        layers
            .map(|(at, f)| LayerSpec::with_pieces(at.outputs, at.pieces, &**f))
            .collect()
    }

    pub(crate) fn activations(&self) -> &[Arc<dyn Activation<T>>] {
        &self.activations
    }

    /// The outputs for one sample or many: `inputs` is row-major `[samples x inputs]`, the
    /// result `[samples x outputs]`.
    ///
    /// It allocates and lays the weights out anew; a [`Predictor`] does so once. Many samples
    /// are predicted in parallel on all cores, with bit-identical results.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are whole samples, [`Error::NotFinite`] if an input or a
    /// parameter is not finite, [`Error::TooLarge`] if there is no memory for the outputs,
    /// [`Error::Overflow`] if an output is not finite. A hidden layer may overflow without that,
    /// where an activation takes infinity back: tanh gives 1 and ReLU 0.
    pub fn predict(&self, inputs: &[T]) -> Result<Vec<T>> {
        let samples = check_rows("inputs", inputs, self.inputs())?;
        let len = memory::product("outputs", &[samples, self.outputs()])?;
        let mut outputs = memory::filled("outputs", T::zero(), len)?;
        predictor::predict_all(self, inputs, &mut outputs)?;
        Ok(outputs)
    }

    /// Whether both have the same shape and the same activations by name.
    pub fn is_shaped_like(&self, other: &Self) -> bool {
        let mut pairs = self.activations.iter().zip(&other.activations);
        self.layout == other.layout && pairs.all(|(a, b)| a.name() == b.name())
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    /// [`Error::Length`] unless there are as many as before.
    pub fn set_params(&mut self, params: &[T]) -> Result<()> {
        check_length("parameters", params, self.params.len())?;
        self.params.copy_from_slice(params);
        Ok(())
    }
}

/// Returns the place of a layer, if there is one.
fn place(layout: &Layout, index: usize) -> Result<&LayerLayout> {
    let (what, len) = ("layer index", layout.layers().len());
    let layer = layout.layers().get(index);
    layer.ok_or(Error::OutOfBounds { what, len, index })
}

impl LayerLayout {
    /// Returns the layer's weights and biases among all parameters.
    fn split<'a, T>(&self, params: &'a [T]) -> (&'a [T], &'a [T]) {
        (&params[self.weights.clone()], &params[self.bias.clone()])
    }

    /// Returns the layer's weights and biases among all parameters, to write.
    fn split_mut<'a, T>(&self, params: &'a mut [T]) -> (&'a mut [T], &'a mut [T]) {
        params[self.weights.start..self.bias.end].split_at_mut(self.weights.len())
    }
}

#[cfg(test)]
mod tests;
