//! Map from outputs to predictions.

use crate::math;

/// Map from the outputs of a network, in the unit of the target, to numbers or probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Numbers as they are.
    Identity,
    /// Numbers or counts from logarithms.
    Exp,
    /// Probabilities of labels from logits.
    Sigmoid,
    /// Probabilities of classes from logits.
    Softmax,
}

impl Link {
    /// Turns the outputs for one row into numbers or probabilities.
    pub(crate) fn apply(self, outputs: &mut [f64]) {
        match self {
            Self::Identity => {}
            Self::Exp => outputs.iter_mut().for_each(|y| *y = math::exp(*y)),
            Self::Sigmoid => outputs.iter_mut().for_each(|y| *y = math::sigmoid(*y)),
            Self::Softmax => {
                let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                for y in &mut *outputs {
                    *y = math::exp(*y - largest);
                }
                let total: f64 = outputs.iter().sum();
                for p in outputs {
                    *p /= total;
                }
            }
        }
    }
}
