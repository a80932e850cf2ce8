//! A schedule that rises before another schedule starts.

use super::{Constant, Progress, Schedule};
use crate::error::Result;

/// A linear rise over the first updates, followed by another schedule.
///
/// ```text
/// rate = rate of the other schedule · min(1, (step + 1) / steps)
/// ```
///
/// The other schedule starts after the rise. Until then its `step` is 0, and its `total_steps` are
/// the updates that remain after the rise. It sees epochs and samples unchanged.
///
/// Goyal et al., 2017, [arXiv:1706.02677](https://arxiv.org/abs/1706.02677).
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
    /// Number of updates in the rise.
    pub steps: u64,
    /// Schedule that follows. It may be a `Box<dyn Schedule>`.
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
