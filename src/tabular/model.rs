//! Models of tables.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::member::Member;
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::error::{Error, Result};
use crate::folds::Split;
use crate::math;
use crate::metrics;

/// Model of a table: an ensemble of networks, each with its own columns.
///
/// [`Tabular`](super::Tabular) trains one.
#[derive(Clone, Debug)]
pub struct TabularModel {
    pub(super) target: Target,
    pub(super) members: Vec<Member>,
    pub(super) scores: Vec<Scores>,
}

/// Scores of one fold's network on its held-out rows.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Scores {
    /// Scores of numbers.
    Regression {
        /// Explained fraction of the variance: [`metrics::r2`].
        r2: f64,
        /// Root of the mean squared error.
        rmse: f64,
        /// Mean absolute error.
        mae: f64,
    },
    /// Scores of classes.
    Classification {
        /// Fraction of correct classes.
        accuracy: f64,
        /// [`metrics::log_loss`] of the probabilities.
        log_loss: f64,
        /// Area under the ROC curve for two classes.
        auc: Option<f64>,
    },
}

impl TabularModel {
    /// Scores members on their held-out rows.
    pub(super) fn evaluated(
        target: Target,
        members: Vec<Member>,
        features: &Table<'_>,
        targets: &Targets,
        splits: &[Split],
    ) -> Result<Self> {
        let mut model = Self {
            target,
            members,
            scores: Vec::new(),
        };
        for (member, split) in model.members.iter().zip(splits) {
            let predicted = model.values_of([member], features, &split.held_out)?;
            model
                .scores
                .push(model.target.scores(&predicted, targets, &split.held_out)?);
        }
        Ok(model)
    }

    /// Returns the number of networks.
    pub fn folds(&self) -> usize {
        self.members.len()
    }

    /// Returns the scores of each network on its held-out rows.
    pub fn scores(&self) -> &[Scores] {
        &self.scores
    }

    /// Returns the classes in the order of probabilities. Empty for numbers.
    pub fn classes(&self) -> &[String] {
        &self.target.classes
    }

    /// Returns the predicted numbers, row-major `[rows x targets]`.
    pub fn predict(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        self.check(Task::Regression)?;
        self.values(table)
    }

    /// Returns the probabilities of all classes, row-major `[rows x classes]`.
    pub fn predict_probability(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        self.check(Task::Classification)?;
        self.values(table)
    }

    /// Returns the most probable class of each row.
    pub fn predict_class(&self, table: &Table<'_>) -> Result<Vec<&str>> {
        let probabilities = self.predict_probability(table)?;
        let rows = probabilities.chunks(self.target.outputs());
        Ok(rows.map(|row| &*self.target.classes[most(row)]).collect())
    }

    /// Scores the predictions for a table that has the target too.
    pub fn score(&self, table: &Table<'_>) -> Result<Scores> {
        let rows: Vec<_> = (0..table.rows()).collect();
        self.target
            .scores(&self.values(table)?, &self.target.read(table)?, &rows)
    }

    fn check(&self, wanted: Task) -> Result<()> {
        let is = |task| task == Task::Classification;
        if is(wanted) == is(self.target.task) {
            return Ok(());
        }
        let (expected, got) = match wanted {
            Task::Classification => ("a model of classes", "a model of numbers"),
            _ => ("a model of numbers", "a model of classes"),
        };
        Err(Error::incompatible("model", expected, got))
    }

    /// Returns the ensemble's values for all rows: probabilities or numbers.
    fn values(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        let rows: Vec<_> = (0..table.rows()).collect();
        self.values_of(&self.members, table, &rows)
    }

    /// Returns the mean of the values of these members.
    fn values_of<'m>(
        &self,
        members: impl IntoIterator<Item = &'m Member>,
        table: &Table<'_>,
        rows: &[usize],
    ) -> Result<Vec<f64>> {
        let outputs = self.target.outputs();
        let mut sums = vec![0.0; rows.len() * outputs];
        let mut count = 0.0;
        for member in members {
            let values = member.outputs(table, rows)?;
            let pairs = sums.chunks_mut(outputs).zip(values.chunks(outputs));
            pairs.for_each(|(sums, outputs)| self.target.add_values(outputs, sums));
            count += 1.0;
        }
        sums.iter_mut().for_each(|sum| *sum /= count);
        Ok(sums)
    }
}

/// Returns the index of the maximum.
fn most(row: &[f64]) -> usize {
    let larger = |best, (index, &p): (usize, &f64)| if p > row[best] { index } else { best };
    row.iter().enumerate().fold(0, larger)
}

impl Target {
    /// Adds the probabilities or numbers of a network's outputs for one row.
    fn add_values(&self, outputs: &[f32], sums: &mut [f64]) {
        let outputs = outputs.iter().map(|&y| f64::from(y));
        match self.task {
            Task::Regression => sums.iter_mut().zip(outputs).for_each(|(sum, y)| *sum += y),
            Task::LogRegression => {
                sums.iter_mut()
                    .zip(outputs)
                    .for_each(|(sum, y)| *sum += math::exp(y));
            }
            Task::Classification => {
                let largest = outputs.clone().fold(f64::NEG_INFINITY, f64::max);
                let exps = outputs.map(|y| math::exp(y - largest));
                let total: f64 = exps.clone().sum();
                sums.iter_mut()
                    .zip(exps)
                    .for_each(|(sum, p)| *sum += p / total);
            }
        }
    }

    /// Scores values of these rows.
    fn scores(&self, values: &[f64], targets: &Targets, rows: &[usize]) -> Result<Scores> {
        let outputs = self.outputs();
        match targets {
            Targets::Numbers(numbers) => {
                let mut expected = Vec::with_capacity(values.len());
                for &row in rows {
                    expected.extend_from_slice(&numbers[row * outputs..][..outputs]);
                }
                if self.task == Task::LogRegression {
                    expected.iter_mut().for_each(|y| *y = math::exp(*y));
                }
                Ok(Scores::Regression {
                    r2: metrics::r2(values, &expected, outputs)?,
                    rmse: metrics::root_mean_squared_error(values, &expected, outputs)?,
                    mae: metrics::mean_absolute_error(values, &expected, outputs)?,
                })
            }
            Targets::Classes(classes) => {
                let expected: Vec<_> = rows.iter().map(|&row| classes[row]).collect();
                let predicted: Vec<_> = values.chunks(outputs).map(most).collect();
                let log_loss = expected.iter().zip(values.chunks(outputs));
                let log_loss = log_loss.map(|(&class, row)| -math::ln(row[class].max(1e-15)));
                Ok(Scores::Classification {
                    accuracy: metrics::accuracy(&predicted, &expected)?,
                    log_loss: log_loss.sum::<f64>() / rows.len() as f64,
                    auc: None,
                })
            }
        }
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Regression { r2, rmse, mae } => {
                write!(f, "r2={r2:.4} rmse={rmse:.6} mae={mae:.6}")
            }
            Self::Classification {
                accuracy,
                log_loss,
                auc,
            } => {
                write!(f, "accuracy={accuracy:.4} logloss={log_loss:.4}")?;
                auc.map_or(Ok(()), |auc| write!(f, " auc={auc:.4}"))
            }
        }
    }
}
