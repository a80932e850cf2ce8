//! The network in f32, layer by layer.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::activation::{Activation, Identity};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::layer::Layer;
use crate::memory;
use crate::mlp::{Mlp, Predictor};

/// Number of rows that are computed together.
const ROWS: usize = 256;

/// A layer without and with its activation.
struct Step {
    linear: Predictor<f32>,
    activation: Arc<dyn Activation<f32>>,
    /// Pre-activations and outputs of a block of rows.
    z: Vec<f32>,
    y: Vec<f32>,
}

/// Returns the inputs of a network's first layer.
pub(super) fn encoded<'a>(net: &Mlp<f32>, inputs: &'a [f32]) -> Result<Cow<'a, [f32]>> {
    match net.encoding() {
        None => Ok(Cow::Borrowed(inputs)),
        Some(encoding) => Ok(Cow::Owned(encoding.encode(net.encoding_params(), inputs)?)),
    }
}

/// Computes pre-activations and outputs of all layers.
pub(super) struct Walk {
    steps: Vec<Step>,
}

impl Walk {
    /// # Errors
    /// [`Error::Incompatible`] for a network with activations of several pieces or with numbers α
    pub(super) fn new(net: &Mlp<f32>) -> Result<Self> {
        let steps = net.layers().map(|layer| {
            let activation = layer.shared_activation();
            if activation.pieces() != 1 || activation.is_parametric() {
                let (what, expected) = ("activation to quantize", "a function of one number");
                return Err(Error::incompatible(what, expected, activation.name()));
            }
            let linear = Layer::new(layer.weights(), layer.bias(), Identity)?;
            Ok(Step {
                linear: Predictor::new(Mlp::from_layers(&[linear])?)?,
                activation,
                z: Vec::new(),
                y: Vec::new(),
            })
        });
        Ok(Self {
            steps: steps.collect::<Result<_>>()?,
        })
    }

    /// Returns the pre-activations of one layer for all rows.
    pub(super) fn pre_activations(&mut self, layer: usize, inputs: &[f32]) -> Result<Vec<f32>> {
        let mut all = Vec::new();
        self.for_each_block(inputs, |index, z, _| {
            if index == layer {
                memory::reserve("pre-activations", &mut all, z.len())?;
                all.extend_from_slice(z);
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Visits pre-activations and outputs of each layer for blocks of rows of encoded inputs, in
    /// order. The numbers come with the index of the layer, and are finite.
    pub(super) fn for_each_block(
        &mut self,
        inputs: &[f32],
        mut visit: impl FnMut(usize, &[f32], &[f32]) -> Result<()>,
    ) -> Result<()> {
        let width = self.steps[0].linear.network().inputs();
        for rows in inputs.chunks(ROWS * width) {
            let count = rows.len() / width;
            for index in 0..self.steps.len() {
                let (before, rest) = self.steps.split_at_mut(index);
                let step = &mut rest[0];
                let x = before.last().map_or(rows, |step| &step.y);
                let len = count * step.linear.network().outputs();
                memory::resize("outputs of a layer", &mut step.z, 0.0, len)?;
                memory::resize("outputs of a layer", &mut step.y, 0.0, len)?;
                let predicted = step.linear.predict_into(x, &mut step.z);
                // Each layer is a network of its own.
                predicted.map_err(|error| match error {
                    Error::Overflow { what, value, .. } => Error::Overflow {
                        what,
                        layer: index,
                        value,
                    },
                    other => other,
                })?;
                step.activation.apply(&step.z, &mut step.y);
                if let Some(y) = step.y.iter().find(|y| !y.is_finite()) {
                    return Err(Error::Overflow {
                        what: "output",
                        layer: index,
                        value: (*y).into(),
                    });
                }
                visit(index, &step.z, &step.y)?;
            }
        }
        Ok(())
    }
}
