//! The number of epochs that a time budget allows.

#![cfg(feature = "std")]

use core::ops::ControlFlow;
use core::time::Duration;
use std::time::Instant;

use super::member::Member;
use super::settings::Recipe;
use super::table::Table;
use super::target::{Target, Targets};
use crate::error::Result;
use crate::folds::Split;
use crate::parallel::Threads;
use crate::train::TrainingEvent;

/// Fraction of the budget, and maximum time, that the measurement of updates takes.
const MEASURED: f64 = 0.03;
const MOST_MEASURED: Duration = Duration::from_secs(1);

/// Minimum number of updates to measure. The first one also allocates.
const FEWEST_UPDATES: u64 = 4;

/// Time of a validation row, relative to a training row, which also has a backward pass.
const VALIDATION: f64 = 0.4;

/// Fraction of the time that is planned. Caches, clocks and other programs vary.
const PLANNED: f64 = 0.93;

/// Seconds that a network needs.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// Before the first update.
    preparation: f64,
    epoch: f64,
}

/// Returns the number of epochs for all networks that the rest of the budget allows, at least 1
/// and at most the recipe's.
///
/// It trains as many networks as threads for a short time, side by side like the folds, and
/// discards them. The schedule of the real training run then ends where the run ends.
pub(super) fn epochs(
    (budget, begun): (Duration, Instant),
    recipe: &Recipe,
    (table, target, targets): (&Table<'_>, &Target, &Targets),
    splits: &[Split],
    threads: &Threads,
) -> Result<usize> {
    let measured = budget.mul_f64(MEASURED).min(MOST_MEASURED);
    let folds = splits.iter().take(threads.count()).enumerate();
    let rounds = splits.len().div_ceil(folds.len().max(1)) as f64;
    let paces = threads.try_map("folds", folds, &|fold| {
        Pace::of(recipe, table, (target, targets), *fold, measured)
    })?;
    let mut mean = Pace::default();
    let count = paces.len().max(1) as f64;
    for pace in paces {
        mean.preparation += pace.preparation / count;
        mean.epoch += pace.epoch / count;
    }
    let left = budget.saturating_sub(begun.elapsed()).as_secs_f64() * PLANNED;
    let left = left / rounds - mean.preparation;
    // A quotient that is not finite becomes 0 or the maximum.
    Ok(((left / mean.epoch) as usize).clamp(1, recipe.epochs.max(1)))
}

impl Pace {
    /// Trains a network of a fold until this time is over, and measures its pace.
    fn of(
        recipe: &Recipe,
        table: &Table<'_>,
        targets: (&Target, &Targets),
        (index, split): (usize, &Split),
        time: Duration,
    ) -> Result<Self> {
        let begun = Instant::now();
        let mut first = None;
        // Seconds and updates after the first one, and epochs, so far.
        let (mut seconds, mut updates, mut epochs) = (0.0, 0, 0);
        Member::train(recipe, table, targets, (index, split), |event| {
            let since = *first.get_or_insert_with(Instant::now);
            seconds = since.elapsed().as_secs_f64();
            match event {
                TrainingEvent::Update(update) => updates = update.number,
                TrainingEvent::Epoch(epoch) => epochs = epoch.number,
            }
            if updates >= FEWEST_UPDATES && since.elapsed() >= time {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        let preparation = first.map_or(0.0, |first| (first - begun).as_secs_f64());
        let epoch = if epochs > 0 {
            // The first update came before the clock.
            let all = updates as f64;
            seconds * all / (all - 1.0).max(1.0) / epochs as f64
        } else {
            let update = seconds / (updates as f64 - 1.0).max(1.0);
            let rows = split.training.len();
            let batches = (rows / recipe.batch_size(rows).clamp(1, rows.max(1))) as f64;
            let validation = VALIDATION * split.held_out.len() as f64 / rows.max(1) as f64;
            update * batches * (1.0 + validation)
        };
        Ok(Self { preparation, epoch })
    }
}
