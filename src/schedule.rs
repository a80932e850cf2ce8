//! Learning-rate schedules: plain functions of how far the training has come.

use std::fmt::Debug;

use crate::error::Result;

/// How far a training has come, before the update that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Updates done.
    pub step: u64,
    /// Epochs done.
    pub epoch: usize,
    /// Samples seen, counted again in every epoch.
    pub samples: u64,
    /// Updates that the training will make if nothing stops it early.
    pub total_steps: u64,
}

/// A learning rate as a function of progress.
pub trait Schedule: Debug + Send + Sync {
    /// The rate for the next update, where `base` is the optimizer's own.
    fn rate(&self, base: f64, progress: &Progress) -> f64;

    /// Checks the schedule's own settings, once before a training.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// The optimizer's own rate, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Constant;

impl Schedule for Constant {
    fn rate(&self, base: f64, _: &Progress) -> f64 {
        base
    }
}
