//! States and reports of Levenberg-Marquardt training: resumed runs, validation, wrong states.

use std::ops::ControlFlow;

use feedforward::activation::{Identity, Tanh};
use feedforward::train::{
    GaussNewtonLoss, LeastSquaresIteration, LeastSquaresOptions, LeastSquaresReport,
    LeastSquaresStop, LevenbergMarquardt, LevenbergMarquardtReport, LevenbergMarquardtState,
};
use feedforward::{Error, Float, Mlp, Samples};

/// Returns points, and a smooth function of them with errors that have a pattern.
fn noisy<T: Float>(samples: usize) -> (Vec<T>, Vec<T>) {
    let x = |i: usize| 2.0 * i as f64 / samples as f64 - 1.0;
    let noise = |i: usize| 0.3 * ((i * i % 17) as f64 / 8.0 - 1.0);
    let inputs = (0..samples).map(|i| T::from_f64(x(i)));
    let targets = (0..samples).map(|i| T::from_f64((3.0 * x(i)).sin() + noise(i)));
    (inputs.collect(), targets.collect())
}

fn network<T: Float>(hidden: usize) -> Mlp<T> {
    let builder = Mlp::builder(1).hidden(hidden, Tanh).output(1, Identity);
    builder.seed(3).build().unwrap()
}

fn go_on<T: Float>(_: &LeastSquaresIteration, _: &Mlp<T>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn a_resumed_run_with_validation_is_one_long_run<T: Float>() {
    let (inputs, targets) = noisy::<T>(40);
    let (held_inputs, held_targets) = noisy::<T>(23);
    let samples = Samples::new(&inputs, &targets);
    let held = Samples::new(&held_inputs, &held_targets);
    for trainer in [
        LevenbergMarquardt::new(),
        LevenbergMarquardt::new().l2(1e-4),
    ] {
        let mut whole = network::<T>(12);
        let mut parts = whole.clone();
        let expected = trainer.fit_with_validation(&mut whole, &samples, &held, 6, go_on);
        let expected = expected.unwrap();
        assert_eq!(expected.search.stopped_by, LeastSquaresStop::Validation);
        let all = expected.search.iterations.len();
        assert!(all >= 6, "{all}");
        let mut state = LevenbergMarquardtState::default();
        let mut iterations = Vec::new();
        let mut last = None;
        // The last part ends by itself. A further one does nothing.
        for most in [1, 2, all - 2, all - 1, 1_000, 1_000] {
            let trainer = trainer.iterations(most);
            let report = trainer
                .resume_with_validation(&mut parts, &mut state, &samples, &held, 6, go_on)
                .unwrap();
            let best = report.best_iteration.unwrap();
            let losses = &report.validation_losses;
            assert!(losses.iter().all(|&loss| loss >= losses[best]));
            iterations.extend(report.search.iterations.iter().copied());
            last = Some(report);
        }
        let last = last.unwrap();
        assert_eq!(parts.params(), whole.params());
        assert_eq!(last.validation_losses, expected.validation_losses);
        assert_eq!(last.best_iteration, expected.best_iteration);
        assert_eq!(last.search.stopped_by, LeastSquaresStop::Validation);
        assert!(last.search.iterations.is_empty());
        assert_eq!(last.search.sum_of_squares, expected.search.sum_of_squares);
        let numbers = |iterations: &[LeastSquaresIteration]| -> Vec<_> {
            let numbers = iterations.iter();
            numbers
                .map(|i| (i.number, i.damping, i.sum_of_squares))
                .collect()
        };
        assert_eq!(numbers(&iterations), numbers(&expected.search.iterations));

        // More patience continues, less does not.
        let mut more = (parts.clone(), state.clone());
        let report = trainer
            .resume_with_validation(&mut more.0, &mut more.1, &samples, &held, 9, go_on)
            .unwrap();
        assert_eq!(report.search.iterations[0].number, all + 1);
        let report = trainer
            .resume_with_validation(&mut parts, &mut state, &samples, &held, 2, go_on)
            .unwrap();
        assert!(report.search.iterations.is_empty());
    }
}

#[test]
fn a_resumed_run_with_validation_is_one_long_run_in_both_precisions() {
    a_resumed_run_with_validation_is_one_long_run::<f32>();
    a_resumed_run_with_validation_is_one_long_run::<f64>();
}

#[test]
fn errors_of_a_resumed_validation_change_nothing() {
    let (inputs, targets) = noisy::<f64>(40);
    let samples = Samples::new(&inputs, &targets);
    let mut net = network(5);
    let mut state = LevenbergMarquardtState::default();
    let trainer = LevenbergMarquardt::new().iterations(4);
    trainer
        .resume_with_validation(&mut net, &mut state, &samples, &samples, 6, go_on)
        .unwrap();
    let before = (net.clone(), state.clone());
    let trainer = trainer.iterations(9);
    let short = Samples::new(&inputs[1..], &targets);
    let error = trainer
        .resume_with_validation(&mut net, &mut state, &samples, &short, 6, go_on)
        .unwrap_err();
    assert!(error.to_string().contains("targets"), "{error}");
    let error = trainer
        .resume_with_validation(&mut net, &mut state, &samples, &samples, 0, go_on)
        .unwrap_err();
    assert!(error.to_string().contains("patience"), "{error}");
    assert_eq!((net.params(), &state), (before.0.params(), &before.1));
}

#[test]
fn other_settings_do_not_resume() {
    let (inputs, targets) = noisy::<f64>(40);
    let targets: Vec<f64> = targets.iter().map(|t| t.abs()).collect();
    let samples = Samples::new(&inputs, &targets);
    let new = LevenbergMarquardt::new();
    let poisson = new.loss(GaussNewtonLoss::Poisson);
    for (first, second, message) in [
        (
            new,
            new.l2(0.1),
            "penalty of the training run that is resumed: expected L2 of 0, got L2 of 0.1",
        ),
        (
            new.l2(0.2),
            new.l2(0.1),
            "expected L2 of 0.2, got L2 of 0.1",
        ),
        (
            new.l2(0.2),
            new.bayesian(),
            "expected L2 of 0.2, got Bayesian",
        ),
        (
            new.bayesian(),
            new.l2(0.2),
            "expected Bayesian, got L2 of 0.2",
        ),
        (
            new,
            poisson,
            "loss of the training run that is resumed: expected SquaredError, got Poisson",
        ),
    ] {
        let mut net = network(5);
        let mut state = LevenbergMarquardtState::default();
        let first = first.iterations(3);
        first
            .resume_with(&mut net, &mut state, &samples, go_on)
            .unwrap();
        let before = (net.clone(), state.clone());
        let error = second
            .resume_with(&mut net, &mut state, &samples, go_on)
            .unwrap_err();
        assert!(matches!(error, Error::Differs { .. }), "{error}");
        assert!(error.to_string().ends_with(message), "{error}");
        let error = first
            .resume_with_validation(&mut net, &mut state, &samples, &samples, 6, go_on)
            .unwrap_err();
        assert!(
            error.to_string().ends_with("expected none, got samples"),
            "{error}"
        );
        assert_eq!((net.params(), &state), (before.0.params(), &before.1));
        // A new state starts with the network as it is.
        let mut state = LevenbergMarquardtState::default();
        second
            .iterations(2)
            .resume_with_validation(&mut net, &mut state, &samples, &samples, 6, go_on)
            .unwrap();
        let error = second
            .resume_with(&mut net, &mut state, &samples, go_on)
            .unwrap_err();
        assert!(
            error.to_string().ends_with("expected samples, got none"),
            "{error}"
        );
    }
    let trainer = new.bayesian().options(LeastSquaresOptions::default());
    let error = trainer.fit(&mut network(5), &inputs, &targets).unwrap_err();
    assert_eq!(
        error.to_string(),
        "factorization of a Bayesian fit: expected Cholesky (`bayesian` sets it, so call `options` \
         before `bayesian`), got QR"
    );
}

/// Each change of a saved state is found.
#[cfg(feature = "serde")]
#[test]
fn states_with_wrong_numbers_are_errors() {
    use serde_json::{Value, json};

    let (inputs, targets) = noisy::<f64>(40);
    let samples = Samples::new(&inputs, &targets);
    let trainer = LevenbergMarquardt::new().bayesian();
    let mut net = network(4);
    let mut state = LevenbergMarquardtState::default();
    trainer
        .iterations(4)
        .resume_with_validation(&mut net, &mut state, &samples, &samples, 6, go_on)
        .unwrap();
    let saved = serde_json::to_string(&state).unwrap();
    let trainer = trainer.iterations(9);
    let resume = |saved: &Value| {
        let mut state: LevenbergMarquardtState = serde_json::from_str(&saved.to_string()).unwrap();
        let mut net = net.clone();
        let report =
            trainer.resume_with_validation(&mut net, &mut state, &samples, &samples, 6, go_on);
        report.map(|report| (net, report))
    };
    let good: Value = serde_json::from_str(&saved).unwrap();
    let (resumed, report) = resume(&good).unwrap();
    assert!(!report.search.iterations.is_empty());
    assert_eq!(resumed.layout(), net.layout());
    let huge = 1e308;
    for (place, wrong) in [
        ("/params/3", json!(huge)),
        ("/params", json!([1.0])),
        ("/search/damping/0", json!(-1.0)),
        ("/search/damping/1", json!(0.0)),
        ("/search/scale/2", json!(0.0)),
        ("/search/scale/2", json!(-3.0)),
        ("/search/scale", json!([])),
        ("/search/iterations", json!(5)),
        ("/search/iterations", json!(u64::MAX)),
        ("/penalty", json!(-1.0)),
        ("/evidence/alpha", json!(-1.0)),
        ("/evidence/beta", json!(0.0)),
        ("/evidence/effective_params", json!(1e9)),
        ("/evidence", json!(null)),
        ("/validation/losses", json!([])),
        ("/validation/best", json!(77)),
        ("/validation/params", json!([1.0, 2.0])),
        ("/validation/params/0", json!(7.0)),
        ("/validation", json!(null)),
        ("/loss", json!("Poisson")),
    ] {
        let mut changed = good.clone();
        *changed.pointer_mut(place).unwrap() = wrong.clone();
        let error = resume(&changed).map(drop);
        assert!(error.is_err(), "{place} = {wrong}");
    }
    // Numbers that are valid but absurd end finite.
    for (place, absurd) in [
        ("/search/damping/0", json!(0.0)),
        ("/search/damping/0", json!(huge)),
        ("/search/damping/1", json!(huge)),
        ("/search/scale/2", json!(5e-324)),
        ("/search/scale/2", json!(huge)),
        ("/penalty", json!(huge)),
        ("/penalty", json!(0.0)),
        ("/evidence/alpha", json!(huge)),
    ] {
        let mut changed = good.clone();
        *changed.pointer_mut(place).unwrap() = absurd.clone();
        if let Ok((net, report)) = resume(&changed) {
            assert!(
                net.params().iter().all(|x| x.is_finite()),
                "{place} = {absurd}"
            );
            assert!(
                report.search.sum_of_squares.is_finite(),
                "{place} = {absurd}"
            );
            assert!(report.rmse().unwrap().is_finite(), "{place} = {absurd}");
        }
    }

    // Reports from files do not panic either.
    let report = trainer.fit(&mut net.clone(), &inputs, &targets).unwrap();
    let good = serde_json::to_value(&report).unwrap();
    for params in [0, 1, 14, usize::MAX] {
        let mut changed = good.clone();
        changed["search"]["params"] = json!(params);
        let report: LevenbergMarquardtReport = serde_json::from_value(changed).unwrap();
        assert!(report.search.covariance().is_err());
        assert!(report.search.standard_deviations().is_err());
        assert!(report.predict_with_error(&net, &[0.0]).is_err());
    }
}

#[test]
fn the_rmse_is_that_of_the_samples() {
    let (inputs, targets) = noisy::<f64>(40);
    let weights: Vec<f64> = (0..40).map(|i| f64::from(i % 3)).collect();
    let samples = Samples::new(&inputs, &targets).weights(&weights);
    let new = LevenbergMarquardt::new().iterations(30);
    for (trainer, has_deviation) in [(new, true), (new.l2(0.1), false), (new.bayesian(), true)] {
        let mut net = network(6);
        let report = trainer.fit_with(&mut net, &samples, go_on).unwrap();
        let y = net.predict(&inputs).unwrap();
        let errors = y.iter().zip(&targets).map(|(y, t)| (y - t) * (y - t));
        let sum: f64 = errors.zip(&weights).map(|(e, w)| e * w).sum();
        let rmse = (sum / weights.iter().sum::<f64>()).sqrt();
        assert!(
            (report.rmse().unwrap() / rmse - 1.0).abs() < 1e-9,
            "{trainer:?}"
        );
        let deviation = report.search.residual_standard_deviation();
        assert_eq!(deviation.is_ok(), has_deviation, "{deviation:?}");
        if let Err(error) = deviation {
            assert_eq!(
                error.to_string(),
                "standard deviation of the residuals: expected no penalty, or a Bayesian one, got \
                 a constant penalty"
            );
        }
    }
    let targets: Vec<f64> = targets
        .iter()
        .map(|t| f64::from(u8::from(*t > 0.0)))
        .collect();
    let trainer = new.loss(GaussNewtonLoss::BinaryCrossEntropy).l2(0.1);
    let report = trainer.fit(&mut network(3), &inputs, &targets).unwrap();
    let check = |result: Result<f64, Error>| {
        let message = result.unwrap_err().to_string();
        let end = " of the residuals: expected a fit with the squared error, got another loss";
        assert!(message.ends_with(end), "{message}");
    };
    check(report.rmse());
    check(report.search.residual_standard_deviation());
    assert_eq!(LeastSquaresReport::default().rmse(), Ok(0.0));
}
