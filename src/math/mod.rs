//! Branch-free elementary functions.

use crate::float::Float;

/// e^x.
#[inline(always)]
pub fn exp<T: Float>(x: T) -> T {
    x.exp()
}
