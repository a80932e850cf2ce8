//! Schedules of RealMLP's recipe for tables.

use core::f64::consts::{LN_2, PI};

use super::annealing::{fraction_done, half_cosine};
use super::{Progress, Schedule};
use crate::error::{Error, Result};
use crate::math;

/// Rises and falls between 0 and the base, in cycles that grow longer and longer.
///
/// With k = `cycles` and t = `step / total_steps`:
///
/// ```text
/// rate = base · (1 - cos(2π · log2(1 + (2^k - 1) · t))) / 2
/// ```
///
/// Cycle i of k ends at t = (2^i - 1) / (2^k - 1), where the rate is 0. With four cycles, these are
/// 1/15, 3/15, 7/15 and 1. The parameters are usually good there, so these are the epochs to
/// compare runs at. The rate of the first update is 0.
///
/// Holzmüller, Grinsztajn and Steinwart, 2024, [arXiv:2407.04491](https://arxiv.org/abs/2407.04491),
/// who call it `coslog` with the number of cycles.
///
/// ```
/// use feedforward::schedule::{CosineLog, Progress, Schedule};
///
/// let at = |step| CosineLog::default().rate(0.04, &Progress::after(step, 1500));
/// assert!((at(42) - 0.04).abs() < 1e-4); // near the first maximum
/// assert!(at(100) < 1e-15 && at(300) < 1e-15 && at(700) < 1e-15);
/// ```
#[doc(alias = "coslog4")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CosineLog {
    /// Number of cycles. Range: 1 to 52. Default: 4.
    pub cycles: usize,
}

/// Maximum number of cycles. With more, 2^k - 1 would be rounded.
const MOST_CYCLES: usize = 52;

impl Default for CosineLog {
    fn default() -> Self {
        Self { cycles: 4 }
    }
}

impl Schedule for CosineLog {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        let cycles = self.cycles.min(MOST_CYCLES) as u64;
        let growth = math::power(2.0, cycles) - 1.0;
        let done = math::ln(1.0 + growth * fraction_done(progress)) / LN_2;
        // The square equals (1 - cos(2π · done)) / 2, and is never below 0.
        let sine = math::sin(PI * done);
        base * (sine * sine)
    }

    fn spans_all_updates(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        if (1..=MOST_CYCLES).contains(&self.cycles) {
            return Ok(());
        }
        let what = "cycles of the cosine-log schedule";
        Err(Error::invalid_setting(what, "1 to 52", self.cycles))
    }
}

/// The base during the first half of all updates, then half a cosine to 0.
///
/// ```text
/// rate = base · (1 + cos(π · (max(1, 2t) - 1))) / 2,   t = step / total_steps
/// ```
///
/// RealMLP's `flat_cos`, which schedules its dropout and its weight decay. See
/// [`Trainer::dropout_schedule`](crate::Trainer::dropout_schedule).
///
/// Holzmüller, Grinsztajn and Steinwart, 2024, [arXiv:2407.04491](https://arxiv.org/abs/2407.04491).
///
/// ```
/// use feedforward::schedule::{FlatCosine, Progress, Schedule};
///
/// let at = |step| FlatCosine.rate(0.15, &Progress::after(step, 100));
/// assert_eq!([at(0), at(50)], [0.15; 2]);
/// assert!((at(75) - 0.075).abs() < 1e-15);
/// assert_eq!(at(100), 0.0);
/// ```
#[doc(alias = "flat_cos")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct FlatCosine;

impl Schedule for FlatCosine {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        let falling = (2.0 * fraction_done(progress)).max(1.0) - 1.0;
        half_cosine(base, 0.0, falling)
    }

    fn spans_all_updates(&self) -> bool {
        true
    }
}
