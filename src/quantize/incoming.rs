//! Meaning of the integers that come into a layer.

use alloc::vec::Vec;

use super::range::{Affine, Integers, round};

/// Largest sum. Corrections of weights and biases need a little room below the end of int32.
const ROOM: f64 = 0.98 * i32::MAX as f64;

/// Meaning of a layer's input integers: x = (q - zero point) · scale.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) scales: Vec<f64>,
    pub(super) zero_points: Vec<f64>,
    pub(super) integers: Integers,
}

impl Source {
    /// Returns the meaning of the inputs' integers.
    pub(super) fn of_inputs(factors: &[f32], offsets: &[f32], integers: Integers) -> Self {
        let scales = factors.iter().map(|&factor| 1.0 / f64::from(factor));
        Self {
            scales: scales.collect(),
            zero_points: offsets.iter().map(|&offset| offset.into()).collect(),
            integers,
        }
    }

    /// Returns the meaning of this many outputs of a layer, whose scales may have factors.
    pub(super) fn of(y: Affine, factors: &[f32], outputs: usize) -> Self {
        let factor = |at| {
            factors
                .get(at)
                .map_or(1.0, |&factor: &f32| f64::from(factor))
        };
        Self {
            scales: (0..outputs).map(|at| y.scale * factor(at)).collect(),
            zero_points: alloc::vec![y.zero_point.into(); outputs],
            integers: y.integers,
        }
    }

    /// Returns the largest magnitude of an integer.
    pub(super) fn largest(&self) -> f64 {
        -f64::from(self.integers.0)
    }

    /// Writes weights in units of the inputs' integers, and returns the pre-activation of zeros.
    pub(super) fn scale(&self, row: &[f32], bias: f64, to: &mut [f64]) -> f64 {
        let terms = row.iter().zip(&self.scales).zip(&self.zero_points);
        let mut at_zero = bias;
        for (to, ((&w, scale), zero_point)) in to.iter_mut().zip(terms) {
            *to = f64::from(w) * scale;
            at_zero -= *to * zero_point;
        }
        at_zero
    }

    /// Returns a row's bias in units of its scale, with the zero points of its integers.
    pub(super) fn bias(&self, bias: f64, scale: f64, row: &[i8]) -> f64 {
        let zero_points = row.iter().zip(&self.zero_points);
        zero_points.fold(bias / scale, |bias, (&w, zero_point)| {
            bias - f64::from(w) * zero_point
        })
    }

    /// Returns `true` if sums of a row fit int32, and if there are any.
    pub(super) fn fit(&self, bias: f64, scale: f64, row: &[i8]) -> bool {
        let weights: f64 = row.iter().map(|&w| f64::from(w).abs()).sum();
        let bound = self.bias(bias, scale, row).abs() + self.largest() * weights;
        scale > 0.0 && weights > 0.0 && bound <= ROOM
    }

    /// Returns a scale, not below this one, at which sums of rounded weights fit int32.
    pub(super) fn fitting_scale(&self, mut scale: f64, bias: f64, row: &[f64], most: f64) -> f64 {
        // Most weights are rounded down as often as up. Many small ones may all be rounded up.
        loop {
            let weights = row.iter().map(|w| round(w / scale).abs().min(most));
            let bound = bias.abs() / scale + self.largest() * weights.sum::<f64>();
            if !(bound > ROOM && bound.is_finite()) {
                return scale;
            }
            scale *= 1.02;
        }
    }

    /// Returns the smallest scale of a row at which sums fit int32, before weights are rounded.
    pub(super) fn smallest_scale(&self, biases: [f64; 2], row: &[f64]) -> f64 {
        let bias = biases[0].abs().max(biases[1].abs());
        let weights: f64 = row.iter().map(|w| w.abs()).sum();
        let smallest = (bias + self.largest() * weights) / ROOM;
        // Biases of int8 stay far below, as their integers depend on it.
        let largest_bias = if self.integers == Integers::INT8 {
            1 << 24
        } else {
            1 << 30
        };
        smallest.max(bias / f64::from(largest_bias))
    }
}
