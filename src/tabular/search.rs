//! Search of a recipe's settings.

use alloc::vec::Vec;

use super::check::check_settings;
use super::model::TabularModel;
use super::recipe::{Problem, Tabular};
use super::settings::Recipe;
use super::table::Table;
use super::trial::{TrialState, score};
use crate::error::{Error, Result, check_count, check_not_empty, check_range};
use crate::memory;
use crate::search::{Halving, Settings, Space, Trials, select_ensemble};

/// Fractions of a training run at which the learning rate of
/// [`CosineLog`](crate::schedule::CosineLog) is 0.
const VALLEYS: [f64; 3] = [1.0 / 15.0, 3.0 / 15.0, 7.0 / 15.0];

/// Maximum number of trials, each of which takes some memory.
const MOST_TRIALS: usize = 1_000_000;

/// Maximum number of steps of a selection.
const MOST_STEPS: usize = 1000;

/// Settings of [`Tabular::search`].
///
/// ```
/// use feedforward::tabular::SearchSettings;
///
/// let settings = SearchSettings { trials: 20, ..SearchSettings::default() };
/// assert_eq!((settings.seed, settings.space), (0, None));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SearchSettings {
    /// Number of trials, including one of the recipe's own settings. Range: 1 to 1,000,000.
    /// Default: 50.
    pub trials: usize,
    /// Space of settings, with names of [`Tabular::set`]. Default: `None`, which means
    /// [`Tabular::space`].
    pub space: Option<Space>,
    /// Seed of the draws from the space. All trials have the recipe's seed for folds, initial
    /// parameters and shuffles. Default: 0.
    pub seed: u64,
    /// Factor by which the number of trials falls at each valley of the learning rate. Range: 1,
    /// which ends no trial early, to 10^6. Default: 2.
    pub factor: f64,
    /// Number of steps of the selection of an ensemble. Range: 1 to 1000. Default: 40.
    pub steps: usize,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            trials: 50,
            space: None,
            seed: 0,
            factor: 2.0,
            steps: 40,
        }
    }
}

impl SearchSettings {
    /// Returns the halving of trials with this number of epochs. Its rungs are the valleys of the
    /// schedule [`CosineLog`](crate::schedule::CosineLog), after 1/15, 3/15 and 7/15 of the epochs,
    /// and the end.
    ///
    /// ```
    /// use feedforward::tabular::SearchSettings;
    ///
    /// let settings = SearchSettings::default();
    /// let halving = settings.halving(128)?;
    /// assert_eq!(halving.rungs(), [9, 26, 60, 128]);
    /// assert_eq!(halving.cost(settings.trials), 1793); // of 50 · 128 = 6400 epochs
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for 0 epochs.
    pub fn halving(&self, epochs: usize) -> Result<Halving> {
        check_count("epochs", epochs)?;
        let valleys = VALLEYS
            .iter()
            .map(|part| (part * epochs as f64 + 0.5) as usize);
        let mut rungs: Vec<_> = valleys
            .filter(|&epoch| 0 < epoch && epoch < epochs)
            .collect();
        rungs.push(epochs);
        rungs.dedup();
        Ok(Halving::new(&rungs)?.factor(self.factor))
    }
}

/// Results of [`Tabular::search`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SearchResults {
    /// All trials, of which the best is the first.
    pub trials: Trials,
    /// Model of the best trial.
    pub best: TabularModel,
    /// Weighted mean of the models that were trained to the end, by
    /// [`select_ensemble`](crate::search::select_ensemble).
    pub ensemble: TabularModel,
    /// Numbers of the ensemble's trials, and their weights.
    pub weights: Vec<(usize, u32)>,
}

impl Tabular<'_> {
    /// Searches settings: it trains a model for each of several random settings, ends bad ones
    /// early, and makes an ensemble of the others.
    ///
    /// Trial 0 has the recipe's own settings, so that the search starts from them. The others are
    /// draws from the space.
    ///
    /// Trials are compared on their held-out rows, by the criterion that chooses the best epoch. It
    /// is accuracy, R² of the learned numbers, area under the ROC curve, or the negative loss.
    /// [`folds`](Self::folds) are 1 by default here, and a trial with several folds has their mean.
    /// All trials have the same rows.
    ///
    /// The learning rate falls to 0 several times in a training run, so trials are compared there
    /// ([`SearchSettings::halving`]). Those that continue resume from their state. A model that is
    /// trained to the end is bit-identical to that of
    /// `recipe.folds(1).set(&trial.settings)?.fit()?`.
    ///
    /// **Scores of the search are too good.** The held-out rows have chosen the epoch, the settings
    /// and the ensemble. Only rows of another table, which had no part in the search, tell how good
    /// the result is ([`TabularModel::score`]). Intervals are too narrow for the same reason.
    ///
    /// ```
    /// use feedforward::search::Space;
    /// use feedforward::tabular::{Column, SearchSettings, Table, Tabular};
    ///
    /// let area = |i| 40 + i * 37 % 120;
    /// let table = Table::new()
    ///     .with("area", Column::numbers((0..200).map(area)))?
    ///     .with("price", Column::numbers((0..200).map(|i| 3 * area(i) + i * 61 % 7)))?;
    /// let rows: Vec<usize> = (0..200).collect();
    /// let (training, test) = (table.select(&rows[..160])?, table.select(&rows[160..])?);
    ///
    /// let recipe = Tabular::regressor(&training, "price").epochs(15);
    /// let space = Space::new()
    ///     .log_uniform("learning_rate", 0.01, 0.3)?
    ///     .choice("width", [8, 16, 32])?;
    /// let settings = SearchSettings { trials: 8, space: Some(space), ..Default::default() };
    /// let found = recipe.clone().search(&settings)?;
    /// print!("{}", found.trials);
    /// assert!(found.ensemble.score(&test)?.get("r2") > Some(0.8));
    ///
    /// // The best settings, with five networks.
    /// let best = found.trials.best().expect("a search has a best trial");
    /// let model = recipe.folds(5).set(&best.settings)?.fit()?;
    /// assert!(model.score(&test)?.get("r2") > Some(0.8));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// Threads train trials side by side, and results are bit-identical for any number of threads.
    /// Between two rungs, a trial keeps its networks and their training states in memory: about 20
    /// bytes for each parameter.
    ///
    /// Sources: Bergstra and Bengio, 2012 (random search). Jamieson and Talwalkar, 2016,
    /// [arXiv:1502.07943](https://arxiv.org/abs/1502.07943) (halving). Caruana et al., 2004
    /// (ensembles).
    ///
    /// # Errors
    /// - The errors of [`set`](Self::set) and [`fit`](Self::fit). A trial that diverges fails, but
    ///   ends no search.
    /// - [`Error::Empty`] for a space without parameters.
    /// - [`Error::InvalidSetting`] for a search setting out of its range, and if all trials fail.
    /// - [`Error::Incompatible`] with a `time_budget`, which chooses the number of epochs.
    #[doc(alias = "RandomizedSearchCV")]
    #[doc(alias = "HalvingRandomSearchCV")]
    #[doc(alias = "optuna")]
    pub fn search(mut self, settings: &SearchSettings) -> Result<SearchResults> {
        let range = 1.0..=MOST_TRIALS as f64;
        check_range("trials", settings.trials as f64, range, "1 to 1000000")?;
        let range = 1.0..=MOST_STEPS as f64;
        check_range("steps", settings.steps as f64, range, "1 to 1000")?;
        if self.recipe.time_budget.is_some() {
            let (expected, got) = ("no time budget, but a number of epochs", "one");
            return Err(Error::incompatible("recipe of a search", expected, got));
        }
        let space = match &settings.space {
            Some(space) => space.clone(),
            None => self.space()?,
        };
        check_not_empty(
            "parameters of the space",
            &space.names().collect::<Vec<_>>(),
        )?;
        if self.recipe.splitter.is_none() {
            self.recipe.folds.get_or_insert(1);
        }
        let table = self.table;
        let recipe = self.clone();
        let problem = self.problem()?;
        let halving = settings.halving(problem.recipe.epochs)?;
        let halving = match problem.recipe.threads {
            Some(threads) => halving.threads(threads),
            None => halving,
        };
        // A single trial has all threads, and several have one each.
        let threads = (settings.trials > 1)
            .then_some(1)
            .or(problem.recipe.threads);
        let own = core::iter::once(Settings::new());
        let draws = own
            .chain(space.draws(settings.seed).skip(1))
            .take(settings.trials);
        let (trials, states) = halving.run_with_states(draws, |trial, state, epochs| {
            let set = recipe.clone().set(&trial.settings)?.recipe;
            check_settings(&set, &problem.target, false)?;
            let recipe = Recipe {
                threads,
                folds: problem.recipe.folds,
                ..set
            };
            let state = state.get_or_insert_with(TrialState::default);
            state.train(&problem, (&recipe, table), (trial.number, epochs))
        })?;
        let models = states.into_iter().filter_map(|state| state.model);
        let models: Vec<_> = models.collect();
        let Some(best) = models.first().cloned() else {
            let expected = "at least one that does not diverge";
            return Err(Error::invalid_setting("trials", expected, "none"));
        };
        let counts = selected(&problem, &models, settings.steps)?;
        let weights = trials
            .iter()
            .zip(&counts)
            .map(|(trial, &count)| (trial.number, count));
        Ok(SearchResults {
            weights: weights.filter(|&(_, count)| count > 0).collect(),
            ensemble: ensemble(&problem, &models, &counts, table)?,
            best,
            trials,
        })
    }
}

/// Returns the weight of each model in the ensemble that is best on held-out rows.
fn selected(problem: &Problem<'_>, models: &[TabularModel], steps: usize) -> Result<Vec<u32>> {
    let outputs = problem.target.outputs();
    let held_out = problem.splits.iter().flat_map(|split| &split.held_out);
    let mut rows: Vec<_> = held_out.copied().collect();
    rows.sort_unstable();
    rows.dedup();
    let len = memory::product("predictions", &[rows.len(), outputs])?;
    let predictions = models.iter().map(|model| {
        let values = rows
            .iter()
            .flat_map(|&row| &model.out_of_fold[row * outputs..][..outputs]);
        memory::collected("predictions", len, values.copied())
    });
    let predictions = predictions.collect::<Result<Vec<_>>>()?;
    let predictions: Vec<_> = predictions.iter().map(Vec::as_slice).collect();
    let targets = (&problem.target, &problem.targets);
    let loss = |mean: &[f64]| {
        let score = score(targets, problem.recipe.metric, mean, &rows);
        score.map_or(f64::NAN, |score| -score)
    };
    let counts = select_ensemble(&predictions, steps, loss)?;
    Ok(counts.into_iter().map(|count| count as u32).collect())
}

/// Returns the mean of the models with these weights.
fn ensemble(
    problem: &Problem<'_>,
    models: &[TabularModel],
    weights: &[u32],
    table: &Table<'_>,
) -> Result<TabularModel> {
    let (mut members, mut splits) = (Vec::new(), Vec::new());
    for (model, &weight) in models
        .iter()
        .zip(weights)
        .filter(|(_, weight)| **weight > 0)
    {
        for (member, split) in model.members.iter().zip(&problem.splits) {
            let mut member = member.clone();
            member.weight = weight;
            members.push(member);
            splits.push(split.clone());
        }
    }
    let fitted = (problem.target.clone(), &problem.recipe);
    TabularModel::evaluated(fitted, members, (table, &problem.targets), &splits)
}
