//! Drawing for the examples: a bundled font, and anti-aliased pictures.

use std::fmt::Display;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use image::RgbImage;
use image::codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::register_font;

use crate::Result;

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

/// Writes a picture as PNG.
///
/// # Errors
/// If the file cannot be written.
pub fn save(picture: &RgbImage, file: &Path) -> Result<()> {
    let explain = |error: &dyn Display| format!("{}: {error}", file.display());
    let to = BufWriter::new(File::create(file).map_err(|error| explain(&error))?);
    // Drawings have flat areas, which compress best without a filter.
    let encoder = PngEncoder::new_with_quality(to, CompressionType::Best, PngFilter::NoFilter);
    let written = picture.write_with_encoder(encoder);
    written.map_err(|error| explain(&error).into())
}

/// Draws a picture of this size.
///
/// # Errors
/// If the drawing fails.
pub fn picture(
    (width, height): (u32, u32),
    draw: &dyn Fn(&Area) -> Result<()>,
) -> Result<RgbImage> {
    register_fonts()?;
    let (w, h) = (width * SCALE, height * SCALE);
    let mut pixels = vec![255; 3 * w as usize * h as usize];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (w, h)).into_drawing_area();
        draw(&area)?;
        area.present()?;
    }
    let large = RgbImage::from_raw(w, h, pixels).ok_or("the picture is too large")?;
    Ok(reduced(&large))
}

/// Returns a picture in which each pixel is the mean of `SCALE` x `SCALE` pixels.
fn reduced(large: &RgbImage) -> RgbImage {
    const PARTS: usize = 3;
    let (width, height) = (large.width() / SCALE, large.height() / SCALE);
    let (line, scale) = (PARTS * large.width() as usize, SCALE as usize);
    let count = (scale * scale) as u16;
    let mut sums = vec![0_u16; line];
    let mut pixels = Vec::with_capacity(PARTS * width as usize * height as usize);
    for lines in large.as_raw().chunks_exact(scale * line) {
        sums.fill(0);
        for line in lines.chunks_exact(line) {
            for (sum, &part) in sums.iter_mut().zip(line) {
                *sum += u16::from(part);
            }
        }
        for square in sums.chunks_exact(PARTS * scale) {
            for part in 0..PARTS {
                let sum: u16 = (0..scale).map(|at| square[PARTS * at + part]).sum();
                pixels.push(((sum + count / 2) / count) as u8);
            }
        }
    }
    RgbImage::from_raw(width, height, pixels).unwrap_or_default()
}

/// Labels 1, 2 and 5 times a power of ten on a logarithmic axis. More labels would overlap.
fn tick(x: f64) -> String {
    let power = 10_f64.powf((x.log10() + 1e-9).floor());
    let mantissa = (x / power).round();
    if ![1.0, 2.0, 5.0].contains(&mantissa) {
        return String::new();
    }
    // Rounding in the last place would give labels such as 0.30000000000000004.
    format!("{}", (x * 1e6).round() / 1e6)
}

/// Draws a curve over epochs, which have a logarithmic axis. `is_log` makes the other axis
/// logarithmic too.
///
/// # Errors
/// If the drawing fails.
pub fn curve(
    area: &Area,
    name: &str,
    points: &[(f64, f64)],
    color: RGBColor,
    is_log: bool,
) -> Result<()> {
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
            (low.min(x), high.max(x))
        })
    };
    // plotters draws endlessly on an axis without length.
    let (first, last) = range(&mut points.iter().map(|point| point.0));
    let (first, last) = if first < last {
        (first, last)
    } else {
        (0.1, 1.0)
    };
    let (low, high) = range(&mut points.iter().map(|point| point.1));
    let (low, high) = match (low <= high, is_log) {
        (true, true) => (low / 1.5, high * 1.5),
        (true, false) => ((low - 2.0).max(0.0), high + 2.0),
        (false, _) => (0.1, 1.0),
    };
    let mut chart = ChartBuilder::on(area);
    chart
        .margin(px(8.0))
        .x_label_area_size(px(34.0))
        .y_label_area_size(px(52.0))
        .caption(name, text(14.0, FontStyle::Bold, INK));
    let label = text(11.0, FontStyle::Normal, FAINT);
    let line = LineSeries::new(points.iter().copied(), color.stroke_width(px(2.0)));
    // The two axes have different types.
    macro_rules! draw {
        ($y:expr, $format:expr) => {{
            let mut chart = chart.build_cartesian_2d((first..last).log_scale(), $y)?;
            chart
                .configure_mesh()
                .axis_style(AXIS.stroke_width(px(1.0)))
                .light_line_style(TRANSPARENT)
                .bold_line_style(AXIS.mix(0.35).stroke_width(px(1.0) / 2))
                .label_style(label.clone())
                .x_desc("epochs")
                .x_label_formatter(&|x| tick(*x))
                .y_label_formatter(&$format)
                .y_labels(6)
                .draw()?;
            chart.draw_series(line)?;
        }};
    }
    if is_log {
        draw!((low..high).log_scale(), |y: &f64| format!("{y:.0e}"));
    } else {
        draw!(low..high, |y: &f64| format!("{y:.0}"));
    }
    Ok(())
}

/// Registers the bundled fonts, so that pictures look alike on every machine.
fn register_fonts() -> Result<()> {
    let normal = include_bytes!("../../assets/DejaVuSans.ttf");
    let bold = include_bytes!("../../assets/DejaVuSans-Bold.ttf");
    register_font("sans-serif", FontStyle::Normal, normal)
        .and_then(|()| register_font("sans-serif", FontStyle::Bold, bold))
        .map_err(|_| "the font is damaged".into())
}
