//! A trainer's settings by name, and their comparison with a checkpoint.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Debug;

use crate::error::{Error, Result, bounded};
use crate::float::Float;
use crate::loss::{self, GaussianNll, Huber, RelativeL2, SquaredError};
use crate::metrics::{Pinball, R2};
use crate::optimizer::{
    Adadelta, Adagrad, Adam, AdamW, Adamax, Muon, Nadam, ParamGroups, RmsProp, Rprop, Sgd,
};
use crate::schedule::{CosineLog, InverseScaling, OneCycle};
use crate::storage;
use crate::train::validation::{Source, Validation};
use crate::train::{Adaptive, ReduceOnPlateau, Trainer};

/// Settings by name. A value with fields becomes its type's name, and each field becomes a setting
/// of its own: `optimizer` is `Adam`, `optimizer.beta1` is `0.9`.
pub(super) type Settings = BTreeMap<String, String>;

/// Returns all settings that affect how training continues.
pub(super) fn of<T: Float>(trainer: &Trainer<T>) -> Settings {
    let objective = &trainer.objective;
    let patience = [trainer.early_stopping, trainer.tolerance]
        .map(|patience| patience.map(|patience| (patience.improvement, patience.epochs)));
    let settings: [(&str, &dyn Debug); 21] = [
        ("precision", &core::any::type_name::<T>()),
        ("loss", &objective.loss),
        ("optimizer", &trainer.optimizer),
        ("schedule", &trainer.schedule),
        ("dropout_schedule", &trainer.dropout_schedule),
        ("decay_schedule", &trainer.decay_schedule),
        ("batch_size", &trainer.batch_size),
        ("drop_last", &trainer.drop_last),
        ("order", &trainer.order),
        ("seed", &trainer.seed),
        ("l2", &objective.l2),
        ("clip", &objective.clip),
        ("dropout", &objective.dropout),
        ("mean_weight", &objective.mean_weight),
        ("weight_average", &trainer.average),
        ("validation_score", &trainer.score()),
        ("early_stopping", &patience[0]),
        ("keep_best", &trainer.keep_best),
        ("tolerance", &patience[1]),
        ("adaptive", &trainer.adaptive),
        ("reduce_on_plateau", &trainer.reduce_on_plateau),
    ];
    let mut all = Settings::new();
    for (name, value) in settings {
        flatten(name, &format!("{value:?}"), &mut all);
    }
    let validation = trainer
        .validation
        .as_deref()
        .map_or("None".into(), describe);
    flatten("validation", &validation, &mut all);
    all
}

/// Describes the validation. A set is large, so its hash stands for it.
fn describe<T: Float>(validation: &Validation<T>) -> String {
    match &validation.source {
        Source::Split(fraction, stratified) => {
            let stratified = stratified.unwrap_or(false);
            format!("Split {{ fraction: {fraction:?}, stratified: {stratified} }}")
        }
        Source::Set(inputs, targets, weights) => {
            let values = inputs.iter().chain(targets);
            let values = values.chain(weights.iter().flatten());
            format!("Set {{ hash: {:016x} }}", storage::hash(values))
        }
    }
}

/// Checks that a trainer's settings equal a checkpoint's.
///
/// An absent setting stands for its default, so a setting that only one has must be the default.
pub(super) fn check<T: Float>(trainer: &Trainer<T>, saved: &Settings) -> Result<()> {
    let own = of(trainer);
    let fresh = of(&Trainer::<T>::new(SquaredError, Sgd::default()));
    let defaults = defaults();
    let absent = |name: &String| {
        if let Some((parent, field)) = name.rsplit_once('.') {
            let is_same = |default: &&Settings| default.get("") == own.get(parent);
            let field = format!(".{field}");
            // A loss and a score may have one name, but not fields of one name.
            let mut same = defaults.iter().filter(is_same);
            return same.find_map(|default| default.get(&field));
        }
        let is_required = ["precision", "loss", "optimizer"].contains(&&**name);
        fresh.get(name).filter(|_| !is_required)
    };
    // Sorted, so that a type that differs is reported before its fields.
    for name in own.keys().chain(saved.keys()).collect::<BTreeSet<_>>() {
        let [expected, got] = [saved, &own].map(|all| all.get(name).or_else(|| absent(name)));
        if expected != got {
            let [expected, got] = [expected, got]
                .map(|value| bounded(value.map_or("none", String::as_str).to_string()));
            return Err(Error::Differs {
                setting: bounded(name.clone()),
                expected,
                got,
            });
        }
    }
    Ok(())
}

/// Returns the default settings of built-in types. They equal the behavior of earlier versions,
/// whose types had fewer fields.
fn defaults() -> Vec<Settings> {
    let defaults: [&dyn Debug; 22] = [
        &Sgd::default(),
        &Adam::default(),
        &AdamW::default(),
        &Adamax::default(),
        &Nadam::default(),
        &RmsProp::default(),
        &Adagrad::default(),
        &Adadelta::default(),
        &Rprop::default(),
        &Muon::default(),
        &ParamGroups::new(Sgd::default()),
        &Huber::default(),
        &RelativeL2::default(),
        &loss::Pinball::default(),
        &GaussianNll::default(),
        &Pinball::default(),
        &R2::default(),
        &InverseScaling::default(),
        &CosineLog::default(),
        &OneCycle::default(),
        &Adaptive::default(),
        &ReduceOnPlateau::default(),
    ];
    let defaults = defaults.into_iter().map(|default| {
        let mut settings = Settings::new();
        flatten("", &format!("{default:?}"), &mut settings);
        settings
    });
    defaults.collect()
}

/// Adds a value under a name, and each of its fields under a name of its own.
///
/// Output of `Debug` that does not look derived stays a single text. Either way no text is lost, so
/// different values stay different.
pub(super) fn flatten(name: &str, text: &str, settings: &mut Settings) {
    let some = text.strip_prefix("Some(");
    let text = some.and_then(|text| text.strip_suffix(')')).unwrap_or(text);
    let Some((head, fields)) = fields(text) else {
        settings.insert(name.to_string(), text.to_string());
        return;
    };
    settings.insert(name.to_string(), head.to_string());
    for (field, value) in fields {
        flatten(&format!("{name}.{field}"), value, settings);
    }
}

/// Parses `Name { field: value, field: value }` or `Name(value, value)` into name and fields.
fn fields(text: &str) -> Option<(&str, BTreeMap<String, &str>)> {
    let (head, inside, is_tuple) = match text.strip_suffix(" }") {
        Some(text) => text
            .split_once(" { ")
            .map(|(head, text)| (head, text, false)),
        None => (text.strip_suffix(')')?.split_once('(')).map(|(head, text)| (head, text, true)),
    }?;
    let mut depth = 0;
    let parts = inside.split(|c: char| {
        depth += i32::from("([{".contains(c)) - i32::from(")]}".contains(c));
        depth == 0 && c == ','
    });
    let parts: Vec<&str> = parts.map(str::trim_start).collect();
    let named = parts.iter().enumerate().map(|(index, part)| {
        if is_tuple {
            return Some((index.to_string(), *part));
        }
        let (name, value) = part.split_once(": ")?;
        Some((name.to_string(), value))
    });
    let fields = named.collect::<Option<BTreeMap<_, _>>>()?;
    let is_name = |head: &str| head.chars().all(|c| c.is_alphanumeric() || c == '_');
    let is_whole = depth == 0 && fields.len() == parts.len();
    (is_whole && !head.is_empty() && is_name(head)).then_some((head, fields))
}
