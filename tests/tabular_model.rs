//! The recipe for tables: every kind of target, folds, files, threads and errors.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use feedforward::folds::{GroupKFold, TimeSeriesSplit};
use feedforward::tabular::{Column, Metric, Preset, Table, Tabular, TabularModel, Value};
use feedforward::{Error, Mlp, activation::Relu, optimizer::AdamW, schedule::Cosine};

const ROWS: usize = 240;

/// Returns a number in [0, 1) that depends on the row only.
fn noise(row: usize, column: usize) -> f64 {
    let mixed = (row * 7919 + column * 104_729).wrapping_mul(2_654_435_761) >> 7;
    (mixed % 10_007) as f64 / 10_007.0
}

/// Returns homes with numbers, words, booleans and gaps, and targets of every kind.
fn homes() -> Table<'static> {
    let rows = || 0..ROWS;
    let area = |row: usize| 40.0 + 100.0 * noise(row, 0);
    let street = |row: usize| ["Elm", "Oak", "Ash"][(noise(row, 1) * 3.0) as usize];
    let garden = |row: usize| noise(row, 2) < 0.4;
    let price = move |row| {
        let garden = if garden(row) { 60.0 } else { 0.0 };
        3.0 * area(row) + garden + if street(row) == "Oak" { 80.0 } else { 0.0 }
    };
    let years = |row: usize| 1.0 + 4.0 * noise(row, 3);
    Table::new()
        .with(
            "area",
            Column::numbers(rows().map(|row| (row % 11 > 0).then(|| area(row)))),
        )
        .and_then(|t| {
            t.with(
                "street",
                Column::words(rows().map(|row| (row % 7 > 0).then(|| street(row)))),
            )
        })
        .and_then(|t| t.with("garden", Column::booleans(rows().map(garden))))
        .and_then(|t| t.with("years", Column::numbers(rows().map(years))))
        .and_then(|t| t.with("price", Column::numbers(rows().map(price))))
        .and_then(|t| {
            t.with(
                "half",
                Column::numbers(rows().map(move |row| price(row) / 2.0 - 9.0)),
            )
        })
        .and_then(|t| {
            let class =
                move |row| ["cheap", "fair", "dear"][((price(row) - 120.0) / 160.0) as usize];
            t.with("class", Column::words(rows().map(class)))
        })
        .and_then(|t| {
            let repairs = move |row| (area(row) / 40.0 * years(row)).round();
            t.with("repairs", Column::numbers(rows().map(repairs)))
        })
        .and_then(|t| {
            t.with(
                "is_dear",
                Column::booleans(rows().map(move |row| price(row) > 350.0)),
            )
        })
        .unwrap()
}

/// Returns the table with these columns alone.
fn only(table: &Table<'static>, names: &[&str]) -> Table<'static> {
    let columns = names
        .iter()
        .map(|name| (name, table.column(name).unwrap().clone()));
    columns.fold(Table::new(), |table, (name, column)| {
        table.with(*name, column).unwrap()
    })
}

const FEATURES: [&str; 3] = ["area", "street", "garden"];

fn with(targets: &[&str]) -> Table<'static> {
    only(&homes(), &[&FEATURES[..], targets].concat())
}

/// Makes a recipe small enough for tests.
fn small(recipe: Tabular<'_>) -> Tabular<'_> {
    recipe.folds(2).epochs(40).hidden(&[24, 24]).batch_size(32)
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

fn again(model: &TabularModel) -> TabularModel {
    TabularModel::from_bytes(&model.to_bytes().unwrap()).unwrap()
}

#[test]
fn a_regressor_predicts_prices_in_their_unit() {
    let table = with(&["price"]);
    for recipe in [
        small(Tabular::regressor(&table, "price")),
        small(Tabular::regressor(&table, "price").preset(Preset::Simple)),
        small(Tabular::regressor(&table, "price").preset(Preset::Full)),
        small(Tabular::regressor(&table, "price")).logarithm(),
        small(Tabular::regressor(&table, "price")).folds(1),
    ] {
        let model = recipe.fit().unwrap();
        let scores = model.score(&table).unwrap();
        assert!(scores.get("r2") > Some(0.8), "{scores}");
        assert_eq!(model.targets(), ["price"]);
        for (name, mean, deviation) in model.mean_scores() {
            assert!(mean.is_finite() && deviation >= 0.0, "{name}");
        }
        // A table to predict needs no target, and may have its columns in any order.
        let new = only(&table, &["garden", "street", "area"]);
        let expected = bits(&model.predict(&table).unwrap());
        assert_eq!(bits(&model.predict(&new).unwrap()), expected);
        assert_eq!(bits(&again(&model).predict(&new).unwrap()), expected);
        assert_eq!(again(&model).scores(), model.scores());
    }
}

#[test]
fn several_numbers_counts_and_labels_have_models_too() {
    let table = with(&["price", "half"]);
    let model = small(Tabular::regressor_of(&table, ["price", "half"]))
        .fit()
        .unwrap();
    let values = model.predict(&table).unwrap();
    assert_eq!(values.len(), 2 * ROWS);
    assert!(model.score(&table).unwrap().get("r2") > Some(0.8));
    let expected = |row: &[f64]| row[0] / 2.0 - 9.0;
    assert!(
        values
            .chunks(2)
            .all(|row| (row[1] - expected(row)).abs() < 40.0)
    );

    let table = with(&["repairs", "years"]);
    let counts = small(Tabular::counts(&table, "repairs")).exposure("years");
    let model = counts.fit().unwrap();
    let scores = model.score(&table).unwrap();
    assert!(scores.get("deviance") < Some(0.6), "{scores}");
    // Twice the years have twice the repairs.
    let row = |years: f64| {
        let values = [
            ("area", 80.0.into()),
            ("street", "Elm".into()),
            ("garden", true.into()),
        ];
        Table::row(values.into_iter().chain([("years", Value::Number(years))])).unwrap()
    };
    let ratio = model.predict(&row(4.0)).unwrap()[0] / model.predict(&row(2.0)).unwrap()[0];
    assert!((ratio - 2.0).abs() < 1e-9, "{ratio}");
    assert_eq!(again(&model).predict(&row(3.0)), model.predict(&row(3.0)));

    let homes = homes();
    let table = only(&homes, &["area", "street", "years", "garden", "is_dear"]);
    let model = small(Tabular::labels(&table, ["garden", "is_dear"]))
        .fit()
        .unwrap();
    let probabilities = model.predict_probability(&table).unwrap();
    assert_eq!(probabilities.len(), 2 * ROWS);
    assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
    let again = again(&model).predict_probability(&table).unwrap();
    assert_eq!(bits(&again), bits(&probabilities));
}

#[test]
fn a_classifier_knows_its_classes_and_its_folds() {
    let table = with(&["class"]);
    for metric in [Metric::Accuracy, Metric::LogLoss, Metric::RocAuc] {
        let model = small(Tabular::classifier(&table, "class"))
            .metric(metric)
            .fit()
            .unwrap();
        assert_eq!(model.classes(), ["cheap", "dear", "fair"]);
        let probabilities = model.predict_probability(&table).unwrap();
        assert!(
            probabilities
                .chunks(3)
                .all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-9)
        );
        let scores = model.score(&table).unwrap();
        assert!(scores.get("accuracy") > Some(0.85), "{scores}");
        let classes = model.predict_class(&table).unwrap();
        let classes = classes.into_iter().map(str::to_string).collect::<Vec<_>>();
        assert_eq!(again(&model).predict_class(&table).unwrap(), classes);

        // Every row was held out by one fold, whose scores are those of the rows.
        let held_out = model.out_of_fold();
        assert_eq!(held_out.len(), 3 * ROWS);
        let expected = table.column("class").unwrap();
        let right = (0..ROWS).filter(|&row| {
            let row_of = &held_out[row * 3..][..3];
            let best = (0..3)
                .max_by(|&a, &b| row_of[a].total_cmp(&row_of[b]))
                .unwrap();
            expected.get(row) == Some(Value::Word(&model.classes()[best]))
        });
        let accuracy = right.count() as f64 / ROWS as f64;
        let (_, mean, _) = model.mean_scores()[0];
        assert!((accuracy - mean).abs() < 1e-9, "{accuracy} {mean}");
    }
    // Numbers and booleans are classes too.
    let table = with(&["is_dear"]);
    let model = small(Tabular::classifier(&table, "is_dear")).fit().unwrap();
    assert_eq!(model.classes(), ["false", "true"]);
    assert!(model.score(&table).unwrap().get("auc") > Some(0.9));
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let table = with(&["price"]);
    let fit = |threads, folds| {
        let recipe = small(Tabular::regressor(&table, "price"))
            .folds(folds)
            .epochs(6);
        let model = recipe.batch_size(192).threads(threads).fit().unwrap();
        bits(&model.predict(&table).unwrap())
    };
    for folds in [1, 3] {
        let expected = fit(1, folds);
        for threads in [2, 3, 8] {
            assert_eq!(
                fit(threads, folds),
                expected,
                "{threads} threads, {folds} folds"
            );
        }
    }
}

#[test]
fn a_time_budget_chooses_the_number_of_epochs() {
    const MOST: usize = 9;
    let table = with(&["price"]);
    for (folds, batch) in [(1, 256), (3, 32)] {
        let recipe = || {
            let recipe = Tabular::regressor(&table, "price").folds(folds);
            recipe.batch_size(batch).hidden(&[8]).threads(2)
        };
        // None is too little, an hour is too much, and the other one is either.
        for (millis, expected) in [(0, 1..=1), (30, 1..=MOST), (3_600_000, MOST..=MOST)] {
            let seen = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&seen);
            let model = recipe()
                .epochs(MOST)
                .time_budget(Duration::from_millis(millis))
                .on_epoch(move |at| {
                    // The measurement is not seen.
                    count.fetch_add(at.epochs, Ordering::Relaxed);
                    ControlFlow::Continue(())
                })
                .fit()
                .unwrap();
            let epochs = model.epochs();
            assert!(expected.contains(&epochs), "{millis} ms: {epochs}");
            assert_eq!(seen.load(Ordering::Relaxed), folds * epochs * epochs);
            let other = recipe().epochs(epochs).fit().unwrap();
            assert_eq!(bits(model.out_of_fold()), bits(other.out_of_fold()));
            for (net, other) in model.networks().zip(other.networks()) {
                let bits = |net: &Mlp<f32>| -> Vec<_> {
                    net.params().iter().map(|x| x.to_bits()).collect()
                };
                assert_eq!(bits(net), bits(other));
            }
            assert_eq!(again(&model).epochs(), epochs);
        }
    }
    let never = Tabular::regressor(&table, "price").epochs(0);
    assert!(never.clone().fit().is_err());
    assert!(never.time_budget(Duration::ZERO).fit().is_err());
}

#[test]
fn parts_of_the_recipe_can_be_replaced() {
    let table = with(&["price"]);
    let changed = Arc::new(AtomicUsize::new(0));
    let count = changed.clone();
    let recipe = small(Tabular::regressor(&table, "price"))
        .activation(Relu)
        .learning_rate(0.05)
        .seed(5)
        .trainer(move |trainer| {
            count.fetch_add(1, Ordering::Relaxed);
            trainer
                .with_optimizer(AdamW::new(0.01))
                .schedule(Cosine::default())
        });
    assert!(recipe.fit().unwrap().score(&table).unwrap().get("r2") > Some(0.8));
    assert_eq!(changed.load(Ordering::Relaxed), 2);

    // Folds by group and by time.
    let groups: Vec<_> = (0..ROWS).map(|row| row / 10).collect();
    let grouped =
        Tabular::regressor(&table, "price").splitter(GroupKFold::new(&groups, 3).unwrap());
    let model = grouped.epochs(2).hidden(&[8]).fit().unwrap();
    assert_eq!(model.folds(), 3);
    assert!(model.out_of_fold().iter().all(|y| y.is_finite()));
    let timed = TimeSeriesSplit::new(ROWS, 3).unwrap();
    let model = Tabular::regressor(&table, "price").splitter(timed);
    let model = model.epochs(2).hidden(&[8]).fit().unwrap();
    // The first rows are never held out.
    assert!(model.out_of_fold()[0].is_nan());

    let epochs = Arc::new(AtomicUsize::new(0));
    let seen = epochs.clone();
    let recipe = small(Tabular::regressor(&table, "price"))
        .folds(1)
        .on_epoch(move |progress| {
            seen.fetch_add(1, Ordering::Relaxed);
            assert_eq!((progress.folds, progress.epochs), (1, 40));
            if progress.epoch == 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
    recipe.fit().unwrap();
    assert_eq!(epochs.load(Ordering::Relaxed), 3);
}

#[test]
fn what_cannot_be_learned_is_an_error_that_tells_why() {
    let table = with(&["price", "class"]);
    let message =
        |recipe: Tabular<'_>| recipe.epochs(1).hidden(&[4]).fit().unwrap_err().to_string();
    for (recipe, expected) in [
        (Tabular::regressor(&table, "prize"), "[\"area\", \"street\""),
        (
            Tabular::regressor(&table, "class"),
            "column \"class\": target: expected a finite number",
        ),
        (Tabular::regressor(&table, "area"), "got none in row 0"),
        (Tabular::classifier(&table, "street"), "got none in row 0"),
        (
            Tabular::regressor(&table, "price").ignore(["id"]),
            "column \"id\": columns of the table",
        ),
        (
            Tabular::regressor(&table, "price").folds(0),
            "folds: expected at least 1",
        ),
        (Tabular::regressor(&table, "price").folds(ROWS + 1), "folds"),
        (
            Tabular::regressor_of(&table, Vec::<String>::new()),
            "targets: expected at least one",
        ),
        (
            Tabular::counts(&table, "price").exposure("street"),
            "expected a number above 0",
        ),
        (
            Tabular::classifier(&table, "class").logarithm(),
            "logarithm: expected a regressor",
        ),
        (
            Tabular::regressor(&table, "price").exposure("area"),
            "exposure: expected counts",
        ),
        (
            Tabular::regressor(&table, "price").splitter(TimeSeriesSplit::new(9, 2).unwrap()),
            "rows of the splitter: expected 240",
        ),
    ] {
        let got = message(recipe);
        assert!(got.contains(expected), "{got}\nexpected: {expected}");
    }
    let one = Table::new()
        .with("x", Column::numbers(0..20))
        .and_then(|table| table.with("y", Column::words(["yes"; 20])))
        .unwrap();
    let got = message(Tabular::classifier(&one, "y"));
    assert!(got.contains("at least 2 different classes"), "{got}");
    let empty = Table::new();
    assert!(message(Tabular::regressor(&empty, "y")).contains("rows"));

    let model = small(Tabular::regressor(&table, "price"))
        .epochs(2)
        .fit()
        .unwrap();
    let error = model.predict_class(&table).unwrap_err();
    assert!(matches!(error, Error::Incompatible { .. }), "{error}");
    // The name that is missing comes first, then those that the table has.
    let few = table.select(&[0]).unwrap();
    let names: Vec<_> = few.names().iter().filter(|name| *name != "area").collect();
    let expected =
        format!("column \"area\": columns of the table: expected one of this name, got {names:?}");
    let lacking = few.clone().without("area").unwrap();
    assert_eq!(model.predict(&lacking).unwrap_err().to_string(), expected);
    let lacking = few.without("price").unwrap();
    let error = model.score(&lacking).unwrap_err().to_string();
    assert!(
        error.starts_with("column \"price\": columns of the table"),
        "{error}"
    );
}

#[test]
fn damaged_files_are_errors() {
    let table = with(&["class"]);
    let recipe = Tabular::classifier(&table, "class")
        .folds(2)
        .epochs(1)
        .hidden(&[3]);
    let bytes = recipe.fit().unwrap().to_bytes().unwrap();
    for at in (0..bytes.len()).step_by(1 + bytes.len() / 2000) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x41;
        assert!(TabularModel::from_bytes(&damaged).is_err(), "byte {at}");
        assert!(
            TabularModel::from_bytes(&bytes[..at]).is_err(),
            "{at} bytes"
        );
    }
}

#[test]
fn wide_tables_and_many_words_have_models() {
    // More numbers than have waves, and more inputs than an encoding with waves may scale.
    let mut table = with(&["price"]);
    for column in 0..300 {
        let numbers = Column::numbers((0..ROWS).map(|row| noise(row, column + 9)));
        table = table.with(format!("n{column}"), numbers).unwrap();
    }
    let words = Column::words((0..ROWS).map(|row| format!("w{}", row % 150)));
    let table = table.with("words", words).unwrap();
    let model = small(Tabular::regressor(&table, "price"))
        .epochs(2)
        .fit()
        .unwrap();
    let expected = bits(&model.predict(&table).unwrap());
    assert_eq!(bits(&again(&model).predict(&table).unwrap()), expected);

    let mut table = with(&["price"]);
    for column in 0..600 {
        let words = Column::words((0..ROWS).map(|row| format!("w{}", (row + column) % 100)));
        table = table.with(format!("w{column}"), words).unwrap();
    }
    let model = small(Tabular::regressor(&table, "price"))
        .epochs(1)
        .fit()
        .unwrap();
    assert_eq!(model.predict(&table).unwrap().len(), ROWS);
}
