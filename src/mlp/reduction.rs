//! Sums over chunks, and the L2 penalty.

use alloc::vec::Vec;
use core::ops::Range;

use super::chunk::Chunk;
use crate::blas1::{PARTIAL, PartialResults, larger, largest, magnitudes};
use crate::float::{Float, instantiate};
use crate::layout::Layout;
use crate::parallel::Threads;
use crate::simd::{self, Op, Simd, Vector};

/// Number of parameters that are reduced at a time. They stay in the first-level cache.
const BLOCK: usize = 1 << 12;

/// Minimum number of parameters for several threads.
const LEAST: usize = 4 * BLOCK;

/// Consecutive parameters, at most a block, and the results of their reduction.
#[derive(Clone, Debug)]
pub(super) struct Part {
    range: Range<usize>,
    kind: Kind,
    /// Sum of the squared weights.
    squares: f64,
    /// Largest magnitude in this part and the parts after it that were reduced together.
    max_abs: f64,
}

/// Kind of parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// Weights, which the penalty covers.
    Weights,
    /// Biases and numbers α.
    Unpenalized,
    /// Parameters of the encoding, whose gradient is already the sum over all chunks.
    Encoding,
}

/// Divides all parameters into parts.
pub(super) fn parts(layout: &Layout) -> Vec<Part> {
    let layers = layout.layers().iter().flat_map(|at| {
        let rest = at.weights.end..at.params().end;
        [
            (at.weights.clone(), Kind::Weights),
            (rest, Kind::Unpenalized),
        ]
    });
    let all = layers.chain([(layout.encoding(), Kind::Encoding)]);
    all.flat_map(|(range, kind)| {
        range.clone().step_by(BLOCK).map(move |start| Part {
            range: start..range.end.min(start + BLOCK),
            kind,
            squares: 0.0,
            max_abs: 0.0,
        })
    })
    .collect()
}

/// Numbers that all parts of a reduction read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reduction<'a, T> {
    /// Chunks whose gradients are added to the values, in this order.
    pub(super) chunks: &'a [Chunk<T>],
    pub(super) params: &'a [T],
    /// Factor of the weights in the penalty's gradient. `None` without penalty.
    pub(super) factor: Option<T>,
}

impl<T: Float> Reduction<'_, T> {
    /// Completes the gradient in `values`. It adds the chunks' gradients, then factor · weights.
    /// Returns the sum of squared weights if there is a penalty, and the largest magnitude, which
    /// is NaN if a value is not finite.
    pub(super) fn run(self, threads: &Threads, parts: &mut [Part], values: &mut [T]) -> (f64, f64) {
        let one = Threads::one();
        let threads = if values.len() >= LEAST { threads } else { &one };
        threads.divide((&mut *parts, values), &halves, &|(parts, values)| {
            reduce(self, parts, values);
        });
        let squares = parts.iter().map(|part| part.squares).sum();
        let max_abs = parts
            .iter()
            .fold(0.0, |max, part| larger(max, part.max_abs));
        (squares, max_abs)
    }
}

/// Consecutive parts and their values.
type Work<'a, T> = (&'a mut [Part], &'a mut [T]);

fn halves<T>((parts, values): Work<'_, T>) -> (Work<'_, T>, Option<Work<'_, T>>) {
    if values.len() < LEAST || parts.len() < 2 {
        return ((parts, values), None);
    }
    let (left, right) = parts.split_at_mut(parts.len() / 2);
    let len = right[0].range.start - left[0].range.start;
    let (left_values, right_values) = values.split_at_mut(len);
    ((left, left_values), Some((right, right_values)))
}

instantiate! {
    fn reduce<T>(reduction: Reduction<'_, T>, parts: &mut [Part], values: &mut [T]) {
        simd::dispatch(Reduce { reduction, parts, values });
    }
}

struct Reduce<'a, T> {
    reduction: Reduction<'a, T>,
    parts: &'a mut [Part],
    values: &'a mut [T],
}

impl<T: Float> Op for Reduce<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Reduction {
            chunks,
            params,
            factor,
        } = self.reduction;
        let mut rest = self.values;
        let mut max = PartialResults::<S, T>::zero(simd);
        for part in &mut *self.parts {
            let (values, after) = rest.split_at_mut(part.range.len());
            rest = after;
            if part.kind != Kind::Encoding {
                for chunk in chunks {
                    let gradient = &chunk.gradient[part.range.clone()];
                    for (value, &g) in values.iter_mut().zip(gradient) {
                        *value += g;
                    }
                }
            }
            (part.squares, part.max_abs) = (0.0, 0.0);
            if let Some(factor) = factor.filter(|_| part.kind == Kind::Weights) {
                let weights = &params[part.range.clone()];
                let mut squares = PartialResults::zero(simd);
                penalize(simd, values, weights, factor, (&mut squares, &mut max));
                part.squares = squares.fold(|x, y| x + y).as_f64();
            } else {
                magnitudes(simd, values, &mut max);
            }
        }
        if let Some(first) = self.parts.first_mut() {
            first.max_abs = max.fold(larger).as_f64();
        }
    }
}

/// Adds factor · weights to the gradient. Updates the partial results of the sum of squared
/// weights, and of the largest magnitude in the gradient.
#[inline(always)]
fn penalize<S: Simd, T: Float>(
    simd: S,
    gradient: &mut [T],
    weights: &[T],
    factor: T,
    (squares, max): (&mut PartialResults<S, T>, &mut PartialResults<S, T>),
) {
    let lanes = T::Vector::<S>::LANES;
    let factor = T::Vector::<S>::splat(simd, factor);
    // Copies, because results behind references would lie in memory.
    let (mut s, mut m) = (*squares, *max);
    let (gradients, gradient_rest) = gradient.as_chunks_mut::<PARTIAL>();
    let (blocks, weights_rest) = weights.as_chunks::<PARTIAL>();
    for (gradient, weights) in gradients.iter_mut().zip(blocks) {
        for v in 0..PartialResults::<S, T>::REGISTERS {
            let w = T::Vector::<S>::load(simd, &weights[v * lanes..]);
            let g = T::Vector::<S>::load(simd, &gradient[v * lanes..]);
            let g = g.add(w.mul(factor));
            g.store(&mut gradient[v * lanes..]);
            s.0[v] = s.0[v].add(w.mul(w));
            m.0[v] = largest(simd, m.0[v], g);
        }
    }
    (*squares, *max) = (s, m);
    let rest = gradient_rest
        .chunks_mut(lanes)
        .zip(weights_rest.chunks(lanes));
    for (v, (gradient, weights)) in rest.enumerate() {
        let w = T::Vector::<S>::load_partial(simd, weights);
        let g = T::Vector::<S>::load_partial(simd, gradient).add(w.mul(factor));
        g.store_partial(gradient);
        squares.0[v] = squares.0[v].add(w.mul(w));
        max.0[v] = largest(simd, max.0[v], g);
    }
}
