//! Losses of several samples with one dispatch.

use crate::float::Float;
use crate::simd::{self, Op, Simd};

/// Outputs and targets of several samples, and space for their losses and gradients.
#[doc(hidden)]
#[derive(Debug)]
pub struct LossRows<'a, T> {
    /// Rows of outputs.
    pub(crate) outputs: &'a [T],
    /// Rows of the losses' gradients with respect to the outputs.
    pub(crate) gradients: &'a mut [T],
    /// Distance between rows of outputs, and between rows of gradients.
    pub(crate) stride: usize,
    /// Number of outputs of a sample.
    pub(crate) width: usize,
    /// Rows of targets without gaps.
    pub(crate) targets: &'a [T],
    /// Number of targets of a sample.
    pub(crate) target_width: usize,
    /// One loss for each sample.
    pub(crate) losses: &'a mut [T],
}

impl<'a, T> LossRows<'a, T> {
    /// Returns output, target, gradient and loss of each sample.
    #[inline(always)]
    pub(super) fn samples(
        self,
    ) -> impl Iterator<Item = (&'a [T], &'a [T], &'a mut [T], &'a mut T)> {
        let width = self.width;
        let outputs = self.outputs.chunks_exact(self.stride);
        let rows = outputs.zip(self.gradients.chunks_exact_mut(self.stride));
        let targets = self.targets.chunks_exact(self.target_width);
        let rows = rows.zip(targets.zip(self.losses));
        rows.map(move |((output, gradient), (target, loss))| {
            (&output[..width], target, &mut gradient[..width], loss)
        })
    }
}

/// A loss whose built-in code is compiled for each instruction set.
pub(super) trait RowLoss<T> {
    /// Returns one sample's loss and writes its gradient. Must be `#[inline(always)]`.
    fn row<S: Simd>(&self, simd: S, output: &[T], target: &[T], gradient: &mut [T]) -> T;
}

/// Evaluates one sample.
pub(super) fn evaluate<T: Float>(
    loss: &impl RowLoss<T>,
    output: &[T],
    target: &[T],
    gradient: &mut [T],
) -> T {
    simd::dispatch(One {
        loss,
        output,
        target,
        gradient,
    })
}

/// Evaluates several samples.
pub(super) fn evaluate_rows<T: Float>(loss: &impl RowLoss<T>, rows: LossRows<'_, T>) {
    simd::dispatch(All { loss, rows });
}

struct One<'a, T, L> {
    loss: &'a L,
    output: &'a [T],
    target: &'a [T],
    gradient: &'a mut [T],
}

impl<T: Float, L: RowLoss<T>> Op for One<'_, T, L> {
    type Output = T;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> T {
        self.loss.row(simd, self.output, self.target, self.gradient)
    }
}

struct All<'a, T, L> {
    loss: &'a L,
    rows: LossRows<'a, T>,
}

impl<T: Float, L: RowLoss<T>> Op for All<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for (output, target, gradient, loss) in self.rows.samples() {
            *loss = self.loss.row(simd, output, target, gradient);
        }
    }
}
