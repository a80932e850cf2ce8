//! Report of the search.

use alloc::format;
use alloc::vec::Vec;

use crate::blas1::dot;
use crate::error::{Error, Result, check_length, listed};
use crate::math;
use crate::memory;

/// Results of one iteration of [`least_squares`](super::least_squares), which is one accepted step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LeastSquaresIteration {
    /// Number of the iteration, counted from 1.
    pub number: usize,
    /// Sum of squares of the residuals after the iteration.
    pub sum_of_squares: f64,
    /// Largest cosine between the residuals and a column of the Jacobian, after the iteration.
    pub largest_gradient: f64,
    /// Length of the step relative to the parameters before or after it, whichever are larger. All
    /// are scaled by D.
    pub step: f64,
    /// Damping μ of the next step.
    pub damping: f64,
    /// Number of evaluations so far.
    pub evaluations: usize,
}

/// Reason why [`least_squares`](super::least_squares) ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LeastSquaresStop {
    /// The maximum number of iterations was reached.
    #[default]
    Iterations,
    /// The maximum number of evaluations was reached.
    Evaluations,
    /// The residuals are orthogonal to the Jacobian's columns within the tolerance.
    Gradient,
    /// The step was within its tolerance.
    Step,
    /// The decrease of the sum of squares was within its tolerance, or rounding hid it.
    Decrease,
    /// The sum of squares reached the goal.
    Goal,
    /// The damping exceeded its maximum.
    Damping,
    /// The caller's function ended the search.
    Callback,
    /// The validation loss did not fall any more. Only
    /// [`LevenbergMarquardt`](crate::train::LevenbergMarquardt) validates.
    Validation,
}

/// Report of [`least_squares`](super::least_squares).
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LeastSquaresReport {
    /// Iterations, in order. Empty if no step lowered the sum of squares, or if the start met a
    /// reason to stop. The start was then a minimum up to rounding, or at its goal or limit.
    pub iterations: Vec<LeastSquaresIteration>,
    /// Reason why the search ended.
    pub stopped_by: LeastSquaresStop,
    /// Number of calls of the function, with or without a Jacobian.
    pub evaluations: usize,
    /// Sum of squares of the residuals at the start.
    pub initial_sum_of_squares: f64,
    /// Sum of squares of the residuals at the end.
    pub sum_of_squares: f64,
    /// Number of residuals.
    pub residuals: usize,
    /// Number of parameters.
    pub params: usize,
    pub(super) inverse: Inverse,
    pub(super) kind: ResidualKind,
    /// Mean of the data's squared errors.
    pub(super) mean_square: f64,
}

/// Kind of the residuals of a search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(in crate::train) enum ResidualKind {
    /// Errors of data, perhaps with those of a prior.
    #[default]
    Errors,
    /// Errors of data, and a constant penalty.
    Penalized,
    /// Derivatives of a loss.
    Loss,
}

/// A factor of (JᵀJ)⁻¹.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum Inverse {
    /// The options exclude it.
    #[default]
    Excluded,
    /// These columns of J are zero.
    Zeros(Vec<usize>),
    /// These columns of J depend on each other. Empty if it is unknown which.
    Singular(Vec<usize>),
    /// Row-major, upper triangular W with W Wᵀ = (JᵀJ)⁻¹.
    Factor(Vec<f64>),
}

/// Name of standard deviations and root mean squares in errors.
const DEVIATION: &str = "standard deviation of the residuals";

impl LeastSquaresReport {
    /// Returns the number of residuals minus the number of parameters. 0 if it is not above 0.
    pub fn degrees_of_freedom(&self) -> usize {
        self.residuals.saturating_sub(self.params)
    }

    /// Returns the standard deviation s of the residuals.
    ///
    /// ```text
    /// s = √(sum of squares / degrees of freedom)
    /// ```
    ///
    /// # Errors
    /// [`Error::Incompatible`] without degrees of freedom, and for training with a constant penalty
    /// or with another loss than the squared error
    pub fn residual_standard_deviation(&self) -> Result<f64> {
        self.check_loss(DEVIATION)?;
        if self.kind == ResidualKind::Penalized {
            let expected = "no penalty, or a Bayesian one";
            return Err(Error::incompatible(
                DEVIATION,
                expected,
                "a constant penalty",
            ));
        }
        let degrees = self.degrees_of_freedom();
        if degrees == 0 {
            let expected = format!("more than {}, the number of parameters", self.params);
            return Err(Error::incompatible("residuals", expected, self.residuals));
        }
        Ok(math::sqrt(self.sum_of_squares / degrees as f64))
    }

    /// Returns the root mean square of the residuals: of all data, and without those of a penalty.
    ///
    /// ```text
    /// rmse = √(Σ w r² / Σ w)
    /// ```
    ///
    /// The weights w are those of the samples that
    /// [`LevenbergMarquardt`](crate::train::LevenbergMarquardt) trains on, and else 1.
    ///
    /// # Errors
    /// [`Error::Incompatible`] for training with another loss than the squared error
    pub fn rmse(&self) -> Result<f64> {
        self.check_loss("root mean square of the residuals")?;
        Ok(math::sqrt(self.mean_square))
    }

    fn check_loss(&self, what: &'static str) -> Result<()> {
        if self.kind == ResidualKind::Loss {
            let (expected, got) = ("a fit with the squared error", "another loss");
            return Err(Error::incompatible(what, expected, got));
        }
        Ok(())
    }

    /// Returns the covariance s² (JᵀJ)⁻¹ of the parameters, row-major `[params x params]`.
    ///
    /// J is the Jacobian at the end. The residuals' errors are taken to be independent, with one
    /// common [standard deviation](Self::residual_standard_deviation) s.
    ///
    /// # Errors
    /// - The errors of [`residual_standard_deviation`](Self::residual_standard_deviation)
    /// - [`Error::Incompatible`] if columns of J depend on each other up to rounding. The message
    ///   has the indices of these parameters, or of those in one of several such dependences.
    /// - [`Error::Missing`] if the [options](super::LeastSquaresOptions::covariance) exclude it
    /// - [`Error::TooLarge`] if there is not enough memory
    pub fn covariance(&self) -> Result<Vec<f64>> {
        let (s, inverse) = self.deviation_and_inverse()?;
        let n = self.params;
        let mut covariance = memory::filled("covariance", 0.0, inverse.len())?;
        for (i, row) in inverse.chunks_exact(n).enumerate() {
            for (j, other) in inverse.chunks_exact(n).enumerate().take(i + 1) {
                // Row i of a triangular matrix begins with i zeros.
                let value = s * dot(&row[i..], &other[i..]) * s;
                covariance[i * n + j] = value;
                covariance[j * n + i] = value;
            }
        }
        Ok(covariance)
    }

    /// Returns the standard deviation of each parameter: the square roots of the
    /// [covariance](Self::covariance)'s diagonal.
    ///
    /// # Errors
    /// The errors of [`covariance`](Self::covariance).
    pub fn standard_deviations(&self) -> Result<Vec<f64>> {
        let (s, inverse) = self.deviation_and_inverse()?;
        let rows = inverse.chunks_exact(self.params);
        let deviations = rows.map(|row| s * math::sqrt(dot(row, row)));
        memory::collected("standard deviations", self.params, deviations)
    }

    /// Returns s, and W with W Wᵀ = (JᵀJ)⁻¹.
    pub(in crate::train) fn deviation_and_inverse(&self) -> Result<(f64, &[f64])> {
        let s = self.residual_standard_deviation()?;
        match &self.inverse {
            Inverse::Factor(inverse) => {
                // The report may come from a file.
                let len = memory::product("covariance", &[self.params.max(1), self.params])?;
                check_length("covariance", inverse, len.max(1))?;
                Ok((s, inverse))
            }
            Inverse::Zeros(columns) => {
                let got = format!("zeros in the columns of parameters {}", listed(columns));
                Err(dependent(&got))
            }
            Inverse::Singular(columns) if columns.is_empty() => {
                Err(dependent("columns that depend on each other"))
            }
            Inverse::Singular(columns) => {
                let of = listed(columns);
                Err(dependent(&format!(
                    "columns of parameters {of} that depend on each other"
                )))
            }
            Inverse::Excluded => Err(Error::Missing {
                what: "covariance",
                expected: "the option `covariance`",
            }),
        }
    }
}

fn dependent(got: &str) -> Error {
    Error::incompatible("covariance", "a Jacobian with independent columns", got)
}
