//! Training, and what one sees meanwhile.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use feedforward::{Epoch, History, Mlp, Samples, Trainer};
use indicatif::{ProgressBar, ProgressStyle};

use crate::Result;
use crate::canvas::Canvas;
use crate::picture::Picture;

/// A PSNR takes a whole painting, about as long as a seventh of an epoch: not for each.
const BETWEEN_PAINTINGS: Duration = Duration::from_millis(400);

/// What a training was like, and the seconds it took without the paintings for the eye.
#[derive(Debug)]
pub struct Outcome {
    pub history: History,
    pub seconds: f64,
}

/// Trains the network to give each pixel's colour for its row and column.
pub fn run(
    trainer: &Trainer<f32>,
    net: &mut Mlp<f32>,
    picture: &Picture,
    canvas: &Canvas,
    epochs: usize,
) -> Result<Outcome> {
    let (inputs, targets) = labelled_set(picture, canvas);
    let mut display = Display::new(epochs);
    let mut watch = Stopwatch::start();
    let history = trainer.fit_with(net, &Samples::new(&inputs, &targets), |epoch, net| {
        watch.pause();
        display.show(epoch, || picture.psnr(&canvas.paint_pixels(net)?));
        watch.go_on();
        ControlFlow::Continue(())
    });
    watch.pause();
    display.bar.finish_and_clear();
    Ok(Outcome {
        history: history?,
        seconds: watch.total.as_secs_f64(),
    })
}

/// Each pixel's (row, column), as the network is given them, and its (red, green, blue).
fn labelled_set(picture: &Picture, canvas: &Canvas) -> (Vec<f32>, Vec<f32>) {
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for row in 0..picture.rows() {
        for column in 0..picture.columns() {
            inputs.extend(canvas.inputs(row.into(), column.into()));
            targets.extend(picture.colour(row, column));
        }
    }
    (inputs, targets)
}

/// A progress bar, where standard error is a terminal; nothing elsewhere.
struct Display {
    bar: ProgressBar,
    painted: Option<Instant>,
    psnr: String,
}

impl Display {
    fn new(epochs: usize) -> Self {
        let bar = ProgressBar::new(epochs as u64);
        let template = "{bar:20.cyan/blue} epoch {pos}/{len}  {msg}  {eta} left";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self {
            bar,
            painted: None,
            psnr: String::new(),
        }
    }

    fn show(&mut self, epoch: &Epoch, psnr: impl FnOnce() -> Result<f64>) {
        if self.bar.is_hidden() {
            return;
        }
        if self
            .painted
            .is_none_or(|last| last.elapsed() >= BETWEEN_PAINTINGS)
        {
            self.psnr = psnr().map_or_else(|_| "-".into(), |psnr| format!("{psnr:.2} dB"));
            self.painted = Some(Instant::now());
        }
        self.bar
            .set_message(format!("loss {:.5}  PSNR {}", epoch.loss, self.psnr));
        self.bar.set_position(epoch.number as u64);
    }
}

/// Measures time, but for the pauses.
struct Stopwatch {
    since: Option<Instant>,
    total: Duration,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            since: Some(Instant::now()),
            total: Duration::ZERO,
        }
    }

    fn pause(&mut self) {
        self.total += self
            .since
            .take()
            .map_or(Duration::ZERO, |since| since.elapsed());
    }

    fn go_on(&mut self) {
        self.since = Some(Instant::now());
    }
}
