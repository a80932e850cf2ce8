//! The training objective.

use alloc::sync::Arc;

use crate::error::Result;
use crate::float::Float;
use crate::loss::Loss;
use crate::mlp::{Clip, GradientWorkspace, Mlp};

/// A loss and the settings of its gradient.
///
/// [`Trainer`](super::Trainer) can change every field. [`Lbfgs`](super::Lbfgs) changes only those
/// that keep the objective the same in every evaluation.
#[derive(Clone, Debug)]
pub(super) struct Objective<T> {
    pub(super) loss: Arc<dyn Loss<T>>,
    pub(super) l2: f64,
    pub(super) clip: Option<Clip>,
    pub(super) dropout: f64,
    /// `true` if the mean weight of all samples scales the minibatches.
    pub(super) mean_weight: bool,
}

impl<T: Float> Objective<T> {
    pub(super) fn new(loss: impl Loss<T> + 'static) -> Self {
        Self {
            loss: Arc::new(loss),
            l2: 0.0,
            clip: None,
            dropout: 0.0,
            mean_weight: false,
        }
    }

    /// Prepares a kept workspace or creates one, and checks all settings but the loss.
    ///
    /// `seed` is the seed of dropout.
    pub(super) fn workspace(
        &self,
        net: &Mlp<T>,
        kept: Option<GradientWorkspace<T>>,
        seed: u64,
        mean_weight: Option<f64>,
    ) -> Result<GradientWorkspace<T>> {
        let mut workspace = kept.unwrap_or_else(|| GradientWorkspace::new(net));
        workspace.set_clip(self.clip)?;
        workspace.set_mean_weight(mean_weight)?;
        workspace.l2(self.l2)?.dropout(self.dropout, seed)
    }
}
