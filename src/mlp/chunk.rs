//! Forward and backward passes over some rows of a minibatch.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use self::weights::{SumRows, is_narrow, outer_products, weight_gradient};
use super::Mlp;
use super::dropout::Masks;
use super::packed::{Packed, PackedLayer};
use super::samples::CheckedSamples;
use crate::activation::Activation;
use crate::float::{Float, instantiate};
use crate::gemm::{self, Buffer, Epilogue, MC, MatRef, Product, padded};
use crate::loss::Loss;
use crate::simd;

mod weights;

/// Where a forward product leaves its pre-activations.
pub(super) enum Kept<'a, T> {
    /// In a scratch strip, overwritten by the next: nobody will ask for them.
    Strip(&'a mut [T]),
    /// All of them, for slopes that need them.
    All(&'a mut [T]),
}

/// y = f(x W^T + b) for `samples` rows of x; rows of y are `layer.y_stride` apart.
pub(super) fn forward<T: Float>(
    layer: &PackedLayer<T>,
    activation: &dyn Activation<T>,
    x: &[T],
    x_row: usize,
    samples: usize,
    z: Kept<'_, T>,
    y: &mut [T],
) {
    let x = MatRef::row_major(x, samples, layer.inputs, x_row);
    let product = Product::new(x, &layer.transposed, layer.z_stride, layer.rows);
    let product = product.bias(&layer.bias);
    product.run(&mut Activate {
        layer,
        activation,
        z,
        y,
    });
}

/// Applies the activation to each strip while it is hot.
struct Activate<'a, T> {
    layer: &'a PackedLayer<T>,
    activation: &'a dyn Activation<T>,
    z: Kept<'a, T>,
    y: &'a mut [T],
}

impl<T: Float> Epilogue<T> for Activate<'_, T> {
    fn strip(&mut self, first: usize, rows: usize) -> (&mut [T], usize) {
        let stride = self.layer.z_stride;
        let len = rows * stride;
        match &mut self.z {
            Kept::Strip(strip) => (&mut strip[..len], stride),
            Kept::All(z) => (&mut z[first * stride..][..len], stride),
        }
    }

    fn finish(&mut self, first: usize, rows: usize) {
        let layer = self.layer;
        let len = rows * layer.z_stride;
        let z = match &self.z {
            Kept::Strip(strip) => &strip[..len],
            Kept::All(z) => &z[first * layer.z_stride..][..len],
        };
        let y = &mut self.y[first * layer.y_stride..][..rows * layer.y_stride];
        layer.apply(self.activation, z, y);
    }
}

/// Multiplies each strip of dL/dy by the slope of the layer that y came from.
struct Slope<'a, T> {
    layer: &'a PackedLayer<T>,
    activation: &'a dyn Activation<T>,
    saved: Saved<'a, T>,
    dropped: Option<Dropped>,
    dy: &'a mut [T],
    dz: &'a mut [T],
}

/// Which outputs of a layer a chunk drops.
#[derive(Clone, Copy)]
struct Dropped {
    masks: Masks,
    layer: usize,
    first_sample: usize,
    units: usize,
}

/// What the forward pass kept of a layer.
#[derive(Clone, Copy)]
struct Saved<'a, T> {
    /// Pre-activations, or y again where the slope does not need them.
    z: &'a [T],
    y: &'a [T],
}

impl<T: Float> Epilogue<T> for Slope<'_, T> {
    fn strip(&mut self, _: usize, rows: usize) -> (&mut [T], usize) {
        let stride = self.layer.y_stride;
        (&mut self.dy[..rows * stride], stride)
    }

    fn finish(&mut self, first: usize, rows: usize) {
        let layer = self.layer;
        let part = |stride: usize| first * stride..(first + rows) * stride;
        let (z, y) = (part(layer.z_stride), part(layer.y_stride));
        if let Some(dropped) = self.dropped {
            let sample = dropped.first_sample + first;
            let dy = &mut self.dy[..y.len()];
            dropped
                .masks
                .apply(dropped.layer, sample, dropped.units, dy);
        }
        let saved = (&self.saved.z[z.clone()], &self.saved.y[y.clone()]);
        let dy = &self.dy[..y.len()];
        layer.backprop(self.activation, saved, dy, &mut self.dz[z]);
    }
}

/// What a backward pass is for.
enum Wanted<'a, T> {
    /// The gradient with respect to the parameters, summed over the rows.
    Sum,
    /// That of each row on its own.
    Each(&'a mut [T]),
    /// That with respect to the inputs alone.
    Inputs,
}

/// What all chunks of a minibatch share.
#[derive(Debug)]
pub(super) struct Job<'a, T> {
    pub(super) net: &'a Mlp<T>,
    pub(super) packed: &'a Packed<T>,
    pub(super) samples: &'a CheckedSamples<'a, T>,
    pub(super) loss: &'a dyn Loss<T>,
    /// Which hidden outputs to drop, if any.
    pub(super) masks: Option<Masks>,
}

impl<T> Clone for Job<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Job<'_, T> {}

/// Workspace for some rows of a minibatch, and what they add to the gradient.
#[derive(Clone, Debug)]
pub(super) struct Chunk<T> {
    /// The rows' inputs.
    x: Buffer<T>,
    /// Outputs of each layer.
    y: Vec<Buffer<T>>,
    /// The same with some dropped, where they are.
    dropped: Vec<Buffer<T>>,
    /// Pre-activations of the layers whose slope needs them, else empty.
    z: Vec<Buffer<T>>,
    /// Gradients with respect to one layer's pre-activations, and the layer's below.
    dz: [Buffer<T>; 2],
    /// dL/dy: of one strip, but of all rows at the output.
    dy: Buffer<T>,
    /// The gradient of a weight matrix, transposed.
    dw: Buffer<T>,
    /// Room for one sample's target.
    target: Vec<T>,
    /// The sum over the rows, laid out like the parameters.
    pub(super) gradient: Vec<T>,
    /// dL/dx, row-major without gaps, if it was asked for.
    pub(super) input_gradient: Vec<T>,
    /// The samples of the minibatch that are its own.
    range: Range<usize>,
    /// The rows' losses, added up.
    pub(super) loss: f64,
}

impl<T: Float> Chunk<T> {
    /// An empty one; `sums` says whether it will hold a gradient.
    pub(super) fn new(net: &Mlp<T>, sums: bool) -> Self {
        let empty = || vec![Buffer::zeros(0); net.depth()];
        Self {
            x: Buffer::zeros(0),
            y: empty(),
            dropped: empty(),
            z: empty(),
            dz: [(); 2].map(|()| Buffer::zeros(0)),
            dy: Buffer::zeros(0),
            dw: Buffer::zeros(0),
            target: vec![T::zero(); net.outputs()],
            gradient: vec![T::zero(); if sums { net.layout().len() } else { 0 }],
            input_gradient: Vec::new(),
            range: 0..0,
            loss: 0.0,
        }
    }

    /// Takes over these samples of the next minibatch and makes room for them; after that,
    /// passes over no more do not allocate.
    pub(super) fn take(
        &mut self,
        net: &Mlp<T>,
        range: Range<usize>,
        drops: bool,
        input_gradient: bool,
    ) {
        let layers = net.layout().layers();
        let rows = range.len();
        self.range = range;
        self.x.reserve(rows * padded::<T>(net.inputs()));
        let mut widest = padded::<T>(net.inputs());
        for (index, at) in layers.iter().enumerate() {
            let stride = padded::<T>(at.rows());
            widest = widest.max(stride);
            let y_stride = padded::<T>(at.outputs);
            self.y[index].reserve(rows * y_stride);
            if drops {
                self.dropped[index].reserve(rows * y_stride);
            }
            if keeps_z(net, index) {
                self.z[index].reserve(rows * stride);
            }
            if is_narrow::<T>(at.inputs, at.rows()) {
                self.dw.reserve(at.inputs * stride);
            }
        }
        for dz in &mut self.dz {
            dz.reserve(rows * widest);
        }
        self.dy
            .reserve((rows * padded::<T>(net.outputs())).max(MC * widest));
        self.input_gradient.resize(
            if input_gradient {
                rows * net.inputs()
            } else {
                0
            },
            T::zero(),
        );
    }

    /// Both passes over its samples. The gradient and dL/dx are those of the sum of the
    /// losses times `scale`.
    pub(super) fn compute(&mut self, job: Job<'_, T>, scale: T) {
        instantiate! {
            fn compute<T>(chunk: &mut Chunk<T>, job: Job<'_, T>, scale: T) {
                chunk.forward(job);
                chunk.evaluate(job, scale, None);
                chunk.output_slope(job);
                chunk.backward(job, Wanted::Sum);
            }
        }
        compute(self, job, scale);
    }

    /// The forward pass over its samples, and their losses.
    pub(super) fn compute_loss(&mut self, job: Job<'_, T>) {
        instantiate! {
            fn compute_loss<T>(chunk: &mut Chunk<T>, job: Job<'_, T>) {
                chunk.forward(job);
                chunk.evaluate(job, T::one(), None);
            }
        }
        compute_loss(self, job);
    }

    /// Both passes over its samples, whose losses and gradients are written one by one, laid out
    /// like the parameters.
    pub(super) fn compute_each(&mut self, job: Job<'_, T>, losses: &mut [f64], each: &mut [T]) {
        instantiate! {
            fn compute_each<T>(
                chunk: &mut Chunk<T>,
                job: Job<'_, T>,
                losses: &mut [f64],
                each: &mut [T],
            ) {
                chunk.forward(job);
                chunk.evaluate(job, T::one(), Some(losses));
                chunk.output_slope(job);
                chunk.backward(job, Wanted::Each(each));
            }
        }
        compute_each(self, job, losses, each);
    }

    /// The derivative of each of these outputs with respect to each input, as `input_gradient`: a
    /// backward pass over one copy of each sample for each output. It has taken this many rows, of
    /// which the first are the samples.
    pub(super) fn jacobian(
        &mut self,
        job: Job<'_, T>,
        samples: Range<usize>,
        outputs: Range<usize>,
    ) {
        instantiate! {
            fn jacobian<T>(
                chunk: &mut Chunk<T>,
                job: Job<'_, T>,
                samples: Range<usize>,
                outputs: Range<usize>,
            ) {
                let (rows, copies) = (samples.len(), outputs.len());
                chunk.range = samples;
                chunk.forward(job);
                chunk.range = 0..rows * copies;
                for (index, layer) in job.packed.layers.iter().enumerate() {
                    repeat_rows(&mut chunk.y[index], layer.y_stride, rows, copies);
                    if keeps_z(job.net, index) {
                        repeat_rows(&mut chunk.z[index], layer.z_stride, rows, copies);
                    }
                }
                let stride = padded::<T>(job.net.outputs());
                let slopes = &mut chunk.dy[..rows * copies * stride];
                slopes.fill(T::zero());
                for (row, slope) in slopes.chunks_exact_mut(stride).enumerate() {
                    slope[outputs.start + row % copies] = T::one();
                }
                chunk.output_slope(job);
                chunk.backward(job, Wanted::Inputs);
            }
        }
        jacobian(self, job, samples, outputs);
    }

    /// What a layer gave for its rows, padding and all.
    pub(super) fn outputs_of(&self, packed: &Packed<T>, layer: usize) -> &[T] {
        &self.y[layer][..self.range.len() * packed.layers[layer].y_stride]
    }

    /// The outputs of the last layer, sample by sample.
    pub(super) fn outputs(&self, net: &Mlp<T>) -> impl Iterator<Item = &[T]> {
        let rows = self.y[net.depth() - 1].chunks_exact(padded::<T>(net.outputs()));
        rows.take(self.range.len())
            .map(move |row| &row[..net.outputs()])
    }

    fn forward(&mut self, job: Job<'_, T>) {
        let Job {
            net,
            packed,
            samples,
            ..
        } = job;
        let (rows, stride) = (self.range.len(), padded::<T>(net.inputs()));
        for (to, sample) in self.x.chunks_exact_mut(stride).zip(self.range.clone()) {
            to[..net.inputs()].copy_from_slice(samples.input(sample));
        }
        for (index, layer) in packed.layers.iter().enumerate() {
            let activation = &*net.activations()[index];
            let (before, after) = self.y.split_at_mut(index);
            let x = match before.last() {
                None => &self.x,
                Some(_) if job.masks.is_some() => &self.dropped[index - 1],
                Some(y) => y,
            };
            let z = if keeps_z(net, index) {
                Kept::All(&mut self.z[index])
            } else {
                Kept::Strip(&mut self.dy)
            };
            forward(
                layer,
                activation,
                x,
                layer.in_stride,
                rows,
                z,
                &mut after[0],
            );
            if let Some(masks) = job.masks.filter(|_| index + 1 < net.depth()) {
                let y = &after[0][..rows * layer.y_stride];
                let (first, units) = (self.range.start, layer.outputs);
                masks.copy(index, first, units, y, &mut self.dropped[index]);
            }
        }
    }

    /// The losses, and their gradient with respect to the outputs.
    fn evaluate(&mut self, job: Job<'_, T>, scale: T, mut each: Option<&mut [f64]>) {
        let Job {
            net, samples, loss, ..
        } = job;
        let (last, outputs) = (net.depth() - 1, net.outputs());
        let stride = padded::<T>(outputs);
        self.loss = 0.0;
        let rows = self.y[last]
            .chunks_exact(stride)
            .zip(self.dy.chunks_exact_mut(stride));
        for (row, ((output, gradient), sample)) in rows.zip(self.range.clone()).enumerate() {
            let (output, gradient) = (&output[..outputs], &mut gradient[..outputs]);
            let target = samples.target(sample, &mut self.target);
            let loss = loss.evaluate(output, target, gradient);
            if let Some(losses) = &mut each {
                losses[row] = loss.as_f64();
            }
            let weight = samples.weight(sample).unwrap_or(T::one());
            self.loss += loss.as_f64() * weight.as_f64();
            let scale = scale * weight;
            for g in gradient {
                *g *= scale;
            }
        }
    }

    /// The gradient with respect to the last layer's pre-activations.
    fn output_slope(&mut self, job: Job<'_, T>) {
        let last = job.net.depth() - 1;
        let (layer, rows) = (&job.packed.layers[last], self.range.len());
        let (z, y) = (rows * layer.z_stride, rows * layer.y_stride);
        let saved = saved(keeps_z(job.net, last), &self.z[last], &self.y[last]);
        let (saved, dz) = ((&saved.z[..z], &saved.y[..y]), &mut self.dz[0][..z]);
        layer.backprop(&*job.net.activations()[last], saved, &self.dy[..y], dz);
    }

    fn backward(&mut self, job: Job<'_, T>, mut wanted: Wanted<'_, T>) {
        let Job { net, packed, .. } = job;
        let rows = self.range.len();
        let [mut dz, mut below] = self.dz.each_mut();
        for (index, layer) in packed.layers.iter().enumerate().rev() {
            let at = &net.layout().layers()[index];
            let x = if index == 0 {
                &self.x
            } else if job.masks.is_some() {
                &self.dropped[index - 1]
            } else {
                &self.y[index - 1]
            };
            match &mut wanted {
                Wanted::Inputs => {}
                Wanted::Sum => {
                    let (weights, bias) =
                        self.gradient[at.weights.start..at.bias.end].split_at_mut(at.weights.len());
                    weight_gradient(layer, x, dz, rows, weights, &mut self.dw);
                    simd::dispatch(SumRows {
                        rows: &dz[..rows * layer.z_stride],
                        sum: bias,
                    });
                }
                Wanted::Each(each) => {
                    let each = each.chunks_exact_mut(net.layout().len());
                    outer_products(layer, x, dz, at, each.take(rows));
                }
            }

            let slopes = MatRef::row_major(&dz[..], rows, layer.rows, layer.z_stride);
            let product = Product::new(slopes, &layer.plain, layer.in_stride, layer.inputs);
            if index > 0 {
                let activation = &*net.activations()[index - 1];
                product.run(&mut Slope {
                    layer: &packed.layers[index - 1],
                    activation,
                    saved: saved(
                        keeps_z(net, index - 1),
                        &self.z[index - 1],
                        &self.y[index - 1],
                    ),
                    dropped: job.masks.map(|masks| Dropped {
                        masks,
                        layer: index - 1,
                        first_sample: self.range.start,
                        units: layer.inputs,
                    }),
                    dy: &mut self.dy,
                    dz: &mut below[..],
                });
                core::mem::swap(&mut dz, &mut below);
            } else if !self.input_gradient.is_empty() {
                product.run(&mut gemm::store(&mut self.input_gradient, layer.inputs));
            }
        }
    }
}

/// Whether pre-activations are kept for the backward pass: also with several pieces, of which y
/// cannot tell.
fn keeps_z<T: Float>(net: &Mlp<T>, layer: usize) -> bool {
    net.activations()[layer].needs_input() || net.layout().layers()[layer].pieces > 1
}

/// What the forward pass kept. Where it keeps no pre-activations, the workspace may still have some
/// of another network of this layout.
fn saved<'a, T>(keeps_z: bool, z: &'a [T], y: &'a [T]) -> Saved<'a, T> {
    Saved {
        z: if keeps_z { z } else { y },
        y,
    }
}

/// Each of the first rows so many times, one copy after the other.
fn repeat_rows<T: Copy>(buffer: &mut [T], stride: usize, rows: usize, times: usize) {
    // From the last on, so that nothing is overwritten before it was copied.
    for row in (0..rows).rev() {
        for copy in (row * times..(row + 1) * times).rev() {
            buffer.copy_within(row * stride..(row + 1) * stride, copy * stride);
        }
    }
}
