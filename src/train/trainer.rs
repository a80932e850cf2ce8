//! What decides how a network is trained.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::batches::{Batches, Order};
use super::objective::Objective;
use super::state::TrainerState;
use super::stopping::{Adaptive, Patience, ReduceOnPlateau};
use super::validation::{Source, Validation};
use crate::error::{Error, Result, check_count, check_range};
use crate::float::Float;
use crate::loss::Loss;
use crate::metrics::Score;
use crate::mlp::Clip;
use crate::optimizer::Optimizer;
use crate::schedule::{Constant, Schedule};

/// A loss, an optimizer and everything else that decides how a network is trained.
///
/// ```
/// use feedforward::{Mlp, Trainer, activation::{Identity, Tanh}, loss::SquaredError, optimizer::Adam};
///
/// let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
/// let targets = [0.0, 1.0, 1.0, 0.0]; // exclusive or
/// let mut net = Mlp::<f64>::builder(2).hidden(8, Tanh).output(1, Identity).seed(1).build()?;
/// let history = Trainer::new(SquaredError, Adam::new(0.02)).epochs(500).fit(&mut net, &inputs, &targets)?;
/// assert!(history.loss() < 1e-3);
/// assert!(net.predict(&[1.0, 0.0])?[0] > 0.9);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "its methods return the changed trainer"]
pub struct Trainer<T> {
    pub(super) objective: Objective<T>,
    pub(super) optimizer: Arc<dyn Optimizer<T>>,
    pub(super) schedule: Arc<dyn Schedule>,
    pub(super) batch_size: Option<usize>,
    pub(super) epochs: usize,
    pub(super) order: Order,
    pub(super) seed: u64,
    pub(super) average: Option<f64>,
    pub(super) validation: Option<Validation<T>>,
    pub(super) early_stopping: Option<Patience>,
    pub(super) tolerance: Option<Patience>,
    pub(super) adaptive: Option<Adaptive>,
    pub(super) reduce_on_plateau: Option<ReduceOnPlateau>,
    pub(super) threads: Option<usize>,
    #[cfg(all(feature = "safetensors", feature = "std"))]
    /// The file that checkpoints are written to, and the number of epochs between two.
    pub(super) checkpoints: Option<(std::path::PathBuf, usize)>,
}

impl<T: Float> Trainer<T> {
    /// 200 epochs of shuffled minibatches of 200, without penalty, validation or early end.
    pub fn new(loss: impl Loss<T> + 'static, optimizer: impl Optimizer<T> + 'static) -> Self {
        Self {
            objective: Objective::new(loss),
            optimizer: Arc::new(optimizer),
            schedule: Arc::new(Constant),
            batch_size: None,
            epochs: 200,
            order: Order::Shuffled,
            seed: 0,
            average: None,
            validation: None,
            early_stopping: None,
            tolerance: None,
            adaptive: None,
            reduce_on_plateau: None,
            threads: None,
            #[cfg(all(feature = "safetensors", feature = "std"))]
            checkpoints: None,
        }
    }

    /// Sets the learning-rate schedule; constant unless told otherwise.
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Arc::new(schedule);
        self
    }

    /// Sets the number of samples in a minibatch. The last one of an epoch may be
    /// shorter; it is used, not dropped. Unless told otherwise it is 200, or all samples if
    /// those are fewer.
    pub fn batch_size(mut self, samples: usize) -> Self {
        self.batch_size = Some(samples);
        self
    }

    /// Sets the largest number of epochs.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the order in which the samples of each epoch come. Default: [`Order::Shuffled`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Sets the seed of shuffles, dropout and the validation split: each is a function of
    /// the seed and of how far training has come, and of nothing else.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the penalty on squared weights, as [`GradientWorkspace::l2`](crate::GradientWorkspace::l2) explains.
    pub fn l2(mut self, lambda: f64) -> Self {
        self.objective.l2 = lambda;
        self
    }

    /// Bounds the gradient of each minibatch; it is not bounded unless told otherwise.
    pub fn clip(mut self, clip: Clip) -> Self {
        self.objective.clip = Some(clip);
        self
    }

    /// Drops each hidden output with this probability while training, as
    /// [`GradientWorkspace::dropout`](crate::GradientWorkspace::dropout) explains; 0 unless told otherwise.
    pub fn dropout(mut self, rate: f64) -> Self {
        self.objective.dropout = rate;
        self
    }

    /// Keeps an exponential moving average of the parameters, which the network is given in the
    /// end, for validation and for the caller's function:
    /// average <- d average + (1 - d) parameters after every update t, where
    /// d = min(`decay`, (1 + t) / (10 + t)), so that it soon forgets the beginning. 0.99 to
    /// 0.9999 are usual. Polyak and Juditsky, "Acceleration of stochastic approximation by
    /// averaging", 1992; the warm-up is TensorFlow's.
    pub fn weight_average(mut self, decay: f64) -> Self {
        self.average = Some(decay);
        self
    }

    /// Sets aside this fraction of the samples and measures the loss on them after each epoch:
    /// `validation(Validation::split(fraction))`.
    pub fn validation_split(self, fraction: f64) -> Self {
        self.validation(Validation::split(fraction))
    }

    /// Sets the samples whose loss, and score if there is one, is measured after each epoch.
    pub fn validation(mut self, validation: Validation<T>) -> Self {
        self.validation = Some(validation);
        self
    }

    /// Stratifies a split unless the caller chose otherwise.
    pub(crate) fn stratified_by_default(mut self) -> Self {
        if let Some(Source::Split(_, stratified)) = self.validation_source_mut() {
            stratified.get_or_insert(true);
        }
        self
    }

    /// The targets and weights of the validation set, if there is one.
    pub(crate) fn validation_set_mut(&mut self) -> Option<(&mut Vec<T>, &mut Option<Vec<T>>)> {
        match self.validation_source_mut()? {
            Source::Set(_, targets, weights) => Some((targets, weights)),
            Source::Split(..) => None,
        }
    }

    fn validation_source_mut(&mut self) -> Option<&mut Source<T>> {
        Some(&mut self.validation.as_mut()?.source)
    }

    /// Whether some of the samples are set aside.
    pub(super) fn splits(&self) -> bool {
        let validation = self.validation.as_ref();
        validation.is_some_and(|validation| matches!(validation.source, Source::Split(..)))
    }

    /// The score of validation samples, if there is one.
    pub(super) fn score(&self) -> Option<&Arc<dyn Score<T>>> {
        self.validation.as_ref()?.score.as_ref()
    }

    /// Divides the weighted sum over each minibatch by its number of samples times the mean weight
    /// of all training samples, instead of by the sum of its own weights. Default: `false`.
    ///
    /// A minibatch's own weights make all minibatches count alike, whatever is in them, so sample
    /// weights and [`ClassWeights`](crate::ClassWeights) fade as minibatches get smaller. With the
    /// mean weight they act as they do over all samples at once, and the length of a step varies
    /// with the weights.
    pub fn mean_weight(mut self, mean_weight: bool) -> Self {
        self.objective.mean_weight = mean_weight;
        self
    }

    /// Ends the training when the validation loss has been above its best minus `improvement`
    /// (or the [score](Validation::score) below its best plus that) for more than `epochs`
    /// epochs in a row, and restores the parameters of the epoch in which it was best. With an
    /// improvement of 0, a value that stays exactly the same does not count.
    pub fn early_stopping(mut self, improvement: f64, epochs: usize) -> Self {
        self.early_stopping = Some(Patience {
            improvement,
            epochs,
        });
        self
    }

    /// Ends the training when the training loss has been above its best minus `improvement`
    /// for more than `epochs` epochs in a row: scikit-learn's `tol` and `n_iter_no_change`. With
    /// an improvement of 0, a loss that stays exactly the same does not count.
    pub fn tolerance(mut self, improvement: f64, epochs: usize) -> Self {
        self.tolerance = Some(Patience {
            improvement,
            epochs,
        });
        self
    }

    /// Divides the learning rate where training would otherwise end, until it is small.
    pub fn adaptive(mut self, adaptive: Adaptive) -> Self {
        self.adaptive = Some(adaptive);
        self
    }

    /// Lowers the learning rate, on top of its schedule, whenever the loss stops falling.
    pub fn reduce_on_plateau(mut self, reduce: ReduceOnPlateau) -> Self {
        self.reduce_on_plateau = Some(reduce);
        self
    }

    /// Sets the number of threads that share the work. Unless told otherwise it is all cores, or
    /// one where a step is too short for that to pay. Minibatches below 192 samples are not
    /// shared at all. The bits are the same for any number. More threads than 16 and than there are
    /// cores would do nothing, so they are not started.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Checks the settings, as far as they do not depend on the data.
    pub(super) fn check(&self) -> Result<()> {
        self.objective.loss.check()?;
        self.optimizer.check()?;
        self.schedule.check()?;
        check_count("epochs", self.epochs)?;
        for patience in [self.tolerance, self.early_stopping].into_iter().flatten() {
            patience.check()?;
        }
        self.adaptive.iter().try_for_each(Adaptive::check)?;
        (self.reduce_on_plateau.iter()).try_for_each(ReduceOnPlateau::check)?;
        if let Some(decay) = self.average {
            let what = "decay of the weight average";
            let expected = "at least 0 and below 1 in the network's precision";
            check_range(what, decay, 0.0..1.0, expected)?;
            check_range(what, T::from_f64(decay).as_f64(), 0.0..1.0, expected)?;
        }
        #[cfg(all(feature = "safetensors", feature = "std"))]
        if let Some((_, every)) = self.checkpoints {
            check_count("epochs between checkpoints", every)?;
        }
        if self.early_stopping.is_some() && self.validation.is_none() {
            let (what, expected) = ("early stopping", "a validation split or set to watch");
            return Err(Error::Missing { what, expected });
        }
        if self.adaptive.is_some() && self.tolerance.is_none() && self.early_stopping.is_none() {
            let what = "adaptive learning rate";
            let expected = "a tolerance or early stopping that it acts on";
            return Err(Error::Missing { what, expected });
        }
        Ok(())
    }

    /// Checks that a schedule over all updates has not come to its end.
    pub(super) fn check_schedule(&self, state: &TrainerState<T>, batches: &Batches) -> Result<()> {
        let updates = (batches.count() as u64).saturating_mul(self.epochs as u64);
        let done = state.scalars.progress.step;
        if done < updates || !self.schedule.spans_all_updates() {
            return Ok(());
        }
        Err(Error::incompatible(
            "updates under a schedule over all updates",
            format!("at most {updates}, those of {} epochs", self.epochs),
            format!("more, after {done}"),
        ))
    }
}
