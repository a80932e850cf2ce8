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

/// scikit-learn's squared error: L = 1/(2K) sum over the K outputs of (y - t)^2, with the
/// gradient y - t of [`SquaredError`], K times what follows from L.
///
/// `MLPRegressor` reports the one and descends the other. Take this loss to keep the
/// learning rate, the L2 penalty, the `tol` and the loss curve of a scikit-learn program;
/// for a new one, [`SquaredError`] is consistent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScikitSquaredError;

impl<T: Float> Loss<T> for ScikitSquaredError {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        SquaredError.evaluate(output, target, gradient) / T::of(output.len() as f64)
    }
}
