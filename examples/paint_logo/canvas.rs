//! Where the network paints: the plane of rows and columns.

use feedforward::encoding::{Builtin, Fourier};
use feedforward::{Encoding, Mlp, ModelFile};
use image::RgbImage;

use crate::flags::{Flags, Input};
use crate::painter::{COLOURS, PLACE, Result};

/// A larger painting would take all memory.
const MOST_PAINTED: u64 = 1 << 26;

/// A default enlargement should not take much longer than a second.
const MOST_PAINTED_BY_DEFAULT: u64 = 1 << 20;

/// More sines and cosines for each pixel than any picture needs.
const MOST_FREQUENCIES: usize = 4096;

/// Numbers that are learned from, which lie in memory at once: pixels times inputs.
const MOST_LEARNED: usize = 1 << 27;

/// What a file says beside the network.
const ROWS: &str = "rows";
const COLUMNS: &str = "columns";
const INPUT: &str = "input";

/// Numbers that are given to the network at once.
const AT_ONCE: usize = 1 << 20;

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
    pub fn new((columns, rows): (u32, u32), flags: &Flags) -> Result<Self> {
        let pixels = |scale: u32| painted((columns, rows), scale);
        let scale = flags.scale.unwrap_or_else(|| {
            let fits = |&scale: &u32| pixels(scale) <= MOST_PAINTED_BY_DEFAULT;
            [4, 3, 2].into_iter().find(fits).unwrap_or(1)
        });
        check_painted(pixels(scale))?;
        if flags.frequencies > MOST_FREQUENCIES {
            let (most, got) = (MOST_FREQUENCIES, flags.frequencies);
            return Err(format!("--frequencies: expected 1 to {most}, got {got}").into());
        }
        let canvas = Self {
            rows,
            columns,
            input: flags.input(),
            fourier: Fourier::new(PLACE, flags.frequencies, flags.sigma, flags.seed)
                .map_err(|error| format!("--frequencies, --sigma: {error}"))?,
            scale,
        };
        canvas.check_learned(pixels(1) as usize)?;
        Ok(canvas)
    }

    /// Checks that all pixels' inputs fit in memory together.
    fn check_learned(&self, pixels: usize) -> Result<()> {
        let (width, most) = (self.width(), MOST_LEARNED / pixels / 2);
        if pixels.saturating_mul(width) <= MOST_LEARNED {
            return Ok(());
        }
        let problem = format!("{pixels} pixels of {width} inputs each do not fit in memory");
        let advice = format!("choose at most {most}, or a smaller picture");
        Err(format!("--frequencies: {problem}; {advice}").into())
    }

    /// The network with what this plane is to it.
    pub fn with_network(&self, net: &Mlp<f32>) -> ModelFile<f32> {
        let file = ModelFile::new(net.clone())
            .note(ROWS, self.rows.to_string())
            .note(COLUMNS, self.columns.to_string())
            .note(INPUT, format!("{:?}", self.input));
        match self.input {
            Input::Fourier => file.encoding(self.fourier.clone()),
            Input::Raw | Input::Centred => file,
        }
    }

    /// The plane that belongs to a network from a file.
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
        let fourier = match (&file.encoding, input) {
            (Some(Builtin::Fourier(fourier)), Input::Fourier) => fourier.clone(),
            (None, Input::Raw | Input::Centred) => Fourier::new(PLACE, 1, 1.0, 0)?,
            _ => return Err("encoding and kind of input contradict each other".into()),
        };
        let canvas = Self {
            rows: size(ROWS)?,
            columns: size(COLUMNS)?,
            input,
            fourier,
            scale,
        };
        let (takes, gives) = (file.model.inputs(), file.model.outputs());
        if (takes, gives) != (canvas.width(), COLOURS) {
            return Err(format!("a network from {takes} to {gives} numbers paints nothing").into());
        }
        check_painted(painted(canvas.size(), scale))?;
        Ok(canvas)
    }

    /// How many times larger the enlarged painting is.
    pub fn scale(&self) -> u32 {
        self.scale
    }

    /// Width and height of the enlarged painting.
    pub fn enlarged(&self) -> (u32, u32) {
        (self.columns * self.scale, self.rows * self.scale)
    }

    /// Width and height of the picture.
    pub fn size(&self) -> (u32, u32) {
        (self.columns, self.rows)
    }

    /// The picture's size, or a smaller one of its shape whose longer side is no more than this.
    pub fn size_within(&self, side: u32) -> (u32, u32) {
        let longest = self.columns.max(self.rows);
        let shrink = |n: u32| {
            let n = u64::from(n) * u64::from(side.min(longest)) / u64::from(longest);
            n.max(1) as u32
        };
        (shrink(self.columns), shrink(self.rows))
    }

    /// Numbers that the network is given for a place.
    pub fn width(&self) -> usize {
        match self.input {
            Input::Raw | Input::Centred => PLACE,
            Input::Fourier => self.fourier.outputs(),
        }
    }

    /// What the network is given for places, each a row and a column.
    pub fn inputs(&self, places: impl IntoIterator<Item = (f64, f64)>) -> Result<Vec<f32>> {
        let places = places.into_iter();
        if let Input::Raw = self.input {
            return Ok(places
                .flat_map(|(row, column)| [row as f32, column as f32])
                .collect());
        }
        let places: Vec<f32> = places
            .flat_map(|(row, column)| [centred(row, self.rows), centred(column, self.columns)])
            .collect();
        Ok(match self.input {
            Input::Fourier => self.fourier.encode(&places)?,
            _ => places,
        })
    }

    /// The painting with so many pixels across and down.
    pub fn paint(&self, net: &Mlp<f32>, (width, height): (u32, u32)) -> Result<RgbImage> {
        let mut painting = RgbImage::new(width, height);
        let line = width as usize * COLOURS;
        let rows = (AT_ONCE / (width as usize * self.width())).max(1);
        let bands = painting.chunks_mut(line * rows);
        for (first, band) in (0..).step_by(rows).zip(bands) {
            let rows = (first..).take(band.len() / line);
            let places = rows.flat_map(|row| {
                let row = centre(row, self.rows, height);
                (0..width).map(move |column| (row, centre(column, self.columns, width)))
            });
            let colours = net.predict(&self.inputs(places)?)?;
            for (part, &y) in band.iter_mut().zip(&colours) {
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

/// A part of a colour as pictures store it.
pub fn in_bytes(part: f32) -> u8 {
    (part.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// An index brought from 0..=n-1 to [-1, 1]; a picture of one row or column is at 0.
fn centred(index: f64, n: u32) -> f32 {
    match n {
        1 => 0.0,
        _ => (2.0 * index / f64::from(n - 1) - 1.0) as f32,
    }
}

/// Where the centre of one of `count` painted pixels lies among the centres of the picture's `n`.
/// A pixel is a square about its centre, so painted ones share its square evenly: the first of
/// two is at -0.25. With as many as the picture has, the two are the same.
fn centre(painted: u32, n: u32, count: u32) -> f64 {
    (f64::from(painted) + 0.5) * f64::from(n) / f64::from(count) - 0.5
}
