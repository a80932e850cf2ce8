//! The messages of `onnx.proto` that the import reads. They borrow the bytes of the file.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::wire::{Fields, Wire, malformed};
use crate::error::{Error, Result};

/// Maximum number of nodes, and of constants. A chain of layers has a few
/// dozen, and hostile bytes could ask for much memory.
const MOST: usize = 10_000;

/// Maximum number of attributes of a node, which take far more memory than their bytes.
const ATTRIBUTES: usize = 100;

/// A model: a graph, and the versions of its operators.
#[derive(Debug, Default)]
pub(super) struct Model<'a> {
    pub(super) producer: &'a str,
    pub(super) graph: Graph<'a>,
    pub(super) opsets: Vec<(&'a str, i64)>,
    pub(super) metadata: Vec<(&'a str, &'a str)>,
    pub(super) functions: usize,
}

/// Nodes in an order in which they can be computed, with their constants.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) constants: Vec<Tensor<'a>>,
    pub(super) inputs: Vec<Input<'a>>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) sparse: usize,
}

/// An input of the graph: its name, and its shape, where `None` stands for a variable length.
#[derive(Debug, Default)]
pub(super) struct Input<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Option<Vec<Option<i64>>>,
    /// `TensorProto.DataType`, or 0.
    pub(super) data_type: i64,
}

/// One use of an operator.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) name: &'a str,
    pub(super) operator: &'a str,
    pub(super) domain: &'a str,
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// A setting of a node.
#[derive(Debug, Default)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) float: Option<f32>,
    pub(super) integer: Option<i64>,
    pub(super) text: Option<&'a [u8]>,
    pub(super) tensor: Option<Tensor<'a>>,
    pub(super) floats: Vec<f32>,
    pub(super) integers: Vec<i64>,
    pub(super) texts: Vec<&'a [u8]>,
    pub(super) has_graph: bool,
}

/// Numbers or texts with a shape.
#[derive(Clone, Debug, Default)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Vec<i64>,
    pub(super) data_type: i64,
    /// Little-endian numbers, one after the other.
    pub(super) raw: Option<&'a [u8]>,
    /// Values of `float_data`, `int32_data`, `int64_data` or `double_data`, by field number.
    pub(super) typed: Vec<(u64, Wire<'a>)>,
    pub(super) texts: Vec<&'a [u8]>,
    pub(super) external: Vec<(&'a str, &'a str)>,
    pub(super) is_external: bool,
}

fn push<T>(what: &'static str, all: &mut Vec<T>, one: T) -> Result<()> {
    if all.len() == MOST {
        return Err(Error::too_large(what, format!("at most {MOST}"), "more"));
    }
    all.push(one);
    Ok(())
}

impl<'a> Model<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut model = Self::default();
        let mut has_graph = false;
        for field in Fields::new(bytes) {
            match field? {
                (2, value) => model.producer = value.text("producer_name")?,
                (7, value) => {
                    // Protobuf would merge them, and no exporter writes two.
                    if has_graph {
                        return Err(malformed("it has two graphs"));
                    }
                    has_graph = true;
                    model.graph = Graph::read(value.bytes("graph")?)?;
                }
                (8, value) => {
                    let (mut domain, mut version) = ("", 0);
                    for field in Fields::new(value.bytes("opset_import")?) {
                        match field? {
                            (1, value) => domain = value.text("domain")?,
                            (2, value) => version = value.integer("version")?,
                            _ => {}
                        }
                    }
                    push("operator sets", &mut model.opsets, (domain, version))?;
                }
                (14, value) => {
                    let entry = entry(value.bytes("metadata_props")?)?;
                    push("metadata", &mut model.metadata, entry)?;
                }
                (25, _) => model.functions += 1,
                _ => {}
            }
        }
        if !has_graph {
            return Err(malformed("it has no graph"));
        }
        Ok(model)
    }

    /// Returns the version of a domain's operators, or 0.
    pub(super) fn opset(&self, domain: &str) -> i64 {
        let is_standard = |domain: &str| domain.is_empty() || domain == "ai.onnx";
        let found = self
            .opsets
            .iter()
            .find(|(of, _)| *of == domain || is_standard(of) && is_standard(domain));
        found.map_or(0, |(_, version)| *version)
    }
}

/// Returns a key and its value.
fn entry(bytes: &[u8]) -> Result<(&str, &str)> {
    let (mut key, mut text) = ("", "");
    for field in Fields::new(bytes) {
        match field? {
            (1, value) => key = value.text("key")?,
            (2, value) => text = value.text("value")?,
            _ => {}
        }
    }
    Ok((key, text))
}

impl<'a> Graph<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut graph = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, value) => {
                    let node = Node::read(value.bytes("node")?)?;
                    push("nodes of an ONNX model", &mut graph.nodes, node)?;
                }
                (5, value) => {
                    let tensor = Tensor::read(value.bytes("initializer")?)?;
                    push(
                        "initializers of an ONNX model",
                        &mut graph.constants,
                        tensor,
                    )?;
                }
                (11, value) => {
                    let input = Input::read(value.bytes("input")?)?;
                    push("inputs of an ONNX model", &mut graph.inputs, input)?;
                }
                (12, value) => {
                    let output = Input::read(value.bytes("output")?)?;
                    push("outputs of an ONNX model", &mut graph.outputs, output.name)?;
                }
                (15, _) => graph.sparse += 1,
                _ => {}
            }
        }
        Ok(graph)
    }
}

impl<'a> Input<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut input = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, value) => input.name = value.text("name")?,
                // `TypeProto`, whose `tensor_type` has a `shape`.
                (2, value) => {
                    for field in Fields::new(value.bytes("type")?) {
                        if let (1, value) = field? {
                            let tensor = value.bytes("tensor_type")?;
                            input.shape = shape(tensor)?;
                            for field in Fields::new(tensor) {
                                if let (1, value) = field? {
                                    input.data_type = value.integer("elem_type")?;
                                }
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(input)
    }
}

/// Returns the shape in a `TypeProto.Tensor`.
fn shape(tensor: &[u8]) -> Result<Option<Vec<Option<i64>>>> {
    for field in Fields::new(tensor) {
        let (2, value) = field? else { continue };
        let mut shape = Vec::new();
        for field in Fields::new(value.bytes("shape")?) {
            let (1, value) = field? else { continue };
            let mut length = None;
            for field in Fields::new(value.bytes("dim")?) {
                if let (1, value) = field? {
                    length = Some(value.integer("dim_value")?);
                }
            }
            push("dimensions of an input", &mut shape, length)?;
        }
        return Ok(Some(shape));
    }
    Ok(None)
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut node = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, value) => {
                    let name = value.text("input of a node")?;
                    push("inputs of a node", &mut node.inputs, name)?;
                }
                (2, value) => {
                    let name = value.text("output of a node")?;
                    push("outputs of a node", &mut node.outputs, name)?;
                }
                (3, value) => node.name = value.text("name of a node")?,
                (4, value) => node.operator = value.text("op_type")?,
                (5, value) => {
                    let attribute = Attribute::read(value.bytes("attribute")?)?;
                    if node.attributes.len() == ATTRIBUTES {
                        let (what, most) =
                            ("attributes of a node", format!("at most {ATTRIBUTES}"));
                        return Err(Error::too_large(what, most, "more"));
                    }
                    node.attributes.push(attribute);
                }
                (7, value) => node.domain = value.text("domain")?,
                _ => {}
            }
        }
        Ok(node)
    }

    /// Returns what a message calls the node: its operator, and its name or that of its output.
    pub(super) fn title(&self) -> String {
        let output = self.outputs.first().copied().unwrap_or_default();
        let name = if self.name.is_empty() {
            output
        } else {
            self.name
        };
        let domain = match self.domain {
            "" | "ai.onnx" => String::new(),
            domain => format!("{domain}."),
        };
        crate::error::bounded(format!("node {name:?}, operator {domain}{}", self.operator))
    }

    pub(super) fn find(&self, name: &str) -> Option<&Attribute<'a>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    /// Returns an integer setting.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.find(name)?.integer
    }

    /// Returns a number.
    pub(super) fn float(&self, name: &str) -> Option<f32> {
        self.find(name)?.float
    }

    /// Returns the name of an input, or `None` if it is left out.
    pub(super) fn input(&self, index: usize) -> Option<&'a str> {
        self.inputs
            .get(index)
            .copied()
            .filter(|name| !name.is_empty())
    }

    /// Returns `true` for an operator of ONNX itself with this name.
    pub(super) fn is(&self, operator: &str) -> bool {
        self.operator == operator && matches!(self.domain, "" | "ai.onnx")
    }

    /// Returns `true` for an operator of classical models with this name.
    pub(super) fn is_ml(&self, operator: &str) -> bool {
        self.operator == operator && self.domain == super::ML_DOMAIN
    }
}

impl<'a> Attribute<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut attribute = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, value) => attribute.name = value.text("name of an attribute")?,
                (2, value) => attribute.float = Some(value.float("attribute")?),
                (3, value) => attribute.integer = Some(value.integer("attribute")?),
                (4, value) => attribute.text = Some(value.bytes("attribute")?),
                (5, value) => attribute.tensor = Some(Tensor::read(value.bytes("attribute")?)?),
                (6 | 11, _) => attribute.has_graph = true,
                (7, Wire::Bytes(packed)) => {
                    for bytes in packed.as_chunks::<4>().0 {
                        attribute.floats.push(f32::from_le_bytes(*bytes));
                    }
                }
                (7, value) => attribute.floats.push(value.float("attribute")?),
                (8, Wire::Bytes(packed)) => {
                    let mut numbers = Fields::new(packed);
                    while !numbers.is_empty() {
                        attribute.integers.push(numbers.varint()? as i64);
                    }
                }
                (8, value) => attribute.integers.push(value.integer("attribute")?),
                (9, value) => attribute.texts.push(value.bytes("attribute")?),
                _ => {}
            }
        }
        Ok(attribute)
    }
}

impl<'a> Tensor<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let mut tensor = Self::default();
        for field in Fields::new(bytes) {
            match field? {
                (1, Wire::Bytes(packed)) => {
                    let mut numbers = Fields::new(packed);
                    while !numbers.is_empty() {
                        push("dimensions", &mut tensor.dims, numbers.varint()? as i64)?;
                    }
                }
                (1, value) => push("dimensions", &mut tensor.dims, value.integer("dims")?)?,
                (2, value) => tensor.data_type = value.integer("data_type")?,
                (number @ (4 | 5 | 7 | 10), value) => {
                    // A value of its own field takes four times the memory of its bytes.
                    tensor.typed.push((number, value));
                }
                (6, value) => tensor.texts.push(value.bytes("string_data")?),
                (8, value) => tensor.name = value.text("name of a tensor")?,
                (9, value) => tensor.raw = Some(value.bytes("raw_data")?),
                (13, value) => {
                    let entry = entry(value.bytes("external_data")?)?;
                    push("entries of external data", &mut tensor.external, entry)?;
                }
                (14, value) => tensor.is_external = value.integer("data_location")? == 1,
                _ => {}
            }
        }
        Ok(tensor)
    }
}
