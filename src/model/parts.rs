//! Parts that all models share.

use alloc::format;
use alloc::vec::Vec;

use crate::error::{Error, Result, bounded, check_row_indices, check_rows};
use crate::float::{Float, check_finite, check_finite_rows, in_rows};
use crate::loss::OutputKind;
use crate::memory;
use crate::mlp::{Mlp, MlpBuilder};
use crate::train::Trainer;

/// Checks that a builder has no output layer, which the model adds.
pub(super) fn check_no_output<T: Float>(builder: &MlpBuilder<T>) -> Result<()> {
    if !builder.has_output() {
        return Ok(());
    }
    Err(Error::incompatible(
        "output layer of the builder",
        "none, since a classifier adds its own (from_network takes a complete network)",
        "one",
    ))
}

/// Checks that a trainer's loss interprets the outputs as the model does, with one output for each
/// target.
pub(super) fn check_loss<T: Float>(
    trainer: &Trainer<T>,
    kinds: &[OutputKind],
    expected: &str,
) -> Result<()> {
    let per_target = trainer.loss().outputs_per_target();
    let got = || bounded(format!("{:?}", trainer.loss()));
    if per_target != 1 {
        let expected = format!("one output for each target, not {per_target}");
        return Err(Error::incompatible("loss of the trainer", expected, got()));
    }
    let kind = trainer.loss().output_kind();
    if kind == OutputKind::Unspecified || kinds.contains(&kind) {
        return Ok(());
    }
    Err(Error::incompatible("loss of the trainer", expected, got()))
}

/// Checks that there are whole samples of finite numbers, and returns their number.
pub(super) fn check_samples<T: Float>(
    what: &'static str,
    samples: &[T],
    width: usize,
) -> Result<usize> {
    let count = check_rows(what, samples, width)?;
    check_finite_rows(what, samples, width)?;
    Ok(count)
}

/// Rows of finite numbers: all rows of row-major data, or those that a caller selects.
#[derive(Clone, Copy)]
pub(super) struct CheckedRows<'a, T> {
    data: &'a [T],
    width: usize,
    selected: Option<&'a [usize]>,
}

impl<'a, T: Float> CheckedRows<'a, T> {
    /// Checks shape and values. Rows that are not selected may hold anything.
    pub(super) fn new(
        what: &'static str,
        data: &'a [T],
        width: usize,
        selected: Option<&'a [usize]>,
    ) -> Result<Self> {
        let rows = Self {
            data,
            width,
            selected,
        };
        match selected {
            None => check_samples(what, data, width).map(|_| ())?,
            Some(indices) => {
                check_row_indices(indices, check_rows(what, data, width)?)?;
                rows.check_finite(what)?;
            }
        }
        Ok(rows)
    }

    /// Returns the number of rows.
    pub(super) fn len(&self) -> usize {
        let all = self.data.len() / self.width;
        self.selected.map_or(all, <[usize]>::len)
    }

    /// Returns the values of the rows in order.
    pub(super) fn iter(self) -> impl Iterator<Item = &'a [T]> {
        (0..self.len()).map(move |index| {
            let row = self.selected.map_or(index, |rows| rows[index]);
            &self.data[row * self.width..][..self.width]
        })
    }

    fn check_finite(&self, what: &'static str) -> Result<()> {
        let mut rows = self.iter().zip(self.selected.unwrap_or_default());
        rows.try_for_each(|(values, &row)| {
            check_finite(what, values).map_err(|error| in_rows(error, row, usize::MAX))
        })
    }
}

/// Implements the methods on the network and the labels of its outputs.
macro_rules! network_and_labels {
    ($model:ident) => {
        impl<T: Float, L: Ord + Clone + Debug> $model<T, L> {
            /// Returns the network. Its outputs are logits, not probabilities.
            pub fn network(&self) -> &Mlp<T> {
                &self.net
            }

            /// Returns the network for writing, for example to train it by other means towards
            /// [`targets`](Self::targets).
            pub fn network_mut(&mut self) -> &mut Mlp<T> {
                &mut self.net
            }

            /// Returns the labels in the order of outputs and probabilities. [`new`](Self::new)
            /// sorts them.
            pub fn classes(&self) -> &[L] {
                self.classes.labels()
            }

            fn logits(&self, inputs: &[T]) -> Result<Vec<T>> {
                self.check()?;
                self.net.predict(inputs)
            }
        }
    };
}
pub(super) use network_and_labels;

/// Number of outputs to compute at once: enough for several threads, but bounded for any number of
/// samples.
const BLOCK: usize = 1 << 20;

/// Minimum number of samples in a block, so that laying out the weights costs little.
const LEAST_ROWS: usize = 256;

/// Computes the outputs for all samples, or for the selected rows, and calls `each` with blocks of
/// whole rows, in order.
pub(super) fn in_blocks<T: Float>(
    net: &Mlp<T>,
    inputs: &[T],
    selected: Option<&[usize]>,
    mut each: impl FnMut(&[T]) -> Result<()>,
) -> Result<()> {
    // Check all inputs at once, so that an error counts rows from the first.
    let rows = CheckedRows::new("inputs", inputs, net.inputs(), selected)?;
    if selected.is_some() {
        // Only one block of rows is copied at a time.
        let widest = net.inputs().max(net.outputs());
        let most = (BLOCK / widest).max(LEAST_ROWS).min(rows.len());
        let mut block = Vec::new();
        memory::reserve("inputs of a block", &mut block, most * net.inputs())?;
        for (index, row) in rows.iter().enumerate() {
            block.extend_from_slice(row);
            if (index + 1) % most == 0 || index + 1 == rows.len() {
                each(&net.predict(&block)?)?;
                block.clear();
            }
        }
        return Ok(());
    }
    let rows = (BLOCK / net.outputs()).max(LEAST_ROWS);
    for inputs in inputs.chunks(rows * net.inputs()) {
        each(&net.predict(inputs)?)?;
    }
    Ok(())
}
