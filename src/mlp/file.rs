//! Networks as files.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use serde::de::IgnoredAny;

use super::describe::Described;
use super::{Mlp, check_finite};
use crate::activation::{self, Activation};
use crate::error::Result;
use crate::float::Float;
use crate::layer::Layer;
use crate::storage::{Reader, Writer, malformed, on_disk};

/// Finds activations that are none of the crate's.
pub(crate) type Resolver<'a, T> = &'a dyn Fn(&str) -> Option<Arc<dyn Activation<T>>>;

/// A network of the crate's own activations.
pub(crate) fn built_in<T>(_: &str) -> Option<Arc<dyn Activation<T>>> {
    None
}

impl<T: Float> Mlp<T> {
    /// Adds its description and parameters to a file.
    pub(crate) fn write(&self, file: &mut Writer) -> Result<()> {
        file.describe("inputs", &self.inputs())?;
        file.describe("layers", &self.described())?;
        for (index, at) in self.layout.layers().iter().enumerate() {
            let weights = &self.params[at.weights.clone()];
            file.add(
                format!("layers.{index}.weight"),
                &[at.rows(), at.inputs],
                weights,
            );
            let bias = &self.params[at.bias.clone()];
            file.add(format!("layers.{index}.bias"), &[at.rows()], bias);
        }
        Ok(())
    }

    /// The network that a file describes.
    pub(crate) fn read(file: &Reader<'_>, resolver: Resolver<'_, T>) -> Result<Self> {
        let mut inputs: usize = file.get("inputs")?;
        let described: Vec<Described> = file.get("layers")?;
        let mut layers = Vec::new();
        for (index, layer) in described.iter().enumerate() {
            let activation = match resolver(&layer.activation) {
                Some(activation) => activation,
                None => activation::parse(&layer.activation)?,
            };
            let rows = layer.rows(&*activation)?;
            let name = |part: &str| format!("layers.{index}.{part}");
            layers.push(Layer::new(
                file.values(&name("weight"), &[rows, inputs])?,
                file.values(&name("bias"), &[rows])?,
                activation,
            )?);
            inputs = layer.outputs;
        }
        let net = Self::from_layers(&layers)?;
        check_finite("parameters", &net.params)?;
        Ok(net)
    }

    /// The network as the bytes of a safetensors file: tensors `layers.N.weight`
    /// `[outputs, inputs]` and `layers.N.bias` `[outputs]`, as PyTorch's `torch.nn.Linear` has
    /// them, and a description. The same network gives the same bytes.
    ///
    /// ```
    /// use feedforward::{Mlp, activation::{Identity, LeakyRelu}};
    ///
    /// let net = Mlp::<f32>::builder(2).hidden(8, LeakyRelu { slope: 0.1 }).output(1, Identity).build()?;
    /// let bytes = net.to_bytes()?;
    /// let same = Mlp::from_bytes(&bytes)?;
    /// assert!(same.is_shaped_like(&net) && same.params() == net.params());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) if the format cannot hold it.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut file = Writer::new(NETWORK);
        self.write(&mut file)?;
        file.finish()
    }

    /// The network of [`to_bytes`](Self::to_bytes), or that of a classifier, a regressor or a
    /// checkpoint. Numbers of the other precision are converted.
    ///
    /// A network whose inputs must be scaled or encoded, or whose outputs are scaled targets, is an
    /// error: a [`ModelFile`](crate::ModelFile) or a [`Regressor`](crate::Regressor) does that.
    ///
    /// Nothing of the bytes is trusted: sizes are those of the tensors that are there, and a
    /// checksum tells damage.
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) says what is wrong with the bytes,
    /// [`Error::UnknownName`](crate::Error::UnknownName) names an activation that is none of the
    /// crate's, [`Error::NotFinite`](crate::Error::NotFinite) says which parameter is no number.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_with(bytes, built_in)
    }

    /// [`from_bytes`](Self::from_bytes), with activations of your own: the function is given each
    /// name and returns what is meant, or `None` for those of the crate.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    pub fn from_bytes_with(
        bytes: &[u8],
        resolver: impl Fn(&str) -> Option<Arc<dyn Activation<T>>>,
    ) -> Result<Self> {
        let file = Reader::new(bytes, &MODELS)?;
        check_alone(&file)?;
        check_unscaled(&file)?;
        Self::read(&file, &resolver)
    }

    /// A network from a PyTorch `state_dict` that was saved as safetensors, given the activations of
    /// its layers in their order.
    ///
    /// Layers are the tensors whose names end in `.weight`, ordered by name, numbers within names
    /// by value: those of `torch.nn.Sequential` come out right. A layer without `.bias`
    /// gets zeros. Weights are `[outputs, inputs]`.
    ///
    /// ```no_run
    /// use feedforward::Mlp;
    ///
    /// // safetensors.torch.save_file(model.state_dict(), "model.safetensors")
    /// let bytes = std::fs::read("model.safetensors").unwrap();
    /// let net = Mlp::<f32>::from_state_dict(&bytes, &["tanh", "tanh", "identity"])?;
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes); [`Error::Malformed`](crate::Error::Malformed) also
    /// for another number of layers than activations, or for layers that do not fit each other.
    pub fn from_state_dict(bytes: &[u8], activations: &[&str]) -> Result<Self> {
        let file = Reader::foreign(bytes)?;
        let names = file.names();
        let mut layers: Vec<&str> = (names.iter())
            .filter_map(|name| name.strip_suffix(".weight"))
            .collect();
        layers.sort_by_key(|name| natural(name));
        if layers.len() != activations.len() {
            let (got, expected) = (layers.len(), activations.len());
            let problem = format!("expected {expected} layers, one for each activation, got {got}");
            return Err(malformed(problem));
        }
        let mut read = Vec::new();
        for (name, activation) in layers.iter().zip(activations) {
            let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
            let shape = file.shape(&weight).unwrap_or_default();
            let (rows, inputs) = match shape[..] {
                // A tensor without numbers could claim any size.
                [rows, inputs] if rows > 0 && inputs > 0 => (rows, inputs),
                _ => {
                    let problem = format!("{weight}: expected [outputs, inputs], got {shape:?}");
                    return Err(malformed(problem));
                }
            };
            let values = match file.shape(&bias) {
                Some(_) => file.values(&bias, &[rows])?,
                None => vec![T::zero(); rows],
            };
            let weights: Vec<T> = file.values(&weight, &[rows, inputs])?;
            read.push(Layer::new(weights, values, activation::parse(activation)?)?);
        }
        let net = Self::from_layers(&read)?;
        check_finite("parameters", &net.params)?;
        Ok(net)
    }
}

on_disk!([T: Float] Mlp<T>);

/// Where a description has what surrounds a model, as [`ModelFile`](crate::ModelFile) writes it.
pub(crate) const SCALER: &str = "scaler";
pub(crate) const ENCODING: &str = "encoding";
/// Where a regressor's description has the scaling of its targets.
pub(crate) const TARGET_SCALER: &str = "target_scaler";

/// Checks that a network's outputs are predictions.
pub(crate) fn check_unscaled(file: &Reader<'_>) -> Result<()> {
    match file.find::<IgnoredAny>(TARGET_SCALER)? {
        None => Ok(()),
        Some(_) => Err(malformed(
            "the network's outputs are scaled targets; load it as a Regressor, which scales them back",
        )),
    }
}

/// Checks that a model needs nothing around it: without its scaler or encoding it would predict
/// from the wrong numbers.
pub(crate) fn check_alone(file: &Reader<'_>) -> Result<()> {
    for part in [SCALER, ENCODING] {
        if file.find::<IgnoredAny>(part)?.is_some() {
            return Err(malformed(format!(
                "the model takes inputs that went through the file's {part}; load it as a ModelFile, \
                 whose predict applies it"
            )));
        }
    }
    Ok(())
}

/// Kinds of files.
pub(crate) const NETWORK: &str = "network";
pub(crate) const CLASSIFIER: &str = "classifier";
pub(crate) const MULTILABEL: &str = "multilabel classifier";
pub(crate) const REGRESSOR: &str = "regressor";
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// Those that have a network.
pub(crate) const MODELS: [&str; 5] = [NETWORK, CLASSIFIER, MULTILABEL, REGRESSOR, CHECKPOINT];

/// A name for sorting: numbers count by their value, so that 2 comes before 10.
fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let words = tail.find(|c: char| c.is_ascii_digit());
        let (word, tail) = tail.split_at(words.unwrap_or(tail.len()));
        // A number comes before a word, and longer ones than fit last.
        let value = if number.is_empty() {
            u64::MAX
        } else {
            number.parse().unwrap_or(u64::MAX)
        };
        parts.push((value, word.to_string()));
        rest = tail;
    }
    parts
}
