//! The workspace of the forward and the backward pass, and its result, the gradient.

use alloc::vec;
use alloc::vec::Vec;
use core::slice;

use super::Mlp;
use super::chunk::{self, Chunk, Minibatch};
use super::clip::Clip;
use super::dropout::Dropout;
use super::packed::Packed;
use super::samples::{CheckedSamples, Samples};
use super::shard::{LEAST_ROWS, chunks};
use crate::error::{Error, Result};
use crate::float::{Float, check_not_negative, check_positive};
use crate::layout::Layout;
use crate::loss::Loss;
use crate::parallel::Threads;

mod derivatives;
mod overflow;
mod shards;

/// Rows that are evaluated together, to bound memory.
const MOST_ROWS: usize = 4 * LEAST_ROWS;

/// Computes gradients: the workspace of the backward pass, and its result.
///
/// The loss of a minibatch is the mean over its samples, plus the penalty
/// lambda / (2 B) times the sum of squared weights (not biases) if [`l2`](Self::l2) was set, where
/// B is the number of samples, or the sum of their weights if they have any: scikit-learn's
/// convention. (PyTorch's `weight_decay` is lambda / B here, and there decays biases too.)
///
/// Sums over samples run in a fixed order: within chunks of rows whose number depends
/// on the size of the minibatch alone, then over the chunks.
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
#[derive(Clone, Debug)]
#[must_use = "its methods of settings return the changed workspace"]
pub struct GradientWorkspace<T> {
    layout: Layout,
    packed: Packed<T>,
    chunks: Vec<Chunk<T>>,
    /// Number of chunks of the gradient computed last.
    used: usize,
    /// The chunk of evaluations and derivatives, which holds no sums of a gradient.
    probe: Chunk<T>,
    values: Vec<T>,
    inputs: Option<Vec<T>>,
    l2: f64,
    clip: Option<Clip>,
    dropout: Option<Dropout>,
    /// Mean weight of a sample, if minibatches are not divided by their own weights.
    mean_weight: Option<f64>,
    /// Number of gradients computed so far, which seeds the next one's dropout.
    updates: u64,
    /// The largest magnitude in the last finite gradient, before clipping.
    max_abs: f64,
    threads: Threads,
    /// Last result of [`jacobian`](Self::jacobian) or [`compute_each`](Self::compute_each).
    derivatives: Vec<T>,
    losses: Vec<f64>,
}

impl<T: Float> GradientWorkspace<T> {
    /// A workspace for networks of this shape.
    pub fn new(net: &Mlp<T>) -> Self {
        Self {
            layout: net.layout().clone(),
            packed: Packed::new(net, true),
            chunks: Vec::new(),
            used: 0,
            probe: Chunk::new(net, false),
            values: vec![T::zero(); net.layout().len()],
            inputs: None,
            l2: 0.0,
            clip: None,
            dropout: None,
            mean_weight: None,
            updates: 0,
            max_abs: 0.0,
            threads: Threads::one(),
            derivatives: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// Sets the penalty lambda on squared weights.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if it is negative, or not finite or rounded to 0 in this precision.
    pub fn l2(mut self, lambda: f64) -> Result<Self> {
        check_not_negative::<T>("L2 penalty", lambda)?;
        self.l2 = lambda;
        Ok(self)
    }

    /// Sets a bound on the gradient.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless it is above 0 and finite in this precision too.
    pub fn clip(mut self, clip: Clip) -> Result<Self> {
        self.set_clip(Some(clip))?;
        Ok(self)
    }

    pub(crate) fn set_clip(&mut self, clip: Option<Clip>) -> Result<()> {
        clip.map_or(Ok(()), Clip::check::<T>)?;
        self.clip = clip;
        Ok(())
    }

    /// Drops each hidden output with this probability and divides the others by
    /// 1 - `rate`, anew for each gradient: a function of the seed and the number of gradients
    /// that this workspace computed before (Srivastava et al., "Dropout", 2014).
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless `rate` is 0, or at least 2^-32 and below 1.
    pub fn dropout(mut self, rate: f64, seed: u64) -> Result<Self> {
        let dropout = Dropout::new(rate, seed)?;
        self.dropout = Some(dropout).filter(|_| rate > 0.0);
        Ok(self)
    }

    /// Divides by the number of samples times this weight, the mean over all that there are,
    /// instead of by the sum of a minibatch's own weights.
    ///
    /// It does not change a [`Shard`](crate::Shard), which is told the weight of its minibatch
    /// ([`Shard::with_total_weight`](crate::Shard::with_total_weight)).
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless it is a finite number above 0.
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

    /// Sets how many gradients there were before, for a training that goes on: what its next
    /// [`dropout`](Self::dropout) depends on.
    pub fn set_updates(&mut self, updates: u64) {
        self.updates = updates;
    }

    /// The largest magnitude in the gradient computed last, before clipping.
    pub fn max_abs(&self) -> f64 {
        self.max_abs
    }

    /// Sets the number of threads that compute chunks in parallel. Results are bit-identical.
    ///
    /// A minibatch has at most 16 parts. More threads than that, and than the machine has cores, would
    /// do nothing, so they are not started. A pool that is used no more is kept for the next caller.
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

    /// Asks for the gradient with respect to the inputs as well.
    pub fn with_input_gradient(mut self) -> Self {
        self.inputs = Some(Vec::new());
        self
    }

    /// Whether a minibatch of this many samples has chunks for several threads.
    pub(crate) fn can_run_parallel(samples: usize) -> bool {
        chunks(samples) > 1
    }

    /// The gradient computed last, laid out like [`Mlp::params`]: layer after layer, weights then
    /// biases.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The gradient of the minibatch's loss with respect to its inputs, row-major
    /// `[samples x inputs]`, if [`with_input_gradient`](Self::with_input_gradient) asked for it.
    pub fn input_gradient(&self) -> Option<&[T]> {
        self.inputs.as_deref()
    }

    /// Computes loss and gradient over a minibatch: `inputs` row-major
    /// `[samples x inputs]`, `targets` `[samples x outputs]`. Returns the loss.
    ///
    /// # Errors
    /// [`Error::Rows`] or [`Error::Length`] if shapes do not fit, [`Error::NotFinite`] if an
    /// input, a target or a parameter is not finite, whatever the loss says of its targets,
    /// and [`Error::Overflow`] if an output, the loss or the gradient is not finite.
    pub fn compute(
        &mut self,
        net: &Mlp<T>,
        inputs: &[T],
        targets: &[T],
        loss: &dyn Loss<T>,
    ) -> Result<f64> {
        self.compute_samples(net, &Samples::new(inputs, targets), loss)
    }

    /// [`compute`](Self::compute) over samples with weights, or some rows of a data set.
    ///
    /// # Errors
    /// As [`compute`](Self::compute), and [`Error::OutOfBounds`] if a row does not exist,
    /// [`Error::InvalidValue`] if a weight is negative, [`Error::InvalidSetting`] if all are zero.
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

    /// The mean loss over samples, without gradient, penalty and dropout: `inputs` row-major
    /// `[samples x inputs]`, `targets` `[samples x outputs]`.
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

    /// [`evaluate`](Self::evaluate) over samples with weights, or some rows of a data set.
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

    /// [`evaluate_samples`](Self::evaluate_samples) for samples that were checked. The network's
    /// outputs are appended to `outputs`.
    pub(crate) fn evaluate_rows(
        &mut self,
        net: &Mlp<T>,
        samples: &CheckedSamples<'_, T>,
        loss: &dyn Loss<T>,
        mut outputs: Option<&mut Vec<T>>,
    ) -> Result<f64> {
        let total = samples.total_weight();
        self.prepare(net)?;
        let chunk = &mut self.probe;
        let minibatch = Minibatch::new(net, &self.packed, samples, loss);
        let (rows, mut sum) = (samples.len(), 0.0);
        for first in (0..rows).step_by(MOST_ROWS) {
            let range = first..rows.min(first + MOST_ROWS);
            chunk.assign(net, range, false, false);
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
        Err(self.explain(slice::from_ref(&self.probe), mean))
    }

    /// Packs the network's parameters as they are now.
    fn prepare(&mut self, net: &Mlp<T>) -> Result<()> {
        self.check_layout(net)?;
        self.packed.refresh(net, &self.threads)
    }

    fn check_layout(&self, net: &Mlp<T>) -> Result<()> {
        if net.layout() == &self.layout {
            return Ok(());
        }
        let expected = "that of the network this gradient was made for";
        Err(Error::shape("network's layout", expected, "another"))
    }
}
