//! Scales of hidden outputs that suit the weights of the next layer.

use alloc::vec::Vec;

use crate::error::Result;
use crate::memory;

/// Largest factor. It leaves an output at least 8 of its 16 bits.
const LARGEST: f64 = 256.0;

/// Returns a factor of the scale for each output of a hidden layer, of at least 1.
///
/// The layer's activation must be f(c z) = c f(z) for c > 0. `weights` are those of the next layer.
/// An output whose weights are small gets a large scale, so that they become large integers and
/// lose less by rounding. With a single row, all of them become the largest integer and lose
/// nothing.
///
/// ```text
/// factor = 1 / max over rows r of |w_r| / max |w in row r|
/// ```
///
/// Weights times factors never exceed the largest weight of their row, so the steps of no row
/// become coarser.
pub(super) fn factors(outputs: usize, weights: &[f32]) -> Result<Vec<f32>> {
    let what = "scales of outputs";
    let mut shares = memory::filled(what, 1.0 / LARGEST, outputs)?;
    for row in weights.chunks_exact(outputs) {
        let magnitudes = || row.iter().map(|w| f64::from(w.abs()));
        let most = magnitudes().fold(f64::MIN_POSITIVE, f64::max);
        for (share, w) in shares.iter_mut().zip(magnitudes()) {
            *share = share.max(w / most);
        }
    }
    let mut factors = Vec::new();
    memory::reserve(what, &mut factors, outputs)?;
    factors.extend(shares.iter().map(|share| (1.0 / share) as f32));
    Ok(factors)
}
