//! Results of a search.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use super::settings::{Setting, Settings};
use crate::error::Number;

/// Settings of a trial, and how it went so far.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Trial {
    /// Number of the trial, counted from 0.
    pub number: usize,
    /// Settings of the trial.
    pub settings: Settings,
    /// Resource that it has used, such as epochs.
    pub resource: usize,
    /// Score after this resource; higher is better. NaN before the first score, and for a trial
    /// that failed.
    pub score: f64,
}

impl Trial {
    pub(super) fn new(number: usize, settings: Settings) -> Self {
        Self {
            number,
            settings,
            resource: 0,
            score: f64::NAN,
        }
    }

    /// Compares so that the better trial comes first, and NaN last.
    pub(super) fn by_score(&self, other: &Self) -> Ordering {
        let failed = self.score.is_nan().cmp(&other.score.is_nan());
        // Zeros of both signs are equal.
        let better = other.score.partial_cmp(&self.score);
        let better = better.unwrap_or(Ordering::Equal);
        failed.then(better).then(self.number.cmp(&other.number))
    }
}

/// Table of the trials of a search, of which the best is the first.
///
/// Trials that ended early come after those with more resource, because their scores do not
/// compare. Trials that failed come last.
///
/// `Display` prints a table with a line for each trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Trials(Vec<Trial>);

impl Trials {
    pub(super) fn new(mut trials: Vec<Trial>) -> Self {
        trials.sort_by(|a, b| {
            let failed = a.score.is_nan().cmp(&b.score.is_nan());
            failed.then(b.resource.cmp(&a.resource)).then(a.by_score(b))
        });
        Self(trials)
    }

    /// Returns the best trial, unless all failed.
    pub fn best(&self) -> Option<&Trial> {
        self.0.first().filter(|trial| !trial.score.is_nan())
    }

    /// Returns the trials, of which the best is the first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Trial> {
        self.0.iter()
    }

    /// Returns the number of trials.
    #[allow(clippy::len_without_is_empty)] // a search has at least one
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the total resource of all trials, such as the number of epochs.
    pub fn cost(&self) -> usize {
        let resources = self.iter().map(|trial| trial.resource);
        resources.fold(0, usize::saturating_add)
    }

    /// Returns the table as CSV text, with a header.
    ///
    /// ```
    /// use feedforward::search::{Halving, Settings};
    ///
    /// let settings = [0.5, 0.25].map(|x| Settings::new().with("x", x));
    /// let trials = Halving::new(&[1])?.run(settings, |trial, _: &mut Option<()>, _| {
    ///     Ok(-trial.settings.number("x")?)
    /// })?;
    /// assert_eq!(trials.to_csv(), "trial,resource,score,x\n1,1,-0.25,0.25\n0,1,-0.5,0.5\n");
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        for cells in self.cells(ToString::to_string, ToString::to_string) {
            let cells: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
            text += &cells.join(",");
            text += "\n";
        }
        text
    }

    /// Returns the cells of the table, with a header.
    fn cells(
        &self,
        score: impl Fn(&f64) -> String,
        text: impl Fn(&Setting) -> String,
    ) -> Vec<Vec<String>> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.iter().flat_map(|trial| trial.settings.iter()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let header = ["trial", "resource", "score"]
            .into_iter()
            .chain(names.iter().copied());
        let mut cells = vec![header.map(String::from).collect::<Vec<_>>()];
        for trial in self.iter() {
            let values = names.iter().map(|name| trial.settings.get(name));
            let values = values.map(|value| value.map(&text).unwrap_or_default());
            let numbers = [
                trial.number.to_string(),
                trial.resource.to_string(),
                score(&trial.score),
            ];
            cells.push(numbers.into_iter().chain(values).collect());
        }
        cells
    }
}

impl fmt::Display for Trials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.cells(|score| format!("{score:.4}"), short);
        let columns = cells.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = cells.iter().map(|cells| cells[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..columns).map(width).collect();
        for cells in &cells {
            let cells = cells.iter().zip(&widths);
            let cells: Vec<_> = cells
                .map(|(cell, width)| format!("{cell:>width$}"))
                .collect();
            let line = cells.join("  ");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// Returns a value as text, with three digits of a number.
fn short(value: &Setting) -> String {
    match value {
        Setting::Number(number) => {
            let rounded = format!("{number:.2e}").parse().unwrap_or(*number);
            Number(rounded).to_string()
        }
        other => other.to_string(),
    }
}

/// Quotes a cell of CSV text if it needs it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell.into()
}
