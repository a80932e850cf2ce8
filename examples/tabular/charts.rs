//! Charts of the report.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use support::plot::{AXIS, Area, BLUE, FAINT, INK, ORANGE, px, text};

use super::Result;
use super::labels::{self, LABELS, Scale};

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

/// Returns the range of most numbers with a margin. A few far numbers would hide the others.
pub fn usual_range(numbers: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut finite: Vec<_> = numbers.filter(|x| x.is_finite()).collect();
    finite.sort_unstable_by(f64::total_cmp);
    let far = finite.len() / 200;
    let (low, high) = range(finite[far..finite.len() - far].iter().copied());
    let margin = 0.5 * (high - low);
    (low - margin, high + margin)
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
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .legend_area_size(px(18.0))
        .margin(px(6.0))
        .background_style(WHITE.mix(0.85))
        .label_font(text(11.0, FontStyle::Normal, INK))
        .draw()?;
    Ok(())
}

/// Draws how often predictions are right, by their probability. Bars show the fraction of the rows
/// in each bin.
pub fn reliability(area: &Area<'_>, words: &Axes<'_>, bins: &[(f64, f64, f64)]) -> Result<()> {
    // Probabilities need no transformation.
    let (mut chart, _) = axes(area, words)?;
    let width = 1.0 / bins.len() as f64;
    let bars = bins.iter().enumerate().map(|(bin, (_, _, rows))| {
        let left = bin as f64 * width;
        let corners = [(left + 0.1 * width, 0.0), (left + 0.9 * width, *rows)];
        Rectangle::new(corners, AXIS.mix(0.5).filled())
    });
    chart.draw_series(bars)?;
    chart.draw_series(LineSeries::new(
        [(0.0, 0.0), (1.0, 1.0)],
        AXIS.stroke_width(px(1.0)),
    ))?;
    let filled = bins.iter().filter(|(_, _, rows)| *rows > 0.0);
    let places: Vec<_> = filled.map(|&(p, right, _)| (p, right)).collect();
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

/// Draws the number of rows of each class, down, and prediction, across.
pub fn matrix(area: &Area<'_>, title: &str, classes: &[String], counts: &[usize]) -> Result<()> {
    let (width, height) = area.dim_in_pixel();
    let (left, top) = (px(78.0) as i32, px(46.0) as i32);
    let cell = (
        (width as i32 - left - px(12.0) as i32) / classes.len() as i32,
        (height as i32 - top - px(40.0) as i32) / classes.len() as i32,
    );
    let write = |words: String, place, size: f64, color, across, down| -> Result<()> {
        let style = text(size, FontStyle::Normal, color).pos(Pos::new(across, down));
        area.draw(&Text::new(words, place, style))?;
        Ok(())
    };
    let bold = text(14.0, FontStyle::Bold, INK).pos(Pos::new(HPos::Center, VPos::Top));
    area.draw(&Text::new(title, (width as i32 / 2, px(8.0) as i32), bold))?;
    // A name has the width of its cell, or of the space at the left.
    let names = |pixels: i32| labels::shortened(classes, (pixels / px(7.0) as i32).max(3) as usize);
    let (lines, heads) = (names(left), names(cell.0));
    let size = (f64::from(cell.1.min(cell.0 / 2)) / f64::from(px(1.0)) * 0.6).clamp(5.0, 14.0);
    for (row, (line, head)) in lines.into_iter().zip(heads).enumerate() {
        let all = &counts[row * classes.len()..][..classes.len()];
        let total = all.iter().sum::<usize>().max(1) as f64;
        let y = top + row as i32 * cell.1;
        let middle = y + cell.1 / 2;
        let place = (left - px(6.0) as i32, middle);
        write(line, place, 11.0, FAINT, HPos::Right, VPos::Center)?;
        for (column, &count) in all.iter().enumerate() {
            let x = left + column as i32 * cell.0;
            let part = count as f64 / total;
            let color = if row == column { BLUE } else { ORANGE };
            let corners = [(x, y), (x + cell.0 - 2, y + cell.1 - 2)];
            area.draw(&Rectangle::new(
                corners,
                color.mix(0.06 + 0.85 * part).filled(),
            ))?;
            let ink = if part > 0.55 { WHITE } else { INK };
            let place = (x + cell.0 / 2, middle);
            write(
                count.to_string(),
                place,
                size,
                ink,
                HPos::Center,
                VPos::Center,
            )?;
        }
        let place = (
            left + row as i32 * cell.0 + cell.0 / 2,
            top - px(4.0) as i32,
        );
        write(head, place, 11.0, FAINT, HPos::Center, VPos::Bottom)?;
    }
    let place = (width as i32 / 2, height as i32 - px(14.0) as i32);
    let words = "rows: true class, columns: predicted class".to_string();
    write(words, place, 11.0, FAINT, HPos::Center, VPos::Bottom)
}
