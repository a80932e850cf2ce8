//! A picture, the network that learns it, and how far it is.

use std::iter;
use std::ops::ControlFlow;

use feedforward::train::TrainingEvent;
use feedforward::{Error, Mlp, Samples, StopReason, Trainer, TrainerState};
use image::{RgbImage, RgbaImage};

use crate::canvas::Canvas;
use crate::flags;
use crate::painter::{Result, network, trainer};
use crate::picture::{Picture, psnr_between};

/// A training that goes on whenever it is told to.
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

/// What a slice of training was like.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// How many minibatches there were.
    pub updates: usize,
    /// The sum of their losses.
    pub losses: f64,
    /// Whether there is more to come.
    pub is_over: bool,
}

impl Painting {
    /// Begins to learn a picture, as `paint_logo` would with these flags.
    ///
    /// # Errors
    /// If a flag is wrong, or does not fit the picture.
    pub fn new<'a>(words: impl IntoIterator<Item = &'a str>, picture: RgbaImage) -> Result<Self> {
        let flags = flags::read(iter::once("paint_logo").chain(words))?;
        if flags.seconds().is_some() {
            return Err("--seconds: there is no clock here".into());
        }
        let picture = Picture::new(picture.into(), String::new());
        let canvas = Canvas::new(picture.image().dimensions(), &flags)?;
        let net = network(&flags, &canvas)?;
        let pixels = picture.image().pixels().len();
        let batch = flags.batch(pixels);
        let trainer = trainer(&flags, batch, None::<feedforward::schedule::Cosine>);
        let (inputs, targets) = picture.labelled_set(&canvas)?;
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

    /// Trains for at most so many updates.
    ///
    /// # Errors
    /// If the training diverges.
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

    /// Lets a training that is over begin anew, from where the network is.
    ///
    /// # Errors
    /// None that could be expected: the network is the trainer's own.
    pub fn restart(&mut self) -> Result<()> {
        self.state.restart(&self.trainer, &self.net)?;
        Ok(())
    }

    /// Pixels that were learned from, each as often as it was seen.
    pub fn pixels_seen(&self) -> u64 {
        self.state.samples_seen()
    }

    /// Weights and biases.
    pub fn parameters(&self) -> usize {
        self.net.params().len()
    }

    /// The painting in the picture's size, and how near it comes in decibels over 8-bit values.
    ///
    /// # Errors
    /// If a color overflows: the training diverges.
    pub fn paint(&self) -> Result<(RgbImage, f64)> {
        let painting = self.canvas.paint(&self.net, self.canvas.size());
        let painting = painting.map_err(|error| match error.downcast_ref() {
            Some(Error::Overflow { .. }) => format!("training diverged: {error}").into(),
            _ => error,
        })?;
        let psnr = psnr_between(&painting, self.picture.image())?;
        Ok((painting, psnr))
    }

    /// What the network gives for a pixel, and what it should, red, green and blue from 0 to 1.
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
        let inputs = self.canvas.inputs([(row.into(), column.into())])?;
        Ok([
            self.net.predict(&inputs)?,
            self.picture.color(row, column).to_vec(),
        ])
    }

    /// The network and what it takes to paint with it, as `paint_logo --load` reads it.
    ///
    /// # Errors
    /// None that could be expected: encoding and network fit each other.
    pub fn model(&self) -> Result<Vec<u8>> {
        Ok(self.canvas.with_network(&self.net).to_bytes()?)
    }
}
