//! Compares metrics with `tests/fixtures/metrics`, and checks their errors.

use std::sync::Arc;

use feedforward::activation::Tanh;
use feedforward::metrics::{
    AveragePrecision, BalancedAccuracy, Brier, ConfusionMatrix, F1, MatthewsCorrelation, Pinball,
    RocAuc, Score, average_precision, brier_score, expected_calibration_error, gaussian_crps,
    interval_score, mean_absolute_percentage_error, pinball_loss, roc_auc, roc_curve,
};
use feedforward::{Classifier, Mlp, Trainer, optimizer::Adam, train::Validation};
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../fixtures/metrics/metrics.json")).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    list(value).iter().map(number).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    let index = |value: &Value| value.as_u64().unwrap() as usize;
    list(value).iter().map(index).collect()
}

fn weights(case: &Value) -> Option<Vec<f64>> {
    case["weights"]
        .as_array()
        .map(|_| numbers(&case["weights"]))
}

#[track_caller]
fn assert_close(got: f64, expected: &Value, name: &Value) {
    let expected = number(expected);
    let tolerance = 1e-12 * (1e-3 + expected.abs());
    assert!(
        (got - expected).abs() <= tolerance,
        "{name}: {got}, expected {expected}"
    );
}

#[test]
fn rankings() {
    for case in list(&fixture()["rankings"]) {
        let name = &case["name"];
        let (scores, labels) = (numbers(&case["scores"]), indices(&case["labels"]));
        let expected: Vec<bool> = labels.iter().map(|&label| label == 1).collect();
        let targets: Vec<f64> = labels.iter().map(|&label| label as f64).collect();
        let weights = weights(case);
        let area = RocAuc.score(&scores, &targets, 1, weights.as_deref());
        assert_close(area, &case["roc_auc"], name);
        let precision = AveragePrecision.score(&scores, &targets, 1, weights.as_deref());
        assert_close(precision, &case["average_precision"], name);
        if weights.is_some() {
            continue;
        }
        assert_eq!(roc_auc(&scores, &expected).unwrap(), area, "{name}");
        assert_eq!(
            average_precision(&scores, &expected).unwrap(),
            precision,
            "{name}"
        );
        let curve = roc_curve(&scores, &expected).unwrap();
        let rates = list(&case["fpr"]).iter().zip(list(&case["tpr"]));
        assert_eq!(curve.len(), rates.len(), "{name}");
        for (point, (fpr, tpr)) in curve.iter().zip(rates) {
            assert_close(point.false_positive_rate, fpr, name);
            assert_close(point.true_positive_rate, tpr, name);
        }
        assert_eq!(curve[0].threshold, f64::INFINITY);
        let thresholds: Vec<f64> = curve[1..].iter().map(|point| point.threshold).collect();
        assert_eq!(thresholds, numbers(&case["thresholds"]), "{name}");
    }
}

#[test]
fn rankings_of_several_outputs() {
    let case = &fixture()["ranking_columns"];
    let (outputs, targets) = (numbers(&case["outputs"]), numbers(&case["targets"]));
    let weights = weights(case);
    let scores: [(&dyn Score<f64>, &str); 2] = [
        (&RocAuc, "roc_auc"),
        (&AveragePrecision, "average_precision"),
    ];
    for (score, name) in scores {
        let name = Value::from(name);
        let plain = score.score(&outputs, &targets, 3, None);
        assert_close(plain, &case[name.as_str().unwrap()], &name);
        let weighted = score.score(&outputs, &targets, 3, weights.as_deref());
        assert_close(
            weighted,
            &case[format!("{}_weights", name.as_str().unwrap())],
            &name,
        );
    }
}

/// A time that grew with the square of the number of samples would be hours.
#[test]
fn rankings_of_many_samples() {
    for rows in [7, 1537, 200_000] {
        let hash = |i: usize| (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        for ties in [1, 1000, 10_000_000] {
            let scores: Vec<f64> = (0..rows).map(|i| (hash(i) / ties) as f64 - 5.0).collect();
            let expected: Vec<bool> = (0..rows).map(|i| hash(i * 3 + 1) % 3 == 0).collect();
            let targets: Vec<f64> = expected
                .iter()
                .map(|&yes| f64::from(u8::from(yes)))
                .collect();
            if rows < 10_000 {
                let of = |class| {
                    let pairs = scores.iter().zip(&expected);
                    pairs
                        .filter(move |pair| *pair.1 == class)
                        .map(|pair| *pair.0)
                };
                let order = |a: f64, b| {
                    if a == b {
                        0.5
                    } else {
                        f64::from(u8::from(a > b))
                    }
                };
                let won: f64 = of(true)
                    .flat_map(|a| of(false).map(move |b| order(a, b)))
                    .sum();
                let pairs = (of(true).count() * of(false).count()) as f64;
                assert_eq!(roc_auc(&scores, &expected).unwrap(), won / pairs);
            }
            assert_eq!(
                RocAuc.score(&scores, &targets, 1, None),
                roc_auc(&scores, &expected).unwrap(),
                "{rows} {ties}"
            );
            assert_eq!(
                AveragePrecision.score(&scores, &targets, 1, None),
                average_precision(&scores, &expected).unwrap(),
                "{rows} {ties}"
            );
            let single: Vec<f32> = scores.iter().map(|&score| score as f32).collect();
            assert_eq!(
                roc_auc(&single, &expected).unwrap(),
                roc_auc(&scores, &expected).unwrap()
            );
        }
    }
}

#[test]
fn predicted_classes() {
    for case in list(&fixture()["classes"]) {
        let name = &case["name"];
        let (logits, labels) = (numbers(&case["logits"]), indices(&case["labels"]));
        let width = case["width"].as_u64().unwrap() as usize;
        let targets: Vec<f64> = if width == 1 {
            labels.iter().map(|&label| label as f64).collect()
        } else {
            let one = |label: usize| (0..width).map(move |k| f64::from(u8::from(k == label)));
            labels.iter().flat_map(|&label| one(label)).collect()
        };
        let weights = weights(case);
        let of = |score: &dyn Score<f64>| score.score(&logits, &targets, width, weights.as_deref());
        assert_close(of(&F1), &case["f1"], name);
        assert_close(of(&BalancedAccuracy), &case["balanced_accuracy"], name);
        assert_close(
            of(&MatthewsCorrelation),
            &case["matthews_correlation"],
            name,
        );
        assert_close(-of(&Brier), &case["brier"], name);
        if weights.is_none() {
            let matrix = ConfusionMatrix::new(&indices(&case["predicted"]), &labels).unwrap();
            assert_close(matrix.balanced_accuracy(), &case["balanced_accuracy"], name);
            assert_close(
                matrix.matthews_correlation(),
                &case["matthews_correlation"],
                name,
            );
            let probabilities = numbers(&case["probabilities"]);
            let classes = probabilities.len() / labels.len();
            let got = brier_score(&probabilities, &labels, classes).unwrap();
            assert_close(got, &case["brier"], name);
        }
    }
}

#[test]
fn calibration() {
    for case in list(&fixture()["calibration"]) {
        let (p, labels) = (numbers(&case["probabilities"]), indices(&case["labels"]));
        let [classes, bins] = ["classes", "bins"].map(|k| case[k].as_u64().unwrap() as usize);
        let got = expected_calibration_error(&p, &labels, classes, bins).unwrap();
        assert_close(got, &case["expected"], &case["bins"]);
    }
}

#[test]
fn errors_of_numbers() {
    let fixture = &fixture()["numbers"];
    for case in list(&fixture["cases"]) {
        let (outputs, targets) = (numbers(&case["outputs"]), numbers(&case["targets"]));
        let width = case["width"].as_u64().unwrap() as usize;
        let got = mean_absolute_percentage_error(&outputs, &targets, width).unwrap();
        assert_close(got, &case["mape"], &case["width"]);
        for pinball in list(&case["pinball"]) {
            let quantile = number(&pinball["quantile"]);
            let got = pinball_loss(&outputs, &targets, width, quantile).unwrap();
            assert_close(got, &pinball["loss"], &pinball["quantile"]);
            let score = Pinball { quantile };
            assert_eq!(score.score(&outputs, &targets, width, None), -got);
            let weighted = score.score(&outputs, &targets, width, weights(case).as_deref());
            assert_close(-weighted, &pinball["loss_weights"], &pinball["quantile"]);
        }
    }
    let zero = &fixture["zero_targets"];
    let (outputs, targets) = (numbers(&zero["outputs"]), numbers(&zero["targets"]));
    let got = mean_absolute_percentage_error(&outputs, &targets, 1).unwrap();
    assert_close(got, &zero["mape"], &zero["mape"]);
}

#[test]
fn forecasts() {
    let case = &fixture()["forecasts"];
    let of = |key: &str| numbers(&case[key]);
    let got = gaussian_crps(&of("means"), &of("deviations"), &of("targets")).unwrap();
    let expected = number(&case["crps"]);
    // The expected value is an integral, which is less exact.
    assert!((got - expected).abs() < 1e-10, "{got} {expected}");
    let level = number(&case["level"]);
    let got = interval_score(&of("lower"), &of("upper"), &of("targets"), level).unwrap();
    assert_close(got, &case["interval"], &case["level"]);
    // A tiny deviation, whose z overflows, and none at all.
    for deviation in [1e-300, 0.0] {
        assert_eq!(
            gaussian_crps(&[1.0], &[deviation], &[1e300]).unwrap(),
            1e300
        );
        assert!(gaussian_crps(&[1.0], &[deviation], &[1.0]).unwrap() <= deviation);
    }
    assert!(gaussian_crps(&[f64::NAN], &[1.0], &[0.0]).unwrap().is_nan());
    assert!(
        interval_score(&[0.0], &[f64::NAN], &[0.0], 0.5)
            .unwrap()
            .is_nan()
    );
}

#[test]
fn errors_name_what_is_wrong() {
    let text = |result: feedforward::Result<f64>| result.unwrap_err().to_string();
    let (scores, yes, mixed) = ([0.1, 0.2], [true, true], [true, false]);
    let cases = [
        (
            roc_auc::<f64>(&[], &[]),
            "scores: expected at least one, got none",
        ),
        (
            roc_auc(&scores, &yes[..1]),
            "expected classes: expected 2 values, got 1",
        ),
        (
            roc_auc(&scores, &yes),
            "expected classes: expected at least one negative sample, got none",
        ),
        (
            average_precision(&scores, &[false, false]),
            "expected classes: expected at least one positive sample, got none",
        ),
        (
            roc_curve(&[0.1, f64::NAN], &mixed).map(|_| 0.0),
            "score: expected a number other than NaN, got NaN at index 1",
        ),
        (
            brier_score(&[0.5, 0.6], &[0], 2),
            "sum of a row's probabilities: expected 1, got 1.1 at row 0",
        ),
        (
            brier_score(&[0.5, 0.5], &[2], 2),
            "expected class: expected below 2, got 2 at row 0",
        ),
        (
            expected_calibration_error(&[0.5, 0.5], &[1], 2, 0),
            "bins: expected at least 1, got 0",
        ),
        (
            pinball_loss(&scores, &scores, 1, 1.0),
            "quantile: expected above 0 and below 1, got 1",
        ),
        (
            interval_score(&[1.0], &[0.5], &[0.7], 0.9),
            "upper end: expected at least 1, the lower end, got 0.5 at row 0",
        ),
        (
            interval_score(&[1.0], &[1.5], &[0.7], f64::NAN),
            "level: expected above 0 and below 1, got NaN",
        ),
        (
            gaussian_crps(&[0.0; 2], &[1.0, -1.0], &[0.0; 2]),
            "standard deviation: expected a finite number, at least 0, got -1 at row 1",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(text(result), expected);
    }
    assert!(roc_auc(&[f64::NAN, 1.0], &mixed).unwrap().is_nan());
    assert!(
        average_precision(&[f64::NAN, 1.0], &mixed)
            .unwrap()
            .is_nan()
    );
    let too_many = expected_calibration_error(&[0.5, 0.5], &[1], 2, usize::MAX);
    assert!(too_many.is_err());
}

#[test]
fn undefined_scores_are_nan() {
    let all: [&dyn Score<f64>; 7] = [
        &RocAuc,
        &AveragePrecision,
        &F1,
        &BalancedAccuracy,
        &MatthewsCorrelation,
        &Brier,
        &Pinball::default(),
    ];
    let targets = [1.0, 0.0, 0.0, 1.0];
    for score in all {
        for width in [1, 2] {
            assert!(
                score.score(&targets, &targets, width, None).is_finite(),
                "{score:?}"
            );
            for k in 0..4 {
                let mut broken = targets;
                broken[k] = f64::NAN;
                assert!(
                    score.score(&broken, &targets, width, None).is_nan(),
                    "{score:?}"
                );
                assert!(
                    score.score(&targets, &broken, width, None).is_nan(),
                    "{score:?}"
                );
            }
        }
        assert!(
            score.score(&targets, &targets[..2], 1, None).is_nan(),
            "{score:?}"
        );
        assert!(score.score(&[], &[], 1, None).is_nan(), "{score:?}");
        assert!(
            score.score(&targets, &targets, 1, Some(&[1.0])).is_nan(),
            "{score:?}"
        );
        assert!(
            score.score(&targets, &targets, 1, Some(&[0.0; 4])).is_nan(),
            "{score:?}"
        );
    }
    assert!(RocAuc.score(&targets, &[1.0; 4], 1, None).is_nan());
    assert!(
        AveragePrecision
            .score(&targets, &[0.0; 4], 1, None)
            .is_nan()
    );
    assert!(
        Pinball { quantile: 1.5 }
            .score(&targets, &targets, 1, None)
            .is_nan()
    );
    assert_eq!(
        Score::<f64>::name(&Pinball { quantile: 0.9 }),
        "neg_pinball(0.9)"
    );
}

/// Each score can choose the best epoch, and grows as the network learns.
#[test]
fn scores_stop_a_training_run() {
    let x: Vec<f64> = (0..120).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let labels: Vec<u8> = x.iter().map(|&x| u8::from(x > 0.3)).collect();
    let all: [Arc<dyn Score<f64>>; 7] = [
        Arc::new(RocAuc),
        Arc::new(AveragePrecision),
        Arc::new(F1),
        Arc::new(BalancedAccuracy),
        Arc::new(MatthewsCorrelation),
        Arc::new(Brier),
        Arc::new(Pinball { quantile: 0.9 }),
    ];
    for score in all {
        let builder = Mlp::builder(1).hidden(8, Tanh).seed(2);
        let mut model = Classifier::new(builder, [0, 1]).unwrap();
        let trainer = Trainer::new(model.loss(), Adam::new(0.05))
            .validation(Validation::split(0.3).score(Arc::clone(&score)))
            .early_stopping(0.0, 10);
        let history = model.fit(&trainer, &x, &labels).unwrap();
        let first = history.epochs[0].validation_score.unwrap();
        let best = history.best_validation_score().unwrap();
        assert!(
            best.is_finite() && best >= first,
            "{score:?}: {first} {best}"
        );
    }
}
