//! Regressor: numbers for each sample.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::Scaler;
use super::parts::{check_loss, in_blocks};
use super::scaler::restore;
use crate::error::{Error, Result, check_length, check_rows};
use crate::float::{Float, check_finite, check_finite_rows, in_rows};
use crate::folds::select;
use crate::loss::{Loss, OutputKind, Poisson, SquaredError};
use crate::metrics::{self, Link};
use crate::mlp::{CheckedSamples, Mlp, Samples};
use crate::train::{History, Trainer, TrainingEvent};

/// Regressor: a network that predicts numbers, scored by R².
///
/// With [`Link::Log`], it predicts counts and other positive numbers, and the network's outputs are
/// their logarithms.
///
/// ```
/// use feedforward::{Mlp, Regressor, Trainer, activation::{Identity, Tanh}, optimizer::Adam};
///
/// let years = [-2.0, -1.0, 0.0, 1.0, 2.0];
/// let prices = [1000.0, 1300.0, 1700.0, 2200.0, 3000.0]; // unscaled: `fit` scales them
/// let net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
/// let mut model = Regressor::new(net);
/// let trainer = Trainer::new(model.loss(), Adam::new(0.02)).epochs(400);
/// model.fit(&trainer, &years, &prices)?;
/// assert!(model.score(&years, &prices)? > 0.99);
/// assert!((model.predict(&[1.0])?[0] - 2200.0).abs() < 100.0);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Targets are scaled
///
/// Networks learn outputs of about [-1, 1] well, but others badly or not at all. The first
/// [`fit`](Self::fit) therefore learns a [`Scaler::standard`] from the targets. That fit and all
/// later ones train the network on scaled targets.
///
/// Predictions are in the unit of the targets. The outputs of [`network`](Self::network) and the
/// losses in [`History`] are those of scaled targets. The scaler of
/// [`target_scaler`](Self::target_scaler) can be folded into the network.
///
/// Targets are not scaled in these cases:
///
/// - with [`Link::Log`],
/// - with an output activation other than the identity, whose range limits the possible targets,
/// - with [`scale_targets(false)`](Self::scale_targets).
#[doc(alias = "MLPRegressor")]
#[doc(alias = "TransformedTargetRegressor")]
#[derive(Clone, Debug)]
pub struct Regressor<T> {
    net: Mlp<T>,
    pub(crate) link: Link,
    pub(super) scale_targets: bool,
    pub(super) scaler: Option<Scaler<T>>,
}

impl<T: Float> Regressor<T> {
    /// Creates a regressor without a target scaler. It predicts the network's outputs until it is
    /// [trained](Self::fit).
    pub fn new(net: Mlp<T>) -> Self {
        Self {
            net,
            link: Link::Identity,
            scale_targets: true,
            scaler: None,
        }
    }

    /// Sets the link from the network's outputs to predictions. Default: [`Link::Identity`].
    ///
    /// ```
    /// use feedforward::{Mlp, Regressor, Trainer, activation::{Identity, Tanh}};
    /// use feedforward::{metrics::Link, optimizer::Adam};
    ///
    /// let (inputs, counts) = ([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 4.0, 8.0]);
    /// let net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
    /// let mut model = Regressor::new(net).link(Link::Log);
    /// let trainer = Trainer::new(model.loss(), Adam::new(0.02)).epochs(400);
    /// model.fit(&trainer, &inputs, &counts)?;
    /// assert!((model.predict(&[3.0])?[0] - 8.0).abs() < 0.5);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn link(mut self, link: Link) -> Self {
        if link != self.link {
            // The outputs now mean other numbers than the scaled targets.
            self.scaler = None;
        }
        self.link = link;
        self
    }

    /// Sets whether the first [`fit`](Self::fit) learns to scale targets. Default: `true`.
    ///
    /// Choose `false` if targets are already scaled, or to continue training a network that learned
    /// unscaled targets. A scaler that `fit` has learned is kept.
    pub fn scale_targets(mut self, scale: bool) -> Self {
        self.scale_targets = scale;
        self
    }

    /// Returns the scaler of the targets that the network was trained on, if [`fit`](Self::fit)
    /// scaled them.
    ///
    /// Fold it into the outputs for a network that makes predictions by itself, for example as
    /// [`MlpRef`](crate::MlpRef):
    ///
    /// ```
    /// # use feedforward::{Mlp, Regressor, Trainer, activation::{Identity, Tanh}, optimizer::Adam};
    /// # let net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
    /// # let mut model = Regressor::new(net);
    /// # let trainer = Trainer::new(model.loss(), Adam::new(0.02)).epochs(4);
    /// # model.fit(&trainer, &[0.0, 1.0, 2.0], &[1000.0, 1300.0, 1700.0])?;
    /// let mut net = model.network().clone();
    /// if let Some(scaler) = model.target_scaler() {
    ///     scaler.fold_into_outputs(&mut net)?;
    /// }
    /// assert!((net.predict(&[1.0])?[0] - model.predict(&[1.0])?[0]).abs() < 1e-9);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn target_scaler(&self) -> Option<&Scaler<T>> {
        self.scaler.as_ref()
    }

    /// Sets the scaler of the targets that the network was trained on.
    #[cfg(feature = "onnx")]
    pub(crate) fn with_target_scaler(mut self, scaler: Option<Scaler<T>>) -> Result<Self> {
        self.scaler = scaler;
        self.check()?;
        Ok(self)
    }

    /// Returns the network. Its outputs are predictions before the [link](Self::link), on the scale
    /// of [`target_scaler`](Self::target_scaler) if there is one.
    pub fn network(&self) -> &Mlp<T> {
        &self.net
    }

    /// Returns the network for writing. For its outputs, see [`network`](Self::network).
    pub fn network_mut(&mut self) -> &mut Mlp<T> {
        &mut self.net
    }

    /// Returns the loss of the link, to pass to a [`Trainer`]: [`SquaredError`] or [`Poisson`].
    pub fn loss(&self) -> Arc<dyn Loss<T>> {
        match self.link {
            Link::Identity => Arc::new(SquaredError),
            Link::Log => Arc::new(Poisson),
        }
    }

    /// Trains the network. Targets are scaled as described for the [type](Self), including those of
    /// a [validation set](crate::train::Validation::set).
    ///
    /// # Errors
    /// [`Error::Incompatible`] for a loss that does not match the link, and the errors of
    /// [`Trainer::fit`].
    pub fn fit(&mut self, trainer: &Trainer<T>, inputs: &[T], targets: &[T]) -> Result<History> {
        let samples = Samples::new(inputs, targets);
        self.fit_with(trainer, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// Trains like [`fit`](Self::fit) on these rows of the data, such as the training rows of a
    /// [fold](crate::folds::Splitter::fold), without copying their inputs. The result is
    /// bit-identical to that of training on a copy of the rows.
    ///
    /// It is short for [`fit_with`](Self::fit_with) with [`Samples::rows`].
    ///
    /// # Errors
    /// As [`fit`](Self::fit). Also [`Error::Empty`] without rows, and [`Error::OutOfBounds`] for a
    /// row that does not exist. Other rows are not checked.
    pub fn fit_rows(
        &mut self,
        trainer: &Trainer<T>,
        inputs: &[T],
        targets: &[T],
        rows: &[usize],
    ) -> Result<History> {
        let samples = Samples::new(inputs, targets).rows(rows);
        self.fit_with(trainer, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// Trains like [`fit`](Self::fit), on samples that may have weights and with a callback like
    /// that of [`Trainer::fit_with`]. The scaler is learned from the selected rows whose weight is
    /// not 0.
    ///
    /// # Errors
    /// See [`fit`](Self::fit).
    pub fn fit_with(
        &mut self,
        trainer: &Trainer<T>,
        samples: &Samples<'_, T>,
        on_event: impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send,
    ) -> Result<History> {
        let (kind, expected) = match self.link {
            Link::Identity => (
                OutputKind::Values,
                "SquaredError or another loss on values, for Link::Identity",
            ),
            Link::Log => (OutputKind::LogRates, "Poisson, for Link::Log"),
        };
        check_loss(trainer, &[kind], expected)?;
        self.check()?;
        let rows = samples.check(&self.net, trainer.loss())?;
        let Some(scaler) = self.scaler_for(&rows)? else {
            return trainer.fit_with(&mut self.net, samples, on_event);
        };
        let mut trainer = trainer.clone();
        if let Some((targets, _)) = trainer.validation_set_mut() {
            // Training reports targets that do not fit.
            if check_rows("targets", targets, self.net.outputs()).is_ok() {
                check_finite_rows("validation targets", targets, self.net.outputs())?;
                scaler.transform_in_place(targets)?;
            }
        }
        let targets = self.scaled(&scaler, samples, &rows)?;
        let before = self.net.params().to_vec();
        let result = trainer.fit_with(&mut self.net, &samples.with_targets(&targets), on_event);
        // An error can occur before or after the network has learned on this scale.
        if result.is_ok() || self.net.params() != before {
            self.scaler = Some(scaler);
        }
        result
    }

    /// Returns the existing scaler, or a new one if these targets are to be scaled.
    fn scaler_for(&self, rows: &CheckedSamples<'_, T>) -> Result<Option<Scaler<T>>> {
        if self.scaler.is_some() {
            return Ok(self.scaler.clone());
        }
        let last = self.net.layer(self.net.depth() - 1)?;
        let has_any_output = last.activation().name() == "identity";
        if !(self.scale_targets && self.link == Link::Identity && has_any_output) {
            return Ok(None);
        }
        let mut buffer = rows.target_buffer();
        let mut targets = Vec::new();
        for row in (0..rows.len()).filter(|&row| rows.weight(row) != Some(T::zero())) {
            targets.extend_from_slice(rows.target(row, &mut buffer));
        }
        Scaler::standard(&targets, self.net.outputs()).map(Some)
    }

    /// Returns all targets, with those of the selected rows scaled. Other rows may hold anything.
    fn scaled(
        &self,
        scaler: &Scaler<T>,
        samples: &Samples<'_, T>,
        rows: &CheckedSamples<'_, T>,
    ) -> Result<Vec<T>> {
        let width = self.net.outputs();
        let mut targets = samples.target_rows(width)?.into_owned();
        let mut buffer = rows.target_buffer();
        let mut chosen = Vec::with_capacity(rows.len() * width);
        for row in 0..rows.len() {
            chosen.extend_from_slice(rows.target(row, &mut buffer));
        }
        scaler.transform_in_place(&mut chosen)?;
        for (row, chosen) in chosen.chunks(width).enumerate() {
            targets[rows.row(row) * width..][..width].copy_from_slice(chosen);
        }
        Ok(targets)
    }

    /// Returns the predictions, row-major `[samples x outputs]`.
    ///
    /// # Errors
    /// The errors of [`Mlp::predict`], and [`Error::NotFinite`] if a prediction is not finite. With
    /// [`Link::Log`], the exponential of a large output can overflow.
    pub fn predict(&self, inputs: &[T]) -> Result<Vec<T>> {
        self.check()?;
        let outputs = self.net.predict(inputs)?;
        self.predictions(outputs, |row| row)
    }

    /// Turns the network's outputs into predictions. An error names the row that `row` returns for
    /// the index of the sample.
    fn predictions(&self, mut outputs: Vec<T>, row: impl Fn(usize) -> usize) -> Result<Vec<T>> {
        for y in &mut outputs {
            *y = self.link.inverse(*y);
        }
        if let Some(scaler) = &self.scaler {
            restore(scaler, &mut outputs);
        }
        for (index, values) in outputs.chunks(self.net.outputs()).enumerate() {
            let named = |error| in_rows(error, row(index), usize::MAX);
            check_finite("predictions", values).map_err(named)?;
        }
        Ok(outputs)
    }

    /// Returns the fraction of the targets' variance that the predictions explain: [`metrics::r2`].
    ///
    /// # Errors
    /// The errors of [`predict`](Self::predict), and [`Error::Length`] unless there are targets for
    /// each sample.
    pub fn score(&self, inputs: &[T], targets: &[T]) -> Result<f64> {
        let samples = check_rows("inputs", inputs, self.net.inputs())?;
        check_length("targets", targets, samples * self.net.outputs())?;
        metrics::r2(&self.predict(inputs)?, targets, self.net.outputs())
    }

    /// Returns the [`score`](Self::score) of these rows of the data, such as the held-out rows of a
    /// fold.
    ///
    /// # Errors
    /// As [`score`](Self::score). Also [`Error::Empty`] without rows, and [`Error::OutOfBounds`]
    /// for a row that does not exist.
    pub fn score_rows(&self, inputs: &[T], targets: &[T], rows: &[usize]) -> Result<f64> {
        let (samples, width) = (
            check_rows("inputs", inputs, self.net.inputs())?,
            self.net.outputs(),
        );
        check_length("targets", targets, samples * width)?;
        self.check()?;
        let mut outputs = Vec::new();
        in_blocks(&self.net, inputs, Some(rows), |block| {
            outputs.extend_from_slice(block);
            Ok(())
        })?;
        let predictions = self.predictions(outputs, |index| rows[index])?;
        metrics::r2(&predictions, &select(targets, width, rows)?, width)
    }

    /// Checks the number of outputs, since [`network_mut`](Self::network_mut) lets callers replace
    /// the network.
    pub(crate) fn check(&self) -> Result<()> {
        let got = self.net.outputs();
        match &self.scaler {
            Some(scaler) if scaler.offsets().len() != got => {
                let expected = format!("{}, one for each target column", scaler.offsets().len());
                Err(Error::shape("outputs of a regressor", expected, got))
            }
            _ => Ok(()),
        }
    }
}
