//! Training of one network of an ensemble.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use super::columns::Columns;
use super::sets::ClassScores;
use super::settings::{Metric, Preset, Recipe};
use super::standard::{Units, restored};
use super::start::network;
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::error::Result;
use crate::folds::Split;
use crate::loss::{BinaryCrossEntropy, Loss, Poisson, Smoothed, SoftmaxCrossEntropy, SquaredError};
use crate::math;
use crate::metrics::{Accuracy, ClassAuc};
use crate::mlp::{Mlp, Samples};
use crate::model::Scaler;
use crate::optimizer::{Adam, AdamW, Group, ParamGroups};
use crate::schedule::{CosineLog, FlatCosine};
use crate::train::{Trainer, TrainingEvent, Validation};

/// Columns, network and units of one fold.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) columns: Columns,
    pub(super) net: Mlp<f32>,
    /// Units of the outputs. `None` for logits.
    pub(super) scaler: Option<Scaler<f64>>,
    /// Absolute errors on the held-out rows, sorted for each output. Empty for classes and labels.
    pub(super) residuals: Vec<Vec<f64>>,
    /// Scores of the true classes on the held-out rows.
    pub(super) class_scores: ClassScores,
    /// Weight in the mean of all members. It is 1 except in a selected ensemble.
    pub(super) weight: u32,
}

impl Member {
    /// Trains on the fold's training rows, and keeps the epoch that is best on its held-out rows,
    /// or the last one.
    pub(super) fn fit(
        recipe: &Recipe,
        table: &Table<'_>,
        targets: (&Target, &Targets),
        (index, split): (usize, &Split),
    ) -> Result<Self> {
        Self::train(recipe, table, targets, (index, split), |event| {
            let Some(epoch) = event.epoch() else {
                return ControlFlow::Continue(());
            };
            (recipe.on_epoch)(&recipe.progress(0, index, epoch))
        })
    }

    /// Trains like [`fit`](Self::fit), but calls this function on each event.
    pub(super) fn train(
        recipe: &Recipe,
        table: &Table<'_>,
        (target, targets): (&Target, &Targets),
        (index, split): (usize, &Split),
        mut on_event: impl FnMut(&TrainingEvent) -> ControlFlow<()> + Send,
    ) -> Result<Self> {
        let (run, mut net) = Run::new(recipe, table, (target, targets), (index, split), None)?;
        let samples = run.samples();
        run.trainer
            .fit_with(&mut net, &samples, |event, _| on_event(event))?;
        run.finish(net)
    }

    /// Returns the outputs for these rows, row-major `[rows x outputs]`: logits of classes, or
    /// numbers or logarithms in their own units.
    pub(super) fn outputs(&self, table: &Table<'_>, rows: &[usize]) -> Result<Vec<f64>> {
        let inputs = self.columns.encode(table, rows)?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let outputs = self.net.predict(&inputs)?;
        let width = self.net.outputs();
        let restored = |(at, &z)| restored(self.scaler.as_ref(), at % width, z);
        Ok(outputs.iter().enumerate().map(restored).collect())
    }
}

/// Training run of one fold: everything but the network and the state.
pub(super) struct Run {
    pub(super) trainer: Trainer<f32>,
    columns: Columns,
    units: Units,
    inputs: Vec<f32>,
    learned: Vec<f32>,
    weights: Option<Vec<f32>>,
}

impl Run {
    /// Prepares a run. A network of `None` stands for one with its initial parameters.
    pub(super) fn new(
        recipe: &Recipe,
        table: &Table<'_>,
        (target, targets): (&Target, &Targets),
        (index, split): (usize, &Split),
        net: Option<Mlp<f32>>,
    ) -> Result<(Self, Mlp<f32>)> {
        let columns = Columns::fit(table, &split.training, &recipe.columns)?;
        let inputs = columns.encode::<f32>(table, &split.training)?;
        let held_out = columns.encode::<f32>(table, &split.held_out)?;
        let units = Units::fit(target, targets, &split.training)?;
        let learned = targets.of_rows(&split.training, target, &units);
        let expected = targets.of_rows(&split.held_out, target, &units);

        let seed = recipe.seed.wrapping_add(index as u64);
        let net = match net {
            Some(net) => net,
            None => network(recipe, &columns, target, (&inputs, seed))?,
        };
        let validation = match targets.weights(&split.held_out) {
            Some(weights) => Validation::weighted_set(held_out, expected, weights),
            None => Validation::set(held_out, expected),
        };
        let validation = match (target.task, recipe.metric.unwrap_or_default()) {
            (Task::Classes, Metric::Accuracy) => validation.score(Accuracy),
            (Task::Classes, Metric::RocAuc) => validation.score(ClassAuc),
            _ => validation,
        };
        let trainer = trainer(recipe, &columns, &net, (target, split.training.len()))?
            .seed(seed)
            .validation(validation);
        let run = Self {
            trainer: (recipe.trainer)(trainer),
            columns,
            units,
            inputs,
            learned,
            weights: targets.weights(&split.training),
        };
        Ok((run, net))
    }

    /// Returns the training samples.
    pub(super) fn samples(&self) -> Samples<'_, f32> {
        let samples = Samples::new(&self.inputs, &self.learned);
        let weights = self.weights.iter();
        weights.fold(samples, |samples, weights| samples.weights(weights))
    }

    /// Makes a member of the trained network.
    pub(super) fn finish(self, net: Mlp<f32>) -> Result<Member> {
        let mut net = if has_scale(&net) {
            net.fold_scale()?
        } else {
            net
        };
        self.units.settle(&mut net)?;
        Ok(Member {
            columns: self.columns,
            net,
            scaler: self.units.scaler,
            residuals: Vec::new(),
            class_scores: ClassScores::default(),
            weight: 1,
        })
    }
}

/// Returns `true` if the network learns a scale of its inputs.
fn has_scale(net: &Mlp<f32>) -> bool {
    let encoding = net.encoding();
    encoding.is_some_and(|encoding| encoding.unscaled().is_some())
}

/// Smoothing of the targets of a classifier whose accuracy matters.
const SMOOTHING: f64 = 0.1;

/// Weight decay and dropout of RealMLP-TD at the start. Both end at zero.
const DECAY: f64 = 0.02;
const DROPOUT: f64 = 0.15;

/// Returns the trainer of RealMLP.
fn trainer(
    recipe: &Recipe,
    columns: &Columns,
    net: &Mlp<f32>,
    (target, rows): (&Target, usize),
) -> Result<Trainer<f32>> {
    let loss: Arc<dyn Loss<f32>> = match (target.task, recipe.metric.unwrap_or_default()) {
        (Task::Numbers | Task::Logarithms, _) => Arc::new(SquaredError),
        (Task::Counts, _) => Arc::new(Poisson),
        (Task::Labels, _) => Arc::new(BinaryCrossEntropy),
        (Task::Classes, metric) => {
            let default = if metric == Metric::Accuracy {
                SMOOTHING
            } else {
                0.0
            };
            match recipe.smoothing.unwrap_or(default) {
                0.0 => Arc::new(SoftmaxCrossEntropy),
                smoothing => Arc::new(Smoothed::new(SoftmaxCrossEntropy, smoothing)),
            }
        }
    };
    let is_classification = target.task.is_classification();
    let default = || recipe.preset.learning_rate(is_classification);
    let rate = recipe.learning_rate.unwrap_or_else(default);
    let inputs = net.layout().layers()[0].inputs;
    let scale = if has_scale(net) { inputs } else { 0 };
    let varying = columns.varying().max(1);
    let (decay, dropout) = match recipe.preset {
        Preset::Full => (DECAY, DROPOUT),
        Preset::Tuned | Preset::Simple => (0.0, 0.0),
    };
    let decay = recipe.weight_decay.unwrap_or(decay);
    let dropout = recipe.dropout.unwrap_or(dropout);
    let adam = AdamW {
        adam: Adam {
            beta2: 0.95,
            ..Adam::new(rate)
        },
        weight_decay: decay,
        decay_biases: true, // and all other parameters, by the factors of their groups
    };
    // Inputs that do not vary do not count, for the rate as for the decay.
    let fewer = math::sqrt(inputs as f64 / varying as f64);
    let optimizer = ParamGroups::new(adam)
        .ntk()
        .rate(Group::LayerWeights(0), fewer)
        .decay(Group::LayerWeights(0), 1.0 / fewer)
        .rate(Group::Biases, 0.1)
        .decay(Group::Biases, 0.0)
        .rate(Group::Alphas, 0.1)
        .decay(Group::Alphas, 0.1);
    let scales = (scale > 0).then_some((0..scale, 6.0));
    let waves = columns.waves()?.into_iter();
    let waves = waves.map(|waves| (scale + waves.start..scale + waves.end, 0.1));
    let optimizer = scales
        .into_iter()
        .chain(waves)
        .fold(optimizer, |all, (range, factor)| {
            // Published results multiply the decay by this factor twice.
            let group = Group::EncodingRange(range);
            all.rate(group.clone(), factor).decay(group, factor)
        });
    let trainer = Trainer::new(loss, optimizer)
        .schedule(CosineLog::default())
        .batch_size(recipe.batch_size(rows))
        .drop_last(true)
        .epochs(recipe.epochs);
    let trainer = if recipe.last_epoch {
        trainer
    } else {
        trainer.keep_best()
    };
    let trainer = if dropout == 0.0 {
        trainer
    } else {
        trainer.dropout(dropout).dropout_schedule(FlatCosine)
    };
    let trainer = if decay == 0.0 {
        trainer
    } else {
        trainer.decay_schedule(FlatCosine)
    };
    Ok(match recipe.threads {
        Some(threads) => trainer.threads(threads),
        None => trainer,
    })
}
