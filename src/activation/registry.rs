//! Built-in activations by name.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::range::Range;
use super::{
    Activation, Celu, Elu, Exponential, Gaussian, Gelu, GeluTanh, Glu, HardShrink, HardSigmoid,
    HardSwish, HardTanh, Heaviside, Identity, LeakyRelu, LogSigmoid, Maxout, Mish, Relu, Relu6,
    Selu, Sigmoid, Silu, Sine, SoftShrink, Softplus, Softsign, Squareplus, SwiGlu, Tanh,
    Tanhshrink,
};
use crate::error::{Error, Result, bounded};
use crate::float::Float;

/// What the table knows of one activation.
struct Entry<T> {
    name: &'static str,
    aliases: &'static [&'static str],
    parameter: Option<Parameter>,
    /// Called with the parameter, or with 0 if there is none.
    build: fn(f64) -> Arc<dyn Activation<T>>,
}

struct Parameter {
    symbol: &'static str,
    /// What it is where one has to be chosen.
    customary: f64,
    /// Whether the bare name means that.
    implied: bool,
    range: Range,
}

/// Every built-in, in the order in which they are listed: the one place that knows them all.
#[rustfmt::skip] // one line for each
fn table<T: Float>() -> [Entry<T>; 30] {
    [
        plain(Identity::NAME, &["linear"], |_| Arc::new(Identity)),
        plain(Heaviside::NAME, &["heaviside"], |_| Arc::new(Heaviside)),
        plain(Relu::NAME, &[], |_| Arc::new(Relu)),
        plain(Relu6::NAME, &[], |_| Arc::new(Relu6)),
        family(LeakyRelu::NAME, "slope", LeakyRelu::default().slope, LeakyRelu::RANGE, |slope| Arc::new(LeakyRelu { slope })),
        plain(HardTanh::NAME, &[], |_| Arc::new(HardTanh)),
        family(HardSigmoid::NAME, "slope", 0.2, HardSigmoid::RANGE, |slope| Arc::new(HardSigmoid { slope })).explicit(),
        plain(Sigmoid::NAME, &["logistic"], |_| Arc::new(Sigmoid)),
        plain(LogSigmoid::NAME, &[], |_| Arc::new(LogSigmoid)),
        plain(Tanh::NAME, &[], |_| Arc::new(Tanh)),
        plain(Softsign::NAME, &[], |_| Arc::new(Softsign)),
        plain(Exponential::NAME, &["exp"], |_| Arc::new(Exponential)),
        family(Elu::NAME, "alpha", Elu::default().alpha, Elu::RANGE, |alpha| Arc::new(Elu { alpha })),
        family(Celu::NAME, "alpha", Celu::default().alpha, Celu::RANGE, |alpha| Arc::new(Celu { alpha })),
        plain(Selu::NAME, &[], |_| Arc::new(Selu)),
        family(Softplus::NAME, "beta", Softplus::default().beta, Softplus::RANGE, |beta| Arc::new(Softplus { beta })),
        family(Squareplus::NAME, "b", Squareplus::default().b, Squareplus::RANGE, |b| Arc::new(Squareplus { b })),
        plain(Gelu::NAME, &["gelu_erf"], |_| Arc::new(Gelu)),
        plain(GeluTanh::NAME, &[], |_| Arc::new(GeluTanh)),
        plain(Silu::NAME, &["swish"], |_| Arc::new(Silu)),
        plain(HardSwish::NAME, &["hard_silu"], |_| Arc::new(HardSwish)),
        plain(Mish::NAME, &[], |_| Arc::new(Mish)),
        plain(Tanhshrink::NAME, &[], |_| Arc::new(Tanhshrink)),
        family(SoftShrink::NAME, "lambda", SoftShrink::default().lambda, SoftShrink::RANGE, |lambda| Arc::new(SoftShrink { lambda })),
        family(HardShrink::NAME, "lambda", HardShrink::default().lambda, HardShrink::RANGE, |lambda| Arc::new(HardShrink { lambda })),
        family(Sine::NAME, "omega", Sine::default().omega, Sine::RANGE, |omega| Arc::new(Sine { omega })),
        plain(Gaussian::NAME, &[], |_| Arc::new(Gaussian)),
        family(Maxout::NAME, "pieces", Maxout::default().pieces as f64, Maxout::RANGE, |pieces| Arc::new(Maxout::new(pieces as usize))),
        plain(Glu::NAME, &[], |_| Arc::new(Glu)),
        plain(SwiGlu::NAME, &[], |_| Arc::new(SwiGlu)),
    ]
}

/// An activation without parameter.
fn plain<T>(
    name: &'static str,
    aliases: &'static [&'static str],
    build: fn(f64) -> Arc<dyn Activation<T>>,
) -> Entry<T> {
    Entry {
        name,
        aliases,
        parameter: None,
        build,
    }
}

/// An activation with a parameter, whose bare name means the customary one.
fn family<T>(
    name: &'static str,
    symbol: &'static str,
    customary: f64,
    range: Range,
    build: fn(f64) -> Arc<dyn Activation<T>>,
) -> Entry<T> {
    let parameter = Some(Parameter {
        symbol,
        customary,
        implied: true,
        range,
    });
    Entry {
        name,
        aliases: &[],
        parameter,
        build,
    }
}

impl<T: Float> Entry<T> {
    /// The same, with a parameter that must be given, because customs differ.
    fn explicit(mut self) -> Self {
        if let Some(parameter) = &mut self.parameter {
            parameter.implied = false;
        }
        self
    }

    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// How to write it, as in `leaky_relu(slope)`.
    fn form(&self) -> String {
        match &self.parameter {
            None => self.name.to_string(),
            Some(Parameter { symbol, .. }) => format!("{}({symbol})", self.name),
        }
    }

    /// The parameter that `written` means, `None` being the bare name.
    fn read(&self, written: Option<&str>) -> Option<f64> {
        match (&self.parameter, written) {
            (None, None) => Some(0.0),
            (None, Some(_)) => None,
            (Some(parameter), None) => parameter.implied.then_some(parameter.customary),
            (Some(parameter), Some(written)) => {
                let x: f64 = written.trim().parse().ok()?;
                parameter.range.fits::<T>(x).then_some(x)
            }
        }
    }
}

/// The names of the built-in activations, without parameters.
pub fn names() -> impl Iterator<Item = &'static str> {
    table::<f64>().into_iter().map(|entry| entry.name)
}

/// Every built-in activation, with its customary parameter if it has one.
pub fn all<T: Float>() -> Vec<Arc<dyn Activation<T>>> {
    let customary = |entry: &Entry<T>| entry.parameter.as_ref().map_or(0.0, |p| p.customary);
    table()
        .iter()
        .map(|entry| (entry.build)(customary(entry)))
        .collect()
}

/// The built-in activation of that [`name`](Activation::name), as in `relu` or
/// `leaky_relu(0.1)`.
///
/// A name without its parameter means the type's default; only `hard_sigmoid` has none. Some
/// names from elsewhere are understood: `linear` (identity), `heaviside` (step), `logistic`
/// (sigmoid), `exp` (exponential), `swish` (silu), `hard_silu` (hard_swish), `gelu_erf` (gelu).
///
/// # Errors
/// [`Error::UnknownName`] if there is no such activation; [`Error::OutOfRange`] if its
/// parameter is missing, superfluous, no number or outside its range.
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
    let text = text.trim();
    let (name, parameter) = match text.split_once('(') {
        None => (text, None),
        // Without its bracket nothing is left to read, which no parameter is.
        Some((name, rest)) => (name.trim_end(), Some(rest.strip_suffix(')').unwrap_or(""))),
    };
    let table = table();
    let Some(entry) = table.iter().find(|entry| entry.answers_to(name)) else {
        let forms: Vec<_> = table.iter().map(Entry::form).collect();
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
    Ok((entry.build)(parameter))
}
