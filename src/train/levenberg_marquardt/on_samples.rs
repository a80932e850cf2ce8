//! Residuals of a network on samples, and those of its penalty.

use alloc::vec::Vec;

use super::columns::Columns;
use super::prior::{Penalty, Prior};
use super::{Evidence, GaussNewtonLoss};
use crate::blas1::{add_scaled, dot};
use crate::error::{Error, Position, Result};
use crate::float::{Float, check_finite};
use crate::math;
use crate::memory;
use crate::mlp::{CheckedSamples, GradientWorkspace, Mlp, Predictor};
use crate::train::least_squares::{
    Problem, ResidualKind, SHIFT, System, second_derivative, sum_of_squares,
};

/// Writes parameters in the precision of a network.
pub(super) fn round<T: Float>(from: &[f64], to: &mut [T]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = T::from_f64(x);
    }
}

/// Writes numbers in f64.
fn widen<T: Float>(from: &[T], to: &mut [f64]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = x.as_f64();
    }
}

/// Residuals of a network on samples.
///
/// The penalty's residuals come after those of the samples.
pub(super) struct OnSamples<'a, T> {
    samples: CheckedSamples<'a, T>,
    gradient: GradientWorkspace<T>,
    predictor: Predictor<T>,
    net: Mlp<T>,
    loss: GaussNewtonLoss,
    /// Inputs and targets of the samples, row by row.
    inputs: Vec<T>,
    targets: Vec<f64>,
    /// Square root of the weight of each sample. Empty without weights.
    roots: Vec<f64>,
    outputs: Vec<T>,
    /// Residuals of the last `linearize`, and of the last evaluation.
    residuals: Vec<f64>,
    trial: Vec<f64>,
    /// The penalty.
    prior: Prior,
    /// Rows of the Jacobian, weighted.
    block: Vec<f64>,
    /// Sum of the weights of all targets.
    total: f64,
    /// Outputs of one sample.
    row: Vec<f64>,
    /// Mean of one sample's rows of the Jacobian.
    mean: Vec<f64>,
    shifted: Vec<f64>,
    product: Vec<f64>,
    evaluations: usize,
}

impl<'a, T: Float> OnSamples<'a, T> {
    pub(super) fn new(
        net: &Mlp<T>,
        samples: CheckedSamples<'a, T>,
        gradient: GradientWorkspace<T>,
        loss: GaussNewtonLoss,
        penalty: Penalty,
    ) -> Result<Self> {
        let count = memory::product("residuals", &[samples.len(), net.outputs()])?;
        let zeros = |len| memory::filled("residuals", 0.0, len);
        let mut inputs = memory::filled("inputs", T::zero(), samples.len() * net.inputs())?;
        samples.copy_inputs(0..samples.len(), &mut inputs, net.inputs());
        let mut outputs = memory::filled("outputs", T::zero(), count)?;
        samples.copy_targets(0..samples.len(), &mut outputs);
        let targets = outputs.iter().map(|t| t.as_f64());
        let targets = memory::collected("targets", count, targets)?;
        loss.check_targets(&targets, net.outputs())?;
        let weights = (0..samples.len()).filter_map(|sample| samples.weight(sample));
        let weight_sum: f64 = (0..samples.len())
            .map(|sample| samples.weight(sample).map_or(1.0, Float::as_f64))
            .sum();
        let len = net.params().len();
        let roots: Vec<f64> = weights.map(|weight| math::sqrt(weight.as_f64())).collect();
        let prior = Prior::new(penalty, net, || {
            Ok([
                Columns::measure(&inputs, net.inputs(), &roots)?,
                Columns::measure(&outputs, net.outputs(), &roots)?,
            ])
        })?;
        let total = count + prior.len();
        Ok(Self {
            targets,
            loss,
            roots,
            gradient,
            predictor: Predictor::new(net.clone())?,
            net: net.clone(),
            inputs,
            outputs,
            residuals: zeros(total)?,
            trial: zeros(total)?,
            prior,
            block: Vec::new(),
            total: weight_sum * net.outputs() as f64,
            row: zeros(net.outputs())?,
            mean: zeros(len)?,
            shifted: zeros(len)?,
            product: zeros(len)?,
            samples,
            evaluations: 0,
        })
    }

    /// Returns the penalty.
    pub(super) fn prior(&self) -> &Prior {
        &self.prior
    }

    /// Continues with the estimates of another run.
    pub(super) fn resume(&mut self, penalty: f64, evidence: Option<Evidence>) {
        self.prior.resume(penalty, evidence);
    }

    /// Computes the residuals at these parameters into `trial`. Returns twice the loss of all
    /// samples, with the penalty. For the squared error this is their sum of squares.
    fn compute(&mut self, params: &[f64]) -> Result<f64> {
        self.evaluations += 1;
        round(params, self.net.params_mut());
        self.predictor.set_params(self.net.params())?;
        self.predictor
            .predict_into(&self.inputs, &mut self.outputs)?;
        let width = self.net.outputs();
        let rows = self.outputs.chunks_exact(width);
        let rows = rows.zip(self.targets.chunks_exact(width));
        let mut sum = 0.0;
        for (sample, ((y, t), r)) in rows.zip(self.trial.chunks_exact_mut(width)).enumerate() {
            widen(y, &mut self.row);
            let double = self.loss.residuals(&self.row, t, r);
            let root = self.roots.get(sample).copied().unwrap_or(1.0);
            for r in r {
                *r *= root;
            }
            sum += root * root * double;
        }
        self.penalize(params);
        check_finite("residuals at the start", &self.trial)?;
        if self.loss == GaussNewtonLoss::SquaredError {
            return sum_of_squares(&self.trial);
        }
        let penalties = &self.trial[self.targets.len()..];
        let value = sum + dot(penalties, penalties);
        let what = "loss of the samples";
        check_finite(what, &[value]).map_err(|error| error.at(|_| Position::Start))?;
        Ok(value)
    }

    /// Writes the penalty's residuals at these parameters to the end of `trial`.
    fn penalize(&mut self, params: &[f64]) {
        let rest = &mut self.trial[self.targets.len()..];
        self.prior.residuals(params, rest);
    }

    /// Returns the number of residuals of samples without weight.
    fn ignored(&self) -> usize {
        let samples = self.roots.iter().filter(|&&root| root == 0.0).count();
        samples * self.net.outputs()
    }

    /// Adds the rows of the samples at these parameters to an empty system, then estimates the
    /// penalty anew. Returns `false` if rounding of the system prevents the estimate.
    fn add_samples(&mut self, params: &[f64], system: &mut System) -> Result<bool> {
        let residuals = core::mem::take(&mut self.trial);
        let len = params.len();
        let result = self.for_each_block(|first, jacobian| {
            system.add(jacobian, &residuals[first..][..jacobian.len() / len])
        });
        self.trial = residuals;
        result?;
        let count = (self.targets.len() - self.ignored()).max(1) as f64;
        let errors = &self.trial[..self.targets.len()];
        self.prior.estimate(params, errors, count, system)
    }

    /// Visits blocks of rows of the weighted Jacobian at the network's parameters. Each comes with
    /// the index of its first residual.
    fn for_each_block(&mut self, mut visit: impl FnMut(usize, &[f64]) -> Result<()>) -> Result<()> {
        let (roots, block, loss) = (&self.roots, &mut self.block, self.loss);
        let (outputs, y, mean) = (self.net.outputs(), &mut self.row, &mut self.mean);
        let row = mean.len() * outputs;
        self.gradient
            .for_each_block_of(&self.net, &self.samples, |part| {
                memory::resize("Jacobian", block, 0.0, part.jacobian.len())?;
                widen(part.jacobian, block);
                if loss != GaussNewtonLoss::SquaredError {
                    let samples = part.outputs.chunks_exact(outputs);
                    for (from, rows) in samples.zip(block.chunks_exact_mut(row)) {
                        widen(from, y);
                        loss.scale_rows(y, rows, mean);
                    }
                }
                if !roots.is_empty() {
                    let roots = &roots[part.samples.clone()];
                    for (row, root) in block.chunks_exact_mut(row).zip(roots) {
                        for x in row {
                            *x *= root;
                        }
                    }
                }
                visit(part.samples.start * outputs, block)
            })
    }
}

impl<T: Float> Problem for OnSamples<'_, T> {
    fn residuals(&self) -> usize {
        self.residuals.len()
    }

    fn informative(&self) -> usize {
        self.residuals.len() - self.ignored()
    }

    fn evaluations(&self) -> usize {
        self.evaluations
    }

    fn kind(&self) -> ResidualKind {
        if self.loss != GaussNewtonLoss::SquaredError {
            ResidualKind::Loss
        } else if self.prior.evidence().is_none() && self.prior.lambda() != 0.0 {
            ResidualKind::Penalized
        } else {
            ResidualKind::Errors
        }
    }

    fn mean_square(&self, _: f64) -> f64 {
        let errors = &self.residuals[..self.targets.len()];
        dot(errors, errors) / self.total
    }

    fn evaluate(&mut self, params: &[f64]) -> Result<f64> {
        self.compute(params)
    }

    fn linearize(&mut self, params: &[f64], system: &mut System) -> Result<f64> {
        let sum = self.compute(params)?;
        if !self.add_samples(params, system)? {
            system.make_precise()?;
            self.add_samples(params, system)?;
        }
        self.penalize(params);
        self.residuals.copy_from_slice(&self.trial);
        let penalties = &self.residuals[self.targets.len()..];
        self.prior.add(penalties, system)?;
        if self.prior.evidence().is_some() {
            return sum_of_squares(&self.residuals);
        }
        Ok(sum)
    }

    fn keep_penalty(&mut self) {
        self.prior.keep();
    }

    fn accelerate(
        &mut self,
        params: &[f64],
        velocity: &[f64],
        system: &mut System,
        acceleration: &mut [f64],
    ) -> Result<bool> {
        let mut shifted = core::mem::take(&mut self.shifted);
        for ((to, x), v) in shifted.iter_mut().zip(params).zip(velocity) {
            *to = x + SHIFT * v;
        }
        let result = self.compute(&shifted);
        self.shifted = shifted;
        match result {
            Err(Error::NotFinite { .. } | Error::Overflow { .. }) => return Ok(false),
            result => drop(result?),
        }
        round(params, self.net.params_mut());
        let mut second = core::mem::take(&mut self.trial);
        let mut product = core::mem::take(&mut self.product);
        let residuals = core::mem::take(&mut self.residuals);
        product.fill(0.0);
        let result = self.for_each_block(|first, jacobian| {
            let rows = jacobian.chunks_exact(params.len());
            let before = &residuals[first..];
            for ((second, r), row) in second[first..].iter_mut().zip(before).zip(rows) {
                *second = second_derivative(*r, *second, dot(row, velocity));
                add_scaled(&mut product, row, *second);
            }
            Ok(())
        });
        // The penalty's residuals are linear.
        second[self.targets.len()..].fill(0.0);
        let is_finite = result.is_ok() && system.solve_again(&second, &product, acceleration);
        (self.trial, self.product, self.residuals) = (second, product, residuals);
        result.map(|()| is_finite)
    }
}
