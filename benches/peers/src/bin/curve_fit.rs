//! Time of this crate's full-batch trainers, and of Adam, to a given error on smooth functions.
//!
//! usage: `curve_fit [SEEDS]`. `curve_fit.py` does the same with SciPy.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use feedforward::activation::{Identity, Tanh};
use feedforward::loss::SquaredError;
use feedforward::optimizer::Adam;
use feedforward::train::{Lbfgs, LeastSquaresIteration, LevenbergMarquardt, TrainingEvent};
use feedforward::{Mlp, Samples, Trainer};

type Data = (usize, Vec<f64>, Vec<f64>);

fn surface(count: usize) -> Data {
    let mut inputs = Vec::new();
    for i in 1..=count {
        let part = |step: f64| 2.0 * (i as f64 * step).fract() - 1.0;
        inputs.extend([part(0.754_877_666_246_692_7), part(0.569_840_290_998_053_2)]);
    }
    let value = |x: &[f64]| (2.0 * x[0]).sin() * (1.5 * x[1]).cos() + 0.3 * x[0] * x[1];
    let targets = inputs.chunks(2).map(value).collect();
    (2, inputs, targets)
}

fn wave(count: usize) -> Data {
    let step = 2.0 / (count - 1) as f64;
    let inputs: Vec<f64> = (0..count).map(|i| i as f64 * step - 1.0).collect();
    let targets = inputs.iter().map(|x| (3.0 * x).sin()).collect();
    (1, inputs, targets)
}

/// The time limit of a run.
const LIMIT: Duration = Duration::from_secs(5);

/// Trains until the mean squared error reaches the square of `goal`. Returns the time, if it does.
fn time(trainer: &str, net: &mut Mlp<f64>, data: &Data, goal: f64) -> Option<Duration> {
    let (inputs, targets) = (&data.1, &data.2);
    let samples = Samples::new(inputs, targets);
    let goal = goal * goal;
    let (mut reached, start) = (None, Instant::now());
    let mut follow = |square: f64| {
        let elapsed = start.elapsed();
        if square <= goal {
            reached = Some(elapsed);
        }
        if reached.is_some() || elapsed > LIMIT {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let count = targets.len() as f64;
    match trainer {
        "lm" => {
            let trainer = LevenbergMarquardt::new().iterations(1_000_000).threads(1);
            let on_step = |step: &LeastSquaresIteration, _: &_| {
                follow(step.sum_of_squares / count)
            };
            trainer.fit_with(net, &samples, on_step).unwrap();
        }
        "lbfgs" => {
            let trainer = Lbfgs::new(SquaredError)
                .iterations(1_000_000)
                .evaluations(10_000_000)
                .gradient_tolerance(0.0)
                .loss_tolerance(0.0)
                .threads(1);
            trainer
                .fit_with(net, &samples, |step, _| follow(2.0 * step.loss))
                .unwrap();
        }
        _ => {
            let trainer = Trainer::new(SquaredError, Adam::new(0.01))
                .batch_size(32)
                .epochs(1_000_000)
                .threads(1);
            let on_event = |event: &TrainingEvent, _: &_| match event.epoch() {
                Some(epoch) => follow(2.0 * epoch.loss),
                None => ControlFlow::Continue(()),
            };
            trainer.fit_with(net, &samples, on_event).unwrap();
        }
    }
    reached
}

fn main() {
    let seeds: u64 = std::env::args().nth(1).map_or(10, |seeds| seeds.parse().unwrap());
    let jobs = [
        (5, wave(41), vec![1e-3, 1e-5]),
        (10, surface(200), vec![1e-3, 1e-4]),
        (25, surface(400), vec![1e-3, 1e-4]),
        (60, surface(1000), vec![1e-3, 1e-4]),
        (125, surface(2000), vec![1e-3, 1e-4]),
        (250, surface(4000), vec![1e-3]),
    ];
    for (hidden, data, goals) in jobs {
        for goal in goals {
            for trainer in ["lm", "lbfgs", "adam"] {
                let runs = if hidden < 60 { seeds } else { seeds.min(3) };
                let mut times: Vec<_> = (0..runs)
                    .map(|seed| {
                        let builder = Mlp::builder(data.0).hidden(hidden, Tanh);
                        let mut net = builder.output(1, Identity).seed(seed).build().unwrap();
                        time(trainer, &mut net, &data, goal).map_or(f64::INFINITY, |t| t.as_secs_f64())
                    })
                    .collect();
                times.sort_by(f64::total_cmp);
                println!(
                    "{trainer:12} {:9} {:5} params {:5} samples  rmse {goal:.0e}  {:9.2} ms  reached {} of {runs}",
                    format!("{}-{hidden}-1", data.0),
                    hidden * (data.0 + 2) + 1,
                    data.2.len(),
                    1e3 * times[times.len() / 2],
                    times.iter().filter(|time| time.is_finite()).count(),
                );
            }
        }
    }
}
