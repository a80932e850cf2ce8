//! Tables as CSV text.

mod cells;
mod numbers;
mod records;
mod text;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use std::fs;
use std::io::Read;
use std::path::Path;

use self::cells::{CellKind, Cells, Missing};
use self::numbers::{Decimal, Notations};
use self::records::{Records, found_delimiter};
use super::column::Kind;
use super::lines::Lines;
use super::model::TabularModel;
use super::table::{Table, unknown};
use crate::error::{Error, Result};

/// Reader of CSV text with a header.
///
/// A column holds numbers if each of its cells is a number or missing, and booleans if each is
/// `true`, `false` or missing. All other columns hold words. Missing cells are empty, `NA`, `N/A`,
/// `#N/A`, `#NA`, `<NA>`, `NaN`, `-NaN`, `null` or `?`. Beside numbers or booleans, so are `None`
/// and `-`. Booleans and missing cells may be in capital or small letters. Spaces around cells do
/// not count. Empty lines are skipped.
///
/// A single other cell makes a column one of words. [`Table::line`] tells the line of each row.
///
/// Numbers are `1`, `-0.5`, `+3`, `1e5`, and also `007`. `inf` and `0x10` are words. Numbers with a
/// decimal comma are found too ([`decimal_comma`](Self::decimal_comma)). Without names, the first
/// column is called "column 1", and so on.
///
/// ```
/// use feedforward::tabular::{CsvReader, Kind};
///
/// let text = "area;rooms;heating;zip\n120.5;4;gas;01067\n?;3;NA;80331\n";
/// let table = CsvReader::new().words(["zip"]).read(text.as_bytes())?;
/// assert_eq!(table.names(), ["area", "rooms", "heating", "zip"]);
/// let kinds: Vec<_> = table.columns().iter().map(|column| column.kind()).collect();
/// assert_eq!(kinds, [Kind::Numbers, Kind::Numbers, Kind::Words, Kind::Words]);
///
/// let table = CsvReader::new().read("Fläche;Straße\n120,5;Lindenweg\n64;Am Markt\n".as_bytes())?;
/// assert_eq!(table.column("Fläche")?.as_numbers(), Some(&[120.5, 64.0][..]));
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Memory
///
/// The whole text is read first. In the table, a number takes 8 bytes, and any other cell takes 4
/// bytes. The text of each different word is stored once.
#[doc(alias = "read_csv")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "its methods return the changed reader"]
pub struct CsvReader {
    delimiter: Option<u8>,
    decimal_comma: Option<bool>,
    missing: Missing,
    is_latin1: bool,
    /// In the order of the caller.
    columns: Vec<Named>,
    /// All other columns hold words.
    others_are_words: bool,
}

/// Column that the caller or a model has named.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: String,
    /// `None` is found.
    kind: Option<Kind>,
    levels: Vec<String>,
    is_required: bool,
}

impl CsvReader {
    /// Creates a reader that finds delimiter and kinds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a reader of tables for a model, for [`predict`](TabularModel::predict) and
    /// [`score`](TabularModel::score).
    ///
    /// Columns that the model reads have the kinds of its training table. So zip codes that were
    /// words are words again, and keep their zeros. A cell that does not suit the kind is an error,
    /// and so is a missing column. Targets may be missing. Other columns, such as ids, hold words.
    ///
    /// ```
    /// use feedforward::tabular::{CsvReader, Tabular};
    ///
    /// let rows = (0..60).map(|row| format!("{:05},{row}\n", row % 2));
    /// let text = format!("zip,price\n{}", rows.collect::<String>());
    /// let table = CsvReader::new().words(["zip"]).read(text.as_bytes())?;
    /// let model = Tabular::regressor(&table, "price").folds(2).epochs(2).fit()?;
    ///
    /// let reader = CsvReader::for_model(&model);
    /// let new = reader.read("id,zip\n007,00001\n".as_bytes())?;
    /// assert_eq!(new.column("zip")?.get(0), Some("00001".into()));
    /// assert_eq!(new.column("id")?.get(0), Some("007".into()));
    /// assert!(reader.read("id\n007\n".as_bytes()).is_err());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    pub fn for_model(model: &TabularModel) -> Self {
        let named = |(name, kind, levels, is_required): (&str, _, &[String], _)| Named {
            name: name.into(),
            kind,
            levels: levels.to_vec(),
            is_required,
        };
        Self {
            columns: model.cells().map(named).collect(),
            others_are_words: true,
            ..Self::default()
        }
    }

    /// Sets the delimiter. Default: the one of comma, semicolon, tab and bar that divides the first
    /// lines into equally many cells, and into the most. A cell such as `5;red` speaks against
    /// commas, as they are decimal.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = Some(delimiter);
        self
    }

    /// Sets whether numbers have a decimal comma, as in `1.234,5` and `0,5`, or a decimal point.
    /// With a decimal comma, points divide groups of three digits, so `1.234` is 1234.
    ///
    /// Default: a column has decimal commas if the delimiter is not a comma, and each cell is a
    /// number without a point or missing. At least one cell of the file must be clear: `1,234` may
    /// be 1234, but `1,5` may not. Without a clear cell, such a column holds words. If a file has
    /// decimal commas, a column of numbers such as `1.234` is an error.
    pub fn decimal_comma(mut self, is_comma: bool) -> Self {
        self.decimal_comma = Some(is_comma);
        self
    }

    /// Sets the texts of missing cells, in capital or small letters. They replace all
    /// [default ones](Self). Empty cells are always missing.
    ///
    /// ```
    /// use feedforward::tabular::CsvReader;
    ///
    /// let reader = CsvReader::new().missing(["-999", "unknown"]);
    /// let table = reader.read("country,area\nNA,-999\nUnknown,75\n".as_bytes())?;
    /// assert_eq!(table.column("country")?.get(0), Some("NA".into())); // Namibia
    /// assert_eq!(table.column("area")?.missing(), 1);
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    #[doc(alias = "na_values")]
    pub fn missing(mut self, texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.missing = Missing::of(texts);
        self
    }

    /// Reads bytes as Latin-1 and its extension Windows-1252. Default: UTF-8. A byte order mark of
    /// UTF-8 counts more than this setting.
    #[doc(alias = "windows-1252")]
    pub fn latin1(mut self) -> Self {
        self.is_latin1 = true;
        self
    }

    /// Reads these columns as words, for example zip codes. To keep `NA` as a word, set the texts
    /// of [missing](Self::missing) cells.
    ///
    /// The last call for a column counts, as for [`numbers`](Self::numbers) and
    /// [`levels`](Self::levels).
    pub fn words(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(names, Kind::Words, &[])
    }

    /// Reads these columns as numbers. A cell that is neither a number nor missing is an error.
    pub fn numbers(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(names, Kind::Numbers, &[])
    }

    /// Reads this column as words with an order. A cell with another word is an error. A level such
    /// as `NA` counts more than a missing cell.
    pub fn levels(
        self,
        name: impl Into<String>,
        levels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let levels: Vec<_> = levels.into_iter().map(Into::into).collect();
        self.with([name], Kind::Levels, &levels)
    }

    fn with(
        mut self,
        names: impl IntoIterator<Item = impl Into<String>>,
        kind: Kind,
        levels: &[String],
    ) -> Self {
        let names = names.into_iter().map(Into::into);
        self.columns.extend(names.map(|name| Named {
            name,
            kind: Some(kind),
            levels: levels.to_vec(),
            is_required: true,
        }));
        self
    }

    /// Reads a file.
    ///
    /// ```no_run
    /// use feedforward::tabular::CsvReader;
    ///
    /// let table = CsvReader::new().levels("size", ["S", "M", "L"]).open("shirts.csv")?;
    /// println!("{} rows of {:?}", table.rows(), table.names());
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns [`Error::Io`] if the file cannot be read, and otherwise [`Error::File`] with the
    /// path and an error of [`read`](Self::read).
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Table<'static>> {
        let path = path.as_ref();
        let text = fs::read(path).map_err(|error| Error::io(path, &error))?;
        self.text(&text).map_err(|error| error.in_file(path))
    }

    /// Reads from a reader, to its end.
    ///
    /// # Errors
    /// - [`Error::Malformed`] without a header, for UTF-16, or with the error of `reader`. With the
    ///   line, for another number of cells than in the header, and for a quote that does not close.
    /// - [`Error::Column`] for a name that occurs twice. With the line, for a cell that is not
    ///   UTF-8, or does not have the kind that the caller has set.
    /// - [`Error::Column`] if a column is missing that the caller has named.
    /// - [`Error::InvalidSetting`] if the delimiter is a quote or a line break. As
    ///   [`Error::Column`], for two equal levels.
    pub fn read(&self, mut reader: impl Read) -> Result<Table<'static>> {
        let mut text = Vec::new();
        let read = reader.read_to_end(&mut text);
        read.map_err(|error| malformed(format!("cannot be read: {error}")))?;
        self.text(&text)
    }

    fn text(&self, text: &[u8]) -> Result<Table<'static>> {
        let text = &*text::decoded(text, self.is_latin1)?;
        let delimiter = self.delimiter.unwrap_or_else(|| found_delimiter(text));
        if matches!(delimiter, b'"' | b'\n' | b'\r') {
            let got = format!("{:?}", char::from(delimiter));
            let expected = "neither a quote nor a line break";
            return Err(Error::invalid_setting("delimiter", expected, got));
        }
        let records = Records { text, delimiter };
        records.check_quotes()?;
        let names = records.header()?;
        let mut kinds = self.kinds(&names, delimiter)?;
        records.for_each(&names, |_, record| {
            for (kind, cell) in kinds.iter_mut().zip(record) {
                kind.observe(cell.trim_ascii(), &self.missing);
            }
            Ok(())
        })?;
        let file_has_commas = kinds.iter().any(CellKind::shows_commas);
        let mut cells = Vec::with_capacity(kinds.len());
        for (kind, name) in kinds.iter().zip(&names) {
            let of_kind = Cells::of(kind, file_has_commas);
            cells.push(of_kind.map_err(|error| error.in_column(name))?);
        }
        let (mut lines, mut place) = (Lines::default(), (0, 1));
        records.for_each(&names, |at, record| {
            place = records.line_after(place, at as usize);
            lines.push(place.1);
            for ((cells, cell), name) in cells.iter_mut().zip(record).zip(&names) {
                let pushed = cells.push(cell.trim_ascii(), &self.missing);
                pushed.map_err(|problem| {
                    malformed(format!("line {}: {problem}", place.1)).in_column(name)
                })?;
            }
            Ok(())
        })?;
        let mut columns = names.into_iter().zip(cells);
        let table = columns.try_fold(Table::new(), |table, (name, cells)| {
            table.with(name, cells.finish())
        });
        Ok(table?.with_lines(lines))
    }

    /// Returns the kinds of columns, as far as the caller has set them.
    fn kinds(&self, names: &[String], delimiter: u8) -> Result<Vec<CellKind<'_>>> {
        let mut index = BTreeMap::new();
        for (at, name) in names.iter().enumerate() {
            if index.insert(name, at).is_some() {
                let (expected, got) = ("a different name for each column", "the name twice");
                return Err(Error::invalid_setting("name", expected, got).in_column(name));
            }
        }
        let notations = Notations::new(match self.decimal_comma {
            Some(true) => Some(Decimal::Comma),
            Some(false) => Some(Decimal::Point),
            None if delimiter == b',' => Some(Decimal::Point),
            None => None,
        });
        let kind = |kind, levels| match kind {
            None => CellKind::any(notations),
            Some(Kind::Numbers) => CellKind::Numbers(notations),
            Some(Kind::Words) => CellKind::Words,
            Some(Kind::Booleans) => CellKind::Booleans,
            Some(Kind::Levels) => CellKind::Levels(levels),
        };
        let others = self.others_are_words.then_some(Kind::Words);
        let mut kinds: Vec<_> = names.iter().map(|_| kind(others, &[])).collect();
        for named in &self.columns {
            match index.get(&named.name) {
                Some(&at) => kinds[at] = kind(named.kind, &named.levels),
                None if named.is_required => return Err(unknown(names, &named.name)),
                None => {}
            }
        }
        Ok(kinds)
    }
}

fn malformed(problem: String) -> Error {
    Error::Malformed {
        what: "CSV",
        problem,
    }
}
