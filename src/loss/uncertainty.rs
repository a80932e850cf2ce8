//! Losses whose outputs describe a distribution of each target, instead of one value.

use alloc::vec;
use alloc::vec::Vec;

use super::{Loss, OutputKind, count};
use crate::error::{Result, check_not_empty, check_range};
use crate::float::{Float, check_fraction, check_positive, instantiate};
use crate::math;

/// Pinball loss, whose minimum is a quantile of the targets, or several.
///
/// ```text
/// L     = 1/K · Σ max(q · (t - y), (q - 1) · (t - y))    (sum over the K outputs)
/// dL/dy = -q / K          for y < t
///         (1 - q) / K     for y > t
///         0               for y = t
/// ```
///
/// Each target has one output per quantile q, in the order of [`quantiles`](Self::quantiles). With
/// two targets and three quantiles, the first three of six outputs belong to the first target. A
/// network with outputs for 0.05 and 0.95 predicts intervals of about 90 %, and
/// [`QuantileConformal`](crate::conformal::QuantileConformal) gives them a guarantee.
///
/// Outputs for different quantiles may cross. Sort those of a target before use.
///
/// The value for one quantile equals scikit-learn's `mean_pinball_loss`.
/// Koenker and Bassett, 1978, *Regression quantiles*,
/// [doi:10.2307/1913643](https://doi.org/10.2307/1913643).
///
/// ```
/// use feedforward::{Loss, loss::Pinball};
///
/// let loss = Pinball::new([0.25, 0.75]);
/// let mut gradient = [0.0; 2];
/// // Two outputs for one target.
/// assert_eq!(loss.evaluate(&[1.0, 1.0], &[3.0], &mut gradient), (0.5 + 1.5) / 2.0);
/// assert_eq!(gradient, [-0.125, -0.375]);
/// ```
#[doc(alias = "QuantileLoss")]
#[doc(alias = "QuantileRegressor")]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pinball {
    /// Quantiles to predict, one or more. Range of each: (0, 1). Default: 0.5, the median.
    pub quantiles: Vec<f64>,
}

impl Pinball {
    /// Returns the loss for these quantiles.
    pub fn new(quantiles: impl Into<Vec<f64>>) -> Self {
        let quantiles = quantiles.into();
        Self { quantiles }
    }
}

impl Default for Pinball {
    fn default() -> Self {
        Self::new(vec![0.5])
    }
}

impl<T: Float> Loss<T> for Pinball {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        pinball(&self.quantiles, output, target, gradient)
    }

    fn check(&self) -> Result<()> {
        let what = "quantile of the pinball loss";
        check_not_empty("quantiles of the pinball loss", &self.quantiles)?;
        self.quantiles.iter().try_for_each(|&quantile| {
            check_positive::<T>(what, quantile)?;
            check_fraction::<T>(what, quantile)
        })
    }

    fn output_kind(&self) -> OutputKind {
        OutputKind::Values
    }

    fn outputs_per_target(&self) -> usize {
        self.quantiles.len()
    }
}

instantiate! {
    fn pinball<T>(quantiles: &[f64], output: &[T], target: &[T], gradient: &mut [T]) -> T {
        let outputs = count(output);
        let each = quantiles.len().max(1);
        let mut sum = T::zero();
        let rows = output.chunks(each).zip(gradient.chunks_mut(each)).zip(target);
        for ((output, gradient), &t) in rows {
            for ((g, &y), &quantile) in gradient.iter_mut().zip(output).zip(quantiles) {
                let d = y - t;
                let slope = if d > T::zero() {
                    T::from_f64(1.0 - quantile)
                } else if d < T::zero() {
                    T::from_f64(-quantile)
                } else {
                    d // 0 or NaN
                };
                sum += slope * d;
                *g = slope / outputs;
            }
        }
        sum / outputs
    }
}

/// Negative logarithm of a normal likelihood, whose mean and variance are both outputs.
///
/// Each target t has two adjacent outputs: the mean μ, and s, the logarithm of the variance.
///
/// ```text
/// L     = 1/K · Σ ((t - μ)² · e^-s + s) / 2          (sum over the K targets)
/// dL/dμ = e^(β s) · (μ - t) · e^-s / K
/// dL/ds = e^(β s) · (1 - (t - μ)² · e^-s) / 2K
/// ```
///
/// For β = 0, the gradient is the derivative of L. Samples with a large variance then hardly move
/// their mean, which often stays badly fitted. The factor e^(β s) lets them count, and the gradient
/// treats it as a constant. The value L does not have the factor, because the minimum of a
/// validation loss must be the true distribution. With [`Lbfgs`](crate::train::Lbfgs), whose line
/// search needs derivatives, choose β = 0.
///
/// In these formulas, s is limited to [-10, 10]. Outside, a derivative that would lead further away
/// is 0. Limit s equally when you use an output, as below.
///
/// L equals PyTorch's `GaussianNLLLoss`.
/// Nix and Weigend, 1994, [doi:10.1109/ICNN.1994.374138](https://doi.org/10.1109/ICNN.1994.374138).
/// The factor is from Seitzer et al., 2022, [arXiv:2203.09168](https://arxiv.org/abs/2203.09168),
/// who multiply the value by it too.
///
/// ```
/// use feedforward::activation::{Identity, Tanh};
/// use feedforward::{Mlp, Trainer, loss::GaussianNll, optimizer::Adam};
///
/// // Targets of 1 ± 0.1 at input 0, and of 5 ± 2 at input 1.
/// let (inputs, targets) = ([0.0, 0.0, 1.0, 1.0], [0.9, 1.1, 3.0, 7.0]);
/// let mut net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(2, Identity).build()?;
/// Trainer::new(GaussianNll::default(), Adam::new(0.01)).epochs(3000)
///     .fit(&mut net, &inputs, &targets)?;
/// let outputs = net.predict(&[1.0])?;
/// let deviation = (0.5 * outputs[1].clamp(-10.0, 10.0)).exp();
/// assert!((outputs[0] - 5.0).abs() < 0.1 && (deviation - 2.0).abs() < 0.1);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "GaussianNLLLoss")]
#[doc(alias = "heteroscedastic")]
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct GaussianNll {
    /// Exponent β of the variance in the gradient's factor. 0 is the likelihood's own gradient, and
    /// with 1, means learn as under a squared error. Range: [0, 1]. Default: 0.5.
    pub beta: f64,
}

impl GaussianNll {
    /// Returns the loss with this β.
    pub fn new(beta: f64) -> Self {
        Self { beta }
    }
}

impl Default for GaussianNll {
    fn default() -> Self {
        Self::new(0.5)
    }
}

/// Maximum magnitude of the logarithm of a variance.
const LIMIT: f64 = 10.0;

impl<T: Float> Loss<T> for GaussianNll {
    fn evaluate(&self, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        normal(self.beta, output, target, gradient)
    }

    fn check(&self) -> Result<()> {
        check_range("GaussianNll's beta", self.beta, 0.0..=1.0, "0 to 1")
    }

    fn output_kind(&self) -> OutputKind {
        OutputKind::MeansAndLogVariances
    }

    fn outputs_per_target(&self) -> usize {
        2
    }
}

instantiate! {
    fn normal<T>(beta: f64, output: &[T], target: &[T], gradient: &mut [T]) -> T {
        let (targets, half) = (count(target), T::from_f64(0.5));
        let (beta, limit) = (T::from_f64(beta), T::from_f64(LIMIT));
        let mut sum = T::zero();
        let rows = output.chunks_exact(2).zip(gradient.chunks_exact_mut(2)).zip(target);
        for ((output, gradient), &t) in rows {
            let (d, s) = (output[0] - t, output[1]);
            // These comparisons pass NaN on.
            let limited = if s > limit {
                limit
            } else if s < -limit {
                -limit
            } else {
                s
            };
            let precision = math::exp(-limited);
            let square = d * d * precision;
            let factor = math::exp(beta * limited) / targets;
            sum += half * (square + limited);
            gradient[0] = factor * (d * precision);
            let derivative = factor * (half * (T::one() - square));
            let leads_away = (s > limit && derivative < T::zero())
                || (s < -limit && derivative > T::zero());
            gradient[1] = if leads_away { T::zero() } else { derivative };
        }
        sum / targets
    }
}
