//! The products of a backward pass: slopes, weight gradients, outer products.

use super::Mlp;
use super::dropout::Masks;
use super::forward::keeps_z;
use super::packed::PackedLayer;
use crate::activation::Activation;
use crate::float::Float;
use crate::gemm::{self, Buffer, Epilogue, MatRef, Product, padded};
use crate::layout::LayerLayout;
use crate::simd::{Op, Simd};

/// Multiplies each strip of dL/dy by the slope of the layer that y came from.
pub(super) struct Slope<'a, T> {
    pub(super) layer: &'a PackedLayer<T>,
    pub(super) activation: &'a dyn Activation<T>,
    /// [`saved_activations`] of the layer.
    pub(super) saved: (&'a [T], &'a [T]),
    /// What dropout removed of y, if anything.
    pub(super) masks: Option<Masks>,
    /// The minibatch's index of the first row.
    pub(super) first_sample: usize,
    pub(super) dy: &'a mut [T],
    pub(super) dz: &'a mut [T],
}

/// Returns z and y of a layer as the forward pass saved them, or y twice where the slope does not
/// need z.
pub(super) fn saved_activations<'a, T: Float>(
    net: &Mlp<T>,
    layer: usize,
    z: &'a [Buffer<T>],
    y: &'a [Buffer<T>],
) -> (&'a [T], &'a [T]) {
    // Where no pre-activations are kept, the buffer may still hold another network's.
    let z = if keeps_z(net, layer) { z } else { y };
    (&z[layer], &y[layer])
}

impl<T: Float> Epilogue<T> for Slope<'_, T> {
    fn destination(&mut self, _: usize, rows: usize) -> (&mut [T], usize) {
        let stride = self.layer.y_stride;
        (&mut self.dy[..rows * stride], stride)
    }

    fn finish(&mut self, first: usize, rows: usize) {
        let layer = self.layer;
        let part = |stride: usize| first * stride..(first + rows) * stride;
        let (z, y) = (part(layer.z_stride), part(layer.y_stride));
        let dy = &mut self.dy[..y.len()];
        if let Some(masks) = self.masks {
            masks.apply(layer.index, self.first_sample + first, layer.outputs, dy);
        }
        let saved = (&self.saved.0[z.clone()], &self.saved.1[y]);
        layer.backprop(self.activation, saved, dy, &mut self.dz[z]);
    }
}

/// Whether dW is cheaper as the transposed product: columns come in whole cache lines, so few
/// inputs would waste most of each.
pub(super) fn is_narrow<T>(inputs: usize, rows: usize) -> bool {
    inputs * padded::<T>(rows) < rows * padded::<T>(inputs)
}

/// dW = dz^T x, a sum over samples in their order: one chain for each weight, which is
/// the same for either orientation of the product.
pub(super) fn weight_gradient<T: Float>(
    layer: &PackedLayer<T>,
    x: &[T],
    dz: &[T],
    samples: usize,
    weights: &mut [T],
    transposed: &mut [T],
) {
    let (inputs, in_stride) = (layer.inputs, layer.in_stride);
    let (rows, z_stride) = (layer.rows, layer.z_stride);
    if !is_narrow::<T>(inputs, rows) {
        let slopes = MatRef::row_major(dz, samples, rows, z_stride);
        let product = Product::new(slopes.transposed(), x, in_stride, inputs);
        return product.run(&mut gemm::Store(weights, inputs));
    }
    let samples = MatRef::row_major(x, samples, inputs, in_stride);
    let product = Product::new(samples.transposed(), dz, z_stride, rows);
    product.run(&mut gemm::Store(transposed, z_stride));
    for (o, row) in weights.chunks_exact_mut(inputs).enumerate() {
        for (w, column) in row.iter_mut().zip(transposed.chunks_exact(z_stride)) {
            *w = column[o];
        }
    }
}

/// The sum of rows in their order: the gradient of a bias.
pub(super) struct SumRows<'a, T> {
    /// Rows, padded beyond the sum's length.
    pub(super) rows: &'a [T],
    pub(super) sum: &'a mut [T],
}

impl<T: Float> Op for SumRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.sum.fill(T::zero());
        for row in self.rows.chunks_exact(padded::<T>(self.sum.len())) {
            for (sum, &x) in self.sum.iter_mut().zip(row) {
                *sum += x;
            }
        }
    }
}

/// The gradients of each row with respect to a layer's parameters, at their places in `each`:
/// dW = dz x^T and db = dz.
pub(super) fn outer_products<'a, T: Float>(
    layer: &PackedLayer<T>,
    x: &[T],
    dz: &[T],
    at: &LayerLayout,
    each: impl Iterator<Item = &'a mut [T]>,
) {
    let x = x.chunks_exact(layer.in_stride);
    let dz = dz.chunks_exact(layer.z_stride);
    for (gradient, (x, dz)) in each.zip(x.zip(dz)) {
        let (x, dz) = (&x[..layer.inputs], &dz[..layer.rows]);
        let weights = gradient[at.weights.clone()].chunks_exact_mut(layer.inputs);
        for (row, &dz) in weights.zip(dz) {
            for (w, &x) in row.iter_mut().zip(x) {
                *w = dz * x;
            }
        }
        gradient[at.bias.clone()].copy_from_slice(dz);
    }
}
