//! Forward and backward passes of a periodic encoding.

use super::{Float, Periodic, TAU, instantiate, math};
use crate::simd::{self, Op, Simd};

/// Number of frequencies that are evaluated together, as vectors.
const BLOCK: usize = 16;

/// Parameters of an input, or their gradients.
struct Part<S> {
    rates: S,
    phases: S,
    weights: S,
    bias: S,
}

impl<'a, T: Float> Part<&'a [T]> {
    #[inline(always)]
    fn new(periodic: &Periodic, params: &'a [T]) -> Self {
        let frequencies = periodic.settings.frequencies;
        let (rates, rest) = params.split_at(frequencies);
        let (phases, rest) = rest.split_at(frequencies);
        let (weights, bias) = rest.split_at((periodic.settings.width - 1) * frequencies);
        Self {
            rates,
            phases,
            weights,
            bias,
        }
    }

    /// Returns 2π w₁ x + b₁ for a block of frequencies, then zeros.
    #[inline(always)]
    fn angles(&self, first: usize, x: T) -> [T; BLOCK] {
        let (rates, phases) = (block(&self.rates[first..]), block(&self.phases[first..]));
        core::array::from_fn(|j| (T::from_f64(TAU) * rates[j]) * x + phases[j])
    }

    /// Returns the gradient with respect to the cosines of a block of frequencies.
    #[inline(always)]
    fn back(&self, first: usize, dy: &[T]) -> [T; BLOCK] {
        let mut back = [T::zero(); BLOCK];
        for (row, &dy) in self.weights.chunks_exact(self.rates.len()).zip(dy) {
            let row = block(&row[first..]);
            for j in 0..BLOCK {
                back[j] += row[j] * dy;
            }
        }
        back
    }
}

impl<'a, T> Part<&'a mut [T]> {
    #[inline(always)]
    fn new_mut(periodic: &Periodic, params: &'a mut [T]) -> Self {
        let frequencies = periodic.settings.frequencies;
        let (rates, rest) = params.split_at_mut(frequencies);
        let (phases, rest) = rest.split_at_mut(frequencies);
        let (weights, bias) = rest.split_at_mut((periodic.settings.width - 1) * frequencies);
        Self {
            rates,
            phases,
            weights,
            bias,
        }
    }
}

/// Returns the first numbers of a slice, then zeros.
#[inline(always)]
fn block<T: Float>(values: &[T]) -> [T; BLOCK] {
    match values.first_chunk() {
        Some(block) => *block,
        None => core::array::from_fn(|j| values.get(j).copied().unwrap_or(T::zero())),
    }
}

#[inline(always)]
fn cosines<T: Float>(angles: &[T; BLOCK]) -> [T; BLOCK] {
    if math::all_reduced(angles) {
        angles.map(math::cos_reduced)
    } else {
        angles.map(math::cos)
    }
}

#[inline(always)]
fn sines<T: Float>(angles: &[T; BLOCK]) -> [T; BLOCK] {
    if math::all_reduced(angles) {
        angles.map(math::sin_reduced)
    } else {
        angles.map(math::sin)
    }
}

instantiate! {
    pub(super) fn encode<T>(
        periodic: &Periodic, params: &[T], inputs: &[T], outputs: &mut [T], stride: usize,
    ) {
        simd::dispatch(Encode { periodic, params, inputs, outputs, stride });
    }
}

struct Encode<'a, T> {
    periodic: &'a Periodic,
    params: &'a [T],
    inputs: &'a [T],
    outputs: &'a mut [T],
    stride: usize,
}

impl<T: Float> Op for Encode<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (settings, len) = (&self.periodic.settings, self.periodic.part());
        let samples = self.inputs.chunks_exact(settings.inputs);
        for (sample, row) in samples.zip(self.outputs.chunks_mut(self.stride)) {
            let parts = self.params.chunks_exact(len);
            let rows = row.chunks_exact_mut(settings.width);
            for ((&x, params), outputs) in sample.iter().zip(parts).zip(rows) {
                let part = Part::new(self.periodic, params);
                let Some((last, mixed)) = outputs.split_last_mut() else {
                    continue;
                };
                *last = x;
                mixed.copy_from_slice(part.bias);
                for first in (0..settings.frequencies).step_by(BLOCK) {
                    let cosines = cosines(&part.angles(first, x));
                    let rows = part.weights.chunks_exact(settings.frequencies);
                    for (y, row) in mixed.iter_mut().zip(rows) {
                        let products = row[first..].iter().zip(&cosines);
                        *y = products.fold(*y, |sum, (&w, &cosine)| sum + w * cosine);
                    }
                }
            }
        }
    }
}

instantiate! {
    pub(super) fn add_gradient<T>(
        periodic: &Periodic,
        index: usize,
        params: &[T],
        inputs: &[T],
        dy: &[T],
        gradient: &mut [T],
    ) {
        simd::dispatch(AddGradient { periodic, index, params, inputs, dy, gradient });
    }
}

struct AddGradient<'a, T> {
    periodic: &'a Periodic,
    index: usize,
    params: &'a [T],
    inputs: &'a [T],
    dy: &'a [T],
    gradient: &'a mut [T],
}

impl<T: Float> Op for AddGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (settings, len) = (&self.periodic.settings, self.periodic.part());
        let part = Part::new(self.periodic, &self.params[self.index * len..][..len]);
        let gradient = Part::new_mut(self.periodic, self.gradient);
        let (inputs, frequencies, width) = (settings.inputs, settings.frequencies, settings.width);
        let rows = self.dy.chunks_exact(inputs * width);
        for (sample, dy) in self.inputs.chunks_exact(inputs).zip(rows) {
            let x = sample[self.index];
            let dy = &dy[self.index * width..][..width - 1];
            super::super::add(gradient.bias, dy);
            for first in (0..frequencies).step_by(BLOCK) {
                let angles = part.angles(first, x);
                let (cosines, sines) = (cosines(&angles), sines(&angles));
                let rows = gradient.weights.chunks_exact_mut(frequencies);
                for (row, &dy) in rows.zip(dy) {
                    for (g, &cosine) in row[first..].iter_mut().zip(&cosines) {
                        *g += dy * cosine;
                    }
                }
                let back = part.back(first, dy);
                let d_angles: [T; BLOCK] = core::array::from_fn(|j| -(sines[j] * back[j]));
                for (g, &d) in gradient.phases[first..].iter_mut().zip(&d_angles) {
                    *g += d;
                }
                let factor = T::from_f64(TAU) * x;
                for (g, &d) in gradient.rates[first..].iter_mut().zip(&d_angles) {
                    *g += factor * d;
                }
            }
        }
    }
}

instantiate! {
    pub(super) fn add_input_gradient<T>(
        periodic: &Periodic, params: &[T], inputs: &[T], dy: &[T], gradient: &mut [T],
    ) {
        simd::dispatch(AddInputGradient { periodic, params, inputs, dy, gradient });
    }
}

struct AddInputGradient<'a, T> {
    periodic: &'a Periodic,
    params: &'a [T],
    inputs: &'a [T],
    dy: &'a [T],
    gradient: &'a mut [T],
}

impl<T: Float> Op for AddInputGradient<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let (settings, len) = (&self.periodic.settings, self.periodic.part());
        let samples = self.inputs.iter().zip(self.dy.chunks_exact(settings.width));
        let parts = self.params.chunks_exact(len).cycle();
        for (((&x, dy), params), gradient) in samples.zip(parts).zip(self.gradient) {
            let part = Part::new(self.periodic, params);
            let mut sum = dy[settings.width - 1];
            for first in (0..settings.frequencies).step_by(BLOCK) {
                let sines = sines(&part.angles(first, x));
                let back = part.back(first, &dy[..settings.width - 1]);
                let rates = block(&part.rates[first..]);
                for j in 0..BLOCK {
                    sum -= (sines[j] * back[j]) * (T::from_f64(TAU) * rates[j]);
                }
            }
            *gradient += sum;
        }
    }
}
