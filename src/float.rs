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
    pub trait Bits: Copy {}
    impl Bits for f32 {}
    impl Bits for f64 {}
}
