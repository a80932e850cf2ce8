//! The picture to learn, and its file.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use feedforward::Mlp;
use feedforward::metrics::psnr;
use image::{Rgb, RgbImage};

use crate::canvas::{Canvas, in_bytes};
use crate::decode;
use crate::painter::Result;

/// The logo, compiled into the program so that it runs from any folder.
const LOGO: &[u8] = include_bytes!("../assets/logo.png");

/// Maximum number of learned pixels. Larger pictures are scaled down.
const MOST_LEARNED: u32 = 1 << 19;

/// Maximum size of a sample. Its PSNR differs little from that of all pixels.
const MOST_SAMPLED: usize = 10_000;

/// Picture that the network learns.
#[derive(Debug)]
pub struct Picture {
    image: RgbImage,
    name: String,
    notes: Vec<String>,
}

impl Picture {
    /// Loads the picture of a file, or the logo, on a ground of this color.
    pub fn load(path: Option<&Path>, ground: [u8; 3]) -> Result<Self> {
        let (name, (image, notes)) = match path {
            None => (
                "the logo of feedforward".into(),
                decode::decode(LOGO, ground)?,
            ),
            Some(path) => {
                let name = path.display().to_string();
                let read = decode::read(path, ground).map_err(|error| format!("{name}: {error}"));
                (name, read?)
            }
        };
        Ok(Self {
            notes,
            ..Self::new(image, name)
        })
    }

    pub fn new(image: RgbImage, name: String) -> Self {
        Self {
            image,
            name,
            notes: Vec::new(),
        }
    }

    /// Scales the picture down if it has too many pixels to learn.
    pub fn reduced(mut self) -> Self {
        let (columns, rows) = self.image.dimensions();
        let pixels = f64::from(columns) * f64::from(rows);
        if pixels <= f64::from(MOST_LEARNED) {
            return self;
        }
        let factor = (f64::from(MOST_LEARNED) / pixels).sqrt();
        let part = |side: u32| ((f64::from(side) * factor) as u32).clamp(1, MOST_LEARNED);
        // If one side is a single pixel, the other one takes all of the reduction.
        let shrink = |side: u32, other: u32| part(side).min(MOST_LEARNED / part(other));
        let size = (shrink(columns, rows), shrink(rows, columns));
        self.image = decode::reduced(&self.image, size);
        self.notes.push(format!(
            "scaled down from {rows} rows of {columns} pixels, as no more than {MOST_LEARNED} are learned"
        ));
        self
    }

    /// Returns notes for the user about the file.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn image(&self) -> &RgbImage {
        &self.image
    }

    /// Returns row and column of every pixel.
    fn places(&self) -> impl Iterator<Item = (u32, u32)> {
        let columns = self.image.width();
        (0..self.image.height()).flat_map(move |row| (0..columns).map(move |column| (row, column)))
    }

    /// Returns a pixel's color as the network sees it, each part from 0 to 1.
    pub fn color(&self, row: u32, column: u32) -> [f32; 3] {
        let Rgb(color) = self.image.get_pixel(column, row);
        color.map(|part| f32::from(part) / 255.0)
    }

    /// Returns the samples to learn: the network's inputs at each pixel's points, and its color.
    pub fn labelled_set(&self, canvas: &Canvas) -> (Vec<f32>, Vec<f32>) {
        let points = self
            .places()
            .flat_map(|(row, column)| canvas.points(row, column));
        let inputs = canvas.inputs(points);
        let colors = self
            .places()
            .flat_map(|(row, column)| self.color(row, column));
        (inputs, colors.collect())
    }

    /// Returns a sample of the pixels, to measure progress during training.
    pub fn sample(&self, canvas: &Canvas) -> Sample {
        let pixels = self.image.pixels().len();
        // An odd step is coprime to most widths, so the sample visits all columns.
        let step = pixels.div_ceil(MOST_SAMPLED);
        let step = if step > 1 { step | 1 } else { 1 };
        let places = || self.places().step_by(step);
        let colors = places().flat_map(|(row, column)| self.image.get_pixel(column, row).0);
        let points = places().flat_map(|(row, column)| canvas.points(row, column));
        Sample {
            inputs: canvas.inputs(points),
            canvas: canvas.clone(),
            colors: colors.map(f32::from).collect(),
        }
    }
}

/// Sample of a picture's pixels.
#[derive(Debug)]
pub struct Sample {
    canvas: Canvas,
    inputs: Vec<f32>,
    colors: Vec<f32>,
}

impl Sample {
    /// Returns the PSNR of the network on these pixels, in decibels over 8-bit values.
    pub fn psnr(&self, net: &Mlp<f32>) -> Result<f64> {
        let painted = self.canvas.means(net.predict(&self.inputs)?);
        let painted: Vec<f32> = (painted.into_iter())
            .map(|part| in_bytes(part).into())
            .collect();
        Ok(psnr(&painted, &self.colors, 255.0)?)
    }
}

/// Returns the PSNR between two pictures of equal size, in decibels over 8-bit values. It is
/// infinite for equal pictures.
pub fn psnr_between(a: &RgbImage, b: &RgbImage) -> Result<f64> {
    let values = |image: &RgbImage| image.iter().copied().map(f32::from).collect::<Vec<_>>();
    Ok(psnr(&values(a), &values(b), 255.0)?)
}

/// Checks that a model file is writable, as [`prepare_folder`] does for a folder. The file itself
/// is left alone, because a new one replaces it.
pub fn prepare_model(file: &Path) -> Result<()> {
    let explain = |problem: &dyn Display| format!("--save: {}: {problem}", file.display());
    match fs::metadata(file) {
        Ok(found) if found.is_file() => {}
        Ok(_) => return Err(explain(&"expected a regular file").into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(explain(&error).into()),
    }
    let parent = file.parent().filter(|parent| *parent != Path::new(""));
    prepare_folder(parent.unwrap_or(Path::new("."))).map_err(|error| explain(&error).into())
}

/// Creates the folder if it is missing, and checks that it is writable. An error is better before a
/// long training run than after it.
pub fn prepare_folder(folder: &Path) -> Result<()> {
    let explain = |error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(explain)?;
    let probe = folder.join(".paint_logo");
    File::create(&probe).map_err(explain)?;
    match fs::remove_file(&probe) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(explain(error).into()),
        _ => Ok(()),
    }
}
