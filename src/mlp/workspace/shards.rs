//! Gradients of minibatches and of shards: passes over chunks, then their sum.

use alloc::string::ToString;
use core::mem::swap;
use core::ops::Range;

use super::super::chunk::{self, Chunk};
use super::super::dropout::Dropout;
use super::super::encoder;
use super::super::minibatch::Minibatch;
use super::super::reduction::Reduction;
use super::super::samples::{CheckedSamples, Samples};
use super::super::shard::Shard;
use super::{GradientWorkspace, Mlp};
use crate::error::{Error, Result, check_length};
use crate::float::{Float, check_positive};
use crate::gemm::Accumulate;
use crate::loss::Loss;
use crate::memory;

impl<T: Float> GradientWorkspace<T> {
    /// Computes loss and gradient as [`compute_samples`](Self::compute_samples) does, for checked
    /// samples.
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
        self.compute_chunks(net, Some(samples), &shard, loss, false)?;
        let chunks = &self.chunks[..self.used];
        let loss = chunks.iter().map(|chunk| chunk.loss).sum();
        let encoding = &mut self.values[self.layout.encoding()];
        if !encoding.is_empty() {
            encoder::reduce(&self.threads, net, chunks, encoding, &mut self.partial);
        }
        let first = if self.adds_in_place() { self.used } else { 1 };
        self.complete(net, loss, &shard, first..self.used)
    }

    /// Computes one process's [`Shard`] of a minibatch.
    /// [`partial_gradients`](Self::partial_gradients) then returns the sums over each of its
    /// chunks, and [`input_gradient`](Self::input_gradient) the gradient of its rows. `samples`
    /// must hold the shard's rows alone. It is ignored if the shard is empty.
    ///
    /// # Errors
    /// As [`compute_samples`](Self::compute_samples), except [`Error::Overflow`]:
    /// [`finish_reduction`](Self::finish_reduction) reports it in all processes. Also
    /// [`Error::Shape`] if the number of samples is not the shard's.
    pub fn compute_shard(
        &mut self,
        net: &Mlp<T>,
        samples: &Samples<'_, T>,
        shard: &Shard,
        loss: &dyn Loss<T>,
    ) -> Result<()> {
        check_positive::<T>("total weight of a shard", shard.total_weight)?;
        let rows = shard.rows().len();
        if rows == 0 {
            return self.compute_chunks(net, None, shard, loss, true);
        }
        let samples = samples.check(net, loss)?;
        if samples.len() != rows {
            let got = samples.len();
            return Err(Error::shape("samples of a shard", rows.to_string(), got));
        }
        self.compute_chunks(net, Some(&samples), shard, loss, true)
    }

    /// Returns, for each chunk of the last computed shard, in order, its part of the gradient and
    /// of the loss. The gradient excludes the penalty. The loss is the weighted sum over the
    /// chunk's samples. There are none after the gradient of a whole minibatch, whose chunks are
    /// added up at once.
    pub fn partial_gradients(&self) -> impl ExactSizeIterator<Item = (&[T], f64)> {
        let count = if self.is_sharded { self.used } else { 0 };
        let chunks = self.chunks[..count].iter();
        chunks.map(|chunk| (&chunk.gradient[..], chunk.loss))
    }

    /// Completes a gradient from sums over the chunks of all shards, and returns the loss. It adds
    /// the penalty, checks the gradient and clips it. `sum` and `loss_sum` are the sums, and
    /// `shard` is any of the shards. [`values`](Self::values) returns the gradient.
    ///
    /// # Errors
    /// [`Error::Length`] if `sum` does not have the length of the parameters, [`Error::Overflow`]
    /// if the loss or the gradient is not finite.
    pub fn finish_reduction(
        &mut self,
        net: &Mlp<T>,
        sum: &[T],
        loss_sum: f64,
        shard: &Shard,
    ) -> Result<f64> {
        self.check_layout(net)?;
        check_length("gradient", sum, self.values.len())?;
        self.values.copy_from_slice(sum);
        let loss = self.complete(net, loss_sum, shard, 0..0)?;
        self.updates = self.updates.wrapping_add(1);
        Ok(loss)
    }

    /// Runs the forward and backward passes over a shard's chunks. `samples` are its rows.
    fn compute_chunks(
        &mut self,
        net: &Mlp<T>,
        samples: Option<&CheckedSamples<'_, T>>,
        shard: &Shard,
        loss: &dyn Loss<T>,
        is_sharded: bool,
    ) -> Result<()> {
        // The products of the first layer that compute dL/dx are often not needed.
        let needs_input_gradient = self.inputs.is_some() || !self.layout.encoding().is_empty();
        self.prepare(net, Some(usize::from(!needs_input_gradient)))?;
        self.used = shard.chunks().len();
        self.is_sharded = is_sharded;
        while self.chunks.len() < self.used {
            self.chunks.push(Chunk::new(net));
        }
        let in_place = self.adds_in_place();
        let used = &mut self.chunks[..self.used];
        let (first, len) = match is_sharded {
            true => (0, self.layout.len()),
            false if in_place => (used.len(), 0),
            false => (1, self.layout.encoding().start),
        };
        for chunk in &mut used[first..] {
            chunk.reserve_gradient(len.max(chunk.gradient.len()))?;
        }
        if let Some(samples) = samples {
            let before = shard.rows().start;
            let masks = |dropout: Dropout| dropout.at(self.updates, before);
            let mut minibatch = Minibatch::new(net, &self.packed, samples, loss);
            minibatch.masks = self.dropout.map(masks);
            minibatch.is_sharded = is_sharded;
            for (rows, chunk) in shard.chunk_rows().zip(&mut *used) {
                let range = rows.start - before..rows.end - before;
                chunk.assign(net, range, self.dropout.is_some(), self.inputs.is_some())?;
            }
            let scale = T::from_f64(1.0 / shard.total_weight);
            let compute = |chunk: &mut _, accumulate| {
                chunk::compute(chunk, minibatch, scale, accumulate);
            };
            if in_place && !is_sharded {
                for (index, chunk) in used.iter_mut().enumerate() {
                    let sums = [Accumulate::Overwrite, Accumulate::AddSum];
                    swap(&mut chunk.gradient, &mut self.values);
                    compute(chunk, sums[index.min(1)]);
                    swap(&mut chunk.gradient, &mut self.values);
                }
            } else {
                let overwrite = |chunk: &mut _| compute(chunk, Accumulate::Overwrite);
                // The first chunk computes its gradient where the sum belongs.
                let sum = &mut self.values;
                if !is_sharded {
                    swap(&mut used[0].gradient, sum);
                }
                self.threads.for_each(used, &overwrite);
                if !is_sharded {
                    swap(&mut used[0].gradient, sum);
                }
            }
        }
        if let Some(inputs) = &mut self.inputs {
            inputs.clear();
            let lens = used.iter().map(|chunk| chunk.input_gradient.len());
            memory::reserve("input gradient", inputs, lens.sum())?;
            for chunk in used {
                inputs.extend_from_slice(&chunk.input_gradient);
            }
        }
        Ok(())
    }

    /// Returns `true` if one thread adds the gradients of all chunks where their sum belongs.
    ///
    /// The numbers α are an exception, because they are added up strip by strip.
    fn adds_in_place(&self) -> bool {
        let layers = self.layout.layers();
        self.threads.count() == 1 && layers.iter().all(|at| at.alpha.is_empty())
    }

    /// Turns sums over all samples into the loss and its gradient. First it adds the gradients of
    /// these chunks.
    fn complete(
        &mut self,
        net: &Mlp<T>,
        loss_sum: f64,
        shard: &Shard,
        chunks: Range<usize>,
    ) -> Result<f64> {
        let total = shard.total_weight;
        let factor = self.l2 / total;
        let reduction = Reduction {
            chunks: &self.chunks[chunks],
            params: net.params(),
            factor: (self.l2 != 0.0).then_some(T::from_f64(factor)),
        };
        let (squares, max_abs) = reduction.run(&self.threads, &mut self.parts, &mut self.values);
        let loss = loss_sum / total + 0.5 * factor * squares;
        if !(loss.is_finite() && max_abs.is_finite()) {
            return Err(self.explain(&self.chunks[..self.used], loss));
        }
        self.max_abs = max_abs;
        if let Some(clip) = self.clip {
            clip.apply(&mut self.values, max_abs);
        }
        Ok(loss)
    }
}
