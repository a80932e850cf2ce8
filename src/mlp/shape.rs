//! Comparison of the shapes of networks.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use super::Mlp;
use crate::float::Float;

impl<T: Float> Mlp<T> {
    /// Returns `true` if both networks have the same shape, and activations of the same names.
    pub fn is_shaped_like(&self, other: &Self) -> bool {
        let mut pairs = self.activations.iter().zip(&other.activations);
        let encodings = match (&self.encoding, &other.encoding) {
            (Some(a), Some(b)) => {
                Arc::ptr_eq(a, b) || a.name() == b.name() && a.constants() == b.constants()
            }
            (None, None) => true,
            _ => false,
        };
        // Clones share their activations, so they compare no names, which would be allocated.
        let activations = pairs.all(|(a, b)| Arc::ptr_eq(a, b) || a.name() == b.name());
        self.layout == other.layout && encodings && activations
    }

    /// Describes sizes, encoding and activations for an error.
    pub(crate) fn shape(&self) -> String {
        let layers = self.layout.layers().iter().zip(&self.activations);
        let layers = layers.map(|(at, f)| format!(", {} {}", at.outputs, f.name()));
        let encoding = self.encoding.as_ref();
        let encoding = encoding.map(|encoding| format!(", {}", encoding.name()));
        let (encoding, layers) = (encoding.unwrap_or_default(), layers.collect::<String>());
        format!("{} inputs{encoding}{layers}", self.inputs)
    }
}
