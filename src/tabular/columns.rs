//! Columns of a table as a network's inputs.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::column::{Cells, Column, Kind};
use super::levels::{Levels, Numbers};
use super::scale::{Scale, Scaling};
use super::table::Table;
use crate::encoding::{Categories, Concat, Encoding, Identity};
use crate::error::{Error, Position, Result, check_count, check_not_empty};
use crate::float::Float;
use crate::memory;

/// Settings of [`Columns`]. The defaults are those of RealMLP-TD-S.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnSettings {
    /// Scaling of numbers. Default: [`Scaling::Robust`].
    pub scaling: Scaling,
    /// Scaling of single columns, by name.
    pub scalings: Vec<(String, Scaling)>,
    /// Maximum number of levels of a column with an input for each level. A column with more levels
    /// has learned vectors ([`Categories`]). Default: `usize::MAX`.
    pub one_hot: usize,
    /// Length of learned vectors. Range: 1 to 65,536. Default: 8.
    pub width: usize,
    /// Minimum number of training rows of a level. Rarer levels of a column are merged into one.
    /// Default: 1, which merges none.
    pub min_count: usize,
}

impl Default for ColumnSettings {
    fn default() -> Self {
        Self {
            scaling: Scaling::Robust,
            scalings: Vec::new(),
            one_hot: usize::MAX,
            width: 8,
            min_count: 1,
        }
    }
}

/// Map from the columns of a table to a network's inputs, fitted on training rows.
///
/// | column | inputs |
/// |---|---|
/// | numbers, ordered levels | the scaled number, and an indicator of missing cells |
/// | two words, booleans | one input: -1 or 1 |
/// | more words | one input for each level: 1 or 0 |
/// | words with more than `one_hot` levels | a number that the network's encoding looks up |
///
/// Missing numbers lie at the center. Missing and unseen words have zeros. So the number of inputs
/// never depends on the rows to predict. With [`Scaling::Robust`], inputs of words are scaled like
/// numbers, as in RealMLP (Holzmüller et al., 2024,
/// [arXiv:2407.04491](https://arxiv.org/abs/2407.04491)).
///
/// ```
/// use feedforward::tabular::{Column, ColumnSettings, Columns, Scaling, Table};
///
/// let table = Table::new()
///     .with("area", Column::numbers([Some(60.0), Some(80.0), None, Some(100.0)]))?
///     .with("heating", Column::words(["gas", "oil", "gas", "wood"]))?;
/// let settings = ColumnSettings { scaling: Scaling::Standard, ..ColumnSettings::default() };
/// let columns = Columns::fit(&table, &[0, 1, 2, 3], &settings)?;
/// let names = ["area", "area is missing", "heating=gas", "heating=oil", "heating=wood"];
/// assert_eq!(columns.names(), names);
///
/// let new = Table::row([("area", 80.0.into()), ("heating", "coal".into())])?;
/// assert_eq!(columns.encode::<f32>(&new, &[0])?, [0.0, 0.0, 0.0, 0.0, 0.0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
#[doc(alias = "ColumnTransformer")]
#[doc(alias = "OneHotEncoder")]
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Columns {
    columns: Vec<Encoded>,
}

/// A column and its inputs.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Encoded {
    name: String,
    kind: Kind,
    form: Form,
}

#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
enum Form {
    /// A number, or the index of an ordered level.
    Number {
        levels: Option<Levels>,
        scale: Scale,
        indicator: Scale,
    },
    /// An input for each level, or one for two levels.
    OneHot { levels: Levels, scales: Vec<Scale> },
    /// The index of a level, for learned vectors of this width.
    Code { levels: Levels, width: usize },
}

impl Columns {
    /// Fits the columns of these rows. Every column of the table becomes inputs.
    ///
    /// # Errors
    /// - [`Error::Empty`] without columns or rows.
    /// - [`Error::OutOfBounds`] if there is no such row.
    /// - [`Error::UnknownName`] if a column of [`ColumnSettings::scalings`] is missing.
    /// - [`Error::Column`] with [`Error::NotFinite`] for infinite numbers.
    pub fn fit(table: &Table<'_>, rows: &[usize], settings: &ColumnSettings) -> Result<Self> {
        check_not_empty("columns of the table", table.columns())?;
        check_not_empty("training rows", rows)?;
        table.check_rows(rows)?;
        check_count("width of learned vectors", settings.width)?;
        for (name, _) in &settings.scalings {
            table.column(name)?;
        }
        let columns = table.names().iter().zip(table.columns());
        let columns = columns.map(|(name, column)| {
            let own = settings.scalings.iter().find(|(other, _)| other == name);
            let scaling = own.map_or(settings.scaling, |(_, scaling)| *scaling);
            let form = Form::fit(column, rows, scaling, settings);
            Ok(Encoded {
                name: name.clone(),
                kind: column.kind(),
                form: form.map_err(|error| error.in_column(name))?,
            })
        });
        Ok(Self {
            columns: columns.collect::<Result<_>>()?,
        })
    }

    /// Returns the number of inputs.
    pub fn inputs(&self) -> usize {
        self.columns.iter().map(|column| column.form.inputs()).sum()
    }

    /// Returns names and kinds of the columns.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.columns.iter().map(|c| (&*c.name, c.kind))
    }

    /// Returns the names of all inputs, in order.
    pub fn names(&self) -> Vec<String> {
        let names = |column: &Encoded| column.form.names(&column.name);
        self.in_order()
            .flat_map(|(_, column)| names(column))
            .collect()
    }

    /// Returns the index of the column from which each input comes.
    pub fn sources(&self) -> Vec<usize> {
        let sources =
            |(index, column): (usize, &Encoded)| core::iter::repeat_n(index, column.form.inputs());
        self.in_order().flat_map(sources).collect()
    }

    /// Returns the columns in the order of their inputs. Numbers of categories come last.
    fn in_order(&self) -> impl Iterator<Item = (usize, &Encoded)> {
        let all = || self.columns.iter().enumerate();
        let plain = all().filter(|(_, column)| !column.form.is_code());
        plain.chain(all().filter(|(_, column)| column.form.is_code()))
    }

    /// Returns the number of inputs that vary in the training rows, after the encoding.
    pub(super) fn varying(&self) -> usize {
        self.columns
            .iter()
            .map(|column| column.form.varying())
            .sum()
    }

    /// Returns the encoding that looks up learned vectors, for
    /// [`MlpBuilder::encoding`](crate::MlpBuilder::encoding). Returns `None` if no column has
    /// learned vectors.
    ///
    /// `numbers` is the encoding of all other inputs. Default: [`Identity`].
    ///
    /// # Errors
    /// Returns an error if the encoding is too large ([`Categories::new`], [`Concat::new`]).
    pub fn encoding<T: Float>(&self) -> Result<Option<Arc<dyn Encoding<T>>>> {
        let tables: Vec<_> = (self.columns.iter())
            .filter_map(|column| match &column.form {
                Form::Code { levels, width } => Some((levels.count(), *width)),
                _ => None,
            })
            .collect();
        if tables.is_empty() {
            return Ok(None);
        }
        let categories: Arc<dyn Encoding<T>> = Arc::new(Categories::new(&tables)?);
        let plain = self.inputs() - tables.len();
        if plain == 0 {
            return Ok(Some(categories));
        }
        let plain = Arc::new(Identity::new(plain)?);
        let concat = Concat::new([plain as Arc<dyn Encoding<T>>, categories].into())?;
        Ok(Some(Arc::new(concat)))
    }

    /// Returns the inputs for these rows, row-major `[rows x inputs]`.
    ///
    /// # Errors
    /// - [`Error::UnknownName`] if the table lacks a column.
    /// - [`Error::OutOfBounds`] if there is no such row.
    /// - [`Error::Column`] if a column does not have the kind that it had before, or if a number is
    ///   infinite.
    pub fn encode<T: Float>(&self, table: &Table<'_>, rows: &[usize]) -> Result<Vec<T>> {
        table.check_rows(rows)?;
        let width = self.inputs();
        let len = memory::product("encoded rows", &[rows.len(), width])?;
        let mut inputs = memory::filled("encoded rows", T::zero(), len)?;
        let mut at = 0;
        for (_, column) in self.in_order() {
            let cells = table.column(&column.name)?;
            let filled = column
                .form
                .fill(cells, column.kind, rows, &mut inputs, (width, at));
            filled.map_err(|error| error.in_column(&column.name))?;
            at += column.form.inputs();
        }
        Ok(inputs)
    }

    /// Checks columns from a file.
    #[cfg(feature = "safetensors")]
    pub(super) fn check(&self) -> Result<()> {
        check_not_empty("columns", &self.columns)?;
        for column in &self.columns {
            (column.form.check()).map_err(|error| error.in_column(&column.name))?;
        }
        Ok(())
    }
}

impl Form {
    fn fit(
        column: &Column<'_>,
        rows: &[usize],
        scaling: Scaling,
        settings: &ColumnSettings,
    ) -> Result<Self> {
        match &column.0 {
            Cells::Numbers(numbers) => {
                let cells = rows.iter().map(|&row| numbers[row]);
                Self::number(cells, rows, None, scaling)
            }
            Cells::Words(words) if words.kind == Kind::Levels => {
                let levels = Levels::of(&words.words);
                let cells = rows.iter().map(|&row| words.number(row));
                Self::number(cells, rows, Some(levels), scaling)
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
                let scale = |values: &[(f64, usize)]| match scaling {
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
        scaling: Scaling,
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
        })
    }

    fn is_code(&self) -> bool {
        matches!(self, Self::Code { .. })
    }

    /// Returns the number of inputs.
    fn inputs(&self) -> usize {
        match self {
            Self::Number { scale, .. } => scale.outputs() + 1,
            Self::OneHot { scales, .. } => scales.len(),
            Self::Code { .. } => 1,
        }
    }

    /// Returns the number of inputs that vary in the training rows, after the encoding.
    fn varying(&self) -> usize {
        match self {
            Self::Number {
                scale, indicator, ..
            } => scale.varying() + indicator.varying(),
            Self::OneHot { scales, .. } => scales.iter().map(Scale::varying).sum(),
            Self::Code { width, .. } => *width,
        }
    }

    fn names(&self, name: &str) -> Vec<String> {
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
    fn fill<T: Float>(
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
            } => {
                let numbers = Numbers::of(cells, levels.as_ref())?;
                let (missing, present) = (indicator.apply(1.0), indicator.apply(-1.0));
                for (row, &index) in outputs.zip(rows) {
                    let x = numbers.get(index);
                    if x.is_infinite() {
                        return Err(infinite(index, x));
                    }
                    let end = scale.outputs();
                    scale.write(x, &mut row[..end]);
                    row[end] = T::from_f64(if x.is_nan() { missing } else { present });
                }
            }
            Self::OneHot { levels, scales } => {
                let found = levels.find(cells, kind)?;
                for (row, &index) in outputs.zip(rows) {
                    let level = found.get(index);
                    if let [scale] = &scales[..]
                        && levels.count() == 2
                    {
                        let sign = [-1.0, 1.0];
                        let x = level.map_or(0.0, |level| sign[level]);
                        row[0] = T::from_f64(scale.apply(x));
                        continue;
                    }
                    for (output, (x, scale)) in row.iter_mut().zip(scales.iter().enumerate()) {
                        let is_level = level == Some(x);
                        *output = T::from_f64(scale.apply(f64::from(u8::from(is_level))));
                    }
                }
            }
            Self::Code { levels, .. } => {
                let found = levels.find(cells, kind)?;
                for (row, &index) in outputs.zip(rows) {
                    let level = found.get(index);
                    row[0] = level.map_or(-T::one(), |level| T::from_f64(level as f64));
                }
            }
        }
        Ok(())
    }

    #[cfg(feature = "safetensors")]
    fn check(&self) -> Result<()> {
        match self {
            Self::Number {
                levels,
                scale,
                indicator,
            } => {
                levels.iter().try_for_each(Levels::check)?;
                scale.check()?;
                indicator.check()
            }
            Self::OneHot { levels, scales } => {
                levels.check()?;
                let expected = if levels.count() == 2 {
                    1
                } else {
                    levels.count()
                };
                crate::error::check_length("inputs of levels", scales, expected)?;
                scales.iter().try_for_each(Scale::check)
            }
            Self::Code { levels, width } => {
                levels.check()?;
                check_count("width of learned vectors", *width)
            }
        }
    }
}

fn infinite(row: usize, value: f64) -> Error {
    let (what, at) = ("number", Position::Row(row));
    Error::NotFinite { what, at, value }
}
