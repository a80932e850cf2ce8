//! Sums over chunks, and the L2 penalty.

use alloc::vec::Vec;
use core::ops::Range;

use super::chunk::Chunk;
use crate::blas1::{PARTIAL, larger};
use crate::float::{Float, instantiate};
use crate::layout::Layout;
use crate::parallel::Threads;
use crate::simd::{self, Op, Simd};

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
        [(at.weights.clone(), Kind::Weights), (rest, Kind::Unpenalized)]
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
    pub(super) fn run(
        self,
        threads: &Threads,
        parts: &mut [Part],
        values: &mut [T],
    ) -> (f64, f64) {
        let one = Threads::one();
        let threads = if values.len() >= LEAST { threads } else { &one };
        threads.divide((&mut *parts, values), &halves, &|(parts, values)| {
            reduce(self, parts, values);
        });
        let squares = parts.iter().map(|part| part.squares).sum();
        let max_abs = parts.iter().fold(0.0, |max, part| larger(max, part.max_abs));
        (squares, max_abs)
    }
}

/// Consecutive parts and their values.
type Work<'a, T> = (&'a mut [Part], &'a mut [T]);

fn halves<'a, T>((parts, values): Work<'a, T>) -> (Work<'a, T>, Option<Work<'a, T>>) {
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
    fn run<S: Simd>(self, _: S) {
        let Reduction {
            chunks,
            params,
            factor,
        } = self.reduction;
        let mut rest = self.values;
        let mut max = [T::zero(); PARTIAL];
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
                let squares = penalize(values, weights, factor, &mut max);
                part.squares = fold(squares, |x, y| x + y).as_f64();
            } else {
                magnitudes(values, &mut max);
            }
        }
        if let Some(first) = self.parts.first_mut() {
            first.max_abs = fold(max, larger).as_f64();
        }
    }
}

/// Folds partial results by halves, because a sequence of them would take longer than a small
/// network's gradient.
#[inline(always)]
fn fold<T: Float>(mut partial: [T; PARTIAL], fold: impl Fn(T, T) -> T) -> T {
    let mut half = PARTIAL / 2;
    while half > 0 {
        for i in 0..half {
            partial[i] = fold(partial[i], partial[i + half]);
        }
        half /= 2;
    }
    partial[0]
}

/// Adds factor · weights to the gradient. Returns partial results of the sum of squared weights, and
/// updates those of the largest magnitude of the gradient.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn penalize<T: Float>(
    gradient: &mut [T],
    weights: &[T],
    factor: T,
    largest: &mut [T; PARTIAL],
) -> [T; PARTIAL] {
    let (mut squares, mut max) = ([T::zero(); PARTIAL], *largest);
    let (gradients, gradient_rest) = gradient.as_chunks_mut::<PARTIAL>();
    let (weights, weights_rest) = weights.as_chunks::<PARTIAL>();
    // Loops of constant length keep the partial results in registers.
    for (gradient, weights) in gradients.iter_mut().zip(weights) {
        for i in 0..PARTIAL {
            let (g, w) = (gradient[i] + factor * weights[i], weights[i]);
            gradient[i] = g;
            squares[i] += w * w;
            max[i] = larger(max[i], g.abs());
        }
    }
    for (i, (g, &w)) in gradient_rest.iter_mut().zip(weights_rest).enumerate() {
        *g += factor * w;
        squares[i] += w * w;
        max[i] = larger(max[i], g.abs());
    }
    *largest = max;
    squares
}

/// Updates partial results of the largest magnitude.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn magnitudes<T: Float>(values: &[T], largest: &mut [T; PARTIAL]) {
    let mut max = *largest;
    let (blocks, rest) = values.as_chunks::<PARTIAL>();
    for values in blocks {
        for i in 0..PARTIAL {
            max[i] = larger(max[i], values[i].abs());
        }
    }
    for (max, x) in max.iter_mut().zip(rest) {
        *max = larger(*max, x.abs());
    }
    *largest = max;
}
