//! Branch-free elementary functions.

use crate::float::Float;

/// e^x.
#[inline(always)]
pub fn exp<T: Float>(x: T) -> T {
    x.exp()
}

/// e^x - 1.
#[inline(always)]
pub fn exp_m1<T: Float>(x: T) -> T {
    x.exp_m1()
}

/// ln x.
#[inline(always)]
pub fn ln<T: Float>(x: T) -> T {
    x.ln()
}

/// ln(1 + x).
#[inline(always)]
pub fn ln_1p<T: Float>(x: T) -> T {
    x.ln_1p()
}

/// tanh x.
#[inline(always)]
pub fn tanh<T: Float>(x: T) -> T {
    x.tanh()
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub fn sigmoid<T: Float>(x: T) -> T {
    let e = exp(-x.abs());
    let top = if x < T::zero() { e } else { T::one() };
    top / (T::one() + e)
}

/// ln(sigmoid(x)) = -softplus(-x).
#[inline(always)]
pub fn log_sigmoid<T: Float>(x: T) -> T {
    -softplus(-x)
}

/// ln(1 + e^x).
#[inline(always)]
pub fn softplus<T: Float>(x: T) -> T {
    let ramp = if x < T::zero() { T::zero() } else { x };
    ramp + ln_1p(exp(-x.abs()))
}

/// The error function.
#[inline(always)]
pub fn erf<T: Float>(x: T) -> T {
    let a = x.abs().wide();
    let t = 1.0 / (1.0 + 0.327_591_1 * a);
    let p = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ]
    .iter()
    .fold(0.0, |sum, c| sum * t + c);
    T::of(1.0 - p * t * (-a * a).exp()).copysign(x)
}

/// sin x, right for every x.
#[inline(always)]
pub fn sin<T: Float>(x: T) -> T {
    x.sin()
}

/// cos x, right for every x.
#[inline(always)]
pub fn cos<T: Float>(x: T) -> T {
    x.cos()
}

/// Whether [`sin_reduced`] and [`cos_reduced`] are right for all these numbers: |x| <= 1e4.
#[allow(dead_code)]
#[inline(always)]
pub(crate) fn all_reduced<T: Float>(x: &[T]) -> bool {
    !x.iter().any(|x| x.abs() > T::of(1e4))
}

/// sin x for |x| <= 1e4: what vectorises.
#[allow(dead_code)]
#[inline(always)]
pub(crate) fn sin_reduced<T: Float>(x: T) -> T {
    x.sin()
}

/// cos x for |x| <= 1e4: what vectorises.
#[allow(dead_code)]
#[inline(always)]
pub(crate) fn cos_reduced<T: Float>(x: T) -> T {
    x.cos()
}
