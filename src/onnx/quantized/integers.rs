//! Networks in int8, with operators of integers alone.

use alloc::format;
use alloc::vec::Vec;

use super::super::graph::{Expr, Graph};
use super::super::sealed::Outline;
use super::super::{Export, proto};
use super::{check_bits, facts, is_wide, looked_up, model, rounded_inputs, with_activation};
use crate::error::Result;
use crate::quantize::{QuantizedLayer, QuantizedMlpRef, QuantizedTable, Rounding};

/// A quantized network to [`export`](crate::onnx::export()) in integers.
///
/// Its integers are those of this crate in every runtime. So are its outputs, unless an activation
/// in f32 follows. A [`QuantizedMlp`](crate::quantize::QuantizedMlp) itself is exported in the form
/// that runtimes and tools expect of int8, whose integers may differ.
///
/// Sums are computed from exact numbers, in f32 up to 1,024 inputs, and else in f64. Multiplication
/// and rounding are in int64. A batch takes longer than in the other form.
///
/// ```
/// use feedforward::quantize::{QuantizedMlpRef, Quantizer};
/// use feedforward::{Mlp, activation::{Identity, Tanh}, onnx};
///
/// let net = Mlp::<f32>::builder(2).hidden(16, Tanh).output(1, Identity).seed(1).build()?;
/// let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
/// let quantized = Quantizer::new().quantize(&net, &samples)?;
/// let bytes = onnx::export(&onnx::Integers(QuantizedMlpRef::from(&quantized)))?;
/// assert!(bytes.len() > quantized.bytes());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Integers<'a>(pub QuantizedMlpRef<'a>);

impl Export for Integers<'_> {}

impl Outline for Integers<'_> {
    fn outline(&self) -> Result<proto::Model> {
        let (graph, net) = (Graph::default(), &self.0);
        check_bits(net)?;
        let x = graph.input("x", net.inputs());
        let x = rounded_inputs(x, net).clip(-128.0, 127.0);
        let integers = net.layers().enumerate().fold(x, |x, (index, layer)| {
            graph.enter(format!("layer{index}"));
            outputs(x, &layer)
        });
        graph.enter("outputs");
        let stage = net.output_stage();
        let integers = match stage.zero_point {
            0 => integers,
            zero => int32(integers.cast(proto::INT64) - graph.integer(zero.into())),
        };
        let numbers = integers.cast(proto::FLOAT) * graph.tensor("scale", &[], &[stage.scale]);
        let y = with_activation(net, numbers)?;
        graph.output("y", y, net.outputs());
        Ok(model(graph, "mlp", facts(net)))
    }
}

/// Returns the outputs of a layer for these integers.
fn outputs<'g>(x: Expr<'g, f32>, layer: &QuantizedLayer<'_>) -> Expr<'g, f32> {
    let graph = x.graph();
    let scaled = scaled(sums(x, layer), layer);
    let zero_point = || graph.integer(layer.zero_point.into());
    let y = match (layer.zero_point, is_wide(layer)) {
        (0, _) => scaled,
        // The limits below are closer than those of int32.
        (-128..=127, false) => scaled + zero_point(),
        _ => int32(scaled) + zero_point(),
    };
    let y = clip(y, layer.min.into(), layer.max.into());
    match layer.table {
        Some(QuantizedTable::Int8(table)) => looked_up(y + graph.integer(128), table),
        _ => y,
    }
}

/// Returns the accumulators of a layer as int64.
///
/// The sums are exact numbers, which runtimes add up fast. `MatMulInteger` would not do, because
/// some of its kernels limit sums of two products to 16 bits.
fn sums<'g>(x: Expr<'g, f32>, layer: &QuantizedLayer<'_>) -> Expr<'g, f32> {
    let (graph, rows) = (x.graph(), layer.outputs());
    let width = layer.weights.len() / rows;
    let columns = (0..width).flat_map(|column| (0..rows).map(move |row| (row, column)));
    let at = |(row, column)| layer.weights[row * width + column];
    let transposed: Vec<_> = columns.map(at).collect();
    let weights = graph.int8("weights", &[width, rows], &transposed);
    let biases: Vec<_> = layer.biases.iter().map(|&bias| bias.into()).collect();
    let data_type = type_of_sums(layer);
    let factors = [x, weights].map(|integers| integers.cast(data_type));
    let products = graph.node("MatMul", &factors, Vec::new());
    products.cast(proto::INT64) + graph.indices("bias", &biases)
}

/// Returns the type of numbers that holds all sums of products, and so adds them up without
/// rounding in any order.
fn type_of_sums(layer: &QuantizedLayer<'_>) -> i32 {
    let rows = layer
        .weights
        .chunks_exact(layer.weights.len() / layer.outputs());
    let bounds = rows.map(|row| row.iter().map(|&w| 128 * i64::from(w).abs()).sum());
    match bounds.max() {
        Some(0..=0x100_0000) => proto::FLOAT,
        _ => proto::DOUBLE,
    }
}

/// Returns the products of accumulators with the multipliers of their rows, rounded as
/// [`Multiplier::apply`](crate::quantize::Multiplier::apply) does, but without limits.
fn scaled<'g>(sums: Expr<'g, f32>, layer: &QuantizedLayer<'_>) -> Expr<'g, f32> {
    let graph = sums.graph();
    let multipliers: Vec<_> = layer.multipliers.iter().map(|&m| m.into()).collect();
    let multipliers = graph.indices("multipliers", &multipliers);
    // Returns a constant with a power of two for each multiplier.
    let powers = |name, exponent: &dyn Fn(i8) -> i8| {
        let powers = layer.shifts.iter().map(|&shift| match exponent(shift) {
            exponent @ 0.. => 1 << exponent,
            _ => 0,
        });
        graph.indices(name, &powers.collect::<Vec<_>>())
    };
    if layer.rounding == Rounding::Single {
        let halves = powers("halves", &|shift| 30 - shift);
        let divisors = powers("divisors", &|shift| 31 - shift);
        return floor_quotient(sums * multipliers + halves, divisors);
    }
    let raised = if layer.shifts.iter().any(|&shift| shift > 0) {
        int32(sums * powers("factors", &|shift| shift.max(0)))
    } else {
        sums
    };
    let (half, divisor) = (graph.integer(1 << 30), graph.integer(1 << 31));
    let high = floor_quotient(raised * multipliers + half, divisor);
    if layer.shifts.iter().all(|&shift| shift >= 0) {
        return high;
    }
    // Half of a divisor of 1 is 0.
    let halves = powers("halves", &|shift| (-shift).max(0) - 1);
    let divisors = powers("divisors", &|shift| (-shift).max(0));
    high.unary("Sign") * ((high.abs() + halves) / divisors)
}

/// Returns quotients of integers and positive ones, rounded to the next lower integer.
fn floor_quotient<'g>(of: Expr<'g, f32>, divisor: Expr<'g, f32>) -> Expr<'g, f32> {
    // `Mod` has the sign of the divisor.
    let remainder = of.graph().node("Mod", &[of, divisor], Vec::new());
    (of - remainder) / divisor
}

/// Limits int64 integers to those of int32.
fn int32(x: Expr<'_, f32>) -> Expr<'_, f32> {
    clip(x, i32::MIN.into(), i32::MAX.into())
}

fn clip(x: Expr<'_, f32>, min: i64, max: i64) -> Expr<'_, f32> {
    let graph = x.graph();
    let bounds = [x, graph.integer(min), graph.integer(max)];
    graph.node("Clip", &bounds, Vec::new())
}
