//! Rates that fall from epoch to epoch.

use super::{Progress, Schedule, check_zero_or_above};
use crate::error::{Result, check_count, check_range};
use crate::math;

/// A rate that falls with a power of the number of samples seen, as in scikit-learn's
/// `learning_rate="invscaling"`.
///
/// ```text
/// rate = base / (n + 1)^power
/// ```
///
/// Here n is the number of samples seen at the start of the epoch. scikit-learn calls the power
/// `power_t`. The rate falls fast: after one epoch of 10,000 samples, the default power leaves a
/// hundredth of the base.
///
/// The rate of epoch 0 is the base for any n. As in scikit-learn, a warm start begins with the base
/// again but keeps counting samples, so its rate falls further after its first epoch.
#[doc(alias = "invscaling")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InverseScaling {
    /// Exponent. Range: at least 0. Default: 0.5.
    pub power: f64,
}

impl Default for InverseScaling {
    fn default() -> Self {
        Self { power: 0.5 }
    }
}

impl Schedule for InverseScaling {
    #[allow(clippy::float_cmp)] // only a power of exactly 0.5 is a square root
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        if progress.epoch == 0 {
            return base;
        }
        let n = progress.samples_before_epoch as f64 + 1.0;
        // Square roots are bit-identical on every platform. Results of `powf` may differ.
        let divisor = if self.power == 0.5 {
            math::sqrt(n)
        } else {
            num_traits::Float::powf(n, self.power)
        };
        base / divisor
    }

    fn check(&self) -> Result<()> {
        check_zero_or_above("power of the inverse scaling", self.power)
    }
}

/// A rate that is multiplied by a factor after every n epochs, as in PyTorch's `StepLR`.
///
/// ```text
/// rate = base · factor^⌊epochs done / every⌋
/// ```
#[doc(alias = "StepLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StepDecay {
    /// Number n of epochs between two changes. Range: at least 1.
    pub every: usize,
    /// Factor of the rate. Range: above 0. Usual: 0.1.
    pub factor: f64,
}

impl Schedule for StepDecay {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        base * math::power(self.factor, (progress.epoch / self.every.max(1)) as u64)
    }

    fn check(&self) -> Result<()> {
        check_count("epochs between two steps of the learning rate", self.every)?;
        check_factor(self.factor)
    }
}

/// A rate that is multiplied by a factor after each epoch, as in PyTorch's `ExponentialLR`.
///
/// ```text
/// rate = base · factor^(epochs done)
/// ```
#[doc(alias = "ExponentialLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ExponentialDecay {
    /// Factor of the rate after each epoch. Range: above 0. Usual: slightly below 1.
    pub factor: f64,
}

impl Schedule for ExponentialDecay {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        base * math::power(self.factor, progress.epoch as u64)
    }

    fn check(&self) -> Result<()> {
        check_factor(self.factor)
    }
}

fn check_factor(factor: f64) -> Result<()> {
    let (what, range) = ("factor of the learning rate", f64::MIN_POSITIVE..=f64::MAX);
    check_range(what, factor, range, "a finite number above 0")
}
