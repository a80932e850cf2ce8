//! Training runs: from new or resumed states, with or without validation.

use alloc::format;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::on_samples::{OnSamples, round};
use super::prior::Penalty;
use super::validation::Validator;
use super::{
    GaussNewtonLoss, LevenbergMarquardt, LevenbergMarquardtReport, LevenbergMarquardtState,
};
use crate::error::{Error, Result, check_count};
use crate::float::Float;
use crate::mlp::{GradientWorkspace, Mlp, Samples};
#[cfg(doc)]
use crate::train::LeastSquaresOptions;
use crate::train::least_squares::Search;
use crate::train::sample_loop::threads_for;
use crate::train::{Factorization, LeastSquaresIteration, LeastSquaresStop};

impl LevenbergMarquardt {
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
    /// Loss and penalty must be those of the earlier runs, because the damping and the estimates
    /// belong to them. For other ones, start a new run with this network. The options of the search
    /// and the samples may change.
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
    /// - The errors of [`fit`](Self::fit)
    /// - [`Error::Incompatible`] if the network does not have the parameters of the state
    /// - [`Error::Differs`] if the loss or the penalty is another one, or if the earlier runs had
    ///   validation: see [`resume_with_validation`](Self::resume_with_validation)
    /// - [`Error::NotFinite`], [`Error::InvalidValue`], [`Error::Length`] and
    ///   [`Error::OutOfBounds`] for a state from a file with wrong numbers
    ///
    /// An error leaves the state unchanged.
    pub fn resume_with<T: Float>(
        &self,
        net: &mut Mlp<T>,
        state: &mut LevenbergMarquardtState,
        samples: &Samples<'_, T>,
        on_iteration: impl FnMut(&LeastSquaresIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LevenbergMarquardtReport> {
        self.run(net, state, samples, None, on_iteration)
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
        on_iteration: impl FnMut(&LeastSquaresIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LevenbergMarquardtReport> {
        let mut state = LevenbergMarquardtState::default();
        self.run(
            net,
            &mut state,
            samples,
            Some((validation, patience)),
            on_iteration,
        )
    }

    /// Trains as [`fit_with_validation`](Self::fit_with_validation) does, from the state of an
    /// earlier run, and updates the state. Losses, patience and the best parameters are those of
    /// one long run.
    ///
    /// The network has the best parameters between runs, and the state has the last ones. The
    /// validation samples must be those of the earlier runs. `patience` may be another.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, activation::{Identity, Tanh}};
    /// # use feedforward::train::{LevenbergMarquardt, LevenbergMarquardtState};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut net = Mlp::<f64>::builder(1).hidden(3, Tanh).output(1, Identity).build()?;
    /// let samples = Samples::new(&[0.0, 0.4, 0.8], &[0.1, 0.3, 0.9]);
    /// let held = Samples::new(&[0.2, 0.6], &[0.2, 0.6]);
    /// let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    /// let mut state = LevenbergMarquardtState::default();
    /// let first = LevenbergMarquardt::new().iterations(2);
    /// first.resume_with_validation(&mut net, &mut state, &samples, &held, 6, go_on)?;
    /// // Later, perhaps in another process:
    /// let trainer = LevenbergMarquardt::new();
    /// let report =
    ///     trainer.resume_with_validation(&mut net, &mut state, &samples, &held, 6, go_on)?;
    /// // The losses are those before training and after each iteration, of both runs.
    /// assert_eq!(report.validation_losses.len(), 1 + 2 + report.search.iterations.len());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`fit_with_validation`](Self::fit_with_validation) and of
    /// [`resume_with`](Self::resume_with). An error leaves network and state unchanged.
    pub fn resume_with_validation<T: Float>(
        &self,
        net: &mut Mlp<T>,
        state: &mut LevenbergMarquardtState,
        samples: &Samples<'_, T>,
        validation: &Samples<'_, T>,
        patience: usize,
        on_iteration: impl FnMut(&LeastSquaresIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LevenbergMarquardtReport> {
        self.run(
            net,
            state,
            samples,
            Some((validation, patience)),
            on_iteration,
        )
    }

    fn run<T: Float>(
        &self,
        net: &mut Mlp<T>,
        state: &mut LevenbergMarquardtState,
        samples: &Samples<'_, T>,
        validation: Option<(&Samples<'_, T>, usize)>,
        mut on_iteration: impl FnMut(&LeastSquaresIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LevenbergMarquardtReport> {
        let l2 = self.check()?;
        if let Some((_, patience)) = validation {
            check_count("patience", patience)?;
        }
        let rows = samples.check(net, self.loss.loss())?;
        let threads = threads_for(self.threads, rows.len(), net)?;
        let workspace = GradientWorkspace::new(net)
            .l2(l2)?
            .with_threads(threads.clone());
        let start = state.start(net, self, validation.is_some())?;
        let before = net.params().to_vec();
        let mut problem = OnSamples::new(net, rows, workspace, self.loss, self.penalty)?;
        let mut options = self.options;
        options.acceleration &=
            self.loss == GaussNewtonLoss::SquaredError && T::epsilon().as_f64() <= f64::EPSILON;
        let mut validator = match validation {
            Some((samples, patience)) => {
                let losses = state.validation.clone();
                Some(Validator::new(net, samples, patience, self.loss, losses)?)
            }
            None => None,
        };
        let is_over = |validator: &Option<Validator<'_, T>>| {
            validator.as_ref().is_some_and(Validator::is_over)
        };
        // The patience may have ended before, or be shorter now.
        let mut is_stopped = is_over(&validator);
        if is_stopped {
            options.iterations = state.search.iterations();
        }
        if !state.is_new() {
            problem.resume(state.penalty, state.evidence);
        }
        let mut search = Search::new(&options, &start, problem)?.threads(threads);
        if !state.is_new() {
            search = search.resume(&state.search)?;
        }
        let mut last = start;
        let result = search.run(|iteration, params| {
            last.copy_from_slice(params);
            round(params, net.params_mut());
            if validator
                .as_mut()
                .is_some_and(|validator| !validator.observe(net))
            {
                return ControlFlow::Break(());
            }
            let flow = on_iteration(iteration, net);
            is_stopped = flow.is_continue() && is_over(&validator);
            if is_stopped {
                ControlFlow::Break(())
            } else {
                flow
            }
        });
        let result = result.and_then(|result| {
            let validation = validator.map(|validator| validator.finish(net));
            Ok((result, validation.transpose()?))
        });
        if result.is_err() {
            net.params_mut().copy_from_slice(&before);
        }
        let ((mut report, search, problem), validation) = result?;
        if is_stopped {
            report.stopped_by = LeastSquaresStop::Validation;
        }
        let (validation_losses, best_iteration) = match &validation {
            Some(validation) => (validation.losses.clone(), Some(validation.best)),
            None => (Vec::new(), None),
        };
        *state = LevenbergMarquardtState {
            params: last.clone(),
            search,
            loss: self.loss,
            penalty: problem.prior().lambda(),
            evidence: problem.prior().evidence(),
            validation,
        };
        Ok(LevenbergMarquardtReport {
            search: report,
            evidence: problem.prior().evidence(),
            validation_losses,
            best_iteration,
            params: last,
        })
    }

    /// Checks the settings. Returns the constant penalty.
    fn check(&self) -> Result<f64> {
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
                let expected = "Cholesky (`bayesian` sets it, so call `options` before `bayesian`)";
                return Err(Error::invalid_setting(what, expected, got));
            }
            Penalty::Bayesian => 0.0,
        };
        let is_squared = self.loss == GaussNewtonLoss::SquaredError;
        if !is_squared && (covariance || self.penalty == Penalty::Bayesian) {
            let what = "loss of a fit with a covariance or a Bayesian penalty";
            let got = format!("{:?}", self.loss);
            return Err(Error::invalid_setting(what, "SquaredError", got));
        }
        Ok(l2)
    }
}
