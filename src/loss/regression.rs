//! Losses for real-valued targets.

use super::Loss;
use crate::float::Float;

/// Half the squared distance: L = 1/2 sum over outputs of (y - t)^2, dL/dy = y - t.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SquaredError;

impl<T: Float> Loss<T> for SquaredError {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        let mut sum = T::zero();
        for ((g, &y), &t) in gradient.iter_mut().zip(output).zip(target) {
            *g = y - t;
            sum += *g * *g;
        }
        sum * T::of(0.5)
    }
}
