//! Models of tables.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::calibrate::OutOfFold;
#[cfg(feature = "csv")]
use super::column::Kind;
use super::member::Member;
use super::scores::{Scores, most};
use super::settings::Recipe;
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::error::{Error, Position, Result};
use crate::folds::Split;
use crate::memory;
use crate::tabular_ref::{Calibrator, add_to_mean};

/// Model of a table: an ensemble of networks, each with its own columns.
///
/// [`Tabular`](super::Tabular) trains it. Tables to predict need the columns of the training table
/// in any order, and may have others. The target may be missing.
#[derive(Clone, Debug)]
pub struct TabularModel {
    pub(super) target: Target,
    pub(super) epochs: usize,
    pub(super) members: Vec<Member>,
    pub(super) calibrator: Option<Calibrator>,
    pub(super) scores: Vec<Scores>,
    pub(super) out_of_fold: Vec<f64>,
    /// Rows that each fold held out. Empty for a model from a file.
    pub(super) held_out: Vec<Vec<usize>>,
    /// Fingerprint of the training targets. 0 for a model from a file.
    pub(super) fingerprint: u64,
}

impl TabularModel {
    /// Scores and calibrates members on their held-out rows.
    pub(super) fn evaluated(
        (target, recipe): (Target, &Recipe),
        members: Vec<Member>,
        (table, targets): (&Table<'_>, &Targets),
        splits: &[Split],
    ) -> Result<Self> {
        let mut model = Self {
            out_of_fold: Vec::new(),
            scores: Vec::new(),
            held_out: splits.iter().map(|s| s.held_out.clone()).collect(),
            fingerprint: targets.fingerprint(),
            members,
            calibrator: None,
            target,
            epochs: recipe.epochs,
        };
        let mut values_of_members = Vec::new();
        for (index, split) in splits.iter().enumerate() {
            let rows = &split.held_out;
            let values = model.values_of(&model.members[index..=index], table, rows)?;
            let (target, member) = (&model.target, &mut model.members[index]);
            member.residuals = target.residuals(&values, targets, rows);
            member.class_scores = target.class_scores(&values, targets, rows)?;
            values_of_members.push(values);
        }
        let means = model.means_of_rows(&values_of_members, table.rows())?;
        let calibration = recipe.calibration.unwrap_or_default();
        let data = (&model.target, targets);
        let rows = OutOfFold::new(calibration, data, &model.held_out, &means);
        let (calibrator, of_parts) = match &rows {
            None => (None, None),
            Some(rows) => (rows.fit(None)?, Some(rows.fit_parts()?)),
        };
        let mut out_of_fold = means.clone();
        if let Some(parts) = &of_parts {
            parts.correct(&mut out_of_fold, 0..table.rows())?;
        }
        for (values, rows) in values_of_members.iter_mut().zip(&model.held_out) {
            if let Some(parts) = &of_parts {
                parts.correct(values, rows.iter().copied())?;
            }
            let scores = Scores::of(&model.target, values, targets, rows)?;
            model.scores.push(scores);
        }
        model.calibrator = calibrator;
        model.out_of_fold = out_of_fold;
        Ok(model)
    }

    /// Returns the mean for each row of the table of the values of those members that have held it
    /// out, and NaN without any.
    fn means_of_rows(&self, values_of_members: &[Vec<f64>], rows: usize) -> Result<Vec<f64>> {
        let outputs = self.target.outputs();
        let len = memory::product("out-of-fold predictions", &[rows, outputs])?;
        let mut means = memory::filled("out-of-fold predictions", f64::NAN, len)?;
        let mut weights = memory::filled("rows of the table", 0.0, rows)?;
        let members = self.members.iter().zip(&self.held_out);
        for ((member, rows), values) in members.zip(values_of_members) {
            let weight = f64::from(member.weight);
            for (&row, values) in rows.iter().zip(values.chunks(outputs)) {
                let means = &mut means[row * outputs..][..outputs];
                if weights[row] == 0.0 {
                    means.fill(0.0);
                }
                weights[row] += weight;
                add_to_mean(means, values, weights[row] / weight);
            }
        }
        Ok(means)
    }

    /// Returns the number of networks.
    pub fn folds(&self) -> usize {
        self.members.len()
    }

    /// Returns the number of epochs of each fold's training run, which a time budget may have
    /// chosen. A callback can end a run earlier.
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// Returns the scores of each network on its held-out rows.
    ///
    /// The best epoch was chosen on these rows, so the scores are a little too good.
    pub fn scores(&self) -> &[Scores] {
        &self.scores
    }

    /// Returns name, mean and standard deviation of each score over the folds that have it.
    ///
    /// A score may be undefined on the held-out rows of a fold ([`Scores`]). It is left out of that
    /// fold, so the number of folds that count may differ from score to score.
    pub fn mean_scores(&self) -> Vec<(&'static str, f64, f64)> {
        Scores::summary(&self.scores)
    }

    /// Returns the predictions for training rows by the networks that did not learn them, row-major
    /// `[rows x outputs]`: numbers, or probabilities.
    ///
    /// They are NaN for rows that no fold has held out, and a mean for rows that several folds have
    /// held out. A model from a file has none.
    ///
    /// Probabilities are [calibrated](Self::calibrator), each fold by a calibrator of the other
    /// folds. So they and the [scores](Self::scores) show the effect of calibration on new rows. If
    /// all rows were held out together, each half of them is calibrated by the other one.
    pub fn out_of_fold(&self) -> &[f64] {
        &self.out_of_fold
    }

    /// Returns the training rows that each network held out, in the order of
    /// [`scores`](Self::scores). A model from a file has none.
    pub fn held_out(&self) -> &[Vec<usize>] {
        &self.held_out
    }

    /// Returns the names of the target columns.
    pub fn targets(&self) -> &[String] {
        &self.target.names
    }

    /// Returns the classes in the order of probabilities. Empty unless it is a classifier.
    pub fn classes(&self) -> &[String] {
        &self.target.classes
    }

    /// Returns the correction of probabilities, which [`Tabular::calibration`] chose. `None`
    /// without one, and unless the model predicts classes.
    ///
    /// [`Tabular::calibration`]: super::Tabular::calibration
    pub fn calibrator(&self) -> Option<&Calibrator> {
        self.calibrator.as_ref()
    }

    /// Returns the columns of each network.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &super::Columns> {
        self.members.iter().map(|member| &member.columns)
    }

    /// Returns the networks. Their inputs are those of [`columns`](Self::columns). Their outputs
    /// are logits of classes or labels, or standardized numbers ([`scalers`](Self::scalers)).
    pub fn networks(&self) -> impl ExactSizeIterator<Item = &crate::Mlp<f32>> {
        self.members.iter().map(|member| &member.net)
    }

    /// Returns the weight of each network in the mean of all predictions. Weights are 1 except in
    /// the ensemble of a [search](super::SearchResults).
    pub fn weights(&self) -> impl ExactSizeIterator<Item = u32> {
        self.members.iter().map(|member| member.weight)
    }

    /// Returns mean and scale of each network's outputs, in double precision, or `None` for logits.
    ///
    /// A network's output times its scale, plus its mean, is a number in the unit of the target.
    /// [`Tabular::logarithm`](super::Tabular::logarithm) makes it the logarithm of the number. For
    /// counts, it is the logarithm of the count for each unit of exposure.
    ///
    /// ```
    /// use feedforward::tabular::{Column, Table, Tabular};
    ///
    /// // Seconds since 1970, which f32 would round to minutes.
    /// let time = |x| 1_700_000_000.0 + 60.0 * f64::from(x);
    /// let table = Table::new()
    ///     .with("x", Column::numbers(0..60))?
    ///     .with("time", Column::numbers((0..60).map(time)))?;
    /// let model = Tabular::regressor(&table, "time").folds(1).epochs(5).hidden(&[8]).fit()?;
    ///
    /// let inputs = model.columns().next().unwrap().encode(&table, &[7])?;
    /// let output = model.networks().next().unwrap().predict(&inputs)?[0];
    /// let scaler = model.scalers().next().flatten().expect("a regressor has one");
    /// let time = scaler.inverse_transform(&[output.into()])?[0];
    /// assert_eq!(time, model.predict(&table)?[7]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn scalers(&self) -> impl ExactSizeIterator<Item = Option<&crate::Scaler<f64>>> {
        self.members.iter().map(|member| member.scaler.as_ref())
    }

    /// Returns the predicted numbers or counts, row-major `[rows x targets]`.
    ///
    /// # Errors
    /// - [`Error::Incompatible`] if the model predicts classes or labels.
    /// - The errors of [`Columns::encode`](super::Columns::encode), and those of a column of
    ///   exposures.
    /// - [`Error::NotFinite`] if a prediction is too large for `f64`.
    pub fn predict(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        self.check_regressor()?;
        self.values(table)
    }

    /// Returns the probabilities of all classes or labels, row-major `[rows x classes]`: the mean
    /// over the networks, then [calibrated](Self::calibrator).
    ///
    /// # Errors
    /// - [`Error::Incompatible`] if the model predicts numbers.
    /// - The errors of [`Columns::encode`](super::Columns::encode).
    pub fn predict_probability(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        self.check(&[Task::Classes, Task::Labels], "a classifier")?;
        self.values(table)
    }

    /// Returns the most probable class of each row.
    ///
    /// # Errors
    /// - [`Error::Incompatible`] unless the model predicts classes.
    /// - The errors of [`Columns::encode`](super::Columns::encode).
    pub fn predict_class(&self, table: &Table<'_>) -> Result<Vec<&str>> {
        self.check(&[Task::Classes], "a classifier of one class per row")?;
        let probabilities = self.values(table)?;
        let rows = probabilities.chunks(self.target.outputs());
        Ok(rows.map(|row| &*self.target.classes[most(row)]).collect())
    }

    /// Scores the predictions for a table that has the target too.
    ///
    /// # Errors
    /// The errors of the predictions, and [`Error::Column`] if a target is missing or not of the
    /// kind that the model predicts.
    pub fn score(&self, table: &Table<'_>) -> Result<Scores> {
        let rows: Vec<_> = (0..table.rows()).collect();
        let targets = self.target.read(table)?;
        Scores::of(&self.target, &self.values(table)?, &targets, &rows)
    }

    /// Returns the task, and the name of the column of exposures.
    #[cfg(feature = "onnx")]
    pub(crate) fn task(&self) -> (Task, Option<&str>) {
        (self.target.task, self.target.exposure.as_deref())
    }

    /// Returns the columns that the model reads: name, kind unless it is found, levels, and whether
    /// predictions need the column.
    #[cfg(feature = "csv")]
    pub(super) fn cells(&self) -> impl Iterator<Item = (&str, Option<Kind>, &[String], bool)> {
        let features = self.members.iter().take(1);
        let features = features.flat_map(|member| member.columns.cells());
        let exposure = self.target.exposure.iter();
        let exposure = exposure.map(|name| (&**name, Some(Kind::Numbers), &[][..], true));
        // Numbers and booleans as classes have one spelling, but words such as 007 are themselves.
        let is_word = |class: &String| {
            let number = class.parse().map(|number: f64| number.to_string());
            number.as_ref() != Ok(class) && class != "true" && class != "false"
        };
        let kind = self.target.classes.iter().any(is_word);
        let kind = kind.then_some(Kind::Words);
        let targets = self.target.names.iter();
        let targets = targets.map(move |name| (&**name, kind, &[][..], false));
        let features = features.map(|(name, kind, levels)| (name, Some(kind), levels, true));
        features.chain(exposure).chain(targets)
    }

    pub(super) fn check_regressor(&self) -> Result<()> {
        let tasks = [Task::Numbers, Task::Logarithms, Task::Counts];
        self.check(&tasks, "a regressor")
    }

    pub(super) fn check(&self, wanted: &[Task], expected: &str) -> Result<()> {
        if wanted.contains(&self.target.task) {
            return Ok(());
        }
        let got = match self.target.task {
            Task::Classes => "a classifier",
            Task::Labels => "a classifier of several labels",
            _ => "a regressor",
        };
        Err(Error::incompatible("model", expected, got))
    }

    /// Returns the ensemble's values for all rows: probabilities or numbers.
    pub(super) fn values(&self, table: &Table<'_>) -> Result<Vec<f64>> {
        let rows: Vec<_> = (0..table.rows()).collect();
        let values = self.values_of(&self.members, table, &rows)?;
        // An exponential may overflow, and so may its product with an exposure.
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            let outputs = self.target.outputs();
            let (row, column) = (index / outputs, index % outputs);
            return Err(Error::NotFinite {
                what: "predictions",
                at: Position::Cell { row, column },
                value: values[index],
            });
        }
        self.calibrated(values)
    }

    /// Returns these values, of which probabilities of classes are calibrated.
    pub(super) fn calibrated(&self, mut values: Vec<f64>) -> Result<Vec<f64>> {
        if let Some(calibrator) = &self.calibrator {
            calibrator.apply(&mut values, self.target.outputs())?;
        }
        Ok(values)
    }

    /// Returns the weighted mean of the values of these members, without calibration.
    pub(super) fn values_of<'m>(
        &self,
        members: impl IntoIterator<Item = &'m Member>,
        table: &Table<'_>,
        rows: &[usize],
    ) -> Result<Vec<f64>> {
        let outputs = self.target.outputs();
        let mut means = vec![0.0; rows.len() * outputs];
        let mut total = 0.0;
        for member in members {
            let mut values = member.outputs(table, rows)?;
            let rows = values.chunks_mut(outputs);
            rows.for_each(|outputs| self.target.task.link().apply(outputs));
            let weight = f64::from(member.weight);
            total += weight;
            add_to_mean(&mut means, &values, total / weight);
        }
        if self.target.exposure.is_some() {
            let exposures = self.target.exposures(table)?;
            for (mean, &row) in means.iter_mut().zip(rows) {
                *mean *= exposures[row];
            }
        }
        Ok(means)
    }
}
