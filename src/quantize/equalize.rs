//! Scales of hidden outputs that suit the weights of the next layer.

use alloc::vec::Vec;

use super::range::{Affine, Integers};
use crate::error::Result;
use crate::memory;

/// Least range of an output's integers, relative to that of its calibration samples.
const ROOM: f64 = 1.25;

/// Least magnitude of an output's weights, relative to the largest.
const LEAST: f64 = 1.0 / 256.0;

/// Returns a factor of the scale for each output of a hidden layer.
///
/// The layer's activation must be f(c z) = c f(z) for c > 0. `largest` has the largest magnitude of
/// each output on the calibration samples, and `weights` are those of the next layer. An output
/// whose weights are small gets a large scale, so that they become large integers and lose less by
/// rounding. With a single row, all of them become the largest integer and lose nothing.
///
/// ```text
/// share of output i = max over rows r of |w_ri| / max_j |w_rj|
/// factor of output i = c / share of output i
/// ```
///
/// A weight times its factor is at most c times the largest weight of its row, so no row's steps
/// become coarser. The number c gives each output room.
pub(super) fn factors(largest: &[f64], weights: &[f32], y: Affine) -> Result<Vec<f32>> {
    // int8 has no room for it, and last layers have no next one.
    if y.integers == Integers::INT8 || weights.is_empty() {
        return Ok(Vec::new());
    }
    let what = "scales of outputs";
    let mut shares = memory::filled(what, LEAST, largest.len())?;
    for row in weights.chunks_exact(largest.len()) {
        let magnitudes = || row.iter().map(|w| f64::from(w.abs()));
        let most = magnitudes().fold(f64::MIN_POSITIVE, f64::max);
        for (share, w) in shares.iter_mut().zip(magnitudes()) {
            *share = share.max(w / most);
        }
    }
    let products = largest.iter().zip(&shares).map(|(y, share)| y * share);
    let Integers(_, max) = y.integers;
    let unit = ROOM * products.fold(0.0, f64::max) / (f64::from(max) * y.scale);
    let mut factors = Vec::new();
    memory::reserve(what, &mut factors, largest.len())?;
    factors.extend(shares.iter().map(|share| {
        let factor = unit / share;
        // Outputs that are all 0, or extreme, keep the common scale.
        let is_usable = unit > 1e-6 && unit < 1e6;
        if is_usable { factor as f32 } else { 1.0 }
    }));
    Ok(factors)
}
