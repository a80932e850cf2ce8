//! Tables from files, and a description of what was read.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use feedforward::Error;
use feedforward::tabular::{Column, CsvReader, Kind, Table, TabularModel, Value};

use super::Result;
use super::flags::Flags;

/// Maximum number of different numbers that are classes by default.
const FEW: usize = 2;

/// Minimum number of rows for a warning about a column that differs in each row.
const ENOUGH_ROWS: usize = 10;

/// Maximum number of names in a line.
const MOST_NAMES: usize = 8;

/// Kind of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Numbers,
    Classes,
}

/// A table to learn from.
#[derive(Debug)]
pub struct Reading {
    pub table: Table<'static>,
    pub target: String,
    pub kind: Target,
}

fn reader(flags: &Flags) -> CsvReader {
    let reader = CsvReader::new();
    match flags.delimiter {
        Some(delimiter) => reader.delimiter(delimiter),
        None => reader,
    }
}

impl Reading {
    /// Reads the file to learn from.
    pub fn new(flags: &Flags) -> Result<Self> {
        let file = flags.data();
        let name = file.display();
        let mut reader = reader(flags).words(&flags.words);
        if let (Some(target), true) = (flags.target(), flags.numbers || flags.log) {
            reader = reader.numbers([target]);
        }
        let table = reader.open(&file)?;
        let explain = |error: Error| format!("{name}: {error}");
        let Some(target) = flags.target() else {
            let names = table.names().join(", ");
            return Err(format!("{name}: expected --target with one of {names}, got none").into());
        };
        let column = table.column(target).map_err(explain)?;
        for ignored in &flags.ignore {
            table.column(ignored).map_err(explain)?;
        }
        if table.rows() == 0 {
            return Err(no_rows(&file).into());
        }
        let is_few = || distinct(column) <= FEW;
        let kind = match column.kind() {
            _ if flags.classes => Target::Classes,
            Kind::Numbers if flags.numbers || flags.log || !is_few() => Target::Numbers,
            _ => Target::Classes,
        };
        let target = target.to_string();
        Ok(Self {
            table,
            target,
            kind,
        })
    }

    /// Describes the table: columns by kind, missing cells, the target, and warnings.
    pub fn description(&self, flags: &Flags) -> String {
        let table = &self.table;
        let (rows, mut text) = (table.rows(), String::new());
        let mut line = |words: String| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{words}");
        };
        line(format!(
            "{}: {rows} rows, {} columns",
            flags.data().display(),
            table.names().len()
        ));
        let columns = || table.names().iter().zip(table.columns());
        let is_feature = |name: &String| *name != self.target && !flags.ignore.contains(name);
        let features: Vec<_> = columns().filter(|(name, _)| is_feature(name)).collect();
        for kind in [Kind::Numbers, Kind::Words, Kind::Booleans] {
            let of_kind = features.iter().filter(|(_, column)| column.kind() == kind);
            let names = of_kind.map(|(name, column)| match kind {
                Kind::Words => format!("{name} ({})", distinct(column)),
                _ => (*name).clone(),
            });
            let different = if kind == Kind::Words {
                " (different ones)"
            } else {
                ""
            };
            listed(&format!("of {kind}{different}"), names).map(&mut line);
        }
        listed("ignored", flags.ignore.iter().cloned()).map(&mut line);
        let missing = features.iter().filter(|(_, column)| column.missing() > 0);
        let missing = missing.map(|(name, column)| format!("{name} ({})", column.missing()));
        listed("with missing cells", missing).map(&mut line);
        line(format!("  target: {}", self.target_description(flags)));
        for (name, column) in features {
            warning(name, column, rows).map(&mut line);
        }
        text
    }

    fn target_description(&self, flags: &Flags) -> String {
        let Ok(column) = self.table.column(&self.target) else {
            return String::new();
        };
        let (name, count) = (&self.target, distinct(column));
        match self.kind {
            Target::Numbers => {
                let numbers = column.as_numbers().unwrap_or_default().iter();
                let (low, high) = numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| {
                    (l.min(x), h.max(x))
                });
                let log = if flags.log { ", as logarithms" } else { "" };
                format!("{name}, numbers from {low} to {high}{log}")
            }
            Target::Classes if column.kind() == Kind::Numbers && !flags.classes => {
                format!("{name}, {count} different numbers, thus classes (see --numbers)")
            }
            Target::Classes => format!("{name}, {count} classes"),
        }
    }
}

/// Returns an indented line with names of columns, or `None` if there are no names.
fn listed(what: &str, names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<_> = names.collect();
    let more = match names.len() {
        0 => return None,
        count @ MOST_NAMES.. if count > MOST_NAMES => format!(", and {} more", count - MOST_NAMES),
        _ => String::new(),
    };
    let shown = &names[..names.len().min(MOST_NAMES)];
    let columns = if names.len() == 1 {
        "column"
    } else {
        "columns"
    };
    let names = names.len();
    Some(format!(
        "  {names} {columns} {what}: {}{more}",
        shown.join(", ")
    ))
}

/// Returns a warning about a column that cannot help.
fn warning(name: &str, column: &Column<'_>, rows: usize) -> Option<String> {
    if column.missing() == rows {
        return Some(format!("warning: column {name} has no values"));
    }
    let is_whole = || {
        let numbers = column.as_numbers();
        numbers.is_none_or(|numbers| numbers.iter().all(|x| x.fract() == 0.0))
    };
    match distinct(column) {
        1 if column.missing() == 0 => Some(format!("note: column {name} is constant")),
        count if count == rows && rows >= ENOUGH_ROWS && is_whole() => Some(format!(
            "warning: column {name} is different in each row; --ignore {name} leaves it out"
        )),
        _ => None,
    }
}

/// Returns the number of different values. A missing cell is none.
fn distinct(column: &Column<'_>) -> usize {
    if let Some(numbers) = column.as_numbers() {
        let mut bits: Vec<_> = numbers.iter().filter(|x| !x.is_nan()).collect();
        bits.sort_unstable_by(|a, b| a.total_cmp(b));
        bits.dedup();
        return bits.len();
    }
    let words: BTreeSet<_> = (0..column.len())
        .filter_map(|row| match column.get(row)? {
            Value::Word(word) => Some(word),
            Value::Boolean(true) => Some("true"),
            Value::Boolean(false) => Some("false"),
            _ => None,
        })
        .collect();
    words.len()
}

/// Returns the columns that a model reads, and its target.
pub fn known(model: &TabularModel) -> BTreeSet<&str> {
    let columns = model.columns().next().into_iter();
    let columns = columns.flat_map(|columns| columns.columns());
    let targets = model.targets().iter().map(|name| &**name);
    columns.map(|(name, _)| name).chain(targets).collect()
}

/// Reads a file for a model that exists. Columns have the kinds that the model knows.
pub fn again(file: &Path, model: &TabularModel, flags: &Flags) -> Result<Table<'static>> {
    let of = |wanted: Kind| {
        let columns = model.columns().next().into_iter();
        let columns = columns.flat_map(|columns| columns.columns());
        let columns = columns.filter(move |(_, kind)| *kind == wanted);
        columns.map(|(name, _)| name)
    };
    let reader = reader(flags)
        .words(of(Kind::Words))
        .numbers(of(Kind::Numbers));
    let table = reader.open(file)?;
    if table.rows() == 0 {
        return Err(no_rows(file).into());
    }
    // Other columns are copied to the predictions as they are. Numbers would lose leading zeros.
    let known = known(model);
    let others = table
        .names()
        .iter()
        .filter(|name| !known.contains(&***name));
    let others: Vec<_> = others.collect();
    if flags.predict.is_none() || others.is_empty() {
        return Ok(table);
    }
    Ok(reader.words(others).open(file)?)
}

fn no_rows(file: &Path) -> String {
    format!(
        "{}: expected rows below the header, got none",
        file.display()
    )
}
