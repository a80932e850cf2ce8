//! Words and numbers of two types in one graph, which models of tables have.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::marker::PhantomData;

use super::{Expr, Graph, batch, data_type, info};
use crate::float::Float;
use crate::onnx::proto::{self, Attribute, Value};

impl<T: Float> Graph<T> {
    /// Sets the prefix of all following scopes.
    pub(in crate::onnx) fn within(&self, prefix: impl Into<String>) {
        self.parts.borrow_mut().prefix = prefix.into();
    }

    /// Keeps names of inputs and outputs from other values.
    pub(in crate::onnx) fn reserve(&self, names: impl IntoIterator<Item = String>) {
        self.parts.borrow_mut().reserved.extend(names);
    }

    /// Returns the graph, with nodes for numbers of another type.
    pub(in crate::onnx) fn with_type<U>(&self) -> Graph<U> {
        Graph {
            parts: self.parts.clone(),
            float: PhantomData,
        }
    }

    /// Declares a text an output `[batch]`.
    pub(in crate::onnx) fn text_output(&self, name: &str, value: Expr<'_, T>) {
        self.name_output(value, info(name, proto::TEXT, [batch()]));
    }
}

impl<T: Float> Expr<'_, T> {
    /// Converts the value to the type of this graph, which is the same but for the type.
    pub(in crate::onnx) fn converted<U: Float>(self, graph: &Graph<U>) -> Expr<'_, U> {
        graph.expr(self.cast(data_type::<U>()).value)
    }

    /// Returns a condition or an integer for operations in the type of this graph, which is the
    /// same but for the type.
    pub(in crate::onnx) fn seen_from<U: Float>(self, graph: &Graph<U>) -> Expr<'_, U> {
        graph.expr(self.value)
    }
}

/// Returns an attribute with one text.
pub(in crate::onnx) fn text(name: &str, text: &str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        value: Value::Text(text.to_owned()),
    }
}

/// Returns an attribute with a list of texts.
pub(in crate::onnx) fn texts(name: &str, texts: Vec<String>) -> Attribute {
    Attribute {
        name: name.to_owned(),
        value: Value::Texts(texts),
    }
}
