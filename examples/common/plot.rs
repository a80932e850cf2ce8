//! Drawing for the examples: a bundled font, and anti-aliased pictures.

use std::error::Error;
use std::fmt::Display;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use image::RgbImage;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use image::imageops::{self, FilterType};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

/// Factor by which pictures are drawn larger and then reduced, because plotters draws thick lines
/// without anti-aliasing. Multiply lengths on an [`Area`] by it.
pub const SCALE: u32 = 4;

/// Color of text.
pub const INK: RGBColor = RGBColor(38, 44, 54);
/// Color of numbers beside axes, and of other secondary text.
pub const FAINT: RGBColor = RGBColor(112, 120, 132);
/// Color of axes.
pub const AXIS: RGBColor = RGBColor(168, 175, 186);
/// Color of the first curve or class.
pub const BLUE: RGBColor = RGBColor(23, 92, 180);
/// Color of the second curve or class. Color-blind readers can tell it from the first.
pub const ORANGE: RGBColor = RGBColor(226, 108, 16);

/// Area that plotters draws on.
pub type Area<'a> = DrawingArea<BitMapBackend<'a>, Shift>;

/// Converts a length in pixels of the final picture.
pub fn px(length: f64) -> u32 {
    (length * f64::from(SCALE)).round() as u32
}

/// Returns a text style, with the size in pixels of the final picture.
pub fn text(size: f64, style: FontStyle, color: RGBColor) -> TextStyle<'static> {
    ("sans-serif", f64::from(px(size)), style)
        .into_font()
        .color(&color)
}

/// Writes a picture as PNG. Creates the folder if it is missing.
pub fn save(picture: &RgbImage, file: &Path) -> Result<(), Box<dyn Error>> {
    let explain = |error: &dyn Display| format!("{}: {error}", file.display());
    let to = BufWriter::new(File::create(file).map_err(|error| explain(&error))?);
    // Drawings have flat areas, which compress best without a filter.
    let encoder = PngEncoder::new_with_quality(to, CompressionType::Best, PngFilter::NoFilter);
    let written = picture.write_with_encoder(encoder);
    written.map_err(|error| explain(&error).into())
}

/// Draws a picture of this size.
pub fn picture(
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area) -> Result<(), Box<dyn Error>>,
) -> Result<RgbImage, Box<dyn Error>> {
    register_fonts()?;
    let (w, h) = (width * SCALE, height * SCALE);
    let mut pixels = vec![255; 3 * w as usize * h as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (w, h)).into_drawing_area();
        draw(&area)?;
        area.present()?;
    }
    let large = RgbImage::from_raw(w, h, pixels).ok_or("the picture is too large")?;
    Ok(imageops::resize(
        &large,
        width,
        height,
        FilterType::Triangle,
    ))
}

/// Registers the bundled fonts, so that pictures look alike on every machine.
fn register_fonts() -> Result<(), Box<dyn Error>> {
    let normal = include_bytes!("../assets/DejaVuSans.ttf");
    let bold = include_bytes!("../assets/DejaVuSans-Bold.ttf");
    register_font("sans-serif", FontStyle::Normal, normal)
        .and_then(|()| register_font("sans-serif", FontStyle::Bold, bold))
        .map_err(|_| "the font is damaged".into())
}
