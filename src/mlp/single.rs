//! One sample through all layers: latency, not throughput.
//!
//! The blocked product is made for many rows; for one it spends more on finding tiles than on
//! sums. Here all layers run in one function compiled for the instruction set, each with as many
//! sums in registers as its rows need, and ReLU done before they are stored. The order of arithmetic
//! is the same, and so are the bits.

use super::packed::PackedLayer;
use super::prediction::{Prediction, Scratch};
use crate::float::Float;
use crate::gemm::LINE;
use crate::simd::{self, Op, Simd, Vector};

/// Registers of sums at a time: enough to hide the latency of a multiply-add, and few enough for
/// sets of 16.
const WIDEST: usize = 8;

/// Predicts one sample and says whether it could: its inputs and outputs must be finite. Outputs
/// are as they were if it already saw in a sum that they are not.
#[inline(always)]
pub(super) fn predict_one<T: Float>(prediction: &mut Prediction<'_, T>) -> bool {
    simd::dispatch(prediction)
}

// By reference: a copy of what was just written, many bytes at a time, waits for those writes,
// which took half as long again as a network of one neuron.
impl<T: Float> Op for &mut Prediction<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        let Scratch { rows, strip } = &mut *self.scratch;
        let [mut from, mut to] = rows.each_mut();
        let layers = &self.packed.layers[..];
        let mut x = self.inputs;
        for (index, (layer, activation)) in layers.iter().zip(self.net.activations()).enumerate() {
            let last = index + 1 == layers.len();
            let in_place = layer.lower_clamp.is_some() && !last;
            let z = if in_place {
                &mut to[..]
            } else {
                &mut strip[..]
            };
            if !sums(simd, layer, x, &mut z[..layer.z_stride]) {
                return false;
            }
            if last {
                match layer.lower_clamp {
                    Some(_) => self.outputs.copy_from_slice(&strip[..layer.outputs]),
                    None => activation.apply(&strip[..layer.rows], self.outputs),
                }
                return are_finite(self.outputs);
            }
            if !in_place {
                let (z, y) = (&strip[..layer.z_stride], &mut to[..layer.y_stride]);
                layer.apply(&**activation, z, y);
            }
            core::mem::swap(&mut from, &mut to);
            x = &from[..layer.outputs];
        }
        true
    }
}

/// Whether all of a few numbers are finite, without a branch for each.
#[inline(always)]
fn are_finite<T: Float>(values: &[T]) -> bool {
    values
        .iter()
        .fold(true, |ok, x| ok & (x.abs() <= T::max_value()))
}

/// A number of registers, up to `WIDEST`, as a constant.
macro_rules! with_registers {
    ($registers:expr, $N:ident => $body:expr) => {
        with_registers!(@ $registers, $N => $body, 1 2 3 4 5 6 7)
    };
    (@ $registers:expr, $N:ident => $body:expr, $($n:literal)*) => {
        match $registers {
            $($n => {
                const $N: usize = $n;
                $body
            })*
            _ => {
                const $N: usize = WIDEST;
                $body
            }
        }
    };
}

/// z = W x + b, padded, and not below the activation's lower clamp if it has one.
///
/// False, with z unspecified, if some sum is not finite. None is finite if one of x is not:
/// even times zero that gives NaN.
#[inline(always)]
fn sums<T: Float, S: Simd>(simd: S, layer: &PackedLayer<T>, x: &[T], z: &mut [T]) -> bool {
    let lanes = T::Vector::<S>::LANES;
    let registers = layer.z_stride / lanes;
    if registers > WIDEST {
        return simd.vectorize(Wide { layer, x, z });
    }
    with_registers!(registers, N => columns::<T, S, N>(simd, layer, (0, N * lanes), x, z))
}

/// More sums than there is room for in registers.
struct Wide<'a, T> {
    layer: &'a PackedLayer<T>,
    x: &'a [T],
    z: &'a mut [T],
}

impl<T: Float> Op for Wide<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        let Self { layer, x, z } = self;
        let lanes = T::Vector::<S>::LANES;
        let width = layer.rows.next_multiple_of(LINE / size_of::<T>());
        let mut at = 0;
        while at < width {
            let registers = ((width - at) / lanes).min(WIDEST);
            let place = (at, layer.z_stride);
            let z = &mut z[at..];
            if !with_registers!(registers, N => columns::<T, S, N>(simd, layer, place, x, z)) {
                return false;
            }
            at += registers * lanes;
        }
        true
    }
}

/// The sums of `N` registers of columns of W^T from `at` on.
#[allow(clippy::needless_range_loop)] // bounds are constant, so that loops are unrolled
#[inline(always)]
fn columns<T: Float, S: Simd, const N: usize>(
    simd: S,
    layer: &PackedLayer<T>,
    (at, stride): (usize, usize),
    x: &[T],
    z: &mut [T],
) -> bool {
    // Rows are padded to whole lines.
    if const { !(N * T::Vector::<S>::LANES * size_of::<T>()).is_multiple_of(LINE) } {
        return false;
    }
    let lanes = T::Vector::<S>::LANES;
    let mut sums = [T::Vector::<S>::splat(simd, T::zero()); N];
    for (&x, row) in x.iter().zip(layer.transposed.chunks_exact(stride)) {
        let x = T::Vector::<S>::splat(simd, x);
        let row = &row[at..][..N * lanes];
        for v in 0..N {
            sums[v] = x.mul_add(T::Vector::<S>::load(simd, &row[v * lanes..]), sums[v]);
        }
    }
    if !sums[0].first().is_finite() {
        return false;
    }
    let low = T::Vector::<S>::splat(simd, layer.lower_clamp.unwrap_or(T::neg_infinity()));
    let (bias, z) = (&layer.bias[at..][..N * lanes], &mut z[..N * lanes]);
    for v in 0..N {
        let bias = T::Vector::<S>::load(simd, &bias[v * lanes..]);
        sums[v].add(bias).at_least(low).store(&mut z[v * lanes..]);
    }
    true
}
