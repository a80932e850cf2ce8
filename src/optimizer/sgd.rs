//! Stochastic gradient descent.

use super::Optimizer;
use super::rule::{self, Flush, Rule, elementwise};
use crate::error::{Result, check_range};
use crate::float::{Float, check_positive};
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
/// gradient: [`GradientWorkspace`](crate::Gradient) says how they compare. Decay apart from the
/// gradient, as Keras has it, is the same for plain SGD; with momentum it is not, and only
/// [`AdamW`](super::AdamW) has it.
///
/// State: v, unless the momentum is 0. Where |v| falls below 7e-18 (f64: 1e-152) it becomes
/// zero: subnormal numbers are flushed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sgd {
    /// The learning rate before any schedule, above 0: 1e-3.
    pub learning_rate: f64,
    /// The part of v that an update keeps, in [0, 1]: 0.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's: `false`.
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

    elementwise! {
        Sgd: |rule, step, params, gradient, state| {
            let rate = T::from_f64(step.learning_rate);
            let keep = T::from_f64(rule.momentum);
            let flush = Flush::new();
            if rule.momentum == 0.0 {
                rule::apply(Plain { rate }, params, gradient, state);
            } else if rule.nesterov {
                rule::apply(Nesterov { rate, keep, flush }, params, gradient, state);
            } else {
                rule::apply(Momentum { rate, keep, flush }, params, gradient, state);
            }
        }
    }
}

struct Plain<T> {
    rate: T,
}

impl<T: Float> Rule<T, 0> for Plain<T> {
    #[inline(always)]
    fn update(&self, p: T, g: T, state: [T; 0]) -> (T, [T; 0]) {
        (p - self.rate * g, state)
    }
}

struct Momentum<T> {
    rate: T,
    keep: T,
    flush: Flush<T>,
}

impl<T: Float> Rule<T, 1> for Momentum<T> {
    #[inline(always)]
    fn update(&self, p: T, g: T, [v]: [T; 1]) -> (T, [T; 1]) {
        let v = self.flush.first(self.keep * v - self.rate * g);
        (p + v, [v])
    }
}

struct Nesterov<T> {
    rate: T,
    keep: T,
    flush: Flush<T>,
}

impl<T: Float> Rule<T, 1> for Nesterov<T> {
    #[inline(always)]
    fn update(&self, p: T, g: T, [v]: [T; 1]) -> (T, [T; 1]) {
        let v = self.flush.first(self.keep * v - self.rate * g);
        (p + (self.keep * v - self.rate * g), [v])
    }
}
