//! A check of a caller's Jacobian by differences.

use alloc::format;
use alloc::vec::Vec;

use super::check_start;
use super::dense::{COARSE, Differences, FINE, UNWRITTEN, check_residuals};
use crate::blas1::max_abs;
use crate::error::{Error, Number, Position, Result};
use crate::float::{check_finite, check_finite_rows};
use crate::memory;

/// Checks the Jacobian of a function for [`least_squares`](super::least_squares) by differences.
///
/// The function is that of [`least_squares`](super::least_squares). Each number of its Jacobian is
/// compared with a central difference of its residuals. The check also compares the residuals that
/// the function writes with and without a Jacobian.
///
/// Numbers may differ by 1e-4 of their size. This is larger than the error of the differences, and
/// smaller than that of a wrong formula. A number below 1e-7 of the largest in its column is not
/// checked. Neither is one that errors of the residuals hide, such as those of a model in f32.
///
/// At a kink, as of a maximum, the derivatives of both sides differ, and a difference is none of
/// them.
///
/// Call it once in a test, with parameters that are not special, such as 0.7 instead of 0 or 1. It
/// takes two evaluations, and four for each parameter.
///
/// ```
/// use feedforward::train::check_jacobian;
///
/// let times = [0.0_f64, 1.0, 2.0];
/// let decay = |p: &[f64], residuals: &mut [f64], jacobian: Option<&mut [f64]>| {
///     for (r, t) in residuals.iter_mut().zip(times) {
///         *r = p[0] * (-p[1] * t).exp() - 1.0;
///     }
///     if let Some(jacobian) = jacobian {
///         for (row, t) in jacobian.chunks_exact_mut(2).zip(times) {
///             row[0] = (-p[1] * t).exp();
///             row[1] = t * p[0] * (-p[1] * t).exp(); // a wrong sign
///         }
///     }
///     Ok(())
/// };
/// let error = check_jacobian(&[3.0, 0.7], 3, decay).unwrap_err().to_string();
/// assert!(
///     error.starts_with(
///         "Jacobian: expected about -1.48976 by differences (2 of 6 numbers differ), got 1.48975"
///     ) && error.ends_with("at row 1, column 1"),
///     "{error}"
/// );
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::InvalidValue`] for the first wrong number of the Jacobian, with its row and column,
///   or for a residual that is another one with a Jacobian
/// - [`Error::Empty`] without parameters, [`Error::InvalidSetting`] if `residual_count` is 0
/// - [`Error::NotFinite`] if parameters, residuals, the Jacobian or differences are not finite
/// - [`Error::TooLarge`] if the Jacobian does not fit in memory
/// - Any other error of the function
pub fn check_jacobian(
    params: &[f64],
    residual_count: usize,
    mut function: impl FnMut(&[f64], &mut [f64], Option<&mut [f64]>) -> Result<()>,
) -> Result<()> {
    check_start(params, residual_count)?;
    let n = params.len();
    let len = memory::product("Jacobian", &[residual_count, n])?;
    let mut jacobian = memory::filled("Jacobian", 0.0, len)?;
    let mut residuals = memory::filled("residuals", UNWRITTEN, residual_count)?;
    let mut others = residuals.clone();
    function(params, &mut residuals, None)?;
    check_residuals(&residuals)?;
    function(params, &mut others, Some(&mut jacobian))?;
    check_finite("residuals with a Jacobian", &others)?;
    check_finite_rows("Jacobian", &jacobian, n)?;
    let function = |params: &[f64], residuals: &mut [f64]| function(params, residuals, None);
    let comparison = Comparison::new(params, &residuals, &jacobian, TOLERANCE, function)?;
    if let Some((row, column)) = comparison.without_difference {
        return Err(Error::NotFinite {
            what: "differences of the residuals",
            at: Position::Cell { row, column },
            value: f64::NAN,
        });
    }
    // A sum of another order has other rounding errors, which are relative to its terms.
    let largest = 1e-6 * max_abs(&residuals);
    let terms = comparison.changes.iter().map(|change| 1e-8 * change);
    let pairs = residuals.iter().zip(&others).zip(terms);
    for (index, ((&r, &other), term)) in pairs.enumerate() {
        if (r - other).abs() > largest + term {
            let expected = format!("about {}, as without one", Number(short(r)));
            let (what, at) = ("residuals with a Jacobian", Position::Index(index));
            return Err(Error::invalid_value(what, expected, at, other));
        }
    }
    comparison.wrong.map_or(Ok(()), Err)
}

/// Largest relative difference of a correct derivative and its central difference.
const TOLERANCE: f64 = 1e-4;

/// Largest relative difference that a search accepts, where an error would lose a finished fit.
pub(super) const GROSS: f64 = 0.1;

/// Smallest size of a parameter, as a fraction of the change that moves residuals by their terms.
const SMALL_CHANGE: f64 = 1e-2;

/// A Jacobian, compared with differences.
pub(super) struct Comparison {
    /// The error of the first wrong number.
    pub(super) wrong: Option<Error>,
    /// Row and column of a difference that is not finite.
    without_difference: Option<(usize, usize)>,
    /// Change of each residual if each parameter changes by its own size.
    changes: Vec<f64>,
    pub(super) evaluations: usize,
}

impl Comparison {
    /// Compares the Jacobian at a point, where the function has these residuals. Numbers may differ
    /// by this tolerance, relative to their size.
    pub(super) fn new(
        params: &[f64],
        residuals: &[f64],
        jacobian: &[f64],
        tolerance: f64,
        function: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
    ) -> Result<Self> {
        let (n, rows) = (params.len(), residuals.len());
        // Terms of a residual may cancel, and a parameter may be near 0 by chance.
        let mut terms = memory::filled("residuals", 0.0, rows)?;
        for ((term, r), row) in terms
            .iter_mut()
            .zip(residuals)
            .zip(jacobian.chunks_exact(n))
        {
            let products = row.iter().zip(params).map(|(j, p)| (j * p).abs());
            *term = r.abs() + products.sum::<f64>();
        }
        let largest = max_abs(&terms);
        let sizes = (0..n).map(|column| {
            let column_of = jacobian[column..].iter().step_by(n);
            let slope = column_of.fold(0.0, |most: f64, x| most.max(x.abs()));
            let least = SMALL_CHANGE * largest / slope;
            let size = params[column].abs();
            if least.is_finite() {
                size.max(least)
            } else {
                size
            }
        });
        let sizes = memory::collected("parameters", n, sizes)?;
        let mut differences = Differences::with_sizes(rows, &sizes, function)?;
        differences.move_to(params);
        let mut coarse = memory::filled("residuals", 0.0, rows)?;
        let mut changes = memory::filled("residuals", 0.0, rows)?;
        let mut without_difference = None;
        let mut first: Option<(usize, usize, f64)> = None;
        let (mut wrong, mut negated, mut transposed) = (0, true, true);
        for column in 0..n {
            coarse.copy_from_slice(differences.derive(column, residuals, COARSE)?);
            let size = differences.size(column);
            let fine = differences.derive(column, residuals, FINE)?;
            let finite = fine.iter().filter(|x| x.is_finite());
            let least = 1e-7 * finite.fold(0.0, |largest: f64, x| largest.max(x.abs()));
            // Residuals of lower precision change both differences at random.
            let changes_of_all = fine.iter().zip(&coarse).map(|(a, b)| (a - b).abs());
            let changes_of_all = changes_of_all.filter(|change| change.is_finite());
            let typical = changes_of_all.sum::<f64>() / rows as f64;
            for (row, (&expected, &coarse)) in fine.iter().zip(&coarse).enumerate() {
                if !expected.is_finite() {
                    without_difference = without_difference.or(Some((row, column)));
                    continue;
                }
                changes[row] += (expected * size).abs();
                // Rounding and truncation depend on the distance.
                let change = (expected - coarse).abs();
                let change = if change.is_finite() { change } else { 0.0 };
                let noise = 4.0 * change + 10.0 * typical + 1e-8 * terms[row] / size + least;
                let is_near = |got: f64| {
                    (got - expected).abs() <= tolerance * got.abs().max(expected.abs()) + noise
                };
                let got = jacobian[row * n + column];
                negated &= is_near(-got);
                transposed &= is_near(jacobian[column * rows + row]);
                if !is_near(got) {
                    wrong += 1;
                    if first.is_none_or(|before| (row, column) < (before.0, before.1)) {
                        first = Some((row, column, expected));
                    }
                }
            }
        }
        let wrong = first.map(|(row, column, expected)| {
            let expected = Number(short(expected));
            let hint = if negated {
                ", and all have the opposite sign"
            } else if transposed {
                ", as if the matrix were transposed"
            } else {
                ""
            };
            let all = jacobian.len();
            let expected =
                format!("about {expected} by differences ({wrong} of {all} numbers differ{hint})");
            let at = Position::Cell { row, column };
            Error::invalid_value("Jacobian", expected, at, jacobian[row * n + column])
        });
        Ok(Self {
            wrong,
            without_difference,
            changes,
            evaluations: differences.evaluations(),
        })
    }
}

/// Rounds to six digits.
fn short(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}
