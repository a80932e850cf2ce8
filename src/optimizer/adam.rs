//! Adam, and its variants with decoupled weight decay and without forgetting (AMSGrad).

use super::elementwise::{ElementwiseUpdate, MovingAverage, apply};
use super::{Optimizer, UpdateContext};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_not_negative, check_positive, instantiate};
use crate::layout::Layout;
use crate::math;

/// Where Adam adds its epsilon, on which libraries differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EpsilonForm {
    /// To the root of the bias-corrected second moment, as in the paper's algorithm 1,
    /// PyTorch and Optax: p <- p - rate m' / (sqrt(v') + epsilon).
    #[default]
    Corrected,
    /// To the root of the second moment itself, the "epsilon hat" at the end of the
    /// paper's section 2, as in scikit-learn and Keras:
    /// p <- p - rate sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + epsilon).
    /// In the first updates this epsilon weighs up to 1 / sqrt(1 - beta2) times more.
    Hat,
}

/// Adam: steps of about the learning rate, whatever the gradient's scale.
///
/// With the gradient g of update t = 1, 2, ...
///
/// - m <- beta1 m + (1 - beta1) g, and v <- beta2 v + (1 - beta2) g^2,
/// - m' = m / (1 - beta1^t), and v' = v / (1 - beta2^t), which undoes the zeros of the start,
/// - p <- p - rate m' / (sqrt(v') + epsilon).
///
/// Kingma and Ba, "Adam: a method for stochastic optimization", 2015. The defaults are the
/// paper's and PyTorch's; [`Adam::scikit_learn`] gives scikit-learn's form of epsilon, which
/// with an `epsilon` of 1e-7 is Keras' Adam.
///
/// With `amsgrad`, v' is made of the largest v so far, so that no rate of a parameter ever
/// rises (but for the correction of the start): Reddi, Kale and Kumar, "On the convergence
/// of Adam and beyond", 2018. The largest is taken before the correction, as in PyTorch and
/// Keras.
///
/// scikit-learn's `alpha` and the `weight_decay` of PyTorch's Adam are L2 penalties, which belong
/// to the gradient: [`GradientWorkspace`](crate::GradientWorkspace) says how they compare. Keras'
/// `weight_decay`, for any optimizer, is [`AdamW`]'s.
///
/// State: m, then v, with `amsgrad` then the largest v. Where |m| falls below 7e-18 (f64: 1e-152)
/// or v below 8e-37 (1e-306), it becomes zero, and smaller gradients count as zero: denormals are
/// flushed, since with them an update of dead units would be ten times slower.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adam {
    /// Learning rate before any schedule. Range: above 0. Default: 1e-3.
    pub learning_rate: f64,
    /// Decay of the first moment. Range: [0, 1). Default: 0.9.
    pub beta1: f64,
    /// Decay of the second moment. Range: [0, 1). Default: 0.999.
    pub beta2: f64,
    /// Keeps the division from 0/0. Range: above 0. Default: 1e-8.
    pub epsilon: f64,
    /// Where epsilon is added. Default: [`EpsilonForm::Corrected`].
    pub epsilon_form: EpsilonForm,
    /// Whether the largest v so far stands in for v. Default: `false`.
    pub amsgrad: bool,
}

impl Adam {
    /// Adam as in the paper and PyTorch.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            epsilon_form: EpsilonForm::Corrected,
            amsgrad: false,
        }
    }

    /// Adam as scikit-learn has it: the same but for [`EpsilonForm::Hat`].
    pub fn scikit_learn(learning_rate: f64) -> Self {
        Self {
            epsilon_form: EpsilonForm::Hat,
            ..Self::new(learning_rate)
        }
    }

    pub(super) fn slots(&self) -> usize {
        if self.amsgrad { 3 } else { 2 }
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl<T: Float> Optimizer<T> for Adam {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        self.slots() * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Adam's learning rate", self.learning_rate)?;
        check_fraction::<T>("Adam's beta1", self.beta1)?;
        check_fraction::<T>("Adam's beta2", self.beta2)?;
        check_positive::<T>("Adam's epsilon", self.epsilon)
    }

    fn elementwise(&self) -> bool {
        true
    }

    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        step(self, 0.0, context, params, gradient, state);
    }
}

/// Adam with weight decay that the moments do not see.
///
/// p <- p (1 - rate weight_decay), and then Adam's update. An L2 penalty, whose gradient
/// Adam would divide by sqrt(v), decays weights with large gradients less than others.
///
/// Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; the decay is
/// multiplied by the learning rate as in PyTorch and Keras, and not, as in the paper, by the
/// schedule alone: the paper's decay is `learning_rate` times this one. The default is
/// PyTorch's 0.01; Keras' is 0.004, with [`EpsilonForm::Hat`] and an `epsilon` of 1e-7. As
/// in both, biases decay too; set `decay_biases` to `false` to decay weights only. State and
/// flushing are [`Adam`]'s.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AdamW {
    /// Adam's settings.
    pub adam: Adam,
    /// Fraction of a parameter that an update with learning rate 1 would remove. Range: at least
    /// 0. Default: 0.01.
    pub weight_decay: f64,
    /// Whether biases decay as weights do. Default: `true`.
    pub decay_biases: bool,
}

impl AdamW {
    /// `AdamW` as in PyTorch.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            adam: Adam::new(learning_rate),
            weight_decay: 0.01,
            decay_biases: true,
        }
    }
}

impl Default for AdamW {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl<T: Float> Optimizer<T> for AdamW {
    fn learning_rate(&self) -> f64 {
        self.adam.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        Optimizer::<T>::state_len(&self.adam, layout)
    }

    fn check(&self) -> Result<()> {
        Optimizer::<T>::check(&self.adam)?;
        check_not_negative::<T>("AdamW's weight decay", self.weight_decay)
    }

    fn elementwise(&self) -> bool {
        true
    }

    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        let mut decay = context.learning_rate * self.weight_decay;
        if !self.decay_biases {
            decay_weights(decay, context, params);
            decay = 0.0;
        }
        step(&self.adam, decay, context, params, gradient, state);
    }
}

instantiate! {
    /// Takes the fraction `decay` from weights, not from biases.
    fn decay_weights<T>(decay: f64, context: &UpdateContext<'_>, params: &mut [T]) {
        let decay_factor = T::from_f64(1.0 - decay);
        for layer in context.layout.layers() {
            let start = layer.weights.start.max(context.range.start) - context.range.start;
            let end = layer.weights.end.saturating_sub(context.range.start).min(params.len());
            for p in params.get_mut(start..end).unwrap_or_default() {
                *p *= decay_factor;
            }
        }
    }
}

instantiate! {
    /// Takes the fraction `decay` from all parameters, and then makes Adam's update.
    fn step<T>(
        adam: &Adam, decay: f64, context: &UpdateContext<'_>,
        params: &mut [T], gradient: &[T], state: &mut [T],
    ) {
        let bias_correction1 = 1.0 - math::power(adam.beta1, context.update);
        let sqrt_bias_correction2 = math::sqrt(1.0 - math::power(adam.beta2, context.update));
        let epsilon = match adam.epsilon_form {
            EpsilonForm::Corrected => adam.epsilon * sqrt_bias_correction2,
            EpsilonForm::Hat => adam.epsilon,
        };
        let rate = context.learning_rate * sqrt_bias_correction2 / bias_correction1;
        let update = AdamUpdate {
            decay_factor: T::from_f64(1.0 - decay),
            first: MovingAverage::new(adam.beta1),
            second: MovingAverage::new(adam.beta2),
            rate: T::from_f64(rate),
            epsilon: T::from_f64(epsilon),
        };
        if adam.amsgrad {
            apply::<3, _>(update, params, gradient, state);
        } else {
            apply::<2, _>(update, params, gradient, state);
        }
    }
}

/// Adam's numbers for one update.
///
/// Both forms of epsilon are one formula, p - rate m / (sqrt(v) + epsilon), since
/// sqrt(v / c) + e = (sqrt(v) + e sqrt(c)) / sqrt(c).
struct AdamUpdate<T> {
    decay_factor: T,
    first: MovingAverage<T>,
    second: MovingAverage<T>,
    rate: T,
    epsilon: T,
}

impl<T: Float> AdamUpdate<T> {
    /// Returns the next moments.
    #[inline(always)]
    fn moments(&self, g: T, m: T, v: T) -> (T, T) {
        let g = self.first.flush.first_moment(g);
        (
            self.first.first_moment(m, g),
            self.second.second_moment(v, g),
        )
    }

    /// Returns the next parameter.
    #[inline(always)]
    fn descend(&self, p: T, m: T, v: T) -> T {
        self.decay_factor * p - self.rate * m / (v.sqrt() + self.epsilon)
    }
}

impl<T: Float> ElementwiseUpdate<T, 2> for AdamUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let (m, v) = self.moments(g, m, v);
        (self.descend(p, m, v), [m, v])
    }
}

/// AMSGrad.
impl<T: Float> ElementwiseUpdate<T, 3> for AdamUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [m, v, largest]: [T; 3]) -> (T, [T; 3]) {
        let (m, v) = self.moments(g, m, v);
        let largest = if v > largest { v } else { largest };
        (self.descend(p, m, largest), [m, v, largest])
    }
}
