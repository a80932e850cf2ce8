//! Models of other libraries, with the outputs that onnxruntime computed.
//!
//! `FEEDFORWARD_ONNX_MODELS` names another folder of such models: NAME.onnx and NAME.json.

use std::path::{Path, PathBuf};

use feedforward::Float;
use feedforward::onnx::{self, Imported, ImportedModel, Label};
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
