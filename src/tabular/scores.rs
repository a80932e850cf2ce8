//! Scores of a model.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::target::{Target, Targets, Task};
use crate::error::Result;
use crate::math;
use crate::metrics;

/// Scores of predictions, by name.
///
/// | target | names |
/// |---|---|
/// | numbers | `r2`, `rmse`, `mae` |
/// | counts | `deviance`, `rmse`, `mae` |
/// | classes | `accuracy`, `logloss`, and `auc` for two classes |
/// | labels | `accuracy` (of whole rows), `logloss` |
///
/// `rmse` is the root of the mean squared error, `mae` the mean absolute error, `deviance` the mean
/// Poisson deviance. They are those of [`metrics`]. `Display` writes `r2=0.9123 rmse=...`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores(pub(super) Vec<(&'static str, f64)>);

impl Scores {
    /// Returns a score by name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let found = self.0.iter().find(|(other, _)| *other == name);
        found.map(|(_, score)| *score)
    }

    /// Returns names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, f64)> {
        self.0.iter().copied()
    }

    /// Returns means and standard deviations of several scores, as over the folds of a model.
    pub(super) fn summary(all: &[Self]) -> Vec<(&'static str, f64, f64)> {
        let Some(first) = all.first() else {
            return Vec::new();
        };
        let names = first.iter().map(|(name, _)| {
            let values: Vec<_> = all.iter().filter_map(|scores| scores.get(name)).collect();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let squares = values.iter().map(|x| (x - mean) * (x - mean));
            let deviation = math::sqrt(squares.sum::<f64>() / (count - 1.0).max(1.0));
            (name, mean, deviation)
        });
        names.collect()
    }

    /// Scores predicted values of these rows.
    pub(super) fn of(
        target: &Target,
        values: &[f64],
        targets: &Targets,
        rows: &[usize],
    ) -> Result<Self> {
        let outputs = target.outputs();
        let expected = |numbers: &[f64]| -> Vec<f64> {
            let rows = rows
                .iter()
                .flat_map(|&row| &numbers[row * outputs..][..outputs]);
            rows.copied().collect()
        };
        let errors = |values: &[f64], expected: &[f64]| -> Result<[(&'static str, f64); 2]> {
            Ok([
                (
                    "rmse",
                    metrics::root_mean_squared_error(values, expected, outputs)?,
                ),
                (
                    "mae",
                    metrics::mean_absolute_error(values, expected, outputs)?,
                ),
            ])
        };
        Ok(Self(match targets {
            Targets::Classes(classes) => {
                let expected: Vec<_> = rows.iter().map(|&row| classes[row]).collect();
                of_classes(values, &expected, outputs)?
            }
            Targets::Rates(rates, exposures) => {
                let exposures = rows.iter().map(|&row| exposures[row]);
                let expected: Vec<_> = expected(rates)
                    .iter()
                    .zip(exposures)
                    .map(|(r, e)| r * e)
                    .collect();
                let deviance = expected.iter().zip(values).map(|(&y, &mean)| {
                    let log = if y > 0.0 { y * math::ln(y / mean) } else { 0.0 };
                    2.0 * (log - y + mean)
                });
                let deviance = deviance.sum::<f64>() / rows.len() as f64;
                [("deviance", deviance)]
                    .into_iter()
                    .chain(errors(values, &expected)?)
                    .collect()
            }
            Targets::Numbers(numbers) if target.task == Task::Labels => {
                of_labels(values, &expected(numbers), outputs)
            }
            Targets::Numbers(numbers) => {
                let mut expected = expected(numbers);
                if target.task == Task::Logarithms {
                    for y in &mut expected {
                        *y = math::exp(*y);
                    }
                }
                let r2 = metrics::r2(values, &expected, outputs)?;
                [("r2", r2)]
                    .into_iter()
                    .chain(errors(values, &expected)?)
                    .collect()
            }
        }))
    }
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, score)) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            // Errors have the unit of the target, and thus any size.
            match name {
                "rmse" | "mae" => write!(f, "{space}{name}={score:.6}")?,
                _ => write!(f, "{space}{name}={score:.4}")?,
            }
        }
        Ok(())
    }
}

/// Names of all scores.
#[cfg(feature = "safetensors")]
pub(super) const NAMES: [&str; 7] = [
    "r2", "rmse", "mae", "deviance", "accuracy", "logloss", "auc",
];

/// Smallest probability that counts, so that a sure mistake has a finite loss.
const SMALLEST: f64 = 1e-15;

fn of_classes(
    values: &[f64],
    expected: &[usize],
    outputs: usize,
) -> Result<Vec<(&'static str, f64)>> {
    let rows = || values.chunks(outputs);
    let predicted: Vec<_> = rows().map(most).collect();
    let losses = rows()
        .zip(expected)
        .map(|(row, &class)| -math::ln(row[class].max(SMALLEST)));
    let mut scores = vec![
        ("accuracy", metrics::accuracy(&predicted, expected)?),
        ("logloss", losses.sum::<f64>() / expected.len() as f64),
    ];
    if outputs == 2 {
        let second: Vec<_> = rows().map(|row| row[1]).collect();
        let is_second: Vec<_> = expected.iter().map(|&class| class == 1).collect();
        // Undefined if the rows have one class only.
        if let Ok(auc) = metrics::roc_auc(&second, &is_second) {
            scores.push(("auc", auc));
        }
    }
    Ok(scores)
}

fn of_labels(values: &[f64], expected: &[f64], outputs: usize) -> Vec<(&'static str, f64)> {
    let rows = values.chunks(outputs).zip(expected.chunks(outputs));
    let is_right = |(p, y): (&f64, &f64)| (*p >= 0.5) == (*y == 1.0);
    let right = rows.clone().filter(|(p, y)| p.iter().zip(*y).all(is_right));
    let loss = |(p, y): (&f64, &f64)| {
        let p = if *y == 1.0 { *p } else { 1.0 - *p };
        -math::ln(p.max(SMALLEST))
    };
    let losses: f64 = values.iter().zip(expected).map(loss).sum();
    let count = rows.len() as f64;
    vec![
        ("accuracy", right.count() as f64 / count),
        ("logloss", losses / values.len() as f64),
    ]
}

/// Returns the index of the maximum.
pub(super) fn most(row: &[f64]) -> usize {
    let larger = |best, (index, &p): (usize, &f64)| if p > row[best] { index } else { best };
    row.iter().enumerate().fold(0, larger)
}
