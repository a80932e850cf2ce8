//! Output stages, in which a layer's sums become its outputs.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::equalize;
use super::limits::{is_homogeneous, limits};
use super::linear::Linear;
use super::owned::OwnedLayer;
use super::quantizer::{OutputForm, Quantizer};
use super::range::{Affine, Integers, RangeRule};
use super::statistics::Statistics;
use super::table;
use super::{QuantizedMlp, QuantizedMlpRef};
use crate::activation::Activation;
use crate::error::{Error, Result};

/// Output stage of a layer.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    /// int8 or int16 outputs between these limits, whose scales may have factors.
    Clamp(Affine, [f64; 2], Vec<f32>),
    /// A table from pre-activations to outputs, both int8 or int16.
    Table(Affine, Affine),
    /// int32 outputs between these limits.
    Wide([f64; 2]),
    /// int32 pre-activations, from which f32 outputs are computed.
    Float,
}

impl Quantizer {
    /// Chooses the output stage of a layer. `next` are the weights of the next layer, if there is
    /// one.
    pub(super) fn stage(
        &self,
        activation: &dyn Activation<f32>,
        statistics: &Statistics,
        next: Option<&[f32]>,
    ) -> Result<Stage> {
        // Integers of the outputs, but for those of int32.
        let integers = match self.outputs {
            _ if next.is_some() => Some(Integers::of_bits(self.activation_bits)),
            Some(OutputForm::Int8) => Some(Integers::INT8),
            Some(OutputForm::Int16) => Some(Integers::INT16),
            _ => None,
        };
        let covering = |integers| {
            let range = statistics.y.range((self.range, integers), 0.0, |x| x);
            Affine::covering(range, integers)
        };
        match (integers, limits(activation, statistics.z.ends())) {
            (Some(integers), Some(limits)) => {
                let y = covering(integers);
                let next = next.filter(|_| is_homogeneous(limits));
                let mut largest = statistics.largest.clone();
                if let RangeRule::Percentile(_) = self.range {
                    let ends = [integers.0, integers.1].map(|q| y.number(q).abs());
                    let most = ends[0].max(ends[1]);
                    for y in &mut largest {
                        *y = y.min(most);
                    }
                }
                let factors = equalize::factors(&largest, next.unwrap_or(&[]), y)?;
                Ok(Stage::Clamp(y, limits, factors))
            }
            (Some(integers), None) => {
                let f = |x: f64| f64::from(activation.value(x as f32));
                let y = covering(integers);
                let z = table::argument(&statistics.z, (self.range, integers), y, f);
                Ok(Stage::Table(z, y))
            }
            (None, Some(limits)) => Ok(Stage::Wide(limits)),
            (None, None) if self.outputs == Some(OutputForm::Int32) => {
                let expected = "the identity or one that limits its argument";
                let what = "activation of int32 outputs";
                Err(Error::incompatible(what, expected, activation.name()))
            }
            (None, None) => Ok(Stage::Float),
        }
    }
}

impl Linear {
    /// Completes a layer by its output stage.
    pub(super) fn complete(self, stage: &Stage, activation: &dyn Activation<f32>) -> OwnedLayer {
        match stage {
            Stage::Clamp(y, limits, factors) => self.clamped(*y, *limits, factors),
            Stage::Table(z, y) => {
                self.with_table(*z, *y, |x| f64::from(activation.value(x as f32)))
            }
            Stage::Wide(limits) => self.wide(*limits),
            Stage::Float => self.wide([f64::NEG_INFINITY, f64::INFINITY]),
        }
    }
}

impl QuantizedMlp {
    /// Returns a network that has an input stage alone.
    pub(super) fn without_layers(factors: Vec<f32>, offsets: Vec<f32>, bits: u32) -> Self {
        Self {
            encoder: None,
            factors,
            offsets,
            bits,
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
