//! A graph as a chain of affine maps and activations, from its output back to its input.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::array::Array;
use super::form::casts_to_float;
use super::link::{Link, link, only};
use super::messages::Node;
use super::patterns::Patterns;
use super::source::Source;
use super::wire::malformed;
use crate::error::{Error, Result};
use crate::float::Float;

/// A step, with the title of its node.
pub(super) struct Step<'a, T> {
    pub(super) link: Link<T>,
    pub(super) title: String,
    /// Name of the value in front of it.
    pub(super) input: &'a str,
}

/// A chain, from the graph's input on.
pub(super) struct Chain<'a, T> {
    pub(super) steps: Vec<Step<'a, T>>,
    /// Name of the input.
    pub(super) input: &'a str,
    /// Number of inputs, if the graph has it.
    pub(super) width: Option<usize>,
    /// Operators without an effect.
    pub(super) skipped: BTreeSet<&'a str>,
    /// It rounds values to f16 or bf16 between layers.
    pub(super) is_half: bool,
}

impl<T> Chain<'_, T> {
    /// Returns the number of outputs of the last dense layer, if there is one.
    pub(super) fn outputs(&self) -> Option<usize> {
        self.steps.iter().rev().find_map(|step| match &step.link {
            Link::Dense(dense) => Some(dense.bias.len()),
            Link::Columns(indices) => Some(indices.len()),
            _ => None,
        })
    }
}

/// Follows the values from `output` back to an input of the graph.
///
/// The last nodes of a whole model may give its numbers another shape.
pub(super) fn chain<'a, T: Float>(
    source: &Source<'a>,
    patterns: &Patterns<T>,
    output: &'a str,
    is_whole: bool,
) -> Result<Chain<'a, T>> {
    let (mut steps, mut skipped, mut is_half) = (Vec::new(), BTreeSet::new(), false);
    // Nodes may share weights, and each layer has its own.
    let mut budget = source.numbers();
    let mut value = output;
    // Each step passes at least one node, so a longer chain goes round in a circle.
    for _ in 0..=source.graph.nodes.len() {
        if source.is_input(value) {
            steps.reverse();
            return Ok(Chain {
                steps,
                input: value,
                width: source.width(value),
                skipped,
                is_half,
            });
        }
        let Some(node) = source.producer(value) else {
            let kind = if source.constant(value).is_some() {
                "does not depend on an input"
            } else {
                "is computed by no node in front of it"
            };
            return Err(malformed(format!("value {value:?} {kind}")));
        };
        if node.outputs.first() != Some(&value) {
            return Err(Source::refuse(node, "an output other than the first one"));
        }
        if is_skipped(source, node, is_whole && steps.is_empty())? {
            skipped.insert(node.operator);
            if node.is("Cast") && matches!(node.integer("to"), Some(10 | 16)) {
                is_half = true;
            }
            value = only(source, node)?;
            if node.input(0) != Some(value) {
                return Err(Source::refuse(node, "a computed setting"));
            }
            continue;
        }
        let (link, input) = link(source, patterns, node, value)?;
        let Some(rest) = budget.checked_sub(link.numbers()) else {
            let expected = "4 for each byte of the file";
            return Err(Error::too_large(
                "numbers of shared weights",
                expected,
                "more",
            ));
        };
        budget = rest;
        let title = node.title();
        if !fits(source, &link, node, input) {
            let reason = "it works on another axis than that of the features; export a model of [samples, \
                          features]";
            return Err(Source::refuse(node, reason));
        }
        steps.push(Step { link, title, input });
        value = input;
    }
    Err(malformed("its nodes form a circle"))
}

/// Returns `true` if a link works on the features of its input.
fn fits<T>(source: &Source<'_>, link: &Link<T>, node: &Node<'_>, input: &str) -> bool {
    let Some(layout) = source.layout(input) else {
        return false;
    };
    match link {
        Link::Columns(_) if node.is("Gather") => {
            layout.is_features(node.integer("axis").unwrap_or(0))
                && node
                    .outputs
                    .first()
                    .is_some_and(|to| source.layout(to).is_some())
        }
        Link::Affine(map) if map.width() == 1 => true,
        Link::Affine(_) if node.is("BatchNormalization") => layout.is_features(1),
        Link::Dense(_) | Link::Columns(_) | Link::Affine(_) => layout.is_last(),
        Link::Activation { alpha, .. } => alpha.len() <= 1 || layout.is_last(),
    }
}

/// Returns `true` for an operator that leaves all numbers of a sample as they are.
fn is_skipped(source: &Source<'_>, node: &Node<'_>, is_last: bool) -> Result<bool> {
    if !matches!(node.domain, "" | "ai.onnx") {
        return Ok(false);
    }
    Ok(match node.operator {
        "Identity" => true,
        "Flatten" | "Squeeze" | "Unsqueeze" | "Reshape" => {
            if !is_last {
                check_move(source, node)?;
            }
            true
        }
        "CastLike" => {
            let like = node.input(1).and_then(|name| source.constant(name));
            if like.is_some_and(|like| like.is_integer) {
                return Err(Source::refuse(node, "it rounds numbers to another type"));
            }
            true
        }
        "Dropout" => {
            let training = node.input(2).and_then(|name| source.constant(name));
            let is_training = training.and_then(Array::single).is_some_and(|on| on != 0.0);
            if is_training || node.integer("is_test") == Some(0) {
                return Err(Source::refuse(
                    node,
                    "it drops values; export the model for inference",
                ));
            }
            true
        }
        "Cast" => {
            if !casts_to_float(node) {
                return Err(Source::refuse(node, "it rounds numbers to another type"));
            }
            true
        }
        _ => false,
    })
}

/// Checks that a node leaves samples and features apart.
pub(super) fn check_move(source: &Source<'_>, node: &Node<'_>) -> Result<()> {
    match node.outputs.first().and_then(|to| source.layout(to)) {
        Some(_) => Ok(()),
        None => Err(Source::refuse(
            node,
            "a shape that mixes samples and features",
        )),
    }
}
