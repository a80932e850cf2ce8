//! Scores of a model.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::target::{Target, Targets, Task};
use crate::error::{Error, Result, check_not_empty};
use crate::math;
use crate::metrics;

/// Scores of predictions, by name.
///
/// | target | names |
/// |---|---|
/// | one column of numbers | `r2`, `rmse`, `mae` |
/// | several columns of numbers | `r2` (mean) |
/// | counts | `deviance`, `rmse`, `mae` |
/// | classes | `accuracy`, `logloss`, and `auc` for two classes |
/// | labels | `accuracy` (of whole rows), `logloss` |
///
/// `rmse` is the root of the mean squared error, `mae` the mean absolute error, `deviance` the mean
/// Poisson deviance. They are those of [`metrics`]. Undefined scores are left out: `r2` of a single
/// row, and `auc` of rows of one class. `Display` writes `r2=0.9123 rmse=...`, with an exponent for
/// tiny and huge errors.
///
/// Several columns may have several units, so their errors have no mean.
/// [`by_target`](Self::by_target) returns them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    pub(super) all: Vec<Named<f64>>,
    /// Scores of each target, if there are several.
    pub(super) each: Vec<Named<Vec<f64>>>,
}

/// A score and its name.
pub(super) type Named<V> = (&'static str, V);

impl Scores {
    /// Returns a score by name.
    pub fn get(&self, name: &str) -> Option<f64> {
        find(&self.all, name).copied()
    }

    /// Returns a score of each target column, in the order of
    /// [`TabularModel::targets`](super::TabularModel::targets). The names are those of a single
    /// column.
    ///
    /// ```
    /// use feedforward::tabular::{Column, Table, Tabular};
    ///
    /// // Two targets of different units.
    /// let table = Table::new()
    ///     .with("x", Column::numbers(0..60))?
    ///     .with("meters", Column::numbers((0..60).map(|x| 1000.0 * f64::from(x))))?
    ///     .with("tons", Column::numbers((0..60).map(|x| 0.01 * f64::from(x))))?;
    /// let model = Tabular::regressor_of(&table, ["meters", "tons"]).folds(2).epochs(5).fit()?;
    /// let scores = model.score(&table)?;
    /// let errors = scores.by_target("rmse").expect("numbers have one");
    /// assert!(errors[0] > 1000.0 * errors[1]);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn by_target(&self, name: &str) -> Option<&[f64]> {
        if self.each.is_empty() {
            return find(&self.all, name).map(core::slice::from_ref);
        }
        find(&self.each, name).map(|scores| &**scores)
    }

    /// Returns names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, f64)> {
        self.all.iter().copied()
    }

    /// Returns means and standard deviations of several scores, as over the folds of a model.
    pub(super) fn summary(all: &[Self]) -> Vec<(&'static str, f64, f64)> {
        let score = |name| {
            let values: Vec<_> = all.iter().filter_map(|scores| scores.get(name)).collect();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let squares = values.iter().map(|x| (x - mean) * (x - mean));
            let deviation = math::sqrt(squares.sum::<f64>() / (count - 1.0).max(1.0));
            (!values.is_empty()).then_some((name, mean, deviation))
        };
        NAMES.into_iter().filter_map(score).collect()
    }

    /// Scores predicted values of these rows.
    pub(super) fn of(
        target: &Target,
        values: &[f64],
        targets: &Targets,
        rows: &[usize],
    ) -> Result<Self> {
        check_not_empty("rows to score", rows)?;
        let outputs = target.outputs();
        let expected = |numbers: &[f64]| -> Vec<f64> {
            let rows = rows
                .iter()
                .flat_map(|&row| &numbers[row * outputs..][..outputs]);
            rows.copied().collect()
        };
        let several = |expected: &[f64], score: &Score| {
            let column = |numbers: &[f64], output| -> Vec<f64> {
                numbers
                    .iter()
                    .skip(output)
                    .step_by(outputs)
                    .copied()
                    .collect()
            };
            let scores = (0..outputs)
                .map(|output| score(&column(values, output), &column(expected, output), 1));
            Ok::<_, Error>(each(&scores.collect::<Result<Vec<_>>>()?))
        };
        let all = match targets {
            Targets::Classes(classes, _) => {
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
                of_counts(values, &expected)?
            }
            Targets::Numbers(numbers) => {
                let mut expected = expected(numbers);
                if target.task == Task::Logarithms {
                    for y in &mut expected {
                        *y = math::exp(*y);
                    }
                }
                let score: &Score = match target.task {
                    Task::Labels => &of_labels,
                    _ => &of_numbers,
                };
                let all = score(values, &expected, outputs)?;
                if outputs > 1 {
                    let each = several(&expected, score)?;
                    return Ok(Self { all, each });
                }
                all
            }
        };
        let each = Vec::new();
        Ok(Self { all, each })
    }
}

/// Returns a value by name.
fn find<'s, V>(scores: &'s [Named<V>], name: &str) -> Option<&'s V> {
    let found = scores.iter().find(|(other, _)| *other == name);
    found.map(|(_, score)| score)
}

/// Function of values, expected numbers and their number in each row that returns scores.
type Score = dyn Fn(&[f64], &[f64], usize) -> Result<Vec<Named<f64>>>;

/// Returns scores of several targets by name. All targets have the same names.
fn each(targets: &[Vec<Named<f64>>]) -> Vec<Named<Vec<f64>>> {
    let names = targets.first().into_iter().flatten();
    let scores = names.map(|(name, _)| {
        let scores = targets.iter().filter_map(|scores| find(scores, name));
        (*name, scores.copied().collect())
    });
    scores.collect()
}

impl fmt::Display for Scores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, score)) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            // Errors have the unit of the target, and thus any size.
            let (digits, has_unit) = match name {
                "rmse" | "mae" => (6, true),
                _ => (4, name == "deviance"),
            };
            let is_tiny = has_unit && score != 0.0 && score.abs() < 1e-3;
            if score.is_finite() && (is_tiny || score.abs() >= 1e9) {
                write!(f, "{space}{name}={score:.digits$e}")?;
            } else {
                write!(f, "{space}{name}={score:.digits$}")?;
            }
        }
        Ok(())
    }
}

/// Names of all scores, in order.
pub(super) const NAMES: [&str; 7] = [
    "r2", "deviance", "accuracy", "logloss", "auc", "rmse", "mae",
];

/// Smallest probability that counts, so that a sure mistake has a finite loss.
const SMALLEST: f64 = 1e-15;

/// Scores numbers. The errors of several columns have no mean, since their units may differ.
fn of_numbers(values: &[f64], expected: &[f64], outputs: usize) -> Result<Vec<Named<f64>>> {
    let mut scores = Vec::new();
    // R² of a single row is undefined.
    if values.len() >= 2 * outputs {
        scores.push(("r2", metrics::r2(values, expected, outputs)?));
    }
    if outputs == 1 {
        scores.extend(errors(values, expected)?);
    }
    Ok(scores)
}

fn errors(values: &[f64], expected: &[f64]) -> Result<[Named<f64>; 2]> {
    let rmse = metrics::root_mean_squared_error(values, expected, 1)?;
    let mae = metrics::mean_absolute_error(values, expected, 1)?;
    Ok([("rmse", rmse), ("mae", mae)])
}

fn of_counts(values: &[f64], expected: &[f64]) -> Result<Vec<Named<f64>>> {
    let deviance = expected.iter().zip(values).map(|(&y, &mean)| {
        let log = if y > 0.0 { y * math::ln(y / mean) } else { 0.0 };
        2.0 * (log - y + mean)
    });
    let deviance = deviance.sum::<f64>() / expected.len() as f64;
    let mut scores = vec![("deviance", deviance)];
    scores.extend(errors(values, expected)?);
    Ok(scores)
}

fn of_classes(values: &[f64], expected: &[usize], outputs: usize) -> Result<Vec<Named<f64>>> {
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

#[allow(clippy::unnecessary_wraps)] // the type `Score`
fn of_labels(values: &[f64], expected: &[f64], outputs: usize) -> Result<Vec<Named<f64>>> {
    let rows = values.chunks(outputs).zip(expected.chunks(outputs));
    let is_right = |(p, y): (&f64, &f64)| (*p >= 0.5) == (*y == 1.0);
    let right = rows.clone().filter(|(p, y)| p.iter().zip(*y).all(is_right));
    let loss = |(p, y): (&f64, &f64)| {
        let p = if *y == 1.0 { *p } else { 1.0 - *p };
        -math::ln(p.max(SMALLEST))
    };
    let losses: f64 = values.iter().zip(expected).map(loss).sum();
    let count = rows.len() as f64;
    Ok(vec![
        ("accuracy", right.count() as f64 / count),
        ("logloss", losses / values.len() as f64),
    ])
}

/// Returns the index of the maximum.
pub(super) fn most(row: &[f64]) -> usize {
    let larger = |best, (index, &p): (usize, &f64)| if p > row[best] { index } else { best };
    row.iter().enumerate().fold(0, larger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn tiny_and_huge_errors_have_exponents() {
        let text = |r2, rmse, mae| {
            let all = vec![("r2", r2), ("rmse", rmse), ("mae", mae)];
            let each = Vec::new();
            Scores { all, each }.to_string()
        };
        assert_eq!(
            text(0.00001, 0.25, 0.0),
            "r2=0.0000 rmse=0.250000 mae=0.000000"
        );
        assert_eq!(
            text(-2e12, 1.25e-9, 1.5e308),
            "r2=-2.0000e12 rmse=1.250000e-9 mae=1.500000e308"
        );
        assert_eq!(
            text(1.0, f64::INFINITY, 999_999_999.0),
            "r2=1.0000 rmse=inf mae=999999999.000000"
        );
    }
}
