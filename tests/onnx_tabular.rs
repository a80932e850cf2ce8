//! Writes models of tables as ONNX, with rows to predict and this crate's predictions.
//!
//! The script `tests/onnx_check.py` compares them with the results of onnxruntime:
//!
//! ```text
//! FEEDFORWARD_ONNX_OUT=/tmp/tables cargo test --test onnx_tabular
//! python tests/onnx_check.py /tmp/tables    # needs onnx, onnxruntime and numpy
//! ```
//!
//! `tables.jsonl` has one line per model, with all cells. Missing cells are null, or empty words.

use std::ops::Range;
use std::path::PathBuf;

use feedforward::onnx;
use feedforward::search::Space;
use feedforward::tabular::{
    Calibration, Column, ColumnSettings, Preset, Scaling, SearchSettings, Table, Tabular,
    TabularModel, Value, Waves,
};
use serde_json::{Value as Json, json};

/// The output folder, and one line for each model in it.
struct Models {
    folder: PathBuf,
    lines: Vec<String>,
}

impl Models {
    /// Writes a model, and its predictions for a table.
    fn add(&mut self, name: &str, model: &TabularModel, table: &Table<'_>) {
        let bytes = onnx::export(model).unwrap();
        std::fs::write(self.folder.join(format!("{name}.onnx")), bytes).unwrap();
        let is_classifier = !model.classes().is_empty();
        let is_regressor = model.scalers().all(|scaler| scaler.is_some());
        let predict = |table: &Table<'_>| {
            if is_regressor {
                model.predict(table)
            } else {
                model.predict_probability(table)
            }
        };
        let width = if is_classifier {
            model.classes().len()
        } else {
            model.targets().len()
        };
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for row in 0..table.rows() {
            let row = row_of(table, row);
            // A row that this crate refuses has NaN, and no label.
            let outputs = predict(&row).unwrap_or_else(|_| vec![f64::NAN; width]);
            if is_classifier {
                let label = model.predict_class(&row).map_or("", |labels| labels[0]);
                labels.push(label.to_owned());
            }
            values.extend(outputs);
        }
        let unused = |name: &str| {
            let is_taken = table.names().iter().any(|column| column == name);
            format!("{name}{}", if is_taken { " (2)" } else { "" })
        };
        let value = if is_regressor {
            "prediction"
        } else {
            "probabilities"
        };
        let outputs = is_classifier.then_some("label").into_iter().chain([value]);
        let columns = table.names().iter().zip(table.columns());
        let columns = columns.map(|(name, column)| {
            let name = if name.is_empty() { "unnamed" } else { name };
            let is_number = column.as_numbers().is_some();
            let cells: Vec<_> = (0..column.len()).map(|row| cell(column, row)).collect();
            json!({ "name": name, "is_number": is_number, "cells": cells })
        });
        let line = json!({
            "name": name,
            "columns": columns.collect::<Vec<_>>(),
            "outputs": outputs.map(unused).collect::<Vec<_>>(),
            "values": values.iter().map(|&x| number(x)).collect::<Vec<_>>(),
            "labels": is_classifier.then_some(labels),
        });
        self.lines.push(line.to_string());
    }
}

/// Returns a number for JSON, which has no infinities.
fn number(x: f64) -> Json {
    if x.is_infinite() {
        json!(x.to_string())
    } else {
        json!(x)
    }
}

fn cell(column: &Column<'_>, row: usize) -> Json {
    match column.get(row).unwrap() {
        Value::Number(x) => number(x),
        Value::Word(word) => json!(word),
        Value::Boolean(boolean) => json!(boolean.to_string()),
        Value::Missing if column.as_numbers().is_some() => Json::Null,
        Value::Missing => json!(""),
    }
}

/// Returns a row as a table.
fn row_of<'t>(table: &'t Table<'_>, row: usize) -> Table<'t> {
    let columns = table.names().iter().zip(table.columns());
    let cells = columns.map(|(name, column)| (name.as_str(), column.get(row).unwrap()));
    Table::row(cells).unwrap()
}

/// Returns numbers without a pattern, below 10,007.
fn pseudo(seed: usize) -> impl Fn(usize) -> usize {
    move |i| (i * 7919 + seed * 1_299_709) % 10_007 * (2 * seed + 1) % 10_007
}

/// Returns a table from its columns.
fn table_of<'a>(columns: impl IntoIterator<Item = (&'static str, Column<'a>)>) -> Table<'a> {
    let columns = columns.into_iter();
    columns.fold(Table::new(), |table, (name, column)| {
        table.with(name, column).unwrap()
    })
}

/// Returns homes with gaps. `is_new` adds words that training has never seen.
fn homes(rows: Range<usize>, is_new: bool) -> Table<'static> {
    let rows = || rows.clone();
    let unit = |seed| move |i| pseudo(seed)(i) as f64 / 10_007.0;
    let gap = |seed, i: usize| pseudo(seed)(i) % 9 == 0;
    let area = rows().map(|i| (!gap(1, i)).then_some(40.0 + 100.0 * unit(2)(i)));
    let built = rows().map(|i| 1_700_000_000.0 - 1e6 * unit(3)(i).round());
    let rooms = rows().map(|i| (!gap(4, i)).then_some((unit(5)(i) * 6.0).floor()));
    let streets = ["Elm", "Oak", "Ash", "Fir", "Yew \"q\" \\", "Ümlaut 🌲", " "];
    let street = rows().map(|i| match pseudo(6)(i) {
        _ if gap(7, i) => None,
        _ if is_new && i % 5 == 0 => Some("Unseen"),
        at => Some(streets[at % streets.len()]),
    });
    let heating = rows().map(|i| match pseudo(8)(i) {
        _ if gap(9, i) => None,
        at => Some(["gas", "oil"][at % 2]),
    });
    let garden = rows().map(|i| (!gap(10, i)).then_some(pseudo(11)(i) % 3 == 0));
    let states = ["poor", "fair", "good", "best"];
    let state = rows().map(|i| (!gap(12, i)).then_some(states[pseudo(13)(i) % 4]));
    let owners = if is_new { 90 } else { 70 };
    let owner = rows().map(|i| format!("owner {}", pseudo(14)(i) % owners));
    table_of([
        ("area", Column::numbers(area)),
        ("built", Column::numbers(built)),
        ("rooms", Column::numbers(rooms)),
        ("street", Column::words(street)),
        ("heating", Column::words(heating)),
        ("garden", Column::booleans(garden)),
        ("state", Column::levels(state, states).unwrap()),
        ("owner", Column::words(owner)),
    ])
}

const TRAINING: Range<usize> = 0..400;
const NEW: Range<usize> = 1000..1100;

/// Returns a number for each row, which depends on all columns of [`homes`]: 10 to 90.
fn quality(table: &Table<'_>) -> Vec<f64> {
    let term = |cell: Option<Value<'_>>| match cell {
        Some(Value::Number(x)) => x % 150.0 / 10.0,
        Some(Value::Word(word)) => word.len() as f64,
        Some(Value::Boolean(boolean)) => 5.0 * f64::from(u8::from(boolean)),
        _ => 1.0,
    };
    let sum = |row| table.columns().iter().map(|c| term(c.get(row))).sum();
    (0..table.rows()).map(sum).collect()
}

/// Returns the homes to learn, and targets of every kind.
fn learned() -> Table<'static> {
    let homes = homes(TRAINING, false);
    let quality = quality(&homes);
    let rows = || 0..homes.rows();
    let targets = [
        ("price", Column::numbers(rows().map(|i| quality[i]))),
        (
            "sold",
            Column::numbers(rows().map(|i| 1.7e9 + 60.0 * quality[i])),
        ),
        (
            "bids",
            Column::numbers(rows().map(|i| (quality[i] / 9.0).floor())),
        ),
        ("days", Column::numbers(rows().map(|i| 1 + i % 7))),
        (
            "is large",
            Column::booleans(rows().map(|i| quality[i] > 40.0)),
        ),
        ("is old", Column::booleans(rows().map(|i| i % 3 == 0))),
        (
            "kind",
            Column::words(rows().map(|i| ["a \"b\"", "ü", "🏡"][quality[i] as usize % 3])),
        ),
        (
            "stars",
            Column::numbers(rows().map(|i| (quality[i] as usize % 4) as f64 - 1.5)),
        ),
    ];
    targets.into_iter().fold(homes, |table, (name, column)| {
        table.with(name, column).unwrap()
    })
}

/// Returns the recipe without other targets.
fn small<'t>(recipe: Tabular<'t>, used: &[&str]) -> Tabular<'t> {
    let targets = [
        "price", "sold", "bids", "days", "is large", "is old", "kind", "stars",
    ];
    let ignored = targets.into_iter().filter(|name| !used.contains(name));
    recipe.ignore(ignored).epochs(8).hidden(&[32, 16])
}

/// Writes models of every kind of target.
fn targets(models: &mut Models) {
    let (table, new) = (learned(), homes(NEW, true));
    for folds in [1, 5] {
        let mut add = |name: &str, recipe: Tabular<'_>, used: &[&str]| {
            let model = small(recipe, used).folds(folds).fit().unwrap();
            models.add(&format!("{name}, {folds} folds"), &model, &new);
        };
        let numbers = Tabular::regressor(&table, "price");
        add("numbers", numbers.clone(), &["price"]);
        add("logarithms", numbers.logarithm(), &["price"]);
        let both = ["price", "sold"];
        add("two numbers", Tabular::regressor_of(&table, both), &both);
        add(
            "two classes",
            Tabular::classifier(&table, "is large"),
            &["is large"],
        );
        add("classes", Tabular::classifier(&table, "kind"), &["kind"]);
        add(
            "classes of numbers",
            Tabular::classifier(&table, "stars"),
            &["stars"],
        );
        let both = ["is large", "is old"];
        add("labels", Tabular::labels(&table, both), &both);
        add("counts", Tabular::counts(&table, "bids"), &["bids"]);
    }
    for calibration in [
        Calibration::None,
        Calibration::Platt,
        Calibration::Quadratic,
    ] {
        let recipe = Tabular::classifier(&table, "is large").calibration(calibration);
        let model = small(recipe, &["is large"]).folds(2).fit().unwrap();
        models.add(&format!("calibration {calibration:?}"), &model, &new);
    }
    let recipe = Tabular::classifier(&table, "kind").calibration(Calibration::None);
    let model = small(recipe, &["kind"]).folds(2).fit().unwrap();
    models.add("classes without calibration", &model, &new);
    // Rows with infinite numbers have no label.
    let areas = [f64::INFINITY, 70.0, f64::NEG_INFINITY, f64::NAN];
    let areas = (0..new.rows()).map(|row| areas[row % areas.len()]);
    let odd = new
        .clone()
        .without("area")
        .unwrap()
        .with("area", Column::numbers(areas))
        .unwrap();
    models.add("classes of odd rows", &model, &odd);
    let space = Space::new().log_uniform("learning_rate", 0.001, 0.1);
    let settings = SearchSettings {
        trials: 6,
        factor: 1.0,
        space: Some(space.unwrap()),
        ..SearchSettings::default()
    };
    let recipe = small(Tabular::regressor(&table, "price"), &["price"]);
    let ensemble = recipe.folds(2).search(&settings).unwrap().ensemble;
    assert!(
        ensemble.weights().any(|weight| weight > 1),
        "nothing is weighted"
    );
    models.add("ensemble of a search", &ensemble, &new);
    // Exposures that are not above 0 have no prediction.
    let counts = Tabular::counts(&table, "bids").exposure("days");
    let model = small(counts, &["bids", "days"]).folds(3).fit().unwrap();
    let exposures = [1.0, 7.5, f64::NAN, 0.0, -1.0, f64::INFINITY, 1e-300, 1e300];
    let days = (0..new.rows()).map(|i| exposures[i % exposures.len()]);
    let new = new.with("days", Column::numbers(days)).unwrap();
    models.add("counts with exposure", &model, &new);
}

/// Writes models with every scaling, and with all that columns can become.
fn columns(models: &mut Models) {
    let (table, new) = (learned(), homes(NEW, true));
    let scalings = [
        Scaling::Robust,
        Scaling::Standard,
        Scaling::MinMax,
        Scaling::Log,
        Scaling::Piecewise(5),
        Scaling::None,
    ];
    let default = ColumnSettings::default();
    let mut add = |name: &str, settings: ColumnSettings| {
        // Other numbers of `built` are too large for a network without scaling.
        let recipe = Tabular::regressor(&table, "price")
            .columns(settings)
            .ignore(["built"]);
        let model = small(recipe, &["price"]).folds(2).fit().unwrap();
        models.add(name, &model, &new);
    };
    for (index, scaling) in scalings.into_iter().enumerate() {
        let settings = ColumnSettings {
            scaling,
            one_hot: [64, 3][index % 2],
            min_count: [1, 4, 8][index % 3],
            waves: [Waves::Auto, Waves::Off][index / 2 % 2],
            ..default.clone()
        };
        add(&format!("{scaling:?}"), settings);
    }
    let names = ["area", "rooms", "state"];
    for (index, turn) in [0, 2, 4].into_iter().enumerate() {
        let scalings = scalings.into_iter().cycle().skip(turn);
        let scalings = names.iter().map(ToString::to_string).zip(scalings);
        let settings = ColumnSettings {
            scalings: scalings.collect(),
            one_hot: [2, 64, 8][index],
            ..default.clone()
        };
        add(&format!("mixed scalings {index}"), settings);
    }
    for preset in [Preset::Simple, Preset::Full] {
        for target in ["price", "kind"] {
            let recipe = match target {
                "price" => Tabular::regressor(&table, target),
                _ => Tabular::classifier(&table, target),
            };
            let model = small(recipe.preset(preset), &[target]).folds(2).fit();
            models.add(&format!("{preset:?} {target}"), &model.unwrap(), &new);
        }
    }
}

/// Writes models of unusual columns.
fn unusual(models: &mut Models) {
    let rows = || (0..200).map(|i| (i * 37 % 101) as f64 / 101.0);
    let fit = |table: &Table<'_>, one_hot| {
        let settings = ColumnSettings {
            one_hot,
            ..ColumnSettings::default()
        };
        let recipe = Tabular::regressor(table, "y").columns(settings);
        recipe.folds(2).epochs(8).hidden(&[16]).fit().unwrap()
    };
    let target = || ("y", Column::numbers(rows().map(|x| 50.0 + x)));
    let without = |table: Table<'static>| table.without("y").unwrap();

    // Names that graphs have too.
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
    models.add("names", &fit(&table, 64), &without(table.clone()));
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
        &without(table).without(" ").unwrap(),
    );

    // Columns that tell nothing, and numbers of any size.
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
    let table = table_of(columns.into_iter().chain([target()]));
    let odd = [
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        f64::MAX,
        f64::MIN,
        5e-324,
        -0.0,
    ];
    for one_hot in [2, 64] {
        let model = fit(&table, one_hot);
        models.add(
            &format!("unusual columns {one_hot}"),
            &model,
            &without(table.clone()),
        );
        // Each odd number in each column.
        let words = ["word", "", "true", "only", "other", "a", "b"];
        let column = |(at, (name, column)): (usize, (&String, &Column<'_>))| {
            let rows = 0..77;
            let column = if column.as_numbers().is_some() {
                Column::numbers(rows.map(|i| if i % 11 == at { odd[i / 11] } else { 0.5 }))
            } else {
                Column::words(rows.map(|i| words[i % 7]))
            };
            (name.clone(), column)
        };
        let known = without(table.clone());
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

    // Without scaling, numbers overflow f32 or the network's outputs.
    for scaling in [Scaling::None, Scaling::Piecewise(4), Scaling::MinMax] {
        let table = table_of([("x", Column::numbers(rows())), target()]);
        let settings = ColumnSettings {
            scaling,
            ..ColumnSettings::default()
        };
        let recipe = Tabular::regressor(&table, "y").columns(settings).folds(2);
        let model = recipe.epochs(8).hidden(&[16]).fit().unwrap();
        let new = Column::numbers(odd.into_iter().chain([1e20, 1e38, -1e39, 0.5]));
        models.add(
            &format!("overflow of {scaling:?}"),
            &model,
            &table_of([("x", new)]),
        );
    }
    // Spellings of booleans.
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
    models.add("booleans", &fit(&table, 64), &new);
    // Targets near the largest number.
    let y = Column::numbers(rows().map(|x| 1e308 + 7e307 * x));
    let table = table_of([("x", Column::numbers(rows())), ("y", y)]);
    models.add("huge target", &fit(&table, 64), &without(table));
}

/// Writes a model of many columns, and one of words alone.
fn wide(models: &mut Models) {
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

#[test]
fn models_are_written() {
    let folder = std::env::var_os("FEEDFORWARD_ONNX_OUT").map_or_else(
        || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("onnx_tabular"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).unwrap();
    let mut models = Models {
        folder,
        lines: Vec::new(),
    };
    targets(&mut models);
    columns(&mut models);
    unusual(&mut models);
    wide(&mut models);
    assert!(models.lines.len() > 30);
    let lines = models.lines.join("\n") + "\n";
    std::fs::write(models.folder.join("tables.jsonl"), lines).unwrap();
}
