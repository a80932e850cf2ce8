//! Affine maps that imported files have beside their layers, and their folding into layers in f64.

use alloc::vec::Vec;

use crate::error::{Result, check_length};
use crate::float::Float;
use crate::math;

#[cfg(any(feature = "onnx", feature = "rtneural"))]
mod layers;

#[cfg(any(feature = "onnx", feature = "rtneural"))]
pub(crate) use layers::rounded;

/// A factor and an offset for each feature: y = factor · x + offset.
///
/// Both lists have one number for all features, or one for each.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Affine {
    pub(crate) factor: Vec<f64>,
    pub(crate) offset: Vec<f64>,
}

/// Learned numbers of a batch normalization, one for each feature, and its statistics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchNorm<'a> {
    /// γ. `None` stands for ones.
    pub(crate) gamma: Option<&'a [f64]>,
    /// β. `None` stands for zeros.
    pub(crate) beta: Option<&'a [f64]>,
    pub(crate) mean: &'a [f64],
    pub(crate) variance: &'a [f64],
    pub(crate) epsilon: f64,
}

/// Returns the number of a feature, of one number for all or one for each.
pub(crate) fn at(numbers: &[f64], index: usize) -> f64 {
    numbers[if numbers.len() == 1 { 0 } else { index }]
}

impl Affine {
    /// Returns y = γ·(x - mean) / √(variance + ε) + β as factors and offsets.
    ///
    /// The lists must have equal lengths.
    pub(crate) fn batch_norm(norm: BatchNorm<'_>) -> Result<Self> {
        let width = norm.mean.len();
        let learned = [norm.gamma, norm.beta].into_iter().flatten();
        for numbers in learned.chain([norm.variance]) {
            check_length("numbers of a batch normalization", numbers, width)?;
        }
        let number = |numbers: Option<&[f64]>, index: usize, default| {
            numbers.map_or(default, |numbers| numbers[index])
        };
        let scale = |index: usize| math::sqrt(norm.variance[index] + norm.epsilon);
        let factor = (0..width).map(|i| number(norm.gamma, i, 1.0) / scale(i));
        let factor: Vec<_> = factor.collect();
        let offset = (0..width).map(|i| number(norm.beta, i, 0.0) - norm.mean[i] * factor[i]);
        let offset = offset.collect();
        Ok(Self { factor, offset })
    }

    /// Returns the number of features, or 1 if the map has one number for all of them.
    pub(crate) fn width(&self) -> usize {
        self.factor.len().max(self.offset.len())
    }

    /// Appends another map of the outputs.
    pub(crate) fn then(&mut self, next: &Self) {
        let width = self.width().max(next.width());
        let both = |i| {
            let by = at(&next.factor, i);
            let offset = at(&self.offset, i) * by + at(&next.offset, i);
            (at(&self.factor, i) * by, offset)
        };
        (self.factor, self.offset) = (0..width).map(both).unzip();
    }

    /// Keeps the features of these indices.
    #[cfg(feature = "onnx")]
    pub(crate) fn pick(&mut self, columns: &[usize]) {
        for numbers in [&mut self.factor, &mut self.offset] {
            if numbers.len() > 1 {
                *numbers = columns.iter().map(|&index| numbers[index]).collect();
            }
        }
    }

    /// Returns `true` if folding these offsets of inputs into a layer costs few digits.
    pub(crate) fn is_precise<T: Float>(&self) -> bool {
        let most = if T::DOUBLE { 1e6 } else { 32.0 };
        self.offset.iter().all(|offset| offset.abs() <= most)
    }
}

/// A dense layer in f64, with row-major weights `[outputs x inputs]`.
#[derive(Clone, Debug)]
pub(crate) struct Dense {
    pub(crate) weights: Vec<f64>,
    pub(crate) bias: Vec<f64>,
    pub(crate) inputs: usize,
}

impl Dense {
    /// Appends a map of the outputs.
    pub(crate) fn then(&mut self, map: &Affine) {
        let rows = self.weights.chunks_exact_mut(self.inputs);
        for (index, (row, bias)) in rows.zip(&mut self.bias).enumerate() {
            let factor = at(&map.factor, index);
            for w in row {
                *w *= factor;
            }
            *bias = *bias * factor + at(&map.offset, index);
        }
    }

    /// Puts a map of the inputs in front.
    pub(crate) fn after(&mut self, map: &Affine) {
        let rows = self.weights.chunks_exact_mut(self.inputs);
        for (row, bias) in rows.zip(&mut self.bias) {
            for (index, w) in row.iter_mut().enumerate() {
                *bias += *w * at(&map.offset, index);
                *w *= at(&map.factor, index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn map(factor: &[f64], offset: &[f64]) -> Affine {
        Affine {
            factor: factor.to_vec(),
            offset: offset.to_vec(),
        }
    }

    #[test]
    fn maps_on_both_sides_become_a_part_of_a_layer() {
        let dense = Dense {
            weights: vec![1.0, 2.0, -3.0, 4.0],
            bias: vec![0.5, -0.5],
            inputs: 2,
        };
        let x = [0.25, -2.0];
        let product = |dense: &Dense, x: [f64; 2]| -> Vec<f64> {
            let rows = dense.weights.chunks(2).zip(&dense.bias);
            rows.map(|(w, b)| w[0] * x[0] + w[1] * x[1] + b).collect()
        };
        let (scale, shift) = (map(&[2.0, 0.5], &[1.0]), map(&[-1.0], &[3.0, 4.0]));
        let mut after = dense.clone();
        after.after(&scale);
        assert_eq!(product(&after, x), product(&dense, [1.5, 0.0]));
        let mut then = dense.clone();
        then.then(&shift);
        let y = product(&dense, x);
        assert_eq!(product(&then, x), [3.0 - y[0], 4.0 - y[1]]);
        let mut both = scale.clone();
        both.then(&shift);
        assert_eq!(both, map(&[-2.0, -0.5], &[2.0, 3.0]));
        assert_eq!(both.width(), 2);
    }

    #[test]
    fn a_batch_normalization_has_its_equation() {
        let norm = BatchNorm {
            gamma: Some(&[3.0]),
            beta: Some(&[1.0]),
            mean: &[2.0],
            variance: &[0.24],
            epsilon: 0.01,
        };
        assert_eq!(Affine::batch_norm(norm).unwrap(), map(&[6.0], &[-11.0]));
        let plain = BatchNorm {
            gamma: None,
            beta: None,
            ..norm
        };
        assert_eq!(Affine::batch_norm(plain).unwrap(), map(&[2.0], &[-4.0]));
        let short = BatchNorm {
            variance: &[],
            ..norm
        };
        assert!(Affine::batch_norm(short).is_err());
    }
}
