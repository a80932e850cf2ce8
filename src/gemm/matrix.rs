//! Matrices as views of slices.

use alloc::format;

use crate::error::{Error, Result};
use crate::memory;

/// A read-only view of a matrix with `rows x cols` numbers.
///
/// Element (r, c) is `data[r * row_stride + c * col_stride]`.
#[derive(Clone, Copy, Debug)]
#[must_use = "`transposed` returns another view"]
pub struct MatRef<'a, T> {
    pub(super) data: &'a [T],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
}

impl<'a, T> MatRef<'a, T> {
    /// Creates a row-major matrix without gaps.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` has fewer than `rows * cols` values.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Result<Self> {
        Self::with_strides(data, rows, cols, cols, 1)
    }

    /// Creates a matrix with any strides. Elements may overlap.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` ends before the last element. [`Error::TooLarge`] for more
    /// elements than any memory holds, which strides of 0 make possible.
    pub fn with_strides(
        data: &'a [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Result<Self> {
        check_extent(data.len(), rows, cols, row_stride, col_stride)?;
        Ok(Self {
            data,
            rows,
            cols,
            row_stride,
            col_stride,
        })
    }

    /// Creates a matrix with contiguous rows, `row_stride` apart, in a buffer that was made for it.
    pub(crate) fn row_major(data: &'a [T], rows: usize, cols: usize, row_stride: usize) -> Self {
        Self {
            data,
            rows,
            cols,
            row_stride,
            col_stride: 1,
        }
    }

    /// Returns the transpose, without a copy.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// Returns a block of rows and columns, which must lie inside the matrix.
    pub(super) fn part(self, row: usize, rows: usize, col: usize, cols: usize) -> Self {
        // A matrix without elements may have any strides.
        let (down, across) = (self.rows_from(row), col.saturating_mul(self.col_stride));
        Self {
            data: &down[across.min(down.len())..],
            rows,
            cols,
            ..self
        }
    }

    /// Returns the numbers from this row on. They may be none if the matrix has no elements.
    pub(super) fn rows_from(&self, row: usize) -> &'a [T] {
        let start = row.saturating_mul(self.row_stride);
        &self.data[start.min(self.data.len())..]
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }
}

/// A mutable, row-major view of a matrix with contiguous rows.
#[derive(Debug)]
pub struct MatMut<'a, T> {
    pub(super) data: &'a mut [T],
    pub(super) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
}

impl<'a, T> MatMut<'a, T> {
    /// Creates a row-major matrix without gaps.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` has fewer than `rows * cols` values.
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Result<Self> {
        Self::with_stride(data, rows, cols, cols)
    }

    /// Creates a row-major matrix whose rows begin `row_stride` apart.
    ///
    /// # Errors
    /// [`Error::Length`] if `data` ends before the last element. [`Error::InvalidSetting`] if rows
    /// would overlap.
    pub fn with_stride(
        data: &'a mut [T],
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> Result<Self> {
        if row_stride < cols && rows > 1 {
            let expected = format!("at least {cols}");
            return Err(Error::invalid_setting("row stride", expected, row_stride));
        }
        check_extent(data.len(), rows, cols, row_stride, 1)?;
        Ok(Self {
            data,
            rows,
            cols,
            row_stride,
        })
    }
}

fn check_extent(
    got: usize,
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
) -> Result<()> {
    let what = "matrix";
    if memory::product(what, &[rows, cols])? == 0 {
        return Ok(());
    }
    let down = (rows - 1).saturating_mul(row_stride);
    let last = (cols - 1).saturating_mul(col_stride).saturating_add(down);
    let expected = last.saturating_add(1);
    if expected <= got {
        return Ok(());
    }
    Err(Error::Length {
        what,
        expected,
        got,
    })
}
