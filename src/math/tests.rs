//! Tests of the documented accuracy.
//!
//! - f32 is compared with f64 on samples. `FEEDFORWARD_EXHAUSTIVE=1` checks all 2^32 numbers,
//!   which takes minutes per function.
//! - f64 is compared with reference/table.txt and, more densely, with the platform's functions.
//!
//! `cargo test math -- --nocapture` prints the errors.

// Limits and bit-identical results are compared exactly.
#![allow(clippy::float_cmp)]

use std::hint::black_box;
use std::thread;

use super::*;
use crate::fnv;
use crate::simd::{self, InstructionSet, Op, Simd};

/// A function and its documented accuracy.
trait Function {
    const NAME: &str;
    /// Bounds in ulp for f32 and f64.
    const BOUNDS: (f64, u64) = (2.0, 4);
    /// Returns the function's value; vectorized loops call it.
    fn value<T: Float>(x: T) -> T;
    /// Returns an independent value, accurate to a few ulp of f64.
    fn reference(x: f64) -> f64;
    /// Returns `true` if the documented accuracy covers this argument.
    fn covers(_: f64) -> bool {
        true
    }
}

macro_rules! functions {
    ($($module:ident $function:ident $value:ident, $reference:expr $(, $item:item)*;)*) => {
        $(
            struct $function;

            impl Function for $function {
                const NAME: &str = stringify!($module);
                #[inline(always)]
                fn value<T: Float>(x: T) -> T {
                    super::$value(x)
                }
                fn reference(x: f64) -> f64 {
                    $reference(x)
                }
                $($item)*
            }

            mod $module {
                use super::*;

                #[test]
                fn of_f32_is_accurate() {
                    single::<$function>();
                }

                #[test]
                fn of_f64_agrees_with_the_table() {
                    table::<$function>();
                }

                #[test]
                fn of_f64_agrees_with_the_platform() {
                    dense::<$function>();
                }

                #[test]
                fn has_the_same_bits_everywhere() {
                    same_bits::<$function, f32>();
                    same_bits::<$function, f64>();
                }
            }
        )*
    };
}

functions! {
    exp Exp exp, f64::exp;
    exp_m1 ExpM1 exp_m1, f64::exp_m1;
    ln Ln ln, f64::ln;
    ln_1p Ln1p ln_1p, f64::ln_1p;
    tanh Tanh tanh, f64::tanh;
    sigmoid Sigmoid sigmoid, sigmoid_by_std;
    softplus Softplus softplus, softplus_by_std;
    log_sigmoid LogSigmoid log_sigmoid, |x: f64| -softplus_by_std(-x);
    erf Erf erf, erf_by_series;
    sin Sin sin_reduced, f64::sin, fn covers(x: f64) -> bool { x.abs() <= 1e4 };
    cos Cos cos_reduced, f64::cos, fn covers(x: f64) -> bool { x.abs() <= 1e4 };
}

fn sigmoid_by_std(x: f64) -> f64 {
    if x < 0.0 {
        x.exp() / (1.0 + x.exp())
    } else {
        1.0 / (1.0 + (-x).exp())
    }
}

fn softplus_by_std(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Returns erf x by a series and a continued fraction of positive terms.
///
/// Abramowitz and Stegun, 7.1.6 and 7.1.14.
fn erf_by_series(x: f64) -> f64 {
    let a = x.abs();
    if a == 0.0 || a.is_nan() {
        return x;
    }
    let scale = std::f64::consts::FRAC_2_SQRT_PI * (-a * a).exp();
    let y = if a > 6.5 {
        1.0
    } else if a < 1.5 {
        let mut term = a;
        let mut sum = a;
        let mut n = 1.0;
        while term > sum * 1e-18 {
            term *= 2.0 * a * a / (2.0 * n + 1.0);
            sum += term;
            n += 1.0;
        }
        scale * sum
    } else {
        let fraction = (1..=250).rev().fold(a, |f, k| a + f64::from(k) / 2.0 / f);
        1.0 - scale / (2.0 * fraction)
    };
    y.copysign(x)
}

/// A loop under the crate's dispatch, as in activations.
struct Map<'a, F, T> {
    function: F,
    x: &'a [T],
    y: &'a mut [T],
}

impl<F: Fn(T) -> T, T: Float> Op for Map<'_, F, T> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (y, &x) in self.y.iter_mut().zip(self.x) {
            *y = (self.function)(x);
        }
    }
}

fn map<F: Function, T: Float>(x: &[T], y: &mut [T]) {
    let function = F::value::<T>;
    simd::dispatch(Map { function, x, y });
}

/// Returns the distance of an f32 from the truth, in units of the truth's last place.
///
/// Infinity counts as the number after the largest.
fn error_of_single(y: f32, truth: f64) -> f64 {
    if y.is_nan() && truth.is_nan() || y == truth as f32 && y.is_infinite() {
        return 0.0;
    }
    let limit = 2_f64.powi(128);
    let truth = truth.clamp(-limit, limit);
    let exponent = (truth.abs().to_bits() >> 52) as i32 - 1023;
    let ulp = f64::from_bits(((exponent.clamp(-126, 127) - 23 + 1023) as u64) << 52);
    (f64::from(y).clamp(-limit, limit) - truth).abs() / ulp
}

/// Returns the distance between two f64, in steps from one f64 to the next.
fn error_of_double(y: f64, truth: f64) -> u64 {
    if y.is_nan() || truth.is_nan() {
        return if y.is_nan() && truth.is_nan() {
            0
        } else {
            u64::MAX
        };
    }
    let place = |x: f64| {
        let magnitude = x.abs().to_bits().cast_signed();
        if x.is_sign_negative() {
            -magnitude
        } else {
            magnitude
        }
    };
    place(y).abs_diff(place(truth))
}

fn single<F: Function>() {
    let exhaustive = std::env::var_os("FEEDFORWARD_EXHAUSTIVE").is_some_and(|v| v != "0");
    let stride = if exhaustive { 1 } else { 4099 };
    let threads = if exhaustive {
        thread::available_parallelism().map_or(1, Into::into)
    } else {
        1
    };
    let part = (1_u64 << 32).div_ceil(threads as u64);
    // Returns the largest error in the part that starts at these bits.
    let worst_from = |first: u64| {
        let end = (first + part).min(1 << 32);
        let mut worst = (0.0, 0.0);
        let mut bits = (first..end)
            .step_by(stride)
            .map(|bits| f32::from_bits(bits as u32));
        let mut y = [0.0; 4096];
        loop {
            let x: Vec<f32> = bits.by_ref().take(y.len()).collect();
            if x.is_empty() {
                return worst;
            }
            map::<F, f32>(&x, &mut y[..x.len()]);
            for (&x, &y) in x.iter().zip(&y) {
                if !F::covers(f64::from(x)) {
                    continue;
                }
                let error = error_of_single(y, F::reference(f64::from(x)));
                if error.is_nan() || error > worst.0 {
                    worst = (error, x);
                }
            }
        }
    };
    let worst = thread::scope(|scope| {
        let all: Vec<_> = (0..threads as u64)
            .map(|i| scope.spawn(move || worst_from(i * part)))
            .collect();
        all.into_iter()
            .map(|one| one.join().unwrap())
            .max_by(|a: &(f64, f32), b| a.0.total_cmp(&b.0))
            .unwrap()
    });
    let (error, x) = worst;
    println!("{} f32: {error:.3} ulp, at {x:e}", F::NAME);
    assert!(error <= F::BOUNDS.0, "{error} ulp at {x:e}");
}

fn table<F: Function>() {
    let mut lines = include_str!("reference/table.txt")
        .lines()
        .skip_while(|&line| line != F::NAME)
        .skip(1);
    let number = |hex| f64::from_bits(u64::from_str_radix(hex, 16).unwrap());
    let mut worst = (0, 0.0);
    let mut count = 0;
    while let Some((x, truth)) = lines.next().and_then(|line| line.split_once(' ')) {
        let x = number(x);
        let error = error_of_double(F::value(x), number(truth));
        if error > worst.0 {
            worst = (error, x);
        }
        count += 1;
    }
    let (error, x) = worst;
    println!("{} f64: {error} ulp, at {x:e}, among {count}", F::NAME);
    assert!(count > 100);
    // The table's values are rounded, which can hide half an ulp.
    assert!(error < F::BOUNDS.1, "{error} ulp at {x:e}");
}

/// Returns numbers of all magnitudes, including special values.
fn various<T: Float>(count: usize) -> Vec<T> {
    let specials = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    let limits = [T::min_positive_value(), T::max_value(), T::epsilon()];
    // Weyl's sequence: the fractions of multiples of an irrational number fill [0, 1).
    let fraction = |i: usize, step: f64| (i as f64 * step).fract();
    specials
        .into_iter()
        .map(T::from_f64)
        .chain(limits.into_iter().flat_map(|x| [x, -x]))
        .chain((0..count).map(|i| {
            let sign = if i % 2 == 0 { 1.0 } else { -1.0 };
            let spread = fraction(i, 2_f64.sqrt() / 2.0);
            T::from_f64(
                sign * match i % 3 {
                    0 => spread * 3.0,
                    1 => spread * 100.0,
                    _ => 2_f64.powf(fraction(i, 5_f64.sqrt()) * 100.0 - 60.0) * (1.0 + spread),
                },
            )
        }))
        .collect()
}

fn dense<F: Function>() {
    let x = various::<f64>(200_000);
    let mut y = vec![0.0; x.len()];
    map::<F, f64>(&x, &mut y);
    for (&x, &y) in x.iter().zip(&y).filter(|&(&x, _)| F::covers(x)) {
        // The reference itself may be inaccurate by this many ulp.
        let slack = 6;
        let truth = F::reference(x);
        let error = error_of_double(y, truth);
        assert!(error <= F::BOUNDS.1 + slack, "{x:e}: {y:e} for {truth:e}");
    }
}

fn same_bits<F: Function, T: Float>() {
    let x: Vec<T> = various(1003);
    let one_by_one: Vec<T> = x
        .iter()
        .map(|&x| black_box(F::value(black_box(x))))
        .collect();
    simd::on_every_set(|| {
        let mut y = vec![T::zero(); x.len()];
        map::<F, T>(&x, &mut y);
        for ((&x, &y), &expected) in x.iter().zip(&y).zip(&one_by_one) {
            let same = y == expected && y.is_sign_negative() == expected.is_sign_negative();
            let set = InstructionSet::active();
            assert!(
                same || y.is_nan() && expected.is_nan(),
                "{set}, {x}: {y} for {expected}"
            );
        }
    });
}

/// Folds the bits of a function's values into a hash.
///
/// NaN counts as 0, since its bits are not specified.
fn hash<F: Function>(mut hash: u64) -> u64 {
    let kept = |nan: bool, bits: u64| if nan { 0 } else { bits };
    for i in 0..4096_u32 {
        let x = f32::from_bits(i.wrapping_mul(1_048_583));
        let wide = f64::from_bits(u64::from(i).wrapping_mul(0x0010_0123_4567_89ab));
        let (y, wide) = (F::value(x), F::value(wide));
        let bits = [
            kept(y.is_nan(), y.to_bits().into()),
            kept(wide.is_nan(), wide.to_bits()),
        ];
        for bits in bits {
            hash = fnv::mix(hash, bits);
        }
    }
    hash
}

#[test]
fn bits_are_those_of_every_machine_and_release() {
    let mut all = fnv::START;
    for one in [
        hash::<Exp>,
        hash::<ExpM1>,
        hash::<Ln>,
        hash::<Ln1p>,
        hash::<Tanh>,
        hash::<Sigmoid>,
        hash::<Softplus>,
        hash::<LogSigmoid>,
        hash::<Erf>,
        hash::<Sin>,
        hash::<Cos>,
    ] {
        all = one(all);
    }
    // A different hash means different trained networks: mention it in the changelog.
    assert_eq!(all, 0x4f87_99ec_1507_96b1, "{all:#x}");
}

/// Asserts equality, including the sign of zero. NaN equals NaN.
#[track_caller]
fn assert_is<T: Float>(y: T, expected: f64) {
    let y = y.as_f64();
    let same = y == expected && y.is_sign_negative() == expected.is_sign_negative();
    assert!(
        same || y.is_nan() && expected.is_nan(),
        "{y} for {expected}"
    );
}

fn limits<T: Float>() {
    let (zero, infinity) = (T::zero(), T::infinity());
    for f in [
        exp,
        exp_m1,
        ln,
        ln_1p,
        tanh,
        sigmoid,
        softplus,
        log_sigmoid,
        erf,
        sin,
        cos,
    ] {
        assert_is(f(T::nan()), f64::NAN);
    }
    for f in [exp_m1, ln_1p, tanh, erf, sin] {
        assert_is(f(zero), 0.0);
        assert_is(f(-zero), -0.0);
    }
    let least = T::min_positive_value();
    for f in [exp_m1, ln_1p, tanh, sin] {
        for x in [least, least * T::epsilon()] {
            assert_eq!(f(x), x);
            assert_eq!(f(-x), -x);
        }
    }
    assert_is(exp(zero), 1.0);
    assert_is(exp(infinity), f64::INFINITY);
    assert_is(exp(-infinity), 0.0);
    assert_is(exp_m1(infinity), f64::INFINITY);
    assert_is(exp_m1(-infinity), -1.0);
    assert_is(ln(T::one()), 0.0);
    assert_is(ln(zero), f64::NEG_INFINITY);
    assert_is(ln(-zero), f64::NEG_INFINITY);
    assert_is(ln(infinity), f64::INFINITY);
    assert_is(ln(-T::one()), f64::NAN);
    assert_is(ln(-infinity), f64::NAN);
    assert_is(ln_1p(infinity), f64::INFINITY);
    assert_is(ln_1p(-T::one()), f64::NEG_INFINITY);
    assert_is(ln_1p(T::from_f64(-1.5)), f64::NAN);
    assert_is(ln_1p(-infinity), f64::NAN);
    assert_is(tanh(infinity), 1.0);
    assert_is(tanh(-infinity), -1.0);
    assert_is(erf(infinity), 1.0);
    assert_is(erf(-infinity), -1.0);
    assert_is(sigmoid(zero), 0.5);
    assert_is(sigmoid(infinity), 1.0);
    assert_is(sigmoid(-infinity), 0.0);
    assert_is(softplus(infinity), f64::INFINITY);
    assert_is(softplus(-infinity), 0.0);
    assert_is(log_sigmoid(infinity), -0.0);
    assert_is(log_sigmoid(-infinity), f64::NEG_INFINITY);
    assert_is(cos(zero), 1.0);
    assert_is(sin(infinity), f64::NAN);
    assert_is(cos(-infinity), f64::NAN);
}

#[test]
fn limits_are_right() {
    limits::<f32>();
    limits::<f64>();
}

#[test]
fn sine_and_cosine_of_large_numbers_are_the_platforms() {
    for x in [10_000.001, 1e5, -1e10, 1e300] {
        assert_is(sin(x), f64::sin(x));
        assert_is(cos(x), f64::cos(x));
    }
    let inside = sin(1e4_f64);
    assert_is(inside, sin_reduced(1e4));
    assert!(all_reduced(&[0.0, -1e4, f64::NAN]));
    assert!(!all_reduced(&[0.0, -10_000.1, 1.0]));
}

#[test]
fn the_table_is_right_where_the_platform_knows() {
    // Guards against an error that is in both the table and the function.
    let mut reference: fn(f64) -> f64 = f64::exp;
    for line in include_str!("reference/table.txt").lines() {
        let Some((x, truth)) = line.split_once(' ') else {
            reference = match line {
                "exp" => Exp::reference,
                "exp_m1" => ExpM1::reference,
                "ln" => Ln::reference,
                "ln_1p" => Ln1p::reference,
                "tanh" => Tanh::reference,
                "sigmoid" => Sigmoid::reference,
                "softplus" => Softplus::reference,
                "log_sigmoid" => LogSigmoid::reference,
                "erf" => Erf::reference,
                "sin" => Sin::reference,
                "cos" => Cos::reference,
                other => panic!("{other}"),
            };
            continue;
        };
        let number = |hex| f64::from_bits(u64::from_str_radix(hex, 16).unwrap());
        let error = error_of_double(reference(number(x)), number(truth));
        assert!(error <= 6, "{}: {error} ulp", number(x));
    }
}
