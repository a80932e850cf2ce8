//! RMSprop: gradient descent over a running root mean square.

use super::elementwise::{ElementwiseUpdate, MovingAverage, apply};
use super::{Optimizer, UpdateContext};
use crate::error::{Result, check_range};
use crate::float::{Float, check_fraction, check_positive, instantiate};
use crate::layout::Layout;

/// RMSprop: the gradient divided by the root of a running mean of its square.
///
/// v <- rho v + (1 - rho) g^2, and p <- p - rate g / (sqrt(v) + epsilon).
///
/// - Centered (Graves 2013), it divides by the deviation from a running mean:
///   a <- rho a + (1 - rho) g, and sqrt(v - a^2) in the place of sqrt(v).
/// - With momentum: b <- momentum b + g / (sqrt(v) + epsilon), and p <- p - rate b.
///
/// Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012. The form and the defaults are
/// PyTorch's, where rho is called alpha.
///
/// - Epsilon is outside the root. Keras and TensorFlow add theirs, 1e-7, under it; its root,
///   3e-4, is nearest to that here, with steps shorter by a factor of at most sqrt(2).
/// - b is a sum of directions, so that a schedule's change is felt by all of it at once. In
///   Keras and TensorFlow, b <- momentum b + rate g / ..., only what is new feels it; for a
///   constant rate there is no difference.
/// - PyTorch's `weight_decay` is an L2 penalty, which belongs to the gradient:
///   [`GradientWorkspace`](crate::GradientWorkspace) says how they compare.
///
/// State: v; with centering or momentum v, a and b. Denormals are flushed: where
/// |a| or |b| falls below 7e-18 (f64: 1e-152) or v below 8e-37 (1e-306) it becomes zero,
/// and smaller gradients count as zero.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RmsProp {
    /// Learning rate before any schedule. Range: above 0. Default: 1e-2.
    pub learning_rate: f64,
    /// Decay of the running means. Range: [0, 1). Default: 0.99.
    pub rho: f64,
    /// Keeps the division from 0/0. Range: above 0. Default: 1e-8.
    pub epsilon: f64,
    /// Part of b that an update keeps. Range: [0, 1]. Default: 0.
    pub momentum: f64,
    /// Whether the mean is subtracted. Default: `false`.
    pub centered: bool,
}

impl RmsProp {
    /// RMSprop as in PyTorch.
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
            // The mean of a gradient that is multiplied by zero stays zero.
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
        // The mean square is at least the squared mean, but after rounding may be below it.
        let variance = (v - a * a).max(T::zero());
        let b = self.momentum * b + g / (variance.sqrt() + self.epsilon);
        let b = self.average.flush.first_moment(b);
        (p - self.rate * b, [v, a, b])
    }
}
