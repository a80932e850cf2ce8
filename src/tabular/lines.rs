//! Lines of rows in a file.

use alloc::vec::Vec;

/// Line of each row in the file of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    rows: usize,
    /// First row and line of each run of rows on successive lines.
    runs: Vec<(usize, usize)>,
}

impl Lines {
    /// Adds a row.
    pub(super) fn push(&mut self, line: usize) {
        let is_next = |&(row, first): &(usize, usize)| first + (self.rows - row) == line;
        if !self.runs.last().is_some_and(is_next) {
            self.runs.push((self.rows, line));
        }
        self.rows += 1;
    }

    /// Returns the line of a row, or `None` beyond the last row.
    pub(super) fn get(&self, row: usize) -> Option<usize> {
        let runs = self.runs.partition_point(|&(first, _)| first <= row);
        let (first, line) = *self.runs[..runs].last()?;
        (row < self.rows).then(|| line + (row - first))
    }

    /// Returns the lines of these rows.
    pub(super) fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self::default();
        for &row in rows {
            if let Some(line) = self.get(row) {
                selected.push(line);
            }
        }
        selected
    }
}
