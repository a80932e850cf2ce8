//! Targets of a recipe: numbers, counts, classes or labels.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::column::{Cells, Column, Kind};
use super::levels::Levels;
use super::standard::Units;
use super::table::Table;
use crate::error::{Error, Result, bounded, listed};
use crate::math;
use crate::model::ClassWeights;
use crate::tabular_ref::Link;
use crate::tabular_ref::Value;

/// Kind of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub(crate) enum Task {
    /// Numbers.
    Numbers,
    /// Positive numbers, learned as logarithms.
    Logarithms,
    /// Counts, learned as logarithms of rates.
    Counts,
    /// One of several classes.
    Classes,
    /// Several labels, each of which a row may have.
    Labels,
}

impl Task {
    /// Returns `true` if the outputs are logits.
    pub(super) fn is_classification(self) -> bool {
        matches!(self, Self::Classes | Self::Labels)
    }

    /// Returns the map from outputs to numbers or probabilities.
    pub(super) fn link(self) -> Link {
        match self {
            Self::Numbers => Link::Identity,
            Self::Logarithms | Self::Counts => Link::Exp,
            Self::Labels => Link::Sigmoid,
            Self::Classes => Link::Softmax,
        }
    }
}

/// Target columns of a fitted model.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Target {
    pub(super) task: Task,
    pub(super) names: Vec<String>,
    /// Column of the exposures of counts.
    pub(super) exposure: Option<String>,
    /// Classes in the order of the outputs. Empty for other tasks.
    pub(super) classes: Vec<String>,
}

/// Targets of all rows of a table.
#[derive(Clone, Debug)]
pub(super) enum Targets {
    /// Numbers to learn, row-major `[rows x outputs]`.
    Numbers(Vec<f64>),
    /// Class of each row, and weight of each class if they differ.
    Classes(Vec<usize>, Option<Vec<f64>>),
    /// Counts for each unit of exposure, and the exposures.
    Rates(Vec<f64>, Vec<f64>),
}

impl Target {
    /// Reads the targets of a table, with the classes that occur in it.
    pub(super) fn fit(mut self, table: &Table<'_>) -> Result<(Self, Targets)> {
        if self.task == Task::Classes {
            let (name, column) = (&self.names[0], table.column(&self.names[0])?);
            self.classes = classes(column).map_err(|error| error.in_column(name))?;
        }
        let targets = self.read(table)?;
        Ok((self, targets))
    }

    /// Returns the number of outputs of a network.
    pub(super) fn outputs(&self) -> usize {
        match self.task {
            Task::Classes => self.classes.len(),
            _ => self.names.len(),
        }
    }

    /// Returns the names of all columns that are not features.
    pub(super) fn columns(&self) -> impl Iterator<Item = &String> {
        self.names.iter().chain(&self.exposure)
    }

    /// Reads the targets of a table. None may be missing.
    pub(super) fn read(&self, table: &Table<'_>) -> Result<Targets> {
        if self.task == Task::Classes {
            let (name, column) = (&self.names[0], table.column(&self.names[0])?);
            let classes = classes_of(column, &self.classes, table);
            return Ok(Targets::Classes(
                classes.map_err(|error| error.in_column(name))?,
                None,
            ));
        }
        let width = self.names.len();
        let mut numbers = vec![0.0; table.rows() * width];
        for (at, name) in self.names.iter().enumerate() {
            let column = table.column(name)?;
            if let Some(row) = column.odd_row() {
                let read = self.number(column, row, table);
                read.map_err(|error| error.in_column(name))?;
            }
            for (row, target) in numbers.chunks_mut(width).enumerate() {
                let read = self.number(column, row, table);
                target[at] = read.map_err(|error| error.in_column(name))?;
            }
        }
        if self.task != Task::Counts {
            return Ok(Targets::Numbers(numbers));
        }
        let exposures = self.exposures(table)?;
        for (count, exposure) in numbers.iter_mut().zip(&exposures) {
            *count = (*count / exposure).min(f64::MAX);
        }
        Ok(Targets::Rates(numbers, exposures))
    }

    /// Returns the exposure of each row, which is 1 without a column of exposures.
    pub(super) fn exposures(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        let Some(name) = &self.exposure else {
            return Ok(vec![1.0; table.rows()]);
        };
        let column = table.column(name)?;
        let exposure = |row| match column.get(row) {
            Some(Value::Number(exposure)) if exposure > 0.0 && exposure.is_finite() => Ok(exposure),
            got => Err(problem(
                "exposure",
                "a number above 0",
                got,
                &table.place(row),
            )),
        };
        let exposures = (0..table.rows()).map(exposure).collect::<Result<_>>();
        exposures.map_err(|error| error.in_column(name))
    }

    /// Returns the number that a network learns in a row.
    fn number(&self, column: &Column<'_>, row: usize, table: &Table<'_>) -> Result<f64> {
        let cell = column.get(row);
        let number = match (self.task, cell) {
            (Task::Labels, Some(Value::Boolean(label))) => Some(f64::from(u8::from(label))),
            (_, Some(Value::Number(number))) if number.is_finite() => Some(number),
            _ => None,
        };
        let (expected, learned) = match self.task {
            Task::Labels => {
                let is_label = |y: &f64| *y == 0.0 || *y == 1.0;
                ("true, false, 1 or 0", number.filter(is_label))
            }
            Task::Logarithms => {
                let positive = number.filter(|&y| y > 0.0);
                (
                    "a number above 0, for its logarithm",
                    positive.map(math::ln),
                )
            }
            Task::Counts => ("a count, 0 or above", number.filter(|&y| y >= 0.0)),
            _ => ("a finite number", number),
        };
        learned.ok_or_else(|| problem("target", expected, cell, &table.place(row)))
    }
}

fn problem(what: &'static str, expected: &str, got: Option<Value<'_>>, place: &str) -> Error {
    let got = match got {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Word(word)) => format!("{word:?}"),
        Some(Value::Boolean(boolean)) => boolean.to_string(),
        Some(Value::Missing) | None => "none".to_string(),
    };
    Error::invalid_setting(what, expected, format!("{} {place}", bounded(got)))
}

/// Maximum number of different numbers that count as classes. More are a sign of a target that has
/// no classes.
const MOST_CLASSES_OF_NUMBERS: usize = 1000;

/// Returns the classes in a column: words in alphabetic order, numbers in ascending order.
fn classes(column: &Column<'_>) -> Result<Vec<String>> {
    let classes: Vec<String> = match &column.0 {
        Cells::Words(words) if words.kind == Kind::Words => {
            let mut words = words.words.clone();
            words.sort_unstable();
            words
        }
        Cells::Words(words) => words.words.clone(),
        Cells::Numbers(numbers) => {
            // The sum of -0 and 0 is 0.
            let present = numbers.iter().filter(|x| !x.is_nan());
            let mut numbers: Vec<_> = present.map(|x| x + 0.0).collect();
            numbers.sort_unstable_by(f64::total_cmp);
            numbers.dedup();
            numbers.truncate(MOST_CLASSES_OF_NUMBERS + 1);
            numbers.iter().map(f64::to_string).collect()
        }
    };
    let (expected, got) = match classes.len() {
        0 | 1 => ("at least 2 different classes".to_string(), listed(&classes)),
        MOST_CLASSES_OF_NUMBERS.. if column.kind() == Kind::Numbers => (
            format!("at most {MOST_CLASSES_OF_NUMBERS} different numbers"),
            "more, which suit a regressor".to_string(),
        ),
        _ => return Ok(classes),
    };
    Err(Error::invalid_setting(
        "target of a classifier",
        expected,
        got,
    ))
}

/// Returns the class of each row.
fn classes_of(column: &Column<'_>, classes: &[String], table: &Table<'_>) -> Result<Vec<usize>> {
    let found = Levels::of(classes).find(column, Kind::Words)?;
    let class = |row| {
        found.get(row).ok_or_else(|| {
            let expected = format!("one of {}", listed(classes));
            problem("class", &expected, column.get(row), &table.place(row))
        })
    };
    (0..column.len()).map(class).collect()
}

impl Targets {
    /// Returns a number that tells these targets, in this order, from almost all others.
    pub(super) fn fingerprint(&self) -> u64 {
        const START: u64 = 0xcbf2_9ce4_8422_2325;
        // FNV-1a of words. The rotation mixes the upper bits into the lower ones.
        let mix = |hash: u64, word: u64| {
            let product = (hash ^ word).wrapping_mul(0x0100_0000_01b3);
            product.rotate_left(29)
        };
        let bits = |numbers: &[f64], hash| {
            let words = numbers.iter().map(|number| number.to_bits());
            words.fold(hash, mix)
        };
        match self {
            Self::Numbers(numbers) => bits(numbers, START),
            Self::Rates(rates, exposures) => bits(exposures, bits(rates, START)),
            Self::Classes(classes, _) => {
                let words = classes.iter().map(|&class| class as u64);
                words.fold(START, mix)
            }
        }
    }

    /// Weighs the classes. All rows count for balanced weights.
    pub(super) fn weighted(self, weights: Option<&ClassWeights>, target: &Target) -> Result<Self> {
        match (self, weights) {
            (Self::Classes(classes, _), Some(weights)) => {
                let count = target.classes.len();
                weights.check(count)?;
                let weights = weights.of_classes(&classes, count);
                Ok(Self::Classes(classes, weights))
            }
            (targets, _) => Ok(targets),
        }
    }

    /// Returns targets of these rows for a network, in its units.
    pub(super) fn of_rows(&self, rows: &[usize], target: &Target, units: &Units) -> Vec<f32> {
        let outputs = target.outputs();
        let mut targets = vec![0.0; rows.len() * outputs];
        let task = target.task;
        for (target, &row) in targets.chunks_mut(outputs).zip(rows) {
            match self {
                Self::Numbers(numbers) | Self::Rates(numbers, _) => {
                    let numbers = &numbers[row * outputs..][..outputs];
                    for (output, (target, &y)) in target.iter_mut().zip(numbers).enumerate() {
                        *target = units.learned(task, output, y);
                    }
                }
                Self::Classes(classes, _) => target[classes[row]] = 1.0,
            }
        }
        targets
    }

    /// Returns the weights of these rows, if they differ.
    pub(super) fn weights(&self, rows: &[usize]) -> Option<Vec<f32>> {
        match self {
            Self::Rates(_, exposures) => {
                let exposures = rows.iter().map(|&row| exposures[row]);
                // Only ratios count, and they fit f32.
                let largest = exposures.clone().fold(0.0, f64::max);
                Some(exposures.map(|e| (e / largest) as f32).collect())
            }
            Self::Classes(classes, Some(weights)) => {
                let weights = rows.iter().map(|&row| weights[classes[row]]);
                Some(weights.map(|weight| weight as f32).collect())
            }
            _ => None,
        }
    }
}
