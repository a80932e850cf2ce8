//! One sample through all layers: latency, not throughput.
//!
//! The blocked product is made for many rows; for one it spends more on finding tiles than on
//! sums. Here all layers run in one function compiled for the instruction set, each with as many
//! sums in registers as its rows need. The order of arithmetic is the same, and so are the bits.

use super::Mlp;
use super::packed::{Packed, PackedLayer};
use crate::float::{Float, compiled};
use crate::gemm::Buffer;
use crate::simd::{self, Op, Simd, Vector};

/// Registers of sums at a time: enough to hide the latency of a multiply-add, and few enough for
/// sets of 16.
const WIDEST: usize = 8;

struct One<'a, T> {
    net: &'a Mlp<T>,
    packed: &'a Packed<T>,
    rows: &'a mut [Buffer<T>; 2],
    strip: &'a mut Buffer<T>,
    inputs: &'a [T],
    outputs: &'a mut [T],
}

impl<T: Float> Op for One<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        let mut finite = true;
        for &x in self.inputs {
            finite &= x.abs() <= T::max_value();
        }
        if !finite {
            return false;
        }
        let [mut from, mut to] = self.rows.each_mut();
        let strip = &mut self.strip[..];
        let (layers, activations) = (&self.packed.layers, self.net.activations());
        let Some((last, hidden)) = layers.split_last() else {
            return true;
        };
        let mut x = self.inputs;
        for (layer, activation) in hidden.iter().zip(activations) {
            let z = &mut strip[..layer.z_stride];
            pre_activations(simd, layer, x, z);
            layer.apply(&**activation, z, &mut to[..layer.y_stride]);
            core::mem::swap(&mut from, &mut to);
            x = &from[..layer.outputs];
        }
        pre_activations(simd, last, x, strip);
        activations[hidden.len()].apply(&strip[..last.rows], self.outputs);
        true
    }
}

/// z = W x + b, padded.
#[inline(always)]
fn pre_activations<T: Float, S: Simd>(simd: S, layer: &PackedLayer<T>, x: &[T], z: &mut [T]) {
    let lanes = T::Vector::<S>::LANES;
    let mut at = 0;
    while at < layer.rows {
        let columns = Columns { layer, x, at, z };
        let registers = (layer.rows - at).div_ceil(lanes).min(WIDEST);
        match registers {
            1 => columns.sums::<S, 1>(simd),
            2 => columns.sums::<S, 2>(simd),
            3 => columns.sums::<S, 3>(simd),
            4 => columns.sums::<S, 4>(simd),
            5 => columns.sums::<S, 5>(simd),
            6 => columns.sums::<S, 6>(simd),
            7 => columns.sums::<S, 7>(simd),
            _ => columns.sums::<S, WIDEST>(simd),
        }
        at += registers * lanes;
    }
}

/// Some columns of W^T from `at` on.
struct Columns<'a, T> {
    layer: &'a PackedLayer<T>,
    x: &'a [T],
    at: usize,
    z: &'a mut [T],
}

impl<T: Float> Columns<'_, T> {
    /// Their sums, in registers while k runs.
    #[allow(clippy::needless_range_loop)] // bounds are constant, so that loops are unrolled
    #[inline(always)]
    fn sums<S: Simd, const N: usize>(self, simd: S) {
        let lanes = T::Vector::<S>::LANES;
        let mut sums = [T::Vector::<S>::splat(simd, T::zero()); N];
        // Not `chunks_exact`, which divides: a small layer notices.
        let (columns, stride) = (&self.layer.transposed[self.at..], self.layer.z_stride);
        for (k, &x) in self.x.iter().enumerate() {
            let x = T::Vector::<S>::splat(simd, x);
            let row = &columns[k * stride..][..N * lanes];
            for v in 0..N {
                sums[v] = x.mul_add(T::Vector::<S>::load(simd, &row[v * lanes..]), sums[v]);
            }
        }
        let bias = &self.layer.bias[self.at..][..N * lanes];
        let z = &mut self.z[self.at..][..N * lanes];
        for v in 0..N {
            let bias = T::Vector::<S>::load(simd, &bias[v * lanes..]);
            sums[v].add(bias).store(&mut z[v * lanes..]);
        }
    }
}

compiled! {
    /// Predicts one sample, or finds that it is not finite.
    pub(super) fn predict_one<T>(
        net: &Mlp<T>,
        packed: &Packed<T>,
        rows: &mut [Buffer<T>; 2],
        strip: &mut Buffer<T>,
        inputs: &[T],
        outputs: &mut [T],
    ) -> bool {
        simd::dispatch(One { net, packed, rows, strip, inputs, outputs })
    }
}
