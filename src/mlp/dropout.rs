//! Dropout: random removal of hidden outputs during training.

use crate::error::{Result, check_range};
use crate::float::Float;
use crate::gemm::padded;
use crate::simd::{self, Op, Simd};

/// Number of steps in which a rate is resolved.
const STEPS: f64 = 4_294_967_296.0;

/// Smallest rate above 0. Masks resolve rates in steps of this size.
pub(crate) const SMALLEST_DROPOUT: f64 = 1.0 / STEPS;

/// Inverted dropout: each hidden output is set to zero with probability `rate`, and otherwise
/// divided by 1 - `rate`. The choice is a function of seed, update, layer, sample and neuron. It
/// does not depend on the number of threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropout {
    rate: f64,
    seed: u64,
}

impl Dropout {
    pub(super) fn new(rate: f64, seed: u64) -> Result<Self> {
        if rate != 0.0 {
            let (range, expected) = (SMALLEST_DROPOUT..1.0, "0, or at least 2^-32 and below 1");
            check_range("dropout rate", rate, range, expected)?;
        }
        Ok(Self { rate, seed })
    }

    /// Returns the masks of one update, for samples that start at index `before` of the minibatch.
    pub(super) fn at(self, update: u64, before: usize) -> Masks {
        Masks {
            rate: self.rate,
            key: mix64(mix64(self.seed) ^ update),
            before,
        }
    }
}

/// Masks of one update, for all layers and samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Masks {
    rate: f64,
    key: u64,
    before: usize,
}

impl Masks {
    /// Copies `from` to `to`, masked. Each padded row holds the `units` outputs of a layer for one
    /// sample. The rows are consecutive samples of the minibatch.
    pub(super) fn copy<T: Float>(
        self,
        layer: usize,
        first_sample: usize,
        units: usize,
        from: &[T],
        to: &mut [T],
    ) {
        let to = &mut to[..from.len()];
        to.copy_from_slice(from);
        self.apply(layer, first_sample, units, to);
    }

    /// Masks rows in place.
    pub(super) fn apply<T: Float>(
        self,
        layer: usize,
        first_sample: usize,
        units: usize,
        rows: &mut [T],
    ) {
        simd::dispatch(Apply {
            key: mix64(self.key ^ layer as u64),
            first_sample: self.before + first_sample,
            // Rounds down to below 2^32, so that even a rate close to 1 keeps some outputs.
            threshold: (self.rate * STEPS) as u32,
            scale: T::from_f64(1.0 / (1.0 - self.rate)),
            stride: padded::<T>(units),
            rows,
        });
    }
}

struct Apply<'a, T> {
    key: u64,
    first_sample: usize,
    threshold: u32,
    scale: T,
    stride: usize,
    rows: &'a mut [T],
}

impl<T: Float> Op for Apply<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let rows = self.rows.chunks_exact_mut(self.stride);
        for (row, sample) in rows.zip(self.first_sample..) {
            let key = mix64(self.key ^ sample as u64);
            let (key, other) = (key as u32, (key >> 32) as u32);
            for (y, unit) in row.iter_mut().zip(0u32..) {
                // Chris Wellons' lowbias32, with a second key added in the middle.
                let mut x = unit.wrapping_mul(0x9e37_79b9) ^ key;
                x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
                x = (x ^ (x >> 15)).wrapping_add(other);
                x = x.wrapping_mul(0x846c_a68b);
                x ^= x >> 16;
                let kept = *y * self.scale;
                *y = if x >= self.threshold { kept } else { T::zero() };
            }
        }
    }
}

/// Applies the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix64(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_its_fraction_everywhere_and_anew_with_every_update() {
        let (units, samples) = (100, 400);
        let stride = padded::<f32>(units);
        let ones = vec![1.0f32; samples * stride];
        let draw = |update, layer| {
            let mut rows = vec![0.0; ones.len()];
            let masks = Dropout::new(0.3, 7).unwrap().at(update, 0);
            masks.copy(layer, 0, units, &ones, &mut rows);
            rows
        };
        let rows = draw(0, 0);
        let kept = |values: &mut dyn Iterator<Item = f32>| {
            let (mut kept, mut all) = (0.0, 0.0);
            for y in values {
                assert!(y == 0.0 || (y - 1.0 / 0.7).abs() < 1e-6);
                kept += f64::from(u8::from(y != 0.0));
                all += 1.0;
            }
            kept / all
        };
        let fraction = kept(&mut rows.chunks(stride).flat_map(|row| row[..units].to_vec()));
        assert!((fraction - 0.7).abs() < 0.01, "{fraction}");
        for unit in 0..units {
            let fraction = kept(&mut rows.iter().skip(unit).step_by(stride).copied());
            assert!((fraction - 0.7).abs() < 0.1, "unit {unit}: {fraction}");
        }
        // Masks of other updates and layers are independent. Both keep with probability 0.49.
        for other in [draw(1, 0), draw(0, 1)] {
            let both = rows.iter().zip(&other).map(|(a, b)| a * b);
            let both = both.filter(|&x| x != 0.0).count() as f64 / rows.len() as f64;
            assert!((both - 0.49).abs() < 0.02, "{both}");
        }
        assert_eq!(rows, draw(0, 0));
    }

    #[test]
    fn parts_of_a_minibatch_drop_what_the_whole_does() {
        let stride = padded::<f64>(5);
        let masks = Dropout::new(0.5, 1).unwrap().at(3, 0);
        let mut whole = vec![1.0; 9 * stride];
        let mut parts = whole.clone();
        masks.apply(2, 0, 5, &mut whole);
        let (left, right) = parts.split_at_mut(4 * stride);
        masks.apply(2, 4, 5, right);
        masks.apply(2, 0, 5, left);
        assert_eq!(whole, parts);
        // The last part alone drops the same outputs.
        let mut last = vec![1.0; 5 * stride];
        let masks = Dropout::new(0.5, 1).unwrap().at(3, 4);
        masks.apply(2, 0, 5, &mut last);
        assert_eq!(whole[4 * stride..], last);
        assert!(Dropout::new(1.0, 0).is_err() && Dropout::new(f64::NAN, 0).is_err());
    }
}
