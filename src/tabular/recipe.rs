//! The recipe: from a table to a model.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::ControlFlow;

use super::columns::ColumnSettings;
use super::member::Member;
use super::model::TabularModel;
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::activation::Activation;
use crate::error::{Error, Result, check_count};
use crate::folds::{KFold, Split, Splitter, StratifiedKFold};
use crate::optimizer::Optimizer;
use crate::parallel::Threads;

/// Progress of a fit, which the function given to [`Tabular::on_epoch`] receives.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Index of the fold.
    pub fold: usize,
    /// Number of folds.
    pub folds: usize,
    /// Number of the epoch, counted from 1.
    pub epoch: usize,
    /// Number of epochs of each fold.
    pub epochs: usize,
    /// Training loss of the epoch.
    pub loss: f64,
    /// Loss of the held-out rows.
    pub held_out_loss: f64,
}

/// Function of the caller that sees the end of each epoch.
type OnEpoch = dyn Fn(&Progress) -> ControlFlow<()> + Send + Sync;

/// Settings of a recipe.
#[derive(Clone)]
pub(super) struct Recipe {
    pub(super) columns: ColumnSettings,
    pub(super) folds: usize,
    pub(super) epochs: usize,
    pub(super) batch_size: usize,
    pub(super) seed: u64,
    pub(super) hidden: Vec<usize>,
    pub(super) activation: Option<Arc<dyn Activation<f32>>>,
    pub(super) optimizer: Option<Arc<dyn Optimizer<f32>>>,
    pub(super) learning_rate: Option<f64>,
    pub(super) smoothing: f64,
    pub(super) threads: Option<usize>,
    pub(super) splitter: Option<Arc<dyn Splitter>>,
    pub(super) on_epoch: Arc<OnEpoch>,
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe")
            .field("columns", &self.columns)
            .field("folds", &self.folds)
            .field("epochs", &self.epochs)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// A recipe that makes a model from a table.
#[derive(Clone, Debug)]
#[must_use = "`fit` trains the model"]
pub struct Tabular<'t> {
    table: &'t Table<'t>,
    targets: Vec<String>,
    ignored: Vec<String>,
    task: Task,
    recipe: Recipe,
}

impl<'t> Tabular<'t> {
    /// Predicts the class in a column of the table from all other columns.
    pub fn classifier(table: &'t Table<'t>, target: impl Into<String>) -> Self {
        Self::new(table, target.into(), Task::Classification)
    }

    /// Predicts the number in a column of the table from all other columns.
    pub fn regressor(table: &'t Table<'t>, target: impl Into<String>) -> Self {
        Self::new(table, target.into(), Task::Regression)
    }

    fn new(table: &'t Table<'t>, target: String, task: Task) -> Self {
        Self {
            table,
            targets: [target].into(),
            ignored: Vec::new(),
            task,
            recipe: Recipe {
                columns: ColumnSettings::default(),
                folds: 5,
                epochs: 256,
                batch_size: 256,
                seed: 0,
                hidden: [256; 3].into(),
                activation: None,
                optimizer: None,
                learning_rate: None,
                smoothing: 0.1,
                threads: None,
                splitter: None,
                on_epoch: Arc::new(|_| ControlFlow::Continue(())),
            },
        }
    }

    /// Sets the number of folds, and thus of networks. Default: 5.
    pub fn folds(mut self, folds: usize) -> Self {
        self.recipe.folds = folds;
        self
    }

    /// Sets the number of epochs. Default: 256.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.recipe.epochs = epochs;
        self
    }

    /// Sets the seed of folds, initial parameters and shuffles. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.recipe.seed = seed;
        self
    }

    /// Trains the model.
    pub fn fit(self) -> Result<TabularModel> {
        let Self {
            table,
            targets: names,
            ignored,
            task,
            mut recipe,
        } = self;
        check_count("folds", recipe.folds)?;
        let (target, targets) = Target::fit(table, &names, task)?;
        let left_out = names.iter().chain(&ignored);
        let features = left_out
            .cloned()
            .try_fold(table.clone(), |table, name| table.without(&name))?;
        let splits = splits(&recipe, table.rows(), &targets)?;
        recipe.folds = splits.len();
        let threads = match recipe.threads {
            None => Threads::all(),
            Some(count) => Threads::exactly(count)?,
        };
        // A single network takes all threads, and several take one each.
        recipe.threads = Some(if splits.len() == 1 {
            threads.count()
        } else {
            1
        });
        let mut members: Vec<_> = splits
            .iter()
            .enumerate()
            .map(|(index, split)| (index, split, None))
            .collect();
        threads.install(|| {
            threads.for_each(&mut members, &|(index, split, member)| {
                let fitted = Member::fit(&recipe, &features, &target, &targets, (*index, split));
                *member = Some(fitted);
            });
        });
        let members = members.into_iter().filter_map(|(_, _, member)| member);
        let members = members.collect::<Result<Vec<_>>>()?;
        TabularModel::evaluated(target, members, &features, &targets, &splits)
    }
}

/// Returns the folds: one split with a fifth of the rows held out, or several.
fn splits(recipe: &Recipe, rows: usize, targets: &Targets) -> Result<Vec<Split>> {
    let (folds, seed) = (recipe.folds, recipe.seed);
    if let Some(splitter) = &recipe.splitter {
        check_rows_of(&**splitter, rows)?;
        return splitter.folds();
    }
    match targets {
        Targets::Classes(classes) if folds == 1 => {
            Ok([Split::stratified(classes, 0.2, seed)?].into())
        }
        Targets::Numbers(_) if folds == 1 => Ok([Split::new(rows, 0.2, seed)?].into()),
        Targets::Classes(classes) => StratifiedKFold::new(classes, folds)?.shuffled(seed).folds(),
        Targets::Numbers(_) => KFold::new(rows, folds)?.shuffled(seed).folds(),
    }
}

/// Checks that a splitter of the caller divides the rows of the table.
fn check_rows_of(splitter: &dyn Splitter, rows: usize) -> Result<()> {
    if splitter.rows() == rows {
        return Ok(());
    }
    let expected = format!("{rows}, as in the table");
    Err(Error::shape(
        "rows of the splitter",
        expected,
        splitter.rows(),
    ))
}
