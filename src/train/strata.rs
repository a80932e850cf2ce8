//! Classes of samples whose targets are numbers.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::float::Float;
use crate::fnv;
use crate::mlp::CheckedSamples;

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
