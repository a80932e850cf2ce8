//! Adagrad: learning rates that shrink with the sum of squared gradients.

use super::elementwise::{ElementwiseUpdate, FlushDenormals, apply};
use super::{Optimizer, UpdateContext};
use crate::error::Result;
use crate::float::{Float, check_not_negative, check_positive, instantiate};
use crate::layout::Layout;

/// Adagrad: the gradient divided by the root of the sum of its squares so far.
///
/// With the gradient g, the learning rate η and the `rate_decay` δ, in update t = 1, 2, ...:
///
/// ```text
/// s ← s + g²
/// p ← p - η / (1 + (t - 1)·δ) · g / (√s + ε)
/// ```
///
/// The sum s starts at `initial_sum`.
///
/// Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
/// optimization", 2011. The form and the defaults are PyTorch's, which calls the settings
/// `lr_decay` and `initial_accumulator_value`. Keras starts from a sum of 0.1 and adds its epsilon,
/// 1e-7, under the root. Next to that sum, neither epsilon matters. PyTorch's `weight_decay` is an
/// L2 penalty and belongs to the gradient. [`GradientWorkspace`](crate::GradientWorkspace) compares
/// the conventions.
///
/// State: s. Gradients below 7e-18 (1e-152 for f64) count as zero, so no square is denormal.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adagrad {
    /// Learning rate before any schedule. Range: above 0. Default: 1e-2.
    pub learning_rate: f64,
    /// Decay of the learning rate per update: δ in the formula. Range: at least 0. Default: 0.
    pub rate_decay: f64,
    /// Sum before the first update. Range: at least 0. Default: 0.
    pub initial_sum: f64,
    /// Term that prevents 0/0. Range: above 0. Default: 1e-10.
    pub epsilon: f64,
}

impl Adagrad {
    /// Creates Adagrad with PyTorch's defaults.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            rate_decay: 0.0,
            initial_sum: 0.0,
            epsilon: 1e-10,
        }
    }
}

impl Default for Adagrad {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl<T: Float> Optimizer<T> for Adagrad {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        layout.len()
    }

    fn init(&self, _: &Layout, state: &mut [T]) {
        state.fill(T::from_f64(self.initial_sum));
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Adagrad's learning rate", self.learning_rate)?;
        check_not_negative::<T>("Adagrad's rate decay", self.rate_decay)?;
        check_not_negative::<T>("Adagrad's initial sum", self.initial_sum)?;
        check_positive::<T>("Adagrad's epsilon", self.epsilon)
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
        adagrad: &Adagrad, context: &UpdateContext<'_>,
        params: &mut [T], gradient: &[T], state: &mut [T],
    ) {
        let updates_before = context.update.saturating_sub(1) as f64;
        let rate = context.learning_rate / (1.0 + updates_before * adagrad.rate_decay);
        let update = AdagradUpdate {
            rate: T::from_f64(rate),
            epsilon: T::from_f64(adagrad.epsilon),
            flush: FlushDenormals::new(),
        };
        apply(update, params, gradient, state);
    }
}

struct AdagradUpdate<T> {
    rate: T,
    epsilon: T,
    flush: FlushDenormals<T>,
}

impl<T: Float> ElementwiseUpdate<T, 1> for AdagradUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [sum]: [T; 1]) -> (T, [T; 1]) {
        let g = self.flush.first_moment(g);
        let sum = sum + g * g;
        (p - self.rate * (g / (sum.sqrt() + self.epsilon)), [sum])
    }
}
