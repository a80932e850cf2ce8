//! The logarithm and functions built on it.

use super::exp::{exp, ln_2};
use super::polynomial;
use crate::float::Float;

/// Coefficients of q = 2 · (atanh s - s) / s³ in s² from reference/fit.py.
///
/// The error relative to the logarithm is below 2^-30.2.
pub(crate) const SERIES_SINGLE: [f64; 3] = [6.666_677_6e-1, 3.997_758_6e-1, 2.987_069_5e-1];

/// Coefficients of q = 2 · (atanh s - s) / s³ in s² from reference/fit.py, for f64.
///
/// The error relative to the logarithm is below 2^-59.5.
pub(crate) const SERIES_DOUBLE: [f64; 7] = [
    6.666_666_666_666_734e-1,
    3.999_999_999_941_692_4e-1,
    2.857_142_874_193_681_6e-1,
    2.222_219_861_577_94e-1,
    1.818_356_226_545_993e-1,
    1.531_409_995_806_346_8e-1,
    1.479_548_439_468_922_6e-1,
];

/// Returns k · ln 2 + ln(1 + f) + c, where √(1/2) <= 1 + f < √2 and c is tiny.
///
/// The method is that of FreeBSD's `e_log.c`:
///
/// ```text
/// ln(1 + f) = 2 atanh s = f - f²/2 + s · (f²/2 + s² · q(s²)),  s = f / (2 + f)
/// ```
///
/// Terms other than f are small, so their rounding errors are too.
#[inline(always)]
fn assemble<T: Float>(k: T, f: T, c: T) -> T {
    let s = f / (T::from_f64(2.0) + f);
    let z = s * s;
    let q = if T::DOUBLE {
        polynomial(z, &SERIES_DOUBLE)
    } else {
        polynomial(z, &SERIES_SINGLE)
    };
    let half = T::from_f64(0.5) * f * f;
    let (high, low) = ln_2::<T>();
    k * high - ((half - (s * (half + z * q) + (k * low + c))) - f)
}

/// Returns the natural logarithm.
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value, also near 1. It is -infinity
/// for zero and NaN for negative numbers.
#[doc(alias = "log")]
#[inline(always)]
pub fn ln<T: Float>(x: T) -> T {
    // Scale subnormal numbers up, because they have no exponent to split off.
    let digits = T::from_f64(if T::DOUBLE { 54.0 } else { 25.0 });
    let up = (T::SHIFT + (T::BIAS + digits)).power();
    let small = x < T::min_positive_value();
    let (k, m) = (if small { x * up } else { x }).split();
    let k = if small { k - digits } else { k };
    let y = assemble(k, m - T::one(), T::zero());
    let y = if x == T::zero() { T::neg_infinity() } else { y };
    let y = if x < T::zero() { T::nan() } else { y };
    // Infinity and NaN return themselves.
    if x < T::infinity() { y } else { x }
}

/// Returns [`ln_1p`] for finite x > -1, without keeping the sign of zero. NaN returns NaN.
#[inline(always)]
fn ln_1p_inside<T: Float>(x: T) -> T {
    let one = T::one();
    // u + c is exactly 1 + x.
    let u = one + x;
    let b = u - one;
    let c = (one - (u - b)) + (x - b);
    let (k, m) = u.split();
    // ln(u + c) is nearly ln u + c / u, and 1 / u = 2^-k / m. Since c is less than an ulp, 1 / m is
    // needed only within 1/17, which the minimax line achieves. The variable `power` is 2 · 2^-k,
    // so that the largest k yields zero.
    let power = ((T::SHIFT + (T::BIAS + one)) - k).power();
    let c = c * power * (T::from_f64(0.998_3) - T::from_f64(0.470_6) * m);
    let whole = k == T::zero();
    let f = if whole { x } else { m - one };
    let c = if whole { T::zero() } else { c };
    assemble(k, f, c)
}

/// Returns ln(1 + x), accurate also where 1 + x is nearly 1.
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value. The sign of zero is kept. The
/// result is -infinity for -1 and NaN for smaller numbers.
#[doc(alias = "log1p")]
#[inline(always)]
pub fn ln_1p<T: Float>(x: T) -> T {
    let y = ln_1p_inside(x).copysign(x);
    let y = if x == -T::one() { T::neg_infinity() } else { y };
    let y = if x < -T::one() { T::nan() } else { y };
    // Infinity and NaN return themselves.
    if x < T::infinity() { y } else { x }
}

/// Returns ln(1 + e^x), a smooth max(x, 0).
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value, also where it is nearly zero.
/// It does not overflow.
#[doc(alias = "log1pexp")]
#[inline(always)]
pub fn softplus<T: Float>(x: T) -> T {
    let ramp = if x < T::zero() { T::zero() } else { x };
    ramp + ln_1p_inside(exp(-x.abs()))
}

/// Returns ln(sigmoid(x)) = -[`softplus`](-x), finite also where `sigmoid` would round to zero.
///
/// It is as accurate as `softplus`.
#[inline(always)]
pub fn log_sigmoid<T: Float>(x: T) -> T {
    -softplus(-x)
}
