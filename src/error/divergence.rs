//! Why a training diverged.

use core::fmt;

use super::checks::Number;

/// Why a training most likely diverged.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum DivergenceCause {
    /// Inputs far from where weights of usual size expect them.
    Inputs {
        /// The smallest input.
        low: f64,
        /// The largest input.
        high: f64,
    },
    /// Targets so large that errors, and with them gradients, are.
    Targets {
        /// The smallest target.
        low: f64,
        /// The largest target.
        high: f64,
    },
    /// A loss that grows like an exponential, and overflows at outputs of a thousand.
    Loss,
    /// None of these, so steps that are too long.
    LearningRate {
        /// The rate of the last update.
        rate: f64,
    },
}

impl DivergenceCause {
    /// What it is, and what to do about it.
    pub(crate) fn advise(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inputs { low, high } => write!(
                f,
                "the inputs, which lie in [{}, {}]; scale them to about [-1, 1], for example by a Scaler",
                Number(*low),
                Number(*high)
            ),
            Self::Targets { low, high } => write!(
                f,
                "the targets, which lie in [{}, {}]; scale them to about [-1, 1], for example by a Scaler",
                Number(*low),
                Number(*high)
            ),
            Self::Loss => f.write_str(
                "the loss, which grows like an exponential; clip the gradient or use a smaller learning rate",
            ),
            Self::LearningRate { rate } => write!(
                f,
                "the learning rate, {}; try a tenth of it, or clip the gradient",
                Number(*rate)
            ),
        }
    }
}

impl fmt::Display for DivergenceCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Likely cause: ")?;
        self.advise(f)
    }
}

impl core::error::Error for DivergenceCause {}
