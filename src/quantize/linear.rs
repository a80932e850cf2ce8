//! Weights and biases of a layer in integers.

use alloc::vec::Vec;

use super::compensate::Moments;
use super::incoming::Source;
use super::owned::OwnedLayer;
use super::quantizer::Quantizer;
use super::range::{Affine, Integers, RangeRule, round};
use super::table::table;
use super::{Multiplier, Rounding};
use crate::error::Result;
use crate::memory;
use crate::simd::{self, Op, Simd};

/// Number of scales that are tried for a row of weights.
const WEIGHT_TRIALS: u32 = 20;

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
    /// Writes the numbers that the integers stand for, as weights and biases. `given` are the
    /// biases before rounding.
    pub(super) fn write(
        &self,
        from: &Source,
        given: &[f32],
        (weights, biases): (&mut [f32], &mut [f32]),
    ) {
        let width = from.scales.len();
        let rows = self.weights.chunks_exact(width).zip(&self.scales);
        for (to, (row, &scale)) in weights.chunks_exact_mut(width).zip(rows) {
            simd::dispatch(Expand {
                row,
                from: &from.scales,
                scale,
                to,
            });
        }
        let rows = self.biases.iter().zip(&self.scales).zip(given);
        for (to, ((&bias, &scale), &given)) in biases.iter_mut().zip(rows) {
            // The second term is the part of the inputs' zero points.
            let whole = round(bias) + (f64::from(given) / scale - bias);
            *to = (whole * scale) as f32;
        }
    }

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
    pub(super) fn clamped(mut self, y: Affine, limits: [f64; 2], factors: &[f32]) -> OwnedLayer {
        let [min, max] = limits.map(|limit| y.quantize(limit));
        for (scale, &factor) in self.scales.iter_mut().zip(factors) {
            *scale /= f64::from(factor);
        }
        OwnedLayer {
            min,
            max,
            factors: factors.to_vec(),
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
    /// Quantizes weights and biases of a layer. With moments of its inputs, errors of weights
    /// compensate each other.
    pub(super) fn linear(
        &self,
        (weights, biases): (&[f32], &[f32]),
        from: &Source,
        moments: Option<&Moments<'_>>,
    ) -> Result<Linear> {
        let scales = self.row_scales(weights, biases, from)?;
        let mut linear = self.linear_with(weights, biases, from, scales)?;
        if let Some(moments) = moments {
            self.compensate(&mut linear, (weights, biases), from, moments)?;
        }
        Ok(linear)
    }

    /// Replaces rows of weights by those whose errors compensate each other, if their sums fit.
    fn compensate(
        &self,
        linear: &mut Linear,
        (weights, biases): (&[f32], &[f32]),
        from: &Source,
        moments: &Moments<'_>,
    ) -> Result<()> {
        let width = from.scales.len();
        let mut scaled = memory::filled("scaled weights", 0.0, width)?;
        let mut integers = memory::filled("quantized weights", 0, width)?;
        let rows = weights.chunks_exact(width).zip(biases);
        for (index, (row, &bias)) in rows.enumerate() {
            let bias = f64::from(bias);
            let at_zero = from.scale(row, bias, &mut scaled);
            let smallest = from.smallest_scale([bias, at_zero], &scaled);
            let limits = (smallest, self.largest());
            let scale = moments.round((index, &scaled), limits, &mut integers);
            if from.fit(bias, scale, &integers) {
                linear.weights[index * width..][..width].copy_from_slice(&integers);
                linear.scales[index] = scale;
                linear.biases[index] = from.bias(bias, scale, &integers);
            }
        }
        Ok(())
    }

    /// Quantizes weights and biases of a layer with these scales of its rows.
    pub(super) fn linear_with(
        &self,
        weights: &[f32],
        biases: &[f32],
        from: &Source,
        scales: Vec<f64>,
    ) -> Result<Linear> {
        let width = from.scales.len();
        let mut linear = Linear {
            weights: memory::filled("quantized weights", 0, weights.len())?,
            biases: memory::filled("quantized biases", 0.0, biases.len())?,
            scales,
            rounding: self.rounding,
            largest: from.largest(),
        };
        let rows = weights.chunks_exact(width).zip(biases);
        let targets = linear.weights.chunks_exact_mut(width);
        let targets = targets.zip(linear.biases.iter_mut().zip(&linear.scales));
        for ((row, &bias), (to, (to_bias, &scale))) in rows.zip(targets) {
            // The integers' zero points are those of the rounded weights.
            let zero_points = simd::dispatch(Round {
                row,
                from,
                scale,
                largest: self.largest(),
                to,
            });
            *to_bias = f64::from(bias) / scale - zero_points;
        }
        Ok(linear)
    }

    /// Returns the largest integer of a weight.
    pub(super) fn largest(&self) -> f64 {
        f64::from((1_i32 << (self.weight_bits - 1)) - 1)
    }

    /// Returns the scale of each row of a layer.
    pub(super) fn row_scales(
        &self,
        weights: &[f32],
        biases: &[f32],
        from: &Source,
    ) -> Result<Vec<f64>> {
        let width = from.scales.len();
        let mut scales = memory::filled("scales", 0.0, biases.len())?;
        let mut scaled = memory::filled("scaled weights", 0.0, width)?;
        let rows = weights.chunks_exact(width).zip(biases);
        for ((row, &bias), to) in rows.zip(&mut scales) {
            let bias = f64::from(bias);
            let at_zero = from.scale(row, bias, &mut scaled);
            let smallest = from.smallest_scale([bias, at_zero], &scaled);
            let scale = self.row_scale(&scaled, self.largest()).max(smallest);
            let most = bias.abs().max(at_zero.abs());
            let scale = from.fitting_scale(scale, most, &scaled, self.largest());
            *to = if scale > 0.0 { scale } else { 1.0 };
        }
        Ok(scales)
    }

    /// Returns the scale of a row of weights.
    pub(super) fn row_scale(&self, row: &[f64], largest: f64) -> f64 {
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

/// Rounds a row of weights to integers, and returns their product with the zero points.
struct Round<'a> {
    row: &'a [f32],
    from: &'a Source,
    scale: f64,
    largest: f64,
    to: &'a mut [i8],
}

/// Number of partial sums.
const LANES: usize = 8;

impl Op for Round<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> f64 {
        let row = self.row.iter().zip(&self.from.scales);
        for (to, (&w, from)) in self.to.iter_mut().zip(row) {
            let x = f64::from(w) * from / self.scale;
            *to = integer(x.clamp(-self.largest, self.largest));
        }
        let mut sums = [0.0; LANES];
        let (eights, rest) = self.to.as_chunks::<LANES>();
        let (zero_points, last) = self.from.zero_points.as_chunks::<LANES>();
        for (eight, zero_points) in eights.iter().zip(zero_points) {
            for ((sum, q), zero_point) in sums.iter_mut().zip(eight).zip(zero_points) {
                *sum += f64::from(*q) * zero_point;
            }
        }
        let rest = rest.iter().zip(last).map(|(q, z)| f64::from(*q) * z);
        sums.into_iter().chain(rest).sum()
    }
}

/// Returns the nearest integer of a number within i8, away from zero if two are. It is quicker than
/// `round`, as it needs no branch and no function call.
#[inline(always)]
fn integer(x: f64) -> i8 {
    // The neighbors of this number are 1 apart, and its lowest bits are 0.
    const ROUNDING: f64 = 6_755_399_441_055_744.0;
    // Ties become even integers first.
    let even = (x + ROUNDING) - ROUNDING;
    let difference = x - even;
    let up = if difference == 0.5 && x > 0.0 {
        1.0
    } else {
        0.0
    };
    let down = if difference == -0.5 && x < 0.0 {
        1.0
    } else {
        0.0
    };
    (even + (up - down) + ROUNDING).to_bits() as i8
}

/// Returns integers of weights to numbers.
struct Expand<'a> {
    row: &'a [i8],
    from: &'a [f64],
    scale: f64,
    to: &'a mut [f32],
}

impl Op for Expand<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (to, (&q, from)) in self.to.iter_mut().zip(self.row.iter().zip(self.from)) {
            *to = (f64::from(q) * self.scale / from) as f32;
        }
    }
}
