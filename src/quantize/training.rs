//! Training of networks with the roundings of their integers.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::shadow::QuantizedShadow;
use super::walk::Walk;
use super::{QuantizedMlp, Quantizer};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::mlp::{Mlp, Samples};
use crate::train::{History, Trainer, TrainingEvent};

impl Quantizer {
    /// Trains a network with the roundings of its integers, and returns these and the history.
    ///
    /// Weights of 4 bits or fewer cost accuracy, most of which such training recovers. With 8 bits
    /// it is hardly needed. Start from a trained network, and use a smaller learning rate.
    ///
    /// Inputs and targets should be scaled, as for any training. Fold a scaler of the inputs into
    /// the result ([`QuantizedMlp::fold_into_inputs`]), and not into `net`. To compare scores,
    /// keep a clone of the trained network, since `net` changes.
    ///
    /// `inputs` is row-major `[samples x inputs]`, `targets` is `[samples x outputs]`. The network
    /// ends with the parameters before rounding, which are the best epoch's or an average if the
    /// trainer says so. The integers are these parameters, rounded.
    ///
    /// ```
    /// use feedforward::activation::{Identity, Tanh};
    /// use feedforward::{Mlp, Trainer, loss::SquaredError, optimizer::AdamW, quantize::Quantizer};
    /// use feedforward::metrics::root_mean_squared_error;
    ///
    /// let x: Vec<f32> = (-100..=100).map(|i| i as f32 * 0.03).collect();
    /// let y: Vec<f32> = x.iter().map(|x| x.sin()).collect();
    /// let builder = Mlp::<f32>::builder(1).hidden(16, Tanh).hidden(16, Tanh);
    /// let mut net = builder.output(1, Identity).seed(1).build()?;
    /// let trainer = Trainer::new(SquaredError, AdamW::new(0.01)).batch_size(32);
    /// trainer.fit(&mut net, &x, &y)?;
    ///
    /// let quantizer = Quantizer::new().weight_bits(3);
    /// let without = quantizer.quantize(&net, &x)?.predict(&x)?;
    /// let (quantized, _) = quantizer.fit(&trainer, &mut net, &x, &y)?;
    /// let with = quantized.predict(&x)?;
    /// let error = |outputs: &[f32]| root_mean_squared_error(outputs, &y, 1);
    /// assert!(error(&with)? < 0.5 * error(&without)?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Method
    /// The loss and its gradient are those of a network with rounded inputs, weights and outputs of
    /// hidden layers. With the scale s and zero point 0, a weight is
    ///
    /// ```text
    /// ŵ = s · clamp(round(w / s), -m, m)      m = 2^(bits - 1) - 1
    /// ```
    ///
    /// The optimizer changes the weights w before rounding, as if dŵ/dw were 1. Activations too
    /// have their own derivatives, or 0 where a number is outside its range. This is the
    /// straight-through estimator. Outputs of the last layer are not rounded in training.
    ///
    /// Scales and ranges follow the quantizer's [`RangeRule`](super::RangeRule). They are chosen
    /// again after 0, 1, 2, 4, 7, 11, 17 … epochs. In the second part of the epochs they stay. The
    /// range of int8 or int16 outputs of the last layer is chosen after training. At most 2048
    /// rows, evenly spaced, determine the ranges of layers.
    ///
    /// Biases are learned, so they are not [corrected](Self::correct_biases). With
    /// [`Rounding::Single`](super::Rounding::Single) the integers predict almost exactly what was
    /// trained. [`Rounding::Double`](super::Rounding::Double) moves some by one.
    ///
    /// All settings of the trainer hold. Losses, validation and the L2 penalty are those of the
    /// rounded numbers. Results are bit-identical for any number of threads.
    ///
    /// # Sources
    /// - Jacob et al., 2018, [arXiv:1712.05877](https://arxiv.org/abs/1712.05877)
    /// - Bengio et al., "Estimating or propagating gradients through stochastic neurons", 2013,
    ///   [arXiv:1308.3432](https://arxiv.org/abs/1308.3432), for the straight-through estimator
    ///
    /// # Errors
    /// - The errors of [`Trainer::fit`] and [`quantize`](Self::quantize)
    /// - [`Error::Incompatible`] for a network with an encoding, and with
    ///   [`compensate_weights`](Self::compensate_weights)
    /// - [`Error::Incompatible`] with a checkpoint file, as such a run cannot be resumed
    #[doc(alias = "quantization_aware_training")]
    #[doc(alias = "QAT")]
    pub fn fit(
        &self,
        trainer: &Trainer<f32>,
        net: &mut Mlp<f32>,
        inputs: &[f32],
        targets: &[f32],
    ) -> Result<(QuantizedMlp, History)> {
        let never = |_: &TrainingEvent, _: &Mlp<f32>| ControlFlow::Continue(());
        self.fit_with(trainer, net, &Samples::new(inputs, targets), never)
    }

    /// Trains as [`fit`](Self::fit) does, on samples that may have weights, and calls a function
    /// after each update and each epoch.
    ///
    /// The function can end the run, as in [`Trainer::fit_with`]. The network that it sees has the
    /// parameters before rounding.
    ///
    /// # Errors
    /// The errors of [`fit`](Self::fit)
    pub fn fit_with(
        &self,
        trainer: &Trainer<f32>,
        net: &mut Mlp<f32>,
        samples: &Samples<'_, f32>,
        on_event: impl FnMut(&TrainingEvent, &Mlp<f32>) -> ControlFlow<()> + Send,
    ) -> Result<(QuantizedMlp, History)> {
        self.check()?;
        if self.compensates {
            let (what, expected) = ("compensation of weights in training", "none");
            return Err(Error::incompatible(
                what,
                expected,
                "compensate_weights(true)",
            ));
        }
        Walk::new(net)?;
        if let Some(encoding) = net.encoding() {
            let what = "encoding of a network to train with rounded numbers";
            let expected = "none, or a learned scale that Mlp::fold_scale removes before";
            return Err(Error::incompatible(what, expected, encoding.name()));
        }
        #[cfg(all(feature = "safetensors", feature = "std"))]
        trainer.check_no_checkpoints("a run with rounded numbers cannot be resumed")?;
        trainer.check_fit(net, samples)?;
        let checked = samples.check(net, trainer.loss())?;
        let rows = (0..checked.len()).flat_map(|sample| checked.input(sample));
        let calibration: Vec<f32> = rows.copied().collect();
        let mut shadow = QuantizedShadow::new(self, net, &calibration)?;
        drop(calibration);
        // Settings and sizes that integers exclude are errors before the first update.
        shadow.finish(net)?;

        let mut inputs = samples.inputs().to_vec();
        shadow.round_inputs(&mut inputs);
        let mut trainer = trainer.clone();
        if let Some(inputs) = trainer.validation_inputs_mut() {
            shadow.round_inputs(inputs);
        }
        let samples = samples.replace_inputs(&inputs);
        let history = trainer.fit_shadow(net, &samples, &mut shadow, on_event)?;
        Ok((shadow.finish(net)?, history))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::activation::{Identity, Tanh};
    use crate::loss::SquaredError;
    use crate::optimizer::AdamW;
    use crate::simd::{InstructionSet, on_every_set};

    #[test]
    fn threads_and_sets_change_no_bit() {
        let inputs: Vec<f32> = (0..3 * 300).map(|i| (i as f32 * 0.7).sin()).collect();
        let rows = inputs.chunks_exact(3);
        let targets: Vec<f32> = rows.map(|x| x[0] * x[1] - x[2]).collect();
        let fit = |threads| {
            let net = Mlp::builder(3).hidden(17, Tanh).output(1, Identity);
            let mut net = net.seed(1).build().unwrap();
            let trainer = Trainer::new(SquaredError, AdamW::new(3e-3)).threads(threads);
            let trainer = trainer.batch_size(150).dropout(0.1).epochs(8);
            let quantizer = Quantizer::new().weight_bits(4);
            let fitted = quantizer.fit(&trainer, &mut net, &inputs, &targets);
            let (quantized, history) = fitted.unwrap();
            let bits: Vec<u32> = net.params().iter().map(|x| x.to_bits()).collect();
            (bits, quantized.predict(&inputs).unwrap(), history)
        };
        let mut fused = None;
        on_every_set(|| {
            let result = fit(1);
            assert!(result == fit(2));
            if InstructionSet::active().is_fused() {
                assert!(result == *fused.get_or_insert_with(|| result.clone()));
            }
        });
    }
}
