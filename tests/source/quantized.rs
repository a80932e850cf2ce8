//! Quantized networks as C and Rust: their integers are those of the crate.

use std::fmt::Write;
use std::fs;

use feedforward::Mlp;
use feedforward::activation::{Identity, Relu, Silu, Tanh};
use feedforward::quantize::{OutputForm, QuantizedMlp, QuantizedMlpRef, Quantizer, Rounding};

use crate::networks::SAMPLES;
use crate::networks::numbers::Numbers;
use crate::{c, folder, name, rust};

/// A network with inputs, as integers and as numbers.
struct Case {
    net: QuantizedMlp,
    integers: Vec<i16>,
    numbers: Vec<f32>,
}

impl Case {
    /// Returns the bits of an integer input.
    fn bits(&self) -> u32 {
        QuantizedMlpRef::from(&self.net).input_stage().bits
    }
}

fn case(net: &Mlp<f32>, quantizer: Quantizer) -> Case {
    calibrated(net, quantizer, |_| {})
}

/// Returns a network whose calibration samples were changed by a function.
fn calibrated(net: &Mlp<f32>, quantizer: Quantizer, change: impl Fn(&mut [f32])) -> Case {
    let mut random = Numbers(7);
    let mut values = |len: usize, size: f64| -> Vec<f32> {
        (0..len)
            .map(|_| (size * (2.0 * random.next() - 1.0)) as f32)
            .collect()
    };
    let width = net.inputs();
    let mut calibration = values(width * 300, 2.0);
    calibration.chunks_exact_mut(width).for_each(change);
    // Half of the numbers are outside the calibrated range.
    let numbers = values(width * SAMPLES, 4.0);
    let integers = values(width * SAMPLES, 128.5)
        .iter()
        .map(|&x| x as i8)
        .collect::<Vec<_>>();
    let net = quantizer.quantize(net, &calibration).unwrap();
    let is_wide = QuantizedMlpRef::from(&net).input_stage().bits == 16;
    // int16 has the same spread, with other low bits.
    let integers = integers.iter().map(|&q| i16::from(q));
    let spread = |q: i16| q.saturating_mul(257).saturating_sub(85);
    Case {
        net,
        integers: integers
            .map(|q| if is_wide { spread(q) } else { q })
            .collect(),
        numbers,
    }
}

fn cases() -> Vec<Case> {
    let net = |seed| Mlp::<f32>::builder(4).seed(seed);
    let relu = net(1).hidden(16, Relu).output(3, Identity).build().unwrap();
    let tables = net(2)
        .hidden(21, Tanh)
        .hidden(9, Silu)
        .output(2, Tanh)
        .build()
        .unwrap();
    let clamped = net(3).hidden(5, Silu).output(4, Relu).build().unwrap();
    let single = Quantizer::new().rounding(Rounding::Single);
    let wide = Quantizer::new().activation_bits(16);
    // All that the calibration saw is a tiny difference, so other sums exceed int32 when scaled.
    let mut difference = Mlp::builder(2)
        .hidden(1, Relu)
        .output(1, Relu)
        .build()
        .unwrap();
    difference.set_params(&[1.0, -1.0, 1e-7, 1.0, 0.0]).unwrap();
    let equal = |sample: &mut [f32]| sample[1] = sample[0];
    Vec::from([
        calibrated(&difference, single, equal),
        calibrated(&difference, single.outputs(OutputForm::Int8), equal),
        calibrated(&difference, Quantizer::new(), equal),
        case(&relu, Quantizer::new()),
        case(&relu, single),
        case(&tables, Quantizer::new().outputs(OutputForm::Int8)),
        case(&tables, single.outputs(OutputForm::Int8)),
        case(&clamped, Quantizer::new()),
        case(&relu, wide),
        case(&relu, wide.rounding(Rounding::Single)),
        case(&tables, wide.outputs(OutputForm::Int16)),
        case(&tables, wide.outputs(OutputForm::Int8)),
        case(&tables, Quantizer::new().outputs(OutputForm::Int16)),
        case(&clamped, wide.outputs(OutputForm::Int16)),
        case(&clamped, wide.compensate_weights(true)),
    ])
}

/// Returns the bytes of all inputs: for each network integers, then numbers.
fn input_bytes(cases: &[Case]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for case in cases {
        match case.bits() {
            8 => bytes.extend(case.integers.iter().map(|&q| q as u8)),
            _ => bytes.extend(case.integers.iter().flat_map(|q| q.to_ne_bytes())),
        }
        bytes.extend(case.numbers.iter().flat_map(|x| x.to_ne_bytes()));
    }
    bytes
}

/// Returns the bytes that a program must print: int32 outputs, then numbers.
fn expected(cases: &[Case]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for case in cases {
        let net = QuantizedMlpRef::from(&case.net);
        let mut outputs = vec![0; SAMPLES * net.outputs()];
        let mut scratch = vec![0; net.scratch_len()];
        if case.bits() == 8 {
            let integers: Vec<_> = case.integers.iter().map(|&q| q as i8).collect();
            net.predict_int32(&integers, &mut outputs, &mut scratch)
        } else {
            net.predict_int32(&case.integers, &mut outputs, &mut scratch)
        }
        .unwrap();
        bytes.extend(outputs.iter().flat_map(|y| y.to_ne_bytes()));
        let numbers = case.net.predict(&case.numbers).unwrap();
        bytes.extend(numbers.iter().flat_map(|y| y.to_ne_bytes()));
    }
    bytes
}

fn has_short_lines(text: &str) -> bool {
    text.lines().all(|line| line.chars().count() <= 100)
}

#[test]
fn integers_of_c_are_those_of_the_crate() {
    let (cases, folder) = (cases(), folder("c_quantized"));
    let (mut head, mut calls) = (String::from("#include <stdio.h>\n"), String::new());
    for (index, case) in cases.iter().enumerate() {
        let (name, upper) = (name(index), name(index).to_uppercase());
        let header = case.net.to_c(&name).unwrap();
        assert!(has_short_lines(&header), "{header}");
        let types = ["int8_t", "int16_t", "int32_t"];
        let has = |of: &&&str| header.contains(&format!(" {of} y[NET"));
        let integer = types.iter().find(has).unwrap();
        let bits = case.bits();
        fs::write(folder.join(name.clone() + ".h"), header).unwrap();
        writeln!(head, "#define {upper}_SELF_TEST\n#include \"{name}.h\"").unwrap();
        writeln!(
            calls,
            "    if ({name}_self_test() != 0) return {};
    for (int i = 0; i < {SAMPLES}; i++) {{
        int{bits}_t x[{upper}_INPUTS];
        {integer} y[{upper}_OUTPUTS];
        if (fread(x, sizeof x, 1, stdin) != 1) return 1;
        {name}_predict_integers(x, y);
        for (int j = 0; j < {upper}_OUTPUTS; j++) {{
            const int32_t wide = y[j];
            if (fwrite(&wide, sizeof wide, 1, stdout) != 1) return 1;
        }}
    }}
    for (int i = 0; i < {SAMPLES}; i++) {{
        float x[{upper}_INPUTS], y[{upper}_OUTPUTS];
        if (fread(x, sizeof x, 1, stdin) != 1) return 1;
        {name}_predict(x, y);
        if (fwrite(y, sizeof y, 1, stdout) != 1) return 1;
    }}",
            index + 2
        )
        .unwrap();
    }
    let main = format!("{head}int main(void)\n{{\n{calls}    return 0;\n}}\n");
    fs::write(folder.join("main.c"), main).unwrap();
    let expected = expected(&cases);
    c::compile_and_run(&folder, &input_bytes(&cases), |command, output| {
        assert!(output == expected, "{command}");
    });
}

#[test]
fn integers_of_rust_are_those_of_the_crate() {
    let (cases, folder) = (cases(), folder("rust_quantized"));
    let mut library = String::from("//! Networks.\n#![no_std]\n#![deny(warnings, missing_docs)]\n");
    let mut calls = String::new();
    for (index, case) in cases.iter().enumerate() {
        let name = name(index);
        let module = case.net.to_rust_standalone(&name).unwrap();
        let bits = case.bits();
        assert!(has_short_lines(&module), "{module}");
        library += &module;
        writeln!(
            calls,
            "    for _ in 0..{SAMPLES} {{
        let x: [i{bits}; nets::{name}::INPUTS] = std::array::from_fn(|_| i{bits}::from_ne_bytes(read()));
        for y in nets::{name}::predict_integers(&x) {{
            to.write_all(&i32::from(y).to_ne_bytes()).unwrap();
        }}
    }}
    for _ in 0..{SAMPLES} {{
        let x: [f32; nets::{name}::INPUTS] = std::array::from_fn(|_| f32::from_ne_bytes(read()));
        nets::{name}::predict(&x).iter().for_each(|y| to.write_all(&y.to_ne_bytes()).unwrap());
    }}"
        )
        .unwrap();
    }
    let main = format!(
        "use std::io::{{BufReader, BufWriter, Read, Write, stdin, stdout}};
fn read<const N: usize>(from: &mut impl Read) -> [u8; N] {{
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).unwrap();
    bytes
}}
fn main() {{
    let (mut from, mut to) = (BufReader::new(stdin().lock()), BufWriter::new(stdout().lock()));
{calls}}}
"
    )
    .replace("(read())", "(read(&mut from))");
    fs::write(folder.join("nets.rs"), library).unwrap();
    fs::write(folder.join("main.rs"), main).unwrap();
    let expected = expected(&cases);
    rust::compile_and_run(&folder, &input_bytes(&cases), |command, output| {
        assert!(output == expected, "{command}");
    });
}

#[test]
fn names_and_activations_are_checked() {
    let net = Mlp::<f32>::builder(4).output(2, Tanh).build().unwrap();
    let float = case(&net, Quantizer::new()).net;
    for error in [
        float.to_c("net").unwrap_err(),
        float.to_rust_standalone("net").unwrap_err(),
    ] {
        assert!(error.to_string().contains("OutputForm::Int8"), "{error}");
    }
    assert!(
        float
            .to_rust("NET")
            .unwrap()
            .contains("Some(&feedforward::activation::Tanh)")
    );
    let int8 = case(&net, Quantizer::new().outputs(OutputForm::Int8)).net;
    assert!(int8.to_c("Net").is_err() && int8.to_rust_standalone("fn").is_err());
    assert!(int8.to_rust("net").is_err());
}
