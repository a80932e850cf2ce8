//! Search of settings, and its gain over the default ones.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;

use feedforward::folds::{GroupKFold, Split, Splitter};
use feedforward::search::Settings;
use feedforward::tabular::{SearchSettings, Table, TabularModel};
use support::progress::Progress;

use super::flags::Flags;
use super::reading::{self, Reading, Target};
use super::{Result, in_file, training, written};

/// Number of trials to print.
const BEST: usize = 5;

/// Fraction of the rows that judge without a test file.
const JUDGES: f64 = 0.2;

/// Result of a search.
#[derive(Debug)]
pub struct Found {
    pub settings: Settings,
    /// Gain of the main score.
    pub gain: f64,
    pub lines: Vec<String>,
    /// Table of all trials, as CSV.
    pub table: String,
}

/// Tries settings, and compares the best ones with the default ones on rows that chose nothing.
/// They are those of the test file, or else a fifth of the rows.
pub fn run(
    trials: u32,
    reading: &Reading,
    test: Option<&(&PathBuf, Table<'static>)>,
    flags: &Flags,
) -> Result<Found> {
    let data = flags.data();
    let explain = in_file(&data);
    let (learned, judges);
    let (table, test, name) = if let Some((file, test)) = test {
        (&reading.table, test, format!("rows of {}", file.display()))
    } else {
        let split = split(reading, flags)?;
        learned = reading.table.select(&split.training).map_err(&explain)?;
        judges = reading.table.select(&split.held_out).map_err(&explain)?;
        check_judges(&learned, &judges, reading)?;
        let name = "rows that neither learned nor chose".to_string();
        (&learned, &judges, name)
    };
    let recipe = training::recipe(table, reading, flags);
    let recipe = training::with_folds(recipe, table, (flags, 1))?;
    let settings = SearchSettings {
        trials: trials as usize,
        seed: flags.seed,
        ..SearchSettings::default()
    };
    let epochs = flags.epochs as usize;
    let cost = settings
        .halving(epochs)
        .map_err(&explain)?
        .cost(trials as usize);
    let watched = Mutex::new((Progress::new(flags.quiet), 0_usize));
    let searching = recipe.clone().on_epoch(move |at| {
        let mut watched = watched
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let (progress, done) = &mut *watched;
        *done += 1;
        if progress.is_due() {
            let (trial, epoch) = (at.trial + 1, at.epoch);
            let words = format!("trial {trial} of {trials}, epoch {epoch}/{}", at.epochs);
            progress.show(*done as f64 / cost.max(1) as f64, &words);
        }
        ControlFlow::Continue(())
    });
    let found = searching.search(&settings).map_err(&explain)?;
    let default = recipe.fit().map_err(&explain)?;

    let best = found.trials.best().ok_or("--search: all trials failed")?;
    let whole = trials as usize * epochs;
    let part =
        written::percent((100.0 * found.trials.cost() as f64 / whole as f64).round() / 100.0);
    let ended = format!("{trials} settings in {part} of their epochs");
    let mut lines = vec![format!("search: {ended}, the best by held-out rows:")];
    let all = found.trials.to_string();
    lines.extend(all.lines().take(1 + BEST).map(|line| format!("  {line}")));
    lines.push(String::new());
    let models = (&default, &found.best, best.settings.iter().len() == 0);
    let gain = compared(&mut lines, models, (test, &name), reading)?;
    Ok(Found {
        settings: best.settings.clone(),
        table: found.trials.to_csv(),
        gain,
        lines,
    })
}

/// Returns rows to learn and to judge. Rows of a group stay together.
fn split(reading: &Reading, flags: &Flags) -> Result<Split> {
    let table = &reading.table;
    let column = table.column(&reading.target)?;
    let split = match (&flags.group, reading.kind) {
        (Some(group), _) => {
            let groups = table.column(group)?.groups();
            let distinct = groups.iter().max().map_or(0, |last| last + 1);
            let folds = distinct.clamp(2, (1.0 / JUDGES) as usize);
            GroupKFold::new(&groups, folds).and_then(|folds| folds.shuffled(flags.seed).fold(0))
        }
        (None, Target::Numbers) => Split::new(table.rows(), JUDGES, flags.seed),
        (None, Target::Classes) => {
            let classes = (0..table.rows()).map(|row| reading::text(column, row));
            Split::stratified(&classes.collect::<Vec<_>>(), JUDGES, flags.seed)
        }
    };
    split.map_err(|error| format!("--search: {error}").into())
}

/// Checks that each class of the judging rows is also one of the learned rows. A class of a single
/// group is not.
fn check_judges(learned: &Table<'_>, judges: &Table<'_>, reading: &Reading) -> Result<()> {
    if reading.kind == Target::Numbers {
        return Ok(());
    }
    let classes = |table: &Table<'_>| -> Result<BTreeSet<String>> {
        let column = table.column(&reading.target)?;
        let classes = (0..table.rows()).filter_map(|row| reading::text(column, row));
        Ok(classes.collect())
    };
    let known = classes(learned)?;
    match classes(judges)?.difference(&known).next() {
        None => Ok(()),
        Some(class) => {
            let expected = "expected each class in several groups, or --test";
            Err(format!("--search: {expected}, got {class:?} in one of the judging rows").into())
        }
    }
}

/// Adds lines that compare two models, and returns the gain of the main score.
fn compared(
    lines: &mut Vec<String>,
    (default, found, is_default): (&TabularModel, &TabularModel, bool),
    (test, name): (&Table<'_>, &str),
    reading: &Reading,
) -> Result<f64> {
    lines.push(format!("one network each, on {} {name}:", test.rows()));
    lines.push("               default       found".to_string());
    let (before, after) = (default.score(test)?, found.score(test)?);
    for (score, before) in before.iter() {
        let Some(after) = after.get(score) else {
            continue;
        };
        let (before, after) = (written::score(before, 4), written::score(after, 4));
        lines.push(format!("  {score:<9} {before:>10}  {after:>10}"));
    }
    let (score, gain, deviation) = gain((default, found), test, reading)?;
    let words = if is_default {
        "the default settings are the best ones"
    } else if gain > 2.0 * deviation {
        "the search was worth it"
    } else if gain < -2.0 * deviation {
        "the default settings are better"
    } else {
        "too little to tell"
    };
    lines.push(format!(
        "gained: {score} {gain:+.4} ± {deviation:.4}, {words}"
    ));
    Ok(gain)
}

/// Returns the name of the main score, its gain, and the standard error of it.
fn gain(
    (default, found): (&TabularModel, &TabularModel),
    test: &Table<'_>,
    reading: &Reading,
) -> Result<(&'static str, f64, f64)> {
    let column = test.column(&reading.target)?;
    let rows = test.rows() as f64;
    let (score, gains): (_, Vec<f64>) = if reading.kind == Target::Classes {
        let (before, after) = (default.predict_class(test)?, found.predict_class(test)?);
        let is_right = |row, class: &str| {
            let truth = reading::text(column, row);
            f64::from(u8::from(truth.as_deref() == Some(class)))
        };
        let pairs = before.into_iter().zip(after).enumerate();
        let gains =
            pairs.map(|(row, (before, after))| is_right(row, after) - is_right(row, before));
        ("accuracy", gains.collect())
    } else {
        let (before, after) = (default.predict(test)?, found.predict(test)?);
        let truths = column.as_numbers().unwrap_or_default();
        let mean = truths.iter().sum::<f64>() / rows;
        let variance = truths.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / rows;
        let square = |x: f64| x * x;
        let all = truths.iter().zip(before.into_iter().zip(after));
        let gains =
            all.map(|(y, (before, after))| (square(before - y) - square(after - y)) / variance);
        ("r2", gains.collect())
    };
    let mean = gains.iter().sum::<f64>() / rows;
    let squares: f64 = gains.iter().map(|gain| (gain - mean) * (gain - mean)).sum();
    Ok((score, mean, (squares / (rows - 1.0).max(1.0) / rows).sqrt()))
}
