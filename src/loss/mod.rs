//! Losses: how far an output is from its target.

use std::fmt::Debug;

use crate::error::Result;
use crate::float::Float;

mod regression;

pub use regression::{ScikitSquaredError, SquaredError};

/// One sample's loss and its gradient; a minibatch's loss is the mean over its samples.
pub trait Loss<T: Float>: Debug + Send + Sync {
    /// Returns the loss of one sample and writes its derivative with respect to each
    /// output into `gradient`. The three slices have the same length.
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T;

    /// Checks that a sample's target is one that this loss is defined for (finite it is
    /// already), so that training refuses it instead of learning NaN.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) by those losses that have a domain.
    fn check_target(&self, _target: &[T]) -> Result<()> {
        Ok(())
    }

    /// Checks the loss's own settings, once before a training.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}
