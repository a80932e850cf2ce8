//! Random orthogonal matrices.

use alloc::vec;

use super::{Initializer, LayerInfo, Rng, normal};
use crate::error::{Result, check_range};
use crate::math;

/// Weights with orthonormal rows times a gain, and biases 0.
///
/// If the layer has more outputs than inputs, columns are orthonormal instead of rows. Each of
/// several [pieces](crate::Activation::pieces) has its own matrix, so that lengths do not depend
/// on the number of pieces.
///
/// Matrices are uniformly distributed (Haar measure): normal numbers are made orthonormal by the
/// Gram-Schmidt process. The result is the Q of a QR decomposition whose R has a positive diagonal.
/// Orthogonal matrices keep the lengths of vectors from layer to layer.
///
/// Saxe, McClelland and Ganguli, 2013, [arXiv:1312.6120](https://arxiv.org/abs/1312.6120).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Orthogonal {
    /// Factor by which lengths grow; √2 suits ReLU. Range: above 0. Default: 1.
    pub gain: f64,
}

impl Default for Orthogonal {
    fn default() -> Self {
        Self { gain: 1.0 }
    }
}

impl Initializer for Orthogonal {
    fn initialize(&self, layer: &LayerInfo<'_>, rng: &mut Rng, weights: &mut [f64], _: &mut [f64]) {
        let (rows, columns, pieces) = (layer.outputs, layer.inputs, layer.pieces.max(1));
        let mut matrix = vec![0.0; weights.len() / pieces];
        for piece in 0..pieces {
            // The orthonormal vectors are the rows if rows <= columns, else the columns.
            let (count, length) = (rows.min(columns), rows.max(columns));
            orthonormalize(rng, &mut matrix, count, length);
            let neurons = weights.chunks_exact_mut(columns.max(1));
            for (row, to) in neurons.skip(piece).step_by(pieces).enumerate() {
                for (column, w) in to.iter_mut().enumerate() {
                    let at = if rows <= columns {
                        row.saturating_mul(columns).saturating_add(column)
                    } else {
                        column.saturating_mul(rows).saturating_add(row)
                    };
                    *w = self.gain * matrix.get(at).copied().unwrap_or(0.0);
                }
            }
        }
    }

    fn check(&self) -> Result<()> {
        let range = f64::MIN_POSITIVE..=f64::MAX;
        let what = "gain of the orthogonal initializer";
        check_range(what, self.gain, range, "a finite number above 0")
    }
}

/// Fills a slice with `count` random orthonormal vectors of `length` numbers, `count` <= `length`.
fn orthonormalize(rng: &mut Rng, vectors: &mut [f64], count: usize, length: usize) {
    for k in 0..count {
        let Some((before, rest)) = vectors.split_at_mut_checked(k * length) else {
            return;
        };
        let Some(new) = rest.get_mut(..length) else {
            return;
        };
        // In very rare cases, a draw lies in the span of the earlier vectors: draw again.
        while !try_orthonormalize(rng, before, new) {}
    }
}

/// Draws a unit vector orthogonal to the earlier ones.
///
/// Returns `false` if almost nothing of the draw was orthogonal to them.
fn try_orthonormalize(rng: &mut Rng, before: &[f64], new: &mut [f64]) -> bool {
    normal(rng, 1.0, new);
    let drawn = norm(new);
    // The second pass removes what rounding left. Two are enough (Giraud et al., 2005).
    for _ in 0..2 {
        for old in before.chunks_exact(new.len()) {
            let along = dot(old, new);
            for (x, &q) in new.iter_mut().zip(old) {
                *x -= along * q;
            }
        }
    }
    let left = norm(new);
    for x in new {
        *x /= left;
    }
    left > 1e-10 * drawn
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    math::sqrt(dot(a, a))
}
