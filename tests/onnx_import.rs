//! Models of other libraries, with the outputs that onnxruntime computed.
//!
//! `FEEDFORWARD_ONNX_MODELS` names another folder of such models: NAME.onnx and NAME.json.

use std::path::{Path, PathBuf};

use feedforward::activation::{self, Gelu, Identity};
use feedforward::metrics::Link;
use feedforward::onnx::{self, Imported, ImportedModel, Label};
use feedforward::optimizer::Adam;
use feedforward::{Classifier, Float, Mlp, MultilabelClassifier, Regressor, Trainer};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::Value;

fn folder() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx");
    std::env::var_os("FEEDFORWARD_ONNX_MODELS").map_or_else(own, PathBuf::from)
}

/// Returns the numbers of nested lists.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        Value::Bool(yes) => vec![f64::from(u8::from(*yes))],
        other => vec![other.as_f64().expect("a number")],
    }
}

fn text(label: &Label) -> String {
    label.to_string()
}

/// Compares a model with the recorded outputs.
fn check<T: Float>(name: &str, imported: &Imported<T>, case: &Value, tolerance: f64) {
    let inputs: Vec<T> = numbers(&case["input"])
        .into_iter()
        .map(T::from_f64)
        .collect();
    let inputs = match &imported.scaler {
        None => inputs,
        Some(scaler) => scaler.transform(&inputs).unwrap(),
    };
    let outputs = case["outputs"].as_object().unwrap();
    let close = |got: &[T], expected: &[f64]| {
        assert_eq!(got.len(), expected.len(), "{name}");
        let scale = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (got, expected) in got.iter().zip(expected) {
            let error = (got.as_f64() - expected).abs() / expected.abs().max(0.1 * scale);
            assert!(
                error < tolerance,
                "{name}: {expected} {got:?}, relative error {error:e}"
            );
        }
    };
    match &imported.model {
        ImportedModel::Network(net) => {
            let (_, expected) = outputs.iter().next().unwrap();
            close(&net.predict(&inputs).unwrap(), &numbers(expected));
        }
        ImportedModel::Classifier(model) => {
            let labels: Vec<_> = model.predict(&inputs).unwrap().iter().map(text).collect();
            let probabilities = model.predict_probability(&inputs).unwrap();
            for expected in outputs.values() {
                check_output(
                    name,
                    expected,
                    &labels,
                    model.classes(),
                    &probabilities,
                    close,
                );
            }
        }
        ImportedModel::Multilabel(model) => {
            let labels = model.predict(&inputs).unwrap();
            let probabilities = model.predict_probability(&inputs).unwrap();
            let classes = model.classes();
            for expected in outputs.values() {
                let rows = expected.as_array().unwrap();
                let is_decision =
                    rows[0].is_array() && numbers(&rows[0]).iter().all(|x| x.fract() == 0.0);
                if is_decision {
                    for (row, labels) in rows.iter().zip(&labels) {
                        let got = classes
                            .iter()
                            .map(|class| f64::from(u8::from(labels.contains(class))));
                        assert_eq!(got.collect::<Vec<_>>(), numbers(row), "{name}");
                    }
                } else {
                    check_output(name, expected, &[], classes, &probabilities, close);
                }
            }
        }
        other => panic!("{name}: {other:?}"),
    }
}

/// Compares an output of a classifier: labels, probabilities, or probabilities by label.
fn check_output<T: Float>(
    name: &str,
    expected: &Value,
    labels: &[String],
    classes: &[Label],
    probabilities: &[T],
    close: impl Fn(&[T], &[f64]),
) {
    let rows = expected.as_array().unwrap();
    match &rows[0] {
        Value::Object(_) => {
            let expected = rows
                .iter()
                .flat_map(|row| classes.iter().map(|class| numbers(&row[text(class)])[0]));
            close(probabilities, &expected.collect::<Vec<_>>());
        }
        // Labels, each a row of its own.
        Value::Array(row) if row.len() == 1 && classes.len() > 1 => {
            let rows = rows.iter().map(|row| row[0].clone()).collect();
            check_output(
                name,
                &Value::Array(rows),
                labels,
                classes,
                probabilities,
                close,
            );
        }
        // Logarithms of probabilities are below 0.
        Value::Array(_) if numbers(expected).iter().any(|&y| y < 0.0) => {
            let expected: Vec<_> = numbers(expected).iter().map(|y| y.exp()).collect();
            close(probabilities, &expected);
        }
        Value::Array(_) => close(probabilities, &numbers(expected)),
        _ => {
            let expected = rows.iter().map(|label| match label {
                Value::String(label) => label.clone(),
                label => label.to_string(),
            });
            assert_eq!(labels, expected.collect::<Vec<_>>(), "{name}");
        }
    }
}

#[test]
fn models_of_other_libraries_predict_what_onnxruntime_does() {
    let mut names: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|of| of == "onnx"))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    let mut faults = Vec::new();
    for path in names {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let case = std::fs::read(path.with_extension("json")).unwrap();
        let case: Value = serde_json::from_slice(&case).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let tested = std::panic::catch_unwind(|| {
            if case["kind"] == "refuse" {
                let error = onnx::import::<f32>(&bytes).unwrap_err().to_string();
                println!("{name}: {error}");
                assert!(error.contains("node"), "{error}");
                return;
            }
            if case["dtype"] == "float64" {
                let imported = onnx::import::<f64>(&bytes).unwrap();
                check(&name, &imported, &case, 1e-12);
            } else {
                let imported = onnx::import::<f32>(&bytes).unwrap();
                println!("{name}: {:?}", imported.notes);
                check(&name, &imported, &case, 1e-5);
            }
        });
        if tested.is_err() {
            faults.push(name);
        }
    }
    assert!(faults.is_empty(), "{faults:?}");
}

/// Numbers between -2 and 2.
fn samples<T: Float>(len: usize) -> Vec<T> {
    (0..len)
        .map(|i| T::from_f64(2.0 * (i as f64 * 1.7).sin()))
        .collect()
}

fn round_trip<T: Float>() {
    let mut names: Vec<_> = activation::all::<T>()
        .iter()
        .map(|f| f.name().into_owned())
        .collect();
    for name in [
        "leaky_relu(0.3)",
        "elu(1.7)",
        "celu(0.4)",
        "softplus(2.5)",
        "sine(30)",
        "maxout(3)",
        "squareplus(1.5)",
        "hard_sigmoid(0.2)",
        "hard_shrink(0.7)",
        "soft_shrink(0.25)",
        "parametric(tanh)",
        "parametric(relu)",
        "parametric(mish)",
        "parametric(leaky_relu(0.2))",
    ] {
        names.push(name.into());
    }
    let x = samples::<T>(3 * 40);
    for name in names {
        let f = || activation::parse::<T>(&name).unwrap();
        let builder = Mlp::<T>::builder(3).hidden(5, f()).hidden(4, f());
        for output in ["identity", "tanh", &*name] {
            let output = activation::parse::<T>(output).unwrap();
            let mut net = builder.clone().output(2, output).seed(3).build().unwrap();
            for (index, param) in net.params_mut().iter_mut().enumerate() {
                *param = *param * T::from_f64(0.3) + T::from_f64(0.05 * (index as f64).cos());
            }
            let bytes = onnx::export(&net).unwrap();
            let imported =
                onnx::import::<T>(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(
                imported.scaler.is_none() && imported.notes.is_empty(),
                "{name} {:?}",
                imported.notes
            );
            let same = imported.into_network().unwrap();
            assert!(
                same.is_shaped_like(&net),
                "{name}: {:?}",
                same.layer_specs()
            );
            let expected = net.predict(&x).unwrap();
            assert_eq!(same.predict(&x).unwrap(), expected, "{name}");
        }
    }
}

#[test]
fn exported_networks_come_back() {
    round_trip::<f32>();
    round_trip::<f64>();
}

#[test]
fn exported_models_come_back() {
    let x = samples::<f32>(3 * 40);
    let builder = || Mlp::<f32>::builder(3).hidden(6, Gelu).seed(4);
    for words in [
        &["no", "yes"][..],
        &["a", "b\"", "c, d"],
        &["one", "two", "three", "four"],
    ] {
        let model = Classifier::new(builder(), words.iter().copied()).unwrap();
        let imported = onnx::import::<f32>(&onnx::export(&model).unwrap()).unwrap();
        let ImportedModel::Classifier(same) = imported.model else {
            panic!("{:?}", imported.model);
        };
        let labels: Vec<_> = same.predict(&x).unwrap().iter().map(text).collect();
        assert_eq!(labels, model.predict(&x).unwrap());
        assert_eq!(
            same.predict_probability(&x).unwrap(),
            model.predict_probability(&x).unwrap()
        );
    }
    // Labels survive a second export, and others are numbered with a note.
    let labels = ["setosa", "7", "-"].map(|word| word.parse::<Label>().unwrap());
    assert_eq!(labels[1], Label::Integer(7));
    let model = Classifier::new(builder(), labels.clone()).unwrap();
    let imported = onnx::import::<f32>(&onnx::export(&model).unwrap()).unwrap();
    let ImportedModel::Classifier(same) = imported.model else {
        panic!("{:?}", imported.model);
    };
    assert_eq!(same.classes(), model.classes());
    let model = Classifier::new(builder(), [Some(1), None]).unwrap();
    let imported = onnx::import::<f32>(&onnx::export(&model).unwrap()).unwrap();
    assert!(
        imported
            .notes
            .iter()
            .any(|note| note.contains("[None, Some(1)]"))
    );
    let (y, trainer) = (&x[..40], |model: &Regressor<f32>| {
        Trainer::new(model.loss(), Adam::new(0.01)).epochs(2)
    });
    for (link, scales) in [
        (Link::Identity, true),
        (Link::Identity, false),
        (Link::Log, true),
    ] {
        let net = builder().output(1, Identity).build().unwrap();
        let mut model = Regressor::new(net).link(link).scale_targets(scales);
        let targets: Vec<_> = y.iter().map(|y| 1000.0 + 70.0 * y).collect();
        let targets = if link == Link::Log {
            y.iter().map(|y| y + 2.0).collect()
        } else {
            targets
        };
        model.fit(&trainer(&model), &x, &targets).unwrap();
        let imported = onnx::import::<f32>(&onnx::export(&model).unwrap()).unwrap();
        let ImportedModel::Regressor(same) = imported.model else {
            panic!("{:?}", imported.model);
        };
        assert_eq!(same.target_scaler(), model.target_scaler());
        assert_eq!(same.predict(&x).unwrap(), model.predict(&x).unwrap());
    }
    let model = MultilabelClassifier::new(builder(), [7, 8, 9]).unwrap();
    let imported = onnx::import::<f32>(&onnx::export(&model).unwrap()).unwrap();
    let ImportedModel::Multilabel(same) = imported.model else {
        panic!("{:?}", imported.model);
    };
    assert_eq!(same.classes(), [7, 8, 9].map(Label::Integer));
    assert_eq!(
        same.predict_probability(&x).unwrap(),
        model.predict_probability(&x).unwrap()
    );
}

fn models(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|of| of == "onnx"));
    paths.sort();
    paths
}

/// Models whose axes, types or outputs are none of a chain of layers, and small files that ask for
/// much memory or time.
#[test]
fn hostile_models_are_refused() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx/hostile");
    let paths = models(&own);
    assert!(paths.len() > 40);
    let mut imported = Vec::new();
    for path in paths {
        match onnx::import::<f32>(&std::fs::read(&path).unwrap()) {
            Err(error) => println!("{path:?}: {error}"),
            Ok(_) => imported.push(path),
        }
    }
    assert!(imported.is_empty(), "{imported:?}");
}

#[test]
fn unusual_models_predict_what_onnxruntime_does() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/onnx/unusual");
    for path in models(&own) {
        let case = std::fs::read(path.with_extension("json")).unwrap();
        let imported = onnx::import::<f32>(&std::fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let case = serde_json::from_slice(&case).unwrap();
        check(name, &imported, &case, 1e-5);
    }
}

/// Files of other formats are named.
#[test]
fn other_formats_are_named() {
    let net = Mlp::<f32>::builder(3)
        .hidden(6, Gelu)
        .output(1, Identity)
        .build()
        .unwrap();
    for (bytes, name) in [
        (&net.to_bytes().unwrap()[..], "safetensors"),
        (b"PK\x03\x04", "ZIP"),
        (b"{\"layers\": []}", "JSON"),
    ] {
        let error = onnx::import::<f32>(bytes).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
}

/// Damaged models end in errors, or in models that predict.
#[test]
fn damaged_models_are_errors() {
    let mut models: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|of| of == "onnx"))
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    models.sort();
    let cases = std::env::var("FEEDFORWARD_MUTATIONS").map_or(20_000, |text| text.parse().unwrap());
    let mut made = 0;
    for seed in 0..cases {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes = models[rng.random_range(0..models.len())].clone();
        for _ in 0..rng.random_range(1..8) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..5) {
                0 => bytes[at] = rng.random(),
                1 => bytes[at] ^= 1 << rng.random_range(0..8),
                2 => bytes.truncate(at.max(1)),
                3 => {
                    let end = rng.random_range(at..bytes.len());
                    let part = bytes[at..end.min(at + 64)].to_vec();
                    let to = rng.random_range(0..bytes.len());
                    bytes.splice(to..to, part);
                }
                _ => drop(bytes.remove(at)),
            }
            if bytes.is_empty() {
                break;
            }
        }
        if let Ok(imported) = onnx::import::<f32>(&bytes) {
            made += 1;
            let net = imported.network();
            let _ = net.predict(&vec![0.5; net.inputs()]);
        }
    }
    assert!(made > 0);
}
