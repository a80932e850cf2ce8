//! A picture, the network that learns it, and the state of its training.

use std::iter;
use std::ops::ControlFlow;

use clap::Parser;
use feedforward::train::TrainingEvent;
use feedforward::{Error, Mlp, Samples, StopReason, Trainer, TrainerState};
use image::{RgbImage, RgbaImage};

use crate::canvas::Canvas;
use crate::decode::on_ground;
use crate::flags::Flags;
use crate::hidden::{self, Hidden, SIDE};
use crate::painter::{Result, network, trainer};
use crate::picture::{Picture, psnr_between};
use crate::values::Values;

/// Maximum number of neurons of a layer to show.
const MOST_SHOWN: usize = 128;

/// Training run that advances on request.
#[derive(Debug)]
pub struct Painting {
    picture: Picture,
    canvas: Canvas,
    net: Mlp<f32>,
    trainer: Trainer<f32>,
    state: TrainerState<f32>,
    inputs: Vec<f32>,
    targets: Vec<f32>,
}

/// Result of a slice of training.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// Number of minibatches.
    pub updates: usize,
    /// Sum of their losses.
    pub losses: f64,
    /// `true` if the training run is over.
    pub is_over: bool,
}

impl Painting {
    /// Prepares to learn a picture, as `paint_logo` would with these flags.
    ///
    /// # Errors
    /// If a flag is wrong, or does not fit the picture.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>, picture: RgbaImage) -> Result<Self> {
        let words = iter::once("paint_logo").chain(words);
        let flags = Flags::try_parse_from(words).map_err(|error| in_one_line(&error))?;
        if flags.seconds().is_some() {
            return Err("--seconds: the page has no clock".into());
        }
        let picture = Picture::new(on_ground(picture.into(), [255; 3]), String::new());
        let canvas = Canvas::new(picture.image().dimensions(), &flags)?;
        let net = network(&flags, &canvas)?;
        let pixels = picture.image().pixels().len();
        let batch = flags.batch(pixels);
        let trainer = trainer(&flags, batch, None::<feedforward::schedule::Cosine>);
        let (inputs, targets) = picture.labelled_set(&canvas);
        Ok(Self {
            state: trainer.init_state(&net)?,
            picture,
            canvas,
            net,
            trainer,
            inputs,
            targets,
        })
    }

    /// Trains for at most `updates` updates.
    ///
    /// # Errors
    /// If training diverges.
    pub fn train(&mut self, updates: usize) -> Result<Slice> {
        let samples = Samples::new(&self.inputs, &self.targets);
        let (mut done, mut losses) = (0, 0.0);
        let stopped_by =
            self.trainer
                .resume_with(&mut self.net, &mut self.state, &samples, |event, _| {
                    if let TrainingEvent::Update(update) = event {
                        done += 1;
                        losses += update.loss;
                    }
                    if done < updates {
                        ControlFlow::Continue(())
                    } else {
                        ControlFlow::Break(())
                    }
                })?;
        Ok(Slice {
            updates: done,
            losses,
            is_over: stopped_by != StopReason::Callback,
        })
    }

    /// Starts another training run, from the current network.
    ///
    /// # Errors
    /// Never in practice, because the network belongs to the trainer.
    pub fn restart(&mut self) -> Result<()> {
        self.state.restart(&self.trainer, &self.net)?;
        Ok(())
    }

    /// Returns the number of pixels seen, with repetitions.
    pub fn pixels_seen(&self) -> u64 {
        self.state.samples_seen()
    }

    /// Returns the number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.net.params().len()
    }

    /// Returns the painting in the picture's size, and its PSNR in decibels over 8-bit values.
    ///
    /// # Errors
    /// If a color overflows because training diverges.
    pub fn paint(&self) -> Result<(RgbImage, f64)> {
        let painting = self.canvas.paint(&self.net, self.canvas.size());
        let painting = painting.map_err(explained)?;
        let psnr = psnr_between(&painting, self.picture.image())?;
        Ok((painting, psnr))
    }

    /// Returns a pixel of the painting and of the picture: red, green and blue from 0 to 1.
    ///
    /// # Errors
    /// If the picture has no such pixel.
    pub fn pixel(&self, row: u32, column: u32) -> Result<[Vec<f32>; 2]> {
        let (columns, rows) = self.canvas.size();
        if row >= rows || column >= columns {
            return Err(format!(
                "a picture of {rows} rows of {columns} pixels has no ({row}, {column})"
            )
            .into());
        }
        let inputs = self.canvas.inputs([(row.into(), column.into())]);
        Ok([
            self.net.predict(&inputs)?,
            self.picture.color(row, column).to_vec(),
        ])
    }

    /// Returns the hidden layers to show: the index of each, and its number of neurons. There are
    /// none if a layer is too large to show.
    pub fn layers(&self) -> Vec<(usize, usize)> {
        if hidden::check(&self.net).is_err() {
            return Vec::new();
        }
        let shown = hidden::shown_layers(self.hidden());
        let layers = self.net.layers().map(|layer| layer.outputs()).enumerate();
        layers.filter(|(index, _)| shown.contains(index)).collect()
    }

    /// Returns the number of hidden layers.
    pub fn hidden(&self) -> usize {
        self.net.depth() - 1
    }

    /// Returns the kind of the encoding, and its number of outputs.
    pub fn encoding(&self) -> Option<(String, usize)> {
        let encoding = self.net.encoding()?;
        let name = encoding.name();
        let kind = name.split('(').next().unwrap_or_default();
        Some((kind.to_string(), encoding.outputs()))
    }

    /// Returns a hidden layer with the maps of its neurons, at most 128.
    ///
    /// # Errors
    /// If the network has no such layer, a layer is too large to show, or an output overflows
    /// because training diverges.
    pub fn neurons(&self, index: usize) -> Result<Hidden> {
        hidden::check(&self.net)?;
        let layers: Vec<_> = self.net.layers().collect();
        let count = self.hidden();
        if index >= count {
            return Err(format!("expected a hidden layer below {count}, got {index}").into());
        }
        let size = hidden::size_of_maps(&self.canvas, SIDE);
        let mut values = self.canvas.inputs_of(size, 0..size.1, 1);
        if let Some(encoding) = self.net.encoding() {
            let learned = &self.net.params()[self.net.layout().encoding()];
            values = encoding.encode(learned, &values)?;
        }
        let values = Mlp::from_layers(&layers[..=index])?.predict(&values);
        let values = values.map_err(|error| explained(error.into()))?;
        let pair = &layers[index..index + 2];
        let values = Values {
            all: &values,
            neurons: pair[0].outputs(),
            size,
        };
        let (most, in_row) = (MOST_SHOWN, MOST_SHOWN);
        Ok(hidden::layer(&self.net, index, pair, values, most, in_row))
    }

    /// Returns a model file of the network and its canvas, for `paint_logo --load`.
    ///
    /// # Errors
    /// Never in practice, because encoding and network fit each other.
    pub fn model(&self) -> Result<Vec<u8>> {
        Ok(self.canvas.with_network(&self.net).to_bytes()?)
    }
}

/// Names divergence as the reason of an overflow.
fn explained(error: Box<dyn std::error::Error>) -> Box<dyn std::error::Error> {
    match error.downcast_ref() {
        Some(Error::Overflow { .. }) => format!("training diverged: {error}").into(),
        _ => error,
    }
}

/// Returns the message of an error, without clap's advice on usage.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().map(str::trim);
    let lines: Vec<_> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .collect();
    let line = lines.join(" ");
    line.trim().trim_start_matches("error: ").to_string()
}
