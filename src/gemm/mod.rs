//! Matrix products over plain slices: C = A B, with every sum in one fixed order.
//!
//! Each element of C is one chain of fused multiply-adds, over k upwards, from zero (or
//! from what C held, for [`multiply_add`]): the same bits for one row or many and on every
//! instruction set that fuses. The loops, from the outside in:
//!
//! 1. a *strip* of 24 rows of A and C, which stays in the first-level cache,
//! 2. a *panel* of up to four registers of columns of B and C,
//! 3. a *tile* of rows of the strip by the panel, whose sums stay in registers,
//! 4. k, along A's rows and down B's: one row of B's panel times one number of each row of A.
//!
//! B is always read along its rows as vectors, A one number at a time with any strides, so
//! a transposed A costs nothing and all three products of a training step are this one.

use alloc::format;
use alloc::string::ToString;
use core::marker::PhantomData;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::memory;
use crate::simd::{self, Op, Simd, Vector};

mod blocked;
mod buffer;
mod tile;

pub(crate) use buffer::{Buffer, LINE, padded, transpose};

use tile::Tile;

/// Rows that are finished together: a multiple of every tile's height.
pub(crate) const MC: usize = 24;

/// A matrix that is read: `rows x cols` numbers, where element (r, c) is
/// `data[r * row_stride + c * col_stride]`.
#[derive(Clone, Copy, Debug)]
#[must_use = "`transposed` returns another view"]
pub struct MatRef<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, T> MatRef<'a, T> {
    /// A row-major matrix without gaps.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` has fewer than `rows * cols` values.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Result<Self> {
        Self::with_strides(data, rows, cols, cols, 1)
    }

    /// A matrix with any strides; they may overlap.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` ends before the last element, [`Error::OutOfRange`] for more
    /// elements than any data can have, as strides of 0 can claim.
    pub fn with_strides(
        data: &'a [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self> {
        check_extent("matrix", data.len(), rows, cols, row_stride, col_stride)?;
        Ok(Self {
            data,
            rows,
            cols,
            row_stride,
            col_stride,
        })
    }

    /// The same numbers, with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// Some rows and columns of it, which it must have.
    fn part(self, row: usize, rows: usize, col: usize, cols: usize) -> Self {
        // Strides of a matrix without elements may be any.
        let down = row.saturating_mul(self.row_stride);
        let start = down.saturating_add(col.saturating_mul(self.col_stride));
        Self {
            data: &self.data[start.min(self.data.len())..],
            rows,
            cols,
            ..self
        }
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn cols(&self) -> usize {
        self.cols
    }
}

/// A matrix that is written: row-major, each row contiguous.
#[derive(Debug)]
pub struct MatMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl<'a, T> MatMut<'a, T> {
    /// A row-major matrix without gaps.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` has fewer than `rows * cols` values.
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self> {
        Self::with_stride(data, rows, cols, cols)
    }

    /// A row-major matrix whose rows begin `row_stride` apart.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` ends before the last element, [`Error::OutOfRange`] if
    /// rows would overlap.
    pub fn with_stride(
        data: &'a mut [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> Result<Self> {
        if row_stride < cols && rows > 1 {
            return Err(Error::out_of_range(
                "row stride",
                format!("at least {cols}"),
                row_stride,
            ));
        }
        check_extent("matrix", data.len(), rows, cols, row_stride, 1)?;
        Ok(Self {
            data,
            rows,
            cols,
            row_stride,
        })
    }
}

fn check_extent(
    what: &'static str,
    got: usize,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
) -> Result<()> {
    if memory::product(what, &[rows, cols])? == 0 {
        return Ok(());
    }
    let last = (rows - 1).checked_mul(row_stride).and_then(|down| {
        (cols - 1)
            .checked_mul(col_stride)?
            .checked_add(down)?
            .checked_add(1)
    });
    match last {
        Some(expected) if expected <= got => Ok(()),
        Some(expected) => Err(Error::Length {
            what,
            expected,
            got,
        }),
        None => Err(Error::Length {
            what,
            expected: usize::MAX,
            got,
        }),
    }
}

/// C = A B.
///
/// ```
/// use feedforward::gemm::{MatMut, MatRef, multiply};
///
/// let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // 2 x 3
/// let b = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]; // 3 x 2
/// let mut c = [0.0; 4];
/// multiply(MatRef::new(&a, 2, 3)?, MatRef::new(&b, 3, 2)?, MatMut::new(&mut c, 2, 2)?)?;
/// assert_eq!(c, [4.0, 5.0, 10.0, 11.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`] if the shapes do not fit.
pub fn multiply<T: Float>(a: MatRef<'_, T>, b: MatRef<'_, T>, c: MatMut<'_, T>) -> Result<()> {
    public(a, b, c, Accumulate::Overwrite)
}

/// C = C + A B, each sum going on from what C holds.
///
/// # Errors
/// [`Error::OutOfRange`] if the shapes do not fit.
pub fn multiply_add<T: Float>(a: MatRef<'_, T>, b: MatRef<'_, T>, c: MatMut<'_, T>) -> Result<()> {
    public(a, b, c, Accumulate::Add)
}

fn public<T: Float>(
    a: MatRef<'_, T>,
    b: MatRef<'_, T>,
    c: MatMut<'_, T>,
    accumulate: Accumulate,
) -> Result<()> {
    simd::check()?;
    if a.cols != b.rows {
        return Err(Error::out_of_range("rows of B", a.cols.to_string(), b.rows));
    }
    if (c.rows, c.cols) != (a.rows, b.cols) {
        let expected = format!("{} x {}", a.rows, b.cols);
        return Err(Error::out_of_range(
            "shape of C",
            expected,
            format!("{} x {}", c.rows, c.cols),
        ));
    }
    if c.rows == 0 || c.cols == 0 {
        return Ok(());
    }
    blocked::run(a, b, c, accumulate);
    Ok(())
}

/// Values in a register of the instruction set in use.
fn lanes<T: Float>() -> usize {
    struct Lanes<T>(PhantomData<T>);
    impl<T: Float> Op for Lanes<T> {
        type Output = usize;
        #[inline(always)]
        fn run<S: Simd>(self, _: S) -> usize {
            T::Vector::<S>::LANES
        }
    }
    simd::dispatch(Lanes::<T>(PhantomData))
}

/// Where the chains begin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Accumulate {
    /// At zero.
    Overwrite,
    /// At what C holds.
    Add,
}

/// One product for the kernel: `rows x k` times `k x cols`.
///
/// B's rows are contiguous, `b_row` apart, and are read in whole registers. If they are padded
/// to one, the last register is read and its surplus not stored. Otherwise it begins earlier, at
/// the last column that leaves it whole, and repeats some columns: then there must be a
/// register's worth of columns, and chains that begin at zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Product<'a, T> {
    pub(crate) rows: usize,
    pub(crate) k: usize,
    pub(crate) cols: usize,
    pub(crate) a: &'a [T],
    pub(crate) a_row: usize,
    pub(crate) a_step: usize,
    pub(crate) b: &'a [T],
    pub(crate) b_row: usize,
    pub(crate) b_padded: bool,
    pub(crate) accumulate: Accumulate,
    /// Added to each row when its chains are done; as long as B's padded rows.
    pub(crate) bias: Option<&'a [T]>,
}

/// Where a product's strips go, and what is done to each while it is hot in the cache.
pub(crate) trait Epilogue<T> {
    /// The place for rows `first..first + rows`, beginning with row `first`, and its row stride.
    fn strip(&mut self, first: usize, rows: usize) -> (&mut [T], usize);
    /// The strip is complete.
    fn finish(&mut self, first: usize, rows: usize);
}

/// Rows of one matrix.
struct Plain<'a, T> {
    c: &'a mut [T],
    row: usize,
}

/// A epilogue that only stores.
pub(crate) fn store<T>(c: &mut [T], row: usize) -> impl Epilogue<T> {
    Plain { c, row }
}

impl<T> Epilogue<T> for Plain<'_, T> {
    fn strip(&mut self, first: usize, _: usize) -> (&mut [T], usize) {
        (&mut self.c[first * self.row..], self.row)
    }
    fn finish(&mut self, _: usize, _: usize) {}
}

impl<T: Float> Product<'_, T> {
    /// Computes it.
    pub(crate) fn run(&self, epilogue: &mut dyn Epilogue<T>) {
        simd::dispatch(Run {
            product: self,
            epilogue,
        });
    }
}

struct Run<'a, T> {
    product: &'a Product<'a, T>,
    epilogue: &'a mut dyn Epilogue<T>,
}

impl<T: Float> Op for Run<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { product, epilogue } = self;
        let mut first = 0;
        while first < product.rows {
            let rows = MC.min(product.rows - first);
            let (c, c_row) = epilogue.strip(first, rows);
            strip(simd, product, first, rows, c, c_row);
            epilogue.finish(first, rows);
            first += rows;
        }
    }
}

/// All panels of one strip.
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
                k: product.k,
                cols: product.cols - column,
                a: &product.a[(first + row)
                    .saturating_mul(product.a_row)
                    .min(product.a.len())..],
                a_row: product.a_row,
                a_step: product.a_step,
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

#[cfg(test)]
mod tests;
