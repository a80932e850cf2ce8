//! Constants of a graph: their numbers, and the operators that compute one from others.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::messages::{Node, Tensor};
use super::wire::{Fields, Wire, malformed};
use crate::error::Result;
use crate::half::{bfloat, half};
use crate::memory;

/// Numbers with a shape, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) dims: Vec<usize>,
    pub(super) values: Vec<f64>,
    /// The numbers are of an integer type.
    pub(super) is_integer: bool,
}

/// Values of `TensorProto.DataType`.
mod data_type {
    pub(super) const FLOAT: i64 = 1;
    pub(super) const UINT8: i64 = 2;
    pub(super) const INT8: i64 = 3;
    pub(super) const UINT16: i64 = 4;
    pub(super) const INT16: i64 = 5;
    pub(super) const INT32: i64 = 6;
    pub(super) const INT64: i64 = 7;
    pub(super) const BOOL: i64 = 9;
    pub(super) const HALF: i64 = 10;
    pub(super) const DOUBLE: i64 = 11;
    pub(super) const BFLOAT: i64 = 16;
}

/// Returns `true` for a type that holds fractions.
pub(super) fn is_float(data_type: i64) -> bool {
    use data_type::{BFLOAT, DOUBLE, FLOAT, HALF};
    [FLOAT, DOUBLE, HALF, BFLOAT].contains(&data_type)
}

impl Array {
    pub(super) fn new(dims: Vec<usize>, values: Vec<f64>) -> Self {
        Self {
            dims,
            values,
            is_integer: false,
        }
    }

    /// Returns a number without dimensions.
    pub(super) fn scalar(value: f64) -> Self {
        Self::new(Vec::new(), [value].into())
    }

    /// The numbers are of an integer type.
    pub(super) fn of_integers(mut self) -> Self {
        self.is_integer = true;
        self
    }

    /// Returns the number, if the array has a single one.
    pub(super) fn single(&self) -> Option<f64> {
        match self.values[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Returns the numbers of a vector, whose other dimensions are 1.
    pub(super) fn vector(&self) -> Option<&[f64]> {
        let length = self.dims.last().copied().unwrap_or(1);
        (length == self.values.len()).then_some(&self.values)
    }

    /// Reads the numbers of a tensor. Its shape is compared with its bytes first.
    pub(super) fn read(tensor: &Tensor<'_>, raw: Option<&[u8]>) -> Result<Self> {
        let fault = |problem: String| malformed(format!("tensor {:?}: {problem}", tensor.name));
        let mut dims = Vec::new();
        let mut count = 1_usize;
        for &dim in &tensor.dims {
            let dim = usize::try_from(dim).map_err(|_| fault(format!("{dim} as a dimension")))?;
            count = count.saturating_mul(dim);
            dims.push(dim);
        }
        check_empty(&dims).ok_or_else(|| fault("a large shape without numbers".into()))?;
        let width = match tensor.data_type {
            data_type::UINT8 | data_type::INT8 | data_type::BOOL => 1,
            data_type::UINT16 | data_type::INT16 | data_type::HALF | data_type::BFLOAT => 2,
            data_type::FLOAT | data_type::INT32 => 4,
            data_type::INT64 | data_type::DOUBLE => 8,
            other => {
                let expected = "f16, bf16, f32, f64 or integers";
                return Err(fault(format!("expected {expected}, got data type {other}")));
            }
        };
        let mut values = Vec::new();
        if let Some(raw) = raw {
            if raw.len() != count.saturating_mul(width) {
                let got = raw.len();
                return Err(fault(format!(
                    "{got} bytes for {count} numbers of {width} bytes"
                )));
            }
            memory::reserve("numbers of a tensor", &mut values, count)?;
            let numbers = raw.chunks_exact(width);
            values.extend(numbers.map(|bytes| number(tensor.data_type, bytes)));
        } else {
            for &(field, value) in &tensor.typed {
                read_typed(tensor.data_type, field, value, &mut values)
                    .map_err(|error| fault(format!("{error}")))?;
            }
            if values.len() != count {
                let got = values.len();
                return Err(fault(format!("{got} numbers for a shape of {count}")));
            }
        }
        Ok(Self {
            dims,
            values,
            is_integer: !is_float(tensor.data_type),
        })
    }
}

/// Returns `None` for a shape without numbers that has a large dimension, which would take long to
/// go through.
fn check_empty(dims: &[usize]) -> Option<()> {
    const MOST: usize = 1 << 16;
    let is_empty = dims.contains(&0);
    (!is_empty || dims.iter().all(|&dim| dim <= MOST)).then_some(())
}

/// Returns the number that these little-endian bytes stand for.
fn number(data_type: i64, bytes: &[u8]) -> f64 {
    let mut eight = [0; 8];
    eight[..bytes.len()].copy_from_slice(bytes);
    let bits = u64::from_le_bytes(eight);
    match data_type {
        data_type::FLOAT => f32::from_bits(bits as u32).into(),
        data_type::DOUBLE => f64::from_bits(bits),
        data_type::HALF => half(bits as u16),
        data_type::BFLOAT => bfloat(bits as u16),
        data_type::INT8 => (bits as i8).into(),
        data_type::INT16 => (bits as i16).into(),
        data_type::INT32 => (bits as i32).into(),
        data_type::INT64 => bits as i64 as f64,
        _ => bits as f64,
    }
}

/// Reads one field of numbers, packed or not.
fn read_typed(data_type: i64, field: u64, value: Wire<'_>, to: &mut Vec<f64>) -> Result<()> {
    // Halves are the bits of 32-bit integers.
    let of_integer = |number: i64| match data_type {
        data_type::HALF => half(number as u16),
        data_type::BFLOAT => bfloat(number as u16),
        _ => number as f64,
    };
    match (field, value) {
        (4, Wire::Bytes(packed)) => to.extend(
            packed
                .chunks_exact(4)
                .map(|bytes| number(data_type::FLOAT, bytes)),
        ),
        (10, Wire::Bytes(packed)) => to.extend(
            packed
                .chunks_exact(8)
                .map(|bytes| number(data_type::DOUBLE, bytes)),
        ),
        (4, value) => to.push(value.float("float_data")?.into()),
        (10, Wire::Eight(bytes)) => to.push(f64::from_le_bytes(bytes)),
        (_, Wire::Bytes(packed)) => {
            let mut numbers = Fields::new(packed);
            while !numbers.is_empty() {
                to.push(of_integer(numbers.varint()? as i64));
            }
        }
        (_, value) => to.push(of_integer(value.integer("numbers")?)),
    }
    Ok(())
}

/// Computes a node whose inputs are all constant. `None` stands for an operator or a shape that no
/// exporter computes from constants.
pub(super) fn computed(node: &Node<'_>, inputs: &[&Array]) -> Option<Array> {
    let unary = |f: fn(f64) -> f64| {
        let x = inputs.first()?;
        Some(Array::new(
            x.dims.clone(),
            x.values.iter().map(|&x| f(x)).collect(),
        ))
    };
    let binary = |f: fn(f64, f64) -> f64| match inputs {
        [a, b] => broadcast(a, b, f),
        _ => None,
    };
    if !matches!(node.domain, "" | "ai.onnx") {
        return None;
    }
    let is_whole = |x: &Array| x.values.iter().all(|x| *x == trunc(*x));
    let is_integer = inputs.first()?.is_integer && inputs.last()?.is_integer;
    let array = match node.operator {
        "Identity" => unary(|x| x),
        "Cast" => {
            let x = inputs.first()?;
            let array = match node.integer("to")? {
                data_type::DOUBLE => unary(|x| x),
                data_type::FLOAT => unary(|x| f64::from(x as f32)),
                data_type::BOOL => unary(|x| f64::from(u8::from(x != 0.0))),
                data_type::INT64 | data_type::INT32 => unary(trunc),
                // Small whole numbers are exact in all types.
                _ if is_whole(x) && x.values.iter().all(|x| (0.0..=127.0).contains(x)) => {
                    unary(|x| x)
                }
                _ => None,
            };
            return array.map(|array| Array {
                is_integer: !node.integer("to").is_some_and(is_float),
                ..array
            });
        }
        "CastLike" => {
            let like = inputs.get(1)?;
            let array = unary(|x| x).filter(|x| !like.is_integer || is_whole(x))?;
            return Some(Array {
                is_integer: like.is_integer,
                ..array
            });
        }
        // Quotients of integers are rounded.
        "Div" | "Reciprocal" | "Sqrt" | "Exp" if is_integer => None,
        "Neg" => unary(|x| -x),
        "Abs" => unary(f64::abs),
        "Reciprocal" => unary(|x| 1.0 / x),
        "Sqrt" => unary(crate::math::sqrt),
        "Exp" => unary(crate::math::exp),
        "Add" => binary(|a, b| a + b),
        "Sub" => binary(|a, b| a - b),
        "Mul" => binary(|a, b| a * b),
        "Div" => binary(|a, b| a / b),
        "Transpose" => transposed(inputs.first()?, node.find("perm").map(|p| &p.integers[..])),
        "Squeeze" => squeezed(inputs.first()?, axes(node, inputs.get(1).copied())),
        "Unsqueeze" => unsqueezed(inputs.first()?, &axes(node, inputs.get(1).copied())?),
        "Reshape" => {
            let (x, shape) = (inputs.first()?, inputs.get(1)?);
            reshaped(x, &shape.values)
        }
        "Concat" => {
            let mut all = Array::new([0].into(), Vec::new());
            for x in inputs {
                if x.dims.len() > 1 {
                    return None;
                }
                all.values.extend(&x.values);
            }
            all.dims = [all.values.len()].into();
            Some(all)
        }
        "DequantizeLinear" => return dequantized(node, inputs),
        _ => None,
    };
    let is_integer = inputs.first()?.is_integer;
    array.map(|array| Array {
        is_integer,
        ..array
    })
}

/// Axes of an attribute, or of an input in newer operator sets.
pub(super) fn axes(node: &Node<'_>, constant: Option<&Array>) -> Option<Vec<i64>> {
    match (constant, node.find("axes")) {
        (Some(array), _) => Some(array.values.iter().map(|&axis| axis as i64).collect()),
        (None, Some(list)) => Some(list.integers.clone()),
        (None, None) => None,
    }
}

/// Returns the positions of axes that may count from the end, in order.
pub(super) fn positions(axes: &[i64], rank: usize) -> Option<Vec<usize>> {
    let positions = axes.iter().map(|&axis| {
        let axis = if axis < 0 {
            axis.checked_add_unsigned(rank as u64)?
        } else {
            axis
        };
        usize::try_from(axis).ok().filter(|&axis| axis < rank)
    });
    let mut positions = positions.collect::<Option<Vec<_>>>()?;
    positions.sort_unstable();
    positions.dedup();
    (positions.len() == axes.len()).then_some(positions)
}

fn squeezed(x: &Array, axes: Option<Vec<i64>>) -> Option<Array> {
    let rank = x.dims.len();
    let removed = match axes {
        Some(axes) => positions(&axes, rank)?,
        None => (0..rank).filter(|&axis| x.dims[axis] == 1).collect(),
    };
    let kept = (0..rank).filter(|axis| removed.binary_search(axis).is_err());
    let dims = kept.map(|axis| x.dims[axis]).collect();
    let is_one = removed.iter().all(|&axis| x.dims[axis] == 1);
    is_one.then(|| Array::new(dims, x.values.clone()))
}

fn unsqueezed(x: &Array, axes: &[i64]) -> Option<Array> {
    let mut dims = x.dims.clone();
    for axis in positions(axes, x.dims.len().checked_add(axes.len())?)? {
        if axis > dims.len() {
            return None;
        }
        dims.insert(axis, 1);
    }
    Some(Array::new(dims, x.values.clone()))
}

/// Removes the fraction of a number.
fn trunc(x: f64) -> f64 {
    const WHOLE: f64 = (1_u64 << 53) as f64;
    if x.abs() < WHOLE { x as i64 as f64 } else { x }
}

/// Returns f of each pair of numbers, of two shapes of which one extends to the other.
fn broadcast(a: &Array, b: &Array, f: fn(f64, f64) -> f64) -> Option<Array> {
    if a.dims == b.dims {
        let values = a.values.iter().zip(&b.values).map(|(&a, &b)| f(a, b));
        return Some(Array::new(a.dims.clone(), values.collect()));
    }
    if let Some(b) = b.single() {
        let values = a.values.iter().map(|&a| f(a, b));
        return Some(Array::new(a.dims.clone(), values.collect()));
    }
    if let Some(a) = a.single() {
        let values = b.values.iter().map(|&b| f(a, b));
        return Some(Array::new(b.dims.clone(), values.collect()));
    }
    // A row for each row of a matrix.
    if let (Some(row), Some(&width)) = (b.vector(), a.dims.last())
        && row.len() == width
    {
        let values = a
            .values
            .iter()
            .zip(row.iter().cycle())
            .map(|(&a, &b)| f(a, b));
        return Some(Array::new(a.dims.clone(), values.collect()));
    }
    None
}

fn transposed(x: &Array, order: Option<&[i64]>) -> Option<Array> {
    let (rows, columns) = match x.dims[..] {
        [_] | [] => return Some(x.clone()),
        [rows, columns] => (rows, columns),
        _ => return None,
    };
    match order {
        Some([0, 1]) => return Some(x.clone()),
        None | Some([1, 0] | []) => {}
        _ => return None,
    }
    let mut values = Vec::new();
    for column in 0..columns {
        values.extend((0..rows).map(|row| x.values[row * columns + column]));
    }
    Some(Array::new([columns, rows].into(), values))
}

fn reshaped(x: &Array, shape: &[f64]) -> Option<Array> {
    let mut dims = Vec::new();
    for (index, &dim) in shape.iter().enumerate() {
        dims.push(match dim as i64 {
            0 => *x.dims.get(index)?,
            -1 => {
                let known = shape.iter().filter(|&&dim| dim > 0.0).product::<f64>();
                x.values.len() / (known.max(1.0) as usize)
            }
            dim => usize::try_from(dim).ok()?,
        });
    }
    let count = dims
        .iter()
        .fold(1_usize, |product, &dim| product.saturating_mul(dim));
    check_empty(&dims)?;
    (count == x.values.len()).then(|| Array::new(dims, x.values.clone()))
}

/// Returns (x - zero point) · scale, with a scale for all numbers or along one axis.
fn dequantized(node: &Node<'_>, inputs: &[&Array]) -> Option<Array> {
    let (x, scale) = (inputs.first()?, inputs.get(1)?);
    let is_blocked = node.integer("block_size").unwrap_or(0) != 0;
    if is_blocked || scale.dims.len() > 1 {
        return None;
    }
    let zero = |at: usize| {
        inputs
            .get(2)
            .map_or(0.0, |zero| zero.values.get(at).copied().unwrap_or(0.0))
    };
    let axis = node.integer("axis").unwrap_or(1);
    let axis = if axis < 0 {
        axis + x.dims.len() as i64
    } else {
        axis
    };
    let at = |index: usize| -> Option<usize> {
        if scale.values.len() == 1 {
            return Some(0);
        }
        let axis = usize::try_from(axis).ok()?;
        let inner: usize = x.dims.get(axis + 1..)?.iter().product();
        Some(index / inner.max(1) % x.dims.get(axis)?)
    };
    let values = x.values.iter().enumerate().map(|(index, &q)| {
        let at = at(index)?;
        Some((q - zero(at)) * scale.values.get(at)?)
    });
    Some(Array::new(x.dims.clone(), values.collect::<Option<_>>()?))
}
