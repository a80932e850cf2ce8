//! Integers, which quantized networks and models of tables have.

use alloc::format;
use alloc::vec::Vec;

use super::{Expr, Graph};
use crate::float::Float;
use crate::onnx::proto;

impl<T: Float> Graph<T> {
    /// Adds 8-bit integers as a constant of this shape.
    pub(in crate::onnx) fn int8(&self, name: &str, shape: &[usize], from: &[i8]) -> Expr<'_, T> {
        let raw = from.iter().map(|&n| n as u8).collect();
        self.typed_tensor(name, shape, proto::INT8, raw)
    }

    /// Adds 32-bit integers as a constant of this shape.
    pub(in crate::onnx) fn int32(&self, name: &str, shape: &[usize], from: &[i32]) -> Expr<'_, T> {
        let raw = from.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.typed_tensor(name, shape, proto::INT32, raw)
    }

    /// Adds 64-bit integers as a constant, which are too many for a name of their own.
    pub(in crate::onnx) fn indices(&self, name: &str, numbers: &[i64]) -> Expr<'_, T> {
        let raw = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        self.typed_tensor(name, &[numbers.len()], proto::INT64, raw)
    }

    /// Adds a 64-bit integer without dimensions, or reuses an equal one.
    pub(in crate::onnx) fn integer(&self, number: i64) -> Expr<'_, T> {
        let raw = || number.to_le_bytes().into();
        self.constant(format!("{number}"), &[], proto::INT64, raw)
    }

    fn typed_tensor(
        &self,
        name: &str,
        shape: &[usize],
        data_type: i32,
        raw: Vec<u8>,
    ) -> Expr<'_, T> {
        let mut parts = self.parts.borrow_mut();
        let name = format!("{}.{name}", parts.scope);
        let value = parts.initializer(name, shape, data_type, raw);
        self.expr(value)
    }
}
