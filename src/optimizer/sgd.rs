//! Stochastic gradient descent.

use super::elementwise::{ElementwiseUpdate, FlushDenormals, apply};
use super::{Optimizer, UpdateContext};
use crate::error::{Result, check_range};
use crate::float::{Float, check_positive, instantiate};
use crate::layout::Layout;

/// Gradient descent, plain or with momentum.
///
/// - Plain, with momentum 0: p <- p - rate g.
/// - With momentum (Polyak 1964): v <- momentum v - rate g, and p <- p + v.
/// - With Nesterov's (1983; in this form Sutskever et al. 2013): v likewise, and
///   p <- p + momentum v - rate g.
///
/// This is scikit-learn's and Keras' form, where v is a distance. PyTorch's v is a sum of
/// gradients, v <- momentum v + g, and p <- p - rate v. For a constant learning rate both
/// walk the same way. When a schedule changes the rate, PyTorch's whole v feels it at once,
/// and here only the new gradients do. PyTorch's dampening is 0 here, as in its default.
///
/// scikit-learn's `alpha` and PyTorch's `weight_decay` are L2 penalties, which belong to the
/// gradient: [`GradientWorkspace`](crate::GradientWorkspace) says how they compare. Decay apart
/// from the gradient, as Keras has it, is the same for plain SGD; with momentum it is not, and only
/// [`AdamW`](super::AdamW) has it.
///
/// State: v, unless the momentum is 0. Where |v| falls below 7e-18 (f64: 1e-152) it becomes zero:
/// denormals are flushed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sgd {
    /// Learning rate before any schedule. Range: above 0. Default: 1e-3.
    pub learning_rate: f64,
    /// Part of v that an update keeps. Range: [0, 1]. Default: 0.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's. Default: `false`.
    pub nesterov: bool,
}

impl Sgd {
    /// Plain gradient descent.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            momentum: 0.0,
            nesterov: false,
        }
    }

    /// With scikit-learn's defaults: Nesterov's momentum of 0.9.
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
