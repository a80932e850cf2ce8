//! Learning-rate schedules: plain functions of the progress of a training run.
//!
//! | schedule | learning rate | changes with every |
//! |---|---|---|
//! | [`Constant`] | the optimizer's own, the base | |
//! | [`Linear`] | a straight line to a floor at the end of the run | update |
//! | [`Cosine`] | half a cosine to a floor at the end of the run | update |
//! | [`CosineRestarts`] | half a cosine again and again, each time for longer | update |
//! | [`OneCycle`] | a rise to the base and a long fall far below the start | update |
//! | [`InverseScaling`] | base / (n + 1)^power, n the samples seen; scikit-learn's `invscaling` | epoch |
//! | [`StepDecay`] | times a factor every few epochs | epoch |
//! | [`ExponentialDecay`] | times a factor after each epoch | epoch |
//! | [`WarmUp`] | a straight rise over the first updates, then another schedule | update |
//!
//! A schedule has no state: a run that resumes gets the rates of one that was never interrupted.
//! `Linear`, `Cosine` and `OneCycle` reach their end only if nothing stops the run early.

#![cfg(target_has_atomic = "ptr")]

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::Debug;

use crate::error::{Result, check_range};

mod annealing;
mod decay;
mod warm_up;

pub use annealing::{Cosine, CosineRestarts, Linear, OneCycle};
pub use decay::{ExponentialDecay, InverseScaling, StepDecay};
pub use warm_up::WarmUp;

/// Progress of a training run, before the update that asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Progress {
    /// Updates done.
    pub step: u64,
    /// Epochs done.
    pub epoch: usize,
    /// Samples seen, counted again in every epoch.
    pub samples: u64,
    /// Samples seen in the epochs that are done: `samples` when this epoch began. In the
    /// first epoch of a training that goes on from another one, it may be above 0.
    pub samples_before_epoch: u64,
    /// Updates that the training will make if nothing stops it early.
    pub total_steps: u64,
}

impl Progress {
    /// Progress after this many updates of a total, for trying out a schedule. Epochs and samples
    /// are 0.
    pub fn after(step: u64, total_steps: u64) -> Self {
        Self {
            step,
            total_steps,
            ..Self::default()
        }
    }
}

/// A learning rate as a function of progress.
///
/// Your own takes a few lines:
///
/// ```
/// use feedforward::schedule::{Progress, Schedule};
///
/// /// The rate falls with the root of the number of updates.
/// #[derive(Debug)]
/// struct InverseRoot;
///
/// impl Schedule for InverseRoot {
///     fn rate(&self, base: f64, progress: &Progress) -> f64 {
///         base / (progress.step as f64 + 1.0).sqrt()
///     }
/// }
///
/// assert_eq!(InverseRoot.rate(0.1, &Progress::after(99, 1000)), 0.01);
/// ```
pub trait Schedule: Debug + Send + Sync {
    /// The rate for the next update, where `base` is the optimizer's own.
    fn rate(&self, base: f64, progress: &Progress) -> f64;

    /// Returns whether the rate follows the fraction of all updates that is done
    /// (`step / total_steps`), so that after the last one there is nothing left to follow.
    /// Default: `false`.
    ///
    /// [`Trainer::partial_fit`](crate::Trainer::partial_fit) refuses to go on after that.
    fn spans_all_updates(&self) -> bool {
        false
    }

    /// Checks the schedule's own settings, once before a training.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

macro_rules! pointers {
    ($($pointer:ident),*) => {$(
        impl<S: Schedule + ?Sized> Schedule for $pointer<S> {
            fn rate(&self, base: f64, progress: &Progress) -> f64 {
                (**self).rate(base, progress)
            }

            fn spans_all_updates(&self) -> bool {
                (**self).spans_all_updates()
            }

            fn check(&self) -> Result<()> {
                (**self).check()
            }
        }
    )*};
}
pointers! { Box, Arc }

/// The optimizer's own rate, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Constant;

impl Schedule for Constant {
    fn rate(&self, base: f64, _: &Progress) -> f64 {
        base
    }
}

pub(crate) fn check_zero_or_above(what: &'static str, value: f64) -> Result<()> {
    check_range(what, value, 0.0..=f64::MAX, "a finite number, 0 or above")
}

#[cfg(test)]
mod tests;
