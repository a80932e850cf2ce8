//! Writes ONNX models of quantized networks with samples and this crate's results.
//!
//! The script `tests/onnx_check.py` compares them with the results of onnxruntime, as for
//! `tests/onnx.rs`. `quantized.jsonl` has one line per model.

use std::borrow::Cow;
use std::path::PathBuf;

use feedforward::activation::{self, Tanh};
use feedforward::quantize::{
    OutputForm, QuantizedInputs, QuantizedLayer, QuantizedMlp, QuantizedMlpRef, QuantizedOutputs,
    Quantizer, Rounding,
};
use feedforward::{Activation, Error, Float, Mlp, math, onnx};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::json;

/// The output folder, and one line for each model in it.
struct Models {
    folder: PathBuf,
    lines: Vec<String>,
}

impl Models {
    fn new() -> Self {
        let folder = std::env::var_os("FEEDFORWARD_ONNX_OUT").map_or_else(
            || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("onnx_quantized"),
            PathBuf::from,
        );
        std::fs::create_dir_all(&folder).unwrap();
        let lines = Vec::new();
        Self { folder, lines }
    }

    fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.join(name), bytes).unwrap();
    }

    fn floats(&self, name: &str, values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.file(name, &bytes);
    }

    /// Writes a network in both forms.
    fn add(&mut self, name: &str, net: &QuantizedMlp, x: &[f32]) {
        let view = QuantizedMlpRef::from(net);
        self.add_model(name, "qdq", &onnx::export(net).unwrap(), view, x);
        self.add_integers(name, view, x);
    }

    fn add_integers(&mut self, name: &str, net: QuantizedMlpRef<'_>, x: &[f32]) {
        let bytes = onnx::export(&onnx::Integers(net)).unwrap();
        self.add_model(name, "integers", &bytes, net, x);
    }

    fn add_model(
        &mut self,
        name: &str,
        form: &str,
        bytes: &[u8],
        net: QuantizedMlpRef<'_>,
        x: &[f32],
    ) {
        let name = format!("{name}, {form}");
        let mut y = vec![0.0; x.len() / net.inputs() * net.outputs()];
        net.predict_into(x, &mut y, &mut vec![0; net.scratch_len()])
            .unwrap();
        self.file(&format!("{name}.onnx"), bytes);
        self.floats(&format!("{name}.x.bin"), x);
        self.floats(&format!("{name}.y.bin"), &y);
        let last = net.layers().last().unwrap();
        let stage = net.output_stage();
        let is_int8 = last.min >= -128 && last.max <= 127;
        // Two products with inputs of 8 bits exceed 16 bits if weights have more than 7.
        let mut weights = net.layers().flat_map(|layer| layer.weights);
        let may_saturate = form == "qdq" && weights.any(|w| !(-64..64).contains(w));
        let line = json!({
            "name": name,
            "form": form,
            "step": is_int8.then_some(stage.scale),
            "has_activation": stage.activation.is_some(),
            "rounding": format!("{:?}", last.rounding),
            "may_saturate": may_saturate,
            // Steps of extreme networks have no bounds.
            "is_wild": name.starts_with("wild"),
        });
        self.lines.push(line.to_string());
    }
}

/// Factors of the columns of all samples.
const COLUMNS: [f32; 6] = [1.0, 10.0, 0.01, 1.0, 300.0, 2.0];

/// Returns samples with columns in different units.
fn samples(count: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut number = || 4.0 * rng.random::<f32>() - 2.0;
    (0..count)
        .flat_map(|_| COLUMNS)
        .map(|factor| factor * number())
        .collect()
}

/// Widths and activations of hidden layers.
type Hidden<'a> = &'a [(usize, &'a str)];

/// Returns a network for these samples.
fn network(hidden: Hidden<'_>, outputs: usize, last: &str, seed: u64) -> Mlp<f32> {
    let parse = |name| activation::parse::<f32>(name).unwrap();
    let mut builder = Mlp::builder(6).seed(seed);
    for &(width, name) in hidden {
        builder = builder.hidden(width, parse(name));
    }
    let mut net = builder.output(outputs, parse(last)).build().unwrap();
    scale_inputs(&mut net);
    net
}

fn scale_inputs(net: &mut Mlp<f32>) {
    let mut layer = net.layer_mut(0).unwrap();
    for row in layer.weights_mut().chunks_mut(COLUMNS.len()) {
        for (weight, factor) in row.iter_mut().zip(COLUMNS) {
            *weight /= factor;
        }
    }
}

/// Returns fresh samples: usual ones, some far outside, and many halfway between two integers.
fn fresh(net: &QuantizedMlp) -> Vec<f32> {
    let mut x = samples(500, 2);
    for row in samples(20, 3).chunks(6) {
        x.extend(row.iter().map(|x| 1000.0 * x));
    }
    let stage = QuantizedMlpRef::from(net).input_stage();
    for half in -130..130 {
        let stage = stage.factors.iter().zip(stage.offsets);
        x.extend(stage.map(|(factor, offset)| (half as f32 + 0.5 - offset) / factor));
    }
    x
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

/// Writes a network for each activation, form of the outputs and rounding.
fn activations(models: &mut Models) {
    let calibration = samples(500, 1);
    for f in activation::all::<f32>().iter().filter(|f| f.pieces() == 1) {
        let name = f.name();
        for (form, rounding) in [
            (OutputForm::Int8, Rounding::Double),
            (OutputForm::Float, Rounding::Single),
            (OutputForm::Int32, Rounding::Double),
        ] {
            let quantizer = Quantizer::new().outputs(form).rounding(rounding);
            let last = if form == OutputForm::Int32 {
                "identity"
            } else {
                &*name
            };
            // Exponentials of exponentials overflow.
            let hidden = if name == "exponential" {
                "tanh"
            } else {
                &*name
            };
            let net = network(&[(20, hidden), (9, hidden)], 3, last, 5);
            let net = quantizer.quantize(&net, &calibration).unwrap();
            let name = format!("{name}, {form:?} outputs, {rounding:?} rounding");
            models.add(&name, &net, &fresh(&net));
        }
    }
    let own = Mlp::builder(6).hidden(20, Wavelet).output(3, Wavelet);
    let mut own = own.seed(1).build().unwrap();
    scale_inputs(&mut own);
    let int8 = Quantizer::new().outputs(OutputForm::Int8);
    let net = int8.quantize(&own, &calibration).unwrap();
    models.add("a user's own activation", &net, &fresh(&net));
}

/// Writes networks of other sizes and settings.
fn settings(models: &mut Models) {
    let calibration = samples(500, 1);
    let sizes: [(&str, Hidden<'_>, usize); 5] = [
        ("6-1", &[], 1),
        ("6-5", &[], 5),
        ("6-1-1", &[(1, "tanh")], 1),
        ("6-100-100-10 relu", &[(100, "relu"), (100, "relu")], 10),
        (
            "6-100-50-20-4 mixed",
            &[(100, "gelu"), (50, "relu"), (20, "hard_tanh")],
            4,
        ),
    ];
    let forms = [OutputForm::Int8, OutputForm::Int32];
    for (name, hidden, outputs) in sizes {
        let net = network(hidden, outputs, "identity", 7);
        for (form, rounding) in forms.into_iter().zip([Rounding::Single, Rounding::Double]) {
            let quantizer = Quantizer::new().outputs(form).rounding(rounding);
            for (kind, quantizer) in [
                ("", quantizer),
                (", common input scale", quantizer.common_input_scale(true)),
                (", 4 bits", quantizer.weight_bits(4)),
                (", 7 bits", quantizer.weight_bits(7)),
            ] {
                let net = quantizer.quantize(&net, &calibration).unwrap();
                models.add(&format!("{name} {form:?}{kind}"), &net, &fresh(&net));
            }
        }
    }
}

/// Writes networks with parameters, samples and settings of all magnitudes.
fn wild(models: &mut Models) {
    let activations = activation::all::<f32>().into_iter();
    let activations: Vec<_> = activations.filter(|f| f.pieces() == 1).collect();
    let mut written = 0;
    for seed in 0..60 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let pick =
            |rng: &mut ChaCha8Rng| activations[rng.random_range(0..activations.len())].clone();
        let mut builder = Mlp::<f32>::builder(rng.random_range(1..8)).seed(seed);
        for _ in 0..rng.random_range(0..3) {
            builder = builder.hidden(rng.random_range(1..41), pick(&mut rng));
        }
        // An activation in f32 could cancel.
        let form = [OutputForm::Int8, OutputForm::Int32][seed as usize % 2];
        let last = match form {
            OutputForm::Int8 => pick(&mut rng),
            _ => activation::parse("identity").unwrap(),
        };
        let outputs = rng.random_range(1..5);
        let mut net = builder.output(outputs, last).build().unwrap();
        let scale = 10f32.powi(rng.random_range(-4..5));
        net.params_mut()
            .iter_mut()
            .for_each(|param| *param *= scale);
        let scale = 10f32.powi(rng.random_range(-10..11));
        let count = rng.random_range(1..51) * net.inputs();
        let x: Vec<f32> = (0..count)
            .map(|_| scale * (rng.random::<f32>() - 0.5))
            .collect();
        let mut quantizer = Quantizer::new()
            .outputs(form)
            .weight_bits(rng.random_range(2..9))
            .correct_biases(rng.random())
            .common_input_scale(rng.random());
        if rng.random() {
            quantizer = quantizer.rounding(Rounding::Single);
        }
        let Ok(net) = quantizer.quantize(&net, &x) else {
            continue;
        };
        if net.predict(&x).is_ok() {
            models.add(&format!("wild {seed}"), &net, &x);
            written += 1;
        }
    }
    assert!(written > 30, "{written}");
}

/// Writes a network of a program's own integers: one multiplier, shifts to the left, and limits.
fn borrowed(models: &mut Models) {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let weights: Vec<i8> = (0..64 * 6).map(|_| rng.random()).collect();
    let biases: Vec<i32> = (0..64)
        .map(|_| rng.random_range(-100_000..100_000))
        .collect();
    let x: Vec<f32> = (0..6 * 500)
        .map(|_| rng.random_range(-40..40) as f32 / 4.0)
        .collect();
    for (name, multipliers, shifts, limits) in [
        ("one multiplier", vec![1_234_567_890], vec![-8], [-100, 90]),
        ("zeros", vec![0], vec![-31], [-128, 127]),
        (
            "shift to the left",
            vec![1 << 30],
            vec![9],
            [i32::MIN, i32::MAX],
        ),
        (
            "mixed shifts",
            (0..64).map(|row| (1 << 30) + row * 12_345_677).collect(),
            (0..64)
                .map(|row| row as i8 - 31)
                .map(|shift| shift.min(30))
                .collect(),
            [-100_000, i32::MAX],
        ),
    ] {
        for rounding in [Rounding::Double, Rounding::Single] {
            let layers = [QuantizedLayer {
                weights: &weights,
                biases: &biases,
                multipliers: &multipliers,
                shifts: &shifts,
                rounding,
                zero_point: -7,
                min: limits[0],
                max: limits[1],
                table: None,
            }];
            let stage = QuantizedInputs {
                factors: &[8.0; 6],
                offsets: &[0.5; 6],
                bits: 8,
            };
            let outputs = QuantizedOutputs {
                scale: 0.3,
                zero_point: 5,
                activation: None,
            };
            let net = QuantizedMlpRef::new(stage, &layers, outputs).unwrap();
            models.add_integers(&format!("borrowed, {name}, {rounding:?}"), net, &x);
        }
    }
}

#[test]
fn models_are_written() {
    let mut models = Models::new();
    activations(&mut models);
    settings(&mut models);
    borrowed(&mut models);
    wild(&mut models);
    let lines = models.lines.join("\n") + "\n";
    models.file("quantized.jsonl", lines.as_bytes());
}

#[test]
fn an_own_activation_in_f32_is_refused_by_name() {
    let net = Mlp::builder(6).hidden(4, Tanh).output(3, Wavelet);
    let net = net.seed(1).build().unwrap();
    let net = Quantizer::new().quantize(&net, &samples(50, 1)).unwrap();
    for error in [
        onnx::export(&net).unwrap_err(),
        onnx::export(&onnx::Integers(QuantizedMlpRef::from(&net))).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::UnknownName { got, .. } if got == "wavelet"),
            "{error}"
        );
    }
}
