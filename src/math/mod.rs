//! Elementary functions that vectorize and are bit-identical everywhere.
//!
//! The methods of these names on `f32` and `f64` call the platform's library, one number at a time.
//! Their last bits differ between platforms and releases. The functions of this module consist of
//! additions, multiplications, divisions and selections, which Rust neither reorders nor contracts.
//! Results are therefore bit-identical with every instruction set. A loop over them becomes vector
//! code if it is compiled for vectors, as under [`simd::dispatch`](crate::simd::dispatch).
//!
//! They are functions, not methods, so that `x.exp()` never silently calls the wrong one.
//!
//! # Accuracy
//! "Within n ulp" bounds the distance from the true value in units of the result's last place. It
//! holds for all arguments, also if the result is near zero, subnormal or about to overflow.
//! Infinities return the limit, NaN returns NaN, and odd functions keep the sign of zero.
//!
//! The bounds are for f32 and f64, and tests enforce them:
//!
//! - f32: on samples, or on all 2^32 numbers with `FEEDFORWARD_EXHAUSTIVE=1`
//! - f64: on a table of correctly rounded values
//!
//! # Example
//! ```
//! use feedforward::math;
//!
//! assert_eq!(math::tanh(f32::INFINITY), 1.0);
//! assert_eq!(math::exp(-745.0_f64), 5e-324);
//! let logits = [1.0, -2.0, 0.5];
//! let probabilities: Vec<f64> = logits.iter().map(|&x| math::sigmoid(x)).collect();
//! assert!((probabilities[0] - 0.7310585786300049).abs() < 1e-15);
//! ```

use crate::float::Float;

pub(crate) mod erf;
pub(crate) mod exp;
pub(crate) mod log;
pub(crate) mod trig;

pub use erf::erf;
pub use exp::{exp, exp_m1, sigmoid, tanh};
pub use log::{ln, ln_1p, log_sigmoid, softplus};
pub(crate) use trig::{all_reduced, cos_reduced, sin_reduced};
pub use trig::{cos, sin};

/// Returns c[0] + c[1] · x + c[2] · x² + ...
///
/// Even and odd powers are summed separately, which halves the number of dependent operations.
#[inline(always)]
fn polynomial<T: Float, const N: usize>(x: T, c: &[f64; N]) -> T {
    let square = x * x;
    let mut i = N - 2;
    let mut high = T::from_f64(c[i + 1]);
    let mut low = T::from_f64(c[i]);
    while i >= 2 {
        i -= 2;
        high = high * square + T::from_f64(c[i + 1]);
        low = low * square + T::from_f64(c[i]);
    }
    if N.is_multiple_of(2) {
        low + x * high
    } else {
        T::from_f64(c[0]) + x * (low + x * high)
    }
}

/// Returns the correctly rounded square root. It replaces std's method, which is not in `core`.
#[inline(always)]
pub(crate) fn sqrt<T: Float>(x: T) -> T {
    num_traits::Float::sqrt(x)
}

/// Returns base^n by squaring, bit-identical everywhere. `powi` does not specify its precision.
pub(crate) fn power(mut base: f64, mut n: u64) -> f64 {
    let mut result = 1.0;
    while n > 0 {
        if n & 1 == 1 {
            result *= base;
        }
        base *= base;
        n >>= 1;
    }
    result
}

/// Returns the smaller of `x` and `limit`. NaN stays NaN.
#[inline(always)]
fn at_most<T: Float>(x: T, limit: T) -> T {
    if x > limit { limit } else { x }
}

#[cfg(test)]
mod tests;
