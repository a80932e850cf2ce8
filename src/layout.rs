//! Where each weight matrix and each bias lies in a network's one buffer of parameters.

use alloc::vec::Vec;
use core::ops::Range;

/// One layer's place in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerLayout {
    /// Numbers that go in.
    pub inputs: usize,
    /// Numbers that come out, one for each neuron.
    pub outputs: usize,
    /// Rows of weights, each with a bias, that a neuron has:
    /// [`Activation::pieces`](crate::Activation::pieces).
    pub pieces: usize,
    /// The weights, row-major `[rows x inputs]`: neuron by neuron, piece by piece.
    pub weights: Range<usize>,
    /// The biases, one for each row, right after the weights.
    pub bias: Range<usize>,
}

impl LayerLayout {
    /// Rows of weights, and biases: `outputs * pieces`.
    pub fn rows(&self) -> usize {
        self.bias.len()
    }
}

/// The plan of a parameter buffer: layer after layer, weights then bias, without gaps.
///
/// Gradients, optimizer states and averages have the same shape.
///
/// ```
/// let layout = feedforward::Layout::new(&[2, 4, 3]);
/// assert_eq!(layout.len(), (2 * 4 + 4) + (4 * 3 + 3));
/// assert_eq!(layout.layers()[1].weights, 12..24);
/// assert_eq!(layout.layers()[1].bias, 24..27);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    layers: Vec<LayerLayout>,
}

impl Layout {
    /// The plan for layers of these sizes, the inputs first, and of neurons with one piece.
    pub fn new(sizes: &[usize]) -> Self {
        let (inputs, outputs) = sizes.split_first().unwrap_or((&0, &[]));
        Self::with_pieces(*inputs, outputs.iter().map(|&outputs| (outputs, 1)))
    }

    /// The plan for this number of inputs and layers of so many neurons with so many
    /// [pieces](crate::Activation::pieces) each.
    ///
    /// ```
    /// let layout = feedforward::Layout::with_pieces(2, [(4, 3), (1, 1)]);
    /// assert_eq!(layout.layers()[0].rows(), 4 * 3);
    /// assert_eq!(layout.layers()[1].inputs, 4);
    /// assert_eq!(layout.len(), (2 + 1) * 12 + (4 + 1));
    /// ```
    pub fn with_pieces(
        mut inputs: usize,
        layers: impl IntoIterator<Item = (usize, usize)>,
    ) -> Self {
        let mut end = 0;
        let layers = layers
            .into_iter()
            .map(|(outputs, pieces)| {
                let rows = outputs * pieces;
                let weights = end..end + inputs * rows;
                let bias = weights.end..weights.end + rows;
                end = bias.end;
                LayerLayout {
                    inputs: core::mem::replace(&mut inputs, outputs),
                    outputs,
                    pieces,
                    weights,
                    bias,
                }
            })
            .collect();
        Self { layers }
    }

    /// The layers in their order, from the inputs.
    pub fn layers(&self) -> &[LayerLayout] {
        &self.layers
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.end)
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The layer that a parameter belongs to.
    pub fn layer_of(&self, parameter: usize) -> Option<usize> {
        self.layers
            .iter()
            .position(|layer| (layer.weights.start..layer.bias.end).contains(&parameter))
    }
}
