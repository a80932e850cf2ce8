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
    /// Mean loss of the validation samples before training and after each iteration. Empty without
    /// validation.
    pub validation_losses: Vec<f64>,
    /// Index of the lowest validation loss, whose parameters the network has. `None` without
    /// validation.
    pub best_iteration: Option<usize>,
}

/// Estimates of a [Bayesian](super::LevenbergMarquardt::bayesian) fit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Evidence {
    /// α, half the inverse variance of the parameters.
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
    /// Returns predictions and their standard deviations, both row-major `[samples x outputs]`.
    ///
    /// The deviation is that of a new target with weight 1, so it contains the noise:
    ///
    /// ```text
    /// s² · (1 + gᵀ (JᵀJ + λ I)⁻¹ g)     g = dy/dθ
    /// ```
    ///
    /// It assumes independent, normal noise of one size, and a network that is nearly linear in its
    /// parameters within their errors. It covers no systematic error of the network.
    ///
    /// # Errors
    /// - The errors of [`GradientWorkspace::parameter_jacobian`] for the network and its inputs
    /// - [`Error::Length`] for a network with another number of parameters
    /// - The errors of [`LeastSquaresReport::covariance`], which the fit must have
    pub fn predict_with_error<T: Float>(
        &self,
        net: &Mlp<T>,
        inputs: &[T],
    ) -> Result<(Vec<T>, Vec<T>)> {
        let n = self.search.params;
        check_length("parameters", net.params(), n)?;
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
