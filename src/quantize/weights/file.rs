//! Networks with weights in int8 as safetensors files.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{WeightQuantizedMlp, lengths};
use crate::error::{Result, check_count, check_not_empty};
use crate::float::check_finite;
use crate::layout::Layout;
use crate::mlp::Resolver;
use crate::mlp::file::{describe_layers, read_encoding, read_layers, write_encoding};
use crate::mlp::resolver::BuiltIn;
use crate::storage::{Reader, Writer, contradicts, on_disk};

/// Kind of the file, as its description names it.
const WEIGHT_QUANTIZED: &str = "network with quantized weights";

fn tensor(layer: usize, what: &str) -> String {
    format!("layers.{layer}.{what}")
}

impl WeightQuantizedMlp {
    /// Returns the network as the bytes of a safetensors file. Layer N has these tensors:
    ///
    /// | tensor | type | shape |
    /// |---|---|---|
    /// | `layers.N.weight` | I8 | `[rows, inputs]` |
    /// | `layers.N.scale`, `layers.N.bias` | F32 | `[rows]` |
    /// | `layers.N.alpha`, for an activation with numbers α | F32 | `[outputs]` |
    ///
    /// Equal networks produce equal bytes.
    ///
    /// ```
    /// use feedforward::quantize::{Quantizer, WeightQuantizedMlp};
    /// use feedforward::{Mlp, activation::{Identity, Tanh}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(8, Tanh).output(1, Identity).build()?;
    /// let quantized = Quantizer::new().quantize_weights(&net)?;
    /// let same = WeightQuantizedMlp::from_bytes(&quantized.to_bytes()?)?;
    /// assert_eq!(same.predict(&[0.3, 0.1])?, quantized.predict(&[0.3, 0.1])?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) if the format cannot hold the network.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut file = Writer::new(WEIGHT_QUANTIZED);
        file.describe("inputs", &self.inputs)?;
        describe_layers(&mut file, &self.layout, &self.activations)?;
        for (index, layer) in self.layers().enumerate() {
            let shape = [layer.at.rows(), layer.at.inputs];
            file.add_integers(tensor(index, "weight"), &shape, layer.weights);
            file.add(tensor(index, "scale"), &shape[..1], layer.scales);
            file.add(tensor(index, "bias"), &shape[..1], layer.biases);
            if !layer.alphas.is_empty() {
                file.add(tensor(index, "alpha"), &[layer.at.outputs], layer.alphas);
            }
        }
        if let Some(encoding) = &self.encoding {
            write_encoding(&mut file, &**encoding, self.encoding_params())?;
        }
        file.finish()
    }

    /// Reads a network from the bytes of [`to_bytes`](Self::to_bytes). They are not trusted, and a
    /// checksum detects damage.
    ///
    /// # Errors
    /// - [`Error::Malformed`](crate::Error::Malformed) describes the fault in the bytes.
    /// - [`Error::UnknownName`](crate::Error::UnknownName) names an activation or an encoding that
    ///   this crate does not have. [`from_bytes_with`](Self::from_bytes_with) finds your own.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if a parameter is not finite
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_with(bytes, BuiltIn)
    }

    /// Reads a network as [`from_bytes`](Self::from_bytes) does, with your own activations and
    /// encodings. A closure maps the name of each activation to an activation, or to `None` for one
    /// of this crate. A [`Resolver`] can also find encodings.
    ///
    /// # Errors
    /// The errors of [`from_bytes`](Self::from_bytes).
    #[allow(clippy::needless_pass_by_value)] // closures read better by value
    pub fn from_bytes_with(bytes: &[u8], resolver: impl Resolver<f32>) -> Result<Self> {
        let file = Reader::new(bytes, &[WEIGHT_QUANTIZED])?;
        let (sizes, activations) = read_layers(&file, &resolver)?;
        check_not_empty("layers", &sizes)?;
        let inputs = file.get("inputs")?;
        let (encoding, mut encoding_params) = read_encoding(&file, &resolver, inputs)?.unzip();
        check_count("inputs", inputs)?;
        let width = encoding
            .as_ref()
            .map_or(inputs, |encoding| encoding.outputs());
        let layout = Layout::of_sizes(width, sizes)?;
        let (mut weights, mut params) = (Vec::new(), Vec::new());
        for (index, at) in layout.layers().iter().enumerate() {
            let shape = [at.rows(), at.inputs];
            weights.append(&mut file.integers(&tensor(index, "weight"), &shape)?);
            params.append(&mut file.values(&tensor(index, "scale"), &shape[..1])?);
            params.append(&mut file.values(&tensor(index, "bias"), &shape[..1])?);
            if !at.alpha.is_empty() {
                params.append(&mut file.values(&tensor(index, "alpha"), &[at.outputs])?);
            }
        }
        if let Some(more) = &mut encoding_params {
            params.append(more);
        }
        check_finite("parameters", &params)?;
        file.check_all_read("layers.")?;
        file.check_all_read("encoding.")?;
        let net = Self {
            inputs,
            layout,
            activations,
            encoding,
            weights,
            params,
        };
        if lengths(&net.shape()) != [net.weights.len(), net.params.len()] {
            let problem = "its tensors do not have the numbers of its layers";
            return Err(contradicts(problem.into()));
        }
        Ok(net)
    }
}

on_disk!(save [] WeightQuantizedMlp);
on_disk!(load [] WeightQuantizedMlp);
