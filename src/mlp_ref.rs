//! Networks that own nothing: parameters in flash, no allocation, no `Arc`.
//!
//! [`MlpRef`] is the form for microcontrollers. Parameters and layers are borrowed, as a rule from
//! `static`s; predicting needs a scratch array from the caller, whose length is a constant. It
//! gives the bits that [`Mlp::predict`](crate::Mlp::predict) gives on the same instruction set.
//! A target without pointer atomics (`cfg(target_has_atomic = "ptr")`), on which there is no
//! `Arc`, may use this form and not [`Mlp`](crate::Mlp).
//!
//! ```
//! use feedforward::{LayerSpec, MlpRef, activation::{Identity, Relu}};
//!
//! // y = |x0 - x1|, with layers of 2 neurons and of 1.
//! static PARAMS: [f32; 9] = [1.0, -1.0, -1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
//! static LAYERS: [LayerSpec<f32>; 2] = [LayerSpec::new(2, &Relu), LayerSpec::new(1, &Identity)];
//! // What does not fit together does not compile.
//! static NET: MlpRef<f32> = MlpRef::constant(2, &LAYERS, &PARAMS);
//! const SCRATCH: usize = NET.scratch_len();
//!
//! let (mut scratch, mut output) = ([0.0; SCRATCH], [0.0]);
//! NET.predict_into(&[0.25, 1.0], &mut output, &mut scratch)?;
//! assert_eq!(output, [0.75]);
//! # Ok::<(), feedforward::Error>(())
//! ```
//!
//! [`Mlp::to_rust`](crate::Mlp::to_rust) writes those lines for a trained network. Where its
//! parameters should rather be a file, [`f32_from_le_bytes`] makes them of what `include_bytes!`
//! reads.

use crate::activation::Activation;
use crate::error::{Error, Result, check_length, check_not_empty, check_rows};
use crate::float::{Float, check_finite, check_finite_rows};
use crate::simd;

mod from_bytes;
mod predict;

pub use from_bytes::{f32_from_le_bytes, f64_from_le_bytes};

/// One layer of an [`MlpRef`].
#[derive(Clone, Copy, Debug)]
pub struct LayerSpec<'a, T> {
    outputs: usize,
    pieces: usize,
    activation: &'a dyn Activation<T>,
}

impl<'a, T: Float> LayerSpec<'a, T> {
    /// A layer of this many neurons, with an activation of one piece.
    pub const fn new(outputs: usize, activation: &'a dyn Activation<T>) -> Self {
        Self::with_pieces(outputs, 1, activation)
    }

    /// A layer of this many neurons, with an activation that takes this many
    /// [pieces](Activation::pieces), which a constant cannot ask for.
    pub const fn with_pieces(
        outputs: usize,
        pieces: usize,
        activation: &'a dyn Activation<T>,
    ) -> Self {
        Self {
            outputs,
            pieces,
            activation,
        }
    }

    /// Neurons, each of which gives one number.
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    /// Rows of weights, and biases, of each neuron.
    pub const fn pieces(&self) -> usize {
        self.pieces
    }

    /// What each neuron does with its pre-activation.
    pub const fn activation(&self) -> &'a dyn Activation<T> {
        self.activation
    }

    /// Rows of weights. Sizes that fit have no overflow.
    const fn rows(&self) -> usize {
        self.outputs * self.pieces
    }

    /// Checks that the activation takes as many pieces as the parameters were counted with.
    fn check_pieces(&self) -> Result<()> {
        let (what, expected) = ("pieces of a layer", self.activation.pieces());
        if self.pieces == expected {
            return Ok(());
        }
        let expected = alloc::format!("{expected}, as its activation takes");
        Err(Error::shape(what, expected, self.pieces))
    }
}

/// A multilayer perceptron that borrows its parameters and its layers.
///
/// Parameters are laid out as those of an [`Mlp`](crate::Mlp) ([`Layout`](crate::Layout)): layer
/// after layer, weights row-major `[rows x inputs]`, then biases. See the [module](self) for one
/// in a `static`.
#[derive(Clone, Copy, Debug)]
pub struct MlpRef<'a, T> {
    inputs: usize,
    layers: &'a [LayerSpec<'a, T>],
    params: &'a [T],
}

impl<'a, T: Float> MlpRef<'a, T> {
    /// A network of parameters that become known while the program runs: read from a part of
    /// the flash that is written now and then, or an [`Mlp`](crate::Mlp)'s.
    ///
    /// ```
    /// use feedforward::{LayerSpec, Mlp, MlpRef, activation::{Identity, Tanh}};
    ///
    /// let owner = Mlp::<f64>::builder(2).hidden(4, Tanh).output(1, Identity).seed(7).build()?;
    /// let layers = [LayerSpec::new(4, &Tanh), LayerSpec::new(1, &Identity)];
    /// let net = MlpRef::new(2, &layers, owner.params())?;
    /// let (mut scratch, mut output) = ([0.0; 8], [0.0]);
    /// net.predict_into(&[0.5, -0.5], &mut output, &mut scratch)?;
    /// assert_eq!(output.to_vec(), owner.predict(&[0.5, -0.5])?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`] without layers, [`Error::InvalidSetting`] if there are no inputs, if a layer
    /// has no neurons or too many, or if a parameter of an activation is out of range,
    /// [`Error::Shape`] if a layer has other pieces than its activation, [`Error::Length`]
    /// unless there are just the parameters that the layers take, [`Error::NotFinite`] if one
    /// is not finite.
    pub fn new(inputs: usize, layers: &'a [LayerSpec<'a, T>], params: &'a [T]) -> Result<Self> {
        check_not_empty("layers", layers)?;
        layers.iter().try_for_each(LayerSpec::check_pieces)?;
        let mut activations = layers.iter().map(LayerSpec::activation);
        activations.try_for_each(Activation::check)?;
        let Some(expected) = count(inputs, layers) else {
            let what = "sizes of inputs and layers";
            let expected = "at least 1 each, and parameters that can be counted";
            let got = alloc::format!("{inputs} inputs, {layers:?}");
            return Err(Error::invalid_setting(what, expected, got));
        };
        check_length("parameters", params, expected)?;
        check_finite("parameters", params)?;
        Ok(Self {
            inputs,
            layers,
            params,
        })
    }

    /// The network of a `static` or `const`, where parameters that do not fit the layers are an
    /// error of the compiler:
    ///
    /// ```compile_fail
    /// use feedforward::{LayerSpec, MlpRef, activation::Identity};
    ///
    /// static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &Identity)];
    /// static NET: MlpRef<f32> = MlpRef::constant(2, &LAYERS, &[0.5, -0.5]); // no bias
    /// ```
    ///
    /// What a constant cannot look at is left: an activation of other pieces than its layer is
    /// an error of each prediction, and parameters that are not finite make outputs that are not.
    ///
    /// # Panics
    /// If they do not fit. Call it where the compiler runs it; elsewhere there is
    /// [`new`](Self::new).
    pub const fn constant(inputs: usize, layers: &'a [LayerSpec<'a, T>], params: &'a [T]) -> Self {
        match count(inputs, layers) {
            None => panic!("a network has inputs, layers, and neurons in each"),
            Some(expected) => assert!(
                expected == params.len(),
                "the number of parameters is not the one that the layers take"
            ),
        }
        Self {
            inputs,
            layers,
            params,
        }
    }

    /// Numbers in a sample.
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// Numbers in a prediction.
    pub const fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    /// The layers in their order, the output layer included.
    pub const fn layers(&self) -> &'a [LayerSpec<'a, T>] {
        self.layers
    }

    /// All parameters: layer after layer, weights then biases.
    pub const fn params(&self) -> &'a [T] {
        self.params
    }

    /// Numbers that [`predict_into`](Self::predict_into) needs room for, a constant for a network
    /// that is one: the most outputs of a hidden layer, and the most pre-activations of any.
    pub const fn scratch_len(&self) -> usize {
        let (mut hidden, mut rows, mut index) = (0, 0, 0);
        while index < self.layers.len() {
            let layer = &self.layers[index];
            if index + 1 < self.layers.len() && layer.outputs > hidden {
                hidden = layer.outputs;
            }
            if layer.rows() > rows {
                rows = layer.rows();
            }
            index += 1;
        }
        hidden + rows
    }

    /// Writes the outputs for one sample or many, one after the other: `inputs` is row-major
    /// `[samples x inputs]`, `outputs` `[samples x outputs]`. What `scratch` holds before does
    /// not matter. It does not allocate.
    ///
    /// The bits are those of [`Mlp::predict`](crate::Mlp::predict), also if there are several
    /// samples. For large networks or many samples a [`Predictor`](crate::Predictor) is faster,
    /// which packs weights and needs memory for that.
    ///
    /// # Errors
    /// [`Error::Rows`] unless there are whole samples, [`Error::Length`] unless there is room
    /// for just their outputs, or if `scratch` is shorter than
    /// [`scratch_len`](Self::scratch_len), [`Error::NotFinite`] if an input is not finite,
    /// [`Error::Overflow`] if an output is not finite,
    /// [`Error::Shape`] if a layer has other pieces than its activation. Only making the last
    /// one allocates, its message.
    pub fn predict_into(&self, inputs: &[T], outputs: &mut [T], scratch: &mut [T]) -> Result<()> {
        simd::check()?;
        let samples = check_rows("inputs", inputs, self.inputs)?;
        check_length("outputs", outputs, samples.saturating_mul(self.outputs()))?;
        let needed = self.scratch_len();
        let available = needed.min(scratch.len());
        let scratch = &mut scratch[..available];
        check_length("scratch", scratch, needed)?;
        check_finite_rows("inputs", inputs, self.inputs)?;
        self.layers.iter().try_for_each(LayerSpec::check_pieces)?;
        predict::predict(*self, inputs, outputs, scratch);
        match outputs.iter().find(|y| !y.is_finite()) {
            None => Ok(()),
            Some(value) => Err(Error::Overflow {
                what: "output",
                layer: self.layers.len() - 1,
                value: value.as_f64(),
            }),
        }
    }
}

/// How many parameters such a network has, if it can be one.
const fn count<T: Float>(inputs: usize, layers: &[LayerSpec<'_, T>]) -> Option<usize> {
    let (mut total, mut before, mut index) = (0_usize, inputs, 0);
    while index < layers.len() {
        let layer = &layers[index];
        let rows = layer.outputs.saturating_mul(layer.pieces);
        if rows == 0 || before == 0 {
            return None;
        }
        // A row has a weight for each input, and a bias.
        let params = rows.saturating_mul(before.saturating_add(1));
        (total, before) = (total.saturating_add(params), layer.outputs);
        index += 1;
    }
    match total {
        0 | usize::MAX => None,
        _ => Some(total),
    }
}
