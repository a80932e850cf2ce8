//! Adam, and its variants with decoupled weight decay (AdamW) and without forgetting (AMSGrad).

use super::elementwise::{ElementwiseUpdate, MovingAverage, apply};
use super::{Optimizer, UpdateContext};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_not_negative, check_positive, instantiate};
use crate::layout::Layout;
use crate::math;

/// Place of epsilon in the update of [`Adam`], on which libraries differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum EpsilonForm {
    /// Added to the root of the bias-corrected second moment, as in algorithm 1 of the paper,
    /// PyTorch and Optax:
    ///
    /// ```text
    /// p ← p - η·m' / (√v' + ε)
    /// ```
    #[default]
    Corrected,
    /// Added to the root of the second moment itself, as in scikit-learn and Keras:
    ///
    /// ```text
    /// p ← p - η·√(1 - β₂ᵗ) / (1 - β₁ᵗ) · m / (√v + ε)
    /// ```
    ///
    /// This is the "epsilon hat" at the end of the paper's section 2. In the first updates, it
    /// weighs up to 1 / √(1 - β₂) times more.
    Hat,
}

/// Adam: steps of about the learning rate, independent of the gradient's scale.
///
/// With the gradient g and the learning rate η, in update t = 1, 2, ...:
///
/// ```text
/// m  ← β₁·m + (1 - β₁)·g
/// v  ← β₂·v + (1 - β₂)·g²
/// m' = m / (1 - β₁ᵗ)
/// v' = v / (1 - β₂ᵗ)
/// p  ← p - η·m' / (√v' + ε)
/// ```
///
/// Dividing by 1 - βᵗ corrects the bias of moments that start at zero.
///
/// Kingma and Ba, 2015, [arXiv:1412.6980](https://arxiv.org/abs/1412.6980). The defaults are those
/// of the paper and of PyTorch. [`Adam::scikit_learn`] has scikit-learn's form of epsilon. With an
/// `epsilon` of 1e-7, that form is Keras' Adam.
///
/// With `amsgrad`, v' is computed from the maximum of v so far. Apart from the bias correction, the
/// rate of a parameter then never rises (Reddi, Kale and Kumar, 2018,
/// [arXiv:1904.09237](https://arxiv.org/abs/1904.09237)). The maximum is taken before the bias
/// correction, as in PyTorch and Keras.
///
/// scikit-learn's `alpha` and the `weight_decay` of PyTorch's Adam are L2 penalties, which this
/// crate computes with the gradient. [`GradientWorkspace`](crate::GradientWorkspace) compares the
/// conventions. Keras' `weight_decay`, a setting of all its optimizers, is that of [`AdamW`].
///
/// State: m, then v, then the maximum of v with `amsgrad`.
///
/// Denormals are flushed to zero, because they would make updates of dead neurons much slower. The
/// threshold of |g| and |m| is 7e-18 (1e-152 for f64), that of v is 8e-37 (1e-306 for f64).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adam {
    /// Learning rate before any schedule. Range: above 0. Default: 1e-3.
    pub learning_rate: f64,
    /// Decay of the first moment. Range: [0, 1). Default: 0.9.
    pub beta1: f64,
    /// Decay of the second moment. Range: [0, 1). Default: 0.999.
    pub beta2: f64,
    /// Term that prevents 0/0. Range: above 0. Default: 1e-8.
    pub epsilon: f64,
    /// Place where epsilon is added. Default: [`EpsilonForm::Corrected`].
    pub epsilon_form: EpsilonForm,
    /// `true` to replace v by the maximum of v so far. Default: `false`.
    pub amsgrad: bool,
}

impl Adam {
    /// Creates Adam with the defaults of the paper and PyTorch.
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

    /// Creates Adam as in scikit-learn, with [`EpsilonForm::Hat`].
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

/// Adam with decoupled weight decay, which the moments do not see.
///
/// With the learning rate η and the `weight_decay` λ, each update first does
///
/// ```text
/// p ← p·(1 - η·λ)
/// ```
///
/// and then [`Adam`]'s update. An L2 penalty acts differently: Adam divides its gradient by √v, so
/// weights with large gradients decay less than others.
///
/// Loshchilov and Hutter, 2019, [arXiv:1711.05101](https://arxiv.org/abs/1711.05101). The decay is
/// multiplied by the learning rate, as in PyTorch and Keras. The paper multiplies it by the
/// schedule alone, so the paper's decay is `learning_rate` times this one.
///
/// The default is PyTorch's 0.01. Keras' default is 0.004, with [`EpsilonForm::Hat`] and an
/// `epsilon` of 1e-7. As in both libraries, biases decay too; set `decay_biases` to `false` to
/// decay weights only.
///
/// State and flushing are those of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AdamW {
    /// Adam's settings.
    pub adam: Adam,
    /// Fraction of a parameter that an update at learning rate 1 would remove. Range: at least 0.
    /// Default: 0.01.
    pub weight_decay: f64,
    /// `true` if biases decay like weights, and with them the parameters of encodings and of
    /// [`Parametric`](crate::activation::Parametric) activations. Default: `true`.
    pub decay_biases: bool,
}

impl AdamW {
    /// Creates `AdamW` with PyTorch's defaults.
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

    fn has_decay(&self) -> bool {
        true
    }

    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        let mut decay = context.learning_rate * (self.weight_decay * context.decay_factor);
        if !self.decay_biases {
            decay_weights(decay, context, params);
            decay = 0.0;
        }
        step(&self.adam, decay, context, params, gradient, state);
    }
}

instantiate! {
    /// Removes the fraction `decay` from weights, but not from biases.
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
    /// Removes the fraction `decay` from all parameters, then makes Adam's update.
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

/// Coefficients of one Adam update.
///
/// Both forms of epsilon share the formula p - η·m / (√v + ε), since
///
/// ```text
/// √(v / c) + ε = (√v + ε·√c) / √c
/// ```
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

/// Adds the maximum of v to the state, for AMSGrad.
impl<T: Float> ElementwiseUpdate<T, 3> for AdamUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [m, v, largest]: [T; 3]) -> (T, [T; 3]) {
        let (m, v) = self.moments(g, m, v);
        let largest = if v > largest { v } else { largest };
        (self.descend(p, m, largest), [m, v, largest])
    }
}
