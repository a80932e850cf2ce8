//! Networks that borrow everything: parameters in flash, no allocation, no `Arc`.
//!
//! [`MlpRef`] is the network for microcontrollers. It borrows parameters and layers, usually from
//! `static`s. The caller provides a scratch array of constant length for predictions. They are
//! bit-identical to those of [`Mlp::predict`](crate::Mlp::predict) on the same instruction set.
//! [`MlpRef::jacobian_into`] computes derivatives by the inputs in the same way.
//!
//! Targets without pointer atomics (`cfg(target_has_atomic = "ptr")`) have no
//! `Arc`, and thus no [`Mlp`](crate::Mlp), but they can use [`MlpRef`].
//!
//! ```
//! use feedforward::{LayerSpec, MlpRef, activation::{Identity, Relu}};
//!
//! // y = |x0 - x1|, with layers of 2 neurons and of 1.
//! static PARAMS: [f32; 9] = [1.0, -1.0, -1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
//! static LAYERS: [LayerSpec<f32>; 2] = [LayerSpec::new(2, &Relu), LayerSpec::new(1, &Identity)];
//! // Layers and parameters that do not fit are a compile error.
//! static NET: MlpRef<f32> = MlpRef::constant(2, &LAYERS, &PARAMS);
//! const SCRATCH: usize = NET.scratch_len();
//!
//! let (mut scratch, mut output) = ([0.0; SCRATCH], [0.0]);
//! NET.predict_into(&[0.25, 1.0], &mut output, &mut scratch)?;
//! assert_eq!(output, [0.75]);
//! # Ok::<(), feedforward::Error>(())
//! ```
//!
//! [`Mlp::to_rust`](crate::Mlp::to_rust) generates these `static`s from a trained network. If the
//! parameters are to be a separate file, [`f32_from_le_bytes`] converts the bytes from
//! `include_bytes!`.

use crate::encoding::Encoding;
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, check_length};
use crate::float::{Float, check_finite};

mod from_bytes;
mod front;
mod jacobian;
mod layers;
pub(crate) mod predict;
mod shape;
mod spec;

pub use from_bytes::{f32_from_le_bytes, f64_from_le_bytes};
use front::Front;
use layers::Layers;
pub(crate) use shape::Shape;
pub use spec::{EncodingSpec, LayerSpec};

/// A multilayer perceptron that borrows its parameters and its layers.
///
/// Parameters are laid out like those of an [`Mlp`](crate::Mlp) ([`Layout`](crate::Layout)): layer
/// by layer, weights row-major `[rows x inputs]`, then biases, then the numbers α of
/// [`LayerSpec::parametric`]. Those of encodings lie at the end.
/// The [module](self) shows a network in a `static`. `MlpRef::from(&net)` views an
/// [`Mlp`](crate::Mlp) without allocation, for example one that changes after every prediction.
#[derive(Clone, Copy, Debug)]
pub struct MlpRef<'a, T> {
    shape: Shape<'a, T>,
    params: &'a [T],
}

impl<'a, T: Float> MlpRef<'a, T> {
    /// Creates a network from parameters that are known only at run time. Examples are an
    /// [`Mlp`](crate::Mlp)'s parameters, or a region of the flash that is occasionally rewritten.
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
    /// - [`Error::Empty`] without layers.
    /// - [`Error::InvalidSetting`] if there are no inputs, if a layer has no neurons or too many,
    ///   or if an activation has a parameter out of range.
    /// - [`Error::Shape`] if a layer's number of pieces is not its activation's, or if only one of
    ///   both is parametric.
    /// - [`Error::Length`] unless there are as many parameters as the layers take.
    /// - [`Error::NotFinite`] if a parameter is not finite.
    pub fn new(inputs: usize, layers: &'a [LayerSpec<'a, T>], params: &'a [T]) -> Result<Self> {
        Self::checked(Shape::new(inputs, layers)?, params)
    }

    /// Creates a network with an encoding from parameters that are known only at run time. Those of
    /// the encoding lie after those of the layers, as in [`Mlp::params`](crate::Mlp::params).
    ///
    /// ```
    /// use feedforward::{Mlp, MlpRef, activation::{Identity, Tanh}};
    /// use feedforward::encoding::{Grid, GridSettings};
    ///
    /// let grid = Grid::new(GridSettings { levels: 3, ..GridSettings::new(2) })?;
    /// let builder = Mlp::<f32>::builder(2).encoding(grid.clone());
    /// let owner = builder.hidden(8, Tanh).output(1, Identity).build()?;
    /// let layers = owner.layer_specs();
    /// let net = MlpRef::with_encoding(&grid, &layers, owner.params())?;
    /// let (mut scratch, mut output) = (vec![0.0; net.scratch_len()], [0.0]);
    /// net.predict_into(&[0.5, 0.25], &mut output, &mut scratch)?;
    /// assert_eq!(output.to_vec(), owner.predict(&[0.5, 0.25])?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] if the encoding has no inputs or no outputs.
    /// - [`Error::Length`] unless there are as many parameters as layers and encoding take.
    /// - All other errors of [`new`](Self::new).
    pub fn with_encoding(
        encoding: &'a dyn Encoding<T>,
        layers: &'a [LayerSpec<'a, T>],
        params: &'a [T],
    ) -> Result<Self> {
        Self::checked(Shape::with_encoding(encoding, layers)?, params)
    }

    fn checked(shape: Shape<'a, T>, params: &'a [T]) -> Result<Self> {
        check_length("parameters", params, shape.counts().total())?;
        check_finite("parameters", params)?;
        Ok(Self { shape, params })
    }

    /// Creates the network of a `static` or `const`. If the parameters do not fit the layers, it
    /// does not compile:
    ///
    /// ```compile_fail
    /// use feedforward::{LayerSpec, MlpRef, activation::Identity};
    ///
    /// static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &Identity)];
    /// static NET: MlpRef<f32> = MlpRef::constant(2, &LAYERS, &[0.5, -0.5]); // no bias
    /// ```
    ///
    /// A constant cannot check the pieces of activations, or that parameters are finite. If an
    /// activation's pieces are not its layer's, each prediction returns an error. Parameters that
    /// are not finite produce outputs that are not finite, which are errors too. A layer of
    /// [`LayerSpec::new`] ignores that its activation is parametric, as if each α were 1.
    ///
    /// # Panics
    /// Panics if the parameters do not fit the layers. Call this function in constants only. At run
    /// time use [`new`](Self::new).
    pub const fn constant(inputs: usize, layers: &'a [LayerSpec<'a, T>], params: &'a [T]) -> Self {
        Self::asserted(Shape::constant(inputs, layers), params)
    }

    /// Creates the network of a `static` or `const` with an encoding, which [`EncodingSpec`] shows.
    ///
    /// In addition to the checks of [`constant`](Self::constant), the encoding's sizes must fit. If
    /// they are not those of the encoding itself, each prediction returns an error.
    ///
    /// # Panics
    /// Panics if the encoding has no inputs, or if the parameters do not fit layers and encoding.
    /// Call this function in constants only. At run time use
    /// [`with_encoding`](Self::with_encoding).
    pub const fn constant_with_encoding(
        encoding: EncodingSpec<'a, T>,
        layers: &'a [LayerSpec<'a, T>],
        params: &'a [T],
    ) -> Self {
        Self::asserted(Shape::asserted(0, Front::One(encoding), layers), params)
    }

    /// Creates the network of a `static` or `const` with several encodings side by side.
    ///
    /// Each takes the next inputs. Their outputs follow each other, and so do their parameters, as
    /// in a [`Concat`](crate::encoding::Concat):
    ///
    /// ```
    /// use feedforward::{EncodingSpec, LayerSpec, MlpRef, activation};
    /// use feedforward::encoding::{Categories, Identity};
    ///
    /// // A number, and one of three categories. Their tables have a last row for unknown ones.
    /// static ENCODINGS: [EncodingSpec<f32>; 2] = [
    ///     EncodingSpec { inputs: 1, outputs: 1, params_len: 0, encoding: &Identity::constant(1) },
    ///     EncodingSpec {
    ///         inputs: 1,
    ///         outputs: 1,
    ///         params_len: 4,
    ///         encoding: &Categories::constant(&[(3, 1)], 1.0),
    ///     },
    /// ];
    /// static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &activation::Identity)];
    /// // y = 2 number + vector, with the vectors 10, 20, 30, and 5 for unknown categories.
    /// static PARAMS: [f32; 7] = [2.0, 1.0, 0.0, 10.0, 20.0, 30.0, 5.0];
    /// static NET: MlpRef<f32> = MlpRef::constant_with_encodings(&ENCODINGS, &LAYERS, &PARAMS);
    ///
    /// let mut outputs = [0.0; 2];
    /// NET.predict_into(&[0.5, 1.0, 1.5, -1.0], &mut outputs, &mut [0.0; NET.scratch_len()])?;
    /// assert_eq!(outputs, [21.0, 8.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Panics
    /// Panics without encodings, and where
    /// [`constant_with_encoding`](Self::constant_with_encoding) does. Call this function in
    /// constants only.
    pub const fn constant_with_encodings(
        encodings: &'a [EncodingSpec<'a, T>],
        layers: &'a [LayerSpec<'a, T>],
        params: &'a [T],
    ) -> Self {
        Self::asserted(Shape::constant_with_encodings(encodings, layers), params)
    }

    /// Panics unless there are as many parameters as the shape takes.
    const fn asserted(shape: Shape<'a, T>, params: &'a [T]) -> Self {
        assert!(
            shape.counts().total() == params.len(),
            "the number of parameters does not match the layers"
        );
        Self { shape, params }
    }

    /// Returns the number of inputs.
    pub const fn inputs(&self) -> usize {
        self.shape.inputs()
    }

    /// Returns the number of outputs.
    pub const fn outputs(&self) -> usize {
        self.shape.outputs()
    }

    /// Returns the encodings in front of the layers in order: none, one, or several side by side.
    pub const fn encodings(&self) -> &[EncodingSpec<'a, T>] {
        self.shape.encodings()
    }

    /// Returns all parameters: layer by layer weights then biases, and last those of encodings.
    pub const fn params(&self) -> &'a [T] {
        self.params
    }

    /// Returns the length of the scratch array that [`predict_into`](Self::predict_into) needs.
    ///
    /// It is the maximum number of outputs of the encodings or a hidden layer, plus the maximum
    /// number of pre-activations of any layer. For a constant network it can be a constant.
    pub const fn scratch_len(&self) -> usize {
        let (values, rows) = self.shape.widths();
        values + rows
    }

    /// Writes the outputs for one or more samples, without allocation. `inputs` is row-major
    /// `[samples x inputs]`, and `outputs` is `[samples x outputs]`. The previous contents of
    /// `scratch` do not matter.
    ///
    /// Results are bit-identical to those of [`Mlp::predict`](crate::Mlp::predict), for one sample
    /// and for several. For large networks or many samples a [`Predictor`](crate::Predictor) is
    /// faster, but it needs memory for packed weights.
    ///
    /// # Errors
    /// - [`Error::Rows`] unless `inputs` holds one or more whole samples.
    /// - [`Error::Length`] unless `outputs` has the length of their outputs, or if `scratch` is
    ///   shorter than [`scratch_len`](Self::scratch_len).
    /// - [`Error::NotFinite`] if an input is not finite.
    /// - [`Error::Overflow`] if an output is not finite. As that of
    ///   [`Mlp::predict`](crate::Mlp::predict), it names the encoding, or the first layer that
    ///   overflows.
    /// - [`Error::Shape`] if a layer's number of pieces is not its activation's, or if the sizes of
    ///   an [`EncodingSpec`] are not its encoding's. The message of this error is allocated.
    pub fn predict_into(&self, inputs: &[T], outputs: &mut [T], scratch: &mut [T]) -> Result<()> {
        self.shape.predict(
            inputs,
            outputs,
            scratch,
            |inputs, outputs, scratch, visit| {
                predict::predict(self, inputs, outputs, scratch, visit);
            },
        )
    }

    /// Predicts as [`predict_into`](Self::predict_into), and shows the outputs of each layer.
    #[cfg(target_has_atomic = "ptr")]
    pub(crate) fn predict_visited(
        &self,
        inputs: &[T],
        outputs: &mut [T],
        scratch: &mut [T],
        visitor: &mut predict::Visitor<'_, T>,
    ) -> Result<()> {
        self.shape
            .predict(inputs, outputs, scratch, |inputs, outputs, scratch, _| {
                predict::predict(self, inputs, outputs, scratch, Some(&mut *visitor));
            })
    }
}
