//! Named columns.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::column::Column;
use super::lines::Lines;
use crate::error::{Error, Result, listed};
use crate::tabular_ref::Value;

/// Named columns of equal length.
///
/// A column holds numbers, words, booleans, or words with an order ([`Column`]). Cells may be
/// missing. Slices of numbers are borrowed.
///
/// ```
/// use feedforward::tabular::{Column, Table};
///
/// let areas = [120.0, f64::NAN, 64.0]; // NaN is missing
/// let table = Table::new()
///     .with("area", &areas)?
///     .with("rooms", Column::numbers([4, 3, 2]))?
///     .with("heating", Column::words([Some("gas"), None, Some("wood")]))?
///     .with("garden", Column::booleans([true, true, false]))?
///     .with("state", Column::levels(["good", "poor", "fair"], ["poor", "fair", "good"])?)?;
/// assert_eq!(table.rows(), 3);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Other sources
///
/// An iterator makes a column, so structs need one line for each field. Rows that serde reads are
/// such structs:
///
/// ```
/// # use feedforward::tabular::{Column, Table};
/// #[derive(serde::Deserialize)]
/// struct Home {
///     area: f64,
///     rooms: Option<u32>,
///     street: Option<String>,
/// }
///
/// let json = r#"[{"area": 75, "rooms": 3, "street": "Elm"}, {"area": 90}]"#;
/// let homes: Vec<Home> = serde_json::from_str(json)?;
/// let table = Table::new()
///     .with("area", Column::numbers(homes.iter().map(|home| home.area)))?
///     .with("rooms", Column::numbers(homes.iter().map(|home| home.rooms)))?
///     .with("street", Column::words(homes.iter().map(|home| home.street.as_deref())))?;
/// assert_eq!(table.column("rooms")?.missing(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Arrays of arrow and columns of Polars iterate over options, and arrays of ndarray over numbers:
///
/// ```text
/// Column::numbers(array.iter())                           // arrow: Float64Array, Int32Array, ...
/// Column::words(array.iter())                             // arrow: StringArray
/// Column::booleans(array.iter())                          // arrow: BooleanArray
/// Column::numbers(frame.column("area")?.f64()?.iter())    // Polars: DataFrame
/// Column::words(frame.column("street")?.str()?.iter())
/// Column::booleans(frame.column("garden")?.bool()?.iter())
/// Column::numbers(matrix.column(0))                       // ndarray: Array2<f64>
/// Column::from(vector.as_slice().unwrap())                // ndarray: Array1<f64>, borrowed
/// ```
///
/// Text of CSV files is read by the feature `csv` (`CsvReader`).
#[doc(alias = "DataFrame")]
#[derive(Clone, Debug, Default)]
pub struct Table<'a> {
    names: Vec<String>,
    columns: Vec<Column<'a>>,
    /// Index of each name. Wide tables would take long without it.
    index: BTreeMap<String, usize>,
    /// Empty unless the table is from a file.
    lines: Lines,
}

/// Compares names and cells, wherever they come from.
impl PartialEq for Table<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names && self.columns == other.columns
    }
}

impl<'a> Table<'a> {
    /// Creates a table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a table of one row from named values.
    ///
    /// ```
    /// use feedforward::tabular::{Table, Value};
    ///
    /// let row = Table::row([
    ///     ("area", 75.0.into()),
    ///     ("heating", "gas".into()),
    ///     ("garden", true.into()),
    ///     ("rooms", Value::Missing),
    /// ])?;
    /// assert_eq!(row.rows(), 1);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`Error::Column`] if a name occurs twice.
    pub fn row<'v, N: Into<String>>(
        values: impl IntoIterator<Item = (N, Value<'v>)>,
    ) -> Result<Self> {
        values
            .into_iter()
            .try_fold(Self::new(), |table, (name, value)| {
                table.with(name, Column::of(value))
            })
    }

    /// Adds a column.
    ///
    /// # Errors
    /// Returns [`Error::Column`] if there is a column of this name, or if the columns so far have
    /// another number of rows.
    pub fn with(mut self, name: impl Into<String>, column: impl Into<Column<'a>>) -> Result<Self> {
        let (name, column) = (name.into(), column.into());
        let problem = if self.index.contains_key(&name) {
            let (expected, got) = ("a different name for each column", "the name twice");
            Some(Error::invalid_setting("name", expected, got))
        } else if !self.columns.is_empty() && column.len() != self.rows() {
            let expected = format!("{}, as in the columns before", self.rows());
            Some(Error::shape("rows", expected, column.len()))
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(problem.in_column(&name));
        }
        self.index.insert(name.clone(), self.names.len());
        self.names.push(name);
        self.columns.push(column);
        Ok(self)
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    /// Returns the line of a row in the file that the table was read from. Lines count from 1, as
    /// in an editor. A table without a file has none.
    ///
    /// ```
    /// # #[cfg(feature = "csv")] {
    /// use feedforward::tabular::{CsvReader, Value};
    ///
    /// let table = CsvReader::new().read("size\n60\n\n85\nmany\n".as_bytes())?;
    /// let (size, mut rows) = (table.column("size")?, 0..table.rows());
    /// let is_odd = |word: &str| word.parse::<f64>().is_err();
    /// let odd = rows.find(|&row| matches!(size.get(row), Some(Value::Word(w)) if is_odd(w)));
    /// assert_eq!(odd.and_then(|row| table.line(row)), Some(5));
    /// # }
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn line(&self, row: usize) -> Option<usize> {
        self.lines.get(row)
    }

    /// Sets the line of each row.
    #[cfg(feature = "csv")]
    pub(super) fn with_lines(self, lines: Lines) -> Self {
        Self { lines, ..self }
    }

    /// Returns the place of a row for messages: its line in the file, or its index.
    pub(super) fn place(&self, row: usize) -> String {
        match self.line(row) {
            Some(line) => format!("in line {line}"),
            None => format!("in row {row}"),
        }
    }

    /// Returns the columns' names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the columns in order.
    pub fn columns(&self) -> &[Column<'a>] {
        &self.columns
    }

    /// Returns a column by name.
    ///
    /// # Errors
    /// Returns [`Error::Column`] if there is none. The error lists the names that the table has.
    pub fn column(&self, name: &str) -> Result<&Column<'a>> {
        match self.index.get(name) {
            Some(&at) => Ok(&self.columns[at]),
            None => Err(unknown(&self.names, name)),
        }
    }

    /// Returns the table without a column.
    ///
    /// # Errors
    /// Returns [`Error::Column`] if there is none of this name.
    pub fn without(mut self, name: &str) -> Result<Self> {
        let at = self.index.remove(name);
        let at = at.ok_or_else(|| unknown(&self.names, name))?;
        self.names.remove(at);
        self.columns.remove(at);
        let later = self.index.values_mut().filter(|other| **other > at);
        later.for_each(|other| *other -= 1);
        Ok(self)
    }

    /// Copies these rows, in this order. A row may occur several times.
    ///
    /// ```
    /// use feedforward::tabular::{Column, Table};
    ///
    /// let table = Table::new().with("rooms", Column::numbers([4, 3, 2]))?;
    /// let rows = table.select(&[2, 0])?;
    /// assert_eq!(rows.column("rooms")?.as_numbers(), Some(&[2.0, 4.0][..]));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`Error::OutOfBounds`] if there is no such row.
    pub fn select(&self, rows: &[usize]) -> Result<Table<'static>> {
        self.check_rows(rows)?;
        Ok(Table {
            names: self.names.clone(),
            index: self.index.clone(),
            lines: self.lines.select(rows),
            columns: self
                .columns
                .iter()
                .map(|column| column.select(rows))
                .collect(),
        })
    }

    /// Replaces a column by one of equal length.
    pub(super) fn replace(&mut self, name: &str, column: Column<'a>) -> Result<()> {
        let at = self.index.get(name);
        let at = at.ok_or_else(|| unknown(&self.names, name))?;
        self.columns[*at] = column;
        Ok(())
    }

    /// Checks that all rows exist.
    pub(super) fn check_rows(&self, rows: &[usize]) -> Result<()> {
        let (what, len) = ("row of the table", self.rows());
        match rows.iter().find(|&&row| row >= len) {
            Some(&index) => Err(Error::OutOfBounds { what, len, index }),
            None => Ok(()),
        }
    }
}

/// Returns the error for a name that is none of a table's columns.
pub(super) fn unknown(names: &[String], name: &str) -> Error {
    let error = Error::Incompatible {
        what: "columns of the table",
        expected: "one of this name".into(),
        // Bounded by itself, so that a long name does not hide the others.
        got: listed(names),
    };
    error.in_column(name)
}
