//! ONNX's node tests for operators that the crate has too.

use std::sync::Arc;

use feedforward::activation::{self, Elu, HardSigmoid, LeakyRelu};
use feedforward::loss::SoftmaxCrossEntropy;
use feedforward::{Activation, Loss};
use serde_json::Value;

use super::fixture::{Report, count, indices, list, numbers, text};

/// The data are f32. ONNX's own runner tolerates 1e-3.
const BOUND: f64 = 1e-6;

pub fn check(fixture: &Value, report: &mut Report) {
    for (name, case) in fixture["cases"].as_object().unwrap() {
        let (op, attributes) = (text(&case["op"]), &case["attributes"]);
        let input = |index: usize| numbers(&case["inputs"][index]["data"]);
        let output = |index: usize| numbers(&case["outputs"][index]["data"]);
        match op {
            "Softmax" | "LogSoftmax" => {
                let shape = indices(&case["inputs"][0]["shape"]);
                let axis = attributes["axis"].as_f64().unwrap_or(-1.0);
                let axis = if axis < 0.0 {
                    shape.len() - 1
                } else {
                    axis as usize
                };
                let got = along(&input(0), &shape, axis, op == "LogSoftmax");
                report.near_all(name, &got, &output(0), BOUND);
            }
            "SoftmaxCrossEntropyLoss" => check_cross_entropy(name, case, report),
            // In ONNX, these rules include a penalty, and their epsilon and momentum follow no
            // library's conventions. Some cases of Selu and HardSigmoid have other constants.
            "Adagrad" | "Adam" | "Momentum" => {}
            "Selu" if attributes["alpha"].is_number() => {}
            "HardSigmoid" if number_or(&attributes["beta"], 0.5) != 0.5 => {}
            _ => {
                let f = node(op, attributes);
                let (x, mut y) = (input(0), output(0));
                y.fill(f64::NAN);
                f.apply(&x, &mut y);
                report.near_all(name, &y, &output(0), BOUND);
            }
        }
    }
}

fn number_or(value: &Value, default: f64) -> f64 {
    value.as_f64().unwrap_or(default)
}

fn node(op: &str, attributes: &Value) -> Arc<dyn Activation<f64>> {
    let alpha = |default| number_or(&attributes["alpha"], default);
    let named = |name: &str| activation::parse(name).unwrap();
    match op {
        "Elu" => Arc::new(Elu::new(alpha(1.0))),
        "LeakyRelu" => Arc::new(LeakyRelu::new(alpha(0.01))),
        "HardSigmoid" => Arc::new(HardSigmoid::new(alpha(0.2))),
        "Gelu" if attributes["approximate"] == "tanh" => named("gelu_tanh"),
        "Swish" if alpha(1.0) == 1.0 => named("swish"),
        "Sin" => named("sine(1)"),
        "Gelu" | "Relu" | "Sigmoid" | "Softplus" | "Softsign" | "Tanh" => named(&op.to_lowercase()),
        other => panic!("node {other} is not covered"),
    }
}

/// Returns -ln softmax(x)\[k\], the loss of a target with all probability in class k.
fn cross_entropy(x: &[f64], k: usize) -> f64 {
    let mut target = vec![0.0; x.len()];
    target[k] = 1.0;
    SoftmaxCrossEntropy.evaluate(x, &target, &mut vec![0.0; x.len()])
}

/// Computes softmax or its logarithm along an axis, from losses.
fn along(x: &[f64], shape: &[usize], axis: usize, log: bool) -> Vec<f64> {
    let stride: usize = shape[axis + 1..].iter().product();
    let mut y = vec![f64::NAN; x.len()];
    for start in (0..x.len()).filter(|i| (i / stride).is_multiple_of(shape[axis])) {
        let at = |k: usize| start + k * stride;
        let row: Vec<f64> = (0..shape[axis]).map(|k| x[at(k)]).collect();
        for k in 0..row.len() {
            let log_probability = -cross_entropy(&row, k);
            y[at(k)] = if log {
                log_probability
            } else {
                log_probability.exp()
            };
        }
    }
    y
}

fn check_cross_entropy(name: &str, case: &Value, report: &mut Report) {
    let attributes = &case["attributes"];
    let inputs = list(&case["inputs"]);
    let x = numbers(&inputs[0]["data"]);
    let labels = indices(&inputs[1]["data"]);
    let width = count(&inputs[0]["shape"][1]);
    let class_weights = inputs.get(2).map(|weights| numbers(&weights["data"]));
    let ignored = attributes["ignore_index"].as_f64();
    let weights: Vec<f64> = labels
        .iter()
        .map(|&label| match &class_weights {
            _ if ignored == Some(label as f64) => 0.0,
            Some(weights) => weights[label],
            None => 1.0,
        })
        .collect();
    let rows = x.chunks(width).zip(&labels).zip(&weights);
    let losses: Vec<f64> = rows
        .map(|((row, &k), w)| w * cross_entropy(row, k))
        .collect();
    let got = match text(&attributes["reduction"]) {
        "none" => losses,
        "sum" => vec![losses.iter().sum()],
        "mean" => vec![losses.iter().sum::<f64>() / weights.iter().sum::<f64>()],
        other => panic!("reduction {other} is not covered"),
    };
    report.near_all(name, &got, &numbers(&case["outputs"][0]["data"]), BOUND);
    if let Some(log) = case["outputs"].get(1) {
        let got = along(&x, &indices(&inputs[0]["shape"]), 1, true);
        report.near_all(
            &format!("{name}: log_prob"),
            &got,
            &numbers(&log["data"]),
            BOUND,
        );
    }
}
