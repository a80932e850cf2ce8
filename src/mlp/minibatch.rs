//! A minibatch with everything that its chunks read.

use super::Mlp;
use super::dropout::Masks;
use super::packed::Packed;
use super::samples::CheckedSamples;
use crate::loss::Loss;

/// Minibatch with network and loss, which all chunks read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Minibatch<'a, T> {
    pub(super) net: &'a Mlp<T>,
    pub(super) packed: &'a Packed<T>,
    pub(super) samples: &'a CheckedSamples<'a, T>,
    pub(super) loss: &'a dyn Loss<T>,
    /// Masks of the hidden outputs to drop. `None` without dropout.
    pub(super) masks: Option<Masks>,
    /// `true` if each chunk computes its part of the encoding's gradient.
    pub(super) is_sharded: bool,
}

impl<'a, T> Minibatch<'a, T> {
    /// Returns a minibatch without dropout.
    pub(super) fn new(
        net: &'a Mlp<T>,
        packed: &'a Packed<T>,
        samples: &'a CheckedSamples<'a, T>,
        loss: &'a dyn Loss<T>,
    ) -> Self {
        Self {
            net,
            packed,
            samples,
            loss,
            masks: None,
            is_sharded: false,
        }
    }
}
