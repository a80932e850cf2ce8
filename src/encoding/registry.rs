//! Built-in encodings by name.

use alloc::string::ToString;
use alloc::sync::Arc;
use core::str::FromStr;

use super::{Encoding, Fourier, Grid, GridSettings, Interpolation, OneBlob, Positional};
use crate::error::{Error, Result, bounded, check_length};
use crate::float::Float;
use crate::memory;

/// Names of the built-in encodings with their settings.
const FORMS: [&str; 4] = [
    "fourier(inputs, frequencies)",
    "positional(inputs, octaves)",
    "one_blob(inputs, bins)",
    "grid(inputs, levels, coarsest, finest, features, max_entries, interpolation, initial)",
];

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
    let (head, settings) = name.trim().split_once('(').unwrap_or((name.trim(), ")"));
    let form = FORMS
        .iter()
        .find(|form| form.split('(').next() == Some(head));
    let Some(form) = form else {
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
    let encoding: Arc<dyn Encoding<T>> = match head {
        "fourier" => {
            let (inputs, frequencies) = (settings.next("inputs")?, settings.next("frequencies")?);
            let len = memory::product("directions", &[frequencies, inputs])?;
            check_length("directions", constants, len)?;
            Arc::new(Fourier::from_directions(inputs, constants)?)
        }
        "positional" => {
            let (inputs, octaves) = (settings.next("inputs")?, settings.next("octaves")?);
            Arc::new(Positional::new(inputs, octaves)?)
        }
        "one_blob" => {
            let (inputs, bins) = (settings.next("inputs")?, settings.next("bins")?);
            Arc::new(OneBlob::new(inputs, bins)?)
        }
        _ => Arc::new(Grid::new(GridSettings {
            inputs: settings.next("inputs")?,
            levels: settings.next("levels")?,
            coarsest: settings.next("coarsest")?,
            finest: settings.next("finest")?,
            features: settings.next("features")?,
            max_entries: settings.next("max_entries")?,
            interpolation: settings.next("interpolation")?,
            initial: settings.next("initial")?,
        })?),
    };
    settings.end()?;
    check_length(
        "constants of the encoding",
        constants,
        encoding.constants().len(),
    )?;
    Ok(encoding)
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
