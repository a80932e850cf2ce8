//! Layers of a borrowed network.

#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc;

use super::LayerSpec;
#[cfg(target_has_atomic = "ptr")]
use crate::activation::Activation;
use crate::float::Float;
#[cfg(target_has_atomic = "ptr")]
use crate::layout::LayerLayout;

/// Layers: a slice of their descriptions, or the parts of an owned network.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layers<'a, T> {
    Specs(&'a [LayerSpec<'a, T>]),
    #[cfg(target_has_atomic = "ptr")]
    Owned(&'a [LayerLayout], &'a [Arc<dyn Activation<T>>]),
}

impl<'a, T: Float> Layers<'a, T> {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Specs(specs) => specs.len(),
            #[cfg(target_has_atomic = "ptr")]
            Self::Owned(layouts, _) => layouts.len(),
        }
    }

    /// Returns the numbers of outputs and of rows of weights of a layer.
    pub(super) const fn sizes(&self, index: usize) -> (usize, usize) {
        match self {
            Self::Specs(specs) => (specs[index].outputs, specs[index].rows()),
            #[cfg(target_has_atomic = "ptr")]
            Self::Owned(layouts, _) => {
                let at = &layouts[index];
                (at.outputs, at.outputs * at.pieces)
            }
        }
    }

    /// Returns the description of a layer.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> LayerSpec<'a, T> {
        match self {
            Self::Specs(specs) => specs[index],
            #[cfg(target_has_atomic = "ptr")]
            Self::Owned(layouts, activations) => {
                LayerSpec::of(&layouts[index], &*activations[index])
            }
        }
    }
}
