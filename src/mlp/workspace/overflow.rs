//! Where numbers stopped being finite.

use super::super::chunk::Chunk;
use super::{GradientWorkspace, Mlp};
use crate::error::Error;
use crate::float::Float;

impl<T: Float> GradientWorkspace<T> {
    /// Finds where numbers stopped being finite: forward first, then backward.
    #[cold]
    pub(super) fn explain(&self, net: &Mlp<T>, chunks: &[Chunk<T>], loss: f64) -> Error {
        for layer in 0..net.depth() {
            let outputs = chunks
                .iter()
                .find_map(|chunk| not_finite(chunk.outputs_of(&self.packed, layer)));
            if let Some(value) = outputs {
                return overflow("output", layer, value);
            }
        }
        if loss.is_finite() {
            for (layer, at) in self.layout.layers().iter().enumerate().rev() {
                if let Some(value) = not_finite(&self.values[at.weights.start..at.bias.end]) {
                    return overflow("gradient", layer, value);
                }
            }
        }
        overflow("loss", net.depth() - 1, loss)
    }

    /// Finds where numbers stopped being finite: in an output, else on the way back to the layer
    /// that a derivative belongs to.
    #[cold]
    pub(super) fn explain_derivative(
        &self,
        net: &Mlp<T>,
        what: &'static str,
        layer: impl Fn(usize) -> usize,
    ) -> Error {
        let output = |layer: usize| {
            let probe = self.probe.as_ref()?;
            let value = not_finite(probe.outputs_of(&self.packed, layer))?;
            Some(overflow("output", layer, value))
        };
        (0..net.depth()).find_map(output).unwrap_or_else(|| {
            let index = self.derivatives.iter().position(|x| !x.is_finite());
            let index = index.unwrap_or(0);
            overflow(what, layer(index), self.derivatives[index].as_f64())
        })
    }
}

fn overflow(what: &'static str, layer: usize, value: f64) -> Error {
    Error::Overflow { what, layer, value }
}

/// The first value that is not finite.
pub(super) fn not_finite<T: Float>(values: &[T]) -> Option<f64> {
    values.iter().find(|x| !x.is_finite()).map(|x| x.as_f64())
}
