//! Checks of a trainer's settings.

use alloc::format;

use super::batches::Batches;
use super::state::TrainerState;
use super::stopping::{Adaptive, ReduceOnPlateau};
use super::trainer::Trainer;
use crate::error::{Error, Result, check_count, check_range};
use crate::float::Float;
use crate::schedule::{Progress, Schedule};

impl<T: Float> Trainer<T> {
    /// Checks the settings that do not depend on the data.
    pub(super) fn check(&self) -> Result<()> {
        self.objective.loss.check()?;
        self.optimizer.check()?;
        self.schedules().try_for_each(Schedule::check)?;
        check_count("epochs", self.epochs)?;
        for patience in [self.tolerance, self.early_stopping].into_iter().flatten() {
            patience.check()?;
        }
        self.adaptive.iter().try_for_each(Adaptive::check)?;
        (self.reduce_on_plateau.iter()).try_for_each(ReduceOnPlateau::check)?;
        if let Some(decay) = self.average {
            let what = "decay of the weight average";
            let expected = "at least 0 and below 1 in the network's precision";
            check_range(what, decay, 0.0..1.0, expected)?;
            check_range(what, T::from_f64(decay).as_f64(), 0.0..1.0, expected)?;
        }
        #[cfg(all(feature = "safetensors", feature = "std"))]
        if let Some((_, every)) = self.checkpoints {
            check_count("epochs between checkpoints", every)?;
        }
        if self.restores_best() && self.validation.is_none() {
            let what = match self.early_stopping {
                Some(_) => "early stopping",
                None => "best epoch to keep",
            };
            let expected = "a validation split or set to watch";
            return Err(Error::Missing { what, expected });
        }
        let per_target = self.loss().outputs_per_target();
        if let Some(score) = self.score().filter(|_| per_target != 1) {
            let what = "validation score";
            let expected = format!("none under a loss that reads {per_target} outputs per target");
            return Err(Error::incompatible(what, expected, score.name()));
        }
        // An error in the middle of a run would come too late.
        if let Some(schedule) = &self.dropout_schedule {
            for step in [0, 1] {
                let factor = schedule.rate(1.0, &Progress::after(step, 1));
                let (what, rate) = (
                    "dropout under its schedule",
                    self.objective.dropout * factor,
                );
                check_range(what, rate, 0.0..1.0, "at least 0 and below 1")?;
            }
        }
        if self.decay_schedule.is_some() && !self.optimizer.has_decay() {
            let (what, expected) = ("schedule of the weight decay", "an optimizer with a decay");
            let got = format!("{:?}", self.optimizer);
            return Err(Error::incompatible(what, expected, got));
        }
        if self.adaptive.is_some() && self.tolerance.is_none() && self.early_stopping.is_none() {
            let what = "adaptive learning rate";
            let expected = "a tolerance or early stopping that it acts on";
            return Err(Error::Missing { what, expected });
        }
        Ok(())
    }

    /// Checks that no checkpoint file is set, because `why`.
    #[cfg(all(feature = "safetensors", feature = "std"))]
    pub(crate) fn check_no_checkpoints(&self, why: &str) -> Result<()> {
        if let Some((path, _)) = &self.checkpoints {
            let expected = alloc::format!("none, because {why}");
            return Err(Error::incompatible(
                "checkpoint file",
                expected,
                path.display(),
            ));
        }
        Ok(())
    }

    /// Checks that a schedule over all updates has not reached its end.
    pub(super) fn check_schedule(&self, state: &TrainerState<T>, batches: &Batches) -> Result<()> {
        let updates = (batches.count() as u64).saturating_mul(self.epochs as u64);
        let done = state.scalars.progress.step;
        if done < updates || !self.schedules().any(Schedule::spans_all_updates) {
            return Ok(());
        }
        Err(Error::incompatible(
            "updates under a schedule over all updates",
            format!("at most {updates}, those of {} epochs", self.epochs),
            format!("more, after {done}"),
        ))
    }
}
