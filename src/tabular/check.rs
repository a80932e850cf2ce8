//! Checks of a recipe before training.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::settings::Recipe;
use super::table::Table;
use super::target::{Target, Task};
use crate::error::{Error, Result, check_not_empty};

/// Checks that no setting contradicts another one or the task.
pub(super) fn check_settings(recipe: &Recipe, target: &Target, logarithm: bool) -> Result<()> {
    let is_regressor = target.task == Task::Numbers;
    let is_classifier = target.task == Task::Classes;
    for (setting, is_set, fits, expected) in [
        ("logarithm", logarithm, is_regressor, "a regressor"),
        (
            "exposure",
            target.exposure.is_some(),
            target.task == Task::Counts,
            "counts",
        ),
        (
            "metric",
            recipe.metric.is_some(),
            is_classifier,
            "a classifier",
        ),
        (
            "smoothing",
            recipe.smoothing.is_some(),
            is_classifier,
            "a classifier",
        ),
        (
            "class weights",
            recipe.class_weights.is_some(),
            is_classifier,
            "a classifier",
        ),
        (
            "calibration",
            recipe.calibration.is_some(),
            is_classifier,
            "a classifier",
        ),
    ] {
        if is_set && !fits {
            return Err(Error::incompatible(setting, expected, "another target"));
        }
    }
    if recipe.folds.is_some() && recipe.splitter.is_some() {
        let (expected, got) = ("only one of them", "both");
        return Err(Error::incompatible("folds and a splitter", expected, got));
    }
    Ok(())
}

/// Checks that named columns exist, and that each has one purpose.
pub(super) fn check_columns(
    table: &Table<'_>,
    recipe: &Recipe,
    target: &Target,
    ignored: &[String],
) -> Result<()> {
    check_not_empty("targets", &target.names)?;
    let mut purposes = BTreeMap::new();
    let targets = target.names.iter().map(|name| (name, "a target"));
    let exposure = target.exposure.iter().map(|name| (name, "the exposure"));
    let ignored = ignored.iter().map(|name| (name, "ignored"));
    for (name, purpose) in targets.chain(exposure).chain(ignored) {
        table.column(name)?;
        match purposes.insert(name, purpose) {
            // To ignore a column twice does no harm.
            None | Some("ignored") => {}
            Some(before) => return Err(contradiction(name, before, purpose)),
        }
    }
    for (name, _) in &recipe.columns.scalings {
        if let Some(purpose) = purposes.get(name) {
            return Err(contradiction(name, purpose, "scaled"));
        }
    }
    Ok(())
}

fn contradiction(name: &str, first: &str, second: &str) -> Error {
    let got = if first == second {
        alloc::format!("{first} twice")
    } else {
        alloc::format!("{first}, and {second}")
    };
    Error::invalid_setting("purpose", "a single one", got).in_column(name)
}
