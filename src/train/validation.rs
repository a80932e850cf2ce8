//! Validation samples.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::strata::classes;
use crate::error::Result;
use crate::float::Float;
use crate::folds::{self, Split};
use crate::metrics::Score;
use crate::mlp::{CheckedSamples, Samples};

/// Validation samples, which are not trained on.
///
/// Their loss is measured after each epoch, for the [history](super::History),
/// [early stopping](super::Trainer::early_stopping) and [plateaus](super::ReduceOnPlateau).
///
/// ```
/// use feedforward::{Trainer, loss::SquaredError, metrics::R2, optimizer::Adam, train::Validation};
///
/// let trainer = Trainer::<f32>::new(SquaredError, Adam::new(0.01))
///     .validation(Validation::split(0.1).score(R2::default()))
///     .early_stopping(1e-4, 10);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a trainer takes it by `validation`"]
pub struct Validation<T> {
    pub(super) source: Source<T>,
    pub(super) score: Option<Arc<dyn Score<T>>>,
}

#[derive(Clone, Debug)]
pub(super) enum Source<T> {
    /// A fraction, and `Some(true)` if the split is stratified. `None` means the default, which is
    /// `true` for classifiers, otherwise `false`.
    Split(f64, Option<bool>),
    /// Inputs, targets and weights.
    Set(Vec<T>, Vec<T>, Option<Vec<T>>),
}

impl<T: Float> Validation<T> {
    /// Holds out this fraction of the training samples, rounded up and drawn by the trainer's seed.
    ///
    /// At least 2 samples must be held out. They keep their weights.
    pub fn split(fraction: f64) -> Self {
        Self::of(Source::Split(fraction, None))
    }

    /// Uses separate validation samples.
    ///
    /// `inputs` is row-major `[samples x inputs]`, `targets` is `[samples x outputs]`.
    pub fn set(inputs: impl Into<Vec<T>>, targets: impl Into<Vec<T>>) -> Self {
        Self::of(Source::Set(inputs.into(), targets.into(), None))
    }

    /// Uses separate validation samples, as [`set`](Self::set) does, with a weight for each.
    pub fn weighted_set(
        inputs: impl Into<Vec<T>>,
        targets: impl Into<Vec<T>>,
        weights: impl Into<Vec<T>>,
    ) -> Self {
        let weights = Some(weights.into());
        Self::of(Source::Set(inputs.into(), targets.into(), weights))
    }

    fn of(source: Source<T>) -> Self {
        Self {
            source,
            score: None,
        }
    }

    /// Sets whether a split keeps the proportions of the classes on both sides. Default: `true` in
    /// [`Classifier::fit`](crate::Classifier::fit), otherwise `false`.
    ///
    /// A class consists of all samples with the same target. There may be any number of classes. A
    /// separate set is not affected.
    pub fn stratified(mut self, stratify: bool) -> Self {
        if let Source::Split(_, stratified) = &mut self.source {
            *stratified = Some(stratify);
        }
        self
    }

    /// Sets a score to measure along with the loss.
    ///
    /// The score then replaces the loss in choosing the best epoch and in early stopping.
    pub fn score(mut self, score: impl Score<T> + 'static) -> Self {
        self.score = Some(Arc::new(score));
        self
    }

    /// Returns the training rows and the held-out rows.
    pub(super) fn rows(&self, all: &CheckedSamples<'_, T>, seed: u64) -> Result<Split> {
        match self.source {
            Source::Split(fraction, stratified) => {
                let classes = stratified.unwrap_or(false).then(|| classes(all));
                folds::random(
                    "validation split",
                    all.len(),
                    fraction,
                    (seed, 0),
                    classes.as_deref(),
                )
            }
            Source::Set(..) => Ok(Split::all(all.len())),
        }
    }

    /// Returns the separate set, or `held_out` for a split.
    pub(super) fn samples<'a>(&'a self, held_out: Samples<'a, T>) -> Samples<'a, T> {
        let Source::Set(inputs, targets, weights) = &self.source else {
            return held_out;
        };
        let samples = Samples::new(inputs, targets);
        (weights.iter()).fold(samples, |samples, weights| samples.weights(weights))
    }
}
