//! Several random splits.

use alloc::vec::Vec;

use super::{Split, Splitter, check_fold, numbered, random};
use crate::error::{Result, check_count};

/// Holds out random rows, several times. A row may be held out by several folds, or by none.
///
/// It suits large data, of which a fraction is enough to measure a score, and small data, whose
/// score needs many folds. The first fold is that of [`Split::new`] or [`Split::stratified`].
///
/// ```
/// use feedforward::folds::{ShuffleSplit, Split, Splitter};
///
/// let folds = ShuffleSplit::new(100, 3, 0.2, 42)?;
/// assert_eq!(folds.fold(0)?, Split::new(100, 0.2, 42)?);
/// assert_ne!(folds.fold(1)?, folds.fold(2)?);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "StratifiedShuffleSplit")]
#[derive(Clone, Debug, PartialEq)]
#[must_use = "its methods return the folds"]
pub struct ShuffleSplit {
    rows: usize,
    count: usize,
    fraction: f64,
    seed: u64,
    classes: Option<Vec<usize>>,
}

impl ShuffleSplit {
    /// Holds out this fraction of the rows `0..rows`, rounded up, in each of this many folds.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) without folds, or unless the
    ///   fraction holds out at least two rows, but not all
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold this many row numbers
    pub fn new(rows: usize, folds: usize, fraction: f64, seed: u64) -> Result<Self> {
        Self::of(rows, folds, fraction, seed, None)
    }

    /// Holds out this fraction of the rows of these labels, and keeps the proportions of the
    /// classes on both sides.
    ///
    /// # Errors
    /// The errors of [`new`](Self::new) and [`Split::stratified`].
    pub fn stratified<L: Ord>(
        labels: &[L],
        folds: usize,
        fraction: f64,
        seed: u64,
    ) -> Result<Self> {
        let (classes, _) = numbered(labels)?;
        Self::of(labels.len(), folds, fraction, seed, Some(classes))
    }

    fn of(
        rows: usize,
        folds: usize,
        fraction: f64,
        seed: u64,
        classes: Option<Vec<usize>>,
    ) -> Result<Self> {
        check_count("folds", folds)?;
        let split = Self {
            rows,
            count: folds,
            fraction,
            seed,
            classes,
        };
        // All folds are possible if one is.
        split.fold(0)?;
        Ok(split)
    }
}

impl Splitter for ShuffleSplit {
    fn rows(&self) -> usize {
        self.rows
    }

    fn count(&self) -> usize {
        self.count
    }

    fn fold(&self, fold: usize) -> Result<Split> {
        check_fold(fold, self.count)?;
        // Streams from the end, because the first ones belong to the epochs of a training run.
        let stream = 0_u64.wrapping_sub(fold as u64);
        let classes = self.classes.as_deref();
        random(
            "held-out fraction",
            self.rows,
            self.fraction,
            (self.seed, stream),
            classes,
        )
    }
}
