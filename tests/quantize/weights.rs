//! Networks with weights in int8: accuracy, and errors.

use std::sync::Arc;

use feedforward::activation::{self, Activation, Identity, Parametric, Relu, Tanh};
use feedforward::encoding::{self, Concat, Grid, GridSettings};
use feedforward::loss::{SoftmaxCrossEntropy, SquaredError};
use feedforward::metrics::{Accuracy, root_mean_squared_error};
use feedforward::optimizer::AdamW;
use feedforward::quantize::{Quantizer, RangeRule, WeightQuantizedMlp, WeightQuantizedMlpRef};
use feedforward::{Encoding, Float, LayerSpec, Mlp, Scaler, Trainer};

use crate::anomaly::{floats, original};
use crate::networks::{data, network, random};

/// Every built-in activation, and parametric ones.
fn activations<T: Float>() -> Vec<Arc<dyn Activation<T>>> {
    let mut all = activation::all::<T>();
    let single = all.iter().filter(|f| f.pieces() == 1);
    let parametric = single.map(|f| Arc::new(Parametric(Arc::clone(f))) as Arc<dyn Activation<T>>);
    let mut parametric: Vec<_> = parametric.collect();
    all.append(&mut parametric);
    all
}

/// Builds a network of 6-11-7-3 with this activation in its hidden layers.
fn with_activation<T: Float>(index: usize, has_encoding: bool) -> Mlp<T> {
    let f = &activations::<T>()[index];
    let mut builder = Mlp::<T>::builder(6);
    if has_encoding {
        let settings = GridSettings {
            levels: 2,
            finest: 20,
            max_entries: 64,
            initial: 1.0,
            ..GridSettings::new(3)
        };
        let parts: Vec<Arc<dyn Encoding<T>>> = Vec::from([
            Arc::new(Grid::new(settings).unwrap()) as _,
            Arc::new(encoding::Identity::new(3).unwrap()) as _,
        ]);
        builder = builder.encoding(Concat::new(parts).unwrap());
    }
    let builder = builder.hidden(11, Arc::clone(f)).hidden(7, Arc::clone(f));
    builder.output(3, Identity).seed(9).build().unwrap()
}

/// The network in f64 whose weights are exactly the integers times the scales.
fn exact(net: &WeightQuantizedMlp, mut like: Mlp<f64>) -> Mlp<f64> {
    let view = WeightQuantizedMlpRef::from(net);
    let mut weights = view.weights().iter();
    let mut numbers = view.params().iter().map(|&x| f64::from(x));
    let mut params = Vec::new();
    for at in like.layout().layers() {
        let scales: Vec<f64> = numbers.by_ref().take(at.rows()).collect();
        for scale in scales {
            let row = weights.by_ref().take(at.inputs);
            params.extend(row.map(|&q| f64::from(q) * scale));
        }
        params.extend(numbers.by_ref().take(at.rows() + at.alpha.len()));
    }
    params.extend(numbers);
    assert!(weights.next().is_none());
    like.set_params(&params).unwrap();
    like
}

#[test]
fn outputs_are_those_of_the_weights_in_f64() {
    let inputs: Vec<f32> = random(6 * 50, 1).iter().map(|x| 0.25 * x + 0.5).collect();
    let wide: Vec<f64> = inputs.iter().map(|&x| x.into()).collect();
    for index in 0..activations::<f32>().len() {
        for has_encoding in [false, true] {
            for bits in [2, 5, 8] {
                let mut net = with_activation::<f32>(index, has_encoding);
                for at in net.layout().clone().layers() {
                    let numbers = random(at.alpha.len(), 3);
                    net.params_mut()[at.alpha.clone()].copy_from_slice(&numbers);
                }
                let quantizer = Quantizer::new().weight_bits(bits);
                let quantized = quantizer.quantize_weights(&net).unwrap();
                let exact = exact(&quantized, with_activation(index, has_encoding));
                let largest = (1 << (bits - 1)) - 1;
                let view = WeightQuantizedMlpRef::from(&quantized);
                assert!(
                    view.weights()
                        .iter()
                        .all(|&q| i32::from(q).abs() <= largest)
                );
                let expected = exact.predict(&wide).unwrap();
                let got = quantized.predict(&inputs).unwrap();
                let size = expected.iter().fold(1.0, |a: f64, b| a.max(b.abs()));
                let name = net.layer(0).unwrap().activation().name().into_owned();
                for (a, b) in expected.iter().zip(&got) {
                    let error = (a - f64::from(*b)).abs() / size;
                    assert!(error < 2e-6, "{name} {has_encoding} {bits}: {a} {b}");
                }
                let float = quantized.dequantize().unwrap();
                assert!(float.is_shaped_like(&net), "{name}");
                // The last bits of a sum decide about a step.
                if name.contains("heaviside") {
                    continue;
                }
                for (a, b) in float.predict(&inputs).unwrap().iter().zip(&got) {
                    assert!(f64::from((a - b).abs()) / size < 2e-6, "{name}: {a} {b}");
                }
            }
        }
    }
}

#[test]
fn integers_are_the_nearest_ones() {
    let net = network("tanh", "identity");
    for rule in [RangeRule::MinMax, RangeRule::default()] {
        let quantizer = Quantizer::new().range(rule);
        let quantized = quantizer.quantize_weights(&net).unwrap();
        let view = WeightQuantizedMlpRef::from(&quantized);
        let (mut integers, mut params) = (view.weights().iter(), view.params());
        for layer in net.layers() {
            let (scales, rest) = params.split_at(layer.outputs());
            let (biases, rest) = rest.split_at(layer.outputs());
            params = rest;
            assert_eq!(biases, layer.bias());
            for (row, &scale) in layer.weights().chunks_exact(layer.inputs()).zip(scales) {
                let largest = row.iter().fold(0.0, |a: f32, w| a.max(w.abs()));
                let (least, most) = match rule {
                    RangeRule::MinMax => (0.999, 1.001),
                    _ => (0.499, 1.001),
                };
                assert!(
                    (least..most).contains(&(127.0 * scale / largest)),
                    "{rule:?}"
                );
                for (&w, &q) in row.iter().zip(integers.by_ref()) {
                    let nearest = (f64::from(w) / f64::from(scale)).round();
                    assert_eq!(f64::from(q), nearest.clamp(-127.0, 127.0));
                }
            }
        }
    }
}

#[test]
fn classes_of_digits_stay() {
    let [(inputs, labels), (test, test_labels)] = data("digits.csv");
    let one_hot = |labels: &[f32]| {
        let mut targets = vec![0.0; labels.len() * 10];
        for (row, label) in targets.chunks_exact_mut(10).zip(labels) {
            row[*label as usize] = 1.0;
        }
        targets
    };
    let builder = Mlp::<f32>::builder(64).hidden(64, Relu);
    let mut net = builder.output(10, Identity).seed(1).build().unwrap();
    let trainer = Trainer::new(SoftmaxCrossEntropy, AdamW::new(3e-3)).epochs(30);
    trainer.fit(&mut net, &inputs, &one_hot(&labels)).unwrap();
    let targets = one_hot(&test_labels);
    // A test sample is 0.0022.
    for (bits, most) in [(8, 0.0023), (6, 0.0045), (4, 0.03)] {
        let quantizer = Quantizer::new().weight_bits(bits);
        let quantized = quantizer.quantize_weights(&net).unwrap();
        let report = quantized.compare_with(&net, &test, &targets, &Accuracy);
        let report = report.unwrap();
        println!("{bits} bits\n{report}");
        let (_, [before, after]) = report.score.clone().unwrap();
        assert!(before > 0.95 && after > before - most, "{report}");
        assert!(report.bytes[1] as f64 <= 0.28 * report.bytes[0] as f64);
        assert!(report.inputs.signal_to_noise == f64::INFINITY);
        assert!(report.layers.iter().all(|layer| layer.saturated == 0.0));
    }
}

#[test]
fn errors_of_a_regression_stay() {
    let [(inputs, targets), (test, test_targets)] = data("diabetes.csv");
    let x = Scaler::standard(&inputs, 10).unwrap();
    let y = Scaler::standard(&targets, 1).unwrap();
    let builder = Mlp::<f32>::builder(10).hidden(32, Tanh);
    let mut net = builder.output(1, Identity).seed(1).build().unwrap();
    let trainer = Trainer::new(SquaredError, AdamW::new(1e-3)).epochs(60);
    let (scaled, scaled_targets) = (
        x.transform(&inputs).unwrap(),
        y.transform(&targets).unwrap(),
    );
    trainer.fit(&mut net, &scaled, &scaled_targets).unwrap();
    // Columns of very different weights share a scale, so the scaling of inputs stays outside.
    y.fold_into_outputs(&mut net).unwrap();
    let test = x.transform(&test).unwrap();
    let quantized = Quantizer::new().quantize_weights(&net).unwrap();
    println!("{}", quantized.compare(&net, &test).unwrap());
    let error = |y: Vec<f32>| root_mean_squared_error(&y, &test_targets, 1).unwrap();
    let before = error(net.predict(&test).unwrap());
    let after = error(quantized.predict(&test).unwrap());
    println!("{before} {after}");
    assert!(before < 60.0 && (after / before - 1.0).abs() < 0.01);
    // Weights for inputs in their own units need corrected biases.
    x.fold_into_inputs(&mut net).unwrap();
    let raw = data("diabetes.csv")[1].0.clone();
    let mut folded = Quantizer::new().quantize_weights(&net).unwrap();
    let before_correction = error(folded.predict(&raw).unwrap());
    folded.correct_biases(&net, &inputs).unwrap();
    let after = error(folded.predict(&raw).unwrap());
    println!("with folded inputs {before_correction}, corrected {after}");
    assert!((after / before - 1.0).abs() < 0.02, "{before} {after}");
}

#[test]
fn the_anomaly_network_is_near() {
    let net = original();
    let frames = floats("frames.bin");
    let windows = frames.windows(640).step_by(128).flatten().copied();
    let calibration: Vec<f32> = windows.collect();
    let inputs: Vec<f32> = (0..5)
        .flat_map(|i| floats(&format!("input_{i}.bin")))
        .collect();
    let error = |rule, corrects| {
        let quantizer = Quantizer::new().range(rule);
        let mut quantized = quantizer.quantize_weights(&net).unwrap();
        if corrects {
            quantized.correct_biases(&net, &calibration).unwrap();
        }
        let report = quantized.compare(&net, &inputs).unwrap();
        let error = report.root_mean_squared_error.powi(2);
        println!("{error:.5} {rule:?} {corrects}\n{report}");
        assert!(quantized.bytes() < 280_000, "{}", quantized.bytes());
        error
    };
    // TFLite's file in int8 has 0.44 on average.
    assert!(error(RangeRule::MeanSquaredError, false) < 0.04);
    assert!(error(RangeRule::MinMax, false) < 0.04);
    assert!(error(RangeRule::MeanSquaredError, true) < 0.02);
    assert!(error(RangeRule::MinMax, true) < 0.02);
}

#[test]
fn corrected_biases_keep_the_means() {
    let samples = random(6 * 300, 4);
    let samples: Vec<f32> = samples.iter().map(|x| 0.25 * x + 0.5).collect();
    for index in 0..activations::<f32>().len() {
        let net = with_activation::<f32>(index, index % 2 == 0);
        let quantizer = Quantizer::new().weight_bits(4);
        let mut quantized = quantizer.quantize_weights(&net).unwrap();
        quantized.correct_biases(&net, &samples).unwrap();
        let mean = |y: Vec<f32>, output| {
            let values = y.iter().skip(output).step_by(3);
            values.map(|&y| f64::from(y)).sum::<f64>() / 300.0
        };
        for output in 0..3 {
            let expected = mean(net.predict(&samples).unwrap(), output);
            let got = mean(quantized.predict(&samples).unwrap(), output);
            let error = (expected - got).abs() / expected.abs().max(1.0);
            assert!(error < 1e-5, "{:?}: {expected} {got}", net.layer(0));
        }
    }
    let (net, other) = (network("relu", "identity"), network("glu", "identity"));
    let mut quantized = Quantizer::new().quantize_weights(&net).unwrap();
    let before = quantized.to_rust("NET").unwrap();
    assert!(quantized.correct_biases(&other, &samples).is_err());
    assert!(quantized.correct_biases(&net, &samples[..5]).is_err());
    assert!(quantized.correct_biases(&net, &[f32::NAN; 6]).is_err());
    assert!(quantized.correct_biases(&net, &[f32::MAX; 6]).is_err());
    assert_eq!(quantized.to_rust("NET").unwrap(), before);
}

#[test]
fn extreme_weights_are_near() {
    let layer = |weights: &[f32]| {
        let layer = feedforward::Layer::new(weights, [0.0; 1], Identity).unwrap();
        Mlp::from_layers(&[layer]).unwrap()
    };
    let (max, tiny) = (f32::MAX, f32::MIN_POSITIVE);
    for weights in [
        [0.0, 0.0],
        [max, -max],
        [max, 1.0],
        [tiny, -tiny],
        [1e-45, 0.0],
        [100.0 * tiny, 3.0 * tiny],
    ] {
        for bits in [2, 8] {
            let quantizer = Quantizer::new().weight_bits(bits);
            let net = quantizer.quantize_weights(&layer(&weights)).unwrap();
            let float = net.dequantize().unwrap();
            let largest = weights[0].abs().max(tiny);
            for (w, got) in weights.iter().zip(float.params()) {
                let error = f64::from(*w) - f64::from(*got);
                assert!(
                    error.abs() <= 0.75 * f64::from(largest),
                    "{weights:?} {got}"
                );
            }
            // A sum may overflow, but it is never NaN.
            if let Ok(y) = net.predict(&[0.25, 0.125]) {
                assert!(y[0].is_finite());
            }
        }
    }
}

#[test]
fn invalid_calls_are_errors() {
    let net = network("tanh", "sigmoid");
    let message = |error: feedforward::Error| error.to_string();
    for bits in [0, 1, 9, u32::MAX] {
        let quantizer = Quantizer::new().weight_bits(bits);
        let error = message(quantizer.quantize_weights(&net).unwrap_err());
        assert!(
            error.contains("bits of a weight: expected 2 to 8"),
            "{error}"
        );
    }
    let rule = RangeRule::Percentile(f64::NAN);
    let quantizer = Quantizer::new().range(rule);
    assert!(quantizer.quantize_weights(&net).is_err());
    let mut broken = net.clone();
    broken.params_mut()[3] = f32::NAN;
    let error = message(Quantizer::new().quantize_weights(&broken).unwrap_err());
    assert!(error.contains("parameters"), "{error}");

    let quantized = Quantizer::new().quantize_weights(&net).unwrap();
    assert!(quantized.predict(&[0.5; 5]).is_err());
    assert!(quantized.predict(&[]).is_err());
    assert!(quantized.predict(&[f32::NAN; 6]).is_err());
    let other = network("tanh", "identity");
    assert!(quantized.compare(&other, &[0.5; 7]).is_err());
    let other = Mlp::<f32>::builder(6).output(3, Tanh).build().unwrap();
    let error = message(quantized.compare(&other, &[0.5; 6]).unwrap_err());
    assert!(error.contains("network"), "{error}");
    let score = quantized.compare_with(&net, &[0.5; 6], &[0.0; 2], &Accuracy);
    assert!(message(score.unwrap_err()).contains("targets"));
    let view = WeightQuantizedMlpRef::from(&quantized);
    let mut scratch = vec![0.0; view.scratch_len()];
    let mut outputs = [0.0; 3];
    let short = view.predict_into(&[0.5; 6], &mut outputs[..2], &mut scratch);
    assert!(message(short.unwrap_err()).contains("outputs"));
    let short = view.predict_into(&[0.5; 6], &mut outputs, &mut scratch[1..]);
    assert!(message(short.unwrap_err()).contains("scratch"));
}

#[test]
fn an_overflow_names_its_layer() {
    let mut net = network("identity", "identity");
    net.layer_mut(0).unwrap().weights_mut().fill(1.0);
    net.layer_mut(1).unwrap().weights_mut().fill(f32::MAX);
    let quantized = Quantizer::new().quantize_weights(&net).unwrap();
    let error = quantized.predict(&[1.0; 6]).unwrap_err();
    assert!(
        matches!(error, feedforward::Error::Overflow { layer: 1, .. }),
        "{error}"
    );
}

#[test]
fn parts_that_do_not_fit_are_errors() {
    let layers = [LayerSpec::new(2, &Relu), LayerSpec::new(1, &Identity)];
    let (weights, params) = ([1_i8; 6], [0.5_f32; 6]);
    let new = WeightQuantizedMlpRef::new;
    let net = new(2, &layers, &weights, &params).unwrap();
    assert_eq!((net.inputs(), net.outputs(), net.bytes()), (2, 1, 30));
    assert!(new(2, &layers, &weights[1..], &params).is_err());
    assert!(new(2, &layers, &[0; 7], &params).is_err());
    assert!(new(2, &layers, &weights, &params[1..]).is_err());
    assert!(new(2, &layers, &weights, &[0.5; 7]).is_err());
    assert!(new(2, &layers, &weights, &[f32::INFINITY; 6]).is_err());
    assert!(new(0, &layers, &[0; 2], &params).is_err());
    assert!(new(2, &[], &[], &[]).is_err());
    assert!(new(usize::MAX, &layers, &weights, &params).is_err());
    let none = [LayerSpec::new(0, &Relu)];
    assert!(new(2, &none, &[], &[]).is_err());
    let pieces = [LayerSpec::with_pieces(1, 2, &Relu)];
    assert!(new(1, &pieces, &[1, 1], &[0.5; 4]).is_err());
}
