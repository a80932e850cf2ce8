//! The training loop by hand: in the right order it is `fit`, in a wrong one an error.

use feedforward::{Mlp, Samples, TrainerState};

use crate::case::{Case, Number, bits, finite, seen};
use crate::data::{Data, values};
use crate::nets;
use crate::trainers::Training;

/// The whole loop, as its documentation has it.
pub fn whole<T: Number>(case: &mut Case, net: &mut Mlp<T>) {
    let training = Training::new(case, net);
    let trainer = training.trainer.epochs(2);
    let mut data = Data::new(case, net);
    data.rows = None;
    let samples = data.samples();
    let mut fitted = net.clone();
    say!(case, "trainer.epochs(2): fit, and the loop by hand");
    let history = trainer.fit_with(&mut fitted, &samples, |_, _| {
        std::ops::ControlFlow::Continue(())
    });
    let Some(history) = seen(history) else { return };
    let validates = history
        .epochs
        .iter()
        .any(|epoch| epoch.validation_loss.is_some());
    if validates || history.updates == 0 {
        return;
    }
    let mut state = trainer.start(net).unwrap();
    let mut gradient = trainer.gradient(net).unwrap();
    let count = data.inputs.len() / net.inputs();
    let mut batches = trainer.begin(net, &mut state, count).unwrap();
    while trainer.stopped_by(&state).is_none() {
        let seen = state.samples_seen_in_epoch();
        for rows in batches.rest_of_epoch(state.epochs(), seen) {
            gradient.set_updates(state.progress().step);
            let samples = samples.rows(rows);
            let Ok(loss) = gradient.compute_samples(net, &samples, trainer.loss()) else {
                return; // a minibatch that weighs nothing, which `fit` skips
            };
            let update = trainer.update(net, &mut state, rows.len(), loss, gradient.values());
            update.unwrap();
        }
        trainer.end_epoch(net, &mut state, None).unwrap();
    }
    trainer.end(net, &mut state).unwrap();
    assert!(
        bits(net.params()) == bits(fitted.params()),
        "by hand it is another network"
    );
    let by_hand = format!("{:?}", state.history().epochs);
    assert_eq!(by_hand, format!("{:?}", history.epochs));
}

/// Its calls in any order, with whatever state, network and numbers.
pub fn wander<T: Number>(case: &mut Case, first: &Mlp<T>) {
    let mut nets = [first.clone(), nets::usual(case)];
    let trainings = [0, 0].map(|net| Training::new(case, &nets[net]));
    let mut states: Vec<TrainerState<T>> = Vec::new();
    for _ in 0..case.random.between(3, 12) {
        let random = &mut case.random;
        let which = usize::from(random.odd());
        let chosen = random.below(2);
        let trainer = &trainings[chosen].trainer;
        let net = &mut nets[which];
        if states.is_empty() {
            say!(
                case,
                "states.push(trainers[{chosen}].start(&nets[{which}]))"
            );
            match seen(trainer.start(net)) {
                Some(state) => states.push(state),
                None => return,
            }
        }
        let state = &mut states[0];
        let call = format!("trainers[{chosen}], nets[{which}]");
        match random.below(9) {
            0 | 1 => {
                let samples = random.count(&[1, 3, 10]);
                say!(case, "{call}: begin({samples})");
                if let Some(mut batches) = seen(trainer.begin(net, state, samples)) {
                    let rows = batches.rest_of_epoch(state.epochs(), state.samples_seen_in_epoch());
                    let rows: usize = rows.map(<[usize]>::len).sum();
                    assert!(rows <= samples);
                }
            }
            2..=4 => {
                let samples = random.count(&[1, 3]);
                let loss = random.setting(&[0.5, 0.1]);
                let len = crate::data::length(random, net.params().len());
                let gradient: Vec<T> = values(random, len);
                say!(case, "{call}: update({samples}, {loss:e}, {len} values)");
                let before = bits(net.params());
                let result = trainer.update(net, state, samples, loss, &gradient);
                if seen(result).is_none() {
                    assert_eq!(
                        bits(net.params()),
                        before,
                        "an error that changed parameters"
                    );
                }
            }
            5 | 6 => {
                let validation = random.percent(50).then(|| {
                    let score = random.percent(50).then(|| random.setting(&[0.5]));
                    (random.setting(&[0.5, 0.1]), score)
                });
                say!(case, "{call}: end_epoch({validation:?})");
                seen(trainer.end_epoch(net, state, validation));
            }
            7 => {
                say!(case, "{call}: end, stopped_by");
                let good = finite(net.params());
                let ended = seen(trainer.end(net, state));
                assert!(ended.is_none() || !good || finite(net.params()));
                trainer.stopped_by(state);
            }
            _ if random.percent(50) => {
                say!(case, "{call}: restart");
                seen(state.restart(trainer, net));
            }
            _ => {
                let data = Data::new(case, net);
                let samples = Samples::new(&data.inputs, &data.targets);
                say!(case, "{call}: partial_fit");
                seen(trainer.partial_fit(net, state, &samples));
            }
        }
    }
}
