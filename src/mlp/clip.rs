//! Clipping gradients, and how large they are.

use crate::error::Result;
use crate::float::{Float, check_positive, instantiate};
use crate::math;
use crate::simd::{self, Op, Simd};

/// A bound on the gradient of a minibatch, penalty included, for losses and depths that
/// now and then give far too large ones (Pascanu et al., "On the difficulty of training
/// recurrent neural networks", 2013).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Clip {
    /// Shortens the whole gradient to this Euclidean norm if it is longer: times
    /// min(1, norm / (|g| + 1e-6)), as PyTorch's `clip_grad_norm_` has it.
    Norm(f64),
    /// Brings each value between -bound and bound: PyTorch's `clip_grad_value_`.
    Value(f64),
}

impl Clip {
    pub(super) fn check<T: Float>(self) -> Result<()> {
        let (Self::Norm(bound) | Self::Value(bound)) = self;
        check_positive::<T>("gradient clipping", bound)
    }

    /// Clips finite values whose largest magnitude is `max_abs`.
    pub(super) fn apply<T: Float>(self, values: &mut [T], max_abs: f64) {
        match self {
            Self::Value(bound) if max_abs > bound => clamp(values, T::from_f64(bound)),
            Self::Norm(bound) => {
                // In units of the largest value, so that squares cannot overflow.
                let relative = norm(values, T::from_f64(1.0 / max_abs.max(f64::MIN_POSITIVE)));
                let factor = bound / (relative * max_abs + 1e-6);
                if factor < 1.0 {
                    scale(values, T::from_f64(factor));
                }
            }
            Self::Value(_) => {}
        }
    }
}

instantiate! {
    fn clamp<T>(values: &mut [T], bound: T) {
        for x in values {
            *x = x.max(-bound).min(bound);
        }
    }
}

instantiate! {
    fn scale<T>(values: &mut [T], factor: T) {
        for x in values {
            *x *= factor;
        }
    }
}

instantiate! {
    /// The Euclidean norm of `unit` times the values.
    fn norm<T>(values: &[T], unit: T) -> f64 {
        math::sqrt(simd::dispatch(Squares { values, unit }))
    }
}

instantiate! {
    /// The largest magnitude among the values; NaN if one is NaN.
    pub(super) fn max_abs<T>(values: &[T]) -> T {
        simd::dispatch(Largest { values })
    }
}

/// Partial results side by side, whatever the instruction set, so that all sets have one order.
const LANES: usize = 32;

struct Squares<'a, T> {
    values: &'a [T],
    unit: T,
}

impl<T: Float> Op for Squares<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        let mut sums = [T::zero(); LANES];
        for values in self.values.chunks(LANES) {
            for (&x, sum) in values.iter().zip(&mut sums) {
                let x = x * self.unit;
                *sum += x * x;
            }
        }
        sums.iter().map(|sum| sum.as_f64()).sum()
    }
}

struct Largest<'a, T> {
    values: &'a [T],
}

impl<T: Float> Op for Largest<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> T {
        let mut largest = [T::zero(); LANES];
        // 0 x is zero for what is finite, else NaN, which stays in a sum.
        let mut nothing = [T::zero(); LANES];
        for values in self.values.chunks(LANES) {
            for ((&x, largest), nothing) in values.iter().zip(&mut largest).zip(&mut nothing) {
                let x = x.abs();
                *largest = if x > *largest { x } else { *largest };
                *nothing += x * T::zero();
            }
        }
        let nothing = nothing.into_iter().fold(T::zero(), |sum, x| sum + x);
        largest.into_iter().fold(T::zero(), T::max) + nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_is_found_wherever_it_is() {
        for len in [1, 31, 32, 33, 100] {
            for at in 0..len {
                let mut values = vec![0.5f32; len];
                values[at] = -2.0;
                assert_eq!(max_abs(&values), 2.0);
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    values[at] = bad;
                    assert!(!max_abs(&values).is_finite());
                }
            }
        }
        assert_eq!(max_abs::<f64>(&[]), 0.0);
    }

    #[test]
    fn a_norm_is_kept_or_shortened() {
        for scale in [1e-15f32, 1.0, 1e30] {
            let mut values = [3.0 * scale, 0.0, -4.0 * scale];
            let before = values;
            Clip::Norm(6e30).apply(&mut values, 4.0 * f64::from(scale));
            assert_eq!(values, before);
            Clip::Norm(2.5 * f64::from(scale)).apply(&mut values, 4.0 * f64::from(scale));
            // PyTorch's 1e-6 shortens small gradients further.
            let expected = 2.5 * f64::from(scale) / (5.0 * f64::from(scale) + 1e-6);
            let factor = (f64::from(values[0]) / f64::from(before[0])).abs();
            assert!((factor - expected.min(1.0)).abs() < 1e-6, "{factor}");
            assert!((values[2] / values[0] + 4.0 / 3.0).abs() < 1e-6);
        }
        let mut values = [3.0, 0.0, -4.0];
        Clip::Value(3.5).apply(&mut values, 4.0);
        assert_eq!(values, [3.0, 0.0, -3.5]);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-310] {
            assert!(Clip::Norm(bad).check::<f64>().is_err(), "{bad}");
            assert!(Clip::Value(bad).check::<f64>().is_err(), "{bad}");
        }
        for bad in [1e-60, 1e-40, 1e60] {
            assert!(Clip::Norm(bad).check::<f32>().is_err(), "{bad}");
            assert!(Clip::Value(bad).check::<f32>().is_err(), "{bad}");
            assert!(Clip::Value(bad).check::<f64>().is_ok(), "{bad}");
        }
    }
}
