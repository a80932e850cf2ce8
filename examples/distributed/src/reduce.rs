//! Sums of gradients over all ranks.

use std::iter::repeat_n;
use std::ops::Range;

use feedforward::{GradientWorkspace, Shard};
use mpi::Count;
use mpi::collective::SystemOperation;
use mpi::datatype::{Partition, PartitionMut};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

use crate::Result;

/// Way of adding gradients up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Adds the fixed chunks of a minibatch in order, bit-identical to a single process. Each rank
    /// adds up one slice of the parameters for all ranks.
    #[default]
    Ordered,
    /// Adds even shards of the rows by `MPI_Allreduce`, which chooses the order.
    AllReduce,
}

/// Adds up gradients over the ranks of a communicator.
pub struct Reducer<'a> {
    world: &'a SimpleCommunicator,
    reduction: Reduction,
    /// Parameters that each rank adds up.
    slices: Vec<Range<usize>>,
    /// Values for the first rank, chunk after chunk, then for the second, and so on.
    outgoing: Vec<f32>,
    /// Values of this rank's slice, chunk after chunk.
    incoming: Vec<f32>,
    slice: Vec<f32>,
    sum: Vec<f32>,
    sent: u64,
}

/// Sums of all ranks.
#[derive(Clone, Copy, Debug)]
pub struct Summed<'a> {
    /// Gradient, without penalty.
    pub gradient: &'a [f32],
    /// Sum of all samples' losses.
    pub loss: f64,
}

impl<'a> Reducer<'a> {
    /// Creates a reducer for gradients of this many parameters.
    pub fn new(world: &'a SimpleCommunicator, reduction: Reduction, parameters: usize) -> Self {
        let ranks = world.size() as usize;
        let bound = |rank: usize| parameters * rank / ranks;
        Self {
            world,
            reduction,
            slices: (0..ranks)
                .map(|rank| bound(rank)..bound(rank + 1))
                .collect(),
            outgoing: Vec::new(),
            incoming: Vec::new(),
            slice: Vec::new(),
            sum: vec![0.0; parameters],
            sent: 0,
        }
    }

    /// Returns this rank's part of a minibatch.
    pub fn shard(&self, samples: usize) -> Result<Shard> {
        self.shard_of(samples, self.world.rank() as usize)
    }

    fn shard_of(&self, samples: usize, rank: usize) -> Result<Shard> {
        let shard = match self.reduction {
            Reduction::Ordered => Shard::of_chunks,
            Reduction::AllReduce => Shard::of_rows,
        };
        Ok(shard(samples, rank, self.slices.len())?)
    }

    /// Returns the number of bytes of gradients that this rank sent to others. MPI's all-reduce
    /// does not report its bytes, so they are not counted.
    pub fn bytes_sent(&self) -> u64 {
        self.sent
    }

    /// Adds up the gradients of all ranks for a minibatch of `samples` samples.
    pub fn add_up(
        &mut self,
        gradient: &GradientWorkspace<f32>,
        samples: usize,
    ) -> Result<Summed<'_>> {
        let loss = match self.reduction {
            Reduction::Ordered => self.in_order(gradient, samples)?,
            Reduction::AllReduce => self.all_reduce(gradient)?,
        };
        Ok(Summed {
            gradient: &self.sum,
            loss,
        })
    }

    fn in_order(&mut self, gradient: &GradientWorkspace<f32>, samples: usize) -> Result<f64> {
        let ranks = self.slices.len();
        let chunks: Vec<usize> = (0..ranks)
            .map(|rank| Ok(self.shard_of(samples, rank)?.chunks().len()))
            .collect::<Result<_>>()?;
        let (own, len) = {
            let rank = self.world.rank() as usize;
            (chunks[rank], self.slices[rank].len())
        };

        self.outgoing.clear();
        for slice in &self.slices {
            for (chunk, _) in gradient.partial_gradients() {
                self.outgoing.extend_from_slice(&chunk[slice.clone()]);
            }
        }
        self.incoming
            .resize(chunks.iter().sum::<usize>() * len, 0.0);
        let (counts, starts) = places(self.slices.iter().map(|slice| slice.len() * own))?;
        let outgoing = Partition::new(&self.outgoing[..], counts, starts);
        let (counts, starts) = places(chunks.iter().map(|chunks| chunks * len))?;
        let mut incoming = PartitionMut::new(&mut self.incoming[..], counts, starts);
        self.world
            .all_to_all_varcount_into(&outgoing, &mut incoming);

        // Each rank has neighboring chunks, so the incoming values are in the order of the chunks.
        self.slice.resize(len, 0.0);
        sum_in_order(self.incoming.chunks_exact(len.max(1)), &mut self.slice);
        let (counts, starts) = places(self.slices.iter().map(ExactSizeIterator::len))?;
        let mut whole = PartitionMut::new(&mut self.sum[..], counts, starts);
        self.world
            .all_gather_varcount_into(&self.slice[..], &mut whole);

        let others = (own * (self.sum.len() - len) + (ranks - 1) * len) as u64;
        self.sent += others * size_of::<f32>() as u64;

        let own: Vec<f64> = gradient.partial_gradients().map(|(_, loss)| loss).collect();
        let mut losses = vec![0.0_f64; chunks.iter().sum()];
        let (counts, starts) = places(chunks.into_iter())?;
        let mut all = PartitionMut::new(&mut losses[..], counts, starts);
        self.world.all_gather_varcount_into(&own[..], &mut all);
        Ok(losses.iter().sum())
    }

    fn all_reduce(&mut self, gradient: &GradientWorkspace<f32>) -> Result<f64> {
        count(self.sum.len())?;
        self.slice.clear();
        self.slice.extend(repeat_n(0.0, self.sum.len()));
        sum_in_order(
            gradient.partial_gradients().map(|(chunk, _)| chunk),
            &mut self.slice,
        );
        let own: f64 = gradient.partial_gradients().map(|(_, loss)| loss).sum();
        let sum = SystemOperation::sum();
        self.world
            .all_reduce_into(&self.slice[..], &mut self.sum[..], sum);
        let mut loss = 0.0_f64;
        self.world
            .all_reduce_into(&own, &mut loss, SystemOperation::sum());
        Ok(loss)
    }
}

/// Writes the sum of the chunks, added in order without an initial zero. Without chunks it does
/// nothing.
fn sum_in_order<'a>(mut chunks: impl Iterator<Item = &'a [f32]>, sum: &mut [f32]) {
    let Some(first) = chunks.next() else { return };
    sum.copy_from_slice(first);
    for chunk in chunks {
        for (sum, &x) in sum.iter_mut().zip(chunk) {
            *sum += x;
        }
    }
}

/// Returns the number of values of each rank in a buffer, and their offsets.
fn places(lengths: impl Iterator<Item = usize>) -> Result<(Vec<Count>, Vec<Count>)> {
    let (mut counts, mut starts, mut next) = (Vec::new(), Vec::new(), 0_usize);
    for len in lengths {
        counts.push(count(len)?);
        starts.push(count(next)?);
        next += len;
    }
    Ok((counts, starts))
}

/// Converts a length to MPI's 32-bit counts.
fn count(len: usize) -> Result<Count> {
    let most = Count::MAX;
    let error = |_| format!("values in one message: expected at most {most}, got {len}");
    Ok(Count::try_from(len).map_err(error)?)
}
