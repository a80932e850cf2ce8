//! Columns of a table as a network's inputs.

mod form;
mod to_rust;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

#[cfg(feature = "onnx")]
pub(crate) use self::form::Form;
#[cfg(not(feature = "onnx"))]
use self::form::Form;
use self::form::{check_sigma, check_width};
use super::column::Kind;
use super::scale::Scaling;
use super::table::Table;
use crate::encoding::{Categories, Concat, Encoding, Identity, Periodic, PeriodicSettings};
use crate::error::{Error, Result, check_not_empty};
use crate::float::Float;
use crate::memory;

/// Standard deviations of frequencies that measure best on tables with few and with many rows.
const SIGMAS: [f64; 2] = [0.1, 1.0];

/// Number of training rows from which a table has many.
pub(super) const MANY_ROWS: usize = 1000;

/// Maximum number of columns of numbers with waves.
const MOST_WAVES: usize = 256;

/// Initial frequencies of the learned waves of each number, which the network's [`Periodic`]
/// encoding has. Beyond 256 columns of numbers there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Waves {
    /// Their standard deviation is 1, or 0.1 if there are fewer than 1,000 training rows, which
    /// fast waves would learn by heart.
    #[default]
    Auto,
    /// Their standard deviation. Range: 10^-6 to 10^6.
    Sigma(f64),
    /// No waves.
    Off,
}

impl Waves {
    /// Returns the standard deviation for this many training rows, if there are waves.
    fn sigma(self, rows: usize) -> Result<Option<f64>> {
        match self {
            Self::Auto => Ok(Some(SIGMAS[usize::from(rows >= MANY_ROWS)])),
            Self::Sigma(sigma) => check_sigma(sigma).map(|()| Some(sigma)),
            Self::Off => Ok(None),
        }
    }
}

/// Checks that a scaling suits the kind of a column.
fn check_scaling(kind: Kind, scaling: Scaling) -> Result<()> {
    match (kind, scaling) {
        (Kind::Numbers | Kind::Levels, _) | (_, Scaling::Robust | Scaling::None) => Ok(()),
        (kind, scaling) => {
            let expected = format!("Robust or None for {kind}");
            Err(Error::invalid_setting(
                "scaling",
                expected,
                format!("{scaling:?}"),
            ))
        }
    }
}

/// Settings of [`Columns`]. The defaults are those of RealMLP-TD-S, but for learned waves.
///
/// ```
/// use feedforward::tabular::{ColumnSettings, Scaling};
///
/// // As in RealMLP-TD, with logarithms of one column.
/// let settings = ColumnSettings {
///     scalings: vec![("income".into(), Scaling::Log)],
///     one_hot: 8,
///     ..ColumnSettings::default()
/// };
/// assert_eq!(settings.scaling, Scaling::Robust);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ColumnSettings {
    /// Scaling of numbers. Default: [`Scaling::Robust`].
    pub scaling: Scaling,
    /// Scaling of single columns, by name. The last of a name counts. Words and booleans have
    /// [`Scaling::Robust`] or [`Scaling::None`]. Default: none.
    pub scalings: Vec<(String, Scaling)>,
    /// Maximum number of levels of a column with an input for each level. A column with more levels
    /// has learned vectors ([`Categories`]). Two levels always have one input. Default: 64.
    pub one_hot: usize,
    /// Length of learned vectors. Range: 1 to 65,536. Default: 8.
    pub width: usize,
    /// Learned waves of numbers. Default: [`Waves::Auto`].
    pub waves: Waves,
    /// Minimum number of training rows of a word. Rarer words of a column share one level.
    /// Default: 1, which merges none.
    pub min_count: usize,
}

impl Default for ColumnSettings {
    fn default() -> Self {
        Self {
            scaling: Scaling::Robust,
            scalings: Vec::new(),
            one_hot: 64,
            width: 8,
            waves: Waves::Auto,
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
#[cfg_attr(feature = "serde", serde(try_from = "Unchecked"))]
pub struct Columns {
    columns: Vec<Encoded>,
}

/// Columns from a file.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Unchecked {
    columns: Vec<Encoded>,
}

#[cfg(feature = "serde")]
impl TryFrom<Unchecked> for Columns {
    type Error = Error;

    fn try_from(Unchecked { columns }: Unchecked) -> Result<Self> {
        let columns = Self { columns };
        columns.check()?;
        Ok(columns)
    }
}

/// Encoding of consecutive inputs, and `true` if it has waves.
type Member<T> = (Arc<dyn Encoding<T>>, bool);

/// A column and its inputs.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
struct Encoded {
    name: String,
    kind: Kind,
    form: Form,
}

impl Columns {
    /// Fits the columns of these rows. Every column of the table becomes inputs.
    ///
    /// # Errors
    /// - [`Error::Empty`] without columns or rows, or if no column has a word or number.
    /// - [`Error::OutOfBounds`] if there is no such row.
    /// - [`Error::Column`] if a column of [`ColumnSettings::scalings`] is missing.
    /// - [`Error::InvalidSetting`] if [`ColumnSettings::width`] or [`ColumnSettings::waves`] is
    ///   outside its range.
    /// - [`Error::Column`] with [`Error::NotFinite`] for infinite numbers, or with
    ///   [`Error::InvalidSetting`] for [`Scaling::Piecewise`] without bins. Also if
    ///   [`ColumnSettings::scalings`] has a scaling of numbers for a column of words or booleans.
    pub fn fit(table: &Table<'_>, rows: &[usize], settings: &ColumnSettings) -> Result<Self> {
        check_not_empty("columns of the table", table.columns())?;
        check_not_empty("training rows", rows)?;
        table.check_rows(rows)?;
        check_width(settings.width)?;
        let sigma = settings.waves.sigma(rows.len())?;
        let mut scalings = BTreeMap::new();
        for (name, scaling) in &settings.scalings {
            check_scaling(table.column(name)?.kind(), *scaling)
                .map_err(|error| error.in_column(name))?;
            scalings.insert(name, *scaling);
        }
        let columns = table.names().iter().zip(table.columns());
        let columns = columns.map(|(name, column)| {
            let scaling = scalings.get(name).copied().unwrap_or(settings.scaling);
            let form = Form::fit(column, rows, (scaling, sigma), settings);
            Ok(Encoded {
                name: name.clone(),
                kind: column.kind(),
                form: form.map_err(|error| error.in_column(name))?,
            })
        });
        let mut columns = Self {
            columns: columns.collect::<Result<_>>()?,
        };
        columns.limit_waves();
        columns.check_inputs()?;
        Ok(columns)
    }

    /// Leaves out the waves if there are many numbers.
    fn limit_waves(&mut self) {
        let waves = |column: &mut Encoded| match &mut column.form {
            Form::Number { periodic, .. } => periodic.take(),
            _ => None,
        };
        let is_number = |column: &&Encoded| matches!(&column.form, Form::Number { .. });
        if self.columns.iter().filter(is_number).count() > MOST_WAVES {
            for column in &mut self.columns {
                waves(column);
            }
        }
    }

    /// Checks that there are inputs. A column of words without any word has none.
    fn check_inputs(&self) -> Result<()> {
        match self.inputs() {
            0 => Err(Error::Empty {
                what: "inputs from the columns of the table",
            }),
            _ => Ok(()),
        }
    }

    /// Returns the number of inputs.
    pub fn inputs(&self) -> usize {
        self.columns.iter().map(|column| column.form.inputs()).sum()
    }

    /// Returns names and kinds of the columns.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Kind)> {
        self.columns.iter().map(|c| (&*c.name, c.kind))
    }

    /// Returns names, kinds and ordered levels of the columns.
    #[cfg(feature = "csv")]
    pub(super) fn cells(&self) -> impl Iterator<Item = (&str, Kind, &[String])> {
        let columns = self.columns.iter();
        columns.map(|c| (&*c.name, c.kind, c.form.ordered_levels()))
    }

    /// Returns the names of all inputs, in order. All differ.
    pub fn names(&self) -> Vec<String> {
        let names = |column: &Encoded| column.form.names(&column.name);
        let mut known = BTreeSet::new();
        // A column may be called as the input of another one, such as "area is missing".
        let distinct = |name: String| {
            let numbered = (2..).map(|number: usize| format!("{name} ({number})"));
            let mut names = core::iter::once(name.clone()).chain(numbered);
            let distinct = names.find(|name| known.insert(name.clone()));
            distinct.unwrap_or(name)
        };
        self.in_order()
            .flat_map(|(_, column)| names(column))
            .map(distinct)
            .collect()
    }

    /// Returns the index of the column from which each input comes.
    pub fn sources(&self) -> Vec<usize> {
        let sources =
            |(index, column): (usize, &Encoded)| core::iter::repeat_n(index, column.form.inputs());
        self.in_order().flat_map(sources).collect()
    }

    /// Returns the index of the column from which each output of the encoding comes.
    pub(super) fn encoded_sources(&self) -> Vec<usize> {
        let sources =
            |(index, column): (usize, &Encoded)| core::iter::repeat_n(index, column.form.encoded());
        self.in_order().flat_map(sources).collect()
    }

    /// Returns names, kinds and forms of the columns in the order of their inputs.
    #[cfg(feature = "onnx")]
    pub(crate) fn forms(&self) -> impl Iterator<Item = (&str, Kind, &Form)> {
        self.in_order()
            .map(|(_, column)| (&*column.name, column.kind, &column.form))
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

    /// Returns the encoding of the inputs, for [`MlpBuilder::encoding`](crate::MlpBuilder::encoding).
    /// It looks up learned vectors, and computes learned waves. All other inputs pass through
    /// [`Identity`]. Returns `None` if all inputs do.
    ///
    /// ```
    /// use feedforward::activation::Identity;
    /// use feedforward::tabular::{Column, ColumnSettings, Columns, Table};
    /// use feedforward::{Encoding, Mlp};
    ///
    /// let table = Table::new().with("street", Column::words(["Elm", "Oak", "Ash", "Fir"]))?;
    /// let settings = ColumnSettings { one_hot: 3, width: 2, ..ColumnSettings::default() };
    /// let columns = Columns::fit(&table, &[0, 1, 2, 3], &settings)?;
    /// let encoding = columns.encoding::<f32>()?.expect("the streets have learned vectors");
    /// assert_eq!((encoding.inputs(), encoding.outputs()), (1, 2));
    /// # Ok::<(), feedforward::Error>(())
    /// ```
    ///
    /// # Errors
    /// Returns an error if the encoding is too large ([`Categories::new`], [`Concat::new`]).
    pub fn encoding<T: Float>(&self) -> Result<Option<Arc<dyn Encoding<T>>>> {
        let members: Vec<_> = self
            .members()?
            .into_iter()
            .map(|(member, _)| member)
            .collect();
        match &members[..] {
            [only] if only.params_len() == 0 => Ok(None),
            [only] => Ok(Some(only.clone())),
            _ => Ok(Some(Arc::new(Concat::new(members)?))),
        }
    }

    /// Returns the ranges of the waves' parameters among those of the encoding.
    pub(super) fn waves(&self) -> Result<Vec<Range<usize>>> {
        let (mut ranges, mut start) = (Vec::new(), 0);
        for (member, is_periodic) in self.members::<f32>()? {
            let end = start + member.params_len();
            if is_periodic {
                ranges.push(start..end);
            }
            start = end;
        }
        Ok(ranges)
    }

    /// Returns the encodings of consecutive inputs, and `true` for those with waves.
    fn members<T: Float>(&self) -> Result<Vec<Member<T>>> {
        let mut members: Vec<Member<T>> = Vec::new();
        let (mut plain, mut tables) = (0, Vec::new());
        for (_, column) in self.in_order() {
            match &column.form {
                Form::Number {
                    scale,
                    periodic: Some(sigma),
                    ..
                } => {
                    if plain > 0 {
                        members.push((Arc::new(Identity::new(plain)?), false));
                    }
                    let settings = PeriodicSettings {
                        sigma: *sigma,
                        ..PeriodicSettings::new(scale.outputs())
                    };
                    members.push((Arc::new(Periodic::new(settings)?), true));
                    plain = 1; // the indicator of missing cells
                }
                Form::Code { levels, width } => tables.push((levels.count(), *width)),
                form => plain += form.inputs(),
            }
        }
        if plain > 0 {
            members.push((Arc::new(Identity::new(plain)?), false));
        }
        if !tables.is_empty() {
            members.push((Arc::new(Categories::new(&tables)?), false));
        }
        Ok(members)
    }

    /// Returns the inputs for these rows, row-major `[rows x inputs]`.
    ///
    /// The table may have its columns in any order, and others beside them.
    ///
    /// # Errors
    /// - [`Error::Column`] if the table lacks a column.
    /// - [`Error::OutOfBounds`] if there is no such row.
    /// - [`Error::TooLarge`] if a buffer cannot hold the inputs.
    /// - [`Error::Column`] if a column has another kind than the fitted one. A column of words also
    ///   takes numbers and booleans.
    /// - [`Error::Column`] if a number is infinite, or too large for `T` after scaling.
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
    #[cfg(feature = "serde")]
    pub(super) fn check(&self) -> Result<()> {
        check_not_empty("columns", &self.columns)?;
        self.check_inputs()?;
        let mut names = BTreeSet::new();
        for Encoded { name, kind, form } in &self.columns {
            let mut checked = form.check(*kind);
            if !names.insert(name) {
                let (expected, got) = ("a different name for each column", "the name twice");
                checked = Err(Error::invalid_setting("name", expected, got));
            }
            checked.map_err(|error| error.in_column(name))?;
        }
        Ok(())
    }
}
