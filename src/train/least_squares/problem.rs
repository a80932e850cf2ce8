//! The residuals of a search, wherever they come from.

use super::report::ResidualKind;
use super::system::System;
use crate::error::Result;

/// Part of the velocity at whose end residuals are evaluated for their second derivative: GSL's
/// `h_fvv`.
pub(in crate::train) const SHIFT: f64 = 0.02;

/// Returns the second derivative of a residual along the velocity v, from its value, its value
/// after the [`SHIFT`], and J v.
pub(in crate::train) fn second_derivative(r: f64, shifted: f64, jv: f64) -> f64 {
    2.0 / SHIFT * ((shifted - r) / SHIFT - jv)
}

/// Residuals as a function of parameters.
pub(in crate::train) trait Problem {
    /// Returns the number of residuals.
    fn residuals(&self) -> usize;

    /// Returns the number of residuals that tell something about the data or the penalty. A sample
    /// without weight has none.
    fn informative(&self) -> usize {
        self.residuals()
    }

    /// Returns the relative error of the Jacobian's numbers.
    fn derivative_error(&self) -> f64 {
        f64::EPSILON
    }

    /// Returns the number of evaluations of the caller's function so far.
    fn evaluations(&self) -> usize;

    /// Returns the sum of squares of the residuals.
    ///
    /// Residuals that are not finite are [`Error::NotFinite`] or [`Error::Overflow`]. Other errors
    /// end the search.
    fn evaluate(&mut self, params: &[f64]) -> Result<f64>;

    /// Adds all rows of the Jacobian and all residuals at a point to an empty system. Returns the
    /// sum of squares there.
    ///
    /// A problem may change its penalty in this method. Later evaluations then have the new one.
    ///
    /// Errors are those of [`evaluate`](Self::evaluate). They leave the system in any state.
    fn linearize(&mut self, params: &[f64], system: &mut System) -> Result<f64>;

    /// Keeps the penalty in the next `linearize`.
    fn keep_penalty(&mut self) {}

    /// Returns the kind of the residuals.
    fn kind(&self) -> ResidualKind {
        ResidualKind::Errors
    }

    /// Returns the mean of the data's squared errors at the point of the last `linearize`, where
    /// this is the sum of squares.
    fn mean_square(&self, sum: f64) -> f64 {
        sum / self.residuals() as f64
    }

    /// Checks the Jacobian of the last `linearize`, at this point, if it is the caller's.
    fn verify(&mut self, _params: &[f64]) -> Result<()> {
        Ok(())
    }

    /// Returns `true` if the Jacobian of the last `linearize` has a row or a column of zeros. The
    /// caller may have forgotten it.
    fn has_zeros(&self) -> bool {
        false
    }

    /// Computes the geodesic acceleration for a velocity, at the point of the last `linearize`.
    /// Returns `false` if it is not finite.
    fn accelerate(
        &mut self,
        params: &[f64],
        velocity: &[f64],
        system: &mut System,
        acceleration: &mut [f64],
    ) -> Result<bool>;
}
