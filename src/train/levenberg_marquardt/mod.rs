//! Training on all samples at once, by the method of Levenberg and Marquardt.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::least_squares::Search;
use super::sample_loop::threads_for;
use super::{
    Damping, Factorization, LeastSquaresIteration, LeastSquaresOptions, LeastSquaresStop, Scaling,
};
use crate::error::{Error, Result, check_count};
use crate::float::Float;
use crate::mlp::{GradientWorkspace, Mlp, Samples};

mod loss;
mod on_samples;
mod report;
mod state;

pub use loss::GaussNewtonLoss;
use on_samples::{OnSamples, Penalty, round};
pub use report::{Evidence, LevenbergMarquardtReport};
pub use state::LevenbergMarquardtState;

/// Levenberg-Marquardt trainer, which fits smooth functions to many digits.
///
/// The loss is the squared error, or [another](Self::loss) by the generalized Gauss-Newton method.
///
/// It suits exact targets: a slow function, a sensor's curve, a controller's map. Networks should
/// have at most about 1,000 parameters, and smooth activations such as
/// [`Tanh`](crate::activation::Tanh). There it reaches in a second what a first-order optimizer
/// never reaches. Each step takes time for the cube of the number of parameters, and memory for the
/// square.
///
/// # Algorithm
/// It minimizes the sum of squares of all residuals, weighted, with a penalty:
///
/// ```text
/// S = Σ wₛ · |y(xₛ) - tₛ|² + λ · Σ W²
/// ```
///
/// The first sum is over samples s with weights wₛ, the second over the network's weights W, but
/// not its biases. Divided by 2 Σ wₛ, S is the loss that [`Lbfgs`](super::Lbfgs) reports for
/// [`SquaredError`](crate::loss::SquaredError). The steps are those of
/// [`least_squares`](super::least_squares), whose documentation has method and sources. JᵀJ is added
/// up in blocks of samples, so the Jacobian is never held as a whole. If there are fewer residuals
/// than parameters, it is.
///
/// Steps are computed in f64 for both precisions. A network in f64 reaches more digits. One in f32
/// has no [acceleration](LeastSquaresOptions::acceleration), because rounding hides the second
/// derivative.
///
/// # Examples
/// ```
/// use feedforward::{Mlp, activation::{Identity, Tanh}, train::LevenbergMarquardt};
///
/// let inputs: Vec<f64> = (0..50).map(|i| f64::from(i) / 25.0 - 1.0).collect();
/// let targets: Vec<f64> = inputs.iter().map(|x| (3.0 * x).sin()).collect();
/// let mut net = Mlp::builder(1).hidden(5, Tanh).output(1, Identity).seed(1).build()?;
/// let report = LevenbergMarquardt::new().fit(&mut net, &inputs, &targets)?;
/// let rmse = (report.search.sum_of_squares / 50.0).sqrt();
/// assert!(rmse < 1e-4, "{rmse}");
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "its methods return the changed trainer"]
pub struct LevenbergMarquardt {
    options: LeastSquaresOptions,
    loss: GaussNewtonLoss,
    penalty: Penalty,
    threads: Option<usize>,
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        Self::new()
    }
}

impl LevenbergMarquardt {
    /// Creates a trainer without penalty, with the defaults of [`LeastSquaresOptions`] except
    /// these: at most 1,000 iterations, [`Factorization::Cholesky`], and no covariance.
    pub fn new() -> Self {
        Self {
            options: LeastSquaresOptions {
                iterations: 1_000,
                factorization: Factorization::Cholesky,
                covariance: false,
                ..LeastSquaresOptions::default()
            },
            loss: GaussNewtonLoss::SquaredError,
            penalty: Penalty::Weights(0.0),
            threads: None,
        }
    }

    /// Sets all options of the search.
    pub fn options(mut self, options: LeastSquaresOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the loss. Default: [`GaussNewtonLoss::SquaredError`].
    ///
    /// With another loss, S is twice the sum of the samples' losses and the penalty. There is no
    /// acceleration, and neither a covariance nor a Bayesian penalty.
    ///
    /// ```
    /// use feedforward::activation::{Identity, Tanh};
    /// use feedforward::{Mlp, train::{GaussNewtonLoss, LevenbergMarquardt}};
    ///
    /// let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    /// let targets = [0.0, 1.0, 1.0, 0.0]; // exclusive or
    /// let mut net = Mlp::<f64>::builder(2).hidden(8, Tanh).output(1, Identity).seed(1).build()?;
    /// let trainer = LevenbergMarquardt::new().loss(GaussNewtonLoss::BinaryCrossEntropy);
    /// trainer.l2(1e-3).fit(&mut net, &inputs, &targets)?;
    /// let logits = net.predict(&inputs)?;
    /// assert!(logits.iter().zip(targets).all(|(y, t)| (*y > 0.0) == (t == 1.0)), "{logits:?}");
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn loss(mut self, loss: GaussNewtonLoss) -> Self {
        self.loss = loss;
        self
    }

    /// Sets the maximum number of iterations. Default: 1,000.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.options.iterations = iterations;
        self
    }

    /// Sets the rule for the damping. Default: [`Damping::Nielsen`] with τ = 1e-3.
    pub fn damping(mut self, damping: Damping) -> Self {
        self.options.damping = damping;
        self
    }

    /// Sets the rule for the scale of the parameters. Default: [`Scaling::More`].
    pub fn scaling(mut self, scaling: Scaling) -> Self {
        self.options.scaling = scaling;
        self
    }

    /// Ends training at this sum of squares S. Default: 0.
    pub fn goal(mut self, sum_of_squares: f64) -> Self {
        self.options.goal = sum_of_squares;
        self
    }

    /// Chooses whether the report has the covariance of the parameters, and thus error bars.
    /// Default: `false`, and `true` if the penalty is [Bayesian](Self::bayesian).
    ///
    /// It needs a squared error and no constant penalty. Rows and columns are in the order of
    /// [`Mlp::params`].
    pub fn covariance(mut self, has_covariance: bool) -> Self {
        self.options.covariance = has_covariance;
        self
    }

    /// Sets the penalty λ on squared weights. Default: 0.
    ///
    /// It is that of [`GradientWorkspace::l2`], where all samples are the minibatch. It replaces a
    /// [Bayesian](Self::bayesian) one.
    pub fn l2(mut self, lambda: f64) -> Self {
        if self.penalty == Penalty::Bayesian {
            self.options.covariance = false;
        }
        self.penalty = Penalty::Weights(lambda);
        self
    }

    /// Estimates the penalty from the samples, without validation: Bayesian regularization.
    ///
    /// It minimizes
    ///
    /// ```text
    /// F = β · E + α · W     E = Σ wₛ · |y(xₛ) - tₛ|²,   W = sum of all squared parameters
    /// ```
    ///
    /// and estimates α and β after each step, from n residuals and N parameters:
    ///
    /// ```text
    /// λ = α / β
    /// γ = N - λ · tr (JᵀJ + λ I)⁻¹
    /// α = γ / 2W,   β = (n - γ) / 2E
    /// ```
    ///
    /// γ is the number of parameters that the samples determine, and 1/√(2β) the noise of the
    /// targets. This replaces [`l2`](Self::l2). The report then has this [`Evidence`], and error
    /// bars of predictions: [`LevenbergMarquardtReport::predict_with_error`]. Sums of squares in
    /// the report are F/β, where λ changes from step to step.
    ///
    /// Inputs and targets must have a mean near 0 and a standard deviation near 1, as from a
    /// [`Scaler`](crate::Scaler). Larger targets can end in a constant, with γ near 0. Some starts
    /// end in a local minimum with a larger noise, so compare the noise of a few seeds.
    ///
    /// The method also sets [`Factorization::Cholesky`], a covariance and a
    /// [`decrease_tolerance`](LeastSquaresOptions::decrease_tolerance) of 1e-9, below which α and β
    /// have settled.
    ///
    /// Sources: MacKay, "A practical Bayesian framework for backpropagation networks", 1992,
    /// [doi:10.1162/neco.1992.4.3.448](https://doi.org/10.1162/neco.1992.4.3.448). Foresee and
    /// Hagan, "Gauss-Newton approximation to Bayesian learning", 1997,
    /// [doi:10.1109/ICNN.1997.614194](https://doi.org/10.1109/ICNN.1997.614194).
    ///
    /// ```
    /// use feedforward::{Mlp, activation::{Identity, Tanh}, train::LevenbergMarquardt};
    ///
    /// // A line with noise, and a network with far too many neurons.
    /// let inputs: Vec<f64> = (0..40).map(|i| f64::from(i) / 20.0 - 1.0).collect();
    /// let noise = |i: usize| 0.1 * f64::from((7 * i as u32 % 5) as u8) - 0.2;
    /// let targets: Vec<f64> = inputs.iter().enumerate().map(|(i, x)| x + noise(i)).collect();
    /// let mut net = Mlp::builder(1).hidden(15, Tanh).output(1, Identity).seed(1).build()?;
    /// let trainer = LevenbergMarquardt::new().bayesian();
    /// let report = trainer.fit(&mut net, &inputs, &targets)?;
    /// assert!(report.evidence.unwrap().effective_params < 6.0, "{:?}", report.evidence);
    /// let (y, deviation) = report.predict_with_error(&net, &[0.5])?;
    /// assert!((y[0] - 0.5).abs() < 0.1, "{y:?}");
    /// assert!((deviation[0] - 0.14).abs() < 0.03, "{deviation:?}");
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn bayesian(mut self) -> Self {
        self.penalty = Penalty::Bayesian;
        self.options.factorization = Factorization::Cholesky;
        self.options.covariance = true;
        self.options.decrease_tolerance = 1e-9;
        self
    }

    /// Sets the number of threads that share the Jacobian and its products.
    ///
    /// See [`Trainer::threads`](super::Trainer::threads), where all samples are the minibatch.
    /// Results are bit-identical for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Trains the network on samples.
    ///
    /// `inputs` is row-major `[samples x inputs]`, `targets` is `[samples x outputs]`. The network
    /// ends with the parameters of the last iteration. The report's sums of squares are S.
    ///
    /// If a step leads to numbers that are not finite, it is shortened. This is not an error.
    ///
    /// # Errors
    /// - [`Error::Rows`], [`Error::Length`], [`Error::InvalidSetting`] and [`Error::NotFinite`] for
    ///   invalid shapes, settings and numbers
    /// - [`Error::InvalidSetting`] for a covariance with a constant penalty
    /// - [`Error::TooLarge`] if a matrix `[params x params]` does not fit in memory
    /// - [`Error::Overflow`] if the initial network's outputs or derivatives are not finite
    ///
    /// An error leaves the network unchanged.
    pub fn fit<T: Float>(
        &self,
        net: &mut Mlp<T>,
        inputs: &[T],
        targets: &[T],
    ) -> Result<LevenbergMarquardtReport> {
        let samples = Samples::new(inputs, targets);
        self.fit_with(net, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// Trains as [`fit`](Self::fit) does, on samples that may have weights, and calls a function
    /// after each iteration. The function can end training.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, activation::Identity};
    /// # use feedforward::train::{LeastSquaresStop, LevenbergMarquardt};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
    /// let samples = Samples::new(&[1.0, 2.0, 4.0], &[2.0, 4.0, 7.0]);
    /// let trainer = LevenbergMarquardt::new();
    /// let report = trainer.fit_with(&mut net, &samples, |iteration, _net| {
    ///     println!("{}: {}", iteration.number, iteration.sum_of_squares);
    ///     ControlFlow::Break(())
    /// })?;
    /// assert_eq!(report.search.stopped_by, LeastSquaresStop::Callback);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`fit`](Self::fit).
    pub fn fit_with<T: Float>(
        &self,
        net: &mut Mlp<T>,
        samples: &Samples<'_, T>,
        on_iteration: impl FnMut(&LeastSquaresIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LevenbergMarquardtReport> {
        let mut state = LevenbergMarquardtState::default();
        self.resume_with(net, &mut state, samples, on_iteration)
    }

    /// Trains as [`fit_with`](Self::fit_with) does, from the state of an earlier run, and updates
    /// the state. The steps are those of one long run.
    ///
    /// A new state starts a new run. [`iterations`](Self::iterations) counts all runs of a state.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, activation::{Identity, Tanh}};
    /// # use feedforward::train::{LevenbergMarquardt, LevenbergMarquardtState};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut net = Mlp::<f64>::builder(1).hidden(3, Tanh).output(1, Identity).build()?;
    /// let samples = Samples::new(&[0.0, 0.4, 0.8], &[0.1, 0.3, 0.9]);
    /// let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    /// let mut state = LevenbergMarquardtState::default();
    /// let trainer = LevenbergMarquardt::new();
    /// trainer.iterations(5).resume_with(&mut net, &mut state, &samples, go_on)?;
    /// // Later, perhaps in another process:
    /// let report = trainer.iterations(9).resume_with(&mut net, &mut state, &samples, go_on)?;
    /// assert_eq!(report.search.iterations[0].number, 6);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`fit`](Self::fit), and [`Error::Incompatible`] if the network does not have
    /// the parameters of the state. An error leaves the state unchanged.
    pub fn resume_with<T: Float>(
        &self,
        net: &mut Mlp<T>,
        state: &mut LevenbergMarquardtState,
        samples: &Samples<'_, T>,
        mut on_iteration: impl FnMut(&LeastSquaresIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LevenbergMarquardtReport> {
        self.options.check()?;
        let covariance = self.options.covariance;
        let l2 = match self.penalty {
            Penalty::Weights(l2) if l2 != 0.0 && covariance => {
                let expected = "no penalty, or a Bayesian one";
                return Err(Error::invalid_setting("covariance", expected, l2));
            }
            Penalty::Weights(l2) => l2,
            Penalty::Bayesian if self.options.factorization != Factorization::Cholesky => {
                let (what, got) = ("factorization of a Bayesian fit", "QR");
                return Err(Error::invalid_setting(what, "Cholesky", got));
            }
            Penalty::Bayesian => 0.0,
        };
        let is_squared = self.loss == GaussNewtonLoss::SquaredError;
        if !is_squared && (covariance || self.penalty == Penalty::Bayesian) {
            let what = "loss of a fit with a covariance or a Bayesian penalty";
            let got = format!("{:?}", self.loss);
            return Err(Error::invalid_setting(what, "SquaredError", got));
        }
        let rows = samples.check(net, self.loss.loss())?;
        let threads = threads_for(self.threads, rows.len(), net)?;
        let workspace = GradientWorkspace::new(net)
            .l2(l2)?
            .with_threads(threads.clone());
        let start = state.start(net)?;
        let mut problem = OnSamples::new(net, rows, workspace, self.loss, self.penalty)?;
        let mut options = self.options;
        options.acceleration &= is_squared && T::epsilon().as_f64() <= f64::EPSILON;
        problem.resume(state.penalty, state.evidence);
        let mut search = Search::new(&options, &start, problem)?.threads(threads);
        if !state.params.is_empty() {
            search = search.resume(&state.search);
        }
        let mut last = start.clone();
        let result = search.run(|iteration, params| {
            last.copy_from_slice(params);
            round(params, net.params_mut());
            on_iteration(iteration, net)
        });
        if result.is_err() {
            round(&start, net.params_mut());
        }
        let (report, search, problem) = result?;
        *state = LevenbergMarquardtState {
            params: last.clone(),
            search,
            penalty: problem.penalty(),
            evidence: problem.evidence(),
        };
        Ok(LevenbergMarquardtReport {
            search: report,
            evidence: problem.evidence(),
            validation_losses: Vec::new(),
            best_iteration: None,
            params: last,
        })
    }

    /// Trains as [`fit_with`](Self::fit_with) does, and validates after each iteration. The network
    /// ends with the parameters of the lowest validation loss.
    ///
    /// Training ends after `patience` iterations in a row without a lower loss, with the reason
    /// [`LeastSquaresStop::Validation`]. MATLAB's `max_fail` is 6.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, activation::{Identity, Tanh}, train::LevenbergMarquardt};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut net = Mlp::<f64>::builder(1).hidden(3, Tanh).output(1, Identity).build()?;
    /// let samples = Samples::new(&[0.0, 0.4, 0.8], &[0.1, 0.3, 0.9]);
    /// let validation = Samples::new(&[0.2, 0.6], &[0.2, 0.6]);
    /// let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    /// let trainer = LevenbergMarquardt::new();
    /// let report = trainer.fit_with_validation(&mut net, &samples, &validation, 6, go_on)?;
    /// let lowest = report.validation_losses.iter().copied().fold(f64::INFINITY, f64::min);
    /// assert_eq!(report.validation_losses[report.best_iteration.unwrap()], lowest);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`fit`](Self::fit), for the validation samples too, and
    /// [`Error::InvalidSetting`] for a patience of 0.
    pub fn fit_with_validation<T: Float>(
        &self,
        net: &mut Mlp<T>,
        samples: &Samples<'_, T>,
        validation: &Samples<'_, T>,
        patience: usize,
        mut on_iteration: impl FnMut(&LeastSquaresIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LevenbergMarquardtReport> {
        check_count("patience", patience)?;
        let mut workspace = GradientWorkspace::new(net);
        let mut measure =
            |net: &Mlp<T>| workspace.evaluate_samples(net, validation, self.loss.loss());
        let mut losses = vec![measure(net)?];
        let (mut best, mut params) = (0, net.params().to_vec());
        let start = params.clone();
        let (mut failure, mut is_over) = (None, false);
        let mut report = self.fit_with(net, samples, |iteration, net| {
            match measure(net) {
                Ok(loss) => losses.push(loss),
                Err(error) => {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
            }
            let last = losses.len() - 1;
            if losses[last] < losses[best] {
                best = last;
                params.copy_from_slice(net.params());
            }
            let flow = on_iteration(iteration, net);
            is_over = flow.is_continue() && last - best >= patience;
            if is_over {
                ControlFlow::Break(())
            } else {
                flow
            }
        })?;
        if let Some(error) = failure {
            net.params_mut().copy_from_slice(&start);
            return Err(error);
        }
        net.params_mut().copy_from_slice(&params);
        if is_over {
            report.search.stopped_by = LeastSquaresStop::Validation;
        }
        report.validation_losses = losses;
        report.best_iteration = Some(best);
        Ok(report)
    }
}
