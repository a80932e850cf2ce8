//! Levels of columns of words.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::column::{Cells, Column, Kind, MISSING, Words};
use crate::error::{Error, Result, bounded};
use crate::memory;

/// Distinct words, each of which is a level, and rare words that share the last level.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) struct Levels {
    words: Vec<String>,
    rare: Vec<String>,
}

impl Levels {
    /// Makes a level of each word, in this order.
    pub(super) fn of(words: &[String]) -> Self {
        Self {
            words: words.to_vec(),
            rare: Vec::new(),
        }
    }

    /// Makes levels of the words that occur, in alphabetic order, which does not depend on the
    /// order of rows. Words that occur less often than `min_count` times share a level.
    pub(super) fn counted(words: &[String], counts: &[usize], min_count: usize) -> Self {
        let present = words.iter().zip(counts).filter(|(_, count)| **count > 0);
        let (mut common, mut rare) = (Vec::new(), Vec::new());
        for (word, &count) in present {
            if count < min_count {
                rare.push(word.clone());
            } else {
                common.push(word.clone());
            }
        }
        common.sort_unstable();
        rare.sort_unstable();
        Self {
            words: common,
            rare,
        }
    }

    /// Returns the number of levels.
    pub(super) fn count(&self) -> usize {
        self.words.len() + usize::from(!self.rare.is_empty())
    }

    /// Returns the name of a level.
    pub(super) fn name(&self, level: usize) -> &str {
        self.words.get(level).map_or("(rare)", |word| word)
    }

    /// Returns the level of a word by the word.
    fn index(&self) -> BTreeMap<&str, usize> {
        let rare = self.rare.iter().map(|word| (&**word, self.words.len()));
        let words = self.words.iter().enumerate();
        words
            .map(|(level, word)| (&**word, level))
            .chain(rare)
            .collect()
    }

    /// Returns the number of cells at each level, from those of each word.
    pub(super) fn members(&self, words: &[String], counts: &[usize]) -> Vec<usize> {
        let (index, mut members) = (self.index(), vec![0; self.count()]);
        for (word, count) in words.iter().zip(counts) {
            if let Some(&level) = index.get(&**word) {
                members[level] += count;
            }
        }
        members
    }

    /// Finds the levels of all cells. `kind` is the kind of the fitted column.
    ///
    /// Numbers count as words if the fitted column had words.
    pub(super) fn find<'c>(&self, column: &'c Column<'_>, kind: Kind) -> Result<Found<'c>> {
        let index = self.index();
        match &column.0 {
            Cells::Words(Words { words, codes, .. }) => {
                let levels = words.iter().map(|word| index.get(&**word).copied());
                let levels = levels.collect();
                Ok(Found::Words { codes, levels })
            }
            Cells::Numbers(numbers) if kind == Kind::Words => {
                let level = |x: &f64| index.get(&*x.to_string()).copied();
                let levels = numbers.iter().map(level);
                let levels = memory::collected("levels", numbers.len(), levels)?;
                Ok(Found::Numbers { levels })
            }
            Cells::Numbers(numbers) => match numbers.iter().position(|x| !x.is_nan()) {
                None => Ok(Found::Numbers {
                    levels: vec![None; numbers.len()],
                }),
                Some(row) => Err(Error::invalid_setting(
                    "kind",
                    kind.to_string(),
                    format!("the number {} in row {row}", numbers[row]),
                )),
            },
        }
    }

    /// Checks levels from a file.
    #[cfg(feature = "safetensors")]
    pub(super) fn check(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        for word in self.words.iter().chain(&self.rare) {
            if !seen.insert(word) {
                let got = format!("{:?} twice", bounded(word.clone()));
                return Err(Error::invalid_setting("levels", "different words", got));
            }
        }
        Ok(())
    }
}

/// Levels of cells.
pub(super) enum Found<'c> {
    Words {
        codes: &'c [u32],
        levels: Vec<Option<usize>>,
    },
    Numbers {
        levels: Vec<Option<usize>>,
    },
}

impl Found<'_> {
    /// Returns the level in a row, or `None` if the word is missing or unseen.
    pub(super) fn get(&self, row: usize) -> Option<usize> {
        match self {
            Self::Words { codes, levels } => match codes[row] {
                MISSING => None,
                code => levels[code as usize],
            },
            Self::Numbers { levels } => levels[row],
        }
    }
}

/// Numbers of cells.
pub(super) enum Numbers<'c> {
    Plain(&'c [f64]),
    Levels(Found<'c>),
    /// All cells are missing.
    Missing,
}

impl<'c> Numbers<'c> {
    /// Returns the numbers of a column, or the indices of its ordered levels.
    pub(super) fn of(column: &'c Column<'_>, levels: Option<&Levels>) -> Result<Self> {
        match (&column.0, levels) {
            (_, Some(levels)) => levels.find(column, Kind::Levels).map(Self::Levels),
            (Cells::Numbers(numbers), None) => Ok(Self::Plain(numbers)),
            (Cells::Words(words), None) => {
                let Some(row) = words.codes.iter().position(|&code| code != MISSING) else {
                    return Ok(Self::Missing);
                };
                let word = bounded(words.words[words.codes[row] as usize].clone());
                let got = format!("{word:?} in row {row}");
                Err(Error::invalid_setting("kind", "numbers", got))
            }
        }
    }

    /// Returns the number in a row. NaN is missing.
    pub(super) fn get(&self, row: usize) -> f64 {
        match self {
            Self::Plain(numbers) => numbers[row],
            Self::Levels(found) => found.get(row).map_or(f64::NAN, |level| level as f64),
            Self::Missing => f64::NAN,
        }
    }
}
