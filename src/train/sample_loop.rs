//! The training loop over samples, with checks, gradients, validation and events.

use alloc::vec::Vec;

use super::Trainer;
use super::hints::{cause, hints};
use super::history::{StopReason, TrainingEvent};
use super::run::{OnEvent, RunLength, TrainingRun};
use super::state::{Fingerprint, TrainerState};
use crate::error::{Error, Position, Result};
use crate::float::Float;
use crate::folds::Split;
use crate::mlp::{CheckedSamples, GradientWorkspace, Mlp, Samples, check_finite};
use crate::parallel::Threads;

/// Maximum capacity, in epochs, that the history reserves in advance so that it need not grow.
const MOST_RESERVED: usize = 1 << 12;

/// Minimum product of minibatch size and number of parameters for parallel work. Shorter steps gain
/// less from threads than the threads cost.
const PARALLEL_WORK: usize = 1 << 20;

/// Minimum number of epochs for [`Hint`](super::Hint)s. A shorter run may be one of many that the
/// caller makes.
const WORTH_HINTS: usize = 10;

/// A network that follows the trained one, and whose loss and gradient train it.
///
/// It has the same layout. An example are rounded parameters.
pub(crate) trait Shadow<T>: Send {
    /// Prepares for an epoch, after this many of all epochs.
    fn begin_epoch(&mut self, net: &Mlp<T>, done: usize, all: usize) -> Result<()>;

    /// Follows a network, and returns the shadow of it.
    fn follow(&mut self, net: &Mlp<T>) -> Result<&Mlp<T>>;

    /// Returns the shadow of the last network that it followed.
    fn network(&self) -> &Mlp<T>;

    /// Notes that the epoch that has ended is the best so far.
    fn keep(&mut self);
}

/// A shadow, if there is one.
type AnyShadow<'a, T> = Option<&'a mut (dyn Shadow<T> + 'a)>;

/// Returns the network whose loss trains `net`.
fn judged<'a, T>(shadow: &'a mut AnyShadow<'_, T>, net: &'a Mlp<T>) -> Result<&'a Mlp<T>> {
    match shadow {
        Some(shadow) => shadow.follow(net),
        None => Ok(net),
    }
}

/// Samples and workspace of a training run.
struct Fit<'a, 's, T> {
    shadow: AnyShadow<'s, T>,
    samples: CheckedSamples<'a, T>,
    validation: Option<(Samples<'a, T>, CheckedSamples<'a, T>)>,
    threads: Threads,
    gradient: GradientWorkspace<T>,
    /// Outputs for the validation samples, which the score takes.
    outputs: Vec<T>,
    /// Scratch space of the score.
    scratch: Vec<u64>,
}

/// Checks settings, network and samples, then trains. If there is a shadow, its gradient trains.
pub(super) fn run<T: Float>(
    trainer: &Trainer<T>,
    net: &mut Mlp<T>,
    state: &mut TrainerState<T>,
    samples: &Samples<'_, T>,
    (length, shadow): (RunLength, AnyShadow<'_, T>),
    on_event: &mut OnEvent<'_, T>,
) -> Result<StopReason> {
    let train = |fit: &mut Fit<'_, '_, T>, run: TrainingRun<'_, T>| fit.run(run, on_event);
    prepared(trainer, net, state, samples, (length, shadow), train)
}

/// Makes all checks that come before the first update of a whole run, and changes nothing.
pub(super) fn check<T: Float>(
    trainer: &Trainer<T>,
    net: &mut Mlp<T>,
    samples: &Samples<'_, T>,
) -> Result<()> {
    let mut state = trainer.init_state(net)?;
    let stop = |_: &mut Fit<'_, '_, T>, _: TrainingRun<'_, T>| Ok(StopReason::Callback);
    let length = (RunLength::Whole, None);
    prepared(trainer, net, &mut state, samples, length, stop).map(drop)
}

/// Checks settings, network and samples, and calls `train` with all that a training run needs.
fn prepared<T: Float>(
    trainer: &Trainer<T>,
    net: &mut Mlp<T>,
    state: &mut TrainerState<T>,
    samples: &Samples<'_, T>,
    (length, shadow): (RunLength, AnyShadow<'_, T>),
    train: impl FnOnce(&mut Fit<'_, '_, T>, TrainingRun<'_, T>) -> Result<StopReason>,
) -> Result<StopReason> {
    trainer.check()?;
    #[cfg(all(feature = "safetensors", feature = "std"))]
    if let Some((path, _)) = &trainer.checkpoints {
        crate::atomic_file::check_writable(path)?;
    }
    state.check_trainer(trainer, net)?;
    check_finite("parameters", net.params())?;
    let all = samples.check(net, trainer.loss())?;
    let mut split = match &trainer.validation {
        Some(validation) => validation.rows(&all, trainer.seed)?,
        None => Split::all(all.len()),
    };
    for sample in split.training.iter_mut().chain(&mut split.held_out) {
        *sample = all.row(*sample);
    }
    let learned = all.try_choose(&split.training)?;
    let mean_weight = || learned.total_weight() / learned.len() as f64;
    let mean_weight = trainer.objective.mean_weight.then(mean_weight);
    if !split.held_out.is_empty() && !learned.can_teach() {
        let what = "sample weights of the training part of the split";
        return Err(Error::invalid_setting(what, "a sum above 0", 0));
    }
    let gathered = all.gather(&split.held_out);
    let validation = trainer.validation.as_ref().map(|validation| {
        let samples = validation.samples(gathered.samples()).for_validation();
        Ok((samples, samples.check(net, trainer.loss())?))
    });
    let validation = validation.transpose()?;
    let batch_size = match trainer.batch_size {
        Some(size) if length == RunLength::OneEpoch => Some(size.min(learned.len())),
        size => size,
    };
    let batches = trainer.batches(split.training, batch_size)?;
    let threads = threads_for(trainer.threads, batches.size(), net)?;
    if length == RunLength::Whole {
        let (rows, hash) = (all.len(), Some(all.hash()));
        state.check_samples(Fingerprint { rows, hash })?;
        if state.scalars.finished {
            return Ok(state.history.stopped_by);
        }
    } else {
        trainer.check_schedule(state, &batches)?;
    }
    let (kept, seed) = (state.workspace.take(), trainer.seed);
    let judged = shadow.as_ref().map_or(&*net, |shadow| shadow.network());
    let gradient = (trainer.objective).workspace(judged, kept, seed, mean_weight)?;
    let mut fit = Fit {
        shadow,
        samples: all,
        validation,
        gradient: gradient.with_threads(threads.clone()),
        threads,
        outputs: Vec::new(),
        scratch: Vec::new(),
    };
    let run = TrainingRun::new(trainer, net, state, batches, length)?;
    let result = train(&mut fit, run);
    // Release the threads, so that other runs can use them.
    state.workspace = Some(fit.gradient.with_threads(Threads::one()));
    #[cfg(all(feature = "safetensors", feature = "std"))]
    if result.is_ok() && length == RunLength::Whole {
        trainer.write_checkpoint(net, state, true)?;
    }
    result
}

/// Returns the threads for minibatches of this size. `wanted` is the caller's number, if any.
pub(super) fn threads_for<T: Float>(
    wanted: Option<usize>,
    batch: usize,
    net: &Mlp<T>,
) -> Result<Threads> {
    match wanted {
        Some(0) => Threads::exactly(0),
        _ if !GradientWorkspace::<T>::can_run_parallel(batch) => Ok(Threads::one()),
        Some(count) => Threads::exactly(count),
        None if batch.saturating_mul(net.params().len()) >= PARALLEL_WORK => Ok(Threads::all()),
        None => Ok(Threads::one()),
    }
}

impl<T: Float> Fit<'_, '_, T> {
    fn run(
        &mut self,
        mut run: TrainingRun<'_, T>,
        on_event: &mut OnEvent<'_, T>,
    ) -> Result<StopReason> {
        let remaining = (run.trainer.epochs).saturating_sub(run.state.scalars.progress.epoch);
        let history = &mut run.state.history;
        history.epochs.reserve(remaining.min(MOST_RESERVED));
        while run.stopped_by().is_none() {
            let threads = self.threads.clone();
            let epoch = threads.install(|| self.epoch(&mut run, on_event));
            epoch.map_err(|error| self.diverged(&mut run, error))?;
            #[cfg(all(feature = "safetensors", feature = "std"))]
            if run.stopped_by() != Some(StopReason::Callback) {
                run.trainer.write_checkpoint(run.net, run.state, false)?;
            }
        }
        if run.length == RunLength::Whole && run.state.history.epochs.len() >= WORTH_HINTS {
            let (history, loss) = (&run.state.history, run.trainer.loss());
            let net = judged(&mut self.shadow, run.net)?;
            let hints = hints(history, net, &self.samples, &mut self.gradient, loss)?;
            run.state.history.hints = hints;
        }
        run.finish()
    }

    /// Trains until the end of the current epoch, or until the caller ends the run.
    fn epoch(&mut self, run: &mut TrainingRun<'_, T>, on_event: &mut OnEvent<'_, T>) -> Result<()> {
        if let Some(shadow) = &mut self.shadow {
            let done = run.state.scalars.progress.epoch;
            shadow.begin_epoch(run.net, done, run.trainer.epochs)?;
        }
        while let Some(batch) = run.batch() {
            let rows = self.samples.try_choose(batch)?;
            // A minibatch whose weights are all 0 has no mean loss.
            let update = if rows.can_teach() {
                self.gradient.set_updates(run.state.scalars.progress.step);
                self.gradient.set_dropout(run.state.dropout(run.trainer))?;
                let net = judged(&mut self.shadow, run.net)?;
                let loss = (self.gradient).compute_rows(net, &rows, run.trainer.loss())?;
                run.apply_parallel(&self.threads, loss, self.gradient.values())?
            } else {
                run.skip()?
            };
            run.tell(TrainingEvent::Update(update), on_event);
        }
        if run.stopped_by().is_some() {
            return Ok(());
        }
        run.check_epoch()?;
        run.with_average(|run| {
            let validation = self.validate(run.trainer, run.net)?;
            let epoch = run.close_epoch(validation);
            if let Some(shadow) = &mut self.shadow
                && run.state.history.best_epoch == Some(epoch.number)
            {
                shadow.keep();
            }
            run.tell(TrainingEvent::Epoch(epoch), on_event);
            Ok(())
        })
    }

    /// Returns the loss and score of the validation samples, if there are any.
    fn validate(
        &mut self,
        trainer: &Trainer<T>,
        net: &Mlp<T>,
    ) -> Result<Option<(f64, Option<f64>)>> {
        let Some((samples, rows)) = &self.validation else {
            return Ok(None);
        };
        let score = trainer.score();
        self.outputs.clear();
        let outputs = score.is_some().then_some(&mut self.outputs);
        let net = judged(&mut self.shadow, net)?;
        let loss = (self.gradient).evaluate_rows(net, rows, trainer.loss(), outputs)?;
        let score = score.map(|score| {
            let targets = samples.target_rows(net.outputs())?;
            let weights = samples.sample_weights();
            let (scratch, outputs) = (&mut self.scratch, &self.outputs);
            Ok(score.score_in(scratch, outputs, &targets, net.outputs(), weights))
        });
        Ok(Some((loss, score.transpose()?)))
    }

    /// Explains where training diverged, and gives the network the best parameters so far.
    fn diverged(&self, run: &mut TrainingRun<'_, T>, error: Error) -> Error {
        let state = &mut *run.state;
        let updates = state.optimizer.updates();
        let (what, layer, value, step) = match error {
            Error::Overflow { what, layer, value } => (what, layer, value, updates + 1),
            Error::NotFinite {
                what,
                at: Position::Index(index),
                value,
            } => {
                let layer = run.net.layout().layer_of(index).unwrap_or(0);
                (what, layer, value, updates)
            }
            other => {
                run.undo();
                return other;
            }
        };
        run.net.params_mut().copy_from_slice(&state.best);
        let rate = state.learning_rate(run.trainer);
        let validation = self.validation.as_ref().map(|(_, samples)| samples);
        Error::Diverged {
            epoch: state.scalars.epochs_in_all + 1,
            step,
            layer,
            what,
            value,
            largest_gradient: self.gradient.max_abs(),
            cause: cause(
                run.net,
                (&self.samples, validation),
                run.trainer.loss(),
                rate,
            ),
        }
    }
}
