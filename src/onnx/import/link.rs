//! The part of a network that a node computes.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::array::Array;
use super::messages::Node;
use super::patterns::{self, Patterns};
use super::source::Source;
use crate::activation::{Activation, Parametric};
use crate::affine::{Affine, BatchNorm, Dense};
use crate::error::Result;
use crate::float::Float;
use crate::mlp::prelu;

/// One step of a chain.
pub(super) enum Link<T> {
    /// y = W·x + b.
    Dense(Dense),
    /// y = factor · x + offset.
    Affine(Affine),
    /// These features of all.
    Columns(Vec<i64>),
    /// An activation, with a number α for each neuron if it is parametric.
    Activation {
        activation: Arc<dyn Activation<T>>,
        alpha: Vec<f64>,
    },
}

impl<T> Link<T> {
    pub(super) fn numbers(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.weights.len() + dense.bias.len(),
            Self::Affine(map) => map.factor.len() + map.offset.len(),
            Self::Columns(indices) => indices.len(),
            Self::Activation { alpha, .. } => alpha.len(),
        }
    }
}

/// Returns what a node computes, and its input.
pub(super) fn link<'a, T: Float>(
    source: &Source<'a>,
    patterns: &Patterns<T>,
    node: &'a Node<'a>,
    value: &'a str,
) -> Result<(Link<T>, &'a str)> {
    if node.is("Gemm") {
        return gemm(source, node);
    }
    if node.is("MatMul") {
        return matmul(source, node);
    }
    if let Some((activation, input)) = patterns.find(source, value) {
        let alpha = Vec::new();
        return Ok((Link::Activation { activation, alpha }, input));
    }
    if let Some(found) = parametric(source, patterns, node) {
        return Ok(found);
    }
    if let Some(activation) = patterns::operator::<T>(node) {
        let activation = activation.map_err(|reason| Source::refuse(node, reason))?;
        let checked = activation.check();
        checked.map_err(|error| Source::refuse(node, &format!("{error}")))?;
        let alpha = Vec::new();
        return Ok((Link::Activation { activation, alpha }, only(source, node)?));
    }
    if node.is("ReduceMax") {
        return maxout(source, node);
    }
    if node.is_ml("ArrayFeatureExtractor") || node.is("Gather") {
        return columns(source, node);
    }
    affine(source, node)
}

/// y = alpha · op(x) · op(W) + beta · C.
fn gemm<'a, T>(source: &Source<'a>, node: &Node<'a>) -> Result<(Link<T>, &'a str)> {
    let refuse = |reason: &str| Err(Source::refuse(node, reason));
    let [Some(x), Some(w)] = [node.input(0), node.input(1)] else {
        return refuse("expected an input and weights");
    };
    if source.constant(x).is_some() {
        return refuse("constant inputs");
    }
    if node.integer("transA").unwrap_or(0) != 0 {
        return refuse("a transposed input");
    }
    let Some(weights) = source.constant(w) else {
        let reason = source.unfolded(node);
        return refuse(reason.as_deref().unwrap_or("weights that are no constants"));
    };
    let [rows, columns] = weights.dims[..] else {
        return refuse("weights that are no matrix");
    };
    let is_transposed = node.integer("transB").unwrap_or(0) != 0;
    let (outputs, inputs) = if is_transposed {
        (rows, columns)
    } else {
        (columns, rows)
    };
    if weights.values.is_empty() {
        return refuse("a layer without inputs or outputs");
    }
    let alpha = node.float("alpha").map_or(1.0, f64::from);
    let beta = node.float("beta").map_or(1.0, f64::from);
    let weight = |row: usize, column: usize| {
        let at = if is_transposed {
            row * columns + column
        } else {
            column * columns + row
        };
        alpha * weights.values[at]
    };
    let all = (0..outputs).flat_map(|row| (0..inputs).map(move |column| (row, column)));
    let weights = all.map(|(row, column)| weight(row, column)).collect();
    let bias = match node.input(2) {
        None => vec![0.0; outputs],
        Some(name) => {
            let Some(bias) = source.constant(name) else {
                return refuse("a bias that is no constant");
            };
            let Some(bias) = spread(bias, outputs) else {
                return refuse("a bias that differs from sample to sample");
            };
            bias.iter().map(|b| beta * b).collect()
        }
    };
    Ok((
        Link::Dense(Dense {
            weights,
            bias,
            inputs,
        }),
        x,
    ))
}

fn matmul<'a, T>(source: &Source<'a>, node: &Node<'a>) -> Result<(Link<T>, &'a str)> {
    let refuse = |reason: &str| Err(Source::refuse(node, reason));
    let [Some(x), Some(w)] = [node.input(0), node.input(1)] else {
        return refuse("expected an input and weights");
    };
    if source.constant(x).is_some() {
        return refuse("weights in front of the inputs; export the transposed product");
    }
    let Some(weights) = source.constant(w) else {
        let reason = source.unfolded(node);
        return refuse(reason.as_deref().unwrap_or("weights that are no constants"));
    };
    let [inputs, outputs] = weights.dims[..] else {
        return refuse("weights that are no matrix");
    };
    if weights.values.is_empty() {
        return refuse("a layer without inputs or outputs");
    }
    let all = (0..outputs).flat_map(|row| (0..inputs).map(move |column| column * outputs + row));
    let weights = all.map(|at| weights.values[at]).collect();
    let bias = vec![0.0; outputs];
    Ok((
        Link::Dense(Dense {
            weights,
            bias,
            inputs,
        }),
        x,
    ))
}

/// Returns a number for each of `width` features, from one number or a row of them.
fn spread(array: &Array, width: usize) -> Option<Vec<f64>> {
    match array.single() {
        Some(number) => Some(vec![number; width]),
        None => array
            .vector()
            .filter(|row| row.len() == width)
            .map(<[f64]>::to_vec),
    }
}

/// x + α (f(x) - x), as this crate writes it, or PRelu.
fn parametric<'a, T: Float>(
    source: &Source<'a>,
    patterns: &Patterns<T>,
    node: &'a Node<'a>,
) -> Option<(Link<T>, &'a str)> {
    if node.is("PRelu") {
        let (x, slope) = (node.input(0)?, source.constant(node.input(1)?)?);
        let row = slope.vector().filter(|row| !row.is_empty())?;
        let (activation, alpha) = prelu(row);
        return Some((Link::Activation { activation, alpha }, x));
    }
    let producer =
        |name: &str, operator: &str| source.producer(name).filter(|node| node.is(operator));
    let sum = Some(node).filter(|node| node.is("Add"))?;
    let (x, product) = (sum.input(0)?, producer(sum.input(1)?, "Mul")?);
    let (difference, alpha) = (producer(product.input(0)?, "Sub")?, product.input(1)?);
    let (y, subtracted) = (difference.input(0)?, difference.input(1)?);
    let alpha = source.constant(alpha)?.vector()?.to_vec();
    let (activation, argument) = patterns.find(source, y).or_else(|| {
        let node = source.producer(y)?;
        let activation = patterns::operator::<T>(node)?.ok()?;
        Some((activation, node.input(0)?))
    })?;
    if argument != x || subtracted != x {
        return None;
    }
    let activation = Arc::new(Parametric(activation));
    Some((Link::Activation { activation, alpha }, x))
}

/// Features of constant indices, as feature selection writes them.
fn columns<'a, T>(source: &Source<'a>, node: &'a Node<'a>) -> Result<(Link<T>, &'a str)> {
    let is_of_features =
        node.is_ml("ArrayFeatureExtractor") || matches!(node.integer("axis"), Some(1 | -1));
    let indices = node.input(1).and_then(|name| source.constant(name));
    match (
        is_of_features,
        indices.and_then(Array::vector),
        node.input(0),
    ) {
        (true, Some(indices @ [_, ..]), Some(x)) if source.constant(x).is_none() => {
            let indices = indices.iter().map(|&index| index as i64).collect();
            Ok((Link::Columns(indices), x))
        }
        _ => Err(Source::refuse(node, reason_for(node))),
    }
}

/// The maximum over adjacent outputs, as this crate writes it.
fn maxout<'a, T: Float>(source: &Source<'a>, node: &'a Node<'a>) -> Result<(Link<T>, &'a str)> {
    let found = || {
        let shaped = source
            .producer(node.input(0)?)
            .filter(|node| node.is("Reshape"))?;
        let shape = source.constant(shaped.input(1)?)?;
        let axes = match node.input(1) {
            Some(axes) => source.constant(axes)?.values.clone(),
            None => node
                .find("axes")?
                .integers
                .iter()
                .map(|&axis| axis as f64)
                .collect(),
        };
        let [-1.0, neurons, pieces] = shape.values[..] else {
            return None;
        };
        let is_maxout = axes == [2.0] && node.integer("keepdims") == Some(0);
        let is_whole = neurons >= 1.0 && (2.0..1e6).contains(&pieces);
        let activation = patterns::maxout::<T>(pieces as usize);
        let alpha = Vec::new();
        let link = Link::Activation { activation, alpha };
        (is_maxout && is_whole).then_some((link, shaped.input(0)?))
    };
    found().ok_or_else(|| Source::refuse(node, "a maximum that is no Maxout of this crate"))
}

/// Returns an operator that multiplies and adds numbers of each feature.
fn affine<'a, T>(source: &Source<'a>, node: &Node<'a>) -> Result<(Link<T>, &'a str)> {
    let refuse = |reason: &str| Err(Source::refuse(node, reason));
    if node.is_ml("Scaler") {
        // `offset` and `scale` have one number for all features or one for each.
        let list = |name, default: f64| match node.find(name) {
            Some(list) if !list.floats.is_empty() => {
                list.floats.iter().map(|&x| f64::from(x)).collect()
            }
            _ => vec![default],
        };
        let (offsets, factor): (Vec<f64>, Vec<f64>) = (list("offset", 0.0), list("scale", 1.0));
        let width = offsets.len().max(factor.len());
        let at = |list: &[f64], index: usize| list[index.min(list.len() - 1)];
        let offset = (0..width)
            .map(|i| -at(&offsets, i) * at(&factor, i))
            .collect();
        return Ok((Link::Affine(Affine { factor, offset }), only(source, node)?));
    }
    if node.is("BatchNormalization") {
        return normalization(source, node);
    }
    if node.is("Neg") {
        let (factor, offset) = (vec![-1.0], vec![0.0]);
        return Ok((Link::Affine(Affine { factor, offset }), only(source, node)?));
    }
    let is_arithmetic = ["Add", "Sub", "Mul", "Div"]
        .iter()
        .any(|name| node.is(name));
    if !is_arithmetic {
        return refuse(reason_for(node));
    }
    let x = only(source, node)?;
    let is_first = node.input(0) == Some(x);
    let constant = node
        .input(usize::from(is_first))
        .and_then(|name| source.constant(name));
    let Some(row) = constant.and_then(Array::vector) else {
        return refuse("a constant that is no row of numbers");
    };
    // Of operator sets in front of 7.
    if row.len() > 1
        && node
            .integer("axis")
            .is_some_and(|axis| !matches!(axis, 1 | -1))
    {
        return refuse("a constant along another axis than that of the features");
    }
    let is_integer = source.layout(x).is_some_and(|layout| layout.is_integer);
    if is_integer && node.operator == "Div" {
        return refuse("a quotient of integers; cast the inputs to f32 first");
    }
    let row = row.to_vec();
    let (factor, offset) = match (node.operator, is_first) {
        ("Add", _) => (vec![1.0], row),
        ("Sub", true) => (vec![1.0], row.iter().map(|x| -x).collect()),
        ("Sub", false) => (vec![-1.0], row),
        ("Mul", _) => (row, vec![0.0]),
        ("Div", true) => (row.iter().map(|x| 1.0 / x).collect(), vec![0.0]),
        _ => return refuse("it divides by a computed value"),
    };
    Ok((Link::Affine(Affine { factor, offset }), x))
}

/// y = gamma (x - mean) / √(variance + epsilon) + beta.
fn normalization<'a, T>(source: &Source<'a>, node: &Node<'a>) -> Result<(Link<T>, &'a str)> {
    if node.integer("training_mode").unwrap_or(0) != 0 || node.integer("is_test") == Some(0) {
        let reason = "statistics of the batch; export the model for inference";
        return Err(Source::refuse(node, reason));
    }
    let row = |index| {
        let array = node.input(index).and_then(|name| source.constant(name));
        let reason = "expected constants gamma, beta, mean and variance";
        array
            .and_then(Array::vector)
            .ok_or_else(|| Source::refuse(node, reason))
    };
    let norm = BatchNorm {
        gamma: Some(row(1)?),
        beta: Some(row(2)?),
        mean: row(3)?,
        variance: row(4)?,
        epsilon: node.float("epsilon").map_or(1e-5, f64::from),
    };
    let map =
        Affine::batch_norm(norm).map_err(|error| Source::refuse(node, &format!("{error}")))?;
    Ok((Link::Affine(map), only(source, node)?))
}

/// Returns why a node is no part of a chain, and what to do.
fn reason_for(node: &Node<'_>) -> &'static str {
    match node.operator {
        "LayerNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "ReduceMean"
        | "RMSNormalization"
        | "LpNormalization"
        | "SimplifiedLayerNormalization" => {
            "a normalization over the features of each sample, which is no layer here; train with \
             BatchNorm instead, which can be folded"
        }
        "Conv" | "ConvTranspose" | "MaxPool" | "AveragePool" | "GlobalAveragePool" => {
            "a convolution; only dense layers can be imported"
        }
        "LSTM" | "GRU" | "RNN" | "If" | "Loop" | "Scan" => {
            "a recurrent or conditional part; only dense layers can be imported"
        }
        "Transpose" => "it moves axes; export a model of [samples, features]",
        "Min" | "Max" | "Sum" | "Mean" => {
            "it joins several values; a network here is one chain of layers"
        }
        "Shrink" | "ThresholdedRelu" => {
            "an activation that is not built in; export the network with another"
        }
        "PRelu" => "numbers that are no row, one for each feature",
        "LinearRegressor" | "LinearClassifier" => {
            "a linear model; train a network without hidden layers, or build it from its weights"
        }
        "Imputer" | "Normalizer" | "OneHotEncoder" | "LabelEncoder" => {
            "it prepares inputs; export the network behind it"
        }
        "Clip" => "limits that no activation has: they are 0 to 6 or infinity, and -1 to 1",
        "Softmax" | "LogSoftmax" => {
            "a softmax that is not the last operator, or of another axis than that of the features"
        }
        "Concat" | "Gather" | "Slice" | "Split" | "ArrayFeatureExtractor" => {
            "it joins, reorders or picks features; export the network behind it"
        }
        "DynamicQuantizeLinear"
        | "MatMulInteger"
        | "QLinearMatMul"
        | "QGemm"
        | "QuantizeLinear"
        | "ConvInteger" => {
            "an integer model; export the network in f32, and quantize it with Quantizer"
        }
        _ => {
            "an operator that is no part of a dense layer; export dense layers and activations alone"
        }
    }
}

/// Returns the only input that is no constant.
pub(super) fn only<'a>(source: &Source<'a>, node: &Node<'a>) -> Result<&'a str> {
    match source.variables(node)[..] {
        [value] => Ok(value),
        [] => Err(Source::refuse(node, "no input that the graph computes")),
        _ => {
            let reason = source.unfolded(node);
            let joins = "it joins two values, as residual connections and unknown activations do; \
                         a network here is one chain of layers and built-in activations";
            Err(Source::refuse(node, reason.as_deref().unwrap_or(joins)))
        }
    }
}
