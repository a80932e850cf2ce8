//! Training runs with `fit`, `resume`, `partial_fit` and checkpoints.

use std::ops::ControlFlow::{Break, Continue};

use feedforward::train::{GaussNewtonLoss, Lbfgs, LevenbergMarquardt, TrainingEvent};
use feedforward::{Error, History, Mlp, Result, Trainer, TrainerState};

use crate::case::{Case, Number, bits, finite, readable, seen};
use crate::data::Data;
use crate::fits;
use crate::nets;
use crate::pieces;
use crate::trainers::{Training, at_most};

/// Number of epochs after which the callback ends a run without end.
const MOST_EPOCHS: usize = 5;

/// The state of a network before a call that may fail.
struct Before {
    bits: Vec<u64>,
    finite: bool,
}

impl Before {
    fn of<T: Number>(net: &Mlp<T>) -> Self {
        Self {
            bits: bits(net.params()),
            finite: finite(net.params()),
        }
    }

    /// Checks that finite parameters stay finite. An error before the first update must change
    /// nothing.
    fn judge<T: Number, V>(&self, net: &Mlp<T>, result: &Result<V>, may_change: bool) {
        if self.finite {
            assert!(finite(net.params()), "parameters are no longer finite");
        }
        if let Err(error) = result {
            readable(error);
            let found_late = matches!(error, Error::Diverged { .. }) || may_change;
            let unchanged = bits(net.params()) == self.bits;
            assert!(found_late || unchanged, "the network was changed: {error}");
        }
    }
}

fn judge_history(history: &History) {
    for epoch in &history.epochs {
        assert!(epoch.loss.is_finite(), "an epoch's loss: {}", epoch.loss);
        let validation = epoch.validation_loss;
        assert!(
            validation.is_none_or(f64::is_finite),
            "validation loss: {validation:?}"
        );
        let rate = epoch.learning_rate;
        assert!(rate.is_finite(), "an epoch's learning rate: {rate}");
    }
    let numbers = history.epochs.iter().map(|epoch| epoch.number);
    assert!(numbers.eq(1..=history.epochs.len()));
    let text = serde_json::to_string(history).expect("a history cannot be JSON");
    let read: History = serde_json::from_str(&text).expect("a history's JSON cannot be read");
    assert_eq!(format!("{read:?}"), format!("{history:?}"));
}

fn fitted<T: Number>(trainer: &Trainer<T>, net: &mut Mlp<T>, data: &Data<T>) -> Result<History> {
    trainer.fit_with(net, &data.samples(), at_most(MOST_EPOCHS))
}

/// Trains from beginning to end, and again with one and with two threads.
pub fn fit<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let training = Training::new(case, net);
    let data = Data::new(case, net);
    let start = net.clone();
    let before = Before::of(net);
    say!(
        case,
        "trainer.fit_with(&mut net, &samples, at most {MOST_EPOCHS} epochs)"
    );
    let result = fitted(&training.trainer, net, &data);
    before.judge(net, &result, training.arranged);
    if let Ok(history) = &result {
        judge_history(history);
        assert!(history.epochs.len() <= training.epochs);
        assert!(finite(net.params()), "a trained network is not finite");
    }
    if case.random.percent(25) {
        say!(case, "again by one and by two threads");
        let [one, two] = [1, 2].map(|threads| {
            let mut net = start.clone();
            let trainer = training.trainer.clone().threads(threads);
            let result = fitted(&trainer, &mut net, &data);
            (format!("{result:?}"), bits(net.params()))
        });
        assert_eq!(one.0, two.0, "results differ by one thread and by two");
        assert!(one.1 == two.1, "parameters differ by one thread and by two");
    }
}

/// A run that is interrupted, written, read and resumed must be bit-identical to an uninterrupted
/// one.
pub fn pause<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let mut training = Training::new(case, net);
    training.epochs = case.random.between(1, 4);
    let trainer = training.trainer.clone().epochs(training.epochs);
    let data = Data::new(case, net);
    let samples = data.samples();
    let stop_after = case.random.between(1, 6);
    say!(
        case,
        "trainer.epochs({}), stopped after {stop_after} updates, and resumed",
        training.epochs
    );

    let mut whole = net.clone();
    let before = Before::of(net);
    let Some(mut state) = seen(trainer.init_state(&whole)) else {
        return;
    };
    let result = trainer.resume(&mut whole, &mut state, &samples);
    before.judge(&whole, &result, training.arranged);
    if result.is_err() {
        return;
    }
    judge_history(state.history());

    let mut paused = net.clone();
    let mut state_of_paused = trainer.init_state(&paused).unwrap();
    let mut updates = 0;
    let stopped = trainer.resume_with(&mut paused, &mut state_of_paused, &samples, |event, _| {
        updates += usize::from(matches!(event, TrainingEvent::Update(_)));
        if updates >= stop_after {
            Break(())
        } else {
            Continue(())
        }
    });
    stopped.expect("the first part of a valid run");
    let bytes = state_of_paused
        .to_bytes(&trainer, &paused)
        .expect("no checkpoint of a valid run");
    let read = TrainerState::from_bytes(&bytes, &trainer, net);
    let mut state_of_read = read.expect("the checkpoint cannot be read");
    assert!(
        bits(net.params()) == bits(paused.params()),
        "the checkpoint's network"
    );
    let expected = format!("{:?}", state.history().epochs);
    let both = [
        (&mut paused, &mut state_of_paused),
        (net, &mut state_of_read),
    ];
    for (net, state) in both {
        let resumed = trainer.resume(net, state, &samples);
        resumed.expect("the rest of a valid run");
        assert_eq!(format!("{:?}", state.history().epochs), expected);
        let differs = bits(net.params()) != bits(whole.params());
        assert!(!differs, "the network differs after resuming");
    }
}

/// Combines states, networks and trainers in any order, even if they do not match.
pub fn wander<T: Number>(case: &mut Case, first: &Mlp<T>) {
    let mut nets = [first.clone(), nets::usual(case)];
    let setups = [0, 0, 1].map(|net| Training::new(case, &nets[net]));
    let mut states: Vec<TrainerState<T>> = Vec::new();
    let mut files: Vec<Vec<u8>> = Vec::new();
    for _ in 0..case.random.between(3, 10) {
        let random = &mut case.random;
        let [which, other] = [usize::from(random.odd()), usize::from(random.odd())];
        let chosen = random.below(2) + usize::from(random.odd());
        let Training {
            trainer, arranged, ..
        } = &setups[chosen];
        let net = &mut nets[which];
        if states.is_empty() || random.percent(10) {
            say!(
                case,
                "states.push(trainers[{chosen}].init_state(&nets[{which}]))"
            );
            states.extend(seen(trainer.init_state(net)));
            continue;
        }
        let at = random.below(states.len());
        let state = &mut states[at];
        let what = random.below(7);
        let call =
            |name: &str| format!("trainers[{chosen}].{name} with nets[{which}] and states[{at}]");
        let before = Before::of(net);
        let good = state
            .history()
            .epochs
            .iter()
            .all(|epoch| epoch.loss.is_finite());
        match what {
            0 | 1 => {
                let data = Data::new(case, &first_or(net, other, first));
                say!(case, "{}", call("resume_with"));
                let result = trainer.resume_with(net, state, &data.samples(), at_most(3));
                before.judge(net, &result, *arranged);
                if result.is_ok() && good {
                    judge_history_of_parts(state.history());
                }
            }
            2 | 3 => {
                let data = Data::new(case, &first_or(net, other, first));
                say!(case, "{}", call("partial_fit"));
                let result = trainer.partial_fit(net, state, &data.samples());
                before.judge(net, &result, *arranged);
                if let Ok(epoch) = result {
                    assert!(epoch.loss.is_finite(), "an epoch's loss: {}", epoch.loss);
                }
            }
            4 if random.percent(50) => {
                say!(case, "{}, forget_samples, take_epochs", call("restart"));
                seen(state.restart(trainer, net));
                state.forget_samples();
                state.take_epochs();
            }
            4 => {
                say!(case, "states[{at}].forget_samples()");
                state.forget_samples();
            }
            5 => {
                say!(case, "{}", call("to_bytes"));
                files.extend(seen(state.to_bytes(trainer, net)));
            }
            _ => {
                let Some(file) = files.last() else { continue };
                say!(case, "{}", call("from_bytes"));
                match TrainerState::from_bytes(file, trainer, net) {
                    Ok(read) => *state = read,
                    Err(error) => before.judge::<T, ()>(net, &Err(error), false),
                }
            }
        }
        let state = &states[at];
        state.learning_rate(&setups[chosen].trainer);
        assert!(state.best_params().is_none_or(|params| !params.is_empty()));
        let _ = (
            state.average(),
            state.samples_seen(),
            state.samples_seen_in_epoch(),
        );
        let _ = (state.progress(), state.epochs_without_improvement());
    }
}

fn first_or<T: Number>(net: &Mlp<T>, other: usize, first: &Mlp<T>) -> Mlp<T> {
    if other == 0 {
        net.clone()
    } else {
        first.clone()
    }
}

fn judge_history_of_parts(history: &History) {
    for epoch in &history.epochs {
        assert!(epoch.loss.is_finite(), "an epoch's loss: {}", epoch.loss);
    }
}

/// Trains a network with L-BFGS.
pub fn lbfgs<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let loss = pieces::loss::<T>(case);
    let data = Data::new(case, net);
    let random = &mut case.random;
    let mut lbfgs = Lbfgs::new(loss.clone())
        .iterations(random.count(&[1, 5, 10]))
        .evaluations(random.count(&[5, 20]))
        .history_size(random.count(&[1, 5, 10]))
        .gradient_tolerance(random.setting(&[1e-4, 0.0]))
        .loss_tolerance(random.setting(&[1e-9, 0.0]))
        .l2(random.setting(&[0.0, 1e-3]));
    if random.percent(10) {
        lbfgs = lbfgs.threads(random.pick(&[0, 1, 2, 3]));
    }
    say!(
        case,
        "{lbfgs:?}.fit_with(&mut net, &samples, at most 20 iterations)"
    );
    let before = Before::of(net);
    let mut left = 20;
    let result = lbfgs.fit_with(net, &data.samples(), |_, _| {
        left -= 1;
        if left == 0 { Break(()) } else { Continue(()) }
    });
    before.judge(net, &result, false);
    if let Ok(report) = result {
        assert!(report.loss.is_finite() && report.losses().all(f64::is_finite));
        assert!(finite(net.params()));
    }
}

/// Fits by Levenberg and Marquardt's method, with or without a Bayesian penalty.
pub fn levenberg_marquardt<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let data = Data::new(case, net);
    let random = &mut case.random;
    let losses = [
        GaussNewtonLoss::SquaredError,
        GaussNewtonLoss::BinaryCrossEntropy,
        GaussNewtonLoss::SoftmaxCrossEntropy,
        GaussNewtonLoss::Poisson,
    ];
    let mut trainer = LevenbergMarquardt::new()
        .options(fits::options(random))
        .l2(random.setting(&[0.0, 1e-3]));
    if random.percent(30) {
        trainer = trainer.bayesian();
    }
    if random.percent(40) {
        trainer = trainer.loss(random.pick(&losses));
    }
    if random.percent(10) {
        trainer = trainer.threads(random.pick(&[0, 1, 2, 3]));
    }
    say!(
        case,
        "{trainer:?}.fit_with(&mut net, &samples, at most 10 iterations)"
    );
    // A step takes time for the cube of the number of parameters.
    if net.params().len() > 300 {
        return;
    }
    let before = Before::of(net);
    let mut left = 10;
    let result = trainer.fit_with(net, &data.samples(), |_, _| {
        left -= 1;
        if left == 0 { Break(()) } else { Continue(()) }
    });
    before.judge(net, &result, false);
    if let Ok(report) = result {
        assert!(report.search.sum_of_squares.is_finite());
        let inputs = vec![T::one(); net.inputs()];
        if let Some((y, deviations)) = seen(report.predict_with_error(net, &inputs)) {
            assert!(finite(&y) && finite(&deviations));
        }
    }
}
