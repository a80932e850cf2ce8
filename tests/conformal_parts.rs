//! Conformal prediction: exact ranks, values by hand, states from their parts, and errors.

use feedforward::Error;
use feedforward::conformal::{
    ClassConformal, CrossConformal, QuantileConformal, SetScore, SplitConformal,
};

/// Returns the rank that a level selects out of n scores, `None` if it exceeds n.
fn rank(level: f64, scores: usize) -> Option<usize> {
    let all: Vec<f64> = (1..=scores).map(|score| score as f64).collect();
    let margin = SplitConformal::from_scores(all, false).unwrap();
    let margin = margin.margin(level).unwrap();
    margin.is_finite().then_some(margin as usize)
}

/// In floating point, 10 · 0.9 is exact by luck, but 0.9 itself is above 9/10.
#[test]
fn ranks_are_those_of_decimal_numbers() {
    for percent in 1..100_usize {
        let level: f64 = format!("0.{percent:02}").parse().unwrap();
        for scores in (1..110).chain([199, 200, 999, 1000]) {
            let expected = ((scores + 1) * percent).div_ceil(100);
            let expected = (expected <= scores).then_some(expected);
            assert_eq!(rank(level, scores), expected, "{level}, {scores} scores");
        }
    }
    for (level, scores) in [(0.9, 9), (0.95, 19), (0.99, 99), (0.999, 999)] {
        assert_eq!(rank(level, scores), Some(scores));
        assert_eq!(rank(level, scores - 1), None);
    }
    assert_eq!(rank(1.0 / 3.0, 2), Some(1));
    assert_eq!(rank(1.0 - 0.1, 9), Some(9));
    assert_eq!(rank(1e-300, 5), Some(1));
    assert_eq!(rank(1.0 - f64::EPSILON, 100_000), None);
}

/// The quantiles of a row may cross or be so far apart that a margin makes them cross.
#[test]
fn quantiles_that_cross_make_valid_intervals() {
    let conformal = QuantileConformal::new(&[1.0; 4], &[0.0; 4], &[0.5, 1.5, 0.5, 0.5]).unwrap();
    assert_eq!(conformal.scores(), [-0.5, -0.5, -0.5, 0.5]);
    let (lower, upper) = conformal.intervals(&[3.0, 0.0], &[2.0, 0.5], 0.6).unwrap();
    assert_eq!((lower, upper), (vec![2.5, 0.25], vec![2.5, 0.25]));
}

/// Ties are broken by the number of the class, in calibration and in sets.
#[test]
fn adaptive_sets_by_hand() {
    let p = [0.25, 0.25, 0.5, 0.5, 0.25, 0.25];
    let conformal = ClassConformal::new(SetScore::Aps, &p, &[0, 2], 3).unwrap();
    assert_eq!(conformal.scores(), [vec![0.75, 1.0]]);
    assert_eq!(
        conformal.sets(&p, 0.3).unwrap(),
        [true, false, true, true, true, false]
    );
    // The first class exceeds the margin, but stays.
    let sure = conformal.sets(&[0.125, 0.875, 0.0], 0.3).unwrap();
    assert_eq!(sure, [false, true, false]);
}

#[test]
fn states_can_be_restored_from_their_parts() {
    let x: Vec<f64> = (0..30).map(|row| f64::from(row * 7 % 30)).collect();
    let t: Vec<f64> = (0..30).map(|row| f64::from(row * 11 % 31)).collect();
    let deviations = vec![0.5; 30];
    for split in [
        SplitConformal::new(&x, &t).unwrap(),
        SplitConformal::normalized(&x, &deviations, &t).unwrap(),
    ] {
        let again = SplitConformal::from_scores(split.scores(), split.is_normalized());
        assert_eq!(again, Ok(split));
    }
    let folds: Vec<_> = (0..30).map(|row| row % 4).collect();
    let cross = CrossConformal::new(&x, &t, &folds).unwrap();
    let again = CrossConformal::from_residuals(cross.residuals().to_vec());
    assert_eq!(again, Ok(cross));
    let (l, u): (Vec<_>, Vec<_>) = x.iter().map(|x| (x - 2.0, x + 0.5)).unzip();
    for quantiles in [
        QuantileConformal::new(&l, &u, &t).unwrap(),
        QuantileConformal::asymmetric(&l, &u, &t).unwrap(),
    ] {
        let upper = quantiles.upper_scores().map(<[f64]>::to_vec);
        let again = QuantileConformal::from_scores(quantiles.scores(), upper);
        assert_eq!(again, Ok(quantiles));
    }
    let p: Vec<f64> = t.iter().map(|t| t / 31.0).collect();
    let classes: Vec<_> = (0..15).map(|row| row % 2).collect();
    for sets in [
        ClassConformal::new(SetScore::Aps, &p, &classes, 2).unwrap(),
        ClassConformal::per_class(SetScore::Lac, &p, &classes, 2).unwrap(),
    ] {
        let parts = (sets.score(), sets.classes(), sets.scores().to_vec());
        assert_eq!(
            ClassConformal::from_scores(parts.0, parts.1, parts.2),
            Ok(sets)
        );
    }
}

fn message<R: std::fmt::Debug>(result: Result<R, Error>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn levels_outside_their_range_are_errors() {
    let split = SplitConformal::new(&[1.0, 2.0], &[1.5, 2.5]).unwrap();
    let normalized = SplitConformal::normalized(&[1.0], &[2.0], &[3.0]).unwrap();
    let quantile = QuantileConformal::new(&[1.0], &[2.0], &[3.0]).unwrap();
    let cross = CrossConformal::new(&[1.0, 2.0], &[1.0, 2.0], &[1, 0]).unwrap();
    let sets = ClassConformal::new(SetScore::Lac, &[0.5, 0.5], &[1], 2).unwrap();
    for level in [0.0, 1.0, -1.0, 2.0, f64::NAN, f64::INFINITY] {
        let expected = format!("level: expected above 0 and below 1, got {level}");
        assert_eq!(message(split.margin(level)), expected);
        assert_eq!(message(split.intervals(&[1.0], level)), expected);
        assert_eq!(
            message(normalized.normalized_intervals(&[1.0], &[1.0], level)),
            expected
        );
        assert_eq!(message(quantile.intervals(&[1.0], &[1.0], level)), expected);
        assert_eq!(message(cross.intervals(&[1.0, 1.0], level)), expected);
        assert_eq!(
            message(cross.minmax_intervals(&[1.0, 1.0], level)),
            expected
        );
        assert_eq!(message(sets.sets(&[1.0, 0.0], level)), expected);
    }
}

#[test]
fn wrong_arguments_are_errors() {
    let (nan, no) = (f64::NAN, [0.0_f64; 0]);
    let split = SplitConformal::new(&[1.0, 2.0], &[1.5, 2.5]).unwrap();
    let normalized = SplitConformal::normalized(&[1.0], &[2.0], &[3.0]).unwrap();
    let quantile = QuantileConformal::new(&[1.0], &[2.0], &[3.0]).unwrap();
    let cross = CrossConformal::new(&[1.0, 2.0], &[1.0, 2.0], &[1, 0]).unwrap();
    for (got, expected) in [
        (
            message(SplitConformal::new(&no, &no)),
            "predictions: expected at least one, got none",
        ),
        (
            message(SplitConformal::new(&[1.0, 2.0], &[1.0])),
            "targets: expected 2 values, got 1",
        ),
        (
            message(SplitConformal::new(&[1.0, nan], &[1.0, 2.0])),
            "predictions: expected finite numbers, got NaN at row 1",
        ),
        (
            message(SplitConformal::new(&[f32::MAX], &[f32::MIN])),
            "conformity scores: expected finite numbers, got inf at index 0",
        ),
        (
            message(SplitConformal::from_scores(no, false)),
            "conformity scores: expected at least one, got none",
        ),
        (
            message(SplitConformal::from_scores([1.0, nan], false)),
            "conformity scores: expected finite numbers, got NaN at index 1",
        ),
        (
            message(SplitConformal::normalized(&[1.0], &[0.0], &[1.0])),
            "standard deviation: expected a finite number above 0, got 0 at row 0",
        ),
        (
            message(split.normalized_intervals(&[1.0], &[1.0], 0.5)),
            "conformity scores: expected scores of `normalized`, got scores without deviations",
        ),
        (
            message(normalized.intervals(&[1.0], 0.5)),
            "conformity scores: expected scores without deviations, got scores of `normalized`",
        ),
        (
            message(normalized.normalized_intervals(&[1.0], &[1.0, 1.0], 0.5)),
            "standard deviations: expected 1 values, got 2",
        ),
        (
            message(QuantileConformal::new(&[1.0], &[1.0, 2.0], &[1.0])),
            "upper quantiles: expected 1 values, got 2",
        ),
        (
            message(QuantileConformal::from_scores([1.0], Some(vec![1.0, 2.0]))),
            "conformity scores of upper ends: expected 1 values, got 2",
        ),
        (
            message(quantile.intervals(&[nan], &[1.0], 0.5)),
            "lower quantiles: expected finite numbers, got NaN at row 0",
        ),
        (
            message(CrossConformal::new(&[1.0, 2.0], &[1.0, 2.0], &[0])),
            "folds of the rows: expected 2 values, got 1",
        ),
        (
            message(CrossConformal::new(
                &[1.0, 2.0],
                &[1.0, 2.0],
                &[0, usize::MAX],
            )),
            "residuals of a fold: expected a row in each fold, got none",
        ),
        (
            message(CrossConformal::new(&[1.0; 3], &[2.0; 3], &[0, 2, 2])),
            "residuals of a fold: expected a row in each fold, got none",
        ),
        (
            message(CrossConformal::<f64>::from_residuals(vec![])),
            "folds: expected at least one, got none",
        ),
        (
            message(cross.intervals(&[1.0, 2.0, 3.0], 0.5)),
            "predictions of the folds' models: expected one or more rows of 2 values, got 3 values",
        ),
        (
            message(cross.minmax_intervals(&[1.0, nan], 0.5)),
            "predictions of the folds' models: expected finite numbers, got NaN at row 0, column 1",
        ),
    ] {
        assert_eq!(got, expected);
    }
}

#[test]
fn wrong_classes_are_errors() {
    let sets = ClassConformal::new(SetScore::Lac, &[0.5, 0.5], &[1], 2).unwrap();
    for (got, expected) in [
        (
            message(ClassConformal::new(SetScore::Aps, &[1.0], &[0], 1)),
            "classes: expected at least 2, got 1",
        ),
        (
            message(ClassConformal::new(SetScore::Aps, &[0.5, 1.5], &[0], 2)),
            "probability: expected 0 to 1, got 1.5 at row 0, column 1",
        ),
        (
            message(ClassConformal::per_class(
                SetScore::Aps,
                &[0.5, 0.5],
                &[2],
                2,
            )),
            "expected class: expected below 2, got 2 at row 0",
        ),
        (
            message(ClassConformal::per_class(SetScore::Lac, &[0.5; 4], &[0], 2)),
            "expected classes: expected 2 values, got 1",
        ),
        (
            message(ClassConformal::from_scores(
                SetScore::Lac,
                3,
                vec![vec![0.5]; 2],
            )),
            "lists of conformity scores: expected 1 or 3, got 2",
        ),
        (
            message(sets.sets(&[0.5, f64::NAN], 0.5)),
            "probability: expected 0 to 1, got NaN at row 0, column 1",
        ),
    ] {
        assert_eq!(got, expected);
    }
    let huge = ClassConformal::per_class(SetScore::Lac, &[0.5, 0.5], &[0], usize::MAX);
    assert!(matches!(huge, Err(Error::Rows { .. })));
}
