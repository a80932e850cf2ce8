//! Learns a column of a CSV file from the other columns.
//!
//! `cargo run --example tabular [-- data.csv --target price]`. docs/tabular.md explains it. The
//! default data are 2,000 rows of a census (Becker and Kohavi, 1996), with words and gaps.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
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
mod learned;
mod outputs;
mod panels;
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
use learned::Learned;
use reading::{Known, Reading};
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
    outputs::check(flags)?;
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

    let begun = Instant::now();
    let (model, learned) = match source {
        Source::Model(model) => (model, None),
        Source::Table(reading) => {
            let (model, learned) = Learned::new(reading, test.as_ref(), flags)?;
            (model, Some(learned))
        }
    };
    let (mut files, mut summary) = match &learned {
        Some(learned) => (learned.files.clone(), learned.summary.clone()),
        None => (Vec::new(), String::new()),
    };
    let mut checked = None;
    if let Some((file, table)) = &test {
        let scores = model.score(table).map_err(in_file(file))?;
        summary = summary_of(table.rows(), scores.iter());
        println!("\nscores of {}:{}", file.display(), named(scores.iter(), 4));
        checked = Uncertainty::of_test(&model, (file.as_path(), table), flags.level)?;
    } else if let Some(learned) = &learned {
        let setting = (flags.log, flags.level);
        checked = Uncertainty::of_held_out(&model, &learned.reading, setting)?;
        if checked.is_none() && model.classes().is_empty() {
            println!("\nintervals: --test, or --folds above 1, tells their coverage");
        }
    }
    if let Some(checked) = &checked {
        print_lines(checked.lines());
        summary += &named(checked.scores(), 6);
    }
    if let Some(learned) = &learned {
        summary += &named(learned.gain.map(|gain| ("gain", gain)), 6);
        files.push(learned.report(&model, checked.as_ref(), flags)?);
    }
    if let Some((file, tables)) = &new {
        let to = flags.out.join(outputs::PREDICTIONS);
        let paths = (file.as_path(), to.as_path());
        predictions::write(&model, &known, (tables, flags.level), paths)?;
        files.push(to);
        if summary.is_empty() {
            summary = summary_of(tables[0].rows(), []);
        }
    }
    files.extend(outputs::write_exports(&model, flags)?);
    if !files.is_empty() {
        say::wrote(&files);
    }
    let seconds = learned.map_or_else(|| begun.elapsed(), |learned| learned.time);
    let summary = format!("{summary} seconds={:.2}", seconds.as_secs_f64());
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

/// A model, or a table to learn one from.
enum Source {
    Model(TabularModel),
    Table(Reading),
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
