//! Layers that consist of a map, or that one makes of another.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::{Affine, Dense, at};
use crate::error::{Error, Result};
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
    ///
    /// Its weights are mostly zeros, and a small file could claim any number of them.
    pub(crate) fn diagonal(map: &Affine, width: usize) -> Result<Self> {
        const MOST: usize = 4096;
        if width > MOST {
            let what = "a layer of its own for an activation behind another";
            let expected = format!("at most {MOST} features");
            return Err(Error::too_large(what, expected, width));
        }
        let len = memory::product("weights of an affine layer", &[width, width])?;
        let mut weights = memory::filled("weights of an affine layer", 0.0, len)?;
        for (index, row) in weights.chunks_exact_mut(width).enumerate() {
            row[index] = at(&map.factor, index);
        }
        Ok(Self {
            weights,
            bias: (0..width).map(|index| at(&map.offset, index)).collect(),
            inputs: width,
        })
    }

    /// Replaces two outputs by the second minus the first.
    pub(crate) fn difference(&mut self) {
        let (first, second) = self.weights.split_at(self.inputs);
        self.weights = second.iter().zip(first).map(|(b, a)| b - a).collect();
        self.bias = vec![self.bias[1] - self.bias[0]];
    }
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
        assert!(Dense::diagonal(&map, 100_000).is_err());
        assert!(Affine::identity().is_identity() && !map.is_identity());
        assert!(rounded::<f32>("numbers", &[1e300]).is_err());
    }
}
