//! Models of quantized networks. tests/onnx_quantized.rs has their numbers.

use super::*;
use crate::onnx::Integers;
use crate::quantize::{
    OutputForm, QuantizedInputs, QuantizedLayer, QuantizedMlp, QuantizedMlpRef, QuantizedOutputs,
    Quantizer, Rounding,
};

/// Returns a network with a table, a limit and int8 outputs.
fn quantized(form: OutputForm) -> QuantizedMlp {
    let builder = Mlp::<f32>::builder(3).hidden(5, Tanh).hidden(4, Relu);
    let net = builder.output(2, Identity).seed(3).build().unwrap();
    let samples: Vec<f32> = (0..300).map(|i| (i as f32 * 0.7).sin()).collect();
    let quantizer = Quantizer::new().outputs(form);
    quantizer.quantize(&net, &samples).unwrap()
}

const INPUT_STAGE: [&str; 7] = ["Mul", "Add", "Sign", "Abs", "Add", "Floor", "Mul"];
const DEQUANTIZED_GEMM: [&str; 3] = ["DequantizeLinear", "DequantizeLinear", "Gemm"];

#[test]
fn a_quantized_network_has_pairs_of_quantize_and_dequantize() {
    let net = quantized(OutputForm::Int8);
    let model = read(&net);
    assert_eq!((model.ir_version, model.opset_import.len()), (7, 1));
    assert_eq!(model.opset_import[0].version, 13);
    assert_eq!(model.metadata_props[1].key, "layer_sizes");
    assert_eq!(model.metadata_props[1].value, "3, 5, 4, 2");

    let graph = model.graph;
    assert_eq!(shapes(&graph.input), [is("x", proto::FLOAT, "batch x 3")]);
    assert_eq!(shapes(&graph.output), [is("y", proto::FLOAT, "batch x 2")]);
    let pair = ["QuantizeLinear", "DequantizeLinear"];
    let table = [
        "QuantizeLinear",
        "Cast",
        "Add",
        "Gather",
        "DequantizeLinear",
    ];
    let parts: [&[_]; 8] = [
        &INPUT_STAGE,
        &pair,
        &DEQUANTIZED_GEMM,
        &table,
        &DEQUANTIZED_GEMM,
        &pair, // the lowest integer stands for 0, so it is ReLU too
        &DEQUANTIZED_GEMM,
        &pair,
    ];
    assert_eq!(operators(&graph), parts.concat());
    check_order(&graph);

    let view = QuantizedMlpRef::from(&net);
    for (index, layer) in view.layers().enumerate() {
        let weights = tensor(&graph, &format!("layer{index}.weights"));
        let raw: Vec<_> = layer.weights.iter().map(|&w| w as u8).collect();
        assert_eq!((weights.data_type, &weights.raw_data), (proto::INT8, &raw));
        let rows = layer.outputs() as i64;
        assert_eq!(weights.dims, [rows, layer.weights.len() as i64 / rows]);
        let bias = tensor(&graph, &format!("layer{index}.bias"));
        assert_eq!((bias.data_type, &*bias.dims), (proto::INT32, &[rows][..]));
        let scales = tensor(&graph, &format!("layer{index}.weights.scale"));
        assert_eq!(scales.dims, [rows]);
    }
    // One unit of the second layer's accumulators is a product of scales, by either way.
    let number = |name: &str, at: usize| {
        let bytes = &tensor(&graph, name).raw_data[4 * at..][..4];
        f64::from(f32::from_le_bytes(bytes.try_into().unwrap()))
    };
    let layer = view.layers().nth(1).unwrap();
    let multiplier = f64::from(layer.multipliers[2]) * 2f64.powi(i32::from(layer.shifts[2]) - 31);
    let expected = multiplier * number("layer1.outputs.scale", 0);
    let got = number("layer0.outputs.scale", 0) * number("layer1.weights.scale", 2);
    assert!((got / expected - 1.0).abs() < 1e-6, "{got} {expected}");
    // The bytes are about as many as those of the network, and names.
    let bytes = export(&net).unwrap();
    assert!(bytes.len() < net.bytes() + 6000, "{}", bytes.len());
}

#[test]
fn wide_outputs_are_numbers() {
    let graph = graph(&quantized(OutputForm::Int32));
    assert_eq!(operators(&graph).last(), Some(&"Gemm"));
    check_order(&graph);

    let samples: Vec<f32> = (0..300).map(|i| (i as f32 * 0.7).sin()).collect();
    let last = |f: &str| {
        let f = activation::parse::<f32>(f).unwrap();
        let net = Mlp::<f32>::builder(3).output(2, f).seed(3).build().unwrap();
        let net = Quantizer::new().quantize(&net, &samples).unwrap();
        let graph = super::graph(&net);
        check_order(&graph);
        assert_eq!(graph.output[0].name, "y");
        graph.node.last().unwrap().op_type.clone()
    };
    assert_eq!(last("relu"), "Relu");
    assert_eq!(last("hard_tanh"), "Clip");
    assert_eq!(last("tanh"), "Tanh");
}

#[test]
fn integers_need_no_scale_but_the_last() {
    let net = quantized(OutputForm::Int8);
    let graph = graph(&Integers(QuantizedMlpRef::from(&net)));
    assert_eq!(shapes(&graph.input), [is("x", proto::FLOAT, "batch x 3")]);
    assert_eq!(shapes(&graph.output), [is("y", proto::FLOAT, "batch x 2")]);
    check_order(&graph);
    let floats = graph.initializer.iter();
    let floats = floats.filter(|tensor| tensor.data_type == proto::FLOAT);
    let names: Vec<_> = floats.map(|tensor| &*tensor.name).collect();
    let input = ["inputs.factors", "inputs.offsets", "0.49999997"];
    let limits = ["-128.0", "127.0", "outputs.scale"];
    assert_eq!(names, [input, limits].concat());
    let used: BTreeSet<_> = graph.node.iter().flat_map(|node| &node.input).collect();
    assert!(graph.initializer.iter().all(|t| used.contains(&t.name)));
}

#[test]
fn sums_have_a_type_that_holds_them() {
    for (inputs, expected) in [(1_024, proto::FLOAT), (1_025, proto::DOUBLE)] {
        let weights = vec![-128; inputs];
        let layers = [QuantizedLayer {
            weights: &weights,
            biases: &[1 << 30],
            multipliers: &[1 << 30],
            shifts: &[0],
            rounding: Rounding::Double,
            zero_point: 0,
            min: -128,
            max: 127,
            table: None,
        }];
        let (factors, offsets) = (vec![1.0; inputs], vec![0.0; inputs]);
        let stage = QuantizedInputs {
            factors: &factors,
            offsets: &offsets,
            bits: 8,
        };
        let outputs = QuantizedOutputs {
            scale: 1.0,
            zero_point: 0,
            activation: None,
        };
        let net = QuantizedMlpRef::new(stage, &layers, outputs).unwrap();
        let graph = graph(&Integers(net));
        let cast = graph.node.iter().find(|node| node.op_type == "Cast");
        let to = &cast.unwrap().attribute[0].value;
        // 1,024 products of 128 by 128 are 2^24, which f32 still holds.
        assert_eq!(to, &Value::Int(expected.into()), "{inputs}");
    }
}

#[test]
fn an_encoding_precedes_the_integers() {
    let builder = Mlp::<f32>::builder(2).encoding(Positional::new(2, 3).unwrap());
    let net = builder.output(1, Identity).seed(1).build().unwrap();
    let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
    let graph = graph(&Quantizer::new().quantize(&net, &samples).unwrap());
    assert_eq!(shapes(&graph.input), [is("x", proto::FLOAT, "batch x 2")]);
    check_order(&graph);
    let at = |operator| graph.node.iter().position(|node| node.op_type == operator);
    assert!(at("Sin").is_some() && at("Sin") < at("Floor"));
}

#[test]
fn sixteen_bits_are_refused() {
    let net = Mlp::<f32>::builder(2).hidden(3, Tanh).output(1, Identity);
    let net = net.seed(1).build().unwrap();
    let samples: Vec<f32> = (0..200).map(|i| (i as f32 * 0.7).sin()).collect();
    let quantizer = Quantizer::new().activation_bits(16);
    let quantized = quantizer.quantize(&net, &samples).unwrap();
    let integers = Integers(QuantizedMlpRef::from(&quantized));
    for refused in [
        crate::onnx::export(&quantized),
        crate::onnx::export(&integers),
    ] {
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("16 bits"), "{message}");
    }
}
