//! Tables of activation functions.

use alloc::boxed::Box;

use super::layer::interpolated;
use super::owned::OwnedTable;
use super::range::{Affine, Histogram, Integers, RangeRule};

/// Number of ranges that [`RangeRule::MeanSquaredError`] tries for an interpolated table.
const TRIALS: u32 = 100;

/// Returns the scale of a table's argument, whose numbers are counted.
pub(super) fn argument(
    numbers: &Histogram,
    (rule, integers): (RangeRule, Integers),
    y: Affine,
    f: impl Fn(f64) -> f64,
) -> Affine {
    if integers == Integers::INT8 || rule != RangeRule::MeanSquaredError {
        return Affine::covering(numbers.range((rule, integers), 0.0, f), integers);
    }
    // Lines between few points make most of the error. A function that saturates is more exact if
    // the points are where it does not.
    let all = numbers.range((RangeRule::MinMax, integers), 0.0, &f);
    let mut best = (f64::INFINITY, Affine::covering(all, integers));
    for trial in 0..TRIALS {
        let factor = 1.0 - f64::from(trial) / f64::from(TRIALS);
        let z = Affine::covering(all.map(|end| factor * end), integers);
        let table = int16(z, y, &f);
        let errors = numbers.bins().map(|(x, count)| {
            let error = y.number(interpolated(&table, z.quantize(x))) - f(x);
            count * error * error
        });
        let error = errors.sum();
        if error < best.0 {
            best = (error, z);
        }
    }
    best.1
}

/// Returns the table of a function from integers z to integers y.
pub(super) fn table(z: Affine, y: Affine, f: impl Fn(f64) -> f64) -> OwnedTable {
    if y.integers == Integers::INT8 {
        let mut table = Box::new([0; 256]);
        let f = defined(|q| f(z.number(q)), z.zero_point.clamp(-128, 127));
        for (q, to) in (-128..=127).zip(table.iter_mut()) {
            *to = y.quantize(f(q)) as i8;
        }
        OwnedTable::Int8(table)
    } else {
        OwnedTable::Int16(int16(z, y, &f))
    }
}

/// Returns an interpolated table.
///
/// A chord of a smooth function lies to one side of it, and on average by 2/3 of the distance in
/// the middle. The table's points are moved by as much to the other side. At a corner of the
/// function, the distances to the left and right differ, and the smaller one counts.
fn int16(z: Affine, y: Affine, f: &impl Fn(f64) -> f64) -> Box<[i16; 513]> {
    let value = defined(|q| f(f64::from(q) * z.scale), 0);
    let value = |i: usize| value(i as i32 * 64 - 32768);
    let mut table = Box::new([0; 513]);
    let mut at = value(0);
    let mut left = None;
    for (i, to) in table.iter_mut().enumerate() {
        let mut right = None;
        let mut next = at;
        if i < 512 {
            next = value(2 * i + 2);
            right = Some(0.5 * (at + next) - value(2 * i + 1));
            // Infinite values have no distance.
            right = right.filter(|distance| distance.is_finite());
        }
        let distance = match (left, right) {
            (Some(left), Some(right)) => smaller(left, right),
            (one, other) => one.or(other).unwrap_or(0.0),
        };
        *to = y.quantize(at - 2.0 / 3.0 * distance) as i16;
        (at, left) = (next, right);
    }
    table
}

/// Returns f, or its value closer to `middle` where f is not defined. The last step of a range may
/// lie beyond the numbers that f knows.
fn defined(f: impl Fn(i32) -> f64, middle: i32) -> impl Fn(i32) -> f64 {
    move |mut q| {
        let mut value = f(q);
        while value.is_nan() && q != middle {
            q += (middle - q).signum();
            value = f(q);
        }
        value
    }
}

/// Returns the number closer to 0 if both are on one side of it, or else 0.
fn smaller(a: f64, b: f64) -> f64 {
    if a * b <= 0.0 {
        0.0
    } else if a.abs() < b.abs() {
        a
    } else {
        b
    }
}
