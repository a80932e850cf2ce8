//! Folds of a recipe.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::settings::Recipe;
use super::target::{Target, Targets};
use crate::error::{Error, Result, bounded, check_not_empty};
use crate::folds::{KFold, Split, Splitter, StratifiedKFold, check_held_out};

/// Number of folds by default.
const FOLDS: usize = 5;

/// Fraction of the rows that chooses the best epoch of a single network.
const HELD_OUT: f64 = 0.2;

/// Returns the folds.
pub(super) fn splits(
    recipe: &Recipe,
    rows: usize,
    (target, targets): (&Target, &Targets),
) -> Result<Vec<Split>> {
    let (folds, seed) = (recipe.folds.unwrap_or(FOLDS), recipe.seed);
    if let Some(splitter) = &recipe.splitter {
        if splitter.rows() != rows {
            let expected = format!("{rows}, as in the table");
            return Err(Error::shape(
                "rows of the splitter",
                expected,
                splitter.rows(),
            ));
        }
        let folds = splitter.folds()?;
        check_not_empty("folds of the splitter", &folds)?;
        for (index, fold) in folds.iter().enumerate() {
            check_not_empty("held-out rows", &fold.held_out)?;
            check_held_out(index, fold)?;
        }
        return Ok(folds);
    }
    if let Targets::Classes(classes, _) = targets {
        check_classes(classes, &target.classes, folds)?;
    }
    if folds == 1 {
        check_rows_of_one_split(rows, targets)?;
    }
    match targets {
        Targets::Classes(classes, _) if folds == 1 => {
            Ok([Split::stratified(classes, HELD_OUT, seed)?].into())
        }
        Targets::Classes(classes, _) => {
            StratifiedKFold::new(classes, folds)?.shuffled(seed).folds()
        }
        _ if folds == 1 => Ok([Split::new(rows, HELD_OUT, seed)?].into()),
        _ => KFold::new(rows, folds)?.shuffled(seed).folds(),
    }
}

/// Checks that the held-out rows of the only split are at least two, and as many as the classes.
fn check_rows_of_one_split(rows: usize, targets: &Targets) -> Result<()> {
    let classes: BTreeSet<_> = match targets {
        Targets::Classes(classes, _) => classes.iter().collect(),
        _ => BTreeSet::new(),
    };
    let least = classes.len().max(2);
    // A fifth of the rows, rounded up.
    if rows.div_ceil(5) >= least {
        return Ok(());
    }
    let of = if least > 2 { ", one of each class" } else { "" };
    let expected = format!(
        "at least {}, so that a fifth are {least}{of}",
        5 * (least - 1) + 1
    );
    Err(Error::invalid_setting("rows of the table", expected, rows))
}

/// Checks that every class has rows for each fold, or for both sides of the only split.
fn check_classes(classes: &[usize], labels: &[String], folds: usize) -> Result<()> {
    let mut members = vec![0_usize; labels.len()];
    for &class in classes {
        members[class] += 1;
    }
    // An ordered level need not occur.
    let is_rare = |&(_, &rows): &(_, &usize)| rows > 0 && rows < folds.max(2);
    let Some((label, &rows)) = labels.iter().zip(&members).find(is_rare) else {
        return Ok(());
    };
    let label = bounded(format!("{label:?}"));
    if rows == 1 {
        let got = format!("1 of class {label} (merge or remove it)");
        let what = "rows of each class";
        return Err(Error::invalid_setting(what, "2 or more", got));
    }
    let expected = format!(
        "at most {rows}, the number of rows of class {label} (or merge or remove the class)"
    );
    Err(Error::invalid_setting("folds", expected, folds))
}
