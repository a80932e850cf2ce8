//! Operations on vectors, as in level 1 of BLAS.

use crate::float::{Float, instantiate};
use crate::math;
use crate::simd::{self, Op, Simd, Vector};

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
    fn run<S: Simd>(self, simd: S) -> T {
        let mut max = PartialResults::zero(simd);
        magnitudes(simd, self.values, &mut max);
        max.fold(larger)
    }
}

/// Results for every [`PARTIAL`]-th value, in as many registers as they take.
#[derive(Clone, Copy)]
pub(crate) struct PartialResults<S: Simd, T: Float>(pub(crate) [T::Vector<S>; MOST_REGISTERS]);

/// Number of registers for the partial results on the set with the narrowest registers.
const MOST_REGISTERS: usize = 16;

impl<S: Simd, T: Float> PartialResults<S, T> {
    const LANES: usize = T::Vector::<S>::LANES;

    /// Number of registers in use.
    pub(crate) const REGISTERS: usize = PARTIAL / Self::LANES;

    #[inline(always)]
    pub(crate) fn zero(simd: S) -> Self {
        Self([T::Vector::<S>::splat(simd, T::zero()); MOST_REGISTERS])
    }

    /// Folds the results by halves. A sequence of them would take longer than the gradient of a
    /// small network.
    #[inline(always)]
    pub(crate) fn fold(self, fold: impl Fn(T, T) -> T) -> T {
        let mut partial = [T::zero(); PARTIAL];
        for (v, to) in (0..Self::REGISTERS).zip(partial.chunks_exact_mut(Self::LANES)) {
            self.0[v].store(to);
        }
        let mut half = PARTIAL / 2;
        while half > 0 {
            for i in 0..half {
                partial[i] = fold(partial[i], partial[i + half]);
            }
            half /= 2;
        }
        partial[0]
    }
}

/// Updates the partial results of the largest magnitude.
#[inline(always)]
pub(crate) fn magnitudes<S: Simd, T: Float>(simd: S, values: &[T], max: &mut PartialResults<S, T>) {
    let lanes = T::Vector::<S>::LANES;
    let mut m = *max;
    let (blocks, rest) = values.as_chunks::<PARTIAL>();
    for values in blocks {
        for v in 0..PartialResults::<S, T>::REGISTERS {
            let x = T::Vector::<S>::load(simd, &values[v * lanes..]);
            m.0[v] = largest(simd, m.0[v], x);
        }
    }
    *max = m;
    for (v, values) in rest.chunks(lanes).enumerate() {
        let x = T::Vector::<S>::load_partial(simd, values);
        max.0[v] = largest(simd, max.0[v], x);
    }
}

/// Returns the larger of `max` and the magnitude of x, in each lane. NaN if x is not finite or
/// `max` is NaN.
#[inline(always)]
pub(crate) fn largest<S: Simd, V: Vector<S, T>, T: Float>(simd: S, max: V, x: V) -> V {
    let minus_x = x.mul(V::splat(simd, -T::one()));
    // 0 · x is zero for finite x, and otherwise NaN, which stays in the sum.
    // `max` comes first, because `at_least` keeps only a NaN that it is called on.
    x.mul_add(V::splat(simd, T::zero()), max.at_least(x).at_least(minus_x))
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
        simd::dispatch(Scale { x, factor });
    }
}

struct Scale<'a, T> {
    x: &'a mut [T],
    factor: T,
}

impl<T: Float> Op for Scale<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for x in self.x {
            *x *= self.factor;
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
    use crate::simd::on_every_set;

    fn the_largest_is_found<T: Float>() {
        for len in [1, 31, 32, 33, 100] {
            for at in 0..len {
                let mut values = vec![T::from_f64(0.5); len];
                values[at] = T::from_f64(-2.0);
                assert_eq!(max_abs(&values), T::from_f64(2.0));
                // Finite values before and after it must not hide one that is not.
                for bad in [T::nan(), T::infinity(), T::neg_infinity()] {
                    values[at] = bad;
                    assert!(!max_abs(&values).is_finite());
                }
            }
        }
        assert_eq!(max_abs::<T>(&[]), T::zero());
    }

    #[test]
    fn the_largest_is_found_wherever_it_is() {
        on_every_set(|| {
            the_largest_is_found::<f32>();
            the_largest_is_found::<f64>();
        });
    }

    #[test]
    fn items_are_dealt_out_in_turn() {
        let values = [1, 2, 3, 4, 5, 6, 7];
        let sums: [i32; 3] = partial_results(0, values.chunks(3), |sum, x| *sum = 10 * *sum + x);
        assert_eq!(sums, [147, 25, 36]);
    }
}
