//! Pictures side by side with captions, and animations.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, Rgb, RgbImage, Rgba, RgbaImage, imageops};
use plotters::prelude::*;

use crate::Result;
use crate::plot::{self, FAINT, INK, px, text};

/// Space between panels.
pub const SPACE: u32 = 16;

/// Color of the frame of a picture.
const FRAME_COLOR: Rgb<u8> = Rgb([214, 218, 225]);

/// Height of the two lines below each panel.
const WORDS: u32 = 44;

/// Duration of a frame, and of the last frame, in milliseconds.
const FRAME: u32 = 110;
const LAST_FRAME: u32 = 2500;

/// Speed of the search for the 256 colors of a GIF, from 1 (best palette) to 30 (fastest).
const PALETTE_SPEED: i32 = 10;

/// Picture with a caption of two lines.
#[derive(Debug)]
pub struct Panel<'a> {
    /// The picture.
    pub image: &'a RgbImage,
    /// First line of the caption.
    pub name: &'a str,
    /// Second line of the caption.
    pub note: String,
}

/// Returns a grid of panels with this many columns. All pictures are resized to `zoom` times the
/// size of the first one, so that magnified pixels are squares.
///
/// # Errors
/// If a caption cannot be drawn.
pub fn grid(panels: &[Panel<'_>], columns: u32, zoom: u32) -> Result<RgbImage> {
    let (wide, high) = panels
        .first()
        .map_or((1, 1), |panel| panel.image.dimensions());
    let (wide, high) = (wide * zoom, high * zoom);
    // A narrow picture needs a wider cell for its caption.
    let cell = wide.max(WIDTH_OF_WORDS);
    let rows = (panels.len() as u32).div_ceil(columns);
    let (across, down) = (cell + SPACE, high + WORDS + SPACE);
    let size = (columns * across + SPACE, rows * down + SPACE);
    let mut grid = RgbImage::from_pixel(size.0, size.1, Rgb([255; 3]));
    for (index, panel) in (0..).zip(panels) {
        let (left, top) = (
            SPACE + index % columns * across,
            SPACE + index / columns * down,
        );
        let large = magnified(panel.image, (wide, high));
        // A frame shows the edge of a white picture.
        let frame = RgbImage::from_pixel(wide + 2, high + 2, FRAME_COLOR);
        imageops::replace(&mut grid, &frame, (left - 1).into(), (top - 1).into());
        imageops::replace(&mut grid, &large, left.into(), top.into());
        let words = words(cell, panel)?;
        imageops::replace(&mut grid, &words, left.into(), (top + high + 1).into());
    }
    Ok(grid)
}

/// Returns a picture in a new size. Each pixel has the color of the nearest one.
fn magnified(image: &RgbImage, (width, height): (u32, u32)) -> RgbImage {
    let (columns, rows) = image.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        *image.get_pixel(x * columns / width, y * rows / height)
    })
}

/// Minimum width of a caption.
const WIDTH_OF_WORDS: u32 = 180;

fn words(width: u32, panel: &Panel<'_>) -> Result<RgbImage> {
    plot::picture((width, WORDS), &|area| {
        let at = |y: f64| (0, px(y) as i32);
        let name = text(14.0, FontStyle::Bold, INK);
        area.draw_text(panel.name, &name, at(6.0))?;
        area.draw_text(&panel.note, &text(13.0, FontStyle::Normal, FAINT), at(24.0))?;
        Ok(())
    })
}

/// Returns the zoom that makes the longer side of a picture about this long.
pub fn zoom_to(side: u32, image: &RgbImage) -> u32 {
    (side / image.width().max(image.height())).max(1)
}

/// Writes an animation that loops forever.
///
/// # Errors
/// If the file cannot be written.
pub fn save_gif(path: &Path, frames: &[RgbImage]) -> Result<()> {
    let explain = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::create(path).map_err(|error| explain(&error))?;
    let mut gif = GifEncoder::new_with_speed(BufWriter::new(file), PALETTE_SPEED);
    gif.set_repeat(Repeat::Infinite)?;
    let count = frames.len();
    for (number, image) in (1..).zip(frames) {
        let opaque = |x, y| {
            let Rgb([r, g, b]) = *image.get_pixel(x, y);
            Rgba([r, g, b, 255])
        };
        let image = RgbaImage::from_fn(image.width(), image.height(), opaque);
        let delay = if number == count { LAST_FRAME } else { FRAME };
        let frame = Frame::from_parts(image, 0, 0, Delay::from_numer_denom_ms(delay, 1));
        gif.encode_frame(frame).map_err(|error| explain(&error))?;
    }
    Ok(())
}
