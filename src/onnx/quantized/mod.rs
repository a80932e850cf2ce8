//! Networks in int8, with `QuantizeLinear` and `DequantizeLinear` between operators of numbers.

mod integers;

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::graph::{Expr, Graph, int};
use super::sealed::Outline;
use super::{Export, activations, encodings, model, proto};
use crate::error::{Error, Result};
use crate::float::check_finite;
use crate::quantize::{QuantizedLayer, QuantizedMlp, QuantizedMlpRef, QuantizedTable};

pub use integers::Integers;

impl Export for QuantizedMlp {}

impl Outline for QuantizedMlp {
    fn outline(&self) -> Result<proto::Model> {
        let (graph, net) = (Graph::default(), QuantizedMlpRef::from(self));
        check_bits(&net)?;
        let mut x = graph.input("x", self.inputs());
        if let Some((encoding, params)) = self.encoder() {
            x = encodings::apply(&**encoding, params, x)?;
        }
        x = rounded_inputs(x, &net);
        // The weights contain the factors of the inputs, so the integers have a scale of 1.
        let mut from = Meaning::new(&graph, "integers", 1.0, 0)?;
        x = from.dequantized(from.quantized(x));
        for (index, (layer, (scale, zero_point))) in net.layers().zip(self.scales()).enumerate() {
            graph.enter(format!("layer{index}"));
            // Wide outputs of tiny numbers have a scale below the smallest normal number.
            let smallest = if is_wide(&layer) {
                0.0
            } else {
                f32::MIN_POSITIVE
            };
            let scale = checked(scale as f32, smallest)?;
            if layer.table.is_none() {
                check_equal_zero_points(&layer, zero_point)?;
            }
            if is_wide(&layer) {
                // Only a last layer is. Its outputs stay numbers.
                let z = sums(x, &layer, &from, scale)?;
                x = limited(z, &layer, scale, [i32::MIN, i32::MAX]);
                break;
            }
            let to = Meaning::new(&graph, "outputs", scale, zero_point)?;
            let integers = if let Some(QuantizedTable::Int8(table)) = layer.table {
                // The table takes integers of pre-activations, for which any scale will do.
                let z = Meaning::new(&graph, "pre_activations", 1.0, layer.zero_point)?;
                let numbers = sums(x, &layer, &from, 1.0)?;
                let integers = z.quantized(limited(numbers, &layer, 1.0, [-128, 127]));
                let indices = integers.cast(proto::INT32);
                looked_up(indices + graph.int32("offset", &[], &[128]), table)
            } else {
                let y = sums(x, &layer, &from, scale)?;
                to.quantized(limited(y, &layer, scale, [-128, 127]))
            };
            x = to.dequantized(integers);
            from = to;
        }
        let y = with_activation(&net, x)?;
        graph.output("y", y, self.outputs());
        Ok(model(graph, "mlp", facts(&net)))
    }
}

/// Meaning of int8 integers: number = (integer - `zero_point`) · scale.
struct Meaning<'g> {
    scale: f32,
    zero_point: i32,
    /// Both as constants.
    constants: [Expr<'g, f32>; 2],
}

impl<'g> Meaning<'g> {
    fn new(graph: &'g Graph<f32>, name: &str, scale: f32, zero_point: i32) -> Result<Self> {
        let integer = i8::try_from(zero_point).map_err(|_| {
            let (what, expected) = ("zero point of a layer", "-128 to 127");
            Error::incompatible(what, expected, zero_point.to_string())
        })?;
        let constants = [
            graph.tensor(&format!("{name}.scale"), &[], &[scale]),
            graph.int8(&format!("{name}.zero_point"), &[], &[integer]),
        ];
        Ok(Self {
            scale,
            zero_point,
            constants,
        })
    }

    /// Returns the integers of numbers.
    fn quantized(&self, x: Expr<'g, f32>) -> Expr<'g, f32> {
        let [scale, zero_point] = self.constants;
        let inputs = [x, scale, zero_point];
        x.graph().node("QuantizeLinear", &inputs, Vec::new())
    }

    /// Returns the numbers of integers.
    fn dequantized(&self, x: Expr<'g, f32>) -> Expr<'g, f32> {
        let [scale, zero_point] = self.constants;
        let inputs = [x, scale, zero_point];
        x.graph().node("DequantizeLinear", &inputs, Vec::new())
    }
}

/// Returns the scale of a layer's outputs, which a file may have changed.
fn checked(scale: f32, smallest: f32) -> Result<f32> {
    if scale >= smallest && scale.is_finite() {
        return Ok(scale);
    }
    let (what, expected) = (
        "scale of a layer's outputs",
        format!("at least {smallest:e}"),
    );
    Err(Error::incompatible(what, expected, scale.to_string()))
}

fn check_equal_zero_points(layer: &QuantizedLayer<'_>, of_outputs: i32) -> Result<()> {
    if layer.zero_point == of_outputs {
        return Ok(());
    }
    let what = "zero point of a layer without table";
    let expected = format!("{of_outputs}, that of its outputs");
    Err(Error::incompatible(
        what,
        expected,
        layer.zero_point.to_string(),
    ))
}

/// Returns the inputs as whole numbers, of which int8 takes the nearest.
///
/// Numbers halfway between two integers are rounded away from zero, as in this crate. The operators
/// of ONNX would round them to even integers.
fn rounded_inputs<'g>(x: Expr<'g, f32>, net: &QuantizedMlpRef<'_>) -> Expr<'g, f32> {
    /// Largest number below 1/2. The sum of it and 1/2 would be rounded to 1, and must stay below.
    const BELOW_HALF: f32 = 0.5_f32.next_down();
    let (graph, width, stage) = (x.graph(), net.inputs(), net.input_stage());
    graph.enter("inputs");
    let factors = graph.tensor("factors", &[width], stage.factors);
    let offsets = graph.tensor("offsets", &[width], stage.offsets);
    let x = x * factors + offsets;
    x.unary("Sign") * (x.abs() + f64::from(BELOW_HALF)).unary("Floor")
}

/// Checks that all integers but those of a last layer are int8.
fn check_bits(net: &QuantizedMlpRef<'_>) -> Result<()> {
    let last = net.layers().len() - 1;
    let has_large = net.layers().enumerate().any(|(index, layer)| {
        let is_table = matches!(layer.table, Some(QuantizedTable::Int16(_)));
        is_table || index < last && is_wide(&layer)
    });
    if net.input_stage().bits == 8 && !has_large {
        return Ok(());
    }
    let what = "integers of a quantized network as ONNX";
    let expected = "inputs and hidden outputs of 8 bits, those of Quantizer::activation_bits(8)";
    Err(Error::incompatible(what, expected, "16 bits"))
}

/// Returns true if int8 cannot hold the outputs of a layer.
fn is_wide(layer: &QuantizedLayer<'_>) -> bool {
    layer.min < -128 || layer.max > 127
}

/// Returns the sums of a layer as numbers, which have this scale in its integers.
fn sums<'g>(
    x: Expr<'g, f32>,
    layer: &QuantizedLayer<'_>,
    from: &Meaning<'g>,
    scale: f32,
) -> Result<Expr<'g, f32>> {
    let (graph, rows) = (x.graph(), layer.outputs());
    let width = layer.weights.len() / rows;
    let scales = row_scales(layer, f64::from(scale) / f64::from(from.scale));
    let of_biases: Vec<_> = scales.iter().map(|s| above_zero(s * from.scale)).collect();
    check_finite("scales of a layer's sums", &scales)?;
    check_finite("scales of a layer's sums", &of_biases)?;
    // One scale has no dimension.
    let (shape, axis) = match scales.len() {
        1 => (vec![], vec![]),
        count => (vec![count], vec![int("axis", 0)]),
    };
    let weights = graph.int8("weights", &[rows, width], layer.weights);
    let of_weights = graph.tensor("weights.scale", &shape, &scales);
    let zeros = graph.int8("weights.zero_point", &shape, &vec![0; scales.len()]);
    let weights = [weights, of_weights, zeros];
    let weights = graph.node("DequantizeLinear", &weights, axis.clone());
    let bias = graph.int32("bias", &[rows], &biases(layer, from.zero_point));
    let of_biases = graph.tensor("bias.scale", &shape, &of_biases);
    let bias = graph.node("DequantizeLinear", &[bias, of_biases], axis);
    Ok(graph.node("Gemm", &[x, weights, bias], vec![int("transB", 1)]))
}

/// Returns the products of a layer's multipliers with a factor.
fn row_scales(layer: &QuantizedLayer<'_>, factor: f64) -> Vec<f32> {
    let multipliers = layer.multipliers.iter().zip(layer.shifts);
    let scale = |(&multiplier, &shift): (&i32, &i8)| {
        // Shifts are at most 30.
        let unit = (1_u64 << (31 - i32::from(shift))) as f64;
        above_zero((f64::from(multiplier) / unit * factor) as f32)
    };
    multipliers.map(scale).collect()
}

/// Returns the scale, or a small one in place of 0, which scales must not be.
fn above_zero(scale: f32) -> f32 {
    scale.max(f32::MIN_POSITIVE)
}

/// Returns the biases of a layer for inputs from which the zero point is subtracted.
fn biases(layer: &QuantizedLayer<'_>, zero_point: i32) -> Vec<i32> {
    let width = layer.weights.len() / layer.outputs();
    let rows = layer.weights.chunks_exact(width);
    let bias = |(row, &bias): (&[i8], &i32)| {
        let sum: i64 = row.iter().map(|&w| i64::from(w)).sum();
        // A layer's check leaves int32 room for this.
        (i64::from(bias) + i64::from(zero_point) * sum) as i32
    };
    rows.zip(layer.biases).map(bias).collect()
}

/// Limits the outputs of a layer in front of any table, unless their integers end there anyway.
fn limited<'g>(
    y: Expr<'g, f32>,
    layer: &QuantizedLayer<'_>,
    scale: f32,
    ends: [i32; 2],
) -> Expr<'g, f32> {
    let limits = [layer.min, layer.max];
    if limits == ends {
        return y;
    }
    if limits == [layer.zero_point, ends[1]] {
        return y.unary("Relu");
    }
    let number = |q: i32| (f64::from(q) - f64::from(layer.zero_point)) * f64::from(scale);
    y.clip(number(layer.min), number(layer.max))
}

/// Returns the entries of an activation's table for these indices.
fn looked_up<'g>(indices: Expr<'g, f32>, table: &[i8; 256]) -> Expr<'g, f32> {
    let graph = indices.graph();
    let table = graph.int8("table", &[table.len()], table);
    graph.node("Gather", &[table, indices], vec![int("axis", 0)])
}

/// Returns the numbers of a network's outputs, after an activation that is computed in f32.
fn with_activation<'g>(net: &QuantizedMlpRef<'_>, z: Expr<'g, f32>) -> Result<Expr<'g, f32>> {
    match net.output_stage().activation {
        None => Ok(z),
        Some(f) => activations::apply(f, z, net.outputs()),
    }
}

/// Returns the metadata of a network.
fn facts(net: &QuantizedMlpRef<'_>) -> Vec<(&'static str, String)> {
    let outputs = net.layers().map(|layer| layer.outputs());
    let sizes = core::iter::once(net.inputs()).chain(outputs);
    let sizes: Vec<_> = sizes.map(|size| size.to_string()).collect();
    vec![
        ("feedforward_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("layer_sizes", sizes.join(", ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::Rounding;

    fn layer<'a>(multipliers: &'a [i32], shifts: &'a [i8]) -> QuantizedLayer<'a> {
        QuantizedLayer {
            weights: &[1, -2, 3, 127, 127, 127],
            biases: &[-5, i32::MAX - 3 * 127 * 128],
            multipliers,
            shifts,
            rounding: Rounding::Single,
            zero_point: 4,
            min: -128,
            max: 127,
            table: None,
        }
    }

    #[test]
    fn scales_and_biases_are_those_of_the_integers() {
        let both = layer(&[1 << 30, 0], &[1, -31]);
        assert_eq!(row_scales(&both, 0.3), [0.3, f32::MIN_POSITIVE]);
        let one = layer(&[3 << 29], &[30]);
        assert_eq!(row_scales(&one, 1.0), [0.75 * (1 << 30) as f32]);
        assert_eq!(biases(&one, -10), [-25, one.biases[1] - 3_810]);
        // The largest zero point leads to the largest integer, and to no overflow.
        assert_eq!(biases(&one, 127)[1], i32::MAX - 3 * 127);
    }

    /// A file may have them, and its check cannot tell.
    #[test]
    fn scales_and_zero_points_that_no_operator_takes_are_refused() {
        let graph = Graph::default();
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40] {
            let error = checked(scale, f32::MIN_POSITIVE).unwrap_err().to_string();
            assert!(error.contains("scale of a layer's outputs"));
        }
        for zero_point in [-129, 128] {
            let error = Meaning::new(&graph, "outputs", 1.0, zero_point);
            let error = error.err().unwrap().to_string();
            assert!(error.contains("zero point of a layer"), "{error}");
        }
        let layer = layer(&[1 << 30], &[0]);
        assert!(check_equal_zero_points(&layer, 4).is_ok());
        let error = check_equal_zero_points(&layer, 5).unwrap_err().to_string();
        assert!(error.contains("5, that of its outputs"), "{error}");

        let x = graph.input("x", 3);
        let small = Meaning::new(&graph, "outputs", 1e-30, 0).unwrap();
        let error = sums(x, &layer, &small, f32::MAX).err();
        assert!(matches!(error, Some(Error::NotFinite { .. })), "{error:?}");
    }
}
