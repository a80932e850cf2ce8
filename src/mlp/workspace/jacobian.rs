//! Jacobian of the outputs with respect to the parameters, whole or in blocks.

use core::ops::Range;

use super::super::samples::CheckedSamples;
use super::each::Kind;
use super::{GradientWorkspace, Mlp};
use crate::error::Result;
use crate::float::Float;
use crate::loss::SquaredError;

/// Consecutive samples with their part of a Jacobian, as
/// [`GradientWorkspace::for_each_jacobian_block`] computes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JacobianBlock<'a, T> {
    /// Indices of the samples.
    pub samples: Range<usize>,
    /// Outputs of the network, row-major `[samples x outputs]`.
    pub outputs: &'a [T],
    /// Derivatives of each output with respect to each parameter, row-major
    /// `[samples x outputs x params]`.
    pub jacobian: &'a [T],
}

/// Numbers of a block, as long as it has a number of rows within the bounds below.
const BLOCK: usize = 1 << 18;

/// Minimum of a block's rows. A sum over fewer rows would take longer to load than to compute.
const LEAST_ROWS: usize = 64;

/// Maximum of a block's rows, unless one sample has more outputs.
const MOST_ROWS: usize = 512;

impl<T: Float> GradientWorkspace<T> {
    /// Returns the Jacobian of the outputs with respect to the parameters, for each sample s:
    ///
    /// ```text
    /// J[s, o, p] = dyₒ(xₛ) / dθₚ
    /// ```
    ///
    /// `inputs` is row-major `[samples x inputs]`, and the result `[samples x outputs x params]`.
    /// Each row is laid out like [`Mlp::params`]: layer by layer, weights, biases and numbers α,
    /// then the encoding.
    ///
    /// The method takes no loss, and applies neither penalty, clipping nor dropout. It does not
    /// change [`values`](Self::values) and [`input_gradient`](Self::input_gradient). The work is a
    /// forward pass over the samples, and a backward pass over one copy of each sample per output,
    /// on all [`threads`](Self::threads). Results are bit-identical for any number of threads and
    /// samples. Another Jacobian of as many samples does not allocate.
    ///
    /// The result needs the memory of all its numbers. If a sum over samples is enough, use
    /// [`for_each_jacobian_block`](Self::for_each_jacobian_block).
    ///
    /// ```
    /// use feedforward::{GradientWorkspace, Mlp, activation::Identity};
    ///
    /// // y0 = 3 x + 1, y1 = -2 x.
    /// let mut net = Mlp::<f64>::builder(1).output(2, Identity).build()?;
    /// net.set_params(&[3.0, -2.0, /* biases: */ 1.0, 0.0])?;
    /// let mut gradient = GradientWorkspace::new(&net);
    /// let jacobian = gradient.parameter_jacobian(&net, &[0.5, 4.0])?;
    /// assert_eq!(jacobian[..4], [0.5, 0.0, 1.0, 0.0]); // dy0 of the first sample
    /// assert_eq!(jacobian[4..8], [0.0, 0.5, 0.0, 1.0]); // dy1
    /// assert_eq!(jacobian[8..12], [4.0, 0.0, 1.0, 0.0]); // dy0 of the second sample
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Rows`](crate::Error::Rows) unless `inputs` holds one or more whole samples.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if an input or a parameter is not finite.
    /// - [`Error::Shape`](crate::Error::Shape) if the network's layout is not the workspace's.
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if there is no memory for the result.
    /// - [`Error::Overflow`](crate::Error::Overflow) if an output or a derivative is not finite. It
    ///   names the layer of the first one.
    pub fn parameter_jacobian(&mut self, net: &Mlp<T>, inputs: &[T]) -> Result<&[T]> {
        let samples = CheckedSamples::of_inputs(inputs, net)?;
        self.prepare(net, Some(self.first_backward()))?;
        let all = 0..samples.len();
        self.differentiate(net, &samples, &SquaredError, &Kind::Params, all)?;
        Ok(&self.derivatives)
    }

    /// Computes the Jacobian with respect to the parameters as
    /// [`parameter_jacobian`](Self::parameter_jacobian) does, and calls `visit` with one block of
    /// samples after another. Blocks come in the order of the samples, on the caller's thread.
    ///
    /// A block has 64 to 512 rows of the Jacobian, or one sample if that has more outputs. The
    /// larger the network, the fewer rows. No more than a block is held in memory. So this is the
    /// method for sums over samples, such as those of Gauss-Newton and Levenberg-Marquardt:
    ///
    /// ```
    /// use feedforward::{GradientWorkspace, Mlp, activation::{Identity, Tanh}};
    ///
    /// let net = Mlp::<f64>::builder(1).hidden(3, Tanh).output(1, Identity).build()?;
    /// let inputs: Vec<f64> = (0..1000).map(|i| f64::from(i) / 500.0 - 1.0).collect();
    /// let targets: Vec<f64> = inputs.iter().map(|x| x * x).collect();
    ///
    /// // J'J and J'e, with e = y - t.
    /// let params = net.params().len();
    /// let (mut product, mut vector) = (vec![0.0; params * params], vec![0.0; params]);
    /// let mut gradient = GradientWorkspace::new(&net);
    /// gradient.for_each_jacobian_block(&net, &inputs, |block| {
    ///     let targets = &targets[block.samples.clone()];
    ///     let rows = block.jacobian.chunks(params).zip(block.outputs.iter().zip(targets));
    ///     for (row, (y, t)) in rows {
    ///         for (i, &a) in row.iter().enumerate() {
    ///             vector[i] += a * (y - t);
    ///             row.iter().enumerate().for_each(|(j, b)| product[i * params + j] += a * b);
    ///         }
    ///     }
    ///     Ok(())
    /// })?;
    /// assert!(vector.iter().all(|x| x.is_finite()) && product[0] > 0.0);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`parameter_jacobian`](Self::parameter_jacobian). An error in a later block comes after
    /// the calls for the earlier ones. An error that `visit` returns ends the calls.
    pub fn for_each_jacobian_block(
        &mut self,
        net: &Mlp<T>,
        inputs: &[T],
        visit: impl FnMut(JacobianBlock<'_, T>) -> Result<()>,
    ) -> Result<()> {
        let samples = CheckedSamples::of_inputs(inputs, net)?;
        self.for_each_block_of(net, &samples, visit)
    }

    /// Visits the blocks of checked samples, as
    /// [`for_each_jacobian_block`](Self::for_each_jacobian_block) does. Neither targets nor weights
    /// are read.
    pub(crate) fn for_each_block_of(
        &mut self,
        net: &Mlp<T>,
        samples: &CheckedSamples<'_, T>,
        mut visit: impl FnMut(JacobianBlock<'_, T>) -> Result<()>,
    ) -> Result<()> {
        self.prepare(net, Some(self.first_backward()))?;
        let rows = (BLOCK / self.layout.len()).clamp(LEAST_ROWS, MOST_ROWS);
        let (count, step) = (samples.len(), (rows / net.outputs()).max(1));
        for first in (0..count).step_by(step) {
            let range = first..count.min(first + step);
            self.differentiate(net, samples, &SquaredError, &Kind::Params, range.clone())?;
            visit(JacobianBlock {
                samples: range,
                outputs: &self.outputs,
                jacobian: &self.derivatives,
            })?;
        }
        Ok(())
    }

    /// Returns the first layer whose weights a pass to the parameters reads backward.
    pub(super) fn first_backward(&self) -> usize {
        usize::from(self.layout.encoding().is_empty())
    }
}
