//! Positions of weight matrices, biases and learned activations in a network's parameter buffer.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, Result};

/// Maximum number of a network's parameters. The sizes of workspaces for training and prediction
/// are multiples of it. With this limit they can be calculated without overflow.
const MOST_PARAMETERS: usize = if usize::BITS >= 64 { 1 << 36 } else { 1 << 24 };

/// Maximum number of layers. Each layer has its own buffers.
pub(crate) const MOST_LAYERS: usize = 1 << 16;

/// Position of one layer in the parameter buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerLayout {
    /// Number of inputs.
    pub inputs: usize,
    /// Number of outputs, one for each neuron.
    pub outputs: usize,
    /// Number of rows of weights, each with a bias, of each neuron:
    /// [`Activation::pieces`](crate::Activation::pieces).
    pub pieces: usize,
    /// Range of the weights, row-major `[rows x inputs]`: neuron by neuron, piece by piece.
    pub weights: Range<usize>,
    /// Range of the biases, one for each row. It follows the weights.
    pub bias: Range<usize>,
    /// Range of the numbers α that a [`Parametric`](crate::activation::Parametric) activation
    /// learns, one for each neuron. It follows the biases, and is empty for other activations.
    pub alpha: Range<usize>,
}

/// Sizes of a layer to plan.
pub(crate) struct LayerSize {
    pub(crate) outputs: usize,
    pub(crate) pieces: usize,
    /// `true` if each neuron learns an α.
    pub(crate) is_parametric: bool,
}

impl LayerLayout {
    /// Returns the number of rows of weights, which is also that of biases: `outputs * pieces`.
    pub fn rows(&self) -> usize {
        self.bias.len()
    }

    /// Returns the range of all parameters of the layer.
    pub(crate) fn params(&self) -> Range<usize> {
        self.weights.start..self.alpha.end
    }
}

/// Layout of a parameter buffer: layer by layer, weights then biases, then the parameters of the
/// encoding, without gaps. A layer with a [`Parametric`](crate::activation::Parametric) activation
/// has its numbers α behind the biases.
///
/// Gradients, optimizer states and parameter averages have the same layout.
///
/// ```
/// let layout = feedforward::Layout::new(&[2, 4, 3])?;
/// assert_eq!(layout.len(), (2 * 4 + 4) + (4 * 3 + 3));
/// assert_eq!(layout.layers()[1].weights, 12..24);
/// assert_eq!(layout.layers()[1].bias, 24..27);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    layers: Vec<LayerLayout>,
    /// Number of parameters of the encoding.
    encoding: usize,
}

impl Layout {
    /// Creates the layout of layers whose neurons have one piece. `sizes` are the number of inputs,
    /// then the number of neurons of each layer.
    ///
    /// # Errors
    /// As [`with_pieces`](Self::with_pieces).
    pub fn new(sizes: &[usize]) -> Result<Self> {
        let Some((&inputs, outputs)) = sizes.split_first() else {
            return Err(Error::Empty { what: "inputs" });
        };
        Self::with_pieces(inputs, outputs.iter().map(|&outputs| (outputs, 1)))
    }

    /// Creates the layout of layers for this number of inputs. Each layer is a pair: its number of
    /// neurons, and the number of [pieces](crate::Activation::pieces) of each neuron.
    ///
    /// ```
    /// let layout = feedforward::Layout::with_pieces(2, [(4, 3), (1, 1)])?;
    /// assert_eq!(layout.layers()[0].rows(), 4 * 3);
    /// assert_eq!(layout.layers()[1].inputs, 4);
    /// assert_eq!(layout.len(), (2 + 1) * 12 + (4 + 1));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Empty`] without layers.
    /// - [`Error::InvalidSetting`] if there are no inputs, or if a layer has no neurons or no
    ///   pieces.
    /// - [`Error::TooLarge`] for more than 65,536 layers or 2^36 parameters (2^24 on targets with
    ///   32-bit addresses).
    pub fn with_pieces(
        inputs: usize,
        layers: impl IntoIterator<Item = (usize, usize)>,
    ) -> Result<Self> {
        let sizes = layers.into_iter().map(|(outputs, pieces)| LayerSize {
            outputs,
            pieces,
            is_parametric: false,
        });
        Self::of_sizes(inputs, sizes)
    }

    /// Creates the layout of layers for this number of inputs, as
    /// [`with_pieces`](Self::with_pieces) does.
    pub(crate) fn of_sizes(
        mut inputs: usize,
        layers: impl IntoIterator<Item = LayerSize>,
    ) -> Result<Self> {
        at_least_one("inputs", inputs)?;
        let mut end = 0;
        let mut planned = Vec::new();
        for size in layers {
            let (outputs, pieces) = (size.outputs, size.pieces);
            at_least_one("neurons of a layer", outputs)?;
            at_least_one("pieces of a neuron", pieces)?;
            check_depth(planned.len() + 1)?;
            let ends = outputs.checked_mul(pieces).and_then(|rows| {
                let weights = inputs.checked_mul(rows)?.checked_add(end)?;
                let bias = weights.checked_add(rows)?;
                let alphas = if size.is_parametric { outputs } else { 0 };
                Some((weights, bias, bias.checked_add(alphas)?))
            });
            let ends = ends.filter(|(_, _, alpha)| *alpha <= MOST_PARAMETERS);
            let Some((weights, bias, alpha)) = ends else {
                return Err(too_many());
            };
            planned.push(LayerLayout {
                inputs: core::mem::replace(&mut inputs, outputs),
                outputs,
                pieces,
                weights: end..weights,
                bias: weights..bias,
                alpha: bias..alpha,
            });
            end = alpha;
        }
        if planned.is_empty() {
            return Err(Error::Empty { what: "layers" });
        }
        Ok(Self {
            layers: planned,
            encoding: 0,
        })
    }

    /// Sets the number of parameters of the encoding. Default: 0.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for more than 2^36 parameters in all (2^24 on targets with 32-bit
    /// addresses).
    pub fn with_encoding(mut self, params: usize) -> Result<Self> {
        self.encoding = params;
        let all = self.encoding().start.checked_add(params);
        if all.is_none_or(|all| all > MOST_PARAMETERS) {
            return Err(too_many());
        }
        Ok(self)
    }

    /// Returns the layers in order, starting at the inputs.
    pub fn layers(&self) -> &[LayerLayout] {
        &self.layers
    }

    /// Returns the range of the encoding's parameters, which follow the layers' parameters.
    pub fn encoding(&self) -> Range<usize> {
        let start = self.layers.last().map_or(0, |layer| layer.alpha.end);
        start..start.saturating_add(self.encoding)
    }

    /// Returns the number of parameters.
    pub fn len(&self) -> usize {
        self.encoding().end
    }

    /// Returns `true` if there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the index of the layer that a parameter belongs to, or `None` if it belongs to none.
    /// Parameters of the encoding belong to none.
    pub fn layer_of(&self, parameter: usize) -> Option<usize> {
        self.layers
            .iter()
            .position(|layer| layer.params().contains(&parameter))
    }
}

fn too_many() -> Error {
    let expected = format!("at most {MOST_PARAMETERS}");
    Error::too_large("number of parameters", expected, "more")
}

fn at_least_one(what: &'static str, size: usize) -> Result<()> {
    match size {
        0 => Err(Error::invalid_setting(what, "at least 1", 0)),
        _ => Ok(()),
    }
}

/// Checks the number of layers.
pub(crate) fn check_depth(layers: usize) -> Result<()> {
    if layers <= MOST_LAYERS {
        return Ok(());
    }
    let expected = format!("at most {MOST_LAYERS}");
    Err(Error::too_large("number of layers", expected, "more"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_make_no_network_are_errors() {
        let huge = usize::MAX;
        for sizes in [
            &[][..],
            &[1],
            &[0, 1],
            &[3, 0, 4, 2],
            &[3, 4, 0],
            &[huge, huge],
            &[1, huge],
            &[huge, 1],
            &[2, huge / 2, 2],
            &[1 << 20, 1 << 20],
            &[1 << 32, 1 << 20, 1],
            &[1 << 35, 1, 1 << 35],
        ] {
            assert!(Layout::new(sizes).is_err(), "{sizes:?}");
        }
        for layers in [[(1, 1), (1, 0)], [(huge, 2), (1, 1)], [(2, huge), (1, 1)]] {
            assert!(Layout::with_pieces(1, layers).is_err(), "{layers:?}");
        }
        let endless = core::iter::repeat((1, 1));
        let error = Layout::with_pieces(1, endless).unwrap_err();
        assert_eq!(
            error.to_string(),
            "number of layers: expected at most 65536, got more"
        );
        let error = Layout::new(&[1 << 32, 1 << 20]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "number of parameters: expected at most 68719476736, got more"
        );
        assert_eq!(Layout::new(&[1, 1]).map(|layout| layout.len()), Ok(2));
    }
}
