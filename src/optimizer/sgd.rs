//! Stochastic gradient descent.

use super::{Optimizer, Step};
use crate::float::Float;
use crate::layout::Layout;

/// Gradient descent: p <- p - rate g.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// The learning rate before any schedule.
    pub learning_rate: f64,
}

impl<T: Float> Optimizer<T> for Sgd {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn state_len(&self, _: &Layout) -> usize {
        0
    }
    fn elementwise(&self) -> bool {
        true
    }
    fn step(&self, step: &Step<'_>, params: &mut [T], gradient: &[T], _: &mut [T]) {
        let rate = T::of(step.learning_rate);
        for (p, &g) in params.iter_mut().zip(gradient) {
            *p -= rate * g;
        }
    }
}
