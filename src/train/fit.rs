//! The loop.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::batches::Batches;
use super::history::{Epoch, Moment, StopReason, Update};
use super::split::{Split, classes, split};
use super::state::TrainerState;
use super::{Trainer, Validation};
use crate::error::{DivergenceCause, Error, Position, Result};
use crate::float::{Float, compiled};
use crate::mlp::{Gradient, Mlp, Rows, Samples, check_finite};
use crate::parallel::Threads;

/// Epochs that the history has room for at once, so that it need not grow in between.
const MOST_RESERVED: usize = 1 << 12;

/// Minibatch size times parameters from which on a step takes long enough (about 100
/// microseconds) for threads to gain more than they cost.
const WORTH_SHARING: usize = 1 << 20;

/// How long to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// Until the trainer's number of epochs, unless something stops it.
    ToTheEnd,
    /// One epoch, over whatever samples there are.
    OneEpoch,
}

/// The caller's function, which can end the training.
pub(super) enum Watcher<'a, T> {
    Epochs(&'a mut OnEpoch<'a, T>),
    /// On whatever thread trains.
    Moments(&'a mut OnMoment<'a, T>),
}

type OnEpoch<'a, T> = dyn FnMut(&Epoch, &Mlp<T>) -> ControlFlow<()> + 'a;
type OnMoment<'a, T> = dyn FnMut(&Moment, &Mlp<T>) -> ControlFlow<()> + Send + 'a;

/// One training under way.
struct Fit<'a, T> {
    trainer: &'a Trainer<T>,
    state: &'a mut TrainerState<T>,
    samples: Rows<'a, T>,
    validation: Option<(Samples<'a, T>, Rows<'a, T>)>,
    batches: Batches,
    threads: Threads,
    gradient: Gradient<T>,
    /// The outputs for the validation samples, to be scored.
    outputs: Vec<T>,
}

/// Checks everything, then trains.
pub(super) fn run<T: Float>(
    trainer: &Trainer<T>,
    net: &mut Mlp<T>,
    state: &mut TrainerState<T>,
    samples: &Samples<'_, T>,
    length: Length,
    mut watcher: Watcher<'_, T>,
) -> Result<StopReason> {
    trainer.check()?;
    state.check(net)?;
    check_finite("parameters", net.params())?;
    let all = samples.check(net, &*trainer.loss)?;
    let Split {
        mut training,
        mut held_out,
    } = match trainer.validation {
        Validation::Split(fraction) => {
            let stratified = trainer.stratified.unwrap_or(false);
            let classes = stratified.then(|| classes(&all));
            split(all.len(), fraction, trainer.seed, classes.as_deref())?
        }
        _ => Split {
            training: (0..all.len()).collect(),
            held_out: Vec::new(),
        },
    };
    for sample in training.iter_mut().chain(&mut held_out) {
        *sample = all.row(*sample);
    }
    let gathered;
    let validation = match &trainer.validation {
        Validation::None => None,
        Validation::Split(_) => {
            gathered = samples.gather(net, &held_out);
            Some(gathered.samples())
        }
        Validation::Set(inputs, targets) => {
            let (samples, weights) = (Samples::new(inputs, targets), &trainer.validation_weights);
            Some(
                weights
                    .iter()
                    .fold(samples, |samples, weights| samples.weights(weights)),
            )
        }
    };
    let validation = validation
        .map(|samples| {
            let samples = samples.for_validation();
            Ok((samples, samples.check(net, &*trainer.loss)?))
        })
        .transpose()?;
    let mean_weight = if trainer.mean_weight {
        Some(all.try_choose(&training)?.total_weight() / training.len() as f64)
    } else {
        None
    };
    let batch = match trainer.batch_size {
        Some(size) if length == Length::OneEpoch => Some(size.min(training.len())),
        size => size,
    };
    let batches = trainer.batches(training, batch)?;
    let threads = threads_for(trainer.threads, batches.size(), net)?;
    let workspace = state.workspace.take();
    let gradient = trainer.set_up(workspace.unwrap_or_else(|| Gradient::new(net)))?;
    let mut gradient = gradient.shared(threads.clone());
    gradient.set_mean_weight(mean_weight)?;
    if length == Length::ToTheEnd {
        if state.finished {
            return Ok(state.history.stopped_by);
        }
        if !state.params.is_empty() {
            net.set_params(&state.params)?;
        }
    } else {
        state.begin_epoch();
    }
    trainer.enter(net, state, &batches);
    let fit = Fit {
        trainer,
        state,
        samples: all,
        validation,
        batches,
        threads,
        gradient,
        outputs: Vec::new(),
    };
    fit.run(net, length, &mut watcher)
}

/// The threads for minibatches of this size, where the caller asked for so many.
pub(super) fn threads_for<T: Float>(
    wanted: Option<usize>,
    batch: usize,
    net: &Mlp<T>,
) -> Result<Threads> {
    match wanted {
        Some(0) => Threads::exactly(0),
        _ if !Gradient::<T>::can_be_shared(batch) => Ok(Threads::one()),
        Some(count) => Threads::exactly(count),
        None if batch * net.params().len() >= WORTH_SHARING => Ok(Threads::all()),
        None => Ok(Threads::one()),
    }
}

impl<T: Float> Fit<'_, T> {
    fn run(
        mut self,
        net: &mut Mlp<T>,
        length: Length,
        watcher: &mut Watcher<'_, T>,
    ) -> Result<StopReason> {
        let remaining = match length {
            Length::ToTheEnd => (self.trainer.epochs).saturating_sub(self.state.progress.epoch),
            Length::OneEpoch => 1,
        };
        let history = &mut self.state.history;
        history.epochs.reserve(remaining.min(MOST_RESERVED));
        let mut reason = StopReason::Epochs;
        for _ in 0..remaining {
            let threads = self.threads.clone();
            let on_update = match watcher {
                Watcher::Epochs(_) => None,
                Watcher::Moments(on_moment) => Some(&mut **on_moment),
            };
            let result = threads.install(|| self.epoch(net, on_update));
            let Some(epoch) = result.map_err(|error| self.diverged(net, error))? else {
                reason = StopReason::Callback;
                break;
            };
            self.trainer.swap_average(net, self.state);
            let stop = self.trainer.watch(self.state, &epoch, net);
            let flow = match watcher {
                Watcher::Epochs(on_epoch) => on_epoch(&epoch, net),
                Watcher::Moments(on_moment) => on_moment(&Moment::Epoch(epoch), net),
            };
            self.trainer.swap_average(net, self.state);
            if let Some(stop) = flow.is_break().then_some(StopReason::Callback).or(stop) {
                reason = stop;
                break;
            }
            self.write_checkpoint(net, false)?;
        }
        self.state.history.updates = self.state.optimizer.updates();
        if length == Length::ToTheEnd {
            self.trainer.conclude(net, self.state, reason)?;
            self.write_checkpoint(net, true)?;
        }
        self.state.workspace = Some(self.gradient);
        Ok(reason)
    }

    /// One pass over the training samples, or the rest of one, and the losses it ends with;
    /// `None` if the caller ended it.
    fn epoch(
        &mut self,
        net: &mut Mlp<T>,
        mut on_update: Option<&mut OnMoment<'_, T>>,
    ) -> Result<Option<Epoch>> {
        let trainer = self.trainer;
        let state = &mut *self.state;
        let seen = state.samples_seen_in_epoch();
        for batch in (self.batches).rest_of_epoch(state.progress.epoch, seen) {
            let rows = self.samples.try_choose(batch)?;
            let learning_rate = trainer.learning_rate(state);
            let mut batch_loss = 0.0;
            // Samples that all weigh nothing teach nothing.
            if rows.total_weight() > 0.0 {
                self.gradient.set_updates(state.progress.step);
                batch_loss = self.gradient.compute_rows(net, &rows, &*trainer.loss)?;
                let gradient = self.gradient.values();
                trainer.learn(&self.threads, net, state, batch.len(), batch_loss, gradient)?;
            }
            state.count(batch.len());
            if let Some(on_update) = &mut on_update {
                let update = Moment::Update(Update {
                    number: state.optimizer.updates(),
                    epoch: state.progress.epoch + 1,
                    samples: state.progress.samples,
                    loss: batch_loss,
                    learning_rate,
                });
                if on_update(&update, net).is_break() {
                    return Ok(None);
                }
            }
        }
        check_finite("parameters", net.params())?;
        trainer.swap_average(net, self.state);
        let validated = self.validate(net);
        trainer.swap_average(net, self.state);
        let (validation_loss, validation_score) = validated?;
        let epoch = self.state.close_epoch(validation_loss, validation_score);
        Ok(Some(epoch))
    }

    /// The validation samples' loss and score.
    fn validate(&mut self, net: &Mlp<T>) -> Result<(Option<f64>, Option<f64>)> {
        let Some((samples, rows)) = &self.validation else {
            return Ok((None, None));
        };
        let Trainer { loss, score, .. } = self.trainer;
        self.outputs.clear();
        let outputs = score.is_some().then_some(&mut self.outputs);
        let loss = self.gradient.evaluate_rows(net, rows, &**loss, outputs)?;
        let score = score.as_ref().map(|score| {
            let targets = samples.target_rows(net.outputs());
            let weights = samples.sample_weights();
            score.score(&self.outputs, &targets, net.outputs(), weights)
        });
        Ok((Some(loss), score))
    }

    /// Writes a checkpoint if the trainer is to do so now.
    #[cfg(all(feature = "safetensors", feature = "std"))]
    fn write_checkpoint(&mut self, net: &Mlp<T>, ended: bool) -> Result<()> {
        self.state.history.updates = self.state.optimizer.updates();
        self.trainer.write_checkpoint(net, self.state, ended)
    }

    #[cfg(not(all(feature = "safetensors", feature = "std")))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)] // one shape with the feature and without
    fn write_checkpoint(&mut self, _: &Mlp<T>, _ended: bool) -> Result<()> {
        Ok(())
    }

    /// Says where a training went wrong, and gives the network the best parameters so far.
    fn diverged(&self, net: &mut Mlp<T>, error: Error) -> Error {
        let updates = self.state.optimizer.updates();
        let (what, layer, value, step) = match error {
            Error::Overflow { what, layer, value } => (what, layer, value, updates + 1),
            Error::NotFinite {
                what,
                at: Position::Index(index),
                value,
            } => {
                let layer = net.layout().layer_of(index).unwrap_or(0);
                (what, layer, value, updates)
            }
            other => return other,
        };
        net.params_mut().copy_from_slice(&self.state.best);
        Error::Diverged {
            epoch: self.state.history.epochs.len() + 1,
            step,
            layer,
            what,
            value,
            largest_gradient: self.gradient.largest(),
            cause: self.cause(),
        }
    }

    fn cause(&self) -> DivergenceCause {
        // Beyond these, sums of inputs times weights of usual size leave the range in which
        // usual learning rates work.
        const USUAL_INPUT: f64 = 30.0;
        const USUAL_TARGET: f64 = 300.0;
        let samples = 0..self.samples.len();
        let none = (f64::INFINITY, f64::NEG_INFINITY);
        let inputs = |range, sample| widened(range, self.samples.input(sample));
        let (low, high) = samples.clone().fold(none, inputs);
        if low.abs().max(high.abs()) > USUAL_INPUT {
            return DivergenceCause::Inputs { low, high };
        }
        let mut row = self.samples.target_room();
        let targets = |range, sample| widened(range, self.samples.target(sample, &mut row));
        let (low, high) = samples.fold(none, targets);
        if low.abs().max(high.abs()) > USUAL_TARGET {
            return DivergenceCause::Targets { low, high };
        }
        if self.loss_explodes() {
            return DivergenceCause::Loss;
        }
        let rate = self.trainer.learning_rate(self.state);
        DivergenceCause::LearningRate { rate }
    }

    /// Whether the loss overflows at outputs that are large but not enormous, as an
    /// exponential does.
    fn loss_explodes(&self) -> bool {
        let mut row = self.samples.target_room();
        let target = self.samples.target(0, &mut row);
        let mut gradient = vec![T::zero(); target.len()];
        [-1e3, 1e3].into_iter().any(|output| {
            let outputs = vec![T::of(output); target.len()];
            let loss = self.trainer.loss.evaluate(&outputs, target, &mut gradient);
            !loss.is_finite()
        })
    }
}

/// A least and a largest value, these included.
fn widened<T: Float>(range: (f64, f64), values: &[T]) -> (f64, f64) {
    values.iter().fold(range, |(low, high), x| {
        (low.min(x.wide()), high.max(x.wide()))
    })
}

compiled! {
    /// average <- keep average + (1 - keep) values.
    pub(super) fn blend<T>(average: &mut [T], values: &[T], keep: T) {
        for (average, &x) in average.iter_mut().zip(values) {
            *average = x + keep * (*average - x);
        }
    }
}
