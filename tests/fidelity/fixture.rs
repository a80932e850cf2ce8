//! Reading of fixtures, and measures of the differences.

use std::sync::Arc;

use feedforward::activation::{self, Identity};
use feedforward::loss::{
    BinaryCrossEntropy, Huber, MeanAbsoluteError, MeanSquaredError, PerOutput, Poisson,
    ScikitSquaredError, SoftmaxCrossEntropy, SquaredError,
};
use feedforward::metrics::{Accuracy, Link, R2, Score, SubsetAccuracy};
use feedforward::{Activation, Float, Loss, Mlp};
use serde_json::Value;

pub use super::json::{count, indices, list, number, text};

/// The result of checking a fixture.
#[derive(Default)]
pub struct Report {
    failures: Vec<String>,
    /// The largest d among the numbers that have a bound for f64.
    worst: f64,
}

/// Bound for single forward passes and gradients in f64.
pub const ONCE: f64 = 1e-12;

/// Bound for trajectories in f64.
pub const TRAJECTORY: f64 = 1e-9;

/// Bound in f32.
pub const SINGLE: f64 = 1e-3;

/// The difference as the fixtures define it. Equal infinities, and two NaNs, have distance 0.
pub fn d(got: f64, expected: f64) -> f64 {
    if got == expected || got.is_nan() && expected.is_nan() {
        return 0.0;
    }
    (got - expected).abs() / (1e-3 + expected.abs())
}

impl Report {
    pub fn fail(&mut self, failure: String) {
        self.failures.push(failure);
    }

    pub fn near(&mut self, what: &str, got: f64, expected: f64, bound: f64) {
        self.near_all(what, &[got], &[expected], bound);
    }

    pub fn near_all<T: Float>(&mut self, what: &str, got: &[T], expected: &[f64], bound: f64) {
        if got.len() != expected.len() {
            let (expected, got) = (expected.len(), got.len());
            return self.fail(format!("{what}: expected {expected} numbers, got {got}"));
        }
        let pairs = got.iter().map(|x| x.as_f64()).zip(expected.iter().copied());
        let worst = pairs
            .map(|(got, expected)| (d(got, expected), got, expected))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((d, got, expected)) = worst else {
            return;
        };
        if bound <= TRAJECTORY {
            self.worst = self.worst.max(d);
        }
        if d > bound || d.is_nan() {
            self.fail(format!(
                "{what}: expected {expected}, got {got}: d = {d:.1e}, above {bound:e}"
            ));
        }
    }

    #[allow(clippy::needless_pass_by_value)] // numbers and lists made on the spot
    pub fn same<V: PartialEq + std::fmt::Debug>(&mut self, what: &str, got: V, expected: V) {
        if got != expected {
            self.fail(format!("{what}: expected {expected:?}, got {got:?}"));
        }
    }

    /// Returns the largest d, or all failures.
    pub fn finish(self) -> Result<f64, Vec<String>> {
        if self.failures.is_empty() {
            Ok(self.worst)
        } else {
            Err(self.failures)
        }
    }
}

/// Returns all numbers of nested lists, in order.
pub fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![number(other)],
    }
}

pub fn floats<T: Float>(value: &Value) -> Vec<T> {
    numbers(value).into_iter().map(T::from_f64).collect()
}

/// Returns weights and biases in the order of the crate's parameters. Each layer has one matrix
/// (inputs, outputs), or one per piece of its activation.
pub fn params(coefs: &Value, intercepts: &Value) -> Vec<f64> {
    let mut params = Vec::new();
    for (coefs, intercepts) in list(coefs).iter().zip(list(intercepts)) {
        let is_cube = coefs[0][0].is_array();
        let pieces: Vec<&Value> = if is_cube {
            list(coefs).iter().collect()
        } else {
            vec![coefs]
        };
        let biases: Vec<Vec<f64>> = if is_cube {
            list(intercepts).iter().map(numbers).collect()
        } else {
            vec![numbers(intercepts)]
        };
        let units = biases[0].len();
        for unit in 0..units {
            for matrix in &pieces {
                params.extend(list(matrix).iter().map(|row| number(&row[unit])));
            }
        }
        for unit in 0..units {
            params.extend(biases.iter().map(|bias| bias[unit]));
        }
    }
    params
}

/// Returns the built-in activation with this name in the fixtures, such as `leaky_relu_0.1`.
pub fn activation<T: Float>(name: &str) -> Arc<dyn Activation<T>> {
    activation::parse(name).unwrap_or_else(|error| {
        let (family, parameter) = name.rsplit_once('_').unwrap_or_else(|| panic!("{error}"));
        let name = format!("{family}({parameter})");
        activation::parse(&name).unwrap_or_else(|_| panic!("{error}"))
    })
}

/// Returns the fixture's initial network. Its output layer returns values or logits, as losses
/// expect.
pub fn network<T: Float>(fixture: &Value) -> Mlp<T> {
    let sizes = indices(&fixture["layers"]);
    let mut builder = Mlp::builder(sizes[0]);
    if sizes.len() > 2 {
        let hidden = activation(text(&fixture["hidden_activation"]));
        for &size in &sizes[1..sizes.len() - 1] {
            builder = builder.hidden(size, Arc::clone(&hidden));
        }
    }
    let mut net = builder
        .output(sizes[sizes.len() - 1], Identity)
        .build()
        .unwrap();
    let init = &fixture["init"];
    if !init.is_null() {
        let params = params(&init["coefs"], &init["intercepts"]);
        let params: Vec<T> = params.into_iter().map(T::from_f64).collect();
        net.set_params(&params).unwrap();
    }
    net
}

/// Returns the loss of a scikit-learn task, on logits.
pub fn task_loss<T: Float>(task: &str) -> Arc<dyn Loss<T>> {
    match task {
        "regression" => Arc::new(ScikitSquaredError),
        "poisson" => Arc::new(Poisson),
        "binary" | "multilabel" => Arc::new(BinaryCrossEntropy),
        "multiclass" => Arc::new(SoftmaxCrossEntropy),
        other => panic!("task {other} is not covered"),
    }
}

/// Returns scikit-learn's score of a task.
pub fn task_score<T: Float>(task: &str) -> Arc<dyn Score<T>> {
    match task {
        "regression" => Arc::new(R2 {
            link: Link::Identity,
        }),
        "poisson" => Arc::new(R2 { link: Link::Log }),
        "multilabel" => Arc::new(SubsetAccuracy),
        _ => Arc::new(Accuracy),
    }
}

/// Returns a PyTorch loss by its name in the fixtures.
pub fn torch_loss<T: Float>(name: &str, delta: &Value) -> Arc<dyn Loss<T>> {
    match name {
        "mse" => Arc::new(MeanSquaredError),
        "half_mse" => Arc::new(PerOutput(SquaredError)),
        "mae" => Arc::new(MeanAbsoluteError),
        "huber" => Arc::new(Huber::new(delta.as_f64().unwrap_or(1.0))),
        "bce_logits" => Arc::new(PerOutput(BinaryCrossEntropy)),
        "ce_logits" => Arc::new(SoftmaxCrossEntropy),
        other => panic!("loss {other} is not covered"),
    }
}

/// Applies a task's output activation.
pub fn activated<T: Float>(task: &str, outputs: &[T], width: usize) -> Vec<f64> {
    let outputs = outputs.iter().map(|y| y.as_f64());
    match task {
        "regression" => outputs.collect(),
        "poisson" => outputs.map(f64::exp).collect(),
        "multiclass" => {
            let outputs: Vec<f64> = outputs.collect();
            let softmax = |row: &[f64]| {
                let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> = row.iter().map(|y| (y - most).exp()).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(move |power| power / sum)
            };
            outputs.chunks(width).flat_map(softmax).collect()
        }
        _ => outputs.map(|y| 1.0 / (1.0 + (-y).exp())).collect(),
    }
}
