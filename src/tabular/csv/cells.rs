//! Cells of CSV text, and their kinds.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::str;

use super::numbers::{Decimal, Notations};
use super::text::text_of;
use crate::error::{Result, bounded, listed};
use crate::tabular::column::{Column, Kind, WordsBuilder};

/// Texts of missing cells by default. Empty cells are missing too.
const MISSING: [&str; 9] = [
    "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "?",
];

/// Texts that are missing cells beside numbers or booleans by default. Elsewhere they may be words.
const MISSING_BESIDE_NUMBERS: [&str; 2] = ["none", "-"];

/// Texts of missing cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    texts: Vec<String>,
    beside_numbers: &'static [&'static str],
}

impl Default for Missing {
    fn default() -> Self {
        Self {
            beside_numbers: &MISSING_BESIDE_NUMBERS,
            ..Self::of(MISSING)
        }
    }
}

impl Missing {
    pub(super) fn of(texts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let texts = texts.into_iter().map(Into::into);
        Self {
            texts: texts.map(|text: String| text.trim().into()).collect(),
            beside_numbers: &[],
        }
    }

    fn has(&self, cell: &[u8]) -> bool {
        let is = |text: &String| cell.eq_ignore_ascii_case(text.as_bytes());
        cell.is_empty() || self.texts.iter().any(is)
    }

    fn has_beside_numbers(&self, cell: &[u8]) -> bool {
        let is = |text: &&str| cell.eq_ignore_ascii_case(text.as_bytes());
        self.beside_numbers.iter().any(is)
    }
}

/// Kind of a column's cells, as far as it is known.
pub(super) enum CellKind<'l> {
    Numbers(Notations),
    Words,
    Booleans,
    Levels(&'l [String]),
    /// Kinds that all cells so far may have.
    Open {
        numbers: Notations,
        booleans: bool,
        /// `Some(true)` if there are only cells that are missing beside numbers, and `Some(false)`
        /// if there are others.
        only_beside: Option<bool>,
    },
}

impl CellKind<'_> {
    pub(super) const fn any(numbers: Notations) -> Self {
        Self::Open {
            numbers,
            booleans: true,
            only_beside: None,
        }
    }

    /// Excludes kinds that a cell cannot have.
    pub(super) fn observe(&mut self, cell: &[u8], missing: &Missing) {
        let is_open = match self {
            Self::Numbers(_) => true,
            Self::Open {
                numbers, booleans, ..
            } => *booleans || numbers.are_open(),
            _ => false,
        };
        if !is_open || missing.has(cell) {
            return;
        }
        let is_beside = missing.has_beside_numbers(cell);
        if let Self::Open { only_beside, .. } = self {
            *only_beside = Some(is_beside && *only_beside != Some(false));
        }
        if is_beside {
            return;
        }
        let text = str::from_utf8(cell).unwrap_or_default();
        match self {
            Self::Numbers(numbers) => numbers.observe(text),
            Self::Open {
                numbers, booleans, ..
            } => {
                numbers.observe(text);
                *booleans &= boolean(text).is_some();
            }
            _ => {}
        }
    }

    /// Returns `true` if the column shows that the file has decimal commas.
    pub(super) fn shows_commas(&self) -> bool {
        match self {
            Self::Numbers(numbers) | Self::Open { numbers, .. } => numbers.show_commas(),
            _ => false,
        }
    }
}

/// Cells of a column so far.
pub(super) enum Cells<'l> {
    Numbers(Vec<f64>, Decimal),
    Booleans(Vec<Option<bool>>),
    Words(WordsBuilder),
    Levels(&'l [String], WordsBuilder),
}

impl<'l> Cells<'l> {
    pub(super) fn of(kind: &CellKind<'l>, file_has_commas: bool) -> Result<Self> {
        Ok(match kind {
            CellKind::Numbers(notations) => {
                Self::Numbers(Vec::new(), notations.decimal_of_numbers(file_has_commas))
            }
            CellKind::Words
            | CellKind::Open {
                only_beside: Some(true),
                ..
            } => Self::Words(WordsBuilder::default()),
            CellKind::Booleans => Self::Booleans(Vec::new()),
            CellKind::Levels(levels) => Self::Levels(levels, WordsBuilder::of_levels(*levels)?),
            CellKind::Open {
                numbers, booleans, ..
            } => match numbers.decimal(file_has_commas) {
                Some(decimal) => Self::Numbers(Vec::new(), decimal),
                None if *booleans => Self::Booleans(Vec::new()),
                None => Self::Words(WordsBuilder::default()),
            },
        })
    }

    /// Adds a cell, or returns the problem with it.
    pub(super) fn push(
        &mut self,
        cell: &[u8],
        missing: &Missing,
    ) -> core::result::Result<(), String> {
        let is_number = matches!(self, Self::Numbers(..) | Self::Booleans(_));
        let is_missing = missing.has(cell) || is_number && missing.has_beside_numbers(cell);
        let cell = text_of(cell)?;
        let problem = |expected: &str| {
            let got = bounded(cell.to_string());
            format!("expected {expected}, got {got:?}")
        };
        match self {
            Self::Numbers(numbers, _) if is_missing => numbers.push(f64::NAN),
            Self::Numbers(numbers, decimal) => {
                let number = decimal.number(cell);
                let number = number.ok_or_else(|| problem(decimal.expected(cell)))?;
                numbers.push(number + 0.0); // -0 would be a class of its own name
            }
            Self::Booleans(booleans) if is_missing => booleans.push(None),
            Self::Booleans(booleans) => {
                let boolean = boolean(cell);
                booleans.push(Some(boolean.ok_or_else(|| problem("true or false"))?));
            }
            Self::Words(words) => words.push((!is_missing).then_some(cell)),
            Self::Levels(levels, words) => {
                // A level may be called NA.
                let is_level = || !cell.is_empty() && levels.iter().any(|level| level == cell);
                let word = (!is_missing || is_level()).then_some(cell);
                if !words.push_known(word) {
                    return Err(problem(&format!("one of {}", listed(levels))));
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Column<'static> {
        match self {
            Self::Numbers(numbers, _) => numbers.into(),
            Self::Booleans(booleans) => Column::booleans(booleans),
            Self::Words(words) => words.finish(Kind::Words),
            Self::Levels(_, words) => words.finish(Kind::Levels),
        }
    }
}

fn boolean(text: &str) -> Option<bool> {
    let is = |other: &str| text.eq_ignore_ascii_case(other);
    match () {
        () if is("true") => Some(true),
        () if is("false") => Some(false),
        () => None,
    }
}
