//! Shards: the chunks of a minibatch that one process computes.

use core::ops::Range;

use crate::error::{Error, Result, check_range};

/// Rows below which a minibatch is not cut further.
pub(super) const LEAST_ROWS: usize = 96;

/// Chunks that a minibatch is cut into at most.
const MOST_CHUNKS: usize = 16;

/// Returns the number of chunks of a minibatch: a power of two that depends on its size alone, never
/// on threads or processes.
pub(super) fn chunks(rows: usize) -> usize {
    let most = (rows / LEAST_ROWS).clamp(1, MOST_CHUNKS);
    1 << most.ilog2()
}

/// The `index`-th of `count` nearly equal parts of `0..len`.
fn part(len: usize, index: usize, count: usize) -> Range<usize> {
    let bound = |index: usize| (len as u128 * index as u128 / count as u128) as usize;
    bound(index)..bound(index + 1)
}

/// What one of several processes computes of a minibatch's gradient.
///
/// [`GradientWorkspace`](crate::GradientWorkspace) sums over samples within chunks of rows and then
/// over the chunks, in a fixed order. There are c = 1, 2, 4, 8 or 16 chunks, the largest of these that leaves each 96
/// rows or more, or 1; chunk i of B rows has the rows from ⌊i B / c⌋ to ⌊(i + 1) B / c⌋.
/// Whoever has the sums of all chunks and adds them up in their order has the bits of a single
/// process, wherever they were computed:
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
/// // Three processes, each with its own rows alone.
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
    /// The minibatch's samples, or the sum of their weights.
    pub(super) total_weight: f64,
    /// The rows of the minibatch that are cut into chunks,
    cut: Range<usize>,
    /// into so many,
    count: usize,
    /// of which these are computed.
    chunks: Range<usize>,
}

impl Shard {
    /// The part of process `index` of `count`: some of the fixed chunks of a minibatch of so many
    /// samples, next to each other. With more processes than chunks some parts are empty.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples, [`Error::OutOfBounds`] unless `index` is below `count`.
    pub fn of_chunks(samples: usize, index: usize, count: usize) -> Result<Self> {
        check(samples, index, count)?;
        let mut shard = Self::whole(samples, samples as f64);
        shard.chunks = part(shard.count, index, count);
        Ok(shard)
    }

    /// The part of process `index` of `count` where bits may depend on `count`: rows are divided evenly
    /// whatever the minibatch's chunks are, and each part has chunks of its own.
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

    /// All of a minibatch.
    pub(super) fn whole(samples: usize, total_weight: f64) -> Self {
        let count = chunks(samples);
        Self {
            total_weight,
            cut: 0..samples,
            count,
            chunks: 0..count,
        }
    }

    /// Sets the sum of the weights of all samples of the minibatch, where they have any: a process
    /// that has only its own cannot know it.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless it is a finite number above 0.
    pub fn with_total_weight(mut self, total: f64) -> Result<Self> {
        let range = f64::MIN_POSITIVE..f64::INFINITY;
        check_range("total weight", total, range, "a finite number above 0")?;
        self.total_weight = total;
        Ok(self)
    }

    /// Which rows of the minibatch it has.
    pub fn rows(&self) -> Range<usize> {
        self.first_row(self.chunks.start)..self.first_row(self.chunks.end)
    }

    /// Which chunks it has: their numbers among all that are cut.
    pub fn chunks(&self) -> Range<usize> {
        self.chunks.clone()
    }

    /// Which rows of the minibatch each of its chunks has.
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
        for samples in [1, 95, 191, 192, 383, 500, 1535, 1536, 10_007] {
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
