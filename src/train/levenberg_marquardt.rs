//! Training on all samples at once, by the method of Levenberg and Marquardt.

use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::least_squares::{Problem, SHIFT, Search, System, second_derivative};
use super::sample_loop::threads_for;
use super::{
    Damping, Factorization, LeastSquaresIteration, LeastSquaresOptions, LeastSquaresReport, Scaling,
};
use crate::blas1::{add_scaled, dot};
use crate::error::{Error, Position, Result};
use crate::float::{Float, check_finite};
use crate::loss::SquaredError;
use crate::math;
use crate::memory;
use crate::mlp::{CheckedSamples, GradientWorkspace, Mlp, Predictor, Samples};

/// Levenberg-Marquardt trainer for the squared error. It fits smooth functions to many digits.
///
/// It suits networks of up to about 1,000 parameters, with smooth activations such as
/// [`Tanh`](crate::activation::Tanh), and exact targets: a slow function, a sensor's curve, a
/// controller's map. There it reaches in a second what a first-order optimizer never reaches. Each
/// step takes time for the cube of the number of parameters, and memory for the square.
///
/// # Algorithm
/// It minimizes the sum of squares of all residuals, weighted, with a penalty:
///
/// ```text
/// S = Σ wₛ · |y(xₛ) - tₛ|² + λ · Σ W²
/// ```
///
/// The first sum is over samples s with weights wₛ, the second over the network's weights W, but
/// not its biases. Divided by 2 Σ wₛ, S is the loss that [`Lbfgs`](super::Lbfgs) reports for
/// [`SquaredError`](crate::loss::SquaredError). The steps are those of
/// [`least_squares`](super::least_squares), whose documentation has method and sources. JᵀJ is added
/// up in blocks of samples, so the Jacobian is never held as a whole. If there are fewer residuals
/// than parameters, it is.
///
/// Steps are computed in f64 for both precisions. A network in f64 reaches more digits. One in f32
/// has no [acceleration](LeastSquaresOptions::acceleration), because rounding hides the second
/// derivative.
///
/// # Examples
/// ```
/// use feedforward::{Mlp, activation::{Identity, Tanh}, train::LevenbergMarquardt};
///
/// let inputs: Vec<f64> = (0..50).map(|i| f64::from(i) / 25.0 - 1.0).collect();
/// let targets: Vec<f64> = inputs.iter().map(|x| (3.0 * x).sin()).collect();
/// let mut net = Mlp::builder(1).hidden(5, Tanh).output(1, Identity).seed(1).build()?;
/// let report = LevenbergMarquardt::new().fit(&mut net, &inputs, &targets)?;
/// let rmse = (report.sum_of_squares / 50.0).sqrt();
/// assert!(rmse < 1e-4, "{rmse}");
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "its methods return the changed trainer"]
pub struct LevenbergMarquardt {
    options: LeastSquaresOptions,
    l2: f64,
    threads: Option<usize>,
}

impl Default for LevenbergMarquardt {
    fn default() -> Self {
        Self::new()
    }
}

impl LevenbergMarquardt {
    /// Creates a trainer without penalty, with the defaults of [`LeastSquaresOptions`] except
    /// these: at most 1,000 iterations, [`Factorization::Cholesky`], and no covariance.
    pub fn new() -> Self {
        Self {
            options: LeastSquaresOptions {
                iterations: 1_000,
                factorization: Factorization::Cholesky,
                covariance: false,
                ..LeastSquaresOptions::default()
            },
            l2: 0.0,
            threads: None,
        }
    }

    /// Sets all options of the search.
    pub fn options(mut self, options: LeastSquaresOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the maximum number of iterations. Default: 1,000.
    pub fn iterations(mut self, iterations: usize) -> Self {
        self.options.iterations = iterations;
        self
    }

    /// Sets the rule for the damping. Default: [`Damping::Nielsen`] with τ = 1e-3.
    pub fn damping(mut self, damping: Damping) -> Self {
        self.options.damping = damping;
        self
    }

    /// Sets the rule for the scale of the parameters. Default: [`Scaling::More`].
    pub fn scaling(mut self, scaling: Scaling) -> Self {
        self.options.scaling = scaling;
        self
    }

    /// Ends training at this sum of squares S. Default: 0.
    pub fn goal(mut self, sum_of_squares: f64) -> Self {
        self.options.goal = sum_of_squares;
        self
    }

    /// Sets the penalty λ on squared weights. Default: 0.
    ///
    /// It is that of [`GradientWorkspace::l2`], where all samples are the minibatch.
    pub fn l2(mut self, lambda: f64) -> Self {
        self.l2 = lambda;
        self
    }

    /// Sets the number of threads that share the Jacobian.
    ///
    /// See [`Trainer::threads`](super::Trainer::threads), where all samples are the minibatch.
    /// Results are bit-identical for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Trains the network on samples.
    ///
    /// `inputs` is row-major `[samples x inputs]`, `targets` is `[samples x outputs]`. The network
    /// ends with the parameters of the last iteration. The report's sums of squares are S.
    ///
    /// If a step leads to numbers that are not finite, it is shortened. This is not an error.
    ///
    /// # Errors
    /// - [`Error::Rows`], [`Error::Length`], [`Error::InvalidSetting`] and [`Error::NotFinite`] for
    ///   invalid shapes, settings and numbers
    /// - [`Error::InvalidSetting`] for a covariance with a penalty
    /// - [`Error::TooLarge`] if a matrix `[params x params]` does not fit in memory
    /// - [`Error::Overflow`] if the initial network's outputs or derivatives are not finite
    ///
    /// An error leaves the network unchanged.
    pub fn fit<T: Float>(
        &self,
        net: &mut Mlp<T>,
        inputs: &[T],
        targets: &[T],
    ) -> Result<LeastSquaresReport> {
        let samples = Samples::new(inputs, targets);
        self.fit_with(net, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// Trains as [`fit`](Self::fit) does, on samples that may have weights, and calls a function
    /// after each iteration. The function can end training.
    ///
    /// ```
    /// # use feedforward::{Mlp, Samples, activation::Identity};
    /// # use feedforward::train::{LeastSquaresStop, LevenbergMarquardt};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
    /// let samples = Samples::new(&[1.0, 2.0, 4.0], &[2.0, 4.0, 7.0]);
    /// let trainer = LevenbergMarquardt::new();
    /// let report = trainer.fit_with(&mut net, &samples, |iteration, _net| {
    ///     println!("{}: {}", iteration.number, iteration.sum_of_squares);
    ///     ControlFlow::Break(())
    /// })?;
    /// assert_eq!(report.stopped_by, LeastSquaresStop::Callback);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`fit`](Self::fit).
    pub fn fit_with<T: Float>(
        &self,
        net: &mut Mlp<T>,
        samples: &Samples<'_, T>,
        mut on_iteration: impl FnMut(&LeastSquaresIteration, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<LeastSquaresReport> {
        self.options.check()?;
        if self.l2 != 0.0 && self.options.covariance {
            let expected = "no penalty";
            return Err(Error::invalid_setting("covariance", expected, self.l2));
        }
        let rows = samples.check(net, &SquaredError)?;
        let threads = threads_for(self.threads, rows.len(), net)?;
        let workspace = GradientWorkspace::new(net)
            .l2(self.l2)?
            .with_threads(threads);
        let start: Vec<f64> = net.params().iter().map(|x| x.as_f64()).collect();
        let problem = OnSamples::new(net, rows, workspace, self.l2)?;
        let mut options = self.options;
        options.acceleration &= T::epsilon().as_f64() <= f64::EPSILON;
        let search = Search::new(&options, &start, problem)?;
        search.run(|iteration, params| {
            round(params, net.params_mut());
            on_iteration(iteration, net)
        })
    }
}

/// Writes parameters in the precision of a network.
fn round<T: Float>(from: &[f64], to: &mut [T]) {
    for (to, &x) in to.iter_mut().zip(from) {
        *to = T::from_f64(x);
    }
}

/// Residuals of a network on samples.
///
/// Those of the penalty, √λ · W for each weight W, come after those of the samples.
struct OnSamples<'a, T> {
    samples: CheckedSamples<'a, T>,
    gradient: GradientWorkspace<T>,
    predictor: Predictor<T>,
    net: Mlp<T>,
    /// Inputs and targets of the samples, row by row.
    inputs: Vec<T>,
    targets: Vec<f64>,
    /// Square root of the weight of each sample. Empty without weights.
    roots: Vec<f64>,
    outputs: Vec<T>,
    /// Residuals of the last `linearize`, and of the last evaluation.
    residuals: Vec<f64>,
    trial: Vec<f64>,
    /// √λ
    penalty: f64,
    /// Rows of the Jacobian, weighted.
    block: Vec<f64>,
    shifted: Vec<f64>,
    product: Vec<f64>,
    evaluations: usize,
}

impl<'a, T: Float> OnSamples<'a, T> {
    fn new(
        net: &Mlp<T>,
        samples: CheckedSamples<'a, T>,
        gradient: GradientWorkspace<T>,
        l2: f64,
    ) -> Result<Self> {
        let count = memory::product("residuals", &[samples.len(), net.outputs()])?;
        let zeros = |len| memory::filled("residuals", 0.0, len);
        let mut inputs = memory::filled("inputs", T::zero(), samples.len() * net.inputs())?;
        samples.copy_inputs(0..samples.len(), &mut inputs, net.inputs());
        let mut outputs = memory::filled("outputs", T::zero(), count)?;
        samples.copy_targets(0..samples.len(), &mut outputs);
        let targets = outputs.iter().map(|t| t.as_f64());
        let weights = (0..samples.len()).filter_map(|sample| samples.weight(sample));
        let total = if l2 == 0.0 {
            count
        } else {
            let layers = net.layout().layers().iter();
            count + layers.map(|at| at.weights.len()).sum::<usize>()
        };
        Ok(Self {
            targets: memory::collected("targets", count, targets)?,
            roots: weights.map(|weight| math::sqrt(weight.as_f64())).collect(),
            gradient,
            predictor: Predictor::new(net.clone())?,
            net: net.clone(),
            inputs,
            outputs,
            residuals: zeros(total)?,
            trial: zeros(total)?,
            penalty: math::sqrt(l2),
            block: Vec::new(),
            shifted: zeros(net.params().len())?,
            product: zeros(net.params().len())?,
            samples,
            evaluations: 0,
        })
    }

    /// Computes the residuals at these parameters into `trial`.
    fn compute(&mut self, params: &[f64]) -> Result<()> {
        self.evaluations += 1;
        round(params, self.net.params_mut());
        self.predictor.set_params(self.net.params())?;
        self.predictor
            .predict_into(&self.inputs, &mut self.outputs)?;
        let pairs = self.outputs.iter().zip(&self.targets);
        for (r, (y, t)) in self.trial.iter_mut().zip(pairs) {
            *r = y.as_f64() - t;
        }
        let outputs = self.net.outputs();
        for (row, root) in self.trial.chunks_exact_mut(outputs).zip(&self.roots) {
            for r in row {
                *r *= root;
            }
        }
        if self.penalty != 0.0 {
            let rest = self.trial[self.targets.len()..].iter_mut();
            for (r, index) in rest.zip(weights(&self.net)) {
                *r = self.penalty * params[index];
            }
        }
        check_finite("residuals", &self.trial)
    }

    /// Visits blocks of rows of the weighted Jacobian at the network's parameters. Each comes with
    /// the index of its first residual.
    fn for_each_block(&mut self, mut visit: impl FnMut(usize, &[f64]) -> Result<()>) -> Result<()> {
        let (roots, block) = (&self.roots, &mut self.block);
        let row = self.net.params().len() * self.net.outputs();
        let outputs = self.net.outputs();
        self.gradient
            .for_each_block_of(&self.net, &self.samples, |part| {
                memory::resize("Jacobian", block, 0.0, part.jacobian.len())?;
                for (to, x) in block.iter_mut().zip(part.jacobian) {
                    *to = x.as_f64();
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

/// Returns the indices of a network's weights, which a penalty covers.
fn weights<T: Float>(net: &Mlp<T>) -> impl Iterator<Item = usize> {
    net.layout()
        .layers()
        .iter()
        .flat_map(|at| at.weights.clone())
}

impl<T: Float> Problem for OnSamples<'_, T> {
    fn residuals(&self) -> usize {
        self.residuals.len()
    }

    fn evaluations(&self) -> usize {
        self.evaluations
    }

    fn evaluate(&mut self, params: &[f64]) -> Result<f64> {
        self.compute(params)?;
        let value = dot(&self.trial, &self.trial);
        if value.is_finite() {
            return Ok(value);
        }
        Err(Error::NotFinite {
            what: "sum of squares of the residuals",
            at: Position::Index(0),
            value,
        })
    }

    fn linearize(&mut self, params: &[f64], system: &mut System) -> Result<()> {
        self.compute(params)?;
        self.residuals.copy_from_slice(&self.trial);
        let residuals = core::mem::take(&mut self.residuals);
        let len = params.len();
        let result = self.for_each_block(|first, jacobian| {
            system.add(jacobian, &residuals[first..][..jacobian.len() / len])
        });
        self.residuals = residuals;
        result?;
        if self.penalty == 0.0 {
            return Ok(());
        }
        let penalties = &self.residuals[self.targets.len()..];
        system.add_diagonal(weights(&self.net), self.penalty, penalties)
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
            result => result?,
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
