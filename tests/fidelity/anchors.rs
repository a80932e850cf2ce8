//! Published numbers as references.

use feedforward::activation::Sigmoid;
use feedforward::loss::SquaredError;
use feedforward::metrics::r2;
use feedforward::optimizer::{Optimizer, Sgd, State};
use feedforward::train::{Lbfgs, LbfgsOptions, minimize};
use feedforward::{GradientWorkspace, Mlp, Scaler, Trainer};
use serde_json::Value;

use super::fixture::{
    ONCE, Report, TRAJECTORY, activated, d, floats, network, number, numbers, params, task_loss,
};

pub fn check(fixture: &Value, report: &mut Report) {
    let certified = &fixture["certified"];
    if certified["beta"].is_array() {
        check_line(fixture, report);
    } else if certified["b3"].is_number() {
        check_sigmoid_curve(fixture, report);
    } else if fixture["lr"].is_number() {
        check_mazur(fixture, report);
    } else if fixture["full_precision"]["prob_after"].is_number() {
        check_worked_example(fixture, report);
    } else {
        panic!("no check for anchor {}", fixture["id"]);
    }
}

/// Checks that numbers agree with the published ones to the printed digits.
fn printed(report: &mut Report, what: &str, got: &[f64], expected: &Value, bound: &Value) {
    let (expected, bound) = (numbers(expected), number(bound));
    let worst = got.iter().zip(&expected).map(|(got, e)| (got - e).abs());
    let worst = worst.fold(0.0, f64::max);
    if got.len() != expected.len() || worst > bound {
        report.fail(format!("{what}: off by {worst:e}, above {bound:e}"));
    }
}

fn rows(values: &[Value]) -> Value {
    Value::Array(values.to_vec())
}

/// Returns the tolerance for a published number.
fn bound<'a>(fixture: &'a Value, name: &str) -> &'a Value {
    let bounds = &fixture["published_tolerance_abs"];
    match &bounds[name] {
        Value::Null => &bounds["default"],
        given => given,
    }
}

/// Checks Mazur's step-by-step example, which keeps the biases constant.
fn check_mazur(fixture: &Value, report: &mut Report) {
    let start = network::<f64>(fixture);
    let hidden = start.layer(0).unwrap();
    let sizes = (start.inputs(), hidden.outputs(), start.outputs());
    let mut net = Mlp::builder(sizes.0)
        .hidden(sizes.1, Sigmoid)
        .output(sizes.2, Sigmoid)
        .build()
        .unwrap();
    net.set_params(start.params()).unwrap();
    let (x, y) = (floats(&fixture["X"]), floats(&fixture["Y"]));
    let (full, published) = (&fixture["full_precision"], &fixture["published"]);
    let bound = |name: &str| bound(fixture, name);

    let hidden = net.layer(0).unwrap().output(&x).unwrap();
    report.near_all("hidden outputs", &hidden, &numbers(&full["hidden0"]), ONCE);
    printed(
        report,
        "published hidden outputs",
        &hidden,
        &published["hidden0"],
        bound("hidden0"),
    );
    let outputs = net.predict(&x).unwrap();
    report.near_all("outputs", &outputs, &numbers(&full["out0"]), ONCE);
    printed(
        report,
        "published outputs",
        &outputs,
        &published["out0"],
        bound("out0"),
    );

    let mut gradient = GradientWorkspace::new(&net);
    let error = gradient.compute(&net, &x, &y, &SquaredError).unwrap();
    report.near("error", error, number(&full["error0"]), ONCE);
    printed(
        report,
        "published error",
        &[error],
        &published["error0"],
        bound("error0"),
    );
    let expected_gradient = params(
        &rows(&[full["grad_W1"].clone(), full["grad_W2"].clone()]),
        &rows(&[full["grad_b1"].clone(), full["grad_b2"].clone()]),
    );
    report.near_all("gradient", gradient.values(), &expected_gradient, ONCE);
    check_mazur_training(fixture, report, net);
}

/// Checks the ten thousand updates of Mazur's example.
fn check_mazur_training(fixture: &Value, report: &mut Report, mut net: Mlp<f64>) {
    let (x, y): (Vec<f64>, Vec<f64>) = (floats(&fixture["X"]), floats(&fixture["Y"]));
    let (full, published) = (&fixture["full_precision"], &fixture["published"]);
    let bound = |name: &str| bound(fixture, name);
    let mut gradient = GradientWorkspace::new(&net);
    let sgd = Sgd::new(number(&fixture["lr"]));
    let mut state = State::<f64>::new(&sgd, net.layout()).unwrap();
    let layers = net.layout().layers().to_vec();
    for _ in 0..10_000 {
        gradient.compute(&net, &x, &y, &SquaredError).unwrap();
        let mut without_biases = gradient.values().to_vec();
        for at in &layers {
            without_biases[at.bias.clone()].fill(0.0);
        }
        let rate = Optimizer::<f64>::learning_rate(&sgd);
        state
            .update(&sgd, rate, net.params_mut(), &without_biases)
            .unwrap();
        let expected = &full["after"][state.updates().to_string()];
        if expected.is_null() {
            continue;
        }
        let what = format!("after {} updates", state.updates());
        let init = &fixture["init"]["intercepts"];
        let weights = rows(&[expected["W1"].clone(), expected["W2"].clone()]);
        report.near_all(
            &format!("parameters {what}"),
            net.params(),
            &params(&weights, init),
            TRAJECTORY,
        );
        let outputs = net.predict(&x).unwrap();
        report.near_all(
            &format!("outputs {what}"),
            &outputs,
            &numbers(&expected["out"]),
            TRAJECTORY,
        );
        let error = gradient.evaluate(&net, &x, &y, &SquaredError).unwrap();
        report.near(
            &format!("error {what}"),
            error,
            number(&expected["error"]),
            TRAJECTORY,
        );
        match state.updates() {
            1 => {
                let weights = |layer: usize| &net.params()[layers[layer].weights.clone()];
                let (first, second) = (&published["w1to4_after1"], &published["w5to8_after1"]);
                printed(
                    report,
                    "published w1 to w4",
                    weights(0),
                    first,
                    bound("w1to4_after1"),
                );
                printed(
                    report,
                    "published w5 to w8",
                    weights(1),
                    second,
                    bound("w5to8_after1"),
                );
                printed(
                    report,
                    "published error after 1",
                    &[error],
                    &published["error_after1"],
                    bound("error_after1"),
                );
            }
            10_000 => {
                let (out, at_end) = (&published["out_after10000"], &published["error_after10000"]);
                printed(
                    report,
                    "published last outputs",
                    &outputs,
                    out,
                    bound("out_after10000"),
                );
                printed(
                    report,
                    "published last error",
                    &[error],
                    at_end,
                    bound("error_after10000"),
                );
            }
            _ => {}
        }
    }
}

/// Checks one update of scikit-learn's own worked example.
fn check_worked_example(fixture: &Value, report: &mut Report) {
    let (full, published, hyper) = (
        &fixture["full_precision"],
        &fixture["published"],
        &fixture["hyper"],
    );
    let (x, y): (Vec<f64>, Vec<f64>) = (floats(&fixture["X"]), floats(&fixture["Y"]));
    let mut net = network::<f64>(fixture);
    let bound = &published["tolerance_abs"];
    let probability = |net: &Mlp<f64>| activated("binary", &net.predict(&x).unwrap(), 1);
    let hidden = net.layer(0).unwrap().output(&x).unwrap();
    printed(
        report,
        "published hidden outputs",
        &hidden,
        &published["h"],
        bound,
    );
    printed(
        report,
        "published probability",
        &probability(&net),
        &published["o"],
        bound,
    );
    let trainer = Trainer::new(
        task_loss("binary"),
        Sgd::new(number(&hyper["learning_rate_init"])),
    )
    .l2(number(&hyper["alpha"]))
    .epochs(1);
    let history = trainer.fit(&mut net, &x, &y).unwrap();
    report.near("loss", history.loss(), number(&full["loss"]), ONCE);
    let expected = params(&full["coefs"], &full["intercepts"]);
    report.near_all("parameters", net.params(), &expected, ONCE);
    report.near(
        "probability after",
        probability(&net)[0],
        number(&full["prob_after"]),
        ONCE,
    );
    let layers = net.layout().layers();
    let weights: Vec<f64> = layers
        .iter()
        .flat_map(|at| net.params()[at.weights.clone()].to_vec())
        .collect();
    let published_params = params(&published["coefs"], &published["intercepts"]);
    let published_weights: Vec<f64> = layers
        .iter()
        .flat_map(|at| published_params[at.weights.clone()].to_vec())
        .collect();
    printed(
        report,
        "published weights",
        &weights,
        &published_weights.into(),
        bound,
    );
    printed(
        report,
        "published probability after",
        &probability(&net),
        &published["prob_after"],
        bound,
    );
}

/// Checks a NIST linear regression: training must reach the certified parameters.
fn check_line(fixture: &Value, report: &mut Report) {
    let (x, y): (Vec<f64>, Vec<f64>) = (floats(&fixture["X"]), floats(&fixture["Y"]));
    let certified = &fixture["certified"];
    let beta = numbers(&certified["beta"]);
    let mut net = network::<f64>(fixture);
    let mut parameters = beta[1..].to_vec();
    parameters.push(beta[0]);
    net.set_params(&parameters).unwrap();
    let mut gradient = GradientWorkspace::new(&net);
    let samples = y.len() as f64;
    let rss = 2.0 * samples * gradient.evaluate(&net, &x, &y, &SquaredError).unwrap();
    report.near(
        "residual sum of squares",
        rss,
        number(&certified["rss"]),
        1e-11,
    );
    let outputs = net.predict(&x).unwrap();
    let fit = r2(&outputs, &y, net.outputs()).unwrap();
    report.near("R2", fit, number(&certified["r2"]), ONCE);

    let standardised = &fixture["standardised"];
    let scale_x = Scaler::standard(&x, net.inputs()).unwrap();
    let scale_y = Scaler::standard(&y, net.outputs()).unwrap();
    report.near_all(
        "means",
        scale_x.offsets(),
        &numbers(&standardised["x_mean"]),
        ONCE,
    );
    report.near_all(
        "deviations",
        scale_x.scales(),
        &numbers(&standardised["x_std"]),
        ONCE,
    );
    net.params_mut().fill(0.0);
    let (sx, sy) = (
        scale_x.transform(&x).unwrap(),
        scale_y.transform(&y).unwrap(),
    );
    let solver = Lbfgs::new(SquaredError)
        .gradient_tolerance(1e-13)
        .loss_tolerance(0.0);
    let found = solver.fit(&mut net, &sx, &sy).unwrap();
    let mut expected = numbers(&standardised["certified_weights"]);
    expected.push(number(&standardised["certified_bias"]));
    report.near_all("weights found", net.params(), &expected, 1e-9);
    let loss = number(&standardised["half_mean_squared_loss"]);
    report.near("loss found", found.loss, loss, 1e-12);
    // Folding the scaling into the network yields the certified parameters of the raw data.
    scale_x.fold_into_inputs(&mut net).unwrap();
    scale_y.fold_into_outputs(&mut net).unwrap();
    report.near_all(
        "certified parameters found",
        net.params(),
        &parameters,
        1e-8,
    );
}

/// Checks a NIST curve with one sigmoid, b1 / (1 + exp(b2 - b3 x)): a network without output bias.
fn check_sigmoid_curve(fixture: &Value, report: &mut Report) {
    let (x, y): (Vec<f64>, Vec<f64>) = (floats(&fixture["X"]), floats(&fixture["Y"]));
    let certified = &fixture["certified"];
    let mut net = network::<f64>(fixture);
    let given = &fixture["params"];
    net.set_params(&params(&given["coefs"], &given["intercepts"]))
        .unwrap();
    let samples = y.len() as f64;
    let mut gradient = GradientWorkspace::new(&net);
    let half_rss = |net: &Mlp<f64>, gradient: &mut GradientWorkspace<f64>| {
        samples * gradient.compute(net, &x, &y, &SquaredError).unwrap()
    };
    let rss = 2.0 * half_rss(&net, &mut gradient);
    if d(rss, number(&certified["rss"])) > 1e-10 {
        report.fail(format!("residual sum of squares: got {rss}"));
    }
    report.near(
        "computed residual sum of squares",
        rss,
        number(&fixture["computed"]["rss"]),
        1e-11,
    );
    // The parameters in order: b3, -b2, b1 and the frozen bias.
    let sums: Vec<f64> = gradient.values().iter().map(|g| g * samples).collect();
    if sums[..3].iter().any(|sum| sum.abs() > 1e-4) {
        report.fail(format!(
            "the gradient at the certified parameters is {sums:?}"
        ));
    }
    for start in fixture["starts"].as_array().unwrap() {
        let b = numbers(start);
        let mut found = vec![b[2], -b[1], b[0]];
        let exact = LbfgsOptions {
            iterations: 2000,
            gradient_tolerance: 1e-9,
            loss_tolerance: 0.0,
            ..LbfgsOptions::default()
        };
        let objective = |point: &[f64], slope: &mut [f64]| {
            net.params_mut()[..3].copy_from_slice(point);
            let loss = gradient.compute(&net, &x, &y, &SquaredError)?;
            slope.copy_from_slice(&gradient.values()[..3]);
            Ok(loss)
        };
        minimize(&exact, &mut found, objective).unwrap();
        let expected = [
            number(&certified["b3"]),
            -number(&certified["b2"]),
            number(&certified["b1"]),
        ];
        report.near_all("certified parameters found", &found, &expected, 1e-6);
    }
}
