//! The exponential function and functions built on it.

use core::f64::consts::{LN_2, LOG2_E};

use super::{at_most, polynomial};
use crate::float::Float;

/// Returns ln 2 as a sum of two parts.
///
/// The first part has few enough digits that its product with an exponent is exact.
#[inline(always)]
pub(crate) fn ln_2<T: Float>() -> (T, T) {
    let (high, low) = if T::DOUBLE {
        (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10)
    } else {
        (0.693_359_375, -2.121_944_4e-4)
    };
    (T::from_f64(high), T::from_f64(low))
}

/// Returns (n + shift, r) with x = n · ln 2 + r and |r| <= ln 2 / 2.
#[inline(always)]
fn reduce<T: Float>(x: T, shift: T) -> (T, T) {
    let shifted = x * T::from_f64(LOG2_E) + shift;
    let n = shifted - shift;
    let (high, low) = ln_2::<T>();
    (shifted, (x - n * high) - n * low)
}

/// Coefficients of (e^r - 1 - r) / r² from reference/fit.py.
///
/// The error of e^r - 1 relative to max(|r|, 0.05) is below 2^-26.1.
pub(crate) const SERIES_SINGLE: [f64; 5] = [
    0.5,
    1.666_654_5e-1,
    4.166_640_3e-2,
    8.366_43e-3,
    1.394_050_7e-3,
];

/// Coefficients of (e^r - 1 - r) / r² from reference/fit.py, for f64.
///
/// The error of e^r - 1 relative to max(|r|, 0.05) is below 2^-55.1.
pub(crate) const SERIES_DOUBLE: [f64; 10] = [
    0.5,
    1.666_666_666_666_668e-1,
    4.166_666_666_661_969_5e-2,
    8.333_333_333_319_06e-3,
    1.388_888_892_063_374_1e-3,
    1.984_126_989_409_314_7e-4,
    2.480_151_618_452_411e-5,
    2.755_723_536_576_310_6e-6,
    2.762_229_338_636_739e-7,
    2.511_228_288_242_271_6e-8,
];

/// Returns e^r - 1 for |r| <= ln 2 / 2.
#[inline(always)]
fn exp_m1_near_zero<T: Float>(r: T) -> T {
    let q = if T::DOUBLE {
        polynomial(r, &SERIES_DOUBLE)
    } else {
        polynomial(r, &SERIES_SINGLE)
    };
    r + r * r * q
}

/// Returns e^x.
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value. Below the smallest normal
/// number, results lose digits gradually. Beyond the largest number the result is infinite.
#[inline(always)]
pub fn exp<T: Float>(x: T) -> T {
    // Beyond these bounds the result is zero or infinite anyway.
    let least = T::from_f64(if T::DOUBLE { -746.0 } else { -104.0 });
    let most = T::from_f64(if T::DOUBLE { 710.0 } else { 89.0 });
    let x = at_least(at_most(x, most), least);
    let (shifted, r) = reduce(x, T::SHIFT + (T::BIAS + T::BIAS));
    let (a, b) = shifted.powers();
    (T::one() + exp_m1_near_zero(r)) * a * b
}

/// Returns e^x - 1, accurate also where e^x is nearly 1.
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value. The sign of zero is kept.
#[doc(alias = "expm1")]
#[inline(always)]
pub fn exp_m1<T: Float>(x: T) -> T {
    // Beyond these bounds the result is -1 or infinite anyway.
    let least = T::from_f64(if T::DOUBLE { -40.0 } else { -20.0 });
    let most = T::from_f64(if T::DOUBLE { 710.0 } else { 89.0 });
    let y = at_least(at_most(x, most), least);
    // s is half the power of 2, which itself may overflow where the result does not.
    let (shifted, r) = reduce(y, T::SHIFT + (T::BIAS - T::one()));
    let s = shifted.power();
    let p = exp_m1_near_zero(r);
    let far = T::from_f64(2.0) * (s * p + (s - T::from_f64(0.5)));
    // The formula for `far` halves p, which would round a subnormal p.
    let y = if s == T::from_f64(0.5) { p } else { far };
    y.copysign(x)
}

/// Returns the hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x).
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value, also near zero. The sign of
/// zero is kept.
#[doc(alias = "hyperbolic_tangent")]
#[inline(always)]
pub fn tanh<T: Float>(x: T) -> T {
    let y = if T::DOUBLE {
        tanh_by_quotient(x.abs())
    } else {
        tanh_in_halves(x.abs())
    };
    y.copysign(x)
}

/// Returns tanh a = (1 - e^-2a) / (1 + e^-2a) for a >= 0, within 3 ulp.
#[inline(always)]
fn tanh_by_quotient<T: Float>(a: T) -> T {
    // For larger a the result rounds to 1.
    let a = at_most(a, T::from_f64(20.0));
    // e^-2a = s · (1 + p), where p is `exp_m1_near_zero(r)`.
    let (shifted, r) = reduce(a * T::from_f64(-2.0), T::SHIFT + T::BIAS);
    let s = shifted.power();
    let sp = s * exp_m1_near_zero(r);
    ((T::one() - s) - sp) / ((T::one() + s) + sp)
}

/// Coefficients of (tanh a - a) / a³ in a² for a <= 0.55, from reference/fit.py.
///
/// The error relative to tanh a is below 2^-29.7.
pub(crate) const TANH_SERIES: [f64; 5] = [
    -3.333_331_6e-1,
    1.333_254_4e-1,
    -5.384_754_8e-2,
    2.105_071_4e-2,
    -6.242_846_6e-3,
];

/// Returns tanh a for a >= 0, within 2 ulp for f32. The quotient would slightly exceed 2 ulp.
#[inline(always)]
fn tanh_in_halves<T: Float>(a: T) -> T {
    let square = a * a;
    let near = a + a * (square * polynomial(square, &TANH_SERIES));
    // tanh a = 1 - 2 / (1 + e^2a), where e^2a = s · (1 + p). From a = 9.1 on it rounds to 1.
    let b = at_most(a, T::from_f64(9.1));
    let shift = T::SHIFT + T::BIAS;
    let shifted = b * T::from_f64(2.0 * LOG2_E) + shift;
    // ln 2 needs no second part, because the quotient is only subtracted from 1.
    let r = (b + b) - (shifted - shift) * T::from_f64(LN_2);
    let s = shifted.power();
    let far = T::one() - T::from_f64(2.0) / ((T::one() + s) + s * exp_m1_near_zero(r));
    if a > T::from_f64(0.55) { far } else { near }
}

/// Returns the logistic function 1 / (1 + e^-x).
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value, also where it is nearly zero.
#[doc(alias = "logistic")]
#[doc(alias = "expit")]
#[inline(always)]
pub fn sigmoid<T: Float>(x: T) -> T {
    // Beyond these bounds the result rounds to 1 or 0.
    let most = T::from_f64(if T::DOUBLE { 746.0 } else { 104.0 });
    let x = at_least(at_most(-x, most), -most);
    // e^-x = (a / b) · (1 + p). For tiny results, e^-x would overflow without the scale b.
    let (shifted, r) = reduce(x, T::SHIFT + (T::BIAS + T::BIAS));
    let (a, b) = shifted.powers();
    let b = b.inverse_power();
    // `rest` is the rounding error of `sum`, to which a · p may be comparable.
    let sum = a + b;
    let rest = b - (sum - a);
    b / (sum + (a * exp_m1_near_zero(r) + rest))
}

/// Returns the larger of `x` and `limit`. NaN stays NaN.
#[inline(always)]
fn at_least<T: Float>(x: T, limit: T) -> T {
    if x < limit { limit } else { x }
}
