//! Confusion matrix: counts of pairs of expected and predicted classes.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::{self, Display};

use super::class_scores::CorrelationSums;
use crate::error::{Result, check_length, check_not_empty};

/// Number of samples for each pair of expected and predicted class.
///
/// Rows are the expected classes and columns the predicted ones, both in ascending order.
/// [`Display`] prints a table:
///
/// ```
/// use feedforward::metrics::ConfusionMatrix;
///
/// let predicted = ["cat", "cat", "dog", "dog", "cat"];
/// let expected = ["cat", "cat", "dog", "horse", "dog"];
/// let matrix = ConfusionMatrix::new(&predicted, &expected)?;
/// assert_eq!(
///     matrix.to_string(),
///     "expected \\ predicted  cat  dog  horse\n\
///      \x20                cat    2    0      0\n\
///      \x20                dog    1    1      0\n\
///      \x20              horse    0    1      0"
/// );
/// assert_eq!(matrix.count(&"dog", &"cat"), 1);
/// assert_eq!(matrix.accuracy(), 0.6);
/// assert_eq!(matrix.per_class()[0].recall, 1.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix<L> {
    classes: Vec<L>,
    counts: Vec<usize>,
}

/// Precision, recall, F1 and support of one class, or their mean over classes.
///
/// Formulas use these counts:
///
/// - tp: samples of the class that were predicted as it (true positives)
/// - fp: samples of other classes that were predicted as it (false positives)
/// - fn: samples of the class that were predicted as another (false negatives)
///
/// The quotient 0/0 of a class that was never predicted or never expected is 0, as by default in
/// scikit-learn.
#[doc(alias = "classification_report")]
#[doc(alias = "precision_recall_fscore_support")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// tp / (tp + fp), the fraction of its predictions that are correct.
    pub precision: f64,
    /// tp / (tp + fn), the fraction of its samples that were found.
    #[doc(alias = "sensitivity")]
    pub recall: f64,
    /// 2 tp / (2 tp + fp + fn), the harmonic mean of precision and recall.
    #[doc(alias = "f1_score")]
    pub f1: f64,
    /// tp + fn, the number of samples of the class, or of all classes for a mean.
    pub support: usize,
}

impl<L: Ord + Clone> ConfusionMatrix<L> {
    /// Counts pairs of labels. The classes are all labels that occur in either slice.
    ///
    /// # Errors
    /// Returns [`Error::Empty`](crate::Error::Empty) if there are no labels. Returns
    /// [`Error::Length`](crate::Error::Length) if `predicted` and `expected` differ in length.
    pub fn new(predicted: &[L], expected: &[L]) -> Result<Self> {
        check_not_empty("predicted labels", predicted)?;
        check_length("expected labels", expected, predicted.len())?;
        let mut classes: Vec<_> = predicted.iter().chain(expected).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut matrix = Self {
            counts: vec![0; classes.len() * classes.len()],
            classes: classes.into_iter().cloned().collect(),
        };
        for (predicted, expected) in predicted.iter().zip(expected) {
            if let Some(at) = matrix.index(expected, predicted) {
                matrix.counts[at] += 1;
            }
        }
        Ok(matrix)
    }

    /// Returns how many samples of class `expected` were predicted as `predicted`, 0 for unknown
    /// classes.
    pub fn count(&self, expected: &L, predicted: &L) -> usize {
        self.index(expected, predicted)
            .map_or(0, |at| self.counts[at])
    }

    fn index(&self, expected: &L, predicted: &L) -> Option<usize> {
        let class = |label| self.classes.binary_search(label).ok();
        Some(class(expected)? * self.classes.len() + class(predicted)?)
    }
}

impl<L> ConfusionMatrix<L> {
    /// Returns the classes in ascending order, which label rows and columns.
    pub fn classes(&self) -> &[L] {
        &self.classes
    }

    /// Returns all counts, row-major `[expected x predicted]`.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// Returns the fraction of samples on the diagonal.
    pub fn accuracy(&self) -> f64 {
        let hits = self.counts.iter().step_by(self.classes.len() + 1);
        ratio(hits.sum(), self.samples())
    }

    /// Returns the mean recall of the classes that were expected. Rare classes count as much as
    /// common ones.
    ///
    /// It equals scikit-learn's `balanced_accuracy_score`.
    #[doc(alias = "balanced_accuracy_score")]
    pub fn balanced_accuracy(&self) -> f64 {
        let classes = self.per_class();
        let expected = classes.iter().filter(|class| class.support > 0);
        let sum: f64 = expected.clone().map(|class| class.recall).sum();
        sum / expected.count() as f64
    }

    /// Returns Matthews' correlation of expected and predicted classes (MCC).
    ///
    /// ```text
    /// MCC = (c s - Σ p(k) t(k)) / √((s² - Σ p(k)²) (s² - Σ t(k)²))    (sums over the classes k)
    /// ```
    ///
    /// Of s samples, c are predicted correctly. p(k) samples are predicted as class k, and t(k) are
    /// expected there. 1 is perfect. A constant prediction has 0, as in scikit-learn's
    /// `matthews_corrcoef`.
    ///
    /// Gorodkin, 2004, "Comparing two K-category assignments by a K-category correlation
    /// coefficient", [doi:10.1016/j.compbiolchem.2004.09.006](https://doi.org/10.1016/j.compbiolchem.2004.09.006).
    ///
    /// ```
    /// use feedforward::metrics::ConfusionMatrix;
    ///
    /// let matrix = ConfusionMatrix::new(&[1, 1, 0, 0], &[1, 1, 1, 0])?;
    /// assert!((matrix.matthews_correlation() - 1.0 / 3.0_f64.sqrt()).abs() < 1e-15);
    /// assert_eq!(matrix.balanced_accuracy(), (2.0 / 3.0 + 1.0) / 2.0);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    #[doc(alias = "matthews_corrcoef")]
    pub fn matthews_correlation(&self) -> f64 {
        let classes = self.classes.len();
        let mut sums = CorrelationSums::default();
        for class in 0..classes {
            let row = self.counts[class * classes..][..classes].iter();
            let column = self.counts[class..].iter().step_by(classes);
            let [expected, predicted] = [row.sum(), column.sum::<usize>()];
            let hits = self.counts[class * classes + class];
            sums.add(hits as f64, predicted as f64, expected as f64);
        }
        sums.correlation()
    }

    /// Returns the scores of each class, in the order of [`classes`](Self::classes).
    pub fn per_class(&self) -> Vec<ClassScores> {
        let classes = self.classes.len();
        (0..classes)
            .map(|class| {
                let hits = self.counts[class * classes + class];
                let support = self.counts[class * classes..][..classes].iter().sum();
                let predicted = self.counts[class..].iter().step_by(classes).sum();
                ClassScores {
                    precision: ratio(hits, predicted),
                    recall: ratio(hits, support),
                    f1: ratio(2 * hits, predicted + support),
                    support,
                }
            })
            .collect()
    }

    /// Returns the unweighted mean over classes, to which rare classes contribute as much as common
    /// ones.
    #[doc(alias = "macro_average")]
    pub fn macro_mean(&self) -> ClassScores {
        self.mean(|_| 1.0)
    }

    /// Returns the mean over classes, weighted by their support. Its recall is the accuracy.
    #[doc(alias = "weighted_average")]
    pub fn weighted_mean(&self) -> ClassScores {
        self.mean(|scores| scores.support as f64)
    }

    fn mean(&self, weight: impl Fn(&ClassScores) -> f64) -> ClassScores {
        let classes = self.per_class();
        let total: f64 = classes.iter().map(&weight).sum();
        let of = |score: fn(&ClassScores) -> f64| {
            classes.iter().map(|c| weight(c) * score(c)).sum::<f64>() / total
        };
        ClassScores {
            precision: of(|c| c.precision),
            recall: of(|c| c.recall),
            f1: of(|c| c.f1),
            support: self.samples(),
        }
    }

    fn samples(&self) -> usize {
        self.counts.iter().sum()
    }
}

/// Returns part / whole, or 0 for 0/0.
fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

impl<L: Display> Display for ConfusionMatrix<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CORNER: &str = "expected \\ predicted";
        let length = |text: &String| text.chars().count();
        let labels: Vec<_> = self.classes.iter().map(L::to_string).collect();
        let widest = labels.iter().map(length).max().unwrap_or(0);
        let first = widest.max(CORNER.len());
        let columns: Vec<_> = labels
            .iter()
            .enumerate()
            .map(|(column, label)| {
                let counts = self.counts[column..].iter().step_by(labels.len());
                let most = counts.max().map_or(0, |count| length(&count.to_string()));
                length(label).max(most)
            })
            .collect();
        write!(f, "{CORNER:>first$}")?;
        for (label, &width) in labels.iter().zip(&columns) {
            write!(f, "  {label:>width$}")?;
        }
        for (label, row) in labels.iter().zip(self.counts.chunks(labels.len())) {
            write!(f, "\n{label:>first$}")?;
            for (count, &width) in row.iter().zip(&columns) {
                write!(f, "  {count:>width$}")?;
            }
        }
        Ok(())
    }
}
