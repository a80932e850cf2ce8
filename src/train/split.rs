//! Setting samples aside for validation.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

use super::batches::{self, shuffle};
use crate::error::{Error, Number, Result, check_classes, check_range};
use crate::float::Float;
use crate::fnv;
use crate::mlp::CheckedSamples;

/// Rows to train on and rows held out, as
/// [`Trainer::validation_split`](super::Trainer::validation_split) draws them: for a test set, or
/// for rows that several models are compared on. Samples take them as
/// [`Samples::rows`](crate::Samples::rows).
///
/// ```
/// use feedforward::train::Split;
///
/// let split = Split::new(10, 0.25, 42)?;
/// assert_eq!((split.training.len(), split.held_out.len()), (7, 3));
/// // Each class keeps its fraction on both sides.
/// let classes = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
/// let split = Split::stratified(&classes, 0.4, 42)?;
/// assert_eq!(split.held_out.iter().filter(|&&row| classes[row] == 1).count(), 2);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Split {
    /// Rows to train on, ascending.
    pub training: Vec<usize>,
    /// Rows held out, in the order in which they were drawn.
    pub held_out: Vec<usize>,
}

impl Split {
    /// Draws this fraction of the rows `0..rows`, rounded up, by the seed.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] unless the fraction holds out two rows or more, but not all, and for
    /// more rows than memory can hold.
    pub fn new(rows: usize, fraction: f64, seed: u64) -> Result<Self> {
        split(rows, fraction, seed, None)
    }

    /// Draws this fraction of the rows, so that each class keeps its fraction on both sides.
    /// `classes` has a number for each row, below the number of rows.
    ///
    /// # Errors
    /// As [`new`](Self::new); also if a class has a single row, if there is no room for each class
    /// on both sides, or if a number is not below the number of rows.
    pub fn stratified(classes: &[usize], fraction: f64, seed: u64) -> Result<Self> {
        let rows = classes.len();
        check_classes("class", classes, rows)?;
        split(rows, fraction, seed, Some(classes))
    }

    /// Holds nothing out.
    pub(super) fn all(rows: usize) -> Self {
        Self {
            training: (0..rows).collect(),
            held_out: Vec::new(),
        }
    }
}

/// Validation samples that there must be at least: a score of one says nothing.
const LEAST: usize = 2;

/// Draws a fraction of the rows, rounded up, by the seed. With `classes`, which gives a number
/// for each row, each class keeps its fraction on both sides.
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

/// A number for each row that is the same for rows with the same target, ascending with it.
pub(super) fn classes<T: Float>(samples: &CheckedSamples<'_, T>) -> Vec<usize> {
    let rows = 0..samples.len();
    // Of two rows with a one in them, that with the earlier one is larger.
    let outputs = samples.target_room().len();
    let number = |class| match outputs {
        1 => class,
        classes => classes - 1 - class,
    };
    let given = rows.clone().map(|row| samples.class(row).map(number));
    if let Some(classes) = given.collect() {
        return classes;
    }
    // Sorted by a hash, which is as good as a number where two differ; only one target of each
    // class is then compared number by number.
    let (mut room, mut other) = (samples.target_room(), samples.target_room());
    let mut hashed: Vec<(u64, usize)> = rows
        .map(|row| (hash(samples.target(row, &mut room)), row))
        .collect();
    hashed.sort_unstable();
    let mut order = |a: usize, b: usize| {
        let (a, b) = (samples.target(a, &mut room), samples.target(b, &mut other));
        // Targets are finite, so they have an order.
        a.partial_cmp(b).unwrap_or(Ordering::Equal)
    };
    let groups = hashed.chunk_by(|a, b| a.0 == b.0 && order(a.1, b.1).is_eq());
    let mut groups: Vec<&[(u64, usize)]> = groups.collect();
    groups.sort_by(|a, b| order(a[0].1, b[0].1));
    let mut classes = vec![0; samples.len()];
    // Targets of one hash that differ may lie in turns, so a class may have several groups.
    let same = groups.chunk_by(|a, b| order(a[0].1, b[0].1).is_eq());
    for (number, groups) in same.enumerate() {
        for &(_, row) in groups.iter().copied().flatten() {
            classes[row] = number;
        }
    }
    classes
}

/// A hash of numbers; both zeros have one hash, since they are equal.
fn hash<T: Float>(target: &[T]) -> u64 {
    target.iter().fold(fnv::START, |hash, &x| {
        let bits = (x + T::zero()).as_f64().to_bits();
        // The high bits, in which numbers differ, must reach the low ones.
        fnv::mix(hash, bits ^ (bits >> 32))
    })
}

/// The same rows, ordered so that the last `count` hold of each class its fraction.
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
        let expected = format!("room for each of {} classes on both sides", members.len());
        let got = format!("{count} of {rows} samples");
        return Err(Error::incompatible(what, expected, got));
    }
    // Whole parts first, then by the largest remainder, at least one of a class on either side.
    let quota = |rows_of: &Vec<usize>| (rows_of.len() * count / rows).clamp(1, rows_of.len() - 1);
    let mut quotas: Vec<usize> = members.iter().map(quota).collect();
    let mut by_remainder: Vec<usize> = (0..members.len()).collect();
    by_remainder.sort_by_key(|&class| Reverse(members[class].len() * count % rows));
    // Ends, since there is room for each class on both sides.
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
        // 50, 30 and 20 of 100; then a rare class that is not lost.
        let classes: Vec<usize> = (0..100)
            .map(|i| [0, 0, 0, 0, 0, 1, 1, 1, 2, 2][i % 10])
            .collect();
        let count = |rows: &[usize], classes: &[usize], class| {
            rows.iter().filter(|&&row| classes[row] == class).count()
        };
        let parts = split(100, 0.2, 3, Some(&classes)).unwrap();
        let counts = [0, 1, 2].map(|class| count(&parts.held_out, &classes, class));
        assert_eq!(counts, [10, 6, 4]);
        let rare: Vec<usize> = (0..100).map(|i| usize::from(i >= 98)).collect();
        let parts = split(100, 0.1, 3, Some(&rare)).unwrap();
        assert_eq!(
            (parts.held_out.len(), count(&parts.held_out, &rare, 1)),
            (10, 1)
        );
        // A hundred classes of two, and one that gives way to them.
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
