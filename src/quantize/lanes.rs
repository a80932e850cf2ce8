//! One layer for several samples at once, on machines with vector instructions.

use super::layer::{Outputs, QuantizedLayer, ROWS};
use crate::simd::{Op, Simd};

/// Number of samples that a layer computes together. The compiler turns loops over them into vector
/// instructions.
pub(super) const LANES: usize = 32;

/// One number of each sample.
pub(super) type Lanes = [i16; LANES];

/// Chips without such instructions would only have more code.
pub(super) const HAS_VECTORS: bool = !cfg!(any(
    target_arch = "arm",
    target_arch = "riscv32",
    target_arch = "riscv64",
    target_arch = "xtensa"
));

/// One layer for `LANES` samples.
pub(super) struct ForwardLanes<'a> {
    pub(super) layer: QuantizedLayer<'a>,
    /// Numbers of each input.
    pub(super) inputs: &'a [Lanes],
    pub(super) outputs: LanesOutputs<'a>,
}

/// The place of a layer's outputs.
pub(super) enum LanesOutputs<'a> {
    /// Inputs of the next layer.
    Hidden(&'a mut [Lanes]),
    /// Outputs of each sample, `[LANES x outputs]`.
    Last(Outputs<'a>),
}

impl Op for ForwardLanes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        let width = self.inputs.len();
        let fours = self.layer.weights.chunks_exact(ROWS * width);
        let rest = fours.remainder().chunks_exact(width);
        let mut first = 0;
        for weights in fours {
            self.rows::<ROWS>(first, weights);
            first += ROWS;
        }
        for weights in rest {
            self.rows::<1>(first, weights);
            first += 1;
        }
    }
}

impl ForwardLanes<'_> {
    /// Computes this number of rows, which share their loads of inputs.
    #[inline(always)]
    fn rows<const N: usize>(&mut self, first: usize, weights: &[i8]) {
        let mut sums = products::<N>(self.inputs, weights);
        for (row, sums) in (first..).zip(&mut sums) {
            self.layer.finish_row(row, sums);
            self.write(row, sums);
        }
    }

    #[inline(always)]
    fn write(&mut self, row: usize, integers: &[i32; LANES]) {
        let outputs = match &mut self.outputs {
            LanesOutputs::Hidden(to) => {
                for (to, q) in to[row].iter_mut().zip(integers) {
                    *to = *q as i16;
                }
                return;
            }
            LanesOutputs::Last(outputs) => outputs,
        };
        let stride = self.layer.outputs();
        match outputs {
            Outputs::Int16(to) => {
                for (to, q) in to.iter_mut().skip(row).step_by(stride).zip(integers) {
                    *to = *q as i16;
                }
            }
            Outputs::Int8(to) => {
                for (to, q) in to.iter_mut().skip(row).step_by(stride).zip(integers) {
                    *to = *q as i8;
                }
            }
            Outputs::Int32(to) => {
                for (to, q) in to.iter_mut().skip(row).step_by(stride).zip(integers) {
                    *to = *q;
                }
            }
            Outputs::Float(to, scale, zero_point) => {
                for (to, q) in to.iter_mut().skip(row).step_by(stride).zip(integers) {
                    *to = q.saturating_sub(*zero_point) as f32 * *scale;
                }
            }
        }
    }
}

/// Returns the products of rows with the inputs.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // iterators keep the sums out of registers
fn products<const N: usize>(inputs: &[Lanes], weights: &[i8]) -> [[i32; LANES]; N] {
    let width = inputs.len();
    let mut rows = [weights; N];
    for row in 0..N {
        rows[row] = &weights[row * width..][..width];
    }
    let mut sums = [[0; LANES]; N];
    for column in 0..width {
        let x = &inputs[column];
        for row in 0..N {
            let w = i32::from(rows[row][column]);
            for lane in 0..LANES {
                sums[row][lane] += i32::from(x[lane]) * w;
            }
        }
    }
    sums
}
