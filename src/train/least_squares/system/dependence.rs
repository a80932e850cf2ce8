//! Columns of the Jacobian that depend on each other.

use alloc::vec::Vec;

use super::{Form, System, load};
use crate::blas1::{dot, max_abs, scale};
use crate::error::Result;
use crate::linalg::{solve_transposed_upper, solve_upper};
use crate::math;
use crate::memory;
use crate::train::least_squares::report::Inverse;

/// Smallest coefficient in a dependence that counts, relative to the largest one.
const SMALLEST: f64 = 1e-3;

/// Number of steps toward the combination of columns that vanishes. The first goes nearly all the
/// way.
const STEPS: usize = 3;

impl System {
    /// Returns the columns that are zero, or else those of which a combination is zero up to
    /// rounding. There are none with fewer residuals than parameters, or if rounding hides them.
    ///
    /// The combination is the eigenvector of JᵀJ with the smallest eigenvalue, for columns of
    /// length 1. Inverse iteration computes it.
    pub(in crate::train::least_squares) fn dependence(&mut self) -> Result<Inverse> {
        let n = self.n;
        let lengths = &self.norms;
        let zeros: Vec<usize> = (0..n).filter(|&column| lengths[column] == 0.0).collect();
        if !zeros.is_empty() {
            return Ok(Inverse::Zeros(zeros));
        }
        // A start without a pattern is not orthogonal to the combination.
        let start = (1..=n).map(|i| 1.5 + math::sin((i * i) as f64));
        let mut x = memory::collected("covariance", n, start)?;
        let eps = f64::EPSILON * self.rows as f64;
        match &mut self.form {
            Form::Qr(qr) => {
                let damping = eps * eps;
                qr.damped
                    .set_damped(&qr.sum, lengths, damping, &mut qr.damping);
                let (r, stride) = (qr.damped.rows(), qr.damped.stride());
                for _ in 0..STEPS {
                    solve_transposed_upper(r, stride, &mut x);
                    solve_upper(r, stride, &mut x);
                    normalize(&mut x);
                }
            }
            Form::Normal { sum, factor } => {
                let mut damping = eps;
                loop {
                    load(factor, sum, lengths, damping);
                    if factor.factor() {
                        break;
                    }
                    damping *= 10.0;
                    if damping > 1.0 {
                        return Ok(Inverse::Singular(Vec::new()));
                    }
                }
                for _ in 0..STEPS {
                    factor.solve(&mut x);
                    normalize(&mut x);
                }
            }
            Form::Dual(_) => return Ok(Inverse::Singular(Vec::new())),
        }
        let least = SMALLEST * max_abs(&x);
        let columns = x.iter().enumerate().filter(|(_, x)| x.abs() >= least);
        let columns = columns.map(|(column, _)| column).collect();
        Ok(Inverse::Singular(columns))
    }
}

/// Divides by the Euclidean norm.
fn normalize(x: &mut [f64]) {
    let largest = max_abs(x);
    scale(x, 1.0 / largest);
    let length = math::sqrt(dot(x, x));
    scale(x, 1.0 / length);
}
