//! Compares losses with PyTorch, scikit-learn and differences of their own values.

use feedforward::loss::{
    BinaryCrossEntropy, GaussianNll, Huber, MeanAbsoluteError, MeanSquaredError, PerOutput,
    Pinball, Poisson, RelativeL2, ScikitSquaredError, Smoothed, SoftmaxCrossEntropy, SquaredError,
};
use feedforward::{Error, Float, Loss};

/// The difference as the fixtures define it.
fn d(got: f64, expected: f64) -> f64 {
    (got - expected).abs() / (1e-3 + expected.abs())
}

fn evaluate<T: Float>(loss: &dyn Loss<T>, output: &[f64], target: &[f64]) -> (f64, Vec<f64>) {
    let convert = |x: &[f64]| x.iter().map(|&x| T::from_f64(x)).collect::<Vec<_>>();
    let mut gradient = vec![T::from_f64(f64::NAN); output.len()];
    let value = loss.evaluate(&convert(output), &convert(target), &mut gradient);
    (
        value.as_f64(),
        gradient.iter().map(|g| g.as_f64()).collect(),
    )
}

/// Outputs and targets in every loss's domain, with every kink further away than the step.
const OUTPUT: [f64; 5] = [-3.1, -0.4, 0.3, 1.7, 4.2];
const TARGET: [f64; 5] = [0.25, 1.0, 0.0, 0.8, 0.5];

fn central_differences(loss: &dyn Loss<f64>) {
    let each = loss.outputs_per_target();
    let target = &TARGET[..OUTPUT.len() / each];
    let output = &OUTPUT[..target.len() * each];
    let (_, gradient) = evaluate(loss, output, target);
    let h = 1e-5;
    for k in 0..output.len() {
        let at = |h: f64| {
            let mut output = output.to_vec();
            output[k] += h;
            evaluate(loss, &output, target).0
        };
        let slope = (at(h) - at(-h)) / (2.0 * h);
        assert!(
            d(gradient[k], slope) < 1e-7,
            "{loss:?}, output {k}: {} but differences say {slope}",
            gradient[k]
        );
    }
}

#[test]
fn gradients_are_the_derivatives_of_the_values() {
    central_differences(&SquaredError);
    central_differences(&MeanSquaredError);
    central_differences(&MeanAbsoluteError);
    central_differences(&Huber::default());
    central_differences(&Huber::new(0.35));
    central_differences(&Poisson);
    central_differences(&BinaryCrossEntropy);
    central_differences(&SoftmaxCrossEntropy);
    central_differences(&PerOutput(Poisson));
    central_differences(&Pinball::default());
    central_differences(&Pinball::new([0.1, 0.8]));
    central_differences(&PerOutput(Pinball::new([0.05, 0.2, 0.5, 0.8, 0.95])));
    central_differences(&GaussianNll::new(0.0));
    for smoothing in [0.0, 0.1, 0.9] {
        central_differences(&Smoothed::new(BinaryCrossEntropy, smoothing));
        central_differences(&Smoothed::new(SoftmaxCrossEntropy, smoothing));
        central_differences(&PerOutput(Smoothed::new(BinaryCrossEntropy, smoothing)));
    }
}

#[test]
fn scikit_learns_gradient_is_that_of_the_sum() {
    let (value, gradient) = evaluate::<f64>(&ScikitSquaredError, &OUTPUT, &TARGET);
    let (sum, expected) = evaluate::<f64>(&SquaredError, &OUTPUT, &TARGET);
    assert!(d(value, sum / OUTPUT.len() as f64) < 1e-15);
    assert_eq!(gradient, expected);
}

/// The denominator counts as a constant, so the difference quotient keeps it fixed.
#[test]
fn relative_l2_keeps_its_denominator() {
    let loss = RelativeL2::default();
    let (value, gradient) = evaluate::<f64>(&loss, &OUTPUT, &TARGET);
    let mut sum = 0.0;
    for ((y, t), g) in OUTPUT.iter().zip(TARGET).zip(gradient) {
        let denominator = y * y + 0.01;
        sum += (y - t).powi(2) / denominator;
        assert!(d(g, 2.0 * (y - t) / denominator / 5.0) < 1e-14);
    }
    assert!(d(value, sum / 5.0) < 1e-14);
}

#[test]
fn pinball_by_hand() {
    // Two targets with two quantiles each.
    let loss = Pinball::new([0.25, 0.75]);
    let (value, gradient) = evaluate::<f64>(&loss, &[1.0, 5.0, 1.0, 2.0], &[3.0, 2.0]);
    assert_eq!(value, (0.25 * 2.0 + 0.25 * 2.0 + 0.25 * 1.0 + 0.0) / 4.0);
    assert_eq!(gradient, [-0.25, 0.25, -0.25, 0.0].map(|g| g / 4.0));
    let (median, _) = evaluate::<f32>(&Pinball::default(), &[1.0, 4.0], &[3.0, 3.0]);
    let (absolute, _) = evaluate::<f32>(&MeanAbsoluteError, &[1.0, 4.0], &[3.0, 3.0]);
    assert_eq!(median, absolute / 2.0);
}

/// Values of `GaussianNLLLoss` in PyTorch's documentation: (ln v + (t - μ)² / v) / 2.
#[test]
fn normal_likelihood_by_hand() {
    let output = [1.0, 4.0_f64.ln(), -2.0, 0.25_f64.ln()];
    let target = [4.0, -1.5];
    let terms = [9.0 / 4.0 + 4.0_f64.ln(), 0.25 / 0.25 + 0.25_f64.ln()];
    let mut plain = Vec::new();
    for beta in [0.0, 0.5, 1.0] {
        let (value, gradient) = evaluate::<f64>(&GaussianNll::new(beta), &output, &target);
        assert!(d(value, (terms[0] + terms[1]) / 4.0) < 1e-15);
        if beta == 0.0 {
            plain = gradient.clone();
        }
        // The factor is the variance to the power beta.
        for (k, variance) in [4.0_f64, 4.0, 0.25, 0.25].into_iter().enumerate() {
            assert!(d(gradient[k], plain[k] * variance.powf(beta)) < 1e-14);
        }
    }
    assert!(d(plain[0], (1.0 - 4.0) / 4.0 / 2.0) < 1e-14);
    assert!(d(plain[1], 0.5 * (1.0 - 9.0 / 4.0) / 2.0) < 1e-14);
}

/// A variance beyond the limit costs as much as at the limit, and only the way back has a slope.
#[test]
fn variances_of_a_normal_likelihood_are_limited() {
    let loss = GaussianNll::default();
    for (s, limit, toward, away) in [(50.0, 10.0, 1.0, 1e9), (-50.0, -10.0, 1.0, 0.0)] {
        let (value, gradient) = evaluate::<f64>(&loss, &[toward, s], &[0.0]);
        assert_eq!(value, evaluate::<f64>(&loss, &[toward, limit], &[0.0]).0);
        assert!(gradient[1] * s > 0.0, "descent must lead back from {s}");
        assert_eq!(evaluate::<f64>(&loss, &[away, s], &[0.0]).1[1], 0.0);
    }
}

#[test]
fn an_exact_output_costs_nothing() {
    let target = [0.5, 0.0, 1.0, 3.0];
    let losses: [&dyn Loss<f64>; 6] = [
        &SquaredError,
        &MeanSquaredError,
        &ScikitSquaredError,
        &MeanAbsoluteError,
        &Huber::default(),
        &RelativeL2::default(),
    ];
    for loss in losses {
        let (value, gradient) = evaluate(loss, &target, &target);
        assert_eq!((value, gradient), (0.0, vec![0.0; 4]), "{loss:?}");
    }
    let (value, gradient) = evaluate::<f64>(&Poisson, &[2.0_f64.ln()], &[2.0]);
    assert!(value.abs() < 1e-15 && gradient[0].abs() < 1e-15);
}

#[test]
fn logits_of_several_hundred() {
    fn check<T: Float>() {
        let big = 800.0_f64;
        let small = (-big).exp();
        // A confident right answer: the loss is about e^-800, which is 0 in double precision.
        for (y, t) in [(big, 1.0), (-big, 0.0)] {
            let (value, gradient) = evaluate::<T>(&BinaryCrossEntropy, &[y], &[t]);
            assert!(value >= 0.0 && value <= small && gradient[0].abs() <= small);
        }
        // A confident wrong answer: the loss is the logit, and its derivative is 1.
        for (y, t, slope) in [(big, 0.0, 1.0), (-big, 1.0, -1.0)] {
            let (value, gradient) = evaluate::<T>(&BinaryCrossEntropy, &[y], &[t]);
            assert_eq!((value, gradient), (big, vec![slope]));
        }
        let logits = [big, -big, 0.0];
        let (value, gradient) = evaluate::<T>(&SoftmaxCrossEntropy, &logits, &[0.0, 1.0, 0.0]);
        assert_eq!((value, gradient), (2.0 * big, vec![1.0, -1.0, 0.0]));
        let (value, _) = evaluate::<T>(&SoftmaxCrossEntropy, &logits, &[1.0, 0.0, 0.0]);
        assert!(value == 0.0);
    }
    check::<f32>();
    check::<f64>();
}

/// 1 + e^-50 rounds to 1, but the loss of a right answer must not be 0.
#[test]
fn a_sure_answer_keeps_its_digits() {
    let rest = (-50.0_f64).exp();
    let (binary, slope) = evaluate::<f64>(&BinaryCrossEntropy, &[50.0], &[1.0]);
    let (softmax, _) = evaluate::<f64>(&SoftmaxCrossEntropy, &[50.0, 0.0], &[1.0, 0.0]);
    for got in [binary, softmax, -slope[0]] {
        assert!((got / rest - 1.0).abs() < 1e-12, "{got}");
    }
}

/// Values and gradients of `cross_entropy(label_smoothing=...)` in PyTorch 2.15.
#[test]
fn smoothed_softmax_is_pytorchs() {
    let check = |smoothing, target: [f64; 3], value: f64, derivatives: [f64; 3]| {
        let loss = Smoothed::new(SoftmaxCrossEntropy, smoothing);
        let (got, gradient) = evaluate::<f64>(&loss, &[1.5, -0.3, 0.2], &target);
        assert!(d(got, value) <= 1e-14, "{got} instead of {value}");
        for (got, derivative) in gradient.iter().zip(derivatives) {
            assert!(d(*got, derivative) <= 1e-14, "{gradient:?}");
        }
    };
    check(
        0.1,
        [1.0, 0.0, 0.0],
        0.46646883970208686,
        [
            -0.23784114984011373,
            0.08163075136489953,
            0.1562103984752143,
        ],
    );
    check(
        0.25,
        [0.2, 0.5, 0.3],
        1.588968839702087,
        [
            0.4621588501598863,
            -0.34336924863510043,
            -0.11878960152478565,
        ],
    );
}

/// A logit of 0 means a probability of 1/2, and ln 3 means 3/4.
#[test]
fn smoothed_binary_by_hand() {
    let loss = Smoothed::new(BinaryCrossEntropy, 0.2);
    // Smoothing turns the target 1 into 0.9 and 0 into 0.1, and keeps 0.5.
    for (t, slope) in [(1.0, -0.4), (0.0, 0.4), (0.5, 0.0)] {
        let (value, gradient) = evaluate::<f64>(&loss, &[0.0], &[t]);
        assert!(d(value, 2.0_f64.ln()) < 1e-15 && d(gradient[0], slope) < 1e-13);
    }
    let (value, gradient) = evaluate::<f64>(&loss, &[3.0_f64.ln()], &[1.0]);
    assert!(d(value, -0.9 * 0.75_f64.ln() - 0.1 * 0.25_f64.ln()) < 1e-14);
    assert!(d(gradient[0], 0.75 - 0.9) < 1e-14);
    // The minimum lies at the smoothed target's probability.
    let (_, gradient) = evaluate::<f64>(&loss, &[9.0_f64.ln()], &[1.0]);
    assert!(gradient[0].abs() < 1e-15);
}

#[test]
fn without_smoothing_the_bits_are_the_same() {
    fn check<T: Float>() {
        let equal = |smoothed: &dyn Loss<T>, plain: &dyn Loss<T>, target: &[f64]| {
            let bits = |(value, gradient): (f64, Vec<f64>)| {
                let gradient: Vec<_> = gradient.iter().map(|g| g.to_bits()).collect();
                (value.to_bits(), gradient)
            };
            let got = bits(evaluate(smoothed, &OUTPUT, target));
            assert_eq!(got, bits(evaluate(plain, &OUTPUT, target)));
        };
        for target in [TARGET, [0.0, 0.0, 1.0, 0.0, 0.0]] {
            equal(
                &Smoothed::new(BinaryCrossEntropy, 0.0),
                &BinaryCrossEntropy,
                &target,
            );
            equal(
                &Smoothed::new(SoftmaxCrossEntropy, 0.0),
                &SoftmaxCrossEntropy,
                &target,
            );
        }
    }
    check::<f32>();
    check::<f64>();
}

#[test]
fn a_nan_stays_visible() {
    let losses: [&dyn Loss<f64>; 15] = [
        &Pinball::new([0.3]),
        &Pinball::new([0.3, 0.6]),
        &GaussianNll::default(),
        &Smoothed::new(BinaryCrossEntropy, 0.1),
        &Smoothed::new(SoftmaxCrossEntropy, 0.1),
        &SquaredError,
        &MeanSquaredError,
        &ScikitSquaredError,
        &MeanAbsoluteError,
        &Huber::default(),
        &RelativeL2::default(),
        &Poisson,
        &BinaryCrossEntropy,
        &SoftmaxCrossEntropy,
        &PerOutput(SquaredError),
    ];
    for loss in losses {
        for output in [[f64::NAN, 0.0], [0.0, f64::NAN]] {
            let target = &[1.0, 0.0][..2 / loss.outputs_per_target()];
            let (value, gradient) = evaluate(loss, &output, target);
            assert!(value.is_nan(), "{loss:?}");
            assert!(gradient.iter().any(|g| g.is_nan()), "{loss:?}");
        }
    }
}

#[test]
fn targets_outside_the_domain_are_refused() {
    let message = |loss: &dyn Loss<f64>, target: &[f64]| {
        loss.check_target(target).map_err(|error| error.to_string())
    };
    assert_eq!(
        message(&Poisson, &[2.0, -1.5]),
        Err("target of the Poisson loss: expected 0 or above, got -1.5 at index 1".into())
    );
    assert_eq!(message(&Poisson, &[2.0, 0.0]), Ok(()));
    for loss in [
        &BinaryCrossEntropy as &dyn Loss<f64>,
        &SoftmaxCrossEntropy,
        &PerOutput(SoftmaxCrossEntropy),
        &Smoothed::new(BinaryCrossEntropy, 0.1),
        &Smoothed::new(SoftmaxCrossEntropy, 0.1),
    ] {
        assert_eq!(message(loss, &[0.0, 0.3, 1.0]), Ok(()));
        assert!(message(loss, &[0.0, 1.1]).is_err());
        assert!(message(loss, &[-0.1, 1.0]).is_err());
    }
    assert_eq!(message(&SquaredError, &[-1e9, 1e9]), Ok(()));
}

#[test]
fn settings_outside_their_range_are_refused() {
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let huber: &dyn Loss<f64> = &Huber::new(bad);
        assert!(matches!(huber.check(), Err(Error::InvalidSetting { .. })));
        let relative: &dyn Loss<f64> = &RelativeL2 { epsilon: bad };
        assert!(matches!(
            relative.check(),
            Err(Error::InvalidSetting { .. })
        ));
    }
    for bad in [f64::NAN, f64::INFINITY, 1.0, 0.0, -0.1] {
        let pinball: &dyn Loss<f64> = &Pinball::new([0.5, bad]);
        let error = pinball.check().unwrap_err().to_string();
        assert!(
            error.starts_with("quantile of the pinball loss: "),
            "{error}"
        );
    }
    for bad in [1e-300, 1.0 - 1e-9] {
        assert!(Loss::<f32>::check(&Pinball::new([bad])).is_err());
        assert!(Loss::<f64>::check(&Pinball::new([bad])).is_ok());
    }
    let empty: &dyn Loss<f64> = &Pinball::new([]);
    assert!(matches!(empty.check(), Err(Error::Empty { .. })));
    for bad in [f64::NAN, f64::INFINITY, 1.1, -0.1] {
        let normal: &dyn Loss<f64> = &GaussianNll::new(bad);
        let expected = format!("GaussianNll's beta: expected 0 to 1, got {bad}");
        assert_eq!(normal.check().unwrap_err().to_string(), expected);
    }
    for bad in [f64::NAN, f64::INFINITY, 1.0, -0.1] {
        let losses: [&dyn Loss<f64>; 3] = [
            &Smoothed::new(BinaryCrossEntropy, bad),
            &Smoothed::new(SoftmaxCrossEntropy, bad),
            &PerOutput(Smoothed::new(SoftmaxCrossEntropy, bad)),
        ];
        for loss in losses {
            let message = loss.check().unwrap_err().to_string();
            let expected = format!("label smoothing: expected at least 0 and below 1, got {bad}");
            assert_eq!(message, expected);
        }
    }
    for smoothing in [0.0, 0.1] {
        let loss: &dyn Loss<f64> = &Smoothed::new(BinaryCrossEntropy, smoothing);
        assert_eq!(loss.check(), Ok(()));
    }
    assert!(Loss::<f32>::check(&RelativeL2::default()).is_ok());
    assert!(Loss::<f32>::check(&PerOutput(Huber::default())).is_ok());
}
