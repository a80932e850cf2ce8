//! Splits of samples into training and held-out rows.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

use super::batches::{self, shuffle};
use crate::error::{Error, Number, Result, check_classes, check_range};
use crate::float::Float;
use crate::fnv;
use crate::mlp::CheckedSamples;

/// Random split of rows into training rows and held-out rows.
///
/// Use it for a test set, or to compare several models on the same rows. Pass either part to
/// [`Samples::rows`](crate::Samples::rows).
/// [`Trainer::validation_split`](super::Trainer::validation_split) draws its rows in the same way.
///
/// ```
/// use feedforward::train::Split;
///
/// let split = Split::new(10, 0.25, 42)?;
/// assert_eq!((split.training.len(), split.held_out.len()), (7, 3));
/// // Both sides keep the proportions of the classes.
/// let classes = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
/// let split = Split::stratified(&classes, 0.4, 42)?;
/// assert_eq!(split.held_out.iter().filter(|&&row| classes[row] == 1).count(), 2);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Split {
    /// Training rows, in ascending order.
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
        split(rows, fraction, seed, None)
    }

    /// Holds out this fraction of the rows, and keeps the proportions of the classes on both sides.
    ///
    /// `classes` has the class number of each row. Range: below the number of rows.
    ///
    /// # Errors
    /// - The errors of [`new`](Self::new)
    /// - [`Error::Incompatible`] if a class has a single row, or if one side has fewer rows than
    ///   there are classes
    /// - [`Error::InvalidValue`] if a class number is not below the number of rows
    pub fn stratified(classes: &[usize], fraction: f64, seed: u64) -> Result<Self> {
        let rows = classes.len();
        check_classes("class", classes, rows)?;
        split(rows, fraction, seed, Some(classes))
    }

    /// Returns a split that holds nothing out.
    pub(super) fn all(rows: usize) -> Self {
        Self {
            training: (0..rows).collect(),
            held_out: Vec::new(),
        }
    }
}

/// Minimum number of validation samples. A score of a single sample says nothing.
const LEAST: usize = 2;

/// Holds out a fraction of the rows, rounded up, drawn by the seed.
///
/// `classes` has the class number of each row. With it, both sides keep the proportions of the
/// classes.
pub(super) fn split(
    rows: usize,
    fraction: f64,
    seed: u64,
    classes: Option<&[usize]>,
) -> Result<Split> {
    let what = "validation split";
    check_range(what, fraction, 0.0..1.0, "a fraction, at least 0, below 1")?;
    let count = num_traits::Float::ceil(rows as f64 * fraction) as usize;
    if !(LEAST..rows).contains(&count) {
        let expected =
            format!("a fraction of {rows} samples that holds out {LEAST} or more but not all");
        return Err(Error::invalid_setting(what, expected, Number(fraction)));
    }
    let mut order = batches::rows(rows)?;
    shuffle(&mut order, seed, 0);
    if let Some(classes) = classes {
        order = take_fractions(order, count, classes)?;
    }
    let held_out = order.split_off(rows - count);
    order.sort_unstable();
    Ok(Split {
        training: order,
        held_out,
    })
}

/// Returns a class number for each row.
///
/// Rows with equal targets have equal numbers, and larger targets have larger numbers.
pub(super) fn classes<T: Float>(samples: &CheckedSamples<'_, T>) -> Vec<usize> {
    let rows = 0..samples.len();
    // Of two one-hot targets, the one with the earlier 1 is larger, so numbers run backwards.
    let outputs = samples.target_buffer().len();
    let number = |class| match outputs {
        1 => class,
        classes => classes - 1 - class,
    };
    let given = rows.clone().map(|row| samples.class(row).map(number));
    if let Some(classes) = given.collect() {
        return classes;
    }
    // Different hashes prove that targets differ. Sorting by hash therefore leaves only neighbors
    // of equal hash, and one target of each group, to be compared number by number.
    let (mut buffer, mut other) = (samples.target_buffer(), samples.target_buffer());
    let mut hashed: Vec<(u64, usize)> = rows
        .map(|row| (hash(samples.target(row, &mut buffer)), row))
        .collect();
    hashed.sort_unstable();
    let mut order = |a: usize, b: usize| {
        let (a, b) = (
            samples.target(a, &mut buffer),
            samples.target(b, &mut other),
        );
        // Targets are finite, so `partial_cmp` always returns an order.
        a.partial_cmp(b).unwrap_or(Ordering::Equal)
    };
    let groups = hashed.chunk_by(|a, b| a.0 == b.0 && order(a.1, b.1).is_eq());
    let mut groups: Vec<&[(u64, usize)]> = groups.collect();
    groups.sort_by(|a, b| order(a[0].1, b[0].1));
    let mut classes = vec![0; samples.len()];
    // Different targets of one hash may alternate, so a class may have several groups.
    let same = groups.chunk_by(|a, b| order(a[0].1, b[0].1).is_eq());
    for (number, groups) in same.enumerate() {
        for &(_, row) in groups.iter().copied().flatten() {
            classes[row] = number;
        }
    }
    classes
}

/// Hashes a target. Both zeros have the same hash, since they are equal.
fn hash<T: Float>(target: &[T]) -> u64 {
    target.iter().fold(fnv::START, |hash, &x| {
        let bits = (x + T::zero()).as_f64().to_bits();
        // Numbers differ mostly in the high bits, which must affect the low bits of the hash.
        fnv::mix(hash, bits ^ (bits >> 32))
    })
}

/// Reorders the rows so that the last `count` contain each class in proportion.
fn take_fractions(order: Vec<usize>, count: usize, classes: &[usize]) -> Result<Vec<usize>> {
    let mut members = vec![Vec::new(); classes.iter().max().map_or(0, |most| most + 1)];
    let rows = order.len();
    for row in order {
        members[classes[row]].push(row);
    }
    members.retain(|rows| !rows.is_empty());
    let what = "stratified validation split";
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
            let split = split(rows, fraction, 1, None).unwrap();
            assert_eq!(split.held_out.len(), held_out);
            let mut all = [split.training, split.held_out].concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..rows));
        }
        assert!(split(10, 0.1, 0, None).is_err(), "one sample is too few");
        assert!(split(2, 0.9, 0, None).is_err());
    }

    #[test]
    fn classes_and_rows_that_cannot_be_are_errors() {
        assert!(Split::stratified(&[0, 1, usize::MAX, 1], 0.5, 0).is_err());
        assert!(Split::stratified(&[], 0.5, 0).is_err());
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
        let parts = split(100, 0.2, 3, Some(&classes)).unwrap();
        let counts = [0, 1, 2].map(|class| count(&parts.held_out, &classes, class));
        assert_eq!(counts, [10, 6, 4]);
        // A rare class keeps a row on each side.
        let rare: Vec<usize> = (0..100).map(|i| usize::from(i >= 98)).collect();
        let parts = split(100, 0.1, 3, Some(&rare)).unwrap();
        assert_eq!(
            (parts.held_out.len(), count(&parts.held_out, &rare, 1)),
            (10, 1)
        );
        // A hundred classes of two rows each, and a large class that yields rows to them.
        let many: Vec<usize> = (0..1200)
            .map(|i| if i < 200 { i / 2 } else { 100 })
            .collect();
        let parts = split(1200, 0.1, 3, Some(&many)).unwrap();
        assert_eq!(parts.held_out.len(), 120);
        let held = |class| count(&parts.held_out, &many, class);
        assert!((0..100).all(|class| held(class) == 1) && held(100) == 20);
        for other in [vec![0, 0, 0, 1], (0..100).map(|i| i / 2).collect()] {
            let error = split(other.len(), 0.5 / other.len() as f64 * 4.0, 0, Some(&other)).err();
            assert!(error.is_some(), "{other:?}");
        }
    }
}
