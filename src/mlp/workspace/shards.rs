//! Gradients of minibatches and of shards: passes over chunks, then their sum.

use alloc::string::ToString;

use super::super::chunk::{self, Chunk};
use super::super::dropout::Dropout;
use super::super::encoder;
use super::super::minibatch::Minibatch;
use super::super::reduction::{add_up, penalize};
use super::super::samples::{CheckedSamples, Samples};
use super::super::shard::Shard;
use super::{GradientWorkspace, Mlp};
use crate::blas1::max_abs;
use crate::error::{Error, Result, check_length};
use crate::float::{Float, check_positive};
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
        let (layers, encoding) = self.values.split_at_mut(self.layout.encoding().start);
        add_up(&self.threads, layers, chunks);
        if !encoding.is_empty() {
            encoder::reduce(&self.threads, net, chunks, encoding, &mut self.partial);
        }
        self.complete(net, loss, &shard)
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
    /// chunk's samples.
    pub fn partial_gradients(&self) -> impl ExactSizeIterator<Item = (&[T], f64)> {
        let chunks = self.chunks[..self.used].iter();
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
        let loss = self.complete(net, loss_sum, shard)?;
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
        self.prepare(net)?;
        self.used = shard.chunks().len();
        while self.chunks.len() < self.used {
            self.chunks.push(Chunk::new(net));
        }
        let used = &mut self.chunks[..self.used];
        let len = if is_sharded {
            self.layout.len()
        } else {
            self.layout.encoding().start
        };
        for chunk in &mut *used {
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
            let compute = |chunk: &mut _| chunk::compute(chunk, minibatch, scale);
            self.threads.for_each(used, &compute);
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

    /// Turns sums over all samples into the loss and its gradient.
    fn complete(&mut self, net: &Mlp<T>, loss_sum: f64, shard: &Shard) -> Result<f64> {
        let total = shard.total_weight;
        let loss = loss_sum / total + self.penalize(net, total);
        let max_abs = max_abs(&self.values).as_f64();
        if !(loss.is_finite() && max_abs.is_finite()) {
            return Err(self.explain(&self.chunks[..self.used], loss));
        }
        self.max_abs = max_abs;
        if let Some(clip) = self.clip {
            clip.apply(&mut self.values, max_abs);
        }
        Ok(loss)
    }

    /// Adds the penalty's gradient, and returns the penalty.
    fn penalize(&mut self, net: &Mlp<T>, total_weight: f64) -> f64 {
        if self.l2 == 0.0 {
            return 0.0;
        }
        let factor = self.l2 / total_weight;
        let mut squares = 0.0;
        for at in self.layout.layers() {
            let weights = &net.params()[at.weights.clone()];
            let gradient = &mut self.values[at.weights.clone()];
            squares += penalize(gradient, weights, T::from_f64(factor));
        }
        0.5 * factor * squares
    }
}
