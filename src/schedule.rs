//! Learning-rate schedules: plain functions of how far the training has come.
//!
//! Nothing of them needs saving: a training that resumes asks for the same rates. Those
//! that count epochs change between epochs, the others with every update.

use std::f64::consts::PI;
use std::fmt::Debug;

use crate::error::{Error, Result, check_range};
use crate::math;

/// How far a training has come, before the update that asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Updates done.
    pub step: u64,
    /// Epochs done.
    pub epoch: usize,
    /// Samples seen, counted again in every epoch.
    pub samples: u64,
    /// Samples seen in the epochs that are done: `samples` when this epoch began.
    pub samples_before_epoch: u64,
    /// Updates that the training will make if nothing stops it early.
    pub total_steps: u64,
}

/// A learning rate as a function of progress.
///
/// Your own takes a few lines:
///
/// ```
/// use feedforward::schedule::{Progress, Schedule};
///
/// /// The rate falls in a straight line, to zero at the end.
/// #[derive(Debug)]
/// struct Linear;
///
/// impl Schedule for Linear {
///     fn rate(&self, base: f64, progress: &Progress) -> f64 {
///         base * (1.0 - progress.step as f64 / progress.total_steps as f64)
///     }
/// }
///
/// let halfway = Progress { step: 50, total_steps: 100, ..Progress::default() };
/// assert_eq!(Linear.rate(0.1, &halfway), 0.05);
/// ```
pub trait Schedule: Debug + Send + Sync {
    /// The rate for the next update, where `base` is the optimizer's own.
    fn rate(&self, base: f64, progress: &Progress) -> f64;

    /// Checks the schedule's own settings, once before a training.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl<S: Schedule + ?Sized> Schedule for Box<S> {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        (**self).rate(base, progress)
    }

    fn check(&self) -> Result<()> {
        (**self).check()
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

/// base / (n + 1)^power, where n is the number of samples seen when the epoch began.
///
/// scikit-learn's `learning_rate="invscaling"`, where the power is called `power_t` and
/// the rate of the first epoch is the base. It falls fast: after one epoch of 10,000
/// samples the default power leaves a hundredth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InverseScaling {
    /// The exponent, 0 or above: 0.5.
    pub power: f64,
}

impl Default for InverseScaling {
    fn default() -> Self {
        Self { power: 0.5 }
    }
}

impl Schedule for InverseScaling {
    #[allow(clippy::float_cmp)] // the power that is exactly a root
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        if progress.epoch == 0 {
            return base;
        }
        let n = progress.samples_before_epoch as f64 + 1.0;
        // A root has the same bits on every platform, `powf` may not.
        let divisor = if self.power == 0.5 {
            n.sqrt()
        } else {
            n.powf(self.power)
        };
        base / divisor
    }

    fn check(&self) -> Result<()> {
        let range = 0.0..=f64::MAX;
        let what = "power of the inverse scaling";
        check_range(what, self.power, range, "a finite number, 0 or above")
    }
}

/// base factor^(number of whole periods of `every` epochs done): PyTorch's `StepLR`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepDecay {
    /// Epochs between two changes, at least 1.
    pub every: usize,
    /// What the rate is multiplied with, above 0: 0.1 is usual.
    pub factor: f64,
}

impl Schedule for StepDecay {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        base * math::power(self.factor, (progress.epoch / self.every.max(1)) as u64)
    }

    fn check(&self) -> Result<()> {
        if self.every == 0 {
            let what = "epochs between two steps of the learning rate";
            return Err(Error::out_of_range(what, "at least 1", self.every));
        }
        check_factor(self.factor)
    }
}

/// base factor^(epochs done): PyTorch's `ExponentialLR`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialDecay {
    /// What the rate is multiplied with after each epoch, above 0: slightly below 1.
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
    let range = f64::MIN_POSITIVE..=f64::MAX;
    let what = "factor of the learning rate";
    check_range(what, factor, range, "a finite number above 0")
}

/// Half a cosine, over all updates of the training, from the base to a floor:
/// floor + (base - floor) (1 + cos(pi step / `total_steps`)) / 2.
///
/// Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017,
/// without the restarts: PyTorch's `CosineAnnealingLR`, whose `eta_min` is the floor.
/// It means what its name says only if nothing stops the training early.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cosine {
    /// The rate at the end, 0 or above, as a learning rate and not as a fraction: 0.
    pub floor: f64,
}

impl Schedule for Cosine {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        let total = progress.total_steps.max(1) as f64;
        let done = (progress.step as f64 / total).min(1.0);
        self.floor + (base - self.floor) * 0.5 * (1.0 + math::cos(PI * done))
    }

    fn check(&self) -> Result<()> {
        let range = 0.0..=f64::MAX;
        let what = "floor of the cosine schedule";
        check_range(what, self.floor, range, "a finite number, 0 or above")
    }
}

/// A straight rise over the first updates, 1/steps, 2/steps, ... of what another schedule
/// says, and then that schedule.
///
/// To the other one, the training begins after the rise: its `step` is 0 until then, and
/// its `total_steps` are those that remain. Epochs and samples it sees as they are.
/// Goyal et al., "Accurate, large minibatch SGD", 2017.
///
/// ```
/// use feedforward::schedule::{Cosine, Progress, Schedule, WarmUp};
///
/// let schedule = WarmUp { steps: 10, then: Cosine::default() };
/// let at = |step| {
///     let progress = Progress { step, total_steps: 110, ..Progress::default() };
///     schedule.rate(1.0, &progress)
/// };
/// assert_eq!(at(0), 0.1);
/// assert_eq!(at(9), 1.0);
/// assert!((at(60) - 0.5).abs() < 1e-12); // halfway through the cosine's 100 updates
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmUp<S = Constant> {
    /// Updates until the full rate.
    pub steps: u64,
    /// The schedule that follows; a `Box<dyn Schedule>` may be one.
    pub then: S,
}

impl<S: Schedule> Schedule for WarmUp<S> {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        let after = Progress {
            step: progress.step.saturating_sub(self.steps),
            total_steps: progress.total_steps.saturating_sub(self.steps),
            ..*progress
        };
        let rate = self.then.rate(base, &after);
        if progress.step < self.steps {
            rate * ((progress.step + 1) as f64 / self.steps as f64)
        } else {
            rate
        }
    }

    fn check(&self) -> Result<()> {
        self.then.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Before each of five epochs of 40 updates with 10 samples each.
    fn epochs(schedule: &dyn Schedule) -> Vec<f64> {
        (0..5)
            .map(|epoch| {
                let at = |step| {
                    let progress = Progress {
                        step: 40 * epoch + step,
                        epoch: epoch as usize,
                        samples: 10 * (40 * epoch + step),
                        samples_before_epoch: 400 * epoch,
                        total_steps: 200,
                    };
                    schedule.rate(0.1, &progress)
                };
                assert!((at(0) - at(39)).abs() < 1e-300, "constant within an epoch");
                at(0)
            })
            .collect()
    }

    fn assert_close(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (g, e) in got.iter().zip(expected) {
            assert!(
                (g - e).abs() <= 1e-15 * e,
                "{got:?} instead of {expected:?}"
            );
        }
    }

    #[test]
    fn epoch_schedules_follow_their_formulas() {
        assert_close(&epochs(&Constant), &[0.1; 5]);
        let inverse = [0.0, 400.0, 800.0, 1200.0, 1600.0].map(|n: f64| 0.1 / (n + 1.0).sqrt());
        assert_close(&epochs(&InverseScaling::default()), &inverse);
        assert_close(&epochs(&InverseScaling { power: 0.0 }), &[0.1; 5]);
        let halves = StepDecay {
            every: 2,
            factor: 0.5,
        };
        assert_close(&epochs(&halves), &[0.1, 0.1, 0.05, 0.05, 0.025]);
        let exponential = ExponentialDecay { factor: 0.9 };
        assert_close(&epochs(&exponential), &[0.1, 0.09, 0.081, 0.0729, 0.06561]);
    }

    #[test]
    fn cosine_goes_from_the_base_to_the_floor() {
        let at = |schedule: &dyn Schedule, step, total_steps| {
            let progress = Progress {
                step,
                total_steps,
                ..Progress::default()
            };
            schedule.rate(0.1, &progress)
        };
        let zero = Cosine::default();
        let rates: Vec<_> = (0..=100).map(|step| at(&zero, step, 100)).collect();
        assert!(rates.windows(2).all(|pair| pair[0] > pair[1]));
        assert!((rates[0] - 0.1).abs() < 1e-16 && (rates[50] - 0.05).abs() < 1e-16);
        assert!(rates[100].abs() < 1e-16);
        let floor = Cosine { floor: 0.02 };
        assert!((at(&floor, 50, 100) - 0.06).abs() < 1e-16);
        // Beyond the end, and without one.
        assert!((at(&floor, 150, 100) - 0.02).abs() < 1e-16);
        assert!((at(&floor, 0, 0) - 0.1).abs() < 1e-16);
    }

    #[test]
    fn warm_up_rises_and_hands_over() {
        let at = |schedule: &dyn Schedule, step| {
            let progress = Progress {
                step,
                total_steps: 20,
                ..Progress::default()
            };
            schedule.rate(0.1, &progress)
        };
        let warm = WarmUp {
            steps: 4,
            then: Constant,
        };
        let rates: Vec<_> = (0..6).map(|step| at(&warm, step)).collect();
        assert_close(&rates, &[0.025, 0.05, 0.075, 0.1, 0.1, 0.1]);
        let cold = WarmUp {
            steps: 0,
            then: Box::new(Constant) as Box<dyn Schedule>,
        };
        assert_close(&[at(&cold, 0)], &[0.1]);
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, -0.5] {
            let bads: [&dyn Schedule; 5] = [
                &InverseScaling { power: bad },
                &ExponentialDecay { factor: bad },
                &StepDecay {
                    every: 1,
                    factor: bad,
                },
                &Cosine { floor: bad },
                &WarmUp {
                    steps: 1,
                    then: ExponentialDecay { factor: bad },
                },
            ];
            for schedule in bads {
                assert!(schedule.check().is_err(), "{schedule:?}");
            }
        }
        let never = StepDecay {
            every: 0,
            factor: 0.5,
        };
        assert!(never.check().is_err());
        let progress = Progress {
            epoch: 3,
            ..Progress::default()
        };
        assert!(never.rate(1.0, &progress).is_finite());
    }
}
