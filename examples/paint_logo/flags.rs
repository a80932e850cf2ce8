//! The flags of the command line.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use feedforward::init::{ScikitLearn, Siren};
use feedforward::{Activation, Initializer, activation};

use crate::canvas::MOST_SUBPIXELS;
use crate::painter::MOST_PARAMETERS;

// The package of the browser page includes this file too.
#[path = "values.rs"]
mod values;

pub use values::{Hidden, Input, Optimizer, Preset, Style};
use values::{color, loss, parameters, seconds};

/// Teaches a picture to a small network, which then paints it. `--preset tutorial` chooses the
/// tutorial's network and scikit-learn's training. With `--input raw` it is the tutorial's own run.
#[derive(Clone, Debug, Parser)]
#[command(name = "paint_logo")]
#[allow(clippy::struct_excessive_bools)] // each is a flag
pub struct Flags {
    /// Picture to learn, a PNG, a JPEG, or the first frame of a GIF
    /// [default: the logo of feedforward]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// Color of transparent parts: white, gray, black, or a number such as #ff8000
    #[arg(long, value_name = "COLOR", default_value = "white", value_parser = color)]
    pub ground: [u8; 3],

    /// Folder to write to, created if missing
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,

    /// Also paint N times larger, beside nearest and bicubic enlargements, unless N is 1
    /// [default: 4, or less for large pictures]
    #[arg(long, value_name = "N")]
    pub scale: Option<u32>,

    /// True picture in the enlarged size, to compare the enlargements with
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,

    /// Learn each pixel as the mean over N x N points, as a camera sees it, and not as the color of
    /// its center. Enlargements get sharper, and training takes more than N x N times longer
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with_all = ["race", "load", "checkpoint"],
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_SUBPIXELS)))]
    pub subpixels: u32,

    /// Also show each neuron's output over the picture, layer by layer. Writes neurons.png
    #[arg(long)]
    pub neurons: bool,

    /// Train five networks for equal times: as in the tutorial, with Muon, with Fourier features,
    /// with both, and with a grid. Names the winner, and writes race.png and race.gif
    /// [default of --seconds: 3]
    #[arg(long, conflicts_with_all = ["preset", "optimizer", "input", "style", "epochs", "seeds", "patience", "until_loss", "reference", "scale", "neurons"])]
    pub race: bool,

    /// Train with N seeds, from `--seed` on, and print the medians. Writes no pictures
    #[arg(long, value_name = "N", conflicts_with_all = ["reference", "scale", "neurons"],
          value_parser = clap::value_parser!(u32).range(1..))]
    pub seeds: Option<u32>,

    /// Write the trained network to this file, for `--load`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["race", "seeds"])]
    pub save: Option<PathBuf>,

    /// Paint with a network that `--save` wrote, without training. Writes painting.png in the size
    /// of the learned picture, or `--scale` times larger
    #[arg(long, value_name = "FILE", conflicts_with_all = ["image", "ground", "preset", "style", "hidden", "parameters", "activation", "optimizer", "learning_rate", "batch", "epochs", "seconds", "patience", "until_loss", "input", "frequencies", "sigma", "race", "seeds", "reference", "save", "checkpoint"])]
    pub load: Option<PathBuf>,

    /// Keep the state of the training run in this file, and resume from it if it exists
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seconds", "race", "seeds"])]
    pub checkpoint: Option<PathBuf>,

    /// Print no progress
    #[arg(long)]
    pub quiet: bool,

    /// Show no preview of target and painting in the terminal
    #[arg(long)]
    pub no_preview: bool,

    /// Defaults of the other flags. With `--style`, `--input`, `--frequencies` or `--sigma`, the
    /// default is fourier [default: grid]
    #[arg(long, value_name = "NAME", value_enum)]
    preset: Option<Preset>,

    /// Sizes of the hidden layers, such as 64,64 or 100x10 (ten of 100)
    /// [default: 48x2, fourier 100x9, tutorial 100x10]
    #[arg(long, value_name = "SIZES")]
    hidden: Option<Hidden>,

    /// Maximum number of parameters. Only a grid has a default
    /// [default: 2.5 for each pixel, from 25000 to 250000]
    #[arg(long, value_name = "N", value_parser = parameters)]
    parameters: Option<usize>,

    /// Kind of hidden layers, which decides how the painting looks between the pixels
    #[arg(long, value_name = "NAME", value_enum, conflicts_with = "activation")]
    style: Option<Style>,

    /// Activation of the hidden layers, such as tanh or leaky_relu(0.1) [default: relu]
    #[arg(long, value_name = "NAME", value_parser = activation::parse::<f32>)]
    activation: Option<Arc<dyn Activation<f32>>>,

    /// Name of the optimizer [default: adam, fourier muon]
    #[arg(long, value_name = "NAME", value_enum)]
    optimizer: Option<Optimizer>,

    /// Learning rate [default: 0.02 for muon, 0.0003 for muon with `--style sine`, 0.01 for sgd,
    /// adagrad and adam with a grid, 0.001 for others]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,

    /// Number of pixels in a minibatch. The grid's default depends on the picture's size
    /// [default: 125 to 4096, fourier 500, tutorial 200, or all]
    #[arg(long, value_name = "N")]
    batch: Option<usize>,

    /// Number of epochs [default: 40, tutorial 200, unlimited with `--seconds`]
    #[arg(long, value_name = "N")]
    epochs: Option<usize>,

    /// Maximum number of seconds of training [the learning rate then falls with time]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,

    /// Stop after an epoch whose loss is at most this
    #[arg(long, value_name = "LOSS", value_parser = loss)]
    pub until_loss: Option<f64>,

    /// Stop after more than N epochs in a row that do not lower the best loss by 0.0001
    /// [default: never, tutorial 10]
    #[arg(long, value_name = "N")]
    patience: Option<usize>,

    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Number of threads [default: one for each core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,

    /// Row and column as they are, scaled to [-1, 1], as sines and cosines, or in a learned grid.
    /// The tutorial's default is centered [default: that of the preset]
    #[arg(long, value_name = "KIND", value_enum)]
    input: Option<Input>,

    /// Number of sines, and of cosines, of `--input fourier`
    /// [default: 50]
    #[arg(long, value_name = "N")]
    frequencies: Option<usize>,

    /// Standard deviation of the frequencies of `--input fourier`. Larger values give finer detail
    /// [default: 3]
    #[arg(long, value_name = "SIGMA")]
    sigma: Option<f64>,
}

/// The frequency of `--style sine`.
const OMEGA: f64 = 30.0;

impl Flags {
    /// Returns the default of the preset.
    fn of_preset<V>(&self, grid: V, fourier: V, tutorial: V) -> V {
        match self.preset() {
            Preset::Grid => grid,
            Preset::Fourier => fourier,
            Preset::Tutorial => tutorial,
        }
    }

    pub fn hidden(&self) -> Hidden {
        let default = || Hidden(vec![self.of_preset((48, 2), (100, 9), (100, 10))]);
        self.hidden.clone().unwrap_or_else(default)
    }

    /// Returns the maximum number of parameters.
    pub fn most_parameters(&self) -> usize {
        self.parameters.unwrap_or(MOST_PARAMETERS)
    }

    /// Returns the maximum number of parameters of a grid and the layers for this many pixels.
    pub fn parameters(&self, pixels: usize) -> usize {
        let default = (5 * pixels / 2).clamp(25_000, 250_000);
        self.parameters.unwrap_or(default)
    }

    pub fn optimizer(&self) -> Optimizer {
        let default = self.of_preset(Optimizer::Adam, Optimizer::Muon, Optimizer::Adam);
        self.optimizer.unwrap_or(default)
    }

    pub fn input(&self) -> Input {
        let default = match self.style {
            // Waves and bells need no Fourier features before them.
            Some(Style::Sine | Style::Gaussian) => Input::Centered,
            _ => self.of_preset(Input::Grid, Input::Fourier, Input::Centered),
        };
        self.input.unwrap_or(default)
    }

    /// Returns the maximum number of epochs, or `None` if time alone decides.
    pub fn epochs(&self) -> Option<usize> {
        let default = self
            .seconds()
            .is_none()
            .then_some(self.of_preset(40, 40, 200));
        self.epochs.or(default)
    }

    pub fn seconds(&self) -> Option<f64> {
        self.seconds.or(self.race.then_some(3.0))
    }

    pub fn activation(&self) -> Arc<dyn Activation<f32>> {
        let of_style = || match self.style {
            None | Some(Style::Relu) => Arc::new(activation::Relu) as Arc<dyn Activation<f32>>,
            Some(Style::Tanh) => Arc::new(activation::Tanh),
            Some(Style::Sine) => Arc::new(activation::Sine { omega: OMEGA }),
            Some(Style::Gaussian) => Arc::new(activation::Gaussian),
        };
        self.activation.clone().unwrap_or_else(of_style)
    }

    /// Returns the initializer, or `None` for the default of the crate. The tutorial's initial
    /// weights are scikit-learn's.
    pub fn initializer(&self) -> Option<Arc<dyn Initializer>> {
        match (self.style, self.preset()) {
            (Some(Style::Sine), _) => Some(Arc::new(Siren { omega: OMEGA })),
            (_, Preset::Tutorial) => Some(Arc::new(ScikitLearn)),
            (_, Preset::Grid | Preset::Fourier) => None,
        }
    }

    /// Returns the racers: names, and flags. All but the last differ only in optimizer and inputs.
    pub fn racers(&self) -> [(&'static str, Self); 5] {
        let large = || Hidden(vec![(100, 9)]);
        let racer = |preset, input| Self {
            preset: Some(preset),
            input: Some(input),
            hidden: match input {
                Input::Grid => self.hidden.clone(),
                _ => Some(self.hidden.clone().unwrap_or_else(large)),
            },
            patience: Some(usize::MAX),
            seconds: self.seconds(),
            ..self.clone()
        };
        [
            (
                "as in the tutorial",
                racer(Preset::Tutorial, Input::Centered),
            ),
            ("with Muon", racer(Preset::Fourier, Input::Centered)),
            (
                "with Fourier features",
                racer(Preset::Tutorial, Input::Fourier),
            ),
            ("with both", racer(Preset::Fourier, Input::Fourier)),
            ("with a grid", racer(Preset::Grid, Input::Grid)),
        ]
    }

    pub fn batch(&self, pixels: usize) -> usize {
        let grid = (pixels / 80).clamp(125, 4096);
        let default = self.of_preset(grid, 500, 200);
        self.batch.unwrap_or(pixels.min(default))
    }

    pub fn preset(&self) -> Preset {
        let of_fourier = match self.input {
            Some(Input::Grid) => false,
            Some(_) => true,
            None => self.style.is_some() || self.frequencies.is_some() || self.sigma.is_some(),
        };
        let default = if of_fourier {
            Preset::Fourier
        } else {
            Preset::Grid
        };
        self.preset.unwrap_or(default)
    }

    /// Returns the number of sines of `--input fourier`.
    pub fn frequencies(&self) -> usize {
        self.frequencies.unwrap_or(50)
    }

    /// Returns the standard deviation of the frequencies.
    pub fn sigma(&self) -> f64 {
        self.sigma.unwrap_or(3.0)
    }

    /// Returns a copy with another seed.
    pub fn with_seed(&self, seed: u64) -> Self {
        Self {
            seed,
            ..self.clone()
        }
    }

    /// Returns the number of epochs in a row without enough improvement to tolerate.
    pub fn patience(&self) -> Option<usize> {
        self.patience.or(self.of_preset(None, None, Some(10)))
    }

    pub fn learning_rate(&self) -> f64 {
        self.learning_rate.unwrap_or(match self.optimizer() {
            // The frequency multiplies the effect of each weight.
            Optimizer::Muon if matches!(self.style, Some(Style::Sine)) => 3e-4,
            Optimizer::Muon => 2e-2,
            Optimizer::Sgd | Optimizer::Adagrad => 1e-2,
            Optimizer::Adam if self.preset() == Preset::Grid => 1e-2,
            _ => 1e-3,
        })
    }
}
