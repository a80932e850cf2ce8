//! A graph whose constants are computed.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::array::{Array, computed};
use super::layout::{Layout, Operands, behind};
use super::messages::{Graph, Node, Tensor};
use super::wire::malformed;
use crate::error::{Error, Result};

/// A graph, with the node that makes each value, and with its constants.
pub(super) struct Source<'a> {
    pub(super) graph: &'a Graph<'a>,
    producers: BTreeMap<&'a str, &'a Node<'a>>,
    constants: BTreeMap<&'a str, Array>,
    texts: BTreeMap<&'a str, Vec<&'a [u8]>>,
    layouts: BTreeMap<&'a str, Layout>,
    /// Operators of values that are computed from constants, but not here.
    unfolded: BTreeMap<&'a str, &'a str>,
    /// Number of bytes of the file, and of tensors in others.
    bytes: usize,
    external: usize,
    /// Version of the operators.
    pub(super) opset: i64,
}

/// Takes numbers of computed constants from a budget.
fn take(budget: &mut usize, numbers: usize) -> Result<()> {
    let what = "constants computed from others";
    let expected = "16 for each byte of the file";
    *budget = budget
        .checked_sub(numbers)
        .ok_or_else(|| Error::too_large(what, expected, "more"))?;
    Ok(())
}

/// `TensorProto.DataType` of texts.
const TEXT: i64 = 8;

impl<'a> Source<'a> {
    /// Computes all constants of a file with this number of bytes. `external` returns the bytes of
    /// a tensor in another file.
    pub(super) fn new(
        graph: &'a Graph<'a>,
        opset: i64,
        bytes: usize,
        mut external: impl FnMut(&Tensor<'_>) -> Result<Vec<u8>>,
    ) -> Result<Self> {
        let mut source = Self {
            graph,
            producers: BTreeMap::new(),
            constants: BTreeMap::new(),
            texts: BTreeMap::new(),
            layouts: BTreeMap::new(),
            unfolded: BTreeMap::new(),
            bytes,
            external: 0,
            opset,
        };
        for tensor in &graph.constants {
            source.add(tensor.name, tensor, &mut external)?;
        }
        for input in &graph.inputs {
            if source.constant(input.name).is_none() {
                source.layouts.insert(input.name, Layout::of_input(input));
            }
        }
        // Each number of the file may appear in some computed constants, such as a transpose.
        let mut budget = 16 * (bytes + source.external);
        for node in &graph.nodes {
            for &output in &node.outputs {
                let is_constant =
                    source.constant(output).is_some() || source.texts(output).is_some();
                let is_known =
                    !output.is_empty() && source.producers.insert(output, node).is_some();
                if is_known || is_constant {
                    return Err(malformed(format!(
                        "the value {output:?} has two nodes or tensors"
                    )));
                }
            }
            let Some(&output) = node.outputs.first() else {
                continue;
            };
            if node.is("Constant") {
                source.add_constant(output, node, &mut external)?;
                continue;
            }
            let text = node.input(0).and_then(|name| source.texts.get(name));
            if let Some(text) = text.filter(|_| node.is("Identity")).cloned() {
                take(&mut budget, text.len())?;
                source.texts.insert(output, text);
                continue;
            }
            let inputs = node.inputs.iter().filter(|name| !name.is_empty());
            let inputs: Option<Vec<_>> = inputs.map(|name| source.constants.get(name)).collect();
            let Some(inputs) = inputs.filter(|inputs| !inputs.is_empty()) else {
                if let Some(layout) = source.layout_behind(node) {
                    source.layouts.insert(output, layout);
                }
                continue;
            };
            let lengths = |array: &&Array| array.values.len() + array.dims.len();
            take(&mut budget, inputs.iter().map(lengths).sum())?;
            if let Some(array) = computed(node, &inputs) {
                source.constants.insert(output, array);
            } else {
                source.unfolded.insert(output, node.operator);
            }
        }
        Ok(source)
    }

    /// Returns the layout of a node's first output.
    fn layout_behind(&self, node: &Node<'a>) -> Option<Layout> {
        let is_variable = |name: &&&str| {
            !name.is_empty() && self.constant(name).is_none() && self.texts(name).is_none()
        };
        let first = *node.inputs.iter().find(is_variable)?;
        let Some(layout) = self.layout(first) else {
            // The maximum of pieces of each neuron.
            return node.is("ReduceMax").then(|| Layout::rows(None));
        };
        let constant = |index| node.input(index).and_then(|name| self.constant(name));
        behind(
            node,
            &Operands {
                layout,
                constants: [constant(0), constant(1), constant(2)],
                is_second: node.inputs.first() != Some(&first),
            },
        )
    }

    /// Returns what to do about an input that is computed from constants, but not here.
    pub(super) fn unfolded(&self, node: &Node<'_>) -> Option<String> {
        let operators = node
            .inputs
            .iter()
            .filter_map(|name| self.unfolded.get(name));
        let operator = operators.copied().next()?;
        Some(crate::error::bounded(format!(
            "an input that {operator} computes from constants, which is not folded here; export \
             the model with constant folding"
        )))
    }

    /// Returns how many numbers the layers may have.
    pub(super) fn numbers(&self) -> usize {
        self.bytes.saturating_add(self.external).saturating_mul(4)
    }

    /// Returns the axes of a value that the graph computes. `None` stands for one that mixes
    /// samples and features.
    pub(super) fn layout(&self, name: &str) -> Option<Layout> {
        self.layouts.get(name).copied()
    }

    fn add(
        &mut self,
        name: &'a str,
        tensor: &Tensor<'a>,
        external: &mut impl FnMut(&Tensor<'_>) -> Result<Vec<u8>>,
    ) -> Result<()> {
        if tensor.data_type == TEXT {
            self.texts.insert(name, tensor.texts.clone());
            return Ok(());
        }
        let array = if tensor.is_external {
            let bytes = external(tensor)?;
            self.external = self.external.saturating_add(bytes.len());
            Array::read(tensor, Some(&bytes))?
        } else {
            Array::read(tensor, tensor.raw)?
        };
        if self.constants.insert(name, array).is_some() {
            return Err(malformed(format!("two tensors have the name {name:?}")));
        }
        Ok(())
    }

    fn add_constant(
        &mut self,
        output: &'a str,
        node: &'a Node<'a>,
        external: &mut impl FnMut(&Tensor<'_>) -> Result<Vec<u8>>,
    ) -> Result<()> {
        let list = |values: Vec<f64>| Array::new([values.len()].into(), values);
        let array = match node.attributes.first() {
            Some(value) if value.tensor.is_some() => {
                if let Some(tensor) = &value.tensor {
                    self.add(output, tensor, external)?;
                }
                return Ok(());
            }
            Some(value) => match (value.name, value.float, value.integer) {
                ("value_float", Some(x), _) => Array::scalar(x.into()),
                ("value_int", _, Some(x)) => Array::scalar(x as f64).of_integers(),
                ("value_floats", ..) => list(value.floats.iter().map(|&x| x.into()).collect()),
                ("value_ints", ..) => {
                    list(value.integers.iter().map(|&x| x as f64).collect()).of_integers()
                }
                ("value_string", ..) => {
                    self.texts.insert(output, value.text.into_iter().collect());
                    return Ok(());
                }
                ("value_strings", ..) => {
                    self.texts.insert(output, value.texts.clone());
                    return Ok(());
                }
                _ => return Ok(()),
            },
            None => return Ok(()),
        };
        self.constants.insert(output, array);
        Ok(())
    }

    /// Returns the node that computes a value, or `None` for inputs and constants.
    pub(super) fn producer(&self, name: &str) -> Option<&'a Node<'a>> {
        if self.constants.contains_key(name) {
            return None;
        }
        self.producers.get(name).copied()
    }

    pub(super) fn constant(&self, name: &str) -> Option<&Array> {
        self.constants.get(name)
    }

    pub(super) fn texts(&self, name: &str) -> Option<&[&'a [u8]]> {
        self.texts.get(name).map(|texts| &texts[..])
    }

    /// Returns `true` for an input of the graph that is no constant.
    pub(super) fn is_input(&self, name: &str) -> bool {
        let mut inputs = self.graph.inputs.iter();
        inputs.any(|input| input.name == name) && self.constant(name).is_none()
    }

    /// Returns the number of features of an input of `[samples x features]`, if the graph has it.
    pub(super) fn width(&self, input: &str) -> Option<usize> {
        let mut inputs = self.graph.inputs.iter();
        let input = inputs.find(|of| of.name == input)?;
        match input.shape.as_deref()? {
            &[_, Some(width @ 1..)] => usize::try_from(width).ok(),
            _ => None,
        }
    }

    /// Returns the inputs of a node that are not constant.
    pub(super) fn variables(&self, node: &Node<'a>) -> Vec<&'a str> {
        let names = node.inputs.iter().copied();
        let is_variable = |name: &&str| {
            !name.is_empty() && self.constant(name).is_none() && self.texts(name).is_none()
        };
        names.filter(is_variable).collect()
    }

    /// Returns a refusal of a node.
    pub(super) fn refuse(node: &Node<'_>, reason: &str) -> Error {
        Error::Malformed {
            what: "ONNX model that is no chain of layers",
            problem: format!("{}: {reason}", node.title()),
        }
    }

    /// Returns the error of outputs that do not belong to one model.
    pub(super) fn several(&self, problem: &str) -> Error {
        let title = |name: &&str| self.producer(name).map(Node::title);
        let titles: Vec<_> = self.graph.outputs.iter().filter_map(title).collect();
        let (outputs, titles) = (self.outputs(), crate::error::bounded(titles.join(" and ")));
        malformed(format!(
            "its outputs {outputs} {problem}, from {titles}; choose one with Importer::output"
        ))
    }

    /// Returns the names of the graph's outputs.
    pub(super) fn outputs(&self) -> String {
        let names = self.graph.outputs.iter().map(|name| format!("{name:?}"));
        crate::error::bounded(names.collect::<Vec<_>>().join(", "))
    }
}
