//! ONNX operators for the built-in encodings.
//!
//! They use the formulas and the order of arithmetic of `encoding`. All work on the whole batch.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

use super::activations::error_function;
use super::graph::{Expr, Operand, int};
use super::proto;
use crate::encoding::{
    BuiltIn, Categories, Encoding, Grid, Interpolation, PeriodicSettings, built_ins, is_identity,
};
use crate::error::Result;
use crate::float::Float;
use crate::memory;

/// Returns the encoded inputs.
pub(super) fn apply<'g, T: Float>(
    encoding: &dyn Encoding<T>,
    params: &[T],
    x: Expr<'g, T>,
) -> Result<Expr<'g, T>> {
    if let Some(inner) = encoding.unscaled() {
        let (scale, params) = params.split_at(encoding.outputs());
        let inside = if is_identity(&*inner) {
            x
        } else {
            apply(&*inner, params, x)?
        };
        let graph = x.graph();
        graph.enter("encoding");
        // A scale inside a scale needs a name of its own.
        let depth = encoding.name().matches("scaled(").count();
        let factors = graph.tensor(&format!("scale{depth}"), &[scale.len()], scale);
        return Ok(inside * factors);
    }
    let members = built_ins("encoding that can be written as ONNX", encoding)?;
    if let [member] = &members[..] {
        return single(member, params, x, "encoding");
    }
    let (mut start, mut params, mut outputs) = (0, params, Vec::new());
    for (index, member) in members.iter().enumerate() {
        let scope = format!("encoding.member{index}");
        x.graph().enter(scope.clone());
        let end = start + member.encoding().inputs();
        let (own, others) = params.split_at(member.encoding().params_len());
        let inputs = slice(x, start as i64, end as i64, 1);
        outputs.push(single(member, own, inputs, &scope)?);
        (start, params) = (end, others);
    }
    x.graph().enter("encoding");
    Ok(concat(&outputs, 1))
}

/// Returns the inputs, encoded without members. Names in the graph start with `scope`.
fn single<'g, T: Float>(
    built_in: &BuiltIn<T>,
    params: &[T],
    x: Expr<'g, T>,
    scope: &str,
) -> Result<Expr<'g, T>> {
    let (graph, encoding) = (x.graph(), built_in.encoding());
    graph.enter(scope);
    Ok(match built_in {
        BuiltIn::Fourier(fourier) => {
            let directions = fourier.directions();
            let shape = [directions.len() / encoding.inputs(), encoding.inputs()];
            let directions = graph.tensor("directions", &shape, directions);
            let angles = graph.node("Gemm", &[x, directions], vec![int("transB", 1)]);
            concat(&[angles.unary("Cos"), angles.unary("Sin")], 1)
        }
        BuiltIn::Positional(positional) => {
            let octaves = positional.octaves;
            let frequencies = (0..octaves).map(|octave| f64::from(1_u32 << octave) * PI);
            let frequencies: Vec<_> = frequencies.map(T::from_f64).collect();
            let frequencies = graph.tensor("frequencies", &[octaves, 1], &frequencies);
            let angles = unsqueeze(x, &[2, 3]) * frequencies;
            let both = [angles.unary("Sin"), angles.unary("Cos")];
            rows(concat(&both, 3), encoding.outputs())
        }
        BuiltIn::OneBlob(one_blob) => {
            let bins = one_blob.bins;
            let numbers = (0..=bins).map(|bin| T::from_f64(bin as f64));
            let edges = memory::collected("edges of bins", bins + 1, numbers)?;
            let edges = graph.tensor("edges", &[bins + 1], &edges);
            let z = edges - unsqueeze(x * (bins as f64), &[2]);
            let below = 0.5 * error_function(z * FRAC_1_SQRT_2);
            let parts = slice(below, 1, i64::MAX, 2) - slice(below, 0, -1, 2);
            rows(parts, encoding.outputs())
        }
        BuiltIn::Grid(grid) => interpolated(grid, params, x, scope),
        BuiltIn::Categories(categories) => looked_up(categories, params, x),
        BuiltIn::Periodic(periodic) => mixed(periodic.settings(), params, x)?,
        BuiltIn::Identity(_) => x,
    })
}

/// Returns the vectors of categories.
fn looked_up<'g, T: Float>(
    categories: &Categories,
    mut params: &[T],
    x: Expr<'g, T>,
) -> Expr<'g, T> {
    let (graph, columns) = (x.graph(), categories.columns());
    let last: Vec<_> = columns.iter().map(|c| T::from_f64(c.0 as f64)).collect();
    let last = graph.tensor("unknown", &[columns.len()], &last);
    // Unknown numbers are those that this range or the next lower integer changes.
    let inside = graph.node("Min", &[x.unary("Floor").max(0.0), last], Vec::new());
    let is_known = graph.node("Equal", &[x, inside], Vec::new());
    let indices = is_known.choose(inside, last).cast(proto::INT64);
    let mut vectors = Vec::new();
    for (index, &(categories, width)) in columns.iter().enumerate() {
        let (table, others) = params.split_at((categories + 1) * width);
        let table = graph.tensor(&format!("table{index}"), &[categories + 1, width], table);
        let these = column(indices, index as i64);
        let vector = graph.node("Gather", &[table, these], vec![int("axis", 0)]);
        vectors.push(rows(vector, width));
        params = others;
    }
    concat(&vectors, 1)
}

/// Returns waves, mixed by the maps of their inputs, and the inputs.
fn mixed<'g, T: Float>(
    settings: &PeriodicSettings,
    params: &[T],
    x: Expr<'g, T>,
) -> Result<Expr<'g, T>> {
    let (graph, inputs, frequencies) = (x.graph(), settings.inputs, settings.frequencies);
    let mixed = settings.width - 1;
    let part = 2 * frequencies + mixed * (frequencies + 1);
    // Returns numbers of all inputs, by the index of each in the parameters of its input.
    let tensor = |name, shape: [usize; 2], index: &dyn Fn(usize) -> usize, factor: T| {
        let len = shape[0] * shape[1];
        let numbers = params
            .chunks_exact(part)
            .flat_map(|own| (0..len).map(move |at| own[index(at)]));
        let numbers = numbers.map(|number| factor * number);
        let numbers = memory::collected("parameters of the encoding", inputs * len, numbers)?;
        Ok(graph.tensor(name, &[inputs, shape[0], shape[1]], &numbers))
    };
    let (one, tau) = (T::one(), T::from_f64(TAU));
    let rates = tensor("rates", [1, frequencies], &|j| j, tau)?;
    let phases = tensor("phases", [1, frequencies], &|j| frequencies + j, one)?;
    // Row-major [frequencies x mixed], the transpose of the map.
    let transposed = |at| 2 * frequencies + at % mixed * frequencies + at / mixed;
    let map = tensor("map", [frequencies, mixed], &transposed, one)?;
    let bias = tensor("bias", [1, mixed], &|k| part - mixed + k, one)?;
    let x = unsqueeze(x, &[2, 3]);
    let cosines = (x * rates + phases).unary("Cos");
    let y = graph.node("MatMul", &[cosines, map], Vec::new()) + bias;
    Ok(rows(concat(&[y, x], 3), inputs * settings.width))
}

/// Returns the outputs of all levels of a grid.
fn interpolated<'g, T: Float>(
    grid: &Grid,
    params: &[T],
    x: Expr<'g, T>,
    scope: &str,
) -> Expr<'g, T> {
    let (graph, settings) = (x.graph(), grid.settings());
    let inside = x.clip(0.0, 1.0);
    let columns = (0..settings.inputs as i64).map(|k| column(inside, k));
    let columns: Vec<_> = columns.collect();
    let mut outputs = Vec::new();
    for (index, level) in grid.levels().iter().enumerate() {
        graph.enter(format!("{scope}.level{index}"));
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
    graph.enter(scope);
    concat(&outputs, 1)
}

/// Returns a column of a matrix, as a matrix.
pub(super) fn column<T: Float>(x: Expr<'_, T>, k: i64) -> Expr<'_, T> {
    let graph = x.graph();
    graph.node("Gather", &[x, graph.integers(&[k])], vec![int("axis", 1)])
}

/// Returns a range of an axis.
fn slice<T: Float>(x: Expr<'_, T>, start: i64, end: i64, axis: i64) -> Expr<'_, T> {
    let graph = x.graph();
    let [start, end, axis] = [start, end, axis].map(|n| graph.integers(&[n]));
    graph.node("Slice", &[x, start, end, axis], Vec::new())
}

pub(super) fn concat<'g, T: Float>(parts: &[Expr<'g, T>], axis: i64) -> Expr<'g, T> {
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
