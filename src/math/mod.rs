//! Branch-free elementary functions.

use crate::float::Float;

/// e^x.
#[inline(always)]
pub fn exp<T: Float>(x: T) -> T {
    x.exp()
}

/// e^x - 1, accurate near 0.
#[inline(always)]
pub fn exp_m1<T: Float>(x: T) -> T {
    x.exp_m1()
}

/// The natural logarithm.
#[inline(always)]
pub fn ln<T: Float>(x: T) -> T {
    x.ln()
}

/// ln(1 + x), accurate near 0.
#[inline(always)]
pub fn ln_1p<T: Float>(x: T) -> T {
    x.ln_1p()
}

/// The cosine of an angle in radians.
#[inline(always)]
pub fn cos<T: Float>(x: T) -> T {
    x.cos()
}
