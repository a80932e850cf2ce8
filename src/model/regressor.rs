//! Numbers for each sample.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::Scaler;
use super::parts::check_loss;
use super::scaler::restore;
use crate::error::{Error, Result, check_length, check_rows};
use crate::float::{Float, check_finite_rows};
use crate::loss::{Loss, OutputKind, Poisson, SquaredError};
use crate::metrics::{self, Link};
use crate::mlp::{CheckedSamples, Mlp, Samples};
use crate::train::{History, Trainer, TrainingEvent};

/// A network that predicts numbers, scored by R2; or with [`Link::Log`] counts and other
/// numbers above zero, whose logarithm the network gives.
///
/// ```
/// use feedforward::{Mlp, Regressor, Trainer, activation::{Identity, Tanh}, optimizer::Adam};
///
/// let years = [-2.0, -1.0, 0.0, 1.0, 2.0];
/// let prices = [1000.0, 1300.0, 1700.0, 2200.0, 3000.0]; // as they are: `fit` scales them
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
/// Networks learn outputs of about [-1, 1] well and others badly or not at all. The first
/// [`fit`](Self::fit) therefore learns a [`Scaler::standard`] from the targets, and trains the
/// network on scaled targets, in that fit and in later ones. Predictions are in the unit of the
/// targets; [`network`](Self::network) gives scaled ones, and losses in the
/// [`History`] are those of scaled targets. [`target_scaler`](Self::target_scaler) has the scaler, which
/// can be folded into the network.
///
/// Targets stay as they are with [`Link::Log`], with an output activation other than the identity,
/// whose range says what targets are possible, and with [`scale_targets(false)`](Self::scale_targets).
#[derive(Clone, Debug)]
pub struct Regressor<T> {
    net: Mlp<T>,
    pub(crate) link: Link,
    pub(super) scale_targets: bool,
    pub(super) scaler: Option<Scaler<T>>,
}

impl<T: Float> Regressor<T> {
    /// Predicts what the network gives, until it is [trained](Self::fit).
    pub fn new(net: Mlp<T>) -> Self {
        Self {
            net,
            link: Link::Identity,
            scale_targets: true,
            scaler: None,
        }
    }

    /// Sets how predictions come from the network's outputs. Default: [`Link::Identity`].
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
            // The outputs now stand for other numbers than those that were scaled.
            self.scaler = None;
        }
        self.link = link;
        self
    }

    /// Sets whether the first [`fit`](Self::fit) learns to scale targets. Default: `true`.
    ///
    /// Choose `false` for targets that are scaled already, and for a network that was trained on
    /// targets as they are and is to be trained further. A scaler that `fit` has learned stays.
    pub fn scale_targets(mut self, scale: bool) -> Self {
        self.scale_targets = scale;
        self
    }

    /// The scaling of the targets that the network was trained on, if [`fit`](Self::fit) scaled them.
    ///
    /// A network that gives predictions by itself, for [`MlpRef`](crate::MlpRef) say:
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

    /// The network. Its outputs are predictions before the [link](Self::link), and on the scale
    /// of [`target_scaler`](Self::target_scaler) if there is one.
    pub fn network(&self) -> &Mlp<T> {
        &self.net
    }

    /// The network, to write; its outputs are as [`network`](Self::network) says.
    pub fn network_mut(&mut self) -> &mut Mlp<T> {
        &mut self.net
    }

    /// The loss that fits the link, for a [`Trainer`]: [`SquaredError`] or [`Poisson`].
    pub fn loss(&self) -> Arc<dyn Loss<T>> {
        match self.link {
            Link::Identity => Arc::new(SquaredError),
            Link::Log => Arc::new(Poisson),
        }
    }

    /// Trains the network. Targets are scaled, those of a
    /// [validation set](crate::train::Validation::set) too, as the [type](Self) says.
    ///
    /// # Errors
    /// [`Error::Incompatible`] for a loss that reads outputs in another way than the link, and as
    /// [`Trainer::fit`].
    pub fn fit(&mut self, trainer: &Trainer<T>, inputs: &[T], targets: &[T]) -> Result<History> {
        let samples = Samples::new(inputs, targets);
        self.fit_with(trainer, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// [`fit`](Self::fit) on samples that may have weights, with a function that is called
    /// as [`Trainer::fit_with`] does. The scaler is learned from the chosen rows whose weight is
    /// not 0.
    ///
    /// # Errors
    /// As [`fit`](Self::fit).
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
            // Training says what is wrong with targets that do not fit.
            if check_rows("targets", targets, self.net.outputs()).is_ok() {
                check_finite_rows("validation targets", targets, self.net.outputs())?;
                scaler.transform_in_place(targets)?;
            }
        }
        let targets = self.scaled(&scaler, samples, &rows)?;
        let before = self.net.params().to_vec();
        let result = trainer.fit_with(&mut self.net, &samples.with_targets(&targets), on_event);
        // An error may come before or after the network has learned on this scale.
        if result.is_ok() || self.net.params() != before {
            self.scaler = Some(scaler);
        }
        result
    }

    /// The scaler that there is, or one for these targets if they are to be scaled.
    fn scaler_for(&self, rows: &CheckedSamples<'_, T>) -> Result<Option<Scaler<T>>> {
        if self.scaler.is_some() {
            return Ok(self.scaler.clone());
        }
        let last = self.net.layer(self.net.depth() - 1)?;
        let has_any_output = last.activation().name() == "identity";
        if !(self.scale_targets && self.link == Link::Identity && has_any_output) {
            return Ok(None);
        }
        let mut room = rows.target_room();
        let mut targets = Vec::new();
        for row in (0..rows.len()).filter(|&row| rows.weight(row) != Some(T::zero())) {
            targets.extend_from_slice(rows.target(row, &mut room));
        }
        Scaler::standard(&targets, self.net.outputs()).map(Some)
    }

    /// All targets, those of these rows scaled. Others may be anything.
    fn scaled(
        &self,
        scaler: &Scaler<T>,
        samples: &Samples<'_, T>,
        rows: &CheckedSamples<'_, T>,
    ) -> Result<Vec<T>> {
        let width = self.net.outputs();
        let mut targets = samples.target_rows(width).into_owned();
        let mut room = rows.target_room();
        let mut chosen = Vec::with_capacity(rows.len() * width);
        for row in 0..rows.len() {
            chosen.extend_from_slice(rows.target(row, &mut room));
        }
        scaler.transform_in_place(&mut chosen)?;
        for (row, chosen) in chosen.chunks(width).enumerate() {
            targets[rows.row(row) * width..][..width].copy_from_slice(chosen);
        }
        Ok(targets)
    }

    /// The predictions, row-major `[samples x outputs]`.
    ///
    /// # Errors
    /// As [`Mlp::predict`], and [`Error::NotFinite`] if a prediction is not finite:
    /// with [`Link::Log`] the exponential of a large output.
    pub fn predict(&self, inputs: &[T]) -> Result<Vec<T>> {
        self.check()?;
        let mut outputs = self.net.predict(inputs)?;
        for y in &mut outputs {
            *y = self.link.inverse(*y);
        }
        if let Some(scaler) = &self.scaler {
            restore(scaler, &mut outputs);
        }
        check_finite_rows("predictions", &outputs, self.net.outputs())?;
        Ok(outputs)
    }

    /// The fraction of the targets' variance that is explained: [`metrics::r2`].
    ///
    /// # Errors
    /// As [`predict`](Self::predict), and [`Error::Length`] unless there are targets for each
    /// sample.
    pub fn score(&self, inputs: &[T], targets: &[T]) -> Result<f64> {
        let samples = check_rows("inputs", inputs, self.net.inputs())?;
        check_length("targets", targets, samples * self.net.outputs())?;
        metrics::r2(&self.predict(inputs)?, targets, self.net.outputs())
    }

    /// Whoever writes to the network may have put another one in its place.
    pub(crate) fn check(&self) -> Result<()> {
        let got = self.net.outputs();
        match &self.scaler {
            Some(scaler) if scaler.offsets().len() != got => {
                let expected = format!("{}, as its targets have columns", scaler.offsets().len());
                Err(Error::shape("outputs of a regressor", expected, got))
            }
            _ => Ok(()),
        }
    }
}
