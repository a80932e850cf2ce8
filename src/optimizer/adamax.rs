//! Adamax: Adam with the largest gradient in place of the mean square.

use super::elementwise::{ElementwiseUpdate, MovingAverage, apply};
use super::{Optimizer, UpdateContext};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_positive, instantiate};
use crate::layout::Layout;
use crate::math;

/// Adamax: Adam whose steps are scaled by a decaying maximum of the gradient's magnitude.
///
/// With the gradient g and the learning rate η, in update t = 1, 2, ...:
///
/// ```text
/// m ← β₁·m + (1 - β₁)·g
/// u ← max(β₂·u, |g| + ε)
/// p ← p - η / (1 - β₁ᵗ) · m / u
/// ```
///
/// No step is longer than about the learning rate. Kingma and Ba, 2015,
/// [arXiv:1412.6980](https://arxiv.org/abs/1412.6980), describe Adamax in section 7.1, without
/// epsilon.
///
/// The form is PyTorch's, with epsilon inside the maximum. Keras adds its epsilon, 1e-7, to u in
/// the division. This crate has no setting for that, since the steps differ by at most the fraction
/// ε / u. PyTorch's `weight_decay` is an L2 penalty, which this crate computes with the gradient.
/// [`GradientWorkspace`](crate::GradientWorkspace) compares the conventions.
///
/// State: m, then u. Denormals are flushed to zero. The threshold of |g| and |m| is 7e-18 (1e-152
/// for f64).
///
/// ```
/// use feedforward::{Layout, optimizer::{Adamax, State}};
///
/// let layout = Layout::new(&[1, 1])?;
/// let adamax = Adamax::new(0.5);
/// let mut state = State::new(&adamax, &layout)?;
/// let mut params = [1.0, 1.0];
/// state.update(&adamax, 0.5, &mut params, &[1e-3, -40.0])?;
/// assert!((params[0] - 0.5_f64).abs() < 1e-5 && (params[1] - 1.5).abs() < 1e-5);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adamax {
    /// Learning rate before any schedule. Range: above 0. Default: 2e-3.
    pub learning_rate: f64,
    /// Decay of the first moment. Range: [0, 1). Default: 0.9.
    pub beta1: f64,
    /// Decay of the maximum. Range: [0, 1). Default: 0.999.
    pub beta2: f64,
    /// Term that prevents 0/0. Range: above 0. Default: 1e-8.
    pub epsilon: f64,
}

impl Adamax {
    /// Creates Adamax with PyTorch's defaults.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }
}

impl Default for Adamax {
    fn default() -> Self {
        Self::new(2e-3)
    }
}

impl<T: Float> Optimizer<T> for Adamax {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        2 * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Adamax's learning rate", self.learning_rate)?;
        check_fraction::<T>("Adamax's beta1", self.beta1)?;
        check_fraction::<T>("Adamax's beta2", self.beta2)?;
        check_positive::<T>("Adamax's epsilon", self.epsilon)
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
        adamax: &Adamax, context: &UpdateContext<'_>,
        params: &mut [T], gradient: &[T], state: &mut [T],
    ) {
        let bias_correction1 = 1.0 - math::power(adamax.beta1, context.update);
        let update = AdamaxUpdate {
            average: MovingAverage::new(adamax.beta1),
            beta2: T::from_f64(adamax.beta2),
            rate: T::from_f64(context.learning_rate / bias_correction1),
            epsilon: T::from_f64(adamax.epsilon),
        };
        apply(update, params, gradient, state);
    }
}

struct AdamaxUpdate<T> {
    average: MovingAverage<T>,
    beta2: T,
    rate: T,
    epsilon: T,
}

impl<T: Float> ElementwiseUpdate<T, 2> for AdamaxUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [m, u]: [T; 2]) -> (T, [T; 2]) {
        let g = self.average.flush.first_moment(g);
        let m = self.average.first_moment(m, g);
        let (decayed, size) = (self.beta2 * u, g.abs() + self.epsilon);
        // The maximum is at least epsilon, so it is never denormal.
        let u = if decayed > size { decayed } else { size };
        (p - self.rate * (m / u), [m, u])
    }
}
