//! Activation functions, which map a neuron's pre-activations to its output.
//!
//! Every built-in is a type that implements [`Activation`] for f32 and f64. A type with a parameter
//! has `new`, and also `default` if there is a generally accepted value. [`parse`] returns the
//! activation with a given name, and [`all`] returns all of them.
//!
//! - Piecewise linear: [`Identity`], [`Heaviside`], [`Relu`], [`Relu6`], [`LeakyRelu`],
//!   [`HardTanh`], [`HardSigmoid`]
//! - S-shaped: [`Sigmoid`], [`Tanh`], [`Softsign`]
//! - Smooth relatives of ReLU: [`Softplus`], [`Squareplus`], [`Elu`], [`Celu`], [`Selu`],
//!   [`Gelu`], [`GeluTanh`], [`Silu`], [`HardSwish`], [`Mish`]
//! - Shrinking: [`Tanhshrink`], [`SoftShrink`], [`HardShrink`]
//! - Periodic and local: [`Sine`], [`Gaussian`]
//! - Logarithm and exponential: [`LogSigmoid`], [`Exponential`]
//! - Functions of several pre-activations: [`Maxout`], [`Glu`], [`SwiGlu`]
//! - Learned: [`Parametric`], around any of the others that takes one pre-activation
//!
//! At a kink, the derivative is that of the left side: 0 for [`Relu`], `slope` for [`LeakyRelu`].
//! At either end of a flat section it is 0 ([`HardTanh`]). [`HardSwish`] is the exception: its
//! derivative at ±3 is that of its middle section. Values and derivatives at infinities are the
//! limits. The value at NaN is NaN.

// The lint takes names of people and activations for code.
#![allow(clippy::doc_markdown)]

use alloc::borrow::Cow;
#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc;
use core::fmt::Debug;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::simd::{self, Op, Simd};

mod define;
mod exponential;
mod parametric;
mod periodic;
mod piecewise;
mod range;
#[cfg(target_has_atomic = "ptr")]
mod registry;
mod shrink;
mod sigmoid;
mod smooth;
mod units;

pub use parametric::Parametric;
pub(crate) use parametric::{backprop_mix, mix};
#[cfg(target_has_atomic = "ptr")]
pub(crate) use registry::without_alpha;
#[cfg(target_has_atomic = "ptr")]
pub use registry::{all, names, parse};
#[cfg(target_has_atomic = "ptr")]
pub(crate) use registry::{built_in, is_built_in};

/// Exports the built-ins, and lists them in this order for the registry.
macro_rules! built_ins {
    ($($module:ident: $($type:ident),+;)+) => {
        $(pub use $module::{$($type),+};)+

        #[cfg(target_has_atomic = "ptr")]
        impl<T: Float> registry::Entry<T> {
            const ALL: &'static [Self] = &[$($($type::entry()),+),+];
        }
    };
}

built_ins! {
    piecewise: Identity, Heaviside, Relu, Relu6, LeakyRelu, HardTanh, HardSigmoid;
    sigmoid: Sigmoid, LogSigmoid, Tanh, Softsign;
    exponential: Exponential, Elu, Celu, Selu, Softplus;
    smooth: Squareplus, Gelu, GeluTanh, Silu, HardSwish, Mish;
    shrink: Tanhshrink, SoftShrink, HardShrink;
    periodic: Sine, Gaussian;
    units: Maxout, Glu, SwiGlu;
}

/// A differentiable function that is applied to every pre-activation of a layer.
///
/// A function of several pre-activations per neuron returns their number from
/// [`pieces`](Self::pieces).
///
/// A custom activation implements the three required methods. The slice methods loop over them
/// under the crate's SIMD dispatch. These loops vectorize like those of the built-ins if `value`
/// and `derivative` are `#[inline(always)]` and free of branches.
///
/// ```
/// use std::borrow::Cow;
/// use feedforward::{Activation, Float, math};
///
/// /// f(x) = x e^(-x²), which responds only to inputs near 0.
/// #[derive(Debug)]
/// struct Wavelet;
///
/// impl<T: Float> Activation<T> for Wavelet {
///     #[inline(always)]
///     fn value(&self, x: T) -> T {
///         x * math::exp(-x * x)
///     }
///     #[inline(always)]
///     fn derivative(&self, x: T, _: T) -> T {
///         (T::one() - T::from_f64(2.0) * x * x) * math::exp(-x * x)
///     }
///     fn name(&self) -> Cow<'static, str> {
///         "wavelet".into()
///     }
/// }
///
/// let mut y = [0.0; 3];
/// Wavelet.apply(&[-1.0, 0.0, 1.0], &mut y);
/// assert_eq!(y[0], -y[2]);
/// ```
pub trait Activation<T: Float>: Debug + Send + Sync {
    /// Returns f(x).
    fn value(&self, x: T) -> T;

    /// Returns f'(x), where y = f(x).
    ///
    /// There is no default, because a silently wrong derivative is worse than none. `x` is the
    /// pre-activation only if [`needs_pre_activation`](Self::needs_pre_activation) returns `true`.
    /// Otherwise it is unspecified.
    fn derivative(&self, x: T, y: T) -> T;

    /// Returns the number of pre-activations of each neuron. Default: 1.
    ///
    /// A neuron with n pieces has n rows of weights and n biases, which are adjacent in memory.
    /// With several pieces, [`value`](Self::value) returns the output of a neuron whose pieces all
    /// equal x, and [`derivative`](Self::derivative) the derivative of that output. They do not
    /// determine [`apply`](Self::apply) and [`backprop`](Self::backprop), so implement these as
    /// well. z is then always kept for the backward pass.
    fn pieces(&self) -> usize {
        1
    }

    /// Returns `true` if each neuron learns how much of f it applies, as [`Parametric`] explains.
    /// Default: `false`.
    ///
    /// The network then computes x + α·(f(x) - x). All methods of the activation are those of f
    /// alone, which must have one [piece](Self::pieces).
    fn is_parametric(&self) -> bool {
        false
    }

    /// Returns the name with its parameters, as in `leaky_relu(0.1)`.
    fn name(&self) -> Cow<'static, str>;

    /// Returns the factor by which weights should be larger than for the identity, to keep the
    /// variance of activations from layer to layer. Default: 1.
    fn gain(&self) -> f64 {
        1.0
    }

    /// Checks the parameters for networks of this precision. Default: accepts all parameters.
    ///
    /// A network cannot contain an activation that fails this check, so such an activation is
    /// neither saved nor loaded.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSetting`], which names the parameter, if a parameter is not allowed.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns `true` if [`derivative`](Self::derivative) uses x. Default: `true`.
    ///
    /// Return `false` if y is enough, as for ReLU, tanh and sigmoid. Pre-activations are then not
    /// kept for the backward pass.
    fn needs_pre_activation(&self) -> bool {
        true
    }

    /// Returns `Some(low)` if f(x) is exactly `low` for x < `low` and exactly x otherwise, and its
    /// derivative is 1 for y > `low`, and else 0. Default: `None`.
    ///
    /// The kernels then compute both in registers, without calling [`apply`](Self::apply) and
    /// [`backprop`](Self::backprop).
    fn lower_clamp(&self) -> Option<T> {
        None
    }

    /// Computes y = f(z) for slices of equal length.
    ///
    /// With n pieces, z has n values for each value of y, neuron by neuron.
    fn apply(&self, z: &[T], y: &mut [T]) {
        apply(self, z, y);
    }

    /// Computes dz = dy · f'(z), one step of the chain rule, for slices of equal length.
    ///
    /// With n pieces, z and dz have n values for each value of y and dy.
    fn backprop(&self, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
        backprop(self, z, y, dy, dz);
    }
}

/// Forwards to the shared activation, so that activations found by name plug in like any other.
#[cfg(target_has_atomic = "ptr")]
impl<T: Float, Shared: Activation<T> + ?Sized> Activation<T> for Arc<Shared> {
    fn value(&self, x: T) -> T {
        (**self).value(x)
    }
    fn derivative(&self, x: T, y: T) -> T {
        (**self).derivative(x, y)
    }
    fn pieces(&self) -> usize {
        (**self).pieces()
    }
    fn is_parametric(&self) -> bool {
        (**self).is_parametric()
    }
    fn name(&self) -> Cow<'static, str> {
        (**self).name()
    }
    fn gain(&self) -> f64 {
        (**self).gain()
    }
    fn check(&self) -> Result<()> {
        (**self).check()
    }
    fn needs_pre_activation(&self) -> bool {
        (**self).needs_pre_activation()
    }
    fn lower_clamp(&self) -> Option<T> {
        (**self).lower_clamp()
    }
    fn apply(&self, z: &[T], y: &mut [T]) {
        (**self).apply(z, y);
    }
    fn backprop(&self, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
        (**self).backprop(z, y, dy, dz);
    }
}

/// Checks an activation and returns its number of pieces, which must be at least 1.
pub(crate) fn check_pieces<T: Float>(activation: &dyn Activation<T>) -> Result<usize> {
    activation.check()?;
    let what = "pieces of an activation";
    match activation.pieces() {
        0 => Err(Error::invalid_setting(what, "at least 1", 0)),
        2.. if activation.is_parametric() => {
            let expected = "1 for a parametric activation";
            Err(Error::invalid_setting(what, expected, activation.pieces()))
        }
        pieces => Ok(pieces),
    }
}

/// Computes y = f(z) by a loop over [`Activation::value`].
fn apply<T: Float, A: Activation<T> + ?Sized>(activation: &A, z: &[T], y: &mut [T]) {
    // One number needs no vectors, and dispatch costs a good part of a one-neuron network's time.
    if let ([z], [y]) = (z, &mut *y) {
        *y = activation.value(*z);
        return;
    }
    simd::dispatch(Apply { activation, z, y });
}

/// Computes dz = dy · f'(z) by a loop over [`Activation::derivative`].
fn backprop<T: Float, A: Activation<T> + ?Sized>(
    activation: &A,
    z: &[T],
    y: &[T],
    dy: &[T],
    dz: &mut [T],
) {
    simd::dispatch(Backprop {
        activation,
        z,
        y,
        dy,
        dz,
    });
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
        values(self.activation, self.z, self.y);
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
        derivatives(self.activation, self.z, self.y, self.dy, self.dz);
    }
}

// The loops are functions because the compiler knows that arguments, unlike fields, do not overlap.
// An activation's parameters are then read once. Reading them after every store slows some loops
// considerably.

#[inline(always)]
fn values<T: Float>(activation: &(impl Activation<T> + ?Sized), z: &[T], y: &mut [T]) {
    for (y, &z) in y.iter_mut().zip(z) {
        *y = activation.value(z);
    }
}

#[inline(always)]
fn derivatives<T: Float>(
    activation: &(impl Activation<T> + ?Sized),
    z: &[T],
    y: &[T],
    dy: &[T],
    dz: &mut [T],
) {
    for ((dz, &dy), (&z, &y)) in dz.iter_mut().zip(dy).zip(z.iter().zip(y)) {
        *dz = dy * activation.derivative(z, y);
    }
}
