//! Targets of a recipe: numbers or classes.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::column::{Cells, Kind};
use super::levels::Levels;
use super::table::Table;
use crate::error::{Error, Result, bounded};
use crate::math;

/// Kind of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub(super) enum Task {
    /// Numbers.
    Regression,
    /// Positive numbers, learned as logarithms.
    LogRegression,
    /// One of several classes.
    Classification,
}

/// Target columns of a fitted model.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Target {
    pub(super) task: Task,
    pub(super) names: Vec<String>,
    /// Classes in the order of the outputs. Empty for numbers.
    pub(super) classes: Vec<String>,
}

/// Targets of all rows of a table.
#[derive(Clone, Debug)]
pub(super) enum Targets {
    /// Row-major `[rows x columns]`. Logarithms for [`Task::LogRegression`].
    Numbers(Vec<f64>),
    /// Class of each row.
    Classes(Vec<usize>),
}

impl Target {
    /// Reads the targets of a table, with the classes that occur in it.
    pub(super) fn fit(table: &Table<'_>, names: &[String], task: Task) -> Result<(Self, Targets)> {
        let mut target = Self {
            task,
            names: names.to_vec(),
            classes: Vec::new(),
        };
        if task == Task::Classification {
            target.classes = classes(table, &names[0])?;
        }
        let targets = target.read(table)?;
        Ok((target, targets))
    }

    /// Returns the number of outputs of a network.
    pub(super) fn outputs(&self) -> usize {
        match self.task {
            Task::Classification => self.classes.len(),
            _ => self.names.len(),
        }
    }

    /// Reads the targets of a table. None may be missing.
    pub(super) fn read(&self, table: &Table<'_>) -> Result<Targets> {
        if self.task == Task::Classification {
            let name = &self.names[0];
            return self
                .classes_of(table)
                .map_err(|error| error.in_column(name));
        }
        let width = self.names.len();
        let mut numbers = vec![0.0; table.rows() * width];
        for (at, name) in self.names.iter().enumerate() {
            let column = table.column(name)?;
            let read = column.as_numbers().ok_or_else(|| {
                let got = column.kind().to_string();
                Error::invalid_setting("target", "numbers", got)
            });
            let read = read.map_err(|error| error.in_column(name))?;
            for (row, (&y, number)) in read.iter().zip(numbers.chunks_mut(width)).enumerate() {
                let checked = self.checked(row, y);
                number[at] = checked.map_err(|error| error.in_column(name))?;
            }
        }
        Ok(Targets::Numbers(numbers))
    }

    /// Returns the number that the network learns for a target.
    fn checked(&self, row: usize, y: f64) -> Result<f64> {
        let problem = |expected: &str| {
            let got = if y.is_nan() {
                format!("none in row {row}")
            } else {
                format!("{y} in row {row}")
            };
            Err(Error::invalid_setting("target", expected, got))
        };
        match self.task {
            _ if !y.is_finite() => problem("a finite number in each row"),
            Task::LogRegression if y <= 0.0 => problem("a number above 0, for logarithms"),
            Task::LogRegression => Ok(math::ln(y)),
            _ => Ok(y),
        }
    }

    fn classes_of(&self, table: &Table<'_>) -> Result<Targets> {
        let column = table.column(&self.names[0])?;
        let found = Levels::of(&self.classes).find(column, Kind::Words)?;
        let class = |row: usize| {
            found.get(row).ok_or_else(|| match column.get(row) {
                Some(super::Value::Missing) | None => {
                    let got = format!("none in row {row}");
                    Error::invalid_setting("target", "a class in each row", got)
                }
                Some(value) => Error::UnknownLabel {
                    row,
                    label: bounded(format!("{value:?}")),
                    known: crate::error::listed(&self.classes),
                },
            })
        };
        let classes = (0..table.rows()).map(class).collect::<Result<_>>()?;
        Ok(Targets::Classes(classes))
    }
}

/// Returns the classes of a column, in alphabetic order, or ascending for numbers.
fn classes(table: &Table<'_>, name: &str) -> Result<Vec<String>> {
    let column = table.column(name)?;
    let classes: Vec<String> = match &column.0 {
        Cells::Words(words) if words.kind == Kind::Words => {
            let mut words = words.words.clone();
            words.sort_unstable();
            words
        }
        Cells::Words(words) => words.words.clone(),
        Cells::Numbers(numbers) => {
            let mut numbers: Vec<_> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
            numbers.sort_unstable_by(f64::total_cmp);
            numbers.dedup();
            if numbers.len() > MOST_CLASSES_OF_NUMBERS {
                let expected = format!("at most {MOST_CLASSES_OF_NUMBERS} classes");
                let got = format!("{} different numbers", numbers.len());
                let error = Error::invalid_setting("target of a classifier", expected, got);
                return Err(error.in_column(name));
            }
            numbers.iter().map(f64::to_string).collect()
        }
    };
    if classes.len() < 2 {
        let expected = "at least 2 different classes";
        let error = Error::invalid_setting("target", expected, crate::error::listed(&classes));
        return Err(error.in_column(name));
    }
    Ok(classes)
}

/// Maximum number of different numbers that count as classes. More are a sign of a target that is
/// not one of classes.
const MOST_CLASSES_OF_NUMBERS: usize = 1000;

impl Targets {
    /// Returns the rows as targets of a network with this many outputs.
    pub(super) fn of_rows(&self, rows: &[usize], outputs: usize) -> Vec<f32> {
        let mut targets = vec![0.0; rows.len() * outputs];
        for (target, &row) in targets.chunks_mut(outputs).zip(rows) {
            match self {
                Self::Numbers(numbers) => {
                    let numbers = &numbers[row * outputs..][..outputs];
                    for (target, &y) in target.iter_mut().zip(numbers) {
                        *target = y as f32;
                    }
                }
                Self::Classes(classes) => target[classes[row]] = 1.0,
            }
        }
        targets
    }
}
