//! Numbers for each sample.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use crate::error::{Result, check_length, check_rows};
use crate::float::Float;
use crate::loss::{Loss, Poisson, SquaredError};
use crate::math;
use crate::metrics::{self, Link};
use crate::mlp::{Mlp, Samples};
use crate::train::{History, Trainer, TrainingEvent};

/// A network that predicts numbers, scored by R2; or with [`Link::Log`] counts and other
/// numbers above zero, whose logarithm the network gives.
///
/// ```
/// use feedforward::{Mlp, Regressor, Trainer, activation::{Identity, Tanh}};
/// use feedforward::{metrics::Link, optimizer::Adam};
///
/// let inputs = [0.0, 1.0, 2.0, 3.0];
/// let counts = [1.0, 2.0, 4.0, 8.0];
/// let net = Mlp::<f64>::builder(1).hidden(8, Tanh).output(1, Identity).build()?;
/// let mut model = Regressor::new(net).link(Link::Log);
/// let trainer = Trainer::new(model.loss(), Adam::new(0.02)).epochs(400);
/// model.fit(&trainer, &inputs, &counts)?;
/// assert!(model.score(&inputs, &counts)? > 0.99);
/// assert!((model.predict(&[3.0])?[0] - 8.0).abs() < 0.5);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Regressor<T> {
    net: Mlp<T>,
    pub(super) link: Link,
}

impl<T: Float> Regressor<T> {
    /// Predicts what the network gives.
    pub fn new(net: Mlp<T>) -> Self {
        let link = Link::Identity;
        Self { net, link }
    }

    /// Sets how predictions come from the network's outputs.
    pub fn link(mut self, link: Link) -> Self {
        self.link = link;
        self
    }

    /// How predictions come from the network's outputs.
    #[cfg(feature = "onnx")]
    pub(crate) fn used_link(&self) -> Link {
        self.link
    }

    /// The network.
    pub fn network(&self) -> &Mlp<T> {
        &self.net
    }

    /// The network, to write.
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

    /// Trains the network.
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    pub fn fit(&mut self, trainer: &Trainer<T>, inputs: &[T], targets: &[T]) -> Result<History> {
        let samples = Samples::new(inputs, targets);
        self.fit_with(trainer, &samples, |_, _| ControlFlow::Continue(()))
    }

    /// [`fit`](Self::fit) on samples that may have weights, with a function that is called
    /// as [`Trainer::fit_with`] does.
    ///
    /// # Errors
    /// As [`Trainer::fit`].
    pub fn fit_with(
        &mut self,
        trainer: &Trainer<T>,
        samples: &Samples<'_, T>,
        on_event: impl FnMut(&TrainingEvent, &Mlp<T>) -> ControlFlow<()> + Send,
    ) -> Result<History> {
        trainer.fit_with(&mut self.net, samples, on_event)
    }

    /// The predictions, row-major `[samples x outputs]`.
    ///
    /// # Errors
    /// As [`Mlp::predict`].
    pub fn predict(&self, inputs: &[T]) -> Result<Vec<T>> {
        let mut outputs = self.net.predict(inputs)?;
        if self.link == Link::Log {
            for y in &mut outputs {
                *y = math::exp(*y);
            }
        }
        Ok(outputs)
    }

    /// The share of the targets' variance that is explained: [`metrics::r2`].
    ///
    /// # Errors
    /// As [`Mlp::predict`], and [`Error::Length`](crate::Error::Length) unless there are
    /// targets for each sample.
    pub fn score(&self, inputs: &[T], targets: &[T]) -> Result<f64> {
        let samples = check_rows("inputs", inputs, self.net.inputs())?;
        check_length("targets", targets, samples * self.net.outputs())?;
        metrics::r2(&self.predict(inputs)?, targets, self.net.outputs())
    }
}
