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
        })
    }

    /// Returns a model file of the network, with notes on this plane.
    pub fn with_network(&self, net: &Mlp<f32>) -> ModelFile<f32> {
        ModelFile::new(net.clone())
            .note(ROWS, self.rows.to_string())
            .note(COLUMNS, self.columns.to_string())
            .note(INPUT, format!("{:?}", self.input))
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

    /// Returns the inputs for the pixels in these rows of a painting of this width and height.
    pub fn inputs_of(&self, (width, height): (u32, u32), rows: Range<u32>) -> Vec<f32> {
        self.inputs(rows.flat_map(|row| {
            let row = center(row, self.rows, height);
            (0..width).map(move |column| (row, center(column, self.columns, width)))
        }))
    }

    /// Paints with this width and height in pixels.
    pub fn paint(&self, net: &Mlp<f32>, (width, height): (u32, u32)) -> Result<RgbImage> {
        let mut painting = RgbImage::new(width, height);
        let line = width as usize * COLORS;
        let rows = (AT_ONCE / width as usize).max(1);
        let bands = painting.chunks_mut(line * rows);
        for (first, band) in (0..).step_by(rows).zip(bands) {
            let last = first + (band.len() / line) as u32;
            let colors = net.predict(&self.inputs_of((width, height), first..last))?;
            for (part, &y) in band.iter_mut().zip(&colors) {
                *part = in_bytes(y);
            }
        }
        Ok(painting)
    }
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
