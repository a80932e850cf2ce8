//! The recipe: from a table to a model.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

#[cfg(feature = "std")]
use super::budget;
use super::calibrate::Calibration;
use super::check::{check_columns, check_settings};
use super::columns::ColumnSettings;
use super::member::Member;
use super::model::TabularModel;
use super::settings::{Metric, Preset, Progress, Recipe};
use super::splits::splits;
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::activation::Activation;
use crate::error::{Error, Result, check_count};
use crate::folds::{Split, Splitter};
use crate::model::ClassWeights;
use crate::train::Trainer;

/// A recipe that makes a [`TabularModel`] from a table, with defaults that suit most tables.
///
/// ```
/// use feedforward::tabular::{Column, Table, Tabular};
///
/// // The price of a home depends on its area, and on whether it has a garden.
/// let areas: Vec<f64> = (0..400).map(|i| f64::from(40 + i * 37 % 120)).collect();
/// let garden = (0..400).map(|i| i % 3 == 0);
/// let price = |(area, garden)| 3.0 * area + if garden { 50.0 } else { 0.0 };
/// let prices = areas.iter().zip(garden.clone()).map(price);
/// let table = Table::new()
///     .with("area", &areas[..])?
///     .with("garden", Column::booleans(garden))?
///     .with("price", Column::numbers(prices))?;
///
/// let model = Tabular::regressor(&table, "price").folds(2).epochs(30).hidden(&[32, 32]).fit()?;
/// assert!(model.scores().iter().all(|scores| scores.get("r2") > Some(0.95)));
/// let home = Table::row([("area", 100.0.into()), ("garden", true.into())])?;
/// assert!((model.predict(&home)?[0] - 350.0).abs() < 30.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Recipe
///
/// The recipe follows RealMLP (Holzmüller, Grinsztajn and Steinwart, 2024,
/// [arXiv:2407.04491](https://arxiv.org/abs/2407.04491)):
///
/// - columns as [`Columns`](super::Columns) describes, with learned waves of numbers, and numeric
///   targets scaled to mean 0 and deviation 1,
/// - a learned scale of the inputs, then three hidden layers of 256 neurons with SELU for classes
///   and Mish for numbers,
/// - 128 epochs of minibatches of 256 rows, with Adam and the schedule
///   [`CosineLog`](crate::schedule::CosineLog),
/// - the parameters of the epoch that is best on held-out rows,
/// - a temperature for the probabilities of classes.
///
/// # Folds
///
/// By default, five networks are trained, each on four fifths of the rows. The model averages their
/// predictions. Every statistic is fitted inside the fold. Folds run in parallel, and results are
/// bit-identical for any number of threads.
#[doc(alias = "RealMLP")]
#[doc(alias = "AutoML")]
#[derive(Clone, Debug)]
#[must_use = "`fit` trains the model"]
pub struct Tabular<'t> {
    pub(super) table: &'t Table<'t>,
    pub(super) target: Target,
    logarithm: bool,
    ignored: Vec<String>,
    pub(super) recipe: Recipe,
}

impl<'t> Tabular<'t> {
    /// Predicts the number in a column of the table from all other columns.
    pub fn regressor(table: &'t Table<'t>, target: impl Into<String>) -> Self {
        Self::new(table, [target], Task::Numbers)
    }

    /// Predicts the numbers in several columns.
    pub fn regressor_of(
        table: &'t Table<'t>,
        targets: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::new(table, targets, Task::Numbers)
    }

    /// Predicts the count in a column, by Poisson regression. [`exposure`](Self::exposure) names
    /// the column of the time or size that each count refers to.
    pub fn counts(table: &'t Table<'t>, target: impl Into<String>) -> Self {
        Self::new(table, [target], Task::Counts)
    }

    /// Predicts the class in a column: words, booleans or numbers.
    pub fn classifier(table: &'t Table<'t>, target: impl Into<String>) -> Self {
        Self::new(table, [target], Task::Classes)
    }

    /// Predicts several labels, each in a column of booleans, zeros or ones.
    pub fn labels(
        table: &'t Table<'t>,
        targets: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self::new(table, targets, Task::Labels)
    }

    fn new(
        table: &'t Table<'t>,
        targets: impl IntoIterator<Item = impl Into<String>>,
        task: Task,
    ) -> Self {
        Self {
            table,
            target: Target {
                task,
                names: targets.into_iter().map(Into::into).collect(),
                exposure: None,
                classes: Vec::new(),
            },
            logarithm: false,
            ignored: Vec::new(),
            recipe: Recipe::default(),
        }
    }

    /// Learns the logarithm of a regressor's targets, which must be above 0. It suits prices.
    pub fn logarithm(mut self) -> Self {
        self.logarithm = true;
        self
    }

    /// Names the column of the exposures of counts. Predictions are counts too, so tables to
    /// predict need the column.
    pub fn exposure(mut self, column: impl Into<String>) -> Self {
        self.target.exposure = Some(column.into());
        self
    }

    /// Ignores these columns, for example numbers of customers.
    pub fn ignore(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.ignored.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Sets the defaults of columns, epochs, learning rate and regularization. Call it before other
    /// settings. Default: [`Preset::Tuned`].
    pub fn preset(mut self, preset: Preset) -> Self {
        self.recipe.preset = preset;
        self.recipe.epochs = preset.epochs();
        self.recipe.columns = preset.columns();
        self
    }

    /// Sets how columns become inputs.
    pub fn columns(mut self, settings: ColumnSettings) -> Self {
        self.recipe.columns = settings;
        self
    }

    /// Sets the number of folds, and thus of networks. With 1, a single network is trained, and a
    /// fifth of the rows chooses its best epoch. Default: 5.
    ///
    /// Folds are shuffled, and stratified for classes.
    pub fn folds(mut self, folds: usize) -> Self {
        self.recipe.folds = Some(folds);
        self
    }

    /// Sets the folds, for example by group or time, instead of [`folds`](Self::folds).
    ///
    /// A fold holds out each row at most once, and trains on none of these rows. Otherwise scores
    /// and [intervals](TabularModel::predict_interval) would be too good, so [`fit`](Self::fit)
    /// returns an error. Training rows may occur several times.
    pub fn splitter(mut self, splitter: impl Splitter + 'static) -> Self {
        self.recipe.splitter = Some(Arc::new(splitter));
        self
    }

    /// Sets the number of epochs, which is the maximum with a
    /// [time budget](Self::time_budget). Default: 128.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.recipe.epochs = epochs;
        self
    }

    /// Sets the time that all folds together may take, about. The default has no limit.
    ///
    /// The time decides on the number of epochs, before training: at least 1, and at most
    /// [`epochs`](Self::epochs). It is measured on a few updates, of which nothing remains. So the
    /// schedule ends where it should, and [`TabularModel::epochs`] tells the number. A fit of this
    /// number of epochs without a budget makes a bit-identical model.
    ///
    /// ```
    /// use core::time::Duration;
    /// use feedforward::tabular::{Column, Table, Tabular};
    ///
    /// let table = Table::new()
    ///     .with("size", Column::numbers(0..60))?
    ///     .with("price", Column::numbers((0..60).map(|size| 10 + 2 * size)))?;
    /// let recipe = Tabular::regressor(&table, "price").folds(2).hidden(&[8]);
    /// let model = recipe.clone().time_budget(Duration::from_millis(50)).fit()?;
    /// let again = recipe.epochs(model.epochs()).fit()?;
    /// assert_eq!(model.predict(&table)?, again.predict(&table)?);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    #[cfg(feature = "std")]
    #[doc(alias = "time_limit")]
    pub fn time_budget(mut self, time: core::time::Duration) -> Self {
        self.recipe.time_budget = Some(time);
        self
    }

    /// Sets the number of rows in a minibatch. Default: 256, or 64 if there are fewer than 1,000
    /// training rows. [`Preset::Simple`] and [`Preset::Full`] have 256, or all rows if there are
    /// fewer.
    pub fn batch_size(mut self, rows: usize) -> Self {
        self.recipe.batch_size = Some(rows);
        self
    }

    /// Sets the seed of folds, initial parameters and shuffles. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.recipe.seed = seed;
        self
    }

    /// Sets the sizes of the hidden layers. Default: 256, 256, 256.
    pub fn hidden(mut self, sizes: &[usize]) -> Self {
        self.recipe.hidden = sizes.to_vec();
        self
    }

    /// Sets the activation of the hidden layers. Default: SELU for classes and labels, Mish for
    /// numbers.
    pub fn activation(mut self, activation: impl Activation<f32> + 'static) -> Self {
        self.recipe.activation = Some(Arc::new(activation));
        self
    }

    /// Sets the maximum learning rate. Default: 0.04 for classes and labels, 0.07 for
    /// numbers.
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.recipe.learning_rate = Some(rate);
        self
    }

    /// Keeps the parameters of the last epoch. By default, they are those of the epoch that is best
    /// on the held-out rows.
    ///
    /// The held-out rows then decide nothing about their network. Scores are honest, and
    /// [intervals](TabularModel::predict_interval) and [sets](TabularModel::predict_set) have their
    /// guarantees. Predictions are often slightly worse, and [`metric`](Self::metric) decides only
    /// on the smoothing of targets.
    pub fn last_epoch(mut self) -> Self {
        self.recipe.last_epoch = true;
        self
    }

    /// Sets the metric that chooses a classifier's best epoch. Default: [`Metric::Accuracy`].
    pub fn metric(mut self, metric: Metric) -> Self {
        self.recipe.metric = Some(metric);
        self
    }

    /// Sets the weights of a classifier's classes, in training and in the choice of the best epoch.
    /// [`ClassWeights::Balanced`] suits classes of which few rows matter. Probabilities then suit
    /// classes of equal frequency. [`Calibration::Platt`] undoes that for two classes. Default:
    /// [`ClassWeights::Equal`].
    ///
    /// ```
    /// use feedforward::ClassWeights;
    /// use feedforward::tabular::{Column, Table, Tabular};
    ///
    /// // One payment of 20 is a fraud, and half of the payments above 900 are.
    /// let amounts: Vec<f64> = (0..800).map(|i| f64::from(i * 37 % 1000)).collect();
    /// let is_fraud = (0..800).map(|i| amounts[i] > 900.0 && i % 2 == 0);
    /// let table = Table::new()
    ///     .with("amount", &amounts)?
    ///     .with("is_fraud", Column::booleans(is_fraud))?;
    /// let recipe = Tabular::classifier(&table, "is_fraud").class_weights(ClassWeights::Balanced);
    /// let model = recipe.folds(2).epochs(20).hidden(&[16]).fit()?;
    /// let payment = Table::row([("amount", 990.into())])?;
    /// assert_eq!(model.predict_class(&payment)?, ["true"]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn class_weights(mut self, weights: ClassWeights) -> Self {
        self.recipe.class_weights = Some(weights);
        self
    }

    /// Sets how a classifier's probabilities are corrected. Default: [`Calibration::Temperature`].
    ///
    /// The calibrator is fitted to all [out-of-fold predictions](TabularModel::out_of_fold), and
    /// corrects the mean of the networks' probabilities. [`TabularModel::calibrator`] returns it.
    /// It needs no further rows and almost no time.
    pub fn calibration(mut self, calibration: Calibration) -> Self {
        self.recipe.calibration = Some(calibration);
        self
    }

    /// Changes the recipe's trainer before each fold, for example its optimizer or its schedule.
    ///
    /// ```
    /// use feedforward::tabular::{Table, Tabular};
    /// use feedforward::{optimizer::AdamW, schedule::Cosine};
    ///
    /// let table = Table::new();
    /// let recipe = Tabular::regressor(&table, "price").trainer(|trainer| {
    ///     trainer.with_optimizer(AdamW::new(0.001)).schedule(Cosine::default())
    /// });
    /// ```
    pub fn trainer(
        mut self,
        change: impl Fn(Trainer<f32>) -> Trainer<f32> + Send + Sync + 'static,
    ) -> Self {
        self.recipe.trainer = Arc::new(change);
        self
    }

    /// Sets the number of threads. Default: one for each core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.recipe.threads = Some(threads);
        self
    }

    /// Calls a function after each epoch of each fold, from the thread that trains the fold. With
    /// `ControlFlow::Break`, the fold's training run ends.
    pub fn on_epoch(
        mut self,
        function: impl Fn(&Progress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.recipe.on_epoch = Arc::new(function);
        self
    }

    /// Trains the model.
    ///
    /// # Errors
    /// - [`Error::Column`] if a column is missing that the caller has named.
    /// - [`Error::Incompatible`] for [`logarithm`](Self::logarithm) without a regressor,
    ///   [`exposure`](Self::exposure) without counts, and [`metric`](Self::metric),
    ///   [`class_weights`](Self::class_weights) or [`calibration`](Self::calibration) without a
    ///   classifier. Also for [`folds`](Self::folds) beside a [`splitter`](Self::splitter).
    /// - [`Error::Column`] with the row if a target is missing, or does not suit the task. Also if
    ///   a column is a target twice, or a target and ignored, for example.
    /// - [`Error::Empty`] without targets, rows, folds or other columns.
    /// - The errors of [`Classifier::class_weights`](crate::Classifier::class_weights).
    /// - [`Error::InvalidSetting`] for a class with fewer rows than folds, or with a single row.
    /// - [`Error::InvalidSetting`] for one fold of fewer than 6 rows, or of fewer held-out rows
    ///   than classes. Also for Platt or quadratic calibration unless there are two classes.
    /// - The errors of the splitter, and [`Error::Incompatible`] if one of its folds holds out a
    ///   training row, or a row twice.
    /// - The errors of [`Columns::fit`](super::Columns::fit) and [`Trainer::fit`].
    pub fn fit(self) -> Result<TabularModel> {
        #[cfg(feature = "std")]
        let begun = std::time::Instant::now();
        let table = self.table;
        let Problem {
            features,
            target,
            targets,
            splits,
            mut recipe,
        } = self.problem()?;
        let threads = recipe.pool()?;
        // A single network has all threads, and several have one each.
        recipe.threads = (splits.len() > 1).then_some(1).or(recipe.threads);
        #[cfg(feature = "std")]
        if let Some(budget) = recipe.time_budget {
            let data = (&features, &target, &targets);
            recipe.epochs = budget::epochs((budget, begun), &recipe, data, &splits, &threads)?;
        }
        let members = threads.try_map("folds", splits.iter().enumerate(), &|fold| {
            Member::fit(&recipe, &features, (&target, &targets), *fold)
        })?;
        TabularModel::evaluated((target, &recipe), members, (table, &targets), &splits)
    }

    /// Checks the recipe, and reads the table.
    pub(super) fn problem(self) -> Result<Problem<'t>> {
        let Self {
            table,
            mut target,
            logarithm,
            ignored,
            mut recipe,
        } = self;
        check_settings(&recipe, &target, logarithm)?;
        if logarithm {
            target.task = Task::Logarithms;
        }
        check_count("folds", recipe.folds.unwrap_or(1))?;
        if table.rows() == 0 {
            return Err(Error::Empty {
                what: "rows of the table",
            });
        }
        check_columns(table, &recipe, &target, &ignored)?;
        let (target, targets) = target.fit(table)?;
        recipe.calibration.unwrap_or_default().check(&target)?;
        let unlearned: BTreeSet<_> = target.columns().chain(&ignored).collect();
        let mut features = table.clone();
        for name in unlearned {
            features = features.without(name)?;
        }
        let targets = targets.weighted(recipe.class_weights.as_ref(), &target)?;
        let splits = splits(&recipe, table.rows(), (&target, &targets))?;
        recipe.folds = Some(splits.len());
        Ok(Problem {
            features,
            target,
            targets,
            splits,
            recipe,
        })
    }
}

/// Checked recipe with its data.
pub(super) struct Problem<'t> {
    pub(super) features: Table<'t>,
    pub(super) target: Target,
    pub(super) targets: Targets,
    pub(super) splits: Vec<Split>,
    pub(super) recipe: Recipe,
}
