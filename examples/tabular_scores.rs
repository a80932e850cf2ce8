//! Trains on the tables of a folder, and prints the scores beside those of other libraries.
//!
//! `cargo run --release --example tabular_scores -- FOLDER [--folds 5]`. docs/tabular.md describes
//! the folder: CSV files, and scores.json with their splits and the scores of others. With
//! `--calibration`, it prints the effect of calibration on classifiers instead.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use feedforward::metrics::{expected_calibration_error, log_loss};
use feedforward::tabular::{
    Calibrator, CsvReader, Metric, Preset, Table, Tabular, TabularModel, Value as Cell,
};
use serde_json::{Map, Value};
use support::progress::Progress;

#[macro_use]
#[path = "common/say.rs"]
mod say;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Shift of the geometric mean of errors. Without it, a tiny error would outweigh all others.
const SHIFT: f64 = 0.01;

/// Name of this crate in the table.
const OWN: &str = "this crate";

#[derive(Parser)]
#[command(about = "Trains on the tables of a folder, and prints the scores beside those of others")]
struct Options {
    /// Folder with CSV files and scores.json
    folder: PathBuf,
    /// Names of the sets, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    sets: Vec<String>,
    /// Number of networks, each trained without one part of the rows. With 1, a fifth of the rows
    /// is held out
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    folds: u32,
    /// Defaults of the recipe
    #[arg(long, value_enum, default_value_t = Defaults::Tuned)]
    preset: Defaults,
    /// Number of epochs [default: that of the preset]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Print log loss and calibration error of classifiers instead, before and after calibration
    #[arg(long)]
    calibration: bool,
    /// Print no progress
    #[arg(long)]
    quiet: bool,
}

/// Defaults of the recipe.
#[derive(Clone, Copy, ValueEnum)]
enum Defaults {
    Tuned,
    Simple,
    Full,
}

impl From<Defaults> for Preset {
    fn from(defaults: Defaults) -> Self {
        match defaults {
            Defaults::Tuned => Self::Tuned,
            Defaults::Simple => Self::Simple,
            Defaults::Full => Self::Full,
        }
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(options: &Options) -> Result<()> {
    let file = options.folder.join("scores.json");
    let explain = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = fs::read(&file).map_err(|error| explain(&error))?;
    let sets: Map<String, Value> =
        serde_json::from_slice(&text).map_err(|error| explain(&error))?;
    let mut names: Vec<_> = sets.keys().collect();
    if !options.sets.is_empty() {
        names = options.sets.iter().collect();
    }

    if options.calibration {
        return print_calibration(options, &sets, &names);
    }

    let others = sets
        .values()
        .filter_map(|set| set.get("scores")?.as_object());
    let others: BTreeSet<_> = others.flat_map(Map::keys).map(String::as_str).collect();
    let libraries: Vec<_> = others.into_iter().chain([OWN]).collect();
    let heads: Vec<_> = libraries.iter().map(|n| format!("{n:>WIDTH$}")).collect();
    let heads = heads.concat();
    println!("{:<18}{:>7}  {:<9}{heads}", "set", "rows", "score");

    let mut totals = vec![Total::default(); libraries.len()];
    for name in &names {
        let set = Set::new(&options.folder, name, get_set(&sets, name)?)?;
        let results = set.results(options)?;
        let mut line = format!("{name:<18}{:>7}  {:<9}", set.table.rows(), set.metric);
        for (library, total) in libraries.iter().zip(&mut totals) {
            let results = results.get(*library).map_or(&[][..], Vec::as_slice);
            let sum: f64 = results.iter().map(|(score, _)| score).sum();
            let mean = sum / results.len() as f64;
            line += &cell(mean, 4);
            total.logs += (1.0 - mean + SHIFT).ln();
            total.seconds += results.iter().map(|(_, seconds)| seconds).sum::<f64>();
        }
        println!("{line}");
    }
    let geometric = |total: &Total| (total.logs / names.len() as f64).exp();
    let means: String = totals.iter().map(|t| cell(geometric(t), 4)).collect();
    println!("{:<36}{means}", "shifted geometric mean of errors");
    let times: String = totals.iter().map(|t| cell(t.seconds, 1)).collect();
    println!("{:<36}{times}", "seconds of training");
    let own = &totals[libraries.len() - 1];
    let (sets, mean, seconds) = (names.len(), geometric(own), own.seconds);
    println!("sets={sets} mean={mean:.4} seconds={seconds:.1}");
    Ok(())
}

/// Number of bins of the calibration error.
const BINS: usize = 15;

/// Prints the effect of calibration on the sets with classes.
fn print_calibration(
    options: &Options,
    sets: &Map<String, Value>,
    names: &[&String],
) -> Result<()> {
    const HEADS: [&str; 6] = ["epoch by", "T", "log loss", "after", "error", "after"];
    let heads = HEADS.map(|head| format!("{head:>WIDTH$}")).concat();
    println!("{:<18}{heads}", "set");
    let mut worst: f64 = 0.0;
    for name in names {
        let set = Set::new(&options.folder, name, get_set(sets, name)?)?;
        if set.metric != "accuracy" {
            continue;
        }
        for (metric, words) in [
            (Metric::Accuracy, "accuracy"),
            (Metric::LogLoss, "log loss"),
        ] {
            let mut sums = [0.0; 5];
            let splits = set.splits()?;
            for (_, rows) in &splits {
                let (model, held_out, _) = set.fitted(rows, options, Some(metric))?;
                let effect = effect(&model, &held_out, set.target)?;
                sums.iter_mut().zip(effect).for_each(|(sum, x)| *sum += x);
            }
            let means = sums.map(|sum| sum / splits.len() as f64);
            let cells = means.map(|mean| cell(mean, 4)).concat();
            println!("{name:<18}{words:>WIDTH$}{cells}");
            worst = worst.max(means[2] / means[1]);
        }
    }
    println!("worst={worst:.4}");
    Ok(())
}

/// Returns the temperature, then log loss and calibration error, each before and after calibration.
fn effect(model: &TabularModel, table: &Table<'_>, target: &str) -> Result<[f64; 5]> {
    let classes = model.classes();
    let column = table.column(target)?;
    let expected = (0..table.rows()).map(|row| {
        let found = classes.iter().position(|class| {
            let cell = column.get(row);
            cell == Some(Cell::Word(class))
        });
        found.ok_or("expected classes that are words")
    });
    let expected = expected.collect::<std::result::Result<Vec<_>, _>>()?;
    let rows: Vec<_> = (0..table.rows()).collect();
    // The mean of the networks' probabilities.
    let mut before = vec![0.0; rows.len() * classes.len()];
    for (columns, net) in model.columns().zip(model.networks()) {
        let logits = net.predict(&columns.encode(table, &rows)?)?;
        let logits = logits.chunks(classes.len());
        for (row, mean) in logits.zip(before.chunks_mut(classes.len())) {
            let powers: Vec<_> = row.iter().map(|&z| f64::from(z).exp()).collect();
            let total = powers.iter().sum::<f64>() * model.folds() as f64;
            mean.iter_mut()
                .zip(powers)
                .for_each(|(p, x)| *p += x / total);
        }
    }
    let after = model.predict_probability(table)?;
    let loss = |p: &[f64]| log_loss(p, &expected, classes.len());
    let error = |p: &[f64]| expected_calibration_error(p, &expected, classes.len(), BINS);
    let temperature = match model.calibrator() {
        Some(Calibrator::Temperature(calibrator)) => calibrator.temperature(),
        _ => f64::NAN,
    };
    let (loss, error) = (
        [loss(&before)?, loss(&after)?],
        [error(&before)?, error(&after)?],
    );
    Ok([temperature, loss[0], loss[1], error[0], error[1]])
}

/// Width of a column of the printed table.
const WIDTH: usize = 13;

/// Returns a cell of the printed table. A library without scores of a set has no number.
fn cell(number: f64, digits: usize) -> String {
    if number.is_nan() {
        return format!("{:>WIDTH$}", "-");
    }
    format!("{number:>WIDTH$.digits$}")
}

/// Sums over sets, of one library.
#[derive(Clone, Default)]
struct Total {
    /// Logarithms of the shifted errors.
    logs: f64,
    /// Time of training.
    seconds: f64,
}

/// A table with splits and the scores of others.
struct Set<'s> {
    name: &'s str,
    target: &'s str,
    metric: &'static str,
    table: Table<'static>,
    description: &'s Value,
}

impl<'s> Set<'s> {
    fn new(folder: &Path, name: &'s str, description: &'s Value) -> Result<Self> {
        let part = |part: &str| get(description, name, part);
        let names = |of: &str| -> Result<Vec<&'s str>> {
            let list = part(of)?.as_array().map_or(&[][..], Vec::as_slice);
            Ok(list.iter().filter_map(Value::as_str).collect())
        };
        let text = |of: &str| -> Result<&'s str> {
            let found = part(of)?.as_str();
            Ok(found.ok_or_else(|| format!("{name}: {of}: expected text"))?)
        };
        let (target, task) = (text("target")?, text("task")?);
        let mut reader = CsvReader::new()
            .words(names("words")?)
            .numbers(names("numbers")?);
        let metric = match task {
            "classification" => {
                reader = reader.words([target]);
                "accuracy"
            }
            "regression" => "r2",
            _ => return Err(format!("{name}: task: expected regression or classification").into()),
        };
        let table = reader.open(folder.join(format!("{name}.csv")))?;
        Ok(Self {
            name,
            target,
            metric,
            table,
            description,
        })
    }

    /// Returns score and seconds of each split, by library.
    fn results(&self, options: &Options) -> Result<BTreeMap<String, Vec<(f64, f64)>>> {
        let mut results = BTreeMap::<String, Vec<(f64, f64)>>::new();
        let scores = get(self.description, self.name, "scores")?.as_object();
        for (split, rows) in self.splits()? {
            let own = self.result(&rows, options)?;
            results.entry(OWN.to_string()).or_default().push(own);
            for (library, scores) in scores.into_iter().flatten() {
                let number = |name| scores.get(split)?.get(name)?.as_f64();
                if let Some(score) = number("r2").or_else(|| number("acc")) {
                    let result = (score, number("seconds").unwrap_or(f64::NAN));
                    results.entry(library.clone()).or_default().push(result);
                }
            }
        }
        Ok(results)
    }

    /// Returns name and test rows of each split.
    fn splits(&self) -> Result<Vec<(&'s str, Vec<usize>)>> {
        let splits = get(self.description, self.name, "test_rows")?.as_object();
        let splits = splits.into_iter().flatten().map(|(split, rows)| {
            let rows = rows.as_array().into_iter().flatten();
            let rows = rows.filter_map(Value::as_u64).map(|row| row as usize);
            (split.as_str(), rows.collect())
        });
        let splits: Vec<_> = splits.collect();
        if splits.is_empty() {
            return Err(format!("{}: expected test_rows, got none", self.name).into());
        }
        Ok(splits)
    }

    /// Trains on all rows but these, and returns the score on these, and seconds.
    fn result(&self, test: &[usize], options: &Options) -> Result<(f64, f64)> {
        let (model, held_out, seconds) = self.fitted(test, options, None)?;
        let score = model.score(&held_out);
        let score = score.map_err(|error| format!("{}: {error}", self.name))?;
        Ok((score.get(self.metric).unwrap_or(f64::NAN), seconds))
    }

    /// Trains on all rows but these, and returns the model, these rows, and seconds.
    fn fitted(
        &self,
        test: &[usize],
        options: &Options,
        metric: Option<Metric>,
    ) -> Result<(TabularModel, Table<'static>, f64)> {
        let explain = |error| format!("{}: {error}", self.name);
        let mut is_test = vec![false; self.table.rows()];
        let held_out = self.table.select(test).map_err(explain)?;
        for &row in test {
            is_test[row] = true;
        }
        let rest: Vec<_> = (0..is_test.len()).filter(|&row| !is_test[row]).collect();
        let training = self.table.select(&rest).map_err(explain)?;

        let begun = Instant::now();
        let recipe = match self.metric {
            "r2" => Tabular::regressor(&training, self.target),
            _ => Tabular::classifier(&training, self.target),
        };
        let (progress, name) = (
            Mutex::new(Progress::new(options.quiet)),
            self.name.to_string(),
        );
        let recipe = recipe
            .folds(options.folds as usize)
            .preset(options.preset.into())
            .seed(options.seed)
            .on_epoch(move |at| {
                // Another thread that shows the progress is enough.
                if let Ok(mut progress) = progress.try_lock()
                    && progress.is_due()
                {
                    let done = at.fold * at.epochs + at.epoch;
                    let part = done as f64 / (at.folds * at.epochs) as f64;
                    let words = format!("epoch {}/{} of {name}", at.epoch, at.epochs);
                    progress.show(part, &words);
                }
                std::ops::ControlFlow::Continue(())
            });
        let recipe = match options.epochs {
            Some(epochs) => recipe.epochs(epochs as usize),
            None => recipe,
        };
        let recipe = match options.threads {
            Some(threads) => recipe.threads(threads as usize),
            None => recipe,
        };
        let recipe = match metric {
            Some(metric) => recipe.metric(metric),
            None => recipe,
        };
        let model = recipe.fit().map_err(explain)?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok((model, held_out, seconds))
    }
}

/// Returns a set's description.
fn get_set<'v>(sets: &'v Map<String, Value>, name: &str) -> Result<&'v Value> {
    let found = sets.get(name).ok_or_else(|| {
        let known: Vec<_> = sets.keys().map(String::as_str).collect();
        format!(
            "scores.json: expected one of {}, got {name}",
            known.join(", ")
        )
    });
    Ok(found?)
}

/// Returns a part of a set's description.
fn get<'v>(description: &'v Value, name: &str, part: &str) -> Result<&'v Value> {
    let found = description.get(part);
    Ok(found.ok_or_else(|| format!("{name}: expected {part}, got none"))?)
}
