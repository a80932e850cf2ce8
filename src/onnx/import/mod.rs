//! Networks from ONNX models of other libraries.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::model::{Classifier, MultilabelClassifier, Scaler};

mod array;
mod build;
mod chain;
mod form;
mod labels;
mod messages;
mod patterns;
mod source;
mod tail;
mod wire;

use super::ML_DOMAIN;
use messages::{Model, Tensor};
use patterns::Patterns;
use source::Source;
use tail::{Head, Kind};
use wire::malformed;

pub use tail::Label;

/// A model from an ONNX file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Imported<T> {
    /// The network, or a classifier around it.
    pub model: ImportedModel<T>,
    /// A scaler that inputs need first. It is `None` for most models, since scalers become a part
    /// of the first layer. Those of inputs whose mean is many times their deviation would lose
    /// digits there.
    pub scaler: Option<Scaler<T>>,
    /// What was folded, left out or replaced.
    pub notes: Vec<String>,
}

/// Kind of an imported model.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ImportedModel<T> {
    /// A network whose outputs are numbers.
    Network(Mlp<T>),
    /// A network of logits with classes.
    Classifier(Classifier<T, Label>),
    /// A network of logits with labels that are independent.
    Multilabel(MultilabelClassifier<T, Label>),
}

impl<T: Float> Imported<T> {
    /// Returns the network. That of a classifier predicts logits.
    pub fn network(&self) -> &Mlp<T> {
        match &self.model {
            ImportedModel::Network(net) => net,
            ImportedModel::Classifier(model) => model.network(),
            ImportedModel::Multilabel(model) => model.network(),
        }
    }

    /// Returns the network of a model that is no classifier, and needs no scaler.
    ///
    /// # Errors
    /// [`Error::Incompatible`] if it is a classifier, or needs a scaler.
    pub fn into_network(self) -> Result<Mlp<T>> {
        let got = match (self.model, self.scaler) {
            (ImportedModel::Network(net), None) => return Ok(net),
            (ImportedModel::Network(_), Some(_)) => "a network that needs its scaler",
            (ImportedModel::Classifier(_), _) => "a classifier",
            (ImportedModel::Multilabel(_), _) => "a classifier of several labels",
        };
        Err(Error::incompatible(
            "imported model",
            "a network alone",
            got,
        ))
    }
}

/// Settings for the import of ONNX models.
#[derive(Clone, Debug, Default)]
#[must_use = "its methods return the changed settings"]
pub struct Importer {
    output: Option<String>,
}

/// Imports a model from the bytes of an ONNX file. [`Importer`] has settings.
///
/// # Errors
/// The errors of [`Importer::import`].
pub fn import<T: Float>(bytes: &[u8]) -> Result<Imported<T>> {
    Importer::new().import(bytes)
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
        let source = Source::new(&model.graph, bytes.len(), external)?;
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
        let outline = outline(&heads, fact("classes").map(|(_, labels)| *labels))?;
        assemble(&source, &patterns, outline)
    }

    /// Returns the wanted outputs.
    fn heads<'a, T: Float>(
        &self,
        source: &Source<'a>,
        patterns: &Patterns<T>,
    ) -> Result<Vec<Head<'a>>> {
        let outputs = source.graph.outputs.iter().copied();
        let wanted = outputs.filter(|name| self.output.as_ref().is_none_or(|of| of == name));
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
                let outputs = source.outputs();
                Err(malformed(format!(
                    "its outputs {outputs} are several functions; choose one with \
                     Importer::output"
                )))
            }
        }
    }
}

/// Newest operator sets whose operators are known to mean what this crate reads.
const NEWEST: i64 = 25;
const NEWEST_ML: i64 = 5;

fn check_opsets(model: &Model<'_>) -> Result<()> {
    let (version, ml) = (model.opset(""), model.opset(ML_DOMAIN));
    if version > NEWEST || ml > NEWEST_ML || (version < 1 && ml < 1) {
        let problem = format!(
            "expected operator set 1 to {NEWEST}, and up to {NEWEST_ML} of {ML_DOMAIN}, got \
             {version} and {ml}"
        );
        return Err(malformed(problem));
    }
    Ok(())
}

/// What the outputs of a graph are.
struct Outline<'a> {
    kind: ModelKind,
    logits: &'a str,
    labels: Option<Vec<Label>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ModelKind {
    Network,
    Classes,
    /// One logit for two classes.
    Pair,
    Labels,
}

/// Returns what outputs of the same logits are.
fn outline<'a>(heads: &[Head<'a>], classes: Option<&str>) -> Result<Outline<'a>> {
    let has = |kind| heads.iter().any(|head| head.kind == kind);
    let is_argmax = heads.iter().any(|head| head.is_argmax);
    let is_binary = heads.iter().any(|head| head.is_binary);
    let is_named = heads.iter().any(|head| head.labels.is_some());
    let kind = if has(Kind::Pair) {
        ModelKind::Pair
    } else if has(Kind::Softmax) || is_argmax {
        ModelKind::Classes
    } else if is_binary || is_named && has(Kind::Sigmoid) {
        ModelKind::Labels
    } else if is_named {
        ModelKind::Classes
    } else {
        ModelKind::Network
    };
    let logits = match (kind, heads.first()) {
        // A sigmoid of numbers is an activation.
        (ModelKind::Network, Some(head)) => head.output,
        (_, Some(head)) => head.logits,
        (_, None) => return Err(malformed("it has no output")),
    };
    let labels = heads.iter().find_map(|head| head.labels.clone());
    Ok(Outline {
        kind,
        logits,
        labels: labels.or_else(|| classes.and_then(labels::parse)),
    })
}

fn assemble<T: Float>(
    source: &Source<'_>,
    patterns: &Patterns<T>,
    outline: Outline<'_>,
) -> Result<Imported<T>> {
    let chain = chain::chain(source, patterns, outline.logits)?;
    check_shape(source, &chain)?;
    let width = chain.outputs();
    let is_two = outline.kind == ModelKind::Classes && width == Some(2);
    let skipped: Vec<_> = chain.skipped.iter().copied().collect();
    let ignored = source.graph.nodes.len();
    let mut built = build::build(chain, is_two)?;
    if !skipped.is_empty() {
        let operators = skipped.join(", ");
        built
            .notes
            .push(format!("operators without an effect: {operators}"));
    }
    let _ = ignored;
    let outputs = match outline.kind {
        ModelKind::Pair => 2,
        _ if is_two => 2,
        _ => built.net.outputs(),
    };
    let labels = match outline.labels {
        Some(labels) => labels,
        None => (0..outputs as i64).map(Label::Integer).collect(),
    };
    let model = match outline.kind {
        ModelKind::Network => ImportedModel::Network(built.net),
        ModelKind::Labels => {
            ImportedModel::Multilabel(MultilabelClassifier::from_network(built.net, labels)?)
        }
        ModelKind::Classes | ModelKind::Pair => {
            ImportedModel::Classifier(Classifier::from_network(built.net, labels)?)
        }
    };
    Ok(Imported {
        model,
        scaler: built.scaler,
        notes: built.notes,
    })
}

/// Checks that the input has no dimensions beside those of samples and features.
fn check_shape<T>(source: &Source<'_>, chain: &chain::Chain<'_, T>) -> Result<()> {
    let inputs = source.graph.inputs.iter();
    let mut shapes = inputs.filter(|input| input.name == chain.input);
    let shape = shapes.find_map(|input| input.shape.as_ref());
    let is_flattened = ["Flatten", "Reshape"]
        .iter()
        .any(|name| chain.skipped.contains(name));
    match shape.map(|shape| &shape[..]) {
        Some([_, middle @ .., _]) if !is_flattened && middle.iter().any(|n| *n != Some(1)) => {
            let input = chain.input;
            let problem = format!(
                "input {input:?}: expected [samples, features], got {} dimensions",
                middle.len() + 2
            );
            Err(malformed(problem))
        }
        _ => Ok(()),
    }
}

#[cfg(feature = "std")]
mod external {
    use std::io::{Read, Seek, SeekFrom};
    use std::path::{Component, Path};

    use super::*;

    /// Reads the bytes of a tensor in another file of this folder.
    pub(super) fn read(folder: &Path, tensor: &Tensor<'_>) -> Result<Vec<u8>> {
        let entry = |key| tensor.external.iter().find(|(of, _)| *of == key);
        let fault = |problem: &str| malformed(format!("tensor {:?}: {problem}", tensor.name));
        let number = |key| match entry(key) {
            None => Ok(None),
            Some((_, text)) => match text.parse::<u64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(fault("expected whole numbers as offset and length")),
            },
        };
        let Some((_, location)) = entry("location") else {
            return Err(fault("external data without a location"));
        };
        let parts = Path::new(location).components();
        if !parts
            .clone()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            return Err(fault("external data outside the model's folder"));
        }
        let path = folder.join(location);
        let io = |error| Error::io(&path, &error);
        let mut file = std::fs::File::open(&path).map_err(io)?;
        let total = file.metadata().map_err(io)?.len();
        let offset = number("offset")?.unwrap_or(0);
        let rest = total.saturating_sub(offset);
        let length = number("length")?.unwrap_or(rest);
        if length > rest {
            return Err(fault("external data beyond the end of its file"));
        }
        file.seek(SeekFrom::Start(offset)).map_err(io)?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes).map_err(io)?;
        Ok(bytes)
    }
}
