//! A column's cells.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::cell::{BooleanCell, NumberCell, WordCell};
use crate::error::{Error, Result, bounded, check_not_empty, listed};
use crate::tabular_ref::Value;

/// Kind of a column.
///
/// ```
/// use feedforward::tabular::{Column, Kind};
///
/// assert_eq!(Column::words(["gas", "oil"]).kind(), Kind::Words);
/// assert_eq!(Kind::Levels.to_string(), "ordered levels");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Kind {
    /// Numbers.
    Numbers,
    /// Words without an order.
    Words,
    /// `true` and `false`.
    Booleans,
    /// Words with an order.
    Levels,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Numbers => "numbers",
            Self::Words => "words",
            Self::Booleans => "booleans",
            Self::Levels => "ordered levels",
        })
    }
}

/// Code of a missing word.
pub(super) const MISSING: u32 = u32::MAX;

/// Column of a [`Table`](super::Table): numbers, words, booleans, or words with an order.
///
/// Slices and vectors of `f64` convert into columns of numbers, and slices are borrowed.
///
/// ```
/// use feedforward::tabular::{Column, Value};
///
/// let rooms = Column::numbers([Some(4), None, Some(2)]);
/// assert_eq!((rooms.len(), rooms.missing()), (3, 1));
/// assert_eq!(rooms.get(2), Some(Value::Number(2.0)));
/// assert_eq!(rooms.get(1), Some(Value::Missing));
///
/// let sizes = Column::levels(["M", "S", "M"], ["S", "M", "L"])?;
/// assert_eq!(sizes.get(1), Some(Value::Word("S")));
/// assert!(Column::levels(["XL"], ["S", "M", "L"]).is_err());
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Column<'a>(pub(super) Cells<'a>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cells<'a> {
    /// NaN is missing.
    Numbers(Cow<'a, [f64]>),
    /// Words of any other kind.
    Words(Coded),
}

/// Distinct words, and the index of each cell's word.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Coded {
    pub(super) kind: Kind,
    /// In the order of their first cells, or of the levels.
    pub(super) words: Vec<String>,
    /// [`MISSING`] is missing.
    pub(super) codes: Vec<u32>,
}

impl Coded {
    /// Returns the number of cells with each word among these rows.
    pub(super) fn counts(&self, rows: &[usize]) -> Vec<usize> {
        let mut counts = vec![0; self.words.len()];
        for &row in rows {
            if self.codes[row] != MISSING {
                counts[self.codes[row] as usize] += 1;
            }
        }
        counts
    }

    /// Returns the index of a cell's word, or NaN if it is missing.
    pub(super) fn number(&self, row: usize) -> f64 {
        match self.codes[row] {
            MISSING => f64::NAN,
            code => f64::from(code),
        }
    }
}

impl Column<'_> {
    /// Creates a column of numbers. `None` and NaN are missing.
    pub fn numbers(cells: impl IntoIterator<Item = impl NumberCell>) -> Self {
        let numbers = cells.into_iter().map(|cell| cell.number());
        Self(Cells::Numbers(numbers.collect()))
    }

    /// Creates a column of words. `None` is missing.
    pub fn words(cells: impl IntoIterator<Item = impl WordCell>) -> Self {
        let mut words = WordsBuilder::default();
        for cell in cells {
            words.push(cell.word());
        }
        words.finish(Kind::Words)
    }

    /// Creates a column of booleans. `None` is missing.
    pub fn booleans(cells: impl IntoIterator<Item = impl BooleanCell>) -> Self {
        let cells = cells.into_iter();
        let codes = cells.map(|cell| cell.boolean().map_or(MISSING, u32::from));
        let words = vec!["false".to_string(), "true".to_string()];
        Self::coded(Kind::Booleans, words, codes.collect())
    }

    /// Creates a column of words with an order, such as poor, fair, good. `None` is missing.
    ///
    /// # Errors
    /// Returns [`Error::Empty`] without levels. Returns [`Error::InvalidSetting`] if two levels are
    /// equal. Returns [`Error::UnknownLabel`] if a word is not one of the levels.
    pub fn levels(
        cells: impl IntoIterator<Item = impl WordCell>,
        levels: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self> {
        let mut words = WordsBuilder::of_levels(levels)?;
        for (row, cell) in cells.into_iter().enumerate() {
            let word = cell.word();
            if !words.push_known(word) {
                return Err(Error::UnknownLabel {
                    row,
                    label: format!("{:?}", bounded(word.unwrap_or_default().to_string())),
                    known: listed(&words.words),
                });
            }
        }
        Ok(words.finish(Kind::Levels))
    }

    fn coded(kind: Kind, words: Vec<String>, codes: Vec<u32>) -> Self {
        Self(Cells::Words(Coded { kind, words, codes }))
    }

    /// Creates a column of one cell.
    pub(super) fn of(value: Value<'_>) -> Self {
        match value {
            Value::Number(number) => Self::numbers([number]),
            Value::Word(word) => Self::words([word]),
            Value::Boolean(boolean) => Self::booleans([boolean]),
            Value::Missing => Self::numbers([f64::NAN]),
        }
    }

    /// Returns the number of cells.
    #[allow(clippy::len_without_is_empty)] // a table has rows
    pub fn len(&self) -> usize {
        match &self.0 {
            Cells::Numbers(numbers) => numbers.len(),
            Cells::Words(words) => words.codes.len(),
        }
    }

    /// Returns the kind of the cells.
    pub fn kind(&self) -> Kind {
        match &self.0 {
            Cells::Numbers(_) => Kind::Numbers,
            Cells::Words(words) => words.kind,
        }
    }

    /// Returns the numbers, of which NaN is missing, or `None` for a column of another kind.
    pub fn as_numbers(&self) -> Option<&[f64]> {
        match &self.0 {
            Cells::Numbers(numbers) => Some(numbers),
            Cells::Words(_) => None,
        }
    }

    /// Returns the value of a cell, or `None` beyond the last row.
    pub fn get(&self, row: usize) -> Option<Value<'_>> {
        match &self.0 {
            Cells::Numbers(numbers) => numbers.get(row).map(|&number| {
                if number.is_nan() {
                    Value::Missing
                } else {
                    Value::Number(number)
                }
            }),
            Cells::Words(words) => words.codes.get(row).map(|&code| match words.kind {
                _ if code == MISSING => Value::Missing,
                Kind::Booleans => Value::Boolean(code == 1),
                _ => Value::Word(&words.words[code as usize]),
            }),
        }
    }

    /// Returns a number for each cell, which is equal for equal cells. Missing cells have one too.
    ///
    /// They are groups for [`GroupKFold`](crate::folds::GroupKFold), and count from 0 in the order
    /// of the first cells.
    ///
    /// ```
    /// use feedforward::folds::GroupKFold;
    /// use feedforward::tabular::Column;
    ///
    /// let customers = Column::numbers([70, 12, 70, 35]);
    /// assert_eq!(customers.groups(), [0, 1, 0, 2]);
    /// let folds = GroupKFold::new(&customers.groups(), 2)?;
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    #[doc(alias = "factorize")]
    pub fn groups(&self) -> Vec<usize> {
        let mut numbers = BTreeMap::new();
        let keys = (0..self.len()).map(|row| match &self.0 {
            Cells::Numbers(cells) if cells[row].is_nan() => None,
            Cells::Numbers(cells) => Some((cells[row] + 0.0).to_bits()), // both zeros are equal
            Cells::Words(words) => Some(words.codes[row].into()),
        });
        keys.map(|key| {
            let next = numbers.len();
            *numbers.entry(key).or_insert(next)
        })
        .collect()
    }

    /// Returns the first row with a word that is no number, or `None` for a column of another kind.
    /// A single such cell makes a column of a file one of words, so errors name it.
    pub(super) fn odd_row(&self) -> Option<usize> {
        let Cells::Words(words) = &self.0 else {
            return None;
        };
        let is_odd = |word: &String| !word.parse().is_ok_and(f64::is_finite);
        let is_odd: Vec<_> = words.words.iter().map(is_odd).collect();
        let mut codes = words.codes.iter();
        codes
            .position(|&code| code != MISSING && is_odd[code as usize])
            .filter(|_| words.kind == Kind::Words)
    }

    /// Copies these cells. The caller has checked the rows.
    pub(super) fn select(&self, rows: &[usize]) -> Column<'static> {
        let rows = rows.iter();
        Column(match &self.0 {
            Cells::Numbers(numbers) => Cells::Numbers(rows.map(|&row| numbers[row]).collect()),
            Cells::Words(words) => Cells::Words(Coded {
                kind: words.kind,
                words: words.words.clone(),
                codes: rows.map(|&row| words.codes[row]).collect(),
            }),
        })
    }

    /// Returns the number of missing cells.
    pub fn missing(&self) -> usize {
        match &self.0 {
            Cells::Numbers(numbers) => numbers.iter().filter(|x| x.is_nan()).count(),
            Cells::Words(words) => words.codes.iter().filter(|&&c| c == MISSING).count(),
        }
    }
}

impl<'a> From<&'a [f64]> for Column<'a> {
    /// Borrows numbers. NaN is missing.
    fn from(numbers: &'a [f64]) -> Self {
        Self(Cells::Numbers(Cow::Borrowed(numbers)))
    }
}

impl<'a> From<&'a Vec<f64>> for Column<'a> {
    /// Borrows numbers. NaN is missing.
    fn from(numbers: &'a Vec<f64>) -> Self {
        Self::from(&**numbers)
    }
}

impl<'a, const N: usize> From<&'a [f64; N]> for Column<'a> {
    /// Borrows numbers. NaN is missing.
    fn from(numbers: &'a [f64; N]) -> Self {
        Self::from(&numbers[..])
    }
}

impl From<Vec<f64>> for Column<'_> {
    /// Takes numbers. NaN is missing.
    fn from(numbers: Vec<f64>) -> Self {
        Self(Cells::Numbers(Cow::Owned(numbers)))
    }
}

/// Column of words under construction.
#[derive(Default)]
pub(super) struct WordsBuilder {
    words: Vec<String>,
    index: BTreeMap<String, u32>,
    codes: Vec<u32>,
}

impl WordsBuilder {
    /// Adds a cell. `None` is missing.
    pub(super) fn push(&mut self, word: Option<&str>) {
        let code = word.map_or(MISSING, |word| self.code(word));
        self.codes.push(code);
    }

    /// Returns the index of a word, which is added if it is new.
    fn code(&mut self, word: &str) -> u32 {
        if let Some(&code) = self.index.get(word) {
            return code;
        }
        let code = self.words.len() as u32;
        self.words.push(word.to_string());
        self.index.insert(word.to_string(), code);
        code
    }

    /// Returns a column of these levels without cells.
    pub(super) fn of_levels(levels: impl IntoIterator<Item = impl Into<String>>) -> Result<Self> {
        let mut ordered = Self::default();
        for level in levels {
            let (level, known) = (level.into(), ordered.words.len());
            if (ordered.code(&level) as usize) < known {
                let got = format!("{:?} twice", bounded(level));
                return Err(Error::invalid_setting("levels", "different words", got));
            }
        }
        check_not_empty("levels", &ordered.words)?;
        Ok(ordered)
    }

    /// Adds a cell, and returns whether its word is known. `None` is missing.
    pub(super) fn push_known(&mut self, word: Option<&str>) -> bool {
        let code = match word {
            None => Some(MISSING),
            Some(word) => self.index.get(word).copied(),
        };
        self.codes.extend(code);
        code.is_some()
    }

    /// Returns the column.
    pub(super) fn finish<'a>(self, kind: Kind) -> Column<'a> {
        Column::coded(kind, self.words, self.codes)
    }
}
