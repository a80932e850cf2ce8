//! Checks of L-BFGS.

use feedforward::train::Lbfgs;
use feedforward::{Float, GradientWorkspace, Mlp, Samples};
use serde_json::Value;

use super::fixture::{
    Report, activated, floats, network, number, numbers, params, task_loss, text,
};
use super::train::check_predictions;

/// Fraction by which a minimizer's loss may exceed that of the reference.
const EXCESS: f64 = 1e-6;

/// Returns an L-BFGS that runs while the loss falls.
fn solver<T: Float>(task: &str, l2: f64) -> Lbfgs<T> {
    Lbfgs::new(task_loss(task))
        .l2(l2)
        .iterations(5000)
        .gradient_tolerance(1e-10)
        .loss_tolerance(0.0)
}

/// Checks the unique optimum of a model without hidden layers, from zeros.
pub fn check_convex(fixture: &Value, report: &mut Report) {
    let (task, expected) = (text(&fixture["task"]), &fixture["expected"]);
    let mut net = network::<f64>(fixture);
    net.params_mut().fill(0.0);
    let (inputs, targets) = (floats(&fixture["X"]), floats(&fixture["Y"]));
    let solver = solver::<f64>(task, number(&fixture["alpha"]));
    let found = solver.fit(&mut net, &inputs, &targets).unwrap();
    let loss = number(&expected["loss"]);
    report.near("loss at the optimum", found.loss, loss, 1e-12);
    let optimum = params(&expected["coefs"], &expected["intercepts"]);
    if task == "multiclass" {
        // Softmax does not determine a common shift of the biases.
        let weights = net.layout().layers()[0].weights.clone();
        report.near_all(
            "weights at the optimum",
            &net.params()[weights.clone()],
            &optimum[weights],
            1e-6,
        );
    } else {
        report.near_all("parameters at the optimum", net.params(), &optimum, 1e-6);
    }
    let outputs = net.predict(&inputs).unwrap();
    let values = activated(task, &outputs, net.outputs());
    report.near_all("predictions", &values, &numbers(&expected["predict"]), 1e-6);
}

/// Checks a training run of scikit-learn with L-BFGS: the loss at its result, and this crate's
/// result.
pub fn check_training<T: Float>(
    fixture: &Value,
    report: &mut Report,
    start: &Mlp<T>,
    samples: &Samples<'_, T>,
) {
    let (task, expected) = (text(&fixture["task"]), &fixture["expected"]);
    let alpha = number(&fixture["hyper"]["alpha"]);
    let final_loss = number(&expected["final_loss"]);
    let mut net = start.clone();
    let last = &expected["final"];
    let last: Vec<T> = params(&last["coefs"], &last["intercepts"])
        .into_iter()
        .map(T::from_f64)
        .collect();
    net.set_params(&last).unwrap();
    let mut gradient = GradientWorkspace::new(&net).l2(alpha).unwrap();
    let loss = gradient
        .compute_samples(&net, samples, &*task_loss(task))
        .unwrap();
    report.near("loss of the final parameters", loss, final_loss, 1e-12);
    check_predictions(fixture, report, &net, super::fixture::TRAJECTORY);

    let mut net = start.clone();
    let go_on = super::train::go_on::<_, Mlp<T>>;
    let found = solver::<T>(task, alpha)
        .fit_with(&mut net, samples, go_on)
        .unwrap();
    let most = final_loss * (1.0 + EXCESS);
    if found.loss > most {
        report.fail(format!(
            "our minimum: expected at most {most}, got {}",
            found.loss
        ));
    }
}
