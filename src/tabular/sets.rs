//! Prediction sets of classes.

use alloc::vec::Vec;

use super::model::TabularModel;
use super::scores::most;
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::conformal::{Ranked, SetScore, check_level, rank};
use crate::error::Result;
use crate::memory;

/// Rules of scores, in the order of [`ClassScores`].
const RULES: [SetScore; 2] = [SetScore::Lac, SetScore::Aps];

/// Name of the sets in errors.
const SETS: &str = "prediction sets";

/// Scores of the true classes of a fold's held-out rows, by rule and class, sorted in each class.
/// Empty unless the target has classes.
pub(super) type ClassScores = [Vec<Vec<f64>>; 2];

impl TabularModel {
    /// Returns sets of classes, row-major `[rows x classes]`: `true` for each class in the row's
    /// set. The order of [`classes`](Self::classes) is that of the set.
    ///
    /// `score` is [`SetScore::Lac`] for the smallest sets, which may be empty. [`SetScore::Aps`]
    /// makes larger sets for difficult rows, and each contains the [predicted
    /// class](Self::predict_class).
    ///
    /// Each of n held-out rows has the score S of its true class, by the network that did not learn
    /// the row. A class with score s, by the same network, is in the set of a new row if
    ///
    /// ```text
    /// #{ rows: S < s } < (n + 1) · level
    /// ```
    ///
    /// This is CV+ for classes (Romano, Sesia and Candès, 2020,
    /// [arXiv:2006.02544](https://arxiv.org/abs/2006.02544)). With a single network it is split
    /// conformal prediction ([`ClassConformal`](crate::conformal::ClassConformal)). Scores are
    /// those of the networks, so [calibration](super::Tabular::calibration) changes no set.
    ///
    /// **By default, nothing is guaranteed,** because the held-out rows have also chosen the best
    /// epoch of their network. Coverage is typically about `level`, on average over rows that are
    /// exchangeable with the training rows.
    ///
    /// # Guarantee
    ///
    /// With [`Tabular::last_epoch`](super::Tabular::last_epoch), the held-out rows decide nothing
    /// about their network. The set of a new row then contains its class with a probability of at
    /// least
    ///
    /// | networks | guaranteed | typical |
    /// |---|---|---|
    /// | 1 | `level` | `level` |
    /// | several, n rows in equal folds | 2 · `level` - 1 - √(2/n) | `level`, or slightly more |
    ///
    /// The conditions are those of [intervals](Self::predict_interval). The class must
    /// also be one of [`classes`](Self::classes). Folds must not be stratified, and class weights
    /// must not be balanced, because both depend on the classes of held-out rows. A shuffled
    /// [`KFold`](crate::folds::KFold) as the [splitter](super::Tabular::splitter) is strict. The
    /// stratified default changes little if each class has several rows in each fold. Sets
    /// [for each class](Self::predict_set_per_class) do not need this condition.
    ///
    /// ```
    /// use feedforward::conformal::SetScore;
    /// use feedforward::tabular::{Table, TabularModel};
    ///
    /// /// Prints the diagnoses that are possible for a patient.
    /// fn tell(model: &TabularModel, patient: &Table<'_>) -> feedforward::Result<()> {
    ///     let set = model.predict_set(patient, 0.9, SetScore::Aps)?;
    ///     for (class, is_possible) in model.classes().iter().zip(set) {
    ///         if is_possible {
    ///             println!("{class}");
    ///         }
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// - [`Error::Incompatible`](crate::Error::Incompatible) unless the model predicts classes.
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless 0 < `level` < 1.
    /// - [`Error::TooLarge`](crate::Error::TooLarge) if memory cannot hold the sets.
    /// - The errors of [`predict_probability`](Self::predict_probability).
    #[doc(alias = "conformal")]
    pub fn predict_set(&self, table: &Table<'_>, level: f64, score: SetScore) -> Result<Vec<bool>> {
        self.sets(table, level, (score, false))
    }

    /// Returns sets of classes like [`predict_set`](Self::predict_set), with a level for each
    /// class. Only held-out rows of a class count for this class.
    ///
    /// Use it for imbalanced classes, of which a rare one could otherwise be missed nearly always.
    /// A class with too few held-out rows for the level is in all sets: 0.9 needs 9 of them, and
    /// 0.95 needs 19.
    ///
    /// # Guarantee
    ///
    /// [`predict_set`](Self::predict_set) has the table, here for the rows of each class. n is the
    /// number of held-out rows of the class. Stratified folds and class weights are allowed,
    /// because rows of one class remain exchangeable. The guarantee for each class implies that for
    /// all rows together.
    ///
    /// # Errors
    /// See [`predict_set`](Self::predict_set).
    #[doc(alias = "Mondrian")]
    pub fn predict_set_per_class(
        &self,
        table: &Table<'_>,
        level: f64,
        score: SetScore,
    ) -> Result<Vec<bool>> {
        self.sets(table, level, (score, true))
    }

    fn sets(
        &self,
        table: &Table<'_>,
        level: f64,
        (score, per_class): (SetScore, bool),
    ) -> Result<Vec<bool>> {
        self.check(&[Task::Classes], "a classifier of one class per row")?;
        check_level(level)?;
        let (rule, classes) = (usize::from(score == SetScore::Aps), self.target.outputs());
        let len = memory::product(SETS, &[table.rows(), classes])?;
        let rows = memory::collected("rows of the table", table.rows(), 0..table.rows())?;
        // Of each row and class, the number of true classes with smaller scores.
        let mut smaller = memory::filled(SETS, 0_usize, len)?;
        let mut members = memory::filled("classes", 0_usize, classes)?;
        let mut ranked = Ranked::new(score, classes)?;
        for member in &self.members {
            let lists = &member.class_scores[rule];
            lists
                .iter()
                .zip(&mut members)
                .for_each(|(list, n)| *n += list.len());
            let values = self.values_of([member], table, &rows)?;
            let values = values.chunks_exact(classes);
            for (row, smaller) in values.zip(smaller.chunks_exact_mut(classes)) {
                for (class, (&s, smaller)) in ranked.scores(row).iter().zip(smaller).enumerate() {
                    let below = |list: &Vec<f64>| list.partition_point(|&other| other < s);
                    *smaller += if per_class {
                        below(&lists[class])
                    } else {
                        lists.iter().map(below).sum()
                    };
                }
            }
        }
        let all = members.iter().sum();
        let ranks = members
            .iter()
            .map(|&n| rank(level, if per_class { n } else { all }));
        let ranks = ranks.collect::<Result<Vec<_>>>()?;
        let is_in = smaller.iter().enumerate();
        let is_in = is_in.map(|(at, &smaller)| smaller < ranks[at % classes]);
        let mut sets = memory::collected(SETS, len, is_in)?;
        if score == SetScore::Aps {
            // To add a class changes no guarantee.
            let values = self.values(table)?;
            let rows = values.chunks_exact(classes);
            for (row, set) in rows.zip(sets.chunks_exact_mut(classes)) {
                set[most(row)] = true;
            }
        }
        Ok(sets)
    }
}

impl Target {
    /// Returns the scores of the true classes of these rows from their probabilities.
    pub(super) fn class_scores(
        &self,
        values: &[f64],
        targets: &Targets,
        rows: &[usize],
    ) -> Result<ClassScores> {
        let mut scores = ClassScores::default();
        let Targets::Classes(expected, _) = targets else {
            return Ok(scores);
        };
        let classes = self.outputs();
        for (rule, lists) in RULES.into_iter().zip(&mut scores) {
            let mut ranked = Ranked::new(rule, classes)?;
            *lists = memory::filled("classes", Vec::new(), classes)?;
            for (values, &row) in values.chunks_exact(classes).zip(rows) {
                let class = expected[row];
                lists[class].push(ranked.scores(values)[class]);
            }
            for list in lists {
                list.sort_unstable_by(f64::total_cmp);
            }
        }
        Ok(scores)
    }
}
