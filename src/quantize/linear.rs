//! Weights and biases of a layer in integers.

use alloc::vec::Vec;

use super::compensate::Moments;
use super::owned::OwnedLayer;
use super::quantizer::Quantizer;
use super::range::{Affine, Integers, RangeRule, round};
use super::table::table;
use super::{Multiplier, Rounding};
use crate::error::Result;
use crate::memory;

/// Number of scales that are tried for a row of weights.
const WEIGHT_TRIALS: u32 = 20;

/// Meaning of a layer's input integers: x = (q - zero point) · scale.
pub(super) struct Source {
    pub(super) scales: Vec<f64>,
    pub(super) zero_points: Vec<f64>,
    pub(super) integers: Integers,
}

impl Source {
    /// Returns the meaning of a layer's outputs.
    pub(super) fn of(layer: &OwnedLayer) -> Self {
        let outputs = layer.outputs();
        Self {
            scales: (0..outputs).map(|output| layer.scale(output)).collect(),
            zero_points: alloc::vec![layer.outputs.zero_point.into(); outputs],
            integers: layer.outputs.integers,
        }
    }

    /// Returns the largest magnitude of an integer.
    pub(super) fn largest(&self) -> f64 {
        -f64::from(self.integers.0)
    }

    /// Returns a row's bias in units of its scale, with the zero points of its integers.
    fn bias(&self, bias: f64, scale: f64, row: &[i8]) -> f64 {
        let zero_points = row.iter().zip(&self.zero_points);
        zero_points.fold(bias / scale, |bias, (&w, zero_point)| {
            bias - f64::from(w) * zero_point
        })
    }

    /// Returns `true` if sums of a row fit int32, and if there are any.
    fn fit(&self, bias: f64, scale: f64, row: &[i8]) -> bool {
        let weights: f64 = row.iter().map(|&w| f64::from(w).abs()).sum();
        let bound = self.bias(bias, scale, row).abs() + self.largest() * weights;
        scale > 0.0 && weights > 0.0 && bound <= 0.98 * f64::from(i32::MAX)
    }

    /// Returns the smallest scale of a row at which sums fit int32.
    fn smallest_scale(&self, biases: [f64; 2], row: &[f64]) -> f64 {
        let bias = biases[0].abs().max(biases[1].abs());
        // Each weight is rounded up by at most a half.
        let rounding = self.largest() * (0.5 * row.len() as f64 + 1.0);
        // Corrections of weights and biases need a little room.
        let room = 0.98 * f64::from(i32::MAX) - rounding;
        let weights: f64 = row.iter().map(|w| w.abs()).sum();
        let smallest = (bias + self.largest() * weights) / room.max(1.0);
        // Biases of int8 stay far below, as their integers depend on it.
        let largest_bias = if self.integers == Integers::INT8 {
            1 << 24
        } else {
            1 << 30
        };
        smallest.max(bias / f64::from(largest_bias))
    }
}

/// A layer without its output stage.
pub(super) struct Linear {
    weights: Vec<i8>,
    /// In units of the accumulators, before rounding.
    biases: Vec<f64>,
    /// Pre-activation of one unit of the accumulators.
    scales: Vec<f64>,
    rounding: Rounding,
    /// Largest magnitude of an input.
    largest: f64,
}

impl Linear {
    /// Changes the biases so that the mean pre-activations on samples are these.
    pub(super) fn correct(&mut self, means: &[f64], integers: &[i16]) {
        let width = self.weights.len() / self.biases.len();
        let samples = (integers.len() / width) as f64;
        let mut inputs = alloc::vec![0_i64; width];
        for row in integers.chunks_exact(width) {
            for (sum, &q) in inputs.iter_mut().zip(row) {
                *sum += i64::from(q);
            }
        }
        let rows = self.weights.chunks_exact(width).zip(means);
        for (bias, ((row, mean), scale)) in self.biases.iter_mut().zip(rows.zip(&self.scales)) {
            let terms = row.iter().zip(&inputs);
            let sum: i64 = terms.map(|(&w, &x)| i64::from(w) * x).sum();
            *bias = mean / scale - sum as f64 / samples;
        }
    }

    /// Completes a layer whose activation limits its argument.
    ///
    /// Outputs may have factors of the scale.
    pub(super) fn clamped(mut self, y: Affine, limits: [f64; 2], factors: Vec<f32>) -> OwnedLayer {
        let [min, max] = limits.map(|limit| y.quantize(limit));
        for (scale, &factor) in self.scales.iter_mut().zip(&factors) {
            *scale /= f64::from(factor);
        }
        OwnedLayer {
            min,
            max,
            factors,
            ..self.scaled(y)
        }
    }

    /// Completes a layer whose activation is a table.
    pub(super) fn with_table(self, z: Affine, y: Affine, f: impl Fn(f64) -> f64) -> OwnedLayer {
        OwnedLayer {
            table: Some(table(z, y, f)),
            outputs: y,
            ..self.scaled(z)
        }
    }

    /// Completes a last layer with int32 outputs, whose scale is a power of two.
    pub(super) fn wide(self, limits: [f64; 2]) -> OwnedLayer {
        let width = self.weights.len() / self.biases.len();
        let rows = self.weights.chunks_exact(width).zip(&self.biases);
        let bounds = rows.zip(&self.scales).map(|((row, bias), scale)| {
            let weights: i64 = row.iter().map(|&w| i64::from(w).abs()).sum();
            (bias.abs() + 1.0 + self.largest * weights as f64) * scale
        });
        let bound = bounds.fold(0.0, f64::max).max(f64::from(f32::MIN_POSITIVE));
        // Outputs stay below 2^30.
        let mut scale = 1.0;
        while bound / scale >= (1 << 30) as f64 {
            scale *= 2.0;
        }
        while bound / scale < (1 << 29) as f64 {
            scale *= 0.5;
        }
        let y = Affine {
            scale,
            zero_point: 0,
            integers: Integers::INT32,
        };
        let [min, max] = limits.map(|limit| round(limit / scale) as i32);
        OwnedLayer {
            min,
            max,
            ..self.scaled(y)
        }
    }

    /// Completes a layer whose outputs before any table have this scale.
    fn scaled(self, y: Affine) -> OwnedLayer {
        let quotients = self.scales.iter().map(|scale| scale / y.scale);
        let multipliers: Vec<_> = quotients
            .map(|m| Multiplier::new(m).unwrap_or(LARGEST))
            .collect();
        OwnedLayer {
            biases: self.biases.iter().map(|&bias| round(bias) as i32).collect(),
            multipliers: multipliers.iter().map(|m| m.multiplier).collect(),
            shifts: multipliers.iter().map(|m| m.shift).collect(),
            weights: self.weights,
            rounding: self.rounding,
            zero_point: y.zero_point,
            min: y.integers.0,
            max: y.integers.1,
            table: None,
            outputs: y,
            factors: Vec::new(),
        }
    }
}

/// The largest multiplier. Its products are the largest integers.
const LARGEST: Multiplier = Multiplier {
    multiplier: i32::MAX,
    shift: 30,
};

impl Quantizer {
    /// Quantizes weights and biases of a layer.
    pub(super) fn linear(
        &self,
        (weights, biases): (&[f32], &[f32]),
        from: &Source,
        moments: Option<&Moments<'_>>,
    ) -> Result<Linear> {
        let width = from.scales.len();
        let largest = f64::from((1_i32 << (self.weight_bits - 1)) - 1);
        let mut linear = Linear {
            weights: memory::filled("quantized weights", 0, weights.len())?,
            biases: memory::filled("quantized biases", 0.0, biases.len())?,
            scales: memory::filled("scales", 0.0, biases.len())?,
            rounding: self.rounding,
            largest: from.largest(),
        };
        let rows = weights.chunks_exact(width).zip(biases);
        let targets = linear.weights.chunks_exact_mut(width);
        let targets = targets.zip(linear.biases.iter_mut().zip(&mut linear.scales));
        let mut scaled = memory::filled("scaled weights", 0.0, width)?;
        for (index, ((row, &bias), (to, (to_bias, to_scale)))) in rows.zip(targets).enumerate() {
            let mut at_zero = f64::from(bias);
            for (at, &w) in row.iter().enumerate() {
                scaled[at] = f64::from(w) * from.scales[at];
                at_zero -= scaled[at] * from.zero_points[at];
            }
            let smallest = from.smallest_scale([bias.into(), at_zero], &scaled);
            let scale = self.row_scale(&scaled, largest).max(smallest);
            let mut compensated = None;
            if let Some(moments) = moments {
                let scale = moments.round((index, &scaled), (smallest, largest), to);
                compensated = from.fit(bias.into(), scale, to).then_some(scale);
            }
            let scale = compensated.unwrap_or(scale);
            let scale = if scale > 0.0 { scale } else { 1.0 };
            if compensated.is_none() {
                for (to, w) in to.iter_mut().zip(&scaled) {
                    *to = round(w / scale).clamp(-largest, largest) as i8;
                }
            }
            *to_scale = scale;
            *to_bias = from.bias(bias.into(), scale, to);
        }
        Ok(linear)
    }

    /// Returns the scale of a row of weights.
    fn row_scale(&self, row: &[f64], largest: f64) -> f64 {
        let whole = row.iter().fold(0.0, |most: f64, w| most.max(w.abs())) / largest;
        if self.range != RangeRule::MeanSquaredError || whole == 0.0 {
            return whole;
        }
        let mut best = (f64::INFINITY, whole);
        for trial in 0..=WEIGHT_TRIALS {
            let scale = whole * (1.0 - 0.5 * f64::from(trial) / f64::from(WEIGHT_TRIALS));
            let errors = row.iter().map(|w| {
                let error = w - round(w / scale).clamp(-largest, largest) * scale;
                error * error
            });
            let error = errors.sum();
            if error < best.0 {
                best = (error, scale);
            }
        }
        best.1
    }
}
