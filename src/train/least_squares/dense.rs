//! Residuals of a caller's function, with the whole Jacobian in memory.

use alloc::vec::Vec;

use super::check::{Comparison, GROSS};
use super::problem::{Problem, SHIFT, second_derivative};
use super::system::System;
use crate::blas1::dot;
use crate::error::{Error, Position, Result};
use crate::float::{check_finite, check_finite_rows};
use crate::memory;

/// A caller's function that writes residuals and, if asked, their Jacobian.
pub(super) trait Function {
    /// Evaluates the function. `residuals` arrive as [`UNWRITTEN`], `jacobian` as zeros.
    fn call(
        &mut self,
        params: &[f64],
        residuals: &mut [f64],
        jacobian: Option<&mut [f64]>,
    ) -> Result<()>;

    /// Returns the relative error of the Jacobian's numbers.
    fn derivative_error(&self) -> f64 {
        f64::EPSILON
    }

    /// Checks the Jacobian at a point by differences, if it is the caller's. Returns the number of
    /// evaluations.
    fn verify(&mut self, params: &[f64], residuals: &[f64], jacobian: &[f64]) -> Result<usize> {
        let _ = (params, residuals, jacobian);
        Ok(0)
    }

    /// Returns the number of additional evaluations that a Jacobian took so far.
    fn more_evaluations(&self) -> usize {
        0
    }
}

/// A function with its own Jacobian.
pub(super) struct Analytic<F>(pub(super) F);

impl<F> Function for Analytic<F>
where
    F: FnMut(&[f64], &mut [f64], Option<&mut [f64]>) -> Result<()>,
{
    fn call(
        &mut self,
        params: &[f64],
        residuals: &mut [f64],
        jacobian: Option<&mut [f64]>,
    ) -> Result<()> {
        (self.0)(params, residuals, jacobian)
    }

    fn verify(&mut self, params: &[f64], residuals: &[f64], jacobian: &[f64]) -> Result<usize> {
        let function = |params: &[f64], residuals: &mut [f64]| (self.0)(params, residuals, None);
        // Near the point, the function may fail. This tells nothing about the Jacobian.
        let Ok(comparison) = Comparison::new(params, residuals, jacobian, GROSS, function) else {
            return Ok(0);
        };
        comparison.wrong.map_or(Ok(comparison.evaluations), Err)
    }
}

/// Residuals of a function, and buffers for their derivatives.
pub(super) struct Dense<F> {
    function: F,
    residuals: Vec<f64>,
    trial: Vec<f64>,
    /// Row-major `[residuals x params]`.
    jacobian: Vec<f64>,
    shifted: Vec<f64>,
    product: Vec<f64>,
    evaluations: usize,
}

impl<F: Function> Dense<F> {
    pub(super) fn new(residuals: usize, params: usize, function: F) -> Result<Self> {
        let zeros = |len| memory::filled("residuals", 0.0, len);
        let len = memory::product("Jacobian", &[residuals, params])?;
        Ok(Self {
            function,
            residuals: zeros(residuals)?,
            trial: zeros(residuals)?,
            jacobian: memory::filled("Jacobian", 0.0, len)?,
            shifted: zeros(params)?,
            product: zeros(params)?,
            evaluations: 0,
        })
    }
}

impl<F: Function> Problem for Dense<F> {
    fn residuals(&self) -> usize {
        self.residuals.len()
    }

    fn derivative_error(&self) -> f64 {
        self.function.derivative_error()
    }

    fn evaluations(&self) -> usize {
        self.evaluations + self.function.more_evaluations()
    }

    fn evaluate(&mut self, params: &[f64]) -> Result<f64> {
        self.evaluations += 1;
        self.trial.fill(UNWRITTEN);
        self.function.call(params, &mut self.trial, None)?;
        check_residuals(&self.trial)?;
        sum_of_squares(&self.trial)
    }

    fn linearize(&mut self, params: &[f64], system: &mut System) -> Result<f64> {
        self.evaluations += 1;
        self.residuals.fill(UNWRITTEN);
        self.jacobian.fill(0.0);
        let jacobian = Some(&mut self.jacobian[..]);
        self.function.call(params, &mut self.residuals, jacobian)?;
        check_residuals(&self.residuals)?;
        check_finite_rows("Jacobian at the start", &self.jacobian, params.len())?;
        system.add(&self.jacobian, &self.residuals)?;
        sum_of_squares(&self.residuals)
    }

    fn verify(&mut self, params: &[f64]) -> Result<()> {
        let function = &mut self.function;
        self.evaluations += function.verify(params, &self.residuals, &self.jacobian)?;
        Ok(())
    }

    fn has_zeros(&self) -> bool {
        let n = self.shifted.len();
        let mut rows = self.jacobian.chunks_exact(n);
        let has_row = rows.any(|row| row.iter().all(|&x| x == 0.0));
        has_row || (0..n).any(|j| self.jacobian[j..].iter().step_by(n).all(|&x| x == 0.0))
    }

    fn accelerate(
        &mut self,
        params: &[f64],
        velocity: &[f64],
        system: &mut System,
        acceleration: &mut [f64],
    ) -> Result<bool> {
        for ((to, x), v) in self.shifted.iter_mut().zip(params).zip(velocity) {
            *to = x + SHIFT * v;
        }
        let shifted = core::mem::take(&mut self.shifted);
        let result = self.evaluate(&shifted);
        self.shifted = shifted;
        match result {
            Err(Error::NotFinite { .. } | Error::Overflow { .. }) => return Ok(false),
            result => result?,
        };
        self.product.fill(0.0);
        let rows = self.jacobian.chunks_exact(params.len());
        for ((second, r), row) in self.trial.iter_mut().zip(&self.residuals).zip(rows) {
            *second = second_derivative(*r, *second, dot(row, velocity));
            for (to, x) in self.product.iter_mut().zip(row) {
                *to += x * *second;
            }
        }
        Ok(system.solve_again(&self.trial, &self.product, acceleration))
    }
}

/// Fills residuals before the function writes them: NaN with a payload that no computation has.
pub(super) const UNWRITTEN: f64 = f64::from_bits(0x7ff8_5eed_0f0f_5eed);

/// Checks residuals. The message is for the start, because later such an error shortens the step.
pub(super) fn check_residuals(residuals: &[f64]) -> Result<()> {
    check_finite("residuals at the start", residuals).map_err(|error| match error {
        Error::NotFinite { at, value, .. } if value.to_bits() == UNWRITTEN.to_bits() => {
            let what = "residuals at the start, some of which the function did not write";
            Error::NotFinite { what, at, value }
        }
        error => error,
    })
}

/// Returns the sum of squares, which must be finite.
pub(in crate::train) fn sum_of_squares(residuals: &[f64]) -> Result<f64> {
    let value = dot(residuals, residuals);
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::NotFinite {
        what: "sum of squares of the residuals",
        at: Position::Start,
        value,
    })
}

/// A function without derivatives, whose Jacobian consists of differences.
pub(super) struct Differences<F> {
    function: F,
    params: Vec<f64>,
    /// Largest magnitude of each parameter so far.
    largest: Vec<f64>,
    above: Vec<f64>,
    below: Vec<f64>,
    evaluations: usize,
}

/// Distance of central differences relative to the parameter: the cube root of the precision. It
/// balances rounding and truncation.
const CENTRAL: f64 = 6.055454452393343e-6;

/// Distance of one-sided differences relative to the parameter: the square root of the precision.
const ONE_SIDED: f64 = 1.4901161193847656e-8;

/// Factor of the distances for a Jacobian, and for a second one that shows the error of the first.
pub(super) const FINE: f64 = 1.0;
pub(super) const COARSE: f64 = 16.0;

/// Size of a parameter near zero, relative to its largest magnitude so far.
const SMALLEST: f64 = 1e-4;

impl<F: FnMut(&[f64], &mut [f64]) -> Result<()>> Differences<F> {
    pub(super) fn new(residuals: usize, start: &[f64], function: F) -> Result<Self> {
        let sizes = start.iter().map(|x| SMALLEST * x.abs());
        let sizes = memory::collected("parameters", start.len(), sizes)?;
        Self::with_sizes(residuals, &sizes, function)
    }

    /// Distances are relative to the parameters or to these sizes, whichever are larger. 0 stands
    /// for an unknown size.
    pub(super) fn with_sizes(residuals: usize, sizes: &[f64], function: F) -> Result<Self> {
        let n = sizes.len();
        let largest = sizes
            .iter()
            .map(|&x| if x == 0.0 { 1.0 } else { x / SMALLEST });
        Ok(Self {
            function,
            params: memory::filled("parameters", 0.0, n)?,
            largest: memory::collected("parameters", n, largest)?,
            above: memory::filled("residuals", 0.0, residuals)?,
            below: memory::filled("residuals", 0.0, residuals)?,
            evaluations: 0,
        })
    }

    /// Sets the point at which to differentiate.
    pub(super) fn move_to(&mut self, params: &[f64]) {
        self.params.copy_from_slice(params);
    }

    /// Returns the number of evaluations so far.
    pub(super) fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// Returns the size of parameter `j`, to which distances are relative.
    pub(super) fn size(&self, j: usize) -> f64 {
        self.params[j].abs().max(SMALLEST * self.largest[j])
    }

    /// Evaluates the function with parameter `j` changed. Returns `false` if residuals are not
    /// finite.
    fn shift(&mut self, j: usize, x: f64, to: Side) -> Result<bool> {
        let before = core::mem::replace(&mut self.params[j], x);
        let to = match to {
            Side::Above => &mut self.above,
            Side::Below => &mut self.below,
        };
        to.fill(UNWRITTEN);
        self.evaluations += 1;
        let result = (self.function)(&self.params, to);
        self.params[j] = before;
        match result {
            Err(Error::NotFinite { .. } | Error::Overflow { .. }) => Ok(false),
            result => result.map(|()| to.iter().all(|r| r.is_finite())),
        }
    }

    /// Returns the derivatives with respect to parameter `j`, or NaN where there are none.
    /// Distances are multiplied by `factor`.
    pub(super) fn derive(&mut self, j: usize, residuals: &[f64], factor: f64) -> Result<&[f64]> {
        let x = self.params[j];
        self.largest[j] = self.largest[j].max(x.abs());
        let size = factor * self.size(j);
        let (high, low) = (x + CENTRAL * size, x - CENTRAL * size);
        let has_above = self.shift(j, high, Side::Above)?;
        let has_below = self.shift(j, low, Side::Below)?;
        if has_above && has_below {
            for (above, below) in self.above.iter_mut().zip(&self.below) {
                *above = (*above - below) / (high - low);
            }
            return Ok(&self.above);
        }
        // The point lies at the border of the function's domain.
        for other in [x + ONE_SIDED * size, x - ONE_SIDED * size] {
            if self.shift(j, other, Side::Above)? {
                for (above, r) in self.above.iter_mut().zip(residuals) {
                    *above = (*above - r) / (other - x);
                }
                return Ok(&self.above);
            }
        }
        self.above.fill(f64::NAN);
        Ok(&self.above)
    }
}

/// Buffer for shifted residuals.
#[derive(Clone, Copy)]
enum Side {
    Above,
    Below,
}

impl<F: FnMut(&[f64], &mut [f64]) -> Result<()>> Function for Differences<F> {
    fn call(
        &mut self,
        params: &[f64],
        residuals: &mut [f64],
        jacobian: Option<&mut [f64]>,
    ) -> Result<()> {
        (self.function)(params, residuals)?;
        let Some(jacobian) = jacobian else {
            return Ok(());
        };
        self.move_to(params);
        for j in 0..params.len() {
            let derivatives = self.derive(j, residuals, FINE)?;
            let column = jacobian[j..].iter_mut().step_by(params.len());
            for (to, derivative) in column.zip(derivatives) {
                *to = *derivative;
            }
        }
        Ok(())
    }

    fn derivative_error(&self) -> f64 {
        // Rounding of the residuals, divided by the distance.
        1e-9
    }

    fn more_evaluations(&self) -> usize {
        self.evaluations
    }
}
