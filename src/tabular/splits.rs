//! Folds of a recipe.

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
    let expected = match rows {
        1 => format!("2 or more rows of each class, not 1 of class {label} (merge or remove it)"),
        _ => format!(
            "at most {rows}, the number of rows of class {label} (or merge or remove the class)"
        ),
    };
    Err(Error::invalid_setting("folds", expected, folds))
}
