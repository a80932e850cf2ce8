//! Charts of the report.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use support::plot::{AXIS, Area, BLUE, FAINT, INK, ORANGE, px, text};

use super::Result;
use super::intervals::Interval;
use super::labels::{self, LABELS, Scale};
use super::reliability::Bin;

type Chart<'a, 'b> =
    ChartContext<'a, BitMapBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Maximum number of points of a chart. More take long to draw and hide each other.
const MOST_POINTS: usize = 3000;

/// Words and ranges of a chart.
pub struct Axes<'w> {
    pub title: &'w str,
    pub x: (&'w str, (f64, f64)),
    pub y: (&'w str, (f64, f64)),
    /// Axes are of logarithms to base 10.
    pub is_log: (bool, bool),
}

/// Returns the range of numbers with a margin. It is never empty, because plotters draws endlessly
/// on an axis without length.
pub fn range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = numbers.filter(|x| x.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
        (low.min(x), high.max(x))
    });
    if low > high {
        return (0.0, 1.0);
    }
    let margin = 0.04 * (high - low);
    let margin = if margin > 0.0 && margin.is_finite() {
        margin
    } else {
        0.5 * low.abs().max(1.0)
    };
    (low - margin, high + margin)
}

/// Returns the range of most numbers with a wide margin.
pub fn usual_range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = middle_range(numbers);
    let margin = 0.5 * (high - low);
    (low - margin, high + margin)
}

/// Returns the range of most numbers. A few far numbers would hide the others.
pub fn middle_range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut finite: Vec<_> = numbers.filter(|x| x.is_finite()).collect();
    finite.sort_unstable_by(f64::total_cmp);
    let far = finite.len() / 200;
    range(finite[far..finite.len() - far].iter().copied())
}

/// Transformations of both axes.
#[derive(Clone, Copy)]
struct Scales(Scale, Scale);

impl Scales {
    fn place(self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.0.apply(x), self.1.apply(y))
    }
}

/// Draws axes, and returns their transformations.
fn axes<'a, 'b>(area: &'a Area<'b>, axes: &Axes<'_>) -> Result<(Chart<'a, 'b>, Scales)> {
    let of = |(words, (low, high)): (&str, (f64, f64)), is_log: bool| {
        let scale = Scale::of((low, high), is_log);
        let (low, high) = (scale.apply(low), scale.apply(high));
        let step = (high - low) / LABELS as f64;
        let label = move |&x: &f64| {
            if !is_log {
                return labels::at_step(x, step);
            }
            labels::of_logarithm(x, step)
        };
        (low..high, label, scale.describe(words), scale)
    };
    let (x_range, x_label, x_words, x) = of(axes.x, axes.is_log.0);
    let (y_range, y_label, y_words, y) = of(axes.y, axes.is_log.1);
    let mut chart = ChartBuilder::on(area)
        .margin(px(8.0))
        .x_label_area_size(px(36.0))
        .y_label_area_size(px(58.0))
        .caption(axes.title, text(14.0, FontStyle::Bold, INK))
        .build_cartesian_2d(x_range, y_range)?;
    chart
        .configure_mesh()
        .axis_style(AXIS.stroke_width(px(1.0)))
        .light_line_style(TRANSPARENT)
        .bold_line_style(AXIS.mix(0.35).stroke_width(px(1.0) / 2))
        .label_style(text(11.0, FontStyle::Normal, FAINT))
        .x_desc(x_words)
        .y_desc(y_words)
        .x_labels(LABELS)
        .y_labels(LABELS)
        .x_label_formatter(&x_label)
        .y_label_formatter(&y_label)
        .draw()?;
    Ok((chart, Scales(x, y)))
}

/// Draws points and a line between two places.
pub fn points(
    area: &Area<'_>,
    words: &Axes<'_>,
    points: &[(f64, f64)],
    line: [(f64, f64); 2],
) -> Result<()> {
    let (mut chart, scales) = axes(area, words)?;
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let dots = points.iter().step_by(step);
    let radius = if points.len() > 500 { 1.3 } else { 2.2 };
    let ((left, right), (low, high)) = (words.x.1, words.y.1);
    let dot = |&(x, y): &(f64, f64)| {
        let inside = (x.clamp(left, right), y.clamp(low, high));
        Circle::new(scales.place(inside), px(radius), BLUE.mix(0.5).filled())
    };
    chart.draw_series(dots.map(dot))?;
    chart.draw_series(LineSeries::new(
        line.map(|point| scales.place(point)),
        ORANGE.stroke_width(px(1.5)),
    ))?;
    Ok(())
}

/// Curve with its name and color. Without a name it is one more of the kind before.
pub type Curve<'n> = (&'n str, RGBColor, Vec<(f64, f64)>);

/// Draws curves.
pub fn curves(area: &Area<'_>, words: &Axes<'_>, curves: &[Curve<'_>]) -> Result<()> {
    let (mut chart, scales) = axes(area, words)?;
    let (low, high) = words.y.1;
    for (name, color, curve) in curves {
        // plotters draws beyond the axes.
        let inside = curve
            .iter()
            .map(|&(x, y)| scales.place((x, y.clamp(low, high))));
        let line = LineSeries::new(inside, color.mix(0.8).stroke_width(px(1.2)));
        let drawn = chart.draw_series(line)?;
        if !name.is_empty() {
            let color = *color;
            drawn.label(*name).legend(move |(x, y)| {
                let line = [(x, y), (x + px(14.0) as i32, y)];
                PathElement::new(line, color.stroke_width(px(2.0)))
            });
        }
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)
}

/// Draws how often predictions are right, by their probability. Bars show the fraction of the rows
/// in each bin.
pub fn reliability(area: &Area<'_>, words: &Axes<'_>, bins: &[Bin]) -> Result<()> {
    // Probabilities need no transformation.
    let (mut chart, _) = axes(area, words)?;
    let width = 1.0 / bins.len() as f64;
    let rows = bins.iter().map(|bin| bin.rows).sum::<usize>().max(1) as f64;
    let bars = bins.iter().enumerate().map(|(index, bin)| {
        let (left, height) = (index as f64 * width, bin.rows as f64 / rows);
        let corners = [(left + 0.1 * width, 0.0), (left + 0.9 * width, height)];
        Rectangle::new(corners, AXIS.mix(0.5).filled())
    });
    chart.draw_series(bars)?;
    chart.draw_series(LineSeries::new(
        [(0.0, 0.0), (1.0, 1.0)],
        AXIS.stroke_width(px(1.0)),
    ))?;
    let filled = bins.iter().filter(|bin| bin.rows > 0);
    let places: Vec<_> = filled.map(|bin| (bin.predicted, bin.observed)).collect();
    chart.draw_series(LineSeries::new(
        places.iter().copied(),
        BLUE.stroke_width(px(1.8)),
    ))?;
    let dots = places
        .iter()
        .map(|&place| Circle::new(place, px(3.0), BLUE.filled()));
    chart.draw_series(dots)?;
    Ok(())
}

/// Maximum number of intervals of a chart. More would touch each other.
pub const MOST_INTERVALS: usize = 160;

/// Space for a legend above all points, as a part of their range.
const LEGEND: f64 = 0.22;

/// Draws intervals side by side, each with its true number and its prediction.
pub fn intervals(area: &Area<'_>, words: &Axes<'_>, all: &[Interval]) -> Result<()> {
    let (low, high) = words.y.1;
    let space = LEGEND * (high - low);
    let top = if space.is_finite() {
        high + space
    } else {
        high
    };
    let words = &Axes {
        y: (words.y.0, (low, top)),
        ..*words
    };
    let (mut chart, scales) = axes(area, words)?;
    let place = |row: usize, y: f64| scales.place((row as f64 + 1.0, y.clamp(low, high)));
    let line = |(row, interval): (usize, &Interval)| {
        let ends = [place(row, interval.lower), place(row, interval.upper)];
        PathElement::new(ends, BLUE.mix(0.3).stroke_width(px(1.2)))
    };
    chart.draw_series(all.iter().enumerate().map(line))?;
    let predicted = all
        .iter()
        .enumerate()
        .map(|(row, i)| place(row, i.predicted));
    let line = LineSeries::new(predicted, INK.mix(0.6).stroke_width(px(1.0)));
    chart.draw_series(line)?;
    for (name, color, is_covering) in [("inside", BLUE, true), ("outside", ORANGE, false)] {
        let dots = all.iter().enumerate();
        let dots = dots.filter(|(_, interval)| interval.is_covering() == is_covering);
        let dot = |(row, interval): (usize, &Interval)| {
            Circle::new(place(row, interval.truth), px(2.0), color.filled())
        };
        let drawn = chart.draw_series(dots.map(dot))?;
        drawn
            .label(format!("true value, {name}"))
            .legend(move |(x, y)| Circle::new((x + px(9.0) as i32, y), px(2.5), color.filled()));
    }
    legend(&mut chart, SeriesLabelPosition::UpperLeft)
}

fn legend<'a, 'b: 'a>(chart: &mut Chart<'a, 'b>, position: SeriesLabelPosition) -> Result<()> {
    chart
        .configure_series_labels()
        .position(position)
        .legend_area_size(px(18.0))
        .margin(px(6.0))
        .background_style(WHITE.mix(0.85))
        .label_font(text(11.0, FontStyle::Normal, INK))
        .draw()?;
    Ok(())
}
