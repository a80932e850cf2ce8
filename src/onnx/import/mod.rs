//! Networks from ONNX models of other libraries.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::model::{Classifier, MultilabelClassifier, Regressor, Scaler};

mod array;
mod assemble;
mod build;
mod chain;
#[cfg(feature = "std")]
mod external;
mod form;
mod labels;
mod layout;
mod link;
mod messages;
mod parameters;
mod patterns;
mod regression;
mod source;
mod tail;
mod wire;

use super::ML_DOMAIN;
use assemble::{assemble, check_opsets, outline};
use messages::{Model, Tensor};
use patterns::Patterns;
use source::Source;
use tail::Head;
use wire::malformed;

pub use tail::Label;

/// Maximum number of outputs, each of which is followed through the whole graph.
const MOST_OUTPUTS: usize = 100;

/// A model from an ONNX file.
///
/// ```
/// use feedforward::{Mlp, activation::{Gelu, Identity}, onnx};
///
/// let net = Mlp::<f32>::builder(2).hidden(8, Gelu).output(1, Identity).seed(1).build()?;
/// let bytes = onnx::export(&net)?; // or a file of another library
/// let imported = onnx::import::<f32>(&bytes)?;
/// assert!(imported.scaler.is_none() && imported.notes.is_empty());
/// assert_eq!(imported.network().params(), net.params());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported<T> {
    /// The network, or a classifier around it.
    pub model: ImportedModel<T>,
    /// A scaler that inputs need first. It is `None` for most models, since scalers become a part
    /// of the first layer. Those of inputs whose mean is many times their deviation would lose
    /// digits there.
    pub scaler: Option<Scaler<T>>,
    /// Parts that were folded, left out or replaced.
    pub notes: Vec<String>,
}

/// Kind of an imported model.
///
/// A model with a softmax is a classifier, and so is one with labels. Its network predicts logits,
/// and [`Classifier::predict_probability`] the probabilities. Without names of classes, labels are
/// the numbers 0, 1, 2, ...
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ImportedModel<T> {
    /// A network whose outputs are numbers.
    Network(Mlp<T>),
    /// A network with a link or a target scaler, which this crate exported as a [`Regressor`].
    Regressor(Regressor<T>),
    /// A network of logits with classes.
    Classifier(Classifier<T, Label>),
    /// A network of logits with labels that are independent.
    Multilabel(MultilabelClassifier<T, Label>),
}

impl<T: Float> Imported<T> {
    /// Returns the network. That of a classifier predicts logits, and that of a regressor outputs
    /// before the link.
    pub fn network(&self) -> &Mlp<T> {
        match &self.model {
            ImportedModel::Network(net) => net,
            ImportedModel::Regressor(model) => model.network(),
            ImportedModel::Classifier(model) => model.network(),
            ImportedModel::Multilabel(model) => model.network(),
        }
    }

    /// Returns the network of a model that is a network alone.
    ///
    /// # Errors
    /// [`Error::Incompatible`] if it is a classifier or regressor, or needs a scaler.
    pub fn into_network(self) -> Result<Mlp<T>> {
        let got = match (self.model, self.scaler) {
            (ImportedModel::Network(net), None) => return Ok(net),
            (ImportedModel::Network(_), Some(_)) => {
                "a network that needs its scaler, which `scaler` has"
            }
            (ImportedModel::Regressor(_), _) => "a regressor, which `model` has",
            (ImportedModel::Classifier(_), _) => "a classifier, which `model` has",
            (ImportedModel::Multilabel(_), _) => {
                "a classifier of several labels, which `model` has"
            }
        };
        Err(Error::incompatible(
            "imported model",
            "a network alone",
            got,
        ))
    }
}

/// Settings for the import of ONNX models.
///
/// ```no_run
/// use feedforward::onnx::Importer;
///
/// // A controller's model also has a value and a deviation as outputs.
/// let imported = Importer::new().output("actions").open::<f32>("policy.onnx")?;
/// let net = imported.into_network()?;
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "its methods return the changed settings"]
pub struct Importer {
    output: Option<String>,
}

/// Imports a model from the bytes of an ONNX file. [`Importer`] has settings.
///
/// The model must be one chain of layers. These parts are read, and all others are refused by name:
///
/// | part | operators |
/// |---|---|
/// | layers | `Gemm`, or `MatMul` and `Add` |
/// | numbers for each feature | `Scaler`, `Add`, `Sub`, `Mul`, `Div`, `Neg`, `BatchNormalization` |
/// | picked features | `ArrayFeatureExtractor`, `Gather` |
/// | activations | those of [`activation`](crate::activation), as one operator or as a formula |
/// | no effect | `Identity`, `Dropout`, `Cast`, `Flatten`, `Reshape`, `Squeeze`, `Unsqueeze` |
/// | classes | `Softmax`, `LogSoftmax`, `ArgMax`, `ZipMap`, `Binarizer`, `ArrayFeatureExtractor` |
///
/// Numbers for each feature become a part of a layer. This is computed in f64 and rounded once. The
/// operator sets are 1 to 25, and 1 to 5 of `ai.onnx.ml`. Tensors may be f64, f32, f16 or bf16.
///
/// Predictions are those of the model up to rounding. Those of a network that this crate exported
/// are bit-identical.
///
/// # Errors
/// The errors of [`Importer::import`].
pub fn import<T: Float>(bytes: &[u8]) -> Result<Imported<T>> {
    Importer::new().import(bytes)
}

/// Checks that the bytes are none of another known format.
fn check_format(bytes: &[u8]) -> Result<()> {
    let other = match bytes {
        [b'P', b'K', 3, 4, ..] => "a ZIP archive, such as torch.save writes; use torch.onnx.export",
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => "a safetensors file; load it with Mlp::load",
        [b'{' | b'[', ..] => "a text in JSON",
        _ => return Ok(()),
    };
    Err(malformed(format!("it is {other}")))
}

impl Importer {
    /// Creates the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Chooses an output of the model. Others, and the nodes that only they need, are ignored.
    pub fn output(mut self, name: impl Into<String>) -> Self {
        self.output = Some(name.into());
        self
    }

    /// Imports a model from the bytes of an ONNX file.
    ///
    /// # Errors
    /// - [`Error::Malformed`] if the bytes are no ONNX model, or if it is no chain of layers. The
    ///   message names the node, and what to export instead.
    /// - [`Error::UnknownName`] if it has no output of the chosen name.
    /// - [`Error::NotFinite`] if a number is not finite in the network's type.
    /// - [`Error::TooLarge`] if there is not enough memory.
    pub fn import<T: Float>(&self, bytes: &[u8]) -> Result<Imported<T>> {
        self.import_with(bytes, |tensor| {
            let file = tensor.external.iter().find(|(key, _)| *key == "location");
            let file = file.map_or("another file", |(_, file)| file);
            Err(malformed(format!(
                "tensor {:?} is in {file}; import the model from its path, or export it in one \
                 file (external_data=False)",
                tensor.name
            )))
        })
    }

    /// Imports a model from a file. Its tensors may lie in other files of the same folder.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be read, and [`Error::File`] with the path and the errors of
    /// [`import`](Self::import).
    #[cfg(feature = "std")]
    pub fn open<T: Float>(&self, path: impl AsRef<std::path::Path>) -> Result<Imported<T>> {
        let path = path.as_ref();
        let folder = path.parent().unwrap_or(std::path::Path::new(""));
        let bytes = std::fs::read(path).map_err(|error| Error::io(path, &error))?;
        let imported = self.import_with(&bytes, |tensor| external::read(folder, tensor));
        imported.map_err(|error| error.in_file(path))
    }

    fn import_with<T: Float>(
        &self,
        bytes: &[u8],
        external: impl FnMut(&Tensor<'_>) -> Result<Vec<u8>>,
    ) -> Result<Imported<T>> {
        check_format(bytes)?;
        let model = Model::read(bytes)?;
        if model.functions > 0 {
            return Err(malformed(
                "it has functions of its own; export it without them",
            ));
        }
        if model.graph.sparse > 0 {
            return Err(malformed("it has sparse tensors; export it without them"));
        }
        check_opsets(&model)?;
        let source = Source::new(&model.graph, model.opset(""), bytes.len(), external)?;
        let is_own = model.producer == env!("CARGO_PKG_NAME");
        let fact = |key| model.metadata.iter().find(|(of, _)| is_own && *of == key);
        if let Some((_, encoding)) = fact("encoding") {
            let problem = format!(
                "it has the encoding {encoding}; save and load a network with \
                                   an encoding as safetensors"
            );
            return Err(malformed(problem));
        }
        let names = fact("activations").map_or("", |(_, names)| names);
        let names: Vec<_> = names.split(", ").filter(|name| !name.is_empty()).collect();
        let patterns = Patterns::<T>::new(&names);
        let heads = self.heads(&source, &patterns)?;
        let text = |key| fact(key).map(|(_, text)| *text);
        let outline = outline(&source, &heads, text("classes"), text("link"))?;
        assemble(&source, &patterns, outline)
    }

    /// Returns the wanted outputs.
    fn heads<'a, T: Float>(
        &self,
        source: &Source<'a>,
        patterns: &Patterns<T>,
    ) -> Result<Vec<Head<'a>>> {
        // Some exporters write the labels of classes as one more output.
        let is_constant =
            |name: &&str| source.constant(name).is_some() || source.texts(name).is_some();
        let wanted = source
            .graph
            .outputs
            .iter()
            .copied()
            .filter(|name| match &self.output {
                Some(of) => of == name,
                None => !is_constant(name),
            });
        if self.output.is_none() && source.graph.outputs.len() > MOST_OUTPUTS {
            let got = source.graph.outputs.len();
            return Err(Error::too_large(
                "outputs of an ONNX model",
                format!("at most {MOST_OUTPUTS}, or the name of one"),
                got,
            ));
        }
        let heads = wanted.map(|name| Head::new(source, patterns, name));
        let heads = heads.collect::<Result<Vec<_>>>()?;
        match (&self.output, &heads[..]) {
            (Some(name), []) => Err(Error::UnknownName {
                what: "output of an ONNX model",
                known: source.outputs(),
                got: name.clone(),
            }),
            (None, []) => Err(malformed("it has no output")),
            (_, [first, rest @ ..]) => {
                if rest.iter().all(|head| head.logits == first.logits) {
                    return Ok(heads);
                }
                Err(source.several("are several functions"))
            }
        }
    }
}
