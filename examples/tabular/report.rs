//! The report: one picture of three charts, about predictions for rows that were held out.

use std::collections::BTreeMap;
use std::path::Path;

use feedforward::tabular::Column;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use support::plot::{self, Area, BLUE, FAINT, INK, ORANGE, px, text};

use super::charts::{self, Axes};
use super::{Learned, Losses, Result, labels, reading};

/// Width and height of a chart, and height of the line above the charts, in pixels.
const CHART: (u32, u32) = (380, 340);
const HEAD: u32 = 40;

/// Maximum number of classes in the confusion matrix.
const MOST_CLASSES: usize = 12;

/// Number of bins of probabilities.
const BINS: usize = 10;

/// Maximum length of a column's name in the picture.
const MOST_LETTERS: usize = 40;

/// Draws and writes the report.
pub fn save(learned: &Learned, file: &Path) -> Result<()> {
    let reading = &learned.reading;
    let column = reading.table.column(&reading.target)?;
    let name = labels::shortened(std::slice::from_ref(&reading.target), MOST_LETTERS).concat();
    let scores = learned.model.mean_scores();
    let scores = scores
        .iter()
        .map(|(name, mean, _)| format!("{name} {}", labels::short(*mean)));
    let head = scores.collect::<Vec<_>>().join("   ");
    let picture = plot::picture((3 * CHART.0, HEAD + CHART.1), &|area| {
        area.fill(&WHITE)?;
        let (words, below) = area.split_vertically(px(f64::from(HEAD)));
        let style =
            |weight, color, across| text(15.0, weight, color).pos(Pos::new(across, VPos::Center));
        let middle = px(f64::from(HEAD) / 2.0) as i32;
        let (left, right) = (px(16.0) as i32, px(f64::from(3 * CHART.0) - 16.0) as i32);
        let title = format!("{name}, predicted for held-out rows");
        let bold = style(FontStyle::Bold, INK, HPos::Left);
        words.draw(&Text::new(title, (left, middle), bold))?;
        let faint = style(FontStyle::Normal, FAINT, HPos::Right);
        words.draw(&Text::new(head.clone(), (right, middle), faint))?;
        let panels = below.split_evenly((1, 3));
        if learned.model.classes().is_empty() {
            numbers(learned, column, [&panels[0], &panels[1]])?;
        } else {
            classes(learned, column, [&panels[0], &panels[1]])?;
        }
        losses(&learned.losses, &panels[2])
    })?;
    plot::save(&picture, file)
}

/// Draws predicted against true numbers, and the differences.
fn numbers(learned: &Learned, column: &Column<'_>, areas: [&Area<'_>; 2]) -> Result<()> {
    let is_log = learned.is_log;
    let axis = |x: f64| if is_log { x.log10() } else { x };
    let truths = column.as_numbers().unwrap_or_default().iter();
    let pairs = truths.zip(learned.model.out_of_fold());
    let pairs: Vec<_> = pairs
        .filter(|(_, predicted)| predicted.is_finite())
        .map(|(&truth, &predicted)| (axis(truth), axis(predicted)))
        .collect();
    let both = charts::range(pairs.iter().flat_map(|&(x, y)| [x, y]));
    let axes = Axes {
        title: "predicted and true",
        x: ("true", both),
        y: ("predicted", both),
        is_log: (is_log, is_log),
    };
    charts::points(
        areas[0],
        &axes,
        &pairs,
        [(both.0, both.0), (both.1, both.1)],
    )?;

    // A ratio has the axis of a logarithm, as the difference of two.
    let residual = |&(truth, predicted): &(f64, f64)| (predicted, truth - predicted);
    let residuals: Vec<_> = pairs.iter().map(residual).collect();
    let across = charts::range(residuals.iter().map(|point| point.0));
    let down = if is_log {
        "true / predicted"
    } else {
        "true - predicted"
    };
    let axes = Axes {
        title: "residuals",
        x: ("predicted", across),
        y: (
            down,
            charts::usual_range(residuals.iter().map(|point| point.1)),
        ),
        is_log: (is_log, is_log),
    };
    charts::points(
        areas[1],
        &axes,
        &residuals,
        [(across.0, 0.0), (across.1, 0.0)],
    )
}

/// Draws the confusion matrix, and how often predictions are right.
fn classes(learned: &Learned, column: &Column<'_>, areas: [&Area<'_>; 2]) -> Result<()> {
    let classes = learned.model.classes();
    let index: BTreeMap<&str, usize> = classes.iter().map(|c| &**c).zip(0..).collect();
    let truth = |row| index.get(&*reading::text(column, row)?).copied();
    let all = learned.model.out_of_fold().chunks(classes.len());
    let rows: Vec<_> = all
        .enumerate()
        .filter(|(_, probabilities)| probabilities[0].is_finite())
        .filter_map(|(row, probabilities)| Some((truth(row)?, probabilities)))
        .collect();

    let mut sizes = vec![0_usize; classes.len()];
    for (class, _) in &rows {
        sizes[*class] += 1;
    }
    let mut shown: Vec<usize> = (0..classes.len()).collect();
    shown.sort_by_key(|&class| std::cmp::Reverse(sizes[class]));
    shown.truncate(MOST_CLASSES);
    shown.sort_unstable();
    let place = |class: usize| shown.iter().position(|&other| other == class);
    let mut counts = vec![0; shown.len() * shown.len()];
    for (class, probabilities) in &rows {
        if let (Some(row), Some(at)) = (place(*class), place(most(probabilities))) {
            counts[row * shown.len() + at] += 1;
        }
    }
    let names: Vec<_> = shown.iter().map(|&class| classes[class].clone()).collect();
    let title = if shown.len() < classes.len() {
        format!("confusion of the {MOST_CLASSES} largest classes")
    } else {
        "confusion".to_string()
    };
    charts::matrix(areas[0], &title, &names, &counts)?;

    // Of two classes, the second one. Otherwise the predicted one.
    let mut sums = [(0.0, 0.0, 0.0); BINS];
    for (class, probabilities) in &rows {
        let at = if classes.len() == 2 {
            1
        } else {
            most(probabilities)
        };
        let probability = probabilities[at];
        let bin = ((probability * BINS as f64) as usize).min(BINS - 1);
        sums[bin].0 += probability;
        sums[bin].1 += f64::from(u8::from(*class == at));
        sums[bin].2 += 1.0;
    }
    let bins: Vec<_> = sums
        .into_iter()
        .map(|(p, right, count): (f64, f64, f64)| {
            let divisor = count.max(1.0);
            (
                p / divisor,
                right / divisor,
                count / rows.len().max(1) as f64,
            )
        })
        .collect();
    let of_second = labels::shortened(classes, MOST_LETTERS / 2).pop();
    let of_second = format!("probability of {}", of_second.unwrap_or_default());
    let axes = Axes {
        title: "reliability, and fraction of rows",
        x: match classes.len() {
            2 => (&of_second, (0.0, 1.0)),
            _ => ("probability of the predicted class", (0.0, 1.0)),
        },
        y: ("observed fraction", (0.0, 1.0)),
        is_log: (false, false),
    };
    charts::reliability(areas[1], &axes, &bins)
}

fn most(row: &[f64]) -> usize {
    let larger = |best, (index, &p): (usize, &f64)| if p > row[best] { index } else { best };
    row.iter().enumerate().fold(0, larger)
}

/// Draws the losses of all folds.
fn losses(losses: &Losses, area: &Area<'_>) -> Result<()> {
    let epochs = losses.iter().map(Vec::len).max().unwrap_or(0);
    // The first epochs would hide the others.
    let after = epochs / 20;
    let late = losses.iter().flat_map(|fold| fold.iter().skip(after));
    let (low, high) = charts::range(late.flat_map(|&(loss, held_out)| [loss, held_out]));
    let axes = Axes {
        title: "learning curves of the folds",
        x: ("epoch", (1.0, epochs.max(2) as f64)),
        y: ("loss", (low, high)),
        is_log: (false, false),
    };
    let curve = |of: fn(&(f64, f64)) -> f64, fold: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let finite = fold
            .iter()
            .zip(1..)
            .map(|(both, epoch)| (f64::from(epoch), of(both)));
        finite.filter(|(_, loss)| loss.is_finite()).collect()
    };
    let mut curves = Vec::new();
    for (index, fold) in losses.iter().enumerate() {
        let name = |name| if index == 0 { name } else { "" };
        curves.push((name("training"), BLUE, curve(|both| both.0, fold)));
        curves.push((name("held out"), ORANGE, curve(|both| both.1, fold)));
    }
    charts::curves(area, &axes, &curves)
}
