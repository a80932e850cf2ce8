//! Cross-validation: one model for each fold, tried on the rows that it has not seen.

use alloc::format;
use alloc::vec::Vec;

use super::{Split, Splitter, check_held_out};
use crate::error::{Error, Result};
use crate::math;
use crate::memory;
use crate::parallel::Threads;

/// Models of all folds, and their scores on the held-out rows. See [`cross_validate`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CrossValidation<M> {
    /// Model of each fold.
    pub models: Vec<M>,
    /// Score of each fold.
    #[doc(alias = "test_score")]
    pub scores: Vec<f64>,
    /// Seconds that training took in each fold.
    #[cfg(feature = "std")]
    #[doc(alias = "fit_time")]
    pub fit_seconds: Vec<f64>,
    /// Seconds that scoring took in each fold.
    #[cfg(feature = "std")]
    #[doc(alias = "score_time")]
    pub score_seconds: Vec<f64>,
}

impl<M> CrossValidation<M> {
    /// Returns the mean of the scores.
    pub fn mean(&self) -> f64 {
        self.scores.iter().sum::<f64>() / self.scores.len() as f64
    }

    /// Returns the standard deviation of the n scores, which is NaN for a single one.
    ///
    /// ```text
    /// √(Σ (score - mean)² / (n - 1))
    /// ```
    pub fn deviation(&self) -> f64 {
        let mean = self.mean();
        let squares = self
            .scores
            .iter()
            .map(|score| (score - mean) * (score - mean));
        math::sqrt(squares.sum::<f64>() / (self.scores.len() as f64 - 1.0))
    }
}

/// Trains a model for each fold, and scores it on the held-out rows.
///
/// `fit` gets the training rows and returns a model of any type. `score` gets the model and the
/// held-out rows. Scalers and other statistics belong into `fit`, so that no fold learns from its
/// held-out rows:
///
/// ```
/// use feedforward::folds::{KFold, cross_validate};
/// use feedforward::{Mlp, Regressor, Scaler, Trainer, activation::*, optimizer::Adam};
///
/// let x: Vec<f64> = (0..200).map(|i| f64::from(i * 37 % 200)).collect();
/// let y: Vec<f64> = x.iter().map(|x| 300.0 + x * x).collect();
/// let net = Mlp::builder(1).hidden(16, Tanh).output(1, Identity).seed(1).build()?;
///
/// let result = cross_validate(
///     &KFold::new(200, 5)?.shuffled(1),
///     |rows| {
///         let scaler = Scaler::standard_rows(&x, 1, rows)?;
///         let mut model = Regressor::new(net.clone());
///         let trainer = Trainer::new(model.loss(), Adam::new(0.02)).batch_size(32).epochs(100);
///         model.fit_rows(&trainer, &scaler.transform(&x)?, &y, rows)?;
///         scaler.fold_into_inputs(model.network_mut())?;
///         Ok(model)
///     },
///     |model, rows| model.score_rows(&x, &y, rows),
/// )?;
/// println!("R² {:.4} ± {:.4}", result.mean(), result.deviation());
/// assert!(result.models.len() == 5 && result.mean() > 0.99);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// Folds run in parallel with the feature `rayon`. Models and scores are bit-identical on every
/// number of threads, if the functions depend on nothing but their arguments. All models are kept:
/// their mean prediction is usually better than that of one.
///
/// # Errors
/// - [`Error::Empty`] if there are no folds.
/// - [`Error::Incompatible`] if a fold holds out one of its training rows, or a row twice.
/// - The errors of [`Splitter::fold`], `fit` and `score`. The first fold with an error counts.
#[doc(alias = "cross_val_score")]
pub fn cross_validate<M: Send>(
    splitter: &(impl Splitter + ?Sized),
    fit: impl Fn(&[usize]) -> Result<M> + Sync,
    score: impl Fn(&M, &[usize]) -> Result<f64> + Sync,
) -> Result<CrossValidation<M>> {
    let folds = each_fold(splitter, &|split: &Split| {
        #[cfg(feature = "std")]
        let start = std::time::Instant::now();
        let model = fit(&split.training)?;
        #[cfg(feature = "std")]
        let fitted = std::time::Instant::now();
        let score = score(&model, &split.held_out)?;
        #[cfg(feature = "std")]
        let seconds = [
            (fitted - start).as_secs_f64(),
            fitted.elapsed().as_secs_f64(),
        ];
        #[cfg(not(feature = "std"))]
        let seconds = [0.0; 0];
        Ok((model, score, seconds))
    })?;
    let mut result = CrossValidation {
        models: Vec::with_capacity(folds.len()),
        scores: Vec::with_capacity(folds.len()),
        #[cfg(feature = "std")]
        fit_seconds: folds.iter().map(|fold| fold.2[0]).collect(),
        #[cfg(feature = "std")]
        score_seconds: folds.iter().map(|fold| fold.2[1]).collect(),
    };
    for (model, score, _) in folds {
        result.models.push(model);
        result.scores.push(score);
    }
    Ok(result)
}

/// Trains a model for each fold, and returns the predictions for all rows, each by the model that
/// has not seen the row (out-of-fold predictions).
///
/// `fit` is that of [`cross_validate`]. `predict` gets the model and the held-out rows, and returns
/// one or more values for each row, such as numbers, labels or probabilities. The result is in the
/// order of the rows, row-major `[rows x values]`.
///
/// ```
/// use feedforward::folds::{KFold, cross_val_predict, select};
///
/// // The model is the mean of the training rows.
/// let y = [1.0, 2.0, 3.0, 4.0];
/// let predictions = cross_val_predict(
///     &KFold::new(4, 2)?,
///     |rows| Ok(select(&y, 1, rows)?.iter().sum::<f64>() / rows.len() as f64),
///     |&mean, rows| Ok(vec![mean; rows.len()]),
/// )?;
/// assert_eq!(predictions, [3.5, 3.5, 1.5, 1.5]);
/// # Ok::<(), feedforward::Error>(())
/// ```
///
/// # Errors
/// - [`Error::Incompatible`] unless the folds hold out each row once. This is checked before
///   training.
/// - [`Error::Incompatible`] if a fold holds out one of its training rows.
/// - [`Error::Shape`] if a fold's predictions are not an equal number of values for each row.
/// - The errors of [`Splitter::fold`], `fit` and `predict`. The first fold with an error counts.
pub fn cross_val_predict<M, P: Clone + Send>(
    splitter: &(impl Splitter + ?Sized),
    fit: impl Fn(&[usize]) -> Result<M> + Sync,
    predict: impl Fn(&M, &[usize]) -> Result<Vec<P>> + Sync,
) -> Result<Vec<P>> {
    let places = places(splitter)?;
    let folds = each_fold(splitter, &|split: &Split| {
        let predictions = predict(&fit(&split.training)?, &split.held_out)?;
        Ok((split.held_out.len(), predictions))
    })?;
    let width = check_predictions(&folds)?;
    let total = memory::product("predictions", &[places.len(), width])?;
    let in_folds = folds.iter().flat_map(|(_, predictions)| predictions);
    let in_folds: Vec<&P> = memory::collected("predictions", total, in_folds)?;
    if in_folds.len() != total {
        return Err(Error::shape(
            "predictions of all folds",
            format!("{total}"),
            in_folds.len(),
        ));
    }
    let row = |&place: &usize| in_folds[place * width..][..width].iter().copied().cloned();
    memory::collected("predictions", total, places.iter().flat_map(row))
}

/// Checks that the folds hold out each row once, and returns the position of each row among all
/// held-out rows.
fn places(splitter: &(impl Splitter + ?Sized)) -> Result<Vec<usize>> {
    const NONE: usize = usize::MAX;
    let rows = splitter.rows();
    let mut places = memory::filled("rows", NONE, rows)?;
    let mut count = 0;
    let wrong = |got| {
        let what = "folds of out-of-fold predictions";
        Err(Error::incompatible(what, "each row held out once", got))
    };
    for fold in 0..splitter.count() {
        for row in splitter.fold(fold)?.held_out {
            match places.get_mut(row) {
                Some(place) if *place == NONE => *place = count,
                Some(_) => return wrong(format!("row {row} twice")),
                None => return wrong(format!("row {row} of {rows} rows")),
            }
            count += 1;
        }
    }
    match places.iter().position(|&place| place == NONE) {
        Some(row) => wrong(format!("no fold for row {row}")),
        None => Ok(places),
    }
}

/// Returns the number of values for each row, which is equal in all folds of (rows, predictions).
fn check_predictions<P>(folds: &[(usize, Vec<P>)]) -> Result<usize> {
    let mut width = None;
    let is_used = |&(_, (rows, predictions)): &(usize, &(usize, Vec<P>))| {
        *rows > 0 || !predictions.is_empty()
    };
    for (fold, (rows, predictions)) in folds.iter().enumerate().filter(is_used) {
        let got = predictions.len();
        let values = *width.get_or_insert(got / (*rows).max(1));
        if values == 0 || rows.checked_mul(values) != Some(got) {
            let each = values.max(1);
            let expected = format!("{each} for each of the {rows} rows of fold {fold}");
            return Err(Error::shape("predictions of a fold", expected, got));
        }
    }
    width.ok_or(Error::Empty { what: "folds" })
}

/// Calls `run` for each fold, in parallel, and returns the results in order, or the error of the
/// first fold that has one.
pub(crate) fn each_fold<R: Send>(
    splitter: &(impl Splitter + ?Sized),
    run: &(impl Fn(&Split) -> Result<R> + Sync),
) -> Result<Vec<R>> {
    let count = splitter.count();
    if count == 0 {
        return Err(Error::Empty { what: "folds" });
    }
    Threads::all().try_map("folds", 0..count, &|&mut fold| {
        let split = splitter.fold(fold)?;
        check_held_out(fold, &split)?;
        run(&split)
    })
}
