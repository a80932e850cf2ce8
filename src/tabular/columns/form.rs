//! Inputs of one column.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::ColumnSettings;
use crate::encoding::PeriodicSettings;
use crate::error::{Error, Position, Result, check_range};
use crate::float::Float;
use crate::memory;
use crate::tabular::column::{Cells, Column, Kind};
use crate::tabular::levels::{Levels, Numbers};
use crate::tabular::scale::{Scale, Scaling};
use crate::tabular_ref::{code_input, indicators, level_input, write_number};

/// Maximum length of learned vectors, which is that of [`Categories`](crate::encoding::Categories).
pub(super) const MOST_WIDTH: usize = 1 << 16;

/// Map from the cells of a column to its inputs.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub(crate) enum Form {
    /// A number, or the index of an ordered level.
    Number {
        levels: Option<Levels>,
        scale: Scale,
        indicator: Scale,
        /// Standard deviation of the frequencies of learned waves.
        periodic: Option<f64>,
    },
    /// An input for each level, or one for two levels.
    OneHot { levels: Levels, scales: Vec<Scale> },
    /// The index of a level, for learned vectors of this width.
    Code { levels: Levels, width: usize },
}

impl Form {
    pub(super) fn fit(
        column: &Column<'_>,
        rows: &[usize],
        numbers: (Scaling, Option<f64>),
        settings: &ColumnSettings,
    ) -> Result<Self> {
        match &column.0 {
            Cells::Numbers(column) => {
                let cells = rows.iter().map(|&row| column[row]);
                Self::number(cells, rows, None, numbers)
            }
            Cells::Words(words) if words.kind == Kind::Levels => {
                let levels = Levels::of(&words.words);
                let cells = rows.iter().map(|&row| words.number(row));
                Self::number(cells, rows, Some(levels), numbers)
            }
            Cells::Words(words) => {
                let counts = words.counts(rows);
                let levels = match words.kind {
                    // Both exist, even if the training rows have only one of them.
                    Kind::Booleans => Levels::of(&words.words),
                    _ => Levels::counted(&words.words, &counts, settings.min_count),
                };
                if levels.count() > settings.one_hot.max(2) {
                    let width = settings.width;
                    return Ok(Self::Code { levels, width });
                }
                let scale = |values: &[(f64, usize)]| match numbers.0 {
                    Scaling::Robust => Scale::robust(values),
                    _ => Scale::NONE,
                };
                let members = levels.members(&words.words, &counts);
                let scales = match members[..] {
                    [first, second] => {
                        let missing = rows.len() - first - second;
                        [scale(&[(-1.0, first), (0.0, missing), (1.0, second)])].into()
                    }
                    _ => members
                        .iter()
                        .map(|&count| scale(&[(0.0, rows.len() - count), (1.0, count)]))
                        .collect(),
                };
                Ok(Self::OneHot { levels, scales })
            }
        }
    }

    /// Fits a column whose cells are numbers, of which NaN is missing.
    fn number(
        cells: impl Iterator<Item = f64>,
        rows: &[usize],
        levels: Option<Levels>,
        (scaling, periodic): (Scaling, Option<f64>),
    ) -> Result<Self> {
        let mut present = memory::collected("training rows", rows.len(), cells)?;
        if let Some(at) = present.iter().position(|x| x.is_infinite()) {
            return Err(infinite(rows[at], present[at]));
        }
        present.retain(|x| !x.is_nan());
        let missing = rows.len() - present.len();
        let indicator = match scaling {
            Scaling::Robust => Scale::robust(&[(-1.0, present.len()), (1.0, missing)]),
            _ => Scale::indicator(missing),
        };
        present.sort_unstable_by(f64::total_cmp);
        Ok(Self::Number {
            levels,
            scale: Scale::fit(scaling, &present)?,
            indicator,
            // The bins of a piecewise encoding have detail of their own.
            periodic: periodic.filter(|_| !matches!(scaling, Scaling::Piecewise(_))),
        })
    }

    /// Returns the levels of a column of ordered levels. Other columns have none.
    #[cfg(feature = "csv")]
    pub(super) fn ordered_levels(&self) -> &[String] {
        match self {
            Self::Number {
                levels: Some(levels),
                ..
            } => levels.words(),
            _ => &[],
        }
    }

    pub(super) fn is_code(&self) -> bool {
        matches!(self, Self::Code { .. })
    }

    /// Returns the number of inputs.
    pub(crate) fn inputs(&self) -> usize {
        match self {
            Self::Number { scale, .. } => scale.outputs() + 1,
            Self::OneHot { scales, .. } => scales.len(),
            Self::Code { .. } => 1,
        }
    }

    /// Returns the number of inputs after the encoding.
    pub(super) fn encoded(&self) -> usize {
        match self {
            Self::Number {
                scale, periodic, ..
            } => {
                let width = periodic.map_or(1, |_| PeriodicSettings::new(1).width);
                scale.outputs() * width + 1
            }
            Self::OneHot { scales, .. } => scales.len(),
            Self::Code { width, .. } => *width,
        }
    }

    /// Returns the number of inputs that vary in the training rows, after the encoding.
    pub(super) fn varying(&self) -> usize {
        match self {
            Self::Number {
                scale,
                indicator,
                periodic,
                ..
            } => {
                let width = periodic.map_or(1, |_| PeriodicSettings::new(1).width);
                scale.varying() * width + indicator.varying()
            }
            Self::OneHot { scales, .. } => scales.iter().map(Scale::varying).sum(),
            Self::Code { width, .. } => *width,
        }
    }

    pub(super) fn names(&self, name: &str) -> Vec<String> {
        match self {
            Self::Number { scale, .. } => {
                let mut names = scale.names(name);
                names.push(format!("{name} is missing"));
                names
            }
            Self::OneHot { levels, scales } if scales.len() == 1 && levels.count() == 2 => {
                [format!("{name}={}", levels.name(1))].into()
            }
            Self::OneHot { levels, .. } => {
                let level = |level| format!("{name}={}", levels.name(level));
                (0..levels.count()).map(level).collect()
            }
            Self::Code { .. } => [name.to_string()].into(),
        }
    }

    /// Writes the inputs of these rows to their place in rows of a matrix.
    pub(crate) fn fill<T: Float>(
        &self,
        cells: &Column<'_>,
        kind: Kind,
        rows: &[usize],
        inputs: &mut [T],
        (width, at): (usize, usize),
    ) -> Result<()> {
        let outputs = inputs.chunks_exact_mut(width).map(|row| &mut row[at..]);
        match self {
            Self::Number {
                levels,
                scale,
                indicator,
                ..
            } => {
                let numbers = Numbers::of(cells, levels.as_ref())?;
                let (scale, indicators) = (scale.spec(), indicators(indicator.spec()));
                for (row, &index) in outputs.zip(rows) {
                    let x = numbers.get(index);
                    if x.is_infinite() {
                        return Err(infinite(index, x));
                    }
                    let end = scale.outputs();
                    write_number(scale, indicators, x, &mut row[..=end]);
                    if row[..=end].iter().any(|input| !input.is_finite()) {
                        return Err(too_large::<T>(index, x));
                    }
                }
            }
            Self::OneHot { levels, scales } => {
                let found = levels.find(cells, kind)?;
                let count = levels.count();
                let input = |index: usize, level| {
                    let scale: &Scale = &scales[index];
                    T::from_f64(level_input(scale.spec(), count, index, level))
                };
                if scales.len() == 1 && count == 2 {
                    let inputs = [Some(0), Some(1), None].map(|level| input(0, level));
                    for (row, &index) in outputs.zip(rows) {
                        row[0] = inputs[found.get(index).unwrap_or(2)];
                    }
                    return Ok(());
                }
                let zeros: Vec<T> = (0..scales.len()).map(|index| input(index, None)).collect();
                for (row, &index) in outputs.zip(rows) {
                    row[..zeros.len()].copy_from_slice(&zeros);
                    if let Some(level) = found.get(index) {
                        row[level] = input(level, Some(level));
                    }
                }
            }
            Self::Code { levels, .. } => {
                let found = levels.find(cells, kind)?;
                for (row, &index) in outputs.zip(rows) {
                    row[0] = T::from_f64(code_input(found.get(index)));
                }
            }
        }
        Ok(())
    }

    /// Checks a form from a file, for a column of this kind.
    #[cfg(feature = "serde")]
    pub(super) fn check(&self, kind: Kind) -> Result<()> {
        let is_word = matches!(kind, Kind::Words | Kind::Booleans);
        let (fits, got) = match self {
            Self::Number { levels: None, .. } => (kind == Kind::Numbers, "numbers"),
            Self::Number { .. } => (kind == Kind::Levels, "ordered levels"),
            Self::OneHot { .. } | Self::Code { .. } => (is_word, "words"),
        };
        if !fits {
            let expected = format!("that of {kind}");
            return Err(Error::invalid_setting("form of a column", expected, got));
        }
        match self {
            Self::Number {
                levels,
                scale,
                indicator,
                periodic,
            } => {
                levels.iter().try_for_each(Levels::check)?;
                periodic.map_or(Ok(()), check_sigma)?;
                scale.check()?;
                indicator.check_single()
            }
            Self::OneHot { levels, scales } => {
                levels.check()?;
                let expected = if levels.count() == 2 {
                    1
                } else {
                    levels.count()
                };
                crate::error::check_length("inputs of levels", scales, expected)?;
                scales.iter().try_for_each(Scale::check_single)?;
                // Fitted scalings of levels have finite inputs.
                let inputs = |scale: &Scale| [-1.0, 0.0, 1.0].map(|x| scale.spec().apply(x));
                match scales.iter().flat_map(inputs).find(|x| !x.is_finite()) {
                    None => Ok(()),
                    Some(value) => {
                        let (what, at) = ("inputs of levels", Position::Index(0));
                        Err(Error::NotFinite { what, at, value })
                    }
                }
            }
            Self::Code { levels, width } => {
                levels.check()?;
                check_width(*width)
            }
        }
    }
}

/// Checks the length of learned vectors.
pub(super) fn check_width(width: usize) -> Result<()> {
    if (1..=MOST_WIDTH).contains(&width) {
        return Ok(());
    }
    let expected = format!("1 to {MOST_WIDTH}");
    Err(Error::invalid_setting(
        "width of learned vectors",
        expected,
        width,
    ))
}

fn infinite(row: usize, value: f64) -> Error {
    let (what, at) = ("number", Position::Row(row));
    Error::NotFinite { what, at, value }
}

fn too_large<T: Float>(row: usize, value: f64) -> Error {
    let expected = format!(
        "a number that fits {} after scaling",
        core::any::type_name::<T>()
    );
    Error::invalid_value("number", expected, Position::Row(row), value)
}

/// Checks the standard deviation of initial frequencies.
pub(super) fn check_sigma(sigma: f64) -> Result<()> {
    let what = "standard deviation of frequencies";
    check_range(what, sigma, 1e-6..=1e6, "1e-6 to 1e6")
}
