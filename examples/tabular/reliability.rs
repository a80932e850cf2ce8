//! Probabilities of classes, compared with how often they are right.

use std::collections::BTreeMap;

use feedforward::metrics;
use feedforward::tabular::Column;

use super::{Result, labels, reading};

/// Number of bins of the table and the picture.
const BINS: usize = 10;

/// Number of bins of the expected calibration error, which is the usual one.
const ERROR_BINS: usize = 15;

/// Rows whose probabilities lie in one interval.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bin {
    pub rows: usize,
    /// Mean probability.
    pub predicted: f64,
    /// Fraction of rows for which it was right.
    pub observed: f64,
}

/// Reliability of the probabilities of several rows.
#[derive(Debug)]
pub struct Reliability {
    /// Name of the rows.
    pub rows: String,
    /// Name of the probability.
    pub probability: String,
    pub bins: Vec<Bin>,
    /// Expected calibration error.
    pub error: f64,
}

/// Returns the index of the class of each row, or `None` if its class is missing or unknown.
pub fn truths(classes: &[String], column: &Column<'_>) -> Vec<Option<usize>> {
    let index: BTreeMap<&str, usize> = classes.iter().map(|c| &**c).zip(0..).collect();
    let class = |row| index.get(&*reading::text(column, row)?).copied();
    (0..column.len()).map(class).collect()
}

/// Returns the index of the largest number.
pub fn most(row: &[f64]) -> usize {
    let larger = |best, (index, &p): (usize, &f64)| if p > row[best] { index } else { best };
    row.iter().enumerate().fold(0, larger)
}

impl Reliability {
    /// Compares probabilities with a column of classes. Returns `None` if no row has both.
    ///
    /// The table is about the second of two classes, or else about the predicted class.
    pub fn new(
        rows: String,
        classes: &[String],
        column: &Column<'_>,
        probabilities: &[f64],
    ) -> Result<Option<Self>> {
        let (mut known, mut expected) = (Vec::new(), Vec::new());
        let mut bins = vec![Bin::default(); BINS];
        let all = probabilities.chunks(classes.len());
        for (row, class) in all.zip(truths(classes, column)) {
            let Some(class) = class.filter(|_| row[0].is_finite()) else {
                continue;
            };
            known.extend_from_slice(row);
            expected.push(class);
            let at = if classes.len() == 2 { 1 } else { most(row) };
            let bin = &mut bins[((row[at] * BINS as f64) as usize).min(BINS - 1)];
            bin.rows += 1;
            bin.predicted += row[at];
            bin.observed += f64::from(u8::from(class == at));
        }
        if expected.is_empty() {
            return Ok(None);
        }
        for bin in &mut bins {
            let rows = bin.rows.max(1) as f64;
            bin.predicted /= rows;
            bin.observed /= rows;
        }
        let count = classes.len();
        let error = metrics::expected_calibration_error(&known, &expected, count, ERROR_BINS)?;
        let probability = match labels::shortened(classes, 20).pop() {
            Some(second) if classes.len() == 2 => format!("probability of {second}"),
            _ => "probability of the predicted class".to_string(),
        };
        Ok(Some(Self {
            rows,
            probability,
            bins,
            error,
        }))
    }

    /// Returns lines for readers.
    pub fn lines(&self) -> Vec<String> {
        let (rows, error) = (&self.rows, self.error);
        let head = format!(
            "{} on {rows}, calibration error {error:.4}:",
            self.probability
        );
        let mut lines = vec![head, "    mean  observed     rows".to_string()];
        for bin in self.bins.iter().filter(|bin| bin.rows > 0) {
            let (predicted, observed) = (bin.predicted, bin.observed);
            lines.push(format!("  {predicted:.4}    {observed:.4} {:>8}", bin.rows));
        }
        lines
    }
}
