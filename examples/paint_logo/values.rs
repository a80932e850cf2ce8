//! Values of the flags.

use std::fmt;
use std::iter;
use std::str::FromStr;

use clap::ValueEnum;

use crate::painter::MOST_PARAMETERS;

/// Set of defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// A learned grid before a small network, and a learning rate that falls along a cosine
    Grid,
    /// Fourier features, Muon, and a learning rate that falls along a cosine
    Fourier,
    /// The tutorial's training with scikit-learn, on centered inputs
    Tutorial,
}

pub(super) fn seconds(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(seconds) if seconds > 0.0 && seconds <= 1e9 => Ok(seconds),
        _ => Err("expected a number of seconds above 0, at most 1000000000".into()),
    }
}

pub(super) fn color(text: &str) -> std::result::Result<[u8; 3], String> {
    let part = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let is_number = || text.len() == 7 && !text.contains('+');
    match text.strip_prefix('#') {
        Some(_) if is_number() => match (part(1), part(3), part(5)) {
            (Some(r), Some(g), Some(b)) => Some([r, g, b]),
            _ => None,
        },
        Some(_) => None,
        None => match text {
            "white" => Some([255; 3]),
            "gray" => Some([128; 3]),
            "black" => Some([0; 3]),
            _ => None,
        },
    }
    .ok_or_else(|| "expected white, gray, black, or a number such as #ff8000".into())
}

pub(super) fn parameters(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=MOST_PARAMETERS) => Ok(count),
        _ => Err(format!("expected 1 to {MOST_PARAMETERS}")),
    }
}

pub(super) fn loss(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(loss) if loss >= 0.0 => Ok(loss),
        _ => Err("expected a number, 0 or above".into()),
    }
}

/// Groups of equal hidden layers: number of neurons, and number of layers.
#[derive(Clone, Debug)]
pub struct Hidden(pub Vec<(usize, usize)>);

impl Hidden {
    /// Returns the number of weights and biases of these layers and an output layer, at most
    /// `usize::MAX`.
    pub fn parameters(&self, inputs: usize, outputs: usize) -> usize {
        let hidden = self.0.iter();
        let hidden = hidden.flat_map(|&(neurons, count)| iter::repeat_n(neurons, count));
        let sizes = hidden.chain([outputs]);
        let (parameters, _) = sizes.fold((0_usize, inputs), |(sum, before), neurons| {
            let layer = before.saturating_add(1).saturating_mul(neurons);
            (sum.saturating_add(layer), neurons)
        });
        parameters
    }
}

impl FromStr for Hidden {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let group = |group: &str| {
            let (neurons, count) = group.split_once('x').unwrap_or((group, "1"));
            match (neurons.trim().parse(), count.trim().parse()) {
                (Ok(neurons @ 1..), Ok(count @ 1..=1000)) => Ok((neurons, count)),
                _ => Err("expected sizes such as 100x10 or 64,64".to_string()),
            }
        };
        text.split(',')
            .map(group)
            .collect::<std::result::Result<_, _>>()
            .map(Self)
    }
}

impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group = |&(neurons, count): &(usize, usize)| match count {
            1 => neurons.to_string(),
            _ => format!("{neurons}x{count}"),
        };
        f.write_str(&self.0.iter().map(group).collect::<Vec<_>>().join(","))
    }
}

/// Kind of hidden layers.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Style {
    /// Straight pieces with sharp folds
    Relu,
    /// Soft steps
    Tanh,
    /// Waves, on centered inputs (SIREN)
    Sine,
    /// Bells, on centered inputs
    Gaussian,
}

/// Name of an optimizer.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Optimizer {
    Sgd,
    RmsProp,
    Adagrad,
    Adam,
    AdamW,
    Nadam,
    Muon,
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// Form in which the network gets row and column.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Input {
    Raw,
    #[value(alias = "centred")]
    Centered,
    Fourier,
    Grid,
}
