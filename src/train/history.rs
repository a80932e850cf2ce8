//! What a training was like.

use alloc::vec::Vec;

use super::hints::Hint;

/// One epoch: one pass over the training samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Epoch {
    /// Its number, counted from 1.
    pub number: usize,
    /// The mean loss of its minibatches, each taken before its own update and weighted by
    /// its number of samples, with the L2 penalty: scikit-learn's loss curve.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub loss: f64,
    /// The mean loss of the validation samples after the epoch, without penalty.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float::option"))]
    pub validation_loss: Option<f64>,
    /// The score of the validation samples after the epoch, if the trainer was given one.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float::option"))]
    pub validation_score: Option<f64>,
    /// The learning rate of its last update.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub learning_rate: f64,
}

/// One update of the parameters: one minibatch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Update {
    /// Its number, counted from 1.
    pub number: u64,
    /// The epoch it belongs to, counted from 1.
    pub epoch: usize,
    /// Samples seen so far, counted again in every epoch.
    pub samples: u64,
    /// The minibatch's loss before the update, with the L2 penalty.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub loss: f64,
    /// The learning rate of the update.
    #[cfg_attr(feature = "serde", serde(with = "crate::serde_float"))]
    pub learning_rate: f64,
}

/// What a training run has just done, for the function given to
/// [`Trainer::fit_with`](super::Trainer::fit_with).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum TrainingEvent {
    /// An update.
    Update(Update),
    /// An epoch. Its last update was an event of its own before.
    Epoch(Epoch),
}

impl TrainingEvent {
    /// Returns the epoch, if it is the end of one.
    pub fn epoch(&self) -> Option<&Epoch> {
        match self {
            Self::Epoch(epoch) => Some(epoch),
            Self::Update(_) => None,
        }
    }
}

/// An epoch's minibatches so far.
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

    /// NaN without samples.
    pub(super) fn mean_loss(&self) -> f64 {
        self.loss_sum / self.samples as f64
    }
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum StopReason {
    /// All epochs were run.
    #[default]
    Epochs,
    /// The training loss stopped falling.
    Tolerance,
    /// The validation loss or score stopped getting better.
    EarlyStopping,
    /// The caller's function asked for it.
    Callback,
}

/// All epochs of a training.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct History {
    /// The epochs, in order.
    pub epochs: Vec<Epoch>,
    /// Why there were no more.
    pub stopped_by: StopReason,
    /// The epoch whose parameters early stopping restored.
    pub best_epoch: Option<usize>,
    /// Updates of the parameters.
    pub updates: u64,
    /// What looks wrong though it was no error, after a training of ten epochs or more.
    #[cfg_attr(feature = "serde", serde(default))]
    pub hints: Vec<Hint>,
}

impl History {
    /// The last epoch's loss; NaN before there is one.
    pub fn loss(&self) -> f64 {
        self.epochs.last().map_or(f64::NAN, |epoch| epoch.loss)
    }

    /// The loss of each epoch.
    pub fn losses(&self) -> impl ExactSizeIterator<Item = f64> {
        self.epochs.iter().map(|epoch| epoch.loss)
    }

    /// The least loss of an epoch; NaN before there is one.
    pub fn best_loss(&self) -> f64 {
        self.losses().fold(f64::NAN, f64::min)
    }

    /// The least validation loss of an epoch, if there were validation samples.
    pub fn best_validation_loss(&self) -> Option<f64> {
        let losses = self.epochs.iter().filter_map(|epoch| epoch.validation_loss);
        losses.reduce(f64::min)
    }

    /// The best validation score of an epoch, if there was one.
    pub fn best_validation_score(&self) -> Option<f64> {
        let scores = self.epochs.iter().filter_map(|e| e.validation_score);
        scores.reduce(f64::max)
    }
}
