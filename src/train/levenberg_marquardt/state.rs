//! State of a run, from which another can continue.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::prior::Penalty;
use super::validation::ValidationState;
use super::{Evidence, GaussNewtonLoss, LevenbergMarquardt};
use crate::error::{Error, Result};
use crate::float::{Float, check_finite, check_values};
use crate::mlp::Mlp;
use crate::train::least_squares::SearchState;

/// State of a run of [`LevenbergMarquardt`]: damping, scale, estimates of a Bayesian penalty,
/// validation losses, and the last and best parameters in f64. The default is that of a new run.
///
/// The feature `serde` saves it. A state from a file is checked when a run resumes.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct LevenbergMarquardtState {
    /// Empty before the first run.
    pub(super) params: Vec<f64>,
    pub(super) search: SearchState,
    pub(super) loss: GaussNewtonLoss,
    /// λ
    pub(super) penalty: f64,
    /// Estimates of a Bayesian penalty. `None` for a constant one.
    pub(super) evidence: Option<Evidence>,
    /// `None` without validation.
    pub(super) validation: Option<ValidationState>,
}

impl LevenbergMarquardtState {
    /// Returns `true` before the first run.
    pub(super) fn is_new(&self) -> bool {
        self.params.is_empty()
    }

    /// Returns the parameters to start from.
    pub(super) fn start<T: Float>(
        &self,
        net: &Mlp<T>,
        trainer: &LevenbergMarquardt,
        has_validation: bool,
    ) -> Result<Vec<f64>> {
        let params = net.params();
        if self.is_new() {
            return Ok(params.iter().map(|x| x.as_f64()).collect());
        }
        self.check(params.len())?;
        // With validation, the network ends with the best parameters.
        let saved = match &self.validation {
            Some(validation) => &validation.params,
            None => &self.params,
        };
        let is_equal = |(&x, &saved): (&T, &f64)| x == T::from_f64(saved);
        if !params.iter().zip(saved).all(is_equal) {
            return Err(other());
        }
        self.check_settings(trainer, has_validation)?;
        Ok(self.params.clone())
    }

    /// Checks sizes and numbers, which may come from a file.
    fn check(&self, params: usize) -> Result<()> {
        if self.params.len() != params || self.search.params() != params {
            return Err(other());
        }
        check_finite("parameters of the state", &self.params)?;
        self.search.check()?;
        let (range, expected) = (0.0..=f64::MAX, "a finite number, at least 0");
        check_values("penalty of the state", &[self.penalty], range, expected)?;
        if let Some(evidence) = self.evidence {
            evidence.check(params)?;
        }
        match &self.validation {
            Some(validation) => validation.check(params, self.search.iterations()),
            None => Ok(()),
        }
    }

    /// Checks that the trainer minimizes what it minimized before.
    fn check_settings(&self, trainer: &LevenbergMarquardt, has_validation: bool) -> Result<()> {
        let before = match self.evidence {
            Some(_) => Penalty::Bayesian,
            None => Penalty::Weights(self.penalty),
        };
        let validation = |has: bool| if has { "samples" } else { "none" };
        let had_validation = self.validation.is_some();
        for (setting, expected, got) in [
            (
                "loss",
                format!("{:?}", self.loss),
                format!("{:?}", trainer.loss),
            ),
            ("penalty", describe(before), describe(trainer.penalty)),
            (
                "validation",
                validation(had_validation).into(),
                validation(has_validation).into(),
            ),
        ] {
            if expected != got {
                let setting = setting.into();
                return Err(Error::Differs {
                    setting,
                    expected,
                    got,
                });
            }
        }
        Ok(())
    }
}

impl Evidence {
    fn check(&self, params: usize) -> Result<()> {
        let (range, expected) = (0.0..=f64::MAX, "a finite number, at least 0");
        check_values("alpha of the state", &[self.alpha], range, expected)?;
        let (range, expected) = (f64::from_bits(1)..=f64::MAX, "a finite number above 0");
        check_values("beta of the state", &[self.beta], range, expected)?;
        let (what, expected) = ("effective parameters of the state", "0 to all parameters");
        check_values(
            what,
            &[self.effective_params],
            0.0..=params as f64,
            expected,
        )
    }
}

fn describe(penalty: Penalty) -> String {
    match penalty {
        Penalty::Weights(lambda) => format!("L2 of {lambda}"),
        Penalty::Bayesian => "Bayesian".into(),
    }
}

fn other() -> Error {
    let (what, expected) = ("state", "the state of this network's last run");
    Error::incompatible(what, expected, "another")
}
