//! Adadelta: steps in the parameters' own units.

use super::elementwise::{ElementwiseUpdate, MovingAverage, apply};
use super::{Optimizer, UpdateContext};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_positive, instantiate};
use crate::layout::Layout;

/// Adadelta: the gradient scaled by the root mean square of past steps over that of past gradients.
///
/// With the gradient g and the learning rate η:
///
/// ```text
/// s ← ρ·s + (1 - ρ)·g²
/// d = √(a + ε) / √(s + ε) · g
/// a ← ρ·a + (1 - ρ)·d²
/// p ← p - η·d
/// ```
///
/// The first steps have a length of about √ε, independent of the gradient, and grow from there.
/// Epsilon thus decides how fast training starts, besides preventing 0/0.
///
/// Zeiler, 2012, [arXiv:1212.5701](https://arxiv.org/abs/1212.5701), uses a rate of 1. PyTorch and
/// Keras have this form, with epsilon under both roots. The defaults are PyTorch's. Keras' defaults
/// are a rate of 0.001, which is rarely enough, ρ = 0.95 and an epsilon of 1e-7. PyTorch's
/// `weight_decay` is an L2 penalty, which this crate computes with the gradient.
/// [`GradientWorkspace`](crate::GradientWorkspace) compares the conventions.
///
/// State: s, then a. Denormals are flushed to zero. The threshold of s and a is 8e-37 (1e-306 for
/// f64), that of gradients is 7e-18 (1e-152 for f64).
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
    /// Learning rate before any schedule. Range: above 0. Default: 1.
    pub learning_rate: f64,
    /// Decay of both running means. Range: [0, 1). Default: 0.9.
    pub rho: f64,
    /// Term added under both roots. Range: above 0. Default: 1e-6.
    pub epsilon: f64,
}

impl Adadelta {
    /// Creates Adadelta with PyTorch's defaults.
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
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        2 * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Adadelta's learning rate", self.learning_rate)?;
        check_fraction::<T>("Adadelta's rho", self.rho)?;
        check_positive::<T>("Adadelta's epsilon", self.epsilon)
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
        adadelta: &Adadelta, context: &UpdateContext<'_>,
        params: &mut [T], gradient: &[T], state: &mut [T],
    ) {
        let update = AdadeltaUpdate {
            rate: T::from_f64(context.learning_rate),
            average: MovingAverage::new(adadelta.rho),
            epsilon: T::from_f64(adadelta.epsilon),
        };
        apply(update, params, gradient, state);
    }
}

struct AdadeltaUpdate<T> {
    rate: T,
    average: MovingAverage<T>,
    epsilon: T,
}

impl<T: Float> ElementwiseUpdate<T, 2> for AdadeltaUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [s, a]: [T; 2]) -> (T, [T; 2]) {
        let g = self.average.flush.first_moment(g);
        let s = self.average.second_moment(s, g);
        let d = (a + self.epsilon).sqrt() / (s + self.epsilon).sqrt() * g;
        let a = self.average.second_moment(a, d);
        (p - self.rate * d, [s, a])
    }
}
