//! Labels and the numbers that stand for them.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;

use crate::error::{Error, Number, Result, bounded, check_length, check_rows, listed};
use crate::float::Float;

/// Sorted labels without repetition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Classes<L> {
    labels: Vec<L>,
}

impl<L: Ord + Debug> Classes<L> {
    pub(super) fn new(labels: impl IntoIterator<Item = L>, least: usize) -> Result<Self> {
        let mut labels: Vec<L> = labels.into_iter().collect();
        labels.sort_unstable();
        labels.dedup();
        if labels.len() < least {
            let expected = format!("at least {least} different ones");
            return Err(Error::out_of_range("labels", expected, labels.len()));
        }
        Ok(Self { labels })
    }

    pub(super) fn labels(&self) -> &[L] {
        &self.labels
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    /// The class of the label at this row.
    pub(super) fn index(&self, row: usize, label: &L) -> Result<usize> {
        self.labels
            .binary_search(label)
            .map_err(|_| Error::UnknownLabel {
                row,
                label: bounded(format!("{label:?}")),
                known: listed(&self.labels),
            })
    }
}

/// How much the samples of each class count.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum ClassWeights {
    /// All samples the same.
    #[default]
    Equal,
    /// All classes the same: a sample of a class with n of N samples, out of K classes, weighs
    /// N / (K n). scikit-learn's `class_weight="balanced"`.
    Balanced,
    /// These weights, 0 or above, in the order of the sorted classes.
    Given(Vec<f64>),
}

impl ClassWeights {
    pub(super) fn check(&self, classes: usize) -> Result<()> {
        let Self::Given(weights) = self else {
            return Ok(());
        };
        check_length("class weights", weights, classes)?;
        match weights.iter().find(|&&w| !(0.0..=f64::MAX).contains(&w)) {
            Some(w) => Err(Error::out_of_range(
                "class weight",
                "a finite number, 0 or above",
                Number(*w),
            )),
            None => Ok(()),
        }
    }

    /// A weight for each sample, of which `own` are the caller's; `None` if all count the same.
    pub(super) fn of_samples<T: Float>(
        &self,
        classes: &[usize],
        count: usize,
        own: Option<&[T]>,
    ) -> Result<Option<Vec<T>>> {
        if let Some(own) = own {
            check_length("sample weights", own, classes.len())?;
        }
        let weights = match self {
            Self::Equal => return Ok(own.map(<[T]>::to_vec)),
            Self::Given(weights) => weights.clone(),
            Self::Balanced => {
                let mut members = vec![0usize; count];
                for &class in classes {
                    members[class] += 1;
                }
                let share = classes.len() as f64 / count as f64;
                members
                    .into_iter()
                    .map(|n| share / n.max(1) as f64)
                    .collect()
            }
        };
        let weight = |(sample, &class): (usize, &usize)| {
            let own = own.map_or(1.0, |own| own[sample].wide());
            T::of(own * weights[class])
        };
        Ok(Some(classes.iter().enumerate().map(weight).collect()))
    }
}

/// Checks that there is a label for each sample.
pub(super) fn check_labels<T, L>(inputs: &[T], width: usize, labels: &[L]) -> Result<()> {
    let samples = check_rows("inputs", inputs, width)?;
    check_length("labels", labels, samples)
}
