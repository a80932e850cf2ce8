//! Training of one network of an ensemble.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use rand::SeedableRng;

use super::columns::Columns;
use super::settings::{Metric, Progress, Recipe};
use super::table::Table;
use super::target::{Target, Targets, Task};
use crate::activation::{Activation, Identity, Mish, Selu};
use crate::encoding::{self, Encoding, Scaled};
use crate::error::{Error, Result};
use crate::folds::Split;
use crate::loss::{BinaryCrossEntropy, Loss, Poisson, Smoothed, SoftmaxCrossEntropy, SquaredError};
use crate::math;
use crate::metrics::Accuracy;
use crate::mlp::{Mlp, Samples};
use crate::model::Scaler;
use crate::optimizer::{Adam, Group, ParamGroups};
use crate::random::{self, Rng};
use crate::schedule::CosineLog;
use crate::train::{Trainer, TrainingEvent, Validation};

/// Columns and network of one fold.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) columns: Columns,
    pub(super) net: Mlp<f32>,
}

impl Member {
    /// Trains on the fold's training rows, and keeps the epoch that is best on its held-out rows.
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
            (recipe.on_epoch)(&Progress {
                fold: index,
                folds: recipe.folds,
                epoch: epoch.number,
                epochs: recipe.epochs,
                loss: epoch.loss,
                held_out_loss: epoch.validation_loss.unwrap_or(f64::NAN),
            })
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
        let columns = Columns::fit(table, &split.training, &recipe.columns)?;
        let outputs = target.outputs();
        let inputs = columns.encode::<f32>(table, &split.training)?;
        let held_out = columns.encode::<f32>(table, &split.held_out)?;
        let mut learned = targets.of_rows(&split.training, outputs);
        let mut expected = targets.of_rows(&split.held_out, outputs);
        let scaler = match target.task {
            Task::Numbers | Task::Logarithms => Some(Scaler::standard(&learned, outputs)?),
            _ => None,
        };
        if let Some(scaler) = &scaler {
            scaler.transform_in_place(&mut learned)?;
            scaler.transform_in_place(&mut expected)?;
        }

        let seed = recipe.seed.wrapping_add(index as u64);
        let mut net = network(recipe, &columns, target, seed)?;
        let validation = match targets.weights(&split.held_out) {
            Some(weights) => Validation::weighted_set(held_out, expected, weights),
            None => Validation::set(held_out, expected),
        };
        let validation = match (target.task, recipe.metric) {
            (Task::Classes, Metric::Accuracy) => validation.score(Accuracy),
            _ => validation,
        };
        let trainer = trainer(recipe, &columns, &net, target)?
            .seed(seed)
            .validation(validation);
        let trainer = (recipe.trainer)(trainer);
        let weights = targets.weights(&split.training);
        let samples = Samples::new(&inputs, &learned);
        let samples = weights
            .iter()
            .fold(samples, |samples, weights| samples.weights(weights));
        trainer.fit_with(&mut net, &samples, |event, _| on_event(event))?;
        let mut net = if has_scale(&net) {
            net.fold_scale()?
        } else {
            net
        };
        if let Some(scaler) = scaler {
            scaler.fold_into_outputs(&mut net)?;
        }
        Ok(Self { columns, net })
    }

    /// Returns the outputs for these rows, row-major `[rows x outputs]`: logits of classes, or
    /// numbers.
    pub(super) fn outputs(&self, table: &Table<'_>, rows: &[usize]) -> Result<Vec<f32>> {
        self.net.predict(&self.columns.encode(table, rows)?)
    }
}

/// Maximum number of outputs of an encoding with learned vectors or waves that has a scale.
const MOST_SCALED: usize = 4096;

/// Returns `true` if the network learns a scale of its inputs.
fn has_scale(net: &Mlp<f32>) -> bool {
    let encoding = net.encoding();
    encoding.is_some_and(|encoding| encoding.unscaled().is_some())
}

/// Smoothing of the targets of a classifier whose accuracy matters.
const SMOOTHING: f64 = 0.1;

/// Builds the network with the initial parameters of RealMLP-TD-S.
fn network(recipe: &Recipe, columns: &Columns, target: &Target, seed: u64) -> Result<Mlp<f32>> {
    let activation: Arc<dyn Activation<f32>> = match &recipe.activation {
        Some(activation) => activation.clone(),
        None if target.task.is_classification() => Arc::new(Selu),
        None => Arc::new(Mish),
    };
    let encoding = columns.encoding()?;
    let inner: Arc<dyn Encoding<f32>> = match &encoding {
        Some(encoding) => encoding.clone(),
        None => Arc::new(encoding::Identity::new(columns.inputs())?),
    };
    let builder = Mlp::builder(columns.inputs());
    let builder = if encoding.is_none() || inner.outputs() <= MOST_SCALED {
        builder.encoding(Scaled::new(inner)?)
    } else {
        builder.encoding(inner)
    };
    let builder = (recipe.hidden.iter()).fold(builder, |builder, &neurons| {
        builder.hidden(neurons, activation.clone())
    });
    let mut net = builder
        .output(target.outputs(), Identity)
        .seed(seed)
        .build()?;
    let mut rng = Rng::seed_from_u64(seed);
    let layers = net.layout().layers().to_vec();
    let (last, hidden) = layers.split_last().ok_or(Error::Empty { what: "layers" })?;
    for (index, at) in hidden.iter().enumerate() {
        let fan_in = if index == 0 {
            columns.varying().max(1)
        } else {
            at.inputs
        };
        let deviation = 1.0 / math::sqrt(fan_in as f64);
        let params = net.params_mut();
        params[at.weights.clone()].fill_with(|| (deviation * random::normal(&mut rng)) as f32);
        params[at.bias.clone()].fill_with(|| random::normal(&mut rng) as f32);
    }
    net.params_mut()[last.weights.start..last.bias.end].fill(0.0);
    Ok(net)
}

/// Returns the trainer of RealMLP-TD-S.
fn trainer(
    recipe: &Recipe,
    columns: &Columns,
    net: &Mlp<f32>,
    target: &Target,
) -> Result<Trainer<f32>> {
    let loss: Arc<dyn Loss<f32>> = match (target.task, recipe.metric) {
        (Task::Numbers | Task::Logarithms, _) => Arc::new(SquaredError),
        (Task::Counts, _) => Arc::new(Poisson),
        (Task::Labels, _) => Arc::new(BinaryCrossEntropy),
        (Task::Classes, Metric::Accuracy) => {
            Arc::new(Smoothed::new(SoftmaxCrossEntropy, SMOOTHING))
        }
        (Task::Classes, _) => Arc::new(SoftmaxCrossEntropy),
    };
    let is_classification = target.task.is_classification();
    let default = if is_classification { 0.04 } else { 0.07 };
    let rate = recipe.learning_rate.unwrap_or(default);
    let inputs = net.layout().layers()[0].inputs;
    let scale = if has_scale(net) { inputs } else { 0 };
    let varying = columns.varying().max(1);
    let adam = Adam {
        beta2: 0.95,
        ..Adam::new(rate)
    };
    let optimizer = ParamGroups::new(adam)
        .ntk()
        // Inputs that do not vary do not count.
        .rate(
            Group::LayerWeights(0),
            math::sqrt(inputs as f64 / varying as f64),
        )
        .rate(Group::Biases, 0.1);
    let scales = (scale > 0).then_some((0..scale, 6.0));
    let waves = columns.waves()?.into_iter();
    let waves = waves.map(|waves| (scale + waves.start..scale + waves.end, 0.1));
    let optimizer = scales
        .into_iter()
        .chain(waves)
        .fold(optimizer, |all, (range, factor)| {
            all.rate(Group::EncodingRange(range), factor)
        });
    let trainer = Trainer::new(loss, optimizer)
        .schedule(CosineLog::default())
        .batch_size(recipe.batch_size)
        .drop_last(true)
        .epochs(recipe.epochs)
        .keep_best();
    Ok(match recipe.threads {
        Some(threads) => trainer.threads(threads),
        None => trainer,
    })
}
