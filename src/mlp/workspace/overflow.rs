//! Search for the first number that is not finite.

use core::slice;

use super::super::chunk::Chunk;
use super::GradientWorkspace;
use crate::error::Error;
use crate::float::Float;

impl<T: Float> GradientWorkspace<T> {
    /// Returns an error that names the first layer with a number that is not finite. It searches
    /// the encoded inputs, the outputs forward, then the gradient backward.
    #[cold]
    pub(super) fn explain(&self, chunks: &[Chunk<T>], loss: f64) -> Error {
        if let Some(error) = self.explain_output(chunks) {
            return error;
        }
        if loss.is_finite() {
            if let Some(value) = not_finite(&self.values[self.layout.encoding()]) {
                return overflow("gradient of the encoding", 0, value);
            }
            for (layer, at) in self.layout.layers().iter().enumerate().rev() {
                if let Some(value) = not_finite(&self.values[at.params()]) {
                    return overflow("gradient", layer, value);
                }
            }
        }
        overflow("loss", self.packed.layers.len() - 1, loss)
    }

    /// Returns an error that names the first layer with an output that is not finite. If all
    /// outputs are finite, it names the layer of the first derivative that is not.
    #[cold]
    pub(super) fn explain_derivative(
        &self,
        what: &'static str,
        layer: impl Fn(usize) -> usize,
    ) -> Error {
        let output = self.explain_output(slice::from_ref(&self.probes[0].chunk));
        output.unwrap_or_else(|| {
            let index = self.derivatives.iter().position(|x| !x.is_finite());
            let index = index.unwrap_or(0);
            overflow(what, layer(index), self.derivatives[index].as_f64())
        })
    }

    /// Returns an error for the encoding, or for the first layer, whose output is not finite.
    fn explain_output(&self, chunks: &[Chunk<T>]) -> Option<Error> {
        let find = |chunk: &Chunk<T>| not_finite(chunk.inputs(&self.packed));
        if let Some(value) = chunks.iter().find_map(find) {
            return Some(overflow("encoded input", 0, value));
        }
        (0..self.packed.layers.len()).find_map(|layer| {
            let find = |chunk: &Chunk<T>| not_finite(chunk.outputs_of(&self.packed, layer));
            let value = chunks.iter().find_map(find)?;
            Some(overflow("output", layer, value))
        })
    }
}

fn overflow(what: &'static str, layer: usize, value: f64) -> Error {
    Error::Overflow { what, layer, value }
}

/// Returns the first value that is not finite.
pub(super) fn not_finite<T: Float>(values: &[T]) -> Option<f64> {
    values.iter().find(|x| !x.is_finite()).map(|x| x.as_f64())
}
