//! Networks of a recipe before training.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use rand::{RngExt, SeedableRng};

use super::columns::Columns;
use super::settings::{Preset, Recipe};
use super::standard::moments;
use super::target::Target;
use crate::activation::{Activation, Identity, Mish, Parametric, Selu};
use crate::encoding::{self, Encoding, Scaled};
use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::math;
use crate::mlp::Mlp;
use crate::random::{self, Rng};

/// Maximum number of outputs of an encoding with learned vectors or waves that has a scale.
const MOST_SCALED: usize = 4096;

/// Builds a network with the initial parameters of the recipe, which may depend on the inputs of
/// the training rows.
pub(super) fn network(
    recipe: &Recipe,
    columns: &Columns,
    target: &Target,
    (inputs, seed): (&[f32], u64),
) -> Result<Mlp<f32>> {
    let activation: Arc<dyn Activation<f32>> = match &recipe.activation {
        Some(activation) => activation.clone(),
        None => default_activation(recipe.preset, target.task.is_classification()),
    };
    let encoding = columns.encoding()?;
    let inner: Arc<dyn Encoding<f32>> = match &encoding {
        Some(encoding) => encoding.clone(),
        None => Arc::new(encoding::Identity::new(columns.inputs())?),
    };
    let builder = Mlp::builder(columns.inputs());
    let builder = if encoding.is_none() || inner.outputs() <= MOST_SCALED {
        builder.encoding(Scaled::new(inner)?)
    } else {
        builder.encoding(inner)
    };
    let builder = (recipe.hidden.iter()).fold(builder, |builder, &neurons| {
        builder.hidden(neurons, activation.clone())
    });
    let mut net = builder
        .output(target.outputs(), Identity)
        .seed(seed)
        .build()?;
    let mut rng = Rng::seed_from_u64(seed);
    match recipe.preset {
        Preset::Tuned | Preset::Simple => start_normal(&mut net, columns.varying(), &mut rng)?,
        Preset::Full => start_from_data(&mut net, inputs, &mut rng)?,
    }
    Ok(net)
}

/// Returns RealMLP's activation of the hidden layers.
fn default_activation(preset: Preset, is_classification: bool) -> Arc<dyn Activation<f32>> {
    match (preset, is_classification) {
        (Preset::Full, true) => Arc::new(Parametric(Selu)),
        (Preset::Full, false) => Arc::new(Parametric(Mish)),
        (_, true) => Arc::new(Selu),
        (_, false) => Arc::new(Mish),
    }
}

/// Starts as RealMLP-TD-S does: hidden weights and biases are normal, and the last layer is 0.
/// Inputs that do not vary do not count as inputs of the first layer.
fn start_normal(net: &mut Mlp<f32>, varying: usize, rng: &mut Rng) -> Result<()> {
    let layers = net.layout().layers().to_vec();
    let (last, hidden) = layers.split_last().ok_or(Error::Empty { what: "layers" })?;
    for (index, at) in hidden.iter().enumerate() {
        let fan_in = if index == 0 {
            varying.max(1)
        } else {
            at.inputs
        };
        let deviation = 1.0 / math::sqrt(fan_in as f64);
        let params = net.params_mut();
        params[at.weights.clone()].fill_with(|| (deviation * random::normal(rng)) as f32);
        params[at.bias.clone()].fill_with(|| random::normal(rng) as f32);
    }
    net.params_mut()[last.weights.start..last.bias.end].fill(0.0);
    Ok(())
}

/// Maximum number of rows from which a network starts. They determine a standard deviation to about
/// one percent.
const MOST_ROWS: usize = 4096;

/// Standard deviation of pre-activations below which weights scaled by it could overflow.
const LEAST_DEVIATION: f64 = 1e-30;

/// Number of rows whose mixture places a bias.
const MIXED_ROWS: usize = 5;

/// Starts as RealMLP-TD does, layer by layer. Weights are scaled until W·x has a standard deviation
/// of 1. Each bias is -W·x at a random mixture of five rows, so each neuron bends within the data.
fn start_from_data(net: &mut Mlp<f32>, inputs: &[f32], rng: &mut Rng) -> Result<()> {
    let width = net.inputs();
    let rows = inputs.len() / width;
    let mut values: Vec<f32> = if rows <= MOST_ROWS {
        inputs.to_vec()
    } else {
        let rows = (0..MOST_ROWS).map(|_| rng.random_range(0..rows));
        rows.flat_map(|row| &inputs[row * width..][..width])
            .copied()
            .collect()
    };
    let at = net.layout().encoding();
    let params = net.params()[at].to_vec();
    let mut encoding = net.encoding().map(|encoding| (encoding.clone(), params));
    for index in 0..net.depth() {
        let before = encoding.take();
        let mut layer = net.layer_mut(index)?;
        let (neurons, inputs) = (layer.bias().len(), layer.inputs());
        layer.weights_mut().fill_with(|| random::normal(rng) as f32);
        let linear = Layer::new(layer.weights(), vec![0.0; neurons], Identity)?;
        let z = joined(linear, before.as_ref())?.predict(&values)?;
        let mut scales = Vec::new();
        for (neuron, weights) in layer.weights_mut().chunks_mut(inputs).enumerate() {
            let z = z.iter().skip(neuron).step_by(neurons);
            let (_, deviation) = moments(z.map(|&z| f64::from(z)));
            // A neuron whose inputs are nearly constant stays as it is.
            let deviation = deviation.filter(|&deviation| deviation > LEAST_DEVIATION);
            let scale = deviation.map_or(1.0, |deviation| 1.0 / deviation);
            for w in weights {
                *w = (f64::from(*w) * scale) as f32;
            }
            scales.push(scale);
        }
        for (neuron, (bias, scale)) in layer.bias_mut().iter_mut().zip(scales).enumerate() {
            // Divided by their sum, they are a uniform point of the simplex.
            let shares = [(); MIXED_ROWS].map(|()| -math::ln(1.0 - rng.random::<f64>()));
            let mixed = shares.map(|share| {
                let row = rng.random_range(0..z.len() / neurons);
                share * f64::from(z[row * neurons + neuron])
            });
            let (mixed, total): (f64, f64) = (mixed.iter().sum(), shares.iter().sum());
            *bias = (-scale * mixed / total) as f32;
        }
        let layer = Layer::new(layer.weights(), layer.bias(), layer.shared_activation())?;
        values = joined(layer, before.as_ref())?.predict(&values)?;
    }
    Ok(())
}

/// An encoding and its parameters.
type Front = (Arc<dyn Encoding<f32>>, Vec<f32>);

/// Returns a network of one layer, behind an encoding with its parameters if there is one.
fn joined(layer: Layer<f32>, encoding: Option<&Front>) -> Result<Mlp<f32>> {
    let net = Mlp::from_layers(&[layer])?;
    match encoding {
        Some((encoding, params)) => net.with_encoding(encoding.clone(), params),
        None => Ok(net),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Tanh;

    #[test]
    fn neurons_of_a_start_from_data_vary_by_one_and_bend_within_the_data() {
        let mut rng = Rng::seed_from_u64(3);
        // Inputs of different sizes, and one that is constant.
        let row = |i: usize| [1e-3 * random::normal(&mut rng) as f32, i as f32, 7.0];
        let inputs: Vec<f32> = (0..300).flat_map(row).collect();
        let builder =
            Mlp::builder(3).encoding(Scaled::new(encoding::Identity::new(3).unwrap()).unwrap());
        let mut net = builder
            .hidden(6, Tanh)
            .hidden(4, Tanh)
            .output(2, Identity)
            .build()
            .unwrap();
        start_from_data(&mut net, &inputs, &mut rng).unwrap();

        let mut values = inputs;
        for layer in net.layers() {
            let linear = Layer::new(layer.weights(), layer.bias(), Identity).unwrap();
            let neurons = layer.outputs();
            let z = Mlp::from_layers(&[linear])
                .unwrap()
                .predict(&values)
                .unwrap();
            for neuron in 0..neurons {
                let z = z
                    .iter()
                    .skip(neuron)
                    .step_by(neurons)
                    .map(|&z| f64::from(z));
                assert!((moments(z.clone()).1.unwrap() - 1.0).abs() < 1e-3);
                let (least, most) = z.fold((f64::MAX, f64::MIN), |(least, most), z| {
                    (least.min(z), most.max(z))
                });
                assert!(least < 0.0 && 0.0 < most, "{least} to {most}");
            }
            let layer =
                Layer::new(layer.weights(), layer.bias(), layer.shared_activation()).unwrap();
            values = Mlp::from_layers(&[layer])
                .unwrap()
                .predict(&values)
                .unwrap();
        }
    }

    #[test]
    fn a_start_from_constant_or_tiny_inputs_is_finite() {
        for inputs in [[5.0; 20], core::array::from_fn(|i| 1e-40 * i as f32)] {
            let builder = Mlp::builder(1).hidden(3, Tanh).output(1, Identity);
            let mut net = builder.build().unwrap();
            start_from_data(&mut net, &inputs, &mut Rng::seed_from_u64(0)).unwrap();
            assert!(net.params().iter().all(|p| p.is_finite()));
        }
    }
}
