//! Bars and the confusion matrix of the report, which have names in place of one axis.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use support::plot::{AXIS, Area, BLUE, FAINT, INK, ORANGE, px, text};

use super::Result;
use super::charts;
use super::labels::{self, LABELS, Scale};

/// Writes words at a place.
fn write(
    area: &Area<'_>,
    words: impl Into<String>,
    place: (i32, i32),
    (size, color): (f64, RGBColor),
    (across, down): (HPos, VPos),
) -> Result<()> {
    let style = text(size, FontStyle::Normal, color).pos(Pos::new(across, down));
    area.draw(&Text::new(words.into(), place, style))?;
    Ok(())
}

/// Writes the title of a panel.
fn title(area: &Area<'_>, title: &str) -> Result<()> {
    let middle = area.dim_in_pixel().0 as i32 / 2;
    let bold = text(14.0, FontStyle::Bold, INK).pos(Pos::new(HPos::Center, VPos::Top));
    area.draw(&Text::new(title, (middle, px(8.0) as i32), bold))?;
    Ok(())
}

/// About the width of a letter in pixels of the final picture.
const LETTER: f64 = 7.0;

/// Height of a bar with its space, in pixels of the final picture.
const BAR: f64 = 20.0;

/// Maximum number of bars.
pub const MOST_BARS: usize = 14;

/// Bars with names, and words about them.
pub struct Bars<'w> {
    pub title: &'w str,
    pub words: &'w str,
    /// Name, length and deviation of each bar.
    pub all: &'w [(String, f64, f64)],
    /// Fraction to compare with, and its name. The axis reaches 1.
    pub expected: Option<(f64, String)>,
}

/// Draws a bar for each name, with its deviation.
pub fn bars(area: &Area<'_>, bars: &Bars<'_>) -> Result<()> {
    title(area, bars.title)?;
    let all = bars.all;
    let (width, height) = area.dim_in_pixel();
    let most = (f64::from(width) * 0.4 / f64::from(px(LETTER))) as usize;
    let names: Vec<_> = all.iter().map(|(name, ..)| name.clone()).collect();
    let names = labels::shortened(&names, most.max(3));
    let style = text(11.0, FontStyle::Normal, INK);
    let widths = names
        .iter()
        .map(|name| area.estimate_text_size(name, &style));
    let widths: std::result::Result<Vec<_>, _> = widths.collect();
    let longest = widths?.into_iter().map(|(width, _)| width).max();
    let left = (longest.unwrap_or(0) + px(24.0)) as i32;
    let (right, top) = (width as i32 - px(24.0) as i32, px(38.0) as i32);
    let step =
        ((height as i32 - top - px(44.0) as i32) / all.len().max(1) as i32).min(px(BAR) as i32);
    let bottom = top + step * all.len() as i32;

    let ends = all
        .iter()
        .flat_map(|(_, mean, deviation)| [mean - deviation, mean + deviation]);
    let range = charts::range(ends.chain([0.0]).chain(bars.expected.as_ref().map(|_| 1.0)));
    let scale = Scale::of(range, false);
    let (low, high) = (scale.apply(range.0), scale.apply(range.1));
    let across = |x: f64| {
        let part = (scale.apply(x) - low) / (high - low);
        left + (part * f64::from(right - left)) as i32
    };
    // Round numbers at a distance of 1, 2 or 5 times a power of ten.
    let about = (high - low) / LABELS as f64;
    let power = 10_f64.powf(about.log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0];
    let distance = factors
        .map(|factor| factor * power)
        .into_iter()
        .find(|x| *x >= about);
    let distance = distance.unwrap_or(about);
    let ticks = (low / distance).ceil() as i64..=(high / distance).floor() as i64;
    for tick in ticks {
        let number = tick as f64 * distance;
        let part = (number - low) / (high - low);
        let x = left + (part * f64::from(right - left)) as i32;
        let line = [(x, top), (x, bottom + px(3.0) as i32)];
        area.draw(&PathElement::new(
            line,
            AXIS.mix(0.35).stroke_width(px(0.5)),
        ))?;
        let place = (x, bottom + px(6.0) as i32);
        let words = labels::at_step(number, distance);
        write(area, words, place, (11.0, FAINT), (HPos::Center, VPos::Top))?;
    }
    for (row, (name, (_, mean, deviation))) in names.into_iter().zip(all).enumerate() {
        let y = top + row as i32 * step;
        let middle = y + step / 2;
        let place = (left - px(6.0) as i32, middle);
        write(area, name, place, (11.0, INK), (HPos::Right, VPos::Center))?;
        let corners = [
            (across(0.0), y + step / 6),
            (across(*mean), y + step - step / 6),
        ];
        area.draw(&Rectangle::new(corners, BLUE.mix(0.75).filled()))?;
        let ends = [
            (across(mean - deviation), middle),
            (across(mean + deviation), middle),
        ];
        area.draw(&PathElement::new(ends, INK.stroke_width(px(1.2))))?;
    }
    let line = [(across(0.0), top), (across(0.0), bottom)];
    area.draw(&PathElement::new(line, AXIS.stroke_width(px(1.0))))?;
    if let Some((expected, name)) = &bars.expected {
        let x = across(*expected);
        let line = [(x, top), (x, bottom)];
        area.draw(&PathElement::new(line, ORANGE.stroke_width(px(1.5))))?;
        let (place, center) = ((x, top - px(2.0) as i32), (HPos::Center, VPos::Bottom));
        write(area, name, place, (11.0, ORANGE), center)?;
    }
    let place = (i32::midpoint(left, right), bottom + px(22.0) as i32);
    write(
        area,
        scale.describe(bars.words),
        place,
        (11.0, FAINT),
        (HPos::Center, VPos::Top),
    )
}

/// Draws the number of rows of each class, down, and prediction, across.
pub fn matrix(area: &Area<'_>, head: &str, classes: &[String], counts: &[usize]) -> Result<()> {
    let (width, height) = area.dim_in_pixel();
    let (left, top) = (px(78.0) as i32, px(46.0) as i32);
    let cell = (
        (width as i32 - left - px(12.0) as i32) / classes.len() as i32,
        (height as i32 - top - px(40.0) as i32) / classes.len() as i32,
    );
    title(area, head)?;
    // A name has the width of its cell, or of the space at the left.
    let names =
        |pixels: i32| labels::shortened(classes, (pixels / px(LETTER) as i32).max(3) as usize);
    let (lines, heads) = (names(left), names(cell.0));
    let digits = counts.iter().max().map_or(1, |most| most.to_string().len());
    let (across, down) = (
        0.9 * f64::from(cell.0) / (0.65 * digits as f64),
        0.6 * f64::from(cell.1),
    );
    let size = (across.min(down) / f64::from(px(1.0))).clamp(5.0, 14.0);
    for (row, (line, name)) in lines.into_iter().zip(heads).enumerate() {
        let all = &counts[row * classes.len()..][..classes.len()];
        let total = all.iter().sum::<usize>().max(1) as f64;
        let y = top + row as i32 * cell.1;
        let middle = y + cell.1 / 2;
        let place = (left - px(6.0) as i32, middle);
        write(
            area,
            line,
            place,
            (11.0, FAINT),
            (HPos::Right, VPos::Center),
        )?;
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
            let center = (HPos::Center, VPos::Center);
            write(area, count.to_string(), place, (size, ink), center)?;
        }
        let place = (
            left + row as i32 * cell.0 + cell.0 / 2,
            top - px(4.0) as i32,
        );
        write(
            area,
            name,
            place,
            (11.0, FAINT),
            (HPos::Center, VPos::Bottom),
        )?;
    }
    let place = (width as i32 / 2, height as i32 - px(14.0) as i32);
    let words = "rows: true class, columns: predicted class, of held-out rows";
    write(
        area,
        words,
        place,
        (11.0, FAINT),
        (HPos::Center, VPos::Bottom),
    )
}
