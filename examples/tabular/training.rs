//! The training run, with its progress.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use feedforward::folds::{GroupKFold, Split, Splitter};
use feedforward::tabular::{Tabular, TabularModel};
use support::progress::Progress;

use super::flags::Flags;
use super::reading::{Reading, Target};
use super::{Result, in_file};

/// Losses of the epochs of each fold: of training, and on the held-out rows.
pub type Losses = Vec<Vec<(f64, f64)>>;

/// Trains a model, with progress.
pub fn train(reading: &Reading, flags: &Flags) -> Result<(TabularModel, Losses)> {
    let (table, target) = (&reading.table, &reading.target);
    let recipe = match reading.kind {
        Target::Classes => Tabular::classifier(table, target),
        Target::Numbers if flags.log => Tabular::regressor(table, target).logarithm(),
        Target::Numbers => Tabular::regressor(table, target),
    };
    let folds = flags.folds as usize;
    let watched = Arc::new(Mutex::new((
        Progress::new(flags.quiet),
        vec![Vec::new(); folds] as Losses,
    )));
    let seen = Arc::clone(&watched);
    let recipe = recipe
        .ignore(flags.left_out())
        .epochs(flags.epochs as usize)
        .seed(flags.seed)
        .on_epoch(move |at| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let (progress, losses) = &mut *seen;
            losses[at.fold].push((at.loss, at.held_out_loss));
            if progress.is_due() {
                let done: usize = losses.iter().map(Vec::len).sum();
                let part = done as f64 / (at.folds * at.epochs) as f64;
                let words = format!(
                    "epoch {}/{} of fold {}/{}  loss {:.4}, held out {:.4}",
                    at.epoch,
                    at.epochs,
                    at.fold + 1,
                    at.folds,
                    at.loss,
                    at.held_out_loss
                );
                progress.show(part, &words);
            }
            ControlFlow::Continue(())
        });
    let recipe = match &flags.group {
        Some(group) => {
            let groups = table.column(group)?.groups();
            let folds = Groups::new(&groups, folds);
            recipe.splitter(folds.map_err(|error| format!("--group {group}: {error}"))?)
        }
        None => recipe.folds(folds),
    };
    let recipe = match flags.threads {
        Some(threads) => recipe.threads(threads as usize),
        None => recipe,
    };
    let recipe = match flags.seconds {
        Some(time) => recipe.time_budget(time),
        None => recipe,
    };
    let model = recipe.fit().map_err(in_file(&flags.data()))?;
    let mut watched = watched.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((model, std::mem::take(&mut watched.1)))
}

/// Folds by group. The only fold of a single network is the first one of five, or of fewer.
#[derive(Debug)]
struct Groups {
    folds: GroupKFold,
    count: usize,
}

impl Groups {
    fn new(groups: &[usize], count: usize) -> feedforward::Result<Self> {
        let distinct = groups.iter().max().map_or(0, |most| most + 1);
        let of = if count == 1 {
            distinct.clamp(2, 5)
        } else {
            count
        };
        let folds = GroupKFold::new(groups, of)?;
        Ok(Self { folds, count })
    }
}

impl Splitter for Groups {
    fn rows(&self) -> usize {
        self.folds.rows()
    }

    fn count(&self) -> usize {
        self.count
    }

    fn fold(&self, fold: usize) -> feedforward::Result<Split> {
        self.folds.fold(fold)
    }
}
