//! Networks with int8 weights, for chips with little flash and no floating-point unit.
//!
//! A [`Quantizer`] takes a trained network and calibration samples, and makes a [`QuantizedMlp`].
//! Its weights take a quarter of the memory, and it computes in integers only. Results are equal on
//! every chip. [`QuantizedMlp::compare`] reports where accuracy was lost.
//!
//! ```
//! use feedforward::quantize::{QuantizedMlpRef, Quantizer};
//! use feedforward::{Mlp, activation::{Identity, Relu}};
//!
//! let net = Mlp::<f32>::builder(2).hidden(16, Relu).output(1, Identity).seed(1).build()?;
//! let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
//! let quantized = Quantizer::new().quantize(&net, &samples)?;
//!
//! // Integers in, integers out: sensors and actuators often have them.
//! let borrowed = QuantizedMlpRef::from(&quantized);
//! let (mut integers, mut output) = ([0_i8; 2], [0; 1]);
//! borrowed.quantize_inputs(&[0.5, -0.25], &mut integers)?;
//! borrowed.predict_int32(&integers, &mut output, &mut vec![0; borrowed.scratch_len()])?;
//! let number = output[0] as f32 * borrowed.output_stage().scale;
//! assert_eq!([number].to_vec(), quantized.predict(&[0.5, -0.25])?);
//! # Ok::<(), feedforward::Error>(())
//! ```
//!
//! [`Quantizer::quantize_weights`] stores the weights alone in int8. Such a [`WeightQuantizedMlp`]
//! needs no calibration samples, computes in f32, and takes any activation and encoding.
//!
//! # Arithmetic
//! Integers q stand for numbers (q - zero point) · scale. Weights have a scale for each row and no
//! zero point. Activations have a scale and a zero point for each layer, and each input has its own
//! factor and offset. [`QuantizedLayer`] has the equation of a layer.
//!
//! ReLU and its kind limit integers, and any other activation is a table of 256 bytes. The last
//! layer's outputs are int32 by default, because 8 bits are too coarse for regression. Inputs and
//! hidden layers can have [16 bits](Quantizer::activation_bits), with interpolated tables.
//!
//! The scheme is that of TFLite: [LiteRT's
//! specification](https://ai.google.dev/edge/litert/models/quantization_spec).

#[cfg(target_has_atomic = "ptr")]
mod compensate;
#[cfg(target_has_atomic = "ptr")]
mod equalize;
#[cfg(all(feature = "safetensors", target_has_atomic = "ptr"))]
mod file;
#[cfg(target_has_atomic = "ptr")]
mod fold;
#[cfg(target_has_atomic = "ptr")]
mod incoming;
mod inputs;
mod integers;
mod lanes;
mod layer;
#[cfg(target_has_atomic = "ptr")]
mod limits;
#[cfg(target_has_atomic = "ptr")]
mod linear;
mod multiplier;
mod network;
#[cfg(target_has_atomic = "ptr")]
mod owned;
#[cfg(target_has_atomic = "ptr")]
mod quantizer;
#[cfg(target_has_atomic = "ptr")]
mod range;
#[cfg(target_has_atomic = "ptr")]
mod report;
#[cfg(target_has_atomic = "ptr")]
mod rounded;
mod run;
#[cfg(target_has_atomic = "ptr")]
mod shadow;
#[cfg(target_has_atomic = "ptr")]
mod source;
#[cfg(target_has_atomic = "ptr")]
mod stage;
#[cfg(target_has_atomic = "ptr")]
mod statistics;
#[cfg(target_has_atomic = "ptr")]
mod table;
#[cfg(target_has_atomic = "ptr")]
mod training;
#[cfg(target_has_atomic = "ptr")]
mod walk;
mod weights;

pub use inputs::{InputInteger, QuantizedInputs};
pub use layer::{QuantizedLayer, QuantizedTable};
pub use multiplier::{Multiplier, Rounding};
pub use network::{QuantizedMlpRef, QuantizedOutputs};
pub use weights::WeightQuantizedMlpRef;
#[cfg(target_has_atomic = "ptr")]
pub use {
    owned::QuantizedMlp,
    quantizer::{OutputForm, Quantizer},
    range::RangeRule,
    report::{QuantizationNoise, QuantizationReport},
    weights::WeightQuantizedMlp,
};
