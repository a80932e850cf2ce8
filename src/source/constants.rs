//! Numbers that the functions of generated source name.

use alloc::format;
use alloc::string::String;
use core::f64::consts;

use super::language::{Language, literal};
use crate::activation::{GeluTanh, Selu};
use crate::float::Float;
use crate::math::{erf, exp, log, trig};

/// Returns the text of a constant. The type decides about its value, because the functions of
/// `math` have other bounds for f32 than for f64.
pub(super) fn constant<T: Float>(language: Language, name: &str) -> Option<String> {
    let by_type = |single: f64, double: f64| if T::DOUBLE { double } else { single };
    let (high, low) = exp::ln_2::<T>();
    let float = match name {
        "LOG2_E" => consts::LOG2_E,
        "TWO_LOG2_E" => 2.0 * consts::LOG2_E,
        "LN_2" => consts::LN_2,
        "LN_2_HIGH" => high.as_f64(),
        "LN_2_LOW" => low.as_f64(),
        "EXP_LEAST" => by_type(-104.0, -746.0),
        "EXP_MOST" => by_type(89.0, 710.0),
        "EXP_M1_LEAST" => by_type(-20.0, -40.0),
        "SIGMOID_MOST" => by_type(104.0, 746.0),
        "EXP_SHIFT" => (T::SHIFT + (T::BIAS + T::BIAS)).as_f64(),
        "POWER_SHIFT" => (T::SHIFT + T::BIAS).as_f64(),
        "HALF_POWER_SHIFT" => (T::SHIFT + (T::BIAS - T::one())).as_f64(),
        "LN_SHIFT" => (T::SHIFT + (T::BIAS + T::one())).as_f64(),
        "SPLIT_BIAS" => (T::one() / T::epsilon() + T::BIAS).as_f64(),
        "ERF_END" => by_type(erf::END_SINGLE, erf::END_DOUBLE),
        "EPSILON" => T::epsilon().as_f64(),
        "MAX" => T::max_value().as_f64(),
        // Multiplied by it, a number splits into two halves with half the digits each.
        "SPLITTER" => by_type(4097.0, 134_217_729.0),
        "SELU_SCALE" => Selu::SCALE,
        "SELU_DEPTH" => Selu::DEPTH,
        "FRAC_1_SQRT_2" => consts::FRAC_1_SQRT_2,
        "GELU_SCALE" => GeluTanh::SCALE,
        "GELU_CUBIC" => GeluTanh::CUBIC,
        "ONE_SIXTH" => 1.0 / 6.0,
        _ => return other::<T>(language, name),
    };
    Some(literal(language, T::from_f64(float)))
}

/// Returns the text of a constant that is in double precision for both types, or no float.
fn other<T: Float>(language: Language, name: &str) -> Option<String> {
    let double = match name {
        "FRAC_1_PI" => consts::FRAC_1_PI,
        "PI_1" => trig::PI[0],
        "PI_2" => trig::PI[1],
        "PI_3" => trig::PI[2],
        "DOUBLE_SHIFT" => 1.5 / f64::EPSILON,
        _ => return integer::<T>(language, name),
    };
    Some(literal(language, double))
}

/// Returns the text of an integer.
fn integer<T: Float>(language: Language, name: &str) -> Option<String> {
    const MAGNITUDE_OF_DOUBLE: u64 = u64::MAX >> 1;
    if name == "FRACTION" {
        return Some(format!("{}", T::FRACTION));
    }
    let double = match name {
        "MAGNITUDE_OF_DOUBLE" => Some(MAGNITUDE_OF_DOUBLE),
        "SIGN_OF_DOUBLE" => Some(!MAGNITUDE_OF_DOUBLE),
        "SIN_LIMIT" => Some(1e9_f64.to_bits()),
        "NAN" => Some(f64::NAN.to_bits()),
        _ => None,
    };
    let bits = |single: f32, double: f64| {
        if T::DOUBLE {
            double.to_bits()
        } else {
            u64::from(single.to_bits())
        }
    };
    let all = if T::DOUBLE {
        u64::MAX
    } else {
        u64::from(u32::MAX)
    };
    let (one, least) = (
        bits(1.0, 1.0),
        bits(core::f32::consts::FRAC_1_SQRT_2, consts::FRAC_1_SQRT_2),
    );
    let own = match name {
        "MAGNITUDE" => all >> 1,
        "SIGN" => (all >> 1) + 1,
        "INFINITE" => bits(f32::INFINITY, f64::INFINITY),
        "INVERSE" => 2 * one,
        "SPLIT" => least.wrapping_sub(one) & all,
        "SPLIT_ZERO" => bits(1.0 / f32::EPSILON, 1.0 / f64::EPSILON),
        "SPLIT_LEAST" => least,
        "FRACTION_BITS" => (1 << T::FRACTION) - 1,
        _ => return double.map(|bits| hexadecimal(language, true, bits)),
    };
    Some(hexadecimal(language, T::DOUBLE, own))
}

fn hexadecimal(language: Language, is_long: bool, bits: u64) -> String {
    match (language, is_long) {
        (Language::C, true) => format!("UINT64_C(0x{bits:016x})"),
        (Language::C, false) => format!("UINT32_C(0x{bits:08x})"),
        (Language::Rust, true) => format!("0x{bits:016x}"),
        (Language::Rust, false) => format!("0x{bits:08x}"),
    }
}

/// Returns the coefficients of a polynomial, and `true` if it is computed in double precision for
/// both types.
fn coefficients<T: Float>(name: &str) -> Option<(&'static [f64], bool)> {
    let by_type = |single, double| if T::DOUBLE { double } else { single };
    let own: &[f64] = match name {
        "exp_series" => by_type(&exp::SERIES_SINGLE[..], &exp::SERIES_DOUBLE[..]),
        "tanh_series" => &exp::TANH_SERIES,
        "ln_series" => by_type(&log::SERIES_SINGLE[..], &log::SERIES_DOUBLE[..]),
        "erf_near_series" => by_type(&erf::NEAR_SINGLE[..], &erf::NEAR_DOUBLE[..]),
        "erf_far_series" => by_type(&erf::FAR_SINGLE[..], &erf::FAR_DOUBLE[..]),
        "sin_series" => {
            let coefficients = by_type(&trig::SERIES_SINGLE[..], &trig::SERIES_DOUBLE[..]);
            return Some((coefficients, true));
        }
        _ => return None,
    };
    Some((own, false))
}

/// Returns a polynomial as a function, in the language of [`functions`](super::functions). Its
/// order of arithmetic is that of the crate's own polynomials.
pub(super) fn series<T: Float>(name: &str) -> Option<String> {
    let (c, is_double) = coefficients::<T>(name)?;
    let float = if is_double { "Double" } else { "Float" };
    // Horner's scheme of every second power.
    let chain = |last: usize, first: usize| {
        let mut sum = format!("{:?}", c[last]);
        let mut i = last;
        while i >= first + 2 {
            i -= 2;
            let product = if i + 2 == last {
                sum
            } else {
                format!("({sum})")
            };
            sum = format!("{product} * square + {:?}", c[i]);
        }
        sum
    };
    let last = c.len() - 1;
    let (first, result) = match c.len() % 2 {
        0 => (0, String::from("low + x * high")),
        _ => (1, format!("{:?} + x * (low + x * high)", c[0])),
    };
    let (high, low) = (chain(last, first + 1), chain(last - 1, first));
    let square = if last > 2 {
        "\n    let square = x * x;"
    } else {
        ""
    };
    Some(format!(
        "\
/// Returns a polynomial in x, even and odd powers apart.
fn {name}(x: {float}) -> {float} {{{square}
    let high = {high};
    let low = {low};
    {result}
}}"
    ))
}
