//! Intervals of predicted numbers, compared with the true ones.

use feedforward::conformal::SplitConformal;
use feedforward::tabular::TabularModel;

use super::{Result, written};

/// A true number, and its prediction with an interval.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    pub truth: f64,
    pub predicted: f64,
    pub lower: f64,
    pub upper: f64,
}

impl Interval {
    pub fn is_covering(&self) -> bool {
        (self.lower..=self.upper).contains(&self.truth)
    }

    /// Applies an ascending function to all numbers.
    pub fn map(self, function: impl Fn(f64) -> f64) -> Self {
        Self {
            truth: function(self.truth),
            predicted: function(self.predicted),
            lower: function(self.lower),
            upper: function(self.upper),
        }
    }

    fn width(&self) -> f64 {
        self.upper - self.lower
    }
}

/// Intervals of several rows.
#[derive(Debug)]
pub struct Intervals {
    /// Name of the rows.
    pub rows: String,
    /// Fraction of the rows that the intervals should cover.
    pub level: f64,
    pub all: Vec<Interval>,
}

impl Intervals {
    /// Puts numbers and ends of intervals together.
    pub fn new(
        (rows, level): (String, f64),
        truths: &[f64],
        predicted: Vec<f64>,
        (lower, upper): (Vec<f64>, Vec<f64>),
    ) -> Self {
        let ends = lower.into_iter().zip(upper);
        let all = truths.iter().zip(predicted).zip(ends);
        let all = all.map(|((&truth, predicted), (lower, upper))| Interval {
            truth,
            predicted,
            lower,
            upper,
        });
        let all = all.collect();
        Self { rows, level, all }
    }

    /// Returns an interval for each held-out row from the errors of all other folds, or `None`
    /// for a single fold or an infinite prediction.
    ///
    /// The errors of its own fold would make the coverage that of the level for any model.
    pub fn of_held_out(
        model: &TabularModel,
        truths: &[f64],
        (is_log, level): (bool, f64),
    ) -> Result<Option<Self>> {
        let (folds, predicted) = (model.held_out(), model.out_of_fold());
        if folds.len() < 2 {
            return Ok(None);
        }
        let learned = |x: f64| if is_log { x.ln() } else { x };
        let error = |row: usize| (learned(truths[row]) - learned(predicted[row])).abs();
        let mut all = Vec::new();
        for (index, rows) in folds.iter().enumerate() {
            let others = folds.iter().enumerate().filter(|(fold, _)| *fold != index);
            let errors: Vec<_> = others
                .flat_map(|(_, rows)| rows)
                .map(|&row| error(row))
                .collect();
            if errors.iter().any(|error| !error.is_finite()) {
                return Ok(None);
            }
            let margin = SplitConformal::from_scores(errors, false)?.margin(level)?;
            all.extend(rows.iter().map(|&row| {
                let (truth, predicted) = (truths[row], predicted[row]);
                let (lower, upper) = if is_log {
                    (predicted * (-margin).exp(), predicted * margin.exp())
                } else {
                    (predicted - margin, predicted + margin)
                };
                Interval {
                    truth,
                    predicted,
                    lower,
                    upper,
                }
            }));
        }
        let rows = written::HELD_OUT.into();
        Ok(Some(Self { rows, level, all }))
    }

    /// Returns the fraction of true numbers in their intervals.
    pub fn coverage(&self) -> f64 {
        let inside = self.all.iter().filter(|interval| interval.is_covering());
        inside.count() as f64 / self.all.len().max(1) as f64
    }

    /// Returns lines for readers.
    pub fn lines(&self) -> Vec<String> {
        let (level, rows) = (self.level, self.all.len());
        let mean = self.all.iter().map(Interval::width).sum::<f64>() / rows.max(1) as f64;
        let width = if mean.is_finite() {
            format!("{} on average", written::score(mean, 4))
        } else {
            "infinite, because too few rows were held out for this level".to_string()
        };
        let head = written::with_origin(&self.rows);
        vec![
            format!("{} intervals of {head}:", written::percent(level)),
            written::coverage(self.coverage(), level, rows),
            format!("  width     {width}"),
        ]
    }
}
