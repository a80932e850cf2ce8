//! Entry points of training: complete, resumed, by epochs, or by steps.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::Trainer;
use super::batches::{Batches, rows};
use super::history::{Epoch, History, StopReason, TrainingEvent};
use super::run::{RunLength, TrainingRun};
use super::sample_loop::{self, Shadow};
use super::state::{Fingerprint, TrainerState};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::loss::Loss;
use crate::mlp::{GradientWorkspace, Mlp, Samples, check_finite};

/// Default minibatch size, from scikit-learn. It is all samples if there are fewer.
const DEFAULT_BATCH: usize = 200;

/// A callback that never ends the training run.
pub(super) fn never<T>(_: &TrainingEvent, _: &Mlp<T>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

impl<T: Float> Trainer<T> {
    /// Trains the network on samples.
    ///
    /// `inputs` is row-major `[samples x inputs]`, `targets` is `[samples x outputs]`.
    ///
    /// # Errors
    /// Before any change:
    /// - [`Error::Rows`], [`Error::Length`], [`Error::InvalidSetting`], [`Error::InvalidValue`] and
    ///   [`Error::NotFinite`] for invalid shapes, settings and numbers
    /// - [`Error::Incompatible`] and [`Error::Missing`] for settings that contradict or lack others
    ///
    /// During training:
    /// - [`Error::Diverged`] if a number is no longer finite. The network then keeps the best
    ///   parameters so far: those after the epoch with the best validation score or loss. Without
    ///   validation, the training loss decides. Before the first epoch ends, they are the initial
    ///   parameters.
    #[doc(alias = "train")]
    pub fn fit(&self, net: &mut Mlp<T>, inputs: &[T], targets: &[T]) -> Result<History> {
        self.fit_with(net, &Samples::new(inputs, targets), never)
    }

    /// Trains as [`fit`](Self::fit) does, on samples that may have weights, and calls a function
    /// after each update and each epoch.
    ///
    /// The function runs on the thread that trains, and can end the run. After an update, the
    /// network it sees has the trained parameters. After an epoch, the network has their
    /// [average](Self::weight_average) if there is one.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, Trainer, activation::Identity};
    /// # use feedforward::{loss::SquaredError, optimizer::Sgd};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
    /// # let trainer = Trainer::new(SquaredError, Sgd::new(0.1)).epochs(1000);
    /// let samples = Samples::new(&[1.0, 2.0], &[2.0, 4.0]);
    /// let history = trainer.fit_with(&mut net, &samples, |event, _net| {
    ///     let Some(epoch) = event.epoch() else { return ControlFlow::Continue(()) };
    ///     println!("epoch {}: loss {}", epoch.number, epoch.loss);
    ///     if epoch.loss < 1e-3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// })?;
    /// assert!(history.epochs.len() < 1000);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`fit`](Self::fit).
    pub fn fit_with(
        &self,
        net: &mut Mlp<T>,
        samples: &Samples<'_, T>,
        on_event: impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send,
    ) -> Result<History> {
        let mut state = self.init_state(net)?;
        self.resume_with(net, &mut state, samples, on_event)?;
        Ok(state.into_history())
    }

    /// Creates the state before the first epoch, for [`resume`](Self::resume),
    /// [`partial_fit`](Self::partial_fit) and [`start_run`](Self::start_run).
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] if a setting is outside its range
    /// - [`Error::Missing`] if a setting depends on another that is not set
    pub fn init_state(&self, net: &Mlp<T>) -> Result<TrainerState<T>> {
        self.check()?;
        TrainerState::new(self, net)
    }

    /// Resumes training until all epochs are done or a stopping rule fires, and returns the
    /// reason. Nothing changes if a stopping rule has already ended the run.
    ///
    /// Training continues from the last trained parameters, which replace those that early stopping
    /// or averaging gave the network at the end. After divergence there is no valid state to
    /// resume. [`TrainerState::restart`] then starts over from the network's parameters.
    ///
    /// # Errors
    /// - The errors of [`fit`](Self::fit)
    /// - [`Error::Shape`] if the state belongs to a network of another shape
    /// - [`Error::Differs`] if the samples are not those that the run began with. See
    ///   [`TrainerState::forget_samples`].
    pub fn resume(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: &Samples<'_, T>,
    ) -> Result<StopReason> {
        self.resume_with(net, state, samples, never)
    }

    /// Resumes as [`resume`](Self::resume) does, and calls a function as
    /// [`fit_with`](Self::fit_with) does.
    ///
    /// The function can keep a time limit, or keep a program responsive during long epochs. A run
    /// that was stopped within an epoch resumes at the next minibatch, with bit-identical results.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, Trainer, activation::Identity};
    /// # use feedforward::{loss::SquaredError, optimizer::Sgd};
    /// use std::ops::ControlFlow;
    /// use std::time::{Duration, Instant};
    ///
    /// # let mut net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
    /// # let trainer = Trainer::new(SquaredError, Sgd::new(0.1)).epochs(1_000_000_000);
    /// let end = Instant::now() + Duration::from_millis(50);
    /// let mut state = trainer.init_state(&net)?;
    /// let samples = Samples::new(&[1.0, 2.0], &[2.0, 4.0]);
    /// trainer.resume_with(&mut net, &mut state, &samples, |_event, _net| {
    ///     if Instant::now() >= end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// })?;
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`resume`](Self::resume).
    pub fn resume_with(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: &Samples<'_, T>,
        mut on_event: impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send,
    ) -> Result<StopReason> {
        let whole = (RunLength::Whole, None);
        sample_loop::run(self, net, state, samples, whole, &mut on_event)
    }

    /// Trains a network from its parameters by the gradient of its shadow.
    pub(crate) fn fit_shadow(
        &self,
        net: &mut Mlp<T>,
        samples: &Samples<'_, T>,
        shadow: &mut dyn Shadow<T>,
        mut on_event: impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send,
    ) -> Result<History> {
        let mut state = self.init_state(net)?;
        let whole = (RunLength::Whole, Some(shadow));
        sample_loop::run(self, net, &mut state, samples, whole, &mut on_event)?;
        Ok(state.into_history())
    }

    /// Makes all checks that [`fit`](Self::fit) makes before the first update.
    pub(crate) fn check_fit(&self, net: &mut Mlp<T>, samples: &Samples<'_, T>) -> Result<()> {
        sample_loop::check(self, net, samples)
    }

    /// Trains for one epoch on these samples, which may differ from call to call.
    ///
    /// Use it to learn from data as it arrives. The optimizer continues from its last update, and
    /// the trainer's number of epochs does not limit the calls. A minibatch size above the number
    /// of samples means all samples.
    ///
    /// # Errors
    /// - The errors of [`resume`](Self::resume), except for samples that differ
    /// - [`Error::Incompatible`] with early stopping, [`keep_best`](Self::keep_best) or a validation
    ///   split, since they need one fixed set of samples
    /// - [`Error::Incompatible`] after the last update of a schedule
    ///   [over all updates](crate::Schedule::spans_all_updates), which has no rate for more
    pub fn partial_fit(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: &Samples<'_, T>,
    ) -> Result<Epoch> {
        if self.restores_best() || self.splits() {
            let what = "trainer of a partial fit";
            let expected = "no early stopping, best epoch to keep or validation split";
            return Err(Error::incompatible(what, expected, "one"));
        }
        let one = (RunLength::OneEpoch, None);
        sample_loop::run(self, net, state, samples, one, &mut never)?;
        let epoch = state.history.epochs.last().copied();
        epoch.ok_or(Error::Empty { what: "epochs" })
    }

    /// Starts or resumes a training run over the rows `0..samples`, one step at a time.
    ///
    /// The caller computes the gradients and writes the checkpoints, as [`TrainingRun`] shows.
    /// [`resume`](Self::resume) can continue from the state later.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] and [`Error::Missing`] for settings that are invalid or
    ///   incomplete
    /// - [`Error::Incompatible`] with a validation split, which needs the samples
    /// - [`Error::Shape`] if the state belongs to a network of another shape
    /// - [`Error::NotFinite`] if a parameter is not finite
    /// - [`Error::Differs`] if the run began with another number of samples
    pub fn start_run<'a>(
        &'a self,
        net: &'a mut Mlp<T>,
        state: &'a mut TrainerState<T>,
        samples: usize,
    ) -> Result<TrainingRun<'a, T>> {
        self.check()?;
        state.check_trainer(self, net)?;
        check_finite("parameters", net.params())?;
        if self.splits() {
            let expected = "no validation split, which needs the samples";
            return Err(Error::incompatible("trainer of a run", expected, "one"));
        }
        let batches = self.batches(rows(samples)?, self.batch_size)?;
        state.check_samples(Fingerprint {
            rows: samples,
            hash: None,
        })?;
        TrainingRun::new(self, net, state, batches, RunLength::Whole)
    }

    /// Returns the loss.
    pub fn loss(&self) -> &dyn Loss<T> {
        &*self.objective.loss
    }

    /// Creates a gradient workspace with this trainer's penalty, clipping and dropout.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if one of these settings is outside its range.
    pub fn workspace(&self, net: &Mlp<T>) -> Result<GradientWorkspace<T>> {
        self.objective.workspace(net, None, self.seed, None)
    }

    /// Divides these rows into minibatches, in the trainer's order.
    pub(super) fn batches(&self, rows: Vec<usize>, size: Option<usize>) -> Result<Batches> {
        let size = match size.unwrap_or(DEFAULT_BATCH.min(rows.len())) {
            size if self.drop_last => size.min(rows.len()),
            size => size,
        };
        let batches = Batches::of(rows, size, self.order.clone(), self.seed)?;
        Ok(batches.drop_last(self.drop_last))
    }
}
