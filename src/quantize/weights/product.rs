//! Products of weights in int8 and inputs in f32.

use crate::simd::Simd;

/// `true` for chips with few registers, which convert each weight where it is needed.
const IS_SMALL: bool = cfg!(any(target_arch = "arm", target_arch = "riscv32"));

/// Number of weights of a row that other processors convert together.
const COLUMNS: usize = 16;

/// Computes z = s (W x) + b for one sample. Each sum is a chain of fused multiply-adds. Several
/// chains run at once, because each step of a chain must wait for the previous one.
#[inline(always)]
pub(super) fn pre_activations<S: Simd>(
    inputs: &[f32],
    weights: &[i8],
    stage: (&[f32], &[f32]),
    z: &mut [f32],
) {
    if IS_SMALL {
        let done = rows::<4, true, S>(0, inputs, weights, stage, z);
        rows::<1, true, S>(done, inputs, weights, stage, z);
        return;
    }
    let done = rows::<8, false, S>(0, inputs, weights, stage, z);
    let done = rows::<4, false, S>(done, inputs, weights, stage, z);
    rows::<1, false, S>(done, inputs, weights, stage, z);
}

/// Computes all whole blocks of rows from row `first` on, and returns the row after the last block.
#[inline(always)]
fn rows<const ROWS: usize, const IS_SMALL: bool, S: Simd>(
    first: usize,
    inputs: &[f32],
    weights: &[i8],
    (scales, biases): (&[f32], &[f32]),
    z: &mut [f32],
) -> usize {
    let width = inputs.len();
    let blocks = weights[first * width..].chunks_exact(ROWS * width);
    let stages = scales[first..].chunks_exact(ROWS);
    let stages = stages.zip(biases[first..].chunks_exact(ROWS));
    let end = first + stages.len() * ROWS;
    for ((block, (scales, biases)), z) in blocks.zip(stages).zip(z[first..].chunks_exact_mut(ROWS))
    {
        let rows: [&[i8]; ROWS] = core::array::from_fn(|row| &block[row * width..][..width]);
        let sums = if IS_SMALL {
            narrow_products::<ROWS, S>(inputs, rows)
        } else {
            products::<ROWS, S>(inputs, rows)
        };
        for ((z, sum), (&scale, &bias)) in z.iter_mut().zip(sums).zip(scales.iter().zip(biases)) {
            *z = multiply_add::<S>(sum, scale, bias);
        }
    }
    end
}

/// Returns the products of rows of weights with the inputs.
#[inline(always)]
fn products<const ROWS: usize, S: Simd>(inputs: &[f32], rows: [&[i8]; ROWS]) -> [f32; ROWS] {
    let mut sums = [0.0; ROWS];
    let mut first = 0;
    for inputs in inputs.chunks(COLUMNS) {
        let mut numbers = [[0.0; COLUMNS]; ROWS];
        for (numbers, row) in numbers.iter_mut().zip(rows) {
            for (number, &weight) in numbers.iter_mut().zip(&row[first..][..inputs.len()]) {
                *number = f32::from(weight);
            }
        }
        for (column, &x) in inputs.iter().enumerate() {
            for (sum, numbers) in sums.iter_mut().zip(&numbers) {
                *sum = multiply_add::<S>(x, numbers[column], *sum);
            }
        }
        first += inputs.len();
    }
    sums
}

/// Returns the products of rows of weights with the inputs, column by column.
#[cfg_attr(any(target_arch = "arm", target_arch = "riscv32"), inline(never))]
#[cfg_attr(not(any(target_arch = "arm", target_arch = "riscv32")), inline(always))]
fn narrow_products<const ROWS: usize, S: Simd>(inputs: &[f32], rows: [&[i8]; ROWS]) -> [f32; ROWS] {
    let mut sums = [0.0; ROWS];
    if let ([a, b, c, d], [sum_a, sum_b, sum_c, sum_d]) = (&rows[..], &mut sums[..]) {
        for ((((&x, &a), &b), &c), &d) in inputs.iter().zip(*a).zip(*b).zip(*c).zip(*d) {
            *sum_a = multiply_add::<S>(x, a.into(), *sum_a);
            *sum_b = multiply_add::<S>(x, b.into(), *sum_b);
            *sum_c = multiply_add::<S>(x, c.into(), *sum_c);
            *sum_d = multiply_add::<S>(x, d.into(), *sum_d);
        }
        return sums;
    }
    for (sum, row) in sums.iter_mut().zip(rows) {
        for (&x, &weight) in inputs.iter().zip(row) {
            *sum = multiply_add::<S>(x, weight.into(), *sum);
        }
    }
    sums
}

#[inline(always)]
fn multiply_add<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if S::FUSED {
        num_traits::Float::mul_add(a, b, c)
    } else {
        a * b + c
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::rows;
    use crate::activation::Identity;
    use crate::mlp::Mlp;
    use crate::quantize::{Quantizer, WeightQuantizedMlpRef};
    use crate::simd::{self, InstructionSet, Op, Simd, on_every_set};

    /// The products of a layer in the way of small chips.
    struct Small<'a>(&'a WeightQuantizedMlpRef<'a>, &'a [f32], &'a mut [f32]);

    impl Op for Small<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, _: S) {
            let Self(net, x, z) = self;
            let stage = net.params().split_at(net.outputs());
            let done = rows::<4, true, S>(0, x, net.weights(), stage, z);
            rows::<1, true, S>(done, x, net.weights(), stage, z);
        }
    }

    /// The equation of [`WeightQuantizedMlpRef`], step by step.
    fn by_definition(net: &WeightQuantizedMlpRef<'_>, x: &[f32]) -> Vec<f32> {
        let is_fused = InstructionSet::active().is_fused();
        let multiply_add = |a: f32, b: f32, c: f32| {
            if is_fused { a.mul_add(b, c) } else { a * b + c }
        };
        let (scales, biases) = net.params().split_at(net.outputs());
        let rows = net.weights().chunks_exact(x.len());
        let rows = rows.zip(scales.iter().zip(biases));
        let outputs = rows.map(|(row, (&scale, &bias))| {
            let terms = row.iter().zip(x);
            let sum = terms.fold(0.0, |sum, (&q, &x)| multiply_add(x, q.into(), sum));
            multiply_add(sum, scale, bias)
        });
        outputs.collect()
    }

    #[test]
    fn sums_are_chains_in_index_order() {
        for (inputs, outputs) in [(1, 1), (3, 8), (16, 4), (17, 15), (70, 9), (33, 21)] {
            let mut net = Mlp::<f32>::builder(inputs)
                .output(outputs, Identity)
                .seed(inputs as u64)
                .build()
                .unwrap();
            for (index, bias) in net.layer_mut(0).unwrap().bias_mut().iter_mut().enumerate() {
                *bias = 0.3 * index as f32 - 1.1;
            }
            let quantized = Quantizer::new().quantize_weights(&net).unwrap();
            let view = WeightQuantizedMlpRef::from(&quantized);
            let samples: Vec<f32> = (0..3 * inputs).map(|i| (i as f32 * 0.7).sin()).collect();
            on_every_set(|| {
                let samples_of = || samples.chunks_exact(inputs);
                let expected = samples_of().flat_map(|x| by_definition(&view, x));
                let expected: Vec<f32> = expected.collect();
                let got = quantized.predict(&samples).unwrap();
                let mut small = vec![0.0; got.len()];
                for (x, z) in samples_of().zip(small.chunks_exact_mut(outputs)) {
                    simd::dispatch(Small(&view, x, z));
                }
                let bits =
                    |values: &[f32]| -> Vec<u32> { values.iter().map(|y| y.to_bits()).collect() };
                assert_eq!(bits(&got), bits(&expected), "{inputs} inputs");
                assert_eq!(bits(&small), bits(&expected), "{inputs} inputs");
            });
        }
    }
}
