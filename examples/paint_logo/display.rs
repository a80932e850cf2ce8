//! What one sees while a network is trained.

use std::env;
use std::fmt::Write;
use std::time::{Duration, Instant};

use console::Term;
use feedforward::Mlp;
use feedforward::train::Update;
use image::{Rgb, RgbImage, imageops};
use indicatif::{ProgressBar, ProgressStyle};

use crate::canvas::Canvas;
use crate::flags::Flags;
use crate::painter::Result;
use crate::picture::{Picture, Sample};

/// A PSNR and a preview take as long as some updates: not after each.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// The bar's steps.
const STEPS: u64 = 1000;

/// The longer side of the preview, and columns between target and painting.
const PREVIEW: u32 = 48;
const GAP: usize = 2;

/// A progress bar and a preview, where standard error is a terminal; nothing elsewhere.
pub struct Display<'a> {
    bar: ProgressBar,
    title: String,
    epochs: Option<usize>,
    canvas: &'a Canvas,
    preview: Option<Preview>,
    looked: Option<Instant>,
    pixels: f64,
}

impl<'a> Display<'a> {
    pub fn new(flags: &Flags, canvas: &'a Canvas, picture: &Picture, title: &str) -> Result<Self> {
        let bar = ProgressBar::new(STEPS);
        bar.set_style(ProgressStyle::with_template("{bar:20.cyan/blue} {msg}")?);
        let wanted = !flags.no_preview && !bar.is_hidden();
        let preview = wanted.then(|| Preview::new(canvas, picture)).flatten();
        Ok(Self {
            bar,
            title: title.into(),
            epochs: flags.epochs(),
            canvas,
            preview,
            looked: None,
            pixels: picture.image().pixels().len() as f64,
        })
    }

    pub fn is_due(&self) -> bool {
        let is_old = |looked: Instant| looked.elapsed() >= BETWEEN_LOOKS;
        !self.bar.is_hidden() && self.looked.is_none_or(is_old)
    }

    /// Shows how far it is, if that is due.
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
            let painting = self.canvas.paint(net, preview.size)?;
            self.bar.suspend(|| preview.draw(&painting))?;
        }
        let of = self.epochs.map_or(String::new(), |all| format!("/{all}"));
        let speed = epochs * self.pixels / seconds.max(1e-9);
        let left = seconds * (1.0 / part.max(1e-9) - 1.0);
        self.bar.set_position((part * STEPS as f64) as u64);
        self.bar.set_message(format!(
            "{}epoch {}{of}  loss {:.2e}  PSNR {psnr:.2} dB  {:.0}k pixels/s  {left:.1} s left",
            self.title,
            update.epoch,
            update.loss,
            speed / 1e3,
        ));
        self.looked = Some(Instant::now());
        Ok(())
    }
}

impl Drop for Display<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Target and painting in the terminal, two pixels to a character: an upper half block in one
/// colour on the other.
struct Preview {
    term: Term,
    size: (u32, u32),
    target: RgbImage,
    is_drawn: bool,
}

impl Preview {
    /// Where the terminal shows all colours and has room.
    fn new(canvas: &Canvas, picture: &Picture) -> Option<Self> {
        let colours = env::var("COLORTERM").unwrap_or_default();
        if !matches!(&*colours, "truecolor" | "24bit") {
            return None;
        }
        let term = Term::stderr();
        let (lines, columns) = term.size_checked()?;
        // A line for the bar, and one for what comes after it.
        let high = u32::from(lines).saturating_sub(2) * 2;
        let wide = u32::from(columns).saturating_sub(GAP as u32) / 2;
        let size = canvas.size_within(PREVIEW.min(high).min(wide).max(1));
        if size.0.max(size.1) < 8 {
            return None;
        }
        let filter = imageops::FilterType::Triangle;
        Some(Self {
            term,
            size,
            target: imageops::resize(picture.image(), size.0, size.1, filter),
            is_drawn: false,
        })
    }

    /// Draws over what it drew before.
    fn draw(&mut self, painting: &RgbImage) -> Result<()> {
        let lines = half_blocks(&self.target)
            .into_iter()
            .zip(half_blocks(painting));
        if self.is_drawn {
            self.term.move_cursor_up(lines.len())?;
        }
        let mut text = String::new();
        for (target, painting) in lines {
            writeln!(text, "\r{target}{:GAP$}{painting}", "")?;
        }
        self.term.write_str(&text)?;
        self.is_drawn = true;
        Ok(())
    }
}

/// A line of text for every two rows of pixels.
fn half_blocks(image: &RgbImage) -> Vec<String> {
    let code = |ground: u8, x, y| match image.get_pixel_checked(x, y) {
        Some(Rgb([r, g, b])) => format!("\x1b[{ground};2;{r};{g};{b}m"),
        None => String::new(),
    };
    let line = |row: u32| {
        let blocks = (0..image.width()).map(|column| {
            let (above, below) = (code(38, column, 2 * row), code(48, column, 2 * row + 1));
            above + &below + "▀\x1b[0m"
        });
        blocks.collect()
    };
    (0..image.height().div_ceil(2)).map(line).collect()
}
