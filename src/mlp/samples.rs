//! Inputs with their targets.

use super::Mlp;
use super::packed::check_finite;
use crate::error::{Error, Result, check_length, check_rows};
use crate::float::Float;
use crate::loss::Loss;

/// Rows of a data set: all in their order, or chosen by index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Samples<'a, T> {
    names: [&'static str; 2],
    inputs: &'a [T],
    targets: &'a [T],
    widths: [usize; 2],
    rows: usize,
    indices: Option<&'a [usize]>,
}

impl<'a, T: Float> Samples<'a, T> {
    /// All rows, if they fit the network; errors call inputs and targets by these names.
    pub(crate) fn new(
        net: &Mlp<T>,
        names: [&'static str; 2],
        inputs: &'a [T],
        targets: &'a [T],
    ) -> Result<Self> {
        let widths = [net.inputs(), net.outputs()];
        let rows = check_rows(names[0], inputs, widths[0])?;
        check_length(names[1], targets, rows * widths[1])?;
        Ok(Self {
            names,
            inputs,
            targets,
            widths,
            rows,
            indices: None,
        })
    }

    /// The rows with these indices, which must exist.
    pub(crate) fn choose(self, indices: &'a [usize]) -> Self {
        Self {
            rows: indices.len(),
            indices: Some(indices),
            ..self
        }
    }

    /// The same, for indices that nobody has checked.
    pub(super) fn try_choose(self, indices: &'a [usize]) -> Result<Self> {
        check_rows("row indices", indices, 1)?;
        match indices.iter().find(|&&index| index >= self.rows) {
            Some(index) => Err(Error::out_of_range(
                "row index",
                format!("below {}", self.rows),
                index,
            )),
            None => Ok(self.choose(indices)),
        }
    }

    /// Checks that the numbers are ones that can be learned from.
    pub(crate) fn check(&self, loss: &dyn Loss<T>) -> Result<()> {
        if self.indices.is_none() {
            check_finite(self.names[0], self.inputs)?;
            check_finite(self.names[1], self.targets)?;
            return self
                .targets
                .chunks(self.widths[1])
                .try_for_each(|t| loss.check_target(t));
        }
        (0..self.rows).try_for_each(|sample| {
            check_finite(self.names[0], self.input(sample))?;
            check_finite(self.names[1], self.target(sample))?;
            loss.check_target(self.target(sample))
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    fn row(&self, sample: usize) -> usize {
        self.indices.map_or(sample, |indices| indices[sample])
    }

    pub(super) fn input(&self, sample: usize) -> &'a [T] {
        &self.inputs[self.row(sample) * self.widths[0]..][..self.widths[0]]
    }

    pub(super) fn target(&self, sample: usize) -> &'a [T] {
        &self.targets[self.row(sample) * self.widths[1]..][..self.widths[1]]
    }
}
