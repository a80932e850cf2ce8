//! Activation functions: what a neuron does with its pre-activation, or with several.
//!
//! Every built-in is a type that implements [`Activation`] for f32 and f64; those with a
//! parameter are made by `new` or, where custom agrees on its value, by `default`. [`parse`]
//! reads their names, [`all`] lists them.
//!
//! | | |
//! |---|---|
//! | straight pieces | [`Identity`], [`Heaviside`], [`Relu`], [`Relu6`], [`LeakyRelu`], [`HardTanh`], [`HardSigmoid`] |
//! | S-shaped | [`Sigmoid`], [`Tanh`], [`Softsign`] |
//! | smooth relatives of ReLU | [`Softplus`], [`Squareplus`], [`Elu`], [`Celu`], [`Selu`], [`Gelu`], [`GeluTanh`], [`Silu`], [`HardSwish`], [`Mish`] |
//! | shrinking | [`Tanhshrink`], [`SoftShrink`], [`HardShrink`] |
//! | periodic and local | [`Sine`], [`Gaussian`] |
//! | logarithm and exponential | [`LogSigmoid`], [`Exponential`] |
//! | of several pre-activations | [`Maxout`], [`Glu`], [`SwiGlu`] |
//!
//! At a kink the slope is that of the left side, as the field has it: 0 for [`Relu`], `slope`
//! for [`LeakyRelu`]; where a piece is flat it is 0 on either end ([`HardTanh`]). The
//! exception is [`HardSwish`], whose slope at ±3 is that of its middle piece. Infinities
//! give the limit, and the value of NaN is NaN.

// Names of people and of activations are no code.
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
mod periodic;
mod piecewise;
mod range;
#[cfg(target_has_atomic = "ptr")]
mod registry;
mod shrink;
mod sigmoid;
mod smooth;
mod units;

#[cfg(all(feature = "onnx", target_has_atomic = "ptr"))]
pub(crate) use registry::built_in;
#[cfg(target_has_atomic = "ptr")]
pub use registry::{all, names, parse};

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

/// A differentiable function of one number, applied to every pre-activation of a layer; or of
/// several, its [`pieces`](Self::pieces).
///
/// Implement the three required methods to bring your own; the slice methods loop over
/// them under the crate's SIMD dispatch, so that it is vectorised like the built-ins, if
/// `value` and `derivative` are `#[inline(always)]` and free of branches.
///
/// ```
/// use std::borrow::Cow;
/// use feedforward::{Activation, Float, math};
///
/// /// f(x) = x e^(-x²), which answers to inputs near 0 alone.
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
    /// f(x).
    fn value(&self, x: T) -> T;

    /// f'(x), where y = f(x). There is no default: a silently wrong slope is worse than none.
    ///
    /// `x` is the pre-activation only where [`needs_pre_activation`](Self::needs_pre_activation) says so;
    /// elsewhere it is unspecified.
    fn derivative(&self, x: T, y: T) -> T;

    /// Pre-activations for each output, 1 unless told otherwise.
    ///
    /// With more of them a neuron has as many rows of weights and as many biases, which lie next
    /// to each other. Then [`value`](Self::value) is the output of a neuron all of whose pieces
    /// are x, and [`derivative`](Self::derivative) its slope. They say too little for
    /// [`apply`](Self::apply) and [`backprop`](Self::backprop), so implement these as well; z is
    /// always kept for the backward pass.
    fn pieces(&self) -> usize {
        1
    }

    /// The name with its parameters, as in `leaky_relu(0.1)`.
    fn name(&self) -> Cow<'static, str>;

    /// The factor by which weights should be larger than for the identity, so that the
    /// variance of activations is kept through layers.
    fn gain(&self) -> f64 {
        1.0
    }

    /// Checks the parameters, for networks of this precision: what is an error here cannot be part
    /// of a network, and so is neither written nor read. Default: there is nothing to check.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the parameter.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Whether [`derivative`](Self::derivative) looks at x. Where y is enough (ReLU, tanh,
    /// sigmoid) say `false`, and pre-activations are not kept for the backward pass.
    fn needs_pre_activation(&self) -> bool {
        true
    }

    /// `low`, if f(x) is `low` for x < `low` and else x itself, to the bit: then prediction of
    /// single samples does that in registers, without calling [`apply`](Self::apply).
    fn lower_clamp(&self) -> Option<T> {
        None
    }

    /// y = f(z), for slices of equal length; with several pieces z has so many values for each
    /// of y, neuron by neuron.
    fn apply(&self, z: &[T], y: &mut [T]) {
        apply(self, z, y);
    }

    /// dz = dy f'(z), for slices of equal length: the chain rule's factor. With several pieces
    /// z and dz have so many values for each of y and dy.
    fn backprop(&self, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
        backprop(self, z, y, dy, dz);
    }
}

/// A shared activation is one too, so that those found by name plug in like any other.
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

/// Checks an activation and returns its pieces, of which there must be one at least.
pub(crate) fn check_pieces<T: Float>(activation: &dyn Activation<T>) -> Result<usize> {
    activation.check()?;
    match activation.pieces() {
        0 => Err(Error::invalid_setting(
            "pieces of an activation",
            "at least 1",
            0,
        )),
        pieces => Ok(pieces),
    }
}

/// y = f(z), by the loop over [`Activation::value`].
fn apply<T: Float, A: Activation<T> + ?Sized>(activation: &A, z: &[T], y: &mut [T]) {
    // One number needs no vectors: going there took 3 of the 25 ns of a network of one neuron.
    if let ([z], [y]) = (z, &mut *y) {
        *y = activation.value(*z);
        return;
    }
    simd::dispatch(Apply { activation, z, y });
}

/// dz = dy f'(z), by the loop over [`Activation::derivative`].
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
        slopes(self.activation, self.z, self.y, self.dy, self.dz);
    }
}

// The loops are functions because arguments, unlike fields, are known not to overlap: an
// activation's parameters are then read once and not after every store, which made the loop
// of some take half as long again.

#[inline(always)]
fn values<T: Float>(activation: &(impl Activation<T> + ?Sized), z: &[T], y: &mut [T]) {
    for (y, &z) in y.iter_mut().zip(z) {
        *y = activation.value(z);
    }
}

#[inline(always)]
fn slopes<T: Float>(
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
