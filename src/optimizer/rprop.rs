//! Rprop: steps that depend only on the signs of the gradient.

use alloc::format;

use super::elementwise::{ElementwiseUpdate, FlushDenormals, apply};
use super::{Optimizer, UpdateContext};
use crate::error::{Error, Number, Result, check_range};
use crate::float::{Float, check_fraction, check_positive, instantiate};
use crate::layout::Layout;

/// Rprop: a step size for each parameter, which grows while the gradient keeps its sign and shrinks
/// when the sign turns. For full batches only.
///
/// Let h be the gradient of the previous update, at first 0. Let d be the step size, at first the
/// learning rate. Then with the gradient g:
///
/// ```text
/// d ← clamp(f·d, smallest_step, largest_step)
///     with f = eta_plus   if g·h > 0
///              eta_minus  if g·h < 0
///              1          otherwise
/// g ← 0 if g·h < 0
/// p ← p - sign(g)·d
/// h ← g
/// ```
///
/// After its gradient turns, a parameter thus rests for one update.
///
/// The gradient's magnitude has no effect, so badly scaled problems cost nothing extra.
/// Contradicting signs of minibatches, however, shrink every step to nothing. Pass the whole
/// training set as one batch ([`Trainer::batch_size`](crate::Trainer::batch_size)).
///
/// Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
/// algorithm", 1993, take back the last step after a turn. This crate implements the variant
/// iRprop- of Igel and Huesken, "Empirical evaluation of the improved Rprop learning algorithms",
/// 2003, as PyTorch's `Rprop` does. The defaults are PyTorch's too. As in PyTorch, the learning
/// rate is only the first step size, so a schedule has no effect after the first update.
///
/// State: h, then d, which is 0 before the first update. Gradients below 7e-18 (1e-152 for f64)
/// count as zero, so h is never denormal and no product g·h underflows.
///
/// ```
/// use feedforward::{Layout, optimizer::{Rprop, State}};
///
/// let layout = Layout::new(&[1, 1])?;
/// let rprop = Rprop::new(0.5);
/// let mut state = State::new(&rprop, &layout)?;
/// let mut params = [1.0_f64, 1.0];
/// state.update(&rprop, 0.5, &mut params, &[1e-3, -40.0])?;
/// assert_eq!(params, [0.5, 1.5]); // one step down, one up
/// state.update(&rprop, 0.5, &mut params, &[1e-3, 40.0])?;
/// assert!((params[0] + 0.1).abs() < 1e-15); // 1.2 times as far
/// assert_eq!(params[1], 1.5); // at rest, and half as far next time
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Rprop {
    /// First step size. Range: above 0. Default: 1e-2.
    pub learning_rate: f64,
    /// Factor of the step size when the sign turns. Range: (0, 1). Default: 0.5.
    pub eta_minus: f64,
    /// Factor of the step size while the sign stays. Range: above 1. Default: 1.2.
    pub eta_plus: f64,
    /// Smallest step size. Range: above 0. Default: 1e-6.
    pub smallest_step: f64,
    /// Largest step size. Range: at least `smallest_step`. Default: 50.
    pub largest_step: f64,
}

impl Rprop {
    /// Creates Rprop with PyTorch's defaults.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            eta_minus: 0.5,
            eta_plus: 1.2,
            smallest_step: 1e-6,
            largest_step: 50.0,
        }
    }
}

impl Default for Rprop {
    fn default() -> Self {
        Self::new(1e-2)
    }
}

impl<T: Float> Optimizer<T> for Rprop {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        2 * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Rprop's learning rate", self.learning_rate)?;
        check_positive::<T>("Rprop's eta minus", self.eta_minus)?;
        check_fraction::<T>("Rprop's eta minus", self.eta_minus)?;
        check_positive::<T>("Rprop's eta plus", self.eta_plus)?;
        if T::from_f64(self.eta_plus) <= T::one() {
            let expected = format!("above 1, also when rounded to {}", T::NAME);
            let got = Number(self.eta_plus);
            return Err(Error::invalid_setting("Rprop's eta plus", expected, got));
        }
        check_positive::<T>("Rprop's smallest step", self.smallest_step)?;
        let (what, range) = (
            "Rprop's largest step",
            self.smallest_step..=T::max_value().as_f64(),
        );
        let expected = "a finite number, at least the smallest step";
        check_range(what, self.largest_step, range, expected)
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
        rprop: &Rprop, context: &UpdateContext<'_>,
        params: &mut [T], gradient: &[T], state: &mut [T],
    ) {
        let update = RpropUpdate {
            initial_size: T::from_f64(context.learning_rate),
            eta_minus: T::from_f64(rprop.eta_minus),
            eta_plus: T::from_f64(rprop.eta_plus),
            smallest: T::from_f64(rprop.smallest_step),
            largest: T::from_f64(rprop.largest_step),
            flush: FlushDenormals::new(),
        };
        apply(update, params, gradient, state);
    }
}

struct RpropUpdate<T> {
    initial_size: T,
    eta_minus: T,
    eta_plus: T,
    smallest: T,
    largest: T,
    flush: FlushDenormals<T>,
}

impl<T: Float> ElementwiseUpdate<T, 2> for RpropUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [before, size]: [T; 2]) -> (T, [T; 2]) {
        let (zero, one) = (T::zero(), T::one());
        // NaN if the gradient is not finite: its sign alone would hide that.
        let visible = g * zero;
        let g = self.flush.first_moment(g);
        let turn = g * before;
        let size = if size == zero {
            self.initial_size
        } else {
            size
        };
        let factor = if turn > zero {
            self.eta_plus
        } else if turn < zero {
            self.eta_minus
        } else {
            one
        };
        let size = (size * factor).min(self.largest).max(self.smallest);
        let g = if turn < zero { zero } else { g };
        let step = if g > zero {
            size
        } else if g < zero {
            -size
        } else {
            zero
        };
        (p - (step + visible), [g, size])
    }
}
