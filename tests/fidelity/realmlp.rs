//! Training runs of RealMLP-TD-S, built from parts of the crate.

use std::ops::ControlFlow;

use feedforward::activation::Identity;
use feedforward::encoding::{self, Scaled};
use feedforward::loss::{BinaryCrossEntropy, MeanSquaredError, Smoothed, SoftmaxCrossEntropy};
use feedforward::optimizer::{Adam, Group, ParamGroups};
use feedforward::schedule::CosineLog;
use feedforward::train::{Order, TrainingEvent};
use feedforward::{Mlp, Samples, Trainer};
use serde_json::Value;

use super::fixture::{
    Report, TRAJECTORY, activation, count, floats, indices, list, number, numbers, params, text,
};

/// Checks the loss of every update, and the parameters after some.
///
/// The reference's layers compute x·U / √n + b, and `ParamGroups::ntk` trains W = U / √n in that
/// form. The reference has two outputs for two classes, of which the difference is compared.
pub fn check(fixture: &Value, report: &mut Report) {
    let task = text(&fixture["task"]);
    let is_binary = task == "binary";
    let mut sizes = indices(&fixture["layers"]);
    let last = sizes.len() - 1;
    sizes[last] -= usize::from(is_binary);
    let scaled = Scaled::new(encoding::Identity::new(sizes[0]).unwrap()).unwrap();
    let hidden = activation(text(&fixture["hidden_activation"]));
    let mut builder = Mlp::<f64>::builder(sizes[0]).encoding(scaled);
    for &size in &sizes[1..last] {
        builder = builder.hidden(size, hidden.clone());
    }
    let mut net = builder.output(sizes[last], Identity).build().unwrap();
    let roots = roots(&net);
    let mut initial = expected(&fixture["init"], is_binary);
    initial
        .iter_mut()
        .zip(&roots)
        .for_each(|(u, root)| *u /= root);
    net.set_params(&initial).unwrap();

    let adam = Adam {
        beta2: 0.95,
        ..Adam::new(number(&fixture["learning_rate"]))
    };
    let mut groups = ParamGroups::new(adam)
        .ntk()
        .rate(Group::Encoding, 6.0)
        .rate(Group::Biases, 0.1);
    if is_binary {
        // Both outputs of the reference move, in opposite directions.
        groups = groups.rate(Group::LastLayer, 2.0);
    }
    let trainer = match task {
        "multiclass" => Trainer::new(Smoothed::new(SoftmaxCrossEntropy, 0.1), groups),
        "binary" => Trainer::new(Smoothed::new(BinaryCrossEntropy, 0.1), groups),
        "regression" => Trainer::new(MeanSquaredError, groups),
        other => panic!("task {other} is not covered"),
    };
    let orders: Vec<_> = list(&fixture["orders"]).iter().map(indices).collect();
    let trainer = trainer
        .schedule(CosineLog { cycles: 4 })
        .epochs(orders.len())
        .batch_size(count(&fixture["batch_size"]))
        .drop_last(true)
        .order(Order::custom(move |epoch, rows| {
            rows.copy_from_slice(&orders[epoch]);
        }));

    let inputs = floats(&fixture["X"]);
    let mut targets: Vec<f64> = floats(&fixture["Y"]);
    if is_binary {
        targets = targets.chunks(2).map(|pair| pair[1]).collect();
    }
    let (mut losses, mut compared) = (Vec::new(), 0);
    let after = &fixture["expected"]["after_updates"];
    let samples = Samples::new(&inputs, &targets);
    let history = trainer.fit_with(&mut net, &samples, |event, net| {
        if let TrainingEvent::Update(update) = event {
            losses.push(update.loss);
            let after = &after[update.number.to_string()];
            if !after.is_null() {
                let what = format!("parameters after {} updates", update.number);
                let got: Vec<f64> = net
                    .params()
                    .iter()
                    .zip(&roots)
                    .map(|(w, r)| w * r)
                    .collect();
                report.near_all(&what, &got, &expected(after, is_binary), TRAJECTORY);
                compared += 1;
            }
        }
        ControlFlow::Continue(())
    });
    history.unwrap();
    report.near_all(
        "losses",
        &losses,
        &numbers(&fixture["expected"]["losses"]),
        TRAJECTORY,
    );
    report.same(
        "compared updates",
        compared,
        after.as_object().unwrap().len(),
    );

    // Folding the scale away changes no prediction.
    let (folded, whole) = (net.fold_scale().unwrap(), net.predict(&inputs).unwrap());
    report.near_all(
        "folded",
        &folded.predict(&inputs).unwrap(),
        &whole,
        TRAJECTORY,
    );
}

/// Returns √n for each weight of a layer with n inputs, and 1 for the other parameters.
fn roots(net: &Mlp<f64>) -> Vec<f64> {
    let mut roots = vec![1.0; net.params().len()];
    for at in net.layout().layers() {
        roots[at.weights.clone()].fill((at.inputs as f64).sqrt());
    }
    roots
}

/// Returns the reference's parameters in the order of the crate.
fn expected(value: &Value, is_binary: bool) -> Vec<f64> {
    let mut all = params(&value["coefs"], &value["intercepts"]);
    if is_binary {
        // The last layer has weights and biases of two outputs, one after another.
        let inputs = list(list(&value["coefs"]).last().unwrap()).len();
        let last = all.split_off(all.len() - 2 * (inputs + 1));
        all.extend((0..inputs).map(|i| last[inputs + i] - last[i]));
        all.push(last[2 * inputs + 1] - last[2 * inputs]);
    }
    all.extend(numbers(&value["scale"]));
    all
}
