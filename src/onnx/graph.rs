//! Formulas that write themselves down as nodes of a graph.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::marker::PhantomData;

use super::proto::{self, Attribute, Dimension, Extent, Tensor, ValueInfo};
use crate::float::{Float, le_bytes};

/// A graph that grows by whatever is done with its [`Expr`]s.
#[derive(Debug, Default)]
pub(super) struct Graph<T> {
    parts: RefCell<Parts>,
    float: PhantomData<T>,
}

#[derive(Debug, Default)]
struct Parts {
    /// Of every value, by its number.
    names: Vec<String>,
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    /// Constants that there are already: their value by name.
    constants: BTreeMap<String, usize>,
    /// How often each name for a value has been wanted.
    wanted: BTreeMap<String, usize>,
    /// What names begin with.
    scope: String,
}

/// A node whose values have no names yet: an output of the graph gets its name last.
#[derive(Debug)]
struct Node {
    operator: &'static str,
    inputs: Vec<usize>,
    output: usize,
    attributes: Vec<Attribute>,
}

/// One value of the graph: an input, a constant, or what a node gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expr<'g, T> {
    graph: &'g Graph<T>,
    value: usize,
}

/// What an operator can be applied to: an [`Expr`], or a number that becomes a constant.
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
    /// Lets the names of what follows begin with this.
    pub(super) fn enter(&self, scope: impl Into<String>) {
        self.parts.borrow_mut().scope = scope.into();
    }

    /// An input `[batch x width]`.
    pub(super) fn input(&self, name: &str, width: usize) -> Expr<'_, T> {
        let mut parts = self.parts.borrow_mut();
        let shape = [batch(), fixed(width)];
        parts.inputs.push(info(name, data_type::<T>(), shape));
        parts.names.push(name.to_owned());
        self.expr(parts.names.len() - 1)
    }

    /// A constant of this shape. Its name tells its place, so it is not shared.
    pub(super) fn tensor(&self, name: &str, shape: &[usize], values: &[T]) -> Expr<'_, T> {
        let mut parts = self.parts.borrow_mut();
        let name = format!("{}.{name}", parts.scope);
        let value = parts.initializer(name, shape, data_type::<T>(), le_bytes(values));
        self.expr(value)
    }

    /// A number as a constant, rounded to the graph's type.
    fn number(&self, number: f64) -> Expr<'_, T> {
        let number = T::from_f64(number);
        let raw = || le_bytes(&[number]);
        self.constant(format!("{number:?}"), &[], data_type::<T>(), raw)
    }

    /// Whole numbers as a constant: a shape, or where to slice.
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
        let known = parts.constants.get(&name).copied();
        let value = known.unwrap_or_else(|| {
            let value = parts.initializer(name.clone(), shape, data_type, raw());
            parts.constants.insert(name, value);
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

    /// Makes a value of the graph's type `[batch x width]` an output.
    pub(super) fn output(&self, name: &str, value: Expr<'_, T>, width: usize) {
        let shape = [batch(), fixed(width)];
        self.name_output(value, info(name, data_type::<T>(), shape));
    }

    /// Makes a value of whole numbers an output: `[batch]`, or `[batch x width]`.
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
        let parts = self.parts.into_inner();
        let names = parts.names;
        let node = |node: Node| proto::Node {
            input: node.inputs.iter().map(|&i| names[i].clone()).collect(),
            output: vec![names[node.output].clone()],
            name: names[node.output].clone(),
            op_type: node.operator.to_owned(),
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
        self.initializers.push(Tensor {
            dims: shape.iter().map(|&n| n as i64).collect(),
            data_type,
            name: name.clone(),
            raw_data,
        });
        self.names.push(name);
        self.names.len() - 1
    }
}

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

    /// Brought between two numbers.
    pub(super) fn clip(self, low: f64, high: f64) -> Self {
        let (low, high) = (self.graph.number(low), self.graph.number(high));
        self.graph.node("Clip", &[self, low, high], Vec::new())
    }

    /// Of a condition: one value where it holds, else the other.
    pub(super) fn choose(self, yes: impl Operand<'g, T>, no: impl Operand<'g, T>) -> Self {
        let (yes, no) = (yes.on(self.graph), no.on(self.graph));
        self.graph.node("Where", &[self, yes, no], Vec::new())
    }
}

/// Methods of one or two operands; `below` and `above` give conditions.
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

/// A setting that is one whole number.
pub(super) fn int(name: &str, i: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        i: Some(i),
        ints: Vec::new(),
        r#type: proto::INT,
    }
}

/// A setting that is a list of whole numbers.
pub(super) fn ints(name: &str, ints: &[i64]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        i: None,
        ints: ints.to_vec(),
        r#type: proto::INTS,
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
    let extents = shape.into_iter().map(Some);
    let dim = extents.map(|value| Dimension { value }).collect();
    let tensor_type = proto::TensorType {
        elem_type,
        shape: Some(proto::TensorShape { dim }),
    };
    ValueInfo {
        name: name.to_owned(),
        r#type: Some(proto::Type {
            tensor_type: Some(tensor_type),
        }),
    }
}

/// As many as there are samples.
fn batch() -> Extent {
    Extent::Param("batch".to_owned())
}

fn fixed(length: usize) -> Extent {
    Extent::Value(length as i64)
}
