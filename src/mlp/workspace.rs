//! Workspace of the forward and backward pass, which also holds the gradient.

use alloc::vec;
use alloc::vec::Vec;
use core::slice;

use super::Mlp;
use super::chunk::{self, Chunk};
use super::clip::Clip;
use super::dropout::Dropout;
use super::minibatch::Minibatch;
use super::packed::Packed;
use super::reduction::{Part, parts};
use super::samples::{CheckedSamples, Samples};
use super::shard::{LEAST_ROWS, chunks};
use crate::error::{Error, Result};
use crate::float::{Float, check_not_negative, check_positive};
use crate::layout::Layout;
use crate::loss::Loss;
use crate::memory;
use crate::parallel::Threads;

mod derivatives;
mod each;
mod jacobian;
mod overflow;
mod shards;

use each::Probe;
pub use jacobian::JacobianBlock;

/// Maximum number of rows that are evaluated together, to bound memory.
const MOST_ROWS: usize = 4 * LEAST_ROWS;

/// Workspace that computes and holds gradients.
///
/// The loss of a minibatch is the mean over its samples. If [`l2`](Self::l2) is set, a penalty is
/// added, as in scikit-learn:
///
/// ```text
/// loss = Σ sᵢ · lossᵢ / B + λ / (2 B) · Σ w²,  B = Σ sᵢ
/// ```
///
/// The penalty covers all weights w of the layers, but neither biases nor the numbers α of
/// [`Parametric`](crate::activation::Parametric) activations. Without sample weights, all sᵢ are 1.
/// PyTorch's `weight_decay` corresponds to λ / B, but PyTorch also decays biases.
///
/// Sums over samples run in a fixed order: first within chunks of rows, then over the chunks. The
/// number of chunks depends on the size of the minibatch alone.
///
/// ```
/// use feedforward::{GradientWorkspace, Mlp, activation::Identity, loss::SquaredError};
///
/// let mut net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
/// net.set_params(&[3.0, 1.0])?; // y = 3 x + 1
/// let mut gradient = GradientWorkspace::new(&net);
/// let loss = gradient.compute(&net, &[1.0, 2.0], &[3.0, 9.0], &SquaredError)?;
/// assert_eq!(loss, (0.5 + 2.0) / 2.0); // errors 1 and -2
/// assert_eq!(gradient.values(), [(1.0 - 4.0) / 2.0, (1.0 - 2.0) / 2.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "backward")]
#[doc(alias = "backpropagation")]
#[derive(Clone, Debug)]
#[must_use = "its methods of settings return the changed workspace"]
pub struct GradientWorkspace<T> {
    layout: Layout,
    packed: Packed<T>,
    chunks: Vec<Chunk<T>>,
    /// Number of chunks of the last computed gradient.
    used: usize,
    /// `true` if the chunks hold the partial gradients of a shard.
    is_sharded: bool,
    /// One probe for each thread that computed derivatives, and at least one.
    probes: Vec<Probe<T>>,
    values: Vec<T>,
    /// Partial gradient of the encoding's parameters, which is 0 between two gradients.
    partial: Vec<T>,
    parts: Vec<Part>,
    inputs: Option<Vec<T>>,
    l2: f64,
    clip: Option<Clip>,
    dropout: Option<Dropout>,
    dropout_seed: u64,
    /// Mean weight of all samples, if it replaces the minibatch's own weights as divisor.
    mean_weight: Option<f64>,
    /// Number of gradients computed so far, which seeds the next dropout.
    updates: u64,
    /// Largest magnitude in the last finite gradient, before clipping.
    max_abs: f64,
    threads: Threads,
    /// Last derivatives of single samples, and the outputs and losses that belong to them.
    derivatives: Vec<T>,
    outputs: Vec<T>,
    losses: Vec<f64>,
}

impl<T: Float> GradientWorkspace<T> {
    /// Creates a workspace for networks of this network's shape.
    pub fn new(net: &Mlp<T>) -> Self {
        Self {
            layout: net.layout().clone(),
            packed: Packed::new(net),
            chunks: Vec::new(),
            used: 0,
            is_sharded: false,
            probes: vec![Probe::new(net)],
            values: vec![T::zero(); net.layout().len()],
            partial: vec![T::zero(); net.layout().encoding().len()],
            parts: parts(net.layout()),
            inputs: None,
            l2: 0.0,
            clip: None,
            dropout: None,
            dropout_seed: 0,
            mean_weight: None,
            updates: 0,
            max_abs: 0.0,
            threads: Threads::one(),
            derivatives: Vec::new(),
            outputs: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// Sets the penalty λ on squared weights. Default: 0.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if λ is negative, or not finite or rounded to 0 in this precision.
    pub fn l2(mut self, lambda: f64) -> Result<Self> {
        check_not_negative::<T>("L2 penalty", lambda)?;
        self.l2 = lambda;
        Ok(self)
    }

    /// Sets a bound on the gradient. Default: none.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless the bound is above 0 and finite in this precision too.
    pub fn clip(mut self, clip: Clip) -> Result<Self> {
        self.set_clip(Some(clip))?;
        Ok(self)
    }

    pub(crate) fn set_clip(&mut self, clip: Option<Clip>) -> Result<()> {
        clip.map_or(Ok(()), Clip::check::<T>)?;
        self.clip = clip;
        Ok(())
    }

    /// Sets the probability with which each hidden output is dropped. The other hidden outputs are
    /// divided by 1 - `rate`. Default: 0.
    ///
    /// Each gradient draws new outputs to drop. They depend on the seed and on the number of
    /// gradients that this workspace computed before. See Srivastava et al., 2014,
    /// [JMLR 15](https://jmlr.org/papers/v15/srivastava14a.html).
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless `rate` is 0, or at least 2^-32 and below 1.
    pub fn dropout(mut self, rate: f64, seed: u64) -> Result<Self> {
        self.dropout_seed = seed;
        self.set_dropout(rate)?;
        Ok(self)
    }

    /// Changes the probability of [`dropout`](Self::dropout) for the next gradients, as a schedule
    /// does. The seed stays.
    ///
    /// # Errors
    /// As [`dropout`](Self::dropout). An error changes nothing.
    pub fn set_dropout(&mut self, rate: f64) -> Result<()> {
        let dropout = Dropout::new(rate, self.dropout_seed)?;
        self.dropout = Some(dropout).filter(|_| rate > 0.0);
        Ok(())
    }

    /// Sets the mean weight of all samples. Losses and gradients are then divided by the number of
    /// samples times this weight, instead of by the sum of a minibatch's own weights.
    ///
    /// A [`Shard`](crate::Shard) ignores it, because
    /// [`Shard::with_total_weight`](crate::Shard::with_total_weight) sets its divisor.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless the weight is a finite number above 0.
    pub fn mean_weight(mut self, weight: f64) -> Result<Self> {
        self.set_mean_weight(Some(weight))?;
        Ok(self)
    }

    pub(crate) fn set_mean_weight(&mut self, weight: Option<f64>) -> Result<()> {
        if let Some(weight) = weight {
            check_positive::<T>("mean weight", weight)?;
        }
        self.mean_weight = weight;
        Ok(())
    }

    /// Sets the update counter that seeds [`dropout`](Self::dropout). Needed when training resumes.
    pub fn set_updates(&mut self, updates: u64) {
        self.updates = updates;
    }

    /// Returns the largest magnitude in the last computed gradient, before clipping.
    pub fn max_abs(&self) -> f64 {
        self.max_abs
    }

    /// Sets the number of threads that compute chunks in parallel. Results are bit-identical.
    ///
    /// A minibatch has at most 16 chunks. Threads beyond both that number and the number of cores
    /// would have no work, so they are not started. An unused pool is kept for the next caller.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for 0, [`Error::TooLarge`] for more than the system can start.
    pub fn threads(self, count: usize) -> Result<Self> {
        Ok(self.with_threads(Threads::exactly(count)?))
    }

    pub(crate) fn with_threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Enables the gradient with respect to the inputs.
    pub fn with_input_gradient(mut self) -> Self {
        self.inputs = Some(Vec::new());
        self
    }

    /// Returns `true` if a minibatch of this many samples has chunks for several threads.
    pub(crate) fn can_run_parallel(samples: usize) -> bool {
        chunks(samples) > 1
    }

    /// Returns the last computed gradient. It is laid out like [`Mlp::params`]: layer by layer,
    /// weights, biases and numbers α, then the encoding.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Returns the gradient of the minibatch's loss with respect to its inputs, row-major
    /// `[samples x inputs]`. `None` unless [`with_input_gradient`](Self::with_input_gradient)
    /// enabled it.
    pub fn input_gradient(&self) -> Option<&[T]> {
        self.inputs.as_deref()
    }

    /// Computes loss and gradient over a minibatch, and returns the loss. `inputs` is row-major
    /// `[samples x inputs]`, and `targets` is `[samples x outputs]`.
    ///
    /// # Errors
    /// - [`Error::Rows`], [`Error::Length`] or [`Error::Shape`] if shapes do not fit.
    /// - [`Error::NotFinite`] if an input, a target or a parameter is not finite, even if the loss
    ///   accepts such a target.
    /// - [`Error::Incompatible`] if the output layer does not suit the loss.
    /// - The error of [`Loss::check_target`] if the loss refuses a target.
    /// - [`Error::Overflow`] if an output, the loss or the gradient is not finite.
    pub fn compute(
        &mut self,
        net: &Mlp<T>,
        inputs: &[T],
        targets: &[T],
        loss: &dyn Loss<T>,
    ) -> Result<f64> {
        self.compute_samples(net, &Samples::new(inputs, targets), loss)
    }

    /// Computes loss and gradient as [`compute`](Self::compute) does, over weighted samples or
    /// selected rows of a data set.
    ///
    /// # Errors
    /// As [`compute`](Self::compute). Also [`Error::OutOfBounds`] if a row does not exist,
    /// [`Error::InvalidValue`] if a weight is negative, and [`Error::InvalidSetting`] if all
    /// weights are zero.
    pub fn compute_samples(
        &mut self,
        net: &Mlp<T>,
        samples: &Samples<'_, T>,
        loss: &dyn Loss<T>,
    ) -> Result<f64> {
        let loss = self.compute_rows(net, &samples.check(net, loss)?, loss)?;
        self.updates = self.updates.wrapping_add(1);
        Ok(loss)
    }

    /// Returns the mean loss over samples, without gradient, penalty and dropout. `inputs` is
    /// row-major `[samples x inputs]`, and `targets` is `[samples x outputs]`.
    ///
    /// # Errors
    /// As [`compute`](Self::compute).
    pub fn evaluate(
        &mut self,
        net: &Mlp<T>,
        inputs: &[T],
        targets: &[T],
        loss: &dyn Loss<T>,
    ) -> Result<f64> {
        self.evaluate_samples(net, &Samples::new(inputs, targets), loss)
    }

    /// Returns the mean loss as [`evaluate`](Self::evaluate) does, over weighted samples or
    /// selected rows of a data set.
    ///
    /// # Errors
    /// As [`compute_samples`](Self::compute_samples).
    pub fn evaluate_samples(
        &mut self,
        net: &Mlp<T>,
        samples: &Samples<'_, T>,
        loss: &dyn Loss<T>,
    ) -> Result<f64> {
        self.evaluate_rows(net, &samples.check(net, loss)?, loss, None)
    }

    /// Returns the mean loss as [`evaluate_samples`](Self::evaluate_samples) does, for checked
    /// samples. It appends the network's outputs to `outputs`.
    pub(crate) fn evaluate_rows(
        &mut self,
        net: &Mlp<T>,
        samples: &CheckedSamples<'_, T>,
        loss: &dyn Loss<T>,
        mut outputs: Option<&mut Vec<T>>,
    ) -> Result<f64> {
        let total = samples.total_weight();
        self.prepare(net, None)?;
        let chunk = &mut self.probes[0].chunk;
        let minibatch = Minibatch::new(net, &self.packed, samples, loss);
        let (rows, mut sum) = (samples.len(), 0.0);
        if let Some(outputs) = &mut outputs {
            let len = memory::product("outputs", &[rows, net.outputs()])?;
            memory::reserve("outputs", outputs, outputs.len().saturating_add(len))?;
        }
        for first in (0..rows).step_by(MOST_ROWS) {
            let range = first..rows.min(first + MOST_ROWS);
            chunk.assign(net, range, false, false)?;
            chunk::compute_loss(chunk, minibatch);
            sum += chunk.loss;
            if let Some(outputs) = &mut outputs {
                let rows = chunk.outputs(net);
                rows.for_each(|row| outputs.extend_from_slice(row));
            }
        }
        let mean = sum / total;
        if mean.is_finite() {
            return Ok(mean);
        }
        Err(self.explain(slice::from_ref(&self.probes[0].chunk), mean))
    }

    /// Packs the network's current parameters, as [`Packed::refresh`] explains.
    fn prepare(&mut self, net: &Mlp<T>, backward: Option<usize>) -> Result<()> {
        self.check_layout(net)?;
        self.packed.refresh(net, &self.threads, backward)
    }

    fn check_layout(&self, net: &Mlp<T>) -> Result<()> {
        if net.layout() == &self.layout {
            return Ok(());
        }
        let expected = "the layout of the network that the workspace was created for";
        Err(Error::shape("network's layout", expected, "another"))
    }
}
