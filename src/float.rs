//! The two number types of networks, `f32` and `f64`.

use alloc::format;
use core::fmt::{Debug, Display};
use core::iter::Sum;
use core::ops::RangeBounds;

use num_traits::NumAssign;

use crate::error::{Error, Number, Position, Result, check_range};
use crate::simd::{Simd, Vector};

/// The number type of a network: `f32` or `f64`.
///
/// The trait is sealed, because the kernels support only these two types. Elementary functions such
/// as the exponential are in [`math`](crate::math). The methods of `num_traits` (`x.exp()`) call
/// the platform's functions instead. These are not vectorized, and their results may differ
/// between platforms.
pub trait Float:
    num_traits::Float
    + NumAssign
    + Default
    + Debug
    + Display
    + Sum
    + Send
    + Sync
    + sealed::Bits
    + 'static
{
    /// A vector register of such numbers.
    #[doc(hidden)]
    type Vector<S: Simd>: Vector<S, Self>;

    /// Returns the value of this type nearest to `x`.
    fn from_f64(x: f64) -> Self;

    /// Converts to double precision, without loss.
    fn as_f64(self) -> f64;

    /// Returns the argument that belongs to this type.
    #[doc(hidden)]
    fn select<F: Family>(single: F::Of<f32>, double: F::Of<f64>) -> F::Of<Self>;
}

/// A family of types, one for each float type.
#[doc(hidden)]
pub trait Family {
    /// The member for this float type.
    type Of<T: Float>;
}

/// Defines a generic function whose two instances are compiled in this crate.
///
/// The compiler would otherwise compile generic code in the crate that uses it, with that crate's
/// settings. A debug build of that crate would then run an unoptimized kernel, even if its profile
/// optimizes this crate. Compiling the instances here also saves users compile time.
macro_rules! instantiate {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<T>($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)?
        $body:block
    ) => {
        $(#[$attribute])*
        $visibility fn $name<T: $crate::float::Float>($($argument: $type),*) $(-> $output)? {
            struct Function;
            impl $crate::float::Family for Function {
                type Of<T: $crate::float::Float> = fn($($type),*) $(-> $output)?;
            }
            #[inline(always)]
            fn generic<T: $crate::float::Float>($($argument: $type),*) $(-> $output)? $body
            let single = {
                type T = f32;
                #[inline(never)]
                fn single($($argument: $type),*) $(-> $output)? { generic::<T>($($argument),*) }
                single
            };
            let double = {
                type T = f64;
                #[inline(never)]
                fn double($($argument: $type),*) $(-> $output)? { generic::<T>($($argument),*) }
                double
            };
            T::select::<Function>(single, double)($($argument),*)
        }
    };
}
pub(crate) use instantiate;

instantiate! {
    /// Checks that all values are finite.
    pub(crate) fn check_finite<T>(what: &'static str, values: &[T]) -> Result<()> {
        // Whole blocks are checked without a branch.
        const BLOCK: usize = 256;
        for (block, values) in values.chunks(BLOCK).enumerate() {
            if !values.iter().fold(true, |ok, &x| ok & (x.abs() <= T::max_value())) {
                let at = values.iter().position(|x| !x.is_finite()).unwrap_or(0);
                let (at, value) = (Position::Index(block * BLOCK + at), values[at].as_f64());
                return Err(Error::NotFinite { what, at, value });
            }
        }
        Ok(())
    }
}

/// Checks that a setting is above 0 and a normal number in `T`, so that it rounds neither to 0 nor
/// to infinity.
pub(crate) fn check_positive<T: Float>(what: &'static str, value: f64) -> Result<()> {
    let expected = "a finite number above 0";
    check_range(what, value, f64::from_bits(1)..=f64::MAX, expected)?;
    let (low, high) = (T::min_positive_value().as_f64(), T::max_value().as_f64());
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let expected = format!("{expected}, from {low:.1e} to {high:.1e} in {}", T::NAME);
    Err(Error::invalid_setting(what, expected, Number(value)))
}

/// Checks that a setting is 0 or [positive](check_positive).
pub(crate) fn check_not_negative<T: Float>(what: &'static str, value: f64) -> Result<()> {
    check_range(what, value, 0.0..=f64::MAX, "a finite number, at least 0")?;
    match value {
        0.0 => Ok(()),
        _ => check_positive::<T>(what, value),
    }
}

/// Checks that a fraction is at least 0 and, also when rounded to `T`, below 1.
pub(crate) fn check_fraction<T: Float>(what: &'static str, value: f64) -> Result<()> {
    let expected = "at least 0 and below 1";
    check_range(what, value, 0.0..1.0, expected)?;
    if T::from_f64(value) < T::one() {
        return Ok(());
    }
    let expected = format!("{expected}, also when rounded to {}", T::NAME);
    Err(Error::invalid_setting(what, expected, Number(value)))
}

/// Returns the power of two of a size, by which numbers are divided before they are squared.
#[cfg(target_has_atomic = "ptr")]
#[inline(always)]
pub(crate) fn unit_of(size: f64) -> f64 {
    const EXPONENT: u64 = 0x7ff0_0000_0000_0000;
    // Division by a power of two is exact.
    f64::from_bits(size.to_bits() & EXPONENT).max(f64::MIN_POSITIVE)
}

/// Returns `true` if rounding alone explains this spread of numbers that should be equal.
///
/// Rounding may contribute one unit in the last place per number, for up to ten numbers.
#[cfg(target_has_atomic = "ptr")]
pub(crate) fn is_rounding<T: Float>(spread: f64, size: f64, numbers: usize) -> bool {
    const MOST: usize = 10;
    spread <= numbers.min(MOST) as f64 * T::epsilon().as_f64() * size.abs()
}

/// Checks that all values in rows of this width are finite.
pub(crate) fn check_finite_rows<T: Float>(
    what: &'static str,
    values: &[T],
    width: usize,
) -> Result<()> {
    check_finite(what, values).map_err(|error| in_rows(error, 0, width))
}

/// Checks that all values lie in a range, which NaN never does.
pub(crate) fn check_values<T: Float>(
    what: &'static str,
    values: &[T],
    range: impl RangeBounds<f64>,
    expected: &str,
) -> Result<()> {
    let index = values.iter().position(|x| !range.contains(&x.as_f64()));
    index.map_or(Ok(()), |index| {
        let (at, value) = (Position::Index(index), values[index].as_f64());
        Err(Error::invalid_value(what, expected, at, value))
    })
}

/// Converts the error's index to a cell in rows of this width, `before` rows further down.
#[cold]
pub(crate) fn in_rows(error: Error, before: usize, width: usize) -> Error {
    error.at(|index| Position::Cell {
        row: before + index / width.max(1),
        column: index % width.max(1),
    })
}

/// Returns the values as files store them: little-endian, without loss.
#[cfg(any(feature = "safetensors", feature = "onnx"))]
pub(crate) fn le_bytes<T: Float>(values: &[T]) -> alloc::vec::Vec<u8> {
    let wide = values.iter().map(|x| x.as_f64());
    if T::DOUBLE {
        wide.flat_map(f64::to_le_bytes).collect()
    } else {
        wide.flat_map(|x| (x as f32).to_le_bytes()).collect()
    }
}

macro_rules! float {
    ($float:ident, $vector:ident, $single:ident, $double:ident => $own:ident) => {
        impl Float for $float {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $float
            }

            #[inline(always)]
            fn as_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn select<F: Family>($single: F::Of<f32>, $double: F::Of<f64>) -> F::Of<Self> {
                $own
            }
        }
    };
}

float! { f32, F32, single, _double => single }
float! { f64, F64, _single, double => double }

pub(crate) mod sealed {
    /// Properties of a float's bits that the branch-free functions of `math` need.
    pub trait Bits: Copy {
        /// `true` for f64. Selects constants and polynomial degrees.
        const DOUBLE: bool;
        /// Name of the type in Rust.
        const NAME: &'static str;
        /// 1.5 · 2^(digits - 1).
        ///
        /// Adding it to a small number rounds that number to an integer, held in the lowest bits of
        /// the sum.
        const SHIFT: Self;
        /// Number of bits below the exponent field.
        const FRACTION: u32;
        /// The exponent field of 1.
        const BIAS: Self;

        /// Returns the integer part of a number that is at least 0 and below 2^31.
        fn truncate(self) -> u32;

        /// Returns the nearest number to an integer below 2^31.
        fn from_u32(integer: u32) -> Self;

        /// Returns n for `SHIFT` + n, 0 <= n < 2^22.
        ///
        /// Unlike [`truncate`](Self::truncate), which saturates, it compiles to vector code.
        fn integer(self) -> u32;

        /// Returns 2^(n - BIAS) for `SHIFT` + n, 0 < n < 2 BIAS + 1. Returns zero for n = 0.
        fn power(self) -> Self;

        /// Returns two numbers with the product 2^(n - 2 BIAS) for `SHIFT` + n, 1 < n < 4 BIAS.
        ///
        /// The product may be out of range although both factors are in range.
        fn powers(self) -> (Self, Self);

        /// Returns 1 / self for a power of two.
        fn inverse_power(self) -> Self;

        /// Returns (k, m) with self = 2^k m and sqrt(1/2) <= m < sqrt(2), for a positive normal
        /// self.
        fn split(self) -> (Self, Self);
    }

    macro_rules! bits {
        ($float:ident, $double:literal) => {
            impl Bits for $float {
                const DOUBLE: bool = $double;
                const NAME: &'static str = stringify!($float);
                const SHIFT: Self = 1.5 / Self::EPSILON;
                const FRACTION: u32 = Self::MANTISSA_DIGITS - 1;
                const BIAS: Self = (Self::MAX_EXP - 1) as Self;

                // Signed integers, because AVX2 converts no others.
                #[inline(always)]
                fn truncate(self) -> u32 {
                    (self as i32).cast_unsigned()
                }

                #[inline(always)]
                fn from_u32(integer: u32) -> Self {
                    integer.cast_signed() as Self
                }

                #[inline(always)]
                fn integer(self) -> u32 {
                    self.to_bits().wrapping_sub(Self::SHIFT.to_bits()) as u32
                }

                #[inline(always)]
                fn power(self) -> Self {
                    Self::from_bits(self.to_bits() << Self::FRACTION)
                }

                #[inline(always)]
                fn powers(self) -> (Self, Self) {
                    let n = self.to_bits();
                    let half = n >> 1;
                    (
                        Self::from_bits(half << Self::FRACTION),
                        Self::from_bits(n.wrapping_sub(half) << Self::FRACTION),
                    )
                }

                #[inline(always)]
                fn inverse_power(self) -> Self {
                    Self::from_bits((2 * Self::to_bits(1.0)).wrapping_sub(self.to_bits()))
                }

                #[inline(always)]
                fn split(self) -> (Self, Self) {
                    let one = Self::to_bits(1.0);
                    let least = core::$float::consts::FRAC_1_SQRT_2.to_bits();
                    let bits = self.to_bits().wrapping_add(one - least);
                    // The low bits of 2^digits take the integer. A conversion would not work:
                    // AVX2 has none for 64 bits.
                    let zero = 1.0 / Self::EPSILON;
                    let k = Self::from_bits(zero.to_bits() | (bits >> Self::FRACTION));
                    let m = (bits & ((1 << Self::FRACTION) - 1)).wrapping_add(least);
                    (k - (zero + Self::BIAS), Self::from_bits(m))
                }
            }
        };
    }
    bits! { f32, false }
    bits! { f64, true }
}
