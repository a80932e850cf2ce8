//! Layers that consist of a map, or that one makes of another.

use alloc::vec;
use alloc::vec::Vec;

use super::{Affine, Dense, at};
use crate::error::Result;
use crate::float::{Float, check_finite};
use crate::memory;

impl Affine {
    /// Returns the map that changes nothing.
    pub(crate) fn identity() -> Self {
        Self {
            factor: vec![1.0],
            offset: vec![0.0],
        }
    }

    /// Returns `true` if the map changes nothing.
    pub(crate) fn is_identity(&self) -> bool {
        self.factor.iter().all(|&f| f == 1.0) && self.offset.iter().all(|&o| o == 0.0)
    }
}

impl Dense {
    /// Returns a layer that computes an affine map of this many features.
    pub(crate) fn diagonal(map: &Affine, width: usize) -> Result<Self> {
        let mut weights = zeros(width, width)?;
        for (index, row) in weights.chunks_exact_mut(width).enumerate() {
            row[index] = at(&map.factor, index);
        }
        Ok(Self {
            weights,
            bias: (0..width).map(|index| at(&map.offset, index)).collect(),
            inputs: width,
        })
    }

    /// Keeps the outputs of these indices.
    #[cfg(feature = "onnx")]
    pub(crate) fn pick(&mut self, columns: &[usize]) {
        let row = |&index: &usize| &self.weights[index * self.inputs..][..self.inputs];
        let weights = columns.iter().flat_map(row).copied().collect();
        self.bias = columns.iter().map(|&index| self.bias[index]).collect();
        self.weights = weights;
    }

    /// Becomes a layer of `width` inputs, of which it takes those of these indices.
    pub(crate) fn spread(&mut self, columns: &[usize], width: usize) -> Result<()> {
        let mut weights = zeros(self.bias.len(), width)?;
        let rows = self.weights.chunks_exact(self.inputs);
        for (row, to) in rows.zip(weights.chunks_exact_mut(width)) {
            for (&w, &index) in row.iter().zip(columns) {
                to[index] = w;
            }
        }
        (self.weights, self.inputs) = (weights, width);
        Ok(())
    }

    /// Replaces two outputs by the second minus the first.
    pub(crate) fn difference(&mut self) {
        let (first, second) = self.weights.split_at(self.inputs);
        self.weights = second.iter().zip(first).map(|(b, a)| b - a).collect();
        self.bias = vec![self.bias[1] - self.bias[0]];
    }
}

fn zeros(outputs: usize, inputs: usize) -> Result<Vec<f64>> {
    let what = "weights of a layer for an affine map or picked features";
    memory::filled(what, 0.0, memory::product(what, &[outputs, inputs])?)
}

/// Rounds numbers to the network's type. `what` names them in the error.
pub(crate) fn rounded<T: Float>(what: &'static str, numbers: &[f64]) -> Result<Vec<T>> {
    let rounded: Vec<T> = numbers.iter().map(|&x| T::from_f64(x)).collect();
    check_finite(what, &rounded)?;
    Ok(rounded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_of_a_map_has_its_diagonal() {
        let map = Affine {
            factor: vec![2.0],
            offset: vec![3.0, 4.0],
        };
        let mut dense = Dense::diagonal(&map, 2).unwrap();
        assert_eq!(
            (&dense.weights[..], &dense.bias[..]),
            (&[2.0, 0.0, 0.0, 2.0][..], &[3.0, 4.0][..])
        );
        dense.difference();
        assert_eq!(
            (&dense.weights[..], &dense.bias[..]),
            (&[-2.0, 2.0][..], &[1.0][..])
        );
        assert!(Affine::identity().is_identity() && !map.is_identity());
        assert!(rounded::<f32>("numbers", &[1e300]).is_err());
    }
}
