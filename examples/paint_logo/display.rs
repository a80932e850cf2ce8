//! The view of a network in training: progress, and a preview in the terminal.

use std::env;
use std::fmt::Write;

use console::Term;
use feedforward::Mlp;
use feedforward::train::Update;
use image::{Rgb, RgbImage, imageops};

use crate::canvas::Canvas;
use crate::flags::Flags;
use crate::painter::Result;
use crate::picture::{Picture, Sample};
use crate::progress::Progress;

/// Longer side of the preview, and number of columns between target and painting.
const PREVIEW: u32 = 48;
const GAP: usize = 2;

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
        let wanted = !flags.no_preview && progress.bar().is_some();
        let preview = wanted.then(|| Preview::new(canvas, picture)).flatten();
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
        if let (Some(preview), Some(bar)) = (&mut self.preview, self.progress.bar()) {
            let painting = self.canvas.paint(net, preview.size)?;
            bar.suspend(|| preview.draw(&painting))?;
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

/// Target and painting in the terminal, two pixels to a character. Each character is an upper half
/// block in the color of one pixel, on a background in the color of the other.
struct Preview {
    term: Term,
    size: (u32, u32),
    target: RgbImage,
    is_drawn: bool,
}

impl Preview {
    /// Returns `None` if the terminal is too small or does not show all colors.
    fn new(canvas: &Canvas, picture: &Picture) -> Option<Self> {
        let colors = env::var("COLORTERM").unwrap_or_default();
        if !matches!(&*colors, "truecolor" | "24bit") {
            return None;
        }
        let term = Term::stderr();
        let (lines, columns) = term.size_checked()?;
        // One line is for the bar, and one for the cursor after it.
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

    /// Draws over the previous drawing.
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

/// Returns a line of text for every two rows of pixels.
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
