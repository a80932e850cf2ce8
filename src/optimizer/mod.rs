//! Optimizers, which turn a gradient into the next parameters.
//!
//! With the gradient g of a parameter p and the learning rate η:
//!
//! | optimizer | update | state per parameter |
//! |---|---|---|
//! | [`Sgd`] | p - η·g, or with momentum v ← μ·v - η·g and p + v | none, or v |
//! | [`RmsProp`] | p - η·g / (√v + ε), v the running mean of g² | v, or v, a mean and a momentum |
//! | [`Adagrad`] | p - η·g / (√s + ε), s the sum of g² | s |
//! | [`Adadelta`] | p - η·d, with d = g scaled by RMS(d) / RMS(g) | two running means |
//! | [`Adam`] | p - η·m / (√v + ε), m and v corrected means of g and g² | m, v; AMSGrad: max v |
//! | [`AdamW`] | p - η·λ·p, then as Adam | as Adam |
//! | [`Adamax`] | p - η·m / u, u a decaying maximum of \|g\| | m, u |
//! | [`Nadam`] | as Adam, with Nesterov's momentum | m, v |
//! | [`Rprop`] | p - sign(g)·d, d a step size for each p; full batches only | previous g, d |
//! | [`ParamGroups`] | another optimizer's, with rates and decays by group | the optimizer's |
//! | [`Muon`] | hidden W: W - η·O, O the orthogonalized momentum; others: Adam | m; others: Adam |
//!
//! [`State`] holds the state and makes updates. For schedules of the learning rate, see
//! [`schedule`](crate::schedule). An L2 penalty is computed with the gradient
//! ([`GradientWorkspace::l2`](crate::GradientWorkspace::l2)).

#![cfg(target_has_atomic = "ptr")]

use alloc::sync::Arc;
use core::fmt::Debug;
use core::ops::Range;

use crate::error::Result;
use crate::float::Float;
use crate::layout::Layout;
use crate::parallel::Threads;

mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod elementwise;
mod group;
mod groups;
mod muon;
mod nadam;
mod rmsprop;
mod rprop;
mod sgd;
mod state;

pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::{Adam, AdamW, EpsilonForm};
pub use adamax::Adamax;
pub use group::Group;
pub use groups::ParamGroups;
pub use muon::Muon;
pub use nadam::Nadam;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use sgd::Sgd;
pub use state::State;

/// Rule that updates parameters by their gradient.
///
/// An optimizer holds settings only. Its state is a slice that the caller owns ([`State`]), so an
/// optimizer cannot get allocation, reset or saving wrong. `step` must not allocate.
///
/// A custom optimizer takes a dozen lines. This is Lion, which steps by the sign of a momentum
/// (Chen et al., 2023, [arXiv:2302.06675](https://arxiv.org/abs/2302.06675)):
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
///     fn step(
///         &self,
///         context: &UpdateContext<'_>,
///         params: &mut [T],
///         gradient: &[T],
///         state: &mut [T],
///     ) {
///         let rate = T::from_f64(context.learning_rate);
///         let sign = |x: T| if x == T::zero() { x } else { x.signum() };
///         let mix = |x: f64, m: T, g: T| T::from_f64(x) * m + T::from_f64(1.0 - x) * g;
///         for ((p, &g), m) in params.iter_mut().zip(gradient).zip(state) {
///             *p -= rate * sign(mix(0.9, *m, g));
///             *m = mix(0.99, *m, g);
///         }
///     }
/// }
///
/// // Minimize |p - 3|² / 2, whose gradient is p - 3.
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
    /// Returns the learning rate before any schedule.
    fn learning_rate(&self) -> f64;

    /// Returns the length of the state: 0 for plain SGD, `layout.len()` with momentum, twice that
    /// for Adam. For an [element-wise](Self::elementwise) optimizer, it is a multiple of
    /// `layout.len()`.
    fn state_len(&self, layout: &Layout) -> usize;

    /// Returns the length of the scratch space at the beginning of the state. Its numbers mean
    /// nothing between two updates, and checkpoints leave them out. Default: 0.
    fn scratch_len(&self, _layout: &Layout) -> usize {
        0
    }

    /// Returns the parameter that a number of the state belongs to, so that an error can name its
    /// layer. `index` counts from the end of the scratch space. Never called for an element-wise
    /// optimizer. Default: 0.
    fn parameter_of(&self, _layout: &Layout, _index: usize) -> usize {
        0
    }

    /// Sets the state before the first update. Default: zeros.
    fn init(&self, _layout: &Layout, state: &mut [T]) {
        state.fill(T::zero());
    }

    /// Updates the parameters in `context.range`. `params`, `gradient` and `state` belong to that
    /// range. If the range covers all parameters, `state` is the whole state.
    ///
    /// If the optimizer is element-wise with k numbers of state per parameter, `state` has k times
    /// `params.len()` numbers. The first number of each parameter comes first, then the second of
    /// each, and so on. Only `context.range` says which part of the buffer this is.
    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]);

    /// Returns `true` if each parameter's update depends on that parameter alone. Several threads
    /// may then update the buffer in ranges, each with its own state. Default: `false`.
    fn elementwise(&self) -> bool {
        false
    }

    /// Returns `true` if the optimizer has a decoupled weight decay, which it multiplies by
    /// [`UpdateContext::decay_factor`]. Default: `false`.
    fn has_decay(&self) -> bool {
        false
    }

    /// Returns `true` if the optimizer is not element-wise, but applies
    /// [`UpdateContext::group_factors`] itself. Default: `false`.
    fn takes_groups(&self) -> bool {
        false
    }

    /// Checks the hyperparameters, once before a training run.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) if one is NaN or outside its range.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Checks that the settings fit a network, before its [`State`] is created. Default: they do.
    ///
    /// # Errors
    /// [`Error::OutOfBounds`](crate::Error::OutOfBounds) if a setting names a layer that does not
    /// exist.
    fn check_layout(&self, _layout: &Layout) -> Result<()> {
        Ok(())
    }
}

/// Forwards to the optimizer that the [`Arc`] holds.
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
    fn parameter_of(&self, layout: &Layout, index: usize) -> usize {
        (**self).parameter_of(layout, index)
    }
    fn init(&self, layout: &Layout, state: &mut [T]) {
        (**self).init(layout, state);
    }
    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        (**self).step(context, params, gradient, state);
    }
    fn elementwise(&self) -> bool {
        (**self).elementwise()
    }
    fn has_decay(&self) -> bool {
        (**self).has_decay()
    }
    fn takes_groups(&self) -> bool {
        (**self).takes_groups()
    }
    fn check(&self) -> Result<()> {
        (**self).check()
    }
    fn check_layout(&self, layout: &Layout) -> Result<()> {
        (**self).check_layout(layout)
    }
}

/// Number, learning rate and parameter range of an update.
#[derive(Clone, Debug)]
pub struct UpdateContext<'a> {
    /// Number of this update, counting from 1.
    pub update: u64,
    /// Learning rate of this update, after any schedule.
    pub learning_rate: f64,
    /// Factor of the optimizer's weight decay in this update. Usual: 1.
    pub decay_factor: f64,
    /// Positions of all parameters in the buffer.
    pub layout: &'a Layout,
    /// Part of the buffer that this call updates.
    pub range: Range<usize>,
    threads: Option<&'a Threads>,
    /// Factors for an optimizer that is not element-wise.
    groups: Option<&'a groups::Groups>,
}

impl<'a> UpdateContext<'a> {
    /// Creates the context for an update of all parameters by one thread, for direct calls of
    /// [`Optimizer::step`].
    pub fn new(update: u64, learning_rate: f64, layout: &'a Layout) -> Self {
        Self {
            update,
            learning_rate,
            decay_factor: 1.0,
            layout,
            range: 0..layout.len(),
            threads: None,
            groups: None,
        }
    }

    /// Divides work among the threads of the training run.
    fn divide<W: Send>(
        &self,
        work: W,
        split: &(impl Fn(W) -> (W, Option<W>) + Sync),
        run: &(impl Fn(W) + Sync),
    ) {
        let one = Threads::one();
        self.threads.unwrap_or(&one).divide(work, split, run);
    }

    /// Runs both functions, in parallel if the training run has several threads. Use it in an
    /// optimizer that is not [element-wise](Optimizer::elementwise) but has independent parts.
    pub fn join(&self, left: impl FnOnce() + Send, right: impl FnOnce() + Send) {
        let one = Threads::one();
        self.threads.unwrap_or(&one).join(left, right);
    }
}

#[cfg(test)]
mod groups_tests;
#[cfg(test)]
mod tests;
