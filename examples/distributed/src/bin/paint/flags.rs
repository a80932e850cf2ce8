//! What the command line can say.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Teaches a picture to a network on all ranks that mpirun started, as `paint_logo` does alone,
/// with the same bits.
#[derive(Clone, Debug, Parser)]
#[command(name = "paint")]
pub struct Flags {
    /// Picture to learn, a PNG; transparent parts are white [default: the logo of feedforward]
    #[arg(long, value_name = "FILE")]
    pub image: Option<PathBuf>,

    /// Folder for painting.png and model.safetensors, which `paint_logo --load` paints with
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub out: PathBuf,

    /// Passes over the picture
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub epochs: usize,

    /// Pixels in a minibatch: at most 1 rank for each 96 of them has work, and at most 16
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub batch: usize,

    /// Learning rate
    #[arg(long, value_name = "RATE", default_value_t = 0.02)]
    pub learning_rate: f64,

    /// Add gradients up by MPI's own all-reduce, whose bits depend on the number of ranks
    #[arg(long)]
    pub allreduce: bool,

    /// Threads of each rank
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,

    /// Keep the state of the training in this file, and go on from it if it is there
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,

    /// Where initial weights and the order of the pixels come from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Directions of the sines and cosines that a place is given as
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub frequencies: usize,

    /// How fine their detail is
    #[arg(long, value_name = "SIGMA", default_value_t = 3.0)]
    pub sigma: f64,

    /// Paint so many times larger
    #[arg(long, value_name = "N")]
    pub scale: Option<u32>,
}

impl Flags {
    /// How places are given to the network: as the canvas asks.
    #[allow(clippy::unused_self)] // the shape of paint_logo's
    pub fn input(&self) -> Input {
        Input::Fourier
    }
}

/// Those of `paint_logo`, whose canvas knows them all.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[allow(dead_code)]
pub enum Input {
    /// Row and column.
    Raw,
    /// The same, scaled to [-1, 1].
    Centered,
    /// Sines and cosines of them.
    Fourier,
}
