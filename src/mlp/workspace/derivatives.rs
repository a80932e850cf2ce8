//! Derivatives of single outputs and single samples, beyond the gradient of a mean loss.

use alloc::vec::Vec;
use core::ops::Range;
use core::slice;

use super::super::chunk;
use super::super::minibatch::Minibatch;
use super::super::samples::{CheckedSamples, Samples};
use super::overflow::not_finite;
use super::{GradientWorkspace, MOST_ROWS, Mlp};
use crate::blas1::max_abs;
use crate::error::Result;
use crate::float::Float;
use crate::loss::{Loss, SquaredError};
use crate::memory;

impl<T: Float> GradientWorkspace<T> {
    /// Returns the Jacobian of the outputs with respect to the inputs: dyₒ/dxᵢ for each sample.
    /// `inputs` is row-major `[samples x inputs]`, and the result `[samples x outputs x inputs]`.
    ///
    /// The method takes no loss, and applies neither clipping nor dropout. It does not change
    /// [`values`](Self::values) and [`input_gradient`](Self::input_gradient). The work is a forward
    /// pass over the samples, and a backward pass over one copy of each sample per output, on one
    /// thread. At a kink the activation defines the derivative. ReLU takes that of the left side.
    ///
    /// ```
    /// use feedforward::{GradientWorkspace, Mlp, activation::{Exponential, Identity}};
    ///
    /// // y0 = 3 e^(x0 + 2 x1), y1 = -e^(x0 + 2 x1).
    /// let mut net = Mlp::<f64>::builder(2).hidden(1, Exponential).output(2, Identity).build()?;
    /// net.set_params(&[1.0, 2.0, 0.0, 3.0, -1.0, 0.0, 0.0])?;
    /// let mut gradient = GradientWorkspace::new(&net);
    /// assert_eq!(gradient.jacobian(&net, &[0.0, 0.0])?, [3.0, 6.0, -1.0, -2.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Rows`](crate::Error::Rows) unless `inputs` holds one or more whole samples.
    /// - [`Error::NotFinite`](crate::Error::NotFinite) if an input or a parameter is not finite.
    /// - [`Error::Shape`](crate::Error::Shape) if the network's layout is not the workspace's.
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if there is no memory for the result.
    /// - [`Error::Overflow`](crate::Error::Overflow) if an output or a derivative is not finite.
    pub fn jacobian(&mut self, net: &Mlp<T>, inputs: &[T]) -> Result<&[T]> {
        self.jacobian_of(net, inputs, 0..net.outputs())
    }

    /// Returns the Jacobian of these outputs, as [`jacobian`](Self::jacobian) does of all. The
    /// caller has checked that they exist.
    pub(crate) fn jacobian_of(
        &mut self,
        net: &Mlp<T>,
        inputs: &[T],
        wanted: Range<usize>,
    ) -> Result<&[T]> {
        let samples = CheckedSamples::of_inputs(inputs, net)?;
        self.prepare(net, Some(0))?;
        let chunk = &mut self.probe;
        // A minibatch needs some loss, but this pass does not evaluate it.
        let minibatch = Minibatch::new(net, &self.packed, &samples, &SquaredError);
        let outputs = wanted.len();
        let (what, rows) = ("Jacobian", samples.len());
        let len = memory::product(what, &[rows, outputs, net.inputs()])?;
        self.derivatives.clear();
        memory::reserve(what, &mut self.derivatives, len)?;
        // A step takes several samples with all outputs, or some outputs of one sample. Either way
        // at most `MOST_ROWS` copies exist.
        let step = (MOST_ROWS / outputs).max(1);
        for first in (0..rows).step_by(step) {
            for output in wanted.clone().step_by(MOST_ROWS) {
                let range = first..rows.min(first + step);
                let some = output..wanted.end.min(output + MOST_ROWS);
                chunk.assign(net, 0..range.len() * some.len(), false, true)?;
                chunk::jacobian(chunk, minibatch, range, some);
                self.derivatives.extend_from_slice(&chunk.input_gradient);
                let finite = max_abs(&chunk.input_gradient).is_finite();
                if !(finite && chunk.outputs(net).all(|y| not_finite(y).is_none())) {
                    return Err(self.explain_derivative("derivative", |_| 0));
                }
            }
        }
        Ok(&self.derivatives)
    }

    /// Returns the loss of each sample, and its gradient with respect to the parameters. The
    /// gradients are row-major `[samples x params]`, each row laid out like the parameters.
    ///
    /// Penalty, clipping, dropout and sample weights are not applied. Without the first three,
    /// [`compute_samples`](Self::compute_samples) computes this mean of the rows, up to rounding:
    ///
    /// ```text
    /// Σ weight · gradient / Σ weight
    /// ```
    ///
    /// The method does not change [`values`](Self::values) and
    /// [`input_gradient`](Self::input_gradient). It runs on one thread. It needs the memory of a
    /// network's parameters for each sample.
    ///
    /// ```
    /// use feedforward::{GradientWorkspace, Mlp, Samples};
    /// use feedforward::{activation::Identity, loss::SquaredError};
    ///
    /// let mut net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
    /// net.set_params(&[3.0, 1.0])?; // y = 3 x + 1
    /// let mut gradient = GradientWorkspace::new(&net);
    /// let samples = Samples::new(&[1.0, 2.0], &[3.0, 9.0]);
    /// let (losses, gradients) = gradient.compute_each(&net, &samples, &SquaredError)?;
    /// assert_eq!(losses, [0.5, 2.0]); // errors 1 and -2
    /// assert_eq!(gradients, [1.0, 1.0, -4.0, -2.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`compute_samples`](Self::compute_samples). Also
    /// [`Error::TooLarge`](crate::Error::TooLarge) if there is no memory for the result.
    pub fn compute_each(
        &mut self,
        net: &Mlp<T>,
        samples: &Samples<'_, T>,
        loss: &dyn Loss<T>,
    ) -> Result<(&[f64], &[T])> {
        let samples = samples.check(net, loss)?.unweighted();
        self.prepare(net, Some(0))?;
        let chunk = &mut self.probe;
        let minibatch = Minibatch::new(net, &self.packed, &samples, loss);
        let (params, rows) = (self.layout.len(), samples.len());
        let what = "gradients of the samples";
        let len = memory::product(what, &[rows, params])?;
        memory::reserve(what, &mut self.derivatives, len)?;
        memory::resize(what, &mut self.losses, 0.0, rows)?;
        self.derivatives.resize(len, T::zero());
        for first in (0..rows).step_by(MOST_ROWS) {
            let range = first..rows.min(first + MOST_ROWS);
            let losses = &mut self.losses[range.clone()];
            let each = &mut self.derivatives[range.start * params..range.end * params];
            chunk.assign(net, range, false, false)?;
            chunk::compute_each(chunk, minibatch, losses, each);
            if let Some(loss) = losses.iter().copied().find(|loss| !loss.is_finite()) {
                return Err(self.explain(slice::from_ref(&self.probe), loss));
            }
            if !max_abs(each).is_finite() {
                let layer = |index| self.layout.layer_of(index % params).unwrap_or(0);
                return Err(self.explain_derivative("gradient", layer));
            }
        }
        Ok((&self.losses, &self.derivatives))
    }

    /// Returns, for each hidden layer, the number of neurons with a constant output over the first
    /// `rows` of these samples.
    pub(crate) fn constant_units(
        &mut self,
        net: &Mlp<T>,
        samples: &CheckedSamples<'_, T>,
        rows: usize,
        loss: &dyn Loss<T>,
    ) -> Result<Vec<usize>> {
        self.prepare(net, Some(0))?;
        let chunk = &mut self.probe;
        chunk.assign(net, 0..rows, false, false)?;
        let minibatch = Minibatch::new(net, &self.packed, samples, loss);
        chunk::compute_loss(chunk, minibatch);
        let hidden = self.packed.layers[..net.depth() - 1].iter().enumerate();
        let constant = hidden.map(|(index, layer)| {
            let y = chunk.outputs_of(&self.packed, index);
            let (first, others) = y.split_at(layer.y_stride);
            let is_constant = |unit: &usize| {
                let mut column = others.iter().skip(*unit).step_by(layer.y_stride);
                column.all(|&y| y == first[*unit])
            };
            (0..layer.outputs).filter(is_constant).count()
        });
        Ok(constant.collect())
    }
}
