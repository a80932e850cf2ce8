//! Classes of a table: rare ones, and the metric that chooses the best epoch.

use std::sync::{Arc, Mutex};

use feedforward::Error;
use feedforward::folds::KFold;
use feedforward::tabular::{Column, Kind, Metric, Table, Tabular};

/// Returns a table of numbers, with this class in each row.
fn table(class: impl Fn(usize) -> &'static str, rows: usize) -> Table<'static> {
    let x = (0..rows).map(|row| (row as f64 * 0.7).sin());
    let classes = Column::words((0..rows).map(class));
    let table = Table::new().with("x", Column::numbers(x));
    table.and_then(|t| t.with("class", classes)).unwrap()
}

fn small<'t>(table: &'t Table<'t>) -> Tabular<'t> {
    let recipe = Tabular::classifier(table, "class").hidden(&[8]);
    recipe.epochs(3).threads(1)
}

#[test]
fn a_rare_class_is_named() {
    let rare = |count| {
        table(
            move |row| ["rare", "b", "a"][if row < count { 0 } else { row % 2 + 1 }],
            60,
        )
    };
    let cases = [
        (
            3,
            5,
            "folds: expected at most 3, the number of rows of class \"rare\" (or merge or remove \
             the class), got 5",
        ),
        (
            1,
            5,
            "rows of each class: expected 2 or more, got 1 of class \"rare\" (merge or remove it)",
        ),
        (
            1,
            1,
            "rows of each class: expected 2 or more, got 1 of class \"rare\" (merge or remove it)",
        ),
    ];
    for (rows, folds, message) in cases {
        let error = small(&rare(rows)).folds(folds).fit().unwrap_err();
        assert!(matches!(error, Error::InvalidSetting { .. }), "{error:?}");
        assert_eq!(error.to_string(), message);
    }
    // Enough rows, and folds of the caller's own.
    small(&rare(3)).folds(3).fit().unwrap();
    small(&rare(2)).folds(1).fit().unwrap();
    let folds = KFold::new(60, 3).unwrap().shuffled(1);
    small(&rare(1)).splitter(folds).fit().unwrap();
}

#[test]
fn a_single_split_tells_how_many_rows_it_needs() {
    let message = |rows, classes: usize| {
        let table = table(move |row| ["a", "b", "c"][row % classes], rows);
        let error = small(&table).folds(1).fit().unwrap_err();
        error.to_string()
    };
    assert_eq!(
        message(4, 2),
        "rows of the table: expected at least 6, so that a fifth are 2, got 4"
    );
    assert_eq!(
        message(10, 3),
        "rows of the table: expected at least 11, so that a fifth are 3, one of each class, got 10"
    );
    for (rows, classes) in [(6, 2), (11, 3)] {
        let table = table(move |row| ["a", "b", "c"][row % classes], rows);
        small(&table).folds(1).fit().unwrap();
    }
    for (rows, is_enough) in [(1, false), (3, false), (5, false), (6, true)] {
        let x = Column::numbers((0..rows).map(f64::from));
        let table = Table::new().with("x", x.clone());
        let table = table.and_then(|t| t.with("y", x)).unwrap();
        let recipe = Tabular::regressor(&table, "y").hidden(&[8]).epochs(1);
        match recipe.folds(1).fit() {
            Ok(_) => assert!(is_enough, "{rows}"),
            Err(error) => {
                let expected = "rows of the table: expected at least 6, so that a fifth are 2, got";
                assert!(
                    !is_enough && error.to_string().starts_with(expected),
                    "{error}"
                );
            }
        }
    }
}

/// A level that no row has is no rare class.
#[test]
fn levels_without_rows_are_fine() {
    let levels = ["low", "middle", "high"];
    let cells = (0..40).map(|row| levels[2 * (row % 2)]);
    let classes = Column::levels(cells, levels).unwrap();
    let x = Column::numbers((0..40).map(f64::from));
    let table = Table::new().with("x", x);
    let table = table.and_then(|t| t.with("class", classes)).unwrap();
    assert_eq!(table.column("class").unwrap().kind(), Kind::Levels);
    for metric in [Metric::Accuracy, Metric::RocAuc] {
        let model = small(&table).folds(4).metric(metric).fit().unwrap();
        assert_eq!(model.classes(), levels);
    }
}

#[test]
fn each_metric_sets_score_and_smoothing() {
    let table = table(|row| ["common", "common", "common", "rare"][row % 4], 80);
    for (metric, score, is_smoothed) in [
        (Metric::Accuracy, Some("Accuracy"), true),
        (Metric::LogLoss, None, false),
        (Metric::RocAuc, Some("ClassAuc"), false),
    ] {
        let seen = Arc::new(Mutex::new(String::new()));
        let to = Arc::clone(&seen);
        let recipe = small(&table)
            .folds(2)
            .metric(metric)
            .trainer(move |trainer| {
                *to.lock().unwrap() = format!("{trainer:?}");
                trainer
            });
        let model = recipe.fit().unwrap();
        assert!(
            model
                .scores()
                .iter()
                .all(|scores| scores.get("auc").is_some())
        );
        let seen = seen.lock().unwrap();
        let scores = ["Accuracy", "ClassAuc"].map(|name| seen.contains(name));
        assert_eq!(
            scores,
            ["Accuracy", "ClassAuc"].map(|name| score == Some(name)),
            "{seen}"
        );
        assert_eq!(seen.contains("Smoothed"), is_smoothed, "{seen}");
    }
}
