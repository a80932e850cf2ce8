//! Searches settings of a model of a table with the sampler and the pruner of another crate.
//!
//! `cargo run -p sampler`. The crate `optimizer` resembles Optuna. Its sampler (TPE) learns from
//! the trials so far, and its pruner ends a trial whose loss is above the median.

use std::error::Error;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

use feedforward::search::Settings;
use feedforward::tabular::{CsvReader, Metric, SearchSettings, Tabular};
use optimizer::prelude::*;

const TRIALS: usize = 16;
const EPOCHS: usize = 32;

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let census = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/adult.csv");
    let table = CsvReader::new().open(census)?;
    let recipe = Tabular::classifier(&table, "income")
        .metric(Metric::LogLoss)
        .folds(1)
        .epochs(EPOCHS);
    // The learning rate is 0 after these epochs, so only there losses compare.
    let valleys = SearchSettings::default().halving(EPOCHS)?.rungs().to_vec();

    let learning_rate = FloatParam::new(0.005, 0.3)
        .log_scale()
        .name("learning_rate");
    let dropout = FloatParam::new(0.0, 0.5).name("dropout");
    let layers = IntParam::new(1, 3).name("layers");
    let width = CategoricalParam::new(vec![32_i64, 64, 128]).name("width");
    let study: Study<f64> = Study::builder()
        .minimize()
        .sampler(TpeSampler::builder().seed(0).build()?)
        .pruner(
            MedianPruner::new(Direction::Minimize)
                .n_min_trials(4)
                .n_warmup_steps(3),
        )
        .build();
    for _ in 0..TRIALS {
        let mut trial = study.ask();
        let settings = Settings::new()
            .with("learning_rate", learning_rate.suggest(&mut trial)?)
            .with("dropout", dropout.suggest(&mut trial)?)
            .with("layers", layers.suggest(&mut trial)?)
            .with("width", width.suggest(&mut trial)?);
        // The callback may run on another thread.
        let trial = Arc::new(Mutex::new(trial));
        let (reports, valleys) = (trial.clone(), valleys.clone());
        let recipe = recipe.clone().on_epoch(move |at| {
            let mut trial = reports.lock().unwrap_or_else(PoisonError::into_inner);
            if valleys.contains(&at.epoch) {
                trial.report(at.epoch as u64, at.held_out_loss);
                if at.epoch < at.epochs && trial.should_prune() {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        let model = recipe.set(&settings)?.fit()?;
        let loss = model.scores()[0].get("logloss").unwrap_or(f64::NAN);

        let trial = trial.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let epochs = trial
            .intermediate_values()
            .last()
            .map_or(0, |&(epoch, _)| epoch);
        println!("{epochs:>2} epochs, log loss {loss:.4}: {settings}");
        if epochs < EPOCHS as u64 {
            study.prune_trial(trial);
        } else {
            study.tell(trial, Ok::<_, String>(loss));
        }
    }
    let best = study.best_trial()?;
    println!(
        "log loss {:.4} is the best, of trial {}",
        best.value, best.id
    );
    Ok(())
}
