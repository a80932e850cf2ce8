//! Multilabel classifier: any number of labels for each sample.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::ops::ControlFlow;

use super::classes::{Classes, check_labels};
use super::parts::{check_loss, check_no_output, in_blocks, network_and_labels};
use crate::activation::Identity;
use crate::error::{Error, Result, check_row_indices};
use crate::float::Float;
use crate::loss::{BinaryCrossEntropy, OutputKind};
use crate::math;
use crate::memory;
use crate::mlp::{Mlp, MlpBuilder, Samples};
use crate::train::{Epoch, History, Trainer, TrainerState, TrainingEvent};

/// Losses that a multilabel classifier can be trained with.
const LOSS: &str = "BinaryCrossEntropy or another loss on independent logits";

/// Multilabel classifier: a network whose logits say, for each label, whether a sample has it.
///
/// ```
/// use feedforward::{Mlp, MultilabelClassifier, Trainer, activation::Tanh, optimizer::Adam};
///
/// let inputs = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
/// let labels = [vec![], vec!["right"], vec!["left"], vec!["left", "right"]];
///
/// let builder = Mlp::<f64>::builder(2).hidden(8, Tanh);
/// let mut model = MultilabelClassifier::new(builder, ["left", "right"])?;
/// let trainer = Trainer::new(model.loss(), Adam::new(0.05)).epochs(300);
/// model.fit(&trainer, &inputs, &labels)?;
/// assert_eq!(model.predict(&[1.0, 1.0])?, [["left", "right"]]);
/// assert_eq!(model.score(&inputs, &labels)?, 1.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultilabelClassifier<T, L> {
    net: Mlp<T>,
    classes: Classes<L>,
}

network_and_labels!(MultilabelClassifier);

impl<T: Float, L: Ord + Clone + Debug> MultilabelClassifier<T, L> {
    /// Builds a network with an output layer of one logit for each distinct label. Labels are
    /// sorted.
    ///
    /// # Errors
    /// - [`Error::Shape`] without labels.
    /// - [`Error::Incompatible`] if the builder already has an output layer.
    /// - The errors of [`MlpBuilder::build`].
    pub fn new(builder: MlpBuilder<T>, labels: impl IntoIterator<Item = L>) -> Result<Self> {
        check_no_output(&builder)?;
        let classes = Classes::distinct(labels, 1)?;
        let net = builder.output(classes.len(), Identity).build()?;
        Ok(Self { net, classes })
    }

    /// Wraps a network that has one logit for each label. Output i belongs to label i.
    ///
    /// # Errors
    /// [`Error::Shape`] without labels or for another number of outputs, [`Error::InvalidSetting`]
    /// for a repeated label.
    pub fn from_network(net: Mlp<T>, labels: impl IntoIterator<Item = L>) -> Result<Self> {
        let classes = Classes::in_order(labels, 1)?;
        let model = Self { net, classes };
        model.check()?;
        Ok(model)
    }

    /// Returns the loss to pass to a [`Trainer`].
    pub fn loss(&self) -> BinaryCrossEntropy {
        BinaryCrossEntropy
    }

    /// Returns the targets that stand for these labels: a row of zeros and ones for each sample.
    ///
    /// # Errors
    /// [`Error::UnknownLabel`] for an unknown label.
    pub fn targets(&self, labels: &[impl AsRef<[L]>]) -> Result<Vec<T>> {
        let mut targets = self.no_targets(labels.len())?;
        for (row, labels) in labels.iter().enumerate() {
            self.write_target(row, labels.as_ref(), &mut targets)?;
        }
        Ok(targets)
    }

    /// Returns targets of 0 for this many samples.
    fn no_targets(&self, samples: usize) -> Result<Vec<T>> {
        let len = memory::product("targets", &[samples, self.classes.len()])?;
        memory::filled("targets", T::zero(), len)
    }

    /// Writes ones for the labels of a row into targets that are all 0.
    fn write_target(&self, row: usize, labels: &[L], targets: &mut [T]) -> Result<()> {
        for label in labels {
            targets[row * self.classes.len() + self.classes.index(row, label)?] = T::one();
        }
        Ok(())
    }

    /// Trains the network.
    ///
    /// # Errors
    /// - [`Error::Length`] unless there is a list of labels, possibly empty, for each sample.
    /// - [`Error::UnknownLabel`] for an unknown label.
    /// - [`Error::Incompatible`] for a built-in loss that does not act on independent logits.
    /// - The errors of [`Trainer::fit`].
    pub fn fit(
        &mut self,
        trainer: &Trainer<T>,
        inputs: &[T],
        labels: &[impl AsRef<[L]>],
    ) -> Result<History> {
        self.fit_with(trainer, inputs, labels, |_, _| ControlFlow::Continue(()))
    }

    /// Trains like [`fit`](Self::fit) on these rows of the data, such as the training rows of a
    /// [fold](crate::folds::Splitter::fold), without copying their inputs. The result is
    /// bit-identical to that of training on a copy of the rows.
    ///
    /// # Errors
    /// As [`fit`](Self::fit). Also [`Error::Empty`] without rows, and [`Error::OutOfBounds`] for a
    /// row that does not exist. Inputs and labels of other rows are not checked.
    pub fn fit_rows(
        &mut self,
        trainer: &Trainer<T>,
        inputs: &[T],
        labels: &[impl AsRef<[L]>],
        rows: &[usize],
    ) -> Result<History> {
        self.check()?;
        check_loss(trainer, &[OutputKind::Logits], LOSS)?;
        check_labels(inputs, self.net.inputs(), labels)?;
        check_row_indices(rows, labels.len())?;
        let mut targets = self.no_targets(labels.len())?;
        for &row in rows {
            self.write_target(row, labels[row].as_ref(), &mut targets)?;
        }
        let samples = Samples::new(inputs, &targets).rows(rows);
        trainer.fit_with(&mut self.net, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// Trains like [`fit`](Self::fit), with a callback like that of [`Trainer::fit_with`].
    ///
    /// # Errors
    /// See [`fit`](Self::fit).
    pub fn fit_with(
        &mut self,
        trainer: &Trainer<T>,
        inputs: &[T],
        labels: &[impl AsRef<[L]>],
        on_event: impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send,
    ) -> Result<History> {
        self.check()?;
        check_loss(trainer, &[OutputKind::Logits], LOSS)?;
        check_labels(inputs, self.net.inputs(), labels)?;
        let targets = self.targets(labels)?;
        trainer.fit_with(&mut self.net, &Samples::new(inputs, &targets), on_event)
    }

    /// Trains for one more epoch over these samples, like [`Trainer::partial_fit`].
    /// [`Trainer::init_state`] creates the state.
    ///
    /// # Errors
    /// See [`fit`](Self::fit) and [`Trainer::partial_fit`].
    pub fn partial_fit(
        &mut self,
        trainer: &Trainer<T>,
        state: &mut TrainerState<T>,
        inputs: &[T],
        labels: &[impl AsRef<[L]>],
    ) -> Result<Epoch> {
        self.check()?;
        check_loss(trainer, &[OutputKind::Logits], LOSS)?;
        check_labels(inputs, self.net.inputs(), labels)?;
        let targets = self.targets(labels)?;
        trainer.partial_fit(&mut self.net, state, &Samples::new(inputs, &targets))
    }

    /// Returns the labels of each sample whose probability is above 1/2.
    ///
    /// # Errors
    /// See [`Mlp::predict`].
    pub fn predict(&self, inputs: &[T]) -> Result<Vec<Vec<L>>> {
        self.check()?;
        let mut predicted = Vec::with_capacity(inputs.len() / self.net.inputs());
        in_blocks(&self.net, inputs, None, |logits| {
            for row in logits.chunks(self.classes.len()) {
                let pairs = row.iter().zip(self.classes());
                let likely = pairs.filter(|(y, _)| **y > T::zero());
                predicted.push(likely.map(|(_, label)| label.clone()).collect());
            }
            Ok(())
        })?;
        Ok(predicted)
    }

    /// Returns the probability of each label, row-major `[samples x labels]`. Rows need not sum to
    /// 1.
    ///
    /// # Errors
    /// See [`Mlp::predict`].
    pub fn predict_probability(&self, inputs: &[T]) -> Result<Vec<T>> {
        let logits = self.logits(inputs)?;
        Ok(logits.into_iter().map(math::sigmoid).collect())
    }

    /// Returns the logarithms of the probabilities. They are finite and exact even if a probability
    /// is too small to distinguish from zero.
    ///
    /// # Errors
    /// See [`Mlp::predict`].
    pub fn predict_log_probability(&self, inputs: &[T]) -> Result<Vec<T>> {
        let logits = self.logits(inputs)?;
        Ok(logits.into_iter().map(math::log_sigmoid).collect())
    }

    /// Returns the fraction of samples whose labels are all predicted correctly:
    /// [`SubsetAccuracy`](crate::metrics::SubsetAccuracy).
    ///
    /// # Errors
    /// See [`fit`](Self::fit) and [`Mlp::predict`].
    pub fn score(&self, inputs: &[T], labels: &[impl AsRef<[L]>]) -> Result<f64> {
        self.score_selected(inputs, labels, None)
    }

    /// Returns the [`score`](Self::score) of these rows of the data, such as the held-out rows of a
    /// fold.
    ///
    /// # Errors
    /// As [`score`](Self::score). Also [`Error::Empty`] without rows, and [`Error::OutOfBounds`]
    /// for a row that does not exist.
    pub fn score_rows(
        &self,
        inputs: &[T],
        labels: &[impl AsRef<[L]>],
        rows: &[usize],
    ) -> Result<f64> {
        self.score_selected(inputs, labels, Some(rows))
    }

    fn score_selected(
        &self,
        inputs: &[T],
        labels: &[impl AsRef<[L]>],
        selected: Option<&[usize]>,
    ) -> Result<f64> {
        check_labels(inputs, self.net.inputs(), labels)?;
        self.check()?;
        let (mut hits, mut sample) = (0usize, 0);
        let mut wanted = vec![false; self.classes.len()];
        in_blocks(&self.net, inputs, selected, |logits| {
            for logits in logits.chunks(wanted.len()) {
                let row = selected.map_or(sample, |rows| rows[sample]);
                wanted.fill(false);
                for label in labels[row].as_ref() {
                    wanted[self.classes.index(row, label)?] = true;
                }
                let mut pairs = logits.iter().zip(&wanted);
                hits += usize::from(pairs.all(|(&y, &wanted)| (y > T::zero()) == wanted));
                sample += 1;
            }
            Ok(())
        })?;
        Ok(hits as f64 / sample as f64)
    }

    /// Checks the number of outputs, since [`network_mut`](Self::network_mut) lets callers replace
    /// the network.
    pub(super) fn check(&self) -> Result<()> {
        let (expected, got) = (self.classes.len(), self.net.outputs());
        if expected == got {
            return Ok(());
        }
        let what = "outputs of a multilabel classifier";
        let expected = format!("{expected}, one for each label");
        Err(Error::shape(what, expected, got))
    }
}
