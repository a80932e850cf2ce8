//! Adamax: Adam with the largest gradient in the place of the mean square.

use super::Optimizer;
use super::rule::{self, Flush, Rule, elementwise};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_positive};
use crate::layout::Layout;
use crate::math;

/// Adamax: Adam whose steps are scaled by a decaying maximum of the gradient's size.
///
/// In update t = 1, 2, ...
///
/// - m <- beta1 m + (1 - beta1) g, and u <- max(beta2 u, |g| + epsilon),
/// - p <- p - rate / (1 - beta1^t) m / u.
///
/// No step is longer than about the learning rate. Kingma and Ba, "Adam: a method for
/// stochastic optimization", 2015, section 7.1, where there is no epsilon.
///
/// The form is PyTorch's, with epsilon inside the maximum. Keras adds its 1e-7 to u in the
/// division; there is no setting for that, since the steps differ by no more than the
/// fraction epsilon / u. PyTorch's `weight_decay` is an L2 penalty, which belongs to the
/// gradient: [`GradientWorkspace`](crate::Gradient) says how they compare.
///
/// State: m, then u. Where |m| falls below 7e-18 (f64: 1e-152) it becomes zero, and smaller
/// gradients count as zero: subnormal numbers are flushed.
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
    /// The learning rate before any schedule, above 0: 2e-3.
    pub learning_rate: f64,
    /// The decay of the first moment, in [0, 1): 0.9.
    pub beta1: f64,
    /// The decay of the maximum, in [0, 1): 0.999.
    pub beta2: f64,
    /// What keeps the division from 0/0, above 0: 1e-8.
    pub epsilon: f64,
}

impl Adamax {
    /// Adamax as in PyTorch.
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
    fn state_len(&self, layout: &Layout) -> usize {
        2 * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Adamax's learning rate", self.learning_rate)?;
        check_fraction::<T>("Adamax's beta1", self.beta1)?;
        check_fraction::<T>("Adamax's beta2", self.beta2)?;
        check_positive::<T>("Adamax's epsilon", self.epsilon)
    }

    elementwise! {
        Adamax: |rule, step, params, gradient, state| {
            let correction = 1.0 - math::power(rule.beta1, step.number);
            let rule = AdamaxRule {
                beta1: T::from_f64(rule.beta1),
                rest1: T::from_f64(1.0 - rule.beta1),
                beta2: T::from_f64(rule.beta2),
                rate: T::from_f64(step.learning_rate / correction),
                epsilon: T::from_f64(rule.epsilon),
                flush: Flush::new(),
            };
            rule::apply(rule, params, gradient, state);
        }
    }
}

struct AdamaxRule<T> {
    beta1: T,
    rest1: T,
    beta2: T,
    rate: T,
    epsilon: T,
    flush: Flush<T>,
}

impl<T: Float> Rule<T, 2> for AdamaxRule<T> {
    #[inline(always)]
    fn update(&self, p: T, g: T, [m, u]: [T; 2]) -> (T, [T; 2]) {
        let g = self.flush.first(g);
        let m = self.flush.first(self.beta1 * m + self.rest1 * g);
        let (decayed, size) = (self.beta2 * u, g.abs() + self.epsilon);
        // At least epsilon, so that it is never subnormal.
        let u = if decayed > size { decayed } else { size };
        (p - self.rate * (m / u), [m, u])
    }
}
