//! The functions of generated source, written once for all languages.
//!
//! They are the activations of [`activation`](crate::activation) and the functions of
//! [`math`](crate::math), with the same operations in the same order. `translate` turns them into
//! C or Rust.
//!
//! The text is a subset of Rust:
//!
//! - A body consists of `let`s and a result. `if` is a whole right side, and both have an `else`.
//! - Names in capitals are [constants](super::constants). Calls of `..._series` are polynomials.
//! - `Float` is the number type of the network, and `Bits` an unsigned integer of the same size.
//!   `Double` and `DoubleBits` are those of f64.
//! - Of `f_single` and `f_double`, the one for the network's type becomes `f`.
//! - Lines that begin with `@c` or `@rust` belong to one language.

/// All functions, separated by blank lines. An activation has the name of the registry. Its
/// arguments are the pieces, and then what `parameters` in [`layers`](super::layers) returns.
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

/// Returns 0 for x < 0, else 1.
fn heaviside(x: Float) -> Float {
    if x < 0.0 { 0.0 } else { clamp(1.0, 1.0, x) }
}

/// Returns max(0, x).
fn relu(x: Float) -> Float {
    if x < 0.0 { 0.0 } else { x }
}

/// Returns min(max(0, x), 6).
fn relu6(x: Float) -> Float {
    clamp(0.0, 6.0, x)
}

/// Returns x for x > 0, else slope * x.
fn leaky_relu(x: Float, slope: Float) -> Float {
    if x > 0.0 { x } else { slope * x }
}

/// Returns min(max(-1, x), 1).
fn hard_tanh(x: Float) -> Float {
    clamp(-1.0, 1.0, x)
}

/// Returns min(max(0, slope * x + 1/2), 1).
fn hard_sigmoid(x: Float, slope: Float) -> Float {
    clamp(0.0, 1.0, slope * x + 0.5)
}

/// Returns ln(sigmoid(x)).
fn log_sigmoid(x: Float) -> Float {
    -ln_1p_exp(-x)
}

/// Returns x / (1 + |x|).
fn softsign(x: Float) -> Float {
    let y = clamp(-1e30, 1e30, x);
    y / (1.0 + abs(y))
}

/// Returns e^x.
fn exponential(x: Float) -> Float {
    exp(x)
}

/// Returns x for x > 0, else alpha * (e^x - 1).
fn elu(x: Float, alpha: Float) -> Float {
    let left = alpha * exp_m1(at_most(0.0, x));
    if x > 0.0 { x } else { left }
}

/// Returns x for x > 0, else alpha * (e^(x / alpha) - 1).
fn celu(x: Float, alpha: Float) -> Float {
    let left = alpha * exp_m1(at_most(0.0, x) / alpha);
    if x > 0.0 { x } else { left }
}

/// Returns lambda * x for x > 0, else lambda * alpha * (e^x - 1).
fn selu(x: Float) -> Float {
    let left = SELU_DEPTH * exp_m1(at_most(0.0, x));
    if x > 0.0 { SELU_SCALE * x } else { left }
}

/// Returns ln(1 + e^(beta * x)) / beta.
fn softplus(x: Float, beta: Float) -> Float {
    at_least(0.0, x) + ln_1p_exp(-abs(beta * x)) / beta
}

/// Returns (x + sqrt(x^2 + b)) / 2, given the root of b.
fn squareplus(x: Float, b: Float, root: Float) -> Float {
    let a = abs(x);
    let low = if a < root { a } else { root };
    let high = if a < root { root } else { a };
    let ratio = low / high;
    let hypotenuse = high * sqrt(1.0 + ratio * ratio);
    // For x < 0 the sum cancels, and a division does not.
    let right = 0.5 * hypotenuse + 0.5 * a;
    let left = 0.25 * b / right;
    if x < 0.0 { left } else { right }
}

/// Returns the distribution function of the standard normal distribution.
fn normal(x: Float) -> Float {
    0.5 + 0.5 * erf(x * FRAC_1_SQRT_2)
}

/// Returns x times the distribution function of the standard normal distribution.
fn gelu(x: Float) -> Float {
    at_least(-40.0, x) * normal(clamp(-40.0, 40.0, x))
}

/// Returns the gate of `gelu_tanh`.
fn gelu_gate(x: Float) -> Float {
    sigmoid(GELU_SCALE * x * (1.0 + GELU_CUBIC * x * x))
}

/// Returns the approximation of `gelu` by a hyperbolic tangent.
fn gelu_tanh(x: Float) -> Float {
    at_least(-40.0, x) * gelu_gate(clamp(-40.0, 40.0, x))
}

/// Returns x * sigmoid(x).
fn silu(x: Float) -> Float {
    at_least(-1000.0, x) * sigmoid(x)
}

/// Returns x * min(max(0, x + 3), 6) / 6.
fn hard_swish(x: Float) -> Float {
    let gate = clamp(0.0, 6.0, x + 3.0) * ONE_SIXTH;
    at_least(-3.0, x) * gate
}

/// Returns x * tanh(ln(1 + e^x)).
fn mish(x: Float) -> Float {
    let n = exp(at_most(20.0, x));
    let w = n * (n + 2.0);
    at_least(-1000.0, x) * (w / (w + 2.0))
}

/// Returns x - tanh(x).
fn tanhshrink(x: Float) -> Float {
    x - tanh(x)
}

/// Returns x, moved toward 0 by up to lambda.
fn soft_shrink(x: Float, lambda: Float) -> Float {
    x - clamp(-lambda, lambda, x)
}

/// Returns 0 for |x| <= lambda, else x.
fn hard_shrink(x: Float, lambda: Float) -> Float {
    if abs(x) <= lambda { 0.0 } else { x }
}

/// Returns sin(omega * x). Beyond 10,000 it loses digits, and beyond 10^9 it is NaN.
fn sine(x: Float, omega: Float) -> Float {
    rounded(sin(widened(omega * x)))
}

/// Returns e^(-x^2).
fn gaussian(x: Float) -> Float {
    exp(-x * x)
}

/// Returns the larger of two numbers, or NaN if one of them is NaN.
fn maxout(largest: Float, z: Float) -> Float {
    if z > largest || (to_bits(z) & MAGNITUDE) > INFINITE { z } else { largest }
}

/// Returns x * gate, but 0 instead of NaN for gate 0 and infinite x.
fn gated(x: Float, gate: Float) -> Float {
    let open = if gate == 0.0 { clamp(-MAX, MAX, x) } else { x };
    open * gate
}

/// Returns a * sigmoid(b).
fn glu(a: Float, b: Float) -> Float {
    gated(a, sigmoid(b))
}

/// Returns silu(a) * b.
fn swiglu(a: Float, b: Float) -> Float {
    gated(b, silu(a))
}

/// Returns z + alpha * (f - z), the learned share of an activation.
fn mixed(z: Float, f: Float, alpha: Float) -> Float {
    z + alpha * (f - z)
}
";
