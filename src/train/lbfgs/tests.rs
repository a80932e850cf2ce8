use std::cell::RefCell;

use super::*;
use crate::activation::{Activation, Identity, Relu, Sigmoid, Tanh};
use crate::error::Error;
use crate::loss::{BinaryCrossEntropy, Poisson, SoftmaxCrossEntropy, SquaredError};
use crate::mlp::GradientWorkspace;

fn exact() -> LbfgsOptions {
    LbfgsOptions {
        gradient_tolerance: 1e-10,
        loss_tolerance: 0.0,
        ..LbfgsOptions::default()
    }
}

#[allow(clippy::unnecessary_wraps)] // objectives return a `Result`
/// Computes value and gradient of Rosenbrock's valley, in any even number of dimensions.
fn rosenbrock<T: Float>(p: &[T], gradient: &mut [T]) -> Result<f64> {
    let mut sum = 0.0;
    for (p, g) in p.chunks(2).zip(gradient.chunks_mut(2)) {
        let (x, across) = (p[0], p[1] - p[0] * p[0]);
        g[0] = T::from_f64(-400.0) * x * across - T::from_f64(2.0) * (T::one() - x);
        g[1] = T::from_f64(200.0) * across;
        let (across, along) = (across.as_f64(), 1.0 - x.as_f64());
        sum += 100.0 * across * across + along * along;
    }
    Ok(sum)
}

fn go_on<I, P: ?Sized>(_: &I, _: &P) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn the_valley_is_walked_to_its_end() {
    let mut two = [-1.2, 1.0];
    let report = minimize(&exact(), &mut two, rosenbrock).unwrap();
    assert!(two.iter().all(|x| (x - 1.0f64).abs() < 1e-8), "{two:?}");
    assert_eq!(report.stopped_by, LbfgsStop::Gradient);
    let mut ten: Vec<f64> = (0..10).map(|i| f64::from(i % 3) - 1.2).collect();
    minimize(&exact(), &mut ten, rosenbrock).unwrap();
    assert!(ten.iter().all(|x| (x - 1.0).abs() < 1e-8), "{ten:?}");
    let mut single = [-1.2f32, 1.0];
    let report = minimize(&exact(), &mut single, rosenbrock).unwrap();
    assert!(single.iter().all(|x| (x - 1.0).abs() < 1e-3), "{single:?}");
    assert!(
        report.evaluations < 200,
        "rounding ends the search: {report:?}"
    );
}

#[test]
fn scales_that_differ_a_millionfold_are_learned() {
    let quadratic = |p: &[f64], gradient: &mut [f64]| {
        let mut sum = 0.0;
        for (i, (p, g)) in p.iter().zip(gradient).enumerate() {
            let curvature = 10f64.powi(i as i32);
            *g = curvature * (p - 1.0);
            sum += 0.5 * curvature * (p - 1.0) * (p - 1.0);
        }
        Ok(sum)
    };
    let mut p = [0.0; 7];
    let report = minimize(&exact(), &mut p, quadratic).unwrap();
    assert!(p.iter().all(|x| (x - 1.0).abs() < 1e-9), "{p:?}");
    assert!(report.iterations.len() < 120, "{}", report.iterations.len());
}

#[test]
fn every_step_meets_the_strong_wolfe_conditions() {
    // Record all evaluations, to look up the value and gradient of each accepted point.
    let seen = RefCell::new(Vec::new());
    let objective = |p: &[f64], gradient: &mut [f64]| {
        let value = rosenbrock(p, gradient)?;
        seen.borrow_mut()
            .push((p.to_vec(), value, gradient.to_vec()));
        Ok(value)
    };
    let look_up = |p: &[f64]| seen.borrow().iter().rfind(|s| s.0 == p).cloned().unwrap();
    let mut before = vec![-1.2, 1.0];
    let mut p = [-1.2, 1.0];
    let mut steps = 0;
    minimize_with(&exact(), &mut p, objective, |_, p| {
        let ((_, value, gradient), (_, better, after)) = (look_up(&before), look_up(p));
        let way: Vec<f64> = p.iter().zip(&before).map(|(a, b)| a - b).collect();
        let slope = |g: &[f64]| g.iter().zip(&way).map(|(g, w)| g * w).sum::<f64>();
        assert!(better <= value + 1e-3 * slope(&gradient) + 1e-15);
        assert!(slope(&after).abs() <= 0.9 * slope(&gradient).abs() + 1e-15);
        before = p.to_vec();
        steps += 1;
        ControlFlow::Continue(())
    })
    .unwrap();
    assert!(steps > 10);
}

#[test]
fn numbers_that_are_not_finite_shorten_the_step() {
    // Steps of -ln x - ln(1 - x) out of (0, 1) lead to NaN, or to an error if the objective fails.
    for fails in [false, true] {
        let barrier = |p: &[f64], gradient: &mut [f64]| {
            let (x, value) = (p[0], -p[0].ln() - (1.0 - p[0]).ln());
            gradient[0] = -1.0 / x + 1.0 / (1.0 - x);
            if fails && !value.is_finite() {
                let (what, index) = ("loss", 0);
                let at = crate::Position::Index(index);
                return Err(Error::NotFinite { what, at, value });
            }
            Ok(value)
        };
        let mut p = [1e-3];
        minimize(&exact(), &mut p, barrier).unwrap();
        assert!((p[0] - 0.5).abs() < 1e-8, "{p:?}");
        let mut outside = [2.0];
        assert!(minimize(&exact(), &mut outside, barrier).is_err());
        assert_eq!(outside, [2.0]);
    }
}

#[test]
fn limits_are_kept_and_named() {
    let run = |options: LbfgsOptions| {
        let mut p = [-1.2, 1.0];
        let report = minimize(&options, &mut p, rosenbrock::<f64>).unwrap();
        assert_eq!(report.loss, rosenbrock(&p, &mut [0.0; 2]).unwrap());
        report
    };
    let few = run(LbfgsOptions {
        evaluations: 10,
        ..exact()
    });
    assert_eq!(
        (few.stopped_by, few.evaluations),
        (LbfgsStop::Evaluations, 10)
    );
    assert!(few.iterations.len() <= 10);
    let few = run(LbfgsOptions {
        iterations: 3,
        ..exact()
    });
    assert_eq!(
        (few.stopped_by, few.iterations.len()),
        (LbfgsStop::Iterations, 3)
    );
    let coarse = run(LbfgsOptions {
        loss_tolerance: 0.5,
        ..exact()
    });
    assert_eq!(coarse.stopped_by, LbfgsStop::Loss);
    let mut there = [1.0, 1.0];
    let done = minimize(&exact(), &mut there, rosenbrock).unwrap();
    assert_eq!(
        (done.stopped_by, done.iterations.len()),
        (LbfgsStop::Gradient, 0)
    );
    let mut p = [-1.2, 1.0];
    let stop = |_: &LbfgsIteration, _: &[f64]| ControlFlow::Break(());
    let stopped = minimize_with(&exact(), &mut p, rosenbrock, stop).unwrap();
    assert_eq!(
        (stopped.stopped_by, stopped.iterations.len()),
        (LbfgsStop::Callback, 1)
    );
    for bad in [
        LbfgsOptions {
            history_size: 0,
            ..exact()
        },
        LbfgsOptions {
            iterations: 0,
            ..exact()
        },
        LbfgsOptions {
            gradient_tolerance: f64::NAN,
            ..exact()
        },
        LbfgsOptions {
            loss_tolerance: -1.0,
            ..exact()
        },
    ] {
        assert!(minimize(&bad, &mut p, rosenbrock).is_err(), "{bad:?}");
    }
}

fn data(samples: usize, targets: usize) -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..2 * samples).map(|i| (i as f64 * 0.7).sin()).collect();
    let target =
        |sample: usize, k: usize| (x[2 * sample] * (k + 1) as f64).sin() + x[2 * sample + 1];
    let y = (0..samples).flat_map(|s| (0..targets).map(move |k| (s, k)));
    let y = y.map(|(s, k)| target(s, k)).collect();
    (x, y)
}

fn network(outputs: usize) -> Mlp<f64> {
    let builder = Mlp::builder(2).hidden(50, Tanh).output(outputs, Identity);
    builder.seed(4).build().unwrap()
}

#[test]
fn several_outputs_are_fitted() {
    let (x, y) = data(200, 5);
    let mut net = network(5);
    let report = Lbfgs::new(SquaredError).fit(&mut net, &x, &y).unwrap();
    let fit = crate::metrics::r2(&net.predict(&x).unwrap(), &y, 5).unwrap();
    assert!(fit > 0.99, "{fit}");
    assert!(report.losses().is_sorted_by(|a, b| a > b));
}

#[test]
fn threads_and_weights_of_one_change_no_bit() {
    let (x, y) = data(600, 1);
    let solver = Lbfgs::new(SquaredError).iterations(10).l2(1e-3);
    let mut one = network(1);
    solver.clone().threads(1).fit(&mut one, &x, &y).unwrap();
    let mut three = network(1);
    let weights = vec![1.0; 600];
    let samples = Samples::new(&x, &y).weights(&weights);
    solver
        .threads(3)
        .fit_with(&mut three, &samples, go_on)
        .unwrap();
    assert_eq!(one.params(), three.params());
}

#[test]
fn weights_are_as_good_as_copies() {
    let (x, y) = data(6, 1);
    let mut start = Mlp::builder(2)
        .hidden(3, Sigmoid)
        .output(1, Identity)
        .build()
        .unwrap();
    let solver = Lbfgs::new(SquaredError).iterations(5);
    let mut weighted = start.clone();
    let samples = Samples::new(&x, &y);
    let weights = [1.0, 0.0, 2.0, 1.0, 1.0, 3.0];
    solver
        .fit_with(&mut weighted, &samples.weights(&weights), go_on)
        .unwrap();
    let rows = [0, 2, 2, 3, 4, 5, 5, 5];
    solver
        .fit_with(&mut start, &samples.rows(&rows), go_on)
        .unwrap();
    let pairs = weighted.params().iter().zip(start.params());
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-9));
}

#[test]
fn errors_leave_the_network_as_it_was() {
    let (x, y) = data(6, 1);
    let before = network(1);
    let mut net = before.clone();
    assert!(Lbfgs::new(SquaredError).fit(&mut net, &x, &y[1..]).is_err());
    assert!(
        Lbfgs::new(SquaredError)
            .iterations(0)
            .fit(&mut net, &x, &y)
            .is_err()
    );
    assert!(
        Lbfgs::new(SquaredError)
            .l2(f64::NAN)
            .fit(&mut net, &x, &y)
            .is_err()
    );
    assert_eq!(net.params(), before.params());
}

#[test]
fn a_value_of_minus_infinity_is_no_minimum() {
    let cliff = |p: &[f64], gradient: &mut [f64]| {
        let from_minimum = p[0] - 0.5;
        gradient[0] = if p[0] < 0.25 { 0.0 } else { 2.0 * from_minimum };
        Ok(if p[0] < 0.25 {
            f64::NEG_INFINITY
        } else {
            from_minimum * from_minimum
        })
    };
    let mut p = [1.2];
    let report = minimize(&exact(), &mut p, cliff).unwrap();
    assert!(
        (p[0] - 0.5).abs() < 1e-9 && report.loss < 1e-18,
        "{report:?}"
    );
}

#[test]
fn a_network_that_overflows_on_the_way_is_trained_all_the_same() {
    // A first step of length 1 makes the logarithm of the mean about 1000, which overflows.
    let (x, y) = ([1e3, 0.5e3], [3.0, 2.0]);
    let mut net = Mlp::<f64>::builder(1).output(1, Identity).build().unwrap();
    net.set_params(&[0.0, 0.0]).unwrap();
    let mut uphill = net.clone();
    uphill.set_params(&[1.0, 0.0]).unwrap();
    let overflows = GradientWorkspace::new(&uphill).compute(&uphill, &x, &y, &Poisson);
    assert!(matches!(overflows, Err(Error::Overflow { .. })));
    let solver = Lbfgs::new(Poisson).loss_tolerance(0.0);
    solver.fit(&mut net, &x, &y).unwrap();
    let means: Vec<f64> = net.predict(&x).unwrap().iter().map(|z| z.exp()).collect();
    let fits = means
        .iter()
        .zip(&y)
        .all(|(mean, y)| (mean - y).abs() < 1e-3);
    assert!(fits, "{means:?}");
}

/// Returns points around the corners of a regular polygon, and the numbers of their corners.
fn corners(samples: usize, classes: usize) -> (Vec<f64>, Vec<usize>) {
    let labels: Vec<usize> = (0..samples).map(|i| i % classes).collect();
    let point = |(i, &label): (usize, &usize)| {
        let angle = std::f64::consts::TAU * label as f64 / classes as f64;
        let (dx, dy) = ((i as f64 * 1.7).sin(), (i as f64 * 2.3).cos());
        [angle.cos() + 0.5 * dx, angle.sin() + 0.5 * dy]
    };
    (labels.iter().enumerate().flat_map(point).collect(), labels)
}

#[test]
fn classes_are_learned_with_every_usual_activation() {
    fn check(activation: &(impl Activation<f64> + Clone + 'static)) {
        for classes in [2, 3] {
            let (x, labels) = corners(150, classes);
            let outputs = if classes == 2 { 1 } else { classes };
            let builder = Mlp::builder(2).hidden(50, activation.clone());
            let mut net = builder.output(outputs, Identity).seed(1).build().unwrap();
            let (solver, y): (_, Vec<f64>) = if classes == 2 {
                let y = labels.iter().map(|&label| label as f64).collect();
                (Lbfgs::new(BinaryCrossEntropy), y)
            } else {
                let one_hot = |&label| (0..classes).map(move |k| f64::from(u8::from(k == label)));
                let y = labels.iter().flat_map(one_hot).collect();
                (Lbfgs::new(SoftmaxCrossEntropy), y)
            };
            solver.iterations(150).fit(&mut net, &x, &y).unwrap();
            let accuracy = crate::metrics::Score::score(
                &crate::metrics::Accuracy,
                &net.predict(&x).unwrap(),
                &y,
                outputs,
                None,
            );
            assert!(accuracy > 0.95, "{activation:?}, {classes}: {accuracy}");
        }
    }
    check(&Identity);
    check(&Sigmoid);
    check(&Tanh);
    check(&Relu);
}

#[test]
fn a_training_keeps_to_its_evaluations() {
    let (x, y) = data(200, 1);
    let solver = Lbfgs::new(SquaredError).gradient_tolerance(0.0);
    let report = solver.evaluations(10).fit(&mut network(1), &x, &y).unwrap();
    assert_eq!(report.stopped_by, LbfgsStop::Evaluations);
    assert_eq!(report.evaluations, 10);
    assert!(report.iterations.len() <= 10);
}

#[test]
fn a_network_that_is_not_finite_is_an_error_and_stays() {
    let (x, y) = data(6, 1);
    for value in [f64::INFINITY, 1e300] {
        let mut net = network(1);
        net.params_mut().fill(value);
        let before = net.clone();
        assert!(Lbfgs::new(SquaredError).fit(&mut net, &x, &y).is_err());
        assert_eq!(net.params(), before.params());
    }
}
