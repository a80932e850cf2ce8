//! The multilayer perceptron: one slice of numbers plus a description of how to read it.

#![cfg(target_has_atomic = "ptr")]

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::activation::Activation;
use crate::encoding::{Encoding, check_parts};
use crate::error::{Error, Result, check_count, check_length, check_not_empty, check_rows};
use crate::float::Float;
pub(crate) use crate::float::check_finite;
use crate::layer::Layer;
use crate::layout::{LayerLayout, LayerSize, Layout};
use crate::memory;
use crate::mlp_ref::LayerSpec;
#[cfg(doc)]
use crate::mlp_ref::MlpRef;

mod alphas;
mod backward;
mod builder;
mod chunk;
mod clip;
mod dropout;
mod encoder;
#[cfg(feature = "safetensors")]
pub(crate) mod file;
mod fold;
mod forward;
mod in_place;
mod minibatch;
mod outer;
mod packed;
mod pairing;
mod population;
mod prediction;
mod predictor;
mod reduction;
#[cfg(feature = "safetensors")]
pub(crate) mod resolver;
mod samples;
#[cfg(feature = "serde")]
mod serde_mlp;
mod shape;
mod shard;
mod single;
#[cfg(any(feature = "onnx", feature = "rtneural"))]
mod stack;
#[cfg(feature = "safetensors")]
mod state_dict;
pub(crate) mod to_rust;
mod workspace;

pub use builder::MlpBuilder;
pub use clip::Clip;
pub(crate) use dropout::SMALLEST_DROPOUT;
#[cfg(feature = "safetensors")]
pub use file::Precision;
pub use population::Population;
pub use predictor::Predictor;
#[cfg(feature = "safetensors")]
pub use resolver::Resolver;
pub(crate) use samples::CheckedSamples;
pub use samples::Samples;
pub use shard::Shard;
#[cfg(any(feature = "onnx", feature = "rtneural"))]
pub(crate) use stack::{Stack, prelu};
pub use workspace::{GradientWorkspace, JacobianBlock};

/// A multilayer perceptron: layers of neurons, each fed by the previous layer.
///
/// One buffer holds all parameters, and [`layout`](Self::layout) describes it. Gradients and
/// optimizer states have the same layout.
///
/// ```
/// use feedforward::{Mlp, activation::{Identity, Tanh}};
///
/// let net = Mlp::<f32>::builder(2).hidden(16, Tanh).output(1, Identity).seed(7).build()?;
/// assert_eq!(net.params().len(), 2 * 16 + 16 + 16 + 1);
/// let one = net.predict(&[0.5, -0.5])?;
/// let two = net.predict(&[0.5, -0.5, 0.25, 1.0])?;
/// assert_eq!(one[0], two[0]); // bit-identical, alone or in a batch
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "neural_network")]
#[doc(alias = "Sequential")]
#[doc(alias = "feedforward_network")]
#[derive(Clone, Debug)]
pub struct Mlp<T> {
    inputs: usize,
    params: Vec<T>,
    layout: Layout,
    activations: Vec<Arc<dyn Activation<T>>>,
    encoding: Option<Arc<dyn Encoding<T>>>,
}

impl<T: Float> Mlp<T> {
    /// Returns a builder for a network with this number of inputs.
    pub fn builder(inputs: usize) -> MlpBuilder<T> {
        MlpBuilder::new(inputs)
    }

    /// Joins layers into one network. Each must take as many inputs as the previous layer has
    /// outputs.
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
    /// [`Error::Empty`] without layers, [`Error::Shape`] if two neighbors do not fit,
    /// [`Error::TooLarge`] for more layers or parameters than a [`Layout`] can have.
    pub fn from_layers<W: AsRef<[T]>>(layers: &[Layer<T, W>]) -> Result<Self> {
        check_not_empty("layers", layers)?;
        let mut before = layers[0].inputs();
        let mut params = Vec::new();
        for layer in layers {
            let (what, got) = ("inputs of a layer", layer.inputs());
            if got != before {
                let expected = format!("{before}, the outputs of the previous layer");
                return Err(Error::shape(what, expected, got));
            }
            before = layer.outputs();
            params.extend_from_slice(layer.weights());
            params.extend_from_slice(layer.bias());
            params.extend_from_slice(layer.alpha());
        }
        let sizes = layers.iter().map(|layer| LayerSize {
            outputs: layer.outputs(),
            pieces: layer.pieces(),
            is_parametric: !layer.alpha().is_empty(),
        });
        let layout = Layout::of_sizes(layers[0].inputs(), sizes)?;
        let activations = layers.iter().map(Layer::shared_activation).collect();
        Ok(Self {
            inputs: layers[0].inputs(),
            params,
            layout,
            activations,
            encoding: None,
        })
    }

    /// Puts an encoding with these parameters in front of the network.
    ///
    /// ```
    /// use feedforward::{Mlp, activation::Identity, encoding::Positional};
    ///
    /// let net = Mlp::<f64>::builder(2).output(1, Identity).build()?;
    /// let net = net.with_encoding(Positional::new(1, 1)?, &[])?;
    /// assert_eq!(net.inputs(), 1); // its sine and cosine are the inputs of the layer
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Shape`] if the first layer does not have as many inputs as the encoding has
    ///   outputs.
    /// - [`Error::Incompatible`] if the network already has an encoding.
    /// - [`Error::InvalidSetting`] if the encoding has no inputs, if a
    ///   [part](Encoding::part_len) has no parameters, or if those of all parts are not the
    ///   encoding's.
    /// - [`Error::Length`] for another number of parameters than the encoding has.
    /// - [`Error::TooLarge`] if there are too many parameters.
    pub fn with_encoding(
        mut self,
        encoding: impl Encoding<T> + 'static,
        params: &[T],
    ) -> Result<Self> {
        if let Some(present) = &self.encoding {
            let (what, expected) = ("encoding", "a network without one");
            return Err(Error::incompatible(what, expected, present.name()));
        }
        check_count("inputs of the encoding", encoding.inputs())?;
        let (expected, got) = (self.layout.layers()[0].inputs, encoding.outputs());
        if got != expected {
            let expected = format!("{expected}, the inputs of the first layer");
            return Err(Error::shape("outputs of the encoding", expected, got));
        }
        check_length("parameters of the encoding", params, encoding.params_len())?;
        check_parts(&encoding, params.len())?;
        self.layout = self.layout.with_encoding(params.len())?;
        memory::reserve("parameters", &mut self.params, self.layout.len())?;
        self.params.extend_from_slice(params);
        self.inputs = encoding.inputs();
        self.encoding = Some(Arc::new(encoding));
        Ok(self)
    }

    /// Returns the encoding in front of the layers, if there is one.
    pub fn encoding(&self) -> Option<&Arc<dyn Encoding<T>>> {
        self.encoding.as_ref()
    }

    /// Checks that the network has no encoding, because `why`.
    pub(crate) fn check_no_encoding(&self, why: &str) -> Result<()> {
        self.encoding.as_ref().map_or(Ok(()), |encoding| {
            let expected = format!("none, because {why}");
            Err(Error::incompatible(
                "encoding of the network",
                expected,
                encoding.name(),
            ))
        })
    }

    /// Returns the parameters of the encoding.
    pub(crate) fn encoding_params(&self) -> &[T] {
        &self.params[self.layout.encoding()]
    }

    /// Returns the number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        self.layout.layers()[self.depth() - 1].outputs
    }

    /// Returns the number of layers, including the output layer.
    pub fn depth(&self) -> usize {
        self.layout.layers().len()
    }

    /// Returns all parameters in one slice, layer by layer, starting at the inputs. Each layer has
    /// its weights, neuron by neuron, then its biases, and last the numbers α of a
    /// [`Parametric`](crate::activation::Parametric) activation. [`layout`](Self::layout) describes
    /// the positions.
    ///
    /// Gradients ([`GradientWorkspace::values`], and each row of
    /// [`GradientWorkspace::compute_each`]), optimizer states and [`MlpRef`](crate::MlpRef) have
    /// the same layout.
    ///
    /// ```
    /// use feedforward::{GradientWorkspace, Mlp, activation::Identity, loss::SquaredError};
    ///
    /// // 2 inputs, 2 hidden neurons, 1 output.
    /// let mut net = Mlp::<f64>::builder(2).hidden(2, Identity).output(1, Identity).build()?;
    /// net.params_mut().copy_from_slice(&[
    ///     1.0, 2.0, // weights of the first hidden neuron
    ///     3.0, 4.0, // weights of the second
    ///     0.5, -0.5, // biases of both
    ///     1.0, -1.0, // weights of the output
    ///     0.25, // its bias
    /// ]);
    /// assert_eq!(net.layer(0)?.neuron(1)?.weights(), [3.0, 4.0]);
    /// assert_eq!(net.params()[net.layout().layers()[1].weights.clone()], [1.0, -1.0]);
    ///
    /// let mut gradient = GradientWorkspace::new(&net);
    /// // The hidden outputs are 3.5 and 6.5, the output is -2.75.
    /// gradient.compute(&net, &[1.0, 1.0], &[0.0], &SquaredError)?;
    /// assert_eq!(gradient.values()[6..], [-2.75 * 3.5, -2.75 * 6.5, -2.75]);
    /// // One line is a step of gradient descent.
    /// net.params_mut().iter_mut().zip(gradient.values()).for_each(|(p, g)| *p -= 0.01 * g);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    #[doc(alias = "weights")]
    #[doc(alias = "biases")]
    pub fn params(&self) -> &[T] {
        &self.params
    }

    /// Returns all parameters mutably, in the order of [`params`](Self::params).
    pub fn params_mut(&mut self) -> &mut [T] {
        &mut self.params
    }

    /// Returns the positions of weights, biases, numbers α and the encoding in the parameters.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Returns a view of one layer. Index 0 is the layer after the inputs.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`] if there is no such layer.
    pub fn layer(&self, index: usize) -> Result<Layer<T, &[T]>> {
        let at = place(&self.layout, index)?;
        let parts = at.split(&self.params);
        Ok(Layer::view(parts, at, &self.activations[index]))
    }

    /// Returns a mutable view of one layer.
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

    /// Returns views of the layers, in order. They do not include the encoding.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = Layer<T, &[T]>> {
        let layers = self.layout.layers().iter().zip(&self.activations);
        layers.map(|(at, activation)| Layer::view(at.split(&self.params), at, activation))
    }

    /// Returns the layers in the form that [`MlpRef`] takes, for other parameters than this
    /// network's. For its own, `MlpRef::from(&net)` allocates nothing. If there is an
    /// [`encoding`](Self::encoding), use [`MlpRef::with_encoding`].
    ///
    /// ```
    /// use feedforward::{Mlp, MlpRef, activation::{Identity, Tanh}};
    ///
    /// let net = Mlp::<f64>::builder(2).hidden(4, Tanh).output(1, Identity).build()?;
    /// let (layers, halves) = (net.layer_specs(), vec![0.5; net.params().len()]);
    /// let other = MlpRef::new(net.inputs(), &layers, &halves)?;
    /// let (mut scratch, mut output) = (vec![0.0; other.scratch_len()], [0.0]);
    /// other.predict_into(&[-2.0, 1.0], &mut output, &mut scratch)?;
    /// assert_eq!(output, [0.5]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn layer_specs(&self) -> Vec<LayerSpec<'_, T>> {
        let layers = self.layout.layers().iter().zip(&self.activations);
        layers.map(|(at, f)| LayerSpec::of(at, &**f)).collect()
    }

    pub(crate) fn activations(&self) -> &[Arc<dyn Activation<T>>] {
        &self.activations
    }

    /// Returns the outputs for one or more samples. `inputs` is row-major `[samples x inputs]`, and
    /// the result `[samples x outputs]`.
    ///
    /// Each call allocates and packs the weights. A [`Predictor`] does so once. Many samples
    /// are predicted in parallel on all cores, with bit-identical results.
    ///
    /// # Errors
    /// - [`Error::Rows`] unless `inputs` holds one or more whole samples.
    /// - [`Error::NotFinite`] if an input or a parameter is not finite.
    /// - [`Error::TooLarge`] if there is no memory for the outputs.
    /// - [`Error::Overflow`] if an output is not finite. A hidden layer may overflow without an
    ///   error if its activation maps infinity to a finite number. For example, tanh(∞) = 1, and
    ///   ReLU maps -∞ to 0.
    #[doc(alias = "forward")]
    #[doc(alias = "inference")]
    pub fn predict(&self, inputs: &[T]) -> Result<Vec<T>> {
        let samples = check_rows("inputs", inputs, self.inputs())?;
        let len = memory::product("outputs", &[samples, self.outputs()])?;
        let mut outputs = memory::filled("outputs", T::zero(), len)?;
        predictor::predict_all(self, inputs, &mut outputs)?;
        Ok(outputs)
    }

    /// Replaces all parameters.
    ///
    /// # Errors
    /// [`Error::Length`] unless `params` has the length of [`params`](Self::params).
    pub fn set_params(&mut self, params: &[T]) -> Result<()> {
        check_length("parameters", params, self.params.len())?;
        self.params.copy_from_slice(params);
        Ok(())
    }
}

/// Returns the positions of a layer's parameters, if the layer exists.
fn place(layout: &Layout, index: usize) -> Result<&LayerLayout> {
    let (what, len) = ("layer index", layout.layers().len());
    let layer = layout.layers().get(index);
    layer.ok_or(Error::OutOfBounds { what, len, index })
}

impl LayerLayout {
    /// Returns the layer's part of all parameters: weights, biases and numbers α.
    fn split<'a, T>(&self, params: &'a [T]) -> (&'a [T], &'a [T], &'a [T]) {
        let [weights, bias, alpha] = [&self.weights, &self.bias, &self.alpha];
        let part = |range: &Range<usize>| &params[range.clone()];
        (part(weights), part(bias), part(alpha))
    }

    /// Returns the layer's part of all parameters mutably: weights, biases and numbers α.
    fn split_mut<'a, T>(&self, params: &'a mut [T]) -> (&'a mut [T], &'a mut [T], &'a mut [T]) {
        let (weights, rest) = params[self.params()].split_at_mut(self.weights.len());
        let (bias, alpha) = rest.split_at_mut(self.bias.len());
        (weights, bias, alpha)
    }
}

#[cfg(test)]
mod tests;
