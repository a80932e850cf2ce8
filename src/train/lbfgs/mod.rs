//! Training on all samples at once.

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

pub use minimize::minimize;

/// L-BFGS: minimises the loss over all samples at once, for data sets of up to a few thousand.
///
/// Each iteration goes along d = -H g, where g is the gradient and H an estimate of the Hessian's
/// inverse from the last [`history_size`](Self::history_size) pairs s (change of the parameters) and
/// y (change of the gradient), starting from (s y / y y) I; how far, a line search finds
/// that meets the strong Wolfe conditions. There is no learning rate to choose, no seed and no
/// minibatch. Where the loss is smooth and the samples are few, it takes a small part of
/// the epochs that [`Trainer`](super::Trainer) needs, and arrives at a minimum instead of near one.
///
/// Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989; line
/// search by Moré and Thuente, 1994. Steps, constants and defaults are those of scikit-learn's
/// `solver="lbfgs"` (SciPy's L-BFGS-B without bounds).
///
/// The loss's gradient must be that of its value, or a line search finds no end. Of the losses
/// here, two are not like that on purpose: [`RelativeL2`](crate::loss::RelativeL2), and
/// [`ScikitSquaredError`](crate::loss::ScikitSquaredError) for several outputs, for which scikit-learn
/// gives SciPy that inconsistent pair. Take [`SquaredError`](crate::loss::SquaredError), which has the
/// same gradient. With those two, training ends where steps stop lowering the value, often early, with
/// [`LbfgsStop::LineSearch`] or [`LbfgsStop::Loss`].
///
/// ```
/// use feedforward::{Mlp, activation::{Identity, Tanh}, loss::SquaredError, train::Lbfgs};
///
/// let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
/// let targets = [0.0, 1.0, 1.0, 0.0]; // exclusive or
/// let mut net = Mlp::<f64>::builder(2).hidden(8, Tanh).output(1, Identity).seed(1).build()?;
/// let report = Lbfgs::new(SquaredError).gradient_tolerance(1e-6).fit(&mut net, &inputs, &targets)?;
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
    /// Takes the defaults of [`LbfgsOptions`], without penalty.
    pub fn new(loss: impl Loss<T> + 'static) -> Self {
        Self {
            objective: Objective::new(loss),
            options: LbfgsOptions::default(),
            threads: None,
        }
    }

    /// Sets the largest number of iterations: scikit-learn's `max_iter`.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.options.iterations = iterations;
        self
    }

    /// Sets how often loss and gradient are evaluated at most: scikit-learn's `max_fun`. A line
    /// search that is cut off changes nothing.
    pub fn evaluations(mut self, evaluations: usize) -> Self {
        self.options.evaluations = evaluations;
        self
    }

    /// Sets how many iterations are remembered; each costs two copies of the parameters.
    pub fn history_size(mut self, pairs: usize) -> Self {
        self.options.history_size = pairs;
        self
    }

    /// Ends the training when no entry of the gradient is larger: scikit-learn's `tol`.
    pub fn gradient_tolerance(mut self, largest: f64) -> Self {
        self.options.gradient_tolerance = largest;
        self
    }

    /// Ends the training when an iteration lowers the loss from f to f' and
    /// (f - f') / max(|f|, |f'|, 1) is no larger: SciPy's `ftol`. With 0 it goes on for as long as
    /// the loss falls at all.
    pub fn loss_tolerance(mut self, decrease: f64) -> Self {
        self.options.loss_tolerance = decrease;
        self
    }

    /// Sets the penalty on squared weights, as [`GradientWorkspace::l2`](crate::GradientWorkspace::l2) explains.
    pub fn l2(mut self, lambda: f64) -> Self {
        self.objective.l2 = lambda;
        self
    }

    /// Sets the number of threads that share the work, as
    /// [`Trainer::threads`](super::Trainer::threads) explains; the minibatch here is all samples.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Trains the network on samples: `inputs` row-major `[samples x inputs]`, `targets`
    /// `[samples x outputs]`. It ends with the parameters of the last iteration, which have the
    /// lowest loss of all.
    ///
    /// A step to where numbers are not finite is made shorter; it is no error.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Length`], [`Error::InvalidSetting`] and [`Error::NotFinite`] for
    /// shapes, settings and numbers that make no sense, [`Error::Incompatible`] for a loss that does
    /// not go with the output layer, [`Error::Overflow`] if outputs, loss or
    /// gradient of the network as it is are not finite. The network is then left as it was.
    pub fn fit(&self, net: &mut Mlp<T>, inputs: &[T], targets: &[T]) -> Result<LbfgsReport> {
        let samples = Samples::new(inputs, targets);
        self.fit_with(net, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// [`fit`](Self::fit) on samples that may have weights, with a function that is called after
    /// each iteration and can end the training.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, activation::Identity, loss::SquaredError, train::{Lbfgs, LbfgsStop}};
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
    /// As [`fit`](Self::fit).
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
        minimize(&self.options, &mut params, objective, on_iteration)
    }
}

/// When [`minimize`] stops, and how much it remembers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LbfgsOptions {
    /// The largest number of iterations, at least 1: 200.
    pub iterations: usize,
    /// The largest number of evaluations, at least 1: 15,000.
    pub evaluations: usize,
    /// How many iterations are remembered, at least 1: 10.
    pub history_size: usize,
    /// The largest entry that the gradient may have at a minimum, 0 or above: 1e-4.
    pub gradient_tolerance: f64,
    /// The relative decrease that is too little to go on, 0 or above: 2.2e-9.
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

/// One iteration of [`Lbfgs`]: one direction, and a step along it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LbfgsIteration {
    /// Its number, counted from 1.
    pub number: usize,
    /// The mean loss of all samples after it, with the L2 penalty.
    pub loss: f64,
    /// The largest absolute value in the gradient after it.
    pub largest_gradient: f64,
    /// The step's length relative to the direction's; 1 is the rule near a minimum.
    pub step: f64,
    /// Evaluations of loss and gradient up to here, with those of all line searches.
    pub evaluations: usize,
}

/// Why [`Lbfgs`] ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum LbfgsStop {
    /// All iterations were made.
    #[default]
    Iterations,
    /// All evaluations were made.
    Evaluations,
    /// The gradient is within its tolerance: a minimum, unless it is a saddle.
    Gradient,
    /// The loss fell by no more than its tolerance.
    Loss,
    /// No step, not even along the steepest direction, lowered the loss. So it goes at a
    /// minimum as exact as rounding permits, and where the gradient is not that of the loss.
    LineSearch,
    /// The caller's function asked for it.
    Callback,
}

/// What [`Lbfgs`] did.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LbfgsReport {
    /// The iterations, in order; none if the network was at a minimum already.
    pub iterations: Vec<LbfgsIteration>,
    /// Why there were no more.
    pub stopped_by: LbfgsStop,
    /// Evaluations of loss and gradient.
    pub evaluations: usize,
    /// The mean loss of all samples at the end, with the L2 penalty.
    pub loss: f64,
    /// The largest absolute value in the gradient at the end.
    pub largest_gradient: f64,
}

impl LbfgsReport {
    /// The loss after each iteration.
    pub fn losses(&self) -> impl ExactSizeIterator<Item = f64> {
        self.iterations.iter().map(|iteration| iteration.loss)
    }
}

#[cfg(test)]
mod tests;
