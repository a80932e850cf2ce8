//! Buffers for the kernel, aligned to cache lines, with rows padded to whole registers.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

use crate::error::Result;
use crate::float::Float;
use crate::memory;
use crate::simd;

/// Alignment of buffers and padded rows in bytes: a cache line, and the widest register.
pub(crate) const LINE: usize = 64;

/// Returns the stride for rows of `n` values, in whole cache lines.
///
/// The stride is never a multiple of 512 bytes, because such rows compete for few cache sets.
pub(crate) fn padded<T>(n: usize) -> usize {
    let line = LINE / size_of::<T>();
    let width = n.max(1).next_multiple_of(line);
    if width.is_multiple_of(8 * line) {
        width + line
    } else {
        width
    }
}

/// A slice that begins on a cache line.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    /// Values before `start` only pad the buffer to the next cache line.
    values: Vec<T>,
    start: usize,
}

impl<T: Float> Buffer<T> {
    /// Creates a buffer of `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        Self::of_zeros(vec![T::zero(); len + Self::SLACK], len)
    }

    /// Creates a buffer of `len` zeros, or returns an error if there is not enough memory.
    pub(crate) fn try_zeros(what: &'static str, len: usize) -> Result<Self> {
        let values = memory::filled(what, T::zero(), len.saturating_add(Self::SLACK))?;
        Ok(Self::of_zeros(values, len))
    }

    const SLACK: usize = LINE / size_of::<T>();

    fn of_zeros(mut values: Vec<T>, len: usize) -> Self {
        let start = values.as_ptr().align_offset(LINE).min(Self::SLACK);
        values.truncate(start + len);
        Self { values, start }
    }

    /// Ensures a length of at least `rows` rows of this stride. Growing discards the contents. An
    /// error changes nothing.
    pub(crate) fn reserve(&mut self, what: &'static str, rows: usize, stride: usize) -> Result<()> {
        let len = memory::product(what, &[rows, stride])?;
        if len > self.len() {
            *self = Self::try_zeros(what, len)?;
        }
        Ok(())
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        &self.values[self.start..]
    }
}

impl<T> DerefMut for Buffer<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..]
    }
}

impl<T: Clone> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let slack = LINE / size_of::<T>();
        let mut values: Vec<T> = Vec::with_capacity(self.len() + slack);
        // The copy has another address, so its first cache line begins at another offset.
        let start = values.as_ptr().align_offset(LINE).min(slack);
        if let Some(first) = self.first() {
            values.resize(start, first.clone());
            values.extend_from_slice(self);
        }
        let start = values.len() - self.len();
        Self { values, start }
    }
}

/// Sets `to[c][r] = from[r][c]` for rows of `cols` values.
///
/// It works on blocks of four rows and columns. It takes a few columns at a time, whose rows in
/// `to` stay in the first-level cache.
pub(crate) fn transpose<T: Float>(
    from: &[T],
    from_row: usize,
    cols: usize,
    to: &mut [T],
    to_row: usize,
) {
    const COLUMNS: usize = 32;
    const BLOCK: usize = 4;
    if from.len() < cols {
        return;
    }
    let rows = (from.len() - cols) / from_row + 1;
    let whole = rows - rows % BLOCK;
    for first in (0..cols).step_by(COLUMNS) {
        let last = cols.min(first + COLUMNS);
        let blocks_end = last - last % BLOCK;
        for row in (0..whole).step_by(BLOCK) {
            for column in (first..blocks_end).step_by(BLOCK) {
                let block = &from[row * from_row + column..];
                simd::transpose_4x4(block, from_row, &mut to[column * to_row + row..], to_row);
            }
        }
        for row in 0..rows {
            let start = if row < whole { blocks_end } else { first };
            for column in start..last {
                to[column * to_row + row] = from[row * from_row + column];
            }
        }
    }
}
