//! Checkpoints of training runs, as bytes.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Trainer;
use super::hints::Hint;
use super::history::{Epoch, History, StopReason};
use super::state::{Scalars, TrainerState};
use crate::error::{Error, Result};
use crate::float::{Float, check_finite};
use crate::mlp::Mlp;
use crate::mlp::file::CHECKPOINT;
use crate::mlp::resolver::Own;
use crate::optimizer::State;
use crate::schedule::check_zero_or_above;
use crate::storage::{Reader, Writer, malformed};

#[cfg(feature = "std")]
pub(super) mod file;
mod settings;

/// Summary of a history. The numbers of each epoch are in tensors, one per column, so that the
/// description stays short even for millions of epochs.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Summary {
    epochs: usize,
    stopped_by: StopReason,
    best_epoch: Option<usize>,
    updates: u64,
    hints: Vec<Hint>,
}

/// Upper bound of all counts. No training run reaches it, and it leaves a margin before overflow.
const MOST: u64 = 1 << 53;

impl Scalars {
    fn check(&self, updates: u64) -> Result<()> {
        let progress = &self.progress;
        let counts = [
            updates,
            progress.step,
            progress.epoch as u64,
            self.epochs_in_all as u64,
            progress.samples,
            self.part.samples as u64,
            self.tolerance.bad_epochs as u64,
            self.early_stopping.bad_epochs as u64,
            self.reducing.plateau.bad_epochs as u64,
            self.reducing.cooldown as u64,
        ];
        check_zero_or_above("factor of the learning rate", self.rate_factor)?;
        if counts.iter().all(|&count| count < MOST)
            && progress.samples_before_epoch <= progress.samples
        {
            return Ok(());
        }
        Err(malformed("the state's counts contradict each other"))
    }
}

impl<T: Float> TrainerState<T> {
    /// Returns a checkpoint as bytes: the network, this state and the trainer's settings.
    ///
    /// The state includes the optimizer's memory, counts, rates, best parameters, average and
    /// history.
    ///
    /// # Errors
    /// - [`Error::Shape`] if the state belongs to a network of another shape
    /// - [`Error::NotFinite`] if a parameter or the optimizer's memory is not finite
    pub fn to_bytes(&self, trainer: &Trainer<T>, net: &Mlp<T>) -> Result<Vec<u8>> {
        self.check(net)?;
        let mut file = Writer::new(CHECKPOINT);
        net.write(&mut file)?;
        file.describe("trainer", &settings::of(trainer))?;
        file.describe("updates", &self.optimizer.updates())?;
        file.describe("state", &self.scalars)?;
        let scratch = trainer.optimizer.scratch_len(net.layout());
        let memory = self.optimizer.values();
        let kept = memory.get(scratch..).unwrap_or_default();
        add(&mut file, OPTIMIZER, kept)?;
        for (names, params) in PARAMS.into_iter().zip(self.all_params()) {
            add(&mut file, names, params)?;
        }
        write_history(&mut file, &self.history)?;
        file.finish()
    }

    /// Reads a checkpoint that was written with this trainer, or with one of the same settings.
    ///
    /// The network gets the saved parameters, and [`Trainer::resume`] continues with the same
    /// samples. Custom activations and encodings are those of the network.
    ///
    /// The numbers of epochs and threads may differ. With more epochs, training continues as far as
    /// the schedule allows. A checkpoint from an earlier version may lack a setting. The trainer
    /// must then have the default.
    ///
    /// # Errors
    /// - [`Error::Malformed`] if the bytes are not an intact checkpoint
    /// - [`Error::Shape`] if the network has another shape
    /// - [`Error::Differs`] if a setting differs, which the error names
    /// - [`Error::NotFinite`] if a number of the checkpoint is not finite
    ///
    /// An error leaves the network unchanged.
    pub fn from_bytes(bytes: &[u8], trainer: &Trainer<T>, net: &mut Mlp<T>) -> Result<Self> {
        let file = Reader::new(bytes, &[CHECKPOINT])?;
        settings::check(trainer, &file.get("trainer")?)?;
        // Custom activations and encodings come from the caller's network.
        let saved = Mlp::read(&file, &Own(net))?;
        if let (Some(old), Some(own)) = (saved.encoding(), net.encoding())
            && old.name() == own.name()
            && old.constants() != own.constants()
        {
            let (what, expected) = ("constants of the encoding", "those of the checkpoint");
            return Err(Error::shape(what, expected, "others"));
        }
        if !saved.is_shaped_like(net) {
            let expected = format!("{}, as in the checkpoint", saved.shape());
            return Err(Error::shape("network", expected, net.shape()));
        }
        let updates = file.get("updates")?;
        let mut state = trainer.init_state(net)?;
        state.scalars = file.get("state")?;
        state.scalars.check(updates)?;
        let mut memory = state.optimizer.values().to_vec();
        let scratch = (trainer.optimizer.scratch_len(net.layout())).min(memory.len());
        let kept: Vec<T> = read(&file, OPTIMIZER, memory.len() - scratch)?;
        memory[scratch..].copy_from_slice(&kept);
        state.optimizer = State::from_parts(net.layout(), updates, &memory);
        let all = net.params().len();
        for (names, to) in PARAMS.into_iter().zip(state.all_params_mut()) {
            // Each of these tensors is optional.
            let is_there = file.shape(names.0).is_some_and(|len| *len == [all]);
            *to = read(&file, names, if is_there { all } else { 0 })?;
        }
        state.history = read_history(&file)?;
        file.check_all_read("")?;
        net.set_params(saved.params())?;
        Ok(state)
    }
}

/// Name of a tensor, and its description in errors.
type Names = (&'static str, &'static str);

const OPTIMIZER: Names = ("state.optimizer", "optimizer's memory of the checkpoint");

/// Names of the tensors that are laid out like the parameters.
const PARAMS: [Names; 3] = [
    ("state.best", "best parameters of the checkpoint"),
    (
        "state.average",
        "average of the parameters of the checkpoint",
    ),
    ("state.trained", "trained parameters of the checkpoint"),
];

fn add<T: Float>(file: &mut Writer, (name, what): Names, values: &[T]) -> Result<()> {
    check_finite(what, values)?;
    file.add(name, &[values.len()], values);
    Ok(())
}

fn read<T: Float>(file: &Reader<'_>, (name, what): Names, len: usize) -> Result<Vec<T>> {
    let values = file.values(name, &[len])?;
    check_finite(what, &values)?;
    Ok(values)
}

fn write_history(file: &mut Writer, history: &History) -> Result<()> {
    let epochs = &history.epochs;
    let summary = Summary {
        epochs: epochs.len(),
        stopped_by: history.stopped_by,
        best_epoch: history.best_epoch,
        updates: history.updates,
        hints: history.hints.clone(),
    };
    file.describe("history", &summary)?;
    let mut column = |name: &str, number: &dyn Fn(&Epoch) -> f64| {
        let column: Vec<f64> = epochs.iter().map(number).collect();
        file.add(format!("history.{name}"), &[column.len()], &column);
    };
    column("number", &|epoch| epoch.number as f64);
    column("loss", &|epoch| epoch.loss);
    column("learning_rate", &|epoch| epoch.learning_rate);
    let mut optional = |name: &str, number: fn(&Epoch) -> Option<f64>| {
        if epochs.iter().any(|epoch| number(epoch).is_some()) {
            column(name, &|epoch| number(epoch).unwrap_or_default());
            let is_there = |epoch: &_| f64::from(u8::from(number(epoch).is_some()));
            column(&format!("{name}.is_there"), &is_there);
        }
    };
    optional("validation_loss", |epoch| epoch.validation_loss);
    optional("validation_score", |epoch| epoch.validation_score);
    Ok(())
}

fn read_history(file: &Reader<'_>) -> Result<History> {
    let summary: Summary = file.get("history")?;
    let column = |name: &str| file.values::<f64>(&format!("history.{name}"), &[summary.epochs]);
    let (numbers, losses) = (column("number")?, column("loss")?);
    let rates = column("learning_rate")?;
    // Columns that only some epochs have.
    let optional = |name: &str| -> Result<Vec<Option<f64>>> {
        if file.shape(&format!("history.{name}")).is_none() {
            return Ok(vec![None; numbers.len()]);
        }
        let (values, is_there) = (column(name)?, column(&format!("{name}.is_there"))?);
        let values = values.into_iter().zip(is_there);
        Ok(values
            .map(|(value, is_there)| (is_there != 0.0).then_some(value))
            .collect())
    };
    let validation_losses = optional("validation_loss")?;
    let validation_scores = optional("validation_score")?;
    let is_count = |number: &f64| (1.0..MOST as f64).contains(number) && number % 1.0 == 0.0;
    if let Some(number) = numbers.iter().find(|number| !is_count(number)) {
        return Err(malformed(format!("history: {number} is no epoch's number")));
    }
    let epochs = (0..summary.epochs).map(|index| Epoch {
        number: numbers[index] as usize,
        loss: losses[index],
        validation_loss: validation_losses[index],
        validation_score: validation_scores[index],
        learning_rate: rates[index],
    });
    Ok(History {
        epochs: epochs.collect(),
        stopped_by: summary.stopped_by,
        best_epoch: summary.best_epoch,
        updates: summary.updates,
        hints: summary.hints,
    })
}

#[cfg(test)]
mod tests;
