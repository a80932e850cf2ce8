//! Partial dependence of predictions on one column.

use alloc::vec::Vec;

use crate::error::{Error, Position, Result, check_count, check_not_empty};
use crate::memory;
use crate::tabular::column::{Cells, Coded, Column, MISSING};
use crate::tabular::model::TabularModel;
use crate::tabular::table::Table;

impl TabularModel {
    /// Returns the mean prediction over all rows with a column set to each cell of a grid. The
    /// result is row-major `[cells x outputs]`: numbers, or probabilities of classes or labels.
    ///
    /// ```text
    /// dependence(v) = 1/n · Σᵢ prediction(row i with the column set to v)
    /// ```
    ///
    /// [`Column::grid`] makes a grid. A cell may be missing. The mean treats the column as
    /// independent of all others. If it is not, some of these rows are far from any real one, and
    /// the curve there means little. The cost is that of a prediction of the table for each cell.
    ///
    /// Source: Friedman, 2001,
    /// [Greedy function approximation](https://doi.org/10.1214/aos/1013203451).
    ///
    /// ```
    /// use feedforward::tabular::{Column, Table, Tabular};
    ///
    /// let table = Table::new()
    ///     .with("area", Column::numbers((0..200).map(|i| 40 + i * 37 % 120)))?
    ///     .with("price", Column::numbers((0..200).map(|i| 3 * (40 + i * 37 % 120))))?;
    /// let model = Tabular::regressor(&table, "price").folds(2).epochs(20).hidden(&[16]).fit()?;
    ///
    /// let grid = table.column("area")?.grid(5)?;
    /// let means = model.partial_dependence(&table, "area", &grid)?;
    /// for (index, mean) in means.iter().enumerate() {
    ///     println!("{:?}: {mean:.0}", grid.get(index));
    /// }
    /// assert!(means.is_sorted());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::Empty`] for a grid without cells or a table without rows.
    /// - [`Error::UnknownName`] if the model does not read the column.
    /// - [`Error::Column`] if the table lacks the column, or the grid does not have its kind.
    /// - The errors of [`predict`](Self::predict), but a target is not needed.
    #[doc(alias = "pdp")]
    pub fn partial_dependence(
        &self,
        table: &Table<'_>,
        column: &str,
        grid: &Column<'_>,
    ) -> Result<Vec<f64>> {
        let (rows, outputs) = (table.rows(), self.target.outputs());
        if grid.len() == 0 {
            return Err(Error::Empty {
                what: "cells of the grid",
            });
        }
        let all = memory::collected("rows of the table", rows, 0..rows)?;
        check_not_empty("rows of the table", &all)?;
        self.check_column(column)?;
        let len = memory::product("partial dependence", &[grid.len(), outputs])?;
        let mut means = memory::filled("partial dependence", 0.0, len)?;
        let mut changed = table.clone();
        for (cell, means) in means.chunks_mut(outputs).enumerate() {
            let cells = memory::filled("rows of the table", cell, rows)?;
            changed.replace(column, grid.select(&cells))?;
            let values = self.values(&changed)?;
            for row in values.chunks(outputs) {
                means.iter_mut().zip(row).for_each(|(sum, y)| *sum += y);
            }
            for sum in means {
                *sum /= rows as f64;
            }
        }
        Ok(means)
    }

    /// Checks that the model reads a column of this name.
    pub(super) fn check_column(&self, name: &str) -> Result<()> {
        let columns = self.columns().next();
        let names = columns.iter().flat_map(|columns| columns.columns());
        let names: Vec<_> = names.map(|(name, _)| name).collect();
        if names.contains(&name) {
            return Ok(());
        }
        Err(Error::UnknownName {
            what: "column of the model",
            known: crate::error::listed(&names),
            got: crate::error::bounded(name.into()),
        })
    }
}

impl Column<'_> {
    /// Returns a grid of cells for [`TabularModel::partial_dependence`], without repetition.
    ///
    /// Of numbers, the grid has up to `points` quantiles of (k + 1/2) / `points`, each of which is
    /// one of the numbers. Of other kinds, it has all words that occur, in order.
    ///
    /// ```
    /// use feedforward::tabular::Column;
    ///
    /// let ages = Column::numbers((0..100).map(|i| i % 50));
    /// assert_eq!(ages.grid(5)?, Column::numbers([5, 15, 25, 35, 45]));
    /// let streets = Column::words([Some("Oak"), None, Some("Elm"), Some("Oak")]);
    /// assert_eq!(streets.grid(5)?, Column::words(["Oak", "Elm"]));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] for 0 points.
    /// - [`Error::Empty`] if all cells are missing.
    /// - [`Error::NotFinite`] if a number is infinite.
    pub fn grid(&self, points: usize) -> Result<Column<'static>> {
        check_count("points of the grid", points)?;
        let (what, grid) = match &self.0 {
            Cells::Numbers(numbers) => ("numbers of the column", quantiles(numbers, points)?),
            Cells::Words(words) => ("words of the column", occurring(words)),
        };
        match grid.len() {
            0 => Err(Error::Empty { what }),
            _ => Ok(grid),
        }
    }
}

/// Returns quantiles without interpolation, so that each is a number of the column.
fn quantiles(numbers: &[f64], points: usize) -> Result<Column<'static>> {
    if let Some(row) = numbers.iter().position(|x| x.is_infinite()) {
        return Err(Error::NotFinite {
            what: "numbers of the column",
            at: Position::Row(row),
            value: numbers[row],
        });
    }
    let mut ascending: Vec<_> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
    ascending.sort_unstable_by(f64::total_cmp);
    let count = ascending.len();
    // More points than numbers would only repeat them.
    let points = points.min(count);
    let quantile = |k: usize| ascending[(2 * k + 1) * count / (2 * points)];
    let mut grid: Vec<f64> = (0..points).map(quantile).collect();
    grid.dedup();
    Ok(Column::from(grid))
}

fn occurring(words: &Coded) -> Column<'static> {
    let mut codes: Vec<_> = words.codes.clone();
    codes.retain(|&code| code != MISSING);
    codes.sort_unstable();
    codes.dedup();
    Column(Cells::Words(Coded {
        kind: words.kind,
        words: words.words.clone(),
        codes,
    }))
}
