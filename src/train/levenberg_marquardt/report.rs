//! Report of a fit, and its error bars.

use alloc::vec::Vec;

use crate::blas1::{add_scaled, dot};
use crate::error::{Error, Result, check_length};
use crate::float::Float;
use crate::math;
use crate::memory;
use crate::mlp::{GradientWorkspace, Mlp};
use crate::train::LeastSquaresReport;

/// Report of [`LevenbergMarquardt`](super::LevenbergMarquardt).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct LevenbergMarquardtReport {
    /// Iterations, reason to stop, sums of squares, and perhaps the covariance of the parameters.
    ///
    /// The residuals are those of the samples, then one for each penalized parameter.
    pub search: LeastSquaresReport,
    /// Estimates of a [Bayesian](super::LevenbergMarquardt::bayesian) fit, at the end.
    pub evidence: Option<Evidence>,
    /// Mean loss of the validation samples before training and after each iteration, over all runs
    /// of a state. Empty without validation.
    pub validation_losses: Vec<f64>,
    /// Index of the lowest validation loss, whose parameters the network has. `None` without
    /// validation.
    pub best_iteration: Option<usize>,
    /// Parameters of the last iteration, to which the covariance belongs.
    pub(super) params: Vec<f64>,
}

/// Estimates of a [Bayesian](super::LevenbergMarquardt::bayesian) fit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Evidence {
    /// α, half the inverse variance of the parameters for scaled samples.
    pub alpha: f64,
    /// β, half the inverse variance of the targets' noise.
    pub beta: f64,
    /// γ, the number of parameters that the samples determine.
    ///
    /// If a larger network has about the same γ, the network is large enough.
    pub effective_params: f64,
}

impl Evidence {
    /// Returns the standard deviation of the targets' noise: 1/√(2β).
    pub fn noise(&self) -> f64 {
        1.0 / math::sqrt(2.0 * self.beta)
    }
}

impl LevenbergMarquardtReport {
    /// Returns the root mean squared error of the samples at the last iteration, in the unit of the
    /// targets.
    ///
    /// The mean is over all outputs, weighted like S, and without the penalty. Unlike
    /// [`residual_standard_deviation`](LeastSquaresReport::residual_standard_deviation), it does not
    /// count parameters.
    ///
    /// # Errors
    /// [`Error::Incompatible`] for another loss than the squared error
    pub fn rmse(&self) -> Result<f64> {
        self.search.rmse()
    }

    /// Returns predictions and their standard deviations, both row-major `[samples x outputs]`.
    ///
    /// The deviation is that of a new target with weight 1, so it contains the noise:
    ///
    /// ```text
    /// s² · (1 + gᵀ (JᵀJ)⁻¹ g)     g = dy/dθ
    /// ```
    ///
    /// J contains the rows of a Bayesian penalty.
    ///
    /// It assumes independent, normal noise of one size, and a network that is nearly linear in its
    /// parameters within their errors. It covers no systematic error of the network, which grows
    /// quickly outside the range of the samples.
    ///
    /// With validation, the network may have the parameters of an earlier iteration. The covariance
    /// does not belong to them.
    ///
    /// # Errors
    /// - The errors of [`GradientWorkspace::parameter_jacobian`] for the network and its inputs
    /// - [`Error::Length`] for a network with another number of parameters
    /// - [`Error::Incompatible`] for one without the parameters of the last iteration
    /// - The errors of [`LeastSquaresReport::covariance`], which the fit must have
    pub fn predict_with_error<T: Float>(
        &self,
        net: &Mlp<T>,
        inputs: &[T],
    ) -> Result<(Vec<T>, Vec<T>)> {
        let n = self.search.params;
        check_length("parameters", net.params(), n)?;
        let fitted = self.params.iter().map(|&x| T::from_f64(x));
        if !net.params().iter().copied().eq(fitted) {
            let expected = "the parameters of the fit's last iteration";
            return Err(Error::incompatible("network", expected, "others"));
        }
        let (s, inverse) = self.search.deviation_and_inverse()?;
        let mut row = memory::filled("derivatives", 0.0, n)?;
        let (mut outputs, mut deviations) = (Vec::new(), Vec::new());
        let mut gradient = GradientWorkspace::new(net);
        gradient.for_each_jacobian_block(net, inputs, |block| {
            outputs.extend_from_slice(block.outputs);
            for derivatives in block.jacobian.chunks_exact(n) {
                // Wᵀ g. Row i of W begins with i zeros.
                row.fill(0.0);
                for (i, (w, g)) in inverse.chunks_exact(n).zip(derivatives).enumerate() {
                    add_scaled(&mut row[i..], &w[i..], g.as_f64());
                }
                let deviation = s * math::sqrt(1.0 + dot(&row, &row));
                deviations.push(T::from_f64(deviation));
            }
            Ok(())
        })?;
        if let Some(at) = deviations.iter().position(|x| !x.is_finite()) {
            let value = deviations[at].as_f64();
            return Err(Error::NotFinite {
                what: "standard deviations",
                at: crate::error::Position::Index(at),
                value,
            });
        }
        Ok((outputs, deviations))
    }
}
