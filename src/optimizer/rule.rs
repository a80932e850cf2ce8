//! What the built-in rules share: one vectorised pass over parameters, gradient and state.

use crate::float::Float;
use crate::simd::{self, Op, Simd};

/// The methods of [`Optimizer`](super::Optimizer) that all element-wise rules share: the rate is a
/// field, any range may be updated by itself, and `step` is this body, compiled with the crate.
macro_rules! elementwise {
    ($type:ty: |$rule:ident, $step:ident, $params:ident, $gradient:ident, $state:ident| $body:block) => {
        fn learning_rate(&self) -> f64 {
            self.learning_rate
        }

        fn elementwise(&self) -> bool {
            true
        }

        fn step(
            &self,
            step: &$crate::optimizer::UpdateContext<'_>,
            params: &mut [T],
            gradient: &[T],
            state: &mut [T],
        ) {
            $crate::float::instantiate! {
                fn update<T>(
                    $rule: &$type,
                    $step: &$crate::optimizer::UpdateContext<'_>,
                    $params: &mut [T],
                    $gradient: &[T],
                    $state: &mut [T],
                ) $body
            }
            update(self, step, params, gradient, state);
        }
    };
}
pub(super) use elementwise;

/// One parameter's update, with `SLOTS` numbers of state for each parameter.
pub(super) trait Rule<T, const SLOTS: usize> {
    /// The next parameter and the next state. Must be `#[inline(always)]`.
    fn update(&self, p: T, g: T, state: [T; SLOTS]) -> (T, [T; SLOTS]);
}

/// Applies a rule to every parameter. The state is one slice of `params.len()` numbers
/// for each slot, one after the other.
pub(super) fn apply<T: Float, R: Rule<T, SLOTS>, const SLOTS: usize>(
    rule: R,
    params: &mut [T],
    gradient: &[T],
    state: &mut [T],
) {
    if let Some(slots) = split(state, params.len()) {
        simd::dispatch(Pass {
            rule,
            params,
            gradient,
            slots,
        });
    }
}

/// The first `SLOTS` times `n` numbers, slot by slot.
fn split<T, const SLOTS: usize>(mut state: &mut [T], n: usize) -> Option<[&mut [T]; SLOTS]> {
    let mut slots = [(); SLOTS].map(|()| Default::default());
    for slot in &mut slots {
        (*slot, state) = state.split_at_mut_checked(n)?;
    }
    Some(slots)
}

struct Pass<'a, T, R, const SLOTS: usize> {
    rule: R,
    params: &'a mut [T],
    gradient: &'a [T],
    slots: [&'a mut [T]; SLOTS],
}

impl<T: Float, R: Rule<T, SLOTS>, const SLOTS: usize> Op for Pass<'_, T, R, SLOTS> {
    type Output = ();

    // Indices instead of iterators: the optimiser sees that every slice has `n` numbers,
    // drops the bounds checks and vectorises, whatever the number of slots.
    #[allow(clippy::needless_range_loop)]
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let n = self.params.len();
        let Some(gradient) = self.gradient.get(..n) else {
            return;
        };
        for k in 0..SLOTS {
            if self.slots[k].len() != n {
                return;
            }
        }
        for i in 0..n {
            let mut state = [T::zero(); SLOTS];
            for k in 0..SLOTS {
                state[k] = self.slots[k][i];
            }
            let (p, state) = self.rule.update(self.params[i], gradient[i], state);
            self.params[i] = p;
            for k in 0..SLOTS {
                self.slots[k][i] = state[k];
            }
        }
    }
}

/// The sizes below which state is set to zero.
///
/// A decaying average of something that stays zero, like the gradient of a dead ReLU unit,
/// never arrives there: it ends among the subnormal numbers, with which processors
/// calculate ten to a hundred times slower. What is flushed is far below any usual epsilon.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flush<T> {
    first: T,
    second: T,
}

impl<T: Float> Flush<T> {
    /// For f32 2^-57 = 7e-18 and 2^-120 = 8e-37, for f64 2^-505 = 1e-152 and
    /// 2^-1016 = 1e-306: large enough that neither a square times 1 - beta nor a product
    /// with beta is subnormal.
    pub(super) fn new() -> Self {
        let smallest = T::min_positive_value();
        let sixty_four = T::from_f64(64.0);
        Self {
            first: smallest.sqrt() * sixty_four,
            second: smallest * sixty_four,
        }
    }

    /// Flushes what has the size of a gradient. NaN stays.
    #[inline(always)]
    pub(super) fn first(self, x: T) -> T {
        if x.abs() < self.first { T::zero() } else { x }
    }

    /// Flushes what has the size of a gradient's square.
    #[inline(always)]
    pub(super) fn second(self, x: T) -> T {
        if x < self.second { T::zero() } else { x }
    }
}
