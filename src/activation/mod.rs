//! Activation functions: what a neuron does with its pre-activation.

use std::borrow::Cow;
use std::fmt::Debug;

use crate::float::Float;
use crate::simd::{self, Op, Simd};

mod piecewise;

pub use piecewise::{Identity, Relu};

/// A differentiable function of one number, applied to every pre-activation of a layer.
///
/// Implement the three required methods to bring your own; the slice methods loop over
/// them under the crate's SIMD dispatch, so that it is vectorised like the built-ins.
pub trait Activation<T: Float>: Debug + Send + Sync {
    /// f(x).
    fn value(&self, x: T) -> T;

    /// f'(x), where y = f(x). There is no default: a silently wrong slope is worse than none.
    ///
    /// `x` is the pre-activation only where [`needs_input`](Self::needs_input) says so;
    /// elsewhere it is unspecified.
    fn derivative(&self, x: T, y: T) -> T;

    /// The name with its parameters, as in `leaky_relu(0.1)`.
    fn name(&self) -> Cow<'static, str>;

    /// The factor by which weights should be larger than for the identity, so that the
    /// variance of activations is kept through layers.
    fn gain(&self) -> f64 {
        1.0
    }

    /// Whether [`derivative`](Self::derivative) looks at x. Where y is enough (ReLU, tanh,
    /// sigmoid) say `false`, and pre-activations are not kept for the backward pass.
    fn needs_input(&self) -> bool {
        true
    }

    /// y = f(z), for slices of equal length.
    fn apply(&self, z: &[T], y: &mut [T]) {
        simd::dispatch(Apply {
            activation: self,
            z,
            y,
        });
    }

    /// dz = dy f'(z), for slices of equal length: the chain rule's factor.
    fn backprop(&self, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
        simd::dispatch(Backprop {
            activation: self,
            z,
            y,
            dy,
            dz,
        });
    }
}

struct Apply<'a, T, A: ?Sized> {
    activation: &'a A,
    z: &'a [T],
    y: &'a mut [T],
}

impl<T: Float, A: Activation<T> + ?Sized> Op for Apply<'_, T, A> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (y, &z) in self.y.iter_mut().zip(self.z) {
            *y = self.activation.value(z);
        }
    }
}

struct Backprop<'a, T, A: ?Sized> {
    activation: &'a A,
    z: &'a [T],
    y: &'a [T],
    dy: &'a [T],
    dz: &'a mut [T],
}

impl<T: Float, A: Activation<T> + ?Sized> Op for Backprop<'_, T, A> {
    type Output = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let saved = self.z.iter().zip(self.y);
        for ((dz, &dy), (&z, &y)) in self.dz.iter_mut().zip(self.dy).zip(saved) {
            *dz = dy * self.activation.derivative(z, y);
        }
    }
}
