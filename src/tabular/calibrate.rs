//! Calibration of a classifier's probabilities.

use alloc::vec;
use alloc::vec::Vec;

use super::target::{Target, Targets, Task};
use crate::calibration::{Quadratic, Temperature, logits};
use crate::error::{Error, Result};
use crate::tabular_ref::Calibrator;

/// Correction of a classifier's probabilities, which a recipe fits to out-of-fold predictions.
///
/// It makes predicted probabilities match frequencies. [`Calibrator`] is the result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Calibration {
    /// None: the mean of the networks' probabilities.
    None,
    /// One number that logits are divided by, for two or more classes. It changes no predicted
    /// class. Rows have the weights of their classes, as in training.
    #[default]
    Temperature,
    /// Platt scaling: a factor and an offset of the logit, for two classes. Rows have equal weights
    /// here, so it undoes the effect of [class weights](super::Tabular::class_weights).
    Platt,
    /// [`Platt`](Self::Platt) with a third number, the factor of the squared logit.
    Quadratic,
}

impl Calibration {
    /// Checks that the calibration suits the number of classes.
    pub(super) fn check(self, target: &Target) -> Result<()> {
        let classes = target.classes.len();
        if matches!(self, Self::Platt | Self::Quadratic) && classes != 2 {
            let (what, expected) = ("classes of Platt and quadratic calibration", "2");
            return Err(Error::invalid_setting(what, expected, classes));
        }
        Ok(())
    }
}

impl Calibrator {
    /// Corrects probabilities, row-major `[rows x classes]`.
    pub(super) fn apply(&self, probabilities: &mut [f64], classes: usize) -> Result<()> {
        if probabilities.is_empty() {
            return Ok(());
        }
        let logits = logits(probabilities, classes)?;
        let corrected = match self {
            Self::Temperature(calibrator) => calibrator.probabilities(&logits, width(classes))?,
            Self::Quadratic(calibrator) => calibrator.probabilities(&logits)?,
        };
        probabilities.copy_from_slice(&corrected);
        Ok(())
    }
}

/// Out-of-fold probabilities of a classifier.
pub(super) struct OutOfFold<'t> {
    calibration: Calibration,
    classes: usize,
    /// Probabilities of all rows of the table, of which some may be NaN.
    probabilities: &'t [f64],
    expected: &'t [usize],
    /// Part of each row, which is corrected by a calibrator of all other parts. `None` for rows
    /// that no fold has held out.
    parts: Vec<Option<usize>>,
    weights: Option<&'t [f64]>,
}

/// Calibrators of the parts of a table, each fitted without the rows that it corrects.
pub(super) struct CrossFitted<'o> {
    parts: &'o [Option<usize>],
    calibrators: Vec<Option<Calibrator>>,
    classes: usize,
}

impl<'t> OutOfFold<'t> {
    /// Collects the rows that were held out. Returns `None` unless there are classes.
    pub(super) fn new(
        calibration: Calibration,
        (target, targets): (&Target, &'t Targets),
        held_out: &[Vec<usize>],
        probabilities: &'t [f64],
    ) -> Option<Self> {
        let Targets::Classes(expected, weights) = targets else {
            return None;
        };
        if target.task != Task::Classes || calibration == Calibration::None {
            return None;
        }
        let mut parts = vec![None; expected.len()];
        for (fold, rows) in held_out.iter().enumerate() {
            for &row in rows {
                parts[row].get_or_insert(fold);
            }
        }
        if parts.iter().flatten().all(|&part| part == 0) {
            // Rows that were held out together make two parts.
            for (position, part) in parts.iter_mut().flatten().enumerate() {
                *part = position % 2;
            }
        }
        Some(Self {
            calibration,
            classes: target.classes.len(),
            probabilities,
            expected,
            parts,
            weights: weights.as_deref(),
        })
    }

    /// Fits a calibrator to all rows, or to those that are not in a part. Returns `None` if no row
    /// counts.
    pub(super) fn fit(&self, without: Option<usize>) -> Result<Option<Calibrator>> {
        let is_temperature = self.calibration == Calibration::Temperature;
        let weights = self.weights.filter(|_| is_temperature);
        // Only ratios count.
        let largest = weights.map_or(1.0, |all| all.iter().copied().fold(0.0, f64::max));
        let (mut probabilities, mut expected, mut row_weights) = (vec![], vec![], vec![]);
        let rows = self.probabilities.chunks_exact(self.classes);
        for ((row, &class), &part) in rows.zip(self.expected).zip(&self.parts) {
            let weight = weights.map_or(1.0, |all| all[class] / largest);
            let counts = part.is_some() && (without.is_none() || part != without);
            if counts && weight > 0.0 {
                probabilities.extend_from_slice(row);
                expected.push(class);
                row_weights.push(weight);
            }
        }
        if expected.is_empty() {
            return Ok(None);
        }
        let logits = logits(&probabilities, self.classes)?;
        let calibrator = match self.calibration {
            Calibration::Platt => {
                Calibrator::Quadratic(Quadratic::platt(&logits, &expected, None)?)
            }
            Calibration::Quadratic => {
                Calibrator::Quadratic(Quadratic::fit(&logits, &expected, None)?)
            }
            _ => {
                let rows = (logits, expected, row_weights);
                Calibrator::Temperature(temperature(rows, self.classes)?)
            }
        };
        Ok(Some(calibrator))
    }

    /// Fits a calibrator for each part, without its rows.
    pub(super) fn fit_parts(&self) -> Result<CrossFitted<'_>> {
        let parts = self.parts.iter().flatten().max().map_or(0, |last| last + 1);
        let calibrators = (0..parts).map(|part| self.fit(Some(part)));
        Ok(CrossFitted {
            parts: &self.parts,
            calibrators: calibrators.collect::<Result<_>>()?,
            classes: self.classes,
        })
    }
}

impl CrossFitted<'_> {
    /// Corrects the probabilities of these rows of the table.
    pub(super) fn correct(
        &self,
        probabilities: &mut [f64],
        rows: impl Iterator<Item = usize>,
    ) -> Result<()> {
        for (values, row) in probabilities.chunks_exact_mut(self.classes).zip(rows) {
            let calibrator = self.parts[row].and_then(|part| self.calibrators[part].as_ref());
            if let Some(calibrator) = calibrator {
                calibrator.apply(values, self.classes)?;
            }
        }
        Ok(())
    }
}

/// Fits a temperature to n rows of logits, classes and weights.
///
/// Each row also counts as one of another class, with 1/(n + 1) of its weight. If all predictions
/// are right, the minimum would otherwise be at temperature 0, and every prediction would be sure.
/// This is Laplace's rule of succession: the next prediction is wrong about once in n + 2.
fn temperature(
    (mut logits, mut expected, mut weights): (Vec<f64>, Vec<usize>, Vec<f64>),
    classes: usize,
) -> Result<Temperature> {
    let (rows, len) = (expected.len(), logits.len());
    let fraction = 1.0 / (rows as f64 + 1.0);
    logits.extend_from_within(..len);
    for row in 0..rows {
        let other = expected[row] + 1 + row % (classes - 1);
        expected.push(other % classes);
        weights.push(weights[row] * fraction);
    }
    let fitted = Temperature::fit(&logits, width(classes), &expected, Some(&weights))?;
    Temperature::new(fitted.temperature(), fraction)
}

/// Returns the number of logits of a row.
fn width(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}
