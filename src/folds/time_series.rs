//! Folds of rows in order of time.

use alloc::format;

use super::{Split, Splitter, check_fold, check_folds};
use crate::error::{Error, Result, check_count};
use crate::memory;

/// Holds out blocks of rows in order of time, and trains on the rows before.
///
/// ```text
/// rows   0 1 2 3 4 5 6 7        t: training, h: held out
/// fold 0 t t h h
/// fold 1 t t t t h h
/// fold 2 t t t t t t h h
/// ```
///
/// Of n rows, the k folds hold out n / (k + 1) each, rounded down, at the end of the rows. These
/// are the folds of scikit-learn's `TimeSeriesSplit`.
///
/// ```
/// use feedforward::folds::{Splitter, TimeSeriesSplit};
///
/// let folds = TimeSeriesSplit::new(8, 3)?.gap(1).folds()?;
/// assert_eq!((&folds[0].training[..], &folds[0].held_out[..]), (&[0][..], &[2, 3][..]));
/// assert_eq!((&folds[1].training[..], &folds[1].held_out[..]), (&[0, 1, 2][..], &[4, 5][..]));
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "its methods return the folds"]
pub struct TimeSeriesSplit {
    rows: usize,
    count: usize,
    gap: usize,
    held_out: usize,
    most_training: usize,
}

impl TimeSeriesSplit {
    /// Divides the rows `0..rows`, which are in order of time, into this many folds.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless 2 ≤ `folds` < `rows`.
    pub fn new(rows: usize, folds: usize) -> Result<Self> {
        check_folds(folds, rows.saturating_sub(1), "rows after the first")?;
        Ok(Self {
            rows,
            count: folds,
            gap: 0,
            held_out: rows / (folds + 1),
            most_training: usize::MAX,
        })
    }

    /// Sets the number of rows before each held-out block that are not trained on. Default: 0.
    ///
    /// It is for targets that lie in the future, such as the price in n rows.
    pub fn gap(mut self, rows: usize) -> Self {
        self.gap = rows;
        self
    }

    /// Sets the number of rows that each fold holds out. Default: all rows / (folds + 1), rounded
    /// down. Range: at least 1. [`fold`](Splitter::fold) checks that the first fold has training
    /// rows.
    #[doc(alias = "test_size")]
    pub fn held_out(mut self, rows: usize) -> Self {
        self.held_out = rows;
        self
    }

    /// Sets the maximum number of training rows. The last ones are kept. Default: no maximum.
    /// Range: at least 1.
    #[doc(alias = "max_train_size")]
    pub fn max_training(mut self, rows: usize) -> Self {
        self.most_training = rows;
        self
    }

    fn check(&self) -> Result<()> {
        let Self { rows, gap, .. } = *self;
        for (what, count) in [
            ("held-out rows of a fold", self.held_out),
            ("maximum number of training rows", self.most_training),
        ] {
            check_count(what, count)?;
        }
        let needed = self.held_out.checked_mul(self.count);
        if needed
            .and_then(|n| n.checked_add(gap))
            .is_some_and(|n| n < rows)
        {
            return Ok(());
        }
        let expected = format!("fewer than {rows} rows in all folds and the gap");
        let got = format!("{} x {} + {gap}", self.count, self.held_out);
        Err(Error::incompatible(
            "held-out rows of a time series",
            expected,
            got,
        ))
    }
}

impl Splitter for TimeSeriesSplit {
    fn rows(&self) -> usize {
        self.rows
    }

    fn count(&self) -> usize {
        self.count
    }

    /// # Errors
    /// - [`Error::OutOfBounds`] if there is no such fold
    /// - [`Error::InvalidSetting`] if a setting is 0 whose range begins at 1
    /// - [`Error::Incompatible`] if the first fold has no training rows
    /// - [`Error::TooLarge`] if memory cannot hold the row numbers
    fn fold(&self, fold: usize) -> Result<Split> {
        self.check()?;
        check_fold(fold, self.count)?;
        let start = self.rows - (self.count - fold) * self.held_out;
        let end = start - self.gap;
        let training = end.saturating_sub(self.most_training)..end;
        Ok(Split {
            training: memory::collected("rows", training.len(), training)?,
            held_out: memory::collected("rows", self.held_out, start..)?,
        })
    }
}
