//! Activations and what only they call.

/// An activation has the name of the registry. Its arguments are the pieces, and then those of
/// [`SourceLayer`](crate::source::layers::SourceLayer).
pub(super) const FUNCTIONS: &str = "
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

/// Returns the factor by which `gelu_tanh` multiplies x.
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
