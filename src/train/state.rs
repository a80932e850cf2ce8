//! The state of a training run between two steps.

use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::Trainer;
use super::history::{Epoch, EpochTotals, History, StopReason};
use super::stopping::{Plateau, Reducing};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::{GradientWorkspace, Mlp, SMALLEST_DROPOUT};
use crate::optimizer::State;
use crate::schedule::{Progress, Schedule};

/// State of a training run. Together with the network, the samples and the [`Trainer`], it
/// determines every later update.
///
/// [`Trainer::fit`] creates a state and discards it. Keep your own state for these tasks:
///
/// - [`Trainer::resume`] continues later, with results bit-identical to those without a pause.
/// - [`Trainer::partial_fit`] learns from samples as they arrive.
/// - [`restart`](Self::restart) starts over from the network's current parameters.
///
/// ```
/// use feedforward::activation::{Identity, Tanh};
/// use feedforward::{Mlp, Samples, Trainer, loss::SquaredError, optimizer::Adam};
///
/// let (x, y) = ([0.0, 0.5, 1.0], [0.0, 0.25, 1.0]);
/// let samples = Samples::new(&x, &y);
/// let mut net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
/// let trainer = Trainer::new(SquaredError, Adam::new(0.01));
///
/// let mut paused = net.clone();
/// let first = trainer.clone().epochs(60);
/// let mut state = first.init_state(&paused)?;
/// first.resume(&mut paused, &mut state, &samples)?;
/// trainer.resume(&mut paused, &mut state, &samples)?; // epochs 61 to 200
/// trainer.fit(&mut net, &x, &y)?;
/// assert_eq!(net.params(), paused.params());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrainerState<T> {
    pub(super) optimizer: State<T>,
    pub(super) scalars: Scalars,
    /// Parameters after the best epoch so far.
    pub(super) best: Vec<T>,
    /// Moving average of the parameters, or empty without one.
    pub(super) average: Vec<T>,
    /// Trained parameters to resume from, or empty if the network has them.
    pub(super) params: Vec<T>,
    pub(super) history: History,
    /// Workspace, kept to reuse its memory.
    pub(super) workspace: Option<GradientWorkspace<T>>,
}

/// Scalars of a state, which checkpoints store by name. An older checkpoint may lack some, which
/// then have the values of a fresh state.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub(super) struct Scalars {
    pub(super) progress: Progress,
    /// Totals of the current epoch.
    pub(super) part: EpochTotals,
    /// Factor of the schedule's rate, after plateaus.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub(super) rate_factor: f64,
    pub(super) reducing: Reducing,
    pub(super) tolerance: Plateau,
    pub(super) early_stopping: Plateau,
    /// Watched value of the best epoch so far.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub(super) best_value: f64,
    /// Total number of epochs, including those before a restart and those taken by the caller.
    pub(super) epochs_in_all: usize,
    /// Fingerprint of the samples that the run began with.
    pub(super) samples: Option<Fingerprint>,
    /// `true` if a stopping rule has ended the run for good.
    pub(super) finished: bool,
}

impl Default for Scalars {
    fn default() -> Self {
        Self {
            progress: Progress::default(),
            part: EpochTotals::default(),
            rate_factor: 1.0,
            reducing: Reducing::default(),
            tolerance: Plateau::default(),
            early_stopping: Plateau::default(),
            best_value: f64::INFINITY,
            epochs_in_all: 0,
            samples: None,
            finished: false,
        }
    }
}

impl<T: Float> TrainerState<T> {
    pub(super) fn new(trainer: &Trainer<T>, net: &Mlp<T>) -> Result<Self> {
        Ok(Self {
            optimizer: State::new(&*trainer.optimizer, net.layout())?,
            scalars: Scalars::default(),
            best: Vec::new(),
            average: Vec::new(),
            params: Vec::new(),
            history: History::default(),
            workspace: None,
        })
    }

    /// Starts a new run from the network's parameters, as scikit-learn's `warm_start` does.
    ///
    /// The optimizer, the learning rate, the count of epochs, the best epoch, and the counts of
    /// tolerance and early stopping are reset. The history and the number of samples seen remain.
    /// The next samples may differ.
    ///
    /// # Errors
    /// [`Error::Shape`] if the state belongs to a network of another shape.
    pub fn restart(&mut self, trainer: &Trainer<T>, net: &Mlp<T>) -> Result<()> {
        self.check(net)?;
        let before = core::mem::replace(self, Self::new(trainer, net)?);
        self.history = before.history;
        self.workspace = before.workspace;
        self.history.best_epoch = None;
        self.scalars.epochs_in_all = before.scalars.epochs_in_all;
        self.scalars.progress.samples = before.scalars.progress.samples;
        self.begin_epoch();
        Ok(())
    }

    /// Returns the history so far, including the epochs before a [`restart`](Self::restart).
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Removes the epochs from the history and returns them.
    ///
    /// Later epochs continue the numbering. A program that calls [`Trainer::partial_fit`] without
    /// end should call this from time to time, since the history otherwise grows without bound.
    pub fn take_epochs(&mut self) -> Vec<Epoch> {
        core::mem::take(&mut self.history.epochs)
    }

    /// Lets the next [`Trainer::resume`] use samples other than those that the run began with.
    ///
    /// Later calls expect the new samples.
    pub fn forget_samples(&mut self) {
        self.scalars.samples = None;
    }

    /// Releases memory that the next update allocates again.
    #[cfg(feature = "tabular")]
    pub(crate) fn release_memory(&mut self) {
        self.workspace = None;
    }

    /// Returns the history and discards the rest of the state.
    pub fn into_history(self) -> History {
        self.history
    }

    /// Returns the number of epochs done since the start or the last [`restart`](Self::restart).
    pub fn epochs(&self) -> usize {
        self.scalars.progress.epoch
    }

    /// Returns the number of samples seen, counted again in every epoch: scikit-learn's `t_`.
    pub fn samples_seen(&self) -> u64 {
        self.scalars.progress.samples
    }

    /// Returns the number of samples seen in the current epoch.
    pub fn samples_seen_in_epoch(&self) -> usize {
        (self.scalars.progress.samples - self.scalars.progress.samples_before_epoch) as usize
    }

    /// Returns the progress of the run, as a schedule sees it.
    pub fn progress(&self) -> &Progress {
        &self.scalars.progress
    }

    /// Returns the learning rate of the next update: the schedule's rate times the plateau factor.
    pub fn learning_rate(&self, trainer: &Trainer<T>) -> f64 {
        let base = trainer.optimizer.learning_rate();
        trainer.schedule.rate(base, &self.scalars.progress) * self.scalars.rate_factor
    }

    /// Returns the probability of dropout in the next update: the trainer's, times its
    /// [schedule](Trainer::dropout_schedule). A schedule's probability below 2^-32 becomes 0, and
    /// one above 1 - 2^-32 becomes that.
    pub fn dropout(&self, trainer: &Trainer<T>) -> f64 {
        let (base, schedule) = (trainer.objective.dropout, &trainer.dropout_schedule);
        if schedule.is_none() {
            return base;
        }
        match base * self.factor(schedule.as_ref()) {
            rate if rate >= SMALLEST_DROPOUT => rate.min(1.0 - SMALLEST_DROPOUT),
            _ => 0.0,
        }
    }

    /// Returns the factor of the next update's weight decay.
    pub(super) fn decay_factor(&self, trainer: &Trainer<T>) -> f64 {
        self.factor(trainer.decay_schedule.as_ref())
    }

    /// Returns the rate of a schedule whose base is 1, or 1 without a schedule.
    fn factor(&self, schedule: Option<&Arc<dyn Schedule>>) -> f64 {
        schedule.map_or(1.0, |schedule| schedule.rate(1.0, &self.scalars.progress))
    }

    /// Returns the number of epochs in a row without enough improvement.
    ///
    /// [`Trainer::tolerance`] and [`Trainer::early_stopping`] count these epochs. If both are set,
    /// the larger number is returned.
    pub fn epochs_without_improvement(&self) -> usize {
        self.scalars
            .tolerance
            .bad_epochs
            .max(self.scalars.early_stopping.bad_epochs)
    }

    /// Returns the optimizer's memory.
    pub fn optimizer(&self) -> &State<T> {
        &self.optimizer
    }

    /// Returns the parameters after the best epoch so far.
    ///
    /// The best epoch has the best validation score, or else the minimum validation loss. Without
    /// validation it has the minimum training loss.
    pub fn best_params(&self) -> Option<&[T]> {
        Some(&*self.best).filter(|best| !best.is_empty())
    }

    /// Returns the moving average of the parameters, if [`Trainer::weight_average`] is set.
    pub fn average(&self) -> Option<&[T]> {
        Some(&*self.average).filter(|average| !average.is_empty())
    }

    /// Returns the vectors that are laid out like the parameters. Each may also be empty.
    #[cfg(feature = "safetensors")]
    pub(super) fn all_params(&self) -> [&[T]; 3] {
        [&self.best, &self.average, &self.params]
    }

    #[cfg(feature = "safetensors")]
    pub(super) fn all_params_mut(&mut self) -> [&mut Vec<T>; 3] {
        [&mut self.best, &mut self.average, &mut self.params]
    }

    /// Checks that this trainer can continue from the state with this network.
    pub(super) fn check_trainer(&self, trainer: &Trainer<T>, net: &Mlp<T>) -> Result<()> {
        self.check(net)?;
        self.optimizer.check(&*trainer.optimizer)
    }

    /// Checks that the state belongs to a network of this shape.
    pub(super) fn check(&self, net: &Mlp<T>) -> Result<()> {
        if self.optimizer.layout() == net.layout() {
            return Ok(());
        }
        let expected = "the layout that the training run began with";
        Err(Error::shape("network's layout", expected, "another"))
    }

    /// Makes the next minibatch the first of an epoch.
    pub(super) fn begin_epoch(&mut self) {
        self.scalars.progress.samples_before_epoch = self.scalars.progress.samples;
        self.scalars.part = EpochTotals::default();
    }

    /// Checks that the samples are those that the run began with, or records them as such.
    pub(super) fn check_samples(&mut self, mut got: Fingerprint) -> Result<()> {
        if let Some(expected) = self.scalars.samples {
            let hashes = got.hash.zip(expected.hash);
            let is_same = got.rows == expected.rows && hashes.is_none_or(|(a, b)| a == b);
            if self.scalars.progress.step > 0 && !is_same {
                return Err(Error::Differs {
                    setting: "samples".into(),
                    expected: expected.to_string(),
                    got: got.to_string(),
                });
            }
            got.hash = got.hash.or(expected.hash);
        }
        self.scalars.samples = Some(got);
        Ok(())
    }

    /// Records the reason for the end of the run.
    ///
    /// Stopping rules finish the run for good. After a callback, or with more epochs, it can be
    /// resumed.
    pub(super) fn end(&mut self, reason: StopReason) {
        self.history.stopped_by = reason;
        self.scalars.finished = matches!(reason, StopReason::Tolerance | StopReason::EarlyStopping);
    }
}

/// Fingerprint that tells the samples of two training runs apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Fingerprint {
    pub(super) rows: usize,
    /// Hash of all numbers, if the trainer has seen them.
    pub(super) hash: Option<u64>,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.rows)?;
        let mut hash = self.hash.iter();
        hash.try_for_each(|hash| write!(f, " with the hash {hash:016x}"))
    }
}
