//! Duration of a training step by formula: the bytes that ranks send, and the samples they compute.
//!
//! P is the number of parameters, and n = 4·P is their size in bytes. A minibatch has B samples in
//! c fixed chunks, and there are R ranks. In a step the busiest rank sends
//!
//! ```text
//!                                   bytes                  messages
//! in order
//!   its chunks, slice by slice      ⌈c / R⌉·n·(R - 1) / R  R - 1
//!   the slice that it has added up  n·(R - 1) / R          ⌈log2 R⌉
//! all-reduce (Rabenseifner)         2·n·(R - 1) / R        2·⌈log2 R⌉
//! losses, in both cases             a few                  ⌈log2 R⌉
//! ```
//!
//! It computes ⌈c / R⌉ chunks of B / c samples in order, or ⌈B / R⌉ samples with all-reduce. Each
//! sample takes 6·P operations. The formulas leave out the optimizer's step, which takes equally
//! long on every rank, and any overlap.

use feedforward::Shard;

use crate::{Reduction, Result};

/// Network, minibatch and machines.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Number of parameters of the network.
    pub parameters: usize,
    /// Number of samples in a minibatch.
    pub batch: usize,
    /// Floating-point operations of a rank per second.
    pub operations: f64,
    /// Bytes that a rank can send per second.
    pub bandwidth: f64,
    /// Seconds that even the shortest message takes.
    pub latency: f64,
}

/// Work of the busiest rank in a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Number of bytes sent.
    pub bytes: f64,
    /// Number of messages sent one after the other.
    pub messages: f64,
    /// Number of samples computed.
    pub samples: usize,
    /// Duration in seconds.
    pub seconds: f64,
}

impl Setting {
    /// Returns a step with this many ranks, at least 1.
    pub fn step(&self, reduction: Reduction, ranks: usize) -> Result<Step> {
        let shard = match reduction {
            Reduction::Ordered => Shard::of_chunks,
            Reduction::AllReduce => Shard::of_rows,
        };
        let shards = (0..ranks).map(|rank| shard(self.batch, rank, ranks));
        let shards = shards.collect::<feedforward::Result<Vec<_>>>()?;
        let most = |count: fn(&Shard) -> usize| shards.iter().map(count).max().unwrap_or(0);
        let samples = most(|shard| shard.rows().len());
        let chunks = most(|shard| shard.chunks().len());

        let others = (ranks - 1) as f64;
        let whole = 4.0 * self.parameters as f64 * others / ranks as f64;
        let rounds = f64::from(ranks.next_power_of_two().ilog2());
        let (bytes, messages) = match reduction {
            Reduction::Ordered => ((chunks as f64 + 1.0) * whole, others + 2.0 * rounds),
            Reduction::AllReduce => (2.0 * whole, 3.0 * rounds),
        };
        let operations = 6.0 * self.parameters as f64 * samples as f64;
        let seconds =
            operations / self.operations + bytes / self.bandwidth + messages * self.latency;
        Ok(Step {
            bytes,
            messages,
            samples,
            seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_ranks_as_chunks_send_what_an_all_reduce_does() {
        let setting = Setting {
            parameters: 1_000,
            batch: 1_600,
            operations: 6e6,
            bandwidth: 4e3,
            latency: 0.5,
        };
        let step = |reduction, ranks| setting.step(reduction, ranks).unwrap();
        let alone = step(Reduction::Ordered, 1);
        assert_eq!((alone.bytes, alone.messages), (0.0, 0.0));
        assert_eq!(alone.seconds, 1_600.0 / 1e3);
        let two = step(Reduction::Ordered, 2);
        assert_eq!((two.bytes, two.samples), (9.0 * 2_000.0, 800));
        assert_eq!(two.seconds, 0.8 + 4.5 + 0.5 * 3.0);
        for ranks in [16, 64, 1_024] {
            let (ordered, free) = (
                step(Reduction::Ordered, ranks),
                step(Reduction::AllReduce, ranks),
            );
            assert_eq!(ordered.bytes, free.bytes);
            assert_eq!(
                (ordered.samples, free.samples),
                (100, 1_600_usize.div_ceil(ranks))
            );
        }
    }
}
