//! Training runs: from new or resumed states, with or without validation.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::on_samples::{OnSamples, round};
use super::prior::Penalty;
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
            search = search.resume(&state.search)?;
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
            penalty: problem.prior().lambda(),
            evidence: problem.prior().evidence(),
        };
        Ok(LevenbergMarquardtReport {
            search: report,
            evidence: problem.prior().evidence(),
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
