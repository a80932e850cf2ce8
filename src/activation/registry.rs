//! Built-in activations by name.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::range::Range;
use super::{Activation, Parametric};
use crate::error::{Error, Result, bounded};
use crate::float::Float;

/// Description of a built-in.
pub(super) struct Entry<T> {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) parameter: Option<Parameter>,
    /// Constructor. Its argument is the parameter, or 0 if there is none.
    pub(super) build: fn(f64) -> Arc<dyn Activation<T>>,
}

pub(super) struct Parameter {
    pub(super) symbol: &'static str,
    pub(super) range: Range,
    /// Value that the bare name stands for.
    pub(super) default: Option<f64>,
    /// Default, or a common value if there is none.
    pub(super) example: f64,
}

impl<T: Float> Entry<T> {
    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// Returns the name with the symbol of its parameter, as in `leaky_relu(slope)`.
    fn form(&self) -> String {
        match &self.parameter {
            None => self.name.to_string(),
            Some(Parameter { symbol, .. }) => format!("{}({symbol})", self.name),
        }
    }

    /// Parses a parameter; `None` stands for the bare name. Returns `None` if it is not allowed.
    fn read(&self, written: Option<&str>) -> Option<f64> {
        match (&self.parameter, written) {
            (None, None) => Some(0.0),
            (None, Some(_)) => None,
            (Some(parameter), None) => parameter.default,
            (Some(parameter), Some(written)) => {
                let x: f64 = written.trim().parse().ok()?;
                parameter.range.fits::<T>(x).then_some(x)
            }
        }
    }
}

/// Returns the names of the built-in activations, without parameters. Any of them that takes one
/// pre-activation can be [`Parametric`].
pub fn names() -> impl Iterator<Item = &'static str> {
    Entry::<f64>::ALL.iter().map(|entry| entry.name)
}

/// Returns every built-in activation with its default parameter.
///
/// `hard_sigmoid`, which has no default, gets 0.2. None is [`Parametric`].
pub fn all<T: Float>() -> Vec<Arc<dyn Activation<T>>> {
    let example = |entry: &Entry<T>| entry.parameter.as_ref().map_or(0.0, |p| p.example);
    let entries = Entry::ALL.iter();
    entries.map(|entry| (entry.build)(example(entry))).collect()
}

/// Returns the built-in activation with this [`name`](Activation::name), such as `relu`,
/// `leaky_relu(0.1)` or `parametric(mish)`.
///
/// A name without a parameter selects the type's default; only `hard_sigmoid` has none. Names from
/// other libraries are accepted too, such as `linear` for `identity`. Each type's implementation of
/// [`Activation`] lists them.
///
/// # Errors
/// Returns [`Error::UnknownName`] if there is no such activation. Returns
/// [`Error::InvalidSetting`] if its parameter is missing, superfluous, not a number or outside its
/// range.
///
/// ```
/// use feedforward::activation;
///
/// let leaky = activation::parse::<f32>("leaky_relu(0.1)")?;
/// assert_eq!(leaky.value(-5.0), -0.5);
/// assert_eq!(leaky.name(), "leaky_relu(0.1)");
/// # Ok::<(), feedforward::Error>(())
/// ```
pub fn parse<T: Float>(text: &str) -> Result<Arc<dyn Activation<T>>> {
    let built = |text| {
        let (entry, parameter) = find(text)?;
        Ok((entry.build)(parameter))
    };
    let Some(inner) = inner(text) else {
        return built(text);
    };
    let parametric = Parametric(built(inner)?);
    Activation::<T>::check(&parametric)?;
    Ok(Arc::new(parametric))
}

/// Returns the name inside `parametric(...)`, or `None` if the name is another.
fn inner(name: &str) -> Option<&str> {
    let rest = name.trim().strip_prefix(PARAMETRIC)?.trim_start();
    rest.strip_prefix('(')?.strip_suffix(')')
}

/// Name of [`Parametric`], without the activation inside.
const PARAMETRIC: &str = "parametric";

/// Returns an activation's name without [`Parametric`] around it.
pub(crate) fn without_alpha(name: &str) -> &str {
    inner(name).unwrap_or(name)
}

/// Returns the entry with the name in `text`, and its parameter or 0 if there is none.
fn find<T: Float>(text: &str) -> Result<(&'static Entry<T>, f64)> {
    let text = text.trim();
    let (name, parameter) = match text.split_once('(') {
        None => (text, None),
        // If the closing parenthesis is missing, the empty text fails to parse as a parameter.
        Some((name, rest)) => (name.trim_end(), Some(rest.strip_suffix(')').unwrap_or(""))),
    };
    let Some(entry) = Entry::ALL.iter().find(|entry| entry.answers_to(name)) else {
        let mut forms: Vec<_> = Entry::<T>::ALL.iter().map(Entry::form).collect();
        forms.push(format!("{PARAMETRIC}(activation)"));
        return Err(Error::UnknownName {
            what: "activation",
            known: forms.join(", "),
            got: bounded(text.to_string()),
        });
    };
    let Some(parameter) = entry.read(parameter) else {
        let expected = match &entry.parameter {
            None => entry.form(),
            Some(p) => format!("{}, {} being {}", entry.form(), p.symbol, p.range.words()),
        };
        return Err(Error::invalid_setting("activation", expected, text));
    };
    Ok((entry, parameter))
}

/// Returns `true` for an activation of this crate. A type of a user's own may have the name of a
/// built-in one, but its `Debug` output differs.
pub(crate) fn is_built_in<T: Float>(f: &dyn Activation<T>) -> bool {
    parse::<T>(&f.name()).is_ok_and(|known| format!("{known:?}") == format!("{f:?}"))
}

/// Returns the activation's name and parameter if a built-in has the same name and number of
/// pieces. The parameter is 0 if there is none. A [`Parametric`] is as the activation inside.
pub(crate) fn built_in<T: Float>(f: &dyn Activation<T>) -> Option<(&'static str, f64)> {
    let name = f.name();
    let name = if f.is_parametric() {
        inner(&name)?
    } else {
        &*name
    };
    let (entry, parameter) = find::<T>(name).ok()?;
    let built = (entry.build)(parameter);
    let is_same = built.name() == name && built.pieces() == f.pieces();
    is_same.then_some((entry.name, parameter))
}
