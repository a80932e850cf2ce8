//! Adadelta: steps in the parameters' own units.

use super::Optimizer;
use super::rule::{self, Flush, Rule, elementwise};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_positive};
use crate::layout::Layout;

/// Adadelta: the gradient scaled by the root mean square of past steps over that of past
/// gradients.
///
/// - s <- rho s + (1 - rho) g^2,
/// - d = sqrt(a + epsilon) / sqrt(s + epsilon) g, and a <- rho a + (1 - rho) d^2,
/// - p <- p - rate d.
///
/// The first steps are about sqrt(epsilon), whatever the gradient, and grow from there: this
/// epsilon is not only what keeps the division from 0/0, but decides how fast it starts.
///
/// Zeiler, "ADADELTA: an adaptive learning rate method", 2012, where the rate is 1. PyTorch
/// and Keras have this form, with epsilon under both roots; the defaults are PyTorch's. Keras
/// has a rate of 0.001, which is rarely enough, rho 0.95 and epsilon 1e-7. PyTorch's
/// `weight_decay` is an L2 penalty, which belongs to the gradient:
/// [`GradientWorkspace`](crate::Gradient) says how they compare.
///
/// State: s, then a. Where they fall below 8e-37 (f64: 1e-306) they become zero, and
/// gradients below 7e-18 (1e-152) count as zero: subnormal numbers are flushed.
///
/// ```
/// use feedforward::{Layout, optimizer::{Adadelta, State}};
///
/// let layout = Layout::new(&[1, 1])?;
/// let adadelta = Adadelta { rho: 0.0, epsilon: 1e-6, ..Adadelta::default() };
/// let mut state = State::new(&adadelta, &layout)?;
/// let mut params = [1.0, 1.0];
/// state.update(&adadelta, 1.0, &mut params, &[1.0, -40.0])?;
/// assert!((params[0] - 0.999_f64).abs() < 1e-9 && (params[1] - 1.001).abs() < 1e-9);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adadelta {
    /// The learning rate before any schedule, above 0: 1.
    pub learning_rate: f64,
    /// The decay of both running means, in [0, 1): 0.9.
    pub rho: f64,
    /// Added under both roots, above 0: 1e-6.
    pub epsilon: f64,
}

impl Adadelta {
    /// Adadelta as in PyTorch.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            rho: 0.9,
            epsilon: 1e-6,
        }
    }
}

impl Default for Adadelta {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl<T: Float> Optimizer<T> for Adadelta {
    fn state_len(&self, layout: &Layout) -> usize {
        2 * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Adadelta's learning rate", self.learning_rate)?;
        check_fraction::<T>("Adadelta's rho", self.rho)?;
        check_positive::<T>("Adadelta's epsilon", self.epsilon)
    }

    elementwise! {
        Adadelta: |rule, step, params, gradient, state| {
            let rule = AdadeltaRule {
                rate: T::from_f64(step.learning_rate),
                rho: T::from_f64(rule.rho),
                rest: T::from_f64(1.0 - rule.rho),
                epsilon: T::from_f64(rule.epsilon),
                flush: Flush::new(),
            };
            rule::apply(rule, params, gradient, state);
        }
    }
}

struct AdadeltaRule<T> {
    rate: T,
    rho: T,
    rest: T,
    epsilon: T,
    flush: Flush<T>,
}

impl<T: Float> Rule<T, 2> for AdadeltaRule<T> {
    #[inline(always)]
    fn update(&self, p: T, g: T, [s, a]: [T; 2]) -> (T, [T; 2]) {
        let g = self.flush.first(g);
        let s = self.flush.second(self.rho * s + self.rest * (g * g));
        let d = (a + self.epsilon).sqrt() / (s + self.epsilon).sqrt() * g;
        let a = self.flush.second(self.rho * a + self.rest * (d * d));
        (p - self.rate * d, [s, a])
    }
}
