//! Pictures side by side, with words below, and moving ones.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, DynamicImage, Frame, Rgb, RgbImage, imageops};
use plotters::prelude::*;

use crate::painter::Result;
use crate::plot::{self, FAINT, INK, px, text};

/// Space between panels, and the height of the two lines below each.
pub const SPACE: u32 = 16;
pub const WORDS: u32 = 44;

/// Milliseconds that a frame is shown, and the last one.
const FRAME: u32 = 110;
const LAST_FRAME: u32 = 2500;

/// GIF has 256 colours: how hard to look for them, from 1, the best, to 30.
const PALETTE_SPEED: i32 = 10;

/// A picture and what is said about it.
#[derive(Debug)]
pub struct Panel<'a> {
    pub image: &'a RgbImage,
    pub name: &'a str,
    pub note: String,
}

/// Panels in rows of so many. Pictures that are smaller than the first's size times `zoom` are
/// magnified to it, so that each of their pixels is a square.
pub fn grid(panels: &[Panel<'_>], columns: u32, zoom: u32) -> Result<RgbImage> {
    let (wide, high) = panels
        .first()
        .map_or((1, 1), |panel| panel.image.dimensions());
    let (wide, high) = (wide * zoom, high * zoom);
    // Words need room, also below a narrow picture.
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
        let large = imageops::resize(panel.image, wide, high, imageops::FilterType::Nearest);
        imageops::replace(&mut grid, &large, left.into(), top.into());
        let words = words(cell, panel)?;
        imageops::replace(&mut grid, &words, left.into(), (top + high).into());
    }
    Ok(grid)
}

/// Enough for a name and a note.
const WIDTH_OF_WORDS: u32 = 180;

fn words(width: u32, panel: &Panel<'_>) -> Result<RgbImage> {
    plot::picture((width, WORDS), |area| {
        let at = |y: f64| (0, px(y) as i32);
        let name = text(14.0, FontStyle::Bold, INK);
        area.draw_text(panel.name, &name, at(6.0))?;
        area.draw_text(&panel.note, &text(13.0, FontStyle::Normal, FAINT), at(24.0))?;
        Ok(())
    })
}

/// How many times to magnify a picture so that its longer side is about this.
pub fn zoom_to(side: u32, image: &RgbImage) -> u32 {
    (side / image.width().max(image.height())).max(1)
}

/// Writes an animation that begins anew when it is over.
pub fn save_gif(path: &Path, frames: Vec<RgbImage>) -> Result<()> {
    let explain = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::create(path).map_err(|error| explain(&error))?;
    let mut gif = GifEncoder::new_with_speed(BufWriter::new(file), PALETTE_SPEED);
    gif.set_repeat(Repeat::Infinite)?;
    let count = frames.len();
    for (number, image) in (1..).zip(frames) {
        let image = DynamicImage::from(image).into_rgba8();
        let delay = if number == count { LAST_FRAME } else { FRAME };
        let frame = Frame::from_parts(image, 0, 0, Delay::from_numer_denom_ms(delay, 1));
        gif.encode_frame(frame).map_err(|error| explain(&error))?;
    }
    Ok(())
}
