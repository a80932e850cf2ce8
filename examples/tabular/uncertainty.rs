//! Trust in predictions: intervals of numbers, and reliability of probabilities.

use std::path::Path;

use feedforward::tabular::{Table, TabularModel};

use super::intervals::Intervals;
use super::reading::{Reading, Target};
use super::reliability::Reliability;
use super::sets::{self, Sets};
use super::{Result, in_file, written};

/// Uncertainty on rows with known targets, which the predictions have not learned.
#[derive(Debug)]
pub enum Uncertainty {
    Numbers(Intervals),
    Classes(Reliability, Option<Sets>),
}

impl Uncertainty {
    /// Measures it on the rows of a test file.
    pub fn of_test(
        model: &TabularModel,
        (file, table): (&Path, &Table<'_>),
        level: f64,
    ) -> Result<Option<Self>> {
        let Some(target) = model.targets().first() else {
            return Ok(None);
        };
        let column = table.column(target).map_err(in_file(file))?;
        let rows = format!("rows of {}", file.display());
        if model.classes().is_empty() {
            let truths = column.as_numbers().unwrap_or_default();
            let predicted = model.predict(table).map_err(in_file(file))?;
            let ends = model
                .predict_interval(table, level)
                .map_err(in_file(file))?;
            let intervals = Intervals::new((rows, level), truths, predicted, ends);
            return Ok(Some(Self::Numbers(intervals)));
        }
        let probabilities = model.predict_probability(table).map_err(in_file(file))?;
        let sets = sets::predicted(model, table, level).map_err(in_file(file))?;
        let sets = Sets::new((rows.clone(), level), model.classes(), column, &sets);
        let reliability = Reliability::new(rows, model, column, &probabilities)?;
        Ok(reliability.map(|reliability| Self::Classes(reliability, sets)))
    }

    /// Measures it on the rows that were held out.
    pub fn of_held_out(
        model: &TabularModel,
        reading: &Reading,
        (is_log, level): (bool, f64),
    ) -> Result<Option<Self>> {
        let column = reading.table.column(&reading.target)?;
        if reading.kind == Target::Numbers {
            let truths = column.as_numbers().unwrap_or_default();
            let intervals = Intervals::of_held_out(model, truths, (is_log, level))?;
            return Ok(intervals.map(Self::Numbers));
        }
        let sets = Sets::of_held_out(model, column, level)?;
        let rows = written::HELD_OUT.to_string();
        let reliability = Reliability::new(rows, model, column, model.out_of_fold())?;
        Ok(reliability.map(|reliability| Self::Classes(reliability, sets)))
    }

    /// Returns the name of the rows.
    pub fn rows(&self) -> &str {
        match self {
            Self::Numbers(intervals) => &intervals.rows,
            Self::Classes(reliability, _) => &reliability.rows,
        }
    }

    /// Returns lines for readers.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Numbers(intervals) => intervals.lines(),
            Self::Classes(reliability, sets) => {
                let mut lines = reliability.lines();
                if let Some(sets) = sets {
                    lines.push(String::new());
                    lines.extend(sets.lines());
                }
                lines
            }
        }
    }

    /// Returns names and numbers for other programs.
    pub fn scores(&self) -> Vec<(&'static str, f64)> {
        match self {
            Self::Numbers(intervals) => vec![("coverage", intervals.coverage())],
            Self::Classes(reliability, sets) => {
                let coverage = sets
                    .iter()
                    .map(|sets| ("coverage", sets.means().1.coverage));
                [("ece", reliability.error)]
                    .into_iter()
                    .chain(coverage)
                    .collect()
            }
        }
    }
}
