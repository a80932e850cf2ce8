//! Which samples come together, and in which order.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand::SeedableRng;
use rand::seq::SliceRandom;

use crate::error::{Error, Result};
use crate::memory;
use crate::random::Rng;

/// Cuts rows into minibatches, in an order that is a function of a seed and the epoch alone.
///
/// ```
/// use feedforward::train::Batches;
///
/// let mut batches = Batches::new(5, 2)?;
/// let in_order: Vec<_> = batches.epoch(0).map(<[usize]>::to_vec).collect();
/// assert_eq!(in_order, [vec![0, 1], vec![2, 3], vec![4]]);
///
/// let mut shuffled = Batches::new(5, 2)?.shuffled(42);
/// let first: Vec<_> = shuffled.epoch(0).flatten().copied().collect();
/// let second: Vec<_> = shuffled.epoch(1).flatten().copied().collect();
/// assert_ne!(first, second);
/// assert!(shuffled.epoch(0).flatten().eq(&first));
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches {
    rows: Vec<usize>,
    order: Vec<usize>,
    size: usize,
    arrangement: Order,
}

/// Rearranges the rows of an epoch.
type Arrange = dyn Fn(usize, &mut [usize]) + Send + Sync;

/// In which order rows come.
#[derive(Clone)]
pub(super) enum Order {
    Given,
    Shuffled(u64),
    /// The caller's own: given the epoch and the rows in their order, it rearranges them.
    Custom(Arc<Arrange>),
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("Given"),
            Self::Shuffled(seed) => f.debug_tuple("Shuffled").field(seed).finish(),
            Self::Custom(_) => f.write_str("Custom"),
        }
    }
}

impl Batches {
    /// Minibatches of `size` of the rows `0..samples`, the last one shorter if need be.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless 1 <= `size` <= `samples`, or if there is no memory for this
    /// many row numbers.
    pub fn new(samples: usize, size: usize) -> Result<Self> {
        check_size(samples, size)?;
        Self::of(rows(samples)?, size)
    }

    /// The same over these rows.
    pub(super) fn of(rows: Vec<usize>, size: usize) -> Result<Self> {
        check_size(rows.len(), size)?;
        Ok(Self {
            order: memory::collected("rows", rows.len(), rows.iter().copied())?,
            rows,
            size,
            arrangement: Order::Given,
        })
    }

    /// Shuffles the rows for each epoch.
    pub fn shuffled(self, seed: u64) -> Self {
        self.arranged(Order::Shuffled(seed))
    }

    pub(super) fn arranged(self, arrangement: Order) -> Self {
        Self {
            arrangement,
            ..self
        }
    }

    /// Minibatches in an epoch.
    pub fn count(&self) -> usize {
        self.rows.len().div_ceil(self.size)
    }

    /// Samples in each minibatch but the last, which may have fewer.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The minibatches of an epoch, counted from 0.
    pub fn epoch(&mut self, epoch: usize) -> impl Iterator<Item = &[usize]> {
        self.arrange(epoch);
        self.order.chunks(self.size)
    }

    /// Brings the rows into the order of an epoch, counted from 0.
    pub(super) fn arrange(&mut self, epoch: usize) {
        self.order.copy_from_slice(&self.rows);
        match &self.arrangement {
            Order::Given => {}
            Order::Shuffled(seed) => {
                // After the last number there is comes 0, the split's stream.
                shuffle(&mut self.order, *seed, (epoch as u64).wrapping_add(1));
            }
            Order::Custom(arrange) => arrange(epoch, &mut self.order),
        }
    }

    /// The minibatch that comes after this many samples of the epoch, if there is one.
    pub(super) fn after(&self, seen: usize) -> Option<&[usize]> {
        self.order.get(seen..)?.chunks(self.size).next()
    }
}

/// The rows `0..samples`, if there is memory for their numbers.
pub(super) fn rows(samples: usize) -> Result<Vec<usize>> {
    memory::collected("rows", samples, 0..samples)
}

fn check_size(samples: usize, size: usize) -> Result<()> {
    if (1..=samples).contains(&size) {
        return Ok(());
    }
    let expected = format!("1 to {samples}, the number of training samples");
    Err(Error::invalid_setting("batch size", expected, size))
}

/// Shuffles by a generator of its own for each seed and stream. Stream 0 is the validation
/// split's, the epochs' follow.
pub(super) fn shuffle(rows: &mut [usize], seed: u64, stream: u64) {
    let mut rng = Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rows.shuffle(&mut rng);
}
