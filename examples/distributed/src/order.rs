//! Order of samples in which each rank always reads its own part of a file.

use feedforward::Shard;
use feedforward::init::Rng;
use rand::SeedableRng;
use rand::seq::SliceRandom;

/// Division of a table into as many stretches as a minibatch has chunks. Chunk c of every minibatch
/// comes from stretch c.
///
/// Each stretch is shuffled anew for each epoch, by blocks of neighboring rows. The rows after the
/// last whole minibatch are the end of the table. They form the last minibatch of each epoch. The
/// order depends on these numbers and the epoch, not on the ranks.
#[derive(Clone, Debug)]
pub struct Stretches {
    /// Number of samples in a minibatch.
    pub batch: usize,
    /// Number of neighboring rows that stay together and are read at once.
    pub block: usize,
    /// Seed of the shuffles.
    pub seed: u64,
}

impl Stretches {
    /// Overwrites the rows with the order of an epoch, for `Order::custom`.
    pub fn arrange(&self, epoch: usize, rows: &mut [usize]) {
        let (batch, block) = (self.batch.clamp(1, rows.len().max(1)), self.block.max(1));
        let whole = rows.len() / batch;
        let Ok(shard) = Shard::of_chunks(batch, 0, 1) else {
            return;
        };
        let mut rng = Rng::seed_from_u64(self.seed);
        rng.set_stream(epoch as u64 + 1);
        for chunk in shard.chunk_rows() {
            let (first, len) = (whole * chunk.start, chunk.len());
            let mut starts: Vec<usize> = (0..whole * len).step_by(block).collect();
            starts.shuffle(&mut rng);
            let stretch = starts
                .into_iter()
                .flat_map(|start| start..(start + block).min(whole * len));
            for (place, row) in stretch.enumerate() {
                rows[place / len * batch + chunk.start + place % len] = first + row;
            }
        }
        let rest = whole * batch;
        for (place, row) in rows.iter_mut().enumerate().skip(rest) {
            *row = place;
        }
        rows[rest..].shuffle(&mut rng);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_has_each_row_once_and_each_rank_its_own_part() {
        for (samples, batch, block) in [(10_000, 1_600, 16), (999, 100, 3), (700, 700, 1)] {
            let stretches = Stretches {
                batch,
                block,
                seed: 3,
            };
            let epoch = |epoch| {
                let mut rows: Vec<usize> = (0..samples).collect();
                stretches.arrange(epoch, &mut rows);
                rows
            };
            assert_ne!(epoch(0), epoch(1));
            assert_eq!(epoch(1), epoch(1));
            let mut sorted = epoch(0);
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(0..samples));

            let whole = samples / batch;
            for ranks in [1, 2, 3, 4, 16] {
                for rank in 0..ranks {
                    let shard = Shard::of_chunks(batch, rank, ranks).unwrap();
                    let own = shard.rows();
                    let part = whole * own.start..whole * own.end;
                    for epoch in [epoch(0), epoch(1)] {
                        for minibatch in epoch.chunks_exact(batch) {
                            let rows = &minibatch[own.clone()];
                            assert!(rows.iter().all(|row| part.contains(row)));
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_stay_together() {
        let stretches = Stretches {
            batch: 400,
            block: 8,
            seed: 1,
        };
        let mut rows: Vec<usize> = (0..4_000).collect();
        stretches.arrange(0, &mut rows);
        let neighbors = rows.windows(2).filter(|pair| pair[1] == pair[0] + 1);
        let count = neighbors.count();
        assert!(count >= 4_000 / 8 * 6, "{count}");
        assert!(count < 3_900, "{count}");
    }
}
