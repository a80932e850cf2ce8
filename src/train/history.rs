//! The history of a training run, and its events.

use alloc::vec::Vec;

use super::hints::Hint;

/// Results of one epoch, which is one pass over the training samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Epoch {
    /// Number of the epoch, counted from 1.
    pub number: usize,
    /// Mean loss of the minibatches with the L2 penalty, as in scikit-learn's `loss_curve_`.
    ///
    /// The loss of a minibatch is taken before its update and weighted by its number of samples.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub loss: f64,
    /// Mean loss of the validation samples after the epoch, without penalty.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float::option"))]
    pub validation_loss: Option<f64>,
    /// Score of the validation samples after the epoch, if the trainer has a score.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float::option"))]
    pub validation_score: Option<f64>,
    /// Learning rate of the epoch's last update.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub learning_rate: f64,
}

/// Results of one update of the parameters, which uses one minibatch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Update {
    /// Number of the update, counted from 1.
    pub number: u64,
    /// Number of its epoch, counted from 1.
    pub epoch: usize,
    /// Number of samples seen so far. Every epoch counts its samples again.
    pub samples: u64,
    /// Loss of the minibatch before the update, with the L2 penalty.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub loss: f64,
    /// Learning rate of the update.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub learning_rate: f64,
}

/// An event of a training run, which the function given to
/// [`Trainer::fit_with`](super::Trainer::fit_with) receives.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum TrainingEvent {
    /// An update of the parameters.
    Update(Update),
    /// The end of an epoch. It follows the event of the epoch's last update.
    Epoch(Epoch),
}

impl TrainingEvent {
    /// Returns the epoch if the event is the end of one.
    pub fn epoch(&self) -> Option<&Epoch> {
        match self {
            Self::Epoch(epoch) => Some(epoch),
            Self::Update(_) => None,
        }
    }
}

/// Totals over the minibatches of an epoch so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub(super) struct EpochTotals {
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    loss_sum: f64,
    pub(super) samples: usize,
    /// Learning rate of the last update.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub(super) learning_rate: f64,
}

impl EpochTotals {
    pub(super) fn add(&mut self, loss: f64, samples: usize, learning_rate: f64) {
        self.loss_sum += loss * samples as f64;
        self.samples += samples;
        self.learning_rate = learning_rate;
    }

    /// Returns the mean loss, or NaN without samples.
    pub(super) fn mean_loss(&self) -> f64 {
        self.loss_sum / self.samples as f64
    }
}

/// Reason why a training run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum StopReason {
    /// All epochs are done.
    #[default]
    Epochs,
    /// The training loss stopped falling.
    Tolerance,
    /// The validation loss or score stopped improving.
    EarlyStopping,
    /// The caller's function ended the run.
    Callback,
}

/// History of a training run.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct History {
    /// Results of the epochs, in order.
    pub epochs: Vec<Epoch>,
    /// Reason why the run ended.
    pub stopped_by: StopReason,
    /// Number of the epoch whose parameters early stopping or
    /// [`keep_best`](super::Trainer::keep_best) restored.
    pub best_epoch: Option<usize>,
    /// Number of updates of the parameters.
    pub updates: u64,
    /// Signs that the run went badly, though without an error. Empty below ten epochs.
    #[cfg_attr(feature = "serde", serde(default))]
    pub hints: Vec<Hint>,
}

impl History {
    /// Returns the loss of the last epoch, or NaN without epochs.
    pub fn loss(&self) -> f64 {
        self.epochs.last().map_or(f64::NAN, |epoch| epoch.loss)
    }

    /// Returns the loss of each epoch, in order.
    pub fn losses(&self) -> impl ExactSizeIterator<Item = f64> {
        self.epochs.iter().map(|epoch| epoch.loss)
    }

    /// Returns the minimum loss of all epochs, or NaN without epochs.
    pub fn best_loss(&self) -> f64 {
        self.losses().fold(f64::NAN, f64::min)
    }

    /// Returns the minimum validation loss of all epochs, if there were validation samples.
    pub fn best_validation_loss(&self) -> Option<f64> {
        let losses = self.epochs.iter().filter_map(|epoch| epoch.validation_loss);
        losses.reduce(f64::min)
    }

    /// Returns the maximum validation score of all epochs, if there was a score.
    pub fn best_validation_score(&self) -> Option<f64> {
        let scores = self.epochs.iter().filter_map(|e| e.validation_score);
        scores.reduce(f64::max)
    }
}
