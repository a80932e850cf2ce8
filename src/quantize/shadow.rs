//! A network with the numbers of its quantized form, whose gradient trains the network.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::incoming::Source;
use super::range::Integers;
use super::rounded::rounded;
use super::stage::Stage;
use super::statistics::Statistics;
use super::walk::Walk;
use super::{QuantizedMlp, QuantizedMlpRef, Quantizer};
use crate::error::Result;
use crate::layer::Layer;
use crate::mlp::Mlp;
use crate::train::Shadow;

/// Maximum number of rows that ranges are measured on.
const MOST_ROWS: usize = 2048;

/// Scales of all weights and ranges of all layers.
#[derive(Debug)]
struct Calibration {
    /// Meaning of each layer's inputs.
    sources: Vec<Source>,
    /// Scales of the rows of each layer.
    scales: Vec<Vec<f64>>,
    stages: Vec<Stage>,
}

/// A network with rounded weights and activations, in f32.
pub(super) struct QuantizedShadow<'a> {
    quantizer: &'a Quantizer,
    factors: Vec<f32>,
    offsets: Vec<f32>,
    /// Rounded inputs to measure ranges on.
    inputs: Vec<f32>,
    /// The network with rounded weights only.
    unrounded: Mlp<f32>,
    net: Mlp<f32>,
    calibration: Arc<Calibration>,
    /// Calibration of the best epoch so far.
    best: Option<Arc<Calibration>>,
    /// Number of epochs before the next calibration.
    next: usize,
}

impl<'a> QuantizedShadow<'a> {
    /// Calibrates as a quantizer does. `inputs` are row-major `[samples x inputs]`.
    pub(super) fn new(quantizer: &'a Quantizer, net: &Mlp<f32>, inputs: &[f32]) -> Result<Self> {
        let width = net.inputs();
        let (factors, offsets) = quantizer.input_stage(inputs, width)?;
        let step = (inputs.len() / width).div_ceil(MOST_ROWS);
        let rows = inputs.chunks_exact(width).step_by(step);
        let mut shadow = Self {
            quantizer,
            factors,
            offsets,
            inputs: rows.flatten().copied().collect(),
            unrounded: net.clone(),
            net: net.clone(),
            calibration: Arc::new(Calibration {
                sources: Vec::new(),
                scales: Vec::new(),
                stages: Vec::new(),
            }),
            best: None,
            next: 0,
        };
        let mut inputs = core::mem::take(&mut shadow.inputs);
        shadow.round_inputs(&mut inputs);
        shadow.inputs = inputs;
        shadow.calibrate(net)?;
        Ok(shadow)
    }

    /// Returns the input stage alone.
    fn without_layers(&self) -> QuantizedMlp {
        let (factors, offsets) = (self.factors.clone(), self.offsets.clone());
        QuantizedMlp::without_layers(factors, offsets, self.quantizer.activation_bits)
    }

    /// Replaces the inputs of samples by the numbers of their integers.
    pub(super) fn round_inputs(&self, inputs: &mut [f32]) {
        let stage = self.without_layers();
        let view = QuantizedMlpRef::from(&stage);
        let mut integers = alloc::vec![0; self.factors.len()];
        for row in inputs.chunks_exact_mut(self.factors.len()) {
            for (to, q) in integers.iter_mut().zip(view.inputs.quantized(row)) {
                *to = q;
            }
            let stage = self.factors.iter().zip(&self.offsets);
            for ((x, &q), (&factor, &offset)) in row.iter_mut().zip(&integers).zip(stage) {
                *x = ((f64::from(q) - f64::from(offset)) / f64::from(factor)) as f32;
            }
        }
    }

    /// Chooses the scales of a network's weights, and ranges for the last rounded weights.
    fn calibrate(&mut self, net: &Mlp<f32>) -> Result<()> {
        self.unrounded.set_params(self.net.params())?;
        let mut walk = Walk::new(&self.unrounded)?;
        let statistics = Statistics::new(&self.unrounded, &mut walk, &self.inputs)?;
        let last = net.depth() - 1;
        let integers = Integers::of_bits(self.quantizer.activation_bits);
        let source = Source::of_inputs(&self.factors, &self.offsets, integers);
        let mut sources = Vec::from([source]);
        let (mut scales, mut stages) = (Vec::new(), Vec::new());
        for (index, layer) in net.layers().enumerate() {
            let activation = layer.shared_activation();
            let (source, is_last) = (&sources[index], index == last);
            let of_rows = self
                .quantizer
                .row_scales(layer.weights(), layer.bias(), source)?;
            scales.push(of_rows);
            // Scales that depend on the next layer's weights would change with them.
            let next = (!is_last).then_some(&[][..]);
            let stage = self
                .quantizer
                .stage(&*activation, &statistics[index], next)?;
            let outputs = layer.outputs();
            match &stage {
                Stage::Clamp(y, _, factors) => sources.push(Source::of(*y, factors, outputs)),
                Stage::Table(_, y) => sources.push(Source::of(*y, &[], outputs)),
                Stage::Wide(_) | Stage::Float => {}
            }
            stages.push(stage);
        }
        self.calibration = Arc::new(Calibration {
            sources,
            scales,
            stages,
        });
        self.net = rounded_net(net, &self.calibration)?;
        self.follow(net).map(drop)
    }

    /// Returns the output stage of a last layer of int8 or int16. Training did not see its range.
    fn last_stage(&self, net: &Mlp<f32>, calibration: &Calibration) -> Result<Stage> {
        let mut rounded = rounded_net(net, calibration)?;
        round(self.quantizer, net, calibration, &mut rounded)?;
        let mut walk = Walk::new(&rounded)?;
        let statistics = Statistics::new(&rounded, &mut walk, &self.inputs)?;
        let last = net.depth() - 1;
        let activation = net.layer(last)?.shared_activation();
        self.quantizer.stage(&*activation, &statistics[last], None)
    }

    /// Returns the network in integers. `net` has the parameters of the best epoch, if there is
    /// one.
    pub(super) fn finish(&self, net: &Mlp<f32>) -> Result<QuantizedMlp> {
        let calibration = self.best.as_ref().unwrap_or(&self.calibration);
        let mut quantized = self.without_layers();
        for (index, layer) in net.layers().enumerate() {
            let (source, scales) = (&calibration.sources[index], &calibration.scales[index]);
            let (weights, biases) = (layer.weights(), layer.bias());
            let linear = (self.quantizer).linear_with(weights, biases, source, scales.clone())?;
            let is_last = index == net.depth() - 1;
            let mut stage = calibration.stages[index].clone();
            if is_last && matches!(stage, Stage::Clamp(..) | Stage::Table(..)) {
                stage = self.last_stage(net, calibration)?;
            }
            let activation = layer.shared_activation();
            let layer = linear.complete(&stage, &*activation);
            if is_last {
                quantized.set_outputs(&layer, &stage, &activation);
            }
            quantized.layers.push(layer);
        }
        quantized.checked()
    }
}

/// Returns a network with rounded activations.
fn rounded_net(net: &Mlp<f32>, calibration: &Calibration) -> Result<Mlp<f32>> {
    let last = net.depth() - 1;
    let layers = net.layers().zip(&calibration.stages).enumerate();
    let layers = layers.map(|(index, (layer, stage))| {
        let activation = rounded(layer.shared_activation(), stage, index == last);
        Layer::new(layer.weights(), layer.bias(), activation)
    });
    Mlp::from_layers(&layers.collect::<Result<Vec<_>>>()?)
}

/// Sets the weights and biases of a network to those of `net`, rounded.
fn round(
    quantizer: &Quantizer,
    net: &Mlp<f32>,
    calibration: &Calibration,
    to: &mut Mlp<f32>,
) -> Result<()> {
    for (index, layer) in net.layers().enumerate() {
        let (source, scales) = (&calibration.sources[index], &calibration.scales[index]);
        let (weights, biases) = (layer.weights(), layer.bias());
        let linear = quantizer.linear_with(weights, biases, source, scales.clone())?;
        let at = to.layout().layers()[index].clone();
        let (to_weights, to_biases) =
            to.params_mut()[at.weights.start..at.bias.end].split_at_mut(weights.len());
        linear.write(source, biases, (to_weights, to_biases));
    }
    Ok(())
}

impl Shadow<f32> for QuantizedShadow<'_> {
    fn begin_epoch(&mut self, net: &Mlp<f32>, done: usize, all: usize) -> Result<()> {
        // Ranges change most in the first epochs. In the last ones they must hold still.
        if done >= self.next && 2 * done < all {
            self.next = done + 1 + done / 2;
            self.follow(net)?;
            self.calibrate(net)?;
        }
        Ok(())
    }

    fn follow(&mut self, net: &Mlp<f32>) -> Result<&Mlp<f32>> {
        round(self.quantizer, net, &self.calibration, &mut self.net)?;
        Ok(&self.net)
    }

    fn network(&self) -> &Mlp<f32> {
        &self.net
    }

    fn keep(&mut self) {
        self.best = Some(Arc::clone(&self.calibration));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ops::ControlFlow;

    use crate::activation::{self, Identity, Tanh};
    use crate::loss::SquaredError;
    use crate::mlp::Samples;
    use crate::optimizer::AdamW;
    use crate::quantize::{OutputForm, RangeRule, Rounding};
    use crate::train::{Trainer, TrainingEvent};

    /// Returns the fraction of outputs that the trained shadow and the integers have in common, and
    /// their largest difference relative to the largest output.
    fn agreement(quantizer: &Quantizer, name: &str) -> [f32; 2] {
        let inputs: Vec<f32> = (0..5 * 400).map(|i| (i as f32 * 0.7).sin() * 3.0).collect();
        let rows = inputs.chunks_exact(5);
        let targets: Vec<f32> = rows.map(|x| x[0] * x[1] - x[2]).collect();
        let f = || activation::parse::<f32>(name).unwrap();
        let builder = Mlp::builder(5).hidden(24, f()).hidden(12, f());
        let mut net = builder.output(1, Identity).seed(2).build().unwrap();
        let mut shadow = QuantizedShadow::new(quantizer, &net, &inputs).unwrap();
        let trainer = Trainer::new(SquaredError, AdamW::new(1e-2)).epochs(6);
        let mut rounded = inputs.clone();
        shadow.round_inputs(&mut rounded);
        let samples = Samples::new(&rounded, &targets);
        let go = |_: &TrainingEvent, _: &Mlp<f32>| ControlFlow::Continue(());
        trainer
            .fit_shadow(&mut net, &samples, &mut shadow, go)
            .unwrap();

        let got = shadow.finish(&net).unwrap().predict(&inputs).unwrap();
        let expected = shadow.follow(&net).unwrap().predict(&rounded).unwrap();
        let largest = expected.iter().fold(0.0, |most: f32, y| most.max(y.abs()));
        let errors = expected
            .iter()
            .zip(&got)
            .map(|(a, b)| (a - b).abs() / largest);
        let equal = errors.clone().filter(|error| *error < 1e-5).count();
        [
            equal as f32 / expected.len() as f32,
            errors.fold(0.0, f32::max),
        ]
    }

    /// A sum near the middle of two integers may become either. With double rounding that is
    /// frequent, and only the outputs' size of error is bounded.
    #[test]
    fn integers_are_those_of_the_shadow() {
        let rules = [
            RangeRule::MinMax,
            RangeRule::Percentile(0.999),
            RangeRule::default(),
        ];
        for bits in [8, 4, 3, 2] {
            for name in ["relu", "relu6", "tanh", "gelu", "leaky_relu(0.1)"] {
                let quantizer = Quantizer::new().weight_bits(bits);
                let quantizer = quantizer.range(rules[bits as usize % 3]);
                let [equal, _] = agreement(&quantizer.rounding(Rounding::Single), name);
                assert!(equal > 0.99, "{bits} {name}: {equal}");
                let [_, error] = agreement(&quantizer, name);
                assert!(error < 0.04, "{bits} {name}: {error}");
            }
        }
    }

    #[test]
    fn rounded_inputs_are_those_of_the_integers() {
        let net = Mlp::<f32>::builder(3).hidden(4, Tanh).output(2, Tanh);
        let net = net.seed(1).build().unwrap();
        let inputs: Vec<f32> = (0..300).map(|i| (i as f32 * 0.3).cos()).collect();
        let quantizer = Quantizer::new().outputs(OutputForm::Float);
        let shadow = QuantizedShadow::new(&quantizer, &net, &inputs).unwrap();
        let mut rounded = inputs.clone();
        shadow.round_inputs(&mut rounded);
        let far = rounded
            .iter()
            .zip(&inputs)
            .filter(|(a, b)| (*a - *b).abs() > 0.5 * 2.0 / 254.0);
        assert_eq!(far.count(), 0);
        let again = rounded.clone();
        shadow.round_inputs(&mut rounded);
        assert_eq!(rounded, again);
    }
}
