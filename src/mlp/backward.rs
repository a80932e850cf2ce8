//! Products of a backward pass: derivatives and weight gradients.

use super::Mlp;
use super::alphas::Alphas;
use super::dropout::Masks;
use super::forward::keeps_z;
use super::packed::PackedLayer;
use crate::activation::Activation;
use crate::float::Float;
use crate::gemm::{self, Accumulate, Buffer, Epilogue, MatRef, Product, padded, transpose};
use crate::simd::{Op, Simd, Vector};

/// Kind of parameter gradient that a backward pass computes.
pub(super) enum ParamGradient<'a, T> {
    /// The sum over the rows.
    Sum(Accumulate),
    /// One gradient for each row, laid out like the parameters.
    PerSample(&'a mut [T]),
    /// No parameter gradient: the pass computes dL/dx alone.
    Skip,
}

/// Epilogue that multiplies each strip of dL/dy by the derivative of the layer that computed y.
pub(super) struct ActivationDerivative<'a, T> {
    pub(super) layer: &'a PackedLayer<T>,
    pub(super) activation: &'a dyn Activation<T>,
    /// [`saved_activations`] of the layer.
    pub(super) saved: (&'a [T], &'a [T]),
    /// Masks of the outputs that dropout removed from y. `None` without dropout.
    pub(super) masks: Option<Masks>,
    /// Index of the first row in the minibatch.
    pub(super) first_sample: usize,
    pub(super) alphas: Alphas<'a, T>,
    pub(super) dy: &'a mut [T],
    pub(super) dz: &'a mut [T],
}

/// Returns z and y of a layer as the forward pass saved them. If the derivative does not need z, it
/// returns y twice.
pub(super) fn saved_activations<'a, T: Float>(
    net: &Mlp<T>,
    layer: usize,
    z: &'a [Buffer<T>],
    y: &'a [Buffer<T>],
) -> (&'a [T], &'a [T]) {
    // If no pre-activations are kept, the buffer may hold stale values from another network.
    let z = if keeps_z(net, layer) { z } else { y };
    (&z[layer], &y[layer])
}

impl<T: Float> Epilogue<T> for ActivationDerivative<'_, T> {
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
        let (activation, dz) = (self.activation, &mut self.dz[z]);
        self.alphas
            .backprop(layer, activation, first, saved, dy, dz);
    }
}

/// Returns `true` if dW is cheaper as the transposed product. Rows are padded to whole cache lines,
/// so a row of few inputs would be mostly padding.
pub(super) fn is_narrow<T>(inputs: usize, rows: usize) -> bool {
    inputs * padded::<T>(rows) < rows * padded::<T>(inputs)
}

/// Computes dW = dz^T x, a sum over samples in order. Each weight's sum is one chain of fused
/// multiply-adds. Both orientations of the product compute the identical chain.
pub(super) fn weight_gradient<T: Float>(
    layer: &PackedLayer<T>,
    x: &[T],
    dz: &[T],
    samples: usize,
    weights: &mut [T],
    transposed: &mut [T],
    accumulate: Accumulate,
) {
    let (inputs, in_stride) = (layer.inputs, layer.in_stride);
    let (rows, z_stride) = (layer.rows, layer.z_stride);
    if !is_narrow::<T>(inputs, rows) {
        let derivatives = MatRef::row_major(dz, samples, rows, z_stride);
        let product = Product::new(derivatives.transposed(), x, in_stride, inputs);
        let product = product.accumulate(accumulate);
        return product.run(&mut gemm::Store(weights, inputs));
    }
    let transposed = &mut transposed[..inputs * z_stride];
    let samples = MatRef::row_major(x, samples, inputs, in_stride);
    let product = Product::new(samples.transposed(), dz, z_stride, rows);
    product.run(&mut gemm::Store(transposed, z_stride));
    if accumulate == Accumulate::Overwrite {
        return transpose(transposed, z_stride, rows, weights, inputs);
    }
    for (o, row) in weights.chunks_exact_mut(inputs).enumerate() {
        for (w, column) in row.iter_mut().zip(transposed.chunks_exact(z_stride)) {
            *w += column[o];
        }
    }
}

/// Adds rows in order, as for the gradient of a bias.
pub(super) struct AddRows<'a, T> {
    /// Rows, padded to whole cache lines.
    pub(super) rows: &'a [T],
    pub(super) sum: &'a mut [T],
    pub(super) accumulate: Accumulate,
}

impl<T: Float> Op for AddRows<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self {
            rows,
            sum,
            accumulate,
        } = self;
        let lanes = T::Vector::<S>::LANES;
        let stride = padded::<T>(sum.len());
        let mut columns = 0;
        while let Some(sum) = sum.get_mut(columns..).filter(|sum| !sum.is_empty()) {
            // Several sums at a time hide the latency of additions.
            let registers = sum.len().div_ceil(lanes).min(4);
            let rows = (rows.get(columns..).unwrap_or_default(), stride);
            match registers {
                4 => add_rows::<S, T, 4>(simd, rows, sum, accumulate),
                3 => add_rows::<S, T, 3>(simd, rows, sum, accumulate),
                2 => add_rows::<S, T, 2>(simd, rows, sum, accumulate),
                _ => add_rows::<S, T, 1>(simd, rows, sum, accumulate),
            }
            columns += registers * lanes;
        }
    }
}

/// Adds the first `N` registers of each row. The last register of `sum` may be incomplete.
#[allow(clippy::needless_range_loop)] // constant bounds, so that sums stay in registers
#[inline(always)]
fn add_rows<S: Simd, T: Float, const N: usize>(
    simd: S,
    (rows, stride): (&[T], usize),
    sum: &mut [T],
    accumulate: Accumulate,
) {
    let lanes = T::Vector::<S>::LANES;
    let mut held = [T::Vector::<S>::splat(simd, T::zero()); N];
    if accumulate != Accumulate::Overwrite {
        for v in 0..N {
            held[v] = T::Vector::<S>::load_partial(simd, &sum[v * lanes..]);
        }
    }
    let mut sums = held;
    if accumulate == Accumulate::AddSum {
        sums = [T::Vector::<S>::splat(simd, T::zero()); N];
    }
    for row in rows.chunks(stride) {
        let row = &row[..N * lanes];
        for v in 0..N {
            sums[v] = sums[v].add(T::Vector::<S>::load(simd, &row[v * lanes..]));
        }
    }
    for v in 0..N {
        if accumulate == Accumulate::AddSum {
            sums[v] = held[v].add(sums[v]);
        }
        sums[v].store_partial(&mut sum[v * lanes..]);
    }
}
