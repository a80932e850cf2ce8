//! Training: whole, resumed, epoch by epoch, or step by step.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::Trainer;
use super::batches::{Batches, rows};
use super::history::{Epoch, History, StopReason, TrainingEvent};
use super::run::{RunLength, TrainingRun};
use super::sample_loop;
use super::state::{Fingerprint, TrainerState};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::loss::Loss;
use crate::mlp::{GradientWorkspace, Mlp, Samples, check_finite};

/// Minibatch size by default (scikit-learn's), or all samples if those are fewer.
const DEFAULT_BATCH: usize = 200;

/// A function that never ends a training.
fn never<T>(_: &TrainingEvent, _: &Mlp<T>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

impl<T: Float> Trainer<T> {
    /// Trains the network on samples: `inputs` row-major `[samples x inputs]`, `targets`
    /// `[samples x outputs]`.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Length`], [`Error::InvalidSetting`], [`Error::InvalidValue`] and
    /// [`Error::NotFinite`] for shapes, settings and numbers that make no sense,
    /// [`Error::Incompatible`] and [`Error::Missing`] for settings that do not go together, before
    /// anything is changed;
    /// [`Error::Diverged`] if numbers stop being finite, which leaves the network with the best
    /// parameters so far: those after the epoch with the best validation score or loss, or
    /// without validation the least training loss, and before there is one those that it came
    /// with.
    pub fn fit(&self, net: &mut Mlp<T>, inputs: &[T], targets: &[T]) -> Result<History> {
        self.fit_with(net, &Samples::new(inputs, targets), never)
    }

    /// Trains as [`fit`](Self::fit) does, on samples that may have weights, and calls a function
    /// after each update and each epoch, on the thread that trains. The function can end the
    /// training.
    ///
    /// After an update the network has the parameters that are trained, after an epoch their
    /// [average](Self::weight_average) if there is one.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, Trainer, activation::Identity, loss::SquaredError, optimizer::Sgd};
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
    /// As [`fit`](Self::fit).
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

    /// Returns the state before the first epoch, for [`resume`](Self::resume),
    /// [`partial_fit`](Self::partial_fit) and [`start_run`](Self::start_run).
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for settings that make no sense, [`Error::Missing`] if one lacks
    /// what it acts on.
    pub fn init_state(&self, net: &Mlp<T>) -> Result<TrainerState<T>> {
        self.check()?;
        TrainerState::new(self, net)
    }

    /// Resumes training until all epochs are done or a stopping rule fires, and returns the
    /// reason. A training that ended because the loss stopped falling stays as it is.
    ///
    /// It continues from where training stood. Where early stopping or averaging gave the network
    /// other parameters at the end, those are replaced. A training that diverged has no good
    /// state to continue from: [`TrainerState::restart`] begins another one at the network's.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), [`Error::Shape`] if the state belongs to a network of another
    /// shape, and [`Error::Differs`] if the samples are not those that the training began with
    /// ([`TrainerState::forget_samples`]).
    pub fn resume(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: &Samples<'_, T>,
    ) -> Result<StopReason> {
        self.resume_with(net, state, samples, never)
    }

    /// Resumes as [`resume`](Self::resume) does, and calls a function as
    /// [`fit_with`](Self::fit_with) does: to stop on time, or to stay responsive where an epoch is
    /// long. A training that was stopped within an epoch resumes at that very minibatch, with
    /// bit-identical results.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, Trainer, activation::Identity, loss::SquaredError, optimizer::Sgd};
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
    /// As [`resume`](Self::resume).
    pub fn resume_with(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: &Samples<'_, T>,
        mut on_event: impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send,
    ) -> Result<StopReason> {
        sample_loop::run(self, net, state, samples, RunLength::Whole, &mut on_event)
    }

    /// Trains for one more epoch, over these samples: for learning from data as it comes. The
    /// optimizer continues from where it was, whatever the number of epochs. A minibatch size above
    /// the number of samples means all of them.
    ///
    /// # Errors
    /// As [`resume`](Self::resume), though samples may be others each time; and
    /// [`Error::Incompatible`] with early stopping or a validation split, which need one set of
    /// samples to judge by, and after the last update of a schedule
    /// [over all updates](crate::Schedule::spans_all_updates), which has no rate for more.
    pub fn partial_fit(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: &Samples<'_, T>,
    ) -> Result<Epoch> {
        if self.early_stopping.is_some() || self.splits() {
            let what = "trainer of a partial fit";
            let expected = "neither early stopping nor a validation split";
            return Err(Error::incompatible(what, expected, "one"));
        }
        sample_loop::run(self, net, state, samples, RunLength::OneEpoch, &mut never)?;
        let epoch = state.history.epochs.last().copied();
        epoch.ok_or(Error::Empty { what: "epochs" })
    }

    /// Begins or resumes a training step by step, over the rows `0..samples`, for gradients that
    /// are computed elsewhere: see [`TrainingRun`]. The state is the one that [`fit`](Self::fit)
    /// has, so [`resume`](Self::resume) can continue with it. Checkpoints are up to the caller.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for settings that make no sense, [`Error::Incompatible`] for a
    /// validation split, which needs the samples, [`Error::Shape`] if the state belongs to a network
    /// of another shape;
    /// [`Error::NotFinite`] if a parameter is not finite; [`Error::Differs`] for another number of
    /// samples than the training began with.
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

    /// Makes a gradient of a network of this shape, with this trainer's penalty, clipping and
    /// dropout.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if one of them makes no sense.
    pub fn workspace(&self, net: &Mlp<T>) -> Result<GradientWorkspace<T>> {
        self.objective.workspace(net, None, self.seed, None)
    }

    /// Cuts these rows into minibatches, in the order of this trainer.
    pub(super) fn batches(&self, rows: Vec<usize>, size: Option<usize>) -> Result<Batches> {
        let size = size.unwrap_or(DEFAULT_BATCH.min(rows.len()));
        Batches::of(rows, size, self.order.clone(), self.seed)
    }
}
