//! RMSprop: gradient descent divided by a running root mean square.

use super::elementwise::{ElementwiseUpdate, MovingAverage, apply};
use super::{Optimizer, UpdateContext};
use crate::error::{Result, check_range};
use crate::float::{Float, check_fraction, check_positive, instantiate};
use crate::layout::Layout;

/// RMSprop: the gradient divided by the root of a running mean of its square.
///
/// With the gradient g, the learning rate η and the momentum μ:
///
/// ```text
/// v ← ρ·v + (1 - ρ)·g²
/// p ← p - η·g / (√v + ε)
/// ```
///
/// - The centered variant (Graves, 2013, [arXiv:1308.0850](https://arxiv.org/abs/1308.0850))
///   divides by the running standard deviation: a ← ρ·a + (1 - ρ)·g, and √(v - a²) replaces √v.
/// - With momentum, b ← μ·b + g / (√v + ε), and p ← p - η·b.
///
/// RMSprop is due to Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012. The form and the defaults
/// are PyTorch's, which calls ρ `alpha`.
///
/// - Epsilon is added outside the root. Keras and TensorFlow add their epsilon, 1e-7, under the
///   root. An `epsilon` of 3e-4, its root, comes closest to that. Steps are then shorter by a
///   factor of at most √2.
/// - b is a sum of directions, so a change of the learning rate affects all of it. In Keras and
///   TensorFlow, b ← μ·b + η·g / ..., so a change affects only new terms. The two forms agree while
///   the rate is constant.
/// - PyTorch's `weight_decay` is an L2 penalty, which this crate computes with the gradient.
///   [`GradientWorkspace`](crate::GradientWorkspace) compares the conventions.
///
/// State: v alone, or v, a and b with centering or momentum.
///
/// Denormals are flushed to zero. The threshold of |g|, |a| and |b| is 7e-18 (1e-152 for f64), that
/// of v is 8e-37 (1e-306 for f64).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RmsProp {
    /// Learning rate before any schedule. Range: above 0. Default: 1e-2.
    pub learning_rate: f64,
    /// Decay of the running means. Range: [0, 1). Default: 0.99.
    pub rho: f64,
    /// Term that prevents 0/0. Range: above 0. Default: 1e-8.
    pub epsilon: f64,
    /// Fraction of b that an update keeps. Range: [0, 1]. Default: 0.
    pub momentum: f64,
    /// `true` to subtract the mean. Default: `false`.
    pub centered: bool,
}

impl RmsProp {
    /// Creates RMSprop with PyTorch's defaults.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            rho: 0.99,
            epsilon: 1e-8,
            momentum: 0.0,
            centered: false,
        }
    }

    fn is_plain(&self) -> bool {
        self.momentum == 0.0 && !self.centered
    }
}

impl Default for RmsProp {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl<T: Float> Optimizer<T> for RmsProp {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        if self.is_plain() {
            layout.len()
        } else {
            3 * layout.len()
        }
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("RMSprop's learning rate", self.learning_rate)?;
        check_fraction::<T>("RMSprop's rho", self.rho)?;
        check_positive::<T>("RMSprop's epsilon", self.epsilon)?;
        check_range("RMSprop's momentum", self.momentum, 0.0..=1.0, "0 to 1")
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
        rmsprop: &RmsProp, context: &UpdateContext<'_>,
        params: &mut [T], gradient: &[T], state: &mut [T],
    ) {
        let update = RmsPropUpdate {
            rate: T::from_f64(context.learning_rate),
            average: MovingAverage::new(rmsprop.rho),
            epsilon: T::from_f64(rmsprop.epsilon),
            // Multiplying the gradient by zero keeps its mean at zero.
            center: T::from_f64(f64::from(u8::from(rmsprop.centered))),
            momentum: T::from_f64(rmsprop.momentum),
        };
        if rmsprop.is_plain() {
            apply::<1, _>(update, params, gradient, state);
        } else {
            apply::<3, _>(update, params, gradient, state);
        }
    }
}

struct RmsPropUpdate<T> {
    rate: T,
    average: MovingAverage<T>,
    epsilon: T,
    center: T,
    momentum: T,
}

impl<T: Float> ElementwiseUpdate<T, 1> for RmsPropUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [v]: [T; 1]) -> (T, [T; 1]) {
        let g = self.average.flush.first_moment(g);
        let v = self.average.second_moment(v, g);
        (p - self.rate * (g / (v.sqrt() + self.epsilon)), [v])
    }
}

impl<T: Float> ElementwiseUpdate<T, 3> for RmsPropUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [v, a, b]: [T; 3]) -> (T, [T; 3]) {
        let g = self.average.flush.first_moment(g);
        let v = self.average.second_moment(v, g);
        let a = self.average.first_moment(a, self.center * g);
        // Rounding can bring the mean square below the squared mean.
        let variance = (v - a * a).max(T::zero());
        let b = self.momentum * b + g / (variance.sqrt() + self.epsilon);
        let b = self.average.flush.first_moment(b);
        (p - self.rate * b, [v, a, b])
    }
}
