//! Training by Levenberg and Marquardt's method: its minima, weights, penalty, forms and errors.

use std::ops::ControlFlow;

use feedforward::activation::{Identity, Relu, Tanh};
use feedforward::loss::SquaredError;
use feedforward::train::{
    Damping, Factorization, GaussNewtonLoss, Lbfgs, LeastSquaresOptions, LeastSquaresStop,
    LevenbergMarquardt, LevenbergMarquardtReport, LevenbergMarquardtState, Scaling, least_squares,
};
use feedforward::{Float, GradientWorkspace, Mlp, Samples};

/// Returns points in the square from -1 to 1, and two smooth functions of them.
fn surface(samples: usize) -> (Vec<f64>, Vec<f64>) {
    let mut inputs = Vec::new();
    let mut targets = Vec::new();
    for i in 0..samples {
        let (i, n) = (i as f64, samples as f64);
        let [x, y] = [2.0 * i / n - 1.0, 2.0 * (i * 0.618).fract() - 1.0];
        inputs.extend([x, y]);
        targets.extend([(2.0 * x).sin() * y, x * x - 0.5 * y]);
    }
    (inputs, targets)
}

fn network(hidden: usize) -> Mlp<f64> {
    let builder = Mlp::builder(2).hidden(hidden, Tanh).output(2, Identity);
    builder.seed(3).build().unwrap()
}

/// Returns the options of the trainer.
fn options(iterations: usize) -> LeastSquaresOptions {
    LeastSquaresOptions {
        iterations,
        factorization: Factorization::Cholesky,
        covariance: false,
        ..LeastSquaresOptions::default()
    }
}

#[test]
fn steps_are_those_of_least_squares_on_the_same_residuals() {
    let (inputs, targets) = surface(150);
    for acceleration in [false, true] {
        for scaling in [Scaling::None, Scaling::Marquardt, Scaling::More] {
            let options = LeastSquaresOptions {
                acceleration,
                scaling,
                ..options(8)
            };
            let mut net = network(6);
            let (mut params, mut other) = (net.params().to_vec(), net.clone());
            let trainer = LevenbergMarquardt::new().options(options);
            let report = trainer.fit(&mut net, &inputs, &targets).unwrap();

            let mut gradient = GradientWorkspace::new(&other);
            let residuals = |params: &[f64], r: &mut [f64], jacobian: Option<&mut [f64]>| {
                other.set_params(params)?;
                let y = other.predict(&inputs)?;
                for ((r, y), t) in r.iter_mut().zip(y).zip(&targets) {
                    *r = y - t;
                }
                if let Some(jacobian) = jacobian {
                    jacobian.copy_from_slice(gradient.parameter_jacobian(&other, &inputs)?);
                }
                Ok(())
            };
            let expected = least_squares(&options, &mut params, 300, residuals).unwrap();
            assert_eq!(report.search.iterations.len(), expected.iterations.len());
            let ratio = report.search.sum_of_squares / expected.sum_of_squares;
            assert!(
                (ratio - 1.0).abs() < 1e-4,
                "{scaling:?}, {acceleration}: {ratio}"
            );
        }
    }
}

#[test]
fn a_smooth_function_is_fitted_far_beyond_other_trainers() {
    let (inputs, targets) = surface(200);
    let mut net = network(12);
    let mut other = net.clone();
    let report = LevenbergMarquardt::new()
        .iterations(200)
        .fit(&mut net, &inputs, &targets)
        .unwrap();
    let lbfgs = Lbfgs::new(SquaredError).until_rounding().iterations(2_000);
    let loss = lbfgs.fit(&mut other, &inputs, &targets).unwrap().loss;
    assert!(
        report.search.sum_of_squares < 1e-6,
        "{}",
        report.search.sum_of_squares
    );
    assert!(report.search.sum_of_squares < 0.01 * (2.0 * 200.0 * loss));
    assert!(
        report
            .search
            .iterations
            .is_sorted_by(|a, b| a.sum_of_squares >= b.sum_of_squares)
    );
}

/// Returns the largest number in the gradient of the loss that the trainer minimizes.
fn largest_gradient(net: &Mlp<f64>, samples: &Samples<'_, f64>, l2: f64) -> f64 {
    let mut gradient = GradientWorkspace::new(net).l2(l2).unwrap();
    gradient
        .compute_samples(net, samples, &SquaredError)
        .unwrap();
    gradient.max_abs()
}

#[test]
fn the_end_is_a_minimum_with_weights_penalty_and_chosen_rows() {
    let (inputs, targets) = surface(60);
    let weights: Vec<f64> = (0..60).map(|i| f64::from(i % 4)).collect();
    let rows: Vec<usize> = (0..60).filter(|i| i % 7 != 0).collect();
    let samples = Samples::new(&inputs, &targets)
        .weights(&weights)
        .rows(&rows);
    for factorization in [Factorization::Cholesky, Factorization::Qr] {
        // 32 parameters, then 92, which are more than the residuals without the penalty.
        for hidden in [6, 18] {
            let mut net = network(hidden);
            let options = LeastSquaresOptions {
                factorization,
                ..options(2_000)
            };
            let trainer = LevenbergMarquardt::new().options(options).l2(0.05);
            let go_on = |_: &_, _: &_| ControlFlow::Continue(());
            let report = trainer.fit_with(&mut net, &samples, go_on).unwrap();
            let largest = largest_gradient(&net, &samples, 0.05);
            assert!(largest < 1e-6, "{factorization:?} {hidden}: {largest:e}");
            let mut gradient = GradientWorkspace::new(&net).l2(0.05).unwrap();
            let loss = gradient
                .compute_samples(&net, &samples, &SquaredError)
                .unwrap();
            let total: f64 = rows.iter().map(|&row| weights[row]).sum();
            let ratio = report.search.sum_of_squares / (2.0 * total * loss);
            assert!((ratio - 1.0).abs() < 1e-12, "{ratio}");
        }
    }
}

/// A polynomial of degree 10 in standardized powers of numbers that are mostly positive, so
/// that they are nearly dependent.
#[test]
fn an_ill_conditioned_line_has_nine_digits() {
    const DEGREE: usize = 10;
    const SAMPLES: usize = 200;
    let x = |i: usize| 1.2 * i as f64 / (SAMPLES - 1) as f64 - 0.2;
    let mut inputs = vec![0.0; SAMPLES * DEGREE];
    for power in 1..=DEGREE {
        let column: Vec<f64> = (0..SAMPLES).map(|i| x(i).powi(power as i32)).collect();
        let mean = column.iter().sum::<f64>() / SAMPLES as f64;
        let square: f64 = column.iter().map(|x| (x - mean) * (x - mean)).sum();
        let deviation = (square / SAMPLES as f64).sqrt();
        for (i, x) in column.into_iter().enumerate() {
            inputs[i * DEGREE + power - 1] = (x - mean) / deviation;
        }
    }
    let weights: Vec<f64> = (0..DEGREE).map(|k| 1.0 + 0.3 * (k as f64).sin()).collect();
    let targets: Vec<f64> = inputs
        .chunks(DEGREE)
        .map(|row| 0.5 + row.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>())
        .collect();
    let digits = |fit: &dyn Fn(&mut Mlp<f64>)| {
        let mut net = Mlp::<f64>::builder(DEGREE)
            .output(1, Identity)
            .build()
            .unwrap();
        fit(&mut net);
        let errors = net.params().iter().zip(&weights);
        let largest = errors.fold(0.0, |largest: f64, (got, w)| {
            largest.max((got / w - 1.0).abs())
        });
        -largest.log10()
    };
    for factorization in [Factorization::Cholesky, Factorization::Qr] {
        let options = LeastSquaresOptions {
            factorization,
            ..options(1_000)
        };
        let trainer = LevenbergMarquardt::new().options(options);
        let exact = digits(&|net| drop(trainer.fit(net, &inputs, &targets).unwrap()));
        println!("{factorization:?}: {exact:.1} digits");
        assert!(exact >= 9.0, "{factorization:?}: {exact}");
    }
    let lbfgs = Lbfgs::new(SquaredError).until_rounding().iterations(20_000);
    let other = digits(&|net| drop(lbfgs.fit(net, &inputs, &targets).unwrap()));
    println!("L-BFGS: {other:.1} digits");
}

#[test]
fn fewer_residuals_than_parameters_are_fitted_exactly() {
    let (inputs, targets) = surface(10);
    let mut net = network(30);
    let report = LevenbergMarquardt::new()
        .fit(&mut net, &inputs, &targets)
        .unwrap();
    assert!(
        report.search.sum_of_squares < 1e-24,
        "{}",
        report.search.sum_of_squares
    );
}

fn fit_with_threads<T: Float>(threads: usize) -> (Vec<T>, LevenbergMarquardtReport) {
    let (inputs, targets) = surface(900);
    let [inputs, targets] = [inputs, targets].map(|x| x.into_iter().map(T::from_f64).collect());
    let [inputs, targets]: [Vec<T>; 2] = [inputs, targets];
    let builder = Mlp::<T>::builder(2).hidden(20, Tanh).hidden(9, Tanh);
    let mut net = builder.output(2, Identity).build().unwrap();
    let trainer = LevenbergMarquardt::new().iterations(6).threads(threads);
    let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
    (net.params().to_vec(), report)
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let one = fit_with_threads::<f64>(1);
    for threads in [2, 3, 8] {
        assert_eq!(fit_with_threads::<f64>(threads), one);
    }
    assert_eq!(fit_with_threads::<f32>(3), fit_with_threads::<f32>(1));
}

#[test]
fn single_precision_ends_at_its_rounding() {
    let inputs: Vec<f32> = (0..40).map(|i| i as f32 / 20.0 - 1.0).collect();
    let targets: Vec<f32> = inputs.iter().map(|x| (2.0 * x).sin()).collect();
    let builder = Mlp::<f32>::builder(1).hidden(6, Tanh);
    let mut net = builder.output(1, Identity).seed(2).build().unwrap();
    let report = LevenbergMarquardt::new()
        .fit(&mut net, &inputs, &targets)
        .unwrap();
    assert!(
        report.search.sum_of_squares < 1e-8,
        "{}",
        report.search.sum_of_squares
    );
    assert!(net.params().iter().all(|x| x.is_finite()));
}

#[test]
fn matlabs_rule_and_a_goal_work() {
    let (inputs, targets) = surface(100);
    let mut net = network(10);
    let trainer = LevenbergMarquardt::new()
        .damping(Damping::MATLAB)
        .scaling(Scaling::None)
        .goal(1e-3);
    let report = trainer.fit(&mut net, &inputs, &targets).unwrap();
    assert_eq!(report.search.stopped_by, LeastSquaresStop::Goal);
    assert!(report.search.sum_of_squares <= 1e-3);
}

#[test]
fn dead_units_and_constant_targets_end_finite() {
    // Columns of J are zero for units that never fire.
    let inputs: Vec<f64> = (0..30).map(f64::from).collect();
    let targets = vec![2.5; 30];
    let mut net = Mlp::builder(1)
        .hidden(8, Relu)
        .output(1, Identity)
        .build()
        .unwrap();
    net.params_mut()[..4].fill(-1.0);
    let report = LevenbergMarquardt::new()
        .fit(&mut net, &inputs, &targets)
        .unwrap();
    assert!(report.search.sum_of_squares < 1e-20, "{report:?}");
    assert!(net.params().iter().all(|x| x.is_finite()));
}

#[test]
fn validation_ends_training_and_keeps_the_best_parameters() {
    let (inputs, mut targets) = surface(40);
    for (i, t) in targets.iter_mut().enumerate() {
        *t += 0.3 * ((i * i % 17) as f64 / 8.0 - 1.0); // noise, which a large network would learn
    }
    let (held_inputs, held_targets) = surface(57);
    let validation = Samples::new(&held_inputs, &held_targets);
    let samples = Samples::new(&inputs, &targets);
    let mut net = network(15);
    let mut seen = Vec::new();
    let trainer = LevenbergMarquardt::new();
    let report = trainer.fit_with_validation(&mut net, &samples, &validation, 6, |_, net| {
        seen.push(net.params().to_vec());
        ControlFlow::Continue(())
    });
    let report = report.unwrap();
    assert_eq!(report.search.stopped_by, LeastSquaresStop::Validation);
    let best = report.best_iteration.unwrap();
    assert_eq!(net.params(), seen[best - 1]);
    assert_eq!(report.validation_losses.len(), best + 7);
    let mut workspace = GradientWorkspace::new(&net);
    let loss = workspace
        .evaluate_samples(&net, &validation, &SquaredError)
        .unwrap();
    assert_eq!(report.validation_losses[best], loss);
    assert!(report.validation_losses.iter().all(|&other| other >= loss));

    let before = net.params().to_vec();
    let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    let error = trainer.fit_with_validation(&mut net, &samples, &validation, 0, go_on);
    assert!(error.unwrap_err().to_string().contains("patience"));
    assert_eq!(net.params(), before);
}

#[test]
fn a_resumed_run_is_one_long_run() {
    let (inputs, targets) = surface(80);
    let samples = Samples::new(&inputs, &targets);
    let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    let new = LevenbergMarquardt::new();
    for trainer in [
        new,
        new.l2(0.01),
        new.bayesian(),
        new.damping(Damping::MATLAB).scaling(Scaling::None),
    ] {
        let mut whole = network(8);
        let mut parts = whole.clone();
        let trainer = trainer.iterations(24);
        let expected = trainer.fit_with(&mut whole, &samples, go_on).unwrap();
        let mut state = LevenbergMarquardtState::default();
        let mut iterations = Vec::new();
        let mut last = None;
        for count in [7, 8, 20, 24] {
            let trainer = trainer.iterations(count);
            let report = trainer.resume_with(&mut parts, &mut state, &samples, go_on);
            let report = report.unwrap();
            iterations.extend(
                report
                    .search
                    .iterations
                    .iter()
                    .map(|i| (i.number, i.damping)),
            );
            last = Some(report);
        }
        assert_eq!(parts.params(), whole.params());
        let numbers = expected.search.iterations.iter();
        assert_eq!(
            iterations,
            numbers.map(|i| (i.number, i.damping)).collect::<Vec<_>>()
        );
        let last = last.unwrap();
        assert_eq!(last.evidence, expected.evidence);
        assert_eq!(last.search.sum_of_squares, expected.search.sum_of_squares);

        // At its limit, a further run does nothing.
        let report = trainer
            .resume_with(&mut parts, &mut state, &samples, go_on)
            .unwrap();
        assert!(report.search.iterations.is_empty());

        parts.params_mut()[0] += 1.0;
        let before = state.clone();
        let error = trainer
            .resume_with(&mut parts, &mut state, &samples, go_on)
            .unwrap_err();
        assert!(error.to_string().contains("state"), "{error}");
        assert_eq!(state, before);
    }
}

/// Returns points and targets for each loss: a probability, three probabilities, a count.
fn targets_of(loss: GaussNewtonLoss) -> (Vec<f64>, Vec<f64>, usize) {
    let (inputs, values) = surface(120);
    let values = values.chunks(2).map(|row| 2.0 * row[0] + row[1]);
    let mut targets = Vec::new();
    for (i, value) in values.enumerate() {
        // Some surprises, so that the minimum is finite.
        let value = if i % 9 == 0 { -value } else { value };
        match loss {
            GaussNewtonLoss::BinaryCrossEntropy => targets.push(f64::from(u8::from(value > 0.2))),
            GaussNewtonLoss::SoftmaxCrossEntropy => {
                let class = usize::from(value > -0.4) + usize::from(value > 0.4);
                targets.extend((0..3).map(|k| f64::from(u8::from(k == class))));
            }
            _ => targets.push((2.0 + 2.0 * value).max(0.0).round()),
        }
    }
    let outputs = targets.len() / 120;
    (inputs, targets, outputs)
}

#[test]
fn other_losses_end_at_their_minima() {
    use feedforward::Loss;
    use feedforward::loss::{BinaryCrossEntropy, Poisson, SoftmaxCrossEntropy};
    let losses: [(GaussNewtonLoss, &dyn Loss<f64>); 3] = [
        (GaussNewtonLoss::BinaryCrossEntropy, &BinaryCrossEntropy),
        (GaussNewtonLoss::SoftmaxCrossEntropy, &SoftmaxCrossEntropy),
        (GaussNewtonLoss::Poisson, &Poisson),
    ];
    for (kind, loss) in losses {
        let (inputs, targets, outputs) = targets_of(kind);
        let weights: Vec<f64> = (0..120).map(|i| f64::from(1 + i % 3)).collect();
        let samples = Samples::new(&inputs, &targets).weights(&weights);
        let builder = Mlp::builder(2).hidden(5, Tanh).output(outputs, Identity);
        let mut net = builder.seed(4).build().unwrap();
        let trainer = LevenbergMarquardt::new().loss(kind).l2(0.5);
        let go_on = |_: &_, _: &_| ControlFlow::Continue(());
        let report = trainer.fit_with(&mut net, &samples, go_on).unwrap();
        let mut gradient = GradientWorkspace::new(&net).l2(0.5).unwrap();
        let value = gradient.compute_samples(&net, &samples, loss).unwrap();
        assert!(
            gradient.max_abs() < 1e-5,
            "{kind:?}: {:e}",
            gradient.max_abs()
        );
        let sum: f64 = weights.iter().sum();
        let ratio = report.search.sum_of_squares / (2.0 * sum * value);
        assert!((ratio - 1.0).abs() < 1e-9, "{kind:?}: {ratio}");
        assert!(report.search.iterations.len() < 200, "{kind:?}");
        println!("{kind:?}: {} iterations", report.search.iterations.len());

        let error = trainer
            .bayesian()
            .fit(&mut net, &inputs, &targets)
            .unwrap_err();
        assert!(error.to_string().contains("SquaredError"), "{error}");
    }
    let mut net = Mlp::<f64>::builder(1).output(2, Identity).build().unwrap();
    let trainer = LevenbergMarquardt::new().loss(GaussNewtonLoss::SoftmaxCrossEntropy);
    let error = trainer
        .fit(&mut net, &[0.0, 1.0], &[1.0, 0.0, 0.5, 0.0])
        .unwrap_err();
    assert!(error.to_string().contains("sum"), "{error}");
    // Separable classes without a penalty have no minimum, and the fit still ends.
    let report = trainer
        .fit(&mut net, &[-1.0, 1.0], &[1.0, 0.0, 0.0, 1.0])
        .unwrap();
    assert!(report.search.sum_of_squares < 1e-6);
    assert!(net.params().iter().all(|x| x.is_finite()));
}

#[test]
fn invalid_calls_are_errors_and_change_nothing() {
    let (inputs, targets) = surface(20);
    let mut net = network(3);
    let before = net.params().to_vec();
    let trainer = LevenbergMarquardt::new();
    let mut check = |trainer: LevenbergMarquardt, inputs: &[f64], targets: &[f64], text: &str| {
        let error = trainer.fit(&mut net, inputs, targets).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(net.params(), before);
    };
    check(trainer, &inputs[1..], &targets, "inputs");
    check(trainer, &inputs, &targets[2..], "targets");
    check(trainer, &[], &[], "inputs");
    check(trainer.iterations(0), &inputs, &targets, "iterations");
    check(trainer.l2(-1.0), &inputs, &targets, "L2");
    check(trainer.threads(0), &inputs, &targets, "threads");
    let mut wrong = targets.clone();
    wrong[5] = f64::NAN;
    check(trainer, &inputs, &wrong, "NaN");
    let with_covariance = options(5);
    let with_covariance = LeastSquaresOptions {
        covariance: true,
        ..with_covariance
    };
    check(
        trainer.options(with_covariance).l2(0.1),
        &inputs,
        &targets,
        "covariance",
    );
}
