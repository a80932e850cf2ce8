//! Learns to read handwritten digits, and draws those that it misreads.
//!
//! `cargo run --example digits [-- --data FILE --out FILE]`. The default data are 1797 digits of
//! 8 x 8 pixels from the UCI repository (Alpaydin and Kaynak, 1998), as scikit-learn ships them.
//! Any CSV file works that has one square image and its number on each line.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use feedforward::activation::Relu;
use feedforward::metrics::Accuracy;
use feedforward::optimizer::AdamW;
use feedforward::schedule::Cosine;
use feedforward::train::Validation;
use feedforward::{Classifier, Mlp, Scaler, Trainer};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use support::plot::{self, AXIS, Area, BLUE, FAINT, INK, ORANGE, px, text};
use support::progress::Progress;

#[macro_use]
#[path = "common/say.rs"]
mod say;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Number of pairs of images in a row of the picture, and maximum number in all.
const COLUMNS: usize = 4;
const MOST_SHOWN: usize = 24;
/// Maximum number of parameters, of different numbers and of bytes of a file, to limit memory.
const MOST_PARAMETERS: usize = 50_000_000;
const MOST_NUMBERS: usize = 1000;
const MOST_BYTES: u64 = 1 << 28;
/// Side of an image, height of the caption below a pair, and space around it, in pixels.
const SIDE: u32 = 80;
const CAPTION: u32 = 40;
const SPACE: u32 = 16;
/// Height of the line of text at the top, in pixels.
const HEAD: u32 = 44;

#[derive(Parser)]
#[command(about = "Learns to read handwritten digits, and draws those that it misreads")]
struct Options {
    /// CSV file with a header, then the pixels of an image and its number on each line
    #[arg(long, value_name = "FILE", default_value_os_t = default_data())]
    data: PathBuf,
    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,
    /// Number of neurons of the hidden layer
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..))]
    hidden: u32,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Picture to write, a PNG
    #[arg(long, value_name = "FILE", default_value = "out/digits.png")]
    out: PathBuf,
    /// Print no progress
    #[arg(long)]
    quiet: bool,
}

fn default_data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/data/digits.csv")
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(options: &Options) -> Result<()> {
    say::prepare_file(&options.out)?;
    let digits = Digits::read(&options.data)
        .map_err(|error| format!("{}: {error}", options.data.display()))?;
    let (training, test) = digits.split(options.seed)?;
    println!(
        "{} digits of {side} x {side} pixels to learn from, {} held out",
        training.labels.len(),
        test.labels.len(),
        side = digits.side(),
    );

    // All pixels share one scale. Separate scales would amplify the noise at the edges.
    let whole = Scaler::min_max(&training.pixels, 1, 0.0..=1.0)?;
    let width = digits.width;
    let scaler = Scaler::from_parts(
        vec![whole.offsets()[0]; width],
        vec![whole.scales()[0]; width],
    )?;
    if (width + MOST_NUMBERS).saturating_mul(options.hidden as usize) > MOST_PARAMETERS {
        return Err(format!("--hidden: more than {MOST_PARAMETERS} parameters").into());
    }
    let builder = Mlp::builder(width)
        .hidden(options.hidden as usize, Relu)
        .seed(options.seed);
    let mut model = Classifier::new(builder, training.labels.iter().copied())?;
    let scaled = |digits: &Digits| scaler.transform(&digits.pixels);
    train(
        &mut model,
        (&scaled(&training)?, &training.labels),
        (&scaled(&test)?, &test.labels),
        options,
    )?;

    scaler.fold_into_inputs(model.network_mut())?;
    println!("the scaling is folded into the network, which now takes unscaled pixels");
    let confusion = model.confusion(&test.pixels, &test.labels)?;
    println!("\nconfusion matrix:\n\n{confusion}\n");
    println!(
        "{:>5}  {:>9}  {:>6}  {:>6}",
        "digit", "precision", "recall", "F1"
    );
    for (digit, scores) in confusion.classes().iter().zip(confusion.per_class()) {
        let [precision, recall, f1] = [scores.precision, scores.recall, scores.f1];
        println!("{digit:>5}  {precision:>9.3}  {recall:>6.3}  {f1:>6.3}");
    }

    let readings = Reading::of(&model, &test)?;
    save(&options.out, &test, &training.typical(), &readings)?;
    let misread = readings.iter().filter(|reading| reading.is_wrong()).count();
    println!(
        "\nread right: {:.2} % of {} held-out digits; {misread} misread",
        100.0 * confusion.accuracy(),
        test.labels.len(),
    );
    say::wrote(&[&options.out]);
    Ok(())
}

/// Images, row by row, and the numbers that they show.
struct Digits {
    width: usize,
    pixels: Vec<f32>,
    labels: Vec<u32>,
}

impl Digits {
    fn read(path: &Path) -> Result<Self> {
        let mut digits = Self {
            width: 0,
            pixels: Vec::new(),
            labels: Vec::new(),
        };
        let mut content = String::new();
        let file = File::open(path)?;
        file.take(MOST_BYTES + 1).read_to_string(&mut content)?;
        if content.len() as u64 > MOST_BYTES {
            return Err(format!("expected at most {MOST_BYTES} bytes, got more").into());
        }
        for (line, number) in content.lines().zip(1..).skip(1) {
            digits
                .add(line)
                .map_err(|problem| format!("line {number}: {problem}"))?;
        }
        if digits.labels.is_empty() {
            return Err("expected a header and a line for each digit, got neither".into());
        }
        let numbers: BTreeSet<_> = digits.labels.iter().collect();
        if numbers.len() > MOST_NUMBERS {
            let got = numbers.len();
            let expected = format!("expected at most {MOST_NUMBERS} different numbers");
            return Err(format!("{expected}, got {got}").into());
        }
        Ok(digits)
    }

    fn add(&mut self, line: &str) -> std::result::Result<(), String> {
        let (pixels, label) = line
            .rsplit_once(',')
            .ok_or("expected pixels and a number")?;
        let label = label.trim();
        let label = label
            .parse()
            .map_err(|_| format!("expected a whole number at the end, got {label:?}"))?;
        let before = self.pixels.len();
        for pixel in pixels.split(',') {
            let pixel: f32 = match pixel.trim().parse() {
                Ok(pixel) if f32::is_finite(pixel) => pixel,
                _ => return Err(format!("expected numbers, got {pixel:?}")),
            };
            self.pixels.push(pixel);
        }
        let width = self.pixels.len() - before;
        if self.width == 0 {
            self.width = width;
            if self.side() * self.side() != width {
                return Err(format!("expected a square image, got {width} pixels"));
            }
        }
        if width != self.width {
            return Err(format!("expected {} pixels, got {width}", self.width));
        }
        self.labels.push(label);
        Ok(())
    }

    fn side(&self) -> usize {
        self.width.isqrt()
    }

    fn image(&self, index: usize) -> &[f32] {
        &self.pixels[index * self.width..][..self.width]
    }

    /// Returns four fifths of the digits to learn from, and one fifth to hold out.
    fn split(&self, seed: u64) -> Result<(Self, Self)> {
        let mut order: Vec<usize> = (0..self.labels.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let (test, training) = order.split_at(order.len() / 5);
        if test.is_empty() {
            return Err(format!("expected 5 digits or more, got {}", order.len()).into());
        }
        let part = |rows: &[usize]| Self {
            width: self.width,
            pixels: rows
                .iter()
                .flat_map(|&row| self.image(row))
                .copied()
                .collect(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        };
        Ok((part(training), part(test)))
    }
}

impl Digits {
    /// Returns the mean image of each number.
    fn typical(&self) -> BTreeMap<u32, Vec<f32>> {
        let mut sums: BTreeMap<u32, (f32, Vec<f32>)> = BTreeMap::new();
        for (index, &label) in self.labels.iter().enumerate() {
            let (count, sum) = sums
                .entry(label)
                .or_insert_with(|| (0.0, vec![0.0; self.width]));
            *count += 1.0;
            for (sum, pixel) in sum.iter_mut().zip(self.image(index)) {
                *sum += pixel;
            }
        }
        let mean = |(count, sum): (f32, Vec<f32>)| sum.iter().map(|x| x / count).collect();
        sums.into_iter()
            .map(|(label, sum)| (label, mean(sum)))
            .collect()
    }
}

/// Trains the network. The progress shows how many held-out digits it reads right, which decides
/// nothing.
fn train(
    model: &mut Classifier<f32, u32>,
    (inputs, labels): (&[f32], &[u32]),
    (held_out, held_labels): (&[f32], &[u32]),
    options: &Options,
) -> Result<()> {
    let trainer = Trainer::new(model.loss(), AdamW::new(3e-3))
        .schedule(Cosine::default())
        .batch_size(64.min(labels.len()))
        .epochs(options.epochs as usize)
        .dropout(0.2)
        .validation(Validation::set(held_out, model.targets(held_labels)?).score(Accuracy))
        .seed(options.seed);
    let mut progress = Progress::new(options.quiet);
    model.fit_with(&trainer, inputs, labels, None, |event, _| {
        if let Some(epoch) = event.epoch().filter(|_| progress.is_due()) {
            let (number, all) = (epoch.number, options.epochs);
            let right = 100.0 * epoch.validation_score.unwrap_or(0.0);
            let loss = epoch.loss;
            let words = format!("epoch {number}/{all}  loss {loss:.4}  {right:.1} % read right");
            progress.show(number as f64 / f64::from(all), &words);
        }
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// A network's reading of one image.
struct Reading {
    index: usize,
    shown: u32,
    read: u32,
    probability: f32,
}

impl Reading {
    /// Returns the readings of all images. The misread ones come first, from the surest to the
    /// least sure. The others follow, from the least sure to the surest.
    fn of(model: &Classifier<f32, u32>, digits: &Digits) -> Result<Vec<Self>> {
        let probabilities = model.predict_probability(&digits.pixels)?;
        let rows = probabilities.chunks(model.classes().len());
        let read = model.predict(&digits.pixels)?.into_iter();
        let mut readings: Vec<_> = read
            .zip(rows)
            .enumerate()
            .map(|(index, (read, row))| Self {
                index,
                shown: digits.labels[index],
                read,
                probability: row.iter().copied().fold(0.0, f32::max),
            })
            .collect();
        let order = |reading: &Self| {
            if reading.is_wrong() {
                -1.0 - reading.probability
            } else {
                reading.probability
            }
        };
        readings.sort_by(|a, b| order(a).total_cmp(&order(b)));
        Ok(readings)
    }

    fn is_wrong(&self) -> bool {
        self.shown != self.read
    }
}

/// Draws the misread images, or the least sure ones if none is misread. Beside each is the mean
/// image of the number that the network read.
fn save(
    out: &Path,
    digits: &Digits,
    typical: &BTreeMap<u32, Vec<f32>>,
    readings: &[Reading],
) -> Result<()> {
    let misread = readings.iter().filter(|reading| reading.is_wrong()).count();
    let shown = match misread {
        0 => COLUMNS.min(readings.len()),
        _ => misread.min(MOST_SHOWN),
    };
    let all = readings.len();
    let title = match misread {
        0 => "All read right. The least sure:".to_string(),
        _ if shown < misread => format!("{misread} of {all} misread. The surest {shown}:"),
        _ => format!("{misread} of {all} misread, each beside the mean of the number read"),
    };
    let rows = shown.div_ceil(COLUMNS) as u32;
    let (step, height) = (2 * SIDE + 2 * SPACE, SIDE + CAPTION + SPACE);
    let size = (SPACE + COLUMNS as u32 * step, HEAD + rows * height);
    let picture = plot::picture(size, &|area| {
        area.fill(&WHITE)?;
        let place = (px(SPACE.into()) as i32, px(f64::from(HEAD) / 2.0) as i32);
        let style = text(16.0, FontStyle::Bold, INK).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(&*title, place, style))?;
        for (reading, at) in readings[..shown].iter().zip(0..) {
            let (row, column) = (at / COLUMNS as u32, at % COLUMNS as u32);
            let (left, top) = (SPACE + column * step, HEAD + row * height);
            let pair = [digits.image(reading.index), &typical[&reading.read]];
            for (image, left) in pair.into_iter().zip([left, left + SIDE]) {
                draw_image(area, image, (left, top))?;
            }
            draw_caption(area, reading, (left + SIDE, top + SIDE))?;
        }
        Ok(())
    })?;
    plot::save(&picture, out)
}

fn draw_image(area: &Area, image: &[f32], (left, top): (u32, u32)) -> Result<()> {
    let side = image.len().isqrt();
    let (low, high) = image.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| {
        (low.min(x), high.max(x))
    });
    let at = |pixels: u32, part: usize| {
        px(f64::from(pixels) + f64::from(SIDE) * part as f64 / side as f64) as i32
    };
    for (place, &pixel) in image.iter().enumerate() {
        let (row, column) = (place / side, place % side);
        let shade = (255.0 * (1.0 - (pixel - low) / (high - low).max(f32::MIN_POSITIVE))) as u8;
        let corners = [
            (at(left, column), at(top, row)),
            (at(left, column + 1), at(top, row + 1)),
        ];
        let gray = RGBColor(shade, shade, shade);
        area.draw(&Rectangle::new(corners, gray.filled()))?;
    }
    let frame = [(at(left, 0), at(top, 0)), (at(left, side), at(top, side))];
    area.draw(&Rectangle::new(frame, AXIS.stroke_width(plot::SCALE)))?;
    Ok(())
}

/// Draws the number shown and the number read, centered below a place.
fn draw_caption(area: &Area, reading: &Reading, (center, top): (u32, u32)) -> Result<()> {
    let line = |words: String, below: u32, color, weight| {
        let place = (px(center.into()) as i32, px(f64::from(top + below)) as i32);
        let style = text(12.0, weight, color).pos(Pos::new(HPos::Center, VPos::Top));
        Text::new(words, place, style)
    };
    let color = if reading.is_wrong() { ORANGE } else { BLUE };
    let read = format!("{} read as {}", reading.shown, reading.read);
    area.draw(&line(read, 5, color, FontStyle::Bold))?;
    let sure = format!("{:.0} % sure", 100.0 * reading.probability);
    area.draw(&line(sure, 21, FAINT, FontStyle::Normal))?;
    Ok(())
}
