//! Networks learn standard tasks.

use feedforward::activation::{Identity, Relu, Tanh};
use feedforward::loss::{BinaryCrossEntropy, SquaredError};
use feedforward::optimizer::{Adam, Sgd};
use feedforward::{Mlp, Trainer};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

#[test]
fn exclusive_or() {
    let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let targets = [0.0, 1.0, 1.0, 0.0];
    let learned = (0..5).filter(|&seed| {
        let mut net = Mlp::<f32>::builder(2)
            .hidden(8, Tanh)
            .output(1, Identity)
            .seed(seed)
            .build()
            .unwrap();
        let trainer = Trainer::new(BinaryCrossEntropy, Adam::new(0.05)).epochs(300);
        trainer.fit(&mut net, &inputs, &targets).unwrap();
        let logits = net.predict(&inputs).unwrap();
        logits
            .iter()
            .zip(targets)
            .all(|(&logit, target)| (logit > 0.0) == (target > 0.5))
    });
    assert_eq!(learned.count(), 5);
}

/// Returns two interleaved, noisy half circles as inputs and labels.
fn moons(samples: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for i in 0..samples {
        let angle = std::f64::consts::PI * rng.random::<f64>();
        let (mut x, mut y) = (angle.cos(), angle.sin());
        if i % 2 == 1 {
            (x, y) = (1.0 - x, 0.5 - y);
        }
        let mut noise = || 0.2 * (rng.random::<f64>() - 0.5);
        inputs.extend([x + noise(), y + noise()]);
        labels.push((i % 2) as f64);
    }
    (inputs, labels)
}

#[test]
fn two_moons() {
    let (inputs, labels) = moons(400, 1);
    let (unseen, truth) = moons(400, 2);
    let accuracy = |net: &Mlp<f64>| {
        let logits = net.predict(&unseen).unwrap();
        let right = logits
            .iter()
            .zip(&truth)
            .filter(|&(&logit, &t)| (logit > 0.0) == (t > 0.5));
        right.count() as f64 / 400.0
    };
    let train = |mut net: Mlp<f64>| {
        let trainer = Trainer::new(BinaryCrossEntropy, Adam::new(0.01))
            .batch_size(32)
            .epochs(100);
        trainer.fit(&mut net, &inputs, &labels).unwrap();
        net
    };
    let line = train(Mlp::builder(2).output(1, Identity).build().unwrap());
    let curve = train(
        Mlp::builder(2)
            .hidden_layers(2, 16, Relu)
            .output(1, Identity)
            .build()
            .unwrap(),
    );
    let (line, curve) = (accuracy(&line), accuracy(&curve));
    assert!(line < 0.95, "a neuron draws a line: {line}");
    assert!(curve > 0.99, "a network bends it: {curve}");
}

/// A linear network must find the least-squares fit, which has a closed form.
#[test]
fn a_noisy_line() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let inputs: Vec<f64> = (0..200).map(|_| rng.random::<f64>() * 4.0 - 1.0).collect();
    let targets: Vec<f64> = inputs
        .iter()
        .map(|x| 1.5 * x - 0.75 + 0.3 * (rng.random::<f64>() - 0.5))
        .collect();

    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mx, my) = (mean(&inputs), mean(&targets));
    let covariance: f64 = inputs
        .iter()
        .zip(&targets)
        .map(|(x, y)| (x - mx) * (y - my))
        .sum();
    let variance: f64 = inputs.iter().map(|x| (x - mx) * (x - mx)).sum();
    let slope = covariance / variance;

    let mut net = Mlp::builder(1).output(1, Identity).build().unwrap();
    let trainer = Trainer::new(SquaredError, Sgd::new(0.3)).epochs(400);
    trainer.fit(&mut net, &inputs, &targets).unwrap();
    approx::assert_relative_eq!(net.params()[0], slope, epsilon = 1e-9);
    approx::assert_relative_eq!(net.params()[1], my - slope * mx, epsilon = 1e-9);
}
