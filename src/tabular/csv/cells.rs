//! Cells of CSV text, and their kinds.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str;

use crate::error::{Result, bounded, listed};
use crate::tabular::column::{Column, Kind, WordsBuilder};

/// Texts of missing cells, in small letters.
const MISSING: [&str; 6] = ["", "na", "n/a", "nan", "null", "?"];

/// Kind of a column's cells, as far as it is known.
pub(super) enum CellKind<'l> {
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
    pub(super) const ANY: Self = Self::Open {
        numbers: true,
        booleans: true,
    };

    /// Excludes kinds that a cell cannot have.
    pub(super) fn observe(&mut self, cell: &[u8]) {
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
pub(super) enum Cells<'l> {
    Numbers(Vec<f64>),
    Booleans(Vec<Option<bool>>),
    Words(WordsBuilder),
    Levels(&'l [String], WordsBuilder),
}

impl<'l> Cells<'l> {
    pub(super) fn of(kind: &CellKind<'l>) -> Result<Self> {
        Ok(match kind {
            CellKind::Numbers | CellKind::Open { numbers: true, .. } => Self::Numbers(Vec::new()),
            CellKind::Open { booleans: true, .. } => Self::Booleans(Vec::new()),
            CellKind::Levels(levels) => Self::Levels(levels, WordsBuilder::of_levels(*levels)?),
            _ => Self::Words(WordsBuilder::default()),
        })
    }

    /// Adds a cell, or returns the problem with it.
    pub(super) fn push(&mut self, cell: &[u8]) -> core::result::Result<(), String> {
        let is_missing = is_missing(cell);
        let cell = text_of(cell)?;
        let problem = |expected: &str| {
            let got = bounded(cell.to_string());
            format!("expected {expected}, got {got:?}")
        };
        match self {
            Self::Numbers(numbers) if is_missing => numbers.push(f64::NAN),
            Self::Numbers(numbers) => {
                numbers.push(number(cell).ok_or_else(|| problem("a number"))?);
            }
            Self::Booleans(booleans) => booleans.push(boolean(cell)),
            Self::Words(words) => words.push((!is_missing).then_some(cell)),
            Self::Levels(levels, words) => {
                if !words.push_known((!is_missing).then_some(cell)) {
                    return Err(problem(&format!("one of {}", listed(levels))));
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Column<'static> {
        match self {
            Self::Numbers(numbers) => numbers.into(),
            Self::Booleans(booleans) => Column::booleans(booleans),
            Self::Words(words) => words.finish(Kind::Words),
            Self::Levels(_, words) => words.finish(Kind::Levels),
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

pub(super) fn text_of(cell: &[u8]) -> core::result::Result<&str, String> {
    str::from_utf8(cell).map_err(|_| "expected UTF-8".into())
}
