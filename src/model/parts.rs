//! Parts that all models share.

use alloc::format;

use crate::error::{Error, Result, bounded, check_rows};
use crate::float::{Float, check_finite_rows};
use crate::loss::OutputKind;
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

/// Computes the outputs for all samples, and calls `each` with blocks of whole rows, in order.
pub(super) fn in_blocks<T: Float>(
    net: &Mlp<T>,
    inputs: &[T],
    mut each: impl FnMut(&[T]) -> Result<()>,
) -> Result<()> {
    // Check all inputs at once, so that an error counts rows from the first.
    check_samples("inputs", inputs, net.inputs())?;
    let rows = (BLOCK / net.outputs()).max(LEAST_ROWS);
    for inputs in inputs.chunks(rows * net.inputs()) {
        each(&net.predict(inputs)?)?;
    }
    Ok(())
}
