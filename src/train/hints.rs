//! Hints about training runs that went badly, and likely causes of those that diverged.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::history::History;
use crate::encoding::Encoding;
use crate::error::{DivergenceCause, Number, Result};
use crate::float::Float;
use crate::loss::Loss;
use crate::mlp::{CheckedSamples, GradientWorkspace, Mlp};

/// Largest usual size of an input. With larger inputs and usual weights, a neuron's sums leave the
/// range in which usual learning rates work.
const USUAL_INPUT: f64 = 30.0;

/// Largest usual size of a target. Larger targets make gradients that are too large for usual
/// learning rates.
const USUAL_TARGET: f64 = 300.0;

/// Minimum and maximum number of rows to check for neurons that have stopped learning. Fewer rows
/// than the minimum prove nothing.
const ROWS: core::ops::RangeInclusive<usize> = 32..=128;

/// Number of samples to encode at a time.
const ENCODED_ROWS: usize = 64;

/// A sign that a training run went badly, though without an error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Hint {
    /// Inputs are too large for the usual weights and learning rates.
    LargeInputs {
        /// Smallest input.
        low: f64,
        /// Largest input.
        high: f64,
    },
    /// Targets are too large for the usual learning rates.
    LargeTargets {
        /// Smallest target.
        low: f64,
        /// Largest target.
        high: f64,
    },
    /// The loss is larger after the last epoch than after the first.
    LossRose {
        /// Loss of the first epoch.
        first: f64,
        /// Loss of the last epoch.
        last: f64,
    },
    /// At least half of a hidden layer's neurons have the same output for all samples, of which the
    /// first 128 are checked. Such neurons, for example dead ReLUs, neither learn nor contribute.
    ConstantUnits {
        /// Index of the layer, counted from 0 at the inputs.
        layer: usize,
        /// Number of neurons with a constant output.
        constant: usize,
        /// Number of neurons in the layer.
        units: usize,
    },
    /// The validation score was NaN after every epoch, so no epoch is the best. The network keeps
    /// the parameters of the last epoch.
    UndefinedScore,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::LargeInputs { low, high } => DivergenceCause::Inputs { low, high }.advise(f),
            Self::LargeTargets { low, high } => DivergenceCause::Targets { low, high }.advise(f),
            Self::LossRose { first, last } => write!(
                f,
                "the loss rose from {} to {}; try a smaller learning rate",
                Number(first),
                Number(last)
            ),
            Self::ConstantUnits {
                layer,
                constant,
                units,
            } => write!(
                f,
                "{constant} of {units} neurons of layer {layer} have the same output for all samples; \
                 try a smaller learning rate, scaled inputs, or an activation such as leaky ReLU"
            ),
            Self::UndefinedScore => f.write_str(
                "the validation score was NaN after every epoch, so no epoch is the best; \
                 it may need more validation samples",
            ),
        }
    }
}

/// Returns the hints that apply to a training run on these samples, after its last epoch.
pub(super) fn hints<T: Float>(
    history: &History,
    net: &Mlp<T>,
    samples: &CheckedSamples<'_, T>,
    gradient: &mut GradientWorkspace<T>,
    loss: &dyn Loss<T>,
) -> Result<Vec<Hint>> {
    let mut hints = Vec::new();
    if let InputRange::Within(low, high) = input_range(net, samples)
        && is_beyond(USUAL_INPUT, (low, high))
    {
        hints.push(Hint::LargeInputs { low, high });
    }
    hints.extend(large_targets(samples).map(|(low, high)| Hint::LargeTargets { low, high }));
    if let [first, .., last] = &history.epochs[..]
        && last.loss > first.loss
    {
        let (first, last) = (first.loss, last.loss);
        hints.push(Hint::LossRose { first, last });
    }
    let scores = || history.epochs.iter().filter_map(|e| e.validation_score);
    if scores().next().is_some() && scores().all(f64::is_nan) {
        hints.push(Hint::UndefinedScore);
    }
    let rows = samples.len().min(*ROWS.end());
    if ROWS.contains(&rows) {
        let constant = gradient.constant_units(net, samples, rows, loss)?;
        let layers = net.layout().layers().iter().zip(constant).enumerate();
        hints.extend(layers.filter_map(|(layer, (at, constant))| {
            let units = at.outputs;
            let hint = Hint::ConstantUnits {
                layer,
                constant,
                units,
            };
            (2 * constant >= units).then_some(hint)
        }));
    }
    Ok(hints)
}

/// Returns the most likely reason why a training run on these samples diverged. An outlier may be
/// among the validation samples alone, whose loss then overflows.
pub(super) fn cause<T: Float>(
    net: &Mlp<T>,
    (samples, validation): (&CheckedSamples<'_, T>, Option<&CheckedSamples<'_, T>>),
    loss: &dyn Loss<T>,
    rate: f64,
) -> DivergenceCause {
    let all = || core::iter::once(samples).chain(validation);
    for samples in all() {
        match input_range(net, samples) {
            InputRange::NotFinite(value) => return DivergenceCause::Encoding { value },
            InputRange::Within(low, high) if is_beyond(USUAL_INPUT, (low, high)) => {
                return DivergenceCause::Inputs { low, high };
            }
            InputRange::Within(..) => {}
        }
    }
    if let Some((low, high)) = all().find_map(large_targets) {
        DivergenceCause::Targets { low, high }
    } else if loss_explodes(net.outputs(), samples, loss) {
        DivergenceCause::Loss
    } else {
        DivergenceCause::LearningRate { rate }
    }
}

/// Range of the first layer's inputs.
enum InputRange {
    /// Minimum and maximum.
    Within(f64, f64),
    /// An output of the encoding that is NaN or infinite.
    NotFinite(f64),
}

/// Returns the range of the first layer's inputs. Before an encoding, large numbers may be right,
/// such as those of categories.
fn input_range<T: Float>(net: &Mlp<T>, samples: &CheckedSamples<'_, T>) -> InputRange {
    match net.encoding() {
        None => {
            let widen = |range, at| widened(range, samples.input(at));
            let (low, high) = (0..samples.len()).fold(NOTHING, widen);
            InputRange::Within(low, high)
        }
        Some(encoding) => {
            let params = &net.params()[net.layout().encoding()];
            encoded_range(&**encoding, params, samples)
        }
    }
}

/// Returns the range of the encoded inputs.
fn encoded_range<T: Float>(
    encoding: &dyn Encoding<T>,
    params: &[T],
    samples: &CheckedSamples<'_, T>,
) -> InputRange {
    // Encodings are several times as fast for many samples as for one.
    let rows = samples.len().min(ENCODED_ROWS);
    let mut inputs = vec![T::zero(); rows * encoding.inputs()];
    let mut encoded = vec![T::zero(); rows * encoding.outputs()];
    let mut range = NOTHING;
    for start in (0..samples.len()).step_by(ENCODED_ROWS) {
        let block = start..samples.len().min(start + ENCODED_ROWS);
        let inputs = &mut inputs[..block.len() * encoding.inputs()];
        let encoded = &mut encoded[..block.len() * encoding.outputs()];
        for (to, at) in inputs.chunks_exact_mut(encoding.inputs()).zip(block) {
            to.copy_from_slice(samples.input(at));
        }
        encoding.encode_samples(params, inputs, encoded, encoding.outputs());
        if let Some(value) = encoded.iter().find(|x| !x.is_finite()) {
            return InputRange::NotFinite(value.as_f64());
        }
        range = widened(range, encoded);
    }
    InputRange::Within(range.0, range.1)
}

fn large_targets<T: Float>(samples: &CheckedSamples<'_, T>) -> Option<(f64, f64)> {
    let mut buffer = samples.target_buffer();
    let targets = |range, sample| widened(range, samples.target(sample, &mut buffer));
    let range = (0..samples.len()).fold(NOTHING, targets);
    is_beyond(USUAL_TARGET, range).then_some(range)
}

/// Returns `true` if a value of this range exceeds the usual size.
fn is_beyond(usual: f64, (low, high): (f64, f64)) -> bool {
    low.abs().max(high.abs()) > usual
}

/// Returns `true` if the loss overflows at outputs of ±1000, as an exponential does.
fn loss_explodes<T: Float>(
    outputs: usize,
    samples: &CheckedSamples<'_, T>,
    loss: &dyn Loss<T>,
) -> bool {
    let mut buffer = samples.target_buffer();
    let target = samples.target(0, &mut buffer);
    let mut gradient = vec![T::zero(); outputs];
    [-1e3, 1e3].into_iter().any(|output| {
        let outputs = vec![T::from_f64(output); outputs];
        !loss.evaluate(&outputs, target, &mut gradient).is_finite()
    })
}

/// Initial minimum and maximum, before any value is seen.
const NOTHING: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

/// Returns the minimum and maximum of `range` and these values.
fn widened<T: Float>(range: (f64, f64), values: &[T]) -> (f64, f64) {
    values.iter().fold(range, |(low, high), x| {
        (low.min(x.as_f64()), high.max(x.as_f64()))
    })
}
