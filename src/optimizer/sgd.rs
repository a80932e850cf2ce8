//! Stochastic gradient descent.

use super::elementwise::{ElementwiseUpdate, FlushDenormals, apply};
use super::{Optimizer, UpdateContext};
use crate::error::{Result, check_range};
use crate::float::{Float, check_positive, instantiate};
use crate::layout::Layout;

/// Stochastic gradient descent, plain or with momentum.
///
/// With the gradient g, the learning rate η and the momentum μ:
///
/// ```text
/// plain, μ = 0:         p ← p - η·g
/// momentum:             v ← μ·v - η·g,  p ← p + v
/// Nesterov's momentum:  v ← μ·v - η·g,  p ← p + μ·v - η·g
/// ```
///
/// References: Polyak, 1964 (momentum), and Nesterov, 1983, in the form of Sutskever et al., 2013.
///
/// scikit-learn and Keras also use this form, in which v is a distance. In PyTorch, v is a sum of
/// gradients: v ← μ·v + g, then p ← p - η·v. Both forms take the same steps while the learning rate
/// is constant. When a schedule changes the rate, all of v feels it in PyTorch, but only new
/// gradients do in this crate. This crate has no `dampening`, which is 0 by default in PyTorch.
///
/// scikit-learn's `alpha` and PyTorch's `weight_decay` are L2 penalties, which this crate computes
/// with the gradient. [`GradientWorkspace`](crate::GradientWorkspace) compares the conventions.
/// Decoupled weight decay, as in Keras, equals an L2 penalty for plain SGD, but not with momentum.
/// [`AdamW`](super::AdamW) and [`Muon`](super::Muon) offer it.
///
/// State: v, unless the momentum is 0. Denormals are flushed: v becomes zero if |v| is below 7e-18
/// (1e-152 for f64).
#[doc(alias = "momentum")]
#[doc(alias = "nesterov")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sgd {
    /// Learning rate before any schedule. Range: above 0. Default: 1e-3.
    pub learning_rate: f64,
    /// Fraction of v that an update keeps. Range: [0, 1]. Default: 0.
    pub momentum: f64,
    /// `true` for Nesterov's momentum. Default: `false`.
    pub nesterov: bool,
}

impl Sgd {
    /// Creates plain gradient descent.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.0,
            nesterov: false,
        }
    }

    /// Creates SGD with scikit-learn's defaults: Nesterov's momentum of 0.9.
    pub fn scikit_learn(learning_rate: f64) -> Self {
        Self {
            momentum: 0.9,
            nesterov: true,
            ..Self::new(learning_rate)
        }
    }
}

impl Default for Sgd {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl<T: Float> Optimizer<T> for Sgd {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        if self.momentum == 0.0 {
            0
        } else {
            layout.len()
        }
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("SGD's learning rate", self.learning_rate)?;
        check_range("SGD's momentum", self.momentum, 0.0..=1.0, "0 to 1")
    }

    fn elementwise(&self) -> bool {
        true
    }

    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        step(self, context, params, gradient, state);
    }
}

instantiate! {
    fn step<T>(
        sgd: &Sgd, context: &UpdateContext<'_>,
        params: &mut [T], gradient: &[T], state: &mut [T],
    ) {
        let update = SgdUpdate {
            rate: T::from_f64(context.learning_rate),
            momentum: T::from_f64(sgd.momentum),
            nesterov: sgd.nesterov,
            flush: FlushDenormals::new(),
        };
        if sgd.momentum == 0.0 {
            apply::<0, _>(update, params, gradient, state);
        } else {
            apply::<1, _>(update, params, gradient, state);
        }
    }
}

struct SgdUpdate<T> {
    rate: T,
    momentum: T,
    nesterov: bool,
    flush: FlushDenormals<T>,
}

impl<T: Float> ElementwiseUpdate<T, 0> for SgdUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, state: [T; 0]) -> (T, [T; 0]) {
        (p - self.rate * g, state)
    }
}

impl<T: Float> ElementwiseUpdate<T, 1> for SgdUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [v]: [T; 1]) -> (T, [T; 1]) {
        let v = self.flush.first_moment(self.momentum * v - self.rate * g);
        let ahead = self.momentum * v - self.rate * g;
        (p + if self.nesterov { ahead } else { v }, [v])
    }
}
