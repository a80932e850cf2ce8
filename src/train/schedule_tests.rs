//! Tests of schedules of dropout and weight decay.

use super::*;
use crate::activation::{Identity, Tanh};
use crate::loss::SquaredError;
use crate::mlp::{Mlp, Samples};
use crate::optimizer::{AdamW, Sgd, State};
use crate::schedule::{Constant, FlatCosine, Linear, Progress, Schedule};

/// A factor that is 0.1 at first and at last, and otherwise this.
#[derive(Debug)]
struct Peak(f64);

impl Schedule for Peak {
    fn rate(&self, base: f64, progress: &Progress) -> f64 {
        let is_inside = 0 < progress.step && progress.step < progress.total_steps;
        base * if is_inside { self.0 } else { 0.1 }
    }
}

fn net() -> Mlp<f64> {
    let builder = Mlp::builder(1).hidden_layers(2, 6, Tanh);
    builder.output(1, Identity).seed(3).build().unwrap()
}

#[test]
fn dropout_and_decay_follow_their_schedules() {
    let x: Vec<f64> = (0..50).map(|i| f64::from(i) / 25.0 - 1.0).collect();
    let y: Vec<f64> = x.iter().map(|x| (2.0 * x).sin()).collect();
    let trainer = || {
        Trainer::new(SquaredError, Sgd::new(0.01))
            .batch_size(8)
            .epochs(20)
    };
    let params = |trainer: &Trainer<f64>| {
        let mut net = net();
        trainer.fit(&mut net, &x, &y).unwrap();
        net.params().to_vec()
    };
    let adamw = AdamW {
        weight_decay: 2.0,
        ..AdamW::new(0.01)
    };
    let constant = Trainer::new(SquaredError, adamw)
        .batch_size(10)
        .epochs(4)
        .dropout(0.3);
    let scheduled = (constant.clone())
        .dropout_schedule(FlatCosine)
        .decay_schedule(FlatCosine);

    // The loop by hand, with the probability and the decay of each update.
    let (start, mut by_hand) = (net(), net());
    let mut state = State::new(&adamw, start.layout()).unwrap();
    let mut gradient = constant.workspace(&start).unwrap();
    let mut batches = Batches::new(50, 10).unwrap().shuffled(0);
    let mut step = 0;
    for epoch in 0..4 {
        for rows in batches.epoch(epoch) {
            let factor = FlatCosine.rate(1.0, &Progress::after(step, 20));
            gradient.set_dropout(0.3 * factor).unwrap();
            gradient.set_updates(step);
            let batch = Samples::new(&x, &y).rows(rows);
            gradient
                .compute_samples(&by_hand, &batch, &SquaredError)
                .unwrap();
            let decayed = AdamW {
                weight_decay: 2.0 * factor,
                ..adamw
            };
            let theirs = by_hand.params_mut();
            state
                .update(&decayed, 0.01, theirs, gradient.values())
                .unwrap();
            step += 1;
        }
    }
    assert_eq!(params(&scheduled), by_hand.params());
    assert_ne!(params(&constant), by_hand.params());
    let same = constant
        .clone()
        .dropout_schedule(Constant)
        .decay_schedule(Constant);
    assert_eq!(params(&same), params(&constant));

    let refused = trainer().decay_schedule(FlatCosine);
    let error = refused.fit(&mut net(), &x, &y).unwrap_err().to_string();
    let expected = "schedule of the weight decay: expected an optimizer with a decay, got ";
    assert!(error.starts_with(expected), "{error}");
    let beyond = trainer()
        .dropout(0.5)
        .dropout_schedule(Linear { floor: 3.0 });
    let error = beyond.fit(&mut net(), &x, &y).unwrap_err().to_string();
    assert_eq!(
        error,
        "dropout under its schedule: expected at least 0 and below 1, got 1.5"
    );
    // Probabilities out of range become those next to them, because errors would come too late.
    for (dropout, peak) in [(1e-9, 1.0), (0.5, 1e6), (0.5, -1.0), (0.5, f64::NAN)] {
        let trainer = trainer().dropout(dropout).dropout_schedule(Peak(peak));
        trainer.fit(&mut net(), &x, &y).unwrap();
    }
}
