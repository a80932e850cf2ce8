//! The order of samples, and their division into minibatches.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, Result};
use crate::memory;
use crate::random::shuffle;

/// Minibatches of rows, in an order that depends only on a seed and the epoch.
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
#[must_use = "its methods return the changed batches"]
pub struct Batches {
    rows: Vec<usize>,
    /// The rows in the order of the current epoch.
    arranged: Vec<usize>,
    size: usize,
    order: Order,
    seed: u64,
    drop_last: bool,
}

/// A function that rearranges the rows of an epoch.
type Arrange = dyn Fn(usize, &mut [usize]) + Send + Sync;

/// Order of the rows in an epoch.
///
/// ```
/// use feedforward::{Trainer, loss::SquaredError, optimizer::Adam, train::Order};
///
/// let trainer = Trainer::<f32>::new(SquaredError, Adam::new(0.01));
/// let in_order = trainer.clone().order(Order::Given);
/// // The first epoch begins with the easy samples.
/// let difficulty = [0.3, 0.1, 0.2];
/// let curriculum = trainer.order(Order::custom(move |epoch, rows| {
///     if epoch == 0 {
///         rows.sort_by(|&a, &b| f64::total_cmp(&difficulty[a], &difficulty[b]));
///     }
/// }));
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Order {
    /// A new random order in each epoch, by the trainer's seed. This is the default.
    #[default]
    Shuffled,
    /// The given order.
    Given,
    /// An order made by a function. See [`custom`](Self::custom).
    Custom(Arc<Arrange>),
}

impl Order {
    /// Creates an order from a function.
    ///
    /// The function gets the epoch, counted from 0, and the training rows in their given order. It
    /// rearranges the rows in place, and may repeat some and omit others. A row that does not exist
    /// ends training with an error in that epoch.
    pub fn custom(arrange: impl Fn(usize, &mut [usize]) + Send + Sync + 'static) -> Self {
        Self::Custom(Arc::new(arrange))
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shuffled => "Shuffled",
            Self::Given => "Given",
            Self::Custom(_) => "Custom",
        })
    }
}

impl Batches {
    /// Divides the rows `0..samples` into minibatches of `size` rows. The last one may be shorter.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless 1 ≤ `size` ≤ `samples`
    /// - [`Error::TooLarge`] if memory cannot hold this many row numbers
    pub fn new(samples: usize, size: usize) -> Result<Self> {
        check_size(samples, size)?;
        Self::of(rows(samples)?, size, Order::Given, 0)
    }

    /// Divides these rows into minibatches, in this order.
    pub(super) fn of(rows: Vec<usize>, size: usize, order: Order, seed: u64) -> Result<Self> {
        check_size(rows.len(), size)?;
        Ok(Self {
            arranged: memory::collected("rows", rows.len(), rows.iter().copied())?,
            rows,
            size,
            order,
            seed,
            drop_last: false,
        })
    }

    /// Shuffles the rows anew for each epoch, by this seed.
    pub fn shuffled(self, seed: u64) -> Self {
        let order = Order::Shuffled;
        Self {
            order,
            seed,
            ..self
        }
    }

    /// Sets whether to drop the last minibatch of an epoch if it is shorter than the others.
    /// Default: `false`.
    ///
    /// ```
    /// use feedforward::train::Batches;
    ///
    /// let mut batches = Batches::new(5, 2)?.drop_last(true);
    /// assert_eq!(batches.epoch(0).flatten().copied().collect::<Vec<_>>(), [0, 1, 2, 3]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn drop_last(mut self, drop: bool) -> Self {
        self.drop_last = drop;
        self
    }

    /// Returns the number of minibatches in an epoch.
    pub fn count(&self) -> usize {
        if self.drop_last {
            self.rows.len() / self.size
        } else {
            self.rows.len().div_ceil(self.size)
        }
    }

    /// Returns the number of samples in a minibatch. The last one may have fewer, unless it is
    /// dropped.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns the minibatches of an epoch, counted from 0.
    pub fn epoch(&mut self, epoch: usize) -> impl Iterator<Item = &[usize]> {
        self.arrange(epoch);
        self.arranged.chunks(self.size).take(self.count())
    }

    /// Orders the rows for an epoch, counted from 0.
    pub(super) fn arrange(&mut self, epoch: usize) {
        self.arranged.copy_from_slice(&self.rows);
        match &self.order {
            Order::Given => {}
            Order::Shuffled => {
                // Stream 0 is the validation split's. Only the last possible epoch wraps to it.
                let stream = (epoch as u64).wrapping_add(1);
                shuffle(&mut self.arranged, self.seed, stream);
            }
            Order::Custom(arrange) => arrange(epoch, &mut self.arranged),
        }
    }

    /// Returns the minibatch after this many samples of the epoch, if there is one.
    pub(super) fn after(&self, seen: usize) -> Option<&[usize]> {
        let next = self.arranged.get(seen..)?.chunks(self.size).next();
        next.filter(|batch| !self.drop_last || batch.len() == self.size)
    }
}

/// Returns the rows `0..samples`, or an error if memory cannot hold their numbers.
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
