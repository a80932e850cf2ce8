//! The plane of rows and columns that the network paints on.

use std::ops::Range;

use feedforward::{Mlp, ModelFile};
use image::RgbImage;

use crate::flags::{Flags, Input};
use crate::painter::{COLORS, PLACE, Result};

/// Maximum number of painted pixels, so that memory suffices.
const MOST_PAINTED: u64 = 1 << 26;

/// Maximum number of painted pixels without `--scale`, so that painting stays fast.
const MOST_PAINTED_BY_DEFAULT: u64 = 1 << 20;

/// Names of the notes in a model file.
const ROWS: &str = "rows";
const COLUMNS: &str = "columns";
const INPUT: &str = "input";
const SUBPIXELS: &str = "subpixels";

/// Maximum number of points in each direction of a pixel.
pub const MOST_SUBPIXELS: u32 = 8;

/// Maximum number of pixels of one call of the network.
const AT_ONCE: usize = 1 << 16;

/// Plane of a picture. The center of pixel (row, column) is the point (row, column), and the
/// network is defined everywhere between the centers.
#[derive(Clone, Debug)]
pub struct Canvas {
    rows: u32,
    columns: u32,
    input: Input,
    scale: u32,
    /// Number of points in each direction of a pixel, over which its color is the mean.
    subpixels: u32,
}

impl Canvas {
    pub fn new((columns, rows): (u32, u32), flags: &Flags) -> Result<Self> {
        let pixels = |scale: u32| painted((columns, rows), scale);
        let scale = flags.scale.unwrap_or_else(|| {
            let fits = |&scale: &u32| pixels(scale) <= MOST_PAINTED_BY_DEFAULT;
            [4, 3, 2].into_iter().find(fits).unwrap_or(1)
        });
        check_painted(pixels(scale))?;
        Ok(Self {
            rows,
            columns,
            input: flags.input(),
            scale,
            subpixels: 1,
        })
    }

    /// Sets the number of points in each direction of a pixel. With more than one, the color of a
    /// pixel is the mean over its area, as in a camera.
    pub fn with_subpixels(mut self, subpixels: u32) -> Self {
        self.subpixels = subpixels;
        self
    }

    /// Returns a model file of the network, with notes on this plane.
    pub fn with_network(&self, net: &Mlp<f32>) -> ModelFile<f32> {
        ModelFile::new(net.clone())
            .note(ROWS, self.rows.to_string())
            .note(COLUMNS, self.columns.to_string())
            .note(INPUT, format!("{:?}", self.input))
            .note(SUBPIXELS, self.subpixels.to_string())
    }

    /// Returns the plane of a network from a file.
    pub fn of_file(file: &ModelFile<f32>, scale: u32) -> Result<Self> {
        let note = |name: &str| {
            let missing = || format!("no note {name}: not written by paint_logo");
            file.notes.get(name).ok_or_else(missing)
        };
        let size = |name: &str| -> Result<u32> {
            let text = note(name)?;
            let size = text.parse().ok().filter(|size| (1..1 << 16).contains(size));
            Ok(size.ok_or_else(|| format!("note {name}: expected 1 to 65535, got {text:?}"))?)
        };
        let input = note(INPUT)?;
        let input = <Input as clap::ValueEnum>::from_str(input, true)
            .map_err(|_| format!("note {INPUT}: expected a kind of input, got {input:?}"))?;
        let canvas = Self {
            rows: size(ROWS)?,
            columns: size(COLUMNS)?,
            input,
            scale,
            subpixels: size(SUBPIXELS)?.min(MOST_SUBPIXELS),
        };
        let (takes, gives) = (file.model.inputs(), file.model.outputs());
        if (takes, gives) != (PLACE, COLORS) {
            return Err(format!(
                "expected a network that paints, got one from {takes} to {gives} numbers"
            )
            .into());
        }
        check_painted(painted(canvas.size(), scale))?;
        Ok(canvas)
    }

    /// Returns the factor of the enlarged painting.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// Returns width and height of the enlarged painting.
    pub fn enlarged(&self) -> (u32, u32) {
        (self.columns * self.scale, self.rows * self.scale)
    }

    /// Returns width and height of the picture.
    pub fn size(&self) -> (u32, u32) {
        (self.columns, self.rows)
    }

    /// Returns the picture's size, reduced in proportion if its longer side exceeds `side`.
    pub fn size_within(&self, side: u32) -> (u32, u32) {
        let longest = self.columns.max(self.rows);
        let shrink = |n: u32| {
            let n = u64::from(n) * u64::from(side.min(longest)) / u64::from(longest);
            n.max(1) as u32
        };
        (shrink(self.columns), shrink(self.rows))
    }

    /// Returns the inputs of the network for places, each a row and a column.
    pub fn inputs(&self, places: impl IntoIterator<Item = (f64, f64)>) -> Vec<f32> {
        let longest = f64::from(self.rows.max(self.columns));
        let in_square = |index: f64| ((index + 0.5) / longest) as f32;
        let inputs = places
            .into_iter()
            .flat_map(|(row, column)| match self.input {
                Input::Raw => [row as f32, column as f32],
                Input::Centered | Input::Fourier => {
                    [centered(row, self.rows), centered(column, self.columns)]
                }
                Input::Grid => [in_square(row), in_square(column)],
            });
        inputs.collect()
    }

    /// Returns the places of the points in a pixel of the picture.
    pub fn points(&self, row: u32, column: u32) -> impl Iterator<Item = (f64, f64)> {
        let n = self.subpixels;
        let place = move |at: u32, point| f64::from(at) + center(point, 1, n);
        (0..n * n).map(move |index| (place(row, index / n), place(column, index % n)))
    }

    /// Returns the colors of pixels from those of all points in them.
    pub fn means(&self, colors: Vec<f32>) -> Vec<f32> {
        means(colors, (self.subpixels * self.subpixels) as usize)
    }

    /// Returns the inputs for the pixels in these rows of a painting of this width and height. Each
    /// pixel has `points` x `points` points.
    pub fn inputs_of(&self, size: (u32, u32), rows: Range<u32>, points: u32) -> Vec<f32> {
        let (width, height) = (size.0 * points, size.1 * points);
        let place = move |row: u32, column: u32| {
            (
                center(row, self.rows, height),
                center(column, self.columns, width),
            )
        };
        let pixels = rows.flat_map(|row| (0..size.0).map(move |column| (row, column)));
        self.inputs(pixels.flat_map(|(row, column)| {
            let point = move |k| (row * points + k / points, column * points + k % points);
            (0..points * points).map(move |k| place(point(k).0, point(k).1))
        }))
    }

    /// Paints with this width and height in pixels.
    pub fn paint(&self, net: &Mlp<f32>, (width, height): (u32, u32)) -> Result<RgbImage> {
        // An enlarged pixel covers fewer points.
        let points = (self.subpixels * self.columns / width).clamp(1, self.subpixels);
        let mut painting = RgbImage::new(width, height);
        let line = width as usize * COLORS;
        let rows = (AT_ONCE / (width * points * points) as usize).max(1);
        let bands = painting.chunks_mut(line * rows);
        for (first, band) in (0..).step_by(rows).zip(bands) {
            let last = first + (band.len() / line) as u32;
            let inputs = self.inputs_of((width, height), first..last, points);
            let colors = means(net.predict(&inputs)?, (points * points) as usize);
            for (part, &y) in band.iter_mut().zip(&colors) {
                *part = in_bytes(y);
            }
        }
        Ok(painting)
    }
}

/// Returns the means of this many consecutive colors.
fn means(colors: Vec<f32>, count: usize) -> Vec<f32> {
    if count == 1 {
        return colors;
    }
    let mean = |group: &[f32]| -> [f32; COLORS] {
        let sum = |color| group.iter().skip(color).step_by(COLORS).sum::<f32>();
        core::array::from_fn(|color| sum(color) / count as f32)
    };
    colors.chunks(count * COLORS).flat_map(mean).collect()
}

fn painted((columns, rows): (u32, u32), scale: u32) -> u64 {
    [columns, rows, scale, scale]
        .iter()
        .fold(1, |product: u64, &n| product.saturating_mul(n.into()))
}

fn check_painted(pixels: u64) -> Result<()> {
    if (1..=MOST_PAINTED).contains(&pixels) {
        return Ok(());
    }
    let expected = format!("expected a painting of 1 to {MOST_PAINTED} pixels");
    Err(format!("--scale: {expected}, got {pixels}").into())
}

/// Converts a part of a color to a byte, as pictures store it.
pub fn in_bytes(part: f32) -> u8 {
    (part.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Maps an index from `0..=n - 1` to [-1, 1]. A single row or column is mapped to 0.
fn centered(index: f64, n: u32) -> f32 {
    match n {
        1 => 0.0,
        _ => (2.0 * index / f64::from(n - 1) - 1.0) as f32,
    }
}

/// Returns the position of a painted pixel's center, if `count` painted pixels cover the picture's
/// `n`. A pixel is a square about its center, and painted pixels divide it evenly. The first of two
/// is at -0.25. If `count` equals `n`, the positions are those of the picture's pixels.
fn center(painted: u32, n: u32, count: u32) -> f64 {
    (f64::from(painted) + 0.5) * f64::from(n) / f64::from(count) - 0.5
}
