//! The steps of the loop, one by one, for gradients that come from elsewhere.

use alloc::vec::Vec;

use super::batches::Batches;
use super::fit::blend;
use super::history::{Epoch, StopReason};
use super::state::TrainerState;
use super::{Trainer, Validation};
use crate::error::{Error, Result, check_range};
use crate::float::Float;
use crate::loss::Loss;
use crate::mlp::{Gradient, Mlp, check_finite};
use crate::parallel::Threads;

/// Minibatch size unless told otherwise (scikit-learn's), or all samples if those are fewer.
const DEFAULT_BATCH: usize = 200;

impl<T: Float> Trainer<T> {
    /// Begins a training, or goes on with one, whose gradients are computed elsewhere: by several
    /// processes, say, that have but a part of the samples each. Returns the minibatches, of the
    /// rows `0..samples`. The state is the one that [`fit`](Self::fit) has, so that
    /// [`resume`](Self::resume) goes on with it, also from a checkpoint.
    ///
    /// This loop gives the bits of `fit`. When to write checkpoints is up to you
    /// (`save_checkpoint`).
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
    /// let mut state = trainer.start(&net)?;
    /// let mut gradient = trainer.gradient(&net)?;
    /// let mut batches = trainer.begin(&mut net, &mut state, 3)?;
    /// while trainer.stopped_by(&state).is_none() {
    ///     for rows in batches.rest_of_epoch(state.epochs(), state.samples_seen_in_epoch()) {
    ///         gradient.set_updates(state.progress().step);
    ///         let samples = Samples::new(&x, &y).rows(rows);
    ///         let loss = gradient.compute_samples(&net, &samples, trainer.loss())?;
    ///         trainer.update(&mut net, &mut state, rows.len(), loss, gradient.values())?;
    ///     }
    ///     trainer.end_epoch(&mut net, &mut state, None)?;
    /// }
    /// trainer.end(&mut net, &mut state)?;
    /// assert_eq!(net.params(), fitted.params());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for settings that make no sense, among them a validation split, which
    /// needs the samples, or if the state belongs to a network of another shape;
    /// [`Error::NotFinite`] if a parameter is not finite.
    pub fn begin(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: usize,
    ) -> Result<Batches> {
        self.check()?;
        state.check(net)?;
        check_finite("parameters", net.params())?;
        if let Validation::Split(_) = self.validation {
            let expected = "no validation split, which needs the samples";
            let what = "trainer of a loop by hand";
            return Err(Error::out_of_range(what, expected, "one"));
        }
        let batches = self.batches((0..samples).collect(), self.batch_size)?;
        if !state.params.is_empty() {
            net.set_params(&state.params)?;
        }
        self.enter(net, state, &batches);
        Ok(batches)
    }

    /// These rows in the order of this trainer.
    pub(super) fn batches(&self, rows: Vec<usize>, size: Option<usize>) -> Result<Batches> {
        let size = size.unwrap_or(DEFAULT_BATCH.min(rows.len()));
        Ok(Batches::of(rows, size)?.arranged(self.arrangement()))
    }

    /// Prepares the state for updates of this network.
    pub(super) fn enter(&self, net: &Mlp<T>, state: &mut TrainerState<T>, batches: &Batches) {
        state.params.clear();
        if state.best.is_empty() {
            state.best.extend_from_slice(net.params());
        }
        if self.average.is_some() && state.average.is_empty() {
            state.average.extend_from_slice(net.params());
        }
        let steps = (batches.count() as u64).saturating_mul(self.epochs as u64);
        state.progress.total_steps = steps;
    }

    /// One update, by the mean loss of a minibatch of so many samples and its gradient: see
    /// [`begin`](Self::begin).
    ///
    /// # Errors
    /// [`Error::Length`] if the gradient is not laid out like the parameters,
    /// [`Error::NotFinite`] and [`Error::OutOfRange`] if it or the loss is not finite, or the state
    /// belongs to a network of another shape. Nothing is changed then.
    pub fn update(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: usize,
        loss: f64,
        gradient: &[T],
    ) -> Result<()> {
        state.check(net)?;
        check_range("loss", loss, f64::MIN..=f64::MAX, "a finite number")?;
        check_finite("gradient", gradient)?;
        self.learn(&Threads::one(), net, state, samples, loss, gradient)?;
        state.count(samples);
        Ok(())
    }

    /// The same, shared among threads, for what was checked, and without counting the samples.
    pub(super) fn learn(
        &self,
        threads: &Threads,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        samples: usize,
        loss: f64,
        gradient: &[T],
    ) -> Result<()> {
        let rate = self.learning_rate(state);
        let memory = &mut state.optimizer;
        memory.update_shared(threads, &*self.optimizer, rate, net.params_mut(), gradient)?;
        if let Some(decay) = self.average {
            let updates = memory.updates() as f64;
            let keep = decay.min((1.0 + updates) / (10.0 + updates));
            blend(&mut state.average, net.params(), T::of(keep));
        }
        if state.best_value == f64::INFINITY && matches!(self.validation, Validation::None) {
            // What there was to begin with may stay the best.
            state.best_value = loss;
        }
        state.part.add(loss, samples, rate);
        Ok(())
    }

    /// Ends an epoch, with its validation loss and score if you have any: see
    /// [`begin`](Self::begin). They are those of the [average](TrainerState::average) of the
    /// parameters, if there is one.
    ///
    /// # Errors
    /// [`Error::NotFinite`] if a parameter is not finite, [`Error::OutOfRange`] if the state belongs
    /// to a network of another shape.
    pub fn end_epoch(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        validation: Option<(f64, Option<f64>)>,
    ) -> Result<Epoch> {
        state.check(net)?;
        check_finite("parameters", net.params())?;
        let (loss, score) = validation.unzip();
        let epoch = state.close_epoch(loss, score.flatten());
        self.swap_average(net, state);
        let stop = self.watch(state, &epoch, net);
        self.swap_average(net, state);
        if let Some(reason) = stop {
            state.end(reason);
        }
        state.history.updates = state.optimizer.updates();
        Ok(epoch)
    }

    /// What ends the training now, if anything does: see [`begin`](Self::begin).
    pub fn stopped_by(&self, state: &TrainerState<T>) -> Option<StopReason> {
        if state.finished {
            return Some(state.history.stopped_by);
        }
        (state.progress.epoch >= self.epochs).then_some(StopReason::Epochs)
    }

    /// Ends a training and gives the network the parameters that it was for, where those are not
    /// the last ones: see [`begin`](Self::begin).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the state belongs to a network of another shape.
    pub fn end(&self, net: &mut Mlp<T>, state: &mut TrainerState<T>) -> Result<()> {
        state.check(net)?;
        let reason = self.stopped_by(state).unwrap_or(StopReason::Callback);
        self.conclude(net, state, reason)
    }

    /// The same for a reason.
    pub(super) fn conclude(
        &self,
        net: &mut Mlp<T>,
        state: &mut TrainerState<T>,
        reason: StopReason,
    ) -> Result<()> {
        state.end(reason);
        let result = match (self.early_stopping, self.average) {
            (Some(_), _) => &state.best,
            (None, Some(_)) => &state.average,
            (None, None) => return Ok(()),
        };
        // What it would go on from.
        state.params.clear();
        state.params.extend_from_slice(net.params());
        net.set_params(result)
    }

    /// The loss that it was made with.
    pub fn loss(&self) -> &dyn Loss<T> {
        &*self.loss
    }

    /// A gradient of a network of this shape, with this trainer's penalty, clipping and dropout.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if one of them makes no sense.
    pub fn gradient(&self, net: &Mlp<T>) -> Result<Gradient<T>> {
        self.set_up(Gradient::new(net))
    }

    /// The same for a gradient that is there.
    pub(super) fn set_up(&self, mut gradient: Gradient<T>) -> Result<Gradient<T>> {
        gradient.set_clip(self.clip)?;
        gradient.l2(self.l2)?.dropout(self.dropout, self.seed)
    }

    /// Exchanges the network's parameters with their average, if there is one: back with
    /// the second call.
    pub(super) fn swap_average(&self, net: &mut Mlp<T>, state: &mut TrainerState<T>) {
        if self.average.is_some() {
            net.params_mut().swap_with_slice(&mut state.average);
        }
    }

    /// Keeps the best parameters, lowers the learning rate and says whether to stop.
    pub(super) fn watch(
        &self,
        state: &mut TrainerState<T>,
        epoch: &Epoch,
        net: &Mlp<T>,
    ) -> Option<StopReason> {
        let rate = self.learning_rate(state);
        let watched = match (epoch.validation_score, epoch.validation_loss) {
            (Some(score), _) => -score,
            (None, Some(loss)) => loss,
            (None, None) => epoch.loss,
        };
        if watched < state.best_value {
            state.best_value = watched;
            state.best.copy_from_slice(net.params());
            if self.early_stopping.is_some() {
                state.history.best_epoch = Some(epoch.number);
            }
        }
        if let Some(reduce) = &self.reduce_on_plateau {
            let loss = epoch.validation_loss.unwrap_or(epoch.loss);
            state.rate_factor *= reduce.see(&mut state.reducing, loss, rate);
        }
        let watches = [
            (
                self.early_stopping,
                &mut state.early_stopping,
                watched,
                StopReason::EarlyStopping,
            ),
            (
                self.tolerance,
                &mut state.tolerance,
                epoch.loss,
                StopReason::Tolerance,
            ),
        ];
        let mut over = None;
        for (patience, plateau, value, reason) in watches {
            let Some(patience) = patience else { continue };
            patience.see(plateau, value);
            if patience.is_over(plateau) {
                over = over.or(Some(reason));
            }
        }
        match self.adaptive {
            Some(adaptive) if over.is_some() && rate > adaptive.floor => {
                state.rate_factor /= adaptive.divisor;
                state.early_stopping.bad_epochs = 0;
                state.tolerance.bad_epochs = 0;
                None
            }
            _ => over,
        }
    }
}
