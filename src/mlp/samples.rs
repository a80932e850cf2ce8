//! Inputs with their targets.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::Mlp;
use super::pairing::check_pairing;
use crate::error::{Error, Number, Result, check_length, check_not_empty, check_range, check_rows};
use crate::float::{Float, check_finite, check_finite_rows, in_rows, instantiate};
use crate::loss::Loss;

/// What to learn from: inputs row-major `[samples x inputs]`, targets `[samples x outputs]`,
/// and if you like a weight for each sample and a choice of rows.
///
/// ```
/// use feedforward::{GradientWorkspace, Mlp, Samples, activation::Identity, loss::SquaredError};
///
/// let net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
/// let mut gradient = GradientWorkspace::new(&net);
/// let (x, y) = ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0]);
/// // A whole weight is as good as so many copies.
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
    targets: Targets<'a, T>,
    weights: Option<&'a [T]>,
    rows: Option<&'a [usize]>,
    names: &'static [&'static str; 3],
}

/// What outputs should be.
#[derive(Clone, Copy, Debug)]
enum Targets<'a, T> {
    /// Row-major `[samples x outputs]`.
    Values(&'a [T]),
    /// The class of each sample: a row of zeros with a one at its place, or for a single output 0
    /// or 1. With thousands of classes those rows would be far larger than the inputs.
    Classes(&'a [usize]),
}

/// What errors call the parts of a training's samples.
const TRAINING: [&str; 3] = ["inputs", "targets", "sample weights"];

/// What they call those of its validation samples.
const VALIDATION: [&str; 3] = [
    "validation inputs",
    "validation targets",
    "validation weights",
];

impl<'a, T: Float> Samples<'a, T> {
    /// All rows, equally weighted.
    pub fn new(inputs: &'a [T], targets: &'a [T]) -> Self {
        Self::towards(inputs, Targets::Values(targets))
    }

    /// Samples whose classes are known; each must be one of the network's.
    pub(crate) fn of_classes(inputs: &'a [T], classes: &'a [usize]) -> Self {
        Self::towards(inputs, Targets::Classes(classes))
    }

    fn towards(inputs: &'a [T], targets: Targets<'a, T>) -> Self {
        Self {
            inputs,
            targets,
            weights: None,
            rows: None,
            names: &TRAINING,
        }
    }

    /// Gives each sample of the data a weight, 0 or above: the mean loss is then
    /// sum(weight loss) / sum(weight), and weights of 1 change nothing.
    ///
    /// Training divides the sum over each minibatch by that minibatch's own weights, as
    /// scikit-learn and PyTorch do. The smaller the minibatches, the less a weight matters: a
    /// minibatch of one sample ignores it. [`Trainer::mean_weight`] divides by the mean weight of
    /// all samples instead.
    ///
    /// [`Trainer::mean_weight`]: crate::Trainer::mean_weight
    pub fn weights(self, weights: &'a [T]) -> Self {
        Self {
            weights: Some(weights),
            ..self
        }
    }

    /// Takes these rows only, in this order; a row may come more than once.
    pub fn rows(self, rows: &'a [usize]) -> Self {
        Self {
            rows: Some(rows),
            ..self
        }
    }

    /// The same, but errors speak of validation.
    pub(crate) fn for_validation(self) -> Self {
        Self {
            names: &VALIDATION,
            ..self
        }
    }

    /// Checks that they fit the network and that the loss can learn from them.
    pub(crate) fn check(self, net: &Mlp<T>, loss: &dyn Loss<T>) -> Result<CheckedSamples<'a, T>> {
        let [inputs, targets, weights] = *self.names;
        let widths = [net.inputs(), net.outputs()];
        check_pairing(net, loss)?;
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
        let rows = match self.rows {
            None => all,
            Some(rows) => all.try_choose(rows)?,
        };
        rows.check(loss)?;
        if self.weights.is_some() {
            let (sum, expected) = (rows.total_weight(), "a sum that can be divided by");
            check_range(weights, sum, 0.0..=f64::MAX, expected)?;
            if !rows.can_teach() {
                return Err(Error::out_of_range(weights, expected, Number(sum)));
            }
        }
        Ok(rows)
    }

    /// Copies of these rows of the data.
    pub(crate) fn gather(&self, net: &Mlp<T>, rows: &[usize]) -> Gathered<T> {
        Gathered {
            inputs: pick(self.inputs, net.inputs(), rows),
            targets: match self.targets {
                Targets::Values(values) => {
                    GatheredTargets::Values(pick(values, net.outputs(), rows))
                }
                Targets::Classes(classes) => GatheredTargets::Classes(pick(classes, 1, rows)),
            },
            weights: self.weights.map(|weights| pick(weights, 1, rows)),
        }
    }

    /// The targets of all rows of the data, row-major, of a network with this many outputs.
    pub(crate) fn target_rows(&self, outputs: usize) -> Cow<'a, [T]> {
        match self.targets {
            Targets::Values(values) => Cow::Borrowed(values),
            Targets::Classes(classes) => {
                let mut targets = vec![T::zero(); classes.len() * outputs];
                for (row, &class) in targets.chunks_mut(outputs).zip(classes) {
                    write_class(class, row);
                }
                Cow::Owned(targets)
            }
        }
    }

    pub(crate) fn sample_weights(&self) -> Option<&'a [T]> {
        self.weights
    }

    /// These samples with other targets for the same rows of the data.
    pub(crate) fn with_targets<'b>(self, targets: &'b [T]) -> Samples<'b, T>
    where
        'a: 'b,
    {
        Samples {
            targets: Targets::Values(targets),
            ..self
        }
    }
}

/// These rows of this width, one after the other.
fn pick<V: Copy>(values: &[V], width: usize, rows: &[usize]) -> Vec<V> {
    let row = |&row: &usize| &values[row * width..][..width];
    rows.iter().flat_map(row).copied().collect()
}

/// Writes what the outputs should be for a class.
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
    targets: GatheredTargets<T>,
    weights: Option<Vec<T>>,
}

#[derive(Debug)]
enum GatheredTargets<T> {
    Values(Vec<T>),
    Classes(Vec<usize>),
}

impl<T: Float> Gathered<T> {
    pub(crate) fn samples(&self) -> Samples<'_, T> {
        let targets = match &self.targets {
            GatheredTargets::Values(values) => Targets::Values(values),
            GatheredTargets::Classes(classes) => Targets::Classes(classes),
        };
        let samples = Samples::towards(&self.inputs, targets);
        match &self.weights {
            Some(weights) => samples.weights(weights),
            None => samples,
        }
    }
}

instantiate! {
    /// A number that tells one slice from another: four chains, so that it takes about as long as
    /// reading the slice.
    fn hash<T>(values: &[T]) -> u64 {
        let mut chains = [0_u64; 4];
        for values in values.chunks(4) {
            for (chain, x) in chains.iter_mut().zip(values) {
                *chain = combine(*chain, x.as_f64().to_bits());
            }
        }
        chains.into_iter().fold(values.len() as u64, combine)
    }
}

/// One step of a chain: a multiplication by an odd number near 2^64 over the golden ratio, whose
/// upper bits depend on all bits before.
#[inline(always)]
fn combine(hash: u64, bits: u64) -> u64 {
    (hash.rotate_left(29) ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Samples that were checked against a network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedSamples<'a, T> {
    samples: Samples<'a, T>,
    widths: [usize; 2],
    count: usize,
    /// Rows of the data that they were chosen from.
    whole: usize,
}

impl<'a, T: Float> CheckedSamples<'a, T> {
    /// Inputs alone, checked: there are no targets to ask for.
    pub(crate) fn of_inputs(inputs: &'a [T], net: &Mlp<T>) -> Result<Self> {
        let samples = Samples::new(inputs, &[]);
        let count = check_rows(samples.names[0], inputs, net.inputs())?;
        check_finite_rows(samples.names[0], inputs, net.inputs())?;
        Ok(Self {
            samples,
            widths: [net.inputs(), net.outputs()],
            count,
            whole: count,
        })
    }

    /// The same without weights.
    pub(crate) fn unweighted(self) -> Self {
        let samples = Samples {
            weights: None,
            ..self.samples
        };
        Self { samples, ..self }
    }

    /// The rows of the data with these indices, which must exist, instead.
    fn choose(self, indices: &'a [usize]) -> Self {
        Self {
            samples: self.samples.rows(indices),
            count: indices.len(),
            ..self
        }
    }

    /// The same, for indices that nobody has checked.
    pub(crate) fn try_choose(self, indices: &'a [usize]) -> Result<Self> {
        check_not_empty("row indices", indices)?;
        match indices.iter().find(|&&index| index >= self.whole) {
            Some(index) => Err(Error::out_of_range(
                "row index",
                format!("below {}", self.whole),
                index,
            )),
            None => Ok(self.choose(indices)),
        }
    }

    fn check(&self, loss: &dyn Loss<T>) -> Result<()> {
        let [inputs, targets, weights] = *self.samples.names;
        let check_weights = |values: &[T]| {
            check_finite(weights, values)?;
            match values.iter().find(|&&w| w < T::zero()) {
                Some(w) => Err(Error::out_of_range(
                    weights,
                    "0 or above",
                    Number(w.as_f64()),
                )),
                None => Ok(()),
            }
        };
        let whole = self.samples.rows.is_none();
        if whole {
            check_finite_rows(inputs, self.samples.inputs, self.widths[0])?;
            if let Targets::Values(values) = self.samples.targets {
                check_finite_rows(targets, values, self.widths[1])?;
            }
            self.samples.weights.map_or(Ok(()), check_weights)?;
        }
        let (mut row, mut seen) = (Vec::new(), Vec::new());
        if let Targets::Classes(_) = self.samples.targets {
            row = self.target_room();
            seen.resize(self.widths[1].max(2), false);
        }
        (0..self.count).try_for_each(|sample| {
            if !whole {
                let in_row = |error| in_rows(error, self.row(sample), usize::MAX);
                check_finite(inputs, self.input(sample)).map_err(in_row)?;
                check_finite(targets, self.target(sample, &mut row)).map_err(in_row)?;
                if let Some(values) = self.samples.weights {
                    check_weights(&values[self.row(sample)..][..1])?;
                }
            }
            // Once for each class: its row is always the same.
            match self.class(sample) {
                Some(class) if core::mem::replace(&mut seen[class], true) => Ok(()),
                _ => loss.check_target(self.target(sample, &mut row)),
            }
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The index in the data.
    pub(crate) fn row(&self, sample: usize) -> usize {
        self.samples.rows.map_or(sample, |rows| rows[sample])
    }

    pub(crate) fn input(&self, sample: usize) -> &'a [T] {
        &self.samples.inputs[self.row(sample) * self.widths[0]..][..self.widths[0]]
    }

    /// The sample's target; `row`, as long as it, is room for what must be written first.
    pub(crate) fn target<'b>(&self, sample: usize, row: &'b mut [T]) -> &'b [T]
    where
        'a: 'b,
    {
        let index = self.row(sample);
        match self.samples.targets {
            Targets::Values(values) => &values[index * self.widths[1]..][..self.widths[1]],
            Targets::Classes(classes) => {
                write_class(classes[index], row);
                row
            }
        }
    }

    /// Room for one target.
    pub(crate) fn target_room(&self) -> Vec<T> {
        vec![T::zero(); self.widths[1]]
    }

    /// The sample's class, if that is known.
    pub(crate) fn class(&self, sample: usize) -> Option<usize> {
        match self.samples.targets {
            Targets::Values(_) => None,
            Targets::Classes(classes) => Some(classes[self.row(sample)]),
        }
    }

    /// The sample's weight, if they have any.
    pub(crate) fn weight(&self, sample: usize) -> Option<T> {
        self.samples
            .weights
            .map(|weights| weights[self.row(sample)])
    }

    /// Whether a mean over these samples is a number: their weights may all be zero, or so small
    /// that dividing by their sum may overflow.
    pub(crate) fn can_teach(&self) -> bool {
        let range = T::min_positive_value().as_f64()..=T::max_value().as_f64();
        range.contains(&self.total_weight())
    }

    /// A number that tells these samples from others.
    pub(crate) fn hash(&self) -> u64 {
        let mut room = self.target_room();
        let numbers = (0..self.count).map(|sample| {
            let weight = self.weight(sample).map_or(1.0, Float::as_f64).to_bits();
            let target = match self.class(sample) {
                Some(class) => class as u64,
                None => hash(self.target(sample, &mut room)),
            };
            combine(combine(weight, hash(self.input(sample))), target)
        });
        numbers.fold(self.count as u64, combine)
    }

    /// The sum of the weights: the number of samples where there are none.
    pub(crate) fn total_weight(&self) -> f64 {
        match self.samples.weights {
            None => self.count as f64,
            Some(weights) => (0..self.count)
                .map(|sample| weights[self.row(sample)].as_f64())
                .sum(),
        }
    }
}
