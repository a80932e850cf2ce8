//! Causes of a diverged training run.

use core::fmt;

use super::checks::Number;

/// The most likely cause of a diverged training run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum DivergenceCause {
    /// Inputs too large for initial weights of the usual size.
    Inputs {
        /// The smallest input.
        low: f64,
        /// The largest input.
        high: f64,
    },
    /// Encoding whose output is NaN or infinite for at least one sample.
    Encoding {
        /// The output.
        value: f64,
    },
    /// Targets so large that errors and gradients become large as well.
    Targets {
        /// The smallest target.
        low: f64,
        /// The largest target.
        high: f64,
    },
    /// A loss that grows exponentially, and overflows at outputs of about a thousand.
    Loss,
    /// Steps that are too long. None of the other causes applies.
    LearningRate {
        /// The learning rate of the last update.
        rate: f64,
    },
}

impl DivergenceCause {
    /// Writes the cause, and advice on how to avoid it.
    pub(crate) fn advise(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inputs { low, high } => write!(
                f,
                "the inputs, which lie in [{}, {}]; scale them to about [-1, 1], for example by a Scaler",
                Number(*low),
                Number(*high)
            ),
            Self::Encoding { value } => write!(
                f,
                "the encoding, which returned {} for a sample; check the encoding, or scale its inputs",
                Number(*value)
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
