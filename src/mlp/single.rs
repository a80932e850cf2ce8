//! Prediction of a single sample, optimized for latency.
//!
//! The blocked product is designed for many rows. For one row it spends more time on finding tiles
//! than on sums. This module runs all layers in one function compiled for the instruction set. Each
//! layer uses as many registers as its rows need, and applies ReLU before it stores the sums. The
//! order of arithmetic is that of the blocked product, so results are bit-identical.

use super::packed::PackedLayer;
use super::prediction::{Prediction, Scratch};
use crate::float::Float;
use crate::gemm::LINE;
use crate::simd::{self, Op, Simd, Vector};

/// Maximum number of registers of sums. Eight hide the latency of a multiply-add, and fit
/// instruction sets with 16 registers.
const WIDEST: usize = 8;

/// Predicts one sample. Returns `false` if an input or an output is not finite. The outputs stay
/// unchanged if a sum already shows that.
#[inline(always)]
pub(super) fn predict_one<T: Float>(prediction: &mut Prediction<'_, T>) -> bool {
    simd::dispatch(prediction)
}

// By reference: a copy would read the just-written fields in wide loads, which must wait for those
// writes. For a network of one neuron that wait is a large part of the time.
impl<T: Float> Op for &mut Prediction<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        let Scratch {
            rows,
            strip,
            encoded,
        } = &mut *self.scratch;
        let [mut from, mut to] = rows.each_mut();
        let layers = &self.packed.layers[..];
        let mut x = self.inputs;
        if let Some(encoding) = self.net.encoding() {
            // An encoding need not pass on NaN.
            if !are_finite(x) {
                return false;
            }
            let stride = layers[0].in_stride;
            encoding.encode_samples(
                self.net.encoding_params(),
                x,
                &mut encoded[..stride],
                stride,
            );
            x = &encoded[..layers[0].inputs];
        }
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
                    None if layer.is_parametric => {
                        let z = &strip[..layer.rows];
                        layer.apply_parametric(&**activation, z, self.outputs);
                    }
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

/// Returns `true` if all values are finite. It does not branch for each value.
#[inline(always)]
fn are_finite<T: Float>(values: &[T]) -> bool {
    values
        .iter()
        .fold(true, |ok, x| ok & (x.abs() <= T::max_value()))
}

/// Evaluates the body with `N` bound to the number of registers, up to `WIDEST`, as a constant.
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

/// Computes z = W x + b, padded, and raises it to the activation's lower clamp, if any.
///
/// Returns `false`, with z unspecified, if a sum is not finite. One value of x that is not finite
/// makes all sums not finite, because even its product with zero is NaN.
#[inline(always)]
fn sums<T: Float, S: Simd>(simd: S, layer: &PackedLayer<T>, x: &[T], z: &mut [T]) -> bool {
    let lanes = T::Vector::<S>::LANES;
    let registers = layer.z_stride / lanes;
    if registers > WIDEST {
        return simd.vectorize(Wide { layer, x, z });
    }
    with_registers!(registers, N => columns::<T, S, N>(simd, layer, (0, N * lanes), x, z))
}

/// A layer with more sums than fit in the registers.
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

/// Computes `N` registers of sums: the columns of W^T that start at `at`.
#[allow(clippy::needless_range_loop)] // constant bounds, so that the compiler unrolls the loops
#[inline(always)]
fn columns<T: Float, S: Simd, const N: usize>(
    simd: S,
    layer: &PackedLayer<T>,
    (at, stride): (usize, usize),
    x: &[T],
    z: &mut [T],
) -> bool {
    // Rows are padded to whole cache lines, so other widths never occur. The check lets the
    // compiler drop their code.
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
