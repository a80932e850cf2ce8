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

/// ln(1 + x).
#[inline(always)]
pub fn ln_1p<T: Float>(x: T) -> T {
    x.ln_1p()
}

/// Hyperbolic tangent.
#[inline(always)]
pub fn tanh<T: Float>(x: T) -> T {
    x.tanh()
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub fn sigmoid<T: Float>(x: T) -> T {
    let e = (-x.abs()).exp();
    (if x < T::zero() { e } else { T::one() }) / (T::one() + e)
}

/// ln(1 / (1 + e^-x)).
#[inline(always)]
pub fn log_sigmoid<T: Float>(x: T) -> T {
    (if x > T::zero() { -T::zero() } else { x }) - (-x.abs()).exp().ln_1p()
}

/// ln(1 + e^x).
#[inline(always)]
pub fn softplus<T: Float>(x: T) -> T {
    (if x < T::zero() { T::zero() } else { x }) + (-x.abs()).exp().ln_1p()
}

/// The error function.
pub fn erf<T: Float>(x: T) -> T {
    // The series (DLMF 7.6.2) near zero, the continued fraction (7.9.3) beyond.
    let z = x.wide().abs();
    let scale = (-z * z).exp() * std::f64::consts::FRAC_2_SQRT_PI;
    let y = if z < 2.5 {
        let (mut term, mut sum, mut n) = (z, z, 1.0);
        while term > sum * 1e-17 {
            term *= 2.0 * z * z / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        scale * sum
    } else if z < 30.0 {
        let mut fraction = z;
        for k in (1..80).rev() {
            fraction = z + f64::from(k) / 2.0 / fraction;
        }
        1.0 - scale / 2.0 / fraction
    } else if z >= 30.0 {
        1.0
    } else {
        z
    };
    T::of(y.copysign(x.wide()))
}

/// Sine.
#[inline(always)]
pub fn sin<T: Float>(x: T) -> T {
    x.sin()
}

/// Cosine.
#[inline(always)]
pub fn cos<T: Float>(x: T) -> T {
    x.cos()
}

/// Whether none of these is beyond what `sin_reduced` and `cos_reduced` are made for.
pub(crate) fn all_reduced<T: Float>(x: &[T]) -> bool {
    !x.iter().any(|x| x.abs() > T::of(1e4))
}

/// Sine for |x| <= 1e4.
#[inline(always)]
pub(crate) fn sin_reduced<T: Float>(x: T) -> T {
    x.sin()
}

/// Cosine for |x| <= 1e4.
#[inline(always)]
pub(crate) fn cos_reduced<T: Float>(x: T) -> T {
    x.cos()
}
