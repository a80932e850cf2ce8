//! Targets in the units of a network's outputs, which are of type f32.
//!
//! Targets are standardized in double precision. So they may have any size and offset, such as that
//! of seconds since 1970, which f32 would round to minutes.

use alloc::vec::Vec;

use super::target::{Target, Targets, Task};
use crate::error::Result;
use crate::float::{is_rounding, unit_of};
use crate::math;
use crate::mlp::Mlp;
use crate::model::Scaler;
use crate::tabular_ref;

/// Maximum size of a target in units of the network. The square of a larger one overflows f32.
/// Only a held-out target can be so far from all training rows.
const MOST: f64 = 1e15;

/// Units of the outputs of one network.
#[derive(Clone, Debug)]
pub(super) struct Units {
    /// `None` for logits.
    pub(super) scaler: Option<Scaler<f64>>,
    /// Outputs whose target is constant in the training rows.
    constant: Vec<usize>,
}

impl Units {
    /// Fits the units on these rows: mean and deviation of numbers or their logarithms, or the mean
    /// rate of counts.
    pub(super) fn fit(target: &Target, targets: &Targets, rows: &[usize]) -> Result<Self> {
        let (mut offsets, mut scales, mut constant) = (Vec::new(), Vec::new(), Vec::new());
        match targets {
            Targets::Numbers(numbers) if target.task != Task::Labels => {
                let width = target.outputs();
                for output in 0..width {
                    let numbers = rows.iter().map(|&row| numbers[row * width + output]);
                    let (mean, deviation) = moments(numbers);
                    if deviation.is_none() {
                        constant.push(output);
                    }
                    offsets.push(mean);
                    scales.push(deviation.unwrap_or(1.0));
                }
            }
            Targets::Rates(rates, exposures) => {
                let mean = mean_rate(rows.iter().map(|&row| (rates[row], exposures[row])));
                offsets.push(if mean > 0.0 { math::ln(mean) } else { 0.0 });
                scales.push(1.0);
            }
            _ => {
                return Ok(Self {
                    scaler: None,
                    constant,
                });
            }
        }
        Ok(Self {
            scaler: Some(Scaler::from_parts(offsets, scales)?),
            constant,
        })
    }

    /// Returns a target in units of the network.
    pub(super) fn learned(&self, task: Task, output: usize, y: f64) -> f32 {
        let Some((offset, scale)) = part(self.scaler.as_ref(), output) else {
            return y as f32;
        };
        let difference = y - offset;
        let z = if task == Task::Counts {
            y / math::exp(offset)
        } else if difference.is_finite() {
            difference / scale
        } else {
            y / scale - offset / scale
        };
        z.clamp(-MOST, MOST) as f32
    }

    /// Makes outputs of constant targets zero, for any input.
    pub(super) fn settle(&self, net: &mut Mlp<f32>) -> Result<()> {
        if self.constant.is_empty() {
            return Ok(());
        }
        let mut last = net.layer_mut(net.depth().saturating_sub(1))?;
        let inputs = last.inputs();
        for &output in &self.constant {
            last.weights_mut()[output * inputs..][..inputs].fill(0.0);
            last.bias_mut()[output] = 0.0;
        }
        Ok(())
    }
}

/// Returns an output of a network in the unit of the target or its logarithm.
pub(super) fn restored(scaler: Option<&Scaler<f64>>, output: usize, z: f32) -> f64 {
    tabular_ref::restored(part(scaler, output), z)
}

fn part(scaler: Option<&Scaler<f64>>, output: usize) -> Option<(f64, f64)> {
    scaler.map(|scaler| (scaler.offsets()[output], scaler.scales()[output]))
}

/// Returns mean and standard deviation, which is `None` if rounding alone explains it.
pub(super) fn moments(numbers: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, Option<f64>) {
    let count = numbers.len();
    let largest = numbers.clone().fold(0.0, |size: f64, y| size.max(y.abs()));
    let unit = unit_of(largest);
    let mut numbers = numbers.map(|y| y / unit);
    let all = numbers.clone();
    let first = numbers.next().unwrap_or(0.0);
    // Differences from the first number are exactly 0 if all are equal.
    let mean = first + numbers.map(|y| y - first).sum::<f64>() / count as f64;
    let squares = all.map(|y| (y - mean) * (y - mean));
    let deviation = math::sqrt(squares.sum::<f64>() / count as f64);
    let is_constant = is_rounding::<f64>(deviation, mean, count);
    // The least number above zero, because a tiny deviation could round to zero.
    let deviation = (deviation * unit).max(f64::from_bits(1));
    (mean * unit, (!is_constant).then_some(deviation))
}

/// Returns the mean of rates, weighted by their exposures.
fn mean_rate(rates: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let largest = rates.clone().fold(0.0, |size: f64, (_, e)| size.max(e));
    let (mut mean, mut total) = (0.0, 0.0);
    for (rate, exposure) in rates {
        let weight = exposure / largest;
        total += weight;
        if total > 0.0 {
            mean += (rate - mean) * (weight / total);
        }
    }
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_any_size_are_finite() {
        for size in [1.0, 1e-320, 1e-200, 1e200, 1e308] {
            let (mean, deviation) = moments([0.0, size].into_iter());
            let error = |x: f64| (x / size - 0.5).abs();
            assert!(error(mean) < 1e-3, "{size}: {mean}");
            assert!(error(deviation.unwrap()) < 1e-3, "{size}: {deviation:?}");
        }
        let (mean, deviation) = moments([0.1; 7].into_iter());
        assert_eq!((mean, deviation), (0.1, None));
        // The second number is the next one after the first.
        let next = f64::from_bits(1e9_f64.to_bits() + 1);
        assert_eq!(moments([1e9, next].into_iter()).1, None);
        assert_eq!(moments([0.0; 3].into_iter()), (0.0, None));
    }

    #[test]
    fn numbers_go_into_units_and_back_at_any_size() {
        for [low, high] in [[-1.7e308, 1.7e308], [0.0, 1e-310], [1.7e9, 1.7e9 + 60.0]] {
            let (mean, deviation) = moments([low, high].into_iter());
            let scaler = Scaler::from_parts([mean], [deviation.unwrap()]).unwrap();
            let units = Units {
                scaler: Some(scaler),
                constant: Vec::new(),
            };
            for y in [low, high] {
                let z = units.learned(Task::Numbers, 0, y);
                assert!((z.abs() - 1.0).abs() < 1e-3, "{y}: {z}");
                let again = restored(units.scaler.as_ref(), 0, z);
                assert!((again / y - 1.0).abs() < 1e-3 || again == y, "{y}: {again}");
            }
            assert!(units.learned(Task::Numbers, 0, f64::MAX) <= 1e15);
        }
    }

    #[test]
    fn mean_rates_of_any_size_are_finite() {
        assert_eq!(mean_rate([(4.0, 1.0), (1.0, 2.0)].into_iter()), 2.0);
        let large = mean_rate([(1e308, 1e308), (1.5e308, 1e308)].into_iter());
        assert!((large / 1.25e308 - 1.0).abs() < 1e-12);
    }
}
