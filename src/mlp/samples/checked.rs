//! Samples that were checked against a network.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Gathered, Mlp, Samples, Targets, write_class};
use crate::error::{Error, Position, Result, check_row_indices, check_rows};
use crate::float::{Float, check_finite, check_finite_rows, check_values, in_rows, instantiate};
use crate::loss::Loss;
use crate::simd::{self, Op, Simd, Vector};

/// Samples that fit a network and a loss.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedSamples<'a, T> {
    pub(super) samples: Samples<'a, T>,
    pub(super) widths: [usize; 2],
    pub(super) count: usize,
    /// Number of rows of the data that the samples were selected from.
    pub(super) whole: usize,
}

impl<'a, T: Float> CheckedSamples<'a, T> {
    /// Checks inputs without targets. Callers must not read the targets.
    pub(crate) fn of_inputs(inputs: &'a [T], net: &Mlp<T>) -> Result<Self> {
        let samples = Samples::new(inputs, &[]);
        let count = check_rows(samples.names[0], inputs, net.inputs())?;
        check_finite_rows(samples.names[0], inputs, net.inputs())?;
        Ok(Self {
            samples,
            widths: [net.inputs(), net.outputs()],
            count,
            whole: count,
        })
    }

    /// Removes the weights.
    pub(crate) fn unweighted(mut self) -> Self {
        self.samples.weights = None;
        self
    }

    /// Checks row indices, and selects these rows of the data instead.
    pub(crate) fn try_choose(mut self, indices: &'a [usize]) -> Result<Self> {
        check_row_indices(indices, self.whole)?;
        self.samples.rows = Some(indices);
        self.count = indices.len();
        Ok(self)
    }

    pub(super) fn check(&self, loss: &dyn Loss<T>) -> Result<()> {
        let [inputs, targets, weights] = *self.samples.names;
        let check_weights = |values: &[T]| {
            check_finite(weights, values)?;
            check_values(weights, values, 0.0.., "0 or above")
        };
        let whole = self.samples.rows.is_none();
        if whole {
            check_finite_rows(inputs, self.samples.inputs, self.widths[0])?;
            if let Targets::Values(values) = self.samples.targets {
                check_finite_rows(targets, values, self.widths[1])?;
            }
            let checked = self.samples.weights.map_or(Ok(()), check_weights);
            checked.map_err(|error| error.at(Position::Row))?;
        }
        let (mut row, mut seen) = (Vec::new(), Vec::new());
        if let Targets::Classes(_) = self.samples.targets {
            row = self.target_buffer();
            seen.resize(self.widths[1].max(2), false);
        }
        (0..self.count).try_for_each(|sample| {
            let in_row = |error| in_rows(error, self.row(sample), usize::MAX);
            let at_row = |error: Error| error.at(|_| Position::Row(self.row(sample)));
            if !whole {
                check_finite(inputs, self.input(sample)).map_err(in_row)?;
                check_finite(targets, self.target(sample, &mut row)).map_err(in_row)?;
                if let Some(values) = self.samples.weights {
                    check_weights(&values[self.row(sample)..][..1]).map_err(at_row)?;
                }
            }
            // One check per class is enough, because its target row is always the same.
            match self.class(sample) {
                Some(class) if core::mem::replace(&mut seen[class], true) => Ok(()),
                _ => {
                    let target = self.target(sample, &mut row);
                    loss.check_target(target).map_err(in_row)
                }
            }
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns the sample's row in the data.
    pub(crate) fn row(&self, sample: usize) -> usize {
        self.samples.rows.map_or(sample, |rows| rows[sample])
    }

    pub(crate) fn input(&self, sample: usize) -> &'a [T] {
        &self.samples.inputs[self.row(sample) * self.widths[0]..][..self.widths[0]]
    }

    /// Copies the inputs of these samples to rows of `to`, `stride` apart.
    pub(crate) fn copy_inputs(&self, range: Range<usize>, to: &mut [T], stride: usize) {
        let from = (self.samples.inputs, self.widths[0]);
        copy_rows(from, self.samples.rows, range, to, stride);
    }

    /// Writes the targets of these samples to rows of `to` without gaps.
    pub(crate) fn copy_targets(&self, range: Range<usize>, to: &mut [T]) {
        let width = self.widths[1];
        match self.samples.targets {
            Targets::Values(values) => {
                copy_rows((values, width), self.samples.rows, range, to, width);
            }
            Targets::Classes(classes) => {
                for (sample, to) in range.zip(to.chunks_exact_mut(width)) {
                    write_class(classes[self.row(sample)], to);
                }
            }
        }
    }

    /// Returns the sample's target. A target that stands for a class is written to `row`, which
    /// must have a target's length.
    pub(crate) fn target(&self, sample: usize, row: &'a mut [T]) -> &'a [T] {
        let index = self.row(sample);
        match self.samples.targets {
            Targets::Values(values) => &values[index * self.widths[1]..][..self.widths[1]],
            Targets::Classes(classes) => {
                write_class(classes[index], row);
                row
            }
        }
    }

    /// Returns the number of a sample's targets.
    pub(crate) fn target_width(&self) -> usize {
        self.widths[1]
    }

    /// Allocates a row for one target.
    pub(crate) fn target_buffer(&self) -> Vec<T> {
        vec![T::zero(); self.widths[1]]
    }

    /// Copies these rows of the data.
    pub(crate) fn gather(&self, rows: &[usize]) -> Gathered<T> {
        self.samples.gather(self.widths, rows)
    }

    /// Returns the sample's class, if targets are classes.
    pub(crate) fn class(&self, sample: usize) -> Option<usize> {
        match self.samples.targets {
            Targets::Values(_) => None,
            Targets::Classes(classes) => Some(classes[self.row(sample)]),
        }
    }

    /// Returns the sample's weight, if the samples have weights.
    pub(crate) fn weight(&self, sample: usize) -> Option<T> {
        let weights = self.samples.weights?;
        Some(weights[self.row(sample)])
    }

    /// Returns `true` if the samples have weights.
    pub(crate) fn is_weighted(&self) -> bool {
        self.samples.weights.is_some()
    }

    /// Returns `true` if a mean over these samples is finite. It is not if all weights are zero, or
    /// so small that dividing by their sum may overflow.
    pub(crate) fn can_teach(&self) -> bool {
        let range = T::min_positive_value().as_f64()..=T::max_value().as_f64();
        range.contains(&self.total_weight())
    }

    /// Hashes the samples with their targets and weights.
    pub(crate) fn hash(&self) -> u64 {
        let mut buffer = self.target_buffer();
        let numbers = (0..self.count).map(|sample| {
            let weight = self.weight(sample).map_or(1.0, Float::as_f64).to_bits();
            let target = match self.class(sample) {
                Some(class) => class as u64,
                None => hash(self.target(sample, &mut buffer)),
            };
            combine(combine(weight, hash(self.input(sample))), target)
        });
        numbers.fold(self.count as u64, combine)
    }

    /// Returns the sum of the weights, or the number of samples if there are no weights.
    pub(crate) fn total_weight(&self) -> f64 {
        self.samples.weights.map_or(self.count as f64, |weights| {
            let weight = |sample| weights[self.row(sample)].as_f64();
            (0..self.count).map(weight).sum()
        })
    }
}

instantiate! {
    /// Hashes a slice in four independent chains, so that it takes about as long as reading the
    /// slice.
    fn hash<T>(values: &[T]) -> u64 {
        let mut chains = [0_u64; 4];
        for values in values.chunks(4) {
            for (chain, x) in chains.iter_mut().zip(values) {
                *chain = combine(*chain, x.as_f64().to_bits());
            }
        }
        chains.into_iter().fold(values.len() as u64, combine)
    }
}

/// Computes one step of a hash chain. It multiplies by an odd number near 2^64 / φ (the golden
/// ratio), so that the upper bits of the product depend on all lower bits.
#[inline(always)]
fn combine(hash: u64, bits: u64) -> u64 {
    (hash.rotate_left(29) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

instantiate! {
    /// Copies rows of a data set, which have this width, to rows that are `stride` apart. Sample i
    /// is row i of the data, or `rows[i]` if rows are selected.
    fn copy_rows<T>(
        from: (&[T], usize),
        rows: Option<&[usize]>,
        samples: Range<usize>,
        to: &mut [T],
        stride: usize,
    ) {
        simd::dispatch(CopyRows { from, rows, samples, to, stride });
    }
}

struct CopyRows<'a, T> {
    from: (&'a [T], usize),
    rows: Option<&'a [usize]>,
    samples: Range<usize>,
    to: &'a mut [T],
    stride: usize,
}

impl<T: Float> Op for CopyRows<'_, T> {
    type Output = ();

    // A function call for each row would take longer than the copy of a short row.
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (from, width) = self.from;
        let to = self.to.chunks_exact_mut(self.stride);
        for (sample, to) in self.samples.zip(to) {
            let row = self.rows.map_or(sample, |rows| rows[sample]);
            copy_row(simd, &from[row * width..][..width], to);
        }
    }
}

/// Copies a row register by register.
#[inline(always)]
fn copy_row<S: Simd, T: Float>(simd: S, from: &[T], to: &mut [T]) {
    let lanes = T::Vector::<S>::LANES;
    let to = &mut to[..from.len()];
    let whole = from.chunks_exact(lanes);
    let rest = whole.remainder();
    let mut to = to.chunks_exact_mut(lanes);
    for (from, to) in whole.zip(&mut to) {
        T::Vector::<S>::load(simd, from).store(to);
    }
    if !rest.is_empty() {
        T::Vector::<S>::load_partial(simd, rest).store_partial(to.into_remainder());
    }
}
