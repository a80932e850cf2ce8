//! Folds that keep the proportions of classes, or the distribution of a number.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::{Split, Splitter, check_folds, hold_out, sorted};
use crate::error::{Error, Result, check_count};
use crate::float::{Float, check_finite};
use crate::memory;
use crate::random::Rng;

/// Divides rows into folds with equal proportions of each class.
///
/// Each fold is held out once. The numbers of rows of a class in two folds differ by at most one.
/// These are the folds of scikit-learn's `StratifiedKFold`.
///
/// ```
/// use feedforward::folds::{Splitter, StratifiedKFold};
///
/// let labels = ["no", "no", "no", "no", "yes", "yes"];
/// let folds = StratifiedKFold::new(&labels, 2)?;
/// assert_eq!(folds.fold(0)?.held_out, [0, 1, 4]);
/// assert_eq!(folds.fold(1)?.held_out, [2, 3, 5]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "its methods return the folds"]
pub struct StratifiedKFold {
    /// Rows, grouped by class.
    order: Vec<usize>,
    /// Range of each class in `order`.
    classes: Vec<Range<usize>>,
    /// Fold of each row.
    fold_of: Vec<usize>,
    count: usize,
}

impl StratifiedKFold {
    /// Divides the rows of these labels into folds with equal proportions of the classes.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless 2 ≤ `folds` ≤ the number of rows of each class.
    ///   scikit-learn only warns of a rare class.
    /// - [`Error::TooLarge`] if memory cannot hold the row numbers
    pub fn new<L: Ord>(labels: &[L], folds: usize) -> Result<Self> {
        check_folds(folds, labels.len(), "rows")?;
        let (order, classes) = sorted(labels)?;
        Self::of(order, classes, folds)
    }

    /// Divides the rows of these numbers into folds with about equal distributions of the numbers.
    ///
    /// Each class consists of the rows between two quantiles: `bins` classes of equal size. 10 bins
    /// are usual. Equal numbers may lie in adjacent classes.
    ///
    /// ```
    /// use feedforward::folds::{Splitter, StratifiedKFold};
    ///
    /// let prices = [900.0, 30.0, 20.0, 800.0, 10.0, 700.0, 40.0, 600.0];
    /// let folds = StratifiedKFold::by_quantile(&prices, 2, 4)?;
    /// assert_eq!(folds.fold(0)?.held_out, [0, 1]); // one high price and a low one
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - The errors of [`new`](Self::new).
    /// - [`Error::InvalidSetting`] unless there are 1 or more bins, each with `folds` or more rows.
    /// - [`Error::NotFinite`] if a number is not finite.
    pub fn by_quantile<T: Float>(numbers: &[T], bins: usize, folds: usize) -> Result<Self> {
        let rows = numbers.len();
        check_folds(folds, rows, "rows")?;
        check_count("bins", bins)?;
        if rows / bins < folds {
            let most = rows / folds;
            let expected = format!("at most {most}, which leaves {folds} or more rows in each");
            return Err(Error::invalid_setting("bins", expected, bins));
        }
        check_finite("numbers", numbers)?;
        let mut order = memory::collected("rows", rows, 0..rows)?;
        order.sort_unstable_by(|&a, &b| {
            let numbers = numbers[a].partial_cmp(&numbers[b]);
            // Numbers are finite, so `partial_cmp` always returns an order.
            numbers.map_or(a.cmp(&b), |numbers| numbers.then(a.cmp(&b)))
        });
        let start = |bin: usize| bin * (rows / bins) + bin.min(rows % bins);
        let bounds = (0..bins).map(|bin| start(bin)..start(bin + 1));
        let classes: Vec<_> = memory::collected("bins", bins, bounds)?;
        for class in &classes {
            order[class.clone()].sort_unstable();
        }
        Self::of(order, classes, folds)
    }

    fn of(order: Vec<usize>, mut classes: Vec<Range<usize>>, folds: usize) -> Result<Self> {
        if let Some(class) = classes.iter().find(|class| class.len() < folds) {
            let (len, row) = (class.len(), order[class.start]);
            let expected = format!("at most {len}, the number of rows of the class of row {row}");
            return Err(Error::invalid_setting("folds", expected, folds));
        }
        // Classes count in the order of their first rows, as in scikit-learn.
        classes.sort_unstable_by_key(|class| order[class.start]);
        let mut stratified = Self {
            fold_of: memory::filled("rows", 0, order.len())?,
            order,
            classes,
            count: folds,
        };
        stratified.assign();
        Ok(stratified)
    }

    /// Assigns folds to the rows of each class, in their order.
    ///
    /// If all rows, grouped by class, were dealt to the folds in turn, each fold would get a number
    /// of each class. It gets this many rows, but consecutive ones.
    fn assign(&mut self) {
        let mut start = 0;
        for class in &self.classes {
            let end = start + class.len();
            let mut rows = self.order[class.clone()].iter();
            for fold in 0..self.count {
                let dealt_before = |position| (position + self.count - 1 - fold) / self.count;
                for &row in rows.by_ref().take(dealt_before(end) - dealt_before(start)) {
                    self.fold_of[row] = fold;
                }
            }
            start = end;
        }
    }

    /// Assigns the rows of each class to folds at random, by this seed.
    pub fn shuffled(mut self, seed: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed);
        for class in &self.classes {
            let rows = &mut self.order[class.clone()];
            // The result must not depend on an earlier shuffle.
            rows.sort_unstable();
            rows.shuffle(&mut rng);
        }
        self.assign();
        self
    }
}

impl Splitter for StratifiedKFold {
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
