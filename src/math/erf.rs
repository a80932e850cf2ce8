//! The error function.

use super::exp::exp;
use super::{at_most, polynomial};
use crate::float::Float;

/// Boundary between the two forms of the error function.
pub(crate) const FAR: f64 = 0.92;

/// Argument from which erf x rounds to 1 in f64.
pub(crate) const END_DOUBLE: f64 = 5.95;

/// Argument from which erf x rounds to 1 in f32.
pub(crate) const END_SINGLE: f64 = 3.95;

/// Coefficients of erf x / x - 1 in x² for |x| <= 0.92, from reference/fit.py.
///
/// The error relative to erf x is below 2^-56.3.
pub(crate) const NEAR_DOUBLE: [f64; 12] = [
    1.283_791_670_955_126e-1,
    -3.761_263_890_318_408_7e-1,
    1.128_379_167_097_002e-1,
    -2.686_617_064_771_471e-2,
    5.223_977_648_291_516e-3,
    -8.548_328_188_132_575e-4,
    1.205_536_913_866_860_4e-4,
    -1.492_633_823_117_495_1e-5,
    1.646_963_937_059_711_6e-6,
    -1.640_004_565_355_442e-7,
    1.465_450_637_036_033_8e-8,
    -9.766_174_109_826_18e-10,
];

/// Coefficients of ln(1 - erf x) in x - 1 for x from 0.92 to 5.95, from reference/fit.py.
///
/// The error relative to erf x is below 2^-56.8.
pub(crate) const FAR_DOUBLE: [f64; 19] = [
    -1.849_605_509_933_248_2,
    -2.638_967_514_234_791,
    -8.431_072_563_584_874e-1,
    -4.156_109_804_678_063e-2,
    1.003_382_543_625_313_7e-2,
    -1.977_903_006_631_284_5e-3,
    2.373_244_502_827_924_4e-4,
    2.627_191_663_474_336_5e-5,
    -2.714_643_458_010_400_3e-5,
    9.589_409_775_495_416e-6,
    -2.037_742_759_329_205e-6,
    1.244_018_279_866_058e-7,
    1.090_614_337_523_41e-7,
    -5.733_879_231_666_361e-8,
    1.668_543_804_851_375_7e-8,
    -3.282_625_579_884_984_7e-9,
    4.341_180_943_829_063e-10,
    -3.500_816_115_297_228e-11,
    1.301_735_716_166_454e-12,
];

/// Coefficients of erf x / x - 1 in x² for |x| <= 0.92, from reference/fit.py, for f32.
///
/// The error relative to erf x is below 2^-25.9.
pub(crate) const NEAR_SINGLE: [f64; 6] = [
    1.283_791_5e-1,
    -3.761_25e-1,
    1.128_187_7e-1,
    -2.676_858e-2,
    4.995_851e-3,
    -6.003_776e-4,
];

/// Coefficients of ln(1 - erf x) in x - 1 for x from 0.92 to 3.95, from reference/fit.py.
///
/// The error relative to erf x is below 2^-26.1.
pub(crate) const FAR_SINGLE: [f64; 7] = [
    -1.849_605_6,
    -2.638_967_8,
    -8.431_086_5e-1,
    -4.153_733_7e-2,
    9.949_874e-3,
    -1.867_578_1e-3,
    1.959_324_7e-4,
];

/// Returns the error function, 2/√π times the integral of e^(-t²) from 0 to x.
///
/// The result is within 2 ulp (f32) or 4 ulp (f64) of the true value, also near zero. The sign of
/// zero is kept.
#[doc(alias = "error_function")]
#[inline(always)]
pub fn erf<T: Float>(x: T) -> T {
    let a = x.abs();
    let near = at_most(a, T::from_f64(FAR));
    let far = at_most(
        a,
        T::from_f64(if T::DOUBLE { END_DOUBLE } else { END_SINGLE }),
    ) - T::one();
    let square = near * near;
    let (near, far) = if T::DOUBLE {
        (
            near + near * polynomial(square, &NEAR_DOUBLE),
            polynomial(far, &FAR_DOUBLE),
        )
    } else {
        (
            near + near * polynomial(square, &NEAR_SINGLE),
            polynomial(far, &FAR_SINGLE),
        )
    };
    let far = T::one() - exp(far);
    let y = if a > T::from_f64(FAR) { far } else { near };
    y.copysign(x)
}
