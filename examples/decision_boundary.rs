//! Shows that a neuron draws a line, and a network bends it.
//!
//! This program trains one neuron and one small network on three sets of points, and draws what
//! each has learned: `cargo run --example decision_boundary [-- --out FILE]`. The picture in
//! `docs/decision_boundary.png` was made this way.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use feedforward::activation::{Identity, Tanh};
use feedforward::loss::BinaryCrossEntropy;
use feedforward::math::sigmoid;
use feedforward::optimizer::Adam;
use feedforward::{Mlp, Trainer};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Normal};
use support::plot::{self, AXIS, Area, BLUE, FAINT, INK, ORANGE, px, text};

#[macro_use]
#[path = "common/say.rs"]
mod say;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Rng = ChaCha8Rng;
type Point = (f64, f64);

/// Number of points in each of the two classes.
const POINTS: usize = 100;
/// Distance from the origin to each side of the visible plane.
const REACH: f64 = 1.5;
/// Side of a panel's square, in pixels.
const SIDE: u32 = 290;
/// Height of the title above the square, and space around both, in pixels.
const TITLE: u32 = 34;
const SPACE: u32 = 12;
/// Height of the line of text below all panels, in pixels.
const FOOT: u32 = 26;
/// Number of steps along each side of the grid of network outputs.
const STEPS: u32 = SIDE;
/// Number of shades from one class to the other.
const SHADES: f64 = 12.0;
/// Seed of the points if `--seed` is 0, chosen so that they show well what each learner can do.
const POINTS_SEED: u64 = 7;

#[derive(Parser)]
#[command(about = "Draws what one neuron and a network learn from three sets of points")]
struct Options {
    /// Number of epochs
    #[arg(long, value_name = "N", default_value_t = 300)]
    epochs: usize,
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Picture to write, a PNG
    #[arg(long, value_name = "FILE", default_value = "out/decision_boundary.png")]
    out: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(options: &Options) -> Result<()> {
    say::prepare_file(&options.out)?;
    let sets = data_sets(options.seed)?;
    let mut panels = Vec::new();
    println!("accuracy         one neuron   network 2-16-16-1");
    for set in &sets {
        let neuron = Panel::train(set, "one neuron", one_neuron(options)?, options)?;
        let network = Panel::train(set, "network", network(options)?, options)?;
        println!(
            "{:<16} {:>8.1} %   {:>15.1} %",
            set.name,
            100.0 * neuron.accuracy,
            100.0 * network.accuracy,
        );
        panels.push((neuron, network));
    }
    draw(options, &panels)?;
    say::wrote(&[&options.out]);
    Ok(())
}

/// Builds a network without hidden layers. Its output is z. The class is the sign of z, and
/// sigmoid(z) is the probability of the second class.
fn one_neuron(options: &Options) -> Result<Mlp<f64>> {
    let layers = Mlp::builder(2).seed(options.seed);
    Ok(layers.output(1, Identity).build()?)
}

fn network(options: &Options) -> Result<Mlp<f64>> {
    let layers = Mlp::builder(2).seed(options.seed);
    let layers = layers.hidden_layers(2, 16, Tanh);
    Ok(layers.output(1, Identity).build()?)
}

/// Points of two classes, 0 and 1.
struct DataSet {
    name: &'static str,
    points: Vec<Point>,
    classes: Vec<f64>,
}

fn data_sets(seed: u64) -> Result<[DataSet; 3]> {
    let mut rng = Rng::seed_from_u64(seed.wrapping_add(POINTS_SEED));
    Ok([
        data_set("Two clouds", &mut rng, 0.25, two_clouds)?,
        data_set("XOR", &mut rng, 0.2, exclusive_or)?,
        data_set("Two moons", &mut rng, 0.09, two_moons)?,
    ])
}

/// Draws points of the two classes in turn, about centers that `center` draws for a class.
fn data_set(
    name: &'static str,
    rng: &mut Rng,
    noise: f64,
    center: fn(&mut Rng, usize) -> Point,
) -> Result<DataSet> {
    let noise = Normal::new(0.0, noise)?;
    let (mut points, mut classes) = (Vec::new(), Vec::new());
    for index in 0..2 * POINTS {
        let class = index % 2;
        let (x, y) = center(rng, class);
        points.push((x + noise.sample(rng), y + noise.sample(rng)));
        classes.push(class as f64);
    }
    Ok(DataSet {
        name,
        points,
        classes,
    })
}

/// Returns centers that a line can separate.
fn two_clouds(_: &mut Rng, class: usize) -> Point {
    [(-0.7, 0.5), (0.7, -0.5)][class]
}

/// Returns centers of exclusive or: in the second class exactly one coordinate is positive.
fn exclusive_or(rng: &mut Rng, class: usize) -> Point {
    let x = if rng.random() { 0.7 } else { -0.7 };
    let y = if class == 0 { x } else { -x };
    (x, y)
}

/// Returns centers on two half circles, each of which reaches into the other.
fn two_moons(rng: &mut Rng, class: usize) -> Point {
    let (sine, cosine) = (std::f64::consts::PI * rng.random::<f64>()).sin_cos();
    match class {
        0 => (0.8 * cosine - 0.4, 0.8 * sine - 0.2),
        _ => (0.4 - 0.8 * cosine, 0.2 - 0.8 * sine),
    }
}

/// Network and the data set that it has learned.
struct Panel<'a> {
    set: &'a DataSet,
    learner: &'static str,
    net: Mlp<f64>,
    /// For each point, `true` if the network's answer is right.
    right: Vec<bool>,
    accuracy: f64,
}

impl<'a> Panel<'a> {
    fn train(
        set: &'a DataSet,
        learner: &'static str,
        mut net: Mlp<f64>,
        options: &Options,
    ) -> Result<Self> {
        let inputs = flat(&set.points);
        Trainer::new(BinaryCrossEntropy, Adam::new(0.02))
            .batch_size(40)
            .epochs(options.epochs)
            .seed(options.seed)
            .l2(0.01)
            .fit(&mut net, &inputs, &set.classes)?;
        let answers = net.predict(&inputs)?;
        let right: Vec<_> = answers
            .iter()
            .zip(&set.classes)
            .map(|(&z, &class)| (z > 0.0) == (class > 0.5))
            .collect();
        let hits = right.iter().filter(|&&right| right).count();
        Ok(Self {
            set,
            learner,
            net,
            accuracy: hits as f64 / right.len() as f64,
            right,
        })
    }
}

/// Returns the coordinates of all points in one vector, as the crate takes samples.
fn flat(points: &[Point]) -> Vec<f64> {
    points.iter().flat_map(|&(x, y)| [x, y]).collect()
}

/// Draws the neurons above the networks.
fn draw(options: &Options, panels: &[(Panel, Panel)]) -> Result<()> {
    let (width, height) = (SIDE + 2 * SPACE, SIDE + TITLE + SPACE);
    let size = (
        panels.len() as u32 * width + 2 * SPACE,
        2 * height + 2 * SPACE + FOOT,
    );
    let picture = plot::picture(size, &|area| {
        area.fill(&WHITE)?;
        let space = px(f64::from(SPACE));
        let inner = area.margin(space, space, space, space);
        let (sheet, foot) = inner.split_vertically(px(f64::from(2 * height)));
        let cells = sheet.split_evenly((2, panels.len()));
        let (above, below) = cells.split_at(panels.len());
        for ((neuron, network), (above, below)) in panels.iter().zip(above.iter().zip(below)) {
            draw_panel(neuron, above)?;
            draw_panel(network, below)?;
        }
        let words = "Shade: probability of the class. Line: both are equally likely. \
                     Dark rings: points on the wrong side.";
        write(&foot, words, &text(12.0, FontStyle::Normal, FAINT))
    })?;
    plot::save(&picture, &options.out)
}

fn draw_panel(panel: &Panel, cell: &Area) -> Result<()> {
    let title = format!(
        "{}, {}: {:.1} %",
        panel.set.name,
        panel.learner,
        100.0 * panel.accuracy
    );
    let side = px(f64::from(SPACE));
    let (heading, square) = cell
        .margin(0, side, side, side)
        .split_vertically(px(f64::from(TITLE)));
    write(&heading, &title, &text(15.0, FontStyle::Bold, INK))?;

    let mut chart = ChartBuilder::on(&square).build_cartesian_2d(-REACH..REACH, -REACH..REACH)?;
    let field = Field::of(&panel.net)?;
    chart.draw_series(
        field
            .squares()
            .map(|(corners, z)| Rectangle::new(corners, shade(sigmoid(z)).filled())),
    )?;
    let line = INK.stroke_width(px(2.0));
    chart.draw_series(
        field
            .boundary()
            .into_iter()
            .map(|ends| PathElement::new(ends.to_vec(), line)),
    )?;
    for ((&point, &class), &right) in panel
        .set
        .points
        .iter()
        .zip(&panel.set.classes)
        .zip(&panel.right)
    {
        let color = if class > 0.5 { ORANGE } else { BLUE };
        let rim = if right { WHITE } else { INK };
        chart.draw_series([
            Circle::new(point, px(4.4), rim.filled()),
            Circle::new(point, px(3.2), color.filled()),
        ])?;
    }
    chart.draw_series([Rectangle::new(
        [(-REACH, -REACH), (REACH, REACH)],
        AXIS.stroke_width(px(1.0)),
    )])?;
    Ok(())
}

/// Writes in the middle of an area.
fn write(area: &Area, words: &str, style: &TextStyle) -> Result<()> {
    let (w, h) = area.dim_in_pixel();
    let style = style.pos(Pos::new(HPos::Center, VPos::Center));
    area.draw_text(
        words,
        &style,
        (i32::try_from(w / 2)?, i32::try_from(h / 2)?),
    )?;
    Ok(())
}

/// Returns a shade from pale blue over white to pale orange.
fn shade(probability: f64) -> RGBColor {
    let p = (probability * SHADES).floor().min(SHADES - 1.0) / (SHADES - 1.0);
    let (full, strength) = if p < 0.5 {
        (BLUE, 1.0 - 2.0 * p)
    } else {
        (ORANGE, 2.0 * p - 1.0)
    };
    let pale = |part: u8| (255.0 - 0.42 * strength * (255.0 - f64::from(part))) as u8;
    RGBColor(pale(full.0), pale(full.1), pale(full.2))
}

/// Output of a network on a grid, row by row from below.
struct Field {
    points: Vec<Point>,
    values: Vec<f64>,
}

impl Field {
    fn of(net: &Mlp<f64>) -> Result<Self> {
        let at = |step: u32| REACH * (2.0 * f64::from(step) / f64::from(STEPS) - 1.0);
        let points: Vec<_> = (0..=STEPS)
            .flat_map(|row| (0..=STEPS).map(move |column| (at(column), at(row))))
            .collect();
        let values = net.predict(&flat(&points))?;
        Ok(Self { points, values })
    }

    /// Returns the indices of each square's corners, counterclockwise.
    fn corners() -> impl Iterator<Item = [usize; 4]> {
        let (side, row) = (STEPS as usize, STEPS as usize + 1);
        (0..side * side).map(move |square| {
            let first = square / side * row + square % side;
            [first, first + 1, first + 1 + row, first + row]
        })
    }

    /// Returns each square with the mean of the outputs at its corners.
    fn squares(&self) -> impl Iterator<Item = ([Point; 2], f64)> {
        Self::corners().map(|corners| {
            let sum: f64 = corners.iter().map(|&corner| self.values[corner]).sum();
            (
                [self.points[corners[0]], self.points[corners[2]]],
                sum / 4.0,
            )
        })
    }

    /// Returns the line where the output is zero, in pieces that cross one square each.
    fn boundary(&self) -> Vec<[Point; 2]> {
        let mut pieces = Vec::new();
        for corners in Self::corners() {
            let crossings: Vec<_> = (0..4)
                .filter_map(|edge| self.crossing(corners[edge], corners[(edge + 1) % 4]))
                .collect();
            pieces.extend(crossings.chunks_exact(2).map(|ends| [ends[0], ends[1]]));
        }
        pieces
    }

    /// Returns the point between two neighbors where the output is zero, if their signs differ.
    fn crossing(&self, from: usize, to: usize) -> Option<Point> {
        let (a, b) = (self.values[from], self.values[to]);
        if (a > 0.0) == (b > 0.0) {
            return None;
        }
        let (t, (x0, y0), (x1, y1)) = (a / (a - b), self.points[from], self.points[to]);
        Some((x0 + t * (x1 - x0), y0 + t * (y1 - y0)))
    }
}
