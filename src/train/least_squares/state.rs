//! State of a search, from which another can continue.

use alloc::vec::Vec;

use crate::error::Result;
use crate::float::check_values;

/// Part of a search that its next steps depend on, besides the parameters.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(in crate::train) struct SearchState {
    pub(super) iterations: usize,
    /// μ, and Nielsen's ν.
    pub(super) damping: [f64; 2],
    /// D
    pub(super) scale: Vec<f64>,
    /// `true` if sums of products lost too much to rounding, and QR took over.
    pub(super) is_precise: bool,
}

impl SearchState {
    /// Returns the number of parameters.
    pub(in crate::train) fn params(&self) -> usize {
        self.scale.len()
    }

    /// Returns the number of iterations of all runs.
    pub(in crate::train) fn iterations(&self) -> usize {
        self.iterations
    }

    /// Checks the numbers, which may come from a file.
    pub(in crate::train) fn check(&self) -> Result<()> {
        let [damping, increase] = self.damping;
        let expected = "a finite number, at least 0";
        check_values("damping of the state", &[damping], 0.0..=f64::MAX, expected)?;
        let (what, expected) = (
            "increase of the state's damping",
            "a finite number, at least 2",
        );
        check_values(what, &[increase], 2.0..=f64::MAX, expected)?;
        let (what, expected) = ("scale of the state", "finite numbers above 0");
        check_values(what, &self.scale, f64::from_bits(1)..=f64::MAX, expected)
    }
}
