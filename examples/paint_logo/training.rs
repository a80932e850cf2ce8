//! Training, and the records of it.

use std::ops::ControlFlow;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use feedforward::train::TrainingEvent;
use feedforward::{Encoding, Error, History, Mlp, Samples, StopReason, Trainer, TrainerState};
use image::RgbImage;

use crate::canvas::Canvas;
use crate::clock::{Clock, CosineInTime};
use crate::counted;
use crate::display::Display;
use crate::flags::Flags;
use crate::painter::{Result, network, trainer};
use crate::picture::{Picture, Sample};
use crate::subpixels;

/// Longer side of the paintings in the animation.
const FRAME: u32 = 128;

/// Factor of updates, or of seconds, from one record to the next.
const GROWTH: f64 = 1.15;

/// Time of the first record of `Recording::Seconds`.
const FIRST_SECONDS: f64 = 0.02;

/// Maximum number of neurons' outputs in a minibatch, so that memory suffices.
const MOST_OUTPUTS: usize = 1 << 29;

/// Training run and its network.
#[derive(Debug)]
pub struct Training<'a> {
    pub net: Mlp<f32>,
    pub canvas: Canvas,
    flags: &'a Flags,
    picture: &'a Picture,
    trainer: Trainer<f32>,
    pub clock: Clock,
    batches_in_epoch: u64,
}

/// Times of the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recording {
    /// Only at the end.
    End,
    /// After updates 1, 2, 3, ..., and later at growing distances.
    Updates,
    /// At growing distances in seconds.
    Seconds,
}

/// State of a training run at one time.
#[derive(Clone, Debug)]
pub struct Record {
    pub updates: u64,
    pub epochs: f64,
    pub seconds: f64,
    /// Mean loss of the minibatches since the previous record.
    pub loss: f64,
    /// PSNR of a sample of the pixels, or of all if they are few.
    pub psnr: f64,
    /// Small painting.
    pub frame: RgbImage,
}

/// Result of a training run.
#[derive(Debug)]
pub struct Outcome {
    pub history: History,
    pub stopped_by: StopReason,
    /// The last one shows the final network.
    pub records: Vec<Record>,
    /// Seconds of training at the end of each epoch.
    epoch_ends: Vec<f64>,
    /// Seconds of training, without the time for paintings.
    pub seconds: f64,
}

impl Outcome {
    /// Returns the loss of the last epoch, or of the minibatches before the first epoch ends.
    pub fn loss(&self) -> f64 {
        let of_record = || self.records.last().map_or(f64::NAN, |record| record.loss);
        let of_epoch = self.history.epochs.last().map(|epoch| epoch.loss);
        of_epoch.unwrap_or_else(of_record)
    }

    /// Returns the number of epochs as text, with a fraction if the last one is incomplete.
    pub fn epochs(&self) -> String {
        let epochs = self.records.last().map_or(0.0, |record| record.epochs);
        if epochs.fract() == 0.0 {
            format!("{epochs}")
        } else {
            format!("{:.3}", epochs.max(0.001))
        }
    }

    /// Returns the ratio of the last epoch's duration to the first one's, NaN without an epoch.
    pub fn slowdown(&self) -> f64 {
        match self.epoch_ends[..] {
            [] => f64::NAN,
            [_] => 1.0,
            [first, .., before, last] => (last - before) / first,
            [first, last] => (last - first) / first,
        }
    }
}

impl<'a> Training<'a> {
    pub fn new(flags: &'a Flags, picture: &'a Picture) -> Result<Self> {
        let canvas = Canvas::new(picture.image().dimensions(), flags)?;
        let canvas = canvas.with_subpixels(flags.subpixels);
        let clock = Clock::default();
        let pixels = picture.image().pixels().len();
        let batch = flags.batch(pixels);
        let net = network(flags, &canvas)?;
        // Subpixels divide a minibatch into parts.
        if flags.subpixels == 1 {
            check_batch(batch, &net)?;
        }
        let in_time = flags.seconds().map(|seconds| CosineInTime {
            clock: clock.clone(),
            seconds,
        });
        Ok(Self {
            net,
            canvas,
            flags,
            picture,
            trainer: trainer(flags, batch, in_time),
            clock,
            batches_in_epoch: pixels.div_ceil(batch.max(1)) as u64,
        })
    }

    /// Trains the network to predict each pixel's color from its row and column.
    pub fn run(&mut self, recording: Recording, title: &str) -> Result<Outcome> {
        let Self {
            net,
            canvas,
            flags,
            picture,
            trainer,
            clock,
            batches_in_epoch,
        } = self;
        let (inputs, targets) = picture.labelled_set(canvas);
        let mut display = Display::new(flags, canvas, picture, title);
        let mut recorder = Recorder {
            recording,
            canvas,
            sample: picture.sample(canvas),
            batches_in_epoch: *batches_in_epoch,
            losses: Vec::new(),
            records: Vec::new(),
            next: 0.0,
        };
        let checkpoint = flags.checkpoint.as_deref();
        let mut state = match checkpoint.filter(|path| path.exists()) {
            Some(path) => {
                let state = TrainerState::load(path, trainer, net)?;
                println!("Resumed   after {}", counted(state.epochs(), "epoch"));
                state
            }
            None => trainer.init_state(net)?,
        };
        let mut problem: Option<String> = None;
        let mut epoch_ends = Vec::new();
        clock.start();
        let on_event = |event: &TrainingEvent, net: &Mlp<f32>| {
            let continues = match event {
                TrainingEvent::Update(update) => {
                    let seconds = clock.trained();
                    recorder.losses.push(update.loss);
                    if recorder.is_due(update.number, seconds) || display.is_due() {
                        let seen = clock.paused(|| {
                            recorder.look(update.number, seconds, net)?;
                            let epochs = recorder.epochs(update.number);
                            let part = part_done(flags, epochs, seconds);
                            display.show(epochs, update, seconds, part, net, &recorder.sample)
                        });
                        // The trainer itself reports a network that overflows.
                        let seen = seen.err().filter(|error| !overflows(&**error));
                        problem = seen.map(|error| error.to_string());
                    }
                    !interrupted()
                        && problem.is_none()
                        && flags.seconds().is_none_or(|end| clock.trained() < end)
                }
                TrainingEvent::Epoch(epoch) => {
                    epoch_ends.push(clock.trained());
                    flags.until_loss.is_none_or(|enough| epoch.loss > enough)
                }
                _ => true,
            };
            if continues {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let result = if flags.subpixels == 1 {
            let samples = Samples::new(&inputs, &targets);
            trainer.resume_with(net, &mut state, &samples, on_event)
        } else {
            subpixels::train(
                trainer,
                net,
                &mut state,
                (&inputs, &targets),
                canvas,
                on_event,
            )
        };
        clock.pause();
        drop(display);
        let stopped_by = result?;
        if let Some(problem) = problem {
            return Err(problem.into());
        }
        let updates = state.optimizer().updates();
        recorder.last(updates, clock.trained(), net)?;
        Ok(Outcome {
            records: recorder.records,
            history: state.into_history(),
            stopped_by,
            epoch_ends,
            seconds: clock.trained(),
        })
    }
}

/// Returns the number of outputs of all neurons, and of the encoding, for one place.
pub fn outputs_of_neurons(net: &Mlp<f32>) -> usize {
    let encoded = net.encoding().map_or(0, Encoding::outputs);
    let layers = net.layers().map(|layer| layer.outputs());
    layers.sum::<usize>() + encoded
}

/// Checks that memory suffices for a minibatch, which keeps the outputs of all neurons.
fn check_batch(batch: usize, net: &Mlp<f32>) -> Result<()> {
    let most = MOST_OUTPUTS / outputs_of_neurons(net);
    if batch <= most {
        return Ok(());
    }
    let expected = format!("expected a minibatch of at most {most} pixels for these layers");
    Err(format!("--batch, --hidden: {expected}, got {batch}").into())
}

/// Returns `true` if the error is an overflow of the network's outputs.
fn overflows(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(Error::Overflow { .. }))
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Lets the first Ctrl-C end only the training run. The second one ends the program.
pub fn end_on_ctrl_c() -> Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            process::exit(130);
        }
    })
    .map_err(Into::into)
}

/// Returns `true` after a Ctrl-C.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Returns the completed part of the training run, from 0 to 1.
fn part_done(flags: &Flags, epochs: f64, seconds: f64) -> f64 {
    let in_time = flags.seconds().map_or(0.0, |all| seconds / all);
    let in_epochs = flags.epochs().map_or(0.0, |all| epochs / all as f64);
    in_time.max(in_epochs).min(1.0)
}

/// Decides when to record the network, and keeps the records.
struct Recorder<'a> {
    recording: Recording,
    canvas: &'a Canvas,
    sample: Sample,
    batches_in_epoch: u64,
    /// Losses since the last record.
    losses: Vec<f64>,
    records: Vec<Record>,
    next: f64,
}

impl Recorder<'_> {
    fn epochs(&self, updates: u64) -> f64 {
        updates as f64 / self.batches_in_epoch as f64
    }

    fn is_due(&self, updates: u64, seconds: f64) -> bool {
        match self.recording {
            Recording::End => false,
            Recording::Updates => updates as f64 >= self.next,
            Recording::Seconds => seconds >= self.next,
        }
    }

    /// Makes a record if one is due.
    fn look(&mut self, updates: u64, seconds: f64, net: &Mlp<f32>) -> Result<()> {
        if !self.is_due(updates, seconds) {
            return Ok(());
        }
        self.next = match self.recording {
            Recording::Updates => (updates as f64 + 1.0).max(updates as f64 * GROWTH),
            _ => (seconds * GROWTH).max(FIRST_SECONDS),
        };
        self.record(updates, seconds, net)
    }

    /// Makes the last record, unless it exists already.
    fn last(&mut self, updates: u64, seconds: f64, net: &Mlp<f32>) -> Result<()> {
        match self.records.last() {
            Some(last) if last.updates == updates => Ok(()),
            _ => self.record(updates, seconds, net),
        }
    }

    fn record(&mut self, updates: u64, seconds: f64, net: &Mlp<f32>) -> Result<()> {
        let loss = self.losses.iter().sum::<f64>() / self.losses.len() as f64;
        self.losses.clear();
        self.records.push(Record {
            updates,
            epochs: self.epochs(updates),
            seconds,
            loss,
            psnr: self.sample.psnr(net)?,
            frame: self.canvas.paint(net, self.canvas.size_within(FRAME))?,
        });
        Ok(())
    }
}
