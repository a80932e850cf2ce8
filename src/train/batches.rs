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
#[must_use = "its methods return the changed batches"]
pub struct Batches {
    rows: Vec<usize>,
    /// The rows as they come in the epoch under way.
    arranged: Vec<usize>,
    size: usize,
    order: Order,
    seed: u64,
}

/// Rearranges the rows of an epoch.
type Arrange = dyn Fn(usize, &mut [usize]) + Send + Sync;

/// The order in which the rows of an epoch come.
///
/// ```
/// use feedforward::{Trainer, loss::SquaredError, optimizer::Adam, train::Order};
///
/// let trainer = Trainer::<f32>::new(SquaredError, Adam::new(0.01));
/// let in_order = trainer.clone().order(Order::Given);
/// // Easy samples first, in the first epoch.
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
    /// Shuffled anew for each epoch, by the trainer's seed.
    #[default]
    Shuffled,
    /// As they are given.
    Given,
    /// Arranged by a function, as [`custom`](Self::custom) explains.
    Custom(Arc<Arrange>),
}

impl Order {
    /// Arranges rows by a function. It gets the epoch, counted from 0, and the training rows in
    /// their order, and writes the rows in the order in which they are to come. Some may come
    /// twice and others not at all. A row that does not exist ends training with an error in that
    /// epoch.
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
    /// Minibatches of `size` of the rows `0..samples`, the last one shorter if need be.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless 1 <= `size` <= `samples`, [`Error::TooLarge`] if there is no
    /// memory for this many row numbers.
    pub fn new(samples: usize, size: usize) -> Result<Self> {
        check_size(samples, size)?;
        Self::of(rows(samples)?, size, Order::Given, 0)
    }

    /// Cuts these rows into minibatches, in this order.
    pub(super) fn of(rows: Vec<usize>, size: usize, order: Order, seed: u64) -> Result<Self> {
        check_size(rows.len(), size)?;
        Ok(Self {
            arranged: memory::collected("rows", rows.len(), rows.iter().copied())?,
            rows,
            size,
            order,
            seed,
        })
    }

    /// Shuffles the rows for each epoch.
    pub fn shuffled(self, seed: u64) -> Self {
        let order = Order::Shuffled;
        Self {
            order,
            seed,
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
        self.arranged.chunks(self.size)
    }

    /// Brings the rows into the order of an epoch, counted from 0.
    pub(super) fn arrange(&mut self, epoch: usize) {
        self.arranged.copy_from_slice(&self.rows);
        match &self.order {
            Order::Given => {}
            Order::Shuffled => {
                // After the last number there is comes 0, the split's stream.
                let stream = (epoch as u64).wrapping_add(1);
                shuffle(&mut self.arranged, self.seed, stream);
            }
            Order::Custom(arrange) => arrange(epoch, &mut self.arranged),
        }
    }

    /// The minibatch that comes after this many samples of the epoch, if there is one.
    pub(super) fn after(&self, seen: usize) -> Option<&[usize]> {
        self.arranged.get(seen..)?.chunks(self.size).next()
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
