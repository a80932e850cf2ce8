//! The gradient of a loss with respect to all parameters.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::Mlp;
use super::chunk::{Chunk, Job};
use super::clip::{Clip, max_abs};
use super::dropout::Dropout;
use super::packed::Packed;
use super::samples::{CheckedSamples, Samples};
use super::shard::{LEAST_ROWS, Shard, chunks};
use crate::error::{Error, Result, check_length};
use crate::float::{Float, check_not_negative, check_positive, instantiate};
use crate::layout::Layout;
use crate::loss::Loss;
use crate::parallel::Threads;
use crate::simd::{self, Op, Simd};

mod derivatives;

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
    /// The chunk of evaluations and derivatives, apart from those that hold a gradient's sums.
    probe: Option<Chunk<T>>,
    /// How many of them the gradient computed last has.
    used: usize,
    values: Vec<T>,
    inputs: Option<Vec<T>>,
    l2: f64,
    clip: Option<Clip>,
    dropout: Option<Dropout>,
    /// What a sample weighs on average, if minibatches are not divided by their own weights.
    mean_weight: Option<f64>,
    /// Gradients computed so far, which the next one's dropout is drawn by.
    updates: u64,
    /// The largest magnitude in the last finite gradient, before clipping.
    max_abs: f64,
    threads: Threads,
    /// What [`jacobian`](Self::jacobian) or [`compute_each`](Self::compute_each) gave last.
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
            probe: None,
            used: 0,
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
    /// [`Error::OutOfRange`] if it is negative, or not finite or rounded to 0 in this precision.
    pub fn l2(mut self, lambda: f64) -> Result<Self> {
        check_not_negative::<T>("L2 penalty", lambda)?;
        self.l2 = lambda;
        Ok(self)
    }

    /// Sets a bound on the gradient.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is above 0 and finite in this precision too.
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
    /// [`Error::OutOfRange`] unless `rate` is 0, or at least 2^-32 and below 1.
    pub fn dropout(mut self, rate: f64, seed: u64) -> Result<Self> {
        let dropout = Dropout::new(rate, seed)?;
        self.dropout = Some(dropout).filter(|_| rate > 0.0);
        Ok(self)
    }

    /// Divides by the number of samples times this weight, the mean over all that there are,
    /// instead of by the sum of a minibatch's own weights.
    ///
    /// It does not change a [`Shard`], which is told the weight of its minibatch
    /// ([`Shard::with_total_weight`]).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless it is a finite number above 0.
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

    /// Shares the work among a pool of this many threads. The bits stay the same.
    ///
    /// A minibatch has at most 16 parts. More threads than that, and than the machine has cores, would
    /// do nothing, so they are not started. A pool that is used no more is kept for the next caller.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for 0 and for more than the system can start.
    pub fn threads(self, count: usize) -> Result<Self> {
        Ok(self.with_threads(Threads::exactly(count)?))
    }

    pub(crate) fn with_threads(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// Asks for the gradient with respect to the inputs as well.
    pub fn with_inputs(mut self) -> Self {
        self.inputs = Some(Vec::new());
        self
    }

    /// Whether a minibatch of so many samples has parts for several threads.
    pub(crate) fn can_run_parallel(samples: usize) -> bool {
        chunks(samples) > 1
    }

    /// The gradient computed last, laid out like [`Mlp::params`]: layer after layer, weights then
    /// biases.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The gradient of the minibatch's loss with respect to its inputs, row-major
    /// `[samples x inputs]`, if [`with_inputs`](Self::with_inputs) asked for it.
    pub fn inputs(&self) -> Option<&[T]> {
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
    /// As [`compute`](Self::compute), and [`Error::OutOfRange`] if a row does not exist, a
    /// weight is negative or all are zero.
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

    /// The same over samples that were checked. The network's outputs are appended to `outputs`.
    pub(crate) fn evaluate_rows(
        &mut self,
        net: &Mlp<T>,
        samples: &CheckedSamples<'_, T>,
        loss: &dyn Loss<T>,
        mut outputs: Option<&mut Vec<T>>,
    ) -> Result<f64> {
        let total = samples.total_weight();
        self.prepare(net)?;
        let chunk = self.probe.get_or_insert_with(|| Chunk::new(net, false));
        let job = Job {
            net,
            packed: &self.packed,
            samples,
            loss,
            masks: None,
        };
        let (rows, mut sum) = (samples.len(), 0.0);
        for first in (0..rows).step_by(MOST_ROWS) {
            let range = first..rows.min(first + MOST_ROWS);
            chunk.take(net, range, false, false);
            chunk.compute_loss(job);
            sum += chunk.loss;
            if let Some(outputs) = &mut outputs {
                chunk
                    .outputs(net)
                    .for_each(|row| outputs.extend_from_slice(row));
            }
        }
        let mean = sum / total;
        if mean.is_finite() {
            Ok(mean)
        } else {
            Err(self.explain(net, self.probe.as_slice(), mean))
        }
    }

    /// Takes over the network's parameters as they are.
    fn prepare(&mut self, net: &Mlp<T>) -> Result<()> {
        self.check_layout(net)?;
        self.packed.refresh(net, &self.threads)
    }

    fn check_layout(&self, net: &Mlp<T>) -> Result<()> {
        if net.layout() == &self.layout {
            return Ok(());
        }
        let expected = "that of the network this gradient was made for";
        Err(Error::out_of_range("network's layout", expected, "another"))
    }

    fn make_chunks(&mut self, net: &Mlp<T>, count: usize) {
        while self.chunks.len() < count {
            self.chunks.push(Chunk::new(net, true));
        }
    }

    /// [`compute_samples`](Self::compute_samples) for samples that were checked.
    pub(crate) fn compute_rows(
        &mut self,
        net: &Mlp<T>,
        samples: &CheckedSamples<'_, T>,
        loss: &dyn Loss<T>,
    ) -> Result<f64> {
        let rows = samples.len();
        let total = match self.mean_weight {
            None => samples.total_weight(),
            Some(weight) => rows as f64 * weight,
        };
        let shard = Shard::whole(rows, total);
        self.compute_chunks(net, Some(samples), &shard, loss)?;
        let chunks = &self.chunks[..self.used];
        let loss = chunks.iter().map(|chunk| chunk.loss).sum();
        add_up(&self.threads, &mut self.values, chunks, 0);
        self.complete(net, loss, &shard)
    }

    /// Computes one process's [`Shard`] of a minibatch: the sums over each of its chunks, for
    /// [`partial_gradients`](Self::partial_gradients). `samples` are the shard's rows alone, none if it is empty;
    /// [`inputs`](Self::inputs) will be theirs.
    ///
    /// # Errors
    /// As [`compute_samples`](Self::compute_samples), but what overflows is found by
    /// [`reduce`](Self::reduce), where all processes find it; and [`Error::OutOfRange`] if there
    /// are not as many samples as the shard has.
    pub fn compute_shard(
        &mut self,
        net: &Mlp<T>,
        samples: &Samples<'_, T>,
        shard: &Shard,
        loss: &dyn Loss<T>,
    ) -> Result<()> {
        check_positive::<T>("total weight of a shard", shard.total_weight())?;
        let rows = shard.rows().len();
        if rows == 0 {
            return self.compute_chunks(net, None, shard, loss);
        }
        let samples = samples.check(net, loss)?;
        if samples.len() != rows {
            let got = samples.len();
            return Err(Error::out_of_range(
                "samples of a shard",
                rows.to_string(),
                got,
            ));
        }
        self.compute_chunks(net, Some(&samples), shard, loss)
    }

    /// For each chunk of the shard computed last, in their order: its part of the gradient, without
    /// the penalty, and the sum of its samples' losses, times their weights.
    pub fn partial_gradients(&self) -> impl ExactSizeIterator<Item = (&[T], f64)> {
        let chunks = self.chunks[..self.used].iter();
        chunks.map(|chunk| (&chunk.gradient[..], chunk.loss))
    }

    /// Completes a gradient whose chunks were added up elsewhere: adds the penalty, checks it,
    /// clips it. `sum` and `loss_sum` are the sums over the chunks of all shards, `shard` is any of
    /// them. Returns the loss; the gradient is in [`values`](Self::values).
    ///
    /// # Errors
    /// [`Error::Length`] if the sum is not laid out like the parameters, [`Error::Overflow`] if the
    /// loss or the gradient is not finite.
    pub fn reduce(&mut self, net: &Mlp<T>, sum: &[T], loss_sum: f64, shard: &Shard) -> Result<f64> {
        self.check_layout(net)?;
        check_length("gradient", sum, self.values.len())?;
        self.values.copy_from_slice(sum);
        let loss = self.complete(net, loss_sum, shard)?;
        self.updates = self.updates.wrapping_add(1);
        Ok(loss)
    }

    /// The forward and backward passes over a shard's chunks, whose rows these samples are.
    fn compute_chunks(
        &mut self,
        net: &Mlp<T>,
        samples: Option<&CheckedSamples<'_, T>>,
        shard: &Shard,
        loss: &dyn Loss<T>,
    ) -> Result<()> {
        self.prepare(net)?;
        self.used = shard.chunks().len();
        self.make_chunks(net, self.used);
        let used = &mut self.chunks[..self.used];
        if let Some(samples) = samples {
            let before = shard.rows().start;
            let masks = |dropout: Dropout| dropout.at(self.updates, before);
            let job = Job {
                net,
                packed: &self.packed,
                samples,
                loss,
                masks: self.dropout.map(masks),
            };
            for (rows, chunk) in shard.chunk_rows().zip(&mut *used) {
                let range = rows.start - before..rows.end - before;
                chunk.take(net, range, self.dropout.is_some(), self.inputs.is_some());
            }
            let scale = T::from_f64(1.0 / shard.total_weight());
            self.threads
                .for_each(used, &|chunk| chunk.compute(job, scale));
        }
        if let Some(inputs) = &mut self.inputs {
            inputs.clear();
            for chunk in used {
                inputs.extend_from_slice(&chunk.input_gradient);
            }
        }
        Ok(())
    }

    /// From sums over all samples to the loss and its gradient.
    fn complete(&mut self, net: &Mlp<T>, loss_sum: f64, shard: &Shard) -> Result<f64> {
        let total = shard.total_weight();
        let loss = loss_sum / total + self.penalise(net, total);
        let max_abs = max_abs(&self.values).as_f64();
        if !(loss.is_finite() && max_abs.is_finite()) {
            return Err(self.explain(net, &self.chunks[..self.used], loss));
        }
        self.max_abs = max_abs;
        if let Some(clip) = self.clip {
            clip.apply(&mut self.values, max_abs);
        }
        Ok(loss)
    }

    /// Adds the penalty's gradient, and returns the penalty.
    fn penalise(&mut self, net: &Mlp<T>, total_weight: f64) -> f64 {
        if self.l2 == 0.0 {
            return 0.0;
        }
        let factor = self.l2 / total_weight;
        let mut squares = 0.0;
        for at in self.layout.layers() {
            let weights = &net.params()[at.weights.clone()];
            squares += penalise(
                &mut self.values[at.weights.clone()],
                weights,
                T::from_f64(factor),
            );
        }
        0.5 * factor * squares
    }

    /// Finds where numbers stopped being finite: forward first, then backward.
    #[cold]
    fn explain(&self, net: &Mlp<T>, chunks: &[Chunk<T>], loss: f64) -> Error {
        for layer in 0..net.depth() {
            let outputs = chunks
                .iter()
                .find_map(|chunk| not_finite(chunk.outputs_of(&self.packed, layer)));
            if let Some(value) = outputs {
                return overflow("output", layer, value);
            }
        }
        if loss.is_finite() {
            for (layer, at) in self.layout.layers().iter().enumerate().rev() {
                if let Some(value) = not_finite(&self.values[at.weights.start..at.bias.end]) {
                    return overflow("gradient", layer, value);
                }
            }
        }
        overflow("loss", net.depth() - 1, loss)
    }
}

fn overflow(what: &'static str, layer: usize, value: f64) -> Error {
    Error::Overflow { what, layer, value }
}

/// The first value that is not finite.
fn not_finite<T: Float>(values: &[T]) -> Option<f64> {
    values.iter().find(|x| !x.is_finite()).map(|x| x.as_f64())
}

/// Parameters that one thread adds up at a time.
const BLOCK: usize = 1 << 14;

/// values <- the sum of the chunks' gradients from `offset` on, in the order of the chunks.
fn add_up<T: Float>(threads: &Threads, values: &mut [T], chunks: &[Chunk<T>], offset: usize) {
    if values.len() > BLOCK {
        let (left, right) = values.split_at_mut(values.len() / 2);
        let middle = offset + left.len();
        return threads.join(
            || add_up(threads, left, chunks, offset),
            || add_up(threads, right, chunks, middle),
        );
    }
    let range = offset..offset + values.len();
    match chunks {
        [] => {}
        [only] => values.copy_from_slice(&only.gradient[range]),
        [first, second, others @ ..] => {
            add(
                values,
                &first.gradient[range.clone()],
                &second.gradient[range.clone()],
            );
            for chunk in others {
                add_to(values, &chunk.gradient[range.clone()]);
            }
        }
    }
}

instantiate! {
    /// sum <- x + y.
    fn add<T>(sum: &mut [T], x: &[T], y: &[T]) {
        for ((sum, &x), &y) in sum.iter_mut().zip(x).zip(y) {
            *sum = x + y;
        }
    }
}

instantiate! {
    /// sum <- sum + x.
    fn add_to<T>(sum: &mut [T], x: &[T]) {
        for (sum, &x) in sum.iter_mut().zip(x) {
            *sum += x;
        }
    }
}

instantiate! {
    /// gradient <- gradient + factor weights; returns the sum of squared weights.
    fn penalise<T>(gradient: &mut [T], weights: &[T], factor: T) -> f64 {
        simd::dispatch(Penalise { gradient, weights, factor })
    }
}

struct Penalise<'a, T> {
    gradient: &'a mut [T],
    weights: &'a [T],
    factor: T,
}

impl<T: Float> Op for Penalise<'_, T> {
    type Output = f64;

    // So many sums side by side, whatever the instruction set, that additions need not wait for
    // each other and all sets add in one order.
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        const SUMS: usize = 32;
        let mut squares = [T::zero(); SUMS];
        let gradients = self.gradient.chunks_mut(SUMS);
        for (gradient, weights) in gradients.zip(self.weights.chunks(SUMS)) {
            for ((g, &w), square) in gradient.iter_mut().zip(weights).zip(&mut squares) {
                *g += self.factor * w;
                *square += w * w;
            }
        }
        squares.iter().map(|square| square.as_f64()).sum()
    }
}
