//! Built-in encodings by name.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::str::FromStr;

use super::built_in::BuiltIn;
use super::{
    Categories, Concat, Encoding, Fourier, Grid, GridSettings, Identity, Interpolation, OneBlob,
    Periodic, PeriodicSettings, Positional, Scaled, nesting,
};
use crate::error::{Error, Result, bounded, check_length};
use crate::float::Float;
use crate::memory;

/// Names of the built-in encodings with their settings.
const FORMS: [&str; 9] = [
    "fourier(inputs, frequencies)",
    "positional(inputs, octaves)",
    "one_blob(inputs, bins)",
    "grid(inputs, levels, coarsest, finest, features, max_entries, interpolation, initial)",
    "categories(categories, widths, initial)",
    "periodic(inputs, frequencies, width, sigma)",
    "identity(inputs)",
    "scaled(encoding)",
    "concat(..., constants)",
];

/// Returns the names of the built-in encodings, without settings.
pub(super) fn known() -> String {
    FORMS.map(head).join(", ")
}

/// Returns the name of an encoding without settings.
fn head(name: &str) -> &str {
    name.split_once('(').map_or(name, |(head, _)| head)
}

/// Finds encodings by name and constants that are not built into this crate.
pub(crate) type Find<'a, T> = &'a dyn Fn(&str, &[T]) -> Option<Arc<dyn Encoding<T>>>;

/// Returns the built-in encoding with this [`name`](Encoding::name) and these
/// [`constants`](Encoding::constants).
///
/// All settings must be present, in the order of the name.
///
/// # Errors
/// - [`Error::UnknownName`] if there is no such encoding.
/// - [`Error::InvalidSetting`] if a setting is missing, unknown or outside its range.
/// - [`Error::Length`] if the encoding needs another number of constants.
///
/// ```
/// use feedforward::encoding::{self, Encoding};
///
/// let positional = encoding::parse::<f32>("positional(inputs=2, octaves=4)", &[])?;
/// assert_eq!(positional.outputs(), 16);
/// assert_eq!(positional.name(), "positional(inputs=2, octaves=4)");
/// # Ok::<(), feedforward::Error>(())
/// ```
pub fn parse<T: Float>(name: &str, constants: &[T]) -> Result<Arc<dyn Encoding<T>>> {
    parse_with(name, constants, &|_, _| None)
}

/// Parses a name like [`parse`], but tries `find` first, for the encoding and for its members.
pub(crate) fn parse_with<T: Float>(
    name: &str,
    constants: &[T],
    find: Find<'_, T>,
) -> Result<Arc<dyn Encoding<T>>> {
    let name = name.trim();
    let encoding = match find(name, constants) {
        Some(encoding) => encoding,
        None if name.starts_with(CONCAT) || name.starts_with(SCALED) => {
            nesting::check(name)?;
            let copies = constants.iter().copied();
            let all = memory::collected("constants", constants.len(), copies)?;
            nested(name, &Arc::new(all), 0..constants.len(), find)?
        }
        None => single(name, constants)?.into(),
    };
    let expected = encoding.constants().len();
    check_length("constants of the encoding", constants, expected)?;
    Ok(encoding)
}

const CONCAT: &str = "concat(";
const SCALED: &str = "scaled(";

/// Parses an encoding that may contain others, whose constants are at `own`. The caller has checked
/// that the name's parentheses are balanced and not too deep.
fn nested<T: Float>(
    name: &str,
    constants: &Arc<Vec<T>>,
    own: Range<usize>,
    find: Find<'_, T>,
) -> Result<Arc<dyn Encoding<T>>> {
    if name.starts_with(CONCAT) {
        return concat(name, constants, own, find);
    }
    let Some(inner) = name.strip_prefix(SCALED) else {
        return Ok(single(name, &constants[own])?.into());
    };
    let inner = inner.strip_suffix(')').map(str::trim);
    let inner = inner.filter(|inner| nesting::members(inner).nth(1).is_none());
    let inner = inner.ok_or_else(|| {
        Error::invalid_setting("encoding", "scaled(encoding)", bounded(name.to_string()))
    })?;
    let these = &constants[own.clone()];
    let encoding = match find(inner, these) {
        Some(encoding) => encoding,
        None => nested(inner, constants, own.clone(), find)?,
    };
    let expected = encoding.constants().len();
    check_length("constants of an encoding", these, expected)?;
    Ok(Arc::new(Scaled::of(encoding)?))
}

/// Parses an encoding with members, which shares its constants with them.
fn concat<T: Float>(
    name: &str,
    constants: &Arc<Vec<T>>,
    own: Range<usize>,
    find: Find<'_, T>,
) -> Result<Arc<dyn Encoding<T>>> {
    let mut encodings = Vec::new();
    for (member, range) in members(name, own.clone())? {
        let these = &constants[range.clone()];
        let encoding = match find(member, these) {
            Some(encoding) => encoding,
            None => nested(member, constants, range, find)?,
        };
        let expected = encoding.constants().len();
        check_length("constants of an encoding", these, expected)?;
        encodings.push(encoding);
    }
    let concat = Concat::with_constants(encodings, constants.clone(), own)?;
    Ok(Arc::new(concat))
}

/// Appends the encodings without members of which a built-in encoding consists, in order. The
/// caller has parsed the whole.
pub(super) fn flatten<T: Float>(
    name: &str,
    constants: &[T],
    all: &mut Vec<BuiltIn<T>>,
) -> Result<()> {
    if !name.starts_with(CONCAT) {
        all.push(single(name, constants)?);
        return Ok(());
    }
    for (member, range) in members(name, 0..constants.len())? {
        flatten(member, &constants[range], all)?;
    }
    Ok(())
}

/// Returns the names of the members in the name of a `concat`, with their ranges of its constants.
fn members(name: &str, own: Range<usize>) -> Result<Vec<(&str, Range<usize>)>> {
    let problem = || {
        let form = "concat(encoding, ..., constants=number ...)";
        Error::invalid_setting("encoding", form, bounded(name.to_string()))
    };
    let list = name
        .strip_prefix(CONCAT)
        .and_then(|rest| rest.strip_suffix(')'));
    let (list, counts) = list
        .and_then(|list| list.rsplit_once(','))
        .ok_or_else(problem)?;
    let counts = counts.trim().strip_prefix("constants=");
    let mut counts = counts.ok_or_else(problem)?.split_whitespace();
    let (mut start, mut all) = (own.start, Vec::new());
    for member in nesting::members(list) {
        let count = counts.next().and_then(|count| count.parse().ok());
        let end = count.and_then(|count: usize| start.checked_add(count));
        let end = end.filter(|&end| end <= own.end).ok_or_else(problem)?;
        all.push((member, start..end));
        start = end;
    }
    if start != own.end || counts.next().is_some() {
        return Err(problem());
    }
    Ok(all)
}

/// Parses an encoding without members.
fn single<T: Float>(name: &str, constants: &[T]) -> Result<BuiltIn<T>> {
    let (head, settings) = name.split_once('(').unwrap_or((name, ")"));
    let Some(form) = FORMS.iter().find(|form| self::head(form) == head) else {
        return Err(Error::UnknownName {
            what: "encoding",
            known: FORMS.join(", "),
            got: bounded(name.to_string()),
        });
    };
    let mut settings = Settings {
        form,
        name,
        rest: settings.strip_suffix(')').unwrap_or(""),
    };
    let encoding: BuiltIn<T> = match head {
        "fourier" => {
            let (inputs, frequencies) = (settings.next("inputs")?, settings.next("frequencies")?);
            let len = memory::product("directions", &[frequencies, inputs])?;
            check_length("directions", constants, len)?;
            Fourier::from_directions(inputs, constants)?.into()
        }
        "positional" => {
            let (inputs, octaves) = (settings.next("inputs")?, settings.next("octaves")?);
            Positional::new(inputs, octaves)?.into()
        }
        "one_blob" => {
            let (inputs, bins) = (settings.next("inputs")?, settings.next("bins")?);
            OneBlob::new(inputs, bins)?.into()
        }
        "categories" => {
            let (Sizes(categories), Sizes(widths)) =
                (settings.next("categories")?, settings.next("widths")?);
            check_length("widths of columns", &widths, categories.len())?;
            let columns: Vec<_> = categories.into_iter().zip(widths).collect();
            Categories::new(&columns)?
                .initial(settings.next("initial")?)?
                .into()
        }
        "periodic" => Periodic::new(PeriodicSettings {
            inputs: settings.next("inputs")?,
            frequencies: settings.next("frequencies")?,
            width: settings.next("width")?,
            sigma: settings.next("sigma")?,
        })?
        .into(),
        "identity" => Identity::new(settings.next("inputs")?)?.into(),
        "grid" => Grid::new(GridSettings {
            inputs: settings.next("inputs")?,
            levels: settings.next("levels")?,
            coarsest: settings.next("coarsest")?,
            finest: settings.next("finest")?,
            features: settings.next("features")?,
            max_entries: settings.next("max_entries")?,
            interpolation: settings.next("interpolation")?,
            initial: settings.next("initial")?,
        })?
        .into(),
        _ => return Err(settings.problem()),
    };
    settings.end()?;
    Ok(encoding)
}

/// Numbers with space between them.
struct Sizes(Vec<usize>);

impl FromStr for Sizes {
    type Err = ();

    fn from_str(text: &str) -> core::result::Result<Self, ()> {
        let mut sizes = Vec::new();
        for size in text.split_whitespace() {
            // No encoding has more, and memory stays small for any text.
            if sizes.len() == 1 << 12 {
                return Err(());
            }
            sizes.push(size.parse().map_err(drop)?);
        }
        Ok(Self(sizes))
    }
}

/// The settings in a name that are not read yet.
struct Settings<'a> {
    form: &'static str,
    name: &'a str,
    rest: &'a str,
}

impl Settings<'_> {
    /// Reads the next setting, which must have this name.
    fn next<V: FromStr>(&mut self, key: &str) -> Result<V> {
        let (setting, rest) = self.rest.split_once(',').unwrap_or((self.rest, ""));
        self.rest = rest;
        let value = setting.trim().strip_prefix(key);
        let value = value.and_then(|value| value.trim_start().strip_prefix('='));
        let parsed = value.and_then(|value| value.trim().parse().ok());
        parsed.ok_or_else(|| self.problem())
    }

    /// Checks that all settings are read.
    fn end(&self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.problem())
    }

    fn problem(&self) -> Error {
        Error::invalid_setting("encoding", self.form, bounded(self.name.to_string()))
    }
}

impl FromStr for Interpolation {
    type Err = Error;

    /// Parses `linear` or `smoothstep`.
    fn from_str(text: &str) -> Result<Self> {
        let all = [Self::Linear, Self::Smoothstep];
        let found = all
            .into_iter()
            .find(|interpolation| interpolation.name() == text);
        found.ok_or_else(|| Error::UnknownName {
            what: "interpolation",
            known: all.map(Self::name).join(", "),
            got: bounded(text.to_string()),
        })
    }
}
