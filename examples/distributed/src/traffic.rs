//! How long a step takes with so many ranks, by formula: what each sends, and what each computes.
//!
//! A network of P parameters is n = 4 P bytes, a minibatch of B samples has c fixed chunks, there
//! are R ranks. The busiest rank sends in a step
//!
//! - in order: ⌈c / R⌉ n (R - 1) / R in R - 1 messages, slices of its chunks to their adders, and
//!   n (R - 1) / R in ⌈log2 R⌉, the slice that it added up;
//! - by all-reduce (Rabenseifner's algorithm): 2 n (R - 1) / R in 2 ⌈log2 R⌉ messages;
//! - either way a few bytes of losses in ⌈log2 R⌉ messages.
//!
//! It computes ⌈c / R⌉ chunks of B / c samples, or ⌈B / R⌉ samples, each of 6 P operations. What
//! every rank does alike, the optimizer's step, is left out, and so is any overlap.

use feedforward::Shard;

use crate::{Reduction, Result};

/// What is trained, and on what.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Parameters of the network.
    pub parameters: usize,
    /// Samples in a minibatch.
    pub batch: usize,
    /// Floating-point operations of a rank in a second.
    pub operations: f64,
    /// Bytes that a rank can send in a second.
    pub bandwidth: f64,
    /// Seconds that a message takes, however short.
    pub latency: f64,
}

/// The busiest rank's part of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Bytes that it sends.
    pub bytes: f64,
    /// Messages that it sends one after the other.
    pub messages: f64,
    /// Samples that it computes.
    pub samples: usize,
    /// Seconds.
    pub seconds: f64,
}

impl Setting {
    /// A step with so many ranks, at least 1.
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
