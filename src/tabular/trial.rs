//! Networks of a trial, which pause and resume.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::member::Run;
use super::model::TabularModel;
use super::recipe::Problem;
use super::settings::{Metric, Recipe};
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::error::Result;
use crate::math;
use crate::metrics::{self, Accuracy, ClassAuc, Score};
use crate::mlp::Mlp;
use crate::train::TrainerState;

/// Networks of a trial, one for each fold.
#[derive(Default)]
pub(super) struct TrialState {
    folds: Vec<Fold>,
    /// Model of the last rung.
    pub(super) model: Option<TabularModel>,
}

/// Network of a fold, during its training run.
struct Fold {
    net: Mlp<f32>,
    state: TrainerState<f32>,
    /// `true` if the caller's function has ended the run.
    is_over: bool,
}

impl TrialState {
    /// Trains the networks up to this number of epochs, and scores them on their held-out rows.
    ///
    /// Only networks and training states remain in memory. The rest is made again from the table.
    pub(super) fn train(
        &mut self,
        problem: &Problem<'_>,
        (recipe, table): (&Recipe, &Table<'_>),
        (trial, epochs): (usize, usize),
    ) -> Result<f64> {
        let targets = (&problem.target, &problem.targets);
        let mut members = Vec::new();
        let mut before = core::mem::take(&mut self.folds).into_iter();
        for (index, split) in problem.splits.iter().enumerate() {
            let (net, kept) = match before.next() {
                Some(fold) => (Some(fold.net), Some((fold.state, fold.is_over))),
                None => (None, None),
            };
            let fold = (index, split);
            let (run, mut net) = Run::new(recipe, &problem.features, targets, fold, net)?;
            let (mut state, mut is_over) = match kept {
                Some(kept) => kept,
                None => (run.trainer.init_state(&net)?, false),
            };
            if !is_over {
                let samples = run.samples();
                let trainer = &run.trainer;
                trainer.resume_with(&mut net, &mut state, &samples, |event, _| {
                    let Some(epoch) = event.epoch() else {
                        return ControlFlow::Continue(());
                    };
                    let flow = (recipe.on_epoch)(&recipe.progress(trial, index, epoch));
                    is_over = flow.is_break();
                    if epoch.number >= epochs && epochs < recipe.epochs {
                        return ControlFlow::Break(());
                    }
                    flow
                })?;
                state.release_memory();
            }
            members.push(run.finish(net.clone())?);
            self.folds.push(Fold {
                net,
                state,
                is_over,
            });
        }
        let data = (table, &problem.targets);
        let fitted = (problem.target.clone(), recipe);
        let model = TabularModel::evaluated(fitted, members, data, &problem.splits)?;
        let outputs = problem.target.outputs();
        let mut sum = 0.0;
        for split in &problem.splits {
            let rows = &split.held_out;
            let values = rows
                .iter()
                .flat_map(|&row| &model.out_of_fold[row * outputs..][..outputs]);
            let values: Vec<_> = values.copied().collect();
            sum += score(targets, recipe.metric, &values, rows)?;
        }
        if epochs >= recipe.epochs {
            self.folds.clear();
            self.model = Some(model);
        }
        Ok(sum / problem.splits.len() as f64)
    }
}

/// Scores predictions of these rows by the criterion that chooses the best epoch; higher is better.
pub(super) fn score(
    (target, targets): (&Target, &Targets),
    metric: Option<Metric>,
    values: &[f64],
    rows: &[usize],
) -> Result<f64> {
    let outputs = target.outputs();
    let numbers = |numbers: &[f64]| -> Vec<f64> {
        let rows = rows
            .iter()
            .flat_map(|&row| &numbers[row * outputs..][..outputs]);
        rows.copied().collect()
    };
    match targets {
        Targets::Classes(classes, weights) => {
            let weight = |&row: &usize| weights.as_ref().map_or(1.0, |all| all[classes[row]]);
            let weights: Vec<_> = rows.iter().map(weight).collect();
            let mut expected = vec![0.0; values.len()];
            for (expected, &row) in expected.chunks_mut(outputs).zip(rows) {
                expected[classes[row]] = 1.0;
            }
            // Logarithms of probabilities are logits.
            let logits: Vec<_> = values.iter().map(|&p| math::ln(p.max(SMALLEST))).collect();
            let weights = Some(&weights[..]);
            Ok(match metric.unwrap_or_default() {
                Metric::Accuracy => Accuracy.score(&logits, &expected, outputs, weights),
                Metric::RocAuc => ClassAuc.score(&logits, &expected, outputs, weights),
                Metric::LogLoss => {
                    let weights = weights.into_iter().flatten();
                    let rows = logits.chunks(outputs).zip(rows).zip(weights);
                    let (mut sum, mut total) = (0.0, 0.0);
                    for ((logits, &row), weight) in rows {
                        sum += weight * logits[classes[row]];
                        total += weight;
                    }
                    sum / total
                }
            })
        }
        Targets::Rates(rates, exposures) => {
            // The part of the Poisson deviance that depends on the model.
            let counts = values.iter().zip(rows).map(|(&mean, &row)| {
                let count = rates[row] * exposures[row];
                count * math::ln(mean.max(SMALLEST)) - mean
            });
            Ok(counts.sum::<f64>() / rows.len() as f64)
        }
        Targets::Numbers(all) if target.task == Task::Labels => {
            let logs = values.iter().zip(numbers(all)).map(|(&p, y)| {
                let p = if y == 1.0 { p } else { 1.0 - p };
                math::ln(p.max(SMALLEST))
            });
            Ok(logs.sum::<f64>() / values.len() as f64)
        }
        Targets::Numbers(all) => {
            let mut values = values.to_vec();
            if target.task == Task::Logarithms {
                for y in &mut values {
                    *y = math::ln(*y);
                }
            }
            let expected = numbers(all);
            if rows.len() > 1 {
                return metrics::r2(&values, &expected, outputs);
            }
            // R² of a single row is undefined.
            Ok(-metrics::mean_squared_error(&values, &expected, outputs)?)
        }
    }
}

/// Smallest probability or mean that counts, so that a sure mistake has a finite loss.
const SMALLEST: f64 = 1e-15;
