//! The loops of one product around the micro-kernel.

use super::tile::{self, Panel};
use super::{MC, MatRef, padded};
use crate::float::Float;
use crate::simd::{self, Op, Simd, Vector};

/// Start of the sums.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Accumulate {
    /// Sums start at zero.
    Overwrite,
    /// Sums start at the values in C.
    Add,
    /// Sums start at zero, and each complete sum is added to the value in C.
    AddSum,
}

/// Last operation on each element of C, while it is in a register.
#[derive(Clone, Copy, Debug)]
pub(super) enum Finish<'a, T> {
    Store,
    /// Raises it to this bound if it is lower.
    AtLeast(T),
    /// Multiplies it by 1 where the element of this matrix exceeds the bound, and by 0 elsewhere.
    /// The matrix has this row stride, and is padded like B.
    WhereAbove(T, &'a [T], usize),
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
    finish: Finish<'a, T>,
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
            finish: Finish::Store,
        }
    }

    /// Declares B's rows as not padded.
    pub(super) fn unpadded(mut self) -> Self {
        self.b_padded = false;
        self
    }

    /// Sets where the sums start. Default: at zero. [`Accumulate::AddSum`] needs padded rows of B.
    pub(crate) fn accumulate(self, accumulate: Accumulate) -> Self {
        Self { accumulate, ..self }
    }

    /// Adds a bias to each finished row. It must be as long as B's padded rows.
    pub(crate) fn bias(mut self, bias: &'a [T]) -> Self {
        self.bias = Some(bias);
        self
    }

    /// Raises elements below `low` to `low`, after the bias.
    pub(crate) fn at_least(mut self, low: T) -> Self {
        self.finish = Finish::AtLeast(low);
        self
    }

    /// Multiplies elements by 1 where those of a matrix like C, with rows padded like B's, exceed
    /// `low`, and by 0 elsewhere.
    pub(crate) fn where_above(mut self, low: T, matrix: &'a [T], row_stride: usize) -> Self {
        self.finish = Finish::WhereAbove(low, matrix, row_stride);
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

/// Returns the number of rows in a strip of a matrix with this many columns, which has 16 KB unless
/// the rows are long.
pub(crate) fn strip_rows<T>(cols: usize) -> usize {
    const BYTES: usize = 1 << 14;
    let row = padded::<T>(cols).saturating_mul(size_of::<T>());
    MC * (BYTES / row.saturating_mul(MC)).max(1)
}

struct Run<'a, T>(&'a Product<'a, T>, &'a mut dyn Epilogue<T>);

impl<T: Float> Op for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self(product, epilogue) = self;
        let mut first = 0;
        let most = strip_rows::<T>(product.cols);
        while first < product.a.rows {
            let rows = most.min(product.a.rows - first);
            let (c, c_row) = epilogue.destination(first, rows);
            strip(simd, product, first, rows, c, c_row);
            epilogue.finish(first, rows);
            first += rows;
        }
    }
}

/// Maximum number of rows of a micro-panel of B that are read at a time. With four registers of 64
/// bytes in a row they take 32 KB.
const PANEL_K: usize = 128;

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
        // Each block of k reads a part of the micro-panel that fits in the first-level cache.
        let k = product.a.cols;
        let blocks = if product.accumulate == Accumulate::AddSum {
            1
        } else {
            k.div_ceil(PANEL_K).max(1)
        };
        for block in 0..blocks {
            let from = k * block / blocks;
            let is_first = block == 0;
            let is_last = block + 1 == blocks;
            let b = from * product.b_row + column;
            let panel = Panel {
                a: product
                    .a
                    .part(first, rows, from, k * (block + 1) / blocks - from),
                b: &product.b[b.min(product.b.len())..],
                b_row: product.b_row,
                cols: product.cols - column,
                last,
                c_row,
                accumulate: if is_first {
                    product.accumulate
                } else {
                    Accumulate::Add
                },
                bias: product.bias.filter(|_| is_last).map(|bias| &bias[column..]),
                finish: match product.finish {
                    Finish::WhereAbove(low, y, y_row) if is_last => {
                        Finish::WhereAbove(low, &y[first * y_row + column..], y_row)
                    }
                    finish if is_last => finish,
                    _ => Finish::Store,
                },
            };
            let mut row = 0;
            while row < rows {
                row += panel.run(simd, row, end - begin, &mut c[row * c_row + column..]);
            }
        }
        begin = end;
    }
}
