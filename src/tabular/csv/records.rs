//! Lines and cells of CSV text.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::malformed;
use super::text::text_of;
use crate::error::Result;

/// Delimiters that are recognized.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Number of records that decide on the delimiter.
const SAMPLE: usize = 20;

/// Text with records, the first of which is the header.
pub(super) struct Records<'t> {
    pub(super) text: &'t [u8],
    pub(super) delimiter: u8,
}

impl<'t> Records<'t> {
    fn reader(&self) -> Reader<&'t [u8]> {
        ReaderBuilder::new()
            .delimiter(self.delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(self.text)
    }

    pub(super) fn header(&self) -> Result<Vec<String>> {
        let mut record = ByteRecord::new();
        let read = self.reader().read_byte_record(&mut record);
        if !read.map_err(|error| malformed(error.to_string()))? {
            return Err(malformed("expected a header, got nothing".into()));
        }
        let line = || self.line(record.position().map_or(0, csv::Position::byte));
        header(&record).map_err(|problem| malformed(format!("line {}: {problem}", line())))
    }

    /// Checks that all quotes close. Otherwise a single one swallows the rows after it.
    pub(super) fn check_quotes(&self) -> Result<()> {
        let mut at = 0;
        let mut begins_cell = true;
        while let Some(&byte) = self.text.get(at) {
            if byte != b'"' || !begins_cell {
                begins_cell = byte == self.delimiter || matches!(byte, b'\n' | b'\r');
                at += 1;
                continue;
            }
            let problem = |problem| {
                let line = self.line_after((0, 1), at).1;
                malformed(format!("line {line}: a quote opens a cell, and {problem}"))
            };
            let end = self.closing_quote(at + 1);
            let end = end.ok_or_else(|| problem("no quote closes it"))?;
            let rest = self.text[end + 1..].iter().find(|byte| **byte != b' ');
            let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
            let is_end = |byte: &u8| *byte == self.delimiter || is_break(byte);
            if self.text[at..end].iter().any(is_break) && !rest.is_none_or(is_end) {
                return Err(problem("text follows the quote that closes it lines later"));
            }
            (at, begins_cell) = (end + 1, false);
        }
        Ok(())
    }

    /// Returns the position of the first quote that is not doubled, from this position on.
    fn closing_quote(&self, mut at: usize) -> Option<usize> {
        loop {
            at += self.text.get(at..)?.iter().position(|&byte| byte == b'"')?;
            if self.text.get(at + 1) != Some(&b'"') {
                return Some(at);
            }
            at += 2;
        }
    }

    /// Calls a function with the byte and the cells of each record after the header.
    pub(super) fn for_each(
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
            } else if !is_blank(&record) {
                return Err(malformed(format!(
                    "line {}: expected {expected} cells, as in the header, got {got}",
                    self.line(at)
                )));
            }
        }
        Ok(())
    }

    /// Returns the line of the record that begins at or after this byte.
    pub(super) fn line(&self, at: u64) -> usize {
        self.line_after((0, 1), at as usize).1
    }

    /// Returns position and line of the record that begins at or after this byte, from those of a
    /// record before it.
    pub(super) fn line_after(&self, (from, line): (usize, usize), at: usize) -> (usize, usize) {
        // The reader's position comes before the empty lines that it skips.
        let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
        let at = at.min(self.text.len());
        let skipped = self.text[at..].iter().take_while(|byte| is_break(byte));
        let to = at + skipped.count();
        let before = &self.text[from..to];
        let after = before.iter().skip(1).chain([&0]);
        let breaks = before.iter().zip(after);
        let breaks = breaks
            .filter(|&(&byte, &next)| byte == b'\n' || (byte == b'\r' && next != b'\n'))
            .count();
        (to, line + breaks)
    }
}

/// Returns the names in the header.
fn header(record: &ByteRecord) -> core::result::Result<Vec<String>, String> {
    let name = |(index, cell): (usize, &[u8])| {
        let text = text_of(cell.trim_ascii());
        let name = text.map_err(|problem| format!("column {}: {problem}", index + 1))?;
        if name.is_empty() {
            return Ok(format!("column {}", index + 1));
        }
        Ok(name.to_string())
    };
    record.iter().enumerate().map(name).collect()
}

/// Returns the delimiter that divides the first records into the most cells, if they have equally
/// many and no cell shows another delimiter. Otherwise the one that divides the header into the
/// most cells. If none does, the first one that divides no record.
pub(super) fn found_delimiter(text: &[u8]) -> u8 {
    let score = |delimiter: u8| {
        let records = Records { text, delimiter };
        let (mut widths, mut has_halves) = (Vec::new(), false);
        let sample = records.reader().into_byte_records();
        for record in sample.map_while(core::result::Result::ok).take(SAMPLE) {
            if is_blank(&record) {
                continue;
            }
            has_halves |= record.iter().any(is_half);
            widths.push(record.len());
        }
        let first = widths.first().copied().unwrap_or(0);
        let is_even = widths.iter().all(|&width| width == first);
        (is_even && first > 1, !has_halves, first, is_even)
    };
    // The first of equals wins.
    let best = DELIMITERS
        .into_iter()
        .rev()
        .max_by_key(|&delimiter| score(delimiter));
    best.unwrap_or(b',')
}

/// Returns `true` for a record without cells, or with a single cell of spaces.
fn is_blank(record: &ByteRecord) -> bool {
    record.len() < 2 && record.iter().all(|cell| cell.trim_ascii().is_empty())
}

/// Returns `true` for a cell such as `5;red` or `red;1`, as commas leave of `1,5;red;1,5`.
fn is_half(cell: &[u8]) -> bool {
    let other = |byte: &u8| DELIMITERS[1..].contains(byte);
    let is_number = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let mut parts = cell.split(other);
    let (first, last) = (parts.next(), parts.next_back());
    last.is_some() && first.into_iter().chain(last).any(is_number)
}
