//! Sums over chunks, and the L2 penalty.

use super::chunk::Chunk;
use crate::blas1::{PARTIAL, add_scaled, partial_results, scaled_sum};
use crate::float::{Float, instantiate};
use crate::parallel::Threads;
use crate::simd::{self, Op, Simd};

/// Number of parameters that one thread adds up at a time.
const BLOCK: usize = 1 << 14;

/// Index of the first value, and consecutive values of a gradient.
type Part<'a, T> = (usize, &'a mut [T]);

/// Writes the sum of the chunks' gradients to `values`, in the order of the chunks.
pub(super) fn add_up<T: Float>(threads: &Threads, values: &mut [T], chunks: &[Chunk<T>]) {
    fn halves<T>((offset, values): Part<'_, T>) -> (Part<'_, T>, Option<Part<'_, T>>) {
        let len = values.len();
        let (left, right) = values.split_at_mut(if len > BLOCK { len / 2 } else { len });
        let right = (!right.is_empty()).then_some((offset + left.len(), right));
        ((offset, left), right)
    }
    threads.divide((0, values), &halves, &|part| add_part(part, chunks));
}

/// Adds up the chunks' gradients for one part of the parameters.
fn add_part<T: Float>((offset, values): Part<'_, T>, chunks: &[Chunk<T>]) {
    let range = offset..offset + values.len();
    let mut gradients = chunks.iter().map(|chunk| &chunk.gradient[range.clone()]);
    match (gradients.next(), gradients.next()) {
        (Some(first), Some(second)) => scaled_sum(values, first, second, T::one()),
        (Some(only), None) => values.copy_from_slice(only),
        (None, _) => {}
    }
    gradients.for_each(|gradient| add_scaled(values, gradient, T::one()));
}

instantiate! {
    /// Adds factor · weights to the gradient, and returns the sum of squared weights.
    pub(super) fn penalize<T>(gradient: &mut [T], weights: &[T], factor: T) -> f64 {
        simd::dispatch(Penalize { gradient, weights, factor })
    }
}

struct Penalize<'a, T> {
    gradient: &'a mut [T],
    weights: &'a [T],
    factor: T,
}

impl<T: Float> Op for Penalize<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        let gradients = self.gradient.chunks_mut(PARTIAL);
        let chunks = gradients.zip(self.weights.chunks(PARTIAL));
        let chunks = chunks.map(|(gradient, weights)| gradient.iter_mut().zip(weights));
        let squares: [_; PARTIAL] =
            partial_results(T::zero(), chunks, |square: &mut T, (g, &w)| {
                *g += self.factor * w;
                *square += w * w;
            });
        squares.iter().map(|square| square.as_f64()).sum()
    }
}
