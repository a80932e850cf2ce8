//! Platt scaling, and its extension by a square.

use alloc::vec::Vec;

use super::{check_fit, check_logits, check_mixing, mixed, mixing};
use crate::error::Result;
use crate::float::{Float, check_finite};
use crate::math;
use crate::memory;

/// Quadratic calibration of two classes, with Platt scaling as the special case w2 = 0.
///
/// ```text
/// p = (1 - m) · σ(b + w1 z + w2 z²) + m / 2
/// ```
///
/// z is the logit of the second class, and p its probability. The square lets both sides of the
/// decision be too sure to different degrees. It can reverse the ranking of rows, above all beyond
/// the logits of the fit. [`platt`](Self::platt) keeps the ranking if w1 is above 0, as it is
/// unless the fitted rows contradict the logits.
///
/// The fraction m of the uniform distribution keeps every log loss finite. It is 1/(n + 1) for n
/// rows.
///
/// [`coefficients`](Self::coefficients) and [`mixing`](Self::mixing) are the whole state, and
/// [`new`](Self::new) restores it.
///
/// Platt, 1999, *Probabilistic outputs for support vector machines*. The square is recommended by
/// Holzmüller's [probmetrics](https://github.com/dholzmueller/probmetrics).
///
/// ```
/// use feedforward::calibration::Quadratic;
///
/// // Logits of 2 are right in 3 of 4 rows, and logits of -2 in all.
/// let logits = [2.0, 2.0, 2.0, 2.0, -2.0, -2.0, -2.0, -2.0];
/// let calibrator = Quadratic::platt(&logits, &[1, 1, 1, 0, 0, 0, 0, 0], None)?;
/// let p = calibrator.probabilities(&[2.0, -2.0])?;
/// assert!(p[1] > 0.55 && p[1] < 0.75 && p[3] > 0.1 && p[3] < 0.25);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "Platt")]
#[doc(alias = "sigmoid")]
#[doc(alias = "CalibratedClassifierCV")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quadratic {
    coefficients: [f64; 3],
    mixing: f64,
}

/// Penalty on the squares of the factors of standardized logits, for each row. It makes the minimum
/// unique if there are two different logits only.
const PENALTY: f64 = 1e-9;

/// Maximum number of Newton steps. Ten are usual.
const STEPS: usize = 100;

/// Decrease of the loss, as a fraction of it, from which Newton steps need no check.
const CLOSE: f64 = 1e-9;

/// Number of steps without a check.
const POLISHING: usize = 3;

impl Quadratic {
    /// Fits b, w1 and w2 by logistic regression.
    ///
    /// `logits` has the logit of each row, `expected` its class, 0 or 1, and `weights` a weight,
    /// with which the row's loss is multiplied. As Platt suggests, the targets are not 0 and 1, but
    ///
    /// ```text
    /// 1 / (n0 + 2)   and   (n1 + 1) / (n1 + 2)
    /// ```
    ///
    /// for n0 and n1 rows of the classes, so the minimum is finite. It is found by Newton's method.
    ///
    /// # Errors
    /// - [`Error::Rows`](crate::Error::Rows) if there are no logits.
    /// - [`Error::Length`](crate::Error::Length) unless there is a class, and a weight, for each
    ///   row.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if a logit or a weight is not finite.
    /// - [`Error::InvalidValue`](crate::Error::InvalidValue) if a class is not 0 or 1, or if a
    ///   weight is negative.
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) if the weights have no positive,
    ///   finite sum.
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold a copy of the rows.
    pub fn fit<T: Float>(logits: &[T], expected: &[usize], weights: Option<&[T]>) -> Result<Self> {
        Self::of_terms(logits, expected, weights, 3)
    }

    /// Fits b and w1, with w2 = 0: Platt scaling.
    ///
    /// # Errors
    /// See [`fit`](Self::fit).
    #[doc(alias = "platt_scaling")]
    pub fn platt<T: Float>(
        logits: &[T],
        expected: &[usize],
        weights: Option<&[T]>,
    ) -> Result<Self> {
        Self::of_terms(logits, expected, weights, 2)
    }

    /// Creates a calibrator from the coefficients b, w1 and w2, and a fraction of the uniform
    /// distribution.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) if a coefficient is not finite, and
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless 0 <= `mixing` < 1.
    pub fn new(coefficients: [f64; 3], mixing: f64) -> Result<Self> {
        check_finite("coefficients of the calibration", &coefficients)?;
        check_mixing(mixing)?;
        Ok(Self {
            coefficients,
            mixing,
        })
    }

    /// Creates the calibrator of a `static` or `const`, as [`new`](Self::new) does at run time.
    ///
    /// # Panics
    /// Panics where [`new`](Self::new) returns an error. Call this function in constants only.
    pub const fn constant(coefficients: [f64; 3], mixing: f64) -> Self {
        let [bias, linear, square] = coefficients;
        assert!(
            bias.is_finite() && linear.is_finite() && square.is_finite(),
            "the coefficients of a calibration must be finite"
        );
        assert!(
            mixing >= 0.0 && mixing < 1.0,
            "mixing must be at least 0 and below 1"
        );
        Self {
            coefficients,
            mixing,
        }
    }

    /// Returns the coefficients b, w1 and w2.
    pub fn coefficients(&self) -> [f64; 3] {
        self.coefficients
    }

    /// Returns the fraction m of the uniform distribution.
    pub fn mixing(&self) -> f64 {
        self.mixing
    }

    /// Returns calibrated probabilities of both classes, row-major `[rows x 2]`, from the logit of
    /// each row.
    ///
    /// # Errors
    /// - [`Error::Rows`](crate::Error::Rows) if there are no logits.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if a logit is not finite.
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold the probabilities.
    pub fn probabilities<T: Float>(&self, logits: &[T]) -> Result<Vec<T>> {
        let rows = check_logits(logits, 1)?;
        let len = memory::product("probabilities", &[rows, 2])?;
        let rows = logits.iter().flat_map(|&z| self.probabilities_of(z));
        memory::collected("probabilities", len, rows)
    }

    /// Returns calibrated probabilities of both classes from a logit.
    pub(crate) fn probabilities_of<T: Float>(&self, z: T) -> [T; 2] {
        let ([bias, linear, square], z) = (self.coefficients, z.as_f64());
        let logit = bias + (linear + square * z) * z;
        [-logit, logit].map(|logit| mixed(math::sigmoid(logit), self.mixing, 2))
    }

    fn of_terms<T: Float>(
        logits: &[T],
        expected: &[usize],
        weights: Option<&[T]>,
        terms: usize,
    ) -> Result<Self> {
        let rows = check_fit(logits, 1, expected, weights)?;
        let weight = |row: usize| weights.map_or(1.0, |weights| weights[row].as_f64());
        let total: f64 = (0..logits.len()).map(weight).sum();
        // Weights whose mean is 1 over the rows that count.
        let weight = |row: usize| weight(row) / total * rows as f64;
        let mut members = [0.0; 2];
        for (row, &class) in expected.iter().enumerate() {
            members[class] += weight(row);
        }
        let targets = [
            1.0 / (members[0] + 2.0),
            (members[1] + 1.0) / (members[1] + 2.0),
        ];
        let scale = Standard::of(logits, weight, rows);
        let points = logits.iter().zip(expected).enumerate();
        let points = points.map(|(row, (z, &class))| Point {
            z: scale.apply(z.as_f64()),
            target: targets[class],
            weight: weight(row),
        });
        // A logit without weight may be so far away that its loss overflows.
        let points = points.filter(|point| point.weight > 0.0);
        let points = memory::collected("rows of the fit", rows, points)?;
        Self::new(scale.restore(minimum(&points, terms)), mixing(rows))
    }
}

/// Weighted mean and deviation of the logits.
struct Standard {
    mean: f64,
    deviation: f64,
}

impl Standard {
    fn of<T: Float>(logits: &[T], weight: impl Fn(usize) -> f64, rows: usize) -> Self {
        let counted = || {
            let rows = logits.iter().enumerate();
            let rows = rows.map(|(row, z)| (weight(row), z.as_f64()));
            rows.filter(|&(weight, _)| weight > 0.0)
        };
        // Relative to the largest logit, whose square may overflow.
        let largest = counted().fold(0.0, |largest, (_, z)| z.abs().max(largest));
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let average = |f: &dyn Fn(f64) -> f64| {
            let sum = counted().fold(0.0, |sum, (weight, z)| sum + weight * f(z / largest));
            sum / rows as f64
        };
        let mean = average(&|z| z);
        let deviation = math::sqrt(average(&|z| (z - mean) * (z - mean)));
        // Logits that are equal but for rounding.
        let deviation = if deviation > 1e-12 {
            deviation
        } else {
            f64::INFINITY
        };
        Self {
            mean: mean * largest,
            deviation: deviation * largest,
        }
    }

    fn apply(&self, z: f64) -> f64 {
        (z - self.mean) / self.deviation
    }

    /// Returns the coefficients for logits from those for standardized logits.
    fn restore(&self, [bias, linear, square]: [f64; 3]) -> [f64; 3] {
        let at = self.mean / self.deviation;
        let linear_at = linear - square * at;
        [
            bias - linear_at * at,
            (linear - 2.0 * square * at) / self.deviation,
            square / self.deviation / self.deviation,
        ]
    }
}

/// A row of a logistic regression.
struct Point {
    z: f64,
    target: f64,
    weight: f64,
}

/// Returns the coefficients with the minimum log loss, of which the first `terms` are not 0.
fn minimum(points: &[Point], terms: usize) -> [f64; 3] {
    let mut at = [0.0; 3];
    let mut value = loss(points, at);
    let mut polished = 0;
    for _ in 0..STEPS {
        let (gradient, hessian) = derivatives(points, at, terms);
        let step = solve(hessian, gradient);
        let decrease: f64 = step.iter().zip(gradient).map(|(step, g)| step * g).sum();
        let moved = |fraction: f64| [0, 1, 2].map(|k| at[k] - fraction * step[k]);
        if decrease <= CLOSE * value {
            // The loss no longer tells steps apart, but each squares the distance.
            at = moved(1.0);
            polished += 1;
            if polished == POLISHING {
                break;
            }
            continue;
        }
        // Shortest steps are those of rounding.
        let steps = (0..20).map(|halvings| moved(1.0 / f64::from(1 << halvings)));
        let mut reached = steps.map(|to| (to, loss(points, to)));
        let Some(next) = reached.find(|(_, reached)| *reached < value) else {
            break;
        };
        (at, value) = next;
    }
    at
}

fn logit([bias, linear, square]: [f64; 3], z: f64) -> f64 {
    bias + (linear + square * z) * z
}

fn penalty(points: &[Point]) -> f64 {
    PENALTY * points.len() as f64
}

/// Returns the sum of log losses and the penalty.
fn loss(points: &[Point], at: [f64; 3]) -> f64 {
    let squares = at[1] * at[1] + at[2] * at[2];
    points
        .iter()
        .fold(0.5 * penalty(points) * squares, |sum, point| {
            let logit = logit(at, point.z);
            sum + point.weight * (math::softplus(logit) - point.target * logit)
        })
}

/// Returns gradient and Hessian of [`loss`].
fn derivatives(points: &[Point], at: [f64; 3], terms: usize) -> ([f64; 3], [[f64; 3]; 3]) {
    let penalty = penalty(points);
    let mut gradient = [0.0, penalty * at[1], penalty * at[2]];
    let mut hessian = [[0.0, 0.0, 0.0], [0.0, penalty, 0.0], [0.0, 0.0, penalty]];
    for point in points {
        let powers = [1.0, point.z, point.z * point.z];
        let p = math::sigmoid(logit(at, point.z));
        let (slope, curvature) = (p - point.target, p * (1.0 - p));
        for k in 0..terms {
            gradient[k] += point.weight * slope * powers[k];
            for other in 0..terms {
                hessian[k][other] += point.weight * curvature * powers[k] * powers[other];
            }
        }
    }
    (gradient, hessian)
}

/// Solves A x = b for a symmetric A without negative eigenvalues, by Gaussian elimination with
/// pivots on the diagonal. Directions that A ignores stay 0.
fn solve(mut a: [[f64; 3]; 3], mut b: [f64; 3]) -> [f64; 3] {
    let mut order = [0, 1, 2];
    let mut rank = 3;
    for step in 0..3 {
        let best = (step..3).fold(step, |best, k| {
            if a[order[k]][order[k]] > a[order[best]][order[best]] {
                k
            } else {
                best
            }
        });
        order.swap(step, best);
        let pivot = order[step];
        if a[pivot][pivot] <= f64::MIN_POSITIVE {
            rank = step;
            break;
        }
        let pivots = a[pivot];
        for &row in &order[step + 1..] {
            let factor = a[row][pivot] / pivots[pivot];
            for (x, pivot) in a[row].iter_mut().zip(pivots) {
                *x -= factor * pivot;
            }
            b[row] -= factor * b[pivot];
        }
    }
    let mut x = [0.0; 3];
    for step in (0..rank).rev() {
        let pivot = order[step];
        let known: f64 = order[step + 1..].iter().map(|&k| a[pivot][k] * x[k]).sum();
        x[pivot] = (b[pivot] - known) / a[pivot][pivot];
    }
    x
}
