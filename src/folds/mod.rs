//! Folds of rows: training rows and held-out rows, for cross-validation and test sets.
//!
//! | rows | splitter |
//! |---|---|
//! | one random test set | [`Split`] |
//! | each row is held out once | [`KFold`] |
//! | ... with the proportions of the classes, or of a number, in each fold | [`StratifiedKFold`] |
//! | ... and rows of a group, such as one patient's, stay together | [`GroupKFold`] |
//! | in order of time, trained on the past only | [`TimeSeriesSplit`] |
//! | several random test sets | [`ShuffleSplit`] |
//! | your own | the trait [`Splitter`] |
//!
//! [`cross_validate`] trains and scores a model for each fold. [`cross_val_predict`] returns the
//! predictions for the held-out rows.
//!
//! Splitters return row numbers, and models take them without copies of the inputs:
//!
//! | task | with row numbers |
//! |---|---|
//! | training | `fit_rows` of [`Classifier`], [`MultilabelClassifier`] and [`Regressor`] |
//! | scoring | `score_rows` of these models |
//! | scaling | [`Scaler::standard_rows`] |
//! | training of an [`Mlp`] | [`Samples::rows`] |
//!
//! [`select`] copies rows for everything else. The functions of [`metrics`](crate::metrics) take
//! slices, because predictions are small: predict `select(&x, width, rows)`, and compare with
//! `select(&y, 1, rows)`.
//!
//! Without shuffling, folds equal those of scikit-learn. Shuffles depend on a seed alone.
//!
//! [`Classifier`]: crate::Classifier
//! [`MultilabelClassifier`]: crate::MultilabelClassifier
//! [`Regressor`]: crate::Regressor
//! [`Scaler::standard_rows`]: crate::Scaler::standard_rows
//! [`Mlp`]: crate::Mlp
//! [`Samples::rows`]: crate::Samples::rows
//!
//! ```
//! use feedforward::folds::{KFold, Splitter};
//!
//! let folds = KFold::new(5, 2)?.folds()?;
//! assert_eq!((&folds[0].training[..], &folds[0].held_out[..]), (&[3, 4][..], &[0, 1, 2][..]));
//! assert_eq!((&folds[1].training[..], &folds[1].held_out[..]), (&[0, 1, 2][..], &[3, 4][..]));
//! # Ok::<(), feedforward::Error>(())
//! ```

#![cfg(target_has_atomic = "ptr")]

use alloc::format;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::ops::Range;

use crate::error::{Error, Result, check_rows};
use crate::memory;

mod cross_validation;
mod group;
mod k_fold;
mod shuffle_split;
mod split;
mod stratified;
mod time_series;

pub use cross_validation::{CrossValidation, cross_val_predict, cross_validate};
pub use group::GroupKFold;
pub use k_fold::KFold;
pub use shuffle_split::ShuffleSplit;
pub use split::Split;
pub(crate) use split::random;
pub use stratified::StratifiedKFold;
pub use time_series::TimeSeriesSplit;

/// A rule that divides rows into training rows and held-out rows, once for each fold.
///
/// A custom splitter takes a few lines:
///
/// ```
/// use feedforward::folds::{Split, Splitter};
///
/// /// Holds out each row on its own.
/// #[derive(Debug)]
/// struct LeaveOneOut(usize);
///
/// impl Splitter for LeaveOneOut {
///     fn rows(&self) -> usize {
///         self.0
///     }
///     fn count(&self) -> usize {
///         self.0
///     }
///     fn fold(&self, fold: usize) -> feedforward::Result<Split> {
///         Ok(Split::from_rows((0..self.0).filter(|&row| row != fold), [fold]))
///     }
/// }
///
/// assert_eq!(LeaveOneOut(3).fold(1)?.training, [0, 2]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "BaseCrossValidator")]
pub trait Splitter: Debug + Send + Sync {
    /// Returns the number of rows to divide.
    fn rows(&self) -> usize;

    /// Returns the number of folds.
    #[doc(alias = "get_n_splits")]
    fn count(&self) -> usize;

    /// Returns the rows of one fold, counted from 0. Equal calls return equal rows.
    ///
    /// A fold holds out each row at most once, and trains on none of these rows. Training rows may
    /// occur several times. The functions that take a splitter check this.
    ///
    /// # Errors
    /// Built-in splitters return [`Error::OutOfBounds`] if there is no such fold, and
    /// [`Error::TooLarge`] if memory cannot hold the row numbers.
    fn fold(&self, fold: usize) -> Result<Split>;

    /// Returns the rows of all folds.
    ///
    /// # Errors
    /// See [`fold`](Self::fold).
    fn folds(&self) -> Result<Vec<Split>> {
        (0..self.count()).map(|fold| self.fold(fold)).collect()
    }
}

/// Copies these rows of row-major data, in this order.
///
/// ```
/// use feedforward::folds::select;
///
/// assert_eq!(select(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, &[2, 0])?, [5.0, 6.0, 1.0, 2.0]);
/// assert_eq!(select(&["cat", "dog", "cow"], 1, &[1])?, ["dog"]);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Rows`] if `data` does not consist of one or more whole rows.
/// - [`Error::OutOfBounds`] if one of the rows does not exist.
/// - [`Error::TooLarge`] if memory cannot hold the copy.
#[doc(alias = "take")]
#[doc(alias = "gather")]
pub fn select<V: Clone>(data: &[V], width: usize, rows: &[usize]) -> Result<Vec<V>> {
    let len = check_rows("data", data, width)?;
    if let Some(&index) = rows.iter().find(|&&row| row >= len) {
        let what = "row";
        return Err(Error::OutOfBounds { what, len, index });
    }
    let what = "values of the selected rows";
    let values = memory::product(what, &[rows.len(), width])?;
    let row = |&row: &usize| data[row * width..][..width].iter().cloned();
    memory::collected(what, values, rows.iter().flat_map(row))
}

/// Checks that there are at least two folds, and at most as many as there are items to divide.
fn check_folds(folds: usize, items: usize, of: &str) -> Result<()> {
    if (2..=items).contains(&folds) {
        return Ok(());
    }
    let expected = match items {
        0 | 1 => format!("2 or more, of 2 or more {of}, not {items}"),
        2 => format!("2, the number of {of}"),
        _ => format!("2 to {items}, the number of {of}"),
    };
    Err(Error::invalid_setting("folds", expected, folds))
}

/// Checks that a fold holds out each row at most once, and trains on none of these rows.
///
/// Training rows may occur several times, as in a bootstrap.
pub(crate) fn check_held_out(fold: usize, split: &Split) -> Result<()> {
    let rows = split.held_out.iter().copied();
    let mut held_out = memory::collected("held-out rows", split.held_out.len(), rows)?;
    held_out.sort_unstable();
    let wrong = |got| {
        let expected = "rows that the fold does not train on, each once";
        Err(Error::incompatible("held-out rows", expected, got))
    };
    let mut neighbors = held_out.iter().zip(held_out.iter().skip(1));
    if let Some((twice, _)) = neighbors.find(|(row, next)| row == next) {
        return wrong(format!("row {twice} twice in fold {fold}"));
    }
    let is_held_out = |row: &&usize| held_out.binary_search(row).is_ok();
    match split.training.iter().find(is_held_out) {
        Some(row) => wrong(format!("training row {row} in fold {fold}")),
        None => Ok(()),
    }
}

fn check_fold(fold: usize, count: usize) -> Result<()> {
    if fold < count {
        return Ok(());
    }
    Err(Error::OutOfBounds {
        what: "fold",
        len: count,
        index: fold,
    })
}

/// Returns the fold of an item, if `items` are divided into blocks whose lengths differ by at most
/// one, the longer ones first.
fn block(item: usize, items: usize, folds: usize) -> usize {
    let (len, longer) = (items / folds, items % folds);
    if item < longer * (len + 1) {
        item / (len + 1)
    } else {
        longer + (item - longer * (len + 1)) / len
    }
}

/// Holds out the rows that belong to a fold, out of this many folds.
fn hold_out(
    rows: usize,
    count: usize,
    fold: usize,
    fold_of: impl Fn(usize) -> usize,
) -> Result<Split> {
    check_fold(fold, count)?;
    let held_out = (0..rows).filter(|&row| fold_of(row) == fold).count();
    let side = |len, is_held_out| {
        let rows = (0..rows).filter(|&row| (fold_of(row) == fold) == is_held_out);
        memory::collected("rows", len, rows)
    };
    Ok(Split {
        training: side(rows - held_out, false)?,
        held_out: side(held_out, true)?,
    })
}

/// Returns the rows in the order of their labels, and the range of each label. Rows of equal labels
/// keep their order.
fn sorted<L: Ord>(labels: &[L]) -> Result<(Vec<usize>, Vec<Range<usize>>)> {
    let mut order = memory::collected("rows", labels.len(), 0..labels.len())?;
    order.sort_unstable_by(|&a, &b| labels[a].cmp(&labels[b]).then(a.cmp(&b)));
    let mut start = 0;
    let ranges = order.chunk_by(|&a, &b| labels[a] == labels[b]).map(|rows| {
        let range = start..start + rows.len();
        start = range.end;
        range
    });
    let ranges = ranges.collect();
    Ok((order, ranges))
}

/// Returns the number of each row's label among the distinct labels in order, and their count.
fn numbered<L: Ord>(labels: &[L]) -> Result<(Vec<usize>, usize)> {
    let (order, ranges) = sorted(labels)?;
    let mut numbers = memory::filled("label numbers", 0, labels.len())?;
    for (number, range) in ranges.iter().enumerate() {
        for &row in &order[range.clone()] {
            numbers[row] = number;
        }
    }
    Ok((numbers, ranges.len()))
}
