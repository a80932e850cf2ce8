//! The loops of one product around the micro-kernel.

use super::tile::{self, Tile};
use super::{MC, MatRef};
use crate::float::Float;
use crate::simd::{self, Op, Simd, Vector};

/// Where the chains begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Accumulate {
    /// At zero.
    Overwrite,
    /// At what C holds.
    Add,
}

/// One product for the kernel: A, which may have any strides, times B.
///
/// B's rows are contiguous, `b_row` apart, and are read in whole registers. If they are padded
/// to one, the last register is read and its surplus not stored. Otherwise it begins earlier, at
/// the last column that leaves it whole, and repeats some columns: then there must be a
/// register's worth of columns, and chains that begin at zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a, T> {
    a: MatRef<'a, T>,
    b: &'a [T],
    b_row: usize,
    b_padded: bool,
    cols: usize,
    accumulate: Accumulate,
    bias: Option<&'a [T]>,
}

impl<'a, T> Product<'a, T> {
    /// A times the first columns of B, whose rows are padded.
    pub(crate) fn new(a: MatRef<'a, T>, b: &'a [T], b_row: usize, cols: usize) -> Self {
        Self {
            a,
            b,
            b_row,
            b_padded: true,
            cols,
            accumulate: Accumulate::Overwrite,
            bias: None,
        }
    }

    /// Sets that B's rows are not padded.
    pub(super) fn unpadded(mut self) -> Self {
        self.b_padded = false;
        self
    }

    /// Sets where the chains begin. Default: at zero.
    pub(crate) fn accumulate(self, accumulate: Accumulate) -> Self {
        Self { accumulate, ..self }
    }

    /// Adds this to each row when its chains are done; it is as long as B's padded rows.
    pub(crate) fn bias(mut self, bias: &'a [T]) -> Self {
        self.bias = Some(bias);
        self
    }
}

/// The destination of a product's strips, and the work on each while it is in the cache.
pub(crate) trait Epilogue<T> {
    /// Returns room for rows `first..first + rows` of C, and its row stride.
    fn destination(&mut self, first: usize, rows: usize) -> (&mut [T], usize);
    /// Works on these rows of C, which are complete.
    fn finish(&mut self, first: usize, rows: usize);
}

/// An epilogue that leaves C in a matrix: its numbers, and its row stride.
pub(crate) struct Store<'a, T>(pub(crate) &'a mut [T], pub(crate) usize);

impl<T> Epilogue<T> for Store<'_, T> {
    fn destination(&mut self, first: usize, _: usize) -> (&mut [T], usize) {
        (&mut self.0[first * self.1..], self.1)
    }
    fn finish(&mut self, _: usize, _: usize) {}
}

impl<T: Float> Product<'_, T> {
    /// Computes C, strip by strip.
    pub(crate) fn run(&self, epilogue: &mut dyn Epilogue<T>) {
        simd::dispatch(Run(self, epilogue));
    }
}

struct Run<'a, T>(&'a Product<'a, T>, &'a mut dyn Epilogue<T>);

impl<T: Float> Op for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self(product, epilogue) = self;
        let mut first = 0;
        while first < product.a.rows {
            let rows = MC.min(product.a.rows - first);
            let (c, c_row) = epilogue.destination(first, rows);
            strip(simd, product, first, rows, c, c_row);
            epilogue.finish(first, rows);
            first += rows;
        }
    }
}

/// All micro-panels of one strip.
#[inline(always)]
fn strip<S: Simd, T: Float>(
    simd: S,
    product: &Product<'_, T>,
    first: usize,
    rows: usize,
    c: &mut [T],
    c_row: usize,
) {
    let lanes = T::Vector::<S>::LANES;
    let registers = product.cols.div_ceil(lanes);
    let panels = registers.div_ceil(tile::widest::<S>()).max(1);
    let mut begin = 0;
    for panel in 0..panels {
        let end = registers * (panel + 1) / panels;
        let column = begin * lanes;
        let mut last = (end - begin).saturating_sub(1) * lanes;
        if !product.b_padded {
            last = last.min(product.cols - column - lanes);
        }
        let mut row = 0;
        while row < rows {
            let tile = Tile {
                k: product.a.cols,
                cols: product.cols - column,
                a: product.a.rows_from(first + row),
                a_row: product.a.row_stride,
                a_step: product.a.col_stride,
                b: &product.b[column.min(product.b.len())..],
                b_row: product.b_row,
                last,
                c: &mut c[row * c_row + column..],
                c_row,
                accumulate: product.accumulate,
                bias: product.bias.map(|bias| &bias[column..]),
            };
            row += tile.run(simd, rows - row, end - begin);
        }
        begin = end;
    }
}
