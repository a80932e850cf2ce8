//! Progress of a run: a bar where standard error is a terminal, and elsewhere a line now and then.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::Result;

/// Time between two updates of the bar, which may cost as much as some steps of training.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// Time between two lines where there is no terminal.
const BETWEEN_LINES: Duration = Duration::from_secs(3);

/// Number of steps of the bar.
const STEPS: u64 = 1000;

/// A bar, lines, or nothing at all with `--quiet`. The bar disappears at the end.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    is_quiet: bool,
    begun: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Returns the progress of a run that begins now.
    pub fn new(is_quiet: bool) -> Self {
        let bar = if is_quiet {
            ProgressBar::hidden()
        } else {
            ProgressBar::new(STEPS)
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:20.cyan/blue} {msg}") {
            bar.set_style(style);
        }
        Self {
            bar,
            is_quiet,
            begun: Instant::now(),
            shown: None,
        }
    }

    /// Returns `true` if there is a bar.
    pub fn has_bar(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Removes the bar while `draw` writes to the terminal.
    ///
    /// # Errors
    /// If `draw` fails.
    pub fn suspend(&self, draw: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        self.bar.suspend(draw)
    }

    /// Returns `true` if it is time to call [`show`](Self::show).
    pub fn is_due(&self) -> bool {
        match (self.has_bar(), self.shown) {
            _ if self.is_quiet => false,
            (true, shown) => shown.is_none_or(|shown| shown.elapsed() >= BETWEEN_LOOKS),
            (false, shown) => shown.unwrap_or(self.begun).elapsed() >= BETWEEN_LINES,
        }
    }

    /// Shows how much of the run is done, from 0 to 1, and these words.
    pub fn show(&mut self, part: f64, words: &str) {
        let left = self.begun.elapsed().as_secs_f64() * (1.0 / part.max(1e-9) - 1.0);
        let words = format!("{words}  {left:.1} s left");
        if self.has_bar() {
            self.bar.set_position((part * STEPS as f64) as u64);
            self.bar.set_message(words);
        } else if !self.is_quiet {
            // Without a reader of the progress the run continues.
            let _ = writeln!(io::stderr(), "{words}");
        }
        self.shown = Some(Instant::now());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
