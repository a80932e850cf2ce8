//! Quantized networks as safetensors files.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::owned::OwnedLayer;
use super::range::Affine;
use super::{QuantizedMlp, QuantizedMlpRef, Rounding};
use crate::activation;
use crate::error::Result;
use crate::float::check_finite;
use crate::mlp::Resolver;
use crate::mlp::file::{read_encoding, resolved, write_encoding};
use crate::mlp::resolver::BuiltIn;
use crate::storage::{Reader, Writer, contradicts, malformed, on_disk};

/// Kind of the file, as its description names it.
const QUANTIZED: &str = "quantized network";

/// Numbers of a layer that are no tensors.
#[derive(serde::Serialize, serde::Deserialize)]
struct Described {
    rounding: Rounding,
    zero_point: i32,
    min: i32,
    max: i32,
    output_scale: f64,
    output_zero_point: i32,
}

fn tensor(layer: usize, what: &str) -> String {
    format!("layers.{layer}.{what}")
}

impl QuantizedMlp {
    /// Returns the network as the bytes of a safetensors file. Layer N has these tensors:
    ///
    /// | tensor | type | shape |
    /// |---|---|---|
    /// | `layers.N.weight` | I8 | `[outputs, inputs]` |
    /// | `layers.N.bias`, `layers.N.multiplier` | I32 | `[outputs]` |
    /// | `layers.N.shift` | I8 | `[outputs]` |
    /// | `layers.N.table`, for an activation with a table | I8 | `[256]` |
    ///
    /// `inputs.factor` and `inputs.offset` are F32. An encoding is stored as in
    /// [`Mlp::to_bytes`](crate::Mlp::to_bytes). Equal networks produce equal bytes.
    ///
    /// ```
    /// use feedforward::quantize::{QuantizedMlp, Quantizer};
    /// use feedforward::{Mlp, activation::{Identity, Tanh}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(8, Tanh).output(1, Identity).build()?;
    /// let quantized = Quantizer::new().quantize(&net, &[0.5, -0.5, 1.0, 0.0])?;
    /// let same = QuantizedMlp::from_bytes(&quantized.to_bytes()?)?;
    /// assert_eq!(same.predict(&[0.3, 0.1])?, quantized.predict(&[0.3, 0.1])?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) if the format cannot hold the network.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut file = Writer::new(QUANTIZED);
        let described = self.layers.iter().map(|layer| Described {
            rounding: layer.rounding,
            zero_point: layer.zero_point,
            min: layer.min,
            max: layer.max,
            output_scale: layer.outputs.scale,
            output_zero_point: layer.outputs.zero_point,
        });
        file.describe("inputs", &self.inputs())?;
        file.describe("layers", &described.collect::<Vec<_>>())?;
        if let Some(activation) = &self.activation {
            file.describe("activation", &activation.name())?;
        }
        if let Some((encoding, params)) = &self.encoder {
            write_encoding(&mut file, &**encoding, params)?;
        }
        let inputs = [self.factors.len()];
        file.add("inputs.factor", &inputs, &self.factors);
        file.add("inputs.offset", &inputs, &self.offsets);
        for (index, layer) in self.layers.iter().enumerate() {
            let outputs = layer.outputs();
            let shape = [outputs, layer.weights.len() / outputs];
            let count = [layer.multipliers.len()];
            file.add_integers(tensor(index, "weight"), &shape, &layer.weights);
            file.add_integers(tensor(index, "bias"), &shape[..1], &layer.biases);
            file.add_integers(tensor(index, "multiplier"), &count, &layer.multipliers);
            file.add_integers(tensor(index, "shift"), &count, &layer.shifts);
            if let Some(table) = &layer.table {
                file.add_integers(tensor(index, "table"), &[256], &table[..]);
            }
        }
        file.finish()
    }

    /// Reads a network from the bytes of [`to_bytes`](Self::to_bytes). They are not trusted, and a
    /// checksum detects damage.
    ///
    /// # Errors
    /// - [`Error::Malformed`](crate::Error::Malformed) describes the fault in the bytes.
    /// - [`Error::UnknownName`](crate::Error::UnknownName) names an encoding, or an activation of f32
    ///   outputs, that this crate does not have. [`from_bytes_with`](Self::from_bytes_with) finds
    ///   your own.
    /// - The errors of [`QuantizedMlpRef::new`] for numbers that do not fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_with(bytes, BuiltIn)
    }

    /// Reads a network as [`from_bytes`](Self::from_bytes) does, with your own activations for f32
    /// outputs and your own encodings. A closure maps a name to an activation, or to `None` for one
    /// of this crate. A [`Resolver`] can also find encodings.
    ///
    /// # Errors
    /// The errors of [`from_bytes`](Self::from_bytes).
    #[allow(clippy::needless_pass_by_value)] // closures read better by value
    pub fn from_bytes_with(bytes: &[u8], resolver: impl Resolver<f32>) -> Result<Self> {
        let file = Reader::new(bytes, &[QUANTIZED])?;
        let described: Vec<Described> = file.get("layers")?;
        let mut layers = Vec::new();
        for (index, layer) in described.into_iter().enumerate() {
            layers.push(read_layer(&file, index, &layer)?);
        }
        let activation = match file.find::<String>("activation")? {
            None => None,
            Some(name) => Some(match resolved(&resolver, &name) {
                Some(own) => own,
                None => activation::parse(&name)?,
            }),
        };
        let width = [len(&file, "inputs.factor")?];
        let inputs = file.get("inputs")?;
        let encoder = read_encoding(&file, &resolver, inputs)?;
        let expected = match &encoder {
            None => inputs,
            Some((encoding, _)) => encoding.outputs(),
        };
        if width[0] != expected {
            let [got] = width;
            let problem = format!("expected {expected} factors of inputs, got {got}");
            return Err(contradicts(problem));
        }
        let factors = file.values("inputs.factor", &width)?;
        let offsets = file.values("inputs.offset", &width)?;
        file.check_all_read("layers.")?;
        file.check_all_read("inputs.")?;
        file.check_all_read("encoding.")?;
        let outputs = layers.last().map(|layer: &OwnedLayer| layer.outputs);
        let (scale, zero_point) = match outputs {
            None => (1.0, 0),
            Some(outputs) => (outputs.scale as f32, outputs.zero_point),
        };
        let net = Self {
            encoder,
            factors,
            offsets,
            layers,
            scale,
            zero_point,
            activation,
        };
        let view = QuantizedMlpRef::from(&net);
        QuantizedMlpRef::checked(view.inputs, view.layers, view.outputs)?;
        Ok(net)
    }
}

on_disk!(save [] QuantizedMlp);
on_disk!(load [] QuantizedMlp);

/// Returns the length of a tensor of one dimension.
fn len(file: &Reader<'_>, name: &str) -> Result<usize> {
    match file.shape(name) {
        Some(&[len]) => Ok(len),
        Some(shape) => Err(malformed(format!(
            "tensor {name}: expected one dimension, got {shape:?}"
        ))),
        None => Err(malformed(format!("there is no tensor {name}"))),
    }
}

fn read_layer(file: &Reader<'_>, index: usize, described: &Described) -> Result<OwnedLayer> {
    let name = |what| tensor(index, what);
    let outputs = len(file, &name("bias"))?;
    let count = len(file, &name("multiplier"))?;
    let Some(&[_, inputs]) = file.shape(&name("weight")) else {
        let problem = format!("tensor {}: expected two dimensions", name("weight"));
        return Err(malformed(problem));
    };
    let mut table = None;
    if file.shape(&name("table")).is_some() {
        let values = file.integers::<i8>(&name("table"), &[256])?;
        // The shape was checked.
        table = values.into_boxed_slice().try_into().ok();
    }
    let outputs_meaning = Affine {
        scale: described.output_scale,
        zero_point: described.output_zero_point,
    };
    check_finite("scale of a layer's outputs", &[outputs_meaning.scale])?;
    let zero = described.output_zero_point;
    if !(-128..=127).contains(&zero) {
        let problem = format!("zero point of layer {index}: expected -128 to 127, got {zero}");
        return Err(malformed(problem));
    }
    Ok(OwnedLayer {
        weights: file.integers(&name("weight"), &[outputs, inputs])?,
        biases: file.integers(&name("bias"), &[outputs])?,
        multipliers: file.integers(&name("multiplier"), &[count])?,
        shifts: file.integers(&name("shift"), &[count])?,
        rounding: described.rounding,
        zero_point: described.zero_point,
        min: described.min,
        max: described.max,
        table,
        outputs: outputs_meaning,
    })
}
