//! Activations of which each neuron learns how much it applies.

use alloc::borrow::Cow;
use alloc::format;

use super::Activation;
use crate::error::{Error, Result};
use crate::float::{Float, instantiate};
use crate::simd::{self, Op, Simd};

/// An activation f of which each neuron learns how much it applies.
///
/// ```text
/// y     = x + α·(f(x) - x)
/// dy/dx = 1 + α·(f'(x) - 1)
/// dy/dα = f(x) - x
/// ```
///
/// α is 1 at first, which is f itself up to rounding; 0 is the identity. Each neuron has its own α,
/// which training changes like a bias. It lies behind the biases of its layer
/// ([`LayerLayout::alpha`](crate::layout::LayerLayout::alpha)), and
/// [`Group::Alphas`](crate::optimizer::Group::Alphas) sets its learning rate and weight decay. The
/// L2 penalty leaves it out.
///
/// These are RealMLP's parametric activations, around [`Mish`](super::Mish) or
/// [`Selu`](super::Selu) and with a tenth of the learning rate (Holzmüller, Grinsztajn and
/// Steinwart, 2024, [arXiv:2407.04491](https://arxiv.org/abs/2407.04491)). Around
/// [`Relu`](super::Relu) it is the PReLU of He et al., 2015,
/// [arXiv:1502.01852](https://arxiv.org/abs/1502.01852), whose slope is 1 - α.
///
/// The methods of [`Activation`] are those of f, because they do not know α. The activation must
/// have one [piece](Activation::pieces), and must not be parametric itself. If x is infinite, y is
/// NaN, which predictions and training report as an overflow.
///
/// Name: `parametric(f)`, such as `parametric(leaky_relu(0.1))`.
///
/// ```
/// use feedforward::{Mlp, activation::{Identity, Parametric, Relu}};
///
/// let mut net = Mlp::<f64>::builder(1).output(2, Parametric(Relu)).build()?;
/// net.set_params(&[1.0, 1.0, /* biases: */ 0.0, 0.0, /* α: */ 1.0, 0.75])?;
/// assert_eq!(net.predict(&[2.0])?, [2.0, 2.0]);
/// assert_eq!(net.predict(&[-2.0])?, [0.0, -0.5]);
/// assert_eq!(net.layer(0)?.alpha(), [1.0, 0.75]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "PReLU")]
#[doc(alias = "prelu")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Parametric<A>(
    /// The activation f.
    pub A,
);

impl<T: Float, A: Activation<T>> Activation<T> for Parametric<A> {
    #[inline(always)]
    fn value(&self, x: T) -> T {
        self.0.value(x)
    }

    #[inline(always)]
    fn derivative(&self, x: T, y: T) -> T {
        self.0.derivative(x, y)
    }

    fn pieces(&self) -> usize {
        self.0.pieces()
    }

    fn is_parametric(&self) -> bool {
        true
    }

    fn name(&self) -> Cow<'static, str> {
        format!("parametric({})", self.0.name()).into()
    }

    fn gain(&self) -> f64 {
        self.0.gain()
    }

    fn check(&self) -> Result<()> {
        if self.0.is_parametric() || self.0.pieces() != 1 {
            let expected = "one of one piece, which is not parametric";
            let what = "activation of a parametric one";
            return Err(Error::invalid_setting(what, expected, self.0.name()));
        }
        self.0.check()
    }

    fn apply(&self, z: &[T], y: &mut [T]) {
        self.0.apply(z, y);
    }

    fn backprop(&self, z: &[T], y: &[T], dy: &[T], dz: &mut [T]) {
        self.0.backprop(z, y, dy, dz);
    }
}

instantiate! {
    /// Replaces f = f(z) by z + α·(f - z), row by row. Rows are as long as α.
    pub(crate) fn mix<T>(alpha: &[T], z: &[T], f: &mut [T]) {
        simd::dispatch(Mix { alpha, z, f });
    }
}

struct Mix<'a, T> {
    alpha: &'a [T],
    z: &'a [T],
    f: &'a mut [T],
}

impl<T: Float> Op for Mix<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let width = self.alpha.len().max(1);
        let rows = self.z.chunks_exact(width);
        for (z, f) in rows.zip(self.f.chunks_exact_mut(width)) {
            for ((f, &z), &alpha) in f.iter_mut().zip(z).zip(self.alpha) {
                *f = z + alpha * (*f - z);
            }
        }
    }
}

instantiate! {
    /// Replaces dz = dy·f'(z) by dy·(1 + α·(f'(z) - 1)), row by row, and f = f(z) by the
    /// derivatives by α, dy·(f(z) - z). Rows are as long as α.
    pub(crate) fn backprop_mix<T>(alpha: &[T], z: &[T], dy: &[T], f: &mut [T], dz: &mut [T]) {
        simd::dispatch(BackpropMix { alpha, z, dy, f, dz });
    }
}

struct BackpropMix<'a, T> {
    alpha: &'a [T],
    z: &'a [T],
    dy: &'a [T],
    f: &'a mut [T],
    dz: &'a mut [T],
}

impl<T: Float> Op for BackpropMix<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let width = self.alpha.len().max(1);
        let given = self.z.chunks_exact(width).zip(self.dy.chunks_exact(width));
        let results = self
            .f
            .chunks_exact_mut(width)
            .zip(self.dz.chunks_exact_mut(width));
        for ((z, dy), (f, dz)) in given.zip(results) {
            let given = z.iter().zip(dy).zip(self.alpha);
            for (((&z, &dy), &alpha), (f, dz)) in given.zip(f.iter_mut().zip(dz)) {
                *f = dy * (*f - z);
                *dz = dy + alpha * (*dz - dy);
            }
        }
    }
}
