//! The effect of calibration on classifiers.

use feedforward::metrics::{expected_calibration_error, log_loss};
use feedforward::tabular::{Calibrator, Metric, Table, TabularModel};

use crate::sets::{Set, class_indices};
use crate::{Options, Result, WIDTH, cell};

/// Number of bins of the calibration error.
const BINS: usize = 15;

/// Prints the effect of calibration on the sets with classes.
pub fn print(options: &Options, sets: &[Set<'_>]) -> Result<()> {
    const HEADS: [&str; 6] = ["epoch by", "T", "log loss", "after", "error", "after"];
    let heads = HEADS.map(|head| format!("{head:>WIDTH$}")).concat();
    println!("{:<18}{heads}", "set");
    let mut worst: f64 = 0.0;
    for set in sets {
        if set.metric != "accuracy" {
            continue;
        }
        for (metric, words) in [
            (Metric::Accuracy, "accuracy"),
            (Metric::LogLoss, "log loss"),
        ] {
            let mut sums = [0.0; 5];
            let splits = set.splits()?;
            for (_, rows) in &splits {
                let (model, held_out, _) = set.fitted(rows, options, Some(metric))?;
                let effect = effect(&model, &held_out, set.target)?;
                sums.iter_mut().zip(effect).for_each(|(sum, x)| *sum += x);
            }
            let means = sums.map(|sum| sum / splits.len() as f64);
            let cells = means.map(|mean| cell(mean, 4)).concat();
            println!("{:<18}{words:>WIDTH$}{cells}", set.name);
            worst = worst.max(means[2] / means[1]);
        }
    }
    println!("worst={worst:.4}");
    Ok(())
}

/// Returns the temperature, then log loss and calibration error, each before and after calibration.
fn effect(model: &TabularModel, table: &Table<'_>, target: &str) -> Result<[f64; 5]> {
    let classes = model.classes();
    let expected = class_indices(model, table, target)?;
    let rows: Vec<_> = (0..table.rows()).collect();
    // The mean of the networks' probabilities.
    let mut before = vec![0.0; rows.len() * classes.len()];
    for (columns, net) in model.columns().zip(model.networks()) {
        let logits = net.predict(&columns.encode(table, &rows)?)?;
        let logits = logits.chunks(classes.len());
        for (row, mean) in logits.zip(before.chunks_mut(classes.len())) {
            let powers: Vec<_> = row.iter().map(|&z| f64::from(z).exp()).collect();
            let total = powers.iter().sum::<f64>() * model.folds() as f64;
            mean.iter_mut()
                .zip(powers)
                .for_each(|(p, x)| *p += x / total);
        }
    }
    let after = model.predict_probability(table)?;
    let loss = |p: &[f64]| log_loss(p, &expected, classes.len());
    let error = |p: &[f64]| expected_calibration_error(p, &expected, classes.len(), BINS);
    let temperature = match model.calibrator() {
        Some(Calibrator::Temperature(calibrator)) => calibrator.temperature(),
        _ => f64::NAN,
    };
    let (loss, error) = (
        [loss(&before)?, loss(&after)?],
        [error(&before)?, error(&after)?],
    );
    Ok([temperature, loss[0], loss[1], error[0], error[1]])
}
