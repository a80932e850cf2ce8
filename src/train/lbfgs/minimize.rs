//! L-BFGS for any function. This module does not depend on networks.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::line_search::{LineSearch, Next, Trial};
use super::{LbfgsIteration, LbfgsOptions, LbfgsReport, LbfgsStop};
use crate::blas1::{add_scaled, dot, max_abs, scale, scaled_sum};
use crate::error::{Error, Position, Result};
use crate::float::{Float, check_finite};
use crate::math;

/// Parameters, with the objective's value and gradient.
struct Point<T> {
    params: Vec<T>,
    gradient: Vec<T>,
    loss: f64,
}

/// Minimizes any function of numbers by L-BFGS, as [`Lbfgs`](super::Lbfgs) minimizes the loss of a
/// network.
///
/// The search starts from `params` and leaves the best parameters there.
///
/// The objective writes the gradient and returns the value. Numbers that are not finite are an
/// error at the start. Later they shorten the step, as do [`Error::Overflow`] and
/// [`Error::NotFinite`] from the objective. Any other error ends the search and is returned.
///
/// ```
/// use feedforward::train::{LbfgsOptions, minimize};
///
/// // Rosenbrock's valley, whose minimum is at (1, 1).
/// let valley = |p: &[f64], gradient: &mut [f64]| {
///     let (x, across) = (p[0], p[1] - p[0] * p[0]);
///     gradient[0] = -400.0 * x * across - 2.0 * (1.0 - x);
///     gradient[1] = 200.0 * across;
///     Ok(100.0 * across * across + (1.0 - x) * (1.0 - x))
/// };
/// let exact = LbfgsOptions {
///     gradient_tolerance: 1e-9,
///     loss_tolerance: 0.0,
///     ..LbfgsOptions::default()
/// };
/// let mut p = [-1.2, 1.0];
/// let report = minimize(&exact, &mut p, valley)?;
/// assert!(p.iter().all(|x| (x - 1.0).abs() < 1e-8), "{p:?}");
/// assert!(report.evaluations < 60);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::InvalidSetting`] if an option is outside its range
/// - [`Error::NotFinite`] if the value or the gradient at the start is not finite
/// - Any other error of the objective
///
/// After an error, the parameters are those of the last iteration.
pub fn minimize<T: Float>(
    options: &LbfgsOptions,
    params: &mut [T],
    objective: impl FnMut(&[T], &mut [T]) -> Result<f64>,
) -> Result<LbfgsReport> {
    minimize_with(options, params, objective, |_, _| ControlFlow::Continue(()))
}

/// Minimizes as [`minimize`] does, and calls a function after each iteration.
///
/// `on_iteration` receives each iteration with its parameters and can end the search.
///
/// ```
/// use std::ops::ControlFlow;
/// use feedforward::train::{LbfgsOptions, LbfgsStop, minimize_with};
///
/// let bowl = |p: &[f64], gradient: &mut [f64]| {
///     gradient[0] = 2.0 * p[0];
///     Ok(p[0] * p[0])
/// };
/// let mut p = [9.0];
/// let report = minimize_with(&LbfgsOptions::default(), &mut p, bowl, |iteration, p| {
///     println!("{}: {} at {p:?}", iteration.number, iteration.loss);
///     ControlFlow::Break(())
/// })?;
/// assert_eq!(report.stopped_by, LbfgsStop::Callback);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// The errors of [`minimize`].
pub fn minimize_with<T: Float>(
    options: &LbfgsOptions,
    params: &mut [T],
    objective: impl FnMut(&[T], &mut [T]) -> Result<f64>,
    mut on_iteration: impl FnMut(&LbfgsIteration, &[T]) -> ControlFlow<()>,
) -> Result<LbfgsReport> {
    options.check()?;
    let start = params.to_vec();
    let zeros = || vec![T::zero(); start.len()];
    let point = || Point {
        params: start.clone(),
        gradient: zeros(),
        loss: f64::NAN,
    };
    let search = Search {
        options,
        current: point(),
        trial: point(),
        direction: zeros(),
        history: History {
            most: options.history_size,
            pairs: VecDeque::new(),
            next: Pair {
                s: zeros(),
                y: zeros(),
                sy: 0.0,
            },
            alphas: Vec::new(),
        },
        report: LbfgsReport::default(),
        objective,
    };
    search.run(|iteration, better| {
        params.copy_from_slice(better);
        on_iteration(iteration, better)
    })
}

/// State of a search.
struct Search<'a, T, F> {
    options: &'a LbfgsOptions,
    current: Point<T>,
    trial: Point<T>,
    direction: Vec<T>,
    history: History<T>,
    report: LbfgsReport,
    objective: F,
}

impl<T: Float, F: FnMut(&[T], &mut [T]) -> Result<f64>> Search<'_, T, F> {
    fn run(
        mut self,
        mut on_iteration: impl FnMut(&LbfgsIteration, &[T]) -> ControlFlow<()>,
    ) -> Result<LbfgsReport> {
        let start = &mut self.current;
        let value = (self.objective)(&start.params, &mut start.gradient)?;
        check_finite("loss", &[value]).map_err(|error| error.at(|_| Position::Start))?;
        check_finite("gradient at the start", &start.gradient)?;
        start.loss = value;
        self.report.evaluations = 1;
        self.measure();
        let is_minimum = self.report.largest_gradient <= self.options.gradient_tolerance;
        let mut stop = is_minimum.then_some(LbfgsStop::Gradient);
        loop {
            if let Some(reason) = stop {
                self.report.stopped_by = reason;
                return Ok(self.report);
            }
            let before = self.current.loss;
            stop = match self.advance()? {
                ControlFlow::Break(reason) => Some(reason),
                ControlFlow::Continue(step) => {
                    let iteration = self.record(step);
                    match on_iteration(&iteration, &self.current.params) {
                        ControlFlow::Break(()) => Some(LbfgsStop::Callback),
                        ControlFlow::Continue(()) => self.is_over(before),
                    }
                }
            };
        }
    }

    /// Moves to a better point and returns the step along the direction, or the reason why it
    /// cannot.
    fn advance(&mut self) -> Result<ControlFlow<LbfgsStop, f64>> {
        loop {
            self.direction.copy_from_slice(&self.current.gradient);
            scale(&mut self.direction, -T::one());
            self.history.apply(&mut self.direction);
            let slope = dot(&self.current.gradient, &self.direction);
            let found = if slope < 0.0 && slope.is_finite() {
                self.search(slope)?
            } else {
                ControlFlow::Break(LbfgsStop::LineSearch)
            };
            let pairs = &mut self.history.pairs;
            if found == ControlFlow::Break(LbfgsStop::LineSearch) && !pairs.is_empty() {
                // The remembered pairs may have led to a bad direction. Without them, the next
                // direction is the steepest.
                pairs.clear();
                continue;
            }
            if let ControlFlow::Continue(step) = found {
                self.history.push(&self.current, &self.trial, slope * step);
                core::mem::swap(&mut self.current, &mut self.trial);
            }
            return Ok(found);
        }
    }

    /// Searches along the direction and leaves the accepted point in `trial`.
    fn search(&mut self, slope: f64) -> Result<ControlFlow<LbfgsStop, f64>> {
        // Only the pairs set a scale. Without any, the first step has length 1.
        let mut step = if self.history.pairs.is_empty() {
            1.0 / math::sqrt(dot(&self.direction, &self.direction))
        } else {
            1.0
        };
        let mut search = LineSearch::new(self.current.loss, slope, step);
        loop {
            if self.report.evaluations == self.options.evaluations {
                return Ok(ControlFlow::Break(LbfgsStop::Evaluations));
            }
            self.report.evaluations += 1;
            let (start, trial) = (&self.current.params, &mut self.trial);
            scaled_sum(&mut trial.params, start, &self.direction, T::from_f64(step));
            let value = match (self.objective)(&trial.params, &mut trial.gradient) {
                Err(Error::Overflow { .. } | Error::NotFinite { .. }) => f64::INFINITY,
                result => result?,
            };
            trial.loss = value;
            let slope = dot(&trial.gradient, &self.direction);
            match search.tell(Trial { step, value, slope }) {
                Next::Try(next) => step = next,
                Next::Accept => return Ok(ControlFlow::Continue(step)),
                Next::Fail => return Ok(ControlFlow::Break(LbfgsStop::LineSearch)),
            }
        }
    }

    fn measure(&mut self) {
        self.report.loss = self.current.loss;
        self.report.largest_gradient = max_abs(&self.current.gradient).as_f64();
    }

    fn record(&mut self, step: f64) -> LbfgsIteration {
        self.measure();
        let report = &mut self.report;
        let iteration = LbfgsIteration {
            number: report.iterations.len() + 1,
            loss: report.loss,
            largest_gradient: report.largest_gradient,
            step,
            evaluations: report.evaluations,
        };
        report.iterations.push(iteration);
        iteration
    }

    /// Returns the reason to stop after an iteration that began with this loss, if there is one.
    fn is_over(&self, before: f64) -> Option<LbfgsStop> {
        let (report, options) = (&self.report, self.options);
        let scale = before.abs().max(report.loss.abs()).max(1.0);
        if report.largest_gradient <= options.gradient_tolerance {
            Some(LbfgsStop::Gradient)
        } else if before - report.loss <= options.loss_tolerance * scale {
            Some(LbfgsStop::Loss)
        } else if report.iterations.len() == options.iterations {
            Some(LbfgsStop::Iterations)
        } else {
            None
        }
    }
}

/// Changes of the parameters (s) and the gradient (y) in one iteration.
#[derive(Clone)]
struct Pair<T> {
    s: Vec<T>,
    y: Vec<T>,
    /// sᵀy, which is above 0.
    sy: f64,
}

/// Pairs of the last iterations, which estimate the inverse of the Hessian.
struct History<T> {
    most: usize,
    /// Pairs, the oldest first.
    pairs: VecDeque<Pair<T>>,
    /// Memory for the next pair.
    next: Pair<T>,
    /// One coefficient for each pair.
    alphas: Vec<f64>,
}

impl<T: Float> History<T> {
    /// Remembers a step, unless the gradient changed too little. Such a step would make the
    /// estimate indefinite.
    ///
    /// `promise` is the change of the loss that the gradient predicts. It is below 0.
    fn push(&mut self, from: &Point<T>, to: &Point<T>, promise: f64) {
        let next = &mut self.next;
        scaled_sum(&mut next.s, &to.params, &from.params, -T::one());
        scaled_sum(&mut next.y, &to.gradient, &from.gradient, -T::one());
        next.sy = dot(&next.s, &next.y);
        if next.sy <= T::epsilon().as_f64() * -promise {
            return;
        }
        let is_full = self.pairs.len() == self.most;
        let oldest = is_full.then(|| self.pairs.pop_front()).flatten();
        let free = oldest.unwrap_or_else(|| next.clone());
        self.pairs.push_back(core::mem::replace(next, free));
    }

    /// Computes d ← H · d, where H is the estimate of the Hessian's inverse.
    ///
    /// This is the two-loop recursion of Nocedal and Wright, algorithm 7.4.
    fn apply(&mut self, d: &mut [T]) {
        let Some(last) = self.pairs.back() else {
            return;
        };
        let gamma = last.sy / dot(&last.y, &last.y);
        self.alphas.clear();
        for pair in self.pairs.iter().rev() {
            let alpha = dot(&pair.s, d) / pair.sy;
            add_scaled(d, &pair.y, T::from_f64(-alpha));
            self.alphas.push(alpha);
        }
        scale(d, T::from_f64(gamma));
        for (pair, alpha) in self.pairs.iter().zip(self.alphas.iter().rev()) {
            let beta = dot(&pair.y, d) / pair.sy;
            add_scaled(d, &pair.s, T::from_f64(alpha - beta));
        }
    }
}
