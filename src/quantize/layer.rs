//! One layer in integers.

use super::{Multiplier, Rounding};
use crate::error::{Error, Result};
use crate::simd::{Op, Simd};

/// One layer of a [`QuantizedMlpRef`](super::QuantizedMlpRef).
///
/// With int8 or int16 inputs x it computes, for each output r:
///
/// ```text
/// a = biases[r] + Σ weights[r][c] · x[c]
/// y = clamp(zero_point + M[r] · a, min, max)       M[r] = multipliers[r] · 2^(shifts[r] - 31)
/// ```
///
/// [`Multiplier::apply`] defines the product M · a. A [table](QuantizedTable) then replaces y.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantizedLayer<'a> {
    /// Row-major `[outputs x inputs]`.
    pub weights: &'a [i8],
    /// A bias for each output. It contains the part of the inputs' zero point.
    pub biases: &'a [i32],
    /// One multiplier for each output, or one for all.
    pub multipliers: &'a [i32],
    /// As many shifts as multipliers.
    pub shifts: &'a [i8],
    /// Rounding of the products M · a.
    pub rounding: Rounding,
    /// Output for the number 0, before the table.
    pub zero_point: i32,
    /// Minimum of an output, before the table. The table or the next layer limits it.
    pub min: i32,
    /// Maximum of an output, before the table. The table or the next layer limits it.
    pub max: i32,
    /// Activation function. `None` if the clamp is the activation.
    pub table: Option<QuantizedTable<'a>>,
}

/// The activation function of a [`QuantizedLayer`]: its output for each integer y in front of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QuantizedTable<'a> {
    /// The output is `table[y + 128]`, for y of int8.
    Int8(&'a [i8; 256]),
    /// Outputs for y = -32768, -32640, ..., 32640 and 32768. Those in between lie on straight
    /// lines, as in the int16 tables of TFLite:
    ///
    /// ```text
    /// i = 256 + (y >> 7)
    /// output = table[i] + (((table[i + 1] - table[i]) · (y & 127) + 64) >> 7)
    /// ```
    Int16(&'a [i16; 513]),
}

impl QuantizedTable<'_> {
    /// Returns the number of bytes.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Int8(table) => size_of_val(*table),
            Self::Int16(table) => size_of_val(*table),
        }
    }
}

/// Returns the output of a table of int16 for y.
#[inline(always)]
pub(super) fn interpolated(table: &[i16; 513], y: i32) -> i32 {
    let at = (256 + (y >> 7)) as usize & 511;
    let (start, end) = (i32::from(table[at]), i32::from(table[at + 1]));
    start + (((end - start) * (y & 127) + 64) >> 7)
}

/// Fault of a layer.
pub(super) enum Fault {
    Weights,
    Multipliers,
    Multiplier,
    Range,
    Overflow,
}

impl Fault {
    pub(super) const fn message(&self) -> &'static str {
        match self {
            Self::Weights => "as many weights as inputs times biases, and at least one",
            Self::Multipliers => "as many multipliers and shifts as biases, or one of each",
            Self::Multiplier => "multipliers of 0 or from 2^30, and shifts from -31 to 30",
            Self::Range => {
                "min <= max, within int8 in front of its table, and within int16 in front of a \
                 layer or the other table"
            }
            Self::Overflow => "accumulators that i32 can hold: smaller biases, or fewer inputs",
        }
    }

    pub(super) fn error(&self, layer: usize) -> Error {
        let what = "layer of a quantized network";
        Error::incompatible(what, self.message(), alloc::format!("layer {layer}"))
    }
}

impl QuantizedLayer<'_> {
    /// Returns the number of outputs.
    pub const fn outputs(&self) -> usize {
        self.biases.len()
    }

    /// Returns what is wrong with the layer, if it has this many inputs of at most a magnitude.
    pub(super) const fn fault(
        &self,
        (inputs, largest): (usize, i64),
        is_last: bool,
    ) -> Option<Fault> {
        let outputs = self.outputs();
        if inputs == 0 || outputs == 0 || inputs.saturating_mul(outputs) != self.weights.len() {
            return Some(Fault::Weights);
        }
        let count = self.multipliers.len();
        if count != self.shifts.len() || (count != 1 && count != outputs) {
            return Some(Fault::Multipliers);
        }
        let mut index = 0;
        while index < count {
            let (multiplier, shift) = (self.multipliers[index], self.shifts[index]);
            if (multiplier != 0 && multiplier < 1 << 30) || shift < -31 || shift > 30 {
                return Some(Fault::Multiplier);
            }
            index += 1;
        }
        let [min, max] = match self.table {
            Some(QuantizedTable::Int8(_)) => [-128, 127],
            None if is_last => [i32::MIN, i32::MAX],
            _ => [-32768, 32767],
        };
        if self.min > self.max || self.min < min || self.max > max {
            return Some(Fault::Range);
        }
        let mut row = 0;
        while row < outputs {
            if self.bound(row, (inputs, largest)) > i32::MAX as i64 {
                return Some(Fault::Overflow);
            }
            row += 1;
        }
        None
    }

    /// Returns a bound of an accumulator's magnitude.
    const fn bound(&self, row: usize, (inputs, largest): (usize, i64)) -> i64 {
        let bias = (self.biases[row] as i64).abs();
        // This bound needs no look at the weights, which takes long in a constant.
        let bound = bias.saturating_add((inputs as i64).saturating_mul(128 * largest));
        if bound <= i32::MAX as i64 {
            return bound;
        }
        let (mut sum, mut column) = (bias, 0);
        while column < inputs {
            sum += largest * (self.weights[row * inputs + column] as i64).abs();
            column += 1;
        }
        sum
    }

    /// Returns the largest magnitude of an output that is an input of another layer.
    pub(super) const fn largest(&self) -> i64 {
        let [min, max] = self.limits();
        let (below, above) = ((min as i64).abs(), (max as i64).abs());
        if below > above { below } else { above }
    }

    /// Returns minimum and maximum of outputs.
    pub(super) const fn limits(&self) -> [i32; 2] {
        match self.table {
            None => [self.min, self.max],
            Some(QuantizedTable::Int8(_)) => [-128, 127],
            Some(QuantizedTable::Int16(_)) => [-32768, 32767],
        }
    }

    /// Replaces the accumulators of rows from `first` on by their outputs.
    #[inline(always)]
    fn finish(&self, first: usize, sums: &mut [i32]) {
        // Loops of a few numbers each, which a small chip keeps in its registers.
        if let ([multiplier], [shift]) = (self.multipliers, self.shifts) {
            for sum in &mut *sums {
                *sum = self.limited(*sum, *multiplier, *shift);
            }
        } else {
            let rows = first..first + sums.len();
            let multipliers = &self.multipliers[rows.clone()];
            let shifts = &self.shifts[rows];
            for ((sum, multiplier), shift) in sums.iter_mut().zip(multipliers).zip(shifts) {
                *sum = self.limited(*sum, *multiplier, *shift);
            }
        }
        self.look_up(sums);
    }

    /// Replaces the sums of products of one row and several samples by their outputs.
    #[inline(always)]
    pub(super) fn finish_row<const N: usize>(&self, row: usize, sums: &mut [i32; N]) {
        let at = if self.multipliers.len() == 1 { 0 } else { row };
        let (multiplier, shift) = (self.multipliers[at], self.shifts[at]);
        let bias = self.biases[row];
        for sum in sums.iter_mut() {
            *sum = self.limited(*sum + bias, multiplier, shift);
        }
        self.look_up(sums);
    }

    /// Applies the table, if there is one.
    #[inline(always)]
    fn look_up(&self, sums: &mut [i32]) {
        match self.table {
            None => {}
            Some(QuantizedTable::Int8(table)) => {
                for sum in sums {
                    *sum = i32::from(table[(*sum + 128) as usize & 255]);
                }
            }
            Some(QuantizedTable::Int16(table)) => {
                for sum in sums {
                    *sum = interpolated(table, *sum);
                }
            }
        }
    }

    /// Returns the output for an accumulator, in front of the table.
    #[inline(always)]
    fn limited(&self, sum: i32, multiplier: i32, shift: i8) -> i32 {
        let scaled = Multiplier { multiplier, shift }.scaled(sum, self.rounding);
        let integer = scaled.saturating_add(self.zero_point);
        integer.max(self.min).min(self.max)
    }

    /// Checks the layer.
    pub(super) fn check(&self, index: usize, inputs: (usize, i64), is_last: bool) -> Result<()> {
        match self.fault(inputs, is_last) {
            None => Ok(()),
            Some(fault) => Err(fault.error(index)),
        }
    }
}

/// The place of a layer's outputs.
pub(super) enum Outputs<'a> {
    /// int16, or inputs of the next layer.
    Int16(&'a mut [i16]),
    Int8(&'a mut [i8]),
    Int32(&'a mut [i32]),
    /// Numbers, with their scale and zero point.
    Float(&'a mut [f32], f32, i32),
}

/// One layer for one sample.
pub(super) struct Forward<'a> {
    pub(super) layer: QuantizedLayer<'a>,
    /// int8 or int16 numbers, widened once for all rows.
    pub(super) inputs: &'a [i16],
    pub(super) outputs: Outputs<'a>,
}

/// Number of rows that share their loads of inputs.
pub(super) const ROWS: usize = 4;

/// Number of rows whose sums are finished together.
const BLOCK: usize = 8 * ROWS;

impl Op for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) {
        let width = self.inputs.len();
        let mut sums = [0; BLOCK];
        let mut first = 0;
        for weights in self.layer.weights.chunks(BLOCK * width) {
            let sums = &mut sums[..weights.len() / width];
            sums.copy_from_slice(&self.layer.biases[first..first + sums.len()]);
            let (fours, others) = sums.as_chunks_mut::<ROWS>();
            let (of_fours, of_others) = weights.split_at(fours.len() * ROWS * width);
            for (sums, rows) in fours.iter_mut().zip(of_fours.chunks_exact(ROWS * width)) {
                add_products(self.inputs, rows, sums);
            }
            for (sum, row) in others.iter_mut().zip(of_others.chunks_exact(width)) {
                *sum += product(self.inputs, row);
            }
            self.layer.finish(first, sums);
            self.write(first, sums);
            first += sums.len();
        }
    }
}

impl Forward<'_> {
    #[inline(always)]
    fn write(&mut self, first: usize, integers: &[i32]) {
        match &mut self.outputs {
            Outputs::Int16(to) => {
                for (to, q) in to[first..].iter_mut().zip(integers) {
                    *to = *q as i16;
                }
            }
            Outputs::Int8(to) => {
                for (to, q) in to[first..].iter_mut().zip(integers) {
                    *to = *q as i8;
                }
            }
            Outputs::Int32(to) => to[first..first + integers.len()].copy_from_slice(integers),
            Outputs::Float(to, scale, zero_point) => {
                for (to, q) in to[first..].iter_mut().zip(integers) {
                    *to = q.saturating_sub(*zero_point) as f32 * *scale;
                }
            }
        }
    }
}

#[cfg(all(feature = "arm-dsp", target_arch = "arm"))]
use crate::simd::arm::add_products;

/// Adds the products of four rows with the inputs to their sums.
#[cfg(not(all(feature = "arm-dsp", target_arch = "arm")))]
#[inline(always)]
fn add_products(inputs: &[i16], rows: &[i8], sums: &mut [i32; ROWS]) {
    for (sum, product) in sums.iter_mut().zip(products(inputs, rows)) {
        *sum += product;
    }
}

/// Returns the products of four rows with the inputs.
// A chip with few registers needs all of them for this loop. Others compile it for each set.
#[cfg(not(all(feature = "arm-dsp", target_arch = "arm")))]
#[cfg_attr(any(target_arch = "arm", target_arch = "riscv32"), inline(never))]
#[cfg_attr(not(any(target_arch = "arm", target_arch = "riscv32")), inline(always))]
fn products(inputs: &[i16], rows: &[i8]) -> [i32; ROWS] {
    let width = inputs.len();
    let (first, rest) = rows.split_at(width);
    let (second, rest) = rest.split_at(width);
    let (third, fourth) = rest.split_at(width);
    let mut sums = [0; ROWS];
    for ((((&x, &a), &b), &c), &d) in inputs.iter().zip(first).zip(second).zip(third).zip(fourth) {
        sums[0] += i32::from(x) * i32::from(a);
        sums[1] += i32::from(x) * i32::from(b);
        sums[2] += i32::from(x) * i32::from(c);
        sums[3] += i32::from(x) * i32::from(d);
    }
    sums
}

/// Returns the product of a row with the inputs.
#[inline(always)]
fn product(inputs: &[i16], row: &[i8]) -> i32 {
    let mut sum = 0;
    for (&x, &w) in inputs.iter().zip(row) {
        sum += i32::from(x) * i32::from(w);
    }
    sum
}
