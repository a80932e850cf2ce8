//! Statements of scikit-learn's own tests of its MLP, as far as they concern networks and not
//! Python.
//!
//! Numbers in brackets count the statements in the order of scikit-learn's test suite. The
//! remaining statements are tested beside the code: gradients, schedules, pauses, weights, L-BFGS.

use std::ops::ControlFlow;
use std::path::Path;

use feedforward::activation::{self, Identity, Relu, Sigmoid, Tanh};
use feedforward::init::ScikitLearn;
use feedforward::loss::{BinaryCrossEntropy, Poisson, SoftmaxCrossEntropy, SquaredError};
use feedforward::metrics::{Accuracy, Link, R2, r2};
use feedforward::optimizer::{Adam, EpsilonForm, Optimizer, Sgd, State};
use feedforward::train::{Adaptive, Lbfgs, LbfgsStop, Order, Validation};
use feedforward::{
    Classifier, Error, Float, Layout, Loss, Mlp, MultilabelClassifier, Samples, Scaler, StopReason,
    Trainer,
};

/// Returns the first 200 rows with digits below `classes`. Pixels are scaled to [0, 1].
fn digits(classes: u8) -> (Vec<f64>, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data/digits.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let mut row: Vec<f64> = line.split(',').map(|x| x.parse().unwrap()).collect();
        let label = row.pop().unwrap() as u8;
        if label < classes && labels.len() < 200 {
            pixels.extend(row);
            labels.push(label);
        }
    }
    let scaler = Scaler::min_max(&pixels, 64, 0.0..=1.0).unwrap();
    (scaler.transform(&pixels).unwrap(), labels)
}

/// Returns 200 samples of 10 features with a linear target and noise, standardized.
fn regression(targets: usize) -> (Vec<f64>, Vec<f64>) {
    let noise = |i: usize| (i as f64 * 12.9898).sin() * 43_758.545_3;
    let normal = |i: usize| {
        // The sum of twelve uniform numbers, minus six, is nearly normal.
        (0..12)
            .map(|k| noise(12 * i + k).rem_euclid(1.0))
            .sum::<f64>()
            - 6.0
    };
    let x: Vec<f64> = (0..2000).map(normal).collect();
    let row = |s: usize| &x[10 * s..10 * s + 10];
    let y: Vec<f64> = (0..200 * targets)
        .map(|i| {
            let (s, k) = (i / targets, i % targets);
            let linear = row(s)
                .iter()
                .enumerate()
                .map(|(j, x)| x * ((j * 7 + k * 3) % 11) as f64);
            linear.sum::<f64>() + 2.0 * normal(5000 + i) + 20.0
        })
        .collect();
    let scaler = Scaler::standard(&y, targets).unwrap();
    (x, scaler.transform(&y).unwrap())
}

fn regressor(hidden: &str, outputs: usize) -> Mlp<f64> {
    let hidden = activation::parse::<f64>(hidden).unwrap();
    let builder = Mlp::builder(10)
        .hidden(50, hidden)
        .output(outputs, Identity);
    builder.initializer(ScikitLearn).seed(1).build().unwrap()
}

fn digit_classifier(classes: u8, hidden: &str, units: usize) -> Classifier<f64, u8> {
    let hidden = activation::parse::<f64>(hidden).unwrap();
    let builder = Mlp::builder(64)
        .hidden(units, hidden)
        .initializer(ScikitLearn)
        .seed(1);
    Classifier::new(builder, 0..classes).unwrap()
}

const HIDDEN: [&str; 4] = ["identity", "logistic", "tanh", "relu"];

#[test]
fn a_penalty_makes_every_layer_smaller() {
    // [1] With ReLU, a penalty balances the layers and so enlarges the smaller one; tanh does not.
    let (x, labels) = digits(2);
    let sizes = |alpha: f64| -> Vec<f64> {
        let mut model = digit_classifier(2, "tanh", 10);
        let trainer = Trainer::new(model.loss(), Adam::scikit_learn(1e-3))
            .l2(alpha)
            .epochs(500);
        model.fit(&trainer, &x[..6400], &labels[..100]).unwrap();
        let layers = model.network().layers();
        let size = |w: &[f64]| w.iter().map(|w| w.abs()).sum();
        layers.map(|layer| size(layer.weights())).collect()
    };
    let (free, bound) = (sizes(0.0), sizes(10.0));
    assert!(
        free.iter().zip(&bound).all(|(a, b)| a > b),
        "{free:?} {bound:?}"
    );
}

#[test]
fn lbfgs_classifies_digits() {
    // [4]
    for classes in [2, 3] {
        let (x, labels) = digits(classes);
        let (x, labels) = (&x[..150 * 64], &labels[..150]);
        for hidden in HIDDEN {
            let mut model = digit_classifier(classes, hidden, 50);
            let targets = model.targets(labels).unwrap();
            let solver = Lbfgs::new(model.loss()).iterations(150);
            solver.fit(model.network_mut(), x, &targets).unwrap();
            let score = model.score(x, labels).unwrap();
            assert!(score > 0.95, "{classes} {hidden}: {score}");
        }
    }
}

#[test]
fn lbfgs_fits_lines_and_several_targets() {
    // [5], [10]
    let (x, y) = regression(1);
    for hidden in HIDDEN {
        let mut net = regressor(hidden, 1);
        let solver = Lbfgs::new(SquaredError)
            .iterations(200)
            .gradient_tolerance(1e-3);
        solver.fit(&mut net, &x, &y).unwrap();
        let fit = r2(&net.predict(&x).unwrap(), &y, 1).unwrap();
        let least = if hidden == "identity" { 0.80 } else { 0.95 };
        assert!(fit > least, "{hidden}: {fit}");
    }
    let (x, y) = regression(5);
    let mut net = regressor("relu", 5);
    Lbfgs::new(SquaredError).fit(&mut net, &x, &y).unwrap();
    assert!(r2(&net.predict(&x).unwrap(), &y, 5).unwrap() > 0.9);
}

#[test]
fn lbfgs_stops_at_ten_evaluations() {
    // [6], [7]
    let (x, y) = regression(1);
    let solver = Lbfgs::new(SquaredError)
        .evaluations(10)
        .gradient_tolerance(0.0);
    let report = solver.fit(&mut regressor("tanh", 1), &x, &y).unwrap();
    assert_eq!(report.stopped_by, LbfgsStop::Evaluations);
    assert!(report.iterations.len() <= 10);
}

#[test]
fn several_labels_at_once() {
    // [9], [19]
    let (x, _) = regression(1);
    let x = &x[..500];
    let labels: Vec<Vec<usize>> = (0..50)
        .map(|s| {
            (0..5)
                .filter(|k| x[10 * s + k] + x[10 * s + k + 5] > 0.3)
                .collect()
        })
        .collect();
    let new = || {
        let builder = Mlp::builder(10)
            .hidden(50, Sigmoid)
            .initializer(ScikitLearn)
            .seed(1);
        MultilabelClassifier::<f64, _>::new(builder, 0..5).unwrap()
    };
    let mut model = new();
    let targets = model.targets(&labels).unwrap();
    let solver = Lbfgs::new(model.loss()).iterations(150).l2(1e-5);
    solver.fit(model.network_mut(), x, &targets).unwrap();
    assert!(model.score(x, &labels).unwrap() > 0.97);
    let probabilities = model.predict_probability(x).unwrap();
    let likely: Vec<f64> = probabilities
        .iter()
        .map(|&p| f64::from(u8::from(p > 0.5)))
        .collect();
    assert_eq!(likely, targets);
    assert!(
        probabilities
            .chunks(5)
            .any(|row| (row.iter().sum::<f64>() - 1.0).abs() > 0.1)
    );
    assert_eq!(model.predict(x).unwrap(), labels);

    let mut model = new();
    let trainer = Trainer::new(model.loss(), Sgd::scikit_learn(0.2));
    let mut state = trainer.init_state(model.network()).unwrap();
    for _ in 0..400 {
        model.partial_fit(&trainer, &mut state, x, &labels).unwrap();
    }
    assert!(model.score(x, &labels).unwrap() > 0.9);
    let unknown = model.fit(&trainer, &x[..10], &[[7]]).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "label at row 0: expected one of [0, 1, 2, 3, 4], got 7"
    );
}

#[test]
fn single_epochs_classify_as_one_fit_does() {
    // [12]
    for classes in [2, 3] {
        let (x, labels) = digits(classes);
        let mut fitted = digit_classifier(classes, "relu", 100);
        let trainer = Trainer::new(fitted.loss(), Sgd::scikit_learn(0.1))
            .epochs(100)
            .seed(1);
        fitted.fit(&trainer, &x, &labels).unwrap();
        let mut model = digit_classifier(classes, "relu", 100);
        let mut state = trainer.init_state(model.network()).unwrap();
        for _ in 0..100 {
            model
                .partial_fit(&trainer, &mut state, &x, &labels)
                .unwrap();
        }
        assert_eq!(model.predict(&x).unwrap(), fitted.predict(&x).unwrap());
        assert!(model.score(&x, &labels).unwrap() > 0.95);
    }
}

#[test]
fn classes_may_come_later() {
    // [13], [11], [15]
    let builder = Mlp::builder(1).hidden(8, Relu).seed(1);
    let mut model = Classifier::<f64, u32>::new(builder, [1, 2, 3, 4]).unwrap();
    let trainer = Trainer::new(model.loss(), Adam::new(0.05));
    let mut state = trainer.init_state(model.network()).unwrap();
    for _ in 0..200 {
        model
            .partial_fit(&trainer, &mut state, &[0.0, 1.0, 2.0], &[1, 2, 3])
            .unwrap();
        model
            .partial_fit(&trainer, &mut state, &[3.0], &[4])
            .unwrap();
    }
    assert_eq!(model.predict(&[3.0]).unwrap(), [4]);
    let error = model.partial_fit(&trainer, &mut state, &[3.0], &[5]);
    assert!(matches!(
        error.unwrap_err(),
        Error::UnknownLabel { row: 0, .. }
    ));
}

#[test]
fn single_epochs_fit_as_well_as_one_fit() {
    // [14]
    let (x, y) = regression(1);
    for momentum in [0.0, 0.9] {
        let sgd = Sgd {
            momentum,
            ..Sgd::scikit_learn(0.02)
        };
        let trainer = Trainer::new(SquaredError, sgd).epochs(100).batch_size(200);
        let mut fitted = regressor("relu", 1);
        trainer.fit(&mut fitted, &x, &y).unwrap();
        let mut net = regressor("relu", 1);
        let mut state = trainer.init_state(&net).unwrap();
        for _ in 0..100 {
            trainer
                .partial_fit(&mut net, &mut state, &Samples::new(&x, &y))
                .unwrap();
        }
        assert_eq!(net.params(), fitted.params());
        assert!(r2(&net.predict(&x).unwrap(), &y, 1).unwrap() > 0.65);
    }
}

#[test]
fn enormous_inputs_are_an_error() {
    // [16]
    let (x, y) = regression(1);
    let huge: Vec<f64> = x.iter().map(|x| x * 1e307).collect();
    let start = regressor("relu", 1);
    let mut net = start.clone();
    let error = Trainer::new(SquaredError, Sgd::new(0.1))
        .fit(&mut net, &huge, &y)
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("the inputs, which lie in") && message.contains("scale"),
        "{message}"
    );
    assert_eq!(net.params(), start.params());
}

#[test]
fn probabilities_and_their_logarithms_agree() {
    // [17], [18]
    for classes in [2, 3] {
        let (x, labels) = digits(classes);
        let (x, labels) = (&x[..50 * 64], &labels[..50]);
        let mut model = digit_classifier(classes, "logistic", 5);
        let trainer = Trainer::new(model.loss(), Adam::new(0.05)).epochs(100);
        model.fit(&trainer, x, labels).unwrap();
        let p = model.predict_probability(x).unwrap();
        let log_p = model.predict_log_probability(x).unwrap();
        assert_eq!(p.len(), 50 * usize::from(classes));
        for (p, log_p) in p.iter().zip(&log_p) {
            assert!(
                (p.ln() - log_p).abs() < 1e-12 * (1.0 + log_p.abs()),
                "{p} {log_p}"
            );
        }
        let rows = p.chunks(usize::from(classes));
        for (row, label) in rows.zip(model.predict(x).unwrap()) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(row.iter().all(|&p| p <= row[usize::from(label)]));
        }
        assert_eq!(model.score(x, labels).unwrap(), 1.0);
    }
    // Logarithms stay finite, however extreme the logits are.
    let mut model = digit_classifier(3, "relu", 5);
    for p in model.network_mut().params_mut() {
        *p *= 1e4;
    }
    let log_p = model.predict_log_probability(&digits(3).0).unwrap();
    assert!(log_p.iter().all(|p| p.is_finite()));
}

#[test]
fn patience_is_counted_as_theirs() {
    // [22], [27], [28], [29], [38]
    let (x, y) = regression(1);
    let sgd = || Trainer::new(SquaredError, Sgd::scikit_learn(1e-3)).epochs(3000);
    for patience in [2, 5, 10, 50, 100] {
        let trainer = sgd().tolerance(0.01, patience);
        let mut net = regressor("relu", 1);
        let mut state = trainer.init_state(&net).unwrap();
        let reason = trainer
            .resume(&mut net, &mut state, &Samples::new(&x, &y))
            .unwrap();
        assert_eq!(reason, StopReason::Tolerance);
        assert_eq!(state.epochs_without_improvement(), patience + 1);
        assert!(state.epochs() < 3000);
    }
    let trainer = sgd().tolerance(1e9, usize::MAX).epochs(30);
    let mut net = regressor("relu", 1);
    let mut state = trainer.init_state(&net).unwrap();
    for total in [30, 60] {
        let reason = trainer
            .resume(&mut net, &mut state, &Samples::new(&x, &y))
            .unwrap();
        assert_eq!((reason, state.epochs()), (StopReason::Epochs, 30));
        assert_eq!(state.history().epochs.len(), total);
        // In scikit-learn the counter continues, so that such a training run ends after one more
        // epoch. In this crate, a restart resets the best loss.
        assert_eq!(state.epochs_without_improvement(), 29);
        state.restart(&trainer, &net).unwrap();
    }
}

#[test]
fn early_stopping_watches_a_score() {
    // [24], [31], [37], [41]
    let (x, labels) = digits(3);
    let words: Vec<&str> = labels
        .iter()
        .map(|&l| ["none", "one", "two"][usize::from(l)])
        .collect();
    let builder = || Mlp::<f64>::builder(64).hidden(20, Relu).seed(1);
    let mut model = Classifier::new(builder(), words.iter().copied()).unwrap();
    let trainer = Trainer::new(model.loss(), Adam::new(1e-2))
        .epochs(3000)
        .validation(Validation::split(0.2).score(Accuracy))
        .early_stopping(0.2, 10);
    let history = model.fit(&trainer, &x, &words).unwrap();
    assert_eq!(history.stopped_by, StopReason::EarlyStopping);
    let scores: Vec<f64> = history
        .epochs
        .iter()
        .filter_map(|e| e.validation_score)
        .collect();
    assert_eq!(scores.len(), history.epochs.len());
    let best = scores.iter().copied().fold(0.0, f64::max);
    assert_eq!(history.best_validation_score(), Some(best));
    assert!(scores.iter().rev().take(2).all(|&score| score < best + 0.2));

    let ones = vec![1.0; words.len()];
    let mut weighted = Classifier::new(builder(), words.iter().copied()).unwrap();
    let go_on = |_: &_, _: &_| ControlFlow::Continue(());
    weighted
        .fit_with(&trainer, &x, &words, Some(&ones), go_on)
        .unwrap();
    assert_eq!(weighted.network().params(), model.network().params());

    let (x, y) = regression(1);
    let link = Link::Identity;
    let trainer = Trainer::new(SquaredError, Adam::new(1e-2))
        .validation(Validation::split(0.1).score(R2 { link }))
        .early_stopping(0.2, 10);
    let mut net = regressor("relu", 1);
    let mut state = trainer.init_state(&net).unwrap();
    let samples = Samples::new(&x, &y);
    trainer.resume(&mut net, &mut state, &samples).unwrap();
    let first = state.history().epochs.len();
    state.restart(&trainer, &net).unwrap();
    trainer.resume(&mut net, &mut state, &samples).unwrap();
    assert!(state.history().epochs.len() > first);
}

#[test]
fn the_adaptive_rate_ends_below_a_millionth() {
    // [25], [47]
    let (x, y) = regression(1);
    let trainer = Trainer::new(SquaredError, Sgd::scikit_learn(1e-3))
        .epochs(3000)
        .tolerance(0.5, 10)
        .adaptive(Adaptive::default());
    let mut net = regressor("relu", 1);
    let mut state = trainer.init_state(&net).unwrap();
    trainer
        .resume(&mut net, &mut state, &Samples::new(&x, &y))
        .unwrap();
    assert!(state.epochs() < 3000 && state.learning_rate(&trainer) < 1e-6);
}

#[test]
fn both_precisions_learn_the_same() {
    // [32], [33]
    let (x, labels) = digits(3);
    let train = |seed| {
        let mut model = digit_classifier(3, "relu", 10);
        let trainer = Trainer::new(model.loss(), Adam::new(1e-3))
            .epochs(50)
            .seed(seed);
        model.fit(&trainer, &x, &labels).unwrap();
        model.predict_probability(&x).unwrap()
    };
    let x32: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let builder = Mlp::builder(64)
        .hidden(10, Relu)
        .initializer(ScikitLearn)
        .seed(1);
    let mut single = Classifier::<f32, u8>::new(builder, 0..3).unwrap();
    let trainer = Trainer::new(single.loss(), Adam::new(1e-3))
        .epochs(50)
        .seed(5);
    single.fit(&trainer, &x32, &labels).unwrap();
    let pairs = train(5)
        .into_iter()
        .zip(single.predict_probability(&x32).unwrap());
    for (double, single) in pairs {
        assert!((double - f64::from(single)).abs() < 1e-2 * (double + 1e-3));
    }
}

#[test]
fn a_poisson_network_is_a_generalised_linear_model() {
    // [42] A single identity neuron between inputs and output is linear.
    let (x, _) = regression(1);
    let x: Vec<f64> = x.iter().map(|x| x / 4.0).collect();
    let rate = |row: &[f64]| (0.5 * row[0] - row[1] + row[2] + 1.0).exp();
    let y: Vec<f64> = x.chunks(10).map(|row| rate(row).round()).collect();
    let fit = |hidden: usize, loss: &dyn Fn() -> Lbfgs<f64>| {
        let mut builder = Mlp::builder(10);
        if hidden > 0 {
            builder = builder.hidden(hidden, Identity);
        }
        let mut net = builder.output(1, Identity).seed(2).build().unwrap();
        let solver = loss()
            .iterations(2000)
            .gradient_tolerance(1e-9)
            .loss_tolerance(0.0);
        solver.fit(&mut net, &x, &y).unwrap();
        net.predict(&x).unwrap()
    };
    let poisson = || Lbfgs::new(Poisson);
    let (linear, network) = (fit(0, &poisson), fit(1, &poisson));
    let close = |a: &[f64]| {
        linear
            .iter()
            .zip(a)
            .all(|(l, a)| (l.exp() / a - 1.0).abs() < 1e-4)
    };
    let network: Vec<f64> = network.iter().map(|y| y.exp()).collect();
    assert!(close(&network));
    assert!(!close(&fit(1, &|| Lbfgs::new(SquaredError))));
}

/// Returns the parameters after each of three updates with equal gradients, from zeros.
fn three_updates(optimizer: &dyn Optimizer<f64>, rate: f64, gradient: &[f64]) -> Vec<Vec<f64>> {
    let layout = Layout::new(&[gradient.len() - 1, 1]).unwrap();
    let mut state = State::new(optimizer, &layout).unwrap();
    let mut params = vec![0.0; gradient.len()];
    let update = |_| {
        state
            .update(optimizer, rate, &mut params, gradient)
            .unwrap();
        params.clone()
    };
    (0..3).map(update).collect()
}

#[test]
fn sgd_and_adam_are_their_formulas() {
    // [45], [46], [48], [49]
    let gradient: Vec<f64> = (0..15).map(|i| f64::from(i - 7) / 3.0).collect();
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-15 * b.abs().max(1e-300);
    for rate in [1e-3, 1.0, 1e3] {
        let plain = three_updates(&Sgd::new(rate), rate, &gradient);
        assert!(
            plain[0]
                .iter()
                .zip(&gradient)
                .all(|(p, g)| same(*p, -rate * g))
        );
        for momentum in [0.5, 0.7, 0.8] {
            for nesterov in [false, true] {
                let sgd = Sgd {
                    momentum,
                    nesterov,
                    ..Sgd::new(rate)
                };
                let steps = three_updates(&sgd, rate, &gradient);
                for (i, g) in gradient.iter().enumerate() {
                    let first = -rate * g;
                    let second = momentum * first - rate * g;
                    let expected = if nesterov {
                        momentum * first - rate * g
                    } else {
                        first
                    };
                    assert!(same(steps[0][i], expected));
                    let moved = if nesterov {
                        momentum * second - rate * g
                    } else {
                        second
                    };
                    let got = steps[1][i] - steps[0][i];
                    assert!((got - moved).abs() <= 1e-14 * moved.abs().max(rate));
                }
            }
        }
    }
    for (beta1, beta2) in [(0.9, 0.995), (0.95, 0.999)] {
        let adam = Adam {
            beta1,
            beta2,
            epsilon_form: EpsilonForm::Hat,
            ..Adam::new(0.1)
        };
        let steps = three_updates(&adam, 0.1, &gradient);
        for (i, g) in gradient.iter().enumerate() {
            let (mut m, mut v, mut p) = (0.0, 0.0, 0.0);
            for (t, step) in (1..).zip(&steps) {
                m = beta1 * m + (1.0 - beta1) * g;
                v = beta2 * v + (1.0 - beta2) * g * g;
                let rate = 0.1 * (1.0 - beta2.powi(t)).sqrt() / (1.0 - beta1.powi(t));
                p -= rate * m / (v.sqrt() + 1e-8);
                assert!((step[i] - p).abs() <= 1e-13, "{} {p}", step[i]);
            }
        }
    }
}

#[test]
fn sure_and_wrong_answers_cost_finitely_much() {
    // [50], [51]
    fn check<T: Float>() {
        let mut gradient = [T::zero(); 2];
        let sure = T::from_f64(700.0);
        let binary = BinaryCrossEntropy.evaluate(&[sure], &[T::zero()], &mut gradient[..1]);
        assert_eq!(binary, sure);
        let two = [sure, -sure];
        let softmax = SoftmaxCrossEntropy.evaluate(&two, &[T::zero(), T::one()], &mut gradient);
        assert_eq!(softmax, sure + sure);
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_shuffle_is_a_function_of_its_seed() {
    // [20]
    let (x, y) = regression(1);
    let train = |order: Order| {
        let mut net = Mlp::builder(10)
            .hidden(5, Tanh)
            .output(1, Identity)
            .build()
            .unwrap();
        let trainer = Trainer::new(SquaredError, Sgd::new(0.05))
            .batch_size(50)
            .epochs(3);
        trainer.seed(9).order(order).fit(&mut net, &x, &y).unwrap();
        net.params().to_vec()
    };
    assert_eq!(train(Order::Shuffled), train(Order::Shuffled));
    assert_eq!(train(Order::Given), train(Order::Given));
    assert_ne!(train(Order::Shuffled), train(Order::Given));
}
