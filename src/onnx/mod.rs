//! Exports trained networks as ONNX models, and imports those of other libraries.
//!
//! [`import()`] reads models of scikit-learn, PyTorch, Keras and others. The rest of this page is
//! about the export.
//!
//! One such runtime is onnxruntime, which runs in Python and C++, on phones and in browsers.
//! [`export`] converts an [`Mlp`], a [`Classifier`], a [`MultilabelClassifier`] or a [`Regressor`],
//! in f32 or f64, and a `TabularModel` with its columns. It also converts a
//! [`QuantizedMlp`](crate::quantize::QuantizedMlp). Each layer of a network becomes one `Gemm` with
//! unchanged weights, followed by the operators of its activation. A
//! [`Parametric`](crate::activation::Parametric) one ends with `Sub`, `Mul` and `Add`.
//!
//! ```
//! use feedforward::{Mlp, activation::{Identity, Mish}, onnx};
//!
//! let net = Mlp::<f32>::builder(2).hidden(16, Mish).output(1, Identity).seed(7).build()?;
//! let bytes: Vec<u8> = onnx::export(&net)?; // std::fs::write("net.onnx", bytes)
//! # assert!(bytes.len() > 4 * net.params().len());
//! # Ok::<(), feedforward::Error>(())
//! ```
//!
//! Then, in Python:
//!
//! ```python
//! import numpy, onnxruntime
//! session = onnxruntime.InferenceSession("net.onnx")
//! y, = session.run(["y"], {"x": numpy.array([[0.5, -0.5]], numpy.float32)})
//! ```
//!
//! # Inputs and outputs
//!
//! All models but those of tables take the input `x`, `[batch x inputs]`, in the network's number
//! type. Their outputs are:
//!
//! - [`Mlp`]: `y`, `[batch x outputs]`.
//! - [`Regressor`]: `y`, `[batch x outputs]`. The predictions are after the link, in the targets'
//!   unit.
//! - [`Classifier`]: `label`, `[batch]`, is the index of the likeliest class. `probabilities` is
//!   `[batch x classes]`.
//! - [`MultilabelClassifier`]: `labels`, `[batch x labels]`, is 1 for each predicted label, else 0.
//!   `probabilities` is `[batch x labels]`.
//!
//! A [`Scaler`](crate::Scaler) is not part of a model: fold it into the network before the export.
//! The model's metadata contain the crate's version, the layers' sizes and activations, and a
//! classifier's labels as formatted by `Debug`.
//!
//! # Tables
//!
//! The inputs of a `TabularModel` are its columns, by name, and the column of exposures. All have
//! the shape `[batch x 1]`:
//!
//! - Numbers are doubles, and NaN is missing.
//! - Words, booleans and ordered levels are strings. A missing cell is the empty string, or any
//!   word that training has not seen. Booleans are `true`, `True` or `TRUE`, and likewise `false`.
//!
//! The outputs are of type double:
//!
//! - Numbers and counts: `prediction`, `[batch x targets]`.
//! - Classes: `label`, `[batch]`, is the likeliest class as a string. `probabilities` is
//!   `[batch x classes]`.
//! - Labels: `probabilities`, `[batch x labels]`.
//!
//! They are the means of all networks, and calibrated if the model is. If this crate refuses a row,
//! its outputs are NaN, and its label is empty. Such rows have an infinite number, a number that is
//! too large, or an exposure that is not above 0.
//!
//! A column without a name is the input `unnamed`. If a column has the name of an output, the
//! output is `prediction (2)`, for example. The metadata have columns with their kinds, targets,
//! classes, exposure, and the number of networks. Sizes and activations are those of the first one.
//!
//! The graph scales all columns together, so even wide tables have few operators. The columns are
//! computed in double precision, and words are found once for all networks.
//!
//! # Quantized networks
//!
//! A network in int8 also takes f32, and its output `y` is f32. It has one of two forms:
//!
//! - [`QuantizedMlp`](crate::quantize::QuantizedMlp) has `QuantizeLinear` and `DequantizeLinear`
//!   (QDQ), from which runtimes and tools for chips rebuild integers. They round once, so choose
//!   [`Rounding::Single`](crate::quantize::Rounding). Otherwise integers may differ by 1.
//! - [`Integers`] computes in integers, which are equal to those of this crate.
//!
//! On x86-64 without VNNI, onnxruntime limits sums of QDQ to 16 bits by default. Outputs are then
//! wrong by up to half of their range. Set `session.x64quantprecision` to `1` in its options, use
//! weights of 7 bits (a setting of [`Quantizer`](crate::quantize::Quantizer)), or [`Integers`].
//!
//! # Encodings
//!
//! The inputs of a model with an encoding are those of the encoding:
//!
//! | Encoding | Operators |
//! |---|---|
//! | [`Fourier`](crate::encoding::Fourier) | `Gemm`, `Cos`, `Sin` |
//! | [`Positional`](crate::encoding::Positional) | `Mul`, `Sin`, `Cos` |
//! | [`OneBlob`](crate::encoding::OneBlob) | `Erf`, or its formula in f64 |
//! | [`Grid`](crate::encoding::Grid) | `Floor` and `Gather`; for hashed entries also `BitwiseXor` and `Mod` |
//! | [`Categories`](crate::encoding::Categories) | `Floor`, `Equal` and `Gather` |
//! | [`Periodic`](crate::encoding::Periodic) | `Cos` and `MatMul` |
//! | [`Identity`](crate::encoding::Identity) | none |
//! | [`Concat`](crate::encoding::Concat) | `Slice` and `Concat` around those of its members |
//! | [`Scaled`](crate::encoding::Scaled) | those of the inner encoding, and `Mul` |
//!
//! Encodings of a user's own are refused by name, also as members of `Concat`.
//!
//! # Versions
//!
//! Models use operator set 13 in format version 7. These are the versions of ONNX 1.8 (2020), so
//! that older runtimes can read them too. A grid with hashed entries needs operator set 18 in
//! format version 8, those of ONNX 1.13 (2022). Later sets have operators for more activations, but
//! onnxruntime computes most of those in f32 alone. Words need `LabelEncoder` of `ai.onnx.ml`,
//! version 2.
//!
//! # Accuracy
//!
//! ReLU, tanh, sine and the exponential are one operator each. So are relu6 and hard_tanh (`Clip`).
//! Other activations are composed of simpler operators if onnxruntime's operator exists in f32
//! alone or loses the digits of small results. The compositions are alike in both types, except for
//! the error function in GELU.
//!
//! Predictions differ from those of this crate by rounding. An activation may differ by a few units
//! in the last place, and a layer's sums may run in another order. Infinite pre-activations give
//! the same results as in this crate.

#![cfg(target_has_atomic = "ptr")]

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::metrics::Link;
use crate::mlp::{Mlp, check_finite};
use crate::model::{Classifier, MultilabelClassifier, Regressor};

mod activations;
mod encodings;
mod graph;
mod import;
mod proto;
mod quantized;
#[cfg(feature = "tabular")]
mod tabular;
#[cfg(test)]
mod tests;

use graph::{Expr, Graph, int};
pub use import::{Imported, ImportedModel, Importer, Label, import};
pub use quantized::Integers;
use sealed::Outline;

/// Version of the operator set. It is the first in which all required operators, `ReduceMax` and
/// `Softmax` in particular, are as they still are in version 17.
const OPERATOR_SET: i64 = 13;

/// Version of the file format that belongs to this operator set.
const IR_VERSION: i64 = 7;

/// First version of the operator set that has `BitwiseXor`, which hashed entries need.
const OPERATOR_SET_OF_BITS: i64 = 18;

/// Version of the file format that belongs to that operator set.
const IR_VERSION_OF_BITS: i64 = 8;

/// Domain and version of the operators for words, which belong to operator set 13 and earlier.
const ML_DOMAIN: &str = "ai.onnx.ml";
const ML_OPERATOR_SET: i64 = 2;

/// Maximum size of a protobuf message in bytes.
const LARGEST: usize = i32::MAX as usize;

/// A network or model that [`export`] accepts.
///
/// The trait is sealed, because a graph consists of parts that this crate knows.
pub trait Export: Outline {}

impl<T: Float> Export for Mlp<T> {}
impl<T: Float> Export for Regressor<T> {}
impl<T: Float, L: Ord + Clone + Debug> Export for Classifier<T, L> {}
impl<T: Float, L: Ord + Clone + Debug> Export for MultilabelClassifier<T, L> {}

/// Returns the model as the bytes of an ONNX file.
///
/// ```
/// use feedforward::{Classifier, Mlp, activation::Tanh, onnx};
///
/// let builder = Mlp::<f64>::builder(4).hidden(8, Tanh).seed(1);
/// let model = Classifier::new(builder, ["setosa", "versicolor", "virginica"])?;
/// let bytes = onnx::export(&model)?; // labels and probabilities
/// assert!(bytes.len() > model.network().params().len() * 8);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// Built-in activations are identified by their [names](crate::Activation::name), so a custom
/// activation must not have one of these names.
///
/// # Errors
/// - [`Error::UnknownName`] for an activation or an encoding that is not built in. An activation in
///   a table of a quantized network may be your own.
/// - [`Error::NotFinite`] if a parameter is not finite.
/// - [`Error::Shape`] if a classifier's network was replaced by one with another number of outputs.
/// - [`Error::Incompatible`] for scales and zero points of a quantized network that a file may
///   have, and no `Quantizer` makes.
/// - [`Error::TooLarge`] for a model beyond the format's 2 GiB.
/// - [`Error::Column`] if a column of a table has words in one network of a file and numbers in
///   another.
pub fn export(model: &(impl Export + ?Sized)) -> Result<Vec<u8>> {
    let bytes = proto::encode(&model.outline()?);
    if bytes.len() > LARGEST {
        let (expected, got) = (format!("at most {LARGEST}"), bytes.len());
        return Err(Error::too_large("bytes of an ONNX model", expected, got));
    }
    Ok(bytes)
}

mod sealed {
    pub trait Outline {
        /// Returns the model before serialization.
        fn outline(&self) -> crate::error::Result<super::proto::Model>;
    }
}

impl<T: Float> Outline for Mlp<T> {
    fn outline(&self) -> Result<proto::Model> {
        let graph = Graph::default();
        let y = network(&graph, self)?;
        graph.output("y", y, self.outputs());
        Ok(finished(graph, self, None))
    }
}

impl<T: Float> Outline for Regressor<T> {
    fn outline(&self) -> Result<proto::Model> {
        let graph = Graph::default();
        self.check()?;
        let outputs = network(&graph, self.network())?;
        graph.enter("link");
        let mut y = match self.link {
            Link::Identity => outputs,
            Link::Log => outputs.exp(),
        };
        if let Some(scaler) = self.target_scaler() {
            let columns = [self.network().outputs()];
            let scales = graph.tensor("scales", &columns, scaler.scales());
            let offsets = graph.tensor("offsets", &columns, scaler.offsets());
            let scaled = graph.node("Mul", &[y, scales], Vec::new());
            y = graph.node("Add", &[scaled, offsets], Vec::new());
        }
        graph.output("y", y, self.network().outputs());
        let mut facts = facts(self.network());
        facts.push(("link", link_name(self.link).to_owned()));
        Ok(model(graph, "mlp", facts))
    }
}

impl<T: Float, L: Ord + Clone + Debug> Outline for Classifier<T, L> {
    fn outline(&self) -> Result<proto::Model> {
        let classes = self.classes().len();
        let expected = if classes == 2 { 1 } else { classes };
        let graph = Graph::default();
        let logits = logits(&graph, "outputs of a classifier", self.network(), expected)?;
        let (label, probabilities) = if classes == 2 {
            (one_label(logits), both(logits))
        } else {
            let settings = vec![int("axis", 1), int("keepdims", 0)];
            let label = graph.node("ArgMax", &[logits], settings);
            let probabilities = graph.node("Softmax", &[logits], vec![int("axis", 1)]);
            (label, probabilities)
        };
        graph.integer_output("label", label, None);
        graph.output("probabilities", probabilities, classes);
        Ok(finished(graph, self.network(), Some(&self.classes())))
    }
}

impl<T: Float, L: Ord + Clone + Debug> Outline for MultilabelClassifier<T, L> {
    fn outline(&self) -> Result<proto::Model> {
        let (what, classes) = ("outputs of a multilabel classifier", self.classes().len());
        let graph = Graph::default();
        let logits = logits(&graph, what, self.network(), classes)?;
        let probabilities = activations::sigmoid(logits);
        graph.integer_output("labels", positive(logits), Some(classes));
        graph.output("probabilities", probabilities, classes);
        Ok(finished(graph, self.network(), Some(&self.classes())))
    }
}

/// Returns the outputs of a classifier's network, after checking their number.
fn logits<'g, T: Float>(
    graph: &'g Graph<T>,
    what: &'static str,
    net: &Mlp<T>,
    expected: usize,
) -> Result<Expr<'g, T>> {
    if net.outputs() != expected {
        return Err(Error::shape(what, expected.to_string(), net.outputs()));
    }
    let logits = network(graph, net)?;
    graph.enter("classes");
    Ok(logits)
}

/// Returns the network's outputs for the graph's input `x`.
fn network<'g, T: Float>(graph: &'g Graph<T>, net: &Mlp<T>) -> Result<Expr<'g, T>> {
    layers(graph, net, graph.input("x", net.inputs()))
}

/// Returns the network's outputs for these inputs.
fn layers<'g, T: Float>(
    graph: &'g Graph<T>,
    net: &Mlp<T>,
    mut x: Expr<'g, T>,
) -> Result<Expr<'g, T>> {
    check_finite("parameters", net.params())?;
    if let Some(encoding) = net.encoding() {
        x = encodings::apply(&**encoding, net.encoding_params(), x)?;
    }
    for (index, layer) in net.layers().enumerate() {
        graph.enter(format!("layer{index}"));
        let rows = layer.bias().len();
        let weights = graph.tensor("weights", &[rows, layer.inputs()], layer.weights());
        let bias = graph.tensor("bias", &[rows], layer.bias());
        let z = graph.node("Gemm", &[x, weights, bias], vec![int("transB", 1)]);
        x = activations::apply(layer.activation(), z, layer.outputs())?;
        if !layer.alpha().is_empty() {
            let alpha = graph.tensor("alpha", &[rows], layer.alpha());
            x = z + (x - z) * alpha;
        }
    }
    Ok(x)
}

/// Returns the probabilities of two classes, computed from the logit of the second.
fn both<T: Float>(logit: Expr<'_, T>) -> Expr<'_, T> {
    let pair = [activations::sigmoid(-logit), activations::sigmoid(logit)];
    logit.graph().node("Concat", &pair, vec![int("axis", 1)])
}

/// Returns the likelier of two classes from the logit of the second. A tie yields the first.
fn one_label<T: Float>(logit: Expr<'_, T>) -> Expr<'_, T> {
    let graph = logit.graph();
    let axis = graph.integers(&[1]);
    graph.node("Squeeze", &[positive(logit), axis], Vec::new())
}

/// Returns 1 for each logit above 0, else 0.
fn positive<T: Float>(logits: Expr<'_, T>) -> Expr<'_, T> {
    logits.above(0.0).cast(proto::INT64)
}

/// Returns the model of a graph, with its metadata.
fn finished<T: Float>(graph: Graph<T>, net: &Mlp<T>, classes: Option<&dyn Debug>) -> proto::Model {
    let mut facts = facts(net);
    facts.extend(classes.map(|labels| ("classes", format!("{labels:?}"))));
    model(graph, "mlp", facts)
}

fn link_name(link: Link) -> &'static str {
    match link {
        Link::Identity => "identity",
        Link::Log => "log",
    }
}

/// Returns the metadata of a network.
fn facts<T: Float>(net: &Mlp<T>) -> Vec<(&'static str, String)> {
    let layers = net.layout().layers().iter();
    let sizes = core::iter::once(net.inputs()).chain(layers.map(|layer| layer.outputs));
    let sizes: Vec<_> = sizes.map(|size| size.to_string()).collect();
    let names: Vec<_> = net
        .layers()
        .map(|layer| layer.activation().name())
        .collect();
    let mut facts = vec![
        ("feedforward_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("layer_sizes", sizes.join(", ")),
        ("activations", names.join(", ")),
    ];
    let encoding = net.encoding().map(|encoding| encoding.name().into_owned());
    facts.extend(encoding.map(|name| ("encoding", name)));
    facts
}

/// Returns the model of a graph, with these metadata.
fn model<T: Float>(graph: Graph<T>, name: &str, facts: Vec<(&str, String)>) -> proto::Model {
    let entry = |(key, value): (&str, String)| proto::StringStringEntry {
        key: key.to_owned(),
        value,
    };
    let operator_set = graph.operator_set();
    let ir_version = match operator_set {
        OPERATOR_SET => IR_VERSION,
        _ => IR_VERSION_OF_BITS,
    };
    let graph = graph.finish(name);
    let of_words = graph.node.iter().any(|node| node.domain == ML_DOMAIN);
    let sets = [("", operator_set)].into_iter();
    let sets = sets.chain(of_words.then_some((ML_DOMAIN, ML_OPERATOR_SET)));
    let set = |(domain, version): (&str, i64)| proto::OperatorSetId {
        domain: domain.to_owned(),
        version,
    };
    proto::Model {
        ir_version,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph,
        opset_import: sets.map(set).collect(),
        metadata_props: facts.into_iter().map(entry).collect(),
    }
}
