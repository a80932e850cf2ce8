//! Backward pass of activations, also of those whose neurons learn a number α.

use core::ops::Range;

use super::Mlp;
use super::backward::{AddRows, ParamGradient};
use super::packed::PackedLayer;
use crate::activation::{Activation, backprop_mix};
use crate::float::Float;
use crate::gemm::{Accumulate, MC};
use crate::simd;

/// Scratch and destination of the derivatives by a layer's numbers α. Layers without α ignore both.
pub(super) struct Alphas<'a, T> {
    /// Space for f(z) of one strip.
    f: &'a mut [T],
    gradient: AlphaGradient<'a, T>,
}

/// Kind of gradient by α, as in [`ParamGradient`].
enum AlphaGradient<'a, T> {
    /// The sum over the rows.
    Sum(&'a mut [T]),
    /// A gradient for each row with this many parameters, and the place of α in it.
    PerSample(&'a mut [T], usize, Range<usize>),
    Skip,
}

impl<'a, T: Float> Alphas<'a, T> {
    /// Prepares for one layer. `sums` is the sum over the rows for all parameters.
    pub(super) fn new(
        net: &Mlp<T>,
        layer: usize,
        f: &'a mut [T],
        params: &'a mut ParamGradient<'_, T>,
        sums: &'a mut [T],
    ) -> Self {
        let at = net.layout().layers()[layer].alpha.clone();
        let gradient = match params {
            ParamGradient::Sum(_) => {
                let sum = &mut sums[at];
                sum.fill(T::zero());
                AlphaGradient::Sum(sum)
            }
            ParamGradient::PerSample(each) => {
                AlphaGradient::PerSample(each, net.layout().len(), at)
            }
            ParamGradient::Skip => AlphaGradient::Skip,
        };
        Self { f, gradient }
    }

    /// Computes dz from dy for whole rows of all, of which the first has this index, and the
    /// derivatives by α.
    pub(super) fn backprop(
        &mut self,
        layer: &PackedLayer<T>,
        activation: &dyn Activation<T>,
        first: usize,
        (z, y): (&[T], &[T]),
        dy: &[T],
        dz: &mut [T],
    ) {
        if !layer.is_parametric {
            return layer.backprop(activation, (z, y), dy, dz);
        }
        let strip = MC * layer.z_stride;
        let strips = z.chunks(strip).zip(dy.chunks(strip));
        for (index, ((z, dy), dz)) in strips.zip(dz.chunks_mut(strip)).enumerate() {
            // y is not f(z), which the derivatives need.
            let f = &mut self.f[..z.len()];
            activation.apply(z, f);
            activation.backprop(z, f, dy, dz);
            backprop_mix(&layer.alpha, z, dy, f, dz);
            let rows = f.chunks_exact(layer.z_stride);
            match &mut self.gradient {
                AlphaGradient::Sum(sum) => simd::dispatch(AddRows {
                    rows: f,
                    sum,
                    accumulate: Accumulate::Add,
                }),
                AlphaGradient::PerSample(each, params, at) => {
                    let each = each.chunks_exact_mut(*params).skip(first + index * MC);
                    for (gradient, row) in each.zip(rows) {
                        gradient[at.clone()].copy_from_slice(&row[..layer.outputs]);
                    }
                }
                AlphaGradient::Skip => {}
            }
        }
    }
}
