//! Biases that repay a part of the error of int8 weights.

use alloc::vec::Vec;

use super::{WeightQuantizedMlp, WeightQuantizedMlpRef};
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, check_rows};
use crate::float::check_finite;
use crate::memory;
use crate::mlp::Mlp;
use crate::mlp_ref::MlpRef;
use crate::mlp_ref::predict::Computed;

impl WeightQuantizedMlp {
    /// Changes the biases so that each mean pre-activation is that of the original network on these
    /// samples, row-major `[samples x inputs]`. A few hundred typical samples are enough.
    ///
    /// Rounded weights shift pre-activations where inputs have a mean that is not zero, as behind
    /// ReLU. The corrected biases take this shift back, layer by layer.
    ///
    /// ```
    /// use feedforward::quantize::Quantizer;
    /// use feedforward::{Mlp, activation::{Identity, Relu}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(16, Relu).output(1, Identity).seed(1).build()?;
    /// let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
    /// let mut quantized = Quantizer::new().weight_bits(4).quantize_weights(&net)?;
    /// let before = quantized.compare(&net, &samples)?.root_mean_squared_error;
    /// quantized.correct_biases(&net, &samples)?;
    /// assert!(quantized.compare(&net, &samples)?.root_mean_squared_error < before);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Rows`] and [`Error::NotFinite`] for invalid samples, or if a corrected bias is
    ///   not finite
    /// - [`Error::Shape`] for a network of another shape
    /// - [`Error::Overflow`] if outputs are not finite
    ///
    /// After an error, the biases are as before.
    pub fn correct_biases(&mut self, net: &Mlp<f32>, inputs: &[f32]) -> Result<()> {
        self.check_shape(net)?;
        let samples = check_rows("inputs", inputs, self.inputs)?;
        let exact = MlpRef::from(net);
        // The networks may have different encodings.
        let scratch_len = WeightQuantizedMlpRef::from(&*self).scratch_len();
        let scratch_len = exact.scratch_len().max(scratch_len);
        let mut scratch = memory::filled("scratch", 0.0, scratch_len)?;
        let mut outputs = memory::filled("outputs", 0.0, self.outputs())?;
        let layers = self.layout.layers().iter();
        let zeros = layers.map(|at| memory::filled("means", 0.0, at.rows()));
        let mut means = zeros.collect::<Result<Vec<_>>>()?;
        for row in inputs.chunks_exact(self.inputs) {
            exact.predict_visited(row, &mut outputs, &mut scratch, &mut |computed| {
                if let Computed::Layer(layer, z, _) = computed {
                    add(&mut means[layer], z, 1.0);
                }
            })?;
        }
        // Each layer sees what the corrected ones in front of it compute.
        let mut params =
            memory::collected("parameters", self.params.len(), self.params.iter().copied())?;
        let mut start = 0;
        for (index, (at, differences)) in self.layout.layers().iter().zip(&mut means).enumerate() {
            let view = WeightQuantizedMlpRef {
                params: &params,
                ..WeightQuantizedMlpRef::from(&*self)
            };
            for row in inputs.chunks_exact(self.inputs) {
                view.predict_visited(
                    row,
                    &mut outputs,
                    &mut scratch,
                    &mut |computed| match computed {
                        Computed::Layer(layer, z, _) if layer == index => add(differences, z, -1.0),
                        _ => {}
                    },
                )?;
            }
            let biases = &mut params[start + at.rows()..][..at.rows()];
            for (bias, difference) in biases.iter_mut().zip(differences) {
                *bias = (f64::from(*bias) + *difference / samples as f64) as f32;
            }
            start += 2 * at.rows() + at.alpha.len();
        }
        check_finite("corrected biases", &params)?;
        self.params = params;
        Ok(())
    }
}

/// Adds a multiple of values to sums.
fn add(sums: &mut [f64], values: &[f32], factor: f64) {
    for (sum, &value) in sums.iter_mut().zip(values) {
        *sum += factor * f64::from(value);
    }
}
