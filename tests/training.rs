//! Training in unusual situations: undefined scores, runs that stop at once, zero weights, changed
//! samples, and calls in any order.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use feedforward::activation::{Identity, Mish, Relu, Tanh};
use feedforward::encoding::{self, Encoding};
use feedforward::loss::{MeanAbsoluteError, SquaredError};
use feedforward::metrics::R2;
use feedforward::optimizer::{Adam, Sgd};
use feedforward::schedule::{Cosine, CosineLog, FlatCosine, Linear, OneCycle, WarmUp};
use feedforward::train::{Hint, TrainingEvent, Validation};
use feedforward::{
    Error, GradientWorkspace, Mlp, Samples, Schedule, Score, Shard, StopReason, Trainer,
    TrainerState,
};

fn net() -> Mlp<f64> {
    let builder = Mlp::builder(1).hidden(6, Tanh);
    builder.output(1, Identity).seed(3).build().unwrap()
}

fn data() -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..50).map(|i| f64::from(i) / 25.0 - 1.0).collect();
    let y = x.iter().map(|x| (2.0 * x).sin()).collect();
    (x, y)
}

fn trainer() -> Trainer<f64> {
    let trainer = Trainer::new(SquaredError, Adam::new(0.01));
    trainer.batch_size(8).epochs(20)
}

/// A score that is a number in some epochs only.
#[derive(Debug)]
struct Sometimes(AtomicUsize, Vec<f64>);

impl Score<f64> for Sometimes {
    fn score(&self, _: &[f64], _: &[f64], _: usize, _: Option<&[f64]>) -> f64 {
        let call = self.0.fetch_add(1, Ordering::Relaxed);
        self.1.get(call).copied().unwrap_or(f64::NAN)
    }
    fn name(&self) -> Cow<'static, str> {
        "sometimes".into()
    }
}

#[test]
fn a_score_that_is_no_number_is_no_improvement() {
    let (x, y) = data();
    // R2 of one sample is undefined. No epoch is the best, and patience runs out.
    let undefined = trainer()
        .validation(Validation::set([0.5], [0.84]).score(R2::default()))
        .early_stopping(0.0, 12);
    let mut seen = Vec::new();
    let mut stopped = net();
    let history = undefined
        .fit_with(&mut stopped, &Samples::new(&x, &y), |event, net| {
            if event.epoch().is_some() {
                seen = net.params().to_vec();
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(history.stopped_by, StopReason::EarlyStopping);
    assert_eq!((history.epochs.len(), history.best_epoch), (13, None));
    assert_eq!(stopped.params(), seen, "the last parameters, not the first");
    assert!(history.hints.contains(&Hint::UndefinedScore));

    // The only epoch with a number is the best one.
    let mut at = vec![f64::NAN; 20];
    at[4] = 0.5;
    let score = Sometimes(AtomicUsize::new(0), at);
    let once = trainer()
        .validation(Validation::set([0.5], [0.84]).score(score))
        .early_stopping(0.0, 6);
    let (mut stopped, mut fifth) = (net(), Vec::new());
    let history = once
        .fit_with(&mut stopped, &Samples::new(&x, &y), |event, net| {
            if event.epoch().is_some_and(|epoch| epoch.number == 5) {
                fifth = net.params().to_vec();
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    // Epochs without a number are tolerated before the first number.
    assert_eq!(history.stopped_by, StopReason::EarlyStopping);
    if history.epochs.len() > 4 {
        assert_eq!(
            (history.best_epoch, stopped.params()),
            (Some(5), &fifth[..])
        );
    }
}

#[test]
fn the_last_of_the_best_epochs_is_kept() {
    let (x, y) = data();
    let kept = |trainer: &dyn Fn(Trainer<f64>) -> Trainer<f64>| {
        let values = vec![0.1, 0.7, 0.3, f64::NAN, 0.7, 0.2, 0.7, 0.6, 0.1, 0.1];
        let score = Sometimes(AtomicUsize::new(0), values);
        let watched = trainer_with(Validation::set([0.5], [0.84]).score(score)).epochs(10);
        let (mut net, mut epochs) = (net(), Vec::new());
        let history = trainer(watched).fit_with(&mut net, &Samples::new(&x, &y), |event, net| {
            epochs.extend(event.epoch().map(|_| net.params().to_vec()));
            ControlFlow::Continue(())
        });
        let history = history.unwrap();
        let best = history.best_epoch.unwrap();
        assert_eq!(net.params(), epochs[best - 1]);
        (history.stopped_by, history.epochs.len(), best)
    };
    let all = StopReason::Epochs;
    assert_eq!(kept(&|t| t.keep_best()), (all, 10, 7));
    assert_eq!(kept(&|t| t.early_stopping(0.0, 256)), (all, 10, 2));
    let stopped = (StopReason::EarlyStopping, 10, 7);
    assert_eq!(kept(&|t| t.keep_best().early_stopping(0.0, 2)), stopped);

    let error = trainer().keep_best().fit(&mut net(), &x, &y).unwrap_err();
    assert_eq!(
        error.to_string(),
        "best epoch to keep: expected a validation split or set to watch, got none"
    );
    // Without a score, the validation loss decides.
    let mut kept = net();
    let trainer = trainer_with(Validation::split(0.2)).keep_best();
    let history = trainer.fit(&mut kept, &x, &y).unwrap();
    let losses: Vec<f64> = history
        .epochs
        .iter()
        .filter_map(|e| e.validation_loss)
        .collect();
    let best = history.best_epoch.unwrap();
    assert!(losses.iter().all(|&loss| loss >= losses[best - 1]));
}

fn trainer_with(validation: Validation<f64>) -> Trainer<f64> {
    trainer().validation(validation)
}

#[test]
fn the_last_short_minibatch_is_dropped_if_asked() {
    let (x, y) = data();
    let mut seen = Vec::new();
    let dropping = trainer().drop_last(true).epochs(3);
    let mut state = dropping.init_state(&net()).unwrap();
    let samples = Samples::new(&x, &y);
    let reason = dropping.resume_with(&mut net(), &mut state, &samples, |event, _| {
        if let TrainingEvent::Update(update) = event {
            seen.push(update.samples);
        }
        ControlFlow::Continue(())
    });
    assert_eq!(reason, Ok(StopReason::Epochs));
    // Six of seven minibatches of 8 of 50 samples.
    assert_eq!(seen, (1..=18).map(|update| 8 * update).collect::<Vec<_>>());
    assert_eq!(state.progress().total_steps, 18);
    // If all are full, nothing changes.
    let params = |trainer: Trainer<f64>| {
        let mut net = net();
        trainer.fit(&mut net, &x, &y).unwrap();
        net.params().to_vec()
    };
    let full = trainer().batch_size(10);
    assert_eq!(params(full.clone().drop_last(true)), params(full));
    // A larger minibatch has all samples.
    let whole = trainer().batch_size(50);
    assert_eq!(
        params(trainer().batch_size(256).drop_last(true)),
        params(whole)
    );
    let mut net = net();
    assert!(trainer().batch_size(256).fit(&mut net, &x, &y).is_err());
}

#[test]
fn a_run_stopped_in_its_first_epoch_keeps_what_it_learned() {
    let (x, y) = data();
    let samples = Samples::new(&x, &y);
    let stopping = trainer().validation_split(0.2).early_stopping(0.0, 3);
    let averaging = stopping.clone().weight_average(0.5);
    for trainer in [stopping, averaging] {
        let (start, mut stopped) = (net(), net());
        let mut state = trainer.init_state(&stopped).unwrap();
        let mut updates = 0;
        let reason = trainer.resume_with(&mut stopped, &mut state, &samples, |_, _| {
            updates += 1;
            match updates {
                3 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        assert_eq!(reason, Ok(StopReason::Callback));
        assert_ne!(stopped.params(), start.params());
        // Resuming leads to the result of an uninterrupted run.
        trainer.resume(&mut stopped, &mut state, &samples).unwrap();
        let mut whole = net();
        trainer.fit(&mut whole, &x, &y).unwrap();
        assert_eq!(stopped.params(), whole.params());
    }

    let by_hand = trainer()
        .validation(Validation::set(x, y))
        .early_stopping(0.0, 3);
    let (start, mut stopped) = (net(), net());
    let mut state = by_hand.init_state(&stopped).unwrap();
    let mut run = by_hand.start_run(&mut stopped, &mut state, 50).unwrap();
    run.apply(1.0, &vec![0.1; start.params().len()]).unwrap();
    assert_eq!(run.finish(), Ok(StopReason::Callback));
    assert_ne!(stopped.params(), start.params());
}

#[test]
fn a_schedule_over_all_updates_has_an_end() {
    let (x, y) = data();
    let samples = Samples::new(&x, &y);
    let schedules: [Box<dyn Schedule>; 6] = [
        Box::new(Cosine::default()),
        Box::new(Linear { floor: 1e-4 }),
        Box::new(OneCycle::default()),
        Box::new(CosineLog::default()),
        Box::new(FlatCosine),
        Box::new(WarmUp {
            steps: 3,
            then: Cosine::default(),
        }),
    ];
    for schedule in schedules {
        let trainer = trainer().epochs(3).schedule(schedule);
        let mut net = net();
        let mut state = trainer.init_state(&net).unwrap();
        for _ in 0..3 {
            trainer.partial_fit(&mut net, &mut state, &samples).unwrap();
        }
        let before = net.params().to_vec();
        let error = trainer.partial_fit(&mut net, &mut state, &samples);
        assert_eq!(
            error.unwrap_err().to_string(),
            "updates under a schedule over all updates: expected at most 21, those of 3 epochs, \
             got more, after 21"
        );
        assert_eq!(net.params(), before);
        state.restart(&trainer, &net).unwrap();
        trainer.partial_fit(&mut net, &mut state, &samples).unwrap();
        assert_ne!(net.params(), before);
    }
}

#[test]
fn weights_must_leave_something_to_learn() {
    let (x, y) = data();
    // If the one weighted sample is held out, all others weigh nothing.
    let split = trainer().validation_split(0.2);
    let mut held_out = Vec::new();
    for sample in 0..50 {
        let mut weights = [0.0; 50];
        weights[sample] = 1.0;
        let samples = Samples::new(&x, &y).weights(&weights);
        match split.fit_with(&mut net(), &samples, |_, _| ControlFlow::Break(())) {
            Err(error) => held_out.push(error.to_string()),
            // Otherwise the validation weights sum to zero, or the callback sees one update.
            Ok(history) => assert!(history.updates > 0),
        }
    }
    let training =
        "sample weights of the training part of the split: expected a sum above 0, got 0";
    assert_eq!(held_out.iter().filter(|text| *text == training).count(), 10);

    // In single precision, the inverse of the sum overflows.
    let (x, y) = ([0.5_f32, 1.0], [1.0_f32, 0.0]);
    let builder = Mlp::<f32>::builder(1).hidden(2, Tanh);
    let net = builder.output(1, Identity).build().unwrap();
    for tiny in [1e-40_f32, f32::from_bits(1)] {
        let weights = [tiny; 2];
        let samples = Samples::new(&x, &y).weights(&weights);
        let error = GradientWorkspace::new(&net).compute_samples(&net, &samples, &SquaredError);
        assert!(
            matches!(error, Err(Error::InvalidSetting { .. })),
            "{error:?}"
        );
        let trainer = Trainer::new(SquaredError, Sgd::new(0.1));
        let error = trainer.fit_with(&mut net.clone(), &samples, |_, _| ControlFlow::Break(()));
        assert!(
            matches!(error, Err(Error::InvalidSetting { .. })),
            "{error:?}"
        );
    }
    // Minibatches with such weights are skipped.
    let weights = [1e-40, 1.0];
    let trainer = Trainer::new(SquaredError, Sgd::new(0.1))
        .batch_size(1)
        .epochs(2);
    let mut trained = net.clone();
    let samples = Samples::new(&x, &y).weights(&weights);
    let history = trainer.fit_with(&mut trained, &samples, |_, _| ControlFlow::Continue(()));
    assert_eq!(history.unwrap().updates, 2);
    assert!(trained.params().iter().all(|p| p.is_finite()));
}

/// The weights of each minibatch are too small to divide by, but those of all samples are not.
#[test]
fn an_epoch_without_an_update_is_an_error() {
    let (x, y) = data();
    let weights = [1.5e-309; 50];
    let samples = Samples::new(&x, &y).weights(&weights);
    let (start, mut trained) = (net(), net());
    let trainer = trainer().batch_size(1);
    let error = trainer.fit_with(&mut trained, &samples, |_, _| ControlFlow::Continue(()));
    assert_eq!(
        error.unwrap_err().to_string(),
        "sample weights of an epoch: expected a minibatch whose weights sum to more than 0, got none"
    );
    let mut state = trainer.init_state(&trained).unwrap();
    let error = trainer.partial_fit(&mut trained, &mut state, &samples);
    assert!(matches!(error, Err(Error::Missing { .. })), "{error:?}");
    assert_eq!(trained.params(), start.params());
    let mut run = trainer.start_run(&mut trained, &mut state, 50).unwrap();
    while run.batch().is_some() {
        run.skip().unwrap();
    }
    assert!(run.end_epoch(None).is_err());
}

#[test]
fn an_average_that_cannot_move_is_refused() {
    let builder = Mlp::<f32>::builder(1);
    let net = builder.output(1, Identity).build().unwrap();
    let trainer = Trainer::new(SquaredError, Sgd::new(0.1));
    assert!(
        trainer
            .clone()
            .weight_average(1.0 - 1e-10)
            .init_state(&net)
            .is_err()
    );
    assert!(trainer.weight_average(1.0 - 1e-6).init_state(&net).is_ok());
}

/// The squares of these gradients overflow, which would freeze the parameters forever.
#[test]
fn a_memory_that_overflows_is_a_divergence() {
    let start = Mlp::<f32>::builder(1).output(1, Identity).build().unwrap();
    let (x, y) = ([1e25_f32, 5e24], [1.0_f32, 2.0]);
    let mut net = start.clone();
    let trainer = Trainer::new(MeanAbsoluteError, Adam::new(1e-3)).epochs(5);
    let error = trainer.fit(&mut net, &x, &y).unwrap_err();
    let Error::Diverged { what, value, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (*what, *value),
        ("optimizer's memory", f64::INFINITY),
        "{error}"
    );
    assert_eq!(net.params(), start.params());
}

#[test]
fn a_mean_loss_that_overflows_is_a_divergence() {
    let net = Mlp::<f64>::builder(1).output(1, Identity).build().unwrap();
    let trainer = Trainer::new(MeanAbsoluteError, Sgd::new(1e-300)).batch_size(2);
    let error = trainer.fit(&mut net.clone(), &[1.0; 4], &[1e308; 4]);
    assert!(matches!(error, Err(Error::Diverged { .. })), "{error:?}");
}

#[test]
fn a_run_that_fails_at_once_leaves_the_network_as_it_was() {
    let (x, y) = data();
    let averaging = trainer().weight_average(0.9).epochs(2);
    let (start, mut net) = (net(), net());
    let mut state = averaging.init_state(&net).unwrap();
    let samples = Samples::new(&x, &y);
    averaging.resume(&mut net, &mut state, &samples).unwrap();
    let average = net.params().to_vec();
    let weights = [1.5e-309; 50];
    let weightless = averaging.clone().batch_size(1);
    let error = weightless.partial_fit(&mut net, &mut state, &samples.weights(&weights));
    assert!(error.is_err());
    assert_eq!(net.params(), average);
    // The state can still be resumed.
    let mut whole = start;
    averaging.clone().epochs(4).fit(&mut whole, &x, &y).unwrap();
    let longer = averaging.epochs(4);
    longer.resume(&mut net, &mut state, &samples).unwrap();
    assert_eq!(net.params(), whole.params());
}

#[test]
fn sums_of_chunks_are_those_of_the_share_whatever_came_after() {
    let net = net();
    let x: Vec<f64> = (0..400).map(|i| f64::from(i) / 200.0 - 1.0).collect();
    let shard = Shard::of_chunks(400, 0, 1).unwrap();
    let mut gradient = GradientWorkspace::new(&net);
    let samples = Samples::new(&x, &x);
    gradient
        .compute_shard(&net, &samples, &shard, &SquaredError)
        .unwrap();
    let owned = |gradient: &GradientWorkspace<f64>| -> Vec<(Vec<f64>, f64)> {
        let sums = gradient.partial_gradients();
        sums.map(|(sum, loss)| (sum.to_vec(), loss)).collect()
    };
    let expected = owned(&gradient);
    assert_eq!(expected.len(), 4);
    let other = vec![7.0; 400];
    gradient
        .evaluate(&net, &other, &other, &SquaredError)
        .unwrap();
    assert_eq!(owned(&gradient), expected);
    gradient.jacobian(&net, &other).unwrap();
    assert_eq!(owned(&gradient), expected);
    let samples = Samples::new(&other, &other);
    gradient
        .compute_each(&net, &samples, &SquaredError)
        .unwrap();
    assert_eq!(owned(&gradient), expected);
}

/// One activation's derivative needs pre-activations, the other's does not.
#[test]
fn a_workspace_serves_other_activations() {
    let x: Vec<f64> = (0..400).map(|i| f64::from(i) / 200.0 - 1.0).collect();
    let builder = || Mlp::<f64>::builder(1);
    let first = builder().hidden(4, Mish).output(1, Identity).build();
    let second = builder().hidden(4, Tanh).output(1, Identity).build();
    let mut used = GradientWorkspace::new(first.as_ref().unwrap());
    for (net, sizes) in [(first.unwrap(), &[3][..]), (second.unwrap(), &[400, 3])] {
        for &rows in sizes {
            let (x, y) = (&x[..rows], &x[..rows]);
            let loss = used.compute(&net, x, y, &SquaredError).unwrap();
            let mut fresh = GradientWorkspace::new(&net);
            assert_eq!(fresh.compute(&net, x, y, &SquaredError), Ok(loss));
            assert_eq!(used.values(), fresh.values());
        }
    }
}

fn paused(trainer: &Trainer<f64>, samples: &Samples<'_, f64>) -> (Mlp<f64>, TrainerState<f64>) {
    let mut net = net();
    let mut state = trainer.init_state(&net).unwrap();
    let few = trainer.clone().epochs(2);
    few.resume(&mut net, &mut state, samples).unwrap();
    (net, state)
}

#[test]
fn a_training_resumes_on_its_own_samples() {
    let (x, y) = data();
    let mut other = y.clone();
    other[49] += 1e-9;
    let weights = [2.0; 50];
    let trainer = trainer();
    let samples = Samples::new(&x, &y);
    let others = [
        (Samples::new(&x, &other), "50 rows with the hash "),
        (samples.weights(&weights), "50 rows with the hash "),
        (Samples::new(&x[1..], &y[1..]), "49 rows with the hash "),
    ];
    for (others, expected) in others {
        let (mut net, mut state) = paused(&trainer, &samples);
        let bytes = state.to_bytes(&trainer, &net).unwrap();
        let before = net.params().to_vec();
        let error = trainer.resume(&mut net, &mut state, &others).unwrap_err();
        let Error::Differs { setting, got, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(setting, "samples");
        assert!(got.starts_with(expected), "{error}");
        assert_eq!(net.params(), before);
        // The check also holds after a checkpoint.
        let mut loaded = TrainerState::from_bytes(&bytes, &trainer, &mut net).unwrap();
        assert!(trainer.resume(&mut net, &mut loaded, &others).is_err());
        // The caller can disable the check.
        loaded.forget_samples();
        trainer.resume(&mut net, &mut loaded, &others).unwrap();
    }
    let (mut net, mut state) = paused(&trainer, &samples);
    let error = trainer.start_run(&mut net, &mut state, 51).unwrap_err();
    assert!(matches!(error, Error::Differs { .. }), "{error}");
    assert!(trainer.start_run(&mut net, &mut state, 50).is_ok());
}

#[test]
fn a_restart_forgets_what_was_best() {
    let (x, y) = data();
    let opposite: Vec<f64> = y.iter().map(|y| 5.0 - y).collect();
    let first = trainer()
        .validation_split(0.2)
        .early_stopping(0.0, 2)
        .epochs(100);
    let second = trainer().tolerance(0.0, 2).epochs(30);
    for trainer in [first, second] {
        let (mut net, mut state) = (net(), None);
        for targets in [&y, &opposite] {
            match &mut state {
                None => state = Some(trainer.init_state(&net).unwrap()),
                Some(state) => state.restart(&trainer, &net).unwrap(),
            }
            let state = state.as_mut().unwrap();
            let before = net.params().to_vec();
            let samples = Samples::new(&x, targets);
            trainer.resume(&mut net, state, &samples).unwrap();
            assert!(state.epochs() > 3, "{} epochs", state.epochs());
            assert_ne!(net.params(), before);
        }
        let loss = GradientWorkspace::new(&net).evaluate(&net, &x, &opposite, &SquaredError);
        assert!(loss.unwrap() < 2.0);
    }
}

#[test]
fn a_run_takes_its_calls_in_order_or_says_so() {
    let (x, y) = data();
    let trainer = trainer().epochs(2).batch_size(30).weight_average(0.9);
    let mut net = net();
    let mut state = trainer.init_state(&net).unwrap();
    let zeros = vec![0.0; net.params().len()];
    let mut run = trainer.start_run(&mut net, &mut state, 50).unwrap();
    let is_out_of_order = |error: Error| matches!(error, Error::OutOfOrder { .. });
    assert!(is_out_of_order(run.end_epoch(None).unwrap_err()));
    for _ in 0..2 {
        assert_eq!(run.batch().map(<[usize]>::len), Some(30));
        run.apply(1.0, &zeros).unwrap();
        assert_eq!(run.batch().map(<[usize]>::len), Some(20));
        run.skip().unwrap();
        assert_eq!(run.batch(), None);
        assert!(is_out_of_order(run.apply(1.0, &zeros).unwrap_err()));
        assert!(is_out_of_order(run.skip().unwrap_err()));
        run.end_epoch(None).unwrap();
    }
    assert_eq!(run.stopped_by(), Some(StopReason::Epochs));
    assert!(is_out_of_order(run.end_epoch(None).unwrap_err()));
    assert!(is_out_of_order(run.apply(1.0, &zeros).unwrap_err()));
    assert_eq!(run.finish(), Ok(StopReason::Epochs));

    // The run adds missing state of a new setting, or of another trainer.
    let plain = Trainer::new(SquaredError, Adam::new(0.01))
        .epochs(2)
        .batch_size(30);
    let mut state = plain.init_state(&net).unwrap();
    let samples = Samples::new(&x, &y);
    plain
        .clone()
        .epochs(1)
        .resume(&mut net, &mut state, &samples)
        .unwrap();
    trainer.resume(&mut net, &mut state, &samples).unwrap();
    assert!(state.average().is_some());

    // A state of another optimizer is refused before anything changes.
    let adam = net.params().to_vec();
    let other = Trainer::new(SquaredError, Sgd::new(0.1)).batch_size(30);
    let error = other.resume(&mut net, &mut state, &samples).unwrap_err();
    assert_eq!(
        error.to_string(),
        "optimizer state: expected 0 values, got 38"
    );
    assert!(other.start_run(&mut net, &mut state, 50).is_err());
    assert_eq!(net.params(), adam);

    let watching = trainer
        .batch_size(20)
        .validation(Validation::set(x, y))
        .early_stopping(0.0, 1);
    let mut state = watching.init_state(&net).unwrap();
    let mut run = watching.start_run(&mut net, &mut state, 20).unwrap();
    run.apply(1.0, &zeros).unwrap();
    assert_eq!(
        run.end_epoch(None).unwrap_err().to_string(),
        "validation loss: expected a value to judge the epoch by, got none"
    );
    run.end_epoch(Some((0.5, None))).unwrap();
}

#[test]
fn numbers_of_rows_that_cannot_be_are_errors() {
    let mut net = net();
    let mut state = trainer().init_state(&net).unwrap();
    for rows in [0, usize::MAX, usize::MAX / 8, 1 << 60] {
        let error = trainer().start_run(&mut net, &mut state, rows).unwrap_err();
        assert!(
            matches!(error, Error::InvalidSetting { .. } | Error::TooLarge { .. }),
            "{rows}: {error}"
        );
    }
}

#[test]
fn epochs_can_be_taken_out_of_the_history() {
    let (x, y) = data();
    let samples = Samples::new(&x, &y);
    let trainer = trainer();
    let mut net = net();
    let mut state = trainer.init_state(&net).unwrap();
    let mut numbers = Vec::new();
    for _ in 0..5 {
        trainer.partial_fit(&mut net, &mut state, &samples).unwrap();
        let epoch = trainer.partial_fit(&mut net, &mut state, &samples).unwrap();
        let taken = state.take_epochs();
        assert_eq!(taken.last(), Some(&epoch));
        numbers.extend(taken.iter().map(|epoch| epoch.number));
    }
    assert!(numbers.into_iter().eq(1..=10));
    assert!(state.history().epochs.is_empty());
}

#[test]
fn what_looks_wrong_is_hinted_at() {
    let (x, y) = data();
    let fit = |trainer: &Trainer<f64>, x: &[f64], y: &[f64]| {
        let builder = Mlp::builder(1).hidden(6, Relu);
        let mut net = builder.output(1, Identity).seed(3).build().unwrap();
        trainer.fit(&mut net, x, y).unwrap().hints
    };
    assert_eq!(fit(&trainer(), &x, &y), []);

    let prices: Vec<f64> = y.iter().map(|y| 17_000.0 * y).collect();
    let hints = fit(&trainer(), &x, &prices);
    assert!(matches!(hints[..], [Hint::LargeTargets { high, .. }] if high > 16_000.0));
    let text = hints[0].to_string();
    assert!(text.starts_with("the targets, which lie in [-1"), "{text}");

    let far: Vec<f64> = x.iter().map(|x| 100.0 * x).collect();
    let careful = Trainer::new(SquaredError, Sgd::new(1e-6));
    let hints = fit(&careful, &far, &y);
    assert!(matches!(hints[..], [Hint::LargeInputs { .. }]), "{hints:?}");

    // Numbers of categories may be large. An encoding that passes them on does not change that they
    // are too large for a layer.
    let numbers: Vec<f64> = (0..200).map(|i| f64::from(i * 20)).collect();
    let targets = vec![0.5; 200];
    let hints_behind = |encoding: Arc<dyn Encoding<f64>>| {
        let builder = Mlp::builder(1).encoding(encoding).hidden(4, Tanh);
        let mut net = builder.output(1, Identity).build().unwrap();
        let trainer = Trainer::new(SquaredError, Adam::new(1e-3)).epochs(10);
        let history = trainer.fit(&mut net, &numbers, &targets).unwrap();
        let is_large = |hint: &&Hint| matches!(hint, Hint::LargeInputs { .. });
        history.hints.iter().filter(is_large).count()
    };
    let categories = encoding::Categories::new(&[(4000, 2)]).unwrap();
    assert_eq!(hints_behind(Arc::new(categories)), 0);
    assert_eq!(
        hints_behind(Arc::new(encoding::Identity::new(1).unwrap())),
        1
    );

    // The steps are so long that neurons die and the final loss exceeds the initial one.
    let wild = Trainer::new(SquaredError, Sgd::new(3.0))
        .batch_size(50)
        .epochs(12);
    let hints = fit(&wild, &x, &y);
    let dead = |hint: &Hint| matches!(hint, Hint::ConstantUnits { layer: 0, .. });
    assert!(hints.iter().any(dead), "{hints:?}");
}

#[test]
fn events_come_in_their_order() {
    let (x, y) = data();
    let mut kinds = String::new();
    trainer()
        .epochs(2)
        .batch_size(20)
        .fit_with(&mut net(), &Samples::new(&x, &y), |event, _| {
            kinds.push(match event {
                TrainingEvent::Update(_) => 'u',
                _ => 'e',
            });
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(kinds, "uuueuuue");
}
