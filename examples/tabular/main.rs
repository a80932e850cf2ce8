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
use feedforward::folds::{GroupKFold, Split, Splitter};
use feedforward::tabular::{Tabular, TabularModel};
use support::progress::Progress;

#[macro_use]
#[path = "../common/say.rs"]
mod say;

mod charts;
mod description;
mod flags;
mod labels;
mod predictions;
mod reading;
mod report;
mod written;

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
    check_outputs(flags)?;
    let source = match &flags.load {
        Some(file) => Source::Model(TabularModel::load(file)?),
        None => Source::Table(Reading::new(flags)?),
    };
    let known = match &source {
        Source::Model(model) => Known::of_model(model, flags),
        Source::Table(reading) => Known::of_reading(reading, flags)?,
    };
    let test = match &flags.test {
        Some(file) => Some((file, known.read_test(file)?)),
        None => None,
    };
    let new = match &flags.predict {
        Some(file) => Some((file, known.read_new(file)?)),
        None => None,
    };

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
        println!("scores of {}:{}", file.display(), named(scores.iter(), 4));
    }
    if let Some((file, tables)) = new {
        let to = flags.out.join(PREDICTIONS);
        predictions::write(&model, &known, &tables, (file.as_path(), &to))?;
        files.push(to);
        if summary.is_empty() {
            summary = summary_of(tables[0].rows(), []);
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

/// Names of the files to write.
const MODEL: &str = "model.safetensors";
const REPORT: &str = "report.png";
const PREDICTIONS: &str = "predictions.csv";

/// Checks that the program replaces none of the files that it reads.
fn check_outputs(flags: &Flags) -> Result<()> {
    let data = flags.load.is_none().then(|| flags.data());
    let inputs = [&data, &flags.load, &flags.test, &flags.predict];
    let outputs = [
        (MODEL, flags.load.is_none()),
        (REPORT, flags.load.is_none()),
        (PREDICTIONS, flags.predict.is_some()),
    ];
    for (name, _) in outputs.into_iter().filter(|(_, is_written)| *is_written) {
        let Ok(output) = flags.out.join(name).canonicalize() else {
            continue; // a new file
        };
        let is_output = |file: &&PathBuf| file.canonicalize().is_ok_and(|file| file == output);
        if let Some(file) = inputs.into_iter().flatten().find(is_output) {
            let file = file.display();
            let expected = "expected a folder where no input is replaced";
            return Err(format!("--out: {expected}, got that of {file}").into());
        }
    }
    Ok(())
}

/// Returns the number of rows and the scores for other programs.
fn summary_of<'n>(rows: usize, scores: impl IntoIterator<Item = (&'n str, f64)>) -> String {
    format!("rows={rows}{}", named(scores, 6))
}

/// Returns scores with their names, each after a space.
fn named<'n>(scores: impl IntoIterator<Item = (&'n str, f64)>, digits: usize) -> String {
    let scores = scores.into_iter();
    let scores = scores.map(|(name, score)| format!(" {name}={}", written::score(score, digits)));
    scores.collect()
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
                1 => println!("  {name:<9} {}", written::score(*mean, 4)),
                _ => println!("  {name:<9} {}", written::mean(*mean, *deviation)),
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
        let files = [flags.out.join(MODEL), flags.out.join(REPORT)];
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
