//! Memory for the kernel: aligned to a cache line, rows padded to whole registers.

use core::ops::{Deref, DerefMut};

use crate::float::Float;

/// The alignment of buffers and of padded rows, in bytes: a cache line and the widest register.
const ALIGNMENT: usize = 64;

/// The stride for rows of `n` values: whole cache lines, but never a multiple of 256 values,
/// since rows so far apart compete for the same few cache sets.
pub(crate) fn padded<T>(n: usize) -> usize {
    let line = ALIGNMENT / size_of::<T>();
    let width = n.max(1).next_multiple_of(line);
    if width.is_multiple_of(256) {
        width + line
    } else {
        width
    }
}

/// A slice that begins on a cache line.
#[derive(Debug)]
pub(crate) struct Buffer<T> {
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Float> Buffer<T> {
    /// `len` zeros.
    pub(crate) fn zeros(len: usize) -> Self {
        let slack = ALIGNMENT / size_of::<T>();
        let values = vec![T::zero(); len + slack];
        let start = values.as_ptr().align_offset(ALIGNMENT).min(slack);
        Self { values, start, len }
    }

    /// Makes room for `len` values; what it held is lost when it grows.
    pub(crate) fn reserve(&mut self, len: usize) {
        if len > self.len {
            *self = Self::zeros(len);
        }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.values[self.start..][..self.len]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..][..self.len]
    }
}

impl<T: Clone> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        let mut values = self.values.clone();
        // The copy lies elsewhere: its values move to where a cache line begins there.
        let slack = values.len() - self.len;
        let start = values.as_ptr().align_offset(ALIGNMENT).min(slack);
        values.rotate_left(self.start);
        values.rotate_right(start);
        Self {
            values,
            start,
            len: self.len,
        }
    }
}
