//! Networks as files.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::IgnoredAny;

use super::serde_mlp::Described;
use super::{Mlp, check_finite};
use crate::activation::{self, Activation, check_pieces};
use crate::error::{Result, check_not_empty};
use crate::float::Float;
use crate::layout::Layout;
use crate::memory;
use crate::storage::{Reader, Writer, malformed, on_disk};

/// Finds activations that are none of the crate's.
pub(crate) type Resolver<'a, T> = &'a dyn Fn(&str) -> Option<Arc<dyn Activation<T>>>;

/// A network of the crate's own activations.
pub(crate) fn built_in<T>(_: &str) -> Option<Arc<dyn Activation<T>>> {
    None
}

/// What a layer is made of.
pub(super) struct Part<T> {
    pub(super) weight: String,
    /// Zeros without.
    pub(super) bias: Option<String>,
    pub(super) outputs: usize,
    pub(super) activation: Arc<dyn Activation<T>>,
}

impl<T: Float> Mlp<T> {
    /// Adds its description and parameters to a file.
    pub(crate) fn write(&self, file: &mut Writer) -> Result<()> {
        check_finite("parameters", &self.params)?;
        file.describe("inputs", &self.inputs())?;
        file.describe("layers", &self.described())?;
        for (index, at) in self.layout.layers().iter().enumerate() {
            let (weights, bias) = at.split(&self.params);
            let shape = [at.rows(), at.inputs];
            file.add(format!("layers.{index}.weight"), &shape, weights);
            file.add(format!("layers.{index}.bias"), &shape[..1], bias);
        }
        Ok(())
    }

    /// The network that a file describes.
    pub(crate) fn read(file: &Reader<'_>, resolver: Resolver<'_, T>) -> Result<Self> {
        let described: Vec<Described> = file.get("layers")?;
        let part = |(index, layer): (usize, &Described)| {
            let name = &layer.activation;
            let activation = resolver(name).map_or_else(|| activation::parse(name), Ok)?;
            layer.rows(&*activation)?;
            Ok(Part {
                weight: format!("layers.{index}.weight"),
                bias: Some(format!("layers.{index}.bias")),
                outputs: layer.outputs,
                activation,
            })
        };
        let parts = described.iter().enumerate().map(part);
        let net = Self::of_tensors(file, file.get("inputs")?, parts.collect::<Result<_>>()?)?;
        file.check_all_read("layers.")?;
        Ok(net)
    }

    /// The network of these tensors. Nothing is made before all shapes fit each other.
    pub(super) fn of_tensors(
        file: &Reader<'_>,
        inputs: usize,
        parts: Vec<Part<T>>,
    ) -> Result<Self> {
        check_not_empty("layers", &parts)?;
        let (mut sizes, mut before) = (Vec::new(), inputs);
        for part in &parts {
            let pieces = check_pieces(&*part.activation)?;
            let rows = part.outputs.saturating_mul(pieces);
            file.check(&part.weight, &[rows, before])?;
            if let Some(bias) = &part.bias {
                file.check(bias, &[rows])?;
            }
            sizes.push((part.outputs, pieces));
            before = part.outputs;
        }
        let layout = Layout::with_pieces(inputs, sizes)?;
        let mut params = memory::filled("parameters", T::zero(), layout.len())?;
        for (part, at) in parts.iter().zip(layout.layers()) {
            let shape = [at.rows(), at.inputs];
            file.read(&part.weight, &shape, &mut params[at.weights.clone()])?;
            if let Some(bias) = &part.bias {
                file.read(bias, &shape[..1], &mut params[at.bias.clone()])?;
            }
        }
        check_finite("parameters", &params)?;
        Ok(Self {
            params,
            layout,
            activations: parts.into_iter().map(|part| part.activation).collect(),
        })
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
    /// [`Error::NotFinite`](crate::Error::NotFinite) if a parameter is not finite,
    /// [`Error::Malformed`](crate::Error::Malformed) if the format cannot hold it.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut file = Writer::new(NETWORK);
        self.write(&mut file)?;
        file.finish()
    }

    /// The network of [`to_bytes`](Self::to_bytes), or that of a classifier, a regressor or a
    /// checkpoint.
    ///
    /// A network whose inputs must be scaled or encoded, or whose outputs are scaled targets, is an
    /// error: a [`ModelFile`](crate::ModelFile) or a [`Regressor`](crate::Regressor) does that.
    ///
    /// Numbers of another precision are converted, without a word: f32 to f64 exactly, f64 to f32
    /// rounded. Note that `Mlp::load(path)` without a type reads f64 if nothing but literals
    /// such as `0.5` says which of the two is meant.
    ///
    /// Nothing of the bytes is trusted: sizes are those of the tensors that are there, a
    /// checksum tells damage, and reading takes at most 8 times the memory of the bytes, and 1 MB.
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
}

on_disk!(save [T: Float] Mlp<T>);
on_disk!(load [T: Float] Mlp<T>);

/// The precision that a file's parameters have: f32 or f64.
///
/// Reading converts without a word, so a program that takes files of both asks first:
///
/// ```
/// use feedforward::{Mlp, Precision, activation::Identity};
///
/// let bytes = Mlp::<f32>::builder(1).output(1, Identity).build()?.to_bytes()?;
/// match Precision::of_file(&bytes)? {
///     Precision::F32 => drop(Mlp::<f32>::from_bytes(&bytes)?),
///     Precision::F64 => drop(Mlp::<f64>::from_bytes(&bytes)?),
/// }
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 64 bits.
    F64,
}

impl Precision {
    /// Returns the precision of a model file of this crate: a network, a classifier, a regressor or
    /// a checkpoint.
    ///
    /// # Errors
    /// [`Error::Malformed`](crate::Error::Malformed) says what is wrong with the bytes.
    pub fn of_file(bytes: &[u8]) -> Result<Self> {
        let file = Reader::new(bytes, &MODELS)?;
        let is_double = file.is_double("layers.0.weight")?;
        Ok(if is_double { Self::F64 } else { Self::F32 })
    }
}

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
