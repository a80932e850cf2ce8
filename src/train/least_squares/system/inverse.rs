//! Inverses of a system.

use alloc::vec::Vec;

use super::{Form, System, load};
use crate::error::Result;
use crate::linalg::{Cholesky, Triangle, invert_upper};
use crate::math;
use crate::memory;

/// Rows of a system that were added up.
enum Sums {
    Qr(Triangle),
    Normal(Cholesky),
}

impl System {
    /// Returns the inverse that the system would have after the rows that `add` adds, as
    /// [`inverse`](Self::inverse) does. The system keeps the rows that were added before.
    pub(in crate::train) fn inverse_with(
        &mut self,
        add: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<Option<Vec<f64>>> {
        let (gradient, norms) = (self.gradient.clone(), self.norms.clone());
        let form = match &self.form {
            Form::Qr(qr) => Sums::Qr(qr.sum.clone()),
            Form::Normal { sum, .. } => Sums::Normal(sum.clone()),
            Form::Dual(_) => return Ok(None),
        };
        let result = add(self).and_then(|()| {
            self.norms.iter_mut().for_each(|x| *x = math::sqrt(*x));
            self.inverse(f64::EPSILON)
        });
        (self.gradient, self.norms) = (gradient, norms);
        match (&mut self.form, form) {
            (Form::Qr(qr), Sums::Qr(before)) => qr.sum = before,
            (Form::Normal { sum, .. }, Sums::Normal(before)) => *sum = before,
            _ => {}
        }
        result
    }

    /// Returns an upper triangular W with W Wᵀ = (JᵀJ)⁻¹. `None` if J's columns depend on each
    /// other, up to rounding and to this relative error of J.
    pub(in crate::train::least_squares) fn inverse(
        &mut self,
        error: f64,
    ) -> Result<Option<Vec<f64>>> {
        let n = self.n;
        let scale = &self.norms;
        if scale.contains(&0.0) {
            return Ok(None);
        }
        let mut inverse =
            memory::filled("covariance", 0.0, memory::product("covariance", &[n, n])?)?;
        // Rounding errors of the sums are relative to JᵀJ in one form, and to J in the other.
        let eps = f64::EPSILON * self.rows as f64;
        let largest = match &mut self.form {
            Form::Qr(qr) => {
                qr.damped.set_damped(&qr.sum, scale, 0.0, &mut qr.damping);
                invert_upper(qr.damped.rows(), qr.damped.stride(), n, &mut inverse);
                1.0 / eps
            }
            Form::Normal { sum, factor } => {
                load(factor, sum, scale, 0.0);
                if !factor.factor() {
                    return Ok(None);
                }
                invert(factor, n, &mut inverse)?;
                1.0 / math::sqrt(eps)
            }
            Form::Dual(_) => return Ok(None),
        };
        // J's columns have length 1 here, so the largest number measures the condition.
        let largest = largest.min(1.0 / error);
        if !inverse.iter().all(|x| x.abs() < largest) {
            return Ok(None);
        }
        for (row, d) in inverse.chunks_exact_mut(n).zip(scale) {
            for x in row {
                *x /= d;
            }
        }
        Ok(Some(inverse))
    }
}

/// Writes an upper triangular W with W Wᵀ = A⁻¹, from the factor of A.
fn invert(factor: &Cholesky, n: usize, inverse: &mut [f64]) -> Result<()> {
    let mut r = memory::filled("covariance", 0.0, inverse.len())?;
    let rows = factor.matrix().chunks(factor.stride()).take(n);
    for (i, row) in rows.enumerate() {
        for (j, &x) in row[..=i].iter().enumerate() {
            r[j * n + i] = x;
        }
    }
    invert_upper(&r, n, n, inverse);
    Ok(())
}
