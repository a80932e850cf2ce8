//! Searches the settings of a model of a table, and scores the result on rows that chose nothing.
//!
//! `cargo run --release --example search -- FILE --target COLUMN`. With `--compare`, it also trains
//! all trials to the end, and prints what halving saves.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use clap::Parser;
use feedforward::folds::Split;
use feedforward::tabular::{CsvReader, Kind, SearchSettings, Table, Tabular, TabularModel};
use support::progress::Progress;

#[macro_use]
#[path = "common/say.rs"]
mod say;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(about = "Searches the settings of a model of a table, and scores the result")]
struct Options {
    /// CSV file with a header [default: 2,000 rows of a census]
    #[arg(value_name = "FILE")]
    data: Option<PathBuf>,
    /// Column to predict [default for the census: income]
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,
    /// Number of random rows to use [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rows: Option<u32>,
    /// Number of settings to try
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    trials: u32,
    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Number of repetitions, each with other test rows and other settings
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// Also train all trials to the end
    #[arg(long)]
    compare: bool,
    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Print no progress
    #[arg(long)]
    quiet: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

/// Name, epochs, seconds and score of a model.
type Row = (&'static str, usize, f64, f64);

fn run(options: &Options) -> Result<()> {
    let census = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets/adult.csv");
    let target = match (&options.target, &options.data) {
        (Some(target), _) => target,
        (None, None) => "income",
        (None, Some(_)) => return Err("--target: expected the column to predict, got none".into()),
    };
    let table = CsvReader::new().open(options.data.as_ref().unwrap_or(&census))?;
    let table = match options.rows {
        Some(rows) if (rows as usize) < table.rows() => {
            let fraction = f64::from(rows) / table.rows() as f64;
            table.select(&Split::new(table.rows(), fraction, 0)?.held_out)?
        }
        _ => table,
    };
    let score = match table.column(target)?.kind() {
        Kind::Numbers => "r2",
        _ => "accuracy",
    };
    let mut all: Vec<Vec<Row>> = Vec::new();
    for repeat in 0..u64::from(options.repeats) {
        let split = Split::new(table.rows(), 0.2, repeat)?;
        let (training, test) = (
            table.select(&split.training)?,
            table.select(&split.held_out)?,
        );
        let rows = repetition(options, (&training, &test), (target, score), repeat)?;
        all.push(rows);
    }
    if options.repeats == 1 {
        return Ok(());
    }
    println!();
    head("median", score);
    for (at, &(name, ..)) in all.first().into_iter().flatten().enumerate() {
        let median = |value: fn(&Row) -> f64| {
            let mut values: Vec<_> = all.iter().map(|rows| value(&rows[at])).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let (epochs, seconds, score) = (median(|r| r.1 as f64), median(|r| r.2), median(|r| r.3));
        println!("{name:<24}{epochs:>9}{seconds:>10.1}{score:>10.4}");
    }
    Ok(())
}

/// Prints the head of a table of models.
fn head(name: &str, score: &str) {
    println!("{name:<24}{:>9}{:>10}{score:>10}", "epochs", "seconds");
}

/// Searches once, and returns the scores of all models on the test rows.
fn repetition(
    options: &Options,
    (training, test): (&Table<'_>, &Table<'_>),
    (target, score): (&str, &str),
    seed: u64,
) -> Result<Vec<Row>> {
    let recipe = match score {
        "r2" => Tabular::regressor(training, target),
        _ => Tabular::classifier(training, target),
    };
    let recipe = recipe.epochs(options.epochs as usize).seed(seed);
    let recipe = match options.threads {
        Some(threads) => recipe.threads(threads as usize),
        None => recipe,
    };
    let settings = SearchSettings {
        trials: options.trials as usize,
        seed,
        ..SearchSettings::default()
    };
    let tested = |model: &TabularModel| -> Result<f64> {
        Ok(model.score(test)?.get(score).unwrap_or(f64::NAN))
    };

    let begun = Instant::now();
    let model = recipe.clone().folds(1).fit()?;
    let seconds = begun.elapsed().as_secs_f64();
    let mut rows = vec![("defaults", model.epochs(), seconds, tested(&model)?)];

    let halving = [("halving, best", "halving, ensemble", settings.factor)];
    let whole = [("all to the end, best", "all to the end, ensemble", 1.0)];
    let searches = halving
        .iter()
        .chain(whole.iter().filter(|_| options.compare));
    for &(best, ensemble, factor) in searches {
        let settings = SearchSettings {
            factor,
            ..settings.clone()
        };
        let epochs = settings
            .halving(options.epochs as usize)?
            .cost(settings.trials);
        let (done, progress) = (
            AtomicUsize::new(0),
            Mutex::new(Progress::new(options.quiet)),
        );
        let recipe = recipe.clone().on_epoch(move |at| {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            // Another thread that shows the progress is enough.
            if let Ok(mut progress) = progress.try_lock()
                && progress.is_due()
            {
                let words = format!("trial {}, epoch {}/{}", at.trial, at.epoch, at.epochs);
                progress.show(done as f64 / epochs as f64, &words);
            }
            std::ops::ControlFlow::Continue(())
        });
        let begun = Instant::now();
        let found = recipe.search(&settings)?;
        let seconds = begun.elapsed().as_secs_f64();
        if factor > 1.0 {
            println!("{}", found.trials);
        }
        let cost = found.trials.cost();
        rows.push((best, cost, seconds, tested(&found.best)?));
        rows.push((ensemble, cost, seconds, tested(&found.ensemble)?));
    }
    head("model", score);
    for (name, epochs, seconds, score) in &rows {
        println!("{name:<24}{epochs:>9}{seconds:>10.1}{score:>10.4}");
    }
    Ok(rows)
}
