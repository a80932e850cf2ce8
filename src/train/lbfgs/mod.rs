//! Training on all samples at once, by L-BFGS.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::objective::Objective;
use super::sample_loop::threads_for;
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, check_count, check_range};
use crate::float::Float;
use crate::loss::Loss;
use crate::mlp::{Mlp, Samples};

mod line_search;
mod minimize;

pub use minimize::{minimize, minimize_with};

/// L-BFGS trainer, which minimizes the loss over all samples at once. It suits data sets of up to a
/// few thousand samples.
///
/// There is no learning rate, seed or minibatch size to choose. If the loss is smooth and the
/// samples are few, L-BFGS needs a small fraction of the epochs of [`Trainer`](super::Trainer). It
/// also reaches a minimum instead of its neighborhood.
///
/// # Algorithm
/// Each iteration steps along a direction d:
///
/// ```text
/// d = -H · g
/// H₀ = (sᵀy / yᵀy) · I
/// ```
///
/// g is the gradient, and H estimates the inverse of the Hessian. H starts from H₀ and is updated
/// with the last [`history_size`](Self::history_size) pairs of s and y. These are the changes of the
/// parameters and of the gradient in an iteration. A line search finds a step that meets the strong
/// Wolfe conditions.
///
/// The method is that of Liu and Nocedal, "On the limited memory BFGS method for large scale
/// optimization", 1989. The line search is that of Moré and Thuente, 1994. Steps, constants and
/// defaults are those of scikit-learn's `solver="lbfgs"` (SciPy's L-BFGS-B without bounds).
///
/// # Losses with another gradient
/// The line search needs a loss that returns the gradient of its value. Two losses of this crate
/// return another gradient on purpose:
///
/// - [`RelativeL2`](crate::loss::RelativeL2)
/// - [`ScikitSquaredError`](crate::loss::ScikitSquaredError) for several outputs, as in scikit-learn,
///   which passes this inconsistent pair to SciPy. Use [`SquaredError`](crate::loss::SquaredError)
///   instead, which has the same gradient.
///
/// With these two, training ends when steps no longer lower the value, often early. The reason is
/// then [`LbfgsStop::LineSearch`] or [`LbfgsStop::Loss`].
///
/// # Examples
/// ```
/// use feedforward::{Mlp, activation::{Identity, Tanh}, loss::SquaredError, train::Lbfgs};
///
/// let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
/// let targets = [0.0, 1.0, 1.0, 0.0]; // exclusive or
/// let mut net = Mlp::<f64>::builder(2).hidden(8, Tanh).output(1, Identity).seed(1).build()?;
/// let trainer = Lbfgs::new(SquaredError).gradient_tolerance(1e-6);
/// let report = trainer.fit(&mut net, &inputs, &targets)?;
/// assert!(report.loss < 1e-9);
/// assert!(report.iterations.len() < 50);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "its methods return the changed trainer"]
pub struct Lbfgs<T> {
    objective: Objective<T>,
    options: LbfgsOptions,
    threads: Option<usize>,
}

impl<T: Float> Lbfgs<T> {
    /// Creates a trainer with the defaults of [`LbfgsOptions`], without penalty.
    pub fn new(loss: impl Loss<T> + 'static) -> Self {
        Self {
            objective: Objective::new(loss),
            options: LbfgsOptions::default(),
            threads: None,
        }
    }

    /// Sets the maximum number of iterations: scikit-learn's `max_iter`. Default: 200.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.options.iterations = iterations;
        self
    }

    /// Sets the maximum number of evaluations of loss and gradient: scikit-learn's `max_fun`.
    /// Default: 15,000.
    ///
    /// An interrupted line search leaves the parameters unchanged.
    pub fn evaluations(mut self, evaluations: usize) -> Self {
        self.options.evaluations = evaluations;
        self
    }

    /// Sets the number of iterations to remember. Default: 10.
    ///
    /// Each needs memory for two copies of the parameters.
    pub fn history_size(mut self, pairs: usize) -> Self {
        self.options.history_size = pairs;
        self
    }

    /// Ends training when no entry of the gradient is larger than this: scikit-learn's `tol`.
    /// Default: 1e-4.
    pub fn gradient_tolerance(mut self, largest: f64) -> Self {
        self.options.gradient_tolerance = largest;
        self
    }

    /// Sets the relative decrease of the loss at which training ends: SciPy's `ftol`.
    /// Default: 2.2e-9.
    ///
    /// Training ends when an iteration lowers the loss from f to f' with
    ///
    /// ```text
    /// (f - f') / max(|f|, |f'|, 1) ≤ decrease
    /// ```
    ///
    /// With 0, training continues as long as the loss falls at all.
    pub fn loss_tolerance(mut self, decrease: f64) -> Self {
        self.options.loss_tolerance = decrease;
        self
    }

    /// Trains until rounding hides any further decrease, with at most 100,000 iterations and a
    /// million evaluations.
    ///
    /// The defaults are scikit-learn's and end early, often at a hundredth of the targets' spread.
    /// This setting is for fits to many digits. [`LevenbergMarquardt`](super::LevenbergMarquardt)
    /// reaches them in less time for networks of up to about 1,000 parameters.
    pub fn until_rounding(mut self) -> Self {
        self.options.iterations = 100_000;
        self.options.evaluations = 1_000_000;
        self.options.gradient_tolerance = 0.0;
        self.options.loss_tolerance = 0.0;
        self
    }

    /// Sets the penalty λ on squared weights. Default: 0.
    ///
    /// See [`GradientWorkspace::l2`](crate::GradientWorkspace::l2).
    pub fn l2(mut self, lambda: f64) -> Self {
        self.objective.l2 = lambda;
        self
    }

    /// Sets the number of threads that share the work.
    ///
    /// See [`Trainer::threads`](super::Trainer::threads), where all samples are the minibatch.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Trains the network on samples.
    ///
    /// `inputs` is row-major `[samples x inputs]`, `targets` is `[samples x outputs]`. The network
    /// ends with the parameters of the last iteration, which have the lowest loss of all.
    ///
    /// If a step leads to numbers that are not finite, it is shortened. This is not an error.
    ///
    /// # Errors
    /// - [`Error::Rows`], [`Error::Length`], [`Error::InvalidSetting`] and [`Error::NotFinite`] for
    ///   invalid shapes, settings and numbers
    /// - [`Error::Incompatible`] if the loss does not fit the output layer
    /// - [`Error::Overflow`] if the initial network's outputs, loss or gradient are not finite
    ///
    /// An error leaves the network unchanged.
    pub fn fit(&self, net: &mut Mlp<T>, inputs: &[T], targets: &[T]) -> Result<LbfgsReport> {
        let samples = Samples::new(inputs, targets);
        self.fit_with(net, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// Trains as [`fit`](Self::fit) does, on samples that may have weights, and calls a function
    /// after each iteration. The function can end training.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, activation::Identity};
    /// # use feedforward::{loss::SquaredError, train::{Lbfgs, LbfgsStop}};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
    /// let samples = Samples::new(&[1.0, 2.0], &[2.0, 4.0]);
    /// let report = Lbfgs::new(SquaredError).fit_with(&mut net, &samples, |iteration, _net| {
    ///     println!("iteration {}: loss {}", iteration.number, iteration.loss);
    ///     ControlFlow::Break(())
    /// })?;
    /// assert_eq!(report.stopped_by, LbfgsStop::Callback);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`fit`](Self::fit).
    pub fn fit_with(
        &self,
        net: &mut Mlp<T>,
        samples: &Samples<'_, T>,
        mut on_iteration: impl FnMut(&LbfgsIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LbfgsReport> {
        self.objective.loss.check()?;
        let loss = &*self.objective.loss;
        let rows = samples.check(net, loss)?;
        let mut params = net.params().to_vec();
        let threads = threads_for(self.threads, rows.len(), net)?;
        let workspace = self.objective.workspace(net, None, 0, None)?;
        let mut gradient = workspace.with_threads(threads.clone());
        let mut trial = net.clone();
        let objective = |params: &[T], values: &mut [T]| {
            trial.set_params(params)?;
            let loss = threads.install(|| gradient.compute_rows(&trial, &rows, loss))?;
            values.copy_from_slice(gradient.values());
            Ok(loss)
        };
        let on_iteration = |iteration: &LbfgsIteration, params: &[T]| {
            net.params_mut().copy_from_slice(params);
            on_iteration(iteration, net)
        };
        minimize_with(&self.options, &mut params, objective, on_iteration)
    }
}

/// Options of [`minimize`]: its limits, tolerances and history size.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LbfgsOptions {
    /// Maximum number of iterations. Range: at least 1. Default: 200.
    pub iterations: usize,
    /// Maximum number of evaluations. Range: at least 1. Default: 15,000.
    pub evaluations: usize,
    /// Number of iterations to remember. Range: at least 1. Default: 10.
    pub history_size: usize,
    /// Maximum absolute value in the gradient at which the search ends. Range: at least 0.
    /// Default: 1e-4.
    pub gradient_tolerance: f64,
    /// Relative decrease of the loss at or below which the search ends. Range: at least 0.
    /// Default: 2.2e-9.
    pub loss_tolerance: f64,
}

impl Default for LbfgsOptions {
    fn default() -> Self {
        Self {
            iterations: 200,
            evaluations: 15_000,
            history_size: 10,
            gradient_tolerance: 1e-4,
            loss_tolerance: 1e7 * f64::EPSILON,
        }
    }
}

impl LbfgsOptions {
    fn check(&self) -> Result<()> {
        check_count("iterations", self.iterations)?;
        check_count("evaluations", self.evaluations)?;
        check_count("history size", self.history_size)?;
        let (range, expected) = (0.0..f64::INFINITY, "a finite number, at least 0");
        let (gradient, loss) = (self.gradient_tolerance, self.loss_tolerance);
        check_range("gradient tolerance", gradient, range.clone(), expected)?;
        check_range("loss tolerance", loss, range, expected)
    }
}

/// Results of one iteration of [`Lbfgs`], which takes one step along one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LbfgsIteration {
    /// Number of the iteration, counted from 1.
    pub number: usize,
    /// Mean loss of all samples after the iteration, with the L2 penalty.
    pub loss: f64,
    /// Maximum absolute value in the gradient after the iteration.
    pub largest_gradient: f64,
    /// Length of the step relative to the direction. Near a minimum it is usually 1.
    pub step: f64,
    /// Number of evaluations of loss and gradient so far, including all line searches.
    pub evaluations: usize,
}

/// Reason why [`Lbfgs`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LbfgsStop {
    /// The maximum number of iterations was reached.
    #[default]
    Iterations,
    /// The maximum number of evaluations was reached.
    Evaluations,
    /// The gradient is within its tolerance, at a minimum or a saddle point.
    Gradient,
    /// The decrease of the loss was within its tolerance.
    Loss,
    /// No step lowered the loss, not even along the steepest direction. This happens at a minimum
    /// that is as exact as rounding permits, or if the gradient is not that of the loss.
    LineSearch,
    /// The caller's function ended training.
    Callback,
}

/// Report of [`Lbfgs`] on a training run.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LbfgsReport {
    /// Iterations, in order. Empty if the network was at a minimum already.
    pub iterations: Vec<LbfgsIteration>,
    /// Reason why training ended.
    pub stopped_by: LbfgsStop,
    /// Number of evaluations of loss and gradient.
    pub evaluations: usize,
    /// Mean loss of all samples at the end, with the L2 penalty.
    pub loss: f64,
    /// Maximum absolute value in the gradient at the end.
    pub largest_gradient: f64,
}

impl LbfgsReport {
    /// Returns the loss after each iteration.
    pub fn losses(&self) -> impl ExactSizeIterator<Item = f64> {
        self.iterations.iter().map(|iteration| iteration.loss)
    }
}

#[cfg(test)]
mod tests;
