//! Activations made of straight pieces.

use std::borrow::Cow;

use super::Activation;
use crate::float::Float;

/// f(x) = x, f'(x) = 1: for output layers of regressions and for logits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Identity;

impl<T: Float> Activation<T> for Identity {
    #[inline(always)]
    fn value(&self, x: T) -> T {
        x
    }
    #[inline(always)]
    fn derivative(&self, _: T, _: T) -> T {
        T::one()
    }
    fn name(&self) -> Cow<'static, str> {
        "identity".into()
    }
    fn needs_input(&self) -> bool {
        false
    }
}

/// Rectified linear unit: f(x) = max(0, x), f'(x) = 1 for x > 0, else 0 (Nair and Hinton, 2010).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relu;

impl<T: Float> Activation<T> for Relu {
    #[inline(always)]
    fn value(&self, x: T) -> T {
        if x < T::zero() { T::zero() } else { x }
    }
    #[inline(always)]
    fn derivative(&self, _: T, y: T) -> T {
        if y > T::zero() { T::one() } else { T::zero() }
    }
    fn name(&self) -> Cow<'static, str> {
        "relu".into()
    }
    fn gain(&self) -> f64 {
        std::f64::consts::SQRT_2
    }
    fn needs_input(&self) -> bool {
        false
    }
}
