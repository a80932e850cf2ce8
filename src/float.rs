//! The two number types that networks are made of.

use core::fmt::{Debug, Display};
use core::iter::Sum;

use num_traits::NumAssign;

use crate::simd::{Simd, Vector};

/// `f32` or `f64`; sealed, since the kernels know these two.
///
/// Transcendental functions are in [`math`](crate::math), as functions: the methods that
/// `num_traits` brings (`x.exp()`) mean the platform's, which are not vectorised and may
/// change their bits between platforms.
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
    /// A register of such numbers.
    #[doc(hidden)]
    type Vector<S: Simd>: Vector<S, Self>;

    /// The nearest value of this type.
    fn of(x: f64) -> Self;

    /// The same number in double precision.
    fn wide(self) -> f64;
}

macro_rules! float {
    ($float:ident, $vector:ident) => {
        impl Float for $float {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn of(x: f64) -> Self {
                x as $float
            }

            #[inline(always)]
            fn wide(self) -> f64 {
                f64::from(self)
            }
        }
    };
}

float! { f32, F32 }
float! { f64, F64 }

pub(crate) mod sealed {
    /// What the branch-free functions of `math` need to know about a float's bits.
    pub trait Bits: Copy {
        /// Whether this is f64: for constants and degrees that differ.
        const DOUBLE: bool;
        /// 1.5 * 2^(digits - 1). A small number added to it is rounded to an integer,
        /// which then stands in the lowest bits of the sum.
        const SHIFT: Self;
        /// How many bits stand below the exponent field.
        const FRACTION: u32;
        /// The exponent field of 1.
        const BIAS: Self;

        /// 2^(n - BIAS) for `SHIFT` + n, 0 < n < 2 BIAS + 1; n = 0 gives zero.
        fn power(self) -> Self;

        /// Two numbers whose product is 2^(n - 2 BIAS) for `SHIFT` + n, 1 < n < 4 BIAS:
        /// it may be out of range where the factors are not.
        fn powers(self) -> (Self, Self);

        /// 1 / self for a power of two.
        fn inverse_power(self) -> Self;

        /// (k, m) with self = 2^k m and sqrt(1/2) <= m < sqrt(2), for a positive normal self.
        fn split(self) -> (Self, Self);
    }

    macro_rules! bits {
        ($float:ident, $double:literal) => {
            impl Bits for $float {
                const DOUBLE: bool = $double;
                const SHIFT: Self = 1.5 / Self::EPSILON;
                const FRACTION: u32 = Self::MANTISSA_DIGITS - 1;
                const BIAS: Self = (Self::MAX_EXP - 1) as Self;

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
                    // An integer in the lowest bits of 2^digits, not a conversion, which
                    // AVX2 does not have for 64 bits.
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
