//! Activations whose neurons have several pre-activations.

use super::define::{activation, clamp, moment_gain};
use super::{Activation, Sigmoid, Silu};
use crate::float::{Float, instantiate};
use crate::math;
use crate::simd::{self, Op, Simd};

/// An activation as it acts on the pieces of one neuron.
trait Unit<T: Float>: Activation<T> + Copy {
    /// Returns f(z).
    fn output(self, z: &[T]) -> T;

    /// Computes dz = dy · df/dz for each piece.
    fn derivatives(self, z: &[T], y: T, dy: T, dz: &mut [T]);
}

/// Defines the slice methods of [`Activation`] for a [`Unit`] with this number of pieces.
macro_rules! slices {
    ($type:ident, $f:ident => $pieces:expr) => {
        #[inline(always)]
        fn pieces(&self) -> usize {
            let $f = self;
            $pieces
        }

        fn apply(&self, z: &[T], y: &mut [T]) {
            instantiate! {
                fn apply<T>(f: &$type, z: &[T], y: &mut [T]) {
                    simd::dispatch(Apply { f: *f, z, y });
                }
            }
            apply(self, z, y);
        }

        fn backprop(&self, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
            instantiate! {
                fn backprop<T>(f: &$type, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
                    simd::dispatch(Backprop { f: *f, z, y, dy, dz });
                }
            }
            backprop(self, z, y, dy, dz);
        }
    };
}

struct Apply<'a, T, F> {
    f: F,
    z: &'a [T],
    y: &'a mut [T],
}

impl<T: Float, F: Unit<T>> Op for Apply<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { f, z, y } = self;
        // The compiler vectorizes across neurons only if it knows the number of pieces.
        match f.pieces() {
            2 => outputs(f, 2, z, y),
            pieces => outputs(f, pieces.max(1), z, y),
        }
    }
}

struct Backprop<'a, T, F> {
    f: F,
    z: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dz: &'a mut [T],
}

impl<T: Float, F: Unit<T>> Op for Backprop<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { f, z, y, dy, dz } = self;
        match f.pieces() {
            2 => derivatives(f, 2, z, y, dy, dz),
            pieces => derivatives(f, pieces.max(1), z, y, dy, dz),
        }
    }
}

#[inline(always)]
fn outputs<T: Float>(f: impl Unit<T>, pieces: usize, z: &[T], y: &mut [T]) {
    for (y, z) in y.iter_mut().zip(z.chunks_exact(pieces)) {
        *y = f.output(z);
    }
}

#[inline(always)]
fn derivatives<T: Float>(f: impl Unit<T>, pieces: usize, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
    let pieces = z.chunks_exact(pieces).zip(dz.chunks_exact_mut(pieces));
    for ((z, dz), (&y, &dy)) in pieces.zip(y.iter().zip(dy)) {
        f.derivatives(z, y, dy, dz);
    }
}

/// Maximum of the pieces.
///
/// ```text
/// f(z)   = max(z₁, ..., zₖ)
/// df/dzᵢ = 1  for the first piece that is the maximum, else 0
/// ```
///
/// With enough pieces, a neuron can learn any convex piecewise linear function. Goodfellow et al.,
/// 2013, [arXiv:1302.4389](https://arxiv.org/abs/1302.4389).
///
/// The gain 1 / √E[f(Z)²] keeps the second moment for independent standard normal pieces. For two
/// pieces it is 1. Tseran and Montúfar, *Expected gradients of maxout networks and consequences to
/// parameter initialization*, 2023.
///
/// ```
/// use feedforward::{Activation, activation::Maxout};
///
/// let mut y = [0.0; 2];
/// Maxout::new(3).apply(&[1.0, -2.0, 3.0, -1.0, -0.5, -4.0], &mut y);
/// assert_eq!(y, [3.0, -0.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Maxout {
    /// Number of pieces of each neuron. Range: 1 (the identity) to 256. Default: 2.
    pub pieces: usize,
}

activation! {
    Maxout(pieces: usize = 2 in Pieces): "maxout";
    value(x) = x;
    derivative(_, _) = T::one();
    gain = 1.0 / math::sqrt(largest_moment(pieces.max(1)));
    methods {
        slices!(Maxout, f => f.pieces);
    }
}

impl<T: Float> Unit<T> for Maxout {
    #[inline(always)]
    fn output(self, z: &[T]) -> T {
        z.iter().fold(T::neg_infinity(), |largest, &z| {
            // NaN in any piece yields NaN, unlike with `max`.
            if z > largest || z.is_nan() {
                z
            } else {
                largest
            }
        })
    }

    #[inline(always)]
    fn derivatives(self, z: &[T], y: T, dy: T, dz: &mut [T]) {
        let mut rest = dy;
        for (dz, &z) in dz.iter_mut().zip(z) {
            let largest = z == y;
            *dz = if largest { rest } else { T::zero() };
            rest = if largest { T::zero() } else { rest };
        }
    }
}

/// Returns E[max(Z₁, ..., Zₖ)²] for independent standard normal Z.
///
/// The density of the maximum is k · φ(x) · Φ(x)^(k - 1).
fn largest_moment(k: usize) -> f64 {
    // The rule of `moment_gain` fits here too: the density narrows only slowly with k.
    const STEP: f64 = 1.0 / 16.0;
    let sum: f64 = (-192..=192)
        .map(|i| {
            let x = f64::from(i) * STEP;
            let below = 0.5 + 0.5 * math::erf(x * core::f64::consts::FRAC_1_SQRT_2);
            x * x * math::exp(-0.5 * x * x) * math::power(below, k as u64 - 1)
        })
        .sum();
    k as f64 * sum * STEP / math::sqrt(core::f64::consts::TAU)
}

/// Gated linear unit (GLU).
///
/// ```text
/// f(a, b) = a · σ(b)
/// df/da   = σ(b)
/// df/db   = a · σ(b) · (1 - σ(b))
/// ```
///
/// The first piece is the value a, the second its gate b; σ is the [`Sigmoid`]. The order is that
/// of the paper and of PyTorch's `glu`. The gain 1 / √E[σ(b)²] keeps the second moment for
/// independent standard normal a and b. Dauphin et al., 2017,
/// [arXiv:1612.08083](https://arxiv.org/abs/1612.08083).
///
/// ```
/// use feedforward::{Activation, activation::Glu};
///
/// let mut y = [0.0; 2];
/// Glu.apply(&[3.0, 0.0, -4.0, 1000.0], &mut y);
/// assert_eq!(y, [1.5, -4.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Glu;

activation! {
    Glu: "glu";
    value(x) = Unit::output(Glu, &[x, x]);
    derivative(x, y) = Silu.derivative(x, y);
    gain = moment_gain(&Sigmoid);
    methods {
        slices!(Glu, _f => 2);
    }
}

impl<T: Float> Unit<T> for Glu {
    #[inline(always)]
    fn output(self, z: &[T]) -> T {
        gated(z[0], math::sigmoid(z[1]))
    }

    #[inline(always)]
    fn derivatives(self, z: &[T], _: T, dy: T, dz: &mut [T]) {
        let gate = math::sigmoid(z[1]);
        dz[0] = dy * gate;
        dz[1] = dy * gated(z[0], gate * (T::one() - gate));
    }
}

/// Gated linear unit with a [`Silu`] (Swish) gate.
///
/// ```text
/// f(a, b) = s(a) · b
/// df/da   = s'(a) · b
/// df/db   = s(a)
/// s(a)    = a · σ(a)
/// ```
///
/// The first piece gates the second, whereas in [`Glu`] the second gates the first. With a = W x
/// and b = V x it is, apart from biases, SwiGLU(x) = Swish(x W) ⊗ x V (Shazeer, 2020,
/// [arXiv:2002.05202](https://arxiv.org/abs/2002.05202)). The gain 1 / √E[s(a)²] keeps the
/// second moment for independent standard normal a and b.
///
/// ```
/// use feedforward::{Activation, activation::{Silu, SwiGlu}};
///
/// let mut y = [0.0];
/// SwiGlu.apply(&[0.5, -3.0], &mut y);
/// assert_eq!(y[0], Silu.value(0.5) * -3.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SwiGlu;

activation! {
    SwiGlu: "swiglu";
    value(x) = Unit::output(SwiGlu, &[x, x]);
    derivative(x, _) = {
        // f = x² σ, f' = x σ (2 + x (1 - σ)). Beyond ±1000, σ or 1 - σ is 0.
        let bounded = clamp(T::from_f64(-1000.0), T::from_f64(1000.0), x);
        Silu.value(x) * (T::from_f64(2.0) + bounded * (T::one() - math::sigmoid(x)))
    };
    gain = moment_gain(&Silu);
    methods {
        slices!(SwiGlu, _f => 2);
    }
}

impl<T: Float> Unit<T> for SwiGlu {
    #[inline(always)]
    fn output(self, z: &[T]) -> T {
        gated(z[1], Silu.value(z[0]))
    }

    #[inline(always)]
    fn derivatives(self, z: &[T], y: T, dy: T, dz: &mut [T]) {
        dz[0] = dy * gated(z[1], Silu.derivative(z[0], y));
        dz[1] = dy * Silu.value(z[0]);
    }
}

/// Returns x · gate, but 0 instead of NaN for gate 0 and infinite x.
#[inline(always)]
fn gated<T: Float>(x: T, gate: T) -> T {
    let closed = gate == T::zero();
    let bounded = clamp(T::min_value(), T::max_value(), x);
    (if closed { bounded } else { x }) * gate
}
