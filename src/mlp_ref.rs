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
use crate::float::{Float, check_finite, check_finite_rows, instantiate};
use crate::simd::{self, Op, Simd};

/// One layer of an [`MlpRef`].
#[derive(Clone, Copy, Debug)]
pub struct LayerSpec<'a, T> {
    outputs: usize,
    pieces: usize,
    activation: &'a dyn Activation<T>,
}

impl<'a, T: Float> LayerSpec<'a, T> {
    /// So many neurons with this activation of one piece.
    pub const fn new(outputs: usize, activation: &'a dyn Activation<T>) -> Self {
        Self::with_pieces(outputs, 1, activation)
    }

    /// So many neurons with this activation, which takes so many
    /// [pieces](Activation::pieces): to ask for them is not possible in a constant.
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
        let expected = self.activation.pieces();
        if self.pieces == expected {
            return Ok(());
        }
        Err(Error::shape(
            "pieces of a layer",
            alloc::format!("{expected}, as its activation takes"),
            self.pieces,
        ))
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
    /// [`Error::Empty`] without layers, [`Error::OutOfRange`] if there are no inputs, if a layer
    /// has no neurons or too many, or other pieces than its activation, or if a parameter of an
    /// activation is out of range, [`Error::Length`]
    /// unless there are just the parameters that the layers take, [`Error::NotFinite`] if one
    /// is not finite.
    pub fn new(inputs: usize, layers: &'a [LayerSpec<'a, T>], params: &'a [T]) -> Result<Self> {
        check_not_empty("layers", layers)?;
        layers.iter().try_for_each(LayerSpec::check_pieces)?;
        layers
            .iter()
            .try_for_each(|layer| layer.activation.check())?;
        let Some(expected) = count(inputs, layers) else {
            return Err(Error::invalid_setting(
                "sizes of inputs and layers",
                "at least 1 each, and parameters that can be counted",
                alloc::format!("{inputs} inputs, {layers:?}"),
            ));
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
    /// [`Error::OutOfRange`] if a layer has other pieces than its activation. Only making the last
    /// one allocates, its message.
    pub fn predict_into(&self, inputs: &[T], outputs: &mut [T], scratch: &mut [T]) -> Result<()> {
        simd::check()?;
        let samples = check_rows("inputs", inputs, self.inputs)?;
        check_length("outputs", outputs, samples.saturating_mul(self.outputs()))?;
        let (got, expected) = (scratch.len(), self.scratch_len());
        let Some(scratch) = scratch.get_mut(..expected) else {
            return Err(Error::Length {
                what: "scratch",
                expected,
                got,
            });
        };
        check_finite_rows("inputs", inputs, self.inputs)?;
        self.layers.iter().try_for_each(LayerSpec::check_pieces)?;
        predict(*self, inputs, outputs, scratch);
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
        // A row has a weight for each input, and a bias.
        let (Some(rows), Some(row)) = (
            layer.outputs.checked_mul(layer.pieces),
            before.checked_add(1),
        ) else {
            return None;
        };
        let Some(params) = rows.checked_mul(row) else {
            return None;
        };
        if rows == 0 || before == 0 {
            return None;
        }
        let Some(sum) = total.checked_add(params) else {
            return None;
        };
        (total, before) = (sum, layer.outputs);
        index += 1;
    }
    if index == 0 { None } else { Some(total) }
}

instantiate! {
    /// Sample by sample through all layers, of slices that fit.
    fn predict<T>(net: MlpRef<'_, T>, inputs: &[T], outputs: &mut [T], scratch: &mut [T]) {
        simd::dispatch(Predict { net, inputs, outputs, scratch });
    }
}

struct Predict<'a, T> {
    net: MlpRef<'a, T>,
    inputs: &'a [T],
    outputs: &'a mut [T],
    scratch: &'a mut [T],
}

impl<T: Float> Op for Predict<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self {
            net,
            inputs,
            outputs,
            scratch,
        } = self;
        let last = net.layers.len() - 1;
        let mut widest = 0;
        for layer in &net.layers[..last] {
            widest = layer.outputs.max(widest);
        }
        let (values, z) = scratch.split_at_mut(widest);
        let samples = inputs.chunks_exact(net.inputs);
        for (input, output) in samples.zip(outputs.chunks_exact_mut(net.layers[last].outputs)) {
            let (mut rest, mut width) = (net.params, net.inputs);
            for (index, layer) in net.layers.iter().enumerate() {
                let rows = layer.rows();
                let (weights, others) = rest.split_at(rows * width);
                let (bias, others) = others.split_at(rows);
                let inputs = if index == 0 { input } else { &values[..width] };
                pre_activations::<T, S>(inputs, weights, bias, &mut z[..rows]);
                // Values that went in are needed no more.
                let y = if index == last {
                    &mut output[..]
                } else {
                    &mut values[..layer.outputs]
                };
                layer.activation.apply(&z[..rows], y);
                (rest, width) = (others, layer.outputs);
            }
        }
    }
}

/// z = W x + b for one sample, each a chain as in [`Neuron`](crate::Neuron); several at once,
/// since each must wait for its own sums.
#[inline(always)]
fn pre_activations<T: Float, S: Simd>(inputs: &[T], weights: &[T], bias: &[T], z: &mut [T]) {
    let done = rows::<8, T, S>(0, inputs, weights, bias, z);
    let done = rows::<4, T, S>(done, inputs, weights, bias, z);
    // All that are left at once: few outputs of many inputs are the rule.
    match bias.len() - done {
        3 => rows::<3, T, S>(done, inputs, weights, bias, z),
        2 => rows::<2, T, S>(done, inputs, weights, bias, z),
        _ => rows::<1, T, S>(done, inputs, weights, bias, z),
    };
}

/// As many whole blocks of rows as there are from `first` on; returns where they end.
#[inline(always)]
fn rows<const ROWS: usize, T: Float, S: Simd>(
    first: usize,
    inputs: &[T],
    weights: &[T],
    bias: &[T],
    z: &mut [T],
) -> usize {
    let width = inputs.len();
    let blocks = weights[first * width..].chunks_exact(ROWS * width);
    let biases = bias[first..].chunks_exact(ROWS);
    let end = first + biases.len() * ROWS;
    for ((block, bias), z) in blocks.zip(biases).zip(z[first..].chunks_exact_mut(ROWS)) {
        let rows: [&[T]; ROWS] = core::array::from_fn(|row| &block[row * width..][..width]);
        let mut sums = [T::zero(); ROWS];
        for (index, &x) in inputs.iter().enumerate() {
            for (sum, row) in sums.iter_mut().zip(&rows) {
                let w = row[index];
                *sum = if S::FUSED {
                    x.mul_add(w, *sum)
                } else {
                    x * w + *sum
                };
            }
        }
        for ((z, sum), &bias) in z.iter_mut().zip(sums).zip(bias) {
            *z = sum + bias;
        }
    }
    end
}

macro_rules! from_le_bytes {
    ($name:ident, $float:ident, $size:literal) => {
        /// Parameters from a file of little-endian numbers, while the program is compiled.
        ///
        /// ```
        #[doc = concat!("use feedforward::mlp_ref::", stringify!($name), ";")]
        ///
        /// // For a file `include_bytes!("params.bin")`, of whose `params` the bytes are
        /// // `params.iter().flat_map(|p| p.to_le_bytes())`.
        #[doc = concat!("static BYTES: [u8; 2 * ", stringify!($size), "] = {")]
        #[doc = concat!("    let mut bytes = [0; 2 * ", stringify!($size), "];")]
        #[doc = concat!("    bytes[", stringify!($size), " - 1] = 0x40; // the last byte of 2")]
        ///     bytes
        /// };
        #[doc = concat!("static PARAMS: [", stringify!($float), "; 2] = ", stringify!($name), "(&BYTES);")]
        /// assert_eq!(PARAMS, [2.0, 0.0]);
        /// ```
        ///
        /// # Panics
        /// If there are other than `N` numbers, or one is not finite: errors of the compiler, where it
        /// makes a `static` of them.
        pub const fn $name<const N: usize>(bytes: &[u8]) -> [$float; N] {
            let (numbers, rest) = bytes.as_chunks::<$size>();
            assert!(
                numbers.len() == N && rest.is_empty(),
                "the file does not have as many numbers as the array"
            );
            let (mut values, mut index) = ([0.0; N], 0);
            while index < N {
                values[index] = $float::from_le_bytes(numbers[index]);
                assert!(values[index].is_finite(), "a number of the file is not finite");
                index += 1;
            }
            values
        }
    };
}

from_le_bytes! { f32_from_le_bytes, f32, 4 }
from_le_bytes! { f64_from_le_bytes, f64, 8 }
