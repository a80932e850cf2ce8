//! Ranges of the parameters of the built-ins, shared by construction, saving and loading.

use alloc::format;
use alloc::string::ToString;

use crate::error::{Error, Number, Result};
use crate::float::Float;

/// Range of a parameter.
///
/// Rounded to the network's precision, a parameter must also neither overflow nor become zero.
#[derive(Clone, Copy, Debug)]
pub(super) enum Range {
    Finite,
    NotZero,
    NotNegative,
    /// Positive numbers whose reciprocal is finite.
    Positive,
    /// Whole numbers. The bound keeps a typing error from exhausting memory.
    Pieces,
}

impl Range {
    /// Returns `true` if a parameter is valid for networks of this precision.
    pub(super) fn fits<T: Float>(self, x: f64) -> bool {
        let rounded = T::from_f64(x);
        let is_good = match self {
            Self::Finite => true,
            Self::NotZero => x != 0.0,
            Self::NotNegative => x >= 0.0,
            Self::Positive => x > 0.0 && rounded.is_normal(),
            Self::Pieces => x % 1.0 == 0.0 && (1.0..=256.0).contains(&x),
        };
        is_good && rounded.is_finite() && (rounded == T::zero()) == (x == 0.0)
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Finite => "a finite number",
            Self::NotZero => "a finite number other than 0",
            Self::NotNegative => "a finite number, 0 or above",
            Self::Positive => "a finite number above 0",
            Self::Pieces => "a whole number from 1 to 256",
        }
    }

    /// Checks a parameter for networks of this precision.
    pub(super) fn check<T: Float>(self, what: &'static str, x: f64) -> Result<()> {
        if self.fits::<T>(x) {
            return Ok(());
        }
        let got = Number(x).to_string();
        let got = if self.fits::<f64>(x) {
            format!(
                "{got}, which is {} in {}",
                Number(T::from_f64(x).as_f64()),
                T::NAME
            )
        } else {
            got
        };
        Err(Error::invalid_setting(what, self.words(), got))
    }
}
