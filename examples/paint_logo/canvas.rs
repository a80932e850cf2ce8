//! Where the network paints: the plane of rows and columns.

use feedforward::encoding::Fourier;
use feedforward::{Encoding, Mlp, Predictor};
use image::{Rgb, RgbImage, imageops};

use crate::flags::{Flags, Input};
use crate::{COLOURS, PLACE, Result};

/// Pixels between target and painting in the comparison, before scaling.
const GAP: u32 = 4;

/// A larger painting would take all memory.
const MOST_PAINTED: u64 = 1 << 26;

/// More sines and cosines for each pixel than any picture needs.
const MOST_FREQUENCIES: usize = 4096;

/// A picture's plane. Pixel (row, column) has its centre at these very numbers, and the
/// network is defined everywhere between them.
#[derive(Clone, Debug)]
pub struct Canvas {
    rows: u32,
    columns: u32,
    input: Input,
    fourier: Fourier<f32>,
    scale: u32,
}

impl Canvas {
    pub fn new((rows, columns): (u32, u32), flags: &Flags) -> Result<Self> {
        let scale = flags.scale;
        let pixels = [rows, columns, scale, scale]
            .iter()
            .fold(1_u64, |product, &n| product.saturating_mul(n.into()));
        if !(1..=MOST_PAINTED).contains(&pixels) {
            let expected = format!("expected a painting of 1 to {MOST_PAINTED} pixels");
            return Err(format!("--scale: {expected}, got {pixels}").into());
        }
        if flags.frequencies > MOST_FREQUENCIES {
            let (most, got) = (MOST_FREQUENCIES, flags.frequencies);
            return Err(format!("--frequencies: expected 1 to {most}, got {got}").into());
        }
        Ok(Self {
            rows,
            columns,
            input: flags.input(),
            fourier: Fourier::new(PLACE, flags.frequencies, flags.sigma, flags.seed)
                .map_err(|error| format!("--frequencies, --sigma: {error}"))?,
            scale,
        })
    }

    /// Numbers that the network is given for a place.
    pub fn width(&self) -> usize {
        match self.input {
            Input::Raw | Input::Centred => PLACE,
            Input::Fourier => self.fourier.outputs(),
        }
    }

    /// What the network is given for a place.
    pub fn inputs(&self, row: f64, column: f64) -> Vec<f32> {
        let centred = [centred(row, self.rows), centred(column, self.columns)];
        match self.input {
            Input::Raw => vec![row as f32, column as f32],
            Input::Centred => centred.to_vec(),
            Input::Fourier => {
                let mut features = vec![0.0; self.width()];
                self.fourier.encode_sample(&centred, &mut features);
                features
            }
        }
    }

    /// The painting, larger by the scale.
    pub fn paint(&self, net: &Mlp<f32>) -> Result<RgbImage> {
        self.paint_larger(net, self.scale)
    }

    /// The painting with just the picture's pixels.
    pub fn paint_pixels(&self, net: &Mlp<f32>) -> Result<RgbImage> {
        self.paint_larger(net, 1)
    }

    fn paint_larger(&self, net: &Mlp<f32>, scale: u32) -> Result<RgbImage> {
        let mut predictor = Predictor::new(net)?;
        let mut painting = RgbImage::new(self.columns * scale, self.rows * scale);
        let columns = painting.width();
        let mut colours = vec![0.0; columns as usize * COLOURS];
        for (row, line) in (0..).zip(painting.chunks_exact_mut(colours.len())) {
            let inputs: Vec<_> = (0..columns)
                .flat_map(|column| self.inputs(centre(row, scale), centre(column, scale)))
                .collect();
            predictor.predict_into(&inputs, &mut colours)?;
            for (part, &y) in line.iter_mut().zip(&colours) {
                *part = (y.clamp(0.0, 1.0) * 255.0).round() as u8;
            }
        }
        Ok(painting)
    }

    /// Target left, painting right.
    pub fn beside(&self, target: &RgbImage, painting: &RgbImage) -> RgbImage {
        let (width, height) = painting.dimensions();
        let gap = GAP * self.scale;
        let target = imageops::resize(target, width, height, imageops::FilterType::Nearest);
        let mut both = RgbImage::from_pixel(2 * width + gap, height, Rgb([255; 3]));
        imageops::replace(&mut both, &target, 0, 0);
        imageops::replace(&mut both, painting, i64::from(width + gap), 0);
        both
    }
}

/// An index brought from 0..=n-1 to [-1, 1]; a picture of one row or column is at 0.
fn centred(index: f64, n: u32) -> f32 {
    match n {
        1 => 0.0,
        _ => (2.0 * index / f64::from(n - 1) - 1.0) as f32,
    }
}

/// Where the centre of a painted pixel lies among the centres of the picture's pixels. A
/// pixel is a square about its centre, so `scale` painted ones share its square evenly: the
/// first of two is at -0.25. With scale 1 the two are the same.
fn centre(painted: u32, scale: u32) -> f64 {
    (f64::from(painted) + 0.5) / f64::from(scale) - 0.5
}
