//! Prediction sets of classes, compared with the true classes.

use feedforward::conformal::{ClassConformal, SetScore};
use feedforward::tabular::{Column, Table, TabularModel};

use super::{Result, reliability, written};

/// Rule of the sets. With `SetScore::Aps`, most sets of two classes would hold both.
const SCORE: SetScore = SetScore::Lac;

/// Sets of several rows.
#[derive(Debug)]
pub struct Sets {
    /// Name of the rows.
    pub rows: String,
    /// Fraction of the rows whose class the sets should contain.
    pub level: f64,
    /// Class of each row.
    truths: Vec<usize>,
    /// `true` for each class in the set, row by row.
    all: Vec<bool>,
    classes: usize,
}

/// Sets of the rows of one class.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfClass {
    pub class: usize,
    pub rows: usize,
    /// Fraction of the rows whose set contains the class.
    pub coverage: f64,
    /// Mean number of classes in a set.
    pub size: f64,
}

/// Returns the sets of a table, row by row.
pub fn predicted(
    model: &TabularModel,
    table: &Table<'_>,
    level: f64,
) -> feedforward::Result<Vec<bool>> {
    model.predict_set(table, level, SCORE)
}

impl Sets {
    /// Compares sets with a column of classes. Returns `None` if no row has a known class.
    pub fn new(
        (rows, level): (String, f64),
        classes: &[String],
        column: &Column<'_>,
        sets: &[bool],
    ) -> Option<Self> {
        let (mut truths, mut all) = (Vec::new(), Vec::new());
        let known = reliability::truths(classes, column);
        for (set, class) in sets.chunks(classes.len()).zip(known) {
            if let Some(class) = class {
                truths.push(class);
                all.extend_from_slice(set);
            }
        }
        let classes = classes.len();
        let is_empty = truths.is_empty();
        let sets = Self {
            rows,
            level,
            truths,
            all,
            classes,
        };
        Some(sets).filter(|_| !is_empty)
    }

    /// Returns a set for each held-out row from the scores of all other folds, or `None` for a
    /// single fold.
    pub fn of_held_out(
        model: &TabularModel,
        column: &Column<'_>,
        level: f64,
    ) -> Result<Option<Self>> {
        let (classes, folds) = (model.classes().len(), model.held_out());
        if folds.len() < 2 {
            return Ok(None);
        }
        let known = reliability::truths(model.classes(), column);
        let probabilities = |row: usize| &model.out_of_fold()[row * classes..][..classes];
        let truth = |row: usize| known[row].filter(|_| probabilities(row)[0].is_finite());
        let (mut truths, mut all) = (Vec::new(), Vec::new());
        for (index, rows) in folds.iter().enumerate() {
            let (mut others, mut expected) = (Vec::new(), Vec::new());
            for (fold, rows) in folds.iter().enumerate() {
                for &row in rows {
                    if let Some(class) = truth(row).filter(|_| fold != index) {
                        others.extend_from_slice(probabilities(row));
                        expected.push(class);
                    }
                }
            }
            if expected.is_empty() {
                return Ok(None);
            }
            let conformal = ClassConformal::new(SCORE, &others, &expected, classes)?;
            let mut own = Vec::new();
            for &row in rows {
                if let Some(class) = truth(row) {
                    own.extend_from_slice(probabilities(row));
                    truths.push(class);
                }
            }
            if !own.is_empty() {
                all.extend(conformal.sets(&own, level)?);
            }
        }
        let rows = written::HELD_OUT.into();
        Ok(Some(Self {
            rows,
            level,
            truths,
            all,
            classes,
        }))
    }

    /// Returns the mean over the rows of each class, and over all rows.
    pub fn means(&self) -> (Vec<OfClass>, OfClass) {
        let mut total = OfClass::default();
        let of_class = |class| OfClass {
            class,
            ..OfClass::default()
        };
        let mut all: Vec<_> = (0..self.classes).map(of_class).collect();
        for (set, &class) in self.all.chunks(self.classes).zip(&self.truths) {
            for sums in [&mut all[class], &mut total] {
                sums.rows += 1;
                sums.coverage += f64::from(u8::from(set[class]));
                sums.size += set.iter().filter(|is_in| **is_in).count() as f64;
            }
        }
        for sums in all.iter_mut().chain([&mut total]) {
            let rows = sums.rows.max(1) as f64;
            sums.coverage /= rows;
            sums.size /= rows;
        }
        (all, total)
    }

    /// Returns lines for readers.
    pub fn lines(&self) -> Vec<String> {
        let (_, total) = self.means();
        let (level, size) = (self.level, total.size);
        let rows = written::with_origin(&self.rows);
        vec![
            format!("{} sets of classes of {rows}:", written::percent(level)),
            written::coverage(total.coverage, level, total.rows),
            format!(
                "  size      {size:.4} of {} classes on average",
                self.classes
            ),
        ]
    }
}
