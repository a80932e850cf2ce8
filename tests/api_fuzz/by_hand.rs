//! Hand-written training loops: correct ones equal `fit`, and wrong ones are errors.

use feedforward::train::TrainingRun;
use feedforward::{Mlp, TrainerState};

use crate::case::{Case, Number, bits, finite, seen};
use crate::data::{Data, length, values};
use crate::nets;
use crate::trainers::{Training, at_most};

/// Runs the whole loop as documented.
pub fn whole<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let training = Training::new(case, net);
    let trainer = training.trainer.epochs(2);
    let mut data = Data::new(case, net);
    data.rows = None;
    let samples = data.samples();
    let mut fitted = net.clone();
    say!(case, "trainer.epochs(2): fit, and the loop by hand");
    let history = trainer.fit_with(&mut fitted, &samples, at_most(9));
    let Some(history) = seen(history) else { return };
    let mut epochs = history.epochs.iter();
    if epochs.any(|epoch| epoch.validation_loss.is_some()) || history.updates == 0 {
        return;
    }
    let mut state = trainer.init_state(net).unwrap();
    let mut gradient = trainer.workspace(net).unwrap();
    let count = data.inputs.len() / net.inputs();
    let mut run = trainer.start_run(net, &mut state, count).unwrap();
    while run.stopped_by().is_none() {
        while let Some(rows) = run.batch() {
            gradient.set_updates(run.state().progress().step);
            let dropout = run.state().dropout(&trainer);
            gradient.set_dropout(dropout).unwrap();
            let weight = |row: &usize| data.weights.as_ref().map_or(1.0, |w| w[*row].as_f64());
            // A minibatch counts for nothing if its weight has no finite inverse.
            if T::from_f64(1.0 / rows.iter().map(weight).sum::<f64>()).is_finite() {
                let samples = samples.rows(rows);
                let loss = gradient.compute_samples(run.network(), &samples, trainer.loss());
                run.apply(loss.unwrap(), gradient.values()).unwrap();
            } else {
                run.skip().unwrap();
            }
        }
        run.end_epoch(None).unwrap();
    }
    run.finish().unwrap();
    let differ = bits(net.params()) != bits(fitted.params());
    assert!(!differ, "the hand-written loop differs from fit");
    let by_hand = format!("{:?}", state.history().epochs);
    assert_eq!(by_hand, format!("{:?}", history.epochs));
}

/// Starts and ends runs in any way, with any state, network and numbers.
pub fn wander<T: Number>(case: &mut Case, first: &Mlp<T>) {
    let mut nets = [first.clone(), nets::usual(case)];
    let setups = [0, 0].map(|net| Training::new(case, &nets[net]));
    let mut states: Vec<TrainerState<T>> = Vec::new();
    for _ in 0..case.random.between(2, 6) {
        let random = &mut case.random;
        let which = usize::from(random.odd());
        let chosen = random.below(2);
        let trainer = &setups[chosen].trainer;
        let net = &mut nets[which];
        if states.is_empty() {
            say!(
                case,
                "state = trainers[{chosen}].init_state(&nets[{which}])"
            );
            match seen(trainer.init_state(net)) {
                Some(state) => states.push(state),
                None => return,
            }
        }
        let state = &mut states[0];
        let call = format!("trainers[{chosen}], nets[{which}]");
        let before = bits(net.params());
        match random.below(9) {
            0 => {
                say!(case, "{call}: state.restart");
                seen(state.restart(trainer, net));
            }
            1 => {
                let data = Data::new(case, net);
                say!(case, "{call}: partial_fit");
                seen(trainer.partial_fit(net, state, &data.samples()));
            }
            2 => {
                let data = Data::new(case, net);
                say!(case, "{call}: resume_with, at most 2 epochs");
                seen(trainer.resume_with(net, state, &data.samples(), at_most(2)));
            }
            3 => {
                say!(case, "state.forget_samples(), take_epochs()");
                state.forget_samples();
                state.take_epochs();
            }
            _ => {
                let samples = random.count(&[3, 3, 10]);
                if (100_000..1 << 32).contains(&samples) {
                    continue; // possible, but it takes long
                }
                say!(case, "{call}: run({samples})");
                match seen(trainer.start_run(net, state, samples)) {
                    Some(run) => steps(case, run),
                    None => assert_eq!(bits(net.params()), before, "an error changed parameters"),
                }
            }
        }
    }
}

/// Calls the methods of one run in any order. An error must change nothing.
fn steps<T: Number>(case: &mut Case, mut run: TrainingRun<'_, T>) {
    for _ in 0..case.random.between(1, 12) {
        let before = bits(run.network().params());
        let random = &mut case.random;
        let done = match random.below(8) {
            0..=3 => {
                let loss = random.setting(&[0.5, 0.1]);
                let len = length(random, before.len());
                let gradient: Vec<T> = values(random, len);
                say!(case, "run.apply({loss:e}, {len} values)");
                seen(run.apply(loss, &gradient)).is_some()
            }
            4 => {
                say!(case, "run.skip()");
                seen(run.skip()).is_some()
            }
            5 | 6 => {
                let validation = random.percent(50).then(|| {
                    let score = random.percent(50).then(|| random.setting(&[0.5]));
                    (random.setting(&[0.5, 0.1]), score)
                });
                say!(case, "run.end_epoch({validation:?})");
                seen(run.end_epoch(validation)).is_some()
            }
            _ => {
                say!(case, "run.batch(), stopped_by(), state()");
                let rows = run.batch().map_or(0, <[usize]>::len);
                let _ = (
                    run.stopped_by(),
                    run.state().history(),
                    run.batches_per_epoch(),
                );
                rows > 0
            }
        };
        let unchanged = bits(run.network().params()) == before;
        assert!(done || unchanged, "an error changed parameters");
    }
    if case.random.percent(70) {
        say!(case, "run.finish()");
        let good = finite(run.network().params());
        assert!(seen(run.finish()).is_some() || !good);
    }
}
