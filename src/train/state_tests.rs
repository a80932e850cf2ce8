//! Tests of weights, pauses, plateaus and other settings of training runs.

use core::ops::ControlFlow;

use super::*;
use crate::activation::{Identity, Tanh};
use crate::error::DivergenceCause;
use crate::error::Error;
use crate::loss::{Poisson, SquaredError};
use crate::metrics::Score;
use crate::mlp::GradientWorkspace;
use crate::mlp::{Clip, Mlp, Samples};
use crate::optimizer::{Adam, AdamW, Sgd};
use crate::schedule::{CosineLog, FlatCosine, InverseScaling};

fn net() -> Mlp<f64> {
    let builder = Mlp::builder(1).hidden_layers(2, 6, Tanh);
    builder.output(1, Identity).seed(3).build().unwrap()
}

fn data() -> (Vec<f64>, Vec<f64>) {
    let inputs: Vec<f64> = (0..50).map(|i| f64::from(i) / 25.0 - 1.0).collect();
    let targets = inputs.iter().map(|x| (2.0 * x).sin()).collect();
    (inputs, targets)
}

fn trainer() -> Trainer<f64> {
    Trainer::new(SquaredError, Adam::new(0.01))
        .batch_size(8)
        .epochs(20)
}

fn params(trainer: &Trainer<f64>, samples: &Samples<'_, f64>) -> Vec<f64> {
    let mut net = net();
    let go_on = |_: &TrainingEvent, _: &Mlp<f64>| ControlFlow::Continue(());
    trainer.fit_with(&mut net, samples, go_on).unwrap();
    net.params().to_vec()
}

fn assert_near(a: &[f64], b: &[f64]) {
    let far = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    let far = far.fold(0.0, f64::max);
    assert!(a.len() == b.len() && far < 1e-12, "{far:e}");
}

#[test]
fn whole_weights_are_as_good_as_copies() {
    let (x, y) = data();
    let weights: Vec<f64> = (0..50).map(|i| f64::from(i % 3)).collect();
    let copies: Vec<usize> = (0..50).flat_map(|i| vec![i; i % 3]).collect();
    let full = trainer().batch_size(50).order(Order::Given).l2(0.1);
    let weighted = params(&full, &Samples::new(&x, &y).weights(&weights));
    let copied = full.batch_size(copies.len());
    assert_near(
        &weighted,
        &params(&copied, &Samples::new(&x, &y).rows(&copies)),
    );
}

#[test]
fn weights_of_one_change_nothing_and_scale_trades_with_the_penalty() {
    let (x, y) = data();
    let samples = Samples::new(&x, &y);
    let plain = params(&trainer().l2(1.0), &samples);
    assert_eq!(
        plain,
        params(&trainer().l2(1.0), &samples.weights(&[1.0; 50]))
    );
    let threefold = params(&trainer().l2(3.0), &samples.weights(&[3.0; 50]));
    assert_near(&plain, &threefold);
}

#[test]
fn weightless_minibatches_are_skipped() {
    let (x, y) = data();
    let mut weights = [1.0; 50];
    weights[8..24].fill(0.0);
    let rows: Vec<usize> = (0..8).chain(24..50).collect();
    let plain = trainer().order(Order::Given);
    let weighted = params(&plain, &Samples::new(&x, &y).weights(&weights));
    assert_eq!(weighted, params(&plain, &Samples::new(&x, &y).rows(&rows)));
    for (bad, expected) in [
        (
            [0.0; 50],
            "sample weights: expected a sum large enough to divide by, got 0",
        ),
        (
            [-1.0; 50],
            "sample weights: expected 0 or above, got -1 at row 0",
        ),
    ] {
        let samples = Samples::new(&x, &y).weights(&bad);
        let mut net = net();
        let error = trainer()
            .init_state(&net)
            .and_then(|mut state| trainer().resume(&mut net, &mut state, &samples));
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}

/// Returns a trainer with every setting that has a memory.
fn with_memory() -> Trainer<f64> {
    let (x, y) = data();
    trainer()
        .dropout(0.2)
        .clip(Clip::Norm(0.5))
        .weight_average(0.9)
        .validation(Validation::set(x, y))
        .early_stopping(1e-4, 12)
        .adaptive(Adaptive::default())
        .reduce_on_plateau(ReduceOnPlateau {
            factor: 0.7,
            patience: 1,
            threshold: 0.05,
            ..ReduceOnPlateau::default()
        })
}

#[test]
fn a_pause_changes_no_bit() {
    let (x, y) = data();
    let samples = Samples::new(&x, &y);
    let trainer = with_memory().epochs(40);
    let whole = params(&trainer, &samples);
    for pause in [1, 5, 13] {
        let mut net = net();
        let mut state = trainer.init_state(&net).unwrap();
        let reason = trainer.resume_with(&mut net, &mut state, &samples, |event, _| {
            match event.epoch() {
                Some(epoch) if epoch.number == pause => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        assert_eq!(reason.unwrap(), StopReason::Callback);
        assert_eq!(state.epochs(), pause);
        trainer.resume(&mut net, &mut state, &samples).unwrap();
        assert_eq!(net.params(), whole, "pause after {pause}");
        let learned = state.history().clone();
        trainer.resume(&mut net, &mut state, &samples).unwrap();
        assert_eq!(
            (net.params(), &learned),
            (&*whole, state.history()),
            "nothing is left to do"
        );
    }
}

#[test]
fn threads_change_no_bit_of_dropout() {
    let x: Vec<f64> = (0..400).map(|i| f64::from(i) / 200.0 - 1.0).collect();
    let samples = Samples::new(&x, &x);
    let trainer = with_memory().batch_size(400).epochs(5);
    let one = params(&trainer.clone().threads(1), &samples);
    assert_eq!(one, params(&trainer.clone().threads(3), &samples));
    assert_ne!(one, params(&trainer.dropout(0.0), &samples));
}

#[test]
fn dropout_backpropagates_through_what_it_kept() {
    let (x, y) = data();
    let mut net = net();
    let mut gradient = GradientWorkspace::new(&net).dropout(0.4, 9).unwrap();
    let loss_of = |net: &Mlp<f64>| {
        let mut probe = GradientWorkspace::new(net).dropout(0.4, 9).unwrap();
        probe.compute(net, &x, &y, &SquaredError).unwrap()
    };
    gradient.compute(&net, &x, &y, &SquaredError).unwrap();
    let h = 1e-6;
    for i in 0..net.params().len() {
        let at = net.params()[i];
        net.params_mut()[i] = at + h;
        let above = loss_of(&net);
        net.params_mut()[i] = at - h;
        let slope = (above - loss_of(&net)) / (2.0 * h);
        net.params_mut()[i] = at;
        assert!((slope - gradient.values()[i]).abs() < 1e-7, "parameter {i}");
    }
}

#[test]
fn single_epochs_are_as_good_as_a_fit() {
    let (x, y) = data();
    let samples = Samples::new(&x, &y);
    let mut net = net();
    let mut state = trainer().init_state(&net).unwrap();
    for number in 1..=20 {
        let epoch = trainer()
            .partial_fit(&mut net, &mut state, &samples)
            .unwrap();
        assert_eq!(epoch.number, number);
    }
    assert_eq!(net.params(), params(&trainer(), &samples));
    assert_eq!(state.samples_seen(), 20 * 50);
    // A single epoch also accepts fewer samples than a minibatch.
    let few = Samples::new(&x[..3], &y[..3]);
    trainer().partial_fit(&mut net, &mut state, &few).unwrap();
    let error = with_memory().partial_fit(&mut net, &mut state, &few);
    assert_eq!(
        error.unwrap_err().to_string(),
        "trainer of a partial fit: expected no early stopping, best epoch to keep or validation split, got one"
    );
}

#[test]
fn a_restart_keeps_the_count_of_samples() {
    let (x, y) = data();
    let samples = Samples::new(&x[..4], &y[..4]);
    let trainer = Trainer::new(SquaredError, Sgd::new(0.1))
        .schedule(InverseScaling { power: 0.25 })
        .epochs(1);
    let mut net = net();
    let mut state = trainer.init_state(&net).unwrap();
    trainer.resume(&mut net, &mut state, &samples).unwrap();
    state.restart(&trainer, &net).unwrap();
    assert_eq!((state.epochs(), state.samples_seen()), (0, 4));
    assert_eq!(state.learning_rate(&trainer), 0.1);
    trainer.resume(&mut net, &mut state, &samples).unwrap();
    assert_eq!(state.learning_rate(&trainer), 0.1 / 9f64.powf(0.25));
    assert_eq!(state.history().epochs.len(), 2);
}

#[test]
fn a_plateau_divides_the_rate_until_it_is_small() {
    let (x, y) = data();
    let rates = |trainer: Trainer<f64>| {
        let history = trainer.fit(&mut net(), &x, &y).unwrap();
        let rates = history.epochs.iter().map(|epoch| epoch.learning_rate);
        (rates.collect::<Vec<_>>(), history.stopped_by)
    };
    // No epoch improves by 1e9, so patience runs out in every second epoch after the first.
    let sgd = Trainer::new(SquaredError, Sgd::new(0.01))
        .tolerance(1e9, 1)
        .epochs(99);
    let floor = Adaptive {
        divisor: 10.0,
        floor: 2e-4,
    };
    let (seen, reason) = rates(sgd.clone().adaptive(floor));
    let expected = [1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-4, 1e-4];
    assert_near(&seen, &expected);
    assert_eq!(reason, StopReason::Tolerance);
    assert!(
        Trainer::new(SquaredError, Sgd::new(0.1))
            .adaptive(floor)
            .init_state(&net())
            .is_err()
    );

    let reduce = ReduceOnPlateau {
        factor: 0.5,
        patience: 1,
        threshold: 0.999,
        cooldown: 2,
        floor: 2e-3,
    };
    let sgd = Trainer::new(SquaredError, Sgd::new(0.01)).epochs(14);
    let (seen, reason) = rates(sgd.reduce_on_plateau(reduce));
    // As in PyTorch, patience runs out in the second bad epoch, and two more epochs cool down.
    let expected = [vec![1e-2; 3], vec![5e-3; 4], vec![2.5e-3; 4], vec![2e-3; 3]];
    assert_near(&seen, &expected.concat());
    assert_eq!(reason, StopReason::Epochs);
}

#[test]
fn the_average_is_what_the_network_ends_with() {
    let (x, y) = data();
    let samples = Samples::new(&x, &y);
    let last = params(&trainer().epochs(1).batch_size(50), &samples);
    let averaged = params(
        &trainer().epochs(1).batch_size(50).weight_average(0.999),
        &samples,
    );
    // After one update, 2/11 of the average are the initial parameters.
    let start = net();
    let both = start.params().iter().zip(&last);
    let expected: Vec<f64> = both.map(|(a, b)| b + 2.0 / 11.0 * (a - b)).collect();
    assert_near(&averaged, &expected);
    // The caller's function and validation see the average too.
    let mut seen = Vec::new();
    let mut net = net();
    let trainer = trainer()
        .weight_average(0.9)
        .validation(Validation::set(x.clone(), y.clone()));
    let history = trainer.fit_with(&mut net, &samples, |event, net| {
        let Some(epoch) = event.epoch() else {
            return ControlFlow::Continue(());
        };
        let loss = GradientWorkspace::new(net).evaluate(net, &x, &y, &SquaredError);
        assert_eq!(epoch.validation_loss, loss.ok());
        seen = net.params().to_vec();
        ControlFlow::Continue(())
    });
    assert_eq!((net.params(), history.unwrap().epochs.len()), (&*seen, 20));
}

#[test]
fn rows_come_in_the_order_asked_for() {
    let (x, y) = data();
    let samples = Samples::new(&x, &y);
    let reversed: Vec<usize> = (0..50).rev().collect();
    let arranged = trainer().order(Order::custom(|_, rows| rows.reverse()));
    let given = trainer().order(Order::Given);
    assert_eq!(
        params(&arranged, &samples),
        params(&given, &samples.rows(&reversed))
    );
    let wrong = trainer().order(Order::custom(|_, rows| rows[3] = 50));
    let error = wrong.fit(&mut net(), &x, &y).unwrap_err();
    assert_eq!(error.to_string(), "row index: expected below 50, got 50");
}

#[test]
fn a_score_decides_when_to_stop() {
    /// Fraction of outputs above 0.
    #[derive(Debug)]
    struct Positive;
    impl Score<f64> for Positive {
        fn score(&self, outputs: &[f64], _: &[f64], _: usize, _: Option<&[f64]>) -> f64 {
            outputs.iter().filter(|&&y| y > 0.0).count() as f64 / outputs.len() as f64
        }
        fn name(&self) -> std::borrow::Cow<'static, str> {
            "positive".into()
        }
    }
    let (x, _) = data();
    let lower = vec![-1.0; 50];
    let trainer = trainer()
        .validation(Validation::set(x.clone(), lower.clone()).score(Positive))
        .early_stopping(0.01, 3);
    let mut net = net();
    let history = trainer.fit(&mut net, &x, &lower).unwrap();
    assert_eq!(history.stopped_by, StopReason::EarlyStopping);
    let scores: Vec<f64> = history
        .epochs
        .iter()
        .filter_map(|e| e.validation_score)
        .collect();
    let best = history.best_validation_score().unwrap();
    assert_eq!(scores[history.best_epoch.unwrap() - 1], best);
    let after = Positive.score(&net.predict(&x).unwrap(), &[], 1, None);
    assert_eq!(after, best);
}

#[test]
fn divergence_is_explained_and_the_best_is_kept() {
    let (x, y) = data();
    let thousandfold = |values: &[f64]| values.iter().map(|x| 1e3 * x).collect::<Vec<_>>();
    let (far_x, far_y) = (thousandfold(&x), thousandfold(&y));
    let linear = Mlp::builder(1).hidden_layers(2, 6, Identity);
    let start = linear.output(1, Identity).seed(3).build().unwrap();
    let explain = |trainer: Trainer<f64>, x: &[f64], y: &[f64]| {
        let trainer = trainer.batch_size(8).order(Order::Given);
        let mut net = start.clone();
        let mut best = (f64::INFINITY, start.params().to_vec());
        let first: Vec<usize> = (0..8).collect();
        let minibatch = Samples::new(x, y).rows(&first);
        best.0 = GradientWorkspace::new(&net)
            .evaluate_samples(&net, &minibatch, trainer.loss())
            .unwrap();
        let result = trainer.fit_with(&mut net, &Samples::new(x, y), |event, net| {
            let Some(epoch) = event.epoch() else {
                return ControlFlow::Continue(());
            };
            if epoch.loss < best.0 {
                best = (epoch.loss, net.params().to_vec());
            }
            ControlFlow::Continue(())
        });
        assert_eq!(net.params(), best.1);
        match result.unwrap_err() {
            Error::Diverged {
                largest_gradient,
                cause,
                ..
            } => (largest_gradient, cause),
            other => panic!("{other}"),
        }
    };
    let sgd = |rate| Trainer::new(SquaredError, Sgd::new(rate)).batch_size(8);
    let (gradient, cause) = explain(sgd(1.0), &far_x, &y);
    assert!(gradient > 1.0);
    assert_eq!(
        cause,
        DivergenceCause::Inputs {
            low: -1e3,
            high: 960.0
        }
    );
    let (_, cause) = explain(sgd(1.0), &x, &far_y);
    assert!(matches!(cause, DivergenceCause::Targets { .. }), "{cause}");
    let (_, cause) = explain(sgd(50.0), &x, &y);
    assert_eq!(cause, DivergenceCause::LearningRate { rate: 50.0 });
    let counts: Vec<f64> = y.iter().map(|y| y.abs()).collect();
    let (_, cause) = explain(Trainer::new(Poisson, Sgd::new(1e4)), &x, &counts);
    assert_eq!(cause, DivergenceCause::Loss, "{cause}");
}

#[test]
fn a_training_stopped_after_any_update_goes_on_with_the_same_bits() {
    let (x, y) = data();
    let weights: Vec<f64> = (0..50).map(|i| f64::from(i % 4)).collect();
    let samples = Samples::new(&x, &y).weights(&weights);
    let trainers = [
        trainer().dropout(0.1).weight_average(0.9).threads(2),
        trainer()
            .schedule(InverseScaling::default())
            .validation_split(0.2)
            .early_stopping(1e-3, 2),
        trainer().batch_size(30).tolerance(1e-4, 2),
        Trainer::new(SquaredError, AdamW::new(0.01))
            .batch_size(8)
            .epochs(5)
            .dropout(0.3)
            .dropout_schedule(FlatCosine)
            .decay_schedule(CosineLog { cycles: 2 })
            .drop_last(true),
    ];
    for trainer in trainers {
        let mut whole = net();
        let mut state = trainer.init_state(&whole).unwrap();
        let reason = trainer.resume(&mut whole, &mut state, &samples).unwrap();
        let expected = (reason, state.history);

        let mut net = net();
        let mut state = trainer.init_state(&net).unwrap();
        let (mut countdown, mut stops) = (0, 0);
        let reason = loop {
            let seen = Samples::new(&x, &y).weights(&weights);
            let result = trainer.resume_with(&mut net, &mut state, &seen, |event, _| {
                countdown -= i32::from(matches!(event, TrainingEvent::Update(_)));
                match event {
                    TrainingEvent::Update(_) if countdown < 0 => ControlFlow::Break(()),
                    _ => ControlFlow::Continue(()),
                }
            });
            match result.unwrap() {
                StopReason::Callback => (stops, countdown) = (stops + 1, stops % 5),
                reason => break reason,
            }
        };
        assert!(stops > 5, "{stops}");
        assert_eq!((reason, state.history), expected);
        assert_eq!(net.params(), whole.params());
    }
}

#[test]
fn every_update_is_seen_in_its_order() {
    let (x, y) = data();
    let mut net = net();
    let trainer = trainer().epochs(2);
    let mut state = trainer.init_state(&net).unwrap();
    let mut seen = Vec::new();
    let mut params = net.params().to_vec();
    let samples = Samples::new(&x, &y);
    let watch = |event: &TrainingEvent, net: &Mlp<f64>| {
        match event {
            TrainingEvent::Update(update) => {
                assert_ne!(net.params(), params);
                assert_eq!(update.learning_rate, 0.01);
                seen.push((update.epoch, update.number, update.samples, update.loss));
            }
            TrainingEvent::Epoch(epoch) => {
                assert_eq!(net.params(), params);
                let losses = seen.iter().filter(|update| update.0 == epoch.number);
                let sizes = [8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 2.0];
                let sum: f64 = losses.zip(sizes).map(|(update, n)| update.3 * n).sum();
                assert!((sum / 50.0 - epoch.loss).abs() < 1e-15);
            }
        }
        params.copy_from_slice(net.params());
        ControlFlow::Continue(())
    };
    let reason = trainer.resume_with(&mut net, &mut state, &samples, watch);
    assert_eq!(reason.unwrap(), StopReason::Epochs);
    let order: Vec<_> = seen.iter().map(|update| (update.0, update.1)).collect();
    let expected: Vec<_> = (1..=14)
        .map(|number| ((number + 6) as usize / 7, number))
        .collect();
    assert_eq!(order, expected);
    assert_eq!(seen.last().unwrap().2, 100);
}
