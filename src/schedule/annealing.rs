//! Rates that change with every update, along straight lines and cosines.

use core::f64::consts::PI;

use super::{Progress, Schedule, check_zero_or_above};
use crate::error::{Result, check_count, check_range};
use crate::math;

/// A straight line from the base to a floor, over all updates of the training run.
///
/// ```text
/// rate = base + (floor - base) · step / total_steps
/// ```
///
/// With a floor of 0, this is PyTorch's `PolynomialLR` with power 1. With another floor, it is
/// PyTorch's `LinearLR` with a `start_factor` of 1 and an `end_factor` of floor / base.
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
    /// Learning rate at the end, not a fraction of the base. Range: at least 0. Default: 0.
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

/// Half a cosine from the base to a floor, over all updates of the training run.
///
/// ```text
/// rate = floor + (base - floor) · (1 + cos(π · step / total_steps)) / 2
/// ```
///
/// This is PyTorch's `CosineAnnealingLR`, which calls the floor `eta_min`. It is also SGDR without
/// the restarts ([`CosineRestarts`]).
///
/// Loshchilov and Hutter, 2017, [arXiv:1608.03983](https://arxiv.org/abs/1608.03983).
///
/// ```
/// use feedforward::schedule::{Cosine, Progress, Schedule};
/// use feedforward::{Trainer, loss::SquaredError, optimizer::Adam};
///
/// let schedule = Cosine { floor: 1e-5 }; // or Cosine::default(), whose floor is 0
/// let at = |step| schedule.rate(0.01, &Progress::after(step, 100));
/// assert_eq!(at(0), 0.01);
/// assert!((at(50) - (0.01 + 1e-5) / 2.0).abs() < 1e-15);
/// assert!((at(100) - 1e-5).abs() < 1e-15);
///
/// let trainer = Trainer::<f32>::new(SquaredError, Adam::new(0.01)).schedule(schedule);
/// ```
#[doc(alias = "CosineAnnealingLR")]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Cosine {
    /// Learning rate at the end, not a fraction of the base. Range: at least 0. Default: 0.
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

/// Half a cosine from the base to a floor, repeated over longer and longer periods (SGDR).
///
/// ```text
/// rate = floor + (base - floor) · (1 + cos(π · t / T)) / 2
/// ```
///
/// The first T is `period`, and each restart multiplies it by `multiplier`. t is the number of
/// updates since the last restart. The floor itself is never reached, since the restart replaces
/// it.
///
/// For a period in epochs, multiply by the updates in an epoch, which are the number of samples
/// divided by the batch size, rounded up.
///
/// This is PyTorch's `CosineAnnealingWarmRestarts`, stepped after every update. PyTorch calls the
/// settings `T_0`, `T_mult` and `eta_min`.
///
/// Loshchilov and Hutter, 2017, [arXiv:1608.03983](https://arxiv.org/abs/1608.03983).
///
/// ```
/// use feedforward::schedule::{CosineRestarts, Progress, Schedule};
///
/// let schedule = CosineRestarts { period: 10, multiplier: 2, floor: 0.0 };
/// let at = |step| schedule.rate(1.0, &Progress::after(step, 0));
/// assert!((at(5) - 0.5).abs() < 1e-15);
/// assert_eq!(at(10), 1.0); // the first restart
/// assert!((at(20) - 0.5).abs() < 1e-15);
/// assert_eq!(at(30), 1.0); // the second restart
/// ```
#[doc(alias = "SGDR")]
#[doc(alias = "CosineAnnealingWarmRestarts")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CosineRestarts {
    /// Number of updates until the first restart. Range: at least 1.
    pub period: u64,
    /// Factor of the period after each restart. Range: at least 1. Usual: 1 or 2.
    pub multiplier: u64,
    /// Learning rate at the end of each cosine, not a fraction of the base. Range: at least 0.
    /// Usual: 0.
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

/// A rise to the base, then a long fall far below the initial rate. Both are half cosines.
///
/// With n = `total_steps`, the half cosines connect three rates:
///
/// ```text
/// update          rate
/// 0               base / start_divisor
/// rise · n - 1    base
/// n - 1           base / (start_divisor · end_divisor)
/// ```
///
/// This is PyTorch's `OneCycleLR` with its defaults (`anneal_strategy` "cos", `three_phase` false),
/// except that PyTorch's `cycle_momentum` must be false. This crate leaves the momentum as the
/// optimizer sets it. PyTorch calls the settings `pct_start`, `div_factor` and `final_div_factor`.
///
/// Smith and Topin, 2018, [arXiv:1708.07120](https://arxiv.org/abs/1708.07120).
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
#[doc(alias = "OneCycleLR")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct OneCycle {
    /// Fraction of the updates in which the rate rises. Range: [0, 1). Default: 0.3.
    pub rise: f64,
    /// Divisor of the base at the start. Range: at least 1. Default: 25.
    pub start_divisor: f64,
    /// Divisor of the initial rate at the end. Range: at least 1. Default: 1e4.
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
        // Below 0 if the rise is shorter than an update. The fall then begins before update 0.
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

/// Returns the fraction of all updates that are done, in [0, 1].
pub(super) fn fraction_done(progress: &Progress) -> f64 {
    let total = progress.total_steps.max(1) as f64;
    (progress.step as f64 / total).min(1.0)
}

/// Returns the rate on half a cosine between two rates, at a fraction `done` of the way in [0, 1].
pub(super) fn half_cosine(from: f64, to: f64, done: f64) -> f64 {
    to + (from - to) * 0.5 * (1.0 + math::cos(PI * done))
}
