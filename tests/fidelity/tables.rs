//! Tables of single functions, losses and optimizers.

use std::sync::Arc;

use feedforward::activation::LeakyRelu;
use feedforward::loss::{BinaryCrossEntropy, Poisson, ScikitSquaredError, SoftmaxCrossEntropy};
use feedforward::optimizer::State;
use feedforward::{Activation, Float, Layer, Layout, Loss, Mlp, Neuron};
use serde_json::Value;

use super::fixture::{ONCE, Report, TRAJECTORY, list, number, numbers, text, torch_loss};
use super::optimizers::{optimizer, penalty};

/// Checks values to a few ulp and derivatives to d, in both precisions.
pub fn check_activations(fixture: &Value, report: &mut Report) {
    for (name, points) in fixture["functions"].as_object().unwrap() {
        check_function::<f64>(name, points, "", ONCE, report);
        // Near a zero of the derivative, as at the minimum of SiLU, the relative error has a pole.
        // An f32 derivative then keeps only half its digits.
        check_function::<f32>(name, points, "_f32", 5e-4, report);
    }
}

fn check_function<T: Float>(
    name: &str,
    points: &Value,
    suffix: &str,
    bound: f64,
    report: &mut Report,
) {
    let f: Arc<dyn Activation<T>> = super::fixture::activation(name);
    let list = |key: &str| numbers(&points[format!("{key}{suffix}")]);
    let (xs, values, derivatives) = (list("x"), list("value"), list("derivative"));
    let got: Vec<_> = xs
        .iter()
        .map(|&x| {
            let x = T::from_f64(x);
            let y = f.value(x);
            // If a network does not keep x, it cannot pass x to the derivative.
            let seen = if f.needs_pre_activation() {
                x
            } else {
                T::nan()
            };
            (y.as_f64(), f.derivative(seen, y).as_f64())
        })
        .collect();
    let (got_values, got_derivatives): (Vec<f64>, Vec<f64>) = got.into_iter().unzip();
    let ulp = |value: f64| T::epsilon().as_f64() * value.abs().max(1.0);
    let pairs = got_values.iter().zip(&values);
    let worst = pairs.map(|(got, value)| (got - value).abs() / ulp(*value));
    let worst = worst.fold(0.0, f64::max);
    let finite = got_values.iter().all(|y| y.is_finite());
    if worst > 4.0 || !finite || got_values.len() != values.len() {
        report.fail(format!(
            "{name}{suffix}: values within {worst} ulp, above 4"
        ));
    }
    report.near_all(
        &format!("{name}{suffix}: derivatives"),
        &got_derivatives,
        &derivatives,
        bound,
    );
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    list(value).iter().map(numbers).collect()
}

/// Returns the weighted mean over samples, and each sample's gradient.
fn evaluate(
    loss: &dyn Loss<f64>,
    outputs: &[Vec<f64>],
    targets: &[Vec<f64>],
    weights: &[f64],
) -> (f64, Vec<f64>) {
    let (mut sum, mut gradients) = (0.0, Vec::new());
    for ((output, target), weight) in outputs.iter().zip(targets).zip(weights) {
        let mut gradient = vec![f64::NAN; output.len()];
        sum += weight * loss.evaluate(output, target, &mut gradient);
        gradients.extend(gradient);
    }
    (sum / weights.iter().sum::<f64>(), gradients)
}

pub fn check_losses(fixture: &Value, report: &mut Report) {
    for (name, case) in fixture["cases"].as_object().unwrap() {
        let (outputs, targets) = (rows(&case["output"]), rows(&case["target"]));
        let loss = torch_loss(text(&case["loss"]), &case["delta"]);
        let ones = vec![1.0; outputs.len()];
        let (value, gradients) = evaluate(&*loss, &outputs, &targets, &ones);
        report.near(
            &format!("{name}: value"),
            value,
            number(&case["value"]),
            ONCE,
        );
        let samples = outputs.len() as f64;
        let gradients: Vec<f64> = gradients.iter().map(|g| g / samples).collect();
        report.near_all(
            &format!("{name}: gradient"),
            &gradients,
            &numbers(&case["grad"]),
            ONCE,
        );
    }
    for (name, case) in fixture["sklearn"].as_object().unwrap() {
        check_scikit_loss(name, case, report);
    }
}

/// Checks losses of scikit-learn, which take probabilities and clip them to [eps, 1 - eps].
///
/// Losses of this crate take logits and need no clipping, so this function clips before converting
/// to logits.
fn check_scikit_loss(name: &str, case: &Value, report: &mut Report) {
    let clip = |p: f64| p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
    let (loss, to_logit): (Box<dyn Loss<f64>>, &dyn Fn(f64) -> f64) = match name {
        "half_squared_error" => (Box::new(ScikitSquaredError), &|y| y),
        "half_poisson_deviance" => (Box::new(Poisson), &f64::ln),
        "log_loss" => (Box::new(SoftmaxCrossEntropy), &|p| clip(p).ln()),
        "binary_log_loss" => (Box::new(BinaryCrossEntropy), &|p| {
            clip(p).ln() - (-clip(p)).ln_1p()
        }),
        other => panic!("loss {other} is not covered"),
    };
    let mut outputs = rows(&case["p"]);
    for p in outputs.iter_mut().flatten() {
        *p = to_logit(*p);
    }
    let targets = rows(&case["y"]);
    let ones = vec![1.0; outputs.len()];
    let (value, _) = evaluate(&*loss, &outputs, &targets, &ones);
    report.near(name, value, number(&case["value"]), ONCE);
    if case["weights"].is_array() {
        let (value, _) = evaluate(&*loss, &outputs, &targets, &numbers(&case["weights"]));
        let what = format!("{name}, weighted");
        report.near(&what, value, number(&case["value_weighted"]), ONCE);
    }
}

pub fn check_optimizers(fixture: &Value, report: &mut Report) {
    let start = numbers(&fixture["p0"]);
    let gradients = rows(&fixture["gradients"]);
    let layout = Layout::new(&[start.len() - 1, 1]).unwrap();
    let cases = &fixture["cases"];
    let cases: Vec<&Value> = match cases {
        Value::Array(cases) => cases.iter().collect(),
        _ => cases.as_object().unwrap().values().collect(),
    };
    for case in cases {
        let (rule, hyper) = (text(&case["rule"]), &case["hyper"]);
        let (rule_of, decay) = (optimizer::<f64>(rule, hyper), penalty(rule, hyper));
        let (mut params, mut state) = (start.clone(), State::new(&*rule_of, &layout).unwrap());
        for gradient in &gradients {
            let pairs = gradient.iter().zip(&params);
            let gradient: Vec<f64> = pairs.map(|(g, p)| g + decay * p).collect();
            let rate = rule_of.learning_rate();
            state
                .update(&*rule_of, rate, &mut params, &gradient)
                .unwrap();
            let expected = &case["params_after"][state.updates().to_string()];
            if !expected.is_null() {
                let what = format!("{rule} {hyper} after {} updates", state.updates());
                report.near_all(&what, &params, &numbers(expected), TRAJECTORY);
            }
        }
    }
}

/// Checks the tutorial's neuron to the last bit, alone and in a network.
pub fn check_seed_arithmetic(fixture: &Value, report: &mut Report) {
    let (inputs, weights) = (numbers(&fixture["inputs"]), numbers(&fixture["weights"]));
    let bias = number(&fixture["bias"]);
    let leaky = LeakyRelu::new(number(&fixture["leaky_slope"]));
    let neuron = Neuron::new(weights.clone(), bias, leaky).unwrap();
    let output = neuron.output(&inputs).unwrap();
    let bits = text(&fixture["target_bits_f64"]).trim_start_matches("0x");
    let bits = u64::from_str_radix(bits, 16).unwrap();
    report.same("bits of the neuron", output.to_bits(), bits);
    report.same(
        "as text",
        output.to_string(),
        text(&fixture["target_f64_repr"]).to_string(),
    );
    let layer = Layer::new(weights, [bias], leaky).unwrap();
    let net = Mlp::from_layers(&[layer]).unwrap();
    let output = net.predict(&inputs).unwrap()[0];
    report.same("bits of the network", output.to_bits(), bits);
    // The fixture's variant with the crate's order of summation must be bit-identical.
    let chain = |precision: &str| {
        let variant = &fixture["variants"][precision]["FMA chain ltr from 0, then +bias"];
        let bits = text(&variant["bits"]).trim_start_matches("0x");
        u64::from_str_radix(bits, 16).unwrap()
    };
    report.same("bits of the chain in f64", output.to_bits(), chain("f64"));
    let single = u64::from(in_single(fixture).to_bits());
    report.same("bits of the chain in f32", single, chain("f32"));
}

fn in_single(fixture: &Value) -> f32 {
    let list = |key: &str| -> Vec<f32> { super::fixture::floats(&fixture[key]) };
    let slope = number(&fixture["leaky_slope"]);
    let bias = number(&fixture["bias"]) as f32;
    let neuron = Neuron::new(list("weights"), bias, LeakyRelu::new(slope)).unwrap();
    neuron.output(&list("inputs")).unwrap()
}
