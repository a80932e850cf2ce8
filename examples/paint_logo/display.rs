//! The view of a network in training: progress, and a preview in the terminal.

use feedforward::Mlp;
use feedforward::train::Update;
use image::imageops;
use support::preview::Preview;
use support::progress::Progress;

use crate::canvas::Canvas;
use crate::flags::Flags;
use crate::painter::Result;
use crate::picture::{Picture, Sample};

/// Minimum side of the preview.
const LEAST_PREVIEW: u32 = 8;

/// Progress of a training run, with a preview above the bar.
pub struct Display<'a> {
    progress: Progress,
    title: String,
    epochs: Option<usize>,
    canvas: &'a Canvas,
    preview: Option<Preview>,
    pixels: f64,
}

impl<'a> Display<'a> {
    pub fn new(flags: &Flags, canvas: &'a Canvas, picture: &Picture, title: &str) -> Self {
        let progress = Progress::new(flags.quiet);
        let wanted = !flags.no_preview && progress.has_bar();
        let preview = wanted.then(|| preview(canvas, picture)).flatten();
        Self {
            progress,
            title: title.into(),
            epochs: flags.epochs(),
            canvas,
            preview,
            pixels: picture.image().pixels().len() as f64,
        }
    }

    pub fn is_due(&self) -> bool {
        self.progress.is_due()
    }

    /// Shows the state of the run, if that is due.
    pub fn show(
        &mut self,
        epochs: f64,
        update: &Update,
        seconds: f64,
        part: f64,
        net: &Mlp<f32>,
        sample: &Sample,
    ) -> Result<()> {
        if !self.is_due() {
            return Ok(());
        }
        let psnr = sample.psnr(net)?;
        if let Some(preview) = &mut self.preview {
            let painting = self.canvas.paint(net, preview.size())?;
            self.progress.suspend(&mut || preview.draw(&painting))?;
        }
        let of = self.epochs.map_or(String::new(), |all| format!("/{all}"));
        let speed = epochs * self.pixels / seconds.max(1e-9);
        let words = format!(
            "{}epoch {}{of}  loss {:.2e}  PSNR {psnr:.2} dB  {:.0}k pixels/s",
            self.title,
            update.epoch,
            update.loss,
            speed / 1e3,
        );
        self.progress.show(part, &words);
        Ok(())
    }
}

/// Returns a preview, or `None` if the terminal is too small or does not show all colors.
fn preview(canvas: &Canvas, picture: &Picture) -> Option<Preview> {
    let (width, height) = canvas.size_within(Preview::side()?);
    let filter = imageops::FilterType::Triangle;
    (width.max(height) >= LEAST_PREVIEW)
        .then(|| Preview::new(imageops::resize(picture.image(), width, height, filter)))
}
