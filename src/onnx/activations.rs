//! ONNX operators for every built-in activation.
//!
//! A single ONNX operator stands for an activation only if it has the same definition. In addition,
//! onnxruntime must support it for f64, and it must keep the digits of small results. Sigmoid, Elu
//! and Selu lose such digits (Sigmoid has an absolute error of 10^-7 in f32). Most other operators
//! exist in f32 alone.
//!
//! The remaining activations are composed from the formulas in `activation`, for both types alike.
//! They use its constants, its order of arithmetic, and its bounds, which map infinities to their
//! limits.

use alloc::vec;
use alloc::vec::Vec;

use super::OPERATOR_SET;
use super::graph::{Expr, Operand, int, ints};
use crate::activation::{
    self, Activation, Celu, Elu, Exponential, Gaussian, Gelu, GeluTanh, Glu, HardShrink,
    HardSigmoid, HardSwish, HardTanh, Heaviside, Identity, LeakyRelu, LogSigmoid, Maxout, Mish,
    Relu, Relu6, Selu, Sigmoid, Silu, Sine, SoftShrink, Softplus, Softsign, Squareplus, SwiGlu,
    Tanh, Tanhshrink,
};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::math::{self, erf};

/// Returns y = f(z) for a layer with this number of outputs, by the activation's name.
pub(super) fn apply<'g, T: Float>(
    f: &dyn Activation<T>,
    z: Expr<'g, T>,
    outputs: usize,
) -> Result<Expr<'g, T>> {
    let known = activation::built_in(f);
    let y = known.and_then(|(name, parameter)| {
        // The parameter is rounded as in the network.
        operators(name, T::from_f64(parameter).as_f64(), z, outputs)
    });
    y.ok_or_else(|| Error::UnknownName {
        what: "activation that can be written as ONNX",
        known: activation::names().collect::<Vec<_>>().join(", "),
        got: f.name().into_owned(),
    })
}

/// Returns the operators of a built-in activation. A test checks that each has an arm.
fn operators<'g, T: Float>(
    name: &str,
    parameter: f64,
    x: Expr<'g, T>,
    outputs: usize,
) -> Option<Expr<'g, T>> {
    Some(match (name, parameter) {
        (Identity::NAME, _) => x,
        (Heaviside::NAME, _) => x.below(0.0).choose(0.0, 1.0),
        (Relu::NAME, _) => x.unary("Relu"),
        (Relu6::NAME, _) => x.clip(0.0, 6.0),
        (LeakyRelu::NAME, slope) => x.above(0.0).choose(x, slope * x),
        (HardTanh::NAME, _) => x.clip(-1.0, 1.0),
        (HardSigmoid::NAME, slope) => (slope * x + 0.5).clip(0.0, 1.0),
        (Sigmoid::NAME, _) => sigmoid(x),
        (LogSigmoid::NAME, _) => x.min(0.0) - ln_1p((-x.abs()).exp()),
        (Tanh::NAME, _) => x.tanh(),
        (Softsign::NAME, _) => {
            let x = x.clip(-1e30, 1e30);
            x / (1.0 + x.abs())
        }
        (Exponential::NAME, _) => x.exp(),
        (Elu::NAME, alpha) => x.above(0.0).choose(x, alpha * exp_m1(x.min(0.0))),
        (Celu::NAME, alpha) => {
            let left = alpha * exp_m1(x.min(0.0) / alpha);
            x.above(0.0).choose(x, left)
        }
        (Selu::NAME, _) => {
            let left = Selu::DEPTH * exp_m1(x.min(0.0));
            x.above(0.0).choose(Selu::SCALE * x, left)
        }
        (Softplus::NAME, beta) => x.max(0.0) + ln_1p((-(beta * x).abs()).exp()) / beta,
        (Squareplus::NAME, b) => squareplus(b, x),
        (Gelu::NAME, _) => x.max(-40.0) * normal(x.clip(-40.0, 40.0)),
        (GeluTanh::NAME, _) => {
            let bounded = x.clip(-40.0, 40.0);
            let cubic = 1.0 + GeluTanh::CUBIC * bounded * bounded;
            x.max(-40.0) * sigmoid(GeluTanh::SCALE * bounded * cubic)
        }
        (Silu::NAME, _) => silu(x),
        (HardSwish::NAME, _) => x.max(-3.0) * ((x + 3.0).clip(0.0, 6.0) * (1.0 / 6.0)),
        (Mish::NAME, _) => {
            let n = x.min(20.0).exp();
            let w = n * (n + 2.0);
            x.max(-1000.0) * (w / (w + 2.0))
        }
        (Tanhshrink::NAME, _) => x - x.tanh(),
        (SoftShrink::NAME, lambda) => x - x.clip(-lambda, lambda),
        (HardShrink::NAME, lambda) => x.abs().above(lambda).choose(x, 0.0),
        (Sine::NAME, omega) => (omega * x).unary("Sin"),
        (Gaussian::NAME, _) => (-x * x).exp(),
        (Maxout::NAME, pieces) => maxout(x, outputs, pieces as i64),
        (Glu::NAME, _) => product(piece(x, 0), sigmoid(piece(x, 1))),
        (SwiGlu::NAME, _) => product(piece(x, 1), silu(piece(x, 0))),
        _ => return None,
    })
}

/// Returns the maximum over each neuron's pieces, which are adjacent.
fn maxout<T: Float>(z: Expr<'_, T>, outputs: usize, pieces: i64) -> Expr<'_, T> {
    let graph = z.graph();
    let shape = graph.integers(&[-1, outputs as i64, pieces]);
    let neurons = graph.node("Reshape", &[z, shape], Vec::new());
    let keep = int("keepdims", 0);
    match graph.operator_set() {
        OPERATOR_SET => graph.node("ReduceMax", &[neurons], vec![ints("axes", &[2]), keep]),
        // From version 18 on, the axes are an input.
        _ => graph.node("ReduceMax", &[neurons, graph.integers(&[2])], vec![keep]),
    }
}

/// Selects the first or second of two pieces of each neuron, which is every other column.
fn piece<T: Float>(z: Expr<'_, T>, start: i64) -> Expr<'_, T> {
    let graph = z.graph();
    let [start, end, axis, step] = [start, i64::MAX, 1, 2].map(|n| graph.integers(&[n]));
    graph.node("Slice", &[z, start, end, axis, step], Vec::new())
}

/// Returns x · gate. A closed gate gives 0 for an infinite x too.
fn product<'g, T: Float>(x: Expr<'g, T>, gate: Expr<'g, T>) -> Expr<'g, T> {
    let (least, most) = (T::min_value().as_f64(), T::max_value().as_f64());
    let closed = gate.abs().above(0.0).choose(x, x.clip(least, most));
    closed * gate
}

fn silu<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
    x.max(-1000.0) * sigmoid(x)
}

/// Computes 1 / (1 + e^-x) from e^-|x|, which does not overflow.
pub(super) fn sigmoid<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
    let e = (-x.abs()).exp();
    x.below(0.0).choose(e, 1.0) / (1.0 + e)
}

/// Computes e^x - 1 = 2 t / (1 - t) with t = tanh(x/2), which avoids cancellation for x <= 0.
fn exp_m1<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
    let t = (0.5 * x).tanh();
    (t + t) / (1.0 - t)
}

/// Computes ln(1 + x) ≈ ln u + (1 + x - u) / u, for 0 <= x <= 1 and u = 1 + x rounded.
pub(super) fn ln_1p<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
    let u = 1.0 + x;
    u.ln() + (x - (u - 1.0)) / u
}

/// Computes (x + √(x² + b)) / 2 as in `activation`, without overflow or cancellation.
fn squareplus<T: Float>(b: f64, x: Expr<'_, T>) -> Expr<'_, T> {
    let (a, root) = (x.abs(), math::sqrt(b));
    let (low, high) = (a.min(root), a.max(root));
    let ratio = low / high;
    let hypotenuse = high * (1.0 + ratio * ratio).unary("Sqrt");
    let right = 0.5 * hypotenuse + 0.5 * a;
    x.below(0.0).choose(0.25 * b / right, right)
}

/// Computes Φ(x), the normal distribution function.
fn normal<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
    0.5 + 0.5 * error_function(x * core::f64::consts::FRAC_1_SQRT_2)
}

/// Computes the error function.
pub(super) fn error_function<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
    // onnxruntime has no Erf for f64.
    if T::DOUBLE {
        erf_double(x)
    } else {
        x.unary("Erf")
    }
}

/// Computes the error function in f64 in the way of [`math::erf`](crate::math::erf()).
fn erf_double<T: Float>(x: Expr<'_, T>) -> Expr<'_, T> {
    let a = x.abs();
    let near = a.min(erf::FAR);
    let near = near + near * polynomial(near * near, &erf::NEAR_DOUBLE);
    let far = 1.0 - polynomial(a.min(erf::END_DOUBLE) - 1.0, &erf::FAR_DOUBLE).exp();
    let y = a.above(erf::FAR).choose(far, near);
    x.unary("Sign") * y
}

/// Computes c\[0\] + c\[1\] x + c\[2\] x^2 + ..., with even and odd powers apart as in `math`.
fn polynomial<'g, T: Float>(x: Expr<'g, T>, c: &[f64]) -> Expr<'g, T> {
    let square = x * x;
    let sum = |c: &[f64]| {
        let mut powers = c.iter().step_by(2).rev();
        let highest = powers.next().copied().unwrap_or_default().on(x.graph());
        powers.fold(highest, |sum, &c| sum * square + c)
    };
    sum(c) + x * sum(&c[1..])
}
