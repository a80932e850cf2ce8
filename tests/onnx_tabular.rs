//! Writes models of tables as ONNX, with rows to predict and this crate's predictions.
//!
//! The script `tests/onnx_check.py` compares them with the results of onnxruntime:
//!
//! ```text
//! FEEDFORWARD_ONNX_OUT=/tmp/tables cargo test --test onnx_tabular
//! python tests/onnx_check.py /tmp/tables    # needs onnx, onnxruntime and numpy
//! ```
//!
//! `tables.jsonl` has one line per model, with all cells. The empty word and null are missing.

use std::path::PathBuf;

use feedforward::onnx;
use feedforward::tabular::{
    Column, ColumnSettings, Preset, Scaling, Table, Tabular, TabularModel, Value, Waves,
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
        let values = model.predict(table);
        let (output, values) = match values {
            Ok(values) => ("prediction", values),
            Err(_) => ("probabilities", model.predict_probability(table).unwrap()),
        };
        let labels = is_classifier.then(|| model.predict_class(table).unwrap());
        let line = json!({
            "name": name,
            "columns": cells(table),
            "output": output,
            "values": values,
            "labels": labels,
        });
        self.lines.push(line.to_string());
    }
}

/// Returns the cells of all columns, in order.
fn cells(table: &Table<'_>) -> Json {
    let columns = table.names().iter().zip(table.columns());
    let columns = columns.map(|(name, column)| {
        let is_number = column.as_numbers().is_some();
        let cell = |row| match column.get(row).unwrap() {
            Value::Number(x) => json!(x),
            Value::Word(word) => json!(word),
            Value::Boolean(boolean) => json!(boolean.to_string()),
            Value::Missing if is_number => Json::Null,
            Value::Missing => json!(""),
        };
        let cells: Vec<_> = (0..column.len()).map(cell).collect();
        json!({ "name": name, "is_number": is_number, "cells": cells })
    });
    columns.collect()
}

fn pseudo(seed: usize) -> impl Fn(usize) -> usize {
    move |i| (i * 7919 + seed * 104_729) % 10_007
}

/// Returns a table of homes with gaps. `is_new` adds words that training has never seen.
fn homes(rows: std::ops::Range<usize>, is_new: bool) -> Table<'static> {
    let rows = || rows.clone();
    let unit = |seed| move |i| pseudo(seed)(i) as f64 / 10_007.0;
    let gap = |seed, i: usize| pseudo(seed)(i) % 9 == 0;
    let area = rows().map(|i| (!gap(1, i)).then_some(40.0 + 100.0 * unit(2)(i)));
    let built = rows().map(|i| 1_700_000_000.0 - 1e6 * unit(3)(i).round());
    let rooms = rows().map(|i| (!gap(4, i)).then_some((unit(5)(i) * 6.0).floor()));
    let streets = ["Elm", "Oak", "Ash", "Fir", "Yew \"q\"", "Ümlaut 🌲"];
    let street = rows().map(|i| match pseudo(6)(i) {
        _ if gap(7, i) => None,
        _ if is_new && i % 5 == 0 => Some("Unseen"),
        at => Some(streets[at % streets.len()]),
    });
    let heating = rows().map(|i| ["gas", "oil"][pseudo(8)(i) % 2]);
    let garden = rows().map(|i| (!gap(9, i)).then_some(pseudo(10)(i) % 3 == 0));
    let state = rows().map(|i| (!gap(11, i)).then_some(["poor", "fair", "good"][pseudo(12)(i) % 3]));
    let owner = rows().map(|i| format!("owner {}", pseudo(13)(i) % if is_new { 90 } else { 70 }));
    let table = Table::new()
        .with("area", Column::numbers(area))
        .and_then(|table| table.with("built", Column::numbers(built)))
        .and_then(|table| table.with("rooms", Column::numbers(rooms)))
        .and_then(|table| table.with("street", Column::words(street)))
        .and_then(|table| table.with("heating", Column::words(heating)))
        .and_then(|table| table.with("garden", Column::booleans(garden)))
        .and_then(|table| table.with("state", Column::levels(state, ["poor", "fair", "good"])?))
        .and_then(|table| table.with("owner", Column::words(owner)));
    table.unwrap()
}

/// Returns a number that depends on all columns of [`homes`].
fn price(table: &Table<'_>, row: usize) -> f64 {
    let number = |name: &str| match table.column(name).unwrap().get(row) {
        Some(Value::Number(x)) => x,
        Some(Value::Word(word)) => word.len() as f64,
        Some(Value::Boolean(boolean)) => f64::from(u8::from(boolean)) * 3.0,
        _ => 1.0,
    };
    let names = ["area", "rooms", "street", "heating", "garden", "state", "owner"];
    let total: f64 = names.iter().map(|name| number(name)).sum();
    1000.0 + 10.0 * total
}

fn with_target(table: Table<'static>) -> Table<'static> {
    let prices: Vec<_> = (0..table.rows()).map(|row| price(&table, row)).collect();
    table.with("price", prices).unwrap()
}

fn regressors(models: &mut Models) {
    let table = with_target(homes(0..400, false));
    let new = homes(1000..1100, true);
    let recipe = || Tabular::regressor(&table, "price").epochs(5).hidden(&[32, 32]);
    models.add("numbers", &recipe().folds(1).fit().unwrap(), &new);
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
    regressors(&mut models);
    let lines = models.lines.join("\n") + "\n";
    std::fs::write(models.folder.join("tables.jsonl"), lines).unwrap();
}
