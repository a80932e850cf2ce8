//! Samples and their outputs, with which generated source checks itself.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::language::{Language, literal};
use super::layers::float;
use crate::activation::{self, Sine};
use crate::float::Float;
use crate::math::trig;
use crate::mlp::Mlp;

/// Number of samples to try.
const SAMPLES: usize = 4;

/// Samples with their outputs, row by row.
pub(super) struct Examples<T> {
    widths: (usize, usize),
    inputs: Vec<T>,
    outputs: Vec<T>,
}

impl<T: Float> Examples<T> {
    /// Returns the samples whose outputs are finite. Inputs are zeros in the first sample, and in
    /// the others multiples of 1/4 from -2 to 2.
    pub(super) fn of(net: &Mlp<T>) -> Self {
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for sample in 0..SAMPLES {
            let value = |i: usize| (sample * (7 * i + 5) * (i + 3) % 17) as f64 / 4.0 - 2.0;
            let x = (0..net.inputs()).map(|i| match sample {
                0 => T::zero(),
                _ => T::from_f64(value(i)),
            });
            let x: Vec<_> = x.collect();
            if let Some(y) = predict(net, &x) {
                inputs.extend(x);
                outputs.extend(y);
            }
        }
        let widths = (net.inputs(), net.outputs());
        Self {
            widths,
            inputs,
            outputs,
        }
    }

    /// Returns the number of samples.
    pub(super) fn len(&self) -> usize {
        self.outputs.len() / self.widths.1
    }

    /// Returns the definitions of inputs and outputs as arrays with these names.
    pub(super) fn arrays(&self, language: Language, indent: usize, names: (&str, &str)) -> String {
        let array = |name, width, numbers: &[T]| {
            let items: Vec<_> = numbers.iter().map(|&x| literal(language, x)).collect();
            language.array(indent, (name, float::<T>(language)), Some(width), &items)
        };
        let (inputs, outputs) = self.widths;
        array(names.0, inputs, &self.inputs) + &array(names.1, outputs, &self.outputs)
    }
}

/// Returns the outputs for one sample without fused multiply-add, on any instruction set.
///
/// It returns `None` if one is not finite, or if a sine would be the platform's.
fn predict<T: Float>(net: &Mlp<T>, x: &[T]) -> Option<Vec<T>> {
    let mut x = x.to_vec();
    for (at, activation) in net.layout().layers().iter().zip(net.activations()) {
        let params = net.params();
        let rows = params[at.weights.clone()].chunks_exact(at.inputs);
        let rows = rows.zip(&params[at.bias.clone()]);
        let z = rows.map(|(row, &bias)| {
            let products = row.iter().zip(&x).map(|(&w, &x)| x * w);
            products.fold(T::zero(), |sum, product| product + sum) + bias
        });
        let z: Vec<T> = z.collect();
        if let Some((Sine::NAME, omega)) = activation::built_in(&**activation) {
            let omega = T::from_f64(omega);
            let is_short = |z: &T| (omega * *z).abs() <= T::from_f64(trig::REDUCED);
            if !z.iter().all(is_short) {
                return None;
            }
        }
        let mut y = vec![T::zero(); at.outputs];
        activation.apply(&z, &mut y);
        if !at.alpha.is_empty() {
            activation::mix(&params[at.alpha.clone()], &z, &mut y);
        }
        x = y;
    }
    x.iter().all(|y| y.is_finite()).then_some(x)
}
