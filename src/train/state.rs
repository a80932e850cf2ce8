//! What a training remembers from one epoch to the next.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

use super::Trainer;
use super::history::{Epoch, EpochTotals, History, StopReason};
use super::stopping::{Plateau, Reducing};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::{GradientWorkspace, Mlp};
use crate::optimizer::State;
use crate::schedule::Progress;

/// A training under way: everything that decides how it goes on, apart from the network, the
/// samples and the [`Trainer`]'s settings.
///
/// [`Trainer::fit`] makes one and throws it away. Keep your own to go on later, with the same
/// bits as if there had been no pause ([`Trainer::resume`]), to learn from samples as they
/// come ([`Trainer::partial_fit`]), or to start over from where the network is
/// ([`restart`](Self::restart)).
///
/// ```
/// use feedforward::{Mlp, Samples, Trainer, activation::{Identity, Tanh}, loss::SquaredError, optimizer::Adam};
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
/// trainer.resume(&mut paused, &mut state, &samples)?; // on to 200
/// trainer.fit(&mut net, &x, &y)?;
/// assert_eq!(net.params(), paused.params());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct TrainerState<T> {
    pub(super) optimizer: State<T>,
    pub(super) scalars: Scalars,
    /// The parameters after the best epoch so far.
    pub(super) best: Vec<T>,
    /// The moving average of the parameters, if there is one.
    pub(super) average: Vec<T>,
    /// The parameters that training goes on from, where the network was given others.
    pub(super) params: Vec<T>,
    pub(super) history: History,
    /// Scratch space, kept for the next time.
    pub(super) workspace: Option<GradientWorkspace<T>>,
}

/// The numbers of a state that are no tensors. Checkpoints hold them by name: one that a checkpoint
/// does not have, since it is older, is that of a fresh state.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub(super) struct Scalars {
    pub(super) progress: Progress,
    /// What there was since the epoch began.
    pub(super) part: EpochTotals,
    /// What the schedule's rate is multiplied by, after plateaus.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub(super) rate_factor: f64,
    pub(super) reducing: Reducing,
    pub(super) tolerance: Plateau,
    pub(super) early_stopping: Plateau,
    /// The watched value of the best epoch so far.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub(super) best_value: f64,
    /// Epochs in all, those before a restart and those that the history no longer has included.
    pub(super) epochs_in_all: usize,
    /// The samples that the training began with.
    pub(super) samples: Option<Fingerprint>,
    /// Whether there is nothing left to do.
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

    /// Begins another training from where the network is, as scikit-learn's `warm_start` does.
    /// Optimizer, learning rate, the count of epochs, the best epoch and all that tolerance and
    /// early stopping remember start anew, and samples may be others. The history and the number
    /// of samples seen stay.
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

    /// The epochs so far, those before a [`restart`](Self::restart) included.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Takes the epochs out of the history and returns them. The numbers of later epochs go on
    /// from there. Do so now and then where [`Trainer::partial_fit`] is called without end.
    pub fn take_epochs(&mut self) -> Vec<Epoch> {
        core::mem::take(&mut self.history.epochs)
    }

    /// Lets [`Trainer::resume`] continue with other samples than those that the training began
    /// with: once, after which it expects the new ones.
    pub fn forget_samples(&mut self) {
        self.scalars.samples = None;
    }

    /// The history, without the rest.
    pub fn into_history(self) -> History {
        self.history
    }

    /// Epochs done since the start or the last [`restart`](Self::restart).
    pub fn epochs(&self) -> usize {
        self.scalars.progress.epoch
    }

    /// Samples seen, counted again in every epoch: scikit-learn's `t_`.
    pub fn samples_seen(&self) -> u64 {
        self.scalars.progress.samples
    }

    /// Samples of the epoch under way that were seen.
    pub fn samples_seen_in_epoch(&self) -> usize {
        (self.scalars.progress.samples - self.scalars.progress.samples_before_epoch) as usize
    }

    /// How far the training has come, as a schedule sees it.
    pub fn progress(&self) -> &Progress {
        &self.scalars.progress
    }

    /// Returns the learning rate of the next update: the schedule's, times what plateaus left.
    pub fn learning_rate(&self, trainer: &Trainer<T>) -> f64 {
        let base = trainer.optimizer.learning_rate();
        trainer.schedule.rate(base, &self.scalars.progress) * self.scalars.rate_factor
    }

    /// Epochs in a row without enough improvement, as [`Trainer::tolerance`] or
    /// [`Trainer::early_stopping`] counts them: the larger number if both do.
    pub fn epochs_without_improvement(&self) -> usize {
        self.scalars
            .tolerance
            .bad_epochs
            .max(self.scalars.early_stopping.bad_epochs)
    }

    /// The optimizer's memory.
    pub fn optimizer(&self) -> &State<T> {
        &self.optimizer
    }

    /// The parameters after the best epoch so far: that of the best validation score or
    /// loss if there is one, else that of the least training loss.
    pub fn best_params(&self) -> Option<&[T]> {
        Some(&*self.best).filter(|best| !best.is_empty())
    }

    /// The moving average of the parameters, with [`Trainer::weight_average`].
    pub fn average(&self) -> Option<&[T]> {
        Some(&*self.average).filter(|average| !average.is_empty())
    }

    /// What is laid out like the parameters: each as long as those, or empty.
    #[cfg(feature = "safetensors")]
    pub(super) fn all_params(&self) -> [&[T]; 3] {
        [&self.best, &self.average, &self.params]
    }

    #[cfg(feature = "safetensors")]
    pub(super) fn all_params_mut(&mut self) -> [&mut Vec<T>; 3] {
        [&mut self.best, &mut self.average, &mut self.params]
    }

    /// Checks that a trainer can continue from it with this network.
    pub(super) fn check_trainer(&self, trainer: &Trainer<T>, net: &Mlp<T>) -> Result<()> {
        self.check(net)?;
        self.optimizer.check(&*trainer.optimizer)
    }

    /// Checks that it belongs to a network of this shape.
    pub(super) fn check(&self, net: &Mlp<T>) -> Result<()> {
        if self.optimizer.layout() == net.layout() {
            return Ok(());
        }
        let expected = "that of the network this training was started with";
        Err(Error::shape("network's layout", expected, "another"))
    }

    /// The next minibatch will be the first of an epoch.
    pub(super) fn begin_epoch(&mut self) {
        self.scalars.progress.samples_before_epoch = self.scalars.progress.samples;
        self.scalars.part = EpochTotals::default();
    }

    /// Checks that the samples are those that the training began with, or takes them as such.
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

    /// Remembers why it ended. Only what the caller can still change leaves more to do.
    pub(super) fn end(&mut self, reason: StopReason) {
        self.history.stopped_by = reason;
        self.scalars.finished = matches!(reason, StopReason::Tolerance | StopReason::EarlyStopping);
    }
}

/// What tells one training's samples from another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Fingerprint {
    pub(super) rows: usize,
    /// A hash of all numbers, where the trainer has seen them.
    pub(super) hash: Option<u64>,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.rows)?;
        let mut hash = self.hash.iter();
        hash.try_for_each(|hash| write!(f, " with the hash {hash:016x}"))
    }
}
