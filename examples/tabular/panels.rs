//! Panels of the report, each of one result.

use support::plot::{Area, BLUE, ORANGE};

use super::bars::{self, Bars};
use super::charts::{self, Axes};
use super::importance::Measured;
use super::intervals::Intervals;
use super::reliability::Reliability;
use super::sets::{OfClass, Sets};
use super::training::Losses;
use super::{Result, labels, written};

/// Returns a number, or its logarithm for an axis of logarithms.
pub fn on_axis(x: f64, is_log: bool) -> f64 {
    if is_log { x.log10() } else { x }
}

/// Draws the importance of the most important columns.
pub fn importance(measured: &Measured, area: &Area<'_>) -> Result<()> {
    let all = measured.importance.iter().take(bars::MOST_BARS);
    let all: Vec<_> = all
        .map(|(name, mean, deviation)| (name.to_string(), mean, deviation))
        .collect();
    let words = format!("{} after a shuffle, held-out rows", measured.title());
    let bars = Bars {
        title: "importance of columns",
        words: &words,
        all: &all,
        expected: None,
    };
    bars::bars(area, &bars)
}

/// Draws how many sets of each class contain it.
pub fn sets(sets: &Sets, classes: &[String], area: &Area<'_>) -> Result<()> {
    let (mut of_classes, total) = sets.means();
    of_classes.retain(|of| of.rows > 0);
    of_classes.sort_by_key(|of| std::cmp::Reverse(of.rows));
    of_classes.truncate(bars::MOST_BARS);
    of_classes.sort_by_key(|of| of.class);
    let bar = |of: &OfClass| {
        let deviation = (of.coverage * (1.0 - of.coverage) / of.rows as f64).sqrt();
        (classes[of.class].clone(), of.coverage, deviation)
    };
    let all: Vec<_> = of_classes.iter().map(bar).collect();
    let (level, inside) = (written::percent(sets.level), 100.0 * total.coverage);
    let title = format!(
        "{level} sets: {inside:.1} % with the class, {:.2} classes on average",
        total.size
    );
    let rows = labels::on_one_line(&sets.rows);
    let words = format!("fraction of sets with the true class, {rows}");
    let bars = Bars {
        title: &title,
        words: &words,
        all: &all,
        expected: Some((sets.level, format!("level {level}"))),
    };
    bars::bars(area, &bars)
}

/// Draws intervals in the order of the predictions.
pub fn intervals(intervals: &Intervals, is_log: bool, area: &Area<'_>) -> Result<()> {
    let mut all: Vec<_> = intervals
        .all
        .iter()
        .map(|i| i.map(|x| on_axis(x, is_log)))
        .collect();
    all.sort_by(|a, b| a.predicted.total_cmp(&b.predicted));
    let step = all.len().div_ceil(charts::MOST_INTERVALS).max(1);
    let shown: Vec<_> = all.into_iter().step_by(step).collect();
    let (level, inside) = (
        written::percent(intervals.level),
        100.0 * intervals.coverage(),
    );
    let title = format!("{level} intervals: {inside:.1} % of rows are inside");
    let rows = labels::on_one_line(&intervals.rows);
    let words = match step {
        1 => format!("{rows}, by prediction"),
        _ => format!("1 of {step} {rows}, by prediction"),
    };
    let ends = shown.iter().flat_map(|i| [i.truth, i.lower, i.upper]);
    let axes = Axes {
        title: &title,
        x: (&words, (0.0, shown.len() as f64 + 1.0)),
        y: ("true value and interval", charts::middle_range(ends)),
        is_log: (false, is_log),
    };
    charts::intervals(area, &axes, &shown)
}

/// Draws how often predictions are right.
pub fn reliability(reliability: &Reliability, area: &Area<'_>) -> Result<()> {
    let title = format!("reliability: calibration error {:.3}", reliability.error);
    let words = format!("{}, {}", reliability.probability, reliability.rows);
    let axes = Axes {
        title: &title,
        x: (&labels::on_one_line(&words), (0.0, 1.0)),
        y: ("observed fraction, and fraction of rows", (0.0, 1.0)),
        is_log: (false, false),
    };
    charts::reliability(area, &axes, &reliability.bins)
}

/// Draws the losses of all folds.
pub fn losses(losses: &Losses, area: &Area<'_>) -> Result<()> {
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
