//! The networks of `examples/cortex-m` are those that this crate generates now.
//!
//! With the environment variable `FEEDFORWARD_EMBEDDED_OUT`, also writes the large network for
//! `.ci/embedded` into the folder that it names.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use feedforward::activation::{Identity, Relu};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Adam;
use feedforward::quantize::{OutputForm, QuantizedMlp, QuantizedMlpRef, Quantizer};
use feedforward::simd::InstructionSet;
use feedforward::{Mlp, Trainer, math};

#[path = "../common/numbers.rs"]
mod numbers;
use numbers::Numbers;

/// Returns a network of 1-16-16-1 for the sine of x in 0..2π, and its training inputs.
fn sine() -> (Mlp<f32>, Vec<f32>) {
    let inputs: Vec<f32> = (0..=200_u16).map(|i| f32::from(i) * 0.031_415_93).collect();
    let targets: Vec<f32> = inputs.iter().map(|&x| math::sin(x)).collect();
    let mut net = Mlp::<f32>::builder(1)
        .hidden(16, Relu)
        .hidden(16, Relu)
        .output(1, Identity)
        .seed(3)
        .build()
        .unwrap();
    Trainer::new(SquaredError, Adam::new(0.005))
        .batch_size(16)
        .epochs(1000)
        .fit(&mut net, &inputs, &targets)
        .unwrap();
    (net, inputs)
}

/// Returns a network of the shape of MLPerf Tiny's for anomalies, with random weights.
fn anomaly() -> QuantizedMlp {
    let mut builder = Mlp::<f32>::builder(640).seed(1);
    for width in [128, 128, 128, 128, 8, 128, 128, 128, 128] {
        builder = builder.hidden(width, Relu);
    }
    let net = builder.output(640, Identity).build().unwrap();
    let mut random = Numbers(1);
    let samples: Vec<_> = (0..640 * 100).map(|_| random.next() as f32).collect();
    let quantizer = Quantizer::new().outputs(OutputForm::Int8);
    quantizer.quantize(&net, &samples).unwrap()
}

/// Returns the source of a `static` with pairs of inputs and outputs.
fn cases<X: ToString, Y: ToString>(
    (name, docs): (&str, &str),
    types: &str,
    pairs: impl ExactSizeIterator<Item = (X, Y)>,
) -> String {
    let len = pairs.len();
    let mut text = format!("/// {docs}\npub static {name}: [({types}); {len}] = [\n");
    for (x, y) in pairs {
        writeln!(text, "    ({}, {}),", x.to_string(), y.to_string()).unwrap();
    }
    text + "];\n"
}

/// Returns the folder and name of each file, and its text.
fn files_of_sine() -> Vec<(&'static str, String)> {
    let (net, inputs) = sine();
    let quantized = Quantizer::new().quantize(&net, &inputs).unwrap();
    let view = QuantizedMlpRef::from(&quantized);
    let numbers = (0..9_u8).map(|i| f32::from(i) * 0.75);
    let mut scratch = vec![0; view.scratch_len()];
    let mut integers = |x: f32| {
        let (mut q, mut y) = ([0_i8], [0]);
        view.quantize_inputs(&[x], &mut q).unwrap();
        view.predict_int32(&q, &mut y, &mut scratch).unwrap();
        let number = y[0] as f32 * view.output_stage().scale;
        assert!((number - x.sin()).abs() < 0.05, "{number} for {x}");
        (q[0], y[0])
    };
    let pairs: Vec<_> = numbers.clone().map(&mut integers).collect();
    let int8 = cases(
        (
            "CASES",
            "Integers for nine numbers, and those that the network in int8 predicts.",
        ),
        "i8, i32",
        pairs.into_iter(),
    );
    let float = |x: f32| {
        let y = net.predict(&[x]).unwrap();
        (format!("{x:?}"), format!("{:?}", y[0]))
    };
    let float = cases(
        (
            "CASES",
            "Nine numbers, and those that the network in f32 predicts.",
        ),
        "f32, f32",
        numbers.clone().map(float).collect::<Vec<_>>().into_iter(),
    );
    let mut weights = Quantizer::new().quantize_weights(&net).unwrap();
    weights.correct_biases(&net, &inputs).unwrap();
    let of_weights = |x: f32| {
        let y = weights.predict(&[x]).unwrap();
        assert!((y[0] - x.sin()).abs() < 0.08, "{y:?} for {x}");
        (format!("{x:?}"), format!("{:?}", y[0]))
    };
    let of_weights = cases(
        (
            "CASES",
            "Nine numbers, and those that the network with weights in int8 predicts.",
        ),
        "f32, f32",
        numbers.map(of_weights).collect::<Vec<_>>().into_iter(),
    );
    Vec::from([
        (
            "src/networks/sine_int8.rs",
            quantized.to_rust("SINE").unwrap(),
        ),
        ("src/networks/sine_f32.rs", net.to_rust("SINE").unwrap()),
        (
            "src/networks/sine_int8_alone.rs",
            quantized.to_rust_standalone("sine").unwrap(),
        ),
        (
            "src/networks/sine_f32_alone.rs",
            net.to_rust_standalone("sine").unwrap(),
        ),
        (
            "src/networks/sine_weights.rs",
            weights.to_rust("SINE").unwrap(),
        ),
        ("src/networks/sine_int8_cases.rs", int8),
        ("src/networks/sine_weights_cases.rs", of_weights),
        ("src/networks/sine_f32_cases.rs", float),
        ("c/sine_int8.h", quantized.to_c("sine").unwrap()),
        ("c/sine_f32.h", net.to_c("sine").unwrap()),
    ])
}

fn write_anomaly(folder: &Path) {
    let net = anomaly();
    let view = QuantizedMlpRef::from(&net);
    let mut random = Numbers(2);
    let inputs: Vec<i8> = (0..640)
        .map(|_| (256.0 * random.next() - 128.0) as i8)
        .collect();
    let (mut outputs, mut scratch) = (vec![0; 640], vec![0; view.scratch_len()]);
    view.predict_int8(&inputs, &mut outputs, &mut scratch)
        .unwrap();
    fs::create_dir_all(folder).unwrap();
    let pairs = inputs.into_iter().zip(outputs);
    for (name, text) in [
        ("anomaly.rs", net.to_rust("ANOMALY").unwrap()),
        (
            "anomaly_alone.rs",
            net.to_rust_standalone("anomaly").unwrap(),
        ),
        ("anomaly.h", net.to_c("anomaly").unwrap()),
        (
            "anomaly_cases.rs",
            cases(("CASE", "Inputs and outputs."), "i8, i8", pairs),
        ),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// A single test, because the choice of an instruction set applies to the whole process.
#[test]
fn networks_are_those_of_this_crate() {
    // Without fused multiply-add, training gives equal bits on each CPU.
    InstructionSet::Portable.activate().unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cortex-m");
    let mut old = Vec::new();
    for (name, text) in files_of_sine() {
        if fs::read_to_string(program.join(name)).unwrap_or_default() != text {
            let new = Path::new(env!("CARGO_TARGET_TMPDIR"))
                .join("cortex-m")
                .join(name);
            fs::create_dir_all(new.parent().unwrap()).unwrap();
            fs::write(&new, text).unwrap();
            old.push(new);
        }
    }
    assert!(
        old.is_empty(),
        "these generated files are old, and new ones are written: {old:?}"
    );
    if let Some(folder) = std::env::var_os("FEEDFORWARD_EMBEDDED_OUT") {
        write_anomaly(&PathBuf::from(folder));
    }
}
