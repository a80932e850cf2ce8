//! Networks, losses and optimizers that scikit-learn does not have.

use feedforward::optimizer::State;
use feedforward::train::Batches;
use feedforward::{GradientWorkspace, Samples};
use serde_json::Value;

use super::fixture::{
    ONCE, Report, TRAJECTORY, count, floats, list, network, number, numbers, params, text,
    torch_loss,
};
use super::optimizers::optimizer;
use super::train::check_params;

/// Checks one forward pass, loss and gradient.
pub fn check_once(fixture: &Value, report: &mut Report) {
    let (net, expected) = (network::<f64>(fixture), &fixture["expected"]);
    let (inputs, targets) = (floats(&fixture["X"]), floats(&fixture["Y"]));
    let outputs = net.predict(&inputs).unwrap();
    report.near_all("outputs", &outputs, &numbers(&expected["forward"]), ONCE);
    let loss = torch_loss(text(&fixture["loss"]), &fixture["huber_delta"]);
    let mut gradient = GradientWorkspace::new(&net);
    let value = gradient.compute(&net, &inputs, &targets, &*loss).unwrap();
    report.near("loss", value, number(&expected["loss"]), ONCE);
    let expected_gradient = params(&expected["grad_coefs"], &expected["grad_intercepts"]);
    report.near_all("gradient", gradient.values(), &expected_gradient, ONCE);
}

/// Checks fifty updates in order.
pub fn check_training(fixture: &Value, report: &mut Report) {
    let (mut net, expected) = (network::<f64>(fixture), &fixture["expected"]);
    report.same("orders", text(&fixture["orders"]), "sequential");
    let (inputs, targets) = (floats(&fixture["X"]), floats(&fixture["Y"]));
    let loss = torch_loss(text(&fixture["loss"]), &fixture["huber_delta"]);
    let optimizer = optimizer(text(&fixture["optimizer"]), &fixture["hyper"]);
    let rate = optimizer.learning_rate();
    let mut gradient = GradientWorkspace::new(&net);
    let mut state = State::new(&*optimizer, net.layout()).unwrap();
    let rows = list(&fixture["X"]).len();
    let mut batches = Batches::new(rows, count(&fixture["batch_size"])).unwrap();
    let mut curve = Vec::new();
    'training: for epoch in 0.. {
        let mut sum = 0.0;
        for batch in batches.epoch(epoch) {
            let minibatch = Samples::new(&inputs, &targets).rows(batch);
            let value = gradient.compute_samples(&net, &minibatch, &*loss).unwrap();
            state
                .update(&*optimizer, rate, net.params_mut(), gradient.values())
                .unwrap();
            sum += value * batch.len() as f64;
            let after = &expected["after_updates"][state.updates().to_string()];
            if !after.is_null() {
                let what = format!("after {} updates", state.updates());
                check_params(&what, after, report, net.params(), TRAJECTORY);
            }
            if state.updates() == 50 {
                break 'training;
            }
        }
        curve.push(sum / rows as f64);
    }
    report.near_all(
        "loss curve",
        &curve,
        &numbers(&expected["loss_curve"]),
        TRAJECTORY,
    );
    let outputs = net.predict(&inputs).unwrap();
    let forward = numbers(&expected["forward_after_50"]);
    report.near_all("outputs after 50 updates", &outputs, &forward, TRAJECTORY);
}
