//! Networks with 16-bit activations.

use feedforward::activation::{self, Identity, Relu, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Adam;
use feedforward::quantize::{OutputForm, QuantizedMlp, QuantizedMlpRef, Quantizer, RangeRule};
use feedforward::schedule::Cosine;
use feedforward::{Activation, Mlp, Trainer, math};

use crate::networks::{self, network, random};

/// Returns a network of 1-16-16-1 for the sine of x in 0..2π, and its training inputs.
fn sine(f: impl Activation<f32> + Clone + 'static, seed: u64) -> (Mlp<f32>, Vec<f32>) {
    let inputs: Vec<f32> = (0..=200_u16).map(|i| f32::from(i) * 0.031_415_93).collect();
    let targets: Vec<f32> = inputs.iter().map(|&x| math::sin(x)).collect();
    let builder = Mlp::<f32>::builder(1)
        .hidden(16, f.clone())
        .hidden(16, f)
        .output(1, Identity);
    let mut net = builder.seed(seed).build().unwrap();
    Trainer::new(SquaredError, Adam::new(0.005))
        .batch_size(16)
        .schedule(Cosine::default())
        .epochs(1000)
        .fit(&mut net, &inputs, &targets)
        .unwrap();
    (net, inputs)
}

/// Returns the largest and the root mean squared difference on 1,001 inputs.
fn differences(net: &Mlp<f32>, inputs: &[f32], quantizer: Quantizer) -> [f64; 2] {
    let quantized = quantizer.quantize(net, inputs).unwrap();
    let fresh: Vec<f32> = (0..=1000_u16)
        .map(|i| f32::from(i) * 0.006_283_185)
        .collect();
    let report = quantized.compare(net, &fresh).unwrap();
    [report.largest_error, report.root_mean_squared_error]
}

/// Settings of the table of figures: bits of activations, and compensation of weights.
const FORMS: [(u32, bool); 4] = [(8, false), (8, true), (16, false), (16, true)];

fn quantizer((bits, compensates): (u32, bool)) -> Quantizer {
    let quantizer = Quantizer::new().activation_bits(bits);
    quantizer.compensate_weights(compensates)
}

#[test]
fn a_sine_is_exact() {
    for (name, is_tanh) in [("tanh", true), ("relu", false)] {
        let mut worst = [[0.0_f64; 2]; 4];
        for seed in 0..5 {
            let (net, inputs) = if is_tanh {
                sine(Tanh, seed)
            } else {
                sine(Relu, seed)
            };
            for (form, worst) in FORMS.iter().zip(&mut worst) {
                let got = differences(&net, &inputs, quantizer(*form));
                println!("{name} {seed} {form:?} {got:.5?}");
                *worst = [worst[0].max(got[0]), worst[1].max(got[1])];
            }
        }
        println!("{name}, largest {worst:.5?}");
        let [_, _, plain, compensated] = worst;
        assert!(compensated[0] < 2e-3, "{name} {worst:?}");
        assert!(compensated[1] < 0.2 * plain[1], "{name} {worst:?}");
    }
}

#[test]
fn data_sets_lose_nothing() {
    let (digits, diabetes) = (networks::digits(), networks::diabetes());
    let mut errors = [[0.0; 2]; 4];
    for (form, errors) in FORMS.iter().zip(&mut errors) {
        for (at, error) in [&digits, &diabetes].into_iter().zip(errors) {
            let quantized = quantizer(*form).quantize(&at.net, &at.inputs).unwrap();
            let report = quantized.compare(&at.net, &at.test).unwrap();
            println!("{form:?}\n{report}");
            *error = report.root_mean_squared_error;
        }
    }
    println!("{errors:?}");
    let [_, _, plain, compensated] = errors;
    for at in 0..2 {
        assert!(plain[at] < errors[0][at] && compensated[at] < 0.8 * plain[at]);
    }
}

/// The error of a table of each activation.
#[test]
fn tables_are_exact() {
    let samples: Vec<f32> = (-2000..=2000_i16).map(|i| f32::from(i) * 0.003).collect();
    for f in activation::all::<f32>().iter().filter(|f| f.pieces() == 1) {
        let name = f.name();
        let mut net = Mlp::builder(1).output(1, f.clone()).build().unwrap();
        net.set_params(&[1.0, 0.0]).unwrap();
        let quantizer = Quantizer::new()
            .activation_bits(16)
            .outputs(OutputForm::Int16);
        let report = quantizer.quantize(&net, &samples).unwrap();
        let report = report.compare(&net, &samples).unwrap();
        let largest = net.predict(&samples).unwrap();
        let largest = largest.iter().fold(0.0, |most: f32, y| most.max(y.abs()));
        let error = report.largest_error / f64::from(largest);
        println!("{name}: {error:.2e}");
        // A jump, or a corner that is no point of the table, has an error of its own. Others are
        // those of inputs and pre-activations.
        if name != "heaviside" && !name.starts_with("hard_shrink") {
            let limit = if name.contains("soft_shrink") {
                2e-3
            } else {
                4e-4
            };
            assert!(error < limit, "{name} {report}");
        }
    }
}

#[test]
fn every_activation_and_form_is_accurate() {
    let (calibration, fresh) = (random(6 * 500, 1), random(6 * 500, 2));
    for f in activation::all::<f32>().iter().filter(|f| f.pieces() == 1) {
        let name = f.name();
        if name == "heaviside" || name == "exponential" || name.contains("shrink") {
            continue;
        }
        for net in [network("relu", &name), network(&name, "identity")] {
            for form in [OutputForm::Int8, OutputForm::Int16, OutputForm::Float] {
                for rule in [RangeRule::MinMax, RangeRule::default()] {
                    let quantizer = Quantizer::new().activation_bits(16).range(rule);
                    let quantizer = quantizer.outputs(form);
                    let quantized = quantizer.quantize(&net, &calibration).unwrap();
                    let report = quantized.compare(&net, &fresh).unwrap();
                    let worst = report.layers.iter().map(|l| l.signal_to_noise);
                    let worst = worst.fold(f64::INFINITY, f64::min);
                    assert!(worst > 22.0, "{name} {form:?} {rule:?}\n{report}");
                    // Some are outside the calibrated range.
                    assert!(report.inputs.signal_to_noise > 55.0, "{report}");
                }
            }
        }
    }
}

/// Sums of many inputs fit int32, and no integer wraps around.
#[test]
fn wide_layers_do_not_overflow() {
    for width in [600, 5000] {
        let mut net = Mlp::<f32>::builder(width)
            .hidden(3, Relu)
            .output(2, Identity)
            .seed(1)
            .build()
            .unwrap();
        // Sums as large as they can be.
        for w in net.layer_mut(0).unwrap().weights_mut() {
            *w = 0.9 + 0.2 * *w;
        }
        let mut samples = random(width * 20, 3);
        samples[..width].fill(2.0);
        samples[width..2 * width].fill(-2.0);
        for compensates in [false, true] {
            let quantized = quantizer((16, compensates))
                .quantize(&net, &samples)
                .unwrap();
            let report = quantized.compare(&net, &samples).unwrap();
            // Weights have 13 steps in the wider network.
            assert!(report.layers[1].signal_to_noise > 25.0, "{report}");
        }
    }
}

#[test]
fn files_keep_everything() {
    let (calibration, fresh) = (random(6 * 200, 1), random(6 * 200, 2));
    for form in [OutputForm::Int8, OutputForm::Int16, OutputForm::Float] {
        for net in [network("relu", "tanh"), network("tanh", "relu")] {
            let quantizer = Quantizer::new().activation_bits(16).outputs(form);
            let quantized = quantizer.quantize(&net, &calibration).unwrap();
            let bytes = quantized.to_bytes().unwrap();
            let same = QuantizedMlp::from_bytes(&bytes).unwrap();
            assert_eq!(same.to_bytes().unwrap(), bytes);
            assert_eq!(same.bytes(), quantized.bytes());
            let reports = [&same, &quantized].map(|at| at.compare(&net, &fresh).unwrap());
            assert_eq!(reports[0], reports[1]);
            let [one, two] = [&same, &quantized].map(|at| {
                let view = QuantizedMlpRef::from(at);
                view.layers()
                    .map(|layer| format!("{layer:?}"))
                    .collect::<Vec<_>>()
            });
            assert_eq!(one, two);
        }
    }
}
