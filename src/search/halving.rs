//! Successive halving.

use alloc::vec::Vec;

use super::settings::Settings;
use super::trials::{Trial, Trials};
use crate::error::{Error, Result, check_not_empty, check_range, listed};
use crate::parallel::Threads;

/// Successive halving: all trials start with few resources, and the best continue with more.
///
/// The rungs r₁ < … < rₖ are the resources after which trials are compared, such as numbers of
/// epochs. The last rung is the whole run. Of n trials, nᵢ train up to rung i:
///
/// ```text
/// n₁ = n
/// nᵢ₊₁ = ⌈nᵢ / factor⌉, and at most the number of trials with a score
/// ```
///
/// With a single rung it is random search. [`search`](super) has an example.
///
/// Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
/// optimization", 2016, [arXiv:1502.07943](https://arxiv.org/abs/1502.07943).
#[doc(alias = "HalvingRandomSearchCV")]
#[doc(alias = "RandomizedSearchCV")]
#[derive(Clone, Debug, PartialEq)]
#[must_use = "`run` starts the search"]
pub struct Halving {
    rungs: Vec<usize>,
    factor: f64,
    threads: Option<usize>,
}

impl Halving {
    /// Creates a driver with these rungs.
    ///
    /// # Errors
    /// - [`Error::Empty`] without rungs.
    /// - [`Error::InvalidSetting`] unless each rung is above the one before, and the first is above
    ///   0.
    pub fn new(rungs: &[usize]) -> Result<Self> {
        check_not_empty("rungs", rungs)?;
        if rungs[0] == 0 || !rungs.is_sorted_by(|a, b| a < b) {
            let expected = "numbers above 0, in ascending order";
            return Err(Error::invalid_setting("rungs", expected, listed(rungs)));
        }
        Ok(Self {
            rungs: rungs.to_vec(),
            factor: 2.0,
            threads: None,
        })
    }

    /// Sets the factor by which the number of trials falls at each rung. Range: 1 to 10^6. Default:
    /// 2.
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// Sets the number of threads, each of which runs a trial at a time. Default: one for each
    /// core. Results are equal for any number of threads.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Returns the rungs.
    pub fn rungs(&self) -> &[usize] {
        &self.rungs
    }

    /// Returns the total resource that a number of trials takes if none fails.
    ///
    /// ```
    /// use feedforward::search::Halving;
    ///
    /// // 50 trials up to epoch 17, 25 up to 51, 13 up to 119 and 7 up to 256.
    /// let cost = Halving::new(&[17, 51, 119, 256])?.cost(50);
    /// assert_eq!(cost, 50 * 17 + 25 * 34 + 13 * 68 + 7 * 137);
    /// assert!(cost < 50 * 256 / 3);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn cost(&self, trials: usize) -> usize {
        let (mut trials, mut before, mut cost) = (trials, 0, 0_usize);
        for &rung in &self.rungs {
            cost = cost.saturating_add(trials.saturating_mul(rung - before));
            trials = self.kept(trials);
            before = rung;
        }
        cost
    }

    /// Runs trials with these settings, and returns the table of results.
    ///
    /// The function gets a trial, its state, and the resource up to which it shall train. It
    /// returns the score; higher is better. The state is `None` at first. A function that keeps
    /// network and training state in it can resume at the next rung, and need not start again. The
    /// state of a trial is dropped as soon as it is out. [`run_with_states`](Self::run_with_states)
    /// returns the states of the others.
    ///
    /// A trial fails if its score is NaN, or if the function returns [`Error::Diverged`]. It is out
    /// then, and another one may take its place.
    ///
    /// # Errors
    /// - [`Error::Empty`] without settings.
    /// - [`Error::InvalidSetting`] if the factor is out of its range.
    /// - Any other error of the function, which ends the search.
    pub fn run<S: Send>(
        &self,
        settings: impl IntoIterator<Item = Settings>,
        function: impl Fn(&Trial, &mut Option<S>, usize) -> Result<f64> + Sync,
    ) -> Result<Trials> {
        Ok(self.run_with_states(settings, function)?.0)
    }

    /// Runs trials like [`run`](Self::run). Also returns the states of all trials that reached the
    /// last rung, with the better ones first: in the order of [`Trials`].
    ///
    /// # Errors
    /// The errors of [`run`](Self::run).
    pub fn run_with_states<S: Send>(
        &self,
        settings: impl IntoIterator<Item = Settings>,
        function: impl Fn(&Trial, &mut Option<S>, usize) -> Result<f64> + Sync,
    ) -> Result<(Trials, Vec<S>)> {
        check_range("factor of halving", self.factor, 1.0..=1e6, "1 to 1000000")?;
        let threads = match self.threads {
            None => Threads::all(),
            Some(count) => Threads::exactly(count)?,
        };
        let trials = settings.into_iter().enumerate();
        let trials = trials.map(|(number, settings)| Trial::new(number, settings));
        let mut running: Vec<_> = trials.map(|trial| Running::new(trial)).collect();
        check_not_empty("trials", &running)?;
        let mut ended = Vec::new();
        for (index, &rung) in self.rungs.iter().enumerate() {
            if index > 0 {
                let kept = self.kept(running.len());
                running.sort_by(|a, b| a.trial.by_score(&b.trial));
                let failed = running.iter().position(|one| one.trial.score.is_nan());
                let kept = kept.min(failed.unwrap_or(kept));
                ended.extend(running.drain(kept..).map(|out| out.trial));
                // Trials start in the order of their numbers, as the first rung does.
                running.sort_by_key(|one| one.trial.number);
            }
            threads.install(|| {
                threads.for_each(&mut running, &|one| one.train(rung, &function));
            });
            for one in &mut running {
                if let Some(error) = one.error.take() {
                    return Err(error);
                }
            }
        }
        running.sort_by(|a, b| a.trial.by_score(&b.trial));
        let scored = running
            .iter()
            .filter(|one| !one.trial.score.is_nan())
            .count();
        let mut states = Vec::new();
        for (index, one) in running.into_iter().enumerate() {
            ended.push(one.trial);
            states.extend(one.state.filter(|_| index < scored));
        }
        Ok((Trials::new(ended), states))
    }

    /// Returns the number of trials that continue, of this many.
    fn kept(&self, trials: usize) -> usize {
        let kept = trials as f64 / self.factor;
        let whole = kept as usize;
        whole + usize::from(kept > whole as f64)
    }
}

/// A trial during the search.
struct Running<S> {
    trial: Trial,
    state: Option<S>,
    error: Option<Error>,
}

impl<S> Running<S> {
    fn new(trial: Trial) -> Self {
        Self {
            trial,
            state: None,
            error: None,
        }
    }

    /// Trains up to a resource and scores.
    fn train(
        &mut self,
        resource: usize,
        function: &impl Fn(&Trial, &mut Option<S>, usize) -> Result<f64>,
    ) {
        let score = function(&self.trial, &mut self.state, resource);
        self.trial.resource = resource;
        self.trial.score = match score {
            Ok(score) => score,
            Err(Error::Diverged { .. }) => f64::NAN,
            Err(error) => {
                self.error = Some(error);
                f64::NAN
            }
        };
        if self.trial.score.is_nan() {
            self.state = None;
        }
    }
}
