//! The trainer and its settings.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::batches::Order;
use super::objective::Objective;
use super::stopping::{Adaptive, Patience, ReduceOnPlateau};
use super::validation::{Source, Validation};
use crate::float::Float;
use crate::loss::Loss;
use crate::metrics::Score;
use crate::mlp::Clip;
use crate::optimizer::Optimizer;
use crate::schedule::{Constant, Schedule};

/// Settings of a training run: a loss, an optimizer and everything else but the network and the
/// samples.
///
/// ```
/// use feedforward::activation::{Identity, Tanh};
/// use feedforward::{Mlp, Trainer, loss::SquaredError, optimizer::Adam};
///
/// let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
/// let targets = [0.0, 1.0, 1.0, 0.0]; // exclusive or
/// let mut net = Mlp::<f64>::builder(2).hidden(8, Tanh).output(1, Identity).seed(1).build()?;
/// let trainer = Trainer::new(SquaredError, Adam::new(0.02)).epochs(500);
/// let history = trainer.fit(&mut net, &inputs, &targets)?;
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
    pub(super) dropout_schedule: Option<Arc<dyn Schedule>>,
    pub(super) decay_schedule: Option<Arc<dyn Schedule>>,
    pub(super) batch_size: Option<usize>,
    pub(super) drop_last: bool,
    pub(super) epochs: usize,
    pub(super) order: Order,
    pub(super) seed: u64,
    pub(super) average: Option<f64>,
    pub(super) validation: Option<Arc<Validation<T>>>,
    pub(super) early_stopping: Option<Patience>,
    pub(super) keep_best: bool,
    pub(super) tolerance: Option<Patience>,
    pub(super) adaptive: Option<Adaptive>,
    pub(super) reduce_on_plateau: Option<ReduceOnPlateau>,
    pub(super) threads: Option<usize>,
    #[cfg(all(feature = "safetensors", feature = "std"))]
    /// Checkpoint file, and number of epochs between two checkpoints.
    pub(super) checkpoints: Option<(std::path::PathBuf, usize)>,
}

impl<T: Float> Trainer<T> {
    /// Creates a trainer for this loss and optimizer.
    ///
    /// By default it runs 200 epochs of shuffled minibatches of 200 samples, without penalty,
    /// validation or early stopping.
    pub fn new(loss: impl Loss<T> + 'static, optimizer: impl Optimizer<T> + 'static) -> Self {
        Self {
            objective: Objective::new(loss),
            optimizer: Arc::new(optimizer),
            schedule: Arc::new(Constant),
            dropout_schedule: None,
            decay_schedule: None,
            batch_size: None,
            drop_last: false,
            epochs: 200,
            order: Order::Shuffled,
            seed: 0,
            average: None,
            validation: None,
            early_stopping: None,
            keep_best: false,
            tolerance: None,
            adaptive: None,
            reduce_on_plateau: None,
            threads: None,
            #[cfg(all(feature = "safetensors", feature = "std"))]
            checkpoints: None,
        }
    }

    /// Replaces the optimizer, for example of a trainer that a recipe has made.
    pub fn with_optimizer(mut self, optimizer: impl Optimizer<T> + 'static) -> Self {
        self.optimizer = Arc::new(optimizer);
        self
    }

    /// Replaces the loss.
    pub fn with_loss(mut self, loss: impl Loss<T> + 'static) -> Self {
        self.objective.loss = Arc::new(loss);
        self
    }

    /// Sets the learning-rate schedule. Default: [`Constant`].
    pub fn schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Arc::new(schedule);
        self
    }

    /// Multiplies the probability of [`dropout`](Self::dropout) in each update by the rate of a
    /// schedule whose base is 1. By default it is constant.
    ///
    /// The probability must be below 1 at both ends of the schedule. In between it is limited to
    /// that range.
    ///
    /// In a [loop by hand](super::TrainingRun), set the probability before each gradient:
    /// `gradient.set_dropout(run.state().dropout(&trainer))?`.
    ///
    /// ```
    /// use feedforward::{Trainer, loss::SquaredError, optimizer::AdamW, schedule::FlatCosine};
    ///
    /// // Regularizes less and less in the second half of the run, as RealMLP does.
    /// let adamw = AdamW { weight_decay: 0.02, ..AdamW::new(0.04) };
    /// let trainer = Trainer::<f32>::new(SquaredError, adamw)
    ///     .dropout(0.15)
    ///     .dropout_schedule(FlatCosine)
    ///     .decay_schedule(FlatCosine);
    /// ```
    pub fn dropout_schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.dropout_schedule = Some(Arc::new(schedule));
        self
    }

    /// Multiplies the weight decay of the optimizer in each update by the rate of a schedule whose
    /// base is 1. By default it is constant.
    ///
    /// The learning rate's schedule acts on the decay too, since the decay is multiplied by the
    /// learning rate. The optimizer must have a decay, as [`AdamW`](crate::optimizer::AdamW) does.
    #[doc(alias = "weight_decay")]
    pub fn decay_schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.decay_schedule = Some(Arc::new(schedule));
        self
    }

    /// Returns all schedules.
    pub(super) fn schedules(&self) -> impl Iterator<Item = &Arc<dyn Schedule>> {
        let others = self.dropout_schedule.iter().chain(&self.decay_schedule);
        core::iter::once(&self.schedule).chain(others)
    }

    /// Sets the number of samples in a minibatch. Default: 200, or all samples if there are fewer.
    ///
    /// The last minibatch of an epoch may be shorter. By default it is used.
    pub fn batch_size(mut self, samples: usize) -> Self {
        self.batch_size = Some(samples);
        self
    }

    /// Sets whether to drop the last minibatch of each epoch if it is shorter than the others, as
    /// PyTorch's `DataLoader` does. Default: `false`.
    ///
    /// A few samples make a noisy gradient, which harms at high learning rates. Every shuffle drops
    /// other samples. If `true`, a batch size above the number of samples means all samples.
    pub fn drop_last(mut self, drop: bool) -> Self {
        self.drop_last = drop;
        self
    }

    /// Sets the maximum number of epochs. Default: 200.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Sets the order of the samples in each epoch. Default: [`Order::Shuffled`].
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Sets the seed of shuffles, dropout and the validation split. Default: 0.
    ///
    /// Each of them depends only on the seed and on the progress of the training run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the penalty λ on squared weights. Default: 0.
    ///
    /// See [`GradientWorkspace::l2`](crate::GradientWorkspace::l2).
    #[doc(alias = "alpha")]
    #[doc(alias = "ridge")]
    pub fn l2(mut self, lambda: f64) -> Self {
        self.objective.l2 = lambda;
        self
    }

    /// Bounds the gradient of each minibatch. By default it is not bounded.
    pub fn clip(mut self, clip: Clip) -> Self {
        self.objective.clip = Some(clip);
        self
    }

    /// Sets the probability with which training drops each hidden output. Default: 0.
    ///
    /// See [`GradientWorkspace::dropout`](crate::GradientWorkspace::dropout).
    pub fn dropout(mut self, rate: f64) -> Self {
        self.objective.dropout = rate;
        self
    }

    /// Keeps an exponential moving average of the parameters. By default there is none.
    ///
    /// The average changes after every update t:
    ///
    /// ```text
    /// average ← d · average + (1 - d) · parameters
    /// d = min(decay, (1 + t) / (10 + t))
    /// ```
    ///
    /// The small d of the first updates lets the average soon forget the initial parameters. This
    /// warm-up is TensorFlow's. Range of `decay`: [0, 1). Usual: 0.99 to 0.9999.
    ///
    /// The network has the average during validation, in the caller's function after an epoch, and
    /// at the end of training.
    ///
    /// Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    #[doc(alias = "EMA")]
    #[doc(alias = "exponential_moving_average")]
    #[doc(alias = "polyak_averaging")]
    pub fn weight_average(mut self, decay: f64) -> Self {
        self.average = Some(decay);
        self
    }

    /// Sets aside this fraction of the samples and measures the loss on them after each epoch.
    ///
    /// Short for `validation(Validation::split(fraction))`.
    pub fn validation_split(self, fraction: f64) -> Self {
        self.validation(Validation::split(fraction))
    }

    /// Sets the validation samples, and optionally a score, to evaluate after each epoch.
    pub fn validation(mut self, validation: Validation<T>) -> Self {
        self.validation = Some(Arc::new(validation));
        self
    }

    /// Stratifies a validation split if the caller has set neither `true` nor `false`.
    pub(crate) fn stratified_by_default(mut self) -> Self {
        if let Some(Source::Split(_, stratified)) = self.validation_source_mut() {
            stratified.get_or_insert(true);
        }
        self
    }

    /// Returns the targets and weights of the validation set, if there is one.
    pub(crate) fn validation_set_mut(&mut self) -> Option<(&mut Vec<T>, &mut Option<Vec<T>>)> {
        match self.validation_source_mut()? {
            Source::Set(_, targets, weights) => Some((targets, weights)),
            Source::Split(..) => None,
        }
    }

    /// Returns the inputs of the validation set, if there is one.
    pub(crate) fn validation_inputs_mut(&mut self) -> Option<&mut Vec<T>> {
        match self.validation_source_mut()? {
            Source::Set(inputs, ..) => Some(inputs),
            Source::Split(..) => None,
        }
    }

    fn validation_source_mut(&mut self) -> Option<&mut Source<T>> {
        Some(&mut Arc::make_mut(self.validation.as_mut()?).source)
    }

    /// Returns `true` if validation samples are split off the training samples.
    pub(super) fn splits(&self) -> bool {
        let validation = self.validation.as_ref();
        validation.is_some_and(|validation| matches!(validation.source, Source::Split(..)))
    }

    /// Returns the validation score, if there is one.
    pub(super) fn score(&self) -> Option<&Arc<dyn Score<T>>> {
        self.validation.as_ref()?.score.as_ref()
    }

    /// Sets whether the mean weight of all training samples scales a minibatch's loss and gradient.
    /// Default: `false`.
    ///
    /// - `false`: the weighted sum over a minibatch is divided by the sum of its own weights. All
    ///   minibatches count alike, so sample weights and [`ClassWeights`](crate::ClassWeights) fade
    ///   as minibatches get smaller.
    /// - `true`: the weighted sum is divided by the minibatch's number of samples times the mean
    ///   weight of all training samples. Weights act as they do over all samples at once, and the
    ///   length of a step varies with the weights.
    pub fn mean_weight(mut self, mean_weight: bool) -> Self {
        self.objective.mean_weight = mean_weight;
        self
    }

    /// Ends training when validation stops improving, and restores the best epoch's parameters.
    ///
    /// An epoch counts as bad if its validation loss is above the best loss minus `improvement`.
    /// With a [score](Validation::score), it is bad if the score is below the best score plus
    /// `improvement`. Training ends after more than `epochs` bad epochs in a row. With an
    /// `improvement` of 0, an epoch that equals the best one is not bad.
    #[doc(alias = "patience")]
    #[doc(alias = "n_iter_no_change")]
    pub fn early_stopping(mut self, improvement: f64, epochs: usize) -> Self {
        self.early_stopping = Some(Patience {
            improvement,
            epochs,
        });
        self
    }

    /// Restores the parameters of the best epoch at the end of all epochs. Of several best epochs,
    /// the last one counts.
    ///
    /// The best epoch has the best [score](Validation::score), or else the minimum validation loss.
    /// With [`early_stopping`](Self::early_stopping), which restores the first of several best
    /// epochs, training also ends early.
    #[doc(alias = "restore_best_weights")]
    #[doc(alias = "ModelCheckpoint")]
    pub fn keep_best(mut self) -> Self {
        self.keep_best = true;
        self
    }

    /// Returns `true` if the best epoch's parameters are the result.
    pub(super) fn restores_best(&self) -> bool {
        self.keep_best || self.early_stopping.is_some()
    }

    /// Ends training when the training loss stops falling, as scikit-learn's `tol` and
    /// `n_iter_no_change` do.
    ///
    /// An epoch counts as bad if its training loss is above the best loss minus `improvement`.
    /// Training ends after more than `epochs` bad epochs in a row. With an `improvement` of 0, an
    /// epoch that equals the best one is not bad.
    pub fn tolerance(mut self, improvement: f64, epochs: usize) -> Self {
        self.tolerance = Some(Patience {
            improvement,
            epochs,
        });
        self
    }

    /// Divides the learning rate when training would otherwise end, until the rate is small.
    pub fn adaptive(mut self, adaptive: Adaptive) -> Self {
        self.adaptive = Some(adaptive);
        self
    }

    /// Lowers the learning rate, on top of its schedule, whenever the loss stops falling.
    pub fn reduce_on_plateau(mut self, reduce: ReduceOnPlateau) -> Self {
        self.reduce_on_plateau = Some(reduce);
        self
    }

    /// Sets the number of threads that share the work. Default: one per core, or a single thread if
    /// steps are too short to gain from more.
    ///
    /// Results are bit-identical for any number of threads. Minibatches below 64 samples run on a
    /// single thread. At most 16 threads are started, or one per core on machines with more cores.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }
}
