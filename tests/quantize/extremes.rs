//! Outliers, constant inputs, wide layers, and functions with a limited domain.

use std::borrow::Cow;

use feedforward::activation::{Identity, Maxout, Relu, SwiGlu};
use feedforward::quantize::{
    OutputForm, QuantizedInputs, QuantizedLayer, QuantizedMlpRef, QuantizedOutputs, Quantizer,
    RangeRule, Rounding,
};
use feedforward::{Activation, Layer, Mlp};

use crate::networks::random;

/// y = w · x + b.
fn line(w: f32, b: f32) -> Mlp<f32> {
    Mlp::from_layers(&[Layer::new([w], [b], Identity).unwrap()]).unwrap()
}

/// Numbers from -1 to 1, with one outlier.
fn with(outlier: f32) -> Vec<f32> {
    let mut x: Vec<f32> = (0..1000).map(|i| i as f32 / 499.5 - 1.0).collect();
    x[500] = outlier;
    x
}

#[test]
fn outliers_outside_a_percentile_change_nothing() {
    for bits in [8, 16] {
        for compensates in [false, true] {
            for outlier in [100.0, 1e4, 1e6] {
                let quantizer = Quantizer::new()
                    .range(RangeRule::Percentile(0.99))
                    .activation_bits(bits)
                    .compensate_weights(compensates);
                let quantized = quantizer.quantize(&line(1.0, 0.0), &with(outlier)).unwrap();
                let got = quantized.predict(&[-0.5, 0.0, 0.5]).unwrap();
                for (got, expected) in got.iter().zip([-0.5, 0.0, 0.5]) {
                    assert!((got - expected).abs() < 0.01, "{bits} {outlier} {got}");
                }
            }
        }
    }
}

#[test]
fn an_outlier_does_not_make_other_outputs_coarse() {
    let hidden = Layer::new([1.0, 1e4], [0.0], Relu).unwrap();
    let net = Mlp::from_layers(&[hidden, Layer::new([1.0], [0.0], Identity).unwrap()]).unwrap();
    let mut samples: Vec<f32> = with(0.3).iter().flat_map(|&x| [x, 1e-5 * x]).collect();
    (samples[2], samples[3]) = (-1.0, 1.0);
    let quantizer = Quantizer::new().range(RangeRule::Percentile(0.99));
    let quantizer = quantizer.activation_bits(16).correct_biases(false);
    let quantized = quantizer.quantize(&net, &samples).unwrap();
    for x in [0.05, 0.1, 0.2, 0.5] {
        let got = quantized.predict(&[x, 0.0]).unwrap()[0];
        assert!((got - x).abs() < 0.01, "{x} {got}");
    }
}

#[test]
fn constant_inputs_keep_their_size() {
    let layer = Layer::new([1.0, 1.0], [0.0], Identity).unwrap();
    let net = Mlp::from_layers(&[layer]).unwrap();
    for sample in [[0.001, 0.002], [0.1, 0.2], [1e6, 2e6]] {
        for bits in [8, 16] {
            for corrects in [false, true] {
                let quantizer = Quantizer::new().activation_bits(bits);
                let quantizer = quantizer.correct_biases(corrects);
                let quantized = quantizer.quantize(&net, &sample).unwrap();
                let (got, expected) =
                    (quantized.predict(&sample).unwrap()[0], net.predict(&sample));
                let expected = expected.unwrap()[0];
                let error = (got - expected).abs() / expected;
                assert!(error < 0.01, "{sample:?} {bits} {corrects}: {got}");
            }
        }
    }
}

#[test]
fn wide_layers_of_16_bits_are_not_coarser_than_8_bits() {
    let width = 3000;
    let net = Mlp::<f32>::builder(width)
        .output(1, Identity)
        .seed(1)
        .build();
    let mut net = net.unwrap();
    let weights = random(width, 5);
    net.params_mut()[..width].copy_from_slice(&weights);
    let samples = random(width * 8, 6);
    let noise = |bits| {
        let quantized = Quantizer::new()
            .activation_bits(bits)
            .quantize(&net, &samples);
        let report = quantized.unwrap().compare(&net, &samples).unwrap();
        report.layers[0].signal_to_noise
    };
    assert!(noise(16) > 40.0, "{} {}", noise(8), noise(16));
}

/// A function that is not defined beyond 1.
#[derive(Debug)]
struct ArcCosine;

impl Activation<f32> for ArcCosine {
    fn value(&self, x: f32) -> f32 {
        x.acos()
    }
    fn derivative(&self, x: f32, _: f32) -> f32 {
        -1.0 / (1.0 - x * x).sqrt()
    }
    fn name(&self) -> Cow<'static, str> {
        "arc_cosine".into()
    }
}

#[test]
fn tables_end_where_a_function_does() {
    let layer = Layer::new([1.0], [0.0], ArcCosine).unwrap();
    let net = Mlp::from_layers(&[layer]).unwrap();
    for (bits, form) in [(8, OutputForm::Int8), (16, OutputForm::Int16)] {
        let quantizer = Quantizer::new().range(RangeRule::MinMax);
        let quantizer = quantizer.activation_bits(bits).outputs(form);
        let quantized = quantizer.quantize(&net, &with(0.001)).unwrap();
        for x in [-0.98_f32, -0.9, 0.0, 0.9, 0.98] {
            let got = quantized.predict(&[x]).unwrap()[0];
            assert!(
                (got - x.acos()).abs() < 0.06,
                "{bits} {x}: {got} {}",
                x.acos()
            );
        }
    }
}

#[test]
fn shapes_with_pieces_are_compared() {
    let pieces = Mlp::<f32>::builder(2)
        .hidden(4, Maxout::new(2))
        .output(1, Identity);
    let plain = Mlp::<f32>::builder(2).hidden(8, Relu).output(1, Identity);
    let (pieces, plain) = (pieces.build().unwrap(), plain.build().unwrap());
    let samples = random(20, 1);
    for (a, b) in [(&pieces, &plain), (&plain, &pieces)] {
        let mut quantized = Quantizer::new().quantize_weights(a).unwrap();
        assert!(quantized.compare(b, &samples).is_err());
        assert!(quantized.correct_biases(b, &samples).is_err());
    }
}

#[test]
fn an_activation_of_pieces_is_refused() {
    let layers = [QuantizedLayer {
        weights: &[1, 0, 0, 1],
        biases: &[0, 0],
        multipliers: &[1 << 30],
        shifts: &[1],
        rounding: Rounding::Double,
        zero_point: 0,
        min: i32::MIN,
        max: i32::MAX,
        table: None,
    }];
    let inputs = QuantizedInputs {
        factors: &[1.0; 2],
        offsets: &[0.0; 2],
        bits: 8,
    };
    let outputs = QuantizedOutputs {
        scale: 1.0,
        zero_point: 0,
        activation: Some(&SwiGlu),
    };
    let message = QuantizedMlpRef::new(inputs, &layers, outputs).unwrap_err();
    assert!(message.to_string().contains("swiglu"), "{message}");
    let constant = QuantizedMlpRef::constant(inputs, &layers, outputs);
    let predicted = constant.predict_into(&[3.0, 5.0], &mut [0.0; 2], &mut [0; 2]);
    assert!(predicted.is_err());
}
