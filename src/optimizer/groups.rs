//! Learning rates and weight decays that differ between groups of parameters.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::group::{Group, Segment};
use super::{Optimizer, UpdateContext};
use crate::error::{Error, Result};
use crate::float::{Float, check_not_negative};
use crate::layout::Layout;
use crate::math;

/// Factors of a segment.
struct Factors {
    rate: f64,
    decay: f64,
    /// Factor of the gradient and, once more, of the step.
    gradient: f64,
}

/// Settings of [`ParamGroups`] beside the optimizer.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Groups {
    ntk: bool,
    rates: Vec<(Group, f64)>,
    decays: Vec<(Group, f64)>,
}

/// Parameters that are updated from copies at a time.
const PARAMS: usize = 1024;

/// Numbers of state that are copied at a time.
const STATE: usize = 4096;

impl Groups {
    /// Returns the factors of the rate and the decay of a segment.
    fn factors(&self, segment: &Segment, layout: &Layout) -> (f64, f64) {
        let product = |factors: &[(Group, f64)]| {
            let these = factors
                .iter()
                .filter(|(group, _)| group.contains(segment, layout));
            these.map(|(_, factor)| factor).product()
        };
        (product(&self.rates), product(&self.decays))
    }

    /// Returns the next segment from `start`, and its factors.
    fn next(&self, layout: &Layout, start: usize) -> (Range<usize>, Factors) {
        let mut segment = Segment::at(layout, start);
        if segment.layer.is_none() {
            let origin = layout.encoding().start;
            let cuts = self.rates.iter().chain(&self.decays);
            let cuts = cuts.filter_map(|(group, _)| match group {
                Group::EncodingRange(range) => Some([range.start, range.end]),
                _ => None,
            });
            let cuts = cuts.flatten().map(|cut| origin.saturating_add(cut));
            let end = cuts.filter(|&cut| cut > start).min();
            segment.range.end = end.unwrap_or(usize::MAX).min(segment.range.end);
        }
        let (rate, decay) = self.factors(&segment, layout);
        let fan_in = segment.fan_in.filter(|_| self.ntk).unwrap_or(1);
        let root = math::sqrt(fan_in as f64);
        let factors = Factors {
            rate: rate / root,
            decay: decay * root,
            gradient: 1.0 / root,
        };
        (segment.range, factors)
    }

    /// Makes an element-wise optimizer's update, segment by segment.
    pub(super) fn step<T: Float>(
        &self,
        optimizer: &dyn Optimizer<T>,
        context: &UpdateContext<'_>,
        params: &mut [T],
        gradient: &[T],
        state: &mut [T],
    ) {
        let all = context.range.clone();
        let len = params.len();
        if len != all.len() || gradient.len() != len || !state.len().is_multiple_of(len.max(1)) {
            return; // `State::update` checks these lengths, but other callers may not
        }
        let mut start = all.start;
        while start < all.end {
            let (segment, factors) = self.next(context.layout, start);
            let segment = start..segment.end.min(all.end);
            let context = UpdateContext {
                learning_rate: context.learning_rate * factors.rate,
                decay_factor: context.decay_factor * factors.decay,
                range: segment.clone(),
                groups: None,
                ..context.clone()
            };
            start = segment.end;
            if segment == all && factors.gradient >= 1.0 {
                optimizer.step(&context, params, gradient, state);
                return;
            }
            let block = Block {
                start: all.start,
                params: &mut *params,
                gradient,
                state: &mut *state,
            };
            block.step(optimizer, &context, T::from_f64(factors.gradient));
        }
    }
}

/// Consecutive parameters with their gradient and state.
struct Block<'a, T> {
    start: usize,
    params: &'a mut [T],
    gradient: &'a [T],
    state: &'a mut [T],
}

impl<T: Float> Block<'_, T> {
    /// Updates the range of the context, which is a part of the block. All slots of the block lie
    /// one after another, so those of the part are copied together.
    fn step(self, optimizer: &dyn Optimizer<T>, context: &UpdateContext<'_>, scale: T) {
        let len = self.params.len();
        let slots = self.state.len() / len;
        let piece = PARAMS.min(STATE / slots.max(1)).max(1);
        let (mut gradient, mut state) = ([T::zero(); PARAMS], [T::zero(); STATE]);
        for start in context.range.clone().step_by(piece) {
            let range = start..(start + piece).min(context.range.end);
            let at = range.start - self.start..range.end - self.start;
            let gradient = &mut gradient[..at.len()];
            for (to, &from) in gradient.iter_mut().zip(&self.gradient[at.clone()]) {
                *to = scale * from;
            }
            let Some(state) = state.get_mut(..slots * at.len()) else {
                return; // `check_layout` refuses such optimizers
            };
            let slot = |slot: usize| slot * len + at.start..slot * len + at.end;
            for (index, to) in state.chunks_exact_mut(at.len()).enumerate() {
                to.copy_from_slice(&self.state[slot(index)]);
            }
            let context = UpdateContext {
                range,
                ..context.clone()
            };
            optimizer.step(&context, &mut self.params[at.clone()], gradient, state);
            for (index, from) in state.chunks_exact(at.len()).enumerate() {
                self.state[slot(index)].copy_from_slice(from);
            }
        }
    }
}

impl UpdateContext<'_> {
    /// Returns the factors of the learning rate and of the weight decay that a [`ParamGroups`] sets
    /// for a parameter, apart from [`ParamGroups::ntk`].
    ///
    /// Element-wise optimizers need not call it, because `ParamGroups` calls them group by group.
    pub fn group_factors(&self, parameter: usize) -> (f64, f64) {
        let segment = Segment::at(self.layout, parameter);
        let factors = |groups: &Groups| groups.factors(&segment, self.layout);
        self.groups.map_or((1.0, 1.0), factors)
    }
}

/// An optimizer whose learning rate and weight decay differ between groups of parameters, such as
/// weights, biases and numbers α of [`Parametric`](crate::activation::Parametric) activations.
///
/// By default all factors are 1, and results are bit-identical to those of the optimizer alone. The
/// factors of all groups that contain a parameter are multiplied. A rate factor of 0 freezes a
/// group.
///
/// The optimizer must be [element-wise](Optimizer::elementwise), or [`Muon`](super::Muon). With
/// `Muon`, [`ntk`](Self::ntk) acts only on the parameters that its Adam updates. Factors act on
/// these and on the hidden matrices, by whole matrices.
///
/// These are PyTorch's parameter groups. In all that they set, they equal the `lr` and the
/// `weight_decay` of each group.
///
/// ```
/// use feedforward::{Mlp, Trainer, activation::{Identity, Selu}, init::LeCunNormal};
/// use feedforward::{loss::SquaredError, optimizer::{Adam, Group, ParamGroups}};
///
/// // RealMLP's learning rates.
/// let adam = Adam { beta2: 0.95, ..Adam::new(0.04) };
/// let groups = ParamGroups::new(adam).ntk().rate(Group::Biases, 0.1).rate(Group::Encoding, 6.0);
/// let trainer = Trainer::new(SquaredError, groups).epochs(20);
///
/// let mut net = Mlp::<f64>::builder(1).hidden(16, Selu).output(1, Identity)
///     .initializer(LeCunNormal).build()?;
/// trainer.fit(&mut net, &[0.0, 0.5, 1.0], &[0.0, 0.25, 1.0])?;
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "param_groups")]
#[doc(alias = "layer-wise learning rates")]
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[must_use = "its methods return the changed optimizer"]
pub struct ParamGroups<O> {
    optimizer: O,
    groups: Groups,
}

/// Lists all settings on one level, as checkpoints compare them.
impl<O: fmt::Debug> fmt::Debug for ParamGroups<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParamGroups")
            .field("optimizer", &self.optimizer)
            .field("ntk", &self.groups.ntk)
            .field("rates", &self.groups.rates)
            .field("decays", &self.groups.decays)
            .finish()
    }
}

impl<O> ParamGroups<O> {
    /// Wraps an optimizer, with all factors 1.
    pub fn new(optimizer: O) -> Self {
        Self {
            optimizer,
            groups: Groups::default(),
        }
    }

    /// Multiplies the learning rate of a group by a factor. Range: at least 0.
    pub fn rate(mut self, group: Group, factor: f64) -> Self {
        self.groups.rates.push((group, factor));
        self
    }

    /// Multiplies the weight decay of a group by a factor. Range: at least 0.
    ///
    /// The optimizer must have a decay, as [`AdamW`](super::AdamW) does. An update removes the
    /// fraction η·λ of a parameter, of which η includes the rate factor and λ this one.
    pub fn decay(mut self, group: Group, factor: f64) -> Self {
        self.groups.decays.push((group, factor));
        self
    }

    /// Trains the weights as in the neural tangent parametrization (Jacot, Gabriel and Hongler,
    /// 2018, [arXiv:1806.07572](https://arxiv.org/abs/1806.07572)).
    ///
    /// There a layer with n inputs computes z = U·x / √n + b with weights U. This crate's layers
    /// have W = U / √n. So the optimizer gets U's gradient, which is that of W divided by √n, and
    /// its step is divided by √n:
    ///
    /// ```text
    /// ∂L/∂U = ∂L/∂W / √n
    /// ΔW = ΔU / √n
    /// ```
    ///
    /// The result is exact for every element-wise optimizer, including its ε and its weight decay.
    /// For Adam it means a learning rate of η / √n and an ε of ε·√n. The initial weights should
    /// have the variance 1 / n ([`LeCunNormal`](crate::init::LeCunNormal)).
    #[doc(alias = "neural_tangent_kernel")]
    pub fn ntk(mut self) -> Self {
        self.groups.ntk = true;
        self
    }
}

impl<T: Float, O: Optimizer<T>> Optimizer<T> for ParamGroups<O> {
    fn learning_rate(&self) -> f64 {
        self.optimizer.learning_rate()
    }

    fn state_len(&self, layout: &Layout) -> usize {
        self.optimizer.state_len(layout)
    }

    fn scratch_len(&self, layout: &Layout) -> usize {
        self.optimizer.scratch_len(layout)
    }

    fn parameter_of(&self, layout: &Layout, index: usize) -> usize {
        self.optimizer.parameter_of(layout, index)
    }

    fn init(&self, layout: &Layout, state: &mut [T]) {
        self.optimizer.init(layout, state);
    }

    fn elementwise(&self) -> bool {
        self.optimizer.elementwise()
    }

    fn has_decay(&self) -> bool {
        self.optimizer.has_decay()
    }

    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        if self.optimizer.elementwise() {
            let groups = &self.groups;
            groups.step(&self.optimizer, context, params, gradient, state);
            return;
        }
        let context = UpdateContext {
            groups: Some(&self.groups),
            ..context.clone()
        };
        self.optimizer.step(&context, params, gradient, state);
    }

    fn check(&self) -> Result<()> {
        self.optimizer.check()?;
        if !self.optimizer.elementwise() && !self.optimizer.takes_groups() {
            return Err(Error::incompatible(
                "optimizer of parameter groups",
                "an element-wise one, or Muon",
                format!("{:?}", self.optimizer),
            ));
        }
        if !self.groups.decays.is_empty() && !self.optimizer.has_decay() {
            return Err(Error::incompatible(
                "decay factors of parameter groups",
                "an optimizer with weight decay",
                format!("{:?}", self.optimizer),
            ));
        }
        for (_, factor) in &self.groups.rates {
            check_not_negative::<T>("rate factor of a parameter group", *factor)?;
        }
        for (_, factor) in &self.groups.decays {
            check_not_negative::<T>("decay factor of a parameter group", *factor)?;
        }
        Ok(())
    }

    fn check_layout(&self, layout: &Layout) -> Result<()> {
        self.optimizer.check_layout(layout)?;
        let groups = self.groups.rates.iter().chain(&self.groups.decays);
        groups
            .map(|(group, _)| group)
            .try_for_each(|group| group.check(layout))?;
        let slots = self.optimizer.state_len(layout) / layout.len().max(1);
        if self.optimizer.elementwise() && slots > STATE {
            let what = "optimizer's numbers of state per parameter";
            return Err(Error::too_large(what, format!("at most {STATE}"), slots));
        }
        Ok(())
    }
}
