//! A training as bytes, to go on from.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::Trainer;
use super::hints::Hint;
use super::history::{Epoch, EpochTotals, History, StopReason};
use super::state::{Fingerprint, TrainerState};
use super::stopping::{Plateau, Reducing};
use super::trainer::Validation;
use crate::error::{Error, Result, bounded, check_range};
use crate::float::{Float, check_finite};
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
    part: EpochTotals,
    #[serde(with = "crate::serde_float")]
    rate_factor: f64,
    reducing: Reducing,
    tolerance: Plateau,
    early_stopping: Plateau,
    #[serde(with = "crate::serde_float")]
    best_value: f64,
    epochs_in_all: usize,
    samples: Option<Fingerprint>,
    finished: bool,
}

/// What a history says of all epochs together; what it says of each is in tensors, a column for
/// each number, so that a training of millions of epochs has a short description.
#[derive(Serialize, Deserialize)]
struct Summary {
    epochs: usize,
    stopped_by: StopReason,
    best_epoch: Option<usize>,
    updates: u64,
    hints: Vec<Hint>,
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
            self.epochs_in_all as u64,
            progress.samples,
            self.part.samples() as u64,
            self.tolerance.bad_epochs as u64,
            self.early_stopping.bad_epochs as u64,
            self.reducing.largest_count() as u64,
        ];
        let (what, range) = ("factor of the learning rate", 0.0..=f64::MAX);
        check_range(what, self.rate_factor, range, "a finite number, 0 or above")?;
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
    /// [`Error::OutOfRange`] if the state belongs to a network of another shape,
    /// [`Error::NotFinite`] if a parameter or the optimizer's memory is not finite.
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
            epochs_in_all: state.epochs_in_all,
            samples: state.samples,
            finished: state.finished,
        };
        file.describe("state", &numbers)?;
        let scratch = self.optimizer.scratch_len(net.layout());
        let memory = state.optimizer.values();
        add(
            &mut file,
            OPTIMIZER,
            memory.get(scratch..).unwrap_or_default(),
        )?;
        for (names, params) in PARAMS.into_iter().zip(state.all_params()) {
            add(&mut file, names, params)?;
        }
        write_history(&mut file, &state.history)?;
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
    /// has another shape, [`Error::Differs`] names the setting that differs, [`Error::NotFinite`]
    /// says what is not finite. The network is not changed then.
    pub fn load_checkpoint_bytes(&self, net: &mut Mlp<T>, bytes: &[u8]) -> Result<TrainerState<T>> {
        let file = Reader::new(bytes, &[CHECKPOINT])?;
        self.check_settings(&file.get("trainer")?)?;
        // Activations of the caller's own are those of the caller's network.
        let own = net.activations();
        let named = |name: &str| own.iter().find(|f| f.name() == name).cloned();
        let saved = Mlp::read(&file, &|name| named(name).or_else(|| built_in(name)))?;
        if !saved.is_shaped_like(net) {
            let expected = format!("{}, as in the checkpoint", shape(&saved));
            return Err(Error::shape("network", expected, shape(net)));
        }
        let numbers: Numbers = file.get("state")?;
        numbers.check()?;
        let mut state = self.start(net)?;
        let mut memory = state.optimizer.values().to_vec();
        let scratch = self.optimizer.scratch_len(net.layout()).min(memory.len());
        let kept: Vec<T> = read(&file, OPTIMIZER, memory.len() - scratch)?;
        memory[scratch..].copy_from_slice(&kept);
        state.optimizer = State::from_parts(net.layout(), numbers.updates, &memory);
        let all = net.params().len();
        for (names, to) in PARAMS.into_iter().zip(state.all_params_mut()) {
            // Each is there or not.
            let is_there = file.shape(names.0).is_some_and(|len| *len == [all]);
            *to = read(&file, names, if is_there { all } else { 0 })?;
        }
        state.progress = numbers.progress;
        state.part = numbers.part;
        state.rate_factor = numbers.rate_factor;
        state.reducing = numbers.reducing;
        state.tolerance = numbers.tolerance;
        state.early_stopping = numbers.early_stopping;
        state.best_value = numbers.best_value;
        state.epochs_in_all = numbers.epochs_in_all;
        state.samples = numbers.samples;
        state.history = read_history(&file)?;
        state.finished = numbers.finished;
        file.check_all_read("")?;
        net.set_params(saved.params())?;
        Ok(state)
    }

    /// Everything that decides how a training goes on, by name.
    fn settings(&self) -> BTreeMap<String, String> {
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
        let mut map: BTreeMap<String, String> = settings
            .map(|(name, value)| (name.to_string(), format!("{value:?}")))
            .collect();
        map.insert("validation".into(), validation);
        map
    }

    fn check_settings(&self, saved: &BTreeMap<String, String>) -> Result<()> {
        for (name, got) in self.settings() {
            let expected = saved.get(&name).map_or("none", String::as_str);
            if expected != got {
                return Err(Error::Differs {
                    setting: name,
                    expected: bounded(expected.to_string()),
                    got: bounded(got),
                });
            }
        }
        Ok(())
    }
}

/// A tensor's name, and what an error calls it.
type Names = (&'static str, &'static str);

const OPTIMIZER: Names = ("state.optimizer", "optimizer's memory of the checkpoint");

/// What a state keeps that is laid out like the parameters.
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

/// Sizes and activations, as an error shows them.
fn shape<T: Float>(net: &Mlp<T>) -> String {
    let layers = net.layout().layers().iter().zip(net.activations());
    let layers = layers.map(|(at, f)| format!(", {} {}", at.outputs, f.name()));
    format!("{} inputs{}", net.inputs(), layers.collect::<String>())
}

fn write_history(file: &mut Writer, history: &History) -> Result<()> {
    let History {
        epochs,
        stopped_by,
        best_epoch,
        updates,
        hints,
    } = history;
    let summary = Summary {
        epochs: epochs.len(),
        stopped_by: *stopped_by,
        best_epoch: *best_epoch,
        updates: *updates,
        hints: hints.clone(),
    };
    file.describe("history", &summary)?;
    let mut column = |name: &str, number: &dyn Fn(&Epoch) -> f64| {
        let column: Vec<f64> = epochs.iter().map(number).collect();
        file.add(format!("history.{name}"), &[column.len()], &column);
    };
    column("number", &|epoch| epoch.number as f64);
    column("loss", &|epoch| epoch.loss);
    column("learning_rate", &|epoch| epoch.learning_rate);
    for (name, number) in OPTIONAL {
        if epochs.iter().any(|epoch| number(epoch).is_some()) {
            column(name, &|epoch| number(epoch).unwrap_or_default());
            let is_there = |epoch: &_| f64::from(u8::from(number(epoch).is_some()));
            column(&format!("{name}.is_there"), &is_there);
        }
    }
    Ok(())
}

type Optional = fn(&Epoch) -> Option<f64>;

/// Columns that some epochs have and others have not.
const OPTIONAL: [(&str, Optional); 2] = [
    ("validation_loss", |epoch| epoch.validation_loss),
    ("validation_score", |epoch| epoch.validation_score),
];

fn read_history(file: &Reader<'_>) -> Result<History> {
    let summary: Summary = file.get("history")?;
    let column = |name: &str| file.values::<f64>(&format!("history.{name}"), &[summary.epochs]);
    let (numbers, losses) = (column("number")?, column("loss")?);
    let rates = column("learning_rate")?;
    let optional = |name: &str| {
        if file.shape(&format!("history.{name}")).is_none() {
            return Ok(None);
        }
        Ok(Some((column(name)?, column(&format!("{name}.is_there"))?)))
    };
    let [validation_losses, validation_scores] = OPTIONAL.map(|(name, _)| optional(name));
    let (validation_losses, validation_scores) = (validation_losses?, validation_scores?);
    let at = |columns: &Option<(Vec<f64>, Vec<f64>)>, index: usize| {
        let (values, is_there) = columns.as_ref()?;
        (is_there[index] != 0.0).then_some(values[index])
    };
    let is_count = |number: &f64| (1.0..MOST as f64).contains(number) && number % 1.0 == 0.0;
    if let Some(number) = numbers.iter().find(|number| !is_count(number)) {
        return Err(malformed(format!("history: {number} is no epoch's number")));
    }
    let epochs = (0..summary.epochs).map(|index| Epoch {
        number: numbers[index] as usize,
        loss: losses[index],
        validation_loss: at(&validation_losses, index),
        validation_score: at(&validation_scores, index),
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
mod tests {
    use alloc::vec;

    use super::*;
    use crate::activation::{Identity, Tanh};
    use crate::loss::SquaredError;
    use crate::optimizer::Adam;

    fn training<T: Float>() -> (Trainer<T>, Mlp<T>, TrainerState<T>) {
        let trainer = Trainer::new(SquaredError, Adam::new(0.01)).epochs(3);
        let builder = Mlp::builder(1).hidden(2, Tanh);
        let mut net = builder.output(1, Identity).build().unwrap();
        let mut state = trainer.start(&net).unwrap();
        let (x, y) = ([T::zero(), T::one()], [T::one(), T::zero()]);
        let samples = crate::mlp::Samples::new(&x, &y);
        trainer.resume(&mut net, &mut state, &samples).unwrap();
        (trainer, net, state)
    }

    /// All of an epoch, to the bit.
    fn bits(epoch: &Epoch) -> (usize, u64, Option<u64>, Option<u64>, u64) {
        (
            epoch.number,
            epoch.loss.to_bits(),
            epoch.validation_loss.map(f64::to_bits),
            epoch.validation_score.map(f64::to_bits),
            epoch.learning_rate.to_bits(),
        )
    }

    #[test]
    fn a_history_of_a_million_epochs_comes_back_to_the_bit() {
        fn check<T: Float>(count: usize, first: usize, has: [bool; 2]) {
            let odd = [
                0.1,
                -0.0,
                f64::NAN,
                f64::from_bits(0x7ff0_0000_0000_0001),
                f64::INFINITY,
                f64::NEG_INFINITY,
                5e-324,
            ];
            let odd = |index: usize| odd[index % odd.len()];
            let epoch = |index: usize| Epoch {
                number: first + index,
                loss: odd(index),
                validation_loss: (has[0] && index % 3 != 1).then_some(odd(index / 3)),
                validation_score: (has[1] && index % 5 != 1).then_some(odd(index / 5)),
                learning_rate: odd(index + 1),
            };
            let (trainer, mut net, mut state) = training::<T>();
            state.history.epochs = (0..count).map(epoch).collect();
            state.history.best_epoch = Some(7);
            state.history.hints = vec![Hint::UndefinedScore];
            state.history.stopped_by = StopReason::Tolerance;
            let bytes = trainer.checkpoint_bytes(&net, &state).unwrap();
            let again = trainer.checkpoint_bytes(&net, &state).unwrap();
            assert!(bytes == again, "not the same bytes");
            let read = trainer.load_checkpoint_bytes(&mut net, &bytes).unwrap();
            let (read, written) = (&read.history, &state.history);
            assert!(
                read.epochs
                    .iter()
                    .map(bits)
                    .eq(written.epochs.iter().map(bits))
            );
            assert_eq!(read.best_epoch, written.best_epoch);
            assert_eq!(read.stopped_by, written.stopped_by);
            assert_eq!(read.updates, written.updates);
            assert_eq!(read.hints, written.hints);
        }
        check::<f32>(1_000_000, 1, [true, true]);
        for has in [[false, false], [true, false], [false, true]] {
            check::<f64>(1000, 123_456, has);
        }
        check::<f64>(0, 1, [true, true]);
    }

    #[test]
    fn what_is_not_finite_is_not_written() {
        type Damage = fn(&mut TrainerState<f32>, f32);
        let damages: [(&str, Damage); 4] = [
            ("best parameters", |state, x| state.best[0] = x),
            ("average", |state, x| state.average = vec![x]),
            ("trained", |state, x| state.params = vec![x]),
            ("optimizer", |state, x| {
                let (layout, updates) = (state.optimizer.layout(), state.optimizer.updates());
                let mut values = state.optimizer.values().to_vec();
                values[1] = x;
                state.optimizer = State::from_parts(&layout.clone(), updates, &values);
            }),
        ];
        for (what, damage) in damages {
            for bad in [f32::NAN, f32::INFINITY] {
                let (trainer, net, mut state) = training();
                damage(&mut state, bad);
                let error = trainer.checkpoint_bytes(&net, &state).unwrap_err();
                assert!(error.to_string().contains(what), "{error}");
            }
        }
        let (trainer, mut net, state) = training();
        net.params_mut()[0] = f32::NAN;
        let error = trainer.checkpoint_bytes(&net, &state).unwrap_err();
        assert!(matches!(error, Error::NotFinite { .. }), "{error}");
    }

    #[test]
    fn an_epoch_has_a_number() {
        let (trainer, mut net, mut state) = training::<f32>();
        state.history.epochs[0].number = 0;
        let bytes = trainer.checkpoint_bytes(&net, &state).unwrap();
        let error = trainer.load_checkpoint_bytes(&mut net, &bytes).unwrap_err();
        assert!(error.to_string().contains("epoch's number"), "{error}");
    }
}
