//! The Cholesky factorization, in blocks.

use alloc::vec::Vec;

use crate::error::Result;
use crate::gemm::{
    Accumulate, Buffer, MatMut, MatRef, Product, Store, multiply_add, padded, transpose,
};
use crate::math;
use crate::memory;
use crate::parallel::Threads;
use crate::simd::{self, Op, Simd};

/// Number of columns that are factored together. The kernel subtracts their products from the rest
/// of the matrix.
const BLOCK: usize = 64;

/// Minimum number of multiply-adds for several threads.
const LEAST_WORK: usize = 1 << 20;

/// The factorization A = L Lᵀ of a symmetric, positive definite matrix.
///
/// The matrix is row-major, and only its lower triangle counts. [`factor`](Self::factor) replaces
/// it by L.
#[derive(Clone, Debug)]
pub(crate) struct Cholesky {
    n: usize,
    stride: usize,
    matrix: Buffer<f64>,
    /// The columns of a block below its diagonal, as rows.
    panel: Buffer<f64>,
    /// The columns of a block, negative and packed, as the first factor of the product.
    negative: Vec<f64>,
}

impl Cholesky {
    /// Creates a matrix of zeros.
    pub(crate) fn new(n: usize) -> Result<Self> {
        let what = "symmetric matrix";
        let stride = padded::<f64>(n);
        let block = BLOCK.min(n);
        Ok(Self {
            n,
            stride,
            matrix: Buffer::try_zeros(what, memory::product(what, &[n, stride])?)?,
            panel: Buffer::try_zeros(what, memory::product(what, &[block, stride])?)?,
            negative: memory::filled(what, 0.0, memory::product(what, &[n, block])?)?,
        })
    }

    /// Returns the distance of the matrix's rows.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    pub(crate) fn matrix(&self) -> &[f64] {
        &self.matrix
    }

    pub(crate) fn matrix_mut(&mut self) -> &mut [f64] {
        &mut self.matrix
    }

    /// Adds the products of all pairs of vectors, as in A = A + V Vᵀ, on these threads.
    ///
    /// Vector i has `len` numbers, of which the k-th is `vectors[i * between + k * along]`.
    pub(crate) fn add_products(
        &mut self,
        vectors: &[f64],
        len: usize,
        (between, along): (usize, usize),
        threads: &Threads,
    ) -> Result<()> {
        let (n, stride) = (self.n, self.stride);
        let blocks = self.matrix[..n * stride].chunks_mut(BLOCK * stride);
        let first_rows = (0..n).step_by(BLOCK);
        let add = |(row, to): &mut (usize, &mut [f64])| {
            let (rows, first) = (BLOCK.min(n - *row), *row * between);
            let cols = *row + rows;
            let a = MatRef::with_strides(&vectors[first..], rows, len, between, along)?;
            let b = MatRef::with_strides(vectors, len, cols, along, between)?;
            multiply_add(a, b, MatMut::with_stride(to, rows, cols, stride)?)
        };
        if n * n * len < LEAST_WORK {
            return first_rows
                .zip(blocks)
                .try_for_each(|mut part| add(&mut part));
        }
        threads.try_map("products", first_rows.zip(blocks), &add)?;
        Ok(())
    }

    /// Replaces the matrix by L. Returns `false` if it is not positive definite, or not finite.
    #[must_use]
    pub(crate) fn factor(&mut self) -> bool {
        let mut first = 0;
        while first < self.n {
            let end = self.n.min(first + BLOCK);
            if !self.factor_diagonal(first, end) {
                return false;
            }
            if end < self.n {
                self.solve_panel(first, end);
                self.update(first, end);
            }
            first = end;
        }
        true
    }

    /// Factors the block of the matrix on the diagonal, row by row.
    fn factor_diagonal(&mut self, first: usize, end: usize) -> bool {
        let stride = self.stride;
        for i in first..end {
            let (above, row) = self.matrix.split_at_mut(i * stride);
            let row = &mut row[first..=i];
            for j in first..i {
                let other = &above[j * stride + first..=j * stride + j];
                let (at, diagonal) = (j - first, other[j - first]);
                let sum = dot(&row[..at], &other[..at]);
                row[at] = (row[at] - sum) / diagonal;
            }
            let last = i - first;
            let pivot = row[last] - dot(&row[..last], &row[..last]);
            // NaN fails this test, too.
            if !(pivot > 0.0 && pivot < f64::INFINITY) {
                return false;
            }
            row[last] = math::sqrt(pivot);
        }
        true
    }

    /// Solves for the rows below a block on the diagonal. They are transposed, so that every
    /// operation runs along whole rows.
    fn solve_panel(&mut self, first: usize, end: usize) {
        let (stride, rows, block) = (self.stride, self.n - end, end - first);
        let below = &self.matrix[end * stride + first..];
        transpose(below, stride, block, &mut self.panel, stride);
        simd::dispatch(Solve {
            l: &self.matrix[first * stride + first..],
            panel: &mut self.panel[..block * stride],
            stride,
            rows,
        });
        let below = self.matrix[end * stride..].chunks_mut(stride);
        for (i, row) in below.take(rows).enumerate() {
            let negative = &mut self.negative[i * block..][..block];
            for (k, (to, negative)) in row[first..end].iter_mut().zip(negative).enumerate() {
                *to = self.panel[k * stride + i];
                *negative = -*to;
            }
        }
    }

    /// Subtracts the products of a block's columns from the rest of the lower triangle.
    fn update(&mut self, first: usize, end: usize) {
        let (stride, block) = (self.stride, end - first);
        for row in (end..self.n).step_by(BLOCK) {
            let rows = BLOCK.min(self.n - row);
            let a = &self.negative[(row - end) * block..];
            let a = MatRef::row_major(a, rows, block, block);
            let cols = row + rows - end;
            let product = Product::new(a, &self.panel, stride, cols);
            let to = &mut self.matrix[row * stride + end..];
            product
                .accumulate(Accumulate::Add)
                .run(&mut Store(to, stride));
        }
    }

    /// Solves L Lᵀ x = b, in place of b.
    pub(crate) fn solve(&self, x: &mut [f64]) {
        super::solve_lower(&self.matrix, self.stride, x);
        super::triangular::solve_transposed_lower(&self.matrix, self.stride, x);
    }
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    crate::blas1::dot(x, y)
}

struct Solve<'a> {
    l: &'a [f64],
    panel: &'a mut [f64],
    stride: usize,
    rows: usize,
}

impl Op for Solve<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let stride = self.stride;
        let block = self.panel.len() / stride;
        for k in 0..block {
            let (before, row) = self.panel.split_at_mut(k * stride);
            let row = &mut row[..self.rows];
            let l = &self.l[k * stride..][..=k];
            for (before, &l) in before.chunks_exact(stride).zip(l) {
                for (x, &y) in row.iter_mut().zip(before) {
                    *x -= l * y;
                }
            }
            for x in row {
                *x /= l[k];
            }
        }
    }
}
