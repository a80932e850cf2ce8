//! Derivatives of single outputs and single samples, beyond the gradient of a mean loss.

use alloc::vec::Vec;
use core::ops::Range;

use super::super::chunk;
use super::super::minibatch::Minibatch;
use super::super::samples::{CheckedSamples, Samples};
use super::each::Kind;
use super::{GradientWorkspace, Mlp};
use crate::error::Result;
use crate::float::Float;
use crate::loss::{Loss, SquaredError};

impl<T: Float> GradientWorkspace<T> {
    /// Returns the Jacobian of the outputs with respect to the inputs: dyₒ/dxᵢ for each sample.
    /// `inputs` is row-major `[samples x inputs]`, and the result `[samples x outputs x inputs]`.
    ///
    /// The method takes no loss, and applies neither clipping nor dropout. It does not change
    /// [`values`](Self::values) and [`input_gradient`](Self::input_gradient). The work is a forward
    /// pass over the samples, and a backward pass over one copy of each sample per output, on all
    /// [`threads`](Self::threads). Another Jacobian of as many samples does not allocate. At a kink
    /// the activation defines the derivative. ReLU takes that of the left side.
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
        let all = 0..samples.len();
        // A minibatch needs some loss, but this pass does not evaluate it.
        self.differentiate(net, &samples, &SquaredError, &Kind::Inputs(wanted), all)?;
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
    /// [`input_gradient`](Self::input_gradient). It runs on all [`threads`](Self::threads). It needs
    /// the memory of a network's parameters for each sample.
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
        self.prepare(net, Some(self.first_backward()))?;
        self.differentiate(net, &samples, loss, &Kind::Gradients, 0..samples.len())?;
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
        let chunk = &mut self.probes[0].chunk;
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
