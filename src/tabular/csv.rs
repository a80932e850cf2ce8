//! Tables as CSV text.

mod cells;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::fs;
use std::io::Read;
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use self::cells::{CellKind, Cells, text_of};
use super::column::Kind;
use super::table::{Table, unknown};
use crate::error::{Error, Result, bounded};

/// Delimiters that are recognized.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Number of records that decide on the delimiter.
const SAMPLE: usize = 20;

/// Reader of CSV text with a header.
///
/// A column holds numbers if each of its cells is a number or missing, and booleans if each is
/// `true`, `false` or missing. All other columns hold words. Missing cells are empty, `NA`, `N/A`,
/// `NaN`, `null` or `?`. Booleans and missing cells may be in capital or small letters. Spaces
/// around cells do not count. Empty lines are skipped.
///
/// Numbers have a decimal point: `1`, `-0.5`, `+3`, `1e5`, and also `007`. `inf`, `1,5` and
/// `0x10` are words. Without names, the first column is called "column 1", and so on.
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
    /// Kinds and levels by name, in the order of the caller.
    kinds: Vec<(String, Kind, Vec<String>)>,
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
    ///
    /// The last call for a column counts, as for [`numbers`](Self::numbers) and
    /// [`levels`](Self::levels).
    pub fn words(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(names, Kind::Words, &[])
    }

    /// Reads these columns as numbers. A cell that is none is an error.
    pub fn numbers(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.with(names, Kind::Numbers, &[])
    }

    /// Reads this column as words with an order. A cell with another word is an error.
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
        self.kinds
            .extend(names.map(|name| (name, kind, levels.to_vec())));
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
        let text = fs::read(path).map_err(|error| Error::Io {
            path: bounded(path.display().to_string()),
            kind: error.kind(),
            problem: error.to_string(),
        })?;
        self.text(&text).map_err(|error| error.in_file(path))
    }

    /// Reads from a reader, to its end.
    ///
    /// # Errors
    /// - [`Error::Malformed`] without a header, with the line for a line with another number of
    ///   cells than the header, or with the error of `reader`.
    /// - [`Error::Column`] for a name that occurs twice. With the line, for a cell that is not
    ///   UTF-8, or does not have the kind that the caller has set.
    /// - [`Error::UnknownName`] if a column is missing that the caller has named.
    /// - [`Error::InvalidSetting`] if the delimiter is a quote or a line break. As
    ///   [`Error::Column`], for two equal levels.
    pub fn read(&self, mut reader: impl Read) -> Result<Table<'static>> {
        let mut text = Vec::new();
        let read = reader.read_to_end(&mut text);
        read.map_err(|error| malformed(format!("cannot be read: {error}")))?;
        self.text(&text)
    }

    fn text(&self, text: &[u8]) -> Result<Table<'static>> {
        let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
        let delimiter = self.delimiter.unwrap_or_else(|| found_delimiter(text));
        if matches!(delimiter, b'"' | b'\n' | b'\r') {
            let got = format!("{:?}", char::from(delimiter));
            let expected = "neither a quote nor a line break";
            return Err(Error::invalid_setting("delimiter", expected, got));
        }
        let records = Records { text, delimiter };
        let names = records.header()?;
        let mut kinds = self.kinds(&names)?;
        records.for_each(&names, |_, record| {
            for (kind, cell) in kinds.iter_mut().zip(record) {
                kind.observe(cell.trim_ascii());
            }
            Ok(())
        })?;
        let mut cells = Vec::with_capacity(kinds.len());
        for (kind, name) in kinds.iter().zip(&names) {
            cells.push(Cells::of(kind).map_err(|error| error.in_column(name))?);
        }
        records.for_each(&names, |at, record| {
            for ((cells, cell), name) in cells.iter_mut().zip(record).zip(&names) {
                cells.push(cell.trim_ascii()).map_err(|problem| {
                    let line = records.line(at);
                    malformed(format!("line {line}: {problem}")).in_column(name)
                })?;
            }
            Ok(())
        })?;
        let mut columns = names.into_iter().zip(cells);
        columns.try_fold(Table::new(), |table, (name, cells)| {
            table.with(name, cells.finish())
        })
    }

    /// Returns the kinds of columns, as far as the caller has set them.
    fn kinds(&self, names: &[String]) -> Result<Vec<CellKind<'_>>> {
        let mut index = BTreeMap::new();
        for (at, name) in names.iter().enumerate() {
            if index.insert(name, at).is_some() {
                let (expected, got) = ("a different name for each column", "the name twice");
                return Err(Error::invalid_setting("name", expected, got).in_column(name));
            }
        }
        let mut kinds: Vec<_> = names.iter().map(|_| CellKind::ANY).collect();
        for (name, kind, levels) in &self.kinds {
            let at = index.get(name).ok_or_else(|| unknown(names, name))?;
            kinds[*at] = match kind {
                Kind::Numbers => CellKind::Numbers,
                Kind::Levels => CellKind::Levels(levels),
                _ => CellKind::Words,
            };
        }
        Ok(kinds)
    }
}

/// Text with records, the first of which is the header.
struct Records<'t> {
    text: &'t [u8],
    delimiter: u8,
}

impl<'t> Records<'t> {
    fn reader(&self) -> Reader<&'t [u8]> {
        ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(self.text)
    }

    fn header(&self) -> Result<Vec<String>> {
        let mut record = ByteRecord::new();
        let read = self.reader().read_byte_record(&mut record);
        if !read.map_err(|error| malformed(error.to_string()))? {
            return Err(malformed("expected a header, got nothing".into()));
        }
        let line = || self.line(record.position().map_or(0, csv::Position::byte));
        header(&record).map_err(|problem| malformed(format!("line {}: {problem}", line())))
    }

    /// Calls a function with the position and the cells of each record after the header.
    fn for_each(
        &self,
        names: &[String],
        mut each: impl FnMut(u64, &ByteRecord) -> Result<()>,
    ) -> Result<()> {
        let (mut reader, mut record) = (self.reader(), ByteRecord::new());
        let mut is_header = true;
        while reader
            .read_byte_record(&mut record)
            .map_err(|error| malformed(error.to_string()))?
        {
            let at = record.position().map_or(0, csv::Position::byte);
            let (expected, got) = (names.len(), record.len());
            if core::mem::take(&mut is_header) {
                continue;
            }
            if got == expected {
                each(at, &record)?;
            } else if got > 1 || !record[0].trim_ascii().is_empty() {
                return Err(malformed(format!(
                    "line {}: expected {expected} cells, as in the header, got {got}",
                    self.line(at)
                )));
            }
        }
        Ok(())
    }

    /// Returns the line of the record that begins at or after this byte.
    fn line(&self, at: u64) -> usize {
        // The reader's position comes before the empty lines that it skips.
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let at = (at as usize).min(self.text.len());
        let skipped = self.text[at..].iter().take_while(|byte| is_break(byte));
        let before = &self.text[..at + skipped.count()];
        let after = before.iter().skip(1).chain([&0]);
        let breaks = before.iter().zip(after);
        1 + breaks
            .filter(|&(&byte, &next)| byte == b'\n' || (byte == b'\r' && next != b'\n'))
            .count()
    }
}

/// Returns the names in the header.
fn header(record: &ByteRecord) -> core::result::Result<Vec<String>, String> {
    let name = |(index, cell): (usize, &[u8])| {
        let name = text_of(cell.trim_ascii())?;
        if name.is_empty() {
            return Ok(format!("column {}", index + 1));
        }
        Ok(name.to_string())
    };
    record.iter().enumerate().map(name).collect()
}

/// Returns the delimiter that divides the first records into the most cells, if they have equally
/// many. A delimiter that does not divide them equally comes next, and one that does not occur
/// last.
fn found_delimiter(text: &[u8]) -> u8 {
    let score = |delimiter: u8| {
        let records = Records { text, delimiter };
        let widths: Vec<_> = records
            .reader()
            .byte_records()
            .take(SAMPLE)
            .map_while(core::result::Result::ok)
            .map(|record| record.len())
            .collect();
        let first = widths.first().copied().unwrap_or(0);
        (
            first > 1 && widths.iter().all(|&width| width == first),
            first,
        )
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
