//! Nadam: Adam with Nesterov's momentum.

use super::elementwise::{ElementwiseUpdate, MovingAverage, apply};
use super::{Optimizer, UpdateContext};
use crate::error::Result;
use crate::float::{Float, check_fraction, check_not_negative, check_positive, instantiate};
use crate::layout::Layout;
use crate::math;

/// Nadam: Adam that looks ahead along its momentum, which warms up.
///
/// With the gradient g, the learning rate η and the `momentum_decay` δ, in update t = 1, 2, ...:
///
/// ```text
/// μ(t) = β₁·(1 - 0.96^(t·δ) / 2)
/// P(t) = μ(1)·μ(2)· ... ·μ(t)
///
/// m  ← β₁·m + (1 - β₁)·g
/// v  ← β₂·v + (1 - β₂)·g²
/// m' = μ(t+1)·m / (1 - P(t+1)) + (1 - μ(t))·g / (1 - P(t))
/// v' = v / (1 - β₂ᵗ)
/// p  ← p - η·m' / (√v' + ε)
/// ```
///
/// Dozat, "Incorporating Nesterov momentum into Adam", 2016. The form is that of PyTorch's `NAdam`,
/// with epsilon outside the corrected root, and so are the defaults. Keras has the same form with
/// `momentum_decay` fixed at 1 (early versions: 0.004), a rate of 0.001 and an epsilon of 1e-7. The
/// `weight_decay` of PyTorch's `NAdam` is an L2 penalty, which this crate computes with the
/// gradient. [`GradientWorkspace`](crate::GradientWorkspace) compares the conventions.
///
/// State: m, then v. P(t) follows from t and is not stored. Denormals are flushed as in
/// [`Adam`](super::Adam).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Nadam {
    /// Learning rate before any schedule. Range: above 0. Default: 2e-3.
    pub learning_rate: f64,
    /// Decay of the first moment. Range: [0, 1). Default: 0.9.
    pub beta1: f64,
    /// Decay of the second moment. Range: [0, 1). Default: 0.999.
    pub beta2: f64,
    /// Term added to the root of the bias-corrected second moment. Range: above 0. Default: 1e-8.
    pub epsilon: f64,
    /// Speed at which the momentum rises from β₁ / 2 to β₁: δ in the formula. Range: at least 0.
    /// Default: 4e-3.
    pub momentum_decay: f64,
}

impl Nadam {
    /// Creates Nadam with PyTorch's defaults.
    pub fn new(learning_rate: f64) -> Self {
        Self {
            learning_rate,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            momentum_decay: 4e-3,
        }
    }

    /// Returns μ(t).
    fn momentum(&self, t: f64) -> f64 {
        self.beta1 * (1.0 - 0.5 * math::exp(t * self.momentum_decay * LN_0_96))
    }

    /// Returns P(t), computed through its logarithm instead of from t factors.
    ///
    /// With q = 0.96^δ, the logarithm of each factor is a power series. Summed over i = 1, ..., t,
    /// each k yields a geometric series:
    ///
    /// ```text
    /// ln(1 - qⁱ / 2) = -Σₖ (qⁱ / 2)ᵏ / k
    /// ln P(t) = t·ln β₁ - Σₖ 2⁻ᵏ / k · qᵏ·(1 - qᵏᵗ) / (1 - qᵏ)
    /// ```
    ///
    /// Each term is at most half as large as the one before.
    fn momentum_product(&self, number: u64) -> f64 {
        let t = number as f64;
        let log_q = self.momentum_decay * LN_0_96;
        let mut log_series = 0.0;
        let mut half_power = 1.0;
        for k in 1..=60 {
            let k = f64::from(k);
            half_power *= 0.5;
            let one_minus_q = -math::exp_m1(k * log_q);
            let geometric = if one_minus_q > 0.0 {
                math::exp(k * log_q) * (-math::exp_m1(k * t * log_q) / one_minus_q)
            } else {
                t
            };
            log_series += half_power / k * geometric;
        }
        math::power(self.beta1, number) * math::exp(-log_series)
    }
}

const LN_0_96: f64 = -0.040_821_994_520_255_166;

impl Default for Nadam {
    fn default() -> Self {
        Self::new(2e-3)
    }
}

impl<T: Float> Optimizer<T> for Nadam {
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }

    fn state_len(&self, layout: &Layout) -> usize {
        2 * layout.len()
    }

    fn check(&self) -> Result<()> {
        check_positive::<T>("Nadam's learning rate", self.learning_rate)?;
        check_fraction::<T>("Nadam's beta1", self.beta1)?;
        check_fraction::<T>("Nadam's beta2", self.beta2)?;
        check_positive::<T>("Nadam's epsilon", self.epsilon)?;
        check_not_negative::<T>("Nadam's momentum decay", self.momentum_decay)
    }

    fn elementwise(&self) -> bool {
        true
    }

    fn step(&self, context: &UpdateContext<'_>, params: &mut [T], gradient: &[T], state: &mut [T]) {
        step(self, context, params, gradient, state);
    }
}

instantiate! {
    fn step<T>(
        nadam: &Nadam, context: &UpdateContext<'_>,
        params: &mut [T], gradient: &[T], state: &mut [T],
    ) {
        let (t, rate) = (context.update as f64, context.learning_rate);
        let (mu, next_mu) = (nadam.momentum(t), nadam.momentum(t + 1.0));
        let product = nadam.momentum_product(context.update);
        let sqrt_bias_correction2 = math::sqrt(1.0 - math::power(nadam.beta2, context.update));
        let rate = rate * sqrt_bias_correction2;
        let update = NadamUpdate {
            first: MovingAverage::new(nadam.beta1),
            second: MovingAverage::new(nadam.beta2),
            gradient_rate: T::from_f64(rate * (1.0 - mu) / (1.0 - product)),
            moment_rate: T::from_f64(rate * next_mu / (1.0 - product * next_mu)),
            epsilon: T::from_f64(nadam.epsilon * sqrt_bias_correction2),
        };
        apply(update, params, gradient, state);
    }
}

/// Coefficients of one Nadam update. The rates and epsilon include the bias correction of v.
struct NadamUpdate<T> {
    first: MovingAverage<T>,
    second: MovingAverage<T>,
    gradient_rate: T,
    moment_rate: T,
    epsilon: T,
}

impl<T: Float> ElementwiseUpdate<T, 2> for NadamUpdate<T> {
    #[inline(always)]
    fn next(&self, p: T, g: T, [m, v]: [T; 2]) -> (T, [T; 2]) {
        let g = self.first.flush.first_moment(g);
        let (m, v) = (
            self.first.first_moment(m, g),
            self.second.second_moment(v, g),
        );
        let ahead = self.gradient_rate * g + self.moment_rate * m;
        (p - ahead / (v.sqrt() + self.epsilon), [m, v])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_that_of_its_factors() {
        for momentum_decay in [0.0, 1e-9, 4e-3, 0.3, 100.0] {
            let nadam = Nadam {
                momentum_decay,
                ..Nadam::default()
            };
            let mut product = 1.0;
            for t in 1..=500_u32 {
                product *= nadam.momentum(f64::from(t));
                let series = nadam.momentum_product(u64::from(t));
                assert!(
                    (series - product).abs() <= 1e-12 * product,
                    "{t}: {series} {product}"
                );
            }
        }
    }
}
