//! Means and scales of samples, which a Bayesian penalty takes into account.

use alloc::vec::Vec;

use crate::error::Result;
use crate::float::Float;
use crate::math;
use crate::memory;

/// Mean and scale of each column of samples.
///
/// Foresee and Hagan scale columns to [-1, 1]. A scale is the largest distance from the mean if the
/// column is uniform there, so that single outliers have less effect.
pub(super) struct Columns {
    pub(super) means: Vec<f64>,
    /// √3 standard deviations, or 1 for a constant column.
    pub(super) scales: Vec<f64>,
    /// Mean of the weights that are not 0.
    pub(super) mean_weight: f64,
}

impl Columns {
    /// Measures row-major numbers of this precision. `roots` are roots of the rows' weights, and
    /// empty without weights.
    pub(super) fn measure<T: Float>(values: &[T], width: usize, roots: &[f64]) -> Result<Self> {
        let zeros = || memory::filled("means of samples", 0.0, width);
        let (mut means, mut scales) = (zeros()?, zeros()?);
        let rows = || {
            let weights = roots.iter().map(|root| root * root);
            let weights = weights.chain(core::iter::repeat(1.0));
            values.chunks_exact(width).zip(weights)
        };
        let (mut total, mut count) = (0.0, 0.0_f64);
        for (_, weight) in rows().filter(|(_, weight)| *weight != 0.0) {
            total += weight;
            count += 1.0;
        }
        for (row, weight) in rows() {
            for (mean, x) in means.iter_mut().zip(row) {
                *mean += weight / total * x.as_f64();
            }
        }
        for (row, weight) in rows() {
            for ((square, mean), x) in scales.iter_mut().zip(&means).zip(row) {
                let distance = x.as_f64() - mean;
                *square += weight / total * distance * distance;
            }
        }
        for (scale, mean) in scales.iter_mut().zip(&means) {
            *scale = math::sqrt(3.0 * *scale);
            let rounding = 16.0 * T::epsilon().as_f64() * mean.abs();
            // NaN fails this test, too. Squares of tiny numbers may be zero.
            if !(*scale > rounding && scale.is_finite()) {
                *scale = 1.0;
            }
        }
        Ok(Self {
            means,
            scales,
            mean_weight: total / count.max(1.0),
        })
    }
}
