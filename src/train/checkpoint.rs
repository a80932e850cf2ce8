//! A training as bytes, to go on from.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::history::{History, PartOfEpoch};
use super::state::TrainerState;
use super::stopping::{Plateau, Reducing};
use super::{Trainer, Validation};
use crate::error::{Error, Result};
use crate::float::Float;
use crate::mlp::Mlp;
use crate::mlp::file::{CHECKPOINT, built_in};
use crate::optimizer::State;
use crate::schedule::Progress;
use crate::storage::{self, Reader, Writer, malformed};

/// The numbers of a state; its tensors stand beside.
#[derive(Serialize, Deserialize)]
struct Numbers {
    updates: u64,
    progress: Progress,
    part: PartOfEpoch,
    #[serde(with = "crate::exact")]
    rate_factor: f64,
    reducing: Reducing,
    tolerance: Plateau,
    early_stopping: Plateau,
    #[serde(with = "crate::exact")]
    best_value: f64,
    history: History,
    finished: bool,
}

/// Counts beyond this are no training's, and adding to them must not overflow.
const MOST: u64 = 1 << 53;

impl Numbers {
    fn check(&self) -> Result<()> {
        let progress = &self.progress;
        let counts = [
            self.updates,
            progress.step,
            progress.epoch as u64,
            progress.samples,
            self.part.samples() as u64,
            self.tolerance.bad_epochs as u64,
            self.early_stopping.bad_epochs as u64,
            self.reducing.largest_count() as u64,
        ];
        if counts.iter().all(|&count| count < MOST)
            && progress.samples_before_epoch <= progress.samples
        {
            return Ok(());
        }
        Err(malformed("the state's counts contradict each other"))
    }
}

impl<T: Float> Trainer<T> {
    /// A training as bytes, to go on from with
    /// [`load_checkpoint_bytes`](Self::load_checkpoint_bytes): the network, the optimizer's memory,
    /// counts, rates, best parameters, average and history, and the settings of this trainer.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the state belongs to a network of another shape.
    pub fn checkpoint_bytes(&self, net: &Mlp<T>, state: &TrainerState<T>) -> Result<Vec<u8>> {
        state.check(net)?;
        let mut file = Writer::new(CHECKPOINT);
        net.write(&mut file)?;
        file.describe("trainer", &self.settings())?;
        let numbers = Numbers {
            updates: state.optimizer.updates(),
            progress: state.progress,
            part: state.part,
            rate_factor: state.rate_factor,
            reducing: state.reducing,
            tolerance: state.tolerance,
            early_stopping: state.early_stopping,
            best_value: state.best_value,
            history: state.history.clone(),
            finished: state.finished,
        };
        file.describe("state", &numbers)?;
        let memory = state.optimizer.values();
        file.add(OPTIMIZER, &[memory.len()], memory);
        for (name, params) in PARAMS.into_iter().zip(state.all_params()) {
            file.add(name, &[params.len()], params);
        }
        file.finish()
    }

    /// Reads a training that this trainer, or one of the same settings, wrote. The network gets
    /// the parameters it had, and [`resume`](Self::resume) goes on with the same samples.
    ///
    /// The numbers of epochs and threads may be others: more epochs train on, as far as the
    /// schedule allows.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is no undamaged checkpoint, [`Error::OutOfRange`] if the network
    /// has another shape, [`Error::Differs`] names the setting that differs. The network is not
    /// changed then.
    pub fn load_checkpoint_bytes(&self, net: &mut Mlp<T>, bytes: &[u8]) -> Result<TrainerState<T>> {
        let file = Reader::new(bytes, &[CHECKPOINT])?;
        self.check_settings(&file.get("trainer")?)?;
        // Activations of the caller's own are those of the caller's network.
        let own = net.activations();
        let named = |name: &str| own.iter().find(|f| f.name() == name).cloned();
        let saved = Mlp::read(&file, &|name| named(name).or_else(|| built_in(name)))?;
        if !saved.is_shaped_like(net) {
            let expected = "the network of the checkpoint";
            return Err(Error::out_of_range("network", expected, "another shape"));
        }
        let numbers: Numbers = file.get("state")?;
        numbers.check()?;
        let mut state = self.start(net)?;
        let memory = [state.optimizer.values().len()];
        let memory = file.values(OPTIMIZER, &memory)?;
        state.optimizer = State::from_parts(net.layout(), numbers.updates, &memory);
        let all = net.params().len();
        for (name, to) in PARAMS.into_iter().zip(state.all_params_mut()) {
            let len = file.shape(name).unwrap_or_default();
            // Each is there or not.
            let len = if len == [all] { all } else { 0 };
            *to = file.values(name, &[len])?;
        }
        state.progress = numbers.progress;
        state.part = numbers.part;
        state.rate_factor = numbers.rate_factor;
        state.reducing = numbers.reducing;
        state.tolerance = numbers.tolerance;
        state.early_stopping = numbers.early_stopping;
        state.best_value = numbers.best_value;
        state.history = numbers.history;
        state.finished = numbers.finished;
        net.set_params(saved.params())?;
        Ok(state)
    }

    /// Everything that decides how a training goes on, by name.
    fn settings(&self) -> Map<String, Value> {
        let validation = match &self.validation {
            Validation::None => "none".to_string(),
            Validation::Split(fraction) => format!("split({fraction})"),
            Validation::Set(inputs, targets) => {
                let weights = self.validation_weights.iter().flatten();
                let values = inputs.iter().chain(targets).chain(weights);
                format!("set({:016x})", storage::hash(values))
            }
        };
        let settings: [(&str, &dyn Debug); 18] = [
            ("precision", &core::any::type_name::<T>()),
            ("loss", &self.loss),
            ("optimizer", &self.optimizer),
            ("schedule", &self.schedule),
            ("batch_size", &self.batch_size),
            ("arrangement", &self.arrangement),
            ("seed", &self.seed),
            ("l2", &self.l2),
            ("clip", &self.clip),
            ("dropout", &self.dropout),
            ("weight_average", &self.average),
            ("stratified", &self.stratified.unwrap_or(false)),
            ("mean_weight", &self.mean_weight),
            ("validation_score", &self.score),
            ("early_stopping", &self.early_stopping),
            ("tolerance", &self.tolerance),
            ("adaptive", &self.adaptive),
            ("reduce_on_plateau", &self.reduce_on_plateau),
        ];
        let settings = settings.into_iter();
        let mut map: Map<String, Value> = settings
            .map(|(name, value)| (name.to_string(), format!("{value:?}").into()))
            .collect();
        map.insert("validation".into(), validation.into());
        map
    }

    fn check_settings(&self, saved: &Map<String, Value>) -> Result<()> {
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            other => format!("{other:?}"),
        };
        for (name, ours) in self.settings() {
            let (expected, got) = (text(saved.get(&name)), text(Some(&ours)));
            if expected != got {
                return Err(Error::Differs {
                    setting: name,
                    expected,
                    got,
                });
            }
        }
        Ok(())
    }
}

const OPTIMIZER: &str = "optimizer";

/// What a state keeps that is laid out like the parameters.
const PARAMS: [&str; 3] = ["best", "average", "trained"];
