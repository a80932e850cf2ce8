//! The flags of the command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Teaches a picture to a network on all ranks that mpirun starts. The results are bit-identical to
/// those of `paint_logo --preset fourier`.
#[derive(Clone, Debug, Parser)]
#[command(name = "paint")]
pub struct Flags {
    /// Picture to learn, a PNG. Transparent parts become white [default: the logo of feedforward]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// Folder to write to, created if missing
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,

    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub epochs: usize,

    /// Number of pixels in a minibatch. At most one rank per 96 pixels has work, and at most 16
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub batch: usize,

    /// Learning rate
    #[arg(long, value_name = "RATE", default_value_t = 0.02)]
    pub learning_rate: f64,

    /// Add gradients up by MPI's all-reduce, with bits that depend on the number of ranks
    #[arg(long)]
    pub allreduce: bool,

    /// Number of threads per rank
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,

    /// Keep the state of the training run in this file, and resume from it if it exists
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,

    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Number of sines, and of cosines, in the input of the network
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub frequencies: usize,

    /// Standard deviation of their frequencies. Larger values give finer detail
    #[arg(long, value_name = "SIGMA", default_value_t = 3.0)]
    pub sigma: f64,

    /// Paint N times larger [default: 4, or less for large pictures]
    #[arg(long, value_name = "N")]
    pub scale: Option<u32>,

    /// Print no progress
    #[arg(long)]
    pub quiet: bool,
}

impl Flags {
    /// Returns the form in which the network gets row and column.
    #[allow(clippy::unused_self)] // the canvas calls it as paint_logo's
    pub fn input(&self) -> Input {
        Input::Fourier
    }
}

/// Form in which the network gets row and column, as in `paint_logo`.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[allow(dead_code)] // this program has Fourier features only; the canvas asks for all forms
pub enum Input {
    /// Row and column.
    Raw,
    /// Row and column, scaled to [-1, 1].
    Centered,
    /// Sines and cosines of them.
    Fourier,
    /// A learned grid.
    Grid,
}
