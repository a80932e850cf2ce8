use core::ops::ControlFlow;

use super::*;
use crate::activation::{Identity, Relu};
use crate::error::{Error, Result};
use crate::loss::SquaredError;
use crate::mlp::GradientWorkspace;
use crate::mlp::{Mlp, Samples};
use crate::optimizer::{Sgd, State};

fn line() -> (Mlp<f64>, Vec<f64>, Vec<f64>) {
    let net = Mlp::builder(1)
        .hidden(6, Relu)
        .output(1, Identity)
        .seed(3)
        .build()
        .unwrap();
    let inputs: Vec<f64> = (0..50).map(|i| f64::from(i) / 25.0 - 1.0).collect();
    let targets = inputs.iter().map(|x| 2.0 * x + 1.0).collect();
    (net, inputs, targets)
}

fn trainer() -> Trainer<f64> {
    Trainer::new(SquaredError, Sgd::new(0.05))
        .batch_size(8)
        .epochs(5)
}

#[test]
fn an_explicit_loop_gives_the_bits_of_fit() {
    let (start, inputs, targets) = line();
    let mut fitted = start.clone();
    let history = trainer()
        .seed(4)
        .l2(1e-3)
        .fit(&mut fitted, &inputs, &targets)
        .unwrap();

    let mut net = start;
    let optimizer = Sgd::new(0.05);
    let mut gradient = GradientWorkspace::new(&net).l2(1e-3).unwrap();
    let mut state = State::new(&optimizer, net.layout()).unwrap();
    let mut batches = Batches::new(50, 8).unwrap().shuffled(4);
    for epoch in 0..5 {
        let mut sum = 0.0;
        for rows in batches.epoch(epoch) {
            let loss = gradient
                .compute_samples(
                    &net,
                    &Samples::new(&inputs, &targets).rows(rows),
                    &SquaredError,
                )
                .unwrap();
            state
                .update(&optimizer, 0.05, net.params_mut(), gradient.values())
                .unwrap();
            sum += loss * rows.len() as f64;
        }
        assert_eq!(history.epochs[epoch].loss.to_bits(), (sum / 50.0).to_bits());
    }
    assert_eq!(net.params(), fitted.params());
    assert_eq!(history.updates, 5 * 7, "the short last minibatch is used");
}

#[test]
fn training_is_a_function_of_its_seed() {
    let (start, inputs, targets) = line();
    let run = |seed| {
        let mut net = start.clone();
        trainer()
            .seed(seed)
            .fit(&mut net, &inputs, &targets)
            .unwrap();
        net.params().to_vec()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn settings_out_of_range_are_errors_and_change_nothing() {
    let (start, inputs, targets) = line();
    let cases: [(Trainer<f64>, &str); 9] = [
        (
            trainer().batch_size(0),
            "batch size: expected 1 to 50, the number of training samples, got 0",
        ),
        (
            trainer().batch_size(51),
            "batch size: expected 1 to 50, the number of training samples, got 51",
        ),
        (trainer().epochs(0), "epochs: expected at least 1, got 0"),
        (
            trainer().l2(-1.0),
            "L2 penalty: expected a finite number, at least 0, got -1",
        ),
        (
            trainer().tolerance(f64::NAN, 3),
            "improvement: expected a finite number, at least 0, got NaN",
        ),
        (
            trainer().early_stopping(0.0, 3),
            "early stopping: expected a validation split or set to watch, got none",
        ),
        (
            trainer().validation_split(1.5),
            "validation split: expected a fraction, at least 0, below 1, got 1.5",
        ),
        (
            trainer().validation_split(0.0),
            "validation split: expected a fraction of 50 samples that holds out 2 or more but not all, got 0",
        ),
        (
            trainer().validation(Validation::set([1.0, 2.0], [1.0])),
            "validation targets: expected 2 values, got 1",
        ),
    ];
    for (trainer, expected) in cases {
        let mut net = start.clone();
        let error = trainer.fit(&mut net, &inputs, &targets).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(net.params(), start.params());
    }
    let sgd = Trainer::new(SquaredError, Sgd::new(f64::NAN));
    assert!(sgd.fit(&mut start.clone(), &inputs, &targets).is_err());
}

#[test]
fn data_that_cannot_be_learned_from_is_refused() {
    let (mut net, inputs, targets) = line();
    let message = |result: Result<History>| result.unwrap_err().to_string();
    assert_eq!(
        message(trainer().fit(&mut net, &inputs, &targets[1..])),
        "targets: expected 50 values, got 49"
    );
    let mut bad = inputs.clone();
    bad[7] = f64::NEG_INFINITY;
    assert_eq!(
        message(trainer().fit(&mut net, &bad, &targets)),
        "inputs: expected finite numbers, got -inf at row 7, column 0"
    );
    let mut bad = targets.clone();
    bad[49] = f64::NAN;
    assert_eq!(
        message(trainer().fit(&mut net, &inputs, &bad)),
        "targets: expected finite numbers, got NaN at row 49, column 0"
    );
    net.params_mut()[0] = f64::NAN;
    assert_eq!(
        message(trainer().fit(&mut net, &inputs, &targets)),
        "parameters: expected finite numbers, got NaN at index 0"
    );
}

#[test]
fn divergence_keeps_the_last_finite_parameters() {
    let (start, inputs, targets) = line();
    for rate in [1e3, 1e30, 1e160, 1e300] {
        let mut net = start.clone();
        let trainer = Trainer::new(SquaredError, Sgd::new(rate)).batch_size(8);
        let error = trainer.fit(&mut net, &inputs, &targets).unwrap_err();
        let Error::Diverged {
            epoch,
            step,
            layer,
            value,
            ..
        } = error.clone()
        else {
            panic!("{error}");
        };
        assert!(
            epoch >= 1 && step >= 1 && layer < 2 && !value.is_finite(),
            "{error}"
        );
        assert!(net.params().iter().all(|p| p.is_finite()), "{error}");
        assert_eq!(
            step as usize / 7 + 1 - usize::from(step % 7 == 0),
            epoch,
            "{error}"
        );
    }
}

#[test]
fn an_outlier_among_validation_samples_is_named() {
    let (mut net, inputs, targets) = line();
    let outlier = trainer().validation(Validation::set([0.5], [1e200]));
    let error = outlier.fit(&mut net, &inputs, &targets).unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("the targets, which lie in [1e200, 1e200]"),
        "{message}"
    );
}

#[test]
fn an_update_that_overflows_is_undone() {
    let net = Mlp::<f64>::builder(1).output(1, Identity).build().unwrap();
    for epochs in [1, 2] {
        let mut trained = net.clone();
        trained.set_params(&[1.0, 0.5]).unwrap();
        let trainer = Trainer::new(SquaredError, Sgd::new(f64::MAX)).epochs(epochs);
        let error = trainer.fit(&mut trained, &[1.0], &[-9.0]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("epoch 1, at update 1: parameters at layer 0"),
            "{error}"
        );
        assert_eq!(trained.params(), [1.0, 0.5]);
    }
}

#[test]
fn early_stopping_restores_the_best_parameters() {
    let (mut net, inputs, targets) = line();
    // The validation samples follow another line, so training soon makes their loss worse.
    let other: Vec<f64> = inputs.iter().map(|x| 0.2 * x - 0.1).collect();
    let trainer = trainer()
        .epochs(100)
        .validation(Validation::set(inputs.clone(), other.clone()))
        .early_stopping(0.0, 5);
    let mut at_best = Vec::new();
    let mut best = f64::INFINITY;
    let history = trainer
        .fit_with(&mut net, &Samples::new(&inputs, &targets), |event, net| {
            let Some(epoch) = event.epoch() else {
                return ControlFlow::Continue(());
            };
            if epoch.validation_loss.unwrap() < best {
                best = epoch.validation_loss.unwrap();
                at_best = net.params().to_vec();
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(history.stopped_by, StopReason::EarlyStopping);
    assert_eq!(history.epochs.len(), history.best_epoch.unwrap() + 6);
    assert_eq!(net.params(), at_best);
    let measured = GradientWorkspace::new(&net)
        .evaluate(&net, &inputs, &other, &SquaredError)
        .unwrap();
    assert_eq!(measured, best);
}

#[test]
fn a_split_holds_samples_out() {
    let (mut net, inputs, targets) = line();
    let history = trainer()
        .validation_split(0.25)
        .fit(&mut net, &inputs, &targets)
        .unwrap();
    assert_eq!(
        history.updates,
        5 * (37usize.div_ceil(8)) as u64,
        "13 of 50 are held out"
    );
    assert!(
        history
            .epochs
            .iter()
            .all(|epoch| epoch.validation_loss.unwrap() > 0.0)
    );
}

#[test]
fn tolerance_stops_as_scikit_learn_does() {
    let (mut net, inputs, targets) = line();
    // No epoch improves by 1e9, so every epoch but the first counts.
    let trainer = trainer().epochs(30).tolerance(1e9, 3);
    let history = trainer.fit(&mut net, &inputs, &targets).unwrap();
    assert_eq!(
        (history.epochs.len(), history.stopped_by),
        (5, StopReason::Tolerance)
    );
}

#[test]
fn a_callback_ends_the_training() {
    let (mut net, inputs, targets) = line();
    let history = trainer()
        .fit_with(
            &mut net,
            &Samples::new(&inputs, &targets),
            |event, _| match event.epoch() {
                Some(epoch) if epoch.number == 3 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            },
        )
        .unwrap();
    assert_eq!(
        (history.epochs.len(), history.stopped_by),
        (3, StopReason::Callback)
    );
}
