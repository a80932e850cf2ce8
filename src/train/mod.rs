//! Training: minibatches, epochs and stopping rules.
//!
//! | task | types |
//! |---|---|
//! | setting up and starting a training run | [`Trainer`] |
//! | training several networks side by side | [`Trainer::fit_ensemble`] |
//! | ordering samples and forming minibatches | [`Order`], [`Batches`] |
//! | validating | [`Validation`], and the module [`folds`](crate::folds) |
//! | adapting the learning rate to the loss | [`Adaptive`], [`ReduceOnPlateau`] |
//! | scheduling the learning rate | the module [`schedule`](crate::schedule) |
//! | pausing, resuming, checkpoints | [`TrainerState`] |
//! | following a training run | [`TrainingEvent`]: an [`Update`] or an [`Epoch`] |
//! | reading the result | [`History`], [`StopReason`], [`Hint`] |
//! | writing your own loop | [`TrainingRun`] |
//! | full-batch training | [`Lbfgs`], [`LbfgsReport`], [`LbfgsIteration`], [`LbfgsStop`] |
//! | exact fits of small networks | [`LevenbergMarquardt`], [`LevenbergMarquardtReport`] |
//! | minimizing any function, without a network | [`minimize`] with [`LbfgsOptions`] |
//! | fitting any function by least squares | [`least_squares`] with [`LeastSquaresOptions`] |
//! | testing a Jacobian | [`check_jacobian`] |

#![cfg(target_has_atomic = "ptr")]

mod batches;
mod check;
#[cfg(feature = "safetensors")]
mod checkpoint;
mod ensemble;
mod fit;
mod hints;
mod history;
mod lbfgs;
mod least_squares;
mod levenberg_marquardt;
mod objective;
mod run;
mod sample_loop;
mod state;
mod stopping;
mod strata;
mod trainer;
mod validation;

pub use batches::{Batches, Order};
pub use hints::Hint;
pub use history::{Epoch, History, StopReason, TrainingEvent, Update};
pub use lbfgs::{
    Lbfgs, LbfgsIteration, LbfgsOptions, LbfgsReport, LbfgsStop, minimize, minimize_with,
};
pub use least_squares::{
    Damping, Factorization, LeastSquaresIteration, LeastSquaresOptions, LeastSquaresReport,
    LeastSquaresStop, Scaling, check_jacobian, least_squares, least_squares_by_differences,
    least_squares_by_differences_with, least_squares_with,
};
pub use levenberg_marquardt::{
    Evidence, GaussNewtonLoss, LevenbergMarquardt, LevenbergMarquardtReport,
    LevenbergMarquardtState,
};
pub use run::TrainingRun;
pub(crate) use sample_loop::Shadow;
pub use state::TrainerState;
pub use stopping::{Adaptive, ReduceOnPlateau};
pub use trainer::Trainer;
pub use validation::Validation;

#[cfg(test)]
mod schedule_tests;
#[cfg(test)]
mod state_tests;
#[cfg(test)]
mod tests;
