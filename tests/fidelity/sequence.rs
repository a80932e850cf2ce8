//! Training in several steps: warm starts and single epochs.

use feedforward::Samples;
use serde_json::Value;

use super::fixture::{Report, TRAJECTORY, count, floats, list, network, number, text};
use super::train::{check_params, trainer};

pub fn check(fixture: &Value, report: &mut Report) {
    let (task, hyper) = (text(&fixture["task"]), &fixture["hyper"]);
    report.same("orders", text(&fixture["orders"]), "sequential");
    let trainer = trainer::<f64>(task, hyper, count(&hyper["batch_size"]))
        .tolerance(number(&hyper["tol"]), count(&hyper["n_iter_no_change"]));
    let mut net = network::<f64>(fixture);
    let mut state = trainer.init_state(&net).unwrap();
    for (number_of, step) in list(&fixture["steps"]).iter().enumerate() {
        let data = &fixture["data"][step["data"].to_string()];
        let (inputs, targets) = (floats(&data["X"]), floats(&data["Y"]));
        let samples = Samples::new(&inputs, &targets);
        let what = format!("step {}", number_of + 1);
        let epochs = match text(&step["op"]) {
            "fit" => {
                if number_of > 0 {
                    state.restart(&trainer, &net).unwrap();
                }
                trainer.resume(&mut net, &mut state, &samples).unwrap();
                state.epochs()
            }
            "partial_fit" => {
                trainer.partial_fit(&mut net, &mut state, &samples).unwrap();
                1
            }
            other => panic!("operation {other} is not covered"),
        };
        check_params(&what, step, report, net.params(), TRAJECTORY);
        let history = state.history();
        report.same(&format!("{what}: epochs"), epochs, count(&step["n_iter"]));
        let seen = state.samples_seen() as usize;
        report.same(&format!("{what}: samples seen"), seen, count(&step["t"]));
        let curve = history.epochs.len();
        report.same(
            &format!("{what}: length of the loss curve"),
            curve,
            count(&step["loss_curve_len"]),
        );
        report.near(
            &format!("{what}: loss"),
            history.loss(),
            number(&step["last_loss"]),
            TRAJECTORY,
        );
        // In scikit-learn, Adam's attribute includes the bias correction.
        let mut rate = state.learning_rate(&trainer);
        if text(&hyper["solver"]) == "adam" {
            let updates = state.optimizer().updates() as f64;
            let decay = |beta: &str| 1.0 - number(&hyper[beta]).powf(updates);
            rate *= decay("beta_2").sqrt() / decay("beta_1");
        }
        report.near(
            &format!("{what}: learning rate"),
            rate,
            number(&step["lr"]),
            1e-15,
        );
    }
}
