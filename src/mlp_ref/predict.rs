//! Prediction on parameters as they lie.

use super::{LayerSpec, MlpRef};
use crate::float::{Float, instantiate};
use crate::simd::{self, Op, Simd};

instantiate! {
    /// Sample by sample through all layers, of slices that fit.
    pub(super) fn predict<T>(net: MlpRef<'_, T>, inputs: &[T], outputs: &mut [T], scratch: &mut [T]) {
        simd::dispatch(Predict { net, inputs, outputs, scratch });
    }
}

struct Predict<'a, T> {
    net: MlpRef<'a, T>,
    inputs: &'a [T],
    outputs: &'a mut [T],
    scratch: &'a mut [T],
}

impl<T: Float> Op for Predict<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (net, last) = (self.net, self.net.layers.len() - 1);
        let hidden = net.layers[..last].iter().map(LayerSpec::outputs);
        let (values, z) = self.scratch.split_at_mut(hidden.max().unwrap_or(0));
        let samples = self.inputs.chunks_exact(net.inputs);
        let outputs = self.outputs.chunks_exact_mut(net.outputs());
        for (input, output) in samples.zip(outputs) {
            let (mut rest, mut width) = (net.params, net.inputs);
            for (index, layer) in net.layers.iter().enumerate() {
                let rows = layer.rows();
                let (weights, others) = rest.split_at(rows * width);
                let (bias, others) = others.split_at(rows);
                let inputs = if index == 0 { input } else { &values[..width] };
                pre_activations::<T, S>(inputs, weights, bias, &mut z[..rows]);
                // Values that went in are needed no more.
                let y = if index == last {
                    &mut output[..]
                } else {
                    &mut values[..layer.outputs]
                };
                layer.activation.apply(&z[..rows], y);
                (rest, width) = (others, layer.outputs);
            }
        }
    }
}

/// z = W x + b for one sample, each a chain as in [`Neuron`](crate::Neuron); several at once,
/// since each must wait for its own sums.
#[inline(always)]
fn pre_activations<T: Float, S: Simd>(inputs: &[T], weights: &[T], bias: &[T], z: &mut [T]) {
    let done = rows::<8, T, S>(0, inputs, weights, bias, z);
    let done = rows::<4, T, S>(done, inputs, weights, bias, z);
    // All that are left at once: few outputs of many inputs are the rule.
    match bias.len() - done {
        3 => rows::<3, T, S>(done, inputs, weights, bias, z),
        2 => rows::<2, T, S>(done, inputs, weights, bias, z),
        _ => rows::<1, T, S>(done, inputs, weights, bias, z),
    };
}

/// As many whole blocks of rows as there are from `first` on; returns where they end.
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
