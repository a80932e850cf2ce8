//! Jacobian of the outputs by the inputs, on parameters in place.

use super::predict::{Overflow, encode, find, mix_outputs, pre_activations};
use super::{LayerSpec, MlpRef};
use crate::activation::backprop_mix;
use crate::error::{Error, Result};
use crate::float::{Float, instantiate};
use crate::simd::{self, Op, Simd};

/// Lengths of the parts of the scratch array, in order.
struct Parts {
    /// The encoded inputs of a sample.
    encoded: usize,
    /// Pre-activations and outputs, layer by layer.
    layers: usize,
    /// f(z) of a parametric layer.
    f: usize,
    /// Derivatives of one output by the outputs of a layer or of the encodings.
    dy: usize,
    /// Derivatives of one output by the pre-activations of a layer.
    dz: usize,
}

impl Parts {
    const fn len(&self) -> usize {
        let len = self.encoded.saturating_add(self.layers);
        let len = len.saturating_add(self.f).saturating_add(self.dy);
        len.saturating_add(self.dz)
    }
}

const fn larger(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

impl<T: Float> MlpRef<'_, T> {
    /// Returns the length of the scratch array that [`jacobian_into`](Self::jacobian_into) needs.
    ///
    /// It is the number of all pre-activations and outputs of a sample, and three rows of the
    /// widest layer at most. For a constant network it can be a constant.
    pub const fn jacobian_scratch_len(&self) -> usize {
        self.jacobian_parts().len()
    }

    const fn jacobian_parts(&self) -> Parts {
        let encoded = self.shape.front.sizes().1;
        let mut parts = Parts {
            encoded,
            layers: 0,
            f: 0,
            dy: encoded,
            dz: 0,
        };
        let mut index = 0;
        while index < self.shape.layers.len() {
            let (outputs, rows) = self.shape.layers.sizes(index);
            parts.layers = parts.layers.saturating_add(rows.saturating_add(outputs));
            parts.dy = larger(parts.dy, outputs);
            parts.dz = larger(parts.dz, rows);
            if self.shape.layers.is_parametric(index) {
                parts.f = larger(parts.f, rows);
            }
            index += 1;
        }
        parts
    }

    /// Writes the Jacobian of the outputs with respect to the inputs, dyₒ/dxᵢ for each sample,
    /// without allocation. `inputs` is row-major `[samples x inputs]`, and `jacobian` is
    /// `[samples x outputs x inputs]`. The previous contents of `scratch` do not matter.
    ///
    /// Each number is the chain of fused multiply-adds that
    /// [`GradientWorkspace::jacobian`](crate::GradientWorkspace::jacobian) computes. So results
    /// are bit-identical on the same instruction set. The work is a forward pass over each sample,
    /// and a backward pass for each output. At a kink the activation defines the derivative. ReLU
    /// takes that of the left side.
    ///
    /// ```
    /// use feedforward::{LayerSpec, MlpRef, activation::{Exponential, Identity}};
    ///
    /// // y0 = 3 e^(x0 + 2 x1), y1 = -e^(x0 + 2 x1).
    /// static PARAMS: [f64; 7] = [1.0, 2.0, 0.0, 3.0, -1.0, 0.0, 0.0];
    /// static LAYERS: [LayerSpec<f64>; 2] =
    ///     [LayerSpec::new(1, &Exponential), LayerSpec::new(2, &Identity)];
    /// static NET: MlpRef<f64> = MlpRef::constant(2, &LAYERS, &PARAMS);
    /// const SCRATCH: usize = NET.jacobian_scratch_len();
    ///
    /// let (mut scratch, mut jacobian) = ([0.0; SCRATCH], [0.0; 4]);
    /// NET.jacobian_into(&[0.0, 0.0], &mut jacobian, &mut scratch)?;
    /// assert_eq!(jacobian, [3.0, 6.0, -1.0, -2.0]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Rows`] unless `inputs` holds one or more whole samples.
    /// - [`Error::Length`] unless `jacobian` has the length of their derivatives, or if `scratch`
    ///   is shorter than [`jacobian_scratch_len`](Self::jacobian_scratch_len).
    /// - [`Error::NotFinite`] if an input is not finite.
    /// - [`Error::Overflow`] if an output or a derivative is not finite. It names the encoding, or
    ///   the first layer that overflows, in the first such sample.
    /// - [`Error::Shape`] as [`predict_into`](Self::predict_into).
    pub fn jacobian_into(&self, inputs: &[T], jacobian: &mut [T], scratch: &mut [T]) -> Result<()> {
        let parts = self.jacobian_parts();
        let width = self.inputs().saturating_mul(self.outputs());
        let scratch = self.shape.checked_scratch(
            inputs,
            ("Jacobian", jacobian, width),
            scratch,
            parts.len(),
        )?;
        match differentiate(self, inputs, jacobian, scratch, parts) {
            None => Ok(()),
            Some((what, layer, value)) => Err(Error::Overflow { what, layer, value }),
        }
    }
}

instantiate! {
    /// Computes the Jacobian sample by sample. The caller has checked the lengths of the slices.
    /// Returns the first number that is not finite.
    fn differentiate<T>(
        net: &MlpRef<'_, T>,
        inputs: &[T],
        jacobian: &mut [T],
        scratch: &mut [T],
        parts: Parts,
    ) -> Option<Overflow> {
        let (encoded, scratch) = scratch.split_at_mut(parts.encoded);
        let (layers, scratch) = scratch.split_at_mut(parts.layers);
        let (f, scratch) = scratch.split_at_mut(parts.f);
        let (dy, dz) = scratch.split_at_mut(parts.dy);
        let samples = inputs.chunks_exact(net.shape.inputs);
        let width = net.shape.inputs * net.outputs();
        for (input, jacobian) in samples.zip(jacobian.chunks_exact_mut(width)) {
            simd::dispatch(Forward { net, input, encoded, layers });
            simd::dispatch(Backward { net, input, layers, f, dy, dz, jacobian });
            if let Some(overflow) = overflow(net, encoded, layers, jacobian) {
                return Some(overflow);
            }
        }
        None
    }
}

/// Returns `true` if all values are finite.
fn are_finite<T: Float>(values: &[T]) -> bool {
    values
        .iter()
        .fold(true, |ok, x| ok & (x.abs() <= T::max_value()))
}

/// Returns the first number that is not finite, if the outputs or the derivatives have one.
fn overflow<T: Float>(
    net: &MlpRef<'_, T>,
    encoded: &[T],
    layers: &[T],
    jacobian: &[T],
) -> Option<Overflow> {
    let outputs = &layers[layers.len() - net.outputs()..];
    if are_finite(outputs) && are_finite(jacobian) {
        return None;
    }
    let (mut first, mut rest) = (None, layers);
    find(&mut first, "encoded input", 0, encoded);
    for index in 0..net.shape.layers.len() {
        let (outputs, rows) = net.shape.layers.sizes(index);
        find(&mut first, "output", index, &rest[rows..][..outputs]);
        rest = &rest[rows + outputs..];
    }
    find(&mut first, "derivative", 0, jacobian);
    first
}

/// Parameters of a layer.
struct Own<'a, T> {
    weights: &'a [T],
    bias: &'a [T],
    /// The numbers α of a parametric layer, and all parameters behind them.
    others: &'a [T],
}

/// Splits the parameters of a layer from those that follow.
#[inline(always)]
fn own<'a, T: Float>(layer: &LayerSpec<'_, T>, width: usize, params: &'a [T]) -> Own<'a, T> {
    let (weights, others) = params.split_at(layer.rows() * width);
    let (bias, others) = others.split_at(layer.rows());
    Own {
        weights,
        bias,
        others,
    }
}

/// The forward pass of one sample, which keeps pre-activations and outputs of all layers.
struct Forward<'a, T> {
    net: &'a MlpRef<'a, T>,
    input: &'a [T],
    encoded: &'a mut [T],
    layers: &'a mut [T],
}

impl<T: Float> Op for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (net, mut x) = (self.net, self.input);
        let mut params = net.params;
        if !net.encodings().is_empty() {
            let own = &params[params.len() - net.shape.front.sizes().2..];
            encode(net.encodings(), own, self.input, self.encoded);
            x = self.encoded;
        }
        let mut rest = self.layers;
        for index in 0..net.shape.layers.len() {
            let layer = net.shape.layers.get(index);
            let own = own(&layer, x.len(), params);
            let (z, others) = rest.split_at_mut(layer.rows());
            let (y, others) = others.split_at_mut(layer.outputs);
            pre_activations::<T, S>(x, own.weights, own.bias, z);
            layer.activation().apply(z, y);
            params = own.others;
            if layer.is_parametric {
                let (alphas, others) = params.split_at(y.len());
                mix_outputs(alphas, z, y);
                params = others;
            }
            (x, rest) = (y, others);
        }
    }
}

/// The backward pass of one sample, for one output after another.
struct Backward<'a, T> {
    net: &'a MlpRef<'a, T>,
    input: &'a [T],
    layers: &'a [T],
    f: &'a mut [T],
    dy: &'a mut [T],
    dz: &'a mut [T],
    jacobian: &'a mut [T],
}

impl<T: Float> Op for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (net, dy) = (self.net, self.dy);
        let (_, encoded, encoded_params) = net.shape.front.sizes();
        let is_encoded = !net.encodings().is_empty();
        let layers_len = net.params.len() - encoded_params;
        for (output, row) in self.jacobian.chunks_exact_mut(net.shape.inputs).enumerate() {
            dy[..net.outputs()].fill(T::zero());
            dy[output] = T::one();
            // Parameters and kept numbers, of which each layer takes the last.
            let (mut params, mut kept) = (&net.params[..layers_len], self.layers);
            for index in (0..net.shape.layers.len()).rev() {
                let layer = net.shape.layers.get(index);
                let (rows, outputs) = (layer.rows(), layer.outputs);
                let (others, y) = kept.split_at(kept.len() - outputs);
                let (others, z) = others.split_at(others.len() - rows);
                kept = others;
                let alphas = if layer.is_parametric { outputs } else { 0 };
                let width = match index.checked_sub(1) {
                    Some(below) => net.shape.layers.sizes(below).0,
                    None if is_encoded => encoded,
                    None => net.shape.inputs,
                };
                let (others, alpha) = params.split_at(params.len() - alphas);
                let (others, _) = others.split_at(others.len() - rows);
                let (others, weights) = others.split_at(others.len() - rows * width);
                params = others;
                let dz = &mut self.dz[..rows];
                if layer.is_parametric {
                    let f = &mut self.f[..rows];
                    parametric(&layer, alpha, z, &dy[..outputs], f, dz);
                } else {
                    layer.activation().backprop(z, y, &dy[..outputs], dz);
                }
                let below = match index {
                    0 if !is_encoded => &mut *row,
                    _ => &mut dy[..width],
                };
                product::<T, S>(dz, weights, below);
            }
            if is_encoded {
                let own = &net.params[layers_len..];
                by_inputs(net, own, self.input, &dy[..encoded], row);
            }
        }
    }
}

/// Computes dz of a parametric layer, of which y is not f(z).
#[cold]
fn parametric<T: Float>(
    layer: &LayerSpec<'_, T>,
    alpha: &[T],
    z: &[T],
    dy: &[T],
    f: &mut [T],
    dz: &mut [T],
) {
    layer.activation().apply(z, f);
    layer.activation().backprop(z, f, dy, dz);
    backprop_mix(alpha, z, dy, f, dz);
}

/// Computes dx = dz W. Each number is a chain of fused multiply-adds in the order of the rows.
#[inline(always)]
fn product<T: Float, S: Simd>(dz: &[T], weights: &[T], dx: &mut [T]) {
    dx.fill(T::zero());
    for (&dz, row) in dz.iter().zip(weights.chunks_exact(dx.len())) {
        for (sum, &w) in dx.iter_mut().zip(row) {
            *sum = if S::FUSED {
                dz.mul_add(w, *sum)
            } else {
                dz * w + *sum
            };
        }
    }
}

/// Writes the derivatives by the inputs of the encodings.
fn by_inputs<T: Float>(
    net: &MlpRef<'_, T>,
    mut params: &[T],
    mut inputs: &[T],
    mut dy: &[T],
    mut dx: &mut [T],
) {
    dx.fill(T::zero());
    for spec in net.encodings() {
        let (own, other_params) = params.split_at(spec.params_len);
        let (these, other_inputs) = inputs.split_at(spec.inputs);
        let (derivatives, other_dy) = dy.split_at(spec.outputs);
        let (to, others) = core::mem::take(&mut dx).split_at_mut(spec.inputs);
        spec.encoding
            .add_input_gradient(own, these, derivatives, to);
        (params, inputs, dy, dx) = (other_params, other_inputs, other_dy, others);
    }
}
