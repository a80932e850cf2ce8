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

    /// Chooses what belongs to this type.
    #[doc(hidden)]
    fn pick<F: Family>(single: F::Of<f32>, double: F::Of<f64>) -> F::Of<Self>;
}

/// Something that there is one of for each float type.
#[doc(hidden)]
pub trait Family {
    /// The one for this type.
    type Of<T: Float>;
}

/// A generic function whose two instances are compiled here, with this crate.
///
/// Generic code is otherwise compiled in the crate that uses it, with that crate's
/// settings: in somebody's debug build the kernel would run a hundred times slower, whatever
/// optimisation level they give to this crate. It also spares them the compile time.
macro_rules! compiled {
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
            T::pick::<Function>(single, double)($($argument),*)
        }
    };
}
pub(crate) use compiled;

macro_rules! float {
    ($float:ident, $vector:ident, $single:ident, $double:ident => $own:ident) => {
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

            #[inline(always)]
            fn pick<F: Family>($single: F::Of<f32>, $double: F::Of<f64>) -> F::Of<Self> {
                $own
            }
        }
    };
}

float! { f32, F32, single, _double => single }
float! { f64, F64, _single, double => double }

pub(crate) mod sealed {
    /// What the branch-free functions of `math` need to know about a float's bits.
    pub trait Bits: Copy {}
    impl Bits for f32 {}
    impl Bits for f64 {}
}
