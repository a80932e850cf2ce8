//! Complete training runs of scikit-learn's estimators.

use std::ops::ControlFlow;
use std::sync::Arc;

use feedforward::optimizer::{Adam, EpsilonForm, Optimizer, Sgd, State};
use feedforward::schedule::{Constant, InverseScaling, Schedule};
use feedforward::train::{Adaptive, Batches, Order, Validation};
use feedforward::{
    Float, GradientWorkspace, History, Mlp, Samples, StopReason, Trainer, TrainerState,
};
use serde_json::Value;

use super::fixture::{
    ONCE, Report, SINGLE, TRAJECTORY, activated, count, floats, indices, network, number, numbers,
    params, task_loss, task_score, text,
};
use super::lbfgs;

pub fn check(fixture: &Value, report: &mut Report) {
    match text(&fixture["dtype"]) {
        "f64" => check_in::<f64>(fixture, report, ONCE, TRAJECTORY),
        "f32" => check_in::<f32>(fixture, report, SINGLE, SINGLE),
        other => panic!("dtype {other} is not covered"),
    }
}

/// Data of a fixture.
struct Data<T> {
    inputs: Vec<T>,
    targets: Vec<T>,
    weights: Option<Vec<T>>,
}

impl<T: Float> Data<T> {
    fn read(fixture: &Value) -> Self {
        let weights = &fixture["sample_weight"];
        Self {
            inputs: floats(&fixture["X"]),
            targets: floats(&fixture["Y"]),
            weights: (!weights.is_null()).then(|| floats(weights)),
        }
    }

    /// Returns these rows, in this order.
    fn rows(&self, net: &Mlp<T>, rows: &[usize]) -> Self {
        let pick = |values: &[T], width: usize| -> Vec<T> {
            let row = |&row: &usize| &values[row * width..][..width];
            rows.iter().flat_map(row).copied().collect()
        };
        Self {
            inputs: pick(&self.inputs, net.inputs()),
            targets: pick(&self.targets, net.outputs()),
            weights: self.weights.as_ref().map(|weights| pick(weights, 1)),
        }
    }

    fn samples(&self) -> Samples<'_, T> {
        let samples = Samples::new(&self.inputs, &self.targets);
        match &self.weights {
            Some(weights) => samples.weights(weights),
            None => samples,
        }
    }
}

/// Returns the optimizer that `hyper` describes.
pub fn optimizer<T: Float>(hyper: &Value) -> Arc<dyn Optimizer<T>> {
    let learning_rate = number(&hyper["learning_rate_init"]);
    match text(&hyper["solver"]) {
        "adam" => Arc::new(Adam {
            beta1: number(&hyper["beta_1"]),
            beta2: number(&hyper["beta_2"]),
            epsilon: number(&hyper["epsilon"]),
            epsilon_form: EpsilonForm::Hat,
            ..Adam::new(learning_rate)
        }),
        "sgd" => Arc::new(Sgd {
            momentum: number(&hyper["momentum"]),
            nesterov: hyper["nesterovs_momentum"].as_bool().unwrap(),
            ..Sgd::new(learning_rate)
        }),
        other => panic!("solver {other} is not covered"),
    }
}

/// Returns the trainer that `hyper` describes, without validation.
pub fn trainer<T: Float>(task: &str, hyper: &Value, batch_size: usize) -> Trainer<T> {
    let is_sgd = text(&hyper["solver"]) == "sgd";
    let rate = text(&hyper["learning_rate"]);
    let schedule: Box<dyn Schedule> = match rate {
        "invscaling" if is_sgd => Box::new(InverseScaling {
            power: number(&hyper["power_t"]),
        }),
        _ => Box::new(Constant),
    };
    let trainer = Trainer::new(task_loss(task), optimizer(hyper))
        .schedule(schedule)
        .batch_size(batch_size)
        .epochs(count(&hyper["max_iter"]))
        .order(Order::Given)
        .l2(number(&hyper["alpha"]));
    if rate == "adaptive" && is_sgd {
        trainer.adaptive(Adaptive::default())
    } else {
        trainer
    }
}

fn check_in<T: Float>(fixture: &Value, report: &mut Report, once: f64, trajectory: f64) {
    let (task, hyper, expected) = (
        text(&fixture["task"]),
        &fixture["hyper"],
        &fixture["expected"],
    );
    let data = Data::<T>::read(fixture);
    let start = network::<T>(fixture);
    let alpha = number(&hyper["alpha"]);
    check_initial(fixture, report, &start, &data, once);
    if text(&hyper["solver"]) == "lbfgs" {
        return lbfgs::check_training(fixture, report, &start, &data.samples());
    }

    let early_stopping = hyper["early_stopping"].as_bool().unwrap();
    let batch_size = count(&fixture["batch_size"]);
    let (tol, patience) = (
        number(&hyper["tol"]),
        number(&hyper["n_iter_no_change"]) as usize,
    );
    let mut trainer = trainer::<T>(task, hyper, batch_size);
    let split = &fixture["split"];
    let training = if split.is_null() {
        trainer = trainer.tolerance(tol, patience);
        data
    } else {
        assert!(early_stopping, "a split without early stopping");
        let held = data.rows(&start, &indices(&split["val_idx"]));
        let validation = match held.weights {
            Some(weights) => Validation::weighted_set(held.inputs, held.targets, weights),
            None => Validation::set(held.inputs, held.targets),
        };
        trainer = trainer
            .validation(validation.score(task_score(task)))
            .early_stopping(tol, patience);
        data.rows(&start, &indices(&split["train_idx"]))
    };
    let orders = Orders::read(&fixture["orders"]);
    trainer = orders.clone().apply(trainer);

    let mut net = start.clone();
    let mut state = trainer.init_state(&net).unwrap();
    let reason = trainer
        .resume(&mut net, &mut state, &training.samples())
        .unwrap();

    check_history(fixture, report, state.history(), reason, trajectory);
    check_rates(fixture, report, &trainer, &state);
    check_params(
        "final",
        &expected["final"],
        report,
        net.params(),
        trajectory,
    );
    let history = state.history();
    let rates: Vec<f64> = history
        .epochs
        .iter()
        .map(|epoch| epoch.learning_rate)
        .collect();
    let after = &expected["after_updates"];
    check_updates(
        fixture,
        report,
        start,
        &training,
        (alpha, &orders, &rates),
        |report, update, params| {
            let expected = &after[update.to_string()];
            if !expected.is_null() {
                check_params(
                    &format!("after {update} updates"),
                    expected,
                    report,
                    params,
                    trajectory,
                );
            }
        },
    );
    check_predictions(fixture, report, &net, trajectory);
}

/// Checks losses, counts, scores and the reason for stopping.
fn check_history(
    fixture: &Value,
    report: &mut Report,
    history: &History,
    reason: StopReason,
    trajectory: f64,
) {
    let expected = &fixture["expected"];
    let early_stopping = fixture["hyper"]["early_stopping"].as_bool().unwrap();
    let losses: Vec<f64> = history.losses().collect();
    report.near_all(
        "loss curve",
        &losses,
        &numbers(&expected["loss_curve"]),
        trajectory,
    );
    report.near(
        "last loss",
        history.loss(),
        number(&expected["last_loss"]),
        trajectory,
    );
    report.same("epochs", losses.len(), count(&expected["n_iter"]));
    report.same(
        "updates",
        history.updates as usize,
        count(&expected["n_updates"]),
    );
    let stopped = match text(&expected["stopped_by"]) {
        "max_iter" => StopReason::Epochs,
        "no_improvement" if early_stopping => StopReason::EarlyStopping,
        "no_improvement" => StopReason::Tolerance,
        other => panic!("stopped by {other}: not covered"),
    };
    report.same("reason for stopping", reason, stopped);
    if !expected["best_loss"].is_null() {
        let best = number(&expected["best_loss"]);
        report.near("best loss", history.best_loss(), best, trajectory);
    }
    if !expected["validation_scores"].is_null() {
        let scores: Vec<f64> = history
            .epochs
            .iter()
            .filter_map(|e| e.validation_score)
            .collect();
        let expected_scores = numbers(&expected["validation_scores"]);
        report.near_all("validation scores", &scores, &expected_scores, trajectory);
        let best = history.best_validation_score().unwrap();
        let expected_best = number(&expected["best_validation_score"]);
        report.near("best validation score", best, expected_best, trajectory);
    }
}

/// Checks outputs, loss and gradient over all samples before the first update.
fn check_initial<T: Float>(
    fixture: &Value,
    report: &mut Report,
    start: &Mlp<T>,
    data: &Data<T>,
    bound: f64,
) {
    let (task, initial) = (text(&fixture["task"]), &fixture["expected"]["initial"]);
    let outputs = start.predict(&data.inputs).unwrap();
    let outputs = activated(task, &outputs, start.outputs());
    report.near_all(
        "initial outputs",
        &outputs,
        &numbers(&initial["forward"]),
        bound,
    );
    let alpha = number(&fixture["hyper"]["alpha"]);
    let mut gradient = GradientWorkspace::new(start).l2(alpha).unwrap();
    let loss = gradient
        .compute_samples(start, &data.samples(), &*task_loss(task))
        .unwrap();
    report.near("initial loss", loss, number(&initial["loss"]), bound);
    let expected = params(&initial["grad_coefs"], &initial["grad_intercepts"]);
    report.near_all("initial gradient", gradient.values(), &expected, bound);
}

/// Checks the learning rate after each epoch, which the next epoch uses. It is read before the stop
/// test, which may lower the adaptive rate.
fn check_rates<T: Float>(
    fixture: &Value,
    report: &mut Report,
    trainer: &Trainer<T>,
    state: &TrainerState<T>,
) {
    let rates = &fixture["expected"]["lr_after_epoch"];
    if rates.is_null() {
        return;
    }
    let epochs = state.history().epochs.iter();
    let got: Vec<f64> = if text(&fixture["hyper"]["learning_rate"]) == "adaptive" {
        epochs.map(|epoch| epoch.learning_rate).collect()
    } else {
        let next = epochs.skip(1).map(|epoch| epoch.learning_rate);
        next.chain([state.learning_rate(trainer)]).collect()
    };
    report.near_all("learning rates", &got, &numbers(rates), 1e-15);
}

pub fn check_params<T: Float>(
    what: &str,
    expected: &Value,
    report: &mut Report,
    got: &[T],
    bound: f64,
) {
    let expected = params(&expected["coefs"], &expected["intercepts"]);
    report.near_all(&format!("parameters {what}"), got, &expected, bound);
}

/// The order of the training rows in each epoch.
#[derive(Clone)]
struct Orders(Option<Vec<Vec<usize>>>);

impl Orders {
    fn read(value: &Value) -> Self {
        Self(
            value
                .as_array()
                .map(|orders| orders.iter().map(indices).collect()),
        )
    }

    fn apply<T: Float>(self, trainer: Trainer<T>) -> Trainer<T> {
        match self.0 {
            None => trainer.order(Order::Given),
            Some(orders) => trainer.order(Order::custom(move |epoch, rows| {
                rows.copy_from_slice(&orders[epoch]);
            })),
        }
    }
}

/// Checks up to 50 updates of a hand-written training loop over the public API.
fn check_updates<T: Float>(
    fixture: &Value,
    report: &mut Report,
    mut net: Mlp<T>,
    data: &Data<T>,
    (alpha, orders, rates): (f64, &Orders, &[f64]),
    mut after: impl FnMut(&mut Report, usize, &[T]),
) {
    let loss = task_loss::<T>(text(&fixture["task"]));
    let optimizer = optimizer::<T>(&fixture["hyper"]);
    let mut gradient = GradientWorkspace::new(&net).l2(alpha).unwrap();
    let mut state = State::new(&*optimizer, net.layout()).unwrap();
    let rows = data.inputs.len() / net.inputs();
    let batch_size = count(&fixture["batch_size"]);
    let mut batches = Batches::new(rows, batch_size).unwrap();
    let mut update = 0;
    for (epoch, &rate) in rates.iter().enumerate() {
        let order: Vec<usize> = match &orders.0 {
            None => batches.epoch(epoch).flatten().copied().collect(),
            Some(orders) => orders[epoch].clone(),
        };
        for rows in order.chunks(batch_size) {
            gradient
                .compute_samples(&net, &data.samples().rows(rows), &*loss)
                .unwrap();
            state
                .update(&*optimizer, rate, net.params_mut(), gradient.values())
                .unwrap();
            update += 1;
            after(report, update, net.params());
            if update == 50 {
                return;
            }
        }
    }
}

/// Checks labels or values, probabilities and the score over all samples.
pub fn check_predictions<T: Float>(fixture: &Value, report: &mut Report, net: &Mlp<T>, bound: f64) {
    let (task, expected) = (text(&fixture["task"]), &fixture["expected"]);
    let inputs: Vec<T> = floats(&fixture["X"]);
    let targets: Vec<T> = floats(&fixture["Y"]);
    let outputs = net.predict(&inputs).unwrap();
    let values = activated(task, &outputs, net.outputs());
    let predicted = numbers(&expected["predict"]);
    match task {
        "regression" | "poisson" => report.near_all("predictions", &values, &predicted, bound),
        "multiclass" => {
            let argmax = |row: &[T]| {
                let best =
                    (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best });
                best as f64
            };
            let labels: Vec<f64> = outputs.chunks(net.outputs()).map(argmax).collect();
            report.same("labels", labels, predicted);
            report.near_all(
                "probabilities",
                &values,
                &numbers(&expected["predict_proba"]),
                bound,
            );
        }
        _ => {
            let label = |&y: &T| f64::from(u8::from(y > T::zero()));
            let labels: Vec<f64> = outputs.iter().map(label).collect();
            report.same("labels", labels, predicted);
            let probabilities: Vec<f64> = match task {
                "binary" => values.iter().flat_map(|p| [1.0 - p, *p]).collect(),
                _ => values,
            };
            let expected = numbers(&expected["predict_proba"]);
            report.near_all("probabilities", &probabilities, &expected, bound);
        }
    }
    let score = task_score::<T>(task).score(&outputs, &targets, net.outputs(), None);
    report.near("score", score, number(&expected["score"]), bound);
}

/// Never stops a training run.
pub fn go_on<E, N: ?Sized>(_: &E, _: &N) -> ControlFlow<()> {
    ControlFlow::Continue(())
}
