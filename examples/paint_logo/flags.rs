//! What the command line can say.

use std::fmt;
use std::iter;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Parser, ValueEnum};
use feedforward::{Activation, activation};

use crate::Result;

/// Teaches a picture to a small network, which then paints it. `--preset tutorial` is the tutorial's
/// network and scikit-learn's training, and with `--input raw` the tutorial's own run.
#[derive(Debug, Parser)]
#[command(name = "paint_logo")]
pub struct Flags {
    /// Picture to learn, PNG or JPEG; transparent parts are white [default: the logo of feedforward]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// Folder for painting.png and comparison.png, created when missing
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,

    /// Paint so many times larger: the network is defined between the pixels too
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub scale: u32,

    /// What flags that are not given mean: the best picture, or the tutorial's
    #[arg(long, value_name = "NAME", value_enum, default_value_t = Preset::Paint)]
    pub preset: Preset,

    /// Sizes of the hidden layers, as in 64,64 or 100x10 (ten of 100) [default: 100x9, tutorial 100x10]
    #[arg(long, value_name = "SIZES")]
    hidden: Option<Hidden>,

    /// Activation of the hidden layers, as in tanh or leaky_relu(0.1)
    #[arg(long, value_name = "NAME", default_value = "relu", value_parser = activation::parse::<f32>)]
    pub activation: Arc<dyn Activation<f32>>,

    /// Rule by which gradients change the network [default: muon, tutorial adam]
    #[arg(long, value_name = "NAME", value_enum)]
    optimizer: Option<Optimizer>,

    /// Learning rate [default: 0.001, for sgd and adagrad 0.01, for muon 0.02]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,

    /// Pixels in a minibatch [default: 500, tutorial 200, or all if there are fewer]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,

    /// Most passes over the picture [default: 40, tutorial 200]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,

    /// Stop after more than so many epochs in a row without a loss 0.0001 below the best
    /// [default: never, tutorial 10]
    #[arg(long, value_name = "N")]
    patience: Option<usize>,

    /// Where initial weights and the order of the pixels come from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Row and column as they are, scaled to [-1, 1], or sines and cosines of them
    /// [default: fourier, tutorial centred]
    #[arg(long, value_name = "KIND", value_enum)]
    input: Option<Input>,

    /// Directions of the sines and cosines of `--input fourier`
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub frequencies: usize,

    /// How fine the detail of `--input fourier` is
    #[arg(long, value_name = "SIGMA", default_value_t = 3.0)]
    pub sigma: f64,
}

/// What flags that are not given mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Preset {
    /// Fourier features, Muon, and a learning rate that falls along a cosine.
    Paint,
    /// What the tutorial does with scikit-learn, on centred inputs.
    Tutorial,
}

/// Reads the command line.
pub fn read() -> Result<Flags> {
    match Flags::try_parse() {
        Ok(flags) => Ok(flags),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp) => error.exit(),
        Err(error) => Err(in_one_line(&error).into()),
    }
}

/// What is wrong, without clap's advice on usage.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .collect();
    let line = lines.join(" ");
    line.trim().trim_start_matches("error: ").to_string()
}

impl Flags {
    fn either<V>(&self, paint: V, tutorial: V) -> V {
        match self.preset {
            Preset::Paint => paint,
            Preset::Tutorial => tutorial,
        }
    }

    pub fn hidden(&self) -> Hidden {
        let default = || Hidden(vec![(100, self.either(9, 10))]);
        self.hidden.clone().unwrap_or_else(default)
    }

    pub fn optimizer(&self) -> Optimizer {
        let default = self.either(Optimizer::Muon, Optimizer::Adam);
        self.optimizer.unwrap_or(default)
    }

    pub fn input(&self) -> Input {
        let default = self.either(Input::Fourier, Input::Centred);
        self.input.unwrap_or(default)
    }

    pub fn epochs(&self) -> usize {
        self.epochs.unwrap_or(self.either(40, 200))
    }

    pub fn batch(&self, pixels: usize) -> usize {
        self.batch.unwrap_or(pixels.min(self.either(500, 200)))
    }

    /// Epochs in a row without enough improvement that are put up with.
    pub fn patience(&self) -> Option<usize> {
        self.patience.or(self.either(None, Some(10)))
    }

    pub fn learning_rate(&self) -> f64 {
        self.learning_rate.unwrap_or(match self.optimizer() {
            Optimizer::Muon => 2e-2,
            Optimizer::Sgd | Optimizer::Adagrad => 1e-2,
            _ => 1e-3,
        })
    }
}

/// Groups of equal hidden layers: neurons in each, and how many layers.
#[derive(Clone, Debug)]
pub struct Hidden(pub Vec<(usize, usize)>);

impl Hidden {
    /// Weights and biases of these layers, or the largest number there is if that is less.
    pub fn parameters(&self, inputs: usize) -> usize {
        let sizes = self
            .0
            .iter()
            .flat_map(|&(neurons, count)| iter::repeat_n(neurons, count));
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

/// The optimizers by name.
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

/// How row and column are given to the network.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Input {
    Raw,
    #[value(alias = "centered")]
    Centred,
    Fourier,
}
