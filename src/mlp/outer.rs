//! Outer products of a backward pass, which are the gradients of single rows.

use super::packed::PackedLayer;
use crate::float::Float;
use crate::layout::LayerLayout;
use crate::simd::{Op, Simd, Vector};

/// Writes the gradient of each row with respect to a layer's parameters, dW = dz x^T and db = dz,
/// to its place in `each`.
pub(super) struct OuterProducts<'a, T> {
    pub(super) layer: &'a PackedLayer<T>,
    pub(super) at: &'a LayerLayout,
    /// Inputs of the layer, row by row, padded.
    pub(super) x: &'a [T],
    /// Derivatives by the pre-activations, row by row, padded.
    pub(super) dz: &'a [T],
    /// One gradient for each row, laid out like the parameters of the network.
    pub(super) each: &'a mut [T],
    /// Number of the network's parameters.
    pub(super) params: usize,
}

impl<T: Float> Op for OuterProducts<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (layer, at) = (self.layer, self.at);
        let rows = self.x.chunks_exact(layer.in_stride);
        let rows = rows.zip(self.dz.chunks_exact(layer.z_stride));
        for ((x, dz), gradient) in rows.zip(self.each.chunks_exact_mut(self.params)) {
            let dz = &dz[..layer.rows];
            let weights = &mut gradient[at.weights.clone()];
            match layer.inputs.div_ceil(T::Vector::<S>::LANES) {
                1 => narrow::<S, T, 1>(simd, x, dz, layer.inputs, weights),
                2 => narrow::<S, T, 2>(simd, x, dz, layer.inputs, weights),
                3 => narrow::<S, T, 3>(simd, x, dz, layer.inputs, weights),
                4 => narrow::<S, T, 4>(simd, x, dz, layer.inputs, weights),
                _ => wide(simd, x, dz, layer.inputs, weights),
            }
            copy(simd, dz, &mut gradient[at.bias.clone()]);
        }
    }
}

/// Writes a product of which each row takes `N` registers.
///
/// Whole registers are written where they fit. What lies behind a row's end is then overwritten by
/// the next row.
#[allow(clippy::needless_range_loop)] // constant bounds, so that registers are held
#[inline(always)]
fn narrow<S: Simd, T: Float, const N: usize>(
    simd: S,
    x: &[T],
    dz: &[T],
    inputs: usize,
    weights: &mut [T],
) {
    let lanes = T::Vector::<S>::LANES;
    let width = N * lanes;
    let mut held = [T::Vector::<S>::splat(simd, T::zero()); N];
    for v in 0..N {
        held[v] = T::Vector::<S>::load(simd, &x[v * lanes..]);
    }
    let whole = match weights.len().checked_sub(width) {
        None => 0,
        Some(room) => dz.len().min(room / inputs + 1),
    };
    let (first, last) = dz.split_at(whole);
    let mut start = 0;
    for &dz in first {
        let dz = T::Vector::<S>::splat(simd, dz);
        let row = &mut weights[start..][..width];
        for v in 0..N {
            dz.mul(held[v]).store(&mut row[v * lanes..]);
        }
        start += inputs;
    }
    let rows = weights[start..].chunks_exact_mut(inputs);
    for (row, &dz) in rows.zip(last) {
        let dz = T::Vector::<S>::splat(simd, dz);
        for v in 0..N {
            dz.mul(held[v]).store_partial(&mut row[v * lanes..]);
        }
    }
}

/// Writes a product whose rows take many registers.
#[inline(always)]
fn wide<S: Simd, T: Float>(simd: S, x: &[T], dz: &[T], inputs: usize, weights: &mut [T]) {
    let lanes = T::Vector::<S>::LANES;
    let x = &x[..inputs];
    let whole = inputs / lanes * lanes;
    let rest = T::Vector::<S>::load_partial(simd, &x[whole..]);
    for (row, &dz) in weights.chunks_exact_mut(inputs).zip(dz) {
        let dz = T::Vector::<S>::splat(simd, dz);
        let registers = x.chunks_exact(lanes).zip(row.chunks_exact_mut(lanes));
        for (x, to) in registers {
            dz.mul(T::Vector::<S>::load(simd, x)).store(to);
        }
        if whole < inputs {
            dz.mul(rest).store_partial(&mut row[whole..]);
        }
    }
}

/// Copies values register by register.
#[inline(always)]
fn copy<S: Simd, T: Float>(simd: S, from: &[T], to: &mut [T]) {
    let lanes = T::Vector::<S>::LANES;
    for (from, to) in from.chunks(lanes).zip(to.chunks_mut(lanes)) {
        T::Vector::<S>::load_partial(simd, from).store_partial(to);
    }
}
