//! Newton-Schulz iteration, which brings a matrix close to its nearest orthogonal matrix.
//!
//! X is the matrix, transposed if it is wide. It has at least as many rows as columns, and its rows
//! are padded. A = Xᵀ·X in the code, which the kernel computes without transposing anything.

use crate::blas1::partial_results;
use crate::float::Float;
use crate::gemm::{Accumulate, MC, MatRef, Product, Store, padded};
use crate::math;
use crate::optimizer::elementwise::FlushDenormals;

/// Returns the scratch length of the iteration: two matrices like X, and two square ones.
pub(super) fn scratch_len<T>(long: usize, short: usize) -> usize {
    2 * (long + short) * padded::<T>(short)
}

/// Divides X by its norm and clears the padding. Returns `false` if X is zero.
#[inline(always)]
pub(super) fn normalize<T: Float>(x: &mut [T], short: usize, stride: usize) -> bool {
    const PARTIAL: usize = 16;
    for row in x.chunks_mut(stride) {
        row[short..].fill(T::zero());
    }
    let larger = |max: &mut T, x: &T| *max = if x.abs() > *max { x.abs() } else { *max };
    let largest: [_; PARTIAL] = partial_results(T::zero(), x.chunks(PARTIAL), larger);
    let largest = largest.into_iter().fold(T::zero(), T::max);
    if largest == T::zero() {
        return false;
    }
    // Scaled by the largest magnitude, squares cannot overflow.
    let unit = T::one() / largest;
    let squares: [_; PARTIAL] = partial_results(0.0, x.chunks(PARTIAL), |sum: &mut f64, &x| {
        let x = (x * unit).as_f64();
        *sum += x * x;
    });
    let norm = T::from_f64(math::sqrt(squares.into_iter().sum::<f64>()));
    let flush = FlushDenormals::new();
    for x in x {
        *x = flush.first_moment(*x / largest / norm);
    }
    true
}

/// Brings the singular values of X near 1, and returns the new X.
pub(super) fn orthogonalize<'a, T: Float>(
    mut x: &'a mut [T],
    short: usize,
    scratch: &'a mut [T],
    steps: usize,
) -> &'a [T] {
    let [a, b, c] = [3.4445, -4.7750, 2.0315].map(T::from_f64);
    let stride = padded::<T>(short);
    let long = x.len() / stride;
    let (gram, scratch) = scratch.split_at_mut(short * stride);
    let (polynomial, scratch) = scratch.split_at_mut(short * stride);
    let mut next = &mut scratch[..x.len()];
    for _ in 0..steps {
        square((x, long), gram, short, stride);
        square((gram, short), polynomial, short, stride);
        for (p, &g) in polynomial.iter_mut().zip(&*gram) {
            *p = b * g + c * *p;
        }
        for (next, &x) in next.iter_mut().zip(&*x) {
            *next = a * x;
        }
        let tall = MatRef::row_major(x, long, short, stride);
        let product = Product::new(tall, polynomial, stride, short).accumulate(Accumulate::Add);
        product.run(&mut Store(next, stride));
        (x, next) = (next, x);
    }
    x
}

/// Computes C = Xᵀ·X for X with k rows.
///
/// C is exactly symmetric: both halves add the same products in the same order. Entries right of a
/// strip's diagonal square are therefore copied from below the diagonal.
fn square<T: Float>((x, k): (&[T], usize), c: &mut [T], short: usize, stride: usize) {
    for first in (0..short).step_by(MC) {
        let end = (first + MC).min(short);
        let rows = MatRef::row_major(&x[first..], k, end - first, stride).transposed();
        let product = Product::new(rows, x, stride, end);
        product.run(&mut Store(&mut c[first * stride..], stride));
        let (above, strip) = c.split_at_mut(first * stride);
        for (column, row) in (first..end).zip(strip.chunks(stride)) {
            for (above, &x) in above.chunks_mut(stride).zip(row) {
                above[column] = x;
            }
        }
    }
}
