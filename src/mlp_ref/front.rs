//! Encodings of a borrowed network.

use super::EncodingSpec;
use crate::float::Float;

/// Encodings in front of the layers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Front<'a, T> {
    One(EncodingSpec<'a, T>),
    /// Encodings side by side, or none.
    All(&'a [EncodingSpec<'a, T>]),
}

impl<'a, T: Float> Front<'a, T> {
    pub(super) const fn encodings(&self) -> &[EncodingSpec<'a, T>] {
        match self {
            Self::One(encoding) => core::slice::from_ref(encoding),
            Self::All(encodings) => encodings,
        }
    }

    /// Returns the numbers of inputs, outputs and parameters of all encodings.
    ///
    /// # Panics
    /// Panics if an encoding has no inputs.
    pub(super) const fn sizes(&self) -> (usize, usize, usize) {
        let (encodings, mut index) = (self.encodings(), 0);
        let (mut inputs, mut outputs, mut params_len) = (0_usize, 0_usize, 0_usize);
        while index < encodings.len() {
            let encoding = &encodings[index];
            assert!(encoding.inputs > 0, "an encoding needs at least one input");
            inputs = inputs.saturating_add(encoding.inputs);
            outputs = outputs.saturating_add(encoding.outputs);
            params_len = params_len.saturating_add(encoding.params_len);
            index += 1;
        }
        (inputs, outputs, params_len)
    }
}
