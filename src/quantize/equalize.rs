//! Scales of hidden outputs that suit the weights of the next layer.

use alloc::vec::Vec;

use super::range::{Affine, Integers};
use crate::error::Result;
use crate::memory;

/// Least range of an output's integers, relative to that of its calibration samples.
const ROOM: f64 = 1.25;

/// Least size of an output's part, relative to the largest.
const LEAST: f64 = 1.0 / 256.0;

/// Size of an output on the calibration samples.
#[derive(Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) largest: f64,
    pub(super) squares: f64,
}

/// Returns a factor of the scale for each output of a hidden layer.
///
/// The layer's activation must be f(c z) = c f(z) for c > 0. `weights` are those of the next layer.
/// An output y whose parts w · y of sums are small gets a large scale, so that its weights become
/// large integers and lose less by rounding. With a single row, all of them become the largest
/// integer and lose nothing.
///
/// ```text
/// part of y_i = max over rows r of |w_ri| y_i / max_j |w_rj| y_j     with y as root mean square
/// factor of y_i = c · y_i / part of y_i
/// ```
pub(super) fn factors(sizes: &[Size], weights: &[f32], y: Affine) -> Result<Vec<f32>> {
    let what = "scales of outputs";
    let mut parts = memory::filled(what, LEAST, sizes.len())?;
    for row in weights.chunks_exact(sizes.len()) {
        let own = || {
            let pairs = row.iter().zip(sizes);
            pairs.map(|(w, size)| f64::from(w.abs()) * crate::math::sqrt(size.squares))
        };
        let most = own().fold(f64::MIN_POSITIVE, f64::max);
        for (part, own) in parts.iter_mut().zip(own()) {
            *part = part.max(own / most);
        }
    }
    let ratio = |(size, part): (&Size, &f64)| crate::math::sqrt(size.squares) / part;
    // Integers per unit of the ratio that give each output room.
    let mut unit = 0.0;
    for (size, part) in sizes.iter().zip(&parts) {
        if size.squares > 0.0 {
            unit = f64::max(unit, size.largest / ratio((size, part)));
        }
    }
    let Integers(_, max) = y.integers;
    let unit = ROOM * unit / (f64::from(max) * y.scale);
    let mut factors = Vec::new();
    memory::reserve(what, &mut factors, sizes.len())?;
    factors.extend(sizes.iter().zip(&parts).map(|pair| {
        let factor = unit * ratio(pair);
        // Other ones are of outputs that are 0 or not finite.
        let is_usable = factor > 1e-6 && factor < 1e6;
        if is_usable { factor as f32 } else { 1.0 }
    }));
    Ok(factors)
}
