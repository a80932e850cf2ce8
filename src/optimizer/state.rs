//! State of an optimizer, and the updates that use it.

use core::ops::Range;

use super::{Optimizer, UpdateContext};
use crate::error::{Position, Result, check_length};
use crate::float::{Float, check_finite};
use crate::gemm::Buffer;
use crate::layout::Layout;
use crate::parallel::Threads;
use crate::simd;

/// State of an optimizer: its numbers, and the number of updates so far.
#[derive(Clone, Debug)]
pub struct State<T> {
    layout: Layout,
    updates: u64,
    pub(super) values: Buffer<T>,
}

impl<T: Float> PartialEq for State<T> {
    fn eq(&self, other: &Self) -> bool {
        self.layout == other.layout
            && self.updates == other.updates
            && *self.values == *other.values
    }
}

impl<T: Float> State<T> {
    /// Creates the state before the first update.
    ///
    /// # Errors
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if there is no memory for it.
    /// - The error of [`Optimizer::check_layout`] if the optimizer does not fit the layout.
    pub fn new(optimizer: &dyn Optimizer<T>, layout: &Layout) -> Result<Self> {
        optimizer.check_layout(layout)?;
        let mut values = Buffer::try_zeros("optimizer state", optimizer.state_len(layout))?;
        optimizer.init(layout, &mut values);
        Ok(Self {
            layout: layout.clone(),
            updates: 0,
            values,
        })
    }

    /// Restores a saved state.
    #[cfg(feature = "safetensors")]
    pub(crate) fn from_parts(layout: &Layout, updates: u64, values: &[T]) -> Self {
        let mut buffer = Buffer::zeros(values.len());
        buffer.copy_from_slice(values);
        Self {
            layout: layout.clone(),
            updates,
            values: buffer,
        }
    }

    /// Returns the numbers in the order that the optimizer defines.
    #[cfg(feature = "safetensors")]
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// Returns the layout of the parameters.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Checks that the state has the length that this optimizer needs.
    pub(crate) fn check(&self, optimizer: &dyn Optimizer<T>) -> Result<()> {
        let expected = optimizer.state_len(&self.layout);
        check_length("optimizer state", &self.values, expected)
    }

    /// Checks that all numbers outside the scratch space are finite. An error names the parameter
    /// that the number belongs to, by its index.
    pub(crate) fn check_finite(&self, optimizer: &dyn Optimizer<T>) -> Result<()> {
        let scratch = optimizer.scratch_len(&self.layout);
        let values = self.values.get(scratch..).unwrap_or_default();
        let owner = |index| {
            if optimizer.elementwise() {
                return self.parameter_of(index);
            }
            optimizer.parameter_of(&self.layout, index)
        };
        check_finite("optimizer's memory", values)
            .map_err(|error| error.at(|index| Position::Index(owner(index))))
    }

    /// Returns the parameter that a number in an element-wise optimizer's state belongs to.
    fn parameter_of(&self, index: usize) -> usize {
        let params = self.layout.len();
        let slots = (self.values.len() / params).max(1);
        let start = index / (slots * BLOCK) * BLOCK;
        let len = BLOCK.min(params - start);
        start + (index - slots * start) % len
    }

    /// Returns the number of updates so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// Updates all parameters.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if parameters, gradient or this state do not fit the
    /// layout.
    pub fn update(
        &mut self,
        optimizer: &dyn Optimizer<T>,
        learning_rate: f64,
        params: &mut [T],
        gradient: &[T],
    ) -> Result<()> {
        let rates = (learning_rate, 1.0);
        self.update_parallel(&Threads::one(), optimizer, rates, params, gradient)
    }

    /// Updates all parameters, in parallel if the optimizer is element-wise. The rates are the
    /// learning rate and the factor of the weight decay.
    pub(crate) fn update_parallel(
        &mut self,
        threads: &Threads,
        optimizer: &dyn Optimizer<T>,
        (learning_rate, decay_factor): (f64, f64),
        params: &mut [T],
        gradient: &[T],
    ) -> Result<()> {
        simd::check()?;
        let layout = &self.layout;
        check_length("parameters", params, layout.len())?;
        check_length("gradient", gradient, layout.len())?;
        self.check(optimizer)?;
        self.updates = self.updates.saturating_add(1);
        let context = UpdateContext {
            threads: Some(threads),
            decay_factor,
            ..UpdateContext::new(self.updates, learning_rate, layout)
        };
        if optimizer.elementwise() && self.values.len().is_multiple_of(layout.len().max(1)) {
            let all = Block {
                range: context.range.clone(),
                params,
                gradient,
                state: &mut self.values,
            };
            threads.divide(all, &Block::split, &|block: Block<'_, T>| {
                let context = UpdateContext {
                    range: block.range,
                    ..context.clone()
                };
                optimizer.step(&context, block.params, block.gradient, block.state);
            });
        } else {
            optimizer.step(&context, params, gradient, &mut self.values);
        }
        Ok(())
    }
}

/// Number of parameters that one call of an element-wise optimizer updates. The state is divided in
/// the same way, with all slots of a block together, for any number of threads.
const BLOCK: usize = 1 << 13;

/// Consecutive parameters with their gradient and state.
struct Block<'a, T> {
    range: Range<usize>,
    params: &'a mut [T],
    gradient: &'a [T],
    state: &'a mut [T],
}

impl<T> Block<'_, T> {
    /// Splits into two halves of whole blocks, unless there is only one block.
    fn split(self) -> (Self, Option<Self>) {
        if self.params.len() <= BLOCK {
            return (self, None);
        }
        let middle = (self.params.len() / 2).next_multiple_of(BLOCK);
        let slots = self.state.len() / self.params.len();
        let (left_params, right_params) = self.params.split_at_mut(middle);
        let (left_gradient, right_gradient) = self.gradient.split_at(middle);
        let (left_state, right_state) = self.state.split_at_mut(slots * middle);
        let left = Block {
            range: self.range.start..self.range.start + middle,
            params: left_params,
            gradient: left_gradient,
            state: left_state,
        };
        let right = Block {
            range: self.range.start + middle..self.range.end,
            params: right_params,
            gradient: right_gradient,
            state: right_state,
        };
        (left, Some(right))
    }
}
