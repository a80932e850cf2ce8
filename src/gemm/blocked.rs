//! The outer loops of the public product, with packing.
//!
//! Small products run directly on the caller's slices. Blocks of B are packed in two cases: if rows
//! of B cannot be read in whole registers, and if the matrices outgrow the caches. Blocks of A may
//! be packed too, because distant rows compete for the same cache sets.
//!
//! From the second block of k on, each sum continues from the value in C, so packing does not
//! change the result.

use super::{Accumulate, Buffer, MC, MatMut, MatRef, Product, Store, lanes, padded, transpose};
use crate::float::{Float, instantiate};

/// Block size of k. A micro-panel of B then takes 64 KB, part of any second-level cache.
const KC: usize = 256;

/// Block size of the columns. The packed block of B then takes 512 KB in f32.
const NC: usize = 512;

/// Size of B in bytes from which packing pays. Such a B, with A and C, does not fit in the
/// second-level cache.
const LARGE: usize = 1 << 19;

instantiate! {
    /// Computes C = A B or C + A B for matrices whose shapes match.
    pub(super) fn run<T>(a: MatRef<'_, T>, b: MatRef<'_, T>, c: MatMut<'_, T>, accumulate: Accumulate) {
        let large = b.rows * b.cols * size_of::<T>() >= LARGE && a.rows > MC;
        let readable = b.col_stride == 1 && b.cols >= lanes::<T>();
        let shifted = accumulate == Accumulate::Overwrite || b.cols.is_multiple_of(lanes::<T>());
        if large || !(readable && shifted) {
            return blocks(a, b, c, accumulate);
        }
        let product = Product::new(a, b.data, b.row_stride, c.cols).unpadded();
        let product = product.accumulate(accumulate);
        product.run(&mut Store(c.data, c.row_stride));
    }
}

/// Packs a block row by row. Packed rows are `to_row` apart.
fn pack<T: Float>(to: &mut [T], to_row: usize, from: MatRef<'_, T>) {
    let (rows, cols) = (from.rows, from.cols);
    let (data, row_stride, col_stride) = (from.data, from.row_stride, from.col_stride);
    if rows == 0 || cols == 0 {
        return;
    }
    if col_stride == 1 {
        for (r, to) in to.chunks_mut(to_row).take(rows).enumerate() {
            to[..cols].copy_from_slice(&data[r * row_stride..][..cols]);
        }
    } else if row_stride == 1 && col_stride >= rows {
        let end = (cols - 1) * col_stride + rows;
        transpose(&data[..end], col_stride, rows, to, to_row);
    } else {
        for (r, to) in to.chunks_mut(to_row).take(rows).enumerate() {
            for (c, to) in to[..cols].iter_mut().enumerate() {
                *to = data[r * row_stride + c * col_stride];
            }
        }
    }
}

/// Runs the loops over NC, KC and MC.
fn blocks<T: Float>(a: MatRef<'_, T>, b: MatRef<'_, T>, c: MatMut<'_, T>, accumulate: Accumulate) {
    let (c, c_cols, c_row) = (c.data, c.cols, c.row_stride);
    let (cols, k) = (c_cols.min(NC), a.cols.min(KC));
    let b_row = padded::<T>(cols);
    let mut b_block = Buffer::zeros(k * b_row);
    let a_row = padded::<T>(k);
    let mut a_block = Buffer::zeros(MC * a_row);
    // Packing does not pay if A is read only once.
    let pack_a = c_cols > 4 * lanes::<T>() && a.rows > MC;

    for column in (0..c_cols).step_by(NC) {
        let cols = NC.min(c_cols - column);
        for p in (0..a.cols.max(1)).step_by(KC) {
            let k = KC.min(a.cols - p);
            pack(&mut b_block, b_row, b.part(p, k, column, cols));
            for first in (0..a.rows).step_by(MC) {
                let rows = MC.min(a.rows - first);
                let mut part = a.part(first, rows, p, k);
                if pack_a {
                    pack(&mut a_block, a_row, part);
                    part = MatRef::row_major(&a_block, rows, k, a_row);
                }
                let product = Product::new(part, &b_block, b_row, cols);
                let product = product.accumulate(if p == 0 { accumulate } else { Accumulate::Add });
                let to = &mut c[first * c_row + column..];
                product.run(&mut Store(to, c_row));
            }
        }
    }
}
