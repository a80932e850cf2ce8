//! Multiplication by a real number in integers.

/// Number of roundings in the product of a sum and its [`Multiplier`].
///
/// It decides the last bit of about one output in ten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Rounding {
    /// First to a multiple of 2^shift with ties toward infinity, then to an integer with ties away
    /// from zero: TFLite Micro and CMSIS-NN.
    #[default]
    Double,
    /// Once, with ties toward infinity: LiteRT on a PC or phone, and `TFLITE_SINGLE_ROUNDING`.
    Single,
}

/// A real number of at least 0 as an integer multiplier and a power of two, as TFLite has it:
/// M = multiplier · 2^(shift - 31).
///
/// The multiplier is 0 or lies in 2³⁰..2³¹, and the shift in -31..=30.
///
/// ```
/// use feedforward::quantize::{Multiplier, Rounding};
///
/// let quarter = Multiplier::new(0.25).unwrap();
/// assert_eq!((quarter.multiplier, quarter.shift), (1 << 30, -1));
/// assert_eq!(quarter.apply(-11, Rounding::Single), -3);
/// assert_eq!(quarter.apply(-10, Rounding::Single), -2);
/// assert_eq!(quarter.apply(-10, Rounding::Double), -3);
/// assert_eq!(Multiplier::new(-1.0), None);
/// ```
///
/// Source: `QuantizeMultiplier` and `MultiplyByQuantizedMultiplier` of
/// [TFLite Micro](https://github.com/tensorflow/tflite-micro/blob/main/tensorflow/lite/kernels/internal/common.cc).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplier {
    /// M without its power of two, times 2³¹.
    pub multiplier: i32,
    /// Exponent of the power of two.
    pub shift: i8,
}

impl Multiplier {
    /// Returns the nearest multiplier. Numbers below about 2⁻³² become 0. `None` for negative
    /// numbers, NaN, and numbers of about 2³⁰ or more.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        if !(0.0..f64::from(1 << 30)).contains(&value) {
            return None;
        }
        // value = fraction · 2^shift with a fraction in 0.5..1.
        let (mut fraction, mut shift) = (value, 0_i8);
        while fraction >= 1.0 {
            fraction *= 0.5;
            shift += 1;
        }
        while fraction < 0.5 && shift >= -31 {
            fraction *= 2.0;
            shift -= 1;
        }
        // The product is exact, and adding a half before truncation rounds ties away from zero.
        let mut multiplier = (fraction * 2_147_483_648.0 + 0.5) as i64;
        if multiplier == 1 << 31 {
            (multiplier, shift) = (1 << 30, shift + 1);
        }
        if shift < -31 {
            (multiplier, shift) = (0, 0);
        }
        (shift <= 30).then_some(Self {
            multiplier: multiplier as i32,
            shift,
        })
    }

    /// Returns M · x, rounded to an integer. Results that i32 cannot hold become the nearest one.
    /// With double rounding and a shift above 0, x · 2^shift becomes the nearest one already. A
    /// shift outside its range counts as the nearest one inside.
    #[must_use]
    pub const fn apply(self, x: i32, rounding: Rounding) -> i32 {
        let shift = match self.shift {
            ..-31 => -31,
            31.. => 30,
            shift => shift,
        };
        Self { shift, ..self }.scaled(x, rounding)
    }

    /// Returns M · x as [`apply`](Self::apply) does, for a shift inside its range.
    #[inline(always)]
    pub(super) const fn scaled(self, x: i32, rounding: Rounding) -> i32 {
        match rounding {
            Rounding::Double => self.apply_twice(x),
            Rounding::Single => {
                let product = x as i64 * self.multiplier as i64;
                saturate((product + (1 << (30 - self.shift))) >> (31 - self.shift))
            }
        }
    }

    #[inline(always)]
    const fn apply_twice(self, x: i32) -> i32 {
        // Nearly all shifts are to the right, and only the other ones need 64 bits.
        let (raised, right) = if self.shift > 0 {
            (saturate((x as i64) << self.shift), 0)
        } else {
            (x, -self.shift)
        };
        let high = ((raised as i64 * self.multiplier as i64 + (1 << 30)) >> 31) as i32;
        let mask = ((1_u32 << right) - 1) as i32;
        let remainder = high & mask;
        let threshold = (mask >> 1) + (high < 0) as i32;
        (high >> right) + (remainder > threshold) as i32
    }
}

/// Returns the nearest number that i32 can hold.
#[inline(always)]
const fn saturate(x: i64) -> i32 {
    if x > i32::MAX as i64 {
        i32::MAX
    } else if x < i32::MIN as i64 {
        i32::MIN
    } else {
        x as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of TFLite Micro, in 128-bit integers and with its branches.
    fn by_definition(x: i32, Multiplier { multiplier, shift }: Multiplier) -> i32 {
        let left = i32::from(shift.max(0));
        let right = i32::from((-shift).max(0));
        let raised = (i128::from(x) << left).clamp(i32::MIN.into(), i32::MAX.into());
        let product = raised * i128::from(multiplier);
        let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
        // Truncating division.
        let high = (product + nudge) / (1 << 31);
        let (divisor, half) = (1_i128 << right, (1_i128 << right) / 2);
        let away = if high >= 0 { half } else { -half };
        let away = if right == 0 { 0 } else { away };
        ((high + away) / divisor) as i32
    }

    /// The nearest integer, with ties toward infinity.
    fn nearest(x: i32, Multiplier { multiplier, shift }: Multiplier) -> i32 {
        let divisor = 1_i128 << (31 - shift);
        let twice = 2 * i128::from(x) * i128::from(multiplier) + divisor;
        let rounded = twice.div_euclid(2 * divisor);
        rounded.clamp(i32::MIN.into(), i32::MAX.into()) as i32
    }

    fn check(x: i32, multiplier: Multiplier) {
        let (double, single) = (by_definition(x, multiplier), nearest(x, multiplier));
        assert_eq!(
            multiplier.apply(x, Rounding::Double),
            double,
            "{x} {multiplier:?}"
        );
        assert_eq!(
            multiplier.apply(x, Rounding::Single),
            single,
            "{x} {multiplier:?}"
        );
    }

    #[test]
    fn multiplication_is_that_of_the_definition() {
        let values = [
            1e-9,
            3e-5,
            0.001,
            0.3,
            0.5,
            0.999_999_999_9,
            1.0,
            7.3,
            1e6,
            1e9,
        ];
        let mut numbers = alloc::vec![0, 1, -1, 2, -2, 3, i32::MAX, i32::MIN, 1 << 30, -(1 << 30)];
        let mut state = 1_u32;
        for _ in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            numbers.push((state as i32) >> (state % 31));
        }
        for value in values {
            let multiplier = Multiplier::new(value).unwrap();
            let power = 2f64.powi(i32::from(multiplier.shift) - 31);
            let back = f64::from(multiplier.multiplier) * power;
            assert!((back / value - 1.0).abs() < 1e-9, "{value} {back}");
            for &x in &numbers {
                check(x, multiplier);
            }
        }
    }

    #[test]
    fn ties_are_rounded_as_defined() {
        for shift in -31..=30 {
            for x in -70..70 {
                let multiplier = 1 << 30;
                check(x, Multiplier { multiplier, shift });
            }
        }
    }

    #[test]
    fn limits() {
        let zero = Multiplier {
            multiplier: 0,
            shift: 0,
        };
        assert_eq!(Multiplier::new(0.0), Some(zero));
        assert_eq!(Multiplier::new(1e-30), Some(zero));
        let almost_one = Multiplier {
            multiplier: 1 << 30,
            shift: 1,
        };
        assert_eq!(Multiplier::new(1.0 - f64::EPSILON), Some(almost_one));
        for rounding in [Rounding::Double, Rounding::Single] {
            let apply = |value, x| Multiplier::new(value).unwrap().apply(x, rounding);
            assert_eq!(apply(1e-12, i32::MAX), 0);
            assert_eq!(apply(0.5, i32::MIN), i32::MIN / 2);
        }
        let million = Multiplier::new(1e6).unwrap();
        assert_eq!(million.apply(1 << 20, Rounding::Single), i32::MAX);
        assert!(million.apply(1 << 20, Rounding::Double) > i32::MAX / 2);
        for bad in [-0.5, f64::NAN, f64::INFINITY, 1_073_741_824.0] {
            assert_eq!(Multiplier::new(bad), None, "{bad}");
        }
    }
}
