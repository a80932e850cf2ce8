//! From a network in f32 to one in integers.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::compensate::Moments;
use super::incoming::Source;
use super::range::{Integers, RangeRule};
use super::statistics::Statistics;
use super::walk::{Walk, encoded};
use super::{QuantizedMlp, Rounding};
use crate::error::{Error, Result, check_rows};
use crate::float::{check_finite, check_finite_rows};
use crate::layer::Layer;
use crate::memory;
use crate::mlp::Mlp;

/// Form of a quantized network's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum OutputForm {
    /// int8, with steps of 1/255 of the range of 0 and the outputs. It suits classes.
    Int8,
    /// int16, with steps of 1/65535 of twice the outputs' largest magnitude.
    Int16,
    /// int32, for numbers. The scale is a power of two, so outputs are fixed-point numbers.
    ///
    /// The last activation must be the identity or limit its argument, such as
    /// [`Relu`](crate::activation::Relu).
    Int32,
    /// int32, from which f32 is computed with any last activation.
    Float,
}

/// Settings for the quantization of a network to int8.
///
/// Weights are symmetric with one scale for each row, inputs and activations have a zero point, and
/// sums are int32. The arithmetic is TFLite's. Activations may also have
/// [16 bits](Self::activation_bits).
///
/// ```
/// use feedforward::quantize::Quantizer;
/// use feedforward::{Mlp, activation::{Identity, Tanh}};
///
/// let net = Mlp::<f32>::builder(2).hidden(16, Tanh).output(1, Identity).seed(1).build()?;
/// let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
/// let quantized = Quantizer::new().quantize(&net, &samples)?;
/// let (expected, got) = (net.predict(&[0.5, -0.25])?, quantized.predict(&[0.5, -0.25])?);
/// assert!((expected[0] - got[0]).abs() < 0.02, "{expected:?} {got:?}");
/// assert!(quantized.bytes() < 600);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Sources
/// - Jacob et al., "Quantization and training of neural networks for efficient
///   integer-arithmetic-only inference", 2018, [arXiv:1712.05877](https://arxiv.org/abs/1712.05877)
/// - Nagel et al., "Data-free quantization through weight equalization and bias correction", 2019,
///   [arXiv:1906.04721](https://arxiv.org/abs/1906.04721), for the correction of biases and the
///   equalization of weights
/// - Frantar et al., "GPTQ: Accurate post-training quantization for generative pre-trained
///   transformers", 2022, [arXiv:2210.17323](https://arxiv.org/abs/2210.17323), for the
///   compensation of weights
/// - Hassibi and Stork, "Second order derivatives for network pruning: optimal brain surgeon", 1993
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[must_use = "its methods return the changed settings"]
pub struct Quantizer {
    pub(super) range: RangeRule,
    pub(super) outputs: Option<OutputForm>,
    pub(super) weight_bits: u32,
    pub(super) activation_bits: u32,
    corrects_biases: bool,
    pub(super) rounding: Rounding,
    pub(super) compensates: bool,
    is_input_scale_common: bool,
}

impl Default for Quantizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Quantizer {
    /// Creates settings with these defaults: [`RangeRule::MeanSquaredError`], weights and
    /// activations of 8 bits, corrected biases, and a scale for each input. Outputs are
    /// [`OutputForm::Int32`] if the last activation allows it, and else [`OutputForm::Float`].
    pub fn new() -> Self {
        Self {
            range: RangeRule::default(),
            outputs: None,
            weight_bits: 8,
            activation_bits: 8,
            corrects_biases: true,
            rounding: Rounding::default(),
            compensates: false,
            is_input_scale_common: false,
        }
    }

    /// Sets the rule for the ranges of inputs and activations.
    pub fn range(mut self, range: RangeRule) -> Self {
        self.range = range;
        self
    }

    /// Sets the form of the outputs.
    pub fn outputs(mut self, outputs: OutputForm) -> Self {
        self.outputs = Some(outputs);
        self
    }

    /// Sets the number of bits of a weight. Range: 2 to 8. Weights take a byte in any case.
    pub fn weight_bits(mut self, bits: u32) -> Self {
        self.weight_bits = bits;
        self
    }

    /// Sets the number of bits of an input and of a hidden layer's output: 8 or 16.
    ///
    /// 16 bits make regression about as exact as the weights, which
    /// [`compensate_weights`](Self::compensate_weights) can improve. Weights still take a byte
    /// each, and sums are int32. Hidden layers have no zero point, as in TFLite's 16x8 scheme.
    ///
    /// Activations other than ReLU and its kind have [tables](super::QuantizedTable) of 1,026
    /// bytes. Two adjacent numbers of a table are h apart. The line between them differs from a
    /// smooth function by at most about h² · max |f″| / 12, but for the largest arguments. For
    /// [`Tanh`] up to ±4, that is 1.6 · 10⁻⁵.
    ///
    /// Outputs of ReLU have scales of their own, with which the weights of the next layer become
    /// large integers. From about 1,000 inputs of a layer on, its weights can become coarser, so
    /// that sums fit int32.
    ///
    /// [`Tanh`]: crate::activation::Tanh
    pub fn activation_bits(mut self, bits: u32) -> Self {
        self.activation_bits = bits;
        self
    }

    /// Chooses whether biases are corrected, so that each layer's mean pre-activation is that of
    /// the f32 network on the calibration samples.
    pub fn correct_biases(mut self, corrects: bool) -> Self {
        self.corrects_biases = corrects;
        self
    }

    /// Chooses whether weights are rounded so that their errors cancel each other on the
    /// calibration samples. Default: no.
    ///
    /// Each row of n weights w becomes integers q and a scale s with a small mean squared error of
    /// pre-activations:
    ///
    /// ```text
    /// minimize (s q - w*)ᵀ H (s q - w*),     H = mean of v vᵀ + μ I,     H w* = mean of v u + μ w
    /// ```
    ///
    /// v are the integer inputs and u the pre-activations of the f32 network, less their means.
    /// Weights are rounded one after the other. The error of each is spread over those that follow
    /// (Frantar et al., 2022, and Hassibi and Stork, 1993). This is done with 41 scales,
    /// and in rows of at most 64 weights, steps of one or two integers follow while they help.
    /// Wider rows try 11 scales.
    ///
    /// With at least four samples for each of a layer's inputs, w* also repairs errors of the
    /// layers before, and else it is w. The damping μ is 1 % of the inputs' mean variance for n
    /// samples, and falls with the cube of their number.
    ///
    /// It needs more samples than a layer has inputs, as otherwise errors of other samples may
    /// even grow. It takes about 20 n² multiply-adds for each row. It also takes memory for all
    /// numbers of a layer on the samples. 8-bit activations hide most of its gain.
    pub fn compensate_weights(mut self, compensates: bool) -> Self {
        self.compensates = compensates;
        self
    }

    /// Sets the rounding of products. Default: [`Rounding::Double`].
    pub fn rounding(mut self, rounding: Rounding) -> Self {
        self.rounding = rounding;
        self
    }

    /// Chooses whether all inputs have one factor and one offset, as those of TFLite have.
    pub fn common_input_scale(mut self, is_common: bool) -> Self {
        self.is_input_scale_common = is_common;
        self
    }

    /// Quantizes a network. `inputs` are calibration samples, row-major `[samples x inputs]`. They
    /// should be like those that the network will see, and a few hundred are enough.
    ///
    /// An encoding stays in f32, in front of the integers. A learned scale of the inputs becomes a
    /// part of the first layer, as in [`Mlp::fold_scale`].
    ///
    /// # Errors
    /// - [`Error::Rows`] and [`Error::NotFinite`] for invalid samples or parameters
    /// - [`Error::Overflow`] if outputs of a layer are not finite
    /// - [`Error::InvalidSetting`] for settings outside their range
    /// - [`Error::Incompatible`] for a network with activations that have several pieces or
    ///   numbers α
    /// - [`Error::Incompatible`] for int32 outputs with an activation that they exclude, and if
    ///   sums can exceed int32
    /// - [`Error::TooLarge`] if there is not enough memory
    pub fn quantize(&self, net: &Mlp<f32>, inputs: &[f32]) -> Result<QuantizedMlp> {
        self.check()?;
        let samples = check_rows("calibration inputs", inputs, net.inputs())?;
        check_finite_rows("calibration inputs", inputs, net.inputs())?;
        check_finite("parameters", net.params())?;
        let net = &unscaled(net)?;
        let mut encoded = encoded(net, inputs)?;
        let width = encoded.len() / samples;
        let mut walk = Walk::new(net)?;
        let integers = Integers::of_bits(self.activation_bits);
        let (factors, offsets) = self.input_stage(&encoded, width)?;
        if let RangeRule::Percentile(_) = self.range {
            // Numbers outside the range must not shift what is measured behind it.
            limit(encoded.to_mut(), (&factors, &offsets), integers);
        }
        let inputs = &encoded[..];
        let statistics = Statistics::new(net, &mut walk, inputs)?;

        let mut from = Source::of_inputs(&factors, &offsets, integers);
        let mut quantized = QuantizedMlp::without_layers(factors, offsets, self.activation_bits);
        quantized.encoder = net
            .encoding()
            .map(|encoding| (Arc::clone(encoding), net.encoding_params().to_vec()));
        let len = memory::product("quantized samples", &[samples, width])?;
        let mut x = memory::filled("quantized samples", 0_i16, len)?;
        quantized.widen_inputs(inputs, &mut x);
        let last = net.depth() - 1;
        for (index, layer) in net.layers().enumerate() {
            let activation = layer.shared_activation();
            let statistics = &statistics[index];
            let mut moments = None;
            let z;
            if self.compensates {
                z = walk.pre_activations(index, inputs)?;
                let fixed = (!self.corrects_biases).then_some((&*from.zero_points, layer.bias()));
                let outputs = layer.outputs();
                moments = Moments::new((&x, from.scales.len()), (&z, outputs), fixed)?;
            }
            let weights = (layer.weights(), layer.bias());
            let mut linear = self.linear(weights, &from, moments.as_ref())?;
            if self.corrects_biases {
                linear.correct(&statistics.means, &x);
            }
            let next = net.layers().nth(index + 1);
            let next = next.as_ref().map(Layer::weights);
            let stage = self.stage(&*activation, statistics, next)?;
            let layer = linear.complete(&stage, &*activation);
            let inputs_of_layer = (from.scales.len(), from.largest() as i64);
            layer.view().check(index, inputs_of_layer, index == last)?;
            if index < last {
                x = layer.forward(&x, from.scales.len())?;
                from = Source::of(layer.outputs, &layer.factors, layer.biases.len());
            } else {
                quantized.set_outputs(&layer, &stage, &activation);
            }
            quantized.layers.push(layer);
        }
        quantized.checked()
    }

    pub(super) fn check(&self) -> Result<()> {
        self.range.check()?;
        if !(2..=8).contains(&self.weight_bits) {
            let (what, got) = ("bits of a weight", self.weight_bits);
            return Err(Error::invalid_setting(what, "2 to 8", got));
        }
        if ![8, 16].contains(&self.activation_bits) {
            let (what, got) = ("bits of an activation", self.activation_bits);
            return Err(Error::invalid_setting(what, "8 or 16", got));
        }
        Ok(())
    }

    /// Returns factors and offsets of the inputs.
    pub(super) fn input_stage(&self, inputs: &[f32], width: usize) -> Result<(Vec<f32>, Vec<f32>)> {
        let integers = Integers::of_bits(self.activation_bits);
        let Integers(min, max) = integers;
        let steps = f64::from(max - min);
        let columns = if self.is_input_scale_common { 1 } else { width };
        let mut ranges = memory::filled("ranges of inputs", [0.0; 2], columns)?;
        for (column, range) in ranges.iter_mut().enumerate() {
            let numbers = inputs[column..].iter().step_by(columns);
            // Limits of inputs would cost more than coarser steps, so the other rules have none.
            let tail = match self.range {
                RangeRule::Percentile(p) => (1.0 - p) / 2.0,
                _ => 0.0,
            };
            *range = between(
                tail,
                memory::collected("numbers of an input", numbers.len(), numbers.copied())?,
            );
        }
        // An input that was constant still needs a scale. It takes the largest.
        let widest = ranges
            .iter()
            .map(|[low, high]| high - low)
            .fold(0.0, f64::max);
        // If all were constant, it depends on their size.
        let size = ranges.iter().map(|[low, _]| low.abs()).fold(0.0, f64::max);
        let widest = match (widest > 0.0, size > 0.0) {
            (true, _) => widest,
            (false, true) => size,
            (false, false) => 1.0,
        };
        let mut stage = (Vec::new(), Vec::new());
        memory::reserve("factors of inputs", &mut stage.0, width)?;
        memory::reserve("offsets of inputs", &mut stage.1, width)?;
        for [low, high] in ranges.iter().cycle().take(width) {
            let center = 0.5 * (low + high);
            let range = if high > low { high - low } else { widest };
            let factor = (steps / range) as f32;
            let offset = -0.5 - center * f64::from(factor);
            stage.0.push(factor);
            stage.1.push(offset as f32);
        }
        check_finite("factors of inputs", &stage.0)?;
        check_finite("offsets of inputs", &stage.1)?;
        Ok(stage)
    }
}

/// Returns the smallest and largest number after this part of each end is left out.
fn between(tail: f64, mut numbers: Vec<f32>) -> [f64; 2] {
    let last = numbers.len() - 1;
    let out = ((numbers.len() as f64 * tail) as usize).min(last / 2);
    let [low, high] = [out, last - out].map(|at| {
        let (_, number, _) = numbers.select_nth_unstable_by(at, f32::total_cmp);
        f64::from(*number)
    });
    [low, high]
}

/// Limits inputs to the numbers of an input stage's integers.
fn limit(inputs: &mut [f32], (factors, offsets): (&[f32], &[f32]), Integers(min, max): Integers) {
    for row in inputs.chunks_exact_mut(factors.len()) {
        for (x, (&factor, &offset)) in row.iter_mut().zip(factors.iter().zip(offsets)) {
            let number = |q: i32| ((f64::from(q) - f64::from(offset)) / f64::from(factor)) as f32;
            *x = x.clamp(number(min), number(max));
        }
    }
}

/// Returns the network without a learned scale in front of it.
fn unscaled(net: &Mlp<f32>) -> Result<Cow<'_, Mlp<f32>>> {
    match net.fold_scale() {
        Err(Error::Missing { .. }) => Ok(Cow::Borrowed(net)),
        folded => folded.map(Cow::Owned),
    }
}
