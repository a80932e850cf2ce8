//! Networks as safetensors files.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::de::IgnoredAny;

use super::resolver::{BuiltIn, Resolver};
use super::serde_mlp::{Described, described};
use super::{Mlp, check_finite};
use crate::activation::{self, Activation, Parametric, check_pieces, without_alpha};
use crate::affine::{Affine, Dense};
use crate::encoding::{self, Encoder, Encoding};
use crate::error::{Result, check_not_empty};
use crate::float::Float;
use crate::layout::{LayerSize, Layout};
use crate::memory;
use crate::storage::{Reader, Writer, contradicts, malformed, on_disk};

/// Parts of a layer: tensor names, size and activation.
pub(super) struct Part<T> {
    pub(super) weight: String,
    /// `None` stands for zeros.
    pub(super) bias: Option<String>,
    /// Numbers of a parametric activation. `None` stands for ones.
    pub(super) alpha: Option<String>,
    pub(super) outputs: usize,
    pub(super) activation: Arc<dyn Activation<T>>,
    /// Maps of the inputs and of the pre-activations, which become a part of the layer.
    pub(super) front: Option<Affine>,
    pub(super) back: Option<Affine>,
}

impl<T> Part<T> {
    /// Reads the layer in f64, with its maps as a part of it.
    fn folded(&self, file: &Reader<'_>, shape: &[usize; 2]) -> Result<Dense> {
        let rows = &shape[..1];
        let mut dense = Dense {
            weights: file.values(&self.weight, shape)?,
            bias: match &self.bias {
                Some(bias) => file.values(bias, rows)?,
                None => memory::filled("biases", 0.0, shape[0])?,
            },
            inputs: shape[1],
        };
        if let Some(map) = &self.front {
            dense.after(map);
        }
        if let Some(map) = &self.back {
            dense.then(map);
        }
        Ok(dense)
    }
}

impl<T: Float> Mlp<T> {
    /// Adds the network's description and parameters to a file.
    pub(crate) fn write(&self, file: &mut Writer) -> Result<()> {
        check_finite("parameters", &self.params)?;
        file.describe("inputs", &self.inputs())?;
        describe_layers(file, &self.layout, &self.activations)?;
        for (index, at) in self.layout.layers().iter().enumerate() {
            let (weights, bias, alpha) = at.split(&self.params);
            let shape = [at.rows(), at.inputs];
            file.add(format!("layers.{index}.weight"), &shape, weights);
            file.add(format!("layers.{index}.bias"), &shape[..1], bias);
            if !alpha.is_empty() {
                file.add(format!("layers.{index}.alpha"), &[at.outputs], alpha);
            }
        }
        if let Some(encoding) = &self.encoding {
            write_encoding(file, &**encoding, self.encoding_params())?;
        }
        Ok(())
    }

    /// Reads the network that a file describes.
    pub(crate) fn read(file: &Reader<'_>, resolver: &dyn Resolver<T>) -> Result<Self> {
        let (sizes, activations) = read_layers(file, resolver)?;
        let parts = sizes.iter().zip(activations).enumerate();
        let parts = parts.map(|(index, (size, activation))| Part {
            weight: format!("layers.{index}.weight"),
            bias: Some(format!("layers.{index}.bias")),
            alpha: size.is_parametric.then(|| format!("layers.{index}.alpha")),
            outputs: size.outputs,
            activation,
            front: None,
            back: None,
        });
        let parts = parts.collect();
        let inputs = file.get("inputs")?;
        let net = match read_encoding(file, resolver, inputs)? {
            None => Self::of_tensors(file, inputs, parts)?,
            Some((encoding, params)) => {
                let net = Self::of_tensors(file, encoding.outputs(), parts)?;
                net.with_encoding(encoding, &params)?
            }
        };
        file.check_all_read("layers.")?;
        file.check_all_read("encoding.")?;
        Ok(net)
    }

    /// Reads the network from these tensors. It checks all shapes before it allocates parameters.
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
            if let Some(alpha) = &part.alpha {
                file.check(alpha, &[part.outputs])?;
            }
            sizes.push(LayerSize {
                outputs: part.outputs,
                pieces,
                is_parametric: part.activation.is_parametric(),
            });
            before = part.outputs;
        }
        let layout = Layout::of_sizes(inputs, sizes)?;
        let mut params = memory::filled("parameters", T::zero(), layout.len())?;
        for (part, at) in parts.iter().zip(layout.layers()) {
            let shape = [at.rows(), at.inputs];
            if part.front.is_some() || part.back.is_some() {
                let dense = part.folded(file, &shape)?;
                for (range, numbers) in [(&at.weights, dense.weights), (&at.bias, dense.bias)] {
                    let to = params[range.clone()].iter_mut();
                    to.zip(numbers).for_each(|(to, x)| *to = T::from_f64(x));
                }
            } else {
                file.read(&part.weight, &shape, &mut params[at.weights.clone()])?;
                if let Some(bias) = &part.bias {
                    file.read(bias, &shape[..1], &mut params[at.bias.clone()])?;
                }
            }
            let numbers = &mut params[at.alpha.clone()];
            match &part.alpha {
                Some(alpha) => file.read(alpha, &[at.outputs], numbers)?,
                None => numbers.fill(T::one()),
            }
        }
        check_finite("parameters", &params)?;
        Ok(Self {
            inputs,
            params,
            layout,
            activations: parts.into_iter().map(|part| part.activation).collect(),
            encoding: None,
        })
    }

    /// Returns the network as the bytes of a safetensors file. It holds a description and the
    /// tensors `layers.N.weight` `[outputs, inputs]` and `layers.N.bias` `[outputs]`, as in
    /// PyTorch's `torch.nn.Linear`. A [`Parametric`](crate::activation::Parametric) activation adds
    /// `layers.N.alpha` `[outputs]`. Equal networks produce equal bytes.
    ///
    /// ```
    /// use feedforward::{Mlp, activation::{Identity, LeakyRelu}};
    ///
    /// let builder = Mlp::<f32>::builder(2).hidden(8, LeakyRelu { slope: 0.1 });
    /// let net = builder.output(1, Identity).build()?;
    /// let bytes = net.to_bytes()?;
    /// let same = Mlp::from_bytes(&bytes)?;
    /// assert!(same.is_shaped_like(&net) && same.params() == net.params());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) if a parameter is not finite,
    /// [`Error::Malformed`](crate::Error::Malformed) if the format cannot hold the network.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut file = Writer::new(NETWORK);
        self.write(&mut file)?;
        file.finish()
    }

    /// Reads a network from the bytes of [`to_bytes`](Self::to_bytes), or of a classifier, a
    /// regressor or a checkpoint.
    ///
    /// A network that needs scaled inputs, or whose outputs are scaled targets, is an
    /// error. Read it as a [`ModelFile`](crate::ModelFile) or a [`Regressor`](crate::Regressor)
    /// instead.
    ///
    /// Numbers of another precision are converted silently: f32 to f64 exactly, and f64 to f32 with
    /// rounding. Note that `Mlp::load(path)` reads f64 if only float literals such as `0.5`
    /// determine its type.
    ///
    /// The bytes are not trusted. Sizes are taken from the tensors, never from the description, and
    /// a checksum detects damage. Reading takes at most 8 times the memory of the bytes, plus 1 MB.
    ///
    /// # Errors
    /// - [`Error::Malformed`](crate::Error::Malformed) describes the fault in the bytes.
    /// - [`Error::UnknownName`](crate::Error::UnknownName) names an activation or an encoding that
    ///   this crate does not have. [`from_bytes_with`](Self::from_bytes_with) finds your own.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) names the parameter that is not finite.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_bytes_with(bytes, BuiltIn)
    }

    /// Reads a network as [`from_bytes`](Self::from_bytes) does, with your own activations and
    /// encodings. A closure maps the name of each activation to an activation, or to `None` for one
    /// of this crate. A [`Resolver`] can also find encodings.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    #[allow(clippy::needless_pass_by_value)] // closures read better by value
    pub fn from_bytes_with(bytes: &[u8], resolver: impl Resolver<T>) -> Result<Self> {
        let file = Reader::new(bytes, &MODELS)?;
        check_alone(&file)?;
        check_unscaled(&file)?;
        Self::read(&file, &resolver)
    }
}

on_disk!(save [T: Float] Mlp<T>);
on_disk!(load [T: Float] Mlp<T>);

/// Precision of a file's parameters: f32 or f64.
///
/// Reading converts silently, so a program that accepts files of both precisions checks first:
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
    /// [`Error::Malformed`](crate::Error::Malformed) describes the fault in the bytes.
    pub fn of_file(bytes: &[u8]) -> Result<Self> {
        let file = Reader::new(bytes, &MODELS)?;
        let is_double = file.is_double("layers.0.weight")?;
        Ok(if is_double { Self::F64 } else { Self::F32 })
    }
}

/// Returns a custom activation, or a parametric one around it.
pub(crate) fn resolved<T: Float>(
    resolver: &dyn Resolver<T>,
    name: &str,
) -> Option<Arc<dyn Activation<T>>> {
    let inner = without_alpha(name);
    let parametric = || {
        let own = resolver.activation(inner).filter(|_| inner != name)?;
        Some(Arc::new(Parametric(own)) as _)
    };
    resolver.activation(name).or_else(parametric)
}

/// Adds the description of a network's layers to a file.
pub(crate) fn describe_layers<T: Float>(
    file: &mut Writer,
    layout: &Layout,
    activations: &[Arc<dyn Activation<T>>],
) -> Result<()> {
    file.describe("layers", &described(layout, activations))
}

/// Sizes and activations of layers, in order.
type SizesAndActivations<T> = (Vec<LayerSize>, Vec<Arc<dyn Activation<T>>>);

/// Reads the layers that a file describes.
pub(crate) fn read_layers<T: Float>(
    file: &Reader<'_>,
    resolver: &dyn Resolver<T>,
) -> Result<SizesAndActivations<T>> {
    let described: Vec<Described> = file.get("layers")?;
    let layers = described.iter().map(|layer| {
        let name = &layer.activation;
        let own = resolved(resolver, name);
        let activation = own.map_or_else(|| activation::parse(name), Ok)?;
        layer.rows(&*activation)?;
        let size = LayerSize {
            outputs: layer.outputs,
            pieces: layer.pieces,
            is_parametric: activation.is_parametric(),
        };
        Ok((size, activation))
    });
    layers.collect()
}

/// Adds an encoding's description and parameters to a file.
pub(crate) fn write_encoding<T: Float>(
    file: &mut Writer,
    encoding: &dyn Encoding<T>,
    params: &[T],
) -> Result<()> {
    file.describe(ENCODING, &encoding.name())?;
    for (name, values) in [(CONSTANTS, encoding.constants()), (PARAMS, params)] {
        if !values.is_empty() {
            file.add(name, &[values.len()], values);
        }
    }
    Ok(())
}

/// Reads the encoding in front of a network of this many inputs, and its parameters. There may be
/// none.
pub(crate) fn read_encoding<T: Float>(
    file: &Reader<'_>,
    resolver: &dyn Resolver<T>,
    inputs: usize,
) -> Result<Option<Encoder<T>>> {
    let Some(name) = file.find::<String>(ENCODING)? else {
        return Ok(None);
    };
    let constants = match file.shape(CONSTANTS) {
        None => Vec::new(),
        Some(&[len]) => file.values(CONSTANTS, &[len])?,
        Some(shape) => {
            let problem = format!("tensor {CONSTANTS}: expected one dimension, got {shape:?}");
            return Err(malformed(problem));
        }
    };
    let find = |name: &str, constants: &[T]| resolver.encoding(name, constants);
    let encoding = encoding::parse_with(&name, &constants, &find)?;
    let expected = encoding.inputs();
    if inputs != expected {
        let problem = format!("its encoding has {expected} inputs, not {inputs}");
        return Err(contradicts(problem));
    }
    let params = match encoding.params_len() {
        0 => Vec::new(),
        len => file.values(PARAMS, &[len])?,
    };
    check_finite("parameters of the encoding", &params)?;
    Ok(Some((encoding, params)))
}

/// Key of a network's encoding in the description, and its tensors.
const ENCODING: &str = "encoding";
const CONSTANTS: &str = "encoding.constants";
const PARAMS: &str = "encoding.params";
/// Key of a model's scaler in the description, as [`ModelFile`](crate::ModelFile) writes it.
pub(crate) const SCALER: &str = "scaler";
/// Key of the target scaling in a regressor's description.
pub(crate) const TARGET_SCALER: &str = "target_scaler";

/// Checks that a network's outputs are predictions, not scaled targets.
pub(crate) fn check_unscaled(file: &Reader<'_>) -> Result<()> {
    match file.find::<IgnoredAny>(TARGET_SCALER)? {
        None => Ok(()),
        Some(_) => Err(malformed(
            "the network's outputs are scaled targets; load it as a Regressor, which scales them back",
        )),
    }
}

/// Checks that a model has no scaler. Without it, its network would predict from the wrong numbers.
pub(crate) fn check_alone(file: &Reader<'_>) -> Result<()> {
    match file.find::<IgnoredAny>(SCALER)? {
        None => Ok(()),
        Some(_) => Err(malformed(
            "the model needs inputs transformed by the file's scaler; load it as a ModelFile, \
            whose predict applies it",
        )),
    }
}

/// Kinds of files, as the description names them.
pub(crate) const NETWORK: &str = "network";
pub(crate) const CLASSIFIER: &str = "classifier";
pub(crate) const MULTILABEL: &str = "multilabel classifier";
pub(crate) const REGRESSOR: &str = "regressor";
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// Kinds of files that hold a network.
pub(crate) const MODELS: [&str; 5] = [NETWORK, CLASSIFIER, MULTILABEL, REGRESSOR, CHECKPOINT];
