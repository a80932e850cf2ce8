//! The messages of ONNX's `onnx.proto` that a network needs, with its field numbers, and their
//! encoding as protobuf.
//!
//! They are written by hand, so that this crate needs neither a protobuf compiler nor a library.
//! Fields that a model does not use are left out, which protobuf allows. Names are those of the
//! standard, without `Proto`.

use alloc::string::String;
use alloc::vec::Vec;

/// A message that can be encoded.
pub(super) trait Message {
    /// Appends the fields of the message.
    fn write(&self, to: &mut Encoder);
}

/// Returns the bytes of a message.
pub(super) fn encode(message: &impl Message) -> Vec<u8> {
    let mut encoder = Encoder::default();
    message.write(&mut encoder);
    encoder.bytes
}

/// Encoder of fields in protobuf's wire format. Each field begins with its number and the kind of
/// its value.
#[derive(Default)]
pub(super) struct Encoder {
    bytes: Vec<u8>,
}

/// Kinds of values: an integer, or bytes after their length.
const VARINT: u64 = 0;
const LENGTH: u64 = 2;

impl Encoder {
    /// Appends seven bits of a number to each byte, the lowest bits first. The highest bit of a
    /// byte is set if another one follows.
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    fn integer(&mut self, field: u64, value: i64) {
        self.varint(field << 3 | VARINT);
        self.varint(value as u64);
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | LENGTH);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    fn text(&mut self, field: u64, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    fn integers(&mut self, field: u64, values: &[i64]) {
        for &value in values {
            self.integer(field, value);
        }
    }

    fn texts(&mut self, field: u64, values: &[String]) {
        for value in values {
            self.text(field, value);
        }
    }

    /// Appends the fields that `write` appends, as one value after its length.
    fn nested(&mut self, field: u64, write: impl FnOnce(&mut Self)) {
        self.varint(field << 3 | LENGTH);
        let start = self.bytes.len();
        write(self);
        let mut length = Self::default();
        length.varint((self.bytes.len() - start) as u64);
        self.bytes.splice(start..start, length.bytes);
    }

    fn messages(&mut self, field: u64, messages: &[impl Message]) {
        for message in messages {
            self.nested(field, |to| message.write(to));
        }
    }
}

/// A model: a graph, and the version of its operators.
#[derive(Debug)]
pub struct Model {
    pub(super) ir_version: i64,
    pub(super) producer_name: String,
    pub(super) producer_version: String,
    pub(super) graph: Graph,
    pub(super) opset_import: Vec<OperatorSetId>,
    pub(super) metadata_props: Vec<StringStringEntry>,
}

impl Message for Model {
    fn write(&self, to: &mut Encoder) {
        to.integer(1, self.ir_version);
        to.text(2, &self.producer_name);
        to.text(3, &self.producer_version);
        to.nested(7, |to| self.graph.write(to));
        to.messages(8, &self.opset_import);
        to.messages(14, &self.metadata_props);
    }
}

/// A version of a domain's operators. ONNX's own have the domain "".
#[derive(Debug)]
pub(super) struct OperatorSetId {
    pub(super) domain: String,
    pub(super) version: i64,
}

impl Message for OperatorSetId {
    fn write(&self, to: &mut Encoder) {
        if !self.domain.is_empty() {
            to.text(1, &self.domain);
        }
        to.integer(2, self.version);
    }
}

#[derive(Debug)]
pub(super) struct StringStringEntry {
    pub(super) key: String,
    pub(super) value: String,
}

impl Message for StringStringEntry {
    fn write(&self, to: &mut Encoder) {
        to.text(1, &self.key);
        to.text(2, &self.value);
    }
}

/// Operators in an order in which they can be computed, with their constants.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) node: Vec<Node>,
    pub(super) name: String,
    pub(super) initializer: Vec<Tensor>,
    pub(super) input: Vec<ValueInfo>,
    pub(super) output: Vec<ValueInfo>,
}

impl Message for Graph {
    fn write(&self, to: &mut Encoder) {
        to.messages(1, &self.node);
        to.text(2, &self.name);
        to.messages(5, &self.initializer);
        to.messages(11, &self.input);
        to.messages(12, &self.output);
    }
}

/// One use of an operator.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) input: Vec<String>,
    pub(super) output: Vec<String>,
    pub(super) name: String,
    pub(super) op_type: String,
    pub(super) domain: String,
    pub(super) attribute: Vec<Attribute>,
}

impl Message for Node {
    fn write(&self, to: &mut Encoder) {
        to.texts(1, &self.input);
        to.texts(2, &self.output);
        to.text(3, &self.name);
        to.text(4, &self.op_type);
        to.messages(5, &self.attribute);
        if !self.domain.is_empty() {
            to.text(7, &self.domain);
        }
    }
}

/// A setting of a node.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Int(i64),
    Ints(Vec<i64>),
    #[cfg(feature = "tabular")]
    Text(String),
    #[cfg(feature = "tabular")]
    Texts(Vec<String>),
}

impl Message for Attribute {
    fn write(&self, to: &mut Encoder) {
        /// Values of `AttributeProto.AttributeType`.
        const INT: i64 = 2;
        #[cfg(feature = "tabular")]
        const TEXT: i64 = 3;
        const INTS: i64 = 7;
        #[cfg(feature = "tabular")]
        const TEXTS: i64 = 8;
        to.text(1, &self.name);
        match &self.value {
            Value::Int(i) => {
                to.integer(3, *i);
                to.integer(20, INT);
            }
            Value::Ints(ints) => {
                to.integers(8, ints);
                to.integer(20, INTS);
            }
            #[cfg(feature = "tabular")]
            Value::Text(text) => {
                to.text(4, text);
                to.integer(20, TEXT);
            }
            #[cfg(feature = "tabular")]
            Value::Texts(texts) => {
                to.texts(9, texts);
                to.integer(20, TEXTS);
            }
        }
    }
}

/// Numbers with a shape, little-endian.
#[derive(Debug)]
pub(super) struct Tensor {
    pub(super) dims: Vec<i64>,
    /// One of the constants below.
    pub(super) data_type: i32,
    pub(super) name: String,
    pub(super) raw_data: Vec<u8>,
}

impl Message for Tensor {
    fn write(&self, to: &mut Encoder) {
        to.integers(1, &self.dims);
        to.integer(2, self.data_type.into());
        to.text(8, &self.name);
        to.bytes(9, &self.raw_data);
    }
}

/// Values of `TensorProto.DataType`.
pub(super) const FLOAT: i32 = 1;
pub(super) const INT8: i32 = 3;
pub(super) const INT32: i32 = 6;
pub(super) const INT64: i32 = 7;
#[cfg(feature = "tabular")]
pub(super) const TEXT: i32 = 8;
pub(super) const DOUBLE: i32 = 11;

/// Name and type of an input or output of the graph.
#[derive(Debug)]
pub(super) struct ValueInfo {
    pub(super) name: String,
    pub(super) elem_type: i32,
    pub(super) shape: Vec<Extent>,
}

impl Message for ValueInfo {
    fn write(&self, to: &mut Encoder) {
        to.text(1, &self.name);
        // `TypeProto`, its `tensor_type`, and that one's `shape`
        to.nested(2, |to| {
            to.nested(1, |to| {
                to.integer(1, self.elem_type.into());
                to.nested(2, |to| to.messages(1, &self.shape));
            });
        });
    }
}

/// Length of a dimension: a number, or a name for a variable length.
#[derive(Clone, Debug)]
pub(super) enum Extent {
    Value(i64),
    Param(String),
}

impl Message for Extent {
    fn write(&self, to: &mut Encoder) {
        match self {
            Self::Value(n) => to.integer(1, *n),
            Self::Param(name) => to.text(2, name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of protobuf's own page on its encoding.
    #[test]
    fn fields_are_encoded_as_the_standard_has_them() {
        fn check(write: impl FnOnce(&mut Encoder), expected: &[u8]) {
            let mut encoder = Encoder::default();
            write(&mut encoder);
            assert_eq!(encoder.bytes, expected);
        }
        check(|to| to.integer(1, 150), &[0x08, 0x96, 0x01]);
        let minus_two = [0x08, 0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 0x01];
        check(|to| to.integer(1, -2), &minus_two);
        check(|to| to.text(2, "testing"), b"\x12\x07testing");
        check(
            |to| to.nested(3, |to| to.integer(1, 150)),
            &[0x1a, 0x03, 0x08, 0x96, 0x01],
        );
        let long = [7; 300];
        check(
            |to| to.nested(16, |to| to.bytes(1, &long)),
            &[&[0x82, 0x01, 0xaf, 0x02, 0x0a, 0xac, 0x02], &long[..]].concat(),
        );
    }
}
