//! Checks that models and scalers take rows as if these had been copied.

use feedforward::activation::{Identity, Tanh};
use feedforward::folds::select;
use feedforward::{
    ClassWeights, Classifier, Error, Mlp, MultilabelClassifier, Regressor, Scaler, Trainer,
};
use feedforward::{optimizer::Adam, train::Validation};

/// Rows out of order, one of them twice.
const ROWS: [usize; 30] = [
    59, 3, 4, 4, 8, 9, 10, 12, 13, 15, 20, 21, 22, 25, 28, 29, 30, 31, 33, 35, 37, 38, 40, 44, 46,
    47, 50, 52, 55, 57,
];

/// Inputs of 60 samples. Those that are not selected are NaN.
fn inputs() -> Vec<f64> {
    let inputs = (0..120).map(|i| {
        let is_used = ROWS.contains(&(i / 2));
        if is_used {
            (i as f64 * 0.7).sin()
        } else {
            f64::NAN
        }
    });
    inputs.collect()
}

/// Labels of 60 samples. Those that are not selected are no class.
fn labels() -> Vec<&'static str> {
    let label = |i| {
        if ROWS.contains(&i) {
            ["low", "middle", "high", "low", "low"][i % 5]
        } else {
            "none"
        }
    };
    (0..60).map(label).collect()
}

fn trainer<L: feedforward::loss::Loss<f64> + 'static>(loss: L) -> Trainer<f64> {
    Trainer::new(loss, Adam::new(0.02))
        .batch_size(8)
        .epochs(5)
        .validation(Validation::split(0.3))
        .early_stopping(0.0, 5)
}

fn copies<V: Clone>(values: &[V], width: usize) -> Vec<V> {
    select(values, width, &ROWS).unwrap()
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn classifiers_learn_rows_as_copies() {
    let (x, y) = (inputs(), labels());
    for weights in [ClassWeights::Equal, ClassWeights::Balanced] {
        let builder = Mlp::builder(2).hidden(8, Tanh).seed(1);
        let model = Classifier::new(builder, ["low", "middle", "high"]).unwrap();
        let mut rows = model.class_weights(weights).unwrap();
        let mut copy = rows.clone();
        let trainer = trainer(rows.loss());
        let history = rows.fit_rows(&trainer, &x, &y, &ROWS).unwrap();
        let (x2, y2) = (copies(&x, 2), copies(&y, 1));
        let expected = copy.fit(&trainer, &x2, &y2).unwrap();
        assert_eq!(format!("{history:?}"), format!("{expected:?}"));
        assert_eq!(bits(rows.network().params()), bits(copy.network().params()));
        let score = rows.score_rows(&x, &y, &ROWS).unwrap();
        assert_eq!(score, copy.score(&x2, &y2).unwrap());
        assert!(score > 0.0);
        // The score is that of the rows, in whichever number.
        let one = rows.score_rows(&x, &y, &ROWS[..1]).unwrap();
        assert_eq!(one, copy.score(&x2[..2], &y2[..1]).unwrap());
    }
}

#[test]
fn multilabel_classifiers_learn_rows_as_copies() {
    let x = inputs();
    let y: Vec<Vec<_>> = (0..60)
        .map(|i| match (ROWS.contains(&i), i % 3) {
            (false, _) => vec!["none"],
            (_, 0) => vec![],
            (_, 1) => vec!["left"],
            _ => vec!["left", "right"],
        })
        .collect();
    let builder = Mlp::builder(2).hidden(8, Tanh).seed(1);
    let mut rows = MultilabelClassifier::new(builder, ["left", "right"]).unwrap();
    let (mut copy, trainer) = (rows.clone(), trainer(rows.loss()));
    let history = rows.fit_rows(&trainer, &x, &y, &ROWS).unwrap();
    let (x2, y2) = (copies(&x, 2), copies(&y, 1));
    let expected = copy.fit(&trainer, &x2, &y2).unwrap();
    assert_eq!(format!("{history:?}"), format!("{expected:?}"));
    assert_eq!(bits(rows.network().params()), bits(copy.network().params()));
    let score = rows.score_rows(&x, &y, &ROWS).unwrap();
    assert_eq!(score, copy.score(&x2, &y2).unwrap());
    assert!(score > 0.0);
}

#[test]
fn regressors_and_scalers_learn_rows_as_copies() {
    let x = inputs();
    let y: Vec<_> = x.iter().map(|x| 900.0 + 50.0 * x).collect();
    let net = Mlp::builder(2).hidden(8, Tanh).output(2, Identity).seed(1);
    let mut rows = Regressor::new(net.build().unwrap());
    let (mut copy, trainer) = (rows.clone(), trainer(rows.loss()));
    rows.fit_rows(&trainer, &x, &y, &ROWS).unwrap();
    let (x2, y2) = (copies(&x, 2), copies(&y, 2));
    copy.fit(&trainer, &x2, &y2).unwrap();
    assert_eq!(bits(rows.network().params()), bits(copy.network().params()));
    assert_eq!(rows.target_scaler(), copy.target_scaler());
    let score = rows.score_rows(&x, &y, &ROWS).unwrap();
    assert_eq!(score.to_bits(), copy.score(&x2, &y2).unwrap().to_bits());

    let scaler = Scaler::standard_rows(&x, 2, &ROWS).unwrap();
    assert_eq!(scaler, Scaler::standard(&x2, 2).unwrap());
    assert_ne!(scaler, Scaler::standard(&x2[..58], 2).unwrap());
}

/// More rows than a block, so that blocks meet in the middle.
#[test]
fn scores_of_many_rows_run_in_blocks() {
    let width = 5000;
    let net = Mlp::<f32>::builder(width).output(1, Identity).seed(2);
    let model = Classifier::from_network(net.build().unwrap(), [false, true]).unwrap();
    let x: Vec<f32> = (0..3 * width).map(|i| (i as f32).sin()).collect();
    let y = model.predict(&x).unwrap();
    let rows: Vec<usize> = (0..700).map(|i| i * i % 3).collect();
    assert_eq!(model.score_rows(&x, &y, &rows).unwrap(), 1.0);
    let others: Vec<_> = y.iter().map(|label| !label).collect();
    assert_eq!(model.score_rows(&x, &others, &rows).unwrap(), 0.0);
}

#[test]
fn rows_that_do_not_exist_are_errors() {
    let (x, y) = (vec![0.5; 8], ["a", "b", "a", "b"]);
    let builder = || Mlp::builder(2).hidden(4, Tanh).seed(1);
    let mut classifier = Classifier::new(builder(), y).unwrap();
    let mut labels = MultilabelClassifier::new(builder(), y).unwrap();
    let mut regressor = Regressor::new(builder().output(1, Identity).build().unwrap());
    let (lists, numbers) = (y.map(|label| [label]), [1.0; 4]);
    let mut errors = |rows: &[usize]| {
        let losses = (classifier.loss(), labels.loss(), regressor.loss());
        [
            Scaler::standard_rows(&x, 2, rows).unwrap_err(),
            (classifier.fit_rows(&trainer(losses.0), &x, &y, rows)).unwrap_err(),
            classifier.score_rows(&x, &y, rows).unwrap_err(),
            (labels.fit_rows(&trainer(losses.1), &x, &lists, rows)).unwrap_err(),
            labels.score_rows(&x, &lists, rows).unwrap_err(),
            (regressor.fit_rows(&trainer(losses.2), &x, &numbers, rows)).unwrap_err(),
            regressor.score_rows(&x, &numbers, rows).unwrap_err(),
        ]
    };
    for error in errors(&[1, 4]) {
        assert_eq!(error.to_string(), "row index: expected below 4, got 4");
        assert!(matches!(error, Error::OutOfBounds { index: 4, .. }));
    }
    for error in errors(&[]) {
        assert!(
            matches!(
                error,
                Error::Empty {
                    what: "row indices"
                }
            ),
            "{error}"
        );
    }

    // Bad values are named by their row in the data.
    let mut bad = x.clone();
    bad[7] = f64::NAN;
    let error = Scaler::standard_rows(&bad, 2, &[1, 3]).unwrap_err();
    let message = "data: expected finite numbers, got NaN at row 3, column 1";
    assert_eq!(error.to_string(), message);
    let error = classifier.score_rows(&bad, &y, &[1, 3]).unwrap_err();
    let message = "inputs: expected finite numbers, got NaN at row 3, column 1";
    assert_eq!(error.to_string(), message);
    let loss = classifier.loss();
    let error = classifier.fit_rows(&trainer(loss), &x, &["a", "b", "a", "c"], &[0, 1, 3]);
    assert!(matches!(error, Err(Error::UnknownLabel { row: 3, .. })));
}
