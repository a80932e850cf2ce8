//! The training run, with its progress.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use feedforward::folds::{GroupKFold, Split, Splitter};
use feedforward::search::Settings;
use feedforward::tabular::{Table, Tabular, TabularModel};
use support::progress::Progress;

use super::flags::Flags;
use super::reading::{self, Reading, Target};
use super::{Result, in_file};

/// Losses of the epochs of each fold: of training, and on the held-out rows.
pub type Losses = Vec<Vec<(f64, f64)>>;

/// Returns the recipe for a table with the columns of the one that was read.
pub fn recipe<'t>(table: &'t Table<'t>, reading: &Reading, flags: &Flags) -> Tabular<'t> {
    let target = &reading.target;
    let recipe = match reading.kind {
        Target::Classes => Tabular::classifier(table, target),
        Target::Numbers if flags.log => Tabular::regressor(table, target).logarithm(),
        Target::Numbers => Tabular::regressor(table, target),
    };
    let recipe = recipe
        .ignore(flags.left_out())
        .epochs(flags.epochs as usize)
        .seed(flags.seed);
    match flags.threads {
        Some(threads) => recipe.threads(threads as usize),
        None => recipe,
    }
}

/// Returns the recipe with this number of folds, which keep groups together.
pub fn with_folds<'t>(
    recipe: Tabular<'t>,
    table: &Table<'_>,
    (flags, folds): (&Flags, usize),
) -> Result<Tabular<'t>> {
    let Some(group) = &flags.group else {
        return Ok(recipe.folds(folds));
    };
    let groups = Groups::new(&table.column(group)?.groups(), folds);
    let groups = groups.map_err(|error| format!("--group {group}: {error}"))?;
    Ok(recipe.splitter(groups))
}

/// Checks what the training run would refuse. After a search, an error would lose its work.
pub fn check(reading: &Reading, flags: &Flags) -> Result<()> {
    let (table, target) = (&reading.table, &reading.target);
    let column = table.column(target)?;
    if let Some(row) = (0..table.rows()).find(|&row| reading::text(column, row).is_none()) {
        let (file, line) = (flags.data(), table.line(row).unwrap_or_default());
        let place = format!("{}: column {target:?}: line {line}", file.display());
        return Err(format!("{place}: expected a value, got none").into());
    }
    let recipe = recipe(table, reading, flags);
    with_folds(recipe, table, (flags, flags.folds as usize)).map(drop)
}

/// Trains a model with these settings in place of the default ones, with progress.
pub fn train(
    reading: &Reading,
    flags: &Flags,
    settings: &Settings,
) -> Result<(TabularModel, Losses)> {
    let folds = flags.folds as usize;
    let watched = Arc::new(Mutex::new((
        Progress::new(flags.quiet),
        vec![Vec::new(); folds] as Losses,
    )));
    let seen = Arc::clone(&watched);
    let recipe = recipe(&reading.table, reading, flags).set(settings)?;
    let recipe = recipe.on_epoch(move |at| {
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
    let recipe = with_folds(recipe, &reading.table, (flags, folds))?;
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
