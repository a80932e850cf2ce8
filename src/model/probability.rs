//! From logits to probabilities.

use alloc::vec::Vec;

use crate::float::Float;
use crate::math;

/// For each logit of the second of two classes, f of both classes' logits.
pub(super) fn of_both<T: Float>(logits: &[T], f: impl Fn(T) -> T) -> Vec<T> {
    logits.iter().flat_map(|&y| [f(-y), f(y)]).collect()
}

/// For each row, e^y over its sum.
pub(super) fn softmax<T: Float>(logits: &[T], width: usize) -> Vec<T> {
    let mut values = log_softmax(logits, width);
    for row in values.chunks_mut(width) {
        for y in row.iter_mut() {
            *y = math::exp(*y);
        }
        // The logarithms were rounded, so the sum is 1 only nearly.
        let sum: T = row.iter().copied().sum();
        for y in row {
            *y /= sum;
        }
    }
    values
}

/// For each row, y - max - ln(sum of e^(y - max)), so that nothing overflows.
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
