//! Losses of the trainer, with their curvature.

use crate::error::{Error, Position, Result};
use crate::float::Float;
use crate::loss::{BinaryCrossEntropy, Loss, Poisson, SoftmaxCrossEntropy, SquaredError};
use crate::math;

/// Loss that [`LevenbergMarquardt`](super::LevenbergMarquardt) minimizes.
///
/// The squared error has residuals. The others have a Hessian H by the outputs instead, which gives
/// the generalized Gauss-Newton method. Schraudolph, "Fast curvature matrix-vector products for
/// second-order gradient descent", 2002,
/// [doi:10.1162/08997660260028683](https://doi.org/10.1162/08997660260028683):
///
/// ```text
/// (Jᵀ H J + μ D²) · v = -Jᵀ dL/dy
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum GaussNewtonLoss {
    /// [`SquaredError`].
    #[default]
    SquaredError,
    /// [`BinaryCrossEntropy`] with p = σ(y): H = p (1 - p).
    BinaryCrossEntropy,
    /// [`SoftmaxCrossEntropy`] with p = softmax(y): H = diag(p) - p pᵀ. The targets of a sample add
    /// up to 1.
    SoftmaxCrossEntropy,
    /// [`Poisson`] with p = e^y: H = p.
    Poisson,
}

/// Minimum of a diagonal entry of H, which keeps quotients by its root finite.
const FLATTEST: f64 = f64::EPSILON;

impl GaussNewtonLoss {
    pub(super) fn loss<T: Float>(self) -> &'static dyn Loss<T> {
        match self {
            Self::SquaredError => &SquaredError,
            Self::BinaryCrossEntropy => &BinaryCrossEntropy,
            Self::SoftmaxCrossEntropy => &SoftmaxCrossEntropy,
            Self::Poisson => &Poisson,
        }
    }

    /// Checks targets beyond what the loss itself does.
    pub(super) fn check_targets(self, targets: &[f64], outputs: usize) -> Result<()> {
        if self != Self::SoftmaxCrossEntropy {
            return Ok(());
        }
        for (row, targets) in targets.chunks_exact(outputs).enumerate() {
            let sum: f64 = targets.iter().sum();
            if (sum - 1.0).abs() > 1e-6 {
                let (what, expected) = ("sum of a sample's targets", "1");
                let at = Position::Row(row);
                return Err(Error::invalid_value(what, expected, at, sum));
            }
        }
        Ok(())
    }

    /// Writes the residuals B⁻¹ dL/dy of one sample, where H = B Bᵀ. Returns twice its loss.
    pub(super) fn residuals(self, y: &[f64], targets: &[f64], residuals: &mut [f64]) -> f64 {
        let loss = self.loss::<f64>().evaluate(y, targets, residuals);
        if self != Self::SquaredError {
            self.for_each_root(y, |k, root| residuals[k] /= root);
        }
        2.0 * loss
    }

    /// Multiplies the rows of one sample's Jacobian by Bᵀ. `mean` has the length of a row.
    pub(super) fn scale_rows(self, y: &[f64], rows: &mut [f64], mean: &mut [f64]) {
        if self == Self::SquaredError {
            return;
        }
        let n = mean.len();
        mean.fill(0.0);
        if self == Self::SoftmaxCrossEntropy {
            let rows = &*rows;
            let total = softmax_sum(y);
            for (&y, row) in y.iter().zip(rows.chunks_exact(n)) {
                crate::blas1::add_scaled(mean, row, math::exp(y - total.0) / total.1);
            }
        }
        self.for_each_root(y, |k, root| {
            for (x, mean) in rows[k * n..][..n].iter_mut().zip(&*mean) {
                *x = root * (*x - mean);
            }
        });
    }

    /// Visits the roots of the diagonal that H has before a mean is subtracted.
    fn for_each_root(self, y: &[f64], mut visit: impl FnMut(usize, f64)) {
        let total = match self {
            Self::SoftmaxCrossEntropy => softmax_sum(y),
            _ => (0.0, 1.0),
        };
        for (k, &y) in y.iter().enumerate() {
            let curvature = match self {
                Self::SquaredError => 1.0,
                Self::BinaryCrossEntropy => math::sigmoid(y) * math::sigmoid(-y),
                Self::SoftmaxCrossEntropy => math::exp(y - total.0) / total.1,
                Self::Poisson => math::exp(y),
            };
            visit(k, math::sqrt(curvature.max(FLATTEST)));
        }
    }
}

/// Returns the largest output, and the sum of all exponentials relative to its own.
fn softmax_sum(y: &[f64]) -> (f64, f64) {
    let largest = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (largest, y.iter().map(|y| math::exp(y - largest)).sum())
}
