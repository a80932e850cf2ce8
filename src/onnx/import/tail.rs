//! The nodes behind the logits: probabilities, and labels of classes.

use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;

use super::array::Array;
use super::chain::check_move;
use super::form::casts_to_float;
use super::messages::Node;
use super::patterns::Patterns;
use super::source::Source;
use crate::activation::{Activation, Sigmoid};
use crate::error::Result;
use crate::float::Float;

/// Label of a class, as ONNX models have them.
///
/// It prints as the number or text alone. A text is parsed as a number if it is one, so the label
/// `Text("7")` of a file comes back as `Integer(7)`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// A whole number.
    Integer(i64),
    /// A word.
    Text(String),
}

// Exported models have the `Debug` form of their labels, which other types read.
impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(label) => label.fmt(f),
            Self::Text(label) => label.fmt(f),
        }
    }
}

impl FromStr for Label {
    type Err = Infallible;

    fn from_str(text: &str) -> core::result::Result<Self, Infallible> {
        Ok(text
            .parse()
            .map_or_else(|_| Self::Text(text.into()), Self::Integer))
    }
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

/// The values that have labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Labelled {
    /// Each index stands for a label.
    Index,
    /// Each probability has a name.
    Probabilities,
}

/// A type without fractions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cast {
    Integer,
    /// 0 becomes `false`, and other numbers `true`.
    Truth,
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
    /// The values that the labels belong to.
    labelled: Option<Labelled>,
    /// The type that numbers become, if it is no float.
    cast: Option<Cast>,
    /// The output has logarithms of probabilities.
    pub(super) is_logarithm: bool,
    /// The output compares each value with this threshold.
    pub(super) threshold: Option<f64>,
}

/// `TensorProto.DataType` of truth values.
const BOOL: i64 = 9;

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
            labelled: None,
            cast: None,
            is_logarithm: false,
            threshold: None,
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
        head.check(source, value)?;
        if head.is_decision() && head.kind == Kind::Values {
            head.logits = value;
        }
        Ok(head)
    }

    /// Returns `true` for an output of labels or of named probabilities.
    pub(super) fn is_decision(&self) -> bool {
        self.labels.is_some() || self.is_argmax || self.threshold.is_some()
    }

    /// Checks that the operators in front of the output are those of a classifier.
    fn check(&self, source: &Source<'a>, value: &'a str) -> Result<()> {
        let Some(node) = source.producer(self.output) else {
            return Ok(());
        };
        let refuse = |reason| Err(Source::refuse(node, reason));
        // A sigmoid is above 0.5 where its argument is above 0.
        let expected = match self.kind {
            Kind::Values => 0.0,
            Kind::Sigmoid => 0.5,
            Kind::Softmax | Kind::Pair => f64::NAN,
        };
        if self
            .threshold
            .is_some_and(|threshold| threshold != expected)
        {
            return refuse(
                "labels of another threshold than 0.5 for sigmoids or 0 for logits; export the \
                 network in front of it",
            );
        }
        let is_index = self.is_argmax || self.threshold.is_some();
        if self.cast == Some(Cast::Truth) && self.threshold.is_none()
            || self.cast.is_some() && !is_index
        {
            return refuse("it rounds numbers to another type");
        }
        if self.labelled == Some(Labelled::Index) && !self.is_argmax {
            return refuse("labels of an index that is no ArgMax");
        }
        let is_named = self.labelled == Some(Labelled::Probabilities);
        if is_named && self.kind == Kind::Values {
            return refuse(
                "names for numbers that are no probabilities of a softmax or sigmoid; export the \
                 network in front of it",
            );
        }
        let is_rows = source.layout(value).is_some();
        if self.is_decision() && !is_rows {
            return refuse("a shape that mixes samples and features");
        }
        Ok(())
    }

    /// Returns the input of a node that turns probabilities into labels.
    fn peel(&mut self, source: &Source<'a>, node: &'a Node<'a>) -> Result<Option<&'a str>> {
        let input = || source.variables(node).first().copied();
        // Only indices have labels, and only values become indices.
        let is_values = !self.is_argmax && self.threshold.is_none();
        let is_first = is_values && self.labels.is_none();
        let is_index = self.is_argmax || self.threshold.is_some();
        if node.is_ml("ZipMap") && is_first {
            let labels = node
                .find("classlabels_int64s")
                .map(|list| integers(&list.integers));
            let words = node
                .find("classlabels_strings")
                .map(|list| texts(&list.texts));
            self.labels = labels.or(words);
            self.labelled = Some(Labelled::Probabilities);
            return Ok(input());
        }
        if node.is_ml("ArrayFeatureExtractor") && is_first {
            let [Some(classes), Some(index)] = [node.input(0), node.input(1)] else {
                return Ok(None);
            };
            self.labels = match (source.constant(classes), source.texts(classes)) {
                (Some(array), _) if array.values.iter().any(|x| *x != (*x as i64) as f64) => {
                    return Err(Source::refuse(node, "labels that are no whole numbers"));
                }
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
            self.labelled = Some(Labelled::Index);
            return Ok(Some(index));
        }
        if node.is_ml("Binarizer") && is_first {
            self.threshold = Some(node.float("threshold").unwrap_or(0.0).into());
            return Ok(input());
        }
        if node.is("ArgMax") && is_values && self.labelled != Some(Labelled::Probabilities) {
            let is_last = node.integer("select_last_index").unwrap_or(0) != 0;
            let axis = node.integer("axis").unwrap_or(0);
            let layout = input().and_then(|input| source.layout(input));
            if is_last || !layout.is_some_and(|layout| layout.is_features(axis)) {
                return Err(Source::refuse(
                    node,
                    "an axis other than that of the classes",
                ));
            }
            self.is_argmax = true;
            return Ok(input());
        }
        if node.is("Greater") && is_first {
            let threshold = node.input(1).and_then(|name| source.constant(name));
            let threshold = threshold.and_then(Array::single);
            if threshold == Some(0.0) || threshold == Some(0.5) {
                self.threshold = threshold;
                return Ok(input());
            }
            return Ok(None);
        }
        if node.is("Cast") {
            // Behind an index, the cast would be of values.
            if is_index && !casts_to_float(node) {
                return Ok(None);
            }
            if node.integer("to") == Some(BOOL) && self.threshold.is_none() {
                self.cast = Some(Cast::Truth);
            } else if !casts_to_float(node) {
                self.cast = self.cast.or(Some(Cast::Integer));
            }
            return Ok(input());
        }
        if ["Reshape", "Squeeze", "Unsqueeze", "Flatten"]
            .iter()
            .any(|name| node.is(name))
        {
            return Ok(input().filter(|_| check_move(source, node).is_ok()));
        }
        Ok(if node.is("Identity") { input() } else { None })
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
        let is_flat = source.opset < 13;
        let axis = node.integer("axis").unwrap_or(if is_flat { 1 } else { -1 });
        let layout = source
            .variables(node)
            .first()
            .and_then(|input| source.layout(input));
        let is_of_classes = layout.is_some_and(|layout| {
            if is_flat {
                layout.is_flat(axis)
            } else {
                layout.is_features(axis)
            }
        });
        if (node.is("Softmax") || node.is("LogSoftmax")) && is_of_classes {
            if let Some(&input) = source.variables(node).first() {
                (self.kind, self.logits) = (Kind::Softmax, input);
                self.is_logarithm = node.is("LogSoftmax");
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
    if !source.layout(second)?.is_features(node.integer("axis")?) {
        return None;
    }
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
