//! Elementary functions that vectorise and give the same bits everywhere.
//!
//! The methods of the same names on `f32` and `f64` call the platform's library: one
//! number at a time, with last bits that differ between platforms and releases. These are
//! plain additions, multiplications, divisions and selections, in an order that Rust never
//! changes or contracts: a loop over them becomes vector code when it is compiled for
//! vectors, as under [`simd::dispatch`](crate::simd::dispatch), and every instruction set
//! gives the same bits. They are functions and not methods so that `x.exp()` never
//! silently means the other one.
//!
//! # Accuracy
//! "Within n ulp" bounds the distance from the true value in units of the result's last
//! place, for all arguments: also where the result is near zero, subnormal or about to
//! overflow. Infinities give the limit, NaN gives NaN, and odd functions keep the sign of
//! zero. The bounds are those of f32 and f64. Tests enforce them: for f32 on samples, or
//! on all 2^32 numbers with `FEEDFORWARD_EXHAUSTIVE=1`; for f64 on a table of correctly
//! rounded values.
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
mod exp;
mod log;
mod trig;

pub use erf::erf;
pub use exp::{exp, exp_m1, sigmoid, tanh};
pub use log::{ln, ln_1p, log_sigmoid, softplus};
pub(crate) use trig::{all_reduced, cos_reduced, sin_reduced};
pub use trig::{cos, sin};

/// c[0] + c[1] x + c[2] x^2 + ...
///
/// Even and odd powers are summed apart, which halves the chain of operations that wait
/// for each other.
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

/// The square root, rounded correctly everywhere: std's method is not in `core`.
#[inline(always)]
pub(crate) fn sqrt<T: Float>(x: T) -> T {
    num_traits::Float::sqrt(x)
}

/// base^n by squaring, which has the same bits everywhere; `powi` leaves its precision open.
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

/// `x`, or `limit` if it is larger; NaN stays.
#[inline(always)]
fn at_most<T: Float>(x: T, limit: T) -> T {
    if x > limit { limit } else { x }
}

#[cfg(test)]
mod tests;
