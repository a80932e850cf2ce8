//! Probabilities from logits.

use alloc::vec::Vec;

use crate::float::Float;
use crate::math;

/// Returns f of both classes' logits, given the logits of the second of two classes.
pub(super) fn of_both<T: Float>(logits: &[T], f: impl Fn(T) -> T) -> Vec<T> {
    logits.iter().flat_map(|&y| [f(-y), f(y)]).collect()
}

/// Returns the softmax of each row: eʸ divided by the row's sum.
pub(super) fn softmax<T: Float>(logits: &[T], width: usize) -> Vec<T> {
    let mut values = log_softmax(logits, width);
    for row in values.chunks_mut(width) {
        for y in row.iter_mut() {
            *y = math::exp(*y);
        }
        // The logarithms are rounded, so the sum is only nearly 1.
        let sum: T = row.iter().copied().sum();
        for y in row {
            *y /= sum;
        }
    }
    values
}

/// Returns the logarithm of each row's softmax, without overflow:
///
/// ```text
/// y - max - ln Σ e^(y - max)
/// ```
pub(super) fn log_softmax<T: Float>(logits: &[T], width: usize) -> Vec<T> {
    let mut values = logits.to_vec();
    for row in values.chunks_mut(width) {
        let max = row.iter().copied().fold(T::neg_infinity(), T::max);
        let sum: T = row.iter().map(|&y| math::exp(y - max)).sum();
        let log_sum = math::ln(sum);
        for y in row {
            *y = (*y - max) - log_sum;
        }
    }
    values
}
