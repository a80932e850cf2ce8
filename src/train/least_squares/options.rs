//! Options of the search.

use crate::error::{Result, check_count, check_range};

/// Options of [`least_squares`](super::least_squares): its method, limits and tolerances.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LeastSquaresOptions {
    /// Rule for the damping μ. Default: [`Damping::Nielsen`] with τ = 1e-3.
    pub damping: Damping,
    /// Rule for the scale D of the parameters. Default: [`Scaling::More`].
    pub scaling: Scaling,
    /// Factorization of the linear systems. Default: [`Factorization::Qr`].
    pub factorization: Factorization,
    /// `true` for steps along a parabola instead of a line: the geodesic acceleration of Transtrum
    /// and Sethna, 2012. Default: `true`.
    ///
    /// The second derivative along the step costs one evaluation. In narrow, curved valleys it
    /// saves many iterations. A step is rejected if its acceleration is longer than 0.75 times the
    /// velocity. Steps of a relative length below 1e-5 have no acceleration.
    pub acceleration: bool,
    /// Maximum number of iterations, which are accepted steps. Range: at least 1. Default: 10,000.
    pub iterations: usize,
    /// Number of evaluations from which no further step is tried. Range: at least 1.
    /// Default: 100,000.
    ///
    /// An evaluation is one call of the function, with or without a Jacobian.
    pub evaluations: usize,
    /// Largest cosine between the residuals and a column of the Jacobian at which the search ends.
    /// Range: at least 0. Default: 1e-15.
    pub gradient_tolerance: f64,
    /// [Length of a step](super::LeastSquaresIteration::step) at which the search ends.
    /// Range: at least 0. Default: 1e-15.
    pub step_tolerance: f64,
    /// Relative decrease of the sum of squares at which the search ends, if the model predicted no
    /// more. Range: at least 0. Default: 0.
    ///
    /// With 0, the search continues until rounding hides any decrease.
    pub decrease_tolerance: f64,
    /// Sum of squares at which the search ends. Range: at least 0. Default: 0.
    pub goal: f64,
    /// Damping above which the search ends. Range: above 0. Default: 1e100.
    pub largest_damping: f64,
    /// `true` for a report with a [`covariance`](super::LeastSquaresReport::covariance). It takes
    /// memory for the square of the number of parameters. Default: `true`.
    pub covariance: bool,
}

impl Default for LeastSquaresOptions {
    fn default() -> Self {
        Self {
            damping: Damping::default(),
            scaling: Scaling::default(),
            factorization: Factorization::default(),
            acceleration: true,
            iterations: 10_000,
            evaluations: 100_000,
            gradient_tolerance: 1e-15,
            step_tolerance: 1e-15,
            decrease_tolerance: 0.0,
            goal: 0.0,
            largest_damping: 1e100,
            covariance: true,
        }
    }
}

impl LeastSquaresOptions {
    pub(in crate::train) fn check(&self) -> Result<()> {
        self.damping.check()?;
        check_count("iterations", self.iterations)?;
        check_count("evaluations", self.evaluations)?;
        let (range, expected) = (0.0..f64::INFINITY, "a finite number, at least 0");
        for (what, value) in [
            ("gradient tolerance", self.gradient_tolerance),
            ("step tolerance", self.step_tolerance),
            ("decrease tolerance", self.decrease_tolerance),
            ("goal", self.goal),
        ] {
            check_range(what, value, range.clone(), expected)?;
        }
        check_positive("largest damping", self.largest_damping)
    }
}

/// Rule for the damping μ of [`least_squares`](super::least_squares).
///
/// A larger μ shortens the step and turns it toward the steepest descent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Damping {
    /// Nielsen's rule, which compares the decrease of the sum of squares with the predicted one.
    ///
    /// ```text
    /// start:     μ = τ · max diag(D⁻¹ JᵀJ D⁻¹),  ν = 2
    /// accepted:  μ ← μ · max(1/3, 1 - (2ρ - 1)³),  ν = 2
    /// rejected:  μ ← μ · ν,  ν ← 2ν
    /// ```
    ///
    /// ρ is the decrease divided by the predicted one.
    Nielsen {
        /// τ, which is small if the start is near the solution. Range: above 0.
        tau: f64,
    },
    /// Constant factors, as in MATLAB's `trainlm`. Its numbers are those of
    /// [`MATLAB`](Self::MATLAB), with [`Scaling::None`].
    Factors {
        /// μ at the start. Range: above 0.
        initial: f64,
        /// Factor after an accepted step. Range: above 0 and below 1.
        decrease: f64,
        /// Factor after a rejected step. Range: at least 1.1.
        increase: f64,
    },
}

impl Damping {
    /// Factors with the defaults of MATLAB's `trainlm`, where the largest damping is 1e10.
    pub const MATLAB: Self = Self::Factors {
        initial: 1e-3,
        decrease: 0.1,
        increase: 10.0,
    };

    fn check(self) -> Result<()> {
        match self {
            Self::Nielsen { tau } => check_positive("tau of the damping", tau),
            Self::Factors {
                initial,
                decrease,
                increase,
            } => {
                check_positive("initial damping", initial)?;
                let (what, range) = ("decrease of the damping", f64::MIN_POSITIVE..1.0);
                check_range(what, decrease, range, "above 0 and below 1")?;
                let (what, range) = ("increase of the damping", 1.1..f64::INFINITY);
                check_range(what, increase, range, "a finite number, at least 1.1")
            }
        }
    }
}

impl Default for Damping {
    fn default() -> Self {
        Self::Nielsen { tau: 1e-3 }
    }
}

fn check_positive(what: &'static str, value: f64) -> Result<()> {
    let range = f64::MIN_POSITIVE..f64::INFINITY;
    check_range(what, value, range, "a finite number above 0")
}

/// Rule for the scale D of the parameters in [`least_squares`](super::least_squares).
///
/// Except for [`None`](Self::None), steps do not depend on the units of parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Scaling {
    /// D = I (Levenberg, 1944). It suits parameters of one kind, such as a network's weights.
    None,
    /// Norms of the Jacobian's columns: D² = diag(JᵀJ) (Marquardt, 1963).
    Marquardt,
    /// Largest norms so far of the Jacobian's columns (Moré, 1978).
    #[default]
    More,
}

/// Factorization of the linear systems in [`least_squares`](super::least_squares).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Factorization {
    /// QR of the Jacobian by Householder reflections, in blocks of rows. Rounding errors grow with
    /// the Jacobian's condition.
    #[default]
    Qr,
    /// Cholesky of JᵀJ. It is several times faster for many parameters, and rounding errors grow
    /// with the square of the condition.
    Cholesky,
}
