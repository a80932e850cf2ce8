//! Settings of a recipe.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::ControlFlow;
use core::time::Duration;

use super::calibrate::Calibration;
use super::columns::{ColumnSettings, MANY_ROWS, Waves};
use crate::activation::Activation;
use crate::error::Result;
use crate::folds::Splitter;
use crate::model::ClassWeights;
use crate::parallel::Threads;
use crate::train::{Epoch, Trainer};

/// Metric by which the best epoch of a classifier is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Accuracy. The recipe smooths targets by 0.1, which raises accuracy.
    #[default]
    Accuracy,
    /// Log loss. Targets are not smoothed, since that harms probabilities and their order, and thus
    /// the area under the ROC curve.
    LogLoss,
    /// Area under the ROC curve, for classes of very different frequency. With several classes, it
    /// is the mean over each class against all others. Targets are not smoothed.
    RocAuc,
}

/// Defaults of a recipe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// The defaults that measure best: those of [`Simple`](Self::Simple), learned waves of numbers
    /// ([`ColumnSettings::waves`]), and 128 epochs.
    #[default]
    Tuned,
    /// RealMLP-TD-S as published: numbers as they are, and 256 epochs.
    Simple,
    /// RealMLP-TD as published. It adds to [`Simple`](Self::Simple):
    ///
    /// - slower waves of numbers, and learned vectors for words with more than 8 levels,
    /// - [parametric](crate::activation::Parametric) activations,
    /// - a start that depends on the training rows: all pre-activations vary by 1, and neurons bend
    ///   within the data,
    /// - dropout 0.15 and weight decay 0.02, both by the schedule
    ///   [`FlatCosine`](crate::schedule::FlatCosine),
    /// - a maximum learning rate of 0.2 for numbers.
    ///
    /// It leaves out one part: predictions are not limited to the range of the training targets.
    Full,
}

impl Preset {
    /// Returns the number of epochs.
    pub(super) fn epochs(self) -> usize {
        match self {
            Self::Tuned => 128,
            Self::Simple | Self::Full => 256,
        }
    }

    /// Returns the settings of columns.
    pub(super) fn columns(self) -> ColumnSettings {
        let default = ColumnSettings::default();
        let (one_hot, waves) = match self {
            Self::Tuned => (default.one_hot, default.waves),
            Self::Simple => (default.one_hot, Waves::Off),
            Self::Full => (8, Waves::Sigma(0.1)),
        };
        ColumnSettings {
            one_hot,
            waves,
            ..default
        }
    }

    /// Returns the number of rows in a minibatch, for this many training rows.
    pub(super) fn batch_size(self, rows: usize) -> usize {
        match self {
            Self::Tuned if rows < MANY_ROWS => 64,
            _ => 256,
        }
    }

    /// Returns the maximum learning rate.
    pub(super) fn learning_rate(self, is_classification: bool) -> f64 {
        match self {
            _ if is_classification => 0.04,
            Self::Tuned | Self::Simple => 0.07,
            Self::Full => 0.2,
        }
    }
}

/// Progress of a fit, which the function given to [`Tabular::on_epoch`] receives.
///
/// [`Tabular::on_epoch`]: super::Tabular::on_epoch
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Number of the trial of a [search](super::Tabular::search), counted from 0. Otherwise 0.
    pub trial: usize,
    /// Index of the fold.
    pub fold: usize,
    /// Number of folds.
    pub folds: usize,
    /// Number of the epoch, counted from 1.
    pub epoch: usize,
    /// Number of epochs of each fold.
    pub epochs: usize,
    /// Training loss of the epoch, of scaled targets.
    pub loss: f64,
    /// Loss on the held-out rows.
    pub held_out_loss: f64,
}

/// Function of the caller that sees the end of each epoch.
type OnEpoch = dyn Fn(&Progress) -> ControlFlow<()> + Send + Sync;

/// Function of the caller that changes the recipe's trainer.
type ChangeTrainer = dyn Fn(Trainer<f32>) -> Trainer<f32> + Send + Sync;

/// Sizes of the hidden layers by default.
pub(super) const HIDDEN: [usize; 3] = [256; 3];

/// Settings of a recipe.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) preset: Preset,
    pub(super) columns: ColumnSettings,
    pub(super) folds: Option<usize>,
    pub(super) splitter: Option<Arc<dyn Splitter>>,
    pub(super) epochs: usize,
    pub(super) time_budget: Option<Duration>,
    pub(super) batch_size: Option<usize>,
    pub(super) seed: u64,
    pub(super) hidden: Vec<usize>,
    pub(super) activation: Option<Arc<dyn Activation<f32>>>,
    pub(super) learning_rate: Option<f64>,
    pub(super) dropout: Option<f64>,
    pub(super) weight_decay: Option<f64>,
    pub(super) smoothing: Option<f64>,
    pub(super) metric: Option<Metric>,
    pub(super) class_weights: Option<ClassWeights>,
    pub(super) calibration: Option<Calibration>,
    pub(super) last_epoch: bool,
    pub(super) threads: Option<usize>,
    pub(super) trainer: Arc<ChangeTrainer>,
    pub(super) on_epoch: Arc<OnEpoch>,
}

impl Default for Recipe {
    fn default() -> Self {
        let preset = Preset::default();
        Self {
            preset,
            columns: preset.columns(),
            folds: None,
            splitter: None,
            epochs: preset.epochs(),
            time_budget: None,
            batch_size: None,
            seed: 0,
            hidden: HIDDEN.into(),
            activation: None,
            learning_rate: None,
            dropout: None,
            weight_decay: None,
            smoothing: None,
            metric: None,
            class_weights: None,
            calibration: None,
            last_epoch: false,
            threads: None,
            trainer: Arc::new(|trainer| trainer),
            on_epoch: Arc::new(|_| ControlFlow::Continue(())),
        }
    }
}

impl Recipe {
    /// Returns the number of rows in a minibatch, for this many training rows.
    pub(super) fn batch_size(&self, rows: usize) -> usize {
        let default = || self.preset.batch_size(rows);
        self.batch_size.unwrap_or_else(default)
    }

    /// Returns the progress after an epoch.
    pub(super) fn progress(&self, trial: usize, fold: usize, epoch: &Epoch) -> Progress {
        Progress {
            trial,
            fold,
            folds: self.folds.unwrap_or_default(),
            epoch: epoch.number,
            epochs: self.epochs,
            loss: epoch.loss,
            held_out_loss: epoch.validation_loss.unwrap_or(f64::NAN),
        }
    }

    /// Returns the threads that train networks side by side.
    pub(super) fn pool(&self) -> Result<Threads> {
        match self.threads {
            None => Ok(Threads::all()),
            Some(count) => Threads::exactly(count),
        }
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe")
            .field("preset", &self.preset)
            .field("columns", &self.columns)
            .field("folds", &self.folds)
            .field("splitter", &self.splitter)
            .field("epochs", &self.epochs)
            .field("time_budget", &self.time_budget)
            .field("batch_size", &self.batch_size)
            .field("seed", &self.seed)
            .field("hidden", &self.hidden)
            .field("activation", &self.activation)
            .field("learning_rate", &self.learning_rate)
            .field("dropout", &self.dropout)
            .field("weight_decay", &self.weight_decay)
            .field("smoothing", &self.smoothing)
            .field("metric", &self.metric)
            .field("class_weights", &self.class_weights)
            .field("calibration", &self.calibration)
            .field("last_epoch", &self.last_epoch)
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}
