//! Training: minibatches, epochs, and knowing when to stop.
//!
//! | | |
//! |---|---|
//! | settings, and training as a whole | [`Trainer`] |
//! | which samples come together | [`Order`], [`Batches`] |
//! | samples that judge epochs | [`Validation`], [`Split`] |
//! | learning rates that follow the loss | [`Adaptive`], [`ReduceOnPlateau`]; others are [`schedule`](crate::schedule)s |
//! | pausing, resuming, checkpoints | [`TrainerState`] |
//! | events on the way | [`TrainingEvent`]: an [`Update`] or an [`Epoch`] |
//! | the result | [`History`], [`StopReason`], [`Hint`] |
//! | a loop of your own | [`TrainingRun`] |
//! | all samples at once | [`Lbfgs`] with [`LbfgsReport`], [`LbfgsIteration`] and [`LbfgsStop`] |
//! | any function, without a network | [`minimize`] with [`LbfgsOptions`] |

#![cfg(target_has_atomic = "ptr")]

mod batches;
#[cfg(feature = "safetensors")]
mod checkpoint;
mod fit;
mod hints;
mod history;
mod lbfgs;
mod objective;
mod run;
mod sample_loop;
mod split;
mod state;
mod stopping;
mod trainer;
mod validation;

pub use batches::{Batches, Order};
pub use hints::Hint;
pub use history::{Epoch, History, StopReason, TrainingEvent, Update};
pub use lbfgs::{Lbfgs, LbfgsIteration, LbfgsOptions, LbfgsReport, LbfgsStop, minimize};
pub use run::TrainingRun;
pub use split::Split;
pub use state::TrainerState;
pub use stopping::{Adaptive, ReduceOnPlateau};
pub use trainer::Trainer;
pub use validation::Validation;

#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests;
