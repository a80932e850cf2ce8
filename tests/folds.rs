//! Compares folds with those of scikit-learn, and checks shuffles and errors.

#[path = "common/json.rs"]
#[allow(dead_code)]
mod json;

use feedforward::Result;
use feedforward::folds::{
    GroupKFold, KFold, ShuffleSplit, Split, Splitter, StratifiedKFold, TimeSeriesSplit, select,
};
use serde_json::Value;

use json::{count, indices, list, number, text};

fn assert_rows(splitter: &dyn Splitter, case: &Value) {
    let expected = list(&case["folds"]);
    let got = splitter.folds().unwrap();
    assert_eq!(
        (splitter.rows(), splitter.count()),
        (count(&case["rows"]), expected.len())
    );
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert_eq!(got.training, indices(&expected["training"]), "{splitter:?}");
        assert_eq!(got.held_out, indices(&expected["held_out"]), "{splitter:?}");
    }
}

#[test]
fn folds_of_scikit_learn() {
    let fixture: Value = serde_json::from_str(include_str!("fixtures/folds/folds.json")).unwrap();
    let mut seen = [0; 4];
    for case in list(&fixture["cases"]) {
        let (rows, folds) = (count(&case["rows"]), count(&case["count"]));
        let labels = || -> Vec<i64> {
            let labels = list(&case["labels"]).iter();
            labels.map(|label| number(label) as i64).collect()
        };
        let kind = match text(&case["kind"]) {
            "KFold" => {
                assert_rows(&KFold::new(rows, folds).unwrap(), case);
                0
            }
            "StratifiedKFold" => {
                assert_rows(&StratifiedKFold::new(&labels(), folds).unwrap(), case);
                1
            }
            "GroupKFold" => {
                assert_rows(&GroupKFold::new(&labels(), folds).unwrap(), case);
                2
            }
            _ => {
                let mut splitter = TimeSeriesSplit::new(rows, folds).unwrap();
                if let Some(gap) = case.get("gap") {
                    splitter = splitter.gap(count(gap));
                }
                if let Some(rows) = case.get("test_size") {
                    splitter = splitter.held_out(count(rows));
                }
                if let Some(rows) = case.get("max_train_size") {
                    splitter = splitter.max_training(count(rows));
                }
                assert_rows(&splitter, case);
                3
            }
        };
        seen[kind] += 1;
    }
    assert!(seen.iter().all(|&cases| cases >= 4), "{seen:?}");
}

/// Checks that each row is held out once, and returns the folds.
fn partition(splitter: &impl Splitter) -> Vec<Split> {
    let folds = splitter.folds().unwrap();
    let mut all: Vec<usize> = Vec::new();
    for split in &folds {
        assert!(split.training.is_sorted() && split.held_out.is_sorted());
        let mut both = [&split.training[..], &split.held_out[..]].concat();
        both.sort_unstable();
        assert!(both.into_iter().eq(0..splitter.rows()));
        all.extend(&split.held_out);
    }
    all.sort_unstable();
    assert!(all.into_iter().eq(0..splitter.rows()));
    folds
}

#[test]
fn shuffled_folds_keep_their_promises() {
    let labels: Vec<usize> = (0..103).map(|i| [0, 0, 0, 1, 1, 2][i * 7 % 6]).collect();
    let count = |rows: &[usize], class| rows.iter().filter(|&&row| labels[row] == class).count();
    for seed in 0..20 {
        let plain = KFold::new(103, 5).unwrap();
        let shuffled = plain.clone().shuffled(seed);
        let sizes = partition(&shuffled)
            .iter()
            .map(|split| split.held_out.len())
            .collect::<Vec<_>>();
        assert_eq!(sizes, [21, 21, 21, 20, 20]);
        assert_ne!(shuffled, plain);
        // Neither the call nor an earlier shuffle matters, only the seed.
        assert_eq!(shuffled, plain.shuffled(seed + 100).shuffled(seed));
        assert_ne!(shuffled, shuffled.clone().shuffled(seed + 1));

        let plain = StratifiedKFold::new(&labels, 5).unwrap();
        let shuffled = plain.clone().shuffled(seed);
        for (a, b) in partition(&plain).iter().zip(&partition(&shuffled)) {
            for class in 0..3 {
                let of_class = labels.iter().filter(|&&label| label == class).count();
                let share = count(&b.held_out, class);
                assert_eq!(count(&a.held_out, class), share);
                assert!([of_class / 5, of_class.div_ceil(5)].contains(&share));
            }
        }
        assert_ne!(shuffled, plain);
        assert_eq!(shuffled, plain.shuffled(seed + 100).shuffled(seed));

        let groups: Vec<usize> = (0..103).map(|i| i * i % 17).collect();
        let plain = GroupKFold::new(&groups, 3).unwrap();
        let shuffled = plain.clone().shuffled(seed);
        for folds in [partition(&plain), partition(&shuffled)] {
            for split in folds {
                let held_out = |row: &usize| groups[*row];
                let training: Vec<usize> = split.training.iter().map(held_out).collect();
                assert!(
                    split
                        .held_out
                        .iter()
                        .all(|row| !training.contains(&groups[*row]))
                );
            }
        }
        assert_eq!(shuffled, plain.shuffled(seed + 100).shuffled(seed));
    }
}

/// A seed is forever.
#[test]
fn shuffles_are_pinned() {
    let labels = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1];
    let groups = [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5];
    let shuffles = ShuffleSplit::new(12, 2, 0.25, 1).unwrap();
    let folds = [
        KFold::new(12, 3).unwrap().shuffled(1).fold(0),
        StratifiedKFold::new(&labels, 3)
            .unwrap()
            .shuffled(1)
            .fold(0),
        GroupKFold::new(&groups, 3).unwrap().shuffled(1).fold(0),
        shuffles.fold(0),
        shuffles.fold(1),
    ];
    let expected: [&[usize]; 5] = [
        &[0, 3, 7, 9],
        &[3, 5, 6, 8],
        &[4, 5, 10, 11],
        &[1, 6, 10],
        &[10, 11, 2],
    ];
    assert_eq!(folds.map(|fold| fold.unwrap().held_out), expected);
}

#[test]
fn quantiles_spread_over_folds() {
    let numbers: Vec<f64> = (0..200).map(|i| f64::from(i * 77 % 200).powi(3)).collect();
    let splitter = StratifiedKFold::by_quantile(&numbers, 10, 5).unwrap();
    for split in partition(&splitter) {
        let mut held_out = select(&numbers, 1, &split.held_out).unwrap();
        held_out.sort_unstable_by(f64::total_cmp);
        // Each tenth of the numbers has four of the forty.
        for (tenth, numbers) in held_out.chunks(4).enumerate() {
            let bounds = [tenth as i32 * 20, tenth as i32 * 20 + 19].map(|i| f64::from(i).powi(3));
            assert!(numbers[0] >= bounds[0] && numbers[3] <= bounds[1]);
        }
    }
    // Numbers that are mostly equal have bins too.
    let zeros: Vec<f32> = (0..20)
        .map(|i| if i < 18 { 0.0 } else { i as f32 })
        .collect();
    partition(&StratifiedKFold::by_quantile(&zeros, 4, 5).unwrap());
    partition(&StratifiedKFold::by_quantile(&[-0.0, 0.0, 1.0, 0.0], 2, 2).unwrap());
}

#[test]
fn random_folds_differ_and_are_stratified() {
    let labels: Vec<char> = (0..100)
        .map(|i| if i % 4 == 0 { 'b' } else { 'a' })
        .collect();
    let splitter = ShuffleSplit::stratified(&labels, 8, 0.2, 3).unwrap();
    let folds = splitter.folds().unwrap();
    assert_eq!(folds[0], Split::stratified(&labels, 0.2, 3).unwrap());
    for (k, split) in folds.iter().enumerate() {
        assert_eq!(
            split
                .held_out
                .iter()
                .filter(|&&row| labels[row] == 'b')
                .count(),
            5
        );
        assert!(folds[..k].iter().all(|other| other != split));
    }
}

#[test]
fn errors_name_what_is_wrong() {
    fn text<V: std::fmt::Debug>(result: Result<V>) -> String {
        result.unwrap_err().to_string()
    }
    let fold = |splitter: &dyn Splitter, fold| text(splitter.fold(fold));
    let series = TimeSeriesSplit::new(10, 3).unwrap();
    let cases = [
        (
            text(KFold::new(10, 1)),
            "folds: expected 2 to 10, the number of rows, got 1",
        ),
        (
            text(KFold::new(10, 11)),
            "folds: expected 2 to 10, the number of rows, got 11",
        ),
        (
            text(KFold::new(1, 2)),
            "folds: expected 2 or more, of 2 or more rows, not 1, got 2",
        ),
        (
            text(KFold::new(0, 0)),
            "folds: expected 2 or more, of 2 or more rows, not 0, got 0",
        ),
        (
            text(StratifiedKFold::new(&[0, 0, 0, 1, 1, 0], 3)),
            "folds: expected at most 2, the number of rows of the class of row 3, got 3",
        ),
        (
            text(StratifiedKFold::by_quantile(&[0.0; 10], 4, 5)),
            "bins: expected at most 2, which leaves 5 or more rows in each, got 4",
        ),
        (
            text(StratifiedKFold::by_quantile(&[0.0; 4], 0, 2)),
            "bins: expected at least 1, got 0",
        ),
        (
            text(StratifiedKFold::by_quantile(&[0.0, f64::NAN], 1, 2)),
            "numbers: expected finite numbers, got NaN at index 1",
        ),
        (
            text(GroupKFold::new(&["a", "b", "a"], 3)),
            "folds: expected 2, the number of groups, got 3",
        ),
        (
            text(TimeSeriesSplit::new(4, 4)),
            "folds: expected 2 to 3, the number of rows after the first, got 4",
        ),
        (fold(&series, 3), "fold: expected below 3, got 3"),
        (
            fold(&series.held_out(0), 0),
            "held-out rows of a fold: expected at least 1, got 0",
        ),
        (
            fold(&series.max_training(0), 0),
            "maximum number of training rows: expected at least 1, got 0",
        ),
        (
            fold(&series.gap(4), 0),
            "held-out rows of a time series: expected fewer than 10 rows in all folds and the gap, \
             got 3 x 2 + 4",
        ),
        (
            text(ShuffleSplit::new(10, 0, 0.5, 1)),
            "folds: expected at least 1, got 0",
        ),
        (
            text(ShuffleSplit::new(10, 2, 1.5, 1)),
            "held-out fraction: expected a fraction, at least 0, below 1, got 1.5",
        ),
        (
            text(Split::new(10, 0.1, 1)),
            "held-out fraction: expected a fraction of 10 samples that holds out 2 or more but \
             not all, got 0.1",
        ),
        (
            text(select(&[1, 2, 3], 2, &[0])),
            "data: expected one or more rows of 2 values, got 3 values",
        ),
        (
            text(select(&[1, 2, 3], 1, &[0, 3])),
            "row: expected below 3, got 3",
        ),
    ];
    for (got, expected) in cases {
        assert_eq!(got, expected);
    }
    // Sizes that no memory holds.
    assert!(KFold::new(usize::MAX, 2).is_err());
    assert!(
        TimeSeriesSplit::new(usize::MAX, 2)
            .unwrap()
            .fold(1)
            .is_err()
    );
    assert!(series.held_out(usize::MAX).gap(usize::MAX).fold(0).is_err());
    assert!(ShuffleSplit::new(usize::MAX, 2, 0.5, 0).is_err());
    assert!(series.held_out(3).fold(0).is_ok() && series.held_out(4).fold(0).is_err());
}
