//! Training.

use std::ffi::{c_char, c_void};
use std::ops::ControlFlow;
use std::sync::Arc;

use ff::train::TrainingEvent;
use ff::{Clip, Epoch, History, Loss, Mlp, Optimizer, Samples, StopReason, Trainer};
use ff::{loss, optimizer, schedule};

use crate::guard::{Failure, guard};
use crate::memory;
use crate::network::ff_network;
use crate::options::{self, sized};
use crate::status::ff_status;

/// Options of a training run. `ff_train_options_default` sets all of them.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ff_train_options {
    /// Size of this struct.
    pub size: u32,
    /// Maximum number of epochs. Default: 200.
    pub epochs: u32,
    /// Seed of shuffles, dropout and validation samples. Default: 0.
    pub seed: u64,
    /// Name of the loss: `"squared_error"`, `"mean_squared_error"`, `"mean_absolute_error"`,
    /// `"huber"`, `"binary_cross_entropy"` (on logits), `"softmax_cross_entropy"` (on logits) or
    /// `"poisson"`. Default: `"squared_error"`.
    pub loss: *const c_char,
    /// Name of the optimizer: `"adam"`, `"adamw"`, `"sgd"`, `"nadam"`, `"rmsprop"`, `"adagrad"`,
    /// `"adadelta"`, `"adamax"`, `"rprop"` or `"muon"`. Default: `"adam"`.
    pub optimizer: *const c_char,
    /// Name of the schedule of the learning rate: `"constant"`, `"linear"` or `"cosine"`. Default:
    /// `"constant"`.
    pub schedule: *const c_char,
    /// Learning rate. 0 is the default of the optimizer, which is 0.001 for Adam.
    pub learning_rate: f64,
    /// Momentum of `"sgd"`. Range: [0, 1]. Other optimizers accept 0 only. Default: 0.
    pub momentum: f64,
    /// Decay of weights by `"adamw"`. Range: at least 0. Other optimizers accept 0 and the default
    /// only. Default: 0.01.
    pub weight_decay: f64,
    /// Penalty on squared weights. Default: 0.
    pub l2: f64,
    /// Probability with which a hidden output is dropped. Range: [0, 1). Default: 0.
    pub dropout: f64,
    /// Maximum norm of the gradient. 0, the default, is none.
    pub clip_norm: f64,
    /// Number of samples in a minibatch. 0, the default, is 200, or all samples if there are fewer.
    pub batch_size: usize,
    /// Number of threads. 0, the default, is one for each core.
    pub threads: usize,
    /// Fraction of the samples that are held out, to measure the loss on them. Range: [0, 1).
    /// Default: 0.
    pub validation_fraction: f64,
    /// Number of epochs without a better validation loss after which training stops. It then
    /// restores the best weights. 0, the default, is no such stop.
    pub patience: usize,
    /// Decrease of the validation loss that counts as better. Default: 0.
    pub improvement: f64,
}
sized!(ff_train_options);

impl Default for ff_train_options {
    fn default() -> Self {
        Self {
            size: size_of::<Self>() as u32,
            epochs: 200,
            seed: 0,
            loss: c"squared_error".as_ptr(),
            optimizer: c"adam".as_ptr(),
            schedule: c"constant".as_ptr(),
            learning_rate: 0.0,
            momentum: 0.0,
            weight_decay: 0.01,
            l2: 0.0,
            dropout: 0.0,
            clip_norm: 0.0,
            batch_size: 0,
            threads: 0,
            validation_fraction: 0.0,
            patience: 0,
            improvement: 0.0,
        }
    }
}

/// Sets all options to their defaults. `size` is `sizeof(ff_train_options)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_train_options_default(
    options: *mut ff_train_options,
    size: usize,
) -> ff_status {
    // SAFETY: C promises a struct of this size.
    guard(|| unsafe { options::write(&ff_train_options::default(), options, size) })
}

/// Results of an epoch, for a callback.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ff_epoch {
    /// Size of this struct.
    pub size: u32,
    /// Number of the epoch, counted from 1.
    pub number: u32,
    /// Mean loss of the training samples.
    pub loss: f64,
    /// Mean loss of the validation samples. It is NaN if there are none.
    pub validation_loss: f64,
    /// Learning rate.
    pub learning_rate: f64,
}

impl ff_epoch {
    fn of(epoch: &Epoch) -> Self {
        Self {
            size: size_of::<Self>() as u32,
            number: u32::try_from(epoch.number).unwrap_or(u32::MAX),
            loss: epoch.loss,
            validation_loss: epoch.validation_loss.unwrap_or(f64::NAN),
            learning_rate: epoch.learning_rate,
        }
    }
}

/// A function that is called after each epoch. It returns 0 to continue, and else training stops.
///
/// The network that is trained has the weights of that moment. It may be used but not freed, for
/// example to save it. The function may run on another thread than the one that trains, which waits
/// for it. It must not throw exceptions or jump out.
pub type ff_epoch_callback =
    Option<unsafe extern "C" fn(epoch: *const ff_epoch, user: *mut c_void) -> i32>;

/// All epochs are done.
pub const FF_STOPPED_BY_EPOCHS: i32 = 0;
/// The validation loss has not improved for `patience` epochs.
pub const FF_STOPPED_BY_PATIENCE: i32 = 1;
/// The callback has stopped training.
pub const FF_STOPPED_BY_CALLBACK: i32 = 2;
/// Another rule has stopped training.
pub const FF_STOPPED_BY_OTHER: i32 = 3;

/// Results of a training run. Set `size` to `sizeof(ff_train_result)` before training.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ff_train_result {
    /// Size of this struct.
    pub size: u32,
    /// Reason of the end, such as `FF_STOPPED_BY_EPOCHS`.
    pub stopped_by: i32,
    /// Number of epochs.
    pub epochs: usize,
    /// Number of the epoch whose weights the network has.
    pub best_epoch: usize,
    /// Loss of the last epoch.
    pub loss: f64,
    /// Minimum validation loss. It is NaN without validation samples.
    pub best_validation_loss: f64,
}
sized!(ff_train_result);

impl ff_train_result {
    fn of(history: &History) -> Self {
        Self {
            size: size_of::<Self>() as u32,
            stopped_by: match history.stopped_by {
                StopReason::Epochs => FF_STOPPED_BY_EPOCHS,
                StopReason::EarlyStopping => FF_STOPPED_BY_PATIENCE,
                StopReason::Callback => FF_STOPPED_BY_CALLBACK,
                _ => FF_STOPPED_BY_OTHER,
            },
            epochs: history.epochs.len(),
            best_epoch: history.best_epoch.unwrap_or(history.epochs.len()),
            loss: history.loss(),
            best_validation_loss: history.best_validation_loss().unwrap_or(f64::NAN),
        }
    }
}

/// Names, and what they stand for.
type Names<'a, T> = &'a [(&'static str, fn(&ff_train_options) -> T)];

/// Finds a name.
fn find<T>(
    names: Names<'_, T>,
    name: *const c_char,
    what: &'static str,
) -> Result<fn(&ff_train_options) -> T, Failure> {
    // SAFETY: C promises that names in options are texts.
    let name = unsafe { memory::text(name, what) }?;
    let found = names.iter().find(|(known, _)| *known == name);
    found.map(|(_, build)| *build).ok_or_else(|| {
        let known: Vec<_> = names.iter().map(|(known, _)| *known).collect();
        Failure::Name(what, known.join(", "), name.chars().take(100).collect())
    })
}

type AnyLoss = Arc<dyn Loss<f32>>;
type AnyOptimizer = Arc<dyn Optimizer<f32>>;
type AnySchedule = Arc<dyn ff::Schedule>;

/// Boxes a loss, an optimizer or a schedule.
macro_rules! entry {
    ($value:expr) => {
        |_| Arc::new($value)
    };
    ($($path:ident)::+ with rate $($field:ident)*) => {
        |options| {
            let default = $($path)::+::default();
            Arc::new($($path)::+ {
                learning_rate: match options.learning_rate {
                    0.0 => default.learning_rate,
                    rate => rate,
                },
                $($field: options.$field,)*
                ..default
            })
        }
    };
}

const LOSSES: Names<'static, AnyLoss> = &[
    ("squared_error", entry!(loss::SquaredError)),
    ("mean_squared_error", entry!(loss::MeanSquaredError)),
    ("mean_absolute_error", entry!(loss::MeanAbsoluteError)),
    ("huber", entry!(loss::Huber::default())),
    ("binary_cross_entropy", entry!(loss::BinaryCrossEntropy)),
    ("softmax_cross_entropy", entry!(loss::SoftmaxCrossEntropy)),
    ("poisson", entry!(loss::Poisson)),
];

const OPTIMIZERS: Names<'static, AnyOptimizer> = &[
    ("adam", entry!(optimizer::Adam with rate)),
    ("adamw", adamw),
    ("sgd", entry!(optimizer::Sgd with rate momentum)),
    ("nadam", entry!(optimizer::Nadam with rate)),
    ("rmsprop", entry!(optimizer::RmsProp with rate)),
    ("adagrad", entry!(optimizer::Adagrad with rate)),
    ("adadelta", entry!(optimizer::Adadelta with rate)),
    ("adamax", entry!(optimizer::Adamax with rate)),
    ("rprop", entry!(optimizer::Rprop with rate)),
    ("muon", entry!(optimizer::Muon with rate)),
];

const SCHEDULES: Names<'static, AnySchedule> = &[
    ("constant", entry!(schedule::Constant)),
    ("linear", entry!(schedule::Linear::default())),
    ("cosine", entry!(schedule::Cosine::default())),
];

fn adamw(options: &ff_train_options) -> AnyOptimizer {
    let rate = match options.learning_rate {
        0.0 => 1e-3,
        rate => rate,
    };
    Arc::new(optimizer::AdamW {
        weight_decay: options.weight_decay,
        ..optimizer::AdamW::new(rate)
    })
}

/// Returns the trainer of some options.
fn trainer(options: &ff_train_options) -> Result<Trainer<f32>, Failure> {
    let loss = find(LOSSES, options.loss, "loss")?(options);
    let optimizer = find(OPTIMIZERS, options.optimizer, "optimizer")?(options);
    // SAFETY: C promises that names in options are texts.
    let name = unsafe { memory::text(options.optimizer, "optimizer") }?;
    if options.momentum != 0.0 && name != "sgd" {
        return Err(Failure::Invalid(
            "momentum",
            "0 for an optimizer other than `sgd`",
        ));
    }
    let defaults = [0.0, ff_train_options::default().weight_decay];
    if !defaults.contains(&options.weight_decay) && name != "adamw" {
        let expected = "0 or the default for an optimizer other than `adamw`";
        return Err(Failure::Invalid("weight_decay", expected));
    }
    let schedule = find(SCHEDULES, options.schedule, "schedule")?(options);
    let mut trainer = Trainer::new(loss, optimizer)
        .schedule(schedule)
        .epochs(options.epochs as usize)
        .seed(options.seed)
        .l2(options.l2)
        .dropout(options.dropout);
    if options.clip_norm != 0.0 {
        trainer = trainer.clip(Clip::Norm(options.clip_norm));
    }
    if options.batch_size != 0 {
        trainer = trainer.batch_size(options.batch_size);
    }
    if options.threads != 0 {
        trainer = trainer.threads(options.threads);
    }
    if options.validation_fraction != 0.0 {
        trainer = trainer.validation_split(options.validation_fraction);
    }
    if options.patience != 0 {
        if options.validation_fraction == 0.0 {
            let expected = "0 without validation samples, which `validation_fraction` holds out";
            return Err(Failure::Invalid("patience", expected));
        }
        trainer = trainer.early_stopping(options.improvement, options.patience);
    }
    Ok(trainer)
}

/// A function of C, and its data.
struct Callback {
    function: unsafe extern "C" fn(*const ff_epoch, *mut c_void) -> i32,
    user: *mut c_void,
}

// SAFETY: the header says that the function may run on another thread, so C passes data that allow
// it.
unsafe impl Send for Callback {}

impl Callback {
    /// Calls the function after an epoch.
    fn call(&self, epoch: &Epoch) -> ControlFlow<()> {
        let epoch = ff_epoch::of(epoch);
        // SAFETY: C promises a function of this type, and data that it takes.
        match unsafe { (self.function)(&raw const epoch, self.user) } {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

/// Trains a network. `inputs` and `targets` have one row for each sample, and the lengths are those
/// of the whole arrays.
///
/// `options`, `callback` and `result` may be NULL. `user` is passed to the callback. If training
/// diverges or the callback stops it, the network has the weights so far. After other errors it is
/// unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ff_network_train(
    network: *mut ff_network,
    options: *const ff_train_options,
    inputs: *const f32,
    inputs_len: usize,
    targets: *const f32,
    targets_len: usize,
    callback: ff_epoch_callback,
    user: *mut c_void,
    result: *mut ff_train_result,
) -> ff_status {
    guard(|| {
        // SAFETY: C promises NULL or a network.
        let network = unsafe { memory::changed(network, "network") }?;
        // SAFETY: C promises NULL or a struct of the size that it names.
        let options = unsafe { options::read(options, ff_train_options::default()) }?;
        let result_size = if result.is_null() {
            None
        } else {
            // SAFETY: C promises a struct that begins with its size. The rest may be uninitialized.
            Some(unsafe { options::size(result) }?)
        };
        // SAFETY: C promises arrays of these lengths.
        let (inputs, targets) = unsafe {
            let inputs = memory::slice(inputs, inputs_len, "inputs")?;
            (inputs, memory::slice(targets, targets_len, "targets")?)
        };
        let callback = callback.map(|function| Callback { function, user });
        let mut net = Mlp::clone(&network.now());
        let on_event = move |event: &TrainingEvent, now: &Mlp<f32>| {
            let (Some(callback), Some(epoch)) = (&callback, event.epoch()) else {
                return ControlFlow::Continue(());
            };
            if network.follow(now).is_err() {
                return ControlFlow::Break(());
            }
            callback.call(epoch)
        };
        let samples = Samples::new(inputs, targets);
        let history = trainer(&options)?.fit_with(&mut net, &samples, on_event);
        // Other errors come before the first update, and the network may have changed meanwhile.
        if matches!(history, Ok(_) | Err(ff::Error::Diverged { .. })) {
            network.replace(net);
        }
        let history = ff_train_result::of(&history?);
        if let Some(size) = result_size {
            // SAFETY: C promises a struct of this size.
            unsafe { options::write(&history, result, size) }?;
        }
        Ok(())
    })
}
