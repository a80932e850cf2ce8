//! Networks of all kinds in int8: accuracy, equal integers, errors.

use std::borrow::Cow;
use std::path::PathBuf;

use feedforward::activation::{self, Identity, Relu, Tanh};
use feedforward::loss::{SoftmaxCrossEntropy, SquaredError};
use feedforward::metrics::{Accuracy, root_mean_squared_error};
use feedforward::optimizer::AdamW;
use feedforward::quantize::{
    OutputForm, QuantizedMlpRef, QuantizedTable, Quantizer, RangeRule, Rounding,
};
use feedforward::simd::InstructionSet;
use feedforward::{Activation, Float, Mlp, Scaler, Trainer, math};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

pub fn random(len: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..len).map(|_| 4.0 * rng.random::<f32>() - 2.0).collect()
}

pub fn network(activation: &str, output: &str) -> Mlp<f32> {
    let parse = |name| activation::parse::<f32>(name).unwrap();
    let builder = Mlp::builder(6)
        .hidden(20, parse(activation))
        .hidden(9, parse(activation));
    builder.output(3, parse(output)).seed(5).build().unwrap()
}

/// A function that the crate does not know.
#[derive(Debug)]
struct Wavelet;

impl<T: Float> Activation<T> for Wavelet {
    fn value(&self, x: T) -> T {
        x * math::exp(-x * x)
    }
    fn derivative(&self, x: T, _: T) -> T {
        (T::one() - T::from_f64(2.0) * x * x) * math::exp(-x * x)
    }
    fn name(&self) -> Cow<'static, str> {
        "wavelet".into()
    }
}

#[test]
fn every_activation_of_one_number_is_accurate() {
    let (calibration, fresh) = (random(6 * 500, 1), random(6 * 500, 2));
    let mut nets = Vec::new();
    for f in activation::all::<f32>().iter().filter(|f| f.pieces() == 1) {
        let name = f.name();
        // A step makes any error as large as it is, and the range of exponentials is too wide.
        if name != "heaviside" && name != "exponential" {
            nets.push(network("relu", &name));
            nets.push(network(&name, "identity"));
        }
    }
    let own = Mlp::builder(6).hidden(20, Wavelet).output(3, Wavelet);
    nets.push(own.seed(1).build().unwrap());
    for net in nets {
        let names: Vec<_> = net
            .layers()
            .map(|l| l.activation().name().into_owned())
            .collect();
        for rule in [
            RangeRule::MinMax,
            RangeRule::Percentile(0.9999),
            RangeRule::default(),
        ] {
            for form in [OutputForm::Int8, OutputForm::Float] {
                let quantizer = Quantizer::new().range(rule).outputs(form);
                let quantized = quantizer.quantize(&net, &calibration).unwrap();
                let report = quantized.compare(&net, &fresh).unwrap();
                let worst = report.layers.iter().map(|l| l.signal_to_noise);
                let worst = worst.fold(f64::INFINITY, f64::min);
                // Functions that are flat around zero leave less signal than noise of the sums.
                let is_flat = names.iter().any(|name| name.contains("shrink"));
                let least = if is_flat { 10.0 } else { 22.0 };
                assert!(worst > least, "{names:?} {rule:?} {form:?}\n{report}");
            }
        }
    }
}

/// Integers of a network on every instruction set. Only this test of the file changes the set.
#[test]
fn integers_are_equal_on_every_set() {
    let samples = random(6 * 300, 3);
    for (rounding, seed) in [(Rounding::Double, 1), (Rounding::Single, 2)] {
        wide_integers_are_equal(&samples, rounding, seed);
        let builder = Mlp::builder(6).hidden(37, Tanh).hidden(18, Relu);
        let net = builder.output(5, Identity).seed(seed).build().unwrap();
        let quantizer = Quantizer::new()
            .rounding(rounding)
            .outputs(OutputForm::Int8);
        let quantized = quantizer.quantize(&net, &samples).unwrap();
        let view = QuantizedMlpRef::from(&quantized);
        let mut inputs = vec![0_i8; samples.len()];
        view.quantize_inputs(&samples, &mut inputs).unwrap();
        let wide_inputs: Vec<i64> = inputs.iter().map(|&q| q.into()).collect();
        let expected = by_definition(&view, &wide_inputs);
        let expected: Vec<_> = expected.iter().map(|&y| i8::try_from(y).unwrap()).collect();
        let before = InstructionSet::active();
        for set in InstructionSet::available() {
            set.activate().unwrap();
            let mut numbers = Vec::new();
            // One sample at a time, then 32 at once.
            for len in [view.scratch_len(), view.batch_scratch_len()] {
                let (mut outputs, mut scratch) = (vec![0; 300 * 5], vec![0; len]);
                view.predict_int8(&inputs, &mut outputs, &mut scratch)
                    .unwrap();
                assert_eq!(outputs, expected, "{set}");
                let mut wide = vec![0; 300 * 5];
                view.predict_int32(&inputs, &mut wide, &mut scratch)
                    .unwrap();
                assert!(wide.iter().zip(&outputs).all(|(a, b)| *a == i32::from(*b)));
                let mut floats = vec![0.0; 300 * 5];
                view.predict_into(&samples, &mut floats, &mut scratch)
                    .unwrap();
                numbers.push(floats);
            }
            assert_eq!(numbers[0], numbers[1], "{set}");
        }
        before.activate().unwrap();
    }
}

/// Compares integers of a network with 16-bit activations on every instruction set.
fn wide_integers_are_equal(samples: &[f32], rounding: Rounding, seed: u64) {
    let builder = Mlp::builder(6).hidden(37, Tanh).hidden(18, Relu);
    let net = builder.output(5, Tanh).seed(seed).build().unwrap();
    let quantizer = Quantizer::new().rounding(rounding).activation_bits(16);
    let quantizer = quantizer.outputs(OutputForm::Int16);
    let quantized = quantizer.quantize(&net, samples).unwrap();
    let view = QuantizedMlpRef::from(&quantized);
    let mut inputs = vec![0_i16; samples.len()];
    view.quantize_inputs(samples, &mut inputs).unwrap();
    let wide_inputs: Vec<i64> = inputs.iter().map(|&q| q.into()).collect();
    let expected = by_definition(&view, &wide_inputs);
    let before = InstructionSet::active();
    for set in InstructionSet::available() {
        set.activate().unwrap();
        let (mut outputs, mut scratch) = (vec![0; 300 * 5], vec![0; view.scratch_len()]);
        view.predict_int16(&inputs, &mut outputs, &mut scratch)
            .unwrap();
        assert!(
            outputs.iter().map(|&y| i64::from(y)).eq(expected.clone()),
            "{set}"
        );
        let mut wide = vec![0; 300 * 5];
        view.predict_int32(&inputs, &mut wide, &mut scratch)
            .unwrap();
        assert!(
            wide.iter().map(|&y| i64::from(y)).eq(expected.clone()),
            "{set}"
        );
    }
    before.activate().unwrap();
}

/// The equation of `QuantizedLayer`, in 64 bits.
fn by_definition(net: &QuantizedMlpRef<'_>, inputs: &[i64]) -> Vec<i64> {
    let mut outputs = Vec::new();
    for row in inputs.chunks_exact(net.inputs()) {
        let mut x = row.to_vec();
        for layer in net.layers() {
            let rows = layer.weights.chunks_exact(x.len()).enumerate();
            let y = rows.map(|(r, weights)| {
                let terms = weights.iter().zip(&x).map(|(&w, x)| i64::from(w) * x);
                let sum = i64::from(layer.biases[r]) + terms.sum::<i64>();
                let multiplier = feedforward::quantize::Multiplier {
                    multiplier: layer.multipliers[r],
                    shift: layer.shifts[r],
                };
                let product = multiplier.apply(i32::try_from(sum).unwrap(), layer.rounding);
                let y = (layer.zero_point + product).clamp(layer.min, layer.max);
                match layer.table {
                    Some(QuantizedTable::Int8(table)) => {
                        i64::from(table[usize::try_from(y + 128).unwrap()])
                    }
                    Some(QuantizedTable::Int16(table)) => {
                        let (at, rest) = (y.div_euclid(128) + 256, i64::from(y.rem_euclid(128)));
                        let points = &table[usize::try_from(at).unwrap()..][..2];
                        let [start, end] = [points[0], points[1]].map(i64::from);
                        start + ((end - start) * rest + 64).div_euclid(128)
                    }
                    None => y.into(),
                }
            });
            x = y.collect();
        }
        outputs.append(&mut x);
    }
    outputs
}

/// Returns features and last column of a data set, as training and test rows.
pub fn data(name: &str) -> [(Vec<f32>, Vec<f32>); 2] {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let mut parts = [(Vec::new(), Vec::new()), (Vec::new(), Vec::new())];
    for (row, line) in text.lines().skip(1).enumerate() {
        let mut values: Vec<f32> = line.split(',').map(|x| x.parse().unwrap()).collect();
        let (features, last) = &mut parts[usize::from(row % 4 == 3)];
        last.push(values.pop().unwrap());
        features.append(&mut values);
    }
    parts
}

/// A trained network, its training inputs, and test inputs and targets.
pub struct Trained {
    pub net: Mlp<f32>,
    pub inputs: Vec<f32>,
    pub test: Vec<f32>,
    pub targets: Vec<f32>,
}

pub fn digits() -> Trained {
    let [(inputs, labels), (test, test_labels)] = data("digits.csv");
    let one_hot = |labels: &[f32]| {
        let mut targets = vec![0.0; labels.len() * 10];
        for (row, label) in targets.chunks_exact_mut(10).zip(labels) {
            row[*label as usize] = 1.0;
        }
        targets
    };
    // Raw pixels of 0 to 16.
    let builder = Mlp::<f32>::builder(64)
        .hidden(64, Relu)
        .output(10, Identity);
    let mut net = builder.seed(1).build().unwrap();
    let trainer = Trainer::new(SoftmaxCrossEntropy, AdamW::new(3e-3)).epochs(30);
    trainer.fit(&mut net, &inputs, &one_hot(&labels)).unwrap();
    let targets = one_hot(&test_labels);
    Trained {
        net,
        inputs,
        test,
        targets,
    }
}

#[test]
fn classes_of_digits_stay() {
    let Trained {
        net,
        inputs,
        test,
        targets,
    } = digits();
    for form in [OutputForm::Int8, OutputForm::Int32] {
        let quantized = Quantizer::new()
            .outputs(form)
            .quantize(&net, &inputs)
            .unwrap();
        let report = quantized
            .compare_with(&net, &test, &targets, &Accuracy)
            .unwrap();
        println!("{report}");
        let (name, [before, after]) = report.score.clone().unwrap();
        assert_eq!(name, "accuracy");
        // A test sample is 0.0022.
        assert!(before > 0.95 && after > before - 0.0023, "{report}");
        assert!(report.bytes[1] * 3 < report.bytes[0], "{report}");
        assert!(report.to_string().contains("accuracy: 0.9"), "{report}");
    }
}

/// Features and targets in their own units, whose scalers are folded into the network.
pub fn diabetes() -> Trained {
    let [(inputs, targets), (test, test_targets)] = data("diabetes.csv");
    let x = Scaler::standard(&inputs, 10).unwrap();
    let y = Scaler::standard(&targets, 1).unwrap();
    let builder = Mlp::<f32>::builder(10).hidden(32, Tanh).output(1, Identity);
    let mut net = builder.seed(1).build().unwrap();
    let trainer = Trainer::new(SquaredError, AdamW::new(1e-3)).epochs(60);
    let (scaled, scaled_targets) = (
        x.transform(&inputs).unwrap(),
        y.transform(&targets).unwrap(),
    );
    trainer.fit(&mut net, &scaled, &scaled_targets).unwrap();
    x.fold_into_inputs(&mut net).unwrap();
    y.fold_into_outputs(&mut net).unwrap();
    Trained {
        net,
        inputs,
        test,
        targets: test_targets,
    }
}

#[test]
fn errors_of_a_regression_stay() {
    let Trained {
        net,
        inputs,
        test,
        targets,
    } = diabetes();
    let quantized = Quantizer::new().quantize(&net, &inputs).unwrap();
    println!("{}", quantized.compare(&net, &test).unwrap());
    let error = |y: Vec<f32>| root_mean_squared_error(&y, &targets, 1).unwrap();
    let before = error(net.predict(&test).unwrap());
    let after = error(quantized.predict(&test).unwrap());
    assert!(
        before < 60.0 && (after / before - 1.0).abs() < 0.01,
        "{before} {after}"
    );
}

#[test]
fn constant_and_extreme_inputs_are_numbers() {
    let net = network("relu", "identity");
    let mut samples = random(6 * 100, 4);
    for row in samples.chunks_exact_mut(6) {
        row[2] = 0.0;
        row[3] *= 1e6;
    }
    let quantized = Quantizer::new().quantize(&net, &samples).unwrap();
    let y = quantized
        .predict(&[1e30, -1e30, f32::MAX, f32::MIN, 0.0, f32::MIN_POSITIVE])
        .unwrap();
    assert!(y.iter().all(|y| y.is_finite()), "{y:?}");
    // All inputs equal, and weights of zero.
    let mut zero = net.clone();
    zero.params_mut().fill(0.0);
    zero.layer_mut(2).unwrap().bias_mut()[1] = 0.75;
    for inputs in [[0.0; 12], [7.0; 12]] {
        let quantized = Quantizer::new().quantize(&zero, &inputs).unwrap();
        assert_eq!(quantized.predict(&inputs[..6]).unwrap(), [0.0, 0.75, 0.0]);
    }
}
