//! Nonlinear least squares by Levenberg and Marquardt's method, for any function.

use core::ops::ControlFlow;

#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, check_count, check_not_empty};
use crate::float::check_finite;

mod check;
mod damping;
mod dense;
mod options;
mod problem;
mod report;
mod search;
mod state;
mod system;

pub use check::check_jacobian;
pub(super) use dense::sum_of_squares;
use dense::{Analytic, Dense, Differences, Function};
pub use options::{Damping, Factorization, LeastSquaresOptions, Scaling};
pub(super) use problem::{Problem, SHIFT, second_derivative};
pub(super) use report::ResidualKind;
pub use report::{LeastSquaresIteration, LeastSquaresReport, LeastSquaresStop};
pub(super) use search::Search;
pub(super) use state::SearchState;
pub(super) use system::System;

/// Minimizes the sum of squares of residuals by the method of Levenberg and Marquardt.
///
/// The search starts from `params` and leaves the best parameters there. A residual r is the
/// difference of a model and a datum, for example. The function receives parameters p and writes
/// `residual_count` residuals. If asked, it also writes their Jacobian, which has the derivative of
/// residual i with respect to parameter j in row i and column j. It is row-major
/// `[residuals x params]` and arrives filled with zeros.
///
/// # Algorithm
/// Each step v minimizes a damped linear model of the residuals:
///
/// ```text
/// (JᵀJ + μ D²) · v = -Jᵀ r
/// ```
///
/// A step that lowers the sum of squares is accepted, and the damping μ is lowered. Otherwise the
/// damping is raised and another step is tried. [`Damping`] has the rules for μ, and [`Scaling`]
/// those for the diagonal matrix D.
///
/// With fewer residuals than parameters, a smaller system has the same solution:
///
/// ```text
/// (J D⁻² Jᵀ + μ I) · z = r
/// v = -D⁻² Jᵀ z
/// ```
///
/// By default, the search ends when rounding hides any further decrease. Near this point, a step
/// may also be accepted because the next one promises a much smaller decrease. The sum of squares
/// may then rise in its last digits.
///
/// With [`acceleration`](LeastSquaresOptions::acceleration), the step follows a parabola. Its second
/// derivative costs one evaluation.
///
/// # Failures
/// Residuals and Jacobians that are not finite are an error at the start. Later they shorten the
/// step, as do [`Error::NotFinite`] and [`Error::Overflow`] from the function. Any other error ends
/// the search and is returned. If a function fails for a reason of its own, it returns
/// [`Error::Malformed`], which has room for a text:
///
/// ```text
/// Err(Error::Malformed { what: "table of gases", problem: format!("no gas {name:?}") })
/// ```
///
/// # Wrong Jacobians
/// Test a new Jacobian with [`check_jacobian`] first. A wrong one, with a wrong sign for example,
/// slows the search down or ends it far from a minimum. The search compares the Jacobian with
/// differences in these cases, and a wrong number is then an error:
///
/// - A row or a column of the Jacobian is zero at the start, perhaps because the function did not
///   write it.
/// - No step lowers the sum of squares any more, but the Jacobian promises that one would.
/// - The start seems to be a minimum.
///
/// The comparison takes four evaluations for each parameter. It ignores differences of up to 10 %,
/// so it does not find every wrong Jacobian.
///
/// If J's columns depend on each other, damping makes the step unique. The report's
/// [`covariance`](LeastSquaresReport::covariance) is then an error.
///
/// # Sources
/// - Levenberg, "A method for the solution of certain non-linear problems in least squares", 1944,
///   [doi:10.1090/qam/10666](https://doi.org/10.1090/qam/10666)
/// - Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963,
///   [doi:10.1137/0111030](https://doi.org/10.1137/0111030)
/// - Moré, "The Levenberg-Marquardt algorithm: implementation and theory", 1978,
///   [doi:10.1007/BFb0067700](https://doi.org/10.1007/BFb0067700)
/// - Nielsen, "Damping parameter in Marquardt's method", 1999, report IMM-REP-1999-05
/// - Transtrum and Sethna, "Improvements to the Levenberg-Marquardt algorithm for nonlinear
///   least-squares minimization", 2012, [arXiv:1201.5885](https://arxiv.org/abs/1201.5885)
///
/// # Examples
/// Exponential decay, fitted to five measurements:
///
/// ```
/// use feedforward::train::{LeastSquaresOptions, least_squares};
///
/// let times = [0.0_f64, 1.0, 2.0, 3.0, 4.0];
/// let measured = [3.02, 1.79, 1.12, 0.66, 0.41];
/// let decay = |p: &[f64], residuals: &mut [f64], jacobian: Option<&mut [f64]>| {
///     for ((r, t), y) in residuals.iter_mut().zip(times).zip(measured) {
///         *r = p[0] * (-p[1] * t).exp() - y;
///     }
///     if let Some(jacobian) = jacobian {
///         for (row, t) in jacobian.chunks_exact_mut(2).zip(times) {
///             row[0] = (-p[1] * t).exp();
///             row[1] = -t * p[0] * (-p[1] * t).exp();
///         }
///     }
///     Ok(())
/// };
/// let mut p = [1.0, 1.0];
/// let options = LeastSquaresOptions::default();
/// let report = least_squares(&options, &mut p, 5, decay)?;
/// assert!((p[0] - 3.02).abs() < 0.02 && (p[1] - 0.506).abs() < 0.01, "{p:?}");
/// let errors = report.standard_deviations()?;
/// assert!(errors[0] < 0.03 && errors[1] < 0.01, "{errors:?}");
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::InvalidSetting`] if an option is outside its range, or `residual_count` is 0
/// - [`Error::Empty`] without parameters
/// - [`Error::NotFinite`] if parameters, residuals or the Jacobian are not finite at the start
/// - [`Error::InvalidValue`] for a wrong number of the Jacobian, if the search finds it
/// - [`Error::TooLarge`] if the Jacobian does not fit in memory
/// - Any other error of the function
///
/// After an error, the parameters are those of the last iteration.
pub fn least_squares(
    options: &LeastSquaresOptions,
    params: &mut [f64],
    residual_count: usize,
    function: impl FnMut(&[f64], &mut [f64], Option<&mut [f64]>) -> Result<()>,
) -> Result<LeastSquaresReport> {
    least_squares_with(options, params, residual_count, function, go_on)
}

/// Minimizes as [`least_squares`] does, and calls a function after each iteration.
///
/// `on_iteration` receives each iteration with its parameters and can end the search.
///
/// ```
/// use std::ops::ControlFlow;
/// use feedforward::train::{LeastSquaresOptions, LeastSquaresStop, least_squares_with};
///
/// let root = |p: &[f64], residuals: &mut [f64], jacobian: Option<&mut [f64]>| {
///     residuals[0] = p[0] * p[0] - 2.0;
///     if let Some(jacobian) = jacobian {
///         jacobian[0] = 2.0 * p[0];
///     }
///     Ok(())
/// };
/// let mut p = [9.0];
/// let options = LeastSquaresOptions::default();
/// let report = least_squares_with(&options, &mut p, 1, root, |iteration, p| {
///     println!("{}: {} at {p:?}", iteration.number, iteration.sum_of_squares);
///     if p[0] < 2.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// })?;
/// assert_eq!(report.stopped_by, LeastSquaresStop::Callback);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// The errors of [`least_squares`].
pub fn least_squares_with(
    options: &LeastSquaresOptions,
    params: &mut [f64],
    residual_count: usize,
    function: impl FnMut(&[f64], &mut [f64], Option<&mut [f64]>) -> Result<()>,
    on_iteration: impl FnMut(&LeastSquaresIteration, &[f64]) -> ControlFlow<()>,
) -> Result<LeastSquaresReport> {
    check(options, params, residual_count)?;
    run(
        options,
        params,
        residual_count,
        Analytic(function),
        on_iteration,
    )
}

/// Minimizes as [`least_squares`] does, for a function without derivatives.
///
/// Each entry of the Jacobian is a central difference with a distance of ε^(1/3), about 6e-6,
/// relative to the parameter. A Jacobian takes two evaluations for each parameter. If residuals are
/// not finite on one side, the difference is one-sided.
///
/// Near 0 the distance is relative to 1e-4 of the parameter's largest magnitude so far, so that it
/// is not too short. A parameter that starts at 0 counts as 1, and its first distance is 6e-10. If
/// its unit is much smaller or larger, start from a typical value instead, or scale it.
///
/// ```
/// use feedforward::train::{LeastSquaresOptions, least_squares_by_differences};
///
/// let (x, y) = ([1.0_f64, 2.0, 4.0, 8.0], [3.0, 4.2, 6.1, 8.5]);
/// let power = |p: &[f64], residuals: &mut [f64]| {
///     for ((r, x), y) in residuals.iter_mut().zip(x).zip(y) {
///         *r = p[0] * x.powf(p[1]) - y;
///     }
///     Ok(())
/// };
/// let mut p = [1.0, 1.0];
/// let options = LeastSquaresOptions::default();
/// let report = least_squares_by_differences(&options, &mut p, 4, power)?;
/// assert!((p[0] - 3.0).abs() < 0.1 && (p[1] - 0.5).abs() < 0.02, "{p:?}");
/// assert!(report.sum_of_squares < 0.02);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// The errors of [`least_squares`].
pub fn least_squares_by_differences(
    options: &LeastSquaresOptions,
    params: &mut [f64],
    residual_count: usize,
    function: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
) -> Result<LeastSquaresReport> {
    least_squares_by_differences_with(options, params, residual_count, function, go_on)
}

/// Minimizes as [`least_squares_by_differences`] does, and calls a function after each iteration.
///
/// `on_iteration` receives each iteration with its parameters and can end the search.
///
/// # Errors
/// The errors of [`least_squares`].
pub fn least_squares_by_differences_with(
    options: &LeastSquaresOptions,
    params: &mut [f64],
    residual_count: usize,
    function: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
    on_iteration: impl FnMut(&LeastSquaresIteration, &[f64]) -> ControlFlow<()>,
) -> Result<LeastSquaresReport> {
    check(options, params, residual_count)?;
    let function = Differences::new(residual_count, params, function)?;
    run(options, params, residual_count, function, on_iteration)
}

/// Continues after any iteration.
fn go_on(_: &LeastSquaresIteration, _: &[f64]) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn check(options: &LeastSquaresOptions, params: &[f64], residual_count: usize) -> Result<()> {
    options.check()?;
    check_start(params, residual_count)
}

fn check_start(params: &[f64], residual_count: usize) -> Result<()> {
    check_not_empty("parameters", params)?;
    check_count("residuals", residual_count)?;
    check_finite("parameters", params)
}

fn run(
    options: &LeastSquaresOptions,
    params: &mut [f64],
    residual_count: usize,
    function: impl Function,
    mut on_iteration: impl FnMut(&LeastSquaresIteration, &[f64]) -> ControlFlow<()>,
) -> Result<LeastSquaresReport> {
    let problem = Dense::new(residual_count, params.len(), function)?;
    let search = Search::new(options, params, problem)?;
    let (report, _, _) = search.run(|iteration, better| {
        params.copy_from_slice(better);
        on_iteration(iteration, better)
    })?;
    Ok(report)
}

#[cfg(test)]
mod tests;
