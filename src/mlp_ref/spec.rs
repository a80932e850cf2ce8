//! Descriptions of a borrowed network's layers and encoding.

use crate::activation::Activation;
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::float::Float;
#[cfg(target_has_atomic = "ptr")]
use crate::layout::LayerLayout;

/// Size and activation of one layer of an [`MlpRef`](crate::MlpRef).
#[derive(Clone, Copy, Debug)]
pub struct LayerSpec<'a, T> {
    pub(super) outputs: usize,
    pub(super) pieces: usize,
    pub(super) is_parametric: bool,
    activation: &'a dyn Activation<T>,
}

impl<'a, T: Float> LayerSpec<'a, T> {
    /// Returns a layer of this many neurons, with an activation of one piece.
    pub const fn new(outputs: usize, activation: &'a dyn Activation<T>) -> Self {
        Self::with_pieces(outputs, 1, activation)
    }

    /// Returns a layer of this many neurons, with an activation that takes this many
    /// [pieces](Activation::pieces). The number is an argument, because a `const fn` cannot call
    /// the activation.
    pub const fn with_pieces(
        outputs: usize,
        pieces: usize,
        activation: &'a dyn Activation<T>,
    ) -> Self {
        Self {
            outputs,
            pieces,
            is_parametric: false,
            activation,
        }
    }

    /// Returns a layer of this many neurons, with a
    /// [`Parametric`](crate::activation::Parametric) activation. Its numbers α lie behind the
    /// biases in the parameters.
    ///
    /// ```
    /// use feedforward::{LayerSpec, MlpRef, activation::{Parametric, Relu}};
    ///
    /// static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::parametric(1, &Parametric(Relu))];
    /// // A weight, a bias and an α.
    /// static NET: MlpRef<f32> = MlpRef::constant(1, &LAYERS, &[2.0, 0.0, 0.75]);
    ///
    /// let mut outputs = [0.0; 2];
    /// NET.predict_into(&[1.0, -1.0], &mut outputs, &mut [0.0; NET.scratch_len()])?;
    /// assert_eq!(outputs, [2.0, -0.5]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub const fn parametric(outputs: usize, activation: &'a dyn Activation<T>) -> Self {
        Self {
            is_parametric: true,
            ..Self::with_pieces(outputs, 1, activation)
        }
    }

    /// Returns the layer at this place of an owned network.
    #[cfg(target_has_atomic = "ptr")]
    #[inline(always)]
    pub(crate) fn of(at: &LayerLayout, activation: &'a dyn Activation<T>) -> Self {
        Self {
            is_parametric: !at.alpha.is_empty(),
            ..Self::with_pieces(at.outputs, at.pieces, activation)
        }
    }

    /// Returns the number of outputs, one for each neuron.
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    /// Returns the number of pieces: rows of weights, each with a bias, of each neuron.
    pub const fn pieces(&self) -> usize {
        self.pieces
    }

    /// Returns the activation of the layer's neurons.
    pub const fn activation(&self) -> &'a dyn Activation<T> {
        self.activation
    }

    /// Returns the number of rows of weights. It cannot overflow for checked sizes.
    pub(super) const fn rows(&self) -> usize {
        self.outputs * self.pieces
    }

    /// Checks that the layer has the activation's number of pieces, and an α only if it has one.
    pub(super) fn check(&self) -> Result<()> {
        self.check_pieces()?;
        let (expected, got) = match (self.activation.is_parametric(), self.is_parametric) {
            (true, false) => ("`parametric`, as its activation is", "another one"),
            (false, true) => (
                "another one, as its activation is not parametric",
                "`parametric`",
            ),
            _ => return Ok(()),
        };
        Err(Error::shape("constructor of a layer", expected, got))
    }

    /// Checks that the layer's number of pieces is the activation's.
    pub(super) fn check_pieces(&self) -> Result<()> {
        let (what, expected) = ("pieces of a layer", self.activation.pieces());
        if self.pieces == expected {
            return Ok(());
        }
        let expected = alloc::format!("{expected}, the pieces of its activation");
        Err(Error::shape(what, expected, self.pieces))
    }
}

/// Encoding of an [`MlpRef`](crate::MlpRef) in a constant, and its sizes.
///
/// The sizes stand beside the encoding, because a `const fn` cannot call it. Each prediction checks
/// them.
///
/// ```
/// use feedforward::{EncodingSpec, LayerSpec, MlpRef, activation::Identity, encoding::Positional};
///
/// static POSITIONAL: Positional = Positional::constant(1, 1); // sin(π x) and cos(π x)
/// static ENCODING: EncodingSpec<f32> = EncodingSpec {
///     inputs: 1,
///     outputs: 2,
///     params_len: 0,
///     encoding: &POSITIONAL,
/// };
/// static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &Identity)];
/// static NET: MlpRef<f32> = MlpRef::constant_with_encoding(ENCODING, &LAYERS, &[3.0, 0.0, 1.0]);
///
/// let mut output = [0.0];
/// NET.predict_into(&[0.5], &mut output, &mut [0.0; NET.scratch_len()])?;
/// assert_eq!(output, [4.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EncodingSpec<'a, T> {
    /// Number of [inputs](Encoding::inputs) of the encoding, and thus of the network.
    pub inputs: usize,
    /// Number of [outputs](Encoding::outputs), which are the inputs of the first layer.
    pub outputs: usize,
    /// Number of [parameters](Encoding::params_len). They lie after those of the layers.
    pub params_len: usize,
    /// The encoding.
    pub encoding: &'a dyn Encoding<T>,
}

impl<'a, T: Float> EncodingSpec<'a, T> {
    /// Returns the encoding with its own sizes.
    pub(super) fn of(encoding: &'a dyn Encoding<T>) -> Self {
        Self {
            inputs: encoding.inputs(),
            outputs: encoding.outputs(),
            params_len: encoding.params_len(),
            encoding,
        }
    }

    /// Checks that the sizes are the encoding's.
    pub(super) fn check(&self) -> Result<()> {
        let own = Self::of(self.encoding);
        for (what, got, expected) in [
            ("inputs of the encoding", self.inputs, own.inputs),
            ("outputs of the encoding", self.outputs, own.outputs),
            (
                "parameters of the encoding",
                self.params_len,
                own.params_len,
            ),
        ] {
            if got != expected {
                let expected = alloc::format!("{expected}, as its encoding has");
                return Err(Error::shape(what, expected, got));
            }
        }
        Ok(())
    }
}
