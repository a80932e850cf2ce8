//! Models with rows to predict.

use std::path::PathBuf;

use feedforward::onnx;
use feedforward::tabular::{Column, Table, TabularModel, Value};
use serde_json::{Value as Json, json};

/// The output folder, and one line for each model in it.
pub struct Models {
    pub folder: PathBuf,
    pub lines: Vec<String>,
}

impl Models {
    /// Writes a model, and its predictions for a table.
    pub fn add(&mut self, name: &str, model: &TabularModel, table: &Table<'_>) {
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
