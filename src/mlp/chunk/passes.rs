//! Forward and backward passes over the rows of a chunk.

use core::ops::Range;

use super::super::alphas::Alphas;
use super::super::backward::{
    ActivationDerivative, AddRows, ParamGradient, saved_activations, weight_gradient,
};
use super::super::encoder;
use super::super::forward::{PreActivations, forward, keeps_z};
use super::super::minibatch::Minibatch;
use super::super::outer::OuterProducts;
use super::Chunk;
use crate::blas1;
use crate::float::{Float, instantiate};
use crate::gemm::{self, Accumulate, MatRef, Product, padded};
use crate::loss::LossRows;
use crate::simd;

impl<T: Float> Chunk<T> {
    fn forward(&mut self, minibatch: Minibatch<'_, T>) {
        let (net, samples) = (minibatch.net, minibatch.samples);
        let (rows, stride) = (self.range.len(), minibatch.packed.layers[0].in_stride);
        if let Some(encoding) = net.encoding() {
            let raw = &mut self.raw[..rows * net.inputs()];
            samples.copy_inputs(self.range.clone(), raw, net.inputs());
            let x = &mut self.x[..rows * stride];
            encoding.encode_samples(net.encoding_params(), raw, x, stride);
        } else {
            samples.copy_inputs(self.range.clone(), &mut self.x, stride);
        }
        for (index, layer) in minibatch.packed.layers.iter().enumerate() {
            let activation = &*net.activations()[index];
            let (before, after) = self.y.split_at_mut(index);
            let y = &mut after[0];
            let x = match before.last() {
                None => &self.x,
                Some(_) if minibatch.masks.is_some() => &self.dropped[index - 1],
                Some(y) => y,
            };
            let z = if keeps_z(net, index) {
                PreActivations::All(&mut self.z[index])
            } else {
                PreActivations::Strip(&mut self.dy)
            };
            forward(layer, activation, x, layer.in_stride, rows, z, y);
            if let Some(masks) = minibatch.masks.filter(|_| index + 1 < net.depth()) {
                let (y, first) = (&y[..rows * layer.y_stride], self.range.start);
                masks.copy(index, first, layer.outputs, y, &mut self.dropped[index]);
            }
        }
    }

    /// Evaluates the losses and their gradients with respect to the outputs.
    fn evaluate(&mut self, minibatch: Minibatch<'_, T>, scale: T, each: Option<&mut [f64]>) {
        let Minibatch {
            net, samples, loss, ..
        } = minibatch;
        let (last, outputs) = (net.depth() - 1, net.outputs());
        let stride = padded::<T>(outputs);
        // Targets of shuffled samples are seldom in the cache. A loop of its own loads several at
        // once.
        samples.copy_targets(self.range.clone(), &mut self.targets);
        let rows = self.range.len();
        loss.evaluate_rows(LossRows {
            outputs: &self.y[last],
            gradients: &mut self.dy,
            stride,
            width: outputs,
            targets: &self.targets,
            target_width: samples.target_width(),
            losses: &mut self.losses[..rows],
        });
        if let Some(each) = each {
            for (each, loss) in each.iter_mut().zip(&self.losses) {
                *each = loss.as_f64();
            }
        }
        let losses = self.losses[..rows].iter().zip(self.range.clone());
        let weighted = losses.map(|(loss, sample)| {
            let weight = samples.weight(sample).map_or(1.0, Float::as_f64);
            loss.as_f64() * weight
        });
        self.loss = weighted.fold(0.0, |sum, loss| sum + loss);
        let gradients = &mut self.dy[..rows * stride];
        if !samples.is_weighted() {
            return blas1::scale(gradients, scale); // includes the padding
        }
        for (gradient, sample) in gradients.chunks_exact_mut(stride).zip(self.range.clone()) {
            let weight = samples.weight(sample).unwrap_or(T::one());
            for g in &mut gradient[..outputs] {
                *g *= scale * weight;
            }
        }
    }

    /// Computes the gradient with respect to the last layer's pre-activations, and to its α.
    fn output_derivative(
        &mut self,
        minibatch: Minibatch<'_, T>,
        params: &mut ParamGradient<'_, T>,
    ) {
        let last = minibatch.net.depth() - 1;
        let (layer, rows) = (&minibatch.packed.layers[last], self.range.len());
        let (z, y) = (rows * layer.z_stride, rows * layer.y_stride);
        let saved = saved_activations(minibatch.net, last, &self.z, &self.y);
        let saved = (&saved.0[..z], &saved.1[..y]);
        let activation = &*minibatch.net.activations()[last];
        let mut alphas = Alphas::new(minibatch.net, last, &mut self.f, params, &mut self.gradient);
        let dz = &mut self.dz[0][..z];
        alphas.backprop(layer, activation, 0, saved, &self.dy[..y], dz);
    }

    fn backward(&mut self, minibatch: Minibatch<'_, T>, mut params: ParamGradient<'_, T>) {
        self.output_derivative(minibatch, &mut params);
        let Minibatch { net, packed, .. } = minibatch;
        let rows = self.range.len();
        let [mut dz, mut below] = self.dz.each_mut();
        for (index, layer) in packed.layers.iter().enumerate().rev() {
            let at = &net.layout().layers()[index];
            let x = match index.checked_sub(1) {
                None => &self.x,
                Some(below) if minibatch.masks.is_some() => &self.dropped[below],
                Some(below) => &self.y[below],
            };
            match &mut params {
                ParamGradient::Skip => {}
                ParamGradient::Sum(accumulate) => {
                    let accumulate = *accumulate;
                    let (weights, bias, _) = at.split_mut(&mut self.gradient);
                    weight_gradient(layer, x, dz, rows, weights, &mut self.dw, accumulate);
                    simd::dispatch(AddRows {
                        rows: &dz[..rows * layer.z_stride],
                        sum: bias,
                        accumulate,
                    });
                }
                ParamGradient::PerSample(each) => {
                    let x = &x[..rows * layer.in_stride];
                    let dz = &dz[..rows * layer.z_stride];
                    // Rounding is monotone, so no product exceeds that of the largest factors.
                    let bound = blas1::max_abs(x) * blas1::max_abs(dz);
                    self.is_bounded &= bound.is_finite();
                    simd::dispatch(OuterProducts {
                        layer,
                        at,
                        x,
                        dz,
                        each,
                        params: net.layout().len(),
                    });
                }
            }

            let derivatives = MatRef::row_major(&dz[..], rows, layer.rows, layer.z_stride);
            let product = Product::new(derivatives, &layer.plain, layer.in_stride, layer.inputs);
            if index > 0 {
                let source = &packed.layers[index - 1];
                let low = source.lower_clamp.filter(|_| minibatch.masks.is_none());
                if let Some(low) = low {
                    let stride = source.y_stride;
                    let product = product.where_above(low, &self.y[index - 1], stride);
                    product.run(&mut gemm::Store(below, stride));
                } else {
                    product.run(&mut ActivationDerivative {
                        layer: source,
                        activation: &*net.activations()[index - 1],
                        saved: saved_activations(net, index - 1, &self.z, &self.y),
                        masks: minibatch.masks,
                        first_sample: self.range.start,
                        alphas: Alphas::new(
                            net,
                            index - 1,
                            &mut self.f,
                            &mut params,
                            &mut self.gradient,
                        ),
                        dy: &mut self.dy,
                        dz: &mut below[..],
                    });
                }
                core::mem::swap(&mut dz, &mut below);
                continue;
            }
            let inputs = match net.encoding() {
                None => &mut self.input_gradient,
                Some(_) => &mut self.encoded_gradient,
            };
            if !inputs.is_empty() {
                product.run(&mut gemm::Store(inputs, layer.inputs));
            }
        }
        self.encoding_backward(minibatch, params);
    }

    /// Repeats everything that the backward pass reads, as if each of the first `rows` samples
    /// occurred this many times.
    fn repeat(&mut self, minibatch: Minibatch<'_, T>, rows: usize, times: usize) {
        if times == 1 {
            return;
        }
        let (net, layers) = (minibatch.net, &minibatch.packed.layers);
        repeat_rows(&mut self.x, layers[0].in_stride, rows, times);
        for (index, layer) in layers.iter().enumerate() {
            repeat_rows(&mut self.y[index], layer.y_stride, rows, times);
            if keeps_z(net, index) {
                repeat_rows(&mut self.z[index], layer.z_stride, rows, times);
            }
        }
        if net.encoding().is_some() {
            repeat_rows(&mut self.raw, net.inputs(), rows, times);
        }
    }

    /// Writes the gradient of each row to `each`. Returns `false` if it is not finite.
    fn sample_gradients(&mut self, minibatch: Minibatch<'_, T>, each: &mut [T]) -> bool {
        let layout = minibatch.net.layout();
        let others = layout.layers().iter().map(|at| at.alpha.len());
        let others = layout.encoding().len() + others.sum::<usize>();
        self.is_bounded = true;
        self.backward(minibatch, ParamGradient::PerSample(&mut *each));
        // Padding and bounds may exceed what is finite, even if all products are.
        self.is_bounded && others == 0 || blas1::max_abs(each).is_finite()
    }

    /// Computes the gradients of the encoding from those of its outputs.
    fn encoding_backward(&mut self, minibatch: Minibatch<'_, T>, params: ParamGradient<'_, T>) {
        let net = minibatch.net;
        let Some(encoding) = net.encoding() else {
            return;
        };
        let (trained, range) = (net.encoding_params(), net.layout().encoding());
        let (raw, dx) = (&self.raw[..], &self.encoded_gradient[..]);
        match params {
            ParamGradient::Sum(_) if minibatch.is_sharded => {
                let gradient = &mut self.gradient[range];
                encoder::add_gradient(&**encoding, trained, raw, dx, gradient);
            }
            ParamGradient::PerSample(each) if !range.is_empty() => {
                let each = each.chunks_exact_mut(net.layout().len());
                let rows = raw.chunks_exact(net.inputs());
                let dx = dx.chunks_exact(minibatch.packed.layers[0].inputs);
                for ((raw, dx), gradient) in rows.zip(dx).zip(each) {
                    let gradient = &mut gradient[range.clone()];
                    encoder::add_gradient(&**encoding, trained, raw, dx, gradient);
                }
            }
            _ => {}
        }
        if !self.input_gradient.is_empty() {
            self.input_gradient.fill(T::zero());
            encoding.add_input_gradient(trained, raw, dx, &mut self.input_gradient);
        }
    }
}

instantiate! {
    /// Runs both passes. The gradient and dL/dx are those of `scale` times the weighted sum of the
    /// losses. `accumulate` is the use of the numbers that the gradient holds.
    pub(in crate::mlp) fn compute<T>(
        chunk: &mut Chunk<T>,
        minibatch: Minibatch<'_, T>,
        scale: T,
        accumulate: Accumulate,
    ) {
        chunk.forward(minibatch);
        chunk.evaluate(minibatch, scale, None);
        chunk.backward(minibatch, ParamGradient::Sum(accumulate));
    }
}

instantiate! {
    /// Runs the forward pass and evaluates the losses.
    pub(in crate::mlp) fn compute_loss<T>(chunk: &mut Chunk<T>, minibatch: Minibatch<'_, T>) {
        chunk.forward(minibatch);
        chunk.evaluate(minibatch, T::one(), None);
    }
}

instantiate! {
    /// Runs both passes, and writes the loss and the gradient of each sample. Each gradient is laid
    /// out like the parameters. Returns `false` if a result is not finite.
    pub(in crate::mlp) fn compute_each<T>(
        chunk: &mut Chunk<T>,
        minibatch: Minibatch<'_, T>,
        losses: &mut [f64],
        each: &mut [T],
    ) -> bool {
        chunk.forward(minibatch);
        chunk.evaluate(minibatch, T::one(), Some(&mut *losses));
        let finite = chunk.sample_gradients(minibatch, each);
        finite && losses.iter().all(|loss| loss.is_finite())
    }
}

/// Derivatives of outputs that a pass computes.
pub(in crate::mlp) enum Derivatives<'a, T> {
    /// With respect to the inputs.
    Inputs(&'a mut [T]),
    /// With respect to the parameters. The second slice takes the outputs of the samples.
    Params(&'a mut [T], &'a mut [T]),
}

instantiate! {
    /// Writes the derivatives of these outputs, sample by sample and output by output. It runs a
    /// backward pass over one copy of each sample per output. The caller must have assigned the
    /// chunk as many rows as there are copies. Returns `false` if a result is not finite.
    pub(in crate::mlp) fn jacobian<T>(
        chunk: &mut Chunk<T>,
        minibatch: Minibatch<'_, T>,
        samples: Range<usize>,
        wanted: Range<usize>,
        derivatives: Derivatives<'_, T>,
    ) -> bool {
        let net = minibatch.net;
        let (rows, copies) = (samples.len(), wanted.len());
        chunk.range = samples;
        chunk.forward(minibatch);
        let mut finite = chunk.outputs(net).fold(true, |ok, y| {
            y.iter().fold(ok, |ok, y| ok & (y.abs() <= T::max_value()))
        });
        chunk.range = 0..rows * copies;
        chunk.repeat(minibatch, rows, copies);
        let stride = padded::<T>(net.outputs());
        let unit = &mut chunk.dy[..rows * copies * stride];
        unit.fill(T::zero());
        for (row, unit) in unit.chunks_exact_mut(stride).enumerate() {
            unit[wanted.start + row % copies] = T::one();
        }
        finite &= match derivatives {
            Derivatives::Inputs(to) => {
                chunk.backward(minibatch, ParamGradient::Skip);
                to.copy_from_slice(&chunk.input_gradient);
                blas1::max_abs(to).is_finite()
            }
            Derivatives::Params(each, outputs) => {
                let copied = chunk.outputs(net).step_by(copies);
                for (to, y) in outputs.chunks_exact_mut(net.outputs()).zip(copied) {
                    to.copy_from_slice(y);
                }
                chunk.sample_gradients(minibatch, each)
            }
        };
        finite
    }
}

/// Repeats each of the first `rows` rows in place: all copies of the first row, then of the next.
fn repeat_rows<T: Copy>(buffer: &mut [T], stride: usize, rows: usize, times: usize) {
    // In reverse order, so that each row is copied before it is overwritten.
    for row in (0..rows).rev() {
        for copy in (row * times..(row + 1) * times).rev() {
            buffer.copy_within(row * stride..(row + 1) * stride, copy * stride);
        }
    }
}
