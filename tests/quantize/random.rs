//! Random networks, settings and samples, many of them extreme.

use feedforward::quantize::{
    InputInteger, OutputForm, QuantizedMlp, QuantizedMlpRef, Quantizer, RangeRule, Rounding,
};
use feedforward::{Mlp, activation};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// Number of cases. `FEEDFORWARD_FUZZ_CASES` asks for more.
fn cases() -> u64 {
    let text = std::env::var("FEEDFORWARD_FUZZ_CASES");
    text.map_or(3_000, |text| text.parse().unwrap())
}

fn pick<T: Clone>(rng: &mut ChaCha8Rng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())].clone()
}

fn network(rng: &mut ChaCha8Rng) -> Mlp<f32> {
    let activations = activation::all::<f32>();
    let mut builder = Mlp::<f32>::builder(rng.random_range(1..8)).seed(rng.random());
    for _ in 0..rng.random_range(0..3) {
        builder = builder.hidden(rng.random_range(1..41), pick(rng, &activations));
    }
    let outputs = rng.random_range(1..5);
    let mut net = builder
        .output(outputs, pick(rng, &activations))
        .build()
        .unwrap();
    let scale = 10f32.powi(rng.random_range(-4..5));
    let is_wild = rng.random::<f32>() < 0.2;
    for param in net.params_mut() {
        *param *= scale;
        if is_wild && rng.random::<f32>() < 0.3 {
            *param = pick(rng, &[0.0, 1e30, -1e-30, 1e10, f32::MIN_POSITIVE]);
        }
    }
    net
}

fn samples(rng: &mut ChaCha8Rng, inputs: usize) -> Vec<f32> {
    let scale = 10f32.powi(rng.random_range(-10..11));
    let number = |rng: &mut ChaCha8Rng| match rng.random::<f32>() {
        kind if kind < 0.1 => 0.0,
        kind if kind < 0.102 => pick(rng, &[f32::MAX, f32::MIN, 1e-45]),
        kind => scale * (kind - 0.5),
    };
    let count = rng.random_range(1..51) * inputs;
    (0..count).map(|_| number(rng)).collect()
}

fn quantizer(rng: &mut ChaCha8Rng) -> Quantizer {
    let percentile = RangeRule::Percentile(rng.random());
    let rules = [RangeRule::MinMax, RangeRule::MeanSquaredError, percentile];
    let mut quantizer = Quantizer::new()
        .range(pick(rng, &rules))
        .weight_bits(rng.random_range(2..9))
        .correct_biases(rng.random())
        .activation_bits(pick(rng, &[8, 16]))
        .compensate_weights(rng.random::<f32>() < 0.1)
        .common_input_scale(rng.random());
    if rng.random() {
        let forms = [
            OutputForm::Int8,
            OutputForm::Int16,
            OutputForm::Int32,
            OutputForm::Float,
        ];
        quantizer = quantizer.outputs(pick(rng, &forms));
    }
    if rng.random() {
        quantizer = quantizer.rounding(Rounding::Single);
    }
    quantizer
}

fn predict<I: InputInteger + Clone>(net: &QuantizedMlpRef<'_>, inputs: &[f32], zero: I) {
    let mut integers = vec![zero; inputs.len()];
    net.quantize_inputs(inputs, &mut integers).unwrap();
    let mut outputs = vec![0; inputs.len() / net.inputs() * net.outputs()];
    let mut scratch = vec![0; net.scratch_len()];
    net.predict_int32(&integers, &mut outputs, &mut scratch)
        .unwrap();
}

/// Every case ends in an error or in finite numbers.
#[test]
fn nothing_panics_and_no_number_is_lost() {
    let mut made = 0;
    for seed in 0..cases() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let net = network(&mut rng);
        let inputs = samples(&mut rng, net.inputs());
        let Ok(quantized) = quantizer(&mut rng).quantize(&net, &inputs) else {
            continue;
        };
        made += 1;
        let view = QuantizedMlpRef::from(&quantized);
        if view.input_stage().bits == 8 {
            predict(&view, &inputs, 0_i8);
        } else {
            predict(&view, &inputs, 0_i16);
        }
        let Ok(numbers) = quantized.predict(&inputs) else {
            continue;
        };
        assert!(numbers.iter().all(|y| y.is_finite()), "seed {seed}");
        if let Ok(report) = quantized.compare(&net, &inputs) {
            let mut all = report.layers.iter().chain([&report.inputs]);
            assert!(
                all.all(|noise| !noise.signal_to_noise.is_nan()),
                "seed {seed}\n{report}"
            );
        }
        assert!(quantized.to_rust("NET").is_ok(), "seed {seed}");
        let same = QuantizedMlp::from_bytes(&quantized.to_bytes().unwrap()).unwrap();
        assert_eq!(same.predict(&inputs).unwrap(), numbers, "seed {seed}");
    }
    assert!(made > cases() / 3, "{made}");
}
