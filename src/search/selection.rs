//! Greedy selection of an ensemble.

use alloc::vec::Vec;

use crate::error::{Error, Result, check_count, check_length, check_not_empty};
use crate::memory;

/// Chooses models whose mean prediction has a low loss, and returns how often each was chosen.
///
/// All models predict the same rows, which none of them has learned. The function returns the loss
/// of a mean prediction; lower is better. Each step adds the model that lowers the loss of the mean
/// most, and may add it again:
///
/// ```text
/// m* = argmin loss((p₁ + … + pₖ + pₘ) / (k + 1)),   k = 0, 1, …, steps - 1
///         m
/// ```
///
/// The result is the ensemble after the best of all steps, of several the first. So it is never
/// worse than the best model on these rows. The count of a model over the sum of all counts is its
/// weight. Usual: 40 steps.
///
/// ```
/// use feedforward::search::select_ensemble;
///
/// // Two models that err in opposite directions, and one that is worse.
/// let predictions = [&[1.0, 1.5][..], &[0.0, 2.5], &[5.0, 5.0]];
/// let expected = [0.5, 2.0];
/// let counts = select_ensemble(&predictions, 40, |mean| {
///     let errors = mean.iter().zip(expected).map(|(p, y)| (p - y) * (p - y));
///     errors.sum()
/// })?;
/// assert_eq!(counts, [1, 1, 0]);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models", 2004.
///
/// # Errors
/// - [`Error::Empty`] without models or predictions.
/// - [`Error::Length`] if models have different numbers of predictions.
/// - [`Error::InvalidSetting`] for 0 steps, or if no model has a loss: all are NaN.
/// - [`Error::TooLarge`] if memory cannot hold the mean.
#[doc(alias = "caruana")]
pub fn select_ensemble(
    predictions: &[&[f64]],
    steps: usize,
    mut loss: impl FnMut(&[f64]) -> f64,
) -> Result<Vec<usize>> {
    check_not_empty("models", predictions)?;
    check_count("steps", steps)?;
    let len = predictions[0].len();
    check_not_empty("predictions", predictions[0])?;
    for predictions in predictions {
        check_length("predictions", predictions, len)?;
    }
    let mut mean = memory::filled("mean prediction", 0.0, len)?;
    let mut candidate = mean.clone();
    let mut counts = memory::filled("models", 0, predictions.len())?;
    let mut best = (f64::INFINITY, counts.clone());
    for step in 1..=steps {
        let mut least: Option<(f64, usize)> = None;
        for (model, predictions) in predictions.iter().enumerate() {
            add(&mut candidate, &mean, predictions, step as f64);
            let loss = loss(&candidate);
            let is_lower = least.is_none_or(|(least, _)| loss < least);
            if !loss.is_nan() && is_lower {
                least = Some((loss, model));
            }
        }
        let Some((loss, model)) = least else {
            break;
        };
        add(&mut candidate, &mean, predictions[model], step as f64);
        core::mem::swap(&mut mean, &mut candidate);
        counts[model] += 1;
        if step == 1 || loss < best.0 {
            best = (loss, counts.clone());
        }
    }
    if best.1.iter().all(|&count| count == 0) {
        let expected = "a number for at least one model";
        return Err(Error::invalid_setting("loss", expected, "NaN for all"));
    }
    Ok(best.1)
}

/// Writes the mean of this many predictions, from that of all but the last and the last.
fn add(mean: &mut [f64], before: &[f64], last: &[f64], count: f64) {
    for ((mean, &before), &last) in mean.iter_mut().zip(before).zip(last) {
        // The mean of equal numbers is exact, and that of large ones does not overflow.
        *mean = before + (last / count - before / count);
    }
}
