//! Validation after each iteration.

use alloc::vec;
use alloc::vec::Vec;

use super::GaussNewtonLoss;
use super::on_samples::round;
use crate::error::{Error, Result, check_length};
use crate::float::{Float, check_finite};
use crate::mlp::{GradientWorkspace, Mlp, Samples};

/// Losses so far, and the best parameters.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct ValidationState {
    /// Loss before training, and after each iteration of all runs.
    pub(super) losses: Vec<f64>,
    /// Index of the lowest loss, the first of several.
    pub(super) best: usize,
    /// Parameters with this loss, as the network has them.
    pub(super) params: Vec<f64>,
}

impl ValidationState {
    /// Checks sizes and numbers, which may come from a file.
    pub(super) fn check(&self, params: usize, iterations: usize) -> Result<()> {
        check_length(
            "validation losses",
            &self.losses,
            iterations.saturating_add(1),
        )?;
        check_finite("validation losses", &self.losses)?;
        check_length("best parameters", &self.params, params)?;
        check_finite("best parameters", &self.params)?;
        if self.best >= self.losses.len() {
            return Err(Error::OutOfBounds {
                what: "best iteration",
                len: self.losses.len(),
                index: self.best,
            });
        }
        Ok(())
    }
}

/// Validation of one run.
pub(super) struct Validator<'a, T> {
    samples: &'a Samples<'a, T>,
    patience: usize,
    loss: GaussNewtonLoss,
    workspace: GradientWorkspace<T>,
    pub(super) state: ValidationState,
    /// Error of the last validation.
    failure: Option<Error>,
}

impl<'a, T: Float> Validator<'a, T> {
    /// Validates a network before its first run, or continues from a state.
    pub(super) fn new(
        net: &Mlp<T>,
        samples: &'a Samples<'a, T>,
        patience: usize,
        loss: GaussNewtonLoss,
        state: Option<ValidationState>,
    ) -> Result<Self> {
        let mut workspace = GradientWorkspace::new(net);
        let first = workspace.evaluate_samples(net, samples, loss.loss())?;
        let state = state.unwrap_or_else(|| ValidationState {
            losses: vec![first],
            best: 0,
            params: net.params().iter().map(|x| x.as_f64()).collect(),
        });
        Ok(Self {
            samples,
            patience,
            loss,
            workspace,
            state,
            failure: None,
        })
    }

    /// Validates after an iteration. Returns `false` if that fails.
    pub(super) fn observe(&mut self, net: &Mlp<T>) -> bool {
        let loss = self.loss.loss();
        match self.workspace.evaluate_samples(net, self.samples, loss) {
            Ok(loss) => self.state.losses.push(loss),
            Err(error) => {
                self.failure = Some(error);
                return false;
            }
        }
        let last = self.state.losses.len() - 1;
        if self.state.losses[last] < self.state.losses[self.state.best] {
            self.state.best = last;
            for (to, x) in self.state.params.iter_mut().zip(net.params()) {
                *to = x.as_f64();
            }
        }
        true
    }

    /// Returns `true` if the loss has not fallen for as many iterations as are tolerated.
    pub(super) fn is_over(&self) -> bool {
        self.state.losses.len() - 1 - self.state.best >= self.patience
    }

    /// Gives the network the best parameters.
    pub(super) fn finish(self, net: &mut Mlp<T>) -> Result<ValidationState> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        round(&self.state.params, net.params_mut());
        Ok(self.state)
    }
}
