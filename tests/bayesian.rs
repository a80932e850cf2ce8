//! Bayesian regularization: its test error, its error bars, its estimates.

use std::ops::ControlFlow;

use feedforward::activation::{Identity, Tanh};
use feedforward::train::{
    Factorization, LeastSquaresOptions, LevenbergMarquardt, LevenbergMarquardtState,
};
use feedforward::{Error, Mlp, Samples};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::{Distribution, Normal};

/// Returns points and values of a smooth function with noise of this standard deviation.
fn noisy(samples: usize, noise: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let normal = Normal::new(0.0, noise).unwrap();
    let inputs: Vec<f64> = (0..samples)
        .map(|_| 2.0 * rng.random::<f64>() - 1.0)
        .collect();
    let targets = inputs
        .iter()
        .map(|x| (3.0 * x).sin() + normal.sample(&mut rng));
    let targets = targets.collect();
    (inputs, targets)
}

fn network(hidden: usize, seed: u64) -> Mlp<f64> {
    let builder = Mlp::builder(1).hidden(hidden, Tanh).output(1, Identity);
    builder.seed(seed).build().unwrap()
}

fn rmse(net: &Mlp<f64>, inputs: &[f64], targets: &[f64]) -> f64 {
    let y = net.predict(inputs).unwrap();
    let sum: f64 = y.iter().zip(targets).map(|(y, t)| (y - t) * (y - t)).sum();
    (sum / targets.len() as f64).sqrt()
}

#[test]
fn the_test_error_is_near_that_of_the_best_penalty() {
    let (test_inputs, test_targets) = noisy(4_000, 0.2, 99);
    for seed in 0..5 {
        let (inputs, targets) = noisy(60, 0.2, seed);
        let fit = |trainer: LevenbergMarquardt| {
            let mut net = network(10, seed);
            trainer.fit(&mut net, &inputs, &targets).unwrap();
            rmse(&net, &test_inputs, &test_targets)
        };
        // Chosen by the test error itself, which no search could do better.
        let penalties = (-16..4).map(|exponent| 2f64.powi(exponent));
        let errors = penalties.map(|l2| fit(LevenbergMarquardt::new().l2(l2)));
        let best = errors.fold(f64::INFINITY, f64::min);
        let bayesian = fit(LevenbergMarquardt::new().bayesian());
        let none = fit(LevenbergMarquardt::new().iterations(300));
        println!("seed {seed}: best {best:.4}, Bayesian {bayesian:.4}, none {none:.4}");
        assert!(bayesian < 1.05 * best, "{bayesian} {best}");
    }
}

#[test]
fn error_bars_cover_fresh_samples() {
    let (runs, fresh) = (40, 500);
    let mut inside = 0;
    let mut noise = 0.0;
    for seed in 0..runs {
        let (inputs, targets) = noisy(100, 0.1, 1_000 + seed);
        let mut net = network(10, seed);
        let trainer = LevenbergMarquardt::new().bayesian();
        let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
        noise += report.evidence.unwrap().noise() / runs as f64;
        let (inputs, targets) = noisy(fresh, 0.1, 2_000 + seed);
        let (y, deviations) = report.predict_with_error(&net, &inputs).unwrap();
        let bars = y.iter().zip(&deviations).zip(&targets);
        inside += bars
            .filter(|((y, s), t)| (*y - *t).abs() <= 1.96 * **s)
            .count();
    }
    let share = inside as f64 / (runs as usize * fresh) as f64;
    println!("share {share}, noise {noise}");
    assert!((0.93..=0.97).contains(&share), "{share}");
    assert!((noise - 0.1).abs() < 0.005, "{noise}");
}

/// Returns the mean of a column, and its scale as uniform numbers in [-1, 1] have it.
fn mean_and_scale(column: &[f64]) -> (f64, f64) {
    let n = column.len() as f64;
    let mean = column.iter().sum::<f64>() / n;
    let square: f64 = column.iter().map(|x| (x - mean) * (x - mean)).sum();
    (mean, (3.0 * square / n).sqrt())
}

/// Returns the sum of squared parameters that a network has for scaled samples.
fn scaled_square(net: &Mlp<f64>, inputs: &[f64], targets: &[f64]) -> f64 {
    let hidden = net.layer(0).unwrap().outputs();
    let (mean, scale) = mean_and_scale(inputs);
    let (center, unit) = mean_and_scale(targets);
    let (weights, rest) = net.params().split_at(hidden);
    let (biases, last) = rest.split_at(hidden);
    let mut sum = ((last[hidden] - center) / unit).powi(2);
    for ((w, b), v) in weights.iter().zip(biases).zip(last) {
        sum += (w * scale).powi(2) + (b + w * mean).powi(2) + (v / unit).powi(2);
    }
    sum
}

#[test]
fn units_of_samples_do_not_matter() {
    let (test_inputs, test_targets) = noisy(2_000, 0.2, 99);
    for hidden in [10, 30] {
        for seed in 0..5 {
            let (inputs, targets) = noisy(60, 0.2, seed);
            // Factor and offset of the inputs, and those of the targets.
            let fit = |[a, b, c, d]: [f64; 4]| {
                let change = |from: &[f64], factor: f64, offset: f64| -> Vec<f64> {
                    from.iter().map(|x| factor * x + offset).collect()
                };
                let mut net = network(hidden, seed);
                let trainer = LevenbergMarquardt::new().bayesian();
                let (x, y) = (change(&inputs, a, b), change(&targets, c, d));
                let report = trainer.fit(&mut net, &x, &y).unwrap();
                let gamma = report.evidence.unwrap().effective_params;
                let (x, y) = (change(&test_inputs, a, b), change(&test_targets, c, d));
                (rmse(&net, &x, &y) / c, gamma)
            };
            let (expected, _) = fit([1.0, 0.0, 1.0, 0.0]);
            for units in [
                [1.0, 0.0, 1e-3, 0.0],
                [1.0, 0.0, 1e3, 0.0],
                [1.0, 0.0, 1.0, 50.0],
                [1.0, 0.0, 1e3, 5e4],
                [100.0, 0.0, 1.0, 0.0],
                [0.01, 0.0, 1.0, 0.0],
                [1.0, 10.0, 1.0, 0.0],
                [100.0, 0.0, 100.0, 0.0],
            ] {
                let (error, gamma) = fit(units);
                assert!(
                    error < 1.06 * expected,
                    "{hidden}, {seed}, {units:?}: {error} {expected}"
                );
                assert!(
                    (4.0..10.0).contains(&gamma),
                    "{hidden}, {seed}, {units:?}: {gamma}"
                );
            }
        }
    }
}

#[test]
fn constant_targets_end_in_their_constant() {
    let (inputs, _) = noisy(40, 0.0, 2);
    for constant in [0.0, 1e-3, 50.0, -1e5] {
        let mut net = network(8, 1);
        let trainer = LevenbergMarquardt::new().bayesian();
        let report = trainer.fit(&mut net, &inputs, &[constant; 40]).unwrap();
        let error = rmse(&net, &inputs, &[constant; 40]);
        assert!(
            error < 1e-6 * constant.abs().max(1.0),
            "{constant}: {error}"
        );
        let evidence = report.evidence.unwrap();
        assert!(evidence.effective_params.is_finite() && evidence.beta.is_finite());
    }
    // So do those with noise, and a constant input changes nothing.
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let normal = Normal::new(7.0, 0.5).unwrap();
    let targets: Vec<f64> = (0..40).map(|_| normal.sample(&mut rng)).collect();
    let rows: Vec<f64> = inputs.iter().flat_map(|&x| [x, 3.0]).collect();
    let builder = Mlp::builder(2).hidden(8, Tanh).output(1, Identity);
    let mut net = builder.seed(1).build().unwrap();
    let report = LevenbergMarquardt::new()
        .bayesian()
        .fit(&mut net, &rows, &targets)
        .unwrap();
    let (mean, _) = mean_and_scale(&targets);
    let y = net.predict(&rows).unwrap();
    assert!(y.iter().all(|y| (y - mean).abs() < 0.5), "{y:?}");
    let noise = report.evidence.unwrap().noise();
    assert!((noise - 0.5).abs() < 0.15, "{noise}");
}

/// Returns points and values of a network with noise of 1e-7.
fn precise(seed: u64) -> (Vec<f64>, Vec<f64>) {
    let inputs: Vec<f64> = (0..60).map(|i| f64::from(i) / 29.5 - 1.0).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let normal = Normal::new(0.0, 1e-7).unwrap();
    let mut targets = network(3, 7).predict(&inputs).unwrap();
    for y in &mut targets {
        *y += normal.sample(&mut rng);
    }
    (inputs, targets)
}

#[test]
fn precise_samples_have_precise_error_bars() {
    for seed in 0..4 {
        let (inputs, targets) = precise(seed);
        let mut net = network(6, seed);
        let trainer = LevenbergMarquardt::new().bayesian();
        let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
        let noise = report.evidence.unwrap().noise();
        assert!((0.7e-7..1.5e-7).contains(&noise), "{noise:e}");
        let (_, bars) = report.predict_with_error(&net, &[-0.8, 0.1, 0.7]).unwrap();
        let is_near = |s: &f64| (0.5e-7..2e-7).contains(s);
        assert!(bars.iter().all(is_near), "{bars:?}");
    }
}

#[test]
fn precise_runs_resume_and_share_threads() {
    let (inputs, targets) = precise(1);
    let samples = Samples::new(&inputs, &targets);
    let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    let trainer = LevenbergMarquardt::new().bayesian().iterations(200);
    let mut whole = network(6, 1);
    let expected = trainer.fit_with(&mut whole, &samples, go_on).unwrap();
    for threads in [1, 3] {
        let mut net = network(6, 1);
        let mut state = LevenbergMarquardtState::default();
        let mut evidence = None;
        for count in [10, 40, 41, 90, 150, 200] {
            let trainer = trainer.iterations(count).threads(threads);
            let report = trainer.resume_with(&mut net, &mut state, &samples, go_on);
            evidence = report.unwrap().evidence;
        }
        assert_eq!(net.params(), whole.params());
        assert_eq!(evidence, expected.evidence);
    }
}

#[test]
fn effective_parameters_settle_as_networks_grow() {
    let (inputs, targets) = noisy(200, 0.1, 5);
    let effective = [4, 8, 16, 32].map(|hidden| {
        let mut net = network(hidden, 1);
        let trainer = LevenbergMarquardt::new().bayesian();
        let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
        let evidence = report.evidence.unwrap();
        // γ, α and β agree with the residuals and parameters at the end.
        let error = 200.0 * rmse(&net, &inputs, &targets).powi(2);
        let square = scaled_square(&net, &inputs, &targets);
        let gamma = evidence.effective_params;
        let (alpha, beta) = (gamma / (2.0 * square), (200.0 - gamma) / (2.0 * error));
        assert!((evidence.alpha / alpha - 1.0).abs() < 1e-3, "{evidence:?}");
        assert!((evidence.beta / beta - 1.0).abs() < 1e-3, "{evidence:?}");
        // The sum of squares is F / β, which is n / 2β at the end.
        let ratio = report.search.sum_of_squares * 2.0 * evidence.beta / 200.0;
        assert!((ratio - 1.0).abs() < 1e-3, "{ratio}");
        gamma
    });
    println!("{effective:?}");
    assert!(
        effective.iter().all(|gamma| (4.0..10.0).contains(gamma)),
        "{effective:?}"
    );
    assert!((effective[3] - effective[2]).abs() < 0.5, "{effective:?}");
}

#[test]
fn exact_targets_and_few_samples_end_finite() {
    let (inputs, targets) = noisy(30, 0.0, 3);
    let mut net = network(8, 1);
    let trainer = LevenbergMarquardt::new().bayesian();
    let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
    assert!(report.search.sum_of_squares.is_finite());
    assert!(rmse(&net, &inputs, &targets) < 1e-3);

    for samples in [1, 2, 5] {
        let mut net = network(8, 1);
        let report = trainer.fit(&mut net, &inputs[..samples], &targets[..samples]);
        let report = report.unwrap();
        assert!(report.search.sum_of_squares.is_finite());
        let (y, s) = report.predict_with_error(&net, &[0.3]).unwrap();
        assert!(y[0].is_finite() && s[0].is_finite() && s[0] >= 0.0);
    }
    let mut net = network(8, 1);
    let report = trainer.fit(&mut net, &inputs, &[0.0; 30]).unwrap();
    let evidence = report.evidence.unwrap();
    assert!(evidence.effective_params.is_finite());
    assert!(
        evidence.alpha.is_finite() && evidence.beta.is_finite(),
        "{evidence:?}"
    );
}

#[test]
fn error_bars_of_a_line_are_those_of_linear_regression() {
    let (inputs, targets) = noisy(20, 0.3, 8);
    let mut net = Mlp::<f64>::builder(1).output(1, Identity).build().unwrap();
    let trainer = LevenbergMarquardt::new().covariance(true);
    let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
    assert_eq!(report.evidence, None);
    let n = inputs.len() as f64;
    let mean = inputs.iter().sum::<f64>() / n;
    let spread: f64 = inputs.iter().map(|x| (x - mean) * (x - mean)).sum();
    let s = report.search.residual_standard_deviation().unwrap();
    let (_, deviations) = report.predict_with_error(&net, &[0.7, -2.0]).unwrap();
    for (x, got) in [0.7, -2.0].into_iter().zip(deviations) {
        let expected = s * (1.0 + 1.0 / n + (x - mean) * (x - mean) / spread).sqrt();
        assert!((got / expected - 1.0).abs() < 1e-9, "{got} {expected}");
    }
}

#[test]
fn invalid_calls_are_errors() {
    let (inputs, targets) = noisy(30, 0.1, 3);
    let mut net = network(4, 1);
    let qr = LeastSquaresOptions {
        factorization: Factorization::Qr,
        ..LeastSquaresOptions::default()
    };
    let trainer = LevenbergMarquardt::new().bayesian().options(qr);
    let error = trainer.fit(&mut net, &inputs, &targets).unwrap_err();
    assert!(error.to_string().contains("Cholesky"), "{error}");

    let trainer = LevenbergMarquardt::new().bayesian().iterations(3);
    let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
    let error = report
        .predict_with_error(&network(5, 1), &[0.0])
        .unwrap_err();
    assert!(matches!(error, Error::Length { .. }), "{error}");
    let error = report.predict_with_error(&net, &[f64::NAN]).unwrap_err();
    assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    // Another network of this shape, and one after validation.
    let error = report
        .predict_with_error(&network(4, 2), &[0.0])
        .unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
    let trainer = LevenbergMarquardt::new().bayesian();
    let samples = Samples::new(&inputs, &targets);
    // Nothing fits these samples better than the network before training.
    let held_targets = net.predict(&inputs).unwrap();
    let held = Samples::new(&inputs, &held_targets);
    let mut net_with_validation = net.clone();
    let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    let report = trainer
        .fit_with_validation(&mut net_with_validation, &samples, &held, 3, go_on)
        .unwrap();
    assert_eq!(report.best_iteration, Some(0));
    let error = report.predict_with_error(&net_with_validation, &[0.0]);
    assert!(
        matches!(error, Err(Error::Incompatible { .. })),
        "{error:?}"
    );
    let mut net = network(4, 1);
    let trainer = trainer.l2(0.1).iterations(3);
    assert_eq!(
        trainer.fit(&mut net, &inputs, &targets).unwrap().evidence,
        None
    );

    let trainer = LevenbergMarquardt::new().iterations(3);
    let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
    let error = report.predict_with_error(&net, &[0.0]).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");

    // Sample weights count: a sample with weight 0 changes nothing.
    let weights: Vec<f64> = (0..30).map(|i| f64::from(u8::from(i != 7))).collect();
    let mut wrong = targets.clone();
    wrong[7] = 100.0;
    let fit = |targets: &[f64]| {
        let mut net = network(4, 1);
        let samples = Samples::new(&inputs, targets).weights(&weights);
        let trainer = LevenbergMarquardt::new().bayesian();
        let go_on = |_: &_, _: &_| ControlFlow::Continue(());
        trainer.fit_with(&mut net, &samples, go_on).unwrap();
        net.params().to_vec()
    };
    assert_eq!(fit(&targets), fit(&wrong));
}

/// Samples without weight are no data, also for the error bars.
#[test]
fn error_bars_ignore_samples_without_weight() {
    let (inputs, targets) = noisy(60, 0.1, 4);
    let weights: Vec<f64> = (0..60).map(|i| f64::from(i % 3 == 0)).collect();
    let chosen: Vec<usize> = (0..60).step_by(3).collect();
    let fit = |samples: Samples<'_, f64>| {
        let mut net = network(3, 2);
        let trainer = LevenbergMarquardt::new().bayesian();
        let go_on = |_: &_, _: &_| ControlFlow::Continue(());
        let report = trainer.fit_with(&mut net, &samples, go_on).unwrap();
        let (_, bars) = report.predict_with_error(&net, &[0.3, -0.5]).unwrap();
        (report.search.degrees_of_freedom(), bars)
    };
    let all = Samples::new(&inputs, &targets);
    let (weighted, some) = (fit(all.weights(&weights)), fit(all.rows(&chosen)));
    assert_eq!(weighted.0, some.0);
    for (a, b) in weighted.1.iter().zip(&some.1) {
        assert!((a / b - 1.0).abs() < 1e-3, "{weighted:?} {some:?}");
    }
}
