//! The linear systems of a search: damped least squares around one point.

use alloc::vec::Vec;

use crate::error::Result;
use crate::float::check_finite;
use crate::linalg::{Cholesky, Triangle, solve_transposed_upper, solve_upper};
use crate::math;
use crate::memory;
use crate::parallel::Threads;

use super::Factorization;

mod dependence;
mod inverse;

/// A linear model r + J v of the residuals around a point, and the damped steps of this model.
///
/// A problem adds the rows of J and r in blocks of any size. Only the dual form keeps them.
pub(in crate::train) struct System {
    n: usize,
    rows: usize,
    form: Form,
    /// Jᵀ r.
    gradient: Vec<f64>,
    /// Euclidean norms of J's columns.
    norms: Vec<f64>,
    /// D, one number for each parameter.
    scale: Vec<f64>,
    threads: Threads,
}

enum Form {
    /// J = Q R, for residuals of any condition.
    Qr(Qr),
    /// JᵀJ and its Cholesky factor.
    Normal { sum: Cholesky, factor: Cholesky },
    /// J Jᵀ, if there are fewer residuals than parameters.
    Dual(Dual),
}

struct Qr {
    sum: Triangle,
    damped: Triangle,
    /// Memory for the rows that damping adds.
    damping: Vec<f64>,
    /// Memory for a block of rows of J and -r.
    block: Vec<f64>,
}

struct Dual {
    /// J, and after `set_scale` J D⁻¹.
    jacobian: Vec<f64>,
    residuals: Vec<f64>,
    added: usize,
    sum: Cholesky,
    factor: Cholesky,
    z: Vec<f64>,
}

/// Number of values in a block of rows, which fits in the second-level cache.
const BLOCK: usize = 1 << 13;

impl System {
    pub(super) fn new(factorization: Factorization, rows: usize, n: usize) -> Result<Self> {
        let zeros = |len| memory::filled("system", 0.0, len);
        let form = if rows < n {
            Form::Dual(Dual {
                jacobian: zeros(memory::product("Jacobian", &[rows, n])?)?,
                residuals: zeros(rows)?,
                added: 0,
                sum: Cholesky::new(rows)?,
                factor: Cholesky::new(rows)?,
                z: zeros(rows)?,
            })
        } else if factorization == Factorization::Qr {
            Form::Qr(Qr::new(rows, n)?)
        } else {
            let sum = Cholesky::new(n)?;
            let factor = sum.clone();
            Form::Normal { sum, factor }
        };
        Ok(Self {
            n,
            rows,
            form,
            gradient: zeros(n)?,
            norms: zeros(n)?,
            scale: zeros(n)?,
            threads: Threads::one(),
        })
    }

    /// Sets the threads that share the sums of products.
    pub(super) fn set_threads(&mut self, threads: Threads) {
        self.threads = threads;
    }

    /// Returns Jᵀ r.
    pub(super) fn gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// Returns the Euclidean norms of J's columns.
    pub(super) fn norms(&self) -> &[f64] {
        &self.norms
    }

    /// Returns D.
    pub(super) fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Sets D, as another system of this size had it.
    pub(super) fn set_scale(&mut self, scale: &[f64]) {
        self.scale.copy_from_slice(scale);
    }

    /// Removes all rows.
    pub(super) fn clear(&mut self) {
        self.gradient.fill(0.0);
        self.norms.fill(0.0);
        match &mut self.form {
            Form::Qr(qr) => qr.sum.clear(),
            Form::Normal { sum, .. } => sum.matrix_mut().fill(0.0),
            Form::Dual(dual) => dual.added = 0,
        }
    }

    /// Adds rows of J, and the residuals of these rows.
    pub(in crate::train) fn add(&mut self, jacobian: &[f64], residuals: &[f64]) -> Result<()> {
        let n = self.n;
        for (row, &r) in jacobian.chunks_exact(n).zip(residuals) {
            let sums = self.gradient.iter_mut().zip(&mut self.norms);
            for ((g, square), &x) in sums.zip(row) {
                *g += x * r;
                *square += x * x;
            }
        }
        match &mut self.form {
            Form::Qr(qr) => qr.add(n, jacobian, residuals),
            Form::Normal { sum, .. } => {
                let rows = (BLOCK / n).max(64);
                for jacobian in jacobian.chunks(rows * n) {
                    sum.add_products(jacobian, jacobian.len() / n, (1, n), &self.threads)?;
                }
            }
            Form::Dual(dual) => {
                let first = dual.added;
                dual.added += residuals.len();
                dual.residuals[first..dual.added].copy_from_slice(residuals);
                dual.jacobian[first * n..dual.added * n].copy_from_slice(jacobian);
            }
        }
        Ok(())
    }

    /// Adds a row for each of these columns, values and residuals. It has the value in this column
    /// and is zero elsewhere.
    pub(in crate::train) fn add_diagonal(
        &mut self,
        rows: impl Iterator<Item = (usize, f64, f64)>,
    ) -> Result<()> {
        let mut row = memory::filled("system", 0.0, self.n)?;
        for (column, value, r) in rows {
            if let Form::Normal { sum, .. } = &mut self.form {
                let stride = sum.stride();
                sum.matrix_mut()[column * (stride + 1)] += value * value;
                self.gradient[column] += value * r;
                self.norms[column] += value * value;
            } else {
                row[column] = value;
                self.add(&row, &[r])?;
                row[column] = 0.0;
            }
        }
        Ok(())
    }

    /// Completes the system after its last row, and sets D.
    ///
    /// `scale` receives the norm of a column and its previous scale, which is 0 at first. It must
    /// return a number above 0.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::error::Error::NotFinite) if sums of squares are not finite.
    pub(super) fn rescale(&mut self, scale: impl Fn(f64, f64) -> f64) -> Result<()> {
        for (norm, to) in self.norms.iter_mut().zip(&mut self.scale) {
            *norm = math::sqrt(*norm);
            *to = scale(*norm, *to);
        }
        if let Form::Dual(dual) = &mut self.form {
            for row in dual.jacobian.chunks_exact_mut(self.n) {
                for (x, d) in row.iter_mut().zip(&self.scale) {
                    *x /= d;
                }
            }
            dual.sum.matrix_mut().fill(0.0);
            dual.sum
                .add_products(&dual.jacobian, self.n, (self.n, 1), &self.threads)?;
        }
        Ok(())
    }

    /// Checks the sums of products, which can overflow. The message is for the start, because later
    /// such an error shortens the step.
    pub(super) fn check(&self) -> Result<()> {
        check_finite("gradient at the start", &self.gradient)?;
        check_finite("squares of the Jacobian at the start", &self.norms)
    }

    /// Solves (JᵀJ + μ D²) v = -Jᵀr. Returns `false` if rounding prevents it.
    #[must_use]
    pub(super) fn solve(&mut self, damping: f64, v: &mut [f64]) -> bool {
        let scale = &self.scale;
        match &mut self.form {
            Form::Qr(qr) => {
                qr.damped
                    .set_damped(&qr.sum, scale, damping, &mut qr.damping);
                qr.damped.solve(v);
            }
            Form::Normal { sum, factor } => {
                load(factor, sum, scale, damping);
                if !factor.factor() {
                    return false;
                }
                for ((v, g), d) in v.iter_mut().zip(&self.gradient).zip(scale) {
                    *v = -g / d;
                }
                factor.solve(v);
            }
            Form::Dual(dual) => {
                dual.factor.matrix_mut().copy_from_slice(dual.sum.matrix());
                let stride = dual.factor.stride();
                let diagonal = dual.factor.matrix_mut().iter_mut().step_by(stride + 1);
                diagonal.take(self.rows).for_each(|x| *x += damping);
                if !dual.factor.factor() {
                    return false;
                }
                dual.z.copy_from_slice(&dual.residuals);
                dual.apply(v);
            }
        }
        divide(v, scale)
    }

    /// Solves the last system of [`solve`](Self::solve) for a = -(JᵀJ + μ D²)⁻¹ Jᵀc.
    #[must_use]
    pub(in crate::train) fn solve_again(&mut self, c: &[f64], jt_c: &[f64], a: &mut [f64]) -> bool {
        let scale = &self.scale;
        for ((a, x), d) in a.iter_mut().zip(jt_c).zip(scale) {
            *a = -x / d;
        }
        match &mut self.form {
            Form::Qr(qr) => {
                let (r, stride) = (qr.damped.rows(), qr.damped.stride());
                solve_transposed_upper(r, stride, a);
                solve_upper(r, stride, a);
            }
            Form::Normal { factor, .. } => factor.solve(a),
            Form::Dual(dual) => {
                dual.z.copy_from_slice(c);
                dual.apply(a);
            }
        }
        divide(a, scale)
    }

    /// Returns the diagonal of JᵀJ for the rows that were added so far.
    pub(in crate::train) fn squares(&self) -> &[f64] {
        &self.norms
    }

    /// Returns the number of rows.
    pub(in crate::train) fn rows(&self) -> usize {
        self.rows
    }

    /// Returns `false` if QR would lose less to rounding.
    pub(in crate::train) fn is_precise(&self) -> bool {
        !matches!(self.form, Form::Normal { .. })
    }

    /// Replaces sums of products by QR, without rows. Returns `false` if it changes nothing.
    pub(in crate::train) fn make_precise(&mut self) -> Result<bool> {
        if self.is_precise() {
            return Ok(false);
        }
        self.form = Form::Qr(Qr::new(self.rows, self.n)?);
        self.clear();
        Ok(true)
    }
}

/// Sets `factor` to D⁻¹ JᵀJ D⁻¹ + μ I.
fn load(factor: &mut Cholesky, sum: &Cholesky, scale: &[f64], damping: f64) {
    let stride = sum.stride();
    let rows = factor.matrix_mut().chunks_mut(stride);
    let rows = rows.zip(sum.matrix().chunks(stride)).zip(scale);
    for (i, ((to, from), di)) in rows.enumerate() {
        for ((to, from), dj) in to[..=i].iter_mut().zip(from).zip(scale) {
            *to = from / di / dj;
        }
        to[i] += damping;
    }
}

/// Divides a step by D. Returns `false` if a number is not finite.
fn divide(v: &mut [f64], scale: &[f64]) -> bool {
    let mut is_finite = true;
    for (v, d) in v.iter_mut().zip(scale) {
        *v /= d;
        is_finite &= v.is_finite();
    }
    is_finite
}

impl Qr {
    fn new(rows: usize, n: usize) -> Result<Self> {
        let zeros = |len| memory::filled("system", 0.0, len);
        let sum = Triangle::new(n)?;
        let block = (BLOCK / sum.stride()).clamp(16, 256).min(rows);
        Ok(Self {
            damped: sum.clone(),
            damping: zeros(memory::product("system", &[n, sum.stride()])?)?,
            block: zeros(memory::product("system", &[block, sum.stride()])?)?,
            sum,
        })
    }

    fn add(&mut self, n: usize, jacobian: &[f64], residuals: &[f64]) {
        let stride = n + 1;
        let most = self.block.len() / stride;
        let blocks = jacobian.chunks(most * n).zip(residuals.chunks(most));
        for (jacobian, residuals) in blocks {
            let rows = self.block.chunks_exact_mut(stride);
            let rows = rows.zip(jacobian.chunks_exact(n).zip(residuals));
            for (to, (row, r)) in rows {
                to[..n].copy_from_slice(row);
                to[n] = -r;
            }
            self.sum.fold(&mut self.block[..residuals.len() * stride]);
        }
    }
}

impl Dual {
    /// Computes -(J D⁻¹)ᵀ (J D⁻² Jᵀ + μ I)⁻¹ z.
    fn apply(&mut self, v: &mut [f64]) {
        self.factor.solve(&mut self.z);
        v.fill(0.0);
        for (row, &z) in self.jacobian.chunks_exact(v.len()).zip(&self.z) {
            for (v, x) in v.iter_mut().zip(row) {
                *v -= x * z;
            }
        }
    }
}
