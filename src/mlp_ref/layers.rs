//! Layers of a borrowed network.

#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc;

#[cfg(target_has_atomic = "ptr")]
use super::{EncodingSpec, Front};
use super::{LayerSpec, MlpRef, Shape};
#[cfg(target_has_atomic = "ptr")]
use crate::activation::Activation;
#[cfg(target_has_atomic = "ptr")]
use crate::encoding::Encoding;
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

    /// Returns `true` if a layer has numbers α.
    pub(super) const fn is_parametric(&self, index: usize) -> bool {
        match self {
            Self::Specs(specs) => specs[index].is_parametric,
            #[cfg(target_has_atomic = "ptr")]
            Self::Owned(layouts, _) => layouts[index].alpha.start < layouts[index].alpha.end,
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

impl<'a, T: Float> Shape<'a, T> {
    /// Views the parts of an owned network, which have been checked.
    #[cfg(target_has_atomic = "ptr")]
    pub(crate) fn of_network(
        inputs: usize,
        encoding: Option<&'a dyn Encoding<T>>,
        (layouts, activations): (&'a [LayerLayout], &'a [Arc<dyn Activation<T>>]),
    ) -> Self {
        let encoding = encoding.map(|encoding| Front::One(EncodingSpec::of(encoding)));
        Self {
            inputs,
            front: encoding.unwrap_or(Front::All(&[])),
            layers: Layers::Owned(layouts, activations),
        }
    }
}

impl<'a, T: Float> MlpRef<'a, T> {
    /// Creates a view of an owned network's parts, which have been checked.
    #[cfg(target_has_atomic = "ptr")]
    pub(crate) fn of_network(shape: Shape<'a, T>, params: &'a [T]) -> Self {
        Self { shape, params }
    }

    /// Returns the layers in order, including the output layer.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = LayerSpec<'a, T>> + use<'a, T> {
        self.shape.layers()
    }
}
