//! Networks with weights in int8 that own their numbers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{WeightQuantizedMlpRef, lengths};
use crate::activation::Activation;
use crate::encoding::Encoding;
use crate::error::{Result, check_rows};
use crate::float::check_finite;
use crate::layer::Layer;
use crate::layout::{LayerLayout, Layout};
use crate::memory;
use crate::mlp::Mlp;
use crate::mlp_ref::Shape;
use crate::quantize::Quantizer;
use crate::quantize::range::round;

/// A multilayer perceptron with weights in int8, made by [`Quantizer::quantize_weights`].
///
/// It computes what its [`WeightQuantizedMlpRef`] computes, which
/// `WeightQuantizedMlpRef::from(&net)` returns without allocation.
#[derive(Clone, Debug)]
pub struct WeightQuantizedMlp {
    pub(super) inputs: usize,
    /// Sizes of the layers, and places of their parameters in f32.
    pub(super) layout: Layout,
    pub(super) activations: Vec<Arc<dyn Activation<f32>>>,
    pub(super) encoding: Option<Arc<dyn Encoding<f32>>>,
    pub(super) weights: Vec<i8>,
    /// Layer by layer scales, biases and numbers α, and last those of the encoding.
    pub(super) params: Vec<f32>,
}

/// The numbers of one layer.
pub(super) struct LayerNumbers<'a> {
    pub(super) at: &'a LayerLayout,
    pub(super) weights: &'a [i8],
    pub(super) scales: &'a [f32],
    pub(super) biases: &'a [f32],
    pub(super) alphas: &'a [f32],
}

impl<'a> From<&'a WeightQuantizedMlp> for WeightQuantizedMlpRef<'a> {
    fn from(net: &'a WeightQuantizedMlp) -> Self {
        Self {
            shape: net.shape(),
            weights: &net.weights,
            params: &net.params,
        }
    }
}

impl WeightQuantizedMlp {
    pub(super) fn shape(&self) -> Shape<'_, f32> {
        let layers = (self.layout.layers(), &self.activations[..]);
        Shape::of_network(self.inputs, self.encoding.as_deref(), layers)
    }

    /// Returns the number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        self.shape().outputs()
    }

    /// Returns the encoding in front of the layers, if there is one.
    pub fn encoding(&self) -> Option<&Arc<dyn Encoding<f32>>> {
        self.encoding.as_ref()
    }

    /// Returns the number of bytes that weights and parameters take.
    pub fn bytes(&self) -> usize {
        WeightQuantizedMlpRef::from(self).bytes()
    }

    /// Returns the outputs for one or more samples. `inputs` is row-major `[samples x inputs]`, and
    /// the result is `[samples x outputs]`.
    ///
    /// # Errors
    /// The errors of [`WeightQuantizedMlpRef::predict_into`], and
    /// [`Error::TooLarge`](crate::Error::TooLarge) if there is not enough memory
    pub fn predict(&self, inputs: &[f32]) -> Result<Vec<f32>> {
        let net = WeightQuantizedMlpRef::from(self);
        let samples = check_rows("inputs", inputs, net.inputs())?;
        let len = memory::product("outputs", &[samples, net.outputs()])?;
        let mut outputs = memory::filled("outputs", 0.0, len)?;
        let mut scratch = memory::filled("scratch", 0.0, net.scratch_len())?;
        net.predict_into(inputs, &mut outputs, &mut scratch)?;
        Ok(outputs)
    }

    /// Returns a network in f32 whose weights are integers times scales.
    ///
    /// It suits everything that an [`Mlp`] can do, such as further training, export, or predictions
    /// of many samples. Its last bits differ, because it rounds each weight.
    ///
    /// ```
    /// use feedforward::quantize::Quantizer;
    /// use feedforward::{Mlp, activation::{Identity, Tanh}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(16, Tanh).output(1, Identity).seed(1).build()?;
    /// let quantized = Quantizer::new().quantize_weights(&net)?;
    /// let float = quantized.dequantize()?;
    /// let (a, b) = (float.predict(&[0.5, -0.25])?, quantized.predict(&[0.5, -0.25])?);
    /// assert!((a[0] - b[0]).abs() < 1e-6);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::TooLarge`](crate::Error::TooLarge) if there is not enough memory
    pub fn dequantize(&self) -> Result<Mlp<f32>> {
        let mut layers = Vec::new();
        for (numbers, activation) in self.layers().zip(&self.activations) {
            let rows = numbers.weights.chunks_exact(numbers.at.inputs);
            let weights = rows.zip(numbers.scales).flat_map(|(row, scale)| {
                let number = move |&q| (f32::from(q) * scale).clamp(f32::MIN, f32::MAX);
                row.iter().map(number)
            });
            let weights = memory::collected("weights", numbers.weights.len(), weights)?;
            let mut layer = Layer::new(weights, numbers.biases.to_vec(), Arc::clone(activation))?;
            layer.alpha_mut().copy_from_slice(numbers.alphas);
            layers.push(layer);
        }
        let net = Mlp::from_layers(&layers)?;
        match &self.encoding {
            None => Ok(net),
            Some(encoding) => net.with_encoding(Arc::clone(encoding), self.encoding_params()),
        }
    }

    /// Returns the numbers of each layer, in order.
    pub(super) fn layers(&self) -> impl ExactSizeIterator<Item = LayerNumbers<'_>> {
        let (mut weights, mut params) = (&self.weights[..], &self.params[..]);
        self.layout.layers().iter().map(move |at| {
            let mut take = |count| params.split_off(..count).unwrap_or_default();
            LayerNumbers {
                at,
                scales: take(at.rows()),
                biases: take(at.rows()),
                alphas: take(at.alpha.len()),
                weights: weights.split_off(..at.weights.len()).unwrap_or_default(),
            }
        })
    }

    /// Returns the parameters of the encoding.
    pub(super) fn encoding_params(&self) -> &[f32] {
        &self.params[self.params.len() - self.shape().counts().encodings..]
    }
}

impl Quantizer {
    /// Quantizes the weights of a network, and nothing else. It needs no calibration samples, and
    /// takes any activation and any encoding.
    ///
    /// A row of weights w becomes integers q with a scale s:
    ///
    /// ```text
    /// q[c] = round(w[c] / s),   s = max |w[c]| / 127
    /// ```
    ///
    /// Fewer [bits](Self::weight_bits) than 8 make 127 smaller. [`RangeRule::MeanSquaredError`]
    /// tries smaller scales too. Biases, numbers α and parameters of encodings stay in f32. The
    /// settings of inputs, activations, outputs, biases and rounding have no effect, and no weights
    /// are compensated.
    ///
    /// ```
    /// use feedforward::quantize::Quantizer;
    /// use feedforward::{Mlp, activation::{Sigmoid, SwiGlu}};
    ///
    /// let builder = Mlp::<f32>::builder(4).hidden(32, SwiGlu).hidden(32, SwiGlu);
    /// let net = builder.output(3, Sigmoid).seed(1).build()?;
    /// let quantized = Quantizer::new().quantize_weights(&net)?;
    /// let x = [0.5, -0.25, 1.0, 0.0];
    /// let (expected, got) = (net.predict(&x)?, quantized.predict(&x)?);
    /// assert!(expected.iter().zip(&got).all(|(a, b)| (a - b).abs() < 0.01));
    /// assert!(2 * quantized.bytes() < 4 * net.params().len());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if a parameter is not finite
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) for settings outside their range
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if there is not enough memory
    ///
    /// [`RangeRule::MeanSquaredError`]: crate::quantize::RangeRule::MeanSquaredError
    pub fn quantize_weights(&self, net: &Mlp<f32>) -> Result<WeightQuantizedMlp> {
        self.check()?;
        check_finite("parameters", net.params())?;
        let mut quantized = WeightQuantizedMlp {
            inputs: net.inputs(),
            layout: net.layout().clone(),
            activations: net.activations().to_vec(),
            encoding: net.encoding().cloned(),
            weights: Vec::new(),
            params: Vec::new(),
        };
        let [weights, params] = lengths(&quantized.shape());
        memory::reserve("quantized weights", &mut quantized.weights, weights)?;
        memory::reserve("parameters", &mut quantized.params, params)?;
        let largest = self.largest();
        let mut numbers = Vec::new();
        for layer in net.layers() {
            for row in layer.weights().chunks_exact(layer.inputs()) {
                memory::reserve("a row of weights", &mut numbers, row.len())?;
                numbers.clear();
                numbers.extend(row.iter().map(|&w| f64::from(w)));
                // The integers are those of the rounded scale. One that is no normal number would
                // be too coarse.
                let scale = match self.row_scale(&numbers, largest) {
                    0.0 => 1.0,
                    scale => (scale as f32).max(f32::MIN_POSITIVE),
                };
                let integer = |w: &f64| round(w / f64::from(scale)).clamp(-largest, largest) as i8;
                quantized.weights.extend(numbers.iter().map(integer));
                quantized.params.push(scale);
            }
            quantized.params.extend_from_slice(layer.bias());
            quantized.params.extend_from_slice(layer.alpha());
        }
        let encoding = net.encoding_params();
        quantized.params.extend_from_slice(encoding);
        Ok(quantized)
    }
}
