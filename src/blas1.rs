//! Operations on vectors, as in level 1 of BLAS.

use crate::float::{Float, instantiate};
use crate::math;
use crate::simd::{self, Op, Simd};

/// Reduces a sequence to `N` partial results. Item i belongs to partial result i mod `N`.
///
/// The items come in chunks of `N`. With only one result, each operation would wait for the
/// previous one. `N` is the caller's constant and independent of the instruction set, so that all
/// sets add in one order.
#[inline(always)]
pub(crate) fn partial_results<const N: usize, A: Copy, C: IntoIterator>(
    start: A,
    chunks: impl Iterator<Item = C>,
    step: impl Fn(&mut A, C::Item),
) -> [A; N] {
    let mut partial = [start; N];
    for chunk in chunks {
        for (item, partial) in chunk.into_iter().zip(&mut partial) {
            step(partial, item);
        }
    }
    partial
}

/// Number of partial results for reductions that need not follow another library's order.
pub(crate) const PARTIAL: usize = 32;

instantiate! {
    /// Returns the largest magnitude among the values. NaN if a value is not finite.
    pub(crate) fn max_abs<T>(values: &[T]) -> T {
        simd::dispatch(MaxAbs { values })
    }
}

struct MaxAbs<'a, T> {
    values: &'a [T],
}

impl<T: Float> Op for MaxAbs<'_, T> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> T {
        let chunks = self.values.chunks(PARTIAL);
        let step = |max: &mut T, x: &T| *max = larger(*max, x.abs());
        let partial: [_; PARTIAL] = partial_results(T::zero(), chunks, step);
        partial.into_iter().fold(T::zero(), larger)
    }
}

/// Returns the larger of two magnitudes. NaN if `x` is not finite or `max` is NaN.
#[inline(always)]
pub(crate) fn larger<T: Float>(max: T, x: T) -> T {
    // 0 · x is zero for finite x, and otherwise NaN, which stays in the sum.
    (if x > max { x } else { max }) + x * T::zero()
}

instantiate! {
    /// Returns the Euclidean norm of `unit` times the values.
    pub(crate) fn norm<T>(values: &[T], unit: T) -> f64 {
        math::sqrt(simd::dispatch(Squares { values, unit }))
    }
}

struct Squares<'a, T> {
    values: &'a [T],
    unit: T,
}

impl<T: Float> Op for Squares<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        let chunks = self.values.chunks(PARTIAL);
        let sums: [_; PARTIAL] = partial_results(T::zero(), chunks, |sum: &mut T, &x| {
            let x = x * self.unit;
            *sum += x * x;
        });
        sums.iter().map(|sum| sum.as_f64()).sum()
    }
}

instantiate! {
    /// Returns the scalar product, summed in f64.
    pub(crate) fn dot<T>(x: &[T], y: &[T]) -> f64 {
        const SUMS: usize = 8;
        let chunks = x.chunks(SUMS).zip(y.chunks(SUMS));
        let chunks = chunks.map(|(x, y)| x.iter().zip(y));
        let sums: [_; SUMS] = partial_results(0.0, chunks, |sum, (x, y)| {
            *sum += x.as_f64() * y.as_f64();
        });
        sums.iter().sum()
    }
}

instantiate! {
    /// Computes x <- factor · x.
    pub(crate) fn scale<T>(x: &mut [T], factor: T) {
        for x in x {
            *x *= factor;
        }
    }
}

instantiate! {
    /// Computes x <- x + factor · y (BLAS's axpy).
    pub(crate) fn add_scaled<T>(x: &mut [T], y: &[T], factor: T) {
        for (x, &y) in x.iter_mut().zip(y) {
            *x += factor * y;
        }
    }
}

instantiate! {
    /// Computes to <- x + factor · y.
    pub(crate) fn scaled_sum<T>(to: &mut [T], x: &[T], y: &[T], factor: T) {
        for ((to, &x), &y) in to.iter_mut().zip(x).zip(y) {
            *to = x + factor * y;
        }
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
    fn items_are_dealt_out_in_turn() {
        let values = [1, 2, 3, 4, 5, 6, 7];
        let sums: [i32; 3] = partial_results(0, values.chunks(3), |sum, x| *sum = 10 * *sum + x);
        assert_eq!(sums, [147, 25, 36]);
    }
}
