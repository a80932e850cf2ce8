//! The effect of quantization on networks of tables.

use feedforward::Scaler;
use feedforward::metrics::root_mean_squared_error;
use feedforward::quantize::Quantizer;
use feedforward::tabular::{Column, Table, TabularModel, Value as Cell};

use crate::sets::{Set, class_indices};
use crate::{Options, Result, WIDTH, cell};

/// Prints scores of all sets in f32 and in int8.
pub fn print(options: &Options, sets: &[Set<'_>]) -> Result<()> {
    const HEADS: [&str; 5] = ["score", "in f32", "in int8", "bytes", "in int8"];
    let heads = HEADS.map(|head| format!("{head:>WIDTH$}")).concat();
    println!("{:<18}{heads}", "set");
    let mut worst = [0.0_f64; 2];
    for set in sets {
        let splits = set.splits()?;
        let mut sums = [0.0; 4];
        for (_, rows) in &splits {
            let (model, held_out, _) = set.fitted(rows, options, None)?;
            let effect = effect(&model, set, [&set.training(rows)?, &held_out])?;
            sums.iter_mut().zip(effect).for_each(|(sum, x)| *sum += x);
        }
        let [before, after, bytes, fewer] = sums.map(|sum| sum / splits.len() as f64);
        let score = match set.metric {
            "r2" => {
                worst[0] = worst[0].max(after / before - 1.0);
                "RMSE"
            }
            accuracy => {
                worst[1] = worst[1].max(before - after);
                accuracy
            }
        };
        let cells = [(before, 5), (after, 5), (bytes, 0), (fewer, 0)];
        let cells = cells.map(|(number, digits)| cell(number, digits)).concat();
        println!("{:<18}{score:>WIDTH$}{cells}", set.name);
    }
    let [rmse, accuracy] = worst;
    println!("rmse_ratio={:.4} accuracy_loss={accuracy:.4}", 1.0 + rmse);
    Ok(())
}

/// Returns the scores of the networks in f32 and in int8, and their bytes.
fn effect(model: &TabularModel, set: &Set<'_>, tables: [&Table<'_>; 2]) -> Result<[f64; 4]> {
    let mut effect = [0.0; 4];
    let networks = model.columns().zip(model.networks()).zip(model.scalers());
    for ((columns, net), scaler) in networks {
        let encode = |table: &Table<'_>| {
            let rows: Vec<_> = (0..table.rows()).collect();
            columns.encode::<f32>(table, &rows)
        };
        let [training, held_out] = [encode(tables[0])?, encode(tables[1])?];
        let quantized = Quantizer::new().quantize(net, &training)?;
        let outputs = [net.predict(&held_out)?, quantized.predict(&held_out)?];
        let scores = match scaler {
            Some(scaler) => errors(scaler, tables[1].column(set.target)?, &outputs)?,
            None => accuracies(&class_indices(model, tables[1], set.target)?, &outputs),
        };
        let bytes = [size_of_val(net.params()), quantized.bytes()].map(|bytes| bytes as f64);
        let numbers = scores.into_iter().chain(bytes);
        let folds = model.folds() as f64;
        effect
            .iter_mut()
            .zip(numbers)
            .for_each(|(sum, x)| *sum += x / folds);
    }
    Ok(effect)
}

/// Returns the errors of scaled outputs.
fn errors(scaler: &Scaler<f64>, targets: &Column<'_>, outputs: &[Vec<f32>; 2]) -> Result<[f64; 2]> {
    let rows = outputs[0].len();
    let targets = (0..rows).map(|row| match targets.get(row) {
        Some(Cell::Number(target)) => Ok(target),
        _ => Err("expected a target in each row"),
    });
    let targets = targets.collect::<std::result::Result<Vec<_>, _>>()?;
    let error = |scaled: &[f32]| -> Result<f64> {
        let scaled: Vec<_> = scaled.iter().map(|&y| f64::from(y)).collect();
        let numbers = scaler.inverse_transform(&scaled)?;
        Ok(root_mean_squared_error(&numbers, &targets, 1)?)
    };
    Ok([error(&outputs[0])?, error(&outputs[1])?])
}

/// Returns the shares of rows whose largest logit is that of their class.
fn accuracies(classes: &[usize], outputs: &[Vec<f32>; 2]) -> [f64; 2] {
    [&outputs[0], &outputs[1]].map(|logits| {
        let rows = logits.chunks_exact(logits.len() / classes.len());
        let right = rows
            .zip(classes)
            .filter(|(logits, class)| largest(logits) == **class);
        right.count() as f64 / classes.len() as f64
    })
}

/// Returns the index of the largest number.
fn largest(numbers: &[f32]) -> usize {
    let indexed = numbers.iter().enumerate();
    let most = indexed.max_by(|(_, a), (_, b)| a.total_cmp(b));
    most.map_or(0, |(index, _)| index)
}
