//! Columns fitted to all rows of a table.

use feedforward::tabular::{Column, ColumnSettings, Columns, Scaling, Table};

/// Returns settings with this scaling.
pub fn settings(scaling: Scaling) -> ColumnSettings {
    ColumnSettings {
        scaling,
        ..ColumnSettings::default()
    }
}

/// Fits all rows.
pub fn fit(table: &Table<'_>, settings: &ColumnSettings) -> Columns {
    Columns::fit(table, &all(table), settings).unwrap()
}

/// Returns the numbers of all rows.
pub fn all(table: &Table<'_>) -> Vec<usize> {
    (0..table.rows()).collect()
}

/// Encodes all rows.
pub fn encode(columns: &Columns, table: &Table<'_>) -> Vec<f64> {
    columns.encode(table, &all(table)).unwrap()
}

/// Fits one column to some cells, and encodes others.
pub fn inputs(training: Column<'_>, new: Column<'_>, settings: &ColumnSettings) -> Vec<f64> {
    let columns = fit(&Table::new().with("x", training).unwrap(), settings);
    encode(&columns, &Table::new().with("x", new).unwrap())
}
