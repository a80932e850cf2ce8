//! Correction of probabilities.

use crate::calibration::{Quadratic, Temperature, logits_in_place};

/// Fitted correction of a classifier's probabilities.
///
/// ```text
/// p = mean of the networks' probabilities
/// z = logits(p)
/// calibrated = calibrator.probabilities(z)
/// ```
///
/// [`calibration::logits`](crate::calibration::logits) defines z: one logit for two classes, and
/// otherwise a logit for each class.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Calibrator {
    /// One number that logits are divided by.
    Temperature(Temperature),
    /// Platt scaling, or its extension by a square.
    Quadratic(Quadratic),
}

impl Calibrator {
    /// Corrects the probabilities of one row.
    pub(super) fn apply_row<const CLASSES: usize>(&self, probabilities: &mut [f64; CLASSES]) {
        let mut logits = *probabilities;
        let width = logits_in_place(&mut logits);
        match (self, &logits[..width]) {
            (Self::Temperature(calibrator), logits) => {
                calibrator.probabilities_into(logits, width, probabilities);
            }
            (Self::Quadratic(calibrator), &[logit]) => {
                probabilities.copy_from_slice(&calibrator.probabilities_of(logit));
            }
            // It has two classes, as `TabularRef::calibrated` asserts.
            (Self::Quadratic(_), _) => {}
        }
    }
}
