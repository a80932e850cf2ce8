//! Folds of consecutive or random rows.

use alloc::vec::Vec;

use super::{Split, Splitter, block, check_folds, hold_out};
use crate::error::Result;
use crate::memory;
use crate::random::shuffle;

/// Divides rows into folds, each of which is held out once.
///
/// Folds are blocks of consecutive rows. Of n rows in k folds, the first n mod k folds have one row
/// more. These are the folds of scikit-learn's `KFold`. Rows that are sorted, by class for example,
/// need [`shuffled`](Self::shuffled) or a [`StratifiedKFold`](super::StratifiedKFold).
///
/// ```
/// use feedforward::folds::{KFold, Splitter};
///
/// let folds = KFold::new(10, 3)?;
/// assert_eq!(folds.fold(0)?.held_out, [0, 1, 2, 3]);
/// assert_eq!(folds.fold(2)?.held_out, [7, 8, 9]);
/// assert_eq!(folds.shuffled(1).fold(0)?.held_out.len(), 4);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "its methods return the folds"]
pub struct KFold {
    /// Fold of each row.
    fold_of: Vec<usize>,
    count: usize,
}

impl KFold {
    /// Divides the rows `0..rows` into this many folds. With as many folds as rows, each fold holds
    /// out a single row.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless 2 ≤ `folds` ≤ `rows`
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold this many row numbers
    pub fn new(rows: usize, folds: usize) -> Result<Self> {
        check_folds(folds, rows, "rows")?;
        let fold_of = (0..rows).map(|row| block(row, rows, folds));
        Ok(Self {
            fold_of: memory::collected("rows", rows, fold_of)?,
            count: folds,
        })
    }

    /// Assigns rows to folds at random, by this seed.
    pub fn shuffled(mut self, seed: u64) -> Self {
        // The result must not depend on an earlier shuffle.
        self.fold_of.sort_unstable();
        shuffle(&mut self.fold_of, seed, 0);
        self
    }
}

impl Splitter for KFold {
    fn rows(&self) -> usize {
        self.fold_of.len()
    }

    fn count(&self) -> usize {
        self.count
    }

    fn fold(&self, fold: usize) -> Result<Split> {
        hold_out(self.rows(), self.count, fold, |row| self.fold_of[row])
    }
}
