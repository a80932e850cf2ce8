//! PyTorch's `state_dict`s with normalizations, wrappers and numbers of 16 bits.

use std::path::{Path, PathBuf};

use feedforward::{Error, Float, Mlp};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/pytorch")
}

fn numbers(value: &Value) -> Vec<f64> {
    let items = value.as_array().unwrap();
    items.iter().map(|item| item.as_f64().unwrap()).collect()
}

/// Compares a network's predictions with those of PyTorch.
fn check<T: Float>(name: &str, net: &Mlp<T>, case: &Value, tolerance: f64) {
    let inputs: Vec<T> = numbers(&case["input"])
        .into_iter()
        .map(T::from_f64)
        .collect();
    let outputs = net.predict(&inputs).unwrap();
    let expected = numbers(&case["output"]);
    assert_eq!(outputs.len(), expected.len(), "{name}");
    for (got, expected) in outputs.iter().zip(&expected) {
        let error = (got.as_f64() - expected).abs() / expected.abs().max(1.0);
        assert!(
            error < tolerance,
            "{name}: {got:?} {expected}, error {error:e}"
        );
    }
}

/// tests/fixtures/pytorch/make_wrapped.py wrote the files with PyTorch 2.15.
#[test]
fn files_of_pytorch_predict_what_pytorch_does() {
    let cases = std::fs::read(folder().join("wrapped.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_slice(&cases).unwrap();
    assert!(cases.len() >= 7);
    for case in &cases {
        let name = case["file"].as_str().unwrap();
        let bytes = std::fs::read(folder().join(name)).unwrap();
        let entries = case["entries"].as_array().unwrap();
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| entry.as_str().unwrap())
            .collect();
        if let Some(tensor) = case["tensor"].as_str() {
            let error = Mlp::<f32>::from_state_dict(&bytes, &entries).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{error}");
            assert!(error.to_string().contains(tensor), "{name}: {error}");
            let layers = [("0", "relu"), ("3", "identity")];
            assert!(Mlp::<f32>::from_state_dict_named(&bytes, &layers, &[]).is_err());
            continue;
        }
        let double = Mlp::<f64>::from_state_dict(&bytes, &entries).unwrap();
        check(name, &double, case, 1e-14);
        let single = Mlp::<f32>::from_state_dict(&bytes, &entries).unwrap();
        check(name, &single, case, 2e-6);
        // One rounding.
        let pairs = single.params().iter().zip(double.params());
        assert!(pairs.into_iter().all(|(&a, &b)| a == b as f32), "{name}");
    }
}

/// Returns a file without description. Number i of a tensor is its `start` plus i / 8.
fn file(tensors: &[(&str, &[usize], f32)]) -> Vec<u8> {
    let bytes = |shape: &[usize], start: f32| -> Vec<u8> {
        let len = shape.iter().product::<usize>();
        let numbers = (0..len).map(|i| start + i as f32 / 8.0);
        numbers.flat_map(f32::to_le_bytes).collect()
    };
    let data: Vec<_> = tensors
        .iter()
        .map(|&(_, shape, start)| bytes(shape, start))
        .collect();
    let views = tensors.iter().zip(&data).map(|((name, shape, _), data)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), data);
        (name.to_string(), view.unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

/// Tensors of a linear layer and of a normalization.
fn linear(name: &'static str, outputs: usize, inputs: usize) -> Vec<(String, Vec<usize>, f32)> {
    vec![
        (format!("{name}.weight"), vec![outputs, inputs], -0.5),
        (format!("{name}.bias"), vec![outputs], 0.25),
    ]
}

fn norm(name: &'static str, width: usize) -> Vec<(String, Vec<usize>, f32)> {
    let parts = [
        ("weight", 1.5),
        ("bias", -0.5),
        ("running_mean", 0.125),
        ("running_var", 0.5),
    ];
    let parts = parts.iter();
    parts
        .map(|(part, start)| (format!("{name}.{part}"), vec![width], *start))
        .collect()
}

fn of(parts: &[Vec<(String, Vec<usize>, f32)>]) -> Vec<u8> {
    let all: Vec<_> = parts.iter().flatten().collect();
    let all: Vec<_> = all
        .iter()
        .map(|(name, shape, start)| (&**name, &**shape, *start))
        .collect();
    file(&all)
}

fn refusal(bytes: &[u8], entries: &[&str]) -> String {
    let error = Mlp::<f64>::from_state_dict(bytes, entries).unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
    error.to_string()
}

#[test]
fn entries_tell_where_a_normalization_stands() {
    let bytes = of(&[linear("0", 2, 2), norm("1", 2), linear("3", 1, 2)]);
    // The equations, with the file's numbers.
    let affine = |x: f64, i: usize| {
        let i = i as f64 / 8.0;
        (1.5 + i) * (x - (0.125 + i)) / (0.5 + i + 1e-5).sqrt() - 0.5 + i
    };
    let layer = |x: &[f64], rows: usize| -> Vec<f64> {
        let weight = |at: usize| -0.5 + at as f64 / 8.0;
        let row = |row: usize| {
            let products = x.iter().enumerate().map(|(i, x)| weight(row * 2 + i) * x);
            products.sum::<f64>() + 0.25 + row as f64 / 8.0
        };
        (0..rows).map(row).collect()
    };
    let norm = |x: Vec<f64>| -> Vec<f64> { (0..2).map(|i| affine(x[i], i)).collect() };
    let tanh = |x: Vec<f64>| -> Vec<f64> { x.into_iter().map(f64::tanh).collect() };
    let x = [0.75, -1.25];
    let places: [(&[&str], f64); 3] = [
        (
            &["batch_norm -> tanh", "identity"],
            layer(&tanh(norm(layer(&x, 2))), 1)[0],
        ),
        (
            &["tanh -> batch_norm", "identity"],
            layer(&norm(tanh(layer(&x, 2))), 1)[0],
        ),
        (
            &["tanh", "batch_norm(1) -> linear -> identity"],
            layer(&norm(tanh(layer(&x, 2))), 1)[0],
        ),
    ];
    for (entries, expected) in places {
        let net = Mlp::<f64>::from_state_dict(&bytes, entries).unwrap();
        let got = net.predict(&x).unwrap()[0];
        assert!(
            (got - expected).abs() < 1e-14,
            "{entries:?}: {got} {expected}"
        );
    }
    // In front of the inputs, which the numbers of the names contradict unless it has a name.
    let first = ["batch_norm(1) -> linear -> tanh", "identity"];
    let net = Mlp::<f64>::from_state_dict(&bytes, &first).unwrap();
    let expected = layer(&tanh(layer(&norm(x.to_vec()), 2)), 1)[0];
    assert!((net.predict(&x).unwrap()[0] - expected).abs() < 1e-14);
    let error = refusal(&bytes, &["batch_norm -> linear -> tanh", "identity"]);
    assert!(error.contains("\"1\" comes before \"0\""), "{error}");

    // By name.
    let layers = [("0", "batch_norm(1) -> tanh"), ("3", "identity")];
    let named = Mlp::<f64>::from_state_dict_named(&bytes, &layers, &[]).unwrap();
    let plain = Mlp::<f64>::from_state_dict(&bytes, places[0].0).unwrap();
    assert_eq!(named.params(), plain.params());
}

#[test]
fn an_entry_that_is_no_layer_is_refused() {
    let bytes = of(&[linear("0", 2, 2), norm("1", 2), linear("3", 1, 2)]);
    for (entry, problem) in [
        ("batch_norm", "an activation"),
        ("batch_norm -> linear", "an activation"),
        ("tanh -> relu", "one activation"),
        ("tanh -> linear", "behind \"linear\""),
        ("linear -> linear -> tanh", "at most once"),
        ("tanh -> linear -> tanh", "behind \"linear\""),
        ("linear -> batch_norm -> tanh -> tanh", "one activation"),
        ("batch_norm(9) -> tanh", "9.running_mean"),
        ("batch_norm -> batch_norm -> tanh", "expected 2 batch norm"),
        ("", "activation"),
        ("->", "activation"),
    ] {
        let error = Mlp::<f64>::from_state_dict(&bytes, &[entry, "identity"]).unwrap_err();
        assert!(error.to_string().contains(problem), "{entry:?}: {error}");
    }
    let last = of(&[linear("0", 2, 2), linear("1", 1, 2), norm("2", 1)]);
    let error = refusal(&last, &["tanh", "identity -> batch_norm"]);
    assert!(error.contains("behind the last activation"), "{error}");
    // Without a place, the error names the tensors and says how to give one.
    let error = refusal(&bytes, &["tanh", "identity"]);
    for part in ["1.running_mean", "batch_norm -> relu"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_normalization_must_be_complete() {
    for missing in ["weight", "bias", "running_mean", "running_var"] {
        let mut norm = norm("1", 2);
        norm.retain(|(name, ..)| !name.ends_with(missing));
        let bytes = of(&[linear("0", 2, 2), norm, linear("3", 1, 2)]);
        for entry in ["batch_norm -> tanh", "batch_norm(1) -> tanh"] {
            let error = refusal(&bytes, &[entry, "identity"]);
            let names_it = error.contains(&format!("1.{missing}"));
            let counts = error.contains("got 0") && missing == "running_mean";
            assert!(names_it || counts, "{missing}: {error}");
        }
    }
    let wrong = of(&[linear("0", 2, 2), norm("1", 3), linear("3", 1, 2)]);
    let error = refusal(&wrong, &["batch_norm -> tanh", "identity"]);
    assert!(error.contains("1.running_mean"), "{error}");
    let mut negative = norm("1", 2);
    negative[3].2 = -1.0;
    let bytes = of(&[linear("0", 2, 2), negative, linear("3", 1, 2)]);
    let error = refusal(&bytes, &["batch_norm -> tanh", "identity"]);
    assert!(error.contains("1.running_var"), "{error}");
}

/// Means of inputs such as years would lose digits in f32.
#[test]
fn large_means_of_inputs_are_not_folded_in_f32() {
    let mut norm = norm("0", 2);
    norm[2].2 = 2000.0;
    let bytes = of(&[norm, linear("1", 1, 2)]);
    let entries = ["batch_norm -> linear -> identity"];
    let error = Mlp::<f32>::from_state_dict(&bytes, &entries).unwrap_err();
    assert!(error.to_string().contains("Scaler"), "{error}");
    assert!(Mlp::<f64>::from_state_dict(&bytes, &entries).is_ok());
}

#[test]
fn prefixes_of_wrappers_may_be_left_out() {
    let wrap = |prefix: &str| {
        let parts = [linear("0", 2, 2), norm("1", 2), linear("3", 1, 2)];
        let mut parts = parts.concat();
        for (name, ..) in &mut parts {
            *name = format!("{prefix}{name}");
        }
        of(&[parts])
    };
    let plain = wrap("");
    let layers = [("0", "batch_norm -> tanh"), ("3", "identity")];
    let expected = Mlp::<f64>::from_state_dict_named(&plain, &layers, &[]).unwrap();
    for prefix in [
        "module.",
        "_orig_mod.",
        "module._orig_mod.",
        "_orig_mod.module.",
    ] {
        let bytes = wrap(prefix);
        let entries = ["batch_norm -> tanh", "identity"];
        let net = Mlp::<f64>::from_state_dict(&bytes, &entries).unwrap();
        assert_eq!(net.params(), expected.params());
        let whole = [format!("{prefix}0"), format!("{prefix}3")];
        let whole = [(&*whole[0], layers[0].1), (&*whole[1], layers[1].1)];
        for layers in [layers, whole] {
            let net = Mlp::<f64>::from_state_dict_named(&bytes, &layers, &[]).unwrap();
            assert_eq!(net.params(), expected.params());
        }
        let explicit = [("0", "batch_norm(1) -> tanh"), ("3", "identity")];
        assert!(Mlp::<f64>::from_state_dict_named(&bytes, &explicit, &[]).is_ok());
        let ignored = ["1.weight", "1.bias", "1.running_mean", "1.running_var"];
        let without = [("0", "tanh"), ("3", "identity")];
        assert!(Mlp::<f64>::from_state_dict_named(&bytes, &without, &ignored).is_ok());
    }
    // One module of several is compiled.
    let bytes = of(&[linear("fc1._orig_mod", 2, 2), linear("fc2", 1, 2)]);
    let net = Mlp::<f64>::from_state_dict(&bytes, &["tanh", "identity"]).unwrap();
    assert_eq!(net.outputs(), 1);
    // A prefix of some layers alone is not left out.
    let bytes = of(&[linear("module.0", 2, 2), linear("1", 1, 2)]);
    let error = refusal(&bytes, &["tanh", "identity"]);
    assert!(error.contains("order"), "{error}");
    let bytes = of(&[linear("module.0", 2, 2), linear("_orig_mod.0", 2, 2)]);
    let error = Mlp::<f64>::from_state_dict_named(&bytes, &[("0", "tanh")], &[]).unwrap_err();
    assert!(error.to_string().contains("whole name"), "{error}");
}

/// Each F16 and BF16 number is one of f32 and of f64.
#[test]
fn numbers_of_16_bits_are_widened_exactly() {
    for dtype in [Dtype::F16, Dtype::BF16] {
        let (fraction, bias) = if dtype == Dtype::F16 {
            (10, 15)
        } else {
            (7, 127)
        };
        let value = |bits: u16| {
            let (exponent, low) = (
                i32::from((bits & 0x7fff) >> fraction),
                f64::from(bits & ((1 << fraction) - 1)) / f64::from(1 << fraction),
            );
            let magnitude = if exponent == 0 {
                low * 2_f64.powi(1 - bias)
            } else {
                (1.0 + low) * 2_f64.powi(exponent - bias)
            };
            if bits >> 15 == 0 {
                magnitude
            } else {
                -magnitude
            }
        };
        let top = ((1_u16 << (15 - fraction)) - 1) << fraction;
        let all: Vec<u16> = (0..=u16::MAX).filter(|bits| bits & 0x7fff < top).collect();
        let data: Vec<u8> = all.iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let view = TensorView::new(dtype, vec![1, all.len()], &data).unwrap();
        let bytes = safetensors::serialize([("weight", view)], None).unwrap();
        let single = Mlp::<f32>::from_state_dict(&bytes, &["identity"]).unwrap();
        let double = Mlp::<f64>::from_state_dict(&bytes, &["identity"]).unwrap();
        for ((&bits, &single), &double) in all.iter().zip(single.params()).zip(double.params()) {
            assert_eq!(double.to_bits(), value(bits).to_bits(), "{bits:x}");
            assert_eq!(f64::from(single).to_bits(), double.to_bits(), "{bits:x}");
        }
    }
}

/// Most changes of a header or of a number are errors, and none is a panic.
#[test]
fn damaged_files_are_errors_or_networks() {
    let whole = std::fs::read(folder().join("norms.safetensors")).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let entries = [
        "batch_norm -> linear -> batch_norm -> relu",
        "tanh -> batch_norm",
        "identity",
    ];
    let layers = [("1", entries[0]), ("4", entries[1]), ("7", entries[2])];
    let (mut read, header) = (0, 1200);
    for _ in 0..5000 {
        let mut bytes = whole.clone();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            let at = if rng.random() { at } else { at % header };
            match rng.random_range(0..3) {
                0 => bytes[at] ^= 1 << rng.random_range(0..8),
                1 => bytes[at] = b"0123456789[]{},.\":module_orig"[rng.random_range(0..29)],
                _ => bytes.truncate(at.max(1)),
            }
        }
        for net in [
            Mlp::<f32>::from_state_dict(&bytes, &entries),
            Mlp::<f32>::from_state_dict_named(&bytes, &layers, &["2.bias"]),
        ]
        .into_iter()
        .flatten()
        {
            assert!(net.params().iter().all(|p| p.is_finite()));
            read += 1;
        }
        Mlp::<f64>::from_state_dict(&bytes, &entries).ok();
    }
    assert!(read > 100, "{read} networks");
}
