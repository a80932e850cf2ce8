//! Learning-rate schedules, which are functions of the progress of a training run.
//!
//! | schedule | learning rate | changes with every |
//! |---|---|---|
//! | [`Constant`] | the base, which is the optimizer's own rate | |
//! | [`Linear`] | a straight line to a floor at the end of the run | update |
//! | [`Cosine`] | half a cosine to a floor at the end of the run | update |
//! | [`CosineRestarts`] | half a cosine to a floor, repeated over growing periods | update |
//! | [`CosineLog`] | rises from 0 to the base and back, in cycles of growing length | update |
//! | [`FlatCosine`] | the base for half of the run, then half a cosine to 0 | update |
//! | [`OneCycle`] | a rise to the base, then a fall far below the initial rate | update |
//! | [`InverseScaling`] | the base divided by a power of the number of samples seen | epoch |
//! | [`StepDecay`] | multiplied by a factor after every n epochs | epoch |
//! | [`ExponentialDecay`] | multiplied by a factor after each epoch | epoch |
//! | [`WarmUp`] | a linear rise over the first updates, then another schedule | update |
//!
//! A schedule has no state, so a resumed run has the same rates as an uninterrupted one.
//! `Linear`, `Cosine`, `CosineLog`, `FlatCosine` and `OneCycle` reach their end only if the run
//! does not stop early.

#![cfg(target_has_atomic = "ptr")]

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt::Debug;

use crate::error::{Result, check_range};

mod annealing;
mod decay;
mod tabular;
mod warm_up;

pub use annealing::{Cosine, CosineRestarts, Linear, OneCycle};
pub use decay::{ExponentialDecay, InverseScaling, StepDecay};
pub use tabular::{CosineLog, FlatCosine};
pub use warm_up::WarmUp;

/// Progress of a training run before its next update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct Progress {
    /// Number of updates done.
    pub step: u64,
    /// Number of epochs done.
    pub epoch: usize,
    /// Number of samples seen, counted again in every epoch.
    pub samples: u64,
    /// Value of `samples` at the start of the current epoch. After
    /// [`TrainerState::restart`](crate::TrainerState::restart), it may be above 0 even in the first
    /// epoch.
    pub samples_before_epoch: u64,
    /// Number of updates in the training run if it does not stop early.
    pub total_steps: u64,
}

impl Progress {
    /// Returns the progress after `step` of `total_steps` updates, to try out a schedule.
    ///
    /// Epochs and samples are 0.
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
/// A schedule of your own takes a few lines:
///
/// ```
/// use feedforward::schedule::{Progress, Schedule};
///
/// /// A rate that falls with the square root of the number of updates.
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
    /// Returns the rate of the next update. `base` is the optimizer's own rate.
    fn rate(&self, base: f64, progress: &Progress) -> f64;

    /// Returns `true` if the rate depends on the fraction of all updates that are done
    /// (`step / total_steps`). Default: `false`.
    ///
    /// Such a schedule has no rate after the last update.
    /// [`Trainer::partial_fit`](crate::Trainer::partial_fit) then returns an error.
    fn spans_all_updates(&self) -> bool {
        false
    }

    /// Checks the schedule's own settings, once before a training run.
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

/// A constant rate: the optimizer's own.
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
