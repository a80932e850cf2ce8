//! Models of unusual columns.

use feedforward::tabular::{Column, ColumnSettings, Scaling, Table, Tabular, TabularModel};

use crate::homes::{NEW, TRAINING, homes, pseudo, table_of};
use crate::models::Models;

/// Numbers that a column of numbers seldom has.
const ODD: [f64; 7] = [
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    f64::MAX,
    f64::MIN,
    5e-324,
    -0.0,
];

/// Returns numbers from 0 to 1 for 200 rows.
fn rows() -> impl Iterator<Item = f64> + Clone {
    (0..200).map(|i| f64::from(i * 37 % 101) / 101.0)
}

fn target() -> (&'static str, Column<'static>) {
    ("y", Column::numbers(rows().map(|x| 50.0 + x)))
}

fn without_target(table: Table<'static>) -> Table<'static> {
    table.without("y").unwrap()
}

fn fit(table: &Table<'_>, settings: ColumnSettings) -> TabularModel {
    let recipe = Tabular::regressor(table, "y").columns(settings);
    recipe.folds(2).epochs(8).hidden(&[16]).fit().unwrap()
}

/// Writes models of columns with names that graphs have too.
pub fn names(models: &mut Models) {
    let names = [
        "",
        " ",
        "x",
        "1.0",
        "0.0",
        "[1]",
        "[-1]",
        "label",
        "prediction",
        "probabilities",
        "batch",
        "network0.layer0.Gemm",
        "network0.layer0.Gemm_",
        "network0.columns.clipped.factor",
        "columns.Concat",
        "größe 🌲",
        "\"quoted\"",
        "a/b\\c:d",
        "tabular",
        "NaN",
    ];
    let columns = names.iter().enumerate().map(|(at, &name)| {
        let numbers = rows().map(|x| x * at as f64 % 1.0);
        let words = numbers
            .clone()
            .map(|x| format!("{name}{}", (x * 4.0) as usize));
        let column = match at % 2 {
            0 => Column::numbers(numbers),
            _ => Column::words(words),
        };
        (name, column)
    });
    let table = table_of(columns.chain([target()]));
    models.add(
        "names",
        &fit(&table, ColumnSettings::default()),
        &without_target(table.clone()),
    );
    let recipe = Tabular::classifier(&table, "x")
        .ignore(["y"])
        .folds(2)
        .epochs(2);
    assert!(recipe.fit().is_err(), "100 classes with one row each");
    let model = Tabular::classifier(&table, " ")
        .ignore(["y"])
        .folds(2)
        .epochs(4);
    let model = model.hidden(&[8]).fit().unwrap();
    models.add(
        "names of a classifier",
        &model,
        &without_target(table).without(" ").unwrap(),
    );
}

/// Returns columns that tell nothing, and numbers of any size.
fn strange() -> Table<'static> {
    let huge = [1e300, -1e300, 1.7e308, -1.7e308, 0.0, 1.0, f64::NAN];
    let huge = |factor: f64| (0..200).map(move |i| huge[i * 3 % 7] * factor);
    let none = || std::iter::repeat_n(None::<&str>, 200);
    let columns = [
        ("constant", Column::numbers(vec![1e9; 200])),
        ("empty", Column::numbers(vec![f64::NAN; 200])),
        ("zero", Column::numbers(vec![0.0; 200])),
        ("huge", Column::numbers(huge(1.0))),
        ("tiny", Column::numbers(huge(1e-300).map(|x| x * 1e-15))),
        ("one word", Column::words((0..200).map(|_| "word"))),
        ("no word", Column::words(none())),
        (
            "no boolean",
            Column::booleans(std::iter::repeat_n(None::<bool>, 200)),
        ),
        ("no level", Column::levels(none(), ["only"]).unwrap()),
        (
            "empty word",
            Column::words((0..200).map(|i| ["", "a", "b"][i % 3])),
        ),
        ("x", Column::numbers(rows())),
    ];
    table_of(columns.into_iter().chain([target()]))
}

/// Writes models of columns that tell nothing.
pub fn columns(models: &mut Models) {
    let table = strange();
    for one_hot in [2, 64] {
        let settings = ColumnSettings {
            one_hot,
            ..ColumnSettings::default()
        };
        let model = fit(&table, settings);
        models.add(
            &format!("unusual columns {one_hot}"),
            &model,
            &without_target(table.clone()),
        );
        // Each odd number in each column.
        let words = ["word", "", "true", "only", "other", "a", "b"];
        let column = |(at, (name, column)): (usize, (&String, &Column<'_>))| {
            let rows = 0..77;
            let column = if column.as_numbers().is_some() {
                Column::numbers(rows.map(|i| if i % 11 == at { ODD[i / 11] } else { 0.5 }))
            } else {
                Column::words(rows.map(|i| words[i % 7]))
            };
            (name.clone(), column)
        };
        let known = without_target(table.clone());
        let columns = known
            .names()
            .iter()
            .zip(known.columns())
            .enumerate()
            .map(column);
        let new = columns.fold(Table::new(), |table, (name, column)| {
            table.with(name, column).unwrap()
        });
        models.add(&format!("odd numbers {one_hot}"), &model, &new);
    }
}

/// Writes models without a clip, in which numbers overflow f32 or the network's outputs.
pub fn overflow(models: &mut Models) {
    for scaling in [Scaling::None, Scaling::Piecewise(4), Scaling::MinMax] {
        let table = table_of([("x", Column::numbers(rows())), target()]);
        let settings = ColumnSettings {
            scaling,
            ..ColumnSettings::default()
        };
        let model = fit(&table, settings);
        let new = Column::numbers(ODD.into_iter().chain([1e20, 1e38, -1e39, 0.5]));
        models.add(
            &format!("overflow of {scaling:?}"),
            &model,
            &table_of([("x", new)]),
        );
    }
    // Targets near the largest number.
    let y = Column::numbers(rows().map(|x| 1e308 + 7e307 * x));
    let table = table_of([("x", Column::numbers(rows())), ("y", y)]);
    models.add(
        "huge target",
        &fit(&table, ColumnSettings::default()),
        &without_target(table),
    );
}

/// Writes a model of booleans, and predicts their spellings.
pub fn booleans(models: &mut Models) {
    let columns = [
        ("b", Column::booleans((0..200).map(|i| i % 3 == 0))),
        ("x", Column::numbers(rows())),
    ];
    let table = table_of(columns.into_iter().chain([target()]));
    let words = [
        "true", "True", "TRUE", "false", "False", "FALSE", "yes", "1", "",
    ];
    let new = table_of([
        ("b", Column::words(words)),
        ("x", Column::numbers([0.5; 9])),
    ]);
    models.add("booleans", &fit(&table, ColumnSettings::default()), &new);
}

/// Writes a model of many columns, and one of words alone.
pub fn wide(models: &mut Models) {
    let rows = 0..150;
    let mut table = Table::new();
    for column in 0..1500 {
        let cell = |i| pseudo(column)(i);
        let words = rows
            .clone()
            .map(|i| format!("w{}", cell(i) % (column % 9 + 2)));
        let cells = if column % 5 == 0 {
            Column::words(words)
        } else {
            Column::numbers(rows.clone().map(|i| cell(i) as f64))
        };
        table = table.with(format!("column {column}"), cells).unwrap();
    }
    let y = Column::numbers(rows.clone().map(|i| 10.0 + pseudo(1)(i) as f64 / 1e4));
    let table = table.with("y", y).unwrap();
    let recipe = Tabular::regressor(&table, "y")
        .folds(3)
        .epochs(2)
        .hidden(&[16]);
    models.add("1500 columns", &recipe.fit().unwrap(), &table);

    let words = homes(TRAINING, false);
    let targets: Vec<_> = TRAINING.map(|i| 10.0 + (i % 7) as f64).collect();
    let names = ["area", "built", "rooms"];
    let drop = |table: Table<'static>| {
        names
            .iter()
            .fold(table, |table, name| table.without(name).unwrap())
    };
    let table = drop(words).with("y", targets).unwrap();
    let recipe = Tabular::regressor(&table, "y")
        .folds(2)
        .epochs(4)
        .hidden(&[16]);
    models.add(
        "words alone",
        &recipe.fit().unwrap(),
        &drop(homes(NEW, true)),
    );
}
