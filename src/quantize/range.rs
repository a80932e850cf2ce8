//! Ranges of numbers, and the scales of their integers.

use alloc::vec::Vec;

use crate::error::{Error, Result};
use crate::float::Float;
use crate::memory;

/// Rule that chooses the range of numbers that integers cover, from calibration samples.
///
/// Numbers outside the range become its ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum RangeRule {
    /// From the minimum to the maximum.
    MinMax,
    /// The range that holds this fraction of all numbers. Both tails have equal shares of the rest.
    /// Calibration inputs outside of their range count as its ends. Range: above 0, at most 1.
    Percentile(f64),
    /// The range with the smallest mean squared error, among those from the minimum to the maximum
    /// times 0.5 to 1. For an activation with a table, the error is that of its outputs.
    #[default]
    MeanSquaredError,
}

impl RangeRule {
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::Percentile(p) if !(p > 0.0 && p <= 1.0) => Err(Error::invalid_setting(
                "percentile of a range",
                "above 0, at most 1",
                p,
            )),
            _ => Ok(()),
        }
    }
}

/// Returns the nearest integer, away from zero if two are.
pub(super) fn round(x: f64) -> f64 {
    num_traits::Float::round(x)
}

/// Minimum and maximum of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integers(pub(super) i32, pub(super) i32);

impl Integers {
    /// Integers with a zero point.
    pub(super) const INT8: Self = Self(-128, 127);
    /// Integers without a zero point, as in TFLite.
    pub(super) const INT16: Self = Self(-32768, 32767);
    pub(super) const INT32: Self = Self(i32::MIN, i32::MAX);

    /// Returns those of this many bits, which are 8 or 16.
    pub(super) fn of_bits(bits: u32) -> Self {
        if bits == 8 { Self::INT8 } else { Self::INT16 }
    }

    #[cfg(feature = "safetensors")]
    pub(super) fn contain(self, q: i32) -> bool {
        (self.0..=self.1).contains(&q)
    }
}

/// Scale and zero point: number = (integer - `zero_point`) · scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine {
    pub(super) scale: f64,
    pub(super) zero_point: i32,
    pub(super) integers: Integers,
}

impl Affine {
    /// Returns the scale at which integers cover a range that contains 0, with 0 as an integer.
    pub(super) fn covering([low, high]: [f64; 2], integers: Integers) -> Self {
        if integers != Integers::INT8 {
            let scale = high.max(-low) / f64::from(integers.1);
            let is_positive = scale >= f64::from(f32::MIN_POSITIVE);
            return Self {
                scale: if is_positive { scale } else { 1.0 },
                zero_point: 0,
                integers,
            };
        }
        let scale = (high - low) / 255.0;
        if scale < f64::from(f32::MIN_POSITIVE) {
            // All numbers are 0.
            return Self {
                scale: 1.0,
                zero_point: -128,
                integers,
            };
        }
        let zero_point = round(-128.0 - low / scale);
        Self {
            scale,
            zero_point: zero_point.clamp(-128.0, 127.0) as i32,
            integers,
        }
    }

    /// Returns the nearest of the integers.
    pub(super) fn quantize(&self, x: f64) -> i32 {
        let q = round(x / self.scale) + f64::from(self.zero_point);
        let Integers(min, max) = self.integers;
        q.clamp(min.into(), max.into()) as i32
    }

    /// Returns the number of an integer.
    pub(super) fn number(&self, q: i32) -> f64 {
        (f64::from(q) - f64::from(self.zero_point)) * self.scale
    }
}

/// Counts of numbers in bins of equal width.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    low: f64,
    high: f64,
    counts: Vec<u64>,
    total: u64,
}

/// Number of ranges that [`RangeRule::MeanSquaredError`] tries.
const TRIALS: u32 = 100;

impl Histogram {
    pub(super) fn new(bins: usize) -> Result<Self> {
        Ok(Self {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            counts: memory::filled("histogram", 0, bins)?,
            total: 0,
        })
    }

    /// Extends the range by these numbers, before the first is counted.
    pub(super) fn widen<T: Float>(&mut self, numbers: impl Iterator<Item = T>) {
        for x in numbers {
            let x = x.as_f64();
            self.low = self.low.min(x);
            self.high = self.high.max(x);
        }
    }

    /// Counts numbers within the range.
    pub(super) fn count<T: Float>(&mut self, numbers: impl Iterator<Item = T>) {
        let bins = self.counts.len() as f64;
        let factor = bins / (self.high - self.low).max(f64::MIN_POSITIVE);
        for x in numbers {
            let bin = ((x.as_f64() - self.low) * factor) as usize;
            let last = self.counts.len() - 1;
            self.counts[bin.min(last)] += 1;
            self.total += 1;
        }
    }

    /// Returns minimum and maximum.
    pub(super) fn ends(&self) -> [f64; 2] {
        [self.low, self.high]
    }

    /// Returns the range that a rule chooses for integers. It contains `anchor`, toward which it
    /// shrinks. `f` is the function of the numbers whose error counts.
    pub(super) fn range(
        &self,
        (rule, integers): (RangeRule, Integers),
        anchor: f64,
        f: impl Fn(f64) -> f64,
    ) -> [f64; 2] {
        let all = [self.low.min(anchor), self.high.max(anchor)];
        match rule {
            RangeRule::MinMax => all,
            RangeRule::Percentile(p) => {
                let tail = (self.total as f64 * (1.0 - p) / 2.0) as u64;
                let low = self.low + self.width() * bins_within(self.counts.iter(), tail);
                let high = self.high - self.width() * bins_within(self.counts.iter().rev(), tail);
                [low.min(anchor), high.max(anchor)]
            }
            RangeRule::MeanSquaredError => {
                let exact = self.bins().map(|(x, _)| f(x)).collect::<Vec<_>>();
                let mut best = (f64::INFINITY, all);
                for trial in 0..=TRIALS {
                    let factor = 1.0 - 0.5 * f64::from(trial) / f64::from(TRIALS);
                    let range = all.map(|end| anchor + (end - anchor) * factor);
                    let error = self.squared_error((range, integers), anchor, &f, &exact);
                    if error < best.0 {
                        best = (error, range);
                    }
                }
                best.1
            }
        }
    }

    fn width(&self) -> f64 {
        (self.high - self.low) / self.counts.len() as f64
    }

    /// Returns the sum of squared errors of f, if integers cover a range. `exact` are the values of
    /// f at the centers of the bins.
    fn squared_error(
        &self,
        (range, integers): ([f64; 2], Integers),
        anchor: f64,
        f: impl Fn(f64) -> f64,
        exact: &[f64],
    ) -> f64 {
        let affine = Affine::covering(range.map(|end| end - anchor), integers);
        // Adjacent bins often have the same integer.
        let mut last = (i32::MIN, 0.0);
        let errors = self.bins().zip(exact).map(|((x, count), exact)| {
            let q = affine.quantize(x - anchor);
            if q != last.0 {
                last = (q, f(affine.number(q) + anchor));
            }
            let error = exact - last.1;
            count * error * error
        });
        errors.sum()
    }

    /// Returns the centers and counts of all bins that have numbers.
    pub(super) fn bins(&self) -> impl Iterator<Item = (f64, f64)> {
        let width = self.width();
        let bins = self.counts.iter().enumerate();
        bins.filter(|(_, count)| **count > 0)
            .map(move |(bin, &count)| (self.low + (bin as f64 + 0.5) * width, count as f64))
    }
}

/// Returns the number of bins, from the start, that together hold at most `most` numbers.
fn bins_within<'a>(counts: impl Iterator<Item = &'a u64>, most: u64) -> f64 {
    let mut sum = 0;
    let bins = counts.take_while(|&&count| {
        sum += count;
        sum <= most
    });
    bins.count() as f64
}
