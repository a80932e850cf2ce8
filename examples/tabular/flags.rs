//! Flags of the program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

/// Learns a column of a CSV file from the other columns, and scores and saves the model.
#[derive(Clone, Debug, Parser)]
#[command(name = "tabular")]
#[allow(clippy::struct_excessive_bools)] // each is a flag
pub struct Flags {
    /// CSV file with a header [default: 2,000 rows of a census]
    #[arg(value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// Column to predict [default for the census: income]
    #[arg(long, value_name = "COLUMN", value_parser = name, conflicts_with = "load")]
    pub target: Option<String>,

    /// Predict classes, also if the target's cells are numbers
    #[arg(long, conflicts_with_all = ["numbers", "log", "load"])]
    pub classes: bool,

    /// Predict numbers, also if the target has only two
    #[arg(long, conflicts_with = "load")]
    pub numbers: bool,

    /// Learn the logarithm of the target, which must be above 0. It suits prices
    #[arg(long, conflicts_with = "load")]
    pub log: bool,

    /// Columns to leave out, separated by commas
    #[arg(
        long,
        value_name = "COLUMNS",
        value_delimiter = ',',
        value_parser = name,
        conflicts_with = "load"
    )]
    pub ignore: Vec<String>,

    /// Columns of words that look like numbers, such as zip codes, separated by commas
    #[arg(
        long,
        value_name = "COLUMNS",
        value_delimiter = ',',
        value_parser = name,
        conflicts_with = "load"
    )]
    pub words: Vec<String>,

    /// Column with the group of each row, such as a customer. Rows of a group are held out
    /// together, and the column is not learned
    #[arg(long, value_name = "COLUMN", value_parser = name, conflicts_with = "load")]
    pub group: Option<String>,

    /// Character between cells, or tab [default: found in the file]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    pub delimiter: Option<u8>,

    /// Numbers have a decimal comma, or with `false` a decimal point [default: found in the file]
    #[arg(long, value_name = "BOOLEAN", num_args = 0..=1, default_missing_value = "true")]
    pub decimal_comma: Option<bool>,

    /// Texts of missing cells beside empty ones, separated by commas [default: NA, N/A, #N/A,
    /// #NA, <NA>, NaN, -NaN, null, ? and beside numbers None, -]
    #[arg(
        long,
        value_name = "TEXTS",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    pub missing: Option<Vec<String>>,

    /// Files are in Latin-1 or Windows-1252 [default: UTF-8]
    #[arg(long)]
    pub latin1: bool,

    /// CSV file to score the model on
    #[arg(long, value_name = "FILE")]
    pub test: Option<PathBuf>,

    /// CSV file to predict. Writes predictions.csv
    #[arg(long, value_name = "FILE")]
    pub predict: Option<PathBuf>,

    /// Fraction of rows that intervals of numbers, or sets of classes, should cover
    #[arg(long, value_name = "FRACTION", default_value_t = 0.9, value_parser = level)]
    pub level: f64,

    /// ONNX file to write, with the model for other systems
    #[arg(long, value_name = "FILE")]
    pub onnx: Option<PathBuf>,

    /// Rust source to write, with the model for a program without files
    #[arg(long, value_name = "FILE")]
    pub rust: Option<PathBuf>,

    /// Use a model that the program wrote, without training. It needs `--test`, `--predict`,
    /// `--onnx` or `--rust`
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["data", "folds", "epochs", "seconds", "seed", "threads"])]
    pub load: Option<PathBuf>,

    /// Number of networks, each trained without one part of the rows. With 1, a fifth of the rows
    /// is held out
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = count())]
    pub folds: u32,

    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = count())]
    pub epochs: u32,

    /// Maximum number of seconds of training [decides on the number of epochs, at most `--epochs`]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub seconds: Option<Duration>,

    /// Try N settings, end bad ones early, and train with the best. It writes trials.csv
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..), conflicts_with_all = ["load", "seconds"])]
    pub search: Option<u32>,

    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N", value_parser = count())]
    pub threads: Option<u32>,

    /// Folder to write to, created if missing
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,

    /// Print no progress
    #[arg(long)]
    pub quiet: bool,
}

/// Target of the default data.
const DEFAULT_TARGET: &str = "income";

impl Flags {
    /// Returns the file to learn from.
    pub fn data(&self) -> PathBuf {
        let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets/adult.csv");
        self.data.clone().unwrap_or_else(default)
    }

    /// Returns the target, if it is named or that of the default data.
    pub fn target(&self) -> Option<&str> {
        let default = || self.data.is_none().then_some(DEFAULT_TARGET);
        self.target.as_deref().or_else(default)
    }

    /// Returns the columns that are neither learned nor predicted.
    pub fn left_out(&self) -> impl Iterator<Item = &String> {
        self.ignore.iter().chain(&self.group)
    }
}

/// Returns the name of a column without spaces around it, as the reader does.
#[allow(clippy::unnecessary_wraps)] // for clap
fn name(text: &str) -> Result<String, String> {
    Ok(text.trim().into())
}

fn count() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    seconds
        .and_then(Result::ok)
        .ok_or_else(|| "expected a number of seconds".into())
}

fn level(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(level) if 0.0 < level && level < 1.0 => Ok(level),
        _ => Err("expected a number between 0 and 1".into()),
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if text == "tab" || text == "\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii_graphic() && *byte != b'"' || *byte == b'\t' => Ok(*byte),
        _ => Err("expected one character, or tab".into()),
    }
}
