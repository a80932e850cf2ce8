//! Training on all samples at once, by the method of Levenberg and Marquardt.

use super::{Damping, Factorization, LeastSquaresOptions, Scaling};
#[cfg(doc)]
use crate::mlp::{GradientWorkspace, Mlp};

mod columns;
mod fit;
mod loss;
mod on_samples;
mod prior;
mod report;
mod state;
mod validation;

pub use loss::GaussNewtonLoss;
use prior::Penalty;
pub use report::{Evidence, LevenbergMarquardtReport};
pub use state::LevenbergMarquardtState;

/// Levenberg-Marquardt trainer, which fits smooth functions to many digits.
///
/// The loss is the squared error, or [another](Self::loss) by the generalized Gauss-Newton method.
///
/// It suits exact targets: a slow function, a sensor's curve, a controller's map. Networks should
/// have at most about 1,000 parameters, and smooth activations such as
/// [`Tanh`](crate::activation::Tanh). There it reaches in a second what a first-order optimizer
/// never reaches. Each step takes time for the cube of the number of parameters, and memory for the
/// square.
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
/// assert!(report.rmse()? < 1e-4, "{:?}", report.rmse());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "its methods return the changed trainer"]
pub struct LevenbergMarquardt {
    options: LeastSquaresOptions,
    loss: GaussNewtonLoss,
    penalty: Penalty,
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
            loss: GaussNewtonLoss::SquaredError,
            penalty: Penalty::Weights(0.0),
            threads: None,
        }
    }

    /// Sets all options of the search, also those that other methods set. Call it before
    /// [`iterations`](Self::iterations) or [`bayesian`](Self::bayesian), for example.
    pub fn options(mut self, options: LeastSquaresOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets the loss. Default: [`GaussNewtonLoss::SquaredError`].
    ///
    /// With another loss, S is twice the sum of the samples' losses and the penalty. There is no
    /// acceleration, and neither a covariance nor a Bayesian penalty. Residuals have no standard
    /// deviation then.
    ///
    /// ```
    /// use feedforward::activation::{Identity, Tanh};
    /// use feedforward::{Mlp, train::{GaussNewtonLoss, LevenbergMarquardt}};
    ///
    /// let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    /// let targets = [0.0, 1.0, 1.0, 0.0]; // exclusive or
    /// let mut net = Mlp::<f64>::builder(2).hidden(8, Tanh).output(1, Identity).seed(1).build()?;
    /// let trainer = LevenbergMarquardt::new().loss(GaussNewtonLoss::BinaryCrossEntropy);
    /// trainer.l2(1e-3).fit(&mut net, &inputs, &targets)?;
    /// let logits = net.predict(&inputs)?;
    /// assert!(logits.iter().zip(targets).all(|(y, t)| (*y > 0.0) == (t == 1.0)), "{logits:?}");
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn loss(mut self, loss: GaussNewtonLoss) -> Self {
        self.loss = loss;
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

    /// Chooses whether the report has the covariance of the parameters, and thus error bars.
    /// Default: `false`, and `true` if the penalty is [Bayesian](Self::bayesian).
    ///
    /// It needs a squared error and no constant penalty. Rows and columns are in the order of
    /// [`Mlp::params`].
    pub fn covariance(mut self, has_covariance: bool) -> Self {
        self.options.covariance = has_covariance;
        self
    }

    /// Sets the penalty λ on squared weights. Default: 0.
    ///
    /// It is that of [`GradientWorkspace::l2`], where all samples are the minibatch. It replaces a
    /// [Bayesian](Self::bayesian) one.
    pub fn l2(mut self, lambda: f64) -> Self {
        if self.penalty == Penalty::Bayesian {
            self.options.covariance = false;
        }
        self.penalty = Penalty::Weights(lambda);
        self
    }

    /// Estimates the penalty from the samples, without validation: Bayesian regularization.
    ///
    /// It minimizes
    ///
    /// ```text
    /// F = β · E + α · W     E = Σ wₛ · |y(xₛ) - tₛ|²,   W = Σ z²
    /// ```
    ///
    /// and estimates α and β after each step, from n residuals and N parameters:
    ///
    /// ```text
    /// λ = α / β
    /// γ = N - λ · tr C       C = covariance of z, divided by the noise's variance
    /// α = γ / 2W,   β = (n - γ) / 2E
    /// ```
    ///
    /// γ is the number of parameters that the samples determine, and 1/√(2β) the noise of the
    /// targets. This replaces [`l2`](Self::l2). The report then has this [`Evidence`], and error
    /// bars of predictions: [`LevenbergMarquardtReport::predict_with_error`]. Sums of squares in
    /// the report are F/β, where λ changes from step to step.
    ///
    /// z are the parameters that the network would have for scaled samples: each input and target
    /// minus its mean, divided by √3 standard deviations. The best fit is thus the same in any
    /// unit. The search still starts from the network's own parameters, so unscaled inputs can
    /// take more iterations. Inputs of a network with an encoding are not scaled, nor are targets
    /// if the last activation is not the identity.
    ///
    /// Some starts end in a local minimum with a larger noise, so compare the noise of a few seeds.
    ///
    /// The method also sets [`Factorization::Cholesky`], a covariance and a
    /// [`decrease_tolerance`](LeastSquaresOptions::decrease_tolerance) of 1e-9, below which α and β
    /// have settled. If rounding of JᵀJ hides the penalty, as with noise below 1e-6, the fit
    /// continues with QR, which takes several times as long.
    ///
    /// Sources: MacKay, "A practical Bayesian framework for backpropagation networks", 1992,
    /// [doi:10.1162/neco.1992.4.3.448](https://doi.org/10.1162/neco.1992.4.3.448). Foresee and
    /// Hagan, "Gauss-Newton approximation to Bayesian learning", 1997,
    /// [doi:10.1109/ICNN.1997.614194](https://doi.org/10.1109/ICNN.1997.614194).
    ///
    /// ```
    /// use feedforward::{Mlp, activation::{Identity, Tanh}, train::LevenbergMarquardt};
    ///
    /// // A line with noise, and a network with far too many neurons.
    /// let inputs: Vec<f64> = (0..40).map(|i| f64::from(i) / 20.0 - 1.0).collect();
    /// let noise = |i: usize| 0.1 * f64::from((7 * i as u32 % 5) as u8) - 0.2;
    /// let targets: Vec<f64> = inputs.iter().enumerate().map(|(i, x)| x + noise(i)).collect();
    /// let mut net = Mlp::builder(1).hidden(15, Tanh).output(1, Identity).seed(1).build()?;
    /// let trainer = LevenbergMarquardt::new().bayesian();
    /// let report = trainer.fit(&mut net, &inputs, &targets)?;
    /// assert!(report.evidence.unwrap().effective_params < 6.0, "{:?}", report.evidence);
    /// let (y, deviation) = report.predict_with_error(&net, &[0.5])?;
    /// assert!((y[0] - 0.5).abs() < 0.1, "{y:?}");
    /// assert!((deviation[0] - 0.14).abs() < 0.03, "{deviation:?}");
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn bayesian(mut self) -> Self {
        self.penalty = Penalty::Bayesian;
        self.options.factorization = Factorization::Cholesky;
        self.options.covariance = true;
        self.options.decrease_tolerance = 1e-9;
        self
    }

    /// Sets the number of threads that share the Jacobian and its products.
    ///
    /// See [`Trainer::threads`](super::Trainer::threads), where all samples are the minibatch.
    /// Results are bit-identical for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }
}
