//! The triangular factor of a QR factorization, updated with blocks of rows.

use alloc::vec::Vec;

use crate::error::Result;
use crate::math;
use crate::memory;
use crate::simd::{self, Op, Simd};

/// The upper triangular factor R of A = Q R, for a matrix A that arrives in blocks of rows.
///
/// Each row has one more column, the right-hand side b. It becomes Qᵀ b. Then R x = Qᵀ b has the
/// solution x that minimizes |A x - b|.
///
/// Householder reflections fold each block into R, so A is never held as a whole. Rounding errors
/// grow with A's condition instead of its square.
#[derive(Clone, Debug)]
pub(crate) struct Triangle {
    n: usize,
    /// `n` rows of `n + 1` numbers: R, then Qᵀ b.
    rows: Vec<f64>,
    /// One row of memory for reflections.
    scratch: Vec<f64>,
}

impl Triangle {
    pub(crate) fn new(n: usize) -> Result<Self> {
        let what = "triangular factor";
        let width = n.saturating_add(1);
        let len = memory::product(what, &[n, width])?;
        Ok(Self {
            n,
            rows: memory::filled(what, 0.0, len)?,
            scratch: memory::filled(what, 0.0, width)?,
        })
    }

    /// Returns the distance of rows, which have one more number than columns.
    pub(crate) fn stride(&self) -> usize {
        self.n + 1
    }

    /// Returns R and the right-hand side, row by row.
    pub(crate) fn rows(&self) -> &[f64] {
        &self.rows
    }

    pub(crate) fn clear(&mut self) {
        self.rows.fill(0.0);
    }

    /// Adds rows of A and b. They are overwritten.
    pub(crate) fn fold(&mut self, rows: &mut [f64]) {
        let is_triangular = false;
        simd::dispatch(Fold {
            to: self,
            rows,
            is_triangular,
        });
    }

    /// Sets this to the factor of `from`'s rows, with column j divided by `scale[j]`, and of the
    /// rows √μ I below them.
    pub(crate) fn set_damped(
        &mut self,
        from: &Self,
        scale: &[f64],
        damping: f64,
        rows: &mut [f64],
    ) {
        let stride = self.stride();
        self.rows.copy_from_slice(&from.rows);
        for row in self.rows.chunks_exact_mut(stride) {
            for (x, d) in row.iter_mut().zip(scale) {
                *x /= d;
            }
        }
        if damping == 0.0 {
            return;
        }
        rows.fill(0.0);
        let root = math::sqrt(damping);
        for (j, row) in rows.chunks_exact_mut(stride).enumerate() {
            row[j] = root;
        }
        let is_triangular = true;
        simd::dispatch(Fold {
            to: self,
            rows,
            is_triangular,
        });
    }

    /// Solves R x = Qᵀ b.
    pub(crate) fn solve(&self, x: &mut [f64]) {
        for (x, row) in x.iter_mut().zip(self.rows.chunks_exact(self.stride())) {
            *x = row[self.n];
        }
        super::solve_upper(&self.rows, self.stride(), x);
    }
}

struct Fold<'a> {
    to: &'a mut Triangle,
    rows: &'a mut [f64],
    /// `true` if row i has zeros left of column i.
    is_triangular: bool,
}

impl Op for Fold<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Triangle { n, rows, scratch } = self.to;
        let width = *n + 1;
        for (j, pivot) in rows.chunks_exact_mut(width).enumerate() {
            let end = if self.is_triangular {
                (j + 1) * width
            } else {
                self.rows.len()
            };
            reflect(pivot, &mut self.rows[..end], j, scratch);
        }
    }
}

/// Reflects rows so that column j becomes zero below the pivot's row. Columns left of j are zero.
#[inline(always)]
fn reflect(pivot: &mut [f64], below: &mut [f64], j: usize, scratch: &mut [f64]) {
    let width = pivot.len();
    let mut square = 0.0;
    for row in below.chunks_exact(width) {
        square += row[j] * row[j];
    }
    if square == 0.0 {
        return;
    }
    let alpha = pivot[j];
    let norm = math::sqrt(alpha * alpha + square);
    let beta = if alpha > 0.0 { -norm } else { norm };
    // The reflection is I - v vᵀ / h with h = |v|² / 2.
    let v = alpha - beta;
    let h = norm * v.abs();
    pivot[j] = beta;
    let (pivot, sums) = (&mut pivot[j + 1..], &mut scratch[j + 1..]);
    for (sum, &x) in sums.iter_mut().zip(pivot.iter()) {
        *sum = v * x;
    }
    for row in below.chunks_exact(width) {
        let v = row[j];
        for (sum, &x) in sums.iter_mut().zip(&row[j + 1..]) {
            *sum += v * x;
        }
    }
    for (sum, x) in sums.iter_mut().zip(pivot) {
        *sum /= h;
        *x -= v * *sum;
    }
    for row in below.chunks_exact_mut(width) {
        let v = row[j];
        row[j] = 0.0;
        for (x, &sum) in row[j + 1..].iter_mut().zip(sums.iter()) {
            *x -= v * sum;
        }
    }
}
