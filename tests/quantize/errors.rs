//! Calls and parts of networks that must be refused.

use feedforward::activation::{Identity, Maxout, Parametric, Relu, Sigmoid};
use feedforward::loss::SquaredError;
use feedforward::optimizer::AdamW;
use feedforward::quantize::{
    OutputForm, QuantizedInputs, QuantizedLayer, QuantizedMlpRef, QuantizedOutputs, QuantizedTable,
    Quantizer, RangeRule, Rounding,
};
use feedforward::{Error, Mlp, Trainer};

use crate::networks::{network, random};

#[test]
fn invalid_calls_are_errors() {
    let samples = random(6 * 10, 1);
    let net = network("tanh", "sigmoid");
    let quantizer = Quantizer::new();
    let message = |result: Result<_, Error>| {
        result
            .map(|_: feedforward::quantize::QuantizedMlp| ())
            .unwrap_err()
            .to_string()
    };
    let is = |text: String, part: &str| assert!(text.contains(part), "{text}");
    is(
        message(quantizer.quantize(&net, &samples[..7])),
        "calibration inputs",
    );
    is(message(quantizer.quantize(&net, &[])), "calibration inputs");
    is(
        message(quantizer.quantize(&net, &[f32::NAN; 6])),
        "calibration inputs: expected finite",
    );
    is(
        message(quantizer.weight_bits(9).quantize(&net, &samples)),
        "bits of a weight: expected 2 to 8",
    );
    is(
        message(quantizer.activation_bits(12).quantize(&net, &samples)),
        "bits of an activation: expected 8 or 16",
    );
    let rule = RangeRule::Percentile(f64::NAN);
    is(
        message(quantizer.range(rule).quantize(&net, &samples)),
        "percentile",
    );
    let int32 = quantizer.outputs(OutputForm::Int32);
    is(message(int32.quantize(&net, &samples)), "identity");
    let pieces = Mlp::<f32>::builder(6)
        .hidden(4, Maxout::new(2))
        .output(1, Identity);
    is(
        message(quantizer.quantize(&pieces.build().unwrap(), &samples)),
        "function of one number",
    );
    let alpha = Mlp::<f32>::builder(6)
        .hidden(4, Parametric(Relu))
        .output(1, Identity);
    is(
        message(quantizer.quantize(&alpha.build().unwrap(), &samples)),
        "function of one number",
    );
    let mut broken = net.clone();
    broken.params_mut()[3] = f32::INFINITY;
    is(message(quantizer.quantize(&broken, &samples)), "parameters");
    broken.params_mut().fill(1e38);
    assert!(quantizer.quantize(&broken, &samples).is_err());

    let quantized = quantizer.quantize(&net, &samples).unwrap();
    assert!(quantized.predict(&samples[..5]).is_err());
    assert!(quantized.predict(&[f32::INFINITY; 6]).is_err());
    let other = Mlp::<f32>::builder(6).output(3, Sigmoid).build().unwrap();
    is(
        quantized.compare(&other, &samples).unwrap_err().to_string(),
        "network",
    );
    let view = QuantizedMlpRef::from(&quantized);
    let mut scratch = vec![0; view.scratch_len()];
    let error = view
        .predict_int8(&[0_i8; 6], &mut [0; 3], &mut scratch)
        .unwrap_err();
    is(error.to_string(), "predict_int32");
    let error = view
        .predict_int32(&[0_i8; 6], &mut [0; 3], &mut scratch[1..])
        .unwrap_err();
    is(error.to_string(), "scratch");
    let error = view
        .predict_int16(&[0_i8; 6], &mut [0; 3], &mut scratch)
        .unwrap_err();
    is(error.to_string(), "predict_int32");
    let error = view
        .predict_int32(&[0_i16; 6], &mut [0; 3], &mut scratch)
        .unwrap_err();
    is(error.to_string(), "expected i8, got i16");
    let error = view
        .quantize_inputs(&[0.0; 6], &mut [0_i16; 6])
        .unwrap_err();
    is(error.to_string(), "expected i8, got i16");
    assert!(
        view.predict_int32(&[0_i8; 6], &mut [0; 2], &mut scratch)
            .is_err()
    );
    assert!(
        view.predict_int32(&[0_i8; 5], &mut [0; 3], &mut scratch)
            .is_err()
    );
}

/// Returns the parts of a small network.
fn parts() -> (
    QuantizedInputs<'static>,
    QuantizedLayer<'static>,
    QuantizedOutputs<'static>,
) {
    let layer = QuantizedLayer {
        weights: &[1, 2, 3, 4],
        biases: &[0, 0],
        multipliers: &[1 << 30],
        shifts: &[0],
        rounding: Rounding::Double,
        zero_point: 0,
        min: -128,
        max: 127,
        table: None,
    };
    let inputs = QuantizedInputs {
        factors: &[1.0; 2],
        offsets: &[0.0; 2],
        bits: 8,
    };
    let outputs = QuantizedOutputs {
        scale: 1.0,
        zero_point: 0,
        activation: None,
    };
    (inputs, layer, outputs)
}

#[test]
fn sixteen_bits_have_their_own_bound() {
    let (inputs, layer, outputs) = parts();
    let twelve = QuantizedInputs { bits: 12, ..inputs };
    let error = QuantizedMlpRef::new(twelve, &[layer], outputs).unwrap_err();
    assert!(error.to_string().contains("8 or 16"), "{error}");
    // The exact bound of the sums is the limit.
    let wide = QuantizedInputs { bits: 16, ..inputs };
    let biases = [0, i32::MAX - 32768 * (3 + 4)];
    let exact = QuantizedLayer {
        biases: &biases,
        ..layer
    };
    QuantizedMlpRef::new(wide, &[exact], outputs).unwrap();
    let biases = biases.map(|bias| bias + 1);
    let beyond = QuantizedLayer {
        biases: &biases,
        ..layer
    };
    assert!(QuantizedMlpRef::new(wide, &[beyond], outputs).is_err());
}

#[test]
fn parts_that_do_not_fit_are_errors() {
    let (inputs, layer, outputs) = parts();
    let check =
        |layers: &[QuantizedLayer<'_>]| QuantizedMlpRef::new(inputs, layers, outputs).map(|_| ());
    check(&[layer]).unwrap();
    check(&[layer, layer]).unwrap();
    let wide = QuantizedLayer { max: 128, ..layer };
    check(&[layer, wide]).unwrap();
    let bad = [
        QuantizedLayer {
            weights: &[1, 2, 3],
            ..layer
        },
        QuantizedLayer {
            weights: &[],
            biases: &[],
            ..layer
        },
        QuantizedLayer {
            multipliers: &[1 << 30; 3],
            ..layer
        },
        QuantizedLayer {
            multipliers: &[1 << 30; 2],
            ..layer
        },
        QuantizedLayer {
            multipliers: &[5],
            ..layer
        },
        QuantizedLayer {
            multipliers: &[-1],
            ..layer
        },
        QuantizedLayer {
            shifts: &[31],
            ..layer
        },
        QuantizedLayer {
            shifts: &[-32],
            ..layer
        },
        QuantizedLayer {
            min: 5,
            max: 4,
            ..layer
        },
        QuantizedLayer {
            table: Some(QuantizedTable::Int8(&[0; 256])),
            ..wide
        },
        QuantizedLayer {
            biases: &[0, i32::MAX - 1000],
            weights: &[1, 2, 3, 9],
            ..layer
        },
        QuantizedLayer {
            biases: &[0, i32::MIN],
            ..layer
        },
    ];
    for (index, layer) in bad.into_iter().enumerate() {
        assert!(check(&[layer]).is_err(), "{index}");
    }
    check(&[wide, layer]).unwrap();
    let wider = QuantizedLayer {
        max: 32768,
        ..layer
    };
    assert!(check(&[wider, layer]).is_err());
    assert!(check(&[]).is_err());
    // The exact bound of the sums is the limit.
    let largest = i32::MAX - 128 * (3 + 4);
    check(&[QuantizedLayer {
        biases: &[0, largest],
        ..layer
    }])
    .unwrap();
    assert!(
        check(&[QuantizedLayer {
            biases: &[0, largest + 1],
            ..layer
        }])
        .is_err()
    );
}

#[test]
fn weights_are_not_compensated_in_training() {
    let samples = random(6 * 10, 1);
    let net = network("tanh", "sigmoid");
    let trainer = Trainer::new(SquaredError, AdamW::new(0.01));
    let targets = vec![0.0; samples.len() / 2];
    let compensating = Quantizer::new().compensate_weights(true);
    let fitted = compensating.fit(&trainer, &mut net.clone(), &samples, &targets);
    let message = fitted.unwrap_err().to_string();
    assert!(message.contains("compensate_weights"), "{message}");
}

#[test]
fn scalers_that_do_not_fit_change_nothing() {
    let samples = random(6 * 10, 1);
    let net = network("tanh", "sigmoid");
    let mut quantized = Quantizer::new().quantize(&net, &samples).unwrap();
    let before = quantized.predict(&samples).unwrap();
    for (offsets, scales) in [
        (&[0.0; 5][..], &[1.0; 6][..]),
        (&[0.0; 6], &[1.0; 7]),
        (&[f32::NAN; 6], &[1.0; 6]),
        (&[0.0; 6], &[0.0; 6]),
        (&[f32::MAX; 6], &[1e-30; 6]),
    ] {
        assert!(quantized.fold_into_inputs(offsets, scales).is_err());
    }
    assert_eq!(quantized.predict(&samples).unwrap(), before);
}
