//! Losses that read several outputs for each target, in training, validation and models.

use std::ops::ControlFlow;
use std::sync::Arc;

use feedforward::activation::{Identity, Relu, Tanh};
use feedforward::loss::{GaussianNll, PerOutput, Pinball};
use feedforward::metrics::R2;
use feedforward::optimizer::Adam;
use feedforward::simd::InstructionSet;
use feedforward::train::{Lbfgs, Validation};
use feedforward::{Error, Float, GradientWorkspace, Loss, Mlp, Regressor, Samples, Trainer};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

const ROWS: usize = 500;

/// Two targets: x with noise that grows with x, and -x.
fn data<T: Float>() -> (Vec<T>, Vec<T>) {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for _ in 0..ROWS {
        let (x, u) = (rng.random::<f64>(), rng.random::<f64>());
        inputs.push(T::from_f64(x));
        targets.extend([x + x * (u - 0.5), -x].map(T::from_f64));
    }
    (inputs, targets)
}

fn net<T: Float>(outputs: usize) -> Mlp<T> {
    let builder = Mlp::builder(1).hidden(16, Tanh).seed(5);
    builder.output(outputs, Identity).build().unwrap()
}

fn losses<T: Float>() -> [(Arc<dyn Loss<T>>, usize); 3] {
    [
        (Arc::new(Pinball::new([0.1, 0.5, 0.9])), 6),
        (Arc::new(GaussianNll::default()), 4),
        (Arc::new(PerOutput(Pinball::default())), 2),
    ]
}

#[test]
fn quantiles_and_deviations_are_learned() {
    let (x, y) = data::<f64>();
    let [(pinball, _), (normal, _), _] = losses::<f64>();
    let trainer = |loss| Trainer::new(loss, Adam::new(0.01)).epochs(150).seed(1);
    let mut quantiles = net(6);
    trainer(pinball).fit(&mut quantiles, &x, &y).unwrap();
    let got = quantiles.predict(&[0.8]).unwrap();
    let expected = [0.48, 0.8, 1.12, -0.8, -0.8, -0.8];
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 0.05, "{got} instead of {expected}");
    }
    let mut distribution = net(4);
    trainer(normal).fit(&mut distribution, &x, &y).unwrap();
    let got = distribution.predict(&[0.8]).unwrap();
    let deviation = (got[1] / 2.0).exp();
    assert!((got[0] - 0.8).abs() < 0.05, "{got:?}");
    // The deviation of a uniform distribution of width 0.8.
    assert!((deviation - 0.8 / 12.0_f64.sqrt()).abs() < 0.04, "{got:?}");
    assert!(
        (got[2] + 0.8).abs() < 0.05 && got[3] < got[1] - 2.0,
        "{got:?}"
    );
}

/// Returns the bits of a training run.
fn trained<T: Float>(loss: &Arc<dyn Loss<T>>, outputs: usize, threads: usize) -> Vec<u64> {
    let (x, y) = data::<T>();
    let mut net = net::<T>(outputs);
    let trainer = Trainer::new(loss.clone(), Adam::new(0.01));
    let trainer = trainer.epochs(3).batch_size(210).validation_split(0.2);
    let history = trainer.threads(threads).fit(&mut net, &x, &y).unwrap();
    let params = net.params().iter().map(|p| p.as_f64().to_bits());
    params.chain([history.loss().to_bits()]).collect()
}

/// The only test that chooses a set, which applies to the whole process. Others compare no bits.
#[test]
fn every_set_and_number_of_threads_has_equal_bits() {
    fn check<T: Float>() {
        for (loss, outputs) in losses::<T>() {
            let mut fused: Option<Vec<u64>> = None;
            for set in InstructionSet::available() {
                set.activate().unwrap();
                let one = trained(&loss, outputs, 1);
                for threads in [2, 3] {
                    assert_eq!(trained(&loss, outputs, threads), one, "{loss:?}, {set}");
                }
                if set.is_fused() {
                    assert_eq!(*fused.get_or_insert(one.clone()), one, "{loss:?}, {set}");
                }
            }
        }
    }
    let active = InstructionSet::active();
    check::<f32>();
    check::<f64>();
    for set in InstructionSet::available() {
        set.activate().unwrap();
        selected_rows_take_their_own_targets();
    }
    active.activate().unwrap();
}

/// A minibatch of selected rows has the gradient of a copy of these rows.
fn selected_rows_take_their_own_targets() {
    let (x, y) = data::<f64>();
    for (loss, outputs) in losses::<f64>() {
        let (net, rows) = (net(outputs), [7, 0, 499, 7]);
        let mut gradient = GradientWorkspace::new(&net);
        let all = Samples::new(&x, &y);
        let mut compute = |samples: &Samples<f64>| {
            let value = gradient.compute_samples(&net, samples, &loss).unwrap();
            (value, gradient.values().to_vec())
        };
        let copied = rows.map(|row| x[row]);
        let targets: Vec<_> = rows
            .iter()
            .flat_map(|&row| [y[2 * row], y[2 * row + 1]])
            .collect();
        let selected = compute(&all.rows(&rows));
        assert_eq!(
            selected,
            compute(&Samples::new(&copied, &targets)),
            "{loss:?}"
        );
    }
}

/// A validation split measures the loss of the rows that it holds out.
#[test]
fn validation_takes_as_many_targets_as_training() {
    let (x, y) = data::<f64>();
    for (loss, outputs) in losses::<f64>() {
        let mut net = net(outputs);
        let trainer = Trainer::new(loss.clone(), Adam::new(0.01)).epochs(1);
        let set = Validation::set(&x[..50], &y[..100]);
        let history = trainer
            .clone()
            .validation(set)
            .fit(&mut net, &x[50..], &y[100..])
            .unwrap();
        let mut workspace = GradientWorkspace::new(&net);
        let expected = workspace
            .evaluate(&net, &x[..50], &y[..100], &loss)
            .unwrap();
        assert_eq!(
            history.epochs[0].validation_loss,
            Some(expected),
            "{loss:?}"
        );
        let split = trainer.validation_split(0.1).fit(&mut net, &x, &y).unwrap();
        assert!(split.epochs[0].validation_loss.unwrap() < 1.0);
    }
}

#[test]
fn lbfgs_minimizes_a_likelihood() {
    let (x, y) = data::<f64>();
    let mut net = net(4);
    let lbfgs = Lbfgs::new(GaussianNll::new(0.0)).iterations(60);
    let report = lbfgs.fit(&mut net, &x, &y).unwrap();
    assert!(report.loss < -2.0, "{report:?}");
}

#[test]
fn wrong_sizes_and_partners_are_errors() {
    let (x, y) = data::<f64>();
    let trainer = |loss: Arc<dyn Loss<f64>>| Trainer::new(loss, Adam::new(0.01)).epochs(1);
    let message = |result: Result<_, Error>| result.map(drop).unwrap_err().to_string();
    let pinball = || Arc::new(Pinball::new([0.1, 0.5, 0.9]));

    let fit = trainer(pinball()).fit(&mut net(4), &x, &y);
    assert_eq!(
        message(fit),
        "outputs of the network: expected a multiple of 3, the outputs that the loss reads for \
         each target, got 4"
    );
    // Targets that were repeated for each output.
    let repeated: Vec<_> = y.iter().flat_map(|&t| [t; 3]).collect();
    let fit = trainer(pinball()).fit(&mut net(6), &x, &repeated);
    assert_eq!(message(fit), "targets: expected 1000 values, got 3000");
    let none = trainer(Arc::new(Pinball::new([]))).fit(&mut net(6), &x, &y);
    assert_eq!(
        message(none),
        "quantiles of the pinball loss: expected at least one, got none"
    );
    let gradient = GradientWorkspace::new(&net(6)).compute(&net(6), &x, &y, &Pinball::new([]));
    assert!(matches!(gradient, Err(Error::Incompatible { .. })));

    let scored = trainer(pinball()).validation(Validation::split(0.1).score(R2::default()));
    assert_eq!(
        message(scored.fit(&mut net(6), &x, &y)),
        "validation score: expected none under a loss that reads 3 outputs per target, got r2"
    );
    let mut model = Regressor::new(net(6));
    let fit = model.fit(&trainer(pinball()), &x, &y);
    assert_eq!(
        message(fit),
        "loss of the trainer: expected one output for each target, not 3, got \
         Pinball { quantiles: [0.1, 0.5, 0.9] }"
    );
    // The logarithm of a variance can be negative.
    let mut positive = Mlp::builder(1).output(4, Relu).build().unwrap();
    let fit = trainer(Arc::new(GaussianNll::default())).fit(&mut positive, &x, &y);
    let expected = "activation of the output layer: expected one that reaches all numbers, as \
                    means and logarithms of variances must (such as identity), got relu";
    assert_eq!(message(fit), expected);

    // One quantile is an ordinary loss of a model, whose targets are scaled.
    let mut upper = Regressor::new(net(2));
    let trainer = trainer(Arc::new(Pinball::new([0.9]))).epochs(100);
    let y: Vec<_> = y.iter().map(|y| 1000.0 * y).collect();
    let samples = Samples::new(&x, &y);
    let fit = upper.fit_with(&trainer, &samples, |_, _| ControlFlow::Continue(()));
    fit.unwrap();
    let outputs = upper.predict(&x).unwrap();
    let rows = outputs.chunks(2).zip(y.chunks(2));
    let below = rows
        .filter(|(output, target)| target[0] <= output[0])
        .count();
    assert!((425..=475).contains(&below), "{below} of 500");
}
