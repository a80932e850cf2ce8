//! The network for anomaly detection of MLPerf Tiny.

use std::path::PathBuf;

use feedforward::activation::{Identity, Relu};
use feedforward::quantize::{
    Multiplier, OutputForm, QuantizedInputs, QuantizedLayer, QuantizedMlpRef, QuantizedOutputs,
    Quantizer, RangeRule, Rounding,
};
use feedforward::{Layer, Mlp};

use crate::tflite;

fn file(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tflite");
    std::fs::read(folder.join(name)).unwrap()
}

pub fn floats(name: &str) -> Vec<f32> {
    tflite::numbers(&file(name), f32::from_le_bytes)
}

/// A layer of a file, in the form of this crate.
struct Parts {
    weights: Vec<i8>,
    biases: Vec<i32>,
    multiplier: Multiplier,
    zero_point: i32,
    min: i32,
}

impl Parts {
    fn new(layer: &tflite::Layer<'_>) -> Self {
        let weights: Vec<_> = layer.weights.bytes.iter().map(|&w| w as i8).collect();
        let biases = tflite::numbers(layer.biases.bytes, i32::from_le_bytes);
        let width = weights.len() / biases.len();
        let input_zero = layer.input.zero_points[0] as i32;
        let rows = weights.chunks_exact(width).zip(&biases);
        let biases = rows.map(|(row, bias)| {
            let sum: i32 = row.iter().map(|&w| i32::from(w)).sum();
            bias - input_zero * sum
        });
        // With one scale for a tensor, TFLite multiplies in f32.
        let product = layer.input.scales[0] * layer.weights.scales[0];
        let factor = f64::from(product) / f64::from(layer.output.scales[0]);
        let zero_point = layer.output.zero_points[0] as i32;
        Self {
            biases: biases.collect(),
            weights,
            multiplier: Multiplier::new(factor).unwrap(),
            zero_point,
            min: if layer.has_relu { zero_point } else { -128 },
        }
    }
}

#[test]
fn tflites_file_gives_tflites_outputs() {
    let bytes = file("ad01_int8.tflite");
    let layers = tflite::layers(&bytes);
    assert_eq!(layers.len(), 10);
    let parts: Vec<_> = layers.iter().map(Parts::new).collect();
    let stages: Vec<_> = parts
        .iter()
        .map(|part| ([part.multiplier.multiplier], [part.multiplier.shift]))
        .collect();
    let specs = parts
        .iter()
        .zip(&stages)
        .map(|(part, stage)| QuantizedLayer {
            weights: &part.weights,
            biases: &part.biases,
            multipliers: &stage.0,
            shifts: &stage.1,
            // The outputs are those of LiteRT on a PC.
            rounding: Rounding::Single,
            zero_point: part.zero_point,
            min: part.min,
            max: 127,
            table: None,
        });
    let specs: Vec<_> = specs.collect();
    let (first, last) = (&layers[0].input, &layers[9].output);
    let (scale, zero) = (first.scales[0], first.zero_points[0] as f32);
    let inputs = QuantizedInputs {
        factors: &vec![1.0 / scale; 640],
        offsets: &vec![zero; 640],
        bits: 8,
    };
    let outputs = QuantizedOutputs {
        scale: last.scales[0],
        zero_point: last.zero_points[0] as i32,
        activation: None,
    };
    let net = QuantizedMlpRef::new(inputs, &specs, outputs).unwrap();
    let mut scratch = vec![0; net.scratch_len()];
    assert_eq!(scratch.len(), 640 + 128);
    for sample in 0..5 {
        let x = floats(&format!("input_{sample}.bin"));
        let expected = floats(&format!("output_{sample}.bin"));
        let quantized = x
            .iter()
            .map(|x| (x / scale + zero).round().clamp(-128.0, 127.0) as i8);
        let quantized: Vec<_> = quantized.collect();
        let mut integers = [0; 640];
        net.predict_int8(&quantized, &mut integers, &mut scratch)
            .unwrap();
        let numbers = integers.map(|q| (f32::from(q) - outputs.zero_point as f32) * outputs.scale);
        assert_eq!(numbers.to_vec(), expected, "sample {sample}");
    }
}

pub fn original() -> Mlp<f32> {
    let bytes = file("ad01_fp32.tflite");
    let layers = tflite::layers(&bytes).into_iter().map(|layer| {
        let weights = tflite::numbers(layer.weights.bytes, f32::from_le_bytes);
        let biases = tflite::numbers(layer.biases.bytes, f32::from_le_bytes);
        if layer.has_relu {
            Layer::new(weights, biases, Relu)
        } else {
            Layer::new(weights, biases, Identity)
        }
    });
    Mlp::from_layers(&layers.collect::<Result<Vec<_>, _>>().unwrap()).unwrap()
}

/// Returns calibration samples and the inputs of the test.
pub fn samples() -> [Vec<f32>; 2] {
    let frames = floats("frames.bin");
    let windows = frames.windows(640).step_by(128).flatten().copied();
    let mut calibration: Vec<f32> = windows.collect();
    assert_eq!(calibration.len(), 196 * 640);
    let inputs: Vec<f32> = (0..5)
        .flat_map(|i| floats(&format!("input_{i}.bin")))
        .collect();
    calibration.extend(&inputs);
    [calibration, inputs]
}

#[test]
fn our_int8_loses_less_than_tflites() {
    let net = original();
    let [calibration, inputs] = samples();
    let expected = net.predict(&inputs).unwrap();
    let error = |quantizer: Quantizer| {
        let net = quantizer.quantize(&net, &calibration).unwrap();
        let got = net.predict(&inputs).unwrap();
        let squares = got
            .iter()
            .zip(&expected)
            .map(|(a, b)| f64::from((a - b) * (a - b)));
        let error = squares.sum::<f64>() / expected.len() as f64;
        println!("{error:.4} {quantizer:?}");
        error
    };
    // TFLite's file has 0.44 on average.
    let default = error(Quantizer::new());
    assert!(default <= 0.025);
    assert!(error(Quantizer::new().range(RangeRule::MinMax)) <= 0.02);
    assert!(error(Quantizer::new().range(RangeRule::Percentile(0.9999))) <= 0.025);
    assert!(error(Quantizer::new().common_input_scale(true)) <= 0.03);
    // With 16-bit activations, only weights and limits of the samples cost something.
    let wide = Quantizer::new().activation_bits(16);
    assert!(error(wide) <= default);
    assert!(error(wide.compensate_weights(true)) <= 0.1 * default);
    // The worth of each part of the default.
    assert!(error(Quantizer::new().correct_biases(false)) > 1.5 * default);
    assert!(error(Quantizer::new().outputs(OutputForm::Int8)) > 1.2 * default);
    assert!(error(Quantizer::new().weight_bits(4)) > 10.0 * default);
}
