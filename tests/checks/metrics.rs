//! Compares metrics with scikit-learn, with hand-computed numbers and with their own properties.

use std::sync::Arc;

use feedforward::Error;
use feedforward::metrics::{
    Accuracy, ClassScores, ConfusionMatrix, Link, R2, Score, SubsetAccuracy, accuracy, log_loss,
    mean_absolute_error, mean_squared_error, psnr, r2, root_mean_squared_error,
};
use proptest::prelude::*;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    let all = value.as_array().unwrap();
    all.iter().map(|x| x.as_f64().unwrap()).collect()
}

fn table(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().flat_map(numbers).collect()
}

fn close(got: f64, expected: f64) -> bool {
    (got - expected).abs() <= 1e-12 * (1e-3 + expected.abs())
}

/// Scores of networks that scikit-learn trained, some with weights.
#[test]
fn scores_of_scikit_learn() {
    let fixture: Value =
        serde_json::from_str(include_str!("../fixtures/extra/scores.json")).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    let built_in: [Arc<dyn Score<f64>>; 4] = [
        Arc::new(Accuracy),
        Arc::new(SubsetAccuracy),
        Arc::new(R2::default()),
        Arc::new(R2 { link: Link::Log }),
    ];
    for case in cases {
        let name = case["score"].as_str().unwrap();
        let score = built_in.iter().find(|score| score.name() == name).unwrap();
        let width = case["width"].as_u64().unwrap() as usize;
        let weights = case["weights"]
            .as_array()
            .map(|_| numbers(&case["weights"]));
        let (outputs, targets) = (numbers(&case["outputs"]), numbers(&case["targets"]));
        let got = score.score(&outputs, &targets, width, weights.as_deref());
        let expected = case["expected"].as_f64().unwrap();
        assert!(close(got, expected), "{}: {got}", case["name"]);
        if name == "r2" && weights.is_none() {
            assert_eq!(r2(&outputs, &targets, width).unwrap(), got);
        }
    }
    assert_eq!(cases.len(), 7);
}

#[test]
fn losses_of_scikit_learn() {
    let fixture: Value =
        serde_json::from_str(include_str!("../fixtures/extra/losses.json")).unwrap();
    let fixture = &fixture["sklearn"];
    let value = |case: &Value| case["value"].as_f64().unwrap();

    let case = &fixture["log_loss"];
    let got = log_loss(&table(&case["p"]), &[0, 1, 2], 3).unwrap();
    assert!(close(got, value(case)), "{got}");

    let case = &fixture["binary_log_loss"];
    let yes = table(&case["p"]);
    let both: Vec<_> = yes.iter().flat_map(|&p| [1.0 - p, p]).collect();
    let got = log_loss(&both, &[0, 0, 1, 1], 2).unwrap();
    assert!(close(got, value(case)), "{got}");
    let both: Vec<_> = yes
        .iter()
        .flat_map(|&p| [1.0 - p as f32, p as f32])
        .collect();
    let got = log_loss(&both, &[0, 0, 1, 1], 2).unwrap();
    assert!(
        (got - case["value_f32"].as_f64().unwrap()).abs() < 1e-5,
        "{got}"
    );

    let case = &fixture["half_squared_error"];
    let (outputs, targets) = (table(&case["p"]), table(&case["y"]));
    let got = mean_squared_error(&outputs, &targets, 2).unwrap();
    assert!(close(got, 2.0 * value(case)), "{got}");
}

type Metric = fn(&[f64], &[f64], usize) -> Result<f64, Error>;

/// Targets of two outputs: 1, 2, 3, 6 and 1, 1, 1, 1.
const TARGETS: [f64; 8] = [1.0, 1.0, 2.0, 1.0, 3.0, 1.0, 6.0, 1.0];

#[test]
fn errors_of_several_outputs_are_averaged() {
    let outputs = [1.0, 1.0, 2.0, 1.0, 3.0, 1.0, 2.0, 3.0];
    let of = |f: Metric| f(&outputs, &TARGETS, 2).unwrap();
    assert_eq!(of(mean_absolute_error), 0.75);
    assert_eq!(of(mean_squared_error), 2.5);
    assert_eq!(of(root_mean_squared_error), 1.5);
    // The first output's targets have variance 3.5. The second's are constant and missed.
    assert!(close(of(r2), 0.5 * (1.0 - 4.0 / 3.5)));
    // An exact prediction of constant targets counts as 1.
    let mut met = outputs;
    met[7] = 1.0;
    assert!(close(
        r2(&met, &TARGETS, 2).unwrap(),
        f64::midpoint(1.0 - 4.0 / 3.5, 1.0)
    ));
    // Equal numbers are constant even though the computed mean of three times 0.1 is not 0.1.
    assert_eq!(r2(&[0.2, 0.1, 0.1], &[0.1; 3], 1).unwrap(), 0.0);
}

#[test]
fn weights_count_as_repetitions() {
    let (outputs, targets) = ([1.5, 2.0, 2.5, 7.0], [1.0, 2.0, 3.0, 6.0]);
    let weights = [1.0, 3.0, 0.0, 2.0];
    let repeated = (
        [1.5, 2.0, 2.0, 2.0, 7.0, 7.0],
        [1.0, 2.0, 2.0, 2.0, 6.0, 6.0],
    );
    for link in [Link::Identity, Link::Log] {
        let got = R2 { link }.score(&outputs, &targets, 1, Some(&weights));
        let expected = R2 { link }.score(&repeated.0, &repeated.1, 1, None);
        assert!(close(got, expected), "{got} {expected}");
        let ones = R2 { link }.score(&outputs, &targets, 1, Some(&[1.0; 4]));
        assert_eq!(ones, R2 { link }.score(&outputs, &targets, 1, None));
    }
    let logits = [1.0, -1.0, 1.0, 1.0];
    let labels = [1.0, 1.0, 0.0, 1.0];
    assert_eq!(Accuracy.score(&logits, &labels, 1, Some(&weights)), 0.5);
    // The rows are (1, -1) and (1, 1), with weights 1 and 3.
    let subset = |weights: Option<&[f64]>| SubsetAccuracy.score(&logits, &labels, 2, weights);
    assert_eq!((subset(None), subset(Some(&weights[..2]))), (0.0, 0.0));
    let labels = [1.0, 0.0, 0.0, 1.0];
    let subset = |weights: Option<&[f64]>| SubsetAccuracy.score(&logits, &labels, 2, weights);
    assert_eq!((subset(None), subset(Some(&weights[..2]))), (0.5, 0.25));
}

#[test]
fn borders_of_classes() {
    // A logit of 0 means no. Of equal logits, the first is the predicted class.
    assert_eq!(Accuracy.score(&[0.0, -0.0], &[0.0, 0.5], 1, None), 1.0);
    assert_eq!(
        Accuracy.score(&[2.0, 2.0, 1.0], &[1.0, 0.0, 0.0], 3, None),
        1.0
    );
    assert_eq!(
        Accuracy.score(&[2.0, 2.0, 1.0], &[0.0, 1.0, 0.0], 3, None),
        0.0
    );
    let infinite = [f64::NEG_INFINITY, f64::INFINITY];
    assert_eq!(Accuracy.score(&infinite, &[0.0, 1.0], 2, None), 1.0);
}

#[test]
fn what_is_not_defined_is_nan() {
    let all: [&dyn Score<f64>; 4] = [
        &Accuracy,
        &SubsetAccuracy,
        &R2::default(),
        &R2 { link: Link::Log },
    ];
    let targets = [1.0, 0.0, 0.0, 1.0];
    for score in all {
        for width in [1, 2] {
            let good = score.score(&targets, &targets, width, None);
            assert!(good.is_finite(), "{score:?}");
            for k in 0..4 {
                let mut outputs = targets;
                outputs[k] = f64::NAN;
                let got = score.score(&outputs, &targets, width, None);
                assert!(got.is_nan(), "{score:?}, width {width}, output {k}: {got}");
            }
        }
        // Slices that do not fit, and weights that are all zero.
        assert!(score.score(&targets, &targets, 0, None).is_nan());
        assert!(score.score(&targets, &targets, 3, None).is_nan());
        assert!(score.score(&targets, &targets[..2], 1, None).is_nan());
        assert!(score.score(&[], &[], 1, None).is_nan());
        assert!(score.score(&targets, &targets, 2, Some(&[1.0])).is_nan());
        assert!(score.score(&targets, &targets, 2, Some(&[0.0; 2])).is_nan());
    }
    let r2 = R2::default();
    assert!(r2.score(&[1.0], &[1.0], 1, None).is_nan());
    assert!(
        r2.score(&[f64::INFINITY, 1.0], &[0.0, 1.0], 1, None)
            .is_nan()
    );
    // NaN must also show against constant targets.
    assert!(r2.score(&[f64::NAN, 1.0], &[1.0, 1.0], 1, None).is_nan());
    assert!(
        r2.score(&[f64::NEG_INFINITY, 1.0], &[1.0, 1.0], 1, None)
            .is_nan()
    );
    let rates = R2 { link: Link::Log };
    assert!(rates.score(&[1e3, 1.0], &[0.0, 1.0], 1, None).is_nan());
}

#[test]
fn peak_signal_to_noise_ratio() {
    // The expected value is 20 lg(255 / 5).
    let got = psnr(&[10.0_f32, 20.0], &[15.0, 15.0], 255.0).unwrap();
    assert!(close(got, 34.15140352195873), "{got}");
    assert_eq!(psnr(&[0.5], &[0.5], 1.0).unwrap(), f64::INFINITY);
    for peak in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = psnr(&[0.5], &[0.5], peak).unwrap_err();
        assert!(
            error.to_string().starts_with("peak: expected a finite"),
            "{error}"
        );
    }
}

#[test]
fn unfit_slices_are_errors() {
    let message = |result: Result<f64, Error>| result.unwrap_err().to_string();
    let rows = "outputs: expected one or more rows of 2 values, got 3 values";
    let length = "targets: expected 4 values, got 2";
    for f in [
        r2,
        mean_absolute_error,
        mean_squared_error,
        root_mean_squared_error,
    ] {
        assert_eq!(message(f(&[0.0; 3], &[0.0; 3], 2)), rows);
        assert_eq!(message(f(&[0.0; 4], &[0.0; 2], 2)), length);
        assert!(f(&[], &[], 1).is_err() && f(&[], &[], 0).is_err());
    }
    let one = "samples for R²: expected 2 or more, got 1";
    assert_eq!(message(r2(&[0.0; 2], &[0.0; 2], 2)), one);
    let length = "expected labels: expected 2 values, got 1";
    assert_eq!(message(accuracy(&[1, 2], &[1])), length);
    assert!(accuracy::<u8>(&[], &[]).is_err());
    let matrix = ConfusionMatrix::new(&[1, 2], &[1]).unwrap_err();
    assert_eq!(matrix.to_string(), length);
    assert!(ConfusionMatrix::<u8>::new(&[], &[]).is_err());

    let p = [0.5, 0.5, 0.25, 0.75];
    assert!(log_loss(&p, &[0, 1], 2).is_ok());
    assert!(log_loss(&p, &[0], 2).is_err() && log_loss(&p[..3], &[0, 1], 2).is_err());
    assert_eq!(
        message(log_loss(&p, &[0, 2], 2)),
        "expected class: expected below 2, got 2 at row 1"
    );
    assert_eq!(
        message(log_loss(&[0.5, 0.4], &[0], 2)),
        "sum of a row's probabilities: expected 1, got 0.9 at row 0"
    );
    for wrong in [f64::NAN, -0.1, 1.1] {
        let error = message(log_loss(&[1.0, wrong], &[0], 2));
        assert!(
            error.starts_with("probability: expected 0 to 1, got"),
            "{error}"
        );
    }
}

/// Cat is predicted 4 times, twice correctly. Bird is never predicted, and ant never occurs.
#[test]
fn confusion_by_hand() {
    let expected = ["cat", "cat", "dog", "dog", "dog", "bird"];
    let predicted = ["cat", "cat", "cat", "dog", "ant", "cat"];
    let matrix = ConfusionMatrix::new(&predicted, &expected).unwrap();
    assert_eq!(matrix.classes(), ["ant", "bird", "cat", "dog"]);
    assert_eq!(
        matrix.counts(),
        [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, 0, 1, 1]
    );
    assert_eq!(matrix.count(&"bird", &"cat"), 1);
    assert_eq!(matrix.count(&"cat", &"fish"), 0);
    assert_eq!(matrix.accuracy(), 0.5);
    let class = |precision, recall, f1, support| ClassScores {
        precision,
        recall,
        f1,
        support,
    };
    assert_eq!(
        matrix.per_class(),
        [
            class(0.0, 0.0, 0.0, 0),
            class(0.0, 0.0, 0.0, 1),
            class(0.5, 1.0, 4.0 / 6.0, 2),
            class(1.0, 1.0 / 3.0, 0.5, 3),
        ]
    );
    let mean = matrix.macro_mean();
    assert!(close(mean.precision, 1.5 / 4.0) && close(mean.recall, 1.0 / 3.0));
    assert!(close(mean.f1, (4.0 / 6.0 + 0.5) / 4.0));
    assert_eq!(mean.support, 6);
    let mean = matrix.weighted_mean();
    assert!(close(mean.precision, 4.0 / 6.0) && close(mean.recall, 0.5));
    assert!(close(mean.f1, (2.0 * 4.0 / 6.0 + 3.0 * 0.5) / 6.0));
    assert_eq!(mean.support, 6);
}

/// Columns are as wide as their longest label or count, in characters.
#[test]
fn confusion_as_a_table() {
    let expected = [[1_u8; 12].as_slice(), &[100]].concat();
    let matrix = ConfusionMatrix::new(&expected, &expected).unwrap();
    let lines = "expected \\ predicted   1  100\n\
                 \x20                  1  12    0\n\
                 \x20                100   0    1";
    assert_eq!(matrix.to_string(), lines);
    let long = ["a class of many words", "é"];
    let matrix = ConfusionMatrix::new(&long, &long).unwrap();
    let lines = "\x20expected \\ predicted  a class of many words  é\n\
                 a class of many words                      1  0\n\
                 \x20                   é                      0  1";
    assert_eq!(matrix.to_string(), lines);
}

/// Rows of two outputs, with targets and weights.
fn rows() -> impl Strategy<Value = Vec<([f64; 2], [f64; 2], f64)>> {
    let number = -100.0..100.0;
    let pair = || [number.clone(), number.clone()];
    proptest::collection::vec((pair(), pair(), 0.1..5.0), 2..40)
}

type Columns = (Vec<f64>, Vec<f64>, Vec<f64>);

fn columns(rows: &[([f64; 2], [f64; 2], f64)]) -> Columns {
    (
        rows.iter().flat_map(|row| row.0).collect(),
        rows.iter().flat_map(|row| row.1).collect(),
        rows.iter().map(|row| row.2).collect(),
    )
}

proptest! {
    #[test]
    fn the_order_of_samples_does_not_matter(
        (rows, shuffled) in rows().prop_flat_map(|r| (Just(r.clone()), Just(r).prop_shuffle()))
    ) {
        let (a, b) = (columns(&rows), columns(&shuffled));
        let near = |x: f64, y: f64| (x - y).abs() <= 1e-9 * (1.0 + x.abs());
        for f in [r2, mean_absolute_error, mean_squared_error, root_mean_squared_error] {
            let (x, y) = (f(&a.0, &a.1, 2).unwrap(), f(&b.0, &b.1, 2).unwrap());
            prop_assert!(near(x, y), "{x} {y}");
        }
        let all: [&dyn Score<f64>; 3] = [&Accuracy, &SubsetAccuracy, &R2::default()];
        for score in all {
            let of = |c: &Columns| score.score(&c.0, &c.1, 2, Some(&c.2));
            prop_assert!(near(of(&a), of(&b)), "{score:?}");
        }
    }

    #[test]
    fn scaling_weights_changes_nothing(rows in rows(), factor in 0.1..10.0) {
        let (outputs, targets, weights) = columns(&rows);
        let scaled: Vec<_> = weights.iter().map(|w| w * factor).collect();
        let all: [&dyn Score<f64>; 3] = [&Accuracy, &SubsetAccuracy, &R2::default()];
        for score in all {
            let of = |weights: &[f64]| score.score(&outputs, &targets, 2, Some(weights));
            let (x, y) = (of(&weights), of(&scaled));
            prop_assert!((x - y).abs() <= 1e-9 * (1.0 + x.abs()), "{score:?}: {x} {y}");
        }
    }

    #[test]
    fn r2_of_targets_is_1_and_of_their_mean_0(rows in rows()) {
        let (_, targets, weights) = columns(&rows);
        let score = |outputs: &[f64]| R2::default().score(outputs, &targets, 2, Some(&weights));
        prop_assert_eq!(score(&targets), 1.0);
        let total: f64 = weights.iter().sum();
        let mean = [0, 1].map(|k| {
            weights.iter().zip(targets.chunks(2)).map(|(w, t)| w * t[k]).sum::<f64>() / total
        });
        let got = score(&mean.repeat(weights.len()));
        prop_assert!(got.abs() <= 1e-9, "{got}");
    }

    #[test]
    fn confusion_counts_every_sample_once(
        pairs in proptest::collection::vec((0_u16..6, 0_u16..6), 1..60)
    ) {
        let (predicted, expected): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let matrix = ConfusionMatrix::new(&predicted, &expected).unwrap();
        let (classes, scores) = (matrix.classes(), matrix.per_class());
        prop_assert!(classes.is_sorted_by(|a, b| a < b));
        for (k, class) in classes.iter().enumerate() {
            let count = |labels: &[u16]| labels.iter().filter(|&label| label == class).count();
            let row: usize = classes.iter().map(|p| matrix.count(class, p)).sum();
            let column: usize = classes.iter().map(|e| matrix.count(e, class)).sum();
            prop_assert_eq!((row, column), (count(&expected), count(&predicted)));
            prop_assert_eq!(scores[k].support, row);
            let s = scores[k];
            let harmonic = match s.precision + s.recall {
                0.0 => 0.0,
                sum => 2.0 * s.precision * s.recall / sum,
            };
            prop_assert!((s.f1 - harmonic).abs() < 1e-12);
        }
        prop_assert_eq!(matrix.accuracy(), accuracy(&predicted, &expected).unwrap());
        prop_assert!((matrix.weighted_mean().recall - matrix.accuracy()).abs() < 1e-12);
        // Exchanging expected and predicted classes exchanges precision and recall.
        let turned = ConfusionMatrix::new(&expected, &predicted).unwrap();
        for (a, b) in scores.iter().zip(turned.per_class()) {
            prop_assert_eq!((a.precision, a.recall, a.f1), (b.recall, b.precision, b.f1));
        }
    }
}

/// Targets that differ only by rounding have no variance to explain.
#[test]
fn errors_of_huge_and_tiny_numbers_have_scores() {
    let r2 = |outputs: &[f64], targets: &[f64]| r2(outputs, targets, 1).unwrap();
    for size in [1.0, 1e-300, 1e-170, 1e170, 1e200, 1e307] {
        let targets = [size, 2.0 * size, 3.0 * size];
        let outputs = [size, 2.0 * size, 5.0 * size];
        assert!((r2(&outputs, &targets) + 1.0).abs() < 1e-12, "{size}");
        let rmse = root_mean_squared_error(&outputs, &targets, 1).unwrap();
        assert!(
            (rmse / size - (4.0_f64 / 3.0).sqrt()).abs() < 1e-12,
            "{size}: {rmse}"
        );
    }
    let huge = [1e308, 1e308, -1e308];
    assert!((r2(&[7.0; 3], &huge) + 0.125).abs() < 1e-12);
    assert_eq!(r2(&huge, &huge), 1.0);
    assert_eq!(r2(&[0.0; 2], &[-1e308, 1e308]), 0.0);
    assert_eq!(r2(&[-1e308, 1e308], &[1e308, -1e308]), -3.0);
    assert_eq!(r2(&[0.0, 1e-170], &[1e-170, 0.0]), -3.0);
    assert_eq!(r2(&[1e300, 0.0], &[0.0, 1.0]), f64::NEG_INFINITY);
    assert_eq!(r2(&[1e-300, 1.0], &[0.0, 1.0]), 1.0);
    assert_eq!(
        mean_absolute_error(&huge, &[1e308; 3], 1).unwrap() / 1e308,
        2.0 / 3.0
    );
    assert_eq!(
        root_mean_squared_error(&[1e308], &[-7e307], 1).unwrap(),
        1.7e308
    );
}

#[test]
fn r2_of_targets_that_differ_by_rounding() {
    let targets = [0.3, 0.1 + 0.2, 0.3];
    assert_eq!(r2(&[0.31, 0.3, 0.3], &targets, 1).unwrap(), 0.0);
    assert_eq!(r2(&[0.3, 0.3, 0.3], &targets, 1).unwrap(), 1.0);
    assert_eq!(r2(&targets, &targets, 1).unwrap(), 1.0);
    let single = [1e6_f32, 1e6 * (1.0 + f32::EPSILON), 1e6];
    assert_eq!(r2(&[1e6; 3], &single, 1).unwrap(), 1.0);
    assert_eq!(r2(&[1e6, 1e6, 2e6], &single, 1).unwrap(), 0.0);
    let wide = [0.3, 1.0, 0.1 + 0.2, 2.0, 0.3, 3.0];
    let outputs = [0.3, 1.0, 0.3, 2.0, 0.3, 5.0];
    // The first column scores 1, the second -1.
    assert_eq!(r2(&outputs, &wide, 2).unwrap(), 0.0);
}

/// Any number of columns is allowed, and each has bit-identical results with and without the
/// others.
#[test]
fn columns_are_averaged_whatever_their_number() {
    type Metric = fn(&[f64], &[f64], usize) -> feedforward::Result<f64>;
    for width in [1, 2, 15, 16, 17, 32, 40] {
        let targets: Vec<f64> = (0..width * 20).map(|i| (i as f64).sin()).collect();
        let outputs: Vec<f64> = targets.iter().map(|t| t + 0.1 * (t * 9.0).cos()).collect();
        let column = |values: &[f64], at: usize| -> Vec<f64> {
            values[at..].iter().step_by(width).copied().collect()
        };
        let metrics: [Metric; 4] = [
            r2,
            mean_squared_error,
            root_mean_squared_error,
            mean_absolute_error,
        ];
        for metric in metrics {
            let alone = (0..width)
                .map(|at| metric(&column(&outputs, at), &column(&targets, at), 1).unwrap());
            let expected = alone.sum::<f64>() / width as f64;
            assert_eq!(
                metric(&outputs, &targets, width).unwrap(),
                expected,
                "{width}"
            );
        }
    }
}
