//! Quantized networks as safetensors files.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::owned::{OwnedLayer, OwnedTable};
use super::range::{Affine, Integers};
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
    output_integers: [i32; 2],
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
    /// | `layers.N.table`, for an activation with a table | I8 or I16 | `[256]` or `[513]` |
    /// | `layers.N.factor`, for outputs with scales of their own | F32 | `[outputs]` |
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
            output_integers: [layer.outputs.integers.0, layer.outputs.integers.1],
        });
        file.describe("inputs", &self.inputs())?;
        file.describe("input_bits", &self.bits)?;
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
            if !layer.factors.is_empty() {
                file.add(tensor(index, "factor"), &shape[..1], &layer.factors);
            }
            let name = tensor(index, "table");
            match &layer.table {
                None => {}
                Some(OwnedTable::Int8(table)) => file.add_integers(name, &[256], &table[..]),
                Some(OwnedTable::Int16(table)) => file.add_integers(name, &[513], &table[..]),
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
        if described
            .windows(2)
            .any(|pair| pair[0].rounding != pair[1].rounding)
        {
            return Err(contradicts("its layers have different roundings".into()));
        }
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
            bits: file.get("input_bits")?,
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
    let [min, max] = described.output_integers;
    let outputs_meaning = Affine {
        scale: described.output_scale,
        zero_point: described.output_zero_point,
        integers: Integers(min, max),
    };
    check_finite("scale of a layer's outputs", &[outputs_meaning.scale])?;
    check_integers(index, described, outputs_meaning)?;
    // The shapes of tables are checked.
    let table = match file.shape(&name("table")) {
        None => None,
        Some(_) if outputs_meaning.integers == Integers::INT8 => {
            let values = file.integers::<i8>(&name("table"), &[256])?;
            values
                .into_boxed_slice()
                .try_into()
                .ok()
                .map(OwnedTable::Int8)
        }
        Some(_) => {
            let values = file.integers::<i16>(&name("table"), &[513])?;
            values
                .into_boxed_slice()
                .try_into()
                .ok()
                .map(OwnedTable::Int16)
        }
    };
    let factors = match file.shape(&name("factor")) {
        None => Vec::new(),
        Some(_) => file.values(&name("factor"), &[outputs])?,
    };
    check_finite("factors of a layer's outputs", &factors)?;
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
        factors,
    })
}

/// Checks that a layer's outputs have a type, and that it holds zero point and limits.
fn check_integers(index: usize, described: &Described, outputs: Affine) -> Result<()> {
    let integers = outputs.integers;
    let types = [Integers::INT8, Integers::INT16, Integers::INT32];
    let is_held = integers.contain(outputs.zero_point)
        && integers.contain(described.min)
        && integers.contain(described.max);
    if types.contains(&integers) && is_held && Integers::INT16.contain(outputs.zero_point) {
        return Ok(());
    }
    let Integers(min, max) = integers;
    Err(malformed(format!(
        "outputs of layer {index}: expected int8, int16 or int32, and zero point and limits within \
         them, got {min} to {max}"
    )))
}
