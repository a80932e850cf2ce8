//! Learns a column of a CSV file from the other columns.
//!
//! `cargo run --example tabular [-- data.csv --target price]`. docs/tabular.md explains it. The
//! default data are 2,000 rows of a census (Becker and Kohavi, 1996), with words and gaps.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use feedforward::onnx;
use feedforward::search::Settings;
use feedforward::tabular::TabularModel;

#[macro_use]
#[path = "../common/say.rs"]
mod say;

mod bars;
mod charts;
mod description;
mod flags;
mod importance;
mod intervals;
mod labels;
mod predictions;
mod reading;
mod reliability;
mod report;
mod search;
mod sets;
mod training;
mod uncertainty;
mod written;

use flags::Flags;
use importance::Measured;
use reading::{Known, Reading};
use report::Report;
use uncertainty::Uncertainty;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(&Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(flags: &Flags) -> Result<()> {
    let uses = [&flags.test, &flags.predict, &flags.onnx, &flags.rust];
    if flags.load.is_some() && uses == [&None; 4] {
        let expected = "expected --test, --predict, --onnx or --rust too";
        return Err(format!("--load: {expected}, got none").into());
    }
    // An error is better before the work than after it.
    fs::create_dir_all(&flags.out).map_err(|error| format!("{}: {error}", flags.out.display()))?;
    check_outputs(flags)?;
    for (_, file) in exports(flags) {
        say::prepare_file(file)?;
    }
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
    let (mut files, mut report, mut checked) = (Vec::new(), None, None);
    let (mut summary, mut seconds, mut gain) = (String::new(), None, None);
    let model = match source {
        Source::Model(model) => model,
        Source::Table(reading) => {
            for line in description::lines(&reading, flags) {
                println!("{line}");
            }
            begun = Instant::now();
            let mut settings = Settings::new();
            if let Some(trials) = flags.search {
                let found = search::run(trials, &reading, test.as_ref(), flags)?;
                print_lines(found.lines);
                let file = flags.out.join(TRIALS);
                fs::write(&file, found.table)
                    .map_err(|error| format!("{}: {error}", file.display()))?;
                files.push(file);
                gain = Some(("gain", found.gain));
                settings = found.settings;
            }
            let (model, losses) = training::train(&reading, flags, &settings)?;
            seconds = Some(begun.elapsed());
            // Nothing that follows can lose it.
            let file = flags.out.join(MODEL);
            model.save(&file)?;
            files.push(file);
            let scores = model.mean_scores();
            print_scores(&model, &scores, flags);
            let means = scores.iter().map(|(name, mean, _)| (*name, *mean));
            summary = summary_of(reading.table.rows(), means);
            let importance = Measured::new(&model, &reading)?;
            if let Some(importance) = &importance {
                print_lines(importance.lines());
            }
            if test.is_none() {
                let setting = (flags.log, flags.level);
                checked = Uncertainty::of_held_out(&model, &reading, setting)?;
            }
            if checked.is_none() && test.is_none() && model.classes().is_empty() {
                println!("\nintervals: --test, or --folds above 1, tells their coverage");
            }
            report = Some((reading, losses, importance));
            model
        }
    };
    if let Some((file, table)) = &test {
        let scores = model.score(table).map_err(in_file(file))?;
        summary = summary_of(table.rows(), scores.iter());
        println!("\nscores of {}:{}", file.display(), named(scores.iter(), 4));
        checked = Uncertainty::of_test(&model, (file.as_path(), table), flags.level)?;
    }
    if let Some(checked) = &checked {
        print_lines(checked.lines());
        summary += &named(checked.scores(), 6);
    }
    summary += &named(gain, 6);
    if let Some((reading, losses, importance)) = report {
        let report = Report {
            model: &model,
            reading: &reading,
            losses: &losses,
            importance: importance.as_ref(),
            uncertainty: checked.as_ref(),
            is_log: flags.log,
        };
        let file = flags.out.join(REPORT);
        report.save(&file)?;
        files.push(file);
    }
    if let Some((file, tables)) = &new {
        let to = flags.out.join(PREDICTIONS);
        let paths = (file.as_path(), to.as_path());
        predictions::write(&model, &known, (tables, flags.level), paths)?;
        files.push(to);
        if summary.is_empty() {
            summary = summary_of(tables[0].rows(), []);
        }
    }
    files.extend(write_exports(&model, flags)?);
    if !files.is_empty() {
        say::wrote(&files);
    }
    let seconds = seconds.unwrap_or_else(|| begun.elapsed()).as_secs_f64();
    summary += &format!(" seconds={seconds:.2}");
    println!("{}", summary.trim_start());
    Ok(())
}

/// Prints lines below an empty one.
fn print_lines(lines: Vec<String>) {
    println!();
    for line in lines {
        println!("{line}");
    }
}

/// Prints the scores of the folds.
fn print_scores(model: &TabularModel, scores: &[(&str, f64, f64)], flags: &Flags) {
    let folds = model.folds();
    if flags.seconds.is_some() {
        println!("  epochs in this time: {}", model.epochs());
    }
    match folds {
        1 => println!("\nscores on held-out rows:"),
        _ => println!("\nscores on held-out rows, mean and deviation over {folds} folds:"),
    }
    for (name, mean, deviation) in scores {
        match folds {
            1 => println!("  {name:<9} {}", written::score(*mean, 4)),
            _ => println!("  {name:<9} {}", written::mean(*mean, *deviation)),
        }
    }
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
const TRIALS: &str = "trials.csv";

/// Checks that the program replaces none of the files that it reads.
fn check_outputs(flags: &Flags) -> Result<()> {
    let data = flags.load.is_none().then(|| flags.data());
    let inputs = [&data, &flags.load, &flags.test, &flags.predict];
    let outputs = [
        (MODEL, flags.load.is_none()),
        (REPORT, flags.load.is_none()),
        (PREDICTIONS, flags.predict.is_some()),
        (TRIALS, flags.search.is_some()),
    ];
    let outputs = outputs.into_iter().filter(|(_, is_written)| *is_written);
    let outputs = outputs.map(|(name, _)| ("--out", flags.out.join(name)));
    let exports = exports(flags).map(|(flag, file)| (flag, file.clone()));
    for (flag, output) in outputs.chain(exports) {
        let Ok(output) = output.canonicalize() else {
            continue; // a new file
        };
        let is_output = |file: &&PathBuf| file.canonicalize().is_ok_and(|file| file == output);
        if let Some(file) = inputs.into_iter().flatten().find(is_output) {
            let file = file.display();
            let expected = "expected a folder where no input is replaced";
            return Err(format!("{flag}: {expected}, got that of {file}").into());
        }
    }
    Ok(())
}

/// Returns the files of other formats to write, each with its flag.
fn exports(flags: &Flags) -> impl Iterator<Item = (&'static str, &PathBuf)> {
    let onnx = flags.onnx.iter().map(|file| ("--onnx", file));
    onnx.chain(flags.rust.iter().map(|file| ("--rust", file)))
}

/// Writes these files, and returns their paths.
fn write_exports(model: &TabularModel, flags: &Flags) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for (flag, file) in exports(flags) {
        let bytes = match flag {
            "--onnx" => onnx::export(model),
            _ => model.to_rust().map(String::into_bytes),
        };
        let bytes = bytes.map_err(in_file(file))?;
        fs::write(file, bytes).map_err(|error| format!("{}: {error}", file.display()))?;
        files.push(file.clone());
    }
    Ok(files)
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
