//! Folds that keep groups of rows together.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::{Split, Splitter, block, check_folds, hold_out, numbered};
use crate::error::Result;
use crate::memory;
use crate::random::shuffle;

/// Divides rows into folds, such that all rows of a group are in one fold.
///
/// Groups are rows that resemble each other, such as those of one patient. A score on a known group
/// would promise too much for new ones. Each fold is held out once. The largest group comes first,
/// and each goes to the fold with the fewest rows. These are the folds of scikit-learn's
/// `GroupKFold`.
///
/// ```
/// use feedforward::folds::{GroupKFold, Splitter};
///
/// let patients = ["ann", "bob", "ann", "cleo", "ann", "bob"];
/// let folds = GroupKFold::new(&patients, 2)?;
/// assert_eq!(folds.fold(0)?.held_out, [0, 2, 4]);
/// assert_eq!(folds.fold(1)?.held_out, [1, 3, 5]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "its methods return the folds"]
pub struct GroupKFold {
    /// Group number of each row.
    group_of: Vec<usize>,
    /// Fold of each group.
    fold_of: Vec<usize>,
    count: usize,
}

impl GroupKFold {
    /// Divides the rows of these groups into this many folds.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless 2 ≤ `folds` ≤ the number of
    ///   distinct groups
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold the row numbers
    pub fn new<G: Ord>(groups: &[G], folds: usize) -> Result<Self> {
        let (group_of, groups) = numbered(groups)?;
        check_folds(folds, groups, "groups")?;
        let mut sizes: Vec<usize> = memory::filled("groups", 0, groups)?;
        for &group in &group_of {
            sizes[group] += 1;
        }
        let mut by_size = memory::collected("groups", groups, 0..groups)?;
        by_size.sort_unstable_by_key(|&group| Reverse((sizes[group], group)));
        let mut fold_of = memory::filled("groups", 0, groups)?;
        let empty = (0..folds).map(|fold| Reverse((0, fold)));
        let mut lightest = BinaryHeap::from(memory::collected("folds", folds, empty)?);
        for group in by_size {
            if let Some(mut top) = lightest.peek_mut() {
                let Reverse((rows, fold)) = &mut *top;
                *rows += sizes[group];
                fold_of[group] = *fold;
            }
        }
        Ok(Self {
            group_of,
            fold_of,
            count: folds,
        })
    }

    /// Assigns groups to folds at random, by this seed. Folds then have about equal numbers of
    /// groups, and perhaps different numbers of rows, as in scikit-learn.
    pub fn shuffled(mut self, seed: u64) -> Self {
        let groups = self.fold_of.len();
        for (group, fold) in self.fold_of.iter_mut().enumerate() {
            *fold = block(group, groups, self.count);
        }
        shuffle(&mut self.fold_of, seed, 0);
        self
    }
}

impl Splitter for GroupKFold {
    fn rows(&self) -> usize {
        self.group_of.len()
    }

    fn count(&self) -> usize {
        self.count
    }

    fn fold(&self, fold: usize) -> Result<Split> {
        let fold_of = |row: usize| self.fold_of[self.group_of[row]];
        hold_out(self.rows(), self.count, fold, fold_of)
    }
}
