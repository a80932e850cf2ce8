//! Samples that judge epochs.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::split::{Split, classes, split};
use crate::error::Result;
use crate::float::Float;
use crate::metrics::Score;
use crate::mlp::{CheckedSamples, Samples};

/// Samples that are not trained on: their loss is measured after each epoch, for the
/// [history](super::History), [early stopping](super::Trainer::early_stopping) and
/// [plateaus](super::ReduceOnPlateau).
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
    /// A fraction, and whether it is stratified. `None`: as the model says that it trains, or else
    /// not.
    Split(f64, Option<bool>),
    /// Inputs, targets and weights.
    Set(Vec<T>, Vec<T>, Option<Vec<T>>),
}

impl<T: Float> Validation<T> {
    /// Sets aside this fraction of the samples, rounded up and at least 2, drawn by the trainer's
    /// seed. They keep their weights.
    pub fn split(fraction: f64) -> Self {
        Self::of(Source::Split(fraction, None))
    }

    /// Takes samples of their own: `inputs` row-major `[samples x inputs]`, `targets`
    /// `[samples x outputs]`.
    pub fn set(inputs: impl Into<Vec<T>>, targets: impl Into<Vec<T>>) -> Self {
        Self::of(Source::Set(inputs.into(), targets.into(), None))
    }

    /// Takes samples of their own, as [`set`](Self::set) does, with a weight for each.
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

    /// Lets a split keep the fraction of each class on both sides, where a class is all samples
    /// with the same target. For classification, with any number of classes. A set stays as it
    /// is. Default: `true` in [`Classifier::fit`](crate::Classifier::fit), `false` elsewhere.
    pub fn stratified(mut self, stratify: bool) -> Self {
        if let Source::Split(_, stratified) = &mut self.source {
            *stratified = Some(stratify);
        }
        self
    }

    /// Measures a score too. The score decides, instead of the loss, which epoch was best and
    /// when to stop early.
    pub fn score(mut self, score: impl Score<T> + 'static) -> Self {
        self.score = Some(Arc::new(score));
        self
    }

    /// Returns the rows to train on and those to hold out.
    pub(super) fn rows(&self, all: &CheckedSamples<'_, T>, seed: u64) -> Result<Split> {
        match self.source {
            Source::Split(fraction, stratified) => {
                let classes = stratified.unwrap_or(false).then(|| classes(all));
                split(all.len(), fraction, seed, classes.as_deref())
            }
            Source::Set(..) => Ok(Split::all(all.len())),
        }
    }

    /// Returns the set, or these samples of a split.
    pub(super) fn samples<'a>(&'a self, held_out: Samples<'a, T>) -> Samples<'a, T> {
        let Source::Set(inputs, targets, weights) = &self.source else {
            return held_out;
        };
        let samples = Samples::new(inputs, targets);
        (weights.iter()).fold(samples, |samples, weights| samples.weights(weights))
    }
}
