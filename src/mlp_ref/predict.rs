//! Prediction on parameters in place, without packing.

use super::{EncodingSpec, MlpRef};
use crate::activation::mix;
use crate::float::{Float, instantiate};
use crate::simd::{self, Op, Simd};

instantiate! {
    /// Predicts sample by sample through all layers. The caller has checked the lengths of the
    /// slices. The scratch consists of values between layers, and of pre-activations.
    pub(super) fn predict<T>(
        net: &MlpRef<'_, T>,
        inputs: &[T],
        outputs: &mut [T],
        scratch: (&mut [T], &mut [T]),
    ) {
        let (values, z) = scratch;
        simd::dispatch(Predict { net, inputs, outputs, values, z });
    }
}

struct Predict<'a, T> {
    net: &'a MlpRef<'a, T>,
    inputs: &'a [T],
    outputs: &'a mut [T],
    values: &'a mut [T],
    z: &'a mut [T],
}

impl<T: Float> Op for Predict<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (net, last) = (self.net, self.net.layers.len() - 1);
        let (values, z) = (self.values, self.z);
        let encodings = net.encodings();
        let (_, encoded, encoded_params) = net.front.sizes();
        let samples = self.inputs.chunks_exact(net.inputs);
        let outputs = self.outputs.chunks_exact_mut(net.outputs());
        for (input, output) in samples.zip(outputs) {
            let (mut rest, mut width) = (net.params, net.inputs);
            if !encodings.is_empty() {
                width = encoded;
                encode(
                    encodings,
                    &rest[rest.len() - encoded_params..],
                    input,
                    values,
                );
            }
            for (index, layer) in net.layers.iter().enumerate() {
                let rows = layer.rows();
                let (weights, others) = rest.split_at(rows * width);
                let (bias, others) = others.split_at(rows);
                let is_input = index == 0 && encodings.is_empty();
                let inputs = if is_input { input } else { &values[..width] };
                pre_activations::<T, S>(inputs, weights, bias, &mut z[..rows]);
                // The layer's inputs are no longer needed, so its outputs may overwrite them.
                let y = if index == last {
                    &mut output[..]
                } else {
                    &mut values[..layer.outputs]
                };
                layer.activation().apply(&z[..rows], y);
                width = layer.outputs;
                rest = if layer.is_parametric {
                    mix_outputs(others, &z[..rows], y)
                } else {
                    others
                };
            }
        }
    }
}

/// Replaces f(z) by z + α · (f(z) - z), and returns the parameters behind α.
#[cold]
fn mix_outputs<'a, T: Float>(params: &'a [T], z: &[T], y: &mut [T]) -> &'a [T] {
    let (alpha, others) = params.split_at(y.len());
    mix(alpha, z, y);
    others
}

/// Encodes one sample. Each encoding takes the next inputs and parameters.
fn encode<T: Float>(
    encodings: &[EncodingSpec<'_, T>],
    mut params: &[T],
    mut inputs: &[T],
    mut outputs: &mut [T],
) {
    for spec in encodings {
        let (own, others) = params.split_at(spec.params_len);
        let (these, next) = inputs.split_at(spec.inputs);
        let (values, rest) = outputs.split_at_mut(spec.outputs);
        spec.encoding.encode_sample(own, these, values);
        (params, inputs, outputs) = (others, next, rest);
    }
}

/// Computes z = W x + b for one sample. Each z is a chain of fused multiply-adds as in
/// [`Neuron`](crate::Neuron). Several chains run at once, because each step of a chain must wait
/// for the previous one.
#[inline(always)]
fn pre_activations<T: Float, S: Simd>(inputs: &[T], weights: &[T], bias: &[T], z: &mut [T]) {
    let done = rows::<8, T, S>(0, inputs, weights, bias, z);
    let done = rows::<4, T, S>(done, inputs, weights, bias, z);
    // The remaining rows run together, because layers often have few outputs and many inputs.
    match bias.len() - done {
        3 => rows::<3, T, S>(done, inputs, weights, bias, z),
        2 => rows::<2, T, S>(done, inputs, weights, bias, z),
        _ => rows::<1, T, S>(done, inputs, weights, bias, z),
    };
}

/// Computes all whole blocks of rows from row `first` on, and returns the row after the last block.
#[inline(always)]
fn rows<const ROWS: usize, T: Float, S: Simd>(
    first: usize,
    inputs: &[T],
    weights: &[T],
    bias: &[T],
    z: &mut [T],
) -> usize {
    let width = inputs.len();
    let blocks = weights[first * width..].chunks_exact(ROWS * width);
    let biases = bias[first..].chunks_exact(ROWS);
    let end = first + biases.len() * ROWS;
    for ((block, bias), z) in blocks.zip(biases).zip(z[first..].chunks_exact_mut(ROWS)) {
        let rows: [&[T]; ROWS] = core::array::from_fn(|row| &block[row * width..][..width]);
        let mut sums = [T::zero(); ROWS];
        for (index, &x) in inputs.iter().enumerate() {
            for (sum, row) in sums.iter_mut().zip(&rows) {
                let w = row[index];
                *sum = if S::FUSED {
                    x.mul_add(w, *sum)
                } else {
                    x * w + *sum
                };
            }
        }
        for ((z, sum), &bias) in z.iter_mut().zip(sums).zip(bias) {
            *z = sum + bias;
        }
    }
    end
}
