//! Probabilities of classes, compared with how often they are right.

use std::collections::BTreeMap;

use feedforward::calibration::{self, Temperature};
use feedforward::metrics;
use feedforward::tabular::{Calibrator, Column, TabularModel};

use super::{Result, labels, reading, written};

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
    /// Temperature of the calibration.
    temperature: Option<f64>,
    /// Expected calibration error without the temperature. Each fold has a temperature of its own,
    /// so it is unknown for held-out rows.
    before: Option<f64>,
}

/// Range of temperatures that are shown. The ends of the range of its fit are 1e-7 and 1e7.
const LEAST_TEMPERATURE: f64 = 0.01;
const MOST_TEMPERATURE: f64 = 100.0;

/// Returns a temperature, or a bound of an extreme one.
fn temperature_words(temperature: f64) -> String {
    match temperature {
        t if t > MOST_TEMPERATURE => format!("above {MOST_TEMPERATURE}"),
        t if t < LEAST_TEMPERATURE => format!("below {LEAST_TEMPERATURE}"),
        t => format!("{t:.4}"),
    }
}

/// Returns probabilities without the temperature of their calibration. Their digits suffice, unless
/// the temperature is extreme.
fn uncalibrated(
    probabilities: &[f64],
    classes: usize,
    calibrator: &Temperature,
) -> Result<Vec<f64>> {
    let mixed = calibrator.mixing() / classes as f64;
    let unmixed = |p: &f64| ((p - mixed) / (1.0 - calibrator.mixing())).clamp(0.0, 1.0);
    let probabilities: Vec<_> = probabilities.iter().map(unmixed).collect();
    let logits = calibration::logits(&probabilities, classes)?;
    let inverse = Temperature::new(1.0 / calibrator.temperature(), 0.0)?;
    let width = if classes == 2 { 1 } else { classes };
    Ok(inverse.probabilities(&logits, width)?)
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
        model: &TabularModel,
        column: &Column<'_>,
        probabilities: &[f64],
    ) -> Result<Option<Self>> {
        let classes = model.classes();
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
        let error_of = |probabilities: &[f64]| {
            metrics::expected_calibration_error(probabilities, &expected, count, ERROR_BINS)
        };
        let calibrator = match model.calibrator() {
            Some(Calibrator::Temperature(calibrator)) => Some(calibrator),
            _ => None,
        };
        let before = match calibrator.filter(|_| rows != written::HELD_OUT) {
            Some(calibrator) => Some(error_of(&uncalibrated(&known, count, calibrator)?)?),
            None => None,
        };
        let error = error_of(&known)?;
        let probability = match labels::shortened(classes, 20).pop() {
            Some(second) if classes.len() == 2 => format!("probability of {second}"),
            _ => "probability of the predicted class".to_string(),
        };
        Ok(Some(Self {
            rows,
            probability,
            bins,
            error,
            temperature: calibrator.map(Temperature::temperature),
            before,
        }))
    }

    /// Returns lines for readers.
    pub fn lines(&self) -> Vec<String> {
        let error = format!("  calibration error {:.4}", self.error);
        let mut lines = vec![
            format!("{} on {}:", self.probability, self.rows),
            "    mean  observed     rows".to_string(),
        ];
        for bin in self.bins.iter().filter(|bin| bin.rows > 0) {
            let (predicted, observed) = (bin.predicted, bin.observed);
            lines.push(format!("  {predicted:.4}    {observed:.4} {:>8}", bin.rows));
        }
        let Some(temperature) = self.temperature else {
            lines.push(error);
            return lines;
        };
        let words = temperature_words(temperature);
        lines.push(match self.before {
            Some(before) => format!("{error}, or {before:.4} without the temperature {words}"),
            None => format!("{error}, with the temperature {words}"),
        });
        if temperature > MOST_TEMPERATURE {
            lines.push("  The classes seem to follow no column".to_string());
        }
        lines
    }
}
