//! Explanations of models of tables: importance, partial dependence and attributions by column.

use feedforward::Error;
use feedforward::tabular::{
    Calibration, Column, ColumnSettings, ImportanceSettings, Table, Tabular, TabularModel, Value,
};

/// Number in [0, 1) of a row and column, by SplitMix64.
fn uniform(row: usize, column: usize) -> f64 {
    let mut z = (row as u64 * 64 + column as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn word(row: usize, column: usize) -> &'static str {
    ["red", "green", "blue"][(3.0 * uniform(row, column)) as usize]
}

const PLANTED: [&str; 3] = ["slope", "color", "gap"];
const NOISE: [&str; 3] = ["noise", "noisy color", "noisy gap"];

/// Returns rows in which the first three columns decide the target, and three others do not.
fn planted(rows: std::ops::Range<usize>) -> Table<'static> {
    let number = |column| rows.clone().map(move |row| uniform(row, column));
    // A missing cell says something of itself.
    let gap = |row, column| (uniform(row, column) > 0.5).then(|| uniform(row, column + 1));
    let value = |row: usize| {
        let color = if word(row, 1) == "green" { 0.7 } else { 0.0 };
        let missing = if gap(row, 2).is_none() { 0.7 } else { 0.0 };
        2.0 * uniform(row, 0) + color + missing + 0.2 * uniform(row, 20)
    };
    let column = |name, column| move |table: Table<'static>| table.with(name, column);
    let gaps = |at| Column::numbers(rows.clone().map(move |row| gap(row, at)));
    let words = |at| Column::words(rows.clone().map(move |row| word(row, at)));
    let values = Column::numbers(rows.clone().map(value));
    let classes = Column::words(rows.clone().map(
        |row| {
            if value(row) > 1.8 { "high" } else { "low" }
        },
    ));
    column("slope", Column::numbers(number(0)))(Table::new())
        .and_then(column("noisy gap", gaps(11)))
        .and_then(column("color", words(1)))
        .and_then(column("noisy color", words(10)))
        .and_then(column("gap", gaps(2)))
        .and_then(column("noise", Column::numbers(number(13))))
        .and_then(column("value", values))
        .and_then(column("class", classes))
        .unwrap()
}

fn small(recipe: Tabular<'_>) -> TabularModel {
    recipe
        .folds(2)
        .epochs(40)
        .hidden(&[24])
        .batch_size(32)
        .fit()
        .unwrap()
}

#[test]
fn importance_finds_the_planted_columns_and_no_noise() {
    let (training, test) = (planted(0..400), planted(1000..1400));
    // The table's own order is one of all shuffles, so few of them tell little of their spread.
    let settings = ImportanceSettings {
        repeats: 20,
        ..ImportanceSettings::default()
    };
    for (recipe, score) in [
        (
            Tabular::regressor(&training, "value").ignore(["class"]),
            "r2",
        ),
        (
            Tabular::classifier(&training, "class").ignore(["value"]),
            "logloss",
        ),
    ] {
        let model = small(recipe);
        for importance in [
            model.importance(&test, &settings).unwrap(),
            model.held_out_importance(&training, &settings).unwrap(),
        ] {
            println!("{importance}");
            assert_eq!(importance.score(), score);
            let names: Vec<_> = importance.iter().map(|(name, ..)| name).collect();
            assert_eq!((names.len(), names[0]), (6, "slope"));
            for name in PLANTED {
                let (mean, deviation) = importance.get(name).unwrap();
                assert!(
                    mean > 0.04 && mean > 5.0 * deviation,
                    "{name}: {mean} ± {deviation}"
                );
                assert!(names[..3].contains(&name));
            }
            for name in NOISE {
                let (mean, deviation) = importance.get(name).unwrap();
                assert!(mean.abs() < 3.0 * deviation, "{name}: {mean} ± {deviation}");
                assert!(mean.abs() < 0.03, "{name}: {mean}");
            }
            assert_eq!(importance.get("class"), None);
        }
        let scores = model.score(&test).unwrap();
        let importance = model.importance(&test, &settings).unwrap();
        assert_eq!(Some(importance.unshuffled()), scores.get(score));
    }
}

/// With one column, whose cells all differ, the score of each shuffle can be computed by hand.
#[test]
fn an_importance_is_the_mean_loss_of_score_and_held_out_rows_are_those_of_each_fold() {
    let table = planted(0..60);
    let model = small(Tabular::regressor(&table, "value").ignore(["class"]));
    let settings = |score: &str| ImportanceSettings {
        repeats: 3,
        score: Some(score.into()),
        ..ImportanceSettings::default()
    };
    // Errors count with the other sign.
    for (score, sign) in [("r2", 1.0), ("rmse", -1.0)] {
        let importance = model.importance(&table, &settings(score)).unwrap();
        assert_eq!(
            importance.unshuffled(),
            model.score(&table).unwrap().get(score).unwrap()
        );
        let (mean, deviation) = importance.get("slope").unwrap();
        assert!(mean > 0.1 && deviation > 0.0, "{score}: {mean} {deviation}");
        // A constant column cannot lose anything.
        let colors = Column::words((0..60).map(|_| "red"));
        let constant = table
            .clone()
            .without("color")
            .unwrap()
            .with("color", colors)
            .unwrap();
        let importance = model.importance(&constant, &settings(score)).unwrap();
        assert_eq!(importance.get("color"), Some((0.0, 0.0)));
        let changed = sign * (model.score(&constant).unwrap().get(score).unwrap());
        assert_eq!(sign * importance.unshuffled(), changed);
    }
    // Without a shuffle, held-out rows have the out-of-fold predictions.
    let values = table.column("value").unwrap().as_numbers().unwrap();
    let squares = model
        .out_of_fold()
        .iter()
        .zip(values)
        .map(|(p, y)| (p - y) * (p - y));
    let rmse = (squares.sum::<f64>() / 60.0).sqrt();
    let held_out = model
        .held_out_importance(&table, &settings("rmse"))
        .unwrap();
    assert!((held_out.unshuffled() - rmse).abs() < 1e-12);
    assert_ne!(
        Some(held_out.unshuffled()),
        model.score(&table).unwrap().get("rmse")
    );

    let seed = |seed| ImportanceSettings {
        seed,
        repeats: 2,
        ..ImportanceSettings::default()
    };
    let once = model.importance(&table, &seed(1)).unwrap();
    assert_eq!(once, model.importance(&table, &seed(1)).unwrap());
    assert_ne!(once, model.importance(&table, &seed(2)).unwrap());
}

#[test]
fn importance_can_be_that_of_some_columns_and_of_a_sample_of_rows() {
    let table = planted(0..400);
    let model = small(Tabular::regressor(&table, "value").ignore(["class"]));
    let all = model
        .held_out_importance(&table, &ImportanceSettings::default())
        .unwrap();
    let of = |columns: &[&str], max_rows| {
        let columns: Vec<_> = columns.iter().map(ToString::to_string).collect();
        let settings = ImportanceSettings {
            columns: Some(columns),
            max_rows,
            ..ImportanceSettings::default()
        };
        model.held_out_importance(&table, &settings)
    };
    // A maximum that the table does not exceed changes nothing.
    for max_rows in [None, Some(400)] {
        let two = of(&["noise", "color", "noise"], max_rows).unwrap();
        let expected: Vec<_> = all
            .iter()
            .filter(|(name, ..)| ["noise", "color"].contains(name))
            .collect();
        assert_eq!(two.iter().collect::<Vec<_>>(), expected);
        assert_eq!(two.unshuffled(), all.unshuffled());
    }
    // Of 80 rows the numbers differ a little.
    let sample = of(&["slope", "noise"], Some(80)).unwrap();
    assert_ne!(sample.unshuffled(), all.unshuffled());
    assert!((sample.unshuffled() - all.unshuffled()).abs() < 0.1);
    let (slope, deviation) = sample.get("slope").unwrap();
    let expected = all.get("slope").unwrap().0;
    assert!(
        (slope - expected).abs() < 0.5 * expected,
        "{slope} {expected}"
    );
    assert!(deviation > all.get("slope").unwrap().1);
    let (noise, deviation) = sample.get("noise").unwrap();
    assert!(noise.abs() < 3.0 * deviation, "{noise} ± {deviation}");
    // Rows of a sample are shuffled within their fold, as those of the whole table.
    assert!(of(&[], Some(2)).unwrap().iter().next().is_none());

    let error = of(&["value"], None).unwrap_err();
    assert!(matches!(error, Error::UnknownName { .. }), "{error}");
    let error = of(&["slope"], Some(1)).unwrap_err();
    assert!(error.to_string().contains("at least 2"), "{error}");
}

#[test]
fn held_out_rows_are_those_of_the_predictions_out_of_fold() {
    let table = planted(0..60);
    let model = small(Tabular::regressor(&table, "value").ignore(["class"]));
    let held_out = model.held_out();
    assert_eq!(held_out.len(), 2);
    let mut rows = held_out.concat();
    rows.sort_unstable();
    assert_eq!(rows, (0..60).collect::<Vec<_>>());
    // The errors of each fold are those of its scores.
    let values = table.column("value").unwrap().as_numbers().unwrap();
    for (rows, scores) in held_out.iter().zip(model.scores()) {
        let errors = rows
            .iter()
            .map(|&row| (model.out_of_fold()[row] - values[row]).abs());
        let mean = errors.sum::<f64>() / rows.len() as f64;
        assert!((mean - scores.get("mae").unwrap()).abs() < 1e-12);
    }
    // The rows of each fold belong to the training table, in its order.
    let reversed: Vec<_> = (0..table.rows()).rev().collect();
    let settings = ImportanceSettings::default();
    let error = model.held_out_importance(&table.select(&reversed).unwrap(), &settings);
    assert_eq!(
        error.unwrap_err().to_string(),
        "targets of the table: expected those of the training table, in its order, got others"
    );
    assert!(model.held_out_importance(&table, &settings).is_ok());
    let loaded = TabularModel::from_bytes(&model.to_bytes().unwrap()).unwrap();
    assert!(loaded.held_out().is_empty());
}

#[test]
fn partial_dependence_is_the_mean_prediction() {
    let table = planted(0..200);
    let model = small(Tabular::regressor(&table, "value").ignore(["class"]));
    let grid = table.column("slope").unwrap().grid(7).unwrap();
    let means = model.partial_dependence(&table, "slope", &grid).unwrap();
    assert_eq!(means.len(), 7);
    // The target rises by 2 over the whole range, of which the grid spans 6/7.
    assert!(
        means.is_sorted() && (means[6] - means[0] - 2.0 * 6.0 / 7.0).abs() < 0.3,
        "{means:?}"
    );

    let with = |name: &str, cell: Value<'_>| {
        let number = |cell| Column::numbers(vec![cell; 200]);
        let column = match cell {
            Value::Number(number_) => number(number_),
            Value::Word(word) => Column::words(vec![word; 200]),
            _ => number(f64::NAN),
        };
        let table = table
            .clone()
            .without(name)
            .unwrap()
            .with(name, column)
            .unwrap();
        let values = model.predict(&table).unwrap();
        values.iter().sum::<f64>() / 200.0
    };
    let grid = Column::words([Some("green"), Some("red"), None]);
    let means = model.partial_dependence(&table, "color", &grid).unwrap();
    for (cell, mean) in means.iter().enumerate() {
        assert!((mean - with("color", grid.get(cell).unwrap())).abs() < 1e-12);
    }
    assert!(means[0] - means[1] > 0.4, "{means:?}");

    let model = small(Tabular::classifier(&table, "class").ignore(["value"]));
    let grid = Column::numbers([Some(0.1), Some(0.9), None]);
    let means = model.partial_dependence(&table, "slope", &grid).unwrap();
    assert_eq!(means.len(), 3 * 2);
    assert!(means.chunks(2).all(|p| (p[0] + p[1] - 1.0).abs() < 1e-12));
    assert!(means[2] - means[0] > 0.3, "{means:?}");
}

#[test]
fn a_grid_has_quantiles_or_words_in_order() {
    let numbers = |cells: &[f64]| Column::numbers(cells.to_vec());
    let gaps = [4.0, f64::NAN, 1.0, 3.0, 2.0];
    assert_eq!(numbers(&gaps).grid(2).unwrap(), numbers(&[2.0, 4.0]));
    assert_eq!(
        numbers(&gaps).grid(9).unwrap(),
        numbers(&[1.0, 2.0, 3.0, 4.0])
    );
    assert_eq!(numbers(&[5.0; 9]).grid(4).unwrap(), numbers(&[5.0]));
    let levels = |cells: &[&str]| Column::levels(cells.to_vec(), ["S", "M", "L"]).unwrap();
    assert_eq!(
        levels(&["L", "S", "L"]).grid(1).unwrap(),
        levels(&["S", "L"])
    );
    assert!(matches!(
        numbers(&gaps).grid(0),
        Err(Error::InvalidSetting { .. })
    ));
    assert!(matches!(
        numbers(&[f64::NAN]).grid(3),
        Err(Error::Empty { .. })
    ));
    assert!(matches!(
        Column::words([None::<&str>]).grid(3),
        Err(Error::Empty { .. })
    ));
    assert!(matches!(
        numbers(&[1.0, f64::INFINITY]).grid(3),
        Err(Error::NotFinite { .. })
    ));
}

#[test]
fn attributions_by_column_sum_to_the_difference() {
    let table = planted(0..200);
    // All kinds of inputs: waves, plain numbers, one-hot inputs and learned vectors.
    let columns = [
        ColumnSettings::default(),
        ColumnSettings {
            waves: feedforward::tabular::Waves::Off,
            one_hot: 2,
            ..ColumnSettings::default()
        },
    ];
    for columns in columns {
        let recipe = Tabular::regressor(&table, "value").ignore(["class"]);
        let model = small(recipe.columns(columns.clone()));
        let rows = table.select(&[3, 8, 21]).unwrap();
        let all = model.attributions(&rows, &table, 0).unwrap();
        check(&all, 6);
        let predicted = model.predict(&rows).unwrap();
        for (output, predicted) in all.outputs.iter().zip(&predicted) {
            assert!((output - predicted).abs() < 1e-4);
        }
        // The planted columns differ from the center, and noise hardly does anything.
        let names: Vec<_> = model.columns().next().unwrap().columns().collect();
        let total = |wanted: &[&str]| {
            let pairs = all.values.iter().zip(names.iter().cycle());
            let some = pairs.filter(|(_, (name, _))| wanted.contains(name));
            some.map(|(value, _)| value.abs()).sum::<f64>()
        };
        assert!(total(&PLANTED) > 3.0 * total(&NOISE), "{:?}", all.values);

        // From a row to itself there is no difference, and equal cells contribute nothing.
        let itself = model.attributions(
            &table.select(&[3]).unwrap(),
            &table.select(&[3]).unwrap(),
            0,
        );
        assert!(itself.unwrap().values.iter().all(|value| *value == 0.0));
        let two = table.select(&[3, 8]).unwrap();
        let color = Column::words(["red", "green"]);
        let changed = two
            .clone()
            .without("color")
            .unwrap()
            .with("color", color)
            .unwrap();
        let [one, other] = [changed.select(&[0]), changed.select(&[1])].map(Result::unwrap);
        let all = model.attributions(&one, &other, 0).unwrap();
        for (name, value) in names.iter().map(|(name, _)| name).zip(&all.values) {
            let cell = |table: &Table<'_>| format!("{:?}", table.column(name).unwrap().get(0));
            assert_eq!(cell(&one) == cell(&other), *value == 0.0, "{name} {value}");
        }

        let model = small(
            Tabular::classifier(&table, "class")
                .ignore(["value"])
                .columns(columns)
                .calibration(Calibration::None),
        );
        let [high, low] = [0, 1].map(|class| model.attributions(&rows, &table, class).unwrap());
        check(&high, 6);
        assert!((high.baseline + low.baseline - 1.0).abs() < 1e-6);
        let probabilities = model.predict_probability(&rows).unwrap();
        for (row, output) in high.outputs.iter().enumerate() {
            assert!((output - probabilities[2 * row]).abs() < 1e-4);
        }
    }
}

fn check(all: &feedforward::explain::Attributions, columns: usize) {
    assert_eq!(all.values.len(), columns * all.outputs.len());
    let rows = all.values.chunks(columns).zip(&all.outputs).zip(&all.gaps);
    for ((row, output), gap) in rows {
        let (sum, difference) = (row.iter().sum::<f64>(), output - all.baseline);
        assert!(difference.abs() > 1e-3, "{difference}");
        assert!(
            (sum - difference).abs() <= gap + 1e-9,
            "{sum} {difference} {gap}"
        );
        assert!(
            (sum - difference).abs() < 1e-3 * difference.abs(),
            "{sum} {difference}"
        );
    }
}

#[test]
fn wrong_calls_are_errors() {
    let table = planted(0..60);
    let model = small(Tabular::regressor(&table, "value").ignore(["class"]));
    let importance = |settings: ImportanceSettings| model.importance(&table, &settings);
    let default = ImportanceSettings::default;
    let error = importance(ImportanceSettings {
        repeats: 1,
        ..default()
    })
    .unwrap_err();
    assert!(matches!(error, Error::InvalidSetting { .. }), "{error}");
    let score = Some("auc".into());
    let error = importance(ImportanceSettings { score, ..default() }).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"score: expected one of ["r2", "rmse", "mae"], got "auc""#
    );
    let empty = table.select(&[]).unwrap();
    assert!(matches!(
        model.importance(&empty, &default()),
        Err(Error::Empty { .. })
    ));
    let without = table.clone().without("slope").unwrap();
    assert!(matches!(
        model.importance(&without, &default()),
        Err(Error::Column { .. })
    ));
    let without = table.clone().without("value").unwrap();
    assert!(matches!(
        model.importance(&without, &default()),
        Err(Error::Column { .. })
    ));
    let fewer = planted(0..59);
    assert!(matches!(
        model.held_out_importance(&fewer, &default()),
        Err(Error::Shape { .. })
    ));
    let loaded = TabularModel::from_bytes(&model.to_bytes().unwrap()).unwrap();
    let error = loaded.held_out_importance(&table, &default()).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(loaded.importance(&table, &default()).is_ok());

    let grid = Column::numbers([1.0]);
    let dependence = |name: &str, grid: &Column<'_>| model.partial_dependence(&without, name, grid);
    assert!(dependence("slope", &grid).is_ok());
    for name in ["value", "class", "none"] {
        assert!(
            matches!(dependence(name, &grid), Err(Error::UnknownName { .. })),
            "{name}"
        );
    }
    let words = Column::words(["red"]);
    assert!(matches!(
        dependence("slope", &words),
        Err(Error::Column { .. })
    ));
    let none = Column::numbers([0.0; 0]);
    assert!(matches!(
        dependence("slope", &none),
        Err(Error::Empty { .. })
    ));
    let error = model
        .partial_dependence(&empty, "slope", &grid)
        .unwrap_err();
    assert!(matches!(error, Error::Empty { .. }), "{error}");

    let error = model.attributions(&table, &table, 1).unwrap_err();
    assert!(
        matches!(
            error,
            Error::OutOfBounds {
                len: 1,
                index: 1,
                ..
            }
        ),
        "{error}"
    );
    for (table, reference) in [(&empty, &table), (&table, &empty)] {
        let error = model.attributions(table, reference, 0).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }), "{error}");
    }
}
