//! Shards: the chunks of a minibatch that one process computes.

use core::ops::Range;

use crate::error::{Error, Result, check_range};

/// Minimum number of rows of a chunk, if there are more than two chunks.
pub(super) const LEAST_ROWS: usize = 96;

/// Minimum number of rows of each of two chunks.
const LEAST_ROWS_OF_TWO: usize = 32;

/// Maximum number of chunks of a minibatch.
const MOST_CHUNKS: usize = 16;

/// Returns the number of chunks of a minibatch. It is a power of two that depends on the size
/// alone, never on threads or processes.
pub(super) fn chunks(rows: usize) -> usize {
    let two = (rows / LEAST_ROWS_OF_TWO).clamp(1, 2);
    let most = (rows / LEAST_ROWS).clamp(two, MOST_CHUNKS);
    1 << most.ilog2()
}

/// Returns the `index`-th of `count` nearly equal parts of `0..len`.
fn part(len: usize, index: usize, count: usize) -> Range<usize> {
    let bound = |index: usize| (len as u128 * index as u128 / count as u128) as usize;
    bound(index)..bound(index + 1)
}

/// The part of a minibatch's gradient that one of several processes computes.
///
/// [`GradientWorkspace`](crate::GradientWorkspace) sums over samples in a fixed order: first within
/// chunks of rows, then over the chunks. The number c of chunks depends on the number B of rows:
///
/// | B | below 64 | 64 | 384 | 768 | 1,536 and more |
/// |---|---|---|---|---|---|
/// | c | 1 | 2 | 4 | 8 | 16 |
///
/// Chunk i has the rows from ⌊i · B / c⌋ to ⌊(i + 1) · B / c⌋. Adding the sums of all chunks in
/// order is bit-identical to a single process, no matter which process computed each chunk:
///
/// ```
/// use feedforward::{GradientWorkspace, Mlp, Samples, Shard};
/// use feedforward::{activation::{Identity, Tanh}, loss::SquaredError};
///
/// let net = Mlp::<f32>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
/// let x: Vec<f32> = (0..500).map(|i| i as f32 / 250.0 - 1.0).collect();
/// let y: Vec<f32> = x.iter().map(|x| x * x).collect();
/// let mut alone = GradientWorkspace::new(&net).l2(1e-3)?;
/// let loss = alone.compute(&net, &x, &y, &SquaredError)?;
///
/// // Three processes, each with only its own rows.
/// let mut gradient = GradientWorkspace::new(&net).l2(1e-3)?;
/// let (mut sum, mut losses) = (vec![0.0; net.params().len()], 0.0);
/// for process in 0..3 {
///     let shard = Shard::of_chunks(500, process, 3)?;
///     let (x, y) = (&x[shard.rows()], &y[shard.rows()]);
///     gradient.compute_shard(&net, &Samples::new(x, y), &shard, &SquaredError)?;
///     for (chunk, loss) in gradient.partial_gradients() {
///         sum.iter_mut().zip(chunk).for_each(|(sum, x)| *sum += x);
///         losses += loss;
///     }
/// }
/// let whole = Shard::of_chunks(500, 0, 1)?;
/// assert_eq!(gradient.finish_reduction(&net, &sum, losses, &whole)?, loss);
/// assert_eq!(gradient.values(), alone.values());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "its methods return the changed shard"]
pub struct Shard {
    /// Number of samples of the minibatch, or the sum of their weights.
    pub(super) total_weight: f64,
    /// Rows of the minibatch that are divided into chunks.
    cut: Range<usize>,
    /// Number of chunks that `cut` is divided into.
    count: usize,
    /// Chunks that this process computes.
    chunks: Range<usize>,
}

impl Shard {
    /// Returns the shard of process `index` of `count`: successive fixed chunks of a minibatch of
    /// this many samples. With more processes than chunks, some shards are empty.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples, [`Error::OutOfBounds`] unless `index` is below `count`.
    pub fn of_chunks(samples: usize, index: usize, count: usize) -> Result<Self> {
        check(samples, index, count)?;
        let mut shard = Self::whole(samples, samples as f64);
        shard.chunks = part(shard.count, index, count);
        Ok(shard)
    }

    /// Returns the shard of process `index` of `count` when results may depend on `count`. Rows are
    /// divided evenly, regardless of the minibatch's chunks, and each shard is divided into its own
    /// chunks.
    ///
    /// # Errors
    /// As [`of_chunks`](Self::of_chunks).
    pub fn of_rows(samples: usize, index: usize, count: usize) -> Result<Self> {
        check(samples, index, count)?;
        let cut = part(samples, index, count);
        let chunks = chunks(cut.len());
        Ok(Self {
            total_weight: samples as f64,
            count: chunks,
            chunks: 0..if cut.is_empty() { 0 } else { chunks },
            cut,
        })
    }

    /// Returns a shard that is the whole minibatch.
    pub(super) fn whole(samples: usize, total_weight: f64) -> Self {
        let count = chunks(samples);
        Self {
            total_weight,
            cut: 0..samples,
            count,
            chunks: 0..count,
        }
    }

    /// Sets the sum of the weights of all samples of the minibatch. Default: the number of samples.
    /// Needed for weighted samples, because a process knows only the weights of its own rows.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless the sum is a finite number above 0.
    pub fn with_total_weight(mut self, total: f64) -> Result<Self> {
        let range = f64::MIN_POSITIVE..f64::INFINITY;
        check_range("total weight", total, range, "a finite number above 0")?;
        self.total_weight = total;
        Ok(self)
    }

    /// Returns the rows of the minibatch that belong to this shard.
    pub fn rows(&self) -> Range<usize> {
        self.first_row(self.chunks.start)..self.first_row(self.chunks.end)
    }

    /// Returns the indices of the shard's chunks.
    pub fn chunks(&self) -> Range<usize> {
        self.chunks.clone()
    }

    /// Returns the rows of the minibatch that belong to each of the shard's chunks.
    pub fn chunk_rows(&self) -> impl ExactSizeIterator<Item = Range<usize>> + use<'_> {
        self.chunks()
            .map(|chunk| self.first_row(chunk)..self.first_row(chunk + 1))
    }

    fn first_row(&self, chunk: usize) -> usize {
        self.cut.start + part(self.cut.len(), chunk, self.count).start
    }
}

fn check(samples: usize, index: usize, count: usize) -> Result<()> {
    if samples == 0 {
        let what = "samples of a minibatch";
        return Err(Error::Empty { what });
    }
    if index >= count {
        let (what, len) = ("index of a shard", count);
        return Err(Error::OutOfBounds { what, len, index });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_whole_chunks_and_together_everything() {
        for samples in [1, 63, 64, 191, 383, 384, 500, 1535, 1536, 10_007] {
            let whole = Shard::of_chunks(samples, 0, 1).unwrap();
            let all: Vec<_> = whole.chunk_rows().collect();
            assert_eq!(whole.rows(), 0..samples);
            assert_eq!(all.len(), chunks(samples));
            for count in [1, 2, 3, 4, 7, 16, 40] {
                let shards = |of: fn(usize, usize, usize) -> Result<Shard>| {
                    let shards = (0..count).map(|index| of(samples, index, count).unwrap());
                    shards.collect::<Vec<_>>()
                };
                let by_chunks = shards(Shard::of_chunks);
                let rows: Vec<_> = by_chunks.iter().flat_map(Shard::chunk_rows).collect();
                assert_eq!(rows, all);
                for shards in [by_chunks, shards(Shard::of_rows)] {
                    let rows = shards.iter().flat_map(Shard::rows);
                    assert!(rows.eq(0..samples), "{samples} among {count}");
                }
            }
        }
        assert_eq!(Shard::of_rows(160, 1, 16).unwrap().rows(), 10..20);
        assert!(Shard::of_rows(2, 0, 3).unwrap().chunks().is_empty());
    }

    #[test]
    fn what_cannot_be_divided_is_an_error() {
        let text = |shard: Result<Shard>| shard.unwrap_err().to_string();
        assert_eq!(
            text(Shard::of_chunks(0, 0, 1)),
            "samples of a minibatch: expected at least one, got none"
        );
        assert_eq!(
            text(Shard::of_rows(9, 2, 2)),
            "index of a shard: expected below 2, got 2"
        );
        assert!(Shard::of_chunks(9, 0, 0).is_err());
        assert!(Shard::whole(9, 9.0).with_total_weight(0.0).is_err());
    }
}
