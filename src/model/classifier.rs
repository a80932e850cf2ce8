//! Classifier: one label for each sample.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Debug;
use core::ops::ControlFlow;

use super::classes::{ClassWeights, Classes, check_labels, sample_weights, weigh_validation};
use super::parts::{check_loss, check_no_output, in_blocks, network_and_labels};
use super::probability::{log_softmax, of_both, softmax};
use crate::activation::Identity;
use crate::error::{Error, Result};
use crate::float::{Float, check_finite_rows};
use crate::loss::OutputKind::{ClassLogits, Logits, Values};
use crate::loss::{BinaryCrossEntropy, Loss, SoftmaxCrossEntropy};
use crate::math;
use crate::memory;
use crate::metrics::{self, ConfusionMatrix};
use crate::mlp::{Mlp, MlpBuilder, Samples};
use crate::train::{Epoch, History, Trainer, TrainerState, TrainingEvent};

/// Classifier: a network of logits, with labels, probabilities and scores.
///
/// Labels can have any type with an order, such as numbers, characters or words. Two classes share
/// one output, the logit of the second class. Three or more classes have one output each. Class i
/// is the i-th of [`classes`](Self::classes) and belongs to output i.
///
/// ```
/// use feedforward::{Classifier, Mlp, Trainer, activation::Tanh, optimizer::Adam};
///
/// let inputs = [0.1, 0.2, 0.9, 0.8, 0.5, 0.4, 0.2, 0.1, 0.8, 0.9, 0.4, 0.5];
/// let labels = ["low", "high", "middle", "low", "high", "middle"];
///
/// let builder = Mlp::<f64>::builder(2).hidden(16, Tanh).seed(1); // no output layer yet
/// let mut model = Classifier::new(builder, labels)?;
/// let trainer = Trainer::new(model.loss(), Adam::new(0.05)).epochs(200);
/// model.fit(&trainer, &inputs, &labels)?;
///
/// assert_eq!(model.classes(), ["high", "low", "middle"]);
/// assert_eq!(model.predict(&[0.85, 0.9])?, ["high"]);
/// assert!(model.predict_probability(&[0.85, 0.9])?[0] > 0.5);
/// assert_eq!(model.score(&inputs, &labels)?, 1.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "MLPClassifier")]
#[derive(Clone, Debug)]
pub struct Classifier<T, L> {
    net: Mlp<T>,
    classes: Classes<L>,
    weights: ClassWeights,
}

network_and_labels!(Classifier);

impl<T: Float, L: Ord + Clone + Debug> Classifier<T, L> {
    /// Builds a network with an output layer for the distinct labels, which are sorted. Pass the
    /// labels of all training samples, or each label once.
    ///
    /// # Errors
    /// - [`Error::Shape`] for fewer than two distinct labels.
    /// - [`Error::Incompatible`] if the builder already has an output layer.
    /// - The errors of [`MlpBuilder::build`].
    pub fn new(builder: MlpBuilder<T>, labels: impl IntoIterator<Item = L>) -> Result<Self> {
        check_no_output(&builder)?;
        let classes = Classes::distinct(labels, 2)?;
        let net = builder.output(outputs(classes.len()), Identity).build()?;
        Self::of(net, classes)
    }

    /// Wraps a network of logits: one output for two classes, otherwise one output for each class.
    /// Labels are in the order of the outputs. With one output, the first label is the negative
    /// class and the second the positive class.
    ///
    /// ```
    /// use feedforward::{Classifier, Layer, Mlp, activation::Identity};
    ///
    /// let layer = Layer::new([0.0; 3], [0.1, 0.7, 0.2], Identity)?; // output 1 is the largest
    /// let net = Mlp::from_layers(&[layer])?;
    /// let model = Classifier::from_network(net, ["negative", "positive", "neutral"])?;
    /// assert_eq!(model.predict(&[0.0])?, ["positive"]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] for fewer than two labels or another number of outputs,
    /// [`Error::InvalidSetting`] for a repeated label.
    pub fn from_network(net: Mlp<T>, labels: impl IntoIterator<Item = L>) -> Result<Self> {
        Self::of(net, Classes::in_order(labels, 2)?)
    }

    fn of(net: Mlp<T>, classes: Classes<L>) -> Result<Self> {
        let model = Self {
            net,
            classes,
            weights: ClassWeights::Equal,
        };
        model.check()?;
        Ok(model)
    }

    /// Sets the weights that classes have in training. Default: [`ClassWeights::Equal`].
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one weight for each class, [`Error::InvalidValue`] if one
    /// is negative or not finite.
    pub fn class_weights(mut self, weights: ClassWeights) -> Result<Self> {
        weights.check(self.classes.len())?;
        self.weights = weights;
        Ok(self)
    }

    /// Returns the loss to pass to a [`Trainer`]: [`BinaryCrossEntropy`] for two classes, otherwise
    /// [`SoftmaxCrossEntropy`].
    pub fn loss(&self) -> Arc<dyn Loss<T>> {
        if self.classes.len() == 2 {
            Arc::new(BinaryCrossEntropy)
        } else {
            Arc::new(SoftmaxCrossEntropy)
        }
    }

    /// Returns the targets that stand for these labels: 0 or 1 for two classes, otherwise one-hot
    /// rows.
    ///
    /// ```
    /// use feedforward::{Classifier, Mlp, Samples, activation::Tanh, train::Lbfgs};
    ///
    /// let (inputs, labels) = ([0.0, 1.0, 2.0, 3.0], [7, 9, 9, 7]);
    /// let mut model = Classifier::new(Mlp::<f64>::builder(1).hidden(8, Tanh).seed(2), labels)?;
    /// let targets = model.targets(&labels)?;
    /// assert_eq!(targets, [0.0, 1.0, 1.0, 0.0]);
    /// Lbfgs::new(model.loss()).fit(model.network_mut(), &inputs, &targets)?;
    /// assert_eq!(model.predict(&inputs)?, labels);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::UnknownLabel`] for a label that is none of the classes, [`Error::TooLarge`] if
    /// there is no memory for the targets.
    pub fn targets(&self, labels: &[L]) -> Result<Vec<T>> {
        let width = outputs(self.classes.len());
        let len = memory::product("targets", &[labels.len(), width])?;
        let mut targets = memory::filled("targets", T::zero(), len)?;
        for (row, class) in targets
            .chunks_mut(width)
            .zip(self.classes.indices(labels, None)?)
        {
            match width {
                1 => row[0] = T::from_f64(class as f64),
                _ => row[class] = T::one(),
            }
        }
        Ok(targets)
    }

    /// Trains the network. A validation split is stratified by default
    /// ([`Validation::stratified`](crate::train::Validation::stratified)).
    ///
    /// The loss is usually that of [`loss`](Self::loss), but two classes accept any loss on logits.
    /// Three or more classes also accept [`BinaryCrossEntropy`] and losses on values, such as the
    /// squared error. The predicted classes are then meaningful, but the probabilities are not. A
    /// custom loss is checked only if it has an [`output_kind`](Loss::output_kind).
    ///
    /// Labels of a validation set must be converted to targets:
    ///
    /// ```
    /// use feedforward::{Classifier, Mlp, Trainer, activation::Tanh};
    /// use feedforward::{optimizer::Adam, train::Validation};
    ///
    /// let (inputs, labels) = ([0.0, 1.0, 2.0, 3.0], ['a', 'a', 'b', 'b']);
    /// let mut model = Classifier::new(Mlp::<f64>::builder(1).hidden(8, Tanh), labels)?;
    /// let trainer = Trainer::new(model.loss(), Adam::new(0.05))
    ///     .validation(Validation::set([0.5, 2.5], model.targets(&['a', 'b'])?))
    ///     .early_stopping(0.0, 10);
    /// model.fit(&trainer, &inputs, &labels)?;
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Length`] unless there is a label for each sample.
    /// - [`Error::UnknownLabel`] for a label that is none of the classes.
    /// - [`Error::Incompatible`] for a loss that does not interpret the outputs as logits.
    /// - The errors of [`Trainer::fit`].
    pub fn fit(&mut self, trainer: &Trainer<T>, inputs: &[T], labels: &[L]) -> Result<History> {
        self.fit_with(trainer, inputs, labels, None, |_, _| {
            ControlFlow::Continue(())
        })
    }

    /// Trains like [`fit`](Self::fit) on these rows of the data, such as the training rows of a
    /// [fold](crate::folds::Splitter::fold), without copying their inputs. The result is
    /// bit-identical to that of training on a copy of the rows.
    ///
    /// ```
    /// use feedforward::{Classifier, Mlp, Trainer, activation::Tanh};
    /// use feedforward::{folds::Split, optimizer::Adam};
    ///
    /// let inputs: Vec<f64> = (0..40).map(|i| f64::from(i) / 20.0 - 1.0).collect();
    /// let labels: Vec<_> = inputs.iter().map(|&x| x > 0.0).collect();
    /// let split = Split::stratified(&labels, 0.25, 1)?;
    /// let mut model = Classifier::new(Mlp::builder(1).hidden(8, Tanh).seed(1), [false, true])?;
    /// let trainer = Trainer::new(model.loss(), Adam::new(0.05)).epochs(100);
    /// model.fit_rows(&trainer, &inputs, &labels, &split.training)?;
    /// assert!(model.score_rows(&inputs, &labels, &split.held_out)? > 0.8);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`fit`](Self::fit). Also [`Error::Empty`] without rows, and [`Error::OutOfBounds`] for a
    /// row that does not exist. Inputs and labels of other rows are not checked.
    pub fn fit_rows(
        &mut self,
        trainer: &Trainer<T>,
        inputs: &[T],
        labels: &[L],
        rows: &[usize],
    ) -> Result<History> {
        let trainer = trainer.clone().stratified_by_default();
        let data = (inputs, labels, Some(rows));
        self.with_samples(&trainer, data, None, |trainer, net, samples| {
            trainer.fit_with(net, samples, |_, _| ControlFlow::Continue(()))
        })
    }

    /// Trains like [`fit`](Self::fit), with a weight for each sample and a callback like that of
    /// [`Trainer::fit_with`].
    ///
    /// # Errors
    /// See [`fit`](Self::fit).
    pub fn fit_with(
        &mut self,
        trainer: &Trainer<T>,
        inputs: &[T],
        labels: &[L],
        weights: Option<&[T]>,
        on_event: impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send,
    ) -> Result<History> {
        let trainer = trainer.clone().stratified_by_default();
        let data = (inputs, labels, None);
        self.with_samples(&trainer, data, weights, |trainer, net, samples| {
            trainer.fit_with(net, samples, on_event)
        })
    }

    /// Trains for one more epoch over these samples, like [`Trainer::partial_fit`]. The samples
    /// need not include all classes. [`Trainer::init_state`] creates the state.
    ///
    /// # Errors
    /// See [`fit`](Self::fit) and [`Trainer::partial_fit`].
    pub fn partial_fit(
        &mut self,
        trainer: &Trainer<T>,
        state: &mut TrainerState<T>,
        inputs: &[T],
        labels: &[L],
    ) -> Result<Epoch> {
        let data = (inputs, labels, None);
        self.with_samples(trainer, data, None, |trainer, net, samples| {
            trainer.partial_fit(net, state, samples)
        })
    }

    /// Checks loss and samples, weighs the samples, and passes them to `train`.
    fn with_samples<R>(
        &mut self,
        trainer: &Trainer<T>,
        (inputs, labels, selected): (&[T], &[L], Option<&[usize]>),
        weights: Option<&[T]>,
        train: impl FnOnce(&Trainer<T>, &mut Mlp<T>, &Samples<'_, T>) -> Result<R>,
    ) -> Result<R> {
        self.check()?;
        let (kinds, expected) = if self.classes.len() == 2 {
            let expected = "BinaryCrossEntropy or another loss on logits, for two classes";
            (&[Logits][..], expected)
        } else {
            let expected =
                "SoftmaxCrossEntropy or another loss on logits, for three or more classes";
            (&[ClassLogits, Logits, Values][..], expected)
        };
        check_loss(trainer, kinds, expected)?;
        check_labels(inputs, self.net.inputs(), labels)?;
        let classes = self.classes.indices(labels, selected)?;
        let samples = Samples::of_classes(inputs, &classes);
        let samples = selected.map_or(samples, |rows| samples.rows(rows));
        let trained = selected.map(|rows| rows.iter().map(|&row| classes[row]).collect::<Vec<_>>());
        let trained = trained.as_ref().unwrap_or(&classes);
        let Some(by_class) = self.weights.of_classes(trained, self.classes.len()) else {
            let samples = weights.map_or(samples, |weights| samples.weights(weights));
            return train(trainer, &mut self.net, &samples);
        };
        let weights = sample_weights(&by_class, &classes, weights)?;
        let mut trainer = trainer.clone();
        weigh_validation(&by_class, &mut trainer);
        train(&trainer, &mut self.net, &samples.weights(&weights))
    }

    /// Returns the most likely class of each sample. Ties go to the first class, as in
    /// scikit-learn.
    ///
    /// # Errors
    /// See [`Mlp::predict`].
    pub fn predict(&self, inputs: &[T]) -> Result<Vec<L>> {
        self.predict_rows(inputs, None)
    }

    fn predict_rows(&self, inputs: &[T], selected: Option<&[usize]>) -> Result<Vec<L>> {
        self.check()?;
        let class = |row: &[T]| match row {
            [logit] => usize::from(*logit > T::zero()),
            row => (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best }),
        };
        let rows = selected.map_or(inputs.len() / self.net.inputs(), <[usize]>::len);
        let mut labels = Vec::with_capacity(rows);
        in_blocks(&self.net, inputs, selected, |logits| {
            let rows = logits.chunks(self.net.outputs());
            labels.extend(rows.map(|row| self.classes()[class(row)].clone()));
            Ok(())
        })?;
        Ok(labels)
    }

    /// Returns the probability of each class, row-major `[samples x classes]`.
    ///
    /// # Errors
    /// See [`Mlp::predict`].
    #[doc(alias = "predict_proba")]
    #[doc(alias = "softmax")]
    pub fn predict_probability(&self, inputs: &[T]) -> Result<Vec<T>> {
        let logits = self.logits(inputs)?;
        Ok(match self.net.outputs() {
            1 => of_both(&logits, math::sigmoid),
            classes => softmax(&logits, classes),
        })
    }

    /// Returns the logarithms of the probabilities. They are finite and exact even if a probability
    /// is too small to distinguish from zero.
    ///
    /// # Errors
    /// The errors of [`Mlp::predict`], and [`Error::NotFinite`] if the difference of two logits
    /// overflows.
    pub fn predict_log_probability(&self, inputs: &[T]) -> Result<Vec<T>> {
        let logits = self.logits(inputs)?;
        let logarithms = match self.net.outputs() {
            1 => of_both(&logits, math::log_sigmoid),
            classes => log_softmax(&logits, classes),
        };
        check_finite_rows("log probabilities", &logarithms, self.classes.len())?;
        Ok(logarithms)
    }

    /// Returns the fraction of samples whose class is predicted correctly: [`metrics::accuracy`].
    ///
    /// # Errors
    /// [`Error::Length`] unless there is a label for each sample, and the errors of
    /// [`Mlp::predict`].
    pub fn score(&self, inputs: &[T], labels: &[L]) -> Result<f64> {
        check_labels(inputs, self.net.inputs(), labels)?;
        metrics::accuracy(&self.predict(inputs)?, labels)
    }

    /// Returns the [`score`](Self::score) of these rows of the data, such as the held-out rows of a
    /// fold. [`fit_rows`](Self::fit_rows) has an example.
    ///
    /// # Errors
    /// As [`score`](Self::score). Also [`Error::Empty`] without rows, and [`Error::OutOfBounds`]
    /// for a row that does not exist.
    pub fn score_rows(&self, inputs: &[T], labels: &[L], rows: &[usize]) -> Result<f64> {
        check_labels(inputs, self.net.inputs(), labels)?;
        let predicted = self.predict_rows(inputs, Some(rows))?;
        let hits = predicted.iter().zip(rows);
        let hits = hits.filter(|&(label, &row)| *label == labels[row]).count();
        Ok(hits as f64 / rows.len() as f64)
    }

    /// Returns the confusion matrix of the predictions.
    ///
    /// # Errors
    /// See [`score`](Self::score).
    pub fn confusion(&self, inputs: &[T], labels: &[L]) -> Result<ConfusionMatrix<L>> {
        check_labels(inputs, self.net.inputs(), labels)?;
        ConfusionMatrix::new(&self.predict(inputs)?, labels)
    }

    /// Checks the number of outputs, since [`network_mut`](Self::network_mut) lets callers replace
    /// the network.
    pub(super) fn check(&self) -> Result<()> {
        let classes = self.classes.len();
        let (expected, got) = (outputs(classes), self.net.outputs());
        if expected == got {
            return Ok(());
        }
        let expected = format!("{expected} for {classes} classes");
        Err(Error::shape("outputs of a classifier", expected, got))
    }
}

fn outputs(classes: usize) -> usize {
    if classes == 2 { 1 } else { classes }
}
