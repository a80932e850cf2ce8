//! Output stages, in which a layer's sums become its outputs.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::linear::Linear;
use super::owned::OwnedLayer;
use super::quantizer::{OutputForm, Quantizer};
use super::range::Affine;
use super::statistics::Statistics;
use super::{QuantizedMlp, QuantizedMlpRef};
use crate::activation::Activation;
use crate::error::{Error, Result};

/// Output stage of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// int8 outputs between these limits.
    Clamp(Affine, [f64; 2]),
    /// A table from int8 pre-activations to int8 outputs.
    Table(Affine, Affine),
    /// int32 outputs between these limits.
    Wide([f64; 2]),
    /// int32 pre-activations, from which f32 outputs are computed.
    Float,
}

/// A number whose function values tell whether an activation limits its argument.
const FAR: f32 = 1e30;

impl Quantizer {
    /// Chooses the output stage of a layer.
    pub(super) fn stage(
        &self,
        activation: &dyn Activation<f32>,
        statistics: &Statistics,
        is_last: bool,
    ) -> Result<Stage> {
        let form = if is_last {
            self.outputs
        } else {
            Some(OutputForm::Int8)
        };
        let y = || Affine::covering(statistics.y.range(self.range, 0.0, |x| x));
        match (form, limits(activation, statistics.z.ends())) {
            (Some(OutputForm::Int8), Some(limits)) => Ok(Stage::Clamp(y(), limits)),
            (Some(OutputForm::Int8), None) => {
                let f = |x: f64| f64::from(activation.value(x as f32));
                let z = Affine::covering(statistics.z.range(self.range, 0.0, f));
                Ok(Stage::Table(z, y()))
            }
            (_, Some(limits)) => Ok(Stage::Wide(limits)),
            (None | Some(OutputForm::Float), None) => Ok(Stage::Float),
            (Some(OutputForm::Int32), None) => {
                let expected = "the identity or one that limits its argument";
                let what = "activation of int32 outputs";
                Err(Error::incompatible(what, expected, activation.name()))
            }
        }
    }
}

impl Linear {
    /// Completes a layer by its output stage.
    pub(super) fn complete(self, stage: &Stage, activation: &dyn Activation<f32>) -> OwnedLayer {
        match *stage {
            Stage::Clamp(y, limits) => self.clamped(y, limits),
            Stage::Table(z, y) => self.with_table(z, y, |x| f64::from(activation.value(x as f32))),
            Stage::Wide(limits) => self.wide(limits),
            Stage::Float => self.wide([f64::NEG_INFINITY, f64::INFINITY]),
        }
    }
}

impl QuantizedMlp {
    /// Returns a network that has an input stage alone.
    pub(super) fn without_layers(factors: Vec<f32>, offsets: Vec<f32>) -> Self {
        Self {
            encoder: None,
            factors,
            offsets,
            layers: Vec::new(),
            scale: 1.0,
            zero_point: 0,
            activation: None,
        }
    }

    /// Takes the meaning of the outputs from the last layer.
    pub(super) fn set_outputs(
        &mut self,
        last: &OwnedLayer,
        stage: &Stage,
        activation: &Arc<dyn Activation<f32>>,
    ) {
        self.scale = last.outputs.scale as f32;
        self.zero_point = last.outputs.zero_point;
        if let Stage::Float = stage {
            self.activation = Some(Arc::clone(activation));
        }
    }

    /// Checks the complete network.
    pub(super) fn checked(self) -> Result<Self> {
        let view = QuantizedMlpRef::from(&self);
        QuantizedMlpRef::checked(view.inputs, view.layers, view.outputs)?;
        Ok(self)
    }
}

/// Returns `[low, high]` if f(z) = z.clamp(low, high) in and around this range.
fn limits(f: &dyn Activation<f32>, [low, high]: [f64; 2]) -> Option<[f64; 2]> {
    let limits = [f.value(-FAR), f.value(FAR)];
    let reach = (high - low).max(high.abs()).max(low.abs()).max(1.0) as f32;
    let is_limit = (-1000..=1000).all(|step| {
        let z = reach * step as f32 / 1000.0;
        let y = f.value(z);
        y == z.max(limits[0]).min(limits[1])
    });
    is_limit.then_some(limits.map(f64::from))
}
