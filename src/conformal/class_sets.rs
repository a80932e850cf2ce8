//! Prediction sets of classes.

use alloc::format;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::rank::rank;
use super::{SCORES, at_rank, sorted};
use crate::error::{Error, Result, check_classes, check_length, check_rows};
use crate::float::{Float, check_values, in_rows};
use crate::memory;

/// Rule that scores a class by the predicted probabilities p of a row. A set contains the classes
/// whose scores are small enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum SetScore {
    /// Least ambiguous classes (LAC): 1 - p of the class.
    ///
    /// Sets are the smallest on average. They can be empty for rows that resemble no class, and are
    /// often too small for difficult rows.
    ///
    /// Sadinle, Lei and Wasserman, 2019, [arXiv:1609.00451](https://arxiv.org/abs/1609.00451).
    #[default]
    Lac,
    /// Adaptive prediction sets (APS): the sum of p over all classes that are at least as probable.
    ///
    /// Sets are larger, but adapt to the difficulty of a row. They contain the most probable class,
    /// so none is empty. This is the variant without random numbers. Of classes with equal
    /// probabilities, the first counts as more probable.
    ///
    /// Romano, Sesia and Candès, 2020, [arXiv:2006.02544](https://arxiv.org/abs/2006.02544).
    Aps,
}

/// Split conformal prediction for classes: sets that contain the true class with a chosen
/// probability.
///
/// Calibration rows have probabilities and true classes. The k-th smallest score of the true
/// classes is the margin q, with k as in the [module](super). A set contains the classes whose
/// [score](SetScore) is at most q.
///
/// [`per_class`](Self::per_class) computes a margin for each class, which gives each class its
/// own guarantee.
///
/// [`score`](Self::score), [`classes`](Self::classes) and [`scores`](Self::scores) are the whole
/// state, and [`from_scores`](Self::from_scores) restores it.
///
/// ```
/// use feedforward::conformal::{ClassConformal, SetScore};
///
/// // Four calibration rows of three classes, and their true classes.
/// let probabilities = [0.7, 0.2, 0.1, 0.5, 0.25, 0.25, 0.1, 0.8, 0.1, 0.4, 0.3, 0.3];
/// let conformal = ClassConformal::new(SetScore::Lac, &probabilities, &[0, 0, 1, 2], 3)?;
/// // The scores of the true classes are 0.3, 0.5, 0.2 and 0.7.
/// assert_eq!(conformal.sets(&[0.6, 0.3, 0.1], 0.8)?, [true, true, false]);
/// assert_eq!(conformal.sets(&[0.6, 0.3, 0.1], 0.5)?, [true, false, false]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "SplitConformalClassifier")]
#[doc(alias = "LAC")]
#[doc(alias = "APS")]
#[doc(alias = "Mondrian")]
#[derive(Clone, Debug, PartialEq)]
pub struct ClassConformal<T> {
    score: SetScore,
    classes: usize,
    /// Sorted scores: one list, or one for each class.
    scores: Vec<Vec<T>>,
}

impl<T: Float> ClassConformal<T> {
    /// Computes the scores of the true classes. `probabilities` is row-major `[rows x classes]`,
    /// and `expected` has the true class of each row.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] if there are fewer than two classes.
    /// - [`Error::Rows`] if `probabilities` does not consist of one or more whole rows.
    /// - [`Error::Length`] unless there is a true class for each row.
    /// - [`Error::InvalidValue`] if a probability is not in [0, 1], or if a true class does not
    ///   exist.
    /// - [`Error::TooLarge`] if memory cannot hold the scores.
    pub fn new(
        score: SetScore,
        probabilities: &[T],
        expected: &[usize],
        classes: usize,
    ) -> Result<Self> {
        Self::of_lists(score, probabilities, expected, classes, 1)
    }

    /// Computes the scores of the true classes, and keeps those of each class apart (Mondrian).
    ///
    /// Use it for imbalanced classes. Otherwise, a rare class can be missed nearly always although
    /// sets have the right coverage. Each class needs its own calibration rows: a class with too
    /// few for a level is in all sets.
    ///
    /// Vovk, 2012, *Conditional validity of inductive conformal predictors*.
    ///
    /// # Errors
    /// See [`new`](Self::new).
    pub fn per_class(
        score: SetScore,
        probabilities: &[T],
        expected: &[usize],
        classes: usize,
    ) -> Result<Self> {
        Self::of_lists(score, probabilities, expected, classes, classes)
    }

    fn of_lists(
        score: SetScore,
        probabilities: &[T],
        expected: &[usize],
        classes: usize,
        lists: usize,
    ) -> Result<Self> {
        check_two(classes)?;
        let rows = check_probabilities(probabilities, classes)?;
        check_length("expected classes", expected, rows)?;
        check_classes("expected class", expected, classes)?;
        let mut scores = Vec::new();
        memory::reserve("lists of conformity scores", &mut scores, lists)?;
        let list_of = |class: usize| if lists == 1 { 0 } else { class };
        let mut members = memory::filled("classes", 0, lists)?;
        for &class in expected {
            members[list_of(class)] += 1;
        }
        for members in members {
            let mut list = Vec::new();
            memory::reserve(SCORES, &mut list, members)?;
            scores.push(list);
        }
        let mut ranked = Ranked::new(score, classes)?;
        for (row, &class) in probabilities.chunks_exact(classes).zip(expected) {
            scores[list_of(class)].push(ranked.scores(row)[class]);
        }
        Self::from_scores(score, classes, scores)
    }

    /// Creates the sets' state from scores, in any order: one list for all classes, or one for each
    /// class.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] if there are fewer than two classes.
    /// - [`Error::Shape`] if there is another number of lists.
    /// - [`Error::Empty`] if the only list has no scores.
    /// - [`Error::NotFinite`] if a score is not finite.
    pub fn from_scores(score: SetScore, classes: usize, scores: Vec<Vec<T>>) -> Result<Self> {
        check_two(classes)?;
        if scores.len() != 1 && scores.len() != classes {
            let expected = format!("1 or {classes}");
            return Err(Error::shape(
                "lists of conformity scores",
                expected,
                scores.len(),
            ));
        }
        let is_single = scores.len() == 1;
        let lists = scores.into_iter().map(|list| {
            if list.is_empty() && !is_single {
                return Ok(list);
            }
            sorted(SCORES, list)
        });
        let scores = lists.collect::<Result<_>>()?;
        Ok(Self {
            score,
            classes,
            scores,
        })
    }

    /// Returns the rule of the scores.
    pub fn score(&self) -> SetScore {
        self.score
    }

    /// Returns the number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Returns the sorted scores of all true classes in one list, or those of
    /// [each class](Self::per_class).
    pub fn scores(&self) -> &[Vec<T>] {
        &self.scores
    }

    /// Returns the prediction sets of new rows, row-major `[rows x classes]`: `true` for each class
    /// in the row's set. `probabilities` is row-major `[rows x classes]`.
    ///
    /// A set contains the true class with a probability of at least `level`. This assumes that
    /// calibration rows and the new row are exchangeable, and that the model has not seen their
    /// classes. With [`per_class`](Self::per_class), it holds for the rows of each class.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless 0 < `level` < 1.
    /// - [`Error::Rows`] if `probabilities` does not consist of one or more whole rows.
    /// - [`Error::InvalidValue`] if a probability is not in [0, 1].
    /// - [`Error::TooLarge`] if memory cannot hold the sets.
    #[doc(alias = "predict_set")]
    pub fn sets(&self, probabilities: &[T], level: f64) -> Result<Vec<bool>> {
        check_probabilities(probabilities, self.classes)?;
        let margins = self.scores.iter().map(|list| {
            let rank = rank(level, list.len())?;
            Ok(at_rank(list, rank))
        });
        let margins = margins.collect::<Result<Vec<_>>>()?;
        let mut ranked = Ranked::new(self.score, self.classes)?;
        let mut sets = Vec::new();
        memory::reserve("prediction sets", &mut sets, probabilities.len())?;
        for row in probabilities.chunks_exact(self.classes) {
            let scores = ranked.scores(row).iter().enumerate();
            sets.extend(scores.map(|(class, &score)| {
                let margin = margins[if margins.len() == 1 { 0 } else { class }];
                score <= margin
            }));
            if let Some(first) = ranked.first() {
                let start = sets.len() - self.classes;
                sets[start + first] = true;
            }
        }
        Ok(sets)
    }
}

/// Scores of all classes of a row, with the buffers to compute them.
pub(crate) struct Ranked<T> {
    score: SetScore,
    /// Classes in the order of falling probability, for APS.
    order: Vec<usize>,
    scores: Vec<T>,
}

impl<T: Float> Ranked<T> {
    pub(crate) fn new(score: SetScore, classes: usize) -> Result<Self> {
        Ok(Self {
            score,
            order: memory::collected("classes", classes, 0..classes)?,
            scores: memory::filled("classes", T::zero(), classes)?,
        })
    }

    /// Returns the score of each class. No probability may be NaN.
    pub(crate) fn scores(&mut self, row: &[T]) -> &[T] {
        match self.score {
            SetScore::Lac => {
                for (score, &p) in self.scores.iter_mut().zip(row) {
                    *score = T::one() - p;
                }
            }
            SetScore::Aps => {
                self.order.sort_unstable_by(|&a, &b| {
                    let falling = row[b].partial_cmp(&row[a]).unwrap_or(Ordering::Equal);
                    falling.then(a.cmp(&b))
                });
                let mut sum = 0.0;
                for &class in &self.order {
                    sum += row[class].as_f64();
                    self.scores[class] = T::from_f64(sum);
                }
            }
        }
        &self.scores
    }

    /// Returns the class that every set contains, if there is one. Adding it changes no guarantee.
    fn first(&self) -> Option<usize> {
        match self.score {
            SetScore::Lac => None,
            SetScore::Aps => self.order.first().copied(),
        }
    }
}

fn check_two(classes: usize) -> Result<()> {
    if classes < 2 {
        return Err(Error::invalid_setting("classes", "at least 2", classes));
    }
    Ok(())
}

/// Checks that there are rows of probabilities, and returns their number.
fn check_probabilities<T: Float>(probabilities: &[T], classes: usize) -> Result<usize> {
    let rows = check_rows("probabilities", probabilities, classes)?;
    check_values("probability", probabilities, 0.0..=1.0, "0 to 1")
        .map_err(|error| in_rows(error, 0, classes))?;
    Ok(rows)
}
