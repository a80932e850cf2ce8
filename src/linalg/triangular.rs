//! Triangular systems. Rows of a matrix are `stride` apart.

use crate::blas1::{add_scaled, dot};

/// Solves R x = b for upper triangular R, in place of b.
///
/// Zeros on the diagonal make the result infinite or NaN.
pub(crate) fn solve_upper(r: &[f64], stride: usize, x: &mut [f64]) {
    let n = x.len();
    for j in (0..n).rev() {
        let row = &r[j * stride..][..n];
        x[j] = (x[j] - dot(&row[j + 1..], &x[j + 1..])) / row[j];
    }
}

/// Solves Rᵀ x = b for upper triangular R, in place of b.
pub(crate) fn solve_transposed_upper(r: &[f64], stride: usize, x: &mut [f64]) {
    let n = x.len();
    for j in 0..n {
        let row = &r[j * stride..][..n];
        x[j] /= row[j];
        let factor = -x[j];
        add_scaled(&mut x[j + 1..], &row[j + 1..], factor);
    }
}

/// Solves L x = b for lower triangular L, in place of b.
pub(crate) fn solve_lower(l: &[f64], stride: usize, x: &mut [f64]) {
    for j in 0..x.len() {
        let row = &l[j * stride..][..=j];
        x[j] = (x[j] - dot(&row[..j], &x[..j])) / row[j];
    }
}

/// Solves Lᵀ x = b for lower triangular L, in place of b.
pub(crate) fn solve_transposed_lower(l: &[f64], stride: usize, x: &mut [f64]) {
    for j in (0..x.len()).rev() {
        let row = &l[j * stride..][..=j];
        x[j] /= row[j];
        let factor = -x[j];
        add_scaled(&mut x[..j], &row[..j], factor);
    }
}

/// Writes the inverse of upper triangular R, with zeros below the diagonal.
///
/// Row j of the inverse is a sum of the rows below it, so that every operation runs along rows.
pub(crate) fn invert_upper(r: &[f64], stride: usize, n: usize, inverse: &mut [f64]) {
    inverse.fill(0.0);
    for j in (0..n).rev() {
        let row = &r[j * stride..][..n];
        let (above, below) = inverse.split_at_mut((j + 1) * n);
        let to = &mut above[j * n..];
        for (k, below) in (j + 1..n).zip(below.chunks_exact(n)) {
            add_scaled(&mut to[k..], &below[k..], -row[k]);
        }
        to[j] = 1.0;
        for x in &mut to[j..] {
            *x /= row[j];
        }
    }
}
