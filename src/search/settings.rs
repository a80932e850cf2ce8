//! Values of parameters by name.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::error::{Error, Number, Result, bounded};

/// Value of a parameter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Setting {
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// A name, such as that of an activation.
    Name(String),
}

impl From<f64> for Setting {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Setting {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<i32> for Setting {
    fn from(integer: i32) -> Self {
        Self::Integer(integer.into())
    }
}

impl From<String> for Setting {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<&str> for Setting {
    fn from(name: &str) -> Self {
        Self::Name(name.into())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{}", Number(*number)),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Values of parameters, each with a name.
///
/// [`Space::draw`](super::Space::draw) makes them. So can any other sampler:
///
/// ```
/// use feedforward::search::Settings;
///
/// let settings = Settings::new().with("learning_rate", 0.03).with("activation", "relu");
/// assert_eq!(settings.number("learning_rate")?, 0.03);
/// assert_eq!(settings.to_string(), "learning_rate=0.03 activation=relu");
/// # Ok::<(), feedforward::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings(Vec<(String, Setting)>);

impl Settings {
    /// Creates settings without any value.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, or replaces the one of this name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Setting>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
        self
    }

    /// Returns the value of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value)
    }

    /// Returns the number of this name, which may be whole.
    ///
    /// # Errors
    /// [`Error::UnknownName`] if there is no such value, and [`Error::InvalidSetting`] if it is no
    /// number.
    pub fn number(&self, name: &str) -> Result<f64> {
        match self.required(name)? {
            Setting::Number(number) => Ok(*number),
            Setting::Integer(integer) => Ok(*integer as f64),
            Setting::Name(_) => Err(self.wrong(name, "a number")),
        }
    }

    /// Returns the whole number of this name, which must be 0 or above.
    ///
    /// # Errors
    /// [`Error::UnknownName`] if there is no such value, and [`Error::InvalidSetting`] if it is no
    /// such number.
    pub fn count(&self, name: &str) -> Result<usize> {
        let count = match self.required(name)? {
            Setting::Integer(integer) => usize::try_from(*integer).ok(),
            _ => None,
        };
        count.ok_or_else(|| self.wrong(name, "a whole number, 0 or above"))
    }

    /// Returns the text of this name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] if there is no such value, and [`Error::InvalidSetting`] if it is a
    /// number.
    pub fn name(&self, name: &str) -> Result<&str> {
        match self.required(name)? {
            Setting::Name(value) => Ok(value),
            _ => Err(self.wrong(name, "a name")),
        }
    }

    /// Returns the values with their names, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Setting)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    fn required(&self, name: &str) -> Result<&Setting> {
        self.get(name).ok_or_else(|| {
            let known: Vec<_> = self.iter().map(|(name, _)| name).collect();
            Error::UnknownName {
                what: "setting",
                known: bounded(known.join(", ")),
                got: bounded(name.to_string()),
            }
        })
    }

    fn wrong(&self, name: &str, expected: &str) -> Error {
        let got = self.get(name).map(ToString::to_string).unwrap_or_default();
        let expected = format!("{expected} for {}", bounded(name.to_string()));
        Error::invalid_setting("setting", expected, bounded(got))
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{name}={value}")?;
        }
        Ok(())
    }
}
