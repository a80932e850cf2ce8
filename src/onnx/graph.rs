//! Formulas that append the nodes of a graph as they are evaluated.

mod integers;
#[cfg(feature = "tabular")]
mod mixed;

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::marker::PhantomData;

use super::proto::{self, Attribute, Extent, Tensor, Value, ValueInfo};
use super::{ML_DOMAIN, OPERATOR_SET, OPERATOR_SET_OF_BITS};
use crate::float::{Float, le_bytes};
#[cfg(feature = "tabular")]
pub(super) use mixed::{text, texts};

/// A graph, to which every operation on its [`Expr`]s adds a node. Its numbers have one type.
/// `with_type` returns the same graph for numbers of another one.
#[derive(Debug, Default)]
pub(super) struct Graph<T> {
    parts: Rc<RefCell<Parts>>,
    float: PhantomData<T>,
}

#[derive(Debug, Default)]
struct Parts {
    /// Names of all values, by number.
    names: Vec<String>,
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    /// Numbers of the existing constants, by value and data type.
    constants: BTreeMap<(String, i32), usize>,
    /// Number of requests for each name.
    wanted: BTreeMap<String, usize>,
    /// Names of inputs and outputs that a caller has chosen, which no other value has.
    reserved: BTreeSet<String>,
    /// Prefix of all scopes.
    prefix: String,
    /// Prefix of names.
    scope: String,
    has_exclusive_or: bool,
}

/// A node that refers to values by number, because outputs of the graph are named last.
#[derive(Debug)]
struct Node {
    operator: &'static str,
    inputs: Vec<usize>,
    output: usize,
    attributes: Vec<Attribute>,
}

/// A value of the graph: an input, a constant, or the result of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expr<'g, T> {
    graph: &'g Graph<T>,
    value: usize,
}

/// An operand of an operator: an [`Expr`], or a number that becomes a constant.
pub(super) trait Operand<'g, T> {
    fn on(self, graph: &'g Graph<T>) -> Expr<'g, T>;
}

impl<'g, T> Operand<'g, T> for Expr<'g, T> {
    fn on(self, _: &'g Graph<T>) -> Self {
        self
    }
}

impl<'g, T: Float> Operand<'g, T> for f64 {
    fn on(self, graph: &'g Graph<T>) -> Expr<'g, T> {
        graph.number(self)
    }
}

impl<T: Float> Graph<T> {
    /// Sets the prefix of all following names.
    pub(super) fn enter(&self, scope: impl Into<String>) {
        let mut parts = self.parts.borrow_mut();
        parts.scope = format!("{}{}", parts.prefix, scope.into());
    }

    /// Adds an input `[batch x width]`.
    pub(super) fn input(&self, name: &str, width: usize) -> Expr<'_, T> {
        self.typed_input(name, data_type::<T>(), width)
    }

    /// Adds an input `[batch x width]` of this data type.
    pub(super) fn typed_input(&self, name: &str, data_type: i32, width: usize) -> Expr<'_, T> {
        let mut parts = self.parts.borrow_mut();
        let shape = [batch(), fixed(width)];
        parts.inputs.push(info(name, data_type, shape));
        parts.names.push(name.to_owned());
        self.expr(parts.names.len() - 1)
    }

    /// Adds a constant of this shape. Its name contains the prefix, so it is never reused.
    pub(super) fn tensor(&self, name: &str, shape: &[usize], values: &[T]) -> Expr<'_, T> {
        let mut parts = self.parts.borrow_mut();
        let name = format!("{}.{name}", parts.scope);
        let value = parts.initializer(name, shape, data_type::<T>(), le_bytes(values));
        self.expr(value)
    }

    /// Adds a number as a constant, rounded to the graph's type, or reuses an equal one.
    fn number(&self, number: f64) -> Expr<'_, T> {
        let number = T::from_f64(number);
        let raw = || le_bytes(&[number]);
        self.constant(format!("{number:?}"), &[], data_type::<T>(), raw)
    }

    /// Adds integers as a constant, such as a shape or the bounds of a slice.
    pub(super) fn integers(&self, numbers: &[i64]) -> Expr<'_, T> {
        let raw = || numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.constant(format!("{numbers:?}"), &[numbers.len()], proto::INT64, raw)
    }

    fn constant(
        &self,
        name: String,
        shape: &[usize],
        data_type: i32,
        raw: impl FnOnce() -> Vec<u8>,
    ) -> Expr<'_, T> {
        let mut parts = self.parts.borrow_mut();
        let key = (name, data_type);
        let known = parts.constants.get(&key).copied();
        let value = known.unwrap_or_else(|| {
            let (name, _) = &key;
            let is_taken = parts.constants.keys().any(|(taken, _)| taken == name);
            let name = if is_taken {
                format!("{name} of type {data_type}")
            } else {
                name.clone()
            };
            let value = parts.initializer(name, shape, data_type, raw());
            parts.constants.insert(key, value);
            value
        });
        self.expr(value)
    }

    pub(super) fn node(
        &self,
        operator: &'static str,
        inputs: &[Expr<'_, T>],
        attributes: Vec<Attribute>,
    ) -> Expr<'_, T> {
        let mut parts = self.parts.borrow_mut();
        let name = format!("{}.{operator}", parts.scope);
        let times = parts.wanted.entry(name.clone()).or_default();
        *times += 1;
        let name = match *times {
            1 => name,
            times => format!("{name}.{times}"),
        };
        let name = parts.unreserved(name);
        parts.names.push(name);
        let output = parts.names.len() - 1;
        parts.nodes.push(Node {
            operator,
            inputs: inputs.iter().map(|input| input.value).collect(),
            output,
            attributes,
        });
        self.expr(output)
    }

    /// Adds an exclusive or of integers, which later operator sets have.
    pub(super) fn exclusive_or<'g>(&'g self, a: Expr<'g, T>, b: Expr<'g, T>) -> Expr<'g, T> {
        self.parts.borrow_mut().has_exclusive_or = true;
        self.node("BitwiseXor", &[a, b], Vec::new())
    }

    /// Returns the version of the operator set for the nodes so far.
    pub(super) fn operator_set(&self) -> i64 {
        if self.parts.borrow().has_exclusive_or {
            OPERATOR_SET_OF_BITS
        } else {
            OPERATOR_SET
        }
    }

    /// Declares a value of the graph's type an output `[batch x width]`.
    pub(super) fn output(&self, name: &str, value: Expr<'_, T>, width: usize) {
        let shape = [batch(), fixed(width)];
        self.name_output(value, info(name, data_type::<T>(), shape));
    }

    /// Declares an integer value an output: `[batch]`, or `[batch x width]`.
    pub(super) fn integer_output(&self, name: &str, value: Expr<'_, T>, width: Option<usize>) {
        let shape = core::iter::once(batch()).chain(width.map(fixed));
        self.name_output(value, info(name, proto::INT64, shape));
    }

    fn name_output(&self, value: Expr<'_, T>, info: ValueInfo) {
        let mut parts = self.parts.borrow_mut();
        parts.names[value.value].clone_from(&info.name);
        parts.outputs.push(info);
    }

    pub(super) fn finish(self, name: &str) -> proto::Graph {
        let parts = self.parts.take();
        let names = parts.names;
        let node = |node: Node| proto::Node {
            input: node.inputs.iter().map(|&i| names[i].clone()).collect(),
            output: vec![names[node.output].clone()],
            name: names[node.output].clone(),
            op_type: node.operator.to_owned(),
            domain: domain(node.operator).to_owned(),
            attribute: node.attributes,
        };
        proto::Graph {
            node: parts.nodes.into_iter().map(node).collect(),
            name: name.to_owned(),
            initializer: parts.initializers,
            input: parts.inputs,
            output: parts.outputs,
        }
    }

    fn expr(&self, value: usize) -> Expr<'_, T> {
        Expr { graph: self, value }
    }
}

impl Parts {
    /// Adds a constant and returns its number.
    fn initializer(
        &mut self,
        name: String,
        shape: &[usize],
        data_type: i32,
        raw_data: Vec<u8>,
    ) -> usize {
        let name = self.unreserved(name);
        self.initializers.push(Tensor {
            dims: shape.iter().map(|&n| n as i64).collect(),
            data_type,
            name: name.clone(),
            raw_data,
        });
        self.names.push(name);
        self.names.len() - 1
    }

    /// Returns a name that no input or output has. No other name ends with an underscore.
    fn unreserved(&self, mut name: String) -> String {
        while self.reserved.contains(&name) {
            name.push('_');
        }
        name
    }
}

/// Returns the domain of an operator.
fn domain(operator: &str) -> &'static str {
    if operator == LABEL_ENCODER {
        ML_DOMAIN
    } else {
        ""
    }
}

/// The operator that maps words to numbers and back.
pub(super) const LABEL_ENCODER: &str = "LabelEncoder";

/// Methods named after the operators that they add.
impl<'g, T: Float> Expr<'g, T> {
    pub(super) fn graph(self) -> &'g Graph<T> {
        self.graph
    }

    pub(super) fn unary(self, operator: &'static str) -> Self {
        self.graph.node(operator, &[self], Vec::new())
    }

    fn binary(self, operator: &'static str, other: impl Operand<'g, T>) -> Self {
        let other = other.on(self.graph);
        self.graph.node(operator, &[self, other], Vec::new())
    }

    /// Converts the value to this data type.
    pub(super) fn cast(self, data_type: i32) -> Self {
        let settings = vec![int("to", i64::from(data_type))];
        self.graph.node("Cast", &[self], settings)
    }

    /// Limits the value to a range.
    pub(super) fn clip(self, low: f64, high: f64) -> Self {
        let (low, high) = (self.graph.number(low), self.graph.number(high));
        self.graph.node("Clip", &[self, low, high], Vec::new())
    }

    /// Returns `yes` if this condition is true, else `no`.
    pub(super) fn choose(self, yes: impl Operand<'g, T>, no: impl Operand<'g, T>) -> Self {
        let (yes, no) = (yes.on(self.graph), no.on(self.graph));
        self.graph.node("Where", &[self, yes, no], Vec::new())
    }
}

/// Defines methods of one or two operands. `below` and `above` return conditions.
macro_rules! operators {
    ($($method:ident $kind:ident $operator:literal $(with $other:ident)?),*) => {
        impl<T: Float> Expr<'_, T> {$(
            pub(super) fn $method(self $(, $other: f64)?) -> Self {
                self.$kind($operator $(, $other)?)
            }
        )*}
    };
}
operators! {
    abs unary "Abs", exp unary "Exp", ln unary "Log", tanh unary "Tanh",
    min binary "Min" with other, max binary "Max" with other,
    below binary "Less" with other, above binary "Greater" with other
}

macro_rules! arithmetic {
    ($($trait:ident $method:ident $operator:literal),*) => {$(
        impl<'g, T: Float, O: Operand<'g, T>> core::ops::$trait<O> for Expr<'g, T> {
            type Output = Self;
            fn $method(self, other: O) -> Self {
                self.binary($operator, other)
            }
        }

        impl<'g, T: Float> core::ops::$trait<Expr<'g, T>> for f64 {
            type Output = Expr<'g, T>;
            fn $method(self, other: Expr<'g, T>) -> Expr<'g, T> {
                other.graph.number(self).binary($operator, other)
            }
        }
    )*};
}
arithmetic! { Add add "Add", Sub sub "Sub", Mul mul "Mul", Div div "Div" }

impl<T: Float> core::ops::Neg for Expr<'_, T> {
    type Output = Self;
    fn neg(self) -> Self {
        self.unary("Neg")
    }
}

/// Returns an attribute with one integer.
pub(super) fn int(name: &str, i: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        value: Value::Int(i),
    }
}

/// Returns an attribute with a list of integers.
pub(super) fn ints(name: &str, ints: &[i64]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        value: Value::Ints(ints.to_vec()),
    }
}

fn data_type<T: Float>() -> i32 {
    if T::DOUBLE {
        proto::DOUBLE
    } else {
        proto::FLOAT
    }
}

fn info(name: &str, elem_type: i32, shape: impl IntoIterator<Item = Extent>) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        elem_type,
        shape: shape.into_iter().collect(),
    }
}

/// Returns the extent of the batch, the number of samples.
fn batch() -> Extent {
    Extent::Param("batch".to_owned())
}

fn fixed(length: usize) -> Extent {
    Extent::Value(length as i64)
}
