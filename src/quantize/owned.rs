//! Quantized networks that own their numbers.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::layer::{Forward, Outputs};
use super::network::Layers;
use super::range::Affine;
use super::{QuantizedInputs, QuantizedLayer, QuantizedMlpRef, QuantizedOutputs, Rounding};
use crate::activation::Activation;
use crate::error::{Result, check_rows};
use crate::memory;
use crate::simd;

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
    pub(super) table: Option<Box<[i8; 256]>>,
    /// Meaning of the outputs, after the table.
    pub(super) outputs: Affine,
}

impl OwnedLayer {
    pub(super) const fn outputs(&self) -> usize {
        self.biases.len()
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
            table: self.table.as_deref(),
        }
    }

    /// Returns the int8 outputs for samples, widened.
    pub(super) fn forward(&self, inputs: &[i16], width: usize) -> Result<Vec<i16>> {
        let outputs = self.outputs();
        let len = memory::product("quantized samples", &[inputs.len() / width, outputs])?;
        let mut to = memory::filled("quantized samples", 0, len)?;
        for (x, y) in inputs.chunks_exact(width).zip(to.chunks_exact_mut(outputs)) {
            simd::dispatch(Forward {
                layer: self.view(),
                inputs: x,
                outputs: Outputs::Wide(y),
            });
        }
        Ok(to)
    }
}

/// A multilayer perceptron in int8, made by a [`Quantizer`](super::Quantizer).
///
/// It computes what its [`QuantizedMlpRef`] computes, which `QuantizedMlpRef::from(&net)` returns
/// without allocation.
#[derive(Clone, Debug)]
pub struct QuantizedMlp {
    pub(super) factors: Vec<f32>,
    pub(super) offsets: Vec<f32>,
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
    /// Returns the number of inputs.
    pub fn inputs(&self) -> usize {
        self.factors.len()
    }

    /// Returns the number of outputs.
    pub fn outputs(&self) -> usize {
        QuantizedMlpRef::from(self).outputs()
    }

    /// Returns the number of bytes that the numbers of all layers and the input stage take.
    pub fn bytes(&self) -> usize {
        let layers = self.layers.iter().map(|layer| {
            let table = layer.table.as_ref().map_or(0, |table| table.len());
            let multipliers = 5 * layer.multipliers.len();
            layer.weights.len() + 4 * layer.biases.len() + multipliers + table
        });
        layers.sum::<usize>() + 8 * self.factors.len()
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
        let samples = check_rows("inputs", inputs, net.inputs())?;
        let len = memory::product("outputs", &[samples, net.outputs()])?;
        let mut outputs = memory::filled("outputs", 0.0, len)?;
        let mut scratch = memory::filled("scratch", 0, net.scratch_len())?;
        net.predict_into(inputs, &mut outputs, &mut scratch)?;
        Ok(outputs)
    }

    /// Writes the integers of samples' inputs, widened.
    pub(super) fn widen_inputs(&self, inputs: &[f32], to: &mut [i16]) {
        let net = QuantizedMlpRef::from(self);
        let rows = inputs.chunks_exact(self.inputs());
        for (row, to) in rows.zip(to.chunks_exact_mut(self.inputs())) {
            for (to, q) in to.iter_mut().zip(net.quantized(row)) {
                *to = q.into();
            }
        }
    }
}
