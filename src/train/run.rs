//! Training runs, one step at a time.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::Trainer;
use super::batches::Batches;
use super::history::{Epoch, EpochTotals, StopReason, TrainingEvent, Update};
use super::state::{Scalars, TrainerState};
use crate::error::{Error, Result, check_length, check_range};
use crate::float::{Float, instantiate};
use crate::mlp::{Mlp, check_finite};
use crate::parallel::Threads;
use crate::schedule::Progress;

/// Function of the caller that sees each event and can end the training run.
pub(super) type OnEvent<'a, T> = dyn FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send + 'a;

/// Length of a training run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunLength {
    /// The trainer's number of epochs, or fewer if a stopping rule fires.
    Whole,
    /// One epoch.
    OneEpoch,
}

/// A training run in progress: supplies the next minibatch's rows and applies its gradient.
///
/// [`Trainer::fit`] is a loop over this type. Write your own loop if gradients are computed
/// outside the trainer, for example by several processes that each hold a part of the samples.
/// The run borrows the network and the state, so nothing else can change them. A call out of order
/// is an error.
///
/// The loop below and `fit` return bit-identical parameters:
///
/// ```
/// use feedforward::{Mlp, Samples, Trainer, activation::{Identity, Tanh}};
/// use feedforward::{loss::SquaredError, optimizer::Adam};
///
/// let (x, y) = ([0.0, 0.5, 1.0], [0.0, 0.25, 1.0]);
/// let mut net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
/// let mut fitted = net.clone();
/// let trainer = Trainer::new(SquaredError, Adam::new(0.01)).batch_size(2).epochs(20);
/// trainer.fit(&mut fitted, &x, &y)?;
///
/// let mut state = trainer.init_state(&net)?;
/// let mut gradient = trainer.workspace(&net)?;
/// let mut run = trainer.start_run(&mut net, &mut state, 3)?;
/// while run.stopped_by().is_none() {
///     while let Some(rows) = run.batch() {
///         gradient.set_updates(run.state().progress().step); // seeds dropout
///         let samples = Samples::new(&x, &y).rows(rows);
///         let loss = gradient.compute_samples(run.network(), &samples, trainer.loss())?;
///         run.apply(loss, gradient.values())?;
///     }
///     run.end_epoch(None)?;
/// }
/// run.finish()?;
/// assert_eq!(net.params(), fitted.params());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Debug)]
pub struct TrainingRun<'a, T> {
    pub(super) trainer: &'a Trainer<T>,
    pub(super) net: &'a mut Mlp<T>,
    pub(super) state: &'a mut TrainerState<T>,
    batches: Batches,
    pub(super) length: RunLength,
    /// Number of epochs completed in this run.
    epochs: usize,
    /// `true` if the caller has ended the run.
    interrupted: bool,
    /// The network's parameters before the run, if the run continues from others.
    given: Vec<T>,
    /// Number of updates before the run.
    updates: u64,
    /// Progress and epoch totals before the run.
    before: (Progress, EpochTotals),
}

impl<'a, T: Float> TrainingRun<'a, T> {
    /// Prepares the network and the state for updates. The caller has checked that they match.
    pub(super) fn new(
        trainer: &'a Trainer<T>,
        net: &'a mut Mlp<T>,
        state: &'a mut TrainerState<T>,
        batches: Batches,
        length: RunLength,
    ) -> Result<Self> {
        let before = (state.scalars.progress, state.scalars.part);
        if length == RunLength::OneEpoch {
            state.begin_epoch();
        }
        let mut given = core::mem::take(&mut state.params);
        if !given.is_empty() {
            check_length("parameters", &given, net.params().len())?;
            net.params_mut().swap_with_slice(&mut given);
        }
        if state.best.is_empty() {
            state.best.extend_from_slice(net.params());
        }
        if trainer.average.is_some() && state.average.is_empty() {
            state.average.extend_from_slice(net.params());
        }
        let steps = (batches.count() as u64).saturating_mul(trainer.epochs as u64);
        state.scalars.progress.total_steps = steps;
        let mut run = Self {
            updates: state.optimizer.updates(),
            given,
            before,
            trainer,
            net,
            state,
            batches,
            length,
            epochs: 0,
            interrupted: false,
        };
        run.arrange();
        Ok(run)
    }

    /// Orders the rows for the current epoch.
    fn arrange(&mut self) {
        if self.stopped_by().is_none() {
            self.batches.arrange(self.state.scalars.progress.epoch);
        }
    }

    /// Returns the rows of the next minibatch, or `None` at the end of an epoch or of the run.
    pub fn batch(&self) -> Option<&[usize]> {
        let next = || self.batches.after(self.state.samples_seen_in_epoch());
        self.stopped_by().map_or_else(next, |_| None)
    }

    /// Returns the number of minibatches in an epoch.
    pub fn batches_per_epoch(&self) -> usize {
        self.batches.count()
    }

    /// Returns the network with the parameters after the last update.
    pub fn network(&self) -> &Mlp<T> {
        self.net
    }

    /// Returns the state, for example to write a checkpoint or to read its counters.
    pub fn state(&self) -> &TrainerState<T> {
        self.state
    }

    /// Returns the reason why the run has ended, or `None` if it has not.
    pub fn stopped_by(&self) -> Option<StopReason> {
        match self.length {
            _ if self.interrupted => Some(StopReason::Callback),
            RunLength::OneEpoch => (self.epochs > 0).then_some(StopReason::Epochs),
            RunLength::Whole if self.state.scalars.finished => Some(self.state.history.stopped_by),
            RunLength::Whole => {
                let done = self.state.scalars.progress.epoch >= self.trainer.epochs;
                done.then_some(StopReason::Epochs)
            }
        }
    }

    /// Updates the network, given the mean loss of the next minibatch and its gradient.
    ///
    /// # Errors
    /// - [`Error::OutOfOrder`] at the end of an epoch
    /// - [`Error::Length`] if the gradient's length is not the number of parameters
    /// - [`Error::NotFinite`] if the gradient is not finite
    /// - [`Error::InvalidSetting`] if the loss is not finite
    ///
    /// An error leaves the network and the state unchanged.
    pub fn apply(&mut self, loss: f64, gradient: &[T]) -> Result<Update> {
        check_range("loss", loss, f64::MIN..=f64::MAX, "a finite number")?;
        check_finite("gradient", gradient)?;
        self.apply_parallel(&Threads::one(), loss, gradient)
    }

    /// Does the work of [`apply`](Self::apply) on several threads, without checking the numbers.
    pub(super) fn apply_parallel(
        &mut self,
        threads: &Threads,
        loss: f64,
        gradient: &[T],
    ) -> Result<Update> {
        let samples = self.next_len("apply")?;
        let (trainer, state) = (self.trainer, &mut *self.state);
        let rate = state.learning_rate(trainer);
        let rates = (rate, state.decay_factor(trainer));
        let (memory, optimizer) = (&mut state.optimizer, &*trainer.optimizer);
        memory.update_parallel(threads, optimizer, rates, self.net.params_mut(), gradient)?;
        if let Some(decay) = trainer.average {
            let updates = memory.updates() as f64;
            let keep = decay.min((1.0 + updates) / (10.0 + updates));
            blend(&mut state.average, self.net.params(), T::from_f64(keep));
        }
        if state.scalars.best_value == f64::INFINITY && trainer.validation.is_none() {
            // The first minibatch's loss rates the initial parameters, which may stay the best.
            state.scalars.best_value = loss;
        }
        state.scalars.part.add(loss, samples, rate);
        Ok(self.count(samples, loss, rate))
    }

    /// Skips the next minibatch, whose samples all weigh 0, without an update.
    ///
    /// # Errors
    /// [`Error::OutOfOrder`] at the end of an epoch.
    pub fn skip(&mut self) -> Result<Update> {
        let samples = self.next_len("skip")?;
        let rate = self.state.learning_rate(self.trainer);
        Ok(self.count(samples, 0.0, rate))
    }

    fn next_len(&self, call: &'static str) -> Result<usize> {
        self.batch().map(<[usize]>::len).ok_or(Error::OutOfOrder {
            call,
            expected: "while there is a minibatch",
        })
    }

    fn count(&mut self, samples: usize, loss: f64, learning_rate: f64) -> Update {
        let progress = &mut self.state.scalars.progress;
        progress.step += 1;
        progress.samples += samples as u64;
        Update {
            number: self.state.optimizer.updates(),
            epoch: self.state.scalars.epochs_in_all + 1,
            samples: progress.samples,
            loss,
            learning_rate,
        }
    }

    /// Ends an epoch. `validation` is its validation loss and score, if there are any.
    ///
    /// Measure both on the [average](TrainerState::average) of the parameters if there is one.
    ///
    /// # Errors
    /// - [`Error::OutOfOrder`] before the last minibatch and after the end of the run
    /// - [`Error::Missing`] if a rule for the best epoch lacks a validation loss, if the trainer's
    ///   score lacks a value, or if all minibatches were skipped
    /// - [`Error::NotFinite`] if a parameter or the optimizer's memory is not finite
    /// - [`Error::Overflow`] if the mean loss is not finite
    pub fn end_epoch(&mut self, validation: Option<(f64, Option<f64>)>) -> Result<Epoch> {
        if self.batch().is_some() || self.stopped_by().is_some() {
            return Err(Error::OutOfOrder {
                call: "end_epoch",
                expected: "once, after the last minibatch of an epoch",
            });
        }
        let (loss, score) = validation.unzip();
        let (is_judged, scores) = (self.trainer.restores_best(), self.trainer.score());
        let wanted = [
            ("validation loss", is_judged, loss),
            ("validation score", scores.is_some(), score.flatten()),
        ];
        for (what, is_wanted, got) in wanted {
            if is_wanted && got.is_none() {
                let expected = "a value to judge the epoch by";
                return Err(Error::Missing { what, expected });
            }
        }
        self.check_epoch()?;
        Ok(self.with_average(|run| run.close_epoch(validation)))
    }

    /// Checks that the epoch had an update, and that all its results are finite.
    pub(super) fn check_epoch(&self) -> Result<()> {
        if self.state.scalars.part.samples == 0 {
            let expected = "a minibatch whose weights sum to more than 0";
            let what = "sample weights of an epoch";
            return Err(Error::Missing { what, expected });
        }
        let loss = self.state.scalars.part.mean_loss();
        if !loss.is_finite() {
            let (what, layer, value) = ("mean loss", self.net.depth() - 1, loss);
            return Err(Error::Overflow { what, layer, value });
        }
        check_finite("parameters", self.net.params())?;
        // An infinite entry in the optimizer's memory would freeze its parameter forever.
        self.state.optimizer.check_finite(&*self.trainer.optimizer)
    }

    /// Judges the epoch by the network's current parameters and begins the next epoch.
    pub(super) fn close_epoch(&mut self, validation: Option<(f64, Option<f64>)>) -> Epoch {
        let (validation_loss, score) = validation.unzip();
        let Scalars {
            part,
            progress,
            epochs_in_all,
            ..
        } = &mut self.state.scalars;
        progress.epoch += 1;
        *epochs_in_all += 1;
        let epoch = Epoch {
            number: *epochs_in_all,
            loss: part.mean_loss(),
            validation_loss,
            validation_score: score.flatten(),
            learning_rate: part.learning_rate,
        };
        self.state.history.epochs.push(epoch);
        self.state.begin_epoch();
        self.epochs += 1;
        if let Some(reason) = self.trainer.judge(self.state, &epoch, self.net) {
            self.state.end(reason);
        }
        self.state.history.updates = self.state.optimizer.updates();
        self.arrange();
        epoch
    }

    /// Passes an event to the caller's function, which can end the run. The run can be resumed.
    pub(super) fn tell(&mut self, event: TrainingEvent, on_event: &mut OnEvent<'_, T>) {
        if on_event(&event, self.net).is_break() {
            self.interrupted = true;
            self.state.end(StopReason::Callback);
        }
    }

    /// Restores the network and the state if the run has made no update.
    pub(super) fn undo(&mut self) {
        if self.state.optimizer.updates() != self.updates {
            return;
        }
        (self.state.scalars.progress, self.state.scalars.part) = self.before;
        if !self.given.is_empty() {
            self.net.params_mut().swap_with_slice(&mut self.given);
            self.state.params = core::mem::take(&mut self.given);
        }
    }

    /// Calls a function while the network holds the average of its parameters, if there is one.
    ///
    /// The function must read the average from the network. The state meanwhile holds the trained
    /// parameters in place of the average.
    pub(super) fn with_average<R>(&mut self, function: impl FnOnce(&mut Self) -> R) -> R {
        self.swap_average();
        let result = function(self);
        self.swap_average();
        result
    }

    fn swap_average(&mut self) {
        if self.trainer.average.is_some() {
            let params = self.net.params_mut();
            params.swap_with_slice(&mut self.state.average);
        }
    }

    /// Ends the run, sets the network's final parameters, and returns the reason.
    ///
    /// The final parameters are the best ones with early stopping or
    /// [`keep_best`](Trainer::keep_best), otherwise the average if there is one, otherwise the last
    /// ones.
    ///
    /// # Errors
    /// [`Error::Length`] if the numbers of parameters of the state and the network differ.
    pub fn finish(self) -> Result<StopReason> {
        let reason = self.stopped_by().unwrap_or(StopReason::Callback);
        if self.length == RunLength::OneEpoch {
            return Ok(reason);
        }
        self.state.end(reason);
        self.state.history.updates = self.state.optimizer.updates();
        let is_judged = self.state.history.best_epoch.is_some();
        let result = if self.trainer.restores_best() && is_judged {
            &self.state.best
        } else if self.trainer.average.is_some() {
            &self.state.average
        } else {
            return Ok(reason);
        };
        let resume_from = self.net.params().to_vec();
        self.net.set_params(result)?;
        self.state.params = resume_from;
        Ok(reason)
    }
}

instantiate! {
    /// Computes `average ← keep · average + (1 - keep) · values`.
    fn blend<T>(average: &mut [T], values: &[T], keep: T) {
        for (average, &x) in average.iter_mut().zip(values) {
            *average = x + keep * (*average - x);
        }
    }
}
