//! One random split into training and held-out rows.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::numbered;
use crate::error::{Error, Number, Result, check_range};
use crate::memory;
use crate::random::shuffle;

/// Training rows and held-out rows: one random split, or one fold of a
/// [`Splitter`](super::Splitter).
///
/// Use it for a test set, or to compare several models on the same rows. Pass either part to
/// [`Samples::rows`](crate::Samples::rows) or [`select`](super::select).
/// [`Validation::split`](crate::train::Validation::split) draws its rows in the same way.
///
/// ```
/// use feedforward::folds::Split;
///
/// let split = Split::new(10, 0.25, 42)?;
/// assert_eq!((split.training.len(), split.held_out.len()), (7, 3));
/// // Both sides keep the proportions of the classes.
/// let labels = ["a", "a", "a", "a", "a", "b", "b", "b", "b", "b"];
/// let split = Split::stratified(&labels, 0.4, 42)?;
/// assert_eq!(split.held_out.iter().filter(|&&row| labels[row] == "b").count(), 2);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Split {
    /// Training rows. Built-in splits sort them.
    pub training: Vec<usize>,
    /// Held-out rows, in the order in which they were drawn.
    pub held_out: Vec<usize>,
}

impl Split {
    /// Holds out this fraction of the rows `0..rows`, rounded up, drawn by the seed.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless the fraction holds out at least two rows, but not all
    /// - [`Error::TooLarge`] if memory cannot hold this many row numbers
    #[doc(alias = "train_test_split")]
    pub fn new(rows: usize, fraction: f64, seed: u64) -> Result<Self> {
        random(WHAT, rows, fraction, (seed, 0), None)
    }

    /// Holds out this fraction of the rows, and keeps the proportions of the classes on both sides.
    ///
    /// `labels` has the class of each row.
    ///
    /// # Errors
    /// - The errors of [`new`](Self::new)
    /// - [`Error::Incompatible`] if a class has a single row, or if one side has fewer rows than
    ///   there are classes
    pub fn stratified<L: Ord>(labels: &[L], fraction: f64, seed: u64) -> Result<Self> {
        let (classes, _) = numbered(labels)?;
        random(WHAT, labels.len(), fraction, (seed, 0), Some(&classes))
    }

    /// Creates a split from its rows, for a custom [`Splitter`](super::Splitter).
    pub fn from_rows(
        training: impl IntoIterator<Item = usize>,
        held_out: impl IntoIterator<Item = usize>,
    ) -> Self {
        Self {
            training: training.into_iter().collect(),
            held_out: held_out.into_iter().collect(),
        }
    }

    /// Returns a split that holds nothing out.
    pub(crate) fn all(rows: usize) -> Self {
        Self {
            training: (0..rows).collect(),
            held_out: Vec::new(),
        }
    }
}

const WHAT: &str = "held-out fraction";

/// Minimum number of held-out samples. A score of a single sample says nothing.
const LEAST: usize = 2;

/// Holds out a fraction of the rows, rounded up, drawn by the seed and stream. Errors call the
/// fraction `what`.
///
/// `classes` has the class number of each row. With it, both sides keep the proportions of the
/// classes.
pub(crate) fn random(
    what: &'static str,
    rows: usize,
    fraction: f64,
    (seed, stream): (u64, u64),
    classes: Option<&[usize]>,
) -> Result<Split> {
    check_range(what, fraction, 0.0..1.0, "a fraction, at least 0, below 1")?;
    let count = num_traits::Float::ceil(rows as f64 * fraction) as usize;
    if !(LEAST..rows).contains(&count) {
        let expected =
            format!("a fraction of {rows} samples that holds out {LEAST} or more but not all");
        return Err(Error::invalid_setting(what, expected, Number(fraction)));
    }
    let mut order = memory::collected("rows", rows, 0..rows)?;
    shuffle(&mut order, seed, stream);
    if let Some(classes) = classes {
        order = take_fractions(what, order, count, classes)?;
    }
    let held_out = order.split_off(rows - count);
    order.sort_unstable();
    Ok(Split {
        training: order,
        held_out,
    })
}

/// Reorders the rows so that the last `count` contain each class in proportion.
fn take_fractions(
    what: &'static str,
    order: Vec<usize>,
    count: usize,
    classes: &[usize],
) -> Result<Vec<usize>> {
    let mut members = vec![Vec::new(); classes.iter().max().map_or(0, |most| most + 1)];
    let rows = order.len();
    for row in order {
        members[classes[row]].push(row);
    }
    members.retain(|rows| !rows.is_empty());
    if let Some(class) = members.iter().find(|rows| rows.len() < 2) {
        let got = format!("1, at row {}", class[0]);
        return Err(Error::incompatible(
            what,
            "2 or more samples of each class",
            got,
        ));
    }
    if count.min(rows - count) < members.len() {
        let expected = format!("each of {} classes on both sides", members.len());
        let got = format!("{count} of {rows} samples");
        return Err(Error::incompatible(what, expected, got));
    }
    // Largest remainder method: each class gets its quota rounded down, then the classes with the
    // largest remainders get one more. Each side keeps at least one row of each class.
    let quota = |rows_of: &Vec<usize>| (rows_of.len() * count / rows).clamp(1, rows_of.len() - 1);
    let mut quotas: Vec<usize> = members.iter().map(quota).collect();
    let mut by_remainder: Vec<usize> = (0..members.len()).collect();
    by_remainder.sort_by_key(|&class| Reverse(members[class].len() * count % rows));
    // This loop ends, since each side can hold a row of each class.
    let mut total: usize = quotas.iter().sum();
    for &class in by_remainder.iter().cycle() {
        if total == count {
            break;
        }
        let quota = &mut quotas[class];
        if total < count && *quota + 1 < members[class].len() {
            *quota += 1;
            total += 1;
        } else if total > count && *quota > 1 {
            *quota -= 1;
            total -= 1;
        }
    }
    let (mut training, mut held_out) = (Vec::with_capacity(rows), Vec::with_capacity(count));
    for (mut rows_of, quota) in members.into_iter().zip(quotas) {
        held_out.extend(rows_of.split_off(rows_of.len() - quota));
        training.extend(rows_of);
    }
    training.extend(held_out);
    Ok(training)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_scikit_learns() {
        for (rows, fraction, held_out) in [(11, 0.1, 2), (21, 0.1, 3), (99, 0.1, 10), (60, 0.2, 12)]
        {
            let split = random(WHAT, rows, fraction, (1, 0), None).unwrap();
            assert_eq!(split.held_out.len(), held_out);
            let mut all = [split.training, split.held_out].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..rows));
        }
        assert!(
            random(WHAT, 10, 0.1, (0, 0), None).is_err(),
            "one sample is too few"
        );
        assert!(random(WHAT, 2, 0.9, (0, 0), None).is_err());
    }

    #[test]
    fn classes_and_rows_that_cannot_be_are_errors() {
        assert!(Split::stratified(&[0, 1, usize::MAX, 1], 0.5, 0).is_err());
        assert!(Split::stratified::<u8>(&[], 0.5, 0).is_err());
        for rows in [0, 1, 1 << 60, usize::MAX] {
            assert!(Split::new(rows, 0.5, 0).is_err(), "{rows}");
        }
    }

    #[test]
    fn classes_keep_their_shares() {
        // Three classes with 50, 30 and 20 of 100 rows.
        let classes: Vec<usize> = (0..100)
            .map(|i| [0, 0, 0, 0, 0, 1, 1, 1, 2, 2][i % 10])
            .collect();
        let count = |rows: &[usize], classes: &[usize], class| {
            rows.iter().filter(|&&row| classes[row] == class).count()
        };
        let parts = random(WHAT, 100, 0.2, (3, 0), Some(&classes)).unwrap();
        let counts = [0, 1, 2].map(|class| count(&parts.held_out, &classes, class));
        assert_eq!(counts, [10, 6, 4]);
        // A rare class keeps a row on each side.
        let rare: Vec<usize> = (0..100).map(|i| usize::from(i >= 98)).collect();
        let parts = random(WHAT, 100, 0.1, (3, 0), Some(&rare)).unwrap();
        assert_eq!(
            (parts.held_out.len(), count(&parts.held_out, &rare, 1)),
            (10, 1)
        );
        // A hundred classes of two rows each, and a large class that yields rows to them.
        let many: Vec<usize> = (0..1200)
            .map(|i| if i < 200 { i / 2 } else { 100 })
            .collect();
        let parts = random(WHAT, 1200, 0.1, (3, 0), Some(&many)).unwrap();
        assert_eq!(parts.held_out.len(), 120);
        let held = |class| count(&parts.held_out, &many, class);
        assert!((0..100).all(|class| held(class) == 1) && held(100) == 20);
        for other in [vec![0, 0, 0, 1], (0..100).map(|i| i / 2).collect()] {
            let error = random(
                WHAT,
                other.len(),
                0.5 / other.len() as f64 * 4.0,
                (0, 0),
                Some(&other),
            )
            .err();
            assert!(error.is_some(), "{other:?}");
        }
    }
}
