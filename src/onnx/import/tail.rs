//! The nodes behind the logits: probabilities, and labels of classes.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::array::Array;
use super::messages::Node;
use super::patterns::Patterns;
use super::source::Source;
use crate::activation::{Activation, Sigmoid};
use crate::error::Result;
use crate::float::Float;

/// Label of a class, as ONNX models have them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// A whole number.
    Integer(i64),
    /// A word.
    Text(String),
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(label) => label.fmt(f),
            Self::Text(label) => label.fmt(f),
        }
    }
}

/// Relation of an output to the values in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The values are the output.
    Values,
    Softmax,
    /// Each value has a sigmoid.
    Sigmoid,
    /// The value is the logit of the second of two classes.
    Pair,
}

/// An output of the graph, seen from its logits.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) kind: Kind,
    /// Name of the output.
    pub(super) output: &'a str,
    /// Name of the logits, or of the output itself.
    pub(super) logits: &'a str,
    pub(super) labels: Option<Vec<Label>>,
    /// The output is the index or label of the likeliest class.
    pub(super) is_argmax: bool,
    /// The output compares each probability with a threshold.
    pub(super) is_binary: bool,
}

impl<'a> Head<'a> {
    pub(super) fn new<T: Float>(
        source: &Source<'a>,
        patterns: &Patterns<T>,
        output: &'a str,
    ) -> Result<Self> {
        let mut head = Self {
            kind: Kind::Values,
            output,
            logits: output,
            labels: None,
            is_argmax: false,
            is_binary: false,
        };
        let mut value = output;
        for _ in 0..=source.graph.nodes.len() {
            let Some(node) = source.producer(value) else {
                break;
            };
            match head.peel(source, node)? {
                Some(next) => value = next,
                None => break,
            }
        }
        // Without labels, only probabilities give other operators their meaning.
        head.probabilities(source, patterns, value);
        if head.is_decision() && head.kind == Kind::Values {
            head.logits = value;
        }
        Ok(head)
    }

    /// Returns `true` for an output of labels or of named probabilities.
    pub(super) fn is_decision(&self) -> bool {
        self.labels.is_some() || self.is_argmax || self.is_binary
    }

    /// Returns the input of a node that turns probabilities into labels.
    fn peel(&mut self, source: &Source<'a>, node: &'a Node<'a>) -> Result<Option<&'a str>> {
        let input = || source.variables(node).first().copied();
        if node.is_ml("ZipMap") {
            let labels = node
                .find("classlabels_int64s")
                .map(|list| integers(&list.integers));
            let words = node
                .find("classlabels_strings")
                .map(|list| texts(&list.texts));
            self.labels = labels.or(words);
            return Ok(input());
        }
        if node.is_ml("ArrayFeatureExtractor") {
            let [Some(classes), Some(index)] = [node.input(0), node.input(1)] else {
                return Ok(None);
            };
            self.labels = match (source.constant(classes), source.texts(classes)) {
                (Some(array), _) => Some(
                    array
                        .values
                        .iter()
                        .map(|&label| Label::Integer(label as i64))
                        .collect(),
                ),
                (None, Some(words)) => Some(texts(words)),
                _ => return Ok(None),
            };
            return Ok(Some(index));
        }
        if node.is_ml("Binarizer") {
            if node.float("threshold").unwrap_or(0.0) != 0.5 {
                return Err(Source::refuse(node, "a threshold other than 0.5"));
            }
            self.is_binary = true;
            return Ok(input());
        }
        if node.is("ArgMax") {
            let is_last = node.integer("select_last_index").unwrap_or(0) != 0;
            if is_last || !matches!(node.integer("axis"), Some(1 | -1)) {
                return Err(Source::refuse(
                    node,
                    "an axis other than that of the classes",
                ));
            }
            self.is_argmax = true;
            return Ok(input());
        }
        if node.is("Greater") {
            let threshold = node.input(1).and_then(|name| source.constant(name));
            if threshold.and_then(Array::single) == Some(0.0) {
                self.is_binary = true;
                return Ok(input());
            }
            return Ok(None);
        }
        let passes = [
            "Cast",
            "Identity",
            "Reshape",
            "Squeeze",
            "Unsqueeze",
            "Flatten",
        ];
        Ok(if passes.iter().any(|name| node.is(name)) {
            input()
        } else {
            None
        })
    }

    /// Finds the logits of probabilities.
    fn probabilities<T: Float>(
        &mut self,
        source: &Source<'a>,
        patterns: &Patterns<T>,
        value: &'a str,
    ) {
        let Some(node) = source.producer(value) else {
            return;
        };
        let axis = node.integer("axis");
        if (node.is("Softmax") || node.is("LogSoftmax")) && matches!(axis, None | Some(1 | -1)) {
            if let Some(&input) = source.variables(node).first() {
                (self.kind, self.logits) = (Kind::Softmax, input);
            }
            return;
        }
        let sigmoid = |value| {
            let (activation, argument) = patterns.find(source, value)?;
            let name = Activation::<T>::name(&Sigmoid);
            (activation.name() == name).then_some(argument)
        };
        if node.is("Concat") {
            if let Some(logit) = pair(source, node, sigmoid) {
                (self.kind, self.logits) = (Kind::Pair, logit);
            }
            return;
        }
        if let Some(argument) = sigmoid(value) {
            (self.kind, self.logits) = (Kind::Sigmoid, argument);
        }
    }
}

/// Returns the logit of the second class, of 1 - p and p side by side.
fn pair<'a>(
    source: &Source<'a>,
    node: &Node<'a>,
    sigmoid: impl Fn(&'a str) -> Option<&'a str>,
) -> Option<&'a str> {
    let [first, second] = node.inputs[..] else {
        return None;
    };
    let logit = sigmoid(second)?;
    // This crate writes the sigmoid of the negative logit, and others 1 - p.
    let complement = source.producer(first)?;
    let one = complement.input(0).and_then(|name| source.constant(name));
    let is_rest = complement.is("Sub")
        && one.and_then(Array::single) == Some(1.0)
        && complement.input(1) == Some(second);
    let is_negative = || {
        let negative = source.producer(sigmoid(first)?)?;
        Some(negative.is("Neg") && negative.input(0) == Some(logit))
    };
    (is_rest || is_negative() == Some(true)).then_some(logit)
}

fn integers(labels: &[i64]) -> Vec<Label> {
    labels.iter().copied().map(Label::Integer).collect()
}

fn texts(labels: &[&[u8]]) -> Vec<Label> {
    let labels = labels
        .iter()
        .map(|label| String::from_utf8_lossy(label).into_owned());
    labels.map(Label::Text).collect()
}
