//! Trains on the tables of a folder, and prints the scores beside those of other libraries.
//!
//! `cargo run --release --example tabular_scores -- FOLDER [--folds 5]`. docs/tabular.md describes
//! the folder: CSV files, and scores.json with their splits and the scores of others. With
//! `--calibration`, it prints the effect of calibration on classifiers instead. With `--int8`, it
//! prints that of quantization.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use feedforward::tabular::Preset;
use serde_json::{Map, Value};

#[macro_use]
#[path = "../common/say.rs"]
mod say;

mod calibration;
mod int8;
mod sets;

use sets::Set;

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
    #[arg(long, conflicts_with = "int8")]
    calibration: bool,
    /// Print the scores of quantized networks instead, beside those in f32
    #[arg(long)]
    int8: bool,
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
    let all: Map<String, Value> = serde_json::from_slice(&text).map_err(|error| explain(&error))?;
    let mut names: Vec<_> = all.keys().collect();
    if !options.sets.is_empty() {
        names = options.sets.iter().collect();
    }

    let sets = names
        .into_iter()
        .map(|name| Set::new(&options.folder, name, sets::find(&all, name)?))
        .collect::<Result<Vec<_>>>()?;
    if options.calibration {
        return calibration::print(options, &sets);
    }
    if options.int8 {
        return int8::print(options, &sets);
    }

    let others = all
        .values()
        .filter_map(|set| set.get("scores")?.as_object());
    let others: BTreeSet<_> = others.flat_map(Map::keys).map(String::as_str).collect();
    let libraries: Vec<_> = others.into_iter().chain([OWN]).collect();
    let heads: Vec<_> = libraries.iter().map(|n| format!("{n:>WIDTH$}")).collect();
    let heads = heads.concat();
    println!("{:<18}{:>7}  {:<9}{heads}", "set", "rows", "score");

    let mut totals = vec![Total::default(); libraries.len()];
    for set in &sets {
        let results = set.results(options)?;
        let (name, rows) = (set.name, set.table.rows());
        let mut line = format!("{name:<18}{rows:>7}  {:<9}", set.metric);
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
    let geometric = |total: &Total| (total.logs / sets.len() as f64).exp();
    let means: String = totals.iter().map(|t| cell(geometric(t), 4)).collect();
    println!("{:<36}{means}", "shifted geometric mean of errors");
    let times: String = totals.iter().map(|t| cell(t.seconds, 1)).collect();
    println!("{:<36}{times}", "seconds of training");
    let own = &totals[libraries.len() - 1];
    let (sets, mean, seconds) = (sets.len(), geometric(own), own.seconds);
    println!("sets={sets} mean={mean:.4} seconds={seconds:.1}");
    Ok(())
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
