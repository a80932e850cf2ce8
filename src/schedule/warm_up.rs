//! A rise before another schedule.

use super::{Constant, Progress, Schedule};
use crate::error::Result;

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
/// let at = |step| schedule.rate(1.0, &Progress::after(step, 110));
/// assert_eq!(at(0), 0.1);
/// assert_eq!(at(9), 1.0);
/// assert!((at(60) - 0.5).abs() < 1e-12); // halfway through the cosine's 100 updates
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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

    fn spans_all_updates(&self) -> bool {
        self.then.spans_all_updates()
    }

    fn check(&self) -> Result<()> {
        self.then.check()
    }
}
