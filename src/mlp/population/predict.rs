//! Prediction of many networks at once, each in its own lane.

use super::LANES;
use crate::activation::{Activation, mix};
use crate::encoding::Encoding;
use crate::error::Result;
use crate::float::{Float, instantiate};
use crate::gemm::{Buffer, transpose};
use crate::layout::LayerLayout;
use crate::memory;
use crate::mlp::Mlp;
use crate::simd::{self, Op, Simd, Vector};

/// Number of rows of weights, and of registers in each, whose sums are computed together. Eight
/// sums hide the latency of a multiply-add, and fit instruction sets with 16 registers.
const ROWS: usize = 4;
const REGISTERS: usize = 2;

/// Scratch space of one thread, for one block of networks.
#[derive(Clone, Debug)]
pub(super) struct Scratch<T> {
    /// Inputs and outputs of a layer, `[value][lane]`. The two buffers swap roles after each layer.
    values: [Buffer<T>; 2],
    /// Pre-activations of a layer, `[row][lane]`.
    z: Buffer<T>,
    /// Pre-activations of a layer of several pieces, `[neuron][lane][piece]`.
    pieces: Buffer<T>,
    /// Encoded inputs, `[lane][value]`.
    encoded: Buffer<T>,
}

impl<T: Float> Scratch<T> {
    pub(super) fn new(net: &Mlp<T>) -> Result<Self> {
        let layers = net.layout().layers();
        let buffer = |width: usize| {
            let what = "scratch space of the population";
            let len = memory::product(what, &[width, LANES])?;
            Buffer::try_zeros(what, len)
        };
        let widest = |width: &dyn Fn(&LayerLayout) -> usize| layers.iter().map(width).max();
        let values = widest(&|at| at.inputs.max(at.outputs)).unwrap_or(0);
        let several = |at: &LayerLayout| if at.pieces > 1 { at.rows() } else { 0 };
        Ok(Self {
            values: [buffer(values)?, buffer(values)?],
            z: buffer(widest(&LayerLayout::rows).unwrap_or(0))?,
            pieces: buffer(widest(&several).unwrap_or(0))?,
            encoded: buffer(net.encoding().map_or(0, Encoding::outputs))?,
        })
    }
}

/// Consecutive blocks of networks with their inputs and outputs, and scratch space for each thread.
pub(super) struct Part<'a, T> {
    /// The shape of the networks. Its parameters are not used.
    pub(super) net: &'a Mlp<T>,
    /// Parameters of the layers, `[block][parameter][lane]`.
    pub(super) params: &'a [T],
    /// Parameters of the encoding, `[network][parameter]`.
    pub(super) encoding_params: &'a [T],
    pub(super) inputs: &'a [T],
    pub(super) outputs: &'a mut [T],
    pub(super) scratch: &'a mut [Scratch<T>],
}

impl<T: Float> Part<'_, T> {
    /// Splits the threads in two halves, and divides the blocks among them.
    pub(super) fn split(self) -> (Self, Option<Self>) {
        let (net, threads) = (self.net, self.scratch.len());
        let block = net.layout().encoding().start * LANES;
        let blocks = self.params.len() / block;
        if threads < 2 || blocks < 2 {
            return (self, None);
        }
        let left = (blocks * (threads / 2) / threads).max(1);
        let networks = left * LANES;
        let (params, other_params) = self.params.split_at(left * block);
        let encoded = networks * net.layout().encoding().len();
        let (encoding_params, other_encodings) = self.encoding_params.split_at(encoded);
        let (inputs, other_inputs) = self.inputs.split_at(networks * net.inputs());
        let (outputs, other_outputs) = self.outputs.split_at_mut(networks * net.outputs());
        let (scratch, other_scratch) = self.scratch.split_at_mut(threads / 2);
        let left = Part {
            net,
            params,
            encoding_params,
            inputs,
            outputs,
            scratch,
        };
        let right = Part {
            net,
            params: other_params,
            encoding_params: other_encodings,
            inputs: other_inputs,
            outputs: other_outputs,
            scratch: other_scratch,
        };
        (left, Some(right))
    }
}

instantiate! {
    /// Predicts all networks of a part, on this thread.
    pub(super) fn predict<T>(part: Part<'_, T>) {
        simd::dispatch(part);
    }
}

impl<T: Float> Op for Part<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let net = self.net;
        let Some(scratch) = self.scratch.first_mut() else {
            return;
        };
        let encoding_params = net.layout().encoding();
        let blocks = self.params.chunks_exact(encoding_params.start * LANES);
        let inputs = self.inputs.chunks(LANES * net.inputs());
        let outputs = self.outputs.chunks_mut(LANES * net.outputs());
        for (index, ((params, inputs), outputs)) in blocks.zip(inputs).zip(outputs).enumerate() {
            let [mut x, mut y] = scratch.values.each_mut();
            match net.encoding() {
                None => transpose(inputs, net.inputs(), net.inputs(), x, LANES),
                Some(encoding) => {
                    let each = encoding_params.len();
                    let params = &self.encoding_params[index * LANES * each..];
                    encode(&**encoding, (params, each), inputs, &mut scratch.encoded, x);
                }
            }
            for (at, activation) in net.layout().layers().iter().zip(net.activations()) {
                let [weights, bias, alpha] = [&at.weights, &at.bias, &at.alpha]
                    .map(|range| &params[range.start * LANES..range.end * LANES]);
                let x_in = &x[..at.inputs * LANES];
                let to = &mut y[..at.outputs * LANES];
                let is_plain = at.pieces == 1 && alpha.is_empty();
                let low = activation.lower_clamp().filter(|_| is_plain);
                if low.is_some() {
                    sums(simd, low, x_in, weights, bias, to);
                } else {
                    let z = &mut scratch.z[..at.rows() * LANES];
                    sums(simd, low, x_in, weights, bias, z);
                    if at.pieces == 1 {
                        activation.apply(z, to);
                    } else {
                        apply_pieces(&**activation, at.pieces, z, &mut scratch.pieces, to);
                    }
                    if !alpha.is_empty() {
                        mix(alpha, z, to);
                    }
                }
                core::mem::swap(&mut x, &mut y);
            }
            let networks = outputs.len() / net.outputs();
            let y = &x[..net.outputs() * LANES];
            transpose(y, LANES, networks, outputs, net.outputs());
        }
    }
}

/// Encodes the sample of each network with its own parameters, and interleaves the results.
#[inline(never)]
fn encode<T: Float>(
    encoding: &dyn Encoding<T>,
    (params, each): (&[T], usize),
    inputs: &[T],
    encoded: &mut [T],
    x: &mut [T],
) {
    let width = encoding.outputs();
    let samples = inputs.chunks_exact(encoding.inputs());
    let encoded = &mut encoded[..samples.len() * width];
    for (index, (sample, row)) in samples.zip(encoded.chunks_exact_mut(width)).enumerate() {
        encoding.encode_sample(&params[index * each..][..each], sample, row);
    }
    transpose(encoded, width, width, x, LANES);
}

/// Applies an activation of several pieces. The pieces of a neuron become adjacent first.
#[inline(never)]
fn apply_pieces<T: Float>(
    activation: &dyn Activation<T>,
    pieces: usize,
    z: &[T],
    adjacent: &mut [T],
    y: &mut [T],
) {
    let adjacent = &mut adjacent[..z.len()];
    let neurons = z.chunks_exact(pieces * LANES);
    for (z, to) in neurons.zip(adjacent.chunks_exact_mut(pieces * LANES)) {
        transpose(z, LANES, LANES, to, pieces);
    }
    activation.apply(adjacent, y);
}

/// Computes z = W x + b for all lanes, and raises it to the activation's lower clamp, if any.
///
/// Each lane is a chain of fused multiply-adds as in [`Neuron`](crate::Neuron).
#[inline(always)]
fn sums<T: Float, S: Simd>(
    simd: S,
    low: Option<T>,
    x: &[T],
    weights: &[T],
    bias: &[T],
    z: &mut [T],
) {
    let low = T::Vector::<S>::splat(simd, low.unwrap_or(T::neg_infinity()));
    let weights = weights.chunks(ROWS * x.len());
    let biases = bias.chunks(ROWS * LANES);
    for ((weights, bias), z) in weights.zip(biases).zip(z.chunks_mut(ROWS * LANES)) {
        match bias.len() / LANES {
            ROWS => rows::<T, S, ROWS>(simd, low, x, weights, bias, z),
            3 => rows::<T, S, 3>(simd, low, x, weights, bias, z),
            2 => rows::<T, S, 2>(simd, low, x, weights, bias, z),
            _ => rows::<T, S, 1>(simd, low, x, weights, bias, z),
        }
    }
}

/// Computes `R` rows of pre-activations.
#[allow(clippy::needless_range_loop)] // constant bounds, so that the compiler unrolls the loops
#[inline(always)]
fn rows<T: Float, S: Simd, const R: usize>(
    simd: S,
    low: T::Vector<S>,
    x: &[T],
    weights: &[T],
    bias: &[T],
    z: &mut [T],
) {
    let lanes = T::Vector::<S>::LANES;
    const { assert!(LANES.is_multiple_of(REGISTERS * T::Vector::<S>::LANES)) };
    let width = REGISTERS * lanes;
    let mut each = [weights; R];
    for row in 0..R {
        each[row] = &weights[row * x.len()..][..x.len()];
    }
    let mut first = 0;
    while first < LANES {
        let mut sums = [[T::Vector::<S>::splat(simd, T::zero()); REGISTERS]; R];
        let mut at = first;
        while at < x.len() {
            // No closure, which would be called instead of inlined.
            let mut registers = [T::Vector::<S>::splat(simd, T::zero()); REGISTERS];
            for v in 0..REGISTERS {
                registers[v] = T::Vector::<S>::load(simd, &x[at..][..width][v * lanes..]);
            }
            for row in 0..R {
                let weights = &each[row][at..][..width];
                for v in 0..REGISTERS {
                    let weight = T::Vector::<S>::load(simd, &weights[v * lanes..]);
                    sums[row][v] = registers[v].mul_add(weight, sums[row][v]);
                }
            }
            at += LANES;
        }
        for row in 0..R {
            for v in 0..REGISTERS {
                let at = row * LANES + first + v * lanes;
                let bias = T::Vector::<S>::load(simd, &bias[at..]);
                sums[row][v].add(bias).at_least(low).store(&mut z[at..]);
            }
        }
        first += width;
    }
}
