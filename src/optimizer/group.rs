//! Groups of parameters, and their places in the buffer.

use core::ops::Range;

use crate::error::{Error, Result};
use crate::layout::Layout;

/// Group of parameters that [`ParamGroups`](super::ParamGroups) selects. Groups may overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Group {
    /// Weights of all layers.
    Weights,
    /// Biases of all layers.
    Biases,
    /// Numbers α of all layers with a [`Parametric`](crate::activation::Parametric) activation.
    Alphas,
    /// All parameters of one layer. Index 0 is the layer after the inputs.
    Layer(usize),
    /// Weights of one layer.
    LayerWeights(usize),
    /// Biases of one layer.
    LayerBiases(usize),
    /// All parameters of the last layer.
    LastLayer,
    /// Parameters of the encoding.
    Encoding,
    /// Some parameters of the encoding, counted from its first one.
    EncodingRange(Range<usize>),
}

impl Group {
    /// Returns `true` if the group contains all parameters of this segment.
    pub(super) fn contains(&self, segment: &Segment, layout: &Layout) -> bool {
        let (layer, is_weights) = (segment.layer, segment.fan_in.is_some());
        let is_biases = layer.is_some() && !is_weights && !segment.is_alpha;
        match self {
            Self::Weights => is_weights,
            Self::Biases => is_biases,
            Self::Alphas => segment.is_alpha,
            Self::Layer(index) => layer == Some(*index),
            Self::LayerWeights(index) => layer == Some(*index) && is_weights,
            Self::LayerBiases(index) => layer == Some(*index) && is_biases,
            Self::LastLayer => layer == Some(layout.layers().len() - 1),
            Self::Encoding => layer.is_none(),
            Self::EncodingRange(range) => {
                let start = segment.range.start.checked_sub(layout.encoding().start);
                start.is_some_and(|start| range.contains(&start))
            }
        }
    }

    pub(super) fn check(&self, layout: &Layout) -> Result<()> {
        let (what, len, index) = match self {
            Self::Layer(index) | Self::LayerWeights(index) | Self::LayerBiases(index) => {
                let len = layout.layers().len();
                ("layer of a parameter group", len, *index)
            }
            Self::EncodingRange(range) => {
                let last = range.end.max(range.start).saturating_sub(1);
                let what = "encoding's parameters of a group";
                (what, layout.encoding().len(), last)
            }
            _ => return Ok(()),
        };
        if index < len {
            return Ok(());
        }
        Err(Error::OutOfBounds { what, len, index })
    }
}

/// Consecutive parameters that all groups treat alike.
pub(super) struct Segment {
    pub(super) range: Range<usize>,
    /// Index of the layer. `None` for the encoding.
    pub(super) layer: Option<usize>,
    /// Number of inputs if these are weights.
    pub(super) fan_in: Option<usize>,
    /// `true` if these are numbers α of parametric activations.
    pub(super) is_alpha: bool,
}

impl Segment {
    /// Returns the segment that begins at `start` or contains it, cut off before `start`.
    pub(super) fn at(layout: &Layout, start: usize) -> Self {
        let layers = layout.layers();
        let index = layers.partition_point(|at| at.alpha.end <= start);
        let at = layers.get(index);
        let (fan_in, end) = match at {
            Some(at) if start < at.weights.end => (Some(at.inputs), at.weights.end),
            Some(at) if start < at.bias.end => (None, at.bias.end),
            Some(at) => (None, at.alpha.end),
            None => (None, layout.len()),
        };
        Self {
            range: start..end,
            layer: at.map(|_| index),
            fan_in,
            is_alpha: at.is_some_and(|at| start >= at.bias.end),
        }
    }
}
