//! Adam, and its variants with decoupled weight decay and without forgetting (AMSGrad).

use super::rule::{self, Flush, Rule, elementwise};
use super::{Optimizer, UpdateContext};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_not_negative, check_positive};
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
/// scikit-learn's `alpha` and the `weight_decay` of PyTorch's Adam are L2 penalties, which
/// belong to the gradient: [`GradientWorkspace`](crate::Gradient) says how they compare. Keras'
/// `weight_decay`, for any optimizer, is [`AdamW`]'s.
///
/// State: m, then v, with `amsgrad` then the largest v. Where |m| falls below 7e-18 (f64: 1e-152) or v below 8e-37 (1e-306),
/// it becomes zero, and smaller gradients count as zero: subnormal numbers are flushed,
/// since with them an update of dead units would be ten times slower.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adam {
    /// The learning rate before any schedule, above 0: 1e-3.
    pub learning_rate: f64,
    /// The decay of the first moment, in [0, 1): 0.9.
    pub beta1: f64,
    /// The decay of the second moment, in [0, 1): 0.999.
    pub beta2: f64,
    /// What keeps the division from 0/0, above 0: 1e-8.
    pub epsilon: f64,
    /// Where epsilon is added: [`EpsilonForm::Corrected`].
    pub epsilon_form: EpsilonForm,
    /// Whether the largest v so far stands in for v: `false`.
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
    fn state_len(&self, layout: &Layout) -> usize {
        self.slots() * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Adam's learning rate", self.learning_rate)?;
        check_fraction::<T>("Adam's beta1", self.beta1)?;
        check_fraction::<T>("Adam's beta2", self.beta2)?;
        check_positive::<T>("Adam's epsilon", self.epsilon)
    }

    elementwise! {
        Adam: |rule, step, params, gradient, state| {
            apply(rule, step, 0.0, params, gradient, state);
        }
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
    /// The learning rate before any schedule, above 0: 1e-3.
    pub learning_rate: f64,
    /// The decay of the first moment, in [0, 1): 0.9.
    pub beta1: f64,
    /// The decay of the second moment, in [0, 1): 0.999.
    pub beta2: f64,
    /// What keeps the division from 0/0, above 0: 1e-8.
    pub epsilon: f64,
    /// Where epsilon is added: [`EpsilonForm::Corrected`].
    pub epsilon_form: EpsilonForm,
    /// Whether the largest v so far stands in for v, as in [`Adam`]: `false`.
    pub amsgrad: bool,
    /// The fraction of a parameter that an update with learning rate 1 would remove: 0.01.
    pub weight_decay: f64,
    /// Whether biases decay as weights do: `true`.
    pub decay_biases: bool,
}

impl AdamW {
    /// `AdamW` as in PyTorch.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            epsilon_form: EpsilonForm::Corrected,
            amsgrad: false,
            weight_decay: 0.01,
            decay_biases: true,
        }
    }

    fn adam(&self) -> Adam {
        Adam {
            learning_rate: self.learning_rate,
            beta1: self.beta1,
            beta2: self.beta2,
            epsilon: self.epsilon,
            epsilon_form: self.epsilon_form,
            amsgrad: self.amsgrad,
        }
    }
}

impl Default for AdamW {
    fn default() -> Self {
        Self::new(1e-3)
    }
}

impl<T: Float> Optimizer<T> for AdamW {
    fn state_len(&self, layout: &Layout) -> usize {
        self.adam().slots() * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("AdamW's learning rate", self.learning_rate)?;
        check_fraction::<T>("AdamW's beta1", self.beta1)?;
        check_fraction::<T>("AdamW's beta2", self.beta2)?;
        check_positive::<T>("AdamW's epsilon", self.epsilon)?;
        check_not_negative::<T>("AdamW's weight decay", self.weight_decay)
    }

    elementwise! {
        AdamW: |rule, step, params, gradient, state| {
            let decay = step.learning_rate * rule.weight_decay;
            if rule.decay_biases {
                apply(&rule.adam(), step, decay, params, gradient, state);
            } else {
                let keep = T::from_f64(1.0 - decay);
                for layer in step.layout.layers() {
                    let from = layer.weights.start.max(step.range.start) - step.range.start;
                    let to = layer.weights.end.saturating_sub(step.range.start);
                    let to = to.min(params.len());
                    for p in params.get_mut(from..to).unwrap_or_default() {
                        *p *= keep;
                    }
                }
                apply(&rule.adam(), step, 0.0, params, gradient, state);
            }
        }
    }
}

/// Adam's update after the parameters lost the fraction `decay`.
fn apply<T: Float>(
    adam: &Adam,
    step: &UpdateContext<'_>,
    decay: f64,
    params: &mut [T],
    gradient: &[T],
    state: &mut [T],
) {
    let rule = AdamRule::new(adam, step, decay);
    if adam.amsgrad {
        rule::apply(AmsgradRule(rule), params, gradient, state);
    } else {
        rule::apply(rule, params, gradient, state);
    }
}

/// Adam's numbers for one update.
///
/// Both forms of epsilon are one rule, p - rate m / (sqrt(v) + epsilon), since
/// sqrt(v / c) + e = (sqrt(v) + e sqrt(c)) / sqrt(c).
struct AdamRule<T> {
    keep: T,
    beta1: T,
    rest1: T,
    beta2: T,
    rest2: T,
    rate: T,
    epsilon: T,
    flush: Flush<T>,
}

impl<T: Float> AdamRule<T> {
    fn new(adam: &Adam, step: &UpdateContext<'_>, decay: f64) -> Self {
        let correction1 = 1.0 - math::power(adam.beta1, step.number);
        let root2 = math::sqrt(1.0 - math::power(adam.beta2, step.number));
        let epsilon = match adam.epsilon_form {
            EpsilonForm::Corrected => adam.epsilon * root2,
            EpsilonForm::Hat => adam.epsilon,
        };
        Self {
            keep: T::from_f64(1.0 - decay),
            beta1: T::from_f64(adam.beta1),
            rest1: T::from_f64(1.0 - adam.beta1),
            beta2: T::from_f64(adam.beta2),
            rest2: T::from_f64(1.0 - adam.beta2),
            rate: T::from_f64(step.learning_rate * root2 / correction1),
            epsilon: T::from_f64(epsilon),
            flush: Flush::new(),
        }
    }
    /// The next moments.
    #[inline(always)]
    fn moments(&self, g: T, m: T, v: T) -> (T, T) {
        let g = self.flush.first(g);
        let m = self.flush.first(self.beta1 * m + self.rest1 * g);
        let v = self.flush.second(self.beta2 * v + self.rest2 * (g * g));
        (m, v)
    }

    /// The next parameter.
    #[inline(always)]
    fn descend(&self, p: T, m: T, v: T) -> T {
        self.keep * p - self.rate * m / (v.sqrt() + self.epsilon)
    }
}

impl<T: Float> Rule<T, 2> for AdamRule<T> {
    #[inline(always)]
    fn update(&self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let (m, v) = self.moments(g, m, v);
        (self.descend(p, m, v), [m, v])
    }
}

struct AmsgradRule<T>(AdamRule<T>);

impl<T: Float> Rule<T, 3> for AmsgradRule<T> {
    #[inline(always)]
    fn update(&self, p: T, g: T, [m, v, largest]: [T; 3]) -> (T, [T; 3]) {
        let (m, v) = self.0.moments(g, m, v);
        let largest = if v > largest { v } else { largest };
        (self.0.descend(p, m, largest), [m, v, largest])
    }
}
