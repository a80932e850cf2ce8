//! Compares the handling of bad settings and data in scikit-learn and in this crate, case by case.

use std::sync::Arc;

use feedforward::activation::{self, Identity, Relu, Tanh};
use feedforward::loss::{Poisson, SquaredError};
use feedforward::optimizer::{Adam, Optimizer, Sgd};
use feedforward::schedule::InverseScaling;
use feedforward::train::Order;
use feedforward::{Classifier, Error, History, Mlp, Samples, StopReason, Trainer};
use serde_json::Value;

const FIXTURE: &str = include_str!("fixtures/extra/behaviours.json");

const X: [f64; 6] = [0.0, 1.0, 1.0, 0.0, 0.5, 0.5];
const Y: [f64; 3] = [1.0, 0.0, 0.5];

fn net() -> Mlp<f64> {
    let builder = Mlp::builder(2).hidden(4, Tanh).output(1, Identity);
    builder.seed(1).build().unwrap()
}

fn trainer() -> Trainer<f64> {
    Trainer::new(SquaredError, Adam::new(0.01)).epochs(3)
}

fn fit(x: &[f64], y: &[f64]) -> Result<History, Error> {
    trainer().fit(&mut net(), x, y)
}

fn fit_by(trainer: &Trainer<f64>) -> Result<History, Error> {
    trainer.fit(&mut net(), &X, &Y)
}

fn fit_with(optimizer: impl Optimizer<f64> + 'static) -> Result<History, Error> {
    fit_by(&Trainer::new(SquaredError, optimizer).epochs(3))
}

/// Returns the first success, or the last error if every call was refused.
fn each_refused(
    results: impl IntoIterator<Item = Result<History, Error>>,
) -> Result<History, Error> {
    let all = results.into_iter().reduce(Result::or);
    all.expect("at least one")
}

fn classifier() -> Classifier<f64, u32> {
    Classifier::new(Mlp::builder(2).hidden(4, Tanh), [1, 2]).unwrap()
}

fn classify(labels: &[u32]) -> Result<History, Error> {
    let mut model = classifier();
    let trainer = Trainer::new(model.loss(), Adam::new(0.01)).epochs(3);
    model.fit(&trainer, &X, labels)
}

/// Returns samples on a line.
fn line(samples: usize) -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..2 * samples)
        .map(|i| i as f64 / samples as f64)
        .collect();
    let y = x.iter().step_by(2).copied().collect();
    (x, y)
}

fn weighted(weights: &[f64], batch: usize) -> Result<History, Error> {
    let samples = Samples::new(&X, &Y).weights(weights);
    let go_on = |_: &_, _: &_| std::ops::ControlFlow::Continue(());
    let trainer = trainer().batch_size(batch).order(Order::Given);
    trainer.fit_with(&mut net(), &samples, go_on)
}

/// Returns this crate's result for a case. Cases that its types rule out are errors too.
#[allow(clippy::too_many_lines)] // one table
fn ours(case: &str) -> Result<History, Error> {
    let early = |trainer: Trainer<f64>| trainer.validation_split(0.1).early_stopping(1e-4, 3);
    let done = |result: Result<Vec<f64>, Error>| result.map(|_| History::default());
    match case {
        "NaN anywhere in X at fit" => fit(&[0.0, 1.0, f64::NAN, 0.0, 0.5, 0.5], &Y),
        "infinity anywhere in X at fit" => fit(&[0.0, 1.0, f64::INFINITY, 0.0, 0.5, 0.5], &Y),
        "NaN in y (regression)" => fit(&X, &[1.0, f64::NAN, 0.0]),
        "NaN in X at predict" => done(net().predict(&[f64::NAN, 0.0])),
        "predict with a different number of features than fit" => done(net().predict(&[1.0; 3])),
        "X and y of different length" => fit(&X, &Y[..2]),
        "zero samples" => fit(&[], &[]),
        "zero features" => Mlp::<f64>::builder(0)
            .output(1, Identity)
            .build()
            .map(|_| History::default()),
        // A flat slice whose length is not a multiple of the width.
        "one-dimensional X" => fit(&X[..3], &Y),
        "a hidden layer of size 0 or negative" => Mlp::<f64>::builder(2)
            .hidden(5, Relu)
            .hidden(0, Relu)
            .output(1, Identity)
            .build()
            .map(|_| History::default()),
        "no hidden layer (empty list)" => {
            let mut net = Mlp::builder(2).output(1, Identity).build()?;
            trainer().fit(&mut net, &X, &Y)
        }
        "learning_rate_init <= 0" => {
            each_refused([fit_with(Adam::new(0.0)), fit_with(Sgd::new(-0.1))])
        }
        "alpha < 0" => fit_by(&trainer().l2(-1.0)),
        "unknown activation name" => activation::parse::<f64>("rleu").map(|_| History::default()),
        "momentum outside [0,1]" => each_refused([-0.1, 1.1].map(|momentum| {
            fit_with(Sgd {
                momentum,
                ..Sgd::new(0.1)
            })
        })),
        "beta_1 or beta_2 outside [0,1)" => each_refused([
            fit_with(Adam {
                beta1: 1.0,
                ..Adam::new(0.1)
            }),
            fit_with(Adam {
                beta2: -0.1,
                ..Adam::new(0.1)
            }),
        ]),
        "epsilon <= 0" => fit_with(Adam {
            epsilon: 0.0,
            ..Adam::new(0.1)
        }),
        "validation_fraction outside [0,1)" => {
            each_refused([-0.1, 1.0].map(|fraction| fit_by(&trainer().validation_split(fraction))))
        }
        "batch_size < 1" => fit_by(&trainer().batch_size(0)),
        "max_iter < 1" => fit_by(&trainer().epochs(0)),
        "n_iter_no_change < 1 (infinity is allowed)" => fit_by(&trainer().tolerance(0.1, 0)),
        "tol < 0" => fit_by(&trainer().tolerance(-1.0, 3)),
        "power_t < 0" => fit_by(&trainer().schedule(InverseScaling { power: -1.0 })),
        "batch_size > number of training samples" => fit_by(&trainer().batch_size(4)),
        "max_iter reached without the stopping rule firing" => {
            let history = fit_by(&trainer().tolerance(0.0, 10))?;
            assert_eq!(history.stopped_by, StopReason::Epochs);
            Ok(history)
        }
        "early stopping with fewer than 2 validation samples (n=10, fraction 0.1)" => {
            let (x, y) = line(10);
            early(trainer()).fit(&mut net(), &x, &y)
        }
        "early stopping, classification, a class with a single member" => {
            let mut model = classifier();
            let trainer = early(Trainer::new(model.loss(), Adam::new(0.01)));
            let mut labels = vec![1; 20];
            labels[7] = 2;
            model.fit(&trainer, &line(20).0, &labels)
        }
        "weights become non-finite, no early stopping" => fit_with(Sgd::new(1e200)),
        "weights become non-finite with early stopping" => {
            let (x, y) = line(40);
            early(Trainer::new(SquaredError, Sgd::new(1e200))).fit(&mut net(), &x, &y)
        }
        "partial_fit with early_stopping" => {
            let trainer = early(trainer());
            let mut state = trainer.init_state(&net())?;
            let samples = Samples::new(&X, &Y);
            let epoch = trainer.partial_fit(&mut net(), &mut state, &samples);
            epoch.map(|_| History::default())
        }
        // A network always has parameters, and a classifier always has classes.
        "predict before fit"
        | "classifier partial_fit first call without classes"
        | "partial_fit with classes different from the previous call" => Err(refused_by_types()),
        "partial_fit with labels outside the declared classes" => {
            let mut model = classifier();
            let trainer = Trainer::new(model.loss(), Adam::new(0.01));
            let mut state = trainer.init_state(model.network())?;
            let epoch = model.partial_fit(&trainer, &mut state, &X, &[1, 2, 3]);
            epoch.map(|_| History::default())
        }
        "warm_start classifier with a different class set" => classify(&[1, 3, 1]),
        "warm_start with different feature count" => fit(&[1.0; 9], &Y),
        "warm_start with changed hidden_layer_sizes" => {
            let mut state = trainer().init_state(&net())?;
            let mut other = Mlp::builder(2)
                .hidden(5, Tanh)
                .output(1, Identity)
                .build()?;
            let reason = trainer().resume(&mut other, &mut state, &Samples::new(&X, &Y));
            reason.map(|_| History::default())
        }
        "sample_weight of wrong length" => weighted(&[1.0, 1.0], 3),
        "a mini-batch whose sample weights sum to zero" => weighted(&[1.0, 0.0, 1.0], 1),
        "negative sample weights" => weighted(&[1.0, -1.0, 1.0], 3),
        "poisson loss with negative y" => {
            Trainer::new(Poisson, Adam::new(0.01))
                .epochs(3)
                .fit(&mut net(), &X, &[1.0, -1.0, 2.0])
        }
        "a single class in y (classifier)" => classify(&[2, 2, 2]),
        "a single training sample" => fit(&X[..2], &Y[..1]),
        other => panic!("case {other:?} is not covered"),
    }
}

/// The result for mistakes that do not compile.
fn refused_by_types() -> Error {
    Error::InvalidSetting {
        what: "program",
        expected: "one that compiles".to_string(),
        got: "another".to_string(),
    }
}

/// Returns the reason if this crate intentionally differs from scikit-learn.
fn differs(case: &str) -> Option<&'static str> {
    Some(match case {
        "n_iter_no_change < 1 (infinity is allowed)" => {
            "a patience of 0 means what it says; usize::MAX is infinite"
        }
        "batch_size > number of training samples" => "an error, not a warning",
        "weights become non-finite with early stopping" => {
            "an error, with the best parameters kept"
        }
        "warm_start with changed hidden_layer_sizes" => "an error, not silence",
        "a mini-batch whose sample weights sum to zero" => "skipped",
        "negative sample weights" => "an error: a negative weight makes the loss unbounded",
        "poisson loss with negative y" => "an error, not NaN",
        _ => return None,
    })
}

#[test]
fn every_case_has_its_answer() {
    let fixture: Value = serde_json::from_str(FIXTURE).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() > 40);
    let mut surprises = Vec::new();
    for entry in cases {
        let case = entry["case"].as_str().unwrap();
        let theirs_fails = entry["outcome"] == "error";
        let result = ours(case);
        let agrees = result.is_err() == theirs_fails;
        if agrees == differs(case).is_some() {
            surprises.push(format!(
                "{case}: {:?}, scikit-learn {}",
                result.err(),
                entry["outcome"]
            ));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

#[test]
fn a_diverged_training_says_so_at_once() {
    let mut epochs = 0;
    let trainer: Trainer<f64> = Trainer::new(SquaredError, Arc::new(Sgd::new(1e200))).epochs(50);
    let samples = Samples::new(&X, &Y);
    let error = trainer
        .fit_with(&mut net(), &samples, |event, _| {
            epochs += usize::from(event.epoch().is_some());
            std::ops::ControlFlow::Continue(())
        })
        .unwrap_err();
    assert!(
        matches!(error, Error::Diverged { .. }) && epochs < 3,
        "{error}"
    );
}
