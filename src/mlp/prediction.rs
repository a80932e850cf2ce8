//! The data of one prediction: network, scratch space, inputs and outputs.

use super::Mlp;
use super::packed::Packed;
use crate::float::Float;
use crate::gemm::{Buffer, MC, padded, strip_rows};
use crate::layout::LayerLayout;

/// Number of samples that pass through all layers together.
pub(super) const BLOCK: usize = 4 * MC;

/// Inputs, the network that predicts from them, and the buffer for its outputs.
pub(super) struct Prediction<'a, T> {
    pub(super) net: &'a Mlp<T>,
    pub(super) packed: &'a Packed<T>,
    pub(super) scratch: &'a mut Scratch<T>,
    pub(super) inputs: &'a [T],
    pub(super) outputs: &'a mut [T],
}

/// Scratch space of one thread.
#[derive(Clone, Debug)]
pub(super) struct Scratch<T> {
    /// Inputs and outputs of a layer. The two buffers swap roles after each layer.
    pub(super) rows: [Buffer<T>; 2],
    /// Inputs of the first layer behind an encoding.
    pub(super) encoded: Buffer<T>,
    /// Pre-activations of one strip.
    pub(super) strip: Buffer<T>,
}

impl<T: Float> Scratch<T> {
    pub(super) fn new(net: &Mlp<T>) -> Self {
        let layers = net.layout().layers();
        let widest = |width: fn(&LayerLayout) -> usize| {
            let strides = layers.iter().map(|at| padded::<T>(width(at)));
            strides.max().unwrap_or(0)
        };
        let strip = layers.iter().map(LayerLayout::rows);
        let strip = strip.map(|rows| strip_rows::<T>(rows) * padded::<T>(rows));
        let outputs = widest(|at| at.outputs);
        let encoded = net.encoding().map_or(0, |_| padded::<T>(layers[0].inputs));
        Self {
            encoded: Buffer::zeros(BLOCK * encoded),
            rows: [(); 2].map(|()| Buffer::zeros(BLOCK * outputs)),
            strip: Buffer::zeros(strip.max().unwrap_or(0)),
        }
    }
}
