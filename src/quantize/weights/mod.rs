//! Networks whose weights alone are int8.

use crate::encoding::Encoding;
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Result, check_length};
use crate::float::check_finite;
#[cfg(target_has_atomic = "ptr")]
use crate::mlp_ref::predict::Visitor;
use crate::mlp_ref::predict::{Params, Predict, Scratch, Visit};
use crate::mlp_ref::{EncodingSpec, LayerSpec, Shape};
use crate::simd::{self, Simd};

#[cfg(target_has_atomic = "ptr")]
mod biases;
#[cfg(all(feature = "safetensors", target_has_atomic = "ptr"))]
mod file;
#[cfg(target_has_atomic = "ptr")]
mod owned;
mod product;
#[cfg(target_has_atomic = "ptr")]
mod report;
#[cfg(target_has_atomic = "ptr")]
mod to_rust;

#[cfg(target_has_atomic = "ptr")]
pub use owned::WeightQuantizedMlp;

/// A multilayer perceptron with weights in int8 that borrows everything, for example from
/// `static`s.
///
/// Inputs, activations and outputs are f32. For its inputs x, a layer computes
///
/// ```text
/// z[r] = scales[r] · (Σ weights[r][c] · x[c]) + biases[r]
/// ```
///
/// as a chain of fused multiply-adds in index order. Results are bit-identical on every instruction
/// set with fused multiply-add, and for one sample or several. Predictions allocate nothing.
///
/// It takes everything that an [`MlpRef`](crate::MlpRef) takes: any activation, also with several
/// pieces or numbers α, and encodings. [`Quantizer::quantize_weights`] makes the weights of a
/// trained network, and [`WeightQuantizedMlp::to_rust`] writes them as `static`s.
///
/// ```
/// use feedforward::quantize::WeightQuantizedMlpRef;
/// use feedforward::{LayerSpec, activation::{Identity, Relu}};
///
/// // y = |x0 - x1|, with layers of 2 neurons and of 1.
/// static LAYERS: [LayerSpec<f32>; 2] = [LayerSpec::new(2, &Relu), LayerSpec::new(1, &Identity)];
/// static WEIGHTS: [i8; 6] = [100, -100, -100, 100, 50, 50];
/// // Layer by layer: a scale for each row of weights, then the biases.
/// static PARAMS: [f32; 6] = [0.01, 0.01, 0.0, 0.0, 0.02, 0.0];
/// // Layers, weights and parameters that do not fit are a compile error.
/// static NET: WeightQuantizedMlpRef =
///     WeightQuantizedMlpRef::constant(2, &LAYERS, &WEIGHTS, &PARAMS);
///
/// let (mut scratch, mut output) = ([0.0; NET.scratch_len()], [0.0]);
/// NET.predict_into(&[0.25, 1.0], &mut output, &mut scratch)?;
/// assert!((output[0] - 0.75).abs() < 1e-6);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// [`Quantizer::quantize_weights`]: super::Quantizer::quantize_weights
/// [`WeightQuantizedMlp::to_rust`]: super::WeightQuantizedMlp::to_rust
#[derive(Clone, Copy, Debug)]
pub struct WeightQuantizedMlpRef<'a> {
    shape: Shape<'a, f32>,
    weights: &'a [i8],
    params: &'a [f32],
}

impl<'a> WeightQuantizedMlpRef<'a> {
    /// Creates a network from numbers that are known only at run time.
    ///
    /// `weights` are those of all layers, row-major `[rows x inputs]`. `params` has for each layer
    /// the scales of its rows, the biases, and the numbers α of [`LayerSpec::parametric`].
    ///
    /// # Errors
    /// - The errors of [`MlpRef::new`](crate::MlpRef::new) for inputs and layers
    /// - [`Error::Length`] unless there are as many weights and parameters as the layers take
    /// - [`Error::NotFinite`] if a parameter is not finite
    pub fn new(
        inputs: usize,
        layers: &'a [LayerSpec<'a, f32>],
        weights: &'a [i8],
        params: &'a [f32],
    ) -> Result<Self> {
        Self::checked(Shape::new(inputs, layers)?, weights, params)
    }

    /// Creates a network with an encoding from numbers that are known only at run time. The
    /// encoding's parameters lie at the end of `params`.
    ///
    /// # Errors
    /// - The errors of [`MlpRef::with_encoding`](crate::MlpRef::with_encoding) for the encoding
    /// - The errors of [`new`](Self::new)
    pub fn with_encoding(
        encoding: &'a dyn Encoding<f32>,
        layers: &'a [LayerSpec<'a, f32>],
        weights: &'a [i8],
        params: &'a [f32],
    ) -> Result<Self> {
        Self::checked(Shape::with_encoding(encoding, layers)?, weights, params)
    }

    fn checked(shape: Shape<'a, f32>, weights: &'a [i8], params: &'a [f32]) -> Result<Self> {
        let [weights_len, params_len] = lengths(&shape);
        check_length("quantized weights", weights, weights_len)?;
        check_length("parameters", params, params_len)?;
        check_finite("parameters", params)?;
        Ok(Self {
            shape,
            weights,
            params,
        })
    }

    /// Creates the network of a `static` or `const`. If the numbers do not fit the layers, it does
    /// not compile:
    ///
    /// ```compile_fail
    /// use feedforward::{LayerSpec, activation::Identity, quantize::WeightQuantizedMlpRef};
    ///
    /// static LAYERS: [LayerSpec<f32>; 1] = [LayerSpec::new(1, &Identity)];
    /// static NET: WeightQuantizedMlpRef =
    ///     WeightQuantizedMlpRef::constant(2, &LAYERS, &[5, -5], &[0.1]); // no bias
    /// ```
    ///
    /// The limits of [`MlpRef::constant`](crate::MlpRef::constant) hold: each prediction checks
    /// pieces and outputs.
    ///
    /// # Panics
    /// Panics if the numbers do not fit the layers. Call this function in constants only. At run
    /// time use [`new`](Self::new).
    pub const fn constant(
        inputs: usize,
        layers: &'a [LayerSpec<'a, f32>],
        weights: &'a [i8],
        params: &'a [f32],
    ) -> Self {
        Self::asserted(Shape::constant(inputs, layers), weights, params)
    }

    /// Creates the network of a `static` or `const` with one or more encodings side by side, as
    /// [`MlpRef::constant_with_encodings`](crate::MlpRef::constant_with_encodings) does. Their
    /// parameters lie at the end of `params`.
    ///
    /// # Panics
    /// Panics without encodings, if one has no inputs, or if the numbers do not fit layers and
    /// encodings. Call this function in constants only. At run time use
    /// [`with_encoding`](Self::with_encoding).
    pub const fn constant_with_encodings(
        encodings: &'a [EncodingSpec<'a, f32>],
        layers: &'a [LayerSpec<'a, f32>],
        weights: &'a [i8],
        params: &'a [f32],
    ) -> Self {
        let shape = Shape::constant_with_encodings(encodings, layers);
        Self::asserted(shape, weights, params)
    }

    const fn asserted(shape: Shape<'a, f32>, weights: &'a [i8], params: &'a [f32]) -> Self {
        let [weights_len, params_len] = lengths(&shape);
        assert!(
            weights_len == weights.len(),
            "the number of weights does not match the layers"
        );
        assert!(
            params_len == params.len(),
            "the number of scales, biases and other parameters does not match the layers"
        );
        Self {
            shape,
            weights,
            params,
        }
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
    pub const fn encodings(&self) -> &[EncodingSpec<'a, f32>] {
        self.shape.encodings()
    }

    /// Returns the layers in order, including the output layer.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = LayerSpec<'a, f32>> + use<'a> {
        self.shape.layers()
    }

    /// Returns the weights of all layers, row-major `[rows x inputs]`.
    pub const fn weights(&self) -> &'a [i8] {
        self.weights
    }

    /// Returns all other parameters: layer by layer scales, biases and numbers α, and last those of
    /// encodings.
    pub const fn params(&self) -> &'a [f32] {
        self.params
    }

    /// Returns the number of bytes that weights and parameters take.
    pub const fn bytes(&self) -> usize {
        size_of_val(self.weights) + size_of_val(self.params)
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
    /// # Errors
    /// - [`Error::Rows`] unless `inputs` holds one or more whole samples
    /// - [`Error::Length`] unless `outputs` has the length of their outputs, or if `scratch` is
    ///   shorter than [`scratch_len`](Self::scratch_len)
    /// - [`Error::NotFinite`] if an input is not finite
    /// - [`Error::Overflow`] if an output is not finite. It names the encoding, or the first layer
    ///   that overflows.
    /// - [`Error::Shape`] if a layer's number of pieces is not its activation's, or if the sizes of
    ///   an [`EncodingSpec`] are not its encoding's
    pub fn predict_into(
        &self,
        inputs: &[f32],
        outputs: &mut [f32],
        scratch: &mut [f32],
    ) -> Result<()> {
        self.shape.predict(
            inputs,
            outputs,
            scratch,
            |inputs, outputs, scratch, visit| {
                self.run(inputs, outputs, scratch, visit);
            },
        )
    }

    /// Predicts as [`predict_into`](Self::predict_into), and shows the outputs of each layer.
    #[cfg(target_has_atomic = "ptr")]
    fn predict_visited(
        &self,
        inputs: &[f32],
        outputs: &mut [f32],
        scratch: &mut [f32],
        visitor: &mut Visitor<'_, f32>,
    ) -> Result<()> {
        self.shape
            .predict(inputs, outputs, scratch, |inputs, outputs, scratch, _| {
                self.run(inputs, outputs, scratch, Some(&mut *visitor));
            })
    }

    /// Computes all layers. The caller has checked the lengths of the slices.
    fn run(
        &self,
        inputs: &[f32],
        outputs: &mut [f32],
        scratch: Scratch<'_, f32>,
        visit: Visit<'_, '_, f32>,
    ) {
        let encoding_params = self.params.len() - self.shape.counts().encodings;
        simd::dispatch(Predict {
            shape: &self.shape,
            params: Int8 {
                weights: self.weights,
                params: self.params,
            },
            encoding_params: &self.params[encoding_params..],
            inputs,
            outputs,
            scratch,
            visit,
        });
    }
}

/// Returns the numbers of weights and of all other parameters.
const fn lengths(shape: &Shape<'_, f32>) -> [usize; 2] {
    let counts = shape.counts();
    // A row has a scale and a bias.
    let params = 2 * counts.rows + counts.alphas + counts.encodings;
    [counts.weights, params]
}

/// The numbers of layers that follow.
#[derive(Clone, Copy)]
struct Int8<'a> {
    weights: &'a [i8],
    params: &'a [f32],
}

impl<'a> Params<'a, f32> for Int8<'a> {
    #[inline(always)]
    fn pre_activations<S: Simd>(&mut self, inputs: &[f32], z: &mut [f32]) {
        let (weights, others) = self.weights.split_at(z.len() * inputs.len());
        self.weights = others;
        let (scales, biases) = (self.alphas(z.len()), self.alphas(z.len()));
        product::pre_activations::<S>(inputs, weights, (scales, biases), z);
    }

    fn alphas(&mut self, count: usize) -> &'a [f32] {
        let (first, others) = self.params.split_at(count);
        self.params = others;
        first
    }
}
