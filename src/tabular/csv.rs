//! Tables as CSV text.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str;
use std::fs;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::column::{Column, WordsBuilder};
use super::table::Table;
use crate::error::{Error, Result, bounded};

/// Texts of missing cells, in small letters.
const MISSING: [&str; 6] = ["", "na", "n/a", "nan", "null", "?"];

/// Delimiters that are recognized.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Number of records that decide on the delimiter.
const SAMPLE: usize = 20;

/// Reader of CSV text with a header.
///
/// A column holds numbers if each of its cells is a number or missing, and booleans if each is
/// `true`, `false` or missing. All other columns hold words. Missing cells are empty, `NA`, `N/A`,
/// `NaN`, `null` or `?`, in capital or small letters. Spaces around cells do not count.
///
/// ```
/// use feedforward::tabular::{CsvReader, Kind};
///
/// let text = "area;rooms;heating;zip\n120.5;4;gas;01067\n?;3;NA;80331\n";
/// let table = CsvReader::new().words(["zip"]).read(text.as_bytes())?;
/// assert_eq!(table.names(), ["area", "rooms", "heating", "zip"]);
/// let kinds: Vec<_> = table.columns().iter().map(|column| column.kind()).collect();
/// assert_eq!(kinds, [Kind::Numbers, Kind::Numbers, Kind::Words, Kind::Words]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "read_csv")]
#[derive(Clone, Debug, Default)]
#[must_use = "its methods return the changed reader"]
pub struct CsvReader {
    delimiter: Option<u8>,
    words: Vec<String>,
    numbers: Vec<String>,
    levels: Vec<(String, Vec<String>)>,
}

impl CsvReader {
    /// Creates a reader that finds delimiter and kinds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the delimiter. Default: the one of comma, semicolon, tab and bar that divides the first
    /// lines into equally many cells, and into the most.
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = Some(delimiter);
        self
    }

    /// Reads these columns as words, for example zip codes.
    pub fn words(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.words.extend(names.into_iter().map(Into::into));
        self
    }

    /// Reads these columns as numbers. A cell that is none is an error.
    pub fn numbers(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.numbers.extend(names.into_iter().map(Into::into));
        self
    }

    /// Reads this column as words with an order.
    pub fn levels(
        mut self,
        name: impl Into<String>,
        levels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        let levels = levels.into_iter().map(Into::into).collect();
        self.levels.push((name.into(), levels));
        self
    }

    /// Reads a file. It is read into memory first.
    ///
    /// # Errors
    /// Returns [`Error::Io`] if the file cannot be read, and otherwise [`Error::File`] with the
    /// path and an error of [`read`](Self::read).
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Table<'static>> {
        let path = path.as_ref();
        let text = fs::read(path).map_err(|error| Error::Io {
            path: bounded(path.display().to_string()),
            kind: error.kind(),
            problem: error.to_string(),
        })?;
        self.read(&*text).map_err(|error| error.in_file(path))
    }

    /// Reads from a reader, to its end.
    ///
    /// # Errors
    /// - [`Error::Malformed`] with the line for a line with another number of cells than the
    ///   header, bytes that are not UTF-8, or a reader's error.
    /// - [`Error::Column`] for a name that occurs twice, and for a cell that does not have the kind
    ///   that the caller has set.
    /// - [`Error::UnknownName`] if a column is missing that the caller has named.
    pub fn read(&self, mut reader: impl Read) -> Result<Table<'static>> {
        let mut text = Vec::new();
        let read = reader.read_to_end(&mut text);
        read.map_err(|error| malformed(format!("cannot be read: {error}")))?;
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
        let delimiter = self.delimiter.unwrap_or_else(|| found_delimiter(text));
        let records = Records { text, delimiter };

        let (mut names, mut kinds) = (Vec::new(), Vec::new());
        records.for_each(|line, record| {
            if line == 1 || names.is_empty() {
                names = header(record)?;
                kinds = self.kinds(&names)?;
                return Ok(());
            }
            for (kind, cell) in kinds.iter_mut().zip(record) {
                kind.observe(cell);
            }
            Ok(())
        })?;
        if names.is_empty() {
            return Err(malformed("expected a header, got nothing".into()));
        }
        let mut cells: Vec<_> = kinds.iter().map(Cells::of).collect();
        let mut is_header = true;
        records.for_each(|line, record| {
            if core::mem::take(&mut is_header) {
                return Ok(());
            }
            for ((cells, cell), name) in cells.iter_mut().zip(record).zip(&names) {
                let pushed = cells.push(line, text_of(line, cell)?);
                pushed.map_err(|error| error.in_column(name))?;
            }
            Ok(())
        })?;
        let columns = names.into_iter().zip(cells);
        columns
            .zip(kinds)
            .try_fold(Table::new(), |table, ((name, cells), kind)| {
                let column = cells
                    .finish(&kind)
                    .map_err(|error| error.in_column(&name))?;
                table.with(name, column)
            })
    }

    /// Returns the kinds of columns, as far as the caller has set them.
    fn kinds(&self, names: &[String]) -> Result<Vec<CellKind<'_>>> {
        let mut kinds: Vec<_> = names.iter().map(|_| CellKind::ANY).collect();
        let words = self.words.iter().map(|name| (name, CellKind::Words));
        let numbers = self.numbers.iter().map(|name| (name, CellKind::Numbers));
        let levels = self.levels.iter();
        let levels = levels.map(|(name, levels)| (name, CellKind::Levels(levels)));
        for (name, kind) in words.chain(numbers).chain(levels) {
            let at = names.iter().position(|other| other == name);
            let at = at.ok_or_else(|| Error::UnknownName {
                what: "column of the table",
                known: crate::error::listed(names),
                got: bounded(name.clone()),
            })?;
            kinds[at] = kind;
        }
        Ok(kinds)
    }
}

/// Text with records, the first of which is the header.
struct Records<'t> {
    text: &'t [u8],
    delimiter: u8,
}

impl Records<'_> {
    /// Calls a function with the line and the cells of each record, with the header first.
    fn for_each(&self, mut each: impl FnMut(u64, &ByteRecord) -> Result<()>) -> Result<()> {
        let mut reader = ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .trim(Trim::All)
            .from_reader(self.text);
        let mut record = ByteRecord::new();
        while reader
            .read_byte_record(&mut record)
            .map_err(|error| unequal(&error))?
        {
            let line = record.position().map_or(0, csv::Position::line);
            each(line, &record)?;
        }
        Ok(())
    }
}

/// Returns the names in the header. A name that is missing becomes "column 1" and so on.
fn header(record: &ByteRecord) -> Result<Vec<String>> {
    let name = |(index, cell)| {
        let name = text_of(1, cell)?;
        if name.is_empty() {
            return Ok(format!("column {}", index + 1));
        }
        Ok(name.to_string())
    };
    record.iter().enumerate().map(name).collect()
}

/// Kind of a column's cells, as far as it is known.
enum CellKind<'l> {
    Numbers,
    Words,
    Levels(&'l [String]),
    /// Kinds that all cells so far may have.
    Open {
        numbers: bool,
        booleans: bool,
    },
}

impl CellKind<'_> {
    const ANY: Self = Self::Open {
        numbers: true,
        booleans: true,
    };

    /// Excludes kinds that a cell cannot have.
    fn observe(&mut self, cell: &[u8]) {
        if let Self::Open { numbers, booleans } = self
            && (*numbers || *booleans)
            && !is_missing(cell)
        {
            let text = str::from_utf8(cell).unwrap_or_default();
            *numbers &= number(text).is_some();
            *booleans &= boolean(text).is_some();
        }
    }
}

/// Cells of a column so far.
enum Cells {
    Numbers(Vec<f64>),
    Booleans(Vec<Option<bool>>),
    Words(WordsBuilder),
}

impl Cells {
    fn of(kind: &CellKind<'_>) -> Self {
        match kind {
            CellKind::Numbers | CellKind::Open { numbers: true, .. } => Self::Numbers(Vec::new()),
            CellKind::Open { booleans: true, .. } => Self::Booleans(Vec::new()),
            _ => Self::Words(WordsBuilder::default()),
        }
    }

    fn push(&mut self, line: u64, cell: &str) -> Result<()> {
        let is_missing = is_missing(cell.as_bytes());
        match self {
            Self::Numbers(numbers) if is_missing => numbers.push(f64::NAN),
            Self::Numbers(numbers) => numbers.push(number(cell).ok_or_else(|| {
                let got = bounded(cell.to_string());
                malformed(format!("line {line}: expected a number, got {got:?}"))
            })?),
            Self::Booleans(booleans) => booleans.push(boolean(cell)),
            Self::Words(words) => words.push((!is_missing).then_some(cell)),
        }
        Ok(())
    }

    fn finish(self, kind: &CellKind<'_>) -> Result<Column<'static>> {
        match (self, kind) {
            (Self::Numbers(numbers), _) => Ok(numbers.into()),
            (Self::Booleans(booleans), _) => Ok(Column::booleans(booleans)),
            (Self::Words(words), CellKind::Levels(levels)) => words.ordered(levels.iter()),
            (Self::Words(words), _) => Ok(words.finish()),
        }
    }
}

fn is_missing(cell: &[u8]) -> bool {
    cell.len() <= 4
        && MISSING
            .iter()
            .any(|missing| cell.eq_ignore_ascii_case(missing.as_bytes()))
}

/// Returns a finite number, or `None` if the text is none.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn boolean(text: &str) -> Option<bool> {
    let is = |other: &str| text.eq_ignore_ascii_case(other);
    match () {
        () if is("true") => Some(true),
        () if is("false") => Some(false),
        () => None,
    }
}

fn text_of(line: u64, cell: &[u8]) -> Result<&str> {
    str::from_utf8(cell).map_err(|_| malformed(format!("line {line}: expected UTF-8")))
}

/// Returns the delimiter that divides the first records into the most cells, if they have equally
/// many. A delimiter that does not divide them equally comes last.
fn found_delimiter(text: &[u8]) -> u8 {
    let score = |delimiter: u8| {
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text);
        let widths: Vec<_> = reader
            .byte_records()
            .take(SAMPLE)
            .map_while(core::result::Result::ok)
            .map(|record| record.len())
            .collect();
        let first = widths.first().copied().unwrap_or(0);
        (widths.iter().all(|&width| width == first), first)
    };
    // The first of equals wins.
    let best = DELIMITERS
        .into_iter()
        .rev()
        .max_by_key(|&delimiter| score(delimiter));
    best.unwrap_or(b',')
}

fn malformed(problem: String) -> Error {
    Error::Malformed {
        what: "CSV",
        problem,
    }
}

/// Converts the error of a record that has more or fewer cells than the header.
fn unequal(error: &csv::Error) -> Error {
    malformed(match error.kind() {
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line}: expected {expected_len} cells, as in the header, got {len}")
        }
        _ => error.to_string(),
    })
}
