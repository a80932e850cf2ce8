//! Networks in integers that borrow everything.

use super::inputs::{InputInteger, QuantizedInputs};
use super::lanes::LANES;
use super::layer::{Outputs, QuantizedLayer};
#[cfg(target_has_atomic = "ptr")]
use super::owned::OwnedLayer;
use crate::activation::Activation;
use crate::error::{Error, Result, check_length, check_rows};
use crate::float::{check_finite, check_finite_rows};

/// The meaning of a quantized network's outputs q: y = f((q - `zero_point`) · scale).
#[derive(Clone, Copy, Debug)]
pub struct QuantizedOutputs<'a> {
    /// Difference of the numbers of two adjacent integers.
    pub scale: f32,
    /// Integer for the number 0.
    pub zero_point: i32,
    /// Activation f that is computed in f32. `None` for the identity.
    pub activation: Option<&'a dyn Activation<f32>>,
}

/// A multilayer perceptron in integers that borrows everything, for example from `static`s.
///
/// [`predict_int8`](Self::predict_int8), [`predict_int16`](Self::predict_int16) and
/// [`predict_int32`](Self::predict_int32) need neither allocation nor floating-point numbers.
/// Results are equal on every machine and instruction set.
///
/// ```
/// use feedforward::quantize::{
///     QuantizedInputs, QuantizedLayer, QuantizedMlpRef, QuantizedOutputs, Rounding,
/// };
///
/// // y = max(0, 2 x0 - x1), with inputs in units of 0.1 and outputs in units of 0.2.
/// static LAYERS: [QuantizedLayer; 1] = [QuantizedLayer {
///     weights: &[2, -1],
///     biases: &[0],
///     multipliers: &[1 << 30],
///     shifts: &[0],
///     rounding: Rounding::Double,
///     zero_point: 0,
///     min: 0,
///     max: 127,
///     table: None,
/// }];
/// static NET: QuantizedMlpRef = QuantizedMlpRef::constant(
///     QuantizedInputs { factors: &[10.0; 2], offsets: &[0.0; 2], bits: 8 },
///     &LAYERS,
///     QuantizedOutputs { scale: 0.2, zero_point: 0, activation: None },
/// );
///
/// let mut scratch = [0; NET.scratch_len()];
/// let mut integers = [0; 1];
/// NET.predict_int8(&[30_i8, 20], &mut integers, &mut scratch)?;
/// assert_eq!(integers, [20]);
///
/// let mut numbers = [0.0; 1];
/// NET.predict_into(&[3.0, 2.0], &mut numbers, &mut scratch)?;
/// assert_eq!(numbers, [4.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct QuantizedMlpRef<'a> {
    pub(super) inputs: QuantizedInputs<'a>,
    pub(super) layers: Layers<'a>,
    pub(super) outputs: QuantizedOutputs<'a>,
}

/// Layers: a slice of them, or those of an owned network.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layers<'a> {
    Borrowed(&'a [QuantizedLayer<'a>]),
    #[cfg(target_has_atomic = "ptr")]
    Owned(&'a [OwnedLayer]),
}

impl<'a> Layers<'a> {
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::Borrowed(layers) => layers.len(),
            #[cfg(target_has_atomic = "ptr")]
            Self::Owned(layers) => layers.len(),
        }
    }

    const fn outputs(&self, index: usize) -> usize {
        match self {
            Self::Borrowed(layers) => layers[index].outputs(),
            #[cfg(target_has_atomic = "ptr")]
            Self::Owned(layers) => layers[index].outputs(),
        }
    }

    pub(super) fn get(&self, index: usize) -> QuantizedLayer<'a> {
        match self {
            Self::Borrowed(layers) => layers[index],
            #[cfg(target_has_atomic = "ptr")]
            Self::Owned(layers) => layers[index].view(),
        }
    }
}

impl<'a> QuantizedMlpRef<'a> {
    /// Creates a network for a constant. Parts that do not fit are a compile error.
    ///
    /// # Panics
    /// Panics where [`new`](Self::new) returns an error. Call this function in constants only.
    pub const fn constant(
        inputs: QuantizedInputs<'a>,
        layers: &'a [QuantizedLayer<'a>],
        outputs: QuantizedOutputs<'a>,
    ) -> Self {
        assert!(
            inputs.factors.len() == inputs.offsets.len(),
            "a quantized network needs as many offsets as factors"
        );
        assert!(
            inputs.bits == 8 || inputs.bits == 16,
            "inputs of a quantized network need 8 or 16 bits"
        );
        assert!(!layers.is_empty(), "a quantized network needs layers");
        let mut index = 0;
        while index < inputs.factors.len() {
            assert!(
                inputs.factors[index].is_finite() && inputs.offsets[index].is_finite(),
                "factors and offsets of a quantized network must be finite"
            );
            index += 1;
        }
        assert!(
            outputs.scale.is_finite(),
            "the scale of outputs must be finite"
        );
        let mut from = (inputs.factors.len(), inputs.largest());
        index = 0;
        while index < layers.len() {
            if let Some(fault) = layers[index].fault(from, index + 1 == layers.len()) {
                panic!("{}", fault.message());
            }
            from = (layers[index].outputs(), layers[index].largest());
            index += 1;
        }
        Self {
            inputs,
            layers: Layers::Borrowed(layers),
            outputs,
        }
    }

    /// Creates a network from parts that are known only at run time.
    ///
    /// # Errors
    /// - [`Error::Length`] unless there are as many offsets as factors
    /// - [`Error::InvalidSetting`] unless inputs have 8 or 16 bits
    /// - [`Error::Empty`] without layers
    /// - [`Error::NotFinite`] if a factor, an offset or the scale is not finite
    /// - [`Error::Incompatible`] if a layer does not fit its inputs, if its numbers are outside
    ///   their ranges, or if its sums can overflow
    pub fn new(
        inputs: QuantizedInputs<'a>,
        layers: &'a [QuantizedLayer<'a>],
        outputs: QuantizedOutputs<'a>,
    ) -> Result<Self> {
        Self::checked(inputs, Layers::Borrowed(layers), outputs)
    }

    pub(super) fn checked(
        inputs: QuantizedInputs<'a>,
        layers: Layers<'a>,
        outputs: QuantizedOutputs<'a>,
    ) -> Result<Self> {
        let width = inputs.factors.len();
        check_length("offsets of inputs", inputs.offsets, width)?;
        check_bits(inputs.bits)?;
        check_finite("factors of inputs", inputs.factors)?;
        check_finite("offsets of inputs", inputs.offsets)?;
        check_finite("scale of outputs", &[outputs.scale])?;
        check_activation(outputs.activation)?;
        if layers.len() == 0 {
            return Err(Error::Empty { what: "layers" });
        }
        let mut from = (width, inputs.largest());
        for index in 0..layers.len() {
            let layer = layers.get(index);
            layer.check(index, from, index + 1 == layers.len())?;
            from = (layer.outputs(), layer.largest());
        }
        Ok(Self {
            inputs,
            layers,
            outputs,
        })
    }

    /// Returns the number of inputs.
    pub const fn inputs(&self) -> usize {
        self.inputs.factors.len()
    }

    /// Returns the number of outputs.
    pub const fn outputs(&self) -> usize {
        self.layers.outputs(self.layers.len() - 1)
    }

    /// Returns the input stage.
    pub const fn input_stage(&self) -> QuantizedInputs<'a> {
        self.inputs
    }

    /// Returns the meaning of the outputs.
    pub const fn output_stage(&self) -> QuantizedOutputs<'a> {
        self.outputs
    }

    /// Returns the layers in order.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = QuantizedLayer<'a>> + use<'a> {
        let layers = self.layers;
        (0..layers.len()).map(move |index| layers.get(index))
    }

    /// Returns the length of the scratch array that predictions need.
    ///
    /// It is the maximum number of inputs of layers with even indices, plus that of odd ones.
    pub const fn scratch_len(&self) -> usize {
        self.widths()[0] + self.widths()[1]
    }

    /// Returns the length of a longer scratch array, with which predictions of 32 samples or more
    /// compute 32 of them together.
    ///
    /// This is faster on processors with vector instructions. Results are equal.
    pub const fn batch_scratch_len(&self) -> usize {
        LANES * self.scratch_len()
    }

    /// Returns the maximum numbers of inputs of layers with even and with odd indices.
    pub(super) const fn widths(&self) -> [usize; 2] {
        let mut widths = [self.inputs(), 0];
        let mut index = 1;
        while index < self.layers.len() {
            let width = self.layers.outputs(index - 1);
            if width > widths[index % 2] {
                widths[index % 2] = width;
            }
            index += 1;
        }
        widths
    }

    /// Writes the integers of one or more samples' inputs. Both slices are row-major
    /// `[samples x inputs]`.
    ///
    /// # Errors
    /// - [`Error::Rows`], [`Error::Length`] and [`Error::NotFinite`] for invalid slices
    /// - [`Error::Incompatible`] unless the network's inputs have this type
    pub fn quantize_inputs<I: InputInteger>(
        &self,
        inputs: &[f32],
        integers: &mut [I],
    ) -> Result<()> {
        self.inputs.check_type::<I>()?;
        let width = self.inputs();
        check_rows("inputs", inputs, width)?;
        check_length("integers", integers, inputs.len())?;
        check_finite_rows("inputs", inputs, width)?;
        let rows = inputs.chunks_exact(width);
        for (row, to) in rows.zip(integers.chunks_exact_mut(width)) {
            for (to, q) in to.iter_mut().zip(self.inputs.quantized(row)) {
                *to = I::narrowed(q);
            }
        }
        Ok(())
    }

    /// Writes the outputs for one or more samples as numbers. `inputs` is row-major
    /// `[samples x inputs]`, and `outputs` is `[samples x outputs]`.
    ///
    /// # Errors
    /// - [`Error::Rows`] and [`Error::Length`] as in [`predict_int8`](Self::predict_int8)
    /// - [`Error::NotFinite`] if an input is not finite
    /// - [`Error::Overflow`] if an output is not finite
    /// - [`Error::Incompatible`] for an activation of several pieces or with numbers α
    pub fn predict_into(
        &self,
        inputs: &[f32],
        outputs: &mut [f32],
        scratch: &mut [i16],
    ) -> Result<()> {
        self.check(inputs, outputs.len(), scratch)?;
        check_activation(self.outputs.activation)?;
        check_finite_rows("inputs", inputs, self.inputs())?;
        let QuantizedOutputs {
            scale, zero_point, ..
        } = self.outputs;
        let samples = inputs.chunks_exact(self.inputs());
        let to = |y| Outputs::Float(y, scale, zero_point);
        let samples = samples.map(|x| self.inputs.quantized(x));
        self.run_all(samples, outputs, to, scratch);
        if let Some(activation) = self.outputs.activation {
            let mut z = [0.0; 16];
            for y in outputs.chunks_mut(z.len()) {
                let z = &mut z[..y.len()];
                z.copy_from_slice(y);
                activation.apply(z, y);
            }
        }
        match outputs.iter().find(|y| !y.is_finite()) {
            None => Ok(()),
            Some(&value) => Err(Error::Overflow {
                what: "output",
                layer: self.layers.len() - 1,
                value: value.into(),
            }),
        }
    }

    pub(super) fn check<T>(&self, inputs: &[T], outputs: usize, scratch: &[i16]) -> Result<()> {
        let samples = check_rows("inputs", inputs, self.inputs())?;
        let expected = samples * self.outputs();
        if outputs != expected {
            return Err(Error::Length {
                what: "outputs",
                expected,
                got: outputs,
            });
        }
        let (expected, got) = (self.scratch_len(), scratch.len());
        if got < expected {
            return Err(Error::Length {
                what: "scratch",
                expected,
                got,
            });
        }
        Ok(())
    }
}

/// Checks that the activation of outputs is a function of one number.
fn check_activation(activation: Option<&dyn Activation<f32>>) -> Result<()> {
    match activation {
        Some(f) if f.pieces() != 1 || f.is_parametric() => {
            let (what, expected) = ("activation of outputs", "a function of one number");
            Err(Error::incompatible(what, expected, f.name()))
        }
        _ => Ok(()),
    }
}

fn check_bits(bits: u32) -> Result<()> {
    match bits {
        8 | 16 => Ok(()),
        _ => Err(Error::invalid_setting("bits of an input", "8 or 16", bits)),
    }
}
