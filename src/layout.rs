//! Where each weight matrix and each bias lies in a network's one buffer of parameters.

use core::ops::Range;

/// One layer's place in the buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerLayout {
    /// Numbers that go in.
    pub inputs: usize,
    /// Numbers that come out, one for each neuron.
    pub outputs: usize,
    /// The weights, row-major `[outputs x inputs]`: one row for each neuron.
    pub weights: Range<usize>,
    /// The biases, one for each neuron, right after the weights.
    pub bias: Range<usize>,
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
    /// The plan for layers of these sizes, the inputs first.
    pub fn new(sizes: &[usize]) -> Self {
        let mut end = 0;
        let layers = sizes
            .windows(2)
            .map(|pair| {
                let (inputs, outputs) = (pair[0], pair[1]);
                let weights = end..end + inputs * outputs;
                let bias = weights.end..weights.end + outputs;
                end = bias.end;
                LayerLayout {
                    inputs,
                    outputs,
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
