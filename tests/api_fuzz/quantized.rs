//! Quantized networks: any network, settings, samples and parts.

use feedforward::activation::{Activation, Identity, Relu, Tanh};
use feedforward::metrics::Accuracy;
use feedforward::quantize::{
    InputInteger, Multiplier, OutputForm, QuantizedInputs, QuantizedLayer, QuantizedMlp,
    QuantizedMlpRef, QuantizedOutputs, QuantizedTable, Quantizer, RangeRule, Rounding,
    WeightQuantizedMlp, WeightQuantizedMlpRef,
};
use feedforward::{LayerSpec, Mlp};

use crate::case::{Case, bits, finite, seen};
use crate::data::{length, values};
use crate::nets;

fn quantizer(case: &mut Case) -> Quantizer {
    let random = &mut case.random;
    let percentile = random.setting(&[0.5, 0.999, 1.0]);
    let rules = [
        RangeRule::MinMax,
        RangeRule::MeanSquaredError,
        RangeRule::Percentile(percentile),
    ];
    let mut quantizer = Quantizer::new()
        .range(random.pick(&rules))
        .weight_bits(random.count(&[8, 8, 2, 3, 4, 6]) as u32)
        .activation_bits(random.count(&[8, 8, 16]) as u32)
        .compensate_weights(random.percent(20))
        .correct_biases(random.percent(70))
        .common_input_scale(random.percent(20))
        .rounding(random.pick(&[Rounding::Double, Rounding::Single]));
    if random.percent(60) {
        let forms = [
            OutputForm::Int8,
            OutputForm::Int16,
            OutputForm::Int32,
            OutputForm::Float,
        ];
        quantizer = quantizer.outputs(random.pick(&forms));
    }
    say!(case, "{quantizer:?}");
    quantizer
}

/// Returns a network, often with parameters of other sizes.
fn network(case: &mut Case) -> Option<Mlp<f32>> {
    let mut net = if case.random.percent(40) {
        nets::build::<f32>(case)?
    } else {
        nets::usual(case)
    };
    if case.random.percent(40) {
        nets::change(case, &mut net);
    }
    if case.random.percent(20) {
        let scales = [0.0, 1e-40, 1e-20, 1e-6, 1e4, 1e20, 1e35];
        let scale = case.random.pick(&scales) as f32;
        say!(case, "net.params_mut() times {scale:e}");
        net.params_mut().iter_mut().for_each(|p| *p *= scale);
    }
    Some(net)
}

/// Returns samples, some of which do not fit.
fn samples(case: &mut Case, width: usize) -> Vec<f32> {
    let random = &mut case.random;
    let count = random.pick(&[1, 2, 7, 30]);
    let len = length(random, count * width);
    let samples = values(random, len);
    say!(case, "{len} inputs {:?}", &samples[..len.min(40)]);
    samples
}

/// Quantizes a network, and calls everything of the result.
pub fn network_in_int8(case: &mut Case) {
    let Some(net) = network(case) else { return };
    let quantizer = quantizer(case);
    let calibration = samples(case, net.inputs());
    say!(case, ".quantize(&net, &inputs)");
    let Some(quantized) = seen(quantizer.quantize(&net, &calibration)) else {
        return;
    };
    let inputs = samples(case, net.inputs());
    let view = QuantizedMlpRef::from(&quantized);
    say!(case, ".compare, .predict, .to_bytes, .to_c, .to_rust");
    if let Some(report) = seen(quantized.compare(&net, &inputs)) {
        assert!(report.to_string().len() < 4000 + 60 * net.depth());
    }
    let len = length(
        &mut case.random,
        inputs.len() / net.inputs() * net.outputs(),
    );
    let targets = values(&mut case.random, len);
    seen(quantized.compare_with(&net, &inputs, &targets, &Accuracy));
    let outputs = seen(quantized.predict(&inputs));
    assert!(outputs.iter().all(|y| finite(y)));
    let again = QuantizedMlp::from_bytes(&quantized.to_bytes().unwrap());
    // An activation of `pieces` may have a setting that no name has.
    if let (Some(again), Some(outputs)) = (seen(again), &outputs) {
        assert_eq!(bits(&again.predict(&inputs).unwrap()), bits(outputs));
    }
    seen(quantized.to_c("net"));
    seen(quantized.to_rust("NET"));
    seen(quantized.to_rust_standalone("net"));
    integers(case, &view);
}

/// Predicts from any integers with slices of any length.
fn integers(case: &mut Case, net: &QuantizedMlpRef<'_>) {
    if case.random.percent(50) {
        of_type(case, net, |x| x as i8);
    } else {
        of_type(case, net, |x| x as i16);
    }
}

fn of_type<I: InputInteger>(case: &mut Case, net: &QuantizedMlpRef<'_>, cut: fn(u64) -> I) {
    let random = &mut case.random;
    let count = random.pick(&[1, 3]);
    let lengths = [
        length(random, count * net.inputs()),
        length(random, count * net.outputs()),
        length(random, net.scratch_len()),
    ];
    let inputs: Vec<I> = (0..lengths[0]).map(|_| cut(random.next())).collect();
    let bits = 8 * size_of::<I>();
    say!(
        case,
        "predict_int8, predict_int16, predict_int32: {bits} bits, lengths {lengths:?}"
    );
    let len = lengths[1];
    let (mut int8, mut int16, mut int32) = (vec![0; len], vec![0; len], vec![0; len]);
    let mut scratch = vec![7; lengths[2]];
    let wide = seen(net.predict_int32(&inputs, &mut int32, &mut scratch));
    let half = seen(net.predict_int16(&inputs, &mut int16, &mut scratch));
    let narrow = seen(net.predict_int8(&inputs, &mut int8, &mut scratch));
    if wide.and(half).is_some() {
        assert!(int16.iter().zip(&int32).all(|(a, b)| i32::from(*a) == *b));
    }
    if wide.and(narrow).is_some() {
        assert!(int8.iter().zip(&int32).all(|(a, b)| i32::from(*a) == *b));
    }
    let floats: Vec<f32> = values(&mut case.random, lengths[0]);
    let mut outputs = vec![0.0; lengths[1]];
    if seen(net.predict_into(&floats, &mut outputs, &mut scratch)).is_some() {
        assert!(finite(&outputs));
    }
    let mut quantized = vec![cut(0); lengths[0]];
    seen(net.quantize_inputs(&floats, &mut quantized));
}

/// Quantizes the weights of a network, and calls everything of the result.
pub fn weights_in_int8(case: &mut Case) {
    let Some(net) = network(case) else { return };
    let quantizer = quantizer(case);
    say!(case, ".quantize_weights(&net)");
    let Some(mut quantized) = seen(quantizer.quantize_weights(&net)) else {
        return;
    };
    let inputs = samples(case, net.inputs());
    say!(
        case,
        ".compare, .correct_biases, .predict, .dequantize, .to_bytes, .to_rust"
    );
    seen(quantized.compare(&net, &inputs));
    if case.random.percent(50) {
        let before = seen(quantized.to_bytes());
        if seen(quantized.correct_biases(&net, &inputs)).is_none() {
            assert_eq!(
                seen(quantized.to_bytes()),
                before,
                "an error changed biases"
            );
        }
    }
    let outputs = seen(quantized.predict(&inputs));
    assert!(outputs.iter().all(|y| finite(y)));
    let float = quantized.dequantize().unwrap();
    assert!(float.is_shaped_like(&net) && finite(float.params()));
    let again = WeightQuantizedMlp::from_bytes(&quantized.to_bytes().unwrap());
    if let (Some(again), Some(outputs)) = (seen(again), &outputs) {
        assert_eq!(bits(&again.predict(&inputs).unwrap()), bits(outputs));
    }
    seen(quantized.to_rust("NET"));
    let view = WeightQuantizedMlpRef::from(&quantized);
    let random = &mut case.random;
    let len = length(random, inputs.len() / net.inputs() * net.outputs());
    let mut outputs = vec![0.0; len];
    let mut scratch = vec![f32::NAN; length(random, view.scratch_len())];
    if seen(view.predict_into(&inputs, &mut outputs, &mut scratch)).is_some() {
        assert!(finite(&outputs));
    }
}

/// Parts of a layer.
struct Parts {
    weights: Vec<i8>,
    biases: Vec<i32>,
    multipliers: Vec<i32>,
    shifts: Vec<i8>,
    limits: [i32; 3],
    table: Option<([i8; 256], [i16; 513], bool)>,
    rounding: Rounding,
}

impl Parts {
    fn new(case: &mut Case, inputs: usize, outputs: usize, is_last: bool) -> Self {
        let random = &mut case.random;
        let integer = |random: &mut crate::random::Random, usual: &[i32]| {
            if random.odd() {
                let odd = [i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX];
                return random.pick(&odd);
            }
            random.pick(usual)
        };
        let len = length(random, inputs * outputs);
        let weights = (0..len).map(|_| random.next() as i8).collect();
        let largest = random.pick(&[1, 1 << 10, 1 << 30]);
        let biases = (0..length(random, outputs)).map(|_| {
            let bias = random.below(largest) as i32;
            integer(random, &[bias, -bias])
        });
        let biases = biases.collect();
        let count = random.pick(&[1, outputs]);
        let multipliers = (0..length(random, count)).map(|_| {
            let usual = random.between(1 << 30, i32::MAX as usize) as i32;
            integer(random, &[usual, usual, 0])
        });
        let multipliers: Vec<i32> = multipliers.collect();
        let shifts = (0..length(random, multipliers.len())).map(|_| {
            let usual = random.below(62) as i32 - 31;
            integer(random, &[usual, -10, -5]).clamp(-128, 127) as i8
        });
        let shifts = shifts.collect();
        let limits = if is_last && random.percent(40) {
            [i32::MIN, i32::MAX]
        } else if random.percent(40) {
            [-32768, 32767]
        } else {
            [-128, 127]
        };
        let limits = [
            integer(random, &[0, 3, -128, 127]),
            integer(random, &[limits[0], 0]),
            integer(random, &[limits[1]]),
        ];
        let table = random.percent(20).then(|| {
            let is_int8 = random.percent(50);
            let int8 = [0; 256].map(|_| random.next() as i8);
            let int16 = [0; 513].map(|_| random.next() as i16);
            (int8, int16, is_int8)
        });
        Self {
            weights,
            biases,
            multipliers,
            shifts,
            limits,
            table,
            rounding: random.pick(&[Rounding::Double, Rounding::Single]),
        }
    }

    fn layer(&self) -> QuantizedLayer<'_> {
        let [zero_point, min, max] = self.limits;
        QuantizedLayer {
            weights: &self.weights,
            biases: &self.biases,
            multipliers: &self.multipliers,
            shifts: &self.shifts,
            rounding: self.rounding,
            zero_point,
            min,
            max,
            table: self.table.as_ref().map(|(int8, int16, is_int8)| {
                if *is_int8 {
                    QuantizedTable::Int8(int8)
                } else {
                    QuantizedTable::Int16(int16)
                }
            }),
        }
    }
}

/// Creates networks from parts, and predicts if they fit.
pub fn parts(case: &mut Case) {
    let random = &mut case.random;
    let depth = random.pick(&[0, 1, 1, 2, 3]);
    let sizes: Vec<usize> = (0..=depth).map(|_| random.between(1, 9)).collect();
    let parts: Vec<Parts> = (0..depth)
        .map(|index| Parts::new(case, sizes[index], sizes[index + 1], index + 1 == depth))
        .collect();
    let layers: Vec<_> = parts.iter().map(Parts::layer).collect();
    let random = &mut case.random;
    let [factors, offsets] = [0, 0].map(|_| length(random, sizes[0]));
    let (factors, offsets) = (values(random, factors), values(random, offsets));
    let inputs = QuantizedInputs {
        factors: &factors,
        offsets: &offsets,
        bits: random.pick(&[8, 8, 16, 16, 0, 7, 32, u32::MAX]),
    };
    let activations: [Option<&dyn Activation<f32>>; 3] = [None, None, Some(&Tanh)];
    let outputs = QuantizedOutputs {
        scale: random.setting(&[0.01, 1.0]) as f32,
        zero_point: random.pick(&[0, 5, -128, i32::MIN, i32::MAX]),
        activation: random.pick(&activations),
    };
    say!(
        case,
        "QuantizedMlpRef::new({inputs:?}, {layers:?}, {outputs:?})"
    );
    if let Some(net) = seen(QuantizedMlpRef::new(inputs, &layers, outputs)) {
        integers(case, &net);
    }
    let any = Multiplier {
        multiplier: case.random.next() as i32,
        shift: case.random.next() as i8,
    };
    say!(case, "{any:?}.apply");
    for x in [i32::MIN, -1, 0, i32::MAX] {
        let _ = any.apply(x, Rounding::Double);
        let _ = any.apply(x, Rounding::Single);
    }
    let value = case.random.setting(&[0.5, 1e-3, 1.0, 700.0]);
    say!(case, "Multiplier::new({value:e})");
    // With a shift to the left, double rounding limits x before the product.
    if let Some(multiplier) = Multiplier::new(value).filter(|m| m.shift <= 0) {
        let x = case.random.next() as i32;
        for rounding in [Rounding::Double, Rounding::Single] {
            for x in [x, x >> 16, i32::MIN, i32::MAX, 0] {
                let product = f64::from(multiplier.apply(x, rounding));
                let error = (product - f64::from(x) * value).abs();
                // The multiplier is rounded, and the product twice.
                assert!(error <= 2.0, "{x} · {value:e}: {product}");
            }
        }
    }
    weights_of_parts(case, &sizes);
}

/// Creates a network with weights in int8 from parts.
fn weights_of_parts(case: &mut Case, sizes: &[usize]) {
    let random = &mut case.random;
    let layers: Vec<_> = sizes[1..]
        .iter()
        .map(|&outputs| {
            let outputs = random.count(&[outputs]);
            match random.below(4) {
                0 => LayerSpec::with_pieces(outputs, random.count(&[1, 1, 2]), &Relu),
                1 => LayerSpec::parametric(outputs, &Relu),
                2 => LayerSpec::new(outputs, &Tanh),
                _ => LayerSpec::new(outputs, &Identity as &dyn Activation<f32>),
            }
        })
        .collect();
    let inputs = random.count(&[sizes[0]]);
    let pairs = sizes.windows(2);
    let weights = pairs.map(|pair| pair[0] * pair[1]).sum();
    let params = sizes[1..].iter().map(|rows| 2 * rows).sum();
    let weights: Vec<i8> = (0..length(random, weights))
        .map(|_| random.next() as i8)
        .collect();
    let len = length(random, params);
    let params: Vec<f32> = values(random, len);
    say!(
        case,
        "WeightQuantizedMlpRef::new({inputs}, {layers:?}, {} weights, {} parameters)",
        weights.len(),
        params.len()
    );
    let net = WeightQuantizedMlpRef::new(inputs, &layers, &weights, &params);
    let Some(net) = seen(net) else { return };
    let random = &mut case.random;
    let len = length(random, 2 * net.inputs());
    let inputs: Vec<f32> = values(random, len);
    let mut outputs = vec![0.0; length(random, 2 * net.outputs())];
    let mut scratch = vec![f32::NAN; length(random, net.scratch_len())];
    if seen(net.predict_into(&inputs, &mut outputs, &mut scratch)).is_some() {
        assert!(finite(&outputs));
    }
}
