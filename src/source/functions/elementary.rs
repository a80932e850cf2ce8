//! Bits, selections, and the functions of [`math`](crate::math).

pub(super) const FUNCTIONS: &str = "
/// Returns the bits of a number.
fn to_bits(x: Float) -> Bits {
    @c Bits bits;
    @c memcpy(&bits, &x, sizeof bits);
    @c return bits;
    @rust x.to_bits()
}

/// Returns the number with these bits.
fn from_bits(bits: Bits) -> Float {
    @c Float x;
    @c memcpy(&x, &bits, sizeof x);
    @c return x;
    @rust Float::from_bits(bits)
}

/// Returns the bits of a number in double precision.
fn to_bits_of_double(x: Double) -> DoubleBits {
    @c DoubleBits bits;
    @c memcpy(&bits, &x, sizeof bits);
    @c return bits;
    @rust x.to_bits()
}

/// Returns the number in double precision with these bits.
fn double_from_bits(bits: DoubleBits) -> Double {
    @c Double x;
    @c memcpy(&x, &bits, sizeof x);
    @c return x;
    @rust Double::from_bits(bits)
}

/// Returns a - b, which may wrap around.
fn difference(a: Bits, b: Bits) -> Bits {
    @c return a - b;
    @rust a.wrapping_sub(b)
}

/// Converts to double precision.
fn widened_single(x: Float) -> Double {
    @c return (Double)x;
    @rust Double::from(x)
}

/// Returns the number.
fn widened_double(x: Float) -> Double {
    x
}

/// Rounds to single precision.
fn rounded_single(x: Double) -> Float {
    @c return (Float)x;
    @rust x as Float
}

/// Returns the number.
fn rounded_double(x: Double) -> Float {
    x
}

/// Returns |x|.
fn abs(x: Float) -> Float {
    from_bits(to_bits(x) & MAGNITUDE)
}

/// Returns |x| with the sign of the other number.
fn copysign(x: Float, sign: Float) -> Float {
    from_bits((to_bits(x) & MAGNITUDE) | (to_bits(sign) & SIGN))
}

/// Returns the larger of two numbers. NaN for x stays NaN.
fn at_least(low: Float, x: Float) -> Float {
    if x < low { low } else { x }
}

/// Returns the smaller of two numbers. NaN for x stays NaN.
fn at_most(high: Float, x: Float) -> Float {
    if x > high { high } else { x }
}

/// Limits x to [low, high]. NaN for x stays NaN.
fn clamp(low: Float, high: Float, x: Float) -> Float {
    at_most(high, at_least(low, x))
}

/// Returns the power of two whose exponent field is in the lowest bits.
fn power(shifted: Float) -> Float {
    from_bits(to_bits(shifted) << FRACTION)
}

/// Returns x minus a multiple n of ln 2.
fn reduced(x: Float, n: Float) -> Float {
    (x - n * LN_2_HIGH) - n * LN_2_LOW
}

/// Returns e^r - 1 for |r| <= ln 2 / 2.
fn exp_m1_near_zero(r: Float) -> Float {
    r + r * r * exp_series(r)
}

/// Returns e^x.
fn exp(x: Float) -> Float {
    let y = at_least(EXP_LEAST, at_most(EXP_MOST, x));
    let shifted = y * LOG2_E + EXP_SHIFT;
    let r = reduced(y, shifted - EXP_SHIFT);
    // The power of two may be out of range, so it is a product of two.
    let n: Bits = to_bits(shifted);
    let half: Bits = n >> 1;
    let a = from_bits(half << FRACTION);
    let b = from_bits((n - half) << FRACTION);
    (1.0 + exp_m1_near_zero(r)) * a * b
}

/// Returns e^x - 1.
fn exp_m1(x: Float) -> Float {
    let y = at_least(EXP_M1_LEAST, at_most(EXP_MOST, x));
    let shifted = y * LOG2_E + HALF_POWER_SHIFT;
    let p = exp_m1_near_zero(reduced(y, shifted - HALF_POWER_SHIFT));
    // s is half the power of two, which itself may overflow.
    let s = power(shifted);
    let outer = 2.0 * (s * p + (s - 0.5));
    let result = if s == 0.5 { p } else { outer };
    copysign(result, x)
}

/// Returns the hyperbolic tangent.
fn tanh_single(x: Float) -> Float {
    let a = abs(x);
    let square = a * a;
    let inner = a + a * (square * tanh_series(square));
    // tanh a = 1 - 2 / (1 + e^2a), where e^2a = s * (1 + p).
    let b = at_most(9.1, a);
    let shifted = b * TWO_LOG2_E + POWER_SHIFT;
    let r = (b + b) - (shifted - POWER_SHIFT) * LN_2;
    let s = power(shifted);
    let outer = 1.0 - 2.0 / ((1.0 + s) + s * exp_m1_near_zero(r));
    let y = if a > 0.55 { outer } else { inner };
    copysign(y, x)
}

/// Returns the hyperbolic tangent.
fn tanh_double(x: Float) -> Float {
    // tanh a = (1 - e^-2a) / (1 + e^-2a), where e^-2a = s * (1 + p).
    let a = at_most(20.0, abs(x)) * -2.0;
    let shifted = a * LOG2_E + POWER_SHIFT;
    let p = exp_m1_near_zero(reduced(a, shifted - POWER_SHIFT));
    let s = power(shifted);
    let sp = s * p;
    copysign(((1.0 - s) - sp) / ((1.0 + s) + sp), x)
}

/// Returns 1 / (1 + e^-x).
fn sigmoid(x: Float) -> Float {
    let y = at_least(-SIGMOID_MOST, at_most(SIGMOID_MOST, -x));
    // e^-x = (a / b) * (1 + p). For tiny results, e^-x would overflow without the scale b.
    let shifted = y * LOG2_E + EXP_SHIFT;
    let p = exp_m1_near_zero(reduced(y, shifted - EXP_SHIFT));
    let n: Bits = to_bits(shifted);
    let half: Bits = n >> 1;
    let a = from_bits(half << FRACTION);
    let b = from_bits(difference(INVERSE, (n - half) << FRACTION));
    let sum = a + b;
    let rest = b - (sum - a);
    b / (sum + (a * p + rest))
}

/// Returns k * ln 2 + ln(1 + f) + c, where c is tiny.
fn assembled_ln(k: Float, f: Float, c: Float) -> Float {
    let s = f / (2.0 + f);
    let z = s * s;
    let half = 0.5 * f * f;
    let terms = s * (half + z * ln_series(z)) + (k * LN_2_LOW + c);
    k * LN_2_HIGH - ((half - terms) - f)
}

/// Returns ln(1 + x) for finite x > -1.
fn ln_1p(x: Float) -> Float {
    // u + rest is exactly 1 + x.
    let u = 1.0 + x;
    let b = u - 1.0;
    let rest = (1.0 - (u - b)) + (x - b);
    // u = 2^k * m.
    let bits: Bits = difference(to_bits(u), SPLIT);
    let k = from_bits(SPLIT_ZERO | (bits >> FRACTION)) - SPLIT_BIAS;
    let m = from_bits((bits & FRACTION_BITS) + SPLIT_LEAST);
    let c = rest * power(LN_SHIFT - k) * (0.9983 - 0.4706 * m);
    let f = if k == 0.0 { x } else { m - 1.0 };
    assembled_ln(k, f, if k == 0.0 { 0.0 } else { c })
}

/// Returns ln(1 + e^x).
fn ln_1p_exp(x: Float) -> Float {
    let ramp = if x < 0.0 { 0.0 } else { x };
    ramp + ln_1p(exp(-abs(x)))
}

/// Returns the error function.
fn erf(x: Float) -> Float {
    let a = abs(x);
    let n = at_most(0.92, a);
    let inner = n + n * erf_near_series(n * n);
    let outer = 1.0 - exp(erf_far_series(at_most(ERF_END, a) - 1.0));
    let y = if a > 0.92 { outer } else { inner };
    copysign(y, x)
}

/// Returns |x| with the sign of the other number, in double precision.
fn copysign_of_double(x: Double, sign: Double) -> Double {
    let magnitude: DoubleBits = to_bits_of_double(x) & MAGNITUDE_OF_DOUBLE;
    double_from_bits(magnitude | (to_bits_of_double(sign) & SIGN_OF_DOUBLE))
}

/// Returns x minus a multiple n of pi.
fn from_pi_single(x: Double, n: Double) -> Double {
    (x - n * PI_1) - n * PI_2
}

/// Returns x minus a multiple n of pi.
fn from_pi_double(x: Double, n: Double) -> Double {
    ((x - n * PI_1) - n * PI_2) - n * PI_3
}

/// Returns the sine. Beyond 10,000 it loses digits, and beyond 10^9 it is NaN.
fn sin(x: Double) -> Double {
    let shifted = x * FRAC_1_PI + DOUBLE_SHIFT;
    let r = from_pi(x, shifted - DOUBLE_SHIFT);
    // An odd multiple of pi changes the sign.
    let s = double_from_bits(to_bits_of_double(r) ^ (to_bits_of_double(shifted) << 63));
    let square = s * s;
    let y = copysign_of_double(s - s * (square * sin_series(square)), s);
    let magnitude: DoubleBits = to_bits_of_double(x) & MAGNITUDE_OF_DOUBLE;
    if magnitude <= SIN_LIMIT { y } else { double_from_bits(NAN) }
}

/// Returns a root of x, improved by a step of Newton's method.
fn newton(x: Float, root: Float) -> Float {
    0.5 * (root + x / root)
}

/// Returns the correctly rounded square root of x, for x from 1 to 2.
fn sqrt(x: Float) -> Float {
    let y = newton(x, newton(x, newton(x, newton(x, 0.5 + 0.5 * x))));
    // The square of y is exactly `square` + `error`.
    let scaled = SPLITTER * y;
    let high = scaled - (scaled - y);
    let low = y - high;
    let square = y * y;
    let error = ((high * high - square) + 2.0 * high * low) + low * low;
    let rest = (x - square) - error;
    let bound = y * EPSILON;
    if rest > bound { y + EPSILON } else if rest <= -bound { y - EPSILON } else { y }
}
";
