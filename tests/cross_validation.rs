//! Checks cross-validation against plain loops, and its errors.

use std::sync::atomic::{AtomicUsize, Ordering};

use feedforward::activation::{Identity, Tanh};
use feedforward::folds::{
    KFold, ShuffleSplit, Split, Splitter, StratifiedKFold, TimeSeriesSplit, cross_val_predict,
    cross_validate, select,
};
use feedforward::{Error, Mlp, Result, Samples, Trainer, loss::SquaredError, optimizer::Adam};

/// Inputs and targets of a plain network.
fn data() -> (Vec<f64>, Vec<f64>) {
    let x: Vec<f64> = (0..60).map(|i| (f64::from(i) * 0.7).sin()).collect();
    let y = x.iter().map(|x| x * x).collect();
    (x, y)
}

/// Trains a plain network on rows, without copies.
fn train(rows: &[usize]) -> Result<Mlp<f64>> {
    let (x, y) = data();
    let mut net = Mlp::builder(1)
        .hidden(8, Tanh)
        .output(1, Identity)
        .build()?;
    let trainer = Trainer::new(SquaredError, Adam::new(0.02)).epochs(20);
    trainer.fit_with(&mut net, &Samples::new(&x, &y).rows(rows), |_, _| {
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(net)
}

fn predict(net: &Mlp<f64>, rows: &[usize]) -> Result<Vec<f64>> {
    net.predict(&select(&data().0, 1, rows)?)
}

/// Folds on several threads have the bits of a plain loop.
#[test]
fn folds_run_in_parallel_with_identical_bits() {
    let folds = KFold::new(60, 7).unwrap().shuffled(3);
    let targets = data().1;
    let error = |net: &Mlp<f64>, rows: &[usize]| {
        let expected = select(&targets, 1, rows)?;
        feedforward::metrics::mean_squared_error(&predict(net, rows)?, &expected, 1)
    };
    let result = cross_validate(&folds, train, error).unwrap();
    let predictions = cross_val_predict(&folds, train, predict).unwrap();
    assert_eq!(
        (result.models.len(), result.scores.len(), predictions.len()),
        (7, 7, 60)
    );
    for (fold, split) in folds.folds().unwrap().iter().enumerate() {
        let net = train(&split.training).unwrap();
        assert_eq!(result.models[fold].params(), net.params());
        assert_eq!(result.scores[fold], error(&net, &split.held_out).unwrap());
        let expected = predict(&net, &split.held_out).unwrap();
        assert_eq!(select(&predictions, 1, &split.held_out).unwrap(), expected);
    }
    let seconds = result.fit_seconds.iter().chain(&result.score_seconds);
    assert!(seconds.clone().count() == 14 && seconds.clone().all(|&s| s >= 0.0));
}

#[test]
fn mean_and_deviation() {
    let score = |(): &(), rows: &[usize]| Ok(rows[0] as f64);
    let result = cross_validate(&KFold::new(6, 3).unwrap(), |_| Ok(()), score).unwrap();
    assert_eq!(result.scores, [0.0, 2.0, 4.0]);
    assert_eq!((result.mean(), result.deviation()), (2.0, 2.0));
    // A splitter behind a pointer, and a single fold.
    let one: Box<dyn Splitter> = Box::new(ShuffleSplit::new(10, 1, 0.5, 0).unwrap());
    let result = cross_validate(&*one, |_| Ok(()), |(), _| Ok(1.0)).unwrap();
    assert!(result.mean() == 1.0 && result.deviation().is_nan());
}

#[test]
fn predictions_have_any_type_and_width() {
    let folds = StratifiedKFold::new(&["a", "b", "a", "b", "a", "a"], 2).unwrap();
    let labels = |_: &usize, rows: &[usize]| {
        let text = |row: &usize| [format!("{row}"), format!("{row}!")];
        Ok(rows.iter().flat_map(text).collect())
    };
    let predictions = cross_val_predict(&folds, |rows| Ok(rows.len()), labels).unwrap();
    assert_eq!(predictions.len(), 12);
    for (row, pair) in predictions.chunks(2).enumerate() {
        assert_eq!(pair, [format!("{row}"), format!("{row}!")]);
    }
}

/// A splitter with any rows.
#[derive(Debug)]
struct Given(usize, Vec<Vec<usize>>);

impl Splitter for Given {
    fn rows(&self) -> usize {
        self.0
    }
    fn count(&self) -> usize {
        self.1.len()
    }
    fn fold(&self, fold: usize) -> Result<Split> {
        Ok(Split::from_rows([], self.1[fold].iter().copied()))
    }
}

/// A splitter that trains on all rows.
#[derive(Debug)]
struct OnTraining(KFold);

impl Splitter for OnTraining {
    fn rows(&self) -> usize {
        self.0.rows()
    }
    fn count(&self) -> usize {
        self.0.count()
    }
    fn fold(&self, fold: usize) -> Result<Split> {
        Ok(Split::from_rows(
            0..self.rows(),
            self.0.fold(fold)?.held_out,
        ))
    }
}

#[test]
fn wrong_folds_and_functions_are_errors() {
    let fits = AtomicUsize::new(0);
    let fit = |_: &[usize]| {
        fits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    };
    let text = |splitter: &dyn Splitter| {
        let predict = |(): &(), rows: &[usize]| Ok(rows.to_vec());
        cross_val_predict(splitter, fit, predict)
            .unwrap_err()
            .to_string()
    };
    let what = "folds of out-of-fold predictions: expected each row held out once, got";
    let series = TimeSeriesSplit::new(10, 3).unwrap();
    assert_eq!(text(&series), format!("{what} no fold for row 0"));
    assert_eq!(
        text(&Given(3, vec![vec![0, 1], vec![1]])),
        format!("{what} row 1 twice")
    );
    assert_eq!(
        text(&Given(3, vec![vec![0, 3]])),
        format!("{what} row 3 of 3 rows")
    );
    assert_eq!(
        text(&Given(0, vec![])),
        "folds: expected at least one, got none"
    );
    assert_eq!(
        fits.load(Ordering::Relaxed),
        0,
        "the check precedes training"
    );
    assert!(text(&Given(usize::MAX, vec![])).starts_with("rows: expected"));
    let none = cross_validate(&Given(3, vec![]), fit, |(), _| Ok(0.0));
    assert_eq!(none.unwrap_err(), Error::Empty { what: "folds" });

    // A fold that holds out nothing needs no predictions.
    let splitter = Given(2, vec![vec![], vec![1, 0]]);
    let rows = cross_val_predict(&splitter, fit, |(), rows| Ok(rows.to_vec()));
    assert_eq!(rows.unwrap(), [0, 1]);
    let folds = KFold::new(5, 2).unwrap();
    for (len, expected) in [
        (
            0,
            "predictions of a fold: expected 1 for each of the 3 rows of fold 0, got 0",
        ),
        (
            1,
            "predictions of a fold: expected 1 for each of the 3 rows of fold 0, got 1",
        ),
        (
            6,
            "predictions of a fold: expected 2 for each of the 2 rows of fold 1, got 6",
        ),
    ] {
        let result = cross_val_predict(&folds, fit, |(), _| Ok(vec![0; len]));
        assert_eq!(result.unwrap_err().to_string(), expected);
    }
    // A fold that trains on its held-out rows.
    let same = OnTraining(KFold::new(4, 2).unwrap());
    let expected = "held-out rows: expected rows that the fold does not train on, each once, got \
                    training row 0 in fold 0";
    let error = cross_validate(&same, fit, |(), _| Ok(0.0)).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(text(&same), expected);
    // Of several errors, the first fold's counts.
    let fail = |rows: &[usize]| select(&[0.0], 1, &[rows[0] + 1]);
    for _ in 0..20 {
        let error = cross_validate(&folds, fail, |_, _| Ok(0.0)).unwrap_err();
        assert_eq!(error.to_string(), "row: expected below 1, got 4");
    }
}
