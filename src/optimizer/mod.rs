//! Optimizers: from a gradient to the next parameters.

#![cfg(target_has_atomic = "ptr")]

use alloc::sync::Arc;
use core::fmt::Debug;
use core::ops::Range;

use crate::error::{Error, Position, Result, check_length};
use crate::float::{Float, check_finite};
use crate::gemm::Buffer;
use crate::layout::Layout;
use crate::parallel::Threads;
use crate::simd;

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod muon;
mod nadam;
mod rmsprop;
mod rprop;
mod rule;
mod sgd;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW, EpsilonForm};
pub use adamax::Adamax;
pub use muon::Muon;
pub use nadam::Nadam;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use sgd::Sgd;

/// A rule that updates parameters from their gradient.
///
/// Pure over flat slices: whoever trains owns the state, so that an optimizer cannot get
/// allocation, reset or saving wrong. `step` must not allocate.
///
/// Your own takes a dozen lines. This is Lion (Chen et al., "Symbolic discovery of
/// optimization algorithms", 2023), which steps by the sign of a momentum:
///
/// ```
/// use feedforward::optimizer::{Optimizer, State, UpdateContext};
/// use feedforward::{Float, Layout};
///
/// #[derive(Debug)]
/// struct Lion {
///     learning_rate: f64,
/// }
///
/// impl<T: Float> Optimizer<T> for Lion {
///     fn learning_rate(&self) -> f64 {
///         self.learning_rate
///     }
///     fn state_len(&self, layout: &Layout) -> usize {
///         layout.len()
///     }
///     fn step(&self, step: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
///         let rate = T::from_f64(step.learning_rate);
///         let mix = |x: f64, m: T, g: T| T::from_f64(x) * m + T::from_f64(1.0 - x) * g;
///         for ((p, &g), m) in params.iter_mut().zip(gradient).zip(state) {
///             *p -= rate * mix(0.9, *m, g).signum();
///             *m = mix(0.99, *m, g);
///         }
///     }
/// }
///
/// // The least of |p - 3|^2 / 2, where the gradient is p - 3.
/// let layout = Layout::new(&[1, 1])?;
/// let lion = Lion { learning_rate: 1e-3 };
/// let mut state = State::new(&lion, &layout)?;
/// let mut params = [0.0_f64, 5.0];
/// for _ in 0..5000 {
///     let gradient = params.map(|p| p - 3.0);
///     state.update(&lion, lion.learning_rate, &mut params, &gradient)?;
/// }
/// assert!(params.iter().all(|p| (p - 3.0).abs() < 0.1), "{params:?}");
/// # Ok::<(), feedforward::Error>(())
/// ```
pub trait Optimizer<T: Float>: Debug + Send + Sync {
    /// The learning rate before any schedule.
    fn learning_rate(&self) -> f64;

    /// How many numbers of state it keeps: none for plain SGD, `layout.len()` for a
    /// momentum, twice that for Adam. A multiple of it where [`elementwise`](Self::elementwise).
    fn state_len(&self, layout: &Layout) -> usize;

    /// Returns how many numbers at the beginning of the state are room to calculate in. They mean
    /// nothing between two updates, and checkpoints leave them out. Default: 0.
    fn scratch_len(&self, _layout: &Layout) -> usize {
        0
    }

    /// Sets the state at the beginning: zeros, unless the rule asks for something else.
    fn init(&self, _layout: &Layout, state: &mut [T]) {
        state.fill(T::zero());
    }

    /// One update of the parameters in `step.range`. `params` and `gradient` are that
    /// range; `state` is the state that belongs to it, all of it if the range is everything.
    ///
    /// An element-wise rule with k numbers of state for each parameter gets k times
    /// `params.len()` numbers: the first number of each parameter, then the second of each,
    /// and so on. It knows its place in the buffer from `step.range` alone.
    fn step(&self, step: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]);

    /// Whether each parameter's update depends on that parameter alone. Then the buffer may
    /// be updated in ranges, each with its own state, by several threads.
    fn elementwise(&self) -> bool {
        false
    }

    /// Checks the hyper-parameters, once before a training.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A shared optimizer is one too.
impl<T: Float, Shared: Optimizer<T> + ?Sized> Optimizer<T> for Arc<Shared> {
    fn learning_rate(&self) -> f64 {
        (**self).learning_rate()
    }
    fn state_len(&self, layout: &Layout) -> usize {
        (**self).state_len(layout)
    }
    fn scratch_len(&self, layout: &Layout) -> usize {
        (**self).scratch_len(layout)
    }
    fn init(&self, layout: &Layout, state: &mut [T]) {
        (**self).init(layout, state);
    }
    fn step(&self, step: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        (**self).step(step, params, gradient, state);
    }
    fn elementwise(&self) -> bool {
        (**self).elementwise()
    }
    fn check(&self) -> Result<()> {
        (**self).check()
    }
}

/// What an update knows beside parameters, gradient and state.
#[derive(Clone, Debug)]
pub struct UpdateContext<'a> {
    /// The number of this update, counted from 1.
    pub number: u64,
    /// The learning rate now, after any schedule.
    pub learning_rate: f64,
    /// Which parameters are weights, which biases.
    pub layout: &'a Layout,
    /// The part of the buffer that this call updates.
    pub range: Range<usize>,
    threads: Option<&'a Threads>,
}

impl<'a> UpdateContext<'a> {
    /// An update of everything, by one thread, for those who call [`Optimizer::step`] themselves.
    pub fn new(number: u64, learning_rate: f64, layout: &'a Layout) -> Self {
        Self {
            number,
            learning_rate,
            layout,
            range: 0..layout.len(),
            threads: None,
        }
    }

    /// Splits work among the threads of the training.
    pub(super) fn divide<W: Send>(
        &self,
        work: W,
        split: &(impl Fn(W) -> (W, Option<W>) + Sync),
        run: &(impl Fn(W) + Sync),
    ) {
        let threads = Threads::one();
        let threads = self.threads.unwrap_or(&threads);
        threads.divide(work, split, run);
    }

    /// Does both, at once where training has several threads: for a rule that is not
    /// [element-wise](Optimizer::elementwise), but whose parts are independent of each other.
    pub fn join(&self, left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
        if let Some(threads) = self.threads {
            threads.join(left, right);
        } else {
            left();
            right();
        }
    }
}

/// An optimizer's memory: its state and the number of updates so far.
#[derive(Clone, Debug)]
pub struct State<T> {
    layout: Layout,
    updates: u64,
    values: Buffer<T>,
}

impl<T: Float> PartialEq for State<T> {
    fn eq(&self, other: &Self) -> bool {
        self.layout == other.layout
            && self.updates == other.updates
            && *self.values == *other.values
    }
}

impl<T: Float> State<T> {
    /// The state before the first update.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if there is no memory for it.
    pub fn new(optimizer: &dyn Optimizer<T>, layout: &Layout) -> Result<Self> {
        let mut values = Buffer::try_zeros("optimizer state", optimizer.state_len(layout))?;
        optimizer.init(layout, &mut values);
        Ok(Self {
            layout: layout.clone(),
            updates: 0,
            values,
        })
    }

    /// A state as it was saved.
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

    /// The rule's numbers, in the order of its own.
    #[cfg(feature = "safetensors")]
    pub(crate) fn values(&self) -> &[T] {
        &self.values
    }

    /// The plan of the parameters that it belongs to.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Checks that it is as long as the state of this optimizer.
    pub(crate) fn check(&self, optimizer: &dyn Optimizer<T>) -> Result<()> {
        let expected = optimizer.state_len(&self.layout);
        check_length("optimizer state", &self.values, expected)
    }

    /// Checks that the numbers that an optimizer remembers are finite. An error has the index of
    /// the parameter that one belongs to; of a rule that is not element-wise, of the first.
    pub(crate) fn check_finite(&self, optimizer: &dyn Optimizer<T>) -> Result<()> {
        let scratch = optimizer.scratch_len(&self.layout);
        let values = self.values.get(scratch..).unwrap_or_default();
        check_finite("optimizer's memory", values).map_err(|error| match error {
            Error::NotFinite {
                what,
                at: Position::Index(index),
                value,
            } => {
                let is_elementwise = optimizer.elementwise();
                let at = Position::Index(if is_elementwise { self.owner(index) } else { 0 });
                Error::NotFinite { what, at, value }
            }
            other => other,
        })
    }

    /// The parameter that a number of an element-wise rule's state belongs to.
    fn owner(&self, index: usize) -> usize {
        let params = self.layout.len();
        let slots = (self.values.len() / params).max(1);
        let start = index / (slots * BLOCK) * BLOCK;
        let len = BLOCK.min(params - start);
        start + (index - slots * start) % len
    }

    /// How many updates there were.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// One update of all parameters.
    ///
    /// # Errors
    /// [`Error::Length`] if parameters, gradient or this state do not fit the layout.
    pub fn update(
        &mut self,
        optimizer: &dyn Optimizer<T>,
        learning_rate: f64,
        params: &mut [T],
        gradient: &[T],
    ) -> Result<()> {
        self.update_parallel(&Threads::one(), optimizer, learning_rate, params, gradient)
    }

    /// The same, shared among threads if the optimizer is element-wise.
    pub(crate) fn update_parallel(
        &mut self,
        threads: &Threads,
        optimizer: &dyn Optimizer<T>,
        learning_rate: f64,
        params: &mut [T],
        gradient: &[T],
    ) -> Result<()> {
        simd::check()?;
        let layout = &self.layout;
        check_length("parameters", params, layout.len())?;
        check_length("gradient", gradient, layout.len())?;
        self.check(optimizer)?;
        self.updates = self.updates.saturating_add(1);
        let step = UpdateContext {
            threads: Some(threads),
            ..UpdateContext::new(self.updates, learning_rate, layout)
        };
        if optimizer.elementwise() && self.values.len().is_multiple_of(layout.len().max(1)) {
            let all = Block {
                range: step.range.clone(),
                params,
                gradient,
                state: &mut self.values,
            };
            threads.divide(all, &Block::split, &|block: Block<'_, T>| {
                let step = UpdateContext {
                    range: block.range,
                    ..step.clone()
                };
                optimizer.step(&step, block.params, block.gradient, block.state);
            });
        } else {
            optimizer.step(&step, params, gradient, &mut self.values);
        }
        Ok(())
    }
}

/// Parameters that one call of an element-wise optimizer updates. The state is cut in the same
/// way, each block's slots together, whatever the number of threads.
const BLOCK: usize = 1 << 13;

/// Parameters side by side, and what belongs to them.
struct Block<'a, T> {
    range: Range<usize>,
    params: &'a mut [T],
    gradient: &'a [T],
    state: &'a mut [T],
}

impl<T> Block<'_, T> {
    /// Two halves, each of whole blocks; not of one block.
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

#[cfg(test)]
mod tests;
