//! Rates that change with every update: straight lines and cosines.

use core::f64::consts::PI;

use super::{Progress, Schedule, check_zero_or_above};
use crate::error::{Result, check_count, check_range};
use crate::math;

/// A straight line, over all updates of the training, from the base to a floor:
/// base + (floor - base) step / `total_steps`.
///
/// PyTorch's `PolynomialLR` with power 1, where the floor is 0, and its `LinearLR` with
/// `start_factor` 1 and the floor as a fraction of the base.
///
/// ```
/// use feedforward::schedule::{Linear, Progress, Schedule};
///
/// let halfway = Progress::after(50, 100);
/// assert_eq!(Linear::default().rate(0.5, &halfway), 0.25);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Linear {
    /// Learning rate at the end, not a fraction. Range: at least 0. Default: 0.
    pub floor: f64,
}

impl Schedule for Linear {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        base + (self.floor - base) * fraction_done(progress)
    }

    fn spans_all_updates(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_zero_or_above("floor of the linear schedule", self.floor)
    }
}

/// Half a cosine, over all updates of the training, from the base to a floor:
/// floor + (base - floor) (1 + cos(pi step / `total_steps`)) / 2.
///
/// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017,
/// without the restarts ([`CosineRestarts`]): PyTorch's `CosineAnnealingLR`, whose `eta_min`
/// is the floor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cosine {
    /// Learning rate at the end, not a fraction. Range: at least 0. Default: 0.
    pub floor: f64,
}

impl Schedule for Cosine {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        half_cosine(base, self.floor, fraction_done(progress))
    }

    fn spans_all_updates(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        check_zero_or_above("floor of the cosine schedule", self.floor)
    }
}

/// Half a cosine from the base to a floor, again and again, each time for longer: SGDR.
///
/// floor + (base - floor) (1 + cos(pi t / T)) / 2, where T is `period` updates at first, and
/// `multiplier` times as many after each restart, and t is the number of updates since
/// the last one. The floor itself is not reached: in its place comes the restart.
///
/// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
/// PyTorch's `CosineAnnealingWarmRestarts`, stepped after every update, where the settings are
/// called `T_0`, `T_mult` and `eta_min`. A period in epochs is so many times the updates of
/// one epoch, the number of samples over the batch size, rounded up.
///
/// ```
/// use feedforward::schedule::{CosineRestarts, Progress, Schedule};
///
/// let schedule = CosineRestarts { period: 10, multiplier: 2, floor: 0.0 };
/// let at = |step| schedule.rate(1.0, &Progress::after(step, 0));
/// assert!((at(5) - 0.5).abs() < 1e-15);
/// assert_eq!(at(10), 1.0); // the first restart
/// assert!((at(20) - 0.5).abs() < 1e-15);
/// assert_eq!(at(30), 1.0); // the second
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CosineRestarts {
    /// Number of updates until the first restart. Range: at least 1.
    pub period: u64,
    /// Factor of the period after each restart. Range: at least 1. Usual: 1 or 2.
    pub multiplier: u64,
    /// Learning rate at the end of each cosine, not a fraction. Range: at least 0. Usual: 0.
    pub floor: f64,
}

impl Schedule for CosineRestarts {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        let mut period = self.period.max(1);
        let mut since = progress.step;
        if self.multiplier <= 1 {
            since %= period;
        }
        while since >= period {
            since -= period;
            period = period.saturating_mul(self.multiplier);
        }
        half_cosine(base, self.floor, since as f64 / period as f64)
    }

    fn check(&self) -> Result<()> {
        check_count("period of the cosine restarts", self.period)?;
        check_count("multiplier of the cosine restarts", self.multiplier)?;
        check_zero_or_above("floor of the cosine restarts", self.floor)
    }
}

/// One rise to the base, the largest rate, and one long fall far below the start, both half
/// cosines.
///
/// With n = `total_steps`, from base / `start_divisor` in update 0 to the base in update
/// `rise` n - 1, and from there to base / (`start_divisor` `end_divisor`) in update n - 1.
///
/// Smith and Topin, "Super-convergence: very fast training of neural networks using large
/// learning rates", 2018. PyTorch's `OneCycleLR` with its defaults (`anneal_strategy` "cos",
/// `three_phase` false), where the settings are called `pct_start`, `div_factor` and
/// `final_div_factor`; but for `cycle_momentum`, which must be false there: the momentum stays
/// what the optimizer says.
///
/// ```
/// use feedforward::schedule::{OneCycle, Progress, Schedule};
///
/// let at = |step| {
///     let progress = Progress::after(step, 100);
///     OneCycle::default().rate(1.0, &progress)
/// };
/// assert!((at(0) - 0.04).abs() < 1e-15);
/// assert_eq!(at(29), 1.0);
/// assert!((at(99) - 4e-6).abs() < 1e-15);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OneCycle {
    /// Part of the updates in which the rate rises. Range: [0, 1). Default: 0.3.
    pub rise: f64,
    /// Divisor of the base at the start. Range: at least 1. Default: 25.
    pub start_divisor: f64,
    /// Divisor of the first rate at the end. Range: at least 1. Default: 1e4.
    pub end_divisor: f64,
}

impl Default for OneCycle {
    fn default() -> Self {
        Self {
            rise: 0.3,
            start_divisor: 25.0,
            end_divisor: 1e4,
        }
    }
}

impl Schedule for OneCycle {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        let start = base / self.start_divisor;
        let end = start / self.end_divisor;
        let step = progress.step as f64;
        let total = progress.total_steps.max(1) as f64;
        // Below 0 if the rise would take less than an update: then the fall has begun before.
        let peak = self.rise * total - 1.0;
        if step < peak {
            half_cosine(start, base, step / peak)
        } else {
            half_cosine(base, end, ((step - peak) / (total - 1.0 - peak)).min(1.0))
        }
    }

    fn spans_all_updates(&self) -> bool {
        true
    }

    fn check(&self) -> Result<()> {
        let (what, range) = ("rise of the one-cycle schedule", 0.0..1.0);
        check_range(what, self.rise, range, "at least 0 and below 1")?;
        let (range, expected) = (1.0..=f64::MAX, "a finite number, at least 1");
        let what = "start divisor of the one-cycle schedule";
        check_range(what, self.start_divisor, range.clone(), expected)?;
        let what = "end divisor of the one-cycle schedule";
        check_range(what, self.end_divisor, range, expected)
    }
}

fn fraction_done(progress: &Progress) -> f64 {
    let total = progress.total_steps.max(1) as f64;
    (progress.step as f64 / total).min(1.0)
}

/// Half a cosine between two rates, at `done` of the way in [0, 1].
fn half_cosine(from: f64, to: f64, done: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + math::cos(PI * done))
}
