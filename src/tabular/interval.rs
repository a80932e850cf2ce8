//! Intervals of predicted numbers.

use alloc::vec::Vec;

use super::model::TabularModel;
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::conformal::{CrossConformal, check_level};
use crate::error::Result;
use crate::math;
use crate::memory;

impl TabularModel {
    /// Returns the lower and upper ends of prediction intervals, each row-major `[rows x targets]`.
    ///
    /// They are those of CV+ ([`CrossConformal::intervals`]), from the errors of each network on
    /// its held-out rows. With a single network they are those of split conformal prediction.
    /// Intervals of logarithms are made before the exponential, so those of prices grow with the
    /// price. Intervals of counts begin at 0 or above. An end is infinite if there are too few rows
    /// for the level.
    ///
    /// **By default, nothing is guaranteed,** because the held-out rows have also chosen the best
    /// epoch of their network. With five networks, coverage is typically about `level`, on average
    /// over rows that are exchangeable with the training rows. With one network and few rows it is
    /// less, such as 0.76 for a level of 0.8 and 20 held-out rows.
    ///
    /// # Guarantee
    ///
    /// With [`Tabular::last_epoch`](super::Tabular::last_epoch), the held-out rows decide nothing
    /// about their network. The interval of a new row then contains a target with a probability of
    /// at least
    ///
    /// | networks | guaranteed | typical |
    /// |---|---|---|
    /// | 1 | `level` | `level` |
    /// | several, n rows in equal folds | 2 · `level` - 1 - √(2/n) | `level`, or slightly more |
    ///
    /// This holds for any data and any network, on average over training tables and new rows. The
    /// conditions are:
    ///
    /// - All rows are exchangeable, such as independent draws. Groups and time series are not.
    /// - No network trains on its held-out rows, which is checked. Several networks hold out each
    ///   row once together, which a custom splitter has to ensure.
    /// - Folds are random, as by default. So is a [`KFold`](crate::folds::KFold) that is shuffled.
    /// - The caller's functions do not use held-out rows either, for example to end training.
    /// - The kinds of the columns do not depend on the table. With `CsvReader`, name the columns of
    ///   numbers and words.
    ///
    /// ```
    /// use feedforward::tabular::{Table, TabularModel};
    ///
    /// /// Prints the price of a home with an interval that covers nine of ten.
    /// fn tell(model: &TabularModel, home: &Table<'_>) -> feedforward::Result<()> {
    ///     let prices = model.predict(home)?;
    ///     let (lower, upper) = model.predict_interval(home, 0.9)?;
    ///     println!("{:.0} ({:.0} to {:.0})", prices[0], lower[0], upper[0]);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`](crate::Error::InvalidSetting) unless 0 < `level` < 1.
    /// - The errors of [`predict`](Self::predict).
    #[doc(alias = "conformal")]
    pub fn predict_interval(&self, table: &Table<'_>, level: f64) -> Result<(Vec<f64>, Vec<f64>)> {
        self.check_regressor()?;
        check_level(level)?;
        let (outputs, folds) = (self.target.outputs(), self.members.len());
        let rows: Vec<_> = (0..table.rows()).collect();
        let len = memory::product("intervals", &[rows.len(), outputs, folds])?;
        if len == 0 {
            return Ok((Vec::new(), Vec::new()));
        }
        // Of each output and row, the predictions of all folds.
        let mut predictions = memory::filled("intervals", 0.0, len)?;
        let task = self.target.task;
        for (fold, member) in self.members.iter().enumerate() {
            let values = self.values_of([member], table, &rows)?;
            for (row, values) in values.chunks(outputs).enumerate() {
                for (output, &value) in values.iter().enumerate() {
                    predictions[(output * rows.len() + row) * folds + fold] = learned(task, value);
                }
            }
        }
        let mut lower = memory::filled("intervals", 0.0, rows.len() * outputs)?;
        let mut upper = lower.clone();
        for (output, predictions) in predictions.chunks(rows.len() * folds).enumerate() {
            let residuals = self.members.iter().map(|m| m.residuals[output].clone());
            let conformal = CrossConformal::from_residuals(residuals.collect())?;
            let (lows, highs) = conformal.intervals(predictions, level)?;
            for (row, (low, high)) in lows.into_iter().zip(highs).enumerate() {
                (lower[row * outputs + output], upper[row * outputs + output]) = match task {
                    Task::Logarithms => (math::exp(low), math::exp(high)),
                    Task::Counts => (low.max(0.0), high),
                    _ => (low, high),
                };
            }
        }
        Ok((lower, upper))
    }
}

/// Returns a number in the unit of the errors, which is that of logarithms if they were learned.
fn learned(task: Task, number: f64) -> f64 {
    match task {
        Task::Logarithms => math::ln(number),
        _ => number,
    }
}

impl Target {
    /// Returns the absolute errors of values of these rows, for each output. Classes and labels
    /// have none.
    pub(super) fn residuals(
        &self,
        values: &[f64],
        targets: &Targets,
        rows: &[usize],
    ) -> Vec<Vec<f64>> {
        if self.task.is_classification() {
            return Vec::new();
        }
        let width = self.outputs();
        let expected = |row: usize, output: usize| match targets {
            Targets::Numbers(numbers) => numbers[row * width + output],
            Targets::Rates(rates, exposures) => rates[row] * exposures[row],
            Targets::Classes(..) => f64::NAN,
        };
        let error = |output, (&row, values): (&usize, &[f64])| {
            (learned(self.task, values[output]) - expected(row, output)).abs()
        };
        let of_output = |output| {
            let rows = rows.iter().zip(values.chunks(width));
            let mut errors: Vec<f64> = rows.map(|row| error(output, row)).collect();
            // Each prediction of intervals sorts them, which is fast for sorted numbers.
            errors.sort_unstable_by(f64::total_cmp);
            errors
        };
        (0..width).map(of_output).collect()
    }
}
