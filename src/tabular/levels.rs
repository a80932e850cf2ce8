//! Levels of columns of words.

use alloc::collections::BTreeMap;
#[cfg(feature = "serde")]
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::column::{Cells, Column, Kind, MISSING};
use crate::error::{Error, Number, Result, bounded};
use crate::tabular_ref::level_of;

/// Number of different words for which no index is made.
const FEW: usize = 4;

/// Distinct words, each of which is a level, and rare words that share the last level.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct Levels {
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

    /// Returns the words of levels that are not shared.
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// Returns all words, also those that share a level.
    #[cfg(feature = "onnx")]
    pub(crate) fn all_words(&self) -> impl Iterator<Item = &String> {
        self.words.iter().chain(&self.rare)
    }

    /// Returns the words that share the last level.
    pub(super) fn rare(&self) -> &[String] {
        &self.rare
    }

    /// Returns the number of levels.
    pub(crate) fn count(&self) -> usize {
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

    /// Returns the level of a word after a search of all.
    fn level_of(&self, word: &str, is_boolean: bool) -> Option<usize> {
        let all = self.words.iter().chain(&self.rare).map(|word| &**word);
        level_of(&all, self.words.len(), word, is_boolean)
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

    /// Returns the level of each number that a word stands for. Words such as 01 and 1.0 stand for
    /// the number 1 if there is no level 1, and for no number if several levels do.
    fn numbers(&self) -> BTreeMap<u64, Option<usize>> {
        let (mut numbers, mut written) = (BTreeMap::new(), BTreeMap::new());
        for (word, level) in self.index() {
            let Some(x) = word.parse().ok().filter(|x: &f64| !x.is_nan()) else {
                continue;
            };
            if x.to_string() == word {
                written.insert(bits(x), Some(level));
                continue;
            }
            let known = numbers.entry(bits(x)).or_insert(Some(level));
            if *known != Some(level) {
                *known = None;
            }
        }
        numbers.append(&mut written);
        numbers
    }

    /// Finds the levels of all cells. `kind` is the kind of the fitted column.
    ///
    /// A new file can lack the one cell that made a column one of words. So numbers and booleans
    /// count as words if the fitted column had words.
    pub(crate) fn find<'c>(&self, column: &'c Column<'_>, kind: Kind) -> Result<Found<'c>> {
        match &column.0 {
            Cells::Words(given) => {
                // For a row or two, a search takes less time than an index.
                let index = (given.words.len() > FEW).then(|| self.index());
                let is_boolean = [given.kind, kind].contains(&Kind::Booleans);
                let level = |word: &String| {
                    let found = index.as_ref().and_then(|index| index.get(&**word));
                    match found {
                        Some(&level) => Some(level),
                        None if index.is_some() && !is_boolean => None,
                        None => self.level_of(word, is_boolean),
                    }
                };
                Ok(Found::Words {
                    codes: &given.codes,
                    levels: given.words.iter().map(level).collect(),
                })
            }
            Cells::Numbers(numbers) => match numbers.iter().position(|x| !x.is_nan()) {
                None => Ok(Found::Missing),
                Some(_) if kind == Kind::Words => Ok(Found::Numbers {
                    numbers,
                    levels: self.numbers(),
                }),
                Some(row) => Err(Error::invalid_setting(
                    "kind",
                    kind.to_string(),
                    format!("the number {} in row {row}", Number(numbers[row])),
                )),
            },
        }
    }

    /// Checks levels from a file.
    #[cfg(feature = "serde")]
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

/// Returns bits that are equal for equal numbers, also for both zeros.
fn bits(x: f64) -> u64 {
    (x + 0.0).to_bits()
}

/// Levels of cells.
pub(crate) enum Found<'c> {
    Words {
        codes: &'c [u32],
        levels: Vec<Option<usize>>,
    },
    Numbers {
        numbers: &'c [f64],
        levels: BTreeMap<u64, Option<usize>>,
    },
    /// All cells are missing.
    Missing,
}

impl Found<'_> {
    /// Returns the level in a row, or `None` if the word is missing or unseen.
    pub(crate) fn get(&self, row: usize) -> Option<usize> {
        match self {
            Self::Words { codes, levels } => match codes[row] {
                MISSING => None,
                code => levels[code as usize],
            },
            Self::Numbers { numbers, levels } => levels.get(&bits(numbers[row])).copied().flatten(),
            Self::Missing => None,
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
                let first = words.codes.iter().position(|&code| code != MISSING);
                let Some(row) = column.odd_row().or(first) else {
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
