//! Gradient of an encoding's parameters.

use core::ops::Range;

use super::Mlp;
use super::chunk::Chunk;
use crate::encoding::Encoding;
use crate::float::{Float, instantiate};
use crate::parallel::Threads;

/// Sets `gradient` to the sum over these samples, for all parts of the parameters.
pub(super) fn add_gradient<T: Float>(
    encoding: &dyn Encoding<T>,
    params: &[T],
    inputs: &[T],
    output_gradient: &[T],
    mut gradient: &mut [T],
) {
    gradient.fill(T::zero());
    for part in 0.. {
        let Some(len) = encoding.part_len(part) else {
            return;
        };
        let (these, rest) = gradient.split_at_mut(len);
        encoding.add_gradient(part, params, inputs, output_gradient, these);
        gradient = rest;
    }
}

/// Consecutive parts of the gradient, and buffers for the partial gradient of a chunk.
struct Parts<'a, T> {
    encoding: &'a dyn Encoding<T>,
    indices: Range<usize>,
    values: &'a mut [T],
    partial: &'a mut [T],
}

impl<T: Float> Parts<'_, T> {
    fn split(self) -> (Self, Option<Self>) {
        if self.indices.len() < 2 {
            return (self, None);
        }
        let middle = self.indices.start + self.indices.len() / 2;
        let lens = (self.indices.start..middle).filter_map(|part| self.encoding.part_len(part));
        let len = lens.sum();
        let (left_values, right_values) = self.values.split_at_mut(len);
        let (left_partial, right_partial) = self.partial.split_at_mut(len);
        let left = Parts {
            encoding: self.encoding,
            indices: self.indices.start..middle,
            values: left_values,
            partial: left_partial,
        };
        let right = Parts {
            encoding: self.encoding,
            indices: middle..self.indices.end,
            values: right_values,
            partial: right_partial,
        };
        (left, Some(right))
    }
}

instantiate! {
    /// Sums the gradient over all chunks: first within a chunk, then over the chunks in order.
    ///
    /// Threads compute different parts. So no thread needs a buffer of its own, and the result is
    /// bit-identical to the sum of the chunks' partial gradients. `partial` has the length of
    /// `values`, and must be 0.
    pub(super) fn reduce<T>(
        threads: &Threads,
        net: &Mlp<T>,
        chunks: &[Chunk<T>],
        values: &mut [T],
        partial: &mut [T],
    ) {
        let Some(encoding) = net.encoding() else {
            return;
        };
        values.fill(T::zero());
        let count = (0..usize::MAX).find(|&part| encoding.part_len(part).is_none());
        let count = count.unwrap_or(0);
        let all = Parts { encoding: &**encoding, indices: 0..count, values, partial };
        threads.divide(all, &Parts::split, &|parts: Parts<'_, T>| {
            let params = net.encoding_params();
            for part in parts.indices.clone() {
                for (index, chunk) in chunks.iter().enumerate() {
                    let (x, dx) = (&chunk.raw[..], &chunk.encoded_gradient[..]);
                    if index == 0 {
                        // The total is 0 until now, so the first sum needs no merge.
                        encoding.add_gradient(part, params, x, dx, parts.values);
                    } else {
                        encoding.add_gradient(part, params, x, dx, parts.partial);
                        encoding.merge_gradient(part, x, parts.partial, parts.values);
                    }
                }
            }
        });
    }
}
