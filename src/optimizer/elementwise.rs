//! Vectorized pass of the element-wise optimizers, and the arithmetic that they share.

use crate::float::Float;
use crate::simd::{self, Op, Simd};

/// Update of one parameter, with `SLOTS` numbers of state.
///
/// A closure would not do: only a method that is always inlined is sure to be compiled with the
/// instructions of the pass.
pub(super) trait ElementwiseUpdate<T, const SLOTS: usize> {
    /// Returns the next parameter and its next state. Must be `#[inline(always)]`.
    fn next(&self, p: T, g: T, state: [T; SLOTS]) -> (T, [T; SLOTS]);
}

/// Updates every parameter. The state holds `params.len()` consecutive numbers for each slot.
pub(super) fn apply<const SLOTS: usize, T: Float>(
    update: impl ElementwiseUpdate<T, SLOTS>,
    params: &mut [T],
    gradient: &[T],
    state: &mut [T],
) {
    if let Some(slots) = split(state, params.len()) {
        simd::dispatch(Pass {
            update,
            params,
            gradient,
            slots,
        });
    }
}

/// Splits the first `SLOTS · n` numbers into slots. Returns `None` if there are fewer.
fn split<T, const SLOTS: usize>(mut state: &mut [T], n: usize) -> Option<[&mut [T]; SLOTS]> {
    let mut slots = [(); SLOTS].map(|()| Default::default());
    for slot in &mut slots {
        (*slot, state) = state.split_at_mut_checked(n)?;
    }
    Some(slots)
}

struct Pass<'a, T, U, const SLOTS: usize> {
    update: U,
    params: &'a mut [T],
    gradient: &'a [T],
    slots: [&'a mut [T]; SLOTS],
}

impl<T: Float, U: ElementwiseUpdate<T, SLOTS>, const SLOTS: usize> Op for Pass<'_, T, U, SLOTS> {
    type Output = ();

    // Indices, unlike iterators, show the compiler that every slice has `n` numbers. It then drops
    // the bounds checks and vectorizes for any number of slots.
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
            let (p, state) = self.update.next(self.params[i], gradient[i], state);
            self.params[i] = p;
            for k in 0..SLOTS {
                self.slots[k][i] = state[k];
            }
        }
    }
}

/// Exponential moving average of gradients or of their squares, with denormals flushed.
pub(super) struct MovingAverage<T> {
    decay: T,
    one_minus_decay: T,
    pub(super) flush: FlushDenormals<T>,
}

impl<T: Float> MovingAverage<T> {
    pub(super) fn new(decay: f64) -> Self {
        Self {
            decay: T::from_f64(decay),
            one_minus_decay: T::from_f64(1.0 - decay),
            flush: FlushDenormals::new(),
        }
    }

    /// Returns the next mean of gradients.
    #[inline(always)]
    pub(super) fn first_moment(&self, mean: T, g: T) -> T {
        let mean = self.decay * mean + self.one_minus_decay * g;
        self.flush.first_moment(mean)
    }

    /// Returns the next mean of squared gradients.
    #[inline(always)]
    pub(super) fn second_moment(&self, mean: T, g: T) -> T {
        let mean = self.decay * mean + self.one_minus_decay * (g * g);
        self.flush.second_moment(mean)
    }
}

/// Thresholds below which numbers become zero, so that they never become denormal.
///
/// A decaying average of zeros, such as the gradients of a dead ReLU neuron, never reaches zero. It
/// ends among the denormals, with which processors calculate much more slowly. The thresholds are
/// far below any usual epsilon.
#[derive(Clone, Copy)]
pub(super) struct FlushDenormals<T> {
    first_moment: T,
    second_moment: T,
}

impl<T: Float> FlushDenormals<T> {
    /// Creates the thresholds, which depend on the type:
    ///
    /// | | f32 | f64 |
    /// |---|---|---|
    /// | first moment | 2⁻⁵⁷ = 7e-18 | 2⁻⁵⁰⁵ = 1e-152 |
    /// | second moment | 2⁻¹²⁰ = 8e-37 | 2⁻¹⁰¹⁶ = 1e-306 |
    ///
    /// They are large enough that neither a square times 1 - β nor a product with β is denormal.
    pub(super) fn new() -> Self {
        let smallest = T::min_positive_value();
        let sixty_four = T::from_f64(64.0);
        Self {
            first_moment: smallest.sqrt() * sixty_four,
            second_moment: smallest * sixty_four,
        }
    }

    /// Flushes a gradient, or a mean or sum of gradients. Keeps NaN.
    #[inline(always)]
    pub(super) fn first_moment(self, x: T) -> T {
        if x.abs() < self.first_moment {
            T::zero()
        } else {
            x
        }
    }

    /// Flushes a mean of squared gradients. Keeps NaN.
    #[inline(always)]
    pub(super) fn second_moment(self, x: T) -> T {
        if x < self.second_moment { T::zero() } else { x }
    }
}
