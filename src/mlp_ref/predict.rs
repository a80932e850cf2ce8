//! Prediction on parameters in place, without packing.

use super::{EncodingSpec, MlpRef, Shape};
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
        scratch: Scratch<'_, T>,
        visit: Visit<'_, '_, T>,
    ) {
        simd::dispatch(Predict {
            shape: &net.shape,
            params: Floats(net.params),
            encoding_params: &net.params[net.params.len() - net.shape.front.sizes().2..],
            inputs,
            outputs,
            scratch,
            visit,
        });
    }
}

/// Values between layers, and pre-activations.
pub(crate) type Scratch<'a, T> = (&'a mut [T], &'a mut [T]);

/// Sees all values that a pass computes.
pub(crate) type Visitor<'v, T> = dyn FnMut(Computed<'_, T>) + 'v;

/// Values that a pass has computed.
pub(crate) enum Computed<'a, T> {
    EncodedInputs(&'a [T]),
    /// Pre-activations z and outputs y of the layer with this index.
    Layer(usize, &'a [T], &'a [T]),
}

/// A visitor, if there is one.
pub(crate) type Visit<'a, 'v, T> = Option<&'a mut Visitor<'v, T>>;

/// Kind, layer and value of a number that is not finite.
pub(super) type Overflow = (&'static str, usize, f64);

/// The parameters of layers that follow. Each layer takes its own.
pub(crate) trait Params<'a, T>: Copy {
    /// Writes z = W x + b of the next layer, which has as many rows as z has numbers.
    fn pre_activations<S: Simd>(&mut self, inputs: &[T], z: &mut [T]);

    /// Returns this many numbers α of the layer.
    fn alphas(&mut self, count: usize) -> &'a [T];
}

/// Parameters that are all of one type.
#[derive(Clone, Copy)]
struct Floats<'a, T>(&'a [T]);

impl<'a, T: Float> Params<'a, T> for Floats<'a, T> {
    #[inline(always)]
    fn pre_activations<S: Simd>(&mut self, inputs: &[T], z: &mut [T]) {
        let (weights, others) = self.0.split_at(z.len() * inputs.len());
        let (bias, others) = others.split_at(z.len());
        pre_activations::<T, S>(inputs, weights, bias, z);
        self.0 = others;
    }

    fn alphas(&mut self, count: usize) -> &'a [T] {
        let (alphas, others) = self.0.split_at(count);
        self.0 = others;
        alphas
    }
}

/// A pass over samples. The caller has checked the lengths of the slices.
pub(crate) struct Predict<'a, 's, 'v, T, P> {
    pub(crate) shape: &'a Shape<'a, T>,
    pub(crate) params: P,
    pub(crate) encoding_params: &'a [T],
    pub(crate) inputs: &'a [T],
    pub(crate) outputs: &'a mut [T],
    pub(crate) scratch: Scratch<'s, T>,
    pub(crate) visit: Visit<'s, 'v, T>,
}

/// Keeps the first of these values that is not finite, unless there is one already.
#[cold]
pub(super) fn find<T: Float>(
    first: &mut Option<Overflow>,
    what: &'static str,
    layer: usize,
    values: &[T],
) {
    if first.is_none() {
        let value = values.iter().find(|x| !x.is_finite());
        *first = value.map(|value| (what, layer, value.as_f64()));
    }
}

impl<'a, T: Float, P: Params<'a, T>> Op for Predict<'a, '_, '_, T, P> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        let (shape, last) = (self.shape, self.shape.layers.len() - 1);
        let (values, z) = self.scratch;
        let encodings = shape.encodings();
        let encoded = shape.front.sizes().1;
        let samples = self.inputs.chunks_exact(shape.inputs);
        let outputs = self.outputs.chunks_exact_mut(shape.outputs());
        for (input, output) in samples.zip(outputs) {
            let (mut params, mut width) = (self.params, shape.inputs);
            if !encodings.is_empty() {
                width = encoded;
                encode(encodings, self.encoding_params, input, values);
                if let Some(visit) = &mut self.visit {
                    visit(Computed::EncodedInputs(&values[..encoded]));
                }
            }
            for index in 0..=last {
                let layer = shape.layers.get(index);
                let rows = layer.rows();
                let is_input = index == 0 && encodings.is_empty();
                let inputs = if is_input { input } else { &values[..width] };
                params.pre_activations::<S>(inputs, &mut z[..rows]);
                // The layer's inputs are no longer needed, so its outputs may overwrite them.
                let y = if index == last {
                    &mut output[..]
                } else {
                    &mut values[..layer.outputs]
                };
                layer.activation().apply(&z[..rows], y);
                width = layer.outputs;
                if layer.is_parametric {
                    mix_outputs(params.alphas(y.len()), &z[..rows], y);
                }
                if let Some(visit) = &mut self.visit {
                    visit(Computed::Layer(index, &z[..rows], y));
                }
            }
        }
    }
}

/// Replaces f(z) by z + α · (f(z) - z).
#[cold]
pub(super) fn mix_outputs<T: Float>(alphas: &[T], z: &[T], y: &mut [T]) {
    mix(alphas, z, y);
}

/// Encodes one sample. Each encoding takes the next inputs and parameters.
pub(super) fn encode<T: Float>(
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
pub(super) fn pre_activations<T: Float, S: Simd>(
    inputs: &[T],
    weights: &[T],
    bias: &[T],
    z: &mut [T],
) {
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

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use crate::activation::{Identity, Tanh};
    use crate::encoding::{self, Scaled};
    use crate::error::{Error, Result};
    use crate::mlp::Mlp;
    use crate::mlp_ref::MlpRef;
    use crate::simd::on_every_set;

    /// Predicts by a borrowed copy of a network, with or without its encoding.
    fn borrowed(net: &Mlp<f32>, inputs: &[f32]) -> Result<Vec<f32>> {
        let layers = net.layer_specs();
        let net = match net.encoding() {
            None => MlpRef::new(net.inputs(), &layers, net.params())?,
            Some(encoding) => MlpRef::with_encoding(&**encoding, &layers, net.params())?,
        };
        let mut outputs = vec![0.0; inputs.len() / net.inputs() * net.outputs()];
        net.predict_into(inputs, &mut outputs, &mut vec![0.0; net.scratch_len()])?;
        Ok(outputs)
    }

    /// Each layer has one neuron, thus a weight and a bias. The factor of the encoding comes last.
    #[test]
    fn an_overflow_names_encoding_or_layer_as_an_owned_network_does() {
        let max = f32::MAX;
        let cases = [
            // The encoding overflows in the second sample, and 0 · ∞ is NaN.
            (
                [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, max],
                Some(("encoded input", 0, f64::INFINITY)),
            ),
            // The sum of the first layer overflows, but its output does not.
            (
                [max, 0.0, max, max, 1.0, 0.0, 1.0],
                Some(("output", 1, f64::INFINITY)),
            ),
            (
                [1.0, 0.0, -max, 0.0, 9.0, 0.0, 1.0],
                Some(("output", 2, f64::NEG_INFINITY)),
            ),
            // An encoding may overflow if the outputs are finite.
            ([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, max], None),
        ];
        on_every_set(|| {
            for has_encoding in [true, false] {
                for (params, expected) in cases {
                    let builder = Mlp::builder(1).hidden(1, Tanh).hidden(1, Identity);
                    let builder = builder.output(1, Identity);
                    let (net, len) = if has_encoding {
                        let identity = encoding::Identity::new(1).unwrap();
                        (builder.encoding(Scaled::new(identity).unwrap()).build(), 7)
                    } else if params[6] == 1.0 {
                        (builder.build(), 6)
                    } else {
                        continue;
                    };
                    let mut net = net.unwrap();
                    net.set_params(&params[..len]).unwrap();
                    let inputs = [0.5, 2.0, 3.0];
                    let result = borrowed(&net, &inputs);
                    let expected =
                        expected.map(|(what, layer, value)| Error::Overflow { what, layer, value });
                    assert_eq!(result.clone().err(), expected, "{params:?}");
                    assert_eq!(result, net.predict(&inputs), "{params:?}");
                }
            }
        });
    }
}
