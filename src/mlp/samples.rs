//! Training samples: inputs with their targets.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::Mlp;
use super::pairing::check_pairing;
use crate::error::{Error, Number, Result, check_length, check_range, check_rows};
use crate::float::Float;
use crate::loss::Loss;
use crate::memory;

mod checked;

pub(crate) use checked::CheckedSamples;

/// Training samples: inputs row-major `[samples x inputs]` and targets `[samples x outputs]`. A
/// weight for each sample and a selection of rows are optional.
///
/// ```
/// use feedforward::{GradientWorkspace, Mlp, Samples, activation::Identity, loss::SquaredError};
///
/// let net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
/// let mut gradient = GradientWorkspace::new(&net);
/// let (x, y) = ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]);
/// // An integer weight has the effect of this many copies.
/// let weighted = Samples::new(&x, &y).weights(&[2.0, 0.0, 1.0]);
/// let repeated = Samples::new(&x, &y).rows(&[0, 0, 2]);
/// let losses = [weighted, repeated].map(|s| gradient.compute_samples(&net, &s, &SquaredError));
/// assert!((losses[0].clone()? - losses[1].clone()?).abs() < 1e-12);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use = "its methods return the changed samples"]
pub struct Samples<'a, T> {
    inputs: &'a [T],
    targets: Targets<&'a [T], &'a [usize]>,
    weights: Option<&'a [T]>,
    rows: Option<&'a [usize]>,
    names: &'static [&'static str; 3],
}

/// Desired outputs.
#[derive(Clone, Copy, Debug)]
enum Targets<V, C> {
    /// Row-major `[samples x outputs]`.
    Values(V),
    /// The class of each sample, which stands for a one-hot row, or for 0 or 1 if there is a single
    /// output. With thousands of classes, one-hot rows would be far larger than the inputs.
    Classes(C),
}

/// Names of the parts of training samples in errors.
const TRAINING: [&str; 3] = ["inputs", "targets", "sample weights"];

/// Names of the parts of validation samples in errors.
const VALIDATION: [&str; 3] = [
    "validation inputs",
    "validation targets",
    "validation weights",
];

impl<'a, T: Float> Samples<'a, T> {
    /// Returns all rows, equally weighted.
    pub fn new(inputs: &'a [T], targets: &'a [T]) -> Self {
        Self::towards(inputs, Targets::Values(targets))
    }

    /// Returns samples with classes as targets. Each must be a class of the network.
    pub(crate) fn of_classes(inputs: &'a [T], classes: &'a [usize]) -> Self {
        Self::towards(inputs, Targets::Classes(classes))
    }

    fn towards(inputs: &'a [T], targets: Targets<&'a [T], &'a [usize]>) -> Self {
        Self {
            inputs,
            targets,
            weights: None,
            rows: None,
            names: &TRAINING,
        }
    }

    /// Sets a weight for each sample of the data. Range: [0, ∞). Weights of 1 change nothing. The
    /// mean loss is then
    ///
    /// ```text
    /// Σ weight · loss / Σ weight
    /// ```
    ///
    /// Training divides the sum over each minibatch by the sum of that minibatch's own weights, as
    /// scikit-learn and PyTorch do. The smaller the minibatches, the less a weight matters: a
    /// minibatch of one sample ignores it. [`Trainer::mean_weight`] divides by the mean weight of
    /// all samples instead.
    ///
    /// [`Trainer::mean_weight`]: crate::Trainer::mean_weight
    pub fn weights(mut self, weights: &'a [T]) -> Self {
        self.weights = Some(weights);
        self
    }

    /// Selects these rows only, in this order. A row may occur more than once.
    pub fn rows(mut self, rows: &'a [usize]) -> Self {
        self.rows = Some(rows);
        self
    }

    /// Makes errors call these validation samples.
    pub(crate) fn for_validation(mut self) -> Self {
        self.names = &VALIDATION;
        self
    }

    /// Checks that the samples fit the network, and that their targets and weights suit the loss.
    pub(crate) fn check(self, net: &Mlp<T>, loss: &dyn Loss<T>) -> Result<CheckedSamples<'a, T>> {
        let [inputs, targets, weights] = *self.names;
        check_pairing(net, loss)?;
        let widths = [net.inputs(), net.outputs() / loss.outputs_per_target()];
        let count = check_rows(inputs, self.inputs, widths[0])?;
        match self.targets {
            Targets::Values(values) => check_length(targets, values, count * widths[1])?,
            Targets::Classes(classes) => check_length(targets, classes, count)?,
        }
        if let Some(values) = self.weights {
            check_length(weights, values, count)?;
        }
        let all = CheckedSamples {
            samples: Self { rows: None, ..self },
            widths,
            count,
            whole: count,
        };
        let rows = self.rows.map_or(Ok(all), |rows| all.try_choose(rows))?;
        rows.check(loss)?;
        if self.weights.is_some() {
            let (sum, expected) = (rows.total_weight(), "a sum large enough to divide by");
            check_range(weights, sum, 0.0..=f64::MAX, expected)?;
            if !rows.can_teach() {
                return Err(Error::invalid_setting(weights, expected, Number(sum)));
            }
        }
        Ok(rows)
    }

    /// Copies these rows of the data, which have as many inputs and targets as `widths` says.
    fn gather(&self, widths: [usize; 2], rows: &[usize]) -> Gathered<T> {
        Gathered {
            inputs: pick(self.inputs, widths[0], rows),
            targets: match self.targets {
                Targets::Values(values) => Targets::Values(pick(values, widths[1], rows)),
                Targets::Classes(classes) => Targets::Classes(pick(classes, 1, rows)),
            },
            weights: self.weights.map(|weights| pick(weights, 1, rows)),
        }
    }

    /// Returns the targets of all rows of the data, row-major, for a network with this many
    /// outputs.
    pub(crate) fn target_rows(&self, outputs: usize) -> Result<Cow<'a, [T]>> {
        match self.targets {
            Targets::Values(values) => Ok(Cow::Borrowed(values)),
            Targets::Classes(classes) => {
                let len = memory::product("targets", &[classes.len(), outputs])?;
                let mut targets = memory::filled("targets", T::zero(), len)?;
                for (row, &class) in targets.chunks_mut(outputs).zip(classes) {
                    write_class(class, row);
                }
                Ok(Cow::Owned(targets))
            }
        }
    }

    pub(crate) fn sample_weights(&self) -> Option<&'a [T]> {
        self.weights
    }

    /// Returns the inputs of all rows of the data.
    pub(crate) fn inputs(&self) -> &'a [T] {
        self.inputs
    }

    /// Replaces the inputs of all rows of the data.
    pub(crate) fn replace_inputs(mut self, inputs: &'a [T]) -> Self {
        self.inputs = inputs;
        self
    }

    /// Replaces the targets of all rows of the data.
    pub(crate) fn with_targets(mut self, targets: &'a [T]) -> Self {
        self.targets = Targets::Values(targets);
        self
    }
}

/// Copies these rows, which have this width.
fn pick<V: Copy>(values: &[V], width: usize, rows: &[usize]) -> Vec<V> {
    let row = |&row: &usize| &values[row * width..][..width];
    rows.iter().flat_map(row).copied().collect()
}

/// Writes the target row that stands for a class.
fn write_class<T: Float>(class: usize, row: &mut [T]) {
    match row {
        [only] => *only = T::from_f64(class as f64),
        row => {
            row.fill(T::zero());
            row[class] = T::one();
        }
    }
}

/// Copies of some samples.
#[derive(Debug)]
pub(crate) struct Gathered<T> {
    inputs: Vec<T>,
    targets: Targets<Vec<T>, Vec<usize>>,
    weights: Option<Vec<T>>,
}

impl<T: Float> Gathered<T> {
    pub(crate) fn samples(&self) -> Samples<'_, T> {
        let targets = match &self.targets {
            Targets::Values(values) => Targets::Values(&values[..]),
            Targets::Classes(classes) => Targets::Classes(&classes[..]),
        };
        Samples {
            weights: self.weights.as_deref(),
            ..Samples::towards(&self.inputs, targets)
        }
    }
}
