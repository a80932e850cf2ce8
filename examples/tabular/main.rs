//! Learns a column of a CSV file from the other columns.
//!
//! `cargo run --example tabular [-- data.csv --target price]`. docs/tabular.md explains it. The
//! default data are 2,000 rows of a census (Becker and Kohavi, 1996), with words and gaps.

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Parser;
use feedforward::tabular::{Tabular, TabularModel};
use support::progress::Progress;

#[macro_use]
#[path = "../common/say.rs"]
mod say;

mod charts;
mod description;
mod flags;
mod predictions;
mod reading;
mod report;

use flags::Flags;
use reading::{Known, Reading, Target};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Losses of the epochs of each fold: of training, and on the held-out rows.
type Losses = Vec<Vec<(f64, f64)>>;

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(flags: &Flags) -> Result<()> {
    if flags.load.is_some() && flags.test.is_none() && flags.predict.is_none() {
        return Err("--load: expected --test or --predict too, got neither".into());
    }
    // An error is better before the work than after it.
    fs::create_dir_all(&flags.out).map_err(|error| format!("{}: {error}", flags.out.display()))?;
    let source = match &flags.load {
        Some(file) => Source::Model(TabularModel::load(file)?),
        None => Source::Table(Reading::new(flags)?),
    };
    let known = match &source {
        Source::Model(model) => Known::of_model(model, flags),
        Source::Table(reading) => Known::of_reading(reading, flags),
    };
    let read = |file: &PathBuf, needs_target| known.read(file, needs_target);
    let test = flags
        .test
        .as_ref()
        .map(|file| Ok((file, read(file, true)?)));
    let test = test.transpose().map_err(|error: Box<dyn Error>| error)?;
    let new = flags
        .predict
        .as_ref()
        .map(|file| Ok((file, read(file, false)?)));
    let new = new.transpose().map_err(|error: Box<dyn Error>| error)?;

    let mut begun = Instant::now();
    let (mut summary, mut files) = (String::new(), Vec::new());
    let model = match source {
        Source::Model(model) => model,
        Source::Table(reading) => {
            let learned = Learned::new(reading, flags)?;
            files = learned.save(flags)?;
            summary = learned.summary;
            begun = Instant::now().checked_sub(learned.trained).unwrap_or(begun);
            learned.model
        }
    };
    let mut seconds = begun.elapsed();
    if let Some((file, table)) = test {
        let scores = model.score(&table).map_err(in_file(file))?;
        summary = summary_of(table.rows(), scores.iter());
        println!("scores of {}: {scores}", file.display());
    }
    if let Some((file, table)) = new {
        let to = flags.out.join("predictions.csv");
        predictions::write(&model, &known, &table, (file.as_path(), &to))?;
        files.push(to);
        if summary.is_empty() {
            summary = summary_of(table.rows(), []);
        }
    }
    if flags.load.is_some() {
        seconds = begun.elapsed();
    }
    if !files.is_empty() {
        say::wrote(&files);
    }
    println!("{summary} seconds={:.2}", seconds.as_secs_f64());
    Ok(())
}

/// A model, or a table to learn one from.
enum Source {
    Model(TabularModel),
    Table(Reading),
}

/// Returns the number of rows and the scores for other programs.
fn summary_of<'n>(rows: usize, scores: impl IntoIterator<Item = (&'n str, f64)>) -> String {
    let scores = scores
        .into_iter()
        .map(|(name, score)| format!(" {name}={score:.6}"));
    format!("rows={rows}{}", scores.collect::<String>())
}

/// Returns a function that adds the name of a file to an error.
fn in_file(file: &Path) -> impl Fn(feedforward::Error) -> String {
    move |error| format!("{}: {error}", file.display())
}

/// A model and its training run.
struct Learned {
    reading: Reading,
    model: TabularModel,
    losses: Losses,
    is_log: bool,
    trained: Duration,
    /// Number of rows and mean scores, for programs.
    summary: String,
}

impl Learned {
    /// Describes the table, trains a model, and prints its scores.
    fn new(reading: Reading, flags: &Flags) -> Result<Self> {
        for line in description::lines(&reading, flags) {
            println!("{line}");
        }
        let begun = Instant::now();
        let (model, losses) = train(&reading, flags)?;
        let trained = begun.elapsed();
        let folds = model.folds();
        if flags.seconds.is_some() {
            println!("  epochs in this time: {}", model.epochs());
        }
        match folds {
            1 => println!("\nscores on held-out rows:"),
            _ => println!("\nscores on held-out rows, mean and deviation over {folds} folds:"),
        }
        let scores = model.mean_scores();
        for (name, mean, deviation) in &scores {
            match folds {
                1 => println!("  {name:<9} {mean:.4}"),
                _ => println!("  {name:<9} {mean:.4} ± {deviation:.4}"),
            }
        }
        let means = scores.iter().map(|(name, mean, _)| (*name, *mean));
        let summary = summary_of(reading.table.rows(), means);
        Ok(Self {
            reading,
            model,
            losses,
            is_log: flags.log,
            trained,
            summary,
        })
    }

    /// Writes the model and the report, and returns their paths.
    fn save(&self, flags: &Flags) -> Result<Vec<PathBuf>> {
        let files = [
            flags.out.join("model.safetensors"),
            flags.out.join("report.png"),
        ];
        self.model.save(&files[0])?;
        report::save(self, &files[1])?;
        Ok(files.into())
    }
}

/// Trains a model, with progress.
fn train(reading: &Reading, flags: &Flags) -> Result<(TabularModel, Losses)> {
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
        .ignore(&flags.ignore)
        .folds(folds)
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
