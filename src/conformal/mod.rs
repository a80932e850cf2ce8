//! Conformal prediction: intervals and sets that contain the target with a chosen probability.
//!
//! A trained model makes predictions for calibration rows, which it was not trained on. Their
//! errors tell how far a new target can be from its prediction. The guarantees hold for any model,
//! however bad, and for any distribution of the data. A bad model gets wide intervals.
//!
//! | predictions | type | guaranteed coverage |
//! |---|---|---|
//! | numbers | [`SplitConformal`] | level |
//! | numbers with standard deviations | [`SplitConformal::normalized`] | level |
//! | numbers of the K models of a cross-validation | [`CrossConformal`] | see its methods |
//! | two quantiles | [`QuantileConformal`] | level |
//! | probabilities of classes | [`ClassConformal`] | level, also for each class |
//!
//! `level` is the fraction of new targets to cover, such as 0.9. It counts as the decimal number
//! that was written, not as the nearest binary one. With n calibration rows, the margin is the k-th
//! smallest conformity score:
//!
//! ```text
//! k = ⌈(n + 1) · level⌉
//! ```
//!
//! If k exceeds n, intervals are infinite. A level of 0.9 thus needs 9 rows, 0.95 needs 19, and
//! 0.99 needs 99.
//!
//! # Guarantees
//!
//! Calibration rows and the new row must be exchangeable: any order of them is equally probable.
//! Independent draws from one distribution are. Rows of a time series, or of groups such as
//! patients, are not. Calibration rows must not have influenced the model, so they must not have
//! chosen its best epoch or its settings either.
//!
//! The probability is over the draw of calibration rows and new row together. For one fixed set of
//! n calibration rows, coverage varies around the level by about √(level · (1 - level) / n). The
//! guarantee is for rows on average. It holds neither for each input nor for a part of the rows,
//! except for the classes of [`ClassConformal::per_class`].
//!
//! ```
//! use feedforward::conformal::SplitConformal;
//!
//! // Nine calibration rows, which are the minimum for a level of 0.9.
//! let predictions = [1.0; 9];
//! let targets = [1.1, 0.8, 1.3, 0.6, 1.5, 1.0, 1.0, 0.9, 1.25];
//! let conformal = SplitConformal::new(&predictions, &targets)?;
//! let (lower, upper) = conformal.intervals(&[2.0], 0.9)?;
//! assert_eq!((lower[0], upper[0]), (1.5, 2.5));
//! assert_eq!(conformal.margin(0.95)?, f64::INFINITY);
//! # Ok::<(), feedforward::Error>(())
//! ```
//!
//! Vovk, Gammerman and Shafer, 2005, *Algorithmic Learning in a Random World*. Angelopoulos and
//! Bates, 2021, [arXiv:2107.07511](https://arxiv.org/abs/2107.07511), is an introduction.

#![cfg(target_has_atomic = "ptr")]

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::error::{Result, check_not_empty};
use crate::float::{Float, check_finite};

mod class_sets;
mod cross;
mod quantiles;
mod rank;
mod split;

#[cfg(feature = "tabular")]
pub(crate) use class_sets::Ranked;
pub use class_sets::{ClassConformal, SetScore};
pub use cross::CrossConformal;
pub use quantiles::QuantileConformal;
#[cfg(feature = "tabular")]
pub(crate) use rank::{check_level, rank};
pub use split::SplitConformal;

/// Name of conformity scores in errors.
const SCORES: &str = "conformity scores";

/// Lower and upper ends of intervals.
type Ends<T> = (Vec<T>, Vec<T>);

/// Sorts scores. They must be finite, and at least one.
fn sorted<T: Float>(what: &'static str, mut scores: Vec<T>) -> Result<Vec<T>> {
    check_not_empty(what, &scores)?;
    check_finite(what, &scores)?;
    scores.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    Ok(scores)
}

/// Returns the score of a rank, counted from 1, or infinity if there are fewer scores.
fn at_rank<T: Float>(sorted: &[T], rank: usize) -> T {
    let score = rank.checked_sub(1).and_then(|index| sorted.get(index));
    score.copied().unwrap_or(T::infinity())
}
