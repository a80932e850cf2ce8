//! A model that the program has trained, and words about it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use feedforward::search::Settings;
use feedforward::tabular::{Table, TabularModel};

use super::flags::Flags;
use super::importance::Measured;
use super::reading::Reading;
use super::report::Report;
use super::training::{self, Losses};
use super::uncertainty::Uncertainty;
use super::{Result, description, outputs, print_lines, search, summary_of, written};

/// Results of a training run, beside its model.
#[derive(Debug)]
pub struct Learned {
    pub reading: Reading,
    losses: Losses,
    importance: Option<Measured>,
    /// Gain of the search.
    pub gain: Option<f64>,
    /// Number of rows and mean scores, for programs.
    pub summary: String,
    /// Written files.
    pub files: Vec<PathBuf>,
    /// Time of the search and the training run.
    pub time: Duration,
}

impl Learned {
    /// Describes the table, trains and saves a model, and prints its scores.
    pub fn new(
        reading: Reading,
        test: Option<&(&PathBuf, Table<'static>)>,
        flags: &Flags,
    ) -> Result<(TabularModel, Self)> {
        for line in description::lines(&reading, flags) {
            println!("{line}");
        }
        let begun = Instant::now();
        let (mut files, mut settings, mut gain) = (Vec::new(), Settings::new(), None);
        if let Some(trials) = flags.search {
            training::check(&reading, flags)?;
            let found = search::run(trials, &reading, test, flags)?;
            print_lines(found.lines);
            let file = flags.out.join(outputs::TRIALS);
            let written = fs::write(&file, found.table);
            written.map_err(|error| format!("{}: {error}", file.display()))?;
            files.push(file);
            (settings, gain) = (found.settings, Some(found.gain));
        }
        let (model, losses) = training::train(&reading, flags, &settings)?;
        let time = begun.elapsed();
        // Nothing that follows can lose it.
        let file = flags.out.join(outputs::MODEL);
        model.save(&file)?;
        files.push(file);
        let scores = model.mean_scores();
        print_scores(&model, &scores, flags);
        let means = scores.iter().map(|(name, mean, _)| (*name, *mean));
        let summary = summary_of(reading.table.rows(), means);
        let importance = Measured::new(&model, &reading)?;
        if let Some(importance) = &importance {
            print_lines(importance.lines());
        }
        let learned = Self {
            reading,
            losses,
            importance,
            gain,
            summary,
            files,
            time,
        };
        Ok((model, learned))
    }

    /// Writes the report, and returns its path.
    pub fn report(
        &self,
        model: &TabularModel,
        uncertainty: Option<&Uncertainty>,
        flags: &Flags,
    ) -> Result<PathBuf> {
        let report = Report {
            model,
            reading: &self.reading,
            losses: &self.losses,
            importance: self.importance.as_ref(),
            uncertainty,
            is_log: flags.log,
        };
        let file = flags.out.join(outputs::REPORT);
        report.save(&file)?;
        Ok(file)
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
