//! The loops of one product around the micro-kernel.

use super::tile::{self, Tile};
use super::{MC, MatRef};
use crate::float::Float;
use crate::simd::{self, Op, Simd, Vector};

/// Start of the sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Accumulate {
    /// Sums start at zero.
    Overwrite,
    /// Sums start at the values in C.
    Add,
}

/// One product A B for the kernel. A may have any strides.
///
/// B's rows are contiguous, `b_row` apart, and are read in whole registers. If the rows are padded
/// to whole registers, the surplus of the last register is not stored. Otherwise the last register
/// begins earlier, so that it ends with the row, and computes some columns twice. This requires at
/// least one register's worth of columns, and sums that start at zero.
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
    /// Describes A times the first columns of B, whose rows are padded.
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

    /// Declares B's rows as not padded.
    pub(super) fn unpadded(mut self) -> Self {
        self.b_padded = false;
        self
    }

    /// Sets where the sums start. Default: at zero.
    pub(crate) fn accumulate(self, accumulate: Accumulate) -> Self {
        Self { accumulate, ..self }
    }

    /// Adds a bias to each finished row. It must be as long as B's padded rows.
    pub(crate) fn bias(mut self, bias: &'a [T]) -> Self {
        self.bias = Some(bias);
        self
    }
}

/// Destination of a product's strips, and work on each strip while it is in the cache.
pub(crate) trait Epilogue<T> {
    /// Returns memory for rows `first..first + rows` of C, and its row stride.
    fn destination(&mut self, first: usize, rows: usize) -> (&mut [T], usize);
    /// Processes these rows of C, which are complete.
    fn finish(&mut self, first: usize, rows: usize);
}

/// An epilogue that only stores C in a matrix, given by its numbers and row stride.
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

/// Computes all micro-panels of one strip.
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
