//! Permutation importance of columns.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, Result, bounded, check_not_empty, listed};
use crate::memory;
use crate::random;
use crate::tabular::member::Member;
use crate::tabular::model::TabularModel;
use crate::tabular::scores::Scores;
use crate::tabular::table::Table;
use crate::tabular::target::{Target, Targets, Task};

/// Settings of [`TabularModel::importance`].
///
/// ```
/// use feedforward::tabular::ImportanceSettings;
///
/// let settings = ImportanceSettings { repeats: 20, ..ImportanceSettings::default() };
/// assert_eq!((settings.seed, settings.score), (0, None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportanceSettings {
    /// Number of shuffles of each column. Range: 2 or above. Default: 10.
    pub repeats: usize,
    /// Seed of the shuffles. Default: 0.
    pub seed: u64,
    /// Name of the score, one of those of [`Scores`]. Default: `None`, which means `r2` for
    /// numbers, `deviance` for counts, and `logloss` for classes and labels.
    ///
    /// The log loss reacts to every change of a probability. Accuracy does so only if the most
    /// probable class changes, so it often finds no importance if one class is frequent.
    pub score: Option<String>,
    /// Maximum number of rows. Of more rows, the importance is that of a random sample, in which
    /// each fold keeps its fraction. It suits large tables, because the cost is proportional to
    /// the rows. Range: 2 or above. Default: `None`, which means all rows.
    pub max_rows: Option<usize>,
    /// Columns to shuffle. It suits wide tables, because each column has its cost. The results
    /// are those without this setting. Default: `None`, which means all columns.
    pub columns: Option<Vec<String>>,
}

impl Default for ImportanceSettings {
    fn default() -> Self {
        Self {
            repeats: 10,
            seed: 0,
            score: None,
            max_rows: None,
            columns: None,
        }
    }
}

/// Importance of each column for a score, in descending order. See [`TabularModel::importance`].
///
/// `Display` writes a line for each column: name, mean and standard deviation.
#[derive(Clone, Debug, PartialEq)]
pub struct Importance {
    score: &'static str,
    unshuffled: f64,
    /// Name, mean and standard deviation.
    columns: Vec<(String, f64, f64)>,
}

impl Importance {
    /// Returns the name of the score.
    pub fn score(&self) -> &'static str {
        self.score
    }

    /// Returns the score without any shuffle.
    pub fn unshuffled(&self) -> f64 {
        self.unshuffled
    }

    /// Returns the columns in descending order of importance: name, mean and standard deviation.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f64, f64)> {
        let columns = self.columns.iter();
        columns.map(|(name, mean, deviation)| (&**name, *mean, *deviation))
    }

    /// Returns mean and standard deviation of a column's importance.
    pub fn get(&self, column: &str) -> Option<(f64, f64)> {
        let found = self.iter().find(|(name, ..)| *name == column);
        found.map(|(_, mean, deviation)| (mean, deviation))
    }
}

impl fmt::Display for Importance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}={:.4} without a shuffle", self.score, self.unshuffled)?;
        let widths = self.columns.iter().map(|(name, ..)| name.chars().count());
        let width = widths.max().unwrap_or(0);
        for (name, mean, deviation) in &self.columns {
            writeln!(f, "{name:width$} {mean:8.4} ± {deviation:.4}")?;
        }
        Ok(())
    }
}

/// Members, and the rows that they predict together.
type Part<'m> = (Vec<&'m Member>, &'m [usize]);

impl TabularModel {
    /// Measures how much worse the model predicts a table if the cells of one column are shuffled.
    ///
    /// For each column j, `repeats` shuffles r give the mean and the standard deviation of
    ///
    /// ```text
    /// importance(j, r) = score(table) - score(table with column j shuffled)
    /// ```
    ///
    /// The sign is turned for scores such as `logloss`, of which less is better. So an importance
    /// above 0 means that the model needs the column. All inputs that come from a column move
    /// together, because its cells are shuffled. The table needs the target.
    ///
    /// Use rows that the model has not seen, or
    /// [`held_out_importance`](Self::held_out_importance). On training rows, noise that a network
    /// has memorized seems important. On new rows, the importance of a noise column is 0 within a
    /// few standard deviations. Columns that tell the same share their importance, so each alone
    /// can seem useless.
    ///
    /// The cost is that of `1 + repeats · columns` predictions of the table.
    ///
    /// Source: Breiman, 2001, [Random forests](https://doi.org/10.1023/A:1010933404324), for any
    /// model by Fisher, Rudin and Dominici, 2019,
    /// [arXiv:1801.01489](https://arxiv.org/abs/1801.01489).
    ///
    /// ```
    /// use feedforward::tabular::{Column, ImportanceSettings, Table, Tabular};
    ///
    /// let table = Table::new()
    ///     .with("area", Column::numbers((0..200).map(|i| 40 + i * 37 % 120)))?
    ///     .with("number", Column::numbers((0..200).map(|i| i * 61 % 97)))?
    ///     .with("price", Column::numbers((0..200).map(|i| 3 * (40 + i * 37 % 120))))?;
    /// let (training, test): (Vec<usize>, Vec<usize>) = (0..200).partition(|row| row % 4 > 0);
    /// let training = table.select(&training)?;
    /// let model = Tabular::regressor(&training, "price").folds(2).epochs(20).hidden(&[16]).fit()?;
    ///
    /// let importance = model.importance(&table.select(&test)?, &ImportanceSettings::default())?;
    /// println!("{importance}");
    /// assert_eq!(importance.iter().next().map(|(name, ..)| name), Some("area"));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] for fewer than 2 repeats or rows.
    /// - [`Error::UnknownName`] for a score that the model does not have, or a column that it does
    ///   not read.
    /// - [`Error::Empty`] for a table without rows.
    /// - The errors of [`score`](Self::score).
    #[doc(alias = "permutation_importance")]
    #[doc(alias = "feature_importances_")]
    pub fn importance(
        &self,
        table: &Table<'_>,
        settings: &ImportanceSettings,
    ) -> Result<Importance> {
        let rows = memory::collected("rows", table.rows(), 0..table.rows())?;
        self.importance_in(table, &[(self.members.iter().collect(), &rows)], settings)
    }

    /// Measures the importance of columns on the training table, as
    /// [`importance`](Self::importance) does on another one. Each network predicts only the rows
    /// that its fold held out, and cells are shuffled among these.
    ///
    /// So no rows need to be kept from training. The importance is that for single networks, whose
    /// mean the model predicts. The best epoch was chosen on these rows, which matters little here.
    /// The cost is that of `1 + repeats · columns` predictions of the table by one network.
    ///
    /// # Errors
    /// - [`Error::Missing`] if the model comes from a file, which does not store the folds.
    /// - [`Error::Shape`] if the table does not have as many rows as the training table.
    /// - [`Error::Incompatible`] if its targets are not those of the training table, in its order.
    ///   Other columns are not compared.
    /// - The errors of [`importance`](Self::importance).
    pub fn held_out_importance(
        &self,
        table: &Table<'_>,
        settings: &ImportanceSettings,
    ) -> Result<Importance> {
        if self.held_out.is_empty() {
            let (what, expected) = ("held-out rows", "a model that is not from a file");
            return Err(Error::Missing { what, expected });
        }
        let rows = self.out_of_fold.len() / self.target.outputs();
        if table.rows() != rows {
            let expected = format!("{rows}, as in the training table");
            return Err(Error::shape("rows of the table", expected, table.rows()));
        }
        if self.target.read(table)?.fingerprint() != self.fingerprint {
            let (expected, got) = ("those of the training table, in its order", "others");
            return Err(Error::incompatible("targets of the table", expected, got));
        }
        let parts = self.members.iter().zip(&self.held_out);
        let parts: Vec<Part<'_>> = parts.map(|(m, rows)| ([m].into(), &**rows)).collect();
        self.importance_in(table, &parts, settings)
    }

    fn importance_in(
        &self,
        table: &Table<'_>,
        parts: &[Part<'_>],
        settings: &ImportanceSettings,
    ) -> Result<Importance> {
        if settings.repeats < 2 {
            let (expected, got) = ("at least 2", settings.repeats);
            return Err(Error::invalid_setting("repeats", expected, got));
        }
        let Some(most) = settings.max_rows else {
            return self.importance_of(table, parts, settings);
        };
        if most < 2 {
            return Err(Error::invalid_setting(
                "maximum of rows",
                "at least 2",
                most,
            ));
        }
        let all: usize = parts.iter().map(|(_, rows)| rows.len()).sum();
        if all <= most {
            return self.importance_of(table, parts, settings);
        }
        let (mut sample, mut ends) = (Vec::new(), Vec::new());
        for (index, (_, rows)) in parts.iter().enumerate() {
            let mut order = rows.to_vec();
            random::shuffle(&mut order, settings.seed, u64::MAX - index as u64);
            let kept = (rows.len() as u128 * most as u128).div_ceil(all as u128);
            order.truncate(kept as usize);
            order.sort_unstable();
            sample.extend(order);
            ends.push(sample.len());
        }
        let rows: Vec<_> = (0..sample.len()).collect();
        let begins = [0].iter().chain(&ends);
        let ranges = begins.zip(&ends).map(|(&begin, &end)| &rows[begin..end]);
        let members = parts.iter().map(|(members, _)| members.clone());
        let parts: Vec<Part<'_>> = members.zip(ranges).collect();
        self.importance_of(&table.select(&sample)?, &parts, settings)
    }

    fn importance_of(
        &self,
        table: &Table<'_>,
        parts: &[Part<'_>],
        settings: &ImportanceSettings,
    ) -> Result<Importance> {
        let repeats = settings.repeats;
        let all: Vec<_> = parts.iter().flat_map(|(_, rows)| *rows).copied().collect();
        check_not_empty("rows of the table", &all)?;
        let chosen_columns = settings.columns.as_deref();
        for name in chosen_columns.into_iter().flatten() {
            self.check_column(name)?;
        }
        let is_chosen = |name: &str| chosen_columns.is_none_or(|all| all.iter().any(|n| n == name));
        let targets = self.target.read(table)?;
        let scores = self.scores_of(table, parts, (&targets, &all))?;
        let (score, unshuffled) = chosen(&self.target, &scores, settings.score.as_deref())?;
        let sign = if LESS_IS_BETTER.contains(&score) {
            -1.0
        } else {
            1.0
        };

        let mut shuffled = table.clone();
        let mut columns = Vec::new();
        let names = self.columns().take(1);
        let names = names.flat_map(|columns| columns.columns().map(|(name, _)| name));
        for (index, name) in names.enumerate().filter(|(_, name)| is_chosen(name)) {
            let column = table.column(name)?;
            let mut drops = memory::filled("repeats", Scores::default(), repeats)?;
            for (repeat, drop) in drops.iter_mut().enumerate() {
                let stream = (index as u64) << 32 | repeat as u64;
                let mut cells: Vec<_> = (0..table.rows()).collect();
                for (_, rows) in parts {
                    let mut order = rows.to_vec();
                    random::shuffle(&mut order, settings.seed, stream);
                    for (&row, from) in rows.iter().zip(order) {
                        cells[row] = from;
                    }
                }
                shuffled.replace(name, column.select(&cells))?;
                let scores = self.scores_of(&shuffled, parts, (&targets, &all))?;
                let got = scores.get(score).unwrap_or(f64::NAN);
                drop.all.push((score, sign * (unshuffled - got)));
            }
            shuffled.replace(name, column.clone())?;
            let summary = Scores::summary(&drops);
            let (_, mean, deviation) = summary.first().copied().unwrap_or_default();
            columns.push((name.to_string(), mean, deviation));
        }
        columns.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(Importance {
            score,
            unshuffled,
            columns,
        })
    }

    /// Scores the predictions of all parts together.
    fn scores_of(
        &self,
        table: &Table<'_>,
        parts: &[Part<'_>],
        (targets, rows): (&Targets, &[usize]),
    ) -> Result<Scores> {
        let mut values = Vec::new();
        for (members, rows) in parts {
            let members = members.iter().copied();
            values.extend(self.values_of(members, table, rows)?);
        }
        // The calibrator is the ensemble's. It has also seen the classes of held-out rows.
        if let [(members, _)] = parts
            && members.len() == self.members.len()
        {
            values = self.calibrated(values)?;
        }
        Scores::of(&self.target, &values, targets, rows)
    }
}

/// Names of scores of which less is better.
const LESS_IS_BETTER: [&str; 4] = ["rmse", "mae", "deviance", "logloss"];

/// Returns name and value of the score.
fn chosen(target: &Target, scores: &Scores, name: Option<&str>) -> Result<(&'static str, f64)> {
    let default = match target.task {
        Task::Numbers | Task::Logarithms => "r2",
        Task::Counts => "deviance",
        Task::Classes | Task::Labels => "logloss",
    };
    let name = name.unwrap_or(default);
    scores
        .iter()
        .find(|(other, _)| *other == name)
        .ok_or_else(|| {
            let known: Vec<_> = scores.iter().map(|(name, _)| name).collect();
            Error::UnknownName {
                what: "score",
                known: listed(&known),
                got: bounded(name.to_string()),
            }
        })
}
