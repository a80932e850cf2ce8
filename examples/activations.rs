//! Draws every built-in activation of one number, and its derivative, on one sheet.
//!
//! `cargo run --example activations [-- --out FILE]`

use std::error::Error;
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use feedforward::{Activation, activation};
use plotters::chart::ChartContext;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use support::plot::{self, AXIS, Area, BLUE, FAINT, INK, ORANGE, px, text};

#[macro_use]
#[path = "common/say.rs"]
mod say;

const COLUMNS: usize = 4;
const PANEL: (u32, u32) = (280, 222);
const MARGIN: u32 = 14;
/// Color of the grid.
const GRID: RGBColor = RGBColor(231, 234, 239);
/// Distance between the points of a curve. Every kink of an activation lies on a multiple of it.
const STEP: f64 = 0.05;

type Chart<'a, 'b> =
    ChartContext<'a, BitMapBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

#[derive(Parser)]
#[command(about = "Draws every built-in activation and its derivative on one sheet")]
struct Options {
    /// Picture to write, a PNG
    #[arg(long, value_name = "FILE", default_value = "out/activations.png")]
    out: PathBuf,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match sheet(&options) {
        Ok(()) => {
            say::wrote(&[&options.out]);
            ExitCode::SUCCESS
        }
        Err(error) => say::complain(error),
    }
}

fn sheet(options: &Options) -> Result<(), Box<dyn Error>> {
    say::prepare_file(&options.out)?;
    // An activation of several pre-activations is no curve.
    let (activations, others): (Vec<_>, Vec<_>) = activation::all::<f64>()
        .into_iter()
        .partition(|f| f.pieces() == 1);
    // The legend takes the cell after the last panel.
    let rows = (activations.len() + 1).div_ceil(COLUMNS);
    let size = (
        PANEL.0 * COLUMNS as u32 + 2 * MARGIN,
        PANEL.1 * rows as u32 + 2 * MARGIN,
    );
    let picture = plot::picture(size, &|area| {
        area.fill(&WHITE)?;
        let margin = px(f64::from(MARGIN));
        let cells = area
            .margin(margin, margin, margin, margin)
            .split_evenly((rows, COLUMNS));
        for (f, cell) in activations.iter().zip(&cells) {
            panel(cell, f)?;
        }
        legend(&cells[activations.len()], &others)
    })?;
    plot::save(&picture, &options.out)
}

/// Returns the visible part of the plane. It is larger for a curve with a kink far from the origin.
fn window(name: &str) -> (Range<f64>, Range<f64>) {
    match name {
        "relu6" => (-4.0..8.0, -1.5..7.5),
        _ => (-4.0..4.0, -2.5..3.5),
    }
}

fn panel(cell: &Area, f: &Arc<dyn Activation<f64>>) -> Result<(), Box<dyn Error>> {
    let name = f.name();
    let (xs, ys) = window(&name);
    let mut chart = ChartBuilder::on(cell)
        .margin(px(6.0))
        .margin_right(px(14.0))
        .caption(&name, text(15.0, FontStyle::Bold, INK))
        .x_label_area_size(px(18.0))
        .y_label_area_size(px(24.0))
        .build_cartesian_2d(xs.clone(), ys.clone())?;
    grid(&mut chart, &xs, &ys)?;

    let steps = ((xs.end - xs.start) / STEP).round() as i32;
    let points: Vec<f64> = (0..=steps)
        .map(|i| xs.start + STEP * f64::from(i))
        .collect();
    let value = |x: f64| f.value(x);
    let derivative = |x: f64| f.derivative(x, f.value(x));
    for piece in pieces(&points, value, &ys) {
        chart.draw_series([PathElement::new(piece, BLUE.stroke_width(px(2.0)))])?;
    }
    // The dashes come second, so that both curves are visible where they coincide.
    for piece in pieces(&points, derivative, &ys) {
        let style = ORANGE.stroke_width(px(1.6));
        let dashes = DashedPathElement::new(piece, px(5.0), px(3.0), style);
        chart.draw_series([dashes])?;
    }
    Ok(())
}

/// Returns the curve inside the window, cut where it jumps or leaves.
fn pieces(points: &[f64], f: impl Fn(f64) -> f64, ys: &Range<f64>) -> Vec<Vec<(f64, f64)>> {
    let mut pieces = vec![];
    let mut piece = vec![];
    let mut add = |x: f64, y: f64, is_last: bool| {
        let inside = ys.contains(&y);
        if inside {
            piece.push((x, y));
        }
        if is_last || !inside {
            pieces.push(std::mem::take(&mut piece));
        }
    };
    for pair in points.windows(2) {
        add(pair[0], f(pair[0]), false);
        if let Some((left, right)) = jump(&f, pair[0], pair[1]) {
            add(left, f(left), true);
            add(right, f(right), false);
        }
    }
    if let Some(&x) = points.last() {
        add(x, f(x), true);
    }
    pieces.retain(|piece| piece.len() > 1);
    pieces
}

/// Returns the neighboring points between which f jumps, found by bisection of steep steps.
fn jump(f: impl Fn(f64) -> f64, mut left: f64, mut right: f64) -> Option<(f64, f64)> {
    const HEIGHT: f64 = 0.1;
    let rise = |a: f64, b: f64| (f(b) - f(a)).abs();
    for _ in 0..30 {
        if rise(left, right) < HEIGHT {
            return None;
        }
        let middle = f64::midpoint(left, right);
        if rise(left, middle) > rise(middle, right) {
            right = middle;
        } else {
            left = middle;
        }
    }
    Some((left, right))
}

/// Draws a grid at whole numbers, axes through the origin, and labels at even numbers.
fn grid(chart: &mut Chart, xs: &Range<f64>, ys: &Range<f64>) -> Result<(), Box<dyn Error>> {
    let whole = |range: &Range<f64>| range.start.ceil() as i32..=range.end.floor() as i32;
    let color = |at: i32| if at == 0 { AXIS } else { GRID }.stroke_width(px(1.0));
    // The axes come last, so that no line of the grid crosses them.
    for zero in [false, true] {
        for x in whole(xs).filter(|&x| (x == 0) == zero) {
            let line = vec![(f64::from(x), ys.start), (f64::from(x), ys.end)];
            chart.draw_series([PathElement::new(line, color(x))])?;
        }
        for y in whole(ys).filter(|&y| (y == 0) == zero) {
            let line = vec![(xs.start, f64::from(y)), (xs.end, f64::from(y))];
            chart.draw_series([PathElement::new(line, color(y))])?;
        }
    }

    let label = |n: i32| n.to_string().replace('-', "\u{2212}");
    let numbers = text(10.5, FontStyle::Normal, FAINT);
    let area = chart.plotting_area().strip_coord_spec();
    let origin = area.get_base_pixel();
    let place = |x: f64, y: f64| {
        let (left, top) = chart.backend_coord(&(x, y));
        (left - origin.0, top - origin.1)
    };
    for x in whole(xs).filter(|x| x % 2 == 0) {
        let (left, top) = place(f64::from(x), ys.start);
        let style = numbers.pos(Pos::new(HPos::Center, VPos::Top));
        area.draw(&Text::new(
            label(x),
            (left, top + px(4.0).cast_signed()),
            style,
        ))?;
    }
    for y in whole(ys).filter(|y| y % 2 == 0) {
        let (left, top) = place(xs.start, f64::from(y));
        let style = numbers.pos(Pos::new(HPos::Right, VPos::Center));
        area.draw(&Text::new(
            label(y),
            (left - px(6.0).cast_signed(), top + px(1.5).cast_signed()),
            style,
        ))?;
    }
    Ok(())
}

fn legend(cell: &Area, others: &[Arc<dyn Activation<f64>>]) -> Result<(), Box<dyn Error>> {
    let at = |x: f64, y: f64| (px(x).cast_signed(), px(y).cast_signed());
    let left = |style: TextStyle<'static>| style.pos(Pos::new(HPos::Left, VPos::Center));
    let words = |words: &str, x: f64, y: f64, style: TextStyle<'static>| {
        cell.draw(&Text::new(words, at(x, y), left(style)))
    };
    let line = |y: f64| vec![at(36.0, y), at(84.0, y)];
    words("feedforward", 36.0, 66.0, text(17.0, FontStyle::Bold, INK))?;
    words(
        "built-in activations",
        36.0,
        88.0,
        text(12.0, FontStyle::Normal, FAINT),
    )?;
    cell.draw(&PathElement::new(line(122.0), BLUE.stroke_width(px(2.0))))?;
    words("f(x)", 96.0, 122.0, text(14.0, FontStyle::Normal, INK))?;
    let orange = ORANGE.stroke_width(px(1.6));
    cell.draw(&DashedPathElement::new(
        line(148.0),
        px(5.0),
        px(3.0),
        orange,
    ))?;
    words(
        "f\u{2032}(x)",
        96.0,
        148.0,
        text(14.0, FontStyle::Normal, INK),
    )?;
    let names: Vec<_> = others.iter().map(Activation::name).collect();
    let small = || text(12.0, FontStyle::Normal, FAINT);
    words("of several numbers, not drawn:", 36.0, 178.0, small())?;
    words(&names.join(", "), 36.0, 195.0, small())?;
    Ok(())
}
