//! The report: one picture of several panels, about predictions for rows that were not learned.

use std::path::Path;

use feedforward::tabular::{Column, TabularModel};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use support::plot::{self, Area, FAINT, INK, px, text};

use super::charts::{self, Axes};
use super::importance::Measured;
use super::reading::{Reading, Target};
use super::training::Losses;
use super::uncertainty::Uncertainty;
use super::{Result, bars, labels, panels, reliability, written};

/// Width of the picture, and heights of a row of panels and of the line above them, in pixels.
const WIDTH: u32 = 1140;
const ROW: u32 = 340;
const HEAD: u32 = 40;

/// Maximum number of classes in the confusion matrix.
const MOST_CLASSES: usize = 12;

/// Maximum length of a column's name in the picture.
const MOST_LETTERS: usize = 40;

/// Parts of the report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'r> {
    pub model: &'r TabularModel,
    pub reading: &'r Reading,
    pub losses: &'r Losses,
    pub importance: Option<&'r Measured>,
    pub uncertainty: Option<&'r Uncertainty>,
    pub is_log: bool,
}

/// Draws one panel.
type Draw<'d> = Box<dyn Fn(&Area<'_>) -> Result<()> + 'd>;

impl Report<'_> {
    /// Draws and writes the report.
    pub fn save(self, file: &Path) -> Result<()> {
        let column = self.reading.table.column(&self.reading.target)?;
        let rows = self.panels(column);
        let height = HEAD + ROW * rows.len() as u32;
        let picture = plot::picture((WIDTH, height), &|area| {
            area.fill(&WHITE)?;
            let (words, mut below) = area.split_vertically(px(f64::from(HEAD)));
            self.head(&words)?;
            for row in &rows {
                let (panels, others) = below.split_vertically(px(f64::from(ROW)));
                for (panel, draw) in panels.split_evenly((1, row.len())).iter().zip(row) {
                    draw(panel)?;
                }
                below = others;
            }
            Ok(())
        })?;
        plot::save(&picture, file)
    }

    /// Returns the panels, row by row.
    fn panels<'d>(&'d self, column: &'d Column<'_>) -> Vec<Vec<Draw<'d>>> {
        let mut all: Vec<Draw<'d>> = Vec::new();
        if self.reading.kind == Target::Numbers {
            all.push(Box::new(|area| self.numbers(column, area)));
            all.push(Box::new(|area| self.residuals(column, area)));
        } else {
            all.push(Box::new(|area| self.confusion(column, area)));
        }
        let classes = match self.uncertainty {
            Some(Uncertainty::Classes(reliability, sets)) => Some((reliability, sets)),
            _ => None,
        };
        if let Some((reliability, _)) = classes {
            all.push(Box::new(|area| panels::reliability(reliability, area)));
        }
        all.push(Box::new(|area| panels::losses(self.losses, area)));
        if let Some(measured) = self.importance {
            all.push(Box::new(|area| panels::importance(measured, area)));
        }
        if let Some(Uncertainty::Numbers(intervals)) = self.uncertainty {
            all.push(Box::new(|area| {
                panels::intervals(intervals, self.is_log, area)
            }));
        }
        if let Some((_, Some(sets))) = classes {
            all.push(Box::new(|area| {
                panels::sets(sets, self.model.classes(), area)
            }));
        }
        let in_first_row = if all.len() > 3 {
            all.len().div_ceil(2)
        } else {
            all.len()
        };
        let second = all.split_off(in_first_row);
        [all, second]
            .into_iter()
            .filter(|row| !row.is_empty())
            .collect()
    }

    /// Writes the line above the panels.
    fn head(&self, area: &Area<'_>) -> Result<()> {
        let target = std::slice::from_ref(&self.reading.target);
        let name = labels::shortened(target, MOST_LETTERS).concat();
        let scores = self.model.mean_scores();
        let scores = scores
            .iter()
            .map(|(name, mean, _)| format!("{name} {}", labels::short(*mean)));
        let scores = scores.collect::<Vec<_>>().join("   ");
        let scores = format!("held out:   {scores}");
        let style =
            |weight, color, across| text(15.0, weight, color).pos(Pos::new(across, VPos::Center));
        let middle = px(f64::from(HEAD) / 2.0) as i32;
        let (left, right) = (px(16.0) as i32, px(f64::from(WIDTH) - 16.0) as i32);
        let rows = match self.uncertainty {
            Some(uncertainty) if uncertainty.rows() != written::HELD_OUT => {
                "held-out rows and a test file"
            }
            _ => written::HELD_OUT,
        };
        let title = format!("{name}, predicted for {rows}");
        let bold = style(FontStyle::Bold, INK, HPos::Left);
        area.draw(&Text::new(title, (left, middle), bold))?;
        let faint = style(FontStyle::Normal, FAINT, HPos::Right);
        area.draw(&Text::new(scores, (right, middle), faint))?;
        Ok(())
    }

    /// Returns true and predicted numbers on their axis.
    fn pairs(&self, column: &Column<'_>) -> Vec<(f64, f64)> {
        let truths = column.as_numbers().unwrap_or_default().iter();
        let pairs = truths.zip(self.model.out_of_fold());
        let pairs = pairs.filter(|(_, predicted)| predicted.is_finite());
        let axis = |x: &f64| panels::on_axis(*x, self.is_log);
        pairs
            .map(|(truth, predicted)| (axis(truth), axis(predicted)))
            .collect()
    }

    /// Draws predicted against true numbers.
    fn numbers(&self, column: &Column<'_>, area: &Area<'_>) -> Result<()> {
        let pairs = self.pairs(column);
        let both = charts::range(pairs.iter().flat_map(|&(x, y)| [x, y]));
        let axes = Axes {
            title: "predicted and true, held-out rows",
            x: ("true", both),
            y: ("predicted", both),
            is_log: (self.is_log, self.is_log),
        };
        charts::points(area, &axes, &pairs, [(both.0, both.0), (both.1, both.1)])
    }

    /// Draws the differences of predicted and true numbers.
    fn residuals(&self, column: &Column<'_>, area: &Area<'_>) -> Result<()> {
        // A ratio has the axis of a logarithm, as the difference of two.
        let residual = |(truth, predicted): (f64, f64)| (predicted, truth - predicted);
        let residuals: Vec<_> = self.pairs(column).into_iter().map(residual).collect();
        let across = charts::range(residuals.iter().map(|point| point.0));
        let down = if self.is_log {
            "true / predicted"
        } else {
            "true - predicted"
        };
        let axes = Axes {
            title: "residuals, held-out rows",
            x: ("predicted", across),
            y: (
                down,
                charts::usual_range(residuals.iter().map(|point| point.1)),
            ),
            is_log: (self.is_log, self.is_log),
        };
        charts::points(area, &axes, &residuals, [(across.0, 0.0), (across.1, 0.0)])
    }

    /// Draws the confusion matrix.
    fn confusion(&self, column: &Column<'_>, area: &Area<'_>) -> Result<()> {
        let classes = self.model.classes();
        let truths = reliability::truths(classes, column);
        let all = self.model.out_of_fold().chunks(classes.len()).zip(truths);
        let rows: Vec<_> = all
            .filter(|(probabilities, _)| probabilities[0].is_finite())
            .filter_map(|(probabilities, class)| Some((class?, probabilities)))
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
            let predicted = reliability::most(probabilities);
            if let (Some(row), Some(at)) = (place(*class), place(predicted)) {
                counts[row * shown.len() + at] += 1;
            }
        }
        let names: Vec<_> = shown.iter().map(|&class| classes[class].clone()).collect();
        let title = if shown.len() < classes.len() {
            format!("confusion of the {MOST_CLASSES} largest classes")
        } else {
            "confusion".to_string()
        };
        bars::matrix(area, &title, &names, &counts)
    }
}
