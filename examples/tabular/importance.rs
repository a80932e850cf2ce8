//! Importance of columns, with bounds on its cost.

use std::collections::BTreeMap;

use feedforward::tabular::{Column, Columns, Importance, ImportanceSettings, TabularModel, Value};

use super::reading::Reading;
use super::{Result, labels, written};

/// Maximum numbers of rows to predict, of columns to shuffle, and of inputs to predict from.
/// Together they bound the time to a few seconds for any table.
const MOST_ROWS: usize = 2000;
const MOST_COLUMNS: usize = 24;
const MOST_INPUTS: usize = 1 << 20;

/// Number of shuffles of each column.
const REPEATS: usize = 5;

/// Maximum number of lines.
const MOST_LINES: usize = 10;

/// Maximum length of a column's name in a line.
const MOST_LETTERS: usize = 40;

/// Importance of the columns that matter most.
#[derive(Debug)]
pub struct Measured {
    pub importance: Importance,
    /// Number of columns that the model reads.
    pub columns: usize,
    /// Number of rows that were predicted.
    pub rows: usize,
}

impl Measured {
    /// Measures the importance on held-out rows. Returns `None` if their score is undefined.
    pub fn new(model: &TabularModel, reading: &Reading) -> Result<Option<Self>> {
        let inputs = model.columns().map(Columns::inputs).max();
        let names: Vec<_> = model.columns().take(1).flat_map(Columns::columns).collect();
        let names: Vec<_> = names.into_iter().map(|(name, _)| name).collect();
        let most_rows = (MOST_INPUTS / inputs.unwrap_or(1).max(1)).clamp(64, MOST_ROWS);
        let held_out: usize = model.held_out().iter().map(Vec::len).sum();
        if held_out < 2 {
            return Ok(None);
        }
        let columns = if names.len() > MOST_COLUMNS {
            Some(followed(model, reading, &names)?)
        } else {
            None
        };
        let settings = ImportanceSettings {
            repeats: REPEATS,
            max_rows: Some(most_rows),
            columns,
            ..ImportanceSettings::default()
        };
        let importance = model.held_out_importance(&reading.table, &settings)?;
        let measured = Self {
            columns: names.len(),
            rows: held_out.min(most_rows),
            importance,
        };
        Ok(Some(measured).filter(|measured| measured.importance.unshuffled().is_finite()))
    }

    /// Returns words about the numbers, such as `loss of r2`.
    pub fn title(&self) -> String {
        match self.importance.score() {
            score @ ("r2" | "accuracy" | "auc") => format!("loss of {score}"),
            score => format!("rise of {score}"),
        }
    }

    /// Returns lines for readers.
    pub fn lines(&self) -> Vec<String> {
        let (title, rows, shown) = (self.title(), self.rows, self.importance.iter().len());
        let of = format!("{title} on {rows} held-out rows after a shuffle");
        let mut lines = vec![format!("importance of columns, the {of}:")];
        let names = self.importance.iter().take(MOST_LINES);
        let names: Vec<_> = names.map(|(name, ..)| name.to_string()).collect();
        let names = labels::shortened(&names, MOST_LETTERS);
        let width = names.iter().map(|name| name.chars().count()).max();
        let width = width.unwrap_or(0).max(9);
        for (name, (_, mean, deviation)) in names.iter().zip(self.importance.iter()) {
            let numbers = format!("{} ± {}", fixed(mean), fixed(deviation).trim_start());
            lines.push(format!("  {name:width$} {numbers}"));
        }
        if let Some((_, mean, _)) = self.importance.iter().nth(MOST_LINES) {
            let count = written::count(shown - MOST_LINES, "more column", "more columns");
            lines.push(format!(
                "  {count}, each at most {}",
                fixed(mean).trim_start()
            ));
        }
        if shown < self.columns {
            let others = self.columns - shown;
            let others = written::count(others, "other column was", "other columns were");
            lines.push(format!(
                "  {others} not shuffled, because predictions follow them less"
            ));
        }
        lines
    }
}

/// Returns a number with four digits after the point, of which fewer say little.
fn fixed(x: f64) -> String {
    if x.abs() < 1e4 {
        let x = if x.abs() < 5e-5 { 0.0 } else { x }; // not -0.0000
        return format!("{x:>8.4}");
    }
    written::score(x, 4)
}

/// Maximum numbers of rows and outputs that choose the columns.
const CHOOSING_ROWS: usize = 500;
const CHOOSING_OUTPUTS: usize = 4;

/// Number of groups of a column of numbers.
const GROUPS: usize = 6;

/// Returns the columns that explain most of the predictions' variance, each on its own. A shuffle
/// of each of many columns would take long.
fn followed(model: &TabularModel, reading: &Reading, names: &[&str]) -> Result<Vec<String>> {
    let width = model.classes().len().max(1);
    let predictions = model.out_of_fold();
    let held_out: Vec<_> = (0..reading.table.rows())
        .filter(|row| predictions[row * width].is_finite())
        .collect();
    let step = held_out.len().div_ceil(CHOOSING_ROWS).max(1);
    let rows: Vec<_> = held_out.into_iter().step_by(step).collect();
    let outputs: Vec<Vec<f64>> = (0..width.min(CHOOSING_OUTPUTS))
        .map(|output| ranks(rows.iter().map(|row| predictions[row * width + output])))
        .collect();
    let mut explained = Vec::new();
    for name in names {
        let groups = groups(reading.table.column(name)?, &rows);
        let of_output = outputs
            .iter()
            .map(|output| variance_between(output, &groups));
        explained.push((of_output.sum::<f64>(), *name));
    }
    explained.sort_by(|a, b| b.0.total_cmp(&a.0));
    explained.truncate(MOST_COLUMNS);
    Ok(explained
        .into_iter()
        .map(|(_, name)| name.to_string())
        .collect())
}

/// Returns the rank of each number.
fn ranks(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let numbers: Vec<_> = numbers.collect();
    let mut order: Vec<_> = (0..numbers.len()).collect();
    order.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    let mut ranks = vec![0.0; numbers.len()];
    for (rank, at) in order.into_iter().enumerate() {
        ranks[at] = rank as f64;
    }
    ranks
}

/// Returns the group of each row: its word, or its place among the numbers. Missing cells are a
/// group too.
fn groups(column: &Column<'_>, rows: &[usize]) -> Vec<usize> {
    let Some(numbers) = column.as_numbers() else {
        let mut known = BTreeMap::new();
        let group = |&row: &usize| {
            let (cell, next) = (cell(column.get(row)), known.len());
            *known.entry(cell).or_insert(next)
        };
        return rows.iter().map(group).collect();
    };
    let mut ascending: Vec<_> = rows.iter().map(|&row| numbers[row]).collect();
    ascending.sort_by(f64::total_cmp);
    let group = |&row: &usize| {
        let below = ascending.partition_point(|other| other.total_cmp(&numbers[row]).is_lt());
        if numbers[row].is_nan() {
            GROUPS
        } else {
            below * GROUPS / ascending.len()
        }
    };
    rows.iter().map(group).collect()
}

fn cell(value: Option<Value<'_>>) -> Option<&str> {
    match value? {
        Value::Word(word) => Some(word),
        Value::Boolean(true) => Some("true"),
        _ => None,
    }
}

/// Returns the variance between groups, minus the mean of it for groups by chance.
fn variance_between(numbers: &[f64], groups: &[usize]) -> f64 {
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let mut sums = BTreeMap::<usize, (f64, f64)>::new();
    for (number, group) in numbers.iter().zip(groups) {
        let (sum, count) = sums.entry(*group).or_default();
        *sum += number - mean;
        *count += 1.0;
    }
    let between: f64 = sums.values().map(|(sum, count)| sum * sum / count).sum();
    let total: f64 = numbers.iter().map(|x| (x - mean) * (x - mean)).sum();
    let (free, rows) = (sums.len() as f64 - 1.0, numbers.len() as f64 - 1.0);
    between - total * free / rows.max(1.0)
}
