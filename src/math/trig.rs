//! Sine and cosine.

use core::f64::consts::FRAC_1_PI;

use super::polynomial;
use crate::float::Float;

/// Largest magnitude for which the branch-free functions are accurate.
pub(crate) const REDUCED: f64 = 1e4;

/// π as a sum. Products of integers up to 2^13 with any part except the last are exact.
pub(crate) const PI: [f64; 3] = [
    3.141_592_653_588_304_5,
    1.488_709_496_096_051e-12,
    1.273_663_432_702_19e-24,
];

/// 1.5 · 2^52. Adding it rounds to an integer, which the lowest bits of the sum contain.
const SHIFT: f64 = 1.5 / f64::EPSILON;

/// Coefficients of (r - sin r) / r³ in r² from reference/fit.py, for results in f32.
///
/// The error relative to sin r is below 2^-27.3.
pub(crate) const SERIES_SINGLE: [f64; 4] = [
    1.666_665_954_495_355e-1,
    -8.333_066_091_078_77e-3,
    1.980_959_062_555_621_8e-4,
    -2.605_751_712_229_942_6e-6,
];

/// Coefficients of (r - sin r) / r³ in r² from reference/fit.py.
///
/// The error relative to sin r is below 2^-61.5.
pub(crate) const SERIES_DOUBLE: [f64; 8] = [
    1.666_666_666_666_666_6e-1,
    -8.333_333_333_333_207e-3,
    1.984_126_984_121_248e-4,
    -2.755_731_921_156_948_6e-6,
    2.505_210_690_442_414_7e-8,
    -1.605_894_100_247_002_5e-10,
    7.643_019_381_274_744e-13,
    -2.721_419_756_874_818_3e-15,
];

/// Returns the sine of x - nπ, times -1 for odd n, where `shifted` is `SHIFT` + n.
///
/// The computation is in f64 also for f32, to keep 24 bits of the difference near multiples of π.
/// Converting it back to f32 before the polynomial would hardly be faster.
#[inline(always)]
fn sin_after<T: Float>(x: f64, n: f64, shifted: f64) -> T {
    let r = (x - n * PI[0]) - n * PI[1];
    // The third part is too small to affect 24 bits.
    let r = if T::DOUBLE { r - n * PI[2] } else { r };
    let r = f64::from_bits(r.to_bits() ^ (shifted.to_bits() << 63));
    let z = r * r;
    let q = if T::DOUBLE {
        polynomial(z, &SERIES_DOUBLE)
    } else {
        polynomial(z, &SERIES_SINGLE)
    };
    // The sign of r gives zeros the right sign.
    T::from_f64((r - r * (z * q)).copysign(r))
}

/// Returns `true` if [`sin_reduced`] and [`cos_reduced`] are accurate for all these numbers.
///
/// It is `true` if no magnitude exceeds 1e4.
#[inline(always)]
pub(crate) fn all_reduced<T: Float>(x: &[T]) -> bool {
    let limit = T::from_f64(REDUCED);
    !x.iter().fold(false, |beyond, x| beyond | (x.abs() > limit))
}

/// Returns [`sin`] for |x| <= 1e4, in a form that vectorizes.
#[inline(always)]
pub(crate) fn sin_reduced<T: Float>(x: T) -> T {
    let x = x.as_f64();
    let shifted = x * FRAC_1_PI + SHIFT;
    sin_after(x, shifted - SHIFT, shifted)
}

/// Returns [`cos`] for |x| <= 1e4, in a form that vectorizes.
#[inline(always)]
pub(crate) fn cos_reduced<T: Float>(x: T) -> T {
    // cos x = sin(nπ + π/2 - x) for even n, and its negative for odd n.
    let x = x.as_f64();
    let shifted = (x * FRAC_1_PI - 0.5) + SHIFT;
    let n = (shifted - SHIFT) + 0.5;
    sin_after(-x, -n, shifted)
}

/// Returns the sine of x, in radians.
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value, also near multiples of π. The
/// sign of zero is kept. Infinities return NaN.
///
/// Beyond 1e4 in magnitude, the platform's sine is used, whose last bit may differ between
/// platforms.
#[inline(always)]
pub fn sin<T: Float>(x: T) -> T {
    if x.abs() <= T::from_f64(REDUCED) {
        sin_reduced(x)
    } else {
        sin_beyond(x)
    }
}

/// Returns the cosine of x, in radians.
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value, also near its zeros.
/// Infinities return NaN.
///
/// Beyond 1e4 in magnitude, the platform's cosine is used, whose last bit may differ between
/// platforms.
#[inline(always)]
pub fn cos<T: Float>(x: T) -> T {
    if x.abs() <= T::from_f64(REDUCED) {
        cos_reduced(x)
    } else {
        cos_beyond(x)
    }
}

#[cold]
#[inline(never)]
fn sin_beyond<T: Float>(x: T) -> T {
    x.sin()
}

#[cold]
#[inline(never)]
fn cos_beyond<T: Float>(x: T) -> T {
    x.cos()
}
