//! Parameters with their ranges, and draws from them.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use rand::{Rng as _, SeedableRng};

use super::settings::{Setting, Settings};
use crate::error::{Error, Number, Result, bounded, check_not_empty};
use crate::math;
use crate::random::Rng;

/// First of the generator's streams that belong to draws. Shuffles of the same seed use those from
/// 0 on.
const FIRST_STREAM: u64 = 1 << 63;

/// Parameters with the ranges to search.
///
/// ```
/// use feedforward::search::Space;
///
/// let space = Space::new()
///     .log_uniform("learning_rate", 0.001, 0.1)?
///     .uniform("dropout", 0.0, 0.5)?
///     .integer("layers", 1, 4)?
///     .choice("activation", ["relu", "mish"])?;
/// let settings = space.draw(7, 0);
/// assert!((1..=4).contains(&settings.count("layers")?));
/// // The trial alone decides, so any trial can be repeated.
/// assert_eq!(space.draws(7).nth(3), Some(space.draw(7, 3)));
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Draws
///
/// Each parameter takes one number u of 64 random bits, scaled to [0, 1):
///
/// ```text
/// uniform         low · (1 - u) + high · u
/// log-uniform     exp(ln low · (1 - u) + ln high · u)
/// integer         low + ⌊u · (high - low + 1)⌋
/// choice          option number ⌊u · options⌋
/// ```
///
/// Bergstra and Bengio, 2012, [JMLR 13](https://jmlr.org/papers/v13/bergstra12a.html).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Space(Vec<(String, Range)>);

/// Range of a parameter.
#[derive(Clone, Debug, PartialEq)]
enum Range {
    Uniform(f64, f64),
    LogUniform(f64, f64),
    Integer(i64, i64),
    Choice(Vec<Setting>),
}

impl Space {
    /// Creates a space without parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number from `low` to `high`, all of which are equally probable.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless `low` and `high` are finite, and `low` is at most `high`.
    /// - [`Error::InvalidSetting`] if a parameter has this name already.
    pub fn uniform(self, name: impl Into<String>, low: f64, high: f64) -> Result<Self> {
        if low.is_finite() && high.is_finite() && low <= high {
            return self.with(name.into(), Range::Uniform(low, high));
        }
        let expected = "finite numbers, of which the first is at most the second";
        Err(wrong_range(&name.into(), expected, low, high))
    }

    /// Adds a number from `low` to `high` whose logarithm is uniform. It suits learning rates and
    /// other factors.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] unless `low` is above 0, `high` is finite, and `low` is at most
    ///   `high`.
    /// - [`Error::InvalidSetting`] if a parameter has this name already.
    pub fn log_uniform(self, name: impl Into<String>, low: f64, high: f64) -> Result<Self> {
        if low > 0.0 && high.is_finite() && low <= high {
            return self.with(name.into(), Range::LogUniform(low, high));
        }
        let expected = "finite numbers above 0, of which the first is at most the second";
        Err(wrong_range(&name.into(), expected, low, high))
    }

    /// Adds a whole number from `low` to `high`, both included.
    ///
    /// # Errors
    /// - [`Error::InvalidSetting`] if `low` is above `high`.
    /// - [`Error::InvalidSetting`] if a parameter has this name already.
    pub fn integer(self, name: impl Into<String>, low: i64, high: i64) -> Result<Self> {
        if low <= high {
            return self.with(name.into(), Range::Integer(low, high));
        }
        let expected = "a first number that is at most the second";
        Err(wrong_range(&name.into(), expected, low as f64, high as f64))
    }

    /// Adds a choice of names, numbers or whole numbers. An option may occur several times, and is
    /// more probable then.
    ///
    /// # Errors
    /// - [`Error::Empty`] without options.
    /// - [`Error::InvalidSetting`] if a parameter has this name already.
    pub fn choice(
        self,
        name: impl Into<String>,
        options: impl IntoIterator<Item = impl Into<Setting>>,
    ) -> Result<Self> {
        let options: Vec<_> = options.into_iter().map(Into::into).collect();
        check_not_empty("options of a choice", &options)?;
        self.with(name.into(), Range::Choice(options))
    }

    /// Removes a parameter, for example of a default space that gets another range for it.
    ///
    /// # Errors
    /// [`Error::UnknownName`] if there is no such parameter.
    pub fn without(mut self, name: &str) -> Result<Self> {
        let Some(index) = self.0.iter().position(|(other, _)| other == name) else {
            let known: Vec<_> = self.names().collect();
            return Err(Error::UnknownName {
                what: "parameter",
                known: bounded(known.join(", ")),
                got: bounded(name.to_string()),
            });
        };
        self.0.remove(index);
        Ok(self)
    }

    /// Returns the names of the parameters, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Draws the settings of a trial, which depend on the space, the seed and the number of the
    /// trial only.
    pub fn draw(&self, seed: u64, trial: u64) -> Settings {
        let mut rng = Rng::seed_from_u64(seed);
        rng.set_stream(FIRST_STREAM.wrapping_add(trial));
        let draw = |settings: Settings, (name, range): &(String, Range)| {
            settings.with(&**name, range.at(rng.next_u64()))
        };
        self.0.iter().fold(Settings::new(), draw)
    }

    /// Returns the settings of all trials, in order: an iterator without end.
    pub fn draws(&self, seed: u64) -> impl Iterator<Item = Settings> {
        (0..=u64::MAX).map(move |trial| self.draw(seed, trial))
    }

    fn with(mut self, name: String, range: Range) -> Result<Self> {
        if self.names().any(|other| other == name) {
            let (expected, got) = ("a name that no other parameter has", bounded(name));
            return Err(Error::invalid_setting("name of a parameter", expected, got));
        }
        self.0.push((name, range));
        Ok(self)
    }
}

impl Range {
    /// Returns the value for 64 random bits.
    fn at(&self, bits: u64) -> Setting {
        let u = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        let between = |low: f64, high: f64| low * (1.0 - u) + high * u;
        // Rounding must not leave the range.
        match self {
            Self::Uniform(low, high) => between(*low, *high).clamp(*low, *high).into(),
            Self::LogUniform(low, high) => {
                let logarithm = between(math::ln(*low), math::ln(*high));
                math::exp(logarithm).clamp(*low, *high).into()
            }
            Self::Integer(low, high) => {
                let count = (i128::from(*high) - i128::from(*low) + 1) as u128;
                let integer = i128::from(*low) + scaled(bits, count) as i128;
                (integer as i64).into()
            }
            Self::Choice(options) => options[scaled(bits, options.len() as u128) as usize].clone(),
        }
    }
}

/// Returns 64 random bits as a number below this count.
fn scaled(bits: u64, count: u128) -> u128 {
    (u128::from(bits) * count) >> 64
}

fn wrong_range(name: &str, expected: &str, low: f64, high: f64) -> Error {
    let expected = format!("{expected} for {}", bounded(name.to_string()));
    let got = format!("{} to {}", Number(low), Number(high));
    Error::invalid_setting("range of a parameter", expected, got)
}
