//! The damped search. It does not depend on where residuals come from.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::damping::Mu;
use super::problem::Problem;
use super::report::Inverse;
use super::state::SearchState;
use super::system::System;
use super::{
    LeastSquaresIteration, LeastSquaresOptions, LeastSquaresReport, LeastSquaresStop, Scaling,
};
use crate::error::{Error, Result};
use crate::math;
use crate::memory;
use crate::parallel::Threads;

/// Largest length of an acceleration relative to its velocity: `avmax` of GSL.
const MOST_ACCELERATION: f64 = 0.75;

/// Relative length of a step from which it is accelerated. The second derivative along shorter
/// steps is mostly rounding.
const SHORTEST: f64 = 1e-5;

/// Relative change of the sum of squares that rounding can cause. Below it, the sum is no measure
/// of progress.
const ROUNDING: f64 = 1e-8;

/// Largest ratio of successive predictions that counts as progress where rounding hides it.
const PROGRESS: f64 = 0.9;

/// Cosine between the residuals and a column of the Jacobian that is too large for a minimum. Only
/// residuals that are zero up to rounding have such a cosine there.
const SUSPICIOUS: f64 = 1e-3;

/// State of a search.
pub(in crate::train) struct Search<'a, P> {
    options: &'a LeastSquaresOptions,
    problem: P,
    system: System,
    params: Vec<f64>,
    trial: Vec<f64>,
    velocity: Vec<f64>,
    acceleration: Vec<f64>,
    /// Sum of squares at `params`.
    sum: f64,
    damping: Mu,
    report: LeastSquaresReport,
    /// Number of iterations before this run, if a state was resumed.
    resumed: Option<usize>,
    /// Number of steps without an evaluation, because they could not be computed.
    failures: usize,
}

/// A step and its effects on the linear model.
struct Step {
    /// Decrease of the sum of squares that the model predicts.
    predicted: f64,
    /// Length relative to the parameters before or after it, all scaled.
    length: f64,
}

/// An iteration and perhaps a reason to stop after it, or the reason why there is none.
type Advance = ControlFlow<LeastSquaresStop, (LeastSquaresIteration, Option<LeastSquaresStop>)>;

impl<'a, P: Problem> Search<'a, P> {
    pub(in crate::train) fn new(
        options: &'a LeastSquaresOptions,
        params: &[f64],
        problem: P,
    ) -> Result<Self> {
        let (n, residuals) = (params.len(), problem.residuals());
        let copy = || memory::collected("parameters", n, params.iter().copied());
        Ok(Self {
            options,
            system: System::new(options.factorization, residuals, n)?,
            params: copy()?,
            trial: copy()?,
            velocity: copy()?,
            acceleration: copy()?,
            sum: 0.0,
            damping: Mu::new(options.damping, 1.0),
            report: LeastSquaresReport {
                residuals: problem.informative(),
                params: n,
                ..LeastSquaresReport::default()
            },
            resumed: None,
            failures: 0,
            problem,
        })
    }

    /// Sets the threads that share the sums of products.
    pub(in crate::train) fn threads(mut self, threads: Threads) -> Self {
        self.system.set_threads(threads);
        self
    }

    /// Continues from the end of another run.
    pub(in crate::train) fn resume(mut self, state: &SearchState) -> Result<Self> {
        if state.is_precise {
            self.system.make_precise()?;
        }
        self.system.set_scale(&state.scale);
        self.damping.resume(state.damping);
        self.resumed = Some(state.iterations);
        Ok(self)
    }

    pub(in crate::train) fn run(
        mut self,
        mut on_iteration: impl FnMut(&LeastSquaresIteration, &[f64]) -> ControlFlow<()>,
    ) -> Result<(LeastSquaresReport, SearchState, P)> {
        self.sum = self.problem.evaluate(&self.params)?;
        self.report.initial_sum_of_squares = self.sum;
        self.start()?;
        if self.problem.has_zeros() {
            self.problem.verify(&self.params)?;
        }
        if self.resumed.is_none() {
            self.damping = Mu::new(self.options.damping, self.largest_diagonal());
        }
        let mut stop = self.is_solved();
        if self.iterations() >= self.options.iterations {
            stop = stop.or(Some(LeastSquaresStop::Iterations));
        }
        loop {
            if let Some(reason) = stop {
                self.verify(reason)?;
                return self.finish(reason);
            }
            stop = match self.advance()? {
                ControlFlow::Break(reason) => Some(reason),
                ControlFlow::Continue((iteration, reason)) => {
                    match on_iteration(&iteration, &self.params) {
                        ControlFlow::Break(()) => Some(LeastSquaresStop::Callback),
                        ControlFlow::Continue(()) => reason,
                    }
                }
            };
        }
    }

    /// Checks the Jacobian if the search ended where it promises a decrease, or without any step.
    fn verify(&mut self, reason: LeastSquaresStop) -> Result<()> {
        let is_suspicious = match reason {
            LeastSquaresStop::Gradient => self.report.iterations.is_empty(),
            LeastSquaresStop::Damping | LeastSquaresStop::Step | LeastSquaresStop::Decrease => {
                self.largest_gradient() > SUSPICIOUS
            }
            _ => false,
        };
        if is_suspicious {
            self.problem.verify(&self.params)?;
        }
        Ok(())
    }

    fn finish(mut self, reason: LeastSquaresStop) -> Result<(LeastSquaresReport, SearchState, P)> {
        self.report.stopped_by = reason;
        self.report.evaluations = self.problem.evaluations();
        self.report.sum_of_squares = self.sum;
        self.report.kind = self.problem.kind();
        self.report.mean_square = self.problem.mean_square(self.sum);
        let state = SearchState {
            iterations: self.iterations(),
            // JSON has no infinity, and both are above any limit.
            damping: self.damping.state().map(|x| x.min(f64::MAX)),
            scale: self.system.scale().to_vec(),
            is_precise: self.system.is_precise(),
        };
        if self.options.covariance {
            let error = self.problem.derivative_error();
            let mut inverse = self.system.inverse(error)?;
            if inverse.is_none() && self.system.make_precise()? {
                self.problem.keep_penalty();
                self.restore()?;
                inverse = self.system.inverse(error)?;
            }
            self.report.inverse = match inverse {
                Some(factor) => Inverse::Factor(factor),
                None => self.system.dependence()?,
            };
        }
        Ok((self.report, state, self.problem))
    }

    /// Moves to a better point, or returns the reason why it cannot. After a move, there may be a
    /// reason to stop, too.
    fn advance(&mut self) -> Result<Advance> {
        loop {
            if self.problem.evaluations() + self.failures >= self.options.evaluations {
                return Ok(ControlFlow::Break(LeastSquaresStop::Evaluations));
            }
            if self.damping.value() > self.options.largest_damping {
                return Ok(ControlFlow::Break(LeastSquaresStop::Damping));
            }
            let Some(step) = self.step()? else {
                self.failures += 1;
                self.damping.raise();
                continue;
            };
            if step.predicted <= 0.0 {
                return Ok(ControlFlow::Break(LeastSquaresStop::Decrease));
            }
            let before = self.sum;
            let sum = self.evaluate()?;
            let is_small = step.length <= self.options.step_tolerance;
            let is_lower = sum < before;
            let is_rounding = step.predicted <= f64::EPSILON * before
                || !is_lower && step.predicted <= ROUNDING * before;
            if is_rounding && sum <= (1.0 + ROUNDING) * before {
                return Ok(match self.polish(&step)? {
                    None => ControlFlow::Break(LeastSquaresStop::Decrease),
                    Some(iteration) => {
                        ControlFlow::Continue((iteration, self.is_over(&step, before)))
                    }
                });
            }
            if is_lower && self.try_move()? {
                self.damping.lower((before - sum) / step.predicted);
                let iteration = self.record(&step);
                return Ok(ControlFlow::Continue((
                    iteration,
                    self.is_over(&step, before),
                )));
            }
            if is_small {
                return Ok(ControlFlow::Break(LeastSquaresStop::Step));
            }
            self.damping.raise();
        }
    }

    /// Computes a step and the trial point behind it. `None` if they are not finite, or the
    /// acceleration is too large.
    fn step(&mut self) -> Result<Option<Step>> {
        let Some(predicted) = self.solve() else {
            return Ok(None);
        };
        let (mut square, mut size_before, mut size_after) = (0.0, 0.0, 0.0);
        let pairs = self.velocity.iter().zip(&self.params);
        for ((v, x), d) in pairs.zip(self.system.scale()) {
            square += (v * d) * (v * d);
            size_before += (x * d) * (x * d);
            size_after += ((x + v) * d) * ((x + v) * d);
        }
        let size: f64 = size_before.max(size_after);
        if !(size + square).is_finite() {
            return Ok(None);
        }
        // Squares of tiny numbers may be zero.
        let length = math::sqrt(square / size.max(f64::MIN_POSITIVE));
        self.acceleration.fill(0.0);
        if self.options.acceleration && length > SHORTEST {
            let (velocity, to) = (&self.velocity, &mut self.acceleration);
            let is_finite =
                self.problem
                    .accelerate(&self.params, velocity, &mut self.system, to)?;
            let lengths = self.acceleration.iter().zip(self.system.scale());
            let accelerated: f64 = lengths.map(|(a, d)| (a * d) * (a * d)).sum();
            // NaN fails this test, too.
            if !(is_finite && math::sqrt(accelerated) <= MOST_ACCELERATION * math::sqrt(square)) {
                return Ok(None);
            }
        }
        let moves = self.velocity.iter().zip(&self.acceleration);
        let mut is_finite = true;
        for ((to, x), (v, a)) in self.trial.iter_mut().zip(&self.params).zip(moves) {
            *to = x + (v + 0.5 * a);
            is_finite &= to.is_finite();
        }
        Ok(is_finite.then_some(Step { predicted, length }))
    }

    /// Returns the sum of squares at the trial point. It is infinite if residuals are not finite.
    fn evaluate(&mut self) -> Result<f64> {
        match self.problem.evaluate(&self.trial) {
            Err(Error::NotFinite { .. } | Error::Overflow { .. }) => Ok(f64::INFINITY),
            result => result,
        }
    }

    /// Moves to the trial point, unless its Jacobian is not finite.
    fn try_move(&mut self) -> Result<bool> {
        match linearize(&mut self.problem, &self.trial, &mut self.system) {
            Err(Error::NotFinite { .. } | Error::Overflow { .. }) => {
                self.restore()?;
                return Ok(false);
            }
            result => self.sum = result?,
        }
        core::mem::swap(&mut self.params, &mut self.trial);
        self.rescale()?;
        Ok(true)
    }

    /// Computes the linear model at the current point again.
    fn restore(&mut self) -> Result<()> {
        self.start().map_err(|error| match error {
            Error::NotFinite { at, value, .. } => {
                let what = "residuals or Jacobian, which were finite at these parameters before";
                Error::NotFinite { what, at, value }
            }
            error => error,
        })
    }

    /// Computes the linear model at the current point.
    fn start(&mut self) -> Result<()> {
        self.sum = linearize(&mut self.problem, &self.params, &mut self.system)?;
        self.rescale()
    }

    /// Moves although rounding hides the decrease, if the next step promises much less.
    fn polish(&mut self, step: &Step) -> Result<Option<LeastSquaresIteration>> {
        if !self.try_move()? {
            return Ok(None);
        }
        self.damping.lower_near_minimum();
        let next = self.solve();
        if next.is_some_and(|predicted| predicted < PROGRESS * step.predicted) {
            return Ok(Some(self.record(step)));
        }
        // The trial point is now the point before the move.
        core::mem::swap(&mut self.params, &mut self.trial);
        self.restore()?;
        Ok(None)
    }

    /// Computes the velocity and returns the decrease of the sum of squares that it predicts.
    /// `None` if they are not finite.
    fn solve(&mut self) -> Option<f64> {
        let damping = self.damping.value();
        if !self.system.solve(damping, &mut self.velocity) {
            return None;
        }
        let model = self.velocity.iter().zip(self.system.scale());
        let model = model.zip(self.system.gradient());
        let predicted = model.map(|((v, d), g)| v * (damping * d * d * v - g));
        Some(predicted.sum::<f64>()).filter(|predicted| predicted.is_finite())
    }

    /// Completes the system at a new point and sets its scale.
    fn rescale(&mut self) -> Result<()> {
        let scaling = self.options.scaling;
        self.system.rescale(|norm, before| {
            let scale = match scaling {
                Scaling::None => 1.0,
                Scaling::Marquardt => norm,
                Scaling::More => norm.max(before),
            };
            if scale > 0.0 { scale } else { 1.0 }
        })
    }

    fn largest_diagonal(&self) -> f64 {
        let norms = self.system.norms().iter().zip(self.system.scale());
        norms.fold(0.0, |largest: f64, (norm, d)| {
            largest.max((norm / d) * (norm / d))
        })
    }

    /// Returns the largest cosine between the residuals and a column of the Jacobian.
    fn largest_gradient(&self) -> f64 {
        let length = math::sqrt(self.sum);
        let columns = self.system.gradient().iter().zip(self.system.norms());
        columns.fold(0.0, |largest: f64, (g, norm)| {
            if *norm > 0.0 && length > 0.0 {
                largest.max((g / norm / length).abs())
            } else {
                largest
            }
        })
    }

    /// Returns the number of iterations, with those before this run.
    fn iterations(&self) -> usize {
        self.resumed.unwrap_or(0) + self.report.iterations.len()
    }

    fn record(&mut self, step: &Step) -> LeastSquaresIteration {
        let iteration = LeastSquaresIteration {
            number: self.iterations() + 1,
            sum_of_squares: self.sum,
            largest_gradient: self.largest_gradient(),
            step: step.length,
            damping: self.damping.value(),
            evaluations: self.problem.evaluations(),
        };
        self.report.iterations.push(iteration);
        iteration
    }

    /// Returns the reason to stop at a point if it is a solution.
    fn is_solved(&self) -> Option<LeastSquaresStop> {
        if self.sum <= self.options.goal {
            Some(LeastSquaresStop::Goal)
        } else if self.largest_gradient() <= self.options.gradient_tolerance {
            Some(LeastSquaresStop::Gradient)
        } else {
            None
        }
    }

    /// Returns the reason to stop after a step, if there is one.
    fn is_over(&self, step: &Step, before: f64) -> Option<LeastSquaresStop> {
        let options = self.options;
        let decrease = options.decrease_tolerance * before;
        if let Some(reason) = self.is_solved() {
            Some(reason)
        } else if step.length <= options.step_tolerance {
            Some(LeastSquaresStop::Step)
        } else if step.predicted <= decrease && before - self.sum <= decrease {
            Some(LeastSquaresStop::Decrease)
        } else if self.iterations() >= options.iterations {
            Some(LeastSquaresStop::Iterations)
        } else {
            None
        }
    }
}

/// Computes the linear model at a point.
fn linearize<P: Problem>(problem: &mut P, params: &[f64], system: &mut System) -> Result<f64> {
    system.clear();
    let sum = problem.linearize(params, system)?;
    system.check()?;
    Ok(sum)
}
