//! Optimizers: from a gradient to the next parameters.

use std::fmt::Debug;
use std::ops::Range;

use crate::error::{Result, check_length};
use crate::float::Float;
use crate::layout::Layout;

mod adam;
mod rule;
mod sgd;

pub use adam::{Adam, AdamW, EpsilonForm};
pub use sgd::Sgd;

/// A rule that updates parameters from their gradient.
///
/// Pure over flat slices: whoever trains owns the state, so that an optimizer cannot get
/// allocation, reset or saving wrong.
pub trait Optimizer<T: Float>: Debug + Send + Sync {
    /// The learning rate before any schedule.
    fn learning_rate(&self) -> f64;

    /// How many numbers of state it keeps: none for plain SGD, `layout.len()` for a
    /// momentum, twice that for Adam. A multiple of it where [`elementwise`](Self::elementwise).
    fn state_len(&self, layout: &Layout) -> usize;

    /// Sets the state at the beginning: zeros, unless the rule asks for something else.
    fn init(&self, _layout: &Layout, state: &mut [T]) {
        state.fill(T::zero());
    }

    /// One update of the parameters in `step.range`. `params` and `gradient` are that
    /// range; `state` is the state that belongs to it, all of it if the range is everything.
    fn step(&self, step: &Step<'_>, params: &mut [T], gradient: &[T], state: &mut [T]);

    /// Whether each parameter's update depends on that parameter alone. Then the buffer may
    /// be updated in ranges, each with its own state, by several threads.
    fn elementwise(&self) -> bool {
        false
    }

    /// Checks the hyper-parameters, once before a training.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// What an update knows beside parameters, gradient and state.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// The number of this update, counted from 1.
    pub number: u64,
    /// The learning rate now, after any schedule.
    pub learning_rate: f64,
    /// Which parameters are weights, which biases.
    pub layout: &'a Layout,
    /// The part of the buffer that this call updates.
    pub range: Range<usize>,
}

/// An optimizer's memory: its state and the number of updates so far.
#[derive(Clone, Debug, PartialEq)]
pub struct State<T> {
    layout: Layout,
    updates: u64,
    values: Vec<T>,
}

impl<T: Float> State<T> {
    /// The state before the first update.
    pub fn new(optimizer: &dyn Optimizer<T>, layout: &Layout) -> Self {
        let mut values = vec![T::zero(); optimizer.state_len(layout)];
        optimizer.init(layout, &mut values);
        Self {
            layout: layout.clone(),
            updates: 0,
            values,
        }
    }

    /// How many updates there were.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// One update of all parameters.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) if parameters, gradient or this state do not fit the layout.
    pub fn update(
        &mut self,
        optimizer: &dyn Optimizer<T>,
        learning_rate: f64,
        params: &mut [T],
        gradient: &[T],
    ) -> Result<()> {
        let layout = &self.layout;
        check_length("parameters", params, layout.len())?;
        check_length("gradient", gradient, layout.len())?;
        check_length("optimizer state", &self.values, optimizer.state_len(layout))?;
        self.updates += 1;
        let step = Step {
            number: self.updates,
            learning_rate,
            layout,
            range: 0..layout.len(),
        };
        optimizer.step(&step, params, gradient, &mut self.values);
        Ok(())
    }
}
