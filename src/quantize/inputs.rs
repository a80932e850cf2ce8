//! The input stage of a quantized network.

use crate::error::{Error, Result};

/// The input stage of a quantized network: q = round(x · factor + offset), limited to int8 or
/// int16.
///
/// Each input has a factor and an offset of its own. Numbers halfway between two integers are
/// rounded away from zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizedInputs<'a> {
    /// One factor for each input.
    pub factors: &'a [f32],
    /// One offset for each input.
    pub offsets: &'a [f32],
    /// Bits of an integer: 8 or 16.
    pub bits: u32,
}

impl QuantizedInputs<'_> {
    /// Returns the largest magnitude of an integer.
    pub(super) const fn largest(&self) -> i64 {
        1 << (self.bits - 1)
    }

    /// Returns the integers of one sample's inputs.
    pub(super) fn quantized(&self, row: &[f32]) -> impl Iterator<Item = i16> {
        let (low, high) = match self.bits {
            8 => (-128.0, 127.0),
            _ => (-32768.0, 32767.0),
        };
        let stage = self.factors.iter().zip(self.offsets);
        row.iter().zip(stage).map(move |(x, (factor, offset))| {
            let value = (x * factor + offset).max(low).min(high);
            let whole = value as i32;
            let rest = value - whole as f32;
            (whole + i32::from(rest >= 0.5) - i32::from(rest <= -0.5)) as i16
        })
    }

    /// Checks that the network's inputs have this type.
    pub(super) fn check_type<I: InputInteger>(&self) -> Result<()> {
        if self.bits == I::BITS {
            return Ok(());
        }
        let name = |bits| if bits == 8 { "i8" } else { "i16" };
        let what = "type of integer inputs";
        Err(Error::incompatible(what, name(self.bits), name(I::BITS)))
    }
}

/// Type of a quantized network's integer inputs: `i8` with 8-bit activations, and `i16` with 16.
pub trait InputInteger: sealed::Integer {}

impl InputInteger for i8 {}
impl InputInteger for i16 {}

mod sealed {
    pub trait Integer: Copy {
        const BITS: u32;
        /// Returns an integer that this type holds.
        fn narrowed(x: i16) -> Self;
        fn widened(self) -> i16;
    }

    impl Integer for i8 {
        const BITS: u32 = 8;
        #[inline(always)]
        fn narrowed(x: i16) -> Self {
            x as Self
        }
        #[inline(always)]
        fn widened(self) -> i16 {
            self.into()
        }
    }

    impl Integer for i16 {
        const BITS: u32 = 16;
        #[inline(always)]
        fn narrowed(x: i16) -> Self {
            x
        }
        #[inline(always)]
        fn widened(self) -> i16 {
            self
        }
    }
}
