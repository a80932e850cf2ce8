//! Trust in predictions: intervals of numbers, and reliability of probabilities.

use std::path::Path;

use feedforward::tabular::{Table, TabularModel};

use super::intervals::Intervals;
use super::reading::{Reading, Target};
use super::reliability::Reliability;
use super::{Result, in_file};

/// Uncertainty on rows with known targets, which the predictions have not learned.
#[derive(Debug)]
pub enum Uncertainty {
    Numbers(Intervals),
    Classes(Reliability),
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
        let reliability = Reliability::new(rows, model.classes(), column, &probabilities)?;
        Ok(reliability.map(Self::Classes))
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
        let rows = "held-out rows".to_string();
        let reliability = Reliability::new(rows, model.classes(), column, model.out_of_fold())?;
        Ok(reliability.map(Self::Classes))
    }

    /// Returns lines for readers.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Numbers(intervals) => intervals.lines(),
            Self::Classes(reliability) => reliability.lines(),
        }
    }

    /// Returns a name and a number for other programs.
    pub fn score(&self) -> (&'static str, f64) {
        match self {
            Self::Numbers(intervals) => ("coverage", intervals.coverage()),
            Self::Classes(reliability) => ("ece", reliability.error),
        }
    }
}
