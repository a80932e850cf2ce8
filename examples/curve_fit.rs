//! Fits two curves to many digits, by the method of Levenberg and Marquardt.
//!
//! The first is a sensor's calibration curve from noisy measurements, with error bars. The picture
//! in `docs/curve_fit.png` shows it. The second is a controller's map, which is written as Rust
//! source: `cargo run --example curve_fit [-- --out FILE --rust FILE]`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use feedforward::Mlp;
use feedforward::activation::{Identity, Tanh};
use feedforward::train::LevenbergMarquardt;
use plotters::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, Normal};
use support::plot::{self, AXIS, Area, BLUE, FAINT, INK, ORANGE, px, text};

#[macro_use]
#[path = "common/say.rs"]
mod say;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Point = (f64, f64);

/// Noise of the measurements, in millimeters.
const NOISE: f64 = 0.25;
/// Number of standard deviations on each side that contain 95 % of a normal distribution.
const NORMAL_95: f64 = 1.96;

#[derive(Parser)]
#[command(about = "Fits a sensor's curve with error bars, and a controller's map")]
struct Options {
    /// Seed of all random numbers
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Picture to write, a PNG
    #[arg(long, value_name = "FILE", default_value = "out/curve_fit.png")]
    out: PathBuf,
    /// Rust source to write, with the model for a program without files
    #[arg(long, value_name = "FILE", default_value = "out/map.rs")]
    rust: PathBuf,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say::complain(error),
    }
}

fn run(options: &Options) -> Result<()> {
    say::prepare_file(&options.out)?;
    say::prepare_file(&options.rust)?;
    calibrate(options)?;
    map(options)?;
    say::wrote(&[&options.out, &options.rust]);
    Ok(())
}

/// Returns the error of a position sensor, in millimeters, at a position from 0 to 100 mm.
fn true_error(position: f64) -> f64 {
    let x = position / 100.0;
    1.2 * (7.0 * x).sin() + 1.5 * x * x
}

/// Fits the sensor's errors to positions.
fn calibrate(options: &Options) -> Result<()> {
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let noise = Normal::new(0.0, NOISE)?;
    // Nobody has measured between 45 and 65 mm.
    let positions = (0..61).map(|i| 8.0 + 80.0 * f64::from(i) / 60.0);
    let measured: Vec<Point> = positions
        .filter(|position| !(45.0..65.0).contains(position))
        .map(|position| (position, true_error(position) + noise.sample(&mut rng)))
        .collect();

    // Inputs near 0, with a spread near 1, as the targets have.
    let input = |position: f64| (position - 50.0) / 25.0;
    let inputs: Vec<f64> = measured.iter().map(|point| input(point.0)).collect();
    let targets: Vec<f64> = measured.iter().map(|point| point.1).collect();

    let net = Mlp::builder(1).hidden(12, Tanh).output(1, Identity);
    let mut net = net.seed(options.seed).build()?;
    let trainer = LevenbergMarquardt::new().bayesian();
    let report = trainer.fit(&mut net, &inputs, &targets)?;
    let evidence = report.evidence.ok_or("no evidence")?;
    println!(
        "sensor: {} measurements, {} parameters of which {:.1} count",
        measured.len(),
        net.params().len(),
        evidence.effective_params,
    );
    let estimate = evidence.noise();
    println!("noise of the measurements: {NOISE} mm, estimated {estimate:.2}");

    let curve: Vec<f64> = (0..=200).map(|i| 0.5 * f64::from(i)).collect();
    let curve_inputs: Vec<f64> = curve.iter().map(|&position| input(position)).collect();
    let (y, deviations) = report.predict_with_error(&net, &curve_inputs)?;
    let bands = y.iter().zip(&deviations).zip(&curve);
    let bands = bands.map(|((&error, s), &position)| Band {
        position,
        error,
        // The error of the curve, without the noise of a further measurement.
        bar: NORMAL_95 * (s * s - estimate * estimate).max(0.0).sqrt(),
    });
    let bands: Vec<Band> = bands.collect();
    let is_inside = |band: &&Band| (true_error(band.position) - band.error).abs() <= band.bar;
    let inside = bands.iter().filter(is_inside).count();
    println!(
        "true curve inside the band at {inside} of {} points",
        bands.len()
    );
    draw(options, &measured, &bands)
}

/// The fitted curve at one position, and its uncertainty on each side.
struct Band {
    position: f64,
    error: f64,
    bar: f64,
}

fn draw(options: &Options, measured: &[Point], bands: &[Band]) -> Result<()> {
    let picture = plot::picture((760, 440), &|area: &Area| {
        let mut chart = ChartBuilder::on(area)
            .margin(px(14.0))
            .x_label_area_size(px(38.0))
            .y_label_area_size(px(48.0))
            .caption(
                "Error of a position sensor: fit, and 95 % band",
                text(15.0, FontStyle::Bold, INK),
            )
            .build_cartesian_2d(0.0..100.0, -2.0..4.0)?;
        chart
            .configure_mesh()
            .disable_mesh()
            .axis_style(AXIS.stroke_width(px(1.0)))
            .x_desc("position in mm")
            .y_desc("error in mm")
            .axis_desc_style(text(12.0, FontStyle::Normal, INK))
            .label_style(text(11.0, FontStyle::Normal, FAINT))
            .draw()?;
        let above = bands
            .iter()
            .map(|band| (band.position, band.error + band.bar));
        let below = bands
            .iter()
            .rev()
            .map(|band| (band.position, band.error - band.bar));
        let outline: Vec<Point> = above.chain(below).collect();
        chart.draw_series([Polygon::new(outline, BLUE.mix(0.18))])?;
        let truth = bands
            .iter()
            .map(|band| (band.position, true_error(band.position)));
        chart.draw_series(LineSeries::new(truth, INK.stroke_width(px(1.0))))?;
        let fit = bands.iter().map(|band| (band.position, band.error));
        chart.draw_series(LineSeries::new(fit, BLUE.stroke_width(px(2.0))))?;
        let points = measured
            .iter()
            .map(|&at| Circle::new(at, px(2.5), ORANGE.filled()));
        chart.draw_series(points)?;
        let legend = [
            (ORANGE, "measured, with noise"),
            (BLUE, "fit, with its band"),
            (INK, "true curve"),
        ];
        for (line, (color, words)) in legend.into_iter().enumerate() {
            let at = (px(90.0) as i32, px(52.0 + 18.0 * line as f64) as i32);
            area.draw_text(words, &text(12.0, FontStyle::Normal, color), at)?;
        }
        Ok(())
    })?;
    plot::save(&picture, &options.out)
}

/// Returns the ignition angle of an engine for speed and load from -1 to 1, a smooth map.
fn angle(speed: f64, load: f64) -> f64 {
    24.0 + 9.0 * (1.2 * speed).tanh() - 7.0 * load + 3.0 * (2.0 * speed).sin() * (1.5 * load).cos()
}

/// Fits the map on a grid and writes it as Rust source.
fn map(options: &Options) -> Result<()> {
    const SIDE: i32 = 17;
    let at = |i: i32| f64::from(2 * i) / f64::from(SIDE - 1) - 1.0;
    let grid = |offset: f64| {
        let cells = (0..SIDE).flat_map(move |i| (0..SIDE).map(move |j| (at(i), at(j))));
        cells.map(move |(speed, load)| [speed + offset, load - offset])
    };
    let inputs: Vec<f64> = grid(0.0).flatten().collect();
    let target = |[speed, load]: [f64; 2]| angle(speed, load) / 20.0;
    let targets: Vec<f64> = grid(0.0).map(target).collect();

    let net = Mlp::builder(2).hidden(14, Tanh).output(1, Identity);
    let mut net = net.seed(options.seed).build()?;
    let start = Instant::now();
    let trainer = LevenbergMarquardt::new().iterations(300);
    let report = trainer.fit(&mut net, &inputs, &targets)?;
    // Between the points of the grid.
    let fresh: Vec<f64> = grid(0.05).flatten().collect();
    let outputs = net.predict(&fresh)?;
    let errors = outputs
        .iter()
        .zip(grid(0.05))
        .map(|(y, x)| (20.0 * y - angle(x[0], x[1])).abs());
    println!(
        "map: {} points, {} parameters, {} iterations in {:.2} s",
        targets.len(),
        net.params().len(),
        report.search.iterations.len(),
        start.elapsed().as_secs_f64(),
    );
    let largest = errors.fold(0.0, f64::max);
    println!("largest error between the points: {largest:.1e} degrees of 40");
    fs::write(&options.rust, net.to_rust("MAP")?)?;
    Ok(())
}
