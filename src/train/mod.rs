//! Training: minibatches, epochs, and knowing when to stop.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::error::{Error, Result, check_range};
use crate::float::Float;
use crate::loss::Loss;
use crate::mlp::{Gradient, Mlp, Samples, check_finite};
use crate::optimizer::{Optimizer, State};
use crate::parallel::Threads;
use crate::schedule::{Constant, Progress, Schedule};

mod batches;
mod history;
mod stopping;

pub use batches::Batches;
pub use history::{Epoch, History, StopReason};

use stopping::Plateau;

/// Minibatch size unless told otherwise (scikit-learn's), or all samples if those are fewer.
const DEFAULT_BATCH: usize = 200;

/// Epochs that the history has room for at once, so that it need not grow in between.
const MOST_RESERVED: usize = 1 << 12;

/// Minibatch size times parameters from which on a step takes long enough (about 100
/// microseconds) for threads to gain more than they cost.
const WORTH_SHARING: usize = 1 << 20;

/// A loss, an optimizer and everything else that decides how a network is trained.
///
/// [`fit`](Self::fit) is a loop over public pieces: [`Batches`], [`Gradient`] and
/// [`State`]; the same loop written by hand gives the same bits.
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
pub struct Trainer<T> {
    loss: Arc<dyn Loss<T>>,
    optimizer: Arc<dyn Optimizer<T>>,
    schedule: Arc<dyn Schedule>,
    batch_size: Option<usize>,
    epochs: usize,
    shuffle: bool,
    seed: u64,
    l2: f64,
    validation: Validation<T>,
    early_stopping: Option<Patience>,
    tolerance: Option<Patience>,
    threads: Option<usize>,
}

/// Epochs without enough improvement that are put up with.
#[derive(Clone, Copy, Debug)]
struct Patience {
    improvement: f64,
    epochs: usize,
}

#[derive(Clone, Debug)]
enum Validation<T> {
    None,
    Split(f64),
    Set(Vec<T>, Vec<T>),
}

impl<T: Float> Trainer<T> {
    /// 200 epochs of shuffled minibatches of 200, without penalty, validation or early end.
    pub fn new(loss: impl Loss<T> + 'static, optimizer: impl Optimizer<T> + 'static) -> Self {
        Self {
            loss: Arc::new(loss),
            optimizer: Arc::new(optimizer),
            schedule: Arc::new(Constant),
            batch_size: None,
            epochs: 200,
            shuffle: true,
            seed: 0,
            l2: 0.0,
            validation: Validation::None,
            early_stopping: None,
            tolerance: None,
            threads: None,
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

    /// Sets whether samples are shuffled anew for each epoch; they are unless told otherwise.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// Sets the seed of shuffles and of the validation split: each is a function of the seed
    /// and the epoch alone.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets the penalty on squared weights, as [`Gradient::l2`] explains.
    pub fn l2(mut self, lambda: f64) -> Self {
        self.l2 = lambda;
        self
    }

    /// Sets aside this fraction of the samples (rounded up), drawn by the seed, and measures
    /// the loss on them after each epoch.
    pub fn validation_split(mut self, fraction: f64) -> Self {
        self.validation = Validation::Split(fraction);
        self
    }

    /// Measures the loss on these samples after each epoch.
    pub fn validation_set(mut self, inputs: impl Into<Vec<T>>, targets: impl Into<Vec<T>>) -> Self {
        self.validation = Validation::Set(inputs.into(), targets.into());
        self
    }

    /// Ends the training when the validation loss has not fallen by more than `improvement`
    /// below its best for more than `epochs` epochs in a row, and restores the parameters that
    /// had the best validation loss.
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

    /// Sets the number of threads that share the work. Unless told otherwise it is all cores, or
    /// one where a step is too short for that to pay. Minibatches below 192 samples are not
    /// shared at all. The bits are the same for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Trains the network on samples: `inputs` row-major `[samples x inputs]`, `targets`
    /// `[samples x outputs]`.
    ///
    /// # Errors
    /// [`Error::Rows`], [`Error::Length`], [`Error::OutOfRange`] and [`Error::NotFinite`] for
    /// shapes, settings and numbers that make no sense, before anything is changed;
    /// [`Error::Diverged`] if numbers stop being finite, which leaves the network with the last
    /// parameters that were.
    pub fn fit(&self, net: &mut Mlp<T>, inputs: &[T], targets: &[T]) -> Result<History> {
        self.fit_with(net, inputs, targets, |_, _| ControlFlow::Continue(()))
    }

    /// [`fit`](Self::fit), with a function that is called after each epoch and can end the
    /// training.
    ///
    /// ```
    /// # use feedforward::{Mlp, Trainer, activation::Identity, loss::SquaredError, optimizer::Sgd};
    /// use std::ops::ControlFlow;
    ///
    /// # let mut net = Mlp::<f64>::builder(1).output(1, Identity).build()?;
    /// # let trainer = Trainer::new(SquaredError, Sgd::new(0.1)).epochs(1000);
    /// let history = trainer.fit_with(&mut net, &[1.0, 2.0], &[2.0, 4.0], |epoch, _net| {
    ///     println!("epoch {}: loss {}", epoch.number, epoch.loss);
    ///     if epoch.loss < 1e-3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// })?;
    /// assert!(history.epochs.len() < 1000);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
    pub fn fit_with(
        &self,
        net: &mut Mlp<T>,
        inputs: &[T],
        targets: &[T],
        on_epoch: impl FnMut(&Epoch, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<History> {
        self.check()?;
        check_finite("parameters", net.params())?;
        let all = Samples::new(net, ["inputs", "targets"], inputs, targets)?;
        all.check(&*self.loss)?;
        let (training, held_out) = self.split(all.len())?;
        let validation = match &self.validation {
            Validation::None => None,
            Validation::Split(_) => Some(all.choose(&held_out)),
            Validation::Set(inputs, targets) => {
                let names = ["validation inputs", "validation targets"];
                let samples = Samples::new(net, names, inputs, targets)?;
                samples.check(&*self.loss)?;
                Some(samples)
            }
        };
        let batch = self.batch_size.unwrap_or(DEFAULT_BATCH.min(training.len()));
        let mut batches = Batches::of(training, batch)?;
        if self.shuffle {
            batches = batches.shuffled(self.seed);
        }
        let threads = match self.threads {
            Some(0) => Threads::exactly(0)?,
            _ if !Gradient::<T>::can_be_shared(batch) => Threads::one(),
            Some(count) => Threads::exactly(count)?,
            None if batch * net.params().len() >= WORTH_SHARING => Threads::all(),
            None => Threads::one(),
        };
        let fit = Fit {
            trainer: self,
            gradient: Gradient::new(net).l2(self.l2)?.shared(threads.clone()),
            threads,
            state: State::new(&*self.optimizer, net.layout()),
            progress: Progress {
                step: 0,
                epoch: 0,
                samples: 0,
                samples_before_epoch: 0,
                total_steps: (batches.count() as u64).saturating_mul(self.epochs as u64),
            },
            tolerance: self
                .tolerance
                .map(|p| Plateau::new(p.improvement, p.epochs)),
            early_stopping: self
                .early_stopping
                .map(|p| Plateau::new(p.improvement, p.epochs)),
            best: Vec::new(),
            history: History::default(),
        };
        fit.run(net, all, validation, batches, on_epoch)
    }

    /// Checks the settings, as far as they do not depend on the data.
    fn check(&self) -> Result<()> {
        self.loss.check()?;
        self.optimizer.check()?;
        self.schedule.check()?;
        if self.epochs == 0 {
            return Err(Error::out_of_range("epochs", "at least 1", 0));
        }
        for patience in [self.tolerance, self.early_stopping].into_iter().flatten() {
            let expected = "a finite number, at least 0";
            check_range(
                "improvement",
                patience.improvement,
                0.0..f64::INFINITY,
                expected,
            )?;
        }
        if self.early_stopping.is_some() && matches!(self.validation, Validation::None) {
            let expected = "a validation split or set to watch";
            return Err(Error::out_of_range("early stopping", expected, "none"));
        }
        Ok(())
    }

    /// The rows to train on and those to validate with.
    fn split(&self, samples: usize) -> Result<(Vec<usize>, Vec<usize>)> {
        let mut rows: Vec<usize> = (0..samples).collect();
        let Validation::Split(fraction) = self.validation else {
            return Ok((rows, Vec::new()));
        };
        check_range(
            "validation split",
            fraction,
            0.0..1.0,
            "a fraction, at least 0, below 1",
        )?;
        let held_out = (samples as f64 * fraction).ceil() as usize;
        if held_out == 0 || held_out == samples {
            let expected = format!("a fraction of {samples} samples that leaves both sides some");
            return Err(Error::out_of_range("validation split", expected, fraction));
        }
        batches::shuffle(&mut rows, self.seed, 0);
        let held_out = rows.split_off(samples - held_out);
        rows.sort_unstable();
        Ok((rows, held_out))
    }
}

/// One training under way.
struct Fit<'a, T> {
    trainer: &'a Trainer<T>,
    threads: Threads,
    gradient: Gradient<T>,
    state: State<T>,
    progress: Progress,
    tolerance: Option<Plateau>,
    early_stopping: Option<Plateau>,
    /// The parameters with the best validation loss.
    best: Vec<T>,
    history: History,
}

impl<T: Float> Fit<'_, T> {
    fn run(
        mut self,
        net: &mut Mlp<T>,
        samples: Samples<'_, T>,
        validation: Option<Samples<'_, T>>,
        mut batches: Batches,
        mut on_epoch: impl FnMut(&Epoch, &Mlp<T>) -> ControlFlow<()>,
    ) -> Result<History> {
        self.history
            .epochs
            .reserve(self.trainer.epochs.min(MOST_RESERVED));
        while self.progress.epoch < self.trainer.epochs {
            let threads = self.threads.clone();
            let epoch = threads.install(|| self.epoch(net, samples, validation, &mut batches))?;
            self.history.epochs.push(epoch);
            let stop = self.watch(&epoch, net);
            let stop = match on_epoch(&epoch, net) {
                ControlFlow::Break(()) => Some(StopReason::Callback),
                ControlFlow::Continue(()) => stop,
            };
            if let Some(reason) = stop {
                self.history.stopped_by = reason;
                break;
            }
        }
        if self.history.best_epoch.is_some() {
            net.set_params(&self.best)?;
        }
        self.history.updates = self.state.updates();
        Ok(self.history)
    }

    /// One pass over the training samples, and the losses it ends with.
    fn epoch(
        &mut self,
        net: &mut Mlp<T>,
        samples: Samples<'_, T>,
        validation: Option<Samples<'_, T>>,
        batches: &mut Batches,
    ) -> Result<Epoch> {
        let Trainer {
            optimizer,
            schedule,
            loss,
            ..
        } = self.trainer;
        let base = optimizer.learning_rate();
        let (mut sum, mut learning_rate) = (0.0, base);
        let mut seen = 0;
        for batch in batches.epoch(self.progress.epoch) {
            learning_rate = schedule.rate(base, &self.progress);
            let result = self
                .gradient
                .compute_samples(net, &samples.choose(batch), &**loss);
            let loss = result.map_err(|error| self.diverged(net, error))?;
            let gradient = self.gradient.values();
            let (threads, params) = (&self.threads, net.params_mut());
            self.state
                .update_shared(threads, &**optimizer, learning_rate, params, gradient)?;
            sum += loss * batch.len() as f64;
            seen += batch.len();
            self.progress.step += 1;
            self.progress.samples += batch.len() as u64;
        }
        check_finite("parameters", net.params()).map_err(|error| self.diverged(net, error))?;
        self.progress.epoch += 1;
        self.progress.samples_before_epoch = self.progress.samples;
        let validation_loss = match validation {
            Some(samples) => {
                let result = self.gradient.evaluate_samples(net, &samples, &**loss);
                Some(result.map_err(|error| self.diverged(net, error))?)
            }
            None => None,
        };
        let loss = sum / seen as f64;
        Ok(Epoch {
            number: self.progress.epoch,
            loss,
            validation_loss,
            learning_rate,
        })
    }

    /// Keeps the best parameters and says whether to stop.
    fn watch(&mut self, epoch: &Epoch, net: &Mlp<T>) -> Option<StopReason> {
        if let (Some(plateau), Some(loss)) = (&mut self.early_stopping, epoch.validation_loss) {
            if plateau.see(loss) {
                self.best.clear();
                self.best.extend_from_slice(net.params());
                self.history.best_epoch = Some(epoch.number);
            }
            if plateau.is_over() {
                return Some(StopReason::EarlyStopping);
            }
        }
        let plateau = self.tolerance.as_mut()?;
        plateau.see(epoch.loss);
        plateau.is_over().then_some(StopReason::Tolerance)
    }

    /// Says where a training went wrong. An update that made parameters non-finite is undone.
    fn diverged(&self, net: &mut Mlp<T>, error: Error) -> Error {
        let epoch = self.progress.epoch + 1;
        let updates = self.state.updates();
        let (what, layer, value, step) = match error {
            Error::Overflow { what, layer, value } => (what, layer, value, updates + 1),
            Error::NotFinite { what, index, value } => {
                self.gradient.restore(net);
                (
                    what,
                    net.layout().layer_of(index).unwrap_or(0),
                    value,
                    updates,
                )
            }
            other => return other,
        };
        Error::Diverged {
            epoch,
            step,
            layer,
            what,
            value,
        }
    }
}

#[cfg(test)]
mod tests;
