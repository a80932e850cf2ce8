//! Labels, and the class numbers that stand for them.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;

use crate::error::{Error, Result, bounded, check_length, check_row_indices, check_rows, listed};
use crate::float::{Float, check_values};
use crate::train::Trainer;

/// Distinct labels in the order of their classes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Classes<L> {
    labels: Vec<L>,
    /// Classes sorted by label, for binary search.
    ascending: Vec<usize>,
}

impl<L: Ord + Debug> Classes<L> {
    /// Creates the classes from the distinct labels among these, sorted.
    pub(super) fn distinct(labels: impl IntoIterator<Item = L>, least: usize) -> Result<Self> {
        let mut labels: Vec<L> = labels.into_iter().collect();
        labels.sort_unstable();
        labels.dedup();
        Self::in_order(labels, least)
    }

    /// Creates one class for each label, in the given order, which must stay that of the network's
    /// outputs.
    pub(super) fn in_order(labels: impl IntoIterator<Item = L>, least: usize) -> Result<Self> {
        let labels: Vec<L> = labels.into_iter().collect();
        let mut ascending: Vec<usize> = (0..labels.len()).collect();
        ascending.sort_by(|&a, &b| labels[a].cmp(&labels[b]));
        for pair in ascending.windows(2) {
            let [first, second] = [pair[0], pair[1]];
            if labels[first] == labels[second] {
                let label = bounded(format!("{:?}", labels[first]));
                return Err(Error::invalid_setting(
                    "labels",
                    "a different one for each class",
                    format!("{label} for classes {first} and {second}"),
                ));
            }
        }
        if labels.len() < least {
            let expected = format!("at least {least} different ones");
            return Err(Error::shape("labels", expected, labels.len()));
        }
        Ok(Self { labels, ascending })
    }

    pub(super) fn labels(&self) -> &[L] {
        &self.labels
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns the class of a label. An error names the row.
    pub(super) fn index(&self, row: usize, label: &L) -> Result<usize> {
        let found = (self.ascending).binary_search_by(|&class| self.labels[class].cmp(label));
        found
            .map(|at| self.ascending[at])
            .map_err(|_| Error::UnknownLabel {
                row,
                label: bounded(format!("{label:?}")),
                known: listed(&self.labels),
            })
    }

    /// Returns the classes of all labels. If rows are selected, the classes of others mean nothing.
    pub(super) fn indices(&self, labels: &[L], selected: Option<&[usize]>) -> Result<Vec<usize>> {
        let Some(rows) = selected else {
            let rows = labels.iter().enumerate();
            return rows.map(|(row, label)| self.index(row, label)).collect();
        };
        check_row_indices(rows, labels.len())?;
        let mut classes = vec![0; labels.len()];
        for &row in rows {
            classes[row] = self.index(row, &labels[row])?;
        }
        Ok(classes)
    }
}

/// Weights that the samples of each class have in training.
///
/// Weights apply to training samples and to validation samples, from a split or a
/// [validation set](crate::train::Validation::set). Validation loss and score thus measure the
/// objective of training. In a validation set, they multiply the
/// [set's own weights](crate::train::Validation::weighted_set).
///
/// As in scikit-learn and PyTorch, a minibatch's gradient is divided by the sum of the minibatch's
/// own weights. Weights therefore fade in small minibatches, and have no effect in a minibatch of
/// one sample. Choose a [`batch_size`](Trainer::batch_size) at which each class occurs in each
/// minibatch, or divide by the mean weight of all samples ([`Trainer::mean_weight`]).
///
/// # Probabilities are weighted too
///
/// A classifier with weights w learns q, the probabilities of a world in which each class is w
/// times as frequent. With [`Balanced`](Self::Balanced) weights, all classes are equally frequent
/// there. A rare class is then found more often, but its q is far above its frequency p:
///
/// ```text
/// q = w p / Σ w p,   so   p = (q / w) / Σ (q / w)
/// ```
///
/// Dividing by w subtracts ln w from logits. [Temperature](crate::calibration::Temperature) cannot
/// correct this, but [`Quadratic::platt`](crate::calibration::Quadratic::platt) can, if the rows of
/// its fit have equal weights.
///
/// ```
/// use feedforward::{ClassWeights, Classifier, Mlp, Trainer, optimizer::Adam};
///
/// // One of ten samples has label 1, and the input does not tell which.
/// let (inputs, labels) = ([1.0; 10], [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
/// let model = Classifier::new(Mlp::<f64>::builder(1), [0, 1])?;
/// let mut model = model.class_weights(ClassWeights::Balanced)?;
/// let trainer = Trainer::new(model.loss(), Adam::new(0.05)).epochs(500);
/// model.fit(&trainer, &inputs, &labels)?;
/// let q = model.predict_probability(&[1.0])?;
/// assert!((q[1] - 0.5).abs() < 0.01);
/// // The weights are N / (K·n).
/// let p = [q[0] / (10.0 / 18.0), q[1] / (10.0 / 2.0)];
/// assert!((p[1] / (p[0] + p[1]) - 0.1).abs() < 0.01);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ClassWeights {
    /// Equal weights for all samples.
    #[default]
    Equal,
    /// Equal weights for all classes, as with scikit-learn's `class_weight="balanced"`. If a class
    /// has n of N samples, out of K classes, each of its samples weighs N / (K·n). All samples
    /// passed to `fit` count, including those of a validation split. Probabilities become those of
    /// equally frequent classes.
    Balanced,
    /// Weights in the order of [`Classifier::classes`](crate::Classifier::classes). Range: at least
    /// 0.
    Given(Vec<f64>),
}

impl ClassWeights {
    pub(crate) fn check(&self, classes: usize) -> Result<()> {
        let Self::Given(weights) = self else {
            return Ok(());
        };
        check_length("class weights", weights, classes)?;
        let expected = "a finite number, 0 or above";
        check_values("class weights", weights, 0.0..=f64::MAX, expected)
    }

    /// Returns the weights of `count` classes, given the class of each sample. Returns `None` for
    /// [`Equal`](Self::Equal) weights.
    pub(crate) fn of_classes(&self, classes: &[usize], count: usize) -> Option<Vec<f64>> {
        match self {
            Self::Equal => None,
            Self::Given(weights) => Some(weights.clone()),
            Self::Balanced => {
                let mut members = vec![0usize; count];
                for &class in classes {
                    members[class] += 1;
                }
                let share = classes.len() as f64 / count as f64;
                let weight = |n: usize| share / n.max(1) as f64;
                Some(members.into_iter().map(weight).collect())
            }
        }
    }
}

/// Returns the weight of each sample: that of its class times its own, if given.
pub(super) fn sample_weights<T: Float>(
    weights: &[f64],
    classes: &[usize],
    own: Option<&[T]>,
) -> Result<Vec<T>> {
    if let Some(own) = own {
        check_length("sample weights", own, classes.len())?;
    }
    let weight = |(sample, &class): (usize, &usize)| {
        let own = own.map_or(1.0, |own| own[sample].as_f64());
        T::from_f64(own * weights[class])
    };
    Ok(classes.iter().enumerate().map(weight).collect())
}

/// Weighs a trainer's validation set by the class weights of the training samples. A target between
/// classes gets a weight between those of the classes.
pub(super) fn weigh_validation<T: Float>(weights: &[f64], trainer: &mut Trainer<T>) {
    let Some((targets, own)) = trainer.validation_set_mut() else {
        return;
    };
    let width = if weights.len() == 2 { 1 } else { weights.len() };
    let rows = targets.chunks(width);
    // Training reports a set that does not fit.
    if own.as_ref().is_some_and(|own| own.len() != rows.len()) {
        return;
    }
    let weight = |(row, target): (usize, &[T])| {
        let weight = match target {
            [second] => weights[0] * (1.0 - second.as_f64()) + weights[1] * second.as_f64(),
            target => target
                .iter()
                .zip(weights)
                .map(|(t, w)| t.as_f64() * w)
                .sum(),
        };
        T::from_f64(own.as_ref().map_or(1.0, |own| own[row].as_f64()) * weight)
    };
    *own = Some(rows.enumerate().map(weight).collect());
}

/// Checks that there is a label for each sample.
pub(super) fn check_labels<T, L>(inputs: &[T], width: usize, labels: &[L]) -> Result<()> {
    let samples = check_rows("inputs", inputs, width)?;
    check_length("labels", labels, samples)
}
