//! Quantized networks that own their numbers.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::lanes::LANES;
use super::layer::{Forward, Outputs, QuantizedTable};
use super::network::Layers;
use super::range::Affine;
use super::{QuantizedInputs, QuantizedLayer, QuantizedMlpRef, QuantizedOutputs, Rounding};
use crate::activation::Activation;
use crate::encoding::{Encoder, Encoding};
use crate::error::{Result, check_rows};
use crate::float::check_finite_rows;
use crate::memory;
use crate::simd;

/// Number of rows that are encoded together.
const ROWS: usize = 256;

/// A table that owns its numbers.
#[derive(Clone, Debug)]
pub(super) enum OwnedTable {
    Int8(Box<[i8; 256]>),
    Int16(Box<[i16; 513]>),
}

impl OwnedTable {
    pub(super) fn view(&self) -> QuantizedTable<'_> {
        match self {
            Self::Int8(table) => QuantizedTable::Int8(table),
            Self::Int16(table) => QuantizedTable::Int16(table),
        }
    }
}

/// A layer that owns its numbers.
#[derive(Clone, Debug)]
pub(super) struct OwnedLayer {
    pub(super) weights: Vec<i8>,
    pub(super) biases: Vec<i32>,
    pub(super) multipliers: Vec<i32>,
    pub(super) shifts: Vec<i8>,
    pub(super) rounding: Rounding,
    pub(super) zero_point: i32,
    pub(super) min: i32,
    pub(super) max: i32,
    pub(super) table: Option<OwnedTable>,
    /// Meaning of the outputs, after the table.
    pub(super) outputs: Affine,
    /// Factors of the outputs' scale, or none if it is common.
    pub(super) factors: Vec<f32>,
}

impl OwnedLayer {
    pub(super) const fn outputs(&self) -> usize {
        self.biases.len()
    }

    /// Returns the scale of an output.
    pub(super) fn scale(&self, output: usize) -> f64 {
        let factor = self
            .factors
            .get(output)
            .map_or(1.0, |&factor| f64::from(factor));
        self.outputs.scale * factor
    }

    /// Returns the meaning of an output.
    pub(super) fn meaning(&self, output: usize) -> Affine {
        Affine {
            scale: self.scale(output),
            ..self.outputs
        }
    }

    pub(super) fn view(&self) -> QuantizedLayer<'_> {
        QuantizedLayer {
            weights: &self.weights,
            biases: &self.biases,
            multipliers: &self.multipliers,
            shifts: &self.shifts,
            rounding: self.rounding,
            zero_point: self.zero_point,
            min: self.min,
            max: self.max,
            table: self.table.as_ref().map(OwnedTable::view),
        }
    }

    /// Returns the int8 or int16 outputs for samples, widened.
    pub(super) fn forward(&self, inputs: &[i16], width: usize) -> Result<Vec<i16>> {
        let outputs = self.outputs();
        let len = memory::product("quantized samples", &[inputs.len() / width, outputs])?;
        let mut to = memory::filled("quantized samples", 0, len)?;
        for (x, y) in inputs.chunks_exact(width).zip(to.chunks_exact_mut(outputs)) {
            simd::dispatch(Forward {
                layer: self.view(),
                inputs: x,
                outputs: Outputs::Int16(y),
            });
        }
        Ok(to)
    }
}

/// A multilayer perceptron in integers, made by a [`Quantizer`](super::Quantizer).
///
/// It computes what its [`QuantizedMlpRef`] computes, which `QuantizedMlpRef::from(&net)` returns
/// without allocation. An [`Encoding`] of the network stays in f32, and the inputs of the
/// [`QuantizedMlpRef`] are those that [`encode`](Self::encode) returns.
#[derive(Clone, Debug)]
pub struct QuantizedMlp {
    /// Encoding in f32, with its parameters.
    pub(super) encoder: Option<Encoder<f32>>,
    pub(super) factors: Vec<f32>,
    pub(super) offsets: Vec<f32>,
    /// Bits of an integer input.
    pub(super) bits: u32,
    pub(super) layers: Vec<OwnedLayer>,
    pub(super) scale: f32,
    pub(super) zero_point: i32,
    pub(super) activation: Option<Arc<dyn Activation<f32>>>,
}

impl<'a> From<&'a QuantizedMlp> for QuantizedMlpRef<'a> {
    fn from(net: &'a QuantizedMlp) -> Self {
        Self {
            inputs: QuantizedInputs {
                factors: &net.factors,
                offsets: &net.offsets,
                bits: net.bits,
            },
            layers: Layers::Owned(&net.layers),
            outputs: QuantizedOutputs {
                scale: net.scale,
                zero_point: net.zero_point,
                activation: net.activation.as_deref(),
            },
        }
    }
}

impl QuantizedMlp {
    /// Returns the number of inputs, in front of any encoding.
    pub fn inputs(&self) -> usize {
        match &self.encoder {
            None => self.factors.len(),
            Some((encoding, _)) => encoding.inputs(),
        }
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        QuantizedMlpRef::from(self).outputs()
    }

    /// Returns the number of bytes that the numbers of all layers, the input stage and any encoding
    /// take.
    pub fn bytes(&self) -> usize {
        let layers = self.layers.iter().map(|layer| {
            let table = layer.table.as_ref().map_or(0, |table| table.view().bytes());
            let multipliers = 5 * layer.multipliers.len();
            layer.weights.len() + 4 * layer.biases.len() + multipliers + table
        });
        let encoder = self.encoder.as_ref().map_or(0, |(encoding, params)| {
            4 * (encoding.constants().len() + params.len())
        });
        layers.sum::<usize>() + 8 * self.factors.len() + encoder
    }

    /// Returns the encoded inputs of one or more samples, row-major `[samples x encoded inputs]`.
    /// Without an encoding, they are the inputs.
    ///
    /// # Errors
    /// - [`Error::Rows`](crate::Error::Rows) and [`Error::NotFinite`](crate::Error::NotFinite) for
    ///   invalid inputs
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if there is not enough memory
    pub fn encode<'a>(&self, inputs: &'a [f32]) -> Result<Cow<'a, [f32]>> {
        check_rows("inputs", inputs, self.inputs())?;
        check_finite_rows("inputs", inputs, self.inputs())?;
        match &self.encoder {
            None => Ok(Cow::Borrowed(inputs)),
            Some((encoding, params)) => encoding.encode(params, inputs).map(Cow::Owned),
        }
    }

    /// Returns the encoding in front of the integers with its parameters, if there is one.
    #[cfg(feature = "onnx")]
    pub(crate) fn encoder(&self) -> Option<&Encoder<f32>> {
        self.encoder.as_ref()
    }

    /// Returns scale and zero point of each layer's outputs, after any table.
    #[cfg(feature = "onnx")]
    pub(crate) fn scales(&self) -> impl ExactSizeIterator<Item = (f64, i32)> {
        let meanings = self.layers.iter().map(|layer| layer.outputs);
        meanings.map(|outputs| (outputs.scale, outputs.zero_point))
    }

    /// Returns the outputs for one or more samples. `inputs` is row-major `[samples x inputs]`, and
    /// the result is `[samples x outputs]`.
    ///
    /// # Errors
    /// The errors of [`QuantizedMlpRef::predict_into`], and
    /// [`Error::TooLarge`](crate::Error::TooLarge) if there is not enough memory
    pub fn predict(&self, inputs: &[f32]) -> Result<Vec<f32>> {
        let net = QuantizedMlpRef::from(self);
        let samples = check_rows("inputs", inputs, self.inputs())?;
        let len = memory::product("outputs", &[samples, net.outputs()])?;
        let mut outputs = memory::filled("outputs", 0.0, len)?;
        let len = if samples < LANES {
            net.scratch_len()
        } else {
            net.batch_scratch_len()
        };
        let mut scratch = memory::filled("scratch", 0, len)?;
        // Encoded inputs may take much more memory than inputs.
        let blocks = outputs.chunks_mut(ROWS * net.outputs());
        for (rows, outputs) in inputs.chunks(ROWS * self.inputs()).zip(blocks) {
            net.predict_into(&self.encode(rows)?, outputs, &mut scratch)?;
        }
        Ok(outputs)
    }

    /// Writes the integers of samples' encoded inputs, widened.
    pub(super) fn widen_inputs(&self, inputs: &[f32], to: &mut [i16]) {
        let net = QuantizedMlpRef::from(self);
        let rows = inputs.chunks_exact(net.inputs());
        for (row, to) in rows.zip(to.chunks_exact_mut(net.inputs())) {
            for (to, q) in to.iter_mut().zip(net.inputs.quantized(row)) {
                *to = q;
            }
        }
    }
}
