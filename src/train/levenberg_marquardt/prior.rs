//! The penalty on squared parameters, constant or estimated.

use alloc::vec::Vec;
use core::ops::Range;

use super::Evidence;
use super::columns::Columns;
use crate::blas1::{add_scaled, dot};
use crate::error::Result;
use crate::float::Float;
use crate::math;
use crate::memory;
use crate::mlp::Mlp;
use crate::train::least_squares::System;

/// Kind of a penalty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Penalty {
    /// λ on the weights.
    Weights(f64),
    /// An estimated λ on all parameters, of the equal network for scaled samples.
    Bayesian,
}

/// A penalty λ · |z|².
///
/// Each z is a multiple of a parameter, plus a constant. Those of a Bayesian penalty are the
/// parameters of an equal network whose inputs and targets are scaled. Its first biases also
/// contain weights times means of the inputs.
pub(super) struct Prior {
    lambda: f64,
    /// λ of a new run, where the noise is as large as the targets' scale, and z has variance 1.
    first_lambda: f64,
    /// Parameters that z are multiples of, in order.
    params: Vec<usize>,
    factors: Vec<f64>,
    /// Constants that are subtracted.
    centers: Vec<f64>,
    /// Means of the inputs. Empty if all are zero, or if z are the parameters themselves.
    means: Vec<f64>,
    /// Weights and biases of the first layer.
    weights: Range<usize>,
    biases: Range<usize>,
    /// Estimates of a Bayesian penalty. `None` for a constant one.
    evidence: Option<Evidence>,
    /// `true` if the next estimate must be skipped, because λ is to be kept.
    is_kept: bool,
}

impl Prior {
    /// Creates the penalty of a network. A Bayesian one takes the columns of inputs and targets.
    pub(super) fn new<T: Float>(
        penalty: Penalty,
        net: &Mlp<T>,
        columns: impl FnOnce() -> Result<[Columns; 2]>,
    ) -> Result<Self> {
        let layers = net.layout().layers().iter();
        let params: Vec<usize> = match penalty {
            Penalty::Weights(0.0) => Vec::new(),
            Penalty::Weights(_) => layers.flat_map(|at| at.weights.clone()).collect(),
            Penalty::Bayesian => (0..net.params().len()).collect(),
        };
        let mut prior = Self {
            lambda: match penalty {
                Penalty::Weights(lambda) => lambda,
                Penalty::Bayesian => 0.0,
            },
            first_lambda: 0.0,
            factors: memory::filled("penalty", 1.0, params.len())?,
            centers: memory::filled("penalty", 0.0, params.len())?,
            params,
            means: Vec::new(),
            weights: 0..0,
            biases: 0..0,
            evidence: None,
            is_kept: false,
        };
        if penalty == Penalty::Bayesian {
            let [inputs, targets] = columns()?;
            prior.evidence = Some(Evidence::default());
            prior.scale_samples(net, inputs, &targets);
        }
        Ok(prior)
    }

    /// Sets z to the parameters of the equal network for scaled samples.
    fn scale_samples<T: Float>(&mut self, net: &Mlp<T>, inputs: Columns, targets: &Columns) {
        let layers = net.layout().layers();
        // An encoding's outputs are no linear function of its inputs.
        if net.encoding().is_none() {
            let first = &layers[0];
            let rows = self.factors[first.weights.clone()].chunks_exact_mut(first.inputs);
            rows.for_each(|row| row.copy_from_slice(&inputs.scales));
            (self.weights, self.biases) = (first.weights.clone(), first.bias.clone());
            if inputs.means.iter().any(|&mean| mean != 0.0) {
                self.means = inputs.means;
            }
        }
        let mut square = 1.0;
        let last = net.activations().last();
        if last.is_some_and(|activation| activation.name() == "identity") {
            let last = &layers[layers.len() - 1];
            let rows = self.factors[last.weights.clone()].chunks_exact_mut(last.inputs);
            for (row, scale) in rows.zip(&targets.scales) {
                for factor in row {
                    *factor /= scale;
                }
            }
            let pairs = targets.means.iter().zip(&targets.scales);
            for (index, (mean, scale)) in last.bias.clone().zip(pairs) {
                self.factors[index] /= scale;
                self.centers[index] = mean / scale;
            }
            square = dot(&targets.scales, &targets.scales) / targets.means.len() as f64;
        }
        self.first_lambda = targets.mean_weight * square;
    }

    /// Returns the number of penalized parameters.
    pub(super) fn len(&self) -> usize {
        self.params.len()
    }

    /// Returns λ.
    pub(super) fn lambda(&self) -> f64 {
        self.lambda
    }

    /// Returns the estimates of a Bayesian penalty.
    pub(super) fn evidence(&self) -> Option<Evidence> {
        self.evidence
    }

    /// Continues with the estimates of another run, unless the penalty is constant.
    pub(super) fn resume(&mut self, lambda: f64, evidence: Option<Evidence>) {
        if let (Some(to), Some(evidence)) = (&mut self.evidence, evidence) {
            *to = evidence;
            self.lambda = lambda;
            self.is_kept = true;
        }
    }

    /// Keeps λ in the next estimate.
    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Returns the first layer's biases whose z contain weights.
    fn mixed(&self) -> Range<usize> {
        if self.means.is_empty() {
            0..0
        } else {
            self.biases.clone()
        }
    }

    /// Writes z at these parameters.
    fn scaled(&self, params: &[f64], to: &mut [f64]) {
        let parts = self.params.iter().zip(&self.factors).zip(&self.centers);
        for (z, ((&index, factor), center)) in to.iter_mut().zip(parts) {
            *z = factor * params[index] - center;
        }
        let rows = params[self.weights.clone()].chunks_exact(self.means.len().max(1));
        for (index, row) in self.mixed().zip(rows) {
            to[index] += self.factors[index] * dot(row, &self.means);
        }
    }

    /// Writes the residuals √λ · z.
    pub(super) fn residuals(&self, params: &[f64], to: &mut [f64]) {
        self.scaled(params, to);
        let root = math::sqrt(self.lambda);
        for z in to {
            *z *= root;
        }
    }

    /// Adds the rows of the residuals to a system.
    pub(super) fn add(&self, residuals: &[f64], system: &mut System) -> Result<()> {
        let (root, mixed) = (math::sqrt(self.lambda), self.mixed());
        let values = self.params.iter().zip(&self.factors).zip(residuals);
        let plain = values.enumerate().filter(|(i, _)| !mixed.contains(i));
        system.add_diagonal(plain.map(|(_, ((&i, factor), &r))| (i, root * factor, r)))?;
        if mixed.is_empty() {
            return Ok(());
        }
        let (n, width) = (self.params.len(), self.means.len());
        let len = memory::product("penalty", &[mixed.len(), n])?;
        let mut rows = memory::filled("penalty", 0.0, len)?;
        let starts = self.weights.clone().step_by(width);
        for ((index, start), row) in mixed.clone().zip(starts).zip(rows.chunks_exact_mut(n)) {
            let factor = root * self.factors[index];
            add_scaled(&mut row[start..][..width], &self.means, factor);
            row[index] = factor;
        }
        system.add(&rows, &residuals[mixed])
    }

    /// Estimates λ anew, from the errors of this number of targets, and from the system without
    /// the penalty. Returns `false`, and changes nothing, if rounding of the system prevents it.
    pub(super) fn estimate(
        &mut self,
        params: &[f64],
        errors: &[f64],
        count: f64,
        system: &mut System,
    ) -> Result<bool> {
        let Some(before) = self.evidence else {
            return Ok(true);
        };
        if core::mem::take(&mut self.is_kept) {
            return Ok(true);
        }
        let is_new = before.beta == 0.0;
        if is_new {
            self.lambda = self.first_lambda;
        }
        let n = params.len() as f64;
        let mut z = memory::filled("penalty", 0.0, params.len())?;
        let inverse = system.inverse_with(|system| self.add(&z, system))?;
        let effective = match inverse {
            Some(inverse) => n - self.lambda * self.trace(&inverse, &mut z),
            None if !system.is_precise() => return Ok(false),
            None if is_new => n,
            None => before.effective_params,
        };
        let effective = effective.clamp(0.0, n.min(count));
        let free = (count - effective).max(f64::EPSILON * count);
        let error_sum = dot(errors, errors);
        let beta = (free / (2.0 * error_sum)).min(f64::MAX);
        if !is_new {
            self.scaled(params, &mut z);
            let lambda = effective * error_sum / (free * dot(&z, &z));
            let [lowest, highest] = self.bounds(system);
            self.lambda = if lambda.is_finite() {
                lambda.clamp(lowest, highest)
            } else {
                highest
            };
        }
        self.evidence = Some(Evidence {
            alpha: (self.lambda * beta).min(f64::MAX),
            beta,
            effective_params: effective,
        });
        Ok(true)
    }

    /// Returns the bounds of λ within which the inverse has a meaning.
    fn bounds(&self, system: &System) -> [f64; 2] {
        let squares = self.params.iter().map(|&index| system.squares()[index]);
        let squares = squares.zip(&self.factors);
        let largest = squares.fold(f64::MIN_POSITIVE, |largest: f64, (square, factor)| {
            largest.max(square / (factor * factor))
        });
        let rounding = 8.0 * f64::EPSILON * system.rows() as f64;
        let largest = largest.min(f64::MAX * f64::EPSILON);
        [
            (largest * rounding * rounding).max(f64::MIN_POSITIVE),
            largest / f64::EPSILON,
        ]
    }

    /// Returns the trace of the covariance W Wᵀ of z, from W of the parameters. `row` is memory.
    fn trace(&self, inverse: &[f64], row: &mut [f64]) -> f64 {
        let (n, mixed) = (row.len(), self.mixed());
        let mut trace = 0.0;
        for (index, factor) in self.factors.iter().enumerate() {
            row.copy_from_slice(&inverse[index * n..][..n]);
            if mixed.contains(&index) {
                let first = self.weights.start + (index - mixed.start) * self.means.len();
                for (weight, &mean) in inverse[first * n..].chunks_exact(n).zip(&self.means) {
                    add_scaled(row, weight, mean);
                }
            }
            trace += factor * factor * dot(row, row);
        }
        trace
    }
}
