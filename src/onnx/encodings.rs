//! ONNX operators for the built-in encodings.
//!
//! They use the formulas and the order of arithmetic of `encoding`. All work on the whole batch.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::f64::consts::{FRAC_1_SQRT_2, PI};

use super::activations::error_function;
use super::graph::{Expr, Operand, int};
use super::proto;
use crate::encoding::{BuiltIn, Encoding, Grid, Interpolation, built_in, is_identity};
use crate::error::Result;
use crate::float::Float;
use crate::memory;

/// Returns the encoded inputs.
pub(super) fn apply<'g, T: Float>(
    encoding: &dyn Encoding<T>,
    params: &[T],
    x: Expr<'g, T>,
) -> Result<Expr<'g, T>> {
    let graph = x.graph();
    if let Some(inner) = encoding.unscaled() {
        let (scale, params) = params.split_at(encoding.outputs());
        let inside = if is_identity(&*inner) {
            x
        } else {
            apply(&*inner, params, x)?
        };
        graph.enter("encoding");
        // A scale inside a scale needs a name of its own.
        let depth = encoding.name().matches("scaled(").count();
        let factors = graph.tensor(&format!("scale{depth}"), &[scale.len()], scale);
        return Ok(inside * factors);
    }
    graph.enter("encoding");
    Ok(
        match built_in("encoding that can be written as ONNX", encoding)? {
            BuiltIn::Fourier(fourier) => {
                let directions = fourier.directions();
                let shape = [directions.len() / encoding.inputs(), encoding.inputs()];
                let directions = graph.tensor("directions", &shape, directions);
                let angles = graph.node("Gemm", &[x, directions], vec![int("transB", 1)]);
                concat(&[angles.unary("Cos"), angles.unary("Sin")], 1)
            }
            BuiltIn::Positional { octaves, .. } => {
                let frequencies = (0..octaves).map(|octave| f64::from(1_u32 << octave) * PI);
                let frequencies: Vec<_> = frequencies.map(T::from_f64).collect();
                let frequencies = graph.tensor("frequencies", &[octaves, 1], &frequencies);
                let angles = unsqueeze(x, &[2, 3]) * frequencies;
                rows(
                    concat(&[angles.unary("Sin"), angles.unary("Cos")], 3),
                    encoding.outputs(),
                )
            }
            BuiltIn::OneBlob { bins, .. } => {
                let numbers = (0..=bins).map(|bin| T::from_f64(bin as f64));
                let edges = memory::collected("edges of bins", bins + 1, numbers)?;
                let edges = graph.tensor("edges", &[bins + 1], &edges);
                let z = edges - unsqueeze(x * (bins as f64), &[2]);
                let below = 0.5 * error_function(z * FRAC_1_SQRT_2);
                let part = |start: i64, end: i64| {
                    let [start, end, axis] = [start, end, 2].map(|n| graph.integers(&[n]));
                    graph.node("Slice", &[below, start, end, axis], Vec::new())
                };
                rows(part(1, i64::MAX) - part(0, -1), encoding.outputs())
            }
            BuiltIn::Grid(grid) => interpolated(&grid, params, x),
        },
    )
}

/// Returns the outputs of all levels of a grid.
fn interpolated<'g, T: Float>(grid: &Grid, params: &[T], x: Expr<'g, T>) -> Expr<'g, T> {
    let (graph, settings) = (x.graph(), grid.settings());
    let inside = x.clip(0.0, 1.0);
    let column = |k| {
        let index = graph.integers(&[k]);
        graph.node("Gather", &[inside, index], vec![int("axis", 1)])
    };
    let columns: Vec<_> = (0..settings.inputs as i64).map(column).collect();
    let mut outputs = Vec::new();
    for (index, level) in grid.levels().iter().enumerate() {
        graph.enter(format!("encoding.level{index}"));
        // Entries and weights, with a column for each corner. Each input doubles their number.
        let (mut entries, mut weights) = (graph.integers(&[0]), 1.0.on(graph));
        for (&x, factor) in columns.iter().zip(level.factors()) {
            let position = x * f64::from(level.cells);
            let cell = position.unary("Floor").min(f64::from(level.cells - 1));
            let t = position - cell;
            let upper = match settings.interpolation {
                Interpolation::Linear => t,
                Interpolation::Smoothstep => t * t * (3.0 - (t + t)),
            };
            let factor = graph.integers(&[i64::from(factor)]);
            let first = cell.cast(proto::INT64) * factor;
            let join = |vertex| {
                if level.is_hashed {
                    graph.exclusive_or(entries, vertex)
                } else {
                    entries + vertex
                }
            };
            let both = [join(first), join(first + factor)];
            entries = concat(&both, 1);
            weights = concat(&[weights * (1.0 - upper), weights * upper], 1);
        }
        if level.is_hashed {
            let count = graph.integers(&[i64::from(level.entries)]);
            entries = graph.node("Mod", &[entries, count], Vec::new());
        }
        let shape = [level.entries as usize, settings.features];
        let table = graph.tensor("entries", &shape, grid.part(level, params));
        let vectors = graph.node("Gather", &[table, entries], vec![int("axis", 0)]);
        let terms = unsqueeze(weights, &[2]) * vectors;
        let axes = graph.integers(&[1]);
        outputs.push(graph.node("ReduceSum", &[terms, axes], vec![int("keepdims", 0)]));
    }
    graph.enter("encoding");
    concat(&outputs, 1)
}

fn concat<'g, T: Float>(parts: &[Expr<'g, T>], axis: i64) -> Expr<'g, T> {
    parts[0]
        .graph()
        .node("Concat", parts, vec![int("axis", axis)])
}

/// Adds axes of length 1.
fn unsqueeze<'g, T: Float>(x: Expr<'g, T>, axes: &[i64]) -> Expr<'g, T> {
    let graph = x.graph();
    graph.node("Unsqueeze", &[x, graph.integers(axes)], Vec::new())
}

/// Joins all axes but the first.
fn rows<T: Float>(x: Expr<'_, T>, width: usize) -> Expr<'_, T> {
    let graph = x.graph();
    let shape = graph.integers(&[-1, width as i64]);
    graph.node("Reshape", &[x, shape], Vec::new())
}
